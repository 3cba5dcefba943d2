/* SPDX-License-Identifier: Apache-2.0 */
/* The ring segment as a mapped thing: making it, checking it, and the address of everything in it.
 *
 * G1  A segment is believed only after its header was checked in stages (foreign, other version, wrong size).
 *     Offsets are compile-time constants, never read from the segment: the region table is for people and other tools.
 * G2  An id is range-checked by the caller; an address of a page that the directories do not call reserved is
 *     not touched. The *_is_reserved askers pair with the release store of whoever reserved.
 * G3  Reserving is idempotent and shared by both sides: fallocate first, the directory byte second, with release.
 *     A kill in between leaves pages that the next one reserves again at no cost.
 * G4  Giving back is the agent's alone and goes the other way round: directory byte first, hole second; and only for a ring that is
 *     RETIRING, which nobody claims. Lines are never given back: tail, begun and head go on. */
#ifndef SR_PROTOCOL_SEGMENT_H
#define SR_PROTOCOL_SEGMENT_H

#include <stdbool.h>

#include "protocol/layout.h"
#include "system/map.h"

struct sr_segment {
    struct sr_map map;
};

/* Attach to the store's ring segment, making it when absent. */
SR_MUST_CHECK enum slipring_status sr_segment_make(struct sr_segment *segment, const char *store, mode_t mode,
                                                   gid_t group);
/* The same with another filling of a new file, which ends with sr_segment_set_ready() (map.h). */
SR_MUST_CHECK enum slipring_status sr_segment_make_with(struct sr_segment *segment, const char *store,
                                                        mode_t mode, gid_t group,
                                                        enum slipring_status (*fill)(uint8_t *, void *),
                                                        void *context);
/* For a filling, on zeroed pages: everything of the header but the control line, and that it is whole. */
void sr_segment_write_header(struct sr_ring_header_shm *header, uint64_t incarnation);
void sr_segment_set_ready(struct sr_segment *segment);
/* Attach only. */
SR_MUST_CHECK enum slipring_status sr_segment_attach(struct sr_segment *segment, const char *store,
                                                     bool writable);
/* The same for a file that is given by its path (segment->map.path is set): a copied segment. */
SR_MUST_CHECK enum slipring_status sr_segment_attach_path(struct sr_segment *segment, bool writable);

/* --- addresses ------------------------------------------------------------------------------------------------------ */

#define SR_AT(segment, region) ((void *)((segment)->map.base + offsetof(struct sr_ring_map, region)))

SR_INLINE struct sr_ring_header_shm *sr_segment_header(const struct sr_segment *segment)
{
    return SR_AT(segment, header);
}

SR_INLINE _Atomic uint64_t *sr_segment_registry_key(const struct sr_segment *segment, uint32_t primitive)
{
    return (_Atomic uint64_t *)SR_AT(segment, registry_key) + primitive;
}

SR_INLINE struct sr_registry_entry_shm *sr_segment_entry(const struct sr_segment *segment, uint32_t primitive)
{
    return (struct sr_registry_entry_shm *)SR_AT(segment, registry_entry) + primitive;
}

SR_INLINE struct sr_bounds_shm *sr_segment_bounds(const struct sr_segment *segment, uint32_t primitive)
{
    return (struct sr_bounds_shm *)SR_AT(segment, bounds) + primitive;
}

SR_INLINE struct sr_slot_shm *sr_segment_slot(const struct sr_segment *segment, uint32_t slot)
{
    return (struct sr_slot_shm *)SR_AT(segment, slot) + slot;
}

SR_INLINE _Atomic uint64_t *sr_segment_ring_state(const struct sr_segment *segment, uint32_t ring)
{
    return (_Atomic uint64_t *)SR_AT(segment, ring_state) + ring;
}

SR_INLINE struct sr_ring_info_shm *sr_segment_ring_info(const struct sr_segment *segment, uint32_t ring)
{
    return (struct sr_ring_info_shm *)SR_AT(segment, ring_info) + ring;
}

SR_INLINE struct sr_producer_line_shm *sr_segment_producer_line(const struct sr_segment *segment,
                                                                uint32_t ring)
{
    return (struct sr_producer_line_shm *)SR_AT(segment, producer_line) + ring;
}

SR_INLINE struct sr_consumer_line_shm *sr_segment_consumer_line(const struct sr_segment *segment,
                                                                uint32_t ring)
{
    return (struct sr_consumer_line_shm *)SR_AT(segment, consumer_line) + ring;
}

SR_INLINE _Atomic uint64_t *sr_segment_shared_spill(const struct sr_segment *segment, uint32_t primitive)
{
    return (_Atomic uint64_t *)SR_AT(segment, shared_spill) + (uint64_t)primitive * SR_SPILL_WORDS_FULL;
}

SR_INLINE _Atomic uint64_t *sr_segment_usage_key(const struct sr_segment *segment, uint32_t account)
{
    return (_Atomic uint64_t *)SR_AT(segment, usage_key) + account;
}

