/* SPDX-License-Identifier: Apache-2.0 */
/* Making, checking and reserving the ring segment: see segment.h. */
#include "protocol/segment.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/crashpoint.h"
#include "protocol/registry.h"
#include "system/clock.h"

#define POOL(name) offsetof(struct sr_ring_map, pool_##name)

#define WORDS_OF(cells) ((cells) == 192u ? SR_SPILL_WORDS_SMALL : SR_SPILL_WORDS_FULL)

enum {
    FIRST_small = 0,
    FIRST_mid = 32768,
    FIRST_big = 32768 + 4096,
    FIRST_direct = 32768 + 4096 + 512,
};

const struct sr_ring_shape sr_ring_shapes[SR_CLASS_COUNT] = {
#define X(name, ring_count, word_count, cell_count)                                                          \
    {.first_ring = FIRST_##name,                                                                             \
     .rings = (ring_count),                                                                                  \
     .words = (word_count),                                                                                  \
     .cells = (cell_count),                                                                                  \
     .spill_words = WORDS_OF(cell_count),                                                                    \
     .pool_off = POOL(name),                                                                                 \
     .block_bytes = SR_BLOCK_BYTES(word_count, WORDS_OF(cell_count))},
    SR_RING_CLASSES(X)
#undef X
};

#define X(name, rings, samples, cells)                                                                       \
    _Static_assert(SR_BLOCK_BYTES(samples, WORDS_OF(cells)) % SR_PAGE_BYTES == 0, "a block is whole pages");
SR_RING_CLASSES(X)
#undef X

_Static_assert((int)FIRST_direct + 2048 == (int)SR_RING_MAX, "classes lie one behind the other");

/* --- making and checking ---------------------------------------------------------------------------------------------- */

static bool is_ready(const uint8_t *base)
{
    const struct sr_ring_header_shm *header = (const void *)base;
    /* acquire: pairs with sr_segment_set_ready(); else the header's fields could be read before they are there */
    return header->magic == SR_RING_MAGIC && atomic_load_explicit(&header->ready, memory_order_acquire) == 1;
}

void sr_segment_write_header(struct sr_ring_header_shm *header, uint64_t incarnation)
{
    header->magic = SR_RING_MAGIC;
    header->abi_major = SR_ABI_MAJOR;
    header->abi_minor = SR_ABI_MINOR;
    header->endian = SR_ENDIAN_PROBE;
    header->segment_bytes = sizeof(struct sr_ring_map);
    header->schema = SR_BUCKET_SCHEMA;
    header->made_wall_ns = sr_clock_wall_ns();
    header->incarnation = incarnation;
    uint32_t count = 0;
#define X(name, size)                                                                                        \
    header->regions[count++] =                                                                               \
        (struct sr_region_shm){.offset = offsetof(struct sr_ring_map, name), .bytes = (size)};
    SR_RING_REGIONS(X)
#undef X
    header->region_count = count;
}

void sr_segment_set_ready(struct sr_segment *segment)
{
    /* release: pairs with is_ready() and check_header(); else an attacher sees a half-written header */
    atomic_store_explicit(&sr_segment_header(segment)->ready, 1, memory_order_release);
}

static uint64_t new_incarnation(void)
{
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random) {
        random = sr_clock_ns() ^ sr_clock_wall_ns(); /* it only has to differ from the last one */
    }
    return random | 1;
}

/* Called with the making lock held: alone. A dead maker's half-written header is written again from the start. */
static enum slipring_status fill(uint8_t *base, void *context)
{
    struct sr_segment *segment = context;
    struct sr_ring_header_shm *header = (void *)base;

    memset(base, 0, SR_RING_DENSE_BYTES);
    sr_segment_write_header(header, new_incarnation());
    /* relaxed: published with the header by sr_segment_set_ready() */
    atomic_store_explicit(&header->control.primitive_limit, SR_PRIMITIVE_LIMIT_DEFAULT, memory_order_relaxed);
    /* relaxed: as above */
    atomic_store_explicit(&header->control.ring_cap, SR_RING_CAP_DEFAULT, memory_order_relaxed);
    enum slipring_status status = sr_registry_add_overflow(segment);
    if (status == SLIPRING_OK) {
        SR_CRASHPOINT(segment_before_ready);
        sr_segment_set_ready(segment);
    }
    return status;
}

