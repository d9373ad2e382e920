"""Shapes of which some axes may be unknown: 0 stands for those inside, as in MXNet."""

from __future__ import annotations

from collections.abc import Iterable
from operator import index
from typing import Any

from ...base import ShapeError
from ...initializer import ArgumentError
from ...util import is_np_shape

Shape = tuple[int, ...]


class ParameterShapeError(ShapeError, ArgumentError):
    """A shape does not fit a parameter.

    Examples
    --------
    >>> import microlazy as mx
    >>> weight = mx.gluon.Parameter("weight", shape=(2, 3))
    >>> try:
    ...     weight.shape = (2, 4)
    ... except ValueError as error:
    ...     print(error)
    Parameter 'weight': Expected shape (2, 4) is incompatible with given shape (2, 3).
    """


def normal_shape(shape: Any, name: str) -> Shape | None:
    """A shape as a tuple, with 0 for unknown axes."""
    if shape is None:
        return None
    try:
        sizes = tuple(index(size) for size in (shape if isinstance(shape, Iterable) else [shape]))
    except TypeError:
        raise TypeError(
            f"Parameter '{name}': the shape must be an integer or integers, given {shape!r}"
        ) from None
    if any(size < -1 for size in sizes):
        raise ParameterShapeError(
            f"Parameter '{name}': a size is at least 0, or -1 where it is unknown, given {shape}"
        )
    return tuple(max(size, 0) for size in sizes)


def visible(shape: Shape | None) -> Shape | None:
    """A shape as users see it: unknown axes are -1 under NumPy semantics and 0 otherwise."""
    if shape is None or not is_np_shape():
        return shape
    return tuple(size or -1 for size in shape)


def is_known(shape: Shape | None) -> bool:
    """Whether an array of that shape can be made."""
    return shape is not None and 0 not in shape and (shape != () or is_np_shape())


def unknown_axes(shape: Shape | None) -> str:
    """The unknown axes in words, or an empty text."""
    if shape is None:
        return "whole shape unknown"
    axes = [str(axis) for axis, size in enumerate(shape) if size == 0]
    return f"{'axes' if axes[1:] else 'axis'} {' and '.join(axes)} unknown" if axes else ""


def fits(new: Shape | None, old: Shape | None) -> bool:
    """Whether `new` agrees with all that `old` says."""
    if old is None:
        return True
    return (
        new is not None
        and len(old) == len(new)
        and all(known in (0, size) for known, size in zip(old, new, strict=True))
    )


def merged(old: Shape | None, new: Shape | None) -> Shape | None:
    """What two shapes say together; None if they clash."""
    if old is None or new is None or len(old) != len(new):
        return new if old is None else None
    shape = tuple(a or b for a, b in zip(old, new, strict=True))
    return shape if fits(shape, old) and fits(shape, new) else None


def shape_text(shape: tuple[int, ...] | None) -> str:
    """A shape with '?' for each unknown axis."""
    if shape is None:
        return "?"
    sizes = ["?" if size <= 0 else str(size) for size in shape]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"
