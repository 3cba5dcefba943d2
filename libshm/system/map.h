/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's edge of a segment: paths, creation, mapping, reservation of pages.
 *
 * G1  A file is created by one process at a time, never followed through a link, never through another's file:
 *     open without O_CREAT first, then O_CREAT|O_EXCL (with fs.protected_regular even root's plain O_CREAT on a stranger's
 *     file in a sticky folder is refused).
 * G2  While a file is made its maker holds a write lock on it; the kernel drops the lock however the maker
 *     dies. Whoever finds a half-made file without the lock redoes it: every step of making is idempotent.
 * G3  No page is touched before the file's size is known to cover it. No descriptor is kept: a host program
 *     that closes all descriptors, or reuses the number, cannot make us write to the wrong file. Reserving opens the
 *     path anew and refuses when it is no longer the same inode.
 * G4  What is mapped for writing, or made whole, is trusted (trust.h); a file that is not stays as it is.
 *
 * Blocking: file system calls only. Nothing here is safe against a concurrent call on the same struct. */
#ifndef SR_SYSTEM_MAP_H
#define SR_SYSTEM_MAP_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <slipring/status.h>

#include "base/compiler.h"

struct sr_map {
    uint8_t *base; /* NULL: not mapped */
    uint64_t bytes;
    dev_t dev;
    ino_t ino;
    int error; /* errno of the call that failed, for people */
    char path[PATH_MAX];
};

/* The folder of all stores: $SLIPRING_SHM_DIR, an absolute path, or else /dev/shm. */
const char *sr_map_folder(void);

/* "<folder>/slipring.<store>.<suffix>" into map->path. BAD_NAME when it does not fit. */
SR_MUST_CHECK enum slipring_status sr_map_name(struct sr_map *map, const char *store, const char *suffix);

/* May this process make a file so large? Beyond RLIMIT_FSIZE ftruncate() is SIGXFSZ, which kills. */
bool sr_map_size_is_allowed(uint64_t bytes);

/* How to make a file that is absent or half-made. */
struct sr_map_making {
    uint64_t bytes; /* the file's size */
    mode_t mode;    /* exactly, whatever the umask */
    gid_t group;    /* (gid_t)-1: leave as it comes */
    /* Is the mapped file whole? Reads within `dense_bytes` only. */
    bool (*is_ready)(const uint8_t *base);
    /* Write the contents of a new file (its dense bytes are reserved, zero or a dead maker's) and publish it. */
    enum slipring_status (*fill)(uint8_t *base, void *context);
    void *context;
    uint64_t dense_bytes; /* reserved before fill */
};

/* Map the existing file at map->path, whole. ABSENT, BEING_MADE (size 0, or making says not ready), WRONG_SIZE
 * (st_size differs from `bytes`), FOREIGN, NOT_PERMITTED, NO_FOLDER, NO_MEMORY, SYSTEM, and writable UNTRUSTED, READ_ONLY. `bytes` 0 accepts any size of at least a page. */
SR_MUST_CHECK enum slipring_status sr_map_attach(struct sr_map *map, uint64_t bytes, bool writable);

/* Attach for writing; make the file when it is absent or half-made by a dead maker. Waits up to a second for a living
 * one, then BEING_MADE. Adds NO_SPACE, FILE_LIMIT. */
SR_MUST_CHECK enum slipring_status sr_map_make(struct sr_map *map, const struct sr_map_making *making);

/* Reserve pages [offset, offset + bytes) of the mapped file; idempotent. OK, NO_SPACE (nothing was taken),
 * ABSENT (the path now names another file or none), WRONG_SIZE (it ends before), NOT_PERMITTED, SYSTEM. Signal safe. Within the file's size
 * RLIMIT_FSIZE says nothing: it limits how far files grow. */
SR_MUST_CHECK enum slipring_status sr_map_reserve(struct sr_map *map, uint64_t offset, uint64_t bytes);

/* Give pages [offset, offset + bytes), whole pages of the mapped file, back to the file system: they read as zeros from then on, and
 * to touch them is to reserve them, or SIGBUS. Idempotent. OK, or the statuses of sr_map_reserve() but NO_SPACE and WRONG_SIZE. */
SR_MUST_CHECK enum slipring_status sr_map_punch(struct sr_map *map, uint64_t offset, uint64_t bytes);

/* The same for a file that may have no name any more, through its mapping, which has to be writable. A hint: what cannot be given back
 * stays. */
void sr_map_discard(struct sr_map *map, uint64_t offset, uint64_t bytes);

/* `map` gets the file of `by` at its own address, at once for all threads; `by` is unmapped. OK, or SYSTEM: both are as they were. Both of the
 * same size, and mapped for writing. */
SR_MUST_CHECK enum slipring_status sr_map_replace(struct sr_map *map, struct sr_map *by);

/* Bytes of memory that the file at the path takes; 0 when it can't be asked. */
uint64_t sr_map_resident_bytes(const struct sr_map *map);

/* Does the path name any file at all? */
bool sr_map_exists(const struct sr_map *map);

/* Does the path still name the mapped file? false after an unlink or a re-making. */
bool sr_map_is_current(const struct sr_map *map);

/* May whoever has no guard read the mapped file? It is still the path's, and trusted. */
bool sr_map_is_trusted(const struct sr_map *map);

void sr_map_unmap(struct sr_map *map);

#endif
