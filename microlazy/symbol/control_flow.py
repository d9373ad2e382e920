"""`sym.contrib.foreach`, `while_loop` and `cond`: functions of symbols as graphs in a graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from microlazy import name as names
from microlazy.attribute import AttrScope
from microlazy.base import MXNetError
from microlazy.symbol.attributes import text_of
from microlazy.symbol.composing import call, group, var
from microlazy.symbol.graph import Entry, Node, in_order, variables_of
from microlazy.symbol.symbol import Symbol

__all__ = ["cond", "foreach", "while_loop"]

_INSIDE = "__subgraph_name__"  # the attribute of nodes that a function made


def _flat(tree: Any, what: str) -> list[Symbol]:
    """The symbols in nested lists."""
    if isinstance(tree, Symbol):
        return [tree]
    if not isinstance(tree, list | tuple):
        raise TypeError(f"{what} must be symbols, alone or in lists, not {tree!r}")
    return [symbol for part in tree for symbol in _flat(part, what)]


def _nested(tree: Any, symbols: list[Symbol]) -> Any:
    """Symbols in the place of those of a tree; they are taken from the list."""
    if isinstance(tree, Symbol):
        return symbols.pop(0)
    return [_nested(part, symbols) for part in tree]


def _variable(symbol: Symbol) -> Symbol:
    """What stands for a symbol inside, named as MXNet does."""
    if len(symbol) != 1:
        raise MXNetError(f"{symbol!r} has {len(symbol)} outputs: take one of them")
    made = var(f"{symbol.name}-{symbol.heads[0][1]}")
    return type(symbol)(made.heads)


def _scope(name: str) -> AttrScope:
    around = AttrScope.around().get(_INSIDE)
    name = names.current().get(None, name)
    return AttrScope(**{_INSIDE: f"{around}${name}" if around else name})


class _Graph:
    """A graph that a function made, and what it takes from outside.

    Attributes
    ----------
    symbol : Symbol
        The graph, whose inputs are variables only.
    inputs : dict of str to Symbol
        For variables that stand for nodes outside, and those that a function made: what they are
        outside.
    """

    def __init__(self, outputs: Sequence[Symbol], scope: AttrScope, own: Sequence[Symbol]) -> None:
        name = scope.get()[_INSIDE]
        variables = {id(node) for node in variables_of(in_order(group(list(outputs)).heads))}
        seen: set[Entry] = set()
        heads = []
        for output in outputs:
            (head,) = output.heads
            is_made = id(head[0]) not in variables and head[0].attributes.get(_INSIDE) == name
            if not is_made or head in seen:
                with scope:
                    head = call("_copy", [output], {}, hint="identity").heads[0]
            seen.add(head)
            heads.append(head)
        self._name, self._made = name, dict[int, Node]()
        self._outside: dict[Entry, Symbol] = {}
        self.inputs: dict[str, Symbol] = {}
        self.symbol = type(outputs[0])([self._inside(head) for head in heads])
        inner = {symbol.name for symbol in own}
        for node in variables_of(in_order(self.symbol.heads)):
            if node.name not in inner:
                self.inputs.setdefault(node.name, Symbol([(node, 0)]))

    def _inside(self, head: Entry) -> Entry:
        """A copy of what leads to an output, up to what was made outside."""
        waiting = [head[0]]
        while waiting:
            node = waiting[-1]
            if id(node) in self._made:
                waiting.pop()
                continue
            own = [given for given, _ in node.inputs if self._is_inside(given)]
            missing = [given for given in own if id(given) not in self._made]
            if missing:
                waiting += missing
                continue
            inputs = [self._entry(entry) for entry in node.inputs]
            self._made[id(node)] = Node(node.operator, node.name, node.attributes, inputs)
            waiting.pop()
        return self._made[id(head[0])], head[1]

    def _is_inside(self, node: Node) -> bool:
        return node.operator is not None and node.attributes.get(_INSIDE) == self._name

    def _entry(self, entry: Entry) -> Entry:
        node, index = entry
        if node.operator is None:
            return entry
        if self._is_inside(node):
            return self._made[id(node)], index
        if entry not in self._outside:
            name = node.output_name(index)
            self._outside[entry] = var(name)
            self.inputs[name] = Symbol([entry])
        return self._outside[entry].heads[0]


def _places(graph: _Graph, known: dict[str, int], inputs: list[Symbol]) -> list[int]:
    """Which inputs the variables of a graph are; what is not known becomes an input."""
    found = []
    for name in graph.symbol.list_inputs():
        if name not in known:
            known[name] = len(inputs)
            inputs.append(graph.inputs[name])
        found.append(known[name])
    return found


def _node(operator: str, graphs: Sequence[_Graph], inputs: list[Symbol], **places: Any) -> Symbol:
    attributes = {"num_args": len(graphs) + len(inputs), **places}
    # MXNet reads lists of places in brackets.
    texts = {
        key: f"[{', '.join(map(text_of, value))}]" if isinstance(value, list) else value
        for key, value in attributes.items()
    }
    return call(operator, inputs, texts, subgraphs=[graph.symbol for graph in graphs])


def foreach(
    body: Callable[..., Any], data: Any, init_states: Any, name: str = "foreach"
) -> tuple[Any, Any]:
    """A node that runs a function over the slices along the first axis, carrying states along.

    Parameters
    ----------
    body : callable
        ``body(slices, states)`` returns outputs and new states. It is called once, with variables.
    data : Symbol or (nested) list of Symbol
    init_states : Symbol or (nested) list of Symbol
    name : str
        What the names of graphs begin with.

    Returns
    -------
    outputs, states
        The outputs of all steps, stacked; and the last states.

    Raises
    ------
    MXNetError
        If `body` does not use what it is given, or gives other states than it got.

    Examples
    --------
    >>> import microlazy as mx
    >>> total = lambda x, state: (x + state, x + state)
    >>> sums, last = mx.sym.contrib.foreach(total, mx.sym.var("x"), mx.sym.var("s"))
    >>> sums.eval(x=mx.nd.array([[1], [2], [3]]), s=mx.nd.array([0]))[0].asnumpy().ravel()
    array([1., 3., 6.], dtype=float32)
    """
    steps, states = _flat(data, "foreach: data"), _flat(init_states, "foreach: init_states")
    scope = _scope(name)
    with scope:
        slices, before = [_variable(x) for x in steps], [_variable(x) for x in states]
        given = _nested(data, list(slices)), _nested(init_states, list(before))
        outputs, after = body(*given)
    flat, new = _flat(outputs, "foreach: outputs"), _flat(after, "foreach: new states")
    if len(new) != len(states):
        raise MXNetError(f"foreach: the body got {len(states)} states and gave {len(new)}")
    graph = _Graph([*flat, *new], scope, [*slices, *before])
    inside = graph.symbol.list_inputs()
    for symbol in (*slices, *before):
        if symbol.name not in inside:
            raise MXNetError(f"foreach: the body does not use {symbol.name!r}, which it is given")
    own = [str(symbol.name) for symbol in (*slices, *before)]
    inputs = [*steps, *states]
    rest = [name for name in inside if name not in own]
    inputs += [graph.inputs[name] for name in rest]
    found = _node(
        "_foreach", [graph], inputs,
        num_outputs=len(flat) + len(new),
        num_out_data=len(flat),
        in_data_locs=[inside.index(name) for name in own[: len(steps)]],
        in_state_locs=[inside.index(name) for name in own[len(steps) :]],
        remain_locs=[inside.index(name) for name in rest],
    )  # fmt: skip
    made = list(found)
    return _nested(outputs, made[: len(flat)]), _nested(init_states, made[len(flat) :])


def while_loop(
    cond: Callable[..., Any],
    func: Callable[..., Any],
    loop_vars: Any,
    max_iterations: int | None = None,
    name: str = "while_loop",
) -> tuple[Any, Any]:
    """A node that runs a function while a condition on its variables holds.

    Parameters
    ----------
    cond : callable
        ``cond(*loop_vars)`` gives the condition, of one element.
    func : callable
        ``func(*loop_vars)`` returns outputs (or None) and new variables.
    loop_vars : Symbol or list of Symbol
    max_iterations : int
        When to stop in any case.
    name : str
        What the names of graphs begin with.

    Returns
    -------
    outputs, loop_vars
        The outputs of all steps, stacked, with zeros for steps up to `max_iterations` that were not
        run; and the last variables.

    Raises
    ------
    ValueError
        If there is no `max_iterations`, no variable, or another number of new ones.
    MXNetError
        If `func` does not use a variable.

    Examples
    --------
    >>> import microlazy as mx
    >>> square = lambda i: (i * i, [i + 1])
    >>> squares, _ = mx.sym.contrib.while_loop(lambda i: i < 3, square, [mx.sym.var("i")], 4)
    >>> squares.eval(i=mx.nd.array([1]))[0].asnumpy().ravel()
    array([1., 4., 0., 0.], dtype=float32)
    """
    if max_iterations is None:
        raise ValueError("while_loop: max_iterations should be specified")
    first = _flat(loop_vars, "while_loop: loop_vars")
    if not first:
        raise ValueError("while_loop: loop_vars must hold one symbol at least")
    condition, before, result = _called(f"{name}_cond", cond, first, loop_vars)
    (holds,) = _flat([result], "while_loop: the condition")
    tests = _Graph([holds], condition, before)
    scope, before, result = _called(f"{name}_func", func, first, loop_vars)
    outputs, after = result
    outputs = [] if outputs is None else outputs
    flat = _flat(outputs, "while_loop: outputs")
    new = _flat(after, "while_loop: new variables")
    if len(new) != len(first):
        raise ValueError(f"while_loop: func got {len(first)} variables and gave {len(new)}")
    steps = _Graph([*flat, *new], scope, before)
    inside = steps.symbol.list_inputs()
    for symbol in before:
        if symbol.name not in inside:
            raise MXNetError(f"while_loop: func does not use {symbol.name!r}, which it is given")
    inputs = list(first)
    known = {str(symbol.name): place for place, symbol in enumerate(before)}
    found = _node(
        "_while_loop", [tests, steps], inputs,
        cond_input_locs=_places(tests, known, inputs),
        func_input_locs=_places(steps, known, inputs),
        func_var_locs=[inside.index(str(symbol.name)) for symbol in before],
        max_iterations=int(max_iterations),
        num_out_data=len(flat),
        num_outputs=len(flat) + len(new),
    )  # fmt: skip
    made = list(found)
    return _nested(outputs, made[: len(flat)]), _nested(loop_vars, made[len(flat) :])


def _called(
    name: str, function: Callable[..., Any], first: list[Symbol], loop_vars: Any
) -> tuple[AttrScope, list[Symbol], Any]:
    """What a function gives for variables: the scope, the variables and the result."""
    scope = _scope(name)
    with scope:
        variables = [_variable(symbol) for symbol in first]
        nested = _nested(loop_vars, list(variables))
        return scope, variables, function(*([nested] if isinstance(nested, Symbol) else nested))


def cond(
    pred: Symbol, then_func: Callable[[], Any], else_func: Callable[[], Any], name: str = "cond"
) -> Any:
    """A node that computes what one function gives if an element is not 0, else the other.

    Parameters
    ----------
    pred : Symbol
        Of one element.
    then_func, else_func : callable
        Return a symbol, or a (nested) list of symbols; as many of them.
    name : str
        What the names of graphs begin with.

    Raises
    ------
    MXNetError
        If the functions give different numbers of symbols.

    Examples
    --------
    >>> import microlazy as mx
    >>> x = mx.sym.var("x")
    >>> out = mx.sym.contrib.cond(x > 0, lambda: x * 2, lambda: -x)
    >>> out.eval(x=mx.nd.array([-3]))[0].asnumpy()
    array([3.], dtype=float32)
    """
    (test,) = _flat([pred], "cond: pred")
    graphs, trees = [_Graph([test], _scope(f"{name}_pred"), [])], []
    for part, function in (("then", then_func), ("else", else_func)):
        scope = _scope(f"{name}_{part}")
        with scope:
            tree = function()
        graphs.append(_Graph(_flat(tree, f"cond: the outputs of {part}_func"), scope, []))
        trees.append(tree)
    counts = [len(graph.symbol) for graph in graphs[1:]]
    if counts[0] != counts[1]:
        raise MXNetError(f"cond: then_func gives {counts[0]} symbols, else_func {counts[1]}")
    inputs: list[Symbol] = []
    known: dict[str, int] = {}
    found = _node(
        "_cond", graphs, inputs,
        cond_input_locs=_places(graphs[0], known, inputs),
        then_input_locs=_places(graphs[1], known, inputs),
        else_input_locs=_places(graphs[2], known, inputs),
        num_outputs=counts[0],
    )  # fmt: skip
    return _nested(trees[0], list(found))
