"""`mx.nd`: arrays with the rules of MXNet's older interface, and the functions on them."""

import builtins
from collections.abc import Sequence
from typing import Any

from microlazy import numpy as np
from microlazy import numpy_extension as npx
from microlazy.context import Context, check_ctx
from microlazy.core import functions as _f
from microlazy.core.array import NDArray
from microlazy.core.exchange import from_buffer as _from_buffer
from microlazy.core.ops import nn as _nn
from microlazy.core.tensor import Tensor
from microlazy.ndarray import random
from microlazy.ndarray.exchange import *  # noqa: F403
from microlazy.ndarray.serialization import load, load_frombuffer, save
from microlazy.op_table import functions_of as _functions_of

_ND = 0

globals().update(_functions_of("nd"))


# ---- creation ------------------------------------------------------------------------------------


def array(source_array: Any, ctx: Context | None = None, dtype: Any = None) -> NDArray:
    """Make an array from numbers, lists or another array; always a copy.

    Parameters
    ----------
    source_array : array_like
    ctx : Context, optional
    dtype : dtype or str, optional
        float32 by default; that of the source if it is one of our arrays.

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
    return _f.to_array(_ND, source_array, dtype)


def _filled(shape: Any, ctx: Context | None, dtype: Any, value: float | None) -> NDArray:
    check_ctx(ctx)
    return _f.new_array(_ND, shape, dtype, value)


def zeros(shape: Any, ctx: Context | None = None, dtype: Any = None, **kwargs: Any) -> NDArray:
    """Make an array of zeros.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.zeros((2,)).asnumpy()
    array([0., 0.], dtype=float32)
    """
    return _given(kwargs, _filled(shape, ctx, dtype, 0))


def ones(shape: Any, ctx: Context | None = None, dtype: Any = None, **kwargs: Any) -> NDArray:
    """Make an array of ones.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.ones((2,)).asnumpy()
    array([1., 1.], dtype=float32)
    """
    return _given(kwargs, _filled(shape, ctx, dtype, 1))


def full(
    shape: Any, val: float, ctx: Context | None = None, dtype: Any = None, out: Any = None
) -> NDArray:
    """Make an array of one value.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.full((2,), 7).asnumpy()
    array([7., 7.], dtype=float32)
    """
    return _given({"out": out}, _filled(shape, ctx, dtype, val))


def empty(shape: Any, ctx: Context | None = None, dtype: Any = None) -> NDArray:
    """Make an array without setting its values.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.empty((2, 3)).shape
    (2, 3)
    """
    return _filled(shape, ctx, dtype, None)


def zeros_like(data: NDArray) -> NDArray:
    """Make zeros of an array's shape and dtype.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.zeros_like(nd.ones((2,))).asnumpy()
    array([0., 0.], dtype=float32)
    """
    return _f.new_array(_ND, data.shape, data.dtype, 0)


def ones_like(data: NDArray) -> NDArray:
    """Make ones of an array's shape and dtype.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.ones_like(nd.zeros((2,))).asnumpy()
    array([1., 1.], dtype=float32)
    """
    return _f.new_array(_ND, data.shape, data.dtype, 1)


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
    return _f.from_numpy_result(_ND, np.steps(start, stop, step).repeat(repeat), dtype)


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
    return _f.from_numpy_result(_ND, np.onp.linspace(start, stop, num, endpoint), dtype)


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
    return _f.from_numpy_result(_ND, np.onp.eye(N, M or None, k), dtype)


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
    return _from_buffer(_ND, ndarray) if zero_copy else array(ndarray, dtype=ndarray.dtype)


def _given(kwargs: dict[str, Any], result: Tensor) -> Any:
    """Write into `out=` where one was given."""
    out = kwargs.pop("out", None)
    kwargs.pop("name", None)
    if kwargs:
        raise TypeError(f"unexpected argument {next(iter(kwargs))!r}")
    return result if out is None else _f.write_into(out, result)


# ---- reductions ----------------------------------------------------------------------------------


def _reduction(name: str, summary: str, result: str) -> Any:
    def function(
        data: NDArray,
        axis: Any = None,
        keepdims: bool = False,
        exclude: bool = False,
        **kwargs: Any,
    ) -> NDArray:
        return _given(kwargs, _f.reduction(name, data, axis, keepdims, exclude))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""{summary} over all axes, or those named.

    Parameters
    ----------
    data : NDArray
    axis : int or tuple of int, optional
    keepdims : bool
        Keep reduced axes, with size 1.
    exclude : bool
        Reduce all axes but those named.

    Returns
    -------
    NDArray
        Of shape (1,) when all axes are reduced.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.{name}(nd.array([[1, 2], [3, 4]]), axis=1).asnumpy()
    array({result}, dtype=float32)
    """
    return function


