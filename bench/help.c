/* SPDX-License-Identifier: Apache-2.0 */
/* Printing help pages: see help.h. */
#include "help.h"

#include <string.h>

#include "bench.h"

enum { WIDTH = 80, INDENT = 2, HANG = 22 };

/* --- text ----------------------------------------------------------------------------------------------------------------- */

/* Words of `text` up to its end or line end, wrapped, each line but the first behind `indent` blanks. Returns the column. */
static int print_words(FILE *out, const char *text, int indent, int column)
{
    const char *end = text + strcspn(text, "\n");
    while (text < end) {
        const int length = (int)strcspn(text, " \n");
        if (column > indent && column + 1 + length > WIDTH) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            fputc(' ', out);
            column++;
        }
        fprintf(out, "%.*s", length, text);
        column += length;
        text += length;
        text += strspn(text, " ");
    }
    return column;
}

static void print_paragraphs(FILE *out, const char *text)
{
    while (*text) {
        fprintf(out, "%*s", INDENT, "");
        (void)print_words(out, text, INDENT, INDENT);
        fputc('\n', out);
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
}

/* Returns the column of what it means. */
static int print_term(FILE *out, const char *term)
{
    const int length = (int)strlen(term);
    fprintf(out, "%*s%s", INDENT, "", term);
    if (INDENT + length + 1 > HANG) {
        fprintf(out, "\n%*s", HANG, "");
    } else {
        fprintf(out, "%*s", HANG - INDENT - length, "");
    }
    return HANG;
}

/* --- options -------------------------------------------------------------------------------------------------------------- */

/* Returns the column. */
static int print_option(FILE *out, enum option_id id)
{
    const struct option_spec *option = &option_specs[id];
    char term[48];
    (void)snprintf(term, sizeof term, "%s%s%s", option->name, option->argument ? " " : "",
                   option->argument ? option->argument : "");
    return print_words(out, option->help, HANG, print_term(out, term));
}

/* The benchmarks that take it, and their defaults. */
static void print_takers(FILE *out, enum option_id id, int column)
{
    const char *before = "Of";
    for (uint32_t i = 0; i < BENCH_COUNT; i++) {
        const struct option_use *use = options_use(benchmarks[i], id);
        char text[64];
        if (!use) {
            continue;
        }
        if (option_specs[id].is_number) {
            (void)snprintf(text, sizeof text, "%s %s (%u)", before, benchmarks[i]->name, use->number);
        } else {
            (void)snprintf(text, sizeof text, "%s %s", before, benchmarks[i]->name);
        }
        if (before[0] == ',') {
            fputc(',', out);
            column = print_words(out, text + 2, HANG, column + 1);
        } else {
            column = print_words(out, text, HANG, column);
        }
        before = ",";
    }
    fputs(".\n", out);
}

static void print_options(FILE *out)
{
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const int column = print_option(out, (enum option_id)id);
        if (option_specs[id].is_for_all) {
            fputc('\n', out);
        } else {
            print_takers(out, (enum option_id)id, column);
        }
    }
}

static void print_options_of(FILE *out, const struct benchmark *benchmark)
{
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const struct option_use *use = options_use(benchmark, (enum option_id)id);
        if (!use && !option_specs[id].is_for_all) {
            continue;
        }
        int column = print_option(out, (enum option_id)id);
        if (use && option_specs[id].is_number) {
            char text[32];
            (void)snprintf(text, sizeof text, "Default: %u.", use->number);
            column = print_words(out, text, HANG, column);
        }
        if (use && use->more) {
            (void)print_words(out, use->more, HANG, column);
        }
        fputc('\n', out);
    }
}

/* --- fields --------------------------------------------------------------------------------------------------------------- */

static void print_field(FILE *out, const char *key, const char *help)
{
    (void)print_words(out, help, HANG, print_term(out, key));
    fputc('\n', out);
}

static void print_fields(FILE *out, const struct report_table *table)
{
    fprintf(out, "\nFIELDS%s%s\n", table->title ? " OF " : "", table->title ? table->title : "");
    for (uint32_t i = 0; i < table->field_count; i++) {
        const struct report_field *field = &table->fields[i];
        print_field(out, field->key, field->help);
    }
}

static void print_common_fields(FILE *out)
{
    fputs("\nFIELDS OF EVERY LINE\n", out);
    for (uint32_t i = 0; i < report_common_field_count; i++) {
        print_field(out, report_common_fields[i].key, report_common_fields[i].help);
    }
}

/* --- pages ---------------------------------------------------------------------------------------------------------------- */

static void print_statuses(FILE *out)
{
    fputs("\nEXIT STATUS\n"
          "  0   done, and everything recorded was found again\n"
          "  1   something recorded was not found again: the figures are worth nothing\n"
          "  2   could not run\n",
          out);
}

void help_print(FILE *out)
{
    fputs("usage: slipring-bench [OPTION]... BENCHMARK\n"
          "       slipring-bench BENCHMARK --help\n\n"
          "Measures Slipring on this machine. Look at the ratios: they are taken within one\n"
          "run, from rounds that alternate between the cases. Makes stores of its own in a\n"
          "folder of its own below $SLIPRING_SHM_DIR (default /dev/shm) and removes them.\n"
          "Cases that need an agent start the slipringd that lies beside slipring-bench.\n\n"
          "BENCHMARKS\n",
          out);
    for (uint32_t id = 0; id < BENCH_COUNT; id++) {
        print_field(out, benchmarks[id]->name, benchmarks[id]->summary);
    }
    fputs("\nOPTIONS, with the benchmarks that take them and their defaults there\n", out);
    print_options(out);
    print_statuses(out);
}

void help_print_benchmark(FILE *out, const struct benchmark *benchmark)
{
    fprintf(out, "usage: slipring-bench %s [OPTION]...\n\n", benchmark->name);
    print_paragraphs(out, benchmark->about);
    fputs("\nOPTIONS\n", out);
    print_options_of(out, benchmark);
    for (uint32_t i = 0; i < benchmark->table_count; i++) {
        print_fields(out, benchmark->tables[i]);
    }
    print_common_fields(out);
    fprintf(out, "\nEXAMPLE\n  %s\n", benchmark->example);
    print_statuses(out);
}
