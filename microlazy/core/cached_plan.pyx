"""The plans of a block: found again, made when they are paid for, dropped when they are stale.

Making a plan takes as long as several eager calls. A block makes its first plans at once; later
ones must be paid for by runs of those that it has. A call of a new kind that is not paid for runs
eagerly, so that a program whose batches all differ is not slower than without plans. Beyond a
megabyte for all, a plan that another one of its block follows gives its memory back, which the
other finds warm in the cache.
"""

from microlazy.core.calls cimport Contents, flatten, flatten_as, kind_of, mix_structure, mode
from microlazy.core.optimizers.moves cimport Moves
from microlazy.core.optimizers.steps cimport Rescaler, RuleSteps
from microlazy.core.plan cimport Plan, build
from microlazy.core.planning cimport Planned, changes
from microlazy.core.tape cimport State, set_mode, several_devices, state
from microlazy.core.tensor cimport Tensor, device_of, use_device

from microlazy.base import AbstractValueError
from microlazy.core.calls import same
from microlazy.core.differentiation import backward as go_back_from
from microlazy.core.planning import AttributeChange, Unplannable

cdef enum:
    MOST_PLANS = 1024             # kept by one block
    FREE_PLANS = 64               # that a block makes before its runs must pay for more
    PRICE = 16                    # runs that pay for making one plan
    MOST_UNROLLED = 8             # plans that create_graph used up, before all calls run eagerly

cdef Py_ssize_t MOST_BYTES = <Py_ssize_t>1 << 30      # in the plans of one block
cdef Py_ssize_t AWAKE_BYTES = <Py_ssize_t>1 << 20     # beyond, idle plans give theirs back


