"""The training loop."""

from __future__ import annotations

import copy
import logging
import sys
import warnings
from collections.abc import Iterable
from typing import Any

from ....context import Context, cpu
from ....initializer import Initializer
from ....metric import Accuracy, EvalMetric
from ....metric import Loss as LossMetric
from ...block import Block
from ...block.hybrid import is_hybridized
from ...compiled_step import CompiledStep
from ...data import DataLoader
from ...loss import Loss, SoftmaxCrossEntropyLoss
from ...trainer import Trainer
from ._checks import check_references, checked_metrics
from ._progress import Place, put_back
from .batch_processor import BatchProcessor
from .event_handler import (
    BatchBegin,
    BatchEnd,
    CheckpointHandler,
    EpochBegin,
    EpochEnd,
    EventHandler,
    GradientUpdateHandler,
    LoggingHandler,
    MetricHandler,
    StoppingHandler,
    TrainBegin,
    TrainEnd,
    ValidationHandler,
)

__all__ = ["Estimator"]

Handlers = EventHandler | Iterable[EventHandler] | None

_EVENTS: tuple[tuple[str, type[EventHandler]], ...] = (
    ("train_begin", TrainBegin),
    ("epoch_begin", EpochBegin),
    ("batch_begin", BatchBegin),
    ("batch_end", BatchEnd),
    ("epoch_end", EpochEnd),
    ("train_end", TrainEnd),
)


