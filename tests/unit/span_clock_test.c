/* SPDX-License-Identifier: Apache-2.0 */
/* What spans are timed by, each way of falling back from ticks to the clock, and laps. Time is made: in ticks of a pretended rate. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <slipring/slipring.h>

#include "api/span_clock.h"
#include "peer/drain.h"
#include "support/check.h"
#include "support/child.h"
#include "support/place.h"
#include "support/rig.h"

#define A_TICK_IS_1_NS (UINT64_C(1) << 32)
#define A_TICK_IS_5_NS (UINT64_C(5) << 32)
#define MS             UINT64_C(1000000)
/* So long ago, in units of either clock: 100 s of ticks, 20 s by the clock. An hour ago a machine may not have been running. */
#define LONG_AGO     UINT64_C(20000000000)
#define LONG_TICKS   (100 * RIG_SECOND)
#define LONG_CLOCK   (20 * RIG_SECOND)
#define BUSY_MACHINE (70 * RIG_SECOND) /* 5 s of a TSC's ticks at the pretended rate */

static struct slipring_primitive *work;

static void publish(uint64_t rate)
{
    sr_drain_set_tick_rate(agent_store_rings(rig.store), rate);
}

/* As on a machine whose counter may be believed. */
static void set_scene(uint64_t rate)
{
    atomic_store(&sr_span_may_tick, 1);
    CHECK_OK(slipring_primitive_get(rig_producer, "work", NULL, &work));
    publish(rate);
}

static struct slipring_stats figures(void)
{
    rig_settle(&rig);
    return rig_stats(&rig, "work");
}

static bool is_in_ticks(const struct slipring_span *span)
{
    const uint64_t now_ns = sr_clock_ns();
    return span->start < now_ns - RIG_SECOND || span->start > now_ns;
}

static void end(struct slipring_span *span)
{
    slipring_end(span, SLIPRING_SUCCESS, NULL);
}

static struct slipring_span begun_long_ago(void)
{
    struct slipring_span span = slipring_begin(work);
    span.start -= LONG_AGO;
    return span;
}

static void expect_last(uint64_t count, uint64_t least_ns)
{
    const struct slipring_stats stats = figures();
    CHECK_EQUAL(stats.count, count);
    CHECK(stats.max_ns >= least_ns && stats.max_ns < least_ns + BUSY_MACHINE);
    CHECK_EQUAL(stats.clamped, 0);
    CHECK_EQUAL(stats.active, 0);
}

/* --- which clock ---------------------------------------------------------------------------------------------------------- */

static void with_a_rate_spans_are_timed_in_ticks(void)
{
    set_scene(A_TICK_IS_5_NS);
    struct slipring_span span = slipring_begin(work);
    CHECK(is_in_ticks(&span));
    const uint64_t ticks = sr_ticks_read();
    CHECK(span.start <= ticks && ticks - span.start < UINT64_C(1) << 40);
    span.start -= LONG_AGO;
    end(&span);
    expect_last(1, LONG_TICKS);
}

static void without_a_rate_spans_read_the_clock(void)
{
    set_scene(0);
    struct slipring_span span = begun_long_ago();
    const uint64_t ago_ns = sr_clock_ns() - span.start;
    CHECK(ago_ns >= LONG_CLOCK && ago_ns < LONG_CLOCK + BUSY_MACHINE);
    end(&span);
    expect_last(1, LONG_CLOCK);
}

static void a_rate_that_no_machine_has_is_not_believed(void)
{
    for (const uint64_t *rate =
             (const uint64_t[]){1, SR_TICK_RATE_LEAST - 1, SR_TICK_RATE_MOST + 1, UINT64_MAX, 0};
         *rate != 0; rate++) {
        set_scene(*rate);
        struct slipring_span span = slipring_begin(work);
        CHECK(!is_in_ticks(&span));
        end(&span);
    }
    expect_last(4, 0);
}

static void a_process_that_may_not_tick_reads_the_clock(void)
{
    set_scene(A_TICK_IS_5_NS);
    atomic_store(&sr_span_may_tick, 0);
    struct slipring_span span = slipring_begin(work);
    CHECK(!is_in_ticks(&span));
    span.start -= LONG_AGO;
    end(&span);
    expect_last(1, LONG_CLOCK);
}

