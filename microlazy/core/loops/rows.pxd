"""Places that index arrays hold, and rows taken from there and put there."""

from microlazy.core.tensor cimport Tensor

cdef enum Mode:                   # what becomes of places outside an axis
    CLIP, WRAP
    RAISE                         # those before its start count from its end, as in NumPy
    DROP                          # they become -1

# The places that an index (no float16) says on an axis of size n: out[i] = place; onward, under
# RAISE alone, out[i] = out[i] * n + place. Returns whether one is refused: nan or infinite, or out
# of bounds under RAISE.
cdef bint find_places(Tensor index, Py_ssize_t n, int mode, bint onward, long long* out) noexcept
cdef Py_ssize_t count_true(Tensor mask) noexcept
# Where a mask is true, as far as `most` places; returns how many. `out` has room for one more.
cdef Py_ssize_t find_true(Tensor mask, Py_ssize_t most, long long* out) noexcept

# x is (outer, length, width) and y is (outer, count, width): y[:, i] = x[:, places[i]].
cdef int take_rows(const char* x, const long long* places, char* y, Py_ssize_t outer,
                   Py_ssize_t length, Py_ssize_t count, Py_ssize_t width, int dtype) except -1
# The other way: x[:, places[i]] = y[:, i], or += if add.
cdef int put_rows(const char* y, const long long* places, char* x, bint add, Py_ssize_t outer,
                  Py_ssize_t length, Py_ssize_t count, Py_ssize_t width, int dtype) except -1
# 1 row for each place: `on` there, `off` elsewhere; a place of -1 is nowhere.
cdef int hot_rows(const long long* places, Tensor out, double on, double off) except -1
