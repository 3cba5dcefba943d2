/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that record as fast as they can, and a ledger of what they recorded that is no part of Slipring: plain
 * sums in a file mapping of the test's own, so that they outlive a recorder that is killed. */
#ifndef E2E_LOAD_H
#define E2E_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include <slipring/slipring.h>

#define LOAD_PRIMITIVES 16
#define LOAD_THREADS    8
#define LOAD_BOUNDS     10

/* What one thread recorded of one primitive. `begun` grows before a record, the rest after it: a thread that was
 * killed has recorded `count` or `begun` samples. The test reads these as 16 words. */
struct load_tally {
    uint64_t begun;
    uint64_t count;
    uint64_t failures;
    uint64_t sum_ns;
    uint64_t cost_nanodollars;
    uint64_t savings_nanodollars;
    uint64_t at_most[LOAD_BOUNDS]; /* executions that took at most the default `le` bounds */
};
_Static_assert(sizeof(struct load_tally) == 128, "sixteen words");

struct load_plan {
    struct slipring_primitive *primitives[LOAD_PRIMITIVES]; /* recorded in turn */
    unsigned primitive_count;
    unsigned thread_count;
    unsigned burst;    /* records between pauses; 0: no pauses */
    unsigned pause_us; /* how long a pause is */
};

/* Map the ledger, a file of LOAD_THREADS * LOAD_PRIMITIVES tallies. */
bool load_open_ledger(const char *path);

/* Start the threads; stop and join them. False: no ledger, or no thread was to be had. */
bool load_start(const struct load_plan *plan);
bool load_stop(void);

#endif
