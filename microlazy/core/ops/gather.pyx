"""Rows of an array at places: x[places], take, pick and along; and the way back; one-hot rows.

An array is seen as (outer, length, width), and the places are numbers along the middle: of a key
with places along several axes, of those axes made one. Each run of a node finds the places in its
index arrays once; the gradient uses them again.
"""

cimport cython
from cpython.long cimport PyLong_Check
from microlazy.core.loops.elementwise cimport fill
from microlazy.core.loops.rows cimport (
    CLIP, DROP, RAISE, WRAP, count_true, find_places, find_true, hot_rows, put_rows, take_rows,
)
from microlazy.core.ops.cast cimport cast
from microlazy.core.ops.elementwise cimport masked
from microlazy.core.ops.shape cimport broadcast_to
from microlazy.core.ops.slots cimport give, hand_on
from microlazy.core.strided cimport assign, expanded, packed
from microlazy.core.tape cimport Node, Pass, run
from microlazy.core.tensor cimport (
    BOOL, FLOAT16, FLOAT32, FLOAT64, INT32, INT64, MAX_NDIM, ND, Tensor, UINT8, from_numpy, header,
    like, new, shape_tuple, view_numpy,
)

import numpy

from microlazy.base import ShapeError

cdef enum Way:
    FOUND                         # the places are there already
    KEY                           # b and `rest` are places along each of the first axes
    MASK                          # b is a mask of the first axes
    TAKE                          # b is places along one axis
    PICK                          # b is a place in each row along one axis
    ALONG                         # b is places in each row along one axis

cdef tuple NAMES = ("gather", "gather", "gather", "take", "pick", "take_along_axis")
cdef dict MODES = {"clip": CLIP, "wrap": WRAP, "raise": RAISE}
cdef object EVERYTHING = slice(None)


