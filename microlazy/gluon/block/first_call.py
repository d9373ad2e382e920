"""A first call that fails leaves every parameter as it was, so a wrong batch spoils nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from ...base import MXNetError
from ..parameter import Parameter
from ..parameter.parameter import Snapshot, lock


class _Calls(threading.local):
    """Per thread: parameters finished by the outermost first call, as they were before."""

    before: dict[Parameter, Snapshot] | None = None


_calls = _Calls()


def remember(parameters: Iterable[Parameter]) -> None:
    """Note parameters that are about to get their sizes and values."""
    if _calls.before is not None:
        _calls.before.update((p, p.snapshot()) for p in parameters)


def undone_on_error(run: Callable[[tuple[Any, ...]], Any], args: tuple[Any, ...]) -> Any:
    """Return ``run(args)``; when the input is refused, put back what `remember` noted."""
    if _calls.before is not None:
        return run(args)
    before = _calls.before = {}
    try:
        return run(args)
    except (MXNetError, ValueError, TypeError):
        with lock:
            for parameter, snapshot in before.items():
                parameter.restore(snapshot)
        raise
    finally:
        _calls.before = None
