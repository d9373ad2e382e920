"""What an Estimator does with a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .... import autograd
from ....context import Context
from ....core.tensor import Tensor
from ...utils import split_and_load

if TYPE_CHECKING:
    from .estimator import Estimator

__all__ = ["BatchProcessor"]

Arrays = list[Tensor]
Result = tuple[Arrays, Arrays, Arrays, Arrays]


class BatchProcessor:
    """Runs the network and the loss on a batch.

    A subclass overrides `fit_batch` and `evaluate_batch` where a batch is more than data and
    labels, or the loss needs more than a prediction and a label.

    Examples
    --------
    >>> from microlazy import gluon, nd
    >>> from microlazy.gluon.contrib.estimator import BatchProcessor, Estimator
    >>> class Doubled(BatchProcessor):
    ...     def fit_batch(self, estimator, train_batch, batch_axis=0):
    ...         data, label = train_batch
    ...         return super().fit_batch(estimator, (2 * data, label), batch_axis)
    >>> net = gluon.nn.Dense(1)
    >>> loss = gluon.loss.L2Loss()
    >>> net.initialize()
    >>> trainer = gluon.Trainer(net.collect_params(), "sgd")
    >>> estimator = Estimator(net, loss, trainer=trainer, batch_processor=Doubled())
    >>> data, *_ = estimator.batch_processor.fit_batch(estimator, (nd.ones((2, 3)), nd.ones(2)))
    >>> data[0].asnumpy().max()
    np.float32(2.0)
    """

    def _get_data_and_label(
        self, batch: Any, ctx: list[Context], batch_axis: int = 0
    ) -> tuple[Arrays, Arrays]:
        data, label = batch[:2]
        return _loaded(data, ctx, batch_axis), _loaded(label, ctx, batch_axis)

    def evaluate_batch(self, estimator: Estimator, val_batch: Any, batch_axis: int = 0) -> Result:
        """Run the validation network and its loss on a batch.

        Parameters
        ----------
        estimator : Estimator
            Whose networks and losses are run.
        val_batch : sequence
            Data and labels.
        batch_axis : int
            The axis along which a batch is divided between contexts.

        Returns
        -------
        tuple of four lists of arrays
            Data, labels, predictions and losses, an array for each context.
        """
        data, label = self._get_data_and_label(val_batch, estimator.context, batch_axis)
        pred = [estimator.val_net(x) for x in data]
        loss = [estimator.val_loss(*pair) for pair in zip(pred, label, strict=True)]
        return data, label, pred, loss

    def fit_batch(self, estimator: Estimator, train_batch: Any, batch_axis: int = 0) -> Result:
        """Run the network and its loss on a batch, and go back to the gradients.

        A hybridized network does it from one plan; see `gluon.compile_step`.

        Parameters
        ----------
        estimator, batch_axis
            As in `evaluate_batch`.
        train_batch : sequence
            Data and labels.

        Returns
        -------
        tuple of four lists of arrays
            As in `evaluate_batch`.
        """
        data, label = self._get_data_and_label(train_batch, estimator.context, batch_axis)
        step = estimator.compiled_step()
        if step is not None and len(data) == 1:
            loss, pred = step.forward_backward(data[0], label[0])
            return data, label, [pred], [loss]
        with autograd.record():
            preds = [estimator.net(x) for x in data]
            losses = [estimator.loss(*pair) for pair in zip(preds, label, strict=True)]
        for part in losses:
            part.backward()
        return data, label, preds, losses


def _loaded(part: Any, ctx: list[Context], batch_axis: int) -> Arrays:
    if len(ctx) == 1 and isinstance(part, Tensor) and part.context == ctx[0]:
        return [part]  # there is nothing to divide
    return split_and_load(part, ctx, batch_axis)
