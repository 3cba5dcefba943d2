/* SPDX-License-Identifier: Apache-2.0 */
/* `slipring slo`: every objective of every primitive, what hurts most first. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "message.h"
#include "objectives.h"
#include "peer/json.h"
#include "peer/json_put.h"
#include "table.h"

enum { BAR_CELLS = 10 };

static const struct table_column columns[] = {
    {.title = "PRIMITIVE", .is_elastic = true},
    {.title = "OBJECTIVE", .is_elastic = true},
    {.title = "TARGET", .may_go = 5},
    {.title = "PERIOD", .may_go = 8},
    {.title = "KEPT", .is_right = true, .may_go = 4},
    {.title = "BUDGET LEFT", .is_right = true},
    {.title = "UNCLAMPED", .is_right = true, .may_go = 9},
    {.title = "BURN 5M", .is_right = true, .may_go = 7},
    {.title = "1H", .is_right = true},
    {.title = "6H", .is_right = true, .may_go = 3},
    {.title = "3D", .is_right = true, .may_go = 6},
    {.title = "ALERT"},
    {.title = "SPENT IN", .is_right = true, .may_go = 1},
    {.title = "COVERS", .is_right = true, .may_go = 10},
    {.title = "SET BY", .may_go = 11},
    {.title = "N", .is_right = true, .may_go = 2},
};

static void add_burn(struct table *table, const struct render_style *style, const struct objective *objective,
                     uint64_t window_s)
{
    struct render_text text;
    double burn = 0.0;
    const bool has_burn = objective_burn(objective, objective_window(objective, window_s), &burn);
    table_add(table, has_burn ? render_burn(burn, &text) : render_absent(style));
}

/* With a bar before it where people look at it. */
static void add_left(struct table *table, const struct render_style *style, const struct objective *objective,
                     bool has_bar)
{
    struct render_text bar = {.text = ""};
    struct render_text share;
    struct render_text both;
    if (!objective->has_events) {
        table_add(table, render_absent(style));
        return;
    }
    const double left = objective->remaining > 0.0 ? objective->remaining : 0.0;
    if (has_bar) {
        render_bar(style, left, BAR_CELLS, &bar);
    }
    (void)snprintf(both.text, sizeof both.text, "%.200s%s%.100s", bar.text, has_bar ? " " : "",
                   render_ratio(left, &share));
    table_add(table, both.text);
}

static void add_row(struct table *table, const struct objective *objective, const struct render_style *style,
                    bool has_bar)
{
    const struct slipring_stats_detail *detail = &objective->figure->detail;
    const struct slipring_objective_stats *stats = objective->stats;
    const char *absent = render_absent(style);
    struct render_text text;
    table_add(table, render_safe(style, detail->name, sizeof detail->name, &text));
    table_add(table, render_safe(style, stats->name, sizeof stats->name, &text));
    table_add(table, objective_promise(style, stats, &text));
    table_add(table, objective_period(stats->period_s, &text));
    table_add(table, objective->has_events && !objective->is_spend
                         ? render_ratio(objective->compliance, &text)
                         : absent);
    add_left(table, style, objective, has_bar);
    table_add(table, objective->has_events ? render_ratio(objective->remaining, &text) : absent);
    add_burn(table, style, objective, 300);
    add_burn(table, style, objective, 3600);
    add_burn(table, style, objective, 21600);
    add_burn(table, style, objective, 259200);
    table_add(table, objective_alerts(style, objective, &text));
    table_add(table, objective_exhaustion(style, objective, &text));
    table_add(table, render_duration(style, stats->span_ns, &text));
    table_add(table, sr_json_objective_source(stats->source));
    table_add(table,
              objective->is_spend ? render_money(stats->total, &text) : render_count(stats->total, &text));
}

static void print_table(const struct objectives *objectives, const struct render_style *style)
{
    struct table table;
    const bool has_bar = isatty(STDOUT_FILENO) || style->colour;
    table_open(&table, columns, (int)(sizeof columns / sizeof *columns));
    for (size_t i = 0; i < objectives->count; i++) {
        add_row(&table, &objectives->list[i], style, has_bar);
    }
    table_fit(&table, style);
    for (long row = -1; row < (long)objectives->count; row++) {
        const struct objective *objective = row < 0 ? NULL : &objectives->list[row];
        const bool is_bad = objective && (objective->firing < SLIPRING_ALERT_COUNT ||
                                          (objective->has_events && objective->remaining < 0.0));
        const char *emphasis = row < 0 ? render_bold(style) : is_bad ? render_bad(style) : "";
        char *line = table_line(&table, style, row);
        printf("%s%s%s\n", emphasis, line, emphasis[0] ? render_plain(style) : "");
        free(line);
    }
    table_close(&table);
}

