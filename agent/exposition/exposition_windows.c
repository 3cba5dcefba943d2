/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of the windows: percentiles, how many executions they are of, over what time, how fast those came, and what they
 * cost. See exposition_parts.h. */
#include "exposition_parts.h"
#include "pure/bound.h"
#include "pure/duration.h"
#include "pure/window.h"

#define LIFETIME SLIPRING_WINDOW_COUNT /* its place among struct exposition's windows */

static const uint32_t percentile_ppm[SLIPRING_PERCENTILE_COUNT] = {
    [SLIPRING_P50] = 500000, [SLIPRING_P90] = 900000,  [SLIPRING_P95] = 950000,
    [SLIPRING_P99] = 990000, [SLIPRING_P999] = 999000,
};

static void make_quantile(struct exposition *exposition, struct exposition_part *part, uint32_t ppm,
                          const char *label)
{
    char quantile[SR_BOUND_LABEL_BYTES];
    (void)sr_bound_label((uint64_t)ppm * 1000, quantile); /* a millionth is a thousand billionths */
    part->bytes = 0;
    exposition_part_add(exposition, part, "quantile", quantile);
    exposition_part_add(exposition, part, "window", label);
}

/* The labels in place `place`, which are nearly always the last primitive's. */
static const struct exposition_window *window_labels(struct exposition *exposition, uint32_t place,
                                                     uint64_t window_ns,
                                                     const struct slipring_stats_detail *detail)
{
    struct exposition_window *window = &exposition->cache.windows[place];
    if (window->is_made && window->window_ns == window_ns &&
        memcmp(window->extra_ppm, detail->extra_ppm, sizeof window->extra_ppm) == 0) {
        return window;
    }
    char label[SR_DURATION_LABEL_BYTES] = "lifetime";
    if (place != LIFETIME) {
        (void)sr_duration_label(window_ns, label);
    }
    window->is_made = true;
    window->window_ns = window_ns;
    memcpy(window->extra_ppm, detail->extra_ppm, sizeof window->extra_ppm);
    struct exposition_part *part = &window->part;
    part->bytes = 0;
    exposition_part_add(exposition, part, "window", label);
    for (uint32_t i = 0; i < SLIPRING_PERCENTILE_COUNT; i++) {
        make_quantile(exposition, &window->quantiles[i], percentile_ppm[i], label);
    }
    for (uint32_t i = 0; i < SLIPRING_EXTRA_COUNT; i++) {
        make_quantile(exposition, &window->quantiles[SLIPRING_PERCENTILE_COUNT + i], detail->extra_ppm[i],
                      label);
    }
    return window;
}

static void add_quantiles(struct exposition *exposition, const struct exposition_window *labels,
                          const struct slipring_window_stats *window, uint32_t extra_count)
{
    const enum family_id id = FAMILY_primitive_duration_quantile_seconds;
    if (window->n == 0) {
        return; /* no percentile is of nothing */
    }
    for (uint32_t i = 0; i < SLIPRING_PERCENTILE_COUNT; i++) {
        exposition_percentile(exposition, id, &labels->quantiles[i], window->percentile_ns[i]);
    }
    for (uint32_t i = 0; i < extra_count && i < SLIPRING_EXTRA_COUNT; i++) {
        exposition_percentile(exposition, id, &labels->quantiles[SLIPRING_PERCENTILE_COUNT + i],
                              window->extra_ns[i]);
    }
    if (window->relative_error > exposition->relative_error) {
        exposition->relative_error = window->relative_error;
    }
}

static void add_extent(struct exposition *exposition, const struct exposition_window *labels,
                       const struct slipring_window_stats *window)
{
    exposition_count(exposition, FAMILY_primitive_window_requests, &labels->part, window->n);
    exposition_billionths(exposition, FAMILY_primitive_window_span_seconds, &labels->part, window->span_ns);
}

static void add_cost_per_request(struct exposition *exposition, const struct exposition_window *labels,
                                 const struct slipring_window_stats *window)
{
    double dollars;
    if (sr_money_per_request(window->cost_nanodollars, window->n, &dollars)) {
        exposition_number(exposition, FAMILY_primitive_cost_per_request_dollars, &labels->part, dollars);
    }
}

/* Whether /metrics is to show it. */
static bool is_shown(const struct exposition *exposition, uint64_t window_ns)
{
    return !exposition->exposes_few || window_ns == SR_WINDOW_MINUTE_NS ||
           window_ns == 60 * SR_WINDOW_MINUTE_NS;
}

void exposition_windows(struct exposition *exposition, const struct slipring_stats *stats,
                        const struct slipring_stats_detail *detail)
{
    const bool has_cost = stats->lifetime.cost_nanodollars > 0;
    for (uint32_t i = 0; i < detail->window_count && i < SLIPRING_WINDOW_COUNT; i++) {
        const struct slipring_window_stats *window = &detail->windows[i];
        if (!is_shown(exposition, window->window_ns)) {
            continue;
        }
        const struct exposition_window *labels = window_labels(exposition, i, window->window_ns, detail);
        add_quantiles(exposition, labels, window, detail->extra_count);
        add_extent(exposition, labels, window);
        exposition_number(exposition, FAMILY_primitive_request_rate, &labels->part, window->per_second);
        exposition_number(exposition, FAMILY_primitive_request_rate_peak, &labels->part,
                          window->peak_per_second);
        if (has_cost) {
            add_cost_per_request(exposition, labels, window);
            exposition_number(exposition, FAMILY_primitive_cost_per_hour_dollars, &labels->part,
                              sr_money_per_hour(window->cost_nanodollars, window->span_ns));
        }
    }
    const struct exposition_window *labels = window_labels(exposition, LIFETIME, 0, detail);
    add_quantiles(exposition, labels, &stats->lifetime, detail->extra_count);
    add_extent(exposition, labels, &stats->lifetime);
    if (has_cost) {
        add_cost_per_request(exposition, labels, &stats->lifetime);
    }
}
