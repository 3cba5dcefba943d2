/* SPDX-License-Identifier: Apache-2.0 */
/* The ring segment as a file: stages of attaching, making it again after the dead, reservation. G1 to G3: see protocol/segment.h. */
#include "protocol/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/check.h"
#include "support/child.h"
#include "support/faults.h"
#include "support/ground.h"
#include "support/place.h"

static enum slipring_status attach(void)
{
    struct sr_segment segment = {.map.base = NULL};
    const enum slipring_status status = sr_segment_attach(&segment, place_store(), true);
    CHECK((segment.map.base != NULL) == (status == SLIPRING_OK));
    sr_map_unmap(&segment.map);
    return status;
}

static enum slipring_status make(void)
{
    struct sr_segment segment = {.map.base = NULL};
    const enum slipring_status status = sr_segment_make(&segment, place_store(), 0600, (gid_t)-1);
    CHECK((segment.map.base != NULL) == (status == SLIPRING_OK));
    sr_map_unmap(&segment.map);
    return status;
}

static struct sr_ring_header_shm *header(void)
{
    return sr_segment_header(&ground);
}

static void a_new_segment_describes_itself(void **state)
{
    (void)state;
    const struct sr_ring_header_shm *made = header();
    CHECK_EQUAL(memcmp(&made->magic, "slipring", 8), 0);
    CHECK_EQUAL(made->abi_major, SR_ABI_MAJOR);
    CHECK_EQUAL(made->endian, SR_ENDIAN_PROBE);
    CHECK_EQUAL(made->segment_bytes, sizeof(struct sr_ring_map));
    CHECK_EQUAL(made->schema, 5);
    CHECK(made->incarnation != 0);
    CHECK(made->made_wall_ns > UINT64_C(1600000000000000000));
    CHECK_EQUAL(atomic_load(&made->ready), 1);
    CHECK_EQUAL(atomic_load(&made->control.primitive_limit), 1000);
    CHECK_EQUAL(atomic_load(&made->control.ring_cap), 4096);
    CHECK_EQUAL(atomic_load(&made->control.agent_life), 0);
    uint64_t end = 0;
    for (uint32_t i = 0; i < made->region_count; i++) {
        CHECK_EQUAL(made->regions[i].offset, end);
        end += SR_PAGES(made->regions[i].bytes);
    }
    CHECK_EQUAL(end, made->segment_bytes);
    struct stat st;
    CHECK_EQUAL(stat(ground.map.path, &st), 0);
    CHECK(st.st_blocks * 512 < 700000); /* sparse: the directories and __overflow__ */
}

static void each_making_has_an_incarnation_of_its_own(void **state)
{
    (void)state;
    const uint64_t first = header()->incarnation;
    sr_map_unmap(&ground.map);
    CHECK_EQUAL(unlink(ground.map.path), 0);
    CHECK_OK(sr_segment_make(&ground, place_store(), 0600, (gid_t)-1));
    CHECK(header()->incarnation != first);
}

static void attaching_says_stage_by_stage_what_is_wrong_G1(void **state)
{
    (void)state;
    CHECK_OK(attach());
    const struct sr_ring_header_shm good = *header();
    header()->magic ^= 1;
    CHECK_STATUS(attach(), SLIPRING_FOREIGN);
    CHECK_STATUS(make(), SLIPRING_FOREIGN);
    *header() = good;
    header()->endian = __builtin_bswap64(SR_ENDIAN_PROBE);
    CHECK_STATUS(attach(), SLIPRING_FOREIGN);
    *header() = good;
    header()->abi_major++;
    CHECK_STATUS(attach(), SLIPRING_OTHER_VERSION);
    CHECK_STATUS(make(), SLIPRING_OTHER_VERSION);
    *header() = good;
    header()->abi_minor++; /* newer, and still to be understood */
    CHECK_OK(attach());
    *header() = good;
    header()->schema++;
    CHECK_STATUS(attach(), SLIPRING_OTHER_VERSION);
    *header() = good;
    header()->segment_bytes++;
    CHECK_STATUS(attach(), SLIPRING_WRONG_SIZE);
    CHECK_STATUS(make(), SLIPRING_WRONG_SIZE);
    *header() = good;
    atomic_store(&header()->ready, 0);
    CHECK_STATUS(attach(), SLIPRING_BEING_MADE);
    atomic_store(&header()->ready, 1);
    CHECK_OK(attach());
}

