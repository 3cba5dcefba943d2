/* SPDX-License-Identifier: Apache-2.0 */
/* Who is alive, by one locked byte a slot. G1 to G3: see system/liveness.h. (Forks while another thread takes a slot:
 * unit/fork_test.c.) */
#include "system/liveness.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/check.h"
#include "support/child.h"
#include "support/place.h"

#define SLOTS 64u

static char path[PATH_MAX];
static struct sr_liveness observer;

static int set_up(void **state)
{
    (void)state;
    place_path(path, place_new_store(), "lock");
    CHECK_OK(sr_liveness_make(path, 0600, (gid_t)-1));
    CHECK_OK(sr_liveness_open(&observer, path));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sr_liveness_close(&observer);
    sr_liveness_close(&observer); /* twice is harmless */
    return 0;
}

static bool any(uint32_t slot, void *context)
{
    (void)slot;
    (void)context;
    return true;
}

static bool this_one(uint32_t slot, void *context)
{
    return slot == *(const uint32_t *)context;
}

static uint32_t take(struct sr_liveness_hold *hold)
{
    uint32_t slot = UINT32_MAX;
    CHECK_OK(sr_liveness_take(path, 0, SLOTS, any, NULL, hold, &slot));
    CHECK(hold->page != NULL);
    return slot;
}

static void a_taken_slot_is_alive_until_it_is_released_G1(void **state)
{
    (void)state;
    struct sr_liveness_hold hold = {.page = NULL};
    const uint32_t slot = take(&hold);
    CHECK_EQUAL(slot, 0);
    CHECK(sr_liveness_is_alive(&observer, 0));
    CHECK(!sr_liveness_is_alive(&observer, 1));
    sr_liveness_release(&hold);
    CHECK(hold.page == NULL);
    CHECK(!sr_liveness_is_alive(&observer, 0));
    sr_liveness_release(&hold);
}

static void slots_are_tried_from_the_first_on_and_around(void **state)
{
    (void)state;
    struct sr_liveness_hold holds[3] = {{NULL}, {NULL}, {NULL}};
    uint32_t slot = 0;
    CHECK_OK(sr_liveness_take(path, SLOTS - 2, SLOTS, any, NULL, &holds[0], &slot));
    CHECK_EQUAL(slot, SLOTS - 2);
    CHECK_OK(sr_liveness_take(path, SLOTS - 2, SLOTS, any, NULL, &holds[1], &slot));
    CHECK_EQUAL(slot, SLOTS - 1);
    CHECK_OK(sr_liveness_take(path, SLOTS - 2, SLOTS, any, NULL, &holds[2], &slot));
    CHECK_EQUAL(slot, 0);
    for (int i = 0; i < 3; i++) {
        sr_liveness_release(&holds[i]);
    }
}

static void all_taken_is_in_use_and_so_is_none_wanted(void **state)
{
    (void)state;
    struct sr_liveness_hold holds[4] = {{NULL}, {NULL}, {NULL}, {NULL}};
    uint32_t slot = 77;
    for (int i = 0; i < 4; i++) {
        CHECK_OK(sr_liveness_take(path, 0, 4, any, NULL, &holds[i], &slot));
    }
    struct sr_liveness_hold none = {NULL};
    slot = 77;
    CHECK_STATUS(sr_liveness_take(path, 0, 4, any, NULL, &none, &slot), SLIPRING_IN_USE);
    uint32_t beyond = 1000;
    CHECK_STATUS(sr_liveness_take(path, 0, SLOTS, this_one, &beyond, &none, &slot), SLIPRING_IN_USE);
    CHECK_EQUAL(slot, 77);
    CHECK(none.page == NULL);
    for (int i = 0; i < 4; i++) {
        sr_liveness_release(&holds[i]);
    }
}

static uint32_t looks;

static bool free_at_the_first_look(uint32_t slot, void *context)
{
    (void)slot;
    (void)context;
    return looks++ == 0;
}

/* Between look and lock the last owner may have died, which leaves its slot to the agent. */
static void a_slot_is_looked_at_again_with_its_byte_locked(void **state)
{
    (void)state;
    looks = 0;
    struct sr_liveness_hold hold = {NULL};
    uint32_t slot = 0;
    CHECK_STATUS(sr_liveness_take(path, 0, SLOTS, free_at_the_first_look, NULL, &hold, &slot),
                 SLIPRING_IN_USE);
    CHECK(!sr_liveness_is_alive(&observer, 0)); /* and unlocked again */
}

struct ending {
    _Atomic uint32_t taken;
    _Atomic uint32_t how; /* 1: exit, 2: exec, 3: abort */
};

static void take_and_end(void *argument)
{
    struct ending *ending = argument;
    struct sr_liveness_hold hold = {NULL};
    CHECK_EQUAL(take(&hold), 0);
    atomic_store(&ending->taken, 1);
    child_await(&ending->how, 1);
    switch (atomic_load(&ending->how)) {
    case 1:
        return;
    case 2:
        (void)execl("/bin/sleep", "sleep", "1000", (char *)NULL);
        return;
    default:
        for (;;) {
            (void)pause();
        }
    }
}

