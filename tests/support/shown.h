/* SPDX-License-Identifier: Apache-2.0 */
/* What a reader of a store is shown: figures of the primitives "p0", "p1", ... (workload.h), and the agent's own. */
#ifndef SUPPORT_SHOWN_H
#define SUPPORT_SHOWN_H

#include "peer/stats.h"

#define SHOWN_PRIMITIVES 2u

struct shown {
    struct slipring_stats stats[SHOWN_PRIMITIVES];
    struct slipring_stats_detail detail[SHOWN_PRIMITIVES];
    struct sr_agent_figures agent;
};

/* Zeros for what was not published yet, or has no segment yet. */
void shown_read(const char *store, struct shown *out_shown);

/* Fails unless the figures of a primitive agree with each other: they were published together. */
void shown_expect_whole(const struct shown *shown);

/* Fails unless every counter is at least what it was. */
void shown_expect_no_fall(const struct shown *then, const struct shown *now);

#endif
