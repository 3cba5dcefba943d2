/* SPDX-License-Identifier: Apache-2.0 */
/* Making a segment's file: races, dead makers, refusals of the system. G1, G2, G3: see system/map.h. */
#include "system/map.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
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

#define NOBODY 65534

static int file_of(const char *contents, off_t size)
{
    const struct sr_map map = making_named(store);
    const int fd = open(map.path, O_RDWR | O_CREAT | O_EXCL, 0600);
    CHECK(fd >= 0);
    CHECK_EQUAL(ftruncate(fd, size), 0);
    CHECK_EQUAL(pwrite(fd, contents, strlen(contents), 0), strlen(contents));
    return fd;
}

/* --- making ----------------------------------------------------------------------------------------------------------------- */

static void making_gives_the_mode_whatever_the_umask_and_reserves_the_dense_part(void **state)
{
    (void)state;
    const mode_t old = umask(0777);
    struct sr_map map = making_done(store);
    (void)umask(old);
    struct stat st;
    CHECK_EQUAL(stat(map.path, &st), 0);
    CHECK_EQUAL(st.st_mode & 07777, 0640);
    CHECK_EQUAL(st.st_size, MAKING_FILE_BYTES);
    CHECK_EQUAL(st.st_blocks, MAKING_DENSE_BYTES / 512);
    CHECK_EQUAL(st.st_ino, map.ino);
    sr_map_unmap(&map);
}

static void making_gives_the_group(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("not root: the group is not tried\n");
        return;
    }
    struct sr_map_making making = making_rules(making_new(1));
    making.group = NOBODY;
    struct sr_map map = making_named(store);
    CHECK_OK(sr_map_make(&map, &making));
    struct stat st;
    CHECK_EQUAL(stat(map.path, &st), 0);
    CHECK_EQUAL(st.st_gid, NOBODY);
    sr_map_unmap(&map);
}

static void a_made_file_is_joined_not_filled_again(void **state)
{
    (void)state;
    struct sr_map first = making_done(store);
    struct making *made = making_new(1);
    const struct sr_map_making making = making_rules(made);
    struct sr_map second = making_named(store);
    CHECK_OK(sr_map_make(&second, &making));
    CHECK_EQUAL(atomic_load(&made->fills), 0);
    first.base[5000] = 77;
    CHECK_EQUAL(second.base[5000], 77);
    sr_map_unmap(&first);
    sr_map_unmap(&second);
}

struct race {
    struct sr_map_making making;
    _Atomic uint32_t *go;
};

static void make_when_told(void *argument)
{
    const struct race *race = argument;
    child_await(race->go, 1);
    struct sr_map map = making_named(store);
    CHECK_OK(sr_map_make(&map, &race->making));
    CHECK(making_is_ready(map.base));
    CHECK_EQUAL(map.base[8], 'x');
}

static void of_many_makers_at_once_one_makes_and_all_attach_G1(void **state)
{
    (void)state;
    for (int round = 0; round < 40; round++) {
        store = place_new_store();
        struct making *made = making_new(1);
        struct race race = {.making = making_rules(made), .go = child_share(4)};
        pid_t children[4];
        for (int i = 0; i < 4; i++) {
            children[i] = child_start(make_when_told, &race);
        }
        atomic_store(race.go, 1);
        for (int i = 0; i < 4; i++) {
            child_ends_well(children[i]);
        }
        CHECK_EQUAL(atomic_load(&made->fills), 1);
        CHECK_EQUAL(unlink(making_named(store).path), 0);
    }
}

static void a_living_maker_is_waited_for_and_not_disturbed_G2(void **state)
{
    (void)state;
    struct making *made = making_new(0);
    struct race race = {.making = making_rules(made), .go = child_share(4)};
    atomic_store(race.go, 1);
    const pid_t maker = child_start(make_when_told, &race);
    child_await(&made->in_fill, 1);
    struct making *mine = making_new(1);
    const struct sr_map_making making = making_rules(mine);
    struct sr_map map = making_named(store);
    CHECK_STATUS(sr_map_make(&map, &making), SLIPRING_BEING_MADE);
    CHECK_EQUAL(atomic_load(&mine->fills), 0);
    atomic_store(&made->may_leave, 1);
    CHECK_OK(sr_map_make(&map, &making));
    CHECK_EQUAL(atomic_load(&mine->fills), 0);
    sr_map_unmap(&map);
    child_ends_well(maker);
}

