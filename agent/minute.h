/* SPDX-License-Identifier: Apache-2.0 */
/* The minute window of every book: slices in durable words, closed every three seconds. The arithmetic is in
 * pure/window.h.
 *
 * A slice is written to words that no index refers to, then the index, and the base that the next slice is counted from,
 * change in one commit: a kill in between leaves words that nobody reads. A place is written again only after the
 * commit that dropped its last slice. */
#ifndef AGENT_MINUTE_H
#define AGENT_MINUTE_H

#include "books.h"

/* Drop what left the window; close the slices that are open for three seconds or longer, across an agent's absence too. Commits. */
void minute_tick(struct books *books, uint64_t now_ns);

/* The durable times are ahead of the clock: this agent has another one (a time namespace, as some containers have; memory that outlived a
 * boot). Nobody knows how long ago those times were, so that windows forget what they hold, and would hold until the clock comes there; counts and
 * lifetime figures stay, seen since now. Commits; a kill in the middle: done again, for seen_ns becomes durable last. */
void minute_begin_anew(struct books *books, uint64_t now_ns);

/* What the window of a book holds. The batch is empty, and minute_tick() dropped what left by now_ns. */
struct minute {
    uint64_t n;
    uint64_t failures;
    uint64_t spilled;
    uint64_t span_ns;
    uint32_t low, high; /* cells outside [low, high) are zero */
    uint64_t cells[SR_BUCKET_COUNT];
};
void minute_read(const struct books *books, uint32_t book, uint64_t now_ns, struct minute *out_minute);

#endif