static void open_another(const char *name)
{
    struct slipring_store *store = NULL;
    CHECK_OK(slipring_open(name, &store));
}

static void the_environment_forces_the_clock(void)
{
    set_scene(A_TICK_IS_1_NS);
    CHECK_EQUAL(setenv("SLIPRING_CLOCK", "monotonic", 1), 0);
    open_another("forced");
    CHECK_EQUAL(atomic_load(&sr_span_may_tick), 0);
    struct slipring_span span = slipring_begin(work);
    CHECK(!is_in_ticks(&span));
    slipring_cancel(&span);
    const bool is_steady = sr_ticks_are_steady(SR_TICKS_CLOCKSOURCE);
    CHECK_EQUAL(setenv("SLIPRING_CLOCK", "auto", 1), 0);
    open_another("as-it-is");
    CHECK_EQUAL(atomic_load(&sr_span_may_tick), is_steady);
    CHECK_EQUAL(unsetenv("SLIPRING_CLOCK"), 0);
    atomic_store(&sr_span_may_tick, 2);
    open_another("without");
    CHECK_EQUAL(atomic_load(&sr_span_may_tick), is_steady);
}

static void a_span_ends_in_ticks_though_the_rate_is_withdrawn_G1(void)
{
    set_scene(A_TICK_IS_5_NS);
    struct slipring_span span = begun_long_ago();
    publish(0);
    struct slipring_span other = slipring_begin(work); /* tries the new rate */
    CHECK(!is_in_ticks(&other));
    end(&other);
    end(&span);
    expect_last(2, LONG_TICKS);
}

static void a_span_ends_by_the_clock_though_a_rate_is_published_G1(void)
{
    set_scene(0);
    struct slipring_span span = begun_long_ago();
    publish(A_TICK_IS_5_NS);
    struct slipring_span other = slipring_begin(work);
    CHECK(is_in_ticks(&other));
    slipring_cancel(&other);
    end(&span);
    expect_last(1, LONG_CLOCK);
}

static void a_refined_rate_counts_from_the_next_begin(void)
{
    set_scene(A_TICK_IS_1_NS);
    struct slipring_span span = slipring_begin(work);
    end(&span);
    publish(A_TICK_IS_5_NS);
    span = begun_long_ago();
    end(&span);
    expect_last(2, LONG_TICKS);
}

static void a_span_without_a_ring_has_the_same_clock(void)
{
    set_scene(A_TICK_IS_5_NS);
    sr_drain_set_limits(agent_store_rings(rig.store), 1000, 0);
    struct slipring_span span = begun_long_ago();
    CHECK(is_in_ticks(&span));
    end(&span);
    expect_last(1, LONG_TICKS);
    CHECK_EQUAL(figures().spilled, 1);
}

/* --- durations ------------------------------------------------------------------------------------------------------------ */

static void expect_backwards(uint64_t rate)
{
    set_scene(rate);
    struct slipring_span span = slipring_begin(work);
    span.start += 1000 * RIG_SECOND;
    end(&span);
    const struct slipring_stats stats = figures();
    CHECK_EQUAL(stats.count, 1);
    CHECK_EQUAL(stats.max_ns, 0);
    CHECK_EQUAL(stats.clamped, 1);
    CHECK_EQUAL(stats.active, 0);
}

static void ticks_that_ran_backwards_give_0_and_are_counted(void)
{
    expect_backwards(A_TICK_IS_1_NS);
}

static void a_clock_that_ran_backwards_gives_0_and_is_counted(void)
{
    expect_backwards(0);
}

static void a_span_of_hours_is_whole_and_one_of_60_days_is_clamped(void)
{
    const uint64_t hour = 3600 * RIG_SECOND;
    set_scene(SR_TICK_RATE_MOST); /* a tick is 1000 ns */
    struct slipring_span span = slipring_begin(work);
    span.start -= 10 * hour / 1000;
    end(&span);
    CHECK(figures().max_ns >= 10 * hour && figures().max_ns < 20 * hour);
    CHECK_EQUAL(figures().clamped, 0);
    span = slipring_begin(work);
    if (span.start < 24 * 60 * hour / 1000) {
        return; /* this machine has not counted so far yet */
    }
    span.start -= 24 * 60 * hour / 1000;
    end(&span);
    CHECK_EQUAL(figures().max_ns, SLIPRING_DURATION_MAX_NS);
    CHECK_EQUAL(figures().clamped, 1);
}

