"""`mx.executor`: a graph bound to arrays, which it computes on.

Underneath is a hybridized block, so an executor is a plan: the second run of the same kind takes
no Python.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from microlazy import autograd
from microlazy import ndarray as nd
from microlazy.base import MXNetError, ShapeError, is_known
from microlazy.context import Context, current_context
from microlazy.core.differentiation import is_tracked
from microlazy.core.tensor import Tensor
from microlazy.gluon import HybridBlock
from microlazy.symbol import Symbol
from microlazy.symbol.dtypes import infer_types
from microlazy.symbol.graph import Node
from microlazy.symbol.running import Program, labels_of
from microlazy.symbol.shapes import infer

__all__ = ["Executor", "bind", "simple_bind"]

Arrays = dict[str, Tensor]


class _Graph(HybridBlock):
    """A graph as a block whose inputs are all its variables."""

    def __init__(self, program: Program, names: Sequence[str]) -> None:
        super().__init__(prefix="")
        self.program, self.names = program, names

    def forward(self, *arrays: Any) -> Any:
        return self.program.run(dict(zip(self.names, arrays, strict=True)))


class Executor:
    """A graph with arrays for its variables: what `bind` and `simple_bind` of a symbol return.

    Attributes
    ----------
    arg_dict, grad_dict, aux_dict : dict of str to NDArray
        Arguments, their gradients, and what operators change, by name.
    outputs : list of NDArray
        Of the last `forward`.

    Examples
    --------
    >>> import microlazy as mx
    >>> run = (mx.sym.var("x") * 2).bind(mx.cpu(), {"x": mx.nd.array([1, 2])})
    >>> run.forward()
    [
    [2. 4.]
    <NDArray 2 @cpu(0)>]
    """

    def __init__(
        self,
        symbol: Symbol,
        ctx: Context,
        arguments: Arrays,
        gradients: Arrays,
        requests: Mapping[str, str],
        auxiliary: Arrays,
    ) -> None:
        self._symbol, self._ctx, self._requests = symbol, ctx, requests
        self.arg_dict, self.grad_dict, self.aux_dict = arguments, gradients, auxiliary
        self.outputs: list[Tensor] = []
        self._program = Program(symbol)
        self._graph = _Graph(self._program, [*arguments, *auxiliary])
        kinds = [node.operator for node in self._program.nodes]
        self._graph.hybridize(all(kind is None or kind.fits_plans for kind in kinds))
        self._monitor: Callable[[str, Tensor], Any] | None = None
        self._recorded: list[Tensor] = []
        wanted = [name for name in gradients if requests[name] != "null"]
        autograd.mark_variables(
            [arguments[name] for name in wanted],
            [gradients[name] for name in wanted],
            [requests[name] for name in wanted],
        )

    @property
    def arg_arrays(self) -> list[Tensor]:
        """The arguments in order.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.sym.var("x").exp().simple_bind(x=(2,)).arg_arrays[0].shape
        (2,)
        """
        return list(self.arg_dict.values())

    @property
    def grad_arrays(self) -> list[Tensor | None]:
        """The gradients in the order of the arguments, None where there is none.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.sym.var("x").exp().simple_bind(grad_req="null", x=(2,)).grad_arrays
        [None]
        """
        return [self.grad_dict.get(name) for name in self.arg_dict]

    @property
    def aux_arrays(self) -> list[Tensor]:
        """The auxiliary states in order.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.sym.var("x").exp().simple_bind(x=(2,)).aux_arrays
        []
        """
        return list(self.aux_dict.values())

    @property
    def output_dict(self) -> Arrays:
        """The outputs by name.

        Examples
        --------
        >>> import microlazy as mx
        >>> run = mx.sym.var("x").exp(name="e").simple_bind(x=(2,))
        >>> outputs = run.forward()
        >>> list(run.output_dict)
        ['e_output']
        """
        return dict(zip(self._symbol.list_outputs(), self.outputs, strict=False))

    def forward(self, is_train: bool = False, **kwargs: Any) -> list[Tensor]:
        """Compute the outputs.

        Parameters
        ----------
        is_train : bool
            Whether to compute as in training, and to keep what `backward` needs.
        **kwargs : array
            New values of arguments, which are copied.

        Returns
        -------
        list of NDArray

        Raises
        ------
        TypeError
            If there is no such argument.
        ShapeError
            If an array has another shape than the argument.

        Examples
        --------
        >>> import microlazy as mx
        >>> run = mx.sym.var("x").exp().simple_bind(x=(2,))
        >>> run.forward(x=mx.nd.zeros((2,)))[0].asnumpy()
        array([1., 1.], dtype=float32)
        """
        for name, values in kwargs.items():
            if name not in self.arg_dict:
                raise TypeError(f"there is no argument {name!r}; they are {list(self.arg_dict)}")
            _copy(name, values, self.arg_dict[name])
        self.outputs, self._recorded = [], []
        if is_train:
            with autograd.record():
                self.outputs = self._compute()
            self._recorded = self.outputs
        else:
            with autograd.pause():
                self.outputs = self._compute()
        return self.outputs

    def _compute(self) -> list[Tensor]:
        if self._monitor is None:
            return self._graph(*self.arg_dict.values(), *self.aux_dict.values())
        return self._program.run(self.arg_dict | self.aux_dict, self._watch)

    def _watch(self, node: Node, outputs: list[Tensor]) -> None:
        assert self._monitor is not None
        for index, output in enumerate(outputs[: len(node.outputs)]):
            self._monitor(node.output_name(index), output)

    def backward(self, out_grads: Any = None, is_train: bool = True) -> None:
        """Compute the gradients of the arguments.

        Parameters
        ----------
        out_grads : NDArray, or list or dict of them, optional
            The gradients of the outputs; ones if left out. Output layers need none.
        is_train : bool
            Of no effect: `forward` decides.

        Raises
        ------
        MXNetError
            If `forward(is_train=True)` did not run before.

        Examples
        --------
        >>> import microlazy as mx
        >>> run = mx.sym.var("x").square().simple_bind(x=(2,))
        >>> outputs = run.forward(is_train=True, x=mx.nd.array([1, 2]))
        >>> run.backward()
        >>> run.grad_dict["x"].asnumpy()
        array([2., 4.], dtype=float32)
        """
        if not self._recorded:
            raise MXNetError("backward: call forward(is_train=True) before")
        if all(self._requests[name] == "null" for name in self.grad_dict):
            return
        heads = out_grads
        if isinstance(heads, Tensor):
            heads = [heads]
        if isinstance(heads, Mapping):
            heads = [heads[name] for name in self._symbol.list_outputs()]
        gradients = [None] * len(self._recorded) if heads is None else heads
        if len(gradients) != len(self._recorded):
            raise MXNetError(
                f"backward: {len(gradients)} gradients are given for {len(self._recorded)} outputs"
            )
        pairs = list(zip(self._recorded, gradients, strict=True))
        # An output that depends on no argument, such as an accuracy, goes nowhere.
        pairs = [pair for pair in pairs if is_tracked(pair[0])]
        if pairs:
            autograd.backward([head for head, _ in pairs], [gradient for _, gradient in pairs])

    def copy_params_from(
        self,
        arg_params: Mapping[str, Any],
        aux_params: Mapping[str, Any] | None = None,
        allow_extra_params: bool = False,
    ) -> None:
        """Copy values into the arguments and auxiliary states.

        Parameters
        ----------
        arg_params, aux_params : dict of str to array
            By name.
        allow_extra_params : bool
            Whether others may be among them.

        Raises
        ------
        ValueError
            If there is no such argument.

        Examples
        --------
        >>> import microlazy as mx
        >>> run = mx.sym.var("x").exp().simple_bind(x=(2,))
        >>> run.copy_params_from({"x": mx.nd.ones((2,))})
        >>> run.arg_dict["x"].asnumpy()
        array([1., 1.], dtype=float32)
        """
        for given, own in ((arg_params, self.arg_dict), (aux_params or {}, self.aux_dict)):
            for name, values in given.items():
                if name in own:
                    _copy(name, values, own[name])
                elif not allow_extra_params:
                    raise ValueError(f"Find name {name!r} that is not in the arguments")

    def reshape(
        self, partial_shaping: bool = False, allow_up_sizing: bool = False, **kwargs: Any
    ) -> Executor:
        """The same graph for inputs of other shapes; arrays whose shape stays are shared.

        Parameters
        ----------
        partial_shaping : bool
            Whether arguments that are not named may change their shape.
        allow_up_sizing : bool
            Of no effect: memory is taken as needed.
        **kwargs : tuple of int
            Shapes by name.

        Raises
        ------
        MXNetError
            If an argument that is not named would change its shape.

        Examples
        --------
        >>> import microlazy as mx
        >>> net = mx.sym.FullyConnected(mx.sym.var("x"), num_hidden=3, name="fc")
        >>> run = net.simple_bind(x=(2, 5))
        >>> run.reshape(x=(4, 5)).forward()[0].shape
        (4, 3)
        """
        types = {name: x.dtype for name, x in self.arg_dict.items()}
        return simple_bind(self._symbol, self._ctx, self._requests, types, kwargs, self,
                           partial_shaping)  # fmt: skip

    def set_monitor_callback(
        self, callback: Callable[[str, Tensor], Any], monitor_all: bool = False
    ) -> None:
        """Have ``callback(name, array)`` called for each output of each node.

        Parameters
        ----------
        callback : callable
        monitor_all : bool
            Of no effect: variables are at hand in `arg_dict`.

        Notes
        -----
        The graph then runs node by node.

        Examples
        --------
        >>> import microlazy as mx
        >>> run = mx.sym.var("x").exp(name="e").simple_bind(x=(2,))
        >>> run.set_monitor_callback(lambda name, x: print(name, x.shape))
        >>> _ = run.forward()
        e_output (2,)
        """
        self._monitor = callback

    def debug_str(self) -> str:
        """The nodes in words.

        Examples
        --------
        >>> import microlazy as mx
        >>> print(mx.sym.var("x").exp(name="e").simple_bind(x=(2,)).debug_str())
        Variable:x
        Op:exp, Name=e, Inputs: x
        Outputs: e_output
        """
        return self._symbol.debug_str()


def _copy(name: str, values: Any, target: Tensor) -> None:
    given = values if isinstance(values, Tensor) else nd.array(values, dtype=target.dtype)
    if given.shape != target.shape:
        raise ShapeError(f"{name!r} has shape {target.shape}, but got {given.shape}")
    target[:] = given


def _by_name(given: Any, names: Sequence[str], what: str) -> dict[str, Any]:
    """A list in the order of names, or a dict, as a dict."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return {name: given[name] for name in names if given.get(name) is not None}
    if len(given) != len(names):
        raise ValueError(f"{what}: {len(given)} are given for {len(names)}: {', '.join(names)}")
    return {name: value for name, value in zip(names, given, strict=True) if value is not None}


