/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the spill that are not on the hot path: see spill.h. */
#include "protocol/spill.h"

#include <string.h>

#include "protocol/registry.h"
#include "protocol/segment.h"

_Static_assert(
    offsetof(struct sr_producer_line_shm, tail) == offsetof(struct slipring_inline_line, tail) &&
        offsetof(struct sr_producer_line_shm, begun) == offsetof(struct slipring_inline_line, begun) &&
        offsetof(struct sr_producer_line_shm, redo_key) == offsetof(struct slipring_inline_line, redo_key) &&
        offsetof(struct sr_producer_line_shm, redo_sum) == offsetof(struct slipring_inline_line, redo_sum) &&
        offsetof(struct sr_producer_line_shm, redo_cost) ==
            offsetof(struct slipring_inline_line, redo_cost) &&
        offsetof(struct sr_producer_line_shm, redo_savings) ==
            offsetof(struct slipring_inline_line, redo_savings),
    "one line, two layers");
_Static_assert((int)SR_SPILL_COST == SLIPRING_INLINE_SPILL_COST &&
                   (int)SR_SPILL_SAVINGS == SLIPRING_INLINE_SPILL_SAVINGS,
               "one block, two layers");
_Static_assert(SR_REDO_TURN == SLIPRING_INLINE_REDO_TURN && SR_REDO_COST == SLIPRING_INLINE_REDO_COST &&
                   SR_REDO_WORD_SHIFT == SLIPRING_INLINE_REDO_WORD_SHIFT &&
                   SR_REDO_CATEGORY_SHIFT == SLIPRING_INLINE_REDO_CATEGORY_SHIFT &&
                   SR_REDO_VALUE_SHIFT == SLIPRING_INLINE_REDO_VALUE_SHIFT,
               "one key, two layers");

/* --- owners -------------------------------------------------------------------------------------------------------------- */

/* Private word of the block: only we write it, so a plain look suffices. */
static uint64_t own(const _Atomic uint64_t *word)
{
    /* relaxed: our own last store */
    return atomic_load_explicit(word, memory_order_relaxed);
}

static void put(_Atomic uint64_t *word, uint64_t value)
{
    /* release: after the cell, pairs with the agent's acquire (G2) */
    atomic_store_explicit(word, value, memory_order_release);
}

/* Ours as the inline code has it: words of its own, which it changes by atomic operations alone. */
static uint64_t *plainly(_Atomic uint64_t *word)
{
    return (uint64_t *)(void *)word;
}

void sr_spill_forget(struct sr_producer_line_shm *line)
{
    put(&line->redo_key, own(&line->redo_sum) & SR_REDO_TURN);
}

void sr_spill_open(struct sr_spill *spill, _Atomic uint64_t *block, struct sr_producer_line_shm *line,
                   uint32_t base, uint32_t cells, bool fresh)
{
    memset(spill, 0, sizeof *spill);
    if (fresh) {
        /* The last owner's redo record must not speak for this one: its MIN and MAX are no longer true. */
        sr_spill_forget(line);
        put(&block[SR_SPILL_MIN], UINT64_MAX);
        put(&block[SR_SPILL_MAX], 0);
    }
    spill->hot.block = plainly(block);
    spill->hot.line = (struct slipring_inline_line *)(void *)line;
    spill->hot.full_head = UINT64_MAX;
    spill->hot.min_ns = own(&block[SR_SPILL_MIN]);
    spill->hot.span_ns = spill->hot.min_ns == UINT64_MAX ? 0 : own(&block[SR_SPILL_MAX]) - spill->hot.min_ns;
    spill->hot.first[0] = SR_SPILL_CELLS - base;
    spill->hot.first[1] = SR_SPILL_CELLS + cells - base;
    spill->cells = cells;
    spill->base = base;
    spill->ended = own(&block[SR_SPILL_ENDED]);
    spill->clamped = own(&block[SR_SPILL_CLAMPED]);
    spill->lost = own(&block[SR_SPILL_BOUND_LOST]);
}

/* --- booking ------------------------------------------------------------------------------------------------------------- */

/* What an update changes beside its cell and the sum, under construction. */
struct changes {
    uint64_t flags;
    uint32_t count;
    struct slipring_inline_rest rest[8];
};

static void change(struct changes *changes, _Atomic uint64_t *noted, _Atomic uint64_t *word, uint64_t value)
{
    changes->rest[changes->count++] =
        (struct slipring_inline_rest){.noted = plainly(noted), .word = plainly(word), .value = value};
}

