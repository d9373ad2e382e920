"""Special functions of one array: kernels for float32, SciPy for the rest."""

from cython.parallel cimport prange
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport (
    BESSEL_I0, BESSEL_I1, DIGAMMA, ERFINV, GAMMALN, SPHERICAL_J1, TRIGAMMA,
)
from microlazy.core.parallel cimport CHUNK, GRAIN, threads
from microlazy.core.strided cimport packed
from microlazy.core.tensor cimport FLOAT32, Tensor

import importlib


cdef dict KERNELS = {             # by name and options
    ("digamma",): DIGAMMA, ("psi",): DIGAMMA, ("polygamma", 0): DIGAMMA,
    ("polygamma", 1): TRIGAMMA, ("gammaln",): GAMMALN, ("erfinv",): ERFINV,
    ("i0",): BESSEL_I0, ("iv", 0): BESSEL_I0, ("i1",): BESSEL_I1, ("iv", 1): BESSEL_I1,
    ("spherical_jn", 1): SPHERICAL_J1,
}


class Special:
    """A function of scipy.special, imported when it is first called.

    Parameters
    ----------
    name : str
        Its name in scipy.special.
    options : dict, by call
        Its leading parameters, in order.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.loops.special import Special
    >>> round(float(Special("polygamma")(numpy.array(1.0), n=1)), 4)
    1.6449
    """

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __call__(self, *arrays, **options):
        function = getattr(importlib.import_module("scipy.special"), self.__name__)
        return function(*options.values(), *arrays)


cdef bint special_into(object function, list inputs, dict options, Tensor out) except -1:
    cdef Tensor x = inputs[0]
    cdef Py_ssize_t n = out.size, i
    cdef const float* source
    cdef float* target
    cdef int number
    if type(function) is not Special or x.dtype != FLOAT32 or out.dtype != FLOAT32:
        return False
    if len(inputs) > 1:
        return False
    found = KERNELS.get((function.__name__, *options.values()))
    if found is None:
        return False
    number = found
    x = packed(x)
    source, target = <const float*>x.data, <float*>out.data
    if n < GRAIN:
        kernels.special(number, source, target, n)
        return True
    for i in prange((n + CHUNK - 1) // CHUNK, nogil=True, schedule="static",
                    num_threads=threads()):
        kernels.special(number, source + i * CHUNK, target + i * CHUNK,
                        min(<Py_ssize_t>CHUNK, n - i * CHUNK))
    return True
