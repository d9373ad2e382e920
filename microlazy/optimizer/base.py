"""The base of all optimizers: names, learning rates, counts, and steps by a rule or by `update`."""

from __future__ import annotations

import inspect
import math
import numbers
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Never

import numpy

from ..core.functions import beside, face_of, new_array
from ..core.optimizers import convert
from ..core.rules import Rule
from ..core.tensor import Tensor
from .group import Group, Index, RuleGroup

__all__ = ["Optimizer", "create", "register"]

OTHER_NAMES = {"lr": "learning_rate", "weight_decay": "wd", "eps": "epsilon"}


class Optimizer:
    """Base class of optimizers: learning rates, weight decays and counts of updates.

    An optimizer has a `rule`, by which one compiled call updates all weights; or it overrides
    `create_state` and `update`, which see one weight at a time.

    Parameters
    ----------
    rescale_grad : float
        Every gradient is multiplied by it; the Trainer sets it to 1 / batch size.
    param_idx2name : dict of int to str, optional
        Names of the weights: those that end in neither ``_weight`` nor ``_gamma`` get no weight
        decay.
    wd : float
        Weight decay: `wd * weight` is added to the gradient.
    clip_gradient : float, optional
        Rescaled gradients are clipped to ``[-clip_gradient, clip_gradient]``. None, zero and
        negative numbers clip nothing.
    learning_rate : float, optional
        Step size; 0.01 when neither it nor a scheduler is given. Given with a scheduler, it
        replaces the scheduler's `base_lr`.
    lr_scheduler : LRScheduler, optional
        Called with the number of updates made, gives the learning rate.
    begin_num_update : int
        Number of updates to count from.
    multi_precision : bool
        Keep a float32 copy of every float16 weight, and update that.
    param_dict : dict of int to Parameter, optional
        Where to look up `lr_mult` and `wd_mult`.
    aggregate_num : int
        Accepted as in MXNet; a rule updates all weights in one call.

    Raises
    ------
    TypeError, ValueError
        If a number is not one, or is out of range.

    Examples
    --------
    An optimizer of one's own, by name (`Rule` shows one with a rule):

    >>> import microlazy as mx
    >>> @mx.optimizer.register
    ... class SignDescent(mx.optimizer.Optimizer):
    ...     def update(self, index, weight, grad, state):
    ...         self._update_count(index)
    ...         weight[:] -= self._get_lr(index) * mx.nd.sign(grad)
    >>> optimizer = mx.optimizer.create("signdescent", learning_rate=0.5)
    >>> weight = mx.nd.array([1, 2])
    >>> optimizer.update(0, weight, mx.nd.array([-3, 0.1]), None)
    >>> weight.asnumpy()
    array([1.5, 1.5], dtype=float32)
    """

    opt_registry: dict[str, type[Optimizer]] = {}

    @property
    def rule(self) -> Rule | None:
        """The formula by which a gradient changes a weight; None if `update` does that."""
        return None

    def __init__(
        self,
        rescale_grad: float = 1.0,
        param_idx2name: dict[int, str] | None = None,
        wd: float = 0.0,
        clip_gradient: float | None = None,
        learning_rate: float | None = None,
        lr_scheduler: Callable[[int], float] | None = None,
        begin_num_update: int = 0,
        multi_precision: bool = False,
        param_dict: dict[int, Any] | None = None,
        aggregate_num: int = 0,
        **unknown: Never,
    ):
        if unknown:
            raise _unknown_argument(type(self), next(iter(unknown)))
        if learning_rate is None and lr_scheduler is None:
            learning_rate = 0.01
        if learning_rate is not None:
            learning_rate = number("learning_rate", learning_rate)
            base_lr = getattr(lr_scheduler, "base_lr", learning_rate)
            if base_lr != learning_rate:
                if _is_written(self, "learning_rate", learning_rate) and _is_written(
                    lr_scheduler, "base_lr", base_lr
                ):
                    warnings.warn(
                        f"learning_rate={learning_rate} replaces base_lr={base_lr} of the "
                        "lr_scheduler",
                        stacklevel=3,
                    )
                lr_scheduler.base_lr = learning_rate  # type: ignore[union-attr]
        if clip_gradient is not None:
            clip_gradient = number("clip_gradient", clip_gradient)
        self.rescale_grad = number("rescale_grad", rescale_grad)
        self.lr: Any = learning_rate
        self.lr_scheduler = lr_scheduler
        self.wd = number("wd", wd)
        self.clip_gradient = clip_gradient
        self.begin_num_update = begin_num_update
        self.num_update = begin_num_update
        self.multi_precision = multi_precision
        self.param_dict = param_dict or {}
        self.aggregate_num = aggregate_num
        self.idx2name = dict(param_idx2name or {})
        self._counts: dict[Index, int] = {}
        self._ahead: RuleGroup | None = None
        self.set_lr_mult({})
        self.set_wd_mult({})

    @staticmethod
    def register(klass: type[Optimizer]) -> type[Optimizer]:
        """Make an optimizer known by its name in small letters; usable as a decorator.

        Examples
        --------
        >>> from microlazy import optimizer
        >>> @optimizer.Optimizer.register
        ... class Plain(optimizer.SGD):
        ...     pass
        >>> type(optimizer.create("plain")).__name__
        'Plain'
        """
        if not isinstance(klass, type):
            raise TypeError(f"register takes a class, not {klass!r}")
        name = klass.__name__.lower()
        before = Optimizer.opt_registry.get(name)
        if before is not None:
            warnings.warn(
                f"New optimizer {klass.__module__}.{klass.__name__} is overriding existing "
                f"optimizer {before.__module__}.{before.__name__}",
                stacklevel=2,
            )
        Optimizer.opt_registry[name] = klass
        return klass

    @staticmethod
    def create_optimizer(name: str, **kwargs: Any) -> Optimizer:
        """Make an optimizer by its name, whatever the case of its letters.

        Raises
        ------
        ValueError
            If no optimizer has that name.
        TypeError
            If the optimizer has no such argument.

        Examples
        --------
        >>> from microlazy import optimizer
        >>> optimizer.create("Adam", learning_rate=0.1).learning_rate
        0.1
        """
        if not isinstance(name, str):
            is_optimizer = isinstance(name, type) and issubclass(name, Optimizer)
            hint = f". It is a class: call it, as in {name.__name__}()" if is_optimizer else ""
            raise TypeError(f"an optimizer is named by a str, not {name!r}{hint}")
        if name.lower() not in Optimizer.opt_registry:
            known = ", ".join(sorted(Optimizer.opt_registry))
            raise ValueError(f"Cannot find optimizer {name}; known are: {known}")
        return Optimizer.opt_registry[name.lower()](**kwargs)

    @property
    def learning_rate(self) -> float:
        """The learning rate now: the scheduler's answer, or what was set."""
        return self.lr if self.lr_scheduler is None else self.lr_scheduler(self.num_update)

    def set_learning_rate(self, lr: float) -> None:
        """Set the learning rate.

        Raises
        ------
        UserWarning
            If a scheduler decides the learning rate.

        Examples
        --------
        >>> from microlazy import optimizer
        >>> sgd = optimizer.SGD()
        >>> sgd.set_learning_rate(0.5)
        >>> sgd.learning_rate
        0.5
        """
        if self.lr_scheduler is not None:
            raise UserWarning(
                "the learning rate cannot be set: the LRScheduler of the optimizer decides it. "
                "Change the scheduler, or make the optimizer without one"
            )
        self.lr = number("learning_rate", lr)

    def set_lr_mult(self, args_lr_mult: dict[Index, float]) -> None:
        """Set factors of the learning rate for single weights, by index or name.

        The `lr_mult` of a Parameter in `param_dict` comes first.

        Examples
        --------
        >>> from microlazy import optimizer
        >>> sgd = optimizer.SGD(learning_rate=0.5)
        >>> sgd.set_lr_mult({1: 0.1})
        >>> sgd._get_lrs([0, 1])
        [0.5, 0.05]
        """
        self.lr_mult = dict(args_lr_mult)

    def set_wd_mult(self, args_wd_mult: dict[Index, float]) -> None:
        """Set factors of the weight decay for single weights, by index or name.

        Weights named in `param_idx2name` that end in neither ``_weight`` nor ``_gamma`` start
        from 0. The `wd_mult` of a Parameter in `param_dict` comes first.

        Examples
        --------
        >>> from microlazy import optimizer
        >>> sgd = optimizer.SGD(wd=0.5, param_idx2name={0: "a_weight", 1: "a_bias"})
        >>> sgd._get_wds([0, 1])
        [0.5, 0.0]
        """
        undecayed = (
            name for name in self.idx2name.values() if not name.endswith(("_weight", "_gamma"))
        )
        self.wd_mult = dict.fromkeys(undecayed, 0.0) | args_wd_mult

    def create_state(self, index: Index, weight: Tensor) -> Any:
        """Return what the optimizer remembers about a weight: None, arrays or tuples of those.

        By a rule, that is zeros for each of its states, or a copy of the weight.

        Raises
        ------
        ValueError
            If the rule works on rows and the weight does not have two axes.

        Examples
        --------
        >>> from microlazy import nd, optimizer
        >>> optimizer.SGD(momentum=0.9).create_state(0, nd.ones(2)).asnumpy()
        array([0., 0.], dtype=float32)
        """
        rule = self.rule
        if rule is None:
            return None
        if rule.by_row and len(weight.shape) != 2:
            raise ValueError(
                f"{type(self).__name__} updates weights of two axes; weight {index!r} has shape "
                f"{weight.shape}"
            )
        states = tuple(
            beside(new_array(face_of(weight), (weight.shape[0], 1), weight.dtype, 0), weight)
            if rule.by_row
            else _copy(weight)
            if name in rule.copies
            else zeros_like(weight)
            for name in rule.states
        )
        return states if len(states) > 1 else states[0] if states else None

    def create_state_multi_precision(self, index: Index, weight: Tensor) -> Any:
        """Return the state of a weight of any float dtype.

        A float16 weight's state is kept in float32; under `multi_precision` a float32 copy of
        the weight comes before it.

        Raises
        ------
        TypeError
            If the weight is not of a float dtype.

        Examples
        --------
        >>> from microlazy import nd, optimizer
        >>> sgd = optimizer.SGD(multi_precision=True)
        >>> copy, state = sgd.create_state_multi_precision(0, nd.ones(2, dtype="float16"))
        >>> copy.dtype.__name__, state
        ('float32', None)
        """
        dtype = numpy.dtype(weight.dtype)
        if dtype.kind != "f":
            raise TypeError(
                f"an optimizer updates weights of a float dtype; weight {index!r} is of {dtype}"
            )
        if dtype != numpy.float16:
            return self.create_state(index, weight)
        copy = weight.astype("float32")
        state = self.create_state(index, copy)
        if self.multi_precision:
            return copy, state
        warnings.warn(
            "updating float16 weights loses small steps, which can mean poor accuracy or slow "
            "convergence; consider the optimizer's multi_precision=True",
            stacklevel=2,
        )
        return state

    def update(self, index: Index, weight: Tensor, grad: Tensor, state: Any) -> None:
        """Change `weight`, and its `state`, by one step. A rule also takes equal-sized lists.

        Parameters
        ----------
        index : int or str
            Names the weight among all.
        weight, grad : array
            Of the same shape and dtype; `weight` is written in place.
        state
            What `create_state` returned.

        Examples
        --------
        >>> from microlazy import nd, optimizer
        >>> weight = nd.ones(2)
        >>> optimizer.SGD(learning_rate=0.5).update(0, weight, nd.ones(2), None)
        >>> weight.asnumpy()
        array([0.5, 0.5], dtype=float32)
        """
        if self.rule is None:
            raise NotImplementedError(f"{type(self).__name__} has no rule and overrides no update")
        if not isinstance(index, (list, tuple)):
            index, weight, grad, state = [index], [weight], [grad], [state]  # type: ignore
        RuleGroup(self, list(index), list(weight), list(grad), list(state)).update()

    def update_multi_precision(
        self, index: Index, weight: Tensor, grad: Tensor, state: Any
    ) -> None:
        """Change a weight of any float dtype by one step; float16 is computed in float32.

        Examples
        --------
        >>> from microlazy import nd, optimizer
        >>> weight = nd.ones(2, dtype="float16")
        >>> sgd = optimizer.SGD(learning_rate=0.5, multi_precision=True)
        >>> state = sgd.create_state_multi_precision(0, weight)
        >>> sgd.update_multi_precision(0, weight, nd.ones(2, dtype="float16"), state)
        >>> weight.asnumpy()
        array([0.5, 0.5], dtype=float16)
        """
        if weight.dtype != numpy.float16:
            self.update(index, weight, grad, state)
            return
        copy, state = state if self.multi_precision else (weight.astype("float32"), state)
        self.update(index, copy, grad.astype("float32"), state)
        weight[:] = copy

    def group(
        self,
        indices: Sequence[Index],
        weights: Sequence[Tensor],
        grads: Sequence[Tensor],
        states: Sequence[Any],
    ) -> Group:
        """Return weights of any float dtype as a group, whose `update` makes steps of them all."""
        kind, base = type(self), Optimizer
        one_by_one = (kind.update, kind.update_multi_precision) != (
            base.update, base.update_multi_precision)  # fmt: skip
        chosen = Group if self.rule is None or one_by_one else RuleGroup
        return chosen(self, list(indices), list(weights), list(grads), list(states))

    @property
    def _index_update_count(self) -> dict[Index, int]:
        """How often each weight was updated."""
        if self._ahead is not None:
            self._counts |= self._ahead.counted()
            self._ahead = None
        return self._counts

    def _update_count(self, index: Index | Sequence[Index]) -> None:
        counts = self._index_update_count
        for i in index if isinstance(index, (list, tuple)) else (index,):
            counts[i] = counts.get(i, self.begin_num_update) + 1
            self.num_update = max(self.num_update, counts[i])

    def _multipliers(self, kind: str, indices: Sequence[Index]) -> list[float]:
        table = getattr(self, kind)

        def multiplier(index: Index) -> float:
            if index in self.param_dict:
                return getattr(self.param_dict[index], kind)
            return table.get(index, table.get(self.idx2name.get(index), 1.0))

        return [multiplier(index) for index in indices]

    def _get_lrs(self, indices: Sequence[Index]) -> list[float]:
        lr = self.learning_rate
        return [lr * multiplier for multiplier in self._multipliers("lr_mult", indices)]

    def _get_lr(self, index: Index) -> float:
        return self._get_lrs([index])[0]

    def _get_wds(self, indices: Sequence[Index]) -> list[float]:
        return [self.wd * multiplier for multiplier in self._multipliers("wd_mult", indices)]

    def _get_wd(self, index: Index) -> float:
        return self._get_wds([index])[0]

    def _has_own_rates(self) -> bool:
        """Whether the class of a user says itself what the rates of a weight are."""
        kind, names = type(self), ("_get_lr", "_get_lrs", "_get_wd", "_get_wds")
        return any(getattr(kind, name) is not getattr(Optimizer, name) for name in names)

    def _has_own_learning_rate(self) -> bool:
        """Whether the class of a user says itself what the learning rate is."""
        return type(self).learning_rate is not Optimizer.learning_rate

    def _marks(self, indices: Sequence[Index]) -> list[float] | None:
        """What a rule knows as each weight's `mark`; None is 1 for all."""
        return None

    # What takes note of a step that a rule made, by its learning rate.
    _after_step: Callable[[float], None] | None = None

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__ | {"_counts": dict(self._index_update_count), "_ahead": None}
        # A copy of the optimizer must not bring copies of the parameters.
        return state | {"param_dict": {}}


