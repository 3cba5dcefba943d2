/* SPDX-License-Identifier: Apache-2.0 */
/* Making and checking the stats segment: see stats_segment.h. */
#include "protocol/stats_segment.h"

#include <string.h>

#include "base/crashpoint.h"
#include "system/clock.h"

static uint64_t ready_of(const uint8_t *base)
{
    /* acquire: pairs with the release in fill(); else the header's fields could be read before they are there */
    return atomic_load_explicit(&sr_stats_segment_header(base)->ready, memory_order_acquire);
}

static bool is_ready(const uint8_t *base)
{
    return sr_stats_segment_header(base)->magic == SR_STATS_MAGIC && ready_of(base) == 1;
}

/* With the making lock held: alone. */
static enum slipring_status fill(uint8_t *base, void *context)
{
    (void)context;
    struct sr_stats_header_shm *header = sr_stats_segment_header(base);
    memset(base, 0, SR_STATS_DENSE_BYTES);
    header->magic = SR_STATS_MAGIC;
    header->abi_major = SR_ABI_MAJOR;
    header->abi_minor = SR_ABI_MINOR;
    header->endian = SR_ENDIAN_PROBE;
    header->segment_bytes = sizeof(struct sr_stats_map);
    header->schema = SR_BUCKET_SCHEMA;
    header->made_wall_ns = sr_clock_wall_ns();
    uint32_t count = 0;
#define X(name, size)                                                                                        \
    header->regions[count++] =                                                                               \
        (struct sr_region_shm){.offset = offsetof(struct sr_stats_map, name), .bytes = (size)};
    SR_STATS_REGIONS(X)
#undef X
    header->region_count = count;
    SR_CRASHPOINT(stats_before_ready);
    /* release: pairs with ready_of(); else an attacher sees a half-written header */
    atomic_store_explicit(&header->ready, 1, memory_order_release);
    return SLIPRING_OK;
}

enum slipring_status sr_stats_segment_check(const uint8_t *base)
{
    const struct sr_stats_header_shm *header = sr_stats_segment_header(base);
    const uint64_t ready = ready_of(base);
    if (header->magic == 0 || (header->magic == SR_STATS_MAGIC && ready == 0)) {
        return SLIPRING_BEING_MADE;
    }
    if (header->magic != SR_STATS_MAGIC || header->endian != SR_ENDIAN_PROBE) {
        return SLIPRING_FOREIGN;
    }
    if (header->abi_major != SR_ABI_MAJOR || header->schema != SR_BUCKET_SCHEMA) {
        return SLIPRING_OTHER_VERSION;
    }
    return header->segment_bytes == sizeof(struct sr_stats_map) ? SLIPRING_OK : SLIPRING_WRONG_SIZE;
}

/* Another version has another size: tell that apart from a truncated file by looking at the first page alone. */
static enum slipring_status explain_size(const struct sr_map *map)
{
    struct sr_map probe = *map;
    probe.base = NULL;
    if (sr_map_attach(&probe, 0, false) != SLIPRING_OK) {
        return SLIPRING_WRONG_SIZE;
    }
    enum slipring_status status = sr_stats_segment_check(probe.base);
    sr_map_unmap(&probe);
    return status == SLIPRING_OK || status == SLIPRING_BEING_MADE ? SLIPRING_WRONG_SIZE : status;
}

static enum slipring_status finish(struct sr_map *map, enum slipring_status status)
{
    if (status == SLIPRING_WRONG_SIZE) {
        return explain_size(map);
    }
    if (status == SLIPRING_OK) {
        status = sr_stats_segment_check(map->base);
        if (status != SLIPRING_OK) {
            sr_map_unmap(map);
        }
    }
    return status;
}

enum slipring_status sr_stats_segment_attach(struct sr_map *map)
{
    return finish(map, sr_map_attach(map, sizeof(struct sr_stats_map), false));
}

enum slipring_status sr_stats_segment_make_with(struct sr_map *map, mode_t mode, gid_t group,
                                                enum slipring_status (*filling)(uint8_t *, void *),
                                                void *context)
{
    /* A file that is whole but not ours must be named, not waited for: look before making. */
    enum slipring_status status = finish(map, sr_map_attach(map, sizeof(struct sr_stats_map), true));
    if (status != SLIPRING_ABSENT && status != SLIPRING_BEING_MADE) {
        return status;
    }
    const struct sr_map_making making = {
        .bytes = sizeof(struct sr_stats_map),
        .mode = mode,
        .group = group,
        .is_ready = is_ready,
        .fill = filling,
        .context = context,
        .dense_bytes = SR_STATS_DENSE_BYTES,
    };
    return finish(map, sr_map_make(map, &making));
}

enum slipring_status sr_stats_segment_make(struct sr_map *map, const char *store, mode_t mode, gid_t group)
{
    const enum slipring_status status = sr_map_name(map, store, "stats");
    return status == SLIPRING_OK ? sr_stats_segment_make_with(map, mode, group, fill, NULL) : status;
}
