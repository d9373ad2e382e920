"""Indexing with integers, slices, masks and integer arrays; where.

Basic keys (integers, slices, None, Ellipsis) give a view where the result is packed memory, as in
MXNet, else a copy. A mask, and places along the first axes, are rows for ops/gather; other keys go
through NumPy on a view.
"""

cimport cython
from cpython.long cimport PyLong_Check
from cpython.slice cimport PySlice_AdjustIndices, PySlice_Unpack
from cython.parallel cimport prange
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport B_NOT_EQUAL
from microlazy.core.loops.elementwise cimport fill
from microlazy.core.ops.cast cimport cast, copied, promoted
from microlazy.core.ops.elementwise cimport masked
from microlazy.core.ops.gather cimport gather_rows
from microlazy.core.ops.shape cimport reshape, view
from microlazy.core.ops.slots cimport give, hand_on
from microlazy.core.parallel cimport LIGHT_GRAIN, threads
from microlazy.core.strided cimport (
    Pieces, broadcast_shape, cut, expanded, packed, piece, piece_length, piece_start,
)
from microlazy.core.tape cimport NEEDS_C, Node, Pass, run, state
from microlazy.core.tensor cimport (
    BOOL, FLOAT16, FLOAT32, FLOAT64, MAX_NDIM, ND, NP, Tensor, deeper, from_numpy, header,
    is_contiguous, is_float, itemsize, like, look_at, need_values, new, numpy_dtype, parse_shape,
    same_shape, shape_tuple, view_numpy,
)

import operator
import warnings

import numpy

from microlazy.base import MXNetError, ShapeError

cdef tuple SLICE_OR_BOOL = (slice, bool, numpy.bool_)      # not literals: see core/functions


cdef bint is_index(object item):
    return PyLong_Check(item) and type(item) is not bool or (
        isinstance(item, numpy.integer))


cdef int resolve(Tensor x, object key, Basic* b) except -1:
    """Fill b from a basic key and return 1; return 0 for any other key."""
    cdef Py_ssize_t first, last, step, count, index
    cdef int axis = 0, named = 0
    cdef bint ellipsis = False
    cdef tuple items = key if type(key) is tuple else (key,)
    for item in items:
        if item is Ellipsis:
            if ellipsis:
                raise IndexError("an index can only have a single ellipsis ('...')")
            ellipsis = True
        elif type(item) is slice or is_index(item):
            named += 1
        elif item is not None:
            return 0
    if named > x.ndim:
        raise IndexError(f"too many indices ({named}) for array with {x.ndim} dimensions")
    if len(items) - named - ellipsis + x.ndim > MAX_NDIM:
        raise IndexError(f"an array has at most {MAX_NDIM} axes")
    if not ellipsis:
        items = items + (Ellipsis,)
    b.ndim = 0
    for item in items:
        if item is None:
            b.shape[b.ndim] = 1
            b.step[b.ndim] = 0
            b.source[b.ndim] = -1
            b.ndim += 1
        elif item is Ellipsis:
            for _ in range(x.ndim - named):
                b.start[axis] = 0
                b.shape[b.ndim] = x.shape_[axis]
                b.step[b.ndim] = 1
                b.source[b.ndim] = axis
                b.ndim += 1
                axis += 1
        elif type(item) is slice:
            PySlice_Unpack(item, &first, &last, &step)
            count = PySlice_AdjustIndices(x.shape_[axis], &first, &last, step)
            b.start[axis] = first if count else 0
            b.shape[b.ndim] = count
            b.step[b.ndim] = step
            b.source[b.ndim] = axis
            b.ndim += 1
            axis += 1
        else:
            number = operator.index(item)
            try:
                index = number
            except OverflowError:
                raise IndexError(f"index {number} is out of bounds for axis {axis} with size "
                                 f"{x.shape_[axis]}") from None
            if index < -x.shape_[axis] or index >= x.shape_[axis]:
                raise IndexError(f"index {index} is out of bounds for axis {axis} with size "
                                 f"{x.shape_[axis]}")
            b.start[axis] = index + x.shape_[axis] if index < 0 else index
            axis += 1
    return 1


cdef int resolve_slice(Tensor x, slice key, Basic* b) except -1:
    """Fill b from a slice of the first axis."""
    cdef Py_ssize_t first, last, step
    cdef int i
    PySlice_Unpack(key, &first, &last, &step)
    for i in range(x.ndim):
        b.start[i] = 0
        b.shape[i] = x.shape_[i]
        b.step[i] = 1
        b.source[i] = i
    b.ndim = x.ndim
    b.shape[0] = PySlice_AdjustIndices(x.shape_[0], &first, &last, step)
    b.start[0] = first if b.shape[0] else 0
    b.step[0] = step
    return 0


