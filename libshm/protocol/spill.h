/* SPDX-License-Identifier: Apache-2.0 */
/* The spill: where a sample goes when its ring is full, so that overload costs detail and never a count.
 *
 * A block of 64-bit words beside each ring, written by the ring's owner alone: cells of the common bucket scheme
 * for success and for failure, sums, cost by category, exact bounds. Words only grow, are never reset, and go on across
 * owners; the agent folds differences against its durable copy. Only the table of bounds is emptied, with its copy, when the
 * agent frees the ring: else the thresholds of former owners would fill it. The count of samples is the sum of the cells and
 * is stored nowhere else, so it can not disagree with them.
 *
 * The sum of durations stands in the producer's line, above one bit that changes with every update.
 *
 * G1  One update is atomic against SIGKILL, by the redo record in the producer line:
 *        (1) redo_key       which commit word, its new value, what else changes, and the turn: the sum's new last bit
 *        (2) the rest noted: new absolute values of what else changes
 *        (3) redo_sum       the new sum with the new turn: the commit
 *        (4) block[word] = value, then the rest of the block
 *     Settling a dead owner (sr_spill_settle): if redo_sum has the key's turn, (4) is done again: absolute values, so doing
 *     it twice is doing it once. Else nothing was committed, and nothing is done. (1) is one store: there is no half of it. (1) before
 *     (2): else a kill in between would do (4) of the last update again with values of this one.
 * G2  A reader that reads key and sum first, then everything else, and the cells last never sees a bound's count, an end or a
 *     cost without its sample: (4) is stored with release, cell first; nor a duration: it leaves the sum for the next
 *     look when the sum is committed and the cell not yet there (peer/fold.h). A cell that is beyond the key's value is there: its
 *     owner went on between the two loads, as a busy one always has.
 * G3  A changed update is always visible in redo_key: its turn changes with every update, the value with the word's next one.
 *     It is whole when the block holds every value that the record names (sr_fold_is_whole() in peer/fold.h asks).
 *
 * The key has the 36 low bits of the value: enough to tell whether the one update that may be under way reached its cell. A
 * looker that compares keys misses what lies between two looks only if it was a multiple of 2^36 updates of one cell and
 * nothing else, and until the next update.
 *
 * The sum has 63 bits: what one ring spills between two looks of an agent has to take less than 2^63 ns, 292 years of durations in
 * all; beyond that the sum lacks multiples of it, and the counts are right all the same.
 *
 * A plain update so takes three stores to shared memory, at addresses known at once but for the cell's. Tried before it: redo
 * fields for word, value, bits and sum, the cell being the commit (seven stores); two sums in turns (the address of the one to be read
 * waits for the last key).
 *
 * Progress: wait-free; no system call. Only the order of instructions matters between (1), (2), (3), (4) for a kill:
 * the kernel stops a thread at an instruction boundary and lets its earlier stores become visible before its locks
 * drop. Order towards a live reader is by release.
 *
 * G1 to G3 as a model, every kill and every look in between searched: tests/model/spill.pml. */
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

/* One owner's view of its block: private memory, the owner's truth. */
struct sr_spill {
    struct slipring_inline_spill hot; /* what a plain update touches */
    uint64_t ended, clamped, lost;
    uint32_t base;  /* bucket index of the first cell */
    uint32_t cells; /* a status */
    struct sr_spill_bounds bounds;
};

/* What is booked: one sample, taken apart. */
struct sr_spill_sample {
    uint64_t meta; /* as sr_sample_shm.what without the duration */
    uint64_t duration_ns;
    uint64_t cost;
    uint64_t savings;
};

/* Take over a block at the claim. `fresh`: a new owner: forget the last one's redo record, start MIN and MAX anew (the ring is
 * CLAIMING: nobody reads). */
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

/* The owner is gone and settled: its redo record speaks of no update any more. The sum stays. */
void sr_spill_forget(struct sr_producer_line_shm *line);

/* --- for readers ---------------------------------------------------------------------------------------------------------------- */

/* What a redo record says changed beside the commit word and the sum. */
struct sr_spill_rest {
    uint32_t count;
    struct {
        uint32_t word;
        const _Atomic uint64_t *noted;
    } item[8];
};
void sr_spill_rest_of(const struct sr_producer_line_shm *line, uint64_t key, struct sr_spill_rest *out_rest);

SR_INLINE uint32_t sr_spill_key_word(uint64_t key)
{
    return (uint32_t)(key >> SR_REDO_WORD_SHIFT & SR_REDO_WORD_MASK);
}

/* How much the commit word, with `value` in it, lacks of what the key says: 1 or 0 while that update is the last, less than 0
 * when its owner has gone on in the same word. Modulo 2^36. */
SR_INLINE int64_t sr_spill_lacks(uint64_t key, uint64_t value)
{
    return (int64_t)(((key >> SR_REDO_VALUE_SHIFT) - value) << SR_REDO_VALUE_SHIFT) /
           (INT64_C(1) << SR_REDO_VALUE_SHIFT);
}

/* Key and sum as they stood together. */
struct sr_spill_stand {
    uint64_t key;
    uint64_t sum;
    bool is_committed; /* the key's update, and its duration is in the sum */
};
/* false: the owner is too busy just now. */
SR_MUST_CHECK bool sr_spill_read_stand(const struct sr_producer_line_shm *line,
                                       struct sr_spill_stand *out_stand);

/* --- the owner's ---------------------------------------------------------------------------------------------------------------- */

SR_INLINE bool sr_spill_is_plain(const struct sr_spill *spill, uint32_t bucket)
{
    return spill->hot.plain[bucket / 64] >> (bucket % 64) & 1;
}

/* Book one sample whose commit word is `word` (a cell, SR_SPILL_AMOUNTS or SR_SPILL_CANCELS). `bound` is an entry of
 * the bound table, SR_SPILL_BOUND_MAX: the table is full, or -1: none. */
void sr_spill_book(struct sr_spill *spill, uint32_t word, const struct sr_spill_sample *sample, int bound);

#endif
