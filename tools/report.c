/* SPDX-License-Identifier: Apache-2.0 */
/* `slipring report`: the weekly review, as text, Markdown or JSON. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "message.h"
#include "peer/json.h"
#include "peer/json_put.h"
#include "pure/alert.h"
#include "pure/duration.h"
#include "pure/money.h"
#include "pure/objective.h"
#include "report_parts.h"

#define SECOND_NS UINT64_C(1000000000)

void report_heading(const struct printing *printing, const char *title)
{
    if (printing->format == REPORT_MARKDOWN) {
        printf("\n## %s\n\n", title);
    } else {
        printf("\n%s%s%s\n", render_bold(printing->style), title, render_plain(printing->style));
    }
}

void report_table(const struct printing *printing, struct table *table)
{
    if (printing->format == REPORT_MARKDOWN) {
        table_print_markdown(table, stdout);
    } else {
        table_print(table, printing->style, stdout);
    }
    table_close(table);
}

static void print_none(const struct printing *printing, const char *what)
{
    printf("%s%s\n", printing->format == REPORT_MARKDOWN ? "" : "  ", what);
}

void report_name(struct table *table, const struct render_style *style, const char *name, size_t bytes)
{
    struct render_text text;
    table_add(table, render_safe(style, name, bytes, &text));
}

/* --- the primitives ------------------------------------------------------------------------------------------- */

static void add_entry(struct table *table, const struct review_entry *entry, const struct render_style *style)
{
    const struct slipring_window_stats *window = entry->window;
    struct render_text text;
    double dollars;
    report_name(table, style, entry->figure->detail.name, sizeof entry->figure->detail.name);
    report_name(table, style, entry->figure->detail.type, sizeof entry->figure->detail.type);
    table_add(table, render_count(window->n, &text));
    table_add(table, render_rate(window->per_second, &text));
    table_add(table, render_rate(window->peak_per_second, &text));
    table_add(table, render_count(window->failures, &text));
    for (int i = 0; i < SLIPRING_PERCENTILE_COUNT; i++) {
        table_add(table, window->n > 0 ? render_nanoseconds(style, window->percentile_ns[i], &text)
                                       : render_absent(style));
    }
    table_add(table, window->n > 0 ? render_ratio(window->relative_error, &text) : render_absent(style));
    table_add(table, render_duration(style, window->span_ns, &text));
    table_add(table, render_money(window->cost_nanodollars, &text));
    table_add(table, sr_money_per_request(window->cost_nanodollars, window->n, &dollars)
                         ? render_dollars(dollars, &text)
                         : render_absent(style));
    table_add(table, render_dollars(sr_money_per_hour(window->cost_nanodollars, window->span_ns), &text));
    table_add(table, render_money(window->savings_nanodollars, &text));
    table_add(table,
              report_savings_rate(style, window->cost_nanodollars, window->savings_nanodollars, &text));
}

static void add_totals(struct table *table, const struct review *review, const struct render_style *style)
{
    enum { PERCENTILES_TO_COVERS = SLIPRING_PERCENTILE_COUNT + 2 };
    const struct review_totals *totals = &review->totals;
    struct render_text text;
    double dollars;
    table_add(table, "total");
    table_add(table, "");
    table_add(table, render_count(totals->n, &text));
    table_add(table, render_rate(totals->per_second, &text));
    table_add(table, "");
    table_add(table, render_count(totals->failures, &text));
    for (int i = 0; i < PERCENTILES_TO_COVERS; i++) {
        table_add(table, "");
    }
    table_add(table, render_money(totals->cost, &text));
    table_add(table, sr_money_per_request(totals->cost, totals->n, &dollars) ? render_dollars(dollars, &text)
                                                                             : render_absent(style));
    table_add(table, "");
    table_add(table, render_money(totals->savings, &text));
    table_add(table, report_savings_rate(style, totals->cost, totals->savings, &text));
}

