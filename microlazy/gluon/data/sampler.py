"""Samplers: in which order a data set's samples are taken."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy

__all__ = [
    "BatchSampler",
    "FilterSampler",
    "IntervalSampler",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "SplitBatchSampler",
    "SplitSampler",
]

LAST_BATCH = ("keep", "discard", "rollover")


class Sampler:
    """Base class of samplers: `__iter__` gives indices, `__len__` says how many.

    Examples
    --------
    >>> from microlazy import gluon
    >>> class Backwards(gluon.data.Sampler):
    ...     def __iter__(self):
    ...         return iter([2, 1, 0])
    ...     def __len__(self):
    ...         return 3
    >>> list(gluon.data.BatchSampler(Backwards(), 2))
    [[2, 1], [0]]
    """

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} has no __iter__")

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} has no __len__")


class SequentialSampler(Sampler):
    """The indices from `start` on, in order.

    Parameters
    ----------
    length : int
    start : int

    Examples
    --------
    >>> from microlazy.gluon.data import SequentialSampler
    >>> list(SequentialSampler(3, start=5))
    [5, 6, 7]
    """

    def __init__(self, length: int, start: int = 0) -> None:
        self._range = range(start, start + length)

    def __iter__(self) -> Iterator[int]:
        return iter(self._range)

    def __len__(self) -> int:
        return len(self._range)


class RandomSampler(Sampler):
    """The indices in random order, another one in each epoch.

    Parameters
    ----------
    length : int

    Notes
    -----
    The order comes from `numpy.random`, as in MXNet: set it with `numpy.random.seed`.

    Examples
    --------
    >>> from microlazy.gluon.data import RandomSampler
    >>> sorted(RandomSampler(4))
    [0, 1, 2, 3]
    """

    def __init__(self, length: int) -> None:
        self._length = length

    def __iter__(self) -> Iterator[int]:
        indices = numpy.arange(self._length)
        numpy.random.shuffle(indices)
        return iter(indices.tolist())

    def __len__(self) -> int:
        return self._length


class FilterSampler(Sampler):
    """The indices of the samples for which a function is true.

    Parameters
    ----------
    fn : callable
        Called with each sample, once, when the sampler is made.
    dataset : Dataset

    Examples
    --------
    >>> from microlazy.gluon.data import FilterSampler
    >>> list(FilterSampler(lambda x: x > 1, [3, 0, 2]))
    [0, 2]
    """

    def __init__(self, fn: Callable[[Any], Any], dataset: Any) -> None:
        self._indices = [i for i in range(len(dataset)) if fn(dataset[i])]

    def __iter__(self) -> Iterator[int]:
        return iter(self._indices)

    def __len__(self) -> int:
        return len(self._indices)


class IntervalSampler(Sampler):
    """Every `interval`-th index, then those that were left out.

    Parameters
    ----------
    length : int
    interval : int
    rollover : bool
        Whether to begin again at 1, 2, ... until all were taken.

    Raises
    ------
    ValueError
        If the interval is not from 1 to `length`.

    Examples
    --------
    >>> from microlazy.gluon.data import IntervalSampler
    >>> list(IntervalSampler(7, 3))
    [0, 3, 6, 1, 4, 2, 5]
    >>> list(IntervalSampler(7, 3, rollover=False))
    [0, 3, 6]
    """

    def __init__(self, length: int, interval: int, rollover: bool = True) -> None:
        if not 1 <= interval <= length:
            raise ValueError(f"interval must be from 1 to length={length}, but it is {interval}")
        starts = range(interval) if rollover else (0,)
        self._indices = [i for start in starts for i in range(start, length, interval)]

    def __iter__(self) -> Iterator[int]:
        return iter(self._indices)

    def __len__(self) -> int:
        return len(self._indices)


class SplitSampler(Sampler):
    """The indices of one of several equal parts, such as that of one worker.

    Parameters
    ----------
    length : int
        Of the whole data set.
    num_parts, part_index : int
        How many parts there are, and which one is meant.
    even_size : bool
        Give every part the same size: what is left over belongs to none.
    repeat : int
        How often the part is gone through.
    shuffle : bool
        In random order, from `numpy.random`.

    Raises
    ------
    ValueError
        If there is no such part, or the length is less than 0.

    Examples
    --------
    >>> from microlazy.gluon.data import SplitSampler
    >>> list(SplitSampler(5, num_parts=2, part_index=1, shuffle=False))
    [3, 4]
    """

    def __init__(
        self,
        length: int,
        num_parts: int = 1,
        part_index: int = 0,
        even_size: bool = False,
        repeat: int = 1,
        shuffle: bool = True,
    ) -> None:
        length, num_parts, part_index = map(operator.index, (length, num_parts, part_index))
        self._part = part_of(
            length - length % num_parts if even_size and num_parts > 0 else length,
            num_parts,
            part_index,
        )
        self._repeat = repeat
        self._shuffle = shuffle

    def __iter__(self) -> Iterator[int]:
        for _ in range(self._repeat):
            indices = numpy.array(self._part)
            if self._shuffle:
                numpy.random.shuffle(indices)
            yield from indices.tolist()

    def __len__(self) -> int:
        return self._repeat * len(self._part)


def part_of(length: int, parts: int, index: int) -> range:
    """The indices of a part; the first parts have one more where the length does not divide."""
    if length < 0:
        raise ValueError(f"a data set has a length of at least 0, not {length}")
    if not 0 <= index < parts:
        raise ValueError(f"a part is from 0 to {parts - 1} of {parts}, but it is {index}")
    size, rest = divmod(length, parts)
    start = size * index + min(index, rest)
    return range(start, start + size + (index < rest))


class BatchSampler(Sampler):
    """Lists of indices, each for a batch.

    Parameters
    ----------
    sampler : iterable of int
        Gives single indices.
    batch_size : int
    last_batch : {"keep", "discard", "rollover"}
        What becomes of a last batch that is not full: it is given as it is, left out, or the next
        epoch begins with it.

    Attributes
    ----------
    leftover : list of int
        With what the next epoch begins.

    Raises
    ------
    ValueError
        If `last_batch` or `batch_size` is none of these.

    Examples
    --------
    >>> from microlazy.gluon.data import BatchSampler, SequentialSampler
    >>> rolling = BatchSampler(SequentialSampler(5), 2, "rollover")
    >>> list(rolling), list(rolling)
    ([[0, 1], [2, 3]], [[4, 0], [1, 2], [3, 4]])
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, last_batch: str = "keep") -> None:
        if last_batch not in LAST_BATCH:
            raise ValueError(f"last_batch must be one of {LAST_BATCH}, but it is {last_batch!r}")
        if not isinstance(batch_size, (int, numpy.integer)) or batch_size < 1:
            raise ValueError(
                f"batch_size must be a whole number, 1 or more, but it is {batch_size!r}"
            )
        self._sampler = sampler
        self._batch_size = batch_size
        self._last_batch = last_batch
        self.leftover: list[int] = []

    def __iter__(self) -> Iterator[list[int]]:
        batch, self.leftover = self.leftover, []
        for index in self._sampler:
            batch.append(index)
            if len(batch) == self._batch_size:
                yield batch
                batch = []
        if batch and self._last_batch == "keep":
            yield batch
        elif self._last_batch == "rollover":
            self.leftover = batch

    def __len__(self) -> int:
        length = len(self._sampler)  # type: ignore[arg-type]
        if self._last_batch == "keep":
            return -(-length // self._batch_size)
        return (length + len(self.leftover)) // self._batch_size


class SplitBatchSampler(Sampler):
    """One worker's part of each batch: all workers together go through the same batches.

    Parameters
    ----------
    batch_sampler : Sampler
        Gives whole batches, the same in every worker: one that shuffles must draw the same random
        numbers in all of them.
    num_parts, part_index : int
        How many parts a batch has, and which one is meant. The first parts have one index more
        where a batch does not divide; a part of a batch with less indices than parts may be empty.

    Raises
    ------
    ValueError
        If there is no such part.

    Examples
    --------
    >>> from microlazy.gluon.data import BatchSampler, SequentialSampler, SplitBatchSampler
    >>> batches = BatchSampler(SequentialSampler(7), 4)
    >>> [list(SplitBatchSampler(batches, 2, part)) for part in range(2)]
    [[[0, 1], [4, 5]], [[2, 3], [6]]]
    """

    def __init__(self, batch_sampler: Sampler, num_parts: int, part_index: int) -> None:
        part_of(0, num_parts, part_index)
        self._batches = batch_sampler
        self._part = num_parts, part_index

    @property
    def leftover(self) -> list[int]:
        """With what the next epoch begins, where batches roll over."""
        return getattr(self._batches, "leftover", [])

    @leftover.setter
    def leftover(self, indices: list[int]) -> None:
        vars(self._batches)["leftover"] = indices

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self._batches:
            part = part_of(len(batch), *self._part)
            yield batch[part.start : part.stop]

    def __len__(self) -> int:
        return len(self._batches)
