"""Files of arrays: what all formats share, and those of NumPy (.npy, .npz) and safetensors.

A file is read whole into a buffer, and every array is checked against the bytes that are there
before memory is taken for it. Whatever is wrong is refused by file, reason and byte. Nothing in a
file is ever executed.
"""

from __future__ import annotations

import contextlib
import errno
import io
import math
import operator
import os
import re
import stat
import struct
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn

import numpy
from numpy.lib import format as npy_format

from microlazy.base import MXNetError

__all__ = [
    "DTYPES",
    "Reader",
    "pack_npy",
    "pack_npz",
    "pack_safetensors",
    "unpack_npy",
    "unpack_limit",
    "unpack_npz",
    "unpack_safetensors",
    "write_atomically",
]

# A dtype's place is its code in MXNet's files.
DTYPES = tuple(
    numpy.dtype(name)
    for name in ("float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool")
)
MAX_AXES = 16  # of a Tensor
NPY = b"\x93NUMPY"
ZIP = (b"PK\x03\x04", b"PK\x05\x06")
# By method, stored or deflated: the most bytes that one byte can unpack to. A bit of deflate stands
# for up to 129 bytes.
RATIOS = {0: 1, 8: 1032}
LINKS = "/proc/self/fd"  # where an open file without a name can be given one
# What safetensors calls the dtypes that we have.
SAFETENSORS = dict(
    zip(("F32", "F64", "F16", "U8", "I32", "I8", "I64", "BOOL"), DTYPES, strict=True)
)


def write_atomically(path: str, chunks: Iterable[bytes | memoryview]) -> None:
    """Write a file so that at any moment either the old one or the whole new one is there.

    A file that is replaced keeps its permissions, and nobody else can read the new one meanwhile.
    Where the system has files without a name, a process that is killed while it writes leaves
    nothing behind.

    Raises
    ------
    OSError
        If the file cannot be written; a file that was there stays as it was.

    Examples
    --------
    >>> import os, tempfile
    >>> from microlazy.files import write_atomically
    >>> path = os.path.join(tempfile.mkdtemp(), "text")
    >>> write_atomically(path, [b"one ", b"two"])
    >>> open(path).read()
    'one two'
    """
    if "\0" in path:
        raise OSError(errno.EINVAL, "a file name holds no null character", path)
    mode = None
    with contextlib.suppress(FileNotFoundError):
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):
            raise OSError(f"{path!r} exists and is not a file")
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    try:
        descriptor = os.open(folder, os.O_TMPFILE | os.O_RDWR, _private(mode))
    except (AttributeError, OSError):  # the system has none, or not in this folder
        _write_named(target, chunks, mode)
        return
    with open(descriptor, "r+b") as file:
        _fill(file, chunks, mode)
        try:
            _name(descriptor, folder, name, mode is None)
        except OSError:  # no /proc here, or another writer at the same moment
            file.seek(0)
            _write_named(target, iter(lambda: file.read(1 << 20), b""), mode)


def _private(mode: int | None) -> int:
    """The permissions to begin with: of a file that is replaced, nobody's but the writer's."""
    return 0o666 if mode is None else 0o600


def _fill(file: Any, chunks: Iterable[bytes | memoryview], mode: int | None) -> None:
    file.writelines(chunks)
    file.flush()
    if mode is not None and hasattr(os, "fchmod"):
        os.fchmod(file.fileno(), stat.S_IMODE(mode))
    os.fsync(file.fileno())


def _name(descriptor: int, folder: str, name: str, is_new: bool) -> None:
    """Give a file without a name its place.

    To replace a file it must have another name first, if only for a moment. That name is the same
    each time: what a killed process left there goes when the file is written again.
    """
    import zlib  # seldom needed

    link = f"{LINKS}/{descriptor}"
    passing = f".{zlib.crc32(os.fsencode(name)):08x}.tmp"
    place = os.open(folder, os.O_RDONLY)
    try:
        if is_new:
            with contextlib.suppress(FileExistsError):  # somebody was faster: replace it
                os.link(link, name, dst_dir_fd=place)
                return
        try:
            os.link(link, passing, dst_dir_fd=place)
        except FileExistsError:  # a killed process left it, or another is between these lines
            os.unlink(passing, dir_fd=place)
            raise
        os.replace(passing, name, src_dir_fd=place, dst_dir_fd=place)
    finally:
        os.close(place)


