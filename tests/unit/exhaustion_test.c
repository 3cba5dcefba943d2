/* SPDX-License-Identifier: Apache-2.0 */
/* Every way to have no ring, driven to its very end: the last ring, slot, registry key, handle and byte of the arena is taken, and then
 * much more is recorded. Every figure of it stands in an agent's books, exactly: counts, failures, sums, money by category, `le`
 * bounds, objectives, percentiles. And when there is room again, threads leave the shared spill. (A full tmpfs: space_test.c.) */
#include <slipring/slipring.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "api/process.h"
#include "support/api.h"
#include "support/child.h"
#include "support/fold.h"
#include "support/place.h"
#include "support/pretend_clock.h"
#include "support/rig.h"
#include "support/workload.h"

#define STEPS   3000u
#define WORKERS 2u

static struct workload load;
static struct tally *sums; /* of WORKERS */

/* Names are registered by another process, so that this one has taken nothing yet. */
static void register_names(void *unused)
{
    (void)unused;
    workload_open(&load, rig_producer, "p", WORKLOAD_PRIMITIVES);
}

static void begin(void)
{
    child_run(register_names, NULL);
    rig_settle(&rig);
    workload_plan(&load, WORKLOAD_PRIMITIVES);
    sums = workload_sums(&load, WORKERS);
}

/* After the exhaustion: from here on this process takes what it can get. */
static void open_load(void)
{
    workload_open(&load, rig_producer, "p", WORKLOAD_PRIMITIVES);
}

static void record_mix(uint32_t number, uint32_t seed)
{
    struct worker worker = worker_of(&load, &sums[number * load.count], seed);
    for (uint32_t i = 0; i < STEPS; i++) {
        worker_step(&worker);
    }
    worker_finish(&worker);
}

static uint32_t rings_held(void)
{
    return fold_rings(rig.options.store, SR_RING_OWNED);
}

/* What all primitives got through their shared spills, ever. */
static uint64_t shared_count(void)
{
    struct tally got;
    fold_primitive(rig.options.store, NULL, NULL, 0, true, &got);
    CHECK_EQUAL(got.torn, 0);
    return got.through_shared;
}

static void expect_booked(void)
{
    struct tally want;
    rig_settle(&rig);
    for (uint32_t i = 0; i < load.count; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "p%u", i);
        const struct slipring_stats stats = rig_stats(&rig, name);
        const struct slipring_stats_detail detail = rig_detail(&rig, name);
        workload_merge(&load, sums, WORKERS, i, &want);
        workload_expect(&load, i, &want, 0, &stats, &detail);
    }
}

/* All that is recorded now, spans that are not counted as active among it, goes through shared spills and is booked. */
static void expect_all_to_be_shared(uint32_t number, uint32_t seed)
{
    struct tally before;
    struct tally after;
    const uint64_t shared = shared_count();
    workload_merge(&load, sums, WORKERS, 0, &before);
    record_mix(number, seed);
    workload_merge(&load, sums, WORKERS, 0, &after);
    CHECK(shared_count() > shared + STEPS / 2);
    CHECK(tally_count(&after) > tally_count(&before));
    expect_booked();
}

/* The same thread, that had none, gets rings now; nobody asked for them but the agent's word that it is worth it. */
static void expect_recovery(uint32_t number, uint32_t seed, uint32_t rings_before)
{
    rig_settle(&rig);
    record_mix(number, seed);
    CHECK_EQUAL(rings_held(), rings_before + load.count);
    expect_booked();
}

/* --- another thread that holds rings ------------------------------------------------------------------------------------------ */

static _Atomic uint32_t has_recorded;
static _Atomic uint32_t may_end;

static void *record_and_hold(void *unused)
{
    (void)unused;
    record_mix(0, 1);
    atomic_store(&has_recorded, 1);
    child_await(&may_end, 1);
    return NULL;
}

static pthread_t start_holder(void)
{
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, record_and_hold, NULL), 0);
    child_await(&has_recorded, 1);
    return thread;
}

static void end_holder(pthread_t thread)
{
    atomic_store(&may_end, 1);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
}

/* --- the pool ------------------------------------------------------------------------------------------------------------------ */

/* All but the last `left` of each class are out of use. */
static void take_rings(const uint32_t left[SR_CLASS_COUNT])
{
    for (uint32_t ring = 0; ring < SR_RING_MAX; ring++) {
        const struct sr_ring_shape *shape = &sr_ring_shapes[sr_ring_class_of(ring)];
        const uint32_t end = shape->first_ring + shape->rings;
        if (end - ring > left[sr_ring_class_of(ring)]) {
            atomic_store(sr_segment_ring_state(sr_store_segment(rig_producer), ring),
                         sr_state_word(1, SR_SLOT_NONE, SR_RING_QUARANTINED));
        }
    }
}

