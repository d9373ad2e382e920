"""Arrays on the memory of other libraries' arrays, without a copy."""

from microlazy.core.storage cimport Block, borrow
from microlazy.core.tensor cimport (
    MAX_NDIM, Tensor, dtype_number, header, is_contiguous, look_at, parse_shape,
)

import numpy


def from_buffer(int face, array):
    """An array on the memory of a NumPy array; a write to one is seen in the other.

    Parameters
    ----------
    face : int
        0 for nd, 1 for np.
    array : numpy.ndarray
        Of a dtype that microlazy has; read-only arrays stay read-only.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.exchange import from_buffer
    >>> a = numpy.zeros(2, "float32")
    >>> x = from_buffer(1, a)
    >>> a[0] = 5
    >>> x
    array([5., 0.])
    """
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Tensor x
    cdef Block block
    cdef int i, ndim
    if not isinstance(array, numpy.ndarray):
        raise TypeError(f"expected a numpy.ndarray, got {type(array).__name__}")
    if not array.dtype.isnative:
        raise TypeError(f"cannot share memory of byte order {array.dtype.byteorder!r}; use "
                        "array() to copy")
    ndim = parse_shape(array.shape, shape)
    x = header(face, dtype_number(array.dtype), ndim, shape)
    for i in range(ndim):
        x.strides_[i] = array.strides[i]
    x.contiguous = is_contiguous(x)
    if array.ctypes.data % max(array.itemsize, 1):
        raise ValueError("cannot share memory that is not aligned to its elements; use array() to "
                         "copy")
    block = borrow(array, <char*><size_t>array.ctypes.data, array.nbytes,
                   not array.flags.writeable)
    look_at(x, block, block.data)
    return x
