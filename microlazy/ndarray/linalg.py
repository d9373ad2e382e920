"""`mx.nd.linalg`: linear algebra on matrices and stacks of them, shape (..., rows, columns).

Names and conventions are LAPACK's. Gradients come from the functions that these are composed of.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy

from microlazy.base import MXNetError, ShapeError
from microlazy.core import functions as _f
from microlazy.core.array import NDArray
from microlazy.core.ops import nn as _nn
from microlazy.ops import linear_algebra as _algebra
from microlazy.ops import triangles as _triangles
from microlazy.ops.arguments import ND, op

__all__ = [
    "det",
    "extractdiag",
    "extracttrian",
    "gelqf",
    "gemm",
    "gemm2",
    "inverse",
    "makediag",
    "maketrian",
    "potrf",
    "potri",
    "slogdet",
    "sumlogdiag",
    "syevd",
    "syrk",
    "trmm",
    "trsm",
]


def _square(name: str, A: NDArray) -> None:
    if A.ndim < 2 or A.shape[-1] != A.shape[-2]:
        raise ShapeError(f"linalg.{name}: the matrices must be square, but the shape is {A.shape}")


def _floats(name: str, *arrays: NDArray) -> None:
    for x in arrays:
        if numpy.dtype(x.dtype).kind != "f":
            raise MXNetError(
                f"linalg.{name}: the matrices must hold floats, not {x.dtype.__name__}"
            )


def _lapack(function: Callable[..., Any]) -> Callable[..., Any]:
    """MXNetError for a matrix that has no inverse or is not positive definite."""

    @functools.wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except numpy.linalg.LinAlgError as error:
            raise MXNetError(f"linalg: {error}") from None

    return guarded


_cholesky, _inv = _lapack(_algebra.cholesky), _lapack(_algebra.inv)
_solve, _eigh = _lapack(_algebra.solve), _lapack(_algebra.eigh)


def _transposed(A: Any) -> Any:
    return _f.swapaxes(A, -1, -2)


def _triangular(A: NDArray, lower: bool) -> NDArray:
    """A with zeros in the other triangle."""
    mask = numpy.tri(A.shape[-1])
    return A * _f.to_array(ND, mask if lower else mask.T, A.dtype)


@op
def gemm2(
    A: NDArray,
    B: NDArray,
    transpose_a: bool = False,
    transpose_b: bool = False,
    alpha: float = 1.0,
    axis: int = -2,
) -> NDArray:
    """Return alpha * A @ B, of the matrices or their transposes.

    Parameters
    ----------
    A, B : NDArray, shape (..., m, k) and (..., k, n)
    transpose_a, transpose_b : bool
    alpha : float
    axis : int
        That of the matrices' rows.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.linalg.gemm2(nd.ones((1, 2)), nd.ones((1, 2)), transpose_b=True, alpha=3).asnumpy()
    array([[6.]], dtype=float32)
    """
    _floats("gemm2", A, B)
    if axis not in (-2, A.ndim - 2):
        A, B = _f.swapaxes(A, axis, -2), _f.swapaxes(B, axis, -2)
        return _f.swapaxes(gemm2(A, B, transpose_a, transpose_b, alpha), axis, -2)
    A = _transposed(A) if transpose_a else A
    B = _transposed(B) if transpose_b else B
    product = _f.matmul(A, B)
    return product if alpha == 1 else product * alpha


@op
def gemm(
    A: NDArray,
    B: NDArray,
    C: NDArray,
    transpose_a: bool = False,
    transpose_b: bool = False,
    alpha: float = 1.0,
    beta: float = 1.0,
    axis: int = -2,
) -> NDArray:
    """Return alpha * A @ B + beta * C, of the matrices A and B or their transposes.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.linalg.gemm(nd.ones((1, 2)), nd.ones((2, 1)), nd.ones((1, 1)), beta=5).asnumpy()
    array([[7.]], dtype=float32)
    """
    product = gemm2(A, B, transpose_a, transpose_b, alpha, axis)
    if product.shape != C.shape:
        raise ShapeError(f"linalg.gemm: C must have shape {product.shape}, not {C.shape}")
    return product + (C if beta == 1 else C * beta)


@op
def syrk(A: NDArray, transpose: bool = False, alpha: float = 1.0) -> NDArray:
    """Return alpha * A @ A.T, or alpha * A.T @ A with `transpose`.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.linalg.syrk(nd.array([[1, 2]]), transpose=True).asnumpy()
    array([[1., 2.],
           [2., 4.]], dtype=float32)
    """
    return gemm2(A, A, transpose, not transpose, alpha)


def _side(name: str, A: NDArray, B: NDArray, rightside: bool) -> None:
    _square(name, A)
    _floats(name, A, B)
    if B.ndim != A.ndim or B.shape[-1 if rightside else -2] != A.shape[-1]:
        side = "right" if rightside else "left"
        raise ShapeError(
            f"linalg.{name}: A of shape {A.shape} does not fit to the {side} of B of {B.shape}"
        )


@op
def trmm(
    A: NDArray,
    B: NDArray,
    transpose: bool = False,
    rightside: bool = False,
    lower: bool = True,
    alpha: float = 1.0,
) -> NDArray:
    """Return alpha * A @ B with a triangular A, of which the other triangle is not read.

    Parameters
    ----------
    A : NDArray, shape (..., n, n)
    B : NDArray, shape (..., n, m), or (..., m, n) with `rightside`
    transpose : bool
        Take A.T.
    rightside : bool
        Return alpha * B @ A.
    lower : bool
        Whether A is a lower triangle.
    alpha : float

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.linalg.trmm(nd.array([[1, 9], [1, 1]]), nd.ones((2, 1))).asnumpy()
    array([[1.],
           [2.]], dtype=float32)
    """
    _side("trmm", A, B, rightside)
    A = _triangular(A, lower)
    if rightside:
        return gemm2(B, A, False, transpose, alpha)
    return gemm2(A, B, transpose, False, alpha)


@op
def trsm(
    A: NDArray,
    B: NDArray,
    transpose: bool = False,
    rightside: bool = False,
    lower: bool = True,
    alpha: float = 1.0,
) -> NDArray:
    """Return X with A @ X = alpha * B, and a triangular A; see `trmm` for the arguments.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.linalg.trsm(nd.array([[1, 9], [1, 1]]), nd.array([[1], [2]])).asnumpy()
    array([[1.],
           [1.]], dtype=float32)
    """
    _side("trsm", A, B, rightside)
    A = _triangular(A, lower)
    if transpose != rightside:
        A = _transposed(A)
    X = _transposed(_solve(A, _transposed(B))) if rightside else _solve(A, B)
    return X if alpha == 1 else X * alpha


@op
def potrf(A: NDArray) -> NDArray:
    """Return the Cholesky factor: lower triangular L with L @ L.T = A.

    Raises
    ------
    MXNetError
        If A is not positive definite.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.linalg.potrf(nd.array([[4, 2], [2, 5]])).asnumpy()
    array([[2., 0.],
           [1., 2.]], dtype=float32)
    """
    _square("potrf", A)
    _floats("potrf", A)
    return _cholesky(A)


@op
def potri(A: NDArray) -> NDArray:
    """Return the inverse of the matrix whose Cholesky factor is A: inv(A @ A.T).

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.linalg.potri(nd.array([[2, 0], [0, 1]])).asnumpy()
    array([[0.25, 0.  ],
           [0.  , 1.  ]], dtype=float32)
    """
    _square("potri", A)
    _floats("potri", A)
    return syrk(_inv(_triangular(A, True)), transpose=True)


@op
def gelqf(A: NDArray) -> list[NDArray]:
    """Return Q and L with A = L @ Q, Q with orthonormal rows and L lower triangular.

    A must not have more rows than columns.

    Examples
    --------
    >>> from microlazy import nd
    >>> Q, L = nd.linalg.gelqf(nd.array([[3, 4]]))
    >>> nd.dot(L, Q).asnumpy().round(4)
    array([[3., 4.]], dtype=float32)
    """
    _floats("gelqf", A)
    if A.ndim < 2 or A.shape[-2] > A.shape[-1]:
        raise ShapeError(f"linalg.gelqf: A must not have more rows than columns, not {A.shape}")
    Q, R = _algebra.qr(_transposed(A))
    return [_transposed(Q), _transposed(R)]


@op
def syevd(A: NDArray) -> list[NDArray]:
    """Return U and the ascending eigenvalues of symmetric matrices, A = U.T @ diag(L) @ U.

    The rows of U are the eigenvectors; the largest element of each is positive.

    Examples
    --------
    >>> from microlazy import nd
    >>> U, L = nd.linalg.syevd(nd.array([[2, 1], [1, 2]]))
    >>> L.asnumpy().round(4)
    array([1., 3.], dtype=float32)
    """
    _square("syevd", A)
    _floats("syevd", A)
    values, vectors = _eigh(A)
    U = _transposed(vectors)
    size = _f.unary_op("abs", _f.detach(U))
    largest = _nn.pick(_f.detach(U), _f.arg("argmax", size, -1), -1, keepdims=True)
    return [U * (2.0 * (largest >= 0) - 1.0), values]


@op
def inverse(A: NDArray) -> NDArray:
    """Return the inverse of square matrices.

    Raises
    ------
    MXNetError
        If there is none.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.linalg.inverse(nd.array([[2, 0], [0, 4]])).asnumpy()
    array([[0.5 , 0.  ],
           [0.  , 0.25]], dtype=float32)
    """
    _square("inverse", A)
    _floats("inverse", A)
    return _inv(A)


@op
def det(A: NDArray) -> NDArray:
    """Return the determinant of square matrices.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.linalg.det(nd.array([[2, 1], [0, 4]])).asnumpy()
    array([8.], dtype=float32)
    """
    _square("det", A)
    _floats("det", A)
    return _algebra.det(A)


@op
def slogdet(A: NDArray) -> list[NDArray]:
    """Return the sign of the determinant and the logarithm of its absolute value.

    Examples
    --------
    >>> from microlazy import nd
    >>> sign, log = nd.linalg.slogdet(nd.array([[-1, 0], [0, 1]]))
    >>> sign.asnumpy(), log.asnumpy()
    (array([-1.], dtype=float32), array([0.], dtype=float32))
    """
    _square("slogdet", A)
    _floats("slogdet", A)
    return list(_algebra.slogdet(A))


@op
def sumlogdiag(A: NDArray) -> NDArray:
    """Return the sum of the logarithms of the diagonal.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.linalg.sumlogdiag(nd.array([[1, 5], [7, 1]])).asnumpy()
    array([0.], dtype=float32)
    """
    _square("sumlogdiag", A)
    return _f.reduction("sum", _f.unary_op("log", _triangles.diagonal(A)), -1)


@op
def extractdiag(A: NDArray, offset: int = 0) -> NDArray:
    """Return a diagonal of square matrices, above (offset > 0) or below the main one.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.linalg.extractdiag(nd.array([[1, 2], [3, 4]])).asnumpy()
    array([1., 4.], dtype=float32)
    """
    _square("extractdiag", A)
    return _triangles.diagonal(A, offset)


@op
def makediag(A: NDArray, offset: int = 0) -> NDArray:
    """Return matrices with the last axis on a diagonal and 0 elsewhere.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.linalg.makediag(nd.array([1, 2])).asnumpy()
    array([[1., 0.],
           [0., 2.]], dtype=float32)
    """
    return _triangles.from_diagonal(A, offset)


@op
def extracttrian(A: NDArray, offset: int = 0, lower: bool = True) -> NDArray:
    """Return a triangle of square matrices, row by row.

    Parameters
    ----------
    A : NDArray, shape (..., n, n)
    offset : int
        Take the upper triangle from this diagonal on (> 0), or the lower one (< 0).
    lower : bool
        Which triangle, if the offset is 0.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.linalg.extracttrian(nd.array([[1, 2], [3, 4]])).asnumpy()
    array([1., 3., 4.], dtype=float32)
    """
    return _triangles.triangle(A, offset, offset < 0 or (offset == 0 and lower))


@op
def maketrian(A: NDArray, offset: int = 0, lower: bool = True) -> NDArray:
    """Return matrices with the last axis in a triangle and 0 elsewhere; see `extracttrian`.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.linalg.maketrian(nd.array([1, 3, 4])).asnumpy()
    array([[1., 0.],
           [3., 4.]], dtype=float32)
    """
    return _triangles.from_triangle(A, offset, offset < 0 or (offset == 0 and lower))