static void the_pool_is_taken_to_the_last_ring_of_the_last_class(void)
{
    begin();
    take_rings((const uint32_t[SR_CLASS_COUNT]){5, 2, 1, 0});
    open_load();
    const pthread_t holder = start_holder();
    for (uint32_t class = 0; class < SR_CLASS_GROWING; class ++) { /* the last of each */
        const uint32_t ring = sr_ring_shapes[class].first_ring + sr_ring_shapes[class].rings - 1;
        CHECK_EQUAL(sr_state_of(atomic_load(sr_segment_ring_state(sr_store_segment(rig_producer), ring))),
                    SR_RING_OWNED);
    }
    CHECK_EQUAL(rings_held(), 5 + 2 + 1);
    expect_all_to_be_shared(1, 2);
    end_holder(holder);
    expect_recovery(1, 3, 0);
}

/* --- process slots ------------------------------------------------------------------------------------------------------------- */

static void slots_are_taken_to_the_last_one(void)
{
    static struct sr_slot_hold holds[SR_SLOT_MAX];
    struct sr_slot_hold none;
    begin();
    for (uint32_t i = 0; i < SR_SLOT_MAX;
         i++) { /* each locked through an open file of its own, as by a living process */
        CHECK_OK(sr_slot_take(sr_store_segment(rig_producer), rig_producer->lock_path, &holds[i]));
    }
    CHECK_STATUS(sr_slot_take(sr_store_segment(rig_producer), rig_producer->lock_path, &none),
                 SLIPRING_IN_USE);
    CHECK_EQUAL(fold_slots(rig.options.store, SR_SLOT_OWNED), SR_SLOT_MAX);
    open_load();
    expect_all_to_be_shared(0, 1);
    CHECK_EQUAL(rings_held(), 0);
    sr_slot_release(sr_store_segment(rig_producer), &holds[777]);
    expect_recovery(0, 2, 0);
}

/* --- descriptors --------------------------------------------------------------------------------------------------------------- */

static void without_a_descriptor_to_be_had_nothing_is_lost_and_rings_come_later(void)
{
    struct rlimit limit;
    begin();
    register_names(NULL); /* the slot is taken, rings are not */
    CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = limit.rlim_max};
    CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &none), 0);
    record_mix(0, 1);
    CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK_EQUAL(rings_held(), 0);
    CHECK(shared_count() > STEPS / 2);
    expect_booked();
    expect_all_to_be_shared(0, 2); /* not tried again before the agent says so */
    sr_drain_raise_reserve_epoch(agent_store_rings(rig.store));
    expect_recovery(0, 3, 0);
}

/* --- limits of the process ----------------------------------------------------------------------------------------------------- */

static void the_cap_is_reached_and_room_is_made_when_a_thread_ends(void)
{
    begin();
    open_load();
    atomic_store(&sr_segment_header(sr_store_segment(rig_producer))->control.ring_cap, load.count);
    const pthread_t holder = start_holder();
    CHECK_EQUAL(rings_held(), load.count);
    expect_all_to_be_shared(1, 2);
    CHECK_EQUAL(rings_held(), load.count);
    end_holder(holder);
    expect_recovery(1, 3, 0);
}

/* Leaves the arena room for the table of this thread and so many rings of it. */
static void shrink_arena(uint32_t rings)
{
    const uint64_t table = 64 * sizeof(struct sr_ring *);
    const uint64_t ring = (sizeof(struct sr_ring) + SR_LINE_BYTES - 1) / SR_LINE_BYTES * SR_LINE_BYTES;
    const uint64_t first = (sizeof(struct sr_process) + SR_LINE_BYTES - 1) / SR_LINE_BYTES * SR_LINE_BYTES;
    sr_arena_bytes = first + SR_LINE_BYTES + table + rings * ring;
}

static void the_arena_is_used_up_and_room_is_made_when_a_thread_ends_G6(void)
{
    begin();
    open_load();
    shrink_arena(load.count);
    const pthread_t holder = start_holder();
    CHECK_EQUAL(rings_held(), load.count);
    expect_all_to_be_shared(1, 2);
    CHECK_EQUAL(rings_held(), load.count);
    end_holder(holder); /* its table and its rings are taken up */
    expect_recovery(1, 3, 0);
}

static _Atomic uint32_t has_lock;

