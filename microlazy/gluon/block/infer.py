"""Unknown sizes of a block's own parameters, found from how `hybrid_forward` uses them.

MXNet made a symbolic graph of the block for this.  Here `hybrid_forward` runs on abstract
tensors, with an `_Unknown` in place of each parameter whose shape has unknown axes.  The first
use of each settles its shape; once all are settled the run ends.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable
from numbers import Real
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ... import autograd
from ... import ndarray as nd
from ...base import MXNetError, ShapeError, is_known
from ...core import trace
from ...core.tensor import Tensor
from ...initializer import Zero
from ..parameter import Parameter
from ..parameter.parameter import lock
from .dry_run import abstract, dry_run
from .tree import parameters_of, where

if TYPE_CHECKING:
    from ...symbol.operators import Operator

Shape = tuple[int, ...]

# Functions with a name of their own, and the operators that they are.
_SAME = {
    "batch_norm": "BatchNorm",
    "convolution": "Convolution",
    "deconvolution": "Deconvolution",
    "embedding": "Embedding",
    "fully_connected": "FullyConnected",
    "group_norm": "GroupNorm",
    "instance_norm": "InstanceNorm",
    "layer_norm": "LayerNorm",
    "matmul": "dot",
    "rnn": "RNN",
}


def infer_from_use(block: Any, args: tuple[Any, ...]) -> None:
    """Set the unknown axes of the parameters that `block` itself registered."""
    parameters = parameters_of(block).items()
    unknown: dict[str, _Unknown] = {}
    for name, p in parameters:
        if not is_known(p.shape):
            unknown[name] = _Unknown(p, unknown)
    if not unknown:
        return
    inputs = [abstract(arg) for arg in args]
    settled = [(name, p) for name, p in parameters if name not in unknown]
    known = {name: trace.abstract(p.shape, p.dtype) for name, p in settled}
    why = None
    try:
        with autograd.pause(), trace.tracing():
            block.hybrid_forward(_Functions(nd), *inputs, **{**known, **unknown})
    except _AllSettled:
        for parameter in unknown.values():
            parameter.write(args)
        return
    except Exception as error:
        why = error
    names = ", ".join(f"{n} {u.shape}" for n, u in unknown.items() if not is_known(u.shape))
    raise ShapeError(
        f"{where(block)} has parameters whose unknown sizes its hybrid_forward does not settle: "
        f"{names}. Give their whole shape when they are made, or override infer_shape(self, "
        "*inputs) of the block to set it." + (f" Seen: {why}" if why else "")
    ) from why


def infer_below(block: Any, args: tuple[Any, ...]) -> None:
    """Set the unknown axes of the parameters of `block` and below, whose values are left for later.

    The network runs on shapes, with zeros for all parameters that have no values.
    """
    waiting = [p for p in block.collect_params().values() if p.state != "live"]
    if all(is_known(p.shape) for p in waiting):
        return
    blocks: list[Any] = []
    block._gather(blocks)
    notes = [(each, each._has_run, each._only_forward) for each in blocks]
    with lock:
        before = [(p, p.snapshot()) for p in waiting]
        try:
            for p in waiting:
                contexts = p.list_ctx() if p.state == "deferred" else None
                p.initialize(Zero(), contexts, force_reinit=True)
            dry_run(block, args, "float32")
            found = [(p.shape, p.why) for p in waiting]
        finally:
            for p, snapshot in before:
                p.restore(snapshot)
            for each, has_run, only_forward in notes:
                each._has_run, each._only_forward = has_run, only_forward
        for p, (shape, source) in zip(waiting, found, strict=True):
            if is_known(shape):
                p.settle(shape, source)


class _AllSettled(BaseException):
    """No size is unknown any more, so the rest of the forward code need not run."""


class _Unknown:
    """Stands for a parameter whose shape has unknown axes.

    Beside a number it stays what it is; beside an array it has the array's shape. Once it is
    settled, it has all that arrays have.
    """

    __array_ufunc__ = None  # so that an array leaves its operators to this class

    def __init__(self, parameter: Parameter, run: dict[str, _Unknown]) -> None:
        self.parameter, self._run = parameter, run
        self.shape: Any = parameter.shape

    def settle(self, shape: Shape) -> None:
        """Take `shape`, which must agree with the axes known before."""
        known = self.shape or (0,) * len(shape)
        agrees = len(shape) == len(known) and all(
            old in (new, 0, -1) for old, new in zip(known, shape, strict=True)
        )
        if not agrees:
            raise ShapeError(f"{self.parameter.name} {self.shape} is used as if it had {shape}")
        self.shape = shape
        if all(is_known(other.shape) for other in self._run.values()):
            raise _AllSettled

    def write(self, args: tuple[Any, ...]) -> None:
        self.parameter.settle(self.shape, f"inferred from the first input {args[0].shape}")

    def __getattr__(self, name: str) -> Any:
        if not is_known(self.shape):
            raise AttributeError(f"{name} of {self.parameter.name} is asked for")
        return getattr(_tensor(self), name)

    def __getitem__(self, key: Any) -> Any:
        return self.__getattr__("__getitem__")(key)

    def __neg__(self) -> Any:
        return self

    def __pow__(self, other: Any) -> Any:
        return self._beside(operator.pow, other, False)

    def _beside(self, operation: Callable[[Any, Any], Any], other: Any, turned: bool) -> Any:
        if isinstance(other, Real):
            return self
        pair = (other, self) if turned else (self, other)
        _settle_elementwise(*pair)
        for one in pair:
            if isinstance(one, _Unknown) and not is_known(one.shape):
                raise ShapeError(f"the other operand says too little of {one.parameter.name}")
        return operation(*map(_tensor, pair))

    def __add__(self, other: Any) -> Any:
        return self._beside(operator.add, other, False)

    def __radd__(self, other: Any) -> Any:
        return self._beside(operator.add, other, True)

    def __sub__(self, other: Any) -> Any:
        return self._beside(operator.sub, other, False)

    def __rsub__(self, other: Any) -> Any:
        return self._beside(operator.sub, other, True)

    def __mul__(self, other: Any) -> Any:
        return self._beside(operator.mul, other, False)

    def __rmul__(self, other: Any) -> Any:
        return self._beside(operator.mul, other, True)

    def __truediv__(self, other: Any) -> Any:
        return self._beside(operator.truediv, other, False)

    def __rtruediv__(self, other: Any) -> Any:
        return self._beside(operator.truediv, other, True)


class _Functions:
    """A function namespace whose functions settle the unknown shapes among their arguments."""

    def __init__(self, namespace: ModuleType) -> None:
        self._namespace = namespace

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._namespace, name)
        if isinstance(value, ModuleType):
            return _Functions(value)
        if not callable(value):
            return value

        def call(*args: Any, **kwargs: Any) -> Any:
            rule, operator = _rule(name)
            if operator is not None:
                _settle(rule, operator, value, args, kwargs)
            given = [_tensor(argument) for argument in args]
            first = given[0] if given else kwargs.get("data")
            if name in _OF_EACH_ELEMENT and isinstance(first, _Unknown):
                return first
            return value(*given, **{k: _tensor(v) for k, v in kwargs.items()})

        return call


def _tensor(argument: Any) -> Any:
    """The abstract tensor of a parameter that is settled; anything else as it is."""
    if isinstance(argument, _Unknown) and is_known(argument.shape):
        return trace.abstract(argument.shape, argument.parameter.dtype)
    return argument


def _settle_elementwise(lhs: Any, rhs: Any) -> None:
    """Operands without broadcasting have the same shape."""
    if isinstance(lhs, _Unknown) and is_known(rhs.shape):
        lhs.settle(rhs.shape)
    if isinstance(rhs, _Unknown) and is_known(lhs.shape):
        rhs.settle(lhs.shape)


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
    if unknown and ("data" not in operator.inputs or is_known(arrays["data"].shape)):
        found = rule({name: tuple(x.shape or ()) for name, x in arrays.items()}, values)
        for name, x in unknown.items():
            if name in found:
                x.settle(found[name])


# What leaves a parameter's shape as it is.
_OF_EACH_ELEMENT = {
    *("Activation", "BlockGrad", "Cast", "Dropout", "abs", "activation", "cast", "clip", "dropout"),
    *("exp", "identity", "log", "relu", "sigmoid", "softplus", "softsign", "sqrt", "square"),
    *("stop_gradient", "tanh"),
}
