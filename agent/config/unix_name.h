/* SPDX-License-Identifier: Apache-2.0 */
/* The name of a unix socket on which the agent listens: made, watched, and removed.
 *
 *   G1  It has its mode and its group before anybody but its owner can connect, whatever the umask: the descriptor is of mode 0600 before it is bound, and
 *       bind(2) makes the name with it; then the name gets its group, then its mode.
 *   G2  What a dead process left under the name is replaced: a socket on which nobody listens. What answers, or is no socket, stays as it is.
 *       Between bind(2) and listen(2), some microseconds, a name looks like a dead process's, and between the look and unlink(2) it may become a living
 *       one's: so who makes a name locks its folder meanwhile (flock), and of several that start at once under one name one gets it. The kernel
 *       takes the lock from who dies. Anybody who may read the folder may lock it, too, for ever: who does not get it within `patience_ms` goes on without,
 *       and so does who may not read the folder.
 *   G3  Only what we made is removed: a name is known by its device and inode.
 *
 *   G4  Another mode or group is given in place: between the two nobody but the owner can connect. Who is connected stays so.
 *
 * Killed half-way, a process leaves a name of mode 0600, or of its own group, on which nobody listens: the next one replaces it (G2).
 * The folder has to be one where nobody else may rename. Thread safe for different names. */
#ifndef AGENT_UNIX_NAME_H
#define AGENT_UNIX_NAME_H

#include <stdbool.h>
#include <sys/types.h>

#define UNIX_NAME_PATH_MAX    107 /* bytes: what a socket's address has room for, without the zero */
#define UNIX_NAME_PATIENCE_MS 500 /* many times what it takes to make one */

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

/* A listening socket, non-blocking, under the name; the caller closes it. -1: *out_fault says why not. Waits for others that make names in the folder, but not
 * longer than patience_ms; 0 is for who must not wait, and knows that nobody else wants this name. */
int unix_name_listen(struct unix_name *name, unsigned patience_ms, struct unix_name_fault *out_fault);

/* Another mode and group for what is ours: G4. False: *out_fault says why, and it has the former ones, or as much of them as may be. */
__attribute__((warn_unused_result)) bool unix_name_change(struct unix_name *name, mode_t mode, gid_t group,
                                                          struct unix_name_fault *out_fault);

/* Is what lies there what was made? */
bool unix_name_is_ours(const struct unix_name *name);

/* If it is still ours. */
void unix_name_remove(const struct unix_name *name);

#endif
