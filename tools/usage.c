/* SPDX-License-Identifier: Apache-2.0 */
/* `slipring usage`: what a language model used, as its provider's response tells it, recorded to be priced by the agent. The reading of
 * responses is libslipring-usage's (<slipring/usage_json.h>). */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include <slipring/usage_json.h>

#include "booking.h"
#include "command.h"
#include "figures.h"
#include "ingest.h"
#include "message.h"
#include "pure/unit.h"
#include "table.h"

enum { RESOURCES = 64, RESPONSE_BYTES = 256 * 1024 * 1024 };

struct resource {
    char name[SLIPRING_MODEL_NAME_MAX + 1];
    uint64_t responses;
    struct slipring_usage usage; /* sums, saturated */
};

struct run {
    const struct invocation *invocation;
    struct booking booking;
    uint64_t duration_ns;
    enum slipring_outcome outcome;
    struct resource resources[RESOURCES + 1]; /* the last: all that found no place */
    uint32_t resource_count;
    uint64_t recorded, lost; /* lost: the execution is recorded, its usage is not */
    enum slipring_status lost_by;
    struct ingest_tally tally; /* of bad lines */
};

/* --- recording ------------------------------------------------------------------------------------------------------------ */

static struct resource *find_resource(struct run *run, const char *name)
{
    for (uint32_t i = 0; i < run->resource_count; i++) {
        if (strcmp(run->resources[i].name, name) == 0) {
            return &run->resources[i];
        }
    }
    struct resource *resource = &run->resources[run->resource_count];
    if (run->resource_count == RESOURCES) {
        name = "others";
    } else {
        run->resource_count++;
    }
    (void)snprintf(resource->name, sizeof resource->name, "%s", name);
    return resource;
}

static void count(struct run *run, const char *name, const struct slipring_usage *usage)
{
    struct resource *resource = find_resource(run, name);
    resource->responses++;
    for (uint32_t unit = 0; unit < SLIPRING_UNIT_COUNT; unit++) {
        uint64_t sum = 0;
        bool is_over = __builtin_add_overflow(resource->usage.units[unit], usage->units[unit], &sum);
        resource->usage.units[unit] = is_over ? UINT64_MAX : sum;
    }
    run->recorded++;
}

/* One response. False: refused, and why. */
static bool take(struct run *run, const char *json, size_t bytes, struct ingest_fault *fault)
{
    const char *const *values = run->invocation->values;
    char resource[SLIPRING_MODEL_NAME_MAX + 1];
    char why[SLIPRING_USAGE_WHY_BYTES];
    struct slipring_usage usage;
    enum slipring_status status = slipring_usage_from_json(json, bytes, values[OPTION_provider],
                                                           values[OPTION_model], resource, &usage, why);
    if (status != SLIPRING_OK) {
        (void)snprintf(fault->why, sizeof fault->why, "%.199s", why);
        return false;
    }
    if (run->booking.store) {
        status =
            slipring_record_usage(run->booking.primitive, run->duration_ns, run->outcome, resource, &usage);
        if (status != SLIPRING_OK) {
            run->lost++;
            run->lost_by = status;
        }
    }
    count(run, resource, &usage);
    return true;
}

/* --- reading -------------------------------------------------------------------------------------------------------------- */

/* All of standard input. NULL: said on stderr. */
static char *read_all(size_t *out_bytes)
{
    char *text = NULL;
    size_t bytes = 0;
    size_t room = 0;
    for (;;) {
        if (bytes == room) {
            room = room == 0 ? 64 * 1024 : 2 * room;
            char *larger = room <= RESPONSE_BYTES ? realloc(text, room) : NULL;
            if (!larger) {
                free(text);
                message_print("the response is larger than %d MiB, or there is no memory for it",
                              RESPONSE_BYTES >> 20);
                return NULL;
            }
            text = larger;
        }
        ssize_t count = read(STDIN_FILENO, text + bytes, room - bytes);
        if (count < 0 && errno != EINTR) {
            message_print("cannot read standard input: %s", strerror(errno));
            free(text);
            return NULL;
        }
        if (count == 0) {
            *out_bytes = bytes;
            return text;
        }
        bytes += count > 0 ? (size_t)count : 0;
    }
}

static int read_one(struct run *run)
{
    struct ingest_fault fault;
    size_t bytes = 0;
    char *text = read_all(&bytes);
    if (!text) {
        return STATUS_BAD;
    }
    bool is_taken = take(run, text, bytes, &fault);
    free(text);
    if (!is_taken) {
        message_print("%s; nothing was recorded", fault.why);
        return STATUS_BAD;
    }
    return STATUS_OK;
}