def _write_named(target: str, chunks: Iterable[bytes | memoryview], mode: int | None) -> None:
    temporary = os.path.join(os.path.dirname(target), f".{os.urandom(8).hex()}.tmp")
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
    try:
        with open(os.open(temporary, flags, _private(mode)), "wb") as file:
            _fill(file, chunks, mode)
        os.replace(temporary, target)
    except BaseException as error:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.filename == temporary:
            error.filename = target
        raise


class Reader:
    """Takes fields off a buffer; every refusal names the file, the reason and the byte.

    Parameters
    ----------
    buffer : bytes
        A whole file.
    origin : str
        What errors call it.

    Examples
    --------
    >>> from microlazy.files import Reader
    >>> reader = Reader(b"abc", "'notes'")
    >>> bytes(reader.take(2, "the title"))
    b'ab'
    >>> reader.take(5, "the text")
    Traceback (most recent call last):
    ...
    microlazy.base.MXNetError: cannot load 'notes': truncated or corrupted: the text needs 5 bytes,
    1 are left (at byte 2)
    """

    def __init__(self, buffer: bytes, origin: str):
        self.buffer = memoryview(buffer).cast("B")
        self.origin = origin
        self.position = 0
        self.field = 0  # where the field that was read last begins

    def refuse(self, reason: str) -> NoReturn:
        """Raise MXNetError with a reason and the place of the field that was read last."""
        raise MXNetError(f"cannot load {self.origin}: {reason} (at byte {self.field})")

    @contextlib.contextmanager
    def refusing(self, reason: str) -> Iterator[None]:
        """Refuse whatever a library cannot make sense of: damaged bytes raise many kinds."""
        try:
            yield
        except Exception as error:
            self.refuse(f"{reason}: {str(error) or type(error).__name__}")

    def take(self, size: int, what: str) -> memoryview:
        """Take the next bytes."""
        self.field = self.position
        left = len(self.buffer) - self.position
        if size > left:
            self.refuse(f"truncated or corrupted: {what} needs {size} bytes, {left} are left")
        self.position += size
        return self.buffer[self.field : self.position]

    def numbers(self, layout: str, what: str) -> tuple:
        """Take little-endian numbers in a layout of the module struct."""
        return struct.unpack("<" + layout, self.take(struct.calcsize("<" + layout), what))

    def number(self, layout: str, what: str) -> int:
        """Take one little-endian number."""
        return self.numbers(layout, what)[0]

    def known_dtype(self, dtype: numpy.dtype, what: str) -> None:
        """Refuse a dtype that microlazy has not."""
        if dtype.hasobject:
            self.refuse(f"{what} has dtype {dtype}: Python objects, which are never loaded")
        if dtype.newbyteorder("=") not in DTYPES:
            self.refuse(f"{what} has dtype {dtype.name}; known are {known_names()}")

    def elements(self, shape: tuple[int, ...], dtype: numpy.dtype, what: str) -> numpy.ndarray:
        """Take an array row by row; it looks into the buffer."""
        if math.prod(size for size in shape if size) * dtype.itemsize > 2**62:
            self.refuse(f"{what} has the impossible shape {shape}")
        size = math.prod(shape) * dtype.itemsize
        data = self.take(size, f"{what} of shape {shape} and dtype {dtype.name}")
        if dtype.kind == "b" and numpy.frombuffer(data, "u1").max(initial=0) > 1:
            self.refuse(f"{what} is bool, but holds bytes other than 0 and 1")
        return numpy.frombuffer(data, dtype).reshape(shape)

    def end(self) -> None:
        """Refuse bytes that are left over."""
        self.field = self.position
        left = len(self.buffer) - self.position
        if left:
            self.refuse(f"{left} bytes follow the end of the last name or array")


def known_names() -> str:
    """Return the names of the dtypes that microlazy has, for messages.

    Examples
    --------
    >>> from microlazy.files import known_names
    >>> known_names()
    'float32, float64, float16, uint8, int32, int8, int64, bool'
    """
    return ", ".join(dtype.name for dtype in DTYPES)


def pack_npy(values: numpy.ndarray) -> Iterator[bytes | memoryview]:
    """Give the bytes of a .npy file, piece by piece.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.files import pack_npy
    >>> [len(piece) for piece in pack_npy(numpy.zeros(3, "float32"))]
    [128, 12]
    """
    values = numpy.asarray(values, order="C")
    head = io.BytesIO()
    npy_format.write_array_header_1_0(head, npy_format.header_data_from_array_1_0(values))
    yield head.getvalue()
    yield values.reshape(-1).view("u1").data


