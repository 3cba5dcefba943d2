/* SPDX-License-Identifier: Apache-2.0 */
/* Paths, creation, mapping and reservation of a segment: see map.h. */
#include "system/map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/crashpoint.h"
#include "system/trust.h"

const char *sr_map_folder(void)
{
    /* A set-user-id host does not let its caller choose the folder; a relative one would move with the host's. */
    const char *folder = secure_getenv("SLIPRING_SHM_DIR");
    return folder && folder[0] == '/' ? folder : "/dev/shm";
}

enum slipring_status sr_map_name(struct sr_map *map, const char *store, const char *suffix)
{
    int n = snprintf(map->path, sizeof map->path, "%s/slipring.%s.%s", sr_map_folder(), store, suffix);
    if (n < 0 || (size_t)n >= sizeof map->path) {
        map->path[0] = '\0';
        return SLIPRING_BAD_NAME;
    }
    return SLIPRING_OK;
}

static enum slipring_status fail_with(struct sr_map *map, enum slipring_status status)
{
    map->error = errno;
    return status;
}

/* What an errno of open() means for a store. */
static enum slipring_status status_of_open(int error)
{
    switch (error) {
    case EACCES:
    case EPERM:
    case ELOOP: /* O_NOFOLLOW met a link: not ours */
        return SLIPRING_NOT_PERMITTED;
    case EROFS:
        return SLIPRING_READ_ONLY;
    case EISDIR:
        return SLIPRING_FOREIGN;
    case ENOTDIR:
        return SLIPRING_NO_FOLDER;
    case ENOSPC:
        return SLIPRING_NO_SPACE;
    default:
        return SLIPRING_SYSTEM;
    }
}

/* The same where the file was absent: what is not permitted then is to write into the folder. */
static enum slipring_status status_of_creation(int error)
{
    const bool refused = error == EACCES || error == EPERM;
    return error == EEXIST ? SLIPRING_BEING_MADE : refused ? SLIPRING_NO_FOLDER : status_of_open(error);
}

static bool folder_exists(void)
{
    struct stat st;
    return stat(sr_map_folder(), &st) == 0 && S_ISDIR(st.st_mode);
}

static enum slipring_status open_existing(struct sr_map *map, int flags, int *out_fd)
{
    int fd = open(map->path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == EACCES && sr_trust_open_up(map->path)) {
        fd = open(map->path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    }
    if (fd >= 0) {
        *out_fd = fd;
        return SLIPRING_OK;
    }
    map->error = errno;
    if (errno == ENOENT) {
        return folder_exists() ? SLIPRING_ABSENT : SLIPRING_NO_FOLDER;
    }
    return status_of_open(errno);
}

/* Whoever writes has to trust; readers look at anything that is a file. */
static enum slipring_status trust(const struct stat *st, bool writable)
{
    return writable ? sr_trust_check(st) : S_ISREG(st->st_mode) ? SLIPRING_OK : SLIPRING_FOREIGN;
}

static enum slipring_status map_descriptor(struct sr_map *map, int fd, uint64_t bytes, bool writable)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return fail_with(map, SLIPRING_SYSTEM);
    }
    enum slipring_status status = trust(&st, writable);
    if (status != SLIPRING_OK) {
        map->error = 0; /* nothing failed */
        return status;
    }
    if (st.st_size == 0 || st.st_blocks == 0) { /* G3: nothing reserved yet, nothing to look at */
        return SLIPRING_BEING_MADE;
    }
    if (st.st_size < SR_PAGE_BYTES || (bytes != 0 && (uint64_t)st.st_size != bytes)) {
        return SLIPRING_WRONG_SIZE;
    }
    uint64_t size = bytes ? bytes : (uint64_t)st.st_size;
    void *base =
        mmap(NULL, size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (base == MAP_FAILED) {
        return fail_with(map, SLIPRING_NO_MEMORY);
    }
    map->base = base;
    map->bytes = size;
    map->dev = st.st_dev;
    map->ino = st.st_ino;
    return SLIPRING_OK;
}

enum slipring_status sr_map_attach(struct sr_map *map, uint64_t bytes, bool writable)
{
    int fd = -1;
    enum slipring_status status = open_existing(map, writable ? O_RDWR : O_RDONLY, &fd);
    if (status != SLIPRING_OK) {
        return status;
    }
    status = map_descriptor(map, fd, bytes, writable);
    (void)close(fd); /* read or mapped: nothing to lose */
    return status;
}

