/* SPDX-License-Identifier: Apache-2.0 */
/* Forking short lives: see churn.h. */
#include "churn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <slipring/slipring.h>

#define BATCH 900u /* a store has 1,024 places for processes */

struct churn {
    const struct fleet_plan *plan;
    struct slipring_primitive **primitives; /* handles outlive a fork: each child attaches as itself */
};

static bool open_all(struct churn *churn)
{
    struct slipring_store *store;
    const enum slipring_status status = slipring_open(churn->plan->store, &store);
    churn->primitives = calloc(churn->plan->primitives, sizeof(struct slipring_primitive *));
    if (status != SLIPRING_OK || !churn->primitives) {
        fprintf(stderr, "slipring-bench: store %s: %s\n", churn->plan->store, slipring_status_text(status));
        return false;
    }
    for (uint32_t i = 0; i < churn->plan->primitives; i++) {
        if (!fleet_register(store, i, &churn->primitives[i])) {
            return false;
        }
    }
    return true;
}

/* Producer number `number` records its samples. */
static void live(const struct churn *churn, uint32_t number)
{
    const struct samples *samples = churn->plan->samples;
    for (uint32_t i = 0; i < CHURN_RECORDS; i++) {
        const uint64_t position = (uint64_t)number * CHURN_RECORDS + i;
        const struct sample *sample = samples_at(samples, position);
        slipring_record(churn->primitives[position % churn->plan->primitives], sample->duration_ns,
                        (enum slipring_outcome)sample->outcome, &samples->cost);
    }
}

static bool run_batch(const struct churn *churn, uint32_t first, uint32_t count)
{
    bool is_good = true;
    uint32_t born = 0;
    while (born < count && is_good) {
        const pid_t pid = fork();
        if (pid == 0) {
            live(churn, first + born);
            _exit(0);
        }
        is_good = pid > 0;
        born += is_good;
    }
    if (!is_good) {
        fprintf(stderr, "slipring-bench: fork: %s\n", strerror(errno));
    }
    for (uint32_t i = 0; i < born; i++) {
        int status = 0;
        is_good &= waitpid(0, &status, 0) > 0 && status == 0;
    }
    return is_good;
}

bool churn_run(struct served *served, uint32_t dead, struct tally *expected)
{
    struct churn churn = {.plan = &served->fleet.plan};
    const struct fleet_plan *plan = churn.plan;
    const uint64_t living = (uint64_t)plan->processes * plan->threads * plan->primitives;
    bool is_good = open_all(&churn);
    for (uint32_t first = 0; is_good && first < dead && !machine_is_interrupted(); first += BATCH) {
        const uint32_t count = dead - first < BATCH ? dead - first : BATCH;
        is_good = run_batch(&churn, first, count) && booked_await_rings(served->stats, living);
        tally_add(expected, plan->samples, (uint64_t)first * CHURN_RECORDS, (uint64_t)count * CHURN_RECORDS,
                  &plan->samples->cost);
    }
    free(churn.primitives);
    return is_good && !machine_is_interrupted();
}
