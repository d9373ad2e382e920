"""What all modules share: the training loop, scores and predictions."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from microlazy import metric as metrics
from microlazy import ndarray as nd
from microlazy import params_file
from microlazy.core.tensor import Tensor
from microlazy.data_iter import DataBatch
from microlazy.initializer import Uniform
from microlazy.model import BatchEndParam

__all__ = ["DEFAULT", "BaseModule", "Callbacks", "Params"]

DEFAULT = Uniform(0.01)  # what fills parameters if nothing else is said
Callbacks = Callable[..., Any] | Iterable[Callable[..., Any]] | None
Params = Mapping[str, Tensor] | None


class BaseModule:
    """A model with a state: bound to shapes, with parameters and an optimizer.

    Parameters
    ----------
    logger : logging.Logger
        Where the training loop writes.

    Notes
    -----
    A subclass has bind, init_params, init_optimizer, forward, backward, update, get_outputs,
    update_metric, get_params and set_params.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.mod.BaseModule().binded
    False
    """

    def __init__(self, logger: Any = logging) -> None:
        self.logger = logger
        self.binded = False
        self.for_training = False
        self.inputs_need_grad = False
        self.params_initialized = False
        self.optimizer_initialized = False

    def _need(self, *states: str) -> None:
        wanted = {
            "binded": "bind()",
            "params_initialized": "init_params()",
            "optimizer_initialized": "init_optimizer()",
        }
        for state in states:
            if not getattr(self, state):
                raise AssertionError(f"{type(self).__name__}: call {wanted[state]} before")

    # ---- what subclasses have -------------------------------------------------------------------

    @property
    def data_names(self) -> list[str]:
        """The names of a batch's data; a subclass has them."""
        raise NotImplementedError(f"{type(self).__name__} has no data_names")

    @property
    def output_names(self) -> list[str]:
        """The names of the outputs; a subclass has them."""
        raise NotImplementedError(f"{type(self).__name__} has no output_names")

    @property
    def data_shapes(self) -> Any:
        """The names and shapes of a batch's data; a subclass has them."""
        raise NotImplementedError(f"{type(self).__name__} has no data_shapes")

    @property
    def label_shapes(self) -> Any:
        """The names and shapes of a batch's labels; a subclass has them."""
        raise NotImplementedError(f"{type(self).__name__} has no label_shapes")

    @property
    def output_shapes(self) -> Any:
        """The names and shapes of the outputs; a subclass has them."""
        raise NotImplementedError(f"{type(self).__name__} has no output_shapes")

    def bind(self, data_shapes: Any, label_shapes: Any = None, **options: Any) -> None:
        """Take memory for batches of some shapes; a subclass has it."""
        raise NotImplementedError(f"{type(self).__name__} has no bind()")

    def init_params(self, initializer: Any = None, **options: Any) -> None:
        """Fill the parameters; a subclass has it."""
        raise NotImplementedError(f"{type(self).__name__} has no init_params()")

    def init_optimizer(self, **options: Any) -> None:
        """Make the optimizer; a subclass has it."""
        raise NotImplementedError(f"{type(self).__name__} has no init_optimizer()")

    def forward(self, data_batch: Any, is_train: bool | None = None) -> None:
        """Compute the outputs of a batch; a subclass has it."""
        raise NotImplementedError(f"{type(self).__name__} has no forward()")

    def backward(self, out_grads: Any = None) -> None:
        """Compute the gradients; a subclass has it."""
        raise NotImplementedError(f"{type(self).__name__} has no backward()")

    def update(self) -> None:
        """Make a step of the optimizer; a subclass has it."""
        raise NotImplementedError(f"{type(self).__name__} has no update()")

    def get_outputs(self, merge_multi_context: bool = True) -> list[Tensor]:
        """The outputs of the last batch; a subclass has it."""
        raise NotImplementedError(f"{type(self).__name__} has no get_outputs()")

    def get_input_grads(self, merge_multi_context: bool = True) -> list[Tensor]:
        """The gradients of the data of the last batch; a subclass has it."""
        raise NotImplementedError(f"{type(self).__name__} has no get_input_grads()")

    def get_states(self, merge_multi_context: bool = True) -> list[Tensor]:
        """The states, which are neither parameters nor data: there are none.

        Parameters
        ----------
        merge_multi_context : bool
            Of no effect.

        Examples
        --------
        >>> import microlazy as mx
        >>> model = mx.mod.PythonLossModule()
        >>> model.bind([("data", (2,))])
        >>> model.get_states()
        []
        """
        self._need("binded", "params_initialized")
        return []

    def set_states(self, states: Any = None, value: float | None = None) -> None:
        """Give the states values: there are none.

        Parameters
        ----------
        states, value
            As in `Module.set_states`.

        Raises
        ------
        ValueError
            If there are values for states.
        """
        self._need("binded", "params_initialized")
        if states:
            raise ValueError(f"set_states: {len(states)} arrays are given, but there is no state")

    def get_params(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The parameters and auxiliary states; a subclass has it."""
        raise NotImplementedError(f"{type(self).__name__} has no get_params()")

    def update_metric(self, eval_metric: Any, labels: Any, pre_sliced: bool = False) -> None:
        """Take the last outputs into account; a subclass has it."""
        raise NotImplementedError(f"{type(self).__name__} has no update_metric()")

    def install_monitor(self, mon: Any) -> None:
        """Have a monitor watch the outputs of all nodes; a subclass has it."""
        raise NotImplementedError(f"{type(self).__name__} has no install_monitor()")

    def prepare(self, data_batch: Any, sparse_row_id_fn: Any = None) -> None:
        """Get ready for a batch, before `forward`.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.mod.BaseModule().prepare(None)
        """

    # ---- what is made of it ---------------------------------------------------------------------

    def forward_backward(self, data_batch: Any) -> None:
        """Compute the outputs and the gradients of a batch.

        Parameters
        ----------
        data_batch : DataBatch
        """
        self.forward(data_batch, is_train=True)
        self.backward()

    def set_params(
        self,
        arg_params: Params,
        aux_params: Params,
        allow_missing: bool = False,
        force_init: bool = True,
        allow_extra: bool = False,
    ) -> None:
        """Give the parameters values.

        Parameters
        ----------
        arg_params, aux_params : dict of str to array
        allow_missing : bool
            Whether parameters that are not given are initialized.
        force_init : bool
            Whether to replace what is there.
        allow_extra : bool
            Whether others may be among them.
        """
        self.init_params(
            None,
            arg_params=arg_params,
            aux_params=aux_params,
            allow_missing=allow_missing,
            force_init=force_init,
            allow_extra=allow_extra,
        )

    def save_params(self, fname: str) -> None:
        """Write the parameters to a file.

        Parameters
        ----------
        fname : str
        """
        arg_params, aux_params = self.get_params()
        kinds = (("arg", arg_params), ("aux", aux_params))
        params_file.save(fname, {f"{kind}:{n}": x for kind, part in kinds for n, x in part.items()})

    def load_params(self, fname: str) -> None:
        """Read the parameters from a file that `save_params` wrote.

        Parameters
        ----------
        fname : str

        Raises
        ------
        ValueError
            If a name in it begins with neither 'arg:' nor 'aux:'.
        """
        parts: dict[str, dict[str, Tensor]] = {"arg": {}, "aux": {}}
        found = params_file.load(fname)
        for key, array in found.items() if isinstance(found, dict) else enumerate(found):
            kind, _, name = str(key).partition(":")
            if kind not in parts or not name:
                raise ValueError(f"Invalid param file {fname}: {key!r}")
            parts[kind][name] = array
        self.set_params(parts["arg"], parts["aux"])

    def score(
        self,
        eval_data: Any,
        eval_metric: Any,
        num_batch: int | None = None,
        batch_end_callback: Callbacks = None,
        score_end_callback: Callbacks = None,
        reset: bool = True,
        epoch: int = 0,
        sparse_row_id_fn: Any = None,
    ) -> list[tuple[str, float]]:
        """Measure how good the outputs are.

        Parameters
        ----------
        eval_data : DataIter
        eval_metric : EvalMetric or str
        num_batch : int, optional
            How many batches; all if left out.
        batch_end_callback, score_end_callback : callable or list of them, optional
        reset : bool
            Whether to begin the iterator anew.
        epoch : int
            For callbacks.
        sparse_row_id_fn
            Of no effect.

        Returns
        -------
        list of (str, float)
        """
        self._need("binded", "params_initialized")
        if reset:
            eval_data.reset()
        measured = _metric(eval_metric)
        measured.reset()
        count = 0
        for number, batch in _limited(eval_data, num_batch):
            self.forward(batch, is_train=False)
            self.update_metric(measured, batch.label)
            _notify(batch_end_callback, BatchEndParam(epoch, number, measured, locals()))
            count += 1
        _notify(score_end_callback, BatchEndParam(epoch, count, measured, locals()))
        return measured.get_name_value()

    def iter_predict(
        self,
        eval_data: Any,
        num_batch: int | None = None,
        reset: bool = True,
        sparse_row_id_fn: Any = None,
    ) -> Iterator[tuple[list[Tensor], int, Any]]:
        """Give the outputs, the number and the batch, batch by batch.

        Parameters
        ----------
        eval_data, num_batch, reset, sparse_row_id_fn
            As in `score`.
        """
        self._need("binded", "params_initialized")
        if reset:
            eval_data.reset()
        for number, batch in _limited(eval_data, num_batch):
            self.forward(batch, is_train=False)
            kept = batch.data[0].shape[0] - (batch.pad or 0)
            yield [out[:kept] for out in self.get_outputs()], number, batch

    def predict(
        self,
        eval_data: Any,
        num_batch: int | None = None,
        merge_batches: bool = True,
        reset: bool = True,
        always_output_list: bool = False,
        sparse_row_id_fn: Any = None,
    ) -> Any:
        """Compute the outputs of all batches.

        Parameters
        ----------
        eval_data : DataIter or array
        num_batch, reset, sparse_row_id_fn
            As in `score`.
        merge_batches : bool
            Whether to join them.
        always_output_list : bool
            Whether a single output is a list too.

        Returns
        -------
        NDArray, list of NDArray, or list of lists of NDArray

        Raises
        ------
        ValueError
            If batches are to be joined that have different numbers of outputs.
        """
        if isinstance(eval_data, Tensor):
            self.forward(DataBatch([eval_data]), is_train=False)
            return self.get_outputs()[0]
        found = []
        for outputs, _, _ in self.iter_predict(eval_data, num_batch, reset):
            found.append([out.copy() for out in outputs])
        if not merge_batches or not found:
            return found
        if len({len(outputs) for outputs in found}) > 1:
            raise ValueError("predict: batches have different numbers of outputs; do not merge")
        joined = [nd.concat(*parts, dim=0) for parts in zip(*found, strict=True)]
        return joined[0] if len(joined) == 1 and not always_output_list else joined

    def fit(
        self,
        train_data: Any,
        eval_data: Any = None,
        eval_metric: Any = "acc",
        epoch_end_callback: Callbacks = None,
        batch_end_callback: Callbacks = None,
        kvstore: Any = "local",
        optimizer: Any = "sgd",
        optimizer_params: Any = (("learning_rate", 0.01),),
        eval_end_callback: Callbacks = None,
        eval_batch_end_callback: Callbacks = None,
        initializer: Any = None,
        arg_params: Params = None,
        aux_params: Params = None,
        allow_missing: bool = False,
        force_rebind: bool = False,
        force_init: bool = False,
        begin_epoch: int = 0,
        num_epoch: int | None = None,
        validation_metric: Any = None,
        monitor: Any = None,
        sparse_row_id_fn: Any = None,
    ) -> None:
        """Train.

        Parameters
        ----------
        train_data : DataIter
            Its `provide_data` and `provide_label` tell the shapes.
        eval_data : DataIter, optional
            Scored behind each epoch.
        eval_metric, validation_metric : EvalMetric or str
            How good outputs are; for both, unless the second is given.
        epoch_end_callback : callable or list of them, optional
            Is called with epoch, symbol, arguments and auxiliary states.
        batch_end_callback, eval_end_callback, eval_batch_end_callback : optional
            Are called with epoch, nbatch, eval_metric and locals.
        kvstore
            Of no effect.
        optimizer, optimizer_params
            As in `init_optimizer`.
        initializer : Initializer, optional
            ``Uniform(0.01)`` if left out.
        arg_params, aux_params, allow_missing, force_init
            As in `init_params`.
        force_rebind : bool
            Whether to bind again.
        begin_epoch, num_epoch : int
            The first, and the one behind the last.
        monitor : Monitor, optional
        sparse_row_id_fn
            Of no effect.

        Raises
        ------
        AssertionError
            If there is no `num_epoch`.

        Examples
        --------
        >>> import logging
        >>> import microlazy as mx
        >>> x = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2)
        >>> model = mx.mod.Module(mx.sym.SoftmaxOutput(x, name="softmax"))
        >>> data = mx.io.NDArrayIter(mx.nd.ones((8, 4)), mx.nd.ones((8,)), batch_size=4)
        >>> model.fit(data, num_epoch=5, optimizer_params={"learning_rate": 1.0})
        >>> model.score(data, "acc")
        [('accuracy', 1.0)]
        """
        if num_epoch is None:
            raise AssertionError("please specify number of epochs")
        self.bind(
            train_data.provide_data,
            train_data.provide_label,
            for_training=True,
            force_rebind=force_rebind,
        )
        if monitor is not None:
            self.install_monitor(monitor)
        self.init_params(
            initializer or DEFAULT,
            arg_params=arg_params,
            aux_params=aux_params,
            allow_missing=allow_missing,
            force_init=force_init,
        )
        self.init_optimizer(kvstore=kvstore, optimizer=optimizer, optimizer_params=optimizer_params)
        measured = _metric(eval_metric)
        checked = measured if validation_metric is None else _metric(validation_metric)
        for epoch in range(begin_epoch, num_epoch):
            start = time.time()
            self._train_epoch(epoch, train_data, measured, batch_end_callback, monitor)
            for name, value in measured.get_global_name_value():
                self.logger.info("Epoch[%d] Train-%s=%f", epoch, name, value)
            self.logger.info("Epoch[%d] Time cost=%.3f", epoch, time.time() - start)
            for callback in _each(epoch_end_callback):
                callback(epoch, getattr(self, "symbol", None), *self.get_params())
            if eval_data is not None:
                found = self.score(
                    eval_data,
                    checked,
                    batch_end_callback=eval_batch_end_callback,
                    score_end_callback=eval_end_callback,
                    epoch=epoch,
                )
                for name, value in found:
                    self.logger.info("Epoch[%d] Validation-%s=%f", epoch, name, value)
            train_data.reset()

    def _train_epoch(
        self, epoch: int, data: Any, measured: Any, batch_end_callback: Callbacks, monitor: Any
    ) -> None:
        measured.reset()
        for number, batch in enumerate(data):
            if monitor is not None:
                monitor.tic()
            self.prepare(batch)
            self.forward_backward(batch)
            self.update()
            self.update_metric(measured, batch.label)
            if monitor is not None:
                monitor.toc_print()
            _notify(batch_end_callback, BatchEndParam(epoch, number, measured, locals()))


def _metric(given: Any) -> Any:
    return given if isinstance(given, metrics.EvalMetric) else metrics.create(given)


def _limited(data: Any, count: int | None) -> Iterator[tuple[int, Any]]:
    for number, batch in enumerate(data):
        if number == count:
            return
        yield number, batch


def _each(callbacks: Callbacks) -> list[Callable[..., Any]]:
    if callbacks is None:
        return []
    return [callbacks] if callable(callbacks) else list(callbacks)


def _notify(callbacks: Callbacks, found: Any) -> None:
    for callback in _each(callbacks):
        callback(found)