static void change_amounts(struct changes *changes, struct sr_producer_line_shm *line,
                           _Atomic uint64_t *block, const struct sr_spill_sample *sample)
{
    const uint32_t category = sr_sample_category(sample->meta);
    changes->flags |= SR_REDO_COST | (uint64_t)category << SR_REDO_CATEGORY_SHIFT;
    change(changes, &line->redo_cost, &block[SR_SPILL_COST + category],
           own(&block[SR_SPILL_COST + category]) + sample->cost);
    change(changes, &line->redo_savings, &block[SR_SPILL_SAVINGS + category],
           own(&block[SR_SPILL_SAVINGS + category]) + sample->savings);
}

static void change_bound(struct changes *changes, struct sr_spill *spill, struct sr_producer_line_shm *line,
                         _Atomic uint64_t *block, uint32_t bound)
{
    if (bound < SR_SPILL_BOUND_MAX) {
        _Atomic uint64_t *word = &block[SR_SPILL_BOUNDS + 2 * bound + 1];
        changes->flags |= SR_REDO_BOUND | (uint64_t)bound << SR_REDO_ENTRY_SHIFT;
        change(changes, &line->redo_bound, word, own(word) + 1);
    } else {
        changes->flags |= SR_REDO_LOST;
        change(changes, &line->redo_lost, &block[SR_SPILL_BOUND_LOST], ++spill->lost);
    }
}

static void change_extremes(struct changes *changes, struct sr_spill *spill,
                            struct sr_producer_line_shm *line, _Atomic uint64_t *block, uint64_t duration_ns)
{
    const bool is_first = spill->hot.min_ns == UINT64_MAX;
    const uint64_t min = is_first ? duration_ns : spill->hot.min_ns;
    const uint64_t max = min + spill->hot.span_ns;
    spill->hot.min_ns = duration_ns < min ? duration_ns : min;
    spill->hot.span_ns = (duration_ns > max ? duration_ns : max) - spill->hot.min_ns;
    changes->flags |= SR_REDO_MINMAX;
    change(changes, &line->redo_min, &block[SR_SPILL_MIN], spill->hot.min_ns);
    change(changes, &line->redo_max, &block[SR_SPILL_MAX], spill->hot.min_ns + spill->hot.span_ns);
}

