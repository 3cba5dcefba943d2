/* SPDX-License-Identifier: Apache-2.0 */
/* Durations in shapes that are hard on percentiles: heavy tails, two humps, constants, edges of buckets and of the range. From a seed of the
 * test's own, so that a failure can be had again. */
#ifndef SUPPORT_SHAPE_H
#define SUPPORT_SHAPE_H

#include <stdint.h>

struct shape {
    const char *name;
    /* The next duration, 0 to SR_DURATION_MAX_NS. `parameter`: one of its own for each round, any number. */
    uint64_t (*next)(uint64_t *seed, uint64_t parameter);
};

#define SHAPE_COUNT 8u
extern const struct shape shapes[SHAPE_COUNT];

/* A random number of 64 bits; *seed is not 0. */
uint64_t shape_draw(uint64_t *seed);

/* ceil(q * n), at least 1: the rank of the quantile by its definition, where no product can overflow. */
uint32_t shape_rank(uint32_t n, uint32_t quantile_ppm);

/* For qsort() of uint64_t. */
int shape_ascending(const void *a, const void *b);

#endif
