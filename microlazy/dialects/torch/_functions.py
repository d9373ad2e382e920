"""Functions of tensors, many of which are their methods too."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy

from ... import numpy as np
from ... import numpy_extension as npx
from ...core.tensor import Tensor as Array
from . import _dtypes
from ._tensor import (
    Tensor,
    apply,
    apply_to_two,
    axis_of,
    operation,
    refuse_leaf,
    with_recording,
    wrap,
)

A = Any  # an array of the core with NumPy's rules

FUNCTIONS: dict[str, Callable[..., Any]] = {}  # torch.<name>
METHODS: dict[str, Callable[..., Any]] = {}  # Tensor.<name>


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _of_arrays(method: bool = True, op: str = "") -> Callable[..., Any]:
    """A function of arrays becomes one of `torch`, and a method unless told otherwise."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        name = function.__name__.rstrip("_")
        made = operation(op or _camel(name))(function)
        made.__name__ = made.__qualname__ = name
        FUNCTIONS[name] = made
        if method:
            METHODS[name] = made
        return made

    return decorate


# ---- elementwise: one row each ----

UNARY: dict[str, tuple[str, Callable[..., Any]]] = {
    **{
        name: (f"{name.capitalize()}", getattr(np, name))
        for name in (
            *("abs", "exp", "log", "log2", "log10", "log1p", "expm1", "sqrt", "square", "sin"),
            *("cos", "tan", "sinh", "cosh", "tanh", "floor", "ceil", "trunc", "sign"),
            *("isnan", "isinf", "isfinite", "logical_not"),
        )
    },
    **{
        name: (name.capitalize(), getattr(np, f"arc{name[1:]}"))
        for name in ("asin", "acos", "atan", "asinh", "acosh", "atanh")
    },
    "neg": ("Neg", np.negative),
    "reciprocal": ("Reciprocal", np.reciprocal),
    "rsqrt": ("Rsqrt", npx.rsqrt),
    "relu": ("Relu", npx.relu),
    "sigmoid": ("Sigmoid", npx.sigmoid),
    "erf": ("Erf", npx.erf),
}
BINARY: dict[str, tuple[str, Callable[..., Any]]] = {
    "add": ("Add", np.add),
    "sub": ("Sub", np.subtract),
    "mul": ("Mul", np.multiply),
    "div": ("Div", np.true_divide),
    "floor_divide": ("FloorDivide", np.floor_divide),
    "remainder": ("Remainder", np.mod),
    "fmod": ("Fmod", np.fmod),
    "pow": ("Pow", np.power),
    "maximum": ("Maximum", np.maximum),
    "minimum": ("Minimum", np.minimum),
    "atan2": ("Atan2", np.arctan2),
    "eq": ("Eq", np.equal),
    "ne": ("Ne", np.not_equal),
    "lt": ("Lt", np.less),
    "le": ("Le", np.less_equal),
    "gt": ("Gt", np.greater),
    "ge": ("Ge", np.greater_equal),
    "logical_and": ("LogicalAnd", np.logical_and),
    "logical_or": ("LogicalOr", np.logical_or),
    "logical_xor": ("LogicalXor", np.logical_xor),
}
ALIASES = {
    "subtract": "sub",
    "multiply": "mul",
    "divide": "div",
    "true_divide": "div",
    "absolute": "abs",
    "negative": "neg",
}


def _elementwise(name: str, op: str, function: Callable[..., Any]) -> Callable[..., Any]:
    if name in UNARY:

        def call(input: Tensor) -> Tensor:
            return apply(op, function, input)

    else:

        def call(input: Tensor, other: Any, *, alpha: float = 1) -> Tensor:  # type: ignore[misc]
            return apply_to_two(op, function, input, other if alpha == 1 else alpha * other)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"{name} of each element, by the function `{function.__name__}` of np or npx."
    return call


