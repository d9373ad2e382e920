"""Sizes that a file leaves open, such as that of the batch.

What depends on them is found by doing everything twice, with two different sizes for each: what
comes out the same is fixed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

__all__ = ["Pair", "Shape", "assumed", "fixed", "is_free"]

Shape = tuple[int | str, ...]  # a text is the name of a free size

# Two sizes for each of the first free ones: no product of some is another.
_SMALL = ((3, 5), (7, 11), (13, 17), (19, 23), (29, 31), (37, 41), (43, 47), (53, 59))
_LARGE = ((2, 3), (64, 96), (80, 112), (128, 160), (144, 176), (192, 208), (224, 240), (256, 272))


class Pair(NamedTuple):
    """A shape in both runs.

    Examples
    --------
    >>> from microlazy.onnx.free_sizes import Pair
    >>> Pair((3, 8), (5, 8)).first
    (3, 8)
    """

    first: tuple[int, ...]
    second: tuple[int, ...]


def fixed(pair: Pair) -> tuple[int | None, ...]:
    """The sizes that are the same in both runs; None for those that are free.

    Examples
    --------
    >>> from microlazy.onnx.free_sizes import Pair, fixed
    >>> fixed(Pair((3, 8), (5, 8)))
    (None, 8)
    """
    return tuple(a if a == b else None for a, b in zip(*pair, strict=True))


def is_free(shapes: Sequence[Shape]) -> bool:
    """Whether some size has a name instead of a number.

    Examples
    --------
    >>> from microlazy.onnx.free_sizes import is_free
    >>> is_free([("batch", 3)]), is_free([(2, 3)])
    (True, False)
    """
    return any(isinstance(size, str) for shape in shapes for size in shape)


def assumed(shapes: Sequence[Shape]) -> Iterator[dict[str, tuple[int, int]]]:
    """Two sizes for each name: first small ones, then some that are large enough for images.

    Parameters
    ----------
    shapes : sequence of tuple of int or str

    Examples
    --------
    >>> from microlazy.onnx.free_sizes import assumed
    >>> list(assumed([("batch", 3)]))
    [{'batch': (3, 5)}, {'batch': (2, 3)}]
    """
    names = list(dict.fromkeys(size for shape in shapes for size in shape if isinstance(size, str)))
    for sizes in (_SMALL, _LARGE):
        extra = [(301 + 2 * i, 402 + 4 * i) for i in range(len(names))]
        yield dict(zip(names, [*sizes, *extra], strict=False))
