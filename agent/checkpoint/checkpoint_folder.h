/* SPDX-License-Identifier: Apache-2.0 */
/* Where checkpoints lie, and who may write them.
 *
 * The folder: what --checkpoint, the configuration or $SLIPRING_CHECKPOINT asks for; else the first of $STATE_DIRECTORY, /var/lib/slipring for root,
 * $XDG_STATE_HOME/slipring, ~/.local/state/slipring. A store that does not lie in /dev/shm has one only when it is asked for: two stores of
 * one name in two folders would be one on disk.
 *
 *   G1  The folder and its files are used only when they are ours or root's and nobody else may write there; files also only
 *       without rights for others and with one name (system/trust.h). Names of files are never followed through a link; the folder's own may be
 *       one, if it is ours or root's.
 *   G2  One agent a store and folder: a lock on STORE.lock, which the kernel drops however the agent dies. Who does not get it when it starts
 *       neither reads nor writes there.
 *   G3  A file that is not ours to overwrite is renamed to NAME.refused-TIME, never over another one.
 *
 * Blocking: file system calls. One thread at a time. */
#ifndef AGENT_CHECKPOINT_FOLDER_H
#define AGENT_CHECKPOINT_FOLDER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include <slipring/store.h>

#include "agent/config/options.h"

enum checkpoint_kind { CHECKPOINT_FULL = 1, CHECKPOINT_RECENT = 2 };

#define CHECKPOINT_NAME_BYTES (SLIPRING_STORE_NAME_MAX + 80)

struct checkpoint_folder {
    char path[PATH_MAX];
    char store[SLIPRING_STORE_NAME_MAX + 1];
    int fd;   /* -1: not open */
    int lock; /* of the lock file; -1: not ours */
};

/* Which folder: into out_path, absolute. False: none. Reads the environment. */
__attribute__((warn_unused_result)) bool checkpoint_folder_choose(const struct options *options,
                                                                  char out_path[PATH_MAX]);

/* A folder that is not open. False: the path is too long. */
__attribute__((warn_unused_result)) bool checkpoint_folder_init(struct checkpoint_folder *folder,
                                                                const char *path, const char *store);

/* Make it if it is absent, check it, open it and take the lock. 0, or errno: EPERM by G1, EWOULDBLOCK by G2. *out_why is a sentence's end for the
 * log. */
int checkpoint_folder_open(struct checkpoint_folder *folder, const char **out_why);
void checkpoint_folder_close(struct checkpoint_folder *folder);

/* Does the open folder still lie under its name, with our lock file in it? */
bool checkpoint_folder_stands(const struct checkpoint_folder *folder);

/* "STORE.full", "STORE.recent", and with ".tmp" behind it. */
void checkpoint_folder_name(const struct checkpoint_folder *folder, enum checkpoint_kind kind,
                            const char *suffix, char out_name[CHECKPOINT_NAME_BYTES]);

/* Open a file of it for reading. -1: errno ENOENT when there is none; EPERM by G1, and *out_why says why. */
int checkpoint_folder_read(const struct checkpoint_folder *folder, enum checkpoint_kind kind,
                           const char **out_why);

/* G3, logged with the reason. False: it is still there, and is not to be overwritten. */
bool checkpoint_folder_refuse(const struct checkpoint_folder *folder, enum checkpoint_kind kind,
                              uint64_t wall_ns, const char *why);

#endif
