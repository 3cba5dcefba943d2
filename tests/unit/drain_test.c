/* SPDX-License-Identifier: Apache-2.0 */
/* The drain against the real library: whatever way a sample takes, it is in the books once. */
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include <slipring/slipring.h>

#include "agent/drain/drain.h"
#include "base/crashpoint.h"
#include "support/check.h"
#include "support/child.h"
#include "support/place.h"
#include "support/rig.h"

static struct slipring_primitive *primitive_of(const char *name)
{
    struct slipring_primitive *primitive = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, name, NULL, &primitive));
    return primitive;
}

/* --- one way after the other ---------------------------------------------------------------------------------------------- */

static void a_registered_primitive_has_figures_before_its_first_record(void)
{
    (void)primitive_of("new");
    rig_settle(&rig);
    const struct slipring_stats stats = rig_stats(&rig, "new");
    CHECK_EQUAL(stats.count, 0);
    CHECK_EQUAL(stats.present, 0);
    CHECK(stats.requests_per_second == 0.0);
    CHECK_EQUAL(rig_detail(&rig, "new").bound_count, SR_BOUND_DEFAULT_COUNT);
    CHECK_EQUAL(rig_count_of(&rig, "__overflow__"), 1);
}

static void what_is_in_a_ring_is_booked_once(void)
{
    struct slipring_primitive *work = primitive_of("work");
    const struct slipring_cost cost = {.cost_nanodollars = 5, .savings_nanodollars = 3};
    slipring_record(work, 0, SLIPRING_SUCCESS, NULL);
    slipring_record(work, 1000000, SLIPRING_SUCCESS, &cost);
    slipring_record(work, 1000001, SLIPRING_FAILURE, &cost);
    rig_settle(&rig);
    rig_settle(&rig);
    const struct slipring_stats stats = rig_stats(&rig, "work");
    CHECK_EQUAL(stats.count, 3);
    CHECK_EQUAL(stats.failures, 1);
    CHECK_EQUAL(stats.min_ns, 0);
    CHECK_EQUAL(stats.max_ns, 1000001);
    CHECK_EQUAL(stats.sum_ns[0], 2000001);
    CHECK_EQUAL(stats.cost_nanodollars, 10);
    CHECK_EQUAL(stats.savings_nanodollars, 6);
    CHECK_EQUAL(stats.spilled, 0);
    CHECK_EQUAL(stats.minute.n, 3);
    CHECK_EQUAL(rig_detail(&rig, "work").bounds[0].count, 2);
    CHECK_EQUAL(rig_figures(&rig).samples_drained, 3);
}

static void what_spilled_is_booked_once_and_told_apart(void)
{
    struct slipring_primitive *work = primitive_of("work");
    for (uint64_t i = 0; i < 1000; i++) { /* nobody drains: 510 and a mark fit the ring */
        slipring_record(work, 1000000 + i, i % 10 == 0 ? SLIPRING_FAILURE : SLIPRING_SUCCESS, NULL);
    }
    rig_settle(&rig);
    const struct slipring_stats stats = rig_stats(&rig, "work");
    CHECK_EQUAL(stats.count, 1000);
    CHECK_EQUAL(stats.failures, 100);
    CHECK_EQUAL(stats.spilled, 1000 - 510);
    CHECK_EQUAL(stats.minute.spilled, 1000 - 510);
    CHECK_EQUAL(stats.sum_ns[0], UINT64_C(1000000) * 1000 + 999 * 500);
    CHECK_EQUAL(stats.min_ns, 1000000);
    CHECK_EQUAL(stats.max_ns, 1000999);
    CHECK_EQUAL(rig_detail(&rig, "work").bounds[0].count, 1); /* at most a millisecond: exactly one */
    CHECK_EQUAL(rig_figures(&rig).samples_spilled, 1000 - 510);
}

static void a_sample_outside_of_the_small_window_takes_the_shared_spill_and_is_booked(void)
{
    struct slipring_primitive *work = primitive_of("work");
    for (int i = 0; i < 510; i++) { /* with a mark of the clock, all that a small ring holds */
        slipring_record(work, 1000, SLIPRING_SUCCESS, NULL);
    }
    const struct slipring_cost cost = {.cost_nanodollars = 7};
    slipring_record(work, 50 * RIG_SECOND, SLIPRING_FAILURE, &cost);
    rig_settle(&rig);
    const struct slipring_stats stats = rig_stats(&rig, "work");
    CHECK_EQUAL(stats.count, 511);
    CHECK_EQUAL(stats.failures, 1);
    CHECK_EQUAL(stats.spilled, 1);
    CHECK_EQUAL(stats.max_ns, 50 * RIG_SECOND);
    CHECK_EQUAL(stats.cost_nanodollars, 7);
    CHECK_EQUAL(rig_figures(&rig).samples_torn, 0);
}

