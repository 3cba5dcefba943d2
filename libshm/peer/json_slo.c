/* SPDX-License-Identifier: Apache-2.0 */
/* One objective as JSON: see json.h. */
#include "peer/json.h"
#include "peer/json_put.h"
#include "pure/decimal.h"
#include "pure/duration.h"
#include "pure/objective.h"

#define SECOND_NS UINT64_C(1000000000)

const char *sr_json_alert_state(uint32_t state)
{
    static const char *const names[] = {
        [SLIPRING_ALERT_NONE] = "none",   [SLIPRING_ALERT_NO_DATA] = "no_data",
        [SLIPRING_ALERT_GATED] = "gated", [SLIPRING_ALERT_CANNOT_FIRE] = "cannot_fire",
        [SLIPRING_ALERT_QUIET] = "quiet", [SLIPRING_ALERT_FIRING] = "firing",
    };
    return state < SR_ARRAY_COUNT(names) ? names[state] : "impossible";
}

const char *sr_json_objective_source(uint64_t source)
{
    return source == SLIPRING_SOURCE_API ? "api" : source == SLIPRING_SOURCE_FILE ? "file" : "impossible";
}

/* "5m". A number of seconds that no nanoseconds hold is nobody's window. */
static const char *name_window(uint64_t seconds, char out_name[SR_DURATION_LABEL_BYTES])
{
    (void)sr_duration_label(seconds <= UINT64_MAX / SECOND_NS ? seconds * SECOND_NS : UINT64_MAX, out_name);
    return out_name;
}

static void put_slo_window(struct sr_json_making *making, struct json_object *windows,
                           const struct slipring_slo_window *window, bool is_spend)
{
    char name[SR_DURATION_LABEL_BYTES];
    if (window->window_s == 0) {
        return;
    }
    struct json_object *object = sr_json_put_object(making, windows, name_window(window->window_s, name));
    sr_json_put_billionths(making, object, "span_seconds", window->span_ns);
    if (is_spend) {
        sr_json_put_billionths(making, object, "spent", window->total);
    } else {
        sr_json_put_count(making, object, "good", window->good);
        sr_json_put_count(making, object, "total", window->total);
    }
    if (is_spend || window->total > 0) {
        sr_json_put_number(making, object, "burn_rate", window->burn_rate);
    }
}

static void put_alert(struct sr_json_making *making, struct json_object *list,
                      const struct slipring_slo_alert *alert)
{
    char name[SR_DURATION_LABEL_BYTES];
    if (alert->state == SLIPRING_ALERT_NONE) {
        return;
    }
    struct json_object *object = json_object_new_object();
    sr_json_put_text(making, object, "long", name_window(alert->long_s, name));
    sr_json_put_text(making, object, "short", name_window(alert->short_s, name));
    sr_json_put_billionths(making, object, "share", (uint64_t)alert->share_ppm * 1000);
    sr_json_put_number(making, object, "factor", alert->factor);
    sr_json_put_text(making, object, "state", sr_json_alert_state(alert->state));
    if (alert->since_wall_ns != 0) {
        sr_json_put_billionths(making, object, "since_unix_seconds", alert->since_wall_ns);
    }
    sr_json_append(making, list, object);
}

static void put_evaluation(struct sr_json_making *making, struct json_object *object,
                           const struct slipring_slo_objective *evaluation, bool is_spend)
{
    if (!is_spend) {
        sr_json_put_flag(making, object, "no_data", (evaluation->present & SLIPRING_SLO_NO_DATA) != 0);
    }
    if (evaluation->present & SLIPRING_SLO_HAS_EXHAUSTION) {
        sr_json_put_number(making, object, "exhaustion_seconds", evaluation->exhaustion_s);
    }
    struct json_object *windows = sr_json_put_object(making, object, "windows");
    for (uint32_t i = 0; i < SLIPRING_SLO_WINDOW_COUNT; i++) {
        put_slo_window(making, windows, &evaluation->windows[i], is_spend);
    }
    struct json_object *alerts = sr_json_put_array(making, object, "alerts");
    for (uint32_t i = 0; i < SLIPRING_ALERT_COUNT; i++) {
        put_alert(making, alerts, &evaluation->alerts[i]);
    }
}

