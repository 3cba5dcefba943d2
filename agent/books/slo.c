/* SPDX-License-Identifier: Apache-2.0 */
/* Judging and publishing objectives: see slo.h. What fires becomes an incident in incidents.c. */
#include "slo.h"

#include <string.h>

#include "agenda.h"
#include "binding.h"
#include "extras.h"
#include "history.h"
#include "incidents.h"
#include "money.h"
#include "pure/alert.h"
#include "pure/objective.h"

#define SECOND_NS  UINT64_C(1000000000)
#define JUDGE_MOST 32u /* books judged in one call, or an eighth of all */

/* Which of history_windows_s a pair takes. */
static const struct {
    uint32_t long_track;
    uint32_t short_track;
} pair_tracks[SLIPRING_ALERT_COUNT] = {{2, 0}, {4, 1}, {5, 3}, {6, 4}};

/* What an objective is, and how it stands. */
struct standing {
    uint32_t kind;
    uint32_t target_ppb;
    uint64_t amount; /* of a money budget */
    uint64_t period_s;
    uint64_t length_s; /* of the period, now */
    bool exists[HISTORY_PERIOD + 1];
    struct history_counts counts[HISTORY_PERIOD + 1]; /* good at most total */
};

static bool is_spend(const struct standing *standing)
{
    return standing->kind == SLIPRING_SPEND;
}

static uint64_t get(const struct books *books, uint32_t index, uint32_t i, uint32_t field)
{
    return sr_batch_get(&books->durable->batch,
                        SR_WORD(book, index, SR_BOOK_OBJECTIVES + i * SR_OBJECTIVE_WORDS + field));
}

static void set(struct books *books, uint32_t index, uint32_t i, uint32_t field, uint64_t value)
{
    sr_batch_set(&books->durable->batch,
                 SR_WORD(book, index, SR_BOOK_OBJECTIVES + i * SR_OBJECTIVE_WORDS + field), value);
}

static uint64_t minimum_events(const struct books *books)
{
    const uint64_t wish = books->options->slo_minimum_events;
    return wish != 0 ? wish : SR_ALERT_MINIMUM_EVENTS;
}

static bool exists(const struct books *books, uint32_t index, uint32_t i)
{
    return get(books, index, i, SR_OBJECTIVE_KIND) != 0;
}

static void read_standing(const struct books *books, uint32_t index, uint32_t i, uint64_t now_ns,
                          uint64_t wall_ns, struct standing *out_standing)
{
    *out_standing = (struct standing){
        .kind = (uint32_t)get(books, index, i, SR_OBJECTIVE_KIND),
        .target_ppb = (uint32_t)get(books, index, i, SR_OBJECTIVE_TARGET_PPB),
        .amount = get(books, index, i, SR_OBJECTIVE_AMOUNT),
        .period_s = get(books, index, i, SR_OBJECTIVE_PERIOD_S),
    };
    out_standing->length_s = sr_alert_period_s(out_standing->period_s, wall_ns / SECOND_NS);
    for (uint32_t track = 0; track <= HISTORY_PERIOD; track++) {
        struct history_counts *counts = &out_standing->counts[track];
        out_standing->exists[track] = history_read(books, index, i, track, now_ns, counts);
        /* a forged spill block could count more good ones than there are */
        counts->good = counts->good < counts->total ? counts->good : counts->total;
    }
}

/* --- judging -------------------------------------------------------------------------------------------------------------- */

static struct sr_alert_window window_of(const struct standing *standing, uint32_t track)
{
    const struct history_counts *counts = &standing->counts[track];
    return (struct sr_alert_window){.good = counts->good, .total = counts->total};
}

static enum slipring_alert_state judge_pair(const struct books *books, const struct standing *standing,
                                            uint32_t pair)
{
    if (is_spend(standing)) {
        return sr_alert_judge_spend(&sr_alert_pairs[pair], standing->amount, standing->length_s,
                                    standing->counts[pair_tracks[pair].long_track].total,
                                    standing->counts[pair_tracks[pair].short_track].total);
    }
    const struct sr_alert_window long_window = window_of(standing, pair_tracks[pair].long_track);
    const struct sr_alert_window short_window = window_of(standing, pair_tracks[pair].short_track);
    return sr_alert_judge(&sr_alert_pairs[pair], standing->target_ppb, standing->length_s,
                          minimum_events(books), &long_window, &short_window);
}

