/* SPDX-License-Identifier: Apache-2.0 */
/* A prefork server: it opens, registers, has a span of its own under way, and forks workers, which record, are killed at any moment and
 * replaced. Then the server is killed and its workers outlive it. In the end every execution is counted, or aborted, once, and every ring
 * and slot is back. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <slipring/slipring.h>

#include "agent/drain/drain.h"
#include "support/api.h"
#include "support/child.h"
#include "support/place.h"
#include "support/rig.h"
#include "support/workload.h"

#define WORKERS 4u
#define KILLS                                                                                                \
    (WORKLOAD_IS_SLOW ? 20u : 80u) /* by the server; at its own death the test kills half of the rest */

static struct stage {
    _Atomic uint64_t began, ended; /* before a begin, after an end */
    _Atomic uint32_t killed;
    _Atomic uint32_t stop;
    _Atomic uint32_t left; /* workers that ended well */
    pid_t workers[WORKERS];
} * stage;

static void work_until_stopped(struct slipring_primitive *work)
{
    uint64_t random = (uint64_t)getpid() * UINT64_C(0x9e3779b97f4a7c15) | 1;
    while (!atomic_load(&stage->stop)) {
        (void)atomic_fetch_add(&stage->began, 1);
        struct slipring_span span = slipring_begin(work);
        for (uint64_t spin = workload_below(&random, 200); spin > 0; spin--) {
            (void)atomic_load(&stage->stop);
        }
        slipring_end(&span, SLIPRING_SUCCESS, NULL);
        (void)atomic_fetch_add(&stage->ended, 1);
    }
    (void)atomic_fetch_add(&stage->left, 1);
    _exit(0);
}

static void start_worker(uint32_t number, struct slipring_primitive *work)
{
    const pid_t worker = fork();
    CHECK(worker >= 0);
    if (worker == 0) {
        work_until_stopped(work);
    }
    stage->workers[number] = worker;
}

static void serve(void *argument)
{
    struct slipring_primitive *work = argument;
    uint64_t random = (uint64_t)getpid() | 1;
    (void)slipring_begin(work); /* the server's own, until its end */
    for (uint32_t i = 0; i < WORKERS; i++) {
        start_worker(i, work);
    }
    while (atomic_load(&stage->killed) < KILLS) {
        const struct timespec pause = {.tv_nsec = (long)workload_below(&random, 4000000)};
        (void)nanosleep(&pause, NULL);
        const uint32_t number = (uint32_t)workload_below(&random, WORKERS);
        CHECK_EQUAL(kill(stage->workers[number], SIGKILL), 0);
        CHECK_EQUAL(waitpid(stage->workers[number], NULL, 0), stage->workers[number]);
        start_worker(number, work);
        (void)atomic_fetch_add(&stage->killed, 1);
    }
    for (;;) {
        (void)pause();
    }
}

static void tick(void)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    (void)nanosleep(&pause, NULL);
    rig_tick(&rig, RIG_SECOND / 4); /* time goes faster here: the reaper comes each fourth time */
}

static void expect_each_execution_once(void)
{
    const struct slipring_stats stats = rig_stats(&rig, "work");
    const uint64_t began = atomic_load(&stage->began) + 1;
    const uint64_t ended = atomic_load(&stage->ended);
    CHECK(stats.count >= ended);
    CHECK(stats.count <= ended + atomic_load(&stage->killed));
    CHECK(stats.aborted >= 1); /* the server's */
    CHECK(stats.count + stats.aborted <= began);
    CHECK(began - stats.count - stats.aborted <=
          atomic_load(&stage->killed)); /* killed between our count and begin() */
    CHECK_EQUAL(stats.active, 0);
    CHECK_EQUAL(stats.lifetime.n, stats.count);
    CHECK_EQUAL(rig_figures(&rig).spans_unattributed, 0);
    CHECK(rig_figures(&rig).samples_torn <= atomic_load(&stage->killed)); /* within a shared spill: told */
    CHECK_EQUAL(rig_figures(&rig).rings_in_use, 0);
    CHECK_EQUAL(rig_figures(&rig).rings_quarantined, 0);
    CHECK_EQUAL(fold_slots(rig.options.store, SR_SLOT_OWNED),
                1); /* the test's own, which registered the name */
    print_message("%u workers killed: %llu executions, %llu aborted\n", (unsigned)atomic_load(&stage->killed),
                  (unsigned long long)stats.count, (unsigned long long)stats.aborted);
    CHECK(stats.count > 0);
}

static void a_prefork_servers_workers_killed_and_replaced_and_outliving_it_are_counted_once(void)
{
    struct slipring_primitive *work = NULL;
    stage = child_share(sizeof *stage);
    CHECK_EQUAL(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); /* orphans come here */
    CHECK_OK(slipring_primitive_get(rig_producer, "work", NULL, &work));
    const pid_t server = child_start(serve, work);
    while (atomic_load(&stage->killed) < KILLS) {
        tick();
    }
    CHECK_EQUAL(kill(server, SIGKILL), 0);
    child_dies_by(server, SIGKILL);
    const uint64_t ended = atomic_load(&stage->ended);
    while (atomic_load(&stage->ended) < ended + 1000) { /* they go on without it */
        tick();
    }
    for (uint32_t i = 0; i < WORKERS / 2; i++) {
        CHECK_EQUAL(kill(stage->workers[i], SIGKILL), 0);
        (void)atomic_fetch_add(&stage->killed, 1);
    }
    atomic_store(&stage->stop, 1);
    for (uint32_t i = 0; i < WORKERS; i++) {
        CHECK(waitpid(-1, NULL, 0) > 0);
    }
    CHECK_EQUAL(atomic_load(&stage->left), WORKERS - WORKERS / 2);
    rig_settle(&rig);
    rig_settle(&rig);
    expect_each_execution_once();
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_prefork_servers_workers_killed_and_replaced_and_outliving_it_are_counted_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
