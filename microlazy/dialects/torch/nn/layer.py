"""What the layers share: a forward over arrays, and parameters that wait for the first data."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ....gluon.parameter.parameter import lock
from ....initializer import Uniform
from .._tensor import Tensor, apply
from .module import Module


class Layer(Module):
    """A module of one input that computes over arrays, so that several run without tensors between.

    A subclass defines `_compute`; `_op` is PyTorch's name of it, for `grad_fn`.
    """

    _op = ""

    def _compute(self, x: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not compute over arrays")

    def _step(self, following: Layer | None = None) -> Callable[[Any], Any] | None:
        """What a sequence calls in place of `_compute`, until something changes.

        With the layer that follows: what both compute, or None where the core has no operation for
        them.
        """
        return self._compute if following is None else None

    def forward(self, input: Tensor) -> Tensor:
        return apply(self._op, self._compute, input)

    def _array(self, name: str) -> Any:
        """The array of a parameter or buffer; None if there is none."""
        held = self._reg_params.get(name)
        return None if held is None else held.data()

    def _start(self, fan_in: int, *names: str) -> None:
        """Give parameters PyTorch's first values, but not those that have some already.

        They are spread evenly up to 1 / sqrt(fan_in): He et al. 2015 with a slope of sqrt(5).
        """
        self._start_with(Uniform(1 / math.sqrt(fan_in) if fan_in else 0.0), *names)

    def _start_with(self, init: Any, *names: str) -> None:
        """Let an initializer give values to parameters, unless another was named before."""
        for name in names:
            held = self._reg_params.get(name)
            if held is not None and held.state == "declared":
                held.initialize(init)
            elif held is not None:
                held.finish_init()


class FunctionModule(Module):
    """A function of `functional` as a module: what it is made with are the function's arguments.

    Examples
    --------
    >>> from microlazy.dialects.torch import nn
    >>> nn.LeakyReLU(0.2)
    LeakyReLU(negative_slope=0.2)
    """

    _function: Any
    _arguments: dict[str, Any] = {}  # with their defaults
    _others: tuple[str, ...] = ()  # arguments of subclasses
    _shown: tuple[str, ...] = ()  # which arguments are printed

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        known = list(self._arguments)
        kwargs.pop("inplace", None)  # the result is the same, and memory is used again anyway
        if len(args) > len(known) or kwargs.keys() - known:
            takes = ", ".join([*known, *self._others]) or "no arguments"
            raise TypeError(f"{type(self).__name__}() takes {takes}")
        given = self._arguments | dict(zip(known, args, strict=False)) | kwargs
        for name, value in given.items():
            if isinstance(value, Tensor):
                self.register_buffer(name, value)
            else:
                setattr(self, name, value)

    def _given(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._arguments}

    def forward(self, input: Tensor) -> Tensor:
        return self._function(input, **self._given())

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)}" for name in self._shown)


def module_of(
    base: type[FunctionModule],
    module: str,
    name: str,
    function: Any,
    arguments: dict[str, Any],
    shown: tuple[str, ...] = (),
) -> type:
    """The class of a function as a module.

    Examples
    --------
    >>> from microlazy.dialects.torch.nn import functional as F
    >>> from microlazy.dialects.torch.nn.layer import FunctionModule, module_of
    >>> module_of(FunctionModule, __name__, "ELU", F.elu, {"alpha": 1.0}, ("alpha",))(2.0)
    ELU(alpha=2.0)
    """
    attributes = {
        "__doc__": f"As a module: {function.__doc__}",
        "__module__": module,
        "_function": staticmethod(function),
        "_arguments": arguments,
        "_shown": shown,
    }
    return type(name, (base,), attributes)


class LazyLayer(Layer):
    """A layer that becomes one of another class when it sees its first data.

    The last base class of a subclass is what it becomes; `_find_sizes` takes the sizes.
    """

    def _find_sizes(self, x: Any) -> None:
        """Set the sizes and shapes that were unknown from an input."""
        raise NotImplementedError

    def _become(self, x: Any) -> None:
        with lock:
            if isinstance(self, LazyLayer):
                self._find_sizes(x)
                self.__class__ = type(self).__bases__[-1]
                self._changed()

    def _compute(self, x: Any) -> Any:
        self._become(x)
        return self._compute(x)

    def has_uninitialized_params(self) -> bool:
        """Whether a parameter has no shape yet."""
        return any(held.array is None for held in self._reg_params.values())


def settle(held: Any, shape: tuple[int, ...], x: Any) -> None:
    """Give a parameter its shape, found from an input.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.dialects.torch.nn.layer import settle
    >>> from microlazy.dialects.torch.nn.parameter import Held
    >>> held = Held("weight", shape=(2, 0))
    >>> settle(held, (2, 3), np.ones((1, 3)))
    >>> held.why
    'inferred from the first input (1, 3)'
    """
    if held is not None and held.array is None:
        held.settle(shape, f"inferred from the first input {x.shape}")
