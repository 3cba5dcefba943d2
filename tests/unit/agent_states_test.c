/* SPDX-License-Identifier: Apache-2.0 */
/* States that the agent meets, built by hand, for the rules that no other test of it would miss: rings that it settles without having drained them,
 * successive owners, spans that outlive what they began in, shared spills under way. Each is a rule that tests/mutants/ breaks. */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <slipring/slipring.h>

#include "agent/drain/drain.h"
#include "agent/drain/drain_parts.h"
#include "api/process.h"
#include "peer/catalog.h"
#include "support/child.h"
#include "support/place.h"
#include "support/rig.h"
#include "support/trap.h"

#define MS UINT64_C(1000000)

static struct slipring_primitive *work(void)
{
    struct slipring_primitive *primitive = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, "work", NULL, &primitive));
    return primitive;
}

static struct sr_segment *segment(void)
{
    return &agent_store_rings(rig.store)->segment;
}

static uint32_t state_of(uint32_t ring)
{
    return sr_state_of(*sr_segment_ring_state(segment(), ring));
}

static void publish(void)
{
    publisher_run(rig.publisher, rig.now_ns);
}

/* --- lives of a ring --------------------------------------------------------------------------------------------------------------- */

#define RECORDS 700u /* more than a small ring holds */

static void record_and_die(void *duration_ns)
{
    for (uint32_t i = 0; i < RECORDS; i++) {
        slipring_record(work(), *(const uint64_t *)duration_ns, SLIPRING_SUCCESS, NULL);
    }
    (void)kill(getpid(), SIGKILL);
}

/* Each lays the window of its small block elsewhere; the cells below go on. */
static void what_successive_owners_of_a_ring_spill_adds_up(void)
{
    uint64_t durations_ns[] = {MS, 1000000 * MS, 17, MS};
    uint64_t sum = 0;
    (void)work();
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(durations_ns); i++) {
        child_dies_by(child_start(record_and_die, &durations_ns[i]), SIGKILL);
        rig_settle(&rig);
        sum += RECORDS * durations_ns[i];
        CHECK_EQUAL(rig_figures(&rig).rings_quarantined, 0);
        CHECK_EQUAL(rig_stats(&rig, "work").count, (i + 1) * RECORDS);
        CHECK_EQUAL(rig_stats(&rig, "work").sum_ns[0], sum);
    }
    CHECK_EQUAL(sr_life_generation(RIG_WORD(&rig, ring, 0, SR_RING_LIFE)), SR_ARRAY_COUNT(durations_ns));
    CHECK_EQUAL(RIG_WORD(&rig, book, 1, SR_BOOK_CELLS + sr_bucket_index(17)), RECORDS);
    CHECK_EQUAL(RIG_WORD(&rig, book, 1, SR_BOOK_CELLS + sr_bucket_index(MS)), 2 * RECORDS);
    CHECK_EQUAL(RIG_WORD(&rig, book, 1, SR_BOOK_CELLS + sr_bucket_index(1000000 * MS)), RECORDS);
}

#define MANY 3000u /* words, more than a visit takes: INTAKE_WORDS */

static void fill_a_mid_ring_and_die(void *unused)
{
    (void)unused;
    struct sr_ring ring;
    const struct sr_spill_sample sample = {.meta = SR_KIND_EXECUTION, .duration_ns = MS};
    slipring_record(work(), MS, SLIPRING_SUCCESS, NULL); /* takes a slot */
    CHECK_OK(sr_ring_claim(segment(), sr_process->attachments[rig_producer->index].slot.slot,
                           sr_handle_id(work()), SR_CLASS_mid, MS, &ring));
    for (uint32_t i = 0; i < MANY; i++) {
        CHECK(sr_ring_put(&ring, &sample));
    }
    (void)kill(getpid(), SIGKILL);
}

static void all_that_a_dead_owners_ring_holds_is_in_the_final_fold(void)
{
    (void)work();
    child_dies_by(child_start(fill_a_mid_ring_and_die, NULL), SIGKILL);
    reaper_run(rig.reaper, rig.now_ns += RIG_SECOND); /* nobody drained it before */
    publish();
    CHECK_EQUAL(rig_stats(&rig, "work").count, MANY + 1);
    CHECK_EQUAL(state_of(sr_ring_shapes[SR_CLASS_mid].first_ring), SR_RING_FREE);
}

static void a_dead_owners_ring_that_is_quarantined_is_nobodys(void)
{
    uint64_t duration_ns = MS;
    (void)work();
    child_dies_by(child_start(record_and_die, &duration_ns), SIGKILL);
    sr_segment_producer_line(segment(), 0)->tail += 5000;
    reaper_run(rig.reaper, rig.now_ns += RIG_SECOND);
    CHECK_EQUAL(state_of(0), SR_RING_QUARANTINED);
    publish();
    CHECK_EQUAL(rig_figures(&rig).rings_quarantined, 1);
    reaper_run(rig.reaper, rig.now_ns += RIG_SECOND);
    CHECK_EQUAL(state_of(0), SR_RING_QUARANTINED);
    CHECK_EQUAL(sr_segment_slot(segment(), 1)->state & 0xff,
                SR_SLOT_FREE); /* its process's slot is not lost with it */
}

