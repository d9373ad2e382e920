"""FeedForward, the model of MXNet's first versions: a module behind `fit` and `predict`."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import numpy

from microlazy import ndarray as nd
from microlazy.callback import LogValidationMetricsCallback
from microlazy.core.tensor import Tensor
from microlazy.data_iter import DataIter
from microlazy.initializer import Uniform
from microlazy.io import NDArrayIter, ResizeIter
from microlazy.model import load_checkpoint, save_checkpoint
from microlazy.module.base_module import Callbacks
from microlazy.module.module import Module
from microlazy.symbol import Symbol

__all__ = ["FeedForward"]

_LOGGED = LogValidationMetricsCallback()


class FeedForward:
    """A graph that is trained on arrays or an iterator; newer programs use `mx.mod.Module`.

    Parameters
    ----------
    symbol : Symbol
        The graph.
    ctx : Context or list of Context, optional
        As in `Module`.
    num_epoch : int, optional
        The epoch behind the last.
    epoch_size : int, optional
        How many batches an epoch has; by default all of the iterator.
    optimizer : Optimizer or str
    initializer : Initializer
    numpy_batch_size : int
        The size of batches of arrays.
    arg_params, aux_params : dict of str to NDArray, optional
        Values to begin with.
    allow_extra_params : bool
        Whether others may be among them.
    begin_epoch : int
        The first epoch.
    **kwargs
        Arguments of the optimizer.

    Raises
    ------
    TypeError
        If `symbol` is none. A function that makes graphs for buckets goes to BucketingModule.

    Examples
    --------
    >>> import numpy
    >>> import microlazy as mx
    >>> net = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2, name="fc")
    >>> model = mx.model.FeedForward(mx.sym.SoftmaxOutput(net, name="softmax"), num_epoch=5,
    ...                              learning_rate=1.0)
    >>> model.fit(numpy.ones((8, 3)), numpy.ones(8))
    >>> model.predict(numpy.ones((2, 3))).argmax(axis=1)
    array([1, 1])
    """

    def __init__(
        self,
        symbol: Symbol,
        ctx: Any = None,
        num_epoch: int | None = None,
        epoch_size: int | None = None,
        optimizer: Any = "sgd",
        initializer: Any = None,
        numpy_batch_size: int = 128,
        arg_params: Mapping[str, Tensor] | None = None,
        aux_params: Mapping[str, Tensor] | None = None,
        allow_extra_params: bool = False,
        begin_epoch: int = 0,
        **kwargs: Any,
    ) -> None:
        if not isinstance(symbol, Symbol):
            raise TypeError(
                f"FeedForward takes a Symbol, not {symbol!r}; graphs of buckets are for "
                "mx.mod.BucketingModule"
            )
        self.symbol = symbol
        self.ctx, self.num_epoch, self.epoch_size = ctx, num_epoch, epoch_size
        self.optimizer, self.kwargs = optimizer, kwargs
        self.initializer = Uniform(0.01) if initializer is None else initializer
        self.numpy_batch_size, self.begin_epoch = numpy_batch_size, begin_epoch
        self.arg_params, self.aux_params = arg_params, aux_params
        self.allow_extra_params = allow_extra_params

    def _iterator(self, X: Any, y: Any, is_train: bool) -> Any:
        if isinstance(X, DataIter):
            return X
        if not isinstance(X, numpy.ndarray | Tensor):
            raise TypeError("X must be DataIter, NDArray or numpy.ndarray")
        if y is None and is_train:
            raise ValueError("y must be specified when X is numpy.ndarray")
        label = numpy.zeros(len(X)) if y is None else y
        if not isinstance(label, numpy.ndarray | Tensor):
            raise TypeError("y must be ndarray when X is numpy.ndarray")
        if len(X) != len(label):
            raise ValueError(f"there are {len(X)} data points and {len(label)} labels")
        if label.ndim == 2 and label.shape[1] == 1:
            label = label.reshape((-1,))
        if label.ndim != 1:
            raise ValueError("Label must be 1D or 2D (with 2nd dimension being 1)")
        last = "roll_over" if is_train else "pad"
        return NDArrayIter(X, label, min(len(X), self.numpy_batch_size), is_train, last)

    def _evaluated(self, eval_data: Any) -> Any:
        if eval_data is None or isinstance(eval_data, DataIter):
            return eval_data
        if not isinstance(eval_data, list | tuple) or len(eval_data) != 2:
            raise TypeError("eval_data must be a DataIter, or a pair of arrays or lists")
        data, label = (numpy.array(x) if isinstance(x, list) else x for x in eval_data)
        return self._iterator(data, label, is_train=True)

    def _module(self, data: Any) -> Module:
        known = self.symbol.list_arguments()
        labels = [desc[0] for desc in data.provide_label]
        return Module(
            self.symbol,
            [desc[0] for desc in data.provide_data],
            [name for name in labels if name in known],
            context=self.ctx,
        )

    def _parameters(self) -> list[dict[str, Tensor]]:
        """The values to begin with, without those that the graph does not have, if they may be."""
        names = {*self.symbol.list_arguments(), *self.symbol.list_auxiliary_states()}
        return [
            {n: x for n, x in (part or {}).items() if n in names or not self.allow_extra_params}
            for part in (self.arg_params, self.aux_params)
        ]

    def fit(
        self,
        X: Any,
        y: Any = None,
        eval_data: Any = None,
        eval_metric: Any = "acc",
        epoch_end_callback: Callbacks = None,
        batch_end_callback: Callbacks = None,
        kvstore: Any = "local",
        logger: Any = None,
        work_load_list: Any = None,
        monitor: Any = None,
        eval_end_callback: Callbacks = _LOGGED,
        eval_batch_end_callback: Callbacks = None,
    ) -> None:
        """Train.

        Parameters
        ----------
        X : DataIter or array
        y : array, optional
            The labels of an array.
        eval_data : DataIter, or pair of arrays, optional
        eval_metric, epoch_end_callback, batch_end_callback, kvstore, monitor, eval_end_callback, \
