/* SPDX-License-Identifier: Apache-2.0 */
/* How the lines look: the formats that have a name, what each takes for granted, and the options that say so. See ingest.h. */
#include <string.h>

#include "ingest.h"
#include "message.h"

#define COMBINED                                                                                             \
    "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \"$http_referer\" "     \
    "\"$http_user_agent\""
#define COMMON "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent"

static const struct known {
    const char *name;
    enum ingest_kind kind;
    const char *log; /* as --log-format */
    struct ingest_defaults defaults;
} formats[] = {
    {"jsonl", INGEST_JSON, NULL, {"{name}", "duration", NULL}},
    {"csv", INGEST_CSV, NULL, {"{name}", "duration", NULL}},
    {"combined", INGEST_LOG, COMBINED " $request_time", {"{method} {path}", "request_time:s", "status>=500"}},
    {"common", INGEST_LOG, COMMON " $request_time", {"{method} {path}", "request_time:s", "status>=500"}},
    {"apache", INGEST_LOG, COMBINED " $duration_us", {"{method} {path}", "duration_us:us", "status>=500"}},
};

static bool take_delimiter(const char *text, char *out_delimiter)
{
    struct render_text quoted;
    *out_delimiter = ',';
    if (!text) {
        return true;
    }
    bool is_tab = strcmp(text, "tab") == 0 || strcmp(text, "\\t") == 0;
    if (!is_tab && (strlen(text) != 1 || strchr("\"\r\n", *text) || (unsigned char)*text >= 0x80)) {
        message_print("--delimiter %s is none: give one ASCII character that is no quote, or tab",
                      render_quote(text, &quoted));
        return false;
    }
    *out_delimiter = *text;
    if (is_tab) {
        *out_delimiter = '\t';
    }
    return true;
}

static bool say_no_format(const char *wish)
{
    struct render_text quoted;
    if (wish) {
        message_print("--format %s is none of jsonl, csv, combined, common, apache",
                      render_quote(wish, &quoted));
    } else {
        message_print("how do the lines look? Give --format jsonl, csv, combined, common or apache, or "
                      "--log-format STRING");
    }
    return false;
}

/* What is taken for granted of a log's format that somebody gave: what it has. */
static struct ingest_defaults defaults_of(const struct ingest_log *log)
{
    static const struct {
        const char *variable, *measure;
    } times[] = {{"request_time", "request_time:s"},
                 {"duration_us", "duration_us:us"},
                 {"duration_ms", "duration_ms:ms"},
                 {"duration_s", "duration_s:s"},
                 {NULL, "duration"}};
    size_t i = 0;
    while (times[i].variable && !ingest_log_has(log, times[i].variable)) {
        i++;
    }
    return (struct ingest_defaults){"{method} {path}", times[i].measure,
                                    ingest_log_has(log, "status") ? "status>=500" : NULL};
}

static bool take_kind(struct ingest_format *format, const char *wish, const char *log)
{
    size_t i = 0;
    if (log && wish) {
        message_print("--log-format says how the lines look: give it, or --format, not both");
        return false;
    }
    while (wish && i < sizeof formats / sizeof *formats && strcmp(formats[i].name, wish) != 0) {
        i++;
    }
    if (!log && (!wish || i == sizeof formats / sizeof *formats)) {
        return say_no_format(wish);
    }
    const struct known known = log ? (struct known){.kind = INGEST_LOG, .log = log} : formats[i];
    if (known.kind == INGEST_LOG && !ingest_log_open(&format->log, known.log)) {
        return false;
    }
    format->kind = known.kind;
    format->defaults = log ? defaults_of(&format->log) : known.defaults;
    return true;
}

bool ingest_format_open(struct ingest_format *format, const struct invocation *invocation)
{
    const char *const *values = invocation->values;
    if (!take_kind(format, values[OPTION_input_format], values[OPTION_log_format]) ||
        !take_delimiter(values[OPTION_delimiter], &format->delimiter)) {
        return false;
    }
    format->columns = values[OPTION_columns];
    if (format->kind != INGEST_CSV && (format->columns || values[OPTION_delimiter])) {
        message_print("--columns and --delimiter are for --format csv");
        return false;
    }
    return true;
}

/* --columns, as a header line that is not in the file. */
static bool take_columns(struct ingest_format *format)
{
    struct ingest_fault fault;
    char line[4096];
    if (!format->columns) {
        return true;
    }
    struct ingest_record record = {.text = line, .length = strlen(format->columns)};
    if (record.length >= sizeof line) {
        message_print("--columns is longer than %zu bytes", sizeof line - 1);
        return false;
    }
    memcpy(line, format->columns, record.length + 1);
    format->csv.delimiter = ',';
    bool is_fine = ingest_csv_head(&format->csv, &record, &fault);
    format->csv.delimiter = format->delimiter;
    if (!is_fine) {
        message_print("--columns: %s", fault.why);
    }
    return is_fine;
}

bool ingest_format_bind(struct ingest_format *format, const struct ingest_fields *fields)
{
    switch (format->kind) {
    case INGEST_JSON:
        return ingest_json_open(&format->json, fields);
    case INGEST_CSV:
        ingest_csv_open(&format->csv, fields, format->delimiter);
        return take_columns(format);
    case INGEST_LOG:
    default:
        return ingest_log_bind(&format->log, fields);
    }
}

bool ingest_format_take(struct ingest_format *format, struct ingest_reader *reader,
                        struct ingest_record *record, struct ingest_row *row, struct ingest_fault *fault)
{
    switch (format->kind) {
    case INGEST_JSON:
        return ingest_json_take(&format->json, record, row, fault);
    case INGEST_CSV:
        return ingest_csv_take(&format->csv, reader, record, row, fault);
    case INGEST_LOG:
    default:
        return ingest_log_take(&format->log, record, row, fault);
    }
}
