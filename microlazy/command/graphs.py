"""Symbol files: what they hold, whether parameters fit them, the same graph as MXNet 1.9 has it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from .. import params_file, viz
from ..base import MXNetError
from ..gluon.block.symbol import without_kind
from ..symbol import Symbol
from ..symbol.running import labels_of
from ..symbol.shapes import infer, merged
from ..symbol.symbol_file import load
from ..viz._symbols import PARAMETER_ENDS

__all__ = ["Fit", "check", "convert", "draw", "is_graph", "network", "parse_shapes", "show"]

SUFFIX = ".json"


class Fit(NamedTuple):
    """Whether parameters fit a graph, and what is to be said of it."""

    fits: bool
    text: str


def is_graph(path: Path) -> bool:
    """Whether a file's name says that it is a symbol file.

    Examples
    --------
    >>> from pathlib import Path
    >>> from microlazy.command.graphs import is_graph
    >>> is_graph(Path("net-symbol.json"))
    True
    """
    return path.suffix == SUFFIX


def parse_shapes(texts: list[str]) -> dict[str, tuple[int, ...]]:
    """Shapes of inputs, each as ``name=2,3,6,6``.

    Raises
    ------
    MXNetError
        If one is written otherwise.

    Examples
    --------
    >>> from microlazy.command.graphs import parse_shapes
    >>> parse_shapes(["data=2,3"])
    {'data': (2, 3)}
    """
    found = {}
    for text in texts:
        name, _, sizes = text.partition("=")
        try:
            found[name] = tuple(int(size) for size in sizes.split(","))
        except ValueError:
            raise MXNetError(f"--shape {text}: write it as data=1,3,224,224") from None
    return found


def show(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """A table of the operators in a symbol file, and its inputs and outputs.

    Parameters
    ----------
    path : Path
    shapes : dict of str to tuple of int
        Of inputs; with them the shapes of all outputs are told.

    Returns
    -------
    str

    Raises
    ------
    MXNetError
        If it cannot be read, or the shapes do not fit.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from microlazy import sym
    >>> from microlazy.command.graphs import show
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "net-symbol.json")
    ...     sym.FullyConnected(sym.var("data"), num_hidden=3, name="fc").save(path)
    ...     print(show(path, {"data": (1, 4)}).splitlines()[-3])
    1 operator, 3 variables
    """
    graph = load(path)
    _need_known(graph, shapes)
    variables = graph.list_inputs()
    operators = sum(1 for name in graph.get_internals().list_outputs()) - len(variables)
    lines = [
        viz.network.summary_text(graph, dict(shapes) or None),
        f"{operators} operator{'s' * (operators != 1)}, {len(variables)} variables",
        f"inputs: {', '.join(_inputs(graph, {}))}",
        f"outputs: {', '.join(graph.list_outputs())}",
    ]
    return "\n".join(lines)


def network(
    path: Path, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[Symbol, Mapping[str, tuple[int, ...]]]:
    """The graph of a symbol file, and shapes of its inputs.

    Parameters
    ----------
    path : Path
    shapes : dict of str to tuple of int
    """
    return load(path), shapes


def draw(graph: Symbol, shapes: Mapping[str, tuple[int, ...]], path: Path) -> str:
    """Draw a graph into a file: as Graphviz' text, or a picture that Graphviz makes.

    Parameters
    ----------
    graph : Symbol
    shapes : dict of str to tuple of int
        Of inputs.
    path : Path
        It ends in '.gv' for the text, or in a format of Graphviz, such as '.svg'.

    Returns
    -------
    str
        The file.

    Raises
    ------
    MXNetError
        If Graphviz is needed and not installed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from microlazy import sym
    >>> from microlazy.command.graphs import draw
    >>> path = pathlib.Path(tempfile.mkdtemp(), "net.gv")
    >>> _ = draw(sym.var("x").exp(), {"x": (1, 2)}, path)
    >>> path.read_text().splitlines()[0]
    'digraph "net" {'
    """
    drawn = viz.plot_network(graph, title=path.stem, shape=dict(shapes) or None)
    if path.suffix == ".gv":
        return drawn.save(path)
    if not path.suffix:
        raise MXNetError(f"{path}: the suffix says the format, such as .gv or .svg")
    return drawn.render(path.with_suffix(""), path.suffix[1:])


def _need_known(graph: Symbol, shapes: Mapping[str, Any]) -> None:
    for name in shapes:
        if name not in graph.list_inputs():
            raise MXNetError(
                f"--shape: there is no variable {name!r}; there are "
                f"{', '.join(graph.list_inputs())}"
            )


def _inputs(graph: Symbol, arrays: Mapping[str, Any]) -> list[str]:
    """The variables that are no parameters: nobody has values for them, and no layer made them."""
    return [
        name
        for name in graph.list_inputs()
        if name not in arrays and not name.endswith(PARAMETER_ENDS)
    ]


def check(graph_path: Path, params_path: Path, shapes: Mapping[str, tuple[int, ...]]) -> Fit:
    """Compare a symbol file with a file of parameters.

    Parameters
    ----------
    graph_path, params_path : Path
    shapes : dict of str to tuple of int
        Of inputs; with them all shapes are compared, else those that the graph states.

    Returns
    -------
    Fit
        Whether they fit, and a line for each parameter that is missing, not in the graph, or of
        another shape.

    Raises
    ------
    MXNetError
        If a file cannot be read.
    """
    graph = load(graph_path)
    _need_known(graph, shapes)
    arrays = without_kind(params_file.load(params_path), params_path)
    known, inputs = graph.list_inputs(), _inputs(graph, arrays)
    lines = [f"missing: {name}" for name in known if name not in arrays and name not in inputs]
    lines += [f"not in the graph: {name}" for name in arrays if name not in known]
    for name, wanted in _wanted(graph, shapes).items():
        if name in arrays and wanted and merged(wanted, arrays[name].shape) is None:
            lines.append(f"shape: {name} is {arrays[name].shape}, but the graph needs {wanted}")
    if lines:
        return Fit(False, "\n".join(lines))
    labels = labels_of(graph)
    given = ", ".join(name for name in inputs if name not in labels)
    return Fit(True, f"{params_path} fits {graph_path}: {len(arrays)} arrays; inputs: {given}")


def _wanted(graph: Symbol, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    arguments, _, auxiliary = infer(graph, shapes)
    names = [*graph.list_arguments(), *graph.list_auxiliary_states()]
    return dict(zip(names, [*arguments, *auxiliary], strict=True))


def convert(source: Path, target: Path) -> str:
    """Write the graph of a symbol file, of any version, as MXNet 1.9 does.

    Parameters
    ----------
    source, target : Path

    Returns
    -------
    str
        What was done, in a sentence.

    Raises
    ------
    MXNetError
        If the source cannot be read, or the target's name does not end in '.json'.
    """
    if not is_graph(target):
        raise MXNetError(f"{target}: the suffix must be {SUFFIX}, for {source} is a graph")
    graph = load(source)
    graph.save(target)
    return f"{target}: the graph of {source}"
