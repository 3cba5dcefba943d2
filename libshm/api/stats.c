/* SPDX-License-Identifier: Apache-2.0 */
/* Reading back the published figures. The stats segment is mapped at the first call and stays mapped. */
#include <slipring/stats.h>

#include <string.h>

#include "api/process.h"
#include "protocol/publish.h"

static bool is_sound(const uint8_t *base)
{
    const struct sr_stats_header_shm *header = (const void *)base;
    /* acquire: pairs with the agent's release of ready */
    return atomic_load_explicit(&header->ready, memory_order_acquire) == 1 &&
           header->magic == SR_STATS_MAGIC && header->endian == SR_ENDIAN_PROBE &&
           header->abi_major == SR_ABI_MAJOR && header->segment_bytes == sizeof(struct sr_stats_map);
}

/* Was the file unlinked, and goes on under its name in another one? */
static bool has_moved(const uint8_t *base)
{
    const struct sr_stats_header_shm *header = (const void *)base;
    /* acquire: pairs with sr_books_move(); the other one is whole */
    return atomic_load_explicit(&header->has_moved, memory_order_acquire) != 0;
}

/* The mapping, made at the first call. NULL: there is none to read. */
static const uint8_t *stats_base(struct slipring_store *store)
{
    /* acquire: pairs with the release below */
    const uint8_t *base = atomic_load_explicit(&store->stats, memory_order_acquire);
    if (SR_LIKELY(base && !has_moved(base)) || !sr_process_lock()) {
        return base;
    }
    struct sr_map *map = &store->stats_map;
    struct sr_map former = *map;
    if (map->base && has_moved(map->base)) {
        map->base = NULL; /* stays mapped: another thread may be reading there */
    }
    if (!map->base && sr_map_name(map, store->name, "stats") == SLIPRING_OK &&
        sr_map_attach(map, sizeof(struct sr_stats_map), false) == SLIPRING_OK) {
        if (sr_map_is_trusted(map) && is_sound(map->base)) { /* a stranger could cut it short: SIGBUS, here */
            /* release: pairs with the acquire above; else another thread reads an unchecked mapping */
            atomic_store_explicit(&store->stats, map->base, memory_order_release);
        } else {
            sr_map_unmap(map);
        }
    }
    if (!map->base) {
        *map = former;
    }
    base = map->base;
    sr_process_unlock();
    return base;
}

/* The primitive's published figure, its alias followed once. NULL: none. Pages below primitive_high are reserved. */
static const struct sr_figure_shm *figure_of(const uint8_t *base, uint32_t id)
{
    const struct sr_stats_header_shm *header = (const void *)base;
    const uint8_t *figures = base + offsetof(struct sr_stats_map, figure);
    for (int step = 0; step < 2; step++) {
        /* acquire: pairs with the agent's release, after the pages below it were reserved */
        if (id >= atomic_load_explicit(&header->primitive_high, memory_order_acquire) ||
            id >= SR_PRIMITIVE_MAX) {
            return NULL;
        }
        const struct sr_figure_shm *figure = (const void *)(figures + (uint64_t)id * SR_FIGURE_BYTES);
        /* acquire: pairs with the agent's release of the alias; the figure it names is there */
        const uint64_t alias = atomic_load_explicit(&figure->alias, memory_order_acquire);
        if (alias == 0) {
            return figure;
        }
        id = (uint32_t)(alias - 1);
    }
    return NULL;
}

static enum slipring_status read_figure(struct slipring_primitive *primitive, uint64_t offset, void *out,
                                        uint64_t bytes)
{
    if (!primitive) {
        return SLIPRING_BAD_ARGUMENT;
    }
    if (!sr_handle_is_live(primitive)) {
        return slipring_primitive_status(primitive);
    }
    const uint8_t *base = stats_base(primitive->store);
    const struct sr_figure_shm *figure = base ? figure_of(base, sr_handle_id(primitive)) : NULL;
    if (!figure) {
        return SLIPRING_NO_DATA;
    }
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
