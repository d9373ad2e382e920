"""Gradients of gradients, of nodes that have a slower equal made of other operations.

The composition is recorded on gates: views of the inputs, on which a pass of its own stops. What
that pass gives is recorded too, and when the gates are open it leads back to the inputs.
"""

cimport cython
from microlazy.core.ops.slots cimport give, hand_on
from microlazy.core.tape cimport Node, Pass, run, tracked
from microlazy.core.tensor cimport Tensor, header, look_at, take_layout

from microlazy.core.differentiation import grad


@cython.no_gc
@cython.final
cdef class Gate(Node):
    """Its input, and for a pass that comes while it is shut, a variable."""
    cdef bint shut

    cdef int forward(self) except -1:
        take_layout(self.out, self.a)
        look_at(self.out, self.a.block, self.a.data)
        return 0

    cdef int backward(self, Pass p) except -1:
        return give(p, self.a, self.grad)

    cdef int derive(self, Pass p, Tensor g) except -1:
        return hand_on(p, self.a, g)

    cdef bint leads(self, Pass p) noexcept:
        return not self.shut and Node.leads(self, p)

    cdef int inspect(self, Pass p) except -1:
        return 0 if self.shut else Node.inspect(self, p)


cdef int derive_composed(Pass p, object compose, list inputs, tuple options, Tensor g) except -1:
    cdef list behind = [], gates = [], wanted = [], nodes = []
    cdef Tensor x, out
    cdef Gate gate
    for x in inputs:
        if not tracked(x):
            behind.append(x)
            continue
        gate = Gate.__new__(Gate)
        out = header(x.face, x.dtype, x.ndim, x.shape_)
        take_layout(out, x)
        gate.a = x
        gate.views = gate.shut = True
        out = run(gate, out)
        behind.append(out)
        nodes.append(gate)
        if p.wants(x):
            gates.append(out)
            wanted.append(x)
    try:
        grads = grad(compose(*behind, *options), gates, g, create_graph=True)
    finally:
        for gate in nodes:
            gate.shut = False
    for x, found in zip(wanted, grads):
        hand_on(p, x, found)
    return 0