static void put_period(struct sr_json_making *making, struct json_object *object, uint64_t period_s)
{
    char name[SR_DURATION_LABEL_BYTES];
    if (period_s == SLIPRING_PERIOD_MONTH) {
        sr_json_put_text(making, object, "period", "month");
        return;
    }
    sr_json_put_text(making, object, "period", name_window(period_s, name));
    sr_json_put_count(making, object, "period_seconds", period_s);
}

/* A time that lies this long before the publishing; none for 0, or one to come. */
static void put_since(struct sr_json_making *making, struct json_object *object, const char *key,
                      uint64_t since_ns, uint64_t published_ns)
{
    if (since_ns != 0 && published_ns >= since_ns) {
        sr_json_put_billionths(making, object, key, published_ns - since_ns);
    }
}

static void put_events(struct sr_json_making *making, struct json_object *object,
                       const struct slipring_objective_stats *objective)
{
    sr_json_put_count(making, object, "good", objective->good);
    sr_json_put_count(making, object, "total", objective->total);
    if (objective->total > 0) {
        sr_json_put_count(making, object, "allowed_bad", objective->allowed_bad);
        sr_json_put_number(making, object, "compliance", objective->compliance);
        sr_json_put_number(making, object, "error_budget_remaining",
                           sr_objective_clamp(objective->budget_remaining));
        sr_json_put_number(making, object, "error_budget_balance", objective->budget_remaining);
        sr_json_put_number(making, object, "burn_rate", objective->burn_rate);
    }
}

/* Dollars, and never an event. */
static void put_spend(struct sr_json_making *making, struct json_object *object,
                      const struct slipring_objective_stats *objective)
{
    sr_json_put_billionths(making, object, "amount", objective->amount_nanodollars);
    sr_json_put_billionths(making, object, "spent", objective->total);
    if (objective->amount_nanodollars > 0) {
        sr_json_put_number(making, object, "cost_budget_remaining",
                           sr_objective_clamp(objective->budget_remaining));
        sr_json_put_number(making, object, "cost_budget_balance", objective->budget_remaining);
        sr_json_put_number(making, object, "burn_rate", objective->burn_rate);
    }
}

static const char *kind_name(uint32_t kind)
{
    return kind == SLIPRING_LATENCY ? "latency" : kind == SLIPRING_SPEND ? "spend" : "availability";
}

struct json_object *sr_json_objective(const struct slipring_objective_stats *objective, uint64_t published_ns,
                                      const struct slipring_slo_stats *slo, uint32_t index)
{
    struct sr_json_making making = {.failed = false};
    struct json_object *object = json_object_new_object();
    const bool is_spend = objective->kind == SLIPRING_SPEND;
    sr_json_put_text(&making, object, "name", objective->name);
    sr_json_put_text(&making, object, "kind", kind_name(objective->kind));
    if (!is_spend) {
        sr_json_put_billionths(&making, object, "target", objective->target_ppb);
    }
    if (objective->kind == SLIPRING_LATENCY) {
        sr_json_put_billionths(&making, object, "threshold_seconds", objective->threshold_ns);
    }
    put_period(&making, object, objective->period_s);
    sr_json_put_text(&making, object, "source", sr_json_objective_source(objective->source));
    sr_json_put_billionths(&making, object, "span_seconds", objective->span_ns);
    if (is_spend) {
        put_spend(&making, object, objective);
    } else {
        put_events(&making, object, objective);
    }
    put_since(&making, object, "exact_for_seconds", objective->exact_since_ns, published_ns);
    put_since(&making, object, "counted_for_seconds", objective->since_ns, published_ns);
    if (slo != NULL && index < slo->objective_count && index < SLIPRING_OBJECTIVE_COUNT) {
        put_evaluation(&making, object, &slo->objectives[index], is_spend);
    }
    return sr_json_finish(&making, object);
}
