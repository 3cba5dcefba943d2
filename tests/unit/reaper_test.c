/* SPDX-License-Identifier: Apache-2.0 */
/* What dead processes and ended threads leave: booked, counted as aborted, given back. With real deaths, and with each state that a
 * death can leave built by hand. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <slipring/slipring.h>

#include "agent/drain/drain.h"
#include "agent/log.h"
#include "base/crashpoint.h"
#include "peer/census.h"
#include "support/child.h"
#include "support/faults.h"
#include "support/place.h"
#include "support/rig.h"

static struct slipring_primitive *primitive_of(const char *name)
{
    struct slipring_primitive *primitive = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, name, NULL, &primitive));
    return primitive;
}

static const struct sr_segment *segment(void)
{
    return &agent_store_rings(rig.store)->segment;
}

static uint32_t rings_in(enum sr_ring_state state)
{
    uint32_t count = 0;
    for (uint32_t ring = 0; ring < SR_RING_MAX; ring++) {
        count += sr_state_of(*sr_segment_ring_state(segment(), ring)) == state;
    }
    return count;
}

static uint32_t rings_not_free(void)
{
    return SR_RING_MAX - rings_in(SR_RING_FREE) - rings_in(SR_RING_EMPTY);
}

/* Without the test's own, which registers names. */
static uint32_t other_slots(void)
{
    uint32_t count = UINT32_MAX;
    for (uint32_t slot = 0; slot < SR_SLOT_MAX; slot++) {
        count += sr_census_state(agent_store_rings(rig.store), slot) != SR_SLOT_FREE;
    }
    return count;
}

/* --- processes ------------------------------------------------------------------------------------------------------------ */

struct life {
    uint32_t records;
    uint32_t spans;
    bool is_clean; /* closes the store before it ends */
};

static const struct slipring_cost one_cent = {.cost_nanodollars = 10000000};

static void live_and_die(void *argument)
{
    const struct life *life = argument;
    struct slipring_primitive *work = primitive_of("work");
    for (uint32_t i = 0; i < life->records; i++) {
        slipring_record(work, 1000000, SLIPRING_SUCCESS, &one_cent);
    }
    for (uint32_t i = 0; i < life->spans; i++) {
        (void)slipring_begin(work);
    }
    if (!life->is_clean) {
        (void)kill(getpid(), SIGKILL);
    }
    CHECK_OK(slipring_close(rig_producer));
}

static void what_a_killed_process_recorded_counts_and_what_it_had_in_flight_is_aborted(void)
{
    struct life life = {.records = 1000, .spans = 7};
    (void)primitive_of("work");
    child_dies_by(child_start(live_and_die, &life), SIGKILL);
    rig_settle(&rig);
    const struct slipring_stats stats = rig_stats(&rig, "work");
    CHECK_EQUAL(stats.count, 1000);
    CHECK_EQUAL(stats.cost_nanodollars, 1000 * one_cent.cost_nanodollars);
    CHECK_EQUAL(stats.aborted, 7);
    CHECK_EQUAL(stats.active, 0);
    CHECK_EQUAL(stats.lifetime.n, 1000); /* not in the histogram */
    CHECK_EQUAL(rings_not_free(), 0);
    CHECK_EQUAL(other_slots(), 0);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").aborted, 7);
}

static void a_living_process_is_left_alone(void)
{
    struct slipring_span span = slipring_begin(primitive_of("work"));
    rig_settle(&rig);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").active, 1);
    CHECK_EQUAL(rig_stats(&rig, "work").aborted, 0);
    CHECK_EQUAL(rig_figures(&rig).processes, 1);
    CHECK_EQUAL(rig_figures(&rig).rings_in_use, 1);
    slipring_end(&span, SLIPRING_SUCCESS, NULL);
}

