/* SPDX-License-Identifier: Apache-2.0 */
/* The local socket: see local.h. */
#include "local.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/config/unix_name.h"
#include "agent/log.h"
#include "peer/stores.h"

_Static_assert(SR_STORES_SOCKET_MAX == UNIX_NAME_PATH_MAX, "the same");

struct local {
    struct http_settings settings;
    struct control *control;
    struct http *http;    /* NULL: there is no socket now */
    _Atomic bool is_open; /* the same for other threads */
    bool has_path;        /* it is not too long */
    bool has_complained;  /* of what it is now */
    struct unix_name name;
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

/* relaxed, here and where it is read: it orders nothing, the path is always there. */
static void set_open(struct local *local, bool is_open)
{
    atomic_store_explicit(&local->is_open, is_open, memory_order_relaxed);
}

static void serve(struct local *local)
{
    struct unix_name_fault fault;
    if (!local->has_path) {
        return;
    }
    const int fd = unix_name_listen(&local->name, 0, &fault); /* the store is this agent's alone */
    if (fd < 0) {
        complain(local, fault.why, fault.error);
        return;
    }
    local->settings.listening = fd;
    if (!http_open(&local->settings, &local->http)) {
        unix_name_remove(&local->name);
        local->http = NULL;
        return;
    }
    local->has_complained = false;
    set_open(local, true);
    log_event(LOG_INFO, log_what("listening for orders"), log_text("path", local->path));
}

/* Orders are refused from now on: else its thread could wait for this one. */
static void end(struct local *local)
{
    control_refuse(local->control, true);
    set_open(local, false);
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
    local->settings.kind = HTTP_LOCAL;
    local->name = (struct unix_name){.path = local->path, .mode = S_IRUSR | S_IWUSR, .group = (gid_t)-1};
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
    return local != NULL && atomic_load_explicit(&local->is_open, memory_order_relaxed) ? local->path : NULL;
}

void local_sweep(struct local *local, uint64_t now_ns)
{
    if (local->http && !unix_name_is_ours(&local->name)) {
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

void local_stop(struct local *local)
{
    if (local && local->http) {
        set_open(local, false);
        http_stop(local->http);
        unix_name_remove(&local->name);
    }
}

unsigned local_answers(const struct local *local)
{
    return local ? http_answers(local->http) : 0;
}

void local_close(struct local *local)
{
    if (!local) {
        return;
    }
    if (local->http) {
        unix_name_remove(&local->name);
    }
    end(local);
    free(local);
}
