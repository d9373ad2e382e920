"""Training steps by a plan with nothing of Python between their parts."""

cimport cython
from microlazy.core.optimizers.steps cimport RuleSteps


@cython.auto_pickle(False)
cdef class PlannedStep:
    """
    A training step: the passes by a plan, which moves the weights if the result is the same.

    Attributes
    ----------
    output : array or nested list of arrays
        What the network gave in the last step, for metrics; None before the first.

    Examples
    --------
    >>> from microlazy import gluon
    >>> from microlazy.core.planned_step import PlannedStep
    >>> issubclass(gluon.CompiledStep, PlannedStep)
    True
    """

    def __call__(self, *batch, batch_size=None):
        """Make one step.

        Parameters
        ----------
        *batch : arrays
            What the network takes, and last the label.
        batch_size : number, optional
            By which gradients are divided, as in `Trainer.step`; by default the number of losses
            that `loss` gave, in all workers: of rows, or 1 if it is a mean of all.

        Returns
        -------
        array
            What `loss` gave, before the update.

        Raises
        ------
        TypeError
            If there is no label.
        """
        cdef TrainerSteps trainer = self._trainer
        cdef RuleSteps group = trainer._early if trainer.is_ready() else None
        cdef bint moved = False
        self.output = None            # so that its memory can be used again
        if self._plan is None:
            loss, self.output = self._run(batch)
        elif group is None:
            loss, self.output = self._plan.go_and_back(batch, None, None, None, NULL)
        else:
            before = group.optimizer.num_update
            try:
                loss, self.output = self._plan.go_and_back(batch, trainer, group, batch_size,
                                                           &moved)
            except BaseException:
                group.optimizer.num_update = before
                raise
        if moved:
            group.finish()
            return loss
        if batch_size is None:
            batch_size = trainer.whole_batch(len(loss) if loss.ndim else 1)
        trainer.step(batch_size)
        return loss
