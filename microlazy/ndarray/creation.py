"""Arrays made of numbers."""

from typing import Any

import numpy

from microlazy.context import Context, check_ctx
from microlazy.core import functions as _f
from microlazy.core.array import NDArray
from microlazy.core.exchange import from_buffer as _from_buffer
from microlazy.core.exchange import from_dlpack as _from_dlpack
from microlazy.numpy.creation import steps as _steps
from microlazy.ops.arguments import ND, op

__all__ = [
    "arange",
    "array",
    "empty",
    "eye",
    "from_dlpack",
    "from_numpy",
    "full",
    "linspace",
    "ones",
    "ones_like",
    "zeros",
    "zeros_like",
]


def array(
    source_array: Any, ctx: Context | None = None, dtype: Any = None, name: str | None = None
) -> NDArray:
    """Make an array from numbers, lists or another array; always a copy.

    Parameters
    ----------
    source_array : array_like
    ctx : Context, optional
    dtype : dtype or str, optional
        float32 by default; that of the source if it is one of our arrays.
    name : str, optional
        Accepted as on every function of nd; only symbols have names.

    Raises
    ------
    TypeError
        If the source does not hold numbers.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.array([[1, 2], [3, 4]])
    <BLANKLINE>
    [[1. 2.]
     [3. 4.]]
    <NDArray 2x2 @cpu(0)>
    """
    check_ctx(ctx)
    return _f.on_context(_f.to_array(ND, source_array, dtype), ctx)


def _filled(shape: Any, ctx: Context | None, dtype: Any, value: float | None) -> NDArray:
    check_ctx(ctx)
    return _f.on_context(_f.new_array(ND, shape, dtype, value), ctx)


def _dense(x: NDArray, stype: str | None) -> NDArray:
    return x if stype is None else x.tostype(stype)


@op
def zeros(
    shape: Any, ctx: Context | None = None, dtype: Any = None, stype: str | None = None
) -> NDArray:
    """Make an array of zeros.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.zeros((2,)).asnumpy()
    array([0., 0.], dtype=float32)
    """
    return _dense(_filled(shape, ctx, dtype, 0), stype)


@op
def ones(shape: Any, ctx: Context | None = None, dtype: Any = None) -> NDArray:
    """Make an array of ones.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.ones((2,)).asnumpy()
    array([1., 1.], dtype=float32)
    """
    return _filled(shape, ctx, dtype, 1)


@op
def full(
    shape: Any,
    val: float,
    ctx: Context | None = None,
    dtype: Any = None,
) -> NDArray:
    """Make an array of one value.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.full((2,), 7).asnumpy()
    array([7., 7.], dtype=float32)
    """
    return _filled(shape, ctx, dtype, val)


def empty(
    shape: Any, ctx: Context | None = None, dtype: Any = None, stype: str | None = None
) -> NDArray:
    """Make an array without setting its values.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.empty((2, 3)).shape
    (2, 3)
    """
    return _dense(_filled(shape, ctx, dtype, None), stype)


@op
def zeros_like(data: NDArray, dtype: Any = None) -> NDArray:
    """Make zeros of an array's shape and dtype, or of another dtype (which MXNet ignores).

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.zeros_like(nd.ones((2,))).asnumpy()
    array([0., 0.], dtype=float32)
    """
    made = _f.new_array(_f.face_of(data), data.shape, data.dtype if dtype is None else dtype, 0)
    return _f.beside(made, data)


@op
def ones_like(data: NDArray, dtype: Any = None) -> NDArray:
    """Make ones of an array's shape and dtype, or of another dtype (which MXNet ignores).

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.ones_like(nd.zeros((2,))).asnumpy()
    array([1., 1.], dtype=float32)
    """
    made = _f.new_array(_f.face_of(data), data.shape, data.dtype if dtype is None else dtype, 1)
    return _f.beside(made, data)


def arange(
    start: float,
    stop: float | None = None,
    step: float = 1.0,
    repeat: int = 1,
    infer_range: bool | None = None,
    ctx: Context | None = None,
    dtype: Any = None,
) -> NDArray:
    """Make the numbers from start (0 if only one bound is given) to before stop.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.arange(2, 4, repeat=2).asnumpy()
    array([2., 2., 3., 3.], dtype=float32)
    """
    check_ctx(ctx)
    numbers = _steps(start, stop, step).repeat(repeat)
    return _f.on_context(_f.from_numpy_result(ND, numbers, dtype), ctx)


def linspace(
    start: float,
    stop: float,
    num: int,
    endpoint: bool = True,
    ctx: Context | None = None,
    dtype: Any = None,
) -> NDArray:
    """Make `num` numbers, evenly spaced from start to stop.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.linspace(0, 1, 3).asnumpy()
    array([0. , 0.5, 1. ], dtype=float32)
    """
    check_ctx(ctx)
    numbers = numpy.linspace(start, stop, num, endpoint)
    return _f.on_context(_f.from_numpy_result(ND, numbers, dtype), ctx)


def eye(N: int, M: int = 0, k: int = 0, ctx: Context | None = None, dtype: Any = None) -> NDArray:
    """Make a matrix with ones on its k-th diagonal.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.eye(2).asnumpy()
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """
    check_ctx(ctx)
    return _f.on_context(_f.from_numpy_result(ND, numpy.eye(N, M or None, k), dtype), ctx)


def from_dlpack(dlpack: Any) -> NDArray:
    """Make an array on the memory of a DLPack capsule, or of an object with `__dlpack__`.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.from_dlpack(nd.ones((2,)).to_dlpack_for_read()).asnumpy()
    array([1., 1.], dtype=float32)
    """
    return _from_dlpack(ND, dlpack)


def from_numpy(ndarray: Any, zero_copy: bool = True) -> NDArray:
    """Make an array on the memory of a NumPy array, or a copy.

    With `zero_copy` a write to one is seen in the other.

    Examples
    --------
    >>> import numpy
    >>> from microlazy import nd
    >>> a = numpy.zeros(2, "float32")
    >>> x = nd.from_numpy(a)
    >>> x[0] = 3
    >>> a
    array([3., 0.], dtype=float32)
    """
    return _from_buffer(ND, ndarray) if zero_copy else array(ndarray, dtype=ndarray.dtype)
