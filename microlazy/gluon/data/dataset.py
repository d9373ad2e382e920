"""Data sets: samples by number."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy

from ... import recordio
from ...core.tensor import Tensor
from .sampler import FilterSampler, Sampler, SequentialSampler, part_of

__all__ = ["ArrayDataset", "Dataset", "RecordFileDataset", "SimpleDataset"]


class Dataset:
    """Base class of data sets: `__getitem__` gives a sample, `__len__` says how many there are.

    A sample of several parts is a tuple.

    Examples
    --------
    >>> from microlazy import gluon
    >>> class Squares(gluon.data.Dataset):
    ...     def __getitem__(self, idx):
    ...         return idx, idx * idx
    ...     def __len__(self):
    ...         return 4
    >>> next(iter(gluon.data.DataLoader(Squares(), batch_size=4)))[1].asnumpy()
    array([0, 1, 4, 9], dtype=int64)
    """

    def __getitem__(self, idx: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no __getitem__")

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} has no __len__")

    def filter(self, fn: Callable[[Any], Any]) -> Dataset:
        """Return the samples for which a function is true; it is called for all at once.

        Examples
        --------
        >>> from microlazy import gluon
        >>> list(gluon.data.SimpleDataset([3, 0, 2]).filter(lambda x: x > 1))
        [3, 2]
        """
        return self.sample(FilterSampler(fn, self))

    def shard(self, num_shards: int, index: int) -> Dataset:
        """Return one of several parts of nearly equal size; the first ones may have one more.

        Parameters
        ----------
        num_shards, index : int
            How many parts there are, and which one is meant.

        Raises
        ------
        ValueError
            If there is no such part.

        Examples
        --------
        >>> from microlazy import gluon
        >>> list(gluon.data.SimpleDataset("abcde").shard(2, 1))
        ['d', 'e']
        """
        part = part_of(len(self), num_shards, index)
        return self.sample(SequentialSampler(len(part), part.start))

    def take(self, count: int | None) -> Dataset:
        """Return the first `count` samples, or all if there are fewer or it is None.

        Examples
        --------
        >>> from microlazy import gluon
        >>> list(gluon.data.SimpleDataset("abcde").take(2))
        ['a', 'b']
        """
        if count is not None and count < 0:
            raise ValueError(f"count must be 0 or more, but it is {count}")
        return self.sample(SequentialSampler(len(self) if count is None else min(count, len(self))))

    def sample(self, sampler: Sampler) -> Dataset:
        """Return the samples that a sampler names; it is asked once.

        Raises
        ------
        TypeError
            If it is not a Sampler.

        Examples
        --------
        >>> from microlazy.gluon.data import IntervalSampler, SimpleDataset
        >>> list(SimpleDataset("abcd").sample(IntervalSampler(4, 2)))
        ['a', 'c', 'b', 'd']
        """
        if not isinstance(sampler, Sampler):
            raise TypeError(f"expected a gluon.data.Sampler, not {type(sampler).__name__}")
        return _Chosen(self, list(sampler))

    def transform(self, fn: Callable[..., Any], lazy: bool = True) -> Dataset:
        """Return a data set of what a function makes of each sample.

        Parameters
        ----------
        fn : callable
            Gets the parts of a sample as arguments.
        lazy : bool
            Call it whenever a sample is asked for; else for all samples now.

        Examples
        --------
        >>> from microlazy import gluon
        >>> list(gluon.data.SimpleDataset([(1, 2), (3, 4)]).transform(lambda x, y: x + y))
        [3, 7]
        """
        made = _Transformed(self, fn)
        return made if lazy else SimpleDataset([made[i] for i in range(len(made))])

    def transform_first(self, fn: Callable[[Any], Any], lazy: bool = True) -> Dataset:
        """Return a data set with a function applied to the first part of each sample.

        Parameters
        ----------
        fn : callable
        lazy : bool
            As in `transform`.

        Examples
        --------
        >>> from microlazy import gluon
        >>> list(gluon.data.SimpleDataset([("a", 2), ("b", 4)]).transform_first(str.upper))
        [('A', 2), ('B', 4)]
        """
        return self.transform(_First(fn), lazy)

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))


class _Chosen(Dataset):
    def __init__(self, dataset: Dataset, indices: list[int]) -> None:
        self._dataset, self._indices = dataset, indices

    def __getitem__(self, idx: int) -> Any:
        return self._dataset[self._indices[idx]]

    def __len__(self) -> int:
        return len(self._indices)


class _Transformed(Dataset):
    def __init__(self, dataset: Dataset, fn: Callable[..., Any]) -> None:
        self._dataset, self._fn = dataset, fn

    def __getitem__(self, idx: int) -> Any:
        sample = self._dataset[idx]
        return self._fn(*sample) if isinstance(sample, tuple) else self._fn(sample)

    def __len__(self) -> int:
        return len(self._dataset)


class _First:
    """Not a function in `transform_first`, which a spawned worker could not be given."""

    def __init__(self, fn: Callable[[Any], Any]) -> None:
        self._fn = fn

    def __call__(self, first: Any, *rest: Any) -> Any:
        return (self._fn(first), *rest) if rest else self._fn(first)


def by_rows(data: Any) -> Any:
    """Data whose index is a row: a frame or series of pandas as its values."""
    return data.to_numpy() if hasattr(data, "iloc") else data


class SimpleDataset(Dataset):
    """A list, or what has `__getitem__` and `__len__`, as a data set.

    Parameters
    ----------
    data : sequence

    Examples
    --------
    >>> from microlazy import gluon
    >>> gluon.data.SimpleDataset([1, 5])[1]
    5
    """

    def __init__(self, data: Sequence[Any]) -> None:
        self._data = by_rows(data)

    def __getitem__(self, idx: int) -> Any:
        return self._data[idx]

    def __len__(self) -> int:
        return len(self._data)


class ArrayDataset(Dataset):
    """Arrays side by side: sample i is a tuple of the i-th row of each, or of one array its row.

    Parameters
    ----------
    *args : array-like
        Arrays of microlazy or NumPy, lists, frames of pandas, or other data sets.

    Raises
    ------
    ValueError
        If there is none, or the lengths differ.

    Examples
    --------
    >>> from microlazy import gluon, nd
    >>> data = gluon.data.ArrayDataset(nd.array([[1, 2], [3, 4]]), [10, 20])
    >>> data[1]
    (
    [3. 4.]
    <NDArray 2 @cpu(0)>, 20)
    """

    def __init__(self, *args: Any) -> None:
        if not args:
            raise ValueError("ArrayDataset needs at least 1 array")
        lengths = [len(data) for data in args]
        if len(set(lengths)) > 1:
            raise ValueError(f"all arrays must have the same length, but they have {lengths}")
        # As in MXNet a row of one axis is a number, not an array without axes.
        self._data = [
            data.asnumpy() if isinstance(data, Tensor) and data.ndim == 1 else by_rows(data)
            for data in args
        ]

    def __getitem__(self, idx: int) -> Any:
        if len(self._data) == 1:
            return self._data[0][idx]
        return tuple(data[idx] for data in self._data)

    def __len__(self) -> int:
        return len(self._data[0])

    def rows(self, indices: list[int]) -> list[numpy.ndarray] | None:
        """Many rows of each array at once; None where not all are arrays.

        Examples
        --------
        >>> from microlazy import gluon, nd
        >>> gluon.data.ArrayDataset(nd.array([5, 6, 7])).rows([2, 0])
        [array([7., 5.], dtype=float32)]
        """
        if not all(isinstance(data, (Tensor, numpy.ndarray)) for data in self._data):
            return None
        return [numpy.asarray(data)[indices] for data in self._data]


class RecordFileDataset(Dataset):
    """The records of a file that `MXIndexedRecordIO` wrote, as bytes.

    Parameters
    ----------
    filename : path
        The records, such as "data.rec"; the index is "data.idx" beside it.

    Examples
    --------
    >>> import os, tempfile
    >>> import microlazy as mx
    >>> path = os.path.join(tempfile.mkdtemp(), "data")
    >>> file = mx.recordio.MXIndexedRecordIO(path + ".idx", path + ".rec", "w")
    >>> file.write_idx(0, b"a record")
    >>> file.close()
    >>> mx.gluon.data.RecordFileDataset(path + ".rec")[0]
    b'a record'
    """

    def __init__(self, filename: str | os.PathLike[str]) -> None:
        self.filename = os.fspath(filename)
        self.idx_file = os.path.splitext(self.filename)[0] + ".idx"
        self._record = recordio.MXIndexedRecordIO(self.idx_file, self.filename, "r")

    def __getitem__(self, idx: int) -> bytes | None:
        return self._record.read_idx(self._record.keys[idx])

    def __len__(self) -> int:
        return len(self._record.keys)
