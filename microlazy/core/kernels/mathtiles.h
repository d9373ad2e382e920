/* Minimal filtering (Winograd 1980; Lavin & Gray 2016): a part of mathreal.h. Each transform is one
   matrix from both sides, of numbers that lie side by side, a vector at a time. Filters of 3 slide by
   1 and give 4 results, of 6 numbers; filters of 5 give 2. Filters of 3 or 4 slide by 2 and give 2
   results: what their even numbers see and what their odd ones see are two sums, each of a filter of 2
   numbers that slides by 1, w0 and w1, with w0 (x0 - x1) + (w0 + w1) x1 for the first result and
   (w0 + w1) x1 + w1 (x2 - x1) for the second. Their transposes give the same of even and of odd results. */

#ifdef HAS_LANES
#define LINE LANES_WIDE
typedef M(wide) M(line);
#else
#define LINE 1
typedef REAL M(line);
#endif

/* A column or row of numbers: `which` is known to the compiler. */
INLINE void M(transform_line)(int which, const M(line) *x, M(line) *out)
{
    M(line) a, b, c, d;
    switch (which) {
    case TILE_IMAGES:
        a = x[4] - 4 * x[2];
        b = x[3] - 4 * x[1];
        c = x[4] - x[2];
        d = 2 * (x[3] - x[1]);
        out[0] = 4 * x[0] - 5 * x[2] + x[4];
        out[1] = a + b;
        out[2] = a - b;
        out[3] = c + d;
        out[4] = c - d;
        out[5] = 4 * x[1] - 5 * x[3] + x[5];
        break;
    case TILE_FILTERS:
        a = (x[0] + x[2]) * (REAL)(-1.0 / 6);
        b = x[1] * (REAL)(-1.0 / 6);
        c = x[0] * (REAL)(1.0 / 24) + x[2] * (REAL)(1.0 / 6);
        d = x[1] * (REAL)(1.0 / 12);
        out[0] = x[0] * (REAL)0.25;
        out[1] = a + b;
        out[2] = a - b;
        out[3] = c + d;
        out[4] = c - d;
        out[5] = x[2];
        break;
    case TILE_RESULTS:
        a = x[1] + x[2];
        b = x[1] - x[2];
        c = x[3] + x[4];
        d = x[3] - x[4];
        out[0] = x[0] + a + c;
        out[1] = b + 2 * d;
        out[2] = a + 4 * c;
        out[3] = b + 8 * d + x[5];
        break;
    case TILE_RESULTS_BACK:
        a = x[0] + x[2];
        b = x[1] + x[3];
        c = x[0] + 4 * x[2];
        d = 2 * x[1] + 8 * x[3];
        out[0] = x[0];
        out[1] = a + b;
        out[2] = a - b;
        out[3] = c + d;
        out[4] = c - d;
        out[5] = x[3];
        break;
    case TILE_FILTERS_BACK:
        a = x[1] + x[2];
        b = x[2] - x[1];
        c = x[3] + x[4];
        d = x[3] - x[4];
        out[0] = x[0] * (REAL)0.25 - a * (REAL)(1.0 / 6) + c * (REAL)(1.0 / 24);
        out[1] = b * (REAL)(1.0 / 6) + d * (REAL)(1.0 / 12);
        out[2] = (c - a) * (REAL)(1.0 / 6) + x[5];
        break;
    case TILE_IMAGES_BACK:
        a = x[1] + x[2];
        b = x[2] - x[1];
        c = x[3] + x[4];
        d = 2 * (x[4] - x[3]);
        out[0] = 4 * x[0];
        out[1] = 4 * (b + x[5]) + d;
        out[2] = -(5 * x[0] + 4 * a) - c;
        out[3] = -(5 * x[5] + b) - d;
        out[4] = x[0] + a + c;
        out[5] = x[5];
        break;
    case TILE_FIVES:
        a = (x[0] + x[2] + x[4]) * (REAL)(-1.0 / 6);
        b = (x[1] + x[3]) * (REAL)(-1.0 / 6);
        c = (x[0] * (REAL)0.25 + x[2] + 4 * x[4]) * (REAL)(1.0 / 6);
        d = (x[1] + 4 * x[3]) * (REAL)(1.0 / 12);
        out[0] = x[0] * (REAL)0.25;
        out[1] = a + b;
        out[2] = a - b;
        out[3] = c + d;
        out[4] = c - d;
        out[5] = x[4];
        break;
    case TILE_FIVES_BACK:
        a = (x[1] + x[2]) * (REAL)(1.0 / 6);
        b = (x[2] - x[1]) * (REAL)(1.0 / 6);
        c = (x[3] + x[4]) * (REAL)(1.0 / 6);
        d = (x[3] - x[4]) * (REAL)(1.0 / 12);
        out[0] = x[0] * (REAL)0.25 - a + c * (REAL)0.25;
        out[1] = b + d;
        out[2] = c - a;
        out[3] = b + 4 * d;
        out[4] = 4 * c - a + x[5];
        break;
    case TILE_PAIRS:
        out[0] = x[0] + (x[1] + x[2]) + (x[3] + x[4]);
        out[1] = (x[1] - x[2]) + 2 * (x[3] - x[4]) + x[5];
        break;
    case TILE_PAIRS_BACK:
        a = 2 * x[1];
        out[0] = x[0];
        out[1] = x[0] + x[1];
        out[2] = x[0] - x[1];
        out[3] = x[0] + a;
        out[4] = x[0] - a;
        out[5] = x[1];
        break;
    case STEP_RESULTS:
        out[0] = x[0] + x[1];
        out[1] = x[1] + x[2];
        break;
    case STEP_RESULTS_BACK:
        out[0] = x[0];
        out[1] = x[0] + x[1];
        out[2] = x[1];
        break;
    case STEP3_IMAGES:
        out[0] = x[0] - x[2];
        out[1] = x[1];
        out[2] = x[2];
        out[3] = x[4] - x[2];
        out[4] = x[3];
        break;
    case STEP3_FILTERS:
        out[0] = x[0];
        out[1] = x[1];
        out[2] = x[0] + x[2];
        out[3] = x[2];
        out[4] = x[1];
        break;
    case STEP3_FILTERS_BACK:
        out[0] = x[0] + x[2];
        out[1] = x[1] + x[4];
        out[2] = x[2] + x[3];
        break;
    case STEP4_IMAGES:
        out[0] = x[0] - x[2];
        out[1] = x[1] - x[3];
        out[2] = x[2];
        out[3] = x[3];
        out[4] = x[4] - x[2];
        out[5] = x[5] - x[3];
        break;
    case STEP4_FILTERS:
        out[0] = x[0];
        out[1] = x[1];
        out[2] = x[0] + x[2];
        out[3] = x[1] + x[3];
        out[4] = x[2];
        out[5] = x[3];
        break;
    case STEP4_FILTERS_BACK:
        out[0] = x[0] + x[2];
        out[1] = x[1] + x[3];
        out[2] = x[2] + x[4];
        out[3] = x[3] + x[5];
        break;
    case TURN3_IMAGES:
        out[0] = x[0];
        out[1] = x[1];
        out[2] = x[0] - x[1];
        out[3] = x[1];
        out[4] = x[2] - x[1];
        break;
    case TURN3_FILTERS:
        out[0] = x[1];
        out[1] = x[1];
        out[2] = x[2];
        out[3] = x[0] + x[2];
        out[4] = x[0];
        break;
    case TURN3_RESULTS:
        out[0] = x[0];
        out[1] = x[2] + x[3];
        out[2] = x[1];
        out[3] = x[3] + x[4];
        break;
    case TURN4_IMAGES:
        out[0] = x[0] - x[1];
        out[1] = x[1];
        out[2] = x[2] - x[1];
        out[3] = x[1] - x[2];
        out[4] = x[2];
        out[5] = x[3] - x[2];
        break;
    case TURN4_FILTERS:
        out[0] = x[3];
        out[1] = x[1] + x[3];
        out[2] = x[1];
        out[3] = x[2];
        out[4] = x[0] + x[2];
        out[5] = x[0];
        break;
    case TURN4_RESULTS:
        out[0] = x[0] + x[1];
        out[1] = x[3] + x[4];
        out[2] = x[1] + x[2];
        out[3] = x[4] + x[5];
        break;
    }
}

