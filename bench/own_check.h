/* SPDX-License-Identifier: Apache-2.0 */
/* Every figure that the agent published of a primitive against the producers' own sums. Integers have to be the same to the last
 * one; so do percentiles and ratios, which are made here by the same arithmetic of pure/ from figures of our own. */
#ifndef BENCH_OWN_CHECK_H
#define BENCH_OWN_CHECK_H

#include <slipring/stats.h>

#include "own_sums.h"

struct own_objective {
    const char *name;
    uint32_t target_ppb;
    uint64_t threshold_ns; /* 0: availability */
};

struct own_expected {
    const struct own_totals *totals;
    const char *name, *type;
    const struct own_objective *objectives;
    uint32_t objective_count;
    const char *const *categories; /* OWN_CATEGORIES */
    bool is_within_minute;         /* all was recorded within the last minute: that window holds everything */
};

struct own_check {
    uint32_t compared;    /* how many figures */
    uint32_t differ;      /* of these */
    char difference[160]; /* the first one that does */
};

void own_check_books(const struct own_expected *expected, const struct slipring_stats *stats,
                     const struct slipring_stats_detail *detail, struct own_check *out_check);

#endif
