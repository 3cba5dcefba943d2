/* SPDX-License-Identifier: Apache-2.0 */
/* The money in `slipring report`: budgets, and cost and savings by category. See report_parts.h. */
#include "pure/money.h"
#include "report_parts.h"

const char *report_savings_rate(const struct render_style *style, uint64_t cost, uint64_t savings,
                                struct render_text *room)
{
    double rate;
    return sr_money_savings_rate(cost, savings, &rate) ? render_ratio(rate, room) : render_absent(style);
}

/* --- budgets ---------------------------------------------------------------------------------------------------- */

static void add_budget(struct table *table, const struct objective *objective,
                       const struct render_style *style)
{
    const struct slipring_objective_stats *stats = objective->stats;
    const char *absent = render_absent(style);
    struct render_text text;
    double burn = 0.0;
    report_name(table, style, objective->figure->detail.name, sizeof objective->figure->detail.name);
    report_name(table, style, stats->name, sizeof stats->name);
    table_add(table, render_money(stats->amount_nanodollars, &text));
    table_add(table, objective_period(stats->period_s, &text));
    table_add(table, render_duration(style, stats->span_ns, &text));
    table_add(table, render_money(stats->total, &text));
    table_add(table, objective->has_events ? render_ratio(1.0 - objective->remaining, &text) : absent);
    table_add(table, objective->has_events ? render_ratio(objective->remaining, &text) : absent);
    table_add(table, objective_burn(objective, objective_window(objective, 3600), &burn)
                         ? render_burn(burn, &text)
                         : absent);
    table_add(table, objective_alerts(style, objective, &text));
    table_add(table, objective_exhaustion(style, objective, &text));
}

void report_budgets(const struct printing *printing)
{
    static const struct table_column columns[] = {
        {.title = "PRIMITIVE", .is_elastic = true},
        {.title = "BUDGET", .is_elastic = true},
        {.title = "AMOUNT", .is_right = true},
        {.title = "PERIOD", .may_go = 3},
        {.title = "COVERS", .is_right = true, .may_go = 5},
        {.title = "COST", .is_right = true},
        {.title = "SPENT", .is_right = true},
        {.title = "LEFT", .is_right = true, .may_go = 4},
        {.title = "BURN 1H", .is_right = true, .may_go = 2},
        {.title = "ALERT"},
        {.title = "SPENT IN", .is_right = true, .may_go = 1},
    };
    const struct objectives *objectives = &printing->review->objectives;
    struct table table;
    size_t rows = 0;
    table_open(&table, columns, (int)(sizeof columns / sizeof *columns));
    for (size_t i = 0; i < objectives->count; i++) {
        if (objectives->list[i].is_spend) {
            add_budget(&table, &objectives->list[i], printing->style);
            rows++;
        }
    }
    if (rows == 0) {
        table_close(&table);
        return;
    }
    report_heading(printing, "Money budgets");
    report_table(printing, &table);
}

/* --- categories ------------------------------------------------------------------------------------------------- */

static bool has_money(const struct slipring_category_stats *category)
{
    return category->name[0] != '\0' &&
           (category->lifetime_cost_nanodollars | category->lifetime_savings_nanodollars) != 0;
}

static uint32_t category_count(const struct slipring_stats_detail *detail)
{
    return detail->category_count < SLIPRING_CATEGORY_COUNT ? detail->category_count
                                                            : SLIPRING_CATEGORY_COUNT;
}

/* Returns how many rows. */
static size_t add_categories(struct table *table, const struct slipring_stats_detail *detail,
                             const struct render_style *style)
{
    size_t rows = 0;
    struct render_text text;
    for (uint32_t i = 0; i < category_count(detail); i++) {
        const struct slipring_category_stats *category = &detail->categories[i];
        if (has_money(category)) {
            const uint64_t cost = category->lifetime_cost_nanodollars;
            const uint64_t savings = category->lifetime_savings_nanodollars;
            report_name(table, style, detail->name, sizeof detail->name);
            report_name(table, style, category->name, sizeof category->name);
            table_add(table, render_money(cost, &text));
            table_add(table, render_money(savings, &text));
            table_add(table, report_savings_rate(style, cost, savings, &text));
            rows++;
        }
    }
    return rows;
}

void report_categories(const struct printing *printing)
{
    static const struct table_column columns[] = {
        {.title = "PRIMITIVE", .is_elastic = true},
        {.title = "CATEGORY", .is_elastic = true},
        {.title = "COST", .is_right = true},
        {.title = "SAVED", .is_right = true},
        {.title = "SAVINGS RATE", .is_right = true, .may_go = 1},
    };
    struct table table;
    size_t rows = 0;
    table_open(&table, columns, (int)(sizeof columns / sizeof *columns));
    for (size_t i = 0; i < printing->review->entry_count; i++) {
        rows += add_categories(&table, &printing->review->entries[i].figure->detail, printing->style);
    }
    if (rows == 0) {
        table_close(&table);
        return;
    }
    report_heading(printing, "Money by category, over the lifetime");
    report_table(printing, &table);
}

void report_put_categories(struct sr_json_making *making, struct json_object *object,
                           const struct slipring_stats_detail *detail)
{
    struct json_object *list = sr_json_put_array(making, object, "categories");
    for (uint32_t i = 0; i < category_count(detail); i++) {
        const struct slipring_category_stats *category = &detail->categories[i];
        if (has_money(category)) {
            struct json_object *one = json_object_new_object();
            sr_json_put_text(making, one, "name", category->name);
            sr_json_put_billionths(making, one, "lifetime_cost", category->lifetime_cost_nanodollars);
            sr_json_put_billionths(making, one, "lifetime_savings", category->lifetime_savings_nanodollars);
            sr_json_append(making, list, one);
        }
    }
}