/* G1. The first page is inside the file (map.c checked the size) and reserved, or a zero page of a sparse copy. */
static enum slipring_status check_header(const struct sr_segment *segment)
{
    const struct sr_ring_header_shm *header = sr_segment_header(segment);
    /* acquire: pairs with sr_segment_set_ready() */
    uint64_t ready = atomic_load_explicit(&header->ready, memory_order_acquire);
    if (header->magic == 0 || (header->magic == SR_RING_MAGIC && ready == 0)) {
        return SLIPRING_BEING_MADE;
    }
    if (header->magic != SR_RING_MAGIC || header->endian != SR_ENDIAN_PROBE) {
        return SLIPRING_FOREIGN;
    }
    if (header->abi_major != SR_ABI_MAJOR || header->schema != SR_BUCKET_SCHEMA) {
        return SLIPRING_OTHER_VERSION;
    }
    if (header->segment_bytes != sizeof(struct sr_ring_map) ||
        segment->map.bytes != sizeof(struct sr_ring_map)) {
        return SLIPRING_WRONG_SIZE;
    }
    return SLIPRING_OK;
}

/* Another version has another size: tell that apart from a truncated file by looking at the first page alone. */
static enum slipring_status explain_size(struct sr_segment *segment)
{
    struct sr_segment probe = {.map = segment->map};
    enum slipring_status status = sr_map_attach(&probe.map, 0, false);
    if (status != SLIPRING_OK) {
        return SLIPRING_WRONG_SIZE;
    }
    status = check_header(&probe);
    sr_map_unmap(&probe.map);
    return status == SLIPRING_OK || status == SLIPRING_BEING_MADE ? SLIPRING_WRONG_SIZE : status;
}

static enum slipring_status finish_attach(struct sr_segment *segment, enum slipring_status status)
{
    if (status == SLIPRING_WRONG_SIZE) {
        return explain_size(segment);
    }
    if (status != SLIPRING_OK) {
        return status;
    }
    status = check_header(segment);
    if (status != SLIPRING_OK) {
        sr_map_unmap(&segment->map);
    }
    return status;
}

enum slipring_status sr_segment_make_with(struct sr_segment *segment, const char *store, mode_t mode,
                                          gid_t group, enum slipring_status (*filling)(uint8_t *, void *),
                                          void *context)
{
    enum slipring_status status = sr_map_name(&segment->map, store, "ring");
    if (status != SLIPRING_OK) {
        return status;
    }
    /* A file that is whole but not ours must be named, not waited for: look before making. */
    status = sr_segment_attach_path(segment, true);
    if (status != SLIPRING_ABSENT && status != SLIPRING_BEING_MADE) {
        return status;
    }
    const struct sr_map_making making = {
        .bytes = sizeof(struct sr_ring_map),
        .mode = mode,
        .group = group,
        .is_ready = is_ready,
        .fill = filling,
        .context = context,
        .dense_bytes = SR_RING_DENSE_BYTES,
    };
    return finish_attach(segment, sr_map_make(&segment->map, &making));
}

enum slipring_status sr_segment_make(struct sr_segment *segment, const char *store, mode_t mode, gid_t group)
{
    return sr_segment_make_with(segment, store, mode, group, fill, segment);
}

enum slipring_status sr_segment_attach(struct sr_segment *segment, const char *store, bool writable)
{
    enum slipring_status status = sr_map_name(&segment->map, store, "ring");
    return status == SLIPRING_OK ? sr_segment_attach_path(segment, writable) : status;
}

enum slipring_status sr_segment_attach_path(struct sr_segment *segment, bool writable)
{
    return finish_attach(segment, sr_map_attach(&segment->map, sizeof(struct sr_ring_map), writable));
}