static pid_t start_and_take(struct ending **out_ending)
{
    *out_ending = child_share(sizeof **out_ending);
    const pid_t child = child_start(take_and_end, *out_ending);
    child_await(&(*out_ending)->taken, 1);
    CHECK(sr_liveness_is_alive(&observer, 0));
    return child;
}

static void however_the_owner_ends_its_slot_is_dead_G1(void **state)
{
    (void)state;
    struct ending *ending = NULL;
    pid_t child = start_and_take(&ending);
    atomic_store(&ending->how, 1);
    child_ends_well(child);
    CHECK(!sr_liveness_is_alive(&observer, 0));

    child = start_and_take(&ending);
    CHECK_EQUAL(kill(child, SIGKILL), 0);
    child_dies_by(child, SIGKILL);
    CHECK(!sr_liveness_is_alive(&observer, 0));

    child = start_and_take(&ending);
    atomic_store(&ending->how, 2);
    for (int i = 0; i < 2000 && sr_liveness_is_alive(&observer, 0); i++) {
        (void)usleep(1000);
    }
    CHECK(!sr_liveness_is_alive(&observer, 0)); /* it executes another program */
    CHECK_EQUAL(kill(child, SIGKILL), 0);
    child_dies_by(child, SIGKILL);
}

static void a_stopped_owner_is_alive(void **state)
{
    (void)state;
    struct ending *ending = NULL;
    const pid_t child = start_and_take(&ending);
    CHECK_EQUAL(kill(child, SIGSTOP), 0);
    int status = 0;
    CHECK_EQUAL(waitpid(child, &status, WUNTRACED), child);
    CHECK(sr_liveness_is_alive(&observer, 0));
    CHECK(!sr_liveness_seize(&observer, 0));
    CHECK_EQUAL(kill(child, SIGKILL), 0);
    child_dies_by(child, SIGKILL);
}

static void take_and_leave_a_child_behind(void *argument)
{
    _Atomic uint32_t *may_end = argument;
    struct sr_liveness_hold hold = {NULL};
    CHECK_EQUAL(take(&hold), 0);
    for (int i = 0; i < 2; i++) {
        const pid_t child =
            i == 0 ? fork() : (pid_t)syscall(SYS_clone, (unsigned long)SIGCHLD, NULL, NULL, NULL, 0UL);
        CHECK(child >= 0);
        if (child == 0) {
            child_await(may_end, 1);
            _exit(0);
        }
    }
}

static void a_child_does_not_keep_its_parents_slot_alive_G2(void **state)
{
    (void)state;
    _Atomic uint32_t *may_end = child_share(4);
    child_run(take_and_leave_a_child_behind, may_end);
    CHECK(!sr_liveness_is_alive(&observer, 0));
    atomic_store(may_end, 1);
}

static void while_the_agent_holds_a_dead_slot_no_producer_takes_it_G3(void **state)
{
    (void)state;
    CHECK(sr_liveness_seize(&observer, 0));
    CHECK(sr_liveness_seize(&observer, 0)); /* its own */
    struct sr_liveness_hold hold = {NULL};
    CHECK_EQUAL(take(&hold), 1);
    CHECK(!sr_liveness_seize(&observer, 1));
    struct sr_liveness tools;
    CHECK_OK(sr_liveness_open(&tools, path));
    CHECK(sr_liveness_is_alive(&tools, 0)); /* for others it is taken */
    sr_liveness_drop(&observer, 0);
    CHECK(!sr_liveness_is_alive(&tools, 0));
    sr_liveness_close(&tools);
    struct sr_liveness_hold next = {NULL};
    CHECK_EQUAL(take(&next), 0);
    sr_liveness_release(&hold);
    sr_liveness_release(&next);
}

/* --- the lock file ------------------------------------------------------------------------------------------------------------------ */

static void the_lock_file_is_private_and_made_whole_when_left_empty(void **state)
{
    (void)state;
    struct stat st;
    CHECK_EQUAL(stat(path, &st), 0);
    CHECK_EQUAL(st.st_mode & 07777, 0600);
    CHECK_EQUAL(st.st_size, SR_LIVENESS_FILE_BYTES);
    const ino_t before = st.st_ino;
    CHECK_OK(sr_liveness_make(path, 0600, (gid_t)-1));
    CHECK_EQUAL(truncate(path, 0), 0);
    struct sr_liveness_hold hold = {NULL};
    uint32_t slot = 0;
    CHECK_STATUS(sr_liveness_take(path, 0, SLOTS, any, NULL, &hold, &slot), SLIPRING_WRONG_SIZE);
    CHECK_OK(sr_liveness_make(path, 0660, (gid_t)-1));
    CHECK_EQUAL(stat(path, &st), 0);
    CHECK_EQUAL(st.st_ino, before);
    CHECK_EQUAL(st.st_mode & 07777, 0660);
    CHECK_EQUAL(take(&hold), 0);
    sr_liveness_release(&hold);
}

