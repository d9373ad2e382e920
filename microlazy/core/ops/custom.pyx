"""Functions with a forward and a backward of the user's own: what `autograd.Function` records.

A run with several outputs is one node for the run and one for each output, which hands its gradient
to the run.
"""

cimport cython
from microlazy.core.loops.elementwise cimport fill
from microlazy.core.ops.slots cimport give, hand_on
from microlazy.core.tape cimport Node, Pass, enlist, is_cut, lead_to, reach, state, tracked
from microlazy.core.tensor cimport Tensor, alias, is_float, like, same_shape, shape_tuple

from microlazy.base import MXNetError, ShapeError


@cython.no_gc
@cython.final
cdef class CustomRun(Node):
    """One call of a Function: `rest` has its inputs."""
    cdef object function
    cdef list outputs             # as forward() returned them, off the tape
    cdef list grads               # of the outputs, as far as they have come

    cdef list call_backward(self):
        """The user's backward() with a gradient for each output; zeros where none came."""
        cdef Tensor x, g
        cdef Py_ssize_t i
        for i in range(len(self.outputs)):
            if self.grads[i] is None:
                g = like(<Tensor>self.outputs[i])
                fill(g, 0.0)
                self.grads[i] = g
        heads, self.grads = self.grads, None
        result = self.function.backward(*heads)
        if result is not None and not isinstance(result, (Tensor, tuple, list)):
            raise TypeError(f"{self.name()}.backward must return an array, or a tuple of one for "
                            f"each input, not {type(result).__name__}")
        grads = [result] if isinstance(result, Tensor) or result is None else list(result)
        if len(grads) != len(self.rest):
            raise ValueError(f"{self.name()}.backward must return {len(self.rest)} gradients, one "
                             f"for each input of forward; it returned {len(grads)}")
        for x, item in zip(self.rest, grads):
            if item is None:
                continue
            if not isinstance(item, Tensor):
                raise TypeError(f"{self.name()}.backward must return arrays, not "
                                f"{type(item).__name__}")
            if not same_shape(x, <Tensor>item):
                raise ShapeError(f"{self.name()}.backward returned a gradient of shape "
                                 f"{shape_tuple(<Tensor>item)} for an input of shape "
                                 f"{shape_tuple(x)}")
        return grads

    cdef object on_tape(self, object saved):
        """What forward() saved: an output as it stands on the tape, anything else as it is."""
        cdef Py_ssize_t i
        for i in range(len(self.outputs)):
            if saved is self.outputs[i]:
                return new_output(self, i)
        return saved

    cdef int backward(self, Pass p) except -1:
        cdef Tensor x
        for x, grad in zip(self.rest, self.call_backward()):
            if grad is None and p.wants(x):       # none is zero: an old gradient must not stay
                grad = like(x)
                fill(<Tensor>grad, 0.0)
            if grad is not None:
                give(p, x, <Tensor>grad)
        return 0

    cdef int derive(self, Pass p, Tensor g) except -1:
        cdef Tensor x
        saved = self.function.saved_tensors
        self.function.saved_tensors = tuple([self.on_tape(item) for item in saved])
        try:
            grads = self.call_backward()
        finally:
            self.function.saved_tensors = saved
        for x, grad in zip(self.rest, grads):
            if grad is not None:
                hand_on(p, x, <Tensor>grad)
        return 0

    cdef str name(self):
        return type(self.function).__name__


@cython.no_gc
@cython.final
cdef class CustomOutput(Node):
    """An output of a run."""
    cdef CustomRun source
    cdef Py_ssize_t place

    cdef int backward(self, Pass p) except -1:
        return self.derive(p, self.grad)

    cdef int derive(self, Pass p, Tensor g) except -1:
        cdef CustomRun source = self.source
        if is_cut(p, source):
            return 0
        if source.written != p.number:
            source.grads = [None] * len(source.outputs)
            reach(p, source)
        before = source.grads[self.place]
        source.grads[self.place] = g if before is None else before + g
        return 0

    cdef bint leads(self, Pass p) noexcept:
        return self.source.leading == p.number

    cdef int inspect(self, Pass p) except -1:
        return lead_to(p, self.source)

    cdef int release(self) except -1:
        self.done = True
        self.source = None
        return 0

    cdef str name(self):
        return "autograd.Function" if self.source is None else self.source.name()


cdef Tensor new_output(CustomRun source, Py_ssize_t place):
    """An output on the tape, if it can have a gradient."""
    cdef Tensor y = alias(<Tensor>source.outputs[place])
    cdef CustomOutput node
    if is_float(y.dtype):
        node = CustomOutput.__new__(CustomOutput)
        node.source = source
        node.place = place
        node.part = True
        enlist(node)
        y.slot = node
    return y


cdef bint any_tracked(list arrays):
    cdef Tensor x
    for x in arrays:
        if tracked(x):
            return True
    return False


cdef bint off_tape(Tensor y, list inputs):
    return y.slot is None and not any([y is x for x in inputs])


def recorded(function, list inputs, list outputs):
    """The outputs of a function's forward, on the tape with the function's backward.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.ops.custom import recorded
    >>> recorded(None, [nd.ones((2,))], [nd.zeros((2,))])[0].shape     # not under record()
    (2,)
    """
    cdef CustomRun run
    cdef Py_ssize_t i
    if state().trace is not NULL:
        raise MXNetError(f"{type(function).__name__}: an autograd.Function cannot be called inside "
                         "a plan, which keeps no Python code")
    if state().tracing or not state().recording or not any_tracked(inputs):
        return outputs
    run = CustomRun.__new__(CustomRun)
    run.function = function
    run.rest = inputs
    run.outputs = [y if off_tape(<Tensor>y, inputs) else alias(<Tensor>y) for y in outputs]
    enlist(run)
    return [new_output(run, i) for i in range(len(outputs))]
