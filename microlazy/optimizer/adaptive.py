"""Optimizers that find a step size for each element: Adam, RMSProp and their kin."""

from __future__ import annotations

from typing import Any

from ..core.rules import Rule
from .base import Optimizer, number, register

__all__ = [
    "FTML",
    "AdaBelief",
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "GroupAdaGrad",
    "Nadam",
    "RMSProp",
]


@register
class Adam(Optimizer):
    """Adam (Kingma and Ba 2015, algorithm 1, with the step size of its section 2).

    With ``g = clip(rescale_grad * grad + wd * weight)`` at update `t`::

        mean = beta1 * mean + (1 - beta1) * g
        var = beta2 * var + (1 - beta2) * g ** 2
        weight -= lr * sqrt(1 - beta2 ** t) / (1 - beta1 ** t) * mean / (sqrt(var) + epsilon)

    Parameters
    ----------
    learning_rate : float
        Step size.
    beta1, beta2 : float
        Decay of the mean and of the variance; at least 0 and below 1.
    epsilon : float
        Keeps the division finite.
    lazy_update : bool
        Accepted as in MXNet; only sparse gradients would make a difference.
    **kwargs
        As in `Optimizer`.

    Examples
    --------
    >>> from microlazy import nd, optimizer
    >>> adam = optimizer.Adam(learning_rate=0.25)
    >>> weight = nd.array([1, 2])
    >>> adam.update(0, weight, nd.array([3, -4]), adam.create_state(0, weight))
    >>> weight.asnumpy().round(4)
    array([0.75, 2.25], dtype=float32)
    """

    rule = Rule(
        """
        g = clip(rescale_grad * grad + wd * weight, clip_gradient)
        mean = beta1 * mean + (1 - beta1) * g
        var = beta2 * var + (1 - beta2) * g * g
        weight -= lr * mean / (sqrt(var) + epsilon)
        """,
        states="mean var",
        numbers="lr *= sqrt(1 - beta2**t) / (1 - beta1**t)",
        function="adam_update(lr, beta1=0.9, beta2=0.999, epsilon=1e-8, wd=0.0, rescale_grad=1.0, "
        "clip_gradient=-1.0, lazy_update=True)",
        summary="a step of Adam, without correction of bias (Kingma and Ba 2014)",
    )

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        lazy_update: bool = True,
        **kwargs: Any,
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta1 = number("beta1", beta1, least=0.0, below=1.0)
        self.beta2 = number("beta2", beta2, least=0.0, below=1.0)
        self.epsilon = number("epsilon", epsilon, least=0.0)
        self.lazy_update = lazy_update


class _Decoupled(Optimizer):
    """What AdamW and AdaBelief share: their numbers."""

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-6,
        correct_bias: bool = True,
        **kwargs: Any,
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta1 = number("beta1", beta1, least=0.0, below=1.0)
        self.beta2 = number("beta2", beta2, least=0.0, below=1.0)
        self.epsilon = number("epsilon", epsilon, least=0.0)
        self.correct_bias = bool(correct_bias)


