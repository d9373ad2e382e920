"""Hooks of modules."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ....gluon.utils import HookHandle


class RemovableHandle(HookHandle):
    """Takes a hook away; one function may be a hook several times.

    Examples
    --------
    >>> from microlazy.dialects.torch import nn
    >>> nn.Flatten().register_forward_hook(print).remove()
    """

    def __init__(
        self, hooks: dict[int, Any], hook: Callable[..., Any], changed: Callable[[], None]
    ) -> None:
        super().__init__(hooks, partial(hook), changed)

    def remove(self) -> None:
        """Call the hook no more."""
        self.detach()
