"""Iterators over the rows of arrays, and over other iterators."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy

from .. import ndarray as nd
from .. import numpy as np
from ..base import MXNetError
from ..core.tensor import Tensor
from ..data_iter import DataBatch, DataDesc, DataIter
from ..util import is_np_array

__all__ = ["NDArrayIter", "PrefetchingIter", "ResizeIter"]

_LAST = ("pad", "discard", "roll_over")


def to_array(values: Any) -> Any:
    """NumPy's values as an array of the current face.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.io.arrays import to_array
    >>> to_array(numpy.ones(2, "int32")).dtype.__name__
    'int32'
    """
    return (np if is_np_array() else nd).array(values, dtype=values.dtype)


def _named(data: Any, default: str, optional: bool) -> list[tuple[str, numpy.ndarray]]:
    """Names and arrays of an array, a list or a dict of them."""
    if data is None or (isinstance(data, (list, dict)) and not data):
        if optional:
            return []
        raise ValueError("NDArrayIter: data must be an array, or a list or dict of some, not empty")
    if isinstance(data, (Tensor, numpy.ndarray)) or hasattr(data, "iloc"):
        data = [data]
    if isinstance(data, (list, tuple)):
        many = len(data) > 1
        data = {f"_{i}_{default}" if many else default: x for i, x in enumerate(data)}
    if not isinstance(data, dict):
        raise TypeError(
            "NDArrayIter: data must be an array, or a list or dict of them, not "
            f"{type(data).__name__}"
        )
    named = []
    for name, values in sorted(data.items()):
        array = values.to_numpy() if hasattr(values, "iloc") else numpy.asarray(values)
        if array.dtype.kind not in "biuf" or not array.ndim:
            raise TypeError(f"NDArrayIter: {name} must be an array of numbers, not {values!r}")
        # As in MXNet, what is not an array of ours becomes float32.
        named.append((name, array if isinstance(values, Tensor) else array.astype("float32")))
    return named


class NDArrayIter(DataIter):
    """Batches of the rows of arrays.

    Parameters
    ----------
    data : array, list of arrays, or dict of arrays
        NumPy's become float32, and so do frames of pandas.
    label : as data, optional
    batch_size : int
    shuffle : bool
        Another order in each epoch, from `numpy.random`.
    last_batch_handle : {"pad", "discard", "roll_over"}
        What becomes of a last batch that is not full: it is filled from the beginning, left out,
        or filled at the beginning of the next epoch.
    data_name, label_name : str
        Names of single arrays; of those in a list "_0_data", "_1_data", ...
    layout : str

    Raises
    ------
    TypeError, ValueError
        If these are no arrays, of different lengths, or the arguments are none.

    Examples
    --------
    >>> import numpy
    >>> import microlazy as mx
    >>> for batch in mx.io.NDArrayIter(numpy.arange(5), batch_size=2):
    ...     print(batch.data[0].asnumpy(), batch.pad)
    [0. 1.] 0
    [2. 3.] 0
    [4. 0.] 1
    """

    def __init__(
        self,
        data: Any,
        label: Any = None,
        batch_size: int = 1,
        shuffle: bool = False,
        last_batch_handle: str = "pad",
        data_name: str = "data",
        label_name: str = "softmax_label",
        layout: str = "NCHW",
    ) -> None:
        super().__init__(batch_size)
        self.data = _named(data, data_name, False)
        self.label = _named(label, label_name, True)
        lengths = {name: len(array) for name, array in (*self.data, *self.label)}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"NDArrayIter: arrays of different lengths: {lengths}")
        self.num_data = len(self.data[0][1])
        if batch_size < 1 or not self.num_data:
            raise ValueError(
                f"NDArrayIter: batch_size and the arrays' length must be 1 or more, but they are "
                f"{batch_size} and {self.num_data}"
            )
        if last_batch_handle not in _LAST:
            raise ValueError(
                f"NDArrayIter: last_batch_handle must be one of {_LAST}, not {last_batch_handle!r}"
            )
        self.num_source = len(self.data)
        self.idx = numpy.arange(self.num_data)
        self.shuffle = shuffle
        self.last_batch_handle = last_batch_handle
        self.layout = layout
        self._kept = self.idx[:0]  # what rolled over, and comes before the others
        self.hard_reset()

    @property
    def provide_data(self) -> list[DataDesc]:
        """What the data of a batch are."""
        return self._described(self.data)

    @property
    def provide_label(self) -> list[DataDesc]:
        """What the labels of a batch are."""
        return self._described(self.label)

    def _described(self, arrays: Any) -> list[DataDesc]:
        return [
            DataDesc(name, (self.batch_size, *array.shape[1:]), array.dtype.type, self.layout)
            for name, array in arrays
        ]

    def hard_reset(self) -> None:
        """Begin the next epoch, and drop what rolls over."""
        self._begin(self.idx[:0])

    def reset(self) -> None:
        """Begin the next epoch; what rolls over is kept."""
        rolls = self.last_batch_handle == "roll_over"
        rolls = rolls and 0 < self.num_data - self.cursor < self.batch_size
        self._begin(self.idx[self.cursor :].copy() if rolls else self.idx[:0])

    def _begin(self, kept: numpy.ndarray) -> None:
        if self.shuffle:
            numpy.random.shuffle(self.idx)
        self._kept = kept
        self.cursor = -len(kept) - self.batch_size  # where this batch begins in idx

    def iter_next(self) -> bool:
        self.cursor += self.batch_size
        there = self.num_data - self.cursor
        return there > 0 and (there >= self.batch_size or self.last_batch_handle == "pad")

    def _rows(self, arrays: Any) -> list[Any]:
        places = self.cursor + numpy.arange(self.batch_size)
        rows = self.idx[places % self.num_data]
        if self.cursor < 0:
            rows[: -self.cursor] = self._kept
        return [to_array(array[rows]) for _, array in arrays]

    def getdata(self) -> list[Any]:
        return self._rows(self.data)

    def getlabel(self) -> list[Any]:
        return self._rows(self.label)

    def getpad(self) -> int:
        return max(-self.cursor, self.cursor + self.batch_size - self.num_data, 0)


# ---- iterators of iterators ----------------------------------------------------------------------


class ResizeIter(DataIter):
    """An epoch of as many batches as one likes, from an iterator that begins anew when it ends.

    Parameters
    ----------
    data_iter : DataIter
    size : int
        How many batches.
    reset_internal : bool
        Whether `reset` begins the iterator's next epoch too.

    Examples
    --------
    >>> import numpy
    >>> import microlazy as mx
    >>> batches = mx.io.ResizeIter(mx.io.NDArrayIter(numpy.arange(4), batch_size=2), 5)
    >>> [int(batch.data[0][0].asscalar()) for batch in batches]
    [0, 2, 0, 2, 0]
    """

    def __init__(self, data_iter: DataIter, size: int, reset_internal: bool = True) -> None:
        super().__init__(data_iter.batch_size)
        self.data_iter: Any = data_iter
        self.size = size
        self.reset_internal = reset_internal
        self.cur = 0
        self.current_batch: Any = None

    @property
    def provide_data(self) -> Any:
        """What the data of a batch are."""
        return self.data_iter.provide_data

    @property
    def provide_label(self) -> Any:
        """What the labels of a batch are."""
        return self.data_iter.provide_label

    def reset(self) -> None:
        """Begin the next epoch."""
        self.cur = 0
        if self.reset_internal:
            self.data_iter.reset()

    def iter_next(self) -> bool:
        if self.cur == self.size:
            return False
        try:
            self.current_batch = self.data_iter.next()
        except StopIteration:
            self.data_iter.reset()
            self.current_batch = self.data_iter.next()
        self.cur += 1
        return True

    def next(self) -> DataBatch:
        if not self.iter_next():
            raise StopIteration
        return self.current_batch

    def getdata(self) -> Any:
        return self.current_batch.data

    def getlabel(self) -> Any:
        return self.current_batch.label

    def getindex(self) -> Any:
        return self.current_batch.index

    def getpad(self) -> int:
        return self.current_batch.pad


def _next_of(data_iter: DataIter) -> DataBatch | None:
    try:
        return data_iter.next()
    except StopIteration:
        return None


class PrefetchingIter(DataIter):
    """Asks one or several iterators for their next batches ahead, each in a thread of its own.

    Parameters
    ----------
    iters : DataIter, or list of DataIter
        The batches of several are joined side by side. Nobody else may use them meanwhile.
    rename_data, rename_label : list of dict, optional
        For each iterator, other names of its data and labels.

    Examples
    --------
    >>> import numpy
    >>> import microlazy as mx
    >>> batches = mx.io.PrefetchingIter(mx.io.NDArrayIter(numpy.arange(4), batch_size=2))
    >>> [batch.data[0].asnumpy().tolist() for batch in batches]
    [[0.0, 1.0], [2.0, 3.0]]
    """

    def __init__(self, iters: Any, rename_data: Any = None, rename_label: Any = None) -> None:
        self.iters: list[Any] = list(iters) if isinstance(iters, (list, tuple)) else [iters]
        if not self.iters:
            raise ValueError("PrefetchingIter: give at least one iterator")
        self.n_iter = len(self.iters)
        self.rename_data, self.rename_label = rename_data, rename_label
        super().__init__(self.provide_data[0][1][0])
        self.current_batch: Any = None
        self._pool = ThreadPoolExecutor(self.n_iter)
        self._ahead: list[Future[DataBatch | None]] = []
        self._ask()

    def _ask(self) -> None:
        self._ahead = [self._pool.submit(_next_of, data_iter) for data_iter in self.iters]

    @property
    def provide_data(self) -> list[DataDesc]:
        """What the data of a batch are."""
        return self._described("provide_data", self.rename_data)

    @property
    def provide_label(self) -> list[DataDesc]:
        """What the labels of a batch are."""
        return self._described("provide_label", self.rename_label)

    def _described(self, name: str, renames: Any) -> list[DataDesc]:
        made = []
        for i, data_iter in enumerate(self.iters):
            for desc in getattr(data_iter, name):
                desc = desc if isinstance(desc, DataDesc) else DataDesc(*desc)
                new = renames[i].get(desc.name, desc.name) if renames else desc.name
                made.append(DataDesc(new, desc.shape, desc.dtype, desc.layout))
        return made

    def reset(self) -> None:
        """Begin the next epoch."""
        for future in self._ahead:
            future.result()
        for data_iter in self.iters:
            data_iter.reset()
        self._ask()

    def iter_next(self) -> bool:
        batches = [future.result() for future in self._ahead]
        there = [batch for batch in batches if batch is not None]
        if not there:
            return False
        if len(there) < self.n_iter or len({batch.pad for batch in there}) > 1:
            raise MXNetError("PrefetchingIter: the iterators have epochs of different lengths")
        self.current_batch = DataBatch(
            [x for batch in there for x in batch.data],
            [x for batch in there for x in batch.label or []],
            there[0].pad,
            there[0].index,
            provide_data=self.provide_data,
            provide_label=self.provide_label,
        )
        self._ask()
        return True

    def next(self) -> DataBatch:
        if not self.iter_next():
            raise StopIteration
        return self.current_batch

    def getdata(self) -> Any:
        return self.current_batch.data

    def getlabel(self) -> Any:
        return self.current_batch.label

    def getindex(self) -> Any:
        return self.current_batch.index

    def getpad(self) -> int:
        return self.current_batch.pad
