/* SPDX-License-Identifier: Apache-2.0 */
/* Every way in which a process comes from another one that records, beside plain fork() (unit/fork_test.c): what shares its parent's memory
 * records as its parent, what does not as itself, and what is executed begins anew. What was under way at the fork stays the
 * parent's. */
#include <slipring/slipring.h>

#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/api.h"
#include "support/check.h"
#include "support/child.h"
#include "support/place.h"
#include "support/trap.h"

#define EACH 300u /* records of one process: a full ring, and as much again in the spill */

extern char **environ;

static const struct slipring_cost price = {.cost_nanodollars = 7, .savings_nanodollars = 1, .category = 4};

static void record_many(struct slipring_primitive *work)
{
    for (uint64_t i = 0; i < EACH; i++) {
        slipring_record(work, i * 1000, i % 7 == 0, &price);
    }
}

static void expect_writers(uint32_t writers)
{
    struct tally want;
    tally_init(&want, 0);
    for (uint32_t w = 0; w < writers; w++) {
        for (uint64_t i = 0; i < EACH; i++) {
            tally_execution(&want, i * 1000, i % 7 == 0, &price);
        }
    }
    api_expect("work", &want);
}

/* --- that share their parent's memory -------------------------------------------------------------------------------------------- */

/* The parent's thread stands still meanwhile: its rings have one writer all the same. */
static void a_vfork_child_records_as_its_parent(void *unused)
{
    (void)unused;
    if (CHECK_UNDER_TSAN) { /* which makes a fork of it */
        return;
    }
    struct slipring_primitive *work = api_primitive("work");
    for (int i = 0; i < 3; i++) { /* the first claims for both */
        const pid_t child = vfork();
        if (child == 0) {
            record_many(work);
            _exit(0);
        }
        CHECK(child > 0);
        child_ends_well(child);
        record_many(work);
    }
    expect_writers(6);
    CHECK_EQUAL(fold_rings(place_store(), SR_RING_OWNED), 1);
    CHECK_EQUAL(fold_slots(place_store(), SR_SLOT_OWNED), 1);
}

static int record_in_a_clone(void *argument)
{
    record_many(argument);
    return 0;
}

static void so_does_a_clone_that_shares_memory_on_a_stack_of_its_own(void *unused)
{
    (void)unused;
    if (CHECK_IS_SANITIZED) { /* which does not know that stack */
        return;
    }
    static _Alignas(16) uint8_t stack[256 * 1024];
    struct slipring_primitive *work = api_primitive("work");
    for (int i = 0; i < 3; i++) {
        const pid_t child =
            clone(record_in_a_clone, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, work);
        CHECK(child > 0);
        child_ends_well(child);
        record_many(work);
    }
    expect_writers(6);
    CHECK_EQUAL(fold_rings(place_store(), SR_RING_OWNED), 1);
}

/* --- that do not ------------------------------------------------------------------------------------------------------------------ */

static void a_raw_clone3_records_into_rings_of_its_own(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    record_many(work);
    struct clone_args arguments = {.exit_signal = SIGCHLD};
    const pid_t child = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
    if (child < 0) { /* a sandbox may not have it */
        print_message("no clone3() here: not tried\n");
        return;
    }
    if (child == 0) {
        record_many(work);
        _exit(0);
    }
    record_many(work);
    child_ends_well(child);
    expect_writers(3);
    CHECK_EQUAL(fold_slots(place_store(), SR_SLOT_OWNED), 2);
}

/* --- that are executed ------------------------------------------------------------------------------------------------------------ */

static int be_the_executed_program(const char *store)
{
    struct slipring_store *opened = NULL;
    struct slipring_primitive *work = NULL;
    CHECK_OK(slipring_open(store, &opened));
    CHECK_OK(slipring_primitive_get(opened, "work", NULL, &work));
    record_many(work);
    return 0;
}

