/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of slipringd. See options.h. */
#include "options.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "pure/duration.h"
#include "pure/fine.h"
#include "pure/name.h"
#include "pure/quantile.h"
#include "pure/window.h"

#define LISTEN_DEFAULT "127.0.0.1:9464"

enum option_id {
#define SLIPRINGD_OPTION(id, name, argument, help) OPTION_##id,
#include "options.def"
#undef SLIPRINGD_OPTION
    OPTION_COUNT,
};

static const struct {
    const char *name, *argument, *help;
} table[OPTION_COUNT] = {
#define SLIPRINGD_OPTION(id, name, argument, help) [OPTION_##id] = {(name), (argument), (help)},
#include "options.def"
#undef SLIPRINGD_OPTION
};

/* The option that `text` begins with, "--name" or "--name=value". OPTION_COUNT: none. *out_value is NULL without '='. */
static enum option_id find_option(const char *text, const char **out_value)
{
    *out_value = NULL;
    if (strcmp(text, "-h") == 0) {
        return OPTION_help;
    }
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        size_t length = strlen(table[id].name);
        if (strncmp(text, table[id].name, length) == 0 && (text[length] == '\0' || text[length] == '=')) {
            *out_value = text[length] == '=' ? text + length + 1 : NULL;
            return (enum option_id)id;
        }
    }
    return OPTION_COUNT;
}

/* 1 to max, in decimal digits. */
static bool parse_count(const char *text, uint32_t max, uint32_t *out_count)
{
    size_t length = strlen(text);
    if (length == 0 || length > 9 || strspn(text, "0123456789") != length) {
        return false;
    }
    unsigned long count = strtoul(text, NULL, 10);
    *out_count = (uint32_t)count;
    return count >= 1 && count <= max;
}

static bool parse_group(const char *text, gid_t *out_group, struct buffer *message)
{
    uint32_t number;
    errno = 0;
    const struct group *group = getgrnam(text);
    if (group != NULL) {
        *out_group = group->gr_gid;
    } else if (strcmp(text, "0") == 0) {
        *out_group = 0;
    } else if (parse_count(text, INT_MAX, &number)) {
        *out_group = number;
    } else {
        buffer_format(message, "--group: there is no group '%s' on this host", text);
        return false;
    }
    return true;
}

static bool parse_bounds(enum option_id id, const char *text, struct sr_bound_list *out_list,
                         struct buffer *message)
{
    size_t at = 0;
    enum sr_parse result = sr_bound_parse_list(text, out_list, &at);
    if (result == SR_PARSE_OK) {
        return true;
    }
    int length = (int)strcspn(text + at, ", ");
    buffer_format(message, "%s: '%.*s' is %s (1 to %d ascending decimal seconds, as in 0.1,0.5,1)",
                  table[id].name, length, text + at, sr_parse_text(result), SR_BOUND_LIST_MAX);
    return false;
}

/* The place of a name's bounds: what an earlier option said of it, or the next one. NULL: there is none left. */
static struct agent_le_of *find_le_of(struct agent_options *agent, const char *name, uint32_t bytes)
{
    for (uint32_t i = 0; i < agent->le_of_count; i++) {
        if (agent->le_of[i].name_bytes == bytes && memcmp(agent->le_of[i].name, name, bytes) == 0) {
            return &agent->le_of[i];
        }
    }
    return agent->le_of_count < AGENT_LE_OF_MAX ? &agent->le_of[agent->le_of_count++] : NULL;
}

/* NAME=SECONDS,...: a name may hold an equals sign, bounds don't. */
static bool parse_le_of(const char *text, struct agent_options *agent, struct buffer *message)
{
    const char *equals = strrchr(text, '=');
    if (equals == NULL) {
        buffer_format(message, "--le-of: '%s' has no bounds: say NAME=SECONDS,..., as in resize=0.01,0.1",
                      text);
        return false;
    }
    const size_t bytes = (size_t)(equals - text);
    const enum sr_name result = sr_name_check_bytes(text, bytes, SLIPRING_PRIMITIVE_NAME_MAX);
    if (result != SR_NAME_OK) {
        buffer_format(message, "--le-of: the name '%.*s' is %s", (int)bytes, text, sr_name_text(result));
        return false;
    }
    struct sr_bound_list list;
    if (!parse_bounds(OPTION_le_of, equals + 1, &list, message)) {
        return false;
    }
    struct agent_le_of *le_of = find_le_of(agent, text, (uint32_t)bytes);
    if (le_of == NULL) {
        buffer_format(message, "--le-of: '%.*s' is one name too many (at most %d)", (int)bytes, text,
                      AGENT_LE_OF_MAX);
        return false;
    }
    *le_of = (struct agent_le_of){.name = text, .name_bytes = (uint32_t)bytes, .le = list};
    return true;
}

