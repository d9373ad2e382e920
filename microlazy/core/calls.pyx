"""What calls have in common that one plan can run: arguments and results, taken apart."""

from cpython.dict cimport PyDict_Next
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from cpython.ref cimport PyObject
from libc.math cimport signbit
from microlazy.core.tape cimport State
from microlazy.core.tensor cimport Tensor, current_device, deeper
from microlazy.core.trees cimport sorted_keys

import sys
from collections import OrderedDict, deque
from types import MemberDescriptorType, SimpleNamespace

import numpy

cdef enum:
    MOST_ITEMS = 256              # of a container that is looked into: larger ones are data
    MOST_CONTAINERS = 512         # that are looked into


cdef object flatten(object value, list tensors, int depth=0, object leaf=None):
    """Put the arrays in nested lists, tuples and dicts into `tensors`; return what is left.

    With `leaf`, as in trees: the keys of dicts are sorted, and anything else but None becomes an
    array by ``leaf(value)``.
    """
    cdef list keys
    if isinstance(value, Tensor):
        tensors.append(value)
        return Tensor
    if isinstance(value, dict) and (leaf is not None or is_plain_dict(value)):
        depth = deeper(depth)
        keys = list(value) if leaf is None else sorted_keys(value)
        return (type(value), keys, [flatten(value[key], tensors, depth, leaf) for key in keys])
    if isinstance(value, (list, tuple)):
        depth = deeper(depth)
        return (type(value), None, [flatten(item, tensors, depth, leaf) for item in value])
    if leaf is not None and value is not None:
        tensors.append(leaf(value))
        return Tensor
    return (None, value, None)


cdef bint is_plain_dict(object value):
    """Whether a dict is its keys and values alone: another of its class can be made of them."""
    kind = type(value)
    return kind is dict or ((kind.__init__ is dict.__init__ or kind is OrderedDict)
                            and not getattr(value, "__dict__", None))


cdef bint flatten_as(object value, object structure, list tensors, object leaf) except -1:
    """Put the arrays of a tree into `tensors`, if it has this structure.

    No structure is made on the way, so this takes less time than flatten() and alike().
    """
    cdef list parts
    cdef Py_ssize_t i
    if structure is Tensor:
        if isinstance(value, Tensor):
            tensors.append(value)
        elif value is None or isinstance(value, (dict, list, tuple)):
            return False
        else:
            tensors.append(leaf(value))
        return True
    if type(structure) is not tuple:
        return False
    kind, kept, parts = structure
    if kind is None:
        return value is None and kept is None
    if type(value) is not kind or len(value) != len(parts):
        return False
    for i in range(len(parts)):
        if kept is None:
            part = value[i]
        else:
            part = (<dict>value).get((<list>kept)[i], absent)
            if part is absent:
                return False
        if not flatten_as(part, parts[i], tensors, leaf):
            return False
    return True


cdef object absent = object()


cdef object unflatten(object structure, list tensors):
    """The inverse of flatten."""
    cdef list left = tensors[::-1]
    return filled(structure, left)


cdef object filled(object structure, list left):
    cdef list parts, items
    if structure is Tensor:
        return left.pop()
    kind, kept, parts = structure
    if kind is None:
        return kept
    items = [filled(part, left) for part in parts]
    if kind is list:
        return items
    if kept is None:
        return kind(*items) if hasattr(kind, "_fields") else kind(items)
    made = {} if kind is dict else kind()
    made.update(zip(kept, items))
    return made


cdef bint alike(object a, object b):
    """Whether two structures are equal, types included."""
    if type(a) is not tuple or type(b) is not tuple:
        return a is b or (type(a) is int and type(b) is int and a == b)
    if a[0] is not b[0] or not same_value(a[1], b[1]):
        return False
    if a[2] is None or b[2] is None:
        return a[2] is b[2]
    if len(a[2]) != len(b[2]):
        return False
    for x, y in zip(a[2], b[2]):
        if not alike(x, y):
            return False
    return True


