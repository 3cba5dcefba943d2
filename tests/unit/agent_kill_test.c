/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's core killed at each of its crash points, each time that it comes there: while it books what is in a living process's rings, what that
 * spilled, its spans and shared spills, and reaps a dead one. Whatever the kill left, the next agent's books are exact.
 *
 * ctest-needs: crashpoints
 *
 * One function a point: so that a mutant's run (tests/mutants/) takes the one that has to notice. (The daemon, killed at the
 * same points under load and wherever it stands: crash/agent_kill.py.) */
#include <signal.h>
#include <unistd.h>

#include <slipring/slipring.h>

#include "agent/drain/drain.h"
#include "base/crashpoint.h"
#include "peer/census.h"
#include "support/child.h"
#include "support/place.h"
#include "support/rig.h"

#define MS      UINT64_C(1000000)
#define RECORDS 600u                     /* more than a small ring holds: some spill */
#define FAR_NS  UINT64_C(86400000000000) /* a day: outside of a small block's window, for the shared spill */

static const struct slipring_cost one_cent = {.cost_nanodollars = 10000000};

/* What the books have to say of "work". */
struct want {
    uint64_t count;
    uint64_t sum_ns;
    uint64_t aborted;
    uint64_t active;
};

static struct slipring_primitive *work(void)
{
    struct slipring_primitive *primitive = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, "work", NULL, &primitive));
    return primitive;
}

/* The first of them under the trace of this number; 0: none. */
static void record(uint32_t count, uint8_t number)
{
    struct slipring_trace trace = {.flags = SLIPRING_TRACE_SAMPLED, .span_id = {1}};
    trace.trace_id[0] = number;
    slipring_record_traced(work(), MS, SLIPRING_SUCCESS, &one_cent, &trace);
    for (uint32_t i = 1; i < count; i++) {
        slipring_record(work(), MS, SLIPRING_SUCCESS, &one_cent);
    }
}

/* Dies with samples in its ring, in its spill and in the shared spill, and with spans in flight: of its ring; of its slot, begun
 * while the ring was busy. */
static void live_and_die(void *unused)
{
    (void)unused;
    struct slipring_reservation reservation;
    record(RECORDS, 0);
    slipring_record(work(), FAR_NS, SLIPRING_SUCCESS, &one_cent);
    (void)slipring_begin(work());
    struct slipring_primitive *other = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, "other", NULL, &other));
    slipring_record(other, MS, SLIPRING_SUCCESS, NULL);
    slipring_reserve(other, &reservation);
    (void)slipring_begin(other);
    (void)kill(getpid(), SIGKILL);
}

static void live_once(struct want *want, uint64_t *lives)
{
    child_dies_by(child_start(live_and_die, NULL), SIGKILL);
    want->count += RECORDS + 1;
    want->sum_ns += RECORDS * MS + FAR_NS;
    want->aborted++;
    *lives += 1;
}

struct killing {
    enum sr_crashpoint point;
    uint32_t nth;
};

static void serve_until_killed(void *argument)
{
    const struct killing *killing = argument;
    sr_crashpoint_arm(killing->point, killing->nth);
    rig_open(&rig);
    rig_settle(&rig);
}

static void expect(const struct want *want, uint64_t others)
{
    const struct slipring_stats stats = rig_stats(&rig, "work");
    const struct slipring_stats_detail detail = rig_detail(&rig, "work");
    CHECK_EQUAL(stats.count, want->count);
    CHECK_EQUAL(stats.sum_ns[0], want->sum_ns);
    CHECK_EQUAL(stats.cost_nanodollars, want->count * one_cent.cost_nanodollars);
    CHECK_EQUAL(stats.aborted, want->aborted);
    CHECK_EQUAL(stats.active, want->active);
    CHECK_EQUAL(detail.bounds[0].count + others, want->count);
    CHECK_EQUAL(rig_stats(&rig, "other").count, others);
    CHECK_EQUAL(rig_stats(&rig, "other").aborted, others);
    CHECK_EQUAL(rig_stats(&rig, "other").active, 0);
    rig_expect_balance(&rig);
}

/* Booked together with its execution (exemplars.h G1): the last one before the kill, or the one after it, which may have found a full ring. Of equals the
 * later one is kept. */
static void expect_trace(uint32_t nth)
{
    const struct slipring_exemplars kept = rig_exemplars(&rig, "work");
    CHECK_EQUAL(kept.slowest_count, 1);
    CHECK(kept.slowest[0].trace_id[0] == 2 * nth - 1 || kept.slowest[0].trace_id[0] == 2 * nth);
    CHECK_EQUAL(kept.slowest[0].duration_ns, MS);
    CHECK_EQUAL(kept.bucket_slowest[0].trace_id[0], kept.slowest[0].trace_id[0]);
}

