"""Norms of vectors and of matrices: part of `mx.np.linalg`."""

import math
from typing import Any

import numpy as onp

from microlazy.core import functions as _f
from microlazy.core.array import ndarray
from microlazy.numpy.arguments import as_array
from microlazy.ops import linear_algebra as _la

__all__ = ["matrix_norm", "norm", "vector_norm"]


def norm(
    x: ndarray,
    ord: float | str | None = None,
    axis: int | tuple[int, int] | None = None,
    keepdims: bool = False,
) -> ndarray:
    """Return a norm of vectors or of matrices.

    Parameters
    ----------
    x : ndarray
    ord : float, inf, -inf, "inf", "-inf", "fro" or "nuc", optional
        Of vectors: ``sum(abs(x)**ord)**(1/ord)``, the number of elements that are not 0 for 0, the
        largest and smallest for inf and -inf. Of matrices: the largest column sum for 1, row sum
        for inf, singular value for 2, the smallest for -1, -inf, -2; "fro" is the root of the sum
        of squares and "nuc" the sum of the singular values. By default the root of the sum of
        squares.
    axis : int or tuple of int, optional
        One axis for vectors, two for matrices; by default x is one vector or matrix, and without
        `ord` of any shape.
    keepdims : bool

    Raises
    ------
    ValueError
        If `ord` does not exist for vectors, or for matrices.

    Examples
    --------
    >>> from microlazy import np
    >>> np.linalg.norm(np.array([3, 4]))
    array(5.)
    >>> np.linalg.norm(np.array([[3, 4], [0, 1]]), ord=np.inf)
    array(7.)
    """
    x = _la.in_floats(as_array(x))
    if ord is None:
        return _f.norm(x, 2, axis, keepdims)
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if len(axes) == 1:
        return _vector_norm(x, ord, axes[0], keepdims)
    if len(axes) == 2:
        return _matrix_norm(x, ord, axes, keepdims)
    raise ValueError(f"norm: ord={ord!r} is for vectors or matrices; got the axes {axes}")


def _vector_norm(x: ndarray, ord: Any, axis: Any, keepdims: bool) -> ndarray:
    ord = _number(ord)
    if isinstance(ord, str):
        raise ValueError(f"norm: ord={ord!r} does not exist for vectors")
    if ord == 2:
        return _f.norm(x, 2, axis, keepdims)
    sizes = _f.unary_op("abs", x)
    if ord == math.inf and x.size == 0:
        return _f.reduction("sum", sizes, axis, keepdims)  # zeros
    if math.isinf(ord):
        return _f.reduction("max" if ord > 0 else "min", sizes, axis, keepdims)
    if ord == 0:
        return _f.reduction("sum", _f.as_dtype(x != 0, x.dtype), axis, keepdims)
    if ord == 1:
        return _f.reduction("sum", sizes, axis, keepdims)
    # Zeros are kept out of powers, whose slope is infinite there: the norm's gradient at 0 is 0.
    zero = sizes == 0
    powers = _f.where(zero, 0.0 if ord > 0 else math.inf, _f.where(zero, 1.0, sizes) ** ord)
    total = _f.reduction("sum", powers, axis, keepdims)
    nothing = total == 0
    return _f.where(nothing, 0.0, _f.where(nothing, 1.0, total) ** (1.0 / ord))


# Name of the norm: over which axis of the absolute values to sum, and what to do with the sums.
_MATRIX_SUMS = {1: (-2, "max"), -1: (-2, "min"), math.inf: (-1, "max"), -math.inf: (-1, "min")}
_SINGULAR_VALUES = {2: "max", -2: "min", "nuc": "sum"}


def _number(ord: Any) -> Any:
    """The infinities by their names, as MXNet takes them."""
    return float(ord) if ord in ("inf", "-inf") else ord


def _matrix_norm(x: ndarray, ord: Any, axes: tuple[int, ...], keepdims: bool) -> ndarray:
    ord = _number(ord)
    axes = tuple(onp.lib.array_utils.normalize_axis_tuple(axes, x.ndim))
    if ord == "fro":
        return _f.norm(x, 2, axes, keepdims)
    rest = [i for i in range(x.ndim) if i not in axes]
    matrices = _f.transpose(x, (*rest, *axes))
    if ord in _SINGULAR_VALUES:
        values = _la.svdvals(matrices)
        values = _f.where(values == 0, 0.0, values)  # the norm's gradient at 0 is 0
        result = _f.reduction(_SINGULAR_VALUES[ord], values, -1)
    elif ord in _MATRIX_SUMS:
        summed, choice = _MATRIX_SUMS[ord]
        sums = _f.reduction("sum", _f.unary_op("abs", matrices), summed)
        result = _f.reduction(choice, sums, -1)
    else:
        raise ValueError(f"norm: ord={ord!r} does not exist for matrices")
    if not keepdims:
        return result
    return _f.reshape(result, tuple(1 if i in axes else n for i, n in enumerate(x.shape)))


def vector_norm(x: ndarray, *, axis: Any = None, keepdims: bool = False, ord: float = 2) -> ndarray:
    """Return a norm of vectors, which may lie along several axes; see `norm`.

    Examples
    --------
    >>> from microlazy import np
    >>> np.linalg.vector_norm(np.array([[3, 0], [0, 4]]), ord=1)
    array(7.)
    """
    x = _la.in_floats(as_array(x))
    if axis is None:
        flat = _vector_norm(_f.reshape(x, -1), ord, 0, False)
        return _f.reshape(flat, (1,) * x.ndim) if keepdims else flat
    return _vector_norm(x, ord, axis, keepdims)


def matrix_norm(x: ndarray, *, keepdims: bool = False, ord: float | str = "fro") -> ndarray:
    """Return a norm of the matrices in the last two axes; see `norm`.

    Examples
    --------
    >>> from microlazy import np
    >>> np.linalg.matrix_norm(np.array([[3, 0], [0, 4]]), ord=2)
    array(4.)
    """
    return _matrix_norm(_la.in_floats(as_array(x)), ord, (-2, -1), keepdims)
