"""A function with its gradients as one op of a plan.

The function is traced into a plan of its own, whose arrays may be those of the plan around. A run
of the op runs that plan forward, goes back from its first result, and leaves the gradients in
arrays of the plan around.
"""

cimport cython
from microlazy.core.calls cimport unflatten
from microlazy.core.loops.elementwise cimport fill
from microlazy.core.plan cimport PlanStep, build, count_each
from microlazy.core.strided cimport assign
from microlazy.core.tape cimport WRITE, Node, Pass, State, Variable, new_pass, run, set_mode, state
from microlazy.core.tensor cimport Tensor, header, look_at, look_away


@cython.no_gc
@cython.final
cdef class Room(Node):
    """Memory that a later node writes to."""

    cdef int forward(self) except -1:
        return 0

    cdef str name(self):
        return "empty"


@cython.no_gc
@cython.final
cdef class FunctionWithGradients(PlanStep):
    """Its output is the function's value; what else it gives is written to the outputs of Rooms."""
    cdef list leaves              # arrays that the function is differentiated with respect to
    cdef list variables           # their slots inside, whose gradients are outputs of Rooms
    cdef list results             # where the outputs of the plan go

    cdef int forward(self) except -1:
        cdef State* s = state()
        cdef State before = s[0]
        self.plan.running = True
        try:
            self.enter()
            s.training = False
            set_mode(s, True, False)
            self.plan.run_nodes(False)
            set_mode(s, False, False)
            self.go_back_from_head()
            for inside, outside in zip(self.plan.outputs, self.results):
                assign(<Tensor>outside, <Tensor>inside)
        finally:
            self.plan.running = False
            for x in self.plan.inputs:
                look_away(<Tensor>x)
            s[0] = before
            set_mode(s, s.recording, s.tracing)     # whether that is plain may have changed
        return 0

    cdef int enter(self) except -1:
        """Point the inputs at the leaves."""
        cdef Py_ssize_t i
        cdef Tensor x
        if self.plan.resting:
            self.plan.wake()
        for i in range(len(self.leaves)):
            x = <Tensor>self.leaves[i]
            look_at(<Tensor>self.plan.inputs[i], x.block, x.data)
        return 0

    cdef int go_back_from_head(self) except -1:
        cdef Pass p = new_pass()
        cdef bint accumulate
        cdef Tensor target = p.target(<Tensor>self.plan.outputs[0], &accumulate)
        cdef Variable variable
        if target is not None:
            fill(target, 1.0)
            self.plan.go_back(p, None)
        for variable in self.variables:
            if variable.written != p.number:      # the value does not depend on it
                fill(variable.grad, 0.0)
        return 0

    cdef int count_holders(self, dict counts) except -1:
        cdef Variable variable
        PlanStep.count_holders(self, counts)
        count_each(self.leaves, counts)
        count_each(self.results, counts)
        return count_each([variable.grad for variable in self.variables], counts)

    cdef str name(self):
        return "value and gradients"


cdef Tensor room_for(Tensor x):
    cdef Tensor out = header(x.face, x.dtype, x.ndim, x.shape_)
    return run(Room.__new__(Room), out)


def value_and_gradients(function, list leaves):
    """Put a function and its gradients into the plan, or the run on shapes, that is being traced.

    Parameters
    ----------
    function : callable
        Called with as many arrays as there are leaves. Returns a number as an array, or nested
        lists, tuples and dicts of which it is the first array.
    leaves : list of arrays
        What it is differentiated with respect to.

    Returns
    -------
    result
        What the function returned.
    gradients : list of arrays
        The gradient of each leaf; zeros where the number does not depend on it.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.plan_gradients import value_and_gradients
    >>> from microlazy.core.trace import tracing
    >>> with tracing():
    ...     value, (slope,) = value_and_gradients(lambda x: (x * x).sum(), [np.ones((2, 3))])
    >>> value.shape, slope.shape
    ((), (2, 3))
    """
    cdef State* s = state()
    cdef State before = s[0]
    cdef FunctionWithGradients step = FunctionWithGradients.__new__(FunctionWithGradients)
    cdef Variable variable
    cdef Tensor x, out
    cdef list slots = []
    for _ in leaves:
        variable = Variable.__new__(Variable)
        variable.req = WRITE
        slots.append(variable)
    set_mode(s, True, s.tracing)
    s.training = False
    try:
        step.plan = build(function, len(leaves), leaves, slots)
    finally:
        s[0] = before
        set_mode(s, s.recording, s.tracing)     # whether that is plain may have changed
    step.plan.once = step.plan.counted = True
    step.leaves, step.variables = leaves, slots
    for x, variable in zip(leaves, slots):
        variable.grad = room_for(x)
    gradients = [(<Variable>variable).grad for variable in slots]
    step.results = [room_for(<Tensor>out) for out in step.plan.outputs[1:]]
    step.rest = [*leaves, *step.plan.captured, *gradients, *step.results]
    x = <Tensor>step.plan.outputs[0]
    out = run(step, header(x.face, x.dtype, x.ndim, x.shape_))
    step.results.insert(0, out)
    return unflatten(step.plan.result, step.results), gradients
