"""Published data sets of images, read from a folder of this machine."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy

from .... import image, recordio
from .... import ndarray as nd
from .... import numpy as np
from ....base import data_dir
from ....image.iterator import read_list
from ....pictures import EXTENSIONS
from ....util import is_np_array
from ..dataset import Dataset, RecordFileDataset
from ._formats import read_cifar, read_idx

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "MNIST",
    "FashionMNIST",
    "ImageFolderDataset",
    "ImageListDataset",
    "ImageRecordDataset",
]


class _Images(Dataset):
    """Images as an array of the current face, and labels of int32."""

    _name = ""  # of the folder in data_dir()/datasets

    def __init__(
        self, root: str | os.PathLike[str] | None, train: bool, transform: Callable | None
    ) -> None:
        folder = os.path.join(data_dir(), "datasets", self._name) if root is None else root
        self._root = os.path.expanduser(folder)
        self._train = train
        self._transform = transform
        images, labels = self._read()
        array = np.array if is_np_array() else nd.array
        self._data = array(images, dtype="uint8")
        labels = labels.astype(numpy.int32)
        self._label: Any = np.array(labels, dtype="int32") if is_np_array() else labels

    def _read(self) -> tuple[numpy.ndarray, numpy.ndarray]:
        raise NotImplementedError

    def __getitem__(self, idx: int) -> Any:
        sample = self._data[idx], self._label[idx]
        return sample if self._transform is None else self._transform(*sample)

    def __len__(self) -> int:
        return len(self._label)


class MNIST(_Images):
    """Handwritten digits: 60,000 images of shape (28, 28, 1), uint8, to train and 10,000 to test.

    (LeCun, Cortes and Burges, "The MNIST database of handwritten digits", 1998.)

    Parameters
    ----------
    root : path, optional
        The folder of the four files as they are published, packed or not; by default
        datasets/mnist in `mx.base.data_dir()`. Nothing is downloaded.
    train : bool
        The images to train, or those to test.
    transform : callable, optional
        Gets an image and its label, and returns the sample.

    Raises
    ------
    FileNotFoundError
        If a file is missing; the message says where to put it.
    ValueError
        If a file is damaged.

    Examples
    --------
    >>> from microlazy import gluon
    >>> gluon.data.vision.MNIST("nowhere")
    Traceback (most recent call last):
    ...
    FileNotFoundError: train-images-idx3-ubyte.gz is not in nowhere: put MNIST's four files there
    """

    _name = "mnist"

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        train: bool = True,
        transform: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__(root, train, transform)

    def _read(self) -> tuple[numpy.ndarray, numpy.ndarray]:
        part, name = ("train" if self._train else "t10k"), type(self).__name__
        images = read_idx(f"{part}-images-idx3-ubyte.gz", [self._root], 3, name)
        labels = read_idx(f"{part}-labels-idx1-ubyte.gz", [self._root], 1, name)
        if len(images) != len(labels):
            raise ValueError(f"{self._root}: {len(images)} images, but {len(labels)} labels")
        return images[..., None], labels


class FashionMNIST(MNIST):
    """Pictures of clothes in the format of `MNIST` (Xiao, Rasul and Vollgraf, 2017).

    Parameters
    ----------
    root, train, transform
        As for `MNIST`; the default folder is datasets/fashion-mnist.

    Examples
    --------
    >>> from microlazy import gluon
    >>> gluon.data.vision.FashionMNIST("nowhere", train=False)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    FileNotFoundError: t10k-images-idx3-ubyte.gz is not in nowhere: put FashionMNIST's four ...
    """

    _name = "fashion-mnist"


class CIFAR10(_Images):
    """Photographs of 10 kinds: 50,000 of shape (32, 32, 3), uint8, to train and 10,000 to test.

    (Krizhevsky, "Learning multiple layers of features from tiny images", 2009.)

    Parameters
    ----------
    root : path, optional
        The folder of cifar-10-binary.tar.gz, or of what is in it; by default datasets/cifar10 in
        `mx.base.data_dir()`. Nothing is downloaded.
    train : bool
        The images to train, or those to test.
    transform : callable, optional
        Gets an image and its label, and returns the sample.

    Raises
    ------
    FileNotFoundError
        If files are missing; the message says where to put them.
    ValueError
        If a file is damaged.

    Examples
    --------
    >>> from microlazy import gluon
    >>> gluon.data.vision.CIFAR10("nowhere", train=False)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    FileNotFoundError: test_batch.bin not found in nowhere: put cifar-10-binary.tar.gz there, ...
    """

    _name = "cifar10"

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        train: bool = True,
        transform: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__(root, train, transform)

    def _read(self) -> tuple[numpy.ndarray, numpy.ndarray]:
        names = [f"data_batch_{i}.bin" for i in range(1, 6)] if self._train else ["test_batch.bin"]
        images, labels = read_cifar(self._root, "cifar-10-binary.tar.gz", names, 1)
        return images, labels[:, 0]


class CIFAR100(_Images):
    """As `CIFAR10`, of 100 kinds in 20 groups.

    Parameters
    ----------
    root : path, optional
        The folder of cifar-100-binary.tar.gz, or of what is in it; by default datasets/cifar100 in
        `mx.base.data_dir()`. Nothing is downloaded.
    fine_label : bool
        Label with the 100 kinds, not the 20 groups.
    train, transform
        As for `CIFAR10`.

    Raises
    ------
    FileNotFoundError, ValueError
        As for `CIFAR10`.

    Examples
    --------
    >>> from microlazy import gluon
    >>> gluon.data.vision.CIFAR100("nowhere")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    FileNotFoundError: train.bin not found in nowhere: put cifar-100-binary.tar.gz there, ...
    """

    _name = "cifar100"

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        fine_label: bool = False,
        train: bool = True,
        transform: Callable[..., Any] | None = None,
    ) -> None:
        self._fine = bool(fine_label)
        super().__init__(root, train, transform)

    def _read(self) -> tuple[numpy.ndarray, numpy.ndarray]:
        names = ["train.bin" if self._train else "test.bin"]
        images, labels = read_cifar(self._root, "cifar-100-binary.tar.gz", names, 2)
        return images, labels[:, int(self._fine)]


class ImageRecordDataset(RecordFileDataset):
    """Images and labels of a file of records, which `recordio.pack_img` or im2rec made.

    Parameters
    ----------
    filename : path
        The records, such as "data.rec"; the index is "data.idx" beside it.
    flag : {0, 1}
        1 gives three channels of colour, 0 one of gray.
    transform : callable, optional
        Gets an image and its label, and returns the sample.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy
    >>> import microlazy as mx
    >>> path = os.path.join(tempfile.mkdtemp(), "data")
    >>> file = mx.recordio.MXIndexedRecordIO(path + ".idx", path + ".rec", "w")
    >>> file.write_idx(0, mx.recordio.pack_img((0, 5, 0, 0), numpy.zeros((4, 6, 3), "uint8")))
    >>> file.close()
    >>> image, label = mx.gluon.data.vision.ImageRecordDataset(path + ".rec")[0]
    >>> image.shape, label
    ((4, 6, 3), 5.0)
    """

    def __init__(
        self,
        filename: str | os.PathLike[str],
        flag: int = 1,
        transform: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__(filename)
        self._flag = flag
        self._transform = transform

    def __getitem__(self, idx: int) -> Any:
        header, content = recordio.unpack(super().__getitem__(idx) or b"")
        picture = image.imdecode(content, self._flag)
        if self._transform is None:
            return picture, header.label
        return self._transform(picture, header.label)


class ImageFolderDataset(Dataset):
    """Images in folders, each of which is a class: root/cat/1.jpg, root/dog/2.png, ...

    Parameters
    ----------
    root : path
    flag : {0, 1}
        1 gives three channels of colour, 0 one of gray.
    transform : callable, optional
        Gets an image and its label, and returns the sample.

    Attributes
    ----------
    synsets : list of str
        The names of the folders, sorted; a label is a place in this list.
    items : list of (str, int)
        Files and labels.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy
    >>> from microlazy import gluon
    >>> from microlazy.pictures import encode
    >>> root = tempfile.mkdtemp()
    >>> for name in ("cat", "dog"):
    ...     os.mkdir(os.path.join(root, name))
    ...     with open(os.path.join(root, name, "1.png"), "wb") as file:
    ...         size = file.write(encode(numpy.zeros((4, 6, 3), "uint8"), ".png"))
    >>> data = gluon.data.vision.ImageFolderDataset(root)
    >>> data.synsets, data[1][0].shape, data[1][1]
    (['cat', 'dog'], (4, 6, 3), 1)
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        flag: int = 1,
        transform: Callable[..., Any] | None = None,
    ) -> None:
        self._root = os.path.expanduser(root)
        self._flag = flag
        self._transform = transform
        self.synsets: list[str] = []
        self.items: list[tuple[str, int]] = []
        for folder in sorted(os.listdir(self._root)):
            path = os.path.join(self._root, folder)
            if not os.path.isdir(path):
                warnings.warn(f"Ignoring {path}, which is not a directory.", stacklevel=2)
                continue
            label = len(self.synsets)
            self.synsets.append(folder)
            for name in sorted(os.listdir(path)):
                if not name.lower().endswith(EXTENSIONS):
                    known = ", ".join(EXTENSIONS)
                    warnings.warn(
                        f"Ignoring {os.path.join(path, name)}: only {known} are read", stacklevel=2
                    )
                    continue
                self.items.append((os.path.join(path, name), label))

    def __getitem__(self, idx: int) -> Any:
        path, label = self.items[idx]
        picture = image.imread(path, self._flag)
        return (picture, label) if self._transform is None else self._transform(picture, label)

    def __len__(self) -> int:
        return len(self.items)


