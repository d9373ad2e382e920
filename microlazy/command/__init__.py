"""The command: look into files, convert them, move programs over.

``python -m microlazy --help`` lists what it does.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ..base import MXNetError
from . import arrays, migration

__all__ = ["main"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="microlazy", description="Look into files of arrays, convert them, move programs over."
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND")

    show = verbs.add_parser("show", help="list the arrays in a file: names, shapes, dtypes, sizes")
    show.add_argument("file", type=Path, help=f"one of {', '.join(arrays.SUFFIXES)}")
    show.set_defaults(run=lambda args: print(arrays.show(args.file)))

    convert = verbs.add_parser("convert", help="write the arrays of a file in another format")
    convert.add_argument("source", type=Path)
    convert.add_argument("target", type=Path, help="the suffix says the format")
    convert.set_defaults(run=lambda args: print(arrays.convert(args.source, args.target)))

    migrate = verbs.add_parser(
        "migrate", help="say which names of mxnet programs use, and which are missing here"
    )
    migrate.add_argument("path", type=Path, help="a .py or .ipynb file, or a folder of them")
    migrate.add_argument("--write", action="store_true", help="replace the imports in the files")
    migrate.set_defaults(run=_migrate)

    config = verbs.add_parser("config", help="say what this installation computes with")
    config.set_defaults(run=_config)
    return parser


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
        0; 1 if a file cannot be read or written, or if `migrate` finds names that are missing.

    Examples
    --------
    >>> from microlazy.command import main
    >>> status = main(["config"])  # doctest: +ELLIPSIS
    kernels    ...
    """
    args = _parser().parse_args(arguments)
    try:
        return args.run(args) or 0
    except (OSError, MXNetError, ValueError) as error:
        print(f"microlazy {args.verb}: {error}", file=sys.stderr)
        return 1