/* Also when a taker's hint came after the agent's: it looks again each second. */
static void those_who_look_for_a_slot_are_told_of_the_lowest_that_is_free(void)
{
    _Atomic uint32_t *cursor = &sr_segment_header(segment())->hint.slot_cursor;
    atomic_store(cursor, 900);
    reaper_run(rig.reaper, 2000);
    const uint32_t lowest = atomic_load(cursor);
    CHECK(lowest <= 1);
    CHECK_EQUAL(sr_census_state(agent_store_rings(rig.store), lowest), SR_SLOT_FREE);
    CHECK(lowest == 0 || sr_census_state(agent_store_rings(rig.store), 0) != SR_SLOT_FREE);
}

static void a_process_that_closed_its_store_gives_back_all(void)
{
    struct life life = {.records = 10, .spans = 0, .is_clean = true};
    (void)primitive_of("work");
    child_run(live_and_die, &life);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 10);
    CHECK_EQUAL(rings_not_free(), 0);
    CHECK_EQUAL(other_slots(), 0);
}

static void aborted_executions_are_bad_for_every_objective(void)
{
    const struct slipring_slo slo = {.target_ppb = SLIPRING_TARGET(0.5),
                                     .availability_ppb = SLIPRING_TARGET(0.5),
                                     .latency_threshold_ns = RIG_SECOND};
    struct life life = {.records = 30, .spans = 10};
    CHECK_OK(slipring_slo_configure(primitive_of("work"), &slo));
    child_dies_by(child_start(live_and_die, &life), SIGKILL);
    rig_settle(&rig);
    const struct slipring_stats_detail detail = rig_detail(&rig, "work");
    for (uint32_t i = 0; i < 2; i++) {
        CHECK_EQUAL(detail.objectives[i].good, 30);
        CHECK_EQUAL(detail.objectives[i].total, 40);
    }
    CHECK(rig_stats(&rig, "work").slo_compliance == 0.75);
}

static void generation_after_generation_goes_through_the_same_ring_and_slot(void)
{
    for (uint32_t i = 1; i <= 20; i++) {
        struct life life = {.records = 50 * i, .spans = i % 3};
        (void)primitive_of("work");
        child_dies_by(child_start(live_and_die, &life), SIGKILL);
        rig_settle(&rig);
    }
    CHECK_EQUAL(rig_stats(&rig, "work").count, 50 * 210);
    CHECK_EQUAL(rig_stats(&rig, "work").aborted, 21);
    CHECK_EQUAL(rings_not_free(), 0);
    CHECK_EQUAL(sr_life_generation(RIG_WORD(&rig, ring, 0, SR_RING_LIFE)), 20);
}

static void a_ring_that_serves_many_primitives_keeps_their_extremes_and_bounds_apart(void)
{
    for (uint64_t i = 40; i >= 1; i--) { /* more owners with a bound of their own than a table has places */
        char name[16];
        struct slipring_primitive *own = NULL;
        (void)snprintf(name, sizeof name, "p%u", (unsigned)i);
        CHECK_OK(slipring_primitive_get(rig_producer, name, NULL, &own));
        const struct slipring_slo slo = {.target_ppb = SLIPRING_TARGET(0.9),
                                         .latency_threshold_ns = 2000000 + i};
        CHECK_OK(slipring_slo_configure(own, &slo));
        rig_settle(&rig);
        for (uint64_t sample = 0; sample < 700; sample++) { /* some of them spill */
            slipring_record(own, 2000000 + 2 * i * (sample % 2), SLIPRING_SUCCESS, NULL);
        }
        CHECK_OK(slipring_close(rig_producer)); /* gives the ring back */
        rig_settle(&rig);
        CHECK_OK(slipring_open(rig.options.store, &rig_producer));
        CHECK_EQUAL(rig_stats(&rig, name).min_ns, 2000000);
        CHECK_EQUAL(rig_stats(&rig, name).max_ns, 2000000 + 2 * i);
        CHECK_EQUAL(rig_detail(&rig, name).objectives[0].good, 350);
    }
    CHECK_EQUAL(rig_figures(&rig).bound_lost, 0);
    CHECK_EQUAL(rings_in(SR_RING_EMPTY), SR_RING_MAX - 1);
}

/* --- threads -------------------------------------------------------------------------------------------------------------- */

