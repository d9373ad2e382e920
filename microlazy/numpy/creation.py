"""Arrays from numbers, from other arrays and from the memory of others."""

import math
from collections.abc import Callable, Iterable
from itertools import chain, islice
from typing import Any

import numpy as onp

from microlazy.context import Context
from microlazy.core import creation as _creation
from microlazy.core import functions as _f
from microlazy.core.array import ndarray
from microlazy.core.exchange import from_buffer, vector_on
from microlazy.core.tensor import Tensor, nearest_dtype
from microlazy.numpy.arguments import NP, kind_of, need_array, on_cpu, written

__all__ = [
    "array",
    "asanyarray",
    "asarray",
    "ascontiguousarray",
    "astype",
    "copy",
    "copyto",
    "empty",
    "empty_like",
    "from_numpy",
    "frombuffer",
    "fromfunction",
    "fromiter",
    "full",
    "full_like",
    "ones",
    "ones_like",
    "zeros",
    "zeros_like",
]


def array(
    object: Any,
    dtype: Any = None,
    ctx: Context | None = None,
    *,
    copy: bool | None = True,
    order: str | None = "K",
    subok: bool = False,
    ndmin: int = 0,
    device: Any = None,
) -> ndarray:
    """Make an array from numbers, lists or another array; a copy unless `copy` says otherwise.

    Parameters
    ----------
    object : array_like
    dtype : dtype or str, optional
        float32 by default for numbers and lists, else that of the source.
    ctx, device : Context, optional
    copy : bool, optional
        False refuses to copy; None copies only where the memory cannot be shared.
    order : {"K", "A", "C"}
        The memory is always in C's order.
    subok : bool
        Accepted for compatibility.
    ndmin : int
        The least number of axes; missing ones are put in front, with size 1.

    Raises
    ------
    TypeError
        If the source does not hold numbers.

    Examples
    --------
    >>> from microlazy import np
    >>> np.array([[1, 2], [3, 4]])
    array([[1., 2.],
           [3., 4.]])
    """
    _need_c_order(order)
    if copy:
        made = _f.on_context(_f.to_array(NP, object, dtype), on_cpu(ctx, device))
    else:
        made = asarray(object, dtype, ctx=ctx, device=device, copy=copy)
    return made if made.ndim >= ndmin else made.reshape((1,) * (ndmin - made.ndim) + made.shape)


def asarray(
    a: Any,
    dtype: Any = None,
    order: str = "C",
    *,
    ctx: Context | None = None,
    device: Any = None,
    copy: bool | None = None,
) -> ndarray:
    """Return an array itself, an array on the memory of a NumPy array, or a new array.

    Parameters
    ----------
    a : array_like
    dtype : dtype or str, optional
        That of an array; of Python's numbers int64, bool or, as soon as one has a fraction,
        float32.
    copy : bool, optional
        True always copies, False never; None only where the memory cannot be shared.

    Raises
    ------
    ValueError
        With copy=False, if the values must be copied.

    Examples
    --------
    >>> from microlazy import np
    >>> x = np.ones(2)
    >>> np.asarray(x) is x
    True
    >>> np.asarray([1, 2])
    array([1, 2], dtype=int64)
    """
    plain = dtype is None and ctx is None and device is None and copy is None and order == "C"
    if plain and isinstance(a, ndarray):
        return a
    ctx = on_cpu(ctx, device)
    _need_c_order(order)
    if ctx is not None and not (isinstance(a, ndarray) and a.ctx == ctx):
        if copy is False:
            raise ValueError(f"asarray: {type(a).__name__} gets to {ctx} by a copy only")
        return _f.on_context(_f.detach(asarray(a, dtype, copy=True)), ctx)
    if dtype is None and not isinstance(a, (Tensor, onp.ndarray, onp.generic)):
        dtype = {"b": "bool", "i": "int64"}.get(kind_of(a))
    if copy:
        return _f.to_array(NP, a, dtype) if not isinstance(a, ndarray) else _cast(a, dtype, True)
    if isinstance(a, ndarray) and (dtype is None or a.dtype == dtype):
        return a
    if isinstance(a, onp.ndarray):
        kept = nearest_dtype(a.dtype) if dtype is None else dtype
        if a.dtype == kept and a.dtype.isnative:
            return from_buffer(NP, a)
    if copy is False:
        raise ValueError(
            f"asarray: {type(a).__name__} cannot become an array of {dtype or 'float32'} without "
            "a copy"
        )
    return a.astype(dtype) if isinstance(a, ndarray) else _f.to_array(NP, a, dtype)


asanyarray = asarray


def _cast(a: Any, dtype: Any, copy: bool) -> ndarray:
    return a.astype(a.dtype if dtype is None else dtype, copy=copy)


def _need_c_order(order: str | None) -> None:
    if order not in ("C", "K", "A", None):
        raise ValueError(f"only order='C' is supported, not {order!r}")


