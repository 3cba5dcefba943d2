/* SPDX-License-Identifier: Apache-2.0 */
/* The stores of this host: which there are, and how to remove one.
 *
 * A store is the three files slipring.NAME.ring, .stats and .lock in the shared-memory folder ($SLIPRING_SHM_DIR or
 * /dev/shm), and beside them, while its agent lives, the agent's local socket slipring.NAME.socket. Looking maps read-only and reads the headers
 * and directories alone. */
#ifndef SR_PEER_STORES_H
#define SR_PEER_STORES_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <slipring/status.h>
#include <slipring/store.h>

#include "base/compiler.h"
#include "peer/version.h"

struct sr_store_info {
    char name[SLIPRING_STORE_NAME_MAX + 1];
    bool has_ring, has_stats, has_lock, has_socket;
    enum slipring_status ring_status; /* of attaching to the ring segment for reading */
    int ring_errno;                   /* of the call that failed, 0: none */
    uint64_t memory_bytes;            /* that its files take up now */
    uint32_t uid, gid, mode;          /* of the ring segment, or of the first file there is */
    uint64_t made_wall_ns;            /* CLOCK_REALTIME; 0: not known */
    uint32_t processes;               /* attached and alive */
    bool liveness_known;              /* false: processes could not be counted */
    uint32_t primitives;              /* registered, __overflow__ among them */
    uint32_t rings;                   /* owned */
};

/* The folder that is looked through. */
const char *sr_stores_folder(void);

/* $SLIPRING_STORE, or "default". Not checked. */
const char *sr_stores_default_name(void);

/* The path of the agent's local socket. False: it is longer than the address of a unix socket may be (out_path has it all the same, as far as
 * it fits), or the name is none. */
#define SR_STORES_SOCKET_MAX 107u
SR_MUST_CHECK bool sr_stores_socket(const char *name, char out_path[PATH_MAX]);

/* The version of the store's segment that is another one's: of the ring segment, or else of the stats segment. False: none is. */
bool sr_stores_other_version(const char *name, struct sr_version *out_version);

/* All stores with a valid name, sorted by it; free() the list. OK with none too. NO_FOLDER, NOT_PERMITTED, NO_MEMORY,
 * SYSTEM. */
SR_MUST_CHECK enum slipring_status sr_stores_list(struct sr_store_info **out_list, size_t *out_count);

/* One store. ABSENT when it has no file at all. */
SR_MUST_CHECK enum slipring_status sr_stores_look(const char *name, struct sr_store_info *out_info);

enum sr_stores_user { SR_STORES_NOBODY, SR_STORES_AGENT, SR_STORES_PRODUCER, SR_STORES_MAKER };

/* Remove the store's files, whatever they hold, unless somebody uses them: IN_USE then, and *out_user says who
 * (with its slot's pid, as its own namespace has it, in *out_pid when it is known, else 0). The locks that say so are
 * held until the files are gone, so that nobody can begin to use them meanwhile; a program that mapped the segment and
 * never recorded learns from the control line that it was moved, and attaches anew. ABSENT: nothing was there.
 * NOT_PERMITTED, READ_ONLY, SYSTEM: some files may be left. */
SR_MUST_CHECK enum slipring_status sr_stores_remove(const char *name, enum sr_stores_user *out_user,
                                                    uint32_t *out_pid);

/* What no agent has booked yet. */
struct sr_stores_waiting {
    enum slipring_status
        status; /* OK: `samples` is known; else why it is not. CONFLICT: the accounts disagree */
    uint64_t samples;
};

/* The same, but not while samples wait: IN_USE then too, and *out_user is NOBODY. They are counted under the locks, so
 * that none comes in between; a count that cannot be told (a foreign, truncated or inconsistent segment) keeps nothing
 * from being removed. Needs sr_guard_install(). */
SR_MUST_CHECK enum slipring_status sr_stores_remove_booked(const char *name, enum sr_stores_user *out_user,
                                                           uint32_t *out_pid,
                                                           struct sr_stores_waiting *out_waiting);

#endif
