/* SPDX-License-Identifier: Apache-2.0 */
/* Results of a run, as a table for people and as one JSON object a line for programs. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "machine.h"
#include "options.h"

struct result {
    const char *name;
    const char *title;
    const char *peer;          /* what it is also compared with; NULL: nothing */
    const char *checked;       /* where everything was found again: "private", "segment", "books" */
    double ns, ns_min, ns_max; /* of one record; median, least and greatest over the rounds */
    double ratio_same_books;   /* median over the rounds; NaN: not known */
    double ratio_peer;
    double spill_share;    /* of n; NaN: it has no spill */
    uint64_t n;            /* records, with those of the warm-up */
    uint32_t ring_samples; /* 0: none, or not known */
    bool in_bursts;
    bool conserved;
};

/* The median; sorts the values. count is at least 1. */
double report_median(double *values, uint32_t count);

void report_begin(const char *benchmark, const struct options *options, const struct machine *machine);
void report_result(const char *benchmark, const struct options *options, const struct machine *machine,
                   const struct result *result);

#endif