cdef bint same_value(object a, object b):
    if isinstance(a, numpy.ndarray):
        return False              # it may have been written to since
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, numpy.generic):
        return bool(a == b)
    try:
        return equal(a, b)
    except Exception:             # an == of a user's class may fail: then only identity counts
        return False


cdef inline bint equal(object a, object b) except -1:
    """Whether two values of one type are equal, and no zeros of different signs."""
    return (a == b) is True and not (type(a) is float and a == 0
                                     and signbit(<double>a) != signbit(<double>b))


cdef frozenset PLAIN = frozenset((int, float, bool, str, bytes, type(None)))


cdef bint mix_structure(size_t* kind, object structure) except -1:
    """Mix what plain values tell into a kind; False if it holds NumPy arrays, which change."""
    if type(structure) is not tuple:
        return True
    value = structure[1]
    if structure[2] is not None:
        mix(kind, len(structure[2]))
        for part in structure[2]:
            if not mix_structure(kind, part):
                return False
    elif type(value) in PLAIN:
        mix(kind, <size_t>hash(value))
    elif isinstance(value, numpy.ndarray):
        return False
    return True


cdef inline void mix(size_t* kind, size_t value) noexcept:
    kind[0] = (kind[0] ^ value) * <size_t>0x9E3779B97F4A7C15
    kind[0] ^= kind[0] >> 29


cdef size_t kind_of(list args, State* s) noexcept:
    """A number that calls have in common which one plan can run; others may have it too."""
    cdef size_t kind = 4 * current_device() + 2 * (s.recording != 0) + (s.training != 0)
    cdef Tensor x
    cdef Py_ssize_t i
    cdef int axis
    for i in range(PyList_GET_SIZE(args)):
        x = <Tensor>PyList_GET_ITEM(args, i)
        mix(&kind, (x.ndim << 8) | (x.dtype << 2) | (x.face << 1) | x.contiguous)
        for axis in range(x.ndim):
            mix(&kind, <size_t>x.shape_[axis])
            if not x.contiguous:
                mix(&kind, <size_t>x.strides_[axis])
    return kind


def same(a, b) -> bool:
    """Whether two values are one object, or equal plain values of one type.

    Examples
    --------
    >>> from microlazy.core.calls import same
    >>> same((2, 3), (2, 3)), same(1, True)
    (True, False)
    """
    if type(a) is tuple and type(b) is tuple and len(a) == len(b):
        return all([same(x, y) for x, y in zip(a, b)])
    return a is b or (type(a) is type(b) and type(a) in PLAIN and equal(a, b))


cdef class Contents:
    """What the lists, dicts, sets, objects and NumPy arrays among some values hold, and those
    inside of them.

    An object is looked into if it is of a class of the program, but no function or block.
    """

    def __init__(self, values):
        cdef list left = list(values)[::-1]
        cdef set seen = set()
        self.containers, self.kept = [], []
        while left and len(self.containers) < MOST_CONTAINERS:
            value = left.pop()
            slots = ()
            if is_object(value):
                slots = slots_of(type(value))
                if hasattr(value, "__dict__"):
                    left.append(value.__dict__)
            if id(value) in seen or not (slots or is_small_container(value)):
                continue
            seen.add(id(value))
            items = items_of(value)
            if not isinstance(value, tuple):
                self.containers.append(value)
                self.kept.append(items)
            if not isinstance(value, (set, numpy.ndarray)):
                left.extend(items[::-1])

    cdef bint last(self) except -1:
        cdef Py_ssize_t i
        for i in range(len(self.containers)):
            if not holds(self.containers[i], self.kept[i]):
                return False
        return True

    cdef bint equals(self, Contents other) except -1:
        if len(self.containers) != len(other.containers):
            return False
        return all([a is b for a, b in zip(self.containers, other.containers)]) and all(
            [len(a) == len(b) and all([same(x, y) for x, y in zip(a, b)])
             for a, b in zip(self.kept, other.kept)])

    cdef int restore(self) except -1:
        for container, items in zip(self.containers, self.kept):
            if holds(container, items):
                continue
            if isinstance(container, numpy.ndarray):
                before = numpy.frombuffer(items[0], container.dtype)
                container[...] = before.reshape(container.shape)
                continue
            if not isinstance(container, (list, dict, set, deque)):
                for member, item in zip(slots_of(type(container)), items):
                    put_back(container, member, item)
                continue
            container.clear()
            if isinstance(container, dict):
                container.update(zip(items[::2], items[1::2]))
            elif isinstance(container, set):
                container.update(items)
            else:
                container.extend(items)
        return 0


