/* SPDX-License-Identifier: Apache-2.0 */
/* The objectives of many primitives as one list, their published figures checked: for slo, slo explain, slo check, report.
 *
 * A money budget is one of them: of its figures there are remaining and burn_rate, what was spent and what may be, and neither bad nor
 * compliance.
 *
 * Published counts may be anything (P5): good above total, a target that is none. Then has_events is false and no figure is there. What is
 * derived here is derived from the counts, by pure/objective.h, as the agent does it. */
#ifndef TOOLS_OBJECTIVES_H
#define TOOLS_OBJECTIVES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command.h"
#include "figures.h"

struct objective {
    const struct figure *figure;
    const struct slipring_objective_stats *stats;
    const struct slipring_slo_objective *slo; /* windows and alerts; NULL: none published */
    uint32_t index;                           /* in the primitive's list */
    uint32_t firing;                          /* the first pair that fires; SLIPRING_ALERT_COUNT: none does */
    uint64_t length_s;                        /* of its period: a calendar month's own */
    bool is_spend;                            /* a money budget: its counts are nano-dollars */
    bool has_events;                          /* what is below exists */
    uint64_t bad;                             /* these two but for a money budget */
    double compliance;
    double remaining; /* unclamped */
    double burn_rate; /* over the period */
};

struct objectives {
    struct objective *list;
    size_t count;
};

/* All objectives, in the figures' order. Points into the figures. */
void objectives_take(const struct figures *figures, struct objectives *out_objectives);
void objectives_drop(struct objectives *objectives);

/* What `slo explain NAME [OBJECTIVE]` and its like speak of: the figures of the primitive that is words[0], and its objectives, or the
 * one that is called words[1]. STATUS_OK, or what to end with: it is said on stderr then, and there is nothing to drop. */
__attribute__((warn_unused_result)) int objectives_of(const struct invocation *invocation,
                                                      struct figures *out_figures,
                                                      struct objectives *out_objectives);

/* What hurts most first: pairs that fire, the fastest first; then the least budget that is left; then those without
 * events. Equals stay in their order. */
void objectives_sort(struct objectives *objectives);
int objectives_compare(const void *left, const void *right); /* the same, for qsort() */

/* Of that length, in seconds. NULL: it is not kept. */
const struct slipring_slo_window *objective_window(const struct objective *objective, uint64_t window_s);
/* False: no events there. */
__attribute__((warn_unused_result)) bool objective_burn(const struct objective *objective,
                                                        const struct slipring_slo_window *window,
                                                        double *out_burn_rate);

/* "$5.00 of $20.00", of a money budget. */
const char *objective_spent(const struct objective *objective, struct render_text *room);
const char *objective_period(uint64_t period_s, struct render_text *room); /* "30d", "month" */
/* "99.9% within 100ms", "99.9% succeed", "at most $20.00" */
const char *objective_promise(const struct render_style *style, const struct slipring_objective_stats *stats,
                              struct render_text *room);
/* "FIRING 1h/5m 6h/30m", "quiet", "gated", "cannot fire", "no data"; the absent sign when nothing is evaluated. */
const char *objective_alerts(const struct render_style *style, const struct objective *objective,
                             struct render_text *room);
const char *objective_pair(const struct slipring_slo_alert *alert, struct render_text *room); /* "1h/5m" */
/* "3d04h", "spent", or the absent sign. */
const char *objective_exhaustion(const struct render_style *style, const struct objective *objective,
                                 struct render_text *room);

#endif
