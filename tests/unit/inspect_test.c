/* SPDX-License-Identifier: Apache-2.0 */
/* The ring segment as people see it, also when it says impossible things; and the stores of a host. */
#include "support/check.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <slipring/slipring.h>

#include "peer/inspect.h"
#include "peer/stores.h"
#include "protocol/segment.h"
#include "support/child.h"
#include "support/place.h"
#include "system/guard.h"

/* A child that opens the store, records `count` executions of "work" and one cost, then waits to be killed. */
struct recording {
    const char *store;
    uint32_t count;
    _Atomic uint32_t done;
    _Atomic uint32_t may_end;
};

static void record_and_wait(void *argument)
{
    struct recording *recording = argument;
    struct slipring_store *store;
    struct slipring_primitive *work;
    CHECK_OK(slipring_open(recording->store, &store));
    CHECK_OK(slipring_primitive_get(store, "work", "step", &work));
    for (uint32_t i = 0; i < recording->count; i++) {
        slipring_record(work, 5000, SLIPRING_SUCCESS, NULL);
    }
    atomic_store(&recording->done, 1);
    child_await(&recording->may_end, 1);
}

static struct recording *start_recording(const char *store, uint32_t count, pid_t *out_child)
{
    struct recording *recording = child_share(sizeof *recording);
    recording->store = store;
    recording->count = count;
    *out_child = child_start(record_and_wait, recording);
    child_await(&recording->done, 1);
    return recording;
}

static void end_recording(struct recording *recording, pid_t child)
{
    atomic_store(&recording->may_end, 1);
    child_ends_well(child);
}

/* The segment for scribbling on. */
static struct sr_segment open_for_harm(const char *store)
{
    struct sr_segment segment = {.map = {.base = NULL}};
    CHECK_OK(sr_segment_attach(&segment, store, true));
    return segment;
}

static struct sr_inspect *open_inspect(const char *store)
{
    struct sr_inspect *inspect = NULL;
    CHECK_OK(sr_guard_install()); /* cmocka takes SIGBUS for each test */
    CHECK_OK(sr_inspect_open(store, &inspect));
    return inspect;
}

/* The first ring that is not untouched. */
static struct sr_inspect_ring first_ring(const struct sr_inspect *inspect)
{
    struct sr_inspect_ring ring = {.ring = SR_INSPECT_NONE};
    for (uint32_t i = 0; i < sr_inspect_ring_count(); i++) {
        if (sr_inspect_ring(inspect, i, &ring) == SLIPRING_OK) {
            break;
        }
    }
    assert_int_not_equal(ring.ring, SR_INSPECT_NONE);
    return ring;
}

static void a_living_thread_is_seen_with_what_it_recorded(void **state)
{
    (void)state;
    const char *store = place_new_store();
    pid_t child;
    struct recording *recording =
        start_recording(store, 600, &child); /* a small ring holds 512: the rest spills */
    struct sr_inspect *inspect = open_inspect(store);
    struct sr_inspect_ring ring = first_ring(inspect);
    struct sr_inspect_slot slot;
    struct sr_inspect_primitive primitive;
    assert_true(ring.is_owned && ring.is_possible && !ring.is_quarantined);
    assert_string_equal(ring.state, "owned");
    assert_string_equal(ring.class, "small");
    assert_int_equal(ring.words, 512);
    assert_int_equal(ring.tail, 512);
    assert_int_equal(ring.head, 0);
    assert_int_equal(ring.spilled, 88);
    assert_int_equal(ring.tid, child);
    CHECK_OK(sr_inspect_slot(inspect, ring.slot, &slot));
    assert_int_equal(slot.pid, child);
    assert_true(slot.is_owned && slot.liveness_known && slot.is_alive);
    CHECK_OK(sr_inspect_primitive(inspect, ring.primitive, &primitive));
    assert_true(primitive.is_name_clean);
    assert_string_equal(primitive.name, "work");
    assert_string_equal(primitive.type, "step");
    assert_int_equal(primitive.alias, primitive.primitive);
    sr_inspect_close(inspect);
    end_recording(recording, child);
}

static void a_killed_process_is_seen_as_dead(void **state)
{
    (void)state;
    const char *store = place_new_store();
    pid_t child;
    struct sr_inspect_slot slot;
    (void)start_recording(store, 1, &child);
    assert_int_equal(kill(child, SIGKILL), 0);
    child_dies_by(child, SIGKILL);
    struct sr_inspect *inspect = open_inspect(store);
    struct sr_inspect_ring ring = first_ring(inspect);
    CHECK_OK(sr_inspect_slot(inspect, ring.slot, &slot));
    assert_true(slot.is_owned && slot.liveness_known && !slot.is_alive);
    struct sr_inspect_totals totals;
    sr_inspect_totals(inspect, &totals);
    assert_int_equal(totals.processes, 0);
    assert_int_equal(totals.rings, 1);
    assert_int_equal(totals.primitives, 2); /* and __overflow__ */
    sr_inspect_close(inspect);
}

