"""Seeds, names and one-hot rows."""

from __future__ import annotations

import random as python_random
from typing import TYPE_CHECKING, Any

import numpy

from ... import random
from ._absent import teller
from ._layer import forget_names

__all__ = ["clear_session", "set_random_seed", "to_categorical"]


def set_random_seed(seed: int) -> None:
    """Seed the generators of Python, NumPy and microlazy.

    Parameters
    ----------
    seed : int
        Equal seeds give equal numbers.

    Examples
    --------
    >>> from microlazy.dialects.keras import tf
    >>> set_random_seed(1)
    >>> x = tf.random.uniform((2,))
    >>> set_random_seed(1)
    >>> bool((x == tf.random.uniform((2,))).all())
    True
    """
    python_random.seed(seed)
    numpy.random.seed(seed)
    random.seed(seed)


def clear_session() -> None:
    """Let automatic names of layers begin anew.

    Examples
    --------
    >>> from microlazy.dialects.keras import layers
    >>> clear_session()
    >>> layers.Dense(3).name, layers.Dense(3).name
    ('dense', 'dense_1')
    """
    forget_names()


def to_categorical(x: Any, num_classes: int | None = None) -> numpy.ndarray:
    """One-hot rows of class numbers.

    Parameters
    ----------
    x : array of int
        The numbers.
    num_classes : int, optional
        One more than the largest by default.

    Returns
    -------
    numpy.ndarray of float32

    Examples
    --------
    >>> to_categorical([1, 0], 3)
    array([[0., 1., 0.],
           [1., 0., 0.]], dtype=float32)
    """
    numbers = numpy.asarray(x, dtype=int)
    return numpy.eye(num_classes or numbers.max() + 1, dtype="float32")[numbers]


if not TYPE_CHECKING:  # a type checker would take it for a promise
    __getattr__ = teller(__name__, __all__)