/* By hand: a first update of a shared spill that was seen, or died, between its cell and its extremes. */
static void a_count_that_comes_before_its_extremes_does_not_make_the_least_duration_0(void)
{
    struct slipring_primitive *work = primitive_of("work");
    _Atomic uint64_t *block = sr_segment_shared_spill(&agent_store_rings(rig.store)->segment, 1);
    block[SR_SPILL_ENTER] += 1;
    block[SR_SPILL_CELLS + sr_bucket_index(4000)] += 1;
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 1);
    CHECK(rig_stats(&rig, "work").min_ns <= rig_stats(&rig, "work").max_ns);
    slipring_record(work, 3000, SLIPRING_SUCCESS, NULL);
    slipring_record(work, 5000, SLIPRING_SUCCESS, NULL);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 3);
    CHECK_EQUAL(rig_stats(&rig, "work").min_ns, 3000);
    CHECK_EQUAL(rig_stats(&rig, "work").max_ns, 5000);
}

static void a_cost_alone_is_no_execution(void)
{
    struct slipring_primitive *work = primitive_of("work");
    uint32_t gpu = 0;
    CHECK_OK(slipring_category_get(work, "gpu", &gpu));
    for (int i = 0; i < 200; i++) { /* some of them spill */
        const struct slipring_cost cost = {.cost_nanodollars = 2, .savings_nanodollars = 1, .category = gpu};
        slipring_record_cost(work, &cost);
    }
    rig_settle(&rig);
    const struct slipring_stats stats = rig_stats(&rig, "work");
    const struct slipring_stats_detail detail = rig_detail(&rig, "work");
    CHECK_EQUAL(stats.count, 0);
    CHECK_EQUAL(stats.cost_nanodollars, 400);
    CHECK_EQUAL(detail.category_count, 2);
    CHECK_EQUAL(strcmp(detail.categories[1].name, "gpu"), 0);
    CHECK_EQUAL(detail.categories[1].savings_nanodollars, 200);
    CHECK_EQUAL(detail.categories[0].cost_nanodollars, 0);
    CHECK(stats.present & SLIPRING_HAS_SAVINGS_RATE);
    CHECK(!(stats.present & SLIPRING_HAS_DURATION));
}

static void out_of_range_is_clamped_counted_and_in_the_sum_of_the_buckets(void)
{
    struct slipring_primitive *work = primitive_of("work");
    slipring_record(work, UINT64_MAX, SLIPRING_SUCCESS, NULL);
    slipring_record(work, SLIPRING_DURATION_MAX_NS, SLIPRING_SUCCESS, NULL);
    rig_settle(&rig);
    const struct slipring_stats stats = rig_stats(&rig, "work");
    CHECK_EQUAL(stats.count, 2);
    CHECK_EQUAL(stats.clamped, 1);
    CHECK_EQUAL(stats.max_ns, SLIPRING_DURATION_MAX_NS);
    CHECK_EQUAL(rig_figures(&rig).samples_clamped, 1);
}

static void the_sum_of_durations_goes_beyond_64_bits(void)
{
    struct slipring_primitive *work = primitive_of("work");
    for (int i = 0; i < 8192; i++) {
        slipring_record(work, SLIPRING_DURATION_MAX_NS, SLIPRING_SUCCESS, NULL);
        if (i % 100 == 0) {
            drain_all(rig.drain, ++rig.now_ns);
        }
    }
    rig_settle(&rig);
    const struct slipring_stats stats = rig_stats(&rig, "work");
    CHECK_EQUAL(stats.count, 8192);
    CHECK_EQUAL(stats.sum_ns[1], 1); /* 8192 * (2^52 - 1) = 2 * 2^64 - 8192 */
    CHECK_EQUAL(stats.sum_ns[0], UINT64_MAX - 8191);
    CHECK(stats.mean_ns > 4.5e15 && stats.mean_ns < 4.51e15);
}

/* --- spans ---------------------------------------------------------------------------------------------------------------- */

static void spans_are_active_from_begin_to_end_or_cancel(void)
{
    struct slipring_primitive *work = primitive_of("work");
    struct slipring_span spans[5];
    for (int i = 0; i < 5; i++) {
        spans[i] = slipring_begin(work);
    }
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").active, 5);
    slipring_end(&spans[0], SLIPRING_SUCCESS, NULL);
    slipring_cancel(&spans[1]);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").active, 3);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 1);
    for (int i = 2; i < 5; i++) {
        slipring_end(&spans[i], SLIPRING_FAILURE, NULL);
    }
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").active, 0);
    CHECK_EQUAL(rig_stats(&rig, "work").failures, 3);
    CHECK_EQUAL(rig_stats(&rig, "work").aborted, 0);
}

