"""Steps of a group of weights by a rule: their numbers, their counts, what is copied for them."""

cimport cython
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM

from microlazy.core.optimizers.arrays import convert


@cython.auto_pickle(False)
cdef class RuleSteps:
    """
    What `optimizer.group.RuleGroup`, which says what is updated by which rule, does in each step.

    Examples
    --------
    >>> from microlazy import nd, optimizer
    >>> weight = nd.array([1, 2])
    >>> group = optimizer.SGD(learning_rate=0.5).group([0], [weight], [nd.ones((2,))], [None])
    >>> group.update()
    >>> weight.asnumpy(), group.counted()
    (array([0.5, 1.5], dtype=float32), {0: 1})
    """

    def update(self) -> None:
        """Make one step of every weight, or of none if one of them is refused."""
        if not self.indices:
            return
        before = self.optimizer.num_update
        try:
            if self.copies is not None:
                convert(*self.copies[0])
            if self.bound is None:
                self.bind()
            values = self.begin()
            carried = self.bound.move(values, self.lr_mults, self.wd_mults, self.counts,
                                      self.steps + 1, self.marks)
        except BaseException:
            self.optimizer.num_update = before
            raise
        if carried:
            for name, value in carried.items():
                setattr(self.optimizer, name, value)
        self.finish()
        if self.copies is not None:
            convert(*self.copies[1])

    cdef tuple begin(self):
        cdef tuple values
        cdef long long number
        optimizer = self.optimizer
        if optimizer._ahead is not self:
            self.count()
        number = self.most + self.steps + 1
        if number > optimizer.num_update:
            optimizer.num_update = number
        self.rates = values = self.numbers()
        return self.ask_rates(values) if self.asks else values

    cdef int count(self) except -1:
        """Read how often each weight was updated, and count on from there."""
        optimizer = self.optimizer
        counts, begin = optimizer._index_update_count, optimizer.begin_num_update
        self.counts = [counts.get(index, begin) for index in self.indices]
        self.most = max(self.counts)
        self.steps = 0
        optimizer._ahead = self
        return 0

    cdef tuple numbers(self):
        """The learning rate, the weight decay and what else the rule asks for."""
        cdef tuple names = self.names
        cdef Py_ssize_t i, n = len(names)
        cdef tuple values = PyTuple_New(n + 1)
        optimizer = self.optimizer
        if self.has_own_rate or optimizer.lr_scheduler is not None:
            value = optimizer.learning_rate
        else:
            value = optimizer.lr      # which the property would return
        for i in range(n + 1):
            if i:
                value = getattr(optimizer, names[i - 1])
            Py_INCREF(value)
            PyTuple_SET_ITEM(values, i, value)
        return values

    cdef int finish(self) except -1:
        self.steps += 1
        if self.take_note is not None:
            self.take_note(self.rates[0])
        return 0


@cython.auto_pickle(False)
cdef class Rescaler:
    """What says by which number the gradients of a step are divided."""

    cdef int rescale(self, RuleSteps group, object batch_size) except -1:
        raise NotImplementedError