/* The head that the next agent found in its words stands in the ring, or a full ring stays full. */
static void expect_heads(void)
{
    const struct sr_drain *rings = agent_store_rings(rig.store);
    for (uint32_t ring = 0; ring < SR_RING_MAX; ring++) {
        if (sr_drain_is_reserved(rings, ring)) {
            CHECK_EQUAL(sr_drain_head(rings, ring), RIG_WORD(&rig, ring, ring, SR_RING_HEAD));
        }
    }
}

/* Nothing is left but the test's own slot and ring. */
static void expect_all_given_back(void)
{
    uint32_t rings = 0;
    uint32_t slots = 0;
    for (uint32_t ring = 0; ring < SR_RING_MAX; ring++) {
        const uint32_t state = sr_state_of(sr_drain_state(agent_store_rings(rig.store), ring));
        rings += state != SR_RING_FREE && state != SR_RING_EMPTY && state != SR_RING_OFFERED;
    }
    for (uint32_t slot = 0; slot < SR_SLOT_MAX; slot++) {
        slots += sr_census_state(agent_store_rings(rig.store), slot) != SR_SLOT_FREE;
    }
    CHECK_EQUAL(rings, 1);
    CHECK_EQUAL(slots, 1);
}

/* The first time that it comes there, the second, and so on, until it comes there no more. */
static void kill_at(enum sr_crashpoint point)
{
    struct want want = {.active = 1};
    uint64_t lives = 0;
    bool has_survived = false;
    (void)slipring_begin(work());
    live_once(&want, &lives); /* so that each agent that is killed finds the same to do */
    rig_settle(&rig);
    for (uint32_t nth = 1; !has_survived; nth++) {
        struct killing killing = {.point = point, .nth = nth};
        rig_drop(&rig);
        record(RECORDS, (uint8_t)(2 * nth - 1));
        live_once(&want, &lives);
        const int end = child_wait(child_start(serve_until_killed, &killing));
        CHECK(end == 0 || end == 1000 + SIGKILL);
        has_survived = end == 0;
        CHECK(nth > 1 || !has_survived);
        record(RECORDS, (uint8_t)(2 * nth)); /* into what the dead agent gave free */
        rig_open(&rig);
        expect_heads();
        rig_settle(&rig);
        want.count += 2 * RECORDS;
        want.sum_ns += 2 * RECORDS * MS;
        expect(&want, lives);
        expect_trace(nth);
        expect_all_given_back();
    }
    print_message("killed %u times\n", (unsigned)lives - 2);
}

#define KILLED_AT(name, point)                                                                               \
    static void name(void)                                                                                   \
    {                                                                                                        \
        kill_at(SR_CRASHPOINT_##point);                                                                      \
    }

KILLED_AT(killed_with_a_batch_that_is_not_committed, journal_filled)
KILLED_AT(killed_with_a_batch_that_is_committed, journal_committed)
KILLED_AT(killed_with_a_batch_that_is_half_applied, journal_half_applied)
KILLED_AT(killed_with_a_batch_that_is_applied, journal_applied)
KILLED_AT(killed_with_heads_published, drain_heads_published)
KILLED_AT(killed_with_the_journal_cleared, drain_journal_cleared)
KILLED_AT(killed_with_exemplars_that_are_not_published, publish_before_exemplars)
KILLED_AT(killed_with_a_slot_seized, reaper_slot_seized)
KILLED_AT(killed_with_a_ring_taken_over, reaper_ring_reaping)
KILLED_AT(killed_with_rings_folded, reaper_ring_folded)
KILLED_AT(killed_with_a_slot_folded, reaper_slot_folded)

/* The ring segment was removed under the books (slipring rm, a logout), and made anew. */
static void killed_with_the_words_of_a_former_segment_cleared(void)
{
    struct killing killing = {.point = SR_CRASHPOINT_store_remade_words_cleared, .nth = 1};
    char path[PATH_MAX];
    record(RECORDS, 0);
    rig_settle(&rig);
    rig_drop(&rig);
    place_path(path, rig.options.store, "ring");
    CHECK_EQUAL(unlink(path), 0);
    child_dies_by(child_start(serve_until_killed, &killing), SIGKILL);
    rig_open(&rig);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").count, RECORDS);
    rig_expect_balance(&rig);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(killed_with_a_batch_that_is_not_committed),
        RIG_TEST(killed_with_a_batch_that_is_committed),
        RIG_TEST(killed_with_a_batch_that_is_half_applied),
        RIG_TEST(killed_with_a_batch_that_is_applied),
        RIG_TEST(killed_with_heads_published),
        RIG_TEST(killed_with_the_journal_cleared),
        RIG_TEST(killed_with_exemplars_that_are_not_published),
        RIG_TEST(killed_with_a_slot_seized),
        RIG_TEST(killed_with_a_ring_taken_over),
        RIG_TEST(killed_with_rings_folded),
        RIG_TEST(killed_with_a_slot_folded),
        RIG_TEST(killed_with_the_words_of_a_former_segment_cleared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
