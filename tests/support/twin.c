/* SPDX-License-Identifier: Apache-2.0 */
/* Copying a store: see twin.h. */
#include "support/twin.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/layout.h"
#include "support/check.h"
#include "support/place.h"

#define CHUNK_BYTES (UINT64_C(1) << 20)
_Static_assert(CHUNK_BYTES % SR_PAGE_BYTES == 0, "pages are never cut");

static uint8_t chunk[CHUNK_BYTES];

/* Opens a file of the store; -1: there is none. */
static int open_file(const char *store, const char *suffix, int flags)
{
    char path[PATH_MAX];
    place_path(path, store, suffix);
    const int fd = open(path, flags | O_CLOEXEC, 0600);
    CHECK(fd >= 0 || errno == ENOENT);
    return fd;
}

/* The next stretch of data from *offset on, a chunk at most, into chunk[]. Returns its length, 0: no more. */
static uint64_t read_stretch(int fd, uint64_t *offset)
{
    const off_t data = lseek(fd, (off_t)*offset, SEEK_DATA);
    if (data < 0) {
        CHECK_EQUAL(errno, ENXIO);
        return 0;
    }
    const uint64_t length = (uint64_t)(lseek(fd, data, SEEK_HOLE) - data);
    const uint64_t bytes = length < CHUNK_BYTES ? length : CHUNK_BYTES;
    *offset = (uint64_t)data;
    CHECK_EQUAL(pread(fd, chunk, bytes, data), bytes);
    return bytes;
}

static void copy_file(const char *from, const char *to, const char *suffix)
{
    struct stat st;
    const int source = open_file(from, suffix, O_RDONLY);
    if (source < 0) {
        char path[PATH_MAX];
        place_path(path, to, suffix);
        CHECK(unlink(path) == 0 || errno == ENOENT);
        return;
    }
    const int copy = open_file(to, suffix, O_RDWR | O_CREAT | O_TRUNC);
    CHECK_EQUAL(fstat(source, &st), 0);
    CHECK_EQUAL(fchmod(copy, st.st_mode & 07777), 0);
    CHECK_EQUAL(ftruncate(copy, st.st_size), 0);
    uint64_t bytes = 0;
    for (uint64_t offset = 0; (bytes = read_stretch(source, &offset)) > 0; offset += bytes) {
        CHECK_EQUAL(pwrite(copy, chunk, bytes, (off_t)offset), bytes);
    }
    CHECK_EQUAL(close(copy) | close(source), 0);
}

void twin_copy(const char *from, const char *to)
{
    copy_file(from, to, "ring");
    copy_file(from, to, "stats");
    copy_file(from, to, "lock");
}

/* Pages of zeros and holes are the same. */
static uint64_t hash_page(uint64_t hash, uint64_t offset, const uint8_t *page)
{
    uint64_t any = 0;
    uint64_t mixed = offset + 1;
    for (uint32_t i = 0; i < SR_PAGE_BYTES; i += 8) {
        uint64_t word = 0;
        memcpy(&word, page + i, sizeof word);
        any |= word;
        mixed = (mixed ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        mixed ^= mixed >> 32;
    }
    return any ? (hash ^ mixed) * UINT64_C(0x100000001b3) : hash;
}

static uint64_t hash_file(uint64_t hash, const char *store, const char *suffix, uint64_t leave_out)
{
    const int fd = open_file(store, suffix, O_RDONLY);
    uint64_t bytes = 0;
    for (uint64_t offset = 0; fd >= 0 && (bytes = read_stretch(fd, &offset)) > 0; offset += bytes) {
        if (leave_out >= offset && leave_out < offset + bytes) {
            memset(chunk + (leave_out - offset), 0, 8);
        }
        for (uint64_t page = 0; page < bytes; page += SR_PAGE_BYTES) {
            hash = hash_page(hash, offset + page, chunk + page);
        }
    }
    if (fd >= 0) {
        CHECK_EQUAL(close(fd), 0);
    }
    return hash;
}

uint64_t twin_hash(const char *store)
{
    const uint64_t hash = hash_file(UINT64_C(0xcbf29ce484222325), store, "ring", UINT64_MAX);
    return hash_file(hash, store, "stats", offsetof(struct sr_stats_header_shm, agent_pid));
}

int twin_keep_alive(const char *store, uint32_t slot)
{
    const int fd = open_file(store, "lock", O_RDWR);
    CHECK(fd >= 0);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)slot, .l_len = 1};
    CHECK_EQUAL(fcntl(fd, F_OFD_SETLK, &lock), 0);
    return fd;
}

void twin_let_die(int lock)
{
    CHECK_EQUAL(close(lock), 0);
}
