/* SPDX-License-Identifier: Apache-2.0 */
/* What may have become of a call that a kill cut: nothing, or all of it; and beyond that only what the contract says.
 *
 * In the shared spill (libshm/protocol/shared_spill.h G2) it may be torn: told as such, the parts of it counted in their order up to somewhere.
 * And there the end of a span may come apart from its sample (libshm/api/record.c). */
#ifndef CRASH_DOUBTS_H
#define CRASH_DOUBTS_H

#include "books.h"
#include "report.h"

/* Find outcomes for these doubts, all of primitive `index`, with which the book is `sure` plus them, exactly, and of which `torn` are torn.
 * Adds them to sure, tells the report, and returns NULL; or what is wrong with none of them counted. */
const char *doubts_settle(const struct workload_change *const *doubts, uint32_t count, uint64_t torn,
                          const struct book *book, const struct workload *load, uint32_t index,
                          const struct tally *living, struct tally *sure, struct report *report);

#endif
