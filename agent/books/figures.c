/* SPDX-License-Identifier: Apache-2.0 */
/* Working out one book's figures: see figures.h. Everything is integers until the last division. */
#include "figures.h"

#include <string.h>

#include "pure/bound.h"
#include "pure/fine.h"
#include "pure/money.h"
#include "pure/wide.h"
#include "pure/window.h"
#include "saved.h"
#include "slo.h"
#include "windows.h"

static const uint32_t quantiles_ppm[SLIPRING_PERCENTILE_COUNT] = {500000, 900000, 950000, 990000, 999000};

static uint64_t word(const struct figures *figures, uint32_t which)
{
    return figures->page[which];
}

/* --- windows ------------------------------------------------------------------------------------------------------------ */

/* The percentiles of cells whose sum is n. */
static void fill_percentiles(const struct agent_options *options, const struct sr_fine_view *view, uint64_t n,
                             struct slipring_window_stats *window)
{
    double error = 0.0;
    double extra_error = 0.0;
    if (n == 0 ||
        !sr_fine_quantiles(view, n, quantiles_ppm, SLIPRING_PERCENTILE_COUNT, window->percentile_ns,
                           &error) ||
        !sr_fine_quantiles(view, n, options->extra_ppm, options->extra_count, window->extra_ns,
                           &extra_error)) {
        return;
    }
    window->relative_error = error > extra_error ? error : extra_error;
}

struct filling {
    const struct books *books;
    const struct book *book;
    struct figures *figures;
};

uint64_t figures_step_ns(uint64_t window_ns)
{
    const uint64_t step_ns = window_ns / 100 > UINT64_C(1000000000) ? window_ns / 100 : UINT64_C(1000000000);
    return window_ns != 0 ? step_ns : 0;
}

/* A window that does not cover all of its length yet covers more by and by. */
static void note_slide(struct figures *figures, const struct window_sum *sum)
{
    const uint64_t step_ns = figures_step_ns(sum->window_ns);
    if (sum->span_ns < sum->window_ns && (figures->slides_ns == 0 || step_ns < figures->slides_ns)) {
        figures->slides_ns = step_ns;
    }
    figures->stays_until_ns = sum->span_ns != 0 ? figures->stays_until_ns : 0;
}

static void fill_window(void *context, uint32_t tier, const struct window_sum *sum)
{
    const struct filling *filling = context;
    struct slipring_window_stats *window = &filling->figures->detail.windows[tier];
    *window = (struct slipring_window_stats){
        .window_ns = sum->window_ns,
        .span_ns = sum->span_ns,
        .n = sum->n,
        .failures = sum->failures,
        .spilled = sum->spilled,
        .per_second = sum->n != 0 ? sr_window_rate(sum->n, sum->span_ns) : 0.0,
        .peak_per_second = (double)sum->peak / 1000.0,
        .cost_nanodollars = sum->cost,
        .savings_nanodollars = sum->savings,
    };
    const struct sr_fine_view view = {.cells = sum->cells,
                                      .low = filling->book->low,
                                      .high = filling->book->high,
                                      .fine = sum->fine,
                                      .schema = sum->schema};
    fill_percentiles(filling->books->options, &view, sum->n, window);
    note_slide(filling->figures, sum);
}

static uint64_t former(const struct figures *figures, uint32_t which)
{
    return figures->former[which];
}

static void fill_lifetime(const struct books *books, uint32_t index, uint64_t now_ns, struct figures *figures)
{
    const struct book *book = &books->book[index];
    struct slipring_stats *stats = &figures->stats;
    const uint64_t opened_ns = word(figures, SR_BOOK_OPENED_NS);
    const uint64_t span_ns = now_ns > opened_ns ? now_ns - opened_ns : 0;
    const uint64_t n = stats->count + former(figures, SR_FORMER_COUNT);
    stats->lifetime = (struct slipring_window_stats){
        .span_ns = span_ns,
        .n = n,
        .failures = stats->failures + former(figures, SR_FORMER_FAILURES),
        .spilled = stats->spilled + former(figures, SR_FORMER_SPILLED),
        .per_second = n != 0 ? sr_window_rate(n, span_ns) : 0.0,
        .cost_nanodollars = stats->lifetime.cost_nanodollars, /* fill_money() */
        .savings_nanodollars = stats->lifetime.savings_nanodollars,
    };
    const uint32_t schema = books->options->schema;
    const uint32_t parts = sr_fine_parts(schema);
    struct sr_fine_view view = {
        .cells = figures->lifetime_cells, .low = book->low, .high = book->high, .schema = schema};
    if (parts > 1) {
        sr_words_read(&books->durable->words, SR_WORD(fine, index, SR_FINE_CELLS + book->low * parts),
                      (book->high - book->low) * parts, figures->fine + book->low * parts);
        view.fine = figures->fine;
    }
    fill_percentiles(books->options, &view, n, &stats->lifetime);
}

