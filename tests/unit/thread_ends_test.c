/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that end, or leave a record, as none should: cancelled in the middle, by pthread_exit() or siglongjmp() in a handler, behind
 * libc's back, at exit(). What they were recording counts wholly or not at all, nothing else is touched, and others are not
 * kept waiting. process.h G2, spill.h G1. */
#include <slipring/slipring.h>

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "support/api.h"
#include "support/check.h"
#include "support/child.h"
#include "support/place.h"
#include "support/trap.h"
#include "support/workload.h"

#define EACH_NS   UINT64_C(1000001)
#define ROUND_MAX 250u

static const struct slipring_cost price = {.cost_nanodollars = 3, .savings_nanodollars = 5, .category = 2};

/* Executions whose record() returned; those that were left in the middle may be there, too. */
static _Atomic uint64_t *returned;

static void record_one(struct slipring_primitive *work)
{
    slipring_record(work, EACH_NS, SLIPRING_SUCCESS, &price);
    (void)atomic_fetch_add(returned, 1);
}

/* In the store stands what returned, and at most `left` more; each of it whole, but for what is told as torn. */
static void expect_whole(uint64_t left)
{
    struct tally got;
    api_fold(NULL, &got);
    const uint64_t count = tally_count(&got);
    CHECK(count >= atomic_load(returned));
    CHECK(count <= atomic_load(returned) + left);
    CHECK(got.torn <= left);
    if (got.torn == 0) {
        CHECK_EQUAL(got.sum_ns, count * EACH_NS);
        CHECK_EQUAL(got.cost[2], count * price.cost_nanodollars);
        CHECK_EQUAL(got.savings[2], count * price.savings_nanodollars);
        CHECK_EQUAL(got.min_ns, EACH_NS);
        CHECK_EQUAL(got.max_ns, EACH_NS);
    }
}

static void *record_in_a_thread(void *argument)
{
    record_one(argument);
    return NULL;
}

/* A thread that never recorded takes the lock: nobody may have kept it. */
static void expect_that_others_go_on(struct slipring_primitive *work)
{
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, record_in_a_thread, work), 0);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
}

/* --- cancelled ------------------------------------------------------------------------------------------------------------------ */

static _Atomic uint32_t is_at_work;

static void *record_until_cancelled(void *argument)
{
    CHECK_EQUAL(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL), 0);
    atomic_store(&is_at_work, 1);
    for (;;) {
        record_one(argument); /* the first one claims */
    }
    return NULL;
}

static void a_thread_cancelled_at_any_moment_leaves_whole_records(void *unused)
{
    (void)unused;
    if (CHECK_IS_SANITIZED) { /* whose own runtime is not to be cancelled just anywhere */
        return;
    }
    returned = child_share(sizeof *returned);
    struct slipring_primitive *work = api_primitive("work");
    uint64_t seed = api_seed();
    const uint32_t rounds = 400;
    for (uint32_t i = 0; i < rounds; i++) {
        pthread_t thread;
        void *result = NULL;
        atomic_store(&is_at_work, 0);
        CHECK_EQUAL(pthread_create(&thread, NULL, record_until_cancelled, work), 0);
        child_await(&is_at_work, 1);
        for (uint64_t spin = api_random(&seed) % 30000; spin > 0; spin--) {
            (void)atomic_load(&is_at_work);
        }
        CHECK_EQUAL(pthread_cancel(thread), 0);
        CHECK_EQUAL(pthread_join(thread, &result), 0);
        CHECK(result == PTHREAD_CANCELED);
    }
    expect_that_others_go_on(work);
    expect_whole(rounds);
    CHECK_EQUAL(fold_rings(place_store(), SR_RING_OWNED), 0); /* each gave its own back */
}

/* --- left by a handler at each instruction -------------------------------------------------------------------------------------- */

struct scene {
    void (*leave)(void *);           /* in the handler */
    void (*prepare)(struct scene *); /* in the thread, before */
    struct sink *drained;            /* what the test took out of the ring; NULL: nothing */
    struct slipring_primitive *work;
    uint32_t nth;
    bool was_left;
    uint64_t left;
};

static sigjmp_buf outside;

static void jump_out(void *argument)
{
    ((struct scene *)argument)->was_left = true;
    siglongjmp(outside, 1);
}

static void end_the_thread(void *argument)
{
    ((struct scene *)argument)->was_left = true;
    pthread_exit(NULL);
}

static void record_plainly(void *argument)
{
    slipring_record(((struct scene *)argument)->work, EACH_NS, SLIPRING_SUCCESS, &price);
}

