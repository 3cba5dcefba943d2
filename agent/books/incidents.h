/* SPDX-License-Identifier: Apache-2.0 */
/* The log of incidents: what fired, from when to when, how badly. A ring of the last SLIPRING_INCIDENT_COUNT in the durable words; an
 * alert that fires has its number, and changes it in the batch in which its own state changes.
 *
 * An incident that fires for longer than the ring lasts is written over, and ends unseen. One for which no page was to be had is not
 * logged; its alert fires all the same. */
#ifndef AGENT_INCIDENTS_H
#define AGENT_INCIDENTS_H

#include "books.h"

/* All in the caller's batch: pair `pair` of an objective of a book begins to fire, still does, ceases to. burn_rate: of its long window. */
void incidents_open(struct books *books, uint32_t book, uint32_t objective, uint32_t pair, double burn_rate,
                    uint64_t wall_ns);
void incidents_go_on(struct books *books, uint32_t book, uint32_t objective, uint32_t pair, double burn_rate);
void incidents_close(struct books *books, uint32_t book, uint32_t objective, uint32_t pair, uint64_t wall_ns);

/* The objective's counts are others from now on: what the incident has counted so far stays, and is added to. */
void incidents_count_anew(struct books *books, uint32_t book, uint32_t objective, uint32_t pair);

/* Publish them, when there was a change since the last time. The batch is empty. */
void incidents_publish(struct books *books);

#endif
