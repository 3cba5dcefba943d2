/* SPDX-License-Identifier: Apache-2.0 */
/* The rolling windows of every book: what its histogram grew by in the last ten seconds, minute, ..., seven days. The
 * arithmetic is in pure/window.h, the packing in pure/sparse.h.
 *
 * Each window (a tier) is a row of slices, about a twentieth of it long, and the open part of all shorter tiers:
 *
 *      7 d   |--- slice ---|--- slice ---| .. |--- slice ---|- growing -|
 *      ..                                                               |
 *      1 m                                        |- slice -| .. |- slice -|- growing -|
 *      10 s                                                        |- slice -| .. |- slice -|- open -|
 *                                                                                                   now
 *
 * The open part is what the book's cells grew by since their base. Once it is a twentieth of the shortest window long, it is closed: packed as a
 * slice of that tier, and added to the next tier's growing slice, which is closed in turn when it is long enough, and so on. So nothing is
 * counted in two parts of one window, and no tier needs the slices of another.
 *
 *   G1  A slice is written to bytes that no index refers to; the index, the growing slices and the base that the next slice is counted from
 *       change in one commit. A kill in between leaves bytes that nobody reads. Bytes are written again only after the commit that
 *       dropped what was there.
 *   G2  A slice ends at a moment up to which everything was drained, so nothing comes late. What came while no agent
 *       lived is in one slice that spans all of that time (a gap): a window that began after the slice did is without it, and its
 *       span says so.
 *   G3  A slice that began before the window did is left out whole. Windows are never stretched: span_ns is what they cover.
 *   G4  At most WINDOWS_BYTES a book. When they are short, the two neighbouring slices that are shortest together become one: the
 *       edge of that window gets coarser, nothing is forgotten.
 *
 * Changing the list of windows keeps those that stay; a new one begins empty. */
#ifndef AGENT_WINDOWS_H
#define AGENT_WINDOWS_H

#include "books.h"

/* Bytes of durable words that one book's windows take at most: slices and their index. */
#define WINDOWS_BYTES (((uint64_t)SR_WORDS_PER_slice + SR_WORDS_PER_window) * 8u)

/* Private memory about all books' windows, made anew from the durable words. NO_MEMORY or OK. */
__attribute__((warn_unused_result)) enum slipring_status windows_open(struct books *books);
void windows_close(struct books *books);

/* Bring the books' windows to the agent's list: first thing of an agent, once seen_ns is what it should be. Commits. A book that cannot
 * have it now, for want of a page, keeps its former windows, and shows nothing of those that it lacks. */
void windows_take_up(struct books *books);

/* The same of one book, after another list came into force, or not yet. The batch is empty. */
void windows_take_up_book(struct books *books, uint32_t book);

/* Drop what left the windows; close the slices that are long enough, across an agent's absence too. Commits. */
void windows_tick(struct books *books, uint64_t now_ns);

/* When it has to look at the book again, if nothing comes: by now_ns, or by seen_ns, which comes later. UINT64_MAX: never. */
uint64_t windows_due_ns(const struct books *books, uint32_t book);

/* The durable times are ahead of the clock: this agent has another one (a time namespace, as some containers have; memory that outlived a
 * boot). Nobody knows how long ago those times were, so that windows forget what they hold, and would hold until the clock comes there; counts and
 * lifetime figures stay, seen since now. Commits; a kill in the middle: done again, for seen_ns becomes durable last. */
void windows_begin_anew(struct books *books, uint64_t now_ns);

/* What a window of a book holds. */
struct window_sum {
    uint64_t n;
    uint64_t failures;
    uint64_t spilled;
    uint64_t cost;
    uint64_t savings;
    uint64_t peak; /* thousandths of an execution a second */
    uint64_t span_ns;
    uint64_t window_ns;
    uint64_t *cells;      /* SR_BUCKET_COUNT; those outside the book's [low, high) are zero */
    const uint64_t *fine; /* parts of buckets, or NULL */
    uint32_t schema;      /* of the percentiles: the agent's, or that of coarser slices from before it */
};

/* Until when each window of a book is made of the same parts, if nothing comes: then its time alone goes on. What is closed and has left is not of it:
 * windows_tick() tells of that. The batch is empty. */
uint64_t windows_stay_until(const struct books *books, uint32_t book, uint64_t now_ns);

/* All windows of a book, ascending, one after the other: `take` is called with each, and its cells are good until it returns. The batch is
 * empty, and windows_tick() dropped what left by now_ns. */
void windows_read(const struct books *books, uint32_t book, uint64_t now_ns,
                  void (*take)(void *context, uint32_t tier, const struct window_sum *sum), void *context);

#endif