register = Optimizer.register
create = Optimizer.create_optimizer


def zeros_like(weight: Tensor) -> Tensor:
    """Return zeros of the weight's face, shape and dtype, without a gradient."""
    return beside(new_array(face_of(weight), weight.shape, weight.dtype, 0), weight)


def _copy(weight: Tensor) -> Tensor:
    copy = zeros_like(weight)
    convert([copy], [weight])
    return copy


def number(name: str, value: float, least: float = -math.inf, below: float = math.inf) -> float:
    """Return `value` as a plain number; refuse what is none, not finite or outside the range."""
    if not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, not {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, not {value}")
    if not least <= value < below:
        wanted = f"at least {least}" + (f" and below {below}" if below < math.inf else "")
        raise ValueError(f"{name} must be {wanted}, not {value}")
    return value if isinstance(value, (int, float)) else float(value)


def _is_written(thing: Any, name: str, value: float) -> bool:
    """Whether somebody gave this number, as far as one can see: it is not the default."""
    parameter = inspect.signature(type(thing)).parameters.get(name)
    return parameter is None or parameter.default != value


def _unknown_argument(kind: type[Optimizer], name: str) -> TypeError:
    """The error for an argument that an optimizer does not have."""
    import difflib  # which most programs do not need

    known = []
    for each in kind.__mro__[:-1]:
        parameters = inspect.signature(each.__init__).parameters.values()  # type: ignore[misc]
        known += [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    known = sorted({*known} - {"self"})
    close = [OTHER_NAMES.get(name, ""), *difflib.get_close_matches(name, known)]
    meant = next((f", did you mean {each!r}?" for each in close if each in known), ".")
    return TypeError(f"{kind.__name__} has no argument {name!r}{meant} It takes {', '.join(known)}")