static void print_primitives(const struct printing *printing)
{
    static const struct table_column columns[] = {
        {.title = "PRIMITIVE", .is_elastic = true},
        {.title = "TYPE", .is_elastic = true, .may_go = 11},
        {.title = "N", .is_right = true},
        {.title = "RATE", .is_right = true},
        {.title = "PEAK", .is_right = true, .may_go = 5},
        {.title = "FAILED", .is_right = true},
        {.title = "P50", .is_right = true},
        {.title = "P90", .is_right = true, .may_go = 7},
        {.title = "P95", .is_right = true, .may_go = 8},
        {.title = "P99", .is_right = true},
        {.title = "P99.9", .is_right = true, .may_go = 6},
        {.title = "ERROR", .is_right = true, .may_go = 10},
        {.title = "COVERS", .is_right = true, .may_go = 4},
        {.title = "COST", .is_right = true, .may_go = 1},
        {.title = "A REQUEST", .is_right = true, .may_go = 12},
        {.title = "AN HOUR", .is_right = true, .may_go = 13},
        {.title = "SAVED", .is_right = true, .may_go = 3},
        {.title = "SAVINGS RATE", .is_right = true, .may_go = 9},
    };
    struct table table;
    table_open(&table, columns, (int)(sizeof columns / sizeof *columns));
    for (size_t i = 0; i < printing->review->entry_count; i++) {
        add_entry(&table, &printing->review->entries[i], printing->style);
    }
    add_totals(&table, printing->review, printing->style);
    report_heading(printing, "Primitives");
    report_table(printing, &table);
}

/* --- the budgets ---------------------------------------------------------------------------------------------- */

static void add_objective(struct table *table, const struct objective *objective,
                          const struct render_style *style)
{
    const struct slipring_objective_stats *stats = objective->stats;
    const char *absent = render_absent(style);
    struct render_text text;
    uint64_t allowed = 0;
    const bool has_allowed = sr_objective_allowed_bad(stats->target_ppb, stats->total, &allowed);
    report_name(table, style, objective->figure->detail.name, sizeof objective->figure->detail.name);
    report_name(table, style, stats->name, sizeof stats->name);
    table_add(table, objective_promise(style, stats, &text));
    table_add(table, objective_period(stats->period_s, &text));
    table_add(table, render_duration(style, stats->span_ns, &text));
    table_add(table, objective->has_events ? render_count(objective->bad, &text) : absent);
    table_add(table, has_allowed ? render_count(allowed, &text) : absent);
    table_add(table, objective->has_events ? render_ratio(1.0 - objective->remaining, &text) : absent);
    table_add(table, objective->has_events ? render_ratio(objective->remaining, &text) : absent);
    table_add(table, objective_alerts(style, objective, &text));
}

static void print_budgets(const struct printing *printing)
{
    static const struct table_column columns[] = {
        {.title = "PRIMITIVE", .is_elastic = true},
        {.title = "OBJECTIVE", .is_elastic = true},
        {.title = "TARGET", .may_go = 2},
        {.title = "PERIOD", .may_go = 3},
        {.title = "COVERS", .is_right = true, .may_go = 5},
        {.title = "BAD", .is_right = true},
        {.title = "ALLOWED", .is_right = true, .may_go = 1},
        {.title = "SPENT", .is_right = true},
        {.title = "LEFT", .is_right = true, .may_go = 4},
        {.title = "ALERT"},
    };
    struct table table;
    report_heading(printing, "Error budgets");
    size_t rows = 0;
    table_open(&table, columns, (int)(sizeof columns / sizeof *columns));
    for (size_t i = 0; i < printing->review->objectives.count; i++) {
        if (!printing->review->objectives.list[i].is_spend) {
            add_objective(&table, &printing->review->objectives.list[i], printing->style);
            rows++;
        }
    }
    if (rows == 0) {
        table_close(&table);
        print_none(printing, "no objective is set");
        return;
    }
    report_table(printing, &table);
}

/* --- the incidents -------------------------------------------------------------------------------------------- */

