/* SPDX-License-Identifier: Apache-2.0 */
/* Making a segment anew while it is used: see move.h. */
#include "protocol/move.h"

#include <string.h>

#include "base/crashpoint.h"
#include "protocol/shared_spill.h"
#include "protocol/usage.h"

struct making {
    struct sr_segment *from;
    struct sr_segment *to;
    const struct sr_move_rules *rules;
    bool is_ours; /* we made it, and did not find it made */
};

static uint64_t key_of(const struct sr_segment *segment, uint32_t id)
{
    /* acquire: pairs with the release of READY; who sees it, sees the entry */
    return atomic_load_explicit(sr_segment_registry_key(segment, id), memory_order_acquire);
}

static bool is_registered(const struct sr_segment *segment, uint32_t id)
{
    return sr_state_of(key_of(segment, id)) == SR_REGISTRY_READY &&
           sr_segment_primitive_is_reserved(segment, id);
}

/* --- (2) ------------------------------------------------------------------------------------------------------------------- */

static enum slipring_status reserve(const struct making *making)
{
    enum slipring_status status = SLIPRING_OK;
    for (uint32_t id = 0; id < SR_PRIMITIVE_MAX && status == SLIPRING_OK; id++) {
        if (is_registered(making->from, id)) {
            status = sr_segment_reserve_primitive(making->to, id);
        }
    }
    for (uint32_t slot = sr_segment_next_slot(making->from, 0); slot < SR_SLOT_MAX && status == SLIPRING_OK;
         slot = sr_segment_next_slot(making->from, slot + 1)) {
        status = sr_segment_reserve_slot(making->to, slot);
    }
    const uint32_t extents = SR_RING_MAX / SR_EXTENT_RINGS;
    for (uint32_t extent = sr_segment_next_extent(making->from, 0); extent < extents && status == SLIPRING_OK;
         extent = sr_segment_next_extent(making->from, extent + 1)) {
        status = sr_segment_reserve_lines(making->to, extent * SR_EXTENT_RINGS);
    }
    return status == SLIPRING_OK ? sr_usage_reserve_all(making->from, making->to) : status;
}

/* --- (3) ------------------------------------------------------------------------------------------------------------------- */

static void copy_header(const struct making *making)
{
    struct sr_ring_header_shm *to = sr_segment_header(making->to);
    const struct sr_ring_header_shm *from = sr_segment_header(making->from);
    sr_segment_write_header(to, from->incarnation);
    const struct sr_control_shm *old = &from->control;
    struct sr_control_shm *new = &to->control;
    /* relaxed, all: published with the header by the release of ready */
#define COPY(field)                                                                                          \
    atomic_store_explicit(&new->field, atomic_load_explicit(&old->field, memory_order_relaxed),              \
                          memory_order_relaxed)
    COPY(coarse_ns);
    COPY(bounds_epoch);
    COPY(agent_life);
    COPY(primitive_limit);
    COPY(ring_cap);
    COPY(reserve_epoch);
    COPY(tick_to_ns);
#undef COPY
    _Atomic uint32_t *hint = (_Atomic uint32_t *)(void *)&to->hint;
    const _Atomic uint32_t *known = (const _Atomic uint32_t *)(const void *)&from->hint;
    for (uint32_t i = 0; i < sizeof to->hint / sizeof *hint; i++) {
        /* relaxed, both: hints */
        atomic_store_explicit(&hint[i], atomic_load_explicit(&known[i], memory_order_relaxed),
                              memory_order_relaxed);
    }
    atomic_store_explicit(&to->hint.usage_lost, 0,
                          memory_order_relaxed); /* relaxed: poured, as accounts are */
}

/* An item that somebody is just appending is not there, and will be appended again. */
static void drop_unfinished(struct sr_registry_entry_shm *entry)
{
    for (uint32_t i = 0; i < SLIPRING_CATEGORY_COUNT; i++) {
        /* relaxed, all: nobody else knows this entry yet */
        if (atomic_load_explicit(&entry->categories[i].state, memory_order_relaxed) != SR_ITEM_READY) {
            entry->categories[i] = (struct sr_category_shm){.state = SR_ITEM_EMPTY};
        }
    }
    /* Objectives move up: a change that was appended in a hole would stand before what it changes. */
    uint32_t kept = 0;
    for (uint32_t i = 0; i < SR_OBJECTIVE_ITEM_MAX; i++) {
        const struct sr_objective_shm item = entry->objectives[i];
        entry->objectives[i] = (struct sr_objective_shm){.state = SR_ITEM_EMPTY};
        /* relaxed: as above */
        if (atomic_load_explicit(&item.state, memory_order_relaxed) == SR_ITEM_READY) {
            entry->objectives[kept++] = item;
        }
    }
}

