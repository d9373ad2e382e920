"""Products of vectors, matrices and stacks of them."""

import math
import operator
from typing import Any

import numpy as onp

from microlazy.base import ShapeError
from microlazy.core import functions as _f
from microlazy.core.array import ndarray
from microlazy.numpy.arguments import as_array, as_arrays
from microlazy.ops.triangles import diagonal as _diagonal

__all__ = [
    "cross",
    "dot",
    "einsum",
    "inner",
    "kron",
    "matmul",
    "matvec",
    "outer",
    "tensordot",
    "trace",
    "vdot",
    "vecdot",
    "vecmat",
]

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def dot(a: Any, b: Any, out: ndarray | None = None) -> ndarray:
    """Return the sum over a's last axis and b's last but one (its only one, if a vector).

    Examples
    --------
    >>> from microlazy import np
    >>> np.dot(np.array([1, 2]), np.array([3, 4]))
    array(11.)
    """
    a, b = as_arrays((a, b))
    result = _f.dot(a, b)
    return result if out is None else _f.write_into(out, result)


def matmul(a: ndarray, b: ndarray, out: ndarray | None = None) -> ndarray:
    """Return the matrix product, with NumPy's rules for vectors and stacks of matrices.

    Examples
    --------
    >>> from microlazy import np
    >>> np.matmul(np.ones((5, 2, 3)), np.ones((3, 4))).shape
    (5, 2, 4)
    """
    a, b = as_arrays((a, b))
    result = _f.matmul(a, b)
    return result if out is None else _f.write_into(out, result)


def vdot(a: ndarray, b: ndarray) -> ndarray:
    """Return the sum of the products of all elements, in order.

    Examples
    --------
    >>> from microlazy import np
    >>> np.vdot(np.ones((2, 3)), np.ones((3, 2)))
    array(6.)
    """
    a, b = as_arrays((a, b))
    return _f.vdot(a, b)


def inner(a: ndarray, b: ndarray) -> ndarray:
    """Return the sums over both last axes.

    Examples
    --------
    >>> from microlazy import np
    >>> np.inner(np.ones((2, 3)), np.ones((4, 3))).shape
    (2, 4)
    """
    a, b = as_arrays((a, b))
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    return tensordot(a, b, (-1, -1))


def outer(a: ndarray, b: ndarray, out: ndarray | None = None) -> ndarray:
    """Return the products of each element of `a` with each of `b`, as a matrix.

    Examples
    --------
    >>> from microlazy import np
    >>> np.outer(np.array([1, 2]), np.array([3, 4]))
    array([[3., 4.],
           [6., 8.]])
    """
    a, b = as_arrays((a, b))
    result = _f.reshape(a, (-1, 1)) * _f.reshape(b, (1, -1))
    return result if out is None else _f.write_into(out, result)


def tensordot(a: ndarray, b: ndarray, axes: Any = 2) -> ndarray:
    """Return the sums of products over axes of `a` and axes of `b`.

    Parameters
    ----------
    a, b : ndarray
    axes : int or pair of (int or sequence of int)
        How many: the last ones of `a` with the first ones of `b`; or which of `a` and which of
        `b`.

    Examples
    --------
    >>> from microlazy import np
    >>> np.tensordot(np.ones((2, 3, 4)), np.ones((3, 4, 5))).shape
    (2, 5)
    """
    a, b = as_arrays((a, b))
    if isinstance(axes, (tuple, list)):
        of_a, of_b = ([x] if isinstance(x, int) else [operator.index(i) for i in x] for x in axes)
    else:
        count = operator.index(axes)
        of_a, of_b = list(range(a.ndim - count, a.ndim)), list(range(count))
    of_a = [onp.lib.array_utils.normalize_axis_index(i, a.ndim) for i in of_a]
    of_b = [onp.lib.array_utils.normalize_axis_index(i, b.ndim) for i in of_b]
    sizes = [a.shape[i] for i in of_a]
    if sizes != [b.shape[i] for i in of_b]:
        raise ShapeError(
            f"tensordot: the axes {of_a} of shape {a.shape} do not fit the axes {of_b} of shape "
            f"{b.shape}"
        )
    rows = [i for i in range(a.ndim) if i not in of_a]
    columns = [i for i in range(b.ndim) if i not in of_b]
    shape = (*(a.shape[i] for i in rows), *(b.shape[i] for i in columns))
    summed = math.prod(sizes)
    left = _f.reshape(_f.transpose(a, rows + of_a), (math.prod(a.shape[i] for i in rows), summed))
    right = _f.reshape(
        _f.transpose(b, of_b + columns), (summed, math.prod(b.shape[i] for i in columns))
    )
    return _f.reshape(_f.matmul(left, right), shape)


