"""Iterators over files of numbers: tables, LibSVM's and MNIST's formats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy

from ..base import MXNetError
from ..data_iter import DataBatch, DataDesc, DataIter
from ..idx_file import read_idx_file
from .arrays import to_array

__all__ = ["CSVIter", "LibSVMIter", "MNISTIter", "MXDataIter"]


class MXDataIter(DataIter):
    """Base class of the iterators that read files: batches of numbered samples.

    A subclass has `_load`, which makes arrays of the samples with given numbers.

    Parameters
    ----------
    length : int
        How many samples there are.
    batch_size : int
    round_batch : bool
        Fill the last batch from the beginning, where the next epoch goes on; else fill it with the
        samples of the batch before.
    data, label : (name, shape, dtype)
        What a sample is.

    Examples
    --------
    >>> import microlazy as mx
    >>> issubclass(mx.io.CSVIter, mx.io.MXDataIter)
    True
    """

    def __init__(
        self,
        length: int,
        batch_size: int,
        round_batch: bool,
        data: tuple[str, tuple[int, ...], Any],
        label: tuple[str, tuple[int, ...], Any],
    ) -> None:
        super().__init__(batch_size)
        kind = type(self).__name__
        if batch_size < 1:
            raise MXNetError(f"{kind}: batch_size must be 1 or more, but it is {batch_size}")
        if not length:
            raise MXNetError(f"{kind}: there are no samples")
        self._order = numpy.arange(length)
        self._round = round_batch
        self._used = 0  # samples of this epoch that filled up the last batch of the one before
        self._batches: Iterator[DataBatch] | None = None
        self._batch: Any = None
        self.provide_data, self.provide_label = (
            [DataDesc(name, (batch_size, *shape), numpy.dtype(dtype).type)]
            for name, shape, dtype in (data, label)
        )

    def _load(self, places: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
        raise NotImplementedError

    def _plan(self) -> list[tuple[numpy.ndarray, int]]:
        """The samples of each batch of an epoch, and how many of them fill it up."""
        start, self._used = self._used, 0
        length, size = len(self._order), self.batch_size
        plan = []
        for first in range(start, length, size):
            missing = max(0, first + size - length)
            places = first + numpy.arange(size)
            if missing and not self._round and length > size:
                places[size - missing :] -= size
            plan.append((self._order[places % length], missing))
        return plan

    def _loaded(self, plan: list[tuple[numpy.ndarray, int]]) -> Iterator[DataBatch]:
        """The batches of a plan."""
        for places, missing in plan:
            yield self._made(places, missing, *self._load(places))

    def _made(
        self, places: numpy.ndarray, missing: int, data: numpy.ndarray, label: numpy.ndarray
    ) -> DataBatch:
        if missing and self._round:
            self._used = missing % len(self._order)
        index = places.astype("uint64")
        return DataBatch([to_array(data)], [to_array(label)], missing, index)

    def reset(self) -> None:
        """Begin the next epoch."""
        self._batches = None

    def iter_next(self) -> bool:
        if self._batches is None:
            self._batches = self._loaded(self._plan())
        self._batch = next(self._batches, None)
        return self._batch is not None

    def next(self) -> DataBatch:
        if not self.iter_next():
            raise StopIteration
        return self._batch

    def getdata(self) -> Any:
        return self._batch.data

    def getlabel(self) -> Any:
        return self._batch.label

    def getindex(self) -> Any:
        return self._batch.index

    def getpad(self) -> int:
        return self._batch.pad


def _size(shape: Sequence[int]) -> int:
    return int(numpy.prod(shape))


class CSVIter(MXDataIter):
    """Batches of the lines of a table of numbers with commas between.

    Parameters
    ----------
    data_csv : path
    data_shape : tuple of int
        What the numbers of a line are.
    label_csv : path, optional
        A table of labels; without it they are 0.
    label_shape : tuple of int
    batch_size : int
    round_batch : bool
        Fill the last batch from the beginning, where the next epoch goes on; else with the batch
        before.
    prefetch_buffer, ctx
        Taken, and change nothing: the table is read once, into the CPU's memory.
    dtype : str, optional
        float32 by default.
    data_name, label_name : str

    Raises
    ------
    MXNetError
        If a file is missing, or lines have other numbers than the shapes say.

    Examples
    --------
    >>> import os, tempfile
    >>> import microlazy as mx
    >>> path = os.path.join(tempfile.mkdtemp(), "a.csv")
    >>> with open(path, "w") as file:
    ...     size = file.write("1,2\\n3,4\\n5,6\\n")
    >>> batches = mx.io.CSVIter(data_csv=path, data_shape=(2,), batch_size=2)
    >>> [batch.data[0].asnumpy().tolist() for batch in batches]
    [[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [1.0, 2.0]]]
    """

    def __init__(
        self,
        *,
        data_csv: Any,
        data_shape: Sequence[int],
        batch_size: int,
        label_csv: Any = None,
        label_shape: Sequence[int] = (1,),
        round_batch: bool = True,
        prefetch_buffer: int = 4,
        ctx: Any = "cpu",
        dtype: Any = None,
        data_name: str = "data",
        label_name: str = "softmax_label",
    ) -> None:
        dtype = dtype or "float32"
        self._data = _table(data_csv, tuple(data_shape), dtype)
        if label_csv in (None, "NULL"):
            self._label = numpy.zeros((len(self._data), *label_shape), dtype)
        else:
            self._label = _table(label_csv, tuple(label_shape), dtype)
        if len(self._label) != len(self._data):
            raise MXNetError(
                f"{data_csv} has {len(self._data)} lines, but {label_csv} has {len(self._label)}"
            )
        if tuple(label_shape) == (1,):
            self._label = self._label[:, 0]
        super().__init__(
            len(self._data),
            batch_size,
            round_batch,
            (data_name, self._data.shape[1:], dtype),
            (label_name, self._label.shape[1:], dtype),
        )

    def _load(self, places: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
        return self._data[places], self._label[places]


def _table(path: Any, shape: tuple[int, ...], dtype: Any) -> numpy.ndarray:
    try:
        table = numpy.loadtxt(path, delimiter=",", ndmin=2)
    except (OSError, ValueError) as error:
        raise MXNetError(f"cannot read {path}: {error}") from error
    if table.shape[1] != _size(shape):
        raise MXNetError(f"{path} has {table.shape[1]} numbers in a line, but the shape is {shape}")
    return table.astype(dtype).reshape(-1, *shape)


class LibSVMIter(MXDataIter):
    """Batches of the lines of a file of LibSVM: a label, then "place:number" for what is not 0.

    MXNet's gives sparse arrays, which are not part of microlazy: these are dense.

    Parameters
    ----------
    data_libsvm : path
    data_shape : tuple of int
        One axis: how many places there are, from 0 on.
    label_libsvm : path, optional
        Labels in a file of their own, in place of those in `data_libsvm`.
    label_shape : tuple of int
    num_parts, part_index : int
        Take one of several equal parts.
    batch_size, round_batch, prefetch_buffer, ctx, dtype, data_name, label_name
        As for `CSVIter`.

    Raises
    ------
    MXNetError
        If a file is missing, or a line is none of these.

    Examples
    --------
    >>> import os, tempfile
    >>> import microlazy as mx
    >>> path = os.path.join(tempfile.mkdtemp(), "a.txt")
    >>> with open(path, "w") as file:
    ...     size = file.write("1 0:1.5 3:2\\n0 1:3\\n")
    >>> batches = mx.io.LibSVMIter(data_libsvm=path, data_shape=(4,), batch_size=2)
    >>> batches.next().data[0].asnumpy()
    array([[1.5, 0. , 0. , 2. ],
           [0. , 3. , 0. , 0. ]], dtype=float32)
    """

    def __init__(
        self,
        *,
        data_libsvm: Any,
        data_shape: Sequence[int],
        batch_size: int,
        label_libsvm: Any = None,
        label_shape: Sequence[int] = (1,),
        num_parts: int = 1,
        part_index: int = 0,
        round_batch: bool = True,
        prefetch_buffer: int = 4,
        ctx: Any = "cpu",
        dtype: Any = None,
        data_name: str = "data",
        label_name: str = "softmax_label",
    ) -> None:
        dtype = dtype or "float32"
        if len(data_shape) != 1:
            raise MXNetError(f"LibSVMIter: data_shape must have one axis, not {data_shape}")
        self._label, self._data = _sparse_lines(data_libsvm, data_shape[0], dtype)
        if label_libsvm not in (None, "NULL"):
            self._label = _sparse_lines(label_libsvm, _size(label_shape), dtype)[1]
            self._label = self._label.reshape(-1, *label_shape)
            if tuple(label_shape) == (1,):
                self._label = self._label[:, 0]
        if len(self._label) != len(self._data):
            raise MXNetError(
                f"{data_libsvm} has {len(self._data)} lines, but {label_libsvm} has "
                f"{len(self._label)}"
            )
        chosen = part("LibSVMIter", len(self._data), num_parts, part_index)
        self._data, self._label = self._data[chosen], self._label[chosen]
        super().__init__(
            len(self._data),
            batch_size,
            round_batch,
            (data_name, self._data.shape[1:], dtype),
            (label_name, self._label.shape[1:], dtype),
        )

    def _load(self, places: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
        return self._data[places], self._label[places]


def part(kind: str, length: int, num_parts: int, part_index: int) -> slice:
    """The samples of one of several parts; the first ones may have one more.

    Examples
    --------
    >>> from microlazy.io.tables import part
    >>> part("CSVIter", 5, 2, 0), part("CSVIter", 5, 2, 1)
    (slice(0, 3, None), slice(3, 5, None))
    """
    if not 0 <= part_index < num_parts:
        raise MXNetError(f"{kind}: there is no part {part_index} of {num_parts}")
    size, rest = divmod(length, num_parts)
    start = size * part_index + min(part_index, rest)
    return slice(start, start + size + (part_index < rest))


def _sparse_lines(path: Any, width: int, dtype: Any) -> tuple[numpy.ndarray, numpy.ndarray]:
    """The first numbers of all lines, and the rows that follow."""
    first, rows = [], []
    try:
        with open(path, encoding="utf-8") as file:
            lines = [line.split() for line in file]
    except OSError as error:
        raise MXNetError(f"cannot read {path}: {error}") from error
    for number, parts in enumerate(lines, 1):
        if not parts:
            continue
        row = numpy.zeros(width, dtype)
        try:
            first.append(0.0 if ":" in parts[0] else float(parts[0]))
            for entry in parts if ":" in parts[0] else parts[1:]:
                place, value = entry.split(":")
                if not 0 <= int(place) < width:
                    raise ValueError(f"there is no place {place} among {width}")
                row[int(place)] = float(value)
        except ValueError as error:
            raise MXNetError(f"{path}, line {number}: {' '.join(parts)!r}: {error}") from error
        rows.append(row)
    return numpy.array(first, dtype), numpy.array(rows, dtype).reshape(-1, width)


class MNISTIter(MXDataIter):
    """Batches of the images and labels of MNIST, from 0 to 1; the last one is left out if not full.

    Parameters
    ----------
    image, label : path
        Two of the published files, packed by gzip or not.
    batch_size : int
    shuffle : bool
        Put the images in one random order, given by `seed`.
    flat : bool
        Images of shape (784,), else (1, 28, 28).
    seed : int
    silent : bool
        Taken, and changes nothing.
    num_parts, part_index : int
        Take one of several equal parts.
    prefetch_buffer, ctx, dtype, data_name, label_name
        As for `CSVIter`.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a file is damaged.

    Examples
    --------
    >>> import os, struct, tempfile
    >>> import microlazy as mx
    >>> folder = tempfile.mkdtemp()
    >>> paths = [os.path.join(folder, name) for name in ("images", "labels")]
    >>> heads = struct.pack(">4I", 2051, 4, 2, 2), struct.pack(">2I", 2049, 4)
    >>> for path, head, count in zip(paths, heads, (16, 4)):
    ...     with open(path, "wb") as file:
    ...         size = file.write(head + bytes(range(count)))
    >>> batches = mx.io.MNISTIter(image=paths[0], label=paths[1], batch_size=2, shuffle=False)
    >>> batches.next().data[0].shape
    (2, 1, 2, 2)
    """

    def __init__(
        self,
        *,
        image: Any = "./train-images-idx3-ubyte",
        label: Any = "./train-labels-idx1-ubyte",
        batch_size: int = 128,
        shuffle: bool = True,
        flat: bool = False,
        seed: int = 0,
        silent: bool = False,
        num_parts: int = 1,
        part_index: int = 0,
        prefetch_buffer: int = 4,
        ctx: Any = "cpu",
        dtype: Any = None,
        data_name: str = "data",
        label_name: str = "softmax_label",
    ) -> None:
        images, labels = read_idx_file(image, 3), read_idx_file(label, 1)
        if len(images) != len(labels):
            raise ValueError(f"{image} has {len(images)} images, but {label} {len(labels)} labels")
        whole = len(images) - len(images) % max(1, num_parts)  # every part has the same size
        chosen = part("MNISTIter", whole, num_parts, part_index)
        images, labels = images[chosen], labels[chosen]
        self._dtype = dtype or "float32"
        self._images = images.reshape(len(images), -1) if flat else images[:, None]
        self._labels = labels
        super().__init__(
            len(images),
            batch_size,
            False,
            (data_name, self._images.shape[1:], self._dtype),
            (label_name, (), self._dtype),
        )
        if shuffle:
            numpy.random.RandomState(seed).shuffle(self._order)

    def _plan(self) -> list[tuple[numpy.ndarray, int]]:
        return [(places, 0) for places, missing in super()._plan() if not missing]

    def _load(self, places: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
        images = self._images[places].astype("float32") / numpy.float32(256)
        return images.astype(self._dtype), self._labels[places].astype(self._dtype)
