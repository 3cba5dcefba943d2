/* SPDX-License-Identifier: Apache-2.0 */
/* What the time does to published figures: see slide.h. */
#include "peer/slide.h"

#include <string.h>

#include "protocol/publish.h"
#include "protocol/stats_segment.h"
#include "pure/window.h"

#define SECOND_NS UINT64_C(1000000000)

/* Words of the figures: published_ns, requests_per_second, span and rate of the lifetime, the minute and each window, spans of objectives. */
#define FIGURE_WORDS (2u + 2u * (2u + SLIPRING_WINDOW_COUNT) + SLIPRING_OBJECTIVE_COUNT)
#define SLO_WORDS    (1u + SLIPRING_OBJECTIVE_COUNT * SLIPRING_SLO_WINDOW_COUNT)

struct changes {
    struct sr_publish_change *list;
    uint32_t count;
    uint64_t elapsed_ns;
};

static void change(struct changes *changes, uint64_t offset, uint64_t value)
{
    changes->list[changes->count++] = (struct sr_publish_change){.offset = offset, .value = value};
}

static void change_number(struct changes *changes, uint64_t offset, double number)
{
    uint64_t value;
    memcpy(&value, &number, sizeof value);
    change(changes, offset, value);
}

/* G1. length_ns 0: it has none. */
static uint64_t grown(const struct changes *changes, uint64_t span_ns, uint64_t length_ns)
{
    const uint64_t now_ns = span_ns + changes->elapsed_ns;
    return length_ns != 0 && now_ns > length_ns ? length_ns : now_ns;
}

/* A window whose struct stands at `offset`. Returns its rate. */
static double slide_window(struct changes *changes, const struct slipring_window_stats *window,
                           uint64_t offset)
{
    const uint64_t span_ns = grown(changes, window->span_ns, window->window_ns);
    const double rate = window->n != 0 ? sr_window_rate(window->n, span_ns) : 0.0;
    change(changes, offset + offsetof(struct slipring_window_stats, span_ns), span_ns);
    change_number(changes, offset + offsetof(struct slipring_window_stats, per_second), rate);
    return rate;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static void slide_windows(struct changes *changes, const struct slipring_stats_detail *detail,
                          uint64_t *out_growing_ns)
{
    *out_growing_ns = 0;
    for (uint32_t i = least(detail->window_count, SLIPRING_WINDOW_COUNT); i-- > 0;) {
        const struct slipring_window_stats *window = &detail->windows[i];
        (void)slide_window(changes, window,
                           offsetof(struct sr_figure_copy_shm, detail.windows) + i * sizeof *window);
        if (grown(changes, window->span_ns, window->window_ns) < window->window_ns) {
            *out_growing_ns = window->window_ns; /* they ascend: the last one found is the shortest */
        }
    }
}

static void slide_figures(struct changes *changes, const struct sr_figure_copy_shm *copy, uint64_t now_ns,
                          uint64_t *out_growing_ns)
{
    const struct slipring_stats_detail *detail = &copy->detail;
    change(changes, offsetof(struct sr_figure_copy_shm, stats.published_ns), now_ns);
    (void)slide_window(changes, &copy->stats.lifetime, offsetof(struct sr_figure_copy_shm, stats.lifetime));
    if (copy->stats.minute.window_ns != 0) { /* else the agent keeps no such window */
        const double rate =
            slide_window(changes, &copy->stats.minute, offsetof(struct sr_figure_copy_shm, stats.minute));
        change_number(changes, offsetof(struct sr_figure_copy_shm, stats.requests_per_second), rate);
    }
    slide_windows(changes, detail, out_growing_ns);
    for (uint32_t i = 0; i < least(detail->objective_count, SLIPRING_OBJECTIVE_COUNT); i++) {
        const struct slipring_objective_stats *objective = &detail->objectives[i];
        const uint64_t length_ns =
            objective->period_s == SLIPRING_PERIOD_MONTH ? 0 : objective->period_s * SECOND_NS;
        change(changes,
               offsetof(struct sr_figure_copy_shm, detail.objectives) + i * sizeof *objective +
                   offsetof(struct slipring_objective_stats, span_ns),
               grown(changes, objective->span_ns, length_ns));
    }
}

static void slide_slo(struct changes *changes, const struct slipring_slo_stats *slo, uint64_t now_ns)
{
    change(changes, offsetof(struct slipring_slo_stats, published_ns), now_ns);
    for (uint32_t i = 0; i < least(slo->objective_count, SLIPRING_OBJECTIVE_COUNT); i++) {
        for (uint32_t track = 0; track < SLIPRING_SLO_WINDOW_COUNT; track++) {
            const struct slipring_slo_window *window = &slo->objectives[i].windows[track];
            if (window->window_s != 0) {
                change(changes, (uint64_t)((const uint8_t *)&window->span_ns - (const uint8_t *)slo),
                       grown(changes, window->span_ns, window->window_s * SECOND_NS));
            }
        }
    }
}

/* The index of the copy that readers take. */
static uint64_t whole_of(const _Atomic uint64_t *latch)
{
    /* relaxed: the agent alone writes it */
    return (atomic_load_explicit(latch, memory_order_relaxed) & 1) ^ 1;
}

static void publish_slo(struct sr_books *books, uint32_t id, uint64_t last_ns, uint64_t now_ns, bool is_alike)
{
    struct sr_slo_figure_shm *figure = sr_stats_segment_slo_figure(books->map.base, id);
    if (!sr_books_has(books, SR_OPTIONAL_SLO, id) ||
        figure->copies[whole_of(&figure->latch)].published_ns != last_ns) {
        return; /* G2 */
    }
    struct sr_publish_change list[SLO_WORDS];
    struct changes changes = {.list = list, .elapsed_ns = now_ns - last_ns};
    slide_slo(&changes, &figure->copies[whole_of(&figure->latch)], now_ns);
    const struct sr_publish_changed_part part = {figure->copies, sizeof figure->copies[0],
                                                 sizeof figure->copies[0], list, changes.count};
    sr_publish_change_parts(&figure->latch, &part, 1, is_alike);
}

bool sr_books_slide(struct sr_books *books, uint32_t id, uint64_t last_ns, uint64_t now_ns, bool is_alike,
                    uint64_t *out_growing_ns)
{
    struct sr_figure_shm *figure = sr_stats_segment_figure(books->map.base, id);
    struct sr_histogram_shm *histogram = sr_stats_segment_histogram(books->map.base, id);
    const uint64_t whole = whole_of(&figure->latch);
    if (figure->copies[whole].stats.published_ns != last_ns) {
        return false; /* G3 */
    }
    struct sr_publish_change list[FIGURE_WORDS];
    struct changes changes = {.list = list, .elapsed_ns = now_ns - last_ns};
    slide_figures(&changes, &figure->copies[whole], now_ns, out_growing_ns);
    const struct sr_publish_change stamp = {.offset = offsetof(struct sr_histogram_copy, published_ns),
                                            .value = now_ns};
    const struct sr_publish_changed_part parts[2] = {
        {figure->copies, sizeof figure->copies[0], sizeof figure->copies[0], list, changes.count},
        {histogram->copies, sizeof histogram->copies[0], sizeof histogram->copies[0], &stamp, 1},
    };
    const bool has_native =
        sr_books_has(books, SR_OPTIONAL_HISTOGRAM, id) && histogram->copies[whole].published_ns == last_ns;
    sr_publish_change_parts(&figure->latch, parts, has_native ? 2 : 1, is_alike);
    publish_slo(books, id, last_ns, now_ns, is_alike);
    return true;
}
