"""Views of the same memory, and joining of arrays.

A view's node only says where in its input's memory it looks; its gradient is added to the part of
the input's gradient that the view shows.
"""

cimport cython
from cython.parallel cimport prange
from libc.string cimport memcpy
from microlazy.core.loops.elementwise cimport fill
from microlazy.core.ops.cast cimport cast, promoted
from microlazy.core.ops.results cimport Source, hand_out
from microlazy.core.ops.slots cimport hand_on, pass_on
from microlazy.core.parallel cimport LIGHT_GRAIN, threads
from microlazy.core.strided cimport add_to, assign, copy_run, pack
from microlazy.core.tape cimport (
    Node, Pass, enlist, observed, put, run, state, tracked,
)
from microlazy.core.tensor cimport (
    MAX_NDIM, NP, Tensor, alias, allocate, device_of, header, is_contiguous, is_float, itemsize,
    look_at, new, numpy_dtype, same_shape, set_strides, shape_tuple, take_layout,
)

from microlazy.base import MXNetError, ShapeError


# ---- reshape -----------------------------------------------------------------------------------

@cython.no_gc
@cython.final
cdef class Reshape(Node):
    """The same elements in the same order: a view of packed memory, else a copy."""

    cdef int forward(self) except -1:
        if self.views:
            look_at(self.out, self.a.block, self.a.data)
        else:
            pack(self.a, self.out.data)
        return 0

    cdef int backward(self, Pass p) except -1:
        cdef Tensor g = alias(self.grad)
        g.ndim = self.a.ndim
        memcpy(g.shape_, self.a.shape_, self.a.ndim * sizeof(Py_ssize_t))
        set_strides(g)
        return pass_on(p, self.a, g)

    cdef bint steady(self) noexcept:
        return True

    cdef int derive(self, Pass p, Tensor g) except -1:
        return hand_on(p, self.a, reshape(g, self.a.ndim, self.a.shape_))


cdef Tensor reshape(Tensor x, int ndim, const Py_ssize_t* shape):
    cdef Tensor out = header(x.face, x.dtype, ndim, shape)
    cdef Reshape node
    if x.contiguous and state().plain and not x.abstract:
        look_at(out, x.block, x.data)
        return out
    node = Reshape.__new__(Reshape)
    node.a = x
    node.views = x.contiguous
    return run(node, out)


# ---- views -------------------------------------------------------------------------------------

cdef Py_ssize_t lay_out(Tensor base, Tensor part, const Py_ssize_t* start, const int* source,
                        const Py_ssize_t* step) noexcept:
    """Give `part`, which has its shape, its strides; returns where in `base` it begins."""
    cdef Py_ssize_t offset = 0
    cdef int i
    for i in range(base.ndim):
        offset += start[i] * base.strides_[i]
    for i in range(part.ndim):
        part.strides_[i] = 0 if source[i] < 0 else step[i] * base.strides_[source[i]]
    part.contiguous = is_contiguous(part)
    return offset if part.size else 0


@cython.no_gc
@cython.final
cdef class View(Node):
    cdef int look(self, Tensor base, Tensor part) except -1:
        """Point `part`, which has its shape, at its place in `base`."""
        cdef Py_ssize_t offset = lay_out(base, part, self.start, self.source, self.step)
        look_at(part, base.block, base.data + offset)
        return 0

    cdef bint moves_channels_last(self, Tensor part) noexcept:
        """Whether `part` is all of the input, its second axis moved to the end."""
        cdef int i, axis, last = part.ndim - 1
        if self.a.ndim != part.ndim or last < 2:
            return False
        for i in range(part.ndim):
            axis = 1 if i == last else i + (i > 0)
            if self.start[i] or self.step[i] != 1 or self.source[i] != axis or (
                    part.shape_[i] != self.a.shape_[axis]):
                return False
        return True

    cdef int forward(self) except -1:
        return self.look(self.a, self.out)

    cdef int backward(self, Pass p) except -1:
        cdef bint accumulate
        cdef Tensor dx = p.target(self.a, &accumulate), part
        if dx is None:
            return 0
        part = header(dx.face, dx.dtype, self.grad.ndim, self.grad.shape_)
        self.look(dx, part)
        if accumulate:
            return add_to(part, self.grad)
        if part.size != dx.size:
            fill(dx, 0.0)
        return assign(part, self.grad)

    cdef int derive(self, Pass p, Tensor g) except -1:
        return hand_on(p, self.a, unview(self, self.a, g))