static double burn_of(const struct standing *standing, uint32_t track)
{
    double burn_rate = 0.0;
    if (is_spend(standing)) {
        const uint64_t window_s = track < HISTORY_PERIOD ? history_windows_s[track] : standing->length_s;
        (void)!sr_objective_spend_burn_rate(standing->amount, standing->length_s,
                                            standing->counts[track].total, window_s, &burn_rate);
    } else {
        (void)!sr_objective_burn_rate(standing->target_ppb, standing->counts[track].good,
                                      standing->counts[track].total, &burn_rate);
    }
    return burn_rate;
}

/* Of the period's budget. False: there is none. */
static bool remaining_of(const struct standing *standing, double *out_remaining)
{
    const struct history_counts *period = &standing->counts[HISTORY_PERIOD];
    return is_spend(standing)
               ? sr_objective_spend_remaining(standing->amount, period->total, out_remaining)
               : sr_objective_remaining(standing->target_ppb, period->good, period->total, out_remaining);
}

static enum slipring_alert_state state_of(uint64_t states, uint32_t pair)
{
    return (enum slipring_alert_state)(states >> (8 * pair) & 0xff);
}

/* A pair begins to fire, goes on, or ceases to. */
static void follow(struct books *books, uint32_t index, uint32_t i, uint32_t pair, bool was_firing,
                   bool is_firing, double burn_rate, uint64_t wall_ns)
{
    if (was_firing != is_firing) {
        set(books, index, i, SR_OBJECTIVE_ALERT_SINCE_NS + pair, wall_ns);
    }
    if (is_firing && !was_firing) {
        incidents_open(books, index, i, pair, burn_rate, wall_ns);
    } else if (is_firing) {
        incidents_go_on(books, index, i, pair, burn_rate);
    } else if (was_firing) {
        incidents_close(books, index, i, pair, wall_ns);
    }
}

static void judge_objective(struct books *books, uint32_t index, uint32_t i, const struct standing *standing,
                            uint64_t wall_ns)
{
    const uint64_t before = get(books, index, i, SR_OBJECTIVE_ALERTS);
    uint64_t states = 0;
    double burn_rates[SLIPRING_ALERT_COUNT];
    for (uint32_t pair = 0; pair < SLIPRING_ALERT_COUNT; pair++) {
        states |= (uint64_t)judge_pair(books, standing, pair) << (8 * pair);
        burn_rates[pair] = burn_of(standing, pair_tracks[pair].long_track);
    }
    books_make_room(books);
    if (states != before) {
        set(books, index, i, SR_OBJECTIVE_ALERTS, states);
        books_note_change(books, index);
    }
    for (uint32_t pair = 0; pair < SLIPRING_ALERT_COUNT; pair++) {
        follow(books, index, i, pair, state_of(before, pair) == SLIPRING_ALERT_FIRING,
               state_of(states, pair) == SLIPRING_ALERT_FIRING, burn_rates[pair], wall_ns);
    }
    books_commit(books); /* all of it, or nothing */
}

/* A sum of all counts, in which no two moments of a history look the same but by chance. */
static uint64_t stamp_of(uint64_t stamp, const struct standing *standing)
{
    for (uint32_t track = 0; track <= HISTORY_PERIOD; track++) {
        stamp = (stamp ^ standing->counts[track].total) * UINT64_C(0x9e3779b97f4a7c15);
        stamp = (stamp ^ (stamp >> 32) ^ standing->counts[track].good) * UINT64_C(0x9e3779b97f4a7c15);
    }
    return stamp;
}

static uint64_t executions_of(const struct books *books, uint32_t index)
{
    const struct sr_batch *batch = &books->durable->batch;
    return sr_batch_get(batch, SR_WORD(book, index, SR_BOOK_COUNT)) +
           sr_batch_get(batch, SR_WORD(book, index, SR_BOOK_ABORTED));
}

/* Where a money budget is to be judged by it; 0 elsewhere. */
static uint64_t cost_of(const struct books *books, uint32_t index)
{
    return books->book[index].has_spend ? money_of_book(books, index, SR_BOOK_COST) : 0;
}

