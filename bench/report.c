/* SPDX-License-Identifier: Apache-2.0 */
/* Printing results: see report.h. */
#include "report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "pure/number.h"

#define NAME_WIDTH    16
#define CHECKED_WIDTH 14

const struct report_field report_common_fields[] = {
    {.key = "benchmark", .help = "the benchmark"},
    {.key = "name", .help = "the case"},
    {.key = "conserved", .help = "everything that was recorded was found again, exactly"},
    {.key = "checked", .help = "where: in private memory, in the segment, in the agent's books"},
    {.key = "rounds", .help = "how often each case was measured"},
    {.key = "record_bytes", .help = "of a sample without a cost in a ring"},
    {.key = "pinned", .help = "whether each side was held on a CPU of its own: cpu and consumer_cpu"},
    {.key = "cpu, consumer_cpu", .help = "where the measured side ran, and where agents and consumers ran"},
};
const uint32_t report_common_field_count = sizeof report_common_fields / sizeof report_common_fields[0];

static const char *text_of(const struct report_field *field, const void *values)
{
    return *(const char *const *)((const char *)values + field->offset);
}

static double number_of(const struct report_field *field, const void *values)
{
    return *(const double *)((const char *)values + field->offset);
}

static uint64_t count_of(const struct report_field *field, const void *values)
{
    return *(const uint64_t *)((const char *)values + field->offset);
}

static bool bool_of(const struct report_field *field, const void *values)
{
    return *(const bool *)((const char *)values + field->offset);
}

/* --- for people ----------------------------------------------------------------------------------------------------------- */

static void print_cell(const struct report_field *field, const void *values)
{
    char text[32] = "-";
    switch (field->kind) {
    case REPORT_TEXT:
        printf(" %-*s", (int)field->width, text_of(field, values) ? text_of(field, values) : "");
        return;
    case REPORT_COUNT:
        (void)snprintf(text, sizeof text, "%" PRIu64, count_of(field, values));
        break;
    case REPORT_BOOL:
        (void)snprintf(text, sizeof text, "%s", bool_of(field, values) ? "yes" : "no");
        break;
    case REPORT_NUMBER:
    case REPORT_RATIO:
    case REPORT_SHARE:
    default: {
        const double number = number_of(field, values);
        if (isnan(number)) {
            break;
        }
        if (field->kind == REPORT_RATIO) {
            (void)snprintf(text, sizeof text, "%.2fx", number);
        } else if (field->kind == REPORT_SHARE) {
            (void)snprintf(text, sizeof text, "%.1f%%", 100 * number);
        } else {
            (void)snprintf(text, sizeof text, fabs(number) < 1000 ? "%.2f" : "%.0f", number);
        }
    }
    }
    printf(" %*s", (int)field->width, text);
}

static void print_row(const struct report_table *table, const struct report_line *line, const void *values)
{
    printf("%-*s", NAME_WIDTH, line->name);
    for (uint32_t i = 0; i < table->field_count; i++) {
        if (table->fields[i].heading) {
            print_cell(&table->fields[i], values);
        }
    }
    printf("  %-*s %s\n", CHECKED_WIDTH, line->conserved ? line->checked : "NOT CONSERVED",
           line->title ? line->title : "");
}

void report_begin(const struct options *options, const struct machine *machine, const char *sentence)
{
    if (options->json) {
        return;
    }
    printf("%s: %s\n", options->benchmark->name, sentence);
    if (machine->is_pinned) {
        printf("pinned to CPU %u, consumers to CPU %u; ", machine->cpu, machine->consumer_cpu);
    } else {
        fputs("not pinned; ", stdout);
    }
    printf("%d bytes a sample\n", REPORT_RECORD_BYTES);
}

void report_head(const struct options *options, const struct report_table *table)
{
    if (options->json) {
        return;
    }
    printf("\n%-*s", NAME_WIDTH, table->name_heading ? table->name_heading : "");
    for (uint32_t i = 0; i < table->field_count; i++) {
        const struct report_field *field = &table->fields[i];
        if (field->heading) {
            printf(field->kind == REPORT_TEXT ? " %-*s" : " %*s", (int)field->width, field->heading);
        }
    }
    printf("  %-*s\n", CHECKED_WIDTH, "conserved in");
}

/* --- for programs --------------------------------------------------------------------------------------------------------- */

static void print_string(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\' || (unsigned char)*text < ' ') {
            printf("\\u%04x", (unsigned)(unsigned char)*text);
        } else {
            putchar(*text);
        }
    }
    putchar('"');
}

/* To four digits behind the point, a share to six. */
static void print_number(const struct report_field *field, double value)
{
    const double scale = field->kind == REPORT_SHARE ? 1e6 : 1e4;
    char text[SR_NUMBER_TEXT_BYTES];
    fputs(isnan(value) || sr_number_format(round(value * scale) / scale, text) == 0 ? "null" : text, stdout);
}

static bool has_value(const struct report_field *field, const void *values)
{
    switch (field->kind) {
    case REPORT_TEXT:
        return text_of(field, values) != NULL;
    case REPORT_COUNT:
        return count_of(field, values) != 0;
    case REPORT_BOOL:
        return true;
    case REPORT_NUMBER:
    case REPORT_RATIO:
    case REPORT_SHARE:
    default:
        return !isnan(number_of(field, values));
    }
}

static void print_member(const struct report_field *field, const void *values)
{
    if (field->is_optional && !has_value(field, values)) {
        return;
    }
    printf(",\"%s\":", field->key);
    switch (field->kind) {
    case REPORT_TEXT:
        if (text_of(field, values)) {
            print_string(text_of(field, values));
        } else {
            fputs("null", stdout);
        }
        break;
    case REPORT_COUNT:
        printf("%" PRIu64, count_of(field, values));
        break;
    case REPORT_BOOL:
        fputs(bool_of(field, values) ? "true" : "false", stdout);
        break;
    case REPORT_NUMBER:
    case REPORT_RATIO:
    case REPORT_SHARE:
    default:
        print_number(field, number_of(field, values));
    }
}

static void print_object(const struct options *options, const struct machine *machine,
                         const struct report_table *table, const struct report_line *line, const void *values)
{
    printf("{\"benchmark\":\"%s\",\"name\":", options->benchmark->name);
    print_string(line->name);
    for (uint32_t i = 0; i < table->field_count; i++) {
        print_member(&table->fields[i], values);
    }
    printf(",\"conserved\":%s,\"checked\":", line->conserved ? "true" : "false");
    print_string(line->checked);
    printf(",\"rounds\":%u,\"record_bytes\":%d,\"pinned\":%s,\"cpu\":%u,\"consumer_cpu\":%u}\n",
           options->rounds ? options->rounds : 1, REPORT_RECORD_BYTES, machine->is_pinned ? "true" : "false",
           machine->cpu, machine->consumer_cpu);
}

void report_row(const struct options *options, const struct machine *machine,
                const struct report_table *table, const struct report_line *line, const void *values)
{
    if (options->json) {
        print_object(options, machine, table, line, values);
    } else {
        print_row(table, line, values);
    }
    (void)fflush(stdout); /* a run may last: what failed is found at the end */
}
