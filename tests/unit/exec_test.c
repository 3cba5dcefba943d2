/* SPDX-License-Identifier: Apache-2.0 */
/* What a process may do to itself after it has attached: execute another program, give up its rights, its root, its namespaces, its
 * descriptors, become a daemon. After exec the pid lives on, but not who recorded: that is settled at once; in all else it goes on recording, and
 * nothing is lost. liveness.h G1, process.h. */
#include <slipring/slipring.h>

#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "peer/census.h"
#include "support/api.h"
#include "support/child.h"
#include "support/place.h"
#include "support/rig.h"

static struct slipring_primitive *primitive_of(const char *name)
{
    struct slipring_primitive *primitive = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, name, NULL, &primitive));
    return primitive;
}

static void record_and_begin(struct slipring_primitive *work, uint32_t records, uint32_t spans)
{
    for (uint32_t i = 0; i < records; i++) {
        slipring_record(work, 1000, SLIPRING_SUCCESS, NULL);
    }
    for (uint32_t i = 0; i < spans; i++) {
        (void)slipring_begin(work);
    }
}

static void expect(uint64_t count, uint64_t aborted, int64_t active)
{
    const struct slipring_stats stats = rig_stats(&rig, "work");
    CHECK_EQUAL(stats.count, count);
    CHECK_EQUAL(stats.aborted, aborted);
    CHECK_EQUAL(stats.active, active);
}

/* But the test's own. */
static uint32_t other_slots(void)
{
    const uint32_t taken =
        fold_slots(rig.options.store, SR_SLOT_OWNED) + fold_slots(rig.options.store, SR_SLOT_REAPING);
    return taken - 1;
}

/* --- exec ---------------------------------------------------------------------------------------------------------------------- */

static void execute_another(void *unused)
{
    (void)unused;
    record_and_begin(primitive_of("work"), 300, 5); /* 300: some of them are in the spill */
    (void)execlp("sleep", "sleep", "1000", (char *)NULL);
    _exit(CHECK_EXIT_STATUS);
}

static void await_name(pid_t process, const char *name)
{
    char path[64];
    char text[32] = "";
    (void)snprintf(path, sizeof path, "/proc/%d/comm", (int)process);
    do {
        (void)sched_yield();
        FILE *file = fopen(path, "r");
        CHECK(file != NULL);
        text[0] = '\0';
        (void)!fgets(text, sizeof text, file);
        (void)fclose(file);
    } while (strncmp(text, name, strlen(name)) != 0);
}

static void what_was_in_flight_at_exec_is_aborted_though_the_pid_lives_on(void)
{
    (void)primitive_of("work");
    const pid_t process = child_start(execute_another, NULL);
    await_name(process, "sleep");
    do { /* the kernel lets the old program's file locks go a moment after its name */
        (void)sched_yield();
        rig_settle(&rig);
    } while (rig_stats(&rig, "work").aborted == 0);
    CHECK_EQUAL(kill(process, 0), 0);
    expect(300, 5, 0);
    CHECK_EQUAL(other_slots(), 0);
    CHECK_EQUAL(fold_rings(rig.options.store, SR_RING_OWNED), 0);
    (void)kill(process, SIGKILL);
    child_dies_by(process, SIGKILL);
    rig_settle(&rig);
    expect(300, 5, 0);
}

static int be_the_executed_program(const char *store)
{
    struct slipring_store *opened = NULL;
    struct slipring_primitive *work = NULL;
    CHECK_OK(slipring_open(store, &opened));
    CHECK_OK(slipring_primitive_get(opened, "work", NULL, &work));
    record_and_begin(work, 20, 2);
    (void)pause(); /* until it is killed */
    return 0;
}

static void *execute_in_a_thread(void *argument)
{
    (void)execl("/proc/self/exe", "executed", (char *)NULL);
    return argument;
}

/* From a second thread: the kernel ends the first one, and its rings with it. */
static void execute_itself(void *unused)
{
    (void)unused;
    record_and_begin(primitive_of("work"), 10, 3);
    CHECK_EQUAL(setenv("SLIPRING_TEST_RECORD_IN", rig.options.store, 1), 0);
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, execute_in_a_thread, NULL), 0);
    (void)pthread_join(thread, NULL);
    _exit(CHECK_EXIT_STATUS);
}