static void a_file_of_another_size_is_asked_for_its_version_G1(void **state)
{
    (void)state;
    CHECK_EQUAL(truncate(ground.map.path, 2 << 20), 0);
    CHECK_STATUS(attach(), SLIPRING_WRONG_SIZE);
    header()->abi_major = SR_ABI_MAJOR + 1;
    header()->segment_bytes = 2 << 20;
    CHECK_STATUS(attach(), SLIPRING_OTHER_VERSION);
    CHECK_STATUS(make(), SLIPRING_OTHER_VERSION);
    header()->magic = 17;
    CHECK_STATUS(attach(), SLIPRING_FOREIGN);
    CHECK_EQUAL(truncate(ground.map.path, 100), 0);
    CHECK_STATUS(attach(), SLIPRING_WRONG_SIZE);
}

static void the_region_table_is_for_people_and_moves_nothing_G1(void **state)
{
    (void)state;
    memset(header()->regions, 0xff, sizeof header()->regions);
    header()->region_count = UINT32_MAX;
    CHECK_OK(attach());
    CHECK_EQUAL((uintptr_t)sr_segment_entry(&ground, 3),
                (uintptr_t)ground.map.base + offsetof(struct sr_ring_map, registry_entry) + 3 * 2048);
}

static void a_copied_segment_can_be_read_by_its_path(void **state)
{
    (void)state;
    struct sr_segment copy = {.map.base = NULL};
    (void)snprintf(copy.map.path, sizeof copy.map.path, "%s/copy", place_folder());
    const int fd = open(copy.map.path, O_RDWR | O_CREAT, 0400);
    CHECK(fd >= 0);
    CHECK_EQUAL(ftruncate(fd, sizeof(struct sr_ring_map)), 0);
    CHECK_EQUAL(pwrite(fd, ground.map.base, SR_RING_DENSE_BYTES, 0), SR_RING_DENSE_BYTES);
    (void)close(fd);
    CHECK_OK(sr_segment_attach_path(&copy, false));
    CHECK_EQUAL(sr_segment_header(&copy)->incarnation, header()->incarnation);
    sr_map_unmap(&copy.map);
    CHECK_EQUAL(unlink(copy.map.path), 0);
}

/* --- made again ------------------------------------------------------------------------------------------------------------------- */

static void what_a_dead_maker_left_is_made_again_from_the_start(void **state)
{
    (void)state;
    const uint64_t first = header()->incarnation;
    atomic_store(&header()->ready, 0); /* killed before the last store, everything else half-written */
    memset(ground.map.base + sizeof(struct sr_ring_header_shm), 0x55,
           SR_RING_DENSE_BYTES - sizeof(struct sr_ring_header_shm));
    memset(sr_segment_entry(&ground, 0), 0x55, sizeof(struct sr_registry_entry_shm));
    sr_map_unmap(&ground.map); /* with the mapping goes the maker's lock */
    CHECK_OK(sr_segment_make(&ground, place_store(), 0600, (gid_t)-1));
    CHECK(header()->incarnation != first);
    CHECK_EQUAL(sr_state_of(atomic_load(sr_segment_registry_key(&ground, 0))), SR_REGISTRY_READY);
    CHECK_EQUAL(atomic_load(sr_segment_registry_key(&ground, 1)), 0);
    assert_string_equal(sr_segment_entry(&ground, 0)->name, "__overflow__");
    CHECK(!sr_segment_ring_is_reserved(&ground, 0));
    CHECK_OK(attach());
}

static void make_and_wait(void *argument)
{
    struct sr_segment segment = {.map.base = NULL};
    CHECK_OK(sr_segment_make(&segment, place_store(), 0600, (gid_t)-1));
    atomic_store(&sr_segment_header(&segment)->ready, 0); /* as if it were still at it */
    atomic_store((_Atomic uint32_t *)argument, 1);
    for (;;) {
        (void)pause();
    }
}

