"""What `fit`, `evaluate` and `predict` take: arrays cut into batches, or loaders of batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from typing import Any

from ...core.generator import stream
from ..faces import as_array

Batch = tuple[Any, Any, Any]  # inputs, targets, sample weights


class Batches:
    """Batches of arrays, or what a loader gives.

    Parameters
    ----------
    x : array, or iterable of batches
        The inputs; or a loader of (inputs, targets).
    y, sample_weight : array, optional
        Targets, and a factor for each example.
    batch_size : int or None
        32 by default; a loader has its own.
    shuffle : bool
        Whether each epoch has an order of its own.

    Raises
    ------
    ValueError
        If arrays differ in length, or `batch_size` is no size.

    Examples
    --------
    >>> import numpy
    >>> [x.shape for x, y, weight in Batches(numpy.ones((5, 2)), batch_size=2)]
    [(2, 2), (2, 2), (1, 2)]
    """

    def __init__(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        batch_size: int | None = None,
        shuffle: bool = False,
    ) -> None:
        self._loader: Iterable[Any] | None = None
        if not hasattr(x, "shape") and not isinstance(x, list | tuple):
            if y is not None or batch_size is not None:
                raise ValueError("a loader has batches with targets: give no y and no batch_size")
            self._loader = x
            self.steps = len(x) if isinstance(x, Sized) else None
            return
        size = 32 if batch_size is None else batch_size
        if not isinstance(size, int) or size < 1:
            raise ValueError(f"batch_size must be an integer of at least 1, but got {batch_size!r}")
        self._arrays = [None if part is None else as_array(part) for part in (x, y, sample_weight)]
        lengths = [len(part) for part in self._arrays if part is not None]
        if len(set(lengths)) > 1:
            raise ValueError(
                "Data cardinality is ambiguous. Make sure all arrays contain the same number of "
                f"samples. Sizes: {', '.join(map(str, lengths))}"
            )
        self._count, self._size, self._shuffle = lengths[0], size, shuffle
        self.steps = -(-self._count // size)

    def __iter__(self) -> Iterator[Batch]:
        if self._loader is not None:
            for batch in self._loader:
                yield _as_batch(batch)
            return
        arrays = self._arrays
        if self._shuffle:
            order = as_array(stream().permutation(self._count))
            arrays = [None if part is None else part[order] for part in arrays]
        for start in range(0, self._count, self._size):
            x, y, weight = (
                None if part is None else part[start : start + self._size] for part in arrays
            )
            yield x, y, weight


def _as_batch(batch: Any) -> Batch:
    parts = tuple(batch) if isinstance(batch, list | tuple) else (batch,)
    x, y, weight = (*map(as_array, parts), None, None)[:3]
    return x, y, weight


def split(x: Any, y: Any, share: float) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """The first part of arrays, and the last, for validation.

    Examples
    --------
    >>> import numpy
    >>> first, last = split(numpy.arange(4), numpy.arange(4), 0.25)
    >>> first[0].tolist(), last[0].tolist()
    ([0, 1, 2], [3])
    """
    if not 0 < share < 1:
        raise ValueError(f"`validation_split` must be between 0 and 1, received: {share}")
    cut = int(len(x) * (1 - share))
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])
