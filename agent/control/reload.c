/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration read again: see reload.h. */
#include "reload.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "agent/books/refit.h"
#include "agent/config/network.h"
#include "agent/log.h"
#include "executor.h"
#include "peer/clock.h"

struct reload {
    struct reload_settings settings;
    /* Of the drain thread: */
    struct config *running;
    /* Of those that read: one at a time. */
    pthread_mutex_t reading;
    /* Of the thread that waits for SIGHUP: */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t called;
    bool is_wanted;
    bool is_over;
};

/* --- reading -------------------------------------------------------------------------------------------------------------- */

/* Each line that says what is wrong: not the ones of the file that are shown below it. */
static void log_errors(const struct buffer *message)
{
    const char *line = message->text;
    const char *end = message->text + message->used;
    while (line < end) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        stop = stop == NULL ? end : stop;
        if (stop > line && *line != ' ') {
            char text[LOG_LINE_BYTES];
            const size_t bytes =
                (size_t)(stop - line) < sizeof text ? (size_t)(stop - line) : sizeof text - 1;
            memcpy(text, line, bytes);
            text[bytes] = '\0';
            log_event(LOG_ERROR, log_what("configuration refused, the one before is in force"),
                      log_text("why", text));
        }
        line = stop + 1;
    }
}

/* It could not be read: the drain thread has the figures that say so. */
static unsigned refuse(struct reload *reload, struct control_order *order, struct buffer *message,
                       struct buffer *answer)
{
    struct buffer nothing = {0};
    log_errors(message);
    order->draft = NULL;
    (void)control_ask(reload->settings.control, order, &nothing);
    buffer_free(&nothing);
    buffer_add_text(answer, "configuration refused, the one before is in force\n");
    buffer_add(answer, message->text, message->used);
    return 400;
}

/* What listens as it says, unless the doors are nobody's. */
static bool prepare_doors(struct reload *reload, struct reload_draft *draft, struct buffer *message)
{
    const struct reload_doors *doors = &reload->settings.doors;
    return doors->prepare == NULL ||
           doors->prepare(doors->context, config_options(draft->config), &draft->doors, message);
}

static void drop_doors(struct reload *reload, struct reload_draft *draft)
{
    const struct reload_doors *doors = &reload->settings.doors;
    if (draft->doors != NULL) {
        doors->drop(doors->context, draft->doors);
    }
    draft->doors = NULL;
}

static void drop(struct reload *reload, struct reload_draft *draft)
{
    if (draft != NULL) {
        drop_doors(reload, draft);
        config_close(draft->config);
        free(draft);
    }
}

/* NULL: the message says why. */
static struct reload_draft *read_draft(struct reload *reload, struct buffer *message)
{
    struct reload_draft *draft = calloc(1, sizeof *draft);
    if (draft == NULL) {
        buffer_add_text(message, "no memory for the configuration");
        return NULL;
    }
    const enum options_task task =
        config_open(reload->settings.count, reload->settings.arguments, &draft->config, message);
    if (task != OPTIONS_RUN || !prepare_doors(reload, draft, message)) {
        drop(reload, draft);
        return NULL;
    }
    return draft;
}

static unsigned read_and_ask(struct reload *reload, struct control_order *order, struct buffer *answer)
{
    struct buffer message = {0};
    unsigned status = 0;
    order->draft = read_draft(reload, &message);
    if (order->draft == NULL) {
        status = refuse(reload, order, &message, answer);
    } else {
        status = control_ask(reload->settings.control, order, answer);
        drop(reload, order->draft); /* NULL once it was taken */
    }
    buffer_free(&message);
    return status;
}

unsigned reload_ask(void *context, const struct control_order *by, struct buffer *answer)
{
    struct reload *reload = context;
    struct control_order order = *by;
    order.what = CONTROL_RELOAD;
    (void)pthread_mutex_lock(&reload->reading);
    const unsigned status = read_and_ask(reload, &order, answer);
    (void)pthread_mutex_unlock(&reload->reading);
    return status;
}

/* --- at SIGHUP ------------------------------------------------------------------------------------------------------------ */

/* False: it is over. */
static bool await_call(struct reload *reload)
{
    (void)pthread_mutex_lock(&reload->lock);
    while (!reload->is_wanted && !reload->is_over) {
        (void)pthread_cond_wait(&reload->called, &reload->lock);
    }
    const bool is_over = reload->is_over;
    reload->is_wanted = false;
    (void)pthread_mutex_unlock(&reload->lock);
    return !is_over;
}

static void *heed_signals(void *context)
{
    struct reload *reload = context;
    while (await_call(reload)) {
        struct buffer answer = {0};
        const struct control_order by = {.signal = "SIGHUP"};
        const unsigned status = reload_ask(reload, &by, &answer);
        if (status != 200 && status != 400 && status != 500) { /* those are logged where they were found */
            buffer_add(&answer, "", 1);
            log_event(LOG_ERROR, log_what("the configuration was not read again"),
                      log_text("why", answer.failed ? "out of memory" : answer.text));
        }
        buffer_free(&answer);
    }
    return NULL;
}

