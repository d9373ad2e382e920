"""The random generator: a key and a counter."""

cdef unsigned long long generator_key() noexcept
# Reserve `blocks` counter blocks; returns the first.
cdef unsigned long long draw(Py_ssize_t blocks) noexcept
