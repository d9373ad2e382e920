"""Unknown sizes of a block's own parameters, found from how `hybrid_forward` uses them.

MXNet made a symbolic graph of the block for this.  Here `hybrid_forward` runs on abstract
tensors, with an `_Unknown` in place of each parameter whose shape has unknown axes.  The first
use of each settles its shape; once all are settled the run ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

from ... import autograd
from ... import ndarray as nd
from ...base import ShapeError
from ...core import trace
from ...core.tensor import Tensor
from ..parameter import Parameter
from .dry_run import abstract
from .tree import parameters_of, where

Shape = tuple[int, ...]


def infer_from_use(block: Any, args: tuple[Any, ...]) -> None:
    """Set the unknown axes of the parameters that `block` itself registered."""
    parameters = parameters_of(block).items()
    unknown = {name: _Unknown(p) for name, p in parameters if not _is_known(p.shape)}
    if not unknown:
        return
    inputs = [abstract(arg) for arg in args]
    settled = [(name, p) for name, p in parameters if name not in unknown]
    known = {name: trace.abstract(p.shape, p.dtype) for name, p in settled}
    why = None
    try:
        with autograd.pause(), trace.tracing():
            functions = _Functions(nd, list(unknown.values()))
            block.hybrid_forward(functions, *inputs, **{**known, **unknown})
    except _AllSettled:
        for parameter in unknown.values():
            parameter.write(args)
        return
    except Exception as error:
        why = error
    names = ", ".join(f"{n} {u.shape}" for n, u in unknown.items() if not _is_known(u.shape))
    raise ShapeError(
        f"{where(block)} has parameters whose unknown sizes its hybrid_forward does not settle: "
        f"{names}. Give their whole shape when they are made, or override infer_shape(self, "
        "*inputs) of the block to set it." + (f" Seen: {why}" if why else "")
    ) from why


def _is_known(shape: Shape | None) -> bool:
    return shape is not None and all(size > 0 for size in shape)


class _AllSettled(BaseException):
    """No size is unknown any more, so the rest of the forward code need not run."""


class _Unknown:
    """Stands for a parameter whose shape has unknown axes."""

    def __init__(self, parameter: Parameter) -> None:
        self.parameter = parameter
        self.shape: Any = parameter.shape

    def settle(self, shape: Shape) -> None:
        """Take `shape`, which must agree with the axes known before."""
        agrees = len(shape) == len(self.shape) and all(
            old in (new, 0, -1) for old, new in zip(self.shape, shape, strict=True)
        )
        if not agrees:
            raise ShapeError(f"{self.parameter.name} {self.shape} is used as if it had {shape}")
        self.shape = shape

    def write(self, args: tuple[Any, ...]) -> None:
        self.parameter.settle(self.shape, f"inferred from the first input {args[0].shape}")


class _Functions:
    """A function namespace whose functions settle the unknown shapes among their arguments."""

    def __init__(self, namespace: ModuleType, unknown: list[_Unknown]) -> None:
        self._namespace, self._unknown = namespace, unknown

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._namespace, name)
        if isinstance(value, ModuleType):
            return _Functions(value, self._unknown)
        if name not in _RULES:
            return value

        def call(*args: Any, **kwargs: Any) -> Any:
            _RULES[name](*args, **kwargs)
            if all(_is_known(parameter.shape) for parameter in self._unknown):
                raise _AllSettled
            return value(*map(_tensor, args), **{k: _tensor(v) for k, v in kwargs.items()})

        return call


def _tensor(argument: Any) -> Any:
    """The abstract tensor of a parameter that is settled; anything else as it is."""
    if isinstance(argument, _Unknown):
        return trace.abstract(argument.shape, argument.parameter.dtype)
    return argument


def _settle_fully_connected(
    x: Tensor,
    weight: Any,
    bias: Any = None,
    num_hidden: int | None = None,
    no_bias: bool = False,
    flatten: bool = True,
    **ignored: Any,
) -> None:
    units = num_hidden or weight.shape[0]
    if isinstance(weight, _Unknown):
        weight.settle((units, math.prod(x.shape[1:]) if flatten else x.shape[-1]))
    if isinstance(bias, _Unknown):
        bias.settle((units,))


def _settle_dot(a: Any, b: Any, **ignored: Any) -> None:
    if isinstance(a, _Unknown):
        a.settle((*a.shape[:-1], b.shape[max(-2, -len(b.shape))]))
    if isinstance(b, _Unknown):
        b.settle((a.shape[-1], *b.shape[1:]))


_RULES: dict[str, Callable[..., None]] = {
    "FullyConnected": _settle_fully_connected,
    "fully_connected": _settle_fully_connected,
    "dot": _settle_dot,
    "matmul": _settle_dot,
}
