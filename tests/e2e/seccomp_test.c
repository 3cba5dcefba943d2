/* SPDX-License-Identifier: Apache-2.0 */
/* After a thread's first record of a primitive no call of record.h makes a system call, whatever way the sample takes, and neither
 * does reading figures back: the kernel kills whoever makes one. (The clock of spans is read in the vDSO, as on any machine whose
 * clocksource is tsc, kvm-clock, hyperv or arm's; with another one these tests are red, and rightly so.) */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <seccomp.h>

#include <slipring/inline.h>

#include "agent/drain/drain.h"
#include "api/process.h"
#include "support/child.h"
#include "support/fold.h"
#include "support/place.h"
#include "support/rig.h"
#include "support/workload.h"

#define STEPS   20000u
#define THREADS 4u

/* From here on this thread may end its process and return from signal handlers; anything else kills the process. */
static void forbid_system_calls(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!filter || seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(exit_group), 0) != 0 ||
        seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(rt_sigreturn), 0) != 0 ||
        seccomp_load(filter) != 0) {
        _exit(CHECK_EXIT_STATUS);
    }
}

/* For use behind the filter, where nothing can be printed. */
static void require(bool condition)
{
    if (!condition) {
        _exit(CHECK_EXIT_STATUS);
    }
}

static struct workload load;
static struct tally *sums; /* of THREADS workers */

static struct slipring_store *open_load(void)
{
    struct slipring_store *store = NULL;
    CHECK_OK(slipring_open(place_store(), &store));
    workload_open(&load, store, "p", WORKLOAD_PRIMITIVES);
    sums = workload_sums(&load, THREADS + 1);
    return store;
}

/* What may make system calls: once for each primitive. */
static struct worker worker_after_first_records(uint32_t number)
{
    for (uint32_t i = 0; i < load.count; i++) {
        slipring_record(load.primitives[i], 1000000, SLIPRING_SUCCESS, NULL);
        tally_execution(&sums[number * load.count + i], 1000000, false, NULL);
    }
    return worker_of(&load, &sums[number * load.count], 17 + number);
}

static void work(struct worker *worker)
{
    for (uint32_t i = 0; i < STEPS; i++) {
        worker_step(worker);
    }
    worker_finish(worker);
}

/* Ran in a child: what it recorded is all there, some of it in every way that `ways` names. */
enum { THROUGH_RING = 1, THROUGH_SPILL = 2, THROUGH_SHARED = 4 };

static void expect_recorded(const char *store, unsigned ways)
{
    struct tally got;
    fold_primitive(store, NULL, NULL, 0, true, &got);
    (void)printf("%llu through rings, %llu spilled, %llu through shared spills\n",
                 (unsigned long long)got.through_ring, (unsigned long long)got.through_spill,
                 (unsigned long long)got.through_shared);
    CHECK(!(ways & THROUGH_RING) || got.through_ring > 0);
    CHECK(!(ways & THROUGH_SPILL) || got.through_spill > 0);
    CHECK(!(ways & THROUGH_SHARED) || got.through_shared > 0);
    CHECK(tally_count(&got) > STEPS / 2);
    CHECK_EQUAL(got.begun, got.ended);
    CHECK_EQUAL(got.torn, 0);
}

/* --- the filter itself -------------------------------------------------------------------------------------------------------- */

static void make_a_system_call(void *unused)
{
    (void)unused;
    forbid_system_calls();
    (void)syscall(SYS_getppid);
}

static void record_for_the_first_time(void *unused)
{
    (void)unused;
    (void)open_load();
    slipring_record(load.primitives[0], 1, SLIPRING_SUCCESS, NULL);
    forbid_system_calls();
    slipring_record(load.primitives[1], 1, SLIPRING_SUCCESS, NULL);
}

