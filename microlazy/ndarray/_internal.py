"""`nd._internal`: MXNet's own names of arithmetic, which programs ask of F."""

from typing import Any

_NAMES = {
    "_add": "elemwise_add",
    "_div": "elemwise_div",
    "_minus": "elemwise_sub",
    "_mul": "elemwise_mul",
    "_plus": "elemwise_add",
    "_sub": "elemwise_sub",
}


def __getattr__(name: str) -> Any:
    from microlazy import ndarray

    if name in _NAMES:
        return getattr(ndarray, _NAMES[name])
    raise AttributeError(f"module 'microlazy.nd._internal' has no attribute {name!r}")
