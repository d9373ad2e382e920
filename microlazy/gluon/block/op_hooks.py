"""Watching the ops that a block computes, one by one."""

from __future__ import annotations

import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ...autograd import is_training, pause
from ...core import functions as f
from ...core.tape import watch
from ...core.tensor import Tensor

if TYPE_CHECKING:
    from .running import Running

OpCallback = Callable[[str, str, Any], None]


class OpHook:
    """What removes an op hook again; also a context manager that removes it at its end.

    Parameters
    ----------
    blocks : iterable of Block
        Those whose ops are watched.
    callback : callable
        Called with the result's name, the op's name and the result.
    monitor_all : bool
        Whether it is called with the inputs too.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon import nn
    >>> layer = nn.Activation("relu", prefix="relu_")
    >>> with layer.register_op_hook(lambda name, op, array: print(name, op, array.shape)):
    ...     _ = layer(nd.ones((2, 3)))
    relu_relu0_output relu (2, 3)
    """

    def __init__(self, blocks: Iterable[Running], callback: OpCallback, monitor_all: bool) -> None:
        self.callback = callback
        self.monitor_all = monitor_all
        self._blocks = [weakref.ref(block) for block in blocks]
        for block in self._found():
            block._op_hooks[id(self)] = self
            block._changed()

    def _found(self) -> list[Running]:
        return [block for block in (reference() for reference in self._blocks) if block is not None]

    def detach(self) -> None:
        """Remove the hook; a second call changes nothing.

        Examples
        --------
        >>> from microlazy.gluon import nn
        >>> nn.Dense(3).register_op_hook(print).detach()
        """
        for block in self._found():
            if block._op_hooks.pop(id(self), None) is not None:
                block._changed()

    def __enter__(self) -> OpHook:
        return self

    def __exit__(self, *exception: object) -> None:
        self.detach()

    def __getstate__(self) -> dict[str, Any]:  # a copied block keeps what its hooks call
        return self.__dict__ | {"_blocks": []}


class _Watched(threading.local):
    """Per thread: the innermost block that is running with hooks, and the ops it has run."""

    block: Running | None = None
    counts: Counter[str] = Counter()


_watched = _Watched()
_running: list[None] = []  # as long as there are threads in watched blocks, and calls in each
_lock = threading.Lock()


def watched_forward(block: Running, args: tuple[Any, ...]) -> Any:
    """Return ``block.forward(*args)``, with its op hooks called for each op."""
    outer = _watched.block, _watched.counts
    _watched.block, _watched.counts = block, Counter()
    with _lock:
        _running.append(None)
        watch(_tell)
    try:
        return block.forward(*args)
    finally:
        _watched.block, _watched.counts = outer
        with _lock:
            _running.pop()
            watch(_tell if _running else None)


def _tell(op: str, inputs: list[Tensor], out: Tensor) -> None:
    """Call the hooks of the block that this thread is running."""
    block = _watched.block
    if block is None:
        return
    name = f"{block.prefix}{op}{_watched.counts[op]}"
    _watched.counts[op] += 1
    _watched.block = None  # the callbacks' own ops are not watched
    try:
        with pause(is_training()):
            for hook in list(block._op_hooks.values()):
                if hook.monitor_all:
                    for place, x in enumerate(inputs):
                        hook.callback(f"{name}_input{place}", op, f.detach(x))
                hook.callback(f"{name}_output", op, f.detach(out))
    finally:
        _watched.block = block