static void spans_that_end_through_the_spill_are_not_active(void)
{
    struct slipring_primitive *work = primitive_of("work");
    for (int i = 0; i < 500; i++) {
        struct slipring_span span = slipring_begin(work);
        if (i % 2) {
            slipring_cancel(&span);
        } else {
            slipring_end(&span, SLIPRING_SUCCESS, NULL);
        }
    }
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").active, 0);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 250);
}

static void *end_span(void *argument)
{
    slipring_end(argument, SLIPRING_SUCCESS, NULL);
    return NULL;
}

static void a_span_may_end_on_another_thread(void)
{
    struct slipring_primitive *work = primitive_of("work");
    struct slipring_span span = slipring_begin(work);
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, end_span, &span), 0);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").active, 0);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 1);
}

/* --- objectives ----------------------------------------------------------------------------------------------------------- */

static void an_objective_is_in_force_for_the_first_sample_after_it(void)
{
    struct slipring_primitive *work = primitive_of("work");
    rig_settle(&rig);
    const struct slipring_slo slo = {.target_ppb = SLIPRING_TARGET(0.9),
                                     .availability_ppb = SLIPRING_TARGET(0.5),
                                     .latency_threshold_ns = 1000050};
    CHECK_OK(slipring_slo_configure(work, &slo));
    for (uint64_t i = 1; i <= 100; i++) { /* all in one bucket: only an exact count can tell */
        slipring_record(work, 1000000 + i, i <= 10 ? SLIPRING_FAILURE : SLIPRING_SUCCESS, NULL);
    }
    rig_settle(&rig);
    const struct slipring_stats_detail detail = rig_detail(&rig, "work");
    CHECK_EQUAL(detail.objective_count, 2);
    CHECK_EQUAL(detail.objectives[0].good, 50);
    CHECK_EQUAL(detail.objectives[0].total, 100);
    CHECK_EQUAL(detail.objectives[0].exact_since_ns, 0);
    CHECK_EQUAL(detail.objectives[1].good, 90);
    CHECK(rig_stats(&rig, "work").slo_compliance == 0.5);
    CHECK(rig_stats(&rig, "work").budget_remaining < -3.99);
    CHECK(rig_stats(&rig, "work").budget_remaining_clamped == 0.0);
}

static void a_bound_that_came_late_says_since_when_it_is_exact(void)
{
    struct slipring_primitive *work = primitive_of("work");
    slipring_record(work, 2000000, SLIPRING_SUCCESS, NULL);
    rig_settle(&rig);
    const struct slipring_slo slo = {.target_ppb = SLIPRING_TARGET(0.9), .latency_threshold_ns = 2000001};
    CHECK_OK(slipring_slo_configure(work, &slo));
    slipring_record(work, 2000000, SLIPRING_SUCCESS, NULL);
    rig_settle(&rig);
    const struct slipring_stats_detail detail = rig_detail(&rig, "work");
    CHECK_EQUAL(detail.objectives[0].good, 1); /* the older one counts as above it */
    CHECK(detail.objectives[0].exact_since_ns > 0);
    CHECK_EQUAL(detail.bound_count, SR_BOUND_DEFAULT_COUNT + 1);
    CHECK_EQUAL(detail.bounds[1].bound_ns, 2000001);
    CHECK_EQUAL(detail.bounds[1].is_le, 0);
}

/* --- all at once ---------------------------------------------------------------------------------------------------------- */

#define THREADS 6u
#define ROUNDS  40000u

struct worker {
    pthread_t thread;
    uint64_t seed;
    uint64_t count, failures, sum, cost, at_most_1ms;
};

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void *work_hard(void *argument)
{
    struct worker *worker = argument;
    struct slipring_primitive *shared = primitive_of("shared");
    for (uint32_t i = 0; i < ROUNDS; i++) {
        const uint64_t random = next_random(&worker->seed);
        const uint64_t duration = (random >> 20) % (UINT64_C(1) << (random % 34));
        const enum slipring_outcome outcome = random % 7 == 0 ? SLIPRING_FAILURE : SLIPRING_SUCCESS;
        const struct slipring_cost cost = {.cost_nanodollars = random % 1000};
        if (random % 64 == 1) { /* the count of active ones goes both ways, too */
            struct slipring_span span = slipring_begin(shared);
            slipring_cancel(&span);
        }
        slipring_record(shared, duration, outcome, &cost);
        worker->count++;
        worker->failures += outcome == SLIPRING_FAILURE;
        worker->sum += duration;
        worker->cost += cost.cost_nanodollars;
        worker->at_most_1ms += duration <= 1000000;
    }
    return NULL;
}

