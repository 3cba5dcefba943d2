/* SPDX-License-Identifier: Apache-2.0 */
/* A store with all that belongs to it: an agent, producers on command, and what is published. */
#ifndef BENCH_SERVED_H
#define BENCH_SERVED_H

#include <stdbool.h>

#include "booked.h"
#include "daemon.h"
#include "fleet.h"
#include "machine.h"

struct served {
    const char *store;
    struct daemon daemon;
    struct sr_stats *stats;
    struct fleet fleet;
    char listen[128]; /* where the agent serves HTTP: "127.0.0.1:9464" */
};

/* Start the agent on the CPU for consumers, with limits that the plan fits in; when it publishes, start the producers.
 * plan->processes 0: none. *served is zero. False: a message says why, and served_stop() is still due. */
bool served_start(struct served *served, const struct machine *machine, const struct fleet_plan *plan);

/* The producers, then the agent. False: one of them did not end as it should. */
bool served_stop(struct served *served);

#endif
