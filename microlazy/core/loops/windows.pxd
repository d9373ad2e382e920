"""What all ways to sum over sliding windows share: sizes, a job, and threads that do its tasks."""

from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport W_DILATE, W_KERNEL, W_NUMBERS, W_PAD, W_STRIDE
from microlazy.core.loops.chain cimport BLOCK, Tail, run_tail
from microlazy.core.tensor cimport Tensor

cdef enum:
    MAX_AXES = 3                  # spatial ones; missing ones count as axes of size 1
    WHOLE = 16                    # numbers in the widest vector
    FEW = 8                       # tasks that a small machine can share well
    PARTIAL = 1 << 22             # numbers in partial sums

ctypedef struct Sizes:
    # The images x (batch, groups * channels, *size), the filters w (groups * filters, channels,
    # *kernel) and the results y (batch, groups * filters, *count).
    Py_ssize_t w[W_NUMBERS]       # as the kernels' table has them
    Py_ssize_t batch, groups, channels, filters
    Py_ssize_t volume, window, places, count      # of an image, a window, a filter, a result
    int axes

ctypedef struct Filtering:
    # How tiles are computed by few products, along each of two axes.
    int images, filters, results          # transforms
    int slopes, filters_back              # of the results' gradient, and back to the filters'
    Py_ssize_t kernel, patch, step, tile  # numbers of a filter, seen, to the next, of results
    Py_ssize_t products, sums
    Py_ssize_t[6] sum_of                  # of each product: those of one sum are neighbours
    int biased                            # a bit for each sum that begins with the bias
    bint mirrored                         # whether the transpose takes filters from the last number

ctypedef struct Block:
    # Tiles of some planes of images.
    Py_ssize_t image, images, first, lines, tiles     # planes, lines of tiles, and all tiles

ctypedef struct Gradients:
    # Of images, filters and bias: where they go, or NULL, and whether they are added.
    char* x
    char* w
    char* bias
    bint add_x, add_w, add_bias
    char* slopes                  # where the gradient of what was pooled goes, or NULL

ctypedef struct Pooled:
    # The sums, or means, of 2 by 2 results, of which a function may be taken before.
    bint divide
    int function                  # as a unary op, or -1; relu may be taken already
    # Its values, for the gradient: (block of images, group, filter, place, image); or NULL.
    char* kept

ctypedef struct Job:
    # What threads share of one product.
    Sizes s
    int dtype
    Py_ssize_t size               # bytes of a number
    char* x
    char* w
    char* y
    const char* bias
    bint accumulate, relu
    const Tail* tail              # what is computed of the results, bias and relu done; or NULL
    const Pooled* pool            # y has what is pooled of them; or NULL
    Gradients to                  # of what x, w and y = the results' gradient are given
    Py_ssize_t tiles              # where in a thread's scratch memory that has its tiles, in bytes
    char* lent                    # memory for workspaces
    Py_ssize_t lent_bytes
    Py_ssize_t images, span       # of a block: images, or windows of one image
    Py_ssize_t across, blocks     # blocks of an image, and of all
    Py_ssize_t rows, steps        # of packed windows, at a time; how often
    Py_ssize_t filters            # of a task, or panels of them
    Py_ssize_t parts              # of a gradient, each summed by itself
    Py_ssize_t tasks
    bint alike                    # they take equally long, and a thread finds again what it kept
    bint in_place                 # windows of size 1: x has them as they have to be
    Py_ssize_t panel, sums        # numbers of scratch memory
    char* scratch
    Py_ssize_t room               # bytes of a thread's scratch memory
    Py_ssize_t* offset            # of a window's places, for direct sums
    Py_ssize_t* starts            # of each phase's offsets
    Py_ssize_t* rows_from         # of each phase's windows: where they begin and their sums go
    Py_ssize_t* begins
    Py_ssize_t* goes
    Py_ssize_t lines, height, width, length
    Py_ssize_t together           # lines that no block divides
    Py_ssize_t vectors            # that are summed for a plane of windows
    Py_ssize_t apart              # numbers between transformed filters' places, or between images
    Sizes seen, made              # planes that are summed, and that sums make
    const Filtering* way          # of tiles
    bint turned                   # tiles are the images', and filters have their channels in lanes
    char* transformed             # the filters, or their gradient
    char* bias_sums               # the bias' gradient: (part, filter)
    char* spread                  # what ranges of tiles give to the images: (part, group, panel)


ctypedef void (*Task)(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil


cdef inline Py_ssize_t divided_up(Py_ssize_t n, Py_ssize_t step) noexcept nogil:
    return (n + step - 1) // step


cdef inline char* at(char* data, Py_ssize_t place, Py_ssize_t size) noexcept nogil:
    return data + place * size


cdef inline Py_ssize_t reach_of(const Sizes* s, int axis) noexcept nogil:
    """How many places the first window's last element lies behind its first."""
    return (s.w[W_KERNEL + axis] - 1) * s.w[W_DILATE + axis]


cdef inline void finish(const Job* job, const char* results, Py_ssize_t first, Py_ssize_t count,
                        char* scratch) noexcept nogil:
    """Store y[first:first + count], from the results as the tail takes them."""
    run_tail(job.tail, results, first, count, job.dtype, scratch + job.tiles)


cdef inline Py_ssize_t whole_lines(Py_ssize_t nbytes) noexcept nogil:
    return divided_up(nbytes, 64) * 64


cdef inline Py_ssize_t room_of_task(const Job* job, Py_ssize_t numbers) noexcept nogil:
    """Bytes of a thread's scratch memory, with the tail's tiles."""
    cdef Py_ssize_t tiles = 0 if job.tail is NULL else job.tail.tiles
    return whole_lines(numbers * job.size) + tiles * BLOCK * job.size


cdef Tensor workspace(Job* job, int dtype, Py_ssize_t n)      # of the lent memory, if it is enough


cdef inline bint is_pointwise(const Sizes* s) noexcept nogil:
    """Whether the images are their own windows."""
    cdef int i
    for i in range(MAX_AXES):
        if s.w[W_KERNEL + i] != 1 or s.w[W_STRIDE + i] != 1 or s.w[W_PAD + i]:
            return False
    return True


cdef inline Py_ssize_t panel_width(const Job* job) noexcept nogil:
    """Numbers side by side in a product of our own: two vectors; 0 where BLAS has longer ones."""
    cdef Py_ssize_t lanes = kernels.lanes[job.dtype]
    return 2 * lanes if lanes * job.size > 16 else 0


# Spread the tasks over threads, each with scratch memory for some numbers.
cdef int run_tasks(Job* job, Task task, Py_ssize_t numbers, bint blas) except -1
# Into how many parts a sum over blocks is divided, and its tasks.
cdef void divide_sum(Job* job) noexcept
# The filters' gradient, and the bias' if that is wanted, in these parts, then added in order.
cdef int sum_parts(Job* job, Task task, Py_ssize_t numbers, bint blas) except -1
