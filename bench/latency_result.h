/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the benchmark `latency`: a case each, and a range of the histogram each. */
#ifndef BENCH_LATENCY_RESULT_H
#define BENCH_LATENCY_RESULT_H

#include <stdint.h>

#include "report.h"

struct latency_result {
    struct report_line line;
    uint64_t n;
    double mean_ns, mean99_ns, p50_ns, p99_ns, p999_ns, p9999_ns, worst_ns;
    double over_mean99_ns, over_p50_ns, over_p99_ns, over_p999_ns, over_p9999_ns, over_worst_ns;
    double spill_share;
    const char *timer;
    double resolution_ns;
};

/* In the order of latency_cases.def. */
struct latency_range {
    struct report_line line;
    double from_ns, to_ns;
#define LATENCY_CASE(id, title, store, has_cost) uint64_t id;
#include "latency_cases.def"
#undef LATENCY_CASE
};

extern const struct report_table latency_table;
extern const struct report_table latency_ranges;

#endif
