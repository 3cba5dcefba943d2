/* SPDX-License-Identifier: Apache-2.0 */
/* Names of unix sockets. See unix_name.h. */
#include "unix_name.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

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

/* Remember which file it is. It has its group before it has its mode; a umask that took the owner's own rights away is made good, too. */
static int dress(struct unix_name *name, struct unix_name_fault *fault)
{
    struct stat st;
    if (lstat(name->path, &st) != 0 || !S_ISSOCK(st.st_mode)) {
        return fail(fault, "it cannot be made", errno);
    }
    name->dev = st.st_dev;
    name->ino = st.st_ino;
    if (name->group != (gid_t)-1 && lchown(name->path, (uid_t)-1, name->group) != 0) {
        return fail(fault, "it cannot be given to the group: be in it, or root", errno);
    }
    if ((st.st_mode & 0777u) != name->mode && chmod(name->path, name->mode) != 0) {
        return fail(fault, "its mode cannot be set", errno);
    }
    return 0;
}

int unix_name_listen(struct unix_name *name, struct unix_name_fault *out_fault)
{
    if (strlen(name->path) > UNIX_NAME_PATH_MAX) {
        return fail(out_fault, "a socket's path has at most 107 bytes", 0);
    }
    if (make_room(name, out_fault) != 0) {
        return -1;
    }
    const struct sockaddr_un address = address_of(name);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || fchmod(fd, S_IRUSR | S_IWUSR) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        (void)fail(out_fault, "it cannot be made", errno);
    } else if (dress(name, out_fault) == 0) {
        if (listen(fd, 64) == 0) {
            return fd;
        }
        (void)fail(out_fault, "it cannot be listened to", errno);
    }
    if (name->ino != 0) {
        unix_name_remove(name);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return -1;
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
