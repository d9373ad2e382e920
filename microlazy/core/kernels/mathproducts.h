/* Products of few rows, as of a dense layer with a small batch: a part of mathreal.h. Tiles of sums
   stay in registers; their sizes are known to the compiler, for each caller gives constants. Builds
   differ in the last bits, as those of a BLAS do. */

#ifdef HAS_LANES
/* sum + a b for 8 lanes or a part of them, and for 4. */
#if defined(__FMA__)
#if defined(__AVX512F__)
#define ADD_PART(sum, a, b) C(_mm256_fmadd_ps, _mm512_fmadd_pd)(a, b, sum)
#else
#define ADD_PART(sum, a, b) C(_mm256_fmadd_ps, _mm256_fmadd_pd)(a, b, sum)
#endif
#define ADD_HALF(sum, a, b) C(_mm_fmadd_ps, _mm256_fmadd_pd)(a, b, sum)
#else
#define ADD_PART(sum, a, b) ((sum) + (a) * (b))
#define ADD_HALF(sum, a, b) ((sum) + (a) * (b))
#endif

/* Products with an x whose rows have one number each, x[i] at places[i], and zeros elsewhere. A
   product with zero changes no sum, so these are panel_product's to the bit, but for the sign of
   zeros: a product that vanishes below the smallest number may leave -0 there. */

/* out (m, n) (+)= x @ b, which is in panels and finite. */
INLINE void M(panel_rows)(const REAL *x, const long long *places, const REAL *panels, REAL *out,
                          int accumulate, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, ptrdiff_t step)
{
    for (ptrdiff_t i = 0; i < m; i++, out += step)
        for (ptrdiff_t j = 0; j < n; j += PANEL) {
            const REAL *b = panels + j * k + places[i] * PANEL, s = x[i];
            const int width = (int)(n - j < PANEL ? n - j : PANEL);
            REAL row[PANEL];
            for (int c = 0; c < PANEL; c++) /* a sum begins with 0: it is not -0 */
                row[c] = s * b[c] + 0;
            if (width == PANEL) { /* a constant width becomes a vector */
                if (accumulate)
                    for (int c = 0; c < PANEL; c++)
                        row[c] += out[j + c];
                memcpy(out + j, row, sizeof row);
                continue;
            }
            for (int c = 0; c < width; c++)
                out[j + c] = accumulate ? out[j + c] + row[c] : row[c];
        }
}

/* sums += s g, n numbers */
INLINE void M(add_scaled)(REAL s, const REAL *g, REAL *sums, ptrdiff_t n)
{
    ptrdiff_t j = 0;
#ifdef HAS_LANES
    const ptrdiff_t lanes = LANES_WIDE;
    const M(wide) factor = s - (M(wide)){0};
    for (; j + lanes <= n; j += lanes)
        *(M(wide) *)(sums + j)
            = ADD_PRODUCT(*(M(wide) *)(sums + j), factor, *(const M(wide) *)(g + j));
    if (j < n) { /* rounded as the others are */
        M(wide) last = {0}, sum = {0};
        memcpy(&last, g + j, (n - j) * sizeof *g);
        memcpy(&sum, sums + j, (n - j) * sizeof *g);
        sum = ADD_PRODUCT(sum, factor, last);
        memcpy(sums + j, &sum, (n - j) * sizeof *g);
    }
#else
    for (; j < n; j++)
        sums[j] += s * g[j];
#endif
}

/* out (n, k) (+)= g (m, n)^T @ x; sums has room for 2 n k numbers. */
INLINE void M(sum_at_places)(const REAL *x, const long long *places, const REAL *g, REAL *sums,
                             REAL *out, int accumulate, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k)
{
    REAL *turned = accumulate ? sums + n * k : out;
    int infinite = 0;
    memset(sums, 0, n * k * sizeof *sums);
    for (ptrdiff_t i = 0; i < m; i++)
        M(add_scaled)(x[i], g + i * n, sums + places[i] * n, n);
    for (ptrdiff_t p = 0; p < n * k; p++)
        infinite |= !(M(abs)(sums[p]) < (REAL)INFINITY);
    if (infinite) /* of g, perhaps: times the zeros of its row that is not zero */
        for (ptrdiff_t i = 0; i < m; i++)
            for (ptrdiff_t j = 0; j < n; j++)
                if (!(M(abs)(g[i * n + j]) < (REAL)INFINITY))
                    for (ptrdiff_t c = 0; c < k; c++)
                        if (c != places[i])
                            sums[c * n + j] = (REAL)NAN;
    M(transpose)((const char *)sums, n * (ptrdiff_t)sizeof *sums, turned, k, n, k);
    if (accumulate)
        for (ptrdiff_t p = 0; p < n * k; p++)
            out[p] += turned[p];
}

