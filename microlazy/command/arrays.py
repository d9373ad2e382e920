"""What a file of arrays holds, and the same arrays in another format."""

from __future__ import annotations

from pathlib import Path

import numpy

from .. import params_file
from ..base import MXNetError
from ..core.tensor import Tensor
from ..files import pack_npy, pack_npz, write_atomically
from ..util import np_array, np_shape

SUFFIXES = (".params", ".npy", ".npz", ".safetensors")


def _load(path: Path) -> dict[str, numpy.ndarray]:
    """The arrays of a file by name; those of a list are named by their place."""
    with np_shape(True), np_array(True):
        found = params_file.load(path)
    if isinstance(found, Tensor):
        found = [found]
    named = found.items() if isinstance(found, dict) else enumerate(found)
    return {str(name): array.asnumpy() for name, array in named}


def size_text(nbytes: int) -> str:
    """A number of bytes as people read it.

    Examples
    --------
    >>> from microlazy.command.arrays import size_text
    >>> size_text(1500), size_text(12)
    ('1.5 kB', '12 B')
    """
    size, units = float(nbytes), ["B", "kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{size:.0f} B" if units[0] == "B" else f"{size:.1f} {units[0]}"


def show(path: Path) -> str:
    """A table of the arrays in a file.

    Parameters
    ----------
    path : Path
        A file of MXNet's (``.params``), NumPy's or safetensors' format. Its first bytes tell which.

    Returns
    -------
    str
        A line for each array: its name, shape, dtype and size; then the totals.

    Raises
    ------
    MXNetError
        If there is no such file, or it is damaged or of another format.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from microlazy import np, npx
    >>> from microlazy.command.arrays import show
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "net.params")
    ...     npx.save(str(path), {"weight": np.ones((3, 2))})
    ...     print(show(path))
    name    shape   dtype    size
    weight  (3, 2)  float32  24 B
    1 array, 6 numbers, 24 B
    """
    arrays = _load(path)
    rows = [("name", "shape", "dtype", "size")]
    rows += [(name, str(a.shape), str(a.dtype), size_text(a.nbytes)) for name, a in arrays.items()]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [
        "  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[3]])
        for row in rows
    ]
    numbers = sum(a.size for a in arrays.values())
    nbytes = sum(a.nbytes for a in arrays.values())
    count = f"{len(arrays)} array{'s' * (len(arrays) != 1)}"
    return "\n".join([*lines, f"{count}, {numbers:,} numbers, {size_text(nbytes)}"])


def convert(source: Path, target: Path) -> str:
    """Write the arrays of a file into another, in the format that its suffix names.

    Parameters
    ----------
    source, target : Path
        The target is replaced as a whole or not at all.

    Returns
    -------
    str
        What was done, in a sentence.

    Raises
    ------
    MXNetError
        If the source cannot be read, or the target's suffix is none of `SUFFIXES`.
    """
    if target.suffix not in SUFFIXES:
        raise MXNetError(f"{target}: the suffix must be one of {', '.join(SUFFIXES)}")
    arrays = _load(source)
    if target.suffix == ".npy" and len(arrays) != 1:
        raise MXNetError(f"{target}: .npy holds one array, but {source} has {len(arrays)}")
    if target.suffix == ".npy":
        write_atomically(str(target), pack_npy(next(iter(arrays.values()))))
    elif target.suffix == ".npz":
        write_atomically(str(target), [pack_npz(arrays)])
    else:
        params_file.save(
            target, {name: params_file.as_tensor(array) for name, array in arrays.items()}
        )
    return f"{target}: {len(arrays)} array{'s' * (len(arrays) != 1)} from {source}"
