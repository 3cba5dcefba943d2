/* SPDX-License-Identifier: Apache-2.0 */
/* Names of unix sockets. See unix_name.h. */
#include "unix_name.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LOCK_EVERY_MS 5

_Static_assert(UNIX_NAME_PATH_MAX + 1 == sizeof(((struct sockaddr_un *)0)->sun_path), "a path and its zero");

static int fail(struct unix_name_fault *fault, const char *why, int error)
{
    *fault = (struct unix_name_fault){.why = why, .error = error};
    return -1;
}

static struct sockaddr_un address_of(const struct unix_name *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, name->path, strlen(name->path) + 1);
    return address;
}

/* Does somebody listen there? Not to be told from one whose queue is full, or who keeps us out: so those do. */
static bool is_answered(const struct unix_name *name)
{
    const struct sockaddr_un address = address_of(name);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const bool is_refused = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 &&
                            (errno == ECONNREFUSED || errno == ENOENT);
    if (fd >= 0) {
        (void)close(fd);
    }
    return !is_refused;
}

/* 0: the name is free, or was a dead process's and is free now. */
static int make_room(const struct unix_name *name, struct unix_name_fault *fault)
{
    struct stat st;
    if (lstat(name->path, &st) != 0) {
        return errno == ENOENT ? 0 : fail(fault, "the folder cannot be looked into", errno);
    }
    if (!S_ISSOCK(st.st_mode)) {
        return fail(fault, "what lies there is no socket: look who made it, then remove it", 0);
    }
    if (is_answered(name)) {
        return fail(fault, "somebody listens there already: look who it is, then end it", 0);
    }
    if (unlink(name->path) != 0 && errno != ENOENT) {
        return fail(fault, "a dead agent's socket cannot be removed", errno);
    }
    return 0;
}

/* The descriptor that holds the lock of the folder (G2). -1: it is not to be had. */
static int lock_folder(const char *path, unsigned patience_ms)
{
    char folder[UNIX_NAME_PATH_MAX + 1] = ".";
    const char *slash = strrchr(path, '/');
    if (slash != NULL) {
        const size_t bytes = slash == path ? 1 : (size_t)(slash - path);
        memcpy(folder, path, bytes);
        folder[bytes] = '\0';
    }
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    const struct timespec pause = {.tv_nsec = LOCK_EVERY_MS * 1000000L};
    for (unsigned waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; waited_ms += LOCK_EVERY_MS) {
        if (waited_ms >= patience_ms) {
            (void)close(fd);
            return -1;
        }
        (void)nanosleep(&pause, NULL);
    }
    return fd;
}

static int dress(const struct unix_name *name, struct unix_name_fault *fault)
{
    struct stat st;
    if (name->group != (gid_t)-1 && lchown(name->path, (uid_t)-1, name->group) != 0) {
        return fail(fault, "it cannot be given to the group: be in it, or root", errno);
    }
    if (lstat(name->path, &st) != 0 ||
        ((st.st_mode & 0777u) != name->mode && chmod(name->path, name->mode) != 0)) {
        return fail(fault, "its mode cannot be set", errno);
    }
    return 0;
}

/* Remember which file it is. It has its group before it has its mode; a umask that took the owner's own rights away is made good, too. */
static int take(struct unix_name *name, struct unix_name_fault *fault)
{
    struct stat st;
    if (lstat(name->path, &st) != 0 || !S_ISSOCK(st.st_mode)) {
        return fail(fault, "it cannot be made", errno);
    }
    name->dev = st.st_dev;
    name->ino = st.st_ino;
    return dress(name, fault);
}

/* The folder is locked, as far as may be. */
static int make(struct unix_name *name, struct unix_name_fault *fault)
{
    if (make_room(name, fault) != 0) {
        return -1;
    }
    const struct sockaddr_un address = address_of(name);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || fchmod(fd, S_IRUSR | S_IWUSR) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        (void)fail(fault, "it cannot be made", errno);
    } else if (take(name, fault) == 0) {
        if (listen(fd, 64) == 0) {
            return fd;
        }
        (void)fail(fault, "it cannot be listened to", errno);
    }
    if (name->ino != 0) {
        unix_name_remove(name);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return -1;
}

int unix_name_listen(struct unix_name *name, unsigned patience_ms, struct unix_name_fault *out_fault)
{
    if (strlen(name->path) > UNIX_NAME_PATH_MAX) {
        return fail(out_fault, "a socket's path has at most 107 bytes", 0);
    }
    name->ino = 0; /* nothing of it is ours yet */
    const int lock = lock_folder(name->path, patience_ms);
    const int fd = make(name, out_fault);
    if (lock >= 0) {
        (void)close(lock);
    }
    return fd;
}

bool unix_name_change(struct unix_name *name, mode_t mode, gid_t group, struct unix_name_fault *out_fault)
{
    const struct unix_name former = *name;
    struct unix_name_fault ignored;
    name->mode = mode;
    name->group = group;
    /* Who is no group's own any more is the process's. */
    struct unix_name wanted = *name;
    wanted.group = group == (gid_t)-1 && former.group != group ? getegid() : group;
    if (chmod(name->path, S_IRUSR | S_IWUSR) != 0) {
        (void)fail(out_fault, "its mode cannot be set", errno);
    } else if (dress(&wanted, out_fault) == 0) {
        return true;
    }
    *name = former;
    (void)dress(&former, &ignored);
    return false;
}

bool unix_name_is_ours(const struct unix_name *name)
{
    struct stat st;
    return lstat(name->path, &st) == 0 && st.st_dev == name->dev && st.st_ino == name->ino;
}

void unix_name_remove(const struct unix_name *name)
{
    if (unix_name_is_ours(name)) {
        (void)unlink(name->path);
    }
}