static struct json_object *slo_json(const struct figures *figures, const struct objectives *objectives)
{
    struct sr_json_making making = {.failed = false};
    struct json_object *root = figures_json_head(figures);
    struct json_object *list = sr_json_put_array(&making, root, "objectives");
    for (size_t i = 0; i < objectives->count; i++) {
        const struct objective *objective = &objectives->list[i];
        const struct figure *figure = objective->figure;
        struct json_object *one = sr_json_objective(objective->stats, figure->stats.published_ns,
                                                    figure->has_slo ? &figure->slo : NULL, objective->index);
        sr_json_put_text(&making, one, "primitive", figure->detail.name);
        sr_json_put_text(&making, one, "type", figure->detail.type);
        sr_json_append(&making, list, one);
    }
    return sr_json_finish(&making, root);
}

static void print_text(const struct figures *figures, const struct objectives *objectives,
                       const struct render_style *style)
{
    struct render_text agent;
    const bool is_live = figures_are_live(figures);
    figures_agent(figures, style, &agent);
    printf("store %s   %s%s%s   %zu objective%s\n", figures->store, is_live ? "" : render_bad(style),
           agent.text, is_live ? "" : render_plain(style), objectives->count,
           objectives->count == 1 ? "" : "s");
    if (objectives->count > 0) {
        print_table(objectives, style);
    } else {
        printf("no objective is set: slipring_slo_configure() sets one, or the configuration of slipringd\n");
    }
}

static int run_slo(const struct invocation *invocation)
{
    struct figures figures;
    struct objectives objectives;
    enum slipring_status status =
        figures_take(invocation->store, NULL, invocation->values[OPTION_type], &figures);
    if (status != SLIPRING_OK) {
        return message_store("show", invocation->store, status);
    }
    figures_keep(&figures, invocation->words, invocation->word_count);
    if (figures.count == 0 && invocation->word_count > 0) {
        figures_drop(&figures);
        return figures_refuse(invocation->store, invocation->words[0], invocation->values[OPTION_type]);
    }
    objectives_take(&figures, &objectives);
    objectives_sort(&objectives);
    if (invocation->values[OPTION_json]) {
        figures_print_json(slo_json(&figures, &objectives));
    } else {
        print_text(&figures, &objectives, &invocation->style);
    }
    objectives_drop(&objectives);
    figures_drop(&figures);
    return STATUS_OK;
}

const struct command command_slo = {
    .name = "slo",
    .synopsis = "[OPTION]... [PATTERN]...",
    .summary = "all objectives, what hurts most first: budgets, burn rates, alerts",
    .description =
        "Lists every objective of every primitive, or of those whose names match a PATTERN (as a shell's: "
        "'api_*'). First those whose alert fires, the fastest burn first, then by how little budget is "
        "left.\n"
        "KEPT is good over total within the period, of which COVERS was seen; N is the total. Of a money "
        "budget "
        "TARGET is what the period may cost, and N what it did; it keeps nothing. BUDGET LEFT is "
        "the "
        "share of the bad executions allowed by the target, or of the money, that is not used up, from 0% to "
        "100%; UNCLAMPED "
        "goes "
        "below 0 when it is overspent.\n"
        "BURN is the burn rate over the last 5 minutes, hour, 6 hours, 3 days: at 1 the budget lasts exactly "
        "the "
        "period, at 14.4 a month's budget is gone in two days. A dash: no execution, or the period does not "
        "reach so far. "
        "SPENT IN is when the budget is used up if it goes on as in the last hour.\n"
        "ALERT: FIRING with the pairs of windows that both burn faster than their factor; quiet; gated, too "
        "few "
        "executions to judge by; cannot fire, for a target so low that not even failures alone would reach a "
        "factor; no data, "
        "nothing ran within the last hour. SET BY says who set the objective: api, a program, or file, the "
        "agent's "
        "configuration, which goes before what programs say of the same name. slipring slo explain NAME "
        "shows the arithmetic of one primitive.\n"
        "A primitive that is called explain or check is meant by slipring slo -- check.\n"
        "Costs the recording programs nothing. Works without an agent and then says from when the figures "
        "are.",
    .exits = "0\tshown\n"
             "1\tno primitive matches\n"
             "2\tbad input, or no such store\n",
    .examples = "slipring slo\n"
                "slipring slo 'archive_*'\tof those whose names begin so\n"
                "slipring slo --json | jq -r '.objectives[] | select(.alerts[]?.state == \"firing\") | "
                ".primitive'\twhat fires, for a script\n",
    COMMAND_OPTIONS(OPTION_type, OPTION_json),
    .max_words = -1,
    .run = run_slo,
};