static void what_is_used_up_is_told(void **state)
{
    (void)state;
    const char *store = place_new_store();
    pid_t child;
    struct recording *recording = start_recording(store, 1, &child);
    struct sr_inspect *inspect = open_inspect(store);
    struct sr_inspect_room room;
    sr_inspect_room(inspect, &room);
    assert_int_equal(room.rings, SR_RING_MAX);
    assert_int_equal(room.rings_free, SR_RING_MAX - 1);
    assert_int_equal(room.slots, SR_SLOT_MAX);
    assert_int_equal(room.slots_free, SR_SLOT_MAX - 1);
    assert_int_equal(room.ring_cap, SR_RING_CAP_DEFAULT);
    assert_true(room.free_bytes > 0 && room.free_bytes < UINT64_MAX);
    struct sr_segment segment = open_for_harm(store);
    for (uint32_t ring = 0; ring < SR_RING_MAX; ring++) {
        atomic_store(sr_segment_ring_state(&segment, ring), SR_RING_OWNED + ring % 5); /* to QUARANTINED */
    }
    for (uint32_t slot = 0; slot < SR_SLOT_MAX; slot++) {
        CHECK_OK(sr_segment_reserve_slot(&segment, slot));
        atomic_store(&sr_segment_slot(&segment, slot)->state, SR_SLOT_OWNED + slot % 3);
    }
    sr_inspect_room(inspect, &room);
    assert_int_equal(room.rings_free, 0);
    assert_int_equal(room.slots_free, 0);
    sr_map_unmap(&segment.map);
    sr_inspect_close(inspect);
    end_recording(recording, child);
}

static void looking_at_everything_takes_no_memory(void **state)
{
    (void)state;
    const char *store = place_new_store();
    char path[PATH_MAX];
    struct stat before;
    struct stat after;
    pid_t child;
    struct recording *recording = start_recording(store, 1, &child);
    place_path(path, store, "ring");
    assert_int_equal(stat(path, &before), 0);
    struct sr_inspect *inspect = open_inspect(store);
    for (uint32_t i = 0; i < sr_inspect_ring_count(); i++) {
        struct sr_inspect_ring ring;
        assert_in_range(sr_inspect_ring(inspect, i, &ring), 0, SLIPRING_NO_DATA);
    }
    for (uint32_t i = 0; i < sr_inspect_slot_count(); i++) {
        struct sr_inspect_slot slot;
        assert_in_range(sr_inspect_slot(inspect, i, &slot), 0, SLIPRING_NO_DATA);
    }
    for (uint32_t i = 0; i < sr_inspect_primitive_count(); i++) {
        struct sr_inspect_primitive primitive;
        assert_in_range(sr_inspect_primitive(inspect, i, &primitive), 0, SLIPRING_NO_DATA);
    }
    struct sr_inspect_room room;
    sr_inspect_room(inspect, &room);
    assert_int_equal(sr_inspect_faults(inspect), 0);
    sr_inspect_close(inspect);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(after.st_blocks, before.st_blocks);
    end_recording(recording, child);
}

static void impossible_words_are_marked_and_lead_nowhere(void **state)
{
    (void)state;
    const char *store = place_new_store();
    pid_t child;
    struct recording *recording = start_recording(store, 1, &child);
    struct sr_segment segment = open_for_harm(store);
    struct sr_inspect *inspect = open_inspect(store);
    struct sr_inspect_ring ring = first_ring(inspect);
    struct sr_ring_info_shm *info = sr_segment_ring_info(&segment, ring.ring);

    atomic_store(&sr_segment_producer_line(&segment, ring.ring)->tail, UINT64_MAX - 5);
    CHECK_OK(sr_inspect_ring(inspect, ring.ring, &ring));
    assert_false(ring.is_possible);
    atomic_store(&sr_segment_producer_line(&segment, ring.ring)->tail, 1);

    atomic_store(&info->primitive, 0xfffffff0u);
    atomic_store(&info->slot, 0xfffffff0u);
    CHECK_OK(sr_inspect_ring(inspect, ring.ring, &ring));
    assert_false(ring.is_possible);
    assert_int_equal(ring.primitive, SR_INSPECT_NONE);
    assert_int_equal(ring.slot, SR_INSPECT_NONE);

    atomic_store(sr_segment_ring_state(&segment, ring.ring), sr_state_word(1, 0, 200));
    CHECK_OK(sr_inspect_ring(inspect, ring.ring, &ring));
    assert_false(ring.is_possible);
    assert_string_equal(ring.state, "impossible");

    /* a state for a ring whose pages nobody reserved: not touched */
    atomic_store(sr_segment_ring_state(&segment, SR_RING_MAX - 1), sr_state_word(1, 0, SR_RING_OWNED));
    CHECK_STATUS(sr_inspect_ring(inspect, SR_RING_MAX - 1, &ring), SLIPRING_NO_DATA);
    CHECK_STATUS(sr_inspect_ring(inspect, SR_RING_MAX, &ring), SLIPRING_BAD_ARGUMENT);
    struct sr_inspect_slot slot;
    struct sr_inspect_primitive primitive;
    CHECK_STATUS(sr_inspect_slot(inspect, SR_SLOT_MAX, &slot), SLIPRING_BAD_ARGUMENT);
    CHECK_STATUS(sr_inspect_primitive(inspect, SR_PRIMITIVE_MAX, &primitive), SLIPRING_BAD_ARGUMENT);
    sr_inspect_close(inspect);
    sr_map_unmap(&segment.map);
    end_recording(recording, child);
}

