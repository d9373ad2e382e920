"""The functions of `nd` that arrays also have as methods."""

from typing import Any

import numpy

from microlazy.core import functions as _f
from microlazy.core.array import NDArray
from microlazy.core.ops.numpy_call import call
from microlazy.ndarray import (
    creation,
    elementwise,
    indexing,
    manipulation,
    output_layers,
    reductions,
    sorting,
)
from microlazy.ops.arguments import ND

_NAMES = {
    creation: "ones_like zeros_like",
    elementwise: """abs arccos arccosh arcsin arcsinh arctan arctanh cbrt ceil clip cos cosh degrees
        exp expm1 fix floor log log10 log1p log2 radians rcbrt reciprocal relu rint round rsqrt
        sigmoid sign sin sinh sqrt square tan tanh trunc""",
    indexing: "one_hot pick slice slice_axis slice_like take",
    output_layers: "log_softmax softmax softmin",
    reductions: """argmax argmax_channel argmin max mean min nanprod nansum norm prod sum""",
    manipulation: """broadcast_axes broadcast_like broadcast_to depth_to_space diag flip pad repeat
        reshape_like shape_array size_array space_to_depth split split_v2 swapaxes tile""",
    sorting: "argsort sort topk",
}


def expand_dims(data: NDArray, axis: int, inplace: bool = False) -> NDArray:
    """Return the array with a new axis of size 1; on the same memory with `inplace`.

    Examples
    --------
    >>> from microlazy.ndarray.methods import expand_dims
    >>> from microlazy import nd
    >>> expand_dims(nd.zeros((2,)), 0).shape
    (1, 2)
    """
    return _f.expand_dims(data, axis) if inplace else manipulation.expand_dims(data, axis)


def flatten(data: NDArray, inplace: bool = False) -> NDArray:
    """Keep the first axis and join the others; on the same memory with `inplace`.

    Examples
    --------
    >>> from microlazy.ndarray.methods import flatten
    >>> from microlazy import nd
    >>> flatten(nd.zeros((2, 3, 4))).shape
    (2, 12)
    """
    return _f.flatten(data) if inplace else manipulation.flatten(data)


def squeeze(data: NDArray, axis: Any = None, inplace: bool = False) -> NDArray:
    """Return the array without its axes of size 1; on the same memory with `inplace`.

    Examples
    --------
    >>> from microlazy.ndarray.methods import squeeze
    >>> from microlazy import nd
    >>> squeeze(nd.zeros((1, 2))).shape
    (2,)
    """
    return _f.squeeze(data, axis) if inplace else manipulation.squeeze(data, axis)


def _assigned(data: numpy.ndarray, rhs: numpy.ndarray, key: tuple[slice, ...]) -> numpy.ndarray:
    result = data.copy()
    result[key] = rhs
    return result


def _as_data(data: NDArray, rhs: NDArray, key: tuple[slice, ...]) -> tuple[Any, Any]:
    return data.shape, data.dtype


def _elsewhere(
    g: NDArray, y: NDArray, data: NDArray, rhs: NDArray, key: tuple[slice, ...]
) -> NDArray:
    return call(_assigned, [g, rhs * 0], {"key": key}, _ASSIGNED_RULES, _as_data)


def _inside(g: NDArray, y: NDArray, data: NDArray, rhs: NDArray, key: tuple[slice, ...]) -> NDArray:
    return g[key]


_ASSIGNED_RULES = (_elsewhere, _inside)


def slice_assign(data: NDArray, rhs: NDArray, begin: Any, end: Any, step: Any = None) -> NDArray:
    """Return a copy with another array in the part from `begin` to `end`.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.array([1, 2, 3]).slice_assign(nd.array([8, 9]), begin=(0,), end=(2,)).asnumpy()
    array([8., 9., 3.], dtype=float32)
    """
    key = indexing.slice_key("slice_assign", data, begin, end, step)
    return call(_assigned, [data, rhs], {"key": key}, _ASSIGNED_RULES, _as_data)


def slice_assign_scalar(
    data: NDArray, value: float, begin: Any, end: Any, step: Any = None
) -> NDArray:
    """Return a copy with a number in the part from `begin` to `end`.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.array([1, 2, 3]).slice_assign_scalar(7, begin=(0,), end=(2,)).asnumpy()
    array([7., 7., 3.], dtype=float32)
    """
    return slice_assign(data, _f.new_array(ND, (1,), data.dtype, value), begin, end, step)


METHODS = {
    name: getattr(module, name) for module, names in _NAMES.items() for name in names.split()
} | {
    "expand_dims": expand_dims,
    "flatten": flatten,
    "slice_assign": slice_assign,
    "slice_assign_scalar": slice_assign_scalar,
    "squeeze": squeeze,
}
