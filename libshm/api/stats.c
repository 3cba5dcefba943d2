/* SPDX-License-Identifier: Apache-2.0 */
/* Reading back the published figures: copies of a part of them. */
#include <slipring/stats.h>

#include "api/readback.h"

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

SR_PUBLIC enum slipring_status slipring_stats_read(struct slipring_primitive *primitive,
                                                   struct slipring_stats *out_stats)
{
    return read_figure(primitive, 0, out_stats, sizeof *out_stats);
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
    }
    return status;
}
