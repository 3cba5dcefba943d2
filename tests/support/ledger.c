/* SPDX-License-Identifier: Apache-2.0 */
/* Sums that a kill cannot tear: see ledger.h. */
#include "support/ledger.h"

#include <string.h>

#include "support/check.h"

void ledger_init(struct ledger *ledger, const struct workload *load)
{
    memset(ledger, 0, sizeof *ledger);
    ledger->count = load->count;
    for (uint32_t i = 0; i < load->count; i++) {
        tally_init(&ledger->sums[0][i], load->threshold_ns[i]);
        tally_init(&ledger->sums[1][i], load->threshold_ns[i]);
    }
}

static void enter(struct ledger *ledger, enum ledger_phase phase)
{
    atomic_signal_fence(memory_order_seq_cst); /* for the compiler; a kill finds all stores before it */
    atomic_store(&ledger->phase, (uint32_t)phase);
    atomic_signal_fence(memory_order_seq_cst);
}

void ledger_announce(struct ledger *ledger, const struct workload_change *change)
{
    ledger->change = *change;
    /* relaxed, both: nobody looks before the phase says so */
    atomic_store_explicit(&ledger->attempted, change->times == 1, memory_order_relaxed);
    atomic_store_explicit(&ledger->finished, 0, memory_order_relaxed); /* relaxed: as above */
    enter(ledger, LEDGER_CALLING);
}

void ledger_count(struct ledger *ledger)
{
    const struct workload_change *change = &ledger->change;
    atomic_store(&ledger->finished, change->times);
    enter(ledger, LEDGER_FIRST);
    workload_apply(change, change->times, ledger->sums[0]);
    enter(ledger, LEDGER_SECOND);
    workload_apply(change, change->times, ledger->sums[1]);
    enter(ledger, LEDGER_IDLE);
}

bool ledger_settle(struct ledger *ledger, const struct workload *load, struct tally *past,
                   struct workload_change *out_doubt)
{
    const uint32_t phase = atomic_load(&ledger->phase);
    const uint64_t finished = atomic_load(&ledger->finished);
    const uint64_t attempted = atomic_load(&ledger->attempted);
    const struct tally *sums = ledger->sums[phase == LEDGER_FIRST];
    bool is_in_doubt = false;
    for (uint32_t i = 0; i < load->count; i++) {
        tally_merge(&past[i], &sums[i]);
    }
    if (phase == LEDGER_CALLING || phase == LEDGER_FIRST) {
        CHECK(finished <= attempted && attempted <= finished + 1 && attempted <= ledger->change.times);
        workload_apply(&ledger->change, finished, past);
        is_in_doubt = attempted > finished;
        *out_doubt = ledger->change;
        out_doubt->times = 1;
    }
    ledger_init(ledger, load);
    return is_in_doubt;
}
