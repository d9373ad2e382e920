"""Polynomials as vectors of coefficients, that of the highest power first."""

from typing import Any

import numpy as onp

from microlazy.core import functions as _f
from microlazy.core import polynomials as _p
from microlazy.core.array import ndarray
from microlazy.core.ops.numpy_call import call
from microlazy.numpy.arguments import NP, as_array, as_arrays
from microlazy.numpy.differences import convolve
from microlazy.numpy.ranges import vander
from microlazy.ops.linear_algebra import least_squares

__all__ = [
    "poly",
    "polyadd",
    "polyder",
    "polydiv",
    "polyfit",
    "polyint",
    "polymul",
    "polysub",
    "polyval",
    "roots",
]


def _coefficients(p: Any) -> ndarray:
    p = as_array(p)
    if p.ndim > 1:
        raise ValueError(f"coefficients must be a vector, not an array of shape {p.shape}")
    return _f.reshape(p, p.size)


def polyval(p: Any, x: Any) -> ndarray:
    """Return the values of a polynomial, by Horner's rule.

    Parameters
    ----------
    p : array_like
        The coefficients.
    x : array_like
        Of any shape.

    Examples
    --------
    >>> from microlazy import np
    >>> np.polyval(np.array([1, 0, 5]), np.array([2, 3]))
    array([ 9., 14.])
    """
    p, x = as_arrays([p, x])
    p = _coefficients(p)
    y = x * 0
    for place in range(len(p)):
        y = y * x + p[place]
    return y


def _line_up(a1: Any, a2: Any) -> list[ndarray]:
    """Return two vectors with zeros before the shorter one."""
    vectors = [_coefficients(p) for p in as_arrays([a1, a2])]
    longest = max(len(p) for p in vectors)
    return [
        p
        if len(p) == longest
        else _f.concatenate([_f.new_array(_f.face_of(p), (longest - len(p),), p.dtype, 0), p])
        for p in vectors
    ]


def polyadd(a1: Any, a2: Any) -> ndarray:
    """Return the sum of two polynomials.

    Examples
    --------
    >>> from microlazy import np
    >>> np.polyadd(np.array([1, 2]), np.array([3, 0, 0]))
    array([3., 1., 2.])
    """
    small = _p.added(a1, a2, 1)
    if small is not None:
        return small
    first, second = _line_up(a1, a2)
    return first + second


def polysub(a1: Any, a2: Any) -> ndarray:
    """Return the difference of two polynomials.

    Examples
    --------
    >>> from microlazy import np
    >>> np.polysub(np.array([1, 2]), np.array([3, 0, 0]))
    array([-3.,  1.,  2.])
    """
    small = _p.added(a1, a2, -1)
    if small is not None:
        return small
    first, second = _line_up(a1, a2)
    return first - second


def polymul(a1: Any, a2: Any) -> ndarray:
    """Return the product of two polynomials.

    Examples
    --------
    >>> from microlazy import np
    >>> np.polymul(np.array([1, 2]), np.array([1, -2]))
    array([ 1.,  0., -4.])
    """
    first, second = (
        x if x.size else _f.new_array(NP, (1,), x.dtype, 0) for x in as_arrays((a1, a2))
    )
    return convolve(first, second)


def polydiv(u: Any, v: Any) -> tuple[ndarray, ndarray]:
    """Return the quotient and the remainder of two polynomials, by long division.

    Examples
    --------
    >>> from microlazy import np
    >>> np.polydiv(np.array([1, 3, 5]), np.array([1, 1]))
    (array([1., 2.]), array([3.]))
    """
    small = _p.divided(u, v)
    if small is not None:
        return small
    u, v = [_coefficients(p) for p in as_arrays([u, v])]
    count = len(v)
    quotient = []
    for _ in range(len(u) - count + 1):
        factor = u[:1] / v[:1]
        quotient.append(factor)
        head = u[:count] - factor * v
        u = _f.concatenate([head[1:], u[count:]])
    # NumPy leaves out leading zeros of the remainder, which must be looked at.
    nonzero = onp.flatnonzero(~onp.isclose(onp.asarray(u), 0, rtol=1e-14, atol=1e-14))
    first = int(nonzero[0]) if nonzero.size else max(len(u) - 1, 0)
    rest = u[first:] if len(u) else _f.new_array(_f.face_of(u), (1,), u.dtype, 0)
    return (_f.concatenate(quotient) if quotient else v[:1] * 0), rest


def polyder(p: Any, m: int = 1) -> ndarray:
    """Return the m-th derivative of a polynomial.

    Examples
    --------
    >>> from microlazy import np
    >>> np.polyder(np.array([1, 1, 1]))
    array([2., 1.])
    """
    small = _p.derivative(p, m)
    if small is not None:
        return small
    p = _coefficients(p)
    if m < 0:
        raise ValueError(f"polyder: m must not be negative: {m} (see polyint)")
    for _ in range(min(m, len(p))):
        powers = onp.arange(len(p) - 1, 0, -1)
        p = p[: max(len(p) - 1, 0)] * _f.to_array(_f.face_of(p), powers, p.dtype)
    return p