static void *hold_the_lock(void *unused)
{
    (void)unused;
    CHECK(sr_process_lock());
    atomic_store(&has_lock, 1);
    child_await(&may_end, 1);
    sr_process_unlock();
    return NULL;
}

static void a_thread_that_the_arena_has_no_room_for_waits_for_no_lock_G6(void)
{
    begin();
    open_load();
    shrink_arena(3);
    record_mix(0, 1); /* the first records, some of them without a ring */
    CHECK_EQUAL(rings_held(), 3);
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, hold_the_lock, NULL), 0);
    child_await(&has_lock, 1);
    record_mix(0, 2); /* else it stands here for ever */
    atomic_store(&may_end, 1);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
    expect_booked();
}

static void a_table_that_the_arena_has_no_room_for_loses_nothing_G6(void)
{
    begin();
    open_load();
    sr_arena_bytes = sizeof(struct sr_process) + SR_LINE_BYTES;
    expect_all_to_be_shared(0, 1);
    CHECK_EQUAL(rings_held(), 0);
}

/* --- names --------------------------------------------------------------------------------------------------------------------- */

static struct tally overflow;
static const struct slipring_cost price = {.cost_nanodollars = 5, .savings_nanodollars = 7, .category = 0};

/* Names that there is no room for, recorded all the same. */
static void record_names(const char *prefix, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        char name[32];
        struct slipring_primitive *work = NULL;
        (void)snprintf(name, sizeof name, "%s%u", prefix, i);
        CHECK_STATUS(slipring_primitive_get(rig_producer, name, NULL, &work), SLIPRING_LIMIT_REACHED);
        for (uint64_t k = 0; k < 100; k++) {
            slipring_record(work, (i + k) << 20, k % 9 == 0, k % 2 ? &price : NULL);
            tally_execution(&overflow, (i + k) << 20, k % 9 == 0, k % 2 ? &price : NULL);
        }
    }
}

static void expect_overflow_booked(void)
{
    rig_settle(&rig);
    const struct slipring_stats stats = rig_stats(&rig, "__overflow__");
    const struct slipring_stats_detail detail = rig_detail(&rig, "__overflow__");
    CHECK_EQUAL(stats.count, tally_count(&overflow));
    CHECK_EQUAL(stats.failures, overflow.count[1]);
    CHECK_EQUAL(stats.sum_ns[0], overflow.sum_ns);
    CHECK_EQUAL(stats.cost_nanodollars, overflow.cost[0]);
    CHECK_EQUAL(stats.savings_nanodollars, overflow.savings[0]);
    CHECK_EQUAL(detail.bound_count, overflow.bound_count);
    for (uint32_t i = 0; i < overflow.bound_count; i++) {
        CHECK_EQUAL(detail.bounds[i].count, overflow.at_most[i]);
    }
}

static void beyond_the_limit_of_names_all_is_booked_under_overflow(void)
{
    begin();
    open_load();
    tally_init(&overflow, 0);
    atomic_store(&sr_segment_header(sr_store_segment(rig_producer))->control.primitive_limit, load.count);
    record_names("late-", 50);
    expect_overflow_booked();
    atomic_store(&sr_segment_header(sr_store_segment(rig_producer))->control.primitive_limit, load.count + 1);
    struct slipring_primitive *work = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, "late-3", NULL, &work));
    slipring_record(work, 1, SLIPRING_SUCCESS, NULL);
    expect_overflow_booked();
    CHECK_EQUAL(rig_stats(&rig, "late-3").count, 1);
}

static void the_registry_is_filled_to_its_last_key(void)
{
    begin();
    open_load();
    tally_init(&overflow, 0);
    atomic_store(&sr_segment_header(sr_store_segment(rig_producer))->control.primitive_limit,
                 SR_PRIMITIVE_MAX + 1);
    const uint64_t claiming = sr_state_word(1, SR_SLOT_NONE, SR_REGISTRY_CLAIMING);
    for (uint32_t id = 0; id < SR_PRIMITIVE_MAX - 1; id++) { /* all but the last */
        uint64_t empty = SR_REGISTRY_EMPTY;
        (void)atomic_compare_exchange_strong(sr_segment_registry_key(sr_store_segment(rig_producer), id),
                                             &empty, claiming);
    }
    struct slipring_primitive *last = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, "last", NULL, &last));
    CHECK_EQUAL(sr_handle_id(last), SR_PRIMITIVE_MAX - 1);
    slipring_record(last, 1, SLIPRING_SUCCESS, NULL);
    record_names("late-", 50);
    expect_overflow_booked();
    CHECK_EQUAL(rig_stats(&rig, "last").count, 1);
    atomic_store(sr_segment_registry_key(sr_store_segment(rig_producer), 100), SR_REGISTRY_EMPTY);
    struct slipring_primitive *work = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, "late-7", NULL, &work));
    CHECK_EQUAL(sr_handle_id(work), 100);
    slipring_record(work, 1, SLIPRING_SUCCESS, NULL);
    expect_overflow_booked();
    CHECK_EQUAL(rig_stats(&rig, "late-7").count, 1);
}

