"""Optimizers: `torch.optim`. Each is a rule of the core, which moves all parameters in one call."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ... import optimizer
from ...core.gradients import absent
from ...core.planning import generation
from ...core.rules import Rule
from ._absent import teller as _teller
from ._modes import enable_grad
from ._tensor import Tensor, forget_gradients, wrap
from .nn.parameter import is_waiting

__all__ = [
    "Adam",
    "AdamW",
    "Optimizer",
    "SGD",
]

Group = dict[str, Any]


class _Rules(optimizer.Optimizer):
    """An optimizer of the core whose rule and numbers are those of a group of PyTorch's."""

    chosen: Rule

    @property
    def rule(self) -> Rule:
        return self.chosen


class _Moved:
    """A group of parameters, moved together by the core."""

    def __init__(self, rule: Rule, numbers: Group) -> None:
        self.optimizer = _Rules(learning_rate=0.0, clip_gradient=-1.0)  # that is, do not clip
        self.optimizer.chosen = rule
        self.numbers = numbers
        self.given: list[Any] = []
        self.states: dict[int, Any] = {}  # by place
        self._arrays: list[Any] = []
        self._group: Any = None
        self._generation = -1

    @property
    def arrays(self) -> list[Any]:
        """The arrays that are learnt, looked up again where one was replaced."""
        now = generation()
        if self._generation != now:
            self._look_up()
            self._generation = now
        return self._arrays

    def take_numbers(self, numbers: dict[str, float], given: list[Any]) -> None:
        """Use numbers of a rule from now on; `given` is what they were made from."""
        self.optimizer.__dict__.update(numbers)
        self.given = given

    def step(self) -> None:
        """Move the parameters that have a gradient."""
        without = absent(self.arrays)
        (self._group.without(without) if without else self._group).update()

    def _look_up(self) -> None:
        learnt = [
            (place, each._leaf)
            for place, each in enumerate(self.numbers["params"])
            if not is_waiting(each) and each._is_variable()
        ]
        for place, array in learnt:
            if place not in self.states:
                self.states[place] = self.optimizer.create_state_multi_precision(place, array)
        places, self._arrays = [place for place, _ in learnt], [array for _, array in learnt]
        grads = [array.grad for array in self._arrays]
        states = [self.states[place] for place in places]
        self._group = self.optimizer.group(places, self._arrays, grads, states)

    @property
    def counts(self) -> dict[int, int]:
        """How often each parameter was moved, by place."""
        return self.optimizer._index_update_count

    def restore(self, states: dict[int, list[Any]], counts: dict[int, int]) -> None:
        """Take the states and counts of another."""
        self.optimizer._index_update_count.clear()
        self.optimizer._index_update_count.update(counts)
        self.states = {
            place: each[0] if len(each) == 1 else tuple(each) for place, each in states.items()
        }
        self._generation = -1


