"""Pooling, with the channels last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from .... import numpy as np
from .... import numpy_extension as npx
from ...windows import padded
from ._layers import LAYOUTS, padding_of, sizes_of

__all__ = ["avg_pool", "max_pool"]


def max_pool(
    inputs: Any,
    window_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: Any = "VALID",
) -> Any:
    """The largest element of each window, channels last.

    Parameters
    ----------
    inputs : array
        Of shape (batch, ..., channels).
    window_shape : tuple of int
        The window, for each axis between.
    strides : tuple of int, optional
        Steps of the window; 1 by default.
    padding : {"SAME", "VALID"}, int, or sequence of int or of pairs of int
        As in `Conv`; what is added does not count.

    Examples
    --------
    >>> max_pool(np.ones((1, 4, 4, 2)), (2, 2), (2, 2)).shape
    (1, 2, 2, 2)
    """
    return _pool("max", inputs, window_shape, strides, padding, -numpy.inf)


def avg_pool(
    inputs: Any,
    window_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: Any = "VALID",
    count_include_pad: bool = True,
) -> Any:
    """The mean of each window, channels last.

    Parameters
    ----------
    inputs, window_shape, strides, padding
        As in `max_pool`.
    count_include_pad : bool
        Whether what is added counts, as zeros.

    Examples
    --------
    >>> avg_pool(np.ones((1, 3, 3, 1)), (2, 2), padding="SAME")[0, 2, 2]
    array([0.25])
    """
    out = _pool("avg", inputs, window_shape, strides, padding, 0.0)
    if count_include_pad:
        return out
    return out / _pool("avg", np.ones_like(inputs), window_shape, strides, padding, 0.0)


def _pool(
    kind: str, x: Any, window: Sequence[int], strides: Any, padding: Any, outside: float
) -> Any:
    options: dict[str, Any] = {
        "kernel": tuple(window),
        "stride": sizes_of(strides, len(window)),
        "layout": LAYOUTS[len(window)],
    }
    return npx.pooling(
        padded(x, padding_of(padding, x, options), outside), pool_type=kind, **options
    )
