"""Where MXNet's programs look for the array type and the functions beside it: names of `nd`."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    import microlazy.ndarray

    return getattr(microlazy.ndarray, name)
