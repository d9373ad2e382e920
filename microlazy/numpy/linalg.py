"""`mx.np.linalg`: linear algebra, on stacks of matrices as well."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as onp

from microlazy.core import functions as _f
from microlazy.core.array import ndarray
from microlazy.core.ops.numpy_call import call
from microlazy.numpy.arguments import NP, as_array, as_arrays
from microlazy.numpy.norms import matrix_norm, norm, vector_norm
from microlazy.numpy.products import cross, matmul, outer, tensordot, vecdot
from microlazy.ops import linear_algebra as _la
from microlazy.ops.precision import half_in_single
from microlazy.ops.triangles import diagonal as _diagonal

__all__ = [
    "LinAlgError",
    "cholesky",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "inv",
    "lstsq",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "multi_dot",
    "norm",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "svd",
    "svdvals",
    "tensordot",
    "tensorinv",
    "tensorsolve",
    "trace",
    "vecdot",
    "vector_norm",
]

LinAlgError = onp.linalg.LinAlgError


class EigResult(NamedTuple):
    """Eigenvalues and the eigenvectors beside them."""

    eigenvalues: ndarray
    eigenvectors: ndarray


class EighResult(NamedTuple):
    """Eigenvalues and the eigenvectors beside them."""

    eigenvalues: ndarray
    eigenvectors: ndarray


class QRResult(NamedTuple):
    """Orthonormal columns and the upper triangle."""

    Q: ndarray
    R: ndarray


class SlogdetResult(NamedTuple):
    """The sign of a determinant and the logarithm of its absolute value."""

    sign: ndarray
    logabsdet: ndarray


class SVDResult(NamedTuple):
    """Left vectors, singular values and right vectors, the last as rows."""

    U: ndarray
    S: ndarray
    Vh: ndarray


# ---- inverse, determinant, equations -------------------------------------------------------------


def inv(a: ndarray) -> ndarray:
    """Return the inverse of square matrices.

    Raises
    ------
    LinAlgError
        If a matrix is singular, or not square.

    Examples
    --------
    >>> from microlazy import np
    >>> np.linalg.inv(np.array([[2, 0], [0, 4]]))
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    return _la.inv(as_array(a))


def pinv(
    a: ndarray,
    rcond: Any = None,
    hermitian: bool = False,
    *,
    rtol: Any = None,
) -> ndarray:
    """Return the Moore-Penrose inverse.

    Parameters
    ----------
    a : ndarray
    rcond : float or array_like, optional
        Singular values below `rcond` times the largest count as 0; 1e-15 by default. An array has
        one for each matrix.
    hermitian : bool
        Whether the matrices are symmetric, which is faster.
    rtol : float or array_like, optional
        Another name of `rcond`.

    Examples
    --------
    >>> from microlazy import np
    >>> np.linalg.pinv(np.array([[2], [0]]))
    array([[0.5, 0. ]])
    """
    if rcond is None:
        rcond = 1e-15 if rtol is None else rtol
    return _la.pinv(as_array(a), onp.asarray(rcond, "float64").tolist(), hermitian)


def det(a: ndarray) -> ndarray:
    """Return the determinant of square matrices.

    Examples
    --------
    >>> from microlazy import np
    >>> np.linalg.det(np.array([[2, 0], [0, 4]]))
    array(8.)
    """
    return _la.det(as_array(a))


def slogdet(a: ndarray) -> SlogdetResult:
    """Return the sign of the determinant and the logarithm of its absolute value.

    Examples
    --------
    >>> from microlazy import np
    >>> np.linalg.slogdet(np.array([[1, 0], [0, -1]])).sign
    array(-1.)
    """
    return SlogdetResult(*_la.slogdet(as_array(a)))


def cond(x: ndarray, p: float | str | None = None) -> ndarray:
    """Return the condition number of matrices: by how much solving may amplify an error.

    Parameters
    ----------
    x : ndarray
    p : optional
        The norm, as `ord` of `norm`; the largest singular value by default.

    Examples
    --------
    >>> from microlazy import np
    >>> np.linalg.cond(np.array([[4, 0], [0, 2]]))
    array(2.)
    """
    x = as_array(x)
    if x.ndim < 2:
        raise LinAlgError(f"cond: expected matrices, but the array has shape {x.shape}")
    if p is None or p in (2, -2):
        s = _la.svdvals(x)
        result = s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
        return _f.where(s[..., 0] == 0, onp.inf, result)  # where it is 0 / 0
    singular = call(_are_singular, [x], result=_a_bool_for_each)
    matrices = _f.expand_dims(_f.expand_dims(singular, -1), -1)
    identity = _f.from_numpy_result(NP, onp.eye(x.shape[-1]), x.dtype)
    inverse = inv(_f.where(matrices, identity, x))
    return _f.where(singular, onp.inf, matrix_norm(x, ord=p) * matrix_norm(inverse, ord=p))


