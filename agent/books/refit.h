/* SPDX-License-Identifier: Apache-2.0 */
/* Other options for books in use: the part of a reload (reload.h) that is about counting.
 *
 *   G1  No count is lost: bounds of histograms are carried over as at a start (binding.h), windows that stay keep what they hold (windows.h),
 *       objectives keep the past as far as they would when a program changed them (objectives.h).
 *   G2  Killed in between, the next agent does the rest: each book is brought up by commits of its own, and every agent brings up what it finds.
 *
 * In force at once: bounds, windows, percentiles, rules of objectives, minimum events, limits, retirement, what becomes of aborted executions, prices.
 * Not changed: name, group and schema. */
#ifndef AGENT_REFIT_H
#define AGENT_REFIT_H

#include "books.h"

/* The store has these options from now on, and the books what they want. Everything that is there was drained. `breathe` is called between some
 * dozens of books, for the drain to have its turns. What changed is to be published. */
void refit_books(struct agent_store *store, struct books *books, const struct agent_options *options,
                 uint64_t now_ns, void (*breathe)(void *context), void *context);

#endif
