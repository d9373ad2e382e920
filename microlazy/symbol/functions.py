"""Functions of operators that no name of nd or np stands for: arithmetic with numbers, and arrays
made in a graph."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from microlazy import ndarray, numpy_extension
from microlazy.base import MXNetError
from microlazy.core.tensor import Tensor
from microlazy.ndarray import methods
from microlazy.symbol.attributes import MOST_ELEMENTS, need_few
from microlazy.symbol.functions_of_numpy import (
    FUNCTIONS_OF_NUMPY,
    number_first,
    with_number,
)
from microlazy.util import is_np_shape

__all__ = ["FUNCTIONS"]

Function = Callable[..., Any]

_nd: Any = ndarray  # functions of both take arrays of either type here
_npx: Any = numpy_extension


def _made(fill: float) -> Function:
    def make(shape: tuple[int, ...] = (), dtype: Any = "float32") -> Tensor:
        return _nd.full(sizes(shape), fill, dtype=dtype or "float32")

    return make


def sizes(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The sizes of an array that a graph makes; one that is not known is 1, which broadcasts.

    MXNet's recurrent networks begin with zeros of no known batch: 0, or -1 where 0 is a size.

    Examples
    --------
    >>> from microlazy.symbol.functions import sizes
    >>> sizes((0, 3))
    (1, 3)
    """
    need_few(shape)
    smallest = 0 if is_np_shape() else 1
    return tuple(1 if size < smallest else size for size in shape)


def _full(shape: tuple[int, ...], value: float, dtype: Any = "float32") -> Tensor:
    return _nd.full(sizes(shape), value, dtype=dtype or "float32")


def _arange(
    start: float = 0.0,
    stop: float | None = None,
    step: float = 1.0,
    repeat: int = 1,
    infer_range: bool = False,
    dtype: Any = "float32",
) -> Tensor:
    last = start if stop is None else stop - start
    need_few((int(min(abs(last / (step or 1)), MOST_ELEMENTS + 1)), repeat))
    return _nd.arange(start, stop, step, repeat, infer_range, dtype=dtype or "float32")


def _linspace(
    start: float,
    stop: float,
    num: int,
    endpoint: bool = True,
    dtype: Any = "float32",
) -> Tensor:
    need_few((num,))
    return _nd.linspace(start, stop, num, endpoint, dtype=dtype or "float32")


def _eye(N: tuple[int, ...] | int, M: int = 0, k: int = 0, dtype: Any = "float32") -> Tensor:
    rows = N[0] if isinstance(N, tuple) else N
    need_few((rows, M or rows))
    return _nd.eye(rows, M, k, dtype=dtype or "float32")


def _rnn(data: Tensor, parameters: Tensor, *states: Tensor, **options: Any) -> Any:
    """`nd.RNN`, whose states of no known batch are of every batch."""
    count = 2 if options.get("mode") == "lstm" else 1
    batch = data.shape[1]
    first = [
        _nd.broadcast_axis(state, axis=1, size=batch) if state.shape[1] == 1 != batch else state
        for state in states[:count]
    ]
    lengths = dict(zip(["sequence_length"], states[count:], strict=False))
    return _nd.RNN(data, parameters, *first, **lengths, **options)


def _parameters(*data: Tensor, dim: int = 1) -> Tensor:
    return _nd.concat(*data, dim=dim)


def split(
    data: Tensor,
    indices: Sequence[int] = (),
    axis: int = 1,
    squeeze_axis: bool = False,
    sections: int = 0,
) -> Any:
    """`nd.split_v2` with the attributes that files have: a first index of 0 stands there too.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.symbol.functions import split
    >>> [part.shape for part in split(nd.ones((3, 1)), (0, 1), 0)]
    [(1, 1), (2, 1)]
    """
    return _nd.split_v2(data, sections or tuple(indices[1:]), axis, squeeze_axis)


def _histogram(
    data: Tensor,
    bins: Tensor | None = None,
    bin_cnt: int | None = None,
    range: tuple[float, ...] | None = None,
) -> Any:
    return _nd.histogram(data, bin_cnt if bins is None else bins, range)


def _slice_set(data: Any, scalar: float = 0.0, **ends: Any) -> Any:
    return methods.slice_assign_scalar(data, scalar, **ends)


def _set_places(lhs: Tensor, rhs: Tensor, indices: Tensor, shape: tuple[int, ...] = ()) -> Any:
    return _npx.index_update(lhs, indices, rhs)


def _first(lhs: Tensor, rhs: Tensor) -> Any:
    return _nd.identity(lhs)


def _stored(data: Tensor, stype: str) -> Any:
    if stype != "default":
        raise MXNetError(f"cast_storage: arrays are dense here: stype is 'default', not {stype!r}")
    return _nd.identity(data)


def _shuffled(data: Tensor) -> Tensor:
    return _nd.random.shuffle(data)


# Function of two arrays, and the parts of names that MXNet has for it.
_ARITHMETIC: dict[str, Function] = {
    "plus": operator.add,
    "minus": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "mod": operator.mod,
    "power": operator.pow,
    "equal": _nd.equal,
    "not_equal": _nd.not_equal,
    "greater": _nd.greater,
    "greater_equal": _nd.greater_equal,
    "lesser": _nd.lesser,
    "lesser_equal": _nd.lesser_equal,
    "maximum": _nd.maximum,
    "minimum": _nd.minimum,
    "hypot": _nd.broadcast_hypot,
    "logical_and": _nd.logical_and,
    "logical_or": _nd.logical_or,
    "logical_xor": _nd.logical_xor,
}

FUNCTIONS: dict[str, Function] = {
    **{f"_{name}": function for name, function in _ARITHMETIC.items()},
    **{f"_{name}_scalar": with_number(function) for name, function in _ARITHMETIC.items()},
    **{
        f"_r{name}_scalar": number_first(_ARITHMETIC[name])
        for name in ("minus", "div", "mod", "power")
    },
    "_zeros": _made(0),
    "_zeros_without_dtype": _made(0),
    "_ones": _made(1),
    "_full": _full,
    "_arange": _arange,
    "_linspace": _linspace,
    "_eye": _eye,
    "RNN": _rnn,
    "_rnn_param_concat": _parameters,
    "_split_v2": split,
    "_histogram": _histogram,
    "_shuffle": _shuffled,
    "_copyto": _nd.identity,
    "_grad_add": operator.add,
    "_slice_assign": methods.slice_assign,
    "_slice_assign_scalar": _slice_set,
    "_scatter_elemwise_div": operator.truediv,
    "_scatter_plus_scalar": with_number(operator.add),
    "_scatter_minus_scalar": with_number(operator.sub),
    "_scatter_set_nd": _set_places,
    "_identity_with_attr_like_rhs": _first,
    "_contrib_SparseEmbedding": _nd.Embedding,
    "cast_storage": _stored,
} | FUNCTIONS_OF_NUMPY
