/* SPDX-License-Identifier: Apache-2.0 */
/* Forks of every kind, at the worst moments: while other threads open, claim and attach. A child records into rings of its own,
 * hangs on nothing that it inherited, and keeps nobody else alive. process.h G2, G4, liveness.h G2. */
#include <slipring/slipring.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/api.h"
#include "support/check.h"
#include "support/child.h"
#include "support/place.h"
#include "support/workload.h"
#include "system/liveness.h"

#define EACH 700u /* records of one writer: a full ring and as much again in the spill */

static const struct slipring_cost price = {.cost_nanodollars = 7, .savings_nanodollars = 1, .category = 4};

static void record_many(struct slipring_primitive *work)
{
    for (uint64_t i = 0; i < EACH; i++) {
        slipring_record(work, i * 1000, i % 7 == 0, &price);
    }
}

static void count_many(struct tally *want, uint32_t writers)
{
    for (uint32_t w = 0; w < writers; w++) {
        for (uint64_t i = 0; i < EACH; i++) {
            tally_execution(want, i * 1000, i % 7 == 0, &price);
        }
    }
}

static void expect_writers(uint32_t writers)
{
    struct tally want;
    tally_init(&want, 0);
    count_many(&want, writers);
    api_expect("work", &want);
}

static void record_as_child(void *argument)
{
    record_many(argument);
}

/* --- who writes where ----------------------------------------------------------------------------------------------------------- */

static void a_forked_child_records_into_rings_of_its_own(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    record_many(work);
    const pid_t child = child_start(record_as_child, work);
    record_many(work); /* at the same time */
    child_ends_well(child);
    expect_writers(3);
    CHECK_EQUAL(fold_rings(place_store(), SR_RING_OWNED), 2);
    CHECK_EQUAL(fold_slots(place_store(), SR_SLOT_OWNED), 2);
}

static void fork_again_and_leave(void *argument)
{
    const pid_t grandchild = child_start(record_as_child, argument);
    record_many(argument);
    child_ends_well(grandchild);
}

static void a_grandchild_records_into_rings_of_its_own(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    record_many(work);
    child_run(fork_again_and_leave, work);
    expect_writers(3);
    CHECK_EQUAL(fold_rings(place_store(), SR_RING_OWNED), 3);
}

/* As daemons do: the middle one ends at once, the last one goes on under another parent. */
static void a_daemon_goes_on_recording_when_its_parents_are_gone(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    record_many(work);
    _Atomic uint32_t *done = child_share(sizeof *done);
    const pid_t middle = fork();
    CHECK(middle >= 0);
    if (middle == 0) {
        if (fork() == 0) {
            CHECK(setsid() > 0);
            record_many(work);
            atomic_store(done, 1);
        }
        _exit(0);
    }
    child_ends_well(middle);
    child_await(done, 1);
    expect_writers(2);
}

static void a_prefork_server_counts_every_generation_of_workers(void *unused)
{
    (void)unused;
    struct slipring_primitive *work =
        api_primitive("work"); /* opened, named, and not recorded in by the server */
    for (int generation = 0; generation < 4; generation++) {
        pid_t workers[4];
        for (int i = 0; i < 4; i++) {
            workers[i] = child_start(record_as_child, work);
        }
        for (int i = 0; i < 4; i++) {
            child_ends_well(workers[i]);
        }
    }
    expect_writers(16);
}

static void a_raw_clone_records_into_rings_of_its_own(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    record_many(work);
    const pid_t child =
        (pid_t)syscall(SYS_clone, (unsigned long)SIGCHLD, NULL, NULL, NULL, 0UL); /* no atfork handlers */
    CHECK(child >= 0);
    if (child == 0) {
        record_many(work);
        _exit(0);
    }
    record_many(work);
    child_ends_well(child);
    expect_writers(3);
    CHECK_EQUAL(fold_rings(place_store(), SR_RING_OWNED), 2);
}

/* --- exec ------------------------------------------------------------------------------------------------------------------------ */

static int be_the_executed_program(const char *store)
{
    struct slipring_store *opened = NULL;
    struct slipring_primitive *work = NULL;
    CHECK_OK(slipring_open(store, &opened));
    CHECK_OK(slipring_primitive_get(opened, "work", NULL, &work));
    record_many(work);
    return 0;
}

static void vfork_and_exec_disturb_nobody(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    record_many(work);
    CHECK_EQUAL(setenv("SLIPRING_TEST_RECORD_IN", place_store(), 1), 0);
    const pid_t child = vfork();
    if (child == 0) {
        (void)execl("/proc/self/exe", "executed", (char *)NULL);
        _exit(CHECK_EXIT_STATUS);
    }
    CHECK(child > 0);
    record_many(work);
    child_ends_well(child);
    expect_writers(3);
}

