/* SPDX-License-Identifier: Apache-2.0 */
/* Collecting a review: see review.h. */
#include "review.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "pure/duration.h"
#include "pure/money.h"
#include "windows.h"

#define SECOND_NS UINT64_C(1000000000)
#define WEEK_NS   (7 * 86400 * SECOND_NS)

/* --- the window ----------------------------------------------------------------------------------------------- */

static uint64_t longest_window(const struct figures *figures)
{
    uint64_t longest = 0;
    for (uint64_t next; (next = windows_next(figures, longest)) != 0;) {
        longest = next;
    }
    return longest;
}

bool review_take_window(const struct figures *figures, const char *wish, uint64_t *out_window_ns)
{
    if (!wish) {
        const uint64_t longest = longest_window(figures);
        *out_window_ns = windows_are_kept(figures, WEEK_NS) || longest == 0 ? WEEK_NS : longest;
        return true;
    }
    return windows_parse(figures, "since", wish, out_window_ns);
}

/* --- what is in it -------------------------------------------------------------------------------------------- */

static void *allocate(size_t count, size_t bytes)
{
    void *memory = calloc(count + 1, bytes);
    if (!memory) {
        message_out_of_memory();
    }
    return memory;
}

static double failed_share(const struct review_entry *entry)
{
    return entry->window->n > 0 ? (double)entry->window->failures / (double)entry->window->n : 0.0;
}

/* By the worst objective; then the greatest share of failures; then the busiest. Equals stay in the order of names. */
static int compare_entries(const void *left, const void *right)
{
    const struct review_entry *a = left;
    const struct review_entry *b = right;
    if ((a->worst == NULL) != (b->worst == NULL)) {
        return a->worst ? -1 : 1;
    }
    const int order = a->worst ? objectives_compare(a->worst, b->worst) : 0;
    if (order != 0) {
        return order;
    }
    const double x = failed_share(a);
    const double y = failed_share(b);
    if (x != y) {
        return x > y ? -1 : 1;
    }
    if (a->window->n != b->window->n) {
        return a->window->n > b->window->n ? -1 : 1;
    }
    return a->figure < b->figure ? -1 : a->figure > b->figure;
}

static void take_entries(struct review *review)
{
    const struct figures *figures = review->figures;
    review->entries = allocate(figures->count, sizeof *review->entries);
    for (size_t i = 0; i < figures->count; i++) {
        struct review_entry entry = {.figure = &figures->list[i],
                                     .window = windows_of(&figures->list[i], review->window_ns)};
        for (size_t k = review->objectives.count; k-- > 0;) { /* the first one of its is the worst */
            const struct objective *objective = &review->objectives.list[k];
            entry.worst = objective->figure == entry.figure ? objective : entry.worst;
        }
        if (entry.window) {
            review->entries[review->entry_count++] = entry;
        }
    }
    if (review->entry_count > 0) {
        qsort(review->entries, review->entry_count, sizeof *review->entries, compare_entries);
    }
}

static int compare_incidents(const void *left, const void *right)
{
    const struct slipring_incident *const *a = left;
    const struct slipring_incident *const *b = right;
    const bool a_goes_on = (*a)->ended_wall_ns == 0;
    const bool b_goes_on = (*b)->ended_wall_ns == 0;
    if (a_goes_on != b_goes_on) {
        return a_goes_on ? -1 : 1;
    }
    return (*a)->began_wall_ns > (*b)->began_wall_ns ? -1 : (*a)->began_wall_ns < (*b)->began_wall_ns;
}

static void take_incidents(struct review *review)
{
    const struct figures *figures = review->figures;
    review->incidents = allocate(figures->incident_count, sizeof *review->incidents);
    for (uint32_t i = 0; i < figures->incident_count; i++) {
        const struct slipring_incident *incident = &figures->incidents[i];
        if (incident->ended_wall_ns == 0 || incident->ended_wall_ns >= review->from_wall_ns) {
            review->incidents[review->incident_count++] = incident;
        }
    }
    if (review->incident_count > 0) {
        qsort(review->incidents, review->incident_count, sizeof *review->incidents, compare_incidents);
    }
}

