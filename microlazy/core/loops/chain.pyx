"""Chains of elementwise loops, run block by block.

A program is a list of steps, each of them a call of one kernel. All run on one block of elements,
then on the next, so that what is between them stays in the nearest cache, in *tiles* of one block.
The kernels are those that run over whole arrays. Some of them choose how to compute by stretches of
as many elements as a block has, so the results are the same to the bit.
"""

from cython.parallel cimport prange
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy
from microlazy.core.kernels.select cimport kernels
from microlazy.core.loops.elementwise cimport binary_grain, grain, number_at
from microlazy.core.parallel cimport CHUNK, LIGHT_GRAIN, thread_number, threads
from microlazy.core.tensor cimport ND, Tensor, itemsize, new

cdef class Program:
    def __dealloc__(self):
        free(self.steps)

    cdef int run(self, char** arrays, const bint* asked, Py_ssize_t n, int dtype) except -1:
        cdef Py_ssize_t size = itemsize(dtype), i, room
        # Bytes of a tile: whole cache lines, so that vector loops see that tiles do not overlap.
        cdef Py_ssize_t width = (min(n, <Py_ssize_t>BLOCK) * size + 63) & ~63
        cdef int team = 1 if n < self.grain else threads()
        cdef Tensor scratch
        cdef char* tiles = NULL
        if self.tiles:
            room = team * self.tiles * width // size
            scratch = new(ND, dtype, 1, &room)
            tiles = scratch.data
        room = self.tiles * width
        if n < self.grain:
            run_blocks(self.steps, self.count, self.arrays, self.tiles, arrays, asked, tiles, width,
                       0, n, dtype)
            return 0
        for i in prange((n + CHUNK - 1) // CHUNK, nogil=True, schedule="static", num_threads=team):
            run_blocks(self.steps, self.count, self.arrays, self.tiles, arrays, asked,
                       tiles + thread_number() * room, width, i * CHUNK,
                       min(n, (i + 1) * CHUNK), dtype)
        return 0

    cdef void describe(self, Tail* tail) noexcept:
        tail.steps = self.steps
        tail.count, tail.arrays, tail.tiles = self.count, self.arrays, self.tiles


cdef void run_tail(const Tail* tail, const char* x, Py_ssize_t start, Py_ssize_t n, int dtype,
                   char* scratch) noexcept nogil:
    cdef char* data[MOST_ARRAYS]
    cdef Py_ssize_t size = itemsize(dtype)
    memcpy(data, tail.data, tail.arrays * sizeof(char*))
    data[tail.first] = <char*>x - start * size
    run_blocks(tail.steps, tail.count, tail.arrays, tail.tiles, data, NULL, scratch, BLOCK * size,
               start, start + n, dtype)


cdef void run_blocks(const Step* steps, int count, int arrays, int tiles, char** data,
                     const bint* asked, char* scratch, Py_ssize_t width, Py_ssize_t start,
                     Py_ssize_t stop, int dtype) noexcept nogil:
    """Run all steps on the elements from start to before stop, a block at a time."""
    cdef char* at[MOST_ARRAYS + MOST_TILES]
    cdef Py_ssize_t size = itemsize(dtype), n
    cdef const Step* step
    cdef bint accumulate
    cdef int k
    for k in range(tiles):
        at[MOST_ARRAYS + k] = scratch + k * width
    while start < stop:
        n = min(<Py_ssize_t>BLOCK, stop - start)
        for k in range(arrays):
            at[k] = data[k] + start * size
        for k in range(count):
            step = &steps[k]
            accumulate = asked[step.out] if step.accumulate == ASKED else step.accumulate
            if step.loop == SPREAD:
                spread(data[step.a], step.repeat, step.period, at[step.out], start, n, dtype)
            elif step.loop == NORM:
                normalize(step, data[step.b], at[step.a], at[step.out], start, n, dtype)
            else:
                run_step(step, at, accumulate, n, dtype)
        start += n


cdef void run_step(const Step* step, char** at, bint accumulate, Py_ssize_t n,
                   int dtype) noexcept nogil:
    cdef char* out = at[step.out]
    if step.loop == UNARY:
        kernels.unary[dtype](step.op, at[step.a], out, n)
    elif step.loop == BINARY:
        kernels.binary[dtype](step.op, at[step.a], at[step.b], out, n)
    elif step.loop == NUMBER:
        kernels.binary_scalar[dtype](step.op, at[step.a], step.number, step.which, out, n)
    elif step.loop == UNARY_GRAD:
        kernels.unary_grad[dtype](step.op, at[step.a], at[step.y], at[step.g], out, accumulate, n)
    elif step.loop == BINARY_GRAD:
        kernels.binary_grad[dtype](step.op, step.which, at[step.a], at[step.b], at[step.y],
                                   at[step.g], out, accumulate, n)
    elif step.loop == TIMES:
        kernels.scale[dtype](step.number, at[step.a], out, accumulate, n)
    elif step.loop == FILL:
        if not accumulate:
            kernels.fill[dtype](step.number, out, n)
    elif accumulate:
        kernels.add_to[dtype](at[step.a], out, n)
    else:
        memcpy(out, at[step.a], n * itemsize(dtype))


cdef void spread(const char* x, Py_ssize_t repeat, Py_ssize_t period, char* out, Py_ssize_t start,
                 Py_ssize_t n, int dtype) noexcept nogil:
    """Elements start to start + n of an array that is broadcast."""
    cdef Py_ssize_t size = itemsize(dtype), place, length, done = 0
    while done < n:
        if repeat == 1 and done >= period:        # what is there already repeats itself
            place = done % period
            length = min(n - done, done - place)
            memcpy(out + done * size, out + place * size, length * size)
        elif repeat == 1:
            place = (start + done) % period
            length = min(n - done, period - place)
            memcpy(out + done * size, x + place * size, length * size)
        else:
            place = (start + done) // repeat
            length = min(n - done, (place + 1) * repeat - start - done)
            kernels.fill[dtype](number_at(x + place % period * size, dtype), out + done * size,
                                length)
        done += length


cdef void normalize(const Step* step, const char* kept, const char* x, char* out, Py_ssize_t start,
                    Py_ssize_t n, int dtype) noexcept nogil:
    """Elements start to start + n of a batch norm with what it keeps of each channel."""
    cdef Py_ssize_t size = itemsize(dtype), channels = step.period, each = channels * size
    cdef bint columns = step.repeat == 1
    cdef Py_ssize_t width = channels if columns else step.repeat, place, rows, length, done = 0
    while done < n:               # the rest of a row, whole rows, or the beginning of one
        place = (start + done) % width
        rows, length = (n - done) // width, width
        if place or not rows:
            rows, length = 1, min(n - done, width - place)
        place = place * size if columns else 0
        kernels.affine[dtype](columns, step.op, x + done * size, kept + MEAN * each + place,
                              kept + WEIGHT * each + place, kept + SHIFT * each + place,
                              out + done * size,
                              0 if columns else (start + done) // width % channels, channels, rows,
                              length)
        done += rows * length


cdef tuple OPERANDS = ("a", "b", "y", "g")


cdef Program assemble(list steps, int arrays):
    cdef Program program = Program.__new__(Program)
    cdef int i
    cdef dict last = {}, places = {}
    cdef list free_tiles = []
    for i, step in enumerate(steps):
        for name in (*OPERANDS, "out"):
            last[step.get(name)] = i
    program.arrays = arrays
    program.grain = LIGHT_GRAIN
    program.count = <int>len(steps)
    program.steps = <Step*>calloc(max(1, program.count), sizeof(Step))
    if program.steps is NULL:
        raise MemoryError("no memory for the steps of a chain")
    for i, step in enumerate(steps):
        out = step["out"]
        if out >= MOST_ARRAYS and out not in places:
            if not free_tiles:
                free_tiles.append(MOST_ARRAYS + program.tiles)
                program.tiles += 1
            places[out] = free_tiles.pop()
        program.steps[i] = packed_step({name: places.get(value, value) if name in OPERANDS or
                                        name == "out" else value for name, value in step.items()})
        if step["loop"] in (UNARY, UNARY_GRAD):
            program.grain = min(program.grain, grain(step["op"]))
        elif step["loop"] in (BINARY, BINARY_GRAD, NUMBER):
            program.grain = min(program.grain, binary_grain(step["op"]))
        done = {step.get(name) for name in (*OPERANDS, "out")}
        free_tiles += [places[value] for value in done if value in places and last[value] == i]
    return program


cdef Step packed_step(dict fields):
    cdef Step step
    step.loop = fields["loop"]
    step.op = fields.get("op", 0)
    step.which = fields.get("which", 0)
    step.a = fields.get("a", 0)
    step.b = fields.get("b", 0)
    step.y = fields.get("y", 0)
    step.g = fields.get("g", 0)
    step.out = fields["out"]
    step.accumulate = fields.get("accumulate", 0)
    step.number = fields.get("number", 0.0)
    step.repeat = fields.get("repeat", 1)
    step.period = fields.get("period", 1)
    return step


def in_one_pass(Tensor x, list functions):
    """Functions of each element of a packed array, one after the other, in one pass over memory.

    Parameters
    ----------
    x : array of float32 or float64
    functions : list of (int, float or None)
        Numbers of rows of functions of one operand, or of two and the second operand.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.loops.chain import in_one_pass
    >>> from microlazy.core.ops.elementwise import BINARY, UNARY
    >>> in_one_pass(np.array([1., -4.]), [(UNARY["abs"], None), (BINARY["multiply"], 3.)])
    array([ 3., 12.])
    """
    cdef Tensor out = new(x.face, x.dtype, x.ndim, x.shape_)
    cdef char* arrays[2]
    cdef list steps = []
    for i, (op, operand) in enumerate(functions):
        steps.append({"loop": UNARY if operand is None else NUMBER, "op": op,
                      "number": 0 if operand is None else operand,
                      "a": MOST_ARRAYS + i - 1 if i else 0, "out": MOST_ARRAYS + i})
    steps[len(steps) - 1]["out"] = 1
    arrays[0], arrays[1] = x.data, out.data
    assemble(steps, 2).run(arrays, NULL, x.size, x.dtype)
    return out
