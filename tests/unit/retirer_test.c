/* SPDX-License-Identifier: Apache-2.0 */
/* Giving memory back: agent/drain/retirer.h, each of its states built by hand, each of its steps killed, and what becomes of the
 * books. Twenty threads hold twenty rings at once; sixteen free ones are kept, so four are retired. */
#include "agent/drain/retirer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <slipring/slipring.h>

#include "agent/drain/drain.h"
#include "base/crashpoint.h"
#include "peer/audit.h"
#include "peer/inspect.h"
#include "support/check.h"
#include "support/child.h"
#include "support/faults.h"
#include "support/place.h"
#include "support/rig.h"
#include "system/guard.h"

#define THREADS     20u
#define KEPT        16u
#define GONE        (THREADS - KEPT)
#define RING        (THREADS - 1) /* one that goes */
#define SAMPLES     510u          /* and a mark of the clock: all that a small ring holds */
#define RECORDS     600u
#define BLOCK_BYTES (sr_ring_shapes[SR_CLASS_small].block_bytes)
#define DURATION_NS UINT64_C(1000000)

static struct sr_segment *segment(void)
{
    return &agent_store_rings(rig.store)->segment;
}

static struct slipring_primitive *primitive_of(const char *name)
{
    struct slipring_primitive *primitive = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, name, NULL, &primitive));
    return primitive;
}

static uint32_t rings_in(enum sr_ring_state state)
{
    uint32_t count = 0;
    for (uint32_t ring = 0; ring < SR_RING_MAX; ring++) {
        count += sr_state_of(*sr_segment_ring_state(segment(), ring)) == state;
    }
    return count;
}

static enum sr_ring_state state_of(uint32_t ring)
{
    return (enum sr_ring_state)sr_state_of(*sr_segment_ring_state(segment(), ring));
}

/* --- rings that nobody wants ------------------------------------------------------------------------------------------------ */

static pthread_barrier_t all_hold_a_ring;

static void *record_some(void *argument)
{
    for (uint32_t i = 0; i < RECORDS; i++) {
        slipring_record(argument, DURATION_NS, SLIPRING_SUCCESS, NULL);
    }
    (void)pthread_barrier_wait(&all_hold_a_ring);
    return NULL;
}

/* So many threads at once; then they end. */
static void record_in_threads(uint32_t count)
{
    pthread_t threads[THREADS];
    struct slipring_primitive *work = primitive_of("work");
    CHECK_EQUAL(pthread_barrier_init(&all_hold_a_ring, NULL, count), 0);
    for (uint32_t i = 0; i < count; i++) {
        CHECK_EQUAL(pthread_create(&threads[i], NULL, record_some, work), 0);
    }
    for (uint32_t i = 0; i < count; i++) {
        CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
    }
}

static void leave_free_rings(void)
{
    record_in_threads(THREADS);
    for (int i = 0; i < 3; i++) {
        reaper_run(rig.reaper, rig.now_ns += RIG_SECOND);
    }
    CHECK_EQUAL(rings_in(SR_RING_FREE), THREADS);
    CHECK_EQUAL(RIG_WORD(&rig, ring, RING, SR_RING_HAS_COPY), 1);
}

static void let_seconds_pass(uint32_t seconds)
{
    for (uint32_t i = 0; i < seconds; i++) {
        rig_tick(&rig, RIG_SECOND);
    }
}

static void expect_no_fault(void)
{
    struct sr_audit audit;
    CHECK_OK(sr_audit_take(rig.options.store, &audit));
    CHECK_EQUAL(audit.fault_count, 0);
    CHECK_EQUAL(sr_audit_difference(&audit), 0);
    CHECK(audit.is_exact);
    CHECK(!audit.is_truncated);
}

/* Everything that was ever recorded, and nothing else. */
static void expect_booked(uint64_t count)
{
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").count, count);
    CHECK_EQUAL(rig_stats(&rig, "work").sum_ns[0], count * DURATION_NS);
    CHECK_EQUAL(rig_figures(&rig).rings_quarantined, 0);
    rig_expect_balance(&rig);
    expect_no_fault();
}

static void expect_gone(uint32_t ring)
{
    CHECK_EQUAL(state_of(ring), SR_RING_EMPTY);
    CHECK(!sr_segment_ring_is_reserved(segment(), ring));
    CHECK_EQUAL(RIG_WORD(&rig, ring, ring, SR_RING_HAS_COPY), 0);
    uint32_t words = 0;
    CHECK(!sr_words_exist(&agent_store_books(rig.store)->words, sr_drain_copy_words(ring, &words)));
}

/* --- what happens ----------------------------------------------------------------------------------------------------------- */