@cython.no_gc
@cython.final
cdef class Unview(Node):
    """The adjoint of a view: its input where the view looks, and a number elsewhere."""
    cdef View of
    cdef double border

    cdef int forward(self) except -1:
        cdef Tensor part = header(self.a.face, self.a.dtype, self.a.ndim, self.a.shape_)
        self.of.look(self.out, part)
        if part.size != self.out.size:
            fill(self.out, self.border)
        return assign(part, self.a)

    cdef int backward(self, Pass p) except -1:
        cdef Tensor part
        if p.wants(self.a):
            part = header(self.a.face, self.a.dtype, self.a.ndim, self.a.shape_)
            self.of.look(self.grad, part)
            pass_on(p, self.a, part)
        return 0

    cdef int derive(self, Pass p, Tensor g) except -1:
        return hand_on(p, self.a, view(g, self.of.start, self.a.ndim, self.a.shape_,
                                       self.of.source, self.of.step))

    cdef str name(self):
        return "gradient of a view"


cdef Tensor unview(View of, Tensor x, Tensor g):
    """g where a view of an array of x's shape looks, and 0 elsewhere."""
    cdef Unview node = Unview.__new__(Unview)
    node.a = g
    node.of = of
    return run(node, header(g.face, g.dtype, x.ndim, x.shape_))


cdef View view_node(Tensor x, const Py_ssize_t* start, int ndim, const int* source,
                    const Py_ssize_t* step):
    """Where a view looks; without its input, off the tape."""
    cdef View node = View.__new__(View)
    memcpy(node.start, start, x.ndim * sizeof(Py_ssize_t))
    memcpy(node.step, step, ndim * sizeof(Py_ssize_t))
    memcpy(node.source, source, ndim * sizeof(int))
    return node


cdef Tensor view(Tensor x, const Py_ssize_t* start, int ndim, const Py_ssize_t* shape,
                 const int* source, const Py_ssize_t* step):
    cdef Tensor out = header(x.face, x.dtype, ndim, shape)
    cdef Py_ssize_t offset
    cdef View node
    if state().plain and not x.abstract:
        offset = lay_out(x, out, start, source, step)
        look_at(out, x.block, x.data + offset)
        return out
    node = view_node(x, start, ndim, source, step)
    node.a = x
    node.views = True
    if state().tracing:
        lay_out(x, out, start, source, step)      # what reads it may ask, without memory
    return run(node, out)


cdef Tensor placed(Tensor x, const Py_ssize_t* start, const Py_ssize_t* step,
                   const Py_ssize_t* shape, double border):
    """An array of a shape: x from `start` on, in steps, and the border's number elsewhere."""
    cdef View where = View.__new__(View)
    cdef Unview node = Unview.__new__(Unview)
    cdef int i
    for i in range(x.ndim):
        where.start[i] = start[i]
        where.step[i] = step[i]
        where.source[i] = i
    node.a = x
    node.of = where
    node.border = border
    return run(node, header(x.face, x.dtype, x.ndim, shape))


cdef Tensor transpose(Tensor x, const int* axes):
    cdef Py_ssize_t[MAX_NDIM] start
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_ssize_t[MAX_NDIM] step
    cdef int i
    for i in range(x.ndim):
        start[i] = 0
        step[i] = 1
        shape[i] = x.shape_[axes[i]]
    return view(x, start, x.ndim, shape, axes, step)


cdef bint has_channels_second(Tensor x) noexcept:
    """Whether images with the channels last lie in memory as if these were the second axis."""
    cdef Py_ssize_t pixels = itemsize(x.dtype)
    cdef int i
    if x.contiguous or x.ndim < 3 or not x.size:
        return False
    for i in range(x.ndim - 2, 0, -1):
        if x.strides_[i] != pixels:
            return False
        pixels *= x.shape_[i]
    return x.strides_[x.ndim - 1] == pixels and (
        x.strides_[0] == pixels * x.shape_[x.ndim - 1])


cdef Tensor channels_second(Tensor x):
    """A view of images whose channels are last; or what such a view was made from by the inverse.

    So no gradient goes through two views that undo each other.
    """
    cdef int[MAX_NDIM] axes
    cdef View node
    cdef int i
    if type(x.slot) is View:
        node = <View>x.slot
        if node.a is not None and node.moves_channels_last(x):
            return node.a
    axes[0] = 0
    axes[1] = x.ndim - 1
    for i in range(2, x.ndim):
        axes[i] = i - 1
    return transpose(x, axes)


