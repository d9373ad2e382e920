"""Laws that NumPy's generators have, drawn by NumPy's C functions into our memory.

The numbers are those of the methods of `numpy.random.Generator`, which each of these calls where
a parameter is out of its range, so as to refuse it, or has a dtype that is not read here. This
module is built where NumPy brings its library of C functions, and imported when it is needed.
"""

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.math cimport fabs, sqrt
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memset
from microlazy.core.loops.integers cimport operand
from microlazy.core.ops.numpy_call cimport Direct
from microlazy.core.strided cimport packed
from microlazy.core.tensor cimport FLOAT32, FLOAT64, INT32, INT64, Tensor

from microlazy.core.generator import stream

cdef extern from "numpy/random/bitgen.h":
    ctypedef struct bitgen_t:
        pass

cdef extern from "numpy/random/distributions.h":
    ctypedef struct binomial_t:
        pass
    double random_standard_gamma(bitgen_t*, double) noexcept nogil
    double random_beta(bitgen_t*, double, double) noexcept nogil
    double random_chisquare(bitgen_t*, double) noexcept nogil
    double random_f(bitgen_t*, double, double) noexcept nogil
    double random_standard_t(bitgen_t*, double) noexcept nogil
    int64_t random_poisson(bitgen_t*, double) noexcept nogil
    int64_t random_binomial(bitgen_t*, double, int64_t, binomial_t*) noexcept nogil
    int64_t random_negative_binomial(bitgen_t*, double, double) noexcept nogil
    int64_t random_geometric(bitgen_t*, double) noexcept nogil
    void random_multinomial(bitgen_t*, int64_t, int64_t*, double*, Py_ssize_t,
                            binomial_t*) noexcept nogil
    void random_bounded_uint64_fill(bitgen_t*, uint64_t, uint64_t, Py_ssize_t, bint,
                                    uint64_t*) noexcept nogil

cdef enum Law:
    STANDARD_GAMMA, CHISQUARE, BETA, F, STANDARD_T, POISSON, BINOMIAL, NEGATIVE_BINOMIAL, GEOMETRIC

cdef dict LAWS = {
    "standard_gamma": STANDARD_GAMMA, "chisquare": CHISQUARE, "beta": BETA, "f": F,
    "standard_t": STANDARD_T, "poisson": POISSON, "binomial": BINOMIAL,
    "negative_binomial": NEGATIVE_BINOMIAL, "geometric": GEOMETRIC,
}

cdef double MOST = 2.0 ** 62      # the largest mean, or number of trials

ctypedef fused number:
    float
    double
    int64_t

ctypedef struct Parameter:
    const char* data
    int dtype
    Py_ssize_t step               # 0 for one number


cdef bitgen_t* next_bits() except NULL:
    """What the next place of our sequence gives; the generator is this thread's own."""
    return <bitgen_t*>PyCapsule_GetPointer(stream().bit_generator.capsule, "BitGenerator")


cdef bint read(Tensor x, Parameter* p) noexcept:
    """How to read a parameter; False if its dtype is not read here."""
    p.data, p.dtype, p.step = x.data, x.dtype, x.size != 1
    return x.dtype in (FLOAT32, FLOAT64, INT32, INT64)


cdef inline double at(const Parameter* p, Py_ssize_t i) noexcept nogil:
    i *= p.step
    if p.dtype == FLOAT32:
        return (<const float*>p.data)[i]
    if p.dtype == FLOAT64:
        return (<const double*>p.data)[i]
    if p.dtype == INT32:
        return (<const int32_t*>p.data)[i]
    return <double>(<const int64_t*>p.data)[i]


cdef inline bint is_chance(double p) noexcept nogil:
    return 0 < p <= 1


cdef inline bint allowed(int law, double a, double b) noexcept nogil:
    """Whether a law has such parameters; of a nan it is said that it has not."""
    if law == STANDARD_GAMMA:
        return a >= 0
    if law == POISSON:
        return 0 <= a < MOST
    if law == BINOMIAL:
        return 0 <= a < MOST and 0 <= b <= 1
    if law == NEGATIVE_BINOMIAL:      # means are gamma-distributed: ten deviations above theirs
        return a > 0 and is_chance(b) and (1 - b) / b * (a + 10 * sqrt(a)) < MOST
    if law == GEOMETRIC:
        return is_chance(a)
    return a > 0 and b > 0


