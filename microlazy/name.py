"""`mx.name`: names for what has none, numbered by kind.

Gluon's blocks outside of any `block.name_scope()` are named by the current manager.
"""

import threading
from collections import Counter
from types import TracebackType
from typing import Self

__all__ = ["NameManager", "Prefix"]


class NameManager:
    """Gives out names such as dense0, dense1; the innermost `with` is the current manager.

    Examples
    --------
    >>> from microlazy.name import NameManager
    >>> names = NameManager()
    >>> names.get(None, "dense"), names.get(None, "dense"), names.get("mine", "dense")
    ('dense0', 'dense1', 'mine')
    """

    _local = threading.local()

    def __init__(self) -> None:
        self._counter: Counter[str] = Counter()
        self._before: list[NameManager] = []

    def get(self, name: str | None, hint: str) -> str:
        """Return a name itself, or without one the next name after a hint."""
        if name:
            return name
        number = self._counter[hint]
        self._counter[hint] += 1
        return f"{hint}{number}"

    def __enter__(self) -> Self:
        self._before.append(current())
        NameManager._local.value = self
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        NameManager._local.value = self._before.pop()


class Prefix(NameManager):
    """Puts a prefix before every name.

    Examples
    --------
    >>> from microlazy.gluon import nn
    >>> from microlazy.name import Prefix
    >>> with Prefix("net_"):
    ...     layer = nn.Dense(3)
    >>> layer.name
    'net_dense0'
    """

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self._prefix = prefix

    def get(self, name: str | None, hint: str) -> str:
        """Return the prefix and a name."""
        return self._prefix + super().get(name, hint)


def current() -> NameManager:
    """Return this thread's innermost manager.

    Examples
    --------
    >>> from microlazy.name import NameManager, current
    >>> with NameManager() as names:
    ...     current() is names
    True
    """
    if not hasattr(NameManager._local, "value"):
        NameManager._local.value = NameManager()
    return NameManager._local.value
