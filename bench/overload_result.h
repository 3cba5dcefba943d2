/* SPDX-License-Identifier: Apache-2.0 */
/* A row of the benchmark `overload`. */
#ifndef BENCH_OVERLOAD_RESULT_H
#define BENCH_OVERLOAD_RESULT_H

#include <stdint.h>

#include "report.h"

struct overload_result {
    struct report_line line;
    uint64_t producers;
    double seconds;
    uint64_t n;
    double records_per_second;
    double ns_cpu;
    uint64_t stops;
    double stopped_share;
    double spill_share;
    double catch_up_ms, catch_up_max_ms, last_catch_up_ms;
    uint64_t compared, differ;
};

extern const struct report_table overload_table;

#endif
