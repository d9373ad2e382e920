"""The Trainer: one step of an optimizer on all parameters."""

from __future__ import annotations

import copy
import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy

from .. import autograd
from .. import optimizer as opt
from ..core.optimizers import convert, mark_used, stale
from ..core.planning import generation
from ..core.tensor import Tensor
from ..core.training import TrainerSteps, as_number
from ..foreign import TRAINER, give_hints
from ..kvstore import KVStore, create
from ..kvstore.gradients import GradientSum
from ..kvstore.workers import Workers
from ..optimizer.base import zeros_like
from ..optimizer.group import Group, RuleGroup
from ..params_file import write_atomically
from .block import Block
from .parameter import Parameter, ParameterDict
from .trainer_attributes import TrainerAttributes

__all__ = ["Trainer"]


class Trainer(TrainerSteps, TrainerAttributes):
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
    kvstore : str or KVStore, optional
        'device' or 'local': gradients are summed over the contexts of a parameter. 'dist_sync':
        over all workers too, the processes that MPI started. None: each copy of a parameter is
        updated by its own gradient.
    compression_params : dict, optional
        ``{'type': 'fp16'}``: with 'dist_sync', gradients travel as float16. Of no effect otherwise,
        as nothing is sent.
    update_on_kvstore : bool, optional
        With parameters on several contexts: whether `step` leaves the gradients as they are, and
        `allreduce_grads` and `update` cannot be called alone. True by default if there is a store.
        With 'dist_sync' gradients are always replaced by their sums; True has `allreduce_grads` and
        `update` refused, and the default is False.

    Raises
    ------
    ValueError
        If `params` is not made of parameters or has none, or the optimizer or store is unknown.
    TypeError
        If `optimizer_params` is not a dict, or names an argument that the optimizer does not have.
    RuntimeError
        If a parameter has not been initialized, or there is no such store.
    AssertionError
        If the parameters are not all on the same contexts.

    Notes
    -----
    With 'dist_sync' every worker makes its Trainer, and the same steps, at the same time.  The
    parameters get the values that they have in worker 0: now, or when their sizes are found.  Each
    worker updates its own, by the same sums.

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
    >>> trainer
    <Trainer: SGD, learning rate 0.1, 2 parameters, 200 updates>
    """

    def __init__(
        self,
        params: ParameterDict | Mapping[str, Parameter] | Sequence[Parameter],
        optimizer: str | opt.Optimizer,
        optimizer_params: Mapping[str, Any] | None = None,
        kvstore: str | KVStore | None = "device",
        compression_params: Mapping[str, Any] | None = None,
        update_on_kvstore: bool | None = None,
    ):
        self._params = _checked_params(params)
        if not isinstance(kvstore, (str, KVStore, type(None))):
            raise TypeError(f"kvstore must be KVStore, str or None, not {kvstore!r}")
        if isinstance(kvstore, str):
            kvstore = create(kvstore)
        if update_on_kvstore and kvstore is None:
            raise ValueError("update_on_kvstore=True needs a kvstore, such as 'device'")
        if not isinstance(compression_params, (Mapping, type(None))):
            raise TypeError(f"compression_params is a dict, not {compression_params!r}")
        self._has_store = kvstore is not None
        self._on_store = self._has_store if update_on_kvstore is None else bool(update_on_kvstore)
        self._refuses_own_updates = self._on_store
        self._kvstore = kvstore
        self._workers = _several_workers(kvstore)
        if self._workers is not None:
            self._on_store, self._refuses_own_updates = False, bool(update_on_kvstore)
            if compression_params and isinstance(kvstore, KVStore):
                kvstore.set_gradient_compression(dict(compression_params))
        if not isinstance(optimizer_params, (Mapping, type(None))):
            raise TypeError(
                "optimizer_params is a dict such as {'learning_rate': 0.1}, not "
                f"{optimizer_params!r}"
            )
        self._contexts = _common_contexts(self._params)
        self._has_copies = len(self._contexts) > 1
        self._param2idx = {param.name: i for i, param in enumerate(self._params)}
        param_dict = self._param_dict()
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
        self._amp_loss_scaler = None  # contrib.amp sets these two
        self._amp_original_scale = self._scale
        self._updater = opt.get_updater(optimizer)
        self._sums: GradientSum | None = None  # over workers
        self._forget_arrays()
        self._share_first_values(self._params)

    def __repr__(self) -> str:
        optimizer, count = self._optimizer, len(self._params)
        scheduler, updates = optimizer.lr_scheduler, optimizer.num_update
        rate = optimizer.lr if scheduler is None else type(scheduler).__name__
        return (
            f"<{type(self).__name__}: {type(optimizer).__name__}, learning rate {rate}, "
            f"{count} parameter{'s' * (count != 1)}, {updates} update{'s' * (updates != 1)}>"
        )

    def _share_first_values(self, params: list[Parameter]) -> None:
        """Have parameters take the values of worker 0."""
        if self._workers is not None:
            for param in params:
                param.share_first_values(functools.partial(_broadcast, self._workers))

    def _forget_arrays(self) -> None:
        self._generation = -1  # of the parameters, when the group was made
        self._group: Group | None = None
        self._early = None  # the same, for steps without Python
        self._copies: list[list[Tensor]] = []  # of each parameter that is learnt

    def _param_dict(self) -> dict[Any, Parameter]:
        """The parameters by index; a further copy has the index of the first and its own number."""
        others = range(1, len(self._contexts))
        return dict(enumerate(self._params)) | {
            (i, k): param for i, param in enumerate(self._params) for k in others
        }

    def __getstate__(self) -> dict[str, Any]:
        """What copy.deepcopy() and pickle keep: all but the arrays of these parameters."""
        return (
            vars(self)
            | dict.fromkeys(("_group", "_early", "_sums", "_workers"))
            | {"_generation": -1, "_copies": []}
            | {"_scale": self._scale, "_amp_loss_scaler": self._amp_loss_scaler}
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
        self._workers = _several_workers(self._kvstore)
        self._optimizer.param_dict = self._param_dict()
        self._share_first_values([param for param in self._params if param.state != "live"])

    @property
    def rank(self) -> int:
        """The number of this worker: 0, unless the store is of several processes."""
        return 0 if self._workers is None else self._workers.rank

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
            Above zero; 1 when the loss is a mean already. Over several workers the size of all
            their parts together, or the number of workers when each loss is a mean.
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
        if not self._step_at_once(batch_size):
            self._step(batch_size, ignore_stale_grad, reduce=True)

    def _step(self, batch_size: float, ignore_stale_grad: bool, reduce: bool) -> None:
        """Check, sum the gradients of all contexts if asked to, update, mark gradients as used."""
        number = as_number(batch_size)
        group = self._collect()
        unused = self._unused(group)
        if unused and not ignore_stale_grad:
            self._refuse(group, unused)
        if self._workers is not None and reduce:  # first, so that all see the same overflow
            unused = self._sum_over_workers(group, only_new=True)
        if self._amp_loss_scaler is not None and self._amp_loss_scaler.has_overflow(self._params):
            for copies in self._copies:
                mark_used(copies)
            return
        self._optimizer.rescale_grad = self._scale / number
        if self._has_copies and reduce and self._has_store and self._workers is None:
            self._sum(group, only_new=True)
            count, several = len(self._copies), len(self._contexts)
            unused = [i for i in unused if len(stale(self._copies[i % count])) == several]
        (group.without(unused) if unused else group).update()
        if self._has_copies and self._on_store:
            for copies in self._copies:
                convert(copies[1:], [copies[0]] * (len(copies) - 1))
                mark_used(copies)
        else:
            mark_used(group.weights)

    def allreduce_grads(self) -> None:
        """Replace each gradient by its sum over contexts and workers; if there are several.

        Raises
        ------
        AssertionError
            If there are several contexts, and `update_on_kvstore` is not False; or several workers,
            and it is True.

        Examples
        --------
        >>> import microlazy as mx
        >>> from microlazy import gluon
        >>> w = gluon.Parameter("w", shape=(1,), init="ones")
        >>> w.initialize(ctx=[mx.cpu(0), mx.cpu(1)])
        >>> trainer = gluon.Trainer([w], "sgd", update_on_kvstore=False)
        >>> for grad in w.list_grad():
        ...     grad[:] = 2
        >>> trainer.allreduce_grads()
        >>> [grad.asscalar().item() for grad in w.list_grad()]
        [4.0, 4.0]
        """
        self._need_own_updates("allreduce_grads")
        group = self._collect()
        if self._workers is not None:
            self._sum_over_workers(group, only_new=False)
        elif self._has_copies and self._has_store:
            self._sum(group, only_new=False)

    def _need_own_updates(self, method: str) -> None:
        several = self._has_copies or self._workers is not None
        if several and self._refuses_own_updates:
            raise AssertionError(
                f"{method}() when parameters are updated on kvstore is not supported. Try setting "
                "`update_on_kvstore` to False when creating trainer."
            )

    def update(self, batch_size: float, ignore_stale_grad: bool = False) -> None:
        """Do what `step` does, but sum no gradients: for code that calls `allreduce_grads` first.

        Parameters
        ----------
        batch_size, ignore_stale_grad
            As in `step`.

        Raises
        ------
        AssertionError
            As for `allreduce_grads`.

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
        self._need_own_updates("update")
        self._step(batch_size, ignore_stale_grad, reduce=False)

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
        for i, p in enumerate(self._params):  # what is frozen now may have been trained before
            if p.grad_req == "null" and p.state == "live":
                weights[i] = p.list_data()[0]
        with open(path, "rb") as file:
            states = file.read()
        self._updater.set_states(states, weights, repr(path))
        self._optimizer.param_dict = self._param_dict()
        self._forget_arrays()

    def _collect(self) -> Group:
        """Look up the weights, gradients and states once, for all steps until one is replaced."""
        now = generation()
        if self._group is None or self._generation != now:
            live = [(i, p.list_data()) for i, p in enumerate(self._params) if p.grad_req != "null"]
            self._contexts = _common_contexts(self._params)
            self._has_copies = len(self._contexts) > 1
            self._copies = [copies for _, copies in live]
            indices: list[Any] = [i for i, _ in live]
            weights = [copies[0] for copies in self._copies]
            if self._has_copies and self._on_store:
                grads = [zeros_like(weight) for weight in weights]  # for the sums
            else:
                for k in range(1, len(self._contexts)):
                    self._follow_first(live, k)
                    indices += [(i, k) for i, _ in live]
                    weights += [copies[k] for copies in self._copies]
                grads = [weight.grad for weight in weights]
            self._group = self._updater.group(indices, grads, weights)
            self._generation = now
            self._early = self._early_group(self._group)
            if self._workers is not None:
                self._bind_sums(grads[: len(live)])
        return self._group

    def _early_group(self, group: Group) -> RuleGroup | None:
        """The group, if its step may be made while a backward pass goes on: `step` is no more."""
        overridden = (type(self).step, type(self)._step) != (Trainer.step, Trainer._step)
        if overridden or "step" in vars(self) or self._has_copies or self._workers is not None:
            return None
        return group if isinstance(group, RuleGroup) and group.moves_early() else None

    def _bind_sums(self, grads: list[Tensor]) -> None:
        """Have these gradients summed over the workers, each as soon as it is final."""
        assert self._workers is not None
        if self._sums is None:
            self._sums = GradientSum(self._workers, getattr(self._kvstore, "half", False))
        written_once = not any(param.grad_req == "add" for param in self._params)
        self._sums.bind(grads, ahead=written_once and not self._has_copies)

    def _follow_first(self, live: list[tuple[int, list[Tensor]]], k: int) -> None:
        """Give the k-th copies, where they have none, the states and counts of the first."""
        states, counts = self._updater.states, self._optimizer._index_update_count
        for i, _ in live:
            if i in states and (i, k) not in states:
                states[i, k] = copy.deepcopy(states[i])
                if i in counts:
                    counts[i, k] = counts[i]

    def _unused(self, group: Group) -> list[int]:
        """Places in the group of weights without a new gradient, on any of their contexts."""
        if not (self._has_copies and self._on_store):
            return stale(group.weights)
        return [i for i, copies in enumerate(self._copies) if stale(copies)]

    def _sum(self, group: Group, only_new: bool) -> None:
        """Sum the gradients over the contexts: into the group's, or into all of them."""
        with autograd.pause():
            for i, copies in enumerate(self._copies):
                old = stale(copies) if only_new else []
                grads = [each.grad for k, each in enumerate(copies) if k not in old]
                if not grads:
                    continue
                total = group.grads[i] if self._on_store else grads[0]
                if total is not grads[0]:
                    convert([total], [grads[0]])
                for grad in grads[1:]:
                    total += grad
                if not self._on_store:
                    others = [each.grad for each in copies if each.grad is not total]
                    convert(others, [total] * len(others))

    def _sum_over_workers(self, group: Group, only_new: bool) -> list[int]:
        """Sum the gradients over contexts and workers; the places that have a new one nowhere."""
        assert self._sums is not None
        if self._has_copies:
            self._sum(group, only_new)
        count, several = len(self._copies), len(self._contexts)
        old = [i for i, copies in enumerate(self._copies) if len(stale(copies)) == several]
        unused = self._sums.run(old)
        for copies in self._copies if several > 1 else ():
            convert([each.grad for each in copies[1:]], [copies[0].grad] * (several - 1))
        for i in set(old).difference(unused):
            for each in self._copies[i]:
                each.fresh_grad = True
        return [i + k * count for k in range(several) for i in unused]

    def whole_batch(self, size: float) -> float:
        """The size of a batch, of which every worker has a part: what to divide gradients by.

        Every worker calls it, with the size of its part.

        Parameters
        ----------
        size : number

        Returns
        -------
        number
            `size` itself, where there is one worker.

        Examples
        --------
        >>> from microlazy import gluon
        >>> net = gluon.nn.Dense(1, in_units=2)
        >>> net.initialize()
        >>> gluon.Trainer(net.collect_params(), "sgd").whole_batch(32)
        32
        """
        if self._workers is None:
            return size
        sizes = numpy.array([size], "float64")
        self._workers.sum(sizes, "the size of a batch")
        return float(sizes[0])

    def _refuse(self, group: Group, places: list[int]) -> None:
        index = self._optimizer.param_dict
        names = ", ".join(dict.fromkeys(f"`{index[group.indices[i]].name}`" for i in places))
        first = group.weights[places[0]]
        if self._has_copies and self._on_store:
            first = self._copies[places[0]][stale(self._copies[places[0]])[0]]
        raise UserWarning(
            f"Gradient of Parameter {names} on context {first.context} has not "
            "been updated by backward since last `step`. Either backward() was not called, or the "
            "loss does not depend on all parameters. If that is meant, call step with "
            "ignore_stale_grad=True: it updates only the parameters with a new gradient"
        )