class ImageListDataset(Dataset):
    """Images of a list of labels and files.

    Parameters
    ----------
    root : path
        The folder of the files.
    imglist : path, or list
        A file of lines "number, label, ..., name" with tabs between, as im2rec has it; or pairs of
        a label (a number, or several) and a file's name.
    flag : {0, 1}
        1 gives three channels of colour, 0 one of gray.

    Raises
    ------
    ValueError
        If the list is none.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy
    >>> from microlazy import gluon
    >>> from microlazy.pictures import encode
    >>> root = tempfile.mkdtemp()
    >>> with open(os.path.join(root, "1.png"), "wb") as file:
    ...     size = file.write(encode(numpy.zeros((4, 6, 3), "uint8"), ".png"))
    >>> image, label = gluon.data.vision.ImageListDataset(root, [[3, "1.png"]])[0]
    >>> image.shape, label
    ((4, 6, 3), 3.0)
    """

    def __init__(
        self,
        root: str | os.PathLike[str] = ".",
        imglist: str | os.PathLike[str] | Sequence[Any] | None = None,
        flag: int = 1,
    ) -> None:
        self._root = os.path.expanduser(root)
        self._flag = flag
        if isinstance(imglist, (str, os.PathLike)):
            rows: Any = read_list(os.path.join(self._root, imglist)).values()
        elif isinstance(imglist, (list, tuple)):
            for row in imglist:
                if len(row) < 2 or not isinstance(row[-1], (str, os.PathLike)):
                    raise ValueError(f"ImageListDataset: expected (label, name), not {row!r}")
            rows = [(row[0] if len(row) == 2 else row[:-1], row[-1]) for row in imglist]
        else:
            raise ValueError(
                "ImageListDataset: imglist must be a file or a list of (label, name), not "
                f"{imglist!r}"
            )
        self._items = [
            (numpy.asarray(label, "float32").reshape(-1), os.path.join(self._root, name))
            for label, name in rows
        ]

    def __getitem__(self, idx: int) -> Any:
        label, path = self._items[idx]
        return image.imread(path, self._flag), float(label[0]) if len(label) == 1 else label

    def __len__(self) -> int:
        return len(self._items)