def _requests(given: Any, names: Sequence[str]) -> dict[str, str]:
    if isinstance(given, str):
        found = dict.fromkeys(names, given)
    else:
        found = dict.fromkeys(names, "null") | _by_name(given, names, "grad_req")
    wrong = {request for request in found.values()} - {"write", "add", "null"}
    if wrong:
        raise ValueError(f"grad_req must be 'write', 'add' or 'null', not {wrong.pop()!r}")
    return found


def bind(
    symbol: Symbol, ctx: Any, args: Any, args_grad: Any, grad_req: Any, aux_states: Any
) -> Executor:
    """See `Symbol.bind`.

    Raises
    ------
    ValueError
        If an argument has no array, but for labels that only gradients need.
    MXNetError
        If the shapes do not agree.
    """
    names, auxiliary = symbol.list_arguments(), symbol.list_auxiliary_states()
    arguments = _by_name(args, names, "args")
    missing = [name for name in names if name not in arguments and name not in labels_of(symbol)]
    if missing:
        raise ValueError(f"bind: the argument {missing[0]!r} has no array")
    states = _by_name(aux_states, auxiliary, "aux_states")
    lacking = [name for name in auxiliary if name not in states]
    if lacking:
        raise ValueError(f"bind: the auxiliary state {lacking[0]!r} has no array")
    for name, x in (arguments | states).items():
        if not isinstance(x, Tensor):
            raise TypeError(f"bind: {name!r} must be an array of microlazy, not {x!r}")
    given = (arguments | states).items()
    infer(symbol, {name: x.shape for name, x in given}, {name: x.dtype for name, x in given})
    gradients = _by_name(args_grad, names, "args_grad")
    requests = _requests(grad_req, names)
    return Executor(symbol, ctx or current_context(), arguments, gradients, requests, states)


