"""Batches of sequences of different lengths: masks, last steps, reversal.

Time is the first axis and the batch the second, or the other way round with `axis=1`.
"""

from typing import TypeVar

from microlazy.base import MXNetError, ShapeError
from microlazy.core import functions as _f
from microlazy.core.ops import nn as _nn
from microlazy.core.tensor import Tensor

A = TypeVar("A", bound=Tensor)


def length_mask(length: A, shape: tuple[int, ...], axis: int) -> A:
    """Return whether each place of an array lies within its length along an axis.

    Parameters
    ----------
    length : array, of the shape without `axis`, or of sizes 1
    shape : tuple of int
    axis : int

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.sequence_lengths import length_mask
    >>> length_mask(np.array([1, 3]), (2, 3), 1)
    array([[ True, False, False],
           [ True,  True,  True]])
    """
    return _steps(length, len(shape), shape[axis], axis) < _f.expand_dims(length, axis)


def _steps(like: A, ndim: int, count: int, axis: int) -> A:
    """0, 1, ... along one of `ndim` axes, with the face and dtype of an array."""
    shape = [1] * ndim
    shape[axis] = count
    steps = _f.to_array(_f.face_of(like), range(count), like.dtype)
    return _f.reshape(steps, tuple(shape))


def _checked(name: str, data: A, length: A | None, axis: int) -> A | None:
    """The lengths, with axes of size 1 for all of data's but the batch."""
    if data.ndim < 2:
        raise ShapeError(f"{name}: the array needs a time and a batch axis, not {data.shape}")
    if axis not in (0, 1):
        raise MXNetError(f"{name}: the axis of time is 0 or 1, not {axis!r}")
    if length is None:
        return None
    batch = data.shape[1 - axis]
    if length.shape != (batch,):
        raise ShapeError(f"{name}: {batch} sequences need lengths of shape ({batch},), but their "
                         f"shape is {length.shape}")  # fmt: skip
    return _f.reshape(length, (batch,) + (1,) * (data.ndim - 2))


def sequence_mask(data: A, length: A | None, value: float = 0.0, axis: int = 0) -> A:
    """Return the array with `value` in all steps behind each sequence's length.

    Parameters
    ----------
    data : array, shape (time, batch, ...), or (batch, time, ...) with `axis=1`
    length : array, shape (batch,), or None
        All steps count without lengths.
    value : float
    axis : 0 or 1
        That of time.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.sequence_lengths import sequence_mask
    >>> sequence_mask(np.ones((2, 3)), np.array([1, 2]), axis=1)
    array([[1., 0., 0.],
           [1., 1., 0.]])
    """
    length = _checked("sequence_mask", data, length, axis)
    if length is None:
        return data.copy()
    return _f.where(length_mask(length, data.shape, axis), data, value)


def sequence_last(data: A, length: A | None, axis: int = 0) -> A:
    """Return the last step of each sequence, shape (batch, ...).

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.sequence_lengths import sequence_last
    >>> sequence_last(np.array([[1, 2, 3], [4, 5, 6]]), np.array([1, 3]), axis=1)
    array([1., 6.])
    """
    length = _checked("sequence_last", data, length, axis)
    rest = data.shape[:axis] + data.shape[axis + 1 :]
    if length is None:
        last = _f.slice_axis(data, axis, data.shape[axis] - 1, data.shape[axis])
        return _f.reshape(last, rest)
    return _nn.pick(data, _f.broadcast_to(length - 1, rest), axis)


def sequence_reverse(data: A, length: A | None) -> A:
    """Return the sequences in reverse order; steps behind the length stay where they are.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.sequence_lengths import sequence_reverse
    >>> sequence_reverse(np.array([[1, 2], [3, 4], [5, 6]]), np.array([2, 3]))
    array([[3., 6.],
           [1., 4.],
           [5., 2.]])
    """
    _checked("sequence_reverse", data, length, 0)
    if length is None:
        return _f.flip(data, 0)
    time, batch = data.shape[:2]
    length = _f.as_dtype(length, "int64")
    steps = _steps(length, 2, time, 0)
    source = _f.where(steps < length, length - 1 - steps, steps)
    places = source * batch + _steps(length, 2, batch, 1)
    rows = _f.reshape(data, (time * batch, *data.shape[2:]))
    return _f.take(rows, places, 0)
