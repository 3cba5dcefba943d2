/* SPDX-License-Identifier: Apache-2.0 */
/* A book's list of objectives, as it is taken over from the registry: new ones, and what changed of those that are there. What becomes of
 * the past is promised in <slipring/objective.h>: another target is applied to all of it, another period takes what is known, another threshold
 * or kind begins anew.
 *
 * Ids of one name share a book, and may each have a list: each may add, but only the lowest id changes what is there, else two lists
 * that disagree would change it to and fro at each start. The public functions write changes there.
 *
 * All of it happens in the caller's batch, in two steps, for the threshold of a new objective has to be among the book's bounds before it is
 * known how many executions were good by it so far. */
#ifndef AGENT_OBJECTIVES_H
#define AGENT_OBJECTIVES_H

#include "books.h"

/* The lists of an id that is bound to `book`. Returns a bit for each objective that begins, for the second step. */
uint32_t objectives_take_over(struct books *books, uint32_t id, uint32_t book,
                              const struct sr_catalog_lists *lists, uint64_t now_ns);

/* They begin now; the book has its bounds. */
void objectives_begin(struct books *books, uint32_t book, uint32_t begun, uint64_t now_ns);

#endif
