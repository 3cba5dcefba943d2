/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of the benchmark `overload`: see overload_result.h. */
#include "overload_result.h"

#define FIELD(member, kind, heading, width, help)                                                            \
    REPORT_FIELD(struct overload_result, member, kind, heading, width, help)

static const struct report_field fields[] = {
    FIELD(producers, COUNT, "procs", 5, "processes that recorded"),
    FIELD(seconds, NUMBER, "s", 6, "how long they did, on the clock"),
    FIELD(n, COUNT, "records", 11, "records in all"),
    FIELD(records_per_second, NUMBER, "a second", 10, "of all of them together"),
    FIELD(ns_cpu, NUMBER, "ns", 6,
          "processor time that a producer took for a record, the keeping of its own sums included"),
    FIELD(stops, COUNT, "stops", 5, "how often slipringd was stopped"),
    FIELD(stopped_share, SHARE, "stopped", 7, "of that time slipringd was stopped"),
    FIELD(spill_share, SHARE, "spilled", 7, "of the records, through a spill block"),
    FIELD(
        catch_up_ms, NUMBER, "catch up", 8,
        "milliseconds from letting slipringd go on until it had published all that was recorded before that "
        "moment, under load: the median over the stops"),
    FIELD(catch_up_max_ms, NUMBER, "most", 7, "the greatest of them"),
    FIELD(last_catch_up_ms, NUMBER, "last", 7,
          "the same after the last stop, with the producers done: until every figure agreed"),
    FIELD(compared, COUNT, "compared", 8,
          "figures compared with the producers' own sums: at the end, and again when the producers were dead "
          "and their rings free"),
    FIELD(differ, COUNT, "differ", 6, "of these, not the same"),
};

const struct report_table overload_table = {
    .name_heading = "store",
    .fields = fields,
    .field_count = sizeof fields / sizeof fields[0],
};
