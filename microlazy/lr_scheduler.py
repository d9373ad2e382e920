"""Schedules of the learning rate: functions of the number of updates made so far."""

from __future__ import annotations

import math

__all__ = [
    "CosineScheduler",
    "FactorScheduler",
    "LRScheduler",
    "MultiFactorScheduler",
    "PolyScheduler",
]

WARMUP_MODES = ("linear", "constant")


class LRScheduler:
    """Base class: a schedule is called with the number of updates and gives the learning rate.

    Subclasses override `decayed`, which answers once the warmup is over, or all of `__call__`.

    Parameters
    ----------
    base_lr : float
        Learning rate after the warmup, before any decay.
    warmup_steps : int
        Number of updates before the schedule itself begins.
    warmup_begin_lr : float
        Learning rate at the first update of the warmup; at most `base_lr`.
    warmup_mode : {'linear', 'constant'}
        Rise evenly to `base_lr`, or stay at `warmup_begin_lr`.

    Raises
    ------
    ValueError
        If a value is outside its range.
    TypeError
        If a number of updates is not an int.

    Examples
    --------
    >>> from microlazy.lr_scheduler import LRScheduler
    >>> class Halving(LRScheduler):
    ...     def decayed(self, num_update):
    ...         return self.base_lr / 2 ** num_update
    >>> Halving(base_lr=1.0)(3)
    0.125
    """

    def __init__(
        self,
        base_lr: float = 0.01,
        warmup_steps: int = 0,
        warmup_begin_lr: float = 0,
        warmup_mode: str = "linear",
    ):
        _check_int("warmup_steps", warmup_steps, least=0)
        if warmup_begin_lr > base_lr:
            raise ValueError(
                f"warmup_begin_lr ({warmup_begin_lr}) must not be above base_lr ({base_lr})"
            )
        if warmup_mode not in WARMUP_MODES:
            raise ValueError(f"warmup_mode must be one of {WARMUP_MODES}, not {warmup_mode!r}")
        self.base_lr = base_lr
        self.warmup_steps = warmup_steps
        self.warmup_begin_lr = warmup_begin_lr
        self.warmup_final_lr = base_lr
        self.warmup_mode = warmup_mode

    def get_warmup_lr(self, num_update: int) -> float:
        """Return the learning rate of update `num_update`, which lies in the warmup.

        Examples
        --------
        >>> from microlazy.lr_scheduler import FactorScheduler
        >>> FactorScheduler(10, base_lr=1.0, warmup_steps=4).get_warmup_lr(3)
        0.75
        """
        if self.warmup_mode == "constant":
            return self.warmup_begin_lr
        rise = self.warmup_final_lr - self.warmup_begin_lr
        return self.warmup_begin_lr + rise * float(num_update) / float(self.warmup_steps)

    def decayed(self, num_update: int) -> float:
        """Return the learning rate of update `num_update`, after the warmup.

        Examples
        --------
        >>> from microlazy.lr_scheduler import FactorScheduler
        >>> FactorScheduler(10, factor=0.5, base_lr=1.0).decayed(11)
        0.5
        """
        raise NotImplementedError(f"{type(self).__name__} must override decayed or __call__")

    def __call__(self, num_update: int) -> float:
        """Return the learning rate after `num_update` updates."""
        if num_update < self.warmup_steps:
            return self.get_warmup_lr(num_update)
        return self.decayed(num_update)


class FactorScheduler(LRScheduler):
    """Multiply the learning rate by `factor` every `step` updates.

    Parameters
    ----------
    step : int
        Number of updates from one change to the next, at least 1.
    factor : float
        At most 1.
    stop_factor_lr : float
        The learning rate never falls below this.
    base_lr, warmup_steps, warmup_begin_lr, warmup_mode
        As in `LRScheduler`.

    Examples
    --------
    >>> from microlazy.lr_scheduler import FactorScheduler
    >>> schedule = FactorScheduler(step=2, factor=0.5, base_lr=1.0)
    >>> [schedule(n) for n in range(1, 7)]
    [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    """

    def __init__(
        self,
        step: int,
        factor: float = 1,
        stop_factor_lr: float = 1e-8,
        base_lr: float = 0.01,
        warmup_steps: int = 0,
        warmup_begin_lr: float = 0,
        warmup_mode: str = "linear",
    ):
        super().__init__(base_lr, warmup_steps, warmup_begin_lr, warmup_mode)
        _check_int("step", step, least=1)
        _check_factor(factor)
        self.step = step
        self.factor = factor
        self.stop_factor_lr = stop_factor_lr
        self.count = 0

    def decayed(self, num_update: int) -> float:
        while num_update > self.count + self.step:
            self.count += self.step
            self.base_lr = max(self.base_lr * self.factor, self.stop_factor_lr)
        return self.base_lr


