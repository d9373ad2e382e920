"""The op table's calls of np, made with NumPy's own functions on our arrays."""

from operator import attrgetter

import numpy
import pytest
from numpy.testing import assert_array_equal
from op_table.inspect import calls_of, is_float, leaves
from op_table.table import rows

from microlazy import autograd, np
from microlazy.core.tensor import Tensor

OVERRIDABLE = (type(numpy.sum), numpy.ufunc)


def is_override(call):
    """Whether NumPy asks our arrays to answer this call, and the answer is arrays."""
    name = call.name.removeprefix("np.")
    try:
        function = attrgetter(name)(numpy)
    except AttributeError:
        return False
    return (
        call.name.startswith("np.")
        and isinstance(function, OVERRIDABLE)
        and bool(call.values())
        and "path" not in call.text
        and call.row.like == ""
    )


CALLS = {call.text: call for row in rows() for call in calls_of(row) if is_override(call)}


def outcome(call, module):
    """The results of a call, and the gradients of their sum."""
    arrays = call.arrays()
    inputs = [x for x in arrays.values() if is_float(x)] if call.row.gradient else []
    for x in inputs:
        x.attach_grad()
    with autograd.record():
        result = eval(call.text, {"np": module, "numpy": numpy, **arrays})
        total = sum((leaf * 1).sum() for leaf in leaves(result) if is_float(leaf))
    if inputs:
        total.backward()
    found = leaves(arrays if result is None else result)
    return found, [x.grad for x in inputs]


@pytest.mark.parametrize("text", CALLS)
def test_numpys_function_gives_what_ours_gives(text):
    ours, gradients = outcome(CALLS[text], np)
    theirs, their_gradients = outcome(CALLS[text], numpy)
    assert len(ours) == len(theirs)
    for x, y in zip(ours + gradients, theirs + their_gradients, strict=True):
        if not isinstance(x, Tensor):  # complex results are NumPy's own arrays
            assert type(x) is type(y)
            assert_array_equal(x, y)
            continue
        assert type(y) is np.ndarray and y.dtype == x.dtype
        assert_array_equal(y.asnumpy(), x.asnumpy())