def ascontiguousarray(a: Any, dtype: Any = None) -> ndarray:
    """Return an array of at least one axis whose memory has no gaps: itself, or a copy.

    Examples
    --------
    >>> from microlazy import np
    >>> np.ascontiguousarray(np.ones((2, 3)).T).strides
    (8, 4)
    """
    x = a if dtype is None and isinstance(a, ndarray) else asarray(a, dtype)
    return _f.contiguous(x)


def astype(x: ndarray, dtype: Any, /, *, copy: bool = True, device: Any = None) -> ndarray:
    """Return an array in another dtype.

    Examples
    --------
    >>> from microlazy import np
    >>> np.astype(np.array([1.7]), np.int32)
    array([1], dtype=int32)
    """
    on_cpu(None, device)
    return _cast(x, dtype, copy)


def copy(
    a: ndarray, order: str = "C", out: ndarray | None = None, *, subok: bool = False
) -> ndarray:
    """Return a copy with memory of its own.

    Examples
    --------
    >>> from microlazy import np
    >>> np.copy(np.ones(1))
    array([1.])
    """
    _need_c_order(order)
    return written(out, a.copy() if isinstance(a, Tensor) else array(a))


def copyto(dst: ndarray, src: Any, *, where: Any = True) -> None:
    """Write values, broadcast, into an array: everywhere, or where a mask is true.

    Examples
    --------
    >>> from microlazy import np
    >>> x = np.zeros(3)
    >>> np.copyto(x, 7, where=np.array([True, False, True], dtype=bool))
    >>> x
    array([7., 0., 7.])
    """
    need_array("copyto", dst)
    if where is True:
        dst[...] = src
    else:
        source = src if isinstance(src, Tensor) else _f.to_array(NP, src, dst.dtype)
        mask = where if isinstance(where, Tensor) else _f.to_array(NP, where, "bool")
        dst[...] = _f.where(mask, source, dst)


def from_numpy(array: onp.ndarray, zero_copy: bool = True) -> ndarray:
    """Make an array on the memory of a NumPy array, or a copy.

    Examples
    --------
    >>> import numpy
    >>> from microlazy import np
    >>> a = numpy.zeros(2, "float32")
    >>> x = np.from_numpy(a)
    >>> x[0] = 3
    >>> a
    array([3., 0.], dtype=float32)
    """
    return from_buffer(NP, array) if zero_copy else _f.to_array(NP, array, array.dtype)


def frombuffer(buffer: Any, dtype: Any = None, count: int = -1, offset: int = 0) -> ndarray:
    """Make a vector on the memory of an object that offers its buffer, such as bytes.

    Parameters
    ----------
    buffer : bytes-like
    dtype : dtype or str, optional
        float32 by default.
    count : int
        Number of elements; -1 for all.
    offset : int
        Bytes to leave out in front.

    Examples
    --------
    >>> from microlazy import np
    >>> np.frombuffer(bytes([1, 2, 3]), dtype="uint8")
    array([1, 2, 3], dtype=uint8)
    """
    dtype = dtype or "float32"
    made = vector_on(buffer, dtype, offset) if count == -1 else None
    return from_buffer(NP, onp.frombuffer(buffer, dtype, count, offset)) if made is None else made


def fromfunction(
    function: Callable[..., Any], shape: Any, *, dtype: Any = None, **kwargs: Any
) -> ndarray:
    """Return what a function makes of the coordinates of each element, given as arrays.

    Examples
    --------
    >>> from microlazy import np
    >>> np.fromfunction(lambda i, j: 10 * i + j, (2, 2))
    array([[ 0.,  1.],
           [10., 11.]])
    """
    grid = _creation.grid(shape)
    if grid is not None:
        return function(*_f.unstack(_f.as_dtype(grid, dtype or "float32"), 0), **kwargs)
    places = onp.indices(shape)
    return function(*[_f.from_numpy_result(NP, part, dtype) for part in places], **kwargs)


def fromiter(iter: Iterable[Any], dtype: Any = None, count: int = -1) -> ndarray:
    """Make a vector of the numbers that an iterable gives.

    Examples
    --------
    >>> from microlazy import np
    >>> np.fromiter(range(3), dtype="int32")
    array([0, 1, 2], dtype=int32)
    """
    if count == -1:
        source = chain(iter)
        first = list(islice(source, _FEW))
        made = _f.row_of(first, dtype) if len(first) < _FEW else None
        if made is not None:
            return made
        iter = chain(first, source)
    return _f.from_numpy_result(NP, onp.fromiter(iter, dtype or "float32", count), dtype)


_NUMBERS = (int, float, bool)
_FEW = 256  # numbers of an iterable that are looked at before NumPy is asked

# ---- of one value --------------------------------------------------------------------------------

_FILLED_DOC = """Make an array of {what}.

    Parameters
    ----------
    shape : int or tuple of int
    dtype : dtype or str, optional
        float32 by default.
    order : {{"C"}}
    ctx, device : Context, optional

    Examples
    --------
    >>> from microlazy import np
    >>> np.{name}((1, 2)){example}
    """

