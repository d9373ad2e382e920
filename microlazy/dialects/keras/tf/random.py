"""tf.random: arrays of random numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .... import numpy as np
from .... import random

__all__ = ["normal", "set_seed", "uniform"]


def set_seed(seed: int) -> None:
    """Start the generator's sequence anew.

    Examples
    --------
    >>> set_seed(3)
    """
    random.seed(seed)


def uniform(
    shape: Sequence[int], minval: float = 0.0, maxval: float = 1.0, dtype: str = "float32"
) -> Any:
    """Numbers between two.

    Parameters
    ----------
    shape : tuple of int
        Of the array.
    minval, maxval : float
        The least, and what they stay below.
    dtype : str
        Of the array.

    Examples
    --------
    >>> uniform((2, 20)).shape
    (2, 20)
    """
    return np.random.uniform(minval, maxval, tuple(shape), dtype=dtype)


def normal(
    shape: Sequence[int], mean: float = 0.0, stddev: float = 1.0, dtype: str = "float32"
) -> Any:
    """Normally distributed numbers.

    Parameters
    ----------
    shape : tuple of int
        Of the array.
    mean, stddev : float
        Mean and standard deviation.
    dtype : str
        Of the array.

    Examples
    --------
    >>> normal((2, 3)).shape
    (2, 3)
    """
    return np.random.normal(mean, stddev, tuple(shape), dtype=dtype)
