/* SPDX-License-Identifier: Apache-2.0 */
/* A store's keeper: the agent, as whoever finds none of the store's files can still know of it.
 *
 * When a store's files were unlinked while its agent lives, the agent makes them again, in the likeness of the old ones
 * (protocol/move.h). A process that starts at that moment finds no store, and would make an empty one, which could not continue the other.
 * So the agent says that it is there by a lock on the folder itself, which nobody removes: a read lock on one byte, far out,
 * that the store's name chooses. Whoever would make a store, and finds it kept, gives its keeper a second first.
 *
 * It is no more than a courtesy: anybody who may read the folder can set such a lock, and so cost newcomers that second; and two names
 * in a thousand million share a byte. */
#ifndef SR_SYSTEM_KEEPER_H
#define SR_SYSTEM_KEEPER_H

#include <stdbool.h>

#include "base/compiler.h"

/* Keep the store from now on. Returns a descriptor to be closed, or -1: the folder takes no locks. */
int sr_keeper_begin(const char *store);

/* Does somebody keep it? Three system calls. */
bool sr_keeper_is_there(const char *store);

/* If the store's file of this suffix is not there, but somebody keeps the store: wait up to a second for the file. */
void sr_keeper_await(const char *store, const char *suffix);

#endif
