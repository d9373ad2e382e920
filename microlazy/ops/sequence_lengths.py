"""Batches of sequences of different lengths: masks, last steps, reversal.

Time is the first axis and the batch the second, or the other way round with `axis=1`.
"""

from typing import TypeVar

from microlazy.base import MXNetError, ShapeError
from microlazy.core import functions as _f
from microlazy.core.ops import nn as _nn
from microlazy.core.tensor import Tensor
from microlazy.ops.arguments import op
from microlazy.ops.checks import check_arrays

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


def _lengths(name: str, data: A, length: A | None, use: bool, axis: int) -> A | None:
    """The lengths that count, with axes of size 1 for all of data's but the batch."""
    if use and length is None:
        raise MXNetError(f"{name}: use_sequence_length=True needs sequence_length")
    if data.ndim < 2:
        raise ShapeError(f"{name}: the array needs a time and a batch axis, not {data.shape}")
    if axis not in (0, 1):
        raise MXNetError(f"{name}: the axis of time is 0 or 1, not {axis!r}")
    if length is None or not use:
        return None
    check_arrays(name, sequence_length=length)
    batch = data.shape[1 - axis]
    if length.shape != (batch,):
        raise ShapeError(
            f"{name}: data of shape {data.shape}, with time along axis {axis}, needs a length for "
            f"each place along axis {1 - axis}: shape ({batch},), not {length.shape}"
        )
    return _f.reshape(length, (batch,) + (1,) * (data.ndim - 2))


@op
def sequence_mask(
    data: Tensor,
    sequence_length: Tensor | None = None,
    use_sequence_length: bool = False,
    value: float = 0.0,
    axis: int = 0,
) -> Tensor:
    """Return data with `value` behind the end of each sequence.

    Parameters
    ----------
    data : array, shape (steps, batch, ...), or (batch, steps, ...) with axis 1
    sequence_length : array, shape (batch,), optional
        Counts with `use_sequence_length`.
    value : float
    axis : {0, 1}
        That of the steps.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.sequence_mask(np.ones((3, 2)), np.array([1, 2]), use_sequence_length=True)
    array([[1., 1.],
           [0., 1.],
           [0., 0.]])
    """
    length = _lengths("sequence_mask", data, sequence_length, use_sequence_length, axis)
    if length is None:
        return data.copy()
    return _f.where(length_mask(length, data.shape, axis), data, value)


@op
def sequence_last(
    data: Tensor,
    sequence_length: Tensor | None = None,
    use_sequence_length: bool = False,
    axis: int = 0,
) -> Tensor:
    """Return the last step of each sequence, shape (batch, ...).

    Examples
    --------
    >>> from microlazy import nd
    >>> x = nd.array([[1, 2], [3, 4], [5, 6]])
    >>> nd.SequenceLast(x, nd.array([1, 3]), use_sequence_length=True).asnumpy()
    array([1., 6.], dtype=float32)
    """
    length = _lengths("sequence_last", data, sequence_length, use_sequence_length, axis)
    rest = data.shape[:axis] + data.shape[axis + 1 :]
    if length is None:
        last = _f.slice_axis(data, axis, data.shape[axis] - 1, data.shape[axis])
        return _f.reshape(last, rest)
    return _nn.pick(data, _f.broadcast_to(length - 1, rest), axis)


@op
def sequence_reverse(
    data: Tensor,
    sequence_length: Tensor | None = None,
    use_sequence_length: bool = False,
    axis: int = 0,
) -> Tensor:
    """Return the sequences in reverse order; steps behind the length stay where they are.

    Examples
    --------
    >>> from microlazy import nd
    >>> x = nd.array([[1, 2], [3, 4], [5, 6]])
    >>> nd.SequenceReverse(x, nd.array([2, 3]), use_sequence_length=True).asnumpy()
    array([[3., 6.],
           [1., 4.],
           [5., 2.]], dtype=float32)
    """
    if axis != 0:
        raise MXNetError(f"sequence_reverse: the axis of time is 0, not {axis!r}")
    lengths = _lengths("sequence_reverse", data, sequence_length, use_sequence_length, 0)
    if lengths is None:
        return _f.flip(data, 0)
    time, batch = data.shape[:2]
    length = _f.as_dtype(_f.reshape(lengths, (-1,)), "int64")
    steps = _steps(length, 2, time, 0)
    source = _f.where(steps < length, length - 1 - steps, steps)
    places = source * batch + _steps(length, 2, batch, 1)
    rows = _f.reshape(data, (time * batch, *data.shape[2:]))
    return _f.take(rows, places, 0)
