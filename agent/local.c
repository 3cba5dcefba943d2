/* SPDX-License-Identifier: Apache-2.0 */
/* The local socket: see local.h. */
#include "local.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"
#include "peer/stores.h"

_Static_assert(SR_STORES_SOCKET_MAX + 1 == sizeof(((struct sockaddr_un *)0)->sun_path),
               "a path and its zero");

struct local {
    struct http_settings settings;
    struct control *control;
    struct http *http;   /* NULL: there is no socket now */
    bool has_path;       /* it is not too long */
    bool has_complained; /* of what it is now */
    dev_t dev;           /* of the name that we made */
    ino_t ino;
    char path[PATH_MAX];
};

/* Once a trouble. */
static void complain(struct local *local, const char *why, int error)
{
    if (!local->has_complained) {
        log_event(LOG_WARNING, log_what("no local socket: no reload or reset but by signal"),
                  log_text("path", local->path), log_text("why", why),
                  log_text("error", error == 0 ? "none" : strerror(error)));
    }
    local->has_complained = true;
}

static struct sockaddr_un address_of(const struct local *local)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, local->path, strlen(local->path) + 1);
    return address;
}

/* Does somebody listen there? Not to be told from one whose queue is full, or who keeps us out: so those do. */
static bool is_answered(const struct local *local)
{
    const struct sockaddr_un address = address_of(local);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const bool is_refused = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 &&
                            (errno == ECONNREFUSED || errno == ENOENT);
    if (fd >= 0) {
        (void)close(fd);
    }
    return !is_refused;
}

/* The name is free, or was a dead agent's and is free now. */
static bool make_room(struct local *local)
{
    struct stat st;
    if (lstat(local->path, &st) != 0) {
        if (errno != ENOENT) {
            complain(local, "the folder cannot be looked into", errno);
        }
        return errno == ENOENT;
    }
    if (!S_ISSOCK(st.st_mode)) {
        complain(local, "what lies there is no socket: look who made it, then remove it", 0);
        return false;
    }
    if (is_answered(local)) {
        complain(local, "somebody listens there already: look who it is, then end it", 0);
        return false;
    }
    if (unlink(local->path) != 0 && errno != ENOENT) {
        complain(local, "a dead agent's socket cannot be removed", errno);
        return false;
    }
    return true;
}

/* Remember which file it is; a umask that took the owner's own rights away is made good. */
static bool note_name(struct local *local)
{
    const mode_t mode = S_IRUSR | S_IWUSR;
    struct stat st;
    if (lstat(local->path, &st) != 0 || !S_ISSOCK(st.st_mode)) {
        return false;
    }
    local->dev = st.st_dev;
    local->ino = st.st_ino;
    return (st.st_mode & mode) == mode || chmod(local->path, mode) == 0;
}

/* A listening socket of mode 0600; -1 after the log said why not. */
static int listen_there(struct local *local)
{
    const struct sockaddr_un address = address_of(local);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || fchmod(fd, S_IRUSR | S_IWUSR) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 || !note_name(local) ||
        listen(fd, 64) != 0) {
        complain(local, "it cannot be made", errno);
        if (fd >= 0) {
            (void)close(fd);
        }
        return -1;
    }
    return fd;
}

static bool is_ours(const struct local *local)
{
    struct stat st;
    return lstat(local->path, &st) == 0 && st.st_dev == local->dev && st.st_ino == local->ino;
}

static void serve(struct local *local)
{
    if (!local->has_path || !make_room(local)) {
        return;
    }
    const int fd = listen_there(local);
    if (fd < 0) {
        return;
    }
    local->settings.listening = fd;
    if (!http_open(&local->settings, &local->http)) {
        (void)unlink(local->path);
        local->http = NULL;
        return;
    }
    local->has_complained = false;
    log_event(LOG_INFO, log_what("listening for orders"), log_text("path", local->path));
}

/* Orders are refused from now on: else its thread could wait for this one. */
static void end(struct local *local)
{
    control_refuse(local->control, true);
    http_close(local->http);
    local->http = NULL;
}

bool local_open(const struct http_settings *settings, struct control *control, struct local **out_local)
{
    struct local *local = calloc(1, sizeof *local);
    if (!local) {
        log_event(LOG_ERROR, log_what("cannot take orders"), log_text("error", strerror(ENOMEM)));
        return false;
    }
    local->settings = *settings;
    local->settings.is_local = true;
    local->control = control;
    local->has_path = sr_stores_socket(settings->store, local->path);
    if (!local->has_path) {
        complain(local, "a socket's path has at most 107 bytes: take a shorter --shm-dir or store name", 0);
    }
    serve(local);
    *out_local = local;
    return true;
}

const char *local_path(const struct local *local)
{
    return local->path;
}

bool local_is_open(const struct local *local)
{
    return local->http != NULL;
}

void local_sweep(struct local *local, uint64_t now_ns)
{
    if (local->http && !is_ours(local)) {
        log_event(LOG_WARNING, log_what("the local socket was removed: making it again"),
                  log_text("path", local->path));
        end(local);
        control_refuse(local->control, false);
    }
    if (!local->http) {
        serve(local);
    }
    if (local->http) {
        http_sweep(local->http, now_ns);
    }
}

void local_close(struct local *local)
{
    if (!local) {
        return;
    }
    if (local->http && is_ours(local)) {
        (void)unlink(local->path);
    }
    end(local);
    free(local);
}
