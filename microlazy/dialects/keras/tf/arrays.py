"""Arrays and their functions by TensorFlow's names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy

from .... import numpy as np
from ....gluon.parameter.parameter import to_numpy
from ...faces import as_array
from .._variable import unwrapped

float16, float32, float64 = numpy.float16, numpy.float32, numpy.float64
int32, int64, bool_ = numpy.int32, numpy.int64, numpy.bool_


def constant(value: Any, dtype: Any = None, shape: Sequence[int] | None = None) -> Any:
    """An array of given values; whole numbers are int32 and others float32 by default.

    Parameters
    ----------
    value : array
        The values.
    dtype : dtype, optional
        Of the array.
    shape : tuple of int, optional
        Of the array, where another than that of the values is wanted.

    Examples
    --------
    >>> constant([1, 2]).dtype, constant([1.0, 2.0]).dtype
    (dtype('int32'), dtype('float32'))
    """
    values = to_numpy(unwrapped(value))
    if dtype is None:
        dtype = {"i": "int32", "f": "float32"}.get(values.dtype.kind, values.dtype)
        if isinstance(value, numpy.ndarray):
            dtype = values.dtype
    made = np.array(values, dtype=dtype)
    return made if shape is None else np.broadcast_to(made, tuple(shape)).copy()


convert_to_tensor = constant


def zeros(shape: Sequence[int], dtype: Any = "float32") -> Any:
    """An array of zeros."""
    return np.zeros(shape, dtype=dtype)


def ones(shape: Sequence[int], dtype: Any = "float32") -> Any:
    """An array of ones."""
    return np.ones(shape, dtype=dtype)


def cast(x: Any, dtype: Any) -> Any:
    """An array in another dtype."""
    return as_array(unwrapped(x)).astype(dtype)


def _function(name: str, ours: Callable[..., Any], text: str) -> Callable[..., Any]:
    """A function of np under another name, which takes variables and NumPy's arrays too."""

    def call(*args: Any, **options: Any) -> Any:
        return ours(*map(_argument, args), **options)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = text
    return call


def _argument(x: Any) -> Any:
    if isinstance(x, numpy.ndarray):
        return as_array(x)
    return [*map(_argument, x)] if isinstance(x, list) else unwrapped(x)


def _reduction(name: str, ours: Callable[..., Any], text: str) -> Callable[..., Any]:
    def call(input_tensor: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return ours(as_array(unwrapped(input_tensor)), axis=axis, keepdims=keepdims)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = text
    return call


abs = _function("abs", np.abs, "The absolute values.")  # noqa: A001
add = _function("add", np.add, "x + y")
argmax = _function("argmax", np.argmax, "Where the largest element stands.")
clip_by_value = _function("clip_by_value", np.clip, "The elements, cut to two limits.")
concat = _function("concat", np.concatenate, "Arrays joined along an axis.")
equal = _function("equal", np.equal, "Where the elements are the same.")
exp = _function("exp", np.exp, "exp(x)")
expand_dims = _function("expand_dims", np.expand_dims, "The array with one more axis of size 1.")
matmul = _function("matmul", np.matmul, "The product of matrices.")
maximum = _function("maximum", np.maximum, "The larger of two, for each element.")
minimum = _function("minimum", np.minimum, "The smaller of two, for each element.")
multiply = _function("multiply", np.multiply, "x * y")
pow = _function("pow", np.power, "x ** y")  # noqa: A001
reshape = _function("reshape", np.reshape, "The array in another shape.")
sqrt = _function("sqrt", np.sqrt, "The roots.")
square = _function("square", np.square, "The squares.")
squeeze = _function("squeeze", np.squeeze, "The array without axes of size 1.")
stack = _function("stack", np.stack, "Arrays joined along a new axis.")
subtract = _function("subtract", np.subtract, "x - y")
transpose = _function("transpose", np.transpose, "The array with its axes in another order.")
where = _function("where", np.where, "Elements of one array or the other.")

reduce_max = _reduction("reduce_max", np.max, "The largest element.")
reduce_mean = _reduction("reduce_mean", np.mean, "The mean.")
reduce_min = _reduction("reduce_min", np.min, "The smallest element.")
reduce_sum = _reduction("reduce_sum", np.sum, "The sum.")

__all__ = [
    *("float16", "float32", "float64", "int32", "int64"),
    *("cast", "constant", "convert_to_tensor", "ones", "zeros"),
    *("abs", "add", "argmax", "clip_by_value", "concat", "equal", "exp", "expand_dims"),
    *("matmul", "maximum", "minimum", "multiply", "pow", "reshape", "sqrt", "square"),
    *("squeeze", "stack", "subtract", "transpose", "where"),
    *("reduce_max", "reduce_mean", "reduce_min", "reduce_sum"),
]
