"""`mx.np`: NumPy's own files (.npy, .npz) and tables of text."""

import io
import os
from collections.abc import Iterable
from typing import Any, Self

import numpy as onp

from microlazy.context import Context, check_ctx
from microlazy.core import functions as _f
from microlazy.core.array import ndarray
from microlazy.core.tensor import Tensor
from microlazy.files import NPY, ZIP, Reader, pack_npy, pack_npz, unpack_npy, unpack_npz
from microlazy.files import write_atomically as _write_atomically

__all__ = ["genfromtxt", "load", "loadtxt", "save", "savetxt", "savez", "savez_compressed"]

_NP = 1


class NpzFile(dict):
    """The arrays of a .npz file by name; it may stand in a ``with``, as NumPy's must.

    Examples
    --------
    >>> import os, tempfile
    >>> from microlazy import np
    >>> path = os.path.join(tempfile.mkdtemp(), "two.npz")
    >>> np.savez(path, a=np.ones(2), b=np.zeros(1))
    >>> with np.load(path) as data:
    ...     print(data.files, data["a"])
    ['a', 'b'] [1. 1.]
    """

    @property
    def files(self) -> list[str]:
        """The names."""
        return list(self)

    def close(self) -> None:
        """Do nothing: the file was read whole and is closed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _values(arr: Any) -> onp.ndarray:
    return onp.asarray(arr if isinstance(arr, Tensor) else _f.to_array(_NP, arr))


def _array(values: onp.ndarray) -> ndarray:
    return _f.to_array(_NP, values, values.dtype.newbyteorder("="))


def _write(file: Any, chunks: Iterable[bytes | memoryview], suffix: str = "") -> None:
    if hasattr(file, "write"):
        for chunk in chunks:
            file.write(chunk)
        return
    if not isinstance(file, (str, os.PathLike)):
        raise TypeError(f"file must be a path or an open file, not {type(file).__name__}")
    path = os.fsdecode(file)
    _write_atomically(path if path.endswith(suffix) else path + suffix, chunks)


def save(file: Any, arr: Any, allow_pickle: bool = True) -> None:
    """Save an array to a file in NumPy's .npy format.

    Parameters
    ----------
    file : path or binary file open for writing
        A path gets the suffix .npy if it has not; the file appears whole or not at all.
    arr : array_like
    allow_pickle : bool
        Either: no array of ours holds objects, so nothing is pickled.

    Raises
    ------
    OSError
        If the file cannot be written.
    TypeError
        If `arr` does not hold numbers, or `file` is neither a path nor a file.

    Examples
    --------
    >>> import os, tempfile
    >>> from microlazy import np
    >>> path = os.path.join(tempfile.mkdtemp(), "x.npy")
    >>> np.save(path, np.arange(3))
    >>> np.load(path)
    array([0., 1., 2.])
    """
    _write(file, pack_npy(_values(arr)), ".npy")


def _save_archive(file: Any, arrays: tuple, named: dict[str, Any], compressed: bool) -> None:
    numbered = {f"arr_{number}": array for number, array in enumerate(arrays)}
    for name in numbered.keys() & named.keys():
        raise ValueError(f"savez: {name!r} is the name of an array given without one; use another")
    values = {name: _values(array) for name, array in (numbered | named).items()}
    _write(file, [pack_npz(values, compressed)], ".npz")


def savez(file: Any, *args: Any, allow_pickle: bool = True, **kwds: Any) -> None:
    """Save several arrays to a file in NumPy's .npz format.

    Parameters
    ----------
    file : path or binary file open for writing
        A path gets the suffix .npz if it has not; the file appears whole or not at all.
    *args : array_like
        Named arr_0, arr_1 and so on.
    allow_pickle : bool
        As in `save`.
    **kwds : array_like
        By name.

    Raises
    ------
    OSError
        If the file cannot be written.
    TypeError
        If something is not an array of numbers, or `file` is neither a path nor a file.
    ValueError
        If a name is given twice.

    Examples
    --------
    >>> import os, tempfile
    >>> from microlazy import np
    >>> path = os.path.join(tempfile.mkdtemp(), "two.npz")
    >>> np.savez(path, np.ones(2), bias=np.zeros(1))
    >>> np.load(path)
    {'arr_0': array([1., 1.]), 'bias': array([0.])}
    """
    _save_archive(file, args, kwds, False)


def savez_compressed(file: Any, *args: Any, allow_pickle: bool = True, **kwds: Any) -> None:
    """Save several arrays as `savez` does, deflated.

    Examples
    --------
    >>> import os, tempfile
    >>> from microlazy import np
    >>> path = os.path.join(tempfile.mkdtemp(), "zeros.npz")
    >>> np.savez_compressed(path, zeros=np.zeros(10000))
    >>> os.path.getsize(path) < 1000
    True
    """
    _save_archive(file, args, kwds, True)


def load(file: Any, mmap_mode: None = None, allow_pickle: bool = False) -> ndarray | NpzFile:
    """Load a .npy or .npz file, from us or from NumPy.

    Parameters
    ----------
    file : path or binary file open for reading
        An open file is left behind the array, where another may follow.
    mmap_mode : None
        Files are read, not mapped.
    allow_pickle : bool
        False: loading never runs code.

    Returns
    -------
    ndarray, or NpzFile, a dict of them
        In native byte order, row by row.

    Raises
    ------
    OSError
        If the file cannot be read.
    MXNetError
        If it is damaged, of another format, or of a dtype that microlazy has not; the message says
        what is wrong and at which byte.
    TypeError
        If `file` is open for text.
    ValueError
        If `mmap_mode` or `allow_pickle` is set.

    Examples
    --------
    >>> import io, numpy
    >>> from microlazy import np
    >>> file = io.BytesIO()
    >>> numpy.save(file, numpy.array([[1, 2]]))
    >>> position = file.seek(0)
    >>> np.load(file)
    array([[1, 2]], dtype=int64)
    """
    if mmap_mode is not None or allow_pickle:
        raise ValueError(
            "load: mmap_mode and allow_pickle are not supported; arrays are copied to "
            "memory, and objects are never loaded"
        )
    if hasattr(file, "read"):
        start = file.tell()
        buffer, origin = file.read(), repr(getattr(file, "name", type(file).__name__))
    else:
        with open(file, "rb") as stream:
            buffer, origin = stream.read(), repr(os.fspath(file))
    if not isinstance(buffer, bytes):
        raise TypeError("load: the file must be open for reading bytes, not text")
    if buffer.startswith(ZIP):
        return NpzFile((k, _array(values)) for k, values in unpack_npz(buffer, origin).items())
    reader = Reader(buffer, origin)
    if not buffer.startswith(NPY[: len(buffer)]):
        reader.refuse("neither a .npy nor a .npz file; npx.load and nd.load read more formats")
    values = unpack_npy(reader)
    if hasattr(file, "read"):
        file.seek(start + reader.position)
    else:
        reader.end()
    return _array(values)


def savetxt(
    fname: Any,
    X: Any,
    fmt: Any = "%.18e",
    delimiter: str = " ",
    newline: str = "\n",
    header: str = "",
    footer: str = "",
    comments: str = "# ",
    encoding: str = "utf-8",
) -> None:
    """Write a vector or a matrix as text, as NumPy does; a path that ends in .gz is compressed.

    Examples
    --------
    >>> import io
    >>> from microlazy import np
    >>> file = io.BytesIO()
    >>> np.savetxt(file, np.array([[1, 2], [3, 4]]), fmt="%d")
    >>> file.getvalue()
    b'1 2\\n3 4\\n'
    """
    text = io.StringIO()
    onp.savetxt(text, _values(X), fmt, delimiter, newline, header, footer, comments)
    data = text.getvalue().encode(encoding)
    if isinstance(fname, (str, os.PathLike)) and os.fsdecode(fname).endswith(".gz"):
        import gzip

        data = gzip.compress(data, mtime=0)
    _write(fname, [data])


def loadtxt(fname: Any, dtype: Any = float, ctx: Context | None = None, **options: Any) -> ndarray:
    """Read a table of text by NumPy's loadtxt; float64 if no dtype is given.

    Parameters
    ----------
    fname : path, open file or list of lines
    dtype : dtype or str
    ctx : Context, optional
    **options
        NumPy's: delimiter, comments, skiprows, usecols, unpack, ndmin, max_rows, ...

    Examples
    --------
    >>> from microlazy import np
    >>> np.loadtxt(["1 2", "3 4"], "int32")
    array([[1, 2],
           [3, 4]], dtype=int32)
    """
    check_ctx(ctx)
    return _f.on_context(_array(onp.loadtxt(fname, dtype, **options)), ctx)


def genfromtxt(
    fname: Any, dtype: Any = float, ctx: Context | None = None, **options: Any
) -> ndarray:
    """Read a table of text with missing values by NumPy's genfromtxt; float64 by default.

    Examples
    --------
    >>> from microlazy import np
    >>> np.genfromtxt(["1,2", "3,"], "float32", delimiter=",")
    array([[ 1.,  2.],
           [ 3., nan]])
    """
    check_ctx(ctx)
    return _f.on_context(_array(onp.genfromtxt(fname, dtype, **options)), ctx)
