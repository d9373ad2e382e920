"""What all of MXNet's older iterators are: `mx.io.DataIter`, its batches and their descriptions."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from typing import Any

import numpy

__all__ = ["DataBatch", "DataDesc", "DataIter"]


class DataDesc(namedtuple("DataDesc", ["name", "shape"])):
    """The name, shape, dtype and layout of the data in a batch; a tuple of the first two.

    Parameters
    ----------
    name : str
    shape : tuple of int
    dtype : dtype
    layout : str
        A letter for each axis; N is the batch's.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.io.DataDesc("data", (32, 3, 8, 8))
    DataDesc[data,(32, 3, 8, 8),<class 'numpy.float32'>,NCHW]
    """

    dtype: Any
    layout: str | None

    def __new__(
        cls, name: str, shape: Any, dtype: Any = numpy.float32, layout: str | None = "NCHW"
    ) -> DataDesc:
        self = super().__new__(cls, name, shape)
        self.dtype = dtype
        self.layout = layout
        return self

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self.name, self.shape, self.dtype, self.layout

    def __repr__(self) -> str:
        return f"DataDesc[{self.name},{self.shape},{self.dtype},{self.layout}]"

    @staticmethod
    def get_batch_axis(layout: str | None) -> int:
        """Return which axis of a layout is the batch's: that of the letter N, 0 without a layout.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.io.DataDesc.get_batch_axis("TNC")
        1
        """
        return 0 if layout is None else layout.find("N")

    @staticmethod
    def get_list(shapes: Sequence[Any], types: Sequence[Any] | None) -> list[DataDesc]:
        """Return descriptions of pairs of a name and a shape, and pairs of a name and a dtype.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.io.DataDesc.get_list([("x", (2, 3))], [("x", "int32")])
        [DataDesc[x,(2, 3),int32,NCHW]]
        """
        if types is None:
            return [DataDesc(name, shape) for name, shape in shapes]
        dtypes = dict(types)
        return [DataDesc(name, shape, dtypes[name]) for name, shape in shapes]


class DataBatch:
    """A batch: lists of arrays, and how many of its samples only fill it up.

    Parameters
    ----------
    data : list of arrays
    label : list of arrays, optional
    pad : int, optional
        How many samples at the end repeat others, so that the batch is full.
    index : array, optional
        The samples' places in the data set.
    bucket_key, provide_data, provide_label : optional
        What these batches are, where they differ from the iterator's others.

    Examples
    --------
    >>> import microlazy as mx
    >>> print(mx.io.DataBatch([mx.nd.ones((2, 3))], [mx.nd.ones((2,))]))
    DataBatch: data shapes: [(2, 3)] label shapes: [(2,)]
    """

    def __init__(
        self,
        data: Any,
        label: Any = None,
        pad: int | None = None,
        index: Any = None,
        bucket_key: Any = None,
        provide_data: Any = None,
        provide_label: Any = None,
    ) -> None:
        for name, arrays in (("Data", data), ("Label", label)):
            if arrays is not None and not isinstance(arrays, (list, tuple)):
                raise AssertionError(
                    f"{name} must be list of NDArrays, not {type(arrays).__name__}"
                )
        self.data = data
        self.label = label
        self.pad = pad
        self.index = index
        self.bucket_key = bucket_key
        self.provide_data = provide_data
        self.provide_label = provide_label

    def __str__(self) -> str:
        shapes = [
            None if arrays is None else [array.shape for array in arrays]
            for arrays in (self.data, self.label)
        ]
        return f"{type(self).__name__}: data shapes: {shapes[0]} label shapes: {shapes[1]}"


class DataIter:
    """Base class of iterators over batches: a `for` is one epoch, `reset` begins the next.

    A subclass has `iter_next`, which goes to the next batch and says whether there is one, and
    `getdata`, `getlabel`, `getindex` and `getpad`, which give its parts; or `next` alone. It also
    says what its batches are in `provide_data` and `provide_label`, lists of `DataDesc`.

    Parameters
    ----------
    batch_size : int

    Examples
    --------
    >>> import microlazy as mx
    >>> class Twice(mx.io.DataIter):
    ...     count = 0
    ...     def next(self):
    ...         self.count += 1
    ...         if self.count > 2:
    ...             raise StopIteration
    ...         return mx.io.DataBatch([mx.nd.ones((self.batch_size, 1))])
    >>> len(list(Twice(5)))
    2
    """

    def __init__(self, batch_size: int = 0) -> None:
        self.batch_size = batch_size

    def __iter__(self) -> DataIter:
        return self

    def reset(self) -> None:
        """Begin the next epoch."""

    def next(self) -> DataBatch:
        """Return the next batch.

        Raises
        ------
        StopIteration
            At the end of the epoch.
        """
        if not self.iter_next():
            raise StopIteration
        return DataBatch(self.getdata(), self.getlabel(), self.getpad(), self.getindex())

    def __next__(self) -> DataBatch:
        return self.next()

    def iter_next(self) -> bool:
        """Go to the next batch; returns whether there is one."""
        raise NotImplementedError(f"{type(self).__name__} has neither next nor iter_next")

    def getdata(self) -> Any:
        """Return the data of this batch, a list of arrays."""
        raise NotImplementedError(f"{type(self).__name__} has no getdata")

    def getlabel(self) -> Any:
        """Return the labels of this batch, a list of arrays."""
        raise NotImplementedError(f"{type(self).__name__} has no getlabel")

    def getindex(self) -> Any:
        """Return the places of this batch's samples in the data set, or None."""
        return None

    def getpad(self) -> int:
        """Return how many samples at the end of this batch only fill it up."""
        raise NotImplementedError(f"{type(self).__name__} has no getpad")
