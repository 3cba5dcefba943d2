/* SPDX-License-Identifier: Apache-2.0 */
/* The drain: takes what producers left in rings, spill blocks and span tables, and books it.
 *
 * The caller sleeps for as long as drain_tick() says (not at all when something was left, 100 µs when a ring was half full, up
 * to 50 ms when nothing moves) and calls again. A round looks at every ring's line, and visits those that have news in the
 * order of their ids, in as many ticks as it takes.
 *
 * G1  One ring keeps no other one waiting: a visit takes a bounded batch, what is left is the next round's; every ring that has news
 *     when a round begins is visited in it.
 * G2  A tick is bounded, whatever waits, and brings the coarse clock forward; reaper and publisher have their turn between ticks.
 * G3  Lazy: a nearly empty ring that was visited within the last millisecond is left alone. What is left counts for the lag (lag.h).
 * G4  books->seen_ns lies before everything that still waits in a ring.
 * G5  Nothing is missed on a hint: a shared spill or a list that nobody told of (layout.h, news) is found within a second.
 *
 * See agent/store.h for threads and time. */
#ifndef AGENT_DRAIN_H
#define AGENT_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include <slipring/status.h>

struct agent_store;
struct books;
struct drain;

/* NO_MEMORY or OK. Says in the control line that an agent is there. */
__attribute__((warn_unused_result)) enum slipring_status
drain_open(struct agent_store *store, struct books *books, uint64_t now_ns, struct drain **out_drain);
void drain_close(struct drain *drain);

/* What drain_tick() returns when the agent cannot go on; the log says why. */
#define DRAIN_OVER UINT64_MAX

/* Refresh the coarse clock, look at every ring, book what there is. Returns how long to wait, in nanoseconds, or
 * DRAIN_OVER. */
uint64_t drain_tick(struct drain *drain, uint64_t now_ns);

/* Everything that is there now, also from nearly empty rings: before a clean stop, and in tests. */
void drain_all(struct drain *drain, uint64_t now_ns);

/* Before the store moves (mover.h): no offer stands, everything that is there now is booked. */
void drain_rest(struct drain *drain, uint64_t now_ns);

#endif
