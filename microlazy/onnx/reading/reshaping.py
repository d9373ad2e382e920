"""Reshape as MXNet writes it, so that sizes that are free stay so."""

from __future__ import annotations

from microlazy.onnx.free_sizes import Pair

__all__ = ["codes"]

Sizes = tuple[int, int]  # in both runs


def codes(given: Pair, wanted: Pair) -> tuple[int, ...] | None:
    """The shape attribute of MXNet's Reshape that makes one shape of another in both runs.

    Sizes are numbers, or 0 as it was, -1 the rest, -3 two joined, -4 one taken apart.

    Parameters
    ----------
    given, wanted : Pair

    Returns
    -------
    tuple of int or None
        None if there is none.

    Examples
    --------
    >>> from microlazy.onnx.free_sizes import Pair
    >>> from microlazy.onnx.reading.reshaping import codes
    >>> codes(Pair((3, 8), (5, 8)), Pair((3, 2, 4), (5, 2, 4)))
    (0, 2, 4)
    >>> codes(Pair((3, 7, 8), (5, 11, 8)), Pair((21, 8), (55, 8)))
    (-1, 8)
    """
    before, after = list(zip(*given, strict=True)), list(zip(*wanted, strict=True))
    return _in_place(before, after) or _by_walk(before, after)


def _in_place(before: list[Sizes], after: list[Sizes]) -> tuple[int, ...] | None:
    """Numbers, sizes that are at the same place, and one that is left."""
    found = []
    for place, sizes in enumerate(after):
        if sizes[0] == sizes[1] > 0:
            found.append(sizes[0])
        elif place < len(before) and before[place] == sizes:
            found.append(0)
        else:
            found.append(-1)
    return tuple(found) if found.count(-1) <= 1 else None


def _product(a: Sizes, b: Sizes) -> Sizes:
    return a[0] * b[0], a[1] * b[1]


def _by_walk(before: list[Sizes], after: list[Sizes]) -> tuple[int, ...] | None:
    """From left to right: a size is kept, or joined with the next, or taken apart in two."""
    found: list[int] = []
    i = j = 0
    while j < len(after):
        if i < len(before) and before[i] == after[j]:
            found.append(0)
            i, j = i + 1, j + 1
        elif i + 1 < len(before) and _product(before[i], before[i + 1]) == after[j]:
            found.append(-3)
            i, j = i + 2, j + 1
        elif i < len(before) and j + 1 < len(after) and _product(*after[j : j + 2]) == before[i]:
            parts = [a if a == b else -1 for a, b in after[j : j + 2]]
            if parts.count(-1) > 1:
                return None
            found += [-4, *parts]
            i, j = i + 1, j + 2
        else:
            return None
    return tuple(found) if i == len(before) else None
