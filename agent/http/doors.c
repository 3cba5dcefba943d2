/* SPDX-License-Identifier: Apache-2.0 */
/* TCP and http.unix, and another certificate or socket at a reload. See doors.h. */
#include "doors.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/config/unix_name.h"
#include "agent/log.h"
#include "peer/clock.h"
#include "tls.h"

/* A unix socket. */
struct outlet {
    struct http *http;     /* NULL: not served yet */
    int listening;         /* until it is */
    uint64_t leaving_ns;   /* since when it is on the way out */
    struct outlet *next;   /* of those */
    struct unix_name name; /* its path is this: */
    char path[UNIX_NAME_PATH_MAX + 1];
};

struct doors_draft {
    uint64_t generation;   /* of the doors that it belongs to */
    struct tls_pair *pair; /* NULL: as it is */
    bool keeps_outlet;     /* the socket stays, perhaps with another mode and group than: */
    mode_t former_mode;
    gid_t former_group;
    struct outlet *outlet; /* else the new one; NULL: none */
};

struct doors {
    struct http_settings settings;
    struct control *control;
    struct http *http;
    /* Guards what follows, which who prepares looks at; never held while a file is read. */
    pthread_mutex_t lock;
    bool is_open;
    bool is_tls;           /* does not change any more once it is open */
    uint64_t generation;   /* one more with each draft that is taken */
    struct outlet *outlet; /* NULL: there is no http.unix */
    /* Of the drain thread: */
    struct outlet *leaving;
};

/* --- what is to be --------------------------------------------------------------------------------------------------------- */

static void free_outlet(struct outlet *outlet)
{
    if (outlet != NULL && outlet->listening >= 0) {
        unix_name_remove(&outlet->name);
        (void)close(outlet->listening);
    }
    free(outlet);
}

static void tell_fault(struct buffer *message, const char *path, const char *why, int error)
{
    buffer_format(message, "cannot listen: %s: %s (%s)\n", path, why, error == 0 ? "none" : strerror(error));
}

/* NULL: the message says why. */
static struct outlet *make_outlet(const struct options *options, struct buffer *message)
{
    struct unix_name_fault fault;
    struct outlet *outlet = calloc(1, sizeof *outlet);
    if (outlet == NULL) {
        tell_fault(message, options->http_unix, "there is no memory for it", ENOMEM);
        return NULL;
    }
    /* Longer ones are refused where the file is read. */
    memcpy(outlet->path, options->http_unix, strnlen(options->http_unix, UNIX_NAME_PATH_MAX));
    outlet->name = (struct unix_name){
        .path = outlet->path, .mode = options->http_unix_mode, .group = options->http_unix_group};
    outlet->listening = unix_name_listen(&outlet->name, UNIX_NAME_PATIENCE_MS, &fault);
    if (outlet->listening < 0) {
        tell_fault(message, outlet->path, fault.why, fault.error);
        free(outlet);
        return NULL;
    }
    return outlet;
}

/* The socket that is there is the one that is wanted, but for its mode and group. */
static bool keep_outlet(struct outlet *outlet, const struct options *options, struct doors_draft *draft,
                        struct buffer *message)
{
    struct unix_name_fault fault;
    draft->keeps_outlet = true;
    draft->former_mode = outlet->name.mode;
    draft->former_group = outlet->name.group;
    if ((outlet->name.mode != options->http_unix_mode || outlet->name.group != options->http_unix_group) &&
        !unix_name_change(&outlet->name, options->http_unix_mode, options->http_unix_group, &fault)) {
        tell_fault(message, outlet->path, fault.why, fault.error);
        return false;
    }
    return true;
}

/* Does the socket stay? Then its mode and group are as they are to be, or *out_good is false. */
static bool stays(struct doors *doors, const struct options *options, struct doors_draft *draft,
                  struct buffer *message, bool *out_good)
{
    (void)pthread_mutex_lock(&doors->lock);
    struct outlet *outlet = doors->outlet;
    const bool is_same = outlet != NULL && strcmp(outlet->path, options->http_unix) == 0 &&
                         draft->generation == doors->generation && unix_name_is_ours(&outlet->name);
    *out_good = !is_same || keep_outlet(outlet, options, draft, message);
    (void)pthread_mutex_unlock(&doors->lock);
    return is_same;
}

static bool prepare_outlet(struct doors *doors, const struct options *options, struct doors_draft *draft,
                           struct buffer *message)
{
    bool good = true;
    if (options->http_unix != NULL && !stays(doors, options, draft, message, &good)) {
        draft->outlet = make_outlet(options, message);
        good = draft->outlet != NULL;
    }
    return good;
}