SR_INLINE struct sr_usage_account_shm *sr_segment_usage(const struct sr_segment *segment, uint32_t account)
{
    return (struct sr_usage_account_shm *)SR_AT(segment, usage_account) + account;
}

SR_INLINE _Atomic uint64_t *sr_segment_news(const struct sr_segment *segment, enum sr_news kind,
                                            uint32_t primitive)
{
    return &((struct sr_news_shm *)SR_AT(segment, news))->bits[kind][primitive / 64];
}

/* Tell the agent where to look, after the change, whose last store was seq_cst. Stores only when it was not told yet. */
SR_INLINE void sr_segment_tell(const struct sr_segment *segment, enum sr_news kind, uint32_t primitive)
{
    _Atomic uint64_t *bits = sr_segment_news(segment, kind, primitive);
    const uint64_t bit = UINT64_C(1) << (primitive % 64);
    /* seq_cst, both: pairs with the exchange in peer/catalog.c. If we find the bit set although the agent is about to look, its
     * look comes after our change; else a change would wait for the look at everything */
    if (!(atomic_load_explicit(bits, memory_order_seq_cst) & bit)) {
        (void)atomic_fetch_or_explicit(bits, bit, memory_order_seq_cst);
    }
}

/* --- ring geometry -------------------------------------------------------------------------------------------------- */

struct sr_ring_shape {
    uint32_t first_ring;  /* of the class */
    uint32_t rings;       /* in the class */
    uint32_t words;       /* for samples; a power of two, or 0: direct */
    uint32_t cells;       /* spill cells a status */
    uint32_t spill_words; /* of the block */
    uint32_t reserved;
    uint64_t pool_off;
    uint64_t block_bytes;
};

extern const struct sr_ring_shape sr_ring_shapes[SR_CLASS_COUNT] __attribute__((visibility("hidden")));

/* ring < SR_RING_MAX */
SR_INLINE uint32_t sr_ring_class_of(uint32_t ring)
{
    uint32_t class = 0;
    while (ring - sr_ring_shapes[class].first_ring >= sr_ring_shapes[class].rings) {
        class ++;
    }
    return class;
}

/* Where a ring's samples lie (sample.h): shape->words words. */
SR_INLINE uint64_t *sr_segment_ring_words(const struct sr_segment *segment, uint32_t ring)
{
    const struct sr_ring_shape *shape = &sr_ring_shapes[sr_ring_class_of(ring)];
    return (uint64_t *)(void *)(segment->map.base + shape->pool_off +
                                (uint64_t)(ring - shape->first_ring) * shape->block_bytes);
}

/* The spill block of a ring: shape->spill_words words behind those. */
SR_INLINE _Atomic uint64_t *sr_segment_spill(const struct sr_segment *segment, uint32_t ring)
{
    const struct sr_ring_shape *shape = &sr_ring_shapes[sr_ring_class_of(ring)];
    return (_Atomic uint64_t *)(void *)(sr_segment_ring_words(segment, ring) + shape->words);
}

/* --- reservation ---------------------------------------------------------------------------------------------------- */

bool sr_segment_primitive_is_reserved(const struct sr_segment *segment, uint32_t primitive);
bool sr_segment_slot_is_reserved(const struct sr_segment *segment, uint32_t slot);
bool sr_segment_extent_is_reserved(const struct sr_segment *segment, uint32_t extent); /* lines of 32 rings */
/* The first slot, the first extent from `from` on whose pages are reserved; SR_SLOT_MAX, SR_RING_MAX / SR_EXTENT_RINGS: none. */
uint32_t sr_segment_next_slot(const struct sr_segment *segment, uint32_t from);
uint32_t sr_segment_next_extent(const struct sr_segment *segment, uint32_t from);
bool sr_segment_ring_is_reserved(const struct sr_segment *segment, uint32_t ring); /* lines and block */

bool sr_segment_usage_is_reserved(const struct sr_segment *segment, uint32_t account);

/* OK, or a status of sr_map_reserve(): nothing may be touched then. Signal safe. */
SR_MUST_CHECK enum slipring_status sr_segment_reserve_primitive(struct sr_segment *segment,
                                                                uint32_t primitive);
SR_MUST_CHECK enum slipring_status sr_segment_reserve_slot(struct sr_segment *segment, uint32_t slot);
SR_MUST_CHECK enum slipring_status sr_segment_reserve_lines(struct sr_segment *segment, uint32_t ring);
SR_MUST_CHECK enum slipring_status sr_segment_reserve_ring(struct sr_segment *segment, uint32_t ring);
SR_MUST_CHECK enum slipring_status sr_segment_reserve_usage(struct sr_segment *segment, uint32_t account);

/* G4: the ring's block is called reserved no longer; the blocks of `count` neighbours of a class become holes. */
void sr_segment_withdraw_ring(struct sr_segment *segment, uint32_t ring);
SR_MUST_CHECK enum slipring_status sr_segment_punch_rings(struct sr_segment *segment, uint32_t first,
                                                          uint32_t count);

#endif
