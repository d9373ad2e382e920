"""Size, the shape of a tensor."""

from __future__ import annotations

import math
from typing import Any


class Size(tuple):
    """A shape: a tuple of int that says so when it is printed.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> torch.zeros(2, 3).shape
    torch.Size([2, 3])
    >>> torch.Size([2, 3]).numel()
    6
    """

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key)
        return Size(part) if isinstance(key, slice) else part

    def __add__(self, other: Any) -> Size:
        return Size(super().__add__(tuple(other)))

    def numel(self) -> int:
        """The number of elements of a tensor of this shape."""
        return math.prod(self)
