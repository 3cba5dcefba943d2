/* SPDX-License-Identifier: Apache-2.0 */
/* slipringd: constructs the agent's parts in order, runs the loop, takes them down again. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <slipring/version.h>

#include "agent/books/binding.h"
#include "agent/books/books.h"
#include "agent/books/footprint.h"
#include "agent/checkpoint/checkpoint.h"
#include "agent/config/config.h"
#include "agent/config/network.h"
#include "agent/control/control.h"
#include "agent/control/executor.h"
#include "agent/control/reload.h"
#include "agent/exposition/families.h"
#include "agent/http/doors.h"
#include "agent/http/local.h"
#include "agent/http/orders.h"
#include "log.h"
#include "loop.h"
#include "peer/clock.h"
#include "peer/guard.h"
#include "pure/duration.h"

enum { EXIT_USAGE = 2 };

/* What the agent was started with. */
struct start {
    int count;
    char **arguments;
    struct config *config; /* what they and the configuration file say */
};

struct parts {
    struct agent_store *store;
    struct books *books;
    struct checkpoint *checkpoint;
    struct drain *drain;
    struct calibration calibration;
    struct reaper *reaper;
    struct retirer *retirer;
    struct publisher *publisher;
    struct mover *mover;
    struct sr_stats *stats;
    struct exposure_board exposure;
    struct doors *doors;
    struct gate *gate;
    struct notify notify;
    int signals;
    struct control *control;
    struct executor executor;
    struct reload *reload;
    struct orders orders;
    struct local *local;
};

/* stdout has it all, or the exit status says that it has not. */
static int print(struct buffer *text)
{
    bool whole =
        !text->failed && fwrite(text->text, 1, text->used, stdout) == text->used && fflush(stdout) == 0;
    buffer_free(text);
    return whole ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Of any task but OPTIONS_RUN. */
static int print_task(enum options_task task, const struct config *config)
{
    struct buffer text = {0};
    if (task == OPTIONS_HELP) {
        options_help(&text);
    } else if (task == OPTIONS_LIST_FAMILIES) {
        families_list(&text);
    } else if (task == OPTIONS_LIST_KEYS) {
        config_list_keys(&text);
    } else if (task == OPTIONS_PRINT_CONFIG) {
        config_print(config, &text);
    } else if (task == OPTIONS_CHECK_CONFIG) {
        buffer_format(&text, "%s: fine\n", config_options(config)->config);
    } else {
        buffer_add_text(&text, "slipringd " SLIPRING_VERSION "\n");
    }
    return print(&text);
}

/* The signals that end the agent, or make it reload, come by a descriptor; no other thread gets them, for they inherit the mask. */
static int open_signals(void)
{
    sigset_t ending;
    (void)sigemptyset(&ending);
    (void)sigaddset(&ending, SIGTERM);
    (void)sigaddset(&ending, SIGINT);
    (void)sigaddset(&ending, SIGHUP);
    /* A log in a file that may not grow (ulimit -f) is no reason to stop: the line is dropped, as log.h says. */
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || signal(SIGXFSZ, SIG_IGN) == SIG_ERR ||
        sigprocmask(SIG_BLOCK, &ending, NULL) != 0) {
        return -1;
    }
    return signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* From now on they end the process at once; but for SIGHUP, which asks for nothing that is to be had. */
static void unblock_signals(void)
{
    sigset_t all;
    (void)signal(SIGHUP, SIG_IGN);
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_UNBLOCK, &all, NULL);
}

static void note_scrape(void *context, uint64_t took_ns)
{
    publisher_note_scrape(context, took_ns);
}

static bool check(enum slipring_status status, const char *what)
{
    if (status != SLIPRING_OK) {
        log_event(LOG_ERROR, log_what(what), log_text("status", slipring_status_name(status)),
                  log_text("why", slipring_status_text(status)));
    }
    return status == SLIPRING_OK;
}

/* The local socket and what is behind it. The other listener says where it is. */
static bool open_orders(struct parts *parts, const struct start *start, struct http_settings *settings)
{
    if (!control_open(&parts->control) || !doors_make(parts->control, &parts->doors)) {
        return false;
    }
    const struct reload_settings reload = {
        .count = start->count,
        .arguments = start->arguments,
        .config = start->config,
        .store = parts->store,
        .books = parts->books,
        .executor = &parts->executor,
        .control = parts->control,
        .exposure = &parts->exposure,
        .doors = {.prepare = doors_prepare, .take = doors_take, .drop = doors_drop, .context = parts->doors}};
    if (!reload_open(&reload, &parts->reload)) {
        return false;
    }
    parts->executor = (struct executor){
        .books = parts->books, .drain = parts->drain, .publisher = parts->publisher, .reload = parts->reload};
    parts->orders =
        (struct orders){.control = parts->control, .reload = reload_ask, .context = parts->reload};
    settings->orders = &parts->orders;
    if (!local_open(settings, parts->control, &parts->local)) {
        return false;
    }
    settings->local = parts->local;
    return true;
}

