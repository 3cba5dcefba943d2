/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's figures against our own: see own_check.h. */
#include "own_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pure/money.h"
#include "pure/objective.h"
#include "pure/quantile.h"
#include "pure/window.h"

static const uint32_t percentiles_ppm[SLIPRING_PERCENTILE_COUNT] = {
    [SLIPRING_P50] = 500000, [SLIPRING_P90] = 900000,  [SLIPRING_P95] = 950000,
    [SLIPRING_P99] = 990000, [SLIPRING_P999] = 999000,
};

/* --- one figure ----------------------------------------------------------------------------------------------------------- */

static void note(struct own_check *check, bool is_same, const char *where, const char *what,
                 const char *difference)
{
    check->compared++;
    check->differ += !is_same;
    if (!is_same && check->differ == 1) {
        (void)snprintf(check->difference, sizeof check->difference, "%s%s%s: %s", where,
                       where[0] != '\0' ? " " : "", what, difference);
    }
}

static void same_count(struct own_check *check, const char *where, const char *what, uint64_t own,
                       uint64_t booked)
{
    char text[80];
    (void)snprintf(text, sizeof text, "recorded %" PRIu64 ", booked %" PRIu64, own, booked);
    note(check, own == booked, where, what, text);
}

static void same_number(struct own_check *check, const char *where, const char *what, double own,
                        double booked)
{
    char text[80];
    (void)snprintf(text, sizeof text, "own %.17g, published %.17g", own, booked);
    note(check, own >= booked && own <= booked, where, what, text); /* a NaN is not the same as anything */
}

static void same_text(struct own_check *check, const char *where, const char *what, const char *own,
                      const char *booked)
{
    note(check, strcmp(own, booked) == 0, where, what, booked);
}

static void holds(struct own_check *check, const char *where, const char *what, bool is_true)
{
    note(check, is_true, where, what, "is not so");
}

/* --- groups of figures ---------------------------------------------------------------------------------------------------- */

static void check_totals(struct own_check *check, const struct own_sums *own,
                         const struct slipring_stats *stats)
{
    const double two_64 = 18446744073709551616.0;
    const uint64_t low = (uint64_t)own->sum_ns;
    const uint64_t high = (uint64_t)(own->sum_ns >> 64);
    same_count(check, "", "count", own->count, stats->count);
    same_count(check, "", "failures", own->failures, stats->failures);
    same_count(check, "", "aborted", 0, stats->aborted);
    same_count(check, "", "active", 0, (uint64_t)stats->active);
    same_count(check, "", "clamped", own->clamped, stats->clamped);
    same_count(check, "", "least", own->min_ns, stats->min_ns);
    same_count(check, "", "greatest", own->max_ns, stats->max_ns);
    same_count(check, "", "sum, low", low, stats->sum_ns[0]);
    same_count(check, "", "sum, high", high, stats->sum_ns[1]);
    same_number(check, "", "mean", ((double)high * two_64 + (double)low) / (double)own->count,
                stats->mean_ns);
    same_count(check, "", "present", SLIPRING_HAS_DURATION | SLIPRING_HAS_SLO | SLIPRING_HAS_SAVINGS_RATE,
               stats->present);
    holds(check, "", "spilled is at most count", stats->spilled <= stats->count);
    same_number(check, "", "requests per second", stats->minute.per_second, stats->requests_per_second);
}

static void check_window(struct own_check *check, const char *where, const struct own_totals *totals,
                         const struct slipring_window_stats *window)
{
    same_count(check, where, "n", totals->sums.count, window->n);
    same_count(check, where, "failures", totals->sums.failures, window->failures);
    same_number(check, where, "per second", sr_window_rate(totals->sums.count, window->span_ns),
                window->per_second);
    same_number(check, where, "relative error", SR_BUCKET_ERROR_BOUND, window->relative_error);
    for (uint32_t i = 0; i < SLIPRING_PERCENTILE_COUNT; i++) {
        uint32_t cell = 0;
        const bool is_known =
            sr_quantile_cell(totals->cells, SR_BUCKET_COUNT, totals->sums.count, percentiles_ppm[i], &cell);
        holds(check, where, "percentile is known", is_known);
        same_number(check, where, "percentile", sr_bucket_estimate_ns(cell), window->percentile_ns[i]);
    }
}

static void check_minute(struct own_check *check, const struct own_expected *expected,
                         const struct slipring_stats *stats)
{
    holds(check, "minute", "holds at most all", stats->minute.n <= stats->count);
    holds(check, "minute", "spilled is at most all that spilled", stats->minute.spilled <= stats->spilled);
    if (expected->is_within_minute) {
        check_window(check, "minute", expected->totals, &stats->minute);
        same_count(check, "minute", "spilled", stats->spilled, stats->minute.spilled);
    }
}

