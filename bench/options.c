/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of slipring-bench: see options.h. */
#include "options.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

enum option_kind { KIND_NUMBER, KIND_LIST, KIND_TEXT, KIND_SWITCH, KIND_TASK };
enum option_scope { SCOPE_ALL, SCOPE_SOME };

const struct option_spec option_specs[OPTION_COUNT] = {
#define BENCH_OPTION(kind, id, scope, name, argument, least, most, help)                                     \
    [OPTION_##id] = {(name),                                                                                 \
                     (argument),                                                                             \
                     (help),                                                                                 \
                     (least),                                                                                \
                     (most),                                                                                 \
                     KIND_##kind == KIND_NUMBER,                                                             \
                     SCOPE_##scope == SCOPE_ALL},
#include "options.def"
#undef BENCH_OPTION
};

#define OPTION_OFFSET_NUMBER(id) offsetof(struct options, id)
#define OPTION_OFFSET_LIST(id)   offsetof(struct options, id)
#define OPTION_OFFSET_TEXT(id)   offsetof(struct options, id)
#define OPTION_OFFSET_SWITCH(id) offsetof(struct options, id)
#define OPTION_OFFSET_TASK(id)   0

/* Where its value goes, and how it is read. */
static const struct {
    enum option_kind kind;
    size_t offset;
} places[OPTION_COUNT] = {
#define BENCH_OPTION(kind, id, scope, name, argument, least, most, help)                                     \
    [OPTION_##id] = {KIND_##kind, OPTION_OFFSET_##kind(id)},
#include "options.def"
#undef BENCH_OPTION
};

static void *place_of(enum option_id id, struct options *options)
{
    return (char *)options + places[id].offset;
}

/* --- one argument --------------------------------------------------------------------------------------------------------- */

/* The option that `text` is, "--name" or "--name=value". OPTION_COUNT: none. *out_value is NULL without '='. */
static enum option_id find_option(const char *text, const char **out_value)
{
    *out_value = NULL;
    if (strcmp(text, "-h") == 0) {
        return OPTION_help;
    }
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const size_t length = strlen(option_specs[id].name);
        if (strncmp(text, option_specs[id].name, length) == 0 &&
            (text[length] == '\0' || text[length] == '=')) {
            *out_value = text[length] == '=' ? text + length + 1 : NULL;
            return (enum option_id)id;
        }
    }
    return OPTION_COUNT;
}

static bool take_number(enum option_id id, const char *text, size_t length, uint32_t *out)
{
    const struct option_spec *option = &option_specs[id];
    const bool is_number = length > 0 && length < 10 && strspn(text, "0123456789") >= length;
    const unsigned long value = is_number ? strtoul(text, NULL, 10) : 0; /* ends at the comma, too */
    if (!is_number || value < option->least || value > option->most) {
        fprintf(stderr, "slipring-bench: %s: '%.*s' is no number from %u to %u\n", option->name, (int)length,
                text, option->least, option->most);
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

static bool take_list(enum option_id id, const char *text, struct option_list *out_list)
{
    struct option_list list = {0};
    for (const char *at = text; at;) {
        const size_t length = strcspn(at, ",");
        if (list.count == OPTIONS_LIST_MAX) {
            fprintf(stderr, "slipring-bench: %s: more than %u numbers\n", option_specs[id].name,
                    OPTIONS_LIST_MAX);
            return false;
        }
        if (!take_number(id, at, length, &list.values[list.count++])) {
            return false;
        }
        at = at[length] == ',' ? at + length + 1 : NULL;
    }
    *out_list = list;
    return true;
}

static bool take_value(enum option_id id, const char *text, struct options *options)
{
    switch (places[id].kind) {
    case KIND_NUMBER:
        return take_number(id, text, strlen(text), place_of(id, options));
    case KIND_LIST:
        return take_list(id, text, place_of(id, options));
    default:
        *(const char **)place_of(id, options) = text;
        return true;
    }
}

/* An option without a value: what it makes of the task. */
static enum options_task take_switch(enum option_id id, struct options *options)
{
    switch (id) {
    case OPTION_help:
        return OPTIONS_HELP;
    case OPTION_version:
        return OPTIONS_VERSION;
    case OPTION_list:
        return OPTIONS_LIST;
    default:
        *(bool *)place_of(id, options) = true;
        return OPTIONS_RUN;
    }
}

/* One option, and its value at *at + 1 when it has one there. */
static enum options_task take(int count, char *const *arguments, int *at, struct options *options)
{
    const char *value;
    const enum option_id id = find_option(arguments[*at], &value);
    const struct option_spec *option = &option_specs[id];
    if (options->benchmark && !option->is_for_all && !options_use(options->benchmark, id)) {
        fprintf(stderr, "slipring-bench: %s takes no %s: see slipring-bench %s --help\n",
                options->benchmark->name, option->name, options->benchmark->name);
        return OPTIONS_BAD;
    }
    if (!option->argument) {
        if (value) {
            fprintf(stderr, "slipring-bench: %s takes no value\n", option->name);
            return OPTIONS_BAD;
        }
        return take_switch(id, options);
    }
    if (!value && *at + 1 < count) {
        value = arguments[++*at];
    }
    if (!value) {
        fprintf(stderr, "slipring-bench: %s needs a value: %s %s\n", option->name, option->name,
                option->argument);
        return OPTIONS_BAD;
    }
    return take_value(id, value, options) ? OPTIONS_RUN : OPTIONS_BAD;
}

/* --- all of them ---------------------------------------------------------------------------------------------------------- */

static bool take_benchmark(const char *word, struct options *options)
{
    if (options->benchmark) {
        fprintf(stderr, "slipring-bench: one benchmark at a time: %s or %s\n", options->benchmark->name,
                word);
        return false;
    }
    options->benchmark = bench_find(word);
    if (!options->benchmark) {
        fprintf(stderr, "slipring-bench: there is no benchmark %s: see slipring-bench --list\n", word);
    }
    return options->benchmark != NULL;
}

/* First of all the benchmark, wherever it stands: it says which options may stand beside it. */
static bool find_benchmark(int count, char *const *arguments, struct options *options)
{
    for (int at = 1; at < count; at++) {
        const char *value;
        const enum option_id id = find_option(arguments[at], &value);
        if (id != OPTION_COUNT) {
            at += option_specs[id].argument && !value; /* the next one is its value */
        } else if (arguments[at][0] == '-') {
            fprintf(stderr, "slipring-bench: there is no option %s: see slipring-bench --help\n",
                    arguments[at]);
            return false;
        } else if (!take_benchmark(arguments[at], options)) {
            return false;
        }
    }
    return true;
}

static void set_defaults(struct options *options)
{
    options->cpu = OPTIONS_CPU_ANY;
    for (uint32_t i = 0; options->benchmark && i < options->benchmark->option_count; i++) {
        const struct option_use *use = &options->benchmark->options[i];
        if (option_specs[use->id].is_number) {
            *(uint32_t *)place_of(use->id, options) = use->number;
        }
    }
}

enum options_task options_parse(int count, char *const *arguments, struct options *out_options)
{
    *out_options = (struct options){0};
    if (!find_benchmark(count, arguments, out_options)) {
        return OPTIONS_BAD;
    }
    set_defaults(out_options);
    enum options_task task = OPTIONS_RUN;
    for (int at = 1; at < count && task == OPTIONS_RUN; at++) {
        task = arguments[at][0] == '-' ? take(count, arguments, &at, out_options) : OPTIONS_RUN;
    }
    if (task == OPTIONS_RUN && !out_options->benchmark) {
        fputs("slipring-bench: which benchmark? See slipring-bench --list\n", stderr);
        return OPTIONS_BAD;
    }
    return task;
}

const struct option_use *options_use(const struct benchmark *benchmark, enum option_id id)
{
    for (uint32_t i = 0; i < benchmark->option_count; i++) {
        if (benchmark->options[i].id == id) {
            return &benchmark->options[i];
        }
    }
    return NULL;
}

/* --- the cases of --only -------------------------------------------------------------------------------------------------- */

bool options_wants(const struct options *options, const char *name)
{
    const size_t length = strlen(name);
    for (const char *at = options->only; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0')) {
            return true;
        }
    }
    return options->only == NULL;
}

bool options_only_is_known(const struct options *options, const char *const *names, uint32_t count)
{
    for (const char *at = options->only; at;) {
        const size_t length = strcspn(at, ",");
        uint32_t id = 0;
        while (id < count && (strlen(names[id]) != length || strncmp(at, names[id], length) != 0)) {
            id++;
        }
        if (id == count) {
            fprintf(stderr, "slipring-bench: --only: %s has no case '%.*s'\n", options->benchmark->name,
                    (int)length, at);
            return false;
        }
        at = at[length] == ',' ? at + length + 1 : NULL;
    }
    return true;
}
