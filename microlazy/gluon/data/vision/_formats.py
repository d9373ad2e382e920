"""The files of published data sets of images, as NumPy arrays."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Sequence

import numpy

from ....idx_file import read_idx_file


def read_idx(
    name: str, folders: Sequence[str], ndim: int, data_set: str = "MNIST"
) -> numpy.ndarray:
    """An array of bytes in MNIST's format, from one of several folders, packed or not."""
    for path in (os.path.join(f, n) for f in folders for n in (name, name.removesuffix(".gz"))):
        if os.path.exists(path):
            break
    else:
        raise FileNotFoundError(
            f"{name} is not in {' or '.join(folders)}: put {data_set}'s four files there"
        )
    return read_idx_file(path, ndim)


def read_cifar(
    folder: str, archive: str, names: Sequence[str], labels: int
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Images (n, 32, 32, 3) and labels (n, labels) of files, in a folder or packed in an archive.

    An image is its labels, a byte each, and three planes of 1024 bytes.
    """
    found = {}
    for name in names:
        path = os.path.join(folder, name)
        if os.path.exists(path):
            with open(path, "rb") as file:
                found[name] = file.read()
    packed = os.path.join(folder, archive)
    if len(found) < len(names) and os.path.exists(packed):
        with tarfile.open(packed) as tar:  # nothing is unpacked to the disk
            for member in tar:
                name = os.path.basename(member.name)
                entry = tar.extractfile(member) if name in names else None
                if entry is not None:
                    found.setdefault(name, entry.read())
    missing = [name for name in names if name not in found]
    if missing:
        raise FileNotFoundError(
            f"{', '.join(missing)} not found in {folder}: put {archive} there, or what is in it"
        )
    size = labels + 3 * 32 * 32
    for name, content in found.items():
        if not content or len(content) % size:
            raise ValueError(
                f"{name} of {folder} is damaged: {len(content)} bytes are no multiple of {size}"
            )
    rows = numpy.frombuffer(b"".join(found[name] for name in names), "uint8").reshape(-1, size)
    return rows[:, labels:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), rows[:, :labels]