def einsum(
    subscripts: Any, *operands: Any, optimize: Any = False, out: ndarray | None = None
) -> ndarray:
    """Sum products of elements over labelled axes (Einstein's convention).

    Parameters
    ----------
    subscripts : str
        Labels of the axes of each operand and, after "->", of the result: "ij,jk->ik". Without
        "->" the result has the labels that occur once, in alphabetical order. A label twice in an
        operand takes its diagonal; "..." stands for further axes, which are broadcast.
    *operands : ndarray
        Instead of letters, each operand, the first one too, may be followed by a list of numbers
        for its axes, and the last one by a list for those of the result:
        ``einsum(a, [0, 1], b, [1, 2], [0, 2])``.
    optimize : bool or str or list
        The order of the products, as in `numpy.einsum_path`; from left to right by default.
    out : ndarray, optional

    Raises
    ------
    ValueError
        If the subscripts do not fit the operands.

    Examples
    --------
    >>> from microlazy import np
    >>> a = np.array([[1, 2], [3, 4]])
    >>> np.einsum("ii", a), np.einsum("ij->ji", a)
    (array(5.), array([[1., 3.],
           [2., 4.]]))
    """
    if not isinstance(subscripts, str):
        subscripts, operands = _with_letters((subscripts, *operands))
    from microlazy.ops.einsum import einsum as summed  # its grammar is its own

    result = summed(subscripts, as_arrays(operands), optimize)
    return result if out is None else _f.write_into(out, result)


