/* SPDX-License-Identifier: Apache-2.0 */
/* What a review of a stretch of time is made of: the primitives in it, their objectives, the incidents, what it all cost, and what it
 * does not cover. For `slipring report`. */
#ifndef TOOLS_REVIEW_H
#define TOOLS_REVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "figures.h"
#include "objectives.h"

enum { REVIEW_NOTES_MAX = 8 };

struct review_entry {
    const struct figure *figure;
    const struct slipring_window_stats *window; /* of the length asked for */
    const struct objective *worst;              /* NULL: it has no objective */
};

struct review_totals {
    uint64_t n, failures;
    uint64_t cost, savings; /* nano-dollars, saturating */
    double per_second;
};

struct review {
    const struct figures *figures;
    uint64_t window_ns;
    uint64_t from_wall_ns;        /* CLOCK_REALTIME: where the stretch begins */
    struct objectives objectives; /* what hurts most first */
    struct review_entry *entries; /* likewise */
    size_t entry_count;
    const struct slipring_incident *
        *incidents; /* within the stretch: those that go on first, then the latest */
    size_t incident_count;
    struct review_totals totals;
    char notes[REVIEW_NOTES_MAX][256]; /* what it covers, and what not */
    int note_count;
};

/* Which window: `wish` as "7d"; NULL: 7d if the agent keeps it, else the longest that it keeps. False: said on stderr, with those that
 * it keeps. */
__attribute__((warn_unused_result)) bool review_take_window(const struct figures *figures, const char *wish,
                                                            uint64_t *out_window_ns);

void review_make(const struct figures *figures, uint64_t window_ns, const struct render_style *style,
                 struct review *out_review);
void review_drop(struct review *review);

#endif
