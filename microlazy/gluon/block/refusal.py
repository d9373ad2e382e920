"""Why a block cannot run on shapes alone, in a dry run or for a plan: the block, the line, the
reason."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from types import FrameType
from typing import cast

from ...base import AbstractValueError
from .tree import Tree, refusals_of, where

PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(__file__))) + os.sep


def place_of(error: BaseException, block: Tree) -> tuple[Tree, str]:
    """The innermost block whose forward raised an error, and the program's line or ''."""
    inner, line = block, ""
    for frame, number in _frames(error):
        code, owner = frame.f_code, frame.f_locals.get("self")
        at = f"line {number} of {code.co_filename}"
        if issubclass(type(owner), Tree) and code.co_name in ("forward", "hybrid_forward"):
            inner, line = cast(Tree, owner), at
        elif not _is_ours(code.co_filename):
            line = at
    return inner, line


def line_of(error: BaseException) -> str:
    """The program's innermost line that an error went through, or ''."""
    lines = [
        f"line {number} of {frame.f_code.co_filename}"
        for frame, number in _frames(error)
        if not _is_ours(frame.f_code.co_filename)
    ]
    return lines[-1] if lines else ""


def _frames(error: BaseException) -> Iterator[tuple[FrameType, int]]:
    """The frames that an error went through, each with its line's number."""
    from traceback import walk_tb  # seldom needed

    return walk_tb(error.__traceback__)


def _is_ours(file: str) -> bool:
    """Whether a file is of this package; the compiled ones are named from its root."""
    return file.startswith(PACKAGE) or file.endswith((".pyx", ".pxi"))


def explained(error: AbstractValueError, block: Tree) -> AbstractValueError:
    """The error with the block whose code looked at a value, and the line."""
    inner, line = place_of(error, block)
    at = f" ({line})" if line else ""
    return AbstractValueError(f"{where(inner)} looks at the values of an array{at}: {error}")


def tell_refusal(error: BaseException, block: Tree) -> None:
    """Warn that a block runs eagerly; once for each line, or reason, of a network."""
    inner, line = place_of(error, block)
    told = refusals_of(block)
    if (line or str(error)) in told:
        return
    told.add(line or str(error))
    at = f" because of {line}" if line else ""
    warnings.warn(
        f"{where(inner)} runs eagerly{at}, as do the blocks that contain it; the blocks inside "
        f"keep their plans. A plan cannot hold it: {error}",
        stacklevel=_level_of_caller(),
    )


def _level_of_caller() -> int:
    """How far up the program's own line is, for a warning of the function that asks."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and _is_ours(frame.f_code.co_filename):
        level, frame = level + 1, frame.f_back
    return level
