"""The file format of arrays: MXNet 1.9's own container, so that `.params` files move over.

A file is a list of arrays, with or without names. All numbers are little-endian::

    uint64 0x112, uint64 0
    uint64 number of arrays, then each array:
        uint32 version (V1, V2, V3; older files: the number of axes)
        int32  storage type                      (V2 and V3 only; 0 is dense)
        uint32 number of axes, int64 sizes       (uint32 sizes in the oldest files)
        int32  device kind, int32 device number
        int32  dtype, then the elements, row by row
    uint64 number of names (0, or one for each array), then each: uint64 length, UTF-8 bytes

V3 allows arrays without axes or without elements; V2 is what older code can read.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from typing import Any

import numpy

from .base import MXNetError
from .core.functions import to_array
from .core.tensor import Tensor
from .files import (
    DTYPES,
    MAX_AXES,
    NPY,
    ZIP,
    Reader,
    known_names,
    pack_safetensors,
    unpack_npy,
    unpack_npz,
    unpack_safetensors,
    write_atomically,
)
from .util import is_np_array, is_np_shape

__all__ = ["load", "load_frombuffer", "save"]

MAGIC = 0x112
V1, V2, V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
# What MXNet's files can hold and microlazy cannot, named in the refusal.
OTHER_DTYPES = {8: "int16", 9: "uint16", 10: "uint32", 11: "uint64", 12: "bfloat16"}
STORAGE_TYPES = {-1: "empty", 1: "row_sparse", 2: "csr"}
SAFETENSORS_SUFFIX = ".safetensors"
DEVICE_KINDS = (1, 2, 3, 5)  # cpu, gpu, pinned, shared: all of them become the CPU here
FOREIGN = {
    b"PK\x03\x04": "a zip archive such as NumPy's .npz or PyTorch's .pt",
    b"\x93NUM": "a NumPy .npy file",
    b"\x80\x02": "a Python pickle",
    b"\x80\x03": "a Python pickle",
    b"\x80\x04": "a Python pickle",
    b"\x80\x05": "a Python pickle",
    b"\x89HDF": "an HDF5 file",
}


def save(fname: str | os.PathLike, data: Tensor | list[Tensor] | dict[str, Tensor]) -> None:
    """Save arrays to a file that MXNet 1.9 reads too, or to one of safetensors.

    The file appears whole or not at all: it is written beside its final place, then moved there.

    Parameters
    ----------
    fname : str or path
        Where to write. A file that is there already is replaced. A name that ends in
        ``.safetensors`` gives a file of that format, through its library, which loses the order of
        the names; any other name gives MXNet's format. `npx.savez` and `np.save` write NumPy's.
    data : array, list of arrays, or dict of str to array
        `NDArray` or `np.ndarray` of any shape and dtype. An empty dict reads back as ``[]``.

    Raises
    ------
    ValueError
        If `data` is none of these, or has no names, or a wrong one, for safetensors.
    TypeError
        If something in `data` is not an array, or a name is not a str.
    ImportError
        If safetensors is asked for and not installed.
    MXNetError
        If the file cannot be written.

    Examples
    --------
    >>> import os, tempfile
    >>> from microlazy import nd
    >>> path = os.path.join(tempfile.mkdtemp(), "two.params")
    >>> nd.save(path, {"weight": nd.ones((2, 3)), "bias": nd.zeros(2)})
    >>> {name: array.shape for name, array in nd.load(path).items()}
    {'weight': (2, 3), 'bias': (2,)}
    """
    path = _checked_path(fname)
    names, arrays = _checked_data(data)
    if path.endswith(SAFETENSORS_SUFFIX):
        if not isinstance(data, dict):
            raise ValueError(f"{path!r}: safetensors names its arrays, so data must be a dict")
        chunks: Iterable[bytes] = [pack_safetensors(dict(zip(names, arrays, strict=True)))]
    else:
        chunks = _pieces(names, arrays)
    try:
        write_atomically(path, chunks)
    except OSError as error:
        raise MXNetError(f"cannot write {path!r}: {error.strerror or error}") from error


def load(fname: str | os.PathLike) -> Any:
    """Load the arrays of a file: MXNet's format, .npy, .npz or safetensors, told by its bytes.

    Parameters
    ----------
    fname : str or path
        The file to read.

    Returns
    -------
    list of arrays, or dict of str to array
        Whichever was saved, and a list of one for .npy: `np.ndarray` when NumPy semantics are on
        (`npx.set_np()`), `NDArray` otherwise. Arrays saved on another device come to the CPU.

    Raises
    ------
    MXNetError
        If the file cannot be read, is truncated or corrupted, is of another format, or holds what
        microlazy has not: the message says what is wrong and at which byte. Nothing is executed,
        and nothing larger than what the file holds is allocated, whatever the file says.
    ImportError
        If it is a file of safetensors, and the library is not installed.

    Examples
    --------
    >>> import os, tempfile
    >>> from microlazy import nd
    >>> path = os.path.join(tempfile.mkdtemp(), "one.params")
    >>> nd.save(path, [nd.arange(3)])
    >>> nd.load(path)[0].asnumpy()
    array([0., 1., 2.], dtype=float32)
    """
    path = _checked_path(fname)
    try:
        with open(path, "rb") as file:
            buffer = file.read()
    except OSError as error:
        raise MXNetError(f"cannot read {path!r}: {error.strerror or error}") from error
    return _as_tensors(_unpack_any(buffer, repr(path)))


def load_frombuffer(buf: bytes) -> Any:
    """Load arrays from the bytes of a file.

    Parameters
    ----------
    buf : bytes
        What `save` would have written.

    Returns
    -------
    list of arrays, or dict of str to array
        As `load` gives them.

    Raises
    ------
    TypeError
        If `buf` is not bytes.
    MXNetError
        If `buf` is not a valid container, as in `load`.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.load_frombuffer(bytes.fromhex("1201") + bytes(30))
    []
    """
    if not isinstance(buf, (bytes, bytearray, memoryview)):
        raise TypeError(f"buf must be bytes, not {type(buf).__name__}")
    return _as_tensors(_unpack_any(bytes(buf), "buffer"))


def pack(data: Tensor | list[Tensor] | dict[str, Tensor]) -> Iterator[bytes]:
    """Check `data`, and give the container's bytes for it, piece by piece."""
    return _pieces(*_checked_data(data))


