"""Arrays as sets: distinct elements, and what two sets have in common."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as onp

from microlazy.core import functions as _f
from microlazy.core import sets as _sets
from microlazy.core.array import ndarray
from microlazy.core.ops.numpy_call import call
from microlazy.numpy.arguments import NP, as_array, as_arrays
from microlazy.ops.ordering import argsort, found_in, found_shape, ordered_places

__all__ = [
    "in1d",
    "intersect1d",
    "isin",
    "setdiff1d",
    "setxor1d",
    "union1d",
    "unique",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
]


_FEW = 1 << 12  # elements


class UniqueAll(NamedTuple):
    """What `unique_all` returns."""

    values: ndarray
    indices: ndarray
    inverse_indices: ndarray
    counts: ndarray


class UniqueCounts(NamedTuple):
    """What `unique_counts` returns."""

    values: ndarray
    counts: ndarray


class UniqueInverse(NamedTuple):
    """What `unique_inverse` returns."""

    values: ndarray
    inverse_indices: ndarray


def _distinct(
    ar: Any, axis: int | None, equal_nan: bool, numbers: bool = True
) -> tuple[ndarray, ...]:
    """Return the distinct elements, their first places, the way back, and how often they occur.

    Without `numbers` the elements alone, where no gradient needs the others.
    """
    ar = as_array(ar)
    if axis is None and not numbers:
        found = _sets.values(ar, equal_nan)
        if found is not None:
            return (found,)
    if axis is None and numbers and not ar.is_abstract and ar.size <= _FEW:
        flat = _f.reshape(ar, -1)
        found = _sets.distinct(_f.detach(flat), argsort(_f.detach(flat), 0), equal_nan)
        if found is not None:
            first, back, counts = found
            return _f.take(flat, first, 0, "raise"), first, _f.reshape(back, ar.shape), counts
    values = onp.asarray(ar)
    if not numbers and not _f.recorded(ar):
        found = onp.unique(values, axis=axis, equal_nan=equal_nan)
        return (_f.from_numpy_result(NP, found, values.dtype),)
    if axis is None:
        ar, axis = _f.reshape(ar, ar.size), 0
        parts = _in_order(values, equal_nan)
    else:
        parts = onp.unique(values, True, True, True, axis, equal_nan=equal_nan)[1:]
    places, inverse, counts = [_f.from_numpy_result(NP, part, "int64") for part in parts]
    return _f.take(ar, places, axis, "raise"), places, inverse, counts


def _in_order(values: onp.ndarray, equal_nan: bool) -> tuple[onp.ndarray, ...]:
    """Return the numbers of numpy.unique by the order of the elements, which we find sooner."""
    order = ordered_places(values.ravel(), 0)
    ordered = values.ravel()[order]
    first = onp.ones(order.size, bool)
    first[1:] = ordered[1:] != ordered[:-1]
    if equal_nan and ordered.dtype.kind == "f" and ordered.size and onp.isnan(ordered[-1]):
        first[onp.searchsorted(ordered, ordered[-1]) + 1 :] = False
    starts = onp.flatnonzero(first)
    inverse = onp.empty(order.size, "int64")
    inverse[order] = onp.cumsum(first) - 1
    return order[starts], inverse.reshape(values.shape), onp.diff(starts, append=order.size)


def unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Any:
    """Return the distinct elements, or slices along an axis, in ascending order.

    Parameters
    ----------
    ar : array_like
    return_index, return_inverse, return_counts : bool
        Also return, as int64 and in this order: the first places of the elements in the source,
        the places in the result that give the source back, how often each occurs.
    axis : int, optional
        None works on the flat array.
    equal_nan : bool
        Whether there is at most one nan in the result.
    sorted : bool
        The result is sorted in any case.

    Examples
    --------
    >>> from microlazy import np
    >>> np.unique(np.array([2, 1, 2]), return_counts=True)
    (array([1., 2.]), array([1, 2], dtype=int64))
    """
    wanted = (return_index, return_inverse, return_counts)
    values, *numbers = _distinct(ar, axis, equal_nan, any(wanted))
    if not any(wanted):
        return values
    return (values, *[part for part, asked in zip(numbers, wanted, strict=True) if asked])


def unique_all(x: Any, /) -> UniqueAll:
    """Return distinct values, their first indices, the inverse indices and the counts.

    Examples
    --------
    >>> from microlazy import np
    >>> np.unique_all(np.array([2, 1, 2])).indices
    array([1, 0], dtype=int64)
    """
    return UniqueAll(*_distinct(x, None, False))


def unique_counts(x: Any, /) -> UniqueCounts:
    """Return distinct values, and how often each occurs.

    Examples
    --------
    >>> from microlazy import np
    >>> np.unique_counts(np.array([2, 1, 2])).counts
    array([1, 2], dtype=int64)
    """
    values, _, _, counts = _distinct(x, None, False)
    return UniqueCounts(values, counts)


def unique_inverse(x: Any, /) -> UniqueInverse:
    """Return distinct values, and the places among them that give the source back.

    Examples
    --------
    >>> from microlazy import np
    >>> np.unique_inverse(np.array([2, 1, 2])).inverse_indices
    array([1, 0, 1], dtype=int64)
    """
    values, _, inverse, _ = _distinct(x, None, False)
    return UniqueInverse(values, inverse)


def unique_values(x: Any, /) -> ndarray:
    """Return the distinct values, in ascending order.

    Examples
    --------
    >>> from microlazy import np
    >>> np.unique_values(np.array([2, 1, 2]))
    array([1., 2.])
    """
    return _distinct(x, None, False, False)[0]


def isin(
    element: Any,
    test_elements: Any,
    assume_unique: bool = False,
    invert: bool = False,
    *,
    kind: str | None = None,
) -> ndarray:
    """Return whether each element is among others.

    Parameters
    ----------
    element, test_elements : array_like
    assume_unique : bool
        That no element occurs twice in either; it may be faster.
    invert : bool
        Whether it is not among them.
    kind : {"sort", "table"}, optional
        NumPy's way of searching: "table" is for integers.

    Examples
    --------
    >>> from microlazy import np
    >>> np.isin(np.array([1, 2, 3]), [1, 3])
    array([ True, False,  True])
    """
    if kind is None:
        found = _sets.isin(element, test_elements, invert)
        if found is not None:
            return found
    options = {"assume_unique": assume_unique, "invert": invert, "kind": kind}
    return call(found_in, as_arrays([element, test_elements]), options, result=found_shape)


def in1d(ar1: Any, ar2: Any, assume_unique: bool = False, invert: bool = False) -> ndarray:
    """Return whether each element of a flat array is among others.

    Examples
    --------
    >>> from microlazy import np
    >>> np.in1d(np.array([[1, 2]]), [1, 3])
    array([ True, False])
    """
    ar1 = as_array(ar1)
    return isin(_f.reshape(ar1, ar1.size), ar2, assume_unique, invert)


def intersect1d(
    ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False
) -> Any:
    """Return the distinct elements that two arrays share, in ascending order.

    With `return_indices`, also their first places in each.

    Examples
    --------
    >>> from microlazy import np
    >>> np.intersect1d(np.array([1, 2, 3]), np.array([3, 1]))
    array([1., 3.])
    """
    ar1, ar2 = as_arrays([ar1, ar2])
    if not assume_unique:
        small = _sets.combined("intersect1d", ar1, ar2, return_indices)
        if small is not None:
            return small
    if not return_indices and not _f.recorded(ar1) and not _f.recorded(ar2):
        shared = onp.intersect1d(onp.asarray(ar1), onp.asarray(ar2), assume_unique)
        return _f.from_numpy_result(NP, shared, shared.dtype)
    _, first, second = onp.intersect1d(
        onp.asarray(ar1), onp.asarray(ar2), assume_unique, return_indices=True
    )
    values = _f.take(_f.reshape(ar1, ar1.size), first, 0, "raise")
    if not return_indices:
        return values
    places = [_f.from_numpy_result(NP, part, "int64") for part in (first, second)]
    return (values, *places)


def _of_both(function: Callable[..., onp.ndarray], summary: str, result: str) -> Any:
    def joined(ar1: Any, ar2: Any, assume_unique: bool = False) -> ndarray:
        ar1, ar2 = as_arrays([ar1, ar2])
        if not assume_unique:
            small = _sets.combined(name, ar1, ar2)
            if small is not None:
                return small
        both = _f.concatenate([_f.reshape(ar1, ar1.size), _f.reshape(ar2, ar2.size)], 0)
        values = onp.asarray(both)
        options = {} if function is onp.union1d else {"assume_unique": assume_unique}
        wanted = function(values[: ar1.size], values[ar1.size :], **options)
        if not _f.recorded(both):
            return _f.from_numpy_result(NP, wanted, wanted.dtype)
        order = onp.argsort(values, kind="stable")
        return _f.take(both, order[onp.searchsorted(values[order], wanted)], 0, "clip")

    name = function.__name__
    joined.__name__ = joined.__qualname__ = name
    joined.__doc__ = f"""Return {summary}.

    Parameters
    ----------
    ar1, ar2 : array_like
        Of any shape; their elements count.
    assume_unique : bool
        That no element occurs twice in either; it may be faster.

    Examples
    --------
    >>> from microlazy import np
    >>> np.{name}(np.array([1, 2, 3]), np.array([3, 4]))
    {result}
    """
    return joined


union1d = _of_both(
    onp.union1d,
    "the distinct elements of two arrays, ascending",
    "array([1., 2., 3., 4.])",
)
setdiff1d = _of_both(
    onp.setdiff1d,
    "the distinct elements of one array that are not in the other",
    "array([1., 2.])",
)
setxor1d = _of_both(
    onp.setxor1d, "the distinct elements that are in only one of two arrays", "array([1., 2., 4.])"
)
