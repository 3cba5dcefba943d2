/* SPDX-License-Identifier: Apache-2.0 */
/* Writing down what happened and what was published: see diary.h. */
#include "diary.h"

#include <inttypes.h>
#include <string.h>

#include "base/compiler.h"
#include "peer/stats.h"

#define NEAR 0.8 /* of its factor: a burn rate that is looked at at every tick */

void diary_begin(struct diary *diary, FILE *out, const struct traffic *traffic, const struct rig *agent)
{
    memset(diary, 0, sizeof *diary);
    diary->out = out;
    fprintf(out, "start %" PRIu64 " %" PRIu64 "\n", agent->now_ns, agent->options.slo_minimum_events);
    fprintf(out, "quantiles 500000 900000 950000 990000 999000");
    for (uint32_t i = 0; i < agent->options.extra_count; i++) {
        fprintf(out, " %" PRIu32, agent->options.extra_ppm[i]);
    }
    fprintf(out, "\nwindows");
    for (uint32_t i = 0; i < agent->options.window_count; i++) {
        fprintf(out, " %" PRIu64, agent->options.window_ns[i]);
    }
    for (enum traffic_kind kind = 0; kind < TRAFFIC_KIND_COUNT; kind++) {
        fprintf(out, "\nvalues %d %s", kind, traffic_name(kind));
        for (uint32_t i = 0; i < traffic->values[kind].count; i++) {
            fprintf(out, " %" PRIu64, traffic->values[kind].ns[i]);
        }
    }
    fprintf(out, "\n");
}

void diary_open(struct diary *diary, struct rig *agent)
{
    diary->stats =
        sr_stats_of_mapping(agent_store_stats_base(agent->store), agent_store_stats_path(agent->store));
    CHECK(diary->stats != NULL);
}

void diary_close(struct diary *diary)
{
    sr_stats_close(diary->stats);
    diary->stats = NULL;
}

void diary_objective(struct diary *diary, enum traffic_kind kind, const struct slipring_objective *objective)
{
    fprintf(diary->out, "objective %d %s %d %" PRIu32 " %" PRIu64 " %" PRIu64 "\n", kind, objective->name,
            objective->kind, objective->target_ppb, objective->threshold_ns, objective->period_s);
}

void diary_budget(struct diary *diary, enum traffic_kind kind, const char *name, uint64_t amount,
                  uint64_t period_s)
{
    fprintf(diary->out, "objective %d %s %d %" PRIu64 " 0 %" PRIu64 "\n", kind, name, SLIPRING_SPEND, amount,
            period_s);
}

void diary_death(struct diary *diary, enum traffic_kind kind, uint32_t aborted)
{
    fprintf(diary->out, "death %d %" PRIu32 "\n", kind, aborted);
}

/* --- what was recorded ------------------------------------------------------------------------------------------------------- */

/* The primitive's book: they were registered in their order, after __overflow__, on a new store. */
static uint64_t book_word(struct rig *agent, enum traffic_kind kind, enum sr_book_word word)
{
    return RIG_WORD(agent, book, (uint32_t)kind + 1, (uint32_t)word);
}

static void write_batch(struct diary *diary, struct rig *agent, enum traffic_kind kind,
                        const struct traffic_batch *batch)
{
    const uint64_t spilled = book_word(agent, kind, SR_BOOK_SPILLED);
    const uint64_t aborted = book_word(agent, kind, SR_BOOK_ABORTED);
    if (batch->count == 0 && batch->cost == 0 && batch->savings == 0 && spilled == diary->spilled[kind] &&
        aborted == diary->aborted[kind]) {
        return;
    }
    diary->spilled[kind] = spilled;
    diary->aborted[kind] = aborted;
    fprintf(diary->out, "e %d %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, kind, batch->cost,
            batch->savings, spilled, aborted);
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct traffic_entry *entry = &batch->entry[i];
        fprintf(diary->out, " %" PRIu32 ":%" PRIu32 ":%" PRIu32, entry->value, entry->successes,
                entry->failures);
    }
    fprintf(diary->out, "\n");
}

/* --- what was published ------------------------------------------------------------------------------------------------------ */

static void write_window(struct diary *diary, enum traffic_kind kind,
                         const struct slipring_window_stats *window)
{
    FILE *out = diary->out;
    fprintf(out,
            "w %d %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
            " %" PRIu64 " %a %a %a",
            kind, diary->figures.published_ns, window->window_ns, window->span_ns, window->n,
            window->failures, window->spilled, window->cost_nanodollars, window->savings_nanodollars,
            window->per_second, window->peak_per_second, window->relative_error);
    for (uint32_t i = 0; i < SLIPRING_PERCENTILE_COUNT; i++) {
        fprintf(out, " %a", window->percentile_ns[i]);
    }
    for (uint32_t i = 0; i < diary->detail.extra_count; i++) {
        fprintf(out, " %a", window->extra_ns[i]);
    }
    fprintf(out, "\n");
}

