/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing, checking and locking a folder: see checkpoint_folder.h. */
#include "checkpoint_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/log.h"
#include "peer/trust.h"

/* --- which folder ------------------------------------------------------------------------------------------------------- */

static bool compose(char out_path[PATH_MAX], const char *folder, size_t bytes, const char *below)
{
    const int length = snprintf(out_path, PATH_MAX, "%.*s%s", (int)bytes, folder, below);
    return length > 0 && length < PATH_MAX && out_path[0] == '/';
}

/* A variable that is set to something; else NULL. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static bool take(const char *wish, const char *who, char out_path[PATH_MAX])
{
    if (strcmp(wish, "none") == 0) {
        return false;
    }
    if (!compose(out_path, wish, strlen(wish), "")) {
        log_event(LOG_ERROR, log_what("no checkpoints: the folder is no absolute path"), log_text("by", who),
                  log_text("folder", wish));
        return false;
    }
    return true;
}

bool checkpoint_folder_choose(const struct options *options, char out_path[PATH_MAX])
{
    if (options->checkpoint_folder != NULL) {
        return take(options->checkpoint_folder, "--checkpoint", out_path);
    }
    const char *value = variable("SLIPRING_CHECKPOINT");
    if (value != NULL) {
        return take(value, "SLIPRING_CHECKPOINT", out_path);
    }
    value = options->shm_dir != NULL ? options->shm_dir : variable("SLIPRING_SHM_DIR");
    if (value != NULL && strcmp(value, "/dev/shm") != 0) {
        return false;
    }
    value = variable("STATE_DIRECTORY"); /* systemd.exec(5): one, or several with colons between */
    if (value != NULL) {
        return compose(out_path, value, strcspn(value, ":"), "");
    }
    if (geteuid() == 0) {
        return compose(out_path, "/var/lib/slipring", SIZE_MAX >> 33, "");
    }
    value = variable("XDG_STATE_HOME");
    if (value != NULL && value[0] == '/') {
        return compose(out_path, value, strlen(value), "/slipring");
    }
    value = variable("HOME");
    return value != NULL && compose(out_path, value, strlen(value), "/.local/state/slipring");
}

bool checkpoint_folder_init(struct checkpoint_folder *folder, const char *path, const char *store)
{
    *folder = (struct checkpoint_folder){.fd = -1, .lock = -1};
    return snprintf(folder->path, sizeof folder->path, "%s", path) < (int)sizeof folder->path &&
           snprintf(folder->store, sizeof folder->store, "%s", store) < (int)sizeof folder->store;
}

/* --- opening ------------------------------------------------------------------------------------------------------------ */

static bool is_ours(const struct stat *st)
{
    return st->st_uid == geteuid() || st->st_uid == 0;
}

/* The folder and those above it, as far as they are absent. 0 or errno. */
static int make_folders(const char *path)
{
    char upper[PATH_MAX];
    (void)snprintf(upper, sizeof upper, "%s", path);
    for (char *slash = strchr(upper + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(upper, 0700) != 0 && errno != EEXIST && errno != EROFS && errno != EACCES) {
            return errno;
        }
        *slash = '/';
    }
    return mkdir(upper, 0700) == 0 || errno == EEXIST ? 0 : errno;
}

static int refuse(const char **out_why, const char *why)
{
    *out_why = why;
    return EPERM;
}

/* G1: errno, or 0 and the folder is open. */
static int open_folder(struct checkpoint_folder *folder, const char **out_why)
{
    struct stat st;
    if (lstat(folder->path, &st) != 0) {
        const int error = errno == ENOENT ? make_folders(folder->path) : errno;
        if (error != 0 || lstat(folder->path, &st) != 0) {
            *out_why = "it cannot be made";
            return error != 0 ? error : errno;
        }
    }
    if (S_ISLNK(st.st_mode) && !is_ours(&st)) {
        return refuse(out_why, "it is a link that somebody else made");
    }
    folder->fd =
        open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (S_ISLNK(st.st_mode) ? 0 : O_NOFOLLOW));
    if (folder->fd < 0 || fstat(folder->fd, &st) != 0) {
        *out_why = "it cannot be opened";
        return errno;
    }
    if (!is_ours(&st)) {
        return refuse(out_why, "it belongs to another user");
    }
    return (st.st_mode & (S_IWGRP | S_IWOTH)) != 0 ? refuse(out_why, "others may write there") : 0;
}