static void get_handles(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        char name[16];
        struct slipring_primitive *work = NULL;
        (void)snprintf(name, sizeof name, "%u", i);
        CHECK_STATUS(slipring_primitive_get(rig_producer, name, NULL, &work), SLIPRING_LIMIT_REACHED);
    }
}

static void beyond_the_table_of_handles_there_is_none_to_record_on(void)
{
    if (WORKLOAD_IS_SLOW) { /* each get looks at all handles that there are */
        print_message("too slow in this build: not tried\n");
        return;
    }
    begin();
    open_load();
    atomic_store(&sr_segment_header(sr_store_segment(rig_producer))->control.primitive_limit, load.count);
    get_handles(SR_HANDLE_MAX - 1 - load.count);
    atomic_store(&sr_segment_header(sr_store_segment(rig_producer))->control.primitive_limit, load.count + 1);
    struct slipring_primitive *work = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, "last", NULL, &work));
    CHECK_EQUAL(work->index, SR_HANDLE_MAX - 1);
    for (uint64_t i = 0; i < 300; i++) { /* the thread's table grows to its end */
        slipring_record(work, i, SLIPRING_SUCCESS, NULL);
    }
    struct slipring_primitive *none = work;
    CHECK_STATUS(slipring_primitive_get(rig_producer, "one too many", NULL, &none), SLIPRING_TABLE_FULL);
    CHECK(none == NULL);
    slipring_record(none, 1, SLIPRING_SUCCESS, NULL);
    CHECK_OK(slipring_primitive_get(rig_producer, "last", NULL, &none)); /* known ones are found */
    CHECK(none == work);
    record_mix(0, 1);
    expect_booked();
    CHECK_EQUAL(rig_stats(&rig, "last").count, 300);
}

/* --- inside other records ------------------------------------------------------------------------------------------------------ */

static void what_is_recorded_between_reserve_and_commit_is_booked_and_so_is_the_reserved(void)
{
    struct slipring_reservation reservations[WORKLOAD_PRIMITIVES];
    begin();
    open_load();
    record_mix(0, 1);
    rig_settle(&rig);
    for (uint32_t i = 0; i < load.count; i++) {
        slipring_record(load.primitives[i], 5, SLIPRING_SUCCESS, NULL); /* finds that there is room again */
        tally_execution(&sums[i], 5, false, NULL);
        slipring_reserve(load.primitives[i], &reservations[i]);
        *reservations[i].cost_nanodollars = 11;
        CHECK(sr_thread_find(load.primitives[i])->hot.busy);
    }
    expect_all_to_be_shared(0, 2);
    const struct slipring_cost cost = {.cost_nanodollars = 11};
    for (uint32_t i = 0; i < load.count; i++) {
        slipring_commit(&reservations[i], 3, SLIPRING_SUCCESS, 0);
        tally_execution(&sums[i], 3, false, &cost);
    }
    expect_booked();
    const uint64_t shared = shared_count();
    slipring_record(load.primitives[0], 50001, SLIPRING_SUCCESS, NULL); /* through the ring again */
    tally_execution(&sums[0], 50001, false, NULL);
    CHECK_EQUAL(shared_count(), shared);
    expect_booked();
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(the_pool_is_taken_to_the_last_ring_of_the_last_class),
        RIG_TEST(slots_are_taken_to_the_last_one),
        RIG_TEST(without_a_descriptor_to_be_had_nothing_is_lost_and_rings_come_later),
        RIG_TEST(the_cap_is_reached_and_room_is_made_when_a_thread_ends),
        RIG_TEST(the_arena_is_used_up_and_room_is_made_when_a_thread_ends_G6),
        RIG_TEST(a_thread_that_the_arena_has_no_room_for_waits_for_no_lock_G6),
        RIG_TEST(a_table_that_the_arena_has_no_room_for_loses_nothing_G6),
        RIG_TEST(beyond_the_limit_of_names_all_is_booked_under_overflow),
        RIG_TEST(the_registry_is_filled_to_its_last_key),
        RIG_TEST(beyond_the_table_of_handles_there_is_none_to_record_on),
        RIG_TEST(what_is_recorded_between_reserve_and_commit_is_booked_and_so_is_the_reserved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
