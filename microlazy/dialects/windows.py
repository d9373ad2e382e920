"""Padding of sliding windows as Keras and Flax name it: "same" and "valid"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import numpy as np


def same_padding(
    sizes: Sequence[int], window: Sequence[int], strides: Sequence[int], dilation: Sequence[int]
) -> list[tuple[int, int]]:
    """How much to add before and after each axis, so that there are ceil(size / stride) windows.

    Where the sum is odd, the greater part stands behind.

    Examples
    --------
    >>> same_padding((5, 6), (3, 2), (1, 1), (1, 1))
    [(1, 1), (0, 1)]
    """
    pairs = []
    for size, width, step, gap in zip(sizes, window, strides, dilation, strict=True):
        count = -(-size // step)
        total = max((count - 1) * step + (width - 1) * gap + 1 - size, 0)
        pairs.append((total // 2, total - total // 2))
    return pairs


def around(pairs: Sequence[tuple[int, int]]) -> tuple[int, ...] | None:
    """What is added on both sides of each axis; None if one side gets more.

    Examples
    --------
    >>> around([(1, 1), (2, 2)]), around([(0, 1)])
    ((1, 2), None)
    """
    if any(before != after for before, after in pairs):
        return None
    return tuple(before for before, _ in pairs)


def padded(x: Any, pairs: Sequence[tuple[int, int]], value: float = 0.0) -> Any:
    """Images with channels last, padded along their spatial axes.

    Examples
    --------
    >>> from microlazy import np
    >>> padded(np.ones((1, 2, 2, 1)), [(0, 1), (1, 1)]).shape
    (1, 3, 4, 1)
    """
    if not any(map(any, pairs)):
        return x
    return np.pad(x, ((0, 0), *pairs, (0, 0)), constant_values=value)