class Place(int):
    """In a key: the index array of that number among the key's arrays."""


cdef object key_without_arrays(object key, list arrays):
    """An advanced key in NumPy's terms, our arrays put into `arrays` and numbered in the key."""
    if type(key) is tuple:
        return tuple([key_item(item, arrays, 0) for item in key])
    return key_item(key, arrays, 0)


cdef object key_item(object item, list arrays, int depth):
    if isinstance(item, Tensor):
        arrays.append(item)
        return Place(len(arrays) - 1)
    if isinstance(item, numpy.ndarray):
        return item.astype(numpy.int64) if item.dtype.kind == "f" else item.copy()
    if isinstance(item, list):
        depth = deeper(depth)
        return [key_item(part, arrays, depth) for part in item] if has_arrays(item) else list(item)
    if isinstance(item, SLICE_OR_BOOL) or item is None or item is Ellipsis:
        return item
    if isinstance(item, (tuple, range)):
        return list(item)
    try:
        return operator.index(item)
    except TypeError:
        raise IndexError(f"cannot index an array with {item!r} of type {type(item)}; use "
                         "integers, slices, None, ..., masks or integer arrays") from None


cdef bint has_arrays(list items):
    for item in items:
        if isinstance(item, (Tensor, list)):
            return True
    return False


cdef object key_with(object key, list values, int depth=0):
    """The key with index arrays at their places."""
    if type(key) is Place:
        return values[key]
    if type(key) is tuple:
        depth = deeper(depth)
        return tuple([key_with(item, values, depth) for item in key])
    if type(key) is list:
        depth = deeper(depth)
        return [key_with(item, values, depth) for item in key]
    return key


cdef object index_values(Tensor t):
    """A copy of an index array that NumPy takes: masks stay, the rest is int64."""
    need_values(t, "it was used as an index")
    if t.dtype == BOOL:
        return view_numpy(t).copy()
    return view_numpy(t).astype(numpy.int64)


cdef int hint_at_mask(Tensor x, object key) except -1:
    """Warn of a float index that has the shape of a mask, and only zeros and ones."""
    cdef Tensor t
    cdef int i
    if not isinstance(key, Tensor):
        return 0
    t = <Tensor>key
    if not is_float(t.dtype) or t.abstract or t.size < 3 or t.ndim > x.ndim:
        return 0
    for i in range(t.ndim):
        if t.shape_[i] != x.shape_[i]:
            return 0
    if zeros_and_ones(packed(t)):
        warnings.warn(
            f"an index of {t.size} floats, all 0 or 1, was taken as the places 0 and 1. If it is "
            "a mask, such as a comparison of nd arrays gives, write mask.astype('bool')",
            UserWarning, stacklevel=1)
    return 0


cdef bint zeros_and_ones(Tensor t):
    cdef Py_ssize_t i
    cdef double number
    if t.dtype == FLOAT16:
        t = cast(t, FLOAT32)
    for i in range(t.size):
        number = (<float*>t.data)[i] if t.dtype == FLOAT32 else (<double*>t.data)[i]
        if number != 0 and number != 1:
            return False
    return True


# ---- reading -----------------------------------------------------------------------------------

cdef Tensor basic_view(Tensor x, Basic* b):
    return view(x, b.start, b.ndim, b.shape, b.source, b.step)


cdef object get_item(Tensor x, object key):
    cdef Basic b
    cdef Tensor y
    cdef Py_ssize_t one = 1
    if type(key) is slice and x.ndim:
        if key.start is None and key.stop is None and key.step is None:
            return x
        resolve_slice(x, key, &b)
    elif not resolve(x, key, &b):
        return gather(x, key)
    y = basic_view(x, &b)
    if not y.contiguous:
        y = copied(y)
    if y.ndim == 0 and x.face == ND:
        y = reshape(y, 1, &one)
    return y


@cython.no_gc
@cython.final
cdef class KeyGather(Node):
    """x[key] for any advanced key, by NumPy; `rest` holds the key's own arrays."""
    cdef object key, resolved

    cdef int forward(self) except -1:
        self.resolved = key_with(self.key, [index_values(t) for t in self.rest])
        view_numpy(self.out)[...] = view_numpy(self.a)[self.resolved]
        return 0

    cdef int backward(self, Pass p) except -1:
        cdef bint accumulate
        cdef Tensor dx = p.target(self.a, &accumulate)
        if dx is None:
            return 0
        if not accumulate:
            fill(dx, 0.0)
        numpy.add.at(view_numpy(dx), self.resolved, view_numpy(self.grad))
        return 0

    cdef int derive(self, Pass p, Tensor g) except -1:
        return hand_on(p, self.a, scattered(g, self.resolved, self.a))

    cdef str name(self):
        return "numpy:gather"


