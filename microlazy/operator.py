"""`mx.operator`: operators of one's own in Python, as MXNet's programs write them.

`autograd.Function` is the shorter way; `register` and `nd.Custom` are built on it.
"""

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any

import numpy

from microlazy.autograd import Function, is_training
from microlazy.base import MXNetError, ShapeError
from microlazy.context import current_context
from microlazy.core import functions as _f
from microlazy.core.tensor import Tensor
from microlazy.ops.arguments import need_arrays, op

__all__ = ["Custom", "CustomOp", "CustomOpProp", "get_all_registered_operators", "register"]

_registered: dict[str, Callable[..., "CustomOpProp"]] = {}


class CustomOp:
    """What an operator computes: derive a class with `forward` and `backward`.

    Examples
    --------
    >>> import microlazy as mx
    >>> class Square(mx.operator.CustomOp):
    ...     def forward(self, is_train, req, in_data, out_data, aux):
    ...         self.assign(out_data[0], req[0], in_data[0] ** 2)
    ...     def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
    ...         self.assign(in_grad[0], req[0], 2 * in_data[0] * out_grad[0])
    >>> @mx.operator.register("square_of_mine")
    ... class SquareProp(mx.operator.CustomOpProp):
    ...     def create_operator(self, ctx, in_shapes, in_dtypes):
    ...         return Square()
    >>> x = mx.nd.array([3])
    >>> x.attach_grad()
    >>> with mx.autograd.record():
    ...     y = mx.nd.Custom(x, op_type="square_of_mine")
    >>> y.backward()
    >>> x.grad.asscalar()
    np.float32(6.0)
    """

    def forward(
        self,
        is_train: bool,
        req: list[str],
        in_data: list[Any],
        out_data: list[Any],
        aux: list[Any],
    ) -> None:
        """Compute `out_data` from `in_data`; `assign` writes as `req` asks."""
        raise NotImplementedError(f"{type(self).__name__} needs a forward method")

    def backward(
        self,
        req: list[str],
        out_grad: list[Any],
        in_data: list[Any],
        out_data: list[Any],
        in_grad: list[Any],
        aux: list[Any],
    ) -> None:
        """Compute `in_grad`, the gradients of the inputs, from those of the outputs."""
        raise NotImplementedError(f"{type(self).__name__} needs a backward method")

    def assign(self, dst: Any, req: str, src: Any) -> None:
        """Write `src` into `dst` for "write" and "inplace", add it for "add", else do nothing."""
        if req in ("write", "inplace"):
            dst[...] = src
        elif req == "add":
            dst[...] = dst + src
        elif req != "null":
            raise ValueError(f"req is 'null', 'write', 'inplace' or 'add', not {req!r}")


class CustomOpProp:
    """What is known of an operator before it runs: its inputs, outputs, shapes and dtypes.

    Parameters
    ----------
    need_top_grad : bool
        Whether `backward` needs the gradients of the outputs; a loss does not.

    Notes
    -----
    The options of `nd.Custom` come to the constructor of a derived class as texts.

    Examples
    --------
    >>> from microlazy.operator import CustomOpProp
    >>> CustomOpProp().infer_shape([[2, 3]])
    ([[2, 3]], [[2, 3]], [])
    """

    def __init__(self, need_top_grad: bool = True) -> None:
        self.need_top_grad_ = need_top_grad

    def infer_shape(self, in_shape: list[Any]) -> tuple[list[Any], ...]:
        """Return the shapes of inputs, outputs and (if there are) auxiliary states."""
        return in_shape, [in_shape[0]] * len(self.list_outputs()), []

    def infer_type(self, in_type: list[Any]) -> tuple[list[Any], ...]:
        """Return the dtypes of inputs, outputs and auxiliary states."""
        states = self.list_auxiliary_states()
        return in_type, [in_type[0]] * len(self.list_outputs()), [in_type[0]] * len(states)

    def list_outputs(self) -> list[str]:
        """Return the names of the outputs."""
        return ["output"]

    def list_arguments(self) -> list[str]:
        """Return the names of the inputs."""
        return ["data"]

    def list_auxiliary_states(self) -> list[str]:
        """Return the names of arrays that belong to the operator and have no gradient."""
        return []

    def declare_backward_dependency(
        self, out_grad: list[int], in_data: list[int], out_data: list[int]
    ) -> list[int]:
        """Return the numbers of the arrays that `backward` reads; microlazy gives it all."""
        return [*(out_grad if self.need_top_grad_ else ()), *in_data, *out_data]

    def create_operator(self, ctx: Any, in_shapes: list[Any], in_dtypes: list[Any]) -> CustomOp:
        """Return the operator for inputs of these shapes and dtypes."""
        raise NotImplementedError(f"{type(self).__name__} needs a create_operator method")


def register(reg_name: str) -> Callable[[type[CustomOpProp]], type[CustomOpProp]]:
    """Return a decorator that gives an operator the name for `nd.Custom`.

    Parameters
    ----------
    reg_name : str
        A later class of the same name takes its place.

    Examples
    --------
    >>> import microlazy as mx
    >>> @mx.operator.register("nothing_yet")
    ... class Nothing(mx.operator.CustomOpProp):
    ...     pass
    >>> "nothing_yet" in mx.operator.get_all_registered_operators()
    True
    """

    def decorate(prop: type[CustomOpProp]) -> type[CustomOpProp]:
        if not (isinstance(prop, type) and issubclass(prop, CustomOpProp)):
            raise TypeError(f"register({reg_name!r}): a CustomOpProp is expected, not {prop!r}")
        _registered[reg_name] = prop
        return prop

    return decorate


