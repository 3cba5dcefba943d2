/* SPDX-License-Identifier: Apache-2.0 */
/* Published figures as JSON. See json.h. */
#include "peer/json.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "peer/json_put.h"
#include "pure/bound.h"
#include "pure/decimal.h"
#include "pure/duration.h"
#include "pure/money.h"
#include "pure/number.h"
#include "pure/objective.h"
#include "pure/utf8.h"
#include "pure/window.h"

static void put_ratio(struct sr_json_making *making, struct json_object *object, const char *key,
                      uint64_t good, uint64_t total)
{
    double ratio;
    if (sr_objective_compliance(good, total, &ratio)) {
        sr_json_put_number(making, object, key, ratio);
    }
}

/* "p50", "p99.99": the shortest that tells the percentile, of parts per million. */
static const char *percentile_key(uint32_t ppm, char out_key[SR_DECIMAL_TEXT_BYTES + 1])
{
    out_key[0] = 'p';
    (void)sr_decimal_format((uint64_t)ppm * 100000, out_key + 1);
    return out_key;
}

/* n, the bound, and the percentiles in seconds, which exist when n > 0. */
static void put_percentiles(struct sr_json_making *making, struct json_object *object,
                            const struct slipring_window_stats *window,
                            const struct slipring_stats_detail *detail)
{
    static const char *const keys[SLIPRING_PERCENTILE_COUNT] = {
        [SLIPRING_P50] = "p50", [SLIPRING_P90] = "p90",    [SLIPRING_P95] = "p95",
        [SLIPRING_P99] = "p99", [SLIPRING_P999] = "p99.9",
    };
    sr_json_put_count(making, object, "n", window->n);
    if (window->n == 0) {
        return;
    }
    sr_json_put_number(making, object, "relative_error", window->relative_error);
    for (unsigned i = 0; i < SLIPRING_PERCENTILE_COUNT; i++) {
        sr_json_put_number(making, object, keys[i], window->percentile_ns[i] / 1e9);
    }
    for (uint32_t i = 0; i < detail->extra_count && i < SLIPRING_EXTRA_COUNT; i++) {
        char key[SR_DECIMAL_TEXT_BYTES + 1];
        sr_json_put_number(making, object, percentile_key(detail->extra_ppm[i], key),
                           window->extra_ns[i] / 1e9);
    }
}

/* Beside the figures of a rolling window: those of the lifetime lose nothing by it. */
static void put_spilled(struct sr_json_making *making, struct json_object *object,
                        const struct slipring_window_stats *window)
{
    put_ratio(making, object, "spilled_ratio", window->spilled, window->n);
}

/* What an execution cost, and what an hour does; of the lifetime no hour is like another. */
static void put_prices(struct sr_json_making *making, struct json_object *object,
                       const struct slipring_window_stats *window)
{
    double dollars;
    if (sr_money_per_request(window->cost_nanodollars, window->n, &dollars)) {
        sr_json_put_number(making, object, "cost_per_request", dollars);
    }
    if (window->window_ns != 0) {
        sr_json_put_number(making, object, "cost_per_hour",
                           sr_money_per_hour(window->cost_nanodollars, window->span_ns));
    }
}

struct json_object *sr_json_window(const struct slipring_window_stats *window,
                                   const struct slipring_stats_detail *detail)
{
    struct sr_json_making making = {.failed = false};
    struct json_object *object = json_object_new_object();
    put_percentiles(&making, object, window, detail);
    if (window->window_ns != 0) {
        put_spilled(&making, object, window);
    }
    sr_json_put_count(&making, object, "failures", window->failures);
    sr_json_put_billionths(&making, object, "span_seconds", window->span_ns);
    sr_json_put_number(&making, object, "per_second", window->per_second);
    sr_json_put_number(&making, object, "peak_per_second", window->peak_per_second);
    sr_json_put_billionths(&making, object, "cost", window->cost_nanodollars);
    sr_json_put_billionths(&making, object, "savings", window->savings_nanodollars);
    put_prices(&making, object, window);
    return sr_json_finish(&making, object);
}

