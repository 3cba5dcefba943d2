/* SPDX-License-Identifier: Apache-2.0 */
/* Forks at chosen instructions: while another thread stands at any of them in registering, attaching, claiming, recording, closing; and
 * in a signal handler that interrupted one. The child records at once; parent and child lose nothing and hang on nothing.
 * process.h G2, G4. */
#include <slipring/slipring.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/api.h"
#include "support/check.h"
#include "support/child.h"
#include "support/place.h"
#include "support/trap.h"

#define ROUNDS 40u /* at most, of each kind */

static const struct slipring_cost price = {.cost_nanodollars = 7, .savings_nanodollars = 1, .category = 4};

static struct tally want;
static uint32_t life; /* counts them, for names */

static struct slipring_primitive *get(const char *who)
{
    char name[32];
    struct slipring_primitive *primitive = NULL;
    (void)snprintf(name, sizeof name, "%s-%u", who, life);
    CHECK_OK(slipring_primitive_get(api_open(), name, NULL, &primitive));
    return primitive;
}

/* A new name, an old one, a span. */
static void record_some(const char *who)
{
    struct slipring_primitive *own = get(who);
    slipring_record(own, 2000, SLIPRING_SUCCESS, &price);
    slipring_record(api_primitive("work"), 3000, SLIPRING_FAILURE, &price);
    struct slipring_span span = slipring_begin(own);
    slipring_cancel(&span);
}

static void count_some(void)
{
    tally_execution(&want, 2000, false, &price);
    tally_execution(&want, 3000, true, &price);
    want.begun++;
    want.ended++;
    want.cancels++;
}

static void expect_all(void)
{
    struct tally got;
    api_fold(NULL, &got);
    tally_expect_equal(&got, &want);
    CHECK_EQUAL(got.torn, 0);
}

/* --- while another thread stands there ----------------------------------------------------------------------------------------- */

/* fork() waits for the lock, so the thread cannot be made to wait for the fork: it goes on when that has surely begun. A raw clone waits for
 * nothing: the thread stands still until the child is born. */
enum kind { RAW_CLONE, FORK, KINDS };

static struct {
    void (*body)(void *);
    uint32_t nth;
    enum kind kind;
    _Atomic uint32_t stands, ended, forks, may_go;
} other;

static void stand_still(void *unused)
{
    (void)unused;
    atomic_store(&other.stands, 1);
    child_await(other.kind == FORK ? &other.forks : &other.may_go, 1);
    for (int i = 0; i < 200; i++) { /* long enough for fork() to come to the lock */
        (void)sched_yield();
    }
}

static void *live(void *learns)
{
    if (learns) {
        other.nth = trap_learn(other.body, NULL);
    } else {
        (void)trap_at(other.body, stand_still, NULL, other.nth);
    }
    atomic_store(&other.ended, 1);
    return NULL;
}

static pid_t split(void)
{
    if (other.kind == RAW_CLONE) {
        return (pid_t)syscall(SYS_clone, (unsigned long)SIGCHLD, NULL, NULL, NULL, 0UL);
    }
    atomic_store(&other.forks, 1);
    return fork();
}

/* One life of the other thread, in the middle of which we fork. false: it did not come there. */
static bool fork_meanwhile(void)
{
    pthread_t thread;
    atomic_store(&other.stands, 0);
    atomic_store(&other.ended, 0);
    atomic_store(&other.forks, 0);
    atomic_store(&other.may_go, 0);
    life++;
    CHECK_EQUAL(pthread_create(&thread, NULL, live, NULL), 0);
    while (!atomic_load(&other.stands) && !atomic_load(&other.ended)) {
        (void)sched_yield();
    }
    const bool stood = atomic_load(&other.stands);
    if (stood) {
        const pid_t child = split();
        CHECK(child >= 0);
        if (child == 0) {
            record_some("child");
            _exit(0);
        }
        atomic_store(&other.may_go, 1);
        child_ends_well(child);
        count_some();
    }
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
    count_some();
    return stood;
}

static void fork_at_each(void (*body)(void *))
{
    if (!trap_is_possible() ||
        CHECK_IS_SANITIZED) { /* whose locks are then held by a thread that stands still */
        print_message("no stepping in this build: not tried\n");
        return;
    }
    tally_init(&want, 0);
    other.body = body;
    (void)api_open();
    api_set_primitive_limit(5000);
    for (int i = 0; i < 2; i++) { /* the first time there is lazy binding */
        pthread_t thread;
        life++;
        CHECK_EQUAL(pthread_create(&thread, NULL, live, &other), 0);
        CHECK_EQUAL(pthread_join(thread, NULL), 0);
        count_some();
    }
    const uint32_t count = other.nth;
    uint32_t rounds = 0;
    uint32_t stood = 0;
    for (other.nth = 0; other.nth < count; other.nth += count / ROUNDS + 1) {
        for (other.kind = RAW_CLONE; other.kind < KINDS; other.kind++) {
            rounds++;
            stood += fork_meanwhile();
        }
    }
    print_message("%u instructions, forked at %u of %u\n", count, stood, rounds);
    CHECK(stood > rounds / 2);
    expect_all();
}

static void register_claim_and_record(void *unused)
{
    (void)unused;
    record_some("other");
}

static void a_fork_while_another_thread_registers_claims_and_records_G2(void *unused)
{
    (void)unused;
    fork_at_each(register_claim_and_record);
}

/* The store's slot goes back, and another one is taken: by a name that is not there yet, which has to be somebody's. */
static void close_attach_and_record(void *unused)
{
    (void)unused;
    struct slipring_store *store = api_open();
    while (slipring_close(store) == SLIPRING_OK) {
    }
    record_some("other");
}

static void a_fork_while_another_thread_closes_attaches_and_records_G2(void *unused)
{
    (void)unused;
    fork_at_each(close_attach_and_record);
}

/* --- in a handler --------------------------------------------------------------------------------------------------------------- */

static uint32_t forks;

/* The child does not return from it (process.h, the second limit). */
static void fork_in_handler(void *unused)
{
    (void)unused;
    const pid_t child = fork();
    if (child == 0) {
        record_some("child");
        _exit(0);
    }
    int status = 1;
    while (waitpid(child, &status, 0) != child) {
    }
    CHECK_EQUAL(status, 0);
    forks++;
    count_some();
}

static void a_handler_may_fork_at_any_instruction_of_a_first_record_and_its_child_record(void *unused)
{
    (void)unused;
    if (!trap_is_possible() || CHECK_IS_SANITIZED) {
        return;
    }
    tally_init(&want, 0);
    (void)api_open();
    api_set_primitive_limit(5000);
    uint32_t count = 0;
    for (int i = 0; i < 2; i++) {
        life++;
        count = trap_learn(register_claim_and_record, NULL);
        count_some();
    }
    uint32_t rounds = 0;
    for (uint32_t nth = 0; nth < count; nth += count / (2 * ROUNDS) + 1) {
        life++;
        rounds++;
        (void)trap_at(register_claim_and_record, fork_in_handler, NULL, nth);
        count_some();
    }
    print_message("%u instructions, forked at %u of %u\n", count, forks, rounds);
    CHECK(forks > rounds / 2);
    expect_all();
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(a_fork_while_another_thread_registers_claims_and_records_G2),
        CHILD_TEST(a_fork_while_another_thread_closes_attaches_and_records_G2),
        CHILD_TEST(a_handler_may_fork_at_any_instruction_of_a_first_record_and_its_child_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
