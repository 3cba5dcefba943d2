/* SPDX-License-Identifier: Apache-2.0 */
/* slipring_open_oneshot(): programs that record a few samples and end. They take no ring, no slot and no page, and what they record
 * stands in the agent's books to the last nano-dollar, however they end. process.h G5. */
#include <slipring/slipring.h>

#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/process.h"
#include "support/child.h"
#include "support/fold.h"
#include "support/place.h"
#include "support/pretend_clock.h"
#include "support/rig.h"
#include "support/workload.h"

#define PRIMITIVES 3u
#define STEPS      2000u

static struct workload load;
static struct tally *sums; /* of one worker after another */

/* This process opens the rig's store so, and nobody in it otherwise. */
static void become_oneshot(void)
{
    struct slipring_store *store = NULL;
    CHECK_OK(slipring_close(rig_producer));
    CHECK_OK(slipring_open_oneshot(rig.options.store, &store));
    CHECK(store == rig_producer);
}

static void open_load(void *unused)
{
    (void)unused;
    workload_open(&load, rig_producer, "p", PRIMITIVES);
}

/* One-shot, with names that another process has registered and an agent has freed the slot of. */
static void begin(void)
{
    child_run(open_load, NULL);
    rig_settle(&rig);
    become_oneshot();
    open_load(NULL);
    sums = workload_sums(&load, 1);
}

static void record_mix(uint32_t seed)
{
    struct worker worker = worker_of(&load, sums, seed);
    for (uint32_t i = 0; i < STEPS; i++) {
        worker_step(&worker);
    }
    worker_finish(&worker);
}

/* Everything in the agent's books, all of it by the shared spill. */
static void expect_booked(uint64_t aborted)
{
    uint64_t spilled = 0;
    rig_settle(&rig);
    for (uint32_t i = 0; i < load.count; i++) {
        const struct slipring_stats stats = rig_stats(&rig, (const char[]){'p', (char)('0' + i), '\0'});
        const struct slipring_stats_detail detail =
            rig_detail(&rig, (const char[]){'p', (char)('0' + i), '\0'});
        workload_expect(&load, i, &sums[i], i == 0 ? aborted : 0, &stats, &detail);
        CHECK_EQUAL(stats.spilled, stats.count);
        CHECK_EQUAL(stats.minute.spilled, stats.minute.n);
        spilled += stats.spilled;
    }
    CHECK(spilled > 0);
    CHECK_EQUAL(fold_rings(place_store(), SR_RING_OWNED), 0);
    CHECK_EQUAL(rig_figures(&rig).samples_torn, 0);
}

static uint64_t blocks_of_the_segment(void)
{
    struct stat st;
    char path[PATH_MAX];
    place_path(path, rig.options.store, "ring");
    CHECK_EQUAL(stat(path, &st), 0);
    return (uint64_t)st.st_blocks;
}

static void record_without_spans(uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        const struct slipring_cost cost = {
            .cost_nanodollars = i, .savings_nanodollars = 2 * i, .category = 1};
        slipring_record(load.primitives[0], i << 18, i % 7 == 0, &cost);
        tally_execution(&sums[0], i << 18, i % 7 == 0, &cost);
    }
}

static void records_take_no_slot_no_ring_and_no_page_G5(void)
{
    begin();
    const uint64_t blocks = blocks_of_the_segment();
    record_without_spans(1000);
    CHECK_EQUAL(fold_slots(rig.options.store, SR_SLOT_OWNED), 0);
    CHECK_EQUAL(blocks_of_the_segment(), blocks);
    expect_booked(0);
}

static void every_call_is_booked_to_the_last_nanodollar(void)
{
    begin();
    record_mix(3);
    CHECK_EQUAL(fold_slots(rig.options.store, SR_SLOT_OWNED), 1); /* for the spans */
    expect_booked(0);
    CHECK_OK(slipring_close(rig_producer));
    CHECK_EQUAL(fold_slots(rig.options.store, SR_SLOT_OWNED), 0);
    CHECK_OK(slipring_open_oneshot(rig.options.store, &rig_producer));
}

static void record_and_be_killed(void *argument)
{
    record_without_spans(*(const uint64_t *)argument);
    (void)kill(getpid(), SIGKILL);
}

static void what_a_program_recorded_that_is_killed_at_once_is_booked(void)
{
    begin();
    uint64_t count = 0;
    for (count = 1; count <= 30; count++) {
        child_dies_by(child_start(record_and_be_killed, &count), SIGKILL);
    }
    expect_booked(0);
    CHECK_EQUAL(tally_count(&sums[0]), 30 * 31 / 2);
}

static void begin_and_be_killed(void *unused)
{
    (void)unused;
    struct slipring_span ended = slipring_begin(load.primitives[0]);
    struct slipring_span left = slipring_begin(load.primitives[0]);
    (void)left;
    ended.start = UINT64_MAX; /* no time at all */
    slipring_end(&ended, SLIPRING_SUCCESS, NULL);
    (void)kill(getpid(), SIGKILL);
}

static void a_span_is_active_and_aborted_when_its_process_is_killed(void)
{
    begin();
    struct slipring_span span = slipring_begin(load.primitives[0]);
    rig_tick(&rig, RIG_SECOND);
    CHECK_EQUAL(rig_stats(&rig, "p0").active, 1);
    slipring_cancel(&span);
    child_dies_by(child_start(begin_and_be_killed, NULL), SIGKILL);
    tally_execution(&sums[0], 0, false, NULL);
    sums[0].clamped++;
    sums[0].begun += 2;
    sums[0].ended++;
    expect_booked(1);
}

