"""Gradients of arrays, asked for by name: each is written to its array, or returned."""

cimport cython
from microlazy.core.tape cimport (
    ADD, NULL_REQ, WRITE, Node, Pass, State, Variable, as_list, enlist, give_head_gradient, go_back,
    hand, inspect_graph, is_leaf, lead_to, lead_to_array, new_pass, place_of, set_mode, state,
    tracked,
)
from microlazy.core.tensor cimport (
    Slot, Tensor, alias, like, need_values, numpy_dtype, same_shape, shape_tuple, view_numpy,
)

from microlazy.base import MXNetError, ShapeError


def backward(heads, head_grads=None, bint retain_graph=False, bint train_mode=True) -> None:
    """Compute the gradients of `heads` with respect to every array that asked for one.

    Parameters
    ----------
    heads : array or list of arrays
        What was computed under `record()`.
    head_grads : array or list of arrays, optional
        Gradient of each head, of its shape; ones when left out.
    retain_graph : bool
        Keep the graph, so that it can be gone through again.
    train_mode : bool
        Whether the pass counts as training.

    Raises
    ------
    MXNetError
        If a head was not recorded, or its graph was already used and freed, or an array that the
        tape needs was changed since.

    Examples
    --------
    >>> from microlazy import autograd, nd
    >>> x = nd.array([1., 2.])
    >>> x.attach_grad()
    >>> with autograd.record():
    ...     y = x * x
    >>> autograd.backward(y)
    >>> x.grad.asnumpy()
    array([2., 4.], dtype=float32)
    """
    go_back(new_pass(), as_list(heads, "heads"), head_grads, retain_graph, train_mode)


def grad(heads, variables, head_grads=None, retain_graph=None, bint create_graph=False,
         bint train_mode=True):
    """Return the gradients of `heads` with respect to `variables`, and write no other.

    Parameters
    ----------
    heads, variables : array or list of arrays
    head_grads : array or list of arrays, optional
    retain_graph : bool, optional
        Keep the graph; defaults to `create_graph`.
    create_graph : bool
        Record the gradients themselves, so that they can be differentiated in turn.
    train_mode : bool
        Whether the pass counts as training.

    Returns
    -------
    list of arrays
        One gradient for each variable.

    Examples
    --------
    >>> from microlazy import autograd, nd
    >>> x = nd.array([1., 2.])
    >>> x.attach_grad()
    >>> with autograd.record():
    ...     y = x ** 3
    >>> autograd.grad(y, x)[0].asnumpy()
    array([ 3., 12.], dtype=float32)

    The second derivative, 6 x:

    >>> with autograd.record():
    ...     y = x ** 3
    ...     slope = autograd.grad(y, x, create_graph=True)[0]
    >>> slope.backward()
    >>> x.grad.asnumpy()
    array([ 6., 12.], dtype=float32)
    """
    cdef Pass p = new_pass()
    cdef Slot slot
    cdef Tensor x
    cdef list arrays = as_list(heads, "heads"), kept = [], result = []
    cdef list behind = None
    cdef list wrt = as_list(variables, "variables")
    if create_graph:
        p.recorded = []
    if not wrt:
        raise ValueError("variables is empty: name at least one array to differentiate by")
    for x in wrt:
        if x.slot is None:
            raise MXNetError("Cannot differentiate with respect to an array without "
                             "attach_grad(): nothing was recorded for it")
    slots = [x.slot for x in wrt]
    p.asked = dict.fromkeys(slots)
    for slot in p.asked:
        if type(slot) is not Variable:
            kept.append((slot, slot.grad, slot.written, slot.wanted))
            slot.grad = None
            slot.wanted = p.number
    try:
        go_back(p, arrays, head_grads, bool(retain_graph), train_mode)
        for slot in slots:
            found = p.asked[slot] if type(slot) is Variable else slot.grad
            if found is None:
                raise MXNetError("a variable does not lead to the heads: its gradient is unknown")
            result.append(own_memory(found, result, create_graph))
        if create_graph:
            behind = led_to_heads(p, arrays, wrt)
            result = [handed_out(g, behind) for g in result]
    finally:
        for slot, array, written, wanted in kept:
            slot.grad = array
            slot.written = written
            slot.wanted = wanted
    return result


@cython.no_gc
@cython.final
cdef class HandedOut(Node):
    """A gradient that grad(create_graph=True) returned; `a` is what it is to the tape.

    It may not depend on all that led to the heads, which is in `rest`: the derivative of the
    gradient of a linear function is 0 there, not unknown.
    """

    cdef int backward(self, Pass p) except -1:
        cdef Tensor x, target
        cdef bint accumulate
        give_head_gradient(p, self.a, self.grad, True)
        for x in self.rest:
            if is_leaf(x):
                target = p.target(x, &accumulate)
                if target is not None and not accumulate:
                    view_numpy(target)[...] = 0
            else:
                self.show_zeros(p, x)
        return 0

    cdef int derive(self, Pass p, Tensor g) except -1:
        cdef Tensor x
        if p.wants(self.a):
            hand(p, self.a, g)
        for x in self.rest:
            if not is_leaf(x):
                self.show_zeros(p, x)
            elif p.wants(x) and p.asked[x.slot] is None:
                p.asked[x.slot] = zeros_like(x)
        return 0

    cdef int show_zeros(self, Pass p, Tensor x) except -1:
        """Zeros for an intermediate result that grad() was asked about, unless more is known."""
        if x.slot is not None and x.slot.wanted == p.number and x.slot.grad is None:
            x.slot.grad = zeros_like(x)
        return 0

    cdef int inspect(self, Pass p) except -1:
        return lead_to_array(p, self.a)

    cdef str name(self):
        return "gradient"


