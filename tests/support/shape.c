/* SPDX-License-Identifier: Apache-2.0 */
/* Durations in shapes: see shape.h. */
#include "support/shape.h"

#include <math.h>

#include "base/compiler.h"
#include "pure/bucket.h"

uint64_t shape_draw(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

uint32_t shape_rank(uint32_t n, uint32_t quantile_ppm)
{
    const uint64_t product = (uint64_t)n * quantile_ppm;
    const uint64_t rank = product / 1000000 + (product % 1000000 != 0);
    return rank == 0 ? 1 : (uint32_t)rank;
}

int shape_ascending(const void *a, const void *b)
{
    const uint64_t left = *(const uint64_t *)a;
    const uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

/* 0 < share <= 1 */
static double draw_share(uint64_t *seed)
{
    return (double)((shape_draw(seed) >> 11) + 1) / 0x1p53;
}

static uint64_t clamp(double ns)
{
    return ns >= (double)SR_DURATION_MAX_NS ? SR_DURATION_MAX_NS : (uint64_t)ns;
}

static uint64_t heavy_tail(uint64_t *seed, uint64_t parameter)
{
    (void)parameter;
    return clamp(1e5 * pow(draw_share(seed), -1.1)); /* Pareto: no mean to speak of */
}

static uint64_t two_humps(uint64_t *seed, uint64_t parameter)
{
    const double middle = shape_draw(seed) % 10 < 7 ? 2e6 : 3e9;
    return clamp(middle + (double)(parameter % 1000) + 1e5 * draw_share(seed));
}

static uint64_t constant(uint64_t *seed, uint64_t parameter)
{
    (void)seed;
    return parameter % (SR_DURATION_MAX_NS + 1);
}

static uint64_t any_magnitude(uint64_t *seed, uint64_t parameter)
{
    (void)parameter;
    const uint64_t bits = shape_draw(seed);
    return bits >> (12 + shape_draw(seed) % 53 % 52);
}

static uint64_t few_nanoseconds(uint64_t *seed, uint64_t parameter)
{
    return shape_draw(seed) % (2 + parameter % 60);
}

static uint64_t edges_of_the_range(uint64_t *seed, uint64_t parameter)
{
    static const uint64_t edges[] = {0, 1, 2, 3, SR_DURATION_MAX_NS - 1, SR_DURATION_MAX_NS};
    (void)parameter;
    return edges[shape_draw(seed) % SR_ARRAY_COUNT(edges)];
}

static uint64_t edges_of_buckets(uint64_t *seed, uint64_t parameter)
{
    /* Of ten neighbouring buckets, 1 ns below, on and above the end. */
    const uint32_t index = 1 + (uint32_t)((parameter + shape_draw(seed) % 10) % (SR_BUCKET_COUNT - 2));
    const uint64_t end = sr_bucket_upper_ns(index);
    return end + shape_draw(seed) % 3 - (end > 0);
}

static uint64_t powers_of_two(uint64_t *seed, uint64_t parameter)
{
    (void)parameter;
    const uint64_t power = UINT64_C(1) << shape_draw(seed) % 52;
    return power + shape_draw(seed) % 3 - 1;
}

const struct shape shapes[SHAPE_COUNT] = {
    {"heavy tail", heavy_tail},
    {"two humps", two_humps},
    {"constant", constant},
    {"any magnitude", any_magnitude},
    {"few nanoseconds", few_nanoseconds},
    {"edges of the range", edges_of_the_range},
    {"edges of buckets", edges_of_buckets},
    {"powers of two", powers_of_two},
};
