"""Optimizers for large batches, whose steps depend on the size of a weight: LARS, LAMB and kin."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..core.rules import Rule
from .base import Optimizer, number, register
from .group import Index

__all__ = ["LAMB", "LANS", "LARS", "LBSGD"]


@register
class LARS(Optimizer):
    """Layer-wise adaptive rates (You, Gitman and Ginsburg 2017, algorithm 1).

    With ``g = clip(rescale_grad * grad) + wd * weight`` and the 2-norms of a whole weight::

        trust = eta * norm(weight) / (norm(rescale_grad * grad) + wd * norm(weight) + eps)
        mom = momentum * mom - lr * trust * g
        weight = weight + mom

    `trust` is 1 where a norm is zero, and for weights that `param_idx2name` calls ``...gamma``,
    ``...beta`` or ``...bias``.

    Parameters
    ----------
    momentum : float
        Part of the last step that is made again; at least 0.
    lazy_update : bool
        Accepted as in MXNet; only sparse gradients would make a difference.
    eta : float
        Part of the weight's norm that a step may be.
    eps : float
        Keeps the division finite.
    momentum_correction : bool
        When the learning rate changes, change the momentum of that step by the same factor
        (Goyal et al. 2017, equation 10).
    **kwargs
        As in `Optimizer`.

    Examples
    --------
    >>> from microlazy import nd, optimizer
    >>> lars = optimizer.LARS(learning_rate=1.0, eta=0.5)
    >>> weight = nd.array([3, 4])
    >>> lars.update(0, weight, nd.array([0, -1]), lars.create_state(0, weight))
    >>> weight.asnumpy()
    array([3. , 6.5], dtype=float32)
    """

    plain = Rule(
        """
        w = norm(weight)
        g = norm(rescale_grad * grad)
        trust = ratio(eta * w * g, g * (g + wd * w + eps))
        rate = lr * (1 + mark * (trust - 1))
        weight -= rate * (clip(rescale_grad * grad, clip_gradient) + wd * weight)
        """
    )
    with_momentum = Rule(
        """
        w = norm(weight)
        g = norm(rescale_grad * grad)
        trust = ratio(eta * w * g, g * (g + wd * w + eps))
        rate = lr * (1 + mark * (trust - 1))
        step = clip(rescale_grad * grad, clip_gradient) + wd * weight
        mom = corrected_momentum * mom - rate * step
        weight += mom
        """,
        states="mom",
    )

    def __init__(
        self,
        momentum: float = 0.0,
        lazy_update: bool = True,
        eta: float = 0.001,
        eps: float = 0,
        momentum_correction: bool = True,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.momentum = number("momentum", momentum, least=0.0)
        self.lazy_update = lazy_update
        self.eta = number("eta", eta, least=0.0)
        self.eps = number("eps", eps, least=0.0)
        self.momentum_correction = bool(momentum_correction)
        self.last_lr: float | None = None

    @property
    def rule(self) -> Rule:
        return self.with_momentum if self.momentum else self.plain

    @property
    def corrected_momentum(self) -> float:
        """The momentum of the next step."""
        if not (self.momentum_correction and self.last_lr):
            return self.momentum
        return self.momentum * (self.learning_rate / self.last_lr)

    def _after_step(self, lr: float) -> None:
        self.last_lr = lr

    def _marks(self, indices: Sequence[Index]) -> list[float]:
        names = (str(self.idx2name.get(index, index)) for index in indices)
        return [float(not name.endswith(("gamma", "beta", "bias"))) for name in names]

    def set_wd_mult(self, args_wd_mult: dict[Index, float]) -> None:
        """Set factors of the weight decay for single weights, by index or name.

        Weights named in `param_idx2name` that do not end in ``_weight`` start from 0.

        Examples
        --------
        >>> from microlazy import optimizer
        >>> lars = optimizer.LARS(wd=0.5, param_idx2name={0: "a_weight", 1: "a_gamma"})
        >>> lars._get_wds([0, 1])
        [0.5, 0.0]
        """
        undecayed = (name for name in self.idx2name.values() if not name.endswith("_weight"))
        self.wd_mult = dict.fromkeys(undecayed, 0.0) | args_wd_mult


@register
class LBSGD(Optimizer):
    """Gradient descent for large batches: summed gradients, with a warmup of the learning rate.

    The gradients of `batch_scale` updates are summed before a step is made. At the weight's update
    `n`, counted from ``begin_epoch * updates_per_epoch``, the learning rate is multiplied by
    ``1 + (batch_scale - 1) * f``, where f rises to 1 in ``warmup_epochs * updates_per_epoch``
    updates (Goyal et al. 2017). By the strategy ``'lars'`` it is multiplied by
    ``sqrt(norm(weight)**2 / (norm(g)**2 + wd * norm(weight)**2))`` instead, within [0.01, 100].

    Parameters
    ----------
    momentum : float
        Part of the last step that is made again; at least 0.
    multi_precision : bool
        As in `Optimizer`.
    warmup_strategy : str
        'linear', 'power2' or 'sqrt', how f rises; 'lars'; with any other, f is 0 until it is 1.
    warmup_epochs, updates_per_epoch : int
        How long the warmup is.
    batch_scale : int
        How many gradients are summed; at least 1.
    begin_epoch : int
        The epoch to count from.
    num_epochs : int
        Accepted as in MXNet; it changes nothing.
    **kwargs
        As in `Optimizer`.

    Examples
    --------
    >>> from microlazy import nd, optimizer
    >>> lbsgd = optimizer.LBSGD(learning_rate=0.5, batch_scale=2, warmup_epochs=0)
    >>> weight = nd.array([1, 2])
    >>> update = optimizer.get_updater(lbsgd)
    >>> for _ in range(2):
    ...     update(0, nd.array([1, -1]), weight)
    >>> weight.asnumpy()
    array([0., 3.], dtype=float32)
    """

    # `due` is 1 where a step is made and 0 where gradients are summed only.
    with_warmup = Rule(
        """
        count = init_updates + t - begin_num_update
        due = 1 - minimum(count % batch_scale, 1)
        warmth = minimum(count / warmup_updates, 1) ** warmup_power
        rate = lr * (1 + (batch_scale - 1) * warmth)
        summed += grad
        g = clip(rescale_grad / batch_scale * summed, clip_gradient) + wd * weight
        mom = (1 - due) * mom + due * (momentum * mom - rate * g)
        weight += due * mom
        summed = (1 - due) * summed
        """,
        states="mom summed",
    )
    by_norms = Rule(
        """
        count = init_updates + t - begin_num_update
        due = 1 - minimum(count % batch_scale, 1)
        summed += grad
        w = norm(weight) ** 2
        trust = sqrt(w / (norm(1 / batch_scale * summed) ** 2 + wd * w + 1e-18))
        rate = lr * minimum(maximum(trust, 0.01), 100)
        g = clip(rescale_grad / batch_scale * summed, clip_gradient) + wd * weight
        mom = (1 - due) * mom + due * (momentum * mom - rate * g)
        weight += due * mom
        summed = (1 - due) * summed
        """,
        states="mom summed",
    )

    def __init__(
        self,
        momentum: float = 0.0,
        multi_precision: bool = False,
        warmup_strategy: str = "linear",
        warmup_epochs: int = 5,
        batch_scale: int = 1,
        updates_per_epoch: int = 32,
        begin_epoch: int = 0,
        num_epochs: int = 60,
        **kwargs: Any,
    ):
        super().__init__(multi_precision=multi_precision, **kwargs)
        self.momentum = number("momentum", momentum, least=0.0)
        self.warmup_strategy = warmup_strategy
        self.warmup_epochs = number("warmup_epochs", warmup_epochs, least=0)
        self.batch_scale = number("batch_scale", batch_scale, least=1)
        self.updates_per_epoch = number("updates_per_epoch", updates_per_epoch, least=0)
        self.init_updates = number("begin_epoch", begin_epoch, least=0) * updates_per_epoch
        self.num_epochs = num_epochs

    @property
    def warmup_updates(self) -> float:
        """How many updates the warmup lasts; at least 1."""
        return max(self.warmup_epochs * self.updates_per_epoch, 1)

    @property
    def warmup_power(self) -> float:
        """The power of the part of the warmup that is over."""
        return {"linear": 1.0, "power2": 2.0, "sqrt": 0.5}.get(self.warmup_strategy, math.inf)

    @property
    def rule(self) -> Rule:
        return self.by_norms if self.warmup_strategy == "lars" else self.with_warmup


class _Trusting(Optimizer):
    """What LAMB and LANS share: their numbers."""

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-6,
        lower_bound: float | None = None,
        upper_bound: float | None = None,
        **kwargs: Any,
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta1 = number("beta1", beta1, least=0.0, below=1.0)
        self.beta2 = number("beta2", beta2, least=0.0, below=1.0)
        self.epsilon = number("epsilon", epsilon, least=0.0)
        self.lower_bound = None if lower_bound is None else number("lower_bound", lower_bound)
        self.upper_bound = None if upper_bound is None else number("upper_bound", upper_bound)

    @property
    def least_norm(self) -> float:
        """The least that the norm of a weight counts as."""
        return self.lower_bound or 0.0


@register
class LAMB(_Trusting):
    """Adam with a step as large as the weight is (You et al. 2020, algorithm 2).

    With ``g = clip(rescale_grad * grad)`` at update `t`, and the 2-norms of a whole weight::

        mean = beta1 * mean + (1 - beta1) * g
        var = beta2 * var + (1 - beta2) * g ** 2
        step = mean / (1 - beta1 ** t) / (sqrt(var / (1 - beta2 ** t)) + epsilon) + wd * weight
        weight -= lr * norm(weight) / norm(step) * step

    The quotient of the norms is 1 where one of them is zero.

    Parameters
    ----------
    learning_rate : float
        Step size.
    beta1, beta2 : float
        Decay of the mean and of the variance; at least 0 and below 1.
    epsilon : float
        Keeps the division finite.
    lower_bound, upper_bound : float, optional
        Limits of ``norm(weight)``.
    bias_correction : bool
        Divide by ``1 - beta ** t``.
    **kwargs
        As in `Optimizer`.

    Examples
    --------
    >>> from microlazy import nd, optimizer
    >>> lamb = optimizer.LAMB(learning_rate=0.5)
    >>> weight = nd.array([3, 4])
    >>> lamb.update(0, weight, nd.array([1, -1]), lamb.create_state(0, weight))
    >>> weight.asnumpy().round(4)
    array([1.2322, 5.7678], dtype=float32)
    """

    rule = Rule(
        """
        g = clip(rescale_grad * grad, clip_gradient)
        mean = beta1 * mean + (1 - beta1) * g
        var = beta2 * var + (1 - beta2) * g * g
        root = sqrt(1 / (1 - bias_correction * beta2**t) * var) + epsilon
        step = 1 / (1 - bias_correction * beta1**t) * mean / root + wd * weight
        w = clip(maximum(norm(weight), least_norm), upper_bound)
        weight -= lr * ratio(w, norm(step)) * step
        """,
        states="mean var",
    )
    direction = Rule(
        """
        g = clip(rescale_grad * grad, clip_gradient)
        mean = beta1 * mean + (1 - beta1) * g
        var = beta2 * var + (1 - beta2) * g * g
        root = sqrt(1 / (1 - bias_correction * beta2**t) * var) + epsilon
        weight = 1 / (1 - bias_correction * beta1**t) * mean / root + wd * weight
        """,
        states="mean var",
        function="lamb_update_phase1(beta1=0.9, beta2=0.999, epsilon=1e-6, t=1, "
        "bias_correction=True, wd=0.0, rescale_grad=1.0, clip_gradient=-1.0)",
        summary="the first part of a step of LAMB (You et al. 2020): this is the step to make",
    )

    def __init__(self, *args: Any, bias_correction: bool = True, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.bias_correction = bool(bias_correction)


@register
class LANS(_Trusting):
    """LAMB with Nesterov's momentum and gradients of norm 1 (Zheng et al. 2020, algorithm 2).

    With ``g = clip(grad / norm(grad))`` at update `t`, and the 2-norms of a whole weight::

        mean = beta1 * mean + (1 - beta1) * g
        var = beta2 * var + (1 - beta2) * g ** 2
        root = sqrt(var / (1 - beta2 ** t)) + epsilon
        far = mean / (1 - beta1 ** t) / root + wd * weight
        near = g / root + wd * weight
        weight -= lr * norm(weight) * (beta1 * far / norm(far) + (1 - beta1) * near / norm(near))

    A quotient of norms is 1 where one of them is zero.

    Parameters
    ----------
    learning_rate : float
        Step size.
    beta1, beta2 : float
        Decay of the mean and of the variance; at least 0 and below 1.
    epsilon : float
        Keeps the division finite.
    lower_bound, upper_bound : float, optional
        Limits of ``norm(weight)``.
    **kwargs
        As in `Optimizer`.

    Examples
    --------
    >>> from microlazy import nd, optimizer
    >>> lans = optimizer.LANS(learning_rate=0.5)
    >>> weight = nd.array([3, 4])
    >>> lans.update(0, weight, nd.array([1, -1]), lans.create_state(0, weight))
    >>> weight.asnumpy().round(4)
    array([1.2322, 5.7678], dtype=float32)
    """

    rule = Rule(
        """
        g = clip(rescale_grad * ratio(1, norm(rescale_grad * grad)) * grad, clip_gradient)
        mean = beta1 * mean + (1 - beta1) * g
        var = beta2 * var + (1 - beta2) * g * g
        root = sqrt(1 / (1 - beta2**t) * var) + epsilon
        far = 1 / (1 - beta1**t) * mean / root + wd * weight
        near = g / root + wd * weight
        w = clip(maximum(norm(weight), least_norm), upper_bound)
        far_rate = lr * beta1 * ratio(w, norm(far))
        near_rate = lr * (1 - beta1) * ratio(w, norm(near))
        weight -= far_rate * far + near_rate * near
        """,
        states="mean var",
    )
