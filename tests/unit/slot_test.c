/* SPDX-License-Identifier: Apache-2.0 */
/* Process slots and their span table. G1 to G4: see protocol/slot.h. */
#include "protocol/slot.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crashpoint.h"
#include "support/check.h"
#include "support/child.h"
#include "support/faults.h"
#include "support/ground.h"
#include "support/place.h"

static char lock_path[PATH_MAX];

static int set_up(void **state)
{
    (void)ground_set_up(state);
    place_path(lock_path, place_store(), "lock");
    CHECK_OK(sr_liveness_make(lock_path, 0600, (gid_t)-1));
    return 0;
}

static struct sr_slot_hold take(void)
{
    struct sr_slot_hold hold = {.slot = SR_SLOT_NONE};
    CHECK_OK(sr_slot_take(&ground, lock_path, &hold));
    return hold;
}

static uint64_t state_of(uint32_t slot)
{
    return atomic_load(&sr_segment_slot(&ground, slot)->state);
}

static bool is_alive(uint32_t slot)
{
    struct sr_liveness liveness;
    CHECK_OK(sr_liveness_open(&liveness, lock_path));
    const bool alive = sr_liveness_is_alive(&liveness, slot);
    sr_liveness_close(&liveness);
    return alive;
}

static void a_taken_slot_is_owned_locked_and_says_whose_it_is_G1(void **state)
{
    (void)state;
    struct sr_slot_hold hold = take();
    CHECK_EQUAL(hold.slot, 0);
    CHECK_EQUAL(hold.generation, 1);
    CHECK_EQUAL(state_of(0), UINT64_C(1) << 32 | SR_SLOT_OWNED);
    CHECK(is_alive(0));
    const struct sr_slot_shm *shm = sr_segment_slot(&ground, 0);
    CHECK_EQUAL(atomic_load(&shm->pid), getpid());
    CHECK(strncmp(shm->comm, "unit-slot", sizeof shm->comm) == 0);
    struct stat st;
    CHECK_EQUAL(stat("/proc/self/ns/pid", &st), 0);
    CHECK_EQUAL(atomic_load(&shm->pid_namespace), st.st_ino);
    CHECK(atomic_load(&shm->attached_ns) > 0);
    sr_slot_release(&ground, &hold);
    CHECK_EQUAL(hold.slot, SR_SLOT_NONE);
    CHECK_EQUAL(state_of(0), UINT64_C(1) << 32 | SR_SLOT_RELEASED);
    CHECK(!is_alive(0));
    sr_slot_release(&ground, &hold); /* no-op */
}

static void take_and_compare_namespace(void *unused)
{
    (void)unused;
    const struct sr_slot_hold hold = take();
    struct stat st;
    CHECK_EQUAL(stat("/proc/self/ns/pid", &st), 0);
    CHECK_EQUAL(atomic_load(&sr_segment_slot(&ground, hold.slot)->pid_namespace), st.st_ino);
    CHECK_EQUAL(atomic_load(&sr_segment_slot(&ground, hold.slot)->pid), getpid());
}

/* Without the right there is no other namespace to be born into: then it is the same one. By plain fork(): the children of
 * support/child.h want to see their parent. */
static void take_where_the_next_child_is_born_elsewhere(void *unused)
{
    (void)unused;
    (void)take();
    if (unshare(CLONE_NEWPID) != 0) {
        print_message("no right to make a namespace: not tried\n");
    }
    const pid_t child = fork();
    if (child == 0) {
        take_and_compare_namespace(NULL);
        _exit(0);
    }
    int status = -1;
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    CHECK_EQUAL(status, 0);
}

static void a_child_knows_its_namespace_born_into_another_one_too_G4(void **state)
{
    (void)state;
    struct sr_slot_hold hold = take();
    child_run(take_and_compare_namespace, NULL);
    child_run(take_where_the_next_child_is_born_elsewhere, NULL);
    sr_slot_release(&ground, &hold);
}

