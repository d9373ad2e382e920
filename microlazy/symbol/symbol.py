"""Symbol: outputs of a graph that is not computed yet."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from numbers import Real
from typing import TYPE_CHECKING, Any, NoReturn

from microlazy.base import MXNetError
from microlazy.symbol.attributes import HIDDEN
from microlazy.symbol.graph import Entry, Node, auxiliary_of, in_order, variables_of
from microlazy.symbol.names import ARITHMETIC, METHODS, NUMPY_NAMES, VALUE_METHODS, VALUES

if TYPE_CHECKING:
    from microlazy.executor import Executor

__all__ = ["NotImplementedForSymbol", "NumpySymbol", "Symbol"]


_NO_VALUES = (
    "a symbol has no values; infer_shape() and infer_type() tell shapes and dtypes, bind() computes"
)


class NotImplementedForSymbol(MXNetError):
    """What an array can do, and a symbol, which has no values, cannot."""


class Symbol:
    """Outputs of a graph: what functions of `mx.sym` return.

    A symbol is made by `mx.sym.var` and the functions of `mx.sym`, or read from a file; this class
    is not called.

    Examples
    --------
    >>> import microlazy as mx
    >>> x = mx.sym.var("data")
    >>> net = mx.sym.FullyConnected(x, num_hidden=3, name="fc")
    >>> net
    <Symbol fc>
    >>> net.list_arguments()
    ['data', 'fc_weight', 'fc_bias']
    >>> net.infer_shape(data=(2, 5))
    ([(2, 5), (3, 5), (3,)], [(2, 3)], [])
    """

    __slots__ = ("_heads",)

    def __init__(self, heads: Sequence[Entry]) -> None:
        if not isinstance(heads, list) or not all(
            isinstance(head, tuple) and isinstance(head[0], Node) for head in heads
        ):
            raise TypeError("a symbol is made by mx.sym.var() and the functions of mx.sym")
        self._heads = heads

    # ---- what it consists of -------------------------------------------------------------------

    @property
    def heads(self) -> list[Entry]:
        """The nodes, and which output of each: for those that walk through the graph."""
        return self._heads

    @property
    def name(self) -> str | None:
        """The name of the node; None if there are several.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.sym.var("data").name
        'data'
        """
        names = {id(node): node.name for node, _ in self._heads}
        return next(iter(names.values())) if len(names) == 1 else None

    def list_outputs(self) -> list[str]:
        """The names of the outputs.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.sym.split(mx.sym.var("x"), num_outputs=2, name="s").list_outputs()
        ['s_output0', 's_output1']
        """
        return [node.output_name(index) for node, index in self._heads]

    def _variables(self, auxiliary: bool) -> list[Node]:
        nodes = in_order(self._heads)
        changed = auxiliary_of(nodes)
        return [node for node in variables_of(nodes) if (id(node) in changed) is auxiliary]

    def list_arguments(self) -> list[str]:
        """The names of the variables, but of those that operators change.

        Examples
        --------
        >>> import microlazy as mx
        >>> (mx.sym.var("a") + mx.sym.var("b")).list_arguments()
        ['a', 'b']
        """
        return [node.name for node in self._variables(False)]

    def list_auxiliary_states(self) -> list[str]:
        """The names of the variables that operators change, such as running means.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.sym.BatchNorm(mx.sym.var("x"), name="bn").list_auxiliary_states()
        ['bn_moving_mean', 'bn_moving_var']
        """
        return [node.name for node in self._variables(True)]

    def list_inputs(self) -> list[str]:
        """The names of all variables.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.sym.var("x").exp().list_inputs()
        ['x']
        """
        return [node.name for node in variables_of(in_order(self._heads))]

    def get_internals(self) -> Symbol:
        """All outputs of all nodes, and the variables, as one symbol.

        Examples
        --------
        >>> import microlazy as mx
        >>> net = mx.sym.var("x").exp(name="e").sum(name="s")
        >>> net.get_internals().list_outputs()
        ['x', 'e_output', 's_output']
        >>> net.get_internals()["e_output"]
        <Symbol e>
        """
        nodes = in_order(self._heads)
        return type(self)([(node, i) for node in nodes for i in range(len(node.outputs))])

    def get_children(self) -> Symbol | None:
        """The inputs of the nodes; None for a variable.

        Examples
        --------
        >>> import microlazy as mx
        >>> (mx.sym.var("a") + mx.sym.var("b")).get_children().list_outputs()
        ['a', 'b']
        """
        inputs = [entry for node, _ in self._heads for entry in node.inputs]
        return type(self)(inputs) if inputs else None

    def __len__(self) -> int:
        return len(self._heads)

    def __iter__(self) -> Iterator[Symbol]:
        return (type(self)([head]) for head in self._heads)

    def __getitem__(self, key: int | slice | str) -> Symbol:
        if isinstance(key, slice):
            return type(self)(self._heads[key])
        if isinstance(key, str):
            places = [i for i, name in enumerate(self.list_outputs()) if name == key]
            if len(places) != 1:
                found = "no output" if not places else f"{len(places)} outputs"
                raise ValueError(
                    f"there is {found} named {key!r}; they are {', '.join(self.list_outputs())}"
                )
            key = places[0]
        if not isinstance(key, int):
            raise TypeError(f"a symbol is indexed by a number, a slice or a name, not {key!r}")
        try:
            return type(self)([self._heads[key]])
        except IndexError:
            raise IndexError(f"output {key} of {len(self)}") from None

    def __repr__(self) -> str:
        if self.name is not None:
            return f"<{self._kind} {self.name}>"
        return f"<{self._kind} group [{', '.join(str(part.name) for part in self)}]>"

    _kind = "Symbol"

    def debug_str(self) -> str:
        """The nodes in words, a line for each.

        Examples
        --------
        >>> import microlazy as mx
        >>> print(mx.sym.var("x").exp(name="e").debug_str())
        Variable:x
        Op:exp, Name=e, Inputs: x
        Outputs: e_output
        """
        lines = []
        for node in in_order(self._heads):
            if node.operator is None:
                lines.append(f"Variable:{node.name}")
                continue
            inputs = ", ".join(given.output_name(i) for given, i in node.inputs)
            own = "".join(f", {key}={text}" for key, text in node.attributes.items())
            lines.append(f"Op:{node.operator.name}, Name={node.name}, Inputs: {inputs}{own}")
        return "\n".join([*lines, f"Outputs: {', '.join(self.list_outputs())}"])

    # ---- attributes ----------------------------------------------------------------------------

    def attr(self, key: str) -> str | None:
        """An attribute of the node, or None.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.sym.var("x", lr_mult=2).attr("lr_mult")
        '2'
        """
        attributes = self._only().attributes
        return attributes.get(f"__{key}__" if key in HIDDEN and key not in attributes else key)

    def list_attr(self, recursive: bool = False) -> dict[str, str]:
        """All attributes of the node.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.sym.var("x", shape=(2, 3)).list_attr()
        {'__shape__': '(2, 3)'}
        """
        if recursive:
            raise MXNetError("list_attr(recursive=True) is no more: use attr_dict()")
        return dict(self._only().attributes)

    def attr_dict(self) -> dict[str, dict[str, str]]:
        """The attributes of all nodes that have some, by their names.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.sym.FullyConnected(mx.sym.var("x"), num_hidden=3, name="fc").attr_dict()["fc"]
        {'num_hidden': '3'}
        """
        nodes = in_order(self._heads)
        return {node.name: dict(node.attributes) for node in nodes if node.attributes}

    def _set_attr(self, **attributes: str) -> None:
        """Set attributes of the node."""
        for name, text in attributes.items():
            if not isinstance(text, str):
                raise ValueError(f"Set Attr only accepts string values: {name}={text!r}")
        self._only().change(attributes)

    def _only(self) -> Node:
        if self.name is None:
            raise MXNetError(f"{self!r} has several nodes: take one by its name or its place")
        return self._heads[0][0]

    # ---- files ---------------------------------------------------------------------------------

    def tojson(self, remove_amp_cast: bool = True) -> str:
        """The graph as the text of a symbol file.

        Parameters
        ----------
        remove_amp_cast : bool
            Whether to leave out the casts that mixed precision put in.

        Examples
        --------
        >>> import json
        >>> import microlazy as mx
        >>> [node["op"] for node in json.loads(mx.sym.var("x").exp().tojson())["nodes"]]
        ['null', 'exp']
        """
        return import_module("microlazy.symbol.symbol_file").written(self, remove_amp_cast)

    def save(self, fname: str | os.PathLike[str], remove_amp_cast: bool = True) -> None:
        """Write the graph to a file that MXNet 1.9 reads too.

        Parameters
        ----------
        fname : path
            The file, which is replaced as a whole.
        remove_amp_cast : bool
            As in `tojson`.

        Examples
        --------
        >>> import os, tempfile
        >>> import microlazy as mx
        >>> path = os.path.join(tempfile.mkdtemp(), "net-symbol.json")
        >>> mx.sym.var("x").exp(name="e").save(path)
        >>> mx.sym.load(path)
        <Symbol e>
        """
        text = self.tojson(remove_amp_cast)
        try:
            from microlazy.files import write_atomically

            write_atomically(os.fspath(fname), [text.encode()])
        except OSError as error:
            raise MXNetError(f"cannot write {fname!r}: {error.strerror or error}") from error

    def __reduce__(self) -> tuple[Any, ...]:
        loader = import_module("microlazy.symbol.symbol_file").load_json
        return loader, (self.tojson(remove_amp_cast=False),)

    def __copy__(self) -> Symbol:
        return type(self)(list(self._heads))

    def __deepcopy__(self, memo: Any) -> Symbol:
        return self._replaced({})

    # ---- what it computes ----------------------------------------------------------------------

    def infer_shape(self, *args: Any, **kwargs: Any) -> tuple[Any, Any, Any]:
        """The shapes of arguments, outputs and auxiliary states, from those of some variables.

        Parameters
        ----------
        *args : tuple of int or None
            Shapes in the order of `list_arguments`.
        **kwargs : tuple of int
            Shapes by name.

        Returns
        -------
        three lists of tuples
            All None where some argument's shape cannot be told.

        Raises
        ------
        MXNetError
            If shapes do not agree; the message names the node.

        Examples
        --------
        >>> import microlazy as mx
        >>> net = mx.sym.Convolution(mx.sym.var("x"), kernel=(3, 3), num_filter=8)
        >>> net.infer_shape(x=(1, 3, 5, 5))[1]
        [(1, 8, 3, 3)]
        """
        found = import_module("microlazy.symbol.shapes").infer(self, self._named(args, kwargs))
        if any(shape is None or 0 in shape for shape in found[0]):
            return None, None, None
        return found

    def infer_shape_partial(self, *args: Any, **kwargs: Any) -> tuple[Any, Any, Any]:
        """As `infer_shape`, with 0 for each size that cannot be told, and () for a shape.

        Examples
        --------
        >>> import microlazy as mx
        >>> x = mx.sym.var("x", shape=(0, 20))
        >>> mx.sym.FullyConnected(x, num_hidden=3).infer_shape_partial()
        ([(0, 20), (3, 20), (3,)], [(0, 3)], [])
        """
        given = self._named(args, kwargs)
        return import_module("microlazy.symbol.shapes").infer_partially(self, given)

    def infer_type(self, *args: Any, **kwargs: Any) -> tuple[Any, Any, Any]:
        """The dtypes of arguments, outputs and auxiliary states, from those of some variables.

        Examples
        --------
        >>> import microlazy as mx
        >>> net = mx.sym.var("a") + mx.sym.var("b")
        >>> net.infer_type(a="float64")[0]
        [<class 'numpy.float64'>, <class 'numpy.float64'>]
        """
        given = self._named(args, kwargs)
        return import_module("microlazy.symbol.dtypes").infer_types(self, given)

    def infer_type_partial(self, *args: Any, **kwargs: Any) -> tuple[Any, Any, Any]:
        """As `infer_type`: float32 is what nothing says.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.sym.var("x").exp().infer_type_partial()[1]
        [<class 'numpy.float32'>]
        """
        return self.infer_type(*args, **kwargs)

    def get_backend_symbol(self, backend: str) -> Symbol:
        """The same graph: there is one backend, and its plans are made when the graph is bound.

        Parameters
        ----------
        backend : str
            Of no effect.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.sym.var("x").exp(name="e").get_backend_symbol("MKLDNN")
        <Symbol e>
        """
        return self

    def optimize_for(self, backend: str, *args: Any, **kwargs: Any) -> Symbol:
        """The same graph, as `get_backend_symbol` gives it.

        Parameters
        ----------
        backend : str
        *args, **kwargs
            Of no effect: parameters, a context, and options of a backend.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.sym.var("x").exp(name="e").optimize_for("MKLDNN")
        <Symbol e>
        """
        return self.get_backend_symbol(backend)

    def _named(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        names = self.list_arguments()
        if args and kwargs:
            raise ValueError("give shapes or dtypes either in order or by name")
        if len(args) > len(names):
            raise ValueError(f"{len(args)} are given for {len(names)} arguments")
        given = dict(zip(names, args, strict=False)) if args else dict(kwargs)
        unknown = sorted(set(given) - {*self.list_inputs()})
        if unknown:
            raise ValueError(
                f"there is no argument {unknown[0]!r}; they are {', '.join(self.list_inputs())}"
            )
        return {name: value for name, value in given.items() if value is not None}

    def bind(
        self,
        ctx: Any,
        args: Any,
        args_grad: Any = None,
        grad_req: Any = "write",
        aux_states: Any = None,
        group2ctx: Any = None,
        shared_exec: Any = None,
    ) -> Executor:
        """Give the graph arrays to compute on.

        Parameters
        ----------
        ctx : Context
            Where it computes: the CPU.
        args : list or dict of NDArray
            The arguments.
        args_grad : list or dict of NDArray, optional
            Where gradients go; arguments without one get none.
        grad_req : {"write", "add", "null"}, or a list or dict of them
            What a backward pass does to the gradients.
        aux_states : list or dict of NDArray, optional
            What operators change.
        group2ctx, shared_exec
            Of no effect: there is one device, and memory is shared by all.

        Returns
        -------
        Executor

        Examples
        --------
        >>> import microlazy as mx
        >>> run = (mx.sym.var("x") * 2).bind(mx.cpu(), {"x": mx.nd.array([1, 2])})
        >>> run.forward()[0].asnumpy()
        array([2., 4.], dtype=float32)
        """
        executor = import_module("microlazy.executor")
        return executor.bind(self, ctx, args, args_grad, grad_req, aux_states)

    def simple_bind(
        self,
        ctx: Any = None,
        grad_req: Any = "write",
        type_dict: Mapping[str, Any] | None = None,
        stype_dict: Any = None,
        group2ctx: Any = None,
        shared_arg_names: Any = None,
        shared_exec: Any = None,
        shared_buffer: Any = None,
        **kwargs: Any,
    ) -> Executor:
        """Make arrays of zeros for all arguments and their gradients, and give them to the graph.

        Parameters
        ----------
        ctx : Context
            Where it computes.
        grad_req : {"write", "add", "null"}, or a list or dict of them
        type_dict : dict of str to dtype, optional
            Dtypes of arguments; float32 for those that nothing else says.
        stype_dict, group2ctx, shared_arg_names, shared_exec, shared_buffer
            Of no effect.
        **kwargs : tuple of int
            Shapes of arguments by name.

        Returns
        -------
        Executor

        Examples
        --------
        >>> import microlazy as mx
        >>> net = mx.sym.FullyConnected(mx.sym.var("x"), num_hidden=3, name="fc")
        >>> net.simple_bind(mx.cpu(), x=(2, 5)).arg_dict["fc_weight"].shape
        (3, 5)
        """
        executor = import_module("microlazy.executor")
        return executor.simple_bind(self, ctx, grad_req, type_dict or {}, kwargs)

    def eval(self, ctx: Any = None, **kwargs: Any) -> list[Any]:
        """Compute the outputs for some arrays.

        Parameters
        ----------
        ctx : Context, optional
        **kwargs : NDArray
            The arguments and auxiliary states by name.

        Returns
        -------
        list of NDArray

        Raises
        ------
        MXNetError
            If one is missing, or an operator refuses what it gets.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.sym.var("x").exp().eval(x=mx.nd.zeros((2,)))[0].asnumpy()
        array([1., 1.], dtype=float32)
        """
        self._named((), kwargs)  # refuses names that are none
        return import_module("microlazy.symbol.running").Program(self).run(kwargs)

    # ---- other symbols from it -----------------------------------------------------------------

    def __call__(self, *args: Symbol, **kwargs: Any) -> Symbol:
        """The same graph on other inputs: symbols in the place of variables.

        Examples
        --------
        >>> import microlazy as mx
        >>> net = mx.sym.var("x").exp()
        >>> net(x=mx.sym.var("y").log()).list_arguments()
        ['y']
        """
        name = kwargs.pop("name", None)
        given = self._named(args, kwargs)
        for key, symbol in given.items():
            if not isinstance(symbol, Symbol) or len(symbol) != 1:
                raise TypeError(f"{key} takes a symbol with one output, not {symbol!r}")
        made = self._replaced({key: symbol.heads[0] for key, symbol in given.items()})
        if name:
            made._only().name = name
        return made

    def _replaced(self, given: Mapping[str, Entry]) -> Symbol:
        """A copy of the graph, with other entries in the place of variables."""
        made: dict[int, Node] = {}

        def entry(node: Node, index: int) -> Entry:
            if node.operator is None and node.name in given:
                return given[node.name]
            return made[id(node)], index

        for node in in_order(self._heads):
            inputs = [entry(*part) for part in node.inputs]
            made[id(node)] = Node(node.operator, node.name, node.attributes, inputs)
        return type(self)([entry(*head) for head in self._heads])

    def as_np_ndarray(self) -> NumpySymbol:
        """The same outputs, with NumPy's rules for what follows.

        Examples
        --------
        >>> import microlazy as mx
        >>> (mx.sym.var("x").as_np_ndarray() + 1).name[:10]
        'add_scalar'
        """
        return NumpySymbol(self._heads)

    def as_nd_ndarray(self) -> Symbol:
        """The same outputs, with the rules of nd for what follows.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.sym.var("x").as_np_ndarray().as_nd_ndarray()
        <Symbol x>
        """
        return Symbol(self._heads)

    def _function(self, name: str) -> Any:
        return getattr(import_module("microlazy.symbol"), name)

    def reshape(self, *args: Any, **kwargs: Any) -> Symbol:
        """`sym.reshape`, with the sizes in one tuple or one by one.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.sym.var("x").reshape((2, -1)).attr("shape")
        '(2, -1)'
        """
        if args:
            kwargs["shape"] = args[0] if isinstance(args[0], list | tuple) else args
        return self._function("reshape")(self, **kwargs)

    def astype(self, dtype: Any, **kwargs: Any) -> Symbol:
        """`sym.cast`.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.sym.var("x").astype("float64").attr("dtype")
        'float64'
        """
        return self._function("cast")(self, dtype=dtype, **kwargs)

    def detach(self) -> Symbol:
        """`sym.BlockGrad`: no gradient goes through.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.sym.var("x").detach().list_arguments()
        ['x']
        """
        return self._function("BlockGrad")(self)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *METHODS})

    def __getattr__(self, name: str) -> Any:
        if name in METHODS:
            return partial(self._function(name), self)
        if name in VALUES:
            raise AttributeError(f"{self!r} has no {name}: {_NO_VALUES}")
        raise AttributeError(f"'Symbol' object has no attribute {name!r}")

    def _binary(self, name: str, other: Any, swapped: bool = False) -> Any:
        composing = import_module("microlazy.symbol.composing")
        names = self._operators(name, swapped)
        if isinstance(other, Symbol):
            return composing.call(names[0], [self, other], {})
        if isinstance(other, Real):
            which = 2 if swapped else 1
            number = composing.number_attributes(other, isinstance(self, NumpySymbol))
            return composing.call(names[which], [self], number)
        return NotImplemented

    def _operators(self, name: str, swapped: bool) -> tuple[str, str, str]:
        return ARITHMETIC[name]

    def __neg__(self) -> Symbol:
        return self._binary("mul", -1.0)

    def __abs__(self) -> Symbol:
        return self._function("abs")(self)

    def __bool__(self) -> NoReturn:
        raise NotImplementedForSymbol(f"{self!r} has no truth: it has no values yet")

    __hash__ = object.__hash__


class NumpySymbol(Symbol):
    """A symbol with NumPy's rules: what functions of `sym.np` and `sym.npx` return.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.sym.np.exp(mx.sym.var("x").as_np_ndarray(), name="e")
    <_Symbol e>
    """

    __slots__ = ()

    _kind = "_Symbol"

    def _operators(self, name: str, swapped: bool) -> tuple[str, str, str]:
        numpy_name = NUMPY_NAMES[name]
        mirrored = {"greater": "less", "less": "greater"}
        turned = mirrored.get(numpy_name.removesuffix("_equal"), "")
        if name in ("sub", "truediv", "mod", "pow"):
            turned = f"r{numpy_name}"
        elif turned:
            turned += numpy_name[numpy_name.index("_") :] if "_" in numpy_name else ""
        else:
            turned = numpy_name
        return f"_npi_{numpy_name}", f"_npi_{numpy_name}_scalar", f"_npi_{turned}_scalar"

    def _function(self, name: str) -> Any:
        symbols = import_module("microlazy.symbol")
        return getattr(symbols.np, name, None) or getattr(symbols.npx, name)


def _special(name: str, swapped: bool) -> Any:
    def method(self: Symbol, other: Any) -> Any:
        return self._binary(name, other, swapped)

    return method


def _refused(name: str) -> Any:
    def method(self: Symbol, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedForSymbol(f"{self!r} has no {name}: {_NO_VALUES}")

    return method


for _name in VALUE_METHODS:
    setattr(Symbol, _name, _refused(_name))
for _name in ARITHMETIC:
    setattr(Symbol, f"__{_name}__", _special(_name, False))
    if _name in ("add", "sub", "mul", "truediv", "mod", "pow"):
        setattr(Symbol, f"__r{_name}__", _special(_name, True))
