"""The onnx library, which is loaded when it is needed, and what is asked of it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy

from microlazy.base import MXNetError

__all__ = ["IR_VERSION", "OPSET", "dtype_of", "library", "type_of"]

OPSET = 18  # of the files that are written
IR_VERSION = 8  # the version of the format that came with it
# ONNX's number of each dtype that arrays have.
_TYPES = {
    "float32": 1,
    "uint8": 2,
    "int8": 3,
    "int32": 6,
    "int64": 7,
    "bool": 9,
    "float16": 10,
    "float64": 11,
}
_NAMES = {number: name for name, number in _TYPES.items()}


def library() -> Any:
    """The onnx library.

    Raises
    ------
    MXNetError
        If it is not installed.

    Examples
    --------
    >>> from microlazy.onnx.library import library
    >>> library().__name__
    'onnx'
    """
    try:
        onnx = import_module("onnx")
        import_module("onnx.numpy_helper")
    except ImportError as error:
        raise MXNetError(
            f"files of ONNX need the onnx library, pip install microlazy[onnx]: {error}"
        ) from error
    return onnx


def type_of(dtype: Any) -> int:
    """ONNX's number of a dtype.

    Examples
    --------
    >>> from microlazy.onnx.library import type_of
    >>> type_of("float32")
    1
    """
    return _TYPES[numpy.dtype(dtype).name]


def dtype_of(number: int) -> str:
    """The dtype that a number of ONNX stands for.

    Raises
    ------
    MXNetError
        If no array has it.

    Examples
    --------
    >>> from microlazy.onnx.library import dtype_of
    >>> dtype_of(7)
    'int64'
    """
    if number not in _NAMES:
        known = library().TensorProto.DataType
        name = known.Name(number) if number in known.values() else str(number)
        raise MXNetError(f"arrays have no dtype {name}; they have {', '.join(_TYPES)}")
    return _NAMES[number]