cdef bint all_allowed(int law, const Parameter* a, const Parameter* b, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    if not a.step and not b.step:
        n = min(n, <Py_ssize_t>1)
    for i in range(n):
        if not allowed(law, at(a, i), at(b, i)):
            return False
    return True


cdef void fill(int law, bitgen_t* bits, const Parameter* a, const Parameter* b, number* out,
               Py_ssize_t n) noexcept nogil:
    cdef binomial_t prepared          # numbers that depend on the last parameters
    cdef Py_ssize_t i
    cdef double p, q
    memset(&prepared, 0, sizeof(prepared))
    for i in range(n):
        p, q = at(a, i), at(b, i)
        if law == STANDARD_GAMMA:
            out[i] = <number>random_standard_gamma(bits, p)
        elif law == CHISQUARE:
            out[i] = <number>random_chisquare(bits, p)
        elif law == BETA:
            out[i] = <number>random_beta(bits, p, q)
        elif law == F:
            out[i] = <number>random_f(bits, p, q)
        elif law == STANDARD_T:
            out[i] = <number>random_standard_t(bits, p)
        elif law == POISSON:
            out[i] = <number>random_poisson(bits, p)
        elif law == BINOMIAL:
            out[i] = <number>random_binomial(bits, q, <int64_t>p, &prepared)
        elif law == NEGATIVE_BINOMIAL:
            out[i] = <number>random_negative_binomial(bits, p, q)
        else:
            out[i] = <number>random_geometric(bits, p)


cdef class Draw(Direct):
    """A law by its name in `numpy.random.Generator`, as a function of its parameters and a size.

    Parameters
    ----------
    slow : callable
        ``slow(*parameters, law, size)``, what draws by the generator's method.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.ops.draws import Draw
    >>> from microlazy.core.ops.numpy_call import call_shaped
    >>> draw = Draw(lambda p, law, size: None)
    >>> call_shaped(draw, [np.ones(1)], (2,), "int64", {"law": "geometric", "size": (2,)})
    array([1, 1], dtype=int64)
    """

    cdef bint into(self, list inputs, dict options, Tensor out) except -1:
        cdef Parameter p, q
        cdef Tensor a, b
        cdef bitgen_t* bits
        cdef int law = LAWS.get(options["law"], -1)
        if law < 0 or out.dtype not in (FLOAT32, FLOAT64, INT64) or not out.contiguous:
            return False
        a, b = operand(inputs[0], out), operand(inputs[len(inputs) - 1], out)
        if not read(a, &p) or not read(b, &q) or not all_allowed(law, &p, &q, out.size):
            return False
        bits = next_bits()
        with nogil:
            if out.dtype == FLOAT32:
                fill(law, bits, &p, &q, <float*>out.data, out.size)
            elif out.dtype == FLOAT64:
                fill(law, bits, &p, &q, <double*>out.data, out.size)
            else:
                fill(law, bits, &p, &q, <int64_t*>out.data, out.size)
        return True


cdef enum:
    FEW = 128                     # numbers whose sum NumPy takes in one piece


cdef double numpy_sum(const double* x, Py_ssize_t n) noexcept:
    """The sum of up to `FEW` numbers in NumPy's order, to the last bit."""
    cdef double[8] parts
    cdef double total = 0
    cdef Py_ssize_t i = 0, j
    if n >= 8:
        for j in range(8):
            parts[j] = x[j]
        for i in range(8, n - n % 8, 8):
            for j in range(8):
                parts[j] += x[i + j]
        total = ((parts[0] + parts[1]) + (parts[2] + parts[3])) + (
            (parts[4] + parts[5]) + (parts[6] + parts[7]))
        i = n - n % 8
    for j in range(i, n):
        total += x[j]
    return total


cdef class Counts(Draw):
    """How often each of a few outcomes of given probabilities occurs in `n` trials.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.ops.draws import Counts
    >>> from microlazy.core.ops.numpy_call import call_shaped
    >>> counts = Counts(lambda p, n, size: None)
    >>> call_shaped(counts, [np.array([0., 1.])], (2,), "int64", {"n": 3, "size": ()})
    array([0, 3], dtype=int64)
    """

    cdef bint into(self, list inputs, dict options, Tensor out) except -1:
        cdef Tensor p = packed(inputs[0])
        cdef double[FEW] weights
        cdef binomial_t prepared
        cdef Parameter given
        cdef double total
        cdef bitgen_t* bits
        cdef int64_t trials
        cdef Py_ssize_t outcomes = p.size, i
        if p.ndim != 1 or not 0 < outcomes <= FEW or p.dtype > FLOAT64 or out.dtype != INT64:
            return False
        read(p, &given)
        for i in range(outcomes):
            weights[i] = at(&given, i * (outcomes > 1))
            if not weights[i] >= 0:
                return False
        total = numpy_sum(weights, outcomes)
        if not fabs(total - 1) <= 1e-5 or not 0 <= options["n"] < MOST:
            return False
        for i in range(outcomes):
            weights[i] /= total
        trials = options["n"]
        bits = next_bits()
        memset(&prepared, 0, sizeof(prepared))
        memset(out.data, 0, out.size * sizeof(int64_t))
        for i in range(out.size // outcomes):
            random_multinomial(bits, trials, <int64_t*>out.data + i * outcomes, weights, outcomes,
                               &prepared)
        return True


cdef class Places(Draw):
    """Places in range(n), all equally likely; others by `slow`.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.ops.draws import Places
    >>> from microlazy.core.ops.numpy_call import call_shaped
    >>> places = Places(lambda p, **options: None)
    >>> options = {"n": 1, "size": (2,), "replace": True, "weighted": False}
    >>> call_shaped(places, [np.zeros(())], (2,), "int64", options)
    array([0, 0], dtype=int64)
    """

    cdef bint into(self, list inputs, dict options, Tensor out) except -1:
        if options["weighted"] or not options["replace"] or out.dtype != INT64 or (
                not 0 < options["n"] < MOST):
            return False
        random_bounded_uint64_fill(next_bits(), 0, options["n"] - 1, out.size, False,
                                   <uint64_t*>out.data)
        return True