static void exec_as_child(void *argument)
{
    record_many(argument);
    CHECK_EQUAL(setenv("SLIPRING_TEST_RECORD_IN", place_store(), 1), 0);
    (void)execl("/proc/self/exe", "executed", (char *)NULL);
}

static void what_a_process_recorded_before_exec_stays(void *unused)
{
    (void)unused;
    child_run(exec_as_child, api_primitive("work"));
    expect_writers(2);
}

/* --- liveness ---------------------------------------------------------------------------------------------------------------------- */

static struct sr_liveness open_lock_file(void)
{
    char path[PATH_MAX];
    struct sr_liveness liveness = {.fd = -1};
    place_path(path, place_store(), "lock");
    CHECK_OK(sr_liveness_open(&liveness, path));
    return liveness;
}

struct family {
    _Atomic uint32_t slot; /* 1 + that of the one who is to die */
    _Atomic uint32_t orphan_may_end;
    struct slipring_primitive *work;
};

static void wait_to_end(void *argument)
{
    struct family *family = argument;
    child_await(&family->orphan_may_end, 1);
}

static void *attach(void *argument)
{
    struct family *family = argument;
    slipring_record(family->work, 1, SLIPRING_SUCCESS, NULL);
    atomic_store(&family->slot, 1 + sr_process->attachments[family->work->store->index].slot.slot);
    return NULL;
}

/* Fork at random moments of another thread's attaching: no child may hold the lock that its parent is taking. */
static void fork_while_attaching(void *argument)
{
    struct family *family = argument;
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, attach, family), 0);
    uint64_t seed = (uint64_t)getpid() * UINT64_C(0x9e3779b97f4a7c15);
    for (uint64_t spin = api_random(&seed) % 20000; spin > 0; spin--) {
        (void)atomic_load(&family->slot);
    }
    const pid_t orphan = fork();
    if (orphan == 0) {
        wait_to_end(family);
        _exit(0);
    }
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
}

static void no_child_keeps_its_dead_parent_alive_G2(void *unused)
{
    (void)unused;
    if (CHECK_UNDER_TSAN) { /* which asks the child for its parent's threads */
        return;
    }
    struct family *family = child_share(sizeof *family);
    family->work = api_primitive("work");
    while (slipring_close(family->work->store) == SLIPRING_OK) { /* so that each child attaches itself */
    }
    (void)api_primitive("work");
    struct sr_liveness liveness = open_lock_file();
    for (int round = 0; round < (WORKLOAD_IS_SLOW ? 20 : 150); round++) {
        atomic_store(&family->slot, 0);
        atomic_store(&family->orphan_may_end, 0);
        child_run(fork_while_attaching, family); /* its child is still there */
        CHECK(!sr_liveness_is_alive(&liveness, atomic_load(&family->slot) - 1));
        atomic_store(&family->orphan_may_end, 1);
    }
    sr_liveness_close(&liveness);
}

/* The same at the worst moment of all: the page that keeps the lock is mapped, and not yet kept from children. */
static _Atomic int forker; /* thread that is about to fork; 0: nobody */
static _Atomic uint32_t is_taking;
static _Atomic uint32_t has_forked;

/* 'S': it sleeps, as one does that waits for a lock. */
static char state_of_thread(int tid)
{
    char path[64];
    char text[256] = "";
    (void)snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    FILE *stat = fopen(path, "r");
    CHECK(stat && fgets(text, sizeof text, stat));
    (void)fclose(stat);
    const char *name_end = strrchr(text, ')');
    CHECK(name_end != NULL);
    return name_end[2];
}

/* The library's own calls come here, for it is linked statically. */
int madvise(void *address, size_t bytes, int advice)
{
    if (advice == MADV_DONTFORK && atomic_load(&is_taking) == 1) {
        atomic_store(&is_taking, 2);
        while (atomic_load(&forker) == 0) {
            (void)sched_yield();
        }
        for (int asleep = 0; asleep < 20 && atomic_load(&has_forked) == 0;) {
            asleep = state_of_thread(atomic_load(&forker)) == 'S' ? asleep + 1 : 0;
            (void)usleep(1000);
        }
    }
    return (int)syscall(SYS_madvise, address, bytes, advice);
}

static void *fork_an_orphan(void *argument)
{
    while (atomic_load(&is_taking) != 2) {
        (void)sched_yield();
    }
    atomic_store(&forker, (int)syscall(SYS_gettid));
    if (fork() == 0) {
        wait_to_end(argument);
        _exit(0);
    }
    atomic_store(&has_forked, 1);
    return NULL;
}

