/* SPDX-License-Identifier: Apache-2.0 */
/* The SLO engine: burn rates, alerts and the time to exhaustion of each objective, from the counts that history.h keeps.
 * The arithmetic is in pure/objective.h and pure/alert.h.
 *
 * Alerts change state here and nowhere else. A pair that begins to fire opens an incident, and closes it when it ceases to: both are durable words, in
 * one commit with the state, so that an agent that was killed goes on where the last one stood. Whether a pair fires is judged once a
 * second as long as something comes. When nothing does, windows change at moments that are known (history_counts.until_ns): it is judged then, to
 * the same end, and a book that rests costs a look at its count.
 *
 * A money budget (SLIPRING_SPEND) is judged beside them, by what was spent; the worst of the objectives leaves it out, for load is shed
 * because of errors, and a compliance it has none.
 *
 * What fired when no agent lived is judged by the next one, with what it finds: the incident goes on, or ends then. */
#ifndef AGENT_SLO_H
#define AGENT_SLO_H

#include "books.h"

/* Judge the alerts of the books whose second is over, a bounded number a call: a second's worth comes about in ten calls. Publishes
 * incidents. Commits. Everything up to now_ns is booked; wall_ns is CLOCK_REALTIME. */
void slo_tick(struct books *books, uint64_t now_ns, uint64_t wall_ns);

/* When it has to look at the book again, if nothing comes. UINT64_MAX: never. */
uint64_t slo_due_ns(const struct books *books, uint32_t book);

/* Fill what is published of a book's objectives. The batch is empty. */
void slo_read(const struct books *books, uint32_t book, uint64_t now_ns, struct slipring_slo_stats *out_slo);

/* The objectives' arithmetic over their periods, for the figures: fills detail->objectives and the worst in stats. detail->bounds are filled. */
void slo_fill_objectives(const struct books *books, uint32_t book, uint64_t now_ns,
                         struct slipring_stats *stats, struct slipring_stats_detail *detail);

/* Publish it in the book's place, which has figures. Without pages for it readers go without; they are asked for again every second. */
void slo_publish(struct books *books, uint32_t book, uint64_t now_ns);

/* In the caller's batch, before the objective goes away: its incidents end. */
void slo_end(struct books *books, uint32_t book, uint32_t objective);

/* In the caller's batch, after history_begin(): the objective's counts are others now. An incident keeps what it has counted. */
void slo_begin(struct books *books, uint32_t book, uint32_t objective);

#endif