static void fill_windows(const struct books *books, uint32_t index, uint64_t now_ns, struct figures *figures)
{
    struct slipring_stats *stats = &figures->stats;
    struct slipring_stats_detail *detail = &figures->detail;
    const struct agent_options *options = books->options;
    struct filling filling = {.books = books, .book = &books->book[index], .figures = figures};
    figures->slides_ns = 0;
    figures->stays_until_ns = windows_stay_until(books, index, now_ns);
    detail->window_count = options->window_count;
    detail->extra_count = options->extra_count;
    memcpy(detail->extra_ppm, options->extra_ppm, sizeof detail->extra_ppm);
    windows_read(books, index, now_ns, fill_window, &filling);
    for (uint32_t i = 0; i < detail->window_count; i++) {
        if (detail->windows[i].window_ns == SR_WINDOW_MINUTE_NS) {
            stats->minute = detail->windows[i];
        }
    }
    stats->requests_per_second = stats->minute.per_second;
    fill_lifetime(books, index, now_ns, figures);
}

/* --- totals ------------------------------------------------------------------------------------------------------------- */

static void fill_totals(const struct book *book, uint64_t now_ns, struct figures *figures)
{
    struct slipring_stats *stats = &figures->stats;
    stats->published_ns = now_ns;
    stats->count = word(figures, SR_BOOK_COUNT);
    stats->failures = word(figures, SR_BOOK_FAILURES);
    stats->aborted = word(figures, SR_BOOK_ABORTED);
    stats->active = book->active;
    stats->spilled = word(figures, SR_BOOK_SPILLED);
    stats->clamped = word(figures, SR_BOOK_CLAMPED);
    stats->sum_ns[0] = word(figures, SR_BOOK_SUM_LOW);
    stats->sum_ns[1] = word(figures, SR_BOOK_SUM_HIGH);
    stats->created_wall_ns = word(figures, SR_BOOK_CREATED_WALL_NS);
    stats->last_ns = book->last_ns;
    stats->lifetime_aborted = stats->aborted + former(figures, SR_FORMER_ABORTED);
}

/* Minimum, maximum and mean, of the lifetime. */
static void fill_durations(const struct books *books, uint32_t index, struct figures *figures)
{
    struct slipring_stats *stats = &figures->stats;
    const uint64_t n = stats->count + former(figures, SR_FORMER_COUNT);
    if (n == 0) {
        return;
    }
    const struct saved_extremes extremes = saved_extremes_of(books, index);
    stats->present |= SLIPRING_HAS_DURATION;
    if (extremes.min_ns <= extremes.max_ns) { /* else no sample told of them yet */
        stats->min_ns = extremes.min_ns;
        stats->max_ns = extremes.max_ns;
    }
    const double two_64 = 18446744073709551616.0;
    const sr_wide sum =
        ((sr_wide)stats->sum_ns[1] << 64 | stats->sum_ns[0]) +
        ((sr_wide)former(figures, SR_FORMER_SUM_HIGH) << 64 | former(figures, SR_FORMER_SUM_LOW));
    stats->mean_ns = ((double)(uint64_t)(sum >> 64) * two_64 + (double)(uint64_t)sum) / (double)n;
}

static void fill_money(struct figures *figures)
{
    struct slipring_stats *stats = &figures->stats;
    bool is_saturated = false; /* stands still at the largest amount */
    for (uint32_t i = 0; i < SLIPRING_CATEGORY_COUNT; i++) {
        struct slipring_category_stats *category = &figures->detail.categories[i];
        category->cost_nanodollars = word(figures, SR_BOOK_COST + i);
        category->savings_nanodollars = word(figures, SR_BOOK_SAVINGS + i);
        stats->cost_nanodollars =
            sr_money_add(stats->cost_nanodollars, category->cost_nanodollars, &is_saturated);
        stats->savings_nanodollars =
            sr_money_add(stats->savings_nanodollars, category->savings_nanodollars, &is_saturated);
        category->lifetime_cost_nanodollars =
            sr_money_add(category->cost_nanodollars, former(figures, SR_FORMER_COST + i), &is_saturated);
        category->lifetime_savings_nanodollars = sr_money_add(
            category->savings_nanodollars, former(figures, SR_FORMER_SAVINGS + i), &is_saturated);
        stats->lifetime.cost_nanodollars = sr_money_add(stats->lifetime.cost_nanodollars,
                                                        category->lifetime_cost_nanodollars, &is_saturated);
        stats->lifetime.savings_nanodollars = sr_money_add(
            stats->lifetime.savings_nanodollars, category->lifetime_savings_nanodollars, &is_saturated);
        memcpy(category->name, &figures->page[SR_BOOK_CATEGORIES + 4 * i], sizeof category->name);
        category->name[sizeof category->name - 1] = '\0';
        if (category->name[0] != '\0') {
            figures->detail.category_count = i + 1;
        }
    }
    memcpy(figures->detail.categories[0].name, "default", sizeof "default");
    figures->detail.category_count += figures->detail.category_count == 0;
    if (sr_money_savings_rate(stats->lifetime.cost_nanodollars, stats->lifetime.savings_nanodollars,
                              &stats->savings_rate)) {
        stats->present |= SLIPRING_HAS_SAVINGS_RATE;
    }
}