static void copy_registry(const struct making *making)
{
    for (uint32_t id = 0; id < SR_PRIMITIVE_MAX; id++) {
        if (!is_registered(making->from, id) || !sr_segment_primitive_is_reserved(making->to, id)) {
            continue;
        }
        memcpy(sr_segment_entry(making->to, id), sr_segment_entry(making->from, id),
               sizeof(struct sr_registry_entry_shm));
        drop_unfinished(sr_segment_entry(making->to, id));
        memcpy(sr_segment_bounds(making->to, id), sr_segment_bounds(making->from, id),
               sizeof(struct sr_bounds_shm));
        sr_shared_spill_init(sr_segment_shared_spill(making->to, id));
        /* relaxed: published with the header */
        atomic_store_explicit(sr_segment_registry_key(making->to, id), key_of(making->from, id),
                              memory_order_relaxed);
    }
}

/* Identity and state; the span table is poured. */
static void copy_slots(const struct making *making)
{
    for (uint32_t slot = sr_segment_next_slot(making->from, 0); slot < SR_SLOT_MAX;
         slot = sr_segment_next_slot(making->from, slot + 1)) {
        if (sr_segment_slot_is_reserved(making->to, slot)) {
            sr_slot_carry(making->from, making->to, slot);
        }
    }
}

/* Where a ring begins in the new segment, by what it is in the old one. */
static enum sr_ring_state state_after(uint32_t state)
{
    switch (state) {
    case SR_RING_OWNED:
    case SR_RING_RELEASED:
    case SR_RING_REAPING:
    case SR_RING_AWAY: /* in the one before that */
        return SR_RING_AWAY;
    case SR_RING_QUARANTINED:
        return SR_RING_QUARANTINED;
    default:
        return SR_RING_EMPTY; /* nobody's; or being claimed, which is given up (G2) */
    }
}

static void copy_line(_Atomic uint64_t *to, const _Atomic uint64_t *from)
{
    for (uint32_t i = 0; i < SR_LINE_BYTES / sizeof *to; i++) {
        /* relaxed, both: whoever reads them acquires the ring's state */
        atomic_store_explicit(&to[i], atomic_load_explicit(&from[i], memory_order_relaxed),
                              memory_order_relaxed);
    }
}

/* The block of a ring that begins anew is a hole: its last update is in no cell, and in no sum. */
static void forget_redo(struct sr_producer_line_shm *line)
{
    /* relaxed, both: as in copy_line() */
    atomic_store_explicit(&line->redo_key, 0, memory_order_relaxed);
    atomic_store_explicit(&line->redo_sum, 0, memory_order_relaxed); /* relaxed: as above */
}

static void copy_lines(struct sr_segment *from, struct sr_segment *to, uint32_t ring)
{
    copy_line((_Atomic uint64_t *)sr_segment_producer_line(to, ring),
              (const _Atomic uint64_t *)sr_segment_producer_line(from, ring));
    /* relaxed, both: the agent's own */
    atomic_store_explicit(
        &sr_segment_consumer_line(to, ring)->head,
        atomic_load_explicit(&sr_segment_consumer_line(from, ring)->head, memory_order_relaxed),
        memory_order_relaxed); /* as above */
}

static void copy_ring(const struct making *making, uint32_t ring)
{
    /* acquire: pairs with the release of OWNED: its lines and info are there */
    const uint64_t word =
        atomic_load_explicit(sr_segment_ring_state(making->from, ring), memory_order_acquire);
    const enum sr_ring_state state = state_after(sr_state_of(word));
    if (sr_segment_extent_is_reserved(making->from, ring / SR_EXTENT_RINGS) &&
        sr_segment_extent_is_reserved(making->to, ring / SR_EXTENT_RINGS)) {
        copy_lines(making->from, making->to, ring);
        if (state == SR_RING_EMPTY) {
            forget_redo(sr_segment_producer_line(making->to, ring));
        }
    }
    const uint32_t slot = state == SR_RING_EMPTY ? 0 : sr_state_slot(word);
    /* relaxed: published with the header */
    atomic_store_explicit(sr_segment_ring_state(making->to, ring),
                          sr_state_word(sr_state_generation(word), slot, state), memory_order_relaxed);
}

/* --- making ---------------------------------------------------------------------------------------------------------------- */

