/* SPDX-License-Identifier: Apache-2.0 */
/* What `slipring ingest` tells: bad records and progress on stderr, the summary on stdout. See ingest.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "figures.h"
#include "ingest.h"
#include "message.h"
#include "pure/decimal.h"
#include "pure/utf8.h"
#include "table.h"

#define SECOND      UINT64_C(1000000000)
#define DRAW_EACH   (SECOND / 2)
#define TABLE_NAMES 20 /* shown as text; JSON has all */

uint64_t ingest_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

static double seconds_of(const struct ingest_tally *tally)
{
    return (double)(tally->ended_ns - tally->started_ns) * 1e-9;
}

/* --- while it runs -------------------------------------------------------------------------------------------------------- */

void ingest_tell_progress_end(struct ingest_tally *tally)
{
    if (tally->is_drawn) {
        (void)fputs("\r\033[K", stderr);
        tally->is_drawn = false;
    }
}

void ingest_tell_progress(struct ingest_tally *tally, uint64_t lines, uint64_t bytes)
{
    if (!tally->is_terminal) {
        return;
    }
    const uint64_t now = ingest_now_ns();
    if (now - (tally->drawn_ns ? tally->drawn_ns : tally->started_ns) < DRAW_EACH) {
        return;
    }
    struct render_text count;
    struct render_text size;
    struct render_text bad;
    struct render_text rate;
    const double seconds = (double)(now - tally->started_ns) * 1e-9;
    (void)fprintf(stderr, "\r\033[K%s lines, %s, %s, %s bad", render_count(tally->lines + lines, &count),
                  render_bytes(tally->bytes + bytes, &size),
                  render_rate((double)(tally->lines + lines) / seconds, &rate),
                  render_count(tally->bad, &bad));
    (void)fflush(stderr);
    tally->drawn_ns = now;
    tally->is_drawn = true;
}

void ingest_tell_bad(struct ingest_tally *tally, const char *file, uint64_t line,
                     const struct ingest_fault *fault)
{
    struct render_text quoted;
    if (tally->bad < INGEST_SHOWN) {
        ingest_tell_progress_end(tally);
        message_print("%s line %" PRIu64 ": %s",
                      strcmp(file, "-") == 0 ? "standard input" : render_quote(file, &quoted), line,
                      fault->why);
        (void)snprintf(tally->shown[tally->bad].file, sizeof tally->shown[0].file, "%s", file);
        tally->shown[tally->bad].line = line;
        tally->shown[tally->bad].fault = *fault;
    } else if (tally->bad == INGEST_SHOWN) {
        ingest_tell_progress_end(tally);
        message_print("more than %d bad lines: the rest are counted only", INGEST_SHOWN);
    }
    tally->bad++;
}

void ingest_tell_sample(const struct ingest_tally *tally, uint64_t line, const struct ingest_sample *sample)
{
    struct render_text text;
    const struct render_style *style = &tally->invocation->style;
    printf("line %" PRIu64 ": %s", line, render_safe(style, sample->name, sizeof sample->name, &text));
    printf(", %" PRIu64 " ns, %s", sample->duration_ns,
           sample->outcome == SLIPRING_FAILURE ? "failure" : "success");
    if (sample->has_cost) {
        printf(", cost %s", render_money(sample->cost.cost_nanodollars, &text));
        printf(", savings %s", render_money(sample->cost.savings_nanodollars, &text));
    }
    if (sample->category[0] != '\0') {
        printf(", category %s", render_safe(style, sample->category, sizeof sample->category, &text));
    }
    if (sample->resource[0] != '\0') {
        printf(", usage of %s", render_safe(style, sample->resource, sizeof sample->resource, &text));
    }
    if (sample->trace.flags & SLIPRING_TRACE_SAMPLED) {
        char traceparent[SLIPRING_TRACEPARENT_BYTES];
        slipring_trace_format(&sample->trace, traceparent);
        printf(", trace %.32s", traceparent + strlen("00-"));
    }
    (void)fputc('\n', stdout);
}

