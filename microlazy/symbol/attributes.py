"""Attributes of operators as the texts of symbol files, and back."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy

from microlazy.base import MXNetError

__all__ = [
    "HIDDEN",
    "TextError",
    "dtype_code",
    "dtype_of",
    "need_few",
    "parse",
    "shape_of",
    "text_of",
]

# Attributes of nodes that are none of the operator; old files have them without underscores.
_HIDDEN_TEXT = """
ctx_group lr_mult wd_mult force_mirroring mirror_stage profiler_scope
"""
HIDDEN = frozenset(_HIDDEN_TEXT.split())

MOST_ELEMENTS = 1 << 31  # of an array whose shape a file tells; MXNet's own limit
_MOST_TEXT = 1 << 16
_INTEGER = r"[+-]?\d{1,99}L?"
_CODES = ("float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool")
_TRUTH = {"True": True, "true": True, "1": True, "False": False, "false": False, "0": False}


class TextError(MXNetError):
    """A text that is no value of its kind."""


def text_of(value: Any) -> str:
    """The text that stands for a value in a file.

    Examples
    --------
    >>> from microlazy.symbol.attributes import text_of
    >>> text_of((3, 3)), text_of(True), text_of(0.5), text_of("float32")
    ('(3, 3)', 'True', '0.5', 'float32')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        parts = [text_of(part) for part in value]
        return f"({', '.join(parts)}{',' * (len(parts) == 1)})"
    if isinstance(value, type | numpy.dtype):
        return numpy.dtype(value).name
    if isinstance(value, numpy.generic):
        value = value.item()
    return str(value)


def parse(kind: str, text: str) -> Any:
    """The value of a kind of attribute that a text stands for.

    Parameters
    ----------
    kind : str
        bool, int, float, ints, floats, pairs or text; with a question mark, None is a value too.
    text : str
        As in a file.

    Raises
    ------
    TextError
        If it stands for none, or for more than an array can hold.

    Examples
    --------
    >>> from microlazy.symbol.attributes import parse
    >>> parse("ints", "(3, 3)"), parse("bool", "False"), parse("int?", "None")
    ((3, 3), False, None)
    """
    if len(text) > _MOST_TEXT:
        raise TextError(f"a text of {len(text)} characters is too long")
    stripped = text.strip()
    if stripped in ("None", "") and (kind.endswith("?") or kind == "text"):
        return None
    return _PARSERS[kind.rstrip("?")](stripped)


def _bool(text: str) -> bool:
    if text not in _TRUTH:
        raise TextError(f"{text!r} is neither True nor False")
    return _TRUTH[text]


def _int(text: str) -> int:
    if text in ("True", "False"):
        return int(text == "True")
    if not re.fullmatch(_INTEGER, text):
        raise TextError(f"{text!r} is no integer")
    number = int(text.rstrip("L"))
    if abs(number) >= 1 << 40:
        raise TextError(f"{text} is too large")
    return number


def _float(text: str) -> float:
    try:
        return float(_TRUTH.get(text, text) if text in ("True", "False") else text)
    except ValueError:
        raise TextError(f"{text!r} is no number") from None


def _parts(text: str, one: Callable[[str], Any], what: str) -> tuple[Any, ...]:
    if text[:1] + text[-1:] in ("()", "[]"):
        text = text[1:-1]
    parts = [part.strip() for part in text.split(",")]
    if parts[-1] == "":
        parts.pop()
    try:
        return tuple(None if part == "None" else one(part) for part in parts)
    except TextError as error:
        raise TextError(f"{text!r} is no tuple of {what}: {error}") from None


def _ints(text: str) -> tuple[int | None, ...]:
    return _parts(text, _int, "integers")


def _floats(text: str) -> tuple[float | None, ...]:
    return _parts(text, _float, "numbers")


def _pairs(text: str) -> tuple[tuple[Any, ...], ...]:
    numbers = _ints(re.sub(r"[()\[\]]", "", text))
    if len(numbers) % 2:
        raise TextError(f"{text!r} are no pairs of integers")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


_PARSERS: dict[str, Callable[[str], Any]] = {
    "bool": _bool,
    "int": _int,
    "float": _float,
    "ints": _ints,
    "pairs": _pairs,
    "floats": _floats,
    "text": str,
}


def shape_of(text: str) -> tuple[int, ...]:
    """A shape of a file, in which 0 or -1 is a size that is not known.

    Examples
    --------
    >>> from microlazy.symbol.attributes import shape_of
    >>> shape_of("(2, 0)")
    (2, 0)
    >>> shape_of("(1048576, 1048576)")
    Traceback (most recent call last):
    microlazy.symbol.attributes.TextError: (1048576, 1048576) has 1099511627776 elements,
    which is more than 2147483648
    """
    shape = _ints(text)
    if any(size is None or size < -1 for size in shape):
        raise TextError(f"{text} is no shape")
    need_few(shape)  # type: ignore[arg-type]
    return shape  # type: ignore[return-value]


def need_few(shape: tuple[int, ...]) -> None:
    """Refuse a shape with more elements than an array of a file may have.

    Raises
    ------
    TextError
        If it has.

    Examples
    --------
    >>> from microlazy.symbol.attributes import need_few
    >>> need_few((2, 3))
    """
    elements = math.prod(max(size, 1) for size in shape)
    if elements > MOST_ELEMENTS:
        raise TextError(f"{shape} has {elements} elements, which is more than {MOST_ELEMENTS}")


def dtype_of(text: str) -> str:
    """The dtype of a variable: files have MXNet's number of it.

    Examples
    --------
    >>> from microlazy.symbol.attributes import dtype_of
    >>> dtype_of("1"), dtype_of("int32")
    ('float64', 'int32')
    """
    if text.isdecimal() and len(text) < 3 and int(text) < len(_CODES):
        return _CODES[int(text)]
    if text in _CODES:
        return text
    raise TextError(f"{text!r} is no dtype")


def dtype_code(dtype: Any) -> str:
    """MXNet's number of a dtype, as a text.

    Examples
    --------
    >>> from microlazy.symbol.attributes import dtype_code
    >>> dtype_code("float64")
    '1'
    """
    name = numpy.dtype(dtype).name
    if name not in _CODES:
        raise TextError(f"symbols have no number for the dtype {name}")
    return str(_CODES.index(name))
