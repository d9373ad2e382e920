"""Calls of operators on symbols: a new node, with variables for inputs that are not given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

from microlazy import name as names
from microlazy.attribute import AttrScope
from microlazy.base import MXNetError
from microlazy.symbol.attributes import HIDDEN, dtype_code, text_of
from microlazy.symbol.custom import operator_with
from microlazy.symbol.graph import Entry, Node, missing_input
from microlazy.symbol.operators import UNNAMED, Operator
from microlazy.symbol.symbol import NumpySymbol, Symbol

__all__ = ["call", "compose", "group", "number_attributes", "var"]


def var(
    name: str,
    attr: Mapping[str, str] | None = None,
    shape: Any = None,
    lr_mult: float | None = None,
    wd_mult: float | None = None,
    dtype: Any = None,
    init: Any = None,
    stype: Any = None,
    profiler_scope: str | None = None,
    **kwargs: str,
) -> Symbol:
    """A variable: a symbol that gets its values from outside.

    Parameters
    ----------
    name : str
    attr : dict of str to str, optional
        Attributes.
    shape : tuple of int, optional
        With 0 for sizes that are not known.
    lr_mult, wd_mult : float, optional
        Factors of the learning rate and of the weight decay.
    dtype : dtype, optional
    init : Initializer or str, optional
        What fills it.
    stype, profiler_scope
        Of no effect.
    **kwargs : str
        More attributes, whose names begin and end with two underscores.

    Raises
    ------
    TypeError
        If the name is no text.
    ValueError
        If an attribute's name has no underscores, or its value is no text.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.sym.var("data", shape=(2, 3)).list_attr()
    {'__shape__': '(2, 3)'}
    """
    if not isinstance(name, str):
        raise TypeError("Expect a string for variable `name`")
    attributes = _attributes(attr)
    given = {
        "__shape__": None if shape is None else text_of(shape),
        "__lr_mult__": None if lr_mult is None else text_of(lr_mult),
        "__wd_mult__": None if wd_mult is None else text_of(wd_mult),
        "__dtype__": None if dtype is None else dtype_code(dtype),
        "__init__": init if init is None or isinstance(init, str) else init.dumps(),
    }
    attributes |= {key: text for key, text in given.items() if text is not None}
    for key, text in kwargs.items():
        if not (key.startswith("__") and key.endswith("__")):
            raise ValueError(f"Attribute name={key} is not supported: write __{key}__")
        attributes[key] = str(text)
    node = Node(None, name, attributes)
    return Symbol([(node, 0)])


def _attributes(given: Mapping[str, Any] | None) -> dict[str, str]:
    """The attributes of the scopes around and the given, under the names that files have."""
    own = {
        name: value.dumps() if name == "__init__" and hasattr(value, "dumps") else str(value)
        for name, value in (given or {}).items()
    }
    around = AttrScope.around() | own
    return {f"__{key}__" if key in HIDDEN else key: text for key, text in around.items()}


def group(symbols: Sequence[Symbol]) -> Symbol:
    """Several symbols as one.

    Parameters
    ----------
    symbols : list of Symbol

    Raises
    ------
    TypeError
        If it is empty, or something in it is no symbol.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.sym.Group([mx.sym.var("a"), mx.sym.var("b")])
    <Symbol group [a, b]>
    """
    parts = list(symbols) if isinstance(symbols, list | tuple) else []
    if not parts or not all(isinstance(part, Symbol) for part in parts):
        raise TypeError("Expected a list of symbols as input")
    kind = NumpySymbol if any(isinstance(part, NumpySymbol) for part in parts) else Symbol
    return kind([head for part in parts for head in part.heads])


def call(
    operator: str,
    inputs: Sequence[Any],
    attributes: Mapping[str, Any],
    name: str | None = None,
    attr: Mapping[str, str] | None = None,
    hint: str | None = None,
    numpy: bool = False,
    subgraphs: Sequence[Symbol] = (),
) -> Symbol:
    """A call of an operator.

    Parameters
    ----------
    operator : str
        Any of its names.
    inputs : sequence of Symbol or None
        In order; variables are made for those that are missing or None.
    attributes : dict of str
        Values, or texts.
    name : str, optional
        Of the node; by default the hint and a number.
    attr : dict of str to str, optional
        Attributes of the node that are none of the operator.
    hint : str, optional
        What the name begins with; by default the name of the operator in lower case.
    numpy : bool
        Whether the result has NumPy's rules, as it has where an input has them.
    subgraphs : sequence of Symbol
        The graphs that a loop or a branch holds.
    """
    texts = {key: text_of(value) for key, value in attributes.items()}
    found = operator_with(operator, texts, subgraphs)
    by_name = hint or operator.removeprefix("_npi_").removeprefix("_npx_").removeprefix("_np_")
    name = names.current().get(name, by_name.lower())
    own = _attributes(attr)
    node = Node(found, name, {**texts, **own})
    node.inputs = _inputs(found, node, inputs, own)
    numpy = numpy or any(isinstance(symbol, NumpySymbol) for symbol in inputs)
    kind = NumpySymbol if numpy else Symbol
    return kind([(node, i) for i in range(len(node.outputs))])


def number_attributes(number: float, numpy: bool) -> dict[str, Any]:
    """The attributes that stand for a number in arithmetic.

    Examples
    --------
    >>> from microlazy.symbol.composing import number_attributes
    >>> number_attributes(2, False), number_attributes(2, True)
    ({'scalar': 2}, {'scalar': 2.0, 'is_int': True})
    """
    whole = isinstance(number, Integral)
    if numpy:
        return {"scalar": float(number), "is_int": whole}
    return {"scalar": int(number) if whole else float(number)}


def _inputs(
    operator: Operator, node: Node, given: Sequence[Any], attributes: Mapping[str, str]
) -> list[Entry]:
    if operator.variadic:
        expected: Sequence[str] = [f"arg{i}" for i in range(len(given))]
    else:
        expected = operator.input_names(node.values)
        missing = [name for name in operator.inputs if name in UNNAMED]
        expected = [*missing[: len(given)], *expected] if missing else expected
    if len(given) > len(expected):
        raise MXNetError(
            f"{operator.name} takes {len(expected)} inputs, {', '.join(expected)}, but got "
            f"{len(given)}"
        )
    made = []
    for name, symbol in zip(expected, [*given, *[None] * len(expected)], strict=False):
        if symbol is None:
            made.append((missing_input(node, name, attributes), 0))
            continue
        if not isinstance(symbol, Symbol):
            raise TypeError(f"{operator.name}: {name} must be a Symbol, not {symbol!r}")
        if len(symbol) != 1:
            raise MXNetError(
                f"{operator.name}: {name} must have one output, but {symbol!r} has {len(symbol)}"
            )
        made.append(symbol.heads[0])
    return made


def compose(
    operator: str, hint: str, args: Sequence[Any], kwargs: Mapping[str, Any], numpy: bool = False
) -> Any:
    """A call with arguments as functions have them: inputs, then attributes."""
    options = dict(kwargs)
    name, attr = options.pop("name", None), options.pop("attr", None)
    options.pop("out", None)
    symbols = {key for key, value in options.items() if isinstance(value, Symbol)}
    texts = {key: text_of(value) for key, value in options.items() if key not in symbols}
    found = operator_with(operator, texts)
    inputs: list[Any] = []
    args = list(args)
    if found.variadic:
        if args and isinstance(args[0], list | tuple):
            args[:1] = list(args[0])
        while args and isinstance(args[0], Symbol):
            inputs.append(args.pop(0))
        for count in ("num_args", "num_outputs"):
            if count in found.kinds:
                options.setdefault(count, len(inputs))
        places = [key for key in found.kinds if key not in ("num_args", "num_outputs")]
    else:
        places = [*found.inputs, *found.kinds]
    if len(args) > len(places):
        raise TypeError(f"{hint}: {len(args)} arguments, but there are {len(places)}")
    for key, value in zip(places, args, strict=False):
        if key in options:
            raise TypeError(f"{hint}: {key} is given twice")
        options[key] = value
    if not found.variadic:
        by_name = {key: options.pop(key) for key in found.inputs if key in options}
        wanted = found.input_names(found.values(_texts(found, options)))
        inputs = [by_name.pop(key, None) for key in wanted]
        # What no attribute asks for: the arrays of samplers, or one too many, which is refused.
        inputs = [*(value for value in by_name.values() if value is not None), *inputs]
    elif not inputs:
        raise TypeError(f"{hint} takes symbols, but got none")
    return call(operator, inputs, _kept(found, options), name, attr, hint, numpy)


def _kept(operator: Operator, options: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes without those that say nothing."""
    kinds = operator.kinds
    return {
        key: value
        for key, value in options.items()
        if value is not None or kinds.get(key, "").endswith("?")
    }


def _texts(operator: Operator, options: Mapping[str, Any]) -> dict[str, str]:
    return {key: text_of(value) for key, value in _kept(operator, options).items()}
