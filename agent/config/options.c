/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of slipringd. See options.h. */
#include "options.h"

#include <stdlib.h>
#include <string.h>

#include "values.h"

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

/* What was expected, where the sentence about a value does not say it already. */
static const char *hint_of(enum option_id id)
{
    switch (id) {
    case OPTION_le:
    case OPTION_le_of:
        return "1 to 16 ascending decimal seconds, as in 0.1,0.5,1";
    case OPTION_windows:
        return "1 to 8 ascending times from 1s to 30d, as in 10s,1m,1h";
    case OPTION_percentiles:
        return "up to 7 ascending percents, more than 0 and less than 100, as in 75,99.99; 50, 90, 95, 99 "
               "and 99.9 "
               "are always there";
    case OPTION_retire_after:
        return "more than 0, at most 1d, as in 30s";
    case OPTION_idle_after:
        return "never, or 1s to 90d, as in 1h";
    default:
        return NULL;
    }
}

static bool refuse(enum option_id id, const struct buffer *what, struct buffer *message)
{
    const char *hint = hint_of(id);
    buffer_format(message, "%s: ", table[id].name);
    buffer_add(message, what->text, what->used);
    if (hint != NULL) {
        buffer_format(message, " (%s)", hint);
    }
    return false;
}

static bool parse_bounds(const char *text, struct sr_bound_list *out_list, struct buffer *what)
{
    size_t at = 0;
    const enum sr_parse result = sr_bound_parse_list(text, out_list, &at);
    if (result != SR_PARSE_OK) {
        const int length = (int)strcspn(text + at, ", ");
        buffer_format(what, "'%.*s' is %s", length, text + at, sr_parse_text(result));
    }
    return result == SR_PARSE_OK;
}

/* NAME=SECONDS,...: a name may hold an equals sign, bounds don't. */
static bool parse_le_of(const char *text, struct options *options, struct buffer *message)
{
    struct buffer what = {0};
    struct sr_bound_list list;
    const char *equals = strrchr(text, '=');
    if (equals == NULL) {
        buffer_format(message, "--le-of: '%s' has no bounds: say NAME=SECONDS,..., as in resize=0.01,0.1",
                      text);
        return false;
    }
    if (values_le_of_name(text, (size_t)(equals - text), &what) && !parse_bounds(equals + 1, &list, &what)) {
        refuse(OPTION_le_of, &what, message);
        buffer_free(&what);
        return false;
    }
    struct agent_le_of *le_of =
        what.used > 0 ? NULL : values_le_of(text, (size_t)(equals - text), options, &what);
    if (le_of == NULL) {
        buffer_add_text(message, "--le-of: ");
        buffer_add(message, what.text, what.used);
        buffer_free(&what);
        return false;
    }
    le_of->le = list;
    return true;
}

/* NAME=TEXT: a text may hold an equals sign, a label's name does not. */
static bool parse_label(const char *text, struct options *options, struct buffer *what)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL) {
        buffer_format(what, "'%s' has no text: say NAME=TEXT, as in service=shop", text);
        return false;
    }
    char name[OPTIONS_LABEL_NAME_MAX + 2];
    const size_t length = (size_t)(equals - text);
    const size_t kept = length < sizeof name ? length : sizeof name - 1;
    memcpy(name, text, kept);
    name[kept] = '\0';
    return values_label_name(name, what) && values_label(text, length, equals + 1, options, what);
}

/* Items between commas. */
static bool parse_list(enum value_key key, const char *text, struct options *options, struct buffer *what)
{
    values_begin(key, options);
    for (const char *at = text; at != NULL;) {
        const size_t length = strcspn(at, ",");
        char *item = strndup(at, length);
        const bool good = item != NULL && values_add(key, item, options, what);
        free(item);
        if (!good) {
            return false;
        }
        at = at[length] == ',' ? at + length + 1 : NULL;
    }
    struct buffer whole = {0};
    const bool good = values_end(key, options, &whole);
    if (!good) {
        buffer_format(what, "'%s' is %.*s", text, (int)whole.used, whole.text);
    }
    buffer_free(&whole);
    return good;
}

static bool take_one(enum option_id id, const char *text, struct options *options, struct buffer *what)
{
    const enum value_key key = values_of_option(table[id].name);
    switch (id) {
    case OPTION_config:
        options->config = text;
        return true;
    case OPTION_le:
        return parse_bounds(text, &options->agent.le, what);
    case OPTION_label:
        return parse_label(text, options, what);
    case OPTION_windows:
    case OPTION_percentiles:
        return parse_list(key, text, options, what);
    case OPTION_prices:
        return values_add(key, text, options, what);
    default:
        return key != KEY_COUNT && values_set(key, text, options, what);
    }
}

