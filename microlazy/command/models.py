"""ONNX files: what they hold, and the same networks as MXNet's files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import viz
from ..base import MXNetError
from ..model import save_checkpoint
from ..onnx.exporting import export_model
from ..onnx.importing import get_model_metadata, import_model
from ..symbol import Symbol

__all__ = ["from_onnx", "is_model", "network", "show", "to_onnx"]

SUFFIX = ".onnx"


def is_model(path: Path) -> bool:
    """Whether a file's name says that it is one of ONNX.

    Examples
    --------
    >>> from pathlib import Path
    >>> from microlazy.command.models import is_model
    >>> is_model(Path("net.onnx"))
    True
    """
    return path.suffix == SUFFIX


def network(
    path: Path, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[Symbol, dict[str, tuple[int, ...]]]:
    """The graph of a file, and shapes of its inputs: 1 stands for a size that is free.

    Parameters
    ----------
    path : Path
    shapes : dict of str to tuple of int
        Of inputs, for those that the file leaves open.

    Raises
    ------
    MXNetError
        If it cannot be read, or there is no input of a name.
    """
    graph, _, _ = import_model(path)
    told = dict(get_model_metadata(path)["input_tensor_data"])
    for name in shapes:
        if name not in told:
            raise MXNetError(f"--shape: there is no input {name!r}; there are {', '.join(told)}")
    found = {name: tuple(max(size, 1) for size in shape) for name, shape in told.items()}
    return graph, found | dict(shapes)


def show(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """A table of the operators that a file becomes, its inputs and outputs, and where it is from.

    Parameters
    ----------
    path : Path
    shapes : dict of str to tuple of int
        Of inputs.

    Returns
    -------
    str

    Raises
    ------
    MXNetError
        If it cannot be read.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from microlazy.command.models import show
    >>> from microlazy.gluon import nn
    >>> layer = nn.Dense(3, in_units=4, prefix="fc_")
    >>> layer.initialize()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "net.onnx")
    ...     _ = layer.export_onnx(path, (1, 4))
    ...     print(show(path, {}).splitlines()[-3])
    inputs: data (?, 4)
    """
    graph, sizes = network(path, shapes)
    about = get_model_metadata(path)
    lines = [viz.network.summary_text(graph, sizes)]
    for kind in ("input", "output"):
        named = [f"{name} {_sizes(shape)}" for name, shape in about[f"{kind}_tensor_data"]]
        lines.append(f"{kind}s: {', '.join(named)}")
    lines.append(", ".join(f"{key}: {text}" for key, text in about["metadata"].items()))
    return "\n".join(lines)


def _sizes(shape: Sequence[int]) -> str:
    return f"({', '.join(str(size or '?') for size in shape)})"


def from_onnx(source: Path, target: Path) -> str:
    """Write the network of an ONNX file as a symbol file and a file of parameters.

    Parameters
    ----------
    source, target : Path
        The target ends in '-symbol.json'; parameters go to the file that ends in '-0000.params'.

    Returns
    -------
    str
        What was done, in a sentence.

    Raises
    ------
    MXNetError
        If the source cannot be read, or the target's name ends otherwise.
    """
    prefix = str(target).removesuffix("-symbol.json")
    if prefix == str(target):
        raise MXNetError(f"{target}: the name must end in -symbol.json, for {source} is a network")
    graph, arguments, auxiliary = import_model(source)
    save_checkpoint(prefix, 0, graph, arguments, auxiliary)
    return f"{target} and {prefix}-0000.params: the network of {source}"


def to_onnx(sources: Sequence[Path], target: Path, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Write a symbol file and its parameters as an ONNX file.

    Parameters
    ----------
    sources : sequence of Path
        The symbol file and the file of parameters.
    target : Path
    shapes : dict of str to tuple of int
        Of the inputs, in their order; 0 stands for a size that may be any.

    Returns
    -------
    str
        What was done, in a sentence.

    Raises
    ------
    MXNetError
        If they cannot be read, or ONNX has nothing for an operator.
    """
    if len(sources) != 2:
        raise MXNetError(f"{target}: give a symbol file and its parameters")
    if not shapes:
        raise MXNetError("give the shape of each input, as in --shape data=0,3,224,224")
    free: list[Any] = [tuple(size or None for size in shape) for shape in shapes.values()]
    sizes, symbol, params = list(shapes.values()), str(sources[0]), str(sources[1])
    export_model(
        symbol,
        params,
        sizes,
        onnx_file_path=str(target),
        dynamic=True,
        dynamic_input_shapes=free,
    )
    return f"{target}: the network of {sources[0]} and {sources[1]}"
