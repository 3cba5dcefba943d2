/* SPDX-License-Identifier: Apache-2.0 */
/* Published figures as JSON. See json.h. */
#include "peer/json.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "pure/bound.h"
#include "pure/decimal.h"
#include "pure/money.h"
#include "pure/number.h"
#include "pure/objective.h"
#include "pure/utf8.h"

/* What is being made, and whether memory lasted so far. */
struct making {
    bool failed;
};

/* Keys are literals, or (copied) the names of categories. Takes over `value`. */
static void put(struct making *making, struct json_object *object, const char *key, struct json_object *value)
{
    if (object == NULL || value == NULL || json_object_object_add(object, key, value) != 0) {
        making->failed = true;
        json_object_put(value);
    }
}

static void append(struct making *making, struct json_object *array, struct json_object *value)
{
    if (array == NULL || value == NULL || json_object_array_add(array, value) != 0) {
        making->failed = true;
        json_object_put(value);
    }
}

/* A fresh object under the key; NULL after a failure, which put() takes. */
static struct json_object *put_object(struct making *making, struct json_object *object, const char *key)
{
    struct json_object *inner = json_object_new_object();
    put(making, object, key, inner);
    return making->failed ? NULL : inner;
}

static struct json_object *put_array(struct making *making, struct json_object *object, const char *key)
{
    struct json_object *inner = json_object_new_array();
    put(making, object, key, inner);
    return making->failed ? NULL : inner;
}

static void put_count(struct making *making, struct json_object *object, const char *key, uint64_t count)
{
    put(making, object, key, json_object_new_uint64(count));
}

static void put_text(struct making *making, struct json_object *object, const char *key, const char *text)
{
    char clean[3 * sizeof((struct slipring_stats_detail *)0)->name + 1];
    (void)sr_utf8_clean(text, clean, sizeof clean);
    put(making, object, key, json_object_new_string(clean));
}

/* A number by its text, digit for digit. */
static void put_digits(struct making *making, struct json_object *object, const char *key, const char *digits)
{
    put(making, object, key, json_object_new_double_s(strtod(digits, NULL), digits));
}

/* Absent when it is not finite. */
static void put_number(struct making *making, struct json_object *object, const char *key, double value)
{
    char digits[SR_NUMBER_TEXT_BYTES];
    if (sr_number_format(value, digits) > 0) {
        put_digits(making, object, key, digits);
    }
}

static void put_seconds(struct making *making, struct json_object *object, const char *key, uint64_t ns)
{
    char digits[SR_DECIMAL_TEXT_BYTES];
    (void)sr_decimal_format(ns, digits);
    put_digits(making, object, key, digits);
}

static void put_dollars(struct making *making, struct json_object *object, const char *key,
                        uint64_t nanodollars)
{
    char digits[SR_MONEY_TEXT_BYTES];
    (void)sr_money_format(nanodollars, digits);
    put_digits(making, object, key, digits);
}

static void put_ratio(struct making *making, struct json_object *object, const char *key, uint64_t good,
                      uint64_t total)
{
    double ratio;
    if (sr_objective_compliance(good, total, &ratio)) {
        put_number(making, object, key, ratio);
    }
}

/* n, the bound, and the percentiles in seconds, which exist when n > 0. */
static void put_percentiles(struct making *making, struct json_object *object,
                            const struct slipring_window_stats *window)
{
    static const char *const keys[SLIPRING_PERCENTILE_COUNT] = {
        [SLIPRING_P50] = "p50", [SLIPRING_P90] = "p90",    [SLIPRING_P95] = "p95",
        [SLIPRING_P99] = "p99", [SLIPRING_P999] = "p99.9",
    };
    put_count(making, object, "n", window->n);
    if (window->n == 0) {
        return;
    }
    put_number(making, object, "relative_error", window->relative_error);
    for (unsigned i = 0; i < SLIPRING_PERCENTILE_COUNT; i++) {
        put_number(making, object, keys[i], window->percentile_ns[i] / 1e9);
    }
}

/* Beside the figures of the last minute: those of the lifetime lose nothing by it. */
static void put_spilled(struct making *making, struct json_object *object, const struct slipring_stats *stats)
{
    put_ratio(making, object, "spilled_ratio", stats->minute.spilled, stats->minute.n);
}

static void put_window(struct making *making, struct json_object *windows, const char *key,
                       const struct slipring_window_stats *window, const struct slipring_stats *stats)
{
    struct json_object *object = put_object(making, windows, key);
    put_percentiles(making, object, window);
    if (window == &stats->minute) {
        put_spilled(making, object, stats);
    }
    put_count(making, object, "failures", window->failures);
    put_seconds(making, object, "span_seconds", window->span_ns);
    put_number(making, object, "per_second", window->per_second);
}