cdef class CachedPlan(Planned):
    """The plans of a hybridized block, one for each kind of call.

    When they are too many or take too much memory, those go that were not used for longest. A call
    of a new kind runs eagerly when too few runs have paid for making its plan, or when NumPy arrays
    are among its arguments: a plan could not tell whether they have changed. What a plan cannot
    hold, such as control flow on values, runs eagerly too, in this mode from then on; blocks inside
    keep plans of their own.

    Parameters
    ----------
    source : object
        Has `forward(*args)`, which a plan records; `call(args)`, for calls inside another trace;
        `arrays()`, the arrays of the parameters, which tells whether one was replaced;
        `attributes()`, a list of what else a plan was made with; and `refused(error)`, told why
        there can be no plan.
    most_bytes : int
        How much memory the plans may take together; the one that was made last is always kept.
    once : bool
        Whether no graph will be retained for a second backward pass, as in `train`. Gradients then
        take the memory of results that were read for the last time.
    leaf : callable, optional
        Makes arrays of numbers and NumPy arrays among the arguments, which are trees: the keys of
        dicts are sorted. The source is a pure function: what forbids a plan is raised, unless it is
        `Unplannable`.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon import nn
    >>> net = nn.Dense(2, in_units=3)
    >>> net.initialize()
    >>> net.hybridize()
    >>> net(nd.ones((4, 3))).shape
    (4, 2)
    """

    def __init__(self, source, Py_ssize_t most_bytes=MOST_BYTES, bint once=False, leaf=None):
        self.source = source
        self.once = once
        self.leaf = leaf
        self.most_bytes = most_bytes
        self.generation = changes
        self.plans = {}
        self.changing = set()
        self.paid = FREE_PLANS * PRICE

    def __call__(self, *args):
        return self.call(args)

    cdef object call(self, tuple args):
        cdef State* s = state()
        cdef int before
        if s.tracing:                 # inside another block's plan: run the Python code
            return self.source.call(args)
        if s.unplanned or self.eager & mode(s):
            return self.source.forward(*args)
        if not (several_devices and args and isinstance(args[0], Tensor)):
            return self.run(args)
        before = use_device(device_of(<Tensor> args[0]))
        try:
            return self.run(args)
        finally:
            use_device(before)

    cdef object run(self, tuple args):
        cdef list tensors = []
        cdef Plan plan = self.choose(args, tensors)
        return self.run_without(args) if plan is None else plan.run(tensors)

    def train(self, *args):
        """Call under record(), go back from the first array of the result, and return all of it."""
        return self.go_and_back(args, None, None, None, NULL)

    cdef object go_and_back(self, tuple args, Rescaler rescaler, RuleSteps group,
                            object batch_size, bint* moved):
        """What train() returns; it moves the weights of a group on the way back, if it can."""
        cdef State* s = state()
        cdef Moves moves = None
        cdef State before = s[0]
        cdef list tensors = []
        cdef Plan plan = None
        set_mode(s, True, s.tracing)
        s.training = True
        try:
            if several_devices or s.tracing or s.unplanned or self.eager & mode(s):
                result = self(*args)
            else:
                plan = self.choose(args, tensors)
                if plan is not None and plan.goes_straight(tensors):
                    if group is None:
                        return plan.train(tensors, None)
                    moves = plan.moves_of(group.bound, tensors)
                    if moves is not None:
                        rescaler.rescale(group,
                                         plan.length() if batch_size is None else batch_size)
                        moved[0] = moves.ready(group)
                    result = plan.train(tensors, moves if moved[0] else None)
                    plan.find_moves(group.bound)
                    return result
                result = self.run_without(args) if plan is None else plan.run(tensors)
        finally:
            s[0] = before
            set_mode(s, s.recording, s.tracing)     # whether that is plain may have changed
        go_back_from(result[0])
        if plan is not None and isinstance(result[0], Tensor):
            plan.note_inspected()
        return result

    def attribute_written(self):
        """Say that an attribute has another value, which the plans may have been made with."""
        self.looked = False

    def steps(self, *args) -> list:
        """What a call with these arguments would do, in this thread's mode.

        Returns
        -------
        list of tuple
            For each step: its op; its operands, as ("input", number), ("array", array) or ("step",
            number); the result's shape and dtype; the number of the buffer that it is in, None for
            the memory of an input or array, and in which byte of it; its bytes; whether it is a
            view; the last step that needs its memory, None if that is needed after the call; and
            the fusions that were made.

        Raises
        ------
        AbstractValueError
            If there can be no plan for such a call.

        Examples
        --------
        >>> from microlazy import nd
        >>> from microlazy.gluon import nn
        >>> net = nn.HybridLambda(lambda F, x: F.exp(x * 2).sum())
        >>> [step.op for step in net.plan(nd.ones((2,))).steps]
        ['multiply+exp', 'sum']
        """
        cdef Plan plan = self.choose(args, [])
        if plan is not None:
            return plan.steps()
        refusal, self.refusal = self.refusal, None
        if refusal is not None:
            raise refusal
        raise AbstractValueError("a call with NumPy arrays among its arguments, or of a kind for "
                                 "which too few calls have paid, runs without a plan")

    cdef Plan choose(self, tuple args, list tensors):
        """A plan for a call, whose arrays go into `tensors`; None if it is to run eagerly."""
        cdef object structure = len(args)
        cdef Plan plan
        cdef size_t kind
        cdef State* s = state()
        for x in args:
            if not isinstance(x, Tensor):
                structure = self.take_apart(args, tensors)
                break
        else:
            tensors.extend(args)
        if self.generation != changes:
            self.drop_stale()
        if not (self.looked and self.contents.last()):
            self.look_at_attributes()
        if self.latest is not None and self.latest.unrolled:
            self.drop(self.latest)
            self.unrolled += 1
            if self.unrolled == MOST_UNROLLED:
                self.eager |= mode(s)
                return None
        plan = self.latest
        if plan is None or not plan.fits(structure, tensors, s):
            kind = kind_of(tensors, s)
            if not mix_structure(&kind, structure):
                return None
            plan = self.find(kind, structure, tensors)
            if plan is None:
                plan = self.make(kind, structure, tensors)
            if plan is None:
                return None
            if self.latest is not None and self.nbytes > AWAKE_BYTES and self.latest.rest():
                self.nbytes -= self.latest.nbytes
            if plan.resting:
                self.nbytes += plan.nbytes
            self.latest = plan
        self.paid += self.paid < FREE_PLANS * PRICE
        self.calls += 1
        plan.used = self.calls
        return plan

    cdef object take_apart(self, tuple args, list tensors):
        """The structure of arguments, whose arrays go into `tensors`."""
        if self.leaf is not None and self.latest is not None:
            if flatten_as(args, self.latest.structure, tensors, self.leaf):
                return self.latest.structure
            tensors.clear()
        return flatten(args, tensors, 0, self.leaf)

    cdef Plan make(self, size_t kind, object structure, list tensors):
        """A new plan; None if none is paid for, or if there is a `refusal`."""
        cdef Plan plan
        if self.paid < PRICE:
            return None
        self.paid -= PRICE + 1
        try:
            plan = self.build_unchanged(structure, tensors)
        except Exception as error:
            if self.leaf is not None and not isinstance(error, Unplannable):
                raise
            if not isinstance(error, AttributeChange) or kind in self.changing:
                self.refusal = error
            else:
                self.changing.add(kind)   # forward() may have prepared something for good
            return None
        self.generation = changes         # tracing may initialize parameters
        plan.kind = kind
        plan.once = self.once
        self.add(plan)
        return plan

    cdef Plan build_unchanged(self, object structure, list tensors):
        """A new plan, unless forward() changes what an attribute holds."""
        cdef Plan plan
        try:
            plan = build(self.source.forward, structure, tensors)
        except BaseException:
            self.contents.restore()
            raise
        if not self.contents.last():
            self.contents.restore()
            raise AttributeChange("forward() changes what a list, a dict, a set, an object or a "
                                  "NumPy array that is an attribute holds, which a plan would "
                                  "not do again")
        return plan

    cdef object run_without(self, tuple args):
        refusal, self.refusal = self.refusal, None
        return self.run_eagerly(args) if refusal is None else self.fall_back(args, refusal)

    cdef object fall_back(self, tuple args, object refusal):
        """Run eagerly what a plan cannot hold; the blocks inside may have plans."""
        cdef State* s = state()
        result = self.source.forward(*args)   # raises what an eager call raises
        self.eager |= mode(s)
        self.source.refused(refusal)
        return result

    cdef int look_at_attributes(self) except -1:
        """Drop the plans if they were made with other attributes."""
        cdef list found = self.source.attributes(), before = self.attributes
        cdef Contents contents = Contents(found), held = self.contents
        self.looked = True
        self.attributes, self.contents = found, contents
        if before is None or (len(found) == len(before) and contents.equals(held)
                              and all([same(a, b) for a, b in zip(found, before)])):
            return 0
        self.plans, self.latest = {}, None
        self.count = self.nbytes = 0
        return 0

    cdef Plan find(self, size_t kind, object structure, list tensors):
        """A plan of this kind that can run now, or None."""
        cdef Plan plan
        cdef State* s = state()
        for plan in self.plans.get(kind, ()):
            if plan.fits(structure, tensors, s):
                return plan
        return None

    cdef object run_eagerly(self, tuple args):
        cdef State* s = state()
        s.unplanned = True
        try:
            return self.source.forward(*args)
        finally:
            s.unplanned = False

    cdef int add(self, Plan plan) except -1:
        """Keep a plan, and throw out those that were not used for longest if it is too much."""
        cdef Plan other, oldest
        while self.count and (
                self.count >= MOST_PLANS or self.nbytes + plan.nbytes > self.most_bytes):
            oldest = None
            for plans in self.plans.values():
                for other in plans:
                    if (oldest is None or other.used < oldest.used) and (
                            self.count >= MOST_PLANS or not other.resting):
                        oldest = other
            if oldest is None:
                break
            self.drop(oldest)
        self.plans.setdefault(plan.kind, []).append(plan)
        self.count += 1
        self.nbytes += plan.nbytes
        return 0

    cdef int drop(self, Plan plan) except -1:
        cdef list plans = self.plans[plan.kind]
        plans.remove(plan)
        if not plans:
            del self.plans[plan.kind]
        self.count -= 1
        if not plan.resting:
            self.nbytes -= plan.nbytes
        if self.latest is plan:
            self.latest = None
        return 0

    cdef int drop_stale(self) except -1:
        """Drop plans that read arrays which are no longer a parameter's."""
        cdef dict live = {id(array): None for array in self.source.arrays()}
        for plans in list(self.plans.values()):
            for plan in list(plans):
                if not (<Plan>plan).reads(live):
                    self.drop(plan)
        self.generation = changes
        return 0