@register
class AdamW(_Decoupled):
    """Adam with weight decay apart from the gradient (Loshchilov and Hutter 2019, algorithm 2).

    With ``g = clip(rescale_grad * grad)`` at update `t`::

        mean = beta1 * mean + (1 - beta1) * g
        var = beta2 * var + (1 - beta2) * g ** 2
        step = mean / (1 - beta1 ** t) / (sqrt(var / (1 - beta2 ** t)) + epsilon)
        weight -= lr * (step + wd * weight)

    Parameters
    ----------
    learning_rate : float
        Step size.
    beta1, beta2 : float
        Decay of the mean and of the variance; at least 0 and below 1.
    epsilon : float
        Keeps the division finite.
    correct_bias : bool
        Divide by ``1 - beta ** t``.
    **kwargs
        As in `Optimizer`.

    Examples
    --------
    >>> from microlazy import nd, optimizer
    >>> adamw = optimizer.AdamW(learning_rate=0.25, wd=1.0)
    >>> weight = nd.array([1, 2])
    >>> adamw.update(0, weight, nd.array([3, -4]), adamw.create_state(0, weight))
    >>> weight.asnumpy().round(4)
    array([0.5 , 1.75], dtype=float32)
    """

    rule = Rule(
        """
        g = clip(rescale_grad * grad, clip_gradient)
        mean = beta1 * mean + (1 - beta1) * g
        var = beta2 * var + (1 - beta2) * g * g
        root = sqrt(1 / (1 - correct_bias * beta2**t) * var) + epsilon
        weight -= lr / (1 - correct_bias * beta1**t) * mean / root + lr * wd * weight
        """,
        states="mean var",
    )
    of_function = Rule(
        """
        g = clip(rescale_grad * grad, clip_gradient)
        mean = beta1 * mean + (1 - beta1) * g
        var = beta2 * var + (1 - beta2) * g * g
        weight -= eta * (lr * mean / (sqrt(var) + epsilon) + wd * weight)
        """,
        states="mean var",
        function="adamw_update(rescale_grad, lr, eta, beta1=0.9, beta2=0.999, epsilon=1e-8, "
        "wd=0.0, clip_gradient=-1.0)",
        summary="a step of Adam with weight decay apart (Loshchilov and Hutter 2019)",
    )


@register
class AdaBelief(_Decoupled):
    """AdaBelief (Zhuang et al. 2020, algorithm 2), with weight decay apart from the gradient.

    With ``g = clip(rescale_grad * grad)`` at update `t`::

        mean = beta1 * mean + (1 - beta1) * g
        var = beta2 * var + (1 - beta2) * (g - mean) ** 2 + epsilon
        step = mean / (1 - beta1 ** t) / (sqrt(var / (1 - beta2 ** t)) + epsilon)
        weight -= lr * (step + wd * weight)

    Parameters
    ----------
    learning_rate : float
        Step size.
    beta1, beta2 : float
        Decay of the mean and of the variance; at least 0 and below 1.
    epsilon : float
        Keeps the division finite.
    correct_bias : bool
        Divide by ``1 - beta ** t``.
    **kwargs
        As in `Optimizer`.

    Examples
    --------
    >>> from microlazy import nd, optimizer
    >>> adabelief = optimizer.AdaBelief(learning_rate=0.25)
    >>> weight = nd.array([1, 2])
    >>> adabelief.update(0, weight, nd.array([3, -4]), adabelief.create_state(0, weight))
    >>> weight.asnumpy().round(3)
    array([0.722, 2.278], dtype=float32)
    """

    rule = Rule(
        """
        g = clip(rescale_grad * grad, clip_gradient)
        mean = beta1 * mean + (1 - beta1) * g
        surprise = g - mean
        var = beta2 * var + (1 - beta2) * surprise * surprise + epsilon
        root = sqrt(1 / (1 - correct_bias * beta2**t) * var) + epsilon
        weight -= lr / (1 - correct_bias * beta1**t) * mean / root + lr * wd * weight
        """,
        states="mean var",
    )