class Estimator:
    """Trains a network: goes through epochs and batches, and tells handlers of each.

    Parameters
    ----------
    net : Block
        What is trained.
    loss : gluon.loss.Loss
        What is made small.
    train_metrics, val_metrics : EvalMetric or list of EvalMetric, optional
        How good predictions are, in training and in validation.  By default the loss, and for
        `SoftmaxCrossEntropyLoss` the accuracy; in validation copies of those of training.  Their
        names get 'training ' and 'validation ' in front.
    initializer : Initializer or str, optional
        For parameters that are not initialized yet.
    trainer : Trainer, optional
        By default SGD with a learning rate of 0.001, with a warning.
    context : Context or list of Context, optional
        Where to compute; by default the CPU.
    val_net : Block, optional
        What is validated, by default `net`.
    val_loss : gluon.loss.Loss, optional
        By default `loss`.
    batch_processor : BatchProcessor, optional
        What is done with a batch.

    Attributes
    ----------
    logger : logging.Logger
        Where handlers write, by default to the standard output; in all workers but the first only
        warnings.
    max_epoch, max_batch : int or None
        How many `fit` was asked for.
    train_data : DataLoader
        What `fit` was given.
    place : object
        Its `epoch` and `batch` tell how many epochs are done, and how many batches of the next.

    Raises
    ------
    ValueError
        If an argument is not of its type.

    Examples
    --------
    >>> import logging
    >>> from microlazy import gluon, nd
    >>> data = gluon.data.ArrayDataset(nd.array([[1, 2], [3, 4]]), nd.array([3, 7]))
    >>> net = gluon.nn.Dense(1)
    >>> net.initialize()
    >>> trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
    >>> estimator = Estimator(net, gluon.loss.L2Loss(), trainer=trainer)
    >>> estimator.logger.setLevel(logging.WARNING)
    >>> estimator.fit(gluon.data.DataLoader(data, batch_size=2), epochs=200)
    >>> name, value = estimator.train_metrics[0].get()
    >>> name, value < 0.01
    ('training l2loss', True)
    """

    def __init__(
        self,
        net: Block,
        loss: Loss,
        train_metrics: Any = None,
        val_metrics: Any = None,
        initializer: Initializer | str | None = None,
        trainer: Trainer | None = None,
        context: Context | list[Context] | None = None,
        val_net: Block | None = None,
        val_loss: Loss | None = None,
        batch_processor: BatchProcessor | None = None,
    ) -> None:
        self.net = net
        self.loss = _checked_loss(loss)
        self._train_metrics = checked_metrics(train_metrics)
        self._val_metrics = checked_metrics(val_metrics)
        self._name_metrics()
        self.val_loss = self.loss if val_loss is None else _checked_loss(val_loss)
        self.val_net = net if val_net is None else val_net
        self.logger = logging.Logger("Estimator", logging.INFO)
        self.logger.addHandler(logging.StreamHandler(sys.stdout))
        self.context = _checked_context(context)
        self._initialize(initializer)
        self.trainer = self._checked_trainer(trainer)
        if self.trainer.rank > 0:  # the first worker has the same to say
            self.logger.setLevel(logging.WARNING)
        self.batch_processor = _checked_processor(batch_processor)
        self.max_epoch: int | None = None
        self.max_batch: int | None = None
        self.batch_axis = 0
        self.place = Place()
        self._step: CompiledStep | None = None

    def _name_metrics(self) -> None:
        if not self._train_metrics:
            if isinstance(self.loss, SoftmaxCrossEntropyLoss):
                self._train_metrics.append(Accuracy())
            self._train_metrics.append(LossMetric(self.loss.name.rstrip("0123456789")))
        for metric in self._train_metrics:
            metric.name = f"training {metric.name}"
        if not self._val_metrics:
            self._val_metrics = [copy.deepcopy(metric) for metric in self._train_metrics]
        for metric in self._val_metrics:
            bare = metric.name.replace("training", "validation")
            metric.name = bare if "training" in metric.name else f"validation {bare}"

    def _initialize(self, initializer: Initializer | str | None) -> None:
        declared = [p for p in self.net.collect_params().values() if p.state == "declared"]
        if declared:
            for parameter in declared:  # the others stay as they are
                parameter.initialize(None, self.context, initializer)
        elif initializer:
            warnings.warn(
                "Network already fully initialized, skipping initialization. Leave out "
                "initializer, or call net.initialize(init=..., force_reinit=True) to initialize "
                "it again",
                stacklevel=3,
            )

    def _checked_trainer(self, trainer: Any) -> Trainer:
        if not trainer:
            warnings.warn(
                "No trainer specified, default SGD optimizer with learning rate 0.001 is used.",
                stacklevel=3,
            )
            return Trainer(self.net.collect_params(), "sgd", {"learning_rate": 0.001})
        if not isinstance(trainer, Trainer):
            raise ValueError(f"trainer must be a gluon.Trainer, but got {trainer!r}")
        return trainer

    def compiled_step(self) -> CompiledStep | None:
        """Forward, loss and backward as one plan, for a network that is hybridized.

        Returns
        -------
        CompiledStep or None
            None if the network is not hybridized.

        Examples
        --------
        >>> from microlazy import gluon
        >>> net = gluon.nn.Dense(1, in_units=2)
        >>> net.initialize()
        >>> trainer = gluon.Trainer(net.collect_params(), "sgd")
        >>> estimator = Estimator(net, gluon.loss.L2Loss(), trainer=trainer)
        >>> estimator.compiled_step() is None
        True
        >>> net.hybridize()
        >>> estimator.compiled_step() is estimator.compiled_step()
        True
        """
        if not is_hybridized(self.net):
            return None
        parts = (self.net, self.loss, self.trainer)
        if self._step is None or self._step.parts != parts:
            self._step = CompiledStep(*parts)
        return self._step

    @property
    def train_metrics(self) -> list[EvalMetric]:
        """The metrics of training."""
        return self._train_metrics

    @property
    def val_metrics(self) -> list[EvalMetric]:
        """The metrics of validation."""
        return self._val_metrics

    def evaluate(
        self, val_data: DataLoader, batch_axis: int = 0, event_handlers: Handlers = None
    ) -> None:
        """Go through batches without training; `val_metrics` then has the results.

        Parameters
        ----------
        val_data : DataLoader
            Data and labels.
        batch_axis : int
            The axis along which a batch is divided between contexts.
        event_handlers : EventHandler or list of EventHandler, optional
            Who is told; a `MetricHandler` and a `LoggingHandler` are added where there is none.

        Raises
        ------
        ValueError
            If `val_data` is no DataLoader, or a handler is none or looks at other metrics.

        Examples
        --------
        >>> from microlazy import gluon, nd
        >>> data = gluon.data.ArrayDataset(nd.ones((4, 2)), nd.zeros(4))
        >>> net = gluon.nn.Dense(1)
        >>> net.initialize("zeros")
        >>> trainer = gluon.Trainer(net.collect_params(), "sgd")
        >>> estimator = Estimator(net, gluon.loss.L2Loss(), trainer=trainer)
        >>> estimator.evaluate(gluon.data.DataLoader(data, 2))  # doctest: +ELLIPSIS
        Validation Begin
        [Epoch 0] Finished in ...s, validation l2loss: 0.0000
        """
        _check_loader(val_data)
        for metric in self.val_metrics:
            metric.reset()
        handlers = _with_defaults(
            event_handlers,
            self.val_metrics,
            (MetricHandler, lambda: MetricHandler(self.val_metrics)),
            (LoggingHandler, lambda: LoggingHandler(metrics=self.val_metrics)),
        )
        told = _by_event(handlers)
        for handler in told["epoch_begin"]:
            handler.epoch_begin(self)
        for batch in val_data:
            for handler in told["batch_begin"]:
                handler.batch_begin(self, batch=batch)
            _, label, pred, loss = self.batch_processor.evaluate_batch(self, batch, batch_axis)
            for handler in told["batch_end"]:
                handler.batch_end(self, batch=batch, pred=pred, label=label, loss=loss)
        for handler in told["epoch_end"]:
            handler.epoch_end(self)

    def fit(
        self,
        train_data: DataLoader,
        val_data: DataLoader | None = None,
        epochs: int | None = None,
        event_handlers: Handlers = None,
        batches: int | None = None,
        batch_axis: int = 0,
    ) -> None:
        """Train.

        Parameters
        ----------
        train_data : DataLoader
            Data and labels.
        val_data : DataLoader, optional
            Data and labels for a validation at the end of each epoch.
        epochs, batches : int, optional
            For how long; one of the two.
        event_handlers : EventHandler or list of EventHandler, optional
            Who is told.  A `StoppingHandler` is added, and a `GradientUpdateHandler`, a
            `MetricHandler`, a `LoggingHandler` and, with `val_data`, a `ValidationHandler` where
            there is none.  They are told in the order of their `priority`, 0 if they have none.
        batch_axis : int
            The axis along which a batch is divided between contexts.

        Raises
        ------
        ValueError
            If `train_data` is no DataLoader, both or none of `epochs` and `batches` are given, or
            a handler is none or looks at metrics that are not the estimator's.

        Examples
        --------
        >>> from microlazy import gluon, nd
        >>> data = gluon.data.ArrayDataset(nd.ones((4, 2)), nd.zeros(4))
        >>> net = gluon.nn.Dense(1)
        >>> net.initialize("zeros")
        >>> trainer = gluon.Trainer(net.collect_params(), "sgd")
        >>> estimator = Estimator(net, gluon.loss.L2Loss(), trainer=trainer)
        >>> estimator.fit(gluon.data.DataLoader(data, 2), epochs=1)  # doctest: +ELLIPSIS
        Training begin: using optimizer SGD with current learning rate 0.0100
        Train for 1 epochs.
        [Epoch 0] Begin, current learning rate: 0.0100
        [Epoch 0] Finished in ...s, training l2loss: 0.0000
        Train finished using total 0s with 1 epochs. training l2loss: 0.0000
        """
        _check_loader(train_data)
        if (not epochs) == (not batches):
            raise ValueError(
                "Fit only support exactly one type of iteration: give epochs or batches, but got "
                f"epochs={epochs!r} and batches={batches!r}"
            )
        self.max_epoch, self.max_batch, self.batch_axis = epochs, batches, batch_axis
        self.train_data, self.place = train_data, Place()
        handlers = self._all_handlers(val_data, event_handlers)
        told = _by_event(handlers)
        checkpoints = [h for h in handlers if isinstance(h, CheckpointHandler)]
        for handler in told["train_begin"]:
            handler.train_begin(self)
        found = next((h.found for h in checkpoints if h.found), None)
        restored = put_back(found, self, handlers) if found else []
        if not (found and self.place.batch == 0 and self._is_over(handlers)):
            while self._fit_epoch(told, handlers, checkpoints, restored):
                restored = []
        for handler in told["train_end"]:
            handler.train_end(self)

    def _fit_epoch(
        self,
        told: dict[str, list[Any]],
        handlers: list[EventHandler],
        checkpoints: list[CheckpointHandler],
        restored: list[Any],
    ) -> bool:
        """Go through what is left of an epoch; tell whether training goes on."""
        place = self.place
        skipped = restored if place.batch else []  # they were told that the epoch begins
        for handler in told["epoch_begin"]:
            if handler not in skipped:
                handler.epoch_begin(self)
        if not (place.batch and self._is_over(handlers)):
            for batch in place.batches(self.train_data, bool(checkpoints)):
                for handler in told["batch_begin"]:
                    handler.batch_begin(self, batch=batch)
                _, label, pred, loss = self.batch_processor.fit_batch(self, batch, self.batch_axis)
                place.end_batch()
                results = [
                    handler.batch_end(self, batch=batch, pred=pred, label=label, loss=loss)
                    for handler in told["batch_end"]
                ]
                del label, pred, loss  # the next batch may use their memory
                if any(results):
                    place.over = _asked_by_others(told["batch_end"], results)
                for checkpoint in checkpoints:
                    checkpoint.commit(self, handlers)
                if any(results):
                    break
        place.end_epoch()
        results = [handler.epoch_end(self) for handler in told["epoch_end"]]
        place.over = _asked_by_others(told["epoch_end"], results)
        for checkpoint in checkpoints:
            checkpoint.commit(self, handlers)
        place.over = False
        return not any(results)

    def _is_over(self, handlers: list[EventHandler]) -> bool:
        """Whether a run that was taken up again had nothing left to do in its epoch, or at all."""
        stops = [h for h in handlers if isinstance(h, StoppingHandler)]
        return self.place.over or any(handler.is_reached() for handler in stops)

    def _all_handlers(
        self, val_data: DataLoader | None, event_handlers: Handlers
    ) -> list[EventHandler]:
        defaults: list[tuple[Any, Any]] = [
            (None, lambda: StoppingHandler(self.max_epoch, self.max_batch)),
            (GradientUpdateHandler, GradientUpdateHandler),
            (MetricHandler, lambda: MetricHandler(self.train_metrics)),
            (LoggingHandler, lambda: LoggingHandler(metrics=self.train_metrics)),
        ]
        if val_data is not None:
            _check_loader(val_data)
            defaults.insert(
                3, (ValidationHandler, lambda: ValidationHandler(val_data, self.evaluate))
            )
        return _with_defaults(event_handlers, [*self.train_metrics, *self.val_metrics], *defaults)


