/* SPDX-License-Identifier: Apache-2.0 */
/* Signal handlers that record, thousands of times a second, in threads that record: they interrupt records, reservations before their
 * commit, and each other, but no claim (process.h G2). Every count is exact. */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/drain/drain.h"
#include "api/process.h"
#include "support/fold.h"
#include "support/place.h"
#include "support/pretend_clock.h"
#include "support/rig.h"
#include "support/workload.h"
#include "system/clock.h"

#define LANES       3u
#define LIVES       40u /* threads one after the other in a lane: each claims its rings anew */
#define LEVELS      3u  /* the thread, a handler, a handler that may interrupt that one */
#define WORKERS     (LANES * LEVELS)
#define PRIMITIVES  WORKLOAD_PRIMITIVES
#define RUN_MS      3000u
#define MILLISECOND UINT64_C(1000000)
#define PERIOD_NS   (WORKLOAD_IS_SLOW ? 300000 : 25000)

static const int numbers[LEVELS] = {0, SIGUSR1, SIGUSR2};

struct life {
    struct worker workers[LEVELS];
    volatile sig_atomic_t inside; /* volatile: read by this thread's handlers */
    uint64_t handled[LEVELS];
    uint64_t in_call, in_claim, in_record; /* what the handlers interrupted */
};

struct lane {
    const struct workload *load;
    struct tally *sums;
    uint64_t seed;
    struct life life;
};

static __thread struct life *mine;
static _Atomic uint32_t stop;

/* --- the handlers --------------------------------------------------------------------------------------------------------------- */

static bool is_a_ring_busy(const struct workload *load)
{
    for (uint32_t i = 0; i < load->count; i++) {
        const struct sr_ring *ring = sr_thread_find(load->primitives[i]);
        if (ring && ring->hot.busy && ring->hot.words) {
            return true;
        }
    }
    return false;
}

static void on_signal(int number)
{
    const int error = errno;
    struct life *life = mine;
    const uint32_t level = number == SIGUSR1 ? 1 : 2;
    life->handled[level]++;
    life->in_call += life->inside != 0;
    life->in_claim += sr_thread_depth != 0;
    life->in_record += is_a_ring_busy(life->workers[level].load);
    for (int i = 0; i < 3; i++) {
        worker_step(&life->workers[level]);
    }
    errno = error;
}

static void block(int how)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGUSR1);
    (void)sigaddset(&set, SIGUSR2);
    CHECK_EQUAL(pthread_sigmask(how, &set, NULL), 0);
}

/* Send this thread the signal again and again. */
static timer_t start_timer(uint32_t level)
{
    timer_t timer;
    struct sigevent event;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = numbers[level];
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid); /* glibc has no name for it */
    CHECK_EQUAL(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    const long period = PERIOD_NS + 7777 * (long)level; /* not in step */
    const struct itimerspec often = {.it_interval = {.tv_nsec = period}, .it_value = {.tv_nsec = period}};
    CHECK_EQUAL(timer_settime(timer, 0, &often, NULL), 0);
    return timer;
}

/* --- threads -------------------------------------------------------------------------------------------------------------------- */

/* Handlers come from before the thread's first record until after its last one. */
static void *live(void *argument)
{
    struct lane *lane = argument;
    struct life *life = &lane->life;
    timer_t timers[LEVELS];
    mine = life;
    for (uint32_t level = 1; level < LEVELS; level++) {
        timers[level] = start_timer(level);
    }
    block(SIG_UNBLOCK);
    const uint64_t end_ns = sr_clock_ns() + RUN_MS * MILLISECOND / LIVES;
    while (sr_clock_ns() < end_ns) {
        for (int i = 0; i < 20; i++) {
            life->inside = 1;
            worker_step(&life->workers[0]);
            life->inside = 0;
        }
    }
    block(SIG_BLOCK);
    for (uint32_t level = 1; level < LEVELS; level++) {
        CHECK_EQUAL(timer_delete(timers[level]), 0);
    }
    for (uint32_t level = 0; level < LEVELS; level++) {
        worker_finish(&life->workers[level]);
    }
    return NULL;
}

static void *run_lane(void *argument)
{
    struct lane *lane = argument;
    for (uint32_t i = 0; i < LIVES; i++) {
        pthread_t thread;
        for (uint32_t level = 0; level < LEVELS; level++) {
            lane->life.workers[level] =
                worker_of(lane->load, &lane->sums[level * PRIMITIVES], lane->seed + i * LEVELS + level);
        }
        CHECK_EQUAL(pthread_create(&thread, NULL, live, lane), 0);
        CHECK_EQUAL(pthread_join(thread, NULL), 0);
    }
    return NULL;
}

