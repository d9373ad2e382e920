"""Ops whose gradient is not the derivative of what they compute: losses that give their own, steps.

The value is computed off the tape, and a node hands it on with another rule for the way back.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy

from microlazy.core import functions as _f
from microlazy.core.ops.numpy_call import call
from microlazy.core.tensor import Tensor

A = TypeVar("A", bound=Tensor)


def _value(x: numpy.ndarray, value: numpy.ndarray, *others: numpy.ndarray, **options: Any) -> Any:
    return value


def _value_shape(x: Tensor, value: Tensor, *others: Tensor, **options: Any) -> tuple[Any, Any]:
    return value.shape, value.dtype


def with_gradient(rule: Callable[..., Any], x: A, value: A, *others: A, **options: Any) -> A:
    """Return `value`, with a rule for the gradient by x.

    Parameters
    ----------
    rule : callable
        ``rule(g, y, x, value, *others, **options)`` gives the gradient by x from the gradient g
        of the result y.
    x : array
    value : array
        What was computed from x; no gradient passes through it.
    others : arrays
        What else the rule needs.
    options : plain values

    Examples
    --------
    >>> from microlazy import autograd, np
    >>> from microlazy.ops.surrogate_gradient import scaled, with_gradient
    >>> x = np.array([1.2, 2.7])
    >>> x.attach_grad()
    >>> with autograd.record():
    ...     y = with_gradient(scaled, x, np.floor(x), scale=3.0)
    >>> y.backward()
    >>> y, x.grad
    (array([1., 2.]), array([3., 3.]))
    """
    rules = (rule, None) + (None,) * len(others)
    return call(_value, [x, _f.detach(value), *others], options, rules, _value_shape)


def scaled(g: A, y: A, x: A, value: A, scale: float = 1.0) -> A:
    """The result's gradient times a number: that of the identity, for scale 1."""
    return g if scale == 1.0 else g * scale
