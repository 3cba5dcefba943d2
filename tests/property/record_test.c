/* SPDX-License-Identifier: Apache-2.0 */
/* Any sequence of calls, drained at any moments: counts, sums, money and the buckets' counts are exact, percentiles lie within their
 * bound of the sample that has the rank, and the buckets add up to the count. Real library, real agent. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/drain/drain.h"
#include "api/process.h"
#include "support/child.h"
#include "support/place.h"
#include "support/pretend_clock.h"
#include "support/rig.h"
#include "support/workload.h"

#define GROUPS    (WORKLOAD_IS_SLOW ? 6u : 30u)
#define GROUP     16u
#define STEPS_MAX 3000u

static uint64_t log_ns[2 * STEPS_MAX + WORKLOAD_OPEN_MAX];

/* One sequence: how long, of which durations, and how lazy the agent is. */
struct plan {
    uint64_t seed;
    uint64_t steps;
    uint64_t laziness; /* drained after this many steps, on average; 0: only at the end */
    enum workload_habit habit;
};

static struct plan plan_of(uint64_t seed)
{
    uint64_t random = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
    (void)workload_random(&random);
    static const uint64_t lengths[] = {1, 2, 10, 130, 600, STEPS_MAX};
    static const uint64_t lazinesses[] = {0, 1, 40, 200, 1000};
    struct plan plan = {.seed = seed};
    plan.steps = 1 + workload_below(&random, lengths[workload_below(&random, 6)]);
    plan.laziness = lazinesses[workload_below(&random, 5)];
    plan.habit = (enum workload_habit)workload_below(&random, WORKLOAD_HABITS);
    return plan;
}

static int ascending(const void *a, const void *b)
{
    const uint64_t left = *(const uint64_t *)a;
    const uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

/* Nearest rank, by sorting. */
static void expect_near(const struct worker *worker, const struct slipring_window_stats *window)
{
    static const uint64_t parts_per_mille[SLIPRING_PERCENTILE_COUNT] = {500, 900, 950, 990, 999};
    const uint64_t n = worker->log_count;
    CHECK_EQUAL(window->n, n);
    CHECK(window->relative_error <= SR_BUCKET_ERROR_BOUND);
    qsort(log_ns, n, sizeof log_ns[0], ascending);
    for (uint32_t i = 0; n > 0 && i < SLIPRING_PERCENTILE_COUNT; i++) {
        const double exact = (double)log_ns[(n * parts_per_mille[i] + 999) / 1000 - 1];
        const double error = window->percentile_ns[i] - exact;
        if ((error < 0 ? -error : error) > window->relative_error * exact) {
            check_fail(__FILE__, __LINE__, "percentile %u is %.17g, the sample of that rank %.17g", i,
                       window->percentile_ns[i], exact);
        }
    }
}

static void expect_cells(const struct workload *load, const struct tally *want)
{
    const uint32_t book = rig.books->primitive[sr_handle_id(load->primitives[0])].book;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < SR_BUCKET_COUNT; i++) {
        const uint64_t cell = RIG_WORD(&rig, book, book, SR_BOOK_CELLS + i);
        CHECK_EQUAL(cell, want->cells[0][i] + want->cells[1][i]);
        sum += cell;
    }
    CHECK_EQUAL(sum, tally_count(want));
}

static struct tally *sums;

static bool play(const struct plan *plan, uint32_t number)
{
    char prefix[32];
    struct workload load;
    (void)snprintf(prefix, sizeof prefix, "s%u.", number);
    workload_open(&load, rig_producer, prefix, 1);
    tally_init(sums, load.threshold_ns[0]);
    struct worker worker = worker_of(&load, sums, plan->seed);
    worker.habit = plan->habit;
    worker.log = log_ns;
    worker.log_max = 2 * STEPS_MAX + WORKLOAD_OPEN_MAX;
    uint64_t drains = plan->seed | 1;
    for (uint64_t i = 0; i < plan->steps; i++) {
        worker_step(&worker);
        if (plan->laziness > 0 && workload_below(&drains, plan->laziness) == 0) {
            rig_tick(&rig, workload_below(&drains, 60000000)); /* 0 to 60 ms later */
        }
    }
    worker_finish(&worker);
    rig_settle(&rig);
    struct slipring_stats stats;
    struct slipring_stats_detail detail;
    CHECK_OK(slipring_stats_read_detail(load.primitives[0], &stats, &detail));
    workload_expect(&load, 0, sums, 0, &stats, &detail);
    expect_near(&worker, &stats.lifetime);
    expect_cells(&load, sums);
    return stats.spilled > 0;
}

/* What one process plays: more primitives than its span table holds would make some spans unattributed, by design. */
struct group {
    uint64_t seed;
    uint32_t *spilled;
};

static void play_group(void *argument)
{
    const struct group *group = argument;
    rig = rig_of(place_store());
    rig_open(&rig);
    CHECK_OK(slipring_open(place_store(), &rig_producer));
    for (uint32_t i = 0; i < GROUP; i++) {
        const struct plan plan = plan_of(group->seed + i);
        *group->spilled += play(&plan, i);
    }
    CHECK_EQUAL(slipring_store_dropped(rig_producer), 0);
    CHECK_EQUAL(rig_figures(&rig).spans_unattributed, 0);
    CHECK_EQUAL(rig_figures(&rig).bound_lost, 0);
    CHECK_EQUAL(rig_figures(&rig).samples_torn, 0);
    rig_expect_balance(&rig);
    rig_stop(&rig);
}

static void any_sequence_of_calls_is_booked_exactly_and_estimated_within_the_bound(void **state)
{
    (void)state;
    const uint64_t seed = workload_seed("record");
    uint32_t *spilled = child_share(sizeof *spilled);
    sums = child_share(sizeof *sums);
    for (uint32_t i = 0; i < GROUPS; i++) {
        struct group group = {.seed = seed + i * GROUP, .spilled = spilled};
        (void)place_new_store();
        child_run(play_group, &group);
    }
    (void)printf("%u sequences, %u of them spilled\n", GROUPS * GROUP, *spilled);
    CHECK(*spilled > 0);
    CHECK(*spilled < GROUPS * GROUP);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_sequence_of_calls_is_booked_exactly_and_estimated_within_the_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
