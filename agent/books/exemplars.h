/* SPDX-License-Identifier: Apache-2.0 */
/* Exemplars: which executions under a trace a book keeps (slipring/trace.h; pure/exemplar.h has the rules).
 *
 *     visit's tally                     durable words, area `exemplar`              figures
 *     (peer/tally.h: struct      add    struct slipring_exemplars,        publish   the same struct,
 *      sr_trace_tally)          ---->   word by word, one item a book     ------>   under the book's place
 *
 *   G1  What is kept of a visit's samples changes in the commit that books them: a kill leaves both or neither, and no trace is taken twice.
 *   G2  Exemplars cost no count. A book has a page for them from its first traced sample on; where none is to be had they are dropped, and what is
 *       booked is booked. The page is asked for after all others.
 *   G3  Stamps come from producers: none is believed that lies ahead of now, and one from before the first agent is taken for now.
 *   G4  Buckets are those of the book's `le` bounds. When these change, what is kept goes to the bucket that its duration belongs to now.
 *   G5  Published are the words of the last commit, when they changed, or when the figures' place did, and then also that there are none:
 *       a place never shows a former tenant's. Figures and exemplars have a latch each: a reader may find an exemplar older or
 *       newer by a round than the counts beside it.
 *
 *   G6  A checkpoint carries the slowest of each window and the newest failing one, as of its full file (saved.h): after a boot they stand in
 *       windows that still reach back to them, as the percentiles beside them do. Those of buckets begin anew with the counters that they stand at. What a
 *       file says goes through the staircase's own rule, so whatever it says is one.
 *
 * They belong to the book, so they follow it through restarts, moves and duplicates of its name. `slipring reset` clears them. */
#ifndef AGENT_EXEMPLARS_H
#define AGENT_EXEMPLARS_H

#include "books.h"

/* The book's page, after every other page of the unit. Without it, exemplars_add() does nothing. */
void exemplars_reserve(struct books *books, uint32_t book);

/* Keep what of a visit's traces is to be kept. In the unit that books its tally. */
void exemplars_add(struct books *books, uint32_t book, const struct sr_trace_tally *traces, uint64_t now_ns);

/* The book's bounds were written in this batch, or may have been. */
void exemplars_follow_bounds(struct books *books, uint32_t book);

/* Forget them, in the batch. */
void exemplars_reset(struct books *books, uint32_t book);

/* What a checkpoint has of them; moments are store time of the saving agent. */
struct saved_exemplars {
    uint32_t slowest_count;
    struct slipring_exemplar slowest[SLIPRING_EXEMPLAR_SLOWEST]; /* oldest first */
    struct slipring_exemplar failing;                            /* none: all zero */
};

/* Copy them. The batch is empty. */
void exemplars_take(const struct books *books, uint32_t book, struct saved_exemplars *out);

/* Keep them in a book that was restored, in the batch; shift_ns is added to each moment. Without a page they are dropped. */
void exemplars_restore(struct books *books, uint32_t book, const struct saved_exemplars *saved,
                       uint64_t shift_ns);

/* Publish what is committed in the book's place, if it changed. The batch is empty. */
void exemplars_publish(struct books *books, uint32_t book, uint64_t now_ns);

#endif
