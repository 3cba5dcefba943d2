/* SPDX-License-Identifier: Apache-2.0 */
/* The SLO engine: burn rates, alerts and the time to exhaustion of each objective, from the counts that history.h keeps.
 * The arithmetic is in pure/objective.h and pure/alert.h.
 *
 * Alerts change state here and nowhere else. A pair that begins to fire opens an incident, and closes it when it ceases to: both are durable words, in
 * one commit with the state, so that an agent that was killed goes on where the last one stood. Whether a pair fires is evaluated once a
 * second. */
#ifndef AGENT_SLO_H
#define AGENT_SLO_H

#include "books.h"

/* Evaluate the alerts of all books that have objectives, once a second. Commits. Everything up to now_ns is booked; wall_ns is CLOCK_REALTIME. */
void slo_tick(struct books *books, uint64_t now_ns, uint64_t wall_ns);

/* Fill what is published of a book's objectives. The batch is empty. */
void slo_read(const struct books *books, uint32_t book, uint64_t now_ns, struct slipring_slo_stats *out_slo);

/* The objectives' arithmetic over their periods, for the figures: fills detail->objectives and the worst in stats. detail->bounds are filled. */
void slo_fill_objectives(const struct books *books, uint32_t book, uint64_t now_ns,
                         struct slipring_stats *stats, struct slipring_stats_detail *detail);

/* Publish the incidents, when there was a change since the last time. */
void slo_publish_incidents(struct books *books);

#endif