cdef Tensor channels_last(Tensor x):
    cdef int[MAX_NDIM] axes
    cdef int i
    axes[0] = 0
    for i in range(1, x.ndim - 1):
        axes[i] = i + 1
    axes[x.ndim - 1] = 1
    return transpose(x, axes)


cdef Tensor expand_dims(Tensor x, int axis):
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_ssize_t[MAX_NDIM] start
    cdef Py_ssize_t[MAX_NDIM] step
    cdef int[MAX_NDIM] source
    cdef int i
    if x.ndim == MAX_NDIM:
        raise ShapeError(f"an array has at most {MAX_NDIM} axes")
    for i in range(x.ndim + 1):
        if i < x.ndim:
            start[i] = 0
        step[i] = 1
        source[i] = -1 if i == axis else i - (i > axis)
        shape[i] = 1 if i == axis else x.shape_[source[i]]
    return view(x, start, x.ndim + 1, shape, source, step)


cdef Tensor section(Tensor x, int axis, Py_ssize_t first, Py_ssize_t last):
    """x[..., first:last, ...] along one axis."""
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_ssize_t[MAX_NDIM] start
    cdef Py_ssize_t[MAX_NDIM] step
    cdef int[MAX_NDIM] source
    cdef int i
    for i in range(x.ndim):
        start[i] = first if i == axis else 0
        step[i] = 1
        source[i] = i
        shape[i] = last - first if i == axis else x.shape_[i]
    return view(x, start, x.ndim, shape, source, step)


# ---- parts -------------------------------------------------------------------------------------

@cython.no_gc
@cython.final
cdef class Parts(Source):
    """Copies of parts that make up the input, none of which overlaps another.

    Their gradients are written to their places at once, without zeros below them.
    """
    cdef list places              # a View for each part, off the tape

    cdef int backward(self, Pass p) except -1:
        cdef bint accumulate
        cdef Tensor dx = p.target(self.a, &accumulate), g, part
        cdef list grads = self.take_grads()
        cdef Py_ssize_t i
        if dx is None:
            return 0
        if not accumulate and None in grads:
            fill(dx, 0.0)
        for i in range(self.count):
            g = grads[i]
            if g is None:
                continue
            part = header(dx.face, dx.dtype, g.ndim, g.shape_)
            (<View>self.places[i]).look(dx, part)
            if accumulate:
                add_to(part, g)
            else:
                assign(part, g)
        return 0

    cdef int derive(self, Pass p, Tensor _g) except -1:
        cdef list grads = self.take_grads()
        cdef Py_ssize_t i
        for i in range(self.count):
            if grads[i] is not None:
                hand_on(p, self.a, unview(self.places[i], self.a, grads[i]))
        return 0

    cdef str name(self):
        return "split"


cdef list recorded_parts(Tensor x, list places, list looks):
    """Copies on the tape of the parts of x, each element of which is in one of them."""
    cdef Parts source = Parts.__new__(Parts)
    cdef Tensor part, y
    cdef list results = []
    source.a = x
    source.places = places
    source.count = len(places)
    enlist(source)
    for part in looks:
        y = new(x.face, x.dtype, part.ndim, part.shape_)
        put(y, device_of(x))
        pack(part, y.data)
        hand_out(source, len(results), y, x)
        results.append(y)
    return results


cdef list parts(Tensor x, int axis, list edges, bint drop):
    cdef Py_ssize_t[MAX_NDIM] start
    cdef Py_ssize_t[MAX_NDIM] step
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int[MAX_NDIM] source
    cdef list places = [], looks = []
    cdef int ndim = x.ndim - drop, i
    cdef Tensor part
    cdef View place
    if not state().recording or state().tracing or observed or x.abstract or not (
            tracked(x) and is_float(x.dtype)):
        return None
    for i in range(x.ndim):
        start[i] = 0
    for i in range(ndim):
        source[i] = i + (drop and i >= axis)
        step[i] = 1
        shape[i] = x.shape_[source[i]]
    for i in range(len(edges) - 1):
        start[axis] = edges[i]
        if not drop:
            shape[axis] = <Py_ssize_t>edges[i + 1] - start[axis]
        if edges[i + 1] < edges[i]:
            return None
        part = header(x.face, x.dtype, ndim, shape)
        place = view_node(x, start, ndim, source, step)
        place.look(x, part)
        if part.contiguous:
            return None
        places.append(place)
        looks.append(part)
    return recorded_parts(x, places, looks)