static bool prepare_pair(const struct options *options, struct doors_draft *draft, struct buffer *message)
{
    struct tls_fault fault;
    if (options->http_tls_certificate == NULL) {
        return true;
    }
    draft->pair = tls_read(options->http_tls_certificate, options->http_tls_key, &fault);
    if (draft->pair == NULL) {
        buffer_format(message, "cannot serve TLS: %s: %s (%s)\n", fault.file, fault.why, fault.error);
    }
    return draft->pair != NULL;
}

/* The lock is held. */
static void drop(struct doors *doors, struct doors_draft *draft)
{
    struct unix_name_fault fault;
    struct outlet *outlet = doors->outlet;
    if (draft->keeps_outlet && outlet != NULL && draft->generation == doors->generation &&
        (outlet->name.mode != draft->former_mode || outlet->name.group != draft->former_group) &&
        !unix_name_change(&outlet->name, draft->former_mode, draft->former_group, &fault)) {
        log_event(LOG_ERROR, log_what("http.unix has not its former mode and group"),
                  log_text("path", outlet->path), log_text("why", fault.why));
    }
    free_outlet(draft->outlet);
    tls_free(draft->pair);
    free(draft);
}

/* Which doors is it for? False: none, yet. */
static bool look(struct doors *doors, struct doors_draft *draft)
{
    (void)pthread_mutex_lock(&doors->lock);
    const bool is_open = doors->is_open;
    draft->generation = doors->generation;
    (void)pthread_mutex_unlock(&doors->lock);
    return is_open;
}

bool doors_prepare(void *context, const struct options *options, struct doors_draft **out_draft,
                   struct buffer *message)
{
    struct doors *doors = context;
    struct doors_draft *draft = calloc(1, sizeof *draft);
    if (draft == NULL || !look(doors, draft)) {
        buffer_add_text(message, draft == NULL
                                     ? "no memory for what is to listen\n"
                                     : "the agent is starting, or stopping: ask again in a moment\n");
        free(draft);
        return false;
    }
    const bool has_pair = !doors->is_tls || prepare_pair(options, draft, message);
    /* Last, and only when the rest is good: it may change the socket that is in force. */
    if (!has_pair || !prepare_outlet(doors, options, draft, message)) {
        doors_drop(doors, draft);
        return false;
    }
    *out_draft = draft;
    return true;
}

void doors_drop(void *context, struct doors_draft *draft)
{
    struct doors *doors = context;
    (void)pthread_mutex_lock(&doors->lock);
    drop(doors, draft);
    (void)pthread_mutex_unlock(&doors->lock);
}

/* --- in force -------------------------------------------------------------------------------------------------------------- */

/* http_open() closes the descriptor, whatever comes of it. */
static bool serve(struct doors *doors, struct outlet *outlet)
{
    doors->settings.kind = HTTP_UNIX;
    doors->settings.name = outlet->name;
    doors->settings.listening = outlet->listening;
    outlet->listening = -1;
    if (!http_open(&doors->settings, &outlet->http)) {
        unix_name_remove(&outlet->name);
        return false;
    }
    log_event(LOG_INFO, log_what("listening"), log_text("path", outlet->path));
    return true;
}

static void see_off(struct doors *doors, struct outlet *outlet)
{
    if (outlet != NULL) {
        log_event(LOG_INFO, log_what("listening no more"), log_text("path", outlet->path));
        http_stop(outlet->http);
        outlet->leaving_ns = sr_clock_ns();
        outlet->next = doors->leaving;
        doors->leaving = outlet;
    }
}

/* The lock is held. */
static bool take(struct doors *doors, struct doors_draft *draft)
{
    if (draft->generation != doors->generation) {
        log_event(LOG_ERROR, log_what("what listens has changed since the configuration was read"));
        return false;
    }
    if (draft->outlet != NULL && !serve(doors, draft->outlet)) {
        return false;
    }
    if (draft->pair != NULL) {
        tls_put(draft->pair);
        draft->pair = NULL;
    }
    if (!draft->keeps_outlet) {
        see_off(doors, doors->outlet);
        doors->outlet = draft->outlet;
    }
    draft->outlet = NULL;
    draft->keeps_outlet = false;
    doors->generation++;
    return true;
}

