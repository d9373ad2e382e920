"""Linear algebra of stacks of matrices: LAPACK through NumPy, and the rules of the gradients.

The rules are those of Giles 2008, "An extended collection of matrix derivative results for forward
and reverse mode algorithmic differentiation"; of Walter, Lehmann and Lamour 2012, "On evaluating
higher-order derivatives of the QR decomposition of tall matrices with full column rank in forward
and reverse mode algorithmic differentiation"; and of Townsend 2016, "Differentiating the singular
value decomposition". They need simple eigenvalues and singular values where vectors are used.
"""

from typing import Any, TypeVar

import numpy

from microlazy.base import MXNetError
from microlazy.core import functions as f
from microlazy.core.loops import matrices, matrix_gradients, rotations
from microlazy.core.ops.numpy_call import call, call_many
from microlazy.core.tensor import Tensor
from microlazy.ops.precision import half_in_single

A = TypeVar("A", bound=Tensor)
LinAlgError = numpy.linalg.LinAlgError
_FAR_FROM_SINGULAR = {"float64": 1e3, "float32": 1e8}  # condition numbers below it, in float64


# ---- small pieces --------------------------------------------------------------------------------


_mm = f.matmul


def _t(a: Tensor) -> Tensor:
    return f.swapaxes(a, -1, -2)


def _constant(like: Tensor, values: numpy.ndarray) -> Tensor:
    return f.from_numpy_result(f.face_of(like), values, like.dtype)


def _eye(like: Tensor, n: int) -> Tensor:
    return _constant(like, numpy.eye(n))


def _columns_times(a: Tensor, w: Tensor) -> Tensor:
    """a @ diag(w)."""
    return a * f.expand_dims(w, -2)


def _diagonal(a: Tensor) -> Tensor:
    return f.reduction("sum", a * _eye(a, a.shape[-1]), -1)


def _inverse_of_gaps(w: Tensor) -> Tensor:
    """1 / (w[j] - w[i]) at [i, j], and 0 where they are equal."""
    gaps = f.expand_dims(w, -2) - f.expand_dims(w, -1)
    return _inverse_or_zero(gaps)


def _inverse_or_zero(x: Tensor) -> Tensor:
    nothing = x == 0
    return f.where(nothing, 0, 1 / f.where(nothing, 1, x))


def _symmetric(a: Tensor) -> Tensor:
    return (a + _t(a)) / 2


def _lower(a: Tensor, diagonal: float) -> Tensor:
    """The part below the diagonal, and the diagonal times a number."""
    n = a.shape[-1]
    return a * _constant(a, numpy.tri(n, k=-1) + diagonal * numpy.eye(n))


def in_floats(a: A) -> A:
    """The array itself if it holds floats, else as float32."""
    return f.as_float(a)


def _square(a: Tensor, **options: Any) -> tuple[tuple[int, ...], Any]:
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise LinAlgError(f"expected square matrices, but the array has shape {a.shape}")
    return a.shape, a.dtype


# ---- inverse, determinant ------------------------------------------------------------------------


@half_in_single
def inv(a: A) -> A:
    """The inverse of square matrices."""
    return call(
        matrices.inv,
        [in_floats(a)],
        gradients=(lambda g, y, a: -_mm(_mm(_t(y), g), _t(y)),),
        result=_square,
        direct=matrix_gradients.of_inv,
    )


def _stack_of_numbers(a: Tensor, **options: Any) -> tuple[tuple[int, ...], Any]:
    return _square(a)[0][:-2], a.dtype


@half_in_single
def det(a: A) -> A:
    """The determinant; its gradient is right for singular matrices as well."""
    return call(
        matrices.det,
        [in_floats(a)],
        gradients=(lambda g, y, a: _as_matrix(g, a) * _cofactors(a),),
        result=_stack_of_numbers,
        direct=matrix_gradients.of_det,
    )


def _as_matrix(g: Tensor, a: Tensor) -> Tensor:
    """A number for each matrix as matrices of size 1; under nd a lone number has shape (1,)."""
    return f.reshape(g, (*a.shape[:-2], 1, 1))


def _cofactors(a: Tensor) -> Tensor:
    return call(_cofactor_matrices, [a], gradients=(_gradient_of_cofactors,), result=_square)


