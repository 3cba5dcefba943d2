/* SPDX-License-Identifier: Apache-2.0 */
/* What a workload uses of resources, beside time: a few resources, some of them on a price card, and an independent sum of what they cost.
 * Providers are named after categories of the load, so that what is priced and what is recorded as a cost meet there. */
#ifndef SUPPORT_USES_H
#define SUPPORT_USES_H

#include "support/workload.h"

extern const char *const uses_resource[TALLY_RESOURCES];

/* The card, as a file for `slipringd --prices`. One resource is not on it. */
extern const char uses_card[];
bool uses_is_priced(uint32_t resource);

/* Units of some kinds; of the resource without a price now and then more than is allowed. */
struct slipring_usage uses_pick(uint64_t *random, uint32_t resource);

/* What the library promises to count for so many such usages: clamping included, without the execution. */
void uses_apply(struct tally *sum, uint32_t resource, const struct slipring_usage *usage, uint64_t times);

/* What that comes to, in whole nano-dollars, and under which of the load's categories it is booked. */
struct uses_money {
    uint32_t kind;
    uint64_t cost;
    uint64_t savings;
};
struct uses_money uses_price(const struct tally_usage *used, uint32_t resource);

#endif
