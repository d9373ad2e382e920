"""Where tensors are, and what computed them."""

from __future__ import annotations

from typing import Any


class GradFn:
    """What computed a tensor, by name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def name(self) -> str:
        """The operation's name, such as ``'AddBackward0'``."""
        return self._name

    def __repr__(self) -> str:
        return f"<{self._name}>"


class device:  # noqa: N801
    """Where tensors are; there is the CPU.

    Raises
    ------
    RuntimeError
        If another device is named.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> torch.device("cpu")
    device(type='cpu')
    """

    type = "cpu"
    index = None

    def __init__(self, name: Any = "cpu") -> None:
        if str(name).partition(":")[0] not in ("cpu", "device(type='cpu')"):
            raise RuntimeError(f"there is no device {name!r}: microlazy computes on the CPU")

    def __repr__(self) -> str:
        return "device(type='cpu')"

    def __str__(self) -> str:
        return "cpu"

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, device) or str(other) == "cpu"

    def __hash__(self) -> int:
        return hash("cpu")


CPU = device()
