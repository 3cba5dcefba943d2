/* SPDX-License-Identifier: Apache-2.0 */
/* A process that goes on recording one primitive, so that the agent has something to publish while others read. */
#ifndef BENCH_FEEDER_H
#define BENCH_FEEDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "machine.h"

#define FEEDER_DURATION_NS                                                                                   \
    UINT64_C(1234567)              /* of every record: the sum tells the count, and a torn copy does not */
#define FEEDER_COST UINT64_C(1000) /* likewise, nano-dollars: published far from the count */

struct feeder {
    pid_t pid;
    struct feeder_shared *shared;
};

/* Start it on the CPU for consumers: a record each millisecond. False: a message says why. */
bool feeder_start(struct feeder *feeder, const char *store, const char *primitive,
                  const struct machine *machine);

/* End it. *out_count: how often it recorded. False: it did not end as it should. */
bool feeder_stop(struct feeder *feeder, uint64_t *out_count);

#endif