def get_all_registered_operators() -> list[str]:
    """Return the names of the operators that were registered.

    Examples
    --------
    >>> from microlazy.operator import get_all_registered_operators
    >>> isinstance(get_all_registered_operators(), list)
    True
    """
    return list(_registered)


class _Call(Function):
    """One call of a registered operator; states are inputs without a gradient."""

    def __init__(self, prop: CustomOpProp, operator: CustomOp, made: Sequence[Any], inputs: int):
        self._operator = operator
        self._outputs = list(made)
        self._inputs = inputs
        self._need_top_grad = prop.need_top_grad_

    def forward(self, *inputs: Any) -> Any:
        data, states = inputs[: self._inputs], inputs[self._inputs :]
        self.save_for_backward(*inputs, *self._outputs)
        req = ["write"] * len(self._outputs)
        self._operator.forward(is_training(), req, list(data), self._outputs, list(states))
        return self._outputs if len(self._outputs) > 1 else self._outputs[0]

    def backward(self, *output_grads: Any) -> Any:
        count = len(self.saved_tensors) - len(self._outputs)
        inputs, outputs = self.saved_tensors[:count], list(self.saved_tensors[count:])
        data, states = list(inputs[: self._inputs]), list(inputs[self._inputs :])
        grads = [_f.new_array(_f.face_of(x), x.shape, x.dtype, 0) for x in data]
        heads = list(output_grads) if self._need_top_grad else []
        req = ["write"] * len(data)
        self._operator.backward(req, heads, data, outputs, grads, states)
        return [*grads, *[None] * len(states)]


def make_prop(op_type: str | None, options: dict[str, str]) -> CustomOpProp:
    """The description of a registered operator, made with its keywords."""
    if op_type not in _registered:
        raise MXNetError(
            f"Custom: op_type={op_type!r} is not registered; mx.operator.register knows "
            f"{sorted(_registered)}"
        )
    make = _registered[op_type]
    try:
        signature(make).bind(**options)
    except TypeError as error:
        known = [name for name in signature(make).parameters if name != "need_top_grad"]
        raise TypeError(
            f"Custom: {op_type} takes the keywords {known}, not {sorted(options)}: {error}"
        ) from None
    return make(**options)


@op
def Custom(*data: Any, op_type: str | None = None, **options: Any) -> Any:
    """Call an operator that was registered with `mx.operator.register`.

    Parameters
    ----------
    *data : arrays
        The inputs, then the auxiliary states, if it has any.
    op_type : str
        The registered name.
    **options
        For the constructor of the CustomOpProp, to which they come as texts.

    Returns
    -------
    array or list of arrays

    Raises
    ------
    MXNetError
        If nothing is registered by that name, or the number of arrays or a shape is wrong.

    Notes
    -----
    A hybridized block with it runs eagerly, as with every `autograd.Function`.

    Examples
    --------
    >>> import microlazy as mx
    >>> class Half(mx.operator.CustomOp):
    ...     def forward(self, is_train, req, in_data, out_data, aux):
    ...         self.assign(out_data[0], req[0], in_data[0] / 2)
    >>> @mx.operator.register("half")
    ... class HalfProp(mx.operator.CustomOpProp):
    ...     def create_operator(self, ctx, in_shapes, in_dtypes):
    ...         return Half()
    >>> mx.nd.Custom(mx.nd.array([3]), op_type="half").asscalar()
    np.float32(1.5)
    """
    prop = make_prop(op_type, {name: str(value) for name, value in options.items()})
    need_arrays(data)
    arguments, states = prop.list_arguments(), prop.list_auxiliary_states()
    if len(data) != len(arguments) + len(states):
        raise MXNetError(
            f"Custom: {op_type} takes {len(arguments)} inputs {arguments} and {len(states)} states "
            f"{states}, but {len(data)} arrays were given"
        )
    inputs = data[: len(arguments)]
    shapes = [list(x.shape) for x in inputs]
    dtypes = [numpy.dtype(x.dtype).type for x in inputs]
    wanted, out_shapes = prop.infer_shape([list(shape) for shape in shapes])[:2]
    for name, x, shape in zip(arguments, inputs, wanted, strict=True):
        if tuple(shape) != x.shape:
            raise ShapeError(
                f"Custom: {op_type} needs {name} of shape {tuple(shape)}, but it has {x.shape}"
            )
    out_dtypes = prop.infer_type(list(dtypes))[1]
    if not len(out_shapes) == len(out_dtypes) == len(prop.list_outputs()):
        raise MXNetError(
            f"Custom: {op_type} has the outputs {prop.list_outputs()}, but infer_shape tells of "
            f"{len(out_shapes)} and infer_type of {len(out_dtypes)}"
        )
    operator = prop.create_operator(current_context(), shapes, dtypes)
    if not isinstance(operator, CustomOp):
        raise TypeError(
            f"Custom: create_operator of {type(prop).__name__} must return a CustomOp, not "
            f"{operator!r}"
        )
    made: list[Tensor] = [
        _f.new_array(_f.face_of(data[0]), tuple(shape), dtype, 0)
        for shape, dtype in zip(out_shapes, out_dtypes, strict=True)
    ]
    return _Call(prop, operator, made, len(inputs))(*data)