/* --- the summary ----------------------------------------------------------------------------------------------------------- */

static void print_names(struct ingest_sink *sink, const struct render_style *style)
{
    static const struct table_column columns[] = {{.title = "NAME", .is_elastic = true},
                                                  {.title = "COUNT", .is_right = true},
                                                  {.title = "FAILED", .is_right = true},
                                                  {.title = "MEAN", .is_right = true},
                                                  {.title = "COST", .is_right = true}};
    struct table table;
    const uint32_t names = ingest_sink_names(sink);
    table_open(&table, columns, 5);
    for (uint32_t i = 0; i < names && i < TABLE_NAMES; i++) {
        const struct ingest_sums *sums = NULL;
        struct render_text text;
        const char *name = ingest_sink_name(sink, i, &sums);
        table_add(&table, render_safe(style, name, SLIPRING_PRIMITIVE_NAME_MAX, &text));
        table_add(&table, render_count(sums->count, &text));
        table_add(&table, render_count(sums->failures, &text));
        table_add(&table, sums->count > 0 ? render_duration(style, sums->duration_ns / sums->count, &text)
                                          : render_absent(style));
        table_add(&table, sums->cost > 0 ? render_money(sums->cost, &text) : render_absent(style));
    }
    table_print(&table, style, stdout);
    table_close(&table);
    if (names > TABLE_NAMES) {
        printf("... and %" PRIu32 " more names: --json lists all\n", names - TABLE_NAMES);
    }
}

static void print_oddities(const struct ingest_tally *tally, const struct ingest_sink *sink)
{
    struct render_text text;
    const uint64_t overflowed = ingest_sink_overflowed(sink);
    if (overflowed > 0) {
        printf("%s samples had names for which there was no place and are under __overflow__: name by what "
               "is executed "
               "(--name), or see --max-names\n",
               render_count(overflowed, &text));
    }
    if (ingest_sink_uncategorised(sink) > 0) {
        printf("%s costs had a category beyond the sixteenth and are under \"default\"\n",
               render_count(ingest_sink_uncategorised(sink), &text));
    }
    if (ingest_sink_usage_lost(sink) > 0) {
        printf("the store had no place for the usage of %s samples: they are recorded without it\n",
               render_count(ingest_sink_usage_lost(sink), &text));
    }
    if (ingest_sink_bad_traces(sink) > 0) {
        printf("%s samples had a traceparent that is none: they are recorded without it\n",
               render_count(ingest_sink_bad_traces(sink), &text));
    }
    if (tally->stopped) {
        printf("stopped before the end: %s\n", tally->stopped);
    }
}

void ingest_tell_summary(const struct ingest_tally *tally, struct ingest_sink *sink)
{
    const struct render_style *style = &tally->invocation->style;
    const struct ingest_sums *total = ingest_sink_total(sink);
    const bool is_dry = tally->invocation->values[OPTION_dry_run] != NULL;
    struct render_text texts[5];
    const double seconds = seconds_of(tally);
    if (total->count > 0) {
        print_names(sink, style);
        (void)fputc('\n', stdout);
    }
    printf("%s line%s: %s%s %s%s, %s%s bad%s, %s empty", render_count(tally->lines, &texts[0]),
           tally->lines == 1 ? "" : "s", render_bold(style), render_count(total->count, &texts[1]),
           is_dry ? "would be recorded" : "recorded", render_plain(style),
           tally->bad > 0 ? render_bad(style) : "", render_count(tally->bad, &texts[2]),
           tally->bad > 0 ? render_plain(style) : "", render_count(tally->empty, &texts[3]));
    if (tally->heads > 0) {
        printf(", %" PRIu64 " header%s", tally->heads, tally->heads == 1 ? "" : "s");
    }
    printf("; %.2f s, %s\n", seconds,
           render_rate(seconds > 0 ? (double)tally->lines / seconds : 0, &texts[4]));
    print_oddities(tally, sink);
    if (is_dry) {
        printf("A dry run: nothing was recorded.\n");
    }
}

