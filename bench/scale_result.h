/* SPDX-License-Identifier: Apache-2.0 */
/* A row of the benchmark `scale`. */
#ifndef BENCH_SCALE_RESULT_H
#define BENCH_SCALE_RESULT_H

#include <stdint.h>

#include "report.h"

struct scale_result {
    struct report_line line;
    const char *kind;
    uint64_t producers;
    double records_per_second;
    double ns_wall, ns_cpu, ns_cpu_min, ns_cpu_max;
    double ratio_one, ratio_cpu_one, ratio_same_books;
    double spill_share;
    uint64_t n, cpus;
};

extern const struct report_table scale_table;

#endif