static void threads_that_record_while_the_agent_drains_are_booked_exactly(void)
{
    struct worker workers[THREADS];
    struct worker want = {.count = 0};
    memset(workers, 0, sizeof workers);
    for (uint32_t i = 0; i < THREADS; i++) {
        workers[i].seed = 88172645463325252ull + i;
        CHECK_EQUAL(pthread_create(&workers[i].thread, NULL, work_hard, &workers[i]), 0);
    }
    for (int i = 0; i < 300; i++) {
        rig_tick(&rig, RIG_SECOND / 1000 * ((uint64_t)i % 90));
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        CHECK_EQUAL(pthread_join(workers[i].thread, NULL), 0);
        want.count += workers[i].count;
        want.failures += workers[i].failures;
        want.sum += workers[i].sum;
        want.cost += workers[i].cost;
        want.at_most_1ms += workers[i].at_most_1ms;
    }
    rig_settle(&rig);
    const struct slipring_stats stats = rig_stats(&rig, "shared");
    CHECK_EQUAL(stats.count, want.count);
    CHECK_EQUAL(stats.failures, want.failures);
    CHECK_EQUAL(stats.sum_ns[0], want.sum);
    CHECK_EQUAL(stats.cost_nanodollars, want.cost);
    CHECK_EQUAL(stats.active, 0);
    CHECK_EQUAL(stats.aborted, 0);
    CHECK_EQUAL(rig_detail(&rig, "shared").bounds[0].count, want.at_most_1ms);
    CHECK_EQUAL(rig_figures(&rig).rings_quarantined, 0);
    CHECK_EQUAL(rig_figures(&rig).samples_refused, 0);
    rig_expect_balance(
        &rig); /* nothing of torn ones: in the time that this test makes, a thread may rest for a second */
}

/* --- the agent comes and goes --------------------------------------------------------------------------------------------- */

static void books_go_on_when_the_agent_does(void)
{
    struct slipring_primitive *work = primitive_of("work");
    for (uint64_t round = 1; round <= 5; round++) {
        for (int i = 0; i < 300; i++) {
            slipring_record(work, 1000 * round, SLIPRING_SUCCESS, NULL);
        }
        struct slipring_span span = slipring_begin(work);
        rig_tick(&rig, RIG_SECOND / 100);
        rig_drop(&rig);
        slipring_end(&span, SLIPRING_FAILURE, NULL);
        rig_open(&rig);
        rig_settle(&rig);
        CHECK_EQUAL(rig_stats(&rig, "work").count, 301 * round);
        CHECK_EQUAL(rig_stats(&rig, "work").active, 0);
        rig_expect_balance(&rig);
    }
}

static void the_lifetime_of_a_primitive_begins_before_its_first_samples(void)
{
    rig_tick(&rig, RIG_SECOND);
    rig_drop(&rig);
    struct slipring_primitive *work = primitive_of("work");
    for (int i = 0; i < 3600; i++) {
        slipring_record(work, 1000, SLIPRING_SUCCESS, NULL);
    }
    rig.now_ns += 3600 * RIG_SECOND;
    rig_open(&rig);
    rig_tick(&rig, RIG_SECOND);
    const struct slipring_stats stats = rig_stats(&rig, "work");
    CHECK_EQUAL(stats.lifetime.n, 3600);
    CHECK(stats.lifetime.span_ns >= 3600 * RIG_SECOND);
    CHECK(stats.lifetime.per_second <= 1.0);
}

static void what_was_recorded_without_an_agent_is_booked_by_the_next_one(void)
{
    rig_drop(&rig);
    struct slipring_primitive *work = primitive_of("late");
    for (int i = 0; i < 1000; i++) {
        slipring_record(work, 77, SLIPRING_SUCCESS, NULL);
    }
    rig.now_ns += 300 * RIG_SECOND;
    rig_open(&rig);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "late").count, 1000);
    /* When in those five minutes it was, nobody knows: not in the last one, as far as can be told. */
    CHECK_EQUAL(rig_stats(&rig, "late").minute.n, 0);
}

/* Killed in the middle of a batch, from the first pair to the cleared journal. */
#if SR_CRASHPOINTS_BUILT
static void drain_until_killed(void *point)
{
    sr_crashpoint_arm(*(const enum sr_crashpoint *)point, 1);
    rig_open(&rig);
    rig_settle(&rig);
}

