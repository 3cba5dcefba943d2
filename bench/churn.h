/* SPDX-License-Identifier: Apache-2.0 */
/* Producers that come, record and are gone without a word: what a store has behind it after a day of short programs. */
#ifndef BENCH_CHURN_H
#define BENCH_CHURN_H

#include <stdbool.h>
#include <stdint.h>

#include "served.h"

#define CHURN_RECORDS 3u /* that each makes, each of another primitive of the fleet */

/* What the store and its agent took when as many had come and gone as there are at once, and in the end. */
struct churn_memory {
    uint64_t ring_bytes, stats_bytes; /* of the segments */
    uint64_t agent_bytes;             /* resident, of its own */
};
struct churn {
    struct churn_memory early, late;
    uint64_t ns; /* from the first birth to the last one's folding */
};

/* `dead` processes, many at a time, the agent folding those before: each attaches, gets its rings, records
 * and ends by _exit(), closing nothing. What they recorded is added to *expected, and what the store can't give a ring to
 * is recorded all the same. False: a message says why. */
bool churn_run(struct served *served, const struct machine *machine, uint32_t dead, struct tally *expected,
               struct churn *out_churn);

#endif
