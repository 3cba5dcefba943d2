/* SPDX-License-Identifier: Apache-2.0 */
/* Objectives of many primitives: see objectives.h. */
#include "objectives.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "pure/alert.h"
#include "pure/duration.h"
#include "pure/objective.h"
#include "pure/suggest.h"

#define SECOND_NS UINT64_C(1000000000)

static bool judge_spend(struct objective *objective)
{
    const struct slipring_objective_stats *stats = objective->stats;
    return sr_objective_spend_remaining(stats->amount_nanodollars, stats->total, &objective->remaining) &&
           sr_objective_spend_burn_rate(stats->amount_nanodollars, 1, stats->total, 1, &objective->burn_rate);
}

static bool judge_events(struct objective *objective)
{
    const struct slipring_objective_stats *stats = objective->stats;
    return sr_objective_compliance(stats->good, stats->total, &objective->compliance) &&
           sr_objective_remaining(stats->target_ppb, stats->good, stats->total, &objective->remaining) &&
           sr_objective_burn_rate(stats->target_ppb, stats->good, stats->total, &objective->burn_rate);
}

static void judge(struct objective *objective)
{
    const struct slipring_objective_stats *stats = objective->stats;
    objective->is_spend = stats->kind == SLIPRING_SPEND;
    objective->has_events = objective->is_spend ? judge_spend(objective) : judge_events(objective);
    objective->bad = objective->has_events && !objective->is_spend ? stats->total - stats->good : 0;
    objective->firing = SLIPRING_ALERT_COUNT;
    for (uint32_t i = SLIPRING_ALERT_COUNT; objective->slo && i-- > 0;) {
        objective->firing = objective->slo->alerts[i].state == SLIPRING_ALERT_FIRING ? i : objective->firing;
    }
}

/* When the figures were published, by the wall clock. */
static uint64_t published_wall_s(const struct figures *figures)
{
    const uint64_t age_ns = figures_age_ns(figures);
    return (figures->now_wall_ns > age_ns ? figures->now_wall_ns - age_ns : 0) / SECOND_NS;
}

void objectives_take(const struct figures *figures, struct objectives *out_objectives)
{
    struct objectives objectives = {
        .list = calloc(figures->count * SLIPRING_OBJECTIVE_COUNT + 1, sizeof *objectives.list)};
    if (!objectives.list) {
        message_out_of_memory();
    }
    for (size_t i = 0; i < figures->count; i++) {
        const struct figure *figure = &figures->list[i];
        for (uint32_t k = 0; k < figure->detail.objective_count && k < SLIPRING_OBJECTIVE_COUNT; k++) {
            struct objective *objective = &objectives.list[objectives.count++];
            *objective = (struct objective){
                .figure = figure,
                .stats = &figure->detail.objectives[k],
                .slo = figure->has_slo && k < figure->slo.objective_count ? &figure->slo.objectives[k] : NULL,
                .index = k,
                .length_s =
                    sr_alert_period_s(figure->detail.objectives[k].period_s, published_wall_s(figures)),
            };
            judge(objective);
        }
    }
    *out_objectives = objectives;
}

void objectives_drop(struct objectives *objectives)
{
    free(objectives->list);
    *objectives = (struct objectives){0};
}

/* Keep those of that name. */
static void keep_named(struct objectives *objectives, const char *name)
{
    size_t kept = 0;
    for (size_t i = 0; i < objectives->count; i++) {
        if (strcmp(objectives->list[i].stats->name, name) == 0) {
            objectives->list[kept++] = objectives->list[i];
        }
    }
    objectives->count = kept;
}

static void say_none(const struct figures *figures, const char *primitive, const char *name)
{
    struct objectives all;
    struct sr_suggest suggest;
    struct render_text quoted;
    struct render_text more;
    sr_suggest_begin(&suggest, name ? name : "");
    objectives_take(figures, &all);
    for (size_t i = 0; name && i < all.count; i++) {
        sr_suggest_offer(&suggest, all.list[i].stats->name);
    }
    if (all.count == 0) {
        message_print(
            "%s has no objective: slipring_slo_configure() sets one, or the configuration of slipringd",
            render_quote(primitive, &quoted));
    } else if (suggest.best) {
        message_print("no objective is called %s (did you mean %s?)", render_quote(name, &quoted),
                      render_quote(suggest.best, &more));
    } else {
        message_print("no objective is called %s: its first is %s", render_quote(name, &quoted),
                      render_quote(all.list[0].stats->name, &more));
    }
    objectives_drop(&all);
}

int objectives_of(const struct invocation *invocation, struct figures *out_figures,
                  struct objectives *out_objectives)
{
    const char *name = invocation->words[0];
    const char *wish = invocation->word_count > 1 ? invocation->words[1] : NULL;
    const char *type = invocation->values[OPTION_type];
    struct figures figures;
    struct objectives objectives;
    const enum slipring_status status = figures_take(invocation->store, name, type, &figures);
    if (status != SLIPRING_OK) {
        return message_figures("read", invocation->store, status);
    }
    if (figures.count == 0) {
        figures_drop(&figures);
        return figures_refuse(invocation->store, name, type);
    }
    objectives_take(&figures, &objectives);
    if (wish) {
        keep_named(&objectives, wish);
    }
    if (objectives.count == 0) {
        say_none(&figures, name, wish);
        objectives_drop(&objectives);
        figures_drop(&figures);
        return STATUS_NO;
    }
    *out_figures = figures;
    *out_objectives = objectives;
    return STATUS_OK;
}

static int compare_numbers(double a, double b)
{
    return a < b ? -1 : a > b;
}

