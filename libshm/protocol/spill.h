/* SPDX-License-Identifier: Apache-2.0 */
/* The spill: where a sample goes when its ring is full, so that overload costs detail and never a count.
 *
 * A block of 64-bit words beside each ring, written by the ring's owner alone: cells of the common bucket scheme
 * for success and for failure, sums, cost by category, exact bounds. Words only grow, are never reset, and go on across
 * owners; the agent folds differences against its durable copy. Only the table of bounds is emptied, with its copy, when the
 * agent frees the ring: else the thresholds of former owners would fill it. The count of samples is the sum of the cells and
 * is stored nowhere else, so it can not disagree with them.
 *
 * G1  One update is atomic against SIGKILL, by the redo record in the producer line:
 *        (1) redo_word, redo_value          which cell, and its new value
 *        (2) the other redo fields          new absolute values of everything else that changes
 *        (3) block[redo_word] = redo_value  the commit
 *        (4) the rest of the block
 *     Settling a dead owner (sr_spill_settle): if block[redo_word] == redo_value, (4) is done again: absolute values,
 *     so doing it twice is doing it once. Else nothing was committed and nothing is done.
 *     Killed before (1) is whole: redo_word may name the new cell and redo_value still hold the last update's value. If
 *     they match by chance, (4) of the last update is applied again: harmless, since (2) is not begun before (1) is whole.
 *     That is why everything but the cell's index belongs to (2).
 * G2  A reader that reads everything else first and the cells last never sees a bound's count, an end or a cost
 *     without its sample: (4) is stored with release after (3).
 * G3  A changed update is always visible in (redo_word, redo_value): values of a cell never repeat. It is whole when the
 *     block holds every value that the redo record names (sr_fold_is_whole() in peer/fold.h asks).
 *
 * Progress: wait-free; no system call. Only the order of instructions matters between (1), (2), (3), (4) for a kill:
 * the kernel stops a thread at an instruction boundary and lets its earlier stores become visible before its locks
 * drop. Order towards a live reader is by release. */
#ifndef SR_PROTOCOL_SPILL_H
#define SR_PROTOCOL_SPILL_H

#include <stdbool.h>

#include "base/crashpoint.h"
#include "protocol/layout.h"
#include "pure/bound.h"
#include "pure/bucket.h"

/* Exact bounds as one ring's owner knows them: private memory. */
struct sr_spill_bounds {
    uint64_t epoch;   /* control.bounds_epoch when copied */
    uint32_t count;   /* of ns[] */
    uint32_t present; /* 1: copied at least once */
    uint64_t ns[SLIPRING_BOUND_COUNT];
    uint8_t entry[SLIPRING_BOUND_COUNT]; /* index in the block's bound table + 1; 0: not looked up yet */
};

#define SR_SPILL_MAP_WORDS ((SR_BUCKET_COUNT + 63) / 64)

/* One owner's view of its block: private memory, the owner's truth. What a plain update touches comes first. */
struct sr_spill {
    _Atomic uint64_t *block;
    struct sr_producer_line_shm *line;
    uint64_t sum, min, max;
    uint64_t plain_epoch; /* of the bounds that plain[] was made with */
    uint32_t first;       /* + a bucket's index, modulo 2^32: the word of its cell for success */
    uint32_t cells;       /* a status */
    uint64_t plain[SR_SPILL_MAP_WORDS]; /* bit a bucket: it has cells here, and no bound lies in it */
    uint64_t ended, clamped, lost;
    uint32_t base; /* bucket index of the first cell */
    struct sr_spill_bounds bounds;
};

/* What is booked: one sample, taken apart. */
struct sr_spill_sample {
    uint64_t meta; /* as sr_sample_shm.what without the duration */
    uint64_t duration_ns;
    uint64_t cost;
    uint64_t savings;
};

/* Take over a block at the claim: loads the running sums where the last owner left them; `fresh` starts MIN and MAX anew
 * (the ring is CLAIMING: nobody reads). */
void sr_spill_open(struct sr_spill *spill, _Atomic uint64_t *block, struct sr_producer_line_shm *line,
                   uint32_t base, uint32_t cells, bool fresh);

/* Take over the bounds in force for a primitive. The announced ones, or the default `le` bounds, and always
 * the entry's own latency thresholds. Reads shared memory: bounded, checked. */
struct sr_segment;
void sr_spill_read_bounds(struct sr_spill_bounds *bounds, const struct sr_segment *segment,
                          uint32_t primitive, uint64_t epoch);

/* Know which buckets are plain under the bounds last read. */
void sr_spill_map_plain(struct sr_spill *spill);

/* The block's table entry of bounds->ns[slot]; appends. SR_SPILL_BOUND_MAX: the table is full. Owner only. */
uint32_t sr_spill_bound_entry(struct sr_spill *spill, int slot);