static void put_objective(struct making *making, struct json_object *list,
                          const struct slipring_objective_stats *objective, uint64_t published_ns)
{
    struct json_object *object = json_object_new_object();
    bool is_latency = objective->kind == SLIPRING_LATENCY;
    put_text(making, object, "name", objective->name);
    put_text(making, object, "kind", is_latency ? "latency" : "availability");
    put_seconds(making, object, "target", objective->target_ppb); /* parts per billion: as nanoseconds are */
    if (is_latency) {
        put_seconds(making, object, "threshold_seconds", objective->threshold_ns);
    }
    put_count(making, object, "period_seconds", objective->period_s);
    put_count(making, object, "good", objective->good);
    put_count(making, object, "total", objective->total);
    if (objective->total > 0) {
        put_number(making, object, "compliance", objective->compliance);
        put_number(making, object, "error_budget_remaining", sr_objective_clamp(objective->budget_remaining));
        put_number(making, object, "error_budget_balance", objective->budget_remaining);
        put_number(making, object, "burn_rate", objective->burn_rate);
    }
    if (objective->exact_since_ns != 0 && published_ns >= objective->exact_since_ns) {
        put_seconds(making, object, "exact_for_seconds", published_ns - objective->exact_since_ns);
    }
    append(making, list, object);
}

/* The latency objective that is kept worst. NULL: there is none with events. */
static const struct slipring_objective_stats *worst_latency(const struct slipring_stats_detail *detail)
{
    const struct slipring_objective_stats *worst = NULL;
    for (uint32_t i = 0; i < detail->objective_count && i < SLIPRING_OBJECTIVE_COUNT; i++) {
        const struct slipring_objective_stats *one = &detail->objectives[i];
        if (one->kind == SLIPRING_LATENCY && one->total > 0 && one->good <= one->total &&
            (worst == NULL || one->compliance < worst->compliance)) {
            worst = one;
        }
    }
    return worst;
}

static void put_slo(struct making *making, struct json_object *root, const struct slipring_stats *stats,
                    const struct slipring_stats_detail *detail, uint64_t successes, uint64_t total)
{
    if (detail->objective_count == 0) {
        return;
    }
    struct json_object *slo = put_object(making, root, "slo");
    put_text(making, slo, "window", "lifetime");
    if (stats->present & SLIPRING_HAS_SLO) {
        put_number(making, slo, "slo_compliance", stats->slo_compliance);
        put_number(making, slo, "error_budget_remaining", stats->budget_remaining_clamped);
        put_number(making, slo, "error_budget_balance", stats->budget_remaining);
    }
    put_ratio(making, slo, "availability", successes, total);
    const struct slipring_objective_stats *latency = worst_latency(detail);
    if (latency != NULL) {
        put_ratio(making, slo, "latency_compliance", latency->good, latency->total);
        put_count(making, slo, "latency_violations", latency->total - latency->good);
    }
    put_count(making, slo, "total_requests", total);
    put_count(making, slo, "successful_requests", successes);
    struct json_object *list = put_array(making, slo, "objectives");
    for (uint32_t i = 0; i < detail->objective_count && i < SLIPRING_OBJECTIVE_COUNT; i++) {
        put_objective(making, list, &detail->objectives[i], stats->published_ns);
    }
}

/* Dollars by category. A hostile category could only repeat a key, and then the last one stands. */
static void put_breakdown(struct making *making, struct json_object *cost, const char *key,
                          const struct slipring_stats_detail *detail, bool savings)
{
    struct json_object *breakdown = put_object(making, cost, key);
    for (uint32_t i = 0; i < detail->category_count && i < SLIPRING_CATEGORY_COUNT; i++) {
        const struct slipring_category_stats *category = &detail->categories[i];
        if (category->name[0] != '\0') {
            char name[3 * sizeof category->name + 1];
            (void)sr_utf8_clean(category->name, name, sizeof name);
            put_dollars(making, breakdown, name,
                        savings ? category->savings_nanodollars : category->cost_nanodollars);
        }
    }
}

static void put_cost(struct making *making, struct json_object *root, const struct slipring_stats *stats,
                     const struct slipring_stats_detail *detail)
{
    struct json_object *cost = put_object(making, root, "cost");
    uint64_t spent = stats->cost_nanodollars, saved = stats->savings_nanodollars;
    char net[SR_MONEY_TEXT_BYTES + 1] = "-";
    (void)sr_money_format(saved > spent ? saved - spent : spent - saved, net + 1);
    put_text(making, cost, "window", "lifetime");
    put_dollars(making, cost, "total_cost", spent);
    put_dollars(making, cost, "total_savings", saved);
    put_digits(making, cost, "net_cost", saved > spent ? net : net + 1);
    if (stats->present & SLIPRING_HAS_SAVINGS_RATE) {
        put_number(making, cost, "savings_rate", stats->savings_rate);
    }
    put_breakdown(making, cost, "cost_breakdown", detail, false);
    put_breakdown(making, cost, "savings_breakdown", detail, true);
}

