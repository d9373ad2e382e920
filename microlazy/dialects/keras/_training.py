"""compile, fit, evaluate and predict."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy

from ... import autograd
from ...core.cached_plan import CachedPlan
from ...gluon import HybridBlock
from ...gluon.block.tree import is_container
from ...gluon.compiled_step import StepSource
from ...gluon.parameter.parameter import to_numpy
from ..faces import as_array
from . import losses, optimizers
from ._data import Batches, split
from ._layer import Layer
from ._progress import Progress, sorted_logs
from .callbacks import Callback, History
from .metrics import Mean, Metric
from .metrics import get as get_metric

Logs = dict[str, float]


class Training(Layer):
    """What a model can do once it is compiled."""

    stop_training = False
    optimizer: optimizers.Optimizer | None = None
    loss: losses.Loss | None = None
    run_eagerly = False
    _forward_backward: Callable[..., Any] | None = None  # once the model is built
    _plan: CachedPlan | None = None

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Sequence[Any] | None = None,
        run_eagerly: bool = False,
        jit_compile: bool | str = "auto",
    ) -> None:
        """Say how to train.

        Parameters
        ----------
        optimizer : str or Optimizer
            By name, or one of `keras.optimizers`.
        loss : str, Loss or callable
            By name, one of `keras.losses`, or a function ``(y_true, y_pred) -> array``.
        metrics : list of str or Metric
            What to measure beside the loss.
        run_eagerly : bool
            Whether the Python code of the model runs for each batch. By default it runs once for
            each shape of a batch, and training replays a plan of it.
        jit_compile : bool or "auto"
            Accepted as in Keras, of no effect.

        Raises
        ------
        ValueError
            If there is nothing of a name.

        Notes
        -----
        What a plan cannot hold, such as decisions by values, runs eagerly, and says so once. A
        model with hooks, or with blocks that are not hybrid, runs eagerly too.

        Examples
        --------
        >>> from microlazy.dialects import keras
        >>> net = keras.Sequential([keras.layers.Dense(1)])
        >>> net.compile("sgd", "mse", metrics=["mae"])
        >>> type(net.loss).__name__
        'MeanSquaredError'
        """
        given = [metrics] if isinstance(metrics, str) else metrics or []
        chosen = None if loss is None else losses.get(loss)
        measured = [get_metric(metric, chosen) for metric in given]
        self.optimizer = optimizers.get(optimizer)  # the last that may be refused
        self._metrics, self.loss = measured, chosen
        self.run_eagerly = run_eagerly
        self._changed()

    def _need_compiled(self) -> losses.Loss:
        if self.optimizer is None:
            raise ValueError("You must call `compile()` before using the model.")
        if self.loss is None:
            raise ValueError("compile() was called without a loss, as in compile(loss='mse')")
        return self.loss

    # ---- a batch ---------------------------------------------------------------------------

    def _train_step(self, x: Any, y: Any, sample_weight: Any = None) -> tuple[Any, Any]:
        """Move the weights once; the loss and the predictions."""
        optimizer: Any = self.optimizer
        label = y if sample_weight is None else (y, sample_weight)
        loss, predictions = (self._forward_backward or self._choose_step())(x, label)
        if not optimizer.built:
            optimizer.build(self.trainable_weights)
        optimizer.step()
        return loss, predictions

    def _choose_step(self) -> Callable[..., Any]:
        """All of a step but the update: from a plan, where there can be one."""
        compute: Any = self.loss

        def loss(predictions: Any, label: Any) -> Any:
            y, sample_weight = label if isinstance(label, tuple) else (label, None)
            return compute(y, predictions, sample_weight)

        source = StepSource(weakref.proxy(self), loss)
        if not self.built:  # the first batch builds
            return source.train
        self._forward_backward = source.train
        if not self.run_eagerly and self._is_plannable():
            self._has_run = True
            self._plan = CachedPlan(source, once=True)
            self._forward_backward = self._plan.train
        return self._forward_backward

    def _is_plannable(self) -> bool:
        """Whether plans would learn of changes in all blocks, and no hook waits for calls."""
        blocks: list[Any] = []
        self._gather(blocks)
        kinds = (HybridBlock, Layer)
        return not self._is_hooked() and all(
            isinstance(block, kinds) or is_container(block) for block in blocks
        )

    def _changed(self) -> None:
        self._forward_backward = self._plan = None
        super()._changed()

    def _attribute_written(self) -> None:
        if self._plan is not None:
            self._plan.attribute_written()
        super()._attribute_written()

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_forward_backward": None, "_plan": None}

    def _test_step(self, x: Any, y: Any, sample_weight: Any = None) -> tuple[Any, Any]:
        """The same without moving the weights."""
        with autograd.pause():
            predictions = self(x)
            return self.loss(y, predictions, sample_weight), predictions  # type: ignore[misc]

    def train_on_batch(self, x: Any, y: Any, sample_weight: Any = None) -> float | list[float]:
        """Train on one batch.

        Parameters
        ----------
        x, y, sample_weight : array
            Inputs and targets, and a factor for each example or None.

        Returns
        -------
        float or list of float
            The loss, and what is measured.

        Examples
        --------
        >>> from microlazy.dialects import keras
        >>> net = keras.Sequential([keras.layers.Dense(1, kernel_initializer="zeros")])
        >>> net.compile("sgd", "mse")
        >>> net.train_on_batch(numpy.ones((2, 3)), numpy.ones((2, 1)))
        1.0
        """
        self._need_compiled()
        x, y = as_array(x), as_array(y)
        loss, predictions = self._train_step(x, y, sample_weight)
        if not self._metrics:
            return loss.item()
        return [loss.item(), *(_once(metric, y, predictions) for metric in self._metrics)]

    def predict_on_batch(self, x: Any) -> numpy.ndarray:
        """The predictions of one batch.

        Parameters
        ----------
        x : array
            Inputs.

        Returns
        -------
        numpy.ndarray
        """
        with autograd.pause():
            return to_numpy(self(as_array(x)))

    # ---- epochs ----------------------------------------------------------------------------

    def fit(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Sequence[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        sample_weight: Any = None,
        initial_epoch: int = 0,
    ) -> History:
        """Train for some epochs.

        Parameters
        ----------
        x, y : array
            Inputs and targets; or a loader of such batches as `x`.
        batch_size : int, optional
            32 by default.
        epochs : int
            The number of the last epoch.
        verbose : {"auto", 0, 1, 2}
            Print nothing (0), a progress bar (1, "auto") or a line (2) for each epoch.
        callbacks : list of Callback, optional
            Who is told.
        validation_split : float
            The part at the end of the arrays that is held out.
        validation_data : tuple of array, or loader, optional
            What to measure after each epoch.
        shuffle : bool
            Whether each epoch has an order of its own.
        sample_weight : array, optional
            A factor for each example.
        initial_epoch : int
            How many epochs have been.

        Returns
        -------
        History
            Its `history` has the numbers of all epochs.

        Raises
        ------
        ValueError
            If the model is not compiled, or arrays differ in length.

        Examples
        --------
        >>> from microlazy.dialects import keras
        >>> net = keras.Sequential([keras.layers.Dense(1, kernel_initializer="zeros")])
        >>> net.compile("sgd", "mse")
        >>> x = numpy.ones((64, 2))
        >>> history = net.fit(x, x[:, :1], epochs=2, verbose=0)
        >>> [round(loss, 4) for loss in history.history["loss"]]
        [0.9418, 0.7353]
        """
        self._need_compiled()
        if validation_split:
            if sample_weight is not None:
                raise ValueError("give validation_data in place of validation_split beside weights")
            (x, y), validation_data = split(as_array(x), as_array(y), validation_split)
        train = Batches(x, y, sample_weight, batch_size, shuffle)
        history = History()
        told = [history, *(callbacks or [])]
        for callback in told:
            callback.set_model(self)
        history.params = {"verbose": verbose, "epochs": epochs, "steps": train.steps}
        self.stop_training = False
        _tell(told, "on_train_begin", {})
        for epoch in range(initial_epoch, epochs):
            if verbose:
                print(f"Epoch {epoch + 1}/{epochs}")
            _tell(told, "on_epoch_begin", epoch, {})
            progress = Progress(train.steps, verbose)
            logs = self._pass(train, self._train_step, progress, told)
            if validation_data is not None:
                logs |= self._validate(validation_data, batch_size)
            logs = dict(sorted_logs(logs))
            progress.end(logs)
            _tell(told, "on_epoch_end", epoch, logs)
            if self.stop_training:
                break
        _tell(told, "on_train_end", {})
        return history

    def evaluate(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """The loss and what is measured.

        Parameters
        ----------
        x, y, batch_size, verbose, sample_weight
            As in `fit`.
        return_dict : bool
            Whether to give the numbers by name.

        Returns
        -------
        float, list of float or dict of str to float
            The loss; with metrics, a list of the loss and them.

        Examples
        --------
        >>> from microlazy.dialects import keras
        >>> net = keras.Sequential([keras.layers.Dense(1, kernel_initializer="zeros")])
        >>> net.compile("sgd", "mse", metrics=["mae"])
        >>> net.evaluate(numpy.ones((4, 2)), numpy.ones((4, 1)), verbose=0)
        [1.0, 1.0]
        """
        self._need_compiled()
        batches = Batches(x, y, sample_weight, batch_size)
        progress = Progress(batches.steps, verbose)
        logs = self._pass(batches, self._test_step, progress, [])
        progress.end(logs)
        if return_dict:
            return dict(sorted_logs(logs))
        return list(logs.values()) if self._metrics else logs["loss"]

    def predict(
        self, x: Any, batch_size: int | None = None, verbose: int | str = "auto"
    ) -> numpy.ndarray:
        """The predictions.

        Parameters
        ----------
        x : array
            Inputs; or a loader of batches, whose first parts are taken.
        batch_size, verbose
            As in `fit`.

        Returns
        -------
        numpy.ndarray

        Examples
        --------
        >>> from microlazy.dialects import keras
        >>> net = keras.Sequential([keras.layers.Dense(3)])
        >>> net.predict(numpy.ones((5, 2)), verbose=0).shape
        (5, 3)
        """
        batches = Batches(x, batch_size=batch_size)
        progress = Progress(batches.steps, verbose)
        found = []
        for inputs, _, _ in batches:
            found.append(self.predict_on_batch(inputs))
            progress.update({})
        progress.end({})
        return numpy.concatenate(found)

    def _pass(
        self, batches: Batches, step: Any, progress: Progress, told: Sequence[Callback]
    ) -> Logs:
        """Go over the data once; the mean loss and what is measured."""
        mean = Mean("loss")
        for metric in self._metrics:
            metric.reset_state()
        logs: Logs = {}
        for number, (x, y, weight) in enumerate(batches):
            loss, predictions = step(x, y, weight)
            mean.update_state(loss, len(x))
            for metric in self._metrics:
                metric.update_state(y, predictions)
            logs = {m.name: m.result() for m in (mean, *self._metrics)}
            progress.update(logs)
            _tell(told, "on_train_batch_end", number, logs)
        if not logs:
            raise ValueError("there are no examples: the arrays, or the loader, are empty")
        return logs

    def _validate(self, data: Any, batch_size: int | None) -> Logs:
        if isinstance(data, tuple):
            x, y, weight = (*data, None)[:3]
            batches = Batches(x, y, weight, batch_size)
        else:
            batches = Batches(data)
        logs = self._pass(batches, self._test_step, Progress(batches.steps, 0), [])
        return {f"val_{name}": value for name, value in logs.items()}


def _once(metric: Metric, y: Any, predictions: Any) -> float:
    metric.reset_state()
    return metric(y, predictions)


def _tell(callbacks: Sequence[Callback], event: str, *args: Any) -> None:
    for callback in callbacks:
        getattr(callback, event)(*args)