def unpack_npy(reader: Reader) -> numpy.ndarray:
    """Take an array in NumPy's format off a reader, in any byte order and order of axes.

    Raises
    ------
    MXNetError
        If it is damaged or of a dtype that microlazy has not.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.files import Reader, pack_npy, unpack_npy
    >>> unpack_npy(Reader(b"".join(pack_npy(numpy.arange(3))), "buffer"))
    array([0, 1, 2])
    """
    start = bytes(reader.take(8, "the magic of .npy"))
    if not start.startswith(NPY):
        reader.refuse("not an array in NumPy's .npy format: it begins with other bytes")
    if start[6:] not in (b"\1\0", b"\2\0"):  # 3.0 is 2.0 with names of fields, in Unicode
        reader.refuse(f"version {start[6]}.{start[7]} of .npy is not known; 1.0 and 2.0 are")
    layout = "H" if start[6] == 1 else "I"
    length = reader.number(layout, "the header's length")
    head = struct.pack("<" + layout, length) + reader.take(length, "the header")
    parse = getattr(npy_format, f"read_array_header_{start[6]}_0")
    with reader.refusing("the header is damaged"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Python 2's numbers, and of odd escapes
        shape, fortran, dtype = parse(io.BytesIO(head))
    reader.known_dtype(dtype, "the array")
    if len(shape) > MAX_AXES or not all(type(size) is int and size >= 0 for size in shape):
        reader.refuse(f"the shape is up to {MAX_AXES} sizes of at least 0, not {shape}")
    array = reader.elements(shape[::-1] if fortran else shape, dtype, "the array")
    return array.T if fortran else array


def pack_npz(arrays: Mapping[str, numpy.ndarray], compressed: bool = False) -> bytes:
    """Give the bytes of a .npz file: a zip archive with a .npy file for each array.

    Raises
    ------
    ValueError
        If a name has a zero character, where a zip archive would cut it.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.files import pack_npz, unpack_npz
    >>> unpack_npz(pack_npz({"a": numpy.arange(3)}), "buffer")
    {'a': array([0, 1, 2])}
    """
    import zipfile  # a tenth of the time that `import numpy` takes

    target = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, values in arrays.items():
            if "\0" in name:
                raise ValueError(f"a name in a .npz file has no zero character; {name!r} has")
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                member.writelines(pack_npy(values))
    return target.getvalue()


_most_unpacked = 1 << 30


def unpack_limit(nbytes: int | None = None) -> int:
    """Return how many bytes the compressed arrays of a .npz file may unpack to, or set it.

    A small file can unpack to a thousand times its size, which may be more than the memory there
    is. The limit begins at 1 GiB; raise it before a larger file is loaded.

    Parameters
    ----------
    nbytes : int, optional
        The new limit.

    Returns
    -------
    int
        The limit before.

    Raises
    ------
    ValueError
        If the limit is negative.

    Examples
    --------
    >>> from microlazy.files import unpack_limit
    >>> before = unpack_limit(8 << 30)
    >>> unpack_limit(before)
    8589934592
    """
    global _most_unpacked
    before = _most_unpacked
    if nbytes is not None:
        if operator.index(nbytes) < 0:
            raise ValueError(f"the limit is a number of bytes of at least 0, not {nbytes}")
        _most_unpacked = operator.index(nbytes)
    return before


def unpack_npz(buffer: bytes, origin: str) -> dict[str, numpy.ndarray]:
    """Read a .npz file, stored or deflated.

    Raises
    ------
    MXNetError
        If it is damaged, or has anything in it but arrays that microlazy has.

    Examples
    --------
    >>> from microlazy.files import pack_npz, unpack_npz
    >>> unpack_npz(pack_npz({}), "buffer")
    {}
    """
    import zipfile

    reader = Reader(buffer, origin)
    reader.field = max(0, bytes(buffer).rfind(ZIP[1]))
    with reader.refusing("the zip archive is truncated or corrupted"):
        archive = zipfile.ZipFile(io.BytesIO(buffer))
        (count,) = struct.unpack_from("<H", buffer, reader.field + 10)
    members = archive.infolist()
    # An entry of the directory says how long it is: a wrong length would hide those that follow.
    if count != min(len(members), 0xFFFF):
        reader.refuse(f"the zip archive has {count} members, but {len(members)} were found")
    if sum(member.compress_size for member in members) > len(buffer):
        reader.refuse("the members of the zip archive are larger than the file")
    unpacked = sum(member.file_size for member in members if member.compress_type)
    arrays: dict[str, numpy.ndarray] = {}
    for member in members:
        reader.field = member.header_offset
        name = member.filename.removesuffix(".npy")
        if name == member.filename:
            reader.refuse(f"{name!r} in the zip archive is not a .npy file")
        if name in arrays:
            reader.refuse(f"the name {name!r} appears twice")
        ratio = RATIOS.get(member.compress_type)
        if ratio is None:
            reader.refuse(
                f"{name!r} is compressed by method {member.compress_type}; only stored "
                "and deflated members are read"
            )
        if member.file_size > member.compress_size * ratio:
            reader.refuse(
                f"{name!r} cannot unpack {member.compress_size} bytes to {member.file_size}"
            )
        if unpacked > _most_unpacked:
            reader.refuse(
                f"the arrays unpack to {unpacked} bytes, more than the limit of {_most_unpacked}; "
                f"if you trust the file, call microlazy.files.unpack_limit({unpacked}) before"
            )
        with reader.refusing(f"{name!r} is truncated or corrupted"):
            data = archive.read(member)
        inner = Reader(data, f"{origin}, {member.filename!r} from byte {member.header_offset}")
        arrays[name] = unpack_npy(inner)
        inner.end()
    return arrays


def _safetensors() -> Any:
    """The library, when it is first needed."""
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(
            "files of safetensors need its library: pip install 'microlazy[safetensors]'"
        ) from error
    return safetensors


def _place(buffer: bytes, name: str) -> int:
    """Where a name stands in a header of safetensors; its beginning if the name is escaped."""
    return max(8, buffer.find(f'"{name}"'.encode()))


def pack_safetensors(arrays: Mapping[str, numpy.ndarray]) -> bytes:
    """Give the bytes of a safetensors file.

    Raises
    ------
    ImportError
        If the library safetensors is not installed.
    ValueError
        If an array has the name that the format keeps for itself.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.files import pack_safetensors, unpack_safetensors
    >>> unpack_safetensors(pack_safetensors({"a": numpy.arange(3)}), "buffer")
    {'a': array([0, 1, 2])}
    """
    if "__metadata__" in arrays:
        raise ValueError("'__metadata__' is no name for an array in a file of safetensors")
    rows = {name: numpy.asarray(values, order="C") for name, values in arrays.items()}
    return _safetensors().numpy.save(rows)


def unpack_safetensors(buffer: bytes, origin: str) -> dict[str, numpy.ndarray]:
    """Read a safetensors file.

    Raises
    ------
    MXNetError
        If it is damaged, or holds a dtype that microlazy has not.
    ImportError
        If the library safetensors is not installed.

    Examples
    --------
    >>> from microlazy.files import pack_safetensors, unpack_safetensors
    >>> unpack_safetensors(pack_safetensors({}), "buffer")
    {}
    """
    safetensors = _safetensors()
    buffer = bytes(buffer)
    reader = Reader(buffer, origin)
    try:
        found = safetensors.deserialize(buffer)
    except safetensors.SafetensorError as error:
        # The header is one line of JSON, from byte 8 on.
        if column := re.search(r"column (\d+)", str(error)):
            reader.field = 8 + max(0, int(column[1]) - 1)
        elif name := re.search("tensor `(.*)`", str(error)):
            reader.field = _place(buffer, name[1])
        reader.refuse(f"not a whole safetensors file: {error}")
    arrays = {}
    for name, tensor in sorted(found, key=operator.itemgetter(0)):  # they come in any order
        reader.field = _place(buffer, name)
        dtype, shape = SAFETENSORS.get(tensor["dtype"]), tuple(tensor["shape"])
        if dtype is None:
            reader.refuse(f"{name!r} has dtype {tensor['dtype']}; known are {known_names()}")
        if len(shape) > MAX_AXES:
            reader.refuse(f"{name!r} has {len(shape)} axes; up to {MAX_AXES} are possible")
        arrays[name] = Reader(bytes(tensor["data"]), f"{origin}, array {name!r}").elements(
            shape, dtype.newbyteorder("<"), "the array"
        )
    return arrays