/* --- reservation ------------------------------------------------------------------------------------------------------ */

static _Atomic uint8_t *directory_byte(const struct sr_segment *segment, uint64_t region_off, uint32_t index)
{
    return (_Atomic uint8_t *)(segment->map.base + region_off) + index;
}

#define DIRECTORY(segment, region, index) directory_byte(segment, offsetof(struct sr_ring_map, region), index)

static bool is_marked(const struct sr_segment *segment, uint64_t region_off, uint32_t index)
{
    /* acquire: pairs with the release of mark(); else a page could be touched before its reservation */
    return atomic_load_explicit(directory_byte(segment, region_off, index), memory_order_acquire) == 1;
}

/* The first marked entry from `from` on; `count`, a multiple of 8, when there is none. Directories are mostly empty, and are
 * looked through often: eight bytes at a time. */
static uint32_t next_marked(const struct sr_segment *segment, uint64_t region_off, uint32_t from,
                            uint32_t count)
{
    const uint64_t *words = (const uint64_t *)(const void *)(segment->map.base + region_off);
    for (uint32_t i = from; i < count;) {
        /* relaxed: is_marked() orders what is found */
        if (i % 8 == 0 && __atomic_load_n(&words[i / 8], __ATOMIC_RELAXED) == 0) {
            i += 8;
        } else if (is_marked(segment, region_off, i)) {
            return i;
        } else {
            i++;
        }
    }
    return count;
}

static void mark(_Atomic uint8_t *byte)
{
    SR_CRASHPOINT(segment_before_marked);
    /* release: pairs with is_marked() */
    atomic_store_explicit(byte, 1, memory_order_release);
}

bool sr_segment_primitive_is_reserved(const struct sr_segment *segment, uint32_t primitive)
{
    return is_marked(segment, offsetof(struct sr_ring_map, primitive_page), primitive);
}

bool sr_segment_slot_is_reserved(const struct sr_segment *segment, uint32_t slot)
{
    return is_marked(segment, offsetof(struct sr_ring_map, slot_page), slot / 4);
}

bool sr_segment_extent_is_reserved(const struct sr_segment *segment, uint32_t extent)
{
    return is_marked(segment, offsetof(struct sr_ring_map, extent_page), extent);
}

uint32_t sr_segment_next_slot(const struct sr_segment *segment, uint32_t from)
{
    const uint32_t page =
        next_marked(segment, offsetof(struct sr_ring_map, slot_page), from / 4, SR_SLOT_MAX / 4);
    return page * 4 > from ? page * 4 : from;
}

uint32_t sr_segment_next_extent(const struct sr_segment *segment, uint32_t from)
{
    return next_marked(segment, offsetof(struct sr_ring_map, extent_page), from,
                       SR_RING_MAX / SR_EXTENT_RINGS);
}

bool sr_segment_ring_is_reserved(const struct sr_segment *segment, uint32_t ring)
{
    return sr_segment_extent_is_reserved(segment, ring / SR_EXTENT_RINGS) &&
           is_marked(segment, offsetof(struct sr_ring_map, ring_page), ring);
}

static enum slipring_status reserve_part(struct sr_segment *segment, const void *at, uint64_t bytes)
{
    return sr_map_reserve(&segment->map, (uint64_t)((const uint8_t *)at - segment->map.base), bytes);
}

enum slipring_status sr_segment_reserve_primitive(struct sr_segment *segment, uint32_t primitive)
{
    if (sr_segment_primitive_is_reserved(segment, primitive)) {
        return SLIPRING_OK;
    }
    enum slipring_status status =
        reserve_part(segment, sr_segment_entry(segment, primitive), sizeof(struct sr_registry_entry_shm));
    if (status == SLIPRING_OK) {
        status = reserve_part(segment, sr_segment_bounds(segment, primitive), sizeof(struct sr_bounds_shm));
    }
    if (status == SLIPRING_OK) {
        status = reserve_part(segment, (const void *)sr_segment_shared_spill(segment, primitive),
                              SR_SPILL_WORDS_FULL * 8u);
    }
    if (status == SLIPRING_OK) {
        mark(DIRECTORY(segment, primitive_page, primitive));
    }
    return status;
}

