/* The transforms of minimal filtering: of images, filters and results, and of their gradients. */
#ifndef MICROLAZY_TRANSFORMS_H
#define MICROLAZY_TRANSFORMS_H

enum {
    TILE_IMAGES, TILE_FILTERS, TILE_RESULTS, TILE_RESULTS_BACK, TILE_FILTERS_BACK,
    /* with stride 2, and filters of 3 or 4 */
    STEP_RESULTS, STEP_RESULTS_BACK,
    STEP3_IMAGES, STEP3_FILTERS, STEP3_FILTERS_BACK,
    STEP4_IMAGES, STEP4_FILTERS, STEP4_FILTERS_BACK,
    /* the transposes of these convolutions */
    TURN3_IMAGES, TURN3_FILTERS, TURN3_RESULTS,
    TURN4_IMAGES, TURN4_FILTERS, TURN4_RESULTS,
    /* back to images, and filters of 5 with 2 results */
    TILE_IMAGES_BACK, TILE_FIVES, TILE_FIVES_BACK, TILE_PAIRS, TILE_PAIRS_BACK
};

#endif
