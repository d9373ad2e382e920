"""What NumPy computes for sorting, searching and places, and the gradients that go through it."""

from typing import Any, TypeVar

import numpy

from microlazy.base import MXNetError, ShapeError
from microlazy.core import functions as f
from microlazy.core import places
from microlazy.core.loops.ordering import order_of_rows
from microlazy.core.ops.numpy_call import call
from microlazy.core.tensor import Tensor
from microlazy.ops.arguments import op
from microlazy.ops.checks import axis_of

A = TypeVar("A", bound=Tensor)

# ---- order ---------------------------------------------------------------------------------------


def same_shape(x: Any, *others: Any, **options: Any) -> tuple[Any, Any]:
    """The result has the shape and dtype of the first input."""
    return x.shape, x.dtype


def _sorted(x: numpy.ndarray, axis: int, descending: bool) -> numpy.ndarray:
    ordered = numpy.sort(x, axis=axis)
    return numpy.flip(ordered, axis) if descending else ordered


FLOAT32_PLACES = 1 << 31  # places that our kernel for float32 can number
MANY = 1 << 10  # elements from which it is worth its preparation


def ordered_places(x: numpy.ndarray, axis: int, descending: bool = False) -> numpy.ndarray:
    """The places of the elements in order, in NumPy; equal ones keep theirs, nan is the largest."""
    if x.dtype == "float32" and MANY <= x.size < FLOAT32_PLACES:
        last = numpy.ascontiguousarray(x.swapaxes(axis, -1))
        rows = last.reshape(-1, last.shape[-1])
        return order_of_rows(rows, descending).reshape(last.shape).swapaxes(axis, -1)
    if not descending:
        return x.argsort(axis, "stable")
    # Equal elements keep their order: sort from the back, and count from there.
    backwards = numpy.argsort(numpy.flip(x, axis), axis=axis, kind="stable")
    return x.shape[axis] - 1 - numpy.flip(backwards, axis)


def _parted_places(x: numpy.ndarray, kth: Any, axis: int) -> numpy.ndarray:
    return x.argpartition(kth, axis)


def _partitioned(x: numpy.ndarray, kth: Any, axis: int) -> numpy.ndarray:
    return numpy.partition(x, kth, axis=axis)


def argsort(x: Any, axis: int, descending: bool = False) -> Any:
    """The places of the elements in order; equal ones keep theirs."""
    found = places.argsort(x, axis, descending)
    if found is not None:
        return found
    return call(
        ordered_places, [x], {"axis": axis, "descending": descending}, result=place_of_first
    )


def sort(x: Any, axis: int, descending: bool = False) -> Any:
    """The elements in order along an axis."""

    def rule(g: Any, y: Any, x: Any, axis: int, descending: bool) -> Any:
        return f.put_along(g, argsort(x, axis, descending), axis, x.shape[axis])

    if not descending:
        ordered = places.sort(x, axis)
        if ordered is None:
            ordered = f.changed_copy(x, "sort", axis)
        if ordered is not None:
            return ordered
    if f.recorded(x):  # the places are needed anyway
        return f.take_along(x, argsort(f.detach(x), axis, descending), axis)
    return call(_sorted, [x], {"axis": axis, "descending": descending}, (rule,), same_shape)


_SHORT = 16  # elements of a line that is sorted in less time than a partition is called


def _is_short(x: Any, kth: Any, axis: int) -> bool:
    n = x.shape[axis]
    return type(kth) is int and -n <= kth < n <= _SHORT


def argpartition(x: Any, kth: Any, axis: int) -> Any:
    """The places of the elements in an order in which the kth is the one of a sorted array."""
    if _is_short(x, kth, axis):
        return argsort(x, axis)
    return call(_parted_places, [x], {"kth": kth, "axis": axis}, result=place_of_first)


def partition(x: Any, kth: Any, axis: int) -> Any:
    """The elements in the order of `argpartition`."""

    def rule(g: Any, y: Any, x: Any, kth: Any, axis: int) -> Any:
        return f.put_along(g, argpartition(x, kth, axis), axis, x.shape[axis])

    if _is_short(x, kth, axis):
        return sort(x, axis)
    parted = f.changed_copy(x, "partition", kth, axis)
    if parted is not None:
        return parted
    if f.recorded(x):
        return f.take_along(x, argpartition(f.detach(x), kth, axis), axis)
    return call(_partitioned, [x], {"kth": kth, "axis": axis}, (rule,), same_shape)


def lexsorted(keys: numpy.ndarray, axis: int) -> numpy.ndarray:
    """numpy.lexsort of keys that are stacked."""
    return numpy.lexsort(keys, axis)