static void *record_some(void *argument)
{
    for (int i = 0; i < 10; i++) {
        slipring_record(argument, 5, SLIPRING_SUCCESS, NULL);
    }
    return NULL;
}

static void run_thread(struct slipring_primitive *primitive)
{
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, record_some, primitive), 0);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
}

static void the_ring_of_an_ended_thread_waits_a_period_for_the_next_one_and_is_then_given_back(void)
{
    struct slipring_primitive *work = primitive_of("work");
    run_thread(work);
    reaper_run(rig.reaper, rig.now_ns += RIG_SECOND);
    CHECK_EQUAL(rings_in(SR_RING_RELEASED), 1);
    run_thread(work); /* takes it up again */
    CHECK_EQUAL(rings_in(SR_RING_RELEASED), 1);
    CHECK_EQUAL(rings_in(SR_RING_EMPTY), SR_RING_MAX - 1);
    reaper_run(rig.reaper, rig.now_ns += RIG_SECOND);
    reaper_run(rig.reaper, rig.now_ns += RIG_SECOND);
    CHECK_EQUAL(rings_in(SR_RING_FREE), 1);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 20);
}

static void a_freed_ring_tells_producers_that_trying_again_may_pay(void)
{
    const _Atomic uint64_t *epoch = &sr_segment_header(segment())->control.reserve_epoch;
    run_thread(primitive_of("work"));
    reaper_run(rig.reaper, rig.now_ns += RIG_SECOND);
    const uint64_t before = *epoch;
    reaper_run(rig.reaper, rig.now_ns += RIG_SECOND);
    CHECK(*epoch > before);
}

/* --- states that a death leaves, by hand ------------------------------------------------------------------------------------ */

/* A dead owner's slot that still is OWNED, and one ring of it that spilled; returns the ring. */
static uint32_t leave_a_dead_ring(uint32_t records)
{
    struct life life = {.records = records, .spans = 0};
    (void)primitive_of("work");
    child_dies_by(child_start(live_and_die, &life), SIGKILL);
    for (uint32_t ring = 0; ring < SR_RING_MAX; ring++) {
        if (sr_state_of(*sr_segment_ring_state(segment(), ring)) == SR_RING_OWNED) {
            return ring;
        }
    }
    check_fail(__FILE__, __LINE__, "the dead process left no ring");
    return 0;
}

/* spill.h G1, killed in (4): the sum is new, the cell or the rest is old. */
static void a_dead_owners_committed_update_is_settled(void)
{
    const uint32_t ring = leave_a_dead_ring(172);
    struct sr_producer_line_shm *line = sr_segment_producer_line(segment(), ring);
    _Atomic uint64_t *block = sr_segment_spill(segment(), ring);
    CHECK_EQUAL(block[sr_spill_key_word(line->redo_key)], 2);
    block[sr_spill_key_word(line->redo_key)] = 1; /* as if they had not been stored yet */
    block[SR_SPILL_COST] -= one_cent.cost_nanodollars;
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 172);
    CHECK_EQUAL(rig_stats(&rig, "work").sum_ns[0], 172 * 1000000);
    CHECK_EQUAL(rig_stats(&rig, "work").cost_nanodollars, 172 * one_cent.cost_nanodollars);
}

/* Killed between (2) and (3): intent is written, the sum is old. */
static void a_dead_owners_uncommitted_update_never_happened(void)
{
    const uint32_t ring = leave_a_dead_ring(172);
    struct sr_producer_line_shm *line = sr_segment_producer_line(segment(), ring);
    line->redo_key = (line->redo_key + (UINT64_C(1) << SR_REDO_VALUE_SHIFT)) ^ SR_REDO_TURN;
    line->redo_cost += 77;
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 172);
    CHECK_EQUAL(rig_stats(&rig, "work").sum_ns[0], 172 * 1000000);
    CHECK_EQUAL(rig_stats(&rig, "work").cost_nanodollars, 172 * one_cent.cost_nanodollars);
}