sum = _reduction("sum", "The sum", "[3., 7.]")
prod = _reduction("prod", "The product", "[ 2., 12.]")
max = _reduction("max", "The largest element", "[2., 4.]")
min = _reduction("min", "The smallest element", "[1., 3.]")
mean = _reduction("mean", "The mean", "[1.5, 3.5]")


def argmax(data: NDArray, axis: int | None = None, keepdims: bool = False) -> NDArray:
    """Return the place of the largest element, the first if there are several, as float.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.argmax(nd.array([[1, 5], [7, 2]]), axis=1).asnumpy()
    array([1., 0.], dtype=float32)
    """
    return _f.arg("argmax", data, axis, keepdims)


def argmin(data: NDArray, axis: int | None = None, keepdims: bool = False) -> NDArray:
    """Return the place of the smallest element, the first if there are several, as float.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.argmin(nd.array([[1, 5], [7, 2]]), axis=1).asnumpy()
    array([0., 1.], dtype=float32)
    """
    return _f.arg("argmin", data, axis, keepdims)


def norm(data: NDArray, ord: int = 2, axis: Any = None, keepdims: bool = False) -> NDArray:
    """Return the Euclidean norm (ord=2) or the sum of absolute values (ord=1).

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.norm(nd.array([3, 4])).asnumpy()
    array([5.], dtype=float32)
    """
    return _f.norm(data, ord, axis, keepdims)


# ---- products ------------------------------------------------------------------------------------


def dot(
    lhs: NDArray, rhs: NDArray, transpose_a: bool = False, transpose_b: bool = False, **kwargs: Any
) -> NDArray:
    """Return the sum over lhs's last axis and rhs's first.

    Parameters
    ----------
    lhs, rhs : NDArray
    transpose_a, transpose_b : bool
        Take the transpose of an operand.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.dot(nd.array([[1, 2]]), nd.array([[3], [4]])).asnumpy()
    array([[11.]], dtype=float32)
    """
    return _given(kwargs, _f.dot(lhs, rhs, transpose_a, transpose_b))


def batch_dot(
    lhs: NDArray, rhs: NDArray, transpose_a: bool = False, transpose_b: bool = False
) -> NDArray:
    """Return the products of the matrices in two stacks of shape (batch, m, k) and (batch, k, n).

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.batch_dot(nd.ones((5, 2, 3)), nd.ones((5, 3, 4))).shape
    (5, 2, 4)
    """
    return _f.batch_dot(lhs, rhs, transpose_a, transpose_b)


# ---- shapes --------------------------------------------------------------------------------------


def reshape(data: NDArray, shape: Any, reverse: bool = False) -> NDArray:
    """Return the array in another shape; see `NDArray.reshape` for the codes.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.reshape(nd.zeros((2, 3, 4)), (-3, 0)).shape
    (6, 4)
    """
    return _f.reshape_codes(data, shape, reverse)


def flatten(data: NDArray) -> NDArray:
    """Keep the first axis and join the others.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.flatten(nd.zeros((2, 3, 4))).shape
    (2, 12)
    """
    return _f.flatten(data)


def transpose(data: NDArray, axes: Any = None) -> NDArray:
    """Return the array with its axes in another order, reversed by default.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.transpose(nd.zeros((2, 3, 4)), (1, 0, 2)).shape
    (3, 2, 4)
    """
    return _f.transpose(data, axes or None)


def swapaxes(data: NDArray, dim1: int = 0, dim2: int = 0) -> NDArray:
    """Return the array with two axes exchanged.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.swapaxes(nd.zeros((2, 3)), 0, 1).shape
    (3, 2)
    """
    return _f.swapaxes(data, dim1, dim2)


def expand_dims(data: NDArray, axis: int) -> NDArray:
    """Return the array with a new axis of size 1.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.expand_dims(nd.zeros((2,)), 0).shape
    (1, 2)
    """
    return _f.expand_dims(data, axis)


