/* SPDX-License-Identifier: Apache-2.0 */
/* Folding a spill block: what it holds beyond the agent's durable copy of it goes to a tally, and the copy follows in the
 * same commit.
 *
 * G1  Sums are read first, cells last (spill.h G2): a bound's count, an end or a cost is never folded before its sample. What a
 *     look between a cell and its rest misses, the next one gets.
 * G2  A difference that runs backwards, or beyond what hardware could have done since the last look, says that the block is
 *     not what its protocol makes of it: nothing is folded, the ring is to be quarantined. Amounts: a difference of 2^63
 *     nano-dollars and more is backwards, unless there are samples enough for it. Sums wrap, so what a block spills between
 *     two looks has to cost less than 2^64, 18 billion dollars; beyond that the sum lacks multiples of it, and the counts are
 *     right all the same.
 * G3  Bounds are folded by value: the count of a bound that the books don't keep goes to the least kept bound above it
 *     in its bucket, and to none when there is none.
 * G4  Of a block that is left behind with its ring the samples are counted, not booked: a word that runs backwards or beyond what
 *     hardware could have done counts for nothing, and no word does when all together are beyond what one owner could have
 *     done. So whatever a block says, it makes nobody count more than the books would have taken from it. */
#ifndef SR_PEER_FOLD_H
#define SR_PEER_FOLD_H

#include "peer/tally.h"
#include "protocol/journal.h"
#include "protocol/spill.h"
#include "system/clock.h"

/* A block and its durable copy, in private memory. */
struct sr_fold {
    uint32_t words;      /* of the block */
    uint32_t cells;      /* a status */
    uint32_t base;       /* bucket of the first cell; base + cells <= SR_BUCKET_COUNT */
    uint32_t first_copy; /* durable word of copy[0] */
    uint64_t now[SR_SPILL_WORDS_FULL];
    uint64_t copy[SR_SPILL_WORDS_FULL];
};

/* Read a block whose pages are reserved, and its copy as the last commit left it. words, cells, base and first_copy are
 * set by the caller. line: of the ring's owner, whose sum of durations stands there; NULL: a shared spill. */
void sr_fold_read(struct sr_fold *fold, const _Atomic uint64_t *block,
                  const struct sr_producer_line_shm *line, const struct sr_words *words);

/* Add the differences to the tally. most: how much a counter can have grown since the last look. False: impossible (G2),
 * and the tally is worth nothing. */
SR_MUST_CHECK bool sr_fold_tally(const struct sr_fold *fold, uint64_t most,
                                 const struct sr_tally_bounds *bounds, struct sr_tally *tally);

/* Executions that the block has beyond its copy, modulo 2^64: also of one that is impossible. */
uint64_t sr_fold_executions(const struct sr_fold *fold);

/* Samples of all kinds that the block has beyond its copy, of a ring that is left behind (G4). most: as above. */
uint64_t sr_fold_left(const struct sr_fold *fold, uint64_t most);

/* Let the copy follow. Its pages exist, and the batch has room for SR_FOLD_PAIRS_MAX. */
void sr_fold_book(const struct sr_fold *fold, struct sr_batch *batch);
#define SR_FOLD_PAIRS_MAX SR_SPILL_WORDS_FULL

/* Beside it, in the same batch: the copy of the table of bounds becomes empty, as sr_drain_wipe() makes the table. */
void sr_fold_book_wiped(const struct sr_fold *fold, struct sr_batch *batch);

/* Was the update that the redo key speaks of in the block, whole, when it was read? */
SR_MUST_CHECK bool sr_fold_is_whole(const struct sr_fold *fold, const struct sr_producer_line_shm *line,
                                    uint64_t key);

/* How long it is since store time last_ns; 0: never, so since the boot. */
SR_INLINE uint64_t sr_fold_elapsed(uint64_t now_ns, uint64_t last_ns)
{
    return now_ns - (last_ns != 0 ? last_ns : SR_CLOCK_BASE_NS);
}

/* How much a counter can grow in `elapsed_ns`: 2e9 a second, and a second's worth on top. */
SR_INLINE uint64_t sr_fold_most(uint64_t elapsed_ns)
{
    return elapsed_ns < UINT64_MAX / 4 ? 2 * elapsed_ns + UINT64_C(2000000000) : UINT64_MAX / 2;
}

#endif
