/* SPDX-License-Identifier: Apache-2.0 */
/* What was in flight when its process died is settled once: as aborted, or as ignored where the agent was told so. Whatever threads
 * began and ended it, whatever became of their rings, however often the agent died meanwhile. */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <slipring/slipring.h>

#include "agent/drain/drain.h"
#include "base/crashpoint.h"
#include "support/api.h"
#include "support/child.h"
#include "support/place.h"
#include "support/rig.h"

static struct slipring_primitive *primitive_of(const char *name)
{
    struct slipring_primitive *primitive = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, name, NULL, &primitive));
    return primitive;
}

static void begin_and_die(void *argument)
{
    struct slipring_primitive *work = primitive_of("work");
    slipring_record(work, 5, SLIPRING_SUCCESS, NULL);
    for (uint32_t i = *(const uint32_t *)argument; i > 0; i--) {
        (void)slipring_begin(work);
    }
    (void)kill(getpid(), SIGKILL);
}

static void leave_in_flight(uint32_t spans)
{
    child_dies_by(child_start(begin_and_die, &spans), SIGKILL);
}

static bool there_are_no_rings;

static void start_agent(void)
{
    rig_open(&rig);
    if (there_are_no_rings) {
        api_set_ring_cap(0);
    }
    rig_settle(&rig);
}

/* The agent dies, and another one comes. */
static void restart(bool ignores_aborted)
{
    rig_drop(&rig);
    rig.options.ignores_aborted = ignores_aborted;
    start_agent();
}

static void expect(uint64_t aborted, uint64_t ignored)
{
    const struct slipring_stats stats = rig_stats(&rig, "work");
    CHECK_EQUAL(stats.aborted, aborted);
    CHECK_EQUAL(stats.active, 0);
    CHECK_EQUAL(stats.lifetime.n, stats.count); /* not in the histogram */
    CHECK_EQUAL(rig_figures(&rig).aborted_ignored, ignored);
}

/* --- the switch ---------------------------------------------------------------------------------------------------------------- */

static void ignored_ones_are_no_executions_and_bad_for_no_objective(void)
{
    const struct slipring_slo slo = {.target_ppb = SLIPRING_TARGET(0.5),
                                     .availability_ppb = SLIPRING_TARGET(0.5),
                                     .latency_threshold_ns = RIG_SECOND};
    CHECK_OK(slipring_slo_configure(primitive_of("work"), &slo));
    restart(true);
    leave_in_flight(7);
    rig_settle(&rig);
    expect(0, 7);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 1);
    const struct slipring_stats_detail detail = rig_detail(&rig, "work");
    for (uint32_t i = 0; i < 2; i++) {
        CHECK_EQUAL(detail.objectives[i].good, 1);
        CHECK_EQUAL(detail.objectives[i].total, 1);
    }
    rig_settle(&rig);
    expect(0, 7);
}

static void another_setting_after_a_restart_changes_nothing_that_was_settled(void)
{
    leave_in_flight(5);
    rig_settle(&rig);
    expect(5, 0);
    restart(true);
    expect(5, 0);
    leave_in_flight(3);
    rig_settle(&rig);
    expect(5, 3);
    restart(false);
    expect(5, 3);
    leave_in_flight(2);
    rig_settle(&rig);
    expect(7, 3);
}

static void whoever_died_without_an_agent_is_settled_as_the_next_one_was_told(void)
{
    (void)primitive_of("work");
    rig_drop(&rig);
    leave_in_flight(4);
    rig.options.ignores_aborted = true;
    rig_open(&rig);
    rig_settle(&rig);
    expect(0, 4);
}

#if SR_CRASHPOINTS_BUILT
static void reap_until_killed(void *point)
{
    sr_crashpoint_arm(*(const enum sr_crashpoint *)point, 1);
    rig_open(&rig);
    rig_settle(&rig);
}

/* In the middle of settling one agent was told so, the next one otherwise: each span is here or there. */
static void agents_of_different_minds_killed_while_they_settle_count_each_span_once(void)
{
    static const enum sr_crashpoint points[] = {
        SR_CRASHPOINT_reaper_slot_seized, SR_CRASHPOINT_reaper_ring_folded, SR_CRASHPOINT_reaper_slot_folded,
        SR_CRASHPOINT_journal_committed, SR_CRASHPOINT_journal_half_applied};
    (void)primitive_of("work");
    uint64_t spans = 0;
    for (uint32_t i = 0; i < 2 * SR_ARRAY_COUNT(points); i++) {
        enum sr_crashpoint point = points[i / 2];
        rig_drop(&rig);
        leave_in_flight(i + 1);
        spans += i + 1;
        rig.options.ignores_aborted = i % 2 != 0;
        child_dies_by(child_start(reap_until_killed, &point), SIGKILL);
        rig.options.ignores_aborted = i % 2 == 0;
        rig_open(&rig);
        rig_settle(&rig);
        const uint64_t aborted = rig_stats(&rig, "work").aborted;
        CHECK(aborted <= spans);
        expect(aborted, spans - aborted);
        rig_expect_balance(&rig);
    }
}
#endif