/* Called with the making lock held: alone in the new file. */
static enum slipring_status fill(uint8_t *base, void *context)
{
    struct making *making = context;
    memset(base, 0, SR_RING_DENSE_BYTES);
    /* acq_rel: (1), pairs with sr_move_has_begun() */
    (void)atomic_exchange_explicit(&sr_segment_header(making->from)->control.is_moving, 1,
                                   memory_order_acq_rel);
    SR_CRASHPOINT(move_begun);
    enum slipring_status status = making->rules->make_lock(making->rules->context);
    if (status == SLIPRING_OK) {
        status = reserve(making);
    }
    if (status == SLIPRING_OK) {
        copy_header(making);
        copy_registry(making);
        copy_slots(making);
        sr_usage_carry(making->from, making->to);
        for (uint32_t ring = 0; ring < SR_RING_MAX; ring++) {
            copy_ring(making, ring);
        }
        if (!making->rules->forget(making->to, making->rules->context)) {
            status = SLIPRING_NO_SPACE;
        }
    }
    if (status != SLIPRING_OK) {
        /* release: it goes on alone */
        atomic_store_explicit(&sr_segment_header(making->from)->control.is_moving, 0, memory_order_release);
        return status;
    }
    SR_CRASHPOINT(move_forgotten);
    sr_move_pour(making->from, making->to);
    making->is_ours = true;
    SR_CRASHPOINT(move_before_ready);
    sr_segment_set_ready(making->to);
    SR_CRASHPOINT(move_ready);
    return SLIPRING_OK;
}

enum slipring_status sr_move_make(struct sr_segment *to, struct sr_segment *from, const char *store,
                                  const struct sr_move_rules *rules)
{
    struct making making = {.from = from, .to = to, .rules = rules};
    const enum slipring_status status =
        sr_segment_make_with(to, store, rules->mode, rules->group, fill, &making);
    if (status == SLIPRING_OK && !making.is_ours) {
        sr_map_unmap(&to->map);
        return SLIPRING_CONFLICT;
    }
    return status;
}

void sr_move_tell(struct sr_segment *from, uint64_t count)
{
    struct sr_control_shm *control = &sr_segment_header(from)->control;
    /* relaxed, all: hints; spans that begin from here on read the clock, for nobody tends the rate any more */
    atomic_store_explicit(&control->tick_to_ns, 0, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&control->reserve_epoch, 1, memory_order_relaxed); /* as above */
    /* release: pairs with sr_move_has_happened(); the successor is ready */
    atomic_store_explicit(&control->coarse_ns, SR_CLOCK_MOVED + count, memory_order_release);
    /* release: after the sentinel: a ring that only spills, and so never looks at the clock, is sent the slow way by it */
    (void)atomic_fetch_add_explicit(&control->bounds_epoch, 1, memory_order_release);
}

/* --- afterwards ------------------------------------------------------------------------------------------------------------ */

void sr_move_pour(struct sr_segment *from, struct sr_segment *to)
{
    for (uint32_t id = 0; id < SR_PRIMITIVE_MAX; id++) {
        if (is_registered(from, id) && sr_segment_primitive_is_reserved(to, id) &&
            sr_shared_spill_pour(sr_segment_shared_spill(from, id), sr_segment_shared_spill(to, id))) {
            sr_segment_tell(to, SR_NEWS_SHARED, id);
        }
    }
    for (uint32_t slot = sr_segment_next_slot(from, 0); slot < SR_SLOT_MAX;
         slot = sr_segment_next_slot(from, slot + 1)) {
        if (sr_segment_slot_is_reserved(to, slot)) {
            sr_slot_pour(from, to, slot);
        }
    }
    sr_usage_pour(from, to);
}

void sr_move_leave(struct sr_segment *from, struct sr_segment *to, uint32_t ring, uint64_t head,
                   uint64_t begun)
{
    struct sr_producer_line_shm *line = sr_segment_producer_line(to, ring);
    struct sr_segment *there = from ? from : to;
    /* relaxed, all: nobody's; the release below publishes them to the next owner */
    const uint64_t word = atomic_load_explicit(sr_segment_ring_state(there, ring), memory_order_relaxed);
    atomic_store_explicit(&line->tail, head, memory_order_relaxed);   /* as above */
    atomic_store_explicit(&line->begun, begun, memory_order_relaxed); /* as above */
    atomic_store_explicit(&sr_segment_consumer_line(to, ring)->head, head, memory_order_relaxed); /* too */
    forget_redo(line);
    /* release: pairs with the acquire of the next claimer's CAS */
    atomic_store_explicit(sr_segment_ring_state(to, ring),
                          sr_state_word(sr_state_generation(word), 0, SR_RING_EMPTY), memory_order_release);
}
