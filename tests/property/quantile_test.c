/* SPDX-License-Identifier: Apache-2.0 */
/* Property: whatever the samples, their cells sum to their count, each nearest-rank quantile of the cells is within
 * SR_BUCKET_ERROR_BOUND of the exact one from the sorted samples, and the count at each bound is the exact one.
 *
 * Samples come in shapes (heavy tail, two humps, constant, edges of buckets and of the range, ...) and any number
 * from 1 to a few thousand, from a seed that is printed; $SLIPRING_TEST_SEED sets another. */
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "pure/bound.h"
#include "pure/bucket.h"
#include "pure/quantile.h"
#include "support/shape.h"

#define ROUND_COUNT  120
#define SAMPLE_LIMIT 3000
#define BOUND_LIMIT  32

static uint64_t seed = 1;

static uint64_t draw(void)
{
    return shape_draw(&seed);
}

struct round {
    const char *shape;
    uint64_t seed;
    uint32_t n;
    uint32_t n_bounds;
    uint64_t samples[SAMPLE_LIMIT]; /* sorted */
    uint64_t bounds[BOUND_LIMIT];
    uint64_t cells[SR_BUCKET_COUNT];
    uint64_t slots[BOUND_LIMIT];
};

/* Up to BOUND_LIMIT bounds: samples, their neighbours (in one bucket, often), bucket ends, anything. */
static void draw_bounds(struct round *round)
{
    uint64_t bounds[BOUND_LIMIT];
    uint32_t wanted = (uint32_t)(draw() % (BOUND_LIMIT + 1));
    for (uint32_t i = 0; i < wanted; i++) {
        uint64_t sample = round->samples[draw() % round->n];
        uint64_t end = sr_bucket_upper_ns(sr_bucket_index(sample));
        const uint64_t choice[] = {sample, sample + 1, sample + draw() % 50, end, end + 1, draw() >> 12};
        uint64_t bound = choice[draw() % SR_ARRAY_COUNT(choice)];
        bounds[i] = bound == 0 ? 1 : bound > SR_DURATION_MAX_NS ? SR_DURATION_MAX_NS : bound;
    }
    qsort(bounds, wanted, sizeof bounds[0], shape_ascending);
    round->n_bounds = 0;
    for (uint32_t i = 0; i < wanted; i++) {
        if (i == 0 || bounds[i] > bounds[i - 1]) {
            round->bounds[round->n_bounds++] = bounds[i];
        }
    }
}

static void draw_round(struct round *round, const struct shape *shape)
{
    memset(round, 0, sizeof *round);
    round->shape = shape->name;
    round->seed = seed;
    round->n = (uint32_t)(1 + draw() % (draw() % 2 ? SAMPLE_LIMIT : 12));
    uint64_t parameter = draw() >> draw() % 60;
    for (uint32_t i = 0; i < round->n; i++) {
        uint64_t sample = shape->next(&seed, parameter);
        round->samples[i] = sample > SR_DURATION_MAX_NS ? SR_DURATION_MAX_NS : sample;
    }
    qsort(round->samples, round->n, sizeof round->samples[0], shape_ascending);
    draw_bounds(round);
    for (uint32_t i = 0; i < round->n; i++) {
        uint32_t index = sr_bucket_index(round->samples[i]);
        assert_true(index < SR_BUCKET_COUNT);
        round->cells[index]++;
        int slot = sr_bound_slot(round->bounds, round->n_bounds, round->samples[i]);
        if (slot >= 0) {
            assert_true((uint32_t)slot < round->n_bounds);
            round->slots[slot]++;
        }
    }
}

static void check_sum(const struct round *round)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < SR_BUCKET_COUNT; i++) {
        sum += round->cells[i];
    }
    if (sum != round->n) {
        fail_msg("%s, seed %" PRIu64 ": %" PRIu64 " in cells of %" PRIu32, round->shape, round->seed, sum,
                 round->n);
    }
}

static void check_quantiles(const struct round *round)
{
    static const uint32_t asked[] = {0, 1, 100000, 500000, 900000, 950000, 990000, 999000, 999999, 1000000};
    uint32_t got[SR_ARRAY_COUNT(asked)];
    assert_true(
        sr_quantile_cells(round->cells, SR_BUCKET_COUNT, round->n, asked, SR_ARRAY_COUNT(asked), got));
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(asked); i++) {
        uint32_t alone;
        assert_true(sr_quantile_cell(round->cells, SR_BUCKET_COUNT, round->n, asked[i], &alone));
        assert_int_equal(alone, got[i]);

        double exact = (double)round->samples[shape_rank(round->n, asked[i]) - 1];
        double estimate = sr_bucket_estimate_ns(got[i]);
        if (fabs(estimate - exact) > SR_BUCKET_ERROR_BOUND * exact) {
            fail_msg("%s, seed %" PRIu64 ", n %" PRIu32 ", quantile %" PRIu32 " ppm: %.17g for %.17g",
                     round->shape, round->seed, round->n, asked[i], estimate, exact);
        }
    }
}

static void check_bounds(const struct round *round)
{
    uint64_t all[BOUND_LIMIT];
    sr_bound_cumulatives(round->cells, round->bounds, round->slots, round->n_bounds, all);
    for (uint32_t i = 0; i < round->n_bounds; i++) {
        uint64_t exact = 0;
        while (exact < round->n && round->samples[exact] <= round->bounds[i]) {
            exact++;
        }
        uint64_t alone = sr_bound_cumulative(round->cells, round->bounds, round->slots, i);
        if (all[i] != exact || alone != exact) {
            fail_msg("%s, seed %" PRIu64 ", bound %" PRIu64 " ns: %" PRIu64 " and %" PRIu64 " for %" PRIu64,
                     round->shape, round->seed, round->bounds[i], all[i], alone, exact);
        }
    }
}

static void over_all_shapes(void (*check)(const struct round *round))
{
    static struct round round;
    for (size_t shape = 0; shape < SHAPE_COUNT; shape++) {
        for (int i = 0; i < ROUND_COUNT; i++) {
            draw_round(&round, &shapes[shape]);
            check(&round);
        }
    }
}

static void cells_sum_to_the_number_of_samples(void **state)
{
    (void)state;
    over_all_shapes(check_sum);
}

static void quantiles_are_within_the_stated_error_of_the_exact_ones(void **state)
{
    (void)state;
    over_all_shapes(check_quantiles);
}

static void counts_at_bounds_are_those_of_counting_the_samples(void **state)
{
    (void)state;
    over_all_shapes(check_bounds);
}

int main(void)
{
    const char *wish = getenv("SLIPRING_TEST_SEED");
    seed = wish == NULL ? UINT64_C(20251029) : strtoull(wish, NULL, 0) | 1;
    print_message("SLIPRING_TEST_SEED=%" PRIu64 "\n", seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_sum_to_the_number_of_samples),
        cmocka_unit_test(quantiles_are_within_the_stated_error_of_the_exact_ones),
        cmocka_unit_test(counts_at_bounds_are_those_of_counting_the_samples),
    };
    return cmocka_run_group_tests_name("quantiles and bounds", tests, NULL, NULL);
}