/* How long the item of a list is that begins here. */
static size_t item_length(const char *at)
{
    return strcspn(at, ",");
}

/* Where the next item begins. NULL: that was the last one. */
static const char *next_item(const char *at)
{
    at += item_length(at);
    return *at == ',' ? at + 1 : NULL;
}

static enum sr_parse parse_window(const char *text, size_t length, uint64_t *out_ns)
{
    char item[SR_DURATION_LABEL_BYTES];
    if (length >= sizeof item) {
        return SR_PARSE_TOO_LARGE;
    }
    memcpy(item, text, length);
    item[length] = '\0';
    return sr_duration_parse(item, OPTIONS_WINDOW_MAX_NS, out_ns);
}

/* The minute takes its place in an ascending list, unless it is there. False: there is no room. */
static bool add_minute(struct agent_options *agent)
{
    uint32_t at = 0;
    while (at < agent->window_count && agent->window_ns[at] < SR_WINDOW_MINUTE_NS) {
        at++;
    }
    if (at < agent->window_count && agent->window_ns[at] == SR_WINDOW_MINUTE_NS) {
        return true;
    }
    if (agent->window_count == SLIPRING_WINDOW_COUNT) {
        return false;
    }
    memmove(&agent->window_ns[at + 1], &agent->window_ns[at],
            (agent->window_count - at) * sizeof agent->window_ns[0]);
    agent->window_ns[at] = SR_WINDOW_MINUTE_NS;
    agent->window_count++;
    return true;
}

/* One more, or why not. */
static const char *add_window(struct agent_options *agent, const char *text, size_t length)
{
    uint64_t ns = 0;
    const enum sr_parse result = parse_window(text, length, &ns);
    if (result != SR_PARSE_OK) {
        return sr_parse_text(result);
    }
    if (ns < OPTIONS_WINDOW_MIN_NS) {
        return "too short";
    }
    if (agent->window_count > 0 && ns <= agent->window_ns[agent->window_count - 1]) {
        return sr_parse_text(SR_PARSE_NOT_ASCENDING);
    }
    if (agent->window_count == SLIPRING_WINDOW_COUNT) {
        return sr_parse_text(SR_PARSE_TOO_MANY);
    }
    agent->window_ns[agent->window_count++] = ns;
    return NULL;
}

static bool refuse_window(const char *text, size_t length, const char *what, struct buffer *message)
{
    buffer_format(message,
                  "--windows: '%.*s' is %s (1 to %d ascending times from 1s to 30d, as in 10s,1m,1h)",
                  (int)length, text, what, SLIPRING_WINDOW_COUNT);
    return false;
}

static bool parse_windows(const char *text, struct agent_options *agent, struct buffer *message)
{
    agent->window_count = 0;
    for (const char *at = text; at != NULL; at = next_item(at)) {
        const char *what = add_window(agent, at, item_length(at));
        if (what != NULL) {
            return refuse_window(at, item_length(at), what, message);
        }
    }
    return add_minute(agent) ||
           refuse_window(text, strlen(text), "one too many with 1m, which is always among them", message);
}

/* Percentiles that are shown in any case. */
static bool is_common(uint32_t ppm)
{
    return ppm == 500000 || ppm == 900000 || ppm == 950000 || ppm == 990000 || ppm == 999000;
}