class Optimizer:
    """What all optimizers share: groups of parameters, each with its own numbers.

    Parameters
    ----------
    params : iterable of Tensor, of (name, Tensor) or of dict
        What to move; a dict is a group, with numbers of its own.
    defaults : dict
        The numbers of groups that do not name them.
    foreach, fused : bool, optional
        Accepted: all parameters are moved in one call.
    differentiable : bool
        Must be False.

    Raises
    ------
    ValueError
        If there is no parameter, or a number is out of range.
    TypeError
        If something is no tensor.
    """

    def __init__(
        self,
        params: Iterable[Any],
        defaults: dict[str, Any],
        foreach: bool | None = None,
        fused: bool | None = None,
        differentiable: bool = False,
    ) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, "
                "but got torch.FloatTensor"
            )
        self.param_groups: list[Group] = []
        self._moved: list[_Moved] = []
        given = list(params)
        if differentiable:
            raise ValueError("differentiable=True: steps of optimizers are not recorded")
        self.defaults = defaults | {
            "foreach": foreach,  # how PyTorch computes: there is one way here
            "fused": fused,
            "differentiable": differentiable,
        }
        if not given:
            raise ValueError("optimizer got an empty parameter list")
        for group in given if isinstance(given[0], dict) else [{"params": given}]:
            self.add_param_group(group)

    def _rule(self, group: Group) -> Rule:
        """The rule by which a group moves."""
        raise NotImplementedError

    def _numbers(self, group: Group) -> dict[str, float]:
        """What the rule knows by name, from the numbers of a group."""
        raise NotImplementedError

    def _check(self, group: Group) -> None:
        if not group["lr"] >= 0:
            raise ValueError(f"Invalid learning rate: {group['lr']}")
        if not group["weight_decay"] >= 0:
            raise ValueError(f"Invalid weight_decay value: {group['weight_decay']}")

    def add_param_group(self, param_group: Group) -> None:
        """Move more parameters, with numbers of their own.

        Examples
        --------
        >>> from microlazy.dialects import torch
        >>> optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.1)
        >>> optimizer.add_param_group({"params": torch.ones(1, requires_grad=True), "lr": 1.0})
        >>> [group["lr"] for group in optimizer.param_groups]
        [0.1, 1.0]
        """
        given = param_group["params"]
        tensors = [given] if isinstance(given, Tensor) else list(given)
        tensors = [each[1] if isinstance(each, tuple) else each for each in tensors]
        before = {id(each) for group in self.param_groups for each in group["params"]}
        for each in tensors:
            if not isinstance(each, Tensor):
                raise TypeError(
                    f"optimizer can only optimize Tensors, but one of the params is "
                    f"{type(each).__name__}"
                )
            if not each.is_leaf:
                raise ValueError("can't optimize a non-leaf Tensor")
            if id(each) in before:
                raise ValueError("some parameters appear in more than one parameter group")
        unknown = param_group.keys() - self.defaults.keys() - {"params"}
        if unknown:
            raise TypeError(f"{type(self).__name__} has no number {sorted(unknown)[0]!r}")
        group = self.defaults | param_group | {"params": tensors}
        self._check(group)
        self.param_groups.append(group)
        self._moved.append(_Moved(self._rule(group), group))

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move each parameter that has a gradient once.

        Parameters
        ----------
        closure : callable, optional
            Computes the loss anew, and its gradients.

        Returns
        -------
        Tensor or None
            What the closure returned.

        Examples
        --------
        >>> from microlazy.dialects import torch
        >>> x = torch.ones(1, requires_grad=True)
        >>> optimizer = torch.optim.SGD([x], lr=0.5)
        >>> (x * 3).sum().backward()
        >>> optimizer.step()
        >>> x
        tensor([-0.5000], requires_grad=True)
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for moved in self._moved:
            given = list(moved.numbers.values())
            if given != moved.given:  # somebody changed the learning rate, for instance
                moved.take_numbers(self._numbers(moved.numbers), given)
            moved.step()
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or fill them with zeros.

        Examples
        --------
        >>> from microlazy.dialects import torch
        >>> x = torch.ones(1, requires_grad=True)
        >>> optimizer = torch.optim.SGD([x], lr=0.5)
        >>> x.sum().backward()
        >>> optimizer.zero_grad()
        >>> x.grad is None
        True
        """
        for moved in self._moved:
            forget_gradients(moved.arrays, set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """What the optimizer remembers, and its numbers.

        Examples
        --------
        >>> from microlazy.dialects import torch
        >>> torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.5).state_dict()["state"]
        {}
        """
        state: dict[int, Any] = {}
        groups, first = [], 0
        for group, moved in zip(self.param_groups, self._moved, strict=True):
            for place, count in sorted(moved.counts.items()):
                kept = moved.states[place]
                arrays = () if kept is None else kept if isinstance(kept, tuple) else (kept,)
                named = dict(zip(self._state_names, map(wrap, arrays), strict=False))
                state[first + place] = {"step": count} | named
            count = len(group["params"])
            groups.append(group | {"params": list(range(first, first + count))})
            first += count
        return {"state": state if self._keeps_state() else {}, "param_groups": groups}

    # What the states of the rule are called.
    _state_names: tuple[str, ...] = ()

    def _keeps_state(self) -> bool:
        return any(moved.optimizer.rule.states for moved in self._moved)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Remember what another optimizer of the same kind remembered.

        Raises
        ------
        ValueError
            If it moved other parameters; nothing is changed then.

        Examples
        --------
        >>> from microlazy.dialects import torch
        >>> x = torch.ones(1, requires_grad=True)
        >>> optimizer = torch.optim.SGD([x], lr=0.5)
        >>> optimizer.load_state_dict(torch.optim.SGD([x], lr=0.1).state_dict())
        >>> optimizer.param_groups[0]["lr"]
        0.1
        """
        groups = state_dict["param_groups"]
        if len(groups) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        sizes = [len(group["params"]) for group in self.param_groups]
        if sizes != [len(group["params"]) for group in groups]:
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of "
                "optimizer's group"
            )
        first = 0
        for own, group, moved in zip(self.param_groups, groups, self._moved, strict=True):
            states, counts = {}, {}
            for place in range(len(own["params"])):
                kept = state_dict["state"].get(first + place)
                if kept is not None:
                    counts[place] = int(kept["step"])
                    states[place] = [
                        kept[name]._array.detach().copy() for name in self._state_names
                    ]
            own.update({name: each for name, each in group.items() if name != "params"})
            moved.restore(states, counts)
            first += len(own["params"])

    def __repr__(self) -> str:
        text = f"{type(self).__name__} ("
        for number, group in enumerate(self.param_groups):
            text += f"\nParameter Group {number}\n" + "\n".join(
                f"    {name}: {group[name]}" for name in sorted(group) if name != "params"
            )
        return text + "\n)"


def _sign(group: Group) -> float:
    return -1.0 if group["maximize"] else 1.0


