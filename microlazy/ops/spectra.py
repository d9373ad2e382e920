"""Discrete Fourier transforms of real arrays, as pairs of real and imaginary parts.

There are no complex dtypes. The transform and its inverse are each other's gradients, up to
factors.
"""

import importlib
import math
from typing import Any, TypeVar

import numpy

from microlazy.core import functions as f
from microlazy.core.ops.numpy_call import call
from microlazy.core.parallel import get_num_threads
from microlazy.core.tensor import Tensor
from microlazy.ops.checks import axis_of
from microlazy.ops.linear_algebra import in_floats
from microlazy.ops.precision import half_in_single

__all__ = ["irfft", "rfft"]

A = TypeVar("A", bound=Tensor)


_MANY = 1 << 14  # elements from which SciPy's transforms are faster than NumPy's
_KINDS = ("float32", "float64", "complex64", "complex128")


def transform(name: str, x: numpy.ndarray, out: Any = None, **options: Any) -> numpy.ndarray:
    """A transform of numpy.fft; large ones by SciPy's vector loops and all threads.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.ops.spectra import transform
    >>> transform("rfft", numpy.array([1.0, 0.0]), axis=-1)
    array([1.+0.j, 1.+0.j])
    """
    if x.size >= _MANY and out is None and x.dtype in _KINDS:
        try:
            function = getattr(importlib.import_module("scipy.fft"), name)
            return function(x, workers=get_num_threads(), **options)
        except (TypeError, ValueError):  # which NumPy explains in its own words
            pass
    return getattr(numpy.fft, name)(x, out=out, **options)


def _parts(x: numpy.ndarray) -> numpy.ndarray:
    spectrum = transform("rfft", x, axis=-1)
    return numpy.stack([spectrum.real, spectrum.imag])


def _shape_of_parts(x: Any) -> tuple[Any, Any]:
    return (2, *x.shape[:-1], x.shape[-1] // 2 + 1), x.dtype


def _signal(parts: numpy.ndarray, n: int) -> numpy.ndarray:
    spectrum = numpy.empty(parts.shape[1:], "complex64" if parts.itemsize == 4 else "complex128")
    spectrum.real, spectrum.imag = parts
    return transform("irfft", spectrum, n=n, axis=-1)


def _shape_of_signal(parts: Any, n: int) -> tuple[Any, Any]:
    return (*parts.shape[1:-1], n), parts.dtype


def _counts(g: Tensor, n: int) -> Tensor:
    """How often each frequency occurs in the whole spectrum: its ends once, the others twice."""
    counts = numpy.full(n // 2 + 1, 2.0)
    counts[0] = 1.0
    if n % 2 == 0:
        counts[-1] = 1.0
    return f.from_numpy_result(f.face_of(g), counts, g.dtype)


def _forward(x: A) -> A:
    """Both parts, one behind the other, of the transform along the last axis."""

    def rule(g: Tensor, y: Tensor, x: Tensor) -> Tensor:
        n = x.shape[-1]
        return n * _backward(g / _counts(g, n), n)

    return call(_parts, [x], {}, (rule,), _shape_of_parts)


def _backward(parts: A, n: int) -> A:
    """The signal of n places that has the transform."""

    def rule(g: Tensor, y: Tensor, parts: Tensor, n: int) -> Tensor:
        return _forward(g) * (_counts(g, n) / n)

    return call(_signal, [parts], {"n": n}, (rule,), _shape_of_signal)


def _resized(x: A, n: int) -> A:
    """The last axis cut, or filled up with zeros, to n places."""
    size = x.shape[-1]
    if n <= size:
        return x if n == size else f.slice_axis(x, -1, 0, n)
    zeros = f.new_array(f.face_of(x), (*x.shape[:-1], n - size), x.dtype, 0)
    return f.concatenate([x, zeros], -1)


def _scale(name: str, norm: str | None, n: int) -> float:
    """What the transform is multiplied with, and its inverse divided by."""
    scales = {None: 1.0, "backward": 1.0, "ortho": 1.0 / math.sqrt(n), "forward": 1.0 / n}
    if norm not in scales:
        raise ValueError(f"{name}: norm is 'backward', 'ortho' or 'forward', not {norm!r}")
    return scales[norm]


def _length(name: str, n: Any) -> int:
    if n < 1:
        raise ValueError(f"{name}: there must be one place or more, not {n}")
    return int(n)


@half_in_single
def rfft(x: A, n: int | None = None, axis: int = -1, norm: str | None = None) -> tuple[A, A]:
    """Return the discrete Fourier transform of real numbers, as its real and imaginary parts.

    It has gradients of every order. The power spectrum is `real**2 + imag**2`.

    Parameters
    ----------
    x : array
        Integers become float32.
    n : int, optional
        The axis is cut, or filled up with zeros, to n places first.
    axis : int
    norm : {"backward", "ortho", "forward"}, optional
        Whether the inverse is divided by n, both by its root, or this one by n.

    Returns
    -------
    tuple of array
        The parts for the n // 2 + 1 frequencies that are not negative, in x's dtype.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> real, imag = npx.rfft(np.array([0, 1, 0, -1]))
    >>> real, imag
    (array([0., 0., 0.]), array([ 0., -2.,  0.]))
    """
    x = in_floats(x)
    axis = axis_of("rfft", axis, x)
    n = _length("rfft", x.shape[axis] if n is None else n)
    parts = _forward(_resized(f.swapaxes(x, axis, -1), n)) * _scale("rfft", norm, n)
    return f.swapaxes(parts[0], axis, -1), f.swapaxes(parts[1], axis, -1)


@half_in_single
def irfft(real: A, imag: A, n: int | None = None, axis: int = -1, norm: str | None = None) -> A:
    """Return the real numbers that have a discrete Fourier transform; the inverse of `rfft`.

    Parameters
    ----------
    real, imag : array
        Its parts, of one shape.
    n : int, optional
        The size of the axis; 2 * (frequencies - 1) by default, so give an odd one. Frequencies
        above n // 2 are left out, missing ones are 0.
    axis : int
    norm : {"backward", "ortho", "forward"}, optional
        As in `rfft`.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.irfft(*npx.rfft(np.array([1, 2, 3])), n=3)
    array([1., 2., 3.])
    """
    if real.shape != imag.shape:
        raise ValueError(f"irfft: the parts have the shapes {real.shape} and {imag.shape}")
    parts = f.stack([in_floats(real), in_floats(imag)])
    axis = axis_of("irfft", axis, real)
    parts = f.swapaxes(parts, axis + 1, -1)
    n = _length("irfft", 2 * (parts.shape[-1] - 1) if n is None else n)
    signal = _backward(_resized(parts, n // 2 + 1), n) / _scale("irfft", norm, n)
    return f.swapaxes(signal, axis, -1)