static void *take_under_another_name(void *out_hold)
{
    CHECK_EQUAL(pthread_setname_np(pthread_self(), "a-worker"), 0);
    *(struct sr_slot_hold *)out_hold = take();
    return NULL;
}

static void a_process_is_called_what_its_first_thread_is_called(void **state)
{
    (void)state;
    struct sr_slot_hold hold;
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, take_under_another_name, &hold), 0);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
    CHECK(strncmp(sr_segment_slot(&ground, hold.slot)->comm, "unit-slot", 16) == 0);
    sr_slot_release(&ground, &hold);
}

static void only_a_free_slot_is_taken_and_a_dead_ones_waits_for_the_agent_G1(void **state)
{
    (void)state;
    const uint32_t states[] = {SR_SLOT_OWNED, SR_SLOT_RELEASED, SR_SLOT_REAPING, 99};
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(states); i++) {
        CHECK_OK(sr_segment_reserve_slot(&ground, i));
        atomic_store(&sr_segment_slot(&ground, i)->state,
                     UINT64_C(7) << 32 | states[i]); /* nobody holds their bytes */
    }
    struct sr_slot_hold hold = take();
    CHECK_EQUAL(hold.slot, SR_ARRAY_COUNT(states));
    atomic_store(&sr_segment_slot(&ground, 2)->state, UINT64_C(7) << 32 | SR_SLOT_FREE); /* reaped */
    sr_slot_hint_free(&ground, 2);
    struct sr_slot_hold next = take();
    CHECK_EQUAL(next.slot, 2);
    CHECK_EQUAL(next.generation, 8);
    sr_slot_release(&ground, &hold);
    sr_slot_release(&ground, &next);
}

static uint32_t cursor(void)
{
    return atomic_load(&sr_segment_header(&ground)->hint.slot_cursor);
}

static void takers_begin_behind_the_last_one_and_at_the_lowest_that_the_agent_freed_G4(void **state)
{
    (void)state;
    struct sr_slot_hold holds[8];
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(holds); i++) {
        holds[i] = take();
        CHECK_EQUAL(holds[i].slot, i);
        CHECK_EQUAL(cursor(), i + 1);
    }
    for (uint32_t i = 2; i < 6; i += 3) { /* 2 and 5 */
        sr_slot_release(&ground, &holds[i]);
        atomic_store(&sr_segment_slot(&ground, i)->state, UINT64_C(1) << 32 | SR_SLOT_FREE);
        sr_slot_hint_free(&ground, i);
    }
    CHECK_EQUAL(cursor(), 2); /* 5 raised nothing */
    const uint32_t expected[] = {2, 5, 8};
    struct sr_slot_hold again[SR_ARRAY_COUNT(expected)];
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(expected); i++) {
        again[i] = take();
        CHECK_EQUAL(again[i].slot, expected[i]);
    }
    CHECK(!sr_segment_slot_is_reserved(&ground, 12)); /* no page for nothing */
}

static void a_wrong_cursor_costs_time_alone_G4(void **state)
{
    (void)state;
    const uint32_t wrong[] = {SR_SLOT_MAX - 1, SR_SLOT_MAX, UINT32_MAX};
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(wrong); i++) {
        atomic_store(&sr_segment_header(&ground)->hint.slot_cursor, wrong[i]);
        struct sr_slot_hold hold = take();
        sr_slot_release(&ground, &hold);
    }
    for (uint32_t slot = 0; slot < SR_SLOT_MAX; slot++) {
        CHECK_OK(sr_segment_reserve_slot(&ground, slot));
        atomic_store(&sr_segment_slot(&ground, slot)->state, slot == 7 ? SR_SLOT_FREE : SR_SLOT_OWNED);
    }
    atomic_store(&sr_segment_header(&ground)->hint.slot_cursor, 8);
    struct sr_slot_hold hold = take();
    CHECK_EQUAL(hold.slot, 7);
}