/* By the durable words: its owner, who does not know, gave it back while there was no agent. */
static void a_quarantined_ring_is_so_for_the_next_agent(void)
{
    slipring_record(work(), MS, SLIPRING_SUCCESS, NULL);
    rig_settle(&rig);
    struct sr_producer_line_shm *line = sr_segment_producer_line(segment(), 0);
    const uint64_t tail = line->tail;
    line->tail += 5000;
    rig_settle(&rig);
    CHECK_EQUAL(state_of(0), SR_RING_QUARANTINED);
    _Atomic uint64_t *state = sr_segment_ring_state(segment(), 0);
    *state = (*state & ~UINT64_C(0xff)) | SR_RING_RELEASED;
    line->tail = tail + 1; /* and as if nothing had been */
    rig_drop(&rig);
    rig_open(&rig);
    rig_settle(&rig);
    CHECK_EQUAL(state_of(0), SR_RING_QUARANTINED);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 1);
}

static void a_ring_that_moved_on_since_the_look_stays_as_it_is(void)
{
    struct sr_drain *rings = agent_store_rings(rig.store);
    _Atomic uint64_t *state = sr_segment_ring_state(segment(), 0);
    slipring_record(work(), MS, SLIPRING_SUCCESS, NULL);
    const uint64_t owned = *state;
    const uint64_t released = (owned & ~UINT64_C(0xff)) | SR_RING_RELEASED;
    CHECK(!sr_drain_change_state(rings, 0, released, SR_RING_REAPING)); /* taken up again since */
    CHECK_EQUAL(*state, owned);
    CHECK(sr_drain_change_state(rings, 0, owned, SR_RING_RELEASED));
    CHECK_EQUAL(*state, released);
    *state = owned;
}

/* Differences are taken against what is committed. */
static void a_ring_that_is_visited_twice_in_a_batch_is_folded_once(void)
{
    struct sr_ring_sight sight;
    for (uint32_t visit = 0; visit < 2; visit++) {
        for (uint32_t i = 0; i < RECORDS; i++) {
            slipring_record(work(), MS, SLIPRING_SUCCESS, NULL);
        }
        CHECK(sr_drain_look(agent_store_rings(rig.store), 0, &sight));
        CHECK(intake_take_ring(drain_intake(rig.drain), 0, &sight, INTAKE_ALL, rig.now_ns += MS));
    }
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 2 * RECORDS);
}

/* --- spans ------------------------------------------------------------------------------------------------------------------------------ */

struct spans {
    uint32_t begun;
    uint32_t ended;
};

/* Without a ring: in the slot's table. */
static void begin_some_and_die(void *argument)
{
    const struct spans *spans = argument;
    for (uint32_t i = 0; i < spans->begun; i++) {
        struct slipring_span span = slipring_begin(work());
        if (i < spans->ended) {
            slipring_end(&span, SLIPRING_SUCCESS, NULL);
        }
    }
    (void)kill(getpid(), SIGKILL);
}

/* The reaper alone: nobody looked at the table before. */
static void the_span_table_of_a_slot_begins_anew_with_its_owner(void)
{
    const struct spans lives[] = {{5, 2}, {4, 1}, {1, 0}, {7, 7}, {2, 1}};
    uint64_t aborted = 0;
    (void)work();
    rig_settle(&rig);
    sr_drain_set_limits(agent_store_rings(rig.store), 10, 0); /* no ring for anybody */
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(lives); i++) {
        struct spans spans = lives[i];
        child_dies_by(child_start(begin_some_and_die, &spans), SIGKILL);
        reaper_run(rig.reaper, rig.now_ns += RIG_SECOND);
        publish();
        aborted += spans.begun - spans.ended;
        CHECK_EQUAL(rig_stats(&rig, "work").aborted, aborted);
        CHECK_EQUAL(rig_stats(&rig, "work").active, 0);
    }
    CHECK_EQUAL(RIG_WORD(&rig, slot, 1, SR_SLOT_LIFE), sr_life(SR_ARRAY_COUNT(lives), 0, SR_PHASE_FOLDED));
}

/* Ends that the spill tells of, while the agent looks. */
static uint64_t looks_ns;

static void begin_and_end(void *unused)
{
    (void)unused;
    struct slipring_span span = slipring_begin(work());
    slipring_end(&span, SLIPRING_SUCCESS, NULL);
}

static void take_the_ring(void *unused)
{
    (void)unused;
    struct sr_ring_sight sight;
    const uint32_t ring = sr_ring_shapes[SR_CLASS_direct].first_ring;
    CHECK(sr_drain_look(agent_store_rings(rig.store), ring, &sight));
    CHECK(intake_take_ring(drain_intake(rig.drain), ring, &sight, INTAKE_LIVE, looks_ns += MS));
    books_commit(rig.books);
}

