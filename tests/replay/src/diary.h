/* SPDX-License-Identifier: Apache-2.0 */
/* Writing down, as text, what was recorded and what the agent published: the input of tests/replay/_model.py, which explains the lines. */
#ifndef REPLAY_DIARY_H
#define REPLAY_DIARY_H

#include <stdio.h>

#include "support/rig.h"
#include "traffic.h"

struct sr_stats;

struct diary {
    FILE *out;
    struct sr_stats *stats; /* of the agent that lives */
    uint32_t place[TRAFFIC_KIND_COUNT];
    uint8_t states[TRAFFIC_KIND_COUNT][SLIPRING_OBJECTIVE_COUNT][SLIPRING_ALERT_COUNT]; /* as last seen */
    uint64_t spilled[TRAFFIC_KIND_COUNT];                                               /* as last written */
    uint64_t aborted[TRAFFIC_KIND_COUNT];
    struct slipring_incident incidents[SLIPRING_INCIDENT_COUNT]; /* as last written */
    struct slipring_stats figures;                               /* scratch */
    struct slipring_stats_detail detail;
    struct slipring_slo_stats slo;
};

void diary_begin(struct diary *diary, FILE *out, const struct traffic *traffic, const struct rig *agent);

/* The rig was opened, or is going to be dropped. */
void diary_open(struct diary *diary, struct rig *agent);
void diary_close(struct diary *diary);

void diary_objective(struct diary *diary, enum traffic_kind kind, const struct slipring_objective *objective);

/* Likewise what it may cost, in nano-dollars. */
void diary_budget(struct diary *diary, enum traffic_kind kind, const char *name, uint64_t amount,
                  uint64_t period_s);

/* A process died with so many executions under way. */
void diary_death(struct diary *diary, enum traffic_kind kind, uint32_t aborted);

/* It is back, published, and did not drain yet. */
void diary_return(struct diary *diary, struct rig *agent);

/* The agent ticked; it booked these, one batch a primitive. What it published of an objective is written when there may be something to see: an
 * alert is near its factor, or fires, or changed, or `all`. Windows of the histogram when `all`. */
void diary_tick(struct diary *diary, struct rig *agent, const struct traffic_batch *batches, bool all);

void diary_end(struct diary *diary);

#endif