class SGD(Optimizer):
    """Gradient descent, with momentum (Sutskever et al. 2013).

    With ``g = grad + weight_decay * weight``::

        buffer = momentum * buffer + (1 - dampening) * g    # g at the first step
        weight -= lr * buffer                               # lr * (g + momentum * buffer): nesterov

    Parameters
    ----------
    params : iterable of Tensor or dict
        What to move.
    lr, momentum, dampening, weight_decay : float
        The numbers of the formula.
    nesterov : bool
        Whether to look ahead, after Nesterov.
    maximize : bool
        Whether to climb.

    Raises
    ------
    ValueError
        If a number is below 0, or `nesterov` has no momentum or is damped.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> x = torch.tensor([1.0], requires_grad=True)
    >>> torch.optim.SGD([x], lr=0.1, momentum=0.9)
    SGD (
    Parameter Group 0
        dampening: 0
        differentiable: False
        foreach: None
        fused: None
        lr: 0.1
        maximize: False
        momentum: 0.9
        nesterov: False
        weight_decay: 0
    )
    """

    _state_names = ("momentum_buffer",)
    _with_momentum, _looking_ahead = (
        Rule(
            f"""
            g = rescale_grad * grad + wd * weight
            buffer = momentum * buffer + (1 - dampening * minimum(t - 1, 1)) * g
            weight -= lr * {step}
            """,
            states="buffer",
        )
        for step in ("buffer", "(g + momentum * buffer)")
    )

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        **how: Any,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
            },
            **how,
        )

    def _check(self, group: Group) -> None:
        super()._check(group)
        if group["momentum"] < 0:
            raise ValueError(f"Invalid momentum value: {group['momentum']}")
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")

    def _rule(self, group: Group) -> Rule:
        if not group["momentum"]:
            return optimizer.SGD.plain
        return self._looking_ahead if group["nesterov"] else self._with_momentum

    def _numbers(self, group: Group) -> dict[str, float]:
        numbers = {
            "lr": group["lr"],
            "wd": float(group["weight_decay"]),
            "rescale_grad": _sign(group),
        }
        if group["momentum"]:
            numbers |= {"momentum": group["momentum"], "dampening": group["dampening"]}
        return numbers


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015, algorithm 1).

    With ``g = grad + weight_decay * weight`` at step t::

        mean = beta1 * mean + (1 - beta1) * g
        var = beta2 * var + (1 - beta2) * g ** 2
        weight -= lr * mean / (1 - beta1 ** t) / (sqrt(var / (1 - beta2 ** t)) + eps)

    Parameters
    ----------
    params : iterable of Tensor or dict
        What to move.
    lr, eps, weight_decay : float
        Numbers of the formula.
    betas : tuple of float
        `beta1` and `beta2`.
    maximize : bool
        Whether to climb.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> x = torch.tensor([1.0], requires_grad=True)
    >>> optimizer = torch.optim.Adam([x], lr=0.1)
    >>> (x * 3).sum().backward()
    >>> optimizer.step()
    >>> x.detach()
    tensor([0.9000])
    """

    _state_names = ("exp_avg", "exp_avg_sq")
    _chosen = Rule(
        """
        g = rescale_grad * grad + wd * weight
        mean = beta1 * mean + (1 - beta1) * g
        var = beta2 * var + (1 - beta2) * g * g
        root = sqrt(var) / (1 - beta2**t) ** 0.5 + epsilon
        weight -= lr / (1 - beta1**t) * mean / root
        """,
        states="mean var",
    )

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
        **how: Any,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "maximize": maximize,
            },
            **how,
        )

    def _check(self, group: Group) -> None:
        super()._check(group)
        if group["eps"] < 0:
            raise ValueError(f"Invalid epsilon value: {group['eps']}")
        for place, beta in enumerate(group["betas"]):
            if not 0 <= beta < 1:
                raise ValueError(f"Invalid beta parameter at index {place}: {beta}")

    def _rule(self, group: Group) -> Rule:
        return self._chosen

    def _numbers(self, group: Group) -> dict[str, float]:
        beta1, beta2 = group["betas"]
        return {
            "lr": group["lr"],
            "wd": float(group["weight_decay"]),
            "rescale_grad": _sign(group),
            "beta1": beta1,
            "beta2": beta2,
            "epsilon": group["eps"],
        }


class AdamW(Adam):
    """Adam with weight decay apart from the gradient (Loshchilov & Hutter 2019, algorithm 2).

    As `Adam`, but with ``g = grad``, and ``weight -= lr * weight_decay * weight`` before.

    Parameters
    ----------
    params, lr, betas, eps, weight_decay, maximize
        As of `Adam`; the weight decay is 0.01 if left out.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> x = torch.tensor([1.0], requires_grad=True)
    >>> torch.optim.AdamW([x]).param_groups[0]["weight_decay"]
    0.01
    """

    _chosen = Rule(
        """
        g = rescale_grad * grad
        mean = beta1 * mean + (1 - beta1) * g
        var = beta2 * var + (1 - beta2) * g * g
        root = sqrt(var) / (1 - beta2**t) ** 0.5 + epsilon
        weight -= lr * wd * weight + lr / (1 - beta1**t) * mean / root
        """,
        states="mean var",
    )

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        *,
        maximize: bool = False,
        **how: Any,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, maximize=maximize, **how)


if not TYPE_CHECKING:  # a type checker would take it for a promise
    __getattr__ = _teller(__name__, globals())
