/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of the benchmark `record`: see record_result.h. */
#include "record_result.h"

#define FIELD(member, kind, heading, width, help)                                                            \
    REPORT_FIELD(struct record_result, member, kind, heading, width, help)
#define OPTIONAL(member, kind, heading, width, help)                                                         \
    REPORT_OPTIONAL(struct record_result, member, kind, heading, width, help)

static const struct report_field fields[] = {
    FIELD(ns, NUMBER, "ns", 7, "of one record: the median over the rounds"),
    FIELD(ns_min, NUMBER, "min", 7, "the least round"),
    FIELD(ns_max, NUMBER, "max", 7, "the greatest round"),
    FIELD(ratio_same_books, RATIO, "x same", 7,
          "this case's time by that of the same books in private memory, in the same round: the median; null "
          "when the "
          "yardstick was not run"),
    OPTIONAL(ratio_peer, RATIO, "x peer", 7, "the same by the peer"),
    OPTIONAL(peer, TEXT, "peer", 10, "the case that ratio_peer is against; only where there is one"),
    FIELD(spill_share, SHARE, "spilled", 7,
          "of the records since the warm-up, through a spill block; null for what has none"),
    FIELD(n, COUNT, NULL, 0, "records in all, warm-up included"),
    FIELD(mode, TEXT, NULL, 0, "full_speed, or bursts"),
    FIELD(batch, COUNT, NULL, 0, "records a round, or bursts a round"),
    OPTIONAL(ring_words, COUNT, NULL, 0, "how many words of samples the ring held in the end"),
};

const struct report_table record_table = {
    .fields = fields,
    .field_count = sizeof fields / sizeof fields[0],
};