def _in_place(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        refuse_leaf(self)
        result = function(self, *args, **kwargs)
        self[...] = result
        return self

    call.__name__ = call.__qualname__ = f"{name}_"
    call.__doc__ = f"`{name}`, written into the tensor itself."
    return call


for _name, (_op, _function) in {**UNARY, **BINARY}.items():
    FUNCTIONS[_name] = METHODS[_name] = _elementwise(_name, _op, _function)
for _name, _other in ALIASES.items():
    FUNCTIONS[_name] = METHODS[_name] = FUNCTIONS[_other]

# ---- operators ----


def _operator(op: str, function: Callable[..., Any], swapped: bool) -> Callable[..., Any]:
    if swapped:
        return lambda self, other: apply_to_two(op, function, other, self)
    return lambda self, other: apply_to_two(op, function, self, other)


_OPERATORS = {
    "add": "add",
    "sub": "sub",
    "mul": "mul",
    "truediv": "div",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "pow": "pow",
}
for _name, _other in _OPERATORS.items():
    _op, _function = BINARY[_other]
    setattr(Tensor, f"__{_name}__", _operator(_op, _function, False))
    setattr(Tensor, f"__r{_name}__", _operator(_op, _function, True))
    setattr(Tensor, f"__i{_name}__", _in_place(_other, FUNCTIONS[_other]))
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(Tensor, f"__{_name}__", _operator(*BINARY[_name], False))
for _name, _function in (("and", np.bitwise_and), ("or", np.bitwise_or), ("xor", np.bitwise_xor)):
    setattr(Tensor, f"__{_name}__", _operator(_name.capitalize(), _function, False))
    setattr(Tensor, f"__r{_name}__", _operator(_name.capitalize(), _function, True))
Tensor.__neg__ = FUNCTIONS["neg"]  # type: ignore[attr-defined]
Tensor.__pos__ = lambda self: self  # type: ignore[attr-defined]
Tensor.__abs__ = FUNCTIONS["abs"]  # type: ignore[attr-defined]
Tensor.__invert__ = lambda self: apply("BitwiseNot", np.invert, self)  # type: ignore[attr-defined]


# ---- sums and their kin ----


def _dims(input: A, dim: Any) -> Any:
    """Axes that are there, as NumPy takes them."""
    if dim is None:
        return None
    if isinstance(dim, Sequence):
        return tuple(axis_of(each, input.ndim) for each in dim) or None
    return axis_of(dim, input.ndim) if input.ndim else None


@_of_arrays()
def sum(input: A, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> A:
    """The sum over all axes, or those of `dim`.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> torch.sum(torch.ones(2, 3), dim=1)
    tensor([3., 3.])
    """
    dtype = _dtypes.to_numpy(dtype)
    return np.sum(input, axis=_dims(input, dim), keepdims=keepdim, dtype=dtype)


@_of_arrays()
def mean(input: A, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> A:
    """The mean over all axes, or those of `dim`."""
    if dtype is None and numpy.dtype(input.dtype).kind != "f":
        raise RuntimeError(
            "mean(): could not infer output dtype. Input dtype must be either a floating point or "
            f"complex dtype. Got: {_dtypes.scalar_name(input)}"
        )
    dtype = _dtypes.to_numpy(dtype)
    return np.mean(input, axis=_dims(input, dim), keepdims=keepdim, dtype=dtype)


@_of_arrays()
def prod(input: A, dim: Any = None, keepdim: bool = False) -> A:
    """The product over all axes, or that of `dim`."""
    return np.prod(input, axis=_dims(input, dim), keepdims=keepdim)


def _spread(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(input: A, dim: Any = None, unbiased: bool = True, keepdim: bool = False,
             *, correction: float | None = None) -> A:  # fmt: skip
        ddof = int(unbiased) if correction is None else correction
        return function(input, axis=_dims(input, dim), ddof=ddof, keepdims=keepdim)

    call.__name__ = function.__name__
    call.__doc__ = (
        f"np.{function.__name__} over all axes, or those of `dim`; divided by n - 1 unless "
        "`unbiased` is False."
    )
    return call


std = _of_arrays()(_spread(np.std))
var = _of_arrays()(_spread(np.var))


@_of_arrays()
def norm(input: A, p: float = 2, dim: Any = None, keepdim: bool = False) -> A:
    """The p-norm over all axes, or those of `dim`."""
    if p == math.inf:
        return np.max(np.abs(input), axis=_dims(input, dim), keepdims=keepdim)
    if p == 2:
        return np.sqrt(np.sum(input * input, axis=_dims(input, dim), keepdims=keepdim))
    powers = np.sum(np.abs(input) ** p, axis=_dims(input, dim), keepdims=keepdim)
    return powers ** (1 / p)


for _name, _function in (("amax", np.max), ("amin", np.min), ("all", np.all), ("any", np.any),
                         ("argmax", np.argmax), ("argmin", np.argmin)):  # fmt: skip

    def _reduced(
        input: A,
        dim: Any = None,
        keepdim: bool = False,
        function: Callable[..., Any] = _function,
    ) -> A:
        return function(input, axis=_dims(input, dim), keepdims=keepdim)

    _reduced.__name__ = _name
    _reduced.__doc__ = f"np.{_function.__name__} over all axes, or those of `dim`."
    _of_arrays()(_reduced)


class Found(tuple):
    """Values that a function found along an axis, and their places.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> torch.max(torch.tensor([[1, 5], [7, 2]]), dim=1).indices
    tensor([1, 0])
    """

    values = property(lambda self: self[0])
    indices = property(lambda self: self[1])

    _finder: str

    def __new__(cls, finder: str, values: Tensor, indices: Tensor) -> Found:
        found = super().__new__(cls, (values, indices))
        found._finder = finder
        return found

    def __repr__(self) -> str:
        return (
            f"torch.return_types.{self._finder}(\nvalues={self[0]!r},\nindices={self[1]!r})"
        )


def _extreme(name: str, function: Callable[..., Any], place: Callable[..., Any],
             of_two: str) -> Callable[..., Any]:  # fmt: skip
    def call(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
        if isinstance(dim, Tensor):
            return FUNCTIONS[of_two](input, dim)
        if dim is None:
            return apply(_camel(name), function, input)
        axis = _dims(input._array, dim)
        values = apply(_camel(name), function, input, axis=axis, keepdims=keepdim)
        return Found(name, values, apply("", place, input, axis=axis, keepdims=keepdim))

    call.__name__ = call.__qualname__ = name
    call.__doc__ = (
        f"The {name} of all elements; with `dim` the values along that axis and their places; with "
        "another tensor that of each pair."
    )
    return call


max = FUNCTIONS["max"] = METHODS["max"] = _extreme("max", np.max, np.argmax, "maximum")
min = FUNCTIONS["min"] = METHODS["min"] = _extreme("min", np.min, np.argmin, "minimum")


@_of_arrays()
def cumsum(input: A, dim: int) -> A:
    """The running sum along an axis."""
    return np.cumsum(input, axis=_dims(input, dim))


@_of_arrays()
def cumprod(input: A, dim: int) -> A:
    """The running product along an axis."""
    return np.cumprod(input, axis=_dims(input, dim))


@_of_arrays()
def logsumexp(input: A, dim: Any, keepdim: bool = False) -> A:
    """The logarithm of the sum of exponentials, without overflow."""
    return npx.logsumexp(input, axis=_dims(input, dim), keepdims=keepdim)


@_of_arrays()
def softmax(input: A, dim: int, dtype: Any = None) -> A:
    """Exponentials divided by their sum along an axis.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> torch.softmax(torch.zeros(2), dim=0)
    tensor([0.5000, 0.5000])
    """
    return npx.softmax(_cast(input, dtype), axis=dim)


@_of_arrays()
def log_softmax(input: A, dim: int, dtype: Any = None) -> A:
    """The logarithm of `softmax`."""
    return npx.log_softmax(_cast(input, dtype), axis=dim)


def _cast(input: A, dtype: Any) -> A:
    return input if dtype is None else input.astype(_dtypes.to_numpy(dtype))


@_of_arrays()
def clamp(input: A, min: Any = None, max: Any = None) -> A:
    """Each element, but no less than `min` and no more than `max`."""
    if isinstance(min, Array) or isinstance(max, Array):
        input = input if min is None else np.maximum(input, min)
        return input if max is None else np.minimum(input, max)
    return np.clip(input, min, max)


FUNCTIONS["clip"] = METHODS["clip"] = clamp


@_of_arrays()
def round(input: A, *, decimals: int = 0) -> A:
    """The nearest whole numbers, even ones where two are equally near."""
    return np.around(input, decimals)


# ---- products ----


def _matrix_product(function: Callable[..., Any], *ranks: int) -> Callable[..., Any]:
    def call(input: A, mat2: A) -> A:
        if (input.ndim, mat2.ndim) not in (ranks, ()) and ranks:
            raise RuntimeError(
                f"expected tensors of {ranks[0]} and {ranks[1]} axes, but got {input.ndim} and "
                f"{mat2.ndim}"
            )
        check_product(input, mat2)
        return function(input, mat2)

    return call


def check_product(a: A, b: A) -> None:
    """Refuse matrices whose sizes do not fit, in PyTorch's words.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.dialects.torch._functions import check_product
    >>> check_product(np.ones((2, 256)), np.ones((64, 10)))
    Traceback (most recent call last):
    RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x256 and 64x10)
    """
    if a.dtype != b.dtype:
        names = " != ".join(_dtypes.scalar_name(each).lower() for each in (a, b))
        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {names}")
    if a.ndim == 2 and b.ndim == 2 and a.shape[1] != b.shape[0]:
        sizes = " and ".join("x".join(map(str, each.shape)) for each in (a, b))
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({sizes})")
    if a.ndim == 2 and b.ndim == 1 and a.shape[1] != b.shape[0]:
        raise RuntimeError(
            f"size mismatch, got input ({a.shape[0]}), mat ({a.shape[0]}x{a.shape[1]}), vec "
            f"({b.shape[0]})"
        )


for _name, _op, _function, _ranks in (
    ("matmul", "Mm", np.matmul, ()),
    ("mm", "Mm", np.matmul, (2, 2)),
    ("bmm", "Bmm", np.matmul, (3, 3)),
    ("mv", "Mv", np.matmul, (2, 1)),
    ("dot", "Dot", np.dot, (1, 1)),
):
    _made = _matrix_product(_function, *_ranks)
    _made.__name__, _made.__doc__ = _name, "The product of two matrices, or stacks of them."
    _of_arrays(op=_op)(_made)
Tensor.__matmul__ = FUNCTIONS["matmul"]  # type: ignore[attr-defined]


@_of_arrays(method=False)
def einsum(equation: str, *operands: A) -> A:
    """Sums of products over named axes.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> torch.einsum("ij,jk->ik", torch.ones(2, 3), torch.ones(3, 2))
    tensor([[3., 3.],
            [3., 3.]])
    """
    return np.einsum(equation, *operands)


@_of_arrays()
def outer(input: A, vec2: A) -> A:
    """The products of each element of one vector with each of another."""
    return np.outer(input, vec2)


# ---- shapes ----


def _sizes(shape: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], Sequence) else shape


@_of_arrays(op="View")
def reshape(input: A, *shape: Any) -> A:
    """The elements in another shape, of which one size may be -1.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> torch.reshape(torch.arange(4), (2, -1))
    tensor([[0, 1],
            [2, 3]])
    """
    sizes = _sizes(shape)
    try:
        return np.reshape(input, sizes)
    except ValueError:
        raise RuntimeError(
            f"shape '{list(sizes)}' is invalid for input of size {input.size}"
        ) from None


METHODS["view"] = reshape
METHODS["view_as"] = METHODS["reshape_as"] = lambda self, other: reshape(self, other.shape)


@_of_arrays(op="View")
def flatten(input: A, start_dim: int = 0, end_dim: int = -1) -> A:
    """Some axes as one."""
    start, end = axis_of(start_dim, input.ndim), axis_of(end_dim, input.ndim)
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    shape = input.shape
    return np.reshape(
        input, (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :])
    )


@_of_arrays(op="View")
def unflatten(input: A, dim: int, sizes: Sequence[int]) -> A:
    """One axis as several."""
    place = axis_of(dim, input.ndim)
    return np.reshape(input, (*input.shape[:place], *sizes, *input.shape[place + 1 :]))


@_of_arrays()
def squeeze(input: A, dim: Any = None) -> A:
    """Without the axes of size 1, or without one of them."""
    if dim is not None:
        dims = dim if isinstance(dim, Sequence) else (dim,)
        places = [axis_of(each, input.ndim) for each in dims]
        dim = tuple(place for place in places if input.shape[place] == 1)
    return np.squeeze(input, dim)


@_of_arrays()
def unsqueeze(input: A, dim: int) -> A:
    """With another axis, of size 1."""
    return np.expand_dims(input, axis_of(dim, input.ndim + 1))


@_of_arrays()
def transpose(input: A, dim0: int, dim1: int) -> A:
    """With two axes exchanged."""
    return np.swapaxes(input, axis_of(dim0, input.ndim), axis_of(dim1, input.ndim))


@_of_arrays()
def permute(input: A, *dims: Any) -> A:
    """With the axes in another order."""
    return np.transpose(input, [axis_of(each, input.ndim) for each in _sizes(dims)])


@_of_arrays()
def movedim(input: A, source: Any, destination: Any) -> A:
    """With axes at other places."""
    return np.moveaxis(input, source, destination)


@_of_arrays(op="T")
def t(input: A) -> A:
    """A matrix transposed."""
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return np.transpose(input)


Tensor.T = property(lambda self: apply("Permute", np.transpose, self))  # type: ignore[attr-defined]
Tensor.mT = property(lambda self: transpose(self, -1, -2))  # type: ignore[attr-defined]


@_of_arrays()
def broadcast_to(input: A, size: Any) -> A:
    """Repeated along axes of size 1, without a copy where that is possible."""
    return np.broadcast_to(input, tuple(size))


@_of_arrays()
def expand(input: A, *sizes: Any) -> A:
    """Repeated along axes of size 1; -1 keeps an axis."""
    wanted = _sizes(sizes)
    kept = (1,) * (len(wanted) - input.ndim) + tuple(input.shape)
    shape = [old if new == -1 else new for new, old in zip(wanted, kept, strict=True)]
    return np.broadcast_to(input, shape)


del FUNCTIONS["expand"]
METHODS["expand_as"] = lambda self, other: broadcast_to(self, other.shape)


@_of_arrays()
def tile(input: A, *dims: Any) -> A:
    """Put side by side, so often along each axis."""
    return np.tile(input, _sizes(dims))


METHODS["repeat"] = tile


@_of_arrays()
def repeat_interleave(input: A, repeats: Any, dim: int | None = None) -> A:
    """Each element so often."""
    return np.repeat(input, repeats, dim)


@_of_arrays(method=False)
def cat(tensors: Sequence[A], dim: int = 0) -> A:
    """Tensors one after the other along an axis.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> torch.cat([torch.zeros(1), torch.ones(2)])
    tensor([0., 1., 1.])
    """
    first, place = tensors[0].shape, axis_of(dim, tensors[0].ndim)
    for number, each in enumerate(tensors):
        for axis, (a, b) in enumerate(zip(first, each.shape, strict=False)):
            if axis != place and a != b:
                raise RuntimeError(
                    f"Sizes of tensors must match except in dimension {place}. Expected size {a} "
                    f"but got size {b} for tensor number {number} in the list."
                )
    return np.concatenate(tensors, place)


FUNCTIONS["concat"] = FUNCTIONS["concatenate"] = cat


@_of_arrays(method=False)
def stack(tensors: Sequence[A], dim: int = 0) -> A:
    """Tensors of one shape along a new axis."""
    for number, each in enumerate(tensors):
        if each.shape != tensors[0].shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(tensors[0].shape)} at "
                f"entry 0 and {list(each.shape)} at entry {number}"
            )
    return np.stack(tensors, axis_of(dim, tensors[0].ndim + 1))


@_of_arrays()
def split(input: A, split_size: Any, dim: int = 0) -> tuple[A, ...]:
    """Parts of a size, or of given sizes, along an axis."""
    place = axis_of(dim, input.ndim)
    size = input.shape[place]
    if isinstance(split_size, int):
        edges = list(range(split_size, size, split_size))
    else:
        if numpy.sum(split_size) != size:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {size} (input tensor's "
                f"size at dimension {place}), but got split_sizes={list(split_size)}"
            )
        edges = numpy.cumsum(split_size)[:-1].tolist()
    return tuple(np.split(input, edges, place))


@_of_arrays()
def chunk(input: A, chunks: int, dim: int = 0) -> tuple[A, ...]:
    """So many parts along an axis, or fewer, of equal size but the last."""
    place = axis_of(dim, input.ndim)
    size = math.ceil(input.shape[place] / chunks)
    return tuple(np.split(input, list(range(size, input.shape[place], size)), place))


@_of_arrays()
def unbind(input: A, dim: int = 0) -> tuple[A, ...]:
    """The slices along an axis."""
    return tuple(np.moveaxis(input, axis_of(dim, input.ndim), 0))


@_of_arrays()
def flip(input: A, *dims: Any) -> A:
    """With the elements in reverse order along axes."""
    return np.flip(input, tuple(_sizes(dims)))


@_of_arrays()
def roll(input: A, shifts: Any, dims: Any = None) -> A:
    """With the elements moved along axes; what leaves at one end enters at the other."""
    return np.roll(input, shifts, dims)


@_of_arrays()
def tril(input: A, diagonal: int = 0) -> A:
    """The lower triangle of each matrix, zeros above."""
    return np.tril(input, diagonal)


@_of_arrays()
def triu(input: A, diagonal: int = 0) -> A:
    """The upper triangle of each matrix, zeros below."""
    return np.triu(input, diagonal)


@_of_arrays()
def diag(input: A, diagonal: int = 0) -> A:
    """A matrix with a diagonal, or the diagonal of a matrix."""
    return np.diag(input, diagonal)


# ---- elements by place, value and order ----


@_of_arrays()
def gather(input: A, dim: int, index: A) -> A:
    """The elements at places along an axis."""
    return np.take_along_axis(input, index, axis_of(dim, input.ndim))


@_of_arrays()
def index_select(input: A, dim: int, index: A) -> A:
    """The slices at places along an axis."""
    return np.take(input, index, axis_of(dim, input.ndim))


@_of_arrays()
def masked_fill(input: A, mask: A, value: Any) -> A:
    """With a number where a mask is True."""
    return np.where(mask, np.full((), value, dtype=input.dtype), input)


@_of_arrays()
def masked_select(input: A, mask: A) -> A:
    """The elements where a mask is True."""
    return input[np.broadcast_to(mask, input.shape)]


@_of_arrays(method=False)
def where(condition: A, input: Any = None, other: Any = None) -> A:
    """Elements of one tensor where a condition is True, of another elsewhere."""
    if input is None and other is None:
        return tuple(np.nonzero(condition))
    return np.where(condition, input, other)


@_of_arrays()
def nonzero(input: A) -> A:
    """The places of the elements that are not 0, a row each."""
    return np.argwhere(input)


@_of_arrays()
def argsort(input: A, dim: int = -1, descending: bool = False) -> A:
    """The places of the elements in order."""
    axis = axis_of(dim, input.ndim)
    if not descending:
        return np.argsort(input, axis)
    places = np.argsort(np.flip(input, axis), axis)  # equal ones stay in their order
    return np.flip(input.shape[axis] - 1 - places, axis)


def sort(input: Tensor, dim: int = -1, descending: bool = False) -> Found:
    """The elements in order along an axis, and their places.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> torch.sort(torch.tensor([3, 1, 2])).values
    tensor([1, 2, 3])
    """
    places = argsort(input, dim, descending)
    return Found("sort", gather(input, dim, places), places)


def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True) -> Found:
    """The k largest or smallest elements along an axis, and their places."""
    axis = axis_of(dim, input.ndim)
    places = argsort(input, axis, largest).index_select(  # type: ignore[attr-defined]
        axis, wrap(np.arange(k, dtype="int64"))
    )
    return Found("topk", gather(input, axis, places), places)


