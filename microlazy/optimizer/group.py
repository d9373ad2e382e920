"""Groups of weights that an optimizer updates together, kept from step to step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy

from ..core.functions import as_dtype, detach
from ..core.optimizers import BoundProgram, RuleSteps
from ..core.tensor import Tensor

if TYPE_CHECKING:
    from .base import Optimizer

Index = Any  # an int, or any other key
Copies = tuple[list[Tensor], list[Tensor]]  # to where, from where


class Group:
    """Weights that are updated one after the other, by an optimizer's `update`."""

    def __init__(
        self,
        optimizer: Optimizer,
        indices: list[Index],
        weights: list[Tensor],
        grads: list[Tensor],
        states: list[Any],
    ):
        self.optimizer = optimizer
        self.indices = indices
        self.weights = weights
        self.grads = grads
        self.states = states
        self.left_out: list[int] = []
        self.rest: Group = self

    def without(self, places: list[int]) -> Group:
        """Return a group of the weights that are not at `places`: often those of the last time."""
        if places != self.left_out:
            kept = sorted({*range(len(self.indices))} - {*places})
            lists = (self.indices, self.weights, self.grads, self.states)
            self.rest = self.optimizer.group(*([each[i] for i in kept] for each in lists))
            self.left_out = places
        return self.rest

    def update(self) -> None:
        """Make one step of every weight."""
        for each in zip(self.indices, self.weights, self.grads, self.states, strict=True):
            self.optimizer.update_multi_precision(*each)


class RuleGroup(RuleSteps, Group):
    """Weights that are updated by an optimizer's rule, in one compiled call."""

    def __init__(self, optimizer: Optimizer, indices: list[Index], *lists: list):
        super().__init__(optimizer, indices, *lists)
        self.program = optimizer.rule.program  # type: ignore[union-attr]
        self.names = ("wd", *self.program.inputs)
        self.lr_mults = optimizer._multipliers("lr_mult", indices)
        self.wd_mults = optimizer._multipliers("wd_mult", indices)
        self.asks = optimizer._has_own_rates()
        self.has_own_rate = optimizer._has_own_learning_rate()
        self.marks = optimizer._marks(indices)
        self.take_note = optimizer._after_step
        # What the rule works on, and the copies that float16 needs before and after.
        self.rule_weights: list[Tensor] = []
        self.rule_grads: list[Tensor] = []
        self.rule_states: list[Tensor] = []
        self.loads: Copies = ([], [])
        self.stores: Copies = ([], [])
        for index, weight, grad, state in zip(indices, *lists, strict=True):
            self.add(index, weight, grad, state)

    def add(self, index: Index, weight: Tensor, grad: Tensor, state: Any) -> None:
        """Take a weight in; what is float16 is computed in float32."""
        if weight.dtype == numpy.float16:
            self.copies = self.loads, self.stores
            copy, wide_grad = (as_dtype(detach(each), "float32") for each in (weight, grad))
            pairs = [(wide_grad, grad)]
            if self.optimizer.multi_precision:
                copy, state = state
            else:
                pairs.append((copy, weight))
            for target, source in pairs:
                self.loads[0].append(target)
                self.loads[1].append(source)
            self.stores[0].append(weight)
            self.stores[1].append(copy)
            weight, grad = copy, wide_grad
        states = [] if state is None else [state] if isinstance(state, Tensor) else list(state)
        wanted = self.optimizer.rule.states
        if len(states) != len(wanted):
            raise ValueError(
                f"weight {index!r} has {len(states)} arrays as its state, but "
                f"{type(self.optimizer).__name__} needs {len(wanted)}: {', '.join(wanted)}"
            )
        self.rule_weights.append(weight)
        self.rule_grads.append(grad)
        self.rule_states += states

    def bind(self) -> BoundProgram:
        """Check the arrays, and return the rule that is bound to them."""
        self.bound = self.program.bind(self.rule_weights, self.rule_grads, self.rule_states)
        return self.bound

    def moves_early(self) -> bool:
        """Whether a step may be made weight by weight, while a backward pass goes on."""
        scheduler = self.optimizer.lr_scheduler
        return (
            not self.asks
            and self.copies is None
            and self.marks is None
            and type(self.optimizer).__module__.startswith("microlazy.")
            and (scheduler is None or type(scheduler).__module__.startswith("microlazy."))
        )

    def ask_rates(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        """Have the rates of each weight told by methods of a user's class."""
        self.lr_mults = [self.optimizer._get_lr(index) for index in self.indices]
        self.wd_mults = [self.optimizer._get_wd(index) for index in self.indices]
        return (1.0, 1.0, *values[2:])

    def counted(self) -> dict[Index, int]:
        """How often each weight was updated by now."""
        counts = zip(self.indices, self.counts, strict=True)
        return {index: count + self.steps for index, count in counts}
