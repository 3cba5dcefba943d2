/* SPDX-License-Identifier: Apache-2.0 */
/* Listing and removing stores: see stores.h. */
#include "peer/stores.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer/audit.h"
#include "peer/inspect.h"
#include "peer/stats.h"
#include "protocol/segment.h"
#include "pure/name.h"

enum store_file { FILE_RING, FILE_STATS, FILE_LOCK, FILE_SOCKET, FILE_COUNT };

static const char *const suffixes[FILE_COUNT] = {"ring", "stats", "lock", "socket"};

const char *sr_stores_folder(void)
{
    return sr_map_folder();
}

const char *sr_stores_default_name(void)
{
    const char *name = getenv("SLIPRING_STORE");
    return name && name[0] ? name : "default";
}

bool sr_stores_socket(const char *name, char out_path[PATH_MAX])
{
    struct sr_map file;
    const enum slipring_status status = sr_map_name(&file, name, suffixes[FILE_SOCKET]);
    memcpy(out_path, file.path, sizeof file.path);
    return status == SLIPRING_OK && strlen(out_path) <= SR_STORES_SOCKET_MAX;
}

/* --- looking -------------------------------------------------------------------------------------------------- */

static void look_at_ring_segment(struct sr_store_info *info)
{
    struct sr_inspect *inspect;
    info->ring_status = sr_inspect_open(info->name, &inspect);
    if (info->ring_status != SLIPRING_OK) {
        info->ring_errno = info->ring_status == SLIPRING_SYSTEM ? errno : 0;
        return;
    }
    struct sr_inspect_totals totals;
    sr_inspect_totals(inspect, &totals);
    info->processes = totals.processes;
    info->liveness_known = totals.liveness_known;
    info->primitives = totals.primitives;
    info->rings = totals.rings;
    info->made_wall_ns = sr_inspect_made_wall_ns(inspect);
    sr_inspect_close(inspect);
}

enum slipring_status sr_stores_look(const char *name, struct sr_store_info *out_info)
{
    struct sr_store_info info = {.ring_status = SLIPRING_ABSENT};
    bool *const has[FILE_COUNT] = {&info.has_ring, &info.has_stats, &info.has_lock, &info.has_socket};
    bool is_any = false;
    if (sr_name_check_store(name) != SR_NAME_OK) {
        return SLIPRING_BAD_NAME;
    }
    memcpy(info.name, name, strlen(name) + 1);
    for (int i = 0; i < FILE_COUNT; i++) {
        struct sr_map file;
        struct stat st;
        if (sr_map_name(&file, name, suffixes[i]) != SLIPRING_OK) {
            return SLIPRING_BAD_NAME;
        }
        if (lstat(file.path, &st) != 0) {
            continue;
        }
        if (!is_any) {
            info.uid = st.st_uid;
            info.gid = st.st_gid;
            info.mode = st.st_mode & 07777;
        }
        *has[i] = is_any = true;
        info.memory_bytes += (uint64_t)st.st_blocks * 512;
    }
    if (!is_any) {
        return SLIPRING_ABSENT;
    }
    if (info.has_ring) {
        look_at_ring_segment(&info);
    }
    *out_info = info;
    return SLIPRING_OK;
}

bool sr_stores_other_version(const char *name, struct sr_version *out_version)
{
    static const enum store_file segments[] = {FILE_RING, FILE_STATS};
    for (size_t i = 0; i < sizeof segments / sizeof *segments; i++) {
        struct sr_map file;
        if (sr_map_name(&file, name, suffixes[segments[i]]) == SLIPRING_OK &&
            sr_version_of_file(file.path, out_version) && out_version->major != sr_version_here().major) {
            return true;
        }
    }
    return false;
}

/* "slipring.NAME.ring" to NAME; false: another file. */
static bool store_of_file(const char *file, char out_name[SLIPRING_STORE_NAME_MAX + 1])
{
    static const char prefix[] = "slipring.";
    size_t length = strlen(file);
    if (strncmp(file, prefix, sizeof prefix - 1) != 0) {
        return false;
    }
    for (int i = 0; i < FILE_COUNT; i++) {
        size_t tail = strlen(suffixes[i]) + 1;
        size_t skip = sizeof prefix - 1;
        if (length <= skip + tail || length - skip - tail > SLIPRING_STORE_NAME_MAX ||
            file[length - tail] != '.' || strcmp(file + length - tail + 1, suffixes[i]) != 0) {
            continue;
        }
        memcpy(out_name, file + skip, length - skip - tail);
        out_name[length - skip - tail] = '\0';
        return sr_name_check_store(out_name) == SR_NAME_OK;
    }
    return false;
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(left, right); /* an info begins with its name */
}

_Static_assert(offsetof(struct sr_store_info, name) == 0, "compare_names() relies on it");