static int read_lines(struct run *run)
{
    static const struct ingest_fault too_long = {.why = "the line is longer than a megabyte"};
    struct ingest_reader reader;
    struct ingest_record record;
    struct ingest_fault fault;
    enum ingest_got got;
    char *buffer = malloc(ingest_reader_room);
    if (!buffer) {
        message_out_of_memory();
    }
    ingest_reader_open(&reader, STDIN_FILENO, buffer);
    while ((got = ingest_reader_next(&reader, &record)) != INGEST_END) {
        if (got == INGEST_TOO_LONG) {
            ingest_tell_bad(&run->tally, "-", record.line, &too_long);
        } else if (record.length > 0 && !take(run, record.text, record.length, &fault)) {
            ingest_tell_bad(&run->tally, "-", record.line, &fault);
        }
    }
    free(buffer);
    if (reader.error != 0) {
        message_print("cannot read on in standard input after line %" PRIu64 ": %s", reader.lines,
                      strerror(reader.error));
    }
    return run->tally.bad > 0 || reader.error != 0 ? STATUS_NO : STATUS_OK;
}

/* --- telling --------------------------------------------------------------------------------------------------------------- */

static void print_text(const struct run *run)
{
    static const struct table_column columns[] = {{.title = "RESOURCE", .is_elastic = true},
                                                  {.title = "RESPONSES", .is_right = true},
                                                  {.title = "UNIT"},
                                                  {.title = "COUNT", .is_right = true}};
    const struct render_style *style = &run->invocation->style;
    const uint32_t rows = run->resource_count + (run->resources[RESOURCES].responses > 0);
    struct render_text text;
    struct table table;
    table_open(&table, columns, 4);
    for (uint32_t i = 0; i < rows; i++) {
        const struct resource *resource = &run->resources[i];
        bool is_first = true;
        for (uint32_t unit = 0; unit < SLIPRING_UNIT_COUNT; unit++) {
            if (resource->usage.units[unit] == 0) {
                continue;
            }
            table_add(&table,
                      is_first ? render_safe(style, resource->name, sizeof resource->name, &text) : "");
            table_add(&table, is_first ? render_count(resource->responses, &text) : "");
            table_add(&table, sr_unit_name(unit));
            table_add(&table, render_count(resource->usage.units[unit], &text));
            is_first = false;
        }
        if (is_first) {
            table_add(&table, render_safe(style, resource->name, sizeof resource->name, &text));
            table_add(&table, render_count(resource->responses, &text));
            table_add(&table, render_absent(style));
            table_add(&table, "0");
        }
    }
    if (rows > 0) {
        table_print(&table, style, stdout);
    }
    table_close(&table);
    const bool is_dry = run->invocation->values[OPTION_dry_run] != NULL;
    printf("%s %s", render_count(run->recorded, &text), is_dry ? "would be recorded" : "recorded");
    printf(" for %s", render_safe(style, run->booking.name, SLIPRING_PRIMITIVE_NAME_MAX, &text));
    printf(", each %s, %s", render_duration(style, run->duration_ns, &text),
           run->outcome == SLIPRING_FAILURE ? "failure" : "success");
    if (run->tally.bad > 0) {
        printf("; %s bad", render_count(run->tally.bad, &text));
    }
    (void)fputc('\n', stdout);
}

static struct json_object *resources_json(const struct run *run)
{
    struct json_object *list = json_object_new_array();
    const uint32_t rows = run->resource_count + (run->resources[RESOURCES].responses > 0);
    for (uint32_t i = 0; list && i < rows; i++) {
        const struct resource *resource = &run->resources[i];
        struct json_object *object = json_object_new_object();
        struct json_object *units = json_object_new_object();
        if (!object || !units) {
            message_out_of_memory();
        }
        json_object_object_add(object, "resource", json_object_new_string(resource->name));
        json_object_object_add(object, "responses", json_object_new_uint64(resource->responses));
        for (uint32_t unit = 0; unit < SLIPRING_UNIT_COUNT; unit++) {
            if (resource->usage.units[unit] > 0) {
                json_object_object_add(units, sr_unit_name(unit),
                                       json_object_new_uint64(resource->usage.units[unit]));
            }
        }
        json_object_object_add(object, "units", units);
        json_object_array_add(list, object);
    }
    return list;
}

