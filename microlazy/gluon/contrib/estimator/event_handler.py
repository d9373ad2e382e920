"""Handlers of what happens in training: who is told when it begins and ends, and what they do."""

from __future__ import annotations

import math
import os
import re
import time
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ....metric import CompositeEvalMetric, EvalMetric
from ....metric import Loss as LossMetric
from . import _progress
from ._checks import checked_metrics
from ._progress import Place

if TYPE_CHECKING:
    from .estimator import Estimator

__all__ = [
    "BatchBegin",
    "BatchEnd",
    "CheckpointHandler",
    "EarlyStoppingHandler",
    "EpochBegin",
    "EpochEnd",
    "GradientUpdateHandler",
    "LoggingHandler",
    "MetricHandler",
    "ProgressBarHandler",
    "StoppingHandler",
    "TrainBegin",
    "TrainEnd",
    "ValidationHandler",
]


class EventHandler:
    """The base class of handlers.

    Attributes
    ----------
    saved_attributes : tuple of str or None
        Attributes that a checkpoint keeps: numbers, text and NumPy's arrays, alone or in lists.
        Where a run goes on in the middle of an epoch, a handler that has them is not told again
        that the epoch begins.  None, as in handlers that were written for MXNet, keeps none.
    """

    saved_attributes: tuple[str, ...] | None = None


