"""`mx.np`: NumPy's functions on microlazy's arrays, in float32 by default."""

from collections.abc import Sequence
from typing import Any

import numpy as onp
from numpy import (
    bool_,
    e,
    float16,
    float32,
    float64,
    inf,
    int8,
    int32,
    int64,
    nan,
    newaxis,
    pi,
    uint8,
)

from microlazy.context import Context, check_ctx
from microlazy.core import functions as _f
from microlazy.core.array import ndarray
from microlazy.core.exchange import from_buffer as _from_buffer
from microlazy.core.tensor import Tensor
from microlazy.numpy import linalg, random
from microlazy.numpy.protocols import __array_namespace_info__, from_dlpack
from microlazy.op_table import functions_of as _functions_of

_NP = 1
bool = bool_

globals().update(_functions_of("np"))


# ---- creation ------------------------------------------------------------------------------------


def array(object: Any, dtype: Any = None, ctx: Context | None = None) -> ndarray:
    """Make an array from numbers, lists or another array; always a copy.

    Parameters
    ----------
    object : array_like
    dtype : dtype or str, optional
        float32 by default for numbers and lists, else that of the source.
    ctx : Context, optional

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
    check_ctx(ctx)
    return _f.to_array(_NP, object, dtype)


def asarray(a: Any, dtype: Any = None, ctx: Context | None = None) -> ndarray:
    """Return an array itself if it is one of ours already, else make one.

    Examples
    --------
    >>> from microlazy import np
    >>> x = np.ones(2)
    >>> np.asarray(x) is x
    True
    """
    if isinstance(a, ndarray):
        return a if dtype is None else a.astype(dtype, copy=False)
    return array(a, dtype, ctx)


def _filled(
    shape: Any, dtype: Any, ctx: Context | None, value: float | None, order: str = "C"
) -> ndarray:
    check_ctx(ctx)
    if order != "C":
        raise ValueError(f"only order='C' is supported, not {order!r}")
    return _f.new_array(_NP, shape, dtype, value)


def zeros(shape: Any, dtype: Any = None, order: str = "C", ctx: Context | None = None) -> ndarray:
    """Make an array of zeros.

    Examples
    --------
    >>> from microlazy import np
    >>> np.zeros((2, 1))
    array([[0.],
           [0.]])
    """
    return _filled(shape, dtype, ctx, 0, order)


def ones(shape: Any, dtype: Any = None, order: str = "C", ctx: Context | None = None) -> ndarray:
    """Make an array of ones.

    Examples
    --------
    >>> from microlazy import np
    >>> np.ones(2)
    array([1., 1.])
    """
    return _filled(shape, dtype, ctx, 1, order)


def full(
    shape: Any,
    fill_value: Any,
    dtype: Any = None,
    order: str = "C",
    ctx: Context | None = None,
    out: ndarray | None = None,
) -> ndarray:
    """Make an array of one value.

    Examples
    --------
    >>> from microlazy import np
    >>> np.full((2,), 7)
    array([7., 7.])
    """
    if isinstance(fill_value, Tensor):
        return _f.broadcast_to(fill_value.astype(dtype or fill_value.dtype), shape)
    result = _filled(shape, dtype, ctx, fill_value, order)
    return result if out is None else _f.write_into(out, result)


def empty(shape: Any, dtype: Any = None, order: str = "C", ctx: Context | None = None) -> ndarray:
    """Make an array without setting its values.

    Examples
    --------
    >>> from microlazy import np
    >>> np.empty((2, 3)).shape
    (2, 3)
    """
    return _filled(shape, dtype, ctx, None, order)


def zeros_like(a: ndarray, dtype: Any = None) -> ndarray:
    """Make zeros of an array's shape and dtype.

    Examples
    --------
    >>> from microlazy import np
    >>> np.zeros_like(np.ones(2))
    array([0., 0.])
    """
    return full_like(a, 0, dtype)


def ones_like(a: ndarray, dtype: Any = None) -> ndarray:
    """Make ones of an array's shape and dtype.

    Examples
    --------
    >>> from microlazy import np
    >>> np.ones_like(np.zeros(2))
    array([1., 1.])
    """
    return full_like(a, 1, dtype)


def full_like(a: ndarray, fill_value: float, dtype: Any = None) -> ndarray:
    """Make an array of one value, of an array's shape and dtype.

    Examples
    --------
    >>> from microlazy import np
    >>> np.full_like(np.zeros(2), 3)
    array([3., 3.])
    """
    return _filled(a.shape, a.dtype if dtype is None else dtype, None, fill_value)


def empty_like(a: ndarray, dtype: Any = None) -> ndarray:
    """Make an array of another's shape and dtype without setting its values.

    Examples
    --------
    >>> from microlazy import np
    >>> np.empty_like(np.zeros((2, 3))).shape
    (2, 3)
    """
    return _filled(a.shape, a.dtype if dtype is None else dtype, None, None)


def steps(start: float, stop: float | None, step: float) -> onp.ndarray:
    """Return NumPy's arange, in float64.

    Examples
    --------
    >>> from microlazy.numpy import steps
    >>> steps(3, None, 1)
    array([0., 1., 2.])
    """
    if step == 0:
        raise ValueError("arange: the step must not be 0")
    if stop is None:
        start, stop = 0, start
    return onp.arange(start, stop, step, dtype="float64")


def arange(
    start: float,
    stop: float | None = None,
    step: float = 1,
    dtype: Any = None,
    ctx: Context | None = None,
) -> ndarray:
    """Make the numbers from start (0 if only one bound is given) to before stop.

    Examples
    --------
    >>> from microlazy import np
    >>> np.arange(3)
    array([0., 1., 2.])
    """
    check_ctx(ctx)
    return _f.from_numpy_result(_NP, steps(start, stop, step), dtype)


def linspace(
    start: float,
    stop: float,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    ctx: Context | None = None,
) -> Any:
    """Make `num` numbers, evenly spaced from start to stop.

    Examples
    --------
    >>> from microlazy import np
    >>> np.linspace(0, 1, 3)
    array([0. , 0.5, 1. ])
    """
    check_ctx(ctx)
    values, step = onp.linspace(start, stop, num, endpoint, retstep=True, axis=axis)
    result = _f.from_numpy_result(_NP, values, dtype)
    return (result, float(step)) if retstep else result


def eye(
    N: int, M: int | None = None, k: int = 0, dtype: Any = None, ctx: Context | None = None
) -> ndarray:
    """Make a matrix with ones on its k-th diagonal.

    Examples
    --------
    >>> from microlazy import np
    >>> np.eye(2)
    array([[1., 0.],
           [0., 1.]])
    """
    check_ctx(ctx)
    return _f.from_numpy_result(_NP, onp.eye(N, M, k), dtype)


def identity(n: int, dtype: Any = None, ctx: Context | None = None) -> ndarray:
    """Make the identity matrix.

    Examples
    --------
    >>> from microlazy import np
    >>> np.identity(1)
    array([[1.]])
    """
    return eye(n, dtype=dtype, ctx=ctx)


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
    return _from_buffer(_NP, array) if zero_copy else _f.to_array(_NP, array, array.dtype)


def copy(a: ndarray) -> ndarray:
    """Return a copy with memory of its own.

    Examples
    --------
    >>> from microlazy import np
    >>> np.copy(np.ones(1))
    array([1.])
    """
    return a.copy()


# ---- reductions ----------------------------------------------------------------------------------


def _reduction(name: str, summary: str, result: str) -> Any:
    def function(
        a: ndarray,
        axis: Any = None,
        dtype: Any = None,
        out: ndarray | None = None,
        keepdims: bool = False,
    ) -> ndarray:
        total = _f.reduction(name, _f.as_dtype(a, dtype), axis, keepdims)
        return total if out is None else _f.write_into(out, total)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""{summary} over all axes, or those named.

    Parameters
    ----------
    a : ndarray
    axis : int or tuple of int, optional
    dtype : dtype or str, optional
        What to compute in.
    out : ndarray, optional
    keepdims : bool
        Keep reduced axes, with size 1.

    Returns
    -------
    ndarray

    Examples
    --------
    >>> from microlazy import np
    >>> np.{name}(np.array([[1, 2], [3, 4]]), axis=1)
    array({result})
    """
    return function