static void print_json(const struct run *run)
{
    struct json_object *root = json_object_new_object();
    const char *type = run->booking.type ? run->booking.type : "primitive";
    if (!root) {
        message_out_of_memory();
    }
    json_object_object_add(root, "store", json_object_new_string(run->invocation->store));
    json_object_object_add(root, "name", json_object_new_string(run->booking.name));
    json_object_object_add(root, "type", json_object_new_string(type));
    json_object_object_add(root, "dry_run",
                           json_object_new_boolean(run->invocation->values[OPTION_dry_run] != NULL));
    json_object_object_add(root, "duration_ns", json_object_new_uint64(run->duration_ns));
    json_object_object_add(root, "failure", json_object_new_boolean(run->outcome == SLIPRING_FAILURE));
    json_object_object_add(root, "recorded", json_object_new_uint64(run->recorded));
    json_object_object_add(root, "bad", json_object_new_uint64(run->tally.bad));
    json_object_object_add(root, "usage_lost", json_object_new_uint64(run->lost));
    json_object_object_add(root, "resources", resources_json(run));
    figures_print_json(root);
}

/* --- the command ------------------------------------------------------------------------------------------------------------ */

static int close_store(struct run *run, int status)
{
    if (run->booking.store && !booking_close(run->invocation, &run->booking)) {
        return STATUS_BAD;
    }
    if (run->lost > 0) {
        message_print("the usage of %" PRIu64 " was not recorded, their executions were: %s", run->lost,
                      slipring_status_text(run->lost_by));
        return STATUS_NO;
    }
    return status;
}

static int run_usage(const struct invocation *invocation)
{
    static struct run run;
    const char *const *values = invocation->values;
    run = (struct run){.invocation = invocation, .tally = {.invocation = invocation}};
    run.outcome = values[OPTION_failure] ? SLIPRING_FAILURE : SLIPRING_SUCCESS;
    if (!booking_parse(invocation, &run.booking) ||
        (values[OPTION_duration] && !booking_duration("duration", values[OPTION_duration], 0,
                                                      SLIPRING_DURATION_MAX_NS, &run.duration_ns))) {
        return STATUS_BAD;
    }
    /* A stream of many records by a ring, one record by the shared spill. */
    if (!values[OPTION_dry_run] && !booking_open(invocation, &run.booking, values[OPTION_lines] == NULL)) {
        return STATUS_BAD;
    }
    int status = values[OPTION_lines] ? read_lines(&run) : read_one(&run);
    if (status != STATUS_BAD && values[OPTION_json]) {
        print_json(&run);
    } else if (status != STATUS_BAD) {
        print_text(&run);
    }
    return close_store(&run, status);
}

const struct command command_usage = {
    .name = "usage",
    .synopsis = "[OPTION]... NAME < RESPONSE",
    .summary = "record what a language model used, from its provider's response",
    .description = "Reads the JSON that OpenAI, Anthropic, Google or Mistral answered, from standard input: "
                   "a whole response, its usage object alone "
                   "(then with --model), or of a stream the event that tells the usage. Records an execution "
                   "of the primitive NAME with the units "
                   "that it used: input, output, cached_input, cache_write, reasoning, audio_input, "
                   "audio_output, images, milliseconds. The agent prices "
                   "them by its price card; usage of a model that no card knows counts as unpriced.\n"
                   "Units are disjoint: cached and audio tokens are taken out of the input, reasoning out of "
                   "the output, where the provider counts them "
                   "in there. Whose response it is, is told by its keys and by the model's name; what OpenAI "
                   "and Anthropic, or OpenAI and Mistral, "
                   "would read differently is refused, unless --provider says. Refused is also what is no "
                   "whole number, parts greater than their total, "
                   "and a total that is not the sum of its parts: nothing is guessed.\n"
                   "Without --duration the execution took 0s: give it, or percentiles of NAME mean nothing. "
                   "With --lines each line is a response, and bad "
                   "ones are counted, told and passed over.",
    .exits = "0\trecorded\n"
             "1\tsome lines were bad, or the store had no place for the usage; the rest was recorded\n"
             "2\tbad input, or the store cannot be recorded into; nothing was recorded\n",
    .examples = "slipring usage chat --duration 1.2s < response.json\n"
                "slipring usage chat --type llm --duration 3s --provider openai --model gpt-4o < usage.json\n"
                "slipring usage batch --lines --dry-run < responses.jsonl\twhat would be recorded\n",
    COMMAND_OPTIONS(OPTION_type, OPTION_duration, OPTION_failure, OPTION_provider, OPTION_model, OPTION_lines,
                    OPTION_dry_run, OPTION_json),
    .min_words = 1,
    .max_words = 1,
    .run = run_usage,
};