static void record_for_the_second_time(void *unused)
{
    (void)unused;
    (void)open_load();
    slipring_record(load.primitives[0], 1, SLIPRING_SUCCESS, NULL);
    forbid_system_calls();
    slipring_record(load.primitives[0], 1, SLIPRING_SUCCESS, NULL);
}

static void a_system_call_behind_the_filter_kills_also_one_of_the_librarys_own(void **state)
{
    (void)state;
    (void)place_new_store();
    child_dies_by(child_start(make_a_system_call, NULL), SIGSYS);
    child_dies_by(child_start(record_for_the_first_time, NULL), SIGSYS);
    child_ends_well(child_start(record_for_the_second_time, NULL));
}

/* --- recording ------------------------------------------------------------------------------------------------------------------ */

static void record_everything(void *unused)
{
    (void)unused;
    (void)open_load();
    struct worker worker = worker_after_first_records(0);
    forbid_system_calls();
    work(&worker);
}

static void every_call_in_ring_and_spill_makes_no_system_call(void **state)
{
    (void)state;
    (void)place_new_store();
    child_run(record_everything, NULL);
    expect_recorded(place_store(), THROUGH_RING | THROUGH_SPILL | THROUGH_SHARED);
}

/* As compiled into a program: in the quick way and in all that it hands over. */
static void record_inline(void *unused)
{
    const struct slipring_cost cost = {.cost_nanodollars = 3, .savings_nanodollars = 4, .category = 1};
    const struct slipring_cost too_much = {.cost_nanodollars = UINT64_MAX, .category = 1};
    struct slipring_reservation reservation;
    (void)unused;
    (void)open_load();
    for (uint32_t i = 0; i < load.count; i++) {
        slipring_record_inline(load.primitives[i], 1000000, SLIPRING_SUCCESS, NULL);
    }
    forbid_system_calls();
    slipring_reserve(load.primitives[1], &reservation); /* keeps its ring busy */
    for (uint32_t i = 0; i < STEPS; i++) {
        struct slipring_primitive *primitive = load.primitives[i % load.count];
        slipring_record_inline(primitive, 1000000 + i, i % 3 ? SLIPRING_FAILURE : SLIPRING_SUCCESS,
                               i % 5 ? NULL : &cost);
        slipring_record_inline(primitive, UINT64_C(1) << i % 64, SLIPRING_SUCCESS, i % 7 ? NULL : &too_much);
        slipring_record_inline(primitive, 0, SLIPRING_SUCCESS, NULL);
        slipring_record_inline(NULL, 1, SLIPRING_SUCCESS, NULL);
    }
    slipring_discard(&reservation);
}

static void the_inline_way_makes_no_system_call_either(void **state)
{
    (void)state;
    (void)place_new_store();
    child_run(record_inline, NULL);
    expect_recorded(place_store(), THROUGH_RING | THROUGH_SPILL | THROUGH_SHARED);
    struct tally got;
    fold_primitive(place_store(), NULL, NULL, 0, true, &got);
    CHECK_EQUAL(tally_count(&got), 3 * STEPS + WORKLOAD_PRIMITIVES);
}

static void record_without_a_ring(void *unused)
{
    (void)unused;
    const struct slipring_store *store = open_load();
    atomic_store(&sr_segment_header(sr_store_segment(store))->control.ring_cap, 0);
    struct worker worker = worker_after_first_records(0);
    forbid_system_calls();
    work(&worker);
}

static void a_thread_that_got_no_ring_makes_no_system_call(void **state)
{
    (void)state;
    (void)place_new_store();
    child_run(record_without_a_ring, NULL);
    expect_recorded(place_store(), THROUGH_SHARED);
    CHECK_EQUAL(fold_rings(place_store(), SR_RING_OWNED), 0);
}

/* --- the other ways to have no ring -------------------------------------------------------------------------------------------- */