static void a_file_half_made_by_a_dead_maker_is_made_again_G2(void **state)
{
    (void)state;
    struct making *made = making_new(0);
    struct race race = {.making = making_rules(made), .go = child_share(4)};
    atomic_store(race.go, 1);
    const pid_t maker = child_start(make_when_told, &race); /* holds the making lock for ever */
    child_await(&made->in_fill, 1);
    CHECK_EQUAL(kill(maker, SIGKILL), 0);
    child_dies_by(maker, SIGKILL);
    struct sr_map map = making_done(store);
    CHECK(making_is_ready(map.base));
    sr_map_unmap(&map);
}

static void each_step_of_making_left_by_a_dead_maker_is_made_whole_G2(void **state)
{
    (void)state;
    for (int step = 0; step < 4; step++) {
        store = place_new_store();
        const int fd = file_of("", 0); /* created */
        if (step >= 1) {
            CHECK_EQUAL(ftruncate(fd, (off_t)MAKING_FILE_BYTES), 0);
        }
        if (step >= 2) {
            CHECK_EQUAL(fallocate(fd, 0, 0, (off_t)MAKING_DENSE_BYTES), 0);
        }
        if (step >= 3) {
            CHECK_EQUAL(pwrite(fd, "\1\2\3\4\5\6\7\10\11", 9, 0), 9);
        }
        (void)close(fd);
        struct sr_map map = making_done(store);
        CHECK_EQUAL(map.base[8], 'x');
        sr_map_unmap(&map);
    }
}

static void fail_to_make(void *argument)
{
    const struct sr_map_making making = making_rules_that_fail(argument);
    struct sr_map map = making_named(store);
    CHECK_STATUS(sr_map_make(&map, &making), SLIPRING_NO_SPACE);
    CHECK(map.base == NULL);
    CHECK_EQUAL(access(map.path, F_OK), -1);
}

static _Atomic uint32_t *looking; /* 1: the look below began; 2: it may end */

static bool look_slowly(const uint8_t *base)
{
    if (atomic_load(looking) == 0) {
        atomic_store(looking, 1);
        child_await(looking, 2);
    }
    return making_is_ready(base);
}

static void join_slowly(void *argument)
{
    struct sr_map_making making = making_rules(argument);
    making.is_ready = look_slowly;
    struct sr_map map = making_named(store);
    CHECK_OK(sr_map_make(&map, &making));
    CHECK(sr_map_is_current(&map));
}

/* Who finds a file in the making has it open; when its maker fails, that file has no name any more. */
static void whoever_joined_a_maker_that_failed_makes_a_file_that_others_find_G2(void **state)
{
    (void)state;
    struct making *failing = making_new(0);
    const pid_t maker = child_start(fail_to_make, failing);
    child_await(&failing->in_fill, 1);
    looking = child_share(4);
    const pid_t joiner = child_start(join_slowly, making_new(1));
    child_await(looking, 1);
    atomic_store(&failing->may_leave, 1);
    child_ends_well(maker);
    atomic_store(looking, 2);
    child_ends_well(joiner);
    struct sr_map map = making_named(store);
    CHECK_OK(sr_map_attach(&map, MAKING_FILE_BYTES, true));
    CHECK(making_is_ready(map.base));
    sr_map_unmap(&map);
}

static void a_full_file_system_leaves_no_file_behind(void **state)
{
    (void)state;
    faults_arm(0, 1, ENOSPC);
    struct making *made = making_new(1);
    const struct sr_map_making making = making_rules(made);
    struct sr_map map = making_named(store);
    CHECK_STATUS(sr_map_make(&map, &making), SLIPRING_NO_SPACE);
    CHECK_EQUAL(map.error, ENOSPC);
    CHECK_EQUAL(access(map.path, F_OK), -1);
    CHECK_OK(sr_map_make(&map, &making)); /* room was made since */
    sr_map_unmap(&map);
}

static void make_under_a_file_limit(void *argument)
{
    (void)argument;
    const struct rlimit limit = {MAKING_FILE_BYTES - 1, MAKING_FILE_BYTES - 1};
    CHECK_EQUAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
    const struct sr_map_making making = making_rules(making_new(1));
    struct sr_map map = making_named(store);
    CHECK_STATUS(sr_map_make(&map, &making), SLIPRING_FILE_LIMIT); /* and no SIGXFSZ */
    CHECK_EQUAL(access(map.path, F_OK), -1);
}