static void all_slots_taken_is_in_use(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SR_SLOT_MAX; i++) {
        CHECK_OK(sr_segment_reserve_slot(&ground, i));
        atomic_store(&sr_segment_slot(&ground, i)->state, SR_SLOT_OWNED);
    }
    struct sr_slot_hold hold = {.slot = SR_SLOT_NONE};
    CHECK_STATUS(sr_slot_take(&ground, lock_path, &hold), SLIPRING_IN_USE);
    CHECK_EQUAL(hold.slot, SR_SLOT_NONE);
    atomic_store(&sr_segment_slot(&ground, 1000)->state, SR_SLOT_FREE);
    hold = take();
    CHECK_EQUAL(hold.slot, 1000);
    sr_slot_release(&ground, &hold);
}

static void without_a_page_it_is_no_space_after_one_try(void **state)
{
    (void)state;
    struct sr_slot_hold hold = {.slot = SR_SLOT_NONE};
    faults_arm(0, 100000, ENOSPC);
    CHECK_STATUS(sr_slot_take(&ground, lock_path, &hold), SLIPRING_NO_SPACE);
    CHECK_EQUAL(faults_calls(), 1);
    CHECK(!is_alive(0));
    faults_arm(0, 0, 0);
    CHECK_OK(sr_segment_reserve_slot(&ground, 700));
    faults_arm(0, 100000, ENOSPC);
    hold = take(); /* a page that is there still serves */
    CHECK_EQUAL(hold.slot / 4, 700 / 4);
    sr_slot_release(&ground, &hold);
}

static void take_armed(void *argument)
{
    sr_crashpoint_arm(*(const enum sr_crashpoint *)argument, 1);
    (void)take();
}

static void a_process_killed_while_taking_leaves_free_or_owned_and_dead_G2(void **state)
{
    (void)state;
    if (!SR_CRASHPOINTS_BUILT) {
        print_message("no crash points in this build: not tried\n");
        return;
    }
    enum sr_crashpoint point = SR_CRASHPOINT_slot_locked;
    child_dies_by(child_start(take_armed, &point), SIGKILL);
    CHECK_EQUAL(state_of(0), SR_SLOT_FREE);
    CHECK(!is_alive(0));
    point = SR_CRASHPOINT_slot_owned;
    child_dies_by(child_start(take_armed, &point), SIGKILL);
    CHECK_EQUAL(state_of(0), UINT64_C(1) << 32 | SR_SLOT_OWNED);
    CHECK(!is_alive(0)); /* to be reaped */
    struct sr_slot_hold hold = take();
    CHECK_EQUAL(hold.slot, 1);
    sr_slot_release(&ground, &hold);
}

static void take_and_tell(void *argument)
{
    _Atomic uint32_t *counts = argument;
    const struct sr_slot_hold hold = take();
    (void)atomic_fetch_add(&counts[hold.slot], 1);
    child_await(&counts[SR_SLOT_MAX], 1);
}

static void processes_that_take_at_once_get_different_slots_G1(void **state)
{
    (void)state;
    _Atomic uint32_t *counts = child_share((SR_SLOT_MAX + 1) * sizeof *counts);
    pid_t children[20];
    for (int i = 0; i < 20; i++) {
        children[i] = child_start(take_and_tell, counts);
    }
    uint32_t taken = 0;
    while (taken < 20) {
        taken = 0;
        for (uint32_t slot = 0; slot < SR_SLOT_MAX; slot++) {
            CHECK(atomic_load(&counts[slot]) <= 1);
            taken += atomic_load(&counts[slot]);
        }
    }
    atomic_store(&counts[SR_SLOT_MAX], 1);
    for (int i = 0; i < 20; i++) {
        child_ends_well(children[i]);
    }
}

/* --- the span table ---------------------------------------------------------------------------------------------------------------------- */

static const struct sr_span_entry_shm *entry_of(uint32_t slot, uint32_t primitive)
{
    for (uint32_t i = 0; i < SR_SPAN_TABLE_COUNT; i++) {
        const struct sr_span_entry_shm *entry = &sr_segment_slot(&ground, slot)->spans[i];
        if (atomic_load(&entry->key) == (uint64_t)primitive + 1) {
            return entry;
        }
    }
    return NULL;
}

