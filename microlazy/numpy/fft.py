"""`mx.np.fft`: NumPy's Fourier transforms.

There are no complex dtypes here. What is complex comes back as an array of NumPy's own, which has
no gradient, so recorded arrays are refused. `npx.rfft` and `npx.irfft` transform real arrays to
real and imaginary parts and back, with gradients of every order.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as onp

from microlazy.base import MXNetError
from microlazy.context import Context
from microlazy.core import exchange
from microlazy.core import functions as _f
from microlazy.core.array import ndarray
from microlazy.core.creation import frequencies
from microlazy.core.tensor import Tensor
from microlazy.core.transforms import transformed
from microlazy.numpy.arguments import NP, as_array, on_cpu
from microlazy.ops.spectra import transform

__all__ = [
    "fft",
    "fft2",
    "fftfreq",
    "fftn",
    "fftshift",
    "hfft",
    "ifft",
    "ifft2",
    "ifftn",
    "ifftshift",
    "ihfft",
    "irfft",
    "irfft2",
    "irfftn",
    "rfft",
    "rfft2",
    "rfftfreq",
    "rfftn",
]


# ---- transforms ----------------------------------------------------------------------------------


def _transformed(name: str, a: Any, options: dict[str, Any]) -> Any:
    """What NumPy's function of a name gives: an array of its own if it is complex, else ours."""
    if isinstance(a, (list, tuple)) and any(isinstance(x, Tensor) for x in a):
        a = as_array(a)
    if isinstance(a, Tensor):
        if exchange.is_recorded(a):
            raise MXNetError(
                f"np.fft.{name}: complex numbers have no gradient here. Use npx.rfft and "
                "npx.irfft, whose results are real and imaginary parts, or detach() the array"
            )
        a = a.asnumpy()
    a = onp.asarray(a)
    if a.dtype == onp.float16:
        a = a.astype(onp.float32)
    result = transform(name, a, **options)
    return result if result.dtype.kind == "c" else _f.from_numpy_result(NP, result, result.dtype)


_DOC = """{summary}.

    Parameters
    ----------
    a : array_like
        {takes}
    {sizes}
    norm : {{"backward", "ortho", "forward"}}, optional
        Whether the inverse is divided by the number of places, both by its root, or this one.

    Returns
    -------
    {returns}

    Raises
    ------
    MXNetError
        If `a` is recorded: no gradient passes through complex numbers. `npx.rfft` and `npx.irfft`
        have gradients.

    Examples
    --------
    >>> from microlazy import np
    >>> np.fft.{example}
    {result}
    """
_ONE = """n : int, optional
        How many places the {what} has: it is cut, or filled up with zeros.
    axis : int"""
_MORE = """s : sequence of int, optional
        How many places the {what} has along each axis: it is cut, or filled up with zeros.
    axes : sequence of int, optional
        {axes}."""
_COMPLEX = """numpy.ndarray
        Complex: of NumPy's own kind, as there are no complex dtypes here; complex64 for float16
        and float32, else complex128."""
_REAL = """ndarray
        Real, so an array of ours; float32 for complex64, else float64."""
_WHAT = {"hfft": "result", "irfft": "result", "irfft2": "result", "irfftn": "result"}


def _transform(name: str, summary: str, example: str, result: str) -> Callable[..., Any]:
    """Make the function of one of NumPy's transforms."""

    def along_axis(
        a: Any, n: int | None = None, axis: int = -1, norm: str | None = None, out: None = None
    ) -> Any:
        if n is None and axis == -1 and norm is None and out is None:
            small = transformed(name, a, 1)
            if small is not None:
                return small
        return _transformed(name, a, {"n": n, "axis": axis, "norm": norm, "out": out})

    def of_matrices(
        a: Any,
        s: Sequence[int] | None = None,
        axes: Sequence[int] | None = (-2, -1),
        norm: str | None = None,
        out: None = None,
    ) -> Any:
        if s is None and axes == (-2, -1) and norm is None and out is None:
            small = transformed(name, a, 2)
            if small is not None:
                return small
        return _transformed(name, a, {"s": s, "axes": axes, "norm": norm, "out": out})

    def along_axes(
        a: Any,
        s: Sequence[int] | None = None,
        axes: Sequence[int] | None = None,
        norm: str | None = None,
        out: None = None,
    ) -> Any:
        if s is None and axes is None and norm is None and out is None:
            small = transformed(name, a, 0)
            if small is not None:
                return small
        return _transformed(name, a, {"s": s, "axes": axes, "norm": norm, "out": out})

    what = _WHAT.get(name, "input")
    real = name in _WHAT
    function: Callable[..., Any]
    if name.endswith("2"):
        function, sizes = of_matrices, _MORE.format(what=what, axes="The last two by default")
    elif name.endswith("n"):
        last = "The last `len(s)`, or all, by default"
        function, sizes = along_axes, _MORE.format(what=what, axes=last)
    else:
        function, sizes = along_axis, _ONE.format(what=what)
    takes = "Real numbers, or an array of NumPy's with complex ones."
    if name in ("rfft", "rfft2", "rfftn", "ihfft"):
        takes = "Real numbers."
    function.__name__ = function.__qualname__ = name
    function.__doc__ = _DOC.format(
        summary=summary,
        takes=takes,
        sizes=sizes,
        returns=_REAL if real else _COMPLEX,
        example=example,
        result=result,
    )
    return function


