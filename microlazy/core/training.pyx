"""Steps of a Trainer with nothing of Python between their parts."""

cimport cython
from microlazy.core.optimizers.arrays cimport all_fresh, mark_all_used
from microlazy.core.optimizers.steps cimport Rescaler, RuleSteps
from microlazy.core.planning cimport changes
from microlazy.core.tensor cimport Tensor

cdef object MOST = 1 << 53        # from here on a float does not hold every int


def as_number(batch_size) -> float:
    """The size of a batch as a number above zero that a float holds.

    Parameters
    ----------
    batch_size : number, or array of one

    Raises
    ------
    TypeError, ValueError
        If it is none.

    Examples
    --------
    >>> from microlazy.core.training import as_number
    >>> as_number(32), as_number(True)
    (32, 1.0)
    """
    if type(batch_size) is int and 0 < batch_size < MOST:
        return batch_size
    if isinstance(batch_size, Tensor) and (<Tensor> batch_size).size != 1:
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


@cython.auto_pickle(False)
cdef class TrainerSteps(Rescaler):
    """What `gluon.Trainer` does in each step, where that is one call of an optimizer's rule.

    Examples
    --------
    >>> from microlazy import gluon
    >>> from microlazy.core.training import TrainerSteps
    >>> issubclass(gluon.Trainer, TrainerSteps)
    True
    """

    cdef bint is_ready(self) noexcept:
        """Whether `_early` are the weights, and are bound to their rule."""
        return (self._early is not None and self._early.bound is not None
                and self._generation == changes and self._amp_loss_scaler is None)

    cdef int rescale(self, RuleSteps group, object batch_size) except -1:
        optimizer = group.optimizer
        size = as_number(batch_size)
        if size is not self.size or self._scale is not self.scale:
            self.factor = self._scale / size
            self.size, self.scale = size, self._scale
        if optimizer.rescale_grad is not self.factor:
            optimizer.rescale_grad = self.factor
        return 0

    def _step_at_once(self, batch_size) -> bool:
        """Make the step, if every weight has a new gradient and no more is to be done."""
        cdef RuleSteps group = self._early
        if not self.is_ready() or not all_fresh(group.bound.weights):
            return False
        self.rescale(group, batch_size)
        group.update()
        mark_all_used(group.bound.weights)
        return True
