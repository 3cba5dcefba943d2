/* SPDX-License-Identifier: Apache-2.0 */
/* `slipring show`: one screen per primitive, every figure with how good it is. */
#include <inttypes.h>
#include <string.h>

#include "by_process.h"
#include "card.h"
#include "command.h"
#include "figures.h"
#include "message.h"
#include "objectives.h"
#include "pure/exemplar.h"
#include "pure/money.h"
#include "pure/objective.h"
#include "pure/unit.h"
#include "windows.h"

static void add_count(struct card *card, const char *emphasis, const char *what, uint64_t count)
{
    struct render_text text;
    card_piece(card, emphasis, "%s %s", what, render_count(count, &text));
}

/* How many, and of how many they are. */
static void add_spilled(struct card *card, uint64_t spilled, uint64_t total)
{
    struct render_text count;
    struct render_text share;
    double ratio;
    if (spilled > 0 && sr_objective_compliance(spilled, total, &ratio)) {
        card_piece(card, "", "spilled %s (%s)", render_count(spilled, &count), render_ratio(ratio, &share));
    }
}

static void add_durations(struct card *card, const struct figure *figure)
{
    const struct slipring_stats *stats = &figure->stats;
    const struct render_style *style = card->style;
    const double error = windows_error(figure);
    struct render_text text;
    card_label(card, "durations");
    if (!(stats->present & SLIPRING_HAS_DURATION)) {
        card_piece(card, "", "none yet");
        return;
    }
    card_piece(card, "", "min %s", render_duration(style, stats->min_ns, &text));
    card_piece(card, "", "mean %s", render_nanoseconds(style, stats->mean_ns, &text));
    card_piece(card, "", "max %s", render_duration(style, stats->max_ns, &text));
    if (error >= 0.0) {
        card_piece(card, "", "percentiles %s%.2f%%", style->utf8 ? "±" : "+-", error * 100.0);
    }
}

static void add_requests(struct card *card, const struct slipring_stats *stats, uint64_t idle_ns)
{
    const struct render_style *style = card->style;
    struct render_text text;
    const uint64_t n = stats->lifetime.n;
    const uint64_t failures = stats->lifetime.failures < n ? stats->lifetime.failures : n;
    card_label(card, "requests");
    card_piece(card, render_bold(style), "%s", render_rate(stats->requests_per_second, &text));
    add_count(card, "", "active", stats->active > 0 ? (uint64_t)stats->active : 0);
    add_count(card, "", "succeeded", n - failures);
    add_count(card, failures > 0 ? render_bad(style) : "", "failed", failures);
    add_count(card, stats->lifetime_aborted > 0 ? render_bad(style) : "", "aborted", stats->lifetime_aborted);
    if (stats->restored_wall_ns != 0) {
        add_count(card, "", "of these since the books were restored", stats->count + stats->aborted);
    }
    if (idle_ns > 0) {
        card_piece(card, "", "idle for %s, not in /metrics", render_duration(style, idle_ns, &text));
    }
    add_spilled(card, stats->lifetime.spilled, n);
    if (stats->clamped > 0) {
        add_count(card, render_bad(style), "clamped", stats->clamped);
    }
}

static void add_objective(struct card *card, const char *label, const struct objective *objective)
{
    const struct render_style *style = card->style;
    const struct slipring_objective_stats *stats = objective->stats;
    struct render_text text;
    card_label(card, label);
    render_safe(style, stats->name, sizeof stats->name, &text);
    card_piece(card, render_bold(style), "%s", text.text);
    card_piece(card, "", "%s", objective_promise(style, stats, &text));
    card_piece(card, "", "over %s%s", stats->period_s == SLIPRING_PERIOD_MONTH ? "the " : "",
               objective_period(stats->period_s, &text));
    if (!objective->has_events) {
        card_piece(card, "", "nothing recorded yet");
        return;
    }
    const char *emphasis = objective->remaining >= 0.0 ? render_good(style) : render_bad(style);
    if (!objective->is_spend) {
        card_piece(card, emphasis, "kept %s", render_ratio(objective->compliance, &text));
    }
    card_piece(card, emphasis, "budget left %s", render_ratio(objective->remaining, &text));
    card_piece(card, "", "burn rate %s", render_burn(objective->burn_rate, &text));
    struct render_text total;
    if (objective->is_spend) {
        card_piece(card, "", "spent %s", objective_spent(objective, &text));
    } else {
        card_piece(card, "", "good %s of %s", render_count(stats->good, &text),
                   render_count(stats->total, &total));
    }
    if (objective->slo) {
        const bool is_firing = objective->firing < SLIPRING_ALERT_COUNT;
        card_piece(card, is_firing ? render_bad(style) : "", "alert %s",
                   objective_alerts(style, objective, &text));
    }
}

