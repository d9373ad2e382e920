"""The format of MNIST's files: two zeros, the type, the number of axes, their sizes, the bytes."""

from __future__ import annotations

import gzip
import os

import numpy


def read_idx_file(path: str | os.PathLike[str], ndim: int) -> numpy.ndarray:
    """Read an array of bytes with a number of axes; the file may be packed by gzip.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged, or something else.

    Examples
    --------
    >>> import os, struct, tempfile
    >>> from microlazy.idx_file import read_idx_file
    >>> path = os.path.join(tempfile.mkdtemp(), "labels")
    >>> with open(path, "wb") as file:
    ...     size = file.write(struct.pack(">2I", 2049, 3) + bytes([5, 0, 4]))
    >>> read_idx_file(path, 1)
    array([5, 0, 4], dtype=uint8)
    """
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path) if packed else open(path, "rb") as file:
            head = file.read(4 + 4 * ndim)
            body = file.read()
    except (EOFError, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    shape = numpy.frombuffer(head[4 : len(head) - len(head) % 4], ">u4").astype(int)
    if head[:4] != bytes((0, 0, 8, ndim)) or len(shape) != ndim or shape.prod() != len(body):
        raise ValueError(f"{path} is damaged, or no file of {ndim}-d bytes in MNIST's format")
    return numpy.frombuffer(body, "uint8").reshape(shape)
