/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's edge of a segment: making, attaching and reserving, with every bad state built by hand. G1, G2, G3: see
 * system/map.h. */
#include "system/map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/check.h"
#include "support/child.h"
#include "support/faults.h"
#include "support/making.h"
#include "support/place.h"

/* One test at a time: each works on a new store. */
static const char *store;

static int take_new_store(void **state)
{
    (void)state;
    store = place_new_store();
    faults_arm(0, 0, 0);
    return 0;
}

static int file_of(const char *contents, off_t size)
{
    const struct sr_map map = making_named(store);
    const int fd = open(map.path, O_RDWR | O_CREAT | O_EXCL, 0600);
    CHECK(fd >= 0);
    CHECK_EQUAL(ftruncate(fd, size), 0);
    CHECK_EQUAL(pwrite(fd, contents, strlen(contents), 0), strlen(contents));
    return fd;
}

static int descriptor_count(void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++) {
        count += fcntl(fd, F_GETFD) != -1;
    }
    return count;
}

/* --- names --------------------------------------------------------------------------------------------------------------- */

static void the_path_is_folder_store_and_suffix(void **state)
{
    (void)state;
    char want[PATH_MAX];
    place_path(want, store, "ring");
    const struct sr_map map = making_named(store);
    assert_string_equal(map.path, want);
}

static void without_an_absolute_folder_in_the_environment_it_is_dev_shm(void **state)
{
    (void)state;
    CHECK_EQUAL(setenv("SLIPRING_SHM_DIR", "tmp", 1), 0);
    assert_string_equal(sr_map_folder(), "/dev/shm");
    CHECK_EQUAL(setenv("SLIPRING_SHM_DIR", "", 1), 0);
    assert_string_equal(sr_map_folder(), "/dev/shm");
    CHECK_EQUAL(unsetenv("SLIPRING_SHM_DIR"), 0);
    assert_string_equal(sr_map_folder(), "/dev/shm");
    CHECK_EQUAL(setenv("SLIPRING_SHM_DIR", place_folder(), 1), 0);
}

static void a_path_longer_than_the_system_takes_is_a_bad_name(void **state)
{
    (void)state;
    char *folder = malloc(PATH_MAX + 1);
    CHECK(folder != NULL);
    memset(folder, 'a', PATH_MAX);
    folder[0] = '/';
    folder[PATH_MAX] = '\0';
    CHECK_EQUAL(setenv("SLIPRING_SHM_DIR", folder, 1), 0);
    struct sr_map map = {.base = NULL};
    const enum slipring_status status = sr_map_name(&map, store, "ring");
    CHECK_EQUAL(setenv("SLIPRING_SHM_DIR", place_folder(), 1), 0);
    free(folder);
    CHECK_STATUS(status, SLIPRING_BAD_NAME);
}

/* --- attaching ------------------------------------------------------------------------------------------------------------ */

static void an_absent_file_and_an_absent_folder_are_told_apart(void **state)
{
    (void)state;
    struct sr_map map = making_named(store);
    CHECK_STATUS(sr_map_attach(&map, MAKING_FILE_BYTES, true), SLIPRING_ABSENT);
    CHECK_EQUAL(map.error, ENOENT);
    CHECK_EQUAL(setenv("SLIPRING_SHM_DIR", "/dev/shm/no-such-folder-here", 1), 0);
    map = making_named(store);
    const enum slipring_status status = sr_map_attach(&map, MAKING_FILE_BYTES, true);
    CHECK_EQUAL(setenv("SLIPRING_SHM_DIR", place_folder(), 1), 0);
    CHECK_STATUS(status, SLIPRING_NO_FOLDER);
}

static void an_empty_or_unreserved_file_is_being_made_G3(void **state)
{
    (void)state;
    const int fd = file_of("", 0);
    struct sr_map map = making_named(store);
    CHECK_STATUS(sr_map_attach(&map, MAKING_FILE_BYTES, true), SLIPRING_BEING_MADE);
    CHECK_EQUAL(ftruncate(fd, (off_t)MAKING_FILE_BYTES), 0);
    CHECK_STATUS(sr_map_attach(&map, MAKING_FILE_BYTES, true), SLIPRING_BEING_MADE);
    CHECK(map.base == NULL);
    (void)close(fd);
}