static void add_objectives(struct card *card, const struct figure *figure)
{
    const struct figures one = {.list = (struct figure *)(uintptr_t)figure, .count = 1}; /* only looked at */
    struct objectives objectives;
    objectives_take(&one, &objectives);
    for (size_t i = 0; i < objectives.count; i++) {
        add_objective(card, i == 0 ? "objectives" : "", &objectives.list[i]);
    }
    objectives_drop(&objectives);
}

/* The parts of a total by category, where there is more than the default one. */
static void add_categories(struct card *card, const struct slipring_stats_detail *detail, bool is_savings)
{
    uint32_t count =
        detail->category_count < SLIPRING_CATEGORY_COUNT ? detail->category_count : SLIPRING_CATEGORY_COUNT;
    for (uint32_t i = 0; i < count; i++) {
        const struct slipring_category_stats *category = &detail->categories[i];
        uint64_t amount =
            is_savings ? category->lifetime_savings_nanodollars : category->lifetime_cost_nanodollars;
        struct render_text name;
        struct render_text money;
        if (amount > 0 && category->name[0]) {
            render_safe(card->style, category->name, sizeof category->name, &name);
            card_piece(card, "", "%s %s", name.text, render_money(amount, &money));
        }
    }
}

static void add_cost(struct card *card, const struct figure *figure)
{
    const struct slipring_stats *stats = &figure->stats;
    struct render_text text;
    double dollars;
    if (stats->lifetime.cost_nanodollars > 0) {
        card_label(card, "cost");
        card_piece(card, render_bold(card->style), "%s",
                   render_money(stats->lifetime.cost_nanodollars, &text));
        if (sr_money_per_request(stats->lifetime.cost_nanodollars, stats->lifetime.n, &dollars)) {
            card_piece(card, "", "%s a request", render_dollars(dollars, &text));
        }
        add_categories(card, &figure->detail, false);
    }
    if (stats->lifetime.savings_nanodollars > 0) {
        card_label(card, "savings");
        card_piece(card, render_bold(card->style), "%s",
                   render_money(stats->lifetime.savings_nanodollars, &text));
        if (stats->present & SLIPRING_HAS_SAVINGS_RATE) {
            card_piece(card, "", "%s of cost and savings", render_ratio(stats->savings_rate, &text));
        }
        add_categories(card, &figure->detail, true);
    }
}

/* A line a resource: units, what they cost and saved, and what has no price. */
static void add_usage(struct card *card, const struct figures *figures, const struct figure *figure)
{
    uint32_t count = 0;
    const struct slipring_usage_stats *usages = sr_usages_of(&figures->usages, figure->place, &count);
    for (uint32_t i = 0; i < count; i++) {
        struct render_text text;
        card_label(card, i == 0 ? "usage" : "");
        render_safe(card->style, usages[i].resource, sizeof usages[i].resource, &text);
        card_piece(card, render_bold(card->style), "%s", text.text);
        add_count(card, "", "times", usages[i].usages);
        for (uint32_t unit = 0; unit < SLIPRING_UNIT_COUNT; unit++) {
            if (usages[i].units[unit] != 0) {
                add_count(card, "", sr_unit_name(unit), usages[i].units[unit]);
            }
        }
        card_piece(card, "", "cost %s", render_money(usages[i].cost_nanodollars, &text));
        if (usages[i].savings_nanodollars != 0) {
            card_piece(card, "", "saved %s", render_money(usages[i].savings_nanodollars, &text));
        }
        for (uint32_t unit = 0; unit < SLIPRING_UNIT_COUNT; unit++) {
            if (usages[i].unpriced_units[unit] != 0) {
                card_piece(card, render_bad(card->style), "%s %s without a price",
                           render_count(usages[i].unpriced_units[unit], &text), sr_unit_name(unit));
            }
        }
    }
}