_PLAIN = "Return the discrete Fourier transform"
_INVERSE = "Return what has a discrete Fourier transform"
_HALF = "for the frequencies that are not negative"
fft = _transform(
    "fft",
    f"{_PLAIN} along an axis",
    "fft(np.array([1, 0, 0]))",
    "array([1.+0.j, 1.+0.j, 1.+0.j], dtype=complex64)",
)
ifft = _transform(
    "ifft",
    f"{_INVERSE} along an axis",
    "ifft(np.array([2, 0]))",
    "array([1.+0.j, 1.+0.j], dtype=complex64)",
)
rfft = _transform(
    "rfft",
    f"{_PLAIN} of real numbers along an axis, {_HALF}",
    "rfft(np.array([1, 0, 0]))",
    "array([1.+0.j, 1.+0.j], dtype=complex64)",
)
irfft = _transform(
    "irfft",
    f"Return the real numbers that have a transform, given {_HALF}",
    "irfft(np.fft.rfft(np.array([1, 2, 3])), n=3)",
    "array([1., 2., 3.])",
)
hfft = _transform(
    "hfft",
    "Return the real transform of numbers whose negative half is the conjugate of the other",
    "hfft(np.array([1, 0]))",
    "array([1., 1.])",
)
ihfft = _transform(
    "ihfft",
    "Return what has a real transform",
    "ihfft(np.array([2, 0]))",
    "array([1.-0.j, 1.-0.j], dtype=complex64)",
)
fft2 = _transform(
    "fft2",
    f"{_PLAIN} of matrices",
    "fft2(np.array([[1, 0]]))",
    "array([[1.+0.j, 1.+0.j]], dtype=complex64)",
)
ifft2 = _transform(
    "ifft2",
    f"{_INVERSE}, for matrices",
    "ifft2(np.array([[2, 0]]))",
    "array([[1.+0.j, 1.+0.j]], dtype=complex64)",
)
rfft2 = _transform(
    "rfft2",
    f"{_PLAIN} of real matrices, {_HALF} of the last axis",
    "rfft2(np.array([[1, 0]]))",
    "array([[1.+0.j, 1.+0.j]], dtype=complex64)",
)
irfft2 = _transform(
    "irfft2",
    "Return the real matrices that have a transform",
    "irfft2(np.fft.rfft2(np.array([[1, 2]])))",
    "array([[1., 2.]])",
)
fftn = _transform(
    "fftn",
    f"{_PLAIN} along several axes",
    "fftn(np.array([[1, 0]]))",
    "array([[1.+0.j, 1.+0.j]], dtype=complex64)",
)
ifftn = _transform(
    "ifftn",
    f"{_INVERSE} along several axes",
    "ifftn(np.array([[2, 0]]))",
    "array([[1.+0.j, 1.+0.j]], dtype=complex64)",
)
rfftn = _transform(
    "rfftn",
    f"{_PLAIN} of real numbers along several axes, {_HALF} of the last",
    "rfftn(np.array([[1, 0]]))",
    "array([[1.+0.j, 1.+0.j]], dtype=complex64)",
)
irfftn = _transform(
    "irfftn",
    "Return the real numbers that have a transform along several axes",
    "irfftn(np.fft.rfftn(np.array([[1, 2]])))",
    "array([[1., 2.]])",
)


# ---- frequencies, shifts -------------------------------------------------------------------------


def _frequencies(name: str, result: str) -> Any:
    number = getattr(onp.fft, name)

    def function(
        n: int, d: float = 1.0, dtype: Any = None, *, ctx: Context | None = None, device: Any = None
    ) -> ndarray:
        if dtype is None and ctx is None and device is None:
            made = frequencies(n, d, name == "rfftfreq")
            if made is not None:
                return made
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
        places: Any = range(x.ndim)
        if axes is not None:
            places = axes if isinstance(axes, Iterable) else (axes,)
            places = onp.lib.array_utils.normalize_axis_tuple(tuple(places), x.ndim)
        moved = x
        for place in places:
            moved = _f.roll(moved, direction * (x.shape[place] // 2), place)
        return x.copy() if moved is x else moved

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
    from microlazy.foreign import missing

    raise missing("microlazy.np.fft", name, __all__)
