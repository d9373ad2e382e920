"""Array functions for both faces: what the namespaces nd, np and npx and the methods call.

Arguments are checked here; an op behind gets sizes that fit. A result has the face of its input.
"""

from libc.string cimport memcpy, memset
from microlazy.core.kernels.table cimport *
from microlazy.core.loops.elementwise cimport fill
from microlazy.core.loops.floats cimport float_op
from microlazy.core.loops.integers cimport integer_op, truth_into
from microlazy.core.loops.reductions cimport as_matrix
from microlazy.core.ops.cast cimport cast, copied, promoted
from microlazy.core.ops.dense cimport batch_dot as batch_dot_arrays
from microlazy.core.ops.dense cimport dot as dot_arrays, inner
from microlazy.core.ops.dense cimport matmul as matmul_arrays
from microlazy.core.ops.elementwise cimport binary, binary_scalar, fraction, mask, unary
from microlazy.core.ops.elementwise cimport frexp as frexp_of
from microlazy.core.ops.gather cimport along as along_axis, one_hot as one_hot_places
from microlazy.core.ops.gather cimport put as put_places, put_along as put_along_axis
from microlazy.core.ops.gather cimport take as take_places
from microlazy.core.ops.indexing cimport where as where_arrays
from microlazy.core.ops.numpy_call cimport Direct, numpy_call, short_view, small_ufunc
from microlazy.core.ops.reduce cimport arg_reduce, axis_mask
from microlazy.core.ops.reduce cimport mean as mean_over, reduce, variance
from microlazy.core.ops.rewrite cimport become, rewrites
from microlazy.core.ops.rewrite cimport begin as begin_rewrite, finish as finish_rewrite
from microlazy.core.ops.random cimport (
    NORMAL, RANDINT, UNIFORM, Law, permutation_into, sample, sample_into,
)
from microlazy.core.ops.scans cimport scan
from microlazy.core.ops.shape cimport (
    broadcast_to as broadcast, channels_second as move_channels_second, concatenate as join,
    expand_dims as expand, parts as recorded_parts, placed as put_down, reshape as reshape_to,
    roll as roll_axis, same_memory, section, stack as stack_arrays, transpose as transpose_axes,
    view as view_of,
)
from microlazy.core.parallel cimport LIGHT_GRAIN
from microlazy.core.places cimport FEW, numbers_as
from microlazy.core.strided cimport assign, overlap, packed
from microlazy.core.tape cimport may_write, put as put_on, state, tracked, wrote
from microlazy.core.tensor cimport (
    BOOL, FLOAT16, FLOAT32, FLOAT64, INT32, INT64, MAX_NDIM, ND, NP, UINT8, Tensor, current_device,
    deeper, device_of, dtype_number, from_numpy, is_float, itemsize, need_values, new, numpy_dtype,
    parse_axis, parse_shape, same_shape, shape_tuple, view_numpy,
)

import math
import numbers
import operator

import numpy

from microlazy.base import MXNetError, ShapeError, not_an_array
from microlazy.context import place_of
from microlazy.core.ops.elementwise import BINARY, UNARY
from microlazy.core.ops import nn
from microlazy.core.tensor import nearest_dtype


cdef Tensor array_of(object x, str what):
    if not isinstance(x, Tensor):
        raise not_an_array(what, x)
    return <Tensor>x


cdef object EXACT = 1 << 53           # integers that a double holds

# Of a literal tuple with abstract classes Cython does not see that a check of one was interrupted.
cdef tuple NUMBERS = (numbers.Real, numpy.bool_)
cdef tuple NUMPY_VALUES = (numpy.ndarray, numpy.generic)
cdef tuple LISTS = (list, tuple, numpy.ndarray)


cdef bint is_number(object x):
    return type(x) is float or type(x) is int or (
        not isinstance(x, Tensor) and isinstance(x, NUMBERS))     # that one is slow


softmax = nn.softmax
log_softmax = nn.log_softmax
pick = nn.pick

# One module, which is loaded sooner than a module for each family.
include "functions_creation.pxi"
include "functions_elementwise.pxi"
include "functions_reductions.pxi"
include "functions_shapes.pxi"
include "functions_places.pxi"
include "functions_random.pxi"
