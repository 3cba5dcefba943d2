/* SPDX-License-Identifier: Apache-2.0 */
/* Usage accounts by primitive: see usages.h. */
#include "peer/usages.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *one, const void *other)
{
    const struct slipring_usage_stats *a = one;
    const struct slipring_usage_stats *b = other;
    if (a->place != b->place) {
        return a->place < b->place ? -1 : 1;
    }
    return strcmp(a->resource, b->resource);
}

static bool add(struct sr_usages *usages, const struct slipring_usage_stats *usage)
{
    if (usages->count == usages->room) {
        const uint32_t room = usages->room == 0 ? 16 : usages->room * 2;
        struct slipring_usage_stats *grown = realloc(usages->list, room * sizeof *grown);
        if (!grown) {
            return false;
        }
        usages->list = grown;
        usages->room = room;
    }
    usages->list[usages->count++] = *usage;
    return true;
}

bool sr_usages_take(struct sr_usages *usages, const struct sr_stats *stats)
{
    usages->count = 0;
    for (uint32_t i = sr_stats_next_usage(stats, 0); i < SR_STATS_USAGE_MAX;
         i = sr_stats_next_usage(stats, i + 1)) {
        struct slipring_usage_stats usage;
        if (sr_stats_usage(stats, i, &usage) == SLIPRING_OK && !add(usages, &usage)) {
            return false;
        }
    }
    if (usages->count > 0) {
        qsort(usages->list, usages->count, sizeof usages->list[0], compare);
    }
    return true;
}

void sr_usages_drop(struct sr_usages *usages)
{
    free(usages->list);
    *usages = (struct sr_usages){.list = NULL};
}

const struct slipring_usage_stats *sr_usages_of(const struct sr_usages *usages, uint32_t place,
                                                uint32_t *out_count)
{
    uint32_t low = 0;
    uint32_t high = usages->count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (usages->list[middle].place < place) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    uint32_t end = low;
    while (end < usages->count && usages->list[end].place == place) {
        end++;
    }
    *out_count = end - low;
    return usages->count > 0 ? usages->list + low : NULL;
}