def squeeze(data: NDArray, axis: Any = None) -> NDArray:
    """Return the array without its axes of size 1, or without those named.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.squeeze(nd.zeros((1, 2))).shape
    (2,)
    """
    return _f.squeeze(data, axis)


def broadcast_to(data: NDArray, shape: Any) -> NDArray:
    """Return the array broadcast to a shape; 0 keeps a size.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.broadcast_to(nd.ones((1, 2)), (3, 0)).shape
    (3, 2)
    """
    return _f.broadcast_to(data, shape)


def concat(*data: NDArray, dim: int = 1) -> NDArray:
    """Join arrays along an axis they have, the second by default.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.concat(nd.zeros((2, 1)), nd.ones((2, 2))).shape
    (2, 3)
    """
    _need_arrays(data)
    return _f.concatenate(data, dim)


def concatenate(arrays: Sequence[NDArray], axis: int = 0, always_copy: bool = True) -> NDArray:
    """Join a list of arrays along an axis they have, the first by default.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.concatenate([nd.zeros((1, 2)), nd.ones((2, 2))]).shape
    (3, 2)
    """
    return _f.concatenate(arrays, axis)


def stack(*data: NDArray, axis: int = 0) -> NDArray:
    """Join arrays of one shape along a new axis.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.stack(nd.zeros((2,)), nd.ones((2,))).shape
    (2, 2)
    """
    _need_arrays(data)
    return _f.stack(data, axis)


def _need_arrays(data: Sequence[Any]) -> None:
    if not all(isinstance(x, Tensor) for x in data):
        raise AssertionError(
            "Positional arguments must have NDArray type: give the arrays one by one, not in a list"
        )


def split(
    data: NDArray, num_outputs: int, axis: int = 1, squeeze_axis: bool = False
) -> list[NDArray] | NDArray:
    """Cut into equal parts along an axis, the second by default.

    Returns
    -------
    list of NDArray
        Or the only part, if `num_outputs` is 1.

    Examples
    --------
    >>> from microlazy import nd
    >>> [part.shape for part in nd.split(nd.zeros((2, 6)), 3)]
    [(2, 2), (2, 2), (2, 2)]
    """
    return _f.split_equally(data, num_outputs, axis, squeeze_axis)


def split_v2(
    ary: NDArray, indices_or_sections: Any, axis: int = 0, squeeze_axis: bool = False
) -> list[NDArray]:
    """Cut along an axis: into equal parts, or before each of some places.

    Examples
    --------
    >>> from microlazy import nd
    >>> [part.shape for part in nd.split_v2(nd.zeros((5, 2)), (2,))]
    [(2, 2), (3, 2)]
    """
    return _f.split(ary, indices_or_sections, axis, squeeze_axis)


def slice_axis(data: NDArray, axis: int, begin: int, end: int | None) -> NDArray:
    """Return the part from begin to end along one axis.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.slice_axis(nd.zeros((2, 5)), 1, 1, 3).shape
    (2, 2)
    """
    return _f.slice_axis(data, axis, begin, end)


def repeat(data: NDArray, repeats: int, axis: int | None = None) -> NDArray:
    """Repeat each element, or each slice along an axis.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.repeat(nd.array([1, 2]), 2).asnumpy()
    array([1., 1., 2., 2.], dtype=float32)
    """
    return _f.repeat(data, repeats, axis)


def tile(data: NDArray, reps: Any) -> NDArray:
    """Repeat the whole array along each axis.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.tile(nd.array([1, 2]), (2, 1)).shape
    (2, 2)
    """
    return _f.tile(data, reps)


def flip(data: NDArray, axis: Any) -> NDArray:
    """Reverse the order of the elements along an axis.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.flip(nd.array([1, 2]), 0).asnumpy()
    array([2., 1.], dtype=float32)
    """
    return _f.flip(data, axis)


reverse = flip


def slice(data: NDArray, begin: Any, end: Any, step: Any = ()) -> NDArray:
    """Return the part from `begin` to `end` along the first axes; None leaves a bound open.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.slice(nd.zeros((2, 3)), begin=(0, 1), end=(2, 3)).shape
    (2, 2)
    """
    steps = tuple(step) + (None,) * (len(begin) - len(step))
    return data[tuple(map(builtins.slice, begin, end, steps))]


