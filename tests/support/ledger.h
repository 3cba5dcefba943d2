/* SPDX-License-Identifier: Apache-2.0 */
/* What one worker did, kept in memory that outlives it, so that a SIGKILL between any two of its instructions leaves exactly one
 * doubt: whether the call that it was in counts.
 *
 * A call is announced before it is made, with all that it adds; when it has returned, that is added to two sets of sums, one after
 * the other. Whoever settles a dead worker's ledger finds at least one set whole, and the phase tells what it lacks:
 *
 *   IDLE      both are whole                      FIRST   the second one is; the call returned
 *   CALLING   both are; the call began            SECOND  the first one is, with the call
 *
 * A burst of equal calls is one announcement and two counters: of calls begun, of calls returned. */
#ifndef SUPPORT_LEDGER_H
#define SUPPORT_LEDGER_H

#include <stdatomic.h>

#include "support/workload.h"

enum ledger_phase { LEDGER_IDLE, LEDGER_CALLING, LEDGER_FIRST, LEDGER_SECOND };

/* Shared memory; one writer. */
struct ledger {
    _Atomic uint32_t phase;
    uint32_t count; /* of primitives */
    struct workload_change change;
    _Atomic uint64_t attempted; /* of change.times: calls begun */
    _Atomic uint64_t finished;  /* and returned */
    struct tally sums[2][WORKLOAD_PRIMITIVES];
};

void ledger_init(struct ledger *ledger, const struct workload *load);

/* The worker's. Between them it calls, change->times times, with ledger_attempt() before and ledger_finish() after each; a
 * single call needs neither. */
void ledger_announce(struct ledger *ledger, const struct workload_change *change);
void ledger_count(struct ledger *ledger);

static inline void ledger_attempt(struct ledger *ledger)
{
    /* release: a kill finds it before the call */
    atomic_store_explicit(&ledger->attempted,
                          atomic_load_explicit(&ledger->attempted, memory_order_relaxed) + 1, /* our own */
                          memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
}

static inline void ledger_finish(struct ledger *ledger)
{
    atomic_signal_fence(memory_order_seq_cst);
    /* release: and this one after it */
    atomic_store_explicit(&ledger->finished, atomic_load_explicit(&ledger->attempted, memory_order_relaxed),
                          memory_order_release);
}

/* Its worker is dead. Adds to past[] all that was surely done, empties the ledger, and returns true when it was in a call, which is
 * then *out_doubt (times: 1): that may count, or not. */
bool ledger_settle(struct ledger *ledger, const struct workload *load, struct tally *past,
                   struct workload_change *out_doubt);

#endif
