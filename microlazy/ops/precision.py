"""The precision in which layers compute."""

import functools
from collections.abc import Callable
from typing import Any

import numpy

from microlazy.core import functions as f
from microlazy.core.functions import has_half
from microlazy.core.tensor import Tensor
from microlazy.ops.checks import check_floats


def _converted(value: Any, source: str, target: str) -> Any:
    if isinstance(value, Tensor) and numpy.dtype(value.dtype) == source:
        return f.as_dtype(value, target)
    if isinstance(value, list):
        return [_converted(item, source, target) for item in value]
    return value


def half_in_single(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compute a function of float16 arrays in float32, and give its float32 results in float16.

    LAPACK and the samplers have no float16. Arrays of other dtypes pass as they are.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.precision import half_in_single
    >>> @half_in_single
    ... def both(x):
    ...     return x, x.dtype.name
    >>> both(np.ones(1, dtype="float16"))
    (array([1.], dtype=float16), 'float32')
    """

    @functools.wraps(function)
    def wide(*args: Any, **kwargs: Any) -> Any:
        if not (has_half(*args) or (kwargs and has_half(*kwargs.values()))):
            return function(*args, **kwargs)
        arrays = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor)]
        args = tuple(_converted(x, "float16", "float32") for x in args)
        kwargs = {name: _converted(x, "float16", "float32") for name, x in kwargs.items()}
        result = function(*args, **kwargs)
        if any(x.dtype in (numpy.float32, numpy.float64) for x in arrays):
            return result
        if isinstance(result, tuple):
            return tuple(_converted(x, "float32", "float16") for x in result)
        return _converted(result, "float32", "float16")

    return wide


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
