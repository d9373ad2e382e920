"""`mx.contrib`: mixed precision in `amp`; and, as in MXNet, another way to `nd.contrib`."""

from typing import Any

from ..ndarray import contrib as nd
from ..ndarray import contrib as ndarray
from . import amp

__all__ = ["amp", "nd", "ndarray"]


def __getattr__(name: str) -> Any:
    from ..foreign import missing

    raise missing("microlazy.contrib", name, __all__)
