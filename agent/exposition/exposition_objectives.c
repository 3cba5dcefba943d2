/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of each objective: what it asks for, its windows, its budget, its alerts. See exposition_parts.h. */
#include "exposition_parts.h"
#include "pure/duration.h"
#include "pure/objective.h"

#define SECOND UINT64_C(1000000000)

/* The label in place `place`, which is nearly always the last objective's; so with the next one. */
const struct exposition_part *exposition_slo_window(struct exposition *exposition, uint32_t place,
                                                    uint64_t window_s)
{
    struct exposition_part *part = &exposition->cache.slo_windows[place].part;
    if (exposition->cache.slo_windows[place].window_s != window_s) { /* 0, of a struct made new, is none */
        char label[SR_DURATION_LABEL_BYTES];
        exposition->cache.slo_windows[place].window_s = window_s;
        (void)sr_duration_label(window_s * SECOND, label);
        part->bytes = 0;
        exposition_part_add(exposition, part, "window", label);
    }
    return part;
}

const struct exposition_part *exposition_pair(struct exposition *exposition, uint32_t place,
                                              const struct slipring_slo_alert *alert)
{
    struct exposition_part *part = &exposition->cache.alerts[place].part;
    if (exposition->cache.alerts[place].long_s != alert->long_s ||
        exposition->cache.alerts[place].short_s != alert->short_s || part->bytes == 0) {
        char long_label[SR_DURATION_LABEL_BYTES], short_label[SR_DURATION_LABEL_BYTES];
        exposition->cache.alerts[place].long_s = alert->long_s;
        exposition->cache.alerts[place].short_s = alert->short_s;
        (void)sr_duration_label(alert->long_s * SECOND, long_label);
        (void)sr_duration_label(alert->short_s * SECOND, short_label);
        part->bytes = 0;
        exposition_part_add(exposition, part, "long", long_label);
        exposition_part_add(exposition, part, "short", short_label);
    }
    return part;
}

static void add_count(struct exposition *exposition, enum family_id id, const struct exposition_part *labels,
                      uint64_t count)
{
    exposition_count(exposition, id, labels, count);
}

/* What it asks for. */
static void add_terms(struct exposition *exposition, const struct slipring_objective_stats *objective)
{
    const struct exposition_part *const none = &exposition->cache.none;
    exposition_billionths(exposition, FAMILY_primitive_slo_objective_target_ratio, none,
                          objective->target_ppb); /* billionths, as nanoseconds are */
    if (objective->kind == SLIPRING_LATENCY) {
        exposition_billionths(exposition, FAMILY_primitive_slo_objective_threshold_seconds, none,
                              objective->threshold_ns);
    }
    if (objective->period_s != SLIPRING_PERIOD_MONTH) {
        add_count(exposition, FAMILY_primitive_slo_objective_period_seconds, none, objective->period_s);
    }
}

static void add_counts(struct exposition *exposition, const struct exposition_part *labels, uint64_t good,
                       uint64_t total)
{
    add_count(exposition, FAMILY_primitive_slo_objective_good, labels, good);
    add_count(exposition, FAMILY_primitive_slo_objective_events, labels, total);
    double ratio;
    if (sr_objective_compliance(good, total, &ratio)) {
        exposition_number(exposition, FAMILY_primitive_slo_objective_compliance, labels, ratio);
    }
}

void exposition_coverage(struct exposition *exposition, enum family_id id,
                         const struct exposition_part *labels, uint64_t span_ns, uint64_t window_s)
{
    const uint64_t millionth_ns = window_s * (SECOND / 1000000);
    const uint64_t millionths = millionth_ns == 0 ? 0 : span_ns / millionth_ns;
    exposition_billionths(exposition, id, labels,
                          (millionths < 1000000 ? millionths : 1000000) *
                              1000); /* billionths, as nanoseconds are */
}

static void add_period(struct exposition *exposition, const struct slipring_objective_stats *objective)
{
    add_counts(exposition, &exposition->cache.period, objective->good, objective->total);
    if (objective->period_s > SLIPRING_PERIOD_MONTH) {
        exposition_coverage(exposition, FAMILY_primitive_slo_objective_coverage_ratio,
                            &exposition->cache.period, objective->span_ns, objective->period_s);
    }
    if (objective->total > 0) {
        const double remaining = objective->budget_remaining;
        exposition_number(exposition, FAMILY_primitive_slo_objective_burn_rate, &exposition->cache.period,
                          objective->burn_rate);
        exposition_number(exposition, FAMILY_primitive_slo_objective_budget_remaining,
                          &exposition->cache.none, sr_objective_clamp(remaining));
        exposition_number(exposition, FAMILY_primitive_slo_objective_budget_balance, &exposition->cache.none,
                          remaining);
    }
}