def broadcast_axis(data: NDArray, axis: Any = (), size: Any = ()) -> NDArray:
    """Broadcast axes of size 1 to other sizes.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.broadcast_axis(nd.ones((1, 3)), axis=0, size=2).shape
    (2, 3)
    """
    axes, sizes = ((a,) if isinstance(a, int) else tuple(a) for a in (axis, size))
    shape = list(data.shape)
    for place, n in zip(axes, sizes, strict=True):
        shape[place] = n
    return _f.broadcast_to(data, tuple(shape))


# ---- order ---------------------------------------------------------------------------------------


def sort(data: NDArray, axis: int | None = -1, is_ascend: bool = True) -> NDArray:
    """Return the elements in order along an axis.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.sort(nd.array([3, 1, 2])).asnumpy()
    array([1., 2., 3.], dtype=float32)
    """
    return _f.sort(data, axis, not is_ascend)


def argsort(
    data: NDArray, axis: int = -1, is_ascend: bool = True, dtype: Any = "float32"
) -> NDArray:
    """Return the places of the elements in order.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.argsort(nd.array([3, 1, 2])).asnumpy()
    array([1., 2., 0.], dtype=float32)
    """
    return _f.argsort(data, axis, not is_ascend).astype(dtype)


def topk(
    data: NDArray,
    axis: int | None = -1,
    k: int = 1,
    ret_typ: str = "indices",
    is_ascend: bool = False,
    dtype: Any = "float32",
) -> Any:
    """Return the k largest elements along an axis: their places, values ("value") or "both".

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.topk(nd.array([3, 1, 2]), k=2).asnumpy()
    array([0., 2.], dtype=float32)
    """
    return _f.topk(data, axis, k, ret_typ, is_ascend, dtype)


# ---- choosing ------------------------------------------------------------------------------------


def where(condition: NDArray, x: Any, y: Any) -> NDArray:
    """Return x where the condition is not 0, else y.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.where(nd.array([1, 0]), nd.array([1, 2]), nd.array([3, 4])).asnumpy()
    array([1., 4.], dtype=float32)
    """
    return _f.where(condition, x, y)


def clip(data: NDArray, a_min: float, a_max: float, **kwargs: Any) -> NDArray:
    """Limit the elements to [a_min, a_max].

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.clip(nd.array([-1, 0.5, 2]), 0, 1).asnumpy()
    array([0. , 0.5, 1. ], dtype=float32)
    """
    return _given(kwargs, _f.clip(data, a_min, a_max))


def round(data: NDArray) -> NDArray:
    """Round to the nearest whole number, halves away from zero.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.round(nd.array([0.5, 1.4])).asnumpy()
    array([1., 1.], dtype=float32)
    """
    return _f.round(data, away=True)


def take(a: NDArray, indices: NDArray, axis: int = 0, mode: str = "clip") -> NDArray:
    """Return the slices along an axis at the places in `indices`; places outside are clipped.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.take(nd.array([5, 6, 7]), nd.array([2, 0])).asnumpy()
    array([7., 5.], dtype=float32)
    """
    return _f.take(a, indices, axis, mode)


def one_hot(
    indices: NDArray,
    depth: int,
    on_value: float = 1.0,
    off_value: float = 0.0,
    dtype: Any = "float32",
) -> NDArray:
    """Return rows that are `on_value` at the element's place and `off_value` elsewhere.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.one_hot(nd.array([1]), 3).asnumpy()
    array([[0., 1., 0.]], dtype=float32)
    """
    return _f.one_hot(indices, depth, on_value, off_value, dtype)


def cast(data: NDArray, dtype: Any) -> NDArray:
    """Return the array with another dtype.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.cast(nd.array([1.7]), "int32").asnumpy()
    array([1], dtype=int32)
    """
    return data.astype(dtype)


Cast = cast
pick = _nn.pick


def _logical(name: str, summary: str, result: str) -> Any:
    def function(lhs: NDArray, rhs: Any) -> NDArray:
        return _f.logical(name, lhs, rhs)

    function.__name__ = function.__qualname__ = f"logical_{name}"
    function.__doc__ = f"""{summary}, as 0 or 1.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.logical_{name}(nd.array([1, 0]), nd.array([1, 1])).asnumpy()
    array({result}, dtype=float32)
    """
    return function


logical_and = _logical("and", "Whether both are true", "[1., 0.]")
logical_or = _logical("or", "Whether any is true", "[1., 1.]")
logical_xor = _logical("xor", "Whether exactly one is true", "[0., 1.]")