def _are_singular(x: onp.ndarray) -> onp.ndarray:
    return onp.linalg.slogdet(x.astype("float64"))[0] == 0


def _a_bool_for_each(x: ndarray) -> tuple[Any, str]:
    return x.shape[:-2], "bool"


def solve(a: ndarray, b: ndarray) -> ndarray:
    """Return x such that a @ x = b.

    Parameters
    ----------
    a : ndarray
        Of shape (..., M, M).
    b : ndarray
        Of shape (M,), or (..., M, K). Of shape (..., M) as well, where that cannot be meant as
        matrices.

    Raises
    ------
    LinAlgError
        If a matrix is singular, or not square.

    Examples
    --------
    >>> from microlazy import np
    >>> np.linalg.solve(np.array([[2, 0], [0, 4]]), np.array([2, 2]))
    array([1. , 0.5])
    """
    a, b = as_arrays((a, b))
    vectors = b.ndim == 1 or (b.shape == a.shape[:-1] and b.shape[-2] != a.shape[-1])
    if vectors:
        return _f.squeeze(_la.solve(a, _f.expand_dims(b, -1)), -1)
    return _la.solve(a, b)


def lstsq(
    a: ndarray, b: ndarray, rcond: float | str | None = None
) -> tuple[ndarray, ndarray, ndarray, ndarray]:
    """Return the shortest of the x that make a @ x nearest to b, and more.

    Parameters
    ----------
    a : ndarray
        Of shape (M, N).
    b : ndarray
        Of shape (M,) or (M, K).
    rcond : float, optional
        Singular values below `rcond` times the largest count as 0; by default the precision of
        the dtype times max(M, N).

    Returns
    -------
    tuple of ndarray
        x; the squares of the distances, without elements if a does not have rank N or M <= N; the
        rank of a; its singular values. The rank has no gradient.

    Examples
    --------
    >>> from microlazy import np
    >>> x, residuals, rank, s = np.linalg.lstsq(np.ones((2, 1)), np.array([1, 3]))
    >>> x, residuals
    (array([2.]), array([2.]))
    """
    a, b = map(_la.in_floats, as_arrays((a, b)))
    if a.ndim != 2 or b.ndim not in (1, 2) or a.shape[0] != b.shape[0]:
        raise LinAlgError(f"lstsq: a of shape {a.shape} does not fit b of shape {b.shape}")
    limit = None if rcond is None or rcond == "warn" else float(rcond)
    columns = _f.reshape(b, (-1, 1)) if b.ndim == 1 else b
    x = _la.least_squares(a, columns, limit)
    s = _la.svdvals(a)
    if limit is None:
        limit = float(onp.finfo(a.dtype).eps) * max(a.shape)
    rank = call(_count_above, [s], {"limit": limit}, dtype="int32")
    if a.shape[0] > a.shape[1] and int(rank) == a.shape[1]:
        residuals = _f.reduction("sum", _f.unary_op("square", columns - _f.matmul(a, x)), 0)
    else:
        residuals = _f.new_array(1, (0,), a.dtype)
    return (_f.reshape(x, -1) if b.ndim == 1 else x), residuals, rank, s


def _count_above(s: onp.ndarray, limit: float) -> onp.ndarray:
    return (s > limit * s.max(initial=0)).sum()


@half_in_single
def matrix_rank(
    A: ndarray,
    tol: float | None = None,
    hermitian: bool = False,
    *,
    rtol: float | None = None,
) -> ndarray:
    """Return how many singular values of matrices are not 0, as int64.

    Parameters
    ----------
    A : ndarray
    tol : float, optional
        Smaller singular values count as 0.
    hermitian : bool
        Whether the matrices are symmetric, which is faster.
    rtol : float, optional
        The same as a part of the largest singular value; by default the precision of the dtype
        times the larger size.

    Examples
    --------
    >>> from microlazy import np
    >>> np.linalg.matrix_rank(np.array([[1, 2], [2, 4]]))
    array(1, dtype=int64)
    """
    options = {"tol": tol, "hermitian": hermitian, "rtol": rtol}
    return _la.matrix_rank(as_array(A), **options)


def tensorinv(a: ndarray, ind: int = 2) -> ndarray:
    """Return the inverse of `a` under tensordot over its first `ind` axes.

    Examples
    --------
    >>> from microlazy import np
    >>> np.linalg.tensorinv(np.eye(6).reshape(2, 3, 6)).shape
    (6, 2, 3)
    """
    if ind < 1:
        raise ValueError(f"tensorinv: ind must be positive, not {ind}")
    a = as_array(a)
    first, last = a.shape[:ind], a.shape[ind:]
    return _f.reshape(_la.inv(_f.reshape(a, (-1, math.prod(last)))), (*last, *first))