cdef Tensor zeros_like(Tensor x):
    cdef Tensor y = like(x)
    view_numpy(y)[...] = 0
    return y


cdef list led_to_heads(Pass p, list heads, list asked):
    """One array for each leaf behind the heads and for each array asked for."""
    cdef dict found = {}
    cdef Node node
    cdef Tensor x
    for x in heads:
        if is_leaf(x):
            found[id(x.slot)] = x
    for node in p.recorded:
        for x in (node.a, node.b, node.c, *(node.rest or ())):
            if x is not None and is_leaf(x):
                found[id(x.slot)] = x
    for x in asked:
        found[id(x.slot)] = x
    return list(found.values())


cdef Tensor handed_out(Tensor g, list arrays):
    cdef HandedOut node = HandedOut.__new__(HandedOut)
    cdef Tensor y = alias(g)
    node.a = place_of(g)
    node.rest = list(arrays)
    enlist(node)
    y.slot = node
    return y


cdef Tensor own_memory(Tensor g, list before, bint record):
    """A gradient that can be changed in place without changing another array.

    Under create_graph it may be a head gradient itself, or one array for two variables.
    """
    cdef State* s = state()
    cdef bint recording = s.recording
    if (g.block.users == 1 or not record) and not any([g is other for other in before]):
        return g
    set_mode(s, record, s.tracing)
    try:
        return g.copy()
    finally:
        set_mode(s, recording, s.tracing)


def results_with_others(list arrays) -> list:
    """Have arrays, composed of results that are used elsewhere too, count as results of one op.

    When a backward pass has used and freed what is behind them, they are constants in what is
    computed from them later, as the others are.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.differentiation import results_with_others
    >>> a, b = results_with_others([np.ones(2), np.zeros(2)])
    """
    cdef Tensor x
    for x in arrays:
        if isinstance(x.slot, Node):
            (<Node>x.slot).part = True
    return arrays


def ops_behind(y) -> list:
    """The names of the ops that computed an array under record(), inputs first.

    What NumPy computed is named "numpy:" and its function.

    Examples
    --------
    >>> from microlazy import autograd, nd
    >>> from microlazy.core.differentiation import ops_behind
    >>> x = nd.array([1., 2.])
    >>> x.attach_grad()
    >>> with autograd.record():
    ...     y = (x * x).exp()
    >>> ops_behind(y)
    ['multiply', 'exp']
    """
    cdef Pass p = new_pass()
    cdef Tensor head = y
    p.recorded = []
    if not isinstance(head.slot, Node):
        return []
    lead_to(p, <Node>head.slot)
    inspect_graph(p, <void*>head.slot)
    return [(<Node>node).name() for node in reversed(p.recorded)]


def is_tracked(Tensor x) -> bool:
    """Whether a gradient can go back from an array: it has a graph behind it, or a gradient.

    Examples
    --------
    >>> from microlazy import autograd, nd
    >>> from microlazy.core.differentiation import is_tracked
    >>> x = nd.array([1., 2.])
    >>> x.attach_grad()
    >>> with autograd.record():
    ...     print(is_tracked(x * 2), is_tracked(nd.BlockGrad(x)))
    True False
    """
    return tracked(x)


cdef int check_gradient(Tensor x, Tensor g) except -1:
    """Refuse a gradient array that a backward pass cannot write into."""
    need_values(x, "its gradient was asked for")
    need_values(g, "it was to take a gradient")
    if g.dtype != x.dtype or g.face != x.face:
        raise TypeError(
            "a gradient must be of its variable's dtype and array type: "
            f"{type(x).__name__} of {numpy_dtype(x.dtype)}, not {type(g).__name__} of "
            f"{numpy_dtype(g.dtype)}")
    if not g.contiguous or g.block.readonly or g.block is x.block:
        raise ValueError("a gradient must be a contiguous, writable array with memory of its own")
    return 0


cdef dict GRAD_REQS = {"null": NULL_REQ, "write": WRITE, "add": ADD}


def mark_variables(variables, gradients, grad_reqs="write") -> None:
    """Ask for gradients of arrays, to be written into arrays that are given.

    Parameters
    ----------
    variables, gradients : array or list of arrays
        As many, of the same shapes.
    grad_reqs : "write", "add" or "null", or a list of them

    Examples
    --------
    >>> from microlazy import autograd, nd
    >>> x, g = nd.array([3.]), nd.zeros((1,))
    >>> autograd.mark_variables(x, g)
    >>> with autograd.record():
    ...     y = x * x
    >>> y.backward()
    >>> g.asnumpy()
    array([6.], dtype=float32)
    """
    cdef Variable variable
    cdef list arrays = as_list(variables, "variables"), targets = as_list(gradients, "gradients")
    if isinstance(grad_reqs, str):
        grad_reqs = [grad_reqs] * len(arrays)
    if not len(arrays) == len(targets) == len(grad_reqs):
        raise ValueError(f"{len(arrays)} variables need as many gradients and requests; got "
                         f"{len(targets)} and {len(grad_reqs)}")
    for x, g, req in zip(arrays, targets, grad_reqs):
        if not same_shape(<Tensor>x, <Tensor>g):
            raise ShapeError(f"a variable of shape {shape_tuple(<Tensor>x)} cannot have a gradient "
                             f"of shape {shape_tuple(<Tensor>g)}")
        if req not in GRAD_REQS:
            raise KeyError(f"unknown grad_req {req!r}; expected 'write', 'add' or 'null'")
        check_gradient(<Tensor>x, <Tensor>g)
    for x, g, req in zip(arrays, targets, grad_reqs):
        variable = Variable.__new__(Variable)
        variable.req = GRAD_REQS[req]
        variable.grad = <Tensor>g
        (<Tensor>x).slot = variable
