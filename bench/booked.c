/* SPDX-License-Identifier: Apache-2.0 */
/* Adding the published figures up: see booked.h. */
#include "booked.h"

#include <inttypes.h>
#include <stdio.h>

#include "machine.h"

#define LOOK_MS  10u
#define AGREE_MS 10000u
#define REAP_MS  60000u

bool booked_open(const char *store, struct sr_stats **out_stats)
{
    struct sr_agent_figures figures;
    struct sr_stats_agent agent;
    enum slipring_status status = SLIPRING_NO_DATA;
    for (uint32_t waited_ms = 0; waited_ms < AGREE_MS && !machine_is_interrupted(); waited_ms += LOOK_MS) {
        status = sr_stats_open(store, out_stats);
        if (status == SLIPRING_OK) {
            status = sr_stats_agent_figures(*out_stats, &figures);
            sr_stats_agent(*out_stats, &agent);
            if (status == SLIPRING_OK && agent.listen[0] != '\0') {
                return true;
            }
            sr_stats_close(*out_stats);
        }
        machine_sleep_ms(LOOK_MS);
    }
    *out_stats = NULL;
    fprintf(stderr, "slipring-bench: the agent of store %s publishes nothing: %s\n", store,
            slipring_status_text(status));
    return false;
}

void booked_sum(const struct sr_stats *stats, struct tally *out_tally)
{
    struct tally sum = {.min_ns = UINT64_MAX};
    const uint32_t high = sr_stats_high(stats);
    for (uint32_t id = 0; id < high; id++) {
        struct slipring_stats one;
        if (sr_stats_get(stats, id, &one, NULL) != SLIPRING_OK || one.count == 0) {
            continue;
        }
        sum.count += one.count;
        sum.failures += one.failures;
        sum.sum_ns += one.sum_ns[0];
        sum.min_ns = one.min_ns < sum.min_ns ? one.min_ns : sum.min_ns;
        sum.max_ns = one.max_ns > sum.max_ns ? one.max_ns : sum.max_ns;
        sum.cost += one.cost_nanodollars;
        sum.savings += one.savings_nanodollars;
    }
    *out_tally = sum;
}

bool booked_await(const struct sr_stats *stats, const char *name, const struct tally *expected)
{
    struct tally booked;
    booked_sum(stats, &booked);
    for (uint32_t waited_ms = 0; !tally_equals(&booked, expected); waited_ms += LOOK_MS) {
        if (waited_ms >= AGREE_MS || machine_is_interrupted()) {
            tally_print(name, "recorded", expected);
            tally_print(name, "booked", &booked);
            return false;
        }
        machine_sleep_ms(LOOK_MS);
        booked_sum(stats, &booked);
    }
    return true;
}

bool booked_await_rings(const struct sr_stats *stats, uint64_t least, uint64_t most)
{
    struct sr_agent_figures figures = {0};
    for (uint32_t waited_ms = 0; waited_ms < REAP_MS && !machine_is_interrupted(); waited_ms += LOOK_MS) {
        if (sr_stats_agent_figures(stats, &figures) == SLIPRING_OK && figures.rings_in_use >= least &&
            figures.rings_in_use <= most) {
            return true;
        }
        machine_sleep_ms(LOOK_MS);
    }
    fprintf(stderr, "slipring-bench: %" PRIu64 " rings are owned, not %" PRIu64 " to %" PRIu64 "\n",
            figures.rings_in_use, least, most);
    return false;
}
