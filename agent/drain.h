/* SPDX-License-Identifier: Apache-2.0 */
/* The drain: takes what producers left in rings, spill blocks and span tables, and books it.
 *
 * The caller sleeps for as long as drain_tick() says (100 µs when a ring was half full, up to 50 ms when nothing moves)
 * and calls again. See agent/store.h for threads and time. */
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

#endif