static void rings_that_nobody_wanted_for_a_minute_give_their_pages_back_but_for_a_few(void)
{
    leave_free_rings();
    let_seconds_pass(2);
    const uint64_t rings_before = rig_figures(&rig).ring_segment_bytes;
    const uint64_t stats_before = rig_figures(&rig).stats_segment_bytes;
    let_seconds_pass(56);
    CHECK_EQUAL(rings_in(SR_RING_FREE), THREADS);
    let_seconds_pass(5);
    CHECK_EQUAL(rings_in(SR_RING_FREE), KEPT);
    for (uint32_t ring = KEPT; ring < THREADS; ring++) {
        expect_gone(ring);
    }
    CHECK_EQUAL(rig_figures(&rig).rings_retired, GONE);
    CHECK_EQUAL(rings_before - rig_figures(&rig).ring_segment_bytes, GONE * BLOCK_BYTES);
    CHECK_EQUAL(stats_before - rig_figures(&rig).stats_segment_bytes, GONE * SR_PAGE_BYTES);
    CHECK_EQUAL(RIG_WORD(&rig, store, 0, SR_STORE_RETIRED_SPILLED), GONE * (RECORDS - SAMPLES));
    CHECK_EQUAL(RIG_WORD(&rig, ring, RING, SR_RING_HEAD), SAMPLES + SR_MARK_WORDS); /* never reset */
    expect_booked(THREADS * RECORDS);
}

static void the_next_owner_of_a_retired_ring_spills_from_zero_and_is_counted_once(void)
{
    leave_free_rings();
    for (uint64_t round = 1; round <= 3; round++) {
        let_seconds_pass(65);
        CHECK_EQUAL(state_of(RING), SR_RING_EMPTY);
        /* The same cell with the same values as in the life before: what was seen of that one must not hide them. */
        record_in_threads(THREADS);
        expect_booked((round + 1) * THREADS * RECORDS);
        CHECK_EQUAL(sr_segment_producer_line(segment(), RING)->redo_sum >> 1,
                    (RECORDS - SAMPLES) * DURATION_NS);
        CHECK_EQUAL(rig_figures(&rig).rings_retired, round * GONE);
        reaper_run(rig.reaper, rig.now_ns += RIG_SECOND);
    }
}

static void what_is_wanted_now_and_then_stays(void)
{
    leave_free_rings();
    for (uint32_t round = 0; round < 4; round++) {
        let_seconds_pass(40);
        record_in_threads(THREADS);
        let_seconds_pass(4);
    }
    CHECK_EQUAL(rings_in(SR_RING_FREE), THREADS);
    CHECK_EQUAL(rig_figures(&rig).rings_retired, 0);
    expect_booked(5 * THREADS * RECORDS);
}

static void a_claimer_passes_a_retiring_ring_over_and_takes_the_hole_first_afterwards(void)
{
    leave_free_rings();
    let_seconds_pass(65);
    record_in_threads(KEPT + 1);
    for (int i = 0; i < 3; i++) {
        reaper_run(rig.reaper, rig.now_ns += RIG_SECOND);
    }
    CHECK_EQUAL(state_of(KEPT), SR_RING_FREE); /* the least hole, not one behind all that was ever used */
    _Atomic uint64_t *word = sr_segment_ring_state(segment(), 3);
    *word = (*word & ~UINT64_C(0xff)) | SR_RING_RETIRING;
    record_in_threads(KEPT + 1);
    CHECK_EQUAL(state_of(3), SR_RING_RETIRING);
    CHECK_EQUAL(state_of(KEPT + 1), SR_RING_RELEASED);
    let_seconds_pass(2);
    CHECK_EQUAL(state_of(3), SR_RING_EMPTY);
    expect_booked((THREADS + 2 * (KEPT + 1)) * RECORDS);
}

static void pages_that_a_killed_agent_reserved_for_an_offer_are_given_back(void)
{
    const uint32_t first = sr_ring_shapes[SR_CLASS_mid].first_ring;
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_OK(sr_segment_reserve_ring(segment(), first + i));
    }
    let_seconds_pass(65);
    CHECK(sr_segment_ring_is_reserved(segment(), first + 1)); /* two are kept */
    CHECK(!sr_segment_ring_is_reserved(segment(), first + 2));
    CHECK(!sr_segment_ring_is_reserved(segment(), first + 3));
    CHECK_EQUAL(rig_figures(&rig).rings_retired, 2);
}