@cython.no_gc
@cython.final
cdef class KeyScatter(Node):
    """The adjoint of x[key]: zeros with the input added at the key's places."""
    cdef object key

    cdef int forward(self) except -1:
        array = view_numpy(self.out)
        array[...] = 0
        numpy.add.at(array, self.key, view_numpy(self.a).reshape(array[self.key].shape))
        return 0

    cdef int backward(self, Pass p) except -1:
        cdef Tensor part
        if p.wants(self.a):
            part = like(self.a)
            array = view_numpy(part)
            array[...] = view_numpy(self.grad)[self.key].reshape(array.shape)
            give(p, self.a, part)
        return 0

    cdef int derive(self, Pass p, Tensor g) except -1:
        return hand_on(p, self.a, reshape(gather(g, self.key), self.a.ndim, self.a.shape_))

    cdef str name(self):
        return "numpy:scatter"


cdef Tensor scattered(Tensor values, object key, Tensor x):
    """Zeros of x's shape with `values` added at a key of numbers, slices and NumPy arrays."""
    cdef KeyScatter node = KeyScatter.__new__(KeyScatter)
    node.a = values
    node.key = key
    return run(node, header(values.face, values.dtype, x.ndim, x.shape_))


cdef int put_values(Tensor x, object key, object values) except -1:
    try:
        view_numpy(x)[key] = values
    except ValueError as error:
        if not isinstance(values, numpy.ndarray):     # a nan for integers
            raise
        raise ShapeError(str(error)) from None
    return 0


cdef Tensor gather(Tensor x, object key):
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef KeyGather node
    cdef Tensor t
    cdef int ndim
    hint_at_mask(x, key)
    t = gather_rows(x, key)
    if t is not None:
        return t
    node = KeyGather.__new__(KeyGather)
    node.rest = []
    node.key = key_without_arrays(key, node.rest)
    # The shape of the result, from an array of x's shape that has but one byte of memory. Only a
    # mask must be looked at for that.
    stand_in = numpy.broadcast_to(numpy.zeros((), numpy.int8), shape_tuple(x))
    values = [index_values(t) if t.dtype == BOOL or not t.abstract
              else numpy.zeros(shape_tuple(t), numpy.int64) for t in node.rest]
    ndim = parse_shape(stand_in[key_with(node.key, values)].shape, shape)
    node.a = x
    if ndim == 0 and x.face == ND:
        shape[0] = 1
        ndim = 1
    return run(node, header(x.face, x.dtype, ndim, shape))


# ---- writing -----------------------------------------------------------------------------------

cdef object resolved_key(object key):
    """A key as NumPy takes it, with the values of our arrays."""
    cdef list arrays = []
    cdef object bare = key_without_arrays(key, arrays)
    return key_with(bare, [index_values(t) for t in arrays])


cdef Tensor basic_part(Tensor x, Basic* b):
    """The part of x that a basic key names, outside the tape."""
    cdef Tensor part = header(x.face, x.dtype, b.ndim, b.shape)
    cdef Py_ssize_t offset = 0
    cdef int i
    for i in range(x.ndim):
        offset += b.start[i] * x.strides_[i]
    for i in range(b.ndim):
        part.strides_[i] = 0 if b.source[i] < 0 else b.step[i] * x.strides_[b.source[i]]
    part.contiguous = is_contiguous(part)
    look_at(part, x.block, x.data + (offset if part.size else 0))
    return part


# ---- where -------------------------------------------------------------------------------------

cdef Tensor truth_of(Tensor condition):
    """Bytes that are not 0 where the condition is not."""
    cdef Tensor truth
    if itemsize(condition.dtype) == 1:
        return condition
    truth = new(condition.face, BOOL, condition.ndim, condition.shape_)
    if condition.dtype <= FLOAT64:
        condition = packed(condition)
        kernels.compare_scalar[condition.dtype](B_NOT_EQUAL, condition.data, 0.0,
                                                <unsigned char*>truth.data, truth.size)
    else:
        view_numpy(truth)[...] = view_numpy(condition) != 0
    return truth