static void a_maker_killed_with_the_lock_in_its_hand_hinders_nobody(void **state)
{
    (void)state;
    (void)place_new_store();
    _Atomic uint32_t *made = child_share(4);
    const pid_t maker = child_start(make_and_wait, made);
    child_await(made, 1);
    CHECK_STATUS(attach(), SLIPRING_BEING_MADE);
    CHECK_STATUS(make(), SLIPRING_BEING_MADE); /* it lives: waited for a second */
    CHECK_EQUAL(kill(maker, SIGKILL), 0);
    child_dies_by(maker, SIGKILL);
    CHECK_OK(make());
    CHECK_OK(attach());
}

static void make_attach_and_check(void *argument)
{
    child_await(argument, 1);
    struct sr_segment segment = {.map.base = NULL};
    CHECK_OK(sr_segment_make(&segment, place_store(), 0600, (gid_t)-1));
    (void)atomic_fetch_add(&sr_segment_header(&segment)->control.reserve_epoch, 1);
}

static void many_that_make_at_once_get_one_segment(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        (void)place_new_store();
        _Atomic uint32_t *go = child_share(4);
        pid_t makers[4];
        for (int i = 0; i < 4; i++) {
            makers[i] = child_start(make_attach_and_check, go);
        }
        atomic_store(go, 1);
        for (int i = 0; i < 4; i++) {
            child_ends_well(makers[i]);
        }
        struct sr_segment segment = {.map.base = NULL};
        CHECK_OK(sr_segment_attach(&segment, place_store(), false));
        CHECK_EQUAL(atomic_load(&sr_segment_header(&segment)->control.reserve_epoch),
                    4); /* nobody's was wiped */
        CHECK_EQUAL(unlink(segment.map.path), 0);
        sr_map_unmap(&segment.map);
    }
}

static void no_room_while_making_leaves_no_file(void **state)
{
    (void)state;
    for (int passing = 0; passing < 4; passing++) {
        (void)place_new_store();
        faults_arm(passing, 1, ENOSPC);
        CHECK_STATUS(make(), SLIPRING_NO_SPACE);
        CHECK_STATUS(attach(), SLIPRING_ABSENT);
        CHECK_OK(make());
    }
}

/* --- reservation ------------------------------------------------------------------------------------------------------------------- */

static void nothing_but_the_directories_and_overflow_is_reserved_at_first_G2(void **state)
{
    (void)state;
    CHECK(sr_segment_primitive_is_reserved(&ground, 0));
    CHECK(!sr_segment_primitive_is_reserved(&ground, 1));
    CHECK(!sr_segment_primitive_is_reserved(&ground, SR_PRIMITIVE_MAX - 1));
    for (uint32_t slot = 0; slot < SR_SLOT_MAX; slot++) {
        CHECK(!sr_segment_slot_is_reserved(&ground, slot));
    }
    for (uint32_t ring = 0; ring < SR_RING_MAX; ring++) {
        CHECK(!sr_segment_ring_is_reserved(&ground, ring));
    }
}

static void reserving_marks_what_is_reserved_and_no_more_G2(void **state)
{
    (void)state;
    CHECK_OK(sr_segment_reserve_primitive(&ground, SR_PRIMITIVE_MAX - 1));
    CHECK(sr_segment_primitive_is_reserved(&ground, SR_PRIMITIVE_MAX - 1));
    CHECK(!sr_segment_primitive_is_reserved(&ground, SR_PRIMITIVE_MAX - 2));
    CHECK_OK(sr_segment_reserve_slot(&ground, 5));
    for (uint32_t slot = 0; slot < 12; slot++) {
        CHECK_EQUAL(sr_segment_slot_is_reserved(&ground, slot), slot / 4 == 1);
    }
    CHECK_OK(sr_segment_reserve_ring(&ground, 40));
    CHECK(sr_segment_extent_is_reserved(&ground, 1));
    CHECK(!sr_segment_extent_is_reserved(&ground, 0));
    CHECK(sr_segment_ring_is_reserved(&ground, 40));
    CHECK(!sr_segment_ring_is_reserved(&ground, 41));
    CHECK_OK(sr_segment_reserve_ring(&ground, SR_RING_MAX - 1));
    memset(sr_segment_ring_words(&ground, SR_RING_MAX - 1), 1, sr_ring_shapes[SR_CLASS_direct].block_bytes);
    memset(sr_segment_entry(&ground, SR_PRIMITIVE_MAX - 1), 1, sizeof(struct sr_registry_entry_shm));
}

