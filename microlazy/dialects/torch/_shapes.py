"""Tensors in other shapes, joined and cut."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy

from ... import numpy as np
from ._errors import axis_of
from ._registry import FUNCTIONS, METHODS, PROPERTIES, of_arrays
from ._tensor import apply

A = Any  # an array of the core with NumPy's rules


def _sizes(shape: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], Sequence) else shape


@of_arrays(op="View")
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


def flatten_array(x: A, start_dim: int = 0, end_dim: int = -1) -> A:
    """Some axes of an array as one.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.dialects.torch._shapes import flatten_array
    >>> flatten_array(np.ones((2, 3, 4)), 1).shape
    (2, 12)
    """
    start, end = axis_of(start_dim, x.ndim), axis_of(end_dim, x.ndim)
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    shape = x.shape
    return np.reshape(x, (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))


@of_arrays(op="View")
def flatten(input: A, start_dim: int = 0, end_dim: int = -1) -> A:
    """Some axes as one."""
    return flatten_array(input, start_dim, end_dim)


@of_arrays(op="View")
def unflatten(input: A, dim: int, sizes: Sequence[int]) -> A:
    """One axis as several."""
    place = axis_of(dim, input.ndim)
    return np.reshape(input, (*input.shape[:place], *sizes, *input.shape[place + 1 :]))


@of_arrays()
def squeeze(input: A, dim: Any = None) -> A:
    """Without the axes of size 1, or without one of them."""
    if dim is not None:
        dims = dim if isinstance(dim, Sequence) else (dim,)
        places = [axis_of(each, input.ndim) for each in dims]
        dim = tuple(place for place in places if input.shape[place] == 1)
    return np.squeeze(input, dim)


@of_arrays()
def unsqueeze(input: A, dim: int) -> A:
    """With another axis, of size 1."""
    return np.expand_dims(input, axis_of(dim, input.ndim + 1))


@of_arrays()
def transpose(input: A, dim0: int, dim1: int) -> A:
    """With two axes exchanged."""
    return np.swapaxes(input, axis_of(dim0, input.ndim), axis_of(dim1, input.ndim))


@of_arrays()
def permute(input: A, *dims: Any) -> A:
    """With the axes in another order."""
    return np.transpose(input, [axis_of(each, input.ndim) for each in _sizes(dims)])


@of_arrays()
def movedim(input: A, source: Any, destination: Any) -> A:
    """With axes at other places."""
    return np.moveaxis(input, source, destination)


for _name, _other in (("swapaxes", transpose), ("swapdims", transpose), ("moveaxis", movedim)):
    FUNCTIONS[_name] = METHODS[_name] = _other


@of_arrays(op="T")
def t(input: A) -> A:
    """A matrix transposed."""
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return np.transpose(input)


PROPERTIES["T"] = lambda self: apply("Permute", np.transpose, self)
PROPERTIES["mT"] = lambda self: transpose(self, -1, -2)


@of_arrays()
def broadcast_to(input: A, size: Any) -> A:
    """Repeated along axes of size 1, without a copy where that is possible."""
    return np.broadcast_to(input, tuple(size))


@of_arrays()
def expand(input: A, *sizes: Any) -> A:
    """Repeated along axes of size 1; -1 keeps an axis."""
    wanted = _sizes(sizes)
    kept = (1,) * (len(wanted) - input.ndim) + tuple(input.shape)
    shape = [old if new == -1 else new for new, old in zip(wanted, kept, strict=True)]
    return np.broadcast_to(input, shape)


del FUNCTIONS["expand"]
METHODS["expand_as"] = lambda self, other: broadcast_to(self, other.shape)


@of_arrays()
def tile(input: A, *dims: Any) -> A:
    """Put side by side, so often along each axis."""
    return np.tile(input, _sizes(dims))


METHODS["repeat"] = tile


@of_arrays()
def repeat_interleave(input: A, repeats: Any, dim: int | None = None) -> A:
    """Each element so often."""
    return np.repeat(input, repeats, dim)


@of_arrays(method=False)
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


@of_arrays(method=False)
def stack(tensors: Sequence[A], dim: int = 0) -> A:
    """Tensors of one shape along a new axis."""
    for number, each in enumerate(tensors):
        if each.shape != tensors[0].shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(tensors[0].shape)} at "
                f"entry 0 and {list(each.shape)} at entry {number}"
            )
    return np.stack(tensors, axis_of(dim, tensors[0].ndim + 1))


@of_arrays()
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


@of_arrays()
def chunk(input: A, chunks: int, dim: int = 0) -> tuple[A, ...]:
    """So many parts along an axis, or fewer, of equal size but the last."""
    place = axis_of(dim, input.ndim)
    size = math.ceil(input.shape[place] / chunks)
    return tuple(np.split(input, list(range(size, input.shape[place], size)), place))


@of_arrays()
def unbind(input: A, dim: int = 0) -> tuple[A, ...]:
    """The slices along an axis."""
    return tuple(np.moveaxis(input, axis_of(dim, input.ndim), 0))


@of_arrays()
def flip(input: A, *dims: Any) -> A:
    """With the elements in reverse order along axes."""
    return np.flip(input, tuple(_sizes(dims)))


@of_arrays()
def roll(input: A, shifts: Any, dims: Any = None) -> A:
    """With the elements moved along axes; what leaves at one end enters at the other."""
    return np.roll(input, shifts, dims)


@of_arrays()
def tril(input: A, diagonal: int = 0) -> A:
    """The lower triangle of each matrix, zeros above."""
    return np.tril(input, diagonal)


@of_arrays()
def triu(input: A, diagonal: int = 0) -> A:
    """The upper triangle of each matrix, zeros below."""
    return np.triu(input, diagonal)


@of_arrays()
def diag(input: A, diagonal: int = 0) -> A:
    """A matrix with a diagonal, or the diagonal of a matrix."""
    return np.diag(input, diagonal)