static void no_span_that_spills_is_seen_to_end_before_it_began(void)
{
    if (!trap_is_possible()) {
        print_message("no stepping in this build: not tried\n");
        return;
    }
    CHECK_OK(slipring_primitive_set_mode(work(), SLIPRING_DIRECT)); /* all of it spills */
    slipring_record(work(), MS, SLIPRING_SUCCESS, NULL);
    looks_ns = rig.now_ns + MS;
    begin_and_end(NULL);
    const uint32_t count = trap_learn(take_the_ring, NULL);
    for (uint32_t nth = 0; nth < count; nth += 3) {
        begin_and_end(NULL);
        (void)trap_at(take_the_ring, begin_and_end, NULL, nth);
        CHECK((int64_t)RIG_WORD(&rig, in_flight, 0, 1) >= 0);
    }
}

static struct slipring_span handed_over;

static void *begin_one(void *primitive)
{
    handed_over = slipring_begin(primitive);
    return NULL;
}

static void a_span_outlives_the_ring_that_it_began_in(void)
{
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, begin_one, work()), 0);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
    rig_settle(&rig);
    reaper_run(rig.reaper, rig.now_ns += RIG_SECOND);
    CHECK_EQUAL(state_of(0), SR_RING_FREE);
    publish();
    CHECK_EQUAL(rig_stats(&rig, "work").active, 1);
    slipring_end(&handed_over, SLIPRING_SUCCESS, NULL);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").active, 0);
    CHECK_EQUAL(RIG_WORD(&rig, in_flight, 0, 1), 0);
    CHECK_EQUAL(rig_stats(&rig, "work").aborted, 0);
}

/* --- shared spills ---------------------------------------------------------------------------------------------------------------------- */

static void an_update_that_is_under_way_is_not_torn(void)
{
    (void)work();
    rig_settle(&rig);
    _Atomic uint64_t *block = sr_segment_shared_spill(segment(), 1);
    for (uint32_t i = 0; i < 4; i++) { /* whenever the agent comes by, somebody is in the middle */
        block[SR_SPILL_ENTER] += 1;
        reaper_run(rig.reaper, rig.now_ns += RIG_SECOND);
        block[SR_SPILL_EXIT] += 1;
    }
    reaper_run(rig.reaper, rig.now_ns += RIG_SECOND);
    publish();
    CHECK_EQUAL(rig_figures(&rig).samples_torn, 0);
}

/* Killed between its cell and EXIT, and the agent had looked between ENTER and the cell. */
static void a_cell_that_came_after_the_agents_look_is_booked(void)
{
    (void)work();
    rig_settle(&rig);
    _Atomic uint64_t *block = sr_segment_shared_spill(segment(), 1);
    block[SR_SPILL_ENTER] += 1;
    rig_settle(&rig);
    block[SR_SPILL_CELLS + sr_bucket_index(MS)] += 1;
    reaper_run(rig.reaper, rig.now_ns += RIG_SECOND);
    publish();
    CHECK_EQUAL(rig_stats(&rig, "work").count, 1);
    CHECK_EQUAL(rig_figures(&rig).samples_torn, 1);
}

/* --- names --------------------------------------------------------------------------------------------------------------------------------- */

static void a_name_of_any_length_is_read_within_its_entry(void)
{
    const uint32_t lengths[] = {129, 4096, UINT32_C(1) << 20, UINT32_MAX};
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(lengths); i++) {
        char name[] = {'n', (char)('0' + i), '\0'};
        struct slipring_primitive *primitive = NULL;
        CHECK_OK(slipring_primitive_get(rig_producer, name, NULL, &primitive));
        sr_segment_entry(segment(), sr_handle_id(primitive))->name_bytes = lengths[i];
        slipring_record(primitive, MS, SLIPRING_SUCCESS, NULL);
    }
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "__overflow__").count, SR_ARRAY_COUNT(lengths));
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(what_successive_owners_of_a_ring_spill_adds_up),
        RIG_TEST(all_that_a_dead_owners_ring_holds_is_in_the_final_fold),
        RIG_TEST(a_dead_owners_ring_that_is_quarantined_is_nobodys),
        RIG_TEST(a_quarantined_ring_is_so_for_the_next_agent),
        RIG_TEST(a_ring_that_moved_on_since_the_look_stays_as_it_is),
        RIG_TEST(a_ring_that_is_visited_twice_in_a_batch_is_folded_once),
        RIG_TEST(the_span_table_of_a_slot_begins_anew_with_its_owner),
        RIG_TEST(no_span_that_spills_is_seen_to_end_before_it_began),
        RIG_TEST(a_span_outlives_the_ring_that_it_began_in),
        RIG_TEST(an_update_that_is_under_way_is_not_torn),
        RIG_TEST(a_cell_that_came_after_the_agents_look_is_booked),
        RIG_TEST(a_name_of_any_length_is_read_within_its_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