void sr_spill_book(struct sr_spill *spill, uint32_t word, const struct sr_spill_sample *sample, int bound)
{
    struct sr_producer_line_shm *line = (struct sr_producer_line_shm *)(void *)spill->hot.line;
    _Atomic uint64_t *block = (_Atomic uint64_t *)(void *)spill->hot.block;
    struct changes changes = {.count = 0};
    if (sample->meta & (SR_SAMPLE_ENDED | SR_SAMPLE_CLAMPED)) {
        spill->ended += (sample->meta & SR_SAMPLE_ENDED) != 0;
        spill->clamped += (sample->meta & SR_SAMPLE_CLAMPED) != 0;
        changes.flags |= SR_REDO_COUNTED;
        change(&changes, &line->redo_ended, &block[SR_SPILL_ENDED], spill->ended);
        change(&changes, &line->redo_clamped, &block[SR_SPILL_CLAMPED], spill->clamped);
    }
    if ((sample->cost | sample->savings) != 0) {
        change_amounts(&changes, line, block, sample);
    }
    if (bound >= 0) {
        change_bound(&changes, spill, line, block, (uint32_t)bound);
    }
    if ((sample->meta & SR_SAMPLE_KIND_MASK) == SR_KIND_EXECUTION &&
        sample->duration_ns - spill->hot.min_ns > spill->hot.span_ns) {
        change_extremes(&changes, spill, line, block, sample->duration_ns);
    }
    slipring_inline_update(spill->hot.block, spill->hot.line, word, changes.flags, sample->duration_ns,
                           changes.rest, changes.count);
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
    for (uint32_t i = 0; i < SR_OBJECTIVE_ITEM_MAX; i++) {
        const struct sr_objective_shm *objective = &entry->objectives[i];
        if (sr_registry_objective_counts(entry, i) && objective->kind == SLIPRING_LATENCY) {
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
    uint64_t *plain = spill->hot.plain;
    memset(plain, 0, sizeof spill->hot.plain);
    for (uint32_t bucket = spill->base; bucket < SR_BUCKET_COUNT && bucket - spill->base < spill->cells;
         bucket++) {
        plain[bucket / 64] |= UINT64_C(1) << (bucket % 64);
    }
    for (uint32_t i = 0; i < spill->bounds.count; i++) {
        const uint32_t bucket = sr_bucket_index(spill->bounds.ns[i]);
        plain[bucket / 64] &= ~(UINT64_C(1) << (bucket % 64));
    }
    spill->hot.plain_epoch = spill->bounds.epoch;
}

uint32_t sr_spill_bound_entry(struct sr_spill *spill, int slot)
{
    uint8_t *known = &spill->bounds.entry[slot];
    if (*known) {
        return *known - 1u;
    }
    const uint64_t ns = spill->bounds.ns[slot];
    _Atomic uint64_t *table = (_Atomic uint64_t *)(void *)&spill->hot.block[SR_SPILL_BOUNDS];
    for (uint32_t i = 0; i < SR_SPILL_BOUND_MAX; i++) {
        uint64_t there = own(&table[2 * i]);
        if (there == 0) {
            put(&table[2 * i], ns);
            there = ns;
        }
        if (there == ns) {
            *known = (uint8_t)(i + 1);
            return i;
        }
    }
    return SR_SPILL_BOUND_MAX;
}

/* --- readers ------------------------------------------------------------------------------------------------------------- */

#define READ_TRIES 64

static uint64_t look(const _Atomic uint64_t *word)
{
    /* acquire: pairs with the owner's release of the key: whoever sees it sees the update before it whole; keeps each look
     * before the next. Of a dead owner: its lock was seen dropped */
    return atomic_load_explicit(word, memory_order_acquire);
}

void sr_spill_rest_of(const struct sr_producer_line_shm *line, uint64_t key, struct sr_spill_rest *out_rest)
{
    const uint32_t category = (uint32_t)(key >> SR_REDO_CATEGORY_SHIFT & SR_REDO_CATEGORY_MASK);
    const uint32_t entry = (uint32_t)(key >> SR_REDO_ENTRY_SHIFT & SR_REDO_ENTRY_MASK);
    const struct {
        uint64_t flag;
        uint32_t word;
        const _Atomic uint64_t *noted;
    } all[] = {
        {SR_REDO_COST, SR_SPILL_COST + category, &line->redo_cost},
        {SR_REDO_COST, SR_SPILL_SAVINGS + category, &line->redo_savings},
        {SR_REDO_BOUND, SR_SPILL_BOUNDS + 2 * entry + 1, &line->redo_bound},
        {SR_REDO_LOST, SR_SPILL_BOUND_LOST, &line->redo_lost},
        {SR_REDO_MINMAX, SR_SPILL_MIN, &line->redo_min},
        {SR_REDO_MINMAX, SR_SPILL_MAX, &line->redo_max},
        {SR_REDO_COUNTED, SR_SPILL_ENDED, &line->redo_ended},
        {SR_REDO_COUNTED, SR_SPILL_CLAMPED, &line->redo_clamped},
    };
    _Static_assert(SR_ARRAY_COUNT(all) == SR_ARRAY_COUNT(out_rest->item), "room for all");
    out_rest->count = 0;
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(all); i++) {
        if (key & all[i].flag) {
            out_rest->item[out_rest->count].word = all[i].word;
            out_rest->item[out_rest->count++].noted = all[i].noted;
        }
    }
}

bool sr_spill_read_stand(const struct sr_producer_line_shm *line, struct sr_spill_stand *out_stand)
{
    /* Both lie in one cache line: a look at it seldom finds the owner in between. */
    for (int tries = 0; tries < READ_TRIES; tries++) {
        const uint64_t key = look(&line->redo_key);
        const uint64_t sum = look(&line->redo_sum);
        /* relaxed: ordered after the acquire loads above */
        if (atomic_load_explicit(&line->redo_key, memory_order_relaxed) == key) {
            *out_stand = (struct sr_spill_stand){
                .key = key, .sum = sum >> 1, .is_committed = ((key ^ sum) & SR_REDO_TURN) == 0};
            return true;
        }
    }
    return false;
}

/* --- settling a dead owner ---------------------------------------------------------------------------------------------- */

bool sr_spill_settle(const struct sr_producer_line_shm *line, _Atomic uint64_t *block, uint32_t spill_words)
{
    const uint64_t key = look(&line->redo_key);
    const uint32_t word = sr_spill_key_word(key);
    const bool is_commit_word = word == SR_SPILL_AMOUNTS || word == SR_SPILL_CANCELS ||
                                (word >= SR_SPILL_CELLS && word < spill_words);
    if (!is_commit_word || ((key ^ look(&line->redo_sum)) & SR_REDO_TURN) != 0) {
        return false;
    }
    const uint64_t value = look(&block[word]);
    const int64_t lacks = sr_spill_lacks(key, value);
    if (lacks != 0 && lacks != 1) {
        return false; /* no owner left that behind */
    }
    put(&block[word], value + (uint64_t)lacks);
    struct sr_spill_rest rest;
    sr_spill_rest_of(line, key, &rest);
    for (uint32_t i = 0; i < rest.count; i++) {
        put(&block[rest.item[i].word], look(rest.item[i].noted));
    }
    return true;
}
