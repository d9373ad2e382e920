"""The data types of tensors, under the names that PyTorch gives them."""

from __future__ import annotations

from typing import Any

import numpy


class dtype:  # noqa: N801
    """A data type, such as `torch.float32`.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> torch.zeros(2).dtype
    torch.float32
    >>> torch.float32.is_floating_point
    True
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.numpy = numpy.dtype(name)

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name

    @property
    def is_floating_point(self) -> bool:
        """Whether its numbers have a fraction."""
        return self.numpy.kind == "f"

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self.numpy.itemsize


float16, float32, float64 = (dtype(name) for name in ("float16", "float32", "float64"))
uint8, int8, int32, int64 = (dtype(name) for name in ("uint8", "int8", "int32", "int64"))
bool_ = dtype("bool")
ALL = {each.name: each for each in (float16, float32, float64, uint8, int8, int32, int64, bool_)}

_PYTHON = {float: float32, int: int64, bool: bool_}


# As errors name them.
_SCALARS = {
    "float16": "Half",
    "float32": "Float",
    "float64": "Double",
    "uint8": "Byte",
    "int8": "Char",
    "int32": "Int",
    "int64": "Long",
    "bool": "Bool",
}


def scalar_name(array: Any) -> str:
    """The name that errors give to the dtype of an array.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.dialects.torch._dtypes import scalar_name
    >>> scalar_name(numpy.ones(2))
    'Double'
    """
    return _SCALARS[numpy.dtype(array.dtype).name]


def to_numpy(given: Any) -> numpy.dtype | None:
    """NumPy's dtype for one of ours or a type of Python; None stays None.

    Examples
    --------
    >>> from microlazy.dialects.torch._dtypes import int64, to_numpy
    >>> to_numpy(int64)
    dtype('int64')
    """
    if given is None:
        return None
    found = _PYTHON.get(given, given)
    if not isinstance(found, dtype):
        raise TypeError(f"dtype must be a torch.dtype such as torch.float32, not {given!r}")
    return found.numpy


def of_array(array: Any) -> dtype:
    """The dtype of an array of the core, or of NumPy."""
    return ALL[numpy.dtype(array.dtype).name]
