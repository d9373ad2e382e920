"""Unknown sizes of a block's own parameters, found from how `hybrid_forward` uses them.

MXNet made a symbolic graph of the block for this.  Here `hybrid_forward` runs on abstract
tensors, with an `_Unknown` in place of each parameter whose shape has unknown axes.  The first
use of each settles its shape; once all are settled the run ends.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from numbers import Real
from types import ModuleType
from typing import Any

from ... import autograd
from ... import ndarray as nd
from ...base import ShapeError
from ...core import trace
from ...core.tensor import Tensor
from ...ops.recurrent import parameter_shapes
from ..parameter import Parameter
from .dry_run import abstract
from .tree import parameters_of, where

Shape = tuple[int, ...]


def infer_from_use(block: Any, args: tuple[Any, ...]) -> None:
    """Set the unknown axes of the parameters that `block` itself registered."""
    parameters = parameters_of(block).items()
    unknown: dict[str, _Unknown] = {}
    for name, p in parameters:
        if not _is_known(p.shape):
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
        if all(_is_known(other.shape) for other in self._run.values()):
            raise _AllSettled

    def write(self, args: tuple[Any, ...]) -> None:
        self.parameter.settle(self.shape, f"inferred from the first input {args[0].shape}")

    def __getattr__(self, name: str) -> Any:
        if not _is_known(self.shape):
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
            if isinstance(one, _Unknown) and not _is_known(one.shape):
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
            if name in _RULES:
                _RULES[name](*args, **kwargs)
            given = [_tensor(argument) for argument in args]
            first = given[0] if given else kwargs.get("data")
            if name in _OF_EACH_ELEMENT and isinstance(first, _Unknown):
                return first
            return value(*given, **{k: _tensor(v) for k, v in kwargs.items()})

        return call


def _tensor(argument: Any) -> Any:
    """The abstract tensor of a parameter that is settled; anything else as it is."""
    if isinstance(argument, _Unknown) and _is_known(argument.shape):
        return trace.abstract(argument.shape, argument.parameter.dtype)
    return argument


def _settle(*wanted: tuple[Any, Shape]) -> None:
    """Give shapes to those of some arguments that need one."""
    for argument, shape in wanted:
        if isinstance(argument, _Unknown):
            argument.settle(shape)


def _settle_fully_connected(
    data: Tensor,
    weight: Any,
    bias: Any = None,
    num_hidden: int | None = None,
    no_bias: bool = False,
    flatten: bool = True,
    **ignored: Any,
) -> None:
    units = num_hidden or weight.shape[0]
    features = math.prod(data.shape[1:]) if flatten else data.shape[-1]
    _settle((weight, (units, features)), (bias, (units,)))


def _settle_dot(
    lhs: Any, rhs: Any, transpose_a: bool = False, transpose_b: bool = False, **ignored: Any
) -> None:
    if isinstance(lhs, _Unknown):
        size = rhs.shape[-1 if transpose_b else max(-2, -len(rhs.shape))]
        lhs.settle((size, *lhs.shape[1:]) if transpose_a else (*lhs.shape[:-1], size))
    if isinstance(rhs, _Unknown):
        size = lhs.shape[0 if transpose_a else -1]
        rhs.settle((*rhs.shape[:-1], size) if transpose_b else (size, *rhs.shape[1:]))


def _filters_settler(is_transposed: bool) -> Callable[..., None]:
    """The rule of convolutions: filters of (out, in / groups, *kernel), or those of the transpose.

    With channels last in the data, they are last in the filters too.
    """

    def settle(
        data: Tensor,
        weight: Any,
        bias: Any = None,
        kernel: Any = None,
        num_filter: int | None = None,
        num_group: int = 1,
        layout: str | None = None,
        **ignored: Any,
    ) -> None:
        channels_last = layout is not None and layout.endswith("C")
        channels = data.shape[-1 if channels_last else 1]
        places = kernel if isinstance(kernel, Sequence) else (kernel,) * (data.ndim - 2)
        filters = num_filter or bias.shape[0]
        first, second = (channels, filters) if is_transposed else (filters, channels)
        second //= num_group
        shape = (first, *places, second) if channels_last else (first, second, *places)
        _settle((weight, shape), (bias, (filters,)))

    return settle


def _settle_batch_norm(
    data: Tensor,
    gamma: Any,
    beta: Any,
    moving_mean: Any,
    moving_var: Any,
    axis: int = 1,
    **ignored: Any,
) -> None:
    arrays = (gamma, beta, moving_mean, moving_var)
    _settle(*((array, (data.shape[axis],)) for array in arrays))


def _settle_layer_norm(data: Tensor, gamma: Any, beta: Any, axis: int = -1, **ignored: Any) -> None:
    _settle((gamma, (data.shape[axis],)), (beta, (data.shape[axis],)))


def _settle_instance_norm(data: Tensor, gamma: Any, beta: Any, **ignored: Any) -> None:
    _settle_layer_norm(data, gamma, beta, 1)


def _settle_group_norm(
    data: Tensor, gamma: Any, beta: Any, num_groups: int = 1, **ignored: Any
) -> None:
    _settle((gamma, (num_groups,)), (beta, (num_groups,)))


def _settle_embedding(
    data: Tensor,
    weight: Any,
    input_dim: int | None = None,
    output_dim: int | None = None,
    **ignored: Any,
) -> None:
    known = weight.shape
    _settle((weight, (input_dim or known[0], output_dim or known[1])))


def _settle_rnn(
    data: Tensor,
    parameters: Any,
    *states: Any,
    state_size: int,
    num_layers: int,
    mode: str,
    bidirectional: bool = False,
    **ignored: Any,
) -> None:
    shapes = parameter_shapes(mode, data.shape[2], state_size, num_layers, 1 + bidirectional)
    _settle((parameters, (sum(math.prod(shape) for layer in shapes for shape in layer),)))


def _settle_elementwise(lhs: Any, rhs: Any, **ignored: Any) -> None:
    """Operands without broadcasting have the same shape."""
    if _is_known(rhs.shape):
        _settle((lhs, rhs.shape))
    if _is_known(lhs.shape):
        _settle((rhs, lhs.shape))


# What leaves a parameter's shape as it is.
_OF_EACH_ELEMENT = {
    *("Activation", "BlockGrad", "Cast", "Dropout", "abs", "activation", "cast", "clip", "dropout"),
    *("exp", "identity", "log", "relu", "sigmoid", "softplus", "softsign", "sqrt", "square"),
    *("stop_gradient", "tanh"),
}

_RULES: dict[str, Callable[..., None]] = {
    "FullyConnected": _settle_fully_connected,
    "Convolution": _filters_settler(is_transposed=False),
    "Deconvolution": _filters_settler(is_transposed=True),
    "BatchNorm": _settle_batch_norm,
    "LayerNorm": _settle_layer_norm,
    "InstanceNorm": _settle_instance_norm,
    "GroupNorm": _settle_group_norm,
    "Embedding": _settle_embedding,
    "RNN": _settle_rnn,
    "dot": _settle_dot,
    "matmul": _settle_dot,
}
_RULES |= {
    "fully_connected": _RULES["FullyConnected"],
    "convolution": _RULES["Convolution"],
    "deconvolution": _RULES["Deconvolution"],
    "batch_norm": _RULES["BatchNorm"],
    "layer_norm": _RULES["LayerNorm"],
    "instance_norm": _RULES["InstanceNorm"],
    "group_norm": _RULES["GroupNorm"],
    "embedding": _RULES["Embedding"],
    "rnn": _RULES["RNN"],
}
_RULES |= {f"elemwise_{name}": _settle_elementwise for name in ("add", "sub", "mul", "div")}