static void attach_while_forking(void *argument)
{
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, fork_an_orphan, argument), 0);
    atomic_store(&is_taking, 1);
    (void)attach(argument);
    CHECK_EQUAL(atomic_load(&is_taking), 2);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
}

static void a_fork_waits_while_a_slot_is_taken_G2(void *unused)
{
    (void)unused;
    if (CHECK_IS_SANITIZED) { /* whose runtime calls madvise() itself, and forks in its own way */
        return;
    }
    struct family *family = child_share(sizeof *family);
    family->work = api_primitive("work");
    CHECK_OK(slipring_close(family->work->store));
    (void)api_primitive("work");
    struct sr_liveness liveness = open_lock_file();
    child_run(attach_while_forking, family);
    CHECK(!sr_liveness_is_alive(&liveness, atomic_load(&family->slot) - 1));
    atomic_store(&family->orphan_may_end, 1);
    sr_liveness_close(&liveness);
}

static void a_childs_end_does_not_end_its_parent_G2(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    slipring_record(work, 1, SLIPRING_SUCCESS, NULL);
    struct sr_liveness liveness = open_lock_file();
    const uint32_t slot = sr_process->attachments[work->store->index].slot.slot;
    CHECK(sr_liveness_is_alive(&liveness, slot));
    child_run(record_as_child, work);
    CHECK(sr_liveness_is_alive(&liveness, slot));
    sr_liveness_close(&liveness);
}

/* --- forks at bad moments ----------------------------------------------------------------------------------------------------------- */

static _Atomic uint32_t may_stop;

static void *open_and_close(void *argument)
{
    while (!atomic_load(&may_stop)) {
        struct slipring_store *store = NULL;
        CHECK_OK(slipring_open(argument, &store));
        CHECK_OK(slipring_close(store));
    }
    return NULL;
}

static void *record_one(void *argument)
{
    slipring_record(argument, 3, SLIPRING_SUCCESS, NULL);
    return NULL;
}

static void *come_and_go(void *argument)
{
    uintptr_t count = 0;
    for (; !atomic_load(&may_stop); count++) {
        pthread_t thread;
        CHECK_EQUAL(pthread_create(&thread, NULL, record_one, argument), 0);
        CHECK_EQUAL(pthread_join(thread, NULL), 0);
    }
    return (void *)count;
}

static void open_and_record(void *argument)
{
    struct slipring_store *store = NULL;
    struct slipring_primitive *work = NULL;
    CHECK_OK(slipring_open(argument, &store));
    CHECK_OK(slipring_primitive_get(store, "work", NULL, &work));
    slipring_record(work, 3, SLIPRING_SUCCESS, NULL);
}

static void children_forked_while_other_threads_open_and_claim_neither_hang_nor_lose_G2(void *unused)
{
    (void)unused;
    char store[16];
    (void)strcpy(store, place_store());
    struct slipring_primitive *work = api_primitive("work");
    pthread_t opener;
    pthread_t comer;
    CHECK_EQUAL(pthread_create(&opener, NULL, open_and_close, store), 0);
    CHECK_EQUAL(pthread_create(&comer, NULL, come_and_go, work), 0);
    const uint32_t forks = WORKLOAD_IS_SLOW ? 40 : 400;
    for (uint32_t i = 0; i < forks; i++) {
        child_run(open_and_record, store);
    }
    atomic_store(&may_stop, 1);
    void *count = NULL;
    CHECK_EQUAL(pthread_join(opener, NULL), 0);
    CHECK_EQUAL(pthread_join(comer, &count), 0);
    struct tally want;
    tally_init(&want, 0);
    for (uint64_t i = 0; i < forks + (uintptr_t)count; i++) {
        tally_execution(&want, 3, false, NULL);
    }
    api_expect("work", &want);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(a_forked_child_records_into_rings_of_its_own),
        CHILD_TEST(a_grandchild_records_into_rings_of_its_own),
        CHILD_TEST(a_daemon_goes_on_recording_when_its_parents_are_gone),
        CHILD_TEST(a_prefork_server_counts_every_generation_of_workers),
        CHILD_TEST(a_raw_clone_records_into_rings_of_its_own),
        CHILD_TEST(vfork_and_exec_disturb_nobody),
        CHILD_TEST(what_a_process_recorded_before_exec_stays),
        CHILD_TEST(no_child_keeps_its_dead_parent_alive_G2),
        CHILD_TEST(a_fork_waits_while_a_slot_is_taken_G2),
        CHILD_TEST(a_childs_end_does_not_end_its_parent_G2),
        CHILD_TEST(children_forked_while_other_threads_open_and_claim_neither_hang_nor_lose_G2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    const char *store = getenv("SLIPRING_TEST_RECORD_IN");
    return store ? be_the_executed_program(store) : place_run(run);
}
