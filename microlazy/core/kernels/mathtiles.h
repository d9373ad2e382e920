/* Minimal filtering (Winograd 1980; Lavin & Gray 2016) of tiles of 4 by 4 results and filters of 3 by
   3, or of 2 by 2 and 5 by 5: a part of mathreal.h. Both see 6 by 6 numbers of an image. Each
   transform is one matrix from both sides. */

#ifdef HAS_LANES
typedef M(wide) M(some);
enum { M(some_lanes) = LANES_WIDE };
#else
typedef REAL M(some);
enum { M(some_lanes) = 1 };
#endif

/* y = the transform's matrix times x. */
INLINE void M(tile_line)(int which, const M(some) *x, M(some) *y)
{
    const REAL sixth = (REAL)(1.0 / 6), twelfth = (REAL)(1.0 / 12), quarter = (REAL)0.25;
    const REAL two = 2, four = 4, five = 5, eight = 8;
    M(some) a, b, c, d;
    switch (which) {
    case TILE_IMAGES:
        a = x[4] - x[2] * four;
        b = x[3] - x[1] * four;
        c = x[4] - x[2];
        d = (x[3] - x[1]) * two;
        y[0] = x[0] * four - x[2] * five + x[4];
        y[1] = a + b;
        y[2] = a - b;
        y[3] = c + d;
        y[4] = c - d;
        y[5] = x[1] * four - x[3] * five + x[5];
        break;
    case TILE_IMAGES_BACK:
        a = x[1] + x[2];
        b = x[2] - x[1];
        c = x[3] + x[4];
        d = (x[4] - x[3]) * two;
        y[0] = x[0] * four;
        y[1] = (b + x[5]) * four + d;
        y[2] = -(x[0] * five + a * four) - c;
        y[3] = -(x[5] * five + b) - d;
        y[4] = x[0] + a + c;
        y[5] = x[5];
        break;
    case TILE_FILTERS:
        a = (x[0] + x[2]) * -sixth;
        b = x[1] * -sixth;
        c = (x[0] * quarter + x[2]) * sixth;
        d = x[1] * twelfth;
        y[0] = x[0] * quarter;
        y[1] = a + b;
        y[2] = a - b;
        y[3] = c + d;
        y[4] = c - d;
        y[5] = x[2];
        break;
    case TILE_FILTERS_BACK:
        a = x[1] + x[2];
        b = x[2] - x[1];
        c = x[3] + x[4];
        d = x[3] - x[4];
        y[0] = x[0] * quarter + (c * quarter - a) * sixth;
        y[1] = b * sixth + d * twelfth;
        y[2] = (c - a) * sixth + x[5];
        break;
    case TILE_RESULTS:
        a = x[1] + x[2];
        b = x[1] - x[2];
        c = x[3] + x[4];
        d = x[3] - x[4];
        y[0] = x[0] + a + c;
        y[1] = b + d * two;
        y[2] = a + c * four;
        y[3] = b + d * eight + x[5];
        break;
    case TILE_RESULTS_BACK:
        a = x[0] + x[2];
        b = x[1] + x[3];
        c = x[0] + x[2] * four;
        d = x[1] * two + x[3] * eight;
        y[0] = x[0];
        y[1] = a + b;
        y[2] = a - b;
        y[3] = c + d;
        y[4] = c - d;
        y[5] = x[3];
        break;
    case TILE_FIVES:
        a = (x[0] + x[2] + x[4]) * -sixth;
        b = (x[1] + x[3]) * -sixth;
        c = (x[0] * quarter + x[2] + x[4] * four) * sixth;
        d = (x[1] + x[3] * four) * twelfth;
        y[0] = x[0] * quarter;
        y[1] = a + b;
        y[2] = a - b;
        y[3] = c + d;
        y[4] = c - d;
        y[5] = x[4];
        break;
    case TILE_FIVES_BACK:
        a = (x[1] + x[2]) * sixth;
        b = (x[2] - x[1]) * sixth;
        c = (x[3] + x[4]) * sixth;
        d = (x[3] - x[4]) * twelfth;
        y[0] = x[0] * quarter - a + c * quarter;
        y[1] = b + d;
        y[2] = c - a;
        y[3] = b + d * four;
        y[4] = c * four - a + x[5];
        break;
    case TILE_PAIRS:
        y[0] = x[0] + (x[1] + x[2]) + (x[3] + x[4]);
        y[1] = (x[1] - x[2]) + (x[3] - x[4]) * two + x[5];
        break;
    default: /* TILE_PAIRS_BACK */
        a = x[1] * two;
        y[0] = x[0];
        y[1] = x[0] + x[1];
        y[2] = x[0] - x[1];
        y[3] = x[0] + a;
        y[4] = x[0] - a;
        y[5] = x[1];
    }
}

/* out (+)= m x m^T for TILE_LINE matrices side by side, where m is `after` by `before`. */
INLINE void M(transform_tile)(int which, int before, int after, int add, const REAL *x,
                              ptrdiff_t x_row, ptrdiff_t x_step, REAL *out, ptrdiff_t out_row,
                              ptrdiff_t out_step)
{
    for (ptrdiff_t p = 0; p < TILE_LINE; p += M(some_lanes)) {
        M(some) at[6], made[6], half[6][6];
        for (int j = 0; j < before; j++) {
            for (int i = 0; i < before; i++)
                at[i] = *(const M(some) *)(x + i * x_row + j * x_step + p);
            M(tile_line)(which, at, made);
            for (int i = 0; i < after; i++)
                half[i][j] = made[i];
        }
        for (int i = 0; i < after; i++) {
            M(tile_line)(which, half[i], made);
            for (int j = 0; j < after; j++) {
                M(some) *to = (M(some) *)(out + i * out_row + j * out_step + p);
                if (add)
                    made[j] += *to;
                *to = made[j];
            }
        }
    }
}