static void add_exemplar(struct card *card, const struct figures *figures, const char *label,
                         const char *what, const struct slipring_exemplar *exemplar)
{
    struct render_text text;
    char id[SR_EXEMPLAR_ID_BYTES];
    const bool has_failed = exemplar->outcome != SLIPRING_SUCCESS;
    card_label(card, label);
    card_piece(card, "", "%s", what);
    card_piece(card, has_failed ? render_bad(card->style) : render_bold(card->style), "%s%s",
               render_duration(card->style, exemplar->duration_ns, &text), has_failed ? " failed" : "");
    card_piece(card, "", "at %s", figures_wall(figures, exemplar->at_ns, &text));
    sr_exemplar_id(exemplar->trace_id, sizeof exemplar->trace_id, id);
    card_piece(card, "", "trace %s", id);
    sr_exemplar_id(exemplar->span_id, sizeof exemplar->span_id, id);
    card_piece(card, "", "span %s", id);
}

/* The slowest of a minute, of an hour and of all, a line each where they differ, and the newest failing one. */
static void add_exemplars(struct card *card, const struct figures *figures, const struct figure *figure)
{
    static const struct {
        const char *name;
        uint64_t window_ns;
    } windows[] = {{"1m", UINT64_C(60000000000)}, {"1h", UINT64_C(3600000000000)}, {"lifetime", UINT64_MAX}};
    const struct slipring_exemplars *exemplars = &figure->exemplars;
    const char *label = "traces";
    char what[64];
    for (size_t i = 0; figure->has_exemplars && i < sizeof windows / sizeof *windows;) {
        const struct slipring_exemplar *slowest =
            sr_exemplar_slowest(exemplars, figures->now_ns, windows[i].window_ns);
        int length = snprintf(what, sizeof what, "slowest of %s", windows[i].name);
        for (i++; i < sizeof windows / sizeof *windows &&
                  sr_exemplar_slowest(exemplars, figures->now_ns, windows[i].window_ns) == slowest;
             i++) {
            length += snprintf(what + length, sizeof what - (size_t)length, ", %s", windows[i].name);
        }
        if (slowest) {
            add_exemplar(card, figures, label, what, slowest);
            label = "";
        }
    }
    if (figure->has_exemplars && !sr_exemplar_is_none(&exemplars->failing)) {
        add_exemplar(card, figures, label, "newest failure", &exemplars->failing);
    }
}

static void print_card(const struct figures *figures, const struct figure *figure,
                       const struct render_style *style)
{
    const uint64_t idle_ns =
        sr_stats_idle_ns(&figure->stats, figures->now_ns, figures_idle_after_ns(figures));
    struct render_text name;
    struct render_text type;
    struct card card;
    render_safe(style, figure->detail.name, sizeof figure->detail.name, &name);
    render_safe(style, figure->detail.type, sizeof figure->detail.type, &type);
    printf("\n%s%s%s  %s\n", render_bold(style), name.text, render_plain(style), type.text);
    windows_print(figure, style, stdout);
    card_open(&card, style, stdout);
    add_durations(&card, figure);
    add_requests(&card, &figure->stats, idle_ns);
    add_objectives(&card, figure);
    add_cost(&card, figure);
    add_usage(&card, figures, figure);
    add_exemplars(&card, figures, figure);
    card_close(&card);
}