/* --- making -------------------------------------------------------------------------------------------------------- */

bool sr_map_size_is_allowed(uint64_t bytes)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= bytes;
}

static bool lock_for_making(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

#define RESERVE_TRIES 100

/* fallocate() gives up with EINTR when a signal arrives, on kernels before it asked for fatal ones only: again, then, but
 * not for ever under a storm of timers. */
static int reserve_range(int fd, int mode, uint64_t offset, uint64_t bytes)
{
    int result = fallocate(fd, mode, (off_t)offset, (off_t)bytes);
    for (int tries = 1; result != 0 && errno == EINTR && tries < RESERVE_TRIES; tries++) {
        result = fallocate(fd, mode, (off_t)offset, (off_t)bytes);
    }
    return result;
}

/* Does the path name the file behind fd? */
static bool path_names(const struct sr_map *map, int fd)
{
    struct stat here;
    struct stat there;
    return fstat(fd, &here) == 0 && stat(map->path, &there) == 0 && here.st_dev == there.st_dev &&
           here.st_ino == there.st_ino;
}

/* What is not dense is taken to be zero, but a file that lost its header may be full of another life's pages. */
static bool empty(int fd, uint64_t bytes)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return false;
    }
    return st.st_blocks == 0 || reserve_range(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, bytes) == 0;
}

/* Size, reserve and fill the file behind fd, whose making lock we hold. */
static enum slipring_status make_contents(struct sr_map *map, int fd, const struct sr_map_making *making)
{
    /* ftruncate beyond RLIMIT_FSIZE would send the host SIGXFSZ, which kills it. */
    if (!sr_map_size_is_allowed(making->bytes)) {
        map->error = 0; /* no call failed */
        return SLIPRING_FILE_LIMIT;
    }
    if (fchmod(fd, making->mode) != 0 ||
        (making->group != (gid_t)-1 && fchown(fd, (uid_t)-1, making->group) != 0)) {
        return fail_with(map, SLIPRING_NOT_PERMITTED);
    }
    SR_CRASHPOINT(map_created);
    if (ftruncate(fd, (off_t)making->bytes) != 0) {
        return fail_with(map, SLIPRING_SYSTEM);
    }
    SR_CRASHPOINT(map_sized);
    if (!empty(fd, making->bytes)) {
        return fail_with(map, SLIPRING_SYSTEM);
    }
    if (reserve_range(fd, 0, 0, making->dense_bytes) != 0) {
        return fail_with(map, errno == ENOSPC ? SLIPRING_NO_SPACE : SLIPRING_SYSTEM);
    }
    SR_CRASHPOINT(map_reserved);
    enum slipring_status status = map_descriptor(map, fd, making->bytes, true);
    if (status != SLIPRING_OK) {
        return status;
    }
    status = making->fill(map->base, making->context);
    if (status != SLIPRING_OK) {
        sr_map_unmap(map);
    }
    return status;
}

/* We hold the making lock of the file behind fd. Since we opened it others may have made it, or failed to and removed it. */
static enum slipring_status make_unless_made(struct sr_map *map, int fd, const struct sr_map_making *making)
{
    if (!path_names(map, fd)) {
        return SLIPRING_BEING_MADE; /* nobody else would find this file */
    }
    if (map_descriptor(map, fd, making->bytes, true) == SLIPRING_OK) {
        if (making->is_ready(map->base)) {
            return SLIPRING_OK;
        }
        sr_map_unmap(map);
    }
    return make_contents(map, fd, making);
}

/* A file that is there: whole, being made, or left by a dead maker. */
static enum slipring_status join_existing(struct sr_map *map, int fd, const struct sr_map_making *making)
{
    enum slipring_status status = map_descriptor(map, fd, making->bytes, true);
    if (status == SLIPRING_OK) {
        if (making->is_ready(map->base)) {
            return SLIPRING_OK;
        }
        sr_map_unmap(map);
        status = SLIPRING_BEING_MADE;
    }
    if (status != SLIPRING_BEING_MADE || !lock_for_making(fd)) {
        return status;
    }
    return make_unless_made(map, fd, making); /* G2: unlocked and not ready */
}