/* No protocol leaves that behind. */
static void a_free_ring_that_is_not_booked_keeps_its_pages(void)
{
    leave_free_rings();
    sr_segment_producer_line(segment(), RING)->tail += 3;
    let_seconds_pass(65);
    CHECK_EQUAL(state_of(RING), SR_RING_FREE);
    CHECK(sr_segment_ring_is_reserved(segment(), RING));
    CHECK_EQUAL(rig_figures(&rig).rings_retired, GONE - 1);
    sr_segment_producer_line(segment(), RING)->tail -= 3;
}

/* --- states that a kill leaves, by hand --------------------------------------------------------------------------------------- */

enum half_made { WHOLE, WITHDRAWN, PUNCHED, FORGOTTEN, RETURNED, STATES };

static void forget_by_hand(uint32_t ring)
{
    struct sr_batch *batch = &agent_store_books(rig.store)->batch;
    uint32_t count = 0;
    const uint32_t first = sr_drain_copy_words(ring, &count);
    sr_batch_add(batch, SR_WORD(store, 0, SR_STORE_RETIRED_RINGS), 1);
    sr_batch_add(batch, SR_WORD(store, 0, SR_STORE_RETIRED_SPILLED),
                 sr_drain_copied(&agent_store_books(rig.store)->words, ring));
    for (uint32_t i = 0; i < count; i++) {
        sr_batch_set(batch, first + i, 0);
    }
    sr_batch_set(batch, SR_WORD(ring, ring, SR_RING_HAS_COPY), 0);
    sr_batch_set(batch, SR_WORD(ring, ring, SR_RING_RETIRED), 1);
    sr_batch_commit(batch);
    sr_batch_clear(batch);
}

/* Go so far with a FREE ring, and die. */
static void leave_half_made(uint32_t ring, enum half_made state)
{
    _Atomic uint64_t *word = sr_segment_ring_state(segment(), ring);
    CHECK_EQUAL(state_of(ring), SR_RING_FREE);
    *word = (*word & ~UINT64_C(0xff)) | SR_RING_RETIRING;
    if (state >= WITHDRAWN) {
        sr_segment_withdraw_ring(segment(), ring);
    }
    if (state >= PUNCHED) {
        CHECK_OK(sr_segment_punch_rings(segment(), ring, 1));
    }
    if (state >= FORGOTTEN) {
        forget_by_hand(ring);
    }
    if (state >= RETURNED) {
        uint32_t count = 0;
        const uint32_t first = sr_drain_copy_words(ring, &count);
        CHECK_EQUAL(sr_words_return(&agent_store_books(rig.store)->words, first, count), 1);
    }
    rig_drop(&rig);
}

static void the_next_agent_goes_on_from_any_half_made_state(void)
{
    uint64_t want = 0;
    for (enum half_made state = WHOLE; state < STATES; state++) {
        record_in_threads(THREADS);
        want += THREADS * RECORDS;
        for (int i = 0; i < 3; i++) {
            reaper_run(rig.reaper, rig.now_ns += RIG_SECOND);
        }
        leave_half_made(RING, state);
        expect_no_fault(); /* with no agent there */
        rig_open(&rig);
        rig_expect_balance(&rig);
        expect_no_fault();
        let_seconds_pass(1);
        expect_gone(RING);
        CHECK_EQUAL(rig_figures(&rig).rings_retired, state + 1u);
        expect_booked(want);
    }
}

static void lookers_on_know_the_state_and_read_nothing_of_a_withdrawn_ring(void)
{
    struct sr_inspect *inspect = NULL;
    struct sr_inspect_ring seen;
    leave_free_rings();
    leave_half_made(RING, WHOLE);
    CHECK_OK(sr_inspect_open(rig.options.store, &inspect));
    CHECK_OK(sr_inspect_ring(inspect, RING, &seen));
    assert_string_equal(seen.state, "retiring");
    CHECK(seen.is_possible && !seen.is_owned);
    sr_inspect_close(inspect);
    rig_open(&rig);
    let_seconds_pass(1);
    CHECK_OK(sr_inspect_open(rig.options.store, &inspect));
    CHECK_EQUAL(sr_inspect_ring(inspect, RING, &seen), SLIPRING_NO_DATA);
    sr_inspect_close(inspect);
}

/* Its lines go on where the block begins anew: books that begin now must know. */
static void new_books_take_a_retired_ring_up_where_its_lines_stand(void)
{
    char path[PATH_MAX];
    leave_free_rings();
    let_seconds_pass(65);
    CHECK_EQUAL(state_of(RING), SR_RING_EMPTY);
    leave_half_made(0, PUNCHED);
    place_path(path, rig.options.store, "stats");
    CHECK_EQUAL(unlink(path), 0);
    rig_open(&rig);
    record_in_threads(THREADS);
    expect_booked(THREADS * RECORDS); /* what the lost books had is lost; nothing else is, nor twice */
}