static int run_show(const struct invocation *invocation)
{
    const char *name = invocation->words[0];
    const char *type = invocation->values[OPTION_type];
    const struct render_style *style = &invocation->style;
    struct figures figures;
    if (invocation->values[OPTION_by]) {
        return by_process_run(invocation);
    }
    enum slipring_status status = figures_take(invocation->store, name, type, &figures);
    if (status != SLIPRING_OK) {
        return name ? message_figures("show", invocation->store, status)
                    : message_store("show", invocation->store, status);
    }
    if (figures.count == 0 && name) {
        figures_drop(&figures);
        return figures_refuse(invocation->store, name, type);
    }
    if (invocation->values[OPTION_json]) {
        figures_print_json(figures_json(&figures));
    } else {
        struct render_text agent;
        figures_agent(&figures, style, &agent);
        bool is_live = figures_are_live(&figures);
        printf("store %s   %s%s%s\n", figures.store, is_live ? "" : render_bad(style), agent.text,
               is_live ? "" : render_plain(style));
        if (figures.count == 0) {
            printf("\nnothing was recorded yet\n");
        }
        for (size_t i = 0; i < figures.count; i++) {
            print_card(&figures, &figures.list[i], style);
        }
    }
    figures_drop(&figures);
    return STATUS_OK;
}

const struct command command_show = {
    .name = "show",
    .synopsis = "[OPTION]... [NAME]",
    .summary = "percentiles, objectives, throughput and cost, one screen a primitive",
    .description =
        "Shows what the agent published last of every primitive, or of those called NAME. Costs the "
        "recording programs "
        "nothing. Works without an agent and then says from when the figures are.\n"
        "Each window is a line: percentiles by nearest rank, each within the stated error of the true value "
        "(which is a column where windows differ in it), "
        "over N executions "
        "in the time that the window really COVERS; REQ/S is N over that time, PEAK/S the highest rate of "
        "any second in it. An idle "
        "window has rates of 0 and no percentiles. SPILLED executions were counted without a time stamp of "
        "their own, because a ring "
        "was full or there was none: a window has them when they were counted, all else is exact all the "
        "same.\n"
        "requests: per second over the last minute; active are begun and not ended; aborted were under way "
        "when their process "
        "died. Idle is shown where the agent leaves the primitive out of /metrics for it (its --idle-after); "
        "the totals stay.\n"
        "objectives: kept is good over total within the objective's period, aborted executions counted as "
        "bad; budget left is the share "
        "of the allowed bad ones that is not used up, below 0 when overspent; a burn rate of 1 uses up "
        "exactly the budget. slipring slo "
        "has more of them.\n"
        "cost and savings are exact sums of the lifetime, by category where there are several; A REQUEST and "
        "AN HOUR are what an "
        "execution cost on average in a window, and an hour. One with >= outgrew 64 bits and stands still.\n"
        "usage: what slipring_record_usage() was told, a line a resource, since the primitive's counts "
        "began; its cost "
        "is part of "
        "the cost above. What is without a price waits for a price card that knows it (slipringd --prices).\n"
        "traces: the slowest execution that was recorded under a trace, of the last minute, the last hour "
        "and "
        "all since the counts began, and the newest that failed; look their ids up where your traces are "
        "kept.\n"
        "With --by process, or thread: which worker is slow? From the last samples of each ring: N of them, "
        "of "
        "which the oldest GOES BACK so long; the slowest p99 first. SHARE is of the samples that were looked "
        "at, not of all traffic. What "
        "came through the spill "
        "is told apart: it has no single samples. This reads lines that recording threads write, and so "
        "costs each "
        "of them some hundred nanoseconds: fine for a look, not for a loop. Needs no agent.",
    .exits = "0\tshown\n"
             "1\tno primitive is called NAME, or no figures of it are published yet\n"
             "2\tbad input, or no such store\n",
    .examples =
        "slipring show\tall primitives of the default store\n"
        "slipring show archive_file --store batch\tone primitive of another store\n"
        "slipring show archive_file --by process\twhich worker is slow\n"
        "slipring show --json compress | jq '.primitives[0].percentiles.p99'\tthe p99 of the last minute, in "
        "seconds, for a script\n",
    COMMAND_OPTIONS(OPTION_by, OPTION_type, OPTION_json),
    .max_words = 1,
    .run = run_show,
};