/* "1h/5m"; a number that is no pair is said to be none. */
static const char *pair_name(uint32_t pair, struct render_text *room)
{
    if (pair >= SLIPRING_ALERT_COUNT) {
        return "none";
    }
    const struct slipring_slo_alert alert = {.long_s = sr_alert_pairs[pair].long_s,
                                             .short_s = sr_alert_pairs[pair].short_s};
    return objective_pair(&alert, room);
}

static void add_incident(struct table *table, const struct slipring_incident *incident,
                         const struct figures *figures, const struct render_style *style)
{
    struct render_text text;
    struct render_text lasted;
    const bool goes_on = incident->ended_wall_ns == 0;
    const uint64_t end_ns = goes_on ? figures->now_wall_ns : incident->ended_wall_ns;
    table_add(table, render_date(incident->began_wall_ns, &text));
    render_duration(style, end_ns > incident->began_wall_ns ? end_ns - incident->began_wall_ns : 0, &lasted);
    (void)snprintf(text.text, sizeof text.text, "%.60s%s", lasted.text, goes_on ? ", goes on" : "");
    table_add(table, text.text);
    report_name(table, style, incident->primitive, sizeof incident->primitive);
    report_name(table, style, incident->objective, sizeof incident->objective);
    table_add(table, pair_name(incident->pair, &text));
    table_add(table, render_burn(incident->peak_burn_rate, &text));
    table_add(table, incident->kind == SLIPRING_SPEND ? render_money(incident->bad, &text)
                                                      : render_count(incident->bad, &text));
}

static void print_incidents(const struct printing *printing)
{
    static const struct table_column columns[] = {
        {.title = "BEGAN"},
        {.title = "LASTED", .is_right = true},
        {.title = "PRIMITIVE", .is_elastic = true},
        {.title = "OBJECTIVE", .is_elastic = true},
        {.title = "PAIR"},
        {.title = "PEAK BURN", .is_right = true},
        {.title = "BAD", .is_right = true},
    };
    const struct review *review = printing->review;
    struct table table;
    report_heading(printing, "Incidents");
    if (review->incident_count == 0) {
        print_none(printing, "no pair of windows fired");
        return;
    }
    table_open(&table, columns, (int)(sizeof columns / sizeof *columns));
    for (size_t i = 0; i < review->incident_count; i++) {
        add_incident(&table, review->incidents[i], review->figures, printing->style);
    }
    report_table(printing, &table);
}

/* --- as text and Markdown --------------------------------------------------------------------------------------- */

static void print_head(const struct printing *printing)
{
    const struct review *review = printing->review;
    const struct figures *figures = review->figures;
    const bool is_markdown = printing->format == REPORT_MARKDOWN;
    char label[SR_DURATION_LABEL_BYTES];
    struct render_text from;
    struct render_text to;
    (void)sr_duration_label(review->window_ns, label);
    render_date(review->from_wall_ns, &from);
    render_date(figures->now_wall_ns - figures_age_ns(figures), &to);
    printf("%s%sStore %s: the last %s, from %s to %s%s\n", is_markdown ? "# " : "",
           is_markdown ? "" : render_bold(printing->style), figures->store, label, from.text, to.text,
           is_markdown ? "" : render_plain(printing->style));
    if (is_markdown) {
        printf("\n");
    }
    for (int i = 0; i < review->note_count; i++) {
        printf("%s%s\n", is_markdown ? "- " : "  ", review->notes[i]);
    }
}

static void print_report(const struct printing *printing)
{
    print_head(printing);
    print_primitives(printing);
    report_categories(printing);
    print_budgets(printing);
    report_budgets(printing);
    print_incidents(printing);
}

/* --- as JSON ---------------------------------------------------------------------------------------------------- */

