"""What a thread does: operations on tensors are recorded, but under `no_grad`."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any


class _Mode(threading.local):
    enabled = True  # operations are recorded
    trains: bool | None = None  # while Gluon calls a module: whether Gluon trains


mode = _Mode()


def is_grad_enabled() -> bool:
    """Whether operations are recorded for gradients.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> torch.is_grad_enabled()
    True
    """
    return mode.enabled


class set_grad_enabled:  # noqa: N801
    """Record from now on, or do not; also a context manager and a decorator.

    Parameters
    ----------
    enabled : bool
        Whether to record.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> with torch.set_grad_enabled(False):
    ...     torch.is_grad_enabled()
    False
    """

    def __init__(self, enabled: bool) -> None:
        self._before = mode.enabled
        mode.enabled = self._wanted = bool(enabled)

    def __enter__(self) -> None:
        mode.enabled = self._wanted

    def __exit__(self, *error: Any) -> None:
        mode.enabled = self._before


class _Scope:
    """A context manager that sets the mode, and a decorator."""

    _wanted: bool
    _before: list[bool]

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        scope = super().__new__(cls)
        scope._before = []
        return scope if function is None else scope(function)

    def __enter__(self) -> None:
        self._before.append(mode.enabled)
        mode.enabled = self._wanted

    def __exit__(self, *error: Any) -> None:
        mode.enabled = self._before.pop()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def inside(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return inside


class no_grad(_Scope):  # noqa: N801
    """A context manager, and a decorator, under which nothing is recorded.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> with torch.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    _wanted = False


class enable_grad(_Scope):  # noqa: N801
    """A context manager, and a decorator, under which operations are recorded again.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> with torch.no_grad(), torch.enable_grad():
    ...     torch.is_grad_enabled()
    True
    """

    _wanted = True