/* Dead owner, byte of its slot seized: finish or forget its last update (G1). true: something was applied. */
bool sr_spill_settle(const struct sr_producer_line_shm *line, _Atomic uint64_t *block, uint32_t spill_words);

SR_INLINE bool sr_spill_is_plain(const struct sr_spill *spill, uint32_t bucket)
{
    return spill->plain[bucket / 64] >> (bucket % 64) & 1;
}

SR_INLINE bool sr_spill_is_extreme(const struct sr_spill *spill, uint64_t duration_ns)
{
    return SR_UNLIKELY(duration_ns < spill->min) || SR_UNLIKELY(duration_ns > spill->max);
}

/* Private word of the block: only we write it, so a plain look suffices. */
SR_INLINE uint64_t sr_spill_own(const _Atomic uint64_t *block, uint32_t word)
{
    /* relaxed: our own last store */
    return atomic_load_explicit(&block[word], memory_order_relaxed);
}

SR_INLINE void sr_spill_store_rest(_Atomic uint64_t *block, uint32_t word, uint64_t value)
{
    /* release: after the cell, pairs with the agent's acquire (G2); else a cost is seen without its sample */
    atomic_store_explicit(&block[word], value, memory_order_release);
}

SR_INLINE void sr_spill_note(_Atomic uint64_t *redo_field, uint64_t value)
{
    /* relaxed: read only after the owner's death, ordered by the kernel's dropping of its lock */
    atomic_store_explicit(redo_field, value, memory_order_relaxed);
}

/* What a sample changes beside its cell and the sum of durations, and the new absolute values of it. */
struct sr_spill_beside {
    uint64_t cost, savings; /* of the sample */
    bool has_cost;          /* false: both are 0 */
    int bound;              /* entry of the bound table, SR_SPILL_BOUND_MAX: the table is full, or -1: none */
    bool is_extreme;        /* a new least or greatest duration */
    uint64_t new_cost, new_savings, new_bound;
};

/* Where a category's words begin: SR_SPILL_COST and SR_SPILL_SAVINGS are indices from there. */
SR_INLINE _Atomic uint64_t *sr_spill_category(_Atomic uint64_t *block, uint64_t meta)
{
    return block + ((meta & SR_SAMPLE_CATEGORY_MASK) >> SR_SAMPLE_CATEGORY_SHIFT);
}

/* (2) of what is beside. Returns the bits of redo_what that say so. */
SR_INLINE uint64_t sr_spill_note_beside(struct sr_spill *spill, struct sr_producer_line_shm *line,
                                        _Atomic uint64_t *block, uint64_t meta, uint64_t duration_ns,
                                        struct sr_spill_beside *beside)
{
    uint64_t what = 0;
    if (meta & (SR_SAMPLE_ENDED | SR_SAMPLE_CLAMPED)) {
        spill->ended += (meta & SR_SAMPLE_ENDED) != 0;
        spill->clamped += (meta & SR_SAMPLE_CLAMPED) != 0;
        sr_spill_note(&line->redo_ended, spill->ended);
        sr_spill_note(&line->redo_clamped, spill->clamped);
    }
    if (beside->has_cost) {
        const _Atomic uint64_t *words = sr_spill_category(block, meta);
        beside->new_cost = sr_spill_own(words, SR_SPILL_COST) + beside->cost;
        beside->new_savings = sr_spill_own(words, SR_SPILL_SAVINGS) + beside->savings;
        what |= SR_REDO_COST;
        sr_spill_note(&line->redo_cost, beside->new_cost);
        sr_spill_note(&line->redo_savings, beside->new_savings);
    }
    if (SR_UNLIKELY(beside->bound >= 0)) {
        const uint32_t bound = (uint32_t)beside->bound;
        if (bound < SR_SPILL_BOUND_MAX) {
            beside->new_bound = sr_spill_own(block, SR_SPILL_BOUNDS + 2 * bound + 1) + 1;
            what |= SR_REDO_BOUND | (uint64_t)bound << SR_REDO_BOUND_SHIFT;
            sr_spill_note(&line->redo_bound, beside->new_bound);
        } else {
            what |= SR_REDO_LOST;
            sr_spill_note(&line->redo_lost, ++spill->lost);
        }
    }
    if (SR_UNLIKELY(beside->is_extreme)) {
        spill->min = duration_ns < spill->min ? duration_ns : spill->min;
        spill->max = duration_ns > spill->max ? duration_ns : spill->max;
        what |= SR_REDO_MINMAX;
        sr_spill_note(&line->redo_min, spill->min);
        sr_spill_note(&line->redo_max, spill->max);
    }
    return what;
}

