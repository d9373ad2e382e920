"""The codes that stand for sizes in `npx.reshape`."""

from collections.abc import Sequence
from typing import Any, TypeVar

from microlazy.base import ShapeError
from microlazy.core import functions as f
from microlazy.core.tensor import Tensor

A = TypeVar("A", bound=Tensor)

COPY, SKIP, REST, JOIN, SPLIT = -2, -3, -4, -5, -6


def reshape_npx(x: A, newshape: Any, reverse: bool = False) -> A:
    """Return the same elements in another shape; see `npx.reshape` for the codes.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.target_shapes import reshape_npx
    >>> reshape_npx(np.ones((2, 3, 4)), (-5, -2)).shape
    (6, 4)
    """
    codes = tuple(newshape) if isinstance(newshape, Sequence) else (newshape,)
    step = -1 if reverse else 1
    target = _resolved(x.shape[::step], codes[::step], f"{codes} for an array of {x.shape}")
    return f.reshape(x, target[::step])


def _resolved(source: tuple[int, ...], codes: tuple[int, ...], what: str) -> tuple[int, ...]:
    """The sizes that codes stand for, with at most one -1 left."""
    sizes, target = list(source), []
    waiting = list(codes)

    def take() -> int:
        if not sizes:
            raise ShapeError(f"reshape: {what} names more axes than there are")
        return sizes.pop(0)

    while waiting:
        code = waiting.pop(0)
        if code >= -1:
            target.append(code)
            del sizes[:1]
        elif code == COPY:
            target.append(take())
        elif code == SKIP:
            if take() != 1:
                raise ShapeError(f"reshape: {what} skips (-3) an axis that is not of size 1")
        elif code == REST:
            target += sizes
            sizes = []
        elif code == JOIN:
            target.append(take() * take())
        elif code == SPLIT:
            target += _split(take(), waiting[:2], what)
            del waiting[:2]
        else:
            raise ShapeError(f"reshape: {what} has the unknown code {code}")
    return tuple(target)


def _split(size: int, parts: list[int], what: str) -> list[int]:
    if len(parts) < 2 or min(parts) < -1 or parts == [-1, -1]:
        raise ShapeError(f"reshape: {what} must have two sizes after -6, of which one may be -1")
    first, second = parts
    if first == -1:
        first = size // second if second else 0
    elif second == -1:
        second = size // first if first else 0
    if first * second != size:
        raise ShapeError(f"reshape: {what} cannot split {size} into {parts[0]} and {parts[1]}")
    return [first, second]