# ---- other arrays on the same memory -----------------------------------------------------------

@cython.no_gc
@cython.final
cdef class SameMemory(Node):
    """The input under another face, or cut off from the graph."""
    cdef bint detached

    cdef int forward(self) except -1:
        take_layout(self.out, self.a)
        look_at(self.out, self.a.block, self.a.data)
        return 0

    cdef int backward(self, Pass p) except -1:
        return 0 if self.detached else pass_on(p, self.a, self.grad)

    cdef int derive(self, Pass p, Tensor g) except -1:
        return hand_on(p, self.a, same_memory(g, self.a.face, False))


cdef Tensor same_memory(Tensor x, int face, bint detached):
    cdef SameMemory node = SameMemory.__new__(SameMemory)
    cdef Tensor out = header(face, x.dtype, x.ndim, x.shape_)
    take_layout(out, x)
    node.a = x
    node.views = True
    node.detached = detached
    out = run(node, out)
    if detached:
        out.slot = None
    return out


# ---- broadcasting ------------------------------------------------------------------------------

@cython.no_gc
@cython.final
cdef class BroadcastTo(Node):
    cdef int forward(self) except -1:
        return assign(self.out, self.a)

    cdef int backward(self, Pass p) except -1:
        return pass_on(p, self.a, self.grad)

    cdef int derive(self, Pass p, Tensor g) except -1:
        return hand_on(p, self.a, g)

    cdef str name(self):
        return "broadcast_to"


cdef Tensor broadcast_to(Tensor x, int ndim, const Py_ssize_t* shape):
    cdef BroadcastTo node
    cdef int i
    for i in range(1, x.ndim + 1):
        if i > ndim or x.shape_[x.ndim - i] not in (1, shape[ndim - i]):
            raise ShapeError(f"broadcast_to: an array of shape {shape_tuple(x)} cannot become "
                             f"{tuple([shape[j] for j in range(ndim)])}")
    node = BroadcastTo.__new__(BroadcastTo)
    node.a = x
    return run(node, header(x.face, x.dtype, ndim, shape))


# ---- rolling and joining -----------------------------------------------------------------------

cdef Tensor piece(Tensor whole, int axis, Py_ssize_t first, Py_ssize_t length):
    """A part along an axis, on the same memory, outside of the tape."""
    cdef Tensor part = alias(whole)
    part.shape_[axis] = length
    part.size = whole.size // whole.shape_[axis] * length if whole.size else 0
    part.data += first * whole.strides_[axis]
    part.contiguous = is_contiguous(part)
    return part


@cython.no_gc
@cython.final
cdef class Roll(Node):
    """The elements `shift` places further along an axis; those that leave come in in front."""
    cdef int axis
    cdef Py_ssize_t shift         # above 0, below the axis's size

    cdef int forward(self) except -1:
        cdef Py_ssize_t rest = self.a.shape_[self.axis] - self.shift
        assign(piece(self.out, self.axis, self.shift, rest), piece(self.a, self.axis, 0, rest))
        return assign(piece(self.out, self.axis, 0, self.shift),
                      piece(self.a, self.axis, rest, self.shift))

    cdef int backward(self, Pass p) except -1:
        cdef bint accumulate
        cdef Tensor dx = p.target(self.a, &accumulate), g = self.grad, front, back
        cdef Py_ssize_t rest
        if dx is None:
            return 0
        rest = dx.shape_[self.axis] - self.shift
        front, back = piece(dx, self.axis, 0, rest), piece(dx, self.axis, rest, self.shift)
        if accumulate:
            add_to(front, piece(g, self.axis, self.shift, rest))
            return add_to(back, piece(g, self.axis, 0, self.shift))
        assign(front, piece(g, self.axis, self.shift, rest))
        return assign(back, piece(g, self.axis, 0, self.shift))

    cdef int derive(self, Pass p, Tensor g) except -1:
        return hand_on(p, self.a, roll(g, self.axis, self.a.shape_[self.axis] - self.shift))


cdef Tensor roll(Tensor x, int axis, Py_ssize_t shift):
    cdef Roll node = Roll.__new__(Roll)
    node.a = x
    node.axis = axis
    node.shift = shift
    return run(node, header(x.face, x.dtype, x.ndim, x.shape_))


