"""What is told of the course of `fit`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ._absent import teller

__all__ = ["Callback", "EarlyStopping", "History", "LambdaCallback"]

Logs = dict[str, float]


class Callback:
    """Base class: `fit` calls these methods with the numbers known so far.

    Examples
    --------
    >>> class Tell(Callback):
    ...     def on_epoch_end(self, epoch, logs):
    ...         print(epoch, sorted(logs))
    """

    model: Any = None

    def set_model(self, model: Any) -> None:
        """Learn which model is trained."""
        self.model = model

    def on_train_begin(self, logs: Logs) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs) -> None:
        """After the last epoch."""

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Before an epoch; the first is 0."""

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """After an epoch, with its loss, metrics and what validation gave."""

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """After a batch; the first is 0."""


class LambdaCallback(Callback):
    """Functions in the place of methods.

    Parameters
    ----------
    **methods
        Such as ``on_epoch_end=function``.

    Examples
    --------
    >>> LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch)).on_epoch_end(3, {})
    3
    """

    def __init__(self, **methods: Callable[..., None]) -> None:
        for name, method in methods.items():
            if not callable(getattr(Callback, name, None)):
                raise TypeError(f"LambdaCallback: there is no method {name!r} to be called")
            setattr(self, name, method)


class History(Callback):
    """The numbers of all epochs, which `fit` returns.

    Attributes
    ----------
    history : dict of str to list of float
        By name, in order.
    epoch : list of int
        The numbers of the epochs.

    Examples
    --------
    >>> history = History()
    >>> history.on_epoch_end(0, {"loss": 0.5})
    >>> history.history
    {'loss': [0.5]}
    """

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []
        self.params: dict[str, Any] = {}

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Keep the numbers."""
        self.epoch.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)


class EarlyStopping(Callback):
    """Stop when a number gets no better.

    Parameters
    ----------
    monitor : str
        Which number.
    min_delta : float
        By how much it must get better.
    patience : int
        For how many epochs it may not.
    mode : {"min", "max"}
        Whether less or more is better.
    restore_best_weights : bool
        Put the weights of the best epoch back at the end.

    Examples
    --------
    >>> EarlyStopping("val_accuracy", mode="max").patience
    0
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        mode: str = "min",
        restore_best_weights: bool = False,
    ) -> None:
        if mode not in ("min", "max"):
            raise ValueError(f"EarlyStopping: mode must be 'min' or 'max', not {mode!r}")
        self.monitor, self.min_delta, self.patience = monitor, min_delta, patience
        self.restore_best_weights = restore_best_weights
        self._sign = 1 if mode == "min" else -1

    def on_train_begin(self, logs: Logs) -> None:
        """Begin anew."""
        self._best, self._waited, self._weights = math.inf, 0, None
        self.stopped_epoch = 0

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Compare with the best epoch so far."""
        if self.monitor not in logs:
            raise ValueError(
                f"EarlyStopping: there is no {self.monitor!r} to monitor, only "
                f"{', '.join(map(repr, logs))}"
            )
        value = self._sign * logs[self.monitor]
        if value < self._best - self.min_delta:
            self._best, self._waited = value, 0
            self._weights = self.model.get_weights() if self.restore_best_weights else None
            return
        self._waited += 1
        if self._waited > self.patience:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs) -> None:
        """Put the best weights back if asked to."""
        if self._weights is not None:
            self.model.set_weights(self._weights)


if not TYPE_CHECKING:  # a type checker would take it for a promise
    __getattr__ = teller(__name__, __all__)
