"""Values and gradients of the op table's calls against recorded ones of PyTorch."""

import json
from pathlib import Path

import numpy
import pytest
from op_table.inspect import Call, evaluate, gradients, leaves
from op_table.rows import Function

ANSWERS = json.loads((Path(__file__).parent / "oracle/torch.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("text", ANSWERS)
def test_same_values_and_gradients_as_pytorch(text):
    call = Call("np", text, Function("np", text), True)
    results = leaves(evaluate(call, call.arrays()))
    for got, expected in zip(results, ANSWERS[text]["values"], strict=True):
        numpy.testing.assert_allclose(got.asnumpy().ravel(), expected, rtol=1e-9, atol=1e-12)
    slopes = gradients(call, call.arrays())
    for name, expected in ANSWERS[text]["gradients"].items():
        numpy.testing.assert_allclose(
            slopes[name].asnumpy().ravel(), expected, rtol=1e-8, atol=1e-10, err_msg=name
        )
