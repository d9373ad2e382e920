"""A network as a table and as a graph."""

from __future__ import annotations

import os
import shutil
import subprocess
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from ..base import MXNetError
from ..files import write_atomically
from ..gluon.block import Block
from ..symbol import Symbol
from ._graph import Vertex, graph_of
from ._symbols import vertices_of

__all__ = ["Digraph", "plot_network", "print_summary"]

# Colours by what is done, for the first of these texts that is in a layer's or op's name.
_COLOURS = (
    (("conv", "dense", "fully"), "#fb8072"),
    (("norm",), "#bebada"),
    (("relu", "elu", "activation", "sigmoid", "tanh", "swish", "silu", "gelu"), "#ffffb3"),
    (("pool",), "#80b1d3"),
    (("concat", "flatten", "reshape", "embedding"), "#fdb462"),
    (("softmax",), "#b3de69"),
)
_INPUT, _OTHER = "#8dd3c7", "#fccde5"

# Sizes in inches and the like that every vertex has.
_ATTRIBUTES = {"shape": "box", "style": "filled", "fontname": "Helvetica"}


class Digraph:
    """A graph in the language of Graphviz.

    Parameters
    ----------
    source : str
        The text.
    name : str
        The name of files, without their ending.
    format : str
        Which kind of picture `render` makes, such as 'pdf', 'png' or 'svg'.

    Attributes
    ----------
    source, name, format
        As given.

    Examples
    --------
    >>> print(Digraph("digraph { a -> b }").source)
    digraph { a -> b }
    """

    def __init__(self, source: str, name: str = "plot", format: str = "pdf") -> None:
        self.source, self.name, self.format = source, name, format

    def __repr__(self) -> str:
        return f"<Digraph {self.name!r}: {self.source.count(chr(10)) + 1} lines in source>"

    def save(self, filename: str | os.PathLike[str] | None = None) -> str:
        """Write the text to a file.

        Parameters
        ----------
        filename : path, optional
            By default the name with '.gv'.

        Returns
        -------
        str
            The path of the file.

        Examples
        --------
        >>> import os, tempfile
        >>> path = Digraph("digraph {}").save(os.path.join(tempfile.mkdtemp(), "net.gv"))
        >>> open(path).read()
        'digraph {}'
        """
        path = os.fspath(f"{self.name}.gv" if filename is None else filename)
        write_atomically(path, [self.source.encode()])
        return path

    def render(
        self, filename: str | os.PathLike[str] | None = None, format: str | None = None
    ) -> str:
        """Have Graphviz draw a picture.

        Parameters
        ----------
        filename : path, optional
            Without its ending, which is the format; by default the name.
        format : str, optional
            As in `Digraph`.

        Returns
        -------
        str
            The path of the picture.

        Raises
        ------
        MXNetError
            If the program ``dot`` of Graphviz is not installed, or refuses the graph.

        Examples
        --------
        >>> try:
        ...     path = Digraph("digraph {").render("nowhere")
        ... except MXNetError as error:
        ...     print(error)  # doctest: +ELLIPSIS
        cannot draw the graph: ...
        """
        kind = format or self.format
        path = f"{os.fspath(self.name if filename is None else filename)}.{kind}"
        write_atomically(path, [self._drawn(kind)])
        return path

    def _drawn(self, kind: str) -> bytes:
        program = shutil.which("dot")
        if program is None:
            raise MXNetError(
                "cannot draw the graph: the program dot is not installed; install Graphviz, or "
                "write the text: save(), or a file that ends in .gv"
            )
        run = subprocess.run(
            [program, f"-T{kind}"], input=self.source.encode(), capture_output=True
        )
        if run.returncode:
            raise MXNetError(
                f"cannot draw the graph: {run.stderr.decode(errors='replace').strip()}"
            )
        return run.stdout

    def _repr_svg_(self) -> str | None:
        """A picture in notebooks, where Graphviz is installed."""
        return self._drawn("svg").decode() if shutil.which("dot") else None


