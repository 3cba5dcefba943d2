/* SPDX-License-Identifier: Apache-2.0 */
/* Whose files a process uses.
 *
 * The folder of all stores is one in which everybody may make files, and whoever came first chose what lies under a store's name.
 * The owner of a file may truncate it under those who mapped it, which is their death by SIGBUS; and whoever may open a lock
 * file can lock bytes of it, which makes the dead look alive. So a file is used only when
 *
 *   T1  it belongs to this process's user, to root, or is shared with a group (0660, 0640) that this process is in:
 *       root, too, has to be in the group of another user's store;
 *   T2  others have no right to it;
 *   T3  no other name leads to it.
 *
 * Nothing is written to a file that is not trusted, nor are its mode, owner or size changed. Tools that only look, read-only and
 * behind a guard (guard.h), look at anything. */
#ifndef SR_SYSTEM_TRUST_H
#define SR_SYSTEM_TRUST_H

#include <stdbool.h>
#include <sys/stat.h>

#include <slipring/status.h>

#include "base/compiler.h"

/* OK; FOREIGN: no regular file; UNTRUSTED. */
SR_MUST_CHECK enum slipring_status sr_trust_check(const struct stat *st);

/* A maker whose umask forbids its owner everything, killed before it could set the mode, leaves an empty file that its own user may not open.
 * If that is what lies there, let the user open it. True: try again. */
bool sr_trust_open_up(const char *path);

#endif