static void put_bounds(struct making *making, struct json_object *root, const struct slipring_stats *stats,
                       const struct slipring_stats_detail *detail)
{
    struct json_object *list = put_array(making, root, "bounds");
    for (uint32_t i = 0; i < detail->bound_count && i < SLIPRING_BOUND_COUNT; i++) {
        const struct slipring_bound_stats *bound = &detail->bounds[i];
        struct json_object *object = json_object_new_object();
        put_seconds(making, object, "seconds", bound->bound_ns);
        put_count(making, object, "count", bound->count);
        put(making, object, "le", json_object_new_boolean(bound->is_le != 0));
        if (bound->exact_since_ns != 0 && stats->published_ns >= bound->exact_since_ns) {
            put_seconds(making, object, "exact_for_seconds", stats->published_ns - bound->exact_since_ns);
        }
        append(making, list, object);
    }
}

static void put_counts(struct making *making, struct json_object *root, const struct slipring_stats *stats,
                       uint64_t successes)
{
    struct json_object *counts = put_object(making, root, "counts");
    put_count(making, counts, "executions", stats->count);
    put_count(making, counts, "success", successes);
    put_count(making, counts, "failure", stats->count - successes);
    put_count(making, counts, "aborted", stats->aborted);
    put_count(making, counts, "spilled", stats->spilled);
    put_count(making, counts, "clamped", stats->clamped);
}

static void put_durations(struct making *making, struct json_object *root, const struct slipring_stats *stats)
{
    struct json_object *duration = put_object(making, root, "duration_seconds");
    char sum[SR_NUMBER_TEXT_BYTES];
    (void)sr_number_format_sum(stats->sum_ns[0], stats->sum_ns[1], sum);
    put_digits(making, duration, "sum", sum);
    if (stats->present & SLIPRING_HAS_DURATION) {
        put_seconds(making, duration, "min", stats->min_ns);
        put_seconds(making, duration, "max", stats->max_ns);
        put_number(making, duration, "mean", stats->mean_ns / 1e9);
    }
}

static struct json_object *finish(const struct making *making, struct json_object *root)
{
    if (making->failed) {
        json_object_put(root);
        return NULL;
    }
    return root;
}

struct json_object *sr_json_primitive(const struct slipring_stats *stats,
                                      const struct slipring_stats_detail *detail, uint64_t now_ns)
{
    struct making making = {.failed = false};
    struct json_object *root = json_object_new_object();
    uint64_t successes = stats->failures < stats->count ? stats->count - stats->failures : 0;
    uint64_t total = stats->count + stats->aborted;
    put_text(&making, root, "name", detail->name);
    put_text(&making, root, "type", detail->type);
    put_seconds(&making, root, "age_seconds",
                now_ns > stats->published_ns ? now_ns - stats->published_ns : 0);

    struct json_object *percentiles = put_object(&making, root, "percentiles");
    put_text(&making, percentiles, "window", "1m");
    put_percentiles(&making, percentiles, &stats->minute);
    put_spilled(&making, percentiles, stats);

    put_slo(&making, root, stats, detail, successes, total);

    struct json_object *throughput = put_object(&making, root, "throughput");
    put_text(&making, throughput, "window", "1m");
    put_number(&making, throughput, "requests_per_second", stats->requests_per_second);
    put_spilled(&making, throughput, stats);
    put_count(&making, throughput, "active_requests", stats->active > 0 ? (uint64_t)stats->active : 0);
    put_count(&making, throughput, "total_requests", total);

    put_cost(&making, root, stats, detail);
    put_counts(&making, root, stats, successes);
    put_durations(&making, root, stats);

    struct json_object *windows = put_object(&making, root, "windows");
    put_window(&making, windows, "lifetime", &stats->lifetime, stats);
    put_window(&making, windows, "1m", &stats->minute, stats);
    put_bounds(&making, root, stats, detail);
    return finish(&making, root);
}

struct json_object *sr_json_agent(const struct sr_stats_agent *agent, const struct sr_agent_figures *figures,
                                  uint64_t now_ns)
{
    struct making making = {.failed = false};
    struct json_object *root = json_object_new_object();
    put_count(&making, root, "pid", agent->pid);
    put(&making, root, "alive", json_object_new_boolean(agent->alive));
    put_text(&making, root, "listen", agent->listen);
    put_seconds(&making, root, "started_unix_seconds", agent->started_wall_ns);
    if (agent->published_ns != 0) {
        uint64_t age = now_ns > agent->published_ns ? now_ns - agent->published_ns : 0;
        put_seconds(&making, root, "age_seconds", age);
    }
    if (figures != NULL) {
        struct json_object *object = put_object(&making, root, "figures");
#define SR_AGENT_FIGURE(name, kind, unit, help) put_count(&making, object, #name, figures->name);
#include "peer/figures.def"
#undef SR_AGENT_FIGURE
    }
    return finish(&making, root);
}