static int take_lock(struct checkpoint_folder *folder, const char **out_why)
{
    char name[CHECKPOINT_NAME_BYTES];
    struct stat st;
    (void)snprintf(name, sizeof name, "%s.lock", folder->store);
    *out_why = "its lock file cannot be used";
    /* Read-only: an agent at rest keeps nobody from making the file system so. */
    folder->lock =
        openat(folder->fd, name, O_RDONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (folder->lock < 0 || fstat(folder->lock, &st) != 0) {
        return errno;
    }
    if (sr_trust_check(&st) != SLIPRING_OK) {
        return refuse(out_why, "its lock file could have been written by others");
    }
    if (flock(folder->lock, LOCK_EX | LOCK_NB) != 0) {
        *out_why = errno == EWOULDBLOCK ? "another agent keeps a store of this name there" : *out_why;
        return errno;
    }
    return 0;
}

int checkpoint_folder_open(struct checkpoint_folder *folder, const char **out_why)
{
    checkpoint_folder_close(folder);
    int error = open_folder(folder, out_why);
    error = error != 0 ? error : take_lock(folder, out_why);
    if (error != 0) {
        checkpoint_folder_close(folder);
    }
    return error;
}

void checkpoint_folder_close(struct checkpoint_folder *folder)
{
    if (folder->lock >= 0) {
        (void)close(folder->lock);
    }
    if (folder->fd >= 0) {
        (void)close(folder->fd);
    }
    folder->fd = folder->lock = -1;
}

static bool is_same(const struct stat *one, const struct stat *other)
{
    return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

bool checkpoint_folder_stands(const struct checkpoint_folder *folder)
{
    char name[CHECKPOINT_NAME_BYTES];
    struct stat open_one, named;
    (void)snprintf(name, sizeof name, "%s.lock", folder->store);
    return folder->fd >= 0 && fstat(folder->fd, &open_one) == 0 && stat(folder->path, &named) == 0 &&
           is_same(&open_one, &named) && fstat(folder->lock, &open_one) == 0 &&
           fstatat(folder->fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 && is_same(&open_one, &named);
}

/* --- files -------------------------------------------------------------------------------------------------------------- */

void checkpoint_folder_name(const struct checkpoint_folder *folder, enum checkpoint_kind kind,
                            const char *suffix, char out_name[CHECKPOINT_NAME_BYTES])
{
    (void)snprintf(out_name, CHECKPOINT_NAME_BYTES, "%s.%s%s", folder->store,
                   kind == CHECKPOINT_FULL ? "full" : "recent", suffix);
}

int checkpoint_folder_read(const struct checkpoint_folder *folder, enum checkpoint_kind kind,
                           const char **out_why)
{
    char name[CHECKPOINT_NAME_BYTES];
    struct stat st;
    checkpoint_folder_name(folder, kind, "", name);
    *out_why = "it cannot be opened";
    const int fd = openat(folder->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    if (fstat(fd, &st) != 0 || sr_trust_check(&st) != SLIPRING_OK || (st.st_mode & S_IWGRP) != 0) {
        (void)close(fd);
        errno = refuse(out_why, "it is no file, or could have been written by others");
        return -1;
    }
    return fd;
}

/* To another name, which nothing has. 0 or errno. */
static int rename_aside(int fd, const char *from, const char *to)
{
    if (renameat2(fd, from, fd, to, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return errno;
    }
    return linkat(fd, from, fd, to, 0) == 0 && unlinkat(fd, from, 0) == 0 ? 0
                                                                          : errno; /* an old file system */
}

bool checkpoint_folder_refuse(const struct checkpoint_folder *folder, enum checkpoint_kind kind,
                              uint64_t wall_ns, const char *why)
{
    char name[CHECKPOINT_NAME_BYTES], aside[CHECKPOINT_NAME_BYTES], stamp[32];
    const time_t seconds = (time_t)(wall_ns / UINT64_C(1000000000));
    struct tm parts;
    int error = EEXIST;
    checkpoint_folder_name(folder, kind, "", name);
    if (gmtime_r(&seconds, &parts) == NULL || strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &parts) == 0) {
        stamp[0] = '\0';
    }
    for (unsigned turn = 1; error == EEXIST && turn < 1000; turn++) {
        char suffix[64];
        (void)snprintf(suffix, sizeof suffix, turn == 1 ? ".refused-%s" : ".refused-%s.%u", stamp, turn);
        checkpoint_folder_name(folder, kind, suffix, aside);
        error = rename_aside(folder->fd, name, aside);
    }
    log_event(LOG_ERROR,
              log_what(error == 0 ? "a checkpoint is not used, and kept aside"
                                  : "a checkpoint is not used, and cannot be kept aside"),
              log_text("folder", folder->path), log_text("file", name), log_text("why", why),
              log_text("kept_as", error == 0 ? aside : strerror(error)));
    return error == 0 || error == ENOENT;
}