cdef bint is_object(object value):
    """Whether a value has attributes of its own, as configurations do."""
    if isinstance(value, SimpleNamespace):
        return True
    package = type(value).__module__.partition(".")[0]
    if package == "argparse" and type(value).__name__ == "Namespace":     # not imported for this
        return True
    return (package not in sys.stdlib_module_names and package != "microlazy"
            and not (callable(value) and (hasattr(value, "__name__") or is_ours(type(value))))
            and (type(getattr(value, "__dict__", None)) is dict or bool(slots_of(type(value)))))


cdef bint is_ours(object kind):
    """Whether a class is made from one of microlazy's, as a program's blocks are."""
    return any([base.__module__.partition(".")[0] == "microlazy" for base in kind.__mro__])


cdef list slots_of(object kind):
    """What reads and writes the attributes that a class of the program has in `__slots__`."""
    return [member for each in kind.__mro__ if "__slots__" in each.__dict__
            for member in each.__dict__.values() if type(member) is MemberDescriptorType]


cdef int put_back(object value, object member, object item) except -1:
    if item is not absent:
        member.__set__(value, item)
    elif slot_of(value, member) is not absent:
        member.__delete__(value)
    return 0


cdef object slot_of(object value, object member):
    try:
        return member.__get__(value)
    except AttributeError:
        return absent


cdef bint is_small_container(object value):
    if isinstance(value, numpy.ndarray):
        return value.size <= MOST_ITEMS and not value.dtype.hasobject
    return isinstance(value, (list, dict, set, tuple, deque)) and len(value) <= MOST_ITEMS


cdef list items_of(object container):
    """The items of a list, tuple, deque or set; keys and values of a dict, in turns; an array's
    bytes; of another object, what is in its slots."""
    if isinstance(container, numpy.ndarray):
        return [container.tobytes()]
    if isinstance(container, dict):
        return [part for item in container.items() for part in item]
    if isinstance(container, (list, tuple, set, deque)):
        return list(container)
    return [slot_of(container, member) for member in slots_of(type(container))]


cdef bint holds(object container, list items) except -1:
    """Whether a container holds these very objects, or an array these bytes."""
    cdef Py_ssize_t place = 0, i = 0
    cdef PyObject* key
    cdef PyObject* value
    if type(container) is dict:
        if 2 * len(<object>container) != len(items):
            return False
        while PyDict_Next(container, &place, &key, &value):
            if (i + 1 >= len(items) or key != <PyObject*>PyList_GET_ITEM(items, i)
                    or value != <PyObject*>PyList_GET_ITEM(items, i + 1)):
                return False
            i += 2
        return True
    if isinstance(container, numpy.ndarray):
        return container.tobytes() == items[0]
    if isinstance(container, set):
        return len(container) == len(items) and container.issuperset(items)
    if type(container) is not list:
        container = items_of(container)
    if PyList_GET_SIZE(container) != len(items):
        return False
    for i in range(len(items)):
        if PyList_GET_ITEM(container, i) is not PyList_GET_ITEM(items, i):
            return False
    return True