static void a_limit_on_file_sizes_is_a_status_and_no_signal(void **state)
{
    (void)state;
    child_run(make_under_a_file_limit, NULL);
}

static void reserve_under_a_file_limit(void *argument)
{
    struct sr_map *map = argument;
    const struct rlimit limit = {0, 0};
    CHECK_EQUAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
    CHECK_OK(sr_map_reserve(map, MAKING_FILE_BYTES - SR_PAGE_BYTES, SR_PAGE_BYTES));
    CHECK_STATUS(sr_map_reserve(map, MAKING_FILE_BYTES, SR_PAGE_BYTES),
                 SLIPRING_WRONG_SIZE); /* and no SIGXFSZ */
}

/* It limits how far a file grows; a page within its size makes it no longer. */
static void the_limit_says_nothing_about_pages_within_the_file(void **state)
{
    (void)state;
    struct sr_map map = making_done(store);
    child_run(reserve_under_a_file_limit, &map);
    sr_map_unmap(&map);
}

static void become_nobody(void)
{
    CHECK_EQUAL(setgroups(0, NULL), 0);
    CHECK_EQUAL(setgid(NOBODY), 0);
    CHECK_EQUAL(setuid(NOBODY), 0);
}

struct refusal {
    struct making *making;
    enum slipring_status want;
};

static void make_as_nobody(void *argument)
{
    const struct refusal *refusal = argument;
    become_nobody();
    struct sr_map map = making_named(store);
    const struct sr_map_making making = making_rules(refusal->making);
    CHECK_STATUS(sr_map_make(&map, &making), refusal->want);
    CHECK_EQUAL(map.error, EACCES);
    CHECK(map.base == NULL);
}

static void an_unwritable_folder_and_a_strangers_file_are_told_apart_G1(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("not root: becoming nobody is not tried\n");
        return;
    }
    struct refusal refusal = {.making = making_new(1), .want = SLIPRING_NO_FOLDER};
    child_run(make_as_nobody, &refusal); /* the folder is 0755 */
    struct sr_map map = making_done(store);
    sr_map_unmap(&map);
    CHECK_EQUAL(chmod(map.path, 0600), 0);
    refusal.want = SLIPRING_NOT_PERMITTED;
    child_run(make_as_nobody, &refusal);
    CHECK_EQUAL(atomic_load(&refusal.making->fills), 0);
}

static void map_without_address_space(void *argument)
{
    struct sr_map *map = argument;
    const struct rlimit limit = {1, 1};
    CHECK_EQUAL(setrlimit(RLIMIT_AS, &limit), 0);
    const enum slipring_status status = sr_map_attach(map, MAKING_FILE_BYTES, true);
    _exit(status == SLIPRING_NO_MEMORY && map->error == ENOMEM && !map->base ? 0 : CHECK_EXIT_STATUS);
}

static void no_address_space_is_a_status(void **state)
{
    (void)state;
    struct sr_map map = making_done(store);
    sr_map_unmap(&map);
    child_run(map_without_address_space, &map);
}

static int run(void)
{
#define TEST(name) cmocka_unit_test_setup(name, take_new_store)
    const struct CMUnitTest tests[] = {
        TEST(making_gives_the_mode_whatever_the_umask_and_reserves_the_dense_part),
        TEST(making_gives_the_group),
        TEST(a_made_file_is_joined_not_filled_again),
        TEST(of_many_makers_at_once_one_makes_and_all_attach_G1),
        TEST(a_living_maker_is_waited_for_and_not_disturbed_G2),
        TEST(a_file_half_made_by_a_dead_maker_is_made_again_G2),
        TEST(each_step_of_making_left_by_a_dead_maker_is_made_whole_G2),
        TEST(whoever_joined_a_maker_that_failed_makes_a_file_that_others_find_G2),
        TEST(a_full_file_system_leaves_no_file_behind),
        TEST(a_limit_on_file_sizes_is_a_status_and_no_signal),
        TEST(the_limit_says_nothing_about_pages_within_the_file),
        TEST(an_unwritable_folder_and_a_strangers_file_are_told_apart_G1),
        TEST(no_address_space_is_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
