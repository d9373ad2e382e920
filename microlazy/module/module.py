"""Module: one graph, its parameters and its optimizer."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from microlazy import optimizer as optimizers
from microlazy.base import MXNetError
from microlazy.context import Context, current_context
from microlazy.core.tensor import Tensor
from microlazy.data_iter import DataDesc
from microlazy.executor import Executor, simple_bind
from microlazy.files import write_atomically
from microlazy.initializer import InitDesc
from microlazy.model import load_checkpoint, save_checkpoint
from microlazy.module.base_module import DEFAULT, BaseModule, Params
from microlazy.symbol import Symbol

__all__ = ["Module"]


class ExecutorGroup(NamedTuple):
    """What programs read of MXNet's `Module._exec_group`."""

    execs: list[Executor]  # one for each context
    batch_size: int


class Module(BaseModule):
    """A graph that is trained.

    Parameters
    ----------
    symbol : Symbol
        The graph; its last layers are losses, such as SoftmaxOutput.
    data_names, label_names : sequence of str
        The variables that batches give, in the order of batches; all others are parameters.
    logger : logging.Logger
    context : Context or list of Context, optional
        Where it computes; the first of several.
    work_load_list, group2ctxs, compression_params
        Of no effect.
    fixed_param_names : sequence of str, optional
        Parameters that are not trained.
    state_names : sequence of str, optional
        Variables that are neither: zeros.

    Raises
    ------
    ValueError
        If a name is not in the graph.

    Examples
    --------
    >>> import microlazy as mx
    >>> x = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2, name="fc")
    >>> model = mx.mod.Module(mx.sym.SoftmaxOutput(x, name="softmax"))
    >>> model.bind([("data", (4, 3))], [("softmax_label", (4,))])
    >>> model.init_params()
    >>> model.forward(mx.io.DataBatch([mx.nd.ones((4, 3))], [mx.nd.zeros((4,))]))
    >>> model.get_outputs()[0].shape
    (4, 2)
    """

    def __init__(
        self,
        symbol: Symbol,
        data_names: Sequence[str] | None = ("data",),
        label_names: Sequence[str] | None = ("softmax_label",),
        logger: Any = logging,
        context: Context | list[Context] | None = None,
        work_load_list: Any = None,
        fixed_param_names: Sequence[str] | None = None,
        state_names: Sequence[str] | None = None,
        group2ctxs: Any = None,
        compression_params: Any = None,
    ) -> None:
        super().__init__(logger)
        self.symbol = symbol
        self._data_names, self._label_names = list(data_names or []), list(label_names or [])
        self._state_names, self._fixed = list(state_names or []), list(fixed_param_names or [])
        place = context[0] if isinstance(context, list) else context
        self._context = place or current_context()
        arguments = symbol.list_arguments()
        for names, what in (
            (self._data_names, "data_names"),
            (self._state_names, "state_names"),
            (self._fixed, "fixed_param_names"),
        ):
            for name in names:
                if name not in arguments:
                    raise ValueError(
                        f"{what} has {name!r}, which is none of the graph's arguments: "
                        f"{', '.join(arguments)}"
                    )
        for name in self._label_names:
            if name not in arguments:
                self.logger.warning("label_names has %r, which is not in the graph", name)
        inputs = {*self._data_names, *self._label_names, *self._state_names}
        self._param_names = [name for name in arguments if name not in inputs]
        self._executor: Executor | None = None
        self._optimizer: Any = None
        self._updater: Any = None
        self._preloaded: tuple[Any, Any] = (None, None)
        self._states_file: str | None = None
        self._monitors: list[Any] = []

    # ---- checkpoints ----------------------------------------------------------------------------

    @staticmethod
    def load(prefix: str, epoch: int, load_optimizer_states: bool = False, **kwargs: Any) -> Module:
        """Make a module of a checkpoint.

        Parameters
        ----------
        prefix, epoch
            As in `save_checkpoint`.
        load_optimizer_states : bool
            Whether to read the optimizer's states too.
        **kwargs
            As in `Module`.

        Examples
        --------
        >>> import os, tempfile
        >>> import microlazy as mx
        >>> prefix = os.path.join(tempfile.mkdtemp(), "net")
        >>> x = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2, name="fc")
        >>> model = mx.mod.Module(x, label_names=None)
        >>> model.bind([("data", (4, 3))])
        >>> model.init_params()
        >>> model.save_checkpoint(prefix, 1)
        >>> mx.mod.Module.load(prefix, 1, label_names=None).symbol.list_outputs()
        ['fc_output']
        """
        symbol, *params = load_checkpoint(prefix, epoch)
        module = Module(symbol, **kwargs)
        module._preloaded = params[0], params[1]
        module.params_initialized = True
        if load_optimizer_states:
            module._states_file = f"{prefix}-{epoch:04d}.states"
        return module

    def save_checkpoint(
        self,
        prefix: str,
        epoch: int,
        save_optimizer_states: bool = False,
        remove_amp_cast: bool = True,
    ) -> None:
        """Write the graph, the parameters, and the optimizer's states if they are asked for.

        Parameters
        ----------
        prefix : str
            Where the files' names begin.
        epoch : int
            The number in the names of parameters and states.
        save_optimizer_states : bool
        remove_amp_cast : bool
            As in `Symbol.save`.
        """
        save_checkpoint(prefix, epoch, self.symbol, *self.get_params(), remove_amp_cast)
        if save_optimizer_states:
            self.save_optimizer_states(f"{prefix}-{epoch:04d}.states")

    def save_optimizer_states(self, fname: str | os.PathLike[str]) -> None:
        """Write the optimizer's states to a file.

        Parameters
        ----------
        fname : path
        """
        self._need("optimizer_initialized")
        write_atomically(os.fspath(fname), self._updater.pieces())

    def load_optimizer_states(self, fname: str | os.PathLike[str]) -> None:
        """Read the optimizer's states from a file that `save_optimizer_states` wrote.

        Parameters
        ----------
        fname : path

        Raises
        ------
        MXNetError
            If it cannot be read.
        """
        self._need("optimizer_initialized")
        try:
            with open(fname, "rb") as file:
                states = file.read()
        except OSError as error:
            raise MXNetError(f"cannot read {fname!r}: {error.strerror or error}") from error
        self._updater.set_states(states, origin=os.fspath(fname))

    # ---- shapes ---------------------------------------------------------------------------------

    @property
    def data_names(self) -> list[str]:
        """The names of a batch's data."""
        return self._data_names

    @property
    def label_names(self) -> list[str]:
        """The names of a batch's labels."""
        return self._label_names

    @property
    def output_names(self) -> list[str]:
        """The names of the outputs."""
        return self.symbol.list_outputs()

    @property
    def data_shapes(self) -> list[DataDesc]:
        """The names and shapes of a batch's data."""
        self._need("binded")
        return self._data_shapes

    @property
    def label_shapes(self) -> list[DataDesc]:
        """The names and shapes of a batch's labels."""
        self._need("binded")
        return self._label_shapes

    @property
    def output_shapes(self) -> list[tuple[str, tuple[int, ...]]]:
        """The names and shapes of the outputs."""
        self._need("binded")
        given = {name: shape for name, shape in [*self._data_shapes, *self._label_shapes]}
        shapes = self.symbol.infer_shape(**given)[1]
        return list(zip(self.output_names, shapes, strict=True))

    def bind(
        self,
        data_shapes: Any,
        label_shapes: Any = None,
        for_training: bool = True,
        inputs_need_grad: bool = False,
        force_rebind: bool = False,
        shared_module: Any = None,
        grad_req: Any = "write",
        **options: Any,
    ) -> None:
        """Take memory for batches of some shapes.

        Parameters
        ----------
        data_shapes, label_shapes : list of DataDesc or (str, tuple of int)
        for_training : bool
            Whether gradients are wanted.
        inputs_need_grad : bool
            Whether those of the data are too.
        force_rebind : bool
            Whether to do it again.
        shared_module : Module, optional
            Whose parameters are used.
        grad_req : {"write", "add", "null"}, or a dict of them
            For parameters.
        """
        if self.binded and not force_rebind:
            self.logger.warning("Already bound, ignoring bind()")
            return
        self._data_shapes, self._label_shapes = _described(data_shapes), _described(label_shapes)
        self.for_training, self.inputs_need_grad = for_training, inputs_need_grad
        names = [desc.name for desc in self._data_shapes]
        if sorted(names) != sorted(self._data_names):
            raise ValueError(f"data_shapes names {names}, but data_names is {self._data_names}")
        requests = dict.fromkeys(self.symbol.list_arguments(), "null")
        if for_training:
            own = grad_req if isinstance(grad_req, Mapping) else {}
            request = grad_req if isinstance(grad_req, str) else "write"
            requests |= {
                name: own.get(name, request)
                for name in self._param_names
                if name not in self._fixed
            }
            requests |= dict.fromkeys(self._data_names if inputs_need_grad else [], "write")
        known = set(self.symbol.list_inputs())
        described = [desc for desc in [*self._data_shapes, *self._label_shapes] if desc[0] in known]
        shapes = {desc[0]: tuple(desc[1]) for desc in described}
        types = {desc[0]: desc.dtype for desc in described}
        before = self._executor if shared_module is None else shared_module._executor
        self._executor = simple_bind(self.symbol, self._context, requests, types, shapes, before)
        self.binded = True
        for monitor in self._monitors:
            monitor.install(self._executor)
        if shared_module is not None:
            self.params_initialized = shared_module.params_initialized
            if shared_module.optimizer_initialized:
                self.borrow_optimizer(shared_module)
        if self._preloaded != (None, None):
            self._executor.copy_params_from(*self._preloaded, allow_extra_params=True)
            self._preloaded = (None, None)

    def reshape(self, data_shapes: Any, label_shapes: Any = None) -> None:
        """Take memory for batches of other shapes; the parameters stay.

        Parameters
        ----------
        data_shapes, label_shapes
            As in `bind`.
        """
        self._need("binded")
        self.bind(
            data_shapes,
            label_shapes,
            self.for_training,
            self.inputs_need_grad,
            force_rebind=True,
            grad_req=dict(self._run._requests),
        )

    @property
    def _run(self) -> Executor:
        self._need("binded")
        assert self._executor is not None
        return self._executor

    @property
    def _exec_group(self) -> ExecutorGroup:
        return ExecutorGroup([self._run], self._data_shapes[0].shape[0])

    # ---- parameters -----------------------------------------------------------------------------

    def init_params(
        self,
        initializer: Any = DEFAULT,
        arg_params: Params = None,
        aux_params: Params = None,
        allow_missing: bool = False,
        force_init: bool = False,
        allow_extra: bool = False,
        **options: Any,
    ) -> None:
        """Fill the parameters with given values, or by an initializer.

        Parameters
        ----------
        initializer : Initializer or None
        arg_params, aux_params : dict of str to array, optional
            Values.
        allow_missing : bool
            Whether an initializer fills what they do not have.
        force_init : bool
            Whether to do it again.
        allow_extra : bool
            Whether others may be among them.

        Raises
        ------
        RuntimeError
            If values are given, but not for all.
        ValueError
            If there are values for what the graph does not have.
        """
        self._need("binded")
        if self.params_initialized and not force_init:
            self.logger.warning("Parameters already initialized and force_init=False: ignored")
            return
        run = self._run
        attributes = self.symbol.attr_dict()
        for given, own in (
            (arg_params, {name: run.arg_dict[name] for name in self._param_names}),
            (aux_params, run.aux_dict),
        ):
            extra = sorted(set(given or {}) - set(own))
            if extra and not allow_extra:
                raise ValueError(f"init_params: the graph has no parameter {extra[0]!r}")
            for name, array in own.items():
                self._fill(name, array, given, initializer, allow_missing, attributes)
        self.params_initialized = True

    def _fill(
        self,
        name: str,
        array: Tensor,
        given: Params,
        initializer: Any,
        allow_missing: bool,
        attributes: dict[str, dict[str, str]],
    ) -> None:
        if given is not None and name in given:
            if given[name].shape != array.shape:
                raise MXNetError(
                    f"init_params: {name!r} has shape {array.shape}, but got {given[name].shape}"
                )
            array[:] = given[name]
        elif given and not allow_missing:
            raise RuntimeError(f"{name} is not presented")
        elif initializer is not None:
            initializer(InitDesc(name, attributes.get(name, {})), array)

    def get_params(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Copies of the parameters and of the auxiliary states, by name.

        Examples
        --------
        >>> import microlazy as mx
        >>> x = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2, name="fc")
        >>> model = mx.mod.Module(x, label_names=None)
        >>> model.bind([("data", (4, 3))])
        >>> model.init_params()
        >>> list(model.get_params()[0])
        ['fc_weight', 'fc_bias']
        """
        self._need("binded", "params_initialized")
        arguments = {name: self._run.arg_dict[name].copy() for name in self._param_names}
        return arguments, {name: x.copy() for name, x in self._run.aux_dict.items()}

    # ---- training -------------------------------------------------------------------------------

    def init_optimizer(
        self,
        kvstore: Any = "local",
        optimizer: Any = "sgd",
        optimizer_params: Any = (("learning_rate", 0.01),),
        force_init: bool = False,
        **options: Any,
    ) -> None:
        """Make the optimizer.

        Parameters
        ----------
        kvstore
            Of no effect: there is one device.
        optimizer : Optimizer or str
        optimizer_params : dict or tuple of pairs
            Its arguments; `rescale_grad` is 1 / the size of the batch if left out.
        force_init : bool
            Whether to do it again.
        """
        self._need("binded", "params_initialized")
        if self.optimizer_initialized and not force_init:
            self.logger.warning("optimizer already initialized, ignoring...")
            return
        if isinstance(optimizer, str):
            options = dict(optimizer_params)
            first = self._data_shapes[0]
            batch = first.shape[max(DataDesc.get_batch_axis(first.layout), 0)]
            options.setdefault("rescale_grad", 1.0 / batch)
            names = dict(enumerate(self._param_names))
            optimizer = optimizers.create(optimizer, param_idx2name=names, **options)
        self._optimizer = optimizer
        self._set_multipliers()
        self._updater = optimizers.get_updater(optimizer)
        self.optimizer_initialized = True
        if self._states_file is not None:
            self.load_optimizer_states(self._states_file)
            self._states_file = None

    def _set_multipliers(self) -> None:
        """Tell the optimizer the factors that the graph's variables have."""
        attributes = self.symbol.attr_dict()
        for kind, tell in (
            ("__lr_mult__", self._optimizer.set_lr_mult),
            ("__wd_mult__", self._optimizer.set_wd_mult),
        ):
            found = {
                name: float(attributes[name][kind])
                for name in self._param_names
                if kind in attributes.get(name, {})
            }
            if found:
                tell(found)

    def borrow_optimizer(self, shared_module: Module) -> None:
        """Use the optimizer of another module, with its states.

        Parameters
        ----------
        shared_module : Module
        """
        shared_module._need("optimizer_initialized")
        self._optimizer, self._updater = shared_module._optimizer, shared_module._updater
        self.optimizer_initialized = True

    def forward(self, data_batch: Any, is_train: bool | None = None) -> None:
        """Compute the outputs of a batch.

        Parameters
        ----------
        data_batch : DataBatch
            Of other shapes than were bound too.
        is_train : bool, optional
            What `bind` was told, if left out.
        """
        self._need("binded", "params_initialized")
        training = self.for_training if is_train is None else is_train
        labels = getattr(data_batch, "label", None) or []  # a batch to predict may have none
        pairs = [
            *zip(self._data_names, data_batch.data, strict=True),
            *zip(self._label_names, labels, strict=False),
        ]
        arrays = {name: x for name, x in pairs if name in self._run.arg_dict}
        if any(x.shape != self._run.arg_dict[name].shape for name, x in arrays.items()):
            data = [(name, x.shape) for name, x in arrays.items() if name in self._data_names]
            given = [(name, x.shape) for name, x in arrays.items() if name in self._label_names]
            self.reshape(data, given)
        self._run.forward(training, **arrays)

    def backward(self, out_grads: Any = None) -> None:
        """Compute the gradients of the last batch.

        Parameters
        ----------
        out_grads : list of NDArray, optional
            Those of the outputs; output layers need none.
        """
        self._run.backward(out_grads)

    def update(self) -> None:
        """Make a step of the optimizer."""
        self._need("binded", "params_initialized", "optimizer_initialized")
        run = self._run
        trained = [(i, name) for i, name in enumerate(self._param_names) if name in run.grad_dict]
        self._updater(
            [index for index, _ in trained],
            [run.grad_dict[name] for _, name in trained],
            [run.arg_dict[name] for _, name in trained],
        )

    def get_outputs(self, merge_multi_context: bool = True) -> list[Tensor]:
        """The outputs of the last batch.

        Parameters
        ----------
        merge_multi_context : bool
            Of no effect.
        """
        return self._run.outputs

    def get_input_grads(self, merge_multi_context: bool = True) -> list[Tensor]:
        """The gradients of the data of the last batch.

        Parameters
        ----------
        merge_multi_context : bool
            Of no effect.

        Raises
        ------
        AssertionError
            If `bind` was not told that they are wanted.
        """
        if not self.inputs_need_grad:
            raise AssertionError("get_input_grads: bind with inputs_need_grad=True before")
        return [self._run.grad_dict[name] for name in self._data_names]

    def get_states(self, merge_multi_context: bool = True) -> list[Tensor]:
        """The states, in the order of `state_names`.

        Parameters
        ----------
        merge_multi_context : bool
            Of no effect.

        Examples
        --------
        >>> import microlazy as mx
        >>> net = mx.sym.var("data") + mx.sym.var("state")
        >>> model = mx.mod.Module(net, label_names=None, state_names=["state"])
        >>> model.bind([("data", (2,))])
        >>> model.init_params()
        >>> model.set_states(value=3)
        >>> model.get_states()[0].asnumpy()
        array([3., 3.], dtype=float32)
        """
        self._need("binded", "params_initialized")
        return [self._run.arg_dict[name] for name in self._state_names]

    def set_states(self, states: Any = None, value: float | None = None) -> None:
        """Give the states values.

        Parameters
        ----------
        states : list of NDArray, optional
            In the order of `state_names`.
        value : float, optional
            Of all elements of all states.

        Raises
        ------
        ValueError
            If neither or both are given, or another number of states.
        """
        self._need("binded", "params_initialized")
        if (states is None) is (value is None):
            raise ValueError("set_states: give either states or a value")
        own = self.get_states()
        given = [value] * len(own) if states is None else list(states)
        if len(given) != len(own):
            raise ValueError(f"set_states: {len(given)} arrays are given for {len(own)} states")
        for state, new in zip(own, given, strict=True):
            state[:] = new[0] if isinstance(new, list) else new

    def update_metric(self, eval_metric: Any, labels: Any, pre_sliced: bool = False) -> None:
        """Take the last outputs into account.

        Parameters
        ----------
        eval_metric : EvalMetric
        labels : list of NDArray
        pre_sliced : bool
            Of no effect.
        """
        named = dict(zip(self._label_names, labels or [], strict=False))
        eval_metric.update_dict(named, self._run.output_dict)

    def install_monitor(self, mon: Any) -> None:
        """Have a monitor watch the outputs of all nodes.

        Parameters
        ----------
        mon : Monitor
        """
        mon.install(self._run)
        self._monitors.append(mon)


def _described(shapes: Any) -> list[DataDesc]:
    found = []
    for shape in shapes or []:
        found.append(shape if isinstance(shape, DataDesc) else DataDesc(*shape))
    return found