cdef enum:
    MOST_JOINED = 64              # arrays that are joined row by row
    WIDE = 256                    # bytes of a row that are worth a call of memcpy


cdef bint join_rows(list arrays, int axis, Tensor out) except -1:
    """Join packed arrays row by row, so that memory is written in order; False for few elements."""
    cdef const char* parts[MOST_JOINED]
    cdef Py_ssize_t[MOST_JOINED] widths
    cdef Py_ssize_t rows = 1, start, width, i
    cdef int count = <int>len(arrays), k
    cdef char* target = out.data
    cdef Tensor x
    if out.size < LIGHT_GRAIN or not out.contiguous or count > MOST_JOINED:
        return False
    for i in range(axis):
        rows *= out.shape_[i]
    for k in range(count):
        x = arrays[k]
        parts[k], widths[k] = x.data, x.size // rows * itemsize(x.dtype)
        if rows == 1 or not x.contiguous or x.dtype != out.dtype or widths[k] < WIDE:
            return False
    width = out.size // rows * itemsize(out.dtype)
    for i in prange(rows, nogil=True, schedule="static", num_threads=threads()):
        start = i * width
        for k in range(count):
            copy_run(target + start, parts[k] + i * widths[k], widths[k])
            start = start + widths[k]
    return True


cdef int join_into(list arrays, int axis, Tensor out) except -1:
    cdef Py_ssize_t start = 0
    cdef Tensor x
    if join_rows(arrays, axis, out):
        return 0
    for x in arrays:
        assign(piece(out, axis, start, x.shape_[axis]), x)
        start += x.shape_[axis]
    return 0


@cython.no_gc
@cython.final
cdef class Concatenate(Node):
    cdef int axis

    cdef int forward(self) except -1:
        return join_into(self.rest, self.axis, self.out)

    cdef int backward(self, Pass p) except -1:
        cdef Py_ssize_t start = 0
        cdef Tensor x
        for x in self.rest:
            if x.slot is not None:
                pass_on(p, x, piece(self.grad, self.axis, start, x.shape_[self.axis]))
            start += x.shape_[self.axis]
        return 0

    cdef int derive(self, Pass p, Tensor g) except -1:
        cdef Py_ssize_t start = 0
        cdef Tensor x
        for x in self.rest:
            if p.wants(x):
                hand_on(p, x, section(g, self.axis, start, start + x.shape_[self.axis]))
            start += x.shape_[self.axis]
        return 0


cdef int common_dtype(list arrays) except -1:
    cdef Tensor first = arrays[0], x
    cdef int dtype = first.dtype
    for x in arrays:
        if x.face != first.face:
            raise TypeError("nd and np arrays cannot be joined; convert with as_np_ndarray() or "
                            "as_nd_ndarray()")
        if x.dtype != dtype:
            if x.face != NP:
                raise MXNetError(f"arrays to be joined must have one dtype, but they are "
                                 f"{numpy_dtype(dtype)} and {numpy_dtype(x.dtype)}")
            dtype = promoted(dtype, x.dtype)
    return dtype


cdef Tensor concatenate(list arrays, int axis):
    cdef Tensor first = arrays[0], x, out
    cdef int dtype = common_dtype(arrays), i
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Concatenate node
    cdef bint abstract = False
    memcpy(shape, first.shape_, first.ndim * sizeof(Py_ssize_t))
    shape[axis] = 0
    for x in arrays:
        abstract = abstract or x.abstract
        for i in range(first.ndim):
            if x.ndim != first.ndim or (i != axis and x.shape_[i] != first.shape_[i]):
                raise ShapeError(
                    "arrays to be joined must agree in every axis but the one they are joined "
                    f"along ({axis}): got {', '.join([str(shape_tuple(y)) for y in arrays])}")
        shape[axis] += x.shape_[axis]
    out = header(first.face, dtype, first.ndim, shape)
    arrays = [cast(x, dtype) for x in arrays]
    if state().plain and not abstract:
        allocate(out)
        join_into(arrays, axis, out)
        return out
    node = Concatenate.__new__(Concatenate)
    node.rest = arrays
    node.axis = axis
    return run(node, out)


cdef Tensor stack(list arrays, int axis):
    cdef Tensor first = arrays[0], x
    for x in arrays:
        if not same_shape(x, first):
            raise ShapeError("arrays to be stacked must have one shape: got "
                             f"{', '.join([str(shape_tuple(y)) for y in arrays])}")
    return concatenate([expand_dims(x, axis) for x in arrays], axis)
