"""Diagonals and triangles of matrices, taken out and put in: elements at places known beforehand.

A diagonal of a flattened matrix is a slice with a step. Both directions of a triangle are `take` of
a flattened array, so each is the other's gradient.
"""

from typing import TypeVar

import numpy

from microlazy.base import ShapeError
from microlazy.core import functions as _f
from microlazy.core.tensor import Tensor

A = TypeVar("A", bound=Tensor)


def diagonal(x: A, k: int = 0, axis1: int = -2, axis2: int = -1) -> A:
    """Return the k-th diagonal of the matrices along two axes, as the last axis.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.triangles import diagonal
    >>> diagonal(np.arange(6).reshape(2, 3), 1)
    array([1., 5.])
    """
    return _f.diagonal(x, k, axis1, axis2)


def from_diagonal(x: A, k: int = 0) -> A:
    """Return square matrices with x's last axis on their k-th diagonal and 0 elsewhere.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.triangles import from_diagonal
    >>> from_diagonal(np.array([1, 2]))
    array([[1., 0.],
           [0., 2.]])
    """
    n = x.shape[-1] + abs(k)
    lead = x.shape[:-1]
    none, one = (0,) * len(lead), (1,) * len(lead)
    first = max(k, 0) + max(-k, 0) * n
    flat = _f.placed(x, (*none, first), (*one, n + 1), (*lead, n * n))
    return _f.reshape(flat, (*lead, n, n))


def triangle(x: A, k: int = 0, lower: bool = True) -> A:
    """Return a triangle of square matrices, on and below (or above) the k-th diagonal.

    The lower one is read row by row, the upper one column by column.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.triangles import triangle
    >>> triangle(np.array([[1, 2], [3, 4]]))
    array([1., 3., 4.])
    """
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ShapeError(f"triangle: the matrices must be square, but the shape is {x.shape}")
    if not lower:
        return triangle(_f.swapaxes(x, -1, -2), -k)
    return _taken(x, numpy.tri(x.shape[-1], k=k, dtype=bool))


def from_triangle(x: A, k: int = 0, lower: bool = True) -> A:
    """Return square matrices with x's last axis in a triangle and 0 elsewhere; see `triangle`.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.triangles import from_triangle
    >>> from_triangle(np.array([1, 3, 4]))
    array([[1., 0.],
           [3., 4.]])
    """
    count = x.shape[-1]
    rows = int((8 * count + 1) ** 0.5 - 1) // 2
    if rows * (rows + 1) // 2 != count:
        raise ShapeError(f"triangle: {count} elements do not fill one: expected 1, 3, 6, 10, ...")
    if not lower:
        return _f.swapaxes(from_triangle(x, -k), -1, -2)
    return _spread(x, numpy.tri(rows + abs(k), k=k, dtype=bool))


def _taken(x: A, mask: numpy.ndarray) -> A:
    flat = _f.reshape(x, (*x.shape[:-2], mask.size))
    return _f.take(flat, numpy.flatnonzero(mask), -1)


def _spread(x: A, mask: numpy.ndarray) -> A:
    zero = _f.new_array(_f.face_of(x), (*x.shape[:-1], 1), x.dtype, 0)
    places = numpy.where(mask, mask.cumsum().reshape(mask.shape) - 1, x.shape[-1])
    return _f.take(_f.concatenate([x, zero], -1), places, -1)
