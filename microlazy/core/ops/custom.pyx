"""Functions with a forward and a backward of the user's own: what `autograd.Function` records.

A run with several outputs is one node for the run and one for each output, which hands its gradient
to the run.
"""

cimport cython
from microlazy.core.ops.slots cimport give, hand_on
from microlazy.core.tape cimport Node, Pass, enlist, lead_to, reach, state, tracked
from microlazy.core.tensor cimport Tensor, alias, is_float, like, same_shape, shape_tuple

from microlazy.base import MXNetError, ShapeError
from microlazy.core.ops.elementwise cimport fill


@cython.no_gc
@cython.final
cdef class CustomRun(Node):
    """One call of a Function: `rest` has its inputs."""
    cdef object function
    cdef list outputs             # aliases: shapes and dtypes of the gradients
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
        heads, self.grads = self.grads, [None] * len(self.outputs)
        result = self.function.backward(*heads)
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

    cdef int backward(self, Pass p) except -1:
        cdef Tensor x
        for x, grad in zip(self.rest, self.call_backward()):
            if grad is not None:
                give(p, x, <Tensor>grad)
        return 0

    cdef int derive(self, Pass p, Tensor g) except -1:
        cdef Tensor x
        for x, grad in zip(self.rest, self.call_backward()):
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
        self.source.grads[self.place] = g
        return 0 if self.source.written == p.number else reach(p, self.source)

    cdef bint leads(self, Pass p) noexcept:
        return self.source.leading == p.number

    cdef int inspect(self, Pass p) except -1:
        return lead_to(p, self.source)

    cdef int release(self) except -1:
        self.done = True
        self.source = None
        return 0

    cdef str name(self):
        return self.source.name()


cdef bint any_tracked(list arrays):
    cdef Tensor x
    for x in arrays:
        if tracked(x):
            return True
    return False


def recorded(function, list inputs, list outputs):
    """The outputs of a function's forward, on the tape with the function's backward.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.ops.custom import recorded
    >>> recorded(None, [nd.ones((2,))], [nd.zeros((2,))])[0].shape     # not under record()
    (2,)
    """
    cdef Tensor y, out
    cdef CustomRun run
    cdef CustomOutput node
    cdef list results = []
    if state().trace is not NULL:
        raise MXNetError(f"{type(function).__name__}: an autograd.Function cannot be called inside "
                         "a hybridized block, which keeps no Python code; call hybridize(False)")
    if state().tracing or not state().recording or not any_tracked(inputs):
        return outputs
    run = CustomRun.__new__(CustomRun)
    run.function = function
    run.rest = inputs
    run.outputs = [alias(<Tensor>out) for out in outputs]
    run.grads = [None] * len(outputs)
    enlist(run)
    for out in outputs:
        y = alias(out)
        if is_float(y.dtype):
            node = CustomOutput.__new__(CustomOutput)
            node.source = run
            node.place = len(results)
            enlist(node)
            y.slot = node
        results.append(y)
    return results