static void add_up(struct review *review)
{
    bool is_saturated = false; /* a sum that large is nobody's bill */
    struct review_totals *totals = &review->totals;
    for (size_t i = 0; i < review->entry_count; i++) {
        const struct slipring_window_stats *window = review->entries[i].window;
        totals->n = sr_money_add(totals->n, window->n, &is_saturated);
        totals->failures = sr_money_add(totals->failures, window->failures, &is_saturated);
        totals->cost = sr_money_add(totals->cost, window->cost_nanodollars, &is_saturated);
        totals->savings = sr_money_add(totals->savings, window->savings_nanodollars, &is_saturated);
        totals->per_second += window->per_second;
    }
}

/* --- what it does not cover ----------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void add_note(struct review *review, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (review->note_count < REVIEW_NOTES_MAX) {
        (void)vsnprintf(review->notes[review->note_count++], sizeof review->notes[0], format, arguments);
    }
    va_end(arguments);
}

static void note_coverage(struct review *review, const struct render_style *style, const char *label)
{
    struct render_text text;
    uint64_t least_ns = UINT64_MAX;
    size_t partly = 0;
    for (size_t i = 0; i < review->entry_count; i++) {
        const uint64_t span_ns = review->entries[i].window->span_ns;
        least_ns = span_ns < least_ns ? span_ns : least_ns;
        partly +=
            span_ns < review->window_ns - review->window_ns / 10; /* a slice at its edge may be missing */
    }
    if (partly > 0) {
        add_note(review,
                 "%zu of %zu primitives were not seen for all of the %s, the least for %s: they are new, or "
                 "no agent ran",
                 partly, review->entry_count, label, render_duration(style, least_ns, &text));
    } else if (review->entry_count > 0) {
        add_note(review, "all primitives were seen for all of the %s, but for a slice at its edge", label);
    }
    if (review->entry_count < review->figures->count) {
        add_note(review, "%zu primitives have no window of %s yet and are left out",
                 review->figures->count - review->entry_count, label);
    }
}

static void note_spilled(struct review *review)
{
    struct render_text share;
    uint64_t spilled = 0;
    for (size_t i = 0; i < review->entry_count; i++) {
        spilled += review->entries[i].window->spilled;
    }
    if (spilled > 0 && review->totals.n > 0) {
        add_note(review, "%s of the executions spilled: they stand at the time when they were counted",
                 render_ratio((double)spilled / (double)review->totals.n, &share));
    }
}

static void take_notes(struct review *review, const struct render_style *style)
{
    char label[SR_DURATION_LABEL_BYTES];
    (void)sr_duration_label(review->window_ns, label);
    if (!figures_are_live(review->figures)) {
        struct render_text agent;
        add_note(review, "the %s: what was recorded since is not in it",
                 figures_agent(review->figures, style, &agent));
    }
    note_coverage(review, style, label);
    note_spilled(review);
    add_note(
        review,
        "n, rates, percentiles and money are of executions that ended; those whose process died count in "
        "the budgets alone");
    add_note(review, "budgets are over each objective's own period, not over the %s", label);
    if (review->figures->incident_count == SLIPRING_INCIDENT_COUNT) {
        add_note(review, "the last %d incidents of the store are kept; earlier ones are not in it",
                 SLIPRING_INCIDENT_COUNT);
    }
}

void review_make(const struct figures *figures, uint64_t window_ns, const struct render_style *style,
                 struct review *out_review)
{
    const uint64_t age_ns = figures_age_ns(figures);
    const uint64_t back_ns = window_ns <= UINT64_MAX - age_ns ? window_ns + age_ns : UINT64_MAX;
    *out_review = (struct review){
        .figures = figures,
        .window_ns = window_ns,
        .from_wall_ns = figures->now_wall_ns > back_ns ? figures->now_wall_ns - back_ns : 0,
    };
    objectives_take(figures, &out_review->objectives);
    objectives_sort(&out_review->objectives);
    take_entries(out_review);
    take_incidents(out_review);
    add_up(out_review);
    take_notes(out_review, style);
}

void review_drop(struct review *review)
{
    objectives_drop(&review->objectives);
    free(review->entries);
    free(review->incidents);
    *review = (struct review){.window_ns = 0};
}
