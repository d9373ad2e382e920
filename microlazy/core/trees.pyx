"""Functions mapped over trees of arrays: dicts, lists, tuples and None; anything else is a leaf."""

from microlazy.core.tensor cimport Tensor

cdef extern from "Python.h":
    int Py_EnterRecursiveCall(const char* where) except *  # says 1 or -1, as versions differ
    void Py_LeaveRecursiveCall()


def map_one(f not None, tree):
    """A tree of what a function returns for each leaf; the keys of dicts are sorted.

    Parameters
    ----------
    f : callable
        Called with each leaf.
    tree : tree
        None is not a leaf, but an empty tree.

    Raises
    ------
    RecursionError
        If it is too deep.

    Examples
    --------
    >>> from microlazy.core.trees import map_one
    >>> map_one(lambda leaf: 2 * leaf, {"b": [1, None], "a": (2,)})
    {'a': (4,), 'b': [2, None]}
    """
    return mapped(f, tree, None, False)


def map_pair(f not None, tree, other):
    """A tree of what a function returns for each leaf and what stands at its place in another tree.

    Parameters
    ----------
    f : callable
        Called with a leaf, and a leaf or tree of the other.
    tree, other : tree
        The other has at least the structure of the first.

    Raises
    ------
    ValueError
        If the structures differ; the message says where.
    RecursionError
        If they are too deep.

    Examples
    --------
    >>> from microlazy.core.trees import map_pair
    >>> map_pair(lambda a, b: a + b, {"a": 1}, {"a": 10})
    {'a': 11}
    """
    return mapped(f, tree, other, True)


cdef object mapped(object f, object tree, object other, bint pair):
    if isinstance(tree, Tensor):
        return f(tree, other) if pair else f(tree)
    if tree is None:
        return None
    if not isinstance(tree, (dict, list, tuple)):
        return f(tree, other) if pair else f(tree)
    Py_EnterRecursiveCall(b" while mapping over a tree")
    try:
        if isinstance(tree, dict):
            return mapped_dict(f, tree, other, pair)
        return mapped_sequence(f, tree, other, pair)
    finally:
        Py_LeaveRecursiveCall()


cdef object mapped_dict(object f, object tree, object other, bint pair):
    cdef object kind = type(tree)
    cdef object out = {} if kind is dict else kind()
    if pair and not (isinstance(other, dict) and tree.keys() == other.keys()):
        raise different(tree, other)
    for key in sorted_keys(tree):
        out[key] = mapped(f, tree[key], other[key] if pair else None, pair)
    return out


cdef object mapped_sequence(object f, object tree, object other, bint pair):
    cdef list parts
    if not pair:
        parts = [mapped(f, part, None, False) for part in tree]
    elif isinstance(other, (list, tuple)) and len(tree) == len(other):
        parts = [mapped(f, a, b, True) for a, b in zip(tree, other)]
    else:
        raise different(tree, other)
    kind = type(tree)
    if kind is list:
        return parts
    return kind(*parts) if hasattr(kind, "_fields") else kind(parts)


cdef list sorted_keys(object tree):
    try:
        return sorted(tree)
    except TypeError as error:
        raise ValueError(f"the keys of a dict in a tree must have an order, but those of "
                         f"{list(tree)!r} have none: {error}") from None


cdef object different(object tree, object other):
    return ValueError(f"trees of different structure: {told(tree)} against {told(other)}")


cdef str told(object part):
    if isinstance(part, dict):
        return f"a dict with keys {sorted_keys(part)}"
    if isinstance(part, (list, tuple)):
        return f"a {type(part).__name__} of {len(part)}"
    return f"a leaf of type {type(part).__name__}"
