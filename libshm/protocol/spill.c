/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the spill that are not on the hot path: see spill.h. */
#include "protocol/spill.h"

#include <string.h>

#include "protocol/segment.h"

void sr_spill_open(struct sr_spill *spill, _Atomic uint64_t *block, struct sr_producer_line_shm *line,
                   uint32_t base, uint32_t cells, bool fresh)
{
    memset(spill, 0, sizeof *spill);
    spill->block = block;
    spill->line = line;
    spill->base = base;
    spill->first = SR_SPILL_CELLS - base;
    spill->cells = cells;
    spill->sum = sr_spill_own(block, SR_SPILL_SUM);
    spill->ended = sr_spill_own(block, SR_SPILL_ENDED);
    spill->clamped = sr_spill_own(block, SR_SPILL_CLAMPED);
    spill->lost = sr_spill_own(block, SR_SPILL_BOUND_LOST);
    if (fresh) {
        /* The last owner's redo record must not speak for this one: its MIN and MAX are no longer true. */
        sr_spill_note(&line->redo_value, 0);
        sr_spill_store_rest(block, SR_SPILL_MIN, UINT64_MAX);
        sr_spill_store_rest(block, SR_SPILL_MAX, 0);
    }
    spill->min = sr_spill_own(block, SR_SPILL_MIN);
    spill->max = sr_spill_own(block, SR_SPILL_MAX);
}

/* --- bounds ------------------------------------------------------------------------------------------------------------ */

static void insert_bound(struct sr_spill_bounds *bounds, uint64_t ns)
{
    uint32_t at = 0;
    while (at < bounds->count && bounds->ns[at] < ns) {
        at++;
    }
    if (ns == 0 || ns > SR_DURATION_MAX_NS || bounds->count == SLIPRING_BOUND_COUNT ||
        (at < bounds->count && bounds->ns[at] == ns)) {
        return;
    }
    memmove(&bounds->ns[at + 1], &bounds->ns[at], (bounds->count - at) * sizeof bounds->ns[0]);
    bounds->ns[at] = ns;
    bounds->count++;
}

static void add_defaults(struct sr_spill_bounds *bounds)
{
    for (uint32_t i = 0; i < SR_BOUND_DEFAULT_COUNT; i++) {
        insert_bound(bounds, sr_bound_defaults[i]);
    }
}

/* The primitive's own thresholds, announced or not: an objective given right after the primitive was registered is
 * counted exactly from the first record, not from when the agent has read of it. */
static void add_thresholds(struct sr_spill_bounds *bounds, const struct sr_segment *segment,
                           uint32_t primitive)
{
    const struct sr_registry_entry_shm *entry = sr_segment_entry(segment, primitive);
    for (uint32_t i = 0; i < SLIPRING_OBJECTIVE_COUNT; i++) {
        const struct sr_objective_shm *objective = &entry->objectives[i];
        /* acquire: pairs with publish_item() of registry.c */
        if (atomic_load_explicit(&objective->state, memory_order_acquire) == SR_ITEM_READY &&
            objective->kind == SLIPRING_LATENCY) {
            insert_bound(bounds, objective->threshold_ns);
        }
    }
}

/* One try: the agent may be writing. */
static bool read_announced(struct sr_spill_bounds *bounds, const struct sr_bounds_shm *shm)
{
    /* acquire: pairs with the announcer's release of the even version; else the bounds read are older than it */
    uint64_t version = atomic_load_explicit(&shm->version, memory_order_acquire);
    if (version == 0 || (version & 1)) {
        return false;
    }
    /* acquire: keeps each of these loads before the second look at the version */
    uint64_t count = atomic_load_explicit(&shm->count, memory_order_acquire);
    for (uint32_t i = 0; i < count && i < SLIPRING_BOUND_COUNT; i++) {
        /* acquire: as above */
        insert_bound(bounds, atomic_load_explicit(&shm->bound_ns[i], memory_order_acquire));
    }
    /* relaxed: ordered after the acquire loads above */
    return atomic_load_explicit(&shm->version, memory_order_relaxed) == version;
}