/* --- begun here, ended there ---------------------------------------------------------------------------------------------------- */

#define BEGUN 10u /* by the first thread; see live() for the rest */

static struct play {
    _Atomic uint32_t done; /* the process has come so far ... */
    _Atomic uint32_t next; /* ... and may go on */
    struct slipring_span spans[2 * BEGUN];
} * play;

static void *begin_ten(void *argument)
{
    for (uint32_t i = 0; i < BEGUN; i++) {
        play->spans[i] = slipring_begin(argument);
    }
    return NULL;
}

static void *end_four_and_begin_three(void *argument)
{
    for (uint32_t i = 0; i < 4; i++) {
        slipring_end(&play->spans[i], SLIPRING_SUCCESS, NULL);
        slipring_end(&play->spans[i], SLIPRING_SUCCESS, NULL); /* once is all that it ends */
    }
    for (uint32_t i = 0; i < 3; i++) {
        play->spans[BEGUN + i] = slipring_begin(argument);
    }
    return NULL;
}

static void run_thread(void *(*body)(void *), void *argument)
{
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, body, argument), 0);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
}

static void pass(uint32_t step)
{
    atomic_store(&play->done, step);
    child_await(&play->next, step);
}

/* Ten begun, four ended, three begun, one cancelled, two ended, five begun, each by a thread that is gone when the next one comes; the last
 * ones by the first thread. 11 are left. */
static void live(void *argument)
{
    struct slipring_primitive *work = argument;
    run_thread(begin_ten, work);
    pass(1);
    run_thread(end_four_and_begin_three, work);
    pass(2);
    slipring_cancel(&play->spans[4]);
    slipring_end(&play->spans[5], SLIPRING_FAILURE, NULL);
    slipring_end(&play->spans[BEGUN], SLIPRING_SUCCESS, NULL);
    for (uint32_t i = 0; i < 5; i++) {
        (void)slipring_begin(work);
    }
    pass(3);
    (void)kill(getpid(), SIGKILL);
}

static void record_two_spans(void *argument)
{
    for (int i = 0; i < 2; i++) {
        struct slipring_span span = slipring_begin(argument);
        slipring_end(&span, SLIPRING_SUCCESS, NULL);
    }
}

/* Between any two of its steps the agent dies, gives rings back, and another process gets them. */
static void play_with_deaths(void)
{
    static const int64_t active[] = {10, 9, 11};
    struct slipring_primitive *work = primitive_of("work");
    play = child_share(sizeof *play);
    if (there_are_no_rings) {
        api_set_ring_cap(0);
    }
    rig_drop(&rig); /* what is forked from here inherits no lock of the agent's */
    const pid_t process = child_start(live, work);
    start_agent();
    for (uint32_t step = 1; step <= 3; step++) {
        child_await(&play->done, step);
        rig_settle(&rig);
        rig_settle(&rig); /* rings that ended threads had are free */
        CHECK_EQUAL(rig_stats(&rig, "work").active, active[step - 1]);
        CHECK_EQUAL(rig_stats(&rig, "work").aborted, 0);
        CHECK(!there_are_no_rings || fold_rings(rig.options.store, SR_RING_OWNED) == 0);
        child_run(record_two_spans, work);
        restart(false);
        CHECK_EQUAL(rig_stats(&rig, "work").active, active[step - 1]);
        atomic_store(&play->next, step);
    }
    child_dies_by(process, SIGKILL);
    rig_settle(&rig);
    expect(11, 0);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 4 + 2 + 3 * 2);
    restart(false);
    expect(11, 0);
}

static void spans_begun_and_ended_on_different_threads_are_settled_for_their_process(void)
{
    play_with_deaths();
}

static void so_are_those_that_no_ring_counts(void)
{
    there_are_no_rings = true;
    play_with_deaths();
    CHECK_EQUAL(rig_figures(&rig).spans_unattributed, 0);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(ignored_ones_are_no_executions_and_bad_for_no_objective),
        RIG_TEST(another_setting_after_a_restart_changes_nothing_that_was_settled),
        RIG_TEST(whoever_died_without_an_agent_is_settled_as_the_next_one_was_told),
#if SR_CRASHPOINTS_BUILT
        RIG_TEST(agents_of_different_minds_killed_while_they_settle_count_each_span_once),
#endif
        RIG_TEST(spans_begun_and_ended_on_different_threads_are_settled_for_their_process),
        RIG_TEST(so_are_those_that_no_ring_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
