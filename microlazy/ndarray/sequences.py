"""Batches of sequences of different lengths."""

from microlazy.base import MXNetError
from microlazy.core.array import NDArray
from microlazy.ndarray.arguments import op
from microlazy.ops import sequence_lengths as _sequence

__all__ = ["SequenceLast", "SequenceMask", "SequenceReverse"]


def _lengths(name: str, lengths: NDArray | None, use: bool) -> NDArray | None:
    if use and lengths is None:
        raise MXNetError(f"{name}: use_sequence_length=True needs sequence_length")
    return lengths if use else None


@op
def SequenceMask(
    data: NDArray,
    sequence_length: NDArray | None = None,
    use_sequence_length: bool = False,
    value: float = 0.0,
    axis: int = 0,
) -> NDArray:
    """Return the array with `value` in all steps behind each sequence's length.

    Parameters
    ----------
    data : NDArray, shape (time, batch, ...), or (batch, time, ...) with `axis=1`
    sequence_length : NDArray, shape (batch,), optional
    use_sequence_length : bool
        Without, all steps count.
    value : float
    axis : 0 or 1
        That of time.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.SequenceMask(nd.ones((3, 2)), nd.array([1, 2]), use_sequence_length=True).asnumpy()
    array([[1., 1.],
           [0., 1.],
           [0., 0.]], dtype=float32)
    """
    length = _lengths("SequenceMask", sequence_length, use_sequence_length)
    return _sequence.sequence_mask(data, length, value, axis)


@op
def SequenceLast(
    data: NDArray,
    sequence_length: NDArray | None = None,
    use_sequence_length: bool = False,
    axis: int = 0,
) -> NDArray:
    """Return the last step of each sequence, shape (batch, ...).

    Examples
    --------
    >>> from microlazy import nd
    >>> x = nd.array([[1, 2], [3, 4], [5, 6]])
    >>> nd.SequenceLast(x, nd.array([1, 3]), use_sequence_length=True).asnumpy()
    array([1., 6.], dtype=float32)
    """
    length = _lengths("SequenceLast", sequence_length, use_sequence_length)
    return _sequence.sequence_last(data, length, axis)


@op
def SequenceReverse(
    data: NDArray,
    sequence_length: NDArray | None = None,
    use_sequence_length: bool = False,
    axis: int = 0,
) -> NDArray:
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
        raise MXNetError(f"SequenceReverse: the axis of time is 0, not {axis!r}")
    length = _lengths("SequenceReverse", sequence_length, use_sequence_length)
    return _sequence.sequence_reverse(data, length)