@cython.no_gc
cdef class Placed(Node):
    """A node with places in an array of shape (outer, length, width)."""
    cdef int way, mode
    cdef int index_ndim           # of the index arrays together
    cdef Py_ssize_t outer, length, count, width
    cdef Py_ssize_t each, inner   # under PICK and ALONG: places in a row, rows beside each other
    cdef Py_ssize_t[MAX_NDIM] sizes       # of the axes that the index arrays are for
    cdef Tensor places

    cdef int find(self, Tensor shaped) except -1:
        """Fill `places`; the first axes of `shaped` have the shape of the index arrays."""
        cdef Py_ssize_t room = self.count + 1
        cdef Tensor index
        cdef long long* out
        cdef int axis = 0
        if self.way == FOUND:
            return 0
        if self.places is None:
            self.places = new(ND, INT64, 1, &room)
        out = <long long*>self.places.data
        index = packed(self.b)
        if self.way == MASK:
            if find_true(index, self.count, out) != self.count:
                raise ShapeError(f"a mask no longer has the {self.count} true elements that it had "
                                 "when this block was hybridized")
            return 0
        if self.way != KEY:
            self.find_along(index, axis, out)
            if self.way != TAKE:
                self.add_rows(out)
            return 0
        self.find_along(packed(expanded(index, self.index_ndim, shaped.shape_)), axis, out)
        if self.rest is not None:
            for index in self.rest:
                axis += 1
                index = packed(expanded(index, self.index_ndim, shaped.shape_))
                self.find_along(index, axis, out)
        return 0

    cdef int find_along(self, Tensor index, int axis, long long* out) except -1:
        if find_places(index, self.sizes[axis], self.mode, axis > 0, out):
            refuse(index, axis, self.sizes[axis], self.way)
        return 0

    cdef int add_rows(self, long long* out) noexcept:
        """From places along an axis to those in the whole array."""
        cdef Py_ssize_t n = self.sizes[0], inner = self.inner, i, row
        cdef Py_ssize_t places = self.count // inner if inner else 0
        for row in range(places):
            for i in range(inner):
                out[i] = (row // self.each * n + out[i]) * inner + i
            out += inner
        return 0

    cdef int alike(self, Placed other) noexcept:
        """Take over the places that another node has found."""
        self.way = FOUND
        self.outer, self.length, self.count = other.outer, other.length, other.count
        self.width = other.width
        self.places = other.places
        return 0

    cdef long long* found(self) noexcept:
        return <long long*>self.places.data

    cdef int put(self, Tensor y, Tensor x, bint add) except -1:
        """x[:, places] = y, or += y; both are packed."""
        if x.size == 0 or y.size == 0:
            return 0
        if x.dtype <= FLOAT64 and y.dtype == x.dtype:
            return put_rows(y.data, self.found(), x.data, add, self.outer, self.length, self.count,
                            self.width, x.dtype)
        rows = view_numpy(x).reshape(self.outer, self.length, self.width)
        given = view_numpy(y).reshape(self.outer, self.count, self.width)
        key = (EVERYTHING, view_numpy(self.places)[:self.count])
        if add:
            numpy.add.at(rows, key, given)
        else:
            rows[key] = given
        return 0

    cdef int take(self, Tensor x, Tensor y) except -1:
        """y = x[:, places], of the same dtype; y is packed."""
        if y.size == 0:
            return 0
        x = packed(x)
        return take_rows(x.data, self.found(), y.data, self.outer, self.length, self.count,
                         self.width, x.dtype)


cdef int refuse(Tensor index, int axis, Py_ssize_t n, int way) except -1:
    """Raise the error of an index that is not finite or out of bounds."""
    what = "" if way == KEY else f"{NAMES[way]}: "
    places = view_numpy(index)
    if index.dtype <= FLOAT64 and not numpy.isfinite(places).all():
        raise IndexError(f"{what}the index holds nan or inf")
    with numpy.errstate(invalid="ignore"):
        places = places.astype(numpy.int64)
    bad = places[(places < -n) | (places >= n)].flat[0]
    if way == KEY:
        raise IndexError(f"index {bad} is out of bounds for axis {axis} with size {n}")
    raise IndexError(f"{what}index {bad} is out of bounds for an axis of size {n}")


# ---- taking --------------------------------------------------------------------------------------

@cython.no_gc
@cython.final
cdef class Gather(Placed):
    """a[:, places]."""

    cdef int forward(self) except -1:
        self.find(self.out)
        return self.take(self.a, self.out)

    cdef int backward(self, Pass p) except -1:
        cdef bint accumulate
        cdef Tensor dx = p.target(self.a, &accumulate)
        if dx is None:
            return 0
        if not accumulate:
            clear(dx)
        return self.put(self.grad, dx, True)

    cdef int derive(self, Pass p, Tensor g) except -1:
        cdef Scatter node = Scatter.__new__(Scatter)
        node.alike(self)
        node.a = g
        node.add = True
        return hand_on(p, self.a, run(node, header(g.face, g.dtype, self.a.ndim, self.a.shape_)))

    cdef str name(self):
        return NAMES[self.way]


cdef int clear(Tensor x) except -1:
    if x.dtype <= FLOAT64:
        return fill(x, 0.0)
    view_numpy(x)[...] = 0
    return 0


cdef Tensor index_array(object item, int face):
    """Places as an array; None for a mask and what else is not a plain index."""
    cdef Tensor index
    if isinstance(item, Tensor):
        index = <Tensor>item
        if index.dtype == BOOL:
            return None
        return cast(index, FLOAT32) if index.dtype == FLOAT16 else index
    if PyLong_Check(item) and type(item) is not bool:
        item = numpy.asarray(item)
    elif type(item) is list:
        for part in <list>item:
            if not PyLong_Check(part) or type(part) is bool:
                return None
        if not item:
            return None
        item = numpy.asarray(item)
    elif not isinstance(item, numpy.ndarray):
        return None
    if item.dtype.kind == "f" and item.dtype.itemsize <= 8:
        return from_numpy(item.astype(numpy.float64, copy=False), face)
    if item.dtype.kind == "i" or (item.dtype.kind == "u" and item.dtype.itemsize < 8):
        return from_numpy(item.astype(numpy.int64, copy=False), face)
    return None


cdef Tensor mask_array(Tensor x, object key):
    """A key that is a mask of x's first axes, with values; else None."""
    cdef Tensor mask
    cdef int i
    if isinstance(key, Tensor):
        mask = <Tensor>key
        if mask.dtype != BOOL or mask.abstract:
            return None
    elif isinstance(key, numpy.ndarray) and key.dtype.kind == "b" and key.ndim <= MAX_NDIM:
        mask = from_numpy(key, x.face)
    else:
        return None
    if mask.ndim == 0 or mask.ndim > x.ndim:
        return None
    for i in range(mask.ndim):
        if mask.shape_[i] != x.shape_[i]:
            return None
    return mask


cdef bint merge_shape(Tensor index, Py_ssize_t* shape, int* ndim) noexcept:
    """Broadcast a shape with an index array's; whether they fit."""
    cdef Py_ssize_t n
    cdef int shift = index.ndim - ndim[0], i
    if shift > 0:
        for i in range(index.ndim - 1, -1, -1):
            shape[i] = shape[i - shift] if i >= shift else 1
        ndim[0] = index.ndim
    for i in range(index.ndim):
        n = index.shape_[i]
        if n != shape[ndim[0] - index.ndim + i]:
            if shape[ndim[0] - index.ndim + i] == 1:
                shape[ndim[0] - index.ndim + i] = n
            elif n != 1:
                return False
    return True


cdef bint name_axes(Placed node, Tensor x, object key, Py_ssize_t* shape) except -1:
    """Let a node look for the places of a key; shape becomes that of its index arrays."""
    cdef Tensor index
    cdef int axes = 0, dots = 0
    cdef bint ended = False
    cdef tuple items = key if type(key) is tuple else (key,)
    node.index_ndim = 0
    for item in items:
        if item is Ellipsis or (type(item) is slice and item == EVERYTHING):
            ended = True
            dots += item is Ellipsis
            continue
        index = None if ended or axes == x.ndim else index_array(item, x.face)
        if index is None or not merge_shape(index, shape, &node.index_ndim):
            return False
        node.sizes[axes] = x.shape_[axes]
        if axes == 0:
            node.b = index
        elif axes == 1:
            node.rest = [index]
        else:
            node.rest.append(index)
        axes += 1
    if axes == 0 or dots > 1 or <int>len(items) - dots > x.ndim:
        return False
    return describe(node, x, shape, axes)


cdef bint describe(Placed node, Tensor x, const Py_ssize_t* shape, int axes) noexcept:
    """Say how many rows a key of the first axes means, and how wide they are."""
    cdef int i
    node.way = KEY
    node.mode = RAISE
    node.outer = node.length = node.count = node.width = 1
    for i in range(node.index_ndim):
        node.count *= shape[i]
    for i in range(x.ndim):
        if i < axes:
            node.length *= x.shape_[i]
        else:
            node.width *= x.shape_[i]
    return True


cdef Tensor gather_rows(Tensor x, object key):
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Gather node = Gather.__new__(Gather)
    cdef Tensor mask
    cdef int axes, ndim, i
    if not x.contiguous:                  # a copy of the whole could be more than the result
        return None
    mask = mask_array(x, key)
    if mask is not None:
        axes = mask.ndim
        node.b = mask
        node.index_ndim = 1
        mask = packed(mask)
        shape[0] = count_true(mask)
        describe(node, x, shape, axes)
        node.way = MASK
    elif name_axes(node, x, key, shape):
        axes = 1 if node.rest is None else 1 + <int>len(node.rest)
    else:
        return None
    ndim = node.index_ndim
    if ndim + x.ndim - axes > MAX_NDIM:
        return None
    for i in range(axes, x.ndim):
        shape[ndim] = x.shape_[i]
        ndim += 1
    if ndim == 0 and x.face == ND:
        shape[0] = 1
        ndim = 1
    node.a = x
    return run(node, header(x.face, x.dtype, ndim, shape))


cdef int look_along(Placed node, Tensor x, Tensor index, int axis, str mode, int way) except -1:
    """Let a node look for places along one axis."""
    cdef int i
    node.a = x
    node.b = cast(index, FLOAT32) if index.dtype == FLOAT16 else index
    node.way = way
    node.mode = MODES[mode]
    node.sizes[0] = node.length = x.shape_[axis]
    node.outer = node.width = 1
    for i in range(axis):
        node.outer *= x.shape_[i]
    for i in range(axis + 1, x.ndim):
        node.width *= x.shape_[i]
    return 0


cdef Tensor chosen(Gather node, int ndim, const Py_ssize_t* shape):
    cdef Tensor x = node.a, out = header(x.face, x.dtype, ndim, shape)
    if node.sizes[0] == 0 and out.size:
        raise IndexError(f"{node.name()}: an axis of size 0 has no elements")
    return run(node, out)


cdef Tensor take(Tensor x, Tensor index, int axis, str mode):
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Gather node = Gather.__new__(Gather)
    cdef int ndim = index.ndim + x.ndim - 1, i
    if mode not in MODES:
        raise ValueError(f"take: mode is 'clip', 'wrap' or 'raise', not {mode!r}")
    if ndim > MAX_NDIM:
        raise ShapeError(f"an array has at most {MAX_NDIM} axes, but the shape has {ndim}")
    for i in range(axis):
        shape[i] = x.shape_[i]
    for i in range(index.ndim):
        shape[axis + i] = index.shape_[i]
    for i in range(axis + 1, x.ndim):
        shape[index.ndim - 1 + i] = x.shape_[i]
    look_along(node, x, index, axis, mode, TAKE)
    node.count = index.size
    return chosen(node, ndim, shape)


cdef int in_whole(Placed node, Tensor x, Py_ssize_t each) noexcept:
    """From places along an axis to places in x as one row."""
    node.inner = node.width
    node.each = each
    node.count = node.outer * each * node.width
    node.outer = node.width = 1
    node.length = x.size
    return 0


cdef Tensor pick(Tensor x, Tensor index, int axis, bint keepdims, str mode):
    cdef Py_ssize_t[MAX_NDIM] shape, kept
    cdef Gather node = Gather.__new__(Gather)
    cdef int ndim = 0, i
    if mode not in ("clip", "wrap"):
        raise ValueError(f"pick: mode is 'clip' or 'wrap', not {mode!r}")
    for i in range(x.ndim):
        shape[i] = 1 if i == axis else x.shape_[i]
        if i != axis:
            kept[ndim] = x.shape_[i]
            ndim += 1
    if not has_shape(index, ndim, kept) and not has_shape(index, x.ndim, shape):
        full = shape_tuple(x)
        raise ShapeError(f"pick: the index must have shape {full[:axis] + full[axis + 1:]} or "
                         f"{full[:axis] + (1,) + full[axis + 1:]} for an array of shape {full} "
                         f"and axis {axis}, not {shape_tuple(index)}")
    look_along(node, x, index, axis, mode, PICK)
    in_whole(node, x, 1)
    if ndim == 0 and x.face == ND:
        kept[0] = 1
        ndim = 1
    return chosen(node, x.ndim, shape) if keepdims else chosen(node, ndim, kept)


cdef int check_along(Tensor x, Tensor index, int axis) except -1:
    cdef int i
    for i in range(x.ndim):
        if index.ndim != x.ndim or (i != axis and index.shape_[i] != x.shape_[i]):
            raise ShapeError(f"take_along_axis: the index has shape {shape_tuple(index)}, which an "
                             f"array of shape {shape_tuple(x)} does not have beside axis {axis}")
    return 0


cdef Tensor along(Tensor x, Tensor index, int axis):
    cdef Gather node = Gather.__new__(Gather)
    check_along(x, index, axis)
    look_along(node, x, index, axis, "raise", ALONG)
    in_whole(node, x, index.shape_[axis])
    return chosen(node, x.ndim, index.shape_)


cdef bint has_shape(Tensor x, int ndim, const Py_ssize_t* shape) noexcept:
    cdef int i
    if x.ndim != ndim:
        return False
    for i in range(ndim):
        if x.shape_[i] != shape[i]:
            return False
    return True


# ---- putting -------------------------------------------------------------------------------------

@cython.no_gc
@cython.final
cdef class Scatter(Placed):
    """c, or zeros, with a put at the places, or added there."""
    cdef bint add

    cdef int forward(self) except -1:
        self.find(self.a)
        if self.c is None:
            clear(self.out)
        else:
            assign(self.out, self.c)
        return self.put(packed(self.a), self.out, self.add)

    cdef int backward(self, Pass p) except -1:
        cdef Tensor part
        if p.wants(self.a):
            part = like(self.a)
            self.take(self.grad, part)
            give(p, self.a, part)
        if self.c is None or not p.wants(self.c):
            return 0
        if self.add:
            return give(p, self.c, self.grad)
        part = like(self.grad)
        assign(part, self.grad)
        self.cut_out(part)
        return give(p, self.c, part)

    cdef int cut_out(self, Tensor x) except -1:
        """Zeros at the places."""
        cdef Tensor zeros = like(self.a)
        clear(zeros)
        return self.put(zeros, x, False)

    cdef int derive(self, Pass p, Tensor g) except -1:
        cdef Gather node
        cdef Tensor ones
        if p.wants(self.a):
            node = Gather.__new__(Gather)
            node.alike(self)
            node.a = g
            hand_on(p, self.a, run(node, header(g.face, g.dtype, self.a.ndim, self.a.shape_)))
        if self.c is None or not p.wants(self.c):
            return 0
        if self.add:
            return hand_on(p, self.c, g)
        ones = like(g)
        view_numpy(ones)[...] = 1
        self.cut_out(ones)
        return hand_on(p, self.c, masked(g, ones))


cdef Tensor put(Tensor base, int ndim, const Py_ssize_t* shape, Tensor values, list rows, bint add):
    cdef Py_ssize_t[MAX_NDIM] wanted
    cdef Scatter node = Scatter.__new__(Scatter)
    cdef Tensor out = header(values.face, values.dtype if base is None else base.dtype, ndim, shape)
    cdef int axes = <int>len(rows), i
    rows = [cast(row, UINT8) if (<Tensor>row).dtype == BOOL else row for row in rows]
    if not name_axes(node, out, tuple(rows), wanted) or node.index_ndim + ndim - axes > MAX_NDIM:
        raise ShapeError(f"indices of shapes {[shape_tuple(row) for row in rows]} are no places in "
                         f"an array of shape {shape_tuple(out)}")
    for i in range(axes, ndim):
        wanted[node.index_ndim + i - axes] = shape[i]
    node.a = cast(values, out.dtype)
    if not has_shape(values, node.index_ndim + ndim - axes, wanted):
        node.a = broadcast_to(node.a, node.index_ndim + ndim - axes, wanted)
    node.c = base
    node.add = add
    return run(node, out)


cdef Tensor put_along(Tensor values, Tensor index, int axis, Py_ssize_t size):
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Scatter node = Scatter.__new__(Scatter)
    cdef Tensor out
    cdef int i
    for i in range(values.ndim):
        shape[i] = size if i == axis else values.shape_[i]
    out = header(values.face, values.dtype, values.ndim, shape)
    check_along(out, index, axis)
    look_along(node, out, index, axis, "raise", ALONG)
    in_whole(node, out, index.shape_[axis])
    node.a = values
    node.add = True
    return run(node, out)


# ---- one-hot rows --------------------------------------------------------------------------------

@cython.no_gc
@cython.final
cdef class OneHot(Node):
    """`on` at the place of each element of a, `off` elsewhere."""
    cdef double on, off
    cdef Tensor places

    cdef int forward(self) except -1:
        cdef Tensor index = packed(self.a)
        if self.places is None:
            self.places = new(ND, INT64, 1, &index.size)
        find_places(index, self.out.shape_[self.out.ndim - 1], DROP, False,
                    <long long*>self.places.data)
        return hot_rows(<long long*>self.places.data, self.out, self.on, self.off)

    cdef int inspect(self, Pass p) except -1:
        return 0                      # no gradient passes: its input does not matter

    cdef str name(self):
        return "one_hot"


cdef Tensor one_hot(Tensor index, Py_ssize_t depth, double on, double off, int dtype):
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef OneHot node = OneHot.__new__(OneHot)
    cdef int i
    if index.ndim == MAX_NDIM:
        raise ShapeError(f"an array has at most {MAX_NDIM} axes, but the shape has {MAX_NDIM + 1}")
    for i in range(index.ndim):
        shape[i] = index.shape_[i]
    shape[index.ndim] = depth
    node.a = cast(index, FLOAT32) if index.dtype == FLOAT16 else index
    node.on = on
    node.off = off
    return run(node, header(index.face, dtype, index.ndim + 1, shape))


# ---- for functions in Python ---------------------------------------------------------------------

ctypedef fused Number:
    float
    double
    int
    long long


cdef Py_ssize_t place_outside(const Number* x, Py_ssize_t count, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(count):
        if not (0 <= x[i] < n):
            return i
    return -1


def first_outside(x, Py_ssize_t n):
    """The first number of an array that is no place on an axis of size n; None if all are.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.ops.gather import first_outside
    >>> first_outside(nd.array([0, 2, -1]), 2)
    2.0
    """
    cdef Tensor index = packed(<Tensor?>x)
    cdef Py_ssize_t place
    if index.dtype == FLOAT32:
        place = place_outside(<const float*>index.data, index.size, n)
    elif index.dtype == FLOAT64:
        place = place_outside(<const double*>index.data, index.size, n)
    elif index.dtype == INT32:
        place = place_outside(<const int*>index.data, index.size, n)
    elif index.dtype == INT64:
        place = place_outside(<const long long*>index.data, index.size, n)
    else:
        return first_outside(cast(index, FLOAT32), n)
    return None if place < 0 else view_numpy(index).flat[place].item()