def _pieces(names: list[str], arrays: list[numpy.ndarray]) -> Iterator[bytes]:
    # One version for all: MXNet reads V2 and V3 in different modes.
    needs_v3 = is_np_shape() or any(array.size == 0 or array.ndim == 0 for array in arrays)
    version = V3 if needs_v3 else V2
    labels = [name.encode() for name in names]
    yield struct.pack("<QQQ", MAGIC, 0, len(arrays))
    for array in arrays:
        head = struct.pack("<IiI", version, 0, array.ndim)
        sizes = struct.pack(f"<{array.ndim}q", *array.shape)
        yield head + sizes + struct.pack("<iii", 1, 0, DTYPES.index(array.dtype))
        yield array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    yield struct.pack("<Q", len(labels))
    for label in labels:
        yield struct.pack("<Q", len(label)) + label


def unpack(buffer: bytes, origin: str) -> list[numpy.ndarray] | dict[str, numpy.ndarray]:
    """Read a container into NumPy arrays that look into `buffer`; `origin` names it in errors."""
    reader = _Reader(buffer, origin)
    reader.check_format()
    count = reader.count("number of arrays", least=8)
    arrays = [reader.array(f"array {i}") for i in range(count)]
    named = reader.count("number of names", least=8)
    if named not in (0, count):
        reader.refuse(f"it has {count} arrays but {named} names")
    names = [reader.name(f"name {i}") for i in range(named)]
    reader.end()
    if not named:
        return arrays
    result = dict(zip(names, arrays, strict=True))
    if len(result) < count:
        twice = next(name for name in names if names.count(name) > 1)
        reader.refuse(f"the name {twice!r} appears twice")
    return result


