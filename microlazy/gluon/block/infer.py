"""Unknown sizes of a block's own parameters, found from how `hybrid_forward` uses them.

MXNet made a symbolic graph of the block for this.  Here `hybrid_forward` runs on abstract
tensors, with an `_Unknown` in place of each parameter whose shape has unknown axes.  The first
use of each settles its shape; once all are settled the run ends.
"""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ... import autograd
from ... import ndarray as nd
from ...base import MXNetError, ShapeError
from ...core import trace
from ...core.tensor import Tensor
from ..parameter import Parameter
from .dry_run import abstract
from .tree import parameters_of, where

if TYPE_CHECKING:
    from ...symbol.operators import Operator

Shape = tuple[int, ...]

# Functions with a name of their own, and the operators that they are.
_SAME = {"fully_connected": "FullyConnected", "convolution": "Convolution", "matmul": "dot"}


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
        rule, operator = _rule(name)
        if operator is None:
            return value

        def call(*args: Any, **kwargs: Any) -> Any:
            _settle(rule, operator, value, args, kwargs)
            if all(_is_known(parameter.shape) for parameter in self._unknown):
                raise _AllSettled
            return value(*map(_tensor, args), **{k: _tensor(v) for k, v in kwargs.items()})

        return call


def _tensor(argument: Any) -> Any:
    """The abstract tensor of a parameter that is settled; anything else as it is."""
    if isinstance(argument, _Unknown):
        return trace.abstract(argument.shape, argument.parameter.dtype)
    return argument


def _rule(name: str) -> tuple[Any, Operator | None]:
    """What a function asks of the shapes of its parameters, if there is a rule for it."""
    from ...symbol.operators import operator_of  # which most programs do not need
    from ...symbol.shapes import RULES

    try:
        operator = operator_of(_SAME.get(name, name))
    except MXNetError:
        return None, None
    rule = RULES.get(operator.name)
    return rule, operator if rule else None


def _settle(
    rule: Any, operator: Operator, function: Any, args: tuple[Any, ...], options: dict[str, Any]
) -> None:
    """Give the unknown arguments of a call the shapes that the others ask for."""
    own = {name: value for name, value in options.items() if name not in ("name", "out")}
    given = inspect.signature(function).bind(*args, **own).arguments
    places = dict(zip(operator.inputs, given.values(), strict=False))
    arrays = {name: x for name, x in places.items() if isinstance(x, Tensor | _Unknown)}
    unknown = {name: x for name, x in arrays.items() if isinstance(x, _Unknown)}
    values = {name: value for name, value in given.items() if name not in arrays}
    if unknown and ("data" not in operator.inputs or _is_known(arrays["data"].shape)):
        found = rule({name: tuple(x.shape) for name, x in arrays.items()}, values)
        for name, x in unknown.items():
            if name in found:
                x.settle(found[name])
