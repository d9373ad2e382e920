"""`mx.np.fft`: what of NumPy's `fft` works on real numbers; there are no complex dtypes.

`npx.rfft` and `npx.irfft` transform real arrays to real and imaginary parts and back.
"""

from collections.abc import Iterable
from typing import Any

import numpy as onp

from microlazy.context import Context
from microlazy.core import functions as _f
from microlazy.core.array import ndarray
from microlazy.numpy.arguments import NP, as_array, on_cpu
from microlazy.numpy.manipulation import roll

__all__ = ["fftfreq", "fftshift", "ifftshift", "rfftfreq"]


def _frequencies(name: str, result: str) -> Any:
    number = getattr(onp.fft, name)

    def function(
        n: int, d: float = 1.0, dtype: Any = None, *, ctx: Context | None = None, device: Any = None
    ) -> ndarray:
        ctx = on_cpu(ctx, device)
        return _f.on_context(_f.from_numpy_result(NP, number(n, d), dtype), ctx)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""Return the frequencies of a transform of n samples, d apart.

    Parameters
    ----------
    n : int
    d : float
    dtype : dtype or str, optional
        float32 by default.
    ctx, device : Context, optional

    Examples
    --------
    >>> from microlazy import np
    >>> np.fft.{name}(4)
    array({result})
    """
    return function


fftfreq = _frequencies("fftfreq", "[ 0.  ,  0.25, -0.5 , -0.25]")
rfftfreq = _frequencies("rfftfreq", "[0.  , 0.25, 0.5 ]")


def _shift(name: str, direction: int, summary: str, row: str, result: str) -> Any:
    def function(x: Any, axes: Any = None) -> ndarray:
        x = as_array(x)
        places = range(x.ndim) if axes is None else axes if isinstance(axes, Iterable) else (axes,)
        places = onp.lib.array_utils.normalize_axis_tuple(tuple(places), x.ndim)
        steps = [direction * (x.shape[place] // 2) for place in places]
        return roll(x, steps, list(places))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""{summary}.

    Parameters
    ----------
    x : array_like
    axes : int or tuple of int, optional
        All by default.

    Examples
    --------
    >>> from microlazy import np
    >>> np.fft.{name}(np.array({row}))
    array({result})
    """
    return function


fftshift = _shift(
    "fftshift",
    1,
    "Move the frequency 0 to the middle",
    "[0, 1, 2, -2, -1]",
    "[-2., -1.,  0.,  1.,  2.]",
)
ifftshift = _shift(
    "ifftshift", -1, "Move the frequency 0 back to the front", "[-1, 0, 1]", "[ 0.,  1., -1.]"
)


def __getattr__(name: str) -> Any:
    message = f"module 'microlazy.np.fft' has no attribute {name!r}"
    if hasattr(onp.fft, name):
        message += (
            ": its result is complex, and arrays are real; npx.rfft and npx.irfft have real and "
            "imaginary parts, and numpy.fft takes x.asnumpy()"
        )
    raise AttributeError(message)
