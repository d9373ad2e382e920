"""Neighbouring nodes of a plan that become one, which goes over memory once.

A relu goes into the node that computes its input, if that can do it as it stores its results.
Elementwise nodes in a row become a chain, and what of them only reads a convolution's results goes
into that. The bits of all results and gradients stay.
"""

from microlazy.core.kernels.table cimport R_SUM, U_RELU
from microlazy.core.lifetimes cimport inputs_of
from microlazy.core.loops.reductions cimport with_kept_axes
from microlazy.core.ops.chain cimport Chain, end_of_chain, join, layout_of
from microlazy.core.ops.convolution cimport WindowProduct, tail_of
from microlazy.core.ops.elementwise cimport UnaryOp
from microlazy.core.ops.pooled_convolution cimport PooledConvolution, with_pools
from microlazy.core.ops.reduce cimport Reduce
from microlazy.core.tails cimport with_tails
from microlazy.core.tape cimport Node


cdef dict readers_of(list nodes, list outputs):
    """By the id of each array, the numbers of the nodes that read it; their count is outside."""
    cdef dict readers = {}
    cdef Py_ssize_t i
    for i in range(len(nodes)):
        for x in inputs_of(<Node>nodes[i]):
            readers.setdefault(id(x), []).append(i)
    for x in outputs:
        readers.setdefault(id(x), []).append(len(nodes))
    return readers


cdef list without_relus(list nodes, list outputs):
    """The nodes, relus put into those before them where these can take them."""
    cdef dict readers = readers_of(nodes, outputs), makers = {}
    cdef list found = []
    cdef Node node, maker
    for node in nodes:
        maker = makers.get(id(node.a)) if type(node) is UnaryOp else None
        if (maker is not None and (<UnaryOp>node).op == U_RELU and len(readers[id(node.a)]) == 1
                and maker.take_relu()):
            if node.out.slot is node:
                node.out.slot = maker
            maker.out, node.out = node.out, None
            maker.with_relu = True
        else:
            found.append(node)
            maker = node
        makers[id(maker.out)] = maker
    return found


cdef bint may_hand_on_as_it_is(Node node) except -1:
    """Whether a node is a sum or mean whose gradient a chain can read without a copy of it."""
    cdef Reduce reduce
    if type(node) is not Reduce or type(node.a.slot) is not Chain:
        return False
    reduce = <Reduce>node
    return reduce.op == R_SUM and (
        layout_of(with_kept_axes(reduce.out, node.a, reduce.mask), node.a) is not None)


cdef list fuse(list nodes, list outputs):
    cdef list found = []
    cdef Py_ssize_t i = 0, last
    cdef Node node
    nodes = without_relus(nodes, outputs)
    nodes = with_pools(nodes, readers_of(nodes, outputs))
    cdef dict readers = readers_of(nodes, outputs)
    while i < len(nodes):
        last = end_of_chain(nodes, i, readers)
        if last > i:
            found.append(join(nodes[i:last + 1]))
        else:
            node = <Node>nodes[i]
            found.append(node)
            if may_hand_on_as_it_is(node) and readers[id(node.a)] == [i]:
                (<Node>node.a.slot).takes_broadcast = True
        i = last + 1
    return with_tails(found, readers_of(found, outputs))


cdef list fusions_of(Node node):
    cdef list found = []
    if type(node) is Chain:
        found.append(f"{len((<Chain>node).members)} ops in one pass")
    if type(node) is PooledConvolution:
        found.append("pools as it stores")
    if node.takes_broadcast:
        found.append("takes a sum's gradient as it is")
    if tail_of(node) is not None:
        found.append("stores " + "relu+" * (<WindowProduct>node).relu + tail_of(node).name())
    elif node.with_relu:
        found.append("stores relu")
    return found
