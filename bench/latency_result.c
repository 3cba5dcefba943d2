/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of the benchmark `latency`: see latency_result.h. */
#include "latency_result.h"

#define FIELD(member, kind, heading, width, help)                                                            \
    REPORT_FIELD(struct latency_result, member, kind, heading, width, help)

static const struct report_field fields[] = {
    FIELD(n, COUNT, "calls", 9, "single calls that were timed"),
    FIELD(mean_ns, NUMBER, NULL, 0,
          "of all calls, the two readings of the time included, as in all that follows"),
    FIELD(mean99_ns, NUMBER, "mean99", 7,
          "mean of the 99 of 100 that were fastest: finer than the percentiles where the counter goes in "
          "steps"),
    FIELD(p50_ns, NUMBER, "p50", 7,
          "half of the calls took at most that; within 1.083 %, as all percentiles"),
    FIELD(p99_ns, NUMBER, "p99", 7, "99 of 100"),
    FIELD(p999_ns, NUMBER, "p99.9", 7, "999 of 1000"),
    FIELD(p9999_ns, NUMBER, "p99.99", 8, "9999 of 10000"),
    FIELD(worst_ns, NUMBER, "worst", 8, "the longest, exactly"),
    FIELD(over_mean99_ns, NUMBER, "mean99 -", 9,
          "the mean99 less that of empty in the same run: what the call itself takes"),
    FIELD(over_p50_ns, NUMBER, "p50 -", 7, "the same of p50"),
    FIELD(over_p99_ns, NUMBER, "p99 -", 7, "of p99"),
    FIELD(over_p999_ns, NUMBER, "p99.9 -", 7, "of p99.9"),
    FIELD(over_p9999_ns, NUMBER, "p99.99 -", 8, "of p99.99"),
    FIELD(over_worst_ns, NUMBER, "worst -", 9, "of the longest; may be negative: both were interrupted"),
    FIELD(spill_share, SHARE, "spilled", 7, "of the records, through a spill block; null for what has none"),
    FIELD(timer, TEXT, NULL, 0, "ticks: the processor's counter, fenced; or clock: CLOCK_MONOTONIC"),
    FIELD(resolution_ns, NUMBER, NULL, 0, "what its readings are multiples of"),
};

const struct report_table latency_table = {
    .fields = fields,
    .field_count = sizeof fields / sizeof fields[0],
};

#define RANGE(member, kind, heading, width, help)                                                            \
    REPORT_FIELD(struct latency_range, member, kind, heading, width, help)

static const struct report_field ranges[] = {
    RANGE(from_ns, NUMBER, "over ns", 12, "the range: longer than that"),
    RANGE(to_ns, NUMBER, "to ns", 12, "and at most that"),
#define LATENCY_CASE(id, title, store, has_cost)                                                             \
    RANGE(id, COUNT, #id, 10, "calls of the case of that name in the range"),
#include "latency_cases.def"
#undef LATENCY_CASE
};

const struct report_table latency_ranges = {
    .title = "THE LINES `histogram`",
    .fields = ranges,
    .field_count = sizeof ranges / sizeof ranges[0],
};