def _cofactor_matrices(a: numpy.ndarray) -> numpy.ndarray:
    """det(A) inv(A).T by the singular value decomposition, for singular matrices as well."""
    if a.ndim == 2 and (inverse := _inverse_of_regular(a)) is not None:
        sign, logarithm = matrices.slogdet(a.astype("float64"))
        return sign * numpy.exp(logarithm) * inverse.T
    u, s, vt = numpy.linalg.svd(rotations.without_infinity(a))
    n = s.shape[-1]
    others = numpy.where(numpy.eye(n, dtype=bool), 1, s[..., None, :]).prod(-1)
    sign = numpy.linalg.det(u) * numpy.linalg.det(vt)
    return (u * (sign[..., None] * others)[..., None, :]) @ vt


def _inverse_of_regular(a: numpy.ndarray) -> numpy.ndarray | None:
    """The inverse, in float64, of a matrix that is far from singular; None for another."""
    try:
        inverse = matrices.inv(a.astype("float64"))
    except LinAlgError:
        return None
    far = abs(a).sum(0).max() * abs(inverse).sum(0).max() < _FAR_FROM_SINGULAR[a.dtype.name]
    return inverse if far else None


def _gradient_of_cofactors(g: Tensor, y: Tensor, a: Tensor) -> Tensor:
    inverse = _t(inv(a))
    along = f.reduction("sum", g * inverse, (-2, -1), True)
    return _as_matrix(det(a), a) * (along * inverse - _mm(_mm(inverse, _t(g)), inverse))


def _two_stacks(a: Tensor) -> tuple[list[tuple[int, ...]], Any]:
    shape, dtype = _stack_of_numbers(a)
    return [shape, shape], dtype


@half_in_single
def slogdet(a: A) -> tuple[A, A]:
    """The sign of the determinant and the logarithm of its absolute value."""
    return call_many(
        matrices.slogdet,
        [in_floats(a)],
        gradients=(lambda gs, _ys, a: _as_matrix(gs[1], a) * _t(inv(a)),),
        results=_two_stacks,
    )


# ---- systems of equations ------------------------------------------------------------------------


def _solution(a: Tensor, b: Tensor) -> tuple[tuple[int, ...], Any]:
    n = _square(a)[0][-1]
    if b.shape[-2] != n:
        raise LinAlgError(f"solve: matrices of shape {a.shape} do not fit b of shape {b.shape}")
    stack = numpy.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return (*stack, n, b.shape[-1]), numpy.result_type(a.dtype, b.dtype)


@half_in_single
def solve(a: A, b: A) -> A:
    """x such that a @ x = b, for matrices b."""
    return call(
        matrices.solve,
        [in_floats(a), in_floats(b)],
        gradients=(
            lambda g, y, a, b: -_mm(solve(_t(a), g), _t(y)),
            lambda g, y, a, b: solve(_t(a), g),
        ),
        result=_solution,
        direct=matrix_gradients.of_solve,
    )


def _swapped(a: Tensor, **options: Any) -> tuple[tuple[int, ...], Any]:
    return (*a.shape[:-2], a.shape[-1], a.shape[-2]), a.dtype


@half_in_single
def pinv(a: A, rcond: float = 1e-15, hermitian: bool = False) -> A:
    """The Moore-Penrose inverse; singular values below rcond times the largest count as 0."""
    return call(
        _pinv,
        [in_floats(a)],
        {"rcond": rcond, "hermitian": hermitian},
        gradients=(lambda g, y, a, **options: _gradient_of_pinv(g, y, a),),
        result=_swapped,
        direct=_direct_gradient_of_pinv,
    )


def _pinv(a: numpy.ndarray, rcond: Any, hermitian: bool) -> numpy.ndarray:
    if hermitian or not isinstance(rcond, float):
        return numpy.linalg.pinv(rotations.without_infinity(a), rcond, hermitian)
    return rotations.pinv(a, rcond)


def _direct_gradient_of_pinv(
    g: numpy.ndarray, y: numpy.ndarray, a: numpy.ndarray, rcond: Any, hermitian: bool
) -> numpy.ndarray | None:
    return matrix_gradients.of_pinv(g, y, a)


