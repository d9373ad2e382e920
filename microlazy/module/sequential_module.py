"""SequentialModule: modules in a row, each on the outputs of the one before."""

from __future__ import annotations

import logging
from copy import copy
from typing import Any, Self

from microlazy.core.tensor import Tensor
from microlazy.module.base_module import DEFAULT, BaseModule, Params

__all__ = ["SequentialModule"]


class SequentialModule(BaseModule):
    """Modules in a row.

    Parameters
    ----------
    logger : logging.Logger

    Examples
    --------
    >>> import microlazy as mx
    >>> one = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=3, name="one")
    >>> two = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2, name="two")
    >>> model = mx.mod.SequentialModule()
    >>> model = model.add(mx.mod.Module(one, label_names=None))
    >>> last = mx.mod.Module(mx.sym.SoftmaxOutput(two, name="softmax"))
    >>> model = model.add(last, take_labels=True, auto_wiring=True)
    >>> model.bind([("data", (4, 5))], [("softmax_label", (4,))])
    >>> model.init_params()
    >>> list(model.get_params()[0])
    ['one_weight', 'one_bias', 'two_weight', 'two_bias']
    """

    META_TAKE_LABELS = "take_labels"
    META_AUTO_WIRING = "auto_wiring"

    def __init__(self, logger: Any = logging) -> None:
        super().__init__(logger)
        self._modules: list[BaseModule] = []
        self._metas: list[dict[str, Any]] = []
        self._label_shapes: Any = None

    def add(self, module: BaseModule, **kwargs: Any) -> Self:
        """Put a module behind the others.

        Parameters
        ----------
        module : BaseModule
        **kwargs
            `take_labels`, whether it takes the labels of batches; `auto_wiring`, whether its data
            are the outputs before in order, whatever their names are.

        Returns
        -------
        SequentialModule
            Itself.

        Raises
        ------
        AssertionError
            If there is another keyword.

        Examples
        --------
        >>> import microlazy as mx
        >>> model = mx.mod.SequentialModule()
        >>> model = model.add(mx.mod.Module(mx.sym.var("data").exp(), label_names=None))
        >>> model.data_names
        ['data']
        """
        known = (self.META_TAKE_LABELS, self.META_AUTO_WIRING)
        for key in kwargs:
            if key not in known:
                raise AssertionError(f"Unknown meta {key!r}; there are {', '.join(known)}")
        self._modules.append(module)
        self._metas.append(kwargs)
        self.binded = self.params_initialized = self.optimizer_initialized = False
        return self

    @property
    def data_names(self) -> list[str]:
        """The names of a batch's data."""
        return self._modules[0].data_names if self._modules else []

    @property
    def output_names(self) -> list[str]:
        """The names of the outputs."""
        return self._modules[-1].output_names if self._modules else []

    @property
    def data_shapes(self) -> Any:
        """The names and shapes of a batch's data."""
        self._need("binded")
        return self._modules[0].data_shapes

    @property
    def label_shapes(self) -> Any:
        """The names and shapes of a batch's labels; None if no module takes them."""
        self._need("binded")
        return self._label_shapes

    @property
    def output_shapes(self) -> Any:
        """The names and shapes of the outputs."""
        self._need("binded")
        return self._modules[-1].output_shapes

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
        data_shapes, label_shapes, for_training, inputs_need_grad, force_rebind, grad_req
            As in `Module.bind`.
        shared_module : None
            Modules in a row share with no others.

        Raises
        ------
        AssertionError
            If there is no module, or names and outputs do not fit.
        """
        if self.binded and not force_rebind:
            self.logger.warning("Already bound, ignoring bind()")
            return
        if shared_module is not None:
            raise AssertionError("Shared module is not supported")
        if not self._modules:
            raise AssertionError("Attempting to bind an empty SequentialModule")
        self.for_training, self.inputs_need_grad = for_training, inputs_need_grad
        given, is_first = data_shapes, True
        for module, meta in zip(self._modules, self._metas, strict=True):
            if meta.get(self.META_AUTO_WIRING):
                names = module.data_names
                if len(names) != len(given):
                    raise AssertionError(f"{len(given)} outputs are wired to data {names}")
                given = [(name, tuple(desc[1])) for name, desc in zip(names, given, strict=True)]
            module.bind(
                given,
                label_shapes if meta.get(self.META_TAKE_LABELS) else None,
                for_training=for_training,
                inputs_need_grad=inputs_need_grad or (for_training and not is_first),
                force_rebind=force_rebind,
                grad_req=grad_req,
            )
            given, is_first = module.output_shapes, False
        takes = any(meta.get(self.META_TAKE_LABELS) for meta in self._metas)
        self._label_shapes = label_shapes if takes else None
        self.binded = True

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
        """Fill the parameters.

        Parameters
        ----------
        initializer, arg_params, aux_params, allow_missing, force_init
            As in `Module.init_params`.
        allow_extra : bool
            Whether values may be given for parameters that no module has.

        Raises
        ------
        AssertionError
            If two modules have a parameter of one name.
        ValueError
            If there are values for what no module has.
        """
        self._need("binded")
        if self.params_initialized and not force_init:
            return
        for module in self._modules:
            # What one module does not have, another may.
            module.init_params(
                initializer, arg_params=arg_params, aux_params=aux_params,
                allow_missing=allow_missing, force_init=force_init, allow_extra=True,
            )  # fmt: skip
        owners: dict[str, int] = {}
        for place, module in enumerate(self._modules):
            for name in (name for part in module.get_params() for name in part):
                if name in owners:
                    raise AssertionError(
                        f"Duplicated parameter names: {name!r} is in modules {owners[name]} and "
                        f"{place}"
                    )
                owners[name] = place
        extra = sorted({*(arg_params or {}), *(aux_params or {})} - set(owners))
        if extra and not allow_extra:
            raise ValueError(f"init_params: no module has a parameter {extra[0]!r}")
        self.params_initialized = True

    def get_params(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Copies of the parameters and of the auxiliary states of all modules, by name."""
        self._need("binded", "params_initialized")
        arguments: dict[str, Tensor] = {}
        states: dict[str, Tensor] = {}
        for module in self._modules:
            own = module.get_params()
            arguments |= own[0]
            states |= own[1]
        return arguments, states

    def init_optimizer(
        self,
        kvstore: Any = "local",
        optimizer: Any = "sgd",
        optimizer_params: Any = (("learning_rate", 0.01),),
        force_init: bool = False,
        **options: Any,
    ) -> None:
        """Make an optimizer for each module.

        Parameters
        ----------
        kvstore, optimizer, optimizer_params, force_init
            As in `Module.init_optimizer`.
        """
        self._need("binded", "params_initialized")
        if self.optimizer_initialized and not force_init:
            self.logger.warning("optimizer already initialized, ignoring.")
            return
        for module in self._modules:
            module.init_optimizer(
                kvstore=kvstore, optimizer=optimizer, optimizer_params=optimizer_params,
                force_init=force_init,
            )  # fmt: skip
        self.optimizer_initialized = True

    def forward(self, data_batch: Any, is_train: bool | None = None) -> None:
        """Compute the outputs of a batch.

        Parameters
        ----------
        data_batch : DataBatch
        is_train : bool, optional
            As in `Module.forward`.
        """
        self._need("binded", "params_initialized")
        batch = copy(data_batch)
        for module in self._modules:
            module.forward(batch, is_train)
            batch.data = module.get_outputs()
            batch.provide_data = [
                (name, x.shape) for name, x in zip(module.output_names, batch.data, strict=True)
            ]

    def backward(self, out_grads: Any = None) -> None:
        """Compute the gradients of the last batch, from the last module to the first.

        Parameters
        ----------
        out_grads : list of NDArray, optional
            Those of the outputs; output layers need none.
        """
        self._need("binded", "params_initialized")
        for module in reversed(self._modules):
            module.backward(out_grads)
            if module is not self._modules[0]:
                out_grads = module.get_input_grads()

    def update(self) -> None:
        """Make a step of each module's optimizer."""
        self._need("binded", "params_initialized", "optimizer_initialized")
        for module in self._modules:
            module.update()

    def get_outputs(self, merge_multi_context: bool = True) -> list[Tensor]:
        """The outputs of the last batch.

        Parameters
        ----------
        merge_multi_context : bool
            Of no effect.
        """
        self._need("binded", "params_initialized")
        return self._modules[-1].get_outputs()

    def get_input_grads(self, merge_multi_context: bool = True) -> list[Tensor]:
        """The gradients of the data of the last batch.

        Parameters
        ----------
        merge_multi_context : bool
            Of no effect.
        """
        self._need("binded", "params_initialized")
        return self._modules[0].get_input_grads()

    def update_metric(self, eval_metric: Any, labels: Any, pre_sliced: bool = False) -> None:
        """Take the last outputs of the modules that take labels into account.

        Parameters
        ----------
        eval_metric, labels, pre_sliced
            As in `Module.update_metric`.
        """
        self._need("binded", "params_initialized")
        for module, meta in zip(self._modules, self._metas, strict=True):
            if meta.get(self.META_TAKE_LABELS):
                module.update_metric(eval_metric, labels, pre_sliced)

    def install_monitor(self, mon: Any) -> None:
        """Have a monitor watch the outputs of all nodes of all modules.

        Parameters
        ----------
        mon : Monitor
        """
        self._need("binded")
        for module in self._modules:
            module.install_monitor(mon)
