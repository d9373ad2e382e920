"""Optimizers by Keras' names and numbers; Gluon's Trainer moves the weights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ... import autograd
from ... import optimizer as gluon
from ...gluon import Trainer
from ...lr_scheduler import LRScheduler
from ._absent import teller
from ._lookup import found
from ._variable import Variable

__all__ = ["SGD", "Adam", "AdamW", "Adamax", "Optimizer", "RMSprop", "get"]


class Optimizer:
    """What moves weights along their gradients.

    Parameters
    ----------
    name : str
        Of Gluon's optimizer.
    learning_rate : float or LRScheduler
        Step size; or a schedule of `microlazy.lr_scheduler`.
    clipvalue : float, optional
        Gradients are cut to ``[-clipvalue, clipvalue]``.
    **numbers
        Further arguments of Gluon's optimizer.

    Examples
    --------
    >>> SGD(learning_rate=0.1).learning_rate
    0.1
    """

    def __init__(
        self,
        name: str,
        learning_rate: float | LRScheduler,
        clipvalue: float | None = None,
        **numbers: Any,
    ) -> None:
        if isinstance(learning_rate, LRScheduler):
            rate = {"learning_rate": learning_rate.base_lr, "lr_scheduler": learning_rate}
        else:
            rate = {"learning_rate": learning_rate}
        self._gluon = gluon.create(name, clip_gradient=clipvalue, **rate, **numbers)
        self._trainer: Trainer | None = None

    @property
    def learning_rate(self) -> float:
        """The step size of the next step."""
        return self._gluon.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._gluon.set_learning_rate(float(value))

    def build(self, variables: Iterable[Variable]) -> None:
        """Say which weights are moved.

        Parameters
        ----------
        variables : iterable of Variable
            The weights.
        """
        self._trainer = Trainer([v.parameter for v in variables], self._gluon)

    @property
    def built(self) -> bool:
        """Whether it knows which weights it moves."""
        return self._trainer is not None

    def step(self) -> None:
        """Move the weights by the gradients that a backward pass left in them."""
        self._trainer.step(1, ignore_stale_grad=True)  # type: ignore[union-attr]

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> None:
        """Move weights by gradients.

        Parameters
        ----------
        grads_and_vars : iterable of (array, Variable)
            A gradient of the weight's shape, or None, for each weight: what
            ``zip(tape.gradient(loss, weights), weights)`` gives.

        Examples
        --------
        >>> from microlazy.dialects.keras import layers, tf
        >>> layer = layers.Dense(1, kernel_initializer="ones")
        >>> with tf.GradientTape() as tape:
        ...     loss = tf.reduce_sum(layer(tf.ones((1, 2))))
        >>> weights = layer.trainable_weights
        >>> SGD(0.5).apply_gradients(zip(tape.gradient(loss, weights), weights))
        >>> layer.get_weights()
        [array([[0.5],
               [0.5]], dtype=float32), array([-0.5], dtype=float32)]
        """
        pairs = [(grad, variable) for grad, variable in grads_and_vars if grad is not None]
        with autograd.pause():
            for grad, variable in pairs:
                variable.take_grad(grad)
        if not self.built:
            self.build(variable for _, variable in pairs)
        self.step()


class SGD(Optimizer):
    """Gradient descent, with momentum, Nesterov's if asked for (Sutskever et al. 2013).

    Examples
    --------
    >>> type(SGD(momentum=0.9, nesterov=True)._gluon).__name__
    'NAG'
    """

    def __init__(
        self,
        learning_rate: float | LRScheduler = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        clipvalue: float | None = None,
    ) -> None:
        super().__init__("nag" if nesterov else "sgd", learning_rate, clipvalue, momentum=momentum)


class RMSprop(Optimizer):
    """RMSProp (Tieleman and Hinton 2012)."""

    def __init__(
        self,
        learning_rate: float | LRScheduler = 0.001,
        rho: float = 0.9,
        epsilon: float = 1e-7,
        clipvalue: float | None = None,
    ) -> None:
        super().__init__("rmsprop", learning_rate, clipvalue, gamma1=rho, epsilon=epsilon)


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015)."""

    def __init__(
        self,
        learning_rate: float | LRScheduler = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        clipvalue: float | None = None,
    ) -> None:
        super().__init__(
            "adam", learning_rate, clipvalue, beta1=beta_1, beta2=beta_2, epsilon=epsilon
        )


class AdamW(Optimizer):
    """Adam with weight decay apart from the gradient (Loshchilov and Hutter 2019)."""

    def __init__(
        self,
        learning_rate: float | LRScheduler = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        clipvalue: float | None = None,
    ) -> None:
        super().__init__(
            "adamw",
            learning_rate,
            clipvalue,
            wd=weight_decay,
            beta1=beta_1,
            beta2=beta_2,
            epsilon=epsilon,
        )


class Adamax(Optimizer):
    """Adam with the largest gradient in place of the variance (Kingma and Ba 2015)."""

    def __init__(
        self,
        learning_rate: float | LRScheduler = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        clipvalue: float | None = None,
    ) -> None:
        super().__init__("adamax", learning_rate, clipvalue, beta1=beta_1, beta2=beta_2)


_BY_NAME: dict[str, type[Optimizer]] = {
    "adam": Adam,
    "adamax": Adamax,
    "adamw": AdamW,
    "rmsprop": RMSprop,
    "sgd": SGD,
}


def get(identifier: Any) -> Optimizer:
    """An optimizer by its name.

    Raises
    ------
    ValueError
        If there is none of that name.

    Examples
    --------
    >>> type(get("adam")).__name__
    'Adam'
    """
    if isinstance(identifier, Optimizer):
        return identifier
    return found("optimizer", identifier, _BY_NAME)()


if not TYPE_CHECKING:  # a type checker would take it for a promise
    __getattr__ = teller(__name__, __all__)
