/* SPDX-License-Identifier: Apache-2.0 */
/* Atomic updates of a primitive's shared spill block: see shared_spill.h. */
#include "protocol/shared_spill.h"

#include "pure/bucket.h"

static void add_first(_Atomic uint64_t *block, uint32_t word, uint64_t value)
{
    /* relaxed: the cell; whatever is read of this update later is ordered by add_rest() */
    (void)atomic_fetch_add_explicit(&block[word], value, memory_order_relaxed);
}

static void add_rest(_Atomic uint64_t *block, uint32_t word, uint64_t value)
{
    /* release: after the cell, pairs with the agent's acquire (G3); else a cost is seen without its sample */
    (void)atomic_fetch_add_explicit(&block[word], value, memory_order_release);
}

static void lower(_Atomic uint64_t *word, uint64_t value)
{
    /* relaxed: folded by value, in no order with anything */
    uint64_t seen = atomic_load_explicit(word, memory_order_relaxed);
    while (value < seen &&
           /* relaxed: as above */
           !atomic_compare_exchange_weak_explicit(word, &seen, value, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
}

static void raise(_Atomic uint64_t *word, uint64_t value)
{
    /* relaxed: as in lower() */
    uint64_t seen = atomic_load_explicit(word, memory_order_relaxed);
    while (value > seen &&
           /* relaxed: as above */
           !atomic_compare_exchange_weak_explicit(word, &seen, value, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
}

/* The word that counts for bound `ns`; appends it. SR_SPILL_BOUND_LOST when the table is full. */
static uint32_t bound_word(_Atomic uint64_t *block, uint64_t ns)
{
    for (uint32_t i = 0; i < SR_SPILL_BOUND_MAX; i++) {
        _Atomic uint64_t *at = &block[SR_SPILL_BOUNDS + 2 * i];
        uint64_t there = 0;
        /* relaxed: entries are never changed again, and folded by value */
        if (atomic_compare_exchange_strong_explicit(at, &there, ns, memory_order_relaxed,
                                                    memory_order_relaxed) ||
            there == ns) {
            return SR_SPILL_BOUNDS + 2 * i + 1;
        }
    }
    return SR_SPILL_BOUND_LOST;
}

static void book_bound(const struct sr_segment *segment, uint32_t primitive, _Atomic uint64_t *block,
                       uint64_t duration_ns)
{
    struct sr_spill_bounds bounds = {.count = 0};
    sr_spill_read_bounds(&bounds, segment, primitive, 0);
    int slot = sr_bound_slot(bounds.ns, bounds.count, duration_ns);
    if (slot >= 0) {
        add_rest(block, bound_word(block, bounds.ns[slot]), 1);
    }
}

static uint32_t commit_word(const struct sr_spill_sample *sample)
{
    switch (sample->meta & SR_SAMPLE_KIND_MASK) {
    case SR_KIND_AMOUNT:
        return SR_SPILL_AMOUNTS;
    case SR_KIND_CANCEL:
        return SR_SPILL_CANCELS;
    default: {
        const uint32_t cells =
            sample->meta & SR_SAMPLE_FAILURE ? SR_SPILL_CELLS + SR_BUCKET_COUNT : SR_SPILL_CELLS;
        return cells + sr_bucket_index(sample->duration_ns);
    }
    }
}

void sr_shared_spill_init(_Atomic uint64_t *block)
{
    /* relaxed: published with the registry key's release */
    atomic_store_explicit(&block[SR_SPILL_MIN], UINT64_MAX, memory_order_relaxed);
    atomic_store_explicit(&block[SR_SPILL_MAX], 0, memory_order_relaxed); /* relaxed: as above */
}

void sr_shared_spill_book(const struct sr_segment *segment, uint32_t primitive,
                          const struct sr_spill_sample *sample)
{
    _Atomic uint64_t *block = sr_segment_shared_spill(segment, primitive);
    const uint32_t category =
        (uint32_t)((sample->meta & SR_SAMPLE_CATEGORY_MASK) >> SR_SAMPLE_CATEGORY_SHIFT);

    add_first(block, SR_SPILL_ENTER, 1);
    SR_CRASHPOINT(shared_after_enter);
    add_first(block, commit_word(sample), 1);
    SR_CRASHPOINT(shared_after_cell);
    if ((sample->meta & SR_SAMPLE_KIND_MASK) == SR_KIND_EXECUTION) {
        book_bound(segment, primitive, block, sample->duration_ns);
        lower(&block[SR_SPILL_MIN], sample->duration_ns);
        raise(&block[SR_SPILL_MAX], sample->duration_ns);
        add_rest(block, SR_SPILL_SUM, sample->duration_ns);
    }
    if (sample->cost) {
        add_rest(block, SR_SPILL_COST + category, sample->cost);
    }
    if (sample->savings) {
        add_rest(block, SR_SPILL_SAVINGS + category, sample->savings);
    }
    if (sample->meta & SR_SAMPLE_CLAMPED) {
        add_rest(block, SR_SPILL_CLAMPED, 1);
    }
    SR_CRASHPOINT(shared_before_exit);
    /* seq_cst: release as in add_rest(), and before the look at the news: see sr_segment_tell() */
    (void)atomic_fetch_add_explicit(&block[SR_SPILL_EXIT], 1, memory_order_seq_cst);
    SR_CRASHPOINT(shared_before_news);
    sr_segment_tell(segment, SR_NEWS_SHARED, primitive);
}

/* --- pouring ---------------------------------------------------------------------------------------------------------------- */

/* What stands in the word, which then is `empty`. */
static uint64_t take(_Atomic uint64_t *word, uint64_t empty)
{
    /* relaxed: a look, mostly at nothing */
    if (atomic_load_explicit(word, memory_order_relaxed) == empty) {
        return empty;
    }
    /* acq_rel: after what was taken before it (EXIT), and with the update whose release wrote it */
    return atomic_exchange_explicit(word, empty, memory_order_acq_rel);
}

static void pour_word(_Atomic uint64_t *from, _Atomic uint64_t *to, uint32_t word)
{
    const uint64_t value = take(&from[word], 0);
    if (value != 0) {
        add_rest(to, word, value);
    }
}

bool sr_shared_spill_pour(_Atomic uint64_t *from, _Atomic uint64_t *to)
{
    /* acquire: pairs with the update's EXIT */
    if (atomic_load_explicit(&from[SR_SPILL_ENTER], memory_order_acquire) == 0 &&
        atomic_load_explicit(&from[SR_SPILL_EXIT], memory_order_acquire) == 0) { /* as above */
        return false;
    }
    const uint64_t finished = take(&from[SR_SPILL_EXIT], 0);
    for (uint32_t word = SR_SPILL_CELLS; word < SR_SPILL_CELLS + 2 * SR_BUCKET_COUNT; word++) {
        pour_word(from, to, word);
    }
    for (uint32_t i = 0; i < SR_SPILL_BOUND_MAX; i++) {
        /* relaxed: an entry never changes its bound */
        const uint64_t ns = atomic_load_explicit(&from[SR_SPILL_BOUNDS + 2 * i], memory_order_relaxed);
        const uint64_t count = take(&from[SR_SPILL_BOUNDS + 2 * i + 1], 0);
        if (count != 0) {
            add_rest(to, bound_word(to, ns), count);
        }
    }
    for (uint32_t word = SR_SPILL_SUM; word <= SR_SPILL_BOUND_LOST; word++) {
        pour_word(from, to, word);
    }
    for (uint32_t word = SR_SPILL_COST; word < SR_SPILL_BOUNDS; word++) {
        pour_word(from, to, word);
    }
    lower(&to[SR_SPILL_MIN], take(&from[SR_SPILL_MIN], UINT64_MAX));
    raise(&to[SR_SPILL_MAX], take(&from[SR_SPILL_MAX], 0));
    pour_word(from, to, SR_SPILL_ENTER);
    if (finished != 0) {
        add_rest(to, SR_SPILL_EXIT, finished);
    }
    return true;
}