/* One more, or why not. *last is the one before. */
static const char *add_percentile(struct agent_options *agent, const char *text, size_t length,
                                  uint64_t *last)
{
    uint64_t ppm = 0;
    const enum sr_parse result =
        sr_decimal_parse(text, length, SR_QUANTILE_ONE_PPM / 100, SR_QUANTILE_ONE_PPM - 1, &ppm);
    if (result != SR_PARSE_OK) {
        return result == SR_PARSE_TOO_FINE ? "finer than four decimals" : sr_parse_text(result);
    }
    if (ppm <= *last) {
        return sr_parse_text(ppm == 0 ? SR_PARSE_ZERO : SR_PARSE_NOT_ASCENDING);
    }
    *last = ppm;
    if (is_common((uint32_t)ppm)) {
        return NULL;
    }
    if (agent->extra_count == SLIPRING_EXTRA_COUNT) {
        return sr_parse_text(SR_PARSE_TOO_MANY);
    }
    agent->extra_ppm[agent->extra_count++] = (uint32_t)ppm;
    return NULL;
}

static bool parse_percentiles(const char *text, struct agent_options *agent, struct buffer *message)
{
    uint64_t last = 0;
    agent->extra_count = 0;
    for (const char *at = text; at != NULL; at = next_item(at)) {
        const char *what = add_percentile(agent, at, item_length(at), &last);
        if (what != NULL) {
            buffer_format(message,
                          "--percentiles: '%.*s' is %s (up to %d ascending percents, more than 0 and less "
                          "than 100, as in 75,99.99; 50, 90, 95, 99 and 99.9 are always there)",
                          (int)item_length(at), at, what, SLIPRING_EXTRA_COUNT);
            return false;
        }
    }
    return true;
}

static bool parse_store(const char *text, struct options *options, struct buffer *message)
{
    enum sr_name result = sr_name_check_store(text);
    if (result != SR_NAME_OK) {
        buffer_format(message, "--store: the name '%s' is %s", text, sr_name_text(result));
        return false;
    }
    options->agent.store = text;
    return true;
}

static bool parse_listen(const char *text, struct options *options, struct buffer *message)
{
    const char *wrong = address_parse(text, &options->listen);
    if (wrong != NULL) {
        buffer_format(message, "--listen: '%s' %s", text, wrong);
    }
    return wrong == NULL;
}

static bool parse_limit(enum option_id id, const char *text, uint32_t max, uint32_t *out_count,
                        struct buffer *message)
{
    bool good = parse_count(text, max, out_count);
    if (!good) {
        buffer_format(message, "%s: '%s' is no number from 1 to %u", table[id].name, text, max);
    }
    return good;
}

static bool parse_schema(const char *text, struct options *options, struct buffer *message)
{
    const bool good = parse_count(text, SR_FINE_SCHEMA_MAX, &options->agent.schema) &&
                      options->agent.schema >= SR_FINE_SCHEMA_MIN;
    if (!good) {
        buffer_format(message, "--schema: '%s' is no number from %u to %u", text, SR_FINE_SCHEMA_MIN,
                      SR_FINE_SCHEMA_MAX);
    }
    return good;
}

static bool parse_clock(const char *text, struct options *options, struct buffer *message)
{
    options->reads_clock = strcmp(text, "monotonic") == 0;
    if (!options->reads_clock && strcmp(text, "auto") != 0) {
        buffer_format(message, "--clock: '%s' is none of auto, monotonic", text);
        return false;
    }
    return true;
}

static bool parse_expose(const char *text, struct options *options, struct buffer *message)
{
    options->exposes_few = strcmp(text, "few") == 0;
    if (!options->exposes_few && strcmp(text, "all") != 0) {
        buffer_format(message, "--expose: '%s' is none of all, few", text);
        return false;
    }
    return true;
}

static bool parse_aborted(const char *text, struct options *options, struct buffer *message)
{
    options->agent.ignores_aborted = strcmp(text, "ignore") == 0;
    if (!options->agent.ignores_aborted && strcmp(text, "count") != 0) {
        buffer_format(message, "--aborted: '%s' is none of count, ignore", text);
        return false;
    }
    return true;
}

static bool parse_checkpoint(const char *text, struct options *options, struct buffer *message)
{
    options->checkpoint_folder = text;
    const bool good = text[0] == '/' || strcmp(text, "none") == 0;
    if (!good) {
        buffer_format(message, "--checkpoint: '%s' is neither an absolute path nor none", text);
    }
    return good;
}

