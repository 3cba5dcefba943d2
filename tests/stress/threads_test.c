/* SPDX-License-Identifier: Apache-2.0 */
/* Threads of one process, the agent's core among them, for ThreadSanitizer's eyes too: agent and producers use one mapping here,
 * so that it sees that an address of theirs is the same. Threads come and go, the agent pauses, and every sum is exact. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#include "agent/drain/drain.h"
#include "api/process.h"
#include "support/child.h"
#include "support/fold.h"
#include "support/place.h"
#include "support/pretend_clock.h"
#include "support/rig.h"
#include "support/workload.h"
#include "system/clock.h"

#define LANES       6u
#define LIVES       8u /* threads one after the other in a lane */
#define RUN_MS      2500u
#define CHURN_LIVES 400u
#define MILLISECOND UINT64_C(1000000)
#define PRIMITIVES  WORKLOAD_PRIMITIVES

struct lane {
    const struct workload *load;
    struct tally *sums;
    uint64_t seed;
    uint32_t lives;
    uint32_t lived;
};

static _Atomic uint32_t stop;

static void sleep_ns(uint64_t ns)
{
    const struct timespec pause = {.tv_sec = (time_t)(ns / RIG_SECOND), .tv_nsec = (long)(ns % RIG_SECOND)};
    (void)nanosleep(&pause, NULL);
}

/* --- the agent ------------------------------------------------------------------------------------------------------------------ */

/* The rig in real time, but for pauses in which every ring fills. Its own time stands still meanwhile, or leaps. */
static void *run_agent(void *argument)
{
    uint64_t random = *(const uint64_t *)argument | 1;
    uint64_t seen_ns = sr_clock_ns();
    while (!atomic_load(&stop)) {
        const uint64_t now_ns = sr_clock_ns();
        rig_tick(&rig, now_ns - seen_ns);
        seen_ns = now_ns;
        const uint64_t pause = workload_below(&random, 100);
        sleep_ns(pause == 0 ? 30 * MILLISECOND : pause < 20 ? MILLISECOND : MILLISECOND / 10);
    }
    return NULL;
}

/* Agent and producers on one mapping: the same addresses, so that a race between them can be seen. The agent's own one comes back
 * before it is unmapped. */
static uint8_t *agents_base;

static void share_the_mapping(void)
{
    struct sr_drain *rings = agent_store_rings(rig.store);
    agents_base = rings->segment.map.base;
    rings->segment.map.base = sr_store_segment(rig_producer)->map.base;
}

static void part_the_mappings(void)
{
    agent_store_rings(rig.store)->segment.map.base = agents_base;
}

/* --- producers ------------------------------------------------------------------------------------------------------------------ */

static void *live(void *argument)
{
    struct lane *lane = argument;
    struct worker worker = worker_of(lane->load, lane->sums, lane->seed + lane->lived);
    const uint64_t steps = lane->lives == CHURN_LIVES ? 1 + workload_below(&worker.random, 60) : UINT64_MAX;
    const uint64_t began_ns = sr_clock_ns();
    const uint64_t share_ns = RUN_MS * MILLISECOND / lane->lives;
    for (uint64_t i = 0; i < steps && (i % 64 != 0 || sr_clock_ns() - began_ns < share_ns); i++) {
        worker_step(&worker);
    }
    worker_finish(&worker);
    return NULL;
}

static void *run_lane(void *argument)
{
    struct lane *lane = argument;
    for (lane->lived = 0; lane->lived < lane->lives; lane->lived++) {
        pthread_t thread;
        CHECK_EQUAL(pthread_create(&thread, NULL, live, lane), 0);
        CHECK_EQUAL(pthread_join(thread, NULL), 0);
    }
    return NULL;
}