static void an_absent_lock_file_and_a_link_are_refused(void **state)
{
    (void)state;
    CHECK_EQUAL(unlink(path), 0);
    struct sr_liveness_hold hold = {NULL};
    uint32_t slot = 0;
    CHECK_STATUS(sr_liveness_take(path, 0, SLOTS, any, NULL, &hold, &slot), SLIPRING_ABSENT);
    struct sr_liveness tools;
    CHECK_STATUS(sr_liveness_open(&tools, path), SLIPRING_ABSENT);
    CHECK_EQUAL(symlink("/dev/null", path), 0);
    CHECK_STATUS(sr_liveness_take(path, 0, SLOTS, any, NULL, &hold, &slot), SLIPRING_NOT_PERMITTED);
    CHECK_STATUS(sr_liveness_make(path, 0600, (gid_t)-1), SLIPRING_NOT_PERMITTED);
}

static void expect_untouched_and_refused(enum slipring_status why)
{
    struct stat before;
    struct stat after;
    struct sr_liveness_hold hold = {NULL};
    uint32_t slot = 0;
    CHECK_EQUAL(lstat(path, &before), 0);
    CHECK_STATUS(sr_liveness_make(path, 0600, (gid_t)-1), why);
    CHECK(sr_liveness_take(path, 0, SLOTS, any, NULL, &hold, &slot) != SLIPRING_OK);
    CHECK_EQUAL(lstat(path, &after), 0);
    CHECK_EQUAL(after.st_mode, before.st_mode);
    CHECK_EQUAL(after.st_size, before.st_size);
    CHECK_EQUAL(after.st_ctim.tv_sec, before.st_ctim.tv_sec);
    CHECK_EQUAL(after.st_ctim.tv_nsec, before.st_ctim.tv_nsec);
}

static void a_lock_file_that_strangers_made_or_may_open_is_not_touched_G4(void **state)
{
    (void)state;
    CHECK_EQUAL(chmod(path, 0604), 0);
    expect_untouched_and_refused(SLIPRING_UNTRUSTED);
    CHECK_EQUAL(truncate(path, 0), 0); /* as if half-made */
    expect_untouched_and_refused(SLIPRING_UNTRUSTED);
    CHECK_EQUAL(unlink(path), 0);
    CHECK_EQUAL(mkfifo(path, 0600), 0);
    expect_untouched_and_refused(SLIPRING_FOREIGN);
    CHECK_EQUAL(unlink(path), 0);
    CHECK_EQUAL(mkdir(path, 0700), 0);
    expect_untouched_and_refused(SLIPRING_FOREIGN);
    CHECK_EQUAL(rmdir(path), 0);
}

static void make_under_a_file_limit(void *unused)
{
    (void)unused;
    const struct rlimit limit = {0, 0};
    CHECK_EQUAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
    CHECK_STATUS(sr_liveness_make(path, 0600, (gid_t)-1), SLIPRING_FILE_LIMIT); /* and no SIGXFSZ */
}

static void a_limit_on_file_sizes_is_a_status_and_no_signal(void **state)
{
    (void)state;
    CHECK_EQUAL(truncate(path, 0), 0);
    child_run(make_under_a_file_limit, NULL);
}

static void open_as_nobody(void *unused)
{
    (void)unused;
    CHECK_EQUAL(setgroups(0, NULL), 0);
    CHECK_EQUAL(setgid(65534), 0);
    CHECK_EQUAL(setuid(65534), 0);
    struct sr_liveness tools;
    CHECK_STATUS(sr_liveness_open(&tools, path), SLIPRING_NOT_PERMITTED);
    CHECK_EQUAL(open(path, O_RDONLY), -1); /* a read lock of theirs would make the dead look alive */
}

static void strangers_can_not_open_it(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("not root: not tried\n");
        return;
    }
    child_run(open_as_nobody, NULL);
}

static int run(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_taken_slot_is_alive_until_it_is_released_G1),
        TEST(slots_are_tried_from_the_first_on_and_around),
        TEST(all_taken_is_in_use_and_so_is_none_wanted),
        TEST(a_slot_is_looked_at_again_with_its_byte_locked),
        TEST(however_the_owner_ends_its_slot_is_dead_G1),
        TEST(a_stopped_owner_is_alive),
        TEST(a_child_does_not_keep_its_parents_slot_alive_G2),
        TEST(while_the_agent_holds_a_dead_slot_no_producer_takes_it_G3),
        TEST(the_lock_file_is_private_and_made_whole_when_left_empty),
        TEST(an_absent_lock_file_and_a_link_are_refused),
        TEST(a_lock_file_that_strangers_made_or_may_open_is_not_touched_G4),
        TEST(a_limit_on_file_sizes_is_a_status_and_no_signal),
        TEST(strangers_can_not_open_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