static void record_without_a_slot(void *unused)
{
    (void)unused;
    struct slipring_store *store = open_load();
    sr_slot_release(sr_store_segment(store), &sr_process->attachments[store->index].slot);
    atomic_store(&sr_process->attachments[store->index].has_slot, 0);
    for (uint32_t slot = 0; slot < SR_SLOT_MAX; slot++) {
        CHECK_OK(sr_segment_reserve_slot(sr_store_segment(store), slot));
        atomic_store(&sr_segment_slot(sr_store_segment(store), slot)->state, SR_SLOT_OWNED);
    }
    struct worker worker = worker_after_first_records(0);
    forbid_system_calls();
    work(&worker);
}

static void record_without_memory(void *unused)
{
    (void)unused;
    (void)open_load();
    sr_arena_bytes = sizeof(struct sr_process) + SR_LINE_BYTES; /* for nothing but the thread */
    struct worker worker = worker_after_first_records(0);
    forbid_system_calls();
    work(&worker);
}

static void a_process_without_slot_or_memory_makes_no_system_call(void **state)
{
    (void)state;
    void (*const ways[])(void *) = {record_without_a_slot, record_without_memory};
    for (size_t i = 0; i < SR_ARRAY_COUNT(ways); i++) {
        (void)place_new_store();
        child_run(ways[i], NULL);
        expect_recorded(place_store(), THROUGH_SHARED);
        CHECK_EQUAL(fold_rings(place_store(), SR_RING_OWNED), 0);
    }
}

static void record_between_reserve_and_commit(void *unused)
{
    struct slipring_reservation reservations[WORKLOAD_PRIMITIVES];
    (void)unused;
    (void)open_load();
    struct worker worker = worker_after_first_records(0);
    forbid_system_calls();
    for (uint32_t i = 0; i < load.count; i++) {
        slipring_reserve(load.primitives[i], &reservations[i]);
        require(sr_thread_find(load.primitives[i])->hot.busy);
    }
    work(&worker);
    for (uint32_t i = 0; i < load.count; i++) {
        slipring_commit(&reservations[i], 5, SLIPRING_SUCCESS, 0);
    }
}

static void between_reserve_and_commit_no_call_makes_one(void **state)
{
    (void)state;
    (void)place_new_store();
    child_run(record_between_reserve_and_commit, NULL);
    expect_recorded(place_store(), THROUGH_RING | THROUGH_SHARED);
}

static void record_on_a_closed_store(void *unused)
{
    (void)unused;
    struct slipring_store *store = open_load();
    struct worker worker = worker_after_first_records(0);
    CHECK_OK(slipring_close(store));
    forbid_system_calls();
    work(&worker);
    require(slipring_store_dropped(store) > STEPS / 2);
}

static void dropping_makes_none(void **state)
{
    (void)state;
    (void)place_new_store();
    child_run(record_on_a_closed_store, NULL);
}

/* --- one-shot: not even the first record ---------------------------------------------------------------------------------------- */

static void register_names(void *unused)
{
    (void)unused;
    (void)open_load();
}

static void open_oneshot_load(void)
{
    struct slipring_store *store = NULL;
    CHECK_OK(slipring_open_oneshot(place_store(), &store));
    workload_open(&load, store, "p", WORKLOAD_PRIMITIVES);
    sums = workload_sums(&load, 1);
}

static void record_once_and_end(void *unused)
{
    struct slipring_reservation reservation;
    const struct slipring_cost cost = {.cost_nanodollars = 3, .savings_nanodollars = 4, .category = 1};
    (void)unused;
    open_oneshot_load();
    forbid_system_calls();
    for (uint32_t i = 0; i < STEPS; i++) {
        slipring_record(load.primitives[i % load.count], UINT64_C(1) << i % 50, SLIPRING_FAILURE, &cost);
        slipring_record_cost(load.primitives[0], &cost);
        slipring_reserve(load.primitives[1], &reservation);
        slipring_discard(&reservation);
        slipring_reserve(load.primitives[1], &reservation);
        slipring_commit(&reservation, i, SLIPRING_SUCCESS, 0);
    }
}

