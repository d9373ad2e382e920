"""A training step as one plan: forward, loss, backward and update."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import autograd
from ..core.cached_plan import CachedPlan
from ..core.planned_step import PlannedStep
from ..core.tensor import Tensor
from .block import Block
from .block.hybrid import arrays_below, attributes_below, is_plannable
from .block.refusal import tell_refusal
from .block.tree import show, tell_changes
from .trainer import Trainer

__all__ = ["CompiledStep", "compile_step"]

Loss = Callable[[Any, Any], Tensor]


class CompiledStep(PlannedStep):
    """A training step of a network, made by `compile_step`.

    Its ``output`` is what the network gave in the last step, an array or nested list of arrays, for
    metrics; None before the first.

    Attributes
    ----------
    parts : tuple
        The network, the loss and the trainer.

    Examples
    --------
    >>> from microlazy import gluon, nd
    >>> net, metric = gluon.nn.Dense(2, in_units=3), gluon.metric.Accuracy()
    >>> net.initialize()
    >>> trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
    >>> step = gluon.compile_step(net, gluon.loss.SoftmaxCrossEntropyLoss(), trainer)
    >>> label = nd.array([0, 1, 0, 1])
    >>> step(nd.ones((4, 3)), label).shape
    (4,)
    >>> metric.update(label, step.output)
    >>> metric.get()
    ('accuracy', 0.5)
    >>> step
    CompiledStep(
      (net): Dense(3 -> 2, linear)
      (loss): SoftmaxCrossEntropyLoss(batch_axis=0, w=None)
      (trainer): <Trainer: SGD, learning rate 0.1, 2 parameters, 1 update>
      (plans): 1
    )
    """

    def __init__(self, net: Block, loss: Loss, trainer: Trainer) -> None:
        if not isinstance(net, Block):
            raise TypeError(f"compile_step: net must be a Block, not {type(net).__name__}")
        if not callable(loss):
            raise TypeError(f"compile_step: loss must be callable, not {type(loss).__name__}")
        if not isinstance(trainer, Trainer):
            raise TypeError(
                f"compile_step: trainer must be a gluon.Trainer, not {type(trainer).__name__}"
            )
        self.parts = self._net, self._loss, self._trainer = net, loss, trainer
        self._train: Callable[..., Any] | None = None
        for block in (net, loss):
            if isinstance(block, Block):
                tell_changes(block, self)

    def __repr__(self) -> str:
        plans = 0 if self._plan is None else self._plan.count
        return show(
            self, zip(("net", "loss", "trainer", "plans"), (*self.parts, plans), strict=True)
        )

    def _run(self, batch: tuple[Any, ...]) -> tuple[Tensor, Any]:
        return (self._train or self._choose(batch))(*batch)

    def forward_backward(self, *batch: Any) -> tuple[Tensor, Any]:
        """Do all but the update: for code that changes gradients before ``trainer.step()``.

        Parameters
        ----------
        *batch : arrays
            As in a call.

        Returns
        -------
        loss : array
        output : array or nested list of arrays
            What `loss` and `net` gave.

        Examples
        --------
        >>> from microlazy import gluon, nd
        >>> net = gluon.nn.Dense(1, in_units=3)
        >>> net.initialize()
        >>> trainer = gluon.Trainer(net.collect_params(), "sgd")
        >>> step = gluon.compile_step(net, gluon.loss.L2Loss(), trainer)
        >>> loss, output = step.forward_backward(nd.ones((4, 3)), nd.ones((4, 1)))
        >>> loss.shape, output.shape, net.weight.grad().shape
        ((4,), (4, 1), (1, 3))
        """
        self.output = None  # so that its memory can be used again
        return self._run(batch)

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy has a network, a loss and a trainer of its own."""
        return type(self), self.parts

    def _changed(self) -> None:
        self._train = self._plan = None

    def _attribute_written(self) -> None:
        if self._plan is not None:
            self._plan.attribute_written()

    def _choose(self, batch: tuple[Any, ...]) -> Callable[..., Any]:
        if len(batch) < 2:
            raise TypeError(f"a step takes data and a label, but got {len(batch)} of them")
        source = StepSource(self._net, self._loss)
        if is_plannable(self._net) and is_plannable(self._loss):
            self._plan = CachedPlan(source, once=True)
            self._train = self._plan.train
        else:
            self._train = source.train
        return self._train


class StepSource:
    """The network with its loss, as what a plan is made of."""

    def __init__(self, net: Any, loss: Any) -> None:
        self._net, self._loss = net, loss

    def forward(self, *batch: Any) -> tuple[Tensor, Any]:
        output = self._net(*batch[:-1])
        return self._loss(output, batch[-1]), output

    def call(self, batch: tuple[Any, ...]) -> tuple[Tensor, Any]:
        return self.forward(*batch)

    def train(self, *batch: Any) -> tuple[Tensor, Any]:
        """Do without a plan what CachedPlan.train does."""
        with autograd.record():
            loss, output = self.forward(*batch)
        loss.backward()
        return loss, output

    def _blocks(self) -> list[Block]:
        return [part for part in (self._net, self._loss) if isinstance(part, Block)]

    def attributes(self) -> list[Any]:
        return [value for block in self._blocks() for value in attributes_below(block)]

    def arrays(self) -> list[Tensor]:
        return [array for block in self._blocks() for array in arrays_below(block)]

    def refused(self, error: Exception) -> None:
        tell_refusal(error, self._net)


def compile_step(net: Block, loss: Loss, trainer: Trainer) -> CompiledStep:
    """Return a training step of a network as one plan.

    ``step(x, y)`` does what these lines do, to the bit, with next to nothing between the kernels::

        with autograd.record():
            value = loss(net(x), y)
        value.backward()
        trainer.step(value.shape[0])

    The learning rate, its schedule, the parameters' `grad_req` and multipliers apply as they do
    there, and may change between steps. Each new shape, dtype or structure of a batch makes a plan.
    What a plan cannot hold runs eagerly, and warns, as after `hybridize()`; so does a network, or a
    loss, that is not hybrid or has hooks.

    Parameters
    ----------
    net : Block
        The network; it need not be hybridized.
    loss : Block or callable
        Called with what `net` gave and the label; gives one array.
    trainer : Trainer
        Takes the step. Losses that `contrib.amp` scales need a loop of their own.

    Returns
    -------
    CompiledStep
        Called as ``step(x, y)``, or ``step(x1, x2, y, batch_size=2)``.

    Raises
    ------
    TypeError
        If one of them is something else.

    Examples
    --------
    >>> import microlazy as mx
    >>> from microlazy import gluon, nd
    >>> net = gluon.nn.Dense(1)
    >>> net.initialize()
    >>> trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
    >>> step = mx.compile_step(net, gluon.loss.L2Loss(), trainer)
    >>> x, y = nd.array([[1, 2], [3, 4]]), nd.array([3, 7])
    >>> for _ in range(200):
    ...     loss = step(x, y)
    >>> bool(loss.max() < 0.01)
    True
    """
    return CompiledStep(net, loss, trainer)
