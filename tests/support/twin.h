/* SPDX-License-Identifier: Apache-2.0 */
/* A store's files copied, holes and all: what a kill at this moment would leave, put aside. Nobody holds a lock of the twin, so all who had
 * a slot are dead there, but for those whose byte the test locks. The processes of the store itself are stopped or at rest. */
#ifndef SUPPORT_TWIN_H
#define SUPPORT_TWIN_H

#include <stdint.h>

/* Make `to` what `from` is. Files of `to` that are there stay the same files: who maps them sees the new contents. */
void twin_copy(const char *from, const char *to);

/* A hash of both segments' contents. The pid of the agent, for people, is left out. */
uint64_t twin_hash(const char *store);

/* Lock the byte of a slot, as if its owner lived; -1: none. Returns what twin_let_die() takes. */
int twin_keep_alive(const char *store, uint32_t slot);
void twin_let_die(int lock);

#endif