static void add_windows(struct exposition *exposition, const struct slipring_slo_objective *slo)
{
    for (uint32_t i = 0; i < SLIPRING_SLO_WINDOW_COUNT; i++) {
        const struct slipring_slo_window *window = &slo->windows[i];
        if (window->window_s == 0) {
            continue; /* longer than the period */
        }
        const struct exposition_part *labels = exposition_slo_window(exposition, i, window->window_s);
        if (!exposition->exposes_few) {
            add_counts(exposition, labels, window->good, window->total);
            exposition_coverage(exposition, FAMILY_primitive_slo_objective_coverage_ratio, labels,
                                window->span_ns, window->window_s);
        }
        if (window->total > 0) {
            exposition_number(exposition, FAMILY_primitive_slo_objective_burn_rate, labels,
                              window->burn_rate);
        }
    }
}

/* Why a pair says nothing, or cannot be believed when it is quiet. NULL: it does its work. */
static const char *what_blocks(uint32_t state)
{
    switch (state) {
    case SLIPRING_ALERT_NO_DATA:
        return "no_data";
    case SLIPRING_ALERT_CANNOT_FIRE:
        return "cannot_fire";
    case SLIPRING_ALERT_GATED:
        return "min_events";
    default:
        return NULL;
    }
}

static void add_alert(struct exposition *exposition, uint32_t place, const struct slipring_slo_alert *alert)
{
    if (alert->state == SLIPRING_ALERT_NONE || alert->state > SLIPRING_ALERT_FIRING) {
        return;
    }
    const struct exposition_part *labels = exposition_pair(exposition, place, alert);
    exposition_number(exposition, FAMILY_primitive_slo_objective_alert_factor, labels, alert->factor);
    if (alert->state != SLIPRING_ALERT_NO_DATA && alert->state != SLIPRING_ALERT_CANNOT_FIRE) {
        add_count(exposition, FAMILY_primitive_slo_objective_alert, labels,
                  alert->state == SLIPRING_ALERT_FIRING);
    }
    const char *reason = what_blocks(alert->state);
    if (reason != NULL) {
        struct exposition_part part = *labels;
        exposition_part_add(exposition, &part, "reason", reason);
        add_count(exposition, FAMILY_primitive_slo_objective_alert_blocked, &part, 1);
    }
}

static void add_slo(struct exposition *exposition, const struct slipring_slo_objective *slo)
{
    add_windows(exposition, slo);
    if (slo->present & SLIPRING_SLO_HAS_EXHAUSTION) {
        exposition_number(exposition, FAMILY_primitive_slo_objective_exhaustion_seconds,
                          &exposition->cache.none, slo->exhaustion_s);
    }
    for (uint32_t i = 0; i < SLIPRING_ALERT_COUNT; i++) {
        add_alert(exposition, i, &slo->alerts[i]);
    }
    add_count(exposition, FAMILY_primitive_slo_objective_no_data, &exposition->cache.none,
              (slo->present & SLIPRING_SLO_NO_DATA) != 0);
}

static void add_objective(struct exposition *exposition, const struct slipring_objective_stats *objective,
                          const struct slipring_slo_objective *slo)
{
    if (objective->kind == SLIPRING_SPEND) {
        exposition_spend(exposition, objective, slo);
        return;
    }
    add_terms(exposition, objective);
    add_period(exposition, objective);
    if (slo != NULL) {
        add_slo(exposition, slo);
    }
}

void exposition_objectives(struct exposition *exposition, const struct slipring_stats_detail *detail,
                           const struct slipring_slo_stats *slo)
{
    struct buffer *labels = &exposition->labels;
    const size_t own = labels->used;
    const uint32_t slo_count = slo == NULL ? 0 : slo->objective_count;
    bool has_events = false;
    for (uint32_t i = 0; i < detail->objective_count && i < SLIPRING_OBJECTIVE_COUNT; i++) {
        if (detail->objectives[i].name[0] == '\0') {
            continue;
        }
        labels->used = own;
        exposition_labels_add(exposition, "objective", detail->objectives[i].name);
        add_objective(exposition, &detail->objectives[i], i < slo_count ? &slo->objectives[i] : NULL);
        has_events |= detail->objectives[i].kind != SLIPRING_SPEND;
    }
    labels->used = own;
    if (slo_count > 0 && has_events && slo->minimum_events > exposition->minimum_events) {
        exposition->minimum_events = slo->minimum_events;
    }
}