static bool take_value(enum option_id id, const char *text, struct options *options, struct buffer *message)
{
    if (id == OPTION_le_of) {
        return parse_le_of(text, options, message);
    }
    struct buffer what = {0};
    const bool good = take_one(id, text, options, &what) || refuse(id, &what, message);
    buffer_free(&what);
    return good;
}

/* The task of an option that takes no value and is one by itself. */
static enum options_task task_of(enum option_id id)
{
    switch (id) {
    case OPTION_help:
        return OPTIONS_HELP;
    case OPTION_version:
        return OPTIONS_VERSION;
    case OPTION_check_config:
        return OPTIONS_CHECK_CONFIG;
    case OPTION_print_config:
        return OPTIONS_PRINT_CONFIG;
    case OPTION_list_keys:
        return OPTIONS_LIST_KEYS;
    default:
        return OPTIONS_LIST_FAMILIES;
    }
}

/* The option in *at, and its value, which may be the next argument. False: *message says what is wrong. */
static bool next_option(int count, char *const *arguments, int *at, enum option_id *out_id,
                        const char **out_value, struct buffer *message)
{
    const char *argument = arguments[*at];
    const enum option_id id = find_option(argument, out_value);
    if (id == OPTION_COUNT) {
        buffer_format(message, "there is no %s '%s': see slipringd --help",
                      argument[0] == '-' ? "option" : "argument", argument);
        return false;
    }
    *out_id = id;
    if (table[id].argument == NULL) {
        if (*out_value != NULL) {
            buffer_format(message, "%s takes no value", table[id].name);
        }
        return *out_value == NULL;
    }
    if (*out_value == NULL && *at + 1 < count) {
        *out_value = arguments[++*at];
    }
    if (*out_value == NULL || (*out_value)[0] == '\0') {
        buffer_format(message, "%s needs a value: %s %s", table[id].name, table[id].name, table[id].argument);
        return false;
    }
    return true;
}

enum options_task options_apply(int count, char *const *arguments, struct options *options,
                                options_note_set *note_set, void *context, struct buffer *message)
{
    enum options_task task = OPTIONS_RUN;
    bool had_prices = false;
    for (int i = 1; i < count; i++) {
        enum option_id id = OPTION_COUNT;
        const char *value = NULL;
        if (!next_option(count, arguments, &i, &id, &value, message)) {
            return OPTIONS_BAD;
        }
        if (table[id].argument == NULL) {
            task = task == OPTIONS_RUN ? task_of(id) : task;
            continue;
        }
        if (id == OPTION_prices && !had_prices) {
            had_prices = true;
            values_begin(KEY_prices, options);
        }
        if (!take_value(id, value, options, message)) {
            return OPTIONS_BAD;
        }
        if (note_set != NULL && values_of_option(table[id].name) != KEY_COUNT) {
            note_set(context, (unsigned)values_of_option(table[id].name), value);
        }
    }
    return task;
}

enum options_task options_parse(int count, char *const *arguments, struct options *out_options,
                                struct buffer *message)
{
    values_default(out_options);
    return options_apply(count, arguments, out_options, NULL, NULL, message);
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
    "    SIGTERM, SIGINT            drain and publish once more, exit 0; a second\n"
    "                               one: exit at once. Nothing is lost either way.\n"
    "    SIGHUP                     read the configuration again, as POST /-/reload;\n"
    "                               a bad one changes nothing, and the log says why\n"
    "\n"
    "ENVIRONMENT\n"
    "    SLIPRING_STORE             the store, without --store\n"
    "    SLIPRING_SHM_DIR           where stores lie, without --shm-dir\n"
    "    SLIPRING_CONFIG            the configuration file, without --config\n"
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
    "    /dev/shm/slipring.STORE.socket   HTTP for the agent's own user and root,\n"
    "                                     with the pages that are orders\n"
    "    what http.unix names             a socket for scrapes, where configured\n"
    "    FOLDER/STORE.full, .recent       the books on disk, see --checkpoint\n"
    "\n"
    "EXIT STATUS\n"
    "    0    stopped by a signal, or printed what was asked for\n"
    "    1    could not start, or could not go on, and the log says why; or the\n"
    "         configuration file has mistakes, which are told on stderr\n"
    "    2    wrong usage\n"
    "\n"
    "EXAMPLES\n"
    "    slipringd\n"
    "    slipringd --store web --group www-data --le 0.005,0.05,0.5,5\n"
    "    slipringd --le-of resize_image=0.01,0.05,0.25 --percentiles 75,99.99\n"
    "    slipringd --listen 0.0.0.0:9464    # for the whole network\n"
    "    slipringd --config /etc/slipring/slipring.yaml --check-config\n";

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
#include "agent/pages.def"
#undef SLIPRINGD_PAGE
    buffer_add_text(text, manual_tail);
}