/* The names alone, sorted and once each. */
static enum slipring_status collect_names(DIR *folder, struct sr_store_info **out_list, size_t *out_count)
{
    struct sr_store_info *list = NULL;
    size_t count = 0;
    size_t room = 0;
    for (const struct dirent *entry; (entry = readdir(folder));) {
        char name[SLIPRING_STORE_NAME_MAX + 1];
        if (!store_of_file(entry->d_name, name)) {
            continue;
        }
        if (count == room) {
            room = room ? 2 * room : 16;
            struct sr_store_info *grown = reallocarray(list, room, sizeof *list);
            if (!grown) {
                free(list);
                return SLIPRING_NO_MEMORY;
            }
            list = grown;
        }
        memset(&list[count], 0, sizeof list[count]);
        memcpy(list[count++].name, name, sizeof name);
    }
    if (count > 0) {
        qsort(list, count, sizeof *list, compare_names);
    }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || strcmp(list[kept - 1].name, list[i].name) != 0) {
            list[kept++] = list[i];
        }
    }
    *out_list = list;
    *out_count = kept;
    return SLIPRING_OK;
}

enum slipring_status sr_stores_list(struct sr_store_info **out_list, size_t *out_count)
{
    DIR *folder = opendir(sr_map_folder());
    if (!folder) {
        return errno == EACCES                       ? SLIPRING_NOT_PERMITTED
               : errno == ENOENT || errno == ENOTDIR ? SLIPRING_NO_FOLDER
                                                     : SLIPRING_SYSTEM;
    }
    struct sr_store_info *list = NULL;
    size_t count = 0;
    enum slipring_status status = collect_names(folder, &list, &count);
    (void)closedir(folder);
    if (status != SLIPRING_OK) {
        return status;
    }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct sr_store_info info;
        if (sr_stores_look(list[i].name, &info) == SLIPRING_OK) { /* else it went away meanwhile */
            list[kept++] = info;
        }
    }
    *out_list = list;
    *out_count = kept;
    return SLIPRING_OK;
}

/* --- removing ------------------------------------------------------------------------------------------------- */

struct removal {
    struct sr_map files[FILE_COUNT]; /* their paths */
    int fds[FILE_COUNT];             /* -1: absent, or no regular file and so nothing to lock */
    bool is_there[FILE_COUNT];
};

/* What the errno of a call that would have changed something means. */
static enum slipring_status status_of_change(int error)
{
    return error == EROFS                      ? SLIPRING_READ_ONLY
           : error == EACCES || error == EPERM ? SLIPRING_NOT_PERMITTED
                                               : SLIPRING_SYSTEM;
}

/* Open and lock the whole file, so that no byte of it can be locked by anybody else. */
static enum slipring_status seize_file(struct removal *removal, enum store_file which)
{
    struct stat st;
    const char *path = removal->files[which].path;
    if (lstat(path, &st) != 0) {
        return errno == ENOENT ? SLIPRING_OK : errno == EACCES ? SLIPRING_NOT_PERMITTED : SLIPRING_SYSTEM;
    }
    removal->is_there[which] = true;
    if (!S_ISREG(st.st_mode)) {
        return SLIPRING_OK; /* a link or the like: the name goes, what it leads to stays */
    }
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return status_of_change(errno);
    }
    removal->fds[which] = fd;
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0};
    if (fcntl(fd, F_OFD_SETLK, &whole) == 0) {
        return SLIPRING_OK;
    }
    return errno == EAGAIN || errno == EACCES ? SLIPRING_IN_USE : SLIPRING_SYSTEM;
}

static uint32_t agent_pid(const char *store)
{
    struct sr_stats *stats;
    if (sr_stats_open(store, &stats) != SLIPRING_OK) {
        return 0;
    }
    struct sr_stats_agent agent;
    sr_stats_agent(stats, &agent);
    sr_stats_close(stats);
    return agent.pid <= INT32_MAX ? (uint32_t)agent.pid : 0;
}

/* The pid of whoever holds the first locked byte of the lock file. */
static uint32_t producer_pid(const char *store, int lock_fd)
{
    struct flock first = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0};
    struct sr_inspect *inspect;
    struct sr_inspect_slot slot;
    if (fcntl(lock_fd, F_OFD_GETLK, &first) != 0 || first.l_type == F_UNLCK || first.l_start < 0 ||
        first.l_start >= SR_SLOT_MAX || sr_inspect_open(store, &inspect) != SLIPRING_OK) {
        return 0;
    }
    enum slipring_status status = sr_inspect_slot(inspect, (uint32_t)first.l_start, &slot);
    sr_inspect_close(inspect);
    return status == SLIPRING_OK ? slot.pid : 0;
}

