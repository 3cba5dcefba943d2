/* SPDX-License-Identifier: Apache-2.0 */
/* Threads by the thousand and forks by the hundred, in one process whose other threads record meanwhile: children that record and
 * end without a close, that never record, that close, fork again, fork twice, start threads, are killed. Every sum is exact; slots and
 * rings come back. */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/process.h"
#include "peer/stats.h"
#include "support/child.h"
#include "support/daemon.h"
#include "support/fold.h"
#include "support/place.h"
#include "support/pretend_clock.h"
#include "support/workload.h"
#include "system/clock.h"

#define PRIMITIVES  4u
#define FORKERS     2u
#define CHURNERS    2u
#define FORKS       (WORKLOAD_IS_SLOW ? 60u : 1000u) /* a forker */
#define RUN_MS      5000u                            /* at most */
#define MILLISECOND UINT64_C(1000000)

/* Who counts in a lane: its thread, and below a fork one process after the other. */
enum { OWN, CHILD, SECOND, THIRD, ROLES };
#define LANES   (FORKERS + CHURNERS)
#define WORKERS (LANES * ROLES)

struct lane_shm {
    _Atomic uint32_t seconds; /* grandchildren that are done */
    uint64_t seed;
    uint64_t aborted[PRIMITIVES];
    uint64_t forks, threads;
};

static struct stage {
    _Atomic uint32_t forkers_done;
    uint64_t seed;
    struct lane_shm lanes[LANES];
} * stage;

static struct workload load; /* handles outlive the fork */
static struct slipring_store *store;
static struct tally *sums;

static struct worker worker_for(uint32_t lane, uint32_t role)
{
    return worker_of(&load, &sums[(lane * ROLES + role) * PRIMITIVES], ++stage->lanes[lane].seed);
}

static void record_some(struct worker *worker)
{
    for (uint64_t steps = 1 + workload_below(&worker->random, 300); steps > 0; steps--) {
        worker_step(worker);
    }
}

static void record_as(uint32_t lane, uint32_t role)
{
    struct worker worker = worker_for(lane, role);
    record_some(&worker);
    worker_finish(&worker);
}

/* --- children ------------------------------------------------------------------------------------------------------------------- */

static void end_without_close(uint32_t lane)
{
    record_as(lane, CHILD);
}

static void never_record(uint32_t lane)
{
    (void)lane;
}

/* Without a slot (they may be short for a moment: a thousand forks a second, and the reaper comes once) nobody can know of its spans, by
 * design: then it opens none. */
static void die_with_spans_open(uint32_t lane)
{
    record_as(lane, CHILD);
    if (sr_attachment_has_slot(&sr_process->attachments[store->index])) {
        struct worker worker = worker_for(lane, CHILD);
        record_some(&worker);
        worker_abandon(&worker, stage->lanes[lane].aborted);
    }
}

static void close_before_the_end(uint32_t lane)
{
    record_as(lane, CHILD);
    CHECK_OK(slipring_close(store));
}

/* The child ends at once, the grandchild records as an orphan. */
static void fork_twice(uint32_t lane)
{
    if (fork() == 0) {
        record_as(lane, CHILD);
        (void)atomic_fetch_add(&stage->lanes[lane].seconds, 1);
        _exit(0);
    }
    (void)atomic_fetch_add(&stage->lanes[lane].seconds, UINT32_C(1) << 16);
}

/* With rings of its own, which are not its child's. */
static void record_and_fork_again(uint32_t lane)
{
    struct worker worker = worker_for(lane, CHILD);
    record_some(&worker);
    const pid_t child = fork();
    if (child == 0) {
        while (worker.open_count > 0) { /* died at the fork */
            slipring_end(&worker.open[--worker.open_count].span, SLIPRING_SUCCESS, NULL);
        }
        record_as(lane, SECOND);
        _exit(0);
    }
    record_some(&worker);
    worker_finish(&worker);
    int status = 1;
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    CHECK_EQUAL(status, 0);
}

static void *record_in_a_thread(void *argument)
{
    const uint32_t *who = argument;
    record_as(who[0], who[1]);
    return NULL;
}