static void record_spans_after_the_first(void *unused)
{
    (void)unused;
    open_oneshot_load();
    struct slipring_span span = slipring_begin(load.primitives[0]); /* takes the slot */
    slipring_cancel(&span);
    struct worker worker = worker_of(&load, sums, 17);
    forbid_system_calls();
    work(&worker);
}

static void record_a_span(void *unused)
{
    (void)unused;
    open_oneshot_load();
    forbid_system_calls();
    (void)slipring_begin(load.primitives[0]);
}

static void a_oneshot_store_makes_none_from_the_first_record_on_but_for_the_first_span(void **state)
{
    (void)state;
    (void)place_new_store();
    child_run(register_names, NULL);
    child_run(record_once_and_end, NULL);
    child_run(record_spans_after_the_first, NULL);
    child_dies_by(child_start(record_a_span, NULL), SIGSYS);
    expect_recorded(place_store(), THROUGH_SHARED);
    CHECK_EQUAL(fold_rings(place_store(), SR_RING_OWNED), 0);
}

/* --- threads -------------------------------------------------------------------------------------------------------------------- */

static _Atomic uint32_t done;

static void *record_in_a_thread(void *argument)
{
    const uint32_t number = *(const uint32_t *)argument;
    struct worker worker = worker_after_first_records(number);
    forbid_system_calls(); /* for this thread alone */
    work(&worker);
    (void)atomic_fetch_add(&done, 1);
    for (;;) {                                     /* its end would make system calls */
        atomic_signal_fence(memory_order_relaxed); /* relaxed: only that the loop has a body */
    }
    return NULL;
}

static void record_in_threads(void *unused)
{
    (void)unused;
    pthread_t threads[THREADS];
    uint32_t numbers[THREADS];
    (void)open_load();
    for (uint32_t i = 0; i < THREADS; i++) {
        numbers[i] = i;
        CHECK_EQUAL(pthread_create(&threads[i], NULL, record_in_a_thread, &numbers[i]), 0);
    }
    child_await(&done, THREADS);
}

static void every_thread_makes_none_after_its_own_first_record(void **state)
{
    (void)state;
    (void)place_new_store();
    child_run(record_in_threads, NULL);
    expect_recorded(place_store(), THROUGH_RING | THROUGH_SPILL | THROUGH_SHARED);
}

/* --- handlers ------------------------------------------------------------------------------------------------------------------- */

static struct worker in_handler;
static volatile sig_atomic_t handled;

static void record_in_handler(int number)
{
    (void)number;
    for (int i = 0; i < 20; i++) {
        worker_step(&in_handler);
    }
    handled++;
}

static void record_with_a_handler(void *unused)
{
    (void)unused;
    (void)open_load();
    struct worker worker = worker_after_first_records(0);
    in_handler = worker_after_first_records(1);
    const struct sigaction action = {.sa_handler = record_in_handler};
    const struct itimerval often = {{0, 500}, {0, 500}};
    CHECK_EQUAL(sigaction(SIGALRM, &action, NULL), 0);
    CHECK_EQUAL(setitimer(ITIMER_REAL, &often, NULL), 0);
    forbid_system_calls();
    while (handled < 200) {
        for (uint32_t i = 0; i < STEPS / 100; i++) {
            worker_step(&worker);
        }
    }
    worker_finish(&worker); /* the handler's spans stay open */
}

static void a_handler_that_records_makes_none(void **state)
{
    (void)state;
    (void)place_new_store();
    child_run(record_with_a_handler, NULL);
    struct tally got;
    fold_primitive(place_store(), NULL, NULL, 0, true, &got);
    CHECK(got.through_shared > 0);
    CHECK(tally_count(&got) > STEPS / 2);
}

/* --- with an agent -------------------------------------------------------------------------------------------------------------- */