for _function in (sort, topk):
    FUNCTIONS[_function.__name__] = METHODS[_function.__name__] = _function


@_of_arrays()
def unique(input: A, sorted: bool = True, return_counts: bool = False) -> Any:
    """The different elements in order, and how often each is there."""
    return np.unique(input, return_counts=return_counts)


@_of_arrays()
def allclose(input: A, other: A, rtol: float = 1e-5, atol: float = 1e-8) -> bool:
    """Whether two tensors agree but for small differences."""
    return bool(np.allclose(input, other, rtol, atol))


@_of_arrays()
def isclose(input: A, other: A, rtol: float = 1e-5, atol: float = 1e-8) -> A:
    """Where two tensors agree but for small differences."""
    return np.isclose(input, other, rtol, atol)


@_of_arrays()
def equal(input: A, other: A) -> bool:
    """Whether two tensors have one shape and the same elements."""
    return bool(np.array_equal(input, other))


@_of_arrays()
def bincount(input: A, minlength: int = 0) -> A:
    """How often each number from 0 on is there."""
    return np.bincount(input, minlength=minlength)


# ---- copies, dtypes, writes in place ----


@_of_arrays()
def clone(input: A) -> A:
    """A copy, through which gradients pass."""
    return input.copy()


METHODS["contiguous"] = lambda self: self
METHODS["type_as"] = lambda self, other: self.to(other)
for _name, _dtype in (("float", "float32"), ("double", "float64"), ("half", "float16"),
                      ("long", "int64"), ("int", "int32"), ("bool", "bool")):  # fmt: skip
    METHODS[_name] = lambda self, dtype=_dtypes.ALL[_dtype]: self.to(dtype)


def _written(self: Tensor, values: Any) -> Tensor:
    refuse_leaf(self)
    self[...] = values
    return self


METHODS["fill_"] = _written
METHODS["zero_"] = lambda self: _written(self, 0)
METHODS["copy_"] = lambda self, source: _written(self, source)
for _name in (*UNARY, "add", "sub", "mul", "div", "pow", "remainder", "clamp", "masked_fill"):
    METHODS[f"{_name}_"] = _in_place(_name, METHODS[_name])


def _drawn(law: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Tensor, first: float = 0.0, second: float = 1.0) -> Tensor:
        values = law(first, second, size=self._array.shape, dtype=self._array.dtype)
        refuse_leaf(self)
        with_recording(False, self._array.__setitem__, ..., values)
        return self

    return call


METHODS["normal_"] = _drawn(np.random.normal)
METHODS["uniform_"] = _drawn(np.random.uniform)

for _name, _function in METHODS.items():
    setattr(Tensor, _name, _function)


def numel(input: Tensor) -> int:
    """The number of elements."""
    return input.numel()


def is_tensor(obj: Any) -> bool:
    """Whether something is a tensor."""
    return isinstance(obj, Tensor)


FUNCTIONS |= {"numel": numel, "is_tensor": is_tensor}
