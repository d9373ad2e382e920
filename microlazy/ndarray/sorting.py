"""Order: sorting, the largest elements, histograms."""

from collections.abc import Sequence
from typing import Any

import numpy

from microlazy.core import functions as _f
from microlazy.core.array import NDArray
from microlazy.ops import ordering as _ordering
from microlazy.ops.arguments import ND, op
from microlazy.ops.checks import check_arrays
from microlazy.ops.ordering import topk

__all__ = ["argsort", "histogram", "sort", "topk"]


@op
def sort(data: NDArray, axis: int | None = -1, is_ascend: bool = True) -> NDArray:
    """Return the elements in order along an axis, or all of them if it is None.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.sort(nd.array([3, 1, 2])).asnumpy()
    array([1., 2., 3.], dtype=float32)
    """
    if axis is None:
        data, axis = _f.reshape(data, -1), 0
    return _ordering.sort(data, axis, not is_ascend)


@op
def argsort(
    data: NDArray, axis: int | None = -1, is_ascend: bool = True, dtype: Any = "float32"
) -> NDArray:
    """Return the places of the elements in order.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.argsort(nd.array([3, 1, 2])).asnumpy()
    array([1., 2., 0.], dtype=float32)
    """
    check_arrays("argsort", data=data)
    if axis is None:
        data, axis = _f.reshape(data, -1), 0
    return _ordering.argsort(data, axis, not is_ascend).astype(dtype)


def histogram(
    a: NDArray, bins: int | NDArray = 10, range: tuple[float, float] | None = None
) -> Sequence[NDArray]:
    """Count the elements between edges.

    Parameters
    ----------
    a : NDArray
    bins : int or NDArray
        The number of bins of equal width, or their edges.
    range : tuple of two float, optional
        The outermost edges; the smallest and the largest element by default.

    Returns
    -------
    counts, edges : NDArray
        A list, with int64 counts; or a tuple, with counts in a's dtype, if the edges were found
        from a.

    Examples
    --------
    >>> from microlazy import nd
    >>> counts, edges = nd.histogram(nd.array([1, 2, 1, 4]), bins=2, range=(0, 4))
    >>> counts.asnumpy().tolist(), edges.asnumpy().tolist()
    ([2, 2], [0.0, 2.0, 4.0])
    """
    edges = bins.asnumpy() if isinstance(bins, NDArray) else bins
    counts, edges = numpy.histogram(a.asnumpy(), edges, range)
    given = isinstance(bins, NDArray) or range is not None
    counts = _f.from_numpy_result(ND, counts, "int64" if given else a.dtype)
    edges = _f.from_numpy_result(ND, edges, a.dtype)
    return [counts, edges] if given else (counts, edges)
