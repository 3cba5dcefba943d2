/* SPDX-License-Identifier: Apache-2.0 */
/* The spill: where a sample goes when its ring is full, so that overload costs detail and never a count.
 *
 * A block of 64-bit words beside each ring, written by the ring's owner alone: cells of the common bucket scheme
 * for success and for failure, sums, cost by category, exact bounds. Words only grow, are never reset, and go on across
 * owners; the agent folds differences against its durable copy. The count of samples is the sum of the cells and
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

/* Exact bounds as one ring's owner knows them: private memory. */
struct sr_spill_bounds {
    uint64_t epoch;   /* control.bounds_epoch when copied */
    uint32_t count;   /* of ns[] */
    uint32_t present; /* 1: copied at least once */
    uint64_t ns[SLIPRING_BOUND_COUNT];
    uint8_t entry[SLIPRING_BOUND_COUNT]; /* index in the block's bound table + 1; 0: not looked up yet */
    uint64_t has_bound[(SR_BUCKET_COUNT + 63) / 64]; /* bit a bucket: some bound lies in it */
};

/* One owner's view of its block: private memory, the owner's truth. */
struct sr_spill {
    _Atomic uint64_t *block;
    struct sr_producer_line_shm *line;
    uint32_t base;  /* bucket index of the first cell */
    uint32_t cells; /* a status */
    uint64_t sum, ended, clamped, min, max, lost;
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

/* Take over the bounds in force for a primitive. Without an announcement: the default `le` bounds and the entry's own
 * latency objectives. Reads shared memory: bounded, checked. */
struct sr_segment;
void sr_spill_read_bounds(struct sr_spill_bounds *bounds, const struct sr_segment *segment,
                          uint32_t primitive, uint64_t epoch);

/* The block's table entry of bounds->ns[slot]; appends. SR_SPILL_BOUND_MAX: the table is full. Owner only. */
uint32_t sr_spill_bound_entry(struct sr_spill *spill, int slot);

/* Dead owner, byte of its slot seized: finish or forget its last update (G1). true: something was applied. */
bool sr_spill_settle(const struct sr_producer_line_shm *line, _Atomic uint64_t *block, uint32_t spill_words);

SR_INLINE bool sr_spill_bounds_has(const struct sr_spill_bounds *bounds, uint32_t bucket)
{
    return bounds->has_bound[bucket / 64] >> (bucket % 64) & 1;
}

/* Private word of the block: only we write it, so a plain look suffices. */
SR_INLINE uint64_t sr_spill_own(const struct sr_spill *spill, uint32_t word)
{
    /* relaxed: our own last store */
    return atomic_load_explicit(&spill->block[word], memory_order_relaxed);
}

SR_INLINE void sr_spill_store_rest(struct sr_spill *spill, uint32_t word, uint64_t value)
{
    /* release: after the cell, pairs with the agent's acquire (G2); else a cost is seen without its sample */
    atomic_store_explicit(&spill->block[word], value, memory_order_release);
}

SR_INLINE void sr_spill_note(_Atomic uint64_t *redo_field, uint64_t value)
{
    /* relaxed: read only after the owner's death, ordered by the kernel's dropping of its lock */
    atomic_store_explicit(redo_field, value, memory_order_relaxed);
}

/* Book one sample whose commit word is `word` (a cell, SR_SPILL_AMOUNTS or SR_SPILL_CANCELS). `bound` is an entry of
 * the bound table, SR_SPILL_BOUND_MAX: lost, or -1: none. */
SR_INLINE void sr_spill_book(struct sr_spill *spill, uint32_t word, const struct sr_spill_sample *sample,
                             int bound)
{
    struct sr_producer_line_shm *line = spill->line;
    const uint32_t category =
        (uint32_t)((sample->meta & SR_SAMPLE_CATEGORY_MASK) >> SR_SAMPLE_CATEGORY_SHIFT);
    const uint64_t value = sr_spill_own(spill, word) + 1;
    uint64_t what = sample->meta;

    sr_spill_note(&line->redo_word, word); /* (1) */
    sr_spill_note(&line->redo_value, value);
    atomic_signal_fence(memory_order_seq_cst); /* the compiler keeps (1) before (2): see G1 */
    SR_CRASHPOINT(spill_after_intent);

    const uint64_t sum = spill->sum + sample->duration_ns; /* (2) */
    spill->sum = sum;
    sr_spill_note(&line->redo_sum, sum);
    if (sample->meta & (SR_SAMPLE_ENDED | SR_SAMPLE_CLAMPED)) {
        spill->ended += (sample->meta & SR_SAMPLE_ENDED) != 0;
        spill->clamped += (sample->meta & SR_SAMPLE_CLAMPED) != 0;
        sr_spill_note(&line->redo_ended, spill->ended);
        sr_spill_note(&line->redo_clamped, spill->clamped);
    }
    uint64_t cost = 0;
    uint64_t savings = 0;
    if (sample->cost | sample->savings) {
        cost = sr_spill_own(spill, SR_SPILL_COST + category) + sample->cost;
        savings = sr_spill_own(spill, SR_SPILL_SAVINGS + category) + sample->savings;
        what |= SR_REDO_COST;
        sr_spill_note(&line->redo_cost, cost);
        sr_spill_note(&line->redo_savings, savings);
    }
    uint64_t bounded = 0;
    if (SR_UNLIKELY(bound >= 0)) {
        if (bound < (int)SR_SPILL_BOUND_MAX) {
            bounded = sr_spill_own(spill, SR_SPILL_BOUNDS + 2 * (uint32_t)bound + 1) + 1;
            what |= SR_REDO_BOUND | (uint64_t)bound << SR_REDO_BOUND_SHIFT;
            sr_spill_note(&line->redo_bound, bounded);
        } else {
            what |= SR_REDO_LOST;
            sr_spill_note(&line->redo_lost, ++spill->lost);
        }
    }
    if (SR_UNLIKELY(sample->duration_ns < spill->min || sample->duration_ns > spill->max) &&
        (sample->meta & SR_SAMPLE_KIND_MASK) == SR_KIND_EXECUTION) {
        spill->min = sample->duration_ns < spill->min ? sample->duration_ns : spill->min;
        spill->max = sample->duration_ns > spill->max ? sample->duration_ns : spill->max;
        what |= SR_REDO_MINMAX;
        sr_spill_note(&line->redo_min, spill->min);
        sr_spill_note(&line->redo_max, spill->max);
    }
    sr_spill_note(&line->redo_what, what);
    SR_CRASHPOINT(spill_before_commit);

    /* (3) release: pairs with the agent's acquire of the cell, and keeps (2) before it */
    atomic_store_explicit(&spill->block[word], value, memory_order_release);
    SR_CRASHPOINT(spill_after_commit);

    if (what & SR_REDO_COST) { /* (4) */
        sr_spill_store_rest(spill, SR_SPILL_COST + category, cost);
        sr_spill_store_rest(spill, SR_SPILL_SAVINGS + category, savings);
    }
    if (SR_UNLIKELY(what &
                    (SR_REDO_BOUND | SR_REDO_LOST | SR_REDO_MINMAX | SR_SAMPLE_ENDED | SR_SAMPLE_CLAMPED))) {
        if (what & SR_REDO_BOUND) {
            sr_spill_store_rest(spill, SR_SPILL_BOUNDS + 2 * (uint32_t)bound + 1, bounded);
        }
        if (what & SR_REDO_LOST) {
            sr_spill_store_rest(spill, SR_SPILL_BOUND_LOST, spill->lost);
        }
        if (what & SR_REDO_MINMAX) {
            sr_spill_store_rest(spill, SR_SPILL_MIN, spill->min);
            sr_spill_store_rest(spill, SR_SPILL_MAX, spill->max);
        }
        sr_spill_store_rest(spill, SR_SPILL_ENDED, spill->ended);
        sr_spill_store_rest(spill, SR_SPILL_CLAMPED, spill->clamped);
    }
    sr_spill_store_rest(spill, SR_SPILL_SUM, sum);
}

#endif
