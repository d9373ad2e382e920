"""`mx.callback`: what training loops call after a batch or an epoch, to log and to save.

A callback for batches gets an object with `epoch`, `nbatch` and `eval_metric` (or None); what it
says goes to Python's logging.
"""

import logging
import math
import time
from collections.abc import Callable
from typing import Any

__all__ = [
    "LogValidationMetricsCallback",
    "ProgressBar",
    "Speedometer",
    "do_checkpoint",
    "log_train_metric",
    "module_checkpoint",
]


def module_checkpoint(
    mod: Any, prefix: str, period: int = 1, save_optimizer_states: bool = False
) -> Callable[..., None]:
    """Return a callback for epochs that calls ``mod.save_checkpoint(prefix, epoch, states)``.

    Parameters
    ----------
    mod : object with `save_checkpoint`
    prefix : str
        Where the files' names begin.
    period : int
        Save after every so many epochs.
    save_optimizer_states : bool

    Examples
    --------
    >>> from microlazy.callback import module_checkpoint
    >>> class Model:
    ...     def save_checkpoint(self, prefix, epoch, states):
    ...         print(prefix, epoch)
    >>> save = module_checkpoint(Model(), "net", period=2)
    >>> for epoch in range(4):
    ...     save(epoch)
    net 2
    net 4
    """
    period = max(1, int(period))

    def callback(iter_no: int, sym: Any = None, arg: Any = None, aux: Any = None) -> None:
        if (iter_no + 1) % period == 0:
            mod.save_checkpoint(prefix, iter_no + 1, save_optimizer_states)

    return callback


def do_checkpoint(prefix: str, period: int = 1) -> Callable[..., None]:
    """Return a callback for epochs that saves parameters as ``prefix-0001.params`` and so on.

    The callback takes the number of the epoch (from 0), an object whose `save` writes
    ``prefix-symbol.json`` (or None), and two dicts of arrays by name: arguments and auxiliary
    states.

    Parameters
    ----------
    prefix : str
        Where the files' names begin.
    period : int
        Save after every so many epochs.

    Examples
    --------
    >>> import os, tempfile
    >>> from microlazy import callback, nd
    >>> folder = tempfile.mkdtemp()
    >>> save = callback.do_checkpoint(os.path.join(folder, "net"))
    >>> save(0, None, {"weight": nd.ones((2,))}, {})
    >>> list(nd.load(os.path.join(folder, "net-0001.params")))
    ['arg:weight']
    """
    period = max(1, int(period))

    def callback(iter_no: int, sym: Any, arg: Any, aux: Any) -> None:
        if (iter_no + 1) % period:
            return
        from microlazy.model import save_checkpoint

        save_checkpoint(prefix, iter_no + 1, sym, arg, aux)

    return callback


def log_train_metric(period: int, auto_reset: bool = False) -> Callable[[Any], None]:
    """Return a callback for batches that logs the metric, every so many batches.

    Parameters
    ----------
    period : int
    auto_reset : bool
        Begin the metric anew after each line.

    Examples
    --------
    >>> from microlazy.callback import log_train_metric
    >>> callable(log_train_metric(10))
    True
    """

    def callback(param: Any) -> None:
        if param.nbatch % period == 0 and param.eval_metric is not None:
            for name, value in param.eval_metric.get_name_value():
                logging.info(
                    "Iter[%d] Batch[%d] Train-%s=%f", param.epoch, param.nbatch, name, value
                )
            if auto_reset:
                param.eval_metric.reset_local()

    return callback


class Speedometer:
    """Logs how many samples a second were trained, and the metric.

    Parameters
    ----------
    batch_size : int
    frequent : int
        How many batches there are between two lines.
    auto_reset : bool
        Whether a line is about the batches since the last one, else about the whole epoch.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import microlazy as mx
    >>> speedometer = mx.callback.Speedometer(batch_size=32, frequent=10)
    >>> speedometer(SimpleNamespace(epoch=0, nbatch=0, eval_metric=None))
    """

    def __init__(self, batch_size: int, frequent: int = 50, auto_reset: bool = True) -> None:
        self.batch_size = batch_size
        self.frequent = frequent
        self.auto_reset = auto_reset
        self.last_count = 0
        self._start: float | None = None  # of the batches since the last line

    def __call__(self, param: Any) -> None:
        """Look at the clock; log if it is time."""
        count, metric = param.nbatch, param.eval_metric
        if count < self.last_count:  # a new epoch
            self._start = None
        self.last_count = count
        if self._start is None:
            self._start = time.perf_counter()
        elif count % self.frequent == 0:
            elapsed = time.perf_counter() - self._start
            speed = self.frequent * self.batch_size / elapsed if elapsed else math.inf
            self._log(param.epoch, count, speed, metric)
            self._start = time.perf_counter()

    def _log(self, epoch: int, count: int, speed: float, metric: Any) -> None:
        if metric is None:
            logging.info("Iter[%d] Batch [%d]\tSpeed: %.2f samples/sec", epoch, count, speed)
            return
        pairs = metric.get_name_value()
        if self.auto_reset:
            metric.reset_local()
        text = "Epoch[%d] Batch [%d-%d]\tSpeed: %.2f samples/sec" + "\t%s=%f" * len(pairs)
        first = count - self.frequent if self.auto_reset else 0
        logging.info(text, epoch, first, count, speed, *(part for pair in pairs for part in pair))


class ProgressBar:
    """Logs a bar with the part of an epoch that is done.

    Parameters
    ----------
    total : int
        How many batches an epoch has.
    length : int
        How many characters the bar has.

    Examples
    --------
    >>> import microlazy as mx
    >>> bar = mx.callback.ProgressBar(total=10)
    """

    def __init__(self, total: int, length: int = 80) -> None:
        self.bar_len = length
        self.total = total

    def __call__(self, param: Any) -> None:
        """Log the bar."""
        share = param.nbatch / self.total
        bar = "=" * round(self.bar_len * share)
        logging.info("[%s] %s%s\r", bar.ljust(self.bar_len, "-"), math.ceil(100 * share), "%")


class LogValidationMetricsCallback:
    """Logs the metric at the end of an epoch.

    Examples
    --------
    >>> import microlazy as mx
    >>> log = mx.callback.LogValidationMetricsCallback()
    """

    def __call__(self, param: Any) -> None:
        """Log the metric, if there is one."""
        if param.eval_metric:
            for name, value in param.eval_metric.get_name_value():
                logging.info("Epoch[%d] Validation-%s=%f", param.epoch, name, value)