static void write_totals(struct diary *diary, enum traffic_kind kind)
{
    const struct slipring_stats *stats = &diary->figures;
    fprintf(diary->out,
            "f %d %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
            " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %a %a\n",
            kind, stats->published_ns, stats->count, stats->failures, stats->aborted, stats->spilled,
            stats->min_ns, stats->max_ns, stats->sum_ns[0], stats->sum_ns[1], stats->cost_nanodollars,
            stats->savings_nanodollars, stats->mean_ns, stats->savings_rate);
}

/* One window is the minute, and it is the one that stands beside the totals. */
static void check_minute(const struct diary *diary)
{
    uint32_t minutes = 0;
    for (uint32_t i = 0; i < diary->detail.window_count; i++) {
        const struct slipring_window_stats *window = &diary->detail.windows[i];
        CHECK(i == 0 || window->window_ns > diary->detail.windows[i - 1].window_ns);
        if (window->window_ns == 60 * RIG_SECOND) {
            CHECK(memcmp(window, &diary->figures.minute, sizeof *window) == 0);
            minutes++;
        }
    }
    CHECK_EQUAL(minutes, 1);
    CHECK(diary->figures.requests_per_second == diary->figures.minute.per_second);
}

/* The totals show the worst of the objectives that had events. */
static void check_worst(const struct diary *diary)
{
    const struct slipring_stats *stats = &diary->figures;
    double compliance = 2.0;
    double remaining = 2.0;
    for (uint32_t i = 0; i < diary->detail.objective_count; i++) {
        const struct slipring_objective_stats *objective = &diary->detail.objectives[i];
        if (objective->total != 0 && objective->kind != SLIPRING_SPEND) {
            compliance = objective->compliance < compliance ? objective->compliance : compliance;
            remaining = objective->budget_remaining < remaining ? objective->budget_remaining : remaining;
        }
    }
    CHECK_EQUAL((stats->present & SLIPRING_HAS_SLO) != 0, compliance < 2.0);
    if (stats->present & SLIPRING_HAS_SLO) {
        CHECK(stats->slo_compliance == compliance && stats->budget_remaining == remaining);
        CHECK(stats->budget_remaining_clamped == (remaining < 0.0 ? 0.0 : remaining > 1.0 ? 1.0 : remaining));
    }
}

/* Likewise the windows' burn rates. */
static void check_worst_burns(const struct slipring_slo_stats *slo)
{
    for (uint32_t window = 0; window < SLIPRING_SLO_WINDOW_COUNT; window++) {
        double worst = -1.0;
        for (uint32_t i = 0; i < slo->objective_count; i++) {
            const struct slipring_slo_window *one = &slo->objectives[i].windows[window];
            const bool is_spend = slo->objectives[i].present & SLIPRING_SLO_IS_SPEND;
            if (one->total != 0 && !is_spend && one->burn_rate > worst) {
                worst = one->burn_rate;
            }
        }
        CHECK_EQUAL(slo->burn_present >> window & 1, worst >= 0.0);
        CHECK(worst < 0.0 || slo->worst_burn_rate[window] == worst);
    }
}

static void write_objective(struct diary *diary, enum traffic_kind kind, uint32_t i)
{
    const struct slipring_objective_stats *objective = &diary->detail.objectives[i];
    const struct slipring_slo_objective *slo = &diary->slo.objectives[i];
    FILE *out = diary->out;
    const uint64_t aim =
        objective->kind == SLIPRING_SPEND ? objective->amount_nanodollars : objective->target_ppb;
    fprintf(out,
            "s %d %" PRIu64 " %s %" PRIu32 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
            " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %a %a %a %a",
            kind, diary->slo.published_ns, objective->name, objective->kind, aim, objective->threshold_ns,
            objective->period_s, objective->span_ns, objective->good, objective->total,
            objective->allowed_bad, objective->exact_since_ns, objective->since_ns, slo->present,
            objective->compliance, objective->budget_remaining, objective->burn_rate,
            slo->present & SLIPRING_SLO_HAS_EXHAUSTION ? slo->exhaustion_s : 0.0);
    for (uint32_t window = 0; window < SLIPRING_SLO_WINDOW_COUNT; window++) {
        const struct slipring_slo_window *one = &slo->windows[window];
        fprintf(out, " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %a", one->window_s, one->span_ns,
                one->good, one->total, one->total != 0 ? one->burn_rate : 0.0);
    }
    for (uint32_t pair = 0; pair < SLIPRING_ALERT_COUNT; pair++) {
        const struct slipring_slo_alert *alert = &slo->alerts[pair];
        fprintf(out, " %" PRIu64 " %" PRIu64 " %" PRIu32 " %" PRIu32 " %a %" PRIu64, alert->long_s,
                alert->short_s, alert->share_ppm, alert->state, alert->factor, alert->since_wall_ns);
    }
    fprintf(out, "\n");
}