/* --- laps ----------------------------------------------------------------------------------------------------------------- */

#define LAPS 500 /* more than a ring holds: most go through its spill */

static void expect_laps(uint64_t rate)
{
    const struct slipring_cost cost = {.cost_nanodollars = 3, .savings_nanodollars = 2};
    set_scene(rate);
    struct slipring_span span = slipring_begin(work);
    const uint64_t first = span.start;
    for (int i = 0; i < LAPS; i++) {
        const uint64_t before = span.start;
        slipring_lap(&span, i % 5 == 0 ? SLIPRING_FAILURE : SLIPRING_SUCCESS, &cost);
        CHECK(span.start >= before);
    }
    struct slipring_stats stats = figures();
    CHECK_EQUAL(stats.count, LAPS);
    CHECK_EQUAL(stats.failures, LAPS / 5);
    CHECK_EQUAL(stats.active, 1);
    CHECK_EQUAL(stats.sum_ns[0], span.start - first); /* no time between two laps, none twice */
    end(&span);
    stats = figures();
    CHECK_EQUAL(stats.count, LAPS + 1);
    CHECK_EQUAL(stats.cost_nanodollars, LAPS * 3);
    CHECK_EQUAL(stats.active, 0);
    CHECK_EQUAL(stats.aborted, 0);
    CHECK_EQUAL(stats.clamped, 0);
}

static void n_laps_and_an_end_are_n_and_1_executions_of_one_span_in_ticks(void)
{
    expect_laps(A_TICK_IS_1_NS);
}

static void n_laps_and_an_end_are_n_and_1_executions_of_one_span_by_the_clock(void)
{
    expect_laps(0);
}

static void laps_without_a_ring_are_exact_too(void)
{
    sr_drain_set_limits(agent_store_rings(rig.store), 1000, 0);
    expect_laps(A_TICK_IS_1_NS);
    CHECK_EQUAL(figures().spilled, LAPS + 1);
}

static void a_lap_then_a_cancel_leaves_the_laps(void)
{
    set_scene(A_TICK_IS_1_NS);
    struct slipring_span span = slipring_begin(work);
    slipring_lap(&span, SLIPRING_SUCCESS, NULL);
    slipring_cancel(&span);
    CHECK_EQUAL(figures().count, 1);
    CHECK_EQUAL(figures().active, 0);
}

static void a_lap_of_what_is_not_open_is_a_no_op(void)
{
    set_scene(A_TICK_IS_1_NS);
    struct slipring_span span = slipring_begin(work);
    end(&span);
    slipring_lap(&span, SLIPRING_SUCCESS, NULL);
    span = slipring_begin(work);
    slipring_cancel(&span);
    slipring_lap(&span, SLIPRING_SUCCESS, NULL);
    span = slipring_begin(NULL);
    slipring_lap(&span, SLIPRING_SUCCESS, NULL);
    slipring_lap(NULL, SLIPRING_SUCCESS, NULL);
    CHECK_EQUAL(figures().count, 1);
    CHECK_EQUAL(figures().active, 0);
}

static void a_lap_goes_over_to_the_clock_when_the_rate_is_withdrawn_and_back(void)
{
    set_scene(A_TICK_IS_5_NS);
    struct slipring_span span = begun_long_ago();
    publish(0);
    slipring_lap(&span, SLIPRING_SUCCESS, NULL); /* its own time is in ticks */
    CHECK(!is_in_ticks(&span));
    CHECK(figures().min_ns >= LONG_TICKS);
    span.start -= LONG_AGO;
    publish(A_TICK_IS_5_NS);
    slipring_lap(&span, SLIPRING_SUCCESS, NULL); /* by the clock */
    CHECK(is_in_ticks(&span));
    CHECK(figures().min_ns >= LONG_CLOCK && figures().min_ns < LONG_TICKS);
    span.start -= LONG_AGO + LONG_AGO;
    end(&span);
    expect_last(3, 2 * LONG_TICKS);
}

