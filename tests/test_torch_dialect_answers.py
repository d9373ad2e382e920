"""The snippets of `oracle/torch_cases` print under the dialect what PyTorch printed for them."""

import json
from pathlib import Path

import numpy
import pytest
from oracle.snippets import numbers
from oracle.torch_snippets import load, run, scope

SNIPPETS = load()
PATH = Path(__file__).parent / "oracle" / "torch_dialect.json"
ANSWERS = json.loads(PATH.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", SNIPPETS)
def test_same_answer_as_pytorch(name):
    code, approx = SNIPPETS[name]
    answer, expected = run(code, scope("microlazy.dialects.torch")), ANSWERS[name]
    if approx and "text" in answer and "text" in expected:
        structure, values = numbers(answer["text"])
        expected_structure, expected_values = numbers(expected["text"])
        assert structure == expected_structure
        numpy.testing.assert_allclose(values, expected_values, rtol=1e-4, atol=2e-4)
    else:
        assert answer == expected


def test_every_answer_belongs_to_a_snippet():
    assert list(ANSWERS) == list(SNIPPETS)
