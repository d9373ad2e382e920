"""SymbolBlock: a network made of a graph, such as one from a file of MXNet's."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from ... import symbol as sym
from ...base import MXNetError, ShapeError, is_known
from ...context import Context
from ...core.tensor import Tensor
from ...symbol import Symbol
from ..parameter import Parameter, ParameterDict
from ..parameter.loading import load_arrays
from .hybrid import HybridBlock
from .tree import where

__all__ = ["SymbolBlock", "without_kind"]


class SymbolBlock(HybridBlock):
    """A block that computes what a graph says.

    Parameters
    ----------
    outputs : Symbol or list of Symbol
        What it gives.
    inputs : Symbol or list of Symbol
        The variables that it takes; all others become parameters.
    params : ParameterDict or dict of str to Parameter, optional
        Parameters to use, by name: those of another block.

    Raises
    ------
    TypeError
        If outputs or inputs are no symbols.
    ValueError
        If an input is no variable of the graph.

    Notes
    -----
    A variable that is the label of an output layer, such as SoftmaxOutput, and nothing else, is no
    parameter. Where it is not an input, the layer gives its outputs without it.

    Examples
    --------
    >>> import microlazy as mx
    >>> x = mx.sym.var("data")
    >>> net = mx.gluon.SymbolBlock(mx.sym.FullyConnected(x, num_hidden=3, name="fc"), x)
    >>> net.initialize()
    >>> net(mx.nd.ones((2, 5))).shape
    (2, 3)
    >>> list(net.collect_params())
    ['fc_weight', 'fc_bias']
    """

    def __init__(
        self,
        outputs: Symbol | Sequence[Symbol],
        inputs: Symbol | Sequence[Symbol],
        params: ParameterDict | Mapping[str, Parameter] | None = None,
    ) -> None:
        from ...symbol.running import Program, labels_of  # which programs without graphs never need

        super().__init__(prefix="")
        self._graph = _one(outputs, "outputs")
        self._inputs = _input_names(self._graph, inputs)
        self._single = len(self._graph) == 1
        self._program = Program(self._graph)
        auxiliary = set(self._graph.list_auxiliary_states())
        given = dict(params or {})
        left_out = set(labels_of(self._graph)) - set(given)
        for node in (node for node in self._program.nodes if node.operator is None):
            if node.name in left_out or node.name in (*self._inputs, *self._reg_params):
                continue
            parameter = given.get(node.name)
            if parameter is None:
                parameter = _declared(node, node.name in auxiliary)
            self._params.update({node.name: parameter})
            self._reg_params[node.name] = parameter
        self._labels = sorted(left_out - set(self._inputs))

    @staticmethod
    def imports(
        symbol_file: str | os.PathLike[str],
        input_names: str | Sequence[str],
        param_file: str | os.PathLike[str] | None = None,
        ctx: Context | list[Context] | None = None,
        allow_missing: bool = False,
        ignore_extra: bool = False,
    ) -> SymbolBlock:
        """Make a block of files that MXNet 0.8 to 2.0 wrote: export, save_checkpoint, Module.

        Parameters
        ----------
        symbol_file : path
            The graph: ``name-symbol.json``.
        input_names : str or list of str
            The variables that it takes, such as ``'data'``.
        param_file : path, optional
            The parameters: ``name-0000.params``; without it, they wait for `initialize()`.
        ctx : Context or list of Context, optional
            Where they live.
        allow_missing : bool
            Whether parameters that the file does not have may wait for `initialize()`.
        ignore_extra : bool
            Whether the file may have others.

        Returns
        -------
        SymbolBlock

        Raises
        ------
        MXNetError
            If a file cannot be read, or an operator or attribute is not known; the message names
            the node.
        ArgumentError
            If parameters are missing, or not in the graph.
        ParameterShapeError
            If a parameter has another shape than the graph says.

        Examples
        --------
        >>> import os, tempfile
        >>> from microlazy import gluon, nd
        >>> layer = gluon.nn.Dense(3, in_units=4)
        >>> layer.initialize()
        >>> files = layer.export(os.path.join(tempfile.mkdtemp(), "dense"))
        >>> net = gluon.SymbolBlock.imports(files[0], ["data"], files[1])
        >>> net(nd.ones((2, 4))).shape
        (2, 3)
        """
        graph = sym.load(symbol_file)
        names = [input_names] if isinstance(input_names, str) else list(input_names)
        block = SymbolBlock(graph, [sym.var(name) for name in names])
        if param_file is not None:
            from ... import params_file

            found = without_kind(params_file.load(param_file), param_file)
            inputs = (*block._inputs, *block._labels)
            arrays = {name: array for name, array in found.items() if name not in inputs}
            options = (ctx, allow_missing, ignore_extra, True, "saved")
            load_arrays(block._reg_params, arrays, str(param_file), *options)
        return block

    def forward(self, x: Any, *args: Any) -> Any:
        given = (x, *args)
        if len(given) != len(self._inputs):
            raise ValueError(
                f"{where(self)} takes {len(self._inputs)} inputs, {', '.join(self._inputs)}, but "
                f"got {len(given)}"
            )
        arrays = dict(zip(self._inputs, given, strict=True))
        outputs = self._program.run(arrays | self._live(*given))
        return outputs[0] if self._single else outputs

    def hybrid_forward(self, F: Any, x: Any, *args: Any, **parameters: Any) -> Any:
        if not isinstance(x, Symbol):
            return self.forward(x, *args)
        made = self._graph(**dict(zip(self._inputs, (x, *args), strict=True)))
        return made if self._single else list(made)

    def infer_shape(self, *args: Any) -> None:
        """Find the unknown sizes of the parameters from the inputs.

        Parameters
        ----------
        *args : Tensor
            The inputs, abstract or not.

        Raises
        ------
        ShapeError
            If a size cannot be told.
        """
        from ...symbol.shapes import infer

        shapes = {name: x.shape for name, x in zip(self._inputs, args, strict=True)}
        dtypes = {name: x.dtype for name, x in zip(self._inputs, args, strict=True)}
        known = {n: p.shape for n, p in self._reg_params.items() if is_known(p.shape)}
        arguments, _, auxiliary = infer(self._graph, shapes | known, dtypes)
        found = dict(zip(self._graph.list_arguments(), arguments, strict=True))
        found |= dict(zip(self._graph.list_auxiliary_states(), auxiliary, strict=True))
        for name, parameter in self._reg_params.items():
            if not is_known(parameter.shape):
                if not is_known(found[name]):
                    raise ShapeError(
                        f"{where(self)}: the shape of {name!r} cannot be told from inputs of "
                        f"shapes {list(shapes.values())}: give it, as in var({name!r}, shape=...)"
                    )
                parameter.settle(found[name], f"inferred from the first input {args[0].shape}")

    def __repr__(self) -> str:
        nodes = [node for node in self._program.nodes if node.operator is not None]
        names = ", ".join(self._graph.list_outputs())
        return (
            f"SymbolBlock(\n  ({', '.join(self._inputs)}) -> ({names}): {len(nodes)} operators, "
            f"{len(self._reg_params)} parameters\n)"
        )


def _one(symbols: Any, what: str) -> Symbol:
    if isinstance(symbols, Symbol):
        return symbols
    if not isinstance(symbols, list | tuple) or not symbols:
        raise TypeError(f"SymbolBlock: {what} must be a symbol or a list of them, not {symbols!r}")
    if not all(isinstance(symbol, Symbol) for symbol in symbols):
        raise TypeError(f"SymbolBlock: {what} must be symbols, but got {symbols!r}")
    return symbols[0] if len(symbols) == 1 else sym.Group(list(symbols))


def _input_names(graph: Symbol, inputs: Any) -> list[str]:
    names = []
    known = graph.list_inputs()
    for node, _ in _one(inputs, "inputs").heads:
        if node.operator is not None:
            raise ValueError(f"SymbolBlock: the input {node.name!r} is an operator's output")
        if node.name not in known:
            raise ValueError(
                f"SymbolBlock: there is no variable {node.name!r} in the graph; there are "
                f"{', '.join(known)}"
            )
        names.append(node.name)
    return names


def _declared(node: Any, auxiliary: bool) -> Parameter:
    return Parameter(
        node.name,
        grad_req="null" if auxiliary else "write",
        shape=node.shape,
        dtype=node.dtype or "float32",
        lr_mult=_number(node, "__lr_mult__"),
        wd_mult=_number(node, "__wd_mult__"),
        init=node.attributes.get("__init__"),  # a text, of which values of a file have no need
        allow_deferred_init=True,
        differentiable=not auxiliary,
    )


def _number(node: Any, attribute: str) -> float:
    text = node.attributes.get(attribute, "1")
    try:
        return float(text)
    except ValueError:
        raise MXNetError(f"variable {node.name!r}: {attribute} is {text!r}, no number") from None


def without_kind(found: Any, source: Any) -> dict[str, Tensor]:
    """The arrays of a file by name, without the 'arg:' and 'aux:' that MXNet writes before."""
    if not isinstance(found, dict):
        if found:
            raise MXNetError(f"{source} has arrays without names")
        return {}
    plain = {}
    for name, array in found.items():
        short = name.removeprefix("arg:").removeprefix("aux:")
        if short in plain:
            raise MXNetError(f"{source} has two arrays {short!r}")
        plain[short] = array
    return plain