static void a_lap_that_ran_backwards_is_0_and_the_next_is_right(void)
{
    set_scene(A_TICK_IS_5_NS);
    struct slipring_span span = slipring_begin(work);
    span.start += 1000 * RIG_SECOND;
    slipring_lap(&span, SLIPRING_SUCCESS, NULL);
    span.start -= LONG_AGO;
    end(&span);
    const struct slipring_stats stats = figures();
    CHECK_EQUAL(stats.clamped, 1);
    CHECK_EQUAL(stats.min_ns, 0);
    CHECK(stats.max_ns >= LONG_TICKS && stats.max_ns < LONG_TICKS + BUSY_MACHINE);
}

/* --- fork and kill -------------------------------------------------------------------------------------------------------- */

static void lap_and_end(void *argument)
{
    struct slipring_span *span = argument;
    slipring_record(work, MS, SLIPRING_SUCCESS, NULL); /* attaches the child */
    slipring_lap(span, SLIPRING_SUCCESS, NULL);
    end(span);
    CHECK_OK(slipring_close(rig_producer));
}

static void in_a_forked_child_its_parents_span_is_a_no_op(void)
{
    set_scene(A_TICK_IS_1_NS);
    struct slipring_span span = slipring_begin(work);
    child_run(lap_and_end, &span);
    CHECK_EQUAL(figures().count, 1);
    CHECK_EQUAL(figures().active, 1);
    end(&span);
    CHECK_EQUAL(figures().count, 2);
    CHECK_EQUAL(figures().active, 0);
    CHECK_EQUAL(figures().aborted, 0);
}

static void lap_and_die(void *unused)
{
    (void)unused;
    struct slipring_span span = slipring_begin(work);
    CHECK(is_in_ticks(&span)); /* the rate was kept through fork */
    for (int i = 0; i < LAPS; i++) {
        slipring_lap(&span, SLIPRING_SUCCESS, NULL);
    }
    (void)kill(getpid(), SIGKILL);
}

static void of_a_killed_process_the_laps_count_and_one_operation_is_aborted(void)
{
    set_scene(A_TICK_IS_1_NS);
    child_dies_by(child_start(lap_and_die, NULL), SIGKILL);
    const struct slipring_stats stats = figures();
    CHECK_EQUAL(stats.count, LAPS);
    CHECK_EQUAL(stats.aborted, 1);
    CHECK_EQUAL(stats.active, 0);
}

static int run_all(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(with_a_rate_spans_are_timed_in_ticks),
        RIG_TEST(without_a_rate_spans_read_the_clock),
        RIG_TEST(a_rate_that_no_machine_has_is_not_believed),
        RIG_TEST(a_process_that_may_not_tick_reads_the_clock),
        RIG_TEST(the_environment_forces_the_clock),
        RIG_TEST(a_span_ends_in_ticks_though_the_rate_is_withdrawn_G1),
        RIG_TEST(a_span_ends_by_the_clock_though_a_rate_is_published_G1),
        RIG_TEST(a_refined_rate_counts_from_the_next_begin),
        RIG_TEST(a_span_without_a_ring_has_the_same_clock),
        RIG_TEST(ticks_that_ran_backwards_give_0_and_are_counted),
        RIG_TEST(a_clock_that_ran_backwards_gives_0_and_is_counted),
        RIG_TEST(a_span_of_hours_is_whole_and_one_of_60_days_is_clamped),
        RIG_TEST(n_laps_and_an_end_are_n_and_1_executions_of_one_span_in_ticks),
        RIG_TEST(n_laps_and_an_end_are_n_and_1_executions_of_one_span_by_the_clock),
        RIG_TEST(laps_without_a_ring_are_exact_too),
        RIG_TEST(a_lap_then_a_cancel_leaves_the_laps),
        RIG_TEST(a_lap_of_what_is_not_open_is_a_no_op),
        RIG_TEST(a_lap_goes_over_to_the_clock_when_the_rate_is_withdrawn_and_back),
        RIG_TEST(a_lap_that_ran_backwards_is_0_and_the_next_is_right),
        RIG_TEST(in_a_forked_child_its_parents_span_is_a_no_op),
        RIG_TEST(of_a_killed_process_the_laps_count_and_one_operation_is_aborted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run_all);
}