sum = _reduction("sum", "The sum", "[3., 7.]")
prod = _reduction("prod", "The product", "[ 2., 12.]")
mean = _reduction("mean", "The mean", "[1.5, 3.5]")


def max(
    a: ndarray, axis: Any = None, out: ndarray | None = None, keepdims: bool = False
) -> ndarray:
    """Return the largest element over all axes, or those named.

    Examples
    --------
    >>> from microlazy import np
    >>> np.max(np.array([[1, 2], [3, 4]]), axis=0)
    array([3., 4.])
    """
    result = _f.reduction("max", a, axis, keepdims)
    return result if out is None else _f.write_into(out, result)


def min(
    a: ndarray, axis: Any = None, out: ndarray | None = None, keepdims: bool = False
) -> ndarray:
    """Return the smallest element over all axes, or those named.

    Examples
    --------
    >>> from microlazy import np
    >>> np.min(np.array([[1, 2], [3, 4]]), axis=0)
    array([1., 2.])
    """
    result = _f.reduction("min", a, axis, keepdims)
    return result if out is None else _f.write_into(out, result)


amax, amin = max, min


def var(a: ndarray, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> ndarray:
    """Return the variance over all axes, or those named.

    Examples
    --------
    >>> from microlazy import np
    >>> np.var(np.array([1, 3]))
    array(1.)
    """
    return _f.var(a, axis, ddof, keepdims)


def std(a: ndarray, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> ndarray:
    """Return the standard deviation over all axes, or those named.

    Examples
    --------
    >>> from microlazy import np
    >>> np.std(np.array([1, 3]))
    array(1.)
    """
    return _f.unary_op("sqrt", _f.var(a, axis, ddof, keepdims))


def argmax(a: ndarray, axis: int | None = None, keepdims: bool = False) -> ndarray:
    """Return the place of the largest element, the first if there are several, as int64.

    Examples
    --------
    >>> from microlazy import np
    >>> np.argmax(np.array([1, 5, 2]))
    array(1, dtype=int64)
    """
    return _f.arg("argmax", a, axis, keepdims)


def argmin(a: ndarray, axis: int | None = None, keepdims: bool = False) -> ndarray:
    """Return the place of the smallest element, the first if there are several, as int64.

    Examples
    --------
    >>> from microlazy import np
    >>> np.argmin(np.array([1, 5, 0]))
    array(2, dtype=int64)
    """
    return _f.arg("argmin", a, axis, keepdims)


def all(a: ndarray, axis: Any = None, keepdims: bool = False) -> ndarray:
    """Say whether all elements are true.

    Examples
    --------
    >>> from microlazy import np
    >>> np.all(np.array([1, 0]))
    array(False)
    """
    return _f.truth("all", a, axis, keepdims)


def any(a: ndarray, axis: Any = None, keepdims: bool = False) -> ndarray:
    """Say whether any element is true.

    Examples
    --------
    >>> from microlazy import np
    >>> np.any(np.array([1, 0]))
    array(True)
    """
    return _f.truth("any", a, axis, keepdims)


def cumsum(a: ndarray, axis: int | None = None, dtype: Any = None) -> ndarray:
    """Return running sums along an axis, or over all elements in order.

    Examples
    --------
    >>> from microlazy import np
    >>> np.cumsum(np.array([1, 2, 3]))
    array([1., 3., 6.])
    """
    return _f.cumsum(a, axis, dtype)


def argsort(a: ndarray, axis: int = -1) -> ndarray:
    """Return the places of the elements in ascending order.

    Examples
    --------
    >>> from microlazy import np
    >>> np.argsort(np.array([3, 1, 2]))
    array([1, 2, 0], dtype=int64)
    """
    return _f.argsort(a, axis)


def sort(a: ndarray, axis: int | None = -1) -> ndarray:
    """Return the elements in ascending order along an axis.

    Examples
    --------
    >>> from microlazy import np
    >>> np.sort(np.array([3, 1, 2]))
    array([1., 2., 3.])
    """
    return _f.sort(a, axis)


# ---- products ------------------------------------------------------------------------------------


def dot(a: Any, b: Any, out: ndarray | None = None) -> ndarray:
    """Return the sum over a's last axis and b's last but one (its only one, if a vector).

    Examples
    --------
    >>> from microlazy import np
    >>> np.dot(np.array([1, 2]), np.array([3, 4]))
    array(11.)
    """
    result = _f.dot(a, b)
    return result if out is None else _f.write_into(out, result)


def matmul(a: ndarray, b: ndarray, out: ndarray | None = None) -> ndarray:
    """Return the matrix product, with NumPy's rules for vectors and stacks of matrices.

    Examples
    --------
    >>> from microlazy import np
    >>> np.matmul(np.ones((5, 2, 3)), np.ones((3, 4))).shape
    (5, 2, 4)
    """
    result = _f.matmul(a, b)
    return result if out is None else _f.write_into(out, result)


# ---- shapes --------------------------------------------------------------------------------------


def reshape(a: ndarray, newshape: Any, order: str = "C") -> ndarray:
    """Return the array in another shape, of which one size may be -1.

    Examples
    --------
    >>> from microlazy import np
    >>> np.reshape(np.zeros((2, 3)), (3, -1)).shape
    (3, 2)
    """
    if order != "C":
        raise ValueError(f"reshape: only order='C' is supported, not {order!r}")
    return _f.reshape(a, newshape)


def ravel(x: ndarray, order: str = "C") -> ndarray:
    """Return the array with a single axis.

    Examples
    --------
    >>> from microlazy import np
    >>> np.ravel(np.zeros((2, 3))).shape
    (6,)
    """
    return reshape(x, -1, order)


def transpose(a: ndarray, axes: Any = None) -> ndarray:
    """Return the array with its axes in another order, reversed by default.

    Examples
    --------
    >>> from microlazy import np
    >>> np.transpose(np.zeros((2, 3, 4))).shape
    (4, 3, 2)
    """
    return _f.transpose(a, axes)


def swapaxes(a: ndarray, axis1: int, axis2: int) -> ndarray:
    """Return the array with two axes exchanged.

    Examples
    --------
    >>> from microlazy import np
    >>> np.swapaxes(np.zeros((2, 3)), 0, 1).shape
    (3, 2)
    """
    return _f.swapaxes(a, axis1, axis2)


def expand_dims(a: ndarray, axis: int) -> ndarray:
    """Return the array with a new axis of size 1.

    Examples
    --------
    >>> from microlazy import np
    >>> np.expand_dims(np.zeros(2), 0).shape
    (1, 2)
    """
    return _f.expand_dims(a, axis)


def squeeze(x: ndarray, axis: Any = None) -> ndarray:
    """Return the array without its axes of size 1, or without those named.

    Examples
    --------
    >>> from microlazy import np
    >>> np.squeeze(np.zeros((1, 2))).shape
    (2,)
    """
    return _f.squeeze(x, axis)


def broadcast_to(array: ndarray, shape: Any) -> ndarray:
    """Return the array broadcast to a shape.

    Examples
    --------
    >>> from microlazy import np
    >>> np.broadcast_to(np.ones((1, 2)), (3, 2)).shape
    (3, 2)
    """
    return _f.broadcast_to(array, shape)


def concatenate(
    seq: Sequence[ndarray], axis: int | None = 0, out: ndarray | None = None
) -> ndarray:
    """Join arrays along an axis they have.

    Examples
    --------
    >>> from microlazy import np
    >>> np.concatenate([np.zeros(1), np.ones(2)])
    array([0., 1., 1.])
    """
    result = _f.concatenate(seq, axis)
    return result if out is None else _f.write_into(out, result)


concat = concatenate


def stack(arrays: Sequence[ndarray], axis: int = 0, out: ndarray | None = None) -> ndarray:
    """Join arrays of one shape along a new axis.

    Examples
    --------
    >>> from microlazy import np
    >>> np.stack([np.zeros(2), np.ones(2)]).shape
    (2, 2)
    """
    result = _f.stack(arrays, axis)
    return result if out is None else _f.write_into(out, result)


def vstack(arrays: Sequence[ndarray]) -> ndarray:
    """Join arrays as rows.

    Examples
    --------
    >>> from microlazy import np
    >>> np.vstack([np.zeros(2), np.ones(2)]).shape
    (2, 2)
    """
    return _f.concatenate([x.reshape(1, -1) if x.ndim < 2 else x for x in arrays], 0)


def hstack(arrays: Sequence[ndarray]) -> ndarray:
    """Join arrays side by side: along the first axis of vectors, else along the second.

    Examples
    --------
    >>> from microlazy import np
    >>> np.hstack([np.zeros(2), np.ones(2)]).shape
    (4,)
    """
    joined = [x.reshape(1) if x.ndim == 0 else x for x in arrays]
    return _f.concatenate(joined, 0 if joined and joined[0].ndim == 1 else 1)


def split(ary: ndarray, indices_or_sections: Any, axis: int = 0) -> list[ndarray]:
    """Cut along an axis: into equal parts, or before each of some places.

    Examples
    --------
    >>> from microlazy import np
    >>> np.split(np.arange(4), 2)
    [array([0., 1.]), array([2., 3.])]
    """
    return _f.split(ary, indices_or_sections, axis)


def repeat(a: ndarray, repeats: int, axis: int | None = None) -> ndarray:
    """Repeat each element, or each slice along an axis.

    Examples
    --------
    >>> from microlazy import np
    >>> np.repeat(np.array([1, 2]), 2)
    array([1., 1., 2., 2.])
    """
    return _f.repeat(a, repeats, axis)


def tile(A: ndarray, reps: Any) -> ndarray:
    """Repeat the whole array along each axis.

    Examples
    --------
    >>> from microlazy import np
    >>> np.tile(np.array([1, 2]), 2)
    array([1., 2., 1., 2.])
    """
    return _f.tile(A, reps)


def flip(m: ndarray, axis: Any = None) -> ndarray:
    """Reverse the order of the elements along an axis, or all axes.

    Examples
    --------
    >>> from microlazy import np
    >>> np.flip(np.array([1, 2]))
    array([2., 1.])
    """
    return _f.flip(m, axis)


# ---- truth ---------------------------------------------------------------------------------------


def _test(name: str, summary: str, example: str, result: str) -> Any:
    def function(x: ndarray) -> ndarray:
        return _f.test(name, x)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""{summary}, for each element.

    Examples
    --------
    >>> from microlazy import np
    >>> np.{name}(np.array([1, np.{example}]))
    array({result})
    """
    return function


isnan = _test("isnan", "Whether it is not a number", "nan", "[False,  True]")
isinf = _test("isinf", "Whether it is infinite", "inf", "[False,  True]")
isfinite = _test("isfinite", "Whether it is neither infinite nor nan", "inf", "[ True, False]")


def _logical(name: str, summary: str, result: str) -> Any:
    def function(x1: ndarray, x2: Any) -> ndarray:
        return _f.logical(name, x1, x2)

    function.__name__ = function.__qualname__ = f"logical_{name}"
    function.__doc__ = f"""{summary}, for each pair of elements.

    Examples
    --------
    >>> from microlazy import np
    >>> np.logical_{name}(np.array([1, 0]), np.array([1, 1]))
    array({result})
    """
    return function


logical_and = _logical("and", "Whether both are true", "[ True, False]")
logical_or = _logical("or", "Whether any is true", "[ True,  True]")
logical_xor = _logical("xor", "Whether exactly one is true", "[False,  True]")


def logical_not(x: ndarray) -> ndarray:
    """Return whether each element is 0.

    Examples
    --------
    >>> from microlazy import np
    >>> np.logical_not(np.array([1, 0]))
    array([False,  True])
    """
    return _f.logical("not", x)


# ---- choosing ------------------------------------------------------------------------------------


def where(condition: ndarray, x: Any, y: Any) -> ndarray:
    """Return x where the condition holds, else y.

    Examples
    --------
    >>> from microlazy import np
    >>> x = np.array([-1, 2])
    >>> np.where(x > 0, x, 0)
    array([0., 2.])
    """
    return _f.where(condition, x, y)


def clip(
    a: ndarray, a_min: float | None, a_max: float | None, out: ndarray | None = None
) -> ndarray:
    """Limit the elements to [a_min, a_max].

    Examples
    --------
    >>> from microlazy import np
    >>> np.clip(np.array([-1, 0.5, 2]), 0, 1)
    array([0. , 0.5, 1. ])
    """
    result = _f.clip(a, a_min, a_max)
    return result if out is None else _f.write_into(out, result)


def round(x: ndarray, decimals: int = 0) -> ndarray:
    """Round to whole numbers or `decimals` places, halves to even.

    Examples
    --------
    >>> from microlazy import np
    >>> np.round(np.array([0.6, 2.5]))
    array([1., 2.])
    """
    return _f.round(x, decimals)


around = round_ = round


def take(
    a: ndarray,
    indices: Any,
    axis: int | None = None,
    mode: str = "raise",
    out: ndarray | None = None,
) -> ndarray:
    """Return elements, or slices along an axis, at the places in `indices`.

    `mode` says what becomes of places outside: "clip", "wrap" or "raise".

    Examples
    --------
    >>> from microlazy import np
    >>> np.take(np.array([5, 6, 7]), np.array([2, 0]))
    array([7., 5.])
    """
    result = _f.take(a, indices, axis, mode)
    return result if out is None else _f.write_into(out, result)


def shape(a: Any) -> tuple[int, ...]:
    """Return an array's shape.

    Examples
    --------
    >>> from microlazy import np
    >>> np.shape(np.zeros((2, 3)))
    (2, 3)
    """
    return a.shape if isinstance(a, Tensor) else onp.shape(a)


def __getattr__(name: str) -> Any:
    from microlazy.outside import explain

    raise AttributeError(explain("microlazy.np", name))
