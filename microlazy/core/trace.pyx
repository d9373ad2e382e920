"""Abstract evaluation: ops that say their output's shape and compute nothing."""

from microlazy.core.tape cimport Node, State, set_mode, state
from microlazy.core.tensor cimport MAX_NDIM, Tensor, dtype_number, header, parse_shape

from microlazy.util import is_np_array


def abstract(shape, dtype="float32", face=None):
    """An array with a shape and a dtype, but no memory and no values.

    Parameters
    ----------
    shape : int or tuple of int
    dtype : dtype or str
    face : {0, 1}, optional
        0 for nd, 1 for np; what `npx.set_np()` chose when left out.

    Examples
    --------
    >>> from microlazy.core.trace import abstract
    >>> abstract((2, 3)).shape
    (2, 3)
    """
    cdef Py_ssize_t[MAX_NDIM] sizes
    cdef int ndim = parse_shape(shape, sizes)
    cdef Tensor x = header(is_np_array() if face is None else face, dtype_number(dtype), ndim,
                           sizes)
    x.abstract = True
    return x


def is_tracing() -> bool:
    """Whether this thread works out shapes only.

    Examples
    --------
    >>> from microlazy.core.trace import is_tracing, tracing
    >>> with tracing():
    ...     is_tracing()
    True
    """
    return bool(state().tracing)


cdef class tracing:
    """Inside this scope every op gives an abstract array, whatever its inputs are.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.trace import tracing
    >>> with tracing():
    ...     y = nd.ones((2, 3)) * 2
    >>> y.is_abstract, y.shape
    (True, (2, 3))
    """
    cdef State before

    def __enter__(self):
        cdef State* s = state()
        self.before = s[0]
        set_mode(s, s.recording, True)
        s.trace = NULL
        s.unplanned = False
        return self

    def __exit__(self, *exc):
        cdef State* s = state()
        s[0] = self.before
        set_mode(s, s.recording, s.tracing)     # whether that is plain may have changed


cdef class listing(tracing):
    """A scope as `tracing`, which lists the ops that run in it.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.trace import listing
    >>> with listing() as ops:
    ...     y = (nd.ones((2,)) + 1).exp()
    >>> [(name, len(inputs), output.shape) for name, inputs, output in ops.rows()]
    [('add', 1, (2,)), ('exp', 1, (2,))]
    """
    cdef list nodes

    def __enter__(self):
        tracing.__enter__(self)
        self.nodes = []
        state().trace = <void*>self.nodes
        return self

    def __len__(self):
        return len(self.nodes)

    def rows(self) -> list:
        """Each op's name, the arrays that it was given, and the array that it gave."""
        cdef Node node
        cdef list found = []
        for node in self.nodes:
            given = [node.a, node.b, node.c, *(node.rest or ())]
            found.append((node.name(), [x for x in given if isinstance(x, Tensor)], node.out))
        return found


def ops_of(function, *args) -> list:
    """The names of the ops that a function runs on some arguments, in order, from a trace.

    What NumPy computes is named "numpy:" and its function.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.trace import ops_of
    >>> ops_of(lambda x: (x + x).exp(), nd.ones((2,)))
    ['add', 'exp']
    """
    with listing() as ops:
        function(*args)
    return [name for name, _, _ in ops.rows()]


cdef class suspended:
    """Inside this scope ops compute, though a trace is going on, and random numbers come from a
    stream of their own: initializers run there."""
    cdef State before

    def __enter__(self):
        cdef State* s = state()
        self.before = s[0]
        set_mode(s, s.recording, False)
        s.trace = NULL
        s.stream = 1
        return self

    def __exit__(self, *exc):
        cdef State* s = state()
        s[0] = self.before
        set_mode(s, s.recording, s.tracing)     # whether that is plain may have changed
