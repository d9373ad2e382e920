"""Functions of each element: mathematics, logic, rounding, dtypes, sums of arrays."""

from collections.abc import Callable
from typing import Any

from microlazy.core import functions as _f
from microlazy.core.array import NDArray
from microlazy.ops import manipulation as _manipulation
from microlazy.ops.arguments import copied, need_arrays, op
from microlazy.ops.elementwise import functions_of
from microlazy.ops.manipulation import cast
from microlazy.ops.mathematics import hard_sigmoid, smooth_l1

_MADE = functions_of("nd")
globals().update(_MADE)

__all__ = [
    *_MADE,
    "BlockGrad",
    "Cast",
    "ElementWiseSum",
    "add_n",
    "amp_cast",
    "amp_multicast",
    "broadcast_logical_and",
    "broadcast_logical_or",
    "broadcast_logical_xor",
    "cast",
    "clip",
    "hard_sigmoid",
    "identity",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "round",
    "smooth_l1",
    "stop_gradient",
]


@op
def clip(data: NDArray, a_min: float, a_max: float) -> NDArray:
    """Limit the elements to [a_min, a_max].

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.clip(nd.array([-1, 0.5, 2]), 0, 1).asnumpy()
    array([0. , 0.5, 1. ], dtype=float32)
    """
    return _f.clip(data, a_min, a_max)


@op
def round(data: NDArray) -> NDArray:
    """Round to the nearest whole number, halves away from zero.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.round(nd.array([0.5, 1.4])).asnumpy()
    array([1., 1.], dtype=float32)
    """
    return _f.round(data, away=True)


@op
def amp_multicast(
    *data: NDArray, num_outputs: int | None = None, cast_narrow: bool = False
) -> list[NDArray]:
    """Return float arrays with the widest dtype among them, or the narrowest.

    Examples
    --------
    >>> from microlazy import nd
    >>> [x.dtype.__name__ for x in nd.amp_multicast(nd.ones((1,), dtype="float64"), nd.ones((1,)))]
    ['float64', 'float64']
    """
    need_arrays(data, num_outputs)
    ordered = sorted((x.dtype for x in data), key=lambda dtype: dtype().itemsize)
    return [x.astype(ordered[0 if cast_narrow else -1]) for x in data]


@op
def identity(data: NDArray) -> NDArray:
    """Return a copy, through which gradients pass.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.identity(nd.ones((1,))).asnumpy()
    array([1.], dtype=float32)
    """
    return data.copy()


def _logical(prefix: str, name: str, summary: str, result: str) -> Callable[..., NDArray]:
    def function(lhs: Any, rhs: Any) -> Any:
        if not isinstance(lhs, NDArray):
            lhs, rhs = rhs, lhs
        return _f.logical(name, lhs, rhs)

    function.__name__ = function.__qualname__ = f"{prefix}logical_{name}"
    function.__doc__ = f"""{summary}, as 0 or 1.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.{prefix}logical_{name}(nd.array([1, 0]), nd.array([1, 1])).asnumpy()
    array({result}, dtype=float32)
    """
    return op(function)


_AND = "and", "Whether both are true", "[1., 0.]"
_OR = "or", "Whether one or both are true", "[1., 1.]"
_XOR = "xor", "Whether exactly one is true", "[0., 1.]"
logical_and, broadcast_logical_and = _logical("", *_AND), _logical("broadcast_", *_AND)
logical_or, broadcast_logical_or = _logical("", *_OR), _logical("broadcast_", *_OR)
logical_xor, broadcast_logical_xor = _logical("", *_XOR), _logical("broadcast_", *_XOR)


@op
def logical_not(data: NDArray) -> NDArray:
    """Return 1 where an element is 0, else 0.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.logical_not(nd.array([1, 0])).asnumpy()
    array([0., 1.], dtype=float32)
    """
    return _f.logical("not", data)


BlockGrad = stop_gradient = copied(_manipulation.stop_gradient)


@op
def add_n(*args: NDArray, num_args: int | None = None) -> NDArray:
    """Return the sum of several arrays of one shape.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.add_n(nd.ones((1,)), nd.ones((1,)), nd.ones((1,))).asnumpy()
    array([3.], dtype=float32)
    """
    need_arrays(args, num_args)
    total = args[0].copy() if len(args) == 1 else args[0]
    for x in args[1:]:
        total = total + x
    return total


Cast = amp_cast = cast
ElementWiseSum = add_n
