/* SPDX-License-Identifier: Apache-2.0 */
/* Who is alive: one byte of the lock file a process slot, locked while its owner lives.
 *
 * A pid is no identity: it is reused, and means another process in another PID namespace. An open-file-description
 * lock is dropped by the kernel when the last reference to the open file goes, however the process ends, and any
 * process can ask for it across namespaces.
 *
 * G1  After sr_liveness_take(slot) == OK the byte is locked until this process ends, execs, or drops it.
 * G2  A forked child does not keep it: the reference is a page mapping marked MADV_DONTFORK, and no descriptor
 *     stays open. The caller must keep forks out from take's beginning to its end (an atfork lock), else a child
 *     born in between keeps the lock alive.
 *     A raw clone() does not ask such a lock: its child, born just then, keeps the byte until it ends or execs. Its parent's counts
 *     are booked meanwhile; what the parent had under way, its slot and its rings wait until then.
 * G3  While the agent has taken a dead slot's byte no producer can take it.
 *
 * G4  The lock file is 0600 (0660 in a group store): a read lock through a read-only descriptor would make the dead
 *     look alive. One that strangers may open, or made, is not used, and not touched (trust.h). */
#ifndef SR_SYSTEM_LIVENESS_H
#define SR_SYSTEM_LIVENESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <slipring/status.h>

#include "base/compiler.h"

#define SR_LIVENESS_FILE_BYTES 4096u

/* Make the lock file when absent. Idempotent. OK, UNTRUSTED, FOREIGN (no regular file), NOT_PERMITTED, READ_ONLY, NO_SPACE, FILE_LIMIT, SYSTEM. */
SR_MUST_CHECK enum slipring_status sr_liveness_make(const char *path, mode_t mode, gid_t group);

/* Producer: a page of the lock file with its own open file description. */
struct sr_liveness_hold {
    void *page; /* NULL: none */
};

/* Try slots from `first` on, `count` in all with wrap-around, for which `wanted(slot)` is true; lock the first free
 * one. OK, IN_USE (none could be locked), or why the lock file cannot be used. */
SR_MUST_CHECK enum slipring_status sr_liveness_take(const char *path, uint32_t first, uint32_t count,
                                                    bool (*wanted)(uint32_t slot, void *context),
                                                    void *context, struct sr_liveness_hold *out_hold,
                                                    uint32_t *out_slot);
void sr_liveness_release(struct sr_liveness_hold *hold);

/* Agent and tools: ask, and take dead slots' bytes. Keeps one descriptor. */
struct sr_liveness {
    int fd; /* -1: none */
};
SR_MUST_CHECK enum slipring_status sr_liveness_open(struct sr_liveness *liveness, const char *path);
void sr_liveness_close(struct sr_liveness *liveness);

/* Does the path still name the file that we opened? */
bool sr_liveness_is_current(const struct sr_liveness *liveness, const char *path);

/* Is the byte of this slot locked by another? true also when the kernel refuses to say. */
bool sr_liveness_is_alive(const struct sr_liveness *liveness, uint32_t slot);

/* Lock a dead slot's byte for reaping; false: its owner lives. Drop gives it back. */
bool sr_liveness_seize(struct sr_liveness *liveness, uint32_t slot);
void sr_liveness_drop(struct sr_liveness *liveness, uint32_t slot);

#endif
