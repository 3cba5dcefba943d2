/* SPDX-License-Identifier: Apache-2.0 */
/* Error budgets and burn rates as the agent evaluated them, read from any process without a system call.
 *
 *     burn rate  = (1 - good/total) / (1 - target)     1: the budget lasts exactly the period
 *     remaining  = 1 - bad / ((1 - target) * total)    over the period; negative: overspent
 *
 * and the four pairs of windows after "Alerting on SLOs" in the Google SRE workbook: a pair fires while the burn rates of both its
 * windows exceed its factor, share * period / long window. All from exact event counts over the spans that are really covered.
 *
 * A money budget (SLIPRING_SPEND) says what its period may cost. Its counts are nano-dollars: `total` was spent, `good` is 0.
 *
 *     burn rate  = (spent / window) / (amount / period)   1: the amount lasts exactly the period
 *     remaining  = 1 - spent / amount
 *
 * with the nominal lengths of window and period (a calendar month's own number of days). Its pairs fire when more than their share of the amount
 * was spent within the long window, and as fast within the short one. Nothing spent is no lack of data: its burn rate is 0, its pairs are quiet; there
 * is no minimum of events.
 *
 * These structs are also the layout of the published figures in the stats segment: fixed offsets, no pointers,
 * no padding. */
#ifndef SLIPRING_SLO_H
#define SLIPRING_SLO_H

#include <slipring/objective.h>
#include <slipring/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 5m 30m 1h 2h 6h 1d 3d */
#define SLIPRING_SLO_WINDOW_COUNT 7
#define SLIPRING_ALERT_COUNT      4

struct slipring_slo_window {
    uint64_t window_s; /* 0: longer than the objective's period, and not kept */
    uint64_t span_ns;  /* what of it is covered, up to the publishing */
    uint64_t good;
    uint64_t total;   /* 0: there is no burn rate, but that of a money budget, which is 0 */
    double burn_rate; /* when total is not 0 */
};

/* Of those that are so, CANNOT_FIRE comes before NO_DATA: more events would not help. */
enum slipring_alert_state {
    SLIPRING_ALERT_NONE = 0,        /* the period does not reach so far: there is no such pair */
    SLIPRING_ALERT_NO_DATA = 1,     /* no event in the long window, or none of it is covered */
    SLIPRING_ALERT_CANNOT_FIRE = 2, /* factor * (1 - target) >= 1: not even with every execution bad */
    SLIPRING_ALERT_GATED = 3,       /* fewer events in the long window than the agent's minimum */
    SLIPRING_ALERT_QUIET = 4,
    SLIPRING_ALERT_FIRING = 5,
};

struct slipring_slo_alert {
    uint64_t long_s; /* its windows: 1h/5m, 6h/30m, 1d/2h, 3d/6h */
    uint64_t short_s;
    uint32_t
        share_ppm;  /* of the budget, that a burn at the factor spends within the long window: 20000 is 2 % */
    uint32_t state; /* enum slipring_alert_state */
    double factor;
    uint64_t since_wall_ns; /* CLOCK_REALTIME when the state became FIRING or ceased to be; 0: never fired */
};

enum slipring_slo_present {
    SLIPRING_SLO_HAS_EXHAUSTION = 1 << 0,
    SLIPRING_SLO_NO_DATA = 1 << 1,  /* no event within the last hour (the period, when that is shorter) */
    SLIPRING_SLO_IS_SPEND = 1 << 2, /* a money budget: the windows' counts are nano-dollars */
};

struct slipring_slo_objective {
    uint64_t present; /* bits of enum slipring_slo_present */
    double
        exhaustion_s; /* until the budget is spent at the burn rate of the last hour: remaining * period / burn rate; 0: it is */
    struct slipring_slo_window windows[SLIPRING_SLO_WINDOW_COUNT];
    struct slipring_slo_alert alerts[SLIPRING_ALERT_COUNT];
};

/* objectives[i] is that of detail.objectives[i]. */
struct slipring_slo_stats {
    uint64_t published_ns; /* CLOCK_MONOTONIC */
    uint32_t objective_count;
    uint32_t minimum_events; /* the agent's gate */
    uint64_t burn_present;   /* bit i: worst_burn_rate[i] exists */
    double
        worst_burn_rate[SLIPRING_SLO_WINDOW_COUNT]; /* the highest over the objectives, but money budgets */
    struct slipring_slo_objective objectives[SLIPRING_OBJECTIVE_COUNT];
};

/* A pair of windows that fired. */
#define SLIPRING_INCIDENT_COUNT 256 /* the last ones are kept */
struct slipring_incident {
    uint64_t began_wall_ns; /* CLOCK_REALTIME */
    uint64_t ended_wall_ns; /* 0: it still fires */
    uint64_t bad; /* executions that were bad while it fired; of a money budget: nano-dollars spent */
    double peak_burn_rate; /* of the long window */
    uint32_t pair;         /* 0 to 3: index of the alert */
    uint32_t kind;
    char objective[32];
    char primitive[136];
    char type[64];
};

/* The primitive's windows and alerts. NO_DATA when it has no objective, or before the agent published any. As slipring_stats_read(). */
SLIPRING_MUST_CHECK enum slipring_status slipring_slo_read(struct slipring_primitive *primitive,
                                                           struct slipring_slo_stats *out_slo);

/* For load shedding: a few nanoseconds, no system call after the process's first reading, thread and signal safe. `objective`: a name,
 * or NULL for the worst of them. NO_DATA: no such objective, no events, or nothing published; *out_... is untouched then.
 *
 * The worst of them is without money budgets: load is shed because of errors, and a program that refuses work because it was
 * expensive should say so, by the budget's name. By name they answer, before anything was spent, too: 1 remains, and the burn rate is 0.
 *
 * As of the last publishing, ten a second. What an agent that died has published stays as it was: slipring_slo_read() says when
 * that was, and who sheds load should ask now and then (docs/examples/shed_load.c).
 *
 * The share of the budget that is left, unclamped: 1 untouched, 0 spent, negative overspent. */
SLIPRING_MUST_CHECK enum slipring_status
slipring_budget_remaining(struct slipring_primitive *primitive, const char *objective, double *out_remaining);
/* How fast it is spent: 1 lasts exactly the period. window_s: 300, 1800, 3600, 7200, 21600, 86400 or 259200; another one is BAD_ARGUMENT, one that
 * is longer than the objective's period NO_DATA. */
SLIPRING_MUST_CHECK enum slipring_status slipring_burn_rate(struct slipring_primitive *primitive,
                                                            const char *objective, uint64_t window_s,
                                                            double *out_burn_rate);

#ifdef __cplusplus
}
#endif
#endif
