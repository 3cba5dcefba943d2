/* SPDX-License-Identifier: Apache-2.0 */
/* Producers on command: processes with threads, each of which records every primitive, and then rests until the next
 * command. So the store has as many rings as there are threads times primitives. */
#ifndef BENCH_FLEET_H
#define BENCH_FLEET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "samples.h"

#define FLEET_PROCESSES_MAX 64u
#define FLEET_THREADS_MAX   16u

struct fleet_plan {
    const char *store;
    const struct samples *samples;
    uint32_t processes;
    uint32_t threads; /* of each process */
    uint32_t primitives;
    bool has_no_objectives;
    bool exposes_few;   /* the agent's options: served.h */
    const char *config; /* likewise; NULL: none */
};

struct fleet {
    struct fleet_plan plan;
    uint64_t position;     /* in the cycle of samples */
    struct tally expected; /* all that was recorded */
    struct fleet_member {
        pid_t pid;
        int command, answer; /* pipes */
    } members[FLEET_PROCESSES_MAX];
};

/* Start the processes; they have opened the store and registered the primitives, with a cost and objectives each.
 * False: a message says why, and fleet_stop() is still due. */
bool fleet_start(struct fleet *fleet, const struct fleet_plan *plan);

/* Every thread records `count` samples of each primitive, one primitive after the other. Returns when all have. */
bool fleet_record(struct fleet *fleet, uint32_t count);

/* End the processes; their rings are the agent's to fold. False: one ended otherwise than it should. */
bool fleet_stop(struct fleet *fleet);

/* The name of the fleet's primitive number `i`. */
#define FLEET_NAME_BYTES 16
void fleet_name(uint32_t i, char out_name[FLEET_NAME_BYTES]);

/* Register it as the fleet does. False: a message says why. */
struct slipring_store;
struct slipring_primitive;
bool fleet_register(struct slipring_store *store, uint32_t i, struct slipring_primitive **out_primitive);

#endif