static void hang_up(void *context)
{
    const struct executor *executor = context;
    reload_hang_up(executor->reload);
}

static bool open_parts(struct parts *parts, const struct start *start)
{
    const struct options *options = config_options(start->config);
    uint64_t now_ns = sr_clock_ns();
    if (!check(agent_store_open(&options->agent, now_ns, sr_clock_wall_ns(), &parts->store),
               "cannot open the store") ||
        !check(books_open(parts->store, &parts->books), "cannot take up the books")) {
        return false;
    }
    books_set_time(parts->books, sr_clock_wall_ns());
    if (!check(checkpoint_open(options, parts->store, parts->books, now_ns, sr_clock_wall_ns(),
                               &parts->checkpoint),
               "cannot keep books on disk")) {
        return false;
    }
    if (!check(drain_open(parts->store, parts->books, now_ns, &parts->drain), "cannot drain") ||
        !check(reaper_open(parts->store, parts->books, parts->drain, now_ns, &parts->reaper),
               "cannot reap") ||
        !check(retirer_open(parts->books, parts->drain, now_ns, &parts->retirer),
               "cannot give memory back")) {
        return false;
    }
    /* Before anything is judged and shown: windows end now, and what waited belongs to them. */
    drain_all(parts->drain, sr_clock_ns());
    binding_take_up_unregistered(parts->books, sr_clock_ns());
    if (!check(publisher_open(parts->store, parts->books, parts->drain, now_ns, &parts->publisher),
               "cannot publish") ||
        !check(mover_open(parts->store, parts->books, parts->drain, &parts->mover), "cannot move")) {
        return false;
    }
    publisher_show_checkpoint(parts->publisher, parts->checkpoint);
    calibration_open(&parts->calibration, agent_store_rings(parts->store), !options->reads_clock);
    parts->stats =
        sr_stats_of_mapping(agent_store_stats_base(parts->store), agent_store_stats_path(parts->store));
    if (parts->stats == NULL) {
        return check(SLIPRING_NO_MEMORY, "cannot read what is published");
    }
    if (!exposure_publish(&parts->exposure, options)) {
        return check(SLIPRING_NO_MEMORY, "cannot publish the configuration");
    }
    if (!gate_open(&parts->gate)) {
        return false;
    }
    struct http_settings settings = {.listen = options->listen,
                                     .stats = parts->stats,
                                     .store = agent_store_name(parts->store),
                                     .exposure = &parts->exposure,
                                     .note_scrape = note_scrape,
                                     .context = parts->publisher};
    settings.gate = parts->gate;
    return open_orders(parts, start, &settings) && doors_open(parts->doors, &settings, options);
}

/* In reverse. What was never opened is NULL, and ignored. */
static void close_parts(struct parts *parts)
{
    if (parts->control != NULL) {
        control_refuse(parts->control, true); /* else a thread of HTTP could wait for this one */
    }
    doors_close(parts->doors); /* it tells of the local socket's path */
    local_close(parts->local);
    gate_close(parts->gate);
    exposure_close(&parts->exposure);
    sr_stats_close(parts->stats);
    mover_close(parts->mover);
    publisher_close(parts->publisher);
    retirer_close(parts->retirer);
    reaper_close(parts->reaper);
    drain_close(parts->drain);
    checkpoint_close(parts->checkpoint);
    books_close(parts->books);
    agent_store_close(parts->store);
    reload_close(parts->reload);
    doors_free(parts->doors); /* who read a configuration may have asked them until now */
    control_close(parts->control);
}

/* What the windows are, and what a primitive costs with them. */
static void announce_memory(const struct agent_options *options)
{
    char windows[SLIPRING_WINDOW_COUNT * SR_DURATION_LABEL_BYTES] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < options->window_count; i++) {
        if (i > 0) {
            windows[used++] = ',';
        }
        used += sr_duration_label(options->window_ns[i], windows + used);
    }
    log_event(LOG_INFO, log_what("memory of the stats segment, at most"), log_text("windows", windows),
              log_number("schema", options->schema),
              log_number("primitive_bytes", footprint_primitive_bytes(options->schema)),
              log_number("objective_bytes", FOOTPRINT_OBJECTIVE_BYTES),
              log_number("primitives", options->primitive_limit));
}