static void call(struct reload *reload, bool is_over)
{
    (void)pthread_mutex_lock(&reload->lock);
    reload->is_wanted = true;
    reload->is_over = is_over;
    (void)pthread_cond_signal(&reload->called);
    (void)pthread_mutex_unlock(&reload->lock);
}

void reload_hang_up(struct reload *reload)
{
    call(reload, false);
}

/* --- in force ------------------------------------------------------------------------------------------------------------- */

static void breathe(void *context)
{
    struct executor *executor = context;
    (void)drain_tick(executor->drain, sr_clock_ns()); /* should it be over, the loop will hear of it */
}

/* Everything that the drain thread reads of it, or derived from it. */
static void take_up(struct reload *reload, const struct options *options)
{
    struct executor *executor = reload->settings.executor;
    drain_all(executor->drain, sr_clock_ns()); /* what waits belongs to windows as they were */
    log_set_level(options->log_level);
    refit_books(reload->settings.store, reload->settings.books, &options->agent, sr_clock_ns(), breathe,
                executor);
}

static unsigned put_in_force(struct reload *reload, struct config *config, struct exposure *exposure,
                             struct buffer *answer)
{
    struct config *former = reload->running;
    struct buffer names = {0};
    take_up(reload, config_options(config));
    exposure_put(reload->settings.exposure, exposure);
    reload->running = config;
    if (former != reload->settings.config) {
        config_close(former);
    }
    config_needs_start(reload->settings.config, config, &names);
    buffer_add_text(answer, "reloaded");
    if (names.used > 0) {
        buffer_add_text(answer, "\nneeds a start to change: ");
        buffer_add(answer, names.text, names.used);
        buffer_add(&names, "", 1);
        log_event(LOG_WARNING, log_what("these need a start to change, and are as they were"),
                  log_text("values", names.failed ? "?" : names.text));
    }
    buffer_free(&names);
    network_warn(config_options(reload->settings.config), config_options(config), NULL);
    return 200;
}

/* Before anything is changed. Who was taken off the users would get in for ever, if the rest were in force without this. */
static unsigned refuse_without_memory(struct reload *reload, struct reload_draft *draft,
                                      struct exposure *exposure, struct buffer *answer)
{
    log_event(LOG_ERROR, log_what("no memory for the configuration, the one before is in force"));
    buffer_add_text(answer, "no memory for the configuration, the one before is in force");
    free(exposure);
    drop(reload, draft);
    return 500;
}

/* The last that may fail. */
static bool take_doors(struct reload *reload, struct reload_draft *draft)
{
    const struct reload_doors *doors = &reload->settings.doors;
    struct doors_draft *taken = draft->doors;
    draft->doors = NULL;
    return taken == NULL || doors->take(doors->context, taken);
}

unsigned reload_apply(struct reload *reload, const struct control_order *order, struct buffer *answer)
{
    struct publisher *publisher = reload->settings.executor->publisher;
    const uint64_t wall_ns = sr_clock_wall_ns();
    struct reload_draft *draft = order->draft;
    struct exposure *exposure = draft == NULL ? NULL : exposure_make(config_options(draft->config));
    const bool good = exposure != NULL && take_doors(reload, draft);
    publisher_note_reload(publisher, good, wall_ns);
    if (draft == NULL) {
        return 400;
    }
    if (!good) {
        return refuse_without_memory(reload, draft, exposure, answer);
    }
    const uint64_t begun_ns = sr_clock_ns();
    const unsigned status = put_in_force(reload, draft->config, exposure, answer);
    free(draft);
    executor_publish(reload->settings.executor);
    log_event(LOG_INFO, log_what("configuration in force"), control_log_who(order),
              log_number("took_us", (sr_clock_ns() - begun_ns) / 1000), control_log_process(order));
    return status;
}

/* --- life ----------------------------------------------------------------------------------------------------------------- */

bool reload_open(const struct reload_settings *settings, struct reload **out_reload)
{
    struct reload *reload = calloc(1, sizeof *reload);
    int error = ENOMEM;
    if (reload) {
        reload->settings = *settings;
        reload->running = settings->config;
        (void)pthread_mutex_init(&reload->reading, NULL);
        (void)pthread_mutex_init(&reload->lock, NULL);
        (void)pthread_cond_init(&reload->called, NULL);
        error = pthread_create(&reload->thread, NULL, heed_signals, reload);
    }
    if (error != 0) {
        log_event(LOG_ERROR, log_what("cannot reload"), log_text("error", strerror(error)));
        free(reload);
        return false;
    }
    *out_reload = reload;
    return true;
}

void reload_close(struct reload *reload)
{
    if (!reload) {
        return;
    }
    call(reload, true);
    (void)pthread_join(reload->thread, NULL);
    if (reload->running != reload->settings.config) {
        config_close(reload->running);
    }
    (void)pthread_cond_destroy(&reload->called);
    (void)pthread_mutex_destroy(&reload->lock);
    (void)pthread_mutex_destroy(&reload->reading);
    free(reload);
}