/* The first numbers of a vector, and zeros. */
INLINE M(line) M(some_of)(const REAL *x, ptrdiff_t count)
{
    M(line) found;
    memset(&found, 0, sizeof found);
    memcpy(&found, x, count * sizeof *x);
    return found;
}

/* out (+)= m x m^T for `count` matrices of before by before numbers, a vector or less. */
INLINE void M(transform_tile)(int which, int before, int after, int add, const REAL *x,
                              ptrdiff_t x_row, ptrdiff_t x_step, REAL *out, ptrdiff_t out_row,
                              ptrdiff_t out_step, ptrdiff_t count)
{
    M(line) column[6], row[6], half[6][6];
    for (int j = 0; j < before; j++) {
        for (int i = 0; i < before; i++) {
            const REAL *from = x + i * x_row + j * x_step;
            column[i] = count == LINE ? *(const M(line) *)from : M(some_of)(from, count);
        }
        M(transform_line)(which, column, row);
        for (int i = 0; i < after; i++)
            half[i][j] = row[i];
    }
    for (int i = 0; i < after; i++) {
        REAL *to = out + i * out_row;
        M(transform_line)(which, half[i], row);
        for (int j = 0; j < after; j++, to += out_step) {
            M(line) made = row[j];
            if (add)
                made += count == LINE ? *(const M(line) *)to : M(some_of)(to, count);
            if (count == LINE)
                *(M(line) *)to = made;
            else
                memcpy(to, &made, count * sizeof *to);
        }
    }
}

