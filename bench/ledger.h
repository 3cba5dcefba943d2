/* SPDX-License-Identifier: Apache-2.0 */
/* One primitive under measurement, and how it is found out that nothing of it was lost. */
#ifndef BENCH_LEDGER_H
#define BENCH_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include <slipring/slipring.h>

#include "samples.h"

struct ledger {
    const char *store_name;
    const char *name;
    struct slipring_store *store;
    struct slipring_primitive *primitive;
};

/* What was found of it. */
struct ledger_found {
    uint64_t count;
    uint64_t spilled;    /* of count: through a spill block, its own or the shared one */
    uint32_t ring_words; /* of the ring it records into now; 0: unknown */
};

/* False: a message says why. */
bool ledger_open(struct ledger *ledger, const char *store_name, const char *name);

/* Fold the segment itself: samples in the ring, cells of its spill block and of the shared one. Exact when nobody records
 * and no agent ever took anything. */
bool ledger_look(const struct ledger *ledger, struct ledger_found *out_found);

/* Wait until the agent's books have `expected` and nothing is active. is_timed false: durations are not known, only counts
 * are compared. False: they never came to agree, and a message says how they differ. */
bool ledger_agree(const struct ledger *ledger, const struct tally *expected, bool is_timed,
                  struct ledger_found *out_found);

/* What the agent published last. False: nothing yet. */
bool ledger_read(const struct ledger *ledger, struct slipring_stats *out_stats);

#endif