static enum slipring_status seize_all(struct removal *removal, const char *name,
                                      enum sr_stores_user *out_user, uint32_t *out_pid)
{
    static const enum store_file order[FILE_COUNT] = {FILE_STATS, FILE_LOCK, FILE_RING, FILE_SOCKET};
    static const enum sr_stores_user users[FILE_COUNT] = {SR_STORES_MAKER, SR_STORES_AGENT,
                                                          SR_STORES_PRODUCER, SR_STORES_AGENT};
    for (int i = 0; i < FILE_COUNT; i++) {
        enum store_file which = order[i];
        enum slipring_status status = seize_file(removal, which);
        if (status == SLIPRING_IN_USE) {
            *out_user = users[which];
            *out_pid = which == FILE_STATS  ? agent_pid(name)
                       : which == FILE_LOCK ? producer_pid(name, removal->fds[which])
                                            : 0;
        }
        if (status != SLIPRING_OK) {
            return status;
        }
    }
    return SLIPRING_OK;
}

/* Who mapped the segment and holds no slot yet shall not record into a file that nobody finds any more. */
static void tell_that_it_moved(const char *name)
{
    struct sr_segment segment;
    if (sr_segment_attach(&segment, name, true) != SLIPRING_OK) {
        return; /* foreign or broken: nobody records in it */
    }
    /* release: pairs with the acquire look at the clock by whoever records next */
    atomic_store_explicit(&sr_segment_header(&segment)->control.coarse_ns, SR_CLOCK_MOVED,
                          memory_order_release);
    sr_map_unmap(&segment.map);
}

static enum slipring_status unlink_all(const struct removal *removal, const char *name)
{
    static const enum store_file order[FILE_COUNT] = {FILE_RING, FILE_STATS, FILE_LOCK, FILE_SOCKET};
    enum slipring_status status = SLIPRING_OK;
    for (int i = 0; i < FILE_COUNT; i++) {
        enum store_file which = order[i];
        if (!removal->is_there[which]) {
            continue;
        }
        if (which == FILE_RING && removal->fds[which] >= 0) {
            tell_that_it_moved(name);
        }
        if (remove(removal->files[which].path) != 0 &&
            errno != ENOENT) { /* an empty folder of that name goes too */
            status = status_of_change(errno);
        }
    }
    return status;
}

/* ABSENT is known too: neither segment is there, so nothing waits. */
static struct sr_stores_waiting count_waiting(const char *name)
{
    struct sr_audit audit;
    struct sr_stores_waiting waiting = {.status = sr_audit_take(name, &audit)};
    if (waiting.status == SLIPRING_ABSENT) {
        waiting.status = SLIPRING_OK;
    } else if (waiting.status == SLIPRING_OK && audit.is_truncated) {
        waiting.status = SLIPRING_WRONG_SIZE;
    } else if (waiting.status == SLIPRING_OK && audit.fault_count > 0) {
        waiting.status = SLIPRING_CONFLICT;
    } else if (waiting.status == SLIPRING_OK) {
        waiting.samples = audit.in_rings + audit.in_blocks;
    }
    return waiting;
}

/* out_waiting NULL: whatever waits. */
static enum slipring_status remove_seized(const struct removal *removal, const char *name,
                                          struct sr_stores_waiting *out_waiting)
{
    if (!removal->is_there[FILE_RING] && !removal->is_there[FILE_STATS] && !removal->is_there[FILE_LOCK] &&
        !removal->is_there[FILE_SOCKET]) {
        return SLIPRING_ABSENT;
    }
    if (out_waiting) {
        *out_waiting = count_waiting(name);
        if (out_waiting->samples > 0) {
            return SLIPRING_IN_USE;
        }
    }
    return unlink_all(removal, name);
}

static enum slipring_status remove_store(const char *name, enum sr_stores_user *out_user, uint32_t *out_pid,
                                         struct sr_stores_waiting *out_waiting)
{
    struct removal removal = {.fds = {-1, -1, -1, -1}};
    *out_user = SR_STORES_NOBODY;
    *out_pid = 0;
    if (sr_name_check_store(name) != SR_NAME_OK) {
        return SLIPRING_BAD_NAME;
    }
    for (int i = 0; i < FILE_COUNT; i++) {
        enum slipring_status status = sr_map_name(&removal.files[i], name, suffixes[i]);
        if (status != SLIPRING_OK) {
            return status;
        }
    }
    enum slipring_status status = seize_all(&removal, name, out_user, out_pid);
    if (status == SLIPRING_OK) {
        status = remove_seized(&removal, name, out_waiting);
    }
    int error = errno;
    for (int i = 0; i < FILE_COUNT; i++) {
        if (removal.fds[i] >= 0) {
            (void)close(removal.fds[i]);
        }
    }
    errno = error;
    return status;
}

enum slipring_status sr_stores_remove(const char *name, enum sr_stores_user *out_user, uint32_t *out_pid)
{
    return remove_store(name, out_user, out_pid, NULL);
}

enum slipring_status sr_stores_remove_booked(const char *name, enum sr_stores_user *out_user,
                                             uint32_t *out_pid, struct sr_stores_waiting *out_waiting)
{
    *out_waiting = (struct sr_stores_waiting){.status = SLIPRING_OK};
    return remove_store(name, out_user, out_pid, out_waiting);
}