static void run_lanes(const struct workload *load, struct tally *sums, uint64_t seed, uint32_t lives)
{
    pthread_t agent;
    pthread_t threads[LANES];
    struct lane lanes[LANES];
    CHECK_EQUAL(pthread_create(&agent, NULL, run_agent, &seed), 0);
    for (uint32_t i = 0; i < LANES; i++) {
        lanes[i] = (struct lane){.load = load,
                                 .sums = &sums[i * PRIMITIVES],
                                 .seed = seed + (i + 1) * UINT64_C(1000003),
                                 .lives = lives};
        CHECK_EQUAL(pthread_create(&threads[i], NULL, run_lane, &lanes[i]), 0);
    }
    for (uint32_t i = 0; i < LANES; i++) {
        CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
    }
    atomic_store(&stop, 1);
    CHECK_EQUAL(pthread_join(agent, NULL), 0);
}

/* --- sums ----------------------------------------------------------------------------------------------------------------------- */

static void expect_cells(const struct workload *load, uint32_t index, const struct tally *want)
{
    const uint32_t book = rig.books->primitive[sr_handle_id(load->primitives[index])].book;
    for (uint32_t i = 0; i < SR_BUCKET_COUNT; i++) {
        CHECK_EQUAL(RIG_WORD(&rig, book, book, SR_BOOK_CELLS + i), want->cells[0][i] + want->cells[1][i]);
    }
}

/* Returns how many executions there were. */
static uint64_t expect_all(const struct workload *load, const struct tally *sums)
{
    static struct tally want;
    uint64_t count = 0;
    for (uint32_t i = 0; i < PRIMITIVES; i++) {
        struct slipring_stats stats;
        struct slipring_stats_detail detail;
        workload_merge(load, sums, LANES, i, &want);
        CHECK_OK(slipring_stats_read_detail(load->primitives[i], &stats, &detail));
        workload_expect(load, i, &want, 0, &stats, &detail);
        expect_cells(load, i, &want);
        count += stats.count;
    }
    return count;
}

static void report(uint64_t count)
{
    const struct sr_agent_figures figures = rig_figures(&rig);
    const double total = (double)(figures.samples_drained + figures.samples_spilled);
    (void)printf("%" PRIu64 " executions; %.1f %% of the samples spilled; %" PRIu64 " batches\n", count,
                 100.0 * (double)figures.samples_spilled / total, figures.drains);
    (void)fflush(stdout);
    CHECK(figures.samples_drained > 0);
    CHECK(figures.samples_spilled > 0);
    CHECK_EQUAL(figures.samples_refused, 0);
    CHECK_EQUAL(figures.samples_torn, 0);
    CHECK_EQUAL(figures.rings_quarantined, 0);
    CHECK_EQUAL(figures.spans_unattributed, 0);
    CHECK_EQUAL(slipring_store_dropped(rig_producer), 0);
}

static void play(const char *name, uint32_t lives)
{
    struct workload load;
    const uint64_t seed = workload_seed(name);
    workload_open(&load, rig_producer, "p", PRIMITIVES);
    struct tally *sums = workload_sums(&load, LANES);
    share_the_mapping();
    run_lanes(&load, sums, seed, lives);
    rig_settle(&rig);
    rig_settle(&rig);
    part_the_mappings();
    report(expect_all(&load, sums));
}

static void threads_record_everything_exactly_while_the_agent_drains_and_pauses(void)
{
    play("threads", LIVES);
    CHECK_EQUAL(fold_rings(rig.options.store, SR_RING_OWNED), 0);
}

static void short_threads_give_their_rings_back(void)
{
    play("churn", CHURN_LIVES);
    CHECK_EQUAL(fold_rings(rig.options.store, SR_RING_OWNED), 0);
    CHECK_EQUAL(fold_rings(rig.options.store, SR_RING_RELEASED), 0);
    /* Each of 2400 threads had some eight; never more than LANES of them lived at once, and each may have left a small one for a
     * bigger one, which comes back a second later. */
    CHECK(fold_rings(rig.options.store, SR_RING_FREE) <= 4 * LANES * PRIMITIVES);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(threads_record_everything_exactly_while_the_agent_drains_and_pauses),
        RIG_TEST(short_threads_give_their_rings_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