static void a_hostile_name_is_said_to_be_none(void **state)
{
    (void)state;
    const char *store = place_new_store();
    pid_t child;
    struct recording *recording = start_recording(store, 1, &child);
    struct sr_segment segment = open_for_harm(store);
    struct sr_inspect *inspect = open_inspect(store);
    struct sr_inspect_ring ring = first_ring(inspect);
    struct sr_registry_entry_shm *entry = sr_segment_entry(&segment, ring.primitive);
    struct sr_inspect_primitive primitive;

    memcpy(entry->name, "\033[2J", 4);
    CHECK_OK(sr_inspect_primitive(inspect, ring.primitive, &primitive));
    assert_false(primitive.is_name_clean);
    assert_string_equal(primitive.name, "");
    memcpy(entry->name, "work", 4);
    entry->name_bytes = 0xffffffffu; /* far beyond the field */
    CHECK_OK(sr_inspect_primitive(inspect, ring.primitive, &primitive));
    assert_false(primitive.is_name_clean);
    entry->name_bytes = 4;
    entry->type_bytes = 64; /* one too many */
    CHECK_OK(sr_inspect_primitive(inspect, ring.primitive, &primitive));
    assert_false(primitive.is_name_clean);
    entry->type_bytes = 4;
    atomic_store(&sr_segment_bounds(&segment, ring.primitive)->alias, UINT64_MAX);
    CHECK_OK(sr_inspect_primitive(inspect, ring.primitive, &primitive));
    assert_true(primitive.is_name_clean);
    assert_int_equal(primitive.alias, primitive.primitive);
    sr_inspect_close(inspect);
    sr_map_unmap(&segment.map);
    end_recording(recording, child);
}

static void a_segment_that_is_truncated_under_our_eyes_is_survived(void **state)
{
    (void)state;
    const char *store = place_new_store();
    char path[PATH_MAX];
    pid_t child;
    (void)start_recording(store, 1, &child);
    assert_int_equal(kill(child, SIGKILL), 0);
    child_dies_by(child, SIGKILL);
    struct sr_inspect *inspect = open_inspect(store);
    place_path(path, store, "ring");
    assert_int_equal(truncate(path, SR_PAGE_BYTES), 0);
    for (uint32_t i = 0; i < sr_inspect_ring_count(); i++) {
        struct sr_inspect_ring ring;
        CHECK_STATUS(sr_inspect_ring(inspect, i, &ring), SLIPRING_NO_DATA);
    }
    assert_true(sr_inspect_faults(inspect) > 0);
    sr_inspect_close(inspect);
    struct sr_inspect *again = NULL;
    CHECK_STATUS(sr_inspect_open(store, &again), SLIPRING_WRONG_SIZE);
}

/* --- stores --------------------------------------------------------------------------------------------------- */

static const struct sr_store_info *find(const struct sr_store_info *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i].name, name) == 0) {
            return &list[i];
        }
    }
    return NULL;
}

static void put_file(const char *name, const char *contents)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", place_folder(), name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, contents, strlen(contents)), (ssize_t)strlen(contents));
    close(fd);
}