def _with_letters(items: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """Return the letters and the operands of einsum's form with lists of numbers."""

    def letters(axes: Any) -> str:
        if not isinstance(axes, (list, tuple)):
            raise TypeError(
                "einsum: subscripts are a str such as 'ij,jk', or a list of numbers after each "
                f"operand, not {axes!r}"
            )
        names = _LETTERS
        for axis in axes:
            if axis is not Ellipsis and not 0 <= axis < len(names):
                raise ValueError(f"einsum: an axis is a number from 0 to 51, not {axis!r}")
        return "".join("..." if axis is Ellipsis else names[axis] for axis in axes)

    operands, places = items[: len(items) // 2 * 2 : 2], items[1::2]
    output = "->" + letters(items[-1]) if len(items) % 2 and len(items) > 1 else ""
    if not places:
        letters(items[0])
    return ",".join(map(letters, places)) + output, operands


def kron(a: ndarray, b: ndarray) -> ndarray:
    """Return the Kronecker product: blocks of `b`, scaled by the elements of `a`.

    Examples
    --------
    >>> from microlazy import np
    >>> np.kron(np.array([1, 2]), np.array([3, 4]))
    array([3., 4., 6., 8.])
    """
    return _f.kron(*as_arrays((a, b)))


def cross(
    a: ndarray,
    b: ndarray,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> ndarray:
    """Return the vectors orthogonal to both, of vectors with three elements, or two and a zero.

    Of vectors with two elements, return the third element alone, as that is all there is.

    Parameters
    ----------
    a, b : ndarray
    axisa, axisb, axisc : int
        Where the vectors are in `a`, in `b` and in the result.
    axis : int, optional
        All three at once.

    Examples
    --------
    >>> from microlazy import np
    >>> np.cross(np.array([1, 0, 0]), np.array([0, 1, 0]))
    array([0., 0., 1.])
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = as_arrays((a, b))
    a, b = _moved(a, axisa, -1), _moved(b, axisb, -1)
    sizes = a.shape[-1], b.shape[-1]
    if not {*sizes} <= {2, 3}:
        raise ValueError(
            f"cross: expected vectors of 2 or 3 elements, got {sizes[0]} and {sizes[1]}"
        )
    if sizes == (2, 2):
        return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    a, b = (x if x.shape[-1] == 3 else _in_space(x) for x in (a, b))
    one, two = [1, 2, 0], [2, 0, 1]
    return _moved(a[..., one] * b[..., two] - a[..., two] * b[..., one], -1, axisc)


def _in_space(x: ndarray) -> ndarray:
    return _f.concatenate([x, _f.new_array(1, (*x.shape[:-1], 1), x.dtype, 0)], -1)


def _moved(x: ndarray, source: int, target: int) -> ndarray:
    source, target = (
        onp.lib.array_utils.normalize_axis_index(axis, x.ndim) for axis in (source, target)
    )
    if source == target:
        return x
    axes = [i for i in range(x.ndim) if i != source]
    axes.insert(target, source)
    return _f.transpose(x, axes)


def trace(
    a: ndarray,
    offset: int = 0,
    axis1: int = 0,
    axis2: int = 1,
    dtype: Any = None,
    out: ndarray | None = None,
) -> ndarray:
    """Return the sum along a diagonal of two axes.

    Examples
    --------
    >>> from microlazy import np
    >>> np.trace(np.array([[1, 2], [3, 4]]))
    array(5.)
    """
    a = as_array(a)
    axis1 = onp.lib.array_utils.normalize_axis_index(axis1, a.ndim)
    axis2 = onp.lib.array_utils.normalize_axis_index(axis2, a.ndim)
    if axis1 == axis2:
        raise ValueError(f"trace: axis1 and axis2 are both {axis1}")
    numbers = _diagonal(a, offset, axis1, axis2)
    result = _f.reduction("sum", _f.as_dtype(numbers, dtype), -1)
    return result if out is None else _f.write_into(out, result)


def vecdot(x1: ndarray, x2: ndarray, axis: int = -1) -> ndarray:
    """Return the sums of products along one axis, the others broadcast.

    Examples
    --------
    >>> from microlazy import np
    >>> np.vecdot(np.ones((2, 3)), np.array([1, 2, 3]))
    array([6., 6.])
    """
    x1, x2 = as_arrays((x1, x2))
    one, two = _moved(x1, axis, -1), _moved(x2, axis, -1)
    if one.shape[-1] != two.shape[-1]:
        raise ShapeError(f"vecdot: vectors of {one.shape[-1]} and of {two.shape[-1]} elements")
    return _f.reduction("sum", one * two, -1)


def matvec(x1: ndarray, x2: ndarray) -> ndarray:
    """Return the products of stacks of matrices and stacks of vectors.

    Examples
    --------
    >>> from microlazy import np
    >>> np.matvec(np.ones((5, 2, 3)), np.ones((5, 3))).shape
    (5, 2)
    """
    x1, x2 = as_arrays((x1, x2))
    return _f.squeeze(_f.matmul(x1, _f.expand_dims(x2, -1)), -1)


def vecmat(x1: ndarray, x2: ndarray) -> ndarray:
    """Return the products of stacks of vectors and stacks of matrices.

    Examples
    --------
    >>> from microlazy import np
    >>> np.vecmat(np.ones((5, 2)), np.ones((5, 2, 3))).shape
    (5, 3)
    """
    x1, x2 = as_arrays((x1, x2))
    return _f.squeeze(_f.matmul(_f.expand_dims(x1, -2), x2), -2)