class MultiFactorScheduler(LRScheduler):
    """Multiply the learning rate by `factor` after each of the given updates.

    Parameters
    ----------
    step : list of int
        Increasing, each at least 1: the rate changes at the update that follows.
    factor : float
        At most 1.
    base_lr, warmup_steps, warmup_begin_lr, warmup_mode
        As in `LRScheduler`.

    Examples
    --------
    >>> from microlazy.lr_scheduler import MultiFactorScheduler
    >>> schedule = MultiFactorScheduler(step=[1, 4], factor=0.5, base_lr=1.0)
    >>> [schedule(n) for n in range(1, 6)]
    [1.0, 0.5, 0.5, 0.5, 0.25]
    """

    def __init__(
        self,
        step: list[int],
        factor: float = 1,
        base_lr: float = 0.01,
        warmup_steps: int = 0,
        warmup_begin_lr: float = 0,
        warmup_mode: str = "linear",
    ):
        super().__init__(base_lr, warmup_steps, warmup_begin_lr, warmup_mode)
        if not isinstance(step, list) or not step:
            raise ValueError(f"step must be a list of at least one int, not {step!r}")
        for update in step:
            _check_int("step", update, least=1)
        if any(after <= before for before, after in zip(step, step[1:], strict=False)):
            raise ValueError(f"step must increase from each to the next: {step}")
        _check_factor(factor)
        self.step = step
        self.factor = factor
        self.cur_step_ind = 0
        self.count = 0

    def decayed(self, num_update: int) -> float:
        while self.cur_step_ind < len(self.step) and num_update > self.step[self.cur_step_ind]:
            self.count = self.step[self.cur_step_ind]
            self.cur_step_ind += 1
            self.base_lr *= self.factor
        return self.base_lr


class _Gliding(LRScheduler):
    """From `base_lr` to `final_lr` over `max_update` updates, then constant."""

    def __init__(
        self,
        max_update: int,
        base_lr: float,
        final_lr: float,
        warmup_steps: int,
        warmup_begin_lr: float,
        warmup_mode: str,
    ):
        super().__init__(base_lr, warmup_steps, warmup_begin_lr, warmup_mode)
        _check_int("max_update", max_update, least=1)
        self.base_lr_orig = base_lr
        self.max_update = max_update
        self.final_lr = final_lr
        self.max_steps = max_update - warmup_steps

    def left(self, done: float) -> float:
        """The part of the way that is left."""
        raise NotImplementedError

    def decayed(self, num_update: int) -> float:
        if num_update <= self.max_update:
            # A warmup as long as the schedule leaves nothing to glide through.
            done = (num_update - self.warmup_steps) / self.max_steps if self.max_steps else 1.0
            self.base_lr = self.final_lr + (self.base_lr_orig - self.final_lr) * self.left(done)
        return self.base_lr


class PolyScheduler(_Gliding):
    """Let the learning rate fall as a power of the part that is left.

    With `t` the fraction done, ``final_lr + (base_lr - final_lr) * (1 - t) ** pwr``.

    Parameters
    ----------
    max_update : int
        Number of updates at which `final_lr` is reached, warmup included.
    base_lr : float
        Learning rate to begin with.
    pwr : float
        The power.
    final_lr : float
        Learning rate in the end.
    warmup_steps, warmup_begin_lr, warmup_mode
        As in `LRScheduler`.

    Examples
    --------
    >>> from microlazy.lr_scheduler import PolyScheduler
    >>> schedule = PolyScheduler(max_update=4, base_lr=1.0, pwr=1)
    >>> [schedule(n) for n in range(1, 6)]
    [0.75, 0.5, 0.25, 0.0, 0.0]
    """

    def __init__(
        self,
        max_update: int,
        base_lr: float = 0.01,
        pwr: float = 2,
        final_lr: float = 0,
        warmup_steps: int = 0,
        warmup_begin_lr: float = 0,
        warmup_mode: str = "linear",
    ):
        super().__init__(max_update, base_lr, final_lr, warmup_steps, warmup_begin_lr, warmup_mode)
        self.power = pwr

    def left(self, done: float) -> float:
        return (1 - done) ** self.power


class CosineScheduler(_Gliding):
    """Let the learning rate fall along half a cosine.

    With `t` the fraction done, ``final_lr + (base_lr - final_lr) * (1 + cos(pi t)) / 2``
    (Loshchilov and Hutter 2017, "SGDR", equation 5).

    Parameters
    ----------
    max_update : int
        Number of updates at which `final_lr` is reached, warmup included.
    base_lr : float
        Learning rate to begin with.
    final_lr : float
        Learning rate in the end.
    warmup_steps, warmup_begin_lr, warmup_mode
        As in `LRScheduler`.

    Examples
    --------
    >>> from microlazy.lr_scheduler import CosineScheduler
    >>> schedule = CosineScheduler(max_update=4, base_lr=1.0)
    >>> [round(schedule(n), 3) for n in range(1, 6)]
    [0.854, 0.5, 0.146, 0.0, 0.0]
    """

    def __init__(
        self,
        max_update: int,
        base_lr: float = 0.01,
        final_lr: float = 0,
        warmup_steps: int = 0,
        warmup_begin_lr: float = 0,
        warmup_mode: str = "linear",
    ):
        super().__init__(max_update, base_lr, final_lr, warmup_steps, warmup_begin_lr, warmup_mode)

    def left(self, done: float) -> float:
        return (1 + math.cos(math.pi * done)) / 2


def _check_int(name: str, value: int, least: int) -> None:
    if not isinstance(value, int):
        raise TypeError(f"{name} must be an int, not {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, not {value}")


def _check_factor(factor: float) -> None:
    if factor > 1.0:
        raise ValueError(f"factor must be at most 1, so that the learning rate falls, not {factor}")