static bool parse_retire_after(const char *text, struct options *options, struct buffer *message)
{
    enum sr_parse result =
        sr_duration_parse(text, OPTIONS_RETIRE_AFTER_MAX_NS, &options->agent.retire_after_ns);
    if (result == SR_PARSE_OK && options->agent.retire_after_ns == 0) {
        result = SR_PARSE_ZERO;
    }
    if (result != SR_PARSE_OK) {
        buffer_format(message, "--retire-after: '%s' is %s (more than 0, at most 1d, as in 30s)", text,
                      sr_parse_text(result));
    }
    return result == SR_PARSE_OK;
}

static bool take_value(enum option_id id, const char *text, struct options *options, struct buffer *message)
{
    switch (id) {
    case OPTION_store:
        return parse_store(text, options, message);
    case OPTION_group:
        return parse_group(text, &options->agent.group, message);
    case OPTION_listen:
        return parse_listen(text, options, message);
    case OPTION_le:
        return parse_bounds(id, text, &options->agent.le, message);
    case OPTION_le_of:
        return parse_le_of(text, &options->agent, message);
    case OPTION_windows:
        return parse_windows(text, &options->agent, message);
    case OPTION_percentiles:
        return parse_percentiles(text, &options->agent, message);
    case OPTION_expose:
        return parse_expose(text, options, message);
    case OPTION_schema:
        return parse_schema(text, options, message);
    case OPTION_slo_minimum_events: {
        uint32_t events = 0;
        const bool good = parse_limit(id, text, OPTIONS_MINIMUM_EVENTS_MAX, &events, message);
        options->agent.slo_minimum_events = events;
        return good;
    }
    case OPTION_max_primitives:
        return parse_limit(id, text, OPTIONS_PRIMITIVES_MAX, &options->agent.primitive_limit, message);
    case OPTION_ring_cap:
        return parse_limit(id, text, OPTIONS_RING_CAP_MAX, &options->agent.ring_cap, message);
    case OPTION_retire_after:
        return parse_retire_after(text, options, message);
    case OPTION_aborted:
        return parse_aborted(text, options, message);
    case OPTION_checkpoint:
        return parse_checkpoint(text, options, message);
    case OPTION_clock:
        return parse_clock(text, options, message);
    case OPTION_shm_dir:
        options->shm_dir = text;
        if (text[0] != '/') {
            buffer_format(message, "--shm-dir: '%s' is no absolute path", text);
        }
        return text[0] == '/';
    case OPTION_log_level:
        if (!log_parse_level(text, &options->log_level)) {
            buffer_format(message, "--log-level: '%s' is none of error, warning, info, debug", text);
            return false;
        }
        return true;
    case OPTION_list_families:
    case OPTION_version:
    case OPTION_help:
    case OPTION_COUNT:
        break;
    }
    return false;
}

/* The task of an option that takes no value and is one by itself. */
static enum options_task task_of(enum option_id id)
{
    return id == OPTION_help ? OPTIONS_HELP : id == OPTION_version ? OPTIONS_VERSION : OPTIONS_LIST_FAMILIES;
}

enum options_task options_parse(int count, char *const *arguments, struct options *out_options,
                                struct buffer *message)
{
    *out_options =
        (struct options){.agent = {.group = (gid_t)-1, .slo_minimum_events = OPTIONS_MINIMUM_EVENTS},
                         .checkpoint_totals_ns = OPTIONS_CHECKPOINT_TOTALS_NS,
                         .checkpoint_slices_ns = OPTIONS_CHECKPOINT_SLICES_NS,
                         .log_level = LOG_INFO};
    const char *wrong = address_parse(LISTEN_DEFAULT, &out_options->listen);
    (void)wrong; /* a constant, and tested */
    enum options_task task = OPTIONS_RUN;
    for (int i = 1; i < count; i++) {
        const char *value;
        enum option_id id = find_option(arguments[i], &value);
        if (id == OPTION_COUNT) {
            buffer_format(message, "there is no %s '%s': see slipringd --help",
                          arguments[i][0] == '-' ? "option" : "argument", arguments[i]);
            return OPTIONS_BAD;
        }
        if (table[id].argument == NULL) {
            if (value != NULL) {
                buffer_format(message, "%s takes no value", table[id].name);
                return OPTIONS_BAD;
            }
            task = task == OPTIONS_RUN ? task_of(id) : task;
            continue;
        }
        if (value == NULL && ++i < count) {
            value = arguments[i];
        }
        if (value == NULL || value[0] == '\0') {
            buffer_format(message, "%s needs a value: %s %s", table[id].name, table[id].name,
                          table[id].argument);
            return OPTIONS_BAD;
        }
        if (!take_value(id, value, out_options, message)) {
            return OPTIONS_BAD;
        }
    }
    return task;
}