/* --- what may fail --------------------------------------------------------------------------------------------------------------- */

static void a_ring_that_cannot_be_punched_is_tried_again_a_minute_later(void)
{
    leave_free_rings();
    let_seconds_pass(58);
    faults_arm(0, 1000, EOPNOTSUPP);
    let_seconds_pass(8);
    CHECK_EQUAL(rings_in(SR_RING_RETIRING), GONE);
    CHECK(faults_calls() >= 1);
    CHECK(faults_calls() <= 2);
    expect_no_fault();
    faults_arm(0, 0, 0);
    rig.now_ns += 60 * RIG_SECOND;
    let_seconds_pass(2);
    expect_gone(RING);
    expect_booked(THREADS * RECORDS);
}

/* --- at the same time ------------------------------------------------------------------------------------------------------------- */

struct auditing {
    _Atomic uint32_t audits;
    _Atomic uint32_t is_over;
};

static void audit_all_the_time(void *argument)
{
    struct auditing *auditing = argument;
    CHECK_OK(sr_guard_install());
    while (!auditing->is_over) {
        struct sr_audit audit;
        CHECK_OK(sr_audit_take(rig.options.store, &audit));
        CHECK_EQUAL(audit.fault_count, 0);
        CHECK(!audit.is_truncated);
        auditing->audits++;
    }
}

static void verify_finds_no_fault_while_rings_retire_and_come_back(void)
{
    struct auditing *auditing = child_share(sizeof *auditing);
    uint64_t rounds = 0;
    const pid_t auditor = child_start(audit_all_the_time, auditing);
    while (rounds < 12 || auditing->audits < 12) {
        record_in_threads(THREADS);
        let_seconds_pass(65);
        rounds++;
    }
    auditing->is_over = 1;
    child_ends_well(auditor);
    CHECK_EQUAL(rig_figures(&rig).rings_retired, rounds * GONE);
    expect_booked(rounds * THREADS * RECORDS);
}

/* --- killed ------------------------------------------------------------------------------------------------------------------------ */

#if SR_CRASHPOINTS_BUILT
static void retire_until_killed(void *point)
{
    sr_crashpoint_arm(*(const enum sr_crashpoint *)point, 1);
    rig_open(&rig);
    let_seconds_pass(70);
}

static void an_agent_killed_anywhere_while_it_retires_forgets_once(void)
{
    static const enum sr_crashpoint points[] = {SR_CRASHPOINT_retire_begun, SR_CRASHPOINT_retire_withdrawn,
                                                SR_CRASHPOINT_retire_punched, SR_CRASHPOINT_retire_forgotten,
                                                SR_CRASHPOINT_retire_returned};
    uint64_t want = 0;
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(points); i++) {
        enum sr_crashpoint point = points[i];
        record_in_threads(THREADS);
        want += THREADS * RECORDS;
        expect_booked(want);
        reaper_run(rig.reaper, rig.now_ns += RIG_SECOND);
        rig_drop(&rig);
        child_dies_by(child_start(retire_until_killed, &point), SIGKILL);
        expect_no_fault();
        rig_open(&rig);
        let_seconds_pass(70);
        CHECK_EQUAL(rings_in(SR_RING_FREE), KEPT);
        CHECK_EQUAL(rings_in(SR_RING_RETIRING), 0);
        CHECK_EQUAL(rig_figures(&rig).rings_retired, (i + 1) * GONE);
        expect_booked(want);
    }
}
#endif

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(rings_that_nobody_wanted_for_a_minute_give_their_pages_back_but_for_a_few),
        RIG_TEST(the_next_owner_of_a_retired_ring_spills_from_zero_and_is_counted_once),
        RIG_TEST(what_is_wanted_now_and_then_stays),
        RIG_TEST(a_claimer_passes_a_retiring_ring_over_and_takes_the_hole_first_afterwards),
        RIG_TEST(pages_that_a_killed_agent_reserved_for_an_offer_are_given_back),
        RIG_TEST(a_free_ring_that_is_not_booked_keeps_its_pages),
        RIG_TEST(the_next_agent_goes_on_from_any_half_made_state),
        RIG_TEST(lookers_on_know_the_state_and_read_nothing_of_a_withdrawn_ring),
        RIG_TEST(new_books_take_a_retired_ring_up_where_its_lines_stand),
        RIG_TEST(a_ring_that_cannot_be_punched_is_tried_again_a_minute_later),
        RIG_TEST(verify_finds_no_fault_while_rings_retire_and_come_back),
#if SR_CRASHPOINTS_BUILT
        RIG_TEST(an_agent_killed_anywhere_while_it_retires_forgets_once),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
