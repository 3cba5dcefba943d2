/* SPDX-License-Identifier: Apache-2.0 */
/* The mover: looks whether the store's files still have their names, and makes them again when somebody took them away (a session
 * manager that clears a user's shared memory at logout, an rm). Who records moves over (protocol/move.h), nothing is lost.
 *
 * The stats segment comes first: were the agent killed between the two, the books would be there. Then ring segment and lock file
 * together. What cannot be made now, for want of room, is tried again each second, and the old files serve on.
 * See agent/store.h for threads and time. */
#ifndef AGENT_MOVER_H
#define AGENT_MOVER_H

#include <stdint.h>

#include <slipring/status.h>

struct agent_store;
struct books;
struct drain;
struct mover;

/* NO_MEMORY or OK. */
__attribute__((warn_unused_result)) enum slipring_status
mover_open(struct agent_store *store, struct books *books, struct drain *drain, struct mover **out_mover);
void mover_close(struct mover *mover);

/* What mover_tick() returns when the agent cannot go on: somebody else made a store under the name, and its processes were sent there. The next
 * agent takes that one up. */
#define MOVER_OVER UINT64_MAX

/* Ten times a second; returns how long until it is due again, in nanoseconds, or MOVER_OVER. */
uint64_t mover_tick(struct mover *mover, uint64_t now_ns);

#endif
