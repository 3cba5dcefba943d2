/* SPDX-License-Identifier: Apache-2.0 */
/* A book's list of objectives: those that programs gave through the registry, and those that the configuration file sets for its name. What becomes of
 * the past when one changes is promised in <slipring/objective.h>: another target is applied to all of it, another period takes what is known, another
 * threshold or kind begins anew.
 *
 * Precedence, by the objective's name:
 *
 *   1  The file's rules that match the primitive (agent_options.rules): the first one of each name. What programs say of that name is not
 *      looked at while a rule does; saying it changes nothing, and is no error for them.
 *   2  What programs say, through the registry.
 *
 * When the file no longer has a name, what programs say of it comes back, as any other change; when they say nothing of it, the objective goes
 * away, with its history, and its incidents end. A glob does not mean __overflow__, whose name has to be given.
 *
 * There is room for eight. Those that are there stay; what finds no room is not there, and is logged by name, once a configuration.
 *
 * Ids of one name share a book, and may each have a list: each may add, but only the lowest id changes what is there, else two lists
 * that disagree would change it to and fro at each start. The public functions write changes there.
 *
 * All of it happens in the caller's batch, in two steps, for the threshold of a new objective has to be among the book's bounds before it is
 * known how many executions were good by it so far. */
#ifndef AGENT_OBJECTIVES_H
#define AGENT_OBJECTIVES_H

#include "books.h"

/* The lists of an id that is bound to `book`; lists NULL: the book has no id now, and what programs say is not known. Returns a bit for each
 * objective that begins, for the second step. */
uint32_t objectives_take_over(struct books *books, uint32_t id, uint32_t book,
                              const struct sr_catalog_lists *lists, uint64_t now_ns);

/* They begin now; the book has its bounds. */
void objectives_begin(struct books *books, uint32_t book, uint32_t begun, uint64_t now_ns);

#endif
