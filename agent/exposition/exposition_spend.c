/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a money budget: what its period may cost, what each window did, what is left, its alerts. See exposition_parts.h. Its families are
 * its own: nano-dollars are no events, and whoever adds up events must not meet them. */
#include "exposition_parts.h"
#include "pure/objective.h"

/* What its period may cost, and did. */
static void add_budget(struct exposition *exposition, const struct slipring_objective_stats *objective)
{
    const struct exposition_part *const none = &exposition->cache.none;
    exposition_billionths(exposition, FAMILY_primitive_cost_budget_dollars, none,
                          objective->amount_nanodollars);
    exposition_billionths(exposition, FAMILY_primitive_cost_budget_spent_dollars, &exposition->cache.period,
                          objective->total);
    if (objective->period_s != SLIPRING_PERIOD_MONTH) {
        exposition_count(exposition, FAMILY_primitive_cost_budget_period_seconds, none, objective->period_s);
        exposition_coverage(exposition, FAMILY_primitive_cost_budget_coverage_ratio,
                            &exposition->cache.period, objective->span_ns, objective->period_s);
    }
    if (objective->amount_nanodollars != 0) {
        const double remaining = objective->budget_remaining;
        exposition_number(exposition, FAMILY_primitive_cost_budget_burn_rate, &exposition->cache.period,
                          objective->burn_rate);
        exposition_number(exposition, FAMILY_primitive_cost_budget_remaining_ratio, none,
                          sr_objective_clamp(remaining));
        exposition_number(exposition, FAMILY_primitive_cost_budget_balance_ratio, none, remaining);
    }
}

static void add_window(struct exposition *exposition, uint32_t place,
                       const struct slipring_slo_window *window)
{
    if (window->window_s == 0) {
        return; /* longer than the period */
    }
    const struct exposition_part *labels = exposition_slo_window(exposition, place, window->window_s);
    if (!exposition->exposes_few) {
        exposition_billionths(exposition, FAMILY_primitive_cost_budget_spent_dollars, labels, window->total);
        exposition_coverage(exposition, FAMILY_primitive_cost_budget_coverage_ratio, labels, window->span_ns,
                            window->window_s);
    }
    exposition_number(exposition, FAMILY_primitive_cost_budget_burn_rate, labels, window->burn_rate);
}

void exposition_spend(struct exposition *exposition, const struct slipring_objective_stats *objective,
                      const struct slipring_slo_objective *slo)
{
    add_budget(exposition, objective);
    for (uint32_t i = 0; slo != NULL && i < SLIPRING_SLO_WINDOW_COUNT; i++) {
        add_window(exposition, i, &slo->windows[i]);
    }
    for (uint32_t i = 0; slo != NULL && i < SLIPRING_ALERT_COUNT; i++) {
        const struct slipring_slo_alert *alert = &slo->alerts[i];
        if (alert->state == SLIPRING_ALERT_QUIET || alert->state == SLIPRING_ALERT_FIRING) {
            exposition_count(exposition, FAMILY_primitive_cost_budget_alert,
                             exposition_pair(exposition, i, alert), alert->state == SLIPRING_ALERT_FIRING);
        }
    }
    if (slo != NULL && slo->present & SLIPRING_SLO_HAS_EXHAUSTION) {
        exposition_number(exposition, FAMILY_primitive_cost_budget_exhaustion_seconds,
                          &exposition->cache.none, slo->exhaustion_s);
    }
}
