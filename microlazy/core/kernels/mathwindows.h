/* Sums of products over sliding windows: a part of mathreal.h. Place k of the windows is read at
   x + offset[k], and the windows follow each other: nothing is packed. A tile of sums stays in
   registers; its size is known to the compiler, for each caller gives constants. Builds differ in
   the last bits here, as those of a BLAS do. */

/* y[i][p] = bias[i] + sum over k of w[k][i] x[offset[k] + p], then max(., 0) if relu, for some
   vectors of p, and some filters: 12 sums of vectors are as many as registers hold, with what they
   are made of, and 24 where vectors are 64 bytes. The filters lie side by side, so that one address
   is enough for all of them. bias may be NULL. */
INLINE void M(window_tile)(int filters, int vectors, ptrdiff_t places, const REAL *x,
                           const ptrdiff_t *offset, const REAL *w, ptrdiff_t w_step,
                           const REAL *bias, int relu, REAL *y, ptrdiff_t y_step)
{
#ifdef HAS_LANES
    M(wide) sums[8][3];
    for (int i = 0; i < filters; i++)
        for (int j = 0; j < vectors; j++)
            sums[i][j] = (bias ? bias[i] : 0) - (M(wide)){0};
    for (ptrdiff_t k = 0; k < places; k++, w += w_step) {
        const M(wide) *at = (const M(wide) *)(x + offset[k]);
        M(wide) v[3];
        for (int j = 0; j < vectors; j++)
            v[j] = at[j];
        for (int i = 0; i < filters; i++) {
            const M(wide) s = w[i] - (M(wide)){0};
            for (int j = 0; j < vectors; j++)
                sums[i][j] = ADD_PRODUCT(sums[i][j], s, v[j]);
        }
    }
    for (int i = 0; i < filters; i++, y += y_step)
        for (int j = 0; j < vectors; j++) {
            M(wide) sum = sums[i][j];
            if (relu)
                sum = (M(wide))((M(wide_bits))sum & ~(M(wide_bits))(sum <= 0));
            ((M(wide) *)y)[j] = sum;
        }
#else
    for (int i = 0; i < filters; i++) {
        REAL sums[3 * LANES_WIDE];
        for (int l = 0; l < vectors * LANES_WIDE; l++)
            sums[l] = bias ? bias[i] : 0;
        for (ptrdiff_t k = 0; k < places; k++)
            for (int l = 0; l < vectors * LANES_WIDE; l++)
                sums[l] += w[k * w_step + i] * x[offset[k] + l];
        for (int l = 0; l < vectors * LANES_WIDE; l++)
            y[i * y_step + l] = relu ? M(cut_off)(sums[l]) : sums[l];
    }
#endif
}

/* The same for some rows. Each size is a function of its own: where they are inlined side by side,
   compilers find the addresses of all of them first, and have no registers left. */
#define WINDOW_ROWS(filters, vectors)                                                              \
    static NOINLINE void M(window_rows_##filters##_##vectors)(                                     \
        ptrdiff_t places, const REAL *x, const ptrdiff_t *offset, const REAL *w, ptrdiff_t w_step, \
        const REAL *bias, int relu, REAL *y, ptrdiff_t y_step, ptrdiff_t rows, ptrdiff_t x_row,    \
        ptrdiff_t y_row)                                                                           \
    {                                                                                              \
        for (ptrdiff_t r = 0; r < rows; r++)                                                       \
            M(window_tile)(filters, vectors, places, x + r * x_row, offset, w, w_step, bias, relu, \
                           y + r * y_row, y_step);                                                 \
    }
#define WINDOW_SIZES(DO)                                                                           \
    DO(1, 1) DO(1, 2) DO(1, 3) DO(2, 1) DO(2, 2) DO(2, 3) DO(3, 1) DO(3, 2) DO(3, 3)               \
    DO(4, 1) DO(4, 2) DO(4, 3) DO(6, 1) DO(6, 2) DO(8, 1) DO(8, 2) DO(8, 3)
WINDOW_SIZES(WINDOW_ROWS)
#undef WINDOW_ROWS

INLINE void M(window_rows)(int filters, int vectors, ptrdiff_t places, const REAL *x,
                           const ptrdiff_t *offset, const REAL *w, ptrdiff_t w_step,
                           const REAL *bias, int relu, REAL *y, ptrdiff_t y_step, ptrdiff_t rows,
                           ptrdiff_t x_row, ptrdiff_t y_row)
{
#define WINDOW_CASE(filters, vectors)                                                              \
    case 4 * filters + vectors:                                                                    \
        M(window_rows_##filters##_##vectors)(places, x, offset, w, w_step, bias, relu, y, y_step,  \
                                             rows, x_row, y_row);                                  \
        break;
    switch (4 * filters + vectors) {
        WINDOW_SIZES(WINDOW_CASE)
    }
#undef WINDOW_CASE
}
#undef WINDOW_SIZES

