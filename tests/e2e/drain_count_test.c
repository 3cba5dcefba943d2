/* SPDX-License-Identifier: Apache-2.0 */
/* A drain of a known number of samples, all found again: by itself a test, and what callgrind.sh counts the instructions of.
 *     DRAIN_COUNT="RINGS BURST ROUNDS COST QUIET"
 * rings, samples into each a round, rounds drained with drain_all(), 1 for samples with a cost; then so many drain_tick()s in which
 * nothing moves. */
#include <stdio.h>
#include <stdlib.h>

#include <slipring/slipring.h>

#include "agent/drain/drain.h"
#include "support/check.h"
#include "support/place.h"
#include "support/rig.h"

#define RINGS_MAX 900u

static struct {
    unsigned rings, burst, rounds, has_cost, quiet;
} plan = {16, 100, 8, 0, 3};

static void record_all(struct slipring_primitive *const *primitives)
{
    const struct slipring_cost cost = {.cost_nanodollars = 7, .savings_nanodollars = 2};
    for (unsigned i = 0; i < plan.rings; i++) {
        for (unsigned j = 0; j < plan.burst; j++) {
            slipring_record(primitives[i], 1000000 + 30000 * (uint64_t)(j % 32),
                            j % 50 ? SLIPRING_SUCCESS : SLIPRING_FAILURE, plan.has_cost ? &cost : NULL);
        }
    }
}

static void a_drain_books_what_was_recorded_and_nothing_while_nothing_moves(void **state)
{
    static struct slipring_primitive *primitives[RINGS_MAX];
    (void)state;
    rig = rig_of(place_new_store());
    rig_open(&rig);
    CHECK_OK(slipring_open(rig.options.store, &rig_producer));
    for (unsigned i = 0; i < plan.rings; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "lane_%u", i);
        CHECK_OK(slipring_primitive_get(rig_producer, name, NULL, &primitives[i]));
    }
    for (unsigned round = 0; round < plan.rounds; round++) {
        record_all(primitives);
        rig.now_ns += RIG_SECOND / 100;
        drain_all(rig.drain, rig.now_ns);
    }
    const uint64_t all = (uint64_t)plan.rings * plan.burst * plan.rounds;
    CHECK_EQUAL(RIG_WORD(&rig, store, 0, SR_STORE_DRAINED), all);
    for (unsigned tick = 0; tick < plan.quiet; tick++) {
        rig.now_ns += RIG_SECOND / 20;
        CHECK(drain_tick(rig.drain, rig.now_ns) > 0);
    }
    CHECK_EQUAL(RIG_WORD(&rig, store, 0, SR_STORE_DRAINED), all);
    rig_expect_balance(&rig);
    rig_stop(&rig);
    CHECK_OK(slipring_close(rig_producer));
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_drain_books_what_was_recorded_and_nothing_while_nothing_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    const char *wish = getenv("DRAIN_COUNT");
    if (wish && (sscanf(wish, "%u %u %u %u %u", &plan.rings, &plan.burst, &plan.rounds, &plan.has_cost,
                        &plan.quiet) != 5 ||
                 plan.rings > RINGS_MAX || plan.burst > 128)) {
        (void)fprintf(stderr,
                      "DRAIN_COUNT=\"RINGS BURST ROUNDS COST QUIET\", at most %u rings, 128 a burst\n",
                      RINGS_MAX);
        return 2;
    }
    return place_run(run);
}