static void an_offered_ring_is_taken_up_without_a_system_call(void)
{
    struct slipring_primitive *bursty = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, "bursty", NULL, &bursty));
    for (int i = 0; i < 1000; i++) {
        slipring_record(bursty, 1000000, SLIPRING_SUCCESS, NULL);
    }
    rig_tick(&rig, RIG_SECOND / 10);
    rig_tick(&rig, RIG_SECOND / 10);
    const uint32_t class_before = sr_ring_class_of(sr_thread_find(bursty)->ring);
    forbid_system_calls();
    for (int i = 0; i < 1000; i++) {
        slipring_record(bursty, 1000000, SLIPRING_SUCCESS, NULL);
    }
    require(class_before == SR_CLASS_small);
    require(sr_ring_class_of(sr_thread_find(bursty)->ring) > class_before);
    _exit(0);
}

static void figures_are_read_back_without_a_system_call(void)
{
    struct slipring_primitive *known = NULL;
    struct slipring_stats stats;
    struct slipring_stats_detail detail;
    struct slipring_slo_stats slo;
    struct slipring_exemplars exemplars;
    const struct slipring_trace trace = {.trace_id = {1}, .span_id = {1}, .flags = SLIPRING_TRACE_SAMPLED};
    const struct slipring_slo wish = {.availability_ppb = SLIPRING_TARGET(0.99)};
    CHECK_OK(slipring_primitive_get(rig_producer, "known", NULL, &known));
    CHECK_OK(slipring_slo_configure(known, &wish));
    slipring_record_traced(known, 1000000, SLIPRING_SUCCESS, NULL, &trace);
    rig_settle(&rig);
    CHECK_OK(slipring_stats_read(known, &stats));
    forbid_system_calls();
    for (int i = 0; i < 1000; i++) {
        stats.count = 0;
        require(slipring_stats_read(known, &stats) == SLIPRING_OK && stats.count == 1);
        stats.count = 0;
        require(slipring_stats_read_detail(known, &stats, &detail) == SLIPRING_OK && stats.count == 1);
        require(detail.bound_count > 0);
        double figure = -1;
        require(slipring_budget_remaining(known, NULL, &figure) == SLIPRING_OK && figure == 1);
        require(slipring_budget_remaining(known, "availability", &figure) == SLIPRING_OK && figure == 1);
        require(slipring_burn_rate(known, NULL, 3600, &figure) == SLIPRING_OK && figure == 0);
        require(slipring_burn_rate(known, "availability", 300, &figure) == SLIPRING_OK && figure == 0);
        require(slipring_burn_rate(known, "unknown", 300, &figure) == SLIPRING_NO_DATA);
        require(slipring_slo_read(known, &slo) == SLIPRING_OK && slo.objective_count == 1);
        require(slipring_exemplars_read(known, &exemplars) == SLIPRING_OK && exemplars.slowest_count == 1);
    }
    _exit(0);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_system_call_behind_the_filter_kills_also_one_of_the_librarys_own),
        cmocka_unit_test(every_call_in_ring_and_spill_makes_no_system_call),
        cmocka_unit_test(the_inline_way_makes_no_system_call_either),
        cmocka_unit_test(a_thread_that_got_no_ring_makes_no_system_call),
        cmocka_unit_test(a_process_without_slot_or_memory_makes_no_system_call),
        cmocka_unit_test(between_reserve_and_commit_no_call_makes_one),
        cmocka_unit_test(dropping_makes_none),
        cmocka_unit_test(a_oneshot_store_makes_none_from_the_first_record_on_but_for_the_first_span),
        cmocka_unit_test(every_thread_makes_none_after_its_own_first_record),
        cmocka_unit_test(a_handler_that_records_makes_none),
        RIG_TEST(an_offered_ring_is_taken_up_without_a_system_call),
        RIG_TEST(figures_are_read_back_without_a_system_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
