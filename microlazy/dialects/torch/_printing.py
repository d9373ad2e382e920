"""Tensors as text, in PyTorch's form."""

from __future__ import annotations

from typing import Any

import numpy

PRECISION, THRESHOLD, EDGE, WIDTH = 4, 1000, 3, 80
PREFIX = "tensor("


class _Format:
    """How the elements of an array are written, all to one width."""

    def __init__(self, shown: numpy.ndarray) -> None:
        self.is_float = shown.dtype.kind == "f"
        self.whole, self.scientific, self.width = True, False, 1
        if not self.is_float:
            self.width = max([len(str(value)) for value in shown.tolist()], default=1)
            return
        values = shown.astype(numpy.float64)
        values = values[numpy.isfinite(values) & (values != 0)]
        if not values.size:
            return
        least, most = numpy.abs(values).min(), numpy.abs(values).max()
        self.whole = bool((values == numpy.ceil(values)).all())
        self.scientific = bool(
            most / least > 1000 or most > 1e8 or (not self.whole and least < 1e-4)
        )
        self.width = max(len(self.plain(value)) for value in values.tolist())

    def plain(self, value: Any) -> str:
        if not self.is_float:
            return str(value)
        if self.scientific:
            return f"{value:.{PRECISION}e}"
        if self.whole:
            return f"{value:.0f}." if numpy.isfinite(value) else f"{value:.0f}"
        return f"{value:.{PRECISION}f}"

    def __call__(self, value: Any) -> str:
        return self.plain(value).rjust(self.width)


def _edges(array: numpy.ndarray) -> numpy.ndarray:
    """What is shown of a large array."""
    for axis in range(array.ndim):
        if array.shape[axis] > 2 * EDGE:
            ends = [*range(EDGE), *range(array.shape[axis] - EDGE, array.shape[axis])]
            array = array.take(ends, axis)
    return array


def _row(array: numpy.ndarray, indent: int, short: bool, write: _Format) -> str:
    if short and array.size > 2 * EDGE:
        first, last = array[:EDGE].tolist(), array[-EDGE:].tolist()
        words = [*map(write, first), " ...", *map(write, last)]
    else:
        words = [write(value) for value in array.tolist()]
    count = max(1, (WIDTH - indent) // (write.width + 2))
    lines = [", ".join(words[i : i + count]) for i in range(0, len(words), count)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _nested(array: numpy.ndarray, indent: int, short: bool, write: _Format) -> str:
    if array.ndim == 0:
        return write(array.item())
    if array.ndim == 1:
        return _row(array, indent, short, write)
    if short and len(array) > 2 * EDGE:
        shown: list[Any] = [*array[:EDGE], None, *array[-EDGE:]]
    else:
        shown = list(array)
    parts = ["..." if part is None else _nested(part, indent + 1, short, write) for part in shown]
    return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(parts) + "]"


def tensor_text(array: numpy.ndarray, origin: str) -> str:
    """A tensor as PyTorch prints it.

    Parameters
    ----------
    array : numpy.ndarray
        Its values.
    origin : str
        What follows the values: ``"grad_fn=<...>"``, ``"requires_grad=True"`` or nothing.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.dialects.torch._printing import tensor_text
    >>> print(tensor_text(numpy.array([0.5, 100]), ""))
    tensor([  0.5000, 100.0000], dtype=torch.float64)
    """
    usual = ("float32",) if not array.size else ("float32", "int64", "bool")
    dtype = "" if array.dtype.name in usual else f"dtype=torch.{array.dtype.name}"
    if array.size:
        short = array.size > THRESHOLD
        write = _Format((_edges(array) if short else array).reshape(-1))
        text, size = _nested(array, len(PREFIX), short, write), ""
    else:
        text, size = "[]", f"size={array.shape}" if array.ndim != 1 else ""
    text = PREFIX + text
    length = len(text) - text.rfind("\n") + 1
    for suffix in filter(None, (size, dtype, origin)):
        if length + len(suffix) + 2 > WIDTH:
            text += ",\n" + " " * len(PREFIX) + suffix
            length = len(PREFIX) + len(suffix)
        else:
            text += ", " + suffix
            length += len(suffix) + 2
    return text + ")"
