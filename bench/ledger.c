/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, and finding everything again: see ledger.h. */
#include "ledger.h"

#include <stdio.h>
#include <string.h>

#include "machine.h"
#include "peer/inspect.h"

#define AGREE_MS 10000u

bool ledger_open(struct ledger *ledger, const char *store_name, const char *name)
{
    *ledger = (struct ledger){.store_name = store_name, .name = name};
    enum slipring_status status = slipring_open(store_name, &ledger->store);
    if (status == SLIPRING_OK) {
        status = slipring_primitive_get(ledger->store, name, "bench", &ledger->primitive);
    }
    if (status != SLIPRING_OK) {
        fprintf(stderr, "slipring-bench: store %s, primitive %s: %s\n", store_name, name,
                slipring_status_text(status));
    }
    return status == SLIPRING_OK;
}

/* The primitive's id and what its shared spill holds. */
static bool find(const struct sr_inspect *inspect, const char *name, struct sr_inspect_primitive *out)
{
    for (uint32_t id = 0; id < sr_inspect_primitive_count(); id++) {
        if (sr_inspect_primitive(inspect, id, out) == SLIPRING_OK && strcmp(out->name, name) == 0) {
            return true;
        }
    }
    return false;
}

bool ledger_look(const struct ledger *ledger, struct ledger_found *out_found)
{
    struct sr_inspect *inspect;
    struct sr_inspect_primitive primitive;
    struct sr_inspect_ring ring;
    const enum slipring_status status = sr_inspect_open(ledger->store_name, &inspect);
    if (status != SLIPRING_OK) {
        fprintf(stderr, "slipring-bench: store %s: %s\n", ledger->store_name, slipring_status_text(status));
        return false;
    }
    const bool is_found = find(inspect, ledger->name, &primitive);
    struct ledger_found found = {0};
    for (uint32_t id = 0; is_found && id < sr_inspect_ring_count(); id++) {
        if (sr_inspect_ring(inspect, id, &ring) == SLIPRING_OK && ring.primitive == primitive.primitive) {
            found.count += ring.samples + ring.spilled;
            found.spilled += ring.spilled;
            found.ring_words = ring.words;
        }
    }
    sr_inspect_close(inspect);
    if (is_found) {
        found.count += primitive.shared;
        found.spilled += primitive.shared;
        *out_found = found;
    }
    return is_found;
}

bool ledger_read(const struct ledger *ledger, struct slipring_stats *out_stats)
{
    return slipring_stats_read(ledger->primitive, out_stats) == SLIPRING_OK;
}

static struct tally tally_of(const struct slipring_stats *stats, const struct tally *expected, bool is_timed)
{
    return (struct tally){
        .count = stats->count,
        .failures = stats->failures,
        .sum_ns = is_timed ? stats->sum_ns[0] : expected->sum_ns,
        .min_ns = is_timed ? stats->min_ns : expected->min_ns,
        .max_ns = is_timed ? stats->max_ns : expected->max_ns,
        .cost = stats->cost_nanodollars,
        .savings = stats->savings_nanodollars,
    };
}

bool ledger_agree(const struct ledger *ledger, const struct tally *expected, bool is_timed,
                  struct ledger_found *out_found)
{
    struct slipring_stats stats = {0};
    struct tally booked = {0};
    bool is_agreed = false;
    for (uint32_t waited_ms = 0; !is_agreed && waited_ms < AGREE_MS; waited_ms += 20) {
        if (ledger_read(ledger, &stats)) {
            booked = tally_of(&stats, expected, is_timed);
            is_agreed = tally_equals(&booked, expected) && stats.active == 0 && stats.aborted == 0;
        }
        if (!is_agreed) {
            machine_sleep_ms(20);
        }
    }
    if (!is_agreed) {
        tally_print(ledger->name, "recorded", expected);
        tally_print(ledger->name, "booked", &booked);
    }
    out_found->count = stats.count;
    out_found->spilled = stats.spilled;
    return is_agreed;
}
