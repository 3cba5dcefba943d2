/* SPDX-License-Identifier: Apache-2.0 */
/* The name of a unix socket on which the agent listens: made, watched, and removed.
 *
 *   G1  It has its mode and its group before anybody but its owner can connect, whatever the umask: the descriptor is of mode 0600 before it is bound, and
 *       bind(2) makes the name with it; then the name gets its group, then its mode.
 *   G2  What a dead process left under the name is replaced: a socket on which nobody listens. What answers, or is no socket, stays as it is.
 *       Between bind(2) and listen(2), some microseconds, a name looks like a dead process's: of two that start at once under one name the second may
 *       take it from the first. Stores keep two agents apart (agent/store.h); who gives two the same http.unix sees it in the log of the first (http.h).
 *   G3  Only what we made is removed: a name is known by its device and inode.
 *
 * The folder has to be one where nobody else may rename. Thread safe for different names. */
#ifndef AGENT_UNIX_NAME_H
#define AGENT_UNIX_NAME_H

#include <stdbool.h>
#include <sys/types.h>

#define UNIX_NAME_PATH_MAX 107 /* bytes: what a socket's address has room for, without the zero */

struct unix_name {
    const char *path; /* the caller's, as long as the name is used */
    mode_t mode;
    gid_t group; /* (gid_t)-1: as it comes */
    /* Of what was made: */
    dev_t dev;
    ino_t ino;
};

/* What is wrong; `error` is an errno, or 0. */
struct unix_name_fault {
    const char *why;
    int error;
};

/* A listening socket, non-blocking, under the name; the caller closes it. -1: *out_fault says why not. */
int unix_name_listen(struct unix_name *name, struct unix_name_fault *out_fault);

/* Is what lies there what was made? */
bool unix_name_is_ours(const struct unix_name *name);

/* If it is still ours. */
void unix_name_remove(const struct unix_name *name);

#endif