static void a_file_of_another_size_is_refused_before_it_is_mapped_G3(void **state)
{
    (void)state;
    const int fd = file_of("some bytes", 10);
    struct sr_map map = making_named(store);
    CHECK_STATUS(sr_map_attach(&map, MAKING_FILE_BYTES, true), SLIPRING_WRONG_SIZE);
    CHECK_STATUS(sr_map_attach(&map, 0, true), SLIPRING_WRONG_SIZE); /* less than a page */
    CHECK_EQUAL(ftruncate(fd, (off_t)MAKING_FILE_BYTES + 1), 0);
    CHECK_STATUS(sr_map_attach(&map, MAKING_FILE_BYTES, true), SLIPRING_WRONG_SIZE);
    CHECK(map.base == NULL);
    CHECK_OK(sr_map_attach(&map, 0, false)); /* any size of a page or more */
    CHECK_EQUAL(map.bytes, MAKING_FILE_BYTES + 1);
    sr_map_unmap(&map);
    (void)close(fd);
}

static void what_is_no_regular_file_is_refused_without_hanging(void **state)
{
    (void)state;
    struct sr_map map = making_named(store);
    CHECK_EQUAL(mkfifo(map.path, 0600), 0);
    CHECK_STATUS(sr_map_attach(&map, MAKING_FILE_BYTES, true), SLIPRING_FOREIGN);
    CHECK_EQUAL(unlink(map.path), 0);
    CHECK_EQUAL(mkdir(map.path, 0700), 0);
    CHECK_STATUS(sr_map_attach(&map, MAKING_FILE_BYTES, true), SLIPRING_FOREIGN);
    CHECK_STATUS(sr_map_attach(&map, MAKING_FILE_BYTES, false), SLIPRING_FOREIGN);
    CHECK_EQUAL(rmdir(map.path), 0);
}

static void a_link_is_never_followed_G1(void **state)
{
    (void)state;
    struct sr_map map = making_done(store);
    sr_map_unmap(&map);
    char target[PATH_MAX];
    (void)snprintf(target, sizeof target, "%s", map.path);
    store = place_new_store();
    map = making_named(store);
    CHECK_EQUAL(symlink(target, map.path), 0);
    CHECK_STATUS(sr_map_attach(&map, MAKING_FILE_BYTES, true), SLIPRING_NOT_PERMITTED);
    const struct sr_map_making making = making_rules(making_new(1));
    CHECK_STATUS(sr_map_make(&map, &making), SLIPRING_NOT_PERMITTED);
    CHECK_EQUAL(unlink(map.path), 0);
    CHECK_EQUAL(symlink("/dev/shm/nowhere-to-be-found", map.path),
                0); /* a dangling one is not created through */
    CHECK(sr_map_make(&map, &making) != SLIPRING_OK);
    CHECK_EQUAL(access("/dev/shm/nowhere-to-be-found", F_OK), -1);
}

static void a_read_only_mapping_can_not_be_written(void **state)
{
    (void)state;
    struct sr_map map = making_done(store);
    sr_map_unmap(&map);
    CHECK_OK(sr_map_attach(&map, MAKING_FILE_BYTES, false));
    CHECK_EQUAL(map.base[8], 'x');
    CHECK_EQUAL(mprotect(map.base, 1, PROT_READ | PROT_WRITE), -1); /* its descriptor was read-only */
    sr_map_unmap(&map);
}

/* --- reserving -------------------------------------------------------------------------------------------------------------- */

static void reserving_is_idempotent_and_keeps_the_size_and_the_contents(void **state)
{
    (void)state;
    struct sr_map map = making_done(store);
    CHECK_OK(sr_map_reserve(&map, 10 * SR_PAGE_BYTES, SR_PAGE_BYTES));
    map.base[10 * SR_PAGE_BYTES + 3] = 99;
    CHECK_OK(sr_map_reserve(&map, 10 * SR_PAGE_BYTES, SR_PAGE_BYTES));
    CHECK_EQUAL(map.base[10 * SR_PAGE_BYTES + 3], 99);
    struct stat st;
    CHECK_EQUAL(stat(map.path, &st), 0);
    CHECK_EQUAL(st.st_size, MAKING_FILE_BYTES);
    CHECK_EQUAL(st.st_blocks, (MAKING_DENSE_BYTES + SR_PAGE_BYTES) / 512);
    sr_map_unmap(&map);
}

static void a_truncated_file_is_not_reserved_beyond_its_end_G3(void **state)
{
    (void)state;
    struct sr_map map = making_done(store);
    CHECK_EQUAL(truncate(map.path, (off_t)MAKING_DENSE_BYTES), 0);
    CHECK_STATUS(sr_map_reserve(&map, MAKING_DENSE_BYTES, SR_PAGE_BYTES), SLIPRING_WRONG_SIZE);
    sr_map_unmap(&map);
}