/* Folded, not freed: everything is booked, and the block may hold anything. */
static void a_folded_ring_is_freed_and_never_read_again(void)
{
    const uint32_t ring = leave_a_dead_ring(200);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 200);
    _Atomic uint64_t *state = sr_segment_ring_state(segment(), ring);
    *state = (*state & ~UINT64_C(0xff)) | SR_RING_REAPING;
    sr_segment_producer_line(segment(), ring)->tail += 5;
    rig_drop(&rig);
    rig_open(&rig);
    rig_settle(&rig);
    CHECK_EQUAL(rings_not_free(), 0);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 200);
    sr_segment_producer_line(segment(), ring)->tail -= 5;
}

/* REAPING, not folded: an agent was killed right after it had taken the ring. */
static void a_ring_that_was_being_reaped_is_folded_by_the_next_agent(void)
{
    const uint32_t ring = leave_a_dead_ring(200);
    _Atomic uint64_t *state = sr_segment_ring_state(segment(), ring);
    *state = (*state & ~UINT64_C(0xff)) | SR_RING_REAPING;
    rig_drop(&rig);
    rig_open(&rig);
    rig_settle(&rig);
    CHECK_EQUAL(rings_not_free(), 0);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 200);
}

static void a_claim_that_its_process_did_not_finish_is_undone(void)
{
    const uint32_t ring = leave_a_dead_ring(10);
    const uint32_t slot = sr_state_slot(*sr_segment_ring_state(segment(), ring));
    *sr_segment_ring_state(segment(), 100) = sr_state_word(1, slot, SR_RING_CLAIMING); /* no pages yet */
    CHECK_OK(sr_segment_reserve_ring(&agent_store_rings(rig.store)->segment, 40));
    *sr_segment_ring_state(segment(), 40) = sr_state_word(1, slot, SR_RING_CLAIMING);
    *sr_segment_ring_state(segment(), 41) = sr_state_word(1, slot, SR_RING_OFFERED);
    rig_settle(&rig);
    CHECK_EQUAL(sr_state_of(*sr_segment_ring_state(segment(), 100)), SR_RING_EMPTY);
    CHECK_EQUAL(sr_state_of(*sr_segment_ring_state(segment(), 40)), SR_RING_FREE);
    CHECK_EQUAL(sr_state_of(*sr_segment_ring_state(segment(), 41)), SR_RING_FREE);
}

static void a_registration_that_its_process_did_not_finish_is_emptied(void)
{
    const uint32_t ring = leave_a_dead_ring(10);
    const uint32_t slot = sr_state_slot(*sr_segment_ring_state(segment(), ring));
    *sr_segment_registry_key(segment(), 2) = sr_state_word(77, slot, SR_REGISTRY_CLAIMING);
    *sr_segment_registry_key(segment(), 3) = sr_state_word(78, SR_SLOT_NONE, SR_REGISTRY_CLAIMING);
    sr_segment_header(segment())->hint.registry_high = 4;
    rig_settle(&rig);
    CHECK_EQUAL(*sr_segment_registry_key(segment(), 2), SR_REGISTRY_EMPTY);
    CHECK_EQUAL(sr_state_of(*sr_segment_registry_key(segment(), 3)), SR_REGISTRY_CLAIMING); /* whose is it? */
}

static void what_a_living_process_is_claiming_is_left_alone(void)
{
    slipring_record(primitive_of("work"), 1, SLIPRING_SUCCESS, NULL);
    const uint32_t slot = sr_state_slot(*sr_segment_ring_state(segment(), 0));
    *sr_segment_ring_state(segment(), 100) = sr_state_word(1, slot, SR_RING_CLAIMING);
    rig_settle(&rig);
    CHECK_EQUAL(sr_state_of(*sr_segment_ring_state(segment(), 100)), SR_RING_CLAIMING);
    *sr_segment_ring_state(segment(), 100) = SR_RING_EMPTY;
}

static void a_shared_update_that_died_half_way_is_told_as_torn(void)
{
    (void)leave_a_dead_ring(10);
    sr_segment_shared_spill(segment(), 1)[SR_SPILL_ENTER] += 1;
    rig_settle(&rig);
    rig_settle(&rig);
    CHECK_EQUAL(rig_figures(&rig).samples_torn, 1);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 10);
}