/* AddressSanitizer's allocator, which starting a thread needs, is not forked with care: its lock may be held for ever. */
static void start_threads(uint32_t lane)
{
    if (WORKLOAD_IS_SLOW) {
        record_as(lane, CHILD);
        return;
    }
    pthread_t threads[2];
    uint32_t who[2][2] = {{lane, SECOND}, {lane, THIRD}};
    for (uint32_t i = 0; i < 2; i++) {
        CHECK_EQUAL(pthread_create(&threads[i], NULL, record_in_a_thread, who[i]), 0);
    }
    record_as(lane, CHILD);
    for (uint32_t i = 0; i < 2; i++) {
        CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
    }
}

static void be_killed(uint32_t lane)
{
    record_as(lane, CHILD);
    (void)kill(getpid(), SIGKILL);
}

static void (*const lives[])(uint32_t lane) = {
    end_without_close, never_record,  die_with_spans_open, close_before_the_end,
    fork_twice,        start_threads, be_killed,           record_and_fork_again,
};
#define LIVES (sizeof lives / sizeof lives[0])

/* --- the forking process -------------------------------------------------------------------------------------------------------- */

static void fork_once(uint32_t lane, uint32_t life, struct worker *worker)
{
    struct lane_shm *shared = &stage->lanes[lane];
    const pid_t parent = getpid();
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) {
            _exit(CHECK_EXIT_STATUS);
        }
        while (worker->open_count > 0) { /* the parent's: nothing happens */
            slipring_end(&worker->open[--worker->open_count].span, SLIPRING_SUCCESS, NULL);
        }
        lives[life](lane);
        _exit(0);
    }
    int status = 1;
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    CHECK_EQUAL(status, lives[life] == be_killed ? SIGKILL : 0);
    for (uint32_t seconds = atomic_load(&shared->seconds); (seconds & 0xffff) != seconds >> 16;
         seconds = atomic_load(&shared->seconds)) {
        (void)usleep(200);
    }
    shared->forks++;
}

static void *fork_again_and_again(void *argument)
{
    const uint32_t lane = *(const uint32_t *)argument;
    struct worker worker = worker_for(lane, OWN);
    const uint64_t end_ns = sr_clock_ns() + RUN_MS * MILLISECOND;
    for (uint32_t i = 0; i < FORKS && (i < LIVES || sr_clock_ns() < end_ns); i++) {
        record_some(&worker);
        fork_once(lane, (i + lane) % LIVES, &worker);
    }
    worker_finish(&worker);
    (void)atomic_fetch_add(&stage->forkers_done, 1);
    return NULL;
}

static void *churn_threads(void *argument)
{
    const uint32_t lane = *(const uint32_t *)argument;
    uint32_t who[2] = {lane, OWN};
    while (atomic_load(&stage->forkers_done) < FORKERS) {
        pthread_t thread;
        CHECK_EQUAL(pthread_create(&thread, NULL, record_in_a_thread, who), 0);
        CHECK_EQUAL(pthread_join(thread, NULL), 0);
        stage->lanes[lane].threads++;
    }
    return NULL;
}

static void fork_and_churn(void *unused)
{
    (void)unused;
    pthread_t threads[LANES];
    uint32_t numbers[LANES];
    CHECK_EQUAL(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); /* orphans come here */
    CHECK_OK(slipring_open(place_store(), &store));
    workload_open(&load, store, "p", PRIMITIVES);
    for (uint32_t i = 0; i < LANES; i++) {
        numbers[i] = i;
        stage->lanes[i].seed = stage->seed + i * UINT64_C(1000003);
        CHECK_EQUAL(pthread_create(&threads[i], NULL, i < FORKERS ? fork_again_and_again : churn_threads,
                                   &numbers[i]),
                    0);
    }
    for (uint32_t i = 0; i < LANES; i++) {
        CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
    }
    while (waitpid(-1, NULL, 0) > 0) {
    }
    CHECK_EQUAL(slipring_store_dropped(store), 0);
}

/* --- sums ----------------------------------------------------------------------------------------------------------------------- */

static bool read_figures(uint32_t index, struct slipring_stats *out_stats,
                         struct slipring_stats_detail *out_detail, struct sr_agent_figures *out_agent)
{
    char name[32];
    struct sr_stats *published = NULL;
    bool is_found = false;
    (void)snprintf(name, sizeof name, "p%u", index);
    CHECK_OK(sr_stats_open(place_store(), &published));
    for (uint32_t id = 0; id < sr_stats_high(published) && !is_found; id++) {
        is_found = sr_stats_get(published, id, out_stats, out_detail) == SLIPRING_OK &&
                   strcmp(out_detail->name, name) == 0;
    }
    CHECK_OK(sr_stats_agent_figures(published, out_agent));
    sr_stats_close(published);
    return is_found;
}

