/* SPDX-License-Identifier: Apache-2.0 */
/* Formats and writes the log's lines. See log.h. */
#include "log.h"

#include <inttypes.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "peer/clock.h"
#include "pure/utf8.h"

static const struct {
    const char *name, *colour;
} levels[LOG_LEVEL_COUNT] = {
    [LOG_ERROR] = {"error", "\033[31m"},
    [LOG_WARNING] = {"warning", "\033[33m"},
    [LOG_INFO] = {"info", "\033[32m"},
    [LOG_DEBUG] = {"debug", "\033[2m"},
};

static atomic_uint least_severe = LOG_INFO;

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&least_severe, level, memory_order_relaxed); /* orders nothing: a filter */
}

bool log_parse_level(const char *text, enum log_level *out_level)
{
    for (unsigned i = 0; i < LOG_LEVEL_COUNT; i++) {
        if (strcmp(text, levels[i].name) == 0) {
            *out_level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* A line being made: what does not fit is left out, and `cut` remembers. */
struct line {
    char *text;
    size_t used, room;
    bool cut;
};

/* All of the bytes or none: a character or an escape is never halved. */
static void add(struct line *line, const char *bytes, size_t count)
{
    if (line->cut || count > line->room - line->used) {
        line->cut = true;
        return;
    }
    memcpy(line->text + line->used, bytes, count);
    line->used += count;
}

static void add_text(struct line *line, const char *text)
{
    add(line, text, strlen(text));
}

static bool is_bare(const char *text)
{
    if (text[0] == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || *text >= 0x7f || *text == '"' || *text == '\\' || *text == '=') {
            return false;
        }
    }
    return true;
}

/* Quoted: '"' and '\' escaped, line ends and tabs as \n \r \t, other control characters as \xHH, what is no UTF-8 as
 * U+FFFD. */
static void add_quoted(struct line *line, const char *text)
{
    add(line, "\"", 1);
    size_t left = strlen(text);
    while (left > 0) {
        uint32_t code_point;
        size_t used = sr_utf8_decode(text, left, &code_point);
        char escape[16];
        if (used == 0) {
            add_text(line, SR_UTF8_REPLACEMENT);
            used = 1;
        } else if (code_point == '"' || code_point == '\\') {
            add(line, (const char[]){'\\', (char)code_point}, 2);
        } else if (code_point == '\n' || code_point == '\r' || code_point == '\t') {
            add_text(line, code_point == '\n' ? "\\n" : code_point == '\r' ? "\\r" : "\\t");
        } else if (sr_utf8_is_control(code_point)) {
            (void)snprintf(escape, sizeof escape, "\\x%02x", (unsigned)code_point);
            add_text(line, escape);
        } else {
            add(line, text, used);
        }
        text += used;
        left -= used;
    }
    add(line, "\"", 1);
}

static void add_time(struct line *line, uint64_t wall_ns)
{
    time_t seconds = (time_t)(wall_ns / 1000000000u);
    struct tm parts = {0};
    char day[32], whole[64];
    (void)gmtime_r(&seconds, &parts);
    (void)strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(whole, sizeof whole, "time=%s.%03uZ", day, (unsigned)(wall_ns / 1000000u % 1000u));
    add_text(line, whole);
}

size_t log_format(enum log_level level, uint64_t wall_ns, bool colours, const struct log_field *fields,
                  char *out_line, size_t out_bytes)
{
    static const char ending[] = "\xe2\x80\xa6\n"; /* an ellipsis, only when the line was cut */
    struct line line = {.text = out_line, .room = out_bytes - sizeof ending};
    add_time(&line, wall_ns);
    add_text(&line, " level=");
    add_text(&line, colours ? levels[level].colour : "");
    add_text(&line, levels[level].name);
    add_text(&line, colours ? "\033[0m" : "");
    for (; fields->key != NULL; fields++) {
        char number[24];
        (void)snprintf(number, sizeof number, "%" PRIu64, fields->number);
        const char *value = fields->is_text ? fields->text : number;
        value = value == NULL ? "" : value;
        add(&line, " ", 1);
        add_text(&line, fields->key);
        add(&line, "=", 1);
        if (is_bare(value)) {
            add_text(&line, value);
        } else {
            add_quoted(&line, value);
        }
    }
    const char *end = line.cut ? ending : "\n";
    memcpy(out_line + line.used, end, strlen(end) + 1);
    return line.used + strlen(end);
}

/* Lines that found no room since the last one that did. */
static atomic_uint_fast64_t left_out;

static bool has_room(void)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) == 1;
}

static void write_line(enum log_level level, const struct log_field *fields)
{
    char line[LOG_LINE_BYTES];
    bool colours = isatty(STDERR_FILENO) && getenv("NO_COLOR") == NULL;
    size_t length = log_format(level, sr_clock_wall_ns(), colours, fields, line, sizeof line);
    ssize_t written = write(STDERR_FILENO, line, length);
    (void)written; /* a full disk or a closed pipe: nobody left to tell */
}

void log_fields(enum log_level level, const struct log_field *fields)
{
    if (level > atomic_load_explicit(&least_severe, memory_order_relaxed)) { /* orders nothing: a filter */
        return;
    }
    if (!has_room()) {
        atomic_fetch_add_explicit(&left_out, 1, memory_order_relaxed); /* relaxed: a count */
        return;
    }
    const uint64_t missing = atomic_exchange_explicit(&left_out, 0, memory_order_relaxed); /* as above */
    if (missing > 0) {
        write_line(LOG_WARNING, (const struct log_field[]){log_what("log lines left out: nobody read them"),
                                                           log_number("lines", missing),
                                                           {.key = NULL}});
    }
    if (missing == 0 || has_room()) {
        write_line(level, fields);
    } else {
        atomic_fetch_add_explicit(&left_out, 1, memory_order_relaxed); /* relaxed: as above */
    }
}