def _gradient_of_pinv(g: Tensor, p: Tensor, a: Tensor) -> Tensor:
    """Golub and Pereyra 1973, "The differentiation of pseudo-inverses", equation 4.12."""
    m, n = a.shape[-2:]
    pt, gt = _t(p), _t(g)
    outside = _eye(a, m) - _mm(a, p)
    inside = _eye(a, n) - _mm(p, a)
    return (
        _mm(_mm(outside, gt), _mm(p, pt)) + _mm(_mm(pt, p), _mm(gt, inside)) - _mm(_mm(pt, g), pt)
    )


def _least_squares(a: numpy.ndarray, b: numpy.ndarray, rcond: float | None) -> numpy.ndarray:
    return numpy.linalg.lstsq(rotations.without_infinity(a), b, rcond)[0]


def matrix_rank(a: A, **options: Any) -> A:
    """How many singular values are not 0, as int64."""
    return call(_matrix_rank, [in_floats(a)], options, dtype="int64")


def _matrix_rank(a: numpy.ndarray, **options: Any) -> numpy.ndarray:
    return numpy.linalg.matrix_rank(rotations.without_infinity(a), **options)


@half_in_single
def least_squares(a: A, b: A, rcond: float | None) -> A:
    """The shortest x among those that make a @ x nearest to b, for matrices a and b."""

    def by_a(g: Tensor, y: Tensor, a: Tensor, b: Tensor, rcond: float) -> Tensor:
        return _gradient_of_pinv(_mm(g, _t(b)), pinv(a, rcond), a)

    def by_b(g: Tensor, y: Tensor, a: Tensor, b: Tensor, rcond: float) -> Tensor:
        return _mm(_t(pinv(a, rcond)), g)

    if rcond is None:
        rcond = float(numpy.finfo(a.dtype).eps) * max(a.shape)
    return call(
        _least_squares,
        [a, b],
        {"rcond": rcond},
        gradients=(by_a, by_b),
        result=lambda a, b, rcond: ((a.shape[1], b.shape[1]), a.dtype),
    )


# ---- decompositions ------------------------------------------------------------------------------


@half_in_single
def cholesky(a: A) -> A:
    """The lower triangular L with L @ L.T = a; reads the lower triangle of a."""
    return call(
        numpy.linalg.cholesky,
        [in_floats(a)],
        gradients=(gradient_of_cholesky,),
        result=_square,
    )


def gradient_of_cholesky(g: Tensor, y: Tensor, a: Tensor) -> Tensor:
    """Giles 2008, section 2.2; Murray 2016, "Differentiation of the Cholesky decomposition"."""
    inverse = inv(y)
    middle = _lower(_mm(_t(y), g), 0.5)
    return _symmetric(_mm(_mm(_t(inverse), middle), inverse))


def _tall_qr_shapes(a: Tensor) -> tuple[list[tuple[int, ...]], Any]:
    n = a.shape[-1]
    return [a.shape, (*a.shape[:-2], n, n)], a.dtype


def _gradient_of_qr(gs: tuple[Tensor, ...], ys: tuple[Tensor, ...], a: Tensor) -> Tensor:
    """Walter et al. 2012, equation 25."""
    (gq, gr), (q, r) = gs, ys
    m = _mm(r, _t(gr)) - _mm(_t(gq), q)
    below = _lower(m, 0.0)
    right = gq + _mm(q, _lower(m, 1.0) + _t(below))
    return _t(solve(r, _t(right)))


@half_in_single
def qr(a: A) -> tuple[A, ...]:
    """Q with orthonormal columns and upper triangular R with Q @ R = a."""
    a = in_floats(a)
    m, n = a.shape[-2:]
    if m >= n:
        return call_many(
            matrix_gradients.qr,
            [a],
            gradients=(_gradient_of_qr,),
            results=_tall_qr_shapes,
            direct=matrix_gradients.of_qr,
        )
    left: Any = a[..., :m]
    q, left = qr(left)
    return q, f.concatenate([left, _mm(_t(q), a[..., m:])], -1)


@half_in_single
def qr_complete(a: A) -> tuple[A, ...]:
    """Q square; without a gradient where it has more columns than R needs."""
    a = in_floats(a)
    m, n = a.shape[-2:]
    if m <= n:
        return qr(a)
    shapes = [(*a.shape[:-2], m, m), a.shape], a.dtype
    return call_many(numpy.linalg.qr, [a], {"mode": "complete"}, results=lambda a, mode: shapes)


