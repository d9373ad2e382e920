"""Handlers that keep how training went: in memory, and for TensorBoard."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ....metric import EvalMetric
from ._checks import checked_metrics
from .event_handler import BatchEnd, EpochEnd, TrainBegin, TrainEnd

if TYPE_CHECKING:
    from .estimator import Estimator

__all__ = ["HistoryHandler", "TensorBoardHandler"]


class HistoryHandler(TrainBegin, EpochEnd):
    """Keeps the values of metrics at the end of each epoch; `viz.plot_training` draws them.

    Parameters
    ----------
    metrics : EvalMetric or list of EvalMetric, optional
        Which ones; by default those of the estimator, with those of validation once they have
        values.
    priority : float
        Handlers with a lower number are told first.

    Attributes
    ----------
    values : dict of str to list of float
        The values by the metric's name.

    Examples
    --------
    >>> from microlazy import metric
    >>> loss = metric.Loss()
    >>> history = HistoryHandler(loss)
    >>> history.train_begin(None)
    >>> for value in (2.0, 1.0):
    ...     loss.sum_metric, loss.num_inst = value, 1
    ...     history.epoch_end(None)
    >>> history.values
    {'loss': [2.0, 1.0]}
    """

    saved_attributes = ("names", "lines")

    def __init__(self, metrics: Any = None, priority: float = 500) -> None:
        self.metrics = checked_metrics(metrics)
        self.priority = priority
        self.names: list[str] = []
        self.lines: list[list[float]] = []

    @property
    def values(self) -> dict[str, list[float]]:
        return dict(zip(self.names, self.lines, strict=True))

    def train_begin(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        self.names, self.lines = [], []

    def epoch_end(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        for metric in self.metrics or _measured(estimator):
            name, value = metric.get()
            if name not in self.names:
                self.names.append(name)
                self.lines.append([])
            self.lines[self.names.index(name)].append(float(value))


def _measured(estimator: Estimator) -> list[EvalMetric]:
    """The estimator's metrics; those of validation if there was one."""
    measured = [metric for metric in estimator.val_metrics if metric.num_inst]
    return [*estimator.train_metrics, *measured]


class TensorBoardHandler(TrainBegin, BatchEnd, EpochEnd, TrainEnd):
    """Writes metrics, the learning rate and histograms for TensorBoard, through tensorboardX.

    Parameters
    ----------
    log_dir : path
        A folder for the files; made if there is none.
    metrics : EvalMetric or list of EvalMetric, optional
        As in `HistoryHandler`.
    batch_period : int, optional
        After how many batches the metrics of training are written too, under 'batch/'; the step is
        the number of batches, elsewhere that of epochs.
    histograms : bool
        Write histograms of all parameters and their gradients after each epoch.
    priority : float
        Handlers with a lower number are told first.

    Raises
    ------
    ImportError
        If tensorboardX is not installed.

    Examples
    --------
    >>> import tempfile
    >>> handler = TensorBoardHandler(tempfile.mkdtemp(), batch_period=100)
    >>> handler.batch_period
    100
    """

    saved_attributes = ("current_batch", "current_epoch")

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        metrics: Any = None,
        batch_period: int | None = None,
        histograms: bool = False,
        priority: float = 500,
    ) -> None:
        try:
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise ImportError(
                f"TensorBoardHandler needs tensorboardX ({error}): "
                "pip install 'microlazy[tensorboard]'"
            ) from error
        self._open = SummaryWriter
        self._writer: Any = None
        self.log_dir = os.fspath(log_dir)
        self.metrics = checked_metrics(metrics)
        self.batch_period = batch_period
        self.histograms = histograms
        self.priority = priority
        self.current_batch = self.current_epoch = 0

    def train_begin(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        self._close()
        self.current_batch = self.current_epoch = 0
        self._writer = self._open(self.log_dir)

    def batch_end(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        self.current_batch += 1
        if self.batch_period and self.current_batch % self.batch_period == 0:
            chosen = self.metrics or estimator.train_metrics
            self._write("batch/", chosen, self.current_batch)

    def epoch_end(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        self.current_epoch += 1
        self._write("", self.metrics or _measured(estimator), self.current_epoch)
        rate = estimator.trainer.learning_rate
        self._writer.add_scalar("learning_rate", rate, self.current_epoch)
        if self.histograms:
            self._write_histograms(estimator)
        self._writer.flush()

    def train_end(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        self._close()

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _write(self, prefix: str, metrics: list[EvalMetric], step: int) -> None:
        for metric in metrics:
            name, value = metric.get()
            self._writer.add_scalar(prefix + name.replace(" ", "/"), float(value), step)

    def _write_histograms(self, estimator: Estimator) -> None:
        for path, parameter in estimator.net._collect_params_with_prefix().items():
            if parameter.state != "live":
                continue
            arrays = {"weight": parameter.data()}
            if parameter.grad_req != "null":
                arrays["gradient"] = parameter.grad()
            for kind, array in arrays.items():
                self._writer.add_histogram(f"{kind}/{path}", array.asnumpy(), self.current_epoch)
