"""`mx.recordio`: MXNet's files of records, and the header that a record with a label has."""

from __future__ import annotations

import numbers
import os
import struct
import threading
from collections.abc import Callable
from typing import IO, Any, NamedTuple

import numpy

from . import pictures
from .base import MXNetError

__all__ = [
    "IRHeader",
    "MXIndexedRecordIO",
    "MXRecordIO",
    "pack",
    "pack_img",
    "unpack",
    "unpack_img",
]

# A record is the magic number, a word with its kind and length, its bytes, and padding to a
# multiple of 4. Where the magic number stands in the data itself, at a multiple of 4, it is left
# out and the record goes on as another part.
_MAGIC = struct.pack("<I", 0xCED7230A)
_LENGTH_BITS = 29
_LENGTH = (1 << _LENGTH_BITS) - 1
_WHOLE, _FIRST, _MIDDLE, _LAST = range(4)
_HEADER = struct.Struct("<IfQQ")


class MXRecordIO:
    """A file of records, written or read from front to back.

    Parameters
    ----------
    uri : path
    flag : {"w", "r"}
        Write a new file, or read one.

    Raises
    ------
    ValueError
        If `flag` is neither.
    OSError
        If the file cannot be opened.

    Examples
    --------
    >>> import os, tempfile
    >>> import microlazy as mx
    >>> path = os.path.join(tempfile.mkdtemp(), "data.rec")
    >>> file = mx.recordio.MXRecordIO(path, "w")
    >>> file.write(b"first")
    >>> file.write(b"second")
    >>> file.close()
    >>> file = mx.recordio.MXRecordIO(path, "r")
    >>> file.read(), file.read(), file.read()
    (b'first', b'second', None)
    """

    _file: IO[bytes]
    is_open = False

    def __init__(self, uri: str | os.PathLike[str], flag: str) -> None:
        if flag not in ("r", "w"):
            raise ValueError(f"flag must be 'r' or 'w', but it is {flag!r}")
        self.uri = os.fspath(uri)
        self.flag = flag
        self.writable = flag == "w"
        self.open()

    def open(self) -> None:
        """Open the file; one to write is emptied."""
        self._file = open(self.uri, self.flag + "b")  # noqa: SIM115
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self.is_open = True

    def close(self) -> None:
        """Close the file; a second time changes nothing."""
        if self.is_open:
            self.is_open = False
            self._file.close()

    def reset(self) -> None:
        """Begin again at the first record; a file to write is emptied."""
        self.close()
        self.open()

    def write(self, buf: bytes) -> None:
        """Add a record.

        Parameters
        ----------
        buf : bytes
            Fewer than 2**29.

        Raises
        ------
        MXNetError
            If the file is open for reading, closed, of another process, or the record too long.
        """
        self._require(writable=True)
        if len(buf) > _LENGTH:
            raise MXNetError(f"a record has at most {_LENGTH} bytes, but this has {len(buf)}")
        parts = _parts(bytes(buf))
        for number, part in enumerate(parts):
            first, last = number == 0, number == len(parts) - 1
            kind = (_WHOLE if last else _FIRST) if first else (_LAST if last else _MIDDLE)
            word = struct.pack("<I", kind << _LENGTH_BITS | len(part))
            self._file.write(_MAGIC + word + part + bytes(-len(part) % 4))

    def read(self) -> bytes | None:
        """Return the next record, or None at the end.

        Raises
        ------
        MXNetError
            If the file is open for writing, closed, of another process, or damaged.
        """
        self._require(writable=False)
        record = b""
        while True:
            start = self._file.tell()
            head = self._file.read(8)
            if not head and not record:
                return None
            word = struct.unpack("<I", head[4:])[0] if len(head) == 8 else 0
            kind, length = word >> _LENGTH_BITS, word & _LENGTH
            if head[:4] != _MAGIC or len(head) < 8 or (kind > _LAST):
                raise self._damaged(start)
            part = self._file.read(length + -length % 4)
            if len(part) < length:
                raise self._damaged(start)
            record += part[:length]
            if kind in (_WHOLE, _LAST):
                return record
            record += _MAGIC

    def _damaged(self, place: int) -> MXNetError:
        return MXNetError(f"{self.uri}: damaged or cut off: there is no record at byte {place}")

    def _require(self, writable: bool) -> None:
        if not self.is_open:
            raise MXNetError(f"{self.uri} is closed")
        if self.writable != writable:
            raise MXNetError(f"{self.uri} is open for {'writing' if self.writable else 'reading'}")
        if self._pid != os.getpid():
            raise MXNetError(
                f"{self.uri} was opened in another process; call reset() here to read it from the "
                "beginning"
            )

    def __getstate__(self) -> dict[str, Any]:
        if self.writable:
            raise MXNetError(f"{self.uri} is being written and cannot be copied or sent")
        return {k: v for k, v in self.__dict__.items() if k not in ("_file", "_lock", "_index")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ = state
        if self.is_open:
            self.is_open = False
            self.open()

    def __del__(self) -> None:
        self.close()


def _parts(record: bytes) -> list[bytes]:
    """Cut a record at each magic number that stands at a multiple of 4."""
    parts, start, place = [], 0, record.find(_MAGIC)
    while place >= 0:
        if place % 4:
            place = record.find(_MAGIC, place + 1)
        else:
            parts.append(record[start:place])
            start = place + 4
            place = record.find(_MAGIC, start)
    return [*parts, record[start:]]


class MXIndexedRecordIO(MXRecordIO):
    """A file of records with an index beside it, so that each can be read by its key.

    Parameters
    ----------
    idx_path : path
        The index: lines of a key and a place, with a tab between.
    uri : path
        The records.
    flag : {"w", "r"}
        Write new files, or read.
    key_type : callable
        Makes a key of its text.

    Attributes
    ----------
    keys : list
        All keys, in the order of the index.
    idx : dict
        The places by key.

    Examples
    --------
    >>> import os, tempfile
    >>> import microlazy as mx
    >>> path = os.path.join(tempfile.mkdtemp(), "data")
    >>> file = mx.recordio.MXIndexedRecordIO(path + ".idx", path + ".rec", "w")
    >>> for key in range(3):
    ...     file.write_idx(key, f"record {key}".encode())
    >>> file.close()
    >>> file = mx.recordio.MXIndexedRecordIO(path + ".idx", path + ".rec", "r")
    >>> file.keys, file.read_idx(2)
    ([0, 1, 2], b'record 2')
    """

    def __init__(
        self,
        idx_path: str | os.PathLike[str],
        uri: str | os.PathLike[str],
        flag: str,
        key_type: Callable[[str], Any] = int,
    ) -> None:
        self.idx_path = os.fspath(idx_path)
        self.key_type = key_type
        super().__init__(uri, flag)

    def open(self) -> None:
        """Open both files, and read the index of one to read."""
        self.idx: dict[Any, int] = {}
        self.keys: list[Any] = []
        if not self.writable:
            with open(self.idx_path, encoding="utf-8", errors="backslashreplace") as index:
                for number, line in enumerate(index, 1):
                    try:
                        key, place = line.rstrip("\n").split("\t")
                        if int(place) < 0:
                            raise ValueError(f"{place} is no place in a file")
                        self._add(self.key_type(key), int(place))
                    except ValueError as error:
                        raise MXNetError(
                            f"{self.idx_path}, line {number}: expected a key, a tab and a place, "
                            f"but it is {line!r}"
                        ) from error
        else:
            self._index = open(self.idx_path, "w", encoding="utf-8", newline="\n")  # noqa: SIM115
        super().open()

    def close(self) -> None:
        """Close both files; a second time changes nothing."""
        if self.is_open and self.writable:
            self._index.close()
        super().close()

    def seek(self, idx: Any) -> None:
        """Go to the record with a key; in a forked process the file is opened anew.

        Raises
        ------
        KeyError
            If there is none.
        """
        if idx not in self.idx:
            raise KeyError(f"{self.idx_path} has no key {idx!r}")
        if self.is_open and not self.writable and self._pid != os.getpid():
            self.reset()
        self._require(writable=False)
        self._file.seek(self.idx[idx])

    def tell(self) -> int:
        """Return the place of the next record that will be written."""
        self._require(writable=True)
        return self._file.tell()

    def read_idx(self, idx: Any) -> bytes:
        """Return the record with a key; threads may do this at once.

        Raises
        ------
        KeyError
            If there is none.
        MXNetError
            If there is no record where the index says.
        """
        if self.is_open and not self.writable and self._pid != os.getpid():
            self.reset()  # the lock, too, is another process's
        with self._lock:
            self.seek(idx)
            record = self.read()
        if record is None:
            raise MXNetError(
                f"{self.idx_path} says that the record {idx!r} begins at byte {self.idx[idx]}, but "
                f"{self.uri} ends before: they do not belong together"
            )
        return record

    def write_idx(self, idx: Any, buf: bytes) -> None:
        """Add a record with a key.

        Parameters
        ----------
        idx : key
            What `key_type` accepts.
        buf : bytes
        """
        key, place = self.key_type(idx), self.tell()
        self.write(buf)
        self._index.write(f"{key}\t{place}\n")
        self._add(key, place)

    def _add(self, key: Any, place: int) -> None:
        self.idx[key] = place
        self.keys.append(key)


class IRHeader(NamedTuple):
    """What is known about a record: a flag, the label, and two numbers to find it by.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.recordio.IRHeader(0, 4.0, 2574, 0).label
    4.0
    """

    flag: int
    label: Any
    id: int
    id2: int

    def __repr__(self) -> str:
        flag, label, number, other = self
        return f"HEADER({flag=}, {label=}, id={number}, id2={other})"


def pack(header: IRHeader | tuple[int, Any, int, int], s: bytes) -> bytes:
    """Return a record of a header and bytes.

    Parameters
    ----------
    header : IRHeader
        The label is a number, or an array of float32; then the flag becomes its size.
    s : bytes

    Examples
    --------
    >>> import microlazy as mx
    >>> record = mx.recordio.pack(mx.recordio.IRHeader(0, 4.0, 2574, 0), b"data")
    >>> len(record)
    28
    """
    header = IRHeader(*header)
    if isinstance(header.label, numbers.Number):
        return _HEADER.pack(0, header.label, header.id, header.id2) + s
    label = numpy.asarray(header.label, dtype="<f4")
    return _HEADER.pack(label.size, 0, header.id, header.id2) + label.tobytes() + s


def unpack(s: bytes) -> tuple[IRHeader, bytes]:
    """Take a record apart that `pack` made.

    Returns
    -------
    header : IRHeader
        Whose label is a number or an array of float32.
    bytes

    Raises
    ------
    MXNetError
        If the record is too short.

    Examples
    --------
    >>> import microlazy as mx
    >>> record = mx.recordio.pack((0, [1, 2], 7, 0), b"data")
    >>> header, data = mx.recordio.unpack(record)
    >>> print(header.flag, header.label, header.id, data)
    2 [1. 2.] 7 b'data'
    """
    needed = _HEADER.size
    if len(s) >= needed:
        header = IRHeader(*_HEADER.unpack_from(s))
        start, needed = needed, needed + 4 * header.flag
        if len(s) >= needed:
            if header.flag:
                label = numpy.frombuffer(s, "<f4", header.flag, start)
                header = header._replace(label=label)
            return header, s[needed:]
    raise MXNetError(f"a record with this header has {needed} bytes or more, but this has {len(s)}")


def pack_img(
    header: IRHeader | tuple[int, Any, int, int],
    img: Any,
    quality: int = 95,
    img_fmt: str = ".jpg",
) -> bytes:
    """Return a record of a header and an encoded image.

    Parameters
    ----------
    header : IRHeader
        As for `pack`.
    img : array, uint8
        Of shape (height, width), (height, width, 1), or (height, width, 3); three channels are
        blue, green, red, as OpenCV and `unpack_img` have them.
    quality : int
        Of JPEG from 1 to 100; for PNG the level of compression, from 0 to 9.
    img_fmt : str
        ".jpg" or ".png".

    Raises
    ------
    MXNetError
        If it is no such image or format.
    ImportError
        If Pillow is missing.

    Examples
    --------
    >>> import numpy
    >>> import microlazy as mx
    >>> image = numpy.full((2, 3, 3), 7, "uint8")
    >>> record = mx.recordio.pack_img((0, 4.0, 2574, 0), image, img_fmt=".png", quality=9)
    >>> header, decoded = mx.recordio.unpack_img(record)
    >>> header.label, bool((decoded == image).all())
    (4.0, True)
    """
    pixels = img.asnumpy() if hasattr(img, "asnumpy") else img
    return pack(header, pictures.encode(pixels, img_fmt, quality, rgb=False))


def unpack_img(s: bytes, iscolor: int = -1) -> tuple[IRHeader, numpy.ndarray]:
    """Take a record apart that `pack_img` made.

    Parameters
    ----------
    s : bytes
    iscolor : {-1, 0, 1}
        1 gives three channels, 0 gray, -1 what the image has.

    Returns
    -------
    header : IRHeader
    numpy.ndarray, uint8
        Of shape (height, width) if it is gray, else (height, width, 3), blue, green, red, or with
        a fourth channel of transparency.

    Raises
    ------
    MXNetError
        If the record or the image is damaged.
    ImportError
        If Pillow is missing.

    Examples
    --------
    >>> import numpy
    >>> import microlazy as mx
    >>> record = mx.recordio.pack_img((0, 4.0, 2574, 0), numpy.zeros((2, 3), "uint8"))
    >>> mx.recordio.unpack_img(record)[1].shape, mx.recordio.unpack_img(record, 1)[1].shape
    ((2, 3), (2, 3, 3))
    """
    if iscolor not in (-1, 0, 1):
        raise ValueError(f"iscolor must be -1, 0 or 1, but it is {iscolor!r}")
    header, content = unpack(s)
    if iscolor < 0:
        return header, pictures.decode_as_is(content)
    pixels = pictures.decode(content, color=iscolor > 0, rgb=False)
    return header, pixels if iscolor else pixels[..., 0]