/* out[i][p] (+)= sum over j of g[i * g_row + j * g_step] x[j * x_row + p], for some vectors of p. */
#define ROW_TILE(name, vector, ADD)                                                                \
    INLINE void M(name)(int rows, int vectors, ptrdiff_t count, const REAL *g, ptrdiff_t g_row,    \
                        ptrdiff_t g_step, const REAL *x, ptrdiff_t x_row, REAL *out,               \
                        ptrdiff_t out_row, int accumulate)                                         \
    {                                                                                              \
        vector sums[PRODUCT_ROWS][4];                                                              \
        for (int i = 0; i < rows; i++)                                                             \
            for (int v = 0; v < vectors; v++)                                                      \
                sums[i][v] = accumulate ? ((const vector *)(out + i * out_row))[v] : (vector){0};  \
        for (ptrdiff_t j = 0; j < count; j++) {                                                    \
            vector at[4];                                                                          \
            for (int v = 0; v < vectors; v++)                                                      \
                at[v] = ((const vector *)(x + j * x_row))[v];                                      \
            for (int i = 0; i < rows; i++) {                                                       \
                const vector s = g[i * g_row + j * g_step] - (vector){0};                          \
                for (int v = 0; v < vectors; v++)                                                  \
                    sums[i][v] = ADD(sums[i][v], s, at[v]);                                        \
            }                                                                                      \
        }                                                                                          \
        for (int i = 0; i < rows; i++)                                                             \
            for (int v = 0; v < vectors; v++)                                                      \
                ((vector *)(out + i * out_row))[v] = sums[i][v];                                   \
    }
#define PRODUCT_ROWS 8
ROW_TILE(wide_row_tile, M(wide), ADD_PRODUCT)
ROW_TILE(half_row_tile, M(half), ADD_HALF)
#undef ROW_TILE
#undef PRODUCT_ROWS
#endif

/* The same for `width` columns. What is not added to may be computed twice, so that the last columns
   are a whole vector too. */
INLINE void M(sum_of_rows)(int rows, ptrdiff_t count, const REAL *g, ptrdiff_t g_row,
                           ptrdiff_t g_step, const REAL *x, ptrdiff_t x_row, REAL *out,
                           ptrdiff_t out_row, int accumulate, ptrdiff_t width)
{
    ptrdiff_t p = 0;
#ifdef HAS_LANES
    const ptrdiff_t lanes = LANES_WIDE;
    if (rows <= 2) /* more sums at a time, for each waits for the one before */
        for (; p + 4 * lanes <= width; p += 4 * lanes)
            M(wide_row_tile)(rows, 4, count, g, g_row, g_step, x + p, x_row, out + p, out_row,
                             accumulate);
    for (; p + 2 * lanes <= width; p += 2 * lanes)
        M(wide_row_tile)(rows, 2, count, g, g_row, g_step, x + p, x_row, out + p, out_row,
                         accumulate);
    if (p + lanes <= width) {
        M(wide_row_tile)(rows, 1, count, g, g_row, g_step, x + p, x_row, out + p, out_row,
                         accumulate);
        p += lanes;
    }
    if (!accumulate && p < width && width >= lanes) {
        p = width - lanes;
        M(wide_row_tile)(rows, 1, count, g, g_row, g_step, x + p, x_row, out + p, out_row, 0);
        return;
    }
    for (; p + 4 <= width; p += 4)
        M(half_row_tile)(rows, 1, count, g, g_row, g_step, x + p, x_row, out + p, out_row,
                         accumulate);
    if (!accumulate && p < width && width >= 4) {
        p = width - 4;
        M(half_row_tile)(rows, 1, count, g, g_row, g_step, x + p, x_row, out + p, out_row, 0);
        return;
    }
#endif
    for (; p < width; p++)
        for (int i = 0; i < rows; i++) {
            REAL sum = accumulate ? out[i * out_row + p] : 0;
            for (ptrdiff_t j = 0; j < count; j++)
                sum += g[i * g_row + j * g_step] * x[j * x_row + p];
            out[i * out_row + p] = sum;
        }
}

#ifdef HAS_LANES
/* A row of dot_tile, from what the lanes of 4 vectors add up to and numbers c and further. */
INLINE void M(finish_dots)(const M(half) *h, ptrdiff_t c, const REAL *x, const REAL *w,
                           const REAL *bias, int relu, REAL *out, ptrdiff_t k)
{
    const M(half) a = __builtin_shufflevector(h[0], h[1], 0, 4, 1, 5)
                      + __builtin_shufflevector(h[0], h[1], 2, 6, 3, 7);
    const M(half) b = __builtin_shufflevector(h[2], h[3], 0, 4, 1, 5)
                      + __builtin_shufflevector(h[2], h[3], 2, 6, 3, 7);
    M(half) dots = __builtin_shufflevector(a, b, 0, 1, 4, 5)
                   + __builtin_shufflevector(a, b, 2, 3, 6, 7);
    for (; c < k; c++)
        dots += x[c] * (M(half)){w[c], w[k + c], w[2 * k + c], w[3 * k + c]};
    if (bias)
        dots += *(const M(half) *)bias;
    if (relu)
        dots = (M(half))((M(half_bits))dots & ~(M(half_bits))(dots <= 0));
    *(M(half) *)out = dots;
}
#endif

/* out[i][j] = x[i] . w[j], + bias[j] unless that is NULL, then max(., 0) if relu: for 1 or 2 rows
   of x and 4 of w, of k numbers. */
