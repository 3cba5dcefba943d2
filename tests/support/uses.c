/* SPDX-License-Identifier: Apache-2.0 */
/* Resources and their prices: see uses.h. */
#include "support/uses.h"

#include <string.h>

__extension__ typedef unsigned __int128 wide;

const char *const uses_resource[TALLY_RESOURCES] = {"gpu/small", "gpu/large", "input/cached", "nobody/knows"};

const char uses_card[] = "resources:\n"
                         "  gpu/small: {input: 2.500001 per 1M, output: 10.000003 per 1M}\n"
                         "  gpu/large: {requests: 0.000123456789}\n"
                         "  input/cached: {input: 3.000007 per 1M, cached_input: 0.300001 per 1M}\n";

/* The same in pico-dollars a unit. `kind` is the category that the provider is named after, in the load's order. */
static const struct {
    uint32_t kind;
    uint64_t picodollars[SLIPRING_UNIT_COUNT];
} prices[TALLY_RESOURCES] = {
    {.kind = 3, .picodollars = {[SLIPRING_UNIT_INPUT] = 2500001, [SLIPRING_UNIT_OUTPUT] = 10000003}},
    {.kind = 3, .picodollars = {[SLIPRING_UNIT_REQUEST] = 123456789}},
    {.kind = 1, .picodollars = {[SLIPRING_UNIT_INPUT] = 3000007, [SLIPRING_UNIT_CACHED_INPUT] = 300001}},
};

bool uses_is_priced(uint32_t resource)
{
    return resource != TALLY_RESOURCES - 1;
}

struct slipring_usage uses_pick(uint64_t *random, uint32_t resource)
{
    struct slipring_usage usage = {.units = {0}};
    for (uint32_t unit = 0; unit < SLIPRING_UNIT_COUNT; unit++) {
        if (!uses_is_priced(resource) || prices[resource].picodollars[unit] != 0) {
            usage.units[unit] = workload_below(random, 3) ? workload_below(random, 10000) : 0;
        }
    }
    if (!uses_is_priced(resource) && workload_below(random, 64) == 0) {
        usage.units[workload_below(random, SLIPRING_UNIT_COUNT)] =
            SLIPRING_UNITS_MAX + workload_below(random, 2);
    }
    return usage;
}

void uses_apply(struct tally *sum, uint32_t resource, const struct slipring_usage *usage, uint64_t times)
{
    bool is_clamped = false;
    for (uint32_t unit = 0; unit < SLIPRING_UNIT_MAX; unit++) {
        const bool is_over = usage->units[unit] > SLIPRING_UNITS_MAX;
        sum->uses[resource].units[unit] += (is_over ? SLIPRING_UNITS_MAX : usage->units[unit]) * times;
        is_clamped |= is_over;
    }
    sum->uses[resource].usages += times;
    sum->clamped += is_clamped ? times : 0;
}

/* The sum is made of all units at once: nothing is rounded before. */
struct uses_money uses_price(const struct tally_usage *used, uint32_t resource)
{
    const uint64_t *each = prices[resource].picodollars;
    const uint64_t cached = used->units[SLIPRING_UNIT_CACHED_INPUT];
    wide cost = 0;
    for (uint32_t unit = 0; unit < SLIPRING_UNIT_COUNT; unit++) {
        cost += (wide)used->units[unit] * each[unit];
    }
    const wide saved = (wide)cached * (each[SLIPRING_UNIT_CACHED_INPUT] == 0
                                           ? 0
                                           : each[SLIPRING_UNIT_INPUT] - each[SLIPRING_UNIT_CACHED_INPUT]);
    return (struct uses_money){
        .kind = prices[resource].kind, .cost = (uint64_t)(cost / 1000), .savings = (uint64_t)(saved / 1000)};
}