/* (4) of what is beside. */
SR_INLINE void sr_spill_store_beside(const struct sr_spill *spill, _Atomic uint64_t *block, uint64_t what,
                                     const struct sr_spill_beside *beside)
{
    if (beside->has_cost) {
        _Atomic uint64_t *words = sr_spill_category(block, what);
        sr_spill_store_rest(words, SR_SPILL_COST, beside->new_cost);
        sr_spill_store_rest(words, SR_SPILL_SAVINGS, beside->new_savings);
    }
    if (SR_UNLIKELY(what & SR_REDO_BOUND)) {
        sr_spill_store_rest(block, SR_SPILL_BOUNDS + 2 * (uint32_t)beside->bound + 1, beside->new_bound);
    }
    if (SR_UNLIKELY(what & SR_REDO_LOST)) {
        sr_spill_store_rest(block, SR_SPILL_BOUND_LOST, spill->lost);
    }
    if (SR_UNLIKELY(what & SR_REDO_MINMAX)) {
        sr_spill_store_rest(block, SR_SPILL_MIN, spill->min);
        sr_spill_store_rest(block, SR_SPILL_MAX, spill->max);
    }
    if (SR_UNLIKELY(what & (SR_SAMPLE_ENDED | SR_SAMPLE_CLAMPED))) {
        sr_spill_store_rest(block, SR_SPILL_ENDED, spill->ended);
        sr_spill_store_rest(block, SR_SPILL_CLAMPED, spill->clamped);
    }
}

/* One update, see G1. Of what the caller knows to be absent (no cost, no bound, no end), inlining leaves nothing. */
SR_INLINE void sr_spill_update(struct sr_spill *spill, uint32_t word, uint64_t meta, uint64_t duration_ns,
                               struct sr_spill_beside *beside)
{
    struct sr_producer_line_shm *line = spill->line;
    _Atomic uint64_t *block = spill->block;
    const uint64_t value = sr_spill_own(block, word) + 1;
    const uint64_t sum = spill->sum + duration_ns;

    sr_spill_note(&line->redo_word, word); /* (1) */
    sr_spill_note(&line->redo_value, value);
    atomic_signal_fence(memory_order_seq_cst); /* the compiler keeps (1) before (2): see G1 */
    SR_CRASHPOINT(spill_after_intent);

    spill->sum = sum; /* (2) */
    sr_spill_note(&line->redo_sum, sum);
    const uint64_t what = meta | sr_spill_note_beside(spill, line, block, meta, duration_ns, beside);
    sr_spill_note(&line->redo_what, what);
    SR_CRASHPOINT(spill_before_commit);

    /* (3) release: pairs with the agent's acquire of the cell, and keeps (2) before it */
    atomic_store_explicit(&block[word], value, memory_order_release);
    SR_CRASHPOINT(spill_after_commit);

    sr_spill_store_beside(spill, block, what, beside); /* (4) */
    sr_spill_store_rest(block, SR_SPILL_SUM, sum);
}

/* Book one sample whose commit word is `word` (a cell, SR_SPILL_AMOUNTS or SR_SPILL_CANCELS). `bound` is an entry of
 * the bound table, SR_SPILL_BOUND_MAX: lost, or -1: none. */
SR_INLINE void sr_spill_book(struct sr_spill *spill, uint32_t word, const struct sr_spill_sample *sample,
                             int bound)
{
    const bool is_execution = (sample->meta & SR_SAMPLE_KIND_MASK) == SR_KIND_EXECUTION;
    struct sr_spill_beside beside = {
        .cost = sample->cost,
        .savings = sample->savings,
        .has_cost = (sample->cost | sample->savings) != 0,
        .bound = bound,
        .is_extreme = is_execution && sr_spill_is_extreme(spill, sample->duration_ns),
    };
    sr_spill_update(spill, word, sample->meta, sample->duration_ns, &beside);
}

/* Book an execution whose duration is not 0 nor out of range, in few instructions. false: it is not that simple (outside
 * the window, a bound in its bucket, a new least or greatest, new bounds announced), and nothing was done.
 * epoch: control.bounds_epoch. Without has_cost, cost and savings are 0. */
SR_INLINE bool sr_spill_book_quickly(struct sr_spill *spill, uint64_t epoch, uint64_t meta,
                                     uint64_t duration_ns, bool has_cost, uint64_t cost, uint64_t savings)
{
    if (duration_ns == 0) {
        __builtin_unreachable(); /* saves the look for the zero bucket */
    }
    const uint32_t bucket = sr_bucket_index(duration_ns);
    if (SR_UNLIKELY(epoch != spill->plain_epoch) || SR_UNLIKELY(!sr_spill_is_plain(spill, bucket)) ||
        sr_spill_is_extreme(spill, duration_ns)) {
        return false;
    }
    uint32_t word = spill->first + bucket;
    if (SR_UNLIKELY(meta & SR_SAMPLE_FAILURE)) {
        word += spill->cells;
    }
    struct sr_spill_beside beside = {.cost = cost, .savings = savings, .has_cost = has_cost, .bound = -1};
    sr_spill_update(spill, word, meta, duration_ns, &beside);
    return true;
}

#endif
