"""`mx.engine`: how many operations MXNet took together. Here they run at once, one by one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["bulk", "set_bulk_size"]

_size = 0


def set_bulk_size(size: int) -> int:
    """Remember a number, for programs that set it; it changes nothing. Returns the one before.

    Examples
    --------
    >>> from microlazy import engine
    >>> before = engine.set_bulk_size(15)
    >>> engine.set_bulk_size(before)
    15
    """
    global _size
    before, _size = _size, int(size)
    return before


@contextmanager
def bulk(size: int) -> Iterator[None]:
    """A scope with a bulk size of its own, which changes nothing.

    Examples
    --------
    >>> from microlazy import engine, nd
    >>> with engine.bulk(10):
    ...     x = nd.ones((1,)) + 1
    """
    before = set_bulk_size(size)
    try:
        yield
    finally:
        set_bulk_size(before)
