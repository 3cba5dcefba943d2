/* SPDX-License-Identifier: Apache-2.0 */
/* Reading back the published figures: copies of a part of them. */
#include <slipring/stats.h>
#include <slipring/trace.h>

#include "api/readback.h"
#include "pure/exemplar.h"
#include "system/clock.h"

static enum slipring_status read_figure(struct slipring_primitive *primitive, uint64_t offset, void *out,
                                        uint64_t bytes)
{
    struct sr_readback place;
    const enum slipring_status status = sr_readback_find(primitive, &place);
    if (status != SLIPRING_OK) {
        return status;
    }
    const struct sr_figure_shm *figure = place.figure;
    return sr_publish_read(&figure->latch, figure->copies, sizeof figure->copies[0], offset, out, bytes);
}

/* Published moments are store time; what leaves the library is CLOCK_MONOTONIC. */
static void turn_stats(struct slipring_stats *stats)
{
    stats->published_ns = sr_clock_monotonic_ns(stats->published_ns);
    stats->last_ns = sr_clock_monotonic_ns(stats->last_ns);
}

static void turn_detail(struct slipring_stats_detail *detail)
{
    for (uint32_t i = 0; i < SLIPRING_OBJECTIVE_COUNT; i++) {
        struct slipring_objective_stats *objective = &detail->objectives[i];
        objective->exact_since_ns = sr_clock_monotonic_ns(objective->exact_since_ns);
        objective->since_ns = sr_clock_monotonic_ns(objective->since_ns);
    }
    for (uint32_t i = 0; i < SLIPRING_BOUND_COUNT; i++) {
        detail->bounds[i].exact_since_ns = sr_clock_monotonic_ns(detail->bounds[i].exact_since_ns);
    }
}

SR_PUBLIC enum slipring_status slipring_stats_read(struct slipring_primitive *primitive,
                                                   struct slipring_stats *out_stats)
{
    const enum slipring_status status = read_figure(primitive, 0, out_stats, sizeof *out_stats);
    if (status == SLIPRING_OK) {
        turn_stats(out_stats);
    }
    return status;
}

SR_PUBLIC enum slipring_status slipring_stats_read_detail(struct slipring_primitive *primitive,
                                                          struct slipring_stats *out_stats,
                                                          struct slipring_stats_detail *out_detail)
{
    struct sr_figure_copy_shm copy;
    enum slipring_status status = read_figure(primitive, 0, &copy, sizeof copy);
    if (status == SLIPRING_OK) {
        *out_stats = copy.stats;
        *out_detail = copy.detail;
        turn_stats(out_stats);
        turn_detail(out_detail);
    }
    return status;
}

/* --- exemplars ------------------------------------------------------------------------------------------------------------- */

static void turn_exemplars(struct slipring_exemplar *exemplars, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        exemplars[i].at_ns = sr_clock_monotonic_ns(exemplars[i].at_ns);
    }
}

SR_PUBLIC enum slipring_status slipring_exemplars_read(struct slipring_primitive *primitive,
                                                       struct slipring_exemplars *out_exemplars)
{
    struct sr_readback place;
    struct slipring_exemplars kept;
    enum slipring_status status = sr_readback_find(primitive, &place);
    if (status != SLIPRING_OK) {
        return status;
    }
    if (!sr_readback_has_exemplars(&place)) {
        return SLIPRING_NO_DATA;
    }
    status = sr_publish_read(&place.exemplars->latch, place.exemplars->copies,
                             sizeof place.exemplars->copies[0], 0, &kept, sizeof kept);
    if (status != SLIPRING_OK) {
        return status;
    }
    if (!sr_exemplars_make_sound(&kept)) {
        return SLIPRING_NO_DATA;
    }
    turn_exemplars(kept.slowest, SLIPRING_EXEMPLAR_SLOWEST);
    turn_exemplars(&kept.failing, 1);
    turn_exemplars(kept.bucket_slowest, SLIPRING_EXEMPLAR_BUCKETS);
    turn_exemplars(kept.bucket_failing, SLIPRING_EXEMPLAR_BUCKETS);
    *out_exemplars = kept;
    return SLIPRING_OK;
}