static void check_money(struct own_check *check, const struct own_expected *expected,
                        const struct slipring_stats *stats, const struct slipring_stats_detail *detail)
{
    const struct own_sums *own = &expected->totals->sums;
    uint64_t cost = 0;
    uint64_t savings = 0;
    double rate = 0;
    same_count(check, "", "categories", OWN_CATEGORIES, detail->category_count);
    for (uint32_t i = 0; i < OWN_CATEGORIES; i++) {
        const struct slipring_category_stats *category = &detail->categories[i];
        same_text(check, "category", expected->categories[i], expected->categories[i], category->name);
        same_count(check, "cost of", expected->categories[i], own->cost[i], category->cost_nanodollars);
        same_count(check, "savings of", expected->categories[i], own->savings[i],
                   category->savings_nanodollars);
        cost += own->cost[i];
        savings += own->savings[i];
    }
    same_count(check, "", "cost", cost, stats->cost_nanodollars);
    same_count(check, "", "savings", savings, stats->savings_nanodollars);
    holds(check, "", "savings rate is known", sr_money_savings_rate(cost, savings, &rate));
    same_number(check, "", "savings rate", rate, stats->savings_rate);
}

static void check_bounds(struct own_check *check, const struct own_totals *totals,
                         const struct slipring_stats_detail *detail)
{
    same_count(check, "", "bounds", totals->bound_count, detail->bound_count);
    for (uint32_t i = 0; i < totals->bound_count; i++) {
        char where[48];
        (void)snprintf(where, sizeof where, "bound %" PRIu64 " ns", totals->bounds[i]);
        same_count(check, where, "itself", totals->bounds[i], detail->bounds[i].bound_ns);
        same_count(check, where, "at or below", totals->at_most[i], detail->bounds[i].count);
        same_count(check, where, "exact since", 0, detail->bounds[i].exact_since_ns);
    }
}

static uint64_t good_of(const struct own_totals *totals, const struct own_objective *objective)
{
    for (uint32_t i = 0; objective->threshold_ns != 0 && i < totals->bound_count; i++) {
        if (totals->bounds[i] == objective->threshold_ns) {
            return totals->at_most[i];
        }
    }
    return totals->sums.count - totals->sums.failures;
}

static void check_objectives(struct own_check *check, const struct own_expected *expected,
                             const struct slipring_stats *stats, const struct slipring_stats_detail *detail)
{
    const uint64_t total = expected->totals->sums.count;
    double least_compliance = 1;
    double least_remaining = 1;
    same_count(check, "", "objectives", expected->objective_count, detail->objective_count);
    for (uint32_t i = 0; i < expected->objective_count; i++) {
        const struct own_objective *own = &expected->objectives[i];
        const struct slipring_objective_stats *booked = &detail->objectives[i];
        const uint64_t good = good_of(expected->totals, own);
        double compliance = 0;
        double remaining = 0;
        double burn = 0;
        same_text(check, "objective", own->name, own->name, booked->name);
        same_count(check, own->name, "kind", own->threshold_ns ? SLIPRING_LATENCY : SLIPRING_AVAILABILITY,
                   booked->kind);
        same_count(check, own->name, "target", own->target_ppb, booked->target_ppb);
        same_count(check, own->name, "threshold", own->threshold_ns, booked->threshold_ns);
        same_count(check, own->name, "good", good, booked->good);
        same_count(check, own->name, "total", total, booked->total);
        same_count(check, own->name, "exact since", 0, booked->exact_since_ns);
        holds(check, own->name, "has figures",
              sr_objective_compliance(good, total, &compliance) &&
                  sr_objective_remaining(own->target_ppb, good, total, &remaining) &&
                  sr_objective_burn_rate(own->target_ppb, good, total, &burn));
        same_number(check, own->name, "compliance", compliance, booked->compliance);
        same_number(check, own->name, "budget", remaining, booked->budget_remaining);
        same_number(check, own->name, "burn rate", burn, booked->burn_rate);
        least_compliance = compliance < least_compliance ? compliance : least_compliance;
        least_remaining = remaining < least_remaining ? remaining : least_remaining;
    }
    same_number(check, "", "compliance", least_compliance, stats->slo_compliance);
    same_number(check, "", "budget", least_remaining, stats->budget_remaining);
    same_number(check, "", "budget, clamped", sr_objective_clamp(least_remaining),
                stats->budget_remaining_clamped);
}

void own_check_books(const struct own_expected *expected, const struct slipring_stats *stats,
                     const struct slipring_stats_detail *detail, struct own_check *out_check)
{
    *out_check = (struct own_check){0};
    check_totals(out_check, &expected->totals->sums, stats);
    check_window(out_check, "lifetime", expected->totals, &stats->lifetime);
    check_minute(out_check, expected, stats);
    same_text(out_check, "", "name", expected->name, detail->name);
    same_text(out_check, "", "type", expected->type, detail->type);
    check_money(out_check, expected, stats, detail);
    check_bounds(out_check, expected->totals, detail);
    check_objectives(out_check, expected, stats, detail);
}