def plot_network(
    net: Block | Symbol,
    title: str = "plot",
    save_format: str = "pdf",
    shape: Any = None,
    dtype: Any = None,
    node_attrs: Mapping[str, str] | None = None,
    hide_weights: bool = True,
) -> Digraph:
    """Draw a network: its layers, and the operators between them.

    It runs on shapes, computes nothing, and finds the sizes that are not known yet.

    Parameters
    ----------
    net : Block or Symbol
        The network, with `initialize()` called, or a graph.
    title : str
        The graph's name, and that of files.
    save_format : str
        Which kind of picture `render` makes.
    shape : tuple of int, list of them, or dict of name to tuple
        The shape of each input, batch included.
    dtype : dtype or dict of name to dtype, optional
        The dtypes of the inputs; where given, they are written at the edges.
    node_attrs : dict of str, optional
        Graphviz's attributes for all vertices, such as ``{"shape": "oval"}``.
    hide_weights : bool
        Whether to leave out the parameters.

    Returns
    -------
    Digraph
        Its `source` is the text for Graphviz; `render` makes a picture.

    Raises
    ------
    TypeError
        If `net` is neither.
    ValueError
        If `shape` is left out and `net` is a block.

    Examples
    --------
    >>> from microlazy.gluon import nn
    >>> net = nn.HybridSequential(prefix="")
    >>> net.add(nn.Dense(3, prefix="hidden_"), nn.Dense(2, prefix="out_"))
    >>> net.initialize()
    >>> print(plot_network(net, shape=(1, 4)).source)  # doctest: +ELLIPSIS
    digraph "plot" {
      node [shape="box", style="filled", fontname="Helvetica"]
      "data" [label="data", shape="oval", fillcolor="#8dd3c7"]
      "hidden" [label="Dense\\n4 -> 3, linear", fillcolor="#fb8072"]
      "data" -> "hidden" [label="4"]
      "out" [label="Dense\\n3 -> 2, linear", fillcolor="#fb8072"]
      "hidden" -> "out" [label="3"]
    }
    """
    vertices = _vertices(net, shape, dtype, not hide_weights)
    lines = [f"  node [{_attributes({**_ATTRIBUTES, **(node_attrs or {})})}]"]
    for vertex in vertices:
        own = {"label": _label(vertex), "fillcolor": _colour(vertex)}
        if vertex.kind == "null":
            own = {"label": vertex.label, "shape": "oval", "fillcolor": _INPUT}
        lines.append(f"  {_quoted(vertex.name)} [{_attributes(own)}]")
        for source in vertex.inputs:
            sizes = "x".join(map(str, source.shape[0 if source.is_parameter else 1 :]))
            text = f"{sizes}({source.dtype})" if dtype is not None else sizes
            edge = _attributes({"label": text})
            lines.append(f"  {_quoted(source.name)} -> {_quoted(vertex.name)} [{edge}]")
    body = "\n".join(lines)
    return Digraph(f"digraph {_quoted(title)} {{\n{body}\n}}", title, save_format)


def _vertices(net: Block | Symbol, shape: Any, dtype: Any, weights: bool) -> list[Vertex]:
    if isinstance(net, Symbol):
        return vertices_of(net, shape, dtype, weights)
    return graph_of(net, shape, dtype, weights)


def _label(vertex: Vertex) -> str:
    """The kind, and below it the first of the layer's numbers."""
    head, _, rest = vertex.label.partition("(")
    rest = rest.removesuffix(")")
    if "\n" in rest or "norm" in head.lower():
        return head
    lines = textwrap.wrap(rest, 36, break_long_words=False, max_lines=2, placeholder=" ...")
    return "\n".join([head, *lines])


def _colour(vertex: Vertex) -> str:
    kind = vertex.kind.lower()
    found = (colour for texts, colour in _COLOURS if any(text in kind for text in texts))
    return next(found, _OTHER)


def _attributes(attributes: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={_quoted(value)}" for name, value in attributes.items())


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def print_summary(
    net: Block | Symbol,
    shape: Any = None,
    line_length: int = 120,
    positions: Sequence[float] = (0.44, 0.64, 0.74, 1.0),
) -> None:
    """Print a table of a network's layers and operators: what they give, and to whom.

    Parameters
    ----------
    net : Block or Symbol
        The network, with `initialize()` called, or a graph.
    shape : tuple of int, list of them, or dict of name to tuple
        The shape of each input, batch included.
    line_length : int
        How many characters a line has.
    positions : sequence of four numbers
        Where the columns end, as parts of a line or in characters.

    Raises
    ------
    TypeError
        If `net` is neither.
    ValueError
        If `shape` is left out and `net` is a block.

    Examples
    --------
    >>> from microlazy.gluon import nn
    >>> net = nn.HybridSequential(prefix="")
    >>> net.add(nn.Dense(3, prefix="hidden_"), nn.Dense(2, prefix="out_"))
    >>> net.initialize()
    >>> print_summary(net, (1, 4), line_length=60)
    ____________________________________________________________
    Layer (type)              Output ShapeParam Previous Layer
    ============================================================
    data(null)                4           0
    ____________________________________________________________
    hidden(Dense)             3           15    data
    ____________________________________________________________
    out(Dense)                2           8     hidden
    ============================================================
    Total params: 23
    ____________________________________________________________
    """
    print(summary_text(net, shape, line_length, positions))


def summary_text(
    net: Block | Symbol,
    shape: Any = None,
    line_length: int = 120,
    positions: Sequence[float] = (0.44, 0.64, 0.74, 1.0),
) -> str:
    """What `print_summary` prints."""
    ends = [int(line_length * part) if positions[-1] <= 1 else int(part) for part in positions]

    def row(*fields: object) -> str:
        line = ""
        for field, end in zip(fields, ends, strict=True):
            line = f"{line}{field}"[:end].ljust(end)
        return line.rstrip()

    rule = "_" * line_length
    lines = [rule, row("Layer (type)", "Output Shape", "Param #", "Previous Layer")]
    total = 0
    vertices = _vertices(net, shape, None, False)
    for number, vertex in enumerate(vertices):
        first, *others = [source.name for source in vertex.inputs] or [""]
        sizes = "x".join(map(str, vertex.shape[1:]))
        lines.append("=" * line_length if number == 0 else rule)
        lines.append(row(f"{vertex.name}({vertex.kind})", sizes, vertex.parameters, first))
        lines.extend(row("", "", "", name) for name in others)
        total += vertex.parameters
    return "\n".join([*lines, "=" * line_length, f"Total params: {total}", rule])
