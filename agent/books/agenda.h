/* SPDX-License-Identifier: Apache-2.0 */
/* Which books have to be looked at, so that those at rest cost nothing: ten times a second the publisher has windows, histories and objectives look
 * at what is due, and a book says when that is. The moments of all books lie side by side, to be gone through in a microsecond.
 *
 *      0            something changed: looked at in this round, and the next ones until nothing is left to be done
 *      a moment     it rests until then: a slice is due or leaves, a mark is made, counts of an objective change, a window is told of
 *      UINT64_MAX   it rests until something comes
 *
 *   G1  Every change of a book's words ends its rest: books_note_change(). Nothing else does before its moment, but a new month (UTC), which ends all rests.
 *   G2  What is found after a rest is what looking at each round would have found, to the nanosecond: also how long nothing came (history.h).
 *
 * Private memory: the next agent looks at all books once. See agent/store.h for threads and time. */
#ifndef AGENT_AGENDA_H
#define AGENT_AGENDA_H

#include "books.h"

static inline bool agenda_rests(const struct books *books, uint32_t book, uint64_t now_ns)
{
    return books->due_ns[book] > now_ns;
}

/* A round has looked at it. publish_ns is when its figures are due, if nothing comes; 0: they are now. */
void agenda_put(struct books *books, uint32_t book, uint64_t publish_ns);

void agenda_wake_all(struct books *books);

#endif