static struct json_object *entry_json(struct sr_json_making *making, const struct review_entry *entry)
{
    const struct figure *figure = entry->figure;
    struct json_object *object = json_object_new_object();
    double rate;
    sr_json_put_text(making, object, "name", figure->detail.name);
    sr_json_put_text(making, object, "type", figure->detail.type);
    sr_json_put(making, object, "window", sr_json_window(entry->window, &figure->detail));
    if (sr_money_savings_rate(entry->window->cost_nanodollars, entry->window->savings_nanodollars, &rate)) {
        sr_json_put_number(making, object, "savings_rate", rate);
    }
    report_put_categories(making, object, &figure->detail);
    struct json_object *list = sr_json_put_array(making, object, "objectives");
    for (uint32_t i = 0; i < figure->detail.objective_count && i < SLIPRING_OBJECTIVE_COUNT; i++) {
        sr_json_append(making, list,
                       sr_json_objective(&figure->detail.objectives[i], figure->stats.published_ns,
                                         figure->has_slo ? &figure->slo : NULL, i));
    }
    return object;
}

static struct json_object *incident_json(struct sr_json_making *making,
                                         const struct slipring_incident *incident)
{
    struct json_object *object = json_object_new_object();
    struct render_text text;
    sr_json_put_text(making, object, "primitive", incident->primitive);
    sr_json_put_text(making, object, "type", incident->type);
    sr_json_put_text(making, object, "objective", incident->objective);
    sr_json_put_text(making, object, "pair", pair_name(incident->pair, &text));
    sr_json_put_billionths(making, object, "began_unix_seconds", incident->began_wall_ns);
    if (incident->ended_wall_ns != 0) {
        sr_json_put_billionths(making, object, "ended_unix_seconds", incident->ended_wall_ns);
    }
    sr_json_put_number(making, object, "peak_burn_rate", incident->peak_burn_rate);
    if (incident->kind == SLIPRING_SPEND) {
        sr_json_put_billionths(making, object, "spent", incident->bad);
    } else {
        sr_json_put_count(making, object, "bad", incident->bad);
    }
    return object;
}

static struct json_object *report_json(const struct review *review)
{
    struct sr_json_making making = {.failed = false};
    char label[SR_DURATION_LABEL_BYTES];
    double rate;
    struct json_object *root = figures_json_head(review->figures);
    (void)sr_duration_label(review->window_ns, label);
    sr_json_put_text(&making, root, "since", label);
    sr_json_put_billionths(&making, root, "from_unix_seconds", review->from_wall_ns);
    struct json_object *notes = sr_json_put_array(&making, root, "notes");
    for (int i = 0; i < review->note_count; i++) {
        sr_json_append(&making, notes, json_object_new_string(review->notes[i]));
    }
    struct json_object *list = sr_json_put_array(&making, root, "primitives");
    for (size_t i = 0; i < review->entry_count; i++) {
        sr_json_append(&making, list, entry_json(&making, &review->entries[i]));
    }
    struct json_object *incidents = sr_json_put_array(&making, root, "incidents");
    for (size_t i = 0; i < review->incident_count; i++) {
        sr_json_append(&making, incidents, incident_json(&making, review->incidents[i]));
    }
    const struct review_totals *totals = &review->totals;
    struct json_object *sums = sr_json_put_object(&making, root, "totals");
    sr_json_put_count(&making, sums, "n", totals->n);
    sr_json_put_count(&making, sums, "failures", totals->failures);
    sr_json_put_number(&making, sums, "per_second", totals->per_second);
    sr_json_put_billionths(&making, sums, "cost", totals->cost);
    sr_json_put_billionths(&making, sums, "savings", totals->savings);
    if (sr_money_savings_rate(totals->cost, totals->savings, &rate)) {
        sr_json_put_number(&making, sums, "savings_rate", rate);
    }
    return sr_json_finish(&making, root);
}

/* --- the command ------------------------------------------------------------------------------------------------ */