def polyint(p: Any, m: int = 1, k: Any = None) -> ndarray:
    """Return the m-th antiderivative of a polynomial; `k` holds the constants, 0 by default.

    Examples
    --------
    >>> from microlazy import np
    >>> np.polyint(np.array([2, 1]))
    array([1., 1., 0.])
    """
    small = _p.antiderivative(p, m, k)
    if small is not None:
        return small
    p = _coefficients(p)
    if m < 0:
        raise ValueError(f"polyint: m must not be negative: {m} (see polyder)")
    constants = _f.as_dtype(as_array(0 if k is None else k), p.dtype)
    if constants.size not in (1, m):
        raise ValueError(f"polyint: k must hold one constant or {m}, not {constants.size}")
    constants = _f.broadcast_to(_f.reshape(constants, constants.size), (m,))
    for step in range(m):
        powers = _f.to_array(_f.face_of(p), onp.arange(len(p), 0, -1), p.dtype)
        p = _f.concatenate([p / powers, constants[step : step + 1]])
    return p


def poly(seq_of_zeros: Any) -> ndarray:
    """Return the polynomial with these zeros, or the characteristic one of a matrix.

    Examples
    --------
    >>> from microlazy import np
    >>> np.poly(np.array([2, -2]))
    array([ 1.,  0., -4.])
    """
    small = _p.with_zeros(seq_of_zeros)
    if small is not None:
        return small
    zeros = as_array(seq_of_zeros)
    if zeros.ndim == 2:
        return call(onp.poly, [zeros])
    zeros = _coefficients(zeros)
    p = zeros[:1] * 0 + 1 if len(zeros) else _f.new_array(_f.face_of(zeros), (), zeros.dtype, 1)
    for place in range(len(zeros)):
        p = _f.concatenate([p, p[:1] * 0]) - _f.concatenate([p[:1] * 0, p * zeros[place]])
    return p


def roots(p: Any) -> ndarray:
    """Return the zeros of a polynomial, if they are real.

    Raises
    ------
    MXNetError
        If a zero is complex.

    Examples
    --------
    >>> from microlazy import np
    >>> np.roots(np.array([1, -3, 2]))
    array([2., 1.])
    """
    return call(onp.roots, [_coefficients(p)], gradients=(_roots_gradient,), dynamic=True)


def _roots_gradient(g: ndarray, y: ndarray, p: ndarray) -> ndarray:
    """From p(r) = 0: a root moves by -r**k / p'(r) as the coefficient of the power k grows."""
    return _f.matmul(-g / polyval(polyder(p), y), vander(y, len(p)))


def polyfit(
    x: Any,
    y: Any,
    deg: int,
    rcond: float | None = None,
    full: bool = False,
    w: Any = None,
    cov: Any = False,
) -> ndarray:
    """Return the polynomial that fits points best, in the sense of least squares.

    Parameters
    ----------
    x : array_like
        A vector of places.
    y : array_like
        Values: a vector, or a column for each of several polynomials.
    deg : int
        The degree.
    rcond : float, optional
        Singular values that are smaller than this share of the largest are left out.
    full, cov
        Not supported: diagnostics are NumPy's business.
    w : array_like, optional
        A weight for each point, which multiplies its residual.

    Examples
    --------
    >>> from microlazy import np
    >>> np.polyfit(np.array([0, 1, 2]), np.array([1, 3, 5]), 1).round(4)
    array([2., 1.])
    """
    if full or cov:
        raise ValueError("polyfit: full= and cov= are not supported; use numpy.polyfit for them")
    if deg < 0:
        raise ValueError(f"polyfit: the degree must not be negative: {deg}")
    x, y = as_arrays([x, y])
    if x.ndim != 1 or y.ndim not in (1, 2) or len(x) != len(y) or not len(x):
        raise ValueError(
            f"polyfit: x must be a vector that is not empty, and y of its length; their shapes "
            f"are {x.shape} and {y.shape}"
        )
    if x.dtype.kind != "f":
        x = x.astype("float32")
    if y.dtype.kind != "f":
        y = y.astype(x.dtype)
    if rcond is None:
        rcond = len(x) * float(onp.finfo(x.dtype).eps)
    columns = vander(x, deg + 1)
    if w is not None:
        w = as_array(w, x)
        columns = columns * _f.expand_dims(w, 1)
        y = y * (w if y.ndim == 1 else _f.expand_dims(w, 1))
    scale = _f.unary_op("sqrt", _f.reduction("sum", columns * columns, 0))
    solution = least_squares(
        columns / scale, _f.expand_dims(y, 1) if y.ndim == 1 else y, float(rcond)
    ) / _f.expand_dims(scale, 1)
    return _f.reshape(solution, -1) if y.ndim == 1 else solution
