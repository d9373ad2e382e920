"""Hooks of modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self


class RemovableHandle:
    """Takes a hook away.

    Examples
    --------
    >>> from microlazy.dialects.torch import nn
    >>> nn.Flatten().register_forward_hook(print).remove()
    """

    def __init__(self, hooks: dict[int, Any], hook: Any, changed: Callable[[], None]) -> None:
        self._hooks, self._changed = hooks, changed
        hooks[id(self)] = hook
        changed()

    def remove(self) -> None:
        """Call the hook no more."""
        self._hooks.pop(id(self), None)
        self._changed()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self.remove()