/* What was jumped out of is over; the thread goes on, and each of its records counts. */
static void *be_left(void *argument)
{
    struct scene *scene = argument;
    scene->prepare(scene);
    if (sigsetjmp(outside, 1) == 0) {
        (void)trap_at(record_plainly, scene->leave, scene, scene->nth);
        (void)atomic_fetch_add(returned, 1);
    }
    for (int i = 0; i < 3; i++) {
        record_one(scene->work);
    }
    return NULL;
}

static void *learn(void *argument)
{
    struct scene *scene = argument;
    scene->prepare(scene);
    for (int i = 0; i < 2; i++) { /* the first time there is lazy binding */
        scene->nth = trap_learn(record_plainly, scene);
        (void)atomic_fetch_add(returned, 1);
    }
    return NULL;
}

static void run_in_thread(void *(*body)(void *), struct scene *scene)
{
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, body, scene), 0);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
}

static void leave_everywhere(void (*prepare)(struct scene *), void (*leave)(void *))
{
    if (!trap_is_possible() || CHECK_IS_SANITIZED) { /* whose runtime is left in the middle, too */
        print_message("no stepping in this build: not tried\n");
        return;
    }
    returned = child_share(sizeof *returned);
    struct scene scene = {.leave = leave, .prepare = prepare, .work = api_primitive("work")};
    run_in_thread(learn, &scene);
    const uint32_t count = scene.nth;
    const uint32_t stride = count / ROUND_MAX + 1;
    uint32_t rounds = 0;
    for (scene.nth = 0; scene.nth < count; scene.nth += stride) {
        scene.was_left = false;
        run_in_thread(be_left, &scene);
        scene.left += scene.was_left;
        rounds++;
        expect_whole(scene.left);
    }
    print_message("%u instructions, left at %u of %u of them\n", count, (unsigned)scene.left, rounds);
    CHECK(scene.left > rounds / 2);
    expect_that_others_go_on(scene.work);
    expect_whole(scene.left);
}

/* The ring of the thread before, taken up again, and empty: the test forgets what was in it, but for the sums. */
static void have_room(struct scene *scene)
{
    record_one(scene->work);
}

static void have_a_full_ring(struct scene *scene)
{
    const struct sr_ring *ring = NULL;
    do {
        record_one(scene->work);
        ring = sr_thread_find(scene->work);
    } while (!ring || !ring->spilling);
    record_one(scene->work);
}

static void have_no_ring(struct scene *scene)
{
    api_set_ring_cap(0);
    record_one(scene->work);
}

static void a_handler_may_end_the_thread_within_a_record_into_the_ring(void *unused)
{
    (void)unused;
    leave_everywhere(have_room, end_the_thread);
}

static void a_handler_may_end_the_thread_within_a_record_into_the_spill(void *unused)
{
    (void)unused;
    leave_everywhere(have_a_full_ring, end_the_thread);
}

static void a_handler_may_end_the_thread_within_a_record_into_the_shared_spill(void *unused)
{
    (void)unused;
    leave_everywhere(have_no_ring, end_the_thread);
}

static void a_handler_may_jump_out_of_a_record_into_the_ring(void *unused)
{
    (void)unused;
    leave_everywhere(have_room, jump_out);
}

static void a_handler_may_jump_out_of_a_record_into_the_spill(void *unused)
{
    (void)unused;
    leave_everywhere(have_a_full_ring, jump_out);
}

static void a_handler_may_jump_out_of_a_record_into_the_shared_spill(void *unused)
{
    (void)unused;
    leave_everywhere(have_no_ring, jump_out);
}

/* --- left by a handler in the slow path ------------------------------------------------------------------------------------------ */

static void on_alarm(int number)
{
    (void)number;
    siglongjmp(outside, 1);
}

static void set_alarm(uint64_t after_us)
{
    const struct itimerval once = {.it_value = {.tv_usec = (suseconds_t)after_us}};
    CHECK_EQUAL(setitimer(ITIMER_REAL, &once, NULL), 0);
}

static volatile uint32_t names; /* volatile: counts on while the code is jumped out of */

static void register_and_record_for_ever(void)
{
    for (;;) {
        char name[32];
        struct slipring_primitive *work = NULL;
        (void)snprintf(name, sizeof name, "work-%u", names++ % 3000);
        if (slipring_primitive_get(api_open(), name, NULL, &work) == SLIPRING_OK) {
            record_one(work);
        }
        while (slipring_close(work->store) == SLIPRING_OK) { /* the next one attaches anew */
        }
    }
}

