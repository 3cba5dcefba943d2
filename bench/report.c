/* SPDX-License-Identifier: Apache-2.0 */
/* Printing results: see report.h. */
#include "report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bursts.h"
#include "pure/number.h"

#define RECORD_BYTES 32

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

double report_median(double *values, uint32_t count)
{
    qsort(values, count, sizeof values[0], compare);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* --- for people ------------------------------------------------------------------------------------------------------------ */

static void print_ratio(double ratio)
{
    if (isnan(ratio)) {
        printf(" %7s", "-");
    } else {
        printf(" %6.2fx", ratio);
    }
}

static void print_row(const struct result *result)
{
    printf("%-16s %7.2f %7.2f %7.2f", result->name, result->ns, result->ns_min, result->ns_max);
    print_ratio(result->ratio_same_books);
    print_ratio(result->ratio_peer);
    printf(" %-10s", result->peer ? result->peer : "");
    if (isnan(result->spill_share)) {
        printf(" %7s", "-");
    } else {
        printf(" %6.1f%%", 100 * result->spill_share);
    }
    printf("  %-14s %s\n", result->conserved ? result->checked : "NOT CONSERVED", result->title);
}

static void print_head(const struct options *options, const struct machine *machine)
{
    printf("%u rounds; at full speed %u records a round, in bursts %u bursts of %u to %u, one each ms\n",
           options->rounds, options->batch, options->bursts, BURST_LEAST, BURST_MOST);
    if (machine->is_pinned) {
        printf("pinned to CPU %u, consumers to CPU %u; %d bytes a sample\n\n", machine->cpu,
               machine->consumer_cpu, RECORD_BYTES);
    } else {
        printf("not pinned; %d bytes a sample\n\n", RECORD_BYTES);
    }
    printf("%-16s %7s %7s %7s %7s %7s %-10s %7s  %-14s\n", "", "ns", "min", "max", "x same", "x peer", "peer",
           "spilled", "conserved in");
}

/* --- for programs ---------------------------------------------------------------------------------------------------------- */

static void print_number(const char *key, double value)
{
    char text[SR_NUMBER_TEXT_BYTES];
    printf(",\"%s\":%s", key,
           isnan(value) || sr_number_format(round(value * 1e4) / 1e4, text) == 0 ? "null" : text);
}

static void print_object(const char *benchmark, const struct options *options, const struct machine *machine,
                         const struct result *result)
{
    printf("{\"benchmark\":\"%s\",\"name\":\"%s\"", benchmark, result->name);
    print_number("ns", result->ns);
    print_number("ns_min", result->ns_min);
    print_number("ns_max", result->ns_max);
    print_number("ratio_same_books", result->ratio_same_books);
    if (result->peer) {
        printf(",\"peer\":\"%s\"", result->peer);
        print_number("ratio_peer", result->ratio_peer);
    }
    print_number("spill_share", result->spill_share);
    printf(",\"conserved\":%s,\"checked\":\"%s\",\"n\":%" PRIu64 ",\"rounds\":%u,\"record_bytes\":%d",
           result->conserved ? "true" : "false", result->checked, result->n, options->rounds, RECORD_BYTES);
    printf(",\"mode\":\"%s\",\"batch\":%u", result->in_bursts ? "bursts" : "full_speed",
           result->in_bursts ? options->bursts : options->batch);
    if (result->ring_samples != 0) {
        printf(",\"ring_samples\":%u", result->ring_samples);
    }
    printf(",\"pinned\":%s,\"cpu\":%u,\"consumer_cpu\":%u}\n", machine->is_pinned ? "true" : "false",
           machine->cpu, machine->consumer_cpu);
}

/* --- both ------------------------------------------------------------------------------------------------------------------ */

void report_begin(const char *benchmark, const struct options *options, const struct machine *machine)
{
    if (!options->is_json) {
        printf("%s: ", benchmark);
        print_head(options, machine);
    }
}

void report_result(const char *benchmark, const struct options *options, const struct machine *machine,
                   const struct result *result)
{
    if (options->is_json) {
        print_object(benchmark, options, machine, result);
    } else {
        print_row(result);
    }
}
