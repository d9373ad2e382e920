"""Optimizers that go down the gradient, or down a momentum of it: SGD, NAG and Signum."""

from __future__ import annotations

from typing import Any

from ..core.rules import Rule
from .base import Optimizer, number, register

__all__ = ["NAG", "SGD", "Signum"]


@register
class SGD(Optimizer):
    """Stochastic gradient descent, with momentum and weight decay.

    With ``g = clip(rescale_grad * grad) + wd * weight``::

        mom = momentum * mom - lr * g
        weight = weight + mom

    Parameters
    ----------
    momentum : float
        Part of the last step that is made again; at least 0.
    lazy_update : bool
        Accepted as in MXNet; only sparse gradients would make a difference.
    **kwargs
        As in `Optimizer`.

    Examples
    --------
    >>> from microlazy import nd, optimizer
    >>> sgd = optimizer.SGD(learning_rate=0.25, momentum=0.5)
    >>> weight, grad = nd.array([1, 2]), nd.array([1, 2])
    >>> state = sgd.create_state(0, weight)
    >>> for _ in range(2):
    ...     sgd.update(0, weight, grad, state)
    >>> weight.asnumpy()
    array([0.375, 0.75 ], dtype=float32)
    """

    plain = Rule(
        """
        g = clip(rescale_grad * grad, clip_gradient) + wd * weight
        weight -= lr * g
        """,
        function="sgd_update(lr, wd=0.0, rescale_grad=1.0, clip_gradient=-1.0, lazy_update=True)",
        summary="a step of gradient descent",
    )
    with_momentum = Rule(
        """
        g = clip(rescale_grad * grad, clip_gradient) + wd * weight
        mom = momentum * mom - lr * g
        weight += mom
        """,
        states="mom",
        function="sgd_mom_update(lr, momentum=0.0, wd=0.0, rescale_grad=1.0, clip_gradient=-1.0, "
        "lazy_update=True)",
        summary="a step with momentum",
    )

    def __init__(self, momentum: float = 0.0, lazy_update: bool = True, **kwargs: Any):
        super().__init__(**kwargs)
        self.momentum = number("momentum", momentum, least=0.0)
        self.lazy_update = lazy_update

    @property
    def rule(self) -> Rule:
        return self.with_momentum if self.momentum else self.plain


@register
class NAG(Optimizer):
    """Nesterov's accelerated gradient descent (Sutskever et al. 2013, equations 3 and 4).

    With ``g = clip(rescale_grad * grad)``, where `mom` takes the decay of the new weight::

        step = lr * (g + wd * weight)
        weight = weight + momentum * (momentum * mom - step) - step
        mom = momentum * mom - lr * (g + wd * weight)

    Parameters
    ----------
    momentum : float
        Part of the last step that is made again; at least 0.
    **kwargs
        As in `Optimizer`.

    Examples
    --------
    >>> from microlazy import nd, optimizer
    >>> nag = optimizer.NAG(learning_rate=0.25, momentum=0.5)
    >>> weight, grad = nd.array([1, 2]), nd.array([1, 2])
    >>> nag.update(0, weight, grad, nag.create_state(0, weight))
    >>> weight.asnumpy()
    array([0.625, 1.25 ], dtype=float32)
    """

    # MXNet's optimizer, and we, compute `mom` from the weight just written; its function, which
    # returns a new weight, has only the old one.
    with_momentum = Rule(
        """
        g = clip(rescale_grad * grad, clip_gradient)
        step = lr * (g + wd * weight)
        weight = weight + momentum * (momentum * mom - step) - step
        mom = momentum * mom - lr * (g + wd * weight)
        """,
        states="mom",
    )
    of_function = Rule(
        """
        g = clip(rescale_grad * grad, clip_gradient) + wd * weight
        mom = momentum * mom - lr * g
        weight = weight + momentum * mom - lr * g
        """,
        states="mom",
        function="nag_mom_update(lr, momentum=0.0, wd=0.0, rescale_grad=1.0, clip_gradient=-1.0)",
        summary="a step with Nesterov's momentum",
    )

    def __init__(self, momentum: float = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.momentum = number("momentum", momentum, least=0.0)

    @property
    def rule(self) -> Rule:
        return self.with_momentum if self.momentum else SGD.plain


@register
class Signum(Optimizer):
    """Steps of one size, by the sign of a momentum (Bernstein et al. 2018).

    With ``g = clip(rescale_grad * grad)``::

        mom = momentum * mom - (1 - momentum) * (wd * weight + g)
        weight = (1 - lr * wd_lh) * weight + lr * sign(mom)

    Without momentum, ``weight = (1 - lr * wd) * weight - lr * sign(grad)``.

    Parameters
    ----------
    learning_rate : float
        Step size.
    momentum : float
        Decay of the momentum; at least 0 and below 1.
    wd_lh : float
        Weight decay apart from the gradient (Loshchilov and Hutter 2019).
    **kwargs
        As in `Optimizer`.

    Examples
    --------
    >>> from microlazy import nd, optimizer
    >>> signum = optimizer.Signum(learning_rate=0.25)
    >>> weight = nd.array([1, 2])
    >>> signum.update(0, weight, nd.array([3, -4]), signum.create_state(0, weight))
    >>> weight.asnumpy()
    array([0.75, 2.25], dtype=float32)
    """

    plain = Rule(
        "weight = (1 - lr * wd) * weight - lr * sign(grad)",
        function="signsgd_update(lr, wd=0.0, rescale_grad=1.0, clip_gradient=-1.0)",
        summary="a step by the sign of the gradient (Bernstein et al. 2018)",
    )
    with_momentum = Rule(
        """
        g = clip(rescale_grad * grad, clip_gradient)
        mom = momentum * mom - (1 - momentum) * (wd * weight + g)
        weight = (1 - lr * wd_lh) * weight + lr * sign(mom)
        """,
        states="mom",
        function="signum_update(lr, momentum=0.0, wd=0.0, rescale_grad=1.0, clip_gradient=-1.0, "
        "wd_lh=0.0)",
        summary="a step by the sign of the momentum (Bernstein et al. 2018)",
    )

    def __init__(
        self,
        learning_rate: float = 0.01,
        momentum: float = 0.9,
        wd_lh: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.momentum = number("momentum", momentum, least=0.0, below=1.0)
        self.wd_lh = number("wd_lh", wd_lh)

    @property
    def rule(self) -> Rule:
        return self.with_momentum if self.momentum else self.plain