static double burn_of(const struct slipring_slo_objective *slo, uint64_t window_s)
{
    for (uint32_t i = 0; i < SLIPRING_SLO_WINDOW_COUNT; i++) {
        if (slo->windows[i].window_s == window_s && slo->windows[i].total != 0) {
            return slo->windows[i].burn_rate;
        }
    }
    return 0.0;
}

/* Does a pair of the objective fire, did one change, or may it soon? Remembers the states. */
static bool note_alerts(struct diary *diary, enum traffic_kind kind, uint32_t i)
{
    const struct slipring_slo_objective *slo = &diary->slo.objectives[i];
    bool is_near = false;
    for (uint32_t pair = 0; pair < SLIPRING_ALERT_COUNT; pair++) {
        const struct slipring_slo_alert *alert = &slo->alerts[pair];
        uint8_t *last = &diary->states[kind][i][pair];
        const bool may_fire = alert->state >= SLIPRING_ALERT_GATED;
        is_near |= alert->state == SLIPRING_ALERT_FIRING || alert->state != *last;
        is_near |= may_fire && burn_of(slo, alert->long_s) > NEAR * alert->factor &&
                   burn_of(slo, alert->short_s) > NEAR * alert->factor;
        *last = (uint8_t)alert->state;
    }
    return is_near;
}

static void write_objectives(struct diary *diary, enum traffic_kind kind, bool all)
{
    CHECK_OK(sr_stats_slo(diary->stats, (uint32_t)kind + 1, &diary->slo));
    CHECK_EQUAL(diary->slo.objective_count, diary->detail.objective_count);
    check_worst_burns(&diary->slo);
    for (uint32_t i = 0; i < diary->slo.objective_count; i++) {
        if (note_alerts(diary, kind, i) || all) {
            write_objective(diary, kind, i);
        }
    }
}

static void write_primitive(struct diary *diary, enum traffic_kind kind, bool all, bool windows)
{
    /* The book's figures have the place that it got when it was first announced: after __overflow__'s. */
    CHECK_OK(sr_stats_get(diary->stats, (uint32_t)kind + 1, &diary->figures, &diary->detail));
    CHECK(strcmp(diary->detail.name, traffic_name(kind)) == 0);
    check_minute(diary);
    check_worst(diary);
    if (diary->detail.objective_count != 0) {
        write_objectives(diary, kind, all);
    }
    if (windows) {
        write_totals(diary, kind);
        write_window(diary, kind, &diary->figures.lifetime);
        for (uint32_t i = 0; i < diary->detail.window_count; i++) {
            write_window(diary, kind, &diary->detail.windows[i]);
        }
    }
}

/* Those that are new, or changed. */
static void write_incidents(struct diary *diary)
{
    static struct slipring_incident incidents[SLIPRING_INCIDENT_COUNT];
    const uint32_t count = sr_stats_incidents(diary->stats, incidents);
    CHECK(count < SLIPRING_INCIDENT_COUNT); /* so that each keeps its number */
    for (uint32_t i = 0; i < count; i++) {
        const struct slipring_incident *incident = &incidents[i];
        if (memcmp(incident, &diary->incidents[i], sizeof *incident) != 0) {
            fprintf(diary->out,
                    "i %" PRIu32 " %" PRIu32 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %a %" PRIu32 " %" PRIu32
                    " %s %s\n",
                    count, i, incident->began_wall_ns, incident->ended_wall_ns, incident->bad,
                    incident->peak_burn_rate, incident->pair, incident->kind, incident->objective,
                    incident->primitive);
            diary->incidents[i] = *incident;
        }
    }
}

void diary_return(struct diary *diary, struct rig *agent)
{
    fprintf(diary->out, "return %" PRIu64 " %" PRIu64 "\n", agent->now_ns, agent->wall_ns);
    for (enum traffic_kind kind = 0; kind < TRAFFIC_KIND_COUNT; kind++) {
        write_primitive(diary, kind, true, false);
    }
    write_incidents(diary);
}

void diary_tick(struct diary *diary, struct rig *agent, const struct traffic_batch *batches, bool all)
{
    fprintf(diary->out, "t %" PRIu64 " %" PRIu64 "\n", agent->now_ns, agent->wall_ns);
    for (enum traffic_kind kind = 0; kind < TRAFFIC_KIND_COUNT; kind++) {
        write_batch(diary, agent, kind, &batches[kind]);
    }
    for (enum traffic_kind kind = 0; kind < TRAFFIC_KIND_COUNT; kind++) {
        write_primitive(diary, kind, all, all);
    }
    write_incidents(diary);
}

void diary_end(struct diary *diary)
{
    fprintf(diary->out, "end\n");
    CHECK(fflush(diary->out) == 0);
}
