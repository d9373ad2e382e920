"""Writes in place: x[key] = value, and x += y and its kin."""

from microlazy.core.kernels.table cimport *
from microlazy.core.loops.elementwise cimport apply_binary_scalar, compute_binary, fill
from microlazy.core.ops.cast cimport copied
from microlazy.core.ops.elementwise cimport binary, binary_scalar
from microlazy.core.ops.indexing cimport (
    Basic, basic_part, hint_at_mask, put_values, resolve, resolved_key,
)
from microlazy.core.ops.rewrite cimport Rewrite, assigned, become, begin, finish, rewrites
from microlazy.core.ops.writes cimport is_of_argument, is_step, write
from microlazy.core.strided cimport assign, broadcast_shape, overlap
from microlazy.core.tape cimport Node, may_write, wrote
from microlazy.core.tensor cimport (
    BOOL, FLOAT64, MAX_NDIM, NP, Tensor, from_numpy, is_float, need_values, numpy_dtype, same_shape,
    shape_tuple, view_numpy,
)

import numbers

import numpy

from microlazy.base import MXNetError, ShapeError
from microlazy.core.ops.elementwise import BINARY

cdef list names = list(BINARY)
cdef tuple NUMBERS = (numbers.Number, numpy.generic)      # not a literal: see core/functions


cdef int set_item(Tensor x, object key, object value) except -1:
    cdef Basic b
    cdef Tensor source = None, part = x, given
    cdef Rewrite r = None
    cdef bint basic = resolve(x, key, &b)
    cdef bint number = isinstance(value, NUMBERS)
    cdef object resolved = None
    if not basic:
        hint_at_mask(x, key)
    if isinstance(value, Tensor):
        source = <Tensor>value
    elif not number:
        try:
            array = numpy.asarray(value, dtype=numpy_dtype(x.dtype))
        except (ValueError, TypeError):
            raise TypeError(f"cannot write {type(value).__name__} into an array of "
                            f"{numpy_dtype(x.dtype)}: expected numbers or an array") from None
        source = from_numpy(array, x.face)
    if x.abstract and (is_step(x) or is_of_argument(x)):
        return write(x, &b if basic else NULL, key, source, value if number else None)
    if source is not None:
        need_values(source, "it was to be written into an array")
    if rewrites(x, source):
        resolved = resolved_key(key)
        if basic:
            part = basic_part(x, &b)
        given = source
        if source is not None and source.block is x.block:
            if basic and same_place(part, source):
                return 0              # the end of `x[key] += value`: the view was changed already
            source = copied(source)
        r = begin(x, part, given)
    else:
        may_write(x)
        if not basic:
            resolved = resolved_key(key)
        else:
            part = basic_part(x, &b)
    if basic:
        if number:
            fill_number(part, value)
        else:
            assign(part, source)
    else:
        put_values(x, resolved, value if number else view_numpy(source))
    whole = basic and part.size == x.size
    if r is None:
        wrote(x)
        if whole and isinstance(x.slot, Node) and (<Node>x.slot).done:
            x.slot = None             # nothing is left of what a used graph had computed
        return 0
    return finish(r, assigned(x, resolved, source, None if whole else r.before))


cdef bint same_place(Tensor a, Tensor b) noexcept:
    """Whether two arrays are the same elements in the same order."""
    return a.data == b.data and a.dtype == b.dtype and a.size == b.size and (
        a.contiguous and b.contiguous)


cdef int fill_number(Tensor part, object value) except -1:
    if part.contiguous and part.dtype <= FLOAT64 and type(value) is not complex:
        return fill(part, value)
    view_numpy(part)[...] = value
    return 0


cdef int binary_into(int op, Tensor a, Tensor b) except -1:
    """a = op(a, b): b is broadcast to a, never a to b."""
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Tensor result
    cdef int ndim = broadcast_shape(a, b, shape, names[op]), i
    for i in range(ndim):
        if ndim != a.ndim or shape[i] != a.shape_[i]:
            raise ShapeError(f"{names[op]} in place: an array of shape {shape_tuple(a)} "
                             "cannot hold a result of shape "
                             f"{tuple([shape[i] for i in range(ndim)])}")
    if rewrites(a, b):
        result = a if op <= B_SUBTRACT and is_float(a.dtype) else copied(a)
        result = binary(op, result, result if b is a else b)
        check_kind(op, result, a)
        return become(a, result, b)
    if a.dtype == b.dtype and a.dtype <= FLOAT64 and a.contiguous and op < FIRST_COMPARISON and (
            not overlap(a, b) or (a.data == b.data and b.contiguous and same_shape(a, b))):
        may_write(a)
        compute_binary(op, a, b, a)
        wrote(a)
        return 0
    result = binary(op, a, b)
    check_kind(op, result, a)
    may_write(a)
    assign(a, result)
    wrote(a)
    return 0


cdef int check_kind(int op, Tensor result, Tensor a) except -1:
    cdef bint counts = a.face == NP and a.dtype == BOOL and result.dtype != BOOL
    if counts or (is_float(result.dtype) and not is_float(a.dtype)):
        raise MXNetError(f"{names[op]} in place: the result is {numpy_dtype(result.dtype)}, "
                         f"but the array holds {numpy_dtype(a.dtype)}; use astype()")
    return 0


cdef int binary_scalar_into(int op, Tensor a, object s) except -1:
    cdef Tensor result
    if rewrites(a, None):
        result = a if op < B_DIVIDE and is_float(a.dtype) else copied(a)
        result = binary_scalar(op, result, s, False)
        check_kind(op, result, a)
        return become(a, result, None)
    if a.dtype <= FLOAT64 and a.contiguous:
        may_write(a)
        apply_binary_scalar(op, a, s, False, a)
        wrote(a)
        return 0
    if not is_float(a.dtype) and op != B_DIVIDE and s != int(s):
        raise MXNetError(f"{names[op]} in place: the number {s} has a fraction, but the "
                         f"array holds {numpy_dtype(a.dtype)}; use astype()")
    result = binary_scalar(op, a, s, False)
    check_kind(op, result, a)
    may_write(a)
    assign(a, result)
    wrote(a)
    return 0