/* --- a full file system ---------------------------------------------------------------------------------------------------- */

static void without_room_for_the_books_a_dead_process_waits_and_nothing_is_lost(void)
{
    struct life life = {.records = 500, .spans = 3};
    faults_arm(0, 0, 0);
    (void)primitive_of("first");
    rig_settle(&rig);
    (void)primitive_of("work");
    child_dies_by(child_start(live_and_die, &life), SIGKILL);
    faults_arm(0, 1000, ENOSPC);
    rig_settle(&rig);
    CHECK_EQUAL(rings_in(SR_RING_REAPING), 1);
    CHECK_EQUAL(other_slots(), 1);
    CHECK_EQUAL(rig_count_of(&rig, "work"), 0);
    CHECK(rig_figures(&rig).reserve_failures > 0);
    faults_arm(0, 0, 0);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 500);
    CHECK_EQUAL(rig_stats(&rig, "work").aborted, 3);
    CHECK_EQUAL(other_slots(), 0);
}

static uint32_t times_said(int log, const char *what)
{
    char text[65536] = "";
    uint32_t times = 0;
    CHECK(pread(log, text, sizeof text - 1, 0) >= 0);
    for (const char *at = strstr(text, what); at; at = strstr(at + 1, what)) {
        times++;
    }
    return times;
}

static void a_shortage_of_pages_is_told_of_when_it_begins_and_when_it_is_over(void)
{
    const int log = memfd_create("log", MFD_CLOEXEC);
    CHECK(log >= 0 && dup2(log, STDERR_FILENO) >= 0);
    log_set_level(LOG_INFO);
    faults_arm(0, 0, 0);
    struct slipring_primitive *work = primitive_of("work");
    slipring_record(work, 1, SLIPRING_SUCCESS, NULL);
    rig_settle(&rig);
    slipring_record(work, RIG_SECOND, SLIPRING_SUCCESS, NULL); /* cells on another page */
    faults_arm(0, 1000, ENOSPC);
    for (int i = 0; i < 100; i++) {
        rig_tick(&rig, RIG_SECOND / 10);
    }
    CHECK_EQUAL(times_said(log, "no room for the books"), 1);
    CHECK_EQUAL(times_said(log, "there is room for the books again"), 0);
    CHECK(rig_figures(&rig).reserve_failures > 5); /* each second's refusal counts */
    faults_arm(0, 0, 0);
    for (int i = 0; i < 30; i++) {
        rig_tick(&rig, RIG_SECOND / 10);
    }
    CHECK_EQUAL(times_said(log, "no room for the books"), 1);
    CHECK_EQUAL(times_said(log, "there is room for the books again"), 1);
    close(log);
}

/* --- agents that are killed while they reap --------------------------------------------------------------------------------- */

#if SR_CRASHPOINTS_BUILT
static void reap_until_killed(void *point)
{
    sr_crashpoint_arm(*(const enum sr_crashpoint *)point, 1);
    rig_open(&rig);
    rig_settle(&rig);
}

static void an_agent_killed_anywhere_while_it_reaps_aborts_once_and_folds_once(void)
{
    static const enum sr_crashpoint points[] = {
        SR_CRASHPOINT_reaper_slot_seized,    SR_CRASHPOINT_reaper_ring_reaping,
        SR_CRASHPOINT_reaper_ring_folded,    SR_CRASHPOINT_reaper_slot_folded,
        SR_CRASHPOINT_journal_committed,     SR_CRASHPOINT_journal_half_applied,
        SR_CRASHPOINT_drain_heads_published, SR_CRASHPOINT_drain_journal_cleared};
    struct life life = {.records = 300, .spans = 2};
    (void)primitive_of("work");
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(points); i++) {
        enum sr_crashpoint point = points[i];
        rig_drop(&rig);
        child_dies_by(child_start(live_and_die, &life), SIGKILL);
        child_dies_by(child_start(reap_until_killed, &point), SIGKILL);
        rig_open(&rig);
        rig_settle(&rig);
        CHECK_EQUAL(rig_stats(&rig, "work").count, 300 * (i + 1));
        CHECK_EQUAL(rig_stats(&rig, "work").aborted, 2 * (i + 1));
        CHECK_EQUAL(rig_stats(&rig, "work").active, 0);
        CHECK_EQUAL(other_slots(), 0);
        CHECK_EQUAL(rings_not_free(), 0);
        rig_expect_balance(&rig);
    }
}

