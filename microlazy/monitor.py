"""`mx.monitor`: numbers about what a network computes and learns, while it trains.

MXNet's watches the executor of a symbol; ours watches the blocks of Gluon through their hooks.
"""

import logging
import re
from collections.abc import Callable
from typing import Any

from microlazy.base import MXNetError
from microlazy.core import functions as _f
from microlazy.core.tensor import Tensor

__all__ = ["Monitor"]


class Monitor:
    """Collects a number about outputs, parameters and gradients, every so many batches.

    Parameters
    ----------
    interval : int
        How many batches there are from one that is watched to the next.
    stat_func : callable, optional
        From an array to an array or a number, or a list of them; by default the norm over the
        square root of the size.
    pattern : str
        A regular expression: which names are watched. They are `dense0_output` (with a number
        behind it where a block returns several), `dense0_input0` (with `monitor_all`),
        `dense0_weight` and `dense0_weight_grad`.
    sort : bool
        Whether results come in the order of names.
    monitor_all : bool
        Watch inputs too.

    Notes
    -----
    A block with hooks runs eagerly, so hybridized networks are slower while they are watched;
    `uninstall` takes the hooks away.

    Examples
    --------
    >>> import microlazy as mx
    >>> net = mx.gluon.nn.Dense(2, prefix="fc_", in_units=3)
    >>> net.initialize(mx.init.One())
    >>> monitor = mx.monitor.Monitor(1, stat_func=lambda x: x.max())
    >>> monitor.install(net)
    >>> monitor.tic()
    >>> y = net(mx.nd.ones((1, 3)))
    >>> [(name, float(text)) for step, name, text in monitor.toc()]
    [('fc_output', 3.0), ('fc_weight', 1.0), ('fc_weight_grad', 0.0), ('fc_bias', 0.0),
    ('fc_bias_grad', 0.0)]
    """

    def __init__(
        self,
        interval: int,
        stat_func: Callable[[Any], Any] | None = None,
        pattern: str = ".*",
        sort: bool = False,
        monitor_all: bool = False,
    ) -> None:
        self.interval = interval
        self.stat_func = stat_func or _typical_size
        self.activated = False
        self.queue: list[tuple[int, str, Any]] = []
        self.step = 0
        self.re_prog = re.compile(pattern)
        self.sort = sort
        self.monitor_all = monitor_all
        self._blocks: list[Any] = []
        self._executors: list[Any] = []
        self._handles: list[Any] = []

    def install(self, block: Any) -> None:
        """Watch a block and all inside it, or the executor of a graph."""
        if hasattr(block, "set_monitor_callback"):
            self._executors.append(block)
            block.set_monitor_callback(self._see)
            return
        if not hasattr(block, "register_forward_hook"):
            raise TypeError(f"install: expected a Gluon block, not {type(block).__name__}")
        self._blocks.append(block)
        block.apply(self._watch)

    def uninstall(self) -> None:
        """Watch nothing any more."""
        for handle in self._handles:
            handle.detach()
        self._handles, self._blocks, self._executors = [], [], []

    def _watch(self, block: Any) -> None:
        def hook(block: Any, inputs: Any, outputs: Any) -> None:
            if self.activated:
                if self.monitor_all:
                    for i, x in enumerate(_arrays(inputs)):
                        self._note(f"{block.name}_input{i}", x)
                found = _arrays(outputs)
                for i, x in enumerate(found):
                    self._note(f"{block.name}_output{i if len(found) > 1 else ''}", x)

        self._handles.append(block.register_forward_hook(hook))

    def _see(self, name: str, x: Tensor) -> None:
        if self.activated:
            self._note(name, x)

    def _note(self, name: str, x: Tensor) -> None:
        if self.re_prog.match(name) and not x.is_abstract:
            self.queue.append((self.step, name, self.stat_func(_f.detach(x))))

    def tic(self) -> None:
        """Begin a batch: call it before forward."""
        if self.step % self.interval == 0:
            self.queue = []
            self.activated = True
        self.step += 1

    def toc(self) -> list[tuple[int, str, str]]:
        """End a batch and return what was collected: step, name and the number as a text."""
        if not self.activated:
            return []
        for block in self._blocks:
            for name, parameter in block.collect_params().items():
                try:
                    self._note(name, parameter.data())
                except MXNetError:  # not initialized yet
                    continue
                if parameter.grad_req != "null":
                    self._note(f"{name}_grad", parameter.grad())
        for executor in self._executors:
            for name, x in (executor.arg_dict | executor.aux_dict).items():
                self._note(name, x)
            for name, x in executor.grad_dict.items():
                self._note(f"{name}_grad", x)
        self.activated = False
        queue, self.queue = self.queue, []
        if self.sort:
            queue.sort(key=lambda entry: entry[1])
        return [(step, name, _text(found)) for step, name, found in queue]

    def toc_print(self) -> None:
        """End a batch and log what was collected."""
        for step, name, text in self.toc():
            logging.info("Batch: %7d %30s %s", step, name, text)


def _typical_size(x: Tensor) -> Any:
    return _f.norm(x) / max(x.size, 1) ** 0.5


def _arrays(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    parts = value if isinstance(value, (list, tuple)) else ()
    return [x for part in parts for x in _arrays(part)]


def _text(found: Any) -> str:
    """Numbers and arrays, each with a tab behind it."""
    parts = found if isinstance(found, list) else [found]
    return "".join(f"{_number(x)}\t" for x in parts)


def _number(x: Any) -> Any:
    if not isinstance(x, Tensor):
        return x
    return x.item() if x.size == 1 else x.asnumpy()
