"""The Trainer: one step of an optimizer on all parameters."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from .. import optimizer as opt
from ..core.optimizers import mark_used, stale
from ..core.plan import generation
from ..core.tensor import Tensor
from ..optimizer.group import Group
from ..params_file import write_atomically
from .parameter import Parameter, ParameterDict

__all__ = ["Trainer"]


class Trainer:
    """Updates a set of parameters by the gradients that a backward pass left in them.

    Parameters
    ----------
    params : ParameterDict, dict, list or tuple of Parameter
        What to update; a dict is taken in the order of its sorted names. A parameter that is
        there twice counts once. All must have been initialized, or wait for their first forward.
    optimizer : str or Optimizer
        The optimizer, or its name.
    optimizer_params : dict, optional
        Arguments for an optimizer given by name, as ``{'learning_rate': 0.1}``.
    kvstore : str, optional
        Accepted as in MXNet: with one process and one device there is nothing to exchange.
    compression_params : dict, optional
        Accepted as in MXNet: nothing is exchanged, so nothing is compressed.
    update_on_kvstore : bool, optional
        None or False; there is no store that could update.

    Raises
    ------
    ValueError
        If `params` is not made of parameters or has none, the optimizer is unknown, or several
        processes are asked for.
    TypeError
        If `optimizer_params` is not a dict, or names an argument that the optimizer does not have.
    RuntimeError
        If a parameter has not been initialized.

    Examples
    --------
    >>> from microlazy import autograd, gluon, nd
    >>> net = gluon.nn.Dense(1)
    >>> net.initialize()
    >>> trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
    >>> x, y = nd.array([[1, 2], [3, 4]]), nd.array([3, 7])
    >>> for _ in range(200):
    ...     with autograd.record():
    ...         loss = gluon.loss.L2Loss()(net(x), y)
    ...     loss.backward()
    ...     trainer.step(batch_size=2)
    >>> bool(loss.max() < 0.01)
    True
    """

    def __init__(
        self,
        params: ParameterDict | Mapping[str, Parameter] | Sequence[Parameter],
        optimizer: str | opt.Optimizer,
        optimizer_params: Mapping[str, Any] | None = None,
        kvstore: str | None = "device",
        compression_params: Mapping[str, Any] | None = None,
        update_on_kvstore: bool | None = None,
    ):
        self._params = _checked_params(params)
        if isinstance(kvstore, str) and kvstore.startswith(("dist", "p3", "horovod", "byteps")):
            raise ValueError(f"kvstore={kvstore!r} is for several processes; microlazy has one")
        if update_on_kvstore:
            raise ValueError("update_on_kvstore=True: there is no store here; leave it out")
        if not isinstance(optimizer_params, (Mapping, type(None))):
            raise TypeError(
                "optimizer_params is a dict such as {'learning_rate': 0.1}, not "
                f"{optimizer_params!r}"
            )
        for param in self._params:
            param.list_ctx()  # refuses, by name, one that was not initialized
        self._param2idx = {param.name: i for i, param in enumerate(self._params)}
        param_dict = dict(enumerate(self._params))
        if isinstance(optimizer, opt.Optimizer):
            if optimizer_params:
                raise ValueError(
                    "optimizer_params must be None if optimizer is an Optimizer and not a str; "
                    f"got {optimizer_params!r}"
                )
            optimizer.param_dict = param_dict
        else:
            optimizer = opt.create(optimizer, param_dict=param_dict, **(optimizer_params or {}))
        self._optimizer = optimizer
        self._scale = optimizer.rescale_grad
        self._updater = opt.get_updater(optimizer)
        self._forget_arrays()

    def _forget_arrays(self) -> None:
        self._generation: int | None = None  # of the parameters, when the group was made
        self._group: Group | None = None

    def __getstate__(self) -> dict[str, Any]:
        """What copy.deepcopy() and pickle keep: all but the arrays of these parameters."""
        return vars(self) | {"_generation": None, "_group": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._optimizer.param_dict = dict(enumerate(self._params))

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        return self._optimizer.learning_rate

    @property
    def optimizer(self) -> opt.Optimizer:
        """The optimizer, with its numbers and counts."""
        return self._optimizer

    def set_learning_rate(self, lr: float) -> None:
        """Set the learning rate.

        Raises
        ------
        UserWarning
            If a scheduler decides the learning rate.

        Examples
        --------
        >>> from microlazy import gluon
        >>> net = gluon.nn.Dense(1, in_units=2)
        >>> net.initialize()
        >>> trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
        >>> trainer.set_learning_rate(0.05)
        >>> trainer.learning_rate
        0.05
        """
        self._optimizer.set_learning_rate(lr)

    def step(self, batch_size: float, ignore_stale_grad: bool = False) -> None:
        """Update every parameter once, by its gradient divided by `batch_size`.

        Parameters
        ----------
        batch_size : number
            Above zero; 1 when the loss is a mean already.
        ignore_stale_grad : bool
            Leave alone the parameters that no backward pass has written to since the last step,
            instead of refusing.

        Raises
        ------
        UserWarning
            If there are such parameters; the message names them, and nothing is updated.
        DeferredInitializationError
            If a parameter still waits for its first forward pass.
        ValueError, TypeError
            If `batch_size` is not above zero, or not a number.

        Examples
        --------
        >>> from microlazy import autograd, gluon, nd
        >>> w = gluon.Parameter("w", shape=(2,), init="ones")
        >>> w.initialize()
        >>> trainer = gluon.Trainer([w], "sgd", {"learning_rate": 1.0})
        >>> with autograd.record():
        ...     loss = (w.data() * nd.array([1, 3])).sum()
        >>> loss.backward()
        >>> trainer.step(4)
        >>> w.data().asnumpy()
        array([0.75, 0.25], dtype=float32)
        """
        number = _as_number(batch_size)
        group = self._collect()
        unused = stale(group.weights)
        if unused and not ignore_stale_grad:
            self._refuse(group, unused)
        self._optimizer.rescale_grad = self._scale / number
        (group.without(unused) if unused else group).update()
        mark_used(group.weights)

    def allreduce_grads(self) -> None:
        """Sum each gradient over the devices: with one device, nothing is to be done.

        Examples
        --------
        >>> from microlazy import gluon
        >>> net = gluon.nn.Dense(1, in_units=2)
        >>> net.initialize()
        >>> gluon.Trainer(net.collect_params(), "sgd").allreduce_grads()
        """
        self._collect()

    def update(self, batch_size: float, ignore_stale_grad: bool = False) -> None:
        """Do what `step` does; for code that calls `allreduce_grads` first.

        Parameters
        ----------
        batch_size, ignore_stale_grad
            As in `step`.

        Examples
        --------
        >>> from microlazy import autograd, gluon, nd
        >>> net = gluon.nn.Dense(1, in_units=2)
        >>> net.initialize()
        >>> trainer = gluon.Trainer(net.collect_params(), "sgd")
        >>> with autograd.record():
        ...     loss = net(nd.ones((1, 2)))
        >>> loss.backward()
        >>> trainer.allreduce_grads()
        >>> trainer.update(batch_size=1)
        """
        self.step(batch_size, ignore_stale_grad)

    def save_states(self, fname: str | os.PathLike) -> None:
        """Save what the optimizer remembers (momenta, counts, learning rate, schedule) to a file.

        The `lr_mult` and `wd_mult` of parameters are not saved. The file appears whole or not at
        all, and holds data only.

        Parameters
        ----------
        fname : str or path
            Where to write.

        Examples
        --------
        >>> import os, tempfile
        >>> from microlazy import gluon
        >>> path = os.path.join(tempfile.mkdtemp(), "trainer.states")
        >>> net = gluon.nn.Dense(1, in_units=2)
        >>> net.initialize()
        >>> gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.5}).save_states(path)
        >>> trainer = gluon.Trainer(net.collect_params(), "sgd")
        >>> trainer.load_states(path)
        >>> trainer.learning_rate
        0.5
        """
        self._collect()
        write_atomically(os.fspath(fname), self._updater.pieces(dump_optimizer=True))

    def load_states(self, fname: str | os.PathLike) -> None:
        """Continue from what `save_states` wrote, bit for bit.

        Parameters
        ----------
        fname : str or path
            The file. It must come from the same kind of optimizer and scheduler, and from
            parameters of the same shapes in the same order; their names do not matter.

        Raises
        ------
        MXNetError
            If the file is anything else. Nothing is changed then.
        OSError
            If the file cannot be read.

        Examples
        --------
        >>> import os, tempfile
        >>> from microlazy import gluon, nd
        >>> path = os.path.join(tempfile.mkdtemp(), "net.params")
        >>> nd.save(path, {"weight": nd.ones(3)})
        >>> net = gluon.nn.Dense(1, in_units=2)
        >>> net.initialize()
        >>> try:
        ...     gluon.Trainer(net.collect_params(), "sgd").load_states(path)
        ... except RuntimeError as error:
        ...     print(str(error).split(": ")[1])
        it holds arrays, but not the states of an optimizer
        """
        path = os.fspath(fname)
        group = self._collect()
        weights = dict(zip(group.indices, group.weights, strict=True))
        with open(path, "rb") as file:
            states = file.read()
        self._updater.set_states(states, weights, repr(path))
        self._forget_arrays()

    def _collect(self) -> Group:
        """Look up the weights, gradients and states once, for all steps until one is replaced."""
        now = generation()
        if self._group is None or self._generation != now:
            live = [(i, p.data()) for i, p in enumerate(self._params) if p.grad_req != "null"]
            weights = [weight for _, weight in live]
            grads = [weight.grad for weight in weights]
            self._group = self._updater.group([i for i, _ in live], grads, weights)
            self._generation = now
        return self._group

    def _refuse(self, group: Group, places: list[int]) -> None:
        names = ", ".join(f"`{self._params[group.indices[i]].name}`" for i in places)
        raise UserWarning(
            f"Gradient of Parameter {names} on context {group.weights[places[0]].context} has not "
            "been updated by backward since last `step`. Either backward() was not called, or the "
            "loss does not depend on all parameters. If that is meant, call step with "
            "ignore_stale_grad=True: it updates only the parameters with a new gradient"
        )


def _checked_params(params: Any) -> list[Parameter]:
    if isinstance(params, (Mapping, ParameterDict)):
        params = [params[name] for name in sorted(params.keys())]
    if not isinstance(params, (list, tuple)):
        raise ValueError(f"params must be a list or dict of Parameters, got {type(params)}")
    for param in params:
        if not isinstance(param, Parameter):
            raise ValueError(
                f"params must be a list or dict of Parameters, got one of {type(param)}"
            )
    if not params:
        raise ValueError(
            "params has no Parameter, so there is nothing to train: give net.collect_params(), "
            "which has those of all layers (net.params has only those of `net` itself), and see "
            "that what you select from it finds some"
        )
    return list(dict.fromkeys(params))


def _as_number(batch_size: Any) -> float:
    """The size of a batch as a float, above zero."""
    if isinstance(batch_size, Tensor) and batch_size.size != 1:
        raise TypeError(
            f"batch_size must be a number, not an array of shape {batch_size.shape}; the number of "
            "examples is its shape[0]"
        )
    try:
        number = float(batch_size) if not isinstance(batch_size, str) else None
    except OverflowError:
        raise ValueError(
            f"batch_size is larger than any float: a number of {batch_size.bit_length()} bits"
        ) from None
    except (TypeError, ValueError):
        number = None
    if number is None:
        raise TypeError(f"batch_size must be a number, not {batch_size!r}")
    if not number > 0:
        raise ValueError(f"batch_size must be above zero, not {batch_size}")
    return number
