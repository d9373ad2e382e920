"""Functions that make a batch of samples: the argument `batchify_fn` of a DataLoader."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy

from ... import ndarray as nd
from ... import numpy as np
from ...base import ShapeError
from ...core import functions as _f
from ...core.tensor import Tensor
from ...util import is_np_array

__all__ = ["Append", "AsList", "Group", "Pad", "Stack"]


def default_batchify_fn(data: Sequence[Any]) -> Any:
    """Stack samples; of tuples each place by itself, in a list.

    Examples
    --------
    >>> from microlazy.gluon.data.batchify import default_batchify_fn
    >>> [part.asnumpy() for part in default_batchify_fn([(1, 2), (3, 4)])]
    [array([1, 3], dtype=int64), array([2, 4], dtype=int64)]
    """
    return by_parts(data, _stack)


def by_parts(data: Sequence[Any], stack: Callable[[Sequence[Any]], Any]) -> Any:
    """Stack samples by a function; of tuples each place by itself, in a list.

    Examples
    --------
    >>> from microlazy.gluon.data.batchify import by_parts
    >>> by_parts([(1, 2), (3, 4)], list)
    [[1, 3], [2, 4]]
    """
    if isinstance(data[0], tuple):
        return [by_parts(part, stack) for part in zip(*data, strict=True)]
    return stack(data)


def to_array(values: Any) -> Tensor:
    """Values as an array of the face and dtype that Gluon works with."""
    values = numpy.asarray(values)
    return (np if is_np_array() else nd).array(values, dtype=values.dtype)


def to_batch(data: Any) -> Tensor:
    """An array of NumPy's as one of ours; samples in a list are stacked.

    Examples
    --------
    >>> from microlazy.gluon.data.batchify import to_batch
    >>> to_batch([1, 2]).asnumpy()
    array([1, 2], dtype=int64)
    """
    return to_array(data) if isinstance(data, numpy.ndarray) else _stack(data)


def _stack(data: Sequence[Any]) -> Tensor:
    try:
        if all(isinstance(sample, Tensor) for sample in data):
            return _f.stack(list(data))
        if hasattr(data[0], "shape") and not isinstance(
            data[0], numpy.generic
        ):  # arrays of NumPy, PyTorch, and so on
            return to_array(numpy.stack([numpy.asarray(sample) for sample in data]))
        values = numpy.asarray(data)
        if values.dtype.kind not in "biuf":
            raise TypeError(
                f"samples of type {type(data[0]).__name__} make no batch; give the DataLoader a "
                "batchify_fn that makes one of a list of samples"
            )
        return to_array(values)
    except ValueError as error:
        shapes = sorted({numpy.shape(sample) for sample in data})
        if len(shapes) < 2:
            raise
        raise ShapeError(
            f"samples of different shapes {shapes} make no batch; batchify.Pad pads them"
        ) from error


class Stack:
    """Stacks samples of one shape along a new first axis.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon.data import batchify
    >>> batchify.Stack()([nd.ones((2,)), nd.zeros((2,))]).shape
    (2, 2)
    """

    def __call__(self, data: Sequence[Any]) -> Tensor:
        return _stack(data)


class Pad:
    """Stacks samples of different sizes, each padded to the largest.

    Parameters
    ----------
    val : float
        What to pad with.
    dtype : dtype, optional
        By default that of the first sample.
    round_to : int, optional
        Pad every axis to a multiple of it.

    Examples
    --------
    >>> from microlazy.gluon.data import batchify
    >>> batchify.Pad(val=-1)([[1, 2, 3], [4]]).asnumpy()
    array([[ 1,  2,  3],
           [ 4, -1, -1]], dtype=int64)
    """

    def __init__(self, val: float = 0, dtype: Any = None, round_to: int | None = None) -> None:
        self._val, self._dtype, self._round_to = val, dtype, round_to or 1

    def __call__(self, data: Sequence[Any]) -> Tensor:
        samples = [numpy.asarray(sample) for sample in data]
        if len({sample.ndim for sample in samples}) > 1:
            raise ShapeError(
                f"Pad: samples need equally many axes, not {sorted({s.ndim for s in samples})}"
            )
        step = self._round_to
        largest = numpy.max([sample.shape for sample in samples], axis=0)
        shape = [int(-(-size // step) * step) for size in largest]
        batch = numpy.full((len(samples), *shape), self._val, self._dtype or samples[0].dtype)
        for place, sample in zip(batch, samples, strict=True):
            place[tuple(map(slice, sample.shape))] = sample
        return to_array(batch)


class Append:
    """Makes a list of arrays, one for each sample.

    Parameters
    ----------
    expand : bool
        Give each an axis of size 1 for the batch.
    batch_axis : int
        Where that axis is.

    Examples
    --------
    >>> from microlazy.gluon.data import batchify
    >>> [x.shape for x in batchify.Append()([[1, 2, 3], [4]])]
    [(1, 3), (1, 1)]
    """

    def __init__(self, expand: bool = True, batch_axis: int = 0) -> None:
        self._expand, self._batch_axis = expand, batch_axis

    def __call__(self, data: Sequence[Any]) -> list[Tensor]:
        samples = [numpy.asarray(sample) for sample in data]
        if self._expand:
            samples = [numpy.expand_dims(sample, self._batch_axis) for sample in samples]
        return [to_array(sample) for sample in samples]


class Group:
    """Treats each part of the samples by a function of its own.

    Parameters
    ----------
    fn : callable, or list of callables
    *args : callable
        One function for each part.

    Raises
    ------
    ValueError
        If samples have another number of parts.

    Examples
    --------
    >>> from microlazy.gluon.data import batchify
    >>> words, labels = batchify.Group(batchify.Pad(), batchify.Stack())([([1, 2], 0), ([3], 1)])
    >>> words.shape, labels.shape
    ((2, 2), (2,))
    """

    def __init__(self, fn: Any, *args: Callable[[Sequence[Any]], Any]) -> None:
        self._functions = [*fn, *args] if isinstance(fn, (list, tuple)) else [fn, *args]

    def __call__(self, data: Sequence[Any]) -> tuple[Any, ...]:
        parts = {len(sample) for sample in data}
        if parts != {len(self._functions)}:
            raise ValueError(
                f"Group has {len(self._functions)} functions, but samples have {sorted(parts)} "
                "parts"
            )
        return tuple(
            fn(part) for fn, part in zip(self._functions, zip(*data, strict=True), strict=True)
        )


class AsList:
    """Leaves samples as they are, in a list; for texts and the like.

    Examples
    --------
    >>> from microlazy.gluon.data import batchify
    >>> batchify.AsList()(("a", "b"))
    ['a', 'b']
    """

    def __call__(self, data: Sequence[Any]) -> list[Any]:
        return list(data)