static void register_and_leave_half_a_key(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = NULL;
    become_oneshot();
    CHECK_OK(slipring_primitive_get(rig_producer, "new", NULL, &work));
    CHECK_EQUAL(fold_slots(rig.options.store, SR_SLOT_OWNED), 1);
    _Atomic uint64_t *key = sr_segment_registry_key(sr_store_segment(rig_producer), sr_handle_id(work));
    atomic_store(key, (atomic_load(key) & ~UINT64_C(0xff)) |
                          SR_REGISTRY_CLAIMING); /* killed in the middle of it */
    (void)kill(getpid(), SIGKILL);
}

static void a_new_name_is_registered_under_a_slot_so_that_half_a_key_is_found_G5(void)
{
    child_dies_by(child_start(register_and_leave_half_a_key, NULL), SIGKILL);
    rig_settle(&rig);
    struct slipring_primitive *work = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, "other", NULL, &work));
    CHECK_EQUAL(sr_handle_id(work), 1); /* the place of "new", which the reaper emptied */
}

static void whoever_opens_the_store_ordinarily_makes_it_so(void)
{
    begin();
    record_without_spans(1);
    struct slipring_store *store = NULL;
    CHECK_OK(slipring_open(rig.options.store, &store));
    record_without_spans(10);
    CHECK_EQUAL(fold_rings(rig.options.store, SR_RING_OWNED), 1);
    CHECK_OK(slipring_close(store));
    CHECK_OK(slipring_open_oneshot(rig.options.store, &store)); /* too late, there is another opener */
    slipring_record(load.primitives[1], 5, SLIPRING_SUCCESS, NULL);
    CHECK_EQUAL(fold_rings(rig.options.store, SR_RING_OWNED), 1 + 1);
    CHECK_OK(slipring_close(store));
    CHECK_OK(slipring_close(rig_producer)); /* the last: now it may be one-shot again */
    CHECK_OK(slipring_open_oneshot(rig.options.store, &store));
    slipring_record(load.primitives[2], 5, SLIPRING_SUCCESS, NULL);
    CHECK_EQUAL(fold_rings(rig.options.store, SR_RING_OWNED), 0);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "p0").count, 11);
    CHECK_EQUAL(rig_stats(&rig, "p1").count, 1);
    CHECK_EQUAL(rig_stats(&rig, "p2").count, 1);
}

static void commit_in_child(void *reservation)
{
    slipring_commit(reservation, 9, SLIPRING_SUCCESS, 0);
}

static void a_reservation_dies_at_fork_though_nothing_attached_the_process(void)
{
    begin();
    struct slipring_reservation reservation;
    slipring_reserve(load.primitives[0], &reservation);
    *reservation.cost_nanodollars = 7;
    child_run(commit_in_child, &reservation);
    slipring_commit(&reservation, 9, SLIPRING_SUCCESS, 0);
    const struct slipring_cost cost = {.cost_nanodollars = 7};
    tally_execution(&sums[0], 9, false, &cost);
    expect_booked(0);
}

static void *record_in_a_thread(void *unused)
{
    (void)unused;
    for (int i = 0; i < 5000; i++) {
        struct slipring_span span = slipring_begin(load.primitives[1]);
        slipring_cancel(&span);
        slipring_record(load.primitives[1], 1000, SLIPRING_SUCCESS, NULL);
    }
    return NULL;
}

static void threads_share_one_slot_and_lose_nothing(void)
{
    begin();
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        CHECK_EQUAL(pthread_create(&threads[i], NULL, record_in_a_thread, NULL), 0);
    }
    for (int i = 0; i < 4; i++) {
        CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
    }
    CHECK_EQUAL(fold_slots(rig.options.store, SR_SLOT_OWNED), 1);
    for (int i = 0; i < 20000; i++) {
        tally_execution(&sums[1], 1000, false, NULL);
    }
    sums[1].begun = sums[1].ended = 20000;
    expect_booked(0);
}

static void a_closed_store_counts_what_it_drops(void)
{
    begin();
    CHECK_OK(slipring_close(rig_producer));
    slipring_record(load.primitives[0], 1, SLIPRING_SUCCESS, NULL);
    CHECK_EQUAL(slipring_store_dropped(rig_producer), 1);
    CHECK_OK(slipring_open_oneshot(rig.options.store, &rig_producer));
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(records_take_no_slot_no_ring_and_no_page_G5),
        RIG_TEST(every_call_is_booked_to_the_last_nanodollar),
        RIG_TEST(what_a_program_recorded_that_is_killed_at_once_is_booked),
        RIG_TEST(a_span_is_active_and_aborted_when_its_process_is_killed),
        RIG_TEST(a_new_name_is_registered_under_a_slot_so_that_half_a_key_is_found_G5),
        RIG_TEST(whoever_opens_the_store_ordinarily_makes_it_so),
        RIG_TEST(a_reservation_dies_at_fork_though_nothing_attached_the_process),
        RIG_TEST(threads_share_one_slot_and_lose_nothing),
        RIG_TEST(a_closed_store_counts_what_it_drops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