static void judge_book(struct books *books, uint32_t index, uint64_t now_ns, uint64_t wall_ns)
{
    struct book *book = &books->book[index];
    uint64_t stamp = 0;
    book->judged_ns = now_ns;
    book->judged_total = executions_of(books, index);
    book->judged_cost = cost_of(books, index);
    book->judged_month = books->month;
    book->judged_until_ns = UINT64_MAX;
    for (uint32_t i = 0; i < SLIPRING_OBJECTIVE_COUNT; i++) {
        if (!exists(books, index, i)) {
            continue;
        }
        struct standing standing;
        read_standing(books, index, i, now_ns, wall_ns, &standing);
        judge_objective(books, index, i, &standing, wall_ns);
        stamp = stamp_of(stamp, &standing);
        for (uint32_t track = 0; track <= HISTORY_PERIOD; track++) {
            const uint64_t until_ns = standing.exists[track] ? standing.counts[track].until_ns : UINT64_MAX;
            book->judged_until_ns = until_ns < book->judged_until_ns ? until_ns : book->judged_until_ns;
        }
    }
    if (stamp != book->judged_stamp) {
        book->judged_stamp = stamp;
        books_note_change(books, index); /* burn rates change though nothing came */
    }
}

uint64_t slo_due_ns(const struct books *books, uint32_t index)
{
    const struct book *book = &books->book[index];
    if (!book->has_objectives || book->judged_ns == 0) {
        return book->has_objectives ? 0 : UINT64_MAX;
    }
    const uint64_t second_ns = book->judged_ns + SECOND_NS;
    if (book->judged_month != books->month || executions_of(books, index) != book->judged_total ||
        cost_of(books, index) != book->judged_cost || book->judged_until_ns < second_ns) {
        return second_ns;
    }
    return book->judged_until_ns == UINT64_MAX ? UINT64_MAX : book->judged_until_ns + 1;
}

static bool is_due(const struct books *books, uint32_t index, uint64_t now_ns)
{
    return !agenda_rests(books, index, now_ns) && books->book[index].is_used &&
           now_ns >= slo_due_ns(books, index);
}

void slo_tick(struct books *books, uint64_t now_ns, uint64_t wall_ns)
{
    const uint32_t most = books->high / 8 > JUDGE_MOST ? books->high / 8 : JUDGE_MOST;
    uint32_t judged = 0;
    books_commit(books);
    for (uint32_t looked = 0; looked < books->high && judged < most; looked++) {
        books->slo_next = books->slo_next < books->high ? books->slo_next : 0;
        if (is_due(books, books->slo_next, now_ns)) {
            judge_book(books, books->slo_next, now_ns, wall_ns);
            judged++;
        }
        books->slo_next++;
    }
    incidents_publish(books);
}

void slo_begin(struct books *books, uint32_t index, uint32_t i)
{
    for (uint32_t pair = 0; pair < SLIPRING_ALERT_COUNT; pair++) {
        incidents_count_anew(books, index, i, pair);
    }
}

void slo_end(struct books *books, uint32_t index, uint32_t i)
{
    for (uint32_t pair = 0; pair < SLIPRING_ALERT_COUNT; pair++) {
        incidents_close(books, index, i, pair, books->wall_ns);
    }
}

/* --- publishing ----------------------------------------------------------------------------------------------------------- */

static void fill_window(const struct standing *standing, uint32_t track,
                        struct slipring_slo_window *out_window)
{
    const struct history_counts *counts = &standing->counts[track];
    if (standing->exists[track]) {
        *out_window = (struct slipring_slo_window){.window_s = history_windows_s[track],
                                                   .span_ns = counts->span_ns,
                                                   .good = counts->good,
                                                   .total = counts->total,
                                                   .burn_rate = burn_of(standing, track)};
    }
}

