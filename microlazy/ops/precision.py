"""The precision in which layers compute."""

import functools
from collections.abc import Callable
from typing import Any

import numpy

from microlazy.core import functions as f
from microlazy.core.tensor import Tensor
from microlazy.ops.checks import check_floats


def _converted(value: Any, source: str, target: str) -> Any:
    if isinstance(value, Tensor) and numpy.dtype(value.dtype) == source:
        return f.as_dtype(value, target)
    if isinstance(value, list):
        return [_converted(item, source, target) for item in value]
    return value


def at_least_single(layer: Callable[..., Any]) -> Callable[..., Any]:
    """Compute a layer of float16 arrays in float32, and give its results in float16.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.precision import at_least_single
    >>> inside = []
    >>> @at_least_single
    ... def layer(x):
    ...     inside.append(x.dtype.name)
    ...     return x
    >>> layer(np.ones(2, dtype="float16")).dtype.name, inside
    ('float16', ['float32'])
    """

    @functools.wraps(layer)
    def wide(data: Tensor, *args: Any, **kwargs: Any) -> Any:
        check_floats(layer.__name__, data)
        if data.dtype != numpy.float16:
            return layer(data, *args, **kwargs)
        args = tuple(_converted(x, "float16", "float32") for x in (data, *args))
        kwargs = {name: _converted(x, "float16", "float32") for name, x in kwargs.items()}
        return _converted(layer(*args, **kwargs), "float32", "float16")

    return wide