static void stores_are_listed_also_the_broken_ones(void **state)
{
    (void)state;
    char store[32];
    pid_t child;
    (void)snprintf(store, sizeof store, "%s", place_new_store());
    struct recording *recording = start_recording(store, 1, &child);
    put_file("slipring.foreign.ring", "this is a file of somebody else's, and no segment of ours at all\n");
    put_file("slipring.bad name.ring", "x");
    put_file("slipring..ring", "x");
    put_file("slipring.orphan.lock", "");
    put_file("unrelated", "x");
    struct sr_store_info *list;
    size_t count;
    CHECK_OK(sr_guard_install());
    CHECK_OK(sr_stores_list(&list, &count));
    const struct sr_store_info *info = find(list, count, store);
    assert_non_null(info);
    assert_int_equal(info->ring_status, SLIPRING_OK);
    assert_int_equal(info->processes, 1);
    assert_int_equal(info->rings, 1);
    assert_int_equal(info->primitives, 2);
    assert_true(info->has_ring && info->has_lock && !info->has_stats);
    assert_int_equal(info->uid, getuid());
    assert_int_equal(info->mode, 0600);
    assert_in_range(info->memory_bytes, 64 * 1024, 16 * 1024 * 1024);
    info = find(list, count, "foreign");
    assert_non_null(info);
    assert_int_not_equal(info->ring_status, SLIPRING_OK);
    info = find(list, count, "orphan");
    assert_non_null(info);
    assert_true(!info->has_ring && info->has_lock);
    assert_null(find(list, count, "bad name"));
    for (size_t i = 1; i < count; i++) {
        assert_true(strcmp(list[i - 1].name, list[i].name) < 0);
    }
    free(list);
    end_recording(recording, child);
}

static void remove_store(const char *store, enum slipring_status wanted, enum sr_stores_user wanted_user,
                         uint32_t wanted_pid)
{
    enum sr_stores_user user;
    uint32_t pid;
    CHECK_OK(sr_guard_install());
    CHECK_STATUS(sr_stores_remove(store, &user, &pid), wanted);
    assert_int_equal(user, wanted_user);
    assert_int_equal(pid, wanted_pid);
}

static void a_store_in_use_is_not_removed_and_its_user_named(void **state)
{
    (void)state;
    const char *store = place_new_store();
    char path[PATH_MAX];
    pid_t child;
    struct recording *recording = start_recording(store, 1, &child);
    place_path(path, store, "ring");
    remove_store(store, SLIPRING_IN_USE, SR_STORES_PRODUCER, (uint32_t)child);
    assert_int_equal(access(path, F_OK), 0);
    end_recording(recording, child);
    remove_store(store, SLIPRING_OK, SR_STORES_NOBODY, 0);
    assert_int_equal(access(path, F_OK), -1);
    place_path(path, store, "lock");
    assert_int_equal(access(path, F_OK), -1);
    remove_store(store, SLIPRING_ABSENT, SR_STORES_NOBODY, 0);
}

static void who_mapped_a_removed_store_is_told_that_it_moved(void **state)
{
    (void)state;
    const char *store = place_new_store();
    pid_t child;
    struct recording *recording = start_recording(store, 1, &child);
    end_recording(recording, child);
    struct sr_segment segment = open_for_harm(store); /* mapped, and no slot taken */
    remove_store(store, SLIPRING_OK, SR_STORES_NOBODY, 0);
    assert_true(atomic_load(&sr_segment_header(&segment)->control.coarse_ns) == SR_CLOCK_MOVED);
    sr_map_unmap(&segment.map);
}

static void broken_and_foreign_files_can_be_removed(void **state)
{
    (void)state;
    char path[PATH_MAX];
    put_file("slipring.foreign.ring", "no segment");
    remove_store("foreign", SLIPRING_OK, SR_STORES_NOBODY, 0);
    (void)snprintf(path, sizeof path, "%s/slipring.linked.ring", place_folder());
    put_file("kept", "x");
    assert_int_equal(symlink("kept", path), 0);
    remove_store("linked", SLIPRING_OK, SR_STORES_NOBODY, 0);
    (void)snprintf(path, sizeof path, "%s/kept", place_folder());
    assert_int_equal(access(path, F_OK), 0); /* the link went, what it led to stayed */
    remove_store("../etc", SLIPRING_BAD_NAME, SR_STORES_NOBODY, 0);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_living_thread_is_seen_with_what_it_recorded),
        cmocka_unit_test(a_killed_process_is_seen_as_dead),
        cmocka_unit_test(what_is_used_up_is_told),
        cmocka_unit_test(looking_at_everything_takes_no_memory),
        cmocka_unit_test(impossible_words_are_marked_and_lead_nowhere),
        cmocka_unit_test(a_hostile_name_is_said_to_be_none),
        cmocka_unit_test(a_segment_that_is_truncated_under_our_eyes_is_survived),
        cmocka_unit_test(stores_are_listed_also_the_broken_ones),
        cmocka_unit_test(a_store_in_use_is_not_removed_and_its_user_named),
        cmocka_unit_test(who_mapped_a_removed_store_is_told_that_it_moved),
        cmocka_unit_test(broken_and_foreign_files_can_be_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
