/* SPDX-License-Identifier: Apache-2.0 */
/* A row of the benchmark `record`. */
#ifndef BENCH_RECORD_RESULT_H
#define BENCH_RECORD_RESULT_H

#include <stdint.h>

#include "report.h"

struct record_result {
    struct report_line line;
    const char *peer;          /* what it is also compared with; NULL: nothing */
    double ns, ns_min, ns_max; /* of one record; median, least and greatest over the rounds */
    double ratio_same_books;   /* median over the rounds; NaN: not known */
    double ratio_peer;
    double spill_share; /* of n; NaN: it has no spill */
    uint64_t n;         /* records, with those of the warm-up */
    const char *mode;
    uint64_t batch;
    uint64_t ring_words; /* 0: none, or not known */
};

extern const struct report_table record_table;

#endif
