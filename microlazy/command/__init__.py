"""The command: look into files, convert them, move programs over.

``python -m microlazy --help`` lists what it does.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ..base import MXNetError
from . import arrays, graphs, migration, models

__all__ = ["main"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="microlazy",
        description="Look into files of arrays and graphs, convert them, move programs over.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND")

    suffixes = f"{', '.join(arrays.SUFFIXES)}, {models.SUFFIX} or {graphs.SUFFIX}"
    show = verbs.add_parser(
        "show",
        help="list what a file holds: arrays with shapes, dtypes, sizes; a graph's operators",
    )
    show.add_argument("file", type=Path, help=f"one of {suffixes}")
    show.add_argument(
        "--picture", type=Path, metavar="FILE", help="draw the network too: .gv, .svg, .png, .pdf"
    )
    _take_shapes(show)
    show.set_defaults(run=_show)

    convert = verbs.add_parser(
        "convert",
        help="write the arrays of a file in another format, a graph in today's dialect, a network "
        "as an ONNX file or from one",
    )
    convert.add_argument("source", type=Path, nargs="+", help="a file, or a graph and parameters")
    convert.add_argument("target", type=Path, help="the suffix says the format")
    _take_shapes(convert)
    convert.set_defaults(run=_convert)

    check = verbs.add_parser("check", help="say whether a graph and parameters fit")
    check.add_argument("symbol", type=Path, help="name-symbol.json")
    check.add_argument("params", type=Path, help="name-0000.params")
    _take_shapes(check)
    check.set_defaults(run=_check)

    migrate = verbs.add_parser(
        "migrate", help="say which names of mxnet programs use, and which are missing here"
    )
    migrate.add_argument("path", type=Path, help="a .py or .ipynb file, or a folder of them")
    migrate.add_argument("--write", action="store_true", help="replace the imports in the files")
    migrate.set_defaults(run=_migrate)

    config = verbs.add_parser("config", help="say what this installation computes with")
    config.set_defaults(run=_config)
    return parser


def _take_shapes(verb: argparse.ArgumentParser) -> None:
    text = "the shape of an input of a graph, such as data=1,3,224,224; may be repeated"
    verb.add_argument("--shape", action="append", default=[], metavar="NAME=SIZES", help=text)


def _show(args: argparse.Namespace) -> None:
    shapes = graphs.parse_shapes(args.shape)
    kind = models if models.is_model(args.file) else graphs
    if not models.is_model(args.file) and not graphs.is_graph(args.file):
        if args.picture is not None:
            raise MXNetError(f"{args.file} has no network to draw")
        print(arrays.show(args.file))
        return
    print(kind.show(args.file, shapes))
    if args.picture is not None:
        graph, sizes = kind.network(args.file, shapes)
        print(f"picture: {graphs.draw(graph, sizes, args.picture)}")


def _convert(args: argparse.Namespace) -> None:
    first, *others = args.source
    if models.is_model(args.target) and graphs.is_graph(first):
        print(models.to_onnx(args.source, args.target, graphs.parse_shapes(args.shape)))
        return
    if others:
        raise MXNetError(f"{len(args.source)} files become one only as {models.SUFFIX}")
    if models.is_model(first):
        print(models.from_onnx(first, args.target))
        return
    convert = graphs.convert if graphs.is_graph(first) else arrays.convert
    print(convert(first, args.target))


def _check(args: argparse.Namespace) -> int:
    found = graphs.check(args.symbol, args.params, graphs.parse_shapes(args.shape))
    print(found.text)
    return 0 if found.fits else 1


def _migrate(args: argparse.Namespace) -> int:
    report = migration.read(args.path)
    print(report)
    if args.write:
        print(f"imports replaced in {migration.count(migration.write(report), 'file')}")
    return 1 if report.missing else 0


def _config(args: argparse.Namespace) -> None:
    from .._config import config

    for name, value in config().items():
        print(f"{name:10} {', '.join(map(str, value)) if isinstance(value, tuple) else value}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str, optional
        What stands behind the program's name; by default that of this process.

    Returns
    -------
    int
        0; 1 if a file cannot be read or written, if `migrate` finds names that are missing, or if
        `check` finds what does not fit.

    Examples
    --------
    >>> from microlazy.command import main
    >>> status = main(["config"])  # doctest: +ELLIPSIS
    kernels    ...
    """
    args = _parser().parse_args(arguments)
    try:
        status = args.run(args) or 0
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # who reads, as `head` does, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (OSError, MXNetError, ValueError) as error:
        print(f"microlazy {args.verb}: {error}", file=sys.stderr)
        return 1