/* --- bounds ---------------------------------------------------------------------------------------------------------- */

static void fill_bounds(const struct book *book, struct figures *figures)
{
    struct slipring_stats_detail *detail = &figures->detail;
    uint64_t slots[SLIPRING_BOUND_COUNT];
    uint64_t counts[SLIPRING_BOUND_COUNT];
    detail->bound_count = book->bounds.count;
    for (uint32_t i = 0; i < detail->bound_count; i++) {
        slots[i] = word(figures, SR_BOOK_BOUNDS + i * SR_BOUND_WORDS + SR_BOUND_SLOT);
    }
    sr_bound_cumulatives(figures->cells, book->bounds.ns, slots, detail->bound_count, counts);
    for (uint32_t i = 0; i < detail->bound_count; i++) {
        const uint32_t first = SR_BOOK_BOUNDS + i * SR_BOUND_WORDS;
        /* a forged spill block could count more at a bound than there are samples */
        const uint64_t count = counts[i] < figures->stats.count ? counts[i] : figures->stats.count;
        detail->bounds[i] = (struct slipring_bound_stats){
            .bound_ns = book->bounds.ns[i],
            .count = i > 0 && count < detail->bounds[i - 1].count ? detail->bounds[i - 1].count : count,
            .exact_since_ns = word(figures, first + SR_BOUND_EXACT_SINCE_NS),
            .is_le = word(figures, first + SR_BOUND_IS_LE),
        };
    }
}

/* What came from a checkpoint. Of most books nothing did, and there is no page to be read. */
static void read_former(const struct books *books, uint32_t index, struct figures *figures)
{
    const struct sr_words *words = &books->durable->words;
    const struct book *book = &books->book[index];
    const uint32_t bytes = (book->high - book->low) * (uint32_t)sizeof figures->cells[0];
    memcpy(figures->lifetime_cells + book->low, figures->cells + book->low, bytes);
    if (!sr_words_exist(words, SR_WORD(former, index, 0))) {
        memset(figures->former, 0, sizeof figures->former);
        return;
    }
    sr_words_read(words, SR_WORD(former, index, 0), SR_FORMER_CELLS, figures->former);
    for (uint32_t i = book->low; i < book->high; i++) {
        figures->lifetime_cells[i] += sr_words_get(words, SR_WORD(former, index, SR_FORMER_CELLS + i));
    }
}

void figures_read(const struct books *books, uint32_t index, uint64_t now_ns, struct figures *out_figures)
{
    const struct book *book = &books->book[index];
    const struct sr_words *words = &books->durable->words;
    memset(&out_figures->stats, 0, sizeof out_figures->stats);
    memset(&out_figures->detail, 0, sizeof out_figures->detail);
    memset(out_figures->cells, 0, sizeof out_figures->cells);
    sr_words_read(words, SR_WORD(book, index, 0), SR_WORDS_PER_PAGE, out_figures->page);
    sr_words_read(words, SR_WORD(book, index, SR_BOOK_CELLS + book->low), book->high - book->low,
                  out_figures->cells + book->low);
    read_former(books, index, out_figures);
    memcpy(out_figures->detail.name, &out_figures->page[SR_BOOK_NAME], sizeof out_figures->detail.name);
    memcpy(out_figures->detail.type, &out_figures->page[SR_BOOK_TYPE], sizeof out_figures->detail.type);
    fill_totals(book, now_ns, out_figures);
    fill_durations(books, index, out_figures);
    out_figures->stats.restored_wall_ns =
        former(out_figures, SR_FORMER_COUNT) + former(out_figures, SR_FORMER_ABORTED) != 0
            ? sr_words_get(words, SR_WORD(store, 0, SR_STORE_RESTORED_WALL_NS))
            : 0;
    fill_money(out_figures);
    fill_windows(books, index, now_ns, out_figures);
    fill_bounds(book, out_figures);
    if (books->options->shows_native) {
        sr_native_pack(out_figures->cells, book->low, book->high, books->options->native_schema,
                       &out_figures->native);
    }
    slo_fill_objectives(books, index, now_ns, &out_figures->stats, &out_figures->detail);
    for (uint32_t i = 0; i < out_figures->detail.objective_count; i++) {
        if (out_figures->detail.objectives[i].span_ns == 0) {
            out_figures->stays_until_ns = 0;
        }
    }
}