static const char *own_path(void)
{
    static char path[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    CHECK(length > 0);
    return path;
}

static void let_the_executed_record(void)
{
    CHECK_EQUAL(setenv("SLIPRING_TEST_RECORD_IN", place_store(), 1), 0);
}

static void spawned_and_piped_programs_and_shell_commands_record_as_themselves(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    record_many(work);
    let_the_executed_record();
    pid_t child = 0;
    char name[] = "spawned";
    char *arguments[] = {name, NULL};
    CHECK_EQUAL(posix_spawn(&child, own_path(), NULL, NULL, arguments, environ), 0);
    record_many(work);
    child_ends_well(child);
    expect_writers(3);
    CHECK_EQUAL(system(own_path()), 0); /* NOLINT(cert-env33-c): that is what is tested */
    record_many(work);
    expect_writers(5);
    FILE *pipe = popen(own_path(), "r"); /* NOLINT(cert-env33-c): as above */
    CHECK(pipe != NULL);
    record_many(work);
    CHECK_EQUAL(pclose(pipe), 0);
    expect_writers(7);
}

struct companion {
    struct slipring_primitive *work;
    _Atomic uint32_t stop;
    uint64_t writers;
};

static void *record_beside(void *argument)
{
    struct companion *companion = argument;
    do {
        record_many(companion->work);
        companion->writers++;
    } while (!atomic_load(&companion->stop));
    return NULL;
}

static void a_child_of_several_threads_may_execute_at_once_or_after_a_record(void *unused)
{
    (void)unused;
    struct companion companion = {.work = api_primitive("work")};
    pthread_t thread;
    let_the_executed_record();
    (void)own_path();
    CHECK_EQUAL(pthread_create(&thread, NULL, record_beside, &companion), 0);
    for (int i = 0; i < 10; i++) {
        const pid_t child = fork();
        if (child == 0) {
            if (i % 2) {
                record_many(companion.work);
            }
            (void)execl(own_path(), "executed", (char *)NULL);
            _exit(CHECK_EXIT_STATUS);
        }
        child_ends_well(child);
    }
    atomic_store(&companion.stop, 1);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
    expect_writers(10 + 5 + (uint32_t)companion.writers);
}

/* --- the host's own handlers of fork() --------------------------------------------------------------------------------------------- */

static struct slipring_primitive *fork_work;
static _Atomic uint64_t *handled;

static void record_in_fork(void)
{
    if (fork_work) {
        slipring_record(fork_work, 3, SLIPRING_SUCCESS, NULL);
        struct slipring_span span = slipring_begin(fork_work);
        slipring_cancel(&span);
        (void)atomic_fetch_add(handled, 1);
    }
}

/* Registered before the library's, they come while it keeps forks out; after it, while it does not yet or no more. */
static void a_host_may_record_in_its_handlers_of_fork(void *unused)
{
    (void)unused;
    handled = child_share(sizeof *handled);
    CHECK_EQUAL(pthread_atfork(record_in_fork, record_in_fork, record_in_fork), 0);
    struct slipring_primitive *work = api_primitive("work");
    CHECK_EQUAL(pthread_atfork(record_in_fork, record_in_fork, record_in_fork), 0);
    const pid_t parent = getpid();
    fork_work = work;
    for (int i = 0; i < 20; i++) {
        const pid_t child = fork();
        if (child == 0) {
            slipring_record(work, 3, SLIPRING_SUCCESS, NULL);
            _exit(0);
        }
        CHECK(child > 0);
        child_ends_well(child);
    }
    fork_work = NULL;
    CHECK_EQUAL(getpid(), parent);
    CHECK_EQUAL(atomic_load(handled), 20 * 6);
    struct tally got;
    api_fold("work", &got);
    CHECK_EQUAL(tally_count(&got), 20 * 7);
    CHECK_EQUAL(
        got.cancels,
        20 * 5); /* a span is not counted in a child that the library's own handler has not come to yet */
    CHECK_EQUAL(got.begun, got.ended);
    CHECK_EQUAL(got.torn, 0);
}

/* --- what is under way at the fork -------------------------------------------------------------------------------------------------- */

#define SPANS 6u

static struct {
    struct slipring_primitive *work;
    struct slipring_span spans[SPANS];
    uint32_t count;
} under_way;

/* In the child all of this is nothing, but for what it begins itself. */
static void end_all_and_one_of_ones_own(void *unused)
{
    (void)unused;
    struct slipring_span own = slipring_begin(under_way.work);
    for (uint32_t i = 0; i < under_way.count; i++) {
        struct slipring_span again = under_way.spans[i];
        slipring_lap(&under_way.spans[i], SLIPRING_SUCCESS, &price);
        slipring_end(&under_way.spans[i], SLIPRING_SUCCESS, &price);
        slipring_cancel(&again);
    }
    slipring_cancel(&own);
}

static void end_all_at_home(void)
{
    struct tally got;
    child_run(end_all_and_one_of_ones_own, NULL);
    for (uint32_t i = 0; i < under_way.count; i++) {
        slipring_cancel(&under_way.spans[i]);
    }
    api_fold("work", &got);
    CHECK_EQUAL(tally_count(&got), 0);
    CHECK_EQUAL(got.begun, got.ended);
    CHECK_EQUAL(got.begun, under_way.count + 1);
    CHECK_EQUAL(got.cancels, under_way.count + 1);
}

static void spans_die_at_fork_and_end_once_in_their_own_process(void *unused)
{
    (void)unused;
    under_way.work = api_primitive("work");
    for (under_way.count = 0; under_way.count < SPANS; under_way.count++) {
        under_way.spans[under_way.count] = slipring_begin(under_way.work);
    }
    end_all_at_home();
}

static void so_do_those_that_no_ring_counts(void *unused)
{
    (void)unused;
    (void)api_open();
    api_set_ring_cap(0);
    spans_die_at_fork_and_end_once_in_their_own_process(NULL);
}

static void attach(void *unused)
{
    (void)unused;
    slipring_record(under_way.work, 1, SLIPRING_SUCCESS, NULL);
}

static void begin_in_handler(void *unused)
{
    (void)unused;
    under_way.spans[0] = slipring_begin(under_way.work);
}

static void end_in_child(void *unused)
{
    (void)unused;
    slipring_end(&under_way.spans[0], SLIPRING_SUCCESS, NULL);
}

struct attaching {
    uint32_t nth;
    uint32_t began; /* spans, in all */
};

/* Begun when the process, itself a fork's child, is just attaching: one execution, whoever ends it where. */
static void attach_interrupted(void *argument)
{
    struct attaching *attaching = argument;
    if (trap_at(attach, begin_in_handler, NULL, attaching->nth)) {
        attaching->began++;
        child_run(end_in_child, NULL);
        child_run(end_in_child, NULL);
        slipring_end(&under_way.spans[0], SLIPRING_SUCCESS, NULL);
    }
}

static void a_span_begun_while_its_process_was_attaching_is_no_childs_either(void *unused)
{
    (void)unused;
    if (!trap_is_possible()) {
        return;
    }
    struct attaching *attaching = child_share(sizeof *attaching);
    under_way.work = api_primitive("work");
    while (slipring_close(under_way.work->store) == SLIPRING_OK) {
    }
    (void)api_open();
    const uint32_t count = trap_learn(attach, NULL);
    uint32_t attached = 1;
    for (attaching->nth = 0; attaching->nth < count; attaching->nth += count / 40 + 1) {
        child_run(attach_interrupted, attaching);
        attached++;
    }
    CHECK(attaching->began > 20);
    struct tally got;
    api_fold("work", &got);
    CHECK_EQUAL(tally_count(&got), attached + attaching->began);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(a_vfork_child_records_as_its_parent),
        CHILD_TEST(so_does_a_clone_that_shares_memory_on_a_stack_of_its_own),
        CHILD_TEST(a_raw_clone3_records_into_rings_of_its_own),
        CHILD_TEST(spawned_and_piped_programs_and_shell_commands_record_as_themselves),
        CHILD_TEST(a_child_of_several_threads_may_execute_at_once_or_after_a_record),
        CHILD_TEST(a_host_may_record_in_its_handlers_of_fork),
        CHILD_TEST(spans_die_at_fork_and_end_once_in_their_own_process),
        CHILD_TEST(so_do_those_that_no_ring_counts),
        CHILD_TEST(a_span_begun_while_its_process_was_attaching_is_no_childs_either),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    const char *store = getenv("SLIPRING_TEST_RECORD_IN");
    return store ? be_the_executed_program(store) : place_run(run);
}
