"""PythonModule: what Python code computes, as a module; PythonLossModule: a loss of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from microlazy import ndarray as nd
from microlazy.core.tensor import Tensor
from microlazy.module.base_module import DEFAULT, BaseModule

__all__ = ["PythonLossModule", "PythonModule"]


class PythonModule(BaseModule):
    """A module without parameters, whose subclass computes in Python.

    Parameters
    ----------
    data_names, label_names, output_names : sequence of str
        What batches give, and what it gives; `label_names` may be None.
    logger : logging.Logger

    Notes
    -----
    A subclass has `forward`, `backward`, `get_outputs`, `get_input_grads`, and
    ``_compute_output_shapes()``, which gives (name, shape) of each output.

    Examples
    --------
    >>> import microlazy as mx
    >>> class Doubled(mx.mod.PythonModule):
    ...     def _compute_output_shapes(self):
    ...         return [("doubled_output", self.data_shapes[0][1])]
    ...     def forward(self, data_batch, is_train=None):
    ...         self._outputs = [data_batch.data[0] * 2]
    ...     def get_outputs(self, merge_multi_context=True):
    ...         return self._outputs
    >>> model = Doubled(["data"], None, ["doubled_output"])
    >>> model.bind([("data", (2,))])
    >>> model.forward(mx.io.DataBatch([mx.nd.ones((2,))]))
    >>> model.get_outputs()[0].asnumpy()
    array([2., 2.], dtype=float32)
    """

    def __init__(
        self,
        data_names: Sequence[str],
        label_names: Sequence[str] | None,
        output_names: Sequence[str],
        logger: Any = logging,
    ) -> None:
        super().__init__(logger)
        self._data_names, self._output_names = list(data_names), list(output_names)
        self._label_names = None if label_names is None else list(label_names)
        self._data_shapes: Any = None
        self._label_shapes: Any = None
        self._output_shapes: Any = None

    @property
    def data_names(self) -> list[str]:
        """The names of a batch's data."""
        return self._data_names

    @property
    def output_names(self) -> list[str]:
        """The names of the outputs."""
        return self._output_names

    @property
    def data_shapes(self) -> Any:
        """The names and shapes of a batch's data; None before `bind`."""
        return self._data_shapes

    @property
    def label_shapes(self) -> Any:
        """The names and shapes of a batch's labels; None if there are none."""
        return self._label_shapes

    @property
    def output_shapes(self) -> Any:
        """The names and shapes of the outputs."""
        return self._output_shapes

    def _compute_output_shapes(self) -> list[tuple[str, tuple[int, ...]]]:
        """The names and shapes of the outputs; a subclass has it."""
        raise NotImplementedError(f"{type(self).__name__} has no _compute_output_shapes()")

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
        """Learn the shapes of batches.

        Parameters
        ----------
        data_shapes, label_shapes, for_training, inputs_need_grad, force_rebind
            As in `Module.bind`.
        shared_module
            Of no effect: there are no parameters.
        grad_req : {"write"}
            Gradients are not added up.

        Raises
        ------
        AssertionError
            If the names are not the module's.
        """
        if self.binded and not force_rebind:
            self.logger.warning("Already bound, ignoring bind()")
            return
        if grad_req != "write":
            raise AssertionError("Python module only support write gradient")
        for shapes, names, what in (
            (data_shapes, self._data_names, "data_shapes"),
            (label_shapes, self._label_names, "label_shapes"),
        ):
            given = None if shapes is None else [desc[0] for desc in shapes]
            if given is not None and given != names:
                raise AssertionError(f"{what} names {given}, but this module has {names}")
        self.for_training, self.inputs_need_grad = for_training, inputs_need_grad
        self._data_shapes, self._label_shapes = data_shapes, label_shapes
        self._output_shapes = self._compute_output_shapes()
        self.binded = self.params_initialized = True

    def init_params(self, initializer: Any = DEFAULT, **options: Any) -> None:
        """Do nothing: there are no parameters.

        Parameters
        ----------
        initializer, **options
            As in `Module.init_params`.
        """

    def init_optimizer(self, **options: Any) -> None:
        """Do nothing: there are no parameters.

        Parameters
        ----------
        **options
            As in `Module.init_optimizer`.
        """

    def get_params(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Two empty dicts: there are no parameters."""
        return {}, {}

    def update(self) -> None:
        """Do nothing: there are no parameters."""

    def update_metric(self, eval_metric: Any, labels: Any, pre_sliced: bool = False) -> None:
        """Take the last outputs into account, if the module has labels.

        Parameters
        ----------
        eval_metric, labels
            As in `Module.update_metric`.
        pre_sliced : bool
            Of no effect.
        """
        if self._label_shapes is not None:
            eval_metric.update(labels, self.get_outputs())


class PythonLossModule(PythonModule):
    """A loss whose gradient Python code computes; its outputs are its inputs.

    Parameters
    ----------
    name : str
        Its output is called ``name_output``.
    data_names, label_names : sequence of str
        One name each.
    logger : logging.Logger
    grad_func : callable, optional
        ``grad_func(scores, labels)`` gives the gradient of the loss by the scores; or a subclass
        has ``_backward_impl``, which sets ``_scores_grad``.

    Raises
    ------
    AssertionError
        If there are several names, or `grad_func` cannot be called.

    Examples
    --------
    >>> import microlazy as mx
    >>> model = mx.mod.PythonLossModule(grad_func=lambda scores, labels: scores - labels)
    >>> model.bind([("data", (2,))], [("softmax_label", (2,))])
    >>> model.forward(mx.io.DataBatch([mx.nd.array([3, 4])], [mx.nd.array([1, 1])]))
    >>> model.backward()
    >>> model.get_input_grads()[0].asnumpy()
    array([2., 3.], dtype=float32)
    """

    def __init__(
        self,
        name: str = "pyloss",
        data_names: Sequence[str] = ("data",),
        label_names: Sequence[str] = ("softmax_label",),
        logger: Any = logging,
        grad_func: Callable[[Any, Any], Any] | None = None,
    ) -> None:
        super().__init__(data_names, label_names, [f"{name}_output"], logger)
        if len(data_names) != 1 or len(label_names) != 1:
            raise AssertionError(f"a loss has one name each, not {data_names} and {label_names}")
        if grad_func is not None and not callable(grad_func):
            raise AssertionError(f"grad_func must be a function, not {grad_func!r}")
        self._grad_func = grad_func
        self._scores: Any = None
        self._labels: Any = None
        self._scores_grad: Any = None

    def _compute_output_shapes(self) -> list[tuple[str, tuple[int, ...]]]:
        return [(self._output_names[0], self._data_shapes[0][1])]

    def forward(self, data_batch: Any, is_train: bool | None = None) -> None:
        """Keep the scores, and in training the labels.

        Parameters
        ----------
        data_batch : DataBatch
        is_train : bool, optional
            What `bind` was told, if left out.
        """
        self._scores = data_batch.data[0]
        if self.for_training if is_train is None else is_train:
            self._labels = data_batch.label[0]

    def get_outputs(self, merge_multi_context: bool = True) -> list[Tensor]:
        """The scores.

        Parameters
        ----------
        merge_multi_context : bool
            Of no effect.
        """
        return [self._scores]

    def backward(self, out_grads: Any = None) -> None:
        """Compute the gradient of the scores.

        Parameters
        ----------
        out_grads : None
            A loss takes none.

        Raises
        ------
        AssertionError
            If some are given, or `bind` was not told to train.
        """
        if out_grads is not None:
            raise AssertionError("For a loss module, out_grads should be None")
        if not self.for_training:
            raise AssertionError("backward: bind with for_training=True before")
        self._backward_impl()

    def _backward_impl(self) -> None:
        """Set the gradient of the scores; a subclass without `grad_func` has it."""
        if self._grad_func is None:
            raise NotImplementedError(f"{type(self).__name__} has no grad_func")
        gradient = self._grad_func(self._scores, self._labels)
        self._scores_grad = gradient if isinstance(gradient, Tensor) else nd.array(gradient)

    def get_input_grads(self, merge_multi_context: bool = True) -> list[Tensor]:
        """The gradient of the scores.

        Parameters
        ----------
        merge_multi_context : bool
            Of no effect.
        """
        return [self._scores_grad]