static void announce(struct parts *parts, const struct options *options)
{
    char address[ADDRESS_TEXT_BYTES], status[256];
    const char *store = agent_store_name(parts->store);
    doors_address(parts->doors, address);
    agent_store_listens(parts->store, address);
    log_event(LOG_INFO, log_what("listening"), log_text("store", store), log_text("address", address),
              log_number("pid", (uint64_t)getpid()), log_text("version", SLIPRING_VERSION));
    announce_memory(agent_store_options(parts->store));
    network_warn(options, options, address);
    (void)snprintf(status, sizeof status, "READY=1\nSTATUS=Serving store %s on %s", store, address);
    notify_send(&parts->notify, status);
}

/* What is in the rings now is booked and shown, whatever comes after. */
static void settle(const struct parts *parts)
{
    drain_all(parts->drain, sr_clock_ns());
    publisher_run(parts->publisher, sr_clock_ns());
}

/* Answers under way may go out; what is recorded meanwhile is booked as ever. */
static void finish_answers(const struct parts *parts)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    const uint64_t begun_ns = sr_clock_ns();
    control_refuse(parts->control, true); /* else a thread of HTTP could wait for this one */
    doors_stop(parts->doors);
    local_stop(parts->local);
    while (doors_answers(parts->doors) + local_answers(parts->local) > 0 &&
           sr_clock_ns() - begun_ns < HTTP_STOP_NS && drain_tick(parts->drain, sr_clock_ns()) != DRAIN_OVER) {
        (void)nanosleep(&pause, NULL);
    }
}

static int serve(const struct start *start)
{
    const struct options *options = config_options(start->config);
    struct parts parts = {.signals = open_signals()};
    if (parts.signals < 0) {
        log_event(LOG_ERROR, log_what("cannot take over signals"), log_text("error", strerror(errno)));
        return EXIT_FAILURE;
    }
    /* The default slack of 50 us would be half of the shortest wait. */
    (void)prctl(PR_SET_TIMERSLACK, 1000ul);
    notify_open(&parts.notify);
    if (!open_parts(&parts, start)) {
        close_parts(&parts);
        return EXIT_FAILURE;
    }
    settle(&parts);
    announce(&parts, options);
    const struct loop loop = {.drain = parts.drain,
                              .calibration = &parts.calibration,
                              .reaper = parts.reaper,
                              .retirer = parts.retirer,
                              .publisher = parts.publisher,
                              .mover = parts.mover,
                              .checkpoint = parts.checkpoint,
                              .doors = parts.doors,
                              .local = parts.local,
                              .control = parts.control,
                              .execute = executor_run,
                              .hang_up = hang_up,
                              .context = &parts.executor,
                              .notify = &parts.notify,
                              .signals = parts.signals};
    int signal = loop_run(&loop);
    unblock_signals();
    log_event(LOG_INFO, log_what("stopping"), log_text("signal", signal == 0 ? "none" : strsignal(signal)));
    notify_send(&parts.notify, "STOPPING=1");
    finish_answers(&parts);
    settle(&parts);
    checkpoint_finish(parts.checkpoint, sr_clock_ns(), sr_clock_wall_ns());
    close_parts(&parts);
    log_event(LOG_INFO, log_what("stopped"));
    return signal == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The exit status of a command line or a file that is no good. */
static int refuse(enum options_task task, struct buffer *message)
{
    const bool is_usage = task == OPTIONS_BAD;
    (void)fprintf(stderr, "%s%.*s%s", is_usage ? "slipringd: " : "", (int)message->used,
                  message->text == NULL ? "" : message->text, is_usage ? "\n" : "");
    buffer_free(message);
    return is_usage ? EXIT_USAGE : EXIT_FAILURE;
}

static int run(const struct start *start)
{
    const struct options *options = config_options(start->config);
    log_set_level(options->log_level);
    if (options->shm_dir != NULL && setenv("SLIPRING_SHM_DIR", options->shm_dir, 1) != 0) {
        log_event(LOG_ERROR, log_what("cannot set SLIPRING_SHM_DIR"), log_text("error", strerror(errno)));
        return EXIT_FAILURE;
    }
    if (sr_guard_install() != SLIPRING_OK) {
        log_event(LOG_ERROR, log_what("cannot guard against truncated segments"),
                  log_text("error", strerror(errno)));
        return EXIT_FAILURE;
    }
    return serve(start);
}

int main(int count, char **arguments)
{
    struct start start = {.count = count, .arguments = arguments};
    struct buffer message = {0};
    const enum options_task task = config_open(count, arguments, &start.config, &message);
    if (task == OPTIONS_BAD || task == OPTIONS_BAD_FILE) {
        return refuse(task, &message);
    }
    const int status = task == OPTIONS_RUN ? run(&start) : print_task(task, start.config);
    config_close(start.config);
    return status;
}