static void fill_alert(const struct books *books, uint32_t index, uint32_t i, const struct standing *standing,
                       uint32_t pair, struct slipring_slo_alert *out_alert)
{
    const struct sr_alert_pair *rule = &sr_alert_pairs[pair];
    if (!sr_alert_exists(rule, standing->length_s)) {
        return;
    }
    *out_alert = (struct slipring_slo_alert){
        .long_s = rule->long_s,
        .short_s = rule->short_s,
        .share_ppm = rule->share_percent * 10000,
        .state = state_of(get(books, index, i, SR_OBJECTIVE_ALERTS), pair),
        .factor = sr_alert_factor(rule, standing->length_s),
        .since_wall_ns = get(books, index, i, SR_OBJECTIVE_ALERT_SINCE_NS + pair),
    };
}

#define HOUR_TRACK 2u

static void fill_objective(const struct books *books, uint32_t index, uint32_t i,
                           const struct standing *standing, struct slipring_slo_objective *out_objective)
{
    for (uint32_t track = 0; track < SLIPRING_SLO_WINDOW_COUNT; track++) {
        fill_window(standing, track, &out_objective->windows[track]);
    }
    for (uint32_t pair = 0; pair < SLIPRING_ALERT_COUNT; pair++) {
        fill_alert(books, index, i, standing, pair, &out_objective->alerts[pair]);
    }
    double remaining = 0.0;
    if (is_spend(standing)) {
        out_objective->present |= SLIPRING_SLO_IS_SPEND;  /* nothing spent is no lack of data */
    } else if (standing->counts[HOUR_TRACK].total == 0) { /* no period is shorter */
        out_objective->present |= SLIPRING_SLO_NO_DATA;
    }
    if (remaining_of(standing, &remaining) &&
        sr_alert_exhaustion(remaining, burn_of(standing, HOUR_TRACK), standing->length_s,
                            &out_objective->exhaustion_s)) {
        out_objective->present |= SLIPRING_SLO_HAS_EXHAUSTION;
    }
}

static void note_worst_burn(const struct slipring_slo_objective *objective, struct slipring_slo_stats *slo)
{
    for (uint32_t i = 0; i < SLIPRING_SLO_WINDOW_COUNT; i++) {
        const struct slipring_slo_window *window = &objective->windows[i];
        const bool is_first = !(slo->burn_present >> i & 1);
        if (window->total != 0 && (is_first || window->burn_rate > slo->worst_burn_rate[i])) {
            slo->burn_present |= UINT64_C(1) << i;
            slo->worst_burn_rate[i] = window->burn_rate;
        }
    }
}

void slo_read(const struct books *books, uint32_t index, uint64_t now_ns, struct slipring_slo_stats *out_slo)
{
    const uint64_t minimum = minimum_events(books);
    memset(out_slo, 0, sizeof *out_slo);
    out_slo->published_ns = now_ns;
    out_slo->minimum_events = minimum < UINT32_MAX ? (uint32_t)minimum : UINT32_MAX;
    for (uint32_t i = 0; i < SLIPRING_OBJECTIVE_COUNT; i++) {
        if (exists(books, index, i)) {
            struct standing standing;
            struct slipring_slo_objective *objective = &out_slo->objectives[out_slo->objective_count++];
            read_standing(books, index, i, now_ns, books->wall_ns, &standing);
            fill_objective(books, index, i, &standing, objective);
            if (!is_spend(&standing)) { /* whoever sheds load does it for errors */
                note_worst_burn(objective, out_slo);
            }
        }
    }
}

void slo_publish(struct books *books, uint32_t index, uint64_t now_ns)
{
    struct book *book = &books->book[index];
    struct sr_books *durable = books->durable;
    if (!book->has_objectives && !sr_books_has(durable, SR_OPTIONAL_SLO, book->place)) {
        return; /* else somebody else's stand there, from before this book did */
    }
    if (!extras_reserve(books, EXTRA_SLO, book->place, now_ns)) {
        book->stays_until_ns = 0; /* asked for again */
        return;
    }
    struct slipring_slo_stats slo;
    slo_read(books, index, now_ns, &slo);
    sr_books_publish_slo(durable, book->place, &slo);
    for (uint32_t i = 0; i < slo.objective_count * SLIPRING_SLO_WINDOW_COUNT; i++) {
        const struct slipring_slo_window *window =
            &slo.objectives[i / SLIPRING_SLO_WINDOW_COUNT].windows[i % SLIPRING_SLO_WINDOW_COUNT];
        book->stays_until_ns = window->window_s != 0 && window->span_ns == 0 ? 0 : book->stays_until_ns;
    }
}

