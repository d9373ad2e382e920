"""Functions with a forward and a backward of the user's own: what `autograd.Function` records."""

cimport cython
from microlazy.core.loops.elementwise cimport fill
from microlazy.core.ops.results cimport Source, hand_out
from microlazy.core.ops.slots cimport give, hand_on
from microlazy.core.tape cimport Pass, enlist, state, tracked
from microlazy.core.tensor cimport Tensor, alias, is_float, like, same_shape, shape_tuple

from microlazy.base import MXNetError, ShapeError


@cython.no_gc
@cython.final
cdef class CustomRun(Source):
    """One call of a Function: `rest` has its inputs."""
    cdef object function
    cdef list outputs             # as forward() returned them, off the tape

    cdef list call_backward(self):
        """The user's backward() with a gradient for each output; zeros where none came."""
        cdef Tensor x, g
        cdef Py_ssize_t i
        cdef list heads = self.take_grads()
        for i in range(len(heads)):
            if heads[i] is None:
                g = like(<Tensor>self.outputs[i])
                fill(g, 0.0)
                heads[i] = g
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


cdef Tensor new_output(CustomRun source, Py_ssize_t place):
    """An output on the tape, if it can have a gradient."""
    cdef Tensor y = alias(<Tensor>source.outputs[place])
    if is_float(y.dtype):
        hand_out(source, place, y, None)
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
    run.count = len(outputs)
    run.outputs = [y if off_tape(<Tensor>y, inputs) else alias(<Tensor>y) for y in outputs]
    enlist(run)
    return [new_output(run, i) for i in range(len(outputs))]
