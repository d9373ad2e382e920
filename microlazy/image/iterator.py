"""`mx.image.ImageIter`: batches of images from files or records, changed by augmenters."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from typing import Any

import numpy

from .. import ndarray as nd
from .. import numpy as np
from .. import recordio
from ..data_iter import DataBatch, DataIter
from ..util import is_np_array
from .augmenters import Augmenter, CreateAugmenter
from .functions import imdecode

__all__ = ["ImageIter"]

_LABELS = ("float32", "float64", "int32", "int64")
_LAST = ("pad", "discard", "roll_over")


def read_list(path: str | os.PathLike[str]) -> dict[int, tuple[numpy.ndarray, str]]:
    """Read a file of lines "number, label, ..., name", with tabs between: labels and names.

    Examples
    --------
    >>> import os, tempfile
    >>> from microlazy.image.iterator import read_list
    >>> path = os.path.join(tempfile.mkdtemp(), "a.lst")
    >>> with open(path, "w") as file:
    ...     size = file.write("0\\t3\\tcat.png\\n")
    >>> read_list(path)
    {0: (array([3.], dtype=float32), 'cat.png')}
    """
    found = {}
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            parts = line.rstrip("\r\n").split("\t")
            if parts == [""]:
                continue
            try:
                key = int(parts[0])
                label = numpy.array(parts[1:-1], "float32")
                if not len(label):
                    raise ValueError("no label")
            except ValueError as error:
                raise ValueError(
                    f"{path}, line {number}: expected a number, labels and a name with tabs "
                    f"between, but it is {line!r}"
                ) from error
            found[key] = label, parts[-1]
    return found


class ImageIter(DataIter):
    """Batches of images from a file of records, or from a list of labels and files.

    Parameters
    ----------
    batch_size : int
    data_shape : (int, int, int)
        Channels, of which there are 3, height and width: what the augmenters make.
    label_width : int
        How many numbers a label has.
    path_imgrec : path, optional
        Records that `recordio.pack` made of encoded images.
    path_imglist : path, optional
        Lines of a number, labels and a file's name, with tabs between.
    path_root : path, optional
        The folder of the files of a list.
    path_imgidx : path, optional
        The index of `path_imgrec`, which `shuffle` and `num_parts` need.
    shuffle : bool
        Another order in each epoch, from `random`.
    part_index, num_parts : int
        Take one of several equal parts.
    aug_list : list of Augmenter, optional
        By default `CreateAugmenter(data_shape, **kwargs)`.
    imglist : list, optional
        Pairs of a label (or several, then the name) and a file's name.
    data_name, label_name : str
    dtype : str
        Of the labels: float32, float64, int32 or int64.
    last_batch_handle : {"pad", "discard", "roll_over"}
        What becomes of a last batch that is not full: it is filled from the beginning, left out,
        or kept for the next epoch.
    **kwargs
        Arguments of `CreateAugmenter`.

    Raises
    ------
    ValueError
        If there is no source, or the arguments contradict each other.
    FileNotFoundError
        While iterating, if a file is missing.
    RuntimeError
        While iterating, if an image is damaged; the message says which.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy
    >>> import microlazy as mx
    >>> from microlazy.pictures import encode
    >>> folder = tempfile.mkdtemp()
    >>> for i in range(3):
    ...     with open(os.path.join(folder, f"{i}.png"), "wb") as file:
    ...         size = file.write(encode(numpy.zeros((9, 9, 3), "uint8"), ".png"))
    >>> names = [[i, f"{i}.png"] for i in range(3)]
    >>> for batch in mx.image.ImageIter(2, (3, 8, 8), imglist=names, path_root=folder):
    ...     print(batch.data[0].shape, batch.label[0].asnumpy(), batch.pad)
    (2, 3, 8, 8) [0. 1.] 0
    (2, 3, 8, 8) [2. 0.] 1
    """

    def __init__(
        self,
        batch_size: int,
        data_shape: Sequence[int],
        label_width: int = 1,
        path_imgrec: Any = None,
        path_imglist: Any = None,
        path_root: Any = None,
        path_imgidx: Any = None,
        shuffle: bool = False,
        part_index: int = 0,
        num_parts: int = 1,
        aug_list: Sequence[Augmenter] | None = None,
        imglist: Sequence[Any] | None = None,
        data_name: str = "data",
        label_name: str = "softmax_label",
        dtype: str = "float32",
        last_batch_handle: str = "pad",
        **kwargs: Any,
    ) -> None:
        super().__init__(batch_size)
        kind = type(self).__name__
        if path_imgrec is None and path_imglist is None and imglist is None:
            raise ValueError(f"{kind}: give path_imgrec, path_imglist or imglist")
        if dtype not in _LABELS:
            raise ValueError(f"{kind}: dtype {dtype!r} of labels is not one of {_LABELS}")
        if last_batch_handle not in _LAST:
            raise ValueError(
                f"{kind}: last_batch_handle must be one of {_LAST}, not {last_batch_handle!r}"
            )
        if not 0 <= part_index < num_parts:
            raise ValueError(f"{kind}: there is no part {part_index} of {num_parts}")
        if batch_size < 1:
            raise ValueError(f"{kind}: batch_size must be 1 or more, but it is {batch_size}")
        self.check_data_shape(data_shape)
        self.imgrec: Any = None
        if path_imgrec is not None:
            if path_imgidx is not None:
                self.imgrec = recordio.MXIndexedRecordIO(path_imgidx, path_imgrec, "r")
            else:
                self.imgrec = recordio.MXRecordIO(path_imgrec, "r")
        self.imglist: dict[Any, tuple[numpy.ndarray, str]] | None = None
        if path_imglist is not None:
            self.imglist = dict(read_list(path_imglist))
        elif imglist is not None:
            self.imglist = {
                str(i): (_label_of(row, dtype), row[-1]) for i, row in enumerate(imglist, 1)
            }
        self.seq: list[Any] | None = None
        if self.imglist is not None and (self.imgrec is None or path_imglist is not None):
            self.seq = list(self.imglist)
        elif path_imgidx is not None:
            self.seq = list(self.imgrec.keys)
        if self.seq is None and (shuffle or num_parts > 1):
            raise ValueError(f"{kind}: shuffle and num_parts need the records' index, path_imgidx")
        if self.seq is not None and self.imgrec is not None and path_imgidx is None:
            raise ValueError(f"{kind}: a list and records need the records' index, path_imgidx")
        if self.seq is not None and num_parts > 1:
            size = len(self.seq) // num_parts
            self.seq = self.seq[part_index * size : (part_index + 1) * size]
        self.path_root = path_root
        self.shuffle = shuffle
        self.data_shape = tuple(data_shape)
        self.label_width = label_width
        self.dtype = dtype
        self.last_batch_handle = last_batch_handle
        self.num_image = None if self.seq is None else len(self.seq)
        self.provide_data = [(data_name, (batch_size, *self.data_shape))]
        label = (batch_size,) if label_width == 1 else (batch_size, label_width)
        self.provide_label: list[Any] = [(label_name, label)]
        self.auglist: list[Any] = self._augmenters(kwargs) if aug_list is None else list(aug_list)
        self.cur = 0
        self._kept: list[tuple[Any, Any]] = []  # what rolls over
        self._ended = False
        self._shuffle()

    def _augmenters(self, kwargs: dict[str, Any]) -> list[Any]:
        return list(CreateAugmenter(self.data_shape, **kwargs))

    def _shuffle(self) -> None:
        if self.shuffle and self.seq is not None:
            random.shuffle(self.seq)

    def _rewind(self) -> None:
        self.cur = 0
        if self.seq is None:
            self.imgrec.reset()

    def reset(self) -> None:
        """Begin the next epoch; what rolls over is kept."""
        self._ended = False
        self._shuffle()
        self._rewind()

    def hard_reset(self) -> None:
        """Begin the next epoch, and drop what rolls over."""
        self._kept = []
        self.reset()

    def next_sample(self) -> tuple[Any, bytes]:
        """Return the label and the encoded image of the next sample.

        Raises
        ------
        StopIteration
            After the last one.
        """
        if self.seq is None:
            record = self.imgrec.read()
            if record is None:
                raise StopIteration
            header, content = recordio.unpack(record)
            return header.label, content
        if self.cur >= len(self.seq):
            raise StopIteration
        key = self.seq[self.cur]
        self.cur += 1
        if self.imgrec is None:
            assert self.imglist is not None
            label, name = self.imglist[key]
            return self._label(label), self.read_image(name)
        header, content = recordio.unpack(self.imgrec.read_idx(key))
        label = header.label if self.imglist is None else self._label(self.imglist[key][0])
        return label, content

    def _label(self, label: numpy.ndarray) -> Any:
        return (np if is_np_array() else nd).array(label, dtype=label.dtype)

    def next(self) -> DataBatch:
        if self._ended:
            raise StopIteration
        samples, self._kept = self._kept, []
        self._fill(samples)
        missing = self.batch_size - len(samples)
        if missing:
            self._ended = True
            if not samples or self.last_batch_handle == "discard":
                raise StopIteration
            if self.last_batch_handle == "roll_over":
                self._kept = samples
                self._rolled = missing
                raise StopIteration
            while len(samples) < self.batch_size:
                self._rewind()
                before = len(samples)
                self._fill(samples)
                if len(samples) == before:
                    raise StopIteration
        pad = missing or getattr(self, "_rolled", 0)
        self._rolled = 0
        array = np.array if is_np_array() else nd.array
        data = numpy.stack([numpy.asarray(image) for _, image in samples])
        labels = self._label_batch([label for label, _ in samples])
        return DataBatch([array(data, dtype="float32")], [array(labels, dtype=self.dtype)], pad)

    def _fill(self, samples: list[tuple[Any, Any]]) -> None:
        while len(samples) < self.batch_size:
            try:
                label, content = self.next_sample()
            except StopIteration:
                return
            image = self._decoded(content)
            samples.append(self._sample(image, label))

    def _decoded(self, content: bytes) -> Any:
        try:
            image = self.imdecode(content)
        except RuntimeError as error:
            raise RuntimeError(f"{self._place()}: broken image: {error}") from error
        self.check_valid_image([image])
        return image

    def _place(self) -> str:
        """Which sample it is, for errors."""
        if self.seq is None:
            return f"{self.imgrec.uri}, before byte {self.imgrec._file.tell()}"
        key = self.seq[self.cur - 1]
        return f"record {key}" if self.imgrec is not None else str((self.imglist or {})[key][1])

    def _sample(self, image: Any, label: Any) -> tuple[Any, Any]:
        """The label and the image in the form of a batch, augmented."""
        image = self.postprocess_data(self.augmentation_transform(image))
        if tuple(image.shape) != self.data_shape:
            raise ValueError(
                f"{self._place()}: the augmenters made an image of shape {tuple(image.shape)}, but "
                f"data_shape is {self.data_shape}"
            )
        return label, image

    def _label_batch(self, labels: list[Any]) -> numpy.ndarray:
        rows = [numpy.asarray(label, self.dtype).reshape(-1) for label in labels]
        if any(row.size != self.label_width for row in rows):
            raise ValueError(
                f"labels have {sorted({row.size for row in rows})} numbers, but label_width is "
                f"{self.label_width}"
            )
        stacked = numpy.stack(rows)
        return stacked[:, 0] if self.label_width == 1 else stacked

    def check_data_shape(self, data_shape: Sequence[int]) -> None:
        """Refuse a shape that is not (3, height, width)."""
        if len(data_shape) != 3:
            raise ValueError(
                f"data_shape should have length 3, with dimensions CxHxW, but it is {data_shape}"
            )
        if data_shape[0] != 3:
            raise ValueError(
                f"This iterator expects inputs to have 3 channels, but data_shape is {data_shape}"
            )

    def check_valid_image(self, data: Sequence[Any]) -> None:
        """Refuse an image without axes."""
        if len(data[0].shape) == 0:
            raise RuntimeError("Data shape is wrong")

    def imdecode(self, s: bytes) -> Any:
        """Return the image, (height, width, channels), that is encoded in bytes."""
        return imdecode(s)

    def read_image(self, fname: str) -> bytes:
        """Return the content of a file in `path_root`."""
        with open(os.path.join(self.path_root or "", fname), "rb") as file:
            return file.read()

    def augmentation_transform(self, data: Any) -> Any:
        """Apply the augmenters to an image."""
        for augmenter in self.auglist:
            data = augmenter(data)
        return data

    def postprocess_data(self, datum: Any) -> Any:
        """Turn (height, width, channels) into (channels, height, width)."""
        return datum.transpose((2, 0, 1))


def _label_of(row: Sequence[Any], dtype: str) -> numpy.ndarray:
    """The label of a row of `imglist`: one number, a list of them, or several numbers."""
    label = row[0] if len(row) == 2 else row[:-1]
    return numpy.asarray(label, dtype).reshape(-1)