def _with_defaults(
    given: Handlers, metrics: list[EvalMetric], *defaults: tuple[Any, Any]
) -> list[EventHandler]:
    """The handlers that were given and those that are missing, in order of priority."""
    handlers = [given] if isinstance(given, EventHandler) else list(given or ())
    if not all(isinstance(handler, EventHandler) for handler in handlers):
        raise ValueError(
            f"handlers must be an EventHandler or a list of EventHandler, got: {handlers!r}"
        )
    added = [
        make()
        for kind, make in defaults
        if kind is None or not any(isinstance(handler, kind) for handler in handlers)
    ]
    if handlers and added:
        check_references(handlers, metrics)
    return sorted([*handlers, *added], key=lambda handler: getattr(handler, "priority", 0))


def _by_event(handlers: list[EventHandler]) -> dict[str, list[Any]]:
    return {
        event: [handler for handler in handlers if isinstance(handler, kind)]
        for event, kind in _EVENTS
    }


def _asked_by_others(handlers: list[Any], results: list[Any]) -> bool:
    """Whether someone asks to stop, other than because all that was asked for is done."""
    return any(
        result and not isinstance(handler, StoppingHandler)
        for handler, result in zip(handlers, results, strict=True)
    )


def _check_loader(loader: Any) -> None:
    if not isinstance(loader, DataLoader):
        raise ValueError(
            f"Estimator only support input as Gluon DataLoader, but got {type(loader).__name__}: "
            "make one of it with gluon.data.DataLoader"
        )


def _checked_loss(loss: Any) -> Loss:
    if not isinstance(loss, Loss):
        raise ValueError(f"loss must be a Loss, refer to gluon.loss.Loss: {loss!r}")
    return loss


def _checked_context(context: Any) -> list[Context]:
    contexts = context if isinstance(context, list) else [context] if context else [cpu()]
    if not contexts or not all(isinstance(one, Context) for one in contexts):
        raise ValueError(
            "context must be a Context or a list of Context, for example mx.cpu() or "
            f"[mx.cpu(0), mx.cpu(1)], but got {context!r}"
        )
    return contexts


def _checked_processor(processor: Any) -> BatchProcessor:
    if processor is None:
        return BatchProcessor()
    for name in ("fit_batch", "evaluate_batch"):
        if not callable(getattr(processor, name, None)):
            raise ValueError(
                "Customized Batch Processor must contain fit_batch() and evaluate_batch() methods, "
                f"but {processor!r} has no {name}()"
            )
    return processor
