/* SPDX-License-Identifier: Apache-2.0 */
/* `slipring show`: one screen per primitive, every figure with how good it is. */
#include <inttypes.h>
#include <string.h>

#include "card.h"
#include "command.h"
#include "figures.h"
#include "message.h"
#include "peer/inspect.h"
#include "pure/objective.h"
#include "suggest.h"

static const char *const percentile_names[SLIPRING_PERCENTILE_COUNT] = {
    [SLIPRING_P50] = "p50", [SLIPRING_P90] = "p90",    [SLIPRING_P95] = "p95",
    [SLIPRING_P99] = "p99", [SLIPRING_P999] = "p99.9",
};

static void add_count(struct card *card, const char *emphasis, const char *what, uint64_t count)
{
    struct render_text text;
    card_piece(card, emphasis, "%s %s", what, render_count(count, &text));
}

static void add_window(struct card *card, const char *label, const struct slipring_window_stats *window)
{
    const struct render_style *style = card->style;
    struct render_text text;
    card_label(card, label);
    if (window->n == 0) {
        card_piece(card, "", "idle: n 0");
        return;
    }
    for (int i = 0; i < SLIPRING_PERCENTILE_COUNT; i++) {
        card_piece(card, i == SLIPRING_P99 ? render_bold(style) : "", "%s %s", percentile_names[i],
                   render_nanoseconds(style, window->percentile_ns[i], &text));
    }
    card_piece(card, "", "%s%.2f%%", style->utf8 ? "±" : "+-", window->relative_error * 100.0);
    add_count(card, "", "n", window->n);
    add_count(card, window->failures > 0 ? render_bad(style) : "", "failed", window->failures);
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

static void add_minute(struct card *card, const struct slipring_stats *stats)
{
    struct render_text text;
    add_window(card, "last minute", &stats->minute);
    if (stats->minute.n == 0) {
        return;
    }
    card_piece(card, "", "over %s", render_duration(card->style, stats->minute.span_ns, &text));
    add_spilled(card, stats->minute.spilled, stats->minute.n);
}

static void add_lifetime(struct card *card, const struct slipring_stats *stats)
{
    struct render_text text;
    add_window(card, "lifetime", &stats->lifetime);
    if (stats->present & SLIPRING_HAS_DURATION) {
        card_piece(card, "", "min %s", render_duration(card->style, stats->min_ns, &text));
        card_piece(card, "", "mean %s", render_nanoseconds(card->style, stats->mean_ns, &text));
        card_piece(card, "", "max %s", render_duration(card->style, stats->max_ns, &text));
    }
}

static void add_requests(struct card *card, const struct slipring_stats *stats)
{
    const struct render_style *style = card->style;
    struct render_text text;
    uint64_t failures = stats->failures < stats->count ? stats->failures : stats->count;
    card_label(card, "requests");
    card_piece(card, render_bold(style), "%s", render_rate(stats->requests_per_second, &text));
    add_count(card, "", "active", stats->active > 0 ? (uint64_t)stats->active : 0);
    add_count(card, "", "succeeded", stats->count - failures);
    add_count(card, failures > 0 ? render_bad(style) : "", "failed", failures);
    add_count(card, stats->aborted > 0 ? render_bad(style) : "", "aborted", stats->aborted);
    add_spilled(card, stats->spilled, stats->count);
    if (stats->clamped > 0) {
        add_count(card, render_bad(style), "clamped", stats->clamped);
    }
}

static void add_objective(struct card *card, const char *label,
                          const struct slipring_objective_stats *objective)
{
    const struct render_style *style = card->style;
    struct render_text text;
    char target[SR_OBJECTIVE_TEXT_BYTES];
    bool is_latency = objective->kind == SLIPRING_LATENCY;
    card_label(card, label);
    render_safe(style, objective->name, sizeof objective->name, &text);
    card_piece(card, render_bold(style), "%s", text.text);
    (void)sr_objective_format_target(
        objective->target_ppb <= SR_OBJECTIVE_ONE_PPB ? objective->target_ppb : 0, target);
    if (is_latency) {
        render_duration(style, objective->threshold_ns, &text);
        card_piece(card, "", "%s within %s", target, text.text);
    } else {
        card_piece(card, "", "%s succeed", target);
    }
    if (objective->total == 0) {
        card_piece(card, "", "nothing recorded yet");
        return;
    }
    bool is_kept = objective->budget_remaining >= 0.0;
    const char *emphasis = is_kept ? render_good(style) : render_bad(style);
    card_piece(card, emphasis, "compliance %s", render_ratio(objective->compliance, &text));
    card_piece(card, emphasis, "budget left %s", render_ratio(objective->budget_remaining, &text));
    card_piece(card, "", "burn rate %.3g", objective->burn_rate);
    struct render_text total;
    card_piece(card, "", "good %s of %s", render_count(objective->good, &text),
               render_count(objective->total, &total));
}

static void add_objectives(struct card *card, const struct slipring_stats_detail *detail)
{
    uint32_t count = detail->objective_count < SLIPRING_OBJECTIVE_COUNT ? detail->objective_count
                                                                        : SLIPRING_OBJECTIVE_COUNT;
    for (uint32_t i = 0; i < count; i++) {
        add_objective(card, i == 0 ? "objectives" : "", &detail->objectives[i]);
    }
}

/* The parts of a total by category, where there is more than the default one. */
static void add_categories(struct card *card, const struct slipring_stats_detail *detail, bool is_savings)
{
    uint32_t count =
        detail->category_count < SLIPRING_CATEGORY_COUNT ? detail->category_count : SLIPRING_CATEGORY_COUNT;
    for (uint32_t i = 0; i < count; i++) {
        const struct slipring_category_stats *category = &detail->categories[i];
        uint64_t amount = is_savings ? category->savings_nanodollars : category->cost_nanodollars;
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
    if (stats->cost_nanodollars > 0) {
        card_label(card, "cost");
        card_piece(card, render_bold(card->style), "%s", render_money(stats->cost_nanodollars, &text));
        add_categories(card, &figure->detail, false);
    }
    if (stats->savings_nanodollars > 0) {
        card_label(card, "savings");
        card_piece(card, render_bold(card->style), "%s", render_money(stats->savings_nanodollars, &text));
        if (stats->present & SLIPRING_HAS_SAVINGS_RATE) {
            card_piece(card, "", "%s of cost and savings", render_ratio(stats->savings_rate, &text));
        }
        add_categories(card, &figure->detail, true);
    }
}

static void print_card(const struct figure *figure, const struct render_style *style)
{
    struct render_text name;
    struct render_text type;
    struct card card;
    render_safe(style, figure->detail.name, sizeof figure->detail.name, &name);
    render_safe(style, figure->detail.type, sizeof figure->detail.type, &type);
    printf("\n%s%s%s  %s\n", render_bold(style), name.text, render_plain(style), type.text);
    card_open(&card, style, stdout);
    add_minute(&card, &figure->stats);
    add_lifetime(&card, &figure->stats);
    add_requests(&card, &figure->stats);
    add_objectives(&card, &figure->detail);
    add_cost(&card, figure);
    card_close(&card);
}

/* Does the ring segment know it? Programs register there; an agent need not have seen it yet. */
static bool is_registered(const char *store, const char *name, const char *type)
{
    struct sr_inspect *inspect;
    struct sr_inspect_primitive primitive;
    bool is_found = false;
    if (sr_inspect_open(store, &inspect) != SLIPRING_OK) {
        return false;
    }
    for (uint32_t i = 0; i < sr_inspect_primitive_count() && !is_found; i++) {
        is_found = sr_inspect_primitive(inspect, i, &primitive) == SLIPRING_OK && primitive.is_name_clean &&
                   strcmp(primitive.name, name) == 0 && (!type || strcmp(primitive.type, type) == 0);
    }
    sr_inspect_close(inspect);
    return is_found;
}

/* Nothing of that name: say so, with the nearest one that there is. */
static int refuse(const struct invocation *invocation, const char *name, const char *type)
{
    struct render_text quoted;
    struct render_text nearest;
    struct figures all;
    struct suggest suggest;
    suggest_begin(&suggest, name);
    render_quote(name, &quoted);
    if (figures_take(invocation->store, NULL, NULL, &all) != SLIPRING_OK) {
        all = (struct figures){0};
    }
    for (size_t i = 0; i < all.count; i++) {
        suggest_offer(&suggest, all.list[i].detail.name);
    }
    if (is_registered(invocation->store, name, type)) {
        message_print("%s is registered, but no figures of it are published yet: %s", quoted.text,
                      all.agent.alive ? "try again in a moment"
                                      : "slipringd is not running; start it, and it books what waits");
    } else if (suggest.best && suggest.best_distance == 0 && type) {
        message_print("the primitive %s has another type: leave --type out to see which", quoted.text);
    } else if (suggest.best) {
        message_print("no primitive %s is in store '%s' (did you mean %s?)", quoted.text, invocation->store,
                      render_quote(suggest.best, &nearest));
    } else {
        message_print("no primitive %s is in store '%s': slipring show lists those that are", quoted.text,
                      invocation->store);
    }
    figures_drop(&all);
    return STATUS_NO;
}

static int run_show(const struct invocation *invocation)
{
    const char *name = invocation->words[0];
    const char *type = invocation->values[OPTION_type];
    const struct render_style *style = &invocation->style;
    struct figures figures;
    enum slipring_status status = figures_take(invocation->store, name, type, &figures);
    if (status != SLIPRING_OK) {
        return message_store("show", invocation->store, status);
    }
    if (figures.count == 0 && name) {
        figures_drop(&figures);
        return refuse(invocation, name, type);
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
            print_card(&figures.list[i], style);
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
        "last minute and lifetime are windows: percentiles by nearest rank, each within the stated error of "
        "the true "
        "value, n executions, over the time that the window really covers. An idle window has no "
        "percentiles. "
        "Executions that spilled were counted without a time stamp of their own, because a ring was full or "
        "there was "
        "none: the last minute has them when they were counted, all else is exact all the same.\n"
        "requests: per second over the last minute; active are begun and not ended; aborted were under way "
        "when their "
        "process died.\n"
        "objectives: compliance is good over total since the store was made, aborted executions counted as "
        "bad; budget "
        "left is the share of the allowed bad ones that is not used up, below 0 when overspent; a burn rate "
        "of 1 uses "
        "up exactly the budget.\n"
        "cost and savings are exact sums, by category where there are several.",
    .exits = "0\tshown\n"
             "1\tno primitive is called NAME, or no figures of it are published yet\n"
             "2\tbad input, or no such store\n",
    .examples =
        "slipring show\tall primitives of the default store\n"
        "slipring show archive_file --store batch\tone primitive of another store\n"
        "slipring show --json compress | jq '.primitives[0].percentiles.p99'\tthe p99 of the last minute, in "
        "seconds, for a script\n",
    COMMAND_OPTIONS(OPTION_type, OPTION_json),
    .max_words = 1,
    .run = run_show,
};