static void reserving_twice_asks_the_system_once_G3(void **state)
{
    (void)state;
    faults_arm(0, 0, 0);
    CHECK_OK(sr_segment_reserve_ring(&ground, 3));
    const int calls = faults_calls();
    CHECK_EQUAL(calls, 4);
    CHECK_OK(sr_segment_reserve_ring(&ground, 3));
    CHECK_EQUAL(faults_calls(), calls);
}

static void a_kill_between_pages_and_mark_costs_nothing_G3(void **state)
{
    (void)state;
    CHECK_OK(sr_segment_reserve_primitive(&ground, 1));
    sr_segment_entry(&ground, 1)->flags = 99;
    *((uint8_t *)ground.map.base + offsetof(struct sr_ring_map, primitive_page) + 1) =
        0; /* never came to the mark */
    CHECK_OK(sr_segment_reserve_primitive(&ground, 1));
    CHECK(sr_segment_primitive_is_reserved(&ground, 1));
    CHECK_EQUAL(sr_segment_entry(&ground, 1)->flags, 99);
}

static void a_failed_reservation_marks_nothing_G2(void **state)
{
    (void)state;
    for (int passing = 0; passing < 3; passing++) {
        faults_arm(passing, 1, ENOSPC);
        CHECK_STATUS(sr_segment_reserve_primitive(&ground, 7), SLIPRING_NO_SPACE);
        CHECK(!sr_segment_primitive_is_reserved(&ground, 7));
    }
    for (int passing = 0; passing < 4; passing++) { /* three kinds of lines, and the block */
        faults_arm(passing, 1, ENOSPC);
        CHECK_STATUS(sr_segment_reserve_ring(&ground, 40), SLIPRING_NO_SPACE);
        CHECK(!sr_segment_ring_is_reserved(&ground, 40));
    }
    faults_arm(0, 1, ENOSPC);
    CHECK_STATUS(sr_segment_reserve_slot(&ground, 0), SLIPRING_NO_SPACE);
    CHECK(!sr_segment_slot_is_reserved(&ground, 0));
    CHECK_EQUAL(unlink(ground.map.path), 0);
    CHECK_STATUS(sr_segment_reserve_slot(&ground, 0), SLIPRING_ABSENT);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        GROUND_TEST(a_new_segment_describes_itself),
        GROUND_TEST(each_making_has_an_incarnation_of_its_own),
        GROUND_TEST(attaching_says_stage_by_stage_what_is_wrong_G1),
        GROUND_TEST(a_file_of_another_size_is_asked_for_its_version_G1),
        GROUND_TEST(the_region_table_is_for_people_and_moves_nothing_G1),
        GROUND_TEST(a_copied_segment_can_be_read_by_its_path),
        GROUND_TEST(what_a_dead_maker_left_is_made_again_from_the_start),
        GROUND_TEST(a_maker_killed_with_the_lock_in_its_hand_hinders_nobody),
        GROUND_TEST(many_that_make_at_once_get_one_segment),
        GROUND_TEST(no_room_while_making_leaves_no_file),
        GROUND_TEST(nothing_but_the_directories_and_overflow_is_reserved_at_first_G2),
        GROUND_TEST(reserving_marks_what_is_reserved_and_no_more_G2),
        GROUND_TEST(reserving_twice_asks_the_system_once_G3),
        GROUND_TEST(a_kill_between_pages_and_mark_costs_nothing_G3),
        GROUND_TEST(a_failed_reservation_marks_nothing_G2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