class _Reader(Reader):
    """Takes the fields of MXNet's container."""

    def count(self, what: str, least: int) -> int:
        """A number of things that take at least `least` bytes each."""
        count = self.number("Q", what)
        left = len(self.buffer) - self.position
        if count > left // least:
            self.refuse(f"truncated or corrupted: the {what} is {count}, but {left} bytes are left")
        return count

    def check_format(self) -> None:
        start = bytes(self.buffer[:4])
        for prefix, kind in FOREIGN.items():
            if start.startswith(prefix):
                self.refuse(f"this is {kind}, not a file of arrays as nd.save writes")
        if self.number("Q", "the header") != MAGIC:
            self.refuse("not a file of arrays as nd.save writes: it begins with other bytes")
        if self.number("Q", "the header"):
            self.refuse("corrupted: the reserved bytes of the header are not zero")

    def shape(self, version: int, what: str) -> tuple[int, ...]:
        known = version in (V1, V2, V3)
        ndim = self.number("I", f"the number of axes of {what}") if known else version
        least = 0 if version == V3 else 1
        if not least <= ndim <= MAX_AXES:
            self.refuse(f"{what} has {ndim} axes; from {least} to {MAX_AXES} are possible")
        shape = self.numbers(f"{ndim}{'q' if known else 'I'}", f"the shape of {what}")
        if min(shape, default=0) < 0:
            self.refuse(f"{what} has the shape {shape}, with a negative size")
        return shape

    def array(self, what: str) -> numpy.ndarray:
        version = self.number("I", f"the version of {what}")
        if version in (V2, V3):
            storage = self.number("i", f"the storage type of {what}")
            if storage:
                kind = STORAGE_TYPES.get(storage, "unknown")
                self.refuse(f"{what} has storage type {storage} ({kind}); only dense (0) is read")
        shape = self.shape(version, what)
        kind, _ = self.numbers("ii", f"the device of {what}")
        if kind not in DEVICE_KINDS:
            self.refuse(f"{what} was on a device of unknown kind {kind}")
        code = self.number("i", f"the dtype of {what}")
        if not 0 <= code < len(DTYPES):
            name = OTHER_DTYPES.get(code, "unknown")
            self.refuse(f"{what} has dtype {code} ({name}); known are {known_names()}")
        return self.elements(shape, DTYPES[code].newbyteorder("<"), what)

    def name(self, what: str) -> str:
        size = self.count(f"length of {what}", least=1)
        try:
            return str(self.take(size, what), "utf-8")
        except UnicodeDecodeError:
            self.refuse(f"{what} is not valid UTF-8")


def _unpack_any(buffer: bytes, origin: str) -> list[numpy.ndarray] | dict[str, numpy.ndarray]:
    if buffer.startswith(NPY):
        reader = Reader(buffer, origin)
        array = unpack_npy(reader)
        reader.end()
        return [array]
    if buffer.startswith(ZIP):
        return unpack_npz(buffer, origin)
    if buffer[8:9] == b"{":  # the header of safetensors, behind its length
        return unpack_safetensors(buffer, origin)
    return unpack(buffer, origin)


def _checked_path(fname: Any) -> str:
    if not isinstance(fname, (str, os.PathLike)):
        raise TypeError(f"fname must be a string or a path, not {type(fname).__name__}")
    path = os.fsdecode(fname)
    if "\0" in path:
        raise MXNetError(f"{path!r} is no name of a file: it holds a null character")
    return path


def _checked_data(data: Any) -> tuple[list[str], list[numpy.ndarray]]:
    if isinstance(data, Tensor):
        data = [data]
    if isinstance(data, dict):
        names, arrays = list(data), list(data.values())
    elif isinstance(data, list):
        names, arrays = [], data
    else:
        raise ValueError(
            "data must be an array, a list of arrays or a dict of str to array, "
            f"not {type(data).__name__}"
        )
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"save takes names that are str, got {name!r}")
    for where, array in zip(names or range(len(arrays)), arrays, strict=True):
        if not isinstance(array, Tensor):
            raise TypeError(f"save takes arrays, but data[{where!r}] is of {type(array)}")
    return names, [numpy.asarray(array) for array in arrays]


def as_tensor(values: numpy.ndarray) -> Tensor:
    """Copy NumPy values to an array of the face that is in use, keeping the dtype."""
    return to_array(is_np_array(), values, values.dtype.name)


def _as_tensors(
    data: list[numpy.ndarray] | dict[str, numpy.ndarray],
) -> list[Tensor] | dict[str, Tensor]:
    if isinstance(data, dict):
        return {name: as_tensor(values) for name, values in data.items()}
    return [as_tensor(values) for values in data]
