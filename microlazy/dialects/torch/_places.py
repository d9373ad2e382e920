"""Elements by place, value and order."""

from __future__ import annotations

from typing import Any

from ... import numpy as np
from ._errors import axis_of
from ._registry import FUNCTIONS, METHODS, Found, of_arrays
from ._tensor import Tensor, wrap

A = Any  # an array of the core with NumPy's rules


@of_arrays()
def gather(input: A, dim: int, index: A) -> A:
    """The elements at places along an axis."""
    return np.take_along_axis(input, index, axis_of(dim, input.ndim))


@of_arrays()
def index_select(input: A, dim: int, index: A) -> A:
    """The slices at places along an axis."""
    return np.take(input, index, axis_of(dim, input.ndim))


@of_arrays()
def masked_fill(input: A, mask: A, value: Any) -> A:
    """With a number where a mask is True."""
    return np.where(mask, np.full((), value, dtype=input.dtype), input)


@of_arrays()
def masked_select(input: A, mask: A) -> A:
    """The elements where a mask is True."""
    return input[np.broadcast_to(mask, input.shape)]


@of_arrays(method=False)
def where(condition: A, input: Any = None, other: Any = None) -> A:
    """Elements of one tensor where a condition is True, of another elsewhere."""
    if input is None and other is None:
        return tuple(np.nonzero(condition))
    return np.where(condition, input, other)


@of_arrays()
def nonzero(input: A) -> A:
    """The places of the elements that are not 0, a row each."""
    return np.argwhere(input)


@of_arrays()
def argsort(input: A, dim: int = -1, descending: bool = False) -> A:
    """The places of the elements in order."""
    axis = axis_of(dim, input.ndim)
    if not descending:
        return np.argsort(input, axis)
    places = np.argsort(np.flip(input, axis), axis)  # equal ones stay in their order
    return np.flip(input.shape[axis] - 1 - places, axis)


def sort(input: Tensor, dim: int = -1, descending: bool = False) -> Found:
    """The elements in order along an axis, and their places.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> torch.sort(torch.tensor([3, 1, 2])).values
    tensor([1, 2, 3])
    """
    places = argsort(input, dim, descending)
    return Found("sort", gather(input, dim, places), places)


def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True) -> Found:
    """The k largest or smallest elements along an axis, and their places."""
    axis = axis_of(dim, input.ndim)
    places = argsort(input, axis, largest).index_select(axis, wrap(np.arange(k, dtype="int64")))
    return Found("topk", gather(input, axis, places), places)


for _function in (sort, topk):
    FUNCTIONS[_function.__name__] = METHODS[_function.__name__] = _function


@of_arrays()
def unique(input: A, sorted: bool = True, return_counts: bool = False) -> Any:
    """The different elements in order, and how often each is there."""
    return np.unique(input, return_counts=return_counts)


@of_arrays()
def allclose(input: A, other: A, rtol: float = 1e-5, atol: float = 1e-8) -> bool:
    """Whether two tensors agree but for small differences."""
    return bool(np.allclose(input, other, rtol, atol))


@of_arrays()
def isclose(input: A, other: A, rtol: float = 1e-5, atol: float = 1e-8) -> A:
    """Where two tensors agree but for small differences."""
    return np.isclose(input, other, rtol, atol)


@of_arrays()
def equal(input: A, other: A) -> bool:
    """Whether two tensors have one shape and the same elements."""
    return bool(np.array_equal(input, other))


@of_arrays()
def bincount(input: A, minlength: int = 0) -> A:
    """How often each number from 0 on is there."""
    return np.bincount(input, minlength=minlength)