static void spans_are_counted_by_primitive_G3(void **state)
{
    (void)state;
    struct sr_slot_hold hold = take();
    for (int i = 0; i < 5; i++) {
        CHECK(sr_slot_span_begun(&ground, hold.slot, 0));
        CHECK(sr_slot_span_begun(&ground, hold.slot, SR_PRIMITIVE_MAX - 1));
    }
    CHECK(sr_slot_span_ended(&ground, hold.slot, 0));
    CHECK_EQUAL(atomic_load(&entry_of(hold.slot, 0)->begun), 5);
    CHECK_EQUAL(atomic_load(&entry_of(hold.slot, 0)->ended), 1);
    CHECK_EQUAL(atomic_load(&entry_of(hold.slot, SR_PRIMITIVE_MAX - 1)->begun), 5);
    CHECK_EQUAL(atomic_load(&entry_of(hold.slot, SR_PRIMITIVE_MAX - 1)->ended), 0);
    sr_slot_release(&ground, &hold);
}

static void a_full_span_table_counts_what_it_can_not_attribute_G3(void **state)
{
    (void)state;
    struct sr_slot_hold hold = take();
    for (uint32_t i = 0; i < SR_SPAN_TABLE_COUNT; i++) {
        CHECK(sr_slot_span_begun(&ground, hold.slot, i));
    }
    CHECK(!sr_slot_span_begun(&ground, hold.slot, 5000));
    CHECK(!sr_slot_span_ended(&ground, hold.slot, 5001));
    CHECK(sr_slot_span_begun(&ground, hold.slot, 31));
    CHECK_EQUAL(atomic_load(&sr_segment_slot(&ground, hold.slot)->unattributed), 2);
    sr_slot_release(&ground, &hold);
}

static uint32_t shared_slot;

static void *begin_and_end(void *unused)
{
    (void)unused;
    for (uint32_t i = 0; i < 32000; i++) {
        CHECK(sr_slot_span_begun(&ground, shared_slot, i % 32));
        CHECK(sr_slot_span_ended(&ground, shared_slot, i % 32));
    }
    return NULL;
}

static void threads_share_the_span_table_exactly_G3(void **state)
{
    (void)state;
    struct sr_slot_hold hold = take();
    shared_slot = hold.slot;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        CHECK_EQUAL(pthread_create(&threads[i], NULL, begin_and_end, NULL), 0);
    }
    for (int i = 0; i < 4; i++) {
        CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
    }
    for (uint32_t i = 0; i < 32; i++) {
        CHECK_EQUAL(atomic_load(&entry_of(hold.slot, i)->begun), 4000);
        CHECK_EQUAL(atomic_load(&entry_of(hold.slot, i)->ended), 4000);
    }
    CHECK_EQUAL(atomic_load(&sr_segment_slot(&ground, hold.slot)->unattributed), 0);
    sr_slot_release(&ground, &hold);
}

static int run(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, ground_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_taken_slot_is_owned_locked_and_says_whose_it_is_G1),
        TEST(a_child_knows_its_namespace_born_into_another_one_too_G4),
        TEST(a_process_is_called_what_its_first_thread_is_called),
        TEST(only_a_free_slot_is_taken_and_a_dead_ones_waits_for_the_agent_G1),
        TEST(takers_begin_behind_the_last_one_and_at_the_lowest_that_the_agent_freed_G4),
        TEST(a_wrong_cursor_costs_time_alone_G4),
        TEST(all_slots_taken_is_in_use),
        TEST(without_a_page_it_is_no_space_after_one_try),
        TEST(a_process_killed_while_taking_leaves_free_or_owned_and_dead_G2),
        TEST(processes_that_take_at_once_get_different_slots_G1),
        TEST(spans_are_counted_by_primitive_G3),
        TEST(a_full_span_table_counts_what_it_can_not_attribute_G3),
        TEST(threads_share_the_span_table_exactly_G3),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
