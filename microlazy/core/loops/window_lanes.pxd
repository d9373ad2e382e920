"""Sums over windows directly, of as many images at once as a vector has lanes."""

from microlazy.core.loops.windows cimport Job

# Whether few filters' sums are cheaper so than on `lines` numbers that are laid out for an image.
cdef bint plan_lanes(Job* job, Py_ssize_t lines) noexcept nogil
cdef int convolve_lanes(Job* job) except -1
cdef int gradients_in_lanes(Job* job) except -1   # of filters and bias, as job.to says

# What all sums of images side by side share. Lay a block of lines out, with zeros around; returns
# where in the results it begins.
cdef Py_ssize_t lay_images_out(const Job* job, Py_ssize_t task, Py_ssize_t group,
                               Py_ssize_t* first, Py_ssize_t* lines, Py_ssize_t* images,
                               char* scratch) noexcept nogil
cdef void lay_results_out(const Job* job, Py_ssize_t start, Py_ssize_t filters, Py_ssize_t lines,
                          Py_ssize_t images, char* out, char* turned) noexcept nogil
cdef void add_slopes(const Job* job, const char* slopes, Py_ssize_t filters, Py_ssize_t n,
                     char* sums) noexcept nogil
cdef void turn_back(const Job* job, const char* x, Py_ssize_t count, char* out, Py_ssize_t step,
                    Py_ssize_t images, bint accumulate, char* turned) noexcept nogil
cdef void store_lanes(const Job* job, char* sums, Py_ssize_t filters, Py_ssize_t start,
                      Py_ssize_t lines, Py_ssize_t images, char* turned,
                      char* scratch) noexcept nogil