def logical_not(data: NDArray) -> NDArray:
    """Return 1 where an element is 0, else 0.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.logical_not(nd.array([1, 0])).asnumpy()
    array([0., 1.], dtype=float32)
    """
    return _f.logical("not", data)


# ---- layers --------------------------------------------------------------------------------------


def FullyConnected(
    data: NDArray,
    weight: NDArray,
    bias: NDArray | None = None,
    num_hidden: int | None = None,
    no_bias: bool = False,
    flatten: bool = True,
    **kwargs: Any,
) -> NDArray:
    """Compute the dense layer ``data @ weight.T + bias``.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.FullyConnected(nd.ones((2, 3)), nd.ones((4, 3)), no_bias=True, num_hidden=4).shape
    (2, 4)
    """
    return _given(kwargs, _nn.fully_connected(data, weight, bias, num_hidden, no_bias, flatten))


def Activation(data: NDArray, act_type: str, **kwargs: Any) -> NDArray:
    """Apply the activation function relu, sigmoid, tanh, softrelu or softsign.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.Activation(nd.array([-1, 1]), "relu").asnumpy()
    array([0., 1.], dtype=float32)
    """
    return _given(kwargs, _nn.activation(data, act_type))


def Dropout(
    data: NDArray, p: float = 0.5, mode: str = "training", axes: Any = (), **kwargs: Any
) -> NDArray:
    """Drop elements with probability p while training; see Srivastava et al. 2014.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.Dropout(nd.ones((2,)), 0.5).asnumpy()
    array([1., 1.], dtype=float32)
    """
    return _given(kwargs, _nn.dropout(data, p, axes, mode))


def LeakyReLU(
    data: NDArray,
    gamma: NDArray | None = None,
    act_type: str = "leaky",
    slope: float = 0.25,
    **kwargs: Any,
) -> NDArray:
    """Apply leaky, prelu, elu, selu or gelu.

    Sources: He et al. 2015 (prelu), Clevert et al. 2015 (elu), Klambauer et al. 2017 (selu),
    Hendrycks and Gimpel 2016 (gelu).

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.LeakyReLU(nd.array([-1, 1]), slope=0.5).asnumpy()
    array([-0.5,  1. ], dtype=float32)
    """
    return _given(kwargs, npx.leaky_relu(data, gamma, act_type=act_type, slope=slope))


def softmax(data: NDArray, axis: int = -1, temperature: float | None = None) -> NDArray:
    """Return exp(x / temperature) over its sum along an axis.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.softmax(nd.zeros((1, 2))).asnumpy()
    array([[0.5, 0.5]], dtype=float32)
    """
    return _nn.softmax(data if temperature is None else data / temperature, axis)


def log_softmax(data: NDArray, axis: int = -1, temperature: float | None = None) -> NDArray:
    """Return the logarithm of the softmax along an axis.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.log_softmax(nd.zeros((1, 1))).asnumpy()
    array([[0.]], dtype=float32)
    """
    return _nn.log_softmax(data if temperature is None else data / temperature, axis)


def softmax_cross_entropy(data: NDArray, label: NDArray) -> NDArray:
    """Return the sum over rows of -log softmax(data)[label].

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.softmax_cross_entropy(nd.zeros((2, 1)), nd.zeros((2,))).asnumpy()
    array([0.], dtype=float32)
    """
    return _nn.softmax_cross_entropy(data, label).sum()


Flatten = flatten
Concat = concat
Reshape = reshape
SwapAxis = swapaxes
SliceChannel = split


def BlockGrad(data: NDArray) -> NDArray:
    """Return the array cut off from the graph: no gradient passes.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.BlockGrad(nd.ones((1,))).asnumpy()
    array([1.], dtype=float32)
    """
    return data.detach()


stop_gradient = BlockGrad


def add_n(*args: NDArray) -> NDArray:
    """Return the sum of several arrays of one shape.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.add_n(nd.ones((1,)), nd.ones((1,)), nd.ones((1,))).asnumpy()
    array([3.], dtype=float32)
    """
    _need_arrays(args)
    total = args[0]
    for x in args[1:]:
        total = total + x
    return total


def waitall() -> None:
    """Do nothing: every result is there when its call returns.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.waitall()
    """


def __getattr__(name: str) -> Any:
    from microlazy.outside import explain

    raise AttributeError(explain("microlazy.nd", name))
