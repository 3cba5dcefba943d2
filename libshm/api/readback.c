/* SPDX-License-Identifier: Apache-2.0 */
/* The stats segment as a process reads it: see readback.h. */
#include "api/readback.h"

#include <string.h>

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

/* The id under which the primitive's figures stand, its alias followed once. False: there are none. Pages below primitive_high are
 * reserved. */
static bool find_figure(const uint8_t *base, uint32_t *id)
{
    const struct sr_stats_header_shm *header = (const void *)base;
    const uint8_t *figures = base + offsetof(struct sr_stats_map, figure);
    for (int step = 0; step < 2; step++) {
        /* acquire: pairs with the agent's release, after the pages below it were reserved */
        if (*id >= atomic_load_explicit(&header->primitive_high, memory_order_acquire) ||
            *id >= SR_PRIMITIVE_MAX) {
            return false;
        }
        const struct sr_figure_shm *figure = (const void *)(figures + (uint64_t)*id * SR_FIGURE_BYTES);
        /* acquire: pairs with the agent's release of the alias; the figure it names is there */
        const uint64_t alias = atomic_load_explicit(&figure->alias, memory_order_acquire);
        if (alias == 0) {
            return true;
        }
        *id = (uint32_t)(alias - 1);
    }
    return false;
}

enum slipring_status sr_readback_find(struct slipring_primitive *primitive, struct sr_readback *out_place)
{
    if (!primitive) {
        return SLIPRING_BAD_ARGUMENT;
    }
    if (!sr_handle_is_live(primitive)) {
        return slipring_primitive_status(primitive);
    }
    uint32_t id = sr_handle_id(primitive);
    const uint8_t *base = stats_base(primitive->store);
    if (!base || !find_figure(base, &id)) {
        return SLIPRING_NO_DATA;
    }
    *out_place = (struct sr_readback){
        .figure =
            (const void *)(base + offsetof(struct sr_stats_map, figure) + (uint64_t)id * SR_FIGURE_BYTES),
        .slo = (const void *)(base + offsetof(struct sr_stats_map, slo_figure) +
                              (uint64_t)id * SR_SLO_FIGURE_BYTES),
        .slo_page = (const void *)(base + offsetof(struct sr_stats_map, slo_page) + id),
        .exemplars = (const void *)(base + offsetof(struct sr_stats_map, exemplar_figure) +
                                    (uint64_t)id * SR_EXEMPLAR_FIGURE_BYTES),
        .exemplar_page = (const void *)(base + offsetof(struct sr_stats_map, exemplar_page) + id),
    };
    return SLIPRING_OK;
}