def _values_and_vectors(a: Tensor, **options: Any) -> tuple[list[tuple[int, ...]], Any]:
    shape, dtype = _square(a)
    return [shape[:-1], shape], dtype


def _gradient_of_eigh(
    gs: tuple[Tensor, ...], ys: tuple[Tensor, ...], a: Tensor, UPLO: str
) -> Tensor:
    (gw, gv), (w, v) = gs, ys
    turned = _inverse_of_gaps(w) * _mm(_t(v), gv)
    return _symmetric(_mm(_columns_times(v, gw) + _mm(v, turned), _t(v)))


@half_in_single
def eigh(a: A, UPLO: str = "L") -> tuple[A, ...]:
    """Eigenvalues in ascending order and orthonormal eigenvectors of symmetric matrices."""
    return call_many(
        numpy.linalg.eigh,
        [in_floats(a)],
        {"UPLO": UPLO},
        gradients=(_gradient_of_eigh,),
        results=_values_and_vectors,
    )


def _direct_gradient_of_eigvalsh(
    g: numpy.ndarray, v: numpy.ndarray, a: numpy.ndarray, UPLO: str
) -> numpy.ndarray:
    return (v * g[..., None, :]) @ v.swapaxes(-1, -2)


def _vector_of_values(a: Tensor, **options: Any) -> tuple[tuple[int, ...], Any]:
    return _square(a)[0][:-1], a.dtype


@half_in_single
def eigvalsh(a: A, UPLO: str = "L") -> A:
    """Eigenvalues of symmetric matrices in ascending order."""

    def rule(g: Tensor, y: Tensor, a: Tensor, UPLO: str) -> Tensor:
        v = eigh(a, UPLO)[1]
        return _mm(_columns_times(v, g), _t(v))

    return call(
        rotations.eigvalsh,
        [in_floats(a)],
        {"UPLO": UPLO},
        gradients=(rule,),
        result=_vector_of_values,
        direct=_direct_gradient_of_eigvalsh,
        keeping=rotations.eigh,
    )


def _real(values: numpy.ndarray) -> numpy.ndarray:
    """The values as real numbers, which NumPy from 2.5 on never makes of them itself."""
    if values.imag.any():
        raise MXNetError(
            "eig: some eigenvalues are complex, and microlazy has no complex dtype; take "
            "numpy.linalg.eig(numpy.asarray(a))"
        )
    return values.real


