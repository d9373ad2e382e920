"""Nodes of ONNX that take constants alone, such as arithmetic with shapes: computed by NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy

from microlazy.onnx.library import dtype_of
from microlazy.symbol.attributes import MOST_ELEMENTS

__all__ = ["FOLDED", "fold"]

Array = numpy.ndarray
_MOST = 1 << 24  # elements of a result that is not larger than what was given


class _TooLarge(Exception):
    pass


def fold(operator: str, attributes: dict[str, Any], arrays: list[Any]) -> list[Array] | None:
    """The outputs of a node for some arrays; None if it is not computed here.

    Parameters
    ----------
    operator : str
    attributes : dict of str
    arrays : list of numpy.ndarray or None

    Raises
    ------
    ValueError
        If the arrays do not fit, or the result would be too large.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.onnx.reading.folding import fold
    >>> fold("Gather", {}, [numpy.array([2, 3, 4]), numpy.array(1)])
    [array(3)]
    """
    try:
        with numpy.errstate(all="ignore"):
            found = FOLDED[operator](attributes, *arrays)
    except _TooLarge as error:
        raise ValueError(f"it would make an array of {error}") from None
    except (TypeError, LookupError, ArithmeticError, AttributeError) as error:
        raise ValueError(str(error)) from None
    return found if isinstance(found, list) else [numpy.asarray(found)]


def _need_few(shape: Any) -> tuple[int, ...]:
    sizes = tuple(int(size) for size in shape)
    if any(size < 0 for size in sizes) or math.prod(sizes) > min(_MOST, MOST_ELEMENTS):
        raise _TooLarge(f"shape {sizes}")
    return sizes


def _axes(attributes: dict[str, Any], given: Array | None) -> tuple[int, ...] | None:
    axes = attributes.get("axes") if given is None else given.reshape(-1)
    return None if axes is None else tuple(int(axis) for axis in axes)


def _slice(attributes: dict[str, Any], data: Array, *given: Array | None) -> Array:
    parts = [None if part is None else [int(i) for i in part] for part in given]
    if not given:  # opset 9
        starts, ends = attributes["starts"], attributes["ends"]
        axes, steps = attributes.get("axes"), None
    else:
        starts, ends, axes, steps = (parts + [None] * 4)[:4]
    places = [slice(None)] * data.ndim
    for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
        step = steps[i] if steps else 1
        axis = axes[i] if axes else i
        first = start + data.shape[axis] if start < 0 else start
        last = end + data.shape[axis] if end < 0 else end
        places[axis] = slice(max(first, 0), None if step < 0 and last < 0 else max(last, 0), step)
    return data[tuple(places)]


def _reshape(attributes: dict[str, Any], data: Array, shape: Array) -> Array:
    sizes = [int(size) for size in shape]
    if not attributes.get("allowzero"):
        sizes = [data.shape[i] if size == 0 else size for i, size in enumerate(sizes)]
    return data.reshape(sizes)


def _unsqueeze(attributes: dict[str, Any], data: Array, axes: Array | None = None) -> Array:
    return numpy.expand_dims(data, _axes(attributes, axes) or ())


def _squeeze(attributes: dict[str, Any], data: Array, axes: Array | None = None) -> Array:
    return numpy.squeeze(data, _axes(attributes, axes))


def _divide(attributes: dict[str, Any], a: Array, b: Array) -> Array:
    if a.dtype.kind == "f":
        return a / b
    if not numpy.all(b):
        raise ZeroDivisionError("it divides by zero")
    return numpy.trunc(a / b).astype(a.dtype)


def _expand(attributes: dict[str, Any], data: Array, shape: Array) -> Array:
    wanted = numpy.broadcast_shapes(data.shape, tuple(int(size) for size in shape))
    return numpy.ascontiguousarray(numpy.broadcast_to(data, _need_few(wanted)))


def _filled(attributes: dict[str, Any], shape: Array) -> Array:
    value = attributes.get("value")
    value = numpy.zeros(1, "float32") if value is None else value
    return numpy.full(_need_few(shape), value.reshape(-1)[0], value.dtype)


def _range(attributes: dict[str, Any], start: Array, limit: Array, step: Array) -> Array:
    first, last, by = (part.reshape(-1)[0].item() for part in (start, limit, step))
    _need_few([max(math.ceil((last - first) / by), 0)])
    return numpy.arange(first, last, by, dtype=start.dtype)


def _tile(attributes: dict[str, Any], data: Array, reps: Array) -> Array:
    _need_few([size * int(many) for size, many in zip(data.shape, reps, strict=True)])
    return numpy.tile(data, [int(many) for many in reps])


def _cast(attributes: dict[str, Any], data: Array) -> Array:
    return data.astype(dtype_of(attributes["to"]))


def _trilu(attributes: dict[str, Any], data: Array, k: Array | None = None) -> Array:
    cut = numpy.triu if attributes.get("upper", 1) else numpy.tril
    return cut(data, 0 if k is None else int(k.reshape(-1)[0]))


def _product(attributes: dict[str, Any], data: Array, axes: Array | None = None) -> Array:
    kept = bool(attributes.get("keepdims", 1))
    return numpy.prod(data, _axes(attributes, axes), keepdims=kept, dtype=data.dtype)


def _mod(attributes: dict[str, Any], a: Array, b: Array) -> Array:
    if b.dtype.kind in "iu" and not numpy.all(b):
        raise ZeroDivisionError("it divides by zero")
    return (numpy.fmod if attributes.get("fmod") else numpy.mod)(a, b)


def _elementwise(function: Callable[..., Array]) -> Callable[..., Array]:
    def compute(attributes: dict[str, Any], *arrays: Array) -> Array:
        _need_few(numpy.broadcast_shapes(*(array.shape for array in arrays)))
        return function(*arrays)

    return compute


def _like_first(function: Callable[..., Array]) -> Callable[..., Array]:
    def compute(attributes: dict[str, Any], *arrays: Array) -> Array:
        _need_few(numpy.broadcast_shapes(*(array.shape for array in arrays)))
        return function(*arrays).astype(arrays[0].dtype)

    return compute


def _concat(attributes: dict[str, Any], *arrays: Array) -> Array:
    return numpy.concatenate(arrays, int(attributes["axis"]))


def _gather(attributes: dict[str, Any], data: Array, places: Array) -> Array:
    axis = int(attributes.get("axis", 0))
    rest = math.prod(data.shape) // max(data.shape[axis], 1)
    _need_few([rest, places.size])
    return numpy.take(data, places, axis)


FOLDED: dict[str, Callable[..., Any]] = {
    "Add": _like_first(numpy.add),
    "Sub": _like_first(numpy.subtract),
    "Mul": _like_first(numpy.multiply),
    "Pow": _like_first(numpy.power),
    "Div": _divide,
    "Mod": _mod,
    "Neg": _like_first(numpy.negative),
    "Abs": _like_first(numpy.abs),
    "Sqrt": _like_first(numpy.sqrt),
    "Floor": _like_first(numpy.floor),
    "Ceil": _like_first(numpy.ceil),
    "Max": _like_first(lambda *arrays: numpy.max(numpy.broadcast_arrays(*arrays), 0)),
    "Min": _like_first(lambda *arrays: numpy.min(numpy.broadcast_arrays(*arrays), 0)),
    "Equal": _elementwise(numpy.equal),
    "Less": _elementwise(numpy.less),
    "LessOrEqual": _elementwise(numpy.less_equal),
    "Greater": _elementwise(numpy.greater),
    "GreaterOrEqual": _elementwise(numpy.greater_equal),
    "And": _elementwise(numpy.logical_and),
    "Or": _elementwise(numpy.logical_or),
    "Not": _elementwise(numpy.logical_not),
    "Where": _elementwise(numpy.where),
    "Identity": lambda attributes, data: data,
    "Cast": _cast,
    "Concat": _concat,
    "ConstantOfShape": _filled,
    "Expand": _expand,
    "Gather": _gather,
    "Range": _range,
    "ReduceProd": _product,
    "Reshape": _reshape,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Tile": _tile,
    "Transpose": lambda attributes, data: data.transpose(attributes.get("perm")),
    "Trilu": _trilu,
    "Unsqueeze": _unsqueeze,
}