/* The same for n matrices: whole vectors have code of their own, whose numbers stay in registers. */
INLINE void M(transform_tiles)(int which, int before, int after, int add, const REAL *x,
                               ptrdiff_t x_row, ptrdiff_t x_step, REAL *out, ptrdiff_t out_row,
                               ptrdiff_t out_step, ptrdiff_t n)
{
    ptrdiff_t p = 0;
    for (; p + LINE <= n; p += LINE)
        M(transform_tile)(which, before, after, add, x + p, x_row, x_step, out + p, out_row,
                          out_step, LINE);
    if (p < n)
        M(transform_tile)(which, before, after, add, x + p, x_row, x_step, out + p, out_row,
                          out_step, n - p);
}

INLINE void M(winograd)(int which, const REAL *x, ptrdiff_t x_row, ptrdiff_t x_step, REAL *out,
                        ptrdiff_t out_row, ptrdiff_t out_step, ptrdiff_t n)
{
#define TRANSFORM(name, before, after)                                                             \
    case name:                                                                                     \
        M(transform_tiles)(name, before, after, name == TILE_IMAGES_BACK, x, x_row, x_step, out,   \
                           out_row, out_step, n);                                                  \
        break
    switch (which) {
        TRANSFORM(TILE_IMAGES, 6, 6);
        TRANSFORM(TILE_FILTERS, 3, 6);
        TRANSFORM(TILE_RESULTS, 6, 4);
        TRANSFORM(TILE_RESULTS_BACK, 4, 6);
        TRANSFORM(TILE_FILTERS_BACK, 6, 3);
        TRANSFORM(TILE_IMAGES_BACK, 6, 6);
        TRANSFORM(TILE_FIVES, 5, 6);
        TRANSFORM(TILE_FIVES_BACK, 6, 5);
        TRANSFORM(TILE_PAIRS, 6, 2);
        TRANSFORM(TILE_PAIRS_BACK, 2, 6);
        TRANSFORM(STEP_RESULTS, 3, 2);
        TRANSFORM(STEP_RESULTS_BACK, 2, 3);
        TRANSFORM(STEP3_IMAGES, 5, 5);
        TRANSFORM(STEP3_FILTERS, 3, 5);
        TRANSFORM(STEP3_FILTERS_BACK, 5, 3);
        TRANSFORM(STEP4_IMAGES, 6, 6);
        TRANSFORM(STEP4_FILTERS, 4, 6);
        TRANSFORM(STEP4_FILTERS_BACK, 6, 4);
        TRANSFORM(TURN3_IMAGES, 3, 5);
        TRANSFORM(TURN3_FILTERS, 3, 5);
        TRANSFORM(TURN3_RESULTS, 5, 4);
        TRANSFORM(TURN4_IMAGES, 4, 6);
        TRANSFORM(TURN4_FILTERS, 4, 6);
        TRANSFORM(TURN4_RESULTS, 6, 4);
    }
#undef TRANSFORM
}

#undef LINE