# ---- places --------------------------------------------------------------------------------------


def place_shape(first: Any, *others: Any, **options: Any) -> tuple[Any, Any]:
    """The result has a place for each element of inputs of one shape."""
    return numpy.broadcast_shapes(first.shape, *[x.shape for x in others]), "int64"


def place_of_first(first: Any, *others: Any, **options: Any) -> tuple[Any, Any]:
    """The result has a place for each element of the first input."""
    return first.shape, "int64"


def second_shape(first: Any, second: Any, *others: Any, **options: Any) -> tuple[Any, Any]:
    """The result has a place for each element of the second input."""
    return second.shape, "int64"


def insertion_places(
    a: numpy.ndarray, v: numpy.ndarray, sorter: Any = None, *, side: Any
) -> numpy.ndarray:
    """Where numpy.searchsorted would put v into a."""
    return a.searchsorted(v, side, None if sorter is None else sorter.astype("int64"))


def selected_choice(a: numpy.ndarray, count: int, mode: str) -> numpy.ndarray:
    """Numbers of choices, checked, wrapped or clipped to [0, count)."""
    places = a.astype("int64")
    if mode == "clip":
        return places.clip(0, count - 1)
    if mode == "wrap":
        return places % count
    if mode != "raise":
        raise ValueError(f"choose: mode is 'clip', 'wrap' or 'raise', not {mode!r}")
    if ((places < 0) | (places >= count)).any():
        raise ValueError(
            f"choose: a number is outside of 0 to {count - 1}: there are {count} choices"
        )
    return places


def unravelled_places(
    places: numpy.ndarray, shape: tuple[int, ...], axis: int, order: Any
) -> numpy.ndarray:
    """The coordinates along one axis of places in a flat array."""
    return numpy.asarray(numpy.unravel_index(places.astype("int64"), shape, order)[axis])


def flat_places(
    *coordinates: numpy.ndarray, dims: tuple[int, ...], mode: Any, order: Any
) -> numpy.ndarray:
    """The places in a flat array of coordinates."""
    whole = tuple([part.astype("int64") for part in coordinates])
    return numpy.ravel_multi_index(whole, dims, mode, order)


# ---- counting ------------------------------------------------------------------------------------


def _counted(
    x: numpy.ndarray, weights: Any = None, *, minlength: int, integers: bool
) -> numpy.ndarray:
    places = x.astype("int64") if integers else x
    return numpy.bincount(places, weights, minlength)


def bincount(x: Any, weights: Any, minlength: int) -> Any:
    """How often each number from 0 on occurs (int32 of int32), or the sums of its weights."""
    counts = places.bincount(x, weights, minlength)
    if counts is not None:
        return counts
    options = {"minlength": minlength, "integers": x.dtype.kind in "iub"}
    if weights is None:
        dtype = "int32" if x.dtype == "int32" else "int64"
        return call(_counted, [x], options, dtype=dtype, dynamic=True)

    def rule(g: Any, y: Any, x: Any, weights: Any, **options: Any) -> Any:
        return f.take(g, x, 0, "clip")

    return call(_counted, [x, weights], options, (None, rule), dynamic=True)


def _bin_of(a: numpy.ndarray, edges: numpy.ndarray) -> numpy.ndarray:
    """The bin of each element; elements outside are in the bin after the last."""
    bins = numpy.searchsorted(edges, a, "right") - 1
    last = len(edges) - 2
    bins[a == edges[-1]] = last
    bins[(bins < 0) | (bins > last) | numpy.isnan(a)] = last + 1
    return bins


def _counts(a: numpy.ndarray, edges: numpy.ndarray, weights: Any = None) -> numpy.ndarray:
    if a.dtype == edges.dtype and a.dtype in ("float32", "float64"):
        heavy = None if weights is None else weights.ravel().astype("float64", copy=False)
        from microlazy.core.loops.counting import bin_counts  # large histograms alone need it

        found = bin_counts(a.ravel(), numpy.ascontiguousarray(edges), heavy)
        if found is not None:
            return found
    bins = _bin_of(a.ravel(), edges)
    sums = numpy.bincount(bins, None if weights is None else weights.ravel(), len(edges))
    return sums[: len(edges) - 1]