static bool take_format(const struct invocation *invocation, enum report_format *out_format)
{
    struct render_text quoted;
    const char *wish = invocation->values[OPTION_format];
    const bool wants_json = invocation->values[OPTION_json] != NULL;
    *out_format = wants_json ? REPORT_JSON : REPORT_TEXT;
    if (!wish || (wants_json && strcmp(wish, "json") == 0)) {
        return true;
    }
    if (wants_json) {
        message_print("--json and --format %s contradict each other: give one of them",
                      render_quote(wish, &quoted));
        return false;
    }
    static const char *const names[] = {
        [REPORT_TEXT] = "text", [REPORT_MARKDOWN] = "markdown", [REPORT_JSON] = "json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(wish, names[i]) == 0) {
            *out_format = (enum report_format)i;
            return true;
        }
    }
    message_print("--format %s is none of text, markdown, json", render_quote(wish, &quoted));
    return false;
}

static void show(const struct invocation *invocation, const struct figures *figures, uint64_t window_ns,
                 enum report_format format)
{
    struct render_style style = invocation->style;
    struct review review;
    if (format == REPORT_MARKDOWN) {
        style.colour = false;
    }
    review_make(figures, window_ns, &style, &review);
    if (format == REPORT_JSON) {
        figures_print_json(report_json(&review));
    } else {
        print_report(&(struct printing){.review = &review, .style = &style, .format = format});
    }
    review_drop(&review);
}

static int run_report(const struct invocation *invocation)
{
    enum report_format format;
    struct figures figures;
    uint64_t window_ns;
    int result = STATUS_OK;
    if (!take_format(invocation, &format)) {
        return STATUS_BAD;
    }
    const enum slipring_status status =
        figures_take(invocation->store, NULL, invocation->values[OPTION_type], &figures);
    if (status != SLIPRING_OK) {
        return message_store("report on", invocation->store, status);
    }
    figures_keep(&figures, invocation->words, invocation->word_count);
    if (figures.count == 0 && invocation->word_count > 0) {
        figures_drop(&figures);
        return figures_refuse(invocation->store, invocation->words[0], invocation->values[OPTION_type]);
    }
    if (review_take_window(&figures, invocation->values[OPTION_since], &window_ns)) {
        show(invocation, &figures, window_ns, format);
    } else {
        result = STATUS_BAD;
    }
    figures_drop(&figures);
    return result;
}

const struct command command_report = {
    .name = "report",
    .synopsis = "[OPTION]... [PATTERN]...",
    .summary = "the weekly review: percentiles, budgets spent, incidents, cost and savings",
    .description =
        "Reports on a stretch of time up to now, for all primitives or for those whose names match a PATTERN "
        "(as a "
        "shell's: 'api_*'); what hurts most stands first. --since has to be a window that the agent keeps "
        "(slipringd --windows), since percentiles of others cannot be had.\n"
        "The lines at its head say what it covers and what it does not. Primitives: executions, their rate "
        "and the highest "
        "rate of any second, failures, percentiles with their ERROR bound, over the time that the window "
        "really COVERS, what they "
        "cost (A REQUEST, AN HOUR of the time covered) and saved; SAVINGS RATE is saved / (cost + saved). "
        "Money budgets: what a period may cost, from the agent's "
        "configuration, and did; the incidents of one tell what was spent meanwhile. Error budgets: SPENT is "
        "the share that is "
        "used up of what each objective allows within "
        "its own period, above 100% when it is overspent. Incidents: each pair of windows that fired, how "
        "long, at what "
        "burn rate of its long window at most, and how many executions were bad meanwhile.\n"
        "Costs the recording programs nothing. Works without an agent and then says from when the figures "
        "are.",
    .exits = "0\treported\n"
             "1\tno primitive matches\n"
             "2\tbad input, a window that is not kept, or no such store\n",
    .examples = "slipring report\n"
                "slipring report --since 1d 'archive_*'\n"
                "slipring report --format markdown > review.md\tfor the minutes of a meeting\n"
                "slipring report --json | jq .totals\n",
    COMMAND_OPTIONS(OPTION_since, OPTION_format, OPTION_type, OPTION_json),
    .max_words = -1,
    .run = run_report,
};