_LIKE_DOC = """Make an array of {what}, of another array's shape and dtype.

    Parameters
    ----------
    a : array_like
    dtype, shape : optional
        Instead of the array's own.
    order, subok : optional
        Accepted for compatibility: the memory is always in C's order.
    ctx, device : Context, optional
    out : ndarray, optional

    Examples
    --------
    >>> from microlazy import np
    >>> np.{name}_like(np.full((1, 2), 7)){example}
    """


def _filled(name: str, value: float | None, what: str, example: str) -> tuple[Any, Any]:
    """Make a creation function and its `_like`; without a value the memory is left as it is."""

    def plain(
        shape: Any,
        dtype: Any = None,
        order: str = "C",
        ctx: Context | None = None,
        *,
        device: Any = None,
    ) -> ndarray:
        ctx = on_cpu(ctx, device)
        _need_c_order(order)
        return _f.on_context(_f.new_array(NP, shape, dtype, value), ctx)

    def slow_like(
        a: Any,
        dtype: Any = None,
        order: str = "C",
        ctx: Context | None = None,
        out: ndarray | None = None,
        *,
        subok: bool = True,
        shape: Any = None,
        device: Any = None,
    ) -> ndarray:
        return full_like(a, value, dtype, order, ctx, out, shape=shape, device=device)

    filled, like = _f.maker(NP, value, plain), _creation.like_maker(value, slow_like)
    filled.__annotations__, like.__annotations__ = plain.__annotations__, slow_like.__annotations__
    filled.__module__ = like.__module__ = __name__
    for function, suffix, doc in (filled, "", _FILLED_DOC), (like, "_like", _LIKE_DOC):
        function.__name__ = function.__qualname__ = name + suffix
        function.__doc__ = doc.format(name=name, what=what, example=example)
    return filled, like


zeros, zeros_like = _filled("zeros", 0, "zeros", "\n    array([[0., 0.]])")
ones, ones_like = _filled("ones", 1, "ones", "\n    array([[1., 1.]])")
empty, empty_like = _filled("empty", None, "values that are not set", ".shape\n    (1, 2)")


def full(
    shape: Any,
    fill_value: Any,
    dtype: Any = None,
    order: str = "C",
    ctx: Context | None = None,
    out: ndarray | None = None,
    *,
    device: Any = None,
) -> ndarray:
    """Make an array of one value.

    Parameters
    ----------
    shape : int or tuple of int
    fill_value : number, bool or ndarray
        An array is broadcast.
    dtype : dtype or str, optional
        That of an array, bool for a bool, else float32.

    Examples
    --------
    >>> from microlazy import np
    >>> np.full((2,), 7)
    array([7., 7.])
    """
    ctx = on_cpu(ctx, device)
    _need_c_order(order)
    if isinstance(fill_value, (onp.ndarray, list, tuple)):
        fill_value = _f.to_array(NP, fill_value, dtype)
    if isinstance(fill_value, Tensor):
        return written(out, _f.broadcast_to(_cast(fill_value, dtype, False), shape))
    if dtype is None and isinstance(fill_value, (bool, onp.bool_)):
        dtype = "bool"
    return written(out, _f.on_context(_f.new_array(NP, shape, dtype, fill_value), ctx))


def full_like(
    a: Any,
    fill_value: Any,
    dtype: Any = None,
    order: str = "C",
    ctx: Context | None = None,
    out: ndarray | None = None,
    *,
    subok: bool = True,
    shape: Any = None,
    device: Any = None,
) -> ndarray:
    """Make an array of one value, of another array's shape and dtype.

    Examples
    --------
    >>> from microlazy import np
    >>> np.full_like(np.zeros(2), 3)
    array([3., 3.])
    """
    plain = dtype is None and ctx is None and out is None and shape is None and device is None
    if plain and order == "C" and isinstance(a, ndarray) and type(fill_value) in _NUMBERS:
        return _creation.constant_like(a, fill_value)
    if not isinstance(a, Tensor):
        a = _f.to_array(NP, a)
    ctx = on_cpu(ctx, device) or a.ctx
    _need_c_order(order)
    shape = a.shape if shape is None else shape
    dtype = a.dtype if dtype is None else dtype
    if isinstance(fill_value, (Tensor, onp.ndarray, list, tuple)):
        return full(shape, fill_value, dtype, ctx=ctx, out=out)
    return written(out, _f.on_context(_f.new_array(NP, shape, dtype, fill_value), ctx))


def steps(start: float, stop: float | None, step: float) -> onp.ndarray:
    """Return NumPy's arange: in int64 if all three are whole numbers, else in float64.

    Examples
    --------
    >>> from microlazy.numpy.creation import steps
    >>> steps(3, None, 1)
    array([0, 1, 2])
    """
    if step == 0:
        raise ValueError("arange: the step must not be 0")
    if stop is None:
        start, stop = 0, start
    bounds = (start, stop, step)
    if all(math.isfinite(x) and x == int(x) and abs(x) < 2**63 for x in bounds):
        return onp.arange(*map(int, bounds), dtype="int64")
    return onp.arange(*bounds, dtype="float64")