static void an_agent_killed_anywhere_in_a_batch_neither_loses_nor_doubles(void)
{
    static const enum sr_crashpoint points[] = {
        SR_CRASHPOINT_journal_filled,        SR_CRASHPOINT_journal_committed,
        SR_CRASHPOINT_journal_half_applied,  SR_CRASHPOINT_journal_applied,
        SR_CRASHPOINT_drain_heads_published, SR_CRASHPOINT_drain_journal_cleared,
        SR_CRASHPOINT_publish_half_written,  SR_CRASHPOINT_publish_before_raise,
    };
    struct slipring_primitive *work = primitive_of("work");
    uint64_t want = 0;
    rig_settle(&rig);
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(points); i++) {
        rig_drop(&rig);
        for (int sample = 0; sample < 500; sample++, want++) {
            slipring_record(work, 1000000, SLIPRING_SUCCESS, NULL);
        }
        enum sr_crashpoint point = points[i];
        child_dies_by(child_start(drain_until_killed, &point), SIGKILL);
        rig_open(&rig);
        rig_settle(&rig);
        CHECK_EQUAL(rig_stats(&rig, "work").count, want);
        CHECK_EQUAL(rig_stats(&rig, "work").sum_ns[0], want * 1000000);
        rig_expect_balance(&rig);
    }
}

#endif

/* --- waiting -------------------------------------------------------------------------------------------------------------- */

static void an_idle_agent_waits_longer_and_longer_and_a_busy_one_less(void)
{
    struct slipring_primitive *work = primitive_of("work");
    uint64_t wait = 0;
    for (int i = 0; i < 20; i++) {
        wait = drain_tick(rig.drain, rig.now_ns += wait);
    }
    CHECK_EQUAL(wait, RIG_SECOND / 20);
    for (int i = 0; i < 20; i++) {
        for (int sample = 0; sample < 400; sample++) {
            slipring_record(work, 1000, SLIPRING_SUCCESS, NULL);
        }
        wait = drain_tick(rig.drain, rig.now_ns += wait);
    }
    CHECK_EQUAL(wait, 100000);
}

static void a_nearly_empty_ring_is_left_alone_for_a_while(void)
{
    struct slipring_primitive *work = primitive_of("work");
    slipring_record(work, 1000, SLIPRING_SUCCESS, NULL);
    (void)drain_tick(rig.drain, rig.now_ns += RIG_SECOND);
    slipring_record(work, 1000, SLIPRING_SUCCESS, NULL);
    (void)drain_tick(rig.drain, rig.now_ns += 200000);
    CHECK_EQUAL(RIG_WORD(&rig, store, 0, SR_STORE_DRAINED), 1);
    (void)drain_tick(rig.drain, rig.now_ns += 1000000);
    CHECK_EQUAL(RIG_WORD(&rig, store, 0, SR_STORE_DRAINED), 2);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_registered_primitive_has_figures_before_its_first_record),
        RIG_TEST(what_is_in_a_ring_is_booked_once),
        RIG_TEST(what_spilled_is_booked_once_and_told_apart),
        RIG_TEST(a_sample_outside_of_the_small_window_takes_the_shared_spill_and_is_booked),
        RIG_TEST(a_count_that_comes_before_its_extremes_does_not_make_the_least_duration_0),
        RIG_TEST(a_cost_alone_is_no_execution),
        RIG_TEST(out_of_range_is_clamped_counted_and_in_the_sum_of_the_buckets),
        RIG_TEST(the_sum_of_durations_goes_beyond_64_bits),
        RIG_TEST(spans_are_active_from_begin_to_end_or_cancel),
        RIG_TEST(spans_that_end_through_the_spill_are_not_active),
        RIG_TEST(a_span_may_end_on_another_thread),
        RIG_TEST(an_objective_is_in_force_for_the_first_sample_after_it),
        RIG_TEST(a_bound_that_came_late_says_since_when_it_is_exact),
        RIG_TEST(threads_that_record_while_the_agent_drains_are_booked_exactly),
        RIG_TEST(books_go_on_when_the_agent_does),
        RIG_TEST(the_lifetime_of_a_primitive_begins_before_its_first_samples),
        RIG_TEST(what_was_recorded_without_an_agent_is_booked_by_the_next_one),
#if SR_CRASHPOINTS_BUILT
        RIG_TEST(an_agent_killed_anywhere_in_a_batch_neither_loses_nor_doubles),
#endif
        RIG_TEST(an_idle_agent_waits_longer_and_longer_and_a_busy_one_less),
        RIG_TEST(a_nearly_empty_ring_is_left_alone_for_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