/* --- the figures ---------------------------------------------------------------------------------------------------------- */

/* The stats show the worst of the objectives. */
static void note_worst(const struct slipring_objective_stats *objective, struct slipring_stats *stats)
{
    const bool is_first = !(stats->present & SLIPRING_HAS_SLO);
    stats->present |= SLIPRING_HAS_SLO;
    if (is_first || objective->compliance < stats->slo_compliance) {
        stats->slo_compliance = objective->compliance;
    }
    if (is_first || objective->budget_remaining < stats->budget_remaining) {
        stats->budget_remaining = objective->budget_remaining;
        stats->budget_remaining_clamped = sr_objective_clamp(objective->budget_remaining);
    }
}

static uint64_t exact_since(const struct slipring_stats_detail *detail, uint64_t threshold_ns)
{
    for (uint32_t i = 0; i < detail->bound_count; i++) {
        if (detail->bounds[i].bound_ns == threshold_ns) {
            return detail->bounds[i].exact_since_ns;
        }
    }
    return 0;
}

static void fill_period(const struct books *books, uint32_t index, uint32_t i, uint64_t now_ns,
                        struct slipring_objective_stats *objective)
{
    struct history_counts counts;
    if (!history_read(books, index, i, HISTORY_PERIOD, now_ns, &counts)) {
        return;
    }
    objective->total = counts.total;
    objective->good = counts.good < counts.total ? counts.good : counts.total; /* as above: forged */
    objective->span_ns = counts.span_ns;
}

/* The ratios of the period. False: there are none. */
static bool fill_ratios(struct slipring_objective_stats *objective)
{
    return sr_objective_allowed_bad(objective->target_ppb, objective->total, &objective->allowed_bad) &&
           sr_objective_compliance(objective->good, objective->total, &objective->compliance) &&
           sr_objective_remaining(objective->target_ppb, objective->good, objective->total,
                                  &objective->budget_remaining) &&
           sr_objective_burn_rate(objective->target_ppb, objective->good, objective->total,
                                  &objective->burn_rate);
}

/* Over the period a money budget's burn rate is the share that is spent, however much of the period is over. */
static void fill_spend(struct slipring_objective_stats *objective)
{
    objective->good = 0;
    (void)!sr_objective_spend_remaining(objective->amount_nanodollars, objective->total,
                                        &objective->budget_remaining);
    (void)!sr_objective_spend_burn_rate(objective->amount_nanodollars, 1, objective->total, 1,
                                        &objective->burn_rate);
}

void slo_fill_objectives(const struct books *books, uint32_t index, uint64_t now_ns,
                         struct slipring_stats *stats, struct slipring_stats_detail *detail)
{
    for (uint32_t i = 0; i < SLIPRING_OBJECTIVE_COUNT; i++) {
        if (!exists(books, index, i)) {
            continue;
        }
        struct slipring_objective_stats *objective = &detail->objectives[detail->objective_count++];
        binding_read_text(books, SR_WORD(book, index, SR_BOOK_OBJECTIVES + i * SR_OBJECTIVE_WORDS),
                          objective->name, sizeof objective->name);
        objective->kind = (uint32_t)get(books, index, i, SR_OBJECTIVE_KIND);
        objective->target_ppb = (uint32_t)get(books, index, i, SR_OBJECTIVE_TARGET_PPB);
        objective->threshold_ns = get(books, index, i, SR_OBJECTIVE_THRESHOLD_NS);
        objective->period_s = get(books, index, i, SR_OBJECTIVE_PERIOD_S);
        objective->since_ns = get(books, index, i, SR_OBJECTIVE_SINCE_NS);
        objective->amount_nanodollars = get(books, index, i, SR_OBJECTIVE_AMOUNT);
        objective->source = get(books, index, i, SR_OBJECTIVE_SOURCE);
        objective->exact_since_ns =
            objective->kind == SLIPRING_LATENCY ? exact_since(detail, objective->threshold_ns) : 0;
        fill_period(books, index, i, now_ns, objective);
        if (objective->kind == SLIPRING_SPEND) {
            fill_spend(objective);
        } else if (fill_ratios(objective)) {
            note_worst(objective, stats);
        }
    }
}
