/* SPDX-License-Identifier: Apache-2.0 */
/* Our own sums against what Slipring publishes. */
#ifndef DEMO_REPORT_H
#define DEMO_REPORT_H

#include <stdbool.h>

#include "crew.h"
#include "steps.h"

/* What was published before we began: a store may have seen an earlier run. */
struct report {
    struct slipring_stats before[STEP_COUNT];
    uint64_t recorded, reported; /* executions of all steps, since then */
};

void report_begin(struct report *out_report, const struct steps *steps);

/* Poll what is published until it agrees, ten seconds at most, and print both unless is_quiet. false: it does not. */
bool report_compare(struct report *report, const struct steps *steps, struct crew *crew, bool is_quiet);

/* What the work was, whether or not it was recorded. */
void report_work(const struct crew *crew, const char *directory);

/* All of it as one line, for programs. */
void report_json(const struct report *report, const struct crew *crew, bool agreed);

#endif