bool doors_take(void *context, struct doors_draft *draft)
{
    struct doors *doors = context;
    (void)pthread_mutex_lock(&doors->lock);
    const bool good = take(doors, draft);
    drop(doors, draft);
    (void)pthread_mutex_unlock(&doors->lock);
    return good;
}

void doors_sweep(struct doors *doors, uint64_t now_ns)
{
    http_sweep(doors->http, now_ns);
    if (doors->outlet != NULL) {
        http_sweep(doors->outlet->http, now_ns);
    }
    for (struct outlet **at = &doors->leaving; *at != NULL;) {
        struct outlet *outlet = *at;
        http_sweep(outlet->http, now_ns);
        const bool is_late = now_ns > outlet->leaving_ns && now_ns - outlet->leaving_ns > HTTP_STOP_NS;
        if (http_answers(outlet->http) > 0 && !is_late) {
            at = &outlet->next;
            continue;
        }
        *at = outlet->next;
        control_refuse(doors->control, true); /* else its thread could wait for this one */
        http_close(outlet->http);
        control_refuse(doors->control, false);
        free(outlet);
    }
}

/* --- life ------------------------------------------------------------------------------------------------------------------ */

bool doors_make(struct control *control, struct doors **out_doors)
{
    struct doors *doors = calloc(1, sizeof *doors);
    if (doors == NULL) {
        log_event(LOG_ERROR, log_what("cannot serve HTTP"), log_text("error", strerror(ENOMEM)));
        return false;
    }
    doors->control = control;
    (void)pthread_mutex_init(&doors->lock, NULL);
    *out_doors = doors;
    return true;
}

/* Each line of it. */
static void log_message(const struct buffer *message)
{
    const char *line = message->text;
    size_t left = message->used;
    while (left > 0) {
        const char *stop = memchr(line, '\n', left);
        const size_t bytes = stop == NULL ? left : (size_t)(stop - line);
        char text[LOG_LINE_BYTES];
        const size_t kept = bytes < sizeof text ? bytes : sizeof text - 1;
        memcpy(text, line, kept);
        text[kept] = '\0';
        log_event(LOG_ERROR, log_what("cannot start"), log_text("why", text));
        left -= stop == NULL ? bytes : bytes + 1;
        line += bytes + 1;
    }
}

bool doors_open(struct doors *doors, const struct http_settings *settings, const struct options *options)
{
    struct buffer message = {0};
    struct doors_draft *draft = NULL;
    doors->settings = *settings;
    doors->settings.kind = HTTP_TCP;
    doors->is_tls = doors->settings.is_tls = options->http_tls_certificate != NULL;
    (void)pthread_mutex_lock(&doors->lock);
    doors->is_open = true;
    (void)pthread_mutex_unlock(&doors->lock);
    const bool is_prepared = doors_prepare(doors, options, &draft, &message);
    log_message(&message);
    buffer_free(&message);
    if (!is_prepared) {
        return false;
    }
    if (!http_open(&doors->settings, &doors->http)) {
        doors_drop(doors, draft);
        return false;
    }
    return doors_take(doors, draft);
}

void doors_address(const struct doors *doors, char out_text[ADDRESS_TEXT_BYTES])
{
    http_address(doors->http, out_text);
}

void doors_stop(struct doors *doors)
{
    if (doors != NULL) {
        http_stop(doors->outlet == NULL ? NULL : doors->outlet->http);
        http_stop(doors->http);
    }
}

unsigned doors_answers(const struct doors *doors)
{
    if (doors == NULL) {
        return 0;
    }
    unsigned count =
        http_answers(doors->http) + http_answers(doors->outlet == NULL ? NULL : doors->outlet->http);
    for (const struct outlet *outlet = doors->leaving; outlet != NULL; outlet = outlet->next) {
        count += http_answers(outlet->http);
    }
    return count;
}

void doors_close(struct doors *doors)
{
    if (doors == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&doors->lock);
    struct outlet *outlet = doors->outlet;
    doors->outlet = NULL;
    doors->is_open = false;
    doors->generation++;
    (void)pthread_mutex_unlock(&doors->lock);
    if (outlet != NULL) {
        outlet->next = doors->leaving;
        doors->leaving = outlet;
    }
    while (doors->leaving != NULL) {
        outlet = doors->leaving;
        doors->leaving = outlet->next;
        http_close(outlet->http);
        free(outlet);
    }
    http_close(doors->http);
    doors->http = NULL;
    tls_put(NULL);
}

void doors_free(struct doors *doors)
{
    if (doors != NULL) {
        (void)pthread_mutex_destroy(&doors->lock);
        free(doors);
    }
}
