"""Draws that depend on a key and on nothing else, as initializers and samplers with a seed make."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy

from ..core.generator import get_state, set_state

_lock = threading.RLock()


@contextmanager
def keyed(*key: int) -> Iterator[None]:
    """Draw from a sequence of the key's own; the sequence that programs draw from does not move.

    There is one generator: what other threads draw meanwhile without a key is not reproducible.

    Examples
    --------
    >>> from microlazy import np
    >>> with keyed(3):
    ...     a = np.random.uniform(size=2)
    >>> with keyed(3):
    ...     bool((a == np.random.uniform(size=2)).all())
    True
    """
    with _lock:
        before = get_state()
        set_state((*words_of(key, 2), 0, 0))
        try:
            yield
        finally:
            set_state(before)


def words_of(key: Sequence[int], count: int) -> list[int]:
    """Numbers of 64 bits that follow from a key (NumPy's SeedSequence).

    Examples
    --------
    >>> words_of((1, 2), 1) == words_of((1, 2), 2)[:1]
    True
    """
    source = numpy.random.SeedSequence([number & 0xFFFFFFFFFFFFFFFF for number in key])
    return [int(word) for word in source.generate_state(count, numpy.uint64)]
