"""Optimizers that go down the gradient, or down a momentum of it: SGD and its kin."""

from __future__ import annotations

from typing import Any

from ..core.rules import Rule
from .base import Optimizer, number, register

__all__ = ["DCASGD", "NAG", "SGD", "SGLD", "Signum", "Test", "ccSGD"]


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
class ccSGD(SGD):  # noqa: N801
    """MXNet's older name of `SGD`.

    Examples
    --------
    >>> from microlazy import optimizer
    >>> isinstance(optimizer.create("ccsgd"), optimizer.SGD)
    True
    """


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


@register
class SGLD(Optimizer):
    """Stochastic gradient Langevin dynamics (Welling and Teh 2011, equation 4).

    With ``g = clip(rescale_grad * grad)``, and noise drawn as by `random.normal`::

        weight = weight - lr / 2 * (g + wd * weight) + sqrt(lr) * noise

    Parameters
    ----------
    **kwargs
        As in `Optimizer`.

    Examples
    --------
    >>> import microlazy as mx
    >>> weight, zero = mx.nd.zeros(4), mx.nd.zeros(4)
    >>> mx.random.seed(1)
    >>> mx.optimizer.SGLD(learning_rate=1.0).update(0, weight, zero, None)
    >>> mx.random.seed(1)
    >>> bool((weight == mx.nd.random.normal(shape=4)).asnumpy().all())
    True
    """

    rule = Rule(
        """
        g = clip(rescale_grad * grad, clip_gradient)
        weight = weight - lr / 2 * (g + wd * weight) + lr**0.5 * normal()
        """
    )


@register
class DCASGD(Optimizer):
    """Gradient descent that makes up for a late gradient (Zheng et al. 2017, equation 10).

    With ``g = clip(rescale_grad * grad)``, where `previous` starts as the weight::

        mom = momentum * mom - lr * (g + wd * weight + lamda * g ** 2 * (weight - previous))
        previous = weight
        weight = weight + mom

    Parameters
    ----------
    momentum : float
        Part of the last step that is made again; at least 0.
    lamda : float
        How much is made up for.
    **kwargs
        As in `Optimizer`.

    Examples
    --------
    >>> from microlazy import nd, optimizer
    >>> dcasgd = optimizer.DCASGD(learning_rate=0.5, lamda=0.5)
    >>> weight = nd.array([1, 2])
    >>> state = dcasgd.create_state(0, weight)
    >>> for _ in range(2):
    ...     dcasgd.update(0, weight, nd.array([1, 2]), state)
    >>> weight.asnumpy()
    array([0.125, 1.   ], dtype=float32)
    """

    plain = Rule(
        """
        g = clip(rescale_grad * grad, clip_gradient)
        step = lr * (g + wd * weight + lamda * g * g * (weight - previous))
        previous = weight
        weight -= step
        """,
        states="previous=weight",
    )
    with_momentum = Rule(
        """
        g = clip(rescale_grad * grad, clip_gradient)
        mom = momentum * mom - lr * (g + wd * weight + lamda * g * g * (weight - previous))
        previous = weight
        weight += mom
        """,
        states="mom previous=weight",
    )

    def __init__(self, momentum: float = 0.0, lamda: float = 0.04, **kwargs: Any):
        super().__init__(**kwargs)
        self.momentum = number("momentum", momentum, least=0.0)
        self.lamda = number("lamda", lamda)

    @property
    def rule(self) -> Rule:
        return self.with_momentum if self.momentum else self.plain


@register
class Test(Optimizer):
    """An optimizer for tests: it adds the gradient, and remembers the weight.

    Parameters
    ----------
    **kwargs
        As in `Optimizer`; `rescale_grad` counts, the others change nothing.

    Examples
    --------
    >>> from microlazy import nd, optimizer
    >>> test, weight = optimizer.Test(), nd.array([1, 2])
    >>> state = test.create_state(0, weight)
    >>> test.update(0, weight, nd.array([1, 1]), state)
    >>> weight.asnumpy(), state.asnumpy()
    (array([2., 3.], dtype=float32), array([2., 3.], dtype=float32))
    """

    __test__ = False  # for pytest
    rule = Rule(
        """
        weight += rescale_grad * grad
        last = weight
        """,
        states="last",
    )
