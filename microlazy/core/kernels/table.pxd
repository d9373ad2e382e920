"""The kernels' interface: one table of function pointers, filled by each build of the kernels.

Every kernel is serial, works on contiguous memory, and takes the element type as the index of
its slot: 0 is float32, 1 is float64.  Threads, strides and broadcasting live above, in core/.
The build reads the slots here, to fill the tables and to write the probe of the tests.
"""

include "generated/ops.pxi"               # Unary and Binary, a number for each op with a row

cdef enum:                                # sliding windows: where the 3 numbers of each kind begin
    W_SIZE = 0, W_COUNT = 3, W_KERNEL = 6, W_STRIDE = 9, W_DILATE = 12, W_PAD = 15, W_NUMBERS = 18

cdef extern from "transforms.h" nogil:    # of minimal filtering
    enum:
        TILE_IMAGES, TILE_FILTERS, TILE_RESULTS, TILE_RESULTS_BACK, TILE_FILTERS_BACK
        STEP_RESULTS, STEP_RESULTS_BACK, STEP3_IMAGES, STEP3_FILTERS, STEP3_FILTERS_BACK
        STEP4_IMAGES, STEP4_FILTERS, STEP4_FILTERS_BACK, TURN3_IMAGES, TURN3_FILTERS
        TURN3_RESULTS, TURN4_IMAGES, TURN4_FILTERS, TURN4_RESULTS, TILE_IMAGES_BACK
        TILE_FIVES, TILE_FIVES_BACK, TILE_PAIRS, TILE_PAIRS_BACK

cdef enum Number:                         # types of elements, with the numbers of tensor.pxd
    NUMBER_FLOAT32 = 0, NUMBER_FLOAT64 = 1, NUMBER_UINT8 = 3, NUMBER_INT32 = 4, NUMBER_INT8 = 5
    NUMBER_INT64 = 6

cdef enum Special:                        # functions of float32
    DIGAMMA, TRIGAMMA, GAMMALN, ERFINV, BESSEL_I0, BESSEL_I1, SPHERICAL_J1

cdef enum Reduction:
    R_SUM, R_PROD, R_MAX, R_MIN

cdef enum Cell:
    RELU_CELL, TANH_CELL, LSTM, GRU