static void add_indented(struct buffer *text, const char *lines)
{
    while (*lines != '\0') {
        size_t length = strcspn(lines, "\n");
        buffer_format(text, "        %.*s\n", (int)length, lines);
        lines += length + (lines[length] == '\n');
    }
}

static const char manual_head[] =
    "NAME\n"
    "    slipringd - the agent of a Slipring store: keeps its books and serves them\n"
    "\n"
    "SYNOPSIS\n"
    "    slipringd [OPTION...]\n"
    "\n"
    "DESCRIPTION\n"
    "    Takes what local processes record into the store's shared memory, keeps\n"
    "    exact books of it, publishes figures ten times a second into the store's\n"
    "    stats segment and serves them over HTTP. One agent serves a store; a second\n"
    "    one is refused. Producers may start before, after and without it: what\n"
    "    they record meanwhile stays in shared memory and is booked when it is back.\n"
    "    Runs in the foreground and logs to stderr, one line an event (logfmt).\n"
    "\n"
    "OPTIONS\n";

static const char manual_tail[] =
    "\n"
    "SIGNALS\n"
    "    SIGTERM, SIGINT, SIGHUP    drain and publish once more, exit 0; a second\n"
    "                               one: exit at once. Nothing is lost either way.\n"
    "\n"
    "ENVIRONMENT\n"
    "    SLIPRING_STORE             the store, without --store\n"
    "    SLIPRING_SHM_DIR           where stores lie, without --shm-dir\n"
    "    SLIPRING_CHECKPOINT        as --checkpoint, without it\n"
    "    STATE_DIRECTORY, XDG_STATE_HOME, HOME\n"
    "                               where that folder is else\n"
    "    NOTIFY_SOCKET, WATCHDOG_USEC\n"
    "                               systemd's readiness and watchdog protocol, as for\n"
    "                               a service of Type=notify\n"
    "    NO_COLOR                   when set, no colours on a terminal\n"
    "\n"
    "FILES\n"
    "    /dev/shm/slipring.STORE.ring     what producers write\n"
    "    /dev/shm/slipring.STORE.stats    the books and the published figures\n"
    "    /dev/shm/slipring.STORE.lock     who is alive\n"
    "    FOLDER/STORE.full, .recent       the books on disk, see --checkpoint\n"
    "\n"
    "EXIT STATUS\n"
    "    0    stopped by a signal, or printed what was asked for\n"
    "    1    could not start, or could not go on; the log says why\n"
    "    2    wrong usage\n"
    "\n"
    "EXAMPLES\n"
    "    slipringd\n"
    "    slipringd --store web --group www-data --le 0.005,0.05,0.5,5\n"
    "    slipringd --le-of resize_image=0.01,0.05,0.25 --percentiles 75,99.99\n"
    "    slipringd --listen 0.0.0.0:9464    # for the whole network\n";

void options_help(struct buffer *text)
{
    buffer_add_text(text, manual_head);
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        buffer_format(text, "    %s%s%s\n", table[id].name, table[id].argument == NULL ? "" : " ",
                      table[id].argument == NULL ? "" : table[id].argument);
        add_indented(text, table[id].help);
        buffer_add(text, "\n", 1);
    }
    buffer_add_text(text, "HTTP\n");
#define SLIPRINGD_PAGE(page, answer) buffer_format(text, "    %-24s  %s\n", (page), (answer));
#include "pages.def"
#undef SLIPRINGD_PAGE
    buffer_add_text(text, manual_tail);
}