eval_batch_end_callback
            As in `BaseModule.fit`.
        logger : logging.Logger, optional
        work_load_list
            Of no effect.

        Raises
        ------
        TypeError, ValueError
            If X and y are no data and labels.
        """
        data, checked = self._iterator(X, y, is_train=True), self._evaluated(eval_data)
        if self.epoch_size is not None:
            data = ResizeIter(data, self.epoch_size, reset_internal=False)
        module = self._module(data)
        module.logger = logging if logger is None else logger
        arguments, states = self._parameters()
        module.fit(
            data,
            checked,
            eval_metric,
            epoch_end_callback,
            batch_end_callback,
            kvstore,
            self.optimizer,
            self.kwargs,
            eval_end_callback,
            eval_batch_end_callback,
            self.initializer,
            arguments,
            states,
            allow_missing=True,
            begin_epoch=self.begin_epoch,
            num_epoch=self.num_epoch,
            monitor=monitor,
        )
        self.arg_params, self.aux_params = module.get_params()

    def _ready(self, data: Any) -> Module:
        """A module with the trained parameters, for the shapes of some data."""
        module = self._module(data)
        module.bind(data.provide_data, for_training=False)
        module.init_params(None, self.arg_params, self.aux_params, allow_extra=True)
        return module

    def predict(
        self, X: Any, num_batch: int | None = None, return_data: bool = False, reset: bool = True
    ) -> Any:
        """Compute the outputs.

        Parameters
        ----------
        X : DataIter or array
        num_batch : int, optional
            How many batches; all if left out.
        return_data : bool
            Whether to give the data and the labels too.
        reset : bool
            Whether to begin the iterator anew.

        Returns
        -------
        numpy.ndarray, or list of them for several outputs
            Or three of these, if `return_data` is true.
        """
        data = self._iterator(X, None, is_train=False)
        found: list[list[list[Tensor]]] = []
        for outputs, _, batch in self._ready(data).iter_predict(data, num_batch, reset):
            kept = batch.data[0].shape[0] - (batch.pad or 0)
            parts = [x[:kept] for x in batch.data], [x[:kept] for x in batch.label or []]
            found.append([[x.copy() for x in part] for part in (outputs, *parts)])
        joined = [_joined(parts) for parts in zip(*found, strict=True)]
        return tuple(joined) if return_data else joined[0]

    def score(
        self,
        X: Any,
        eval_metric: Any = "acc",
        num_batch: int | None = None,
        batch_end_callback: Callbacks = None,
        reset: bool = True,
    ) -> float | list[float]:
        """Measure how good the outputs are.

        Parameters
        ----------
        X : DataIter
        eval_metric, num_batch, batch_end_callback, reset
            As in `BaseModule.score`.

        Returns
        -------
        float, or a list of them for several metrics
        """
        data = self._iterator(X, None, is_train=False)
        found = self._ready(data).score(
            data, eval_metric, num_batch, batch_end_callback, reset=reset
        )
        return found[0][1] if len(found) == 1 else [value for _, value in found]

    def save(self, prefix: str, epoch: int | None = None, remove_amp_cast: bool = True) -> None:
        """Write a checkpoint.

        Parameters
        ----------
        prefix : str
        epoch : int, optional
            `num_epoch` if left out.
        remove_amp_cast : bool
            As in `mx.model.save_checkpoint`.

        Raises
        ------
        AssertionError
            If there is neither an epoch nor `num_epoch`.
        """
        number = self.num_epoch if epoch is None else epoch
        if number is None:
            raise AssertionError("save: give the number of the epoch")
        parameters = self.arg_params or {}, self.aux_params or {}
        save_checkpoint(prefix, number, self.symbol, *parameters, remove_amp_cast)

    @staticmethod
    def load(prefix: str, epoch: int, ctx: Any = None, **kwargs: Any) -> FeedForward:
        """Make a model of a checkpoint.

        Parameters
        ----------
        prefix, epoch
            As in `mx.model.load_checkpoint`.
        ctx, **kwargs
            As in `FeedForward`.
        """
        symbol, arguments, states = load_checkpoint(prefix, epoch)
        return FeedForward(
            symbol, ctx, arg_params=arguments, aux_params=states, begin_epoch=epoch, **kwargs
        )

    @staticmethod
    def create(
        symbol: Symbol,
        X: Any,
        y: Any = None,
        ctx: Any = None,
        num_epoch: int | None = None,
        epoch_size: int | None = None,
        optimizer: Any = "sgd",
        initializer: Any = None,
        eval_data: Any = None,
        eval_metric: Any = "acc",
        epoch_end_callback: Callbacks = None,
        batch_end_callback: Callbacks = None,
        kvstore: Any = "local",
        logger: Any = None,
        work_load_list: Any = None,
        eval_end_callback: Callbacks = _LOGGED,
        eval_batch_end_callback: Callbacks = None,
        **kwargs: Any,
    ) -> FeedForward:
        """Make a model and train it.

        Parameters
        ----------
        symbol, ctx, num_epoch, epoch_size, optimizer, initializer, **kwargs
            As in `FeedForward`.
        X, y, eval_data, eval_metric, epoch_end_callback, batch_end_callback, kvstore, logger, \
work_load_list, eval_end_callback, eval_batch_end_callback
            As in `fit`.
        """
        model = FeedForward(symbol, ctx, num_epoch, epoch_size, optimizer, initializer, **kwargs)
        model.fit(
            X, y, eval_data, eval_metric, epoch_end_callback, batch_end_callback, kvstore, logger,
            work_load_list, None, eval_end_callback, eval_batch_end_callback,
        )  # fmt: skip
        return model


def _joined(parts: Iterable[list[Tensor]]) -> Any:
    """Batches joined, as NumPy arrays: one, or a list of several."""
    found = [nd.concat(*arrays, dim=0).asnumpy() for arrays in zip(*parts, strict=True)]
    return found[0] if len(found) == 1 else found
