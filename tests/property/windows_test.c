/* SPDX-License-Identifier: Apache-2.0 */
/* Property: whatever the durations, whenever they came, and in however many processes, each percentile of each window that an agent publishes is
 * within the published bound of the exact order statistic of the executions that fall in the window's published span, and n is
 * their number.
 *
 * Rounds of some hundred ticks, from five milliseconds to ten minutes apart; at each, up to three processes record a random number of durations, in
 * the shapes of support/shape.h. From a seed that is printed; $SLIPRING_TEST_SEED sets another. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pure/bucket.h"
#include "support/child.h"
#include "support/place.h"
#include "support/rig.h"
#include "support/shape.h"

#define TICKS       160
#define TICK_MOST   60 /* samples that one process records between two ticks */
#define SAMPLE_MOST (TICKS * TICK_MOST * 3)

static uint64_t seed = 1;

struct sample {
    uint64_t at_ns; /* when it was drained */
    uint64_t duration_ns;
};

struct round {
    const struct shape *shape;
    uint64_t parameter;
    uint32_t n;
    struct sample samples[SAMPLE_MOST]; /* in the order in which they were drained */
    uint64_t sorted[SAMPLE_MOST];       /* scratch */
};

struct work {
    struct slipring_primitive *primitive;
    uint32_t n;
    uint64_t durations[TICK_MOST];
};

static void record(void *argument)
{
    const struct work *work = argument;
    for (uint32_t i = 0; i < work->n; i++) {
        slipring_record(work->primitive, work->durations[i], SLIPRING_SUCCESS, NULL);
    }
}

/* This process, and now and then one or two that end at once, record what will be drained at at_ns. */
static void record_some(struct round *round, struct slipring_primitive *primitive, uint64_t at_ns)
{
    const uint32_t others = shape_draw(&seed) % 16 ? 0 : 1 + (uint32_t)(shape_draw(&seed) % 2);
    for (uint32_t process = 0; process <= others; process++) {
        struct work work = {.primitive = primitive, .n = (uint32_t)(shape_draw(&seed) % TICK_MOST)};
        for (uint32_t i = 0; i < work.n; i++) {
            const uint64_t duration_ns = round->shape->next(&seed, round->parameter);
            work.durations[i] = duration_ns < SR_DURATION_MAX_NS ? duration_ns : SR_DURATION_MAX_NS;
            round->samples[round->n++] = (struct sample){.at_ns = at_ns, .duration_ns = work.durations[i]};
        }
        if (process == 0) {
            record(&work);
        } else {
            child_run(record, &work);
        }
    }
}

static void expect_percentile(const struct round *round, const struct slipring_window_stats *window,
                              uint32_t n, uint32_t quantile_ppm, double got)
{
    const double exact = (double)round->sorted[shape_rank(n, quantile_ppm) - 1];
    if (fabs(got - exact) > window->relative_error * exact) {
        check_fail(__FILE__, __LINE__,
                   "%s, window %" PRIu64 " s, n %" PRIu32 ", %" PRIu32 " ppm: %.17g for %.17g",
                   round->shape->name, window->window_ns / RIG_SECOND, n, quantile_ppm, got, exact);
    }
}

/* The events of (now - span, now], sorted; how many. */
static uint32_t fall_in(struct round *round, uint64_t now_ns, uint64_t span_ns)
{
    uint32_t n = 0;
    for (uint32_t i = round->n; i > 0 && round->samples[i - 1].at_ns > now_ns - span_ns; i--) {
        if (round->samples[i - 1].at_ns <= now_ns) {
            round->sorted[n++] = round->samples[i - 1].duration_ns;
        }
    }
    qsort(round->sorted, n, sizeof round->sorted[0], shape_ascending);
    return n;
}

static void expect_window(struct round *round, const struct slipring_stats *stats,
                          const struct slipring_stats_detail *detail,
                          const struct slipring_window_stats *window)
{
    static const uint32_t asked[SLIPRING_PERCENTILE_COUNT] = {500000, 900000, 950000, 990000, 999000};
    const uint32_t n = fall_in(round, stats->published_ns, window->span_ns);
    CHECK_EQUAL(window->n, n);
    for (uint32_t i = 0; n > 0 && i < SLIPRING_PERCENTILE_COUNT; i++) {
        expect_percentile(round, window, n, asked[i], window->percentile_ns[i]);
    }
    for (uint32_t i = 0; n > 0 && i < detail->extra_count; i++) {
        expect_percentile(round, window, n, detail->extra_ppm[i], window->extra_ns[i]);
    }
    for (uint32_t i = 0; n == 0 && i < SLIPRING_PERCENTILE_COUNT; i++) {
        CHECK(window->percentile_ns[i] == 0.0); /* absent */
    }
    CHECK(window->relative_error == (n > 0 ? SR_BUCKET_ERROR_BOUND : 0.0));
}

static uint64_t draw_step(void)
{
    static const uint64_t most_ns[] = {RIG_SECOND / 100, RIG_SECOND, RIG_SECOND, 20 * RIG_SECOND,
                                       600 * RIG_SECOND};
    return 5000000 + shape_draw(&seed) % most_ns[shape_draw(&seed) % (sizeof most_ns / sizeof most_ns[0])];
}

static void play_round(struct round *round)
{
    struct slipring_primitive *primitive = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, round->shape->name, NULL, &primitive));
    rig_tick(&rig, RIG_SECOND); /* it has a book */
    for (int i = 0; i < TICKS; i++) {
        const uint64_t step_ns = draw_step();
        if (shape_draw(&seed) % 4) {
            record_some(round, primitive, rig.now_ns + step_ns);
        }
        rig_tick(&rig, step_ns);
        if (shape_draw(&seed) % 4 == 0) {
            const struct slipring_stats stats = rig_stats(&rig, round->shape->name);
            const struct slipring_stats_detail detail = rig_detail(&rig, round->shape->name);
            CHECK_EQUAL(stats.lifetime.n, stats.count);
            for (uint32_t window = 0; window < detail.window_count; window++) {
                expect_window(round, &stats, &detail, &detail.windows[window]);
            }
        }
    }
}

static void percentiles_of_windows_are_within_their_bound_of_the_exact_ones(void)
{
    static struct round round;
    rig_drop(&rig);
    rig.options.extra_count = 3;
    rig.options.extra_ppm[0] = 1;
    rig.options.extra_ppm[1] = 250000;
    rig.options.extra_ppm[2] = 999999;
    rig_open(&rig);
    for (uint32_t shape = 0; shape < SHAPE_COUNT; shape++) {
        memset(&round, 0, sizeof round);
        round.shape = &shapes[shape];
        round.parameter = shape_draw(&seed) >> shape_draw(&seed) % 60;
        play_round(&round);
    }
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(percentiles_of_windows_are_within_their_bound_of_the_exact_ones),
    };
    return cmocka_run_group_tests_name("windows", tests, NULL, NULL);
}

int main(void)
{
    const char *wish = getenv("SLIPRING_TEST_SEED");
    seed = wish == NULL ? UINT64_C(20261126) : strtoull(wish, NULL, 0) | 1;
    print_message("SLIPRING_TEST_SEED=%" PRIu64 "\n", seed);
    return place_run(run);
}