INLINE void M(dot_tile)(int rows, const REAL *x, const REAL *w, const REAL *bias, int relu, REAL *out,
                        ptrdiff_t n, ptrdiff_t k)
{
    ptrdiff_t c = 0;
#ifdef HAS_LANES
    enum { PARTS = 8 / PART };
    M(part) sums[2][4][PARTS];
    M(half) halves[2][4];
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < 4; j++)
            for (int l = 0; l < PARTS; l++)
                sums[i][j][l] = (M(part)){0};
    for (; c + 8 <= k; c += 8)
        for (int l = 0; l < PARTS; l++) {
            M(part) at[2];
            for (int i = 0; i < rows; i++)
                at[i] = ((const M(part) *)(x + i * k + c))[l];
            for (int j = 0; j < 4; j++) {
                const M(part) b = ((const M(part) *)(w + j * k + c))[l];
                for (int i = 0; i < rows; i++)
                    sums[i][j][l] = ADD_PART(sums[i][j][l], at[i], b);
            }
        }
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < 4; j++)
            halves[i][j] = ((const M(half) *)sums[i][j])[0] + ((const M(half) *)sums[i][j])[1];
    if (c + 4 <= k) {
        for (int j = 0; j < 4; j++)
            for (int i = 0; i < rows; i++)
                halves[i][j] = ADD_HALF(halves[i][j], *(const M(half) *)(x + i * k + c),
                                        *(const M(half) *)(w + j * k + c));
        c += 4;
    }
    M(finish_dots)(halves[0], c, x, w, bias, relu, out, k);
    if (rows == 2)
        M(finish_dots)(halves[1], c, x + k, w, bias, relu, out + n, k);
#else
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < 4; j++) {
            REAL sums[8] = {0}, dot;
            for (c = 0; c + 8 <= k; c += 8)
                for (int l = 0; l < 8; l++)
                    sums[l] += x[i * k + c + l] * w[j * k + c + l];
            dot = ((sums[0] + sums[4]) + (sums[2] + sums[6]))
                  + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
            for (; c < k; c++)
                dot += x[i * k + c] * w[j * k + c];
            if (bias)
                dot += bias[j];
            out[i * n + j] = relu ? M(cut_off)(dot) : dot;
        }
#endif
}

/* The same for up to 3 rows of w, one by one; in a long row four sums go on side by side, as each
   waits for the one before. */
INLINE void M(dot)(const REAL *x, const REAL *w, const REAL *bias, int relu, REAL *out, ptrdiff_t k)
{
    REAL dot = 0;
    ptrdiff_t c = 0;
#ifdef HAS_LANES
    enum { PARTS = 8 / PART, SUMS = 4, STEP = SUMS * LANES_WIDE };
    REAL sum_of_wide = 0;
    if (k >= STEP) {
        M(wide) wide[SUMS];
        for (int v = 0; v < SUMS; v++)
            wide[v] = (M(wide)){0};
        for (; c + STEP <= k; c += STEP)
            for (int v = 0; v < SUMS; v++)
                wide[v] = ADD_PRODUCT(wide[v], ((const M(wide) *)(x + c))[v],
                                      ((const M(wide) *)(w + c))[v]);
        wide[0] = (wide[0] + wide[1]) + (wide[2] + wide[3]);
        REAL *lane = (REAL *)wide;
        for (int n = LANES_WIDE / 2; n > 0; n /= 2)
            for (int l = 0; l < n; l++)
                lane[l] += lane[l + n];
        sum_of_wide = lane[0];
    }
    M(part) sums[PARTS];
    for (int l = 0; l < PARTS; l++)
        sums[l] = (M(part)){0};
    for (; c + 8 <= k; c += 8)
        for (int l = 0; l < PARTS; l++)
            sums[l] = ADD_PART(sums[l], ((const M(part) *)(x + c))[l],
                               ((const M(part) *)(w + c))[l]);
    const M(half) h = ((const M(half) *)sums)[0] + ((const M(half) *)sums)[1];
    dot = sum_of_wide + ((h[0] + h[2]) + (h[1] + h[3]));
#endif
    for (; c < k; c++)
        dot += x[c] * w[c];
    if (bias)
        dot += *bias;
    *out = relu ? M(cut_off)(dot) : dot;
}

/* dz = g where y > 0, if y is not NULL, else dz is g; db (+)= the sums of its columns, unless that is
   NULL. */
INLINE void M(bias_grad)(int rows, const REAL *restrict y, const REAL *restrict g,
                         REAL *restrict dz, REAL *restrict db, int accumulate, ptrdiff_t cols)
{
    for (ptrdiff_t c = 0; c < cols; c++) {
        REAL sum = db && accumulate ? db[c] : 0;
        for (int i = 0; i < rows; i++) {
            REAL d = g[i * cols + c];
            if (y) {
                const REAL v = y[i * cols + c];
                d = v > 0 ? d : (v <= 0 ? 0 : v);
                dz[i * cols + c] = d;
            }
            sum += d;
        }
        if (db)
            db[c] = sum;
    }
}