static void *run_agent(void *unused)
{
    (void)unused;
    const struct timespec pause = {.tv_nsec = 3000000};
    uint64_t seen_ns = sr_clock_ns();
    while (!atomic_load(&stop)) {
        const uint64_t now_ns = sr_clock_ns();
        rig_tick(&rig, now_ns - seen_ns);
        seen_ns = now_ns;
        (void)nanosleep(&pause, NULL);
    }
    return NULL;
}

static void run_lanes(const struct workload *load, struct tally *sums, uint64_t seed, struct lane *lanes)
{
    pthread_t agent;
    pthread_t threads[LANES];
    CHECK_EQUAL(pthread_create(&agent, NULL, run_agent, NULL), 0);
    for (uint32_t i = 0; i < LANES; i++) {
        lanes[i] = (struct lane){
            .load = load, .sums = &sums[i * LEVELS * PRIMITIVES], .seed = seed + (i + 1) * UINT64_C(1000003)};
        CHECK_EQUAL(pthread_create(&threads[i], NULL, run_lane, &lanes[i]), 0);
    }
    for (uint32_t i = 0; i < LANES; i++) {
        CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
    }
    atomic_store(&stop, 1);
    CHECK_EQUAL(pthread_join(agent, NULL), 0);
}

/* --- sums ----------------------------------------------------------------------------------------------------------------------- */

static void expect_all(const struct workload *load, const struct tally *sums)
{
    static struct tally want;
    for (uint32_t i = 0; i < PRIMITIVES; i++) {
        struct slipring_stats stats;
        struct slipring_stats_detail detail;
        workload_merge(load, sums, WORKERS, i, &want);
        CHECK_OK(slipring_stats_read_detail(load->primitives[i], &stats, &detail));
        workload_expect(load, i, &want, 0, &stats, &detail);
    }
    const struct sr_agent_figures figures = rig_figures(&rig);
    CHECK(figures.samples_drained > 0);
    CHECK(figures.samples_spilled > 0);
    CHECK_EQUAL(figures.samples_refused, 0);
    CHECK_EQUAL(figures.samples_torn, 0);
    CHECK_EQUAL(figures.spans_unattributed, 0);
    CHECK_EQUAL(slipring_store_dropped(rig_producer), 0);
}

/* The handlers did come, and at the moments that matter. ThreadSanitizer holds signals back to moments of its own choice. */
static void expect_interruptions(const struct lane *lanes)
{
    struct life sum = {.in_call = 0};
    for (uint32_t i = 0; i < LANES; i++) {
        sum.handled[1] += lanes[i].life.handled[1];
        sum.handled[2] += lanes[i].life.handled[2];
        sum.in_call += lanes[i].life.in_call;
        sum.in_claim += lanes[i].life.in_claim;
        sum.in_record += lanes[i].life.in_record;
    }
    (void)printf("%" PRIu64 " and %" PRIu64 " signals: %" PRIu64 " interrupted the workload, %" PRIu64
                 " a ring in use, %" PRIu64 " a claim\n",
                 sum.handled[1], sum.handled[2], sum.in_call, sum.in_record, sum.in_claim);
    (void)fflush(stdout);
    CHECK(sum.handled[1] > 0);
    CHECK(sum.handled[2] > 0);
    if (!WORKLOAD_IS_SLOW) {
        CHECK(sum.in_call > 0);
        CHECK(sum.in_record > 0);
    }
    CHECK_EQUAL(sum.in_claim, 0);
}

static void handlers_that_record_in_the_middle_of_anything_keep_every_sum_exact(void)
{
    static struct lane lanes[LANES];
    struct workload load;
    const uint64_t seed = workload_seed("signals");
    const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    block(SIG_BLOCK); /* the agent's thread inherits it */
    CHECK_EQUAL(sigaction(SIGUSR1, &action, NULL), 0);
    CHECK_EQUAL(sigaction(SIGUSR2, &action, NULL), 0);
    workload_open(&load, rig_producer, "p", PRIMITIVES);
    struct tally *sums = workload_sums(&load, WORKERS);
    run_lanes(&load, sums, seed, lanes);
    rig_settle(&rig);
    rig_settle(&rig);
    expect_interruptions(lanes);
    expect_all(&load, sums);
    CHECK_EQUAL(fold_rings(rig.options.store, SR_RING_OWNED), 0);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(handlers_that_record_in_the_middle_of_anything_keep_every_sum_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
