/* SPDX-License-Identifier: Apache-2.0 */
/* The reaper: gives back what dead processes and ended threads held, and counts what died with them as aborted.
 * See agent/store.h for threads and time. */
#ifndef AGENT_REAPER_H
#define AGENT_REAPER_H

#include <stdint.h>

#include <slipring/status.h>

struct agent_store;
struct books;
struct drain;
struct reaper;

/* NO_MEMORY or OK. Finishes what an agent that was killed had begun to reap. */
__attribute__((warn_unused_result)) enum slipring_status reaper_open(struct agent_store *store,
                                                                     struct books *books, struct drain *drain,
                                                                     uint64_t now_ns,
                                                                     struct reaper **out_reaper);
void reaper_close(struct reaper *reaper);

/* Once a second, whenever it is called; returns how long until it is due again, in nanoseconds. */
uint64_t reaper_tick(struct reaper *reaper, uint64_t now_ns);

/* At once. */
void reaper_run(struct reaper *reaper, uint64_t now_ns);

#endif