enum slipring_status sr_segment_reserve_slot(struct sr_segment *segment, uint32_t slot)
{
    if (sr_segment_slot_is_reserved(segment, slot)) {
        return SLIPRING_OK;
    }
    enum slipring_status status =
        reserve_part(segment, sr_segment_slot(segment, slot), sizeof(struct sr_slot_shm));
    if (status == SLIPRING_OK) {
        mark(DIRECTORY(segment, slot_page, slot / 4));
    }
    return status;
}

static enum slipring_status reserve_extent(struct sr_segment *segment, uint32_t extent)
{
    if (sr_segment_extent_is_reserved(segment, extent)) {
        return SLIPRING_OK;
    }
    const uint32_t ring = extent * SR_EXTENT_RINGS;
    const uint64_t bytes = (uint64_t)SR_EXTENT_RINGS * SR_LINE_BYTES;
    enum slipring_status status = reserve_part(segment, sr_segment_ring_info(segment, ring), bytes);
    if (status == SLIPRING_OK) {
        status = reserve_part(segment, sr_segment_producer_line(segment, ring), bytes);
    }
    if (status == SLIPRING_OK) {
        status = reserve_part(segment, sr_segment_consumer_line(segment, ring), bytes);
    }
    if (status == SLIPRING_OK) {
        mark(DIRECTORY(segment, extent_page, extent));
    }
    return status;
}

enum slipring_status sr_segment_reserve_lines(struct sr_segment *segment, uint32_t ring)
{
    return reserve_extent(segment, ring / SR_EXTENT_RINGS);
}

enum slipring_status sr_segment_reserve_ring(struct sr_segment *segment, uint32_t ring)
{
    if (sr_segment_ring_is_reserved(segment, ring)) {
        return SLIPRING_OK;
    }
    enum slipring_status status = reserve_extent(segment, ring / SR_EXTENT_RINGS);
    if (status == SLIPRING_OK) {
        status = reserve_part(segment, sr_segment_ring_words(segment, ring),
                              sr_ring_shapes[sr_ring_class_of(ring)].block_bytes);
    }
    if (status == SLIPRING_OK) {
        mark(DIRECTORY(segment, ring_page, ring));
    }
    return status;
}

bool sr_segment_usage_is_reserved(const struct sr_segment *segment, uint32_t account)
{
    return is_marked(segment, offsetof(struct sr_ring_map, usage_page), account / SR_USAGE_PAGE_EACH);
}

enum slipring_status sr_segment_reserve_usage(struct sr_segment *segment, uint32_t account)
{
    if (sr_segment_usage_is_reserved(segment, account)) {
        return SLIPRING_OK;
    }
    const enum slipring_status status =
        reserve_part(segment, sr_segment_usage(segment, account), sizeof(struct sr_usage_account_shm));
    if (status == SLIPRING_OK) {
        mark(DIRECTORY(segment, usage_page, account / SR_USAGE_PAGE_EACH));
    }
    return status;
}

void sr_segment_withdraw_ring(struct sr_segment *segment, uint32_t ring)
{
    /* release: after RETIRING, for lookers-on; whoever claims the ring next sees it by the release of EMPTY */
    atomic_store_explicit(DIRECTORY(segment, ring_page, ring), 0, memory_order_release);
}

enum slipring_status sr_segment_punch_rings(struct sr_segment *segment, uint32_t first, uint32_t count)
{
    const struct sr_ring_shape *shape = &sr_ring_shapes[sr_ring_class_of(first)];
    return sr_map_punch(&segment->map,
                        shape->pool_off + (uint64_t)(first - shape->first_ring) * shape->block_bytes,
                        count * shape->block_bytes);
}
