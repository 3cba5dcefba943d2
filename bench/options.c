/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of slipring-bench: see options.h. */
#include "options.h"

#include <stdlib.h>
#include <string.h>

enum option_id {
#define BENCH_OPTION(id, name, argument, help) OPTION_##id,
#include "options.def"
#undef BENCH_OPTION
    OPTION_COUNT,
};

static const struct {
    const char *name, *argument, *help;
} table[OPTION_COUNT] = {
#define BENCH_OPTION(id, name, argument, help) [OPTION_##id] = {(name), (argument), (help)},
#include "options.def"
#undef BENCH_OPTION
};

/* The option that `text` is, "--name" or "--name=value". OPTION_COUNT: none. *out_value is NULL without '='. */
static enum option_id find_option(const char *text, const char **out_value)
{
    *out_value = NULL;
    if (strcmp(text, "-h") == 0) {
        return OPTION_help;
    }
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const size_t length = strlen(table[id].name);
        if (strncmp(text, table[id].name, length) == 0 && (text[length] == '\0' || text[length] == '=')) {
            *out_value = text[length] == '=' ? text + length + 1 : NULL;
            return (enum option_id)id;
        }
    }
    return OPTION_COUNT;
}

static bool take_number(enum option_id id, const char *text, uint32_t least, uint32_t most, uint32_t *out)
{
    const size_t length = strlen(text);
    const bool is_number = length > 0 && length < 10 && strspn(text, "0123456789") == length;
    const unsigned long value = is_number ? strtoul(text, NULL, 10) : 0;
    if (!is_number || value < least || value > most) {
        fprintf(stderr, "slipring-bench: %s: '%s' is no number from %u to %u\n", table[id].name, text, least,
                most);
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

static bool take_value(enum option_id id, const char *text, struct options *options)
{
    switch (id) {
    case OPTION_rounds:
        return take_number(id, text, 1, 1000, &options->rounds);
    case OPTION_batch:
        return take_number(id, text, 1, 100000000, &options->batch);
    case OPTION_bursts:
        return take_number(id, text, 1, 100000, &options->bursts);
    case OPTION_cpu:
        return take_number(id, text, 0, 1023, &options->cpu);
    default:
        options->only = text;
        return true;
    }
}

static bool take_word(const char *word, struct options *options)
{
    if (word[0] == '-') {
        fprintf(stderr, "slipring-bench: there is no option %s: see slipring-bench --help\n", word);
        return false;
    }
    if (options->benchmark) {
        fprintf(stderr, "slipring-bench: one benchmark at a time: %s or %s\n", options->benchmark, word);
        return false;
    }
    options->benchmark = word;
    return true;
}

/* A switch: what it makes of the task. */
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
        options->is_json = true;
        return OPTIONS_RUN;
    }
}

/* One argument, and its value at *at + 1 when it has one there. */
static enum options_task take(int count, char *const *arguments, int *at, struct options *options)
{
    const char *value;
    const enum option_id id = find_option(arguments[*at], &value);
    if (id == OPTION_COUNT) {
        return take_word(arguments[*at], options) ? OPTIONS_RUN : OPTIONS_BAD;
    }
    if (!table[id].argument) {
        if (value) {
            fprintf(stderr, "slipring-bench: %s takes no value\n", table[id].name);
            return OPTIONS_BAD;
        }
        return take_switch(id, options);
    }
    if (!value && *at + 1 < count) {
        value = arguments[++*at];
    }
    if (!value) {
        fprintf(stderr, "slipring-bench: %s needs a value: %s %s\n", table[id].name, table[id].name,
                table[id].argument);
        return OPTIONS_BAD;
    }
    return take_value(id, value, options) ? OPTIONS_RUN : OPTIONS_BAD;
}

enum options_task options_parse(int count, char *const *arguments, struct options *out_options)
{
    *out_options = (struct options){.rounds = 11, .batch = 100000, .bursts = 60, .cpu = OPTIONS_CPU_ANY};
    enum options_task task = OPTIONS_RUN;
    for (int at = 1; at < count && task == OPTIONS_RUN; at++) {
        task = take(count, arguments, &at, out_options);
    }
    if (task == OPTIONS_RUN && !out_options->benchmark) {
        fputs("slipring-bench: which benchmark? See slipring-bench --list\n", stderr);
        return OPTIONS_BAD;
    }
    return task;
}

static void print_help_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        fputc(*text, out);
        if (*text == '\n') {
            fputs("                      ", out);
        }
    }
    fputc('\n', out);
}

void options_help(FILE *out)
{
    fputs("usage: slipring-bench [OPTION]... BENCHMARK\n\n"
          "Measures Slipring on this machine. Look at the ratios: they are taken within one\n"
          "run, from rounds that alternate between the cases. Makes stores of its own in a\n"
          "folder of its own below $SLIPRING_SHM_DIR (default /dev/shm) and removes them.\n"
          "Cases that need an agent start the slipringd that lies beside slipring-bench.\n\n"
          "OPTIONS\n",
          out);
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        char name[32];
        (void)snprintf(name, sizeof name, "%s%s%s", table[id].name, table[id].argument ? " " : "",
                       table[id].argument ? table[id].argument : "");
        fprintf(out, "  %-19s ", name);
        print_help_text(out, table[id].help);
    }
    fputs("\nBENCHMARKS\n", out);
#define BENCHMARK(name, summary) fprintf(out, "  %-19s %s\n", #name, summary);
#include "benchmarks.def"
#undef BENCHMARK
    fputs("\nEXIT STATUS\n"
          "  0   done, and everything recorded was found again\n"
          "  1   something recorded was not found again: the figures are worth nothing\n"
          "  2   could not run\n",
          out);
}

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
