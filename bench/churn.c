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

#include "usage.h"

#define BATCH 440u /* two fit in a store, which has 1,024 places for processes: one lives, one is folded */
#define EARLY (4u * BATCH) /* then all the places are taken that are going to be */

struct mother {
    const struct fleet_plan *plan;
    struct slipring_primitive **primitives; /* handles outlive a fork: each child attaches as itself */
};

static bool open_all(struct mother *mother)
{
    struct slipring_store *store;
    const enum slipring_status status = slipring_open(mother->plan->store, &store);
    mother->primitives = calloc(mother->plan->primitives, sizeof(struct slipring_primitive *));
    if (status != SLIPRING_OK || !mother->primitives) {
        fprintf(stderr, "slipring-bench: store %s: %s\n", mother->plan->store, slipring_status_text(status));
        return false;
    }
    for (uint32_t i = 0; i < mother->plan->primitives; i++) {
        if (!fleet_register(store, i, &mother->primitives[i])) {
            return false;
        }
    }
    return true;
}

/* Producer number `number` records its samples. */
static void live(const struct mother *mother, uint32_t number)
{
    const struct samples *samples = mother->plan->samples;
    for (uint32_t i = 0; i < CHURN_RECORDS; i++) {
        const uint64_t position = (uint64_t)number * CHURN_RECORDS + i;
        const struct sample *sample = samples_at(samples, position);
        slipring_record(mother->primitives[position % mother->plan->primitives], sample->duration_ns,
                        (enum slipring_outcome)sample->outcome, &samples->cost);
    }
}

static bool run_batch(const struct mother *mother, uint32_t first, uint32_t count)
{
    bool is_good = true;
    uint32_t born = 0;
    while (born < count && is_good) {
        const pid_t pid = fork();
        if (pid == 0) {
            live(mother, first + born);
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

static bool measure(const struct served *served, struct churn_memory *out_memory)
{
    struct usage usage;
    struct sr_agent_figures figures;
    if (!usage_read(served->daemon.pid, &usage) ||
        sr_stats_agent_figures(served->stats, &figures) != SLIPRING_OK) {
        return false;
    }
    *out_memory = (struct churn_memory){.ring_bytes = figures.ring_segment_bytes,
                                        .stats_bytes = figures.stats_segment_bytes,
                                        .agent_bytes = usage.anon_bytes};
    return true;
}

static bool run_batches(const struct mother *mother, struct served *served, uint32_t dead,
                        struct churn *out_churn)
{
    const struct fleet_plan *plan = mother->plan;
    const uint64_t living = (uint64_t)plan->processes * plan->threads * plan->primitives;
    bool is_measured = false;
    for (uint32_t first = 0; first < dead; first += BATCH) {
        const uint32_t count = dead - first < BATCH ? dead - first : BATCH;
        const bool is_last = first + count == dead;
        const uint64_t unfolded = is_last ? 0 : (uint64_t)BATCH * CHURN_RECORDS;
        if (machine_is_interrupted() || !run_batch(mother, first, count) ||
            !booked_await_rings(served->stats, living, living + unfolded)) {
            return false;
        }
        if (!is_measured && (first + count >= EARLY || is_last)) {
            is_measured = true;
            if (!measure(served, &out_churn->early)) {
                return false;
            }
        }
    }
    return measure(served, &out_churn->late);
}

bool churn_run(struct served *served, const struct machine *machine, uint32_t dead, struct tally *expected,
               struct churn *out_churn)
{
    struct mother mother = {.plan = &served->fleet.plan};
    const uint64_t began_ns = machine_clock_ns();
    machine_unpin(machine); /* the producers inherit that: nothing is measured yet */
    const bool is_good = open_all(&mother) && run_batches(&mother, served, dead, out_churn);
    const bool is_pinned = !machine->is_pinned || machine_pin(0, machine->cpu);
    out_churn->ns = machine_clock_ns() - began_ns;
    tally_add(expected, mother.plan->samples, 0, (uint64_t)dead * CHURN_RECORDS, &mother.plan->samples->cost);
    free(mother.primitives);
    return is_good && is_pinned;
}