def _eig(a: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    values, vectors = numpy.linalg.eig(a)
    return _real(values), vectors.real


def _eigvals(a: numpy.ndarray) -> numpy.ndarray:
    return _real(numpy.linalg.eigvals(a))


def _gradient_of_eig(gs: tuple[Tensor, ...], ys: tuple[Tensor, ...], a: Tensor) -> Tensor:
    """Giles 2008, section 3.1, for eigenvectors of length 1."""
    (gw, gv), (w, v) = gs, ys
    vt = _t(v)
    along = _mm(vt, gv)
    turned = _inverse_of_gaps(w) * (along - _columns_times(_mm(vt, v), _diagonal(along)))
    return solve(vt, _mm(turned + _columns_times(_eye(a, a.shape[-1]), gw), vt))


@half_in_single
def eig(a: A) -> tuple[A, ...]:
    """Eigenvalues and eigenvectors of length 1, where they are real."""
    return call_many(
        _eig, [in_floats(a)], gradients=(_gradient_of_eig,), results=_values_and_vectors
    )


@half_in_single
def eigvals(a: A) -> A:
    """Eigenvalues, where they are real."""

    def rule(g: Tensor, y: Tensor, a: Tensor) -> Tensor:
        vt = _t(eig(a)[1])
        return solve(vt, f.expand_dims(g, -1) * vt)

    return call(_eigvals, [in_floats(a)], gradients=(rule,), result=_vector_of_values)


def _svd_shapes(a: Tensor, full_matrices: bool) -> tuple[list[tuple[int, ...]], Any]:
    *stack, m, n = a.shape
    k = min(m, n)
    rows, columns = (m, n) if full_matrices else (k, k)
    return [(*stack, m, rows), (*stack, k), (*stack, columns, n)], a.dtype


def _gradient_of_svd(
    gs: tuple[Tensor, ...], ys: tuple[Tensor, ...], a: Tensor, full_matrices: bool
) -> Tensor:
    """Townsend 2016, section 3."""
    (gu, gs_, gvt), (u, s, vt) = gs, ys
    m, n = a.shape[-2:]
    gv, v = _t(gvt), _t(vt)
    gaps, inverse = _inverse_of_gaps(s * s), _inverse_or_zero(s)
    left, right = _mm(_t(u), gu), _mm(vt, gv)
    column = f.expand_dims(s, -1)
    core = (
        _columns_times(gaps * (left - _t(left)), s)
        + column * (gaps * (right - _t(right)))
        + _columns_times(_eye(a, s.shape[-1]), gs_)
    )
    total = _mm(_mm(u, core), vt)
    if m > n:
        outside = gu - _mm(u, left)
        total = total + _mm(_columns_times(outside, inverse), vt)
    if n > m:
        outside = gv - _mm(v, right)
        total = total + _mm(_columns_times(u, inverse), _t(outside))
    return total


@half_in_single
def svd(a: A, full_matrices: bool = False) -> tuple[A, ...]:
    """u, s and vt with a = u @ diag(s) @ vt; no gradient if u or vt is completed to a square."""
    a = in_floats(a)
    if a.ndim < 2:
        raise LinAlgError(f"svd: expected matrices, but the array has shape {a.shape}")
    full = full_matrices and a.shape[-1] != a.shape[-2]
    return call_many(
        _svd,
        [a],
        {"full_matrices": full},
        gradients=() if full else (_gradient_of_svd,),
        results=_svd_shapes,
        direct=_direct_gradient_of_svd,
    )


def _svd(a: numpy.ndarray, full_matrices: bool) -> tuple[numpy.ndarray, ...]:
    return numpy.linalg.svd(rotations.without_infinity(a), full_matrices)


def _direct_gradient_of_svd(
    gs: tuple[numpy.ndarray, ...],
    ys: tuple[numpy.ndarray, ...],
    a: numpy.ndarray,
    full_matrices: bool,
) -> numpy.ndarray | None:
    return matrix_gradients.of_svd(gs, ys, a)


def _values_and_both_vectors(a: numpy.ndarray) -> tuple[numpy.ndarray, Any]:
    u, s, vt = rotations.svd(a)
    return s, (u, vt)


def _direct_gradient_of_svdvals(
    g: numpy.ndarray, vectors: tuple[numpy.ndarray, ...], a: numpy.ndarray
) -> numpy.ndarray:
    u, vt = vectors
    return (u * g[..., None, :]) @ vt


@half_in_single
def svdvals(a: A) -> A:
    """Singular values in descending order."""

    def rule(g: Tensor, y: Tensor, a: Tensor) -> Tensor:
        u, _, vt = svd(a)
        return _mm(_columns_times(u, g), vt)

    return call(
        rotations.svdvals,
        [in_floats(a)],
        gradients=(rule,),
        direct=_direct_gradient_of_svdvals,
        keeping=_values_and_both_vectors,
    )


# ---- chains --------------------------------------------------------------------------------------


def chain(matrices: list[A]) -> A:
    """The product of matrices, in the order that is least work."""
    return _product(matrices, _cheapest_cuts(matrices), 0, len(matrices) - 1)


def _cheapest_cuts(matrices: list[A]) -> dict[tuple[int, int], int]:
    """Where to cut each run of matrices (Cormen et al., Introduction to Algorithms, 15.2)."""
    sizes = [matrices[0].shape[0], *(x.shape[1] for x in matrices)]
    cost = {(i, i): 0 for i in range(len(matrices))}
    cuts = {}
    for length in range(1, len(matrices)):
        for i in range(len(matrices) - length):
            j = i + length
            cost[i, j], cuts[i, j] = min(
                (cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            )
    return cuts


def _product(matrices: list[A], cuts: dict[tuple[int, int], int], i: int, j: int) -> A:
    if i == j:
        return matrices[i]
    cut = cuts[i, j]
    return _mm(_product(matrices, cuts, i, cut), _product(matrices, cuts, cut + 1, j))