void sr_spill_read_bounds(struct sr_spill_bounds *bounds, const struct sr_segment *segment,
                          uint32_t primitive, uint64_t epoch)
{
    struct sr_spill_bounds fresh = {.epoch = epoch, .present = 1};
    const struct sr_bounds_shm *shm = sr_segment_bounds(segment, primitive);
    /* relaxed: only tells whether there is an announcement */
    if (atomic_load_explicit(&shm->version, memory_order_relaxed) == 0) {
        add_defaults(&fresh);
    } else if (!read_announced(&fresh, shm)) {
        /* Being written just now: keep the old ones and look again at the next update. */
        if (bounds->present) {
            return;
        }
        memset(&fresh, 0, sizeof fresh);
        fresh.epoch = ~epoch;
        fresh.present = 1;
        add_defaults(&fresh);
    }
    add_thresholds(&fresh, segment, primitive);
    *bounds = fresh;
}

void sr_spill_map_plain(struct sr_spill *spill)
{
    memset(spill->plain, 0, sizeof spill->plain);
    for (uint32_t bucket = spill->base; bucket < SR_BUCKET_COUNT && bucket - spill->base < spill->cells;
         bucket++) {
        spill->plain[bucket / 64] |= UINT64_C(1) << (bucket % 64);
    }
    for (uint32_t i = 0; i < spill->bounds.count; i++) {
        const uint32_t bucket = sr_bucket_index(spill->bounds.ns[i]);
        spill->plain[bucket / 64] &= ~(UINT64_C(1) << (bucket % 64));
    }
    spill->plain_epoch = spill->bounds.epoch;
}

uint32_t sr_spill_bound_entry(struct sr_spill *spill, int slot)
{
    uint8_t *known = &spill->bounds.entry[slot];
    if (*known) {
        return *known - 1u;
    }
    const uint64_t ns = spill->bounds.ns[slot];
    for (uint32_t i = 0; i < SR_SPILL_BOUND_MAX; i++) {
        const uint32_t word = SR_SPILL_BOUNDS + 2 * i;
        uint64_t there = sr_spill_own(spill->block, word);
        if (there == 0) {
            sr_spill_store_rest(spill->block, word, ns);
            there = ns;
        }
        if (there == ns) {
            *known = (uint8_t)(i + 1);
            return i;
        }
    }
    return SR_SPILL_BOUND_MAX;
}

/* --- settling a dead owner ---------------------------------------------------------------------------------------------- */

static uint64_t noted(const _Atomic uint64_t *redo_field)
{
    /* acquire: the owner is dead and its lock was seen dropped; acquire keeps the loads in written order */
    return atomic_load_explicit(redo_field, memory_order_acquire);
}

static void apply(_Atomic uint64_t *block, uint32_t word, uint64_t value)
{
    /* release: the fold that follows, here or after a restart, reads it with acquire */
    atomic_store_explicit(&block[word], value, memory_order_release);
}

bool sr_spill_settle(const struct sr_producer_line_shm *line, _Atomic uint64_t *block, uint32_t spill_words)
{
    const uint64_t word = noted(&line->redo_word);
    const uint64_t value = noted(&line->redo_value);
    const bool is_commit_word = word == SR_SPILL_AMOUNTS || word == SR_SPILL_CANCELS ||
                                (word >= SR_SPILL_CELLS && word < spill_words);
    if (value == 0 || !is_commit_word || noted(&block[word]) != value) {
        return false;
    }
    const uint64_t what = noted(&line->redo_what);
    const uint32_t category = (uint32_t)((what & SR_SAMPLE_CATEGORY_MASK) >> SR_SAMPLE_CATEGORY_SHIFT);
    if (what & SR_REDO_COST) {
        apply(block, SR_SPILL_COST + category, noted(&line->redo_cost));
        apply(block, SR_SPILL_SAVINGS + category, noted(&line->redo_savings));
    }
    if (what & SR_REDO_BOUND) {
        const uint32_t entry = (uint32_t)(what >> SR_REDO_BOUND_SHIFT & 0xff);
        if (entry < SR_SPILL_BOUND_MAX) {
            apply(block, SR_SPILL_BOUNDS + 2 * entry + 1, noted(&line->redo_bound));
        }
    }
    if (what & SR_REDO_LOST) {
        apply(block, SR_SPILL_BOUND_LOST, noted(&line->redo_lost));
    }
    if (what & SR_REDO_MINMAX) {
        apply(block, SR_SPILL_MIN, noted(&line->redo_min));
        apply(block, SR_SPILL_MAX, noted(&line->redo_max));
    }
    if (what & (SR_SAMPLE_ENDED | SR_SAMPLE_CLAMPED)) {
        apply(block, SR_SPILL_ENDED, noted(&line->redo_ended));
        apply(block, SR_SPILL_CLAMPED, noted(&line->redo_clamped));
    }
    apply(block, SR_SPILL_SUM, noted(&line->redo_sum));
    return true;
}
