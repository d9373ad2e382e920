"""Convolution of vectors, and gradients along a line."""

from typing import Any

import numpy

from microlazy.core import functions as f
from microlazy.core.lines import Convolution
from microlazy.core.ops.numpy_call import call_shaped


def same_gradient(g: Any, *others: Any, **options: Any) -> Any:
    """The gradient of what adds constants."""
    return g


def _length(a: Any, v: Any, mode: str) -> int:
    n, m = a.shape[0], v.shape[0]
    return n + m - 1 if mode == "full" else n if mode == "same" else n - m + 1


def _full_gradient(g: Any, a: Any, v: Any, mode: str) -> Any:
    """The gradient of all sums, of which "same" and "valid" leave some out at both ends."""
    missing = len(a) + len(v) - 1 - len(g)
    front = (len(v) - 1) // 2 if mode == "same" else missing // 2
    ends = [f.new_array(f.face_of(g), (n,), g.dtype, 0) for n in (front, missing - front)]
    return f.concatenate([ends[0], g, ends[1]]) if missing else g


def _by_first(g: Any, y: Any, a: Any, v: Any, mode: str) -> Any:
    return convolve(_full_gradient(g, a, v, mode), f.flip(v), "valid")


def _by_second(g: Any, y: Any, a: Any, v: Any, mode: str) -> Any:
    return convolve(_full_gradient(g, a, v, mode), f.flip(a), "valid")


def _convolved(a: numpy.ndarray, v: numpy.ndarray, mode: str) -> numpy.ndarray:
    """numpy.convolve, without its checks."""
    return numpy.correlate(a, v[::-1], mode)  # type: ignore[call-overload]


_CONVOLUTION = Convolution(_convolved)


def convolve(a: Any, v: Any, mode: str) -> Any:
    """numpy.convolve of a vector and one that is not longer."""
    dtype = a.dtype if a.dtype == v.dtype else numpy.result_type(a.dtype, v.dtype)
    options = {"mode": mode}
    return call_shaped(
        _CONVOLUTION, [a, v], (_length(a, v, mode),), dtype, options, (_by_first, _by_second)
    )