int objectives_compare(const void *left, const void *right)
{
    const struct objective *a = left;
    const struct objective *b = right;
    if (a->firing != b->firing) {
        return a->firing < b->firing ? -1 : 1;
    }
    if (a->has_events != b->has_events) {
        return a->has_events ? -1 : 1;
    }
    const int order = a->has_events ? compare_numbers(a->remaining, b->remaining) : 0;
    if (order != 0) {
        return order;
    }
    return a->stats < b->stats ? -1 : a->stats > b->stats; /* one list, by name already */
}

void objectives_sort(struct objectives *objectives)
{
    if (objectives->count > 0) {
        qsort(objectives->list, objectives->count, sizeof *objectives->list, objectives_compare);
    }
}

const struct slipring_slo_window *objective_window(const struct objective *objective, uint64_t window_s)
{
    for (uint32_t i = 0; objective->slo && i < SLIPRING_SLO_WINDOW_COUNT; i++) {
        if (window_s != 0 && objective->slo->windows[i].window_s == window_s) {
            return &objective->slo->windows[i];
        }
    }
    return NULL;
}

bool objective_burn(const struct objective *objective, const struct slipring_slo_window *window,
                    double *out_burn_rate)
{
    if (window && objective->is_spend) {
        return sr_objective_spend_burn_rate(objective->stats->amount_nanodollars, objective->length_s,
                                            window->total, window->window_s, out_burn_rate);
    }
    return window &&
           sr_objective_burn_rate(objective->stats->target_ppb, window->good, window->total, out_burn_rate);
}

static uint64_t seconds_ns(uint64_t seconds)
{
    return seconds <= UINT64_MAX / SECOND_NS ? seconds * SECOND_NS : UINT64_MAX;
}

const char *objective_period(uint64_t period_s, struct render_text *room)
{
    char text[SR_DURATION_LABEL_BYTES] = "month";
    if (period_s != SLIPRING_PERIOD_MONTH) {
        (void)sr_duration_label(seconds_ns(period_s), text);
    }
    (void)snprintf(room->text, sizeof room->text, "%s", text);
    return room->text;
}

const char *objective_spent(const struct objective *objective, struct render_text *room)
{
    struct render_text spent;
    struct render_text amount;
    (void)snprintf(room->text, sizeof room->text, "%.100s of %.100s",
                   render_money(objective->stats->total, &spent),
                   render_money(objective->stats->amount_nanodollars, &amount));
    return room->text;
}

const char *objective_promise(const struct render_style *style, const struct slipring_objective_stats *stats,
                              struct render_text *room)
{
    char target[SR_OBJECTIVE_TEXT_BYTES];
    struct render_text threshold;
    if (stats->kind == SLIPRING_SPEND) {
        (void)snprintf(room->text, sizeof room->text, "at most %.100s",
                       render_money(stats->amount_nanodollars, &threshold));
        return room->text;
    }
    (void)sr_objective_format_target(stats->target_ppb <= SR_OBJECTIVE_ONE_PPB ? stats->target_ppb : 0,
                                     target);
    if (stats->kind == SLIPRING_LATENCY) {
        (void)snprintf(room->text, sizeof room->text, "%s within %.60s", target,
                       render_duration(style, stats->threshold_ns, &threshold));
    } else {
        (void)snprintf(room->text, sizeof room->text, "%s succeed", target);
    }
    return room->text;
}

const char *objective_pair(const struct slipring_slo_alert *alert, struct render_text *room)
{
    char longer[SR_DURATION_LABEL_BYTES];
    char shorter[SR_DURATION_LABEL_BYTES];
    (void)sr_duration_label(seconds_ns(alert->long_s), longer);
    (void)sr_duration_label(seconds_ns(alert->short_s), shorter);
    (void)snprintf(room->text, sizeof room->text, "%s/%s", longer, shorter);
    return room->text;
}

static bool has_state(const struct objective *objective, uint32_t state)
{
    for (uint32_t i = 0; i < SLIPRING_ALERT_COUNT; i++) {
        if (objective->slo->alerts[i].state == state) {
            return true;
        }
    }
    return false;
}

const char *objective_alerts(const struct render_style *style, const struct objective *objective,
                             struct render_text *room)
{
    if (!objective->slo) {
        return render_absent(style);
    }
    if (objective->firing < SLIPRING_ALERT_COUNT) {
        size_t length = (size_t)snprintf(room->text, sizeof room->text, "FIRING");
        for (uint32_t i = objective->firing; i < SLIPRING_ALERT_COUNT; i++) {
            struct render_text pair;
            if (objective->slo->alerts[i].state == SLIPRING_ALERT_FIRING) {
                length += (size_t)snprintf(room->text + length, sizeof room->text - length, " %.100s",
                                           objective_pair(&objective->slo->alerts[i], &pair));
            }
        }
        return room->text;
    }
    return objective->slo->present & SLIPRING_SLO_NO_DATA     ? "no data"
           : has_state(objective, SLIPRING_ALERT_QUIET)       ? "quiet"
           : has_state(objective, SLIPRING_ALERT_GATED)       ? "gated"
           : has_state(objective, SLIPRING_ALERT_CANNOT_FIRE) ? "cannot fire"
           : has_state(objective, SLIPRING_ALERT_NO_DATA)     ? "no data"
                                                              : render_absent(style);
}

const char *objective_exhaustion(const struct render_style *style, const struct objective *objective,
                                 struct render_text *room)
{
    if (!objective->slo || !objective->has_events ||
        !(objective->slo->present & SLIPRING_SLO_HAS_EXHAUSTION) || isnan(objective->slo->exhaustion_s)) {
        return render_absent(style);
    }
    const double seconds = objective->slo->exhaustion_s;
    return seconds <= 0.0 ? "spent" : render_nanoseconds(style, seconds * 1e9, room);
}