static enum slipring_status make_once(struct sr_map *map, const struct sr_map_making *making)
{
    int fd = -1;
    enum slipring_status status = open_existing(map, O_RDWR, &fd);
    if (status == SLIPRING_OK) {
        status = join_existing(map, fd, making);
        (void)close(fd);
        return status;
    }
    if (status != SLIPRING_ABSENT) {
        return status;
    }
    fd = open(map->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        map->error = errno;
        return status_of_creation(errno);
    }
    if (!lock_for_making(fd)) { /* another one found our empty file first and makes it */
        (void)close(fd);
        return SLIPRING_BEING_MADE;
    }
    status = make_unless_made(map, fd, making);
    if (status != SLIPRING_OK && status != SLIPRING_BEING_MADE) {
        (void)unlink(map->path); /* ours, and never published */
    }
    (void)close(fd);
    return status;
}

enum slipring_status sr_map_make(struct sr_map *map, const struct sr_map_making *making)
{
    enum slipring_status status = make_once(map, making);
    for (int tries = 0; status == SLIPRING_BEING_MADE && tries < 200; tries++) {
        const struct timespec pause = {.tv_nsec = 5000000};
        (void)nanosleep(&pause, NULL);
        status = make_once(map, making);
    }
    return status;
}

/* --- reservation ---------------------------------------------------------------------------------------------------- */

static bool names_same_file(const struct sr_map *map, const struct stat *st)
{
    return st->st_dev == map->dev && st->st_ino == map->ino;
}

enum slipring_status sr_map_reserve(struct sr_map *map, uint64_t offset, uint64_t bytes)
{
    int fd = open(map->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        map->error = errno;
        return errno == ENOENT ? SLIPRING_ABSENT : status_of_open(errno);
    }
    enum slipring_status status = SLIPRING_OK;
    struct stat st;
    if (fstat(fd, &st) != 0 || !names_same_file(map, &st)) {
        status = SLIPRING_ABSENT;
    } else if ((uint64_t)st.st_size < offset + bytes) {
        status = SLIPRING_WRONG_SIZE; /* truncated: reserving beyond the end would not make it whole */
    } else if (reserve_range(fd, FALLOC_FL_KEEP_SIZE, offset, bytes) != 0) {
        status = fail_with(map, errno == ENOSPC ? SLIPRING_NO_SPACE : SLIPRING_SYSTEM);
    }
    (void)close(fd);
    return status;
}

enum slipring_status sr_map_punch(struct sr_map *map, uint64_t offset, uint64_t bytes)
{
    int fd = open(map->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        map->error = errno;
        return errno == ENOENT ? SLIPRING_ABSENT : status_of_open(errno);
    }
    enum slipring_status status = SLIPRING_OK;
    struct stat st;
    if (fstat(fd, &st) != 0 || !names_same_file(map, &st)) {
        status = SLIPRING_ABSENT;
    } else if (reserve_range(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, bytes) != 0) {
        status = fail_with(map, SLIPRING_SYSTEM);
    }
    (void)close(fd);
    return status;
}

void sr_map_discard(struct sr_map *map, uint64_t offset, uint64_t bytes)
{
    (void)madvise(map->base + offset, bytes, MADV_REMOVE);
}

enum slipring_status sr_map_replace(struct sr_map *map, struct sr_map *by)
{
    void *at = mremap(by->base, by->bytes, by->bytes, MREMAP_MAYMOVE | MREMAP_FIXED, map->base);
    if (at == MAP_FAILED) {
        return fail_with(map, SLIPRING_SYSTEM);
    }
    map->dev = by->dev;
    map->ino = by->ino;
    by->base = NULL;
    return SLIPRING_OK;
}

uint64_t sr_map_resident_bytes(const struct sr_map *map)
{
    struct stat st;
    return stat(map->path, &st) == 0 && names_same_file(map, &st) ? (uint64_t)st.st_blocks * 512u : 0;
}

bool sr_map_exists(const struct sr_map *map)
{
    struct stat st;
    return lstat(map->path, &st) == 0;
}

bool sr_map_is_current(const struct sr_map *map)
{
    struct stat st;
    return stat(map->path, &st) == 0 && names_same_file(map, &st);
}

bool sr_map_is_trusted(const struct sr_map *map)
{
    struct stat st;
    return stat(map->path, &st) == 0 && names_same_file(map, &st) && sr_trust_check(&st) == SLIPRING_OK;
}

void sr_map_unmap(struct sr_map *map)
{
    if (map->base) {
        (void)munmap(map->base, map->bytes);
        map->base = NULL;
    }
}
