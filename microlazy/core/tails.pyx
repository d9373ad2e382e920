"""Elementwise nodes of a plan that run as a convolution stores its results.

A batch norm of fixed statistics, a residual addition, an activation: what only they read never goes
through memory. They run on each block of results while that is in the cache, by the kernels that
would go over the whole array, so the bits are the same. It is done where no gradient is wanted.
"""

from microlazy.core.lifetimes cimport inputs_of
from microlazy.core.ops.chain cimport Chain, is_calm, is_link, join, operands_of
from microlazy.core.ops.convolution cimport WindowProduct
from microlazy.core.ops.writes cimport Write
from microlazy.core.tape cimport Node
from microlazy.core.tensor cimport Tensor


cdef list with_tails(list nodes, dict readers):
    cdef dict makers = {}         # by the id of a result: the node, and its number
    cdef list found = []
    cdef Py_ssize_t i
    cdef Node node
    cdef Tensor x
    for i in range(len(nodes)):
        node = <Node>nodes[i]
        x = stored_last(node, makers) if may_be_tail(node) else None
        if x is None or len(readers[id(x)]) > 1:
            if type(node) is Write and node.views:        # what reads an argument stays behind
                makers.clear()
            makers[id(node.out)] = node, i
            found.append(node)
            continue
        maker, number = makers[id(x)]
        (<WindowProduct>maker).take_tail(node if type(node) is Chain else join([node]), x)
        makers[id(node.out)] = maker, number
    return found


cdef bint may_be_tail(Node node) except -1:
    if node.out.slot is not None:
        return False
    if type(node) is Chain:
        return all([is_calm(<Node>member) for member in (<Chain>node).members])
    return is_link(node, node.out) and is_calm(node)


cdef Tensor stored_last(Node node, dict makers):
    """An operand that a convolution computes when all else that is read is there, or None."""
    cdef Tensor x, last = None
    cdef Py_ssize_t latest = -1
    cdef object maker, number
    for x in inputs_of(node):
        maker, number = makers.get(id(x), (None, -1))
        if number > latest:
            latest, last = number, x
    if last is None or last.size != node.out.size:
        return None
    maker = makers[id(last)][0]
    if type(maker) is not WindowProduct or not (<WindowProduct>maker).may_have_tail():
        return None
    operands = (<Chain>node).rest[:(<Chain>node).operands] if type(node) is Chain else (
        operands_of(node))
    return last if any([x is last for x in operands]) else None
