/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of the benchmark `scale`: see scale_result.h. */
#include "scale_result.h"

#define FIELD(member, kind, heading, width, help)                                                            \
    REPORT_FIELD(struct scale_result, member, kind, heading, width, help)

static const struct report_field fields[] = {
    FIELD(kind, TEXT, NULL, 0,
          "processes; threads of one process; private: processes that book in private memory, the yardstick"),
    FIELD(producers, COUNT, "many", 5, "how many recorded at once"),
    FIELD(records_per_second, NUMBER, "a second", 10, "of all of them together: median over the rounds"),
    FIELD(ratio_one, RATIO, "x one", 7,
          "that, by the same of one producer of this kind in the same round: as many times as there are "
          "processors is the best there can be"),
    FIELD(ns_wall, NUMBER, "ns wall", 8, "from one record to the next of one producer, on the clock"),
    FIELD(ns_cpu, NUMBER, "ns cpu", 7, "of processor time that a record took: median over the rounds"),
    FIELD(ns_cpu_min, NUMBER, NULL, 0, "the least round"),
    FIELD(ns_cpu_max, NUMBER, NULL, 0, "the greatest round"),
    FIELD(
        ratio_cpu_one, RATIO, "cpu x one", 9,
        "processor time by that of one producer of this kind in the same round: 1 when they are not in each "
        "other's way"),
    FIELD(ratio_same_books, RATIO, "x same", 7,
          "processor time by that of as many producers with private books in the same round"),
    FIELD(spill_share, SHARE, "spilled", 7, "of the records, through a spill block; null for private books"),
    FIELD(n, COUNT, NULL, 0, "records in all, warm-up included"),
    FIELD(cpus, COUNT, NULL, 0, "processors that the producers had"),
};

const struct report_table scale_table = {
    .fields = fields,
    .field_count = sizeof fields / sizeof fields[0],
};