def _several_workers(kvstore: KVStore | None) -> Workers | None:
    """All processes that train together, if there are several."""
    workers = getattr(kvstore, "workers", None)
    return None if workers is None or workers.size == 1 else workers


def _broadcast(workers: Workers, param: Parameter, values: Tensor) -> None:
    """Replace values by those of worker 0."""
    workers.broadcast(numpy.asarray(values), f"the first values of `{param.name}`")


give_hints(Trainer, TRAINER)


def _common_contexts(params: list[Parameter]) -> list[Any]:
    """The contexts of all parameters; refuses, by name, one that was not initialized."""
    first = params[0].list_ctx()
    for param in params:
        contexts = param.list_ctx()
        if contexts != first:
            raise AssertionError(
                "All Parameters must be initialized on the same set of contexts, but Parameter "
                f"{param.name} is initialized on {contexts} while previous Parameters are "
                f"initialized on {first}."
            )
    return first


def _checked_params(params: Any) -> list[Parameter]:
    if isinstance(params, (Mapping, ParameterDict)):
        params = [params[name] for name in sorted(params.keys())]
    if not isinstance(params, (list, tuple)):
        hint = ": give its collect_params()" if isinstance(params, Block) else ""
        raise ValueError(f"params must be a list or dict of Parameters, got {type(params)}{hint}")
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
