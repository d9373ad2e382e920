"""BucketingModule: a graph for each length of sequences, on the same parameters."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from microlazy.context import Context
from microlazy.core.tensor import Tensor
from microlazy.model import load_checkpoint
from microlazy.module.base_module import DEFAULT, BaseModule, Params
from microlazy.module.module import Module
from microlazy.symbol import Symbol

__all__ = ["BucketingModule"]


class BucketingModule(BaseModule):
    """Modules that share their parameters, one for each bucket.

    Parameters
    ----------
    sym_gen : callable
        Gives for a bucket's key the graph, the names of data, and the names of labels.
    default_bucket_key
        That of the bucket that has all parameters, such as the longest.
    logger, context, work_load_list, fixed_param_names, state_names, group2ctxs, compression_params
        As in `Module`.

    Examples
    --------
    >>> import microlazy as mx
    >>> def graph(length):
    ...     x = mx.sym.mean(mx.sym.var("data"), axis=1)
    ...     return mx.sym.FullyConnected(x, num_hidden=2, name="fc"), ["data"], []
    >>> model = mx.mod.BucketingModule(graph, default_bucket_key=8)
    >>> model.bind([("data", (4, 8, 3))])
    >>> model.init_params()
    >>> batch = mx.io.DataBatch([mx.nd.ones((4, 5, 3))], bucket_key=5,
    ...                         provide_data=[("data", (4, 5, 3))])
    >>> model.forward(batch)
    >>> model.get_outputs()[0].shape
    (4, 2)
    """

    def __init__(
        self,
        sym_gen: Callable[[Any], tuple[Any, Any, Any]],
        default_bucket_key: Any = None,
        logger: Any = logging,
        context: Context | list[Context] | None = None,
        work_load_list: Any = None,
        fixed_param_names: Sequence[str] | None = None,
        state_names: Sequence[str] | None = None,
        group2ctxs: Any = None,
        compression_params: Any = None,
    ) -> None:
        super().__init__(logger)
        if default_bucket_key is None:
            raise AssertionError("BucketingModule needs a default_bucket_key")
        self._sym_gen, self._default = sym_gen, default_bucket_key
        self._options: dict[str, Any] = {
            "context": context,
            "fixed_param_names": fixed_param_names,
            "state_names": state_names,
        }
        self._buckets: dict[Any, Module] = {}
        self._grad_req: Any = "write"
        self._curr_module = self._made(default_bucket_key)

    def _made(self, key: Any) -> Module:
        symbol, data_names, label_names = self._sym_gen(key)
        return Module(symbol, data_names, label_names, self.logger, **self._options)

    @staticmethod
    def load(
        prefix: str,
        epoch: int,
        sym_gen: Any = None,
        default_bucket_key: Any = None,
        **kwargs: Any,
    ) -> BucketingModule:
        """Make a module of the parameters of a checkpoint.

        Parameters
        ----------
        prefix, epoch
            As in `Module.load`.
        sym_gen, default_bucket_key, **kwargs
            As in `BucketingModule`.
        """
        _, arguments, auxiliary = load_checkpoint(prefix, epoch)
        module = BucketingModule(sym_gen, default_bucket_key, **kwargs)
        module._curr_module._preloaded = (arguments, auxiliary)
        module._curr_module.params_initialized = module.params_initialized = True
        return module

    @staticmethod
    def load_dict(
        sym_dict: Mapping[Any, Symbol] | None = None,
        sym_gen: Any = None,
        default_bucket_key: Any = None,
        arg_params: Params = None,
        aux_params: Params = None,
        **kwargs: Any,
    ) -> BucketingModule:
        """Make a module of graphs and parameters that are at hand.

        Parameters
        ----------
        sym_dict : dict
            The graphs by the keys of their buckets.
        sym_gen, default_bucket_key, **kwargs
            As in `BucketingModule`.
        arg_params, aux_params : dict of str to NDArray
            The parameters.

        Raises
        ------
        AssertionError
            If one of them is missing.
        """
        needed = {"sym_dict": sym_dict, "arg_params": arg_params, "aux_params": aux_params}
        for name, value in needed.items():
            if value is None:
                raise AssertionError(f"{name} needs to be provided for BucketingModule.load_dict")
        graphs = dict(sym_dict or {})

        def graph(key: Any) -> tuple[Any, Any, Any]:
            made = sym_gen(key)
            return graphs.get(key, made[0]), *made[1:]

        module = BucketingModule(graph, default_bucket_key, **kwargs)
        module._curr_module._preloaded = (arg_params, aux_params)
        module._curr_module.params_initialized = module.params_initialized = True
        return module

    def save_checkpoint(self, prefix: str, epoch: int, remove_amp_cast: bool = False) -> None:
        """Write the graph of the default bucket and the parameters.

        Parameters
        ----------
        prefix, epoch, remove_amp_cast
            As in `Module.save_checkpoint`.
        """
        self._need("binded", "params_initialized")
        self._buckets[self._default].save_checkpoint(prefix, epoch, remove_amp_cast=remove_amp_cast)

    @property
    def symbol(self) -> Any:
        """The graph of the current bucket."""
        return self._curr_module.symbol

    @property
    def data_names(self) -> list[str]:
        """The names of a batch's data."""
        return self._curr_module.data_names

    @property
    def output_names(self) -> list[str]:
        """The names of the outputs."""
        return self._curr_module.output_names

    @property
    def data_shapes(self) -> Any:
        """The names and shapes of the current bucket's data."""
        return self._curr_module.data_shapes

    @property
    def label_shapes(self) -> Any:
        """The names and shapes of the current bucket's labels."""
        return self._curr_module.label_shapes

    @property
    def output_shapes(self) -> Any:
        """The names and shapes of the current bucket's outputs."""
        return self._curr_module.output_shapes

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
        """Take memory for batches of the default bucket.

        Parameters
        ----------
        data_shapes, label_shapes, for_training, inputs_need_grad, force_rebind, grad_req
            As in `Module.bind`.
        shared_module : None
            Modules of buckets share with each other alone.
        """
        if shared_module is not None:
            raise AssertionError("shared_module for BucketingModule is not supported")
        if self.binded and not force_rebind:
            self.logger.warning("Already bound, ignoring bind()")
            return
        self.for_training, self.inputs_need_grad = for_training, inputs_need_grad
        self._grad_req = grad_req
        module = self._buckets.get(self._default, self._curr_module)
        module.bind(
            data_shapes, label_shapes, for_training, inputs_need_grad, force_rebind,
            grad_req=grad_req,
        )  # fmt: skip
        self._buckets = {self._default: module}
        self._curr_module, self.binded = module, True

    def switch_bucket(self, bucket_key: Any, data_shapes: Any, label_shapes: Any = None) -> None:
        """Make a bucket the current one; its graph is made when it is needed first.

        Parameters
        ----------
        bucket_key
        data_shapes, label_shapes
            As in `Module.bind`.
        """
        self._need("binded")
        if bucket_key not in self._buckets:
            module = self._made(bucket_key)
            module.bind(
                data_shapes,
                label_shapes,
                self.for_training,
                self.inputs_need_grad,
                shared_module=self._buckets[self._default],
                grad_req=self._grad_req,
            )
            self._buckets[bucket_key] = module
        self._curr_module = self._buckets[bucket_key]

    def init_params(self, initializer: Any = DEFAULT, **options: Any) -> None:
        """Fill the parameters.

        Parameters
        ----------
        initializer, **options
            As in `Module.init_params`.
        """
        self._need("binded")
        if self.params_initialized and not options.get("force_init"):
            return
        self._buckets[self._default].init_params(initializer, **options)
        self.params_initialized = True
        for module in self._buckets.values():
            module.params_initialized = True

    def get_params(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Copies of the parameters and of the auxiliary states, by name."""
        self._need("binded", "params_initialized")
        return self._buckets[self._default].get_params()

    def init_optimizer(self, **options: Any) -> None:
        """Make the optimizer.

        Parameters
        ----------
        **options
            As in `Module.init_optimizer`.
        """
        self._need("binded", "params_initialized")
        if self.optimizer_initialized and not options.get("force_init"):
            self.logger.warning("optimizer already initialized, ignoring.")
            return
        first = self._buckets[self._default]
        first.init_optimizer(**options)
        for module in self._buckets.values():
            if module is not first:
                module.borrow_optimizer(first)
        self.optimizer_initialized = True

    def prepare(self, data_batch: Any, sparse_row_id_fn: Any = None) -> None:
        """Make the bucket of a batch the current one.

        Parameters
        ----------
        data_batch : DataBatch
            With `bucket_key`, `provide_data` and `provide_label`.
        sparse_row_id_fn
            Of no effect.
        """
        if data_batch.bucket_key is not None:
            self.switch_bucket(
                data_batch.bucket_key, data_batch.provide_data, data_batch.provide_label
            )

    def forward(self, data_batch: Any, is_train: bool | None = None) -> None:
        """Compute the outputs of a batch, in its bucket.

        Parameters
        ----------
        data_batch : DataBatch
        is_train : bool, optional
            As in `Module.forward`.
        """
        self._need("binded", "params_initialized")
        self.prepare(data_batch)
        self._curr_module.forward(data_batch, is_train)

    def backward(self, out_grads: Any = None) -> None:
        """Compute the gradients of the last batch.

        Parameters
        ----------
        out_grads : list of NDArray, optional
        """
        self._curr_module.backward(out_grads)

    def update(self) -> None:
        """Make a step of the optimizer on the parameters of the current bucket."""
        self._need("binded", "params_initialized", "optimizer_initialized")
        self._curr_module.update()

    def get_outputs(self, merge_multi_context: bool = True) -> list[Tensor]:
        """The outputs of the last batch.

        Parameters
        ----------
        merge_multi_context : bool
            Of no effect.
        """
        return self._curr_module.get_outputs()

    def get_input_grads(self, merge_multi_context: bool = True) -> list[Tensor]:
        """The gradients of the data of the last batch.

        Parameters
        ----------
        merge_multi_context : bool
            Of no effect.
        """
        return self._curr_module.get_input_grads()

    def get_states(self, merge_multi_context: bool = True) -> list[Tensor]:
        """The states of the current bucket.

        Parameters
        ----------
        merge_multi_context : bool
            Of no effect.
        """
        return self._curr_module.get_states()

    def set_states(self, states: Any = None, value: float | None = None) -> None:
        """Give the states of the current bucket values.

        Parameters
        ----------
        states, value
            As in `Module.set_states`.
        """
        self._curr_module.set_states(states, value)

    def update_metric(self, eval_metric: Any, labels: Any, pre_sliced: bool = False) -> None:
        """Take the last outputs into account.

        Parameters
        ----------
        eval_metric, labels, pre_sliced
            As in `Module.update_metric`.
        """
        self._curr_module.update_metric(eval_metric, labels)

    def install_monitor(self, mon: Any) -> None:
        """Have a monitor watch the outputs of all nodes, in every bucket there is.

        Parameters
        ----------
        mon : Monitor
        """
        for module in self._buckets.values():
            module.install_monitor(mon)