static void put_window(struct sr_json_making *making, struct json_object *windows,
                       const struct slipring_window_stats *window, const struct slipring_stats_detail *detail)
{
    char key[SR_DURATION_LABEL_BYTES] = "lifetime";
    if (window->window_ns != 0) {
        (void)sr_duration_label(window->window_ns, key);
    }
    sr_json_put(making, windows, key, sr_json_window(window, detail));
}

/* The lifetime, and every window that the agent keeps; the minute is one of them. */
static void put_windows(struct sr_json_making *making, struct json_object *root,
                        const struct slipring_stats *stats, const struct slipring_stats_detail *detail)
{
    struct json_object *windows = sr_json_put_object(making, root, "windows");
    struct slipring_window_stats lifetime = stats->lifetime;
    struct slipring_window_stats minute = stats->minute;
    lifetime.window_ns = 0;
    minute.window_ns = SR_WINDOW_MINUTE_NS;
    put_window(making, windows, &lifetime, detail);
    if (detail->window_count == 0) {
        put_window(making, windows, &minute, detail);
    }
    for (uint32_t i = 0; i < detail->window_count && i < SLIPRING_WINDOW_COUNT; i++) {
        const bool is_minute = detail->windows[i].window_ns == SR_WINDOW_MINUTE_NS;
        put_window(making, windows, is_minute ? &minute : &detail->windows[i], detail);
    }
}

/* The objective of a kind that is kept worst. NULL: there is none with events. */
static const struct slipring_objective_stats *worst_of(const struct slipring_stats_detail *detail,
                                                       uint32_t kind)
{
    const struct slipring_objective_stats *worst = NULL;
    for (uint32_t i = 0; i < detail->objective_count && i < SLIPRING_OBJECTIVE_COUNT; i++) {
        const struct slipring_objective_stats *one = &detail->objectives[i];
        if (one->kind == kind && one->total > 0 && one->good <= one->total &&
            (worst == NULL || one->compliance < worst->compliance)) {
            worst = one;
        }
    }
    return worst;
}

static void put_slo(struct sr_json_making *making, struct json_object *root,
                    const struct slipring_stats *stats, const struct slipring_stats_detail *detail,
                    const struct slipring_slo_stats *objectives)
{
    if (detail->objective_count == 0) {
        return;
    }
    struct json_object *slo = sr_json_put_object(making, root, "slo");
    sr_json_put_text(making, slo, "window", "period");
    if (stats->present & SLIPRING_HAS_SLO) {
        sr_json_put_number(making, slo, "slo_compliance", stats->slo_compliance);
        sr_json_put_number(making, slo, "error_budget_remaining", stats->budget_remaining_clamped);
        sr_json_put_number(making, slo, "error_budget_balance", stats->budget_remaining);
    }
    const struct slipring_objective_stats *availability = worst_of(detail, SLIPRING_AVAILABILITY);
    if (availability != NULL) {
        put_ratio(making, slo, "availability", availability->good, availability->total);
        sr_json_put_count(making, slo, "total_requests", availability->total);
        sr_json_put_count(making, slo, "successful_requests", availability->good);
    }
    const struct slipring_objective_stats *latency = worst_of(detail, SLIPRING_LATENCY);
    if (latency != NULL) {
        put_ratio(making, slo, "latency_compliance", latency->good, latency->total);
        sr_json_put_count(making, slo, "latency_violations", latency->total - latency->good);
    }
    struct json_object *list = sr_json_put_array(making, slo, "objectives");
    for (uint32_t i = 0; i < detail->objective_count && i < SLIPRING_OBJECTIVE_COUNT; i++) {
        sr_json_append(making, list,
                       sr_json_objective(&detail->objectives[i], stats->published_ns, objectives, i));
    }
}