def tensorsolve(a: ndarray, b: ndarray, axes: Sequence[int] | None = None) -> ndarray:
    """Return x such that tensordot(a, x, x.ndim) = b.

    Parameters
    ----------
    a, b : ndarray
    axes : sequence of int, optional
        Axes of `a` to move to its end first.

    Examples
    --------
    >>> from microlazy import np
    >>> np.linalg.tensorsolve(np.eye(6).reshape(2, 3, 6), np.ones((2, 3)))
    array([1., 1., 1., 1., 1., 1.])
    """
    a, b = as_arrays((a, b))
    if axes is not None:
        moved = [axis % a.ndim for axis in axes]
        a = _f.transpose(a, [i for i in range(a.ndim) if i not in moved] + moved)
    shape = a.shape[b.ndim :]
    if math.prod(shape) != b.size or math.prod(a.shape[: b.ndim]) != b.size:
        raise LinAlgError(f"tensorsolve: a of shape {a.shape} does not fit b of shape {b.shape}")
    x = _la.solve(_f.reshape(a, (b.size, b.size)), _f.reshape(b, (-1, 1)))
    return _f.reshape(x, shape)


# ---- products ------------------------------------------------------------------------------------


def matrix_power(a: ndarray, n: int) -> ndarray:
    """Return square matrices to a whole power, which may be negative.

    Examples
    --------
    >>> from microlazy import np
    >>> np.linalg.matrix_power(np.array([[1, 1], [0, 1]]), 5)
    array([[1., 5.],
           [0., 1.]])
    """
    a = as_array(a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise LinAlgError(f"matrix_power: expected square matrices, not shape {a.shape}")
    if n == 0:
        eye = _f.from_numpy_result(1, onp.eye(a.shape[-1]), a.dtype)
        return _f.broadcast_to(eye, a.shape).copy()
    if n < 0:
        return matrix_power(inv(a), -n)
    result: Any = None
    while n:
        if n & 1:
            result = a if result is None else _f.matmul(result, a)
        n >>= 1
        if n:
            a = _f.matmul(a, a)
    return result


def multi_dot(arrays: Sequence[ndarray], *, out: ndarray | None = None) -> ndarray:
    """Return the product of two or more matrices, in the order that is least work.

    The first and the last may be vectors.

    Examples
    --------
    >>> from microlazy import np
    >>> np.linalg.multi_dot([np.ones((2, 3)), np.ones((3, 4)), np.ones(4)])
    array([12., 12.])
    """
    items = as_arrays(arrays)
    if len(items) < 2:
        raise ValueError(f"multi_dot: expected at least two arrays, got {len(items)}")
    first, last = items[0].ndim == 1, items[-1].ndim == 1
    if first:
        items[0] = _f.reshape(items[0], (1, -1))
    if last:
        items[-1] = _f.reshape(items[-1], (-1, 1))
    for x in items:
        if x.ndim != 2:
            raise LinAlgError(f"multi_dot: expected matrices, not shape {x.shape}")
    result = _la.chain(items)
    kept = result.shape[first : 2 - last]
    result = _f.reshape(result, kept)
    return result if out is None else _f.write_into(out, result)


# ---- decompositions ------------------------------------------------------------------------------


def cholesky(a: ndarray, /, *, upper: bool = False) -> ndarray:
    """Return the lower triangular L with L @ L.T = a, or L.T if `upper`.

    Only the lower triangle of `a` (the upper one if `upper`) is read; the gradient is that of a
    symmetric matrix.

    Raises
    ------
    LinAlgError
        If a matrix is not positive definite.

    Examples
    --------
    >>> from microlazy import np
    >>> np.linalg.cholesky(np.array([[4, 2], [2, 5]]))
    array([[2., 0.],
           [1., 2.]])
    """
    a = as_array(a)
    if upper:
        return matrix_transpose(_la.cholesky(matrix_transpose(a)))
    return _la.cholesky(a)


def qr(a: ndarray, mode: str = "reduced") -> QRResult | ndarray:
    """Return Q with orthonormal columns and upper triangular R, Q @ R = a.

    Parameters
    ----------
    a : ndarray
        Of shape (..., M, N).
    mode : {"reduced", "complete", "r"}
        Q is (..., M, min(M, N)), or (..., M, M); "r" gives R alone. A completed Q has no gradient.

    Examples
    --------
    >>> from microlazy import np
    >>> q, r = np.linalg.qr(np.array([[3.0], [4.0]]))
    >>> np.matmul(q, r).round(4)
    array([[3.],
           [4.]])
    """
    a = as_array(a)
    if a.ndim < 2:
        raise LinAlgError(f"qr: expected matrices, but the array has shape {a.shape}")
    if mode == "complete":
        return QRResult(*_la.qr_complete(a))
    if mode not in ("reduced", "r"):
        raise ValueError(f"qr: mode is 'reduced', 'complete' or 'r', not {mode!r}")
    result = QRResult(*_la.qr(a))
    return result.R if mode == "r" else result


def svd(
    a: ndarray, full_matrices: bool = False, compute_uv: bool = True, hermitian: bool = False
) -> SVDResult | ndarray:
    """Return the singular value decomposition a = U @ diag(S) @ Vh.

    Parameters
    ----------
    a : ndarray
        Of shape (..., M, N).
    full_matrices : bool
        Complete U to (..., M, M) and Vh to (..., N, N), without a gradient. By default they are
        (..., M, K) and (..., K, N) with K = min(M, N), as in MXNet; NumPy completes by default.
    compute_uv : bool
        If False, return S alone.
    hermitian : bool
        Accepted for compatibility: the general way is taken for symmetric matrices too.

    Examples
    --------
    >>> from microlazy import np
    >>> u, s, vh = np.linalg.svd(np.array([[0, 2, 0], [1, 0, 0]]))
    >>> s, vh.shape
    (array([2., 1.]), (2, 3))
    """
    a = as_array(a)
    return SVDResult(*_la.svd(a, full_matrices)) if compute_uv else _la.svdvals(a)


def svdvals(x: ndarray, /) -> ndarray:
    """Return the singular values of matrices in descending order.

    Examples
    --------
    >>> from microlazy import np
    >>> np.linalg.svdvals(np.array([[0, 2], [1, 0]]))
    array([2., 1.])
    """
    return _la.svdvals(as_array(x))


def eigh(a: ndarray, UPLO: str = "L") -> EighResult:
    """Return the eigenvalues, ascending, and eigenvectors (columns) of symmetric matrices.

    Parameters
    ----------
    a : ndarray
    UPLO : {"L", "U"}
        Which triangle is read; the gradient is that of a symmetric matrix. The eigenvectors have
        one only where the eigenvalues differ.

    Examples
    --------
    >>> from microlazy import np
    >>> np.linalg.eigh(np.array([[2, 0], [0, 1]])).eigenvalues
    array([1., 2.])
    """
    return EighResult(*_la.eigh(as_array(a), UPLO))


def eigvalsh(a: ndarray, UPLO: str = "L") -> ndarray:
    """Return the eigenvalues of symmetric matrices in ascending order.

    Examples
    --------
    >>> from microlazy import np
    >>> np.linalg.eigvalsh(np.array([[2, 0], [0, 1]]))
    array([1., 2.])
    """
    return _la.eigvalsh(as_array(a), UPLO)


def eig(a: ndarray) -> EigResult:
    """Return the eigenvalues and eigenvectors (columns) of matrices that have real ones.

    Raises
    ------
    MXNetError
        If an eigenvalue is complex: there is no complex dtype.

    Examples
    --------
    >>> from microlazy import np
    >>> np.linalg.eig(np.array([[1, 1], [0, 2]])).eigenvalues
    array([1., 2.])
    """
    return EigResult(*_la.eig(as_array(a)))


def eigvals(a: ndarray) -> ndarray:
    """Return the eigenvalues of matrices that have real ones.

    Examples
    --------
    >>> from microlazy import np
    >>> np.linalg.eigvals(np.array([[1, 1], [0, 2]]))
    array([1., 2.])
    """
    return _la.eigvals(as_array(a))


# ---- parts ---------------------------------------------------------------------------------------


def matrix_transpose(x: ndarray, /) -> ndarray:
    """Return the matrices in the last two axes transposed.

    Examples
    --------
    >>> from microlazy import np
    >>> np.linalg.matrix_transpose(np.zeros((5, 2, 3))).shape
    (5, 3, 2)
    """
    x = as_array(x)
    if x.ndim < 2:
        raise ValueError(f"matrix_transpose: expected matrices, but the shape is {x.shape}")
    return _f.swapaxes(x, -1, -2)


def diagonal(x: ndarray, /, *, offset: int = 0) -> ndarray:
    """Return a diagonal of the matrices in the last two axes.

    Examples
    --------
    >>> from microlazy import np
    >>> np.linalg.diagonal(np.array([[1, 2], [3, 4]]), offset=1)
    array([2.])
    """
    x = as_array(x)
    if x.ndim < 2:
        raise ValueError(f"diagonal: expected matrices, but the shape is {x.shape}")
    return _diagonal(x, offset)


def trace(x: ndarray, /, *, offset: int = 0, dtype: Any = None) -> ndarray:
    """Return the sums of a diagonal of the matrices in the last two axes.

    Examples
    --------
    >>> from microlazy import np
    >>> np.linalg.trace(np.array([[1, 2], [3, 4]]))
    array(5.)
    """
    return _f.reduction("sum", _f.as_dtype(diagonal(x, offset=offset), dtype), -1)
