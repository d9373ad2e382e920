"""Sums, extremes and the like, and products of matrices."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy

from ... import numpy as np
from ... import numpy_extension as npx
from ...core.tensor import Tensor as Array
from . import _dtypes
from ._registry import FUNCTIONS, METHODS, Found, camel, dims_of, of_arrays
from ._tensor import NUMPY_NAMES, Tensor, apply

A = Any  # an array of the core with NumPy's rules


@of_arrays()
def sum(input: A, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> A:
    """The sum over all axes, or those of `dim`.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> torch.sum(torch.ones(2, 3), dim=1)
    tensor([3., 3.])
    """
    dtype = _dtypes.to_numpy(dtype)
    return np.sum(input, axis=dims_of(input, dim), keepdims=keepdim, dtype=dtype)


@of_arrays()
def mean(input: A, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> A:
    """The mean over all axes, or those of `dim`."""
    if dtype is None and numpy.dtype(input.dtype).kind != "f":
        raise RuntimeError(
            "mean(): could not infer output dtype. Input dtype must be either a floating point or "
            f"complex dtype. Got: {_dtypes.scalar_name(input)}"
        )
    dtype = _dtypes.to_numpy(dtype)
    return np.mean(input, axis=dims_of(input, dim), keepdims=keepdim, dtype=dtype)


@of_arrays()
def prod(input: A, dim: Any = None, keepdim: bool = False) -> A:
    """The product over all axes, or that of `dim`."""
    return np.prod(input, axis=dims_of(input, dim), keepdims=keepdim)


def _spread(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(input: A, dim: Any = None, unbiased: bool = True, keepdim: bool = False,
             *, correction: float | None = None) -> A:  # fmt: skip
        ddof = int(unbiased) if correction is None else correction
        return function(input, axis=dims_of(input, dim), ddof=ddof, keepdims=keepdim)

    call.__name__ = function.__name__
    call.__doc__ = (
        f"np.{function.__name__} over all axes, or those of `dim`; divided by n - 1 unless "
        "`unbiased` is False."
    )
    return call


std = of_arrays()(_spread(np.std))
var = of_arrays()(_spread(np.var))


@of_arrays()
def norm(input: A, p: float = 2, dim: Any = None, keepdim: bool = False) -> A:
    """The p-norm over all axes, or those of `dim`."""
    if p == math.inf:
        return np.max(np.abs(input), axis=dims_of(input, dim), keepdims=keepdim)
    if p == 2:
        return np.sqrt(np.sum(input * input, axis=dims_of(input, dim), keepdims=keepdim))
    powers = np.sum(np.abs(input) ** p, axis=dims_of(input, dim), keepdims=keepdim)
    return powers ** (1 / p)


def _reduced(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(input: A, dim: Any = None, keepdim: bool = False) -> A:
        return function(input, axis=dims_of(input, dim), keepdims=keepdim)

    call.__doc__ = f"np.{function.__name__} over all axes, or those of `dim`."
    return call


REDUCTIONS: dict[str, Callable[..., Any]] = {
    "amax": np.max,
    "amin": np.min,
    "all": np.all,
    "any": np.any,
    "argmax": np.argmax,
    "argmin": np.argmin,
}
for _name, _function in REDUCTIONS.items():
    _made = _reduced(_function)
    _made.__name__ = _name
    of_arrays()(_made)


def _extreme(name: str, function: Callable[..., Any], place: Callable[..., Any],
             of_two: str) -> Callable[..., Any]:  # fmt: skip
    def call(input: Tensor, dim: Any = None, keepdim: bool = False, **numpy_names: Any) -> Any:
        if numpy_names:
            unknown = numpy_names.keys() - NUMPY_NAMES
            if unknown:
                raise TypeError(
                    f"{name}() got an unexpected keyword argument {sorted(unknown)[0]!r}"
                )
            return call(input, **{NUMPY_NAMES[key]: each for key, each in numpy_names.items()})
        if isinstance(dim, Tensor):
            return FUNCTIONS[of_two](input, dim)
        if dim is None:
            return apply(camel(name), function, input)
        axis = dims_of(input._array, dim)
        values = apply(camel(name), function, input, axis=axis, keepdims=keepdim)
        return Found(name, values, apply("", place, input, axis=axis, keepdims=keepdim))

    call.__name__ = call.__qualname__ = name
    call.__doc__ = (
        f"The {name} of all elements; with `dim` the values along that axis and their places; with "
        "another tensor that of each pair."
    )
    return call


max = FUNCTIONS["max"] = METHODS["max"] = _extreme("max", np.max, np.argmax, "maximum")
min = FUNCTIONS["min"] = METHODS["min"] = _extreme("min", np.min, np.argmin, "minimum")


@of_arrays()
def cumsum(input: A, dim: int) -> A:
    """The running sum along an axis."""
    return np.cumsum(input, axis=dims_of(input, dim))


@of_arrays()
def cumprod(input: A, dim: int) -> A:
    """The running product along an axis."""
    return np.cumprod(input, axis=dims_of(input, dim))


@of_arrays()
def logsumexp(input: A, dim: Any, keepdim: bool = False) -> A:
    """The logarithm of the sum of exponentials, without overflow."""
    return npx.logsumexp(input, axis=dims_of(input, dim), keepdims=keepdim)


@of_arrays()
def softmax(input: A, dim: int, dtype: Any = None) -> A:
    """Exponentials divided by their sum along an axis.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> torch.softmax(torch.zeros(2), dim=0)
    tensor([0.5000, 0.5000])
    """
    return npx.softmax(_cast(input, dtype), axis=dim)


@of_arrays()
def log_softmax(input: A, dim: int, dtype: Any = None) -> A:
    """The logarithm of `softmax`."""
    return npx.log_softmax(_cast(input, dtype), axis=dim)


def _cast(input: A, dtype: Any) -> A:
    return input if dtype is None else input.astype(_dtypes.to_numpy(dtype))


@of_arrays()
def clamp(input: A, min: Any = None, max: Any = None) -> A:
    """Each element, but no less than `min` and no more than `max`."""
    if isinstance(min, Array) or isinstance(max, Array):
        input = input if min is None else np.maximum(input, min)
        return input if max is None else np.minimum(input, max)
    return np.clip(input, min, max)


FUNCTIONS["clip"] = METHODS["clip"] = clamp


@of_arrays()
def round(input: A, *, decimals: int = 0) -> A:
    """The nearest whole numbers, even ones where two are equally near."""
    return np.around(input, decimals)


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
    >>> from microlazy.dialects.torch._reductions import check_product
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
    of_arrays(op=_op)(_made)
METHODS["__matmul__"] = lambda self, other: (
    FUNCTIONS["matmul"](self, other) if isinstance(other, Tensor) else NotImplemented
)


@of_arrays(method=False)
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


@of_arrays()
def outer(input: A, vec2: A) -> A:
    """The products of each element of one vector with each of another."""
    return np.outer(input, vec2)
