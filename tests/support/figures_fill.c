/* SPDX-License-Identifier: Apache-2.0 */
/* Published figures made by hand. See figures_fill.h. */
#include "figures_fill.h"

#include <string.h>

static void fill_windows(struct slipring_stats *stats, struct slipring_stats_detail *detail)
{
    stats->lifetime = (struct slipring_window_stats){.span_ns = UINT64_C(90061000000001),
                                                     .n = 100,
                                                     .percentile_ns = {250e6, 1e9, 1.5, 3e-9, 12345.678},
                                                     .extra_ns = {123e3, 7e9},
                                                     .relative_error = 0.0108301,
                                                     .cost_nanodollars = 2000001,
                                                     .savings_nanodollars = 1500000000};
    detail->window_count = 2;
    detail->windows[0] = (struct slipring_window_stats){.window_ns = 10000000000u, .span_ns = 9500000000u};
    detail->windows[1] = stats->lifetime;
    detail->windows[1].window_ns = 60000000000u;
    detail->windows[1].span_ns = 58500000000u;
    detail->windows[1].n = 12;
    detail->windows[1].per_second = 0.20512820512820512;
    detail->windows[1].peak_per_second = 4.5;
    detail->extra_count = 2;
    detail->extra_ppm[0] = 750000;
    detail->extra_ppm[1] = 999900;
}

/* 20 dollars in 30 days, of which 25.000000001 were spent. */
static void fill_budget(struct slipring_stats_detail *detail, struct slipring_slo_stats *slo)
{
    detail->objectives[2] = (struct slipring_objective_stats){.name = "budget",
                                                              .kind = SLIPRING_SPEND,
                                                              .period_s = 2592000,
                                                              .span_ns = UINT64_C(1296000000000000),
                                                              .total = 25000000001,
                                                              .budget_remaining = -0.25,
                                                              .burn_rate = 1.25,
                                                              .amount_nanodollars = 20000000000};
    struct slipring_slo_objective *budget = &slo->objectives[2];
    budget->present = SLIPRING_SLO_IS_SPEND | SLIPRING_SLO_HAS_EXHAUSTION;
    budget->windows[0] = (struct slipring_slo_window){
        .window_s = 300, .span_ns = UINT64_C(150000000000), .total = 1, .burn_rate = 0.5};
    budget->windows[2] = (struct slipring_slo_window){.window_s = 3600, .span_ns = UINT64_C(3600000000000)};
    budget->alerts[0] = (struct slipring_slo_alert){
        .long_s = 3600, .short_s = 300, .state = SLIPRING_ALERT_FIRING, .factor = 14.4};
    budget->alerts[1] = (struct slipring_slo_alert){
        .long_s = 21600, .short_s = 1800, .state = SLIPRING_ALERT_QUIET, .factor = 6};
}

/* A latency objective with everything, one of availability over the calendar month without an event, and a money budget. */
static void fill_objectives(struct slipring_stats_detail *detail, struct slipring_slo_stats *slo)
{
    detail->objective_count = 3;
    detail->objectives[0] = (struct slipring_objective_stats){.name = "latency",
                                                              .kind = SLIPRING_LATENCY,
                                                              .target_ppb = 990000000,
                                                              .threshold_ns = 250000000,
                                                              .period_s = 2592000,
                                                              .span_ns = UINT64_C(1296000000000000),
                                                              .good = 950,
                                                              .total = 1000,
                                                              .compliance = 0.95,
                                                              .budget_remaining = -4,
                                                              .burn_rate = 5};
    detail->objectives[1] = (struct slipring_objective_stats){.name = "works",
                                                              .kind = SLIPRING_AVAILABILITY,
                                                              .target_ppb = 999999999,
                                                              .period_s = SLIPRING_PERIOD_MONTH};
    slo->objective_count = 3;
    slo->minimum_events = 10;
    fill_budget(detail, slo);
    struct slipring_slo_objective *objective = &slo->objectives[0];
    objective->present = SLIPRING_SLO_HAS_EXHAUSTION;
    objective->exhaustion_s = 86400.5;
    objective->windows[0] = (struct slipring_slo_window){
        .window_s = 300, .span_ns = UINT64_C(400000000000), .good = 1, .total = 4, .burn_rate = 75};
    objective->windows[2] = (struct slipring_slo_window){.window_s = 3600, .span_ns = UINT64_C(900000000000)};
    static const struct slipring_slo_alert alerts[SLIPRING_ALERT_COUNT] = {
        {.long_s = 3600, .short_s = 300, .state = SLIPRING_ALERT_FIRING, .factor = 14.4},
        {.long_s = 21600, .short_s = 1800, .state = SLIPRING_ALERT_GATED, .factor = 6},
        {.long_s = 86400, .short_s = 7200, .state = SLIPRING_ALERT_CANNOT_FIRE, .factor = 3},
        {.long_s = 259200, .short_s = 21600, .state = SLIPRING_ALERT_QUIET, .factor = 1},
    };
    memcpy(objective->alerts, alerts, sizeof alerts);
    slo->objectives[1].present = SLIPRING_SLO_NO_DATA;
    slo->objectives[1].alerts[0] = (struct slipring_slo_alert){
        .long_s = 3600, .short_s = 300, .state = SLIPRING_ALERT_NO_DATA, .factor = 14.4};
}

void figures_fill(struct slipring_stats *stats, struct slipring_stats_detail *detail,
                  struct slipring_slo_stats *slo)
{
    memset(stats, 0, sizeof *stats);
    memset(detail, 0, sizeof *detail);
    memset(slo, 0, sizeof *slo);
    strcpy(detail->name, "archive_file");
    strcpy(detail->type, "workflow");
    stats->present = SLIPRING_HAS_DURATION | SLIPRING_HAS_SLO | SLIPRING_HAS_SAVINGS_RATE;
    stats->count = 100;
    stats->failures = 3;
    stats->aborted = 2;
    stats->active = 4;
    stats->sum_ns[0] = 12345678900u;
    stats->requests_per_second = 1.6666666666666667;
    stats->savings_rate = 0.875;
    stats->slo_compliance = 0.95;
    stats->budget_remaining = -4;
    stats->budget_remaining_clamped = 0;
    stats->spilled = 7;
    stats->minute.spilled = 3;
    stats->minute.n = 12;
    stats->clamped = 1;
    detail->bound_count = 3;
    detail->bounds[0] = (struct slipring_bound_stats){.bound_ns = 1000000, .count = 10, .is_le = 1};
    detail->bounds[1] = (struct slipring_bound_stats){.bound_ns = 250000000, .count = 80, .is_le = 0};
    detail->bounds[2] = (struct slipring_bound_stats){.bound_ns = 1000000000, .count = 99, .is_le = 1};
    detail->category_count = 2;
    strcpy(detail->categories[0].name, "default");
    strcpy(detail->categories[1].name, "tokens");
    detail->categories[1].cost_nanodollars = 2000001;
    detail->categories[1].savings_nanodollars = 18446744073709551615u;
    fill_windows(stats, detail);
    fill_objectives(detail, slo);
}