/* spill.h G1 by real kills: all of an update counts, or nothing of it. */
static void spill_until_killed(void *point)
{
    struct slipring_primitive *work = primitive_of("work");
    for (int i = 0; i < 512; i++) {
        slipring_record(work, 1000000, SLIPRING_SUCCESS, &one_cent);
    }
    sr_crashpoint_arm(*(const enum sr_crashpoint *)point, 10);
    for (uint64_t i = 1; i < 100; i++) {
        slipring_record(work, 1000000, SLIPRING_SUCCESS, &one_cent);
    }
}

static void a_producer_killed_anywhere_in_an_update_counts_it_wholly_or_not_at_all(void)
{
    static const enum sr_crashpoint points[] = {SR_CRASHPOINT_spill_after_intent,
                                                SR_CRASHPOINT_spill_before_commit,
                                                SR_CRASHPOINT_spill_after_commit};
    uint64_t want = 0;
    (void)primitive_of("work");
    for (uint32_t i = 0; i < 9; i++) {
        enum sr_crashpoint point = points[i % 3];
        child_dies_by(child_start(spill_until_killed, &point), SIGKILL);
        rig_settle(&rig);
        want += point == SR_CRASHPOINT_spill_after_commit ? 512 + 10 : 512 + 9;
        CHECK_EQUAL(rig_stats(&rig, "work").count, want);
        CHECK_EQUAL(rig_stats(&rig, "work").sum_ns[0], want * 1000000);
        CHECK_EQUAL(rig_stats(&rig, "work").cost_nanodollars, want * one_cent.cost_nanodollars);
        CHECK_EQUAL(rig_detail(&rig, "work").bounds[0].count, want);
    }
}
#endif

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(what_a_killed_process_recorded_counts_and_what_it_had_in_flight_is_aborted),
        RIG_TEST(a_living_process_is_left_alone),
        RIG_TEST(a_process_that_closed_its_store_gives_back_all),
        RIG_TEST(aborted_executions_are_bad_for_every_objective),
        RIG_TEST(those_who_look_for_a_slot_are_told_of_the_lowest_that_is_free),
        RIG_TEST(generation_after_generation_goes_through_the_same_ring_and_slot),
        RIG_TEST(a_ring_that_serves_many_primitives_keeps_their_extremes_and_bounds_apart),
        RIG_TEST(the_ring_of_an_ended_thread_waits_a_period_for_the_next_one_and_is_then_given_back),
        RIG_TEST(a_freed_ring_tells_producers_that_trying_again_may_pay),
        RIG_TEST(a_dead_owners_committed_update_is_settled),
        RIG_TEST(a_dead_owners_uncommitted_update_never_happened),
        RIG_TEST(a_folded_ring_is_freed_and_never_read_again),
        RIG_TEST(a_ring_that_was_being_reaped_is_folded_by_the_next_agent),
        RIG_TEST(a_claim_that_its_process_did_not_finish_is_undone),
        RIG_TEST(a_registration_that_its_process_did_not_finish_is_emptied),
        RIG_TEST(what_a_living_process_is_claiming_is_left_alone),
        RIG_TEST(a_shared_update_that_died_half_way_is_told_as_torn),
        RIG_TEST(without_room_for_the_books_a_dead_process_waits_and_nothing_is_lost),
#if SR_CRASHPOINTS_BUILT
        RIG_TEST(an_agent_killed_anywhere_while_it_reaps_aborts_once_and_folds_once),
        RIG_TEST(a_producer_killed_anywhere_in_an_update_counts_it_wholly_or_not_at_all),
#endif
        RIG_TEST(a_shortage_of_pages_is_told_of_when_it_begins_and_when_it_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