def simple_bind(
    symbol: Symbol,
    ctx: Any,
    grad_req: Any,
    types: Mapping[str, Any],
    shapes: Mapping[str, Any],
    before: Executor | None = None,
    may_change: bool = True,
) -> Executor:
    """See `Symbol.simple_bind`; arrays of an executor before are taken where their shapes stay.

    Raises
    ------
    MXNetError
        If the shape of an argument cannot be told, or would change and may not.
    """
    ctx = ctx or current_context()
    names, auxiliary = symbol.list_arguments(), symbol.list_auxiliary_states()
    given = symbol._named((), dict(shapes))
    argument_shapes, _, state_shapes = infer(symbol, given, types)
    all_types = infer_types(symbol, {n: t for n, t in types.items() if n in (*names, *auxiliary)})
    kinds = dict(zip([*names, *auxiliary], [*all_types[0], *all_types[2]], strict=True))
    found = dict(zip([*names, *auxiliary], [*argument_shapes, *state_shapes], strict=True))
    unknown = [name for name, shape in found.items() if not is_known(shape)]
    if unknown:
        raise MXNetError(
            f"simple_bind: the shape of {', '.join(map(repr, unknown))} cannot be told from "
            f"{dict(shapes)}"
        )
    requests = _requests(grad_req, names)

    def array(name: str, old: Mapping[str, Tensor]) -> Tensor:
        if name in old and old[name].shape == found[name]:
            return old[name]
        if name in old and not may_change and name not in shapes:
            raise MXNetError(
                f"reshape: {name!r} would get shape {found[name]} instead of {old[name].shape}; "
                "allow it with partial_shaping=True"
            )
        return nd.zeros(found[name], ctx, kinds[name])

    old_arguments: Mapping[str, Tensor] = before.arg_dict if before else {}
    old_gradients: Mapping[str, Tensor] = before.grad_dict if before else {}
    old_states: Mapping[str, Tensor] = before.aux_dict if before else {}
    return Executor(
        symbol,
        ctx,
        {name: array(name, old_arguments) for name in names},
        {name: array(name, old_gradients) for name in names if requests[name] != "null"},
        requests,
        {name: array(name, old_states) for name in auxiliary},
    )
