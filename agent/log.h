/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's log: one line an event on stderr, as logfmt:
 *
 *     time=2026-05-04T09:15:01.123Z level=warning event="ring quarantined" ring=17 why="tail ran away"
 *
 * A line is written by one write(), so that lines of two threads never mix. Text is quoted where it has to be, and
 * no byte of it can end the line or reach the terminal as a control sequence. Colours (of the level) only on a
 * terminal, never with $NO_COLOR. A line that does not fit LOG_LINE_BYTES ends in "…".
 *
 * Thread safe; not for signal handlers. A failed write is dropped: there is nobody left to tell. Nor does anybody wait for
 * a reader that does not read: what a full pipe has no room for is left out, and the next line says how much. */
#ifndef AGENT_LOG_H
#define AGENT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level {
    LOG_ERROR,
    LOG_WARNING,
    LOG_INFO,
    LOG_DEBUG,
    LOG_LEVEL_COUNT,
};

#define LOG_LINE_BYTES 2048

/* One part of an event: key=value. The texts need to live until log_event() returned. */
struct log_field {
    const char *key; /* a word of a-z and _; NULL ends a list */
    const char *text;
    uint64_t number;
    bool is_text;
};

static inline struct log_field log_text(const char *key, const char *text)
{
    return (struct log_field){.key = key, .text = text, .is_text = true};
}

static inline struct log_field log_number(const char *key, uint64_t number)
{
    return (struct log_field){.key = key, .number = number};
}

/* The event's name, always the first field. */
static inline struct log_field log_what(const char *event)
{
    return log_text("event", event);
}

/* log_event(LOG_INFO, log_what("listening"), log_text("address", address), log_number("port", port)); */
#define log_event(level, ...) log_fields((level), (const struct log_field[]){__VA_ARGS__, {.key = NULL}})
void log_fields(enum log_level level, const struct log_field *fields);

/* Less severe events than this are not logged; LOG_INFO until it is called. */
void log_set_level(enum log_level level);

/* "error", "warning", "info", "debug". False for another word. */
__attribute__((warn_unused_result)) bool log_parse_level(const char *text, enum log_level *out_level);

/* The line of an event at wall_ns (CLOCK_REALTIME), ended by a newline and a zero, at most out_bytes (64 or more) with
 * both. Returns its length without the zero. Pure. */
size_t log_format(enum log_level level, uint64_t wall_ns, bool colours, const struct log_field *fields,
                  char *out_line, size_t out_bytes);

#endif
