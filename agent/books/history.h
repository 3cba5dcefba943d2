/* SPDX-License-Identifier: Apache-2.0 */
/* The history of each objective: what its counts of good and of all executions were at moments in the past, so that a window's counts are
 * the difference of two.
 *
 * An objective has a track for each of its windows: the seven that alerts use, as far as its period reaches, and the period itself. A track holds marks
 * {moment, good, total}, cumulative as the book's own counts are, a hundredth of the window apart: the edge of a window is off by a
 * hundredth of it at most, and what the window really spans is told. Marks are valid whatever the window's length is, so a
 * changed period keeps those that still tell something; a changed threshold forgets, for nobody knows how many were good before.
 *
 * The calendar month's track has a mark at the first tick of each month (UTC), which is never dropped while it is the current one.
 *
 * A money budget counts nano-dollars: its total is what all executions cost, in all categories, and nothing of it is good. Costs may be booked
 * without an execution, and executions without a cost, so that it is quiet, and is looked at again, by what was spent alone.
 *
 * A mark is written to words that nobody refers to, then the track's NEXT changes with the commit; a kill in between leaves words that
 * nobody reads. Marks are made at moments up to which everything was drained. */
#ifndef AGENT_HISTORY_H
#define AGENT_HISTORY_H

#include <slipring/slo.h>

#include "books.h"

/* The windows that alerts use, in seconds: 5m 30m 1h 2h 6h 1d 3d. */
extern const uint64_t history_windows_s[SLIPRING_SLO_WINDOW_COUNT];

/* Index of the track of the period itself; those before it are history_windows_s. */
#define HISTORY_PERIOD SLIPRING_SLO_WINDOW_COUNT

struct history_counts {
    uint64_t good;
    uint64_t total;
    uint64_t span_ns; /* from the mark they are counted from, or from when the objective began, to now */
    uint64_t
        until_ns; /* good and total stay as they are until then, unless something comes or a month begins; UINT64_MAX: for ever */
};

/* Make the marks that are due, of all books, as of when all was drained. Commits. */
void history_tick(struct books *books, uint64_t now_ns);

/* The book goes to rest: nothing changes until history_tick() looks at it again, which it has to at the moment that is returned. */
uint64_t history_rest(struct books *books, uint32_t book);

/* Objective i of a book in track t, up to now_ns. False: the objective has no such track. The batch is empty. */
__attribute__((warn_unused_result)) bool history_read(const struct books *books, uint32_t book,
                                                      uint32_t objective, uint32_t track, uint64_t now_ns,
                                                      struct history_counts *out_counts);

/* The objective's cumulative counts now: of the book, so less those when it began (SR_OBJECTIVE_SINCE_GOOD, _TOTAL) are its own. */
void history_now(const struct books *books, uint32_t book, uint32_t objective, uint64_t *out_good,
                 uint64_t *out_total);

/* In the caller's batch, together with the objective's own words. It begins (new, or its threshold changed): its marks are void. Since when, is
 * when all was drained last, for what waits to be drained counts; for a book without executions, since it was opened. */
void history_begin(struct books *books, uint32_t book, uint32_t objective, uint64_t now_ns);

/* In the caller's batch: the objective goes away, and its marks with it. */
void history_forget(struct books *books, uint32_t book, uint32_t objective);

/* In the caller's batch: the durable times of a book are of another clock (windows_begin_anew()). All of its objectives begin now; but the calendar
 * month goes on, for it is another clock's. */
void history_begin_anew(struct books *books, uint32_t book, uint64_t now_ns);

/* In the caller's batch, before the objective's period changes. Its marks stay. The calendar month is counted from the first mark that is
 * known of it. False: no page for that, it has to begin anew. */
__attribute__((warn_unused_result)) bool history_change_period(struct books *books, uint32_t book,
                                                               uint32_t objective, uint64_t period_s,
                                                               uint64_t now_ns);

/* Bytes of durable words that one objective's history takes at most. */
#define HISTORY_BYTES ((uint64_t)SR_TRACK_MAX * SR_TRACK_WORDS * 8u)

#endif