/* --- JSON ------------------------------------------------------------------------------------------------------------------ */

static void put(struct json_object *object, const char *key, uint64_t number)
{
    json_object_object_add(object, key, json_object_new_uint64(number));
}

static struct json_object *names_json(struct ingest_sink *sink)
{
    struct json_object *list = json_object_new_array();
    const uint32_t names = ingest_sink_names(sink);
    for (uint32_t i = 0; list && i < names; i++) {
        const struct ingest_sums *sums = NULL;
        const char *name = ingest_sink_name(sink, i, &sums);
        struct json_object *object = json_object_new_object();
        if (!object) {
            message_out_of_memory();
        }
        json_object_object_add(object, "name", json_object_new_string(name));
        put(object, "count", sums->count);
        put(object, "failures", sums->failures);
        put(object, "duration_ns", sums->duration_ns);
        put(object, "cost_nanodollars", sums->cost);
        put(object, "savings_nanodollars", sums->savings);
        json_object_array_add(list, object);
    }
    return list;
}

static struct json_object *bad_json(const struct ingest_tally *tally)
{
    struct json_object *list = json_object_new_array();
    for (uint64_t i = 0; list && i < tally->bad && i < INGEST_SHOWN; i++) {
        struct json_object *object = json_object_new_object();
        if (!object) {
            message_out_of_memory();
        }
        char file[3 * sizeof tally->shown[0].file];
        (void)sr_utf8_clean(tally->shown[i].file, file, sizeof file);
        json_object_object_add(object, "file", json_object_new_string(file));
        put(object, "line", tally->shown[i].line);
        json_object_object_add(object, "why", json_object_new_string(tally->shown[i].fault.why));
        json_object_array_add(list, object);
    }
    return list;
}

/* Exactly what was measured: 0.070673286, and no binary neighbour of it. */
static void put_seconds(struct json_object *root, const struct ingest_tally *tally)
{
    char digits[SR_DECIMAL_TEXT_BYTES];
    (void)sr_decimal_format(tally->ended_ns - tally->started_ns, digits);
    json_object_object_add(root, "seconds", json_object_new_double_s(seconds_of(tally), digits));
}

void ingest_tell_json(const struct ingest_tally *tally, struct ingest_sink *sink)
{
    const struct ingest_sums *total = ingest_sink_total(sink);
    struct json_object *root = json_object_new_object();
    if (!root) {
        message_out_of_memory();
    }
    json_object_object_add(root, "store", json_object_new_string(tally->invocation->store));
    json_object_object_add(root, "dry_run",
                           json_object_new_boolean(tally->invocation->values[OPTION_dry_run] != NULL));
    put(root, "lines", tally->lines);
    put(root, "bytes", tally->bytes);
    put(root, "recorded", total->count);
    put(root, "failures", total->failures);
    put(root, "bad", tally->bad);
    put(root, "empty", tally->empty);
    put(root, "headers", tally->heads);
    put(root, "unread_files", tally->unread);
    put(root, "overflowed", ingest_sink_overflowed(sink));
    put(root, "uncategorised", ingest_sink_uncategorised(sink));
    put(root, "usage_lost", ingest_sink_usage_lost(sink));
    put(root, "traced", ingest_sink_traced(sink));
    put(root, "bad_traces", ingest_sink_bad_traces(sink));
    put(root, "duration_ns", total->duration_ns);
    put(root, "cost_nanodollars", total->cost);
    put(root, "savings_nanodollars", total->savings);
    put_seconds(root, tally);
    json_object_object_add(root, "stopped", tally->stopped ? json_object_new_string(tally->stopped) : NULL);
    json_object_object_add(root, "bad_lines", bad_json(tally));
    json_object_object_add(root, "primitives", names_json(sink));
    figures_print_json(root);
}