/* sums[i][k] += g[i][r][p] x[offset[k] + r x_row + p] for some k, where each sum is a vector, and p
   counts in whole vectors. */
INLINE void M(window_dots)(int filters, int places, ptrdiff_t rows, ptrdiff_t count,
                           const REAL *g, ptrdiff_t g_step, ptrdiff_t g_row, const REAL *x,
                           ptrdiff_t x_row, const ptrdiff_t *offset, REAL *out, ptrdiff_t out_step)
{
#ifdef HAS_LANES
    M(wide) sums[8][3];
    for (int i = 0; i < filters; i++)
        for (int k = 0; k < places; k++)
            sums[i][k] = ((const M(wide) *)out)[i * out_step + k];
    for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t p = 0; p < count; p += LANES_WIDE) {
            M(wide) at[3];
            for (int k = 0; k < places; k++)
                at[k] = *(const M(wide) *)(x + offset[k] + r * x_row + p);
            for (int i = 0; i < filters; i++) {
                const M(wide) s = *(const M(wide) *)(g + i * g_step + r * g_row + p);
                for (int k = 0; k < places; k++)
                    sums[i][k] = ADD_PRODUCT(sums[i][k], s, at[k]);
            }
        }
    for (int i = 0; i < filters; i++)
        for (int k = 0; k < places; k++)
            ((M(wide) *)out)[i * out_step + k] = sums[i][k];
#else
    for (int i = 0; i < filters; i++)
        for (int k = 0; k < places; k++) {
            REAL *sums = out + (i * out_step + k) * LANES_WIDE;
            for (ptrdiff_t r = 0; r < rows; r++)
                for (ptrdiff_t p = 0; p < count; p += LANES_WIDE)
                    for (int l = 0; l < LANES_WIDE; l++)
                        sums[l] += g[i * g_step + r * g_row + p + l]
                                   * x[offset[k] + r * x_row + p + l];
        }
#endif
}

/* out[to[i] + f] (+)= sum over j of x[at[i] + taps[j]] b[j step + f], for the f of two vectors. Each
   sum is made in the order of j. Builds differ in the last bits, as above. */
INLINE void M(gathered_tile)(int rows, const REAL *x, const ptrdiff_t *at, const ptrdiff_t *taps,
                             ptrdiff_t n, const REAL *b, ptrdiff_t step, REAL *out,
                             const ptrdiff_t *to, int accumulate)
{
#ifdef HAS_LANES
    M(wide) sums[TILE_ROWS][2];
    const REAL *row[TILE_ROWS];
    for (int i = 0; i < rows; i++) {
        row[i] = x + at[i];
        for (int v = 0; v < 2; v++)
            sums[i][v] = accumulate ? ((const M(wide) *)(out + to[i]))[v] : (M(wide)){0};
    }
    for (ptrdiff_t j = 0; j < n; j++) {
        const M(wide) *row_of_b = (const M(wide) *)(b + j * step);
        const M(wide) first = row_of_b[0], second = row_of_b[1];
        for (int i = 0; i < rows; i++) {
            const M(wide) s = row[i][taps[j]] - (M(wide)){0};
            sums[i][0] = ADD_PRODUCT(sums[i][0], s, first);
            sums[i][1] = ADD_PRODUCT(sums[i][1], s, second);
        }
    }
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < 2; v++)
            ((M(wide) *)(out + to[i]))[v] = sums[i][v];
#else
    for (int i = 0; i < rows; i++) {
        REAL sums[2 * LANES_WIDE] = {0};
        if (accumulate)
            memcpy(sums, out + to[i], sizeof sums);
        for (ptrdiff_t j = 0; j < n; j++)
            for (int f = 0; f < 2 * LANES_WIDE; f++)
                sums[f] += x[at[i] + taps[j]] * b[j * step + f];
        memcpy(out + to[i], sums, sizeof sums);
    }
#endif
}

INLINE void M(gathered_product)(const REAL *x, const ptrdiff_t *at, const ptrdiff_t *taps,
                                ptrdiff_t n, const REAL *b, ptrdiff_t step, REAL *out,
                                const ptrdiff_t *to, ptrdiff_t rows, int accumulate)
{
    ptrdiff_t i = 0;
    for (; i + TILE_ROWS <= rows; i += TILE_ROWS)
        M(gathered_tile)(TILE_ROWS, x, at + i, taps, n, b, step, out, to + i, accumulate);
    for (; i + 4 <= rows; i += 4)
        M(gathered_tile)(4, x, at + i, taps, n, b, step, out, to + i, accumulate);
    for (; i < rows; i++)
        M(gathered_tile)(1, x, at + i, taps, n, b, step, out, to + i, accumulate);
}
