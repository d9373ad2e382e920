"""Activation functions that Keras and Flax call alike."""

from __future__ import annotations

from typing import Any

from .. import numpy_extension as npx


def elu(x: Any, alpha: float = 1.0) -> Any:
    """x where it is positive, ``alpha * (exp(x) - 1)`` elsewhere.

    Examples
    --------
    >>> from microlazy import np
    >>> elu(np.array([-1.0, 2.0])).round(2)
    array([-0.63,  2.  ])
    """
    return npx.leaky_relu(x, act_type="elu", slope=alpha)


def selu(x: Any) -> Any:
    """The scaled `elu` of self-normalizing networks (Klambauer et al. 2017)."""
    return npx.leaky_relu(x, act_type="selu")