static void a_removed_or_replaced_file_is_not_reserved_in_G3(void **state)
{
    (void)state;
    struct sr_map map = making_done(store);
    CHECK(sr_map_is_current(&map));
    CHECK_EQUAL(unlink(map.path), 0);
    CHECK(!sr_map_is_current(&map));
    CHECK_STATUS(sr_map_reserve(&map, 0, SR_PAGE_BYTES), SLIPRING_ABSENT);
    struct sr_map other = making_done(store);
    CHECK(!sr_map_is_current(&map));
    CHECK_STATUS(sr_map_reserve(&map, 0, SR_PAGE_BYTES), SLIPRING_ABSENT);
    CHECK_OK(sr_map_reserve(&other, 0, SR_PAGE_BYTES));
    map.base[0] = 1; /* the mapping itself is still good */
    sr_map_unmap(&map);
    sr_map_unmap(&other);
}

static void a_full_file_system_refuses_a_reservation_with_a_status(void **state)
{
    (void)state;
    struct sr_map map = making_done(store);
    faults_arm(0, 1, ENOSPC);
    CHECK_STATUS(sr_map_reserve(&map, MAKING_DENSE_BYTES, SR_PAGE_BYTES), SLIPRING_NO_SPACE);
    faults_arm(0, 1, EIO);
    CHECK_STATUS(sr_map_reserve(&map, MAKING_DENSE_BYTES, SR_PAGE_BYTES), SLIPRING_SYSTEM);
    CHECK_EQUAL(map.error, EIO);
    CHECK_OK(sr_map_reserve(&map, MAKING_DENSE_BYTES, SR_PAGE_BYTES));
    sr_map_unmap(&map);
}

/* fallocate(2): EINTR, a signal was caught. */
static void a_signal_during_a_reservation_costs_nothing(void **state)
{
    (void)state;
    faults_arm(0, 3, EINTR);
    struct sr_map map = making_done(store);
    CHECK_EQUAL(faults_calls(), 4);
    faults_arm(0, 7, EINTR);
    CHECK_OK(sr_map_reserve(&map, MAKING_DENSE_BYTES, SR_PAGE_BYTES));
    CHECK_EQUAL(faults_calls(), 8);
    faults_arm(0, 1000000, EINTR); /* a storm: it gives up some time */
    CHECK_STATUS(sr_map_reserve(&map, MAKING_DENSE_BYTES, SR_PAGE_BYTES), SLIPRING_SYSTEM);
    sr_map_unmap(&map);
}

static void no_descriptor_is_kept_whatever_happens_G3(void **state)
{
    (void)state;
    const int before = descriptor_count();
    struct sr_map map = making_done(store);
    CHECK_OK(sr_map_reserve(&map, MAKING_DENSE_BYTES, SR_PAGE_BYTES));
    faults_arm(0, 2, ENOSPC);
    CHECK_STATUS(sr_map_reserve(&map, 0, SR_PAGE_BYTES), SLIPRING_NO_SPACE);
    CHECK_EQUAL(unlink(map.path), 0);
    CHECK_STATUS(sr_map_reserve(&map, 0, SR_PAGE_BYTES), SLIPRING_ABSENT);
    struct sr_map failing = making_named(store);
    const struct sr_map_making making = making_rules(making_new(1));
    CHECK_STATUS(sr_map_make(&failing, &making), SLIPRING_NO_SPACE);
    CHECK_STATUS(sr_map_attach(&failing, MAKING_FILE_BYTES, true), SLIPRING_ABSENT);
    (void)close(file_of("", 10));
    CHECK_STATUS(sr_map_attach(&failing, MAKING_FILE_BYTES, true), SLIPRING_BEING_MADE);
    CHECK_EQUAL(descriptor_count(), before);
    sr_map_unmap(&map);
    sr_map_unmap(&map); /* twice is harmless */
}

static int run(void)
{
#define TEST(name) cmocka_unit_test_setup(name, take_new_store)
    const struct CMUnitTest tests[] = {
        TEST(the_path_is_folder_store_and_suffix),
        TEST(without_an_absolute_folder_in_the_environment_it_is_dev_shm),
        TEST(a_path_longer_than_the_system_takes_is_a_bad_name),
        TEST(an_absent_file_and_an_absent_folder_are_told_apart),
        TEST(an_empty_or_unreserved_file_is_being_made_G3),
        TEST(a_file_of_another_size_is_refused_before_it_is_mapped_G3),
        TEST(what_is_no_regular_file_is_refused_without_hanging),
        TEST(a_link_is_never_followed_G1),
        TEST(a_read_only_mapping_can_not_be_written),
        TEST(reserving_is_idempotent_and_keeps_the_size_and_the_contents),
        TEST(a_truncated_file_is_not_reserved_beyond_its_end_G3),
        TEST(a_removed_or_replaced_file_is_not_reserved_in_G3),
        TEST(a_full_file_system_refuses_a_reservation_with_a_status),
        TEST(a_signal_during_a_reservation_costs_nothing),
        TEST(no_descriptor_is_kept_whatever_happens_G3),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