@register
class Adamax(Optimizer):
    """Adam with the largest gradient in place of the variance (Kingma and Ba 2015, algorithm 2).

    With ``g = clip(rescale_grad * grad + wd * weight)`` at update `t`::

        mean = beta1 * mean + (1 - beta1) * g
        largest = maximum(beta2 * largest, abs(g))
        weight -= lr / (1 - beta1 ** t) * mean / largest

    Where all gradients were zero there is no step.

    Parameters
    ----------
    learning_rate : float
        Step size.
    beta1, beta2 : float
        Decay of the mean and of the largest; at least 0 and below 1.
    **kwargs
        As in `Optimizer`.

    Examples
    --------
    >>> from microlazy import nd, optimizer
    >>> adamax = optimizer.Adamax(learning_rate=0.25)
    >>> weight = nd.array([1, 2])
    >>> adamax.update(0, weight, nd.array([3, 0]), adamax.create_state(0, weight))
    >>> weight.asnumpy()
    array([0.75, 2.  ], dtype=float32)
    """

    # MXNet divides by zero where all gradients were zero; so small a divisor changes nothing else.
    rule = Rule(
        """
        g = clip(rescale_grad * grad + wd * weight, clip_gradient)
        mean = beta1 * mean + (1 - beta1) * g
        largest = maximum(beta2 * largest, abs(g))
        weight -= lr / (1 - beta1**t) * mean / maximum(largest, 1e-36)
        """,
        states="mean largest",
    )

    def __init__(
        self, learning_rate: float = 0.002, beta1: float = 0.9, beta2: float = 0.999, **kwargs: Any
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta1 = number("beta1", beta1, least=0.0, below=1.0)
        self.beta2 = number("beta2", beta2, least=0.0, below=1.0)


@register
class Nadam(Optimizer):
    """Adam with Nesterov's momentum (Dozat 2016, algorithm 2 with its schedule of the momentum).

    With ``g = clip(rescale_grad * grad + wd * weight)`` at update `t`, and
    ``beta(t) = beta1 * (1 - 0.96 ** (t * schedule_decay) / 2)``::

        m_schedule = m_schedule * beta(t)
        mean = beta1 * mean + (1 - beta1) * g
        var = beta2 * var + (1 - beta2) * g ** 2
        step = (1 - beta(t)) * g / (1 - m_schedule)
               + beta(t + 1) * mean / (1 - m_schedule * beta(t + 1))
        weight -= lr * step / (sqrt(var / (1 - beta2 ** t)) + epsilon)

    Parameters
    ----------
    learning_rate : float
        Step size.
    beta1, beta2 : float
        Decay of the mean and of the variance; at least 0 and below 1.
    epsilon : float
        Keeps the division finite.
    schedule_decay : float
        How fast the momentum grows to `beta1`.
    **kwargs
        As in `Optimizer`.

    Notes
    -----
    As in MXNet, `m_schedule` is one number for all weights, and is multiplied at every weight's
    update. The algorithm means a product for each weight; with one weight the two agree.

    Examples
    --------
    >>> from microlazy import nd, optimizer
    >>> nadam = optimizer.Nadam(learning_rate=0.25)
    >>> weight = nd.array([1, 2])
    >>> nadam.update(0, weight, nd.array([3, -4]), nadam.create_state(0, weight))
    >>> weight.asnumpy().round(3)
    array([0.736, 2.264], dtype=float32)
    """

    rule = Rule(
        """
        now = beta1 * (1 - 0.5 * 0.96 ** (t * schedule_decay))
        next = beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * schedule_decay))
        m_schedule *= now
        g = clip(rescale_grad * grad + wd * weight, clip_gradient)
        mean = beta1 * mean + (1 - beta1) * g
        var = beta2 * var + (1 - beta2) * g * g
        step = (1 - now) / (1 - m_schedule) * g + next / (1 - m_schedule * next) * mean
        weight -= lr * step / (sqrt(1 / (1 - beta2**t) * var) + epsilon)
        """,
        states="mean var",
        carried="m_schedule",
    )

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        schedule_decay: float = 0.004,
        **kwargs: Any,
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta1 = number("beta1", beta1, least=0.0, below=1.0)
        self.beta2 = number("beta2", beta2, least=0.0, below=1.0)
        self.epsilon = number("epsilon", epsilon, least=0.0)
        self.schedule_decay = number("schedule_decay", schedule_decay)
        self.m_schedule = 1.0


@register
class RMSProp(Optimizer):
    """RMSProp (Tieleman and Hinton 2012), or centered (Graves 2013, equations 38 to 45).

    With ``g = clip(rescale_grad * grad + wd * weight)``::

        n = gamma1 * n + (1 - gamma1) * g ** 2
        weight = clip(weight - lr * g / sqrt(n + epsilon))

    and centered, where `n` is computed in the same way::

        mean = gamma1 * mean + (1 - gamma1) * g
        delta = gamma2 * delta - lr * g / sqrt(n - mean ** 2 + epsilon)
        weight = clip(weight + delta)

    Parameters
    ----------
    learning_rate : float
        Step size.
    gamma1 : float
        Decay of the means; at least 0 and below 1.
    gamma2 : float
        Part of the last step that is made again, if centered; at least 0 and below 1.
    epsilon : float
        Keeps the division finite.
    centered : bool
        Divide by the deviation from the mean gradient.
    clip_weights : float, optional
        Weights are limited to ``[-clip_weights, clip_weights]``; None and zero limit nothing.
    **kwargs
        As in `Optimizer`.

    Examples
    --------
    >>> from microlazy import nd, optimizer
    >>> rmsprop = optimizer.RMSProp(learning_rate=0.25, gamma1=0.75)
    >>> weight = nd.array([1, 2])
    >>> rmsprop.update(0, weight, nd.array([3, -4]), rmsprop.create_state(0, weight))
    >>> weight.asnumpy()
    array([0.5, 2.5], dtype=float32)
    """

    plain = Rule(
        """
        g = clip(rescale_grad * grad + wd * weight, clip_gradient)
        n = gamma1 * n + (1 - gamma1) * g * g
        weight = clip(weight - lr * g / sqrt(n + epsilon), clip_weights)
        """,
        states="n",
        function="rmsprop_update(lr, gamma1=0.95, epsilon=1e-8, wd=0.0, rescale_grad=1.0, "
        "clip_gradient=-1.0, clip_weights=-1.0)",
        summary="a step of RMSProp (Tieleman and Hinton 2012)",
    )
    around_mean = Rule(
        """
        scaled = clip(rescale_grad * grad + wd * weight, clip_gradient)
        n = gamma1 * n + (1 - gamma1) * scaled * scaled
        g = gamma1 * g + (1 - gamma1) * scaled
        delta = gamma2 * delta - lr * scaled / sqrt(n - g * g + epsilon)
        weight = clip(weight + delta, clip_weights)
        """,
        states="n g delta",
        function="rmspropalex_update(lr, gamma1=0.95, gamma2=0.9, epsilon=1e-8, wd=0.0, "
        "rescale_grad=1.0, clip_gradient=-1.0, clip_weights=-1.0)",
        summary="a step of RMSProp as in Graves 2013, equations 38 to 45",
    )

    def __init__(
        self,
        learning_rate: float = 0.001,
        gamma1: float = 0.9,
        gamma2: float = 0.9,
        epsilon: float = 1e-8,
        centered: bool = False,
        clip_weights: float | None = None,
        **kwargs: Any,
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.gamma1 = number("gamma1", gamma1, least=0.0, below=1.0)
        self.gamma2 = number("gamma2", gamma2, least=0.0, below=1.0)
        self.epsilon = number("epsilon", epsilon, least=0.0)
        self.centered = bool(centered)
        self.clip_weights = None if clip_weights is None else number("clip_weights", clip_weights)

    @property
    def rule(self) -> Rule:
        return self.around_mean if self.centered else self.plain


@register
class AdaGrad(Optimizer):
    """AdaGrad (Duchi, Hazan and Singer 2011).

    With ``g = clip(rescale_grad * grad)``::

        history = history + g ** 2
        weight -= lr * (g / sqrt(history + eps) + wd * weight)

    Parameters
    ----------
    eps : float
        Keeps the division finite.
    **kwargs
        As in `Optimizer`.

    Examples
    --------
    >>> from microlazy import nd, optimizer
    >>> adagrad = optimizer.AdaGrad(learning_rate=0.25)
    >>> weight = nd.array([1, 2])
    >>> adagrad.update(0, weight, nd.array([3, -4]), adagrad.create_state(0, weight))
    >>> weight.asnumpy()
    array([0.75, 2.25], dtype=float32)
    """

    rule = Rule(
        """
        g = clip(rescale_grad * grad, clip_gradient)
        history += g * g
        weight -= lr * (g / sqrt(history + float_stable_eps) + wd * weight)
        """,
        states="history",
    )

    def __init__(self, eps: float = 1e-7, **kwargs: Any):
        super().__init__(**kwargs)
        self.float_stable_eps = number("eps", eps, least=0.0)


@register
class GroupAdaGrad(Optimizer):
    """AdaGrad with one history for each row of a weight, such as an embedding's.

    With ``g = clip(rescale_grad * grad)``::

        history = history + mean(g ** 2)  # over a row
        weight -= lr * g / sqrt(history + eps)

    Parameters
    ----------
    eps : float
        Keeps the division finite.
    **kwargs
        As in `Optimizer`; `wd` must be 0.

    Raises
    ------
    ValueError
        If `wd` is given; and at the first update, if a weight does not have two axes.

    Examples
    --------
    >>> from microlazy import nd, optimizer
    >>> adagrad = optimizer.GroupAdaGrad(learning_rate=0.25)
    >>> weight = nd.array([[1, 2], [3, 4]])
    >>> state = adagrad.create_state(0, weight)
    >>> adagrad.update(0, weight, nd.array([[2, -2], [0, 0]]), state)
    >>> weight.asnumpy().round(4)
    array([[0.75, 2.25],
           [3.  , 4.  ]], dtype=float32)
    >>> state.asnumpy().tolist()
    [[4.0], [0.0]]
    """

    rule = Rule(
        """
        g = clip(rescale_grad * grad, clip_gradient)
        history += mean(g * g)
        weight -= lr * g / sqrt(history + float_stable_eps)
        """,
        states="history",
        by_row=True,
    )

    def __init__(self, eps: float = 1e-5, **kwargs: Any):
        super().__init__(**kwargs)
        self.float_stable_eps = number("eps", eps, least=0.0)
        if self.wd:
            raise ValueError(f"GroupAdaGrad has no weight decay: wd must be 0, not {self.wd}")


@register
class AdaDelta(Optimizer):
    """AdaDelta (Zeiler 2012, algorithm 1); it needs no learning rate.

    With ``g = clip(rescale_grad * grad)``::

        acc_g = rho * acc_g + (1 - rho) * g ** 2
        step = sqrt(acc_delta + epsilon) / sqrt(acc_g + epsilon) * g
        acc_delta = rho * acc_delta + (1 - rho) * step ** 2
        weight -= step + wd * weight

    Parameters
    ----------
    rho : float
        Decay of the means; at least 0 and below 1.
    epsilon : float
        Keeps the division finite, and lets the first step begin.
    **kwargs
        As in `Optimizer`.

    Examples
    --------
    >>> from microlazy import nd, optimizer
    >>> adadelta = optimizer.AdaDelta(epsilon=1.0)
    >>> weight = nd.array([1, 2])
    >>> adadelta.update(0, weight, nd.array([3, -4]), adadelta.create_state(0, weight))
    >>> weight.asnumpy().round(4)
    array([-1.1764,  4.4807], dtype=float32)
    """

    rule = Rule(
        """
        g = clip(rescale_grad * grad, clip_gradient)
        acc_g = rho * acc_g + (1 - rho) * g * g
        step = sqrt(acc_delta + epsilon) / sqrt(acc_g + epsilon) * g
        acc_delta = rho * acc_delta + (1 - rho) * step * step
        weight -= step + wd * weight
        """,
        states="acc_g acc_delta",
    )

    def __init__(self, rho: float = 0.9, epsilon: float = 1e-5, **kwargs: Any):
        super().__init__(**kwargs)
        self.rho = number("rho", rho, least=0.0, below=1.0)
        self.epsilon = number("epsilon", epsilon, least=0.0)


@register
class Ftrl(Optimizer):
    """Follow the regularized leader (McMahan et al. 2013, algorithm 1): weights become zeros.

    With ``g = clip(rescale_grad * grad)``::

        z = z + g - (sqrt(n + g ** 2) - sqrt(n)) / lr * weight
        n = n + g ** 2
        weight = -sign(z) * maximum(abs(z) - lamda1, 0) / ((beta + sqrt(n)) / lr + wd)

    Parameters
    ----------
    lamda1 : float
        How strongly weights are drawn to zero; at least 0.
    learning_rate : float
        Step size.
    beta : float
        Keeps the first steps small.
    **kwargs
        As in `Optimizer`.

    Examples
    --------
    >>> from microlazy import nd, optimizer
    >>> ftrl = optimizer.Ftrl(learning_rate=0.25, lamda1=5.0)
    >>> weight = nd.array([1, 2])
    >>> ftrl.update(0, weight, nd.array([3, -4]), ftrl.create_state(0, weight))
    >>> weight.asnumpy()
    array([0.25, 1.55], dtype=float32)
    """

    rule = Rule(
        """
        g = clip(rescale_grad * grad, clip_gradient)
        before = n
        n = n + g * g
        z = z + g - (sqrt(n) - sqrt(before)) / lr * weight
        weight = -sign(z) * maximum(abs(z) - lamda1, 0) / ((beta + sqrt(n)) / lr + wd)
        """,
        states="z n",
        function="ftrl_update(lr, lamda1=0.01, beta=1.0, wd=0.0, rescale_grad=1.0, "
        "clip_gradient=-1.0)",
        summary="a step of FTRL (McMahan et al. 2013)",
    )

    def __init__(
        self, lamda1: float = 0.01, learning_rate: float = 0.1, beta: float = 1.0, **kwargs: Any
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.lamda1 = number("lamda1", lamda1, least=0.0)
        self.beta = number("beta", beta)


@register
class FTML(Optimizer):
    """Follow the moving leader (Zheng and Kwok 2017, algorithm 1).

    With ``g = clip(rescale_grad * grad + wd * weight)`` at update `t`::

        v = beta2 * v + (1 - beta2) * g ** 2
        new_d = (1 - beta1 ** t) / lr * (sqrt(v / (1 - beta2 ** t)) + epsilon)
        z = beta1 * z + (1 - beta1) * g - (new_d - beta1 * d) * weight
        d = new_d
        weight = -z / d

    Parameters
    ----------
    beta1, beta2 : float
        Decay of the mean and of the variance; at least 0 and below 1.
    epsilon : float
        Keeps the division finite.
    **kwargs
        As in `Optimizer`.

    Examples
    --------
    >>> from microlazy import nd, optimizer
    >>> ftml = optimizer.FTML(learning_rate=0.25)
    >>> weight = nd.array([1, 2])
    >>> ftml.update(0, weight, nd.array([3, -4]), ftml.create_state(0, weight))
    >>> weight.asnumpy().round(4)
    array([0.75, 2.25], dtype=float32)
    """

    rule = Rule(
        """
        g = clip(rescale_grad * grad + wd * weight, clip_grad)
        v = beta2 * v + (1 - beta2) * g * g
        new_d = (1 - beta1**t) / lr * (sqrt(v / (1 - beta2**t)) + epsilon)
        z = beta1 * z + (1 - beta1) * g - (new_d - beta1 * d) * weight
        d = new_d
        weight = -z / d
        """,
        states="d v z",
        function="ftml_update(lr, beta1=0.6, beta2=0.999, epsilon=1e-8, t=1, wd=0.0, "
        "rescale_grad=1.0, clip_grad=-1.0)",
        summary="a step of FTML (Zheng and Kwok 2017)",
    )

    def __init__(
        self, beta1: float = 0.6, beta2: float = 0.999, epsilon: float = 1e-8, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.beta1 = number("beta1", beta1, least=0.0, below=1.0)
        self.beta2 = number("beta2", beta2, least=0.0, below=1.0)
        self.epsilon = number("epsilon", epsilon, least=0.0)

    @property
    def clip_grad(self) -> float | None:
        """What `nd.ftml_update` calls `clip_gradient`."""
        return self.clip_gradient