/* Dollars by category. A hostile category could only repeat a key, and then the last one stands. */
static void put_breakdown(struct sr_json_making *making, struct json_object *cost, const char *key,
                          const struct slipring_stats_detail *detail, bool savings)
{
    struct json_object *breakdown = sr_json_put_object(making, cost, key);
    for (uint32_t i = 0; i < detail->category_count && i < SLIPRING_CATEGORY_COUNT; i++) {
        const struct slipring_category_stats *category = &detail->categories[i];
        if (category->name[0] != '\0') {
            char name[3 * sizeof category->name + 1];
            (void)sr_utf8_clean(category->name, name, sizeof name);
            sr_json_put_billionths(making, breakdown, name,
                                   savings ? category->lifetime_savings_nanodollars
                                           : category->lifetime_cost_nanodollars);
        }
    }
}

static void put_cost(struct sr_json_making *making, struct json_object *root,
                     const struct slipring_stats *stats, const struct slipring_stats_detail *detail)
{
    struct json_object *cost = sr_json_put_object(making, root, "cost");
    const uint64_t spent = stats->lifetime.cost_nanodollars, saved = stats->lifetime.savings_nanodollars;
    char net[SR_MONEY_TEXT_BYTES + 1] = "-";
    (void)sr_money_format(saved > spent ? saved - spent : spent - saved, net + 1);
    sr_json_put_text(making, cost, "window", "lifetime");
    sr_json_put_billionths(making, cost, "total_cost", spent);
    sr_json_put_billionths(making, cost, "total_savings", saved);
    sr_json_put_digits(making, cost, "net_cost", saved > spent ? net : net + 1);
    if (spent == UINT64_MAX || saved == UINT64_MAX) {
        sr_json_put_flag(making, cost, "saturated", true);
    }
    if (stats->present & SLIPRING_HAS_SAVINGS_RATE) {
        sr_json_put_number(making, cost, "savings_rate", stats->savings_rate);
    }
    put_breakdown(making, cost, "cost_breakdown", detail, false);
    put_breakdown(making, cost, "savings_breakdown", detail, true);
}

static void put_bounds(struct sr_json_making *making, struct json_object *root,
                       const struct slipring_stats *stats, const struct slipring_stats_detail *detail)
{
    struct json_object *list = sr_json_put_array(making, root, "bounds");
    for (uint32_t i = 0; i < detail->bound_count && i < SLIPRING_BOUND_COUNT; i++) {
        const struct slipring_bound_stats *bound = &detail->bounds[i];
        struct json_object *object = json_object_new_object();
        sr_json_put_billionths(making, object, "seconds", bound->bound_ns);
        sr_json_put_count(making, object, "count", bound->count);
        sr_json_put_flag(making, object, "le", bound->is_le != 0);
        if (bound->exact_since_ns != 0 && stats->published_ns >= bound->exact_since_ns) {
            sr_json_put_billionths(making, object, "exact_for_seconds",
                                   stats->published_ns - bound->exact_since_ns);
        }
        sr_json_append(making, list, object);
    }
}

static void put_counts(struct sr_json_making *making, struct json_object *root,
                       const struct slipring_stats *stats, uint64_t successes)
{
    struct json_object *counts = sr_json_put_object(making, root, "counts");
    sr_json_put_count(making, counts, "executions", stats->count);
    sr_json_put_count(making, counts, "success", successes);
    sr_json_put_count(making, counts, "failure", stats->count - successes);
    sr_json_put_count(making, counts, "aborted", stats->aborted);
    sr_json_put_count(making, counts, "spilled", stats->spilled);
    sr_json_put_count(making, counts, "clamped", stats->clamped);
    if (stats->created_wall_ns != 0) {
        sr_json_put_billionths(making, counts, "since", stats->created_wall_ns);
    }
}

