"""`mx.contrib`: mixed precision in `amp`; words and their vectors in `text`; ONNX files in `onnx`;
and another way to `nd.contrib`, as in MXNet.
"""

from typing import Any

from ..ndarray import contrib as nd
from ..ndarray import contrib as ndarray
from . import amp

__all__ = ["amp", "nd", "ndarray", "onnx", "text"]


def __getattr__(name: str) -> Any:
    if name in ("onnx", "text"):  # seldom needed
        from importlib import import_module

        return import_module(f"microlazy.contrib.{name}")
    from ..foreign import missing

    raise missing("microlazy.contrib", name, __all__)
