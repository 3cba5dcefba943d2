/* SPDX-License-Identifier: Apache-2.0 */
/* Beginning anew by hand: `slipring reset`. A book's counts, percentiles, windows, objectives' histories, money, usage and exemplars start at nothing,
 * its created time is now. One commit, so that nothing is half reset, but for a primitive
 * of hundreds of usage accounts (usage.h), which a kill may leave with some of them reset; what producers recorded and the agent had not drained yet counts after it.
 * Rings, copies of spill blocks, registrations, what is in flight and the objectives themselves stay. The double entry of peer/accounts.h holds: what was booked goes over
 * to the former_ words. */
#ifndef AGENT_RESET_H
#define AGENT_RESET_H

#include "books.h"

/* The batch is empty, and is committed. */
void reset_book(struct books *books, uint32_t book, uint64_t now_ns, uint64_t wall_ns);

/* Every book with this name, of any type (type NULL) or one. NULL name: all. Returns how many. */
uint32_t reset_named(struct books *books, const char *name, const char *type, uint64_t now_ns,
                     uint64_t wall_ns);

#endif
