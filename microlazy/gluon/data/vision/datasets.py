"""Published data sets of images, read from a folder of this machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy

from .... import ndarray as nd
from .... import numpy as np
from ....base import data_dir
from ....util import is_np_array
from ..dataset import Dataset
from ._formats import read_cifar, read_idx

__all__ = ["CIFAR10", "CIFAR100", "MNIST", "FashionMNIST"]


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