class TrainBegin(EventHandler):
    """Is told that training begins.

    Examples
    --------
    >>> class Greeter(TrainBegin):
    ...     def train_begin(self, estimator, *args, **kwargs):
    ...         print("here we go")
    >>> Greeter().train_begin(None)
    here we go
    """

    def train_begin(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        """Do something before the first epoch."""


class TrainEnd(EventHandler):
    """Is told that training ends."""

    def train_end(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        """Do something after the last epoch."""


class EpochBegin(EventHandler):
    """Is told that an epoch begins."""

    def epoch_begin(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        """Do something before the first batch."""


class EpochEnd(EventHandler):
    """Is told that an epoch ends, and may end the training."""

    def epoch_end(self, estimator: Estimator, *args: Any, **kwargs: Any) -> bool | None:
        """Do something after the last batch; return whether to stop."""
        return False


class BatchBegin(EventHandler):
    """Is told that a batch begins."""

    def batch_begin(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        """Do something with `batch`, a keyword, before the network sees it."""


class BatchEnd(EventHandler):
    """Is told that a batch ends, and may end the epoch."""

    def batch_end(self, estimator: Estimator, *args: Any, **kwargs: Any) -> bool | None:
        """Do something with `batch`, `pred`, `label` and `loss`; return whether to stop."""
        return False


class StoppingHandler(TrainBegin, BatchEnd, EpochEnd):
    """Stops when all epochs or batches that `fit` was asked for are done.

    Parameters
    ----------
    max_epoch, max_batch : int, optional
        How many; `fit` overwrites both.

    Examples
    --------
    >>> StoppingHandler(max_epoch=2).is_reached()
    False
    """

    saved_attributes = ("current_batch", "current_epoch")

    def __init__(self, max_epoch: int | None = None, max_batch: int | None = None) -> None:
        self.max_epoch = max_epoch
        self.max_batch = max_batch
        self.current_batch = self.current_epoch = 0
        self.stop_training = False

    def is_reached(self) -> bool:
        """Whether all is done."""
        return (bool(self.max_batch) and self.current_batch >= (self.max_batch or 0)) or (
            bool(self.max_epoch) and self.current_epoch >= (self.max_epoch or 0)
        )

    def train_begin(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        self.max_epoch, self.max_batch = estimator.max_epoch, estimator.max_batch
        self.current_batch = self.current_epoch = 0
        self.stop_training = False

    def batch_end(self, estimator: Estimator, *args: Any, **kwargs: Any) -> bool:
        self.current_batch += 1
        self.stop_training = self.is_reached()
        return self.stop_training

    def epoch_end(self, estimator: Estimator, *args: Any, **kwargs: Any) -> bool:
        self.current_epoch += 1
        self.stop_training = self.is_reached()
        return self.stop_training


class MetricHandler(EpochBegin, BatchEnd):
    """Updates metrics after each batch, and resets them before each epoch.

    Parameters
    ----------
    metrics : EvalMetric or list of EvalMetric
        Which ones.  A `metric.Loss` gets the losses, all others labels and predictions.
    priority : float
        Handlers with a lower number are told first.

    Examples
    --------
    >>> from microlazy import metric
    >>> MetricHandler(metric.Accuracy()).metrics[0].name
    'accuracy'
    """

    saved_attributes = ()

    def __init__(self, metrics: Any, priority: float = -1000) -> None:
        self.metrics = checked_metrics(metrics)
        self.priority = priority

    def epoch_begin(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        for metric in self.metrics:
            metric.reset()

    def batch_end(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        for metric in self.metrics:
            if isinstance(metric, LossMetric):
                metric.update(0, kwargs["loss"])
            else:
                metric.update(kwargs["label"], kwargs["pred"])


class ValidationHandler(TrainBegin, BatchEnd, EpochEnd):
    """Validates now and then.

    Parameters
    ----------
    val_data : DataLoader
        What `eval_fn` is called with.
    eval_fn : callable
        Such as `Estimator.evaluate`; gets `val_data`, `batch_axis` and `event_handlers`.
    epoch_period, batch_period : int, optional
        After how many epochs, and after how many batches.
    priority : float
        Handlers with a lower number are told first.
    event_handlers : EventHandler or list of EventHandler, optional
        Handed on to `eval_fn`.

    Examples
    --------
    >>> from microlazy import gluon
    >>> handler = ValidationHandler(gluon.data.DataLoader([1, 2], 1), lambda **options: None)
    >>> handler.epoch_period, handler.batch_period
    (1, None)
    """

    saved_attributes = ("current_batch", "current_epoch")

    def __init__(
        self,
        val_data: Any,
        eval_fn: Callable[..., Any],
        epoch_period: int | None = 1,
        batch_period: int | None = None,
        priority: float = -1000,
        event_handlers: Any = None,
    ) -> None:
        self.val_data = val_data
        self.eval_fn = eval_fn
        self.epoch_period = epoch_period
        self.batch_period = batch_period
        self.current_batch = self.current_epoch = 0
        self.priority = priority
        self.event_handlers = event_handlers

    def train_begin(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        self.current_batch = self.current_epoch = 0

    def batch_end(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        self.current_batch += 1
        self._validate(estimator, self.current_batch, self.batch_period)

    def epoch_end(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        self.current_epoch += 1
        self._validate(estimator, self.current_epoch, self.epoch_period)

    def _validate(self, estimator: Estimator, count: int, period: int | None) -> None:
        if period and count % period == 0:
            self.eval_fn(
                val_data=self.val_data,
                batch_axis=estimator.batch_axis,
                event_handlers=self.event_handlers,
            )


class LoggingHandler(TrainBegin, TrainEnd, EpochBegin, EpochEnd, BatchBegin, BatchEnd):
    """Writes to the estimator's logger how training goes.

    Parameters
    ----------
    log_interval : int or 'epoch'
        After how many batches, or once for each epoch.
    metrics : EvalMetric or list of EvalMetric, optional
        Whose values are written.
    priority : float
        Handlers with a lower number are told first; this one is told last.

    Raises
    ------
    ValueError
        If `log_interval` is neither.

    Examples
    --------
    >>> LoggingHandler(log_interval=50).log_interval
    50
    """

    saved_attributes = ("batch_index", "current_epoch", "processed_samples")

    def __init__(
        self, log_interval: int | str = "epoch", metrics: Any = None, priority: float = math.inf
    ) -> None:
        if not isinstance(log_interval, int) and log_interval != "epoch":
            raise ValueError(
                f"log_interval must be either an integer or string 'epoch', not {log_interval!r}"
            )
        self.metrics = checked_metrics(metrics)
        self.batch_index = self.current_epoch = self.processed_samples = 0
        self.priority = priority
        self.log_interval = log_interval
        self.log_interval_time = 0.0
        self.train_start = self.epoch_start = self.batch_start = time.time()

    def train_begin(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        self.train_start = self.epoch_start = time.time()
        estimator.logger.info(
            "Training begin: using optimizer %s with current learning rate %.4f ",
            type(estimator.trainer.optimizer).__name__,
            estimator.trainer.learning_rate,
        )
        estimator.logger.info("Train for %s.", _wanted(estimator))
        self.current_epoch = self.batch_index = self.processed_samples = 0
        self.log_interval_time = 0.0

    def train_end(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        seconds = time.time() - self.train_start
        self._write(
            estimator,
            f"Train finished using total {int(seconds)}s with {self.current_epoch} epochs. ",
        )

    def batch_begin(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        if isinstance(self.log_interval, int):
            self.batch_start = time.time()

    def batch_end(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        if isinstance(self.log_interval, int):
            self.log_interval_time += time.time() - self.batch_start
            self.processed_samples += len(kwargs["batch"][0])
            if self.batch_index % self.log_interval == 0:
                self._write(
                    estimator,
                    f"[Epoch {self.current_epoch}][Batch {self.batch_index}]"
                    f"[Samples {self.processed_samples}] "
                    f"time/interval: {self.log_interval_time:.3f}s ",
                )
                self.log_interval_time = 0.0
        self.batch_index += 1

    def epoch_begin(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        self.epoch_start = time.time()
        if any("training" in metric.name for metric in self.metrics):
            estimator.logger.info(
                "[Epoch %d] Begin, current learning rate: %.4f",
                self.current_epoch,
                estimator.trainer.learning_rate,
            )
        else:
            estimator.logger.info("Validation Begin")

    def epoch_end(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        seconds = time.time() - self.epoch_start
        self._write(estimator, f"[Epoch {self.current_epoch}] Finished in {seconds:.3f}s, ")
        self.current_epoch += 1
        self.batch_index = 0

    def _write(self, estimator: Estimator, text: str) -> None:
        """Write a line with the values of all metrics at its end."""
        values = ", ".join("%s: %.4f" % metric.get() for metric in self.metrics)  # noqa: UP031
        estimator.logger.info((text + values).rstrip(", "))


class _Monitor:
    """What looks whether a metric gets better."""

    def __init__(self, owner: str, monitor: Any, mode: str) -> None:
        name = monitor.get()[0]
        if mode not in ("auto", "min", "max"):
            warnings.warn(
                f"{owner} mode {mode} is unknown, fallback to auto mode: more is better for "
                "metrics with acc or f1 in their name, less for all others",
                RuntimeWarning,
                stacklevel=3,
            )
            mode = "auto"
        if mode == "auto":
            mode = "max" if re.search("acc|f1", name.lower()) else "min"
            operator = "greater" if mode == "max" else "less"
            warnings.warn(
                f"`{operator}` operator will be used to determine if {name} has improved. "
                "Please specify mode='min' or mode='max'",
                stacklevel=3,
            )
        self.worst = math.inf if mode == "min" else -math.inf
        self._sign = 1 if mode == "max" else -1

    def better(self, value: float, best: float, by: float = 0) -> bool:
        """Whether a value is better than the best one, by more than a difference."""
        return self._sign * (value - best) > by


class CheckpointHandler(TrainBegin, BatchEnd, EpochEnd, TrainEnd):
    """Saves checkpoints, and goes on from the last one.

    Parameters
    ----------
    model_dir : path
        A folder for the files; made if there is none.
    model_prefix : str
        The beginning of their names.
    monitor : EvalMetric, optional
        With `save_best`, the metric that tells which network is the best.
    verbose : int
        1 to write to the logger what is saved.
    save_best : bool
        Keep the best network's files, under `model_prefix` and '-best'.
    mode : {'auto', 'min', 'max'}
        Whether a lower or a higher value is better; 'auto' takes higher for names with acc or f1.
    epoch_period, batch_period : int, optional
        After how many epochs, and after how many batches, a checkpoint is saved.
    max_checkpoints : int
        How many are kept; the best one does not count.
    resume_from_checkpoint : bool
        Whether to go on from the last checkpoint in `model_dir`, if there is one.

    Raises
    ------
    ValueError
        If `save_best` has no metric to look at; in `fit`, if the checkpoint is the end of a run
        that was asked for as much.

    Notes
    -----
    A checkpoint is three files, such as model-epoch2batch30.params, .states and .progress: the
    values of the parameters; what the optimizer remembers; and all that is needed beside them to
    go on with the same result, bit for bit: the state of the generators of microlazy,
    `numpy.random` and `random`, the place in the data loader's epoch, metrics, counters of handlers
    (their `saved_attributes`), and gradients that are added up over batches.  The last one is
    written last, and each is written whole or not at all: what a process that was killed left
    behind is no checkpoint without it.  None of them holds code.

    What is not saved must be as before when the run goes on: the program, its data, the number of
    contexts, what was set on parameters and optimizer by hand.  Over several workers the first one
    writes, and a run goes on with any number of them; then all have its random numbers.  A sampler
    of your own takes its random numbers when the epoch begins, from one of the three generators.
    Threads of a data loader (`thread_pool`) draw from these in an order of their own.

    Examples
    --------
    >>> import logging, tempfile
    >>> from microlazy import gluon, nd
    >>> from microlazy.gluon.contrib.estimator import Estimator
    >>> data = gluon.data.ArrayDataset(nd.ones((4, 2)), nd.zeros(4))
    >>> def fit(folder, epochs):
    ...     net = gluon.nn.Dense(1)
    ...     net.initialize("ones")
    ...     trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
    ...     estimator = Estimator(net, gluon.loss.L2Loss(), trainer=trainer)
    ...     estimator.logger.setLevel(logging.ERROR)
    ...     handler = CheckpointHandler(folder, resume_from_checkpoint=True)
    ...     estimator.fit(gluon.data.DataLoader(data, 2), epochs=epochs, event_handlers=handler)
    ...     return net.weight.data().asnumpy()
    >>> folder = tempfile.mkdtemp()
    >>> _ = fit(folder, 1)
    >>> bool((fit(folder, 3) == fit(tempfile.mkdtemp(), 3)).all())
    True
    """

    saved_attributes = ("current_batch", "current_epoch", "best")

    def __init__(
        self,
        model_dir: str | os.PathLike[str],
        model_prefix: str = "model",
        monitor: EvalMetric | None = None,
        verbose: int = 0,
        save_best: bool = False,
        mode: str = "auto",
        epoch_period: int | None = 1,
        batch_period: int | None = None,
        max_checkpoints: int = 5,
        resume_from_checkpoint: bool = False,
    ) -> None:
        if save_best and not isinstance(monitor, EvalMetric):
            raise ValueError(
                "To save best model only, please provide one of the metric objects from "
                f"estimator.train_metrics and estimator.val_metrics as monitor, not {monitor!r}"
            )
        self.monitor = monitor
        self.verbose = verbose
        self.model_dir = os.fspath(model_dir)
        os.makedirs(self.model_dir, exist_ok=True)
        self.model_prefix = model_prefix
        self.save_best = save_best
        self.epoch_period = epoch_period
        self.batch_period = batch_period
        self.current_batch = self.current_epoch = 0
        self.max_checkpoints = max_checkpoints
        self.resume_from_checkpoint = resume_from_checkpoint
        self.saved_checkpoints: list[str] = []
        self.found: Any = None  # the progress of the checkpoint from which a run goes on
        self._pending: str | None = None  # the checkpoint that has no progress yet
        self._last: tuple[str, int] | None = None  # the last one, and after how many batches
        self._watch = _Monitor("ModelCheckpoint", monitor, mode) if save_best else None
        self.best = self._watch.worst if self._watch else math.nan

    def train_begin(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        self.current_batch = self.current_epoch = 0
        self.found = self._pending = self._last = None
        if self._watch:
            self.best = self._watch.worst
        if self.resume_from_checkpoint:
            self._resume(estimator)

    def batch_end(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        if self.batch_period and (self.current_batch + 1) % self.batch_period == 0:
            self._save_checkpoint(estimator, self.current_batch)
        self.current_batch += 1

    def epoch_end(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        if self.epoch_period and (self.current_epoch + 1) % self.epoch_period == 0:
            # The batches that are done; of a run that may go on, the last one, as in MXNet.
            last = self.resume_from_checkpoint and not self.batch_period
            self._save_checkpoint(estimator, self.current_batch - last)
        self.current_epoch += 1

    def train_end(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        if self._last and self._last[1] == estimator.place.total and _writes(estimator):
            _progress.finish(self._path(self._last[0], "progress"))

    def commit(self, estimator: Estimator, handlers: Sequence[EventHandler]) -> None:
        """Complete the checkpoint that was saved in an event, now that all were told of it."""
        if self._pending is None or not _writes(estimator):
            return
        prefix, self._pending = self._pending, None
        _progress.save(self._path(prefix, "progress"), estimator, handlers)
        self._last = prefix, estimator.place.total
        if prefix in self.saved_checkpoints:
            self.saved_checkpoints.remove(prefix)
        self.saved_checkpoints.append(prefix)
        while len(self.saved_checkpoints) > self.max_checkpoints:
            self._remove(self.saved_checkpoints.pop(0))

    def _path(self, prefix: str, kind: str) -> str:
        return os.path.join(self.model_dir, f"{prefix}.{kind}")

    def _remove(self, prefix: str) -> None:
        for kind in ("params", "states", "progress"):  # what a kill leaves is found by the last
            path = self._path(prefix, kind)
            if os.path.exists(path):
                os.remove(path)

    def _save_checkpoint(self, estimator: Estimator, number: int) -> None:
        prefix = f"{self.model_prefix}-epoch{self.current_epoch}batch{number}"
        path = self._path(prefix, "progress")
        if _writes(estimator) and os.path.exists(path):
            os.remove(path)  # of an earlier run: it would vouch for files of two runs
        self._save_params_and_trainer(estimator, prefix)
        self._pending = prefix
        if self.verbose > 0:
            estimator.logger.info(
                "[Epoch %d] CheckpointHandler: trained total %d batches, saving model at %s with "
                "prefix: %s",
                self.current_epoch,
                self.current_batch + 1,
                self.model_dir,
                prefix,
            )
        if self._watch and self.monitor is not None:
            self._save_best(estimator, self._watch, *self.monitor.get())

    def _save_best(self, estimator: Estimator, watch: _Monitor, name: str, value: float) -> None:
        if math.isnan(value):
            warnings.warn(
                f"Skipping save best because {name} is not updated, make sure you pass one of the "
                "metric objects estimator.train_metrics and estimator.val_metrics as monitor",
                RuntimeWarning,
                stacklevel=2,
            )
            return
        better = watch.better(value, self.best)
        if better:
            prefix = f"{self.model_prefix}-best"
            self._save_params_and_trainer(estimator, prefix)
        if self.verbose > 0 and better:
            estimator.logger.info(
                "[Epoch %d] CheckpointHandler: %s improved from %0.5f to %0.5f, updating best "
                "model at %s with prefix: %s",
                self.current_epoch,
                name,
                self.best,
                value,
                self.model_dir,
                prefix,
            )
        elif self.verbose > 0:
            estimator.logger.info(
                "[Epoch %d] CheckpointHandler: %s did not improve from %0.5f, skipping updating "
                "best model",
                self.current_epoch,
                name,
                self.best,
            )
        if better:
            self.best = value

    def _save_params_and_trainer(self, estimator: Estimator, prefix: str) -> None:
        if _writes(estimator):
            estimator.net.save_parameters(self._path(prefix, "params"))
            estimator.trainer.save_states(self._path(prefix, "states"))

    def _resume(self, estimator: Estimator) -> None:
        self.saved_checkpoints = self._complete_checkpoints(_writes(estimator))
        if not self.saved_checkpoints:
            estimator.logger.info(
                "CheckpointHandler: No checkpoint found, training from scratch for %s",
                _wanted(estimator),
            )
            return
        prefix = self.saved_checkpoints[-1]
        header, arrays = _progress.load(self._path(prefix, "progress"))
        place = Place(header["epoch"], header["batch"], header["total"])
        remaining = place.remaining(estimator)
        if remaining < 0 or (remaining == 0 and header["finished"]):
            kind = "epoch" if estimator.max_epoch else "batch"
            raise ValueError(
                f"Found checkpoint with maximum number of {kind} "
                f"{estimator.max_epoch or estimator.max_batch} reached, please specify "
                "resume_from_checkpoint=False (default value) if you want to train from scratch, "
                "or ask for more"
            )
        estimator.net.load_parameters(self._path(prefix, "params"), ctx=estimator.context)
        estimator.trainer.load_states(self._path(prefix, "states"))
        estimator.place, self.found = place, (header, arrays)
        self._last = prefix, place.total
        if _writes(estimator):
            epoch, batch = _numbers(self.model_prefix, prefix)
            estimator.logger.warning(
                "CheckpointHandler: Checkpoint resumed from epoch %d batch %d, continue to train "
                "for %s ",
                epoch,
                batch,
                _wanted(estimator),
            )

    def _complete_checkpoints(self, clean: bool) -> list[str]:
        """The checkpoints in the folder in their order; `clean` removes one half removed."""
        found = []
        for name in os.listdir(self.model_dir):
            prefix, suffix = os.path.splitext(name)
            if suffix != ".progress" or not _numbers(self.model_prefix, prefix):
                continue
            if all(os.path.exists(self._path(prefix, kind)) for kind in ("params", "states")):
                found.append(prefix)
            elif clean:
                self._remove(prefix)
        return sorted(found, key=lambda prefix: _numbers(self.model_prefix, prefix))


def _writes(estimator: Estimator) -> bool:
    """Whether this worker writes files and logs: the others have the same to say."""
    return estimator.trainer.rank == 0


def _wanted(estimator: Estimator) -> str:
    """How much there is to do, in words."""
    return (
        f"{estimator.place.remaining(estimator)} {'epochs' if estimator.max_epoch else 'batches'}"
    )


def _numbers(model_prefix: str, prefix: str) -> tuple[int, ...]:
    """The epoch and the batch in a checkpoint's name; nothing for another name."""
    match = re.fullmatch(rf"{re.escape(model_prefix)}-epoch(\d+)batch(\d+)", prefix)
    return tuple(map(int, match.groups())) if match else ()


class EarlyStoppingHandler(TrainBegin, EpochEnd, TrainEnd):
    """Stops when a metric does not get better any more.

    Parameters
    ----------
    monitor : EvalMetric
        Which one: of `estimator.train_metrics` or `estimator.val_metrics`.
    min_delta : float
        By how much it must get better to count.
    patience : int
        After how many epochs that are no better training stops; 0 and 1 stop at the first.
    mode : {'auto', 'min', 'max'}
        As in `CheckpointHandler`.
    baseline : float, optional
        A value that must be beaten.

    Raises
    ------
    ValueError
        If `monitor` is no metric, or several.

    Examples
    --------
    >>> from microlazy import metric
    >>> loss = metric.Loss()
    >>> handler = EarlyStoppingHandler(loss, patience=2, mode="min")
    >>> handler.train_begin(None)
    >>> stops = []
    >>> for value in (3.0, 2.0, 2.5, 2.2):
    ...     loss.sum_metric, loss.num_inst = value, 1
    ...     stops.append(handler.epoch_end(None))
    >>> stops
    [False, False, False, True]
    """

    saved_attributes = ("current_epoch", "stopped_epoch", "wait", "best")

    def __init__(
        self,
        monitor: EvalMetric,
        min_delta: float = 0,
        patience: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
    ) -> None:
        if not isinstance(monitor, EvalMetric):
            raise ValueError(
                "Please provide one of the metric objects from estimator.train_metrics and "
                f"estimator.val_metrics as monitor, not {monitor!r}"
            )
        if isinstance(monitor, CompositeEvalMetric):
            raise ValueError(
                "CompositeEvalMetric is not supported for EarlyStoppingHandler, please specify a "
                "simple metric instead."
            )
        self.monitor = monitor
        self.baseline = baseline
        self.patience = patience
        self.min_delta = min_delta
        self._watch = _Monitor("EarlyStopping", monitor, mode)
        self._reset()

    def _reset(self) -> None:
        self.wait = self.stopped_epoch = self.current_epoch = 0
        self.stop_training = False
        self.best = self._watch.worst if self.baseline is None else self.baseline

    def train_begin(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        self._reset()

    def epoch_end(self, estimator: Estimator, *args: Any, **kwargs: Any) -> bool:
        name, value = self.monitor.get()
        if math.isnan(value):
            warnings.warn(
                f"{name} is not updated, make sure you pass one of the metric objects from "
                "estimator.train_metrics and estimator.val_metrics as monitor.",
                RuntimeWarning,
                stacklevel=2,
            )
        elif self._watch.better(value, self.best, self.min_delta):
            self.best, self.wait = value, 0
        else:
            self.wait += 1
            if self.wait >= self.patience:
                self.stopped_epoch, self.stop_training = self.current_epoch, True
        self.current_epoch += 1
        return self.stop_training

    def train_end(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        if self.stop_training:
            estimator.logger.info(
                "[Epoch %d] EarlyStoppingHanlder: early stopping due to %s not improving",
                self.stopped_epoch,
                self.monitor.get()[0],
            )


class GradientUpdateHandler(BatchEnd):
    """Takes a step of the trainer after each batch.

    Parameters
    ----------
    priority : float
        Handlers with a lower number are told first; this one is told first of all.

    Examples
    --------
    >>> GradientUpdateHandler().priority
    -2000
    """

    saved_attributes = ()

    def __init__(self, priority: float = -2000) -> None:
        self.priority = priority

    def batch_end(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        loss = kwargs["loss"]
        parts = loss if isinstance(loss, list) else [loss]
        trainer = estimator.trainer
        trainer.step(trainer.whole_batch(sum(part.shape[0] for part in parts)))


class ProgressBarHandler(TrainBegin, EpochBegin, BatchEnd, EpochEnd):
    """Shows a bar for each epoch, with the values of metrics behind it.

    Parameters
    ----------
    metrics : EvalMetric or list of EvalMetric, optional
        Whose values are shown.
    priority : float
        Handlers with a lower number are told first.
    **options
        What `tqdm.auto.tqdm` takes, such as `leave`, `file` and `mininterval` (seconds).

    Raises
    ------
    ImportError
        If tqdm is not installed.

    Examples
    --------
    >>> handler = ProgressBarHandler(leave=False)
    """

    saved_attributes = ()

    def __init__(self, metrics: Any = None, priority: float = 1000, **options: Any) -> None:
        from tqdm.auto import tqdm  # an extra

        self.metrics = checked_metrics(metrics)
        self.priority = priority
        self._make, self._options = tqdm, options
        self._bar: Any = None

    def train_begin(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        self._bar = None

    def epoch_begin(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        self._begin(estimator, 0)

    def _begin(self, estimator: Estimator, done: int) -> None:
        title = {"desc": f"Epoch {estimator.place.epoch}", "unit": "batch"}
        total = len(estimator.train_data)
        self._bar = self._make(**{**title, "total": total, "initial": done, **self._options})

    def batch_end(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        if self._bar is None:  # the run goes on in the middle of an epoch
            self._begin(estimator, estimator.place.batch - 1)
        if self._bar.update():  # it was drawn
            self._show_values()

    def epoch_end(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        if self._bar is not None:
            self._show_values()
            self._bar.close()
            self._bar = None

    def _show_values(self) -> None:
        values = dict(metric.get() for metric in self.metrics)
        self._bar.set_postfix({name: f"{value:.4f}" for name, value in values.items()})