static uint64_t sum_aborted(uint32_t index)
{
    uint64_t aborted = 0;
    for (uint32_t i = 0; i < LANES; i++) {
        aborted += stage->lanes[i].aborted[index];
    }
    return aborted;
}

/* Nobody lives any more: every slot and every ring comes back. */
static bool has_everything_come_back(void)
{
    return fold_slots(place_store(), SR_SLOT_OWNED) == 0 &&
           fold_slots(place_store(), SR_SLOT_RELEASED) == 0 &&
           fold_slots(place_store(), SR_SLOT_REAPING) == 0 &&
           fold_rings(place_store(), SR_RING_CLAIMING) == 0 &&
           fold_rings(place_store(), SR_RING_OWNED) == 0 &&
           fold_rings(place_store(), SR_RING_RELEASED) == 0 &&
           fold_rings(place_store(), SR_RING_REAPING) == 0;
}

static void wait_for_the_reaper(void)
{
    const uint64_t end_ns = sr_clock_ns() + 15000 * MILLISECOND;
    while (!has_everything_come_back()) {
        CHECK(sr_clock_ns() < end_ns);
        (void)usleep(20000);
    }
    (void)usleep(300000); /* what was settled last is published a tenth of a second later */
}

static void expect_all(void)
{
    static struct tally want;
    struct sr_agent_figures agent = {.drains = 0};
    uint64_t count = 0;
    for (uint32_t i = 0; i < PRIMITIVES; i++) {
        struct slipring_stats stats;
        struct slipring_stats_detail detail;
        workload_merge(&load, sums, WORKERS, i, &want);
        CHECK(read_figures(i, &stats, &detail, &agent));
        workload_expect(&load, i, &want, sum_aborted(i), &stats, &detail);
        count += stats.count;
    }
    CHECK_EQUAL(agent.rings_in_use, 0);
    CHECK_EQUAL(agent.rings_quarantined, 0);
    CHECK_EQUAL(agent.samples_refused, 0);
    CHECK_EQUAL(agent.samples_torn, 0);
    CHECK_EQUAL(agent.spans_unattributed, 0);
    CHECK_EQUAL(agent.processes, 0);
    (void)printf("%" PRIu64 " executions, %" PRIu64 " samples through rings, %" PRIu64 " spilled\n", count,
                 agent.samples_drained, agent.samples_spilled);
}

/* What was made is used again: there were many more lives than rings. A dead process's rings come back within a second, so that those of
 * some seconds' forks may be made at most. */
static void expect_reuse(void)
{
    uint64_t forks = 0;
    uint64_t threads = 0;
    for (uint32_t i = 0; i < LANES; i++) {
        forks += stage->lanes[i].forks;
        threads += stage->lanes[i].threads;
    }
    const uint32_t rings = fold_rings(place_store(), SR_RING_FREE);
    (void)printf("%" PRIu64 " forks, %" PRIu64 " threads, %u rings made\n", forks, threads, rings);
    (void)fflush(stdout);
    CHECK(forks >= FORKERS * LIVES);
    CHECK(threads > 10);
    CHECK(rings > 0);
    CHECK(rings < (forks * 2 + 16) * PRIMITIVES);
    CHECK(WORKLOAD_IS_SLOW || rings < threads * PRIMITIVES);
}

static void forks_and_short_threads_lose_nothing_and_give_everything_back(void **state)
{
    (void)state;
    struct daemon daemon;
    (void)place_new_store();
    stage = child_share(sizeof *stage);
    stage->seed = workload_seed("fork");
    workload_plan(&load, PRIMITIVES);
    sums = workload_sums(&load, WORKERS);
    daemon_start(&daemon);
    child_run(fork_and_churn, NULL);
    wait_for_the_reaper();
    expect_all();
    expect_reuse();
    daemon_expect_exact();
    daemon_stop(&daemon);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forks_and_short_threads_lose_nothing_and_give_everything_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
