/* SPDX-License-Identifier: Apache-2.0 */
/* What may have become of a call that a kill cut: nothing, or all of it; and beyond that only what the contract says.
 *
 * In the shared spill (libshm/protocol/shared_spill.h G2) and in a usage account (libshm/protocol/usage.h G2) it may be torn: told as such, the parts of it counted in their order up to somewhere.
 * And there the end of a span may come apart from its sample (libshm/api/record.c). */
#ifndef CRASH_DOUBTS_H
#define CRASH_DOUBTS_H

#include "books.h"
#include "report.h"

/* Updates that are torn. */
struct torn {
    uint64_t spills; /* of a shared spill */
    uint64_t usages; /* of usage accounts */
};

/* Of each primitive's shared spills and usage accounts, ever. The last place is for those that are nobody's. */
void doubts_count_torn(struct torn torn[WORKLOAD_PRIMITIVES + 1]);

/* Find outcomes for these doubts, all of primitive `index`, with which the book is `sure` plus them, exactly, and of which so many are torn.
 * Adds them to sure, tells the report, and returns NULL; or what is wrong with none of them counted. */
const char *doubts_settle(const struct workload_change *const *doubts, uint32_t count, struct torn torn,
                          const struct book *book, const struct workload *load, uint32_t index,
                          const struct tally *living, struct tally *sure, struct report *report);

#endif