def histogram(a: Any, edges: Any, weights: Any) -> Any:
    """How many elements, or the weights of them, lie between two edges."""

    def size(a: Any, edges: Any, *weights: Any) -> tuple[Any, Any]:
        return (edges.shape[0] - 1,), weights[0].dtype if weights else "int64"

    if weights is None:
        return call(_counts, [a, edges], result=size, dtype="int64")

    def rule(g: Any, y: Any, a: Any, edges: Any, weights: Any) -> Any:
        outside = f.new_array(f.face_of(g), (1,), g.dtype, 0)
        bins = call(_bin_of, [a, edges], result=place_of_first)
        return f.take(f.concatenate([g, outside]), bins, 0, "clip")

    return call(_counts, [a, edges, weights], {}, (None, None, rule), size)


# ---- sets ----------------------------------------------------------------------------------------


def found_in(
    x: numpy.ndarray, others: numpy.ndarray, assume_unique: bool, invert: bool, kind: Any = None
) -> numpy.ndarray:
    """numpy.isin."""
    return numpy.isin(x, others, assume_unique=assume_unique, invert=invert, kind=kind)


def found_shape(x: Any, others: Any, **options: Any) -> tuple[Any, Any]:
    """The result has a boolean for each element of the first input."""
    return x.shape, "bool"


# ---- the largest ---------------------------------------------------------------------------------


@op
def topk(
    data: Tensor,
    axis: int | None = -1,
    k: int = 1,
    ret_typ: str = "indices",
    is_ascend: bool = False,
    dtype: Any = "float32",
) -> Any:
    """Return the k largest elements along an axis, or where they are.

    Parameters
    ----------
    data : array
    axis : int or None
        None for all elements in order.
    k : int
        0 for all.
    ret_typ : {'indices', 'value', 'both', 'mask'}
        Places, values, a list of values and places, or 1 at the elements and 0 elsewhere.
    is_ascend : bool
        The smallest instead.
    dtype : dtype
        Of the places.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.topk(np.array([3, 1, 2]), k=2)
    array([0., 2.])
    """
    if axis is None:
        marks = topk(f.reshape(data, -1), 0, k, ret_typ, is_ascend, dtype)
        return f.reshape(marks, data.shape) if ret_typ == "mask" else marks
    axis = axis_of("topk", axis, data)
    size = data.shape[axis]
    if k > size:
        raise ShapeError(f"topk: k must be from 1 to {size}, or less for all, not {k}")
    options = {"axis": axis, "k": k if k > 0 else size, "is_ascend": is_ascend}
    places = call(_top_places, [f.detach(data)], options, result=_top_shape)
    if ret_typ == "indices":
        return f.as_dtype(places, dtype)
    if ret_typ == "value":
        return f.take_along(data, places, axis)
    if ret_typ == "both":
        return [f.take_along(data, places, axis), f.as_dtype(places, dtype)]
    if ret_typ == "mask":
        options = {"axis": axis}
        return call(_marked, [f.detach(data), places], options, result=same_shape)
    raise MXNetError(f"topk: ret_typ is 'indices', 'value', 'both' or 'mask', not {ret_typ!r}")


def _top_places(x: numpy.ndarray, axis: int, k: int, is_ascend: bool) -> numpy.ndarray:
    if not is_ascend:
        x = -x if x.dtype.kind == "f" else ~x  # which never wraps, and turns the order as well
    few = _first_places(x, axis, k) if x.size >= MANY and FEW * k <= x.shape[axis] else None
    return ordered_places(x, axis).take(numpy.arange(k), axis) if few is None else few


FEW = 8  # times k elements of a row, from which it is worth to look for the first k alone


def _first_places(x: numpy.ndarray, axis: int, k: int) -> numpy.ndarray | None:
    """The first k of `ordered_places`; None where too many elements are equal, or not numbers."""
    last = x.swapaxes(axis, -1)
    rows = last.reshape(-1, last.shape[-1])
    chosen = rows <= numpy.partition(rows, k - 1)[:, k - 1 : k]
    counts = chosen.sum(1)
    if counts.min() < k or counts.sum() > FEW * k * len(rows):
        return None
    row, place = numpy.nonzero(chosen)
    order = numpy.lexsort((rows[chosen], row))
    firsts = (counts.cumsum() - counts)[:, None] + numpy.arange(k)
    return place[order][firsts].reshape(*last.shape[:-1], k).swapaxes(axis, -1)


def _top_shape(x: Tensor, axis: int, k: int, is_ascend: bool) -> tuple[tuple[int, ...], Any]:
    return (*x.shape[:axis], k, *x.shape[axis + 1 :]), "int64"


def _marked(data: numpy.ndarray, places: numpy.ndarray, axis: int) -> numpy.ndarray:
    out = numpy.zeros_like(data)
    numpy.put_along_axis(out, places, 1, axis)
    return out
