"""What the initializers of Keras and Flax share: their order of axes, and variances of kernels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy

from ..core.tensor import Tensor
from ..gluon.parameter.parameter import to_numpy
from ..initializer import Initializer, Normal, TruncNorm, Uniform

Axes = tuple[int, ...] | None

# The deviation of a standard normal distribution that is cut at two deviations.
_CUT = 0.87962566103423978


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """How many inputs and outputs a kernel (..., in, out) has, its window counted.

    Examples
    --------
    >>> fans((3, 3, 4, 8))
    (36, 72)
    """
    if len(shape) < 2:
        size = shape[0] if shape else 1
        return size, size
    window = math.prod(shape[:-2])
    return shape[-2] * window, shape[-1] * window


def scaled_to(shape: Sequence[int], scale: float, mode: str, distribution: str) -> Initializer:
    """Gluon's initializer whose values have the variance ``scale / fan`` for a kernel of a shape.

    Parameters
    ----------
    shape : tuple of int
        As in `fans`.
    scale : float
        Above 0.
    mode : {"fan_in", "fan_out", "fan_avg"}
        What is divided by.
    distribution : {"uniform", "normal", "truncated_normal"}

    Examples
    --------
    >>> scaled_to((20, 10), 1.0, "fan_avg", "uniform")
    Uniform(scale=0.4472135954999579)
    """
    fan_in, fan_out = fans(shape)
    fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
    variance = scale / max(1.0, fan)
    if distribution == "uniform":
        return Uniform(math.sqrt(3 * variance))
    if distribution == "truncated_normal":
        return TruncNorm(stdev=math.sqrt(variance) / _CUT)
    return Normal(math.sqrt(variance))


class InOrder(Initializer):
    """Values made for another order of axes, put into a parameter of Gluon.

    Parameters
    ----------
    make : callable
        Called as ``make(shape, dtype=name)``, it returns an array.
    axes : tuple of int or None
        The parameter's axes in the order that `make` knows; None if they are the same.

    Raises
    ------
    ValueError
        When it is used, if `make` returns another shape than it was asked for.

    Examples
    --------
    >>> from microlazy import gluon
    >>> def rows(shape, dtype):
    ...     return numpy.arange(math.prod(shape), dtype=dtype).reshape(shape)
    >>> weight = gluon.Parameter("weight", shape=(2, 3), init=InOrder(rows, (1, 0)))
    >>> weight.initialize()
    >>> weight.data().asnumpy()
    array([[0., 2., 4.],
           [1., 3., 5.]], dtype=float32)
    """

    def __init__(self, make: Callable[..., Any], axes: Axes) -> None:
        super().__init__(make=make, axes=axes)
        self._make, self._axes = make, axes

    def __repr__(self) -> str:
        return getattr(self._make, "__name__", type(self._make).__name__)

    def _init_weight(self, name: str, arr: Tensor) -> None:
        shape = tuple(in_order(arr, self._axes).shape)
        values = to_numpy(self._make(shape, dtype=numpy.dtype(arr.dtype).name))
        if values.shape != shape:
            raise ValueError(
                f"the initializer of {name} was asked for shape {shape}, but returned "
                f"{values.shape}"
            )
        arr[...] = from_order(values, self._axes).astype(arr.dtype)


def in_order(array: Any, axes: Axes) -> Any:
    """An array of a parameter of Gluon with its axes in the order of a dialect.

    Examples
    --------
    >>> in_order(numpy.ones((8, 3, 3, 2)), (1, 2, 3, 0)).shape
    (3, 3, 2, 8)
    """
    return array if axes is None else array.transpose(*axes)


def from_order(array: Any, axes: Axes) -> Any:
    """An array of a dialect with its axes in the order of Gluon: what `in_order` changes, back.

    Examples
    --------
    >>> from_order(numpy.ones((3, 3, 2, 8)), (1, 2, 3, 0)).shape
    (8, 3, 3, 2)
    """
    return (
        array if axes is None else array.transpose(*sorted(range(len(axes)), key=axes.__getitem__))
    )