cdef int choose(Tensor condition, Tensor a, Tensor b, Tensor out) except -1:
    """out = a where the bytes of the condition are not 0, else b; not for empty arrays."""
    cdef Pieces p
    cdef Py_ssize_t i, size = itemsize(out.dtype)
    cdef bint one_a = a.size == 1, one_b = b.size == 1
    cdef char* target = out.data
    cdef int kernel = FLOAT32 if size == 4 else FLOAT64     # bits are copied, whatever they mean
    if size < 4:
        view_numpy(out)[...] = numpy.where(view_numpy(condition) != 0, view_numpy(a), view_numpy(b))
        return 0
    if out.size < LIGHT_GRAIN:
        condition = packed(expanded(condition, out.ndim, out.shape_))
        a = a if one_a else packed(expanded(a, out.ndim, out.shape_))
        b = b if one_b else packed(expanded(b, out.ndim, out.shape_))
        kernels.select[kernel](<unsigned char*>condition.data, a.data, one_a, b.data, one_b,
                               target, out.size)
        return 0
    _scratch = cut(&p, out, 3, condition, a, b)
    for i in prange(p.total, nogil=True, schedule="static", num_threads=threads()):
        kernels.select[kernel](<unsigned char*>piece(&p, 0, i),
                               p.data[1] if one_a else piece(&p, 1, i), one_a,
                               p.data[2] if one_b else piece(&p, 2, i), one_b,
                               target + piece_start(&p, i) * size, piece_length(&p, i))
    return 0


@cython.no_gc
@cython.final
cdef class Where(Node):
    """a where c holds, else b, broadcast to one shape."""

    cdef int forward(self) except -1:
        if self.out.size == 0:
            return 0
        return choose(truth_of(self.c), self.a, self.b, self.out)

    cdef int backward(self, Pass p) except -1:
        cdef Tensor zero, part, condition
        zero = new(self.grad.face, self.grad.dtype, 0, NULL)
        fill(zero, 0.0)
        condition = truth_of(self.c)
        if p.wants(self.a):
            part = like(self.grad)
            choose(condition, self.grad, zero, part)
            give(p, self.a, part)
        if p.wants(self.b):
            part = like(self.grad)
            choose(condition, zero, self.grad, part)
            give(p, self.b, part)
        return 0

    cdef int derive(self, Pass p, Tensor g) except -1:
        holds = numpy.broadcast_to(view_numpy(self.c) != 0, shape_tuple(g))
        if p.wants(self.a):
            hand_on(p, self.a, masked(g, as_floats(holds, g)))
        if p.wants(self.b):
            hand_on(p, self.b, masked(g, as_floats(~holds, g)))
        return 0


cdef Tensor as_floats(object mask, Tensor like_this):
    """A NumPy mask as 0 and 1 of an array's face and dtype."""
    return from_numpy(mask.astype(numpy_dtype(like_this.dtype)), like_this.face)


cdef Tensor where(Tensor condition, Tensor x, Tensor y):
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Tensor both
    cdef Where node
    cdef int dtype = x.dtype, ndim
    if state().plain and x.dtype == y.dtype and same_shape(x, y) and same_shape(x, condition) and (
            x.face == condition.face and x.size
            and not (x.abstract or y.abstract or condition.abstract)):
        both = like(x)
        choose(truth_of(condition), x, y, both)
        return both
    if x.dtype != y.dtype:
        if x.face != NP:
            raise MXNetError(f"where: x and y must have one dtype, but they are "
                             f"{numpy_dtype(x.dtype)} and {numpy_dtype(y.dtype)}")
        dtype = promoted(x.dtype, y.dtype)
    ndim = broadcast_shape(x, y, shape, "where")
    both = header(x.face, dtype, ndim, shape)
    if condition.face == ND and condition.ndim == 1 and ndim > 1 and (
            condition.shape_[0] == shape[0]):     # nd: one condition for each row
        condition = reshape_column(condition, ndim)
    ndim = broadcast_shape(both, condition, shape, "where")
    if state().plain and not (x.abstract or y.abstract or condition.abstract):
        both = new(x.face, dtype, ndim, shape)
        if both.size:
            choose(truth_of(condition), cast(x, dtype), cast(y, dtype), both)
        return both
    node = Where.__new__(Where)
    node.a = cast(x, dtype)
    node.b = cast(y, dtype)
    node.c = condition
    node.needs = NEEDS_C
    return run(node, header(x.face, dtype, ndim, shape))


cdef Tensor reshape_column(Tensor x, int ndim):
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int i
    shape[0] = x.shape_[0]
    for i in range(1, ndim):
        shape[i] = 1
    return reshape(x, ndim, shape)
