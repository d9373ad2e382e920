"""`mx.nd.op`: the functions of `nd` under another name."""

from typing import Any


def __getattr__(name: str) -> Any:
    from microlazy import ndarray

    return getattr(ndarray, name)