static void a_program_executed_in_the_place_of_one_that_recorded_is_another_process(void)
{
    (void)primitive_of("work");
    const pid_t process = child_start(execute_itself, NULL);
    do {
        (void)sched_yield();
        rig_settle(&rig);
    } while (rig_count_of(&rig, "work") == 0 || rig_stats(&rig, "work").count < 30 ||
             rig_stats(&rig, "work").active != 2);
    expect(30, 3, 2);
    CHECK_EQUAL(other_slots(), 1);
    (void)kill(process, SIGKILL);
    child_dies_by(process, SIGKILL);
    rig_settle(&rig);
    expect(30, 5, 0);
    CHECK_EQUAL(other_slots(), 0);
}

/* --- rights and surroundings given up ---------------------------------------------------------------------------------------------- */

enum change { SET_UID, CHROOT, UNSHARE_MOUNTS, UNSHARE_USER, CLOSE_ALL, CHANGES };

struct changed {
    enum change change;
    uint32_t was_done;
    uint32_t is_daemon;
};

static bool change(enum change how)
{
    switch (how) {
    case SET_UID:
        return getuid() == 0 && setgroups(0, NULL) == 0 && setgid(65534) == 0 && setuid(65534) == 0;
    case CHROOT:
        return getuid() == 0 && chroot("/proc") == 0 && chdir("/") == 0;
    case UNSHARE_MOUNTS:
        return unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) == 0;
    case UNSHARE_USER:
        return unshare(CLONE_NEWUSER) == 0;
    default:
        return syscall(SYS_close_range, 3U, ~0U, 0U) == 0;
    }
}

static void *record_in_a_thread(void *work)
{
    record_and_begin(work, 100, 1);
    return NULL;
}

/* Records before and after, on what it recorded before and on what is new to it, in its old thread and in a new one, and is killed. */
static void change_and_record(void *argument)
{
    struct changed *changed = argument;
    struct slipring_primitive *work = primitive_of("work");
    struct slipring_primitive *late = primitive_of("late");
    record_and_begin(work, 100, 1);
    changed->was_done = change(changed->change);
    record_and_begin(work, 200, 1);
    record_and_begin(late, 50, 1);
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, record_in_a_thread, work), 0);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
    (void)kill(getpid(), SIGKILL);
}

static void a_process_that_gives_up_rights_or_namespaces_goes_on_and_is_settled(void)
{
    struct changed *changed = child_share(sizeof *changed);
    (void)primitive_of("work");
    (void)primitive_of("late");
    for (changed->change = 0; changed->change < CHANGES; changed->change++) {
        const uint64_t times = (uint64_t)changed->change + 1;
        child_dies_by(child_start(change_and_record, changed), SIGKILL);
        if (!changed->was_done) {
            print_message("change %u is not permitted here: not tried\n", (unsigned)changed->change);
        }
        rig_settle(&rig);
        expect(400 * times, 3 * times, 0);
        CHECK_EQUAL(rig_stats(&rig, "late").count, 50 * times);
        CHECK_EQUAL(rig_stats(&rig, "late").aborted, times);
        CHECK_EQUAL(other_slots(), 0);
    }
}

static void become_a_daemon(void *argument)
{
    struct changed *changed = argument;
    struct slipring_primitive *work = primitive_of("work");
    record_and_begin(work, 10, 2);
    CHECK_EQUAL(daemon(0, 0), 0); /* its parent ends well, with two in flight */
    (void)syscall(SYS_close_range, 0U, ~0U, 0U);
    record_and_begin(work, 300, 1);
    atomic_store((_Atomic uint32_t *)&changed->is_daemon, 1);
    _exit(0);
}

static void a_daemon_records_as_itself_and_its_parents_are_settled(void)
{
    struct changed *changed = child_share(sizeof *changed);
    (void)primitive_of("work");
    child_run(become_a_daemon, changed);
    child_await((_Atomic uint32_t *)&changed->is_daemon, 1);
    do {
        (void)sched_yield();
        rig_settle(&rig);
    } while (other_slots() > 0);
    expect(310, 3, 0);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(what_was_in_flight_at_exec_is_aborted_though_the_pid_lives_on),
        RIG_TEST(a_program_executed_in_the_place_of_one_that_recorded_is_another_process),
        RIG_TEST(a_process_that_gives_up_rights_or_namespaces_goes_on_and_is_settled),
        RIG_TEST(a_daemon_records_as_itself_and_its_parents_are_settled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    const char *store = getenv("SLIPRING_TEST_RECORD_IN");
    return store ? be_the_executed_program(store) : place_run(run);
}
