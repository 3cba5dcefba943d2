/* SPDX-License-Identifier: Apache-2.0 */
/* Slot liveness by open-file-description locks: see liveness.h. */
#include "system/liveness.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crashpoint.h"
#include "system/map.h"
#include "system/trust.h"

static enum slipring_status status_of(int error)
{
    switch (error) {
    case ENOENT:
        return SLIPRING_ABSENT;
    case EACCES:
    case EPERM:
    case ELOOP:
        return SLIPRING_NOT_PERMITTED;
    case EROFS:
        return SLIPRING_READ_ONLY;
    case EISDIR:
        return SLIPRING_FOREIGN;
    case ENOSPC:
        return SLIPRING_NO_SPACE;
    default:
        return SLIPRING_SYSTEM;
    }
}

/* Set (F_WRLCK) or clear (F_UNLCK) one slot's byte. */
static bool lock_byte(int fd, short type, uint32_t slot)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)slot, .l_len = 1};
    return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

static enum slipring_status set_up(int fd, mode_t mode, gid_t group)
{
    if (fchmod(fd, mode) != 0 || (group != (gid_t)-1 && fchown(fd, (uid_t)-1, group) != 0)) {
        return SLIPRING_NOT_PERMITTED;
    }
    if (!sr_map_size_is_allowed(SR_LIVENESS_FILE_BYTES)) {
        return SLIPRING_FILE_LIMIT;
    }
    if (ftruncate(fd, SR_LIVENESS_FILE_BYTES) != 0) {
        return status_of(errno);
    }
    return SLIPRING_OK;
}

/* The file behind fd, whoever made it. New, or left empty by a maker that died: sizing it is idempotent. */
static enum slipring_status make_whole(int fd, mode_t mode, gid_t group)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return SLIPRING_SYSTEM;
    }
    const enum slipring_status status = sr_trust_check(&st);
    if (status != SLIPRING_OK || st.st_size >= SR_LIVENESS_FILE_BYTES) {
        return status;
    }
    SR_CRASHPOINT(lock_file_created);
    return set_up(fd, mode, group);
}

enum slipring_status sr_liveness_make(const char *path, mode_t mode, gid_t group)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == EACCES && sr_trust_open_up(path)) {
        fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    }
    if (fd < 0 && errno == ENOENT) {
        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 && errno == EEXIST) {
            fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        }
    }
    if (fd < 0) {
        return status_of(errno);
    }
    enum slipring_status status = make_whole(fd, mode, group);
    (void)close(fd);
    return status;
}

enum slipring_status sr_liveness_take(const char *path, uint32_t first, uint32_t count,
                                      bool (*wanted)(uint32_t slot, void *context), void *context,
                                      struct sr_liveness_hold *out_hold, uint32_t *out_slot)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return status_of(errno);
    }
    enum slipring_status status = SLIPRING_IN_USE;
    struct stat st;
    if (fstat(fd, &st) != 0 || st.st_size < SR_LIVENESS_FILE_BYTES) {
        status = SLIPRING_WRONG_SIZE;
        goto out;
    }
    if (sr_trust_check(&st) != SLIPRING_OK) {
        status = SLIPRING_UNTRUSTED;
        goto out;
    }
    /* The page is never touched: it only keeps the open file description, and so the lock, alive. */
    void *page = mmap(NULL, SR_LIVENESS_FILE_BYTES, PROT_NONE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) {
        status = SLIPRING_NO_MEMORY;
        goto out;
    }
    if (madvise(page, SR_LIVENESS_FILE_BYTES, MADV_DONTFORK) != 0) {
        (void)munmap(page, SR_LIVENESS_FILE_BYTES);
        status = SLIPRING_SYSTEM;
        goto out;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t slot = (first + i) % count;
        if (!wanted(slot, context) || !lock_byte(fd, F_WRLCK, slot)) {
            continue;
        }
        if (!wanted(slot, context)) { /* its last owner died, or the agent freed it, between look and lock */
            (void)lock_byte(fd, F_UNLCK, slot);
            continue;
        }
        out_hold->page = page;
        *out_slot = slot;
        status = SLIPRING_OK;
        break;
    }
    if (status != SLIPRING_OK) {
        (void)munmap(page, SR_LIVENESS_FILE_BYTES);
    }
out:
    (void)close(fd);
    return status;
}

void sr_liveness_release(struct sr_liveness_hold *hold)
{
    if (hold->page) {
        (void)munmap(hold->page, SR_LIVENESS_FILE_BYTES);
        hold->page = NULL;
    }
}

enum slipring_status sr_liveness_open(struct sr_liveness *liveness, const char *path)
{
    liveness->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    return liveness->fd >= 0 ? SLIPRING_OK : status_of(errno);
}

void sr_liveness_close(struct sr_liveness *liveness)
{
    if (liveness->fd >= 0) {
        (void)close(liveness->fd);
        liveness->fd = -1;
    }
}

bool sr_liveness_is_current(const struct sr_liveness *liveness, const char *path)
{
    struct stat here;
    struct stat there;
    return fstat(liveness->fd, &here) == 0 && stat(path, &there) == 0 && here.st_dev == there.st_dev &&
           here.st_ino == there.st_ino;
}

bool sr_liveness_is_alive(const struct sr_liveness *liveness, uint32_t slot)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)slot, .l_len = 1};
    return fcntl(liveness->fd, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

bool sr_liveness_seize(struct sr_liveness *liveness, uint32_t slot)
{
    return lock_byte(liveness->fd, F_WRLCK, slot);
}

void sr_liveness_drop(struct sr_liveness *liveness, uint32_t slot)
{
    (void)lock_byte(liveness->fd, F_UNLCK, slot);
}