static void put_durations(struct sr_json_making *making, struct json_object *root,
                          const struct slipring_stats *stats)
{
    struct json_object *duration = sr_json_put_object(making, root, "duration_seconds");
    char sum[SR_NUMBER_TEXT_BYTES];
    (void)sr_number_format_sum(stats->sum_ns[0], stats->sum_ns[1], sum);
    sr_json_put_digits(making, duration, "sum", sum);
    if (stats->present & SLIPRING_HAS_DURATION) {
        sr_json_put_billionths(making, duration, "min", stats->min_ns);
        sr_json_put_billionths(making, duration, "max", stats->max_ns);
        sr_json_put_number(making, duration, "mean", stats->mean_ns / 1e9);
    }
}

/* For so long nothing came, and nothing is in flight: only where /metrics leaves the primitive out for it. */
static void put_idleness(struct sr_json_making *making, struct json_object *root,
                         const struct slipring_stats *stats, uint64_t now_ns, uint64_t idle_after_ns)
{
    const uint64_t idle_ns = sr_stats_idle_ns(stats, now_ns, idle_after_ns);
    if (idle_ns > 0) {
        sr_json_put_billionths(making, root, "idle_seconds", idle_ns);
    }
}

struct json_object *sr_json_primitive(const struct slipring_stats *stats,
                                      const struct slipring_stats_detail *detail,
                                      const struct slipring_slo_stats *slo, uint64_t now_ns,
                                      uint64_t idle_after_ns)
{
    struct sr_json_making making = {.failed = false};
    struct json_object *root = json_object_new_object();
    uint64_t successes = stats->failures < stats->count ? stats->count - stats->failures : 0;
    uint64_t total = stats->count + stats->aborted;
    sr_json_put_text(&making, root, "name", detail->name);
    sr_json_put_text(&making, root, "type", detail->type);
    sr_json_put_billionths(&making, root, "age_seconds",
                           now_ns > stats->published_ns ? now_ns - stats->published_ns : 0);
    put_idleness(&making, root, stats, now_ns, idle_after_ns);

    struct json_object *percentiles = sr_json_put_object(&making, root, "percentiles");
    sr_json_put_text(&making, percentiles, "window", "1m");
    put_percentiles(&making, percentiles, &stats->minute, detail);
    put_spilled(&making, percentiles, &stats->minute);

    put_slo(&making, root, stats, detail, slo);

    struct json_object *throughput = sr_json_put_object(&making, root, "throughput");
    sr_json_put_text(&making, throughput, "window", "1m");
    sr_json_put_number(&making, throughput, "requests_per_second", stats->requests_per_second);
    put_spilled(&making, throughput, &stats->minute);
    sr_json_put_count(&making, throughput, "active_requests",
                      stats->active > 0 ? (uint64_t)stats->active : 0);
    sr_json_put_count(&making, throughput, "total_requests", total);

    put_cost(&making, root, stats, detail);
    put_counts(&making, root, stats, successes);
    put_durations(&making, root, stats);

    put_windows(&making, root, stats, detail);
    put_bounds(&making, root, stats, detail);
    return sr_json_finish(&making, root);
}

struct json_object *sr_json_agent(const struct sr_stats_agent *agent, const struct sr_agent_figures *figures,
                                  uint64_t now_ns)
{
    struct sr_json_making making = {.failed = false};
    struct json_object *root = json_object_new_object();
    sr_json_put_count(&making, root, "pid", agent->pid);
    sr_json_put_flag(&making, root, "alive", agent->alive);
    sr_json_put_text(&making, root, "listen", agent->listen);
    sr_json_put_billionths(&making, root, "started_unix_seconds", agent->started_wall_ns);
    if (agent->published_ns != 0) {
        uint64_t age = now_ns > agent->published_ns ? now_ns - agent->published_ns : 0;
        sr_json_put_billionths(&making, root, "age_seconds", age);
    }
    if (figures != NULL) {
        struct json_object *object = sr_json_put_object(&making, root, "figures");
#define SR_AGENT_FIGURE(name, kind, unit, help) sr_json_put_count(&making, object, #name, figures->name);
#include "peer/figures.def"
#undef SR_AGENT_FIGURE
    }
    return sr_json_finish(&making, root);
}
