/* SPDX-License-Identifier: Apache-2.0 */
/* A price card: what a unit of a resource costs (docs/prices.md). Prices are integer pico-dollars a unit, so a price a million
 * units with six decimals is exact; sums are nano-dollars with their thousandths carried on, so nothing is rounded away, however usage is
 * batched. Cards are read once and not changed; a reload makes others. */
#ifndef AGENT_PRICES_H
#define AGENT_PRICES_H

#include <stdbool.h>
#include <stdint.h>

#include <slipring/usage.h>

#include "buffer.h"

struct prices;

/* Pico-dollars a unit (of milliseconds: a millisecond); priced bit i: unit i has a price. */
struct price {
    uint64_t picodollars[SLIPRING_UNIT_MAX];
    uint32_t priced;
    uint64_t from_wall_s; /* effective from here on, until the next one of the same resource */
};

/* Read card files, the operator's before the shipped one: the first card that knows a resource prices it. False: *message says what is wrong and where. */
__attribute__((warn_unused_result)) bool prices_open(const char *const *paths, uint32_t count,
                                                     struct prices **out_prices, struct buffer *message);
void prices_close(struct prices *prices);

/* What the resource ("provider/model") costs at this time. NULL: no card knows it (or none yet). */
const struct price *prices_find(const struct prices *prices, const char *resource, uint64_t wall_s);

#endif