/* As a time limit does: SIGALRM, and away. Registrations, attachings, first records, each may be what it came into. */
static void a_handler_that_jumps_out_of_a_registration_or_a_claim_keeps_nobody_waiting_G2(void *unused)
{
    (void)unused;
    if (CHECK_IS_SANITIZED) {
        return;
    }
    returned = child_share(sizeof *returned);
    struct slipring_primitive *work = api_primitive("work");
    api_set_primitive_limit(5000);
    const struct sigaction action = {.sa_handler = on_alarm};
    CHECK_EQUAL(sigaction(SIGALRM, &action, NULL), 0);
    uint64_t seed = api_seed();
    const uint32_t rounds = 300;
    for (volatile uint32_t i = 0; i < rounds; i++) { /* volatile: as above */
        if (sigsetjmp(outside, 1) == 0) {
            set_alarm(1 + api_random(&seed) % 300);
            register_and_record_for_ever();
        }
        (void)api_open();
        int state = 0;
        CHECK_EQUAL(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state), 0);
        CHECK_EQUAL(state, PTHREAD_CANCEL_ENABLE); /* as the host had it */
        expect_that_others_go_on(work);
    }
    expect_whole(rounds);
}

/* --- ends that nobody is told of -------------------------------------------------------------------------------------------------- */

static void *end_behind_libcs_back(void *argument)
{
    record_one(argument);
    (void)syscall(SYS_exit, 0); /* no destructor runs */
    return NULL;
}

/* Their rings stay theirs until the process ends: nobody can know better. What they recorded counts. */
static void threads_that_end_without_destructors_lose_nothing(void *unused)
{
    (void)unused;
    if (CHECK_IS_SANITIZED) { /* whose runtime misses them */
        return;
    }
    returned = child_share(sizeof *returned);
    struct slipring_primitive *work = api_primitive("work");
    for (int i = 0; i < 20; i++) {
        pthread_t thread;
        CHECK_EQUAL(pthread_create(&thread, NULL, end_behind_libcs_back, work), 0);
        CHECK_EQUAL(pthread_join(thread, NULL), 0); /* the kernel tells of its end */
    }
    expect_that_others_go_on(work);
    expect_whole(0);
    CHECK_EQUAL(fold_rings(place_store(), SR_RING_OWNED), 20);
}

static struct slipring_primitive *late_work;

static void record_late(void)
{
    record_one(late_work);
}

__attribute__((destructor)) static void record_at_unloading(void)
{
    if (late_work) {
        record_one(late_work);
    }
}

static void *record_for_ever(void *argument)
{
    for (;;) {
        record_one(argument);
    }
    return NULL;
}

static void exit_while_threads_record(void *argument)
{
    late_work = argument;
    CHECK_EQUAL(atexit(record_late), 0);
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        CHECK_EQUAL(pthread_create(&thread, NULL, record_for_ever, argument), 0);
        CHECK_EQUAL(pthread_detach(thread), 0);
    }
    while (atomic_load(returned) < 1000) {
        (void)sched_yield();
    }
    exit(0); /* not _exit(): handlers and destructors are what this is about */
}

static void detached_threads_exit_handlers_and_destructors_may_record_to_the_end(void *unused)
{
    (void)unused;
    if (CHECK_IS_SANITIZED) { /* whose runtime looks for leaks meanwhile, in a fork of cmocka */
        return;
    }
    returned = child_share(sizeof *returned);
    struct slipring_primitive *work = api_primitive("work");
    for (int i = 0; i < 20; i++) {
        const uint64_t before = atomic_load(returned);
        child_run(exit_while_threads_record, work);
        CHECK(atomic_load(returned) >= before + 2);
    }
    expect_whole(20 * 3);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(a_thread_cancelled_at_any_moment_leaves_whole_records),
        CHILD_TEST(a_handler_may_end_the_thread_within_a_record_into_the_ring),
        CHILD_TEST(a_handler_may_end_the_thread_within_a_record_into_the_spill),
        CHILD_TEST(a_handler_may_end_the_thread_within_a_record_into_the_shared_spill),
        CHILD_TEST(a_handler_may_jump_out_of_a_record_into_the_ring),
        CHILD_TEST(a_handler_may_jump_out_of_a_record_into_the_spill),
        CHILD_TEST(a_handler_may_jump_out_of_a_record_into_the_shared_spill),
        CHILD_TEST(a_handler_that_jumps_out_of_a_registration_or_a_claim_keeps_nobody_waiting_G2),
        CHILD_TEST(threads_that_end_without_destructors_lose_nothing),
        CHILD_TEST(detached_threads_exit_handlers_and_destructors_may_record_to_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