ctypedef struct KernelTable:
    const char* name                      # "baseline", "avx2" or "avx512"
    Py_ssize_t lanes[2]                   # numbers in a vector of direct sums, 16 at most

    # out[i] = f(x[i]); out may be x.
    void (*unary[2])(int op, const void* x, void* out, Py_ssize_t n) noexcept nogil
    # dx[i] (+)= g[i] * f'(x[i]), where y = f(x) is at hand too.
    void (*unary_grad[2])(int op, const void* x, const void* y, const void* g, void* dx,
                          bint accumulate, Py_ssize_t n) noexcept nogil

    # out[i] = f(a[i], b[i]); comparisons give 0 or 1 in the same type; out may be a or b.
    void (*binary[2])(int op, const void* a, const void* b, void* out, Py_ssize_t n) noexcept nogil
    # The same with one operand a single number: f(a[i], s), or f(s, a[i]) when swapped.
    void (*binary_scalar[2])(int op, const void* a, double s, bint swapped, void* out,
                             Py_ssize_t n) noexcept nogil
    # dx[i] (+)= g[i] * df/da (which = 0) or df/db (which = 1).
    void (*binary_grad[2])(int op, int which, const void* a, const void* b, const void* y,
                           const void* g, void* dx, bint accumulate, Py_ssize_t n) noexcept nogil
    # out[i] = f(x[i]) for a Special f
    void (*special)(int function, const float* x, float* out, Py_ssize_t n) noexcept nogil
    # Comparisons into bytes 0 or 1.
    void (*compare[2])(int op, const void* a, const void* b, unsigned char* out,
                       Py_ssize_t n) noexcept nogil

    # The same with b a single number.
    void (*compare_scalar[2])(int op, const void* a, double s, unsigned char* out,
                              Py_ssize_t n) noexcept nogil
    # out[i] = a[i] where condition[i] is not 0, else b[i]; one_a, one_b: a single number.
    void (*select[2])(const unsigned char* condition, const void* a, bint one_a, const void* b,
                      bint one_b, void* out, Py_ssize_t n) noexcept nogil
    # out[i] = x[step * i]
    void (*gather[2])(const void* x, Py_ssize_t step, void* out, Py_ssize_t n) noexcept nogil
    # Rows of `width` elements that are `step` elements apart, in x and in out:
    # out[i] = x[places[i]], and out[places[i]] = x[i], or += x[i] if add. Places are in range.
    void (*take_rows[2])(const void* x, const long long* places, void* out, Py_ssize_t count,
                         Py_ssize_t width, Py_ssize_t step) noexcept nogil
    void (*put_rows[2])(const void* x, const long long* places, void* out, bint add,
                        Py_ssize_t count, Py_ssize_t width, Py_ssize_t step) noexcept nogil
    # out[i * width + j] = x[step * i] for j < width
    void (*repeat_each[2])(const void* x, Py_ssize_t step, void* out, Py_ssize_t n,
                           Py_ssize_t width) noexcept nogil
    # out[i * width + j] = x[j, i], where x's rows are `step` bytes apart.
    void (*transpose[2])(const char* x, Py_ssize_t step, void* out, Py_ssize_t width,
                         Py_ssize_t rows, Py_ssize_t cols) noexcept nogil

    # out[i] = value; dst[i] += src[i]; dst[i] (+)= alpha * src[i].
    void (*fill[2])(double value, void* out, Py_ssize_t n) noexcept nogil
    void (*add_to[2])(const void* src, void* dst, Py_ssize_t n) noexcept nogil
    void (*scale[2])(double alpha, const void* src, void* dst, bint accumulate,
                     Py_ssize_t n) noexcept nogil

    # float16 to float32 and back: bits, rounded to even.
    void (*widen)(const unsigned short* x, unsigned int* out, Py_ssize_t n) noexcept nogil
    void (*narrow)(const unsigned int* x, unsigned short* out, Py_ssize_t n) noexcept nogil
    # out[i] = x[i] as C converts it, from any Number to one of 4 or 8 bytes.
    void (*convert)(int source, int target, const void* x, void* out, Py_ssize_t n) noexcept nogil

    # x is (rows, cols): reduce each row into out[rows], or all rows into out[cols].
    # NaN wins max and min. Sums are pairwise or better.
    void (*reduce_rows[2])(int op, const void* x, void* out, Py_ssize_t rows,
                           Py_ssize_t cols) noexcept nogil
    # out[r] = sum of x[2 * (r * cols + c)] over c.
    void (*sum_alternate[2])(const void* x, void* out, Py_ssize_t rows,
                             Py_ssize_t cols) noexcept nogil
    void (*reduce_cols[2])(int op, const void* x, void* out, bint accumulate, Py_ssize_t rows,
                           Py_ssize_t cols) noexcept nogil
    # Index of each row's first maximum (or minimum); the first NaN wins, as in NumPy.
    void (*arg_rows[2])(int op, const void* x, long long* out, Py_ssize_t rows,
                        Py_ssize_t cols) noexcept nogil
    # The same for `width` columns of (rows, cols).
    void (*arg_cols[2])(int op, const void* x, long long* out, Py_ssize_t rows, Py_ssize_t cols,
                        Py_ssize_t width) noexcept nogil
    # Sums of (x - mean)^2 over each row, or over each column.
    void (*deviation_rows[2])(const void* x, const void* mean, void* out, Py_ssize_t rows,
                              Py_ssize_t cols) noexcept nogil
    void (*deviation_cols[2])(const void* x, const void* mean, void* out, Py_ssize_t rows,
                              Py_ssize_t cols) noexcept nogil

    # Running sums or products of `width` chains, `across` elements apart, of n elements that are
    # `step` apart; from the last to the first if backwards. out has the same layout, and is not x.
    void (*scan[2])(bint product, bint backwards, const void* x, void* out, Py_ssize_t n,
                    Py_ssize_t step, Py_ssize_t width, Py_ssize_t across) noexcept nogil
    # The same of out[i] = b[i] + a[i] * out[i - 1]; backwards b[i] + a[i + 1] * out[i + 1].
    void (*recurrence[2])(bint backwards, const void* a, const void* b, void* out, Py_ssize_t n,
                          Py_ssize_t step, Py_ssize_t width, Py_ssize_t across) noexcept nogil
    # The places of each row's float32 elements in order: equal ones keep theirs, NaN is the
    # largest. `spare` has room for 2 * cols numbers, and cols is below 2**31.
    void (*order_rows)(bint descending, const unsigned int* x, unsigned long long* spare,
                       long long* out, Py_ssize_t rows, Py_ssize_t cols) noexcept nogil

    # Softmax of each row, or its logarithm; dx (+)= the gradient from y and g.
    void (*softmax[2])(bint log, const void* x, void* y, Py_ssize_t rows,
                       Py_ssize_t cols) noexcept nogil
    void (*softmax_grad[2])(bint log, const void* y, const void* g, void* dx, bint accumulate,
                            Py_ssize_t rows, Py_ssize_t cols) noexcept nogil
    # The same for `width` columns (1024 at most) of (rows, cols).
    void (*softmax_cols[2])(bint log, const void* x, void* y, Py_ssize_t rows, Py_ssize_t cols,
                            Py_ssize_t width) noexcept nogil
    void (*softmax_cols_grad[2])(bint log, const void* y, const void* g, void* dx,
                                 bint accumulate, Py_ssize_t rows, Py_ssize_t cols,
                                 Py_ssize_t width) noexcept nogil
    # loss[r] = -log softmax(x[r])[label[r]], and logp = log softmax(x) kept for the gradient
    # dx[r] (+)= g[r] * (exp(logp[r]) - onehot(label[r])). Labels are in range.
    void (*cross_entropy[2])(const void* x, const long long* label, void* logp, void* loss,
                             Py_ssize_t rows, Py_ssize_t cols) noexcept nogil
    void (*cross_entropy_grad[2])(const void* logp, const long long* label, const void* g,
                                  void* dx, bint accumulate, Py_ssize_t rows,
                                  Py_ssize_t cols) noexcept nogil

    # Means, and sums of squares around them, of each row or, with `columns`, of each column.
    void (*moments[2])(bint columns, const void* x, void* mean, void* squares, Py_ssize_t rows,
                       Py_ssize_t cols) noexcept nogil
    # Mean and variance from those of `rows` parts, all of `count` numbers but the last of `last`.
    void (*join_moments[2])(const void* means, const void* squares, Py_ssize_t count,
                            Py_ssize_t last, void* mean, void* var, Py_ssize_t rows,
                            Py_ssize_t cols) noexcept nogil
    # y = (x - mean) * factor + shift, then max(., 0) if relu, with numbers for each column, or for
    # each row: row r has those of channel (first + r) % channels.
    void (*affine[2])(bint columns, bint relu, const void* x, const void* mean, const void* factor,
                      const void* shift, void* y, Py_ssize_t first, Py_ssize_t channels,
                      Py_ssize_t rows, Py_ssize_t cols) noexcept nogil
    # Sums of g, where the result was not cut off, and of g * (x - mean): of each row or column.
    void (*affine_sums[2])(bint columns, bint relu, const void* x, const void* g, const void* mean,
                           const void* factor, const void* shift, void* sums, void* products,
                           Py_ssize_t first, Py_ssize_t channels, Py_ssize_t rows,
                           Py_ssize_t cols) noexcept nogil
    # dx (+)= g * factor + (x - mean) * slope + offset, g as above.
    void (*affine_grad[2])(bint columns, bint relu, const void* x, const void* g, const void* mean,
                           const void* factor, const void* shift, const void* slope,
                           const void* offset, void* dx, bint accumulate, Py_ssize_t first,
                           Py_ssize_t channels, Py_ssize_t rows, Py_ssize_t cols) noexcept nogil
    # Each row with mean 0 and deviation 1, then times gamma plus beta. A row has `parts` parts of
    # `width` elements with a gamma and a beta each, those of group (first + r) % groups. Kept are
    # the means, and scale = 1 / sqrt(variance + eps). Where width is 1, results that no cache can
    # hold are written past the caches.
    void (*row_norm[2])(const void* x, const void* gamma, const void* beta, double eps, void* y,
                        void* mean, void* scale, Py_ssize_t first, Py_ssize_t groups,
                        Py_ssize_t parts, Py_ssize_t width, Py_ssize_t rows,
                        bint past_caches) noexcept nogil
    # dx (+)= the gradient, unless dx is NULL; dgamma += and dbeta += theirs, of all groups.
    void (*row_norm_grad[2])(const void* x, const void* gamma, const void* g, const void* mean,
                             const void* scale, void* dx, bint accumulate, void* dgamma,
                             void* dbeta, Py_ssize_t first, Py_ssize_t groups, Py_ssize_t parts,
                             Py_ssize_t width, Py_ssize_t rows, bint past_caches) noexcept nogil

    # A step of a recurrent cell on `rows` sequences with states of `size` numbers. `gates` holds
    # what the input gives to the gates and takes their values; `hidden`, what the state gives, if
    # that is not added yet (GRU: always there; it takes its bias). State and cell before may be
    # NULL, for 0. Where `step` is not below lengths[r], states stay and the output is 0; NULL:
    # nowhere. Rows of out are `out_step` apart; out may be the state. Only the first `units`
    # numbers of states are computed: gates and hidden have as many of each gate, biases `size`.
    void (*cell_step[2])(int kind, void* gates, void* hidden, const void* bias,
                         const void* hidden_bias, const void* state_before,
                         const void* cell_before, void* state, void* cell, void* out,
                         const double* lengths, double step, Py_ssize_t rows, Py_ssize_t units,
                         Py_ssize_t size, Py_ssize_t out_step) noexcept nogil
    # From the gradients g of out (or NULL), dstate and dcell: those of the gates before their
    # functions, and of `hidden` where it differs (GRU), with `size` numbers of each gate. dstate
    # and dcell become those of the states before, without what comes through the products.
    void (*cell_step_grad[2])(int kind, const void* gates, const void* hidden,
                              const void* state_before, const void* cell_before,
                              const void* state, const void* cell, const void* g, void* dstate,
                              void* dcell, void* dgates, void* dhidden, const double* lengths,
                              double step, Py_ssize_t rows, Py_ssize_t units, Py_ssize_t size,
                              Py_ssize_t out_step) noexcept nogil

    # out is (rows, cols): out[r, c] += bias[c], then max(., 0) if relu.
    void (*add_bias[2])(const void* bias, void* out, bint relu, Py_ssize_t rows,
                        Py_ssize_t cols) noexcept nogil

    # Products of few rows, where calling a BLAS costs more than the work (m up to about 4):
    # out (m, n) = x (m, k) @ w (n, k)^T, + bias if that is not NULL, then max(., 0) if relu;
    # dx (m, k) (+)= g (m, n) @ w (n, k) ;  dw (n, k) (+)= g (m, n)^T @ x (m, k).
    void (*thin_nt[2])(const void* x, const void* w, const void* bias, void* out, bint relu,
                       Py_ssize_t m, Py_ssize_t n, Py_ssize_t k) noexcept nogil
    void (*thin_nn[2])(const void* g, const void* w, void* dx, bint accumulate, Py_ssize_t m,
                       Py_ssize_t n, Py_ssize_t k) noexcept nogil
    void (*thin_tn[2])(const void* g, const void* x, void* dw, bint accumulate, Py_ssize_t m,
                       Py_ssize_t n, Py_ssize_t k) noexcept nogil
    # For as few rows: dz = g where y, the result of relu, is above 0; y is NULL where there is no
    # relu, and dz is g. db (+)= the sums of dz's columns, unless db is NULL.
    void (*thin_bias_grad[2])(const void* y, const void* g, void* dz, void* db, bint accumulate,
                              Py_ssize_t rows, Py_ssize_t cols) noexcept nogil

    # Sliding windows over 3 axes: `w` holds 3 numbers of each kind above; x is one
    # image, (channels, *sizes). Rows of packed windows are (channel, place in the window) in order.
    # out[r * step + i] = place first_row + r of window first + i; 0 in the padding.
    void (*pack_windows[2])(const void* x, const Py_ssize_t* w, void* out, Py_ssize_t first_row,
                            Py_ssize_t rows, Py_ssize_t first, Py_ssize_t count,
                            Py_ssize_t step) noexcept nogil
    # The transpose: what is packed is put at its place in the image `out`, or added.
    void (*put_windows[2])(const void* x, const Py_ssize_t* w, void* out, Py_ssize_t first_row,
                           Py_ssize_t rows, Py_ssize_t first, Py_ssize_t count, Py_ssize_t step,
                           bint add) noexcept nogil
    # What the windows of rows [first, first + rows) of plane `plane` see, with its padding, so that
    # the windows of a row are neighbours: (channels, kernel's planes, phase of height, phase of
    # width, height, width), where a phase takes each stride-th row or column.
    void (*spread_windows[2])(const void* x, const Py_ssize_t* w, void* out, Py_ssize_t channels,
                              Py_ssize_t plane, Py_ssize_t first, Py_ssize_t rows,
                              Py_ssize_t height, Py_ssize_t width) noexcept nogil
    # y[f * y_step + r * y_row + i] = bias[f] + sum over k of
    # w[k * w_step + f] * x[offset[k] + r * x_row + i], then max(., 0) if relu, for r < rows and
    # the i of whole vectors that n needs; bias may be NULL.
    void (*slide[2])(const void* x, const Py_ssize_t* offset, const void* w, const void* bias,
                     void* y, Py_ssize_t filters, Py_ssize_t places, Py_ssize_t w_step,
                     Py_ssize_t y_step, Py_ssize_t rows, Py_ssize_t x_row, Py_ssize_t y_row,
                     Py_ssize_t n, bint relu) noexcept nogil
    # What adds up to dw[f * places + k] = the sum over r < rows and i < n of
    # g[f * g_step + r * g_row + i] * x[offset[k] + r * x_row + i] is added to the lanes of a vector
    # for each; n counts in whole vectors. Then the lanes are added to out.
    void (*slide_grad[2])(const void* x, const Py_ssize_t* offset, const void* g, void* sums,
                          Py_ssize_t filters, Py_ssize_t places, Py_ssize_t g_step, Py_ssize_t rows,
                          Py_ssize_t x_row, Py_ssize_t g_row, Py_ssize_t n) noexcept nogil
    void (*sum_vectors[2])(const void* x, void* out, Py_ssize_t n) noexcept nogil
    # out[to[i] + f] (+)= sum over j < n of x[at[i] + taps[j]] * b[j * step + f], for i < rows and
    # the f of two vectors. Each sum is made in the order of j.
    void (*gathered_product[2])(const void* x, const Py_ssize_t* at, const Py_ssize_t* taps,
                                Py_ssize_t n, const void* b, Py_ssize_t step, void* out,
                                const Py_ssize_t* to, Py_ssize_t rows,
                                bint accumulate) noexcept nogil
    # out[f, r, i] = x[f, r, i], or += it, or that + bias[f], then max(., 0) if relu; the steps are
    # those of f and r. out may be x.
    void (*place_rows[2])(const void* x, const void* bias, void* out, Py_ssize_t x_step,
                          Py_ssize_t x_row, Py_ssize_t out_step, Py_ssize_t out_row,
                          Py_ssize_t filters, Py_ssize_t rows, Py_ssize_t width, bint accumulate,
                          bint relu) noexcept nogil

    # n square matrices m x m^T, where m is the transform's, each of the numbers
    # x[i * x_row + j * x_step]; they go to out[i * out_row + j * out_step];
    # TILE_IMAGES_BACK, the transpose of TILE_IMAGES, adds to them.
    void (*winograd[2])(int which, const void* x, Py_ssize_t x_row, Py_ssize_t x_step, void* out,
                        Py_ssize_t out_row, Py_ssize_t out_step, Py_ssize_t n) noexcept nogil
    # y = the largest number of each window of some images, each of one channel, and its place in
    # the image, or -1 if it is padding, which is finite; the first of equal ones. places may be
    # NULL.
    void (*largest_in_windows[2])(const void* x, const Py_ssize_t* w, void* y, int* places,
                                  Py_ssize_t images) noexcept nogil
    # y = the windows' sums, divided by how many places they have in the image, or in its padding
    # too; and x (+)= what such sums give back.
    void (*sums_of_windows[2])(const void* x, const Py_ssize_t* w, void* y, Py_ssize_t images,
                               bint divide, bint with_padding) noexcept nogil
    void (*sums_back[2])(const void* y, const Py_ssize_t* w, void* x, Py_ssize_t images,
                         bint divide, bint with_padding, bint accumulate) noexcept nogil
    # y (rows, cols, n) = the sums, or means, of squares of x (2 * rows, 2 * cols, n), as above; n
    # counts in whole vectors. And x = what such sums give back.
    void (*pool_lanes[2])(const void* x, void* y, Py_ssize_t rows, Py_ssize_t cols, Py_ssize_t n,
                          bint divide) noexcept nogil
    void (*spread_lanes[2])(const void* y, void* x, Py_ssize_t rows, Py_ssize_t cols, Py_ssize_t n,
                            bint divide) noexcept nogil
    # out[i, j] = x[i, places[i, j]], or 0 for -1; and out[i, places[i, j]] += x[i, j].
    void (*take_places[2])(const void* x, const int* places, void* out, Py_ssize_t images,
                           Py_ssize_t count, Py_ssize_t volume) noexcept nogil
    void (*add_at_places[2])(const void* x, const int* places, void* out, Py_ssize_t images,
                             Py_ssize_t count, Py_ssize_t volume) noexcept nogil
    # Products with a matrix b (k, n), or, if transposed, (n, k), that is used often: it is packed
    # into panels, of (n + 16) * k numbers at most; then out (m, n) (+)= x (m, k) @ b, with rows of
    # out `step` elements apart. Each sum is made in the order of k. A part of out's columns from a
    # multiple of 16 on has its panels from as many times k on. b's rows are `step` elements apart.
    # x[i, p] is i * x_row + p * x_step elements from x[0, 0].
    void (*pack_panels[2])(bint transposed, const void* b, void* panels, Py_ssize_t n,
                           Py_ssize_t k, Py_ssize_t step) noexcept nogil
    void (*panel_product[2])(const void* x, Py_ssize_t x_row, Py_ssize_t x_step,
                             const void* panels, void* out, bint accumulate, Py_ssize_t m,
                             Py_ssize_t n, Py_ssize_t k, Py_ssize_t step) noexcept nogil
    # The same products where each row i of x (m, k) has one number, x[i], at places[i], and zeros
    # elsewhere, as one-hot rows have: panel_rows is out (m, n) (+)= x @ b, where b is finite;
    # sum_at_places is out (n, k) (+)= g (m, n)^T @ x, with room for 2 * n * k sums.
    # single_entries finds x and places, and count[0], how many rows are such before the first
    # that is not.
    void (*single_entries[2])(const void* x, void* entries, long long* places, long long* count,
                              Py_ssize_t rows, Py_ssize_t cols) noexcept nogil
    void (*panel_rows[2])(const void* x, const long long* places, const void* panels, void* out,
                          bint accumulate, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
                          Py_ssize_t step) noexcept nogil
    void (*sum_at_places[2])(const void* x, const long long* places, const void* g, void* sums,
                             void* out, bint accumulate, Py_ssize_t m, Py_ssize_t n,
                             Py_ssize_t k) noexcept nogil

    # One step of the optimizers' rule number `rule` on `count` weights of so many elements. There
    # are `step` arrays for each: its gradient, the weight and its states; `constants` are what the
    # rule's numbers come to.
    void (*update[2])(int rule, const double* constants, void** arrays, Py_ssize_t step,
                      const Py_ssize_t* sizes, Py_ssize_t count) noexcept nogil

    # Philox4x32-10 (Salmon et al. 2011). Element i of the stream that starts at `offset` comes
    # from counter block (offset + i / per_block) alone, per_block = 4 values of 32 bits for
    # float32, 2 values of 64 bits for float64, so any split at a multiple of 4 gives the same bits.
    # uniform: low + (high - low) * u, u in [0, 1), never reaching high; normal: Box-Muller.
    void (*uniform[2])(unsigned long long key, unsigned long long offset, double low, double high,
                       void* out, Py_ssize_t n) noexcept nogil
    void (*normal[2])(unsigned long long key, unsigned long long offset, double mean, double std,
                      void* out, Py_ssize_t n) noexcept nogil
    # 0 with probability `rate`, else `keep_value`; the same bits as `uniform` compared with rate.
    void (*keep_mask[2])(unsigned long long key, unsigned long long offset, double rate,
                         double keep_value, void* out, Py_ssize_t n) noexcept nogil
    # Integers low + [0, span), one 64-bit draw each (2 per block).
    void (*randint)(unsigned long long key, unsigned long long offset, long long low,
                    unsigned long long span, long long* out, Py_ssize_t n) noexcept nogil
