/* SPDX-License-Identifier: Apache-2.0 */
/* The journal: many durable words change together, or none does, whenever the agent is killed.
 *
 * A redo log of absolute values. A batch is a list of pairs (word, value), at most one a word, built directly in
 * the stats segment:
 *
 *      building ----> committed ----> applied ----> cleared
 *      committed = 0  = n             words = values  = 0
 *
 *   (1) pairs are written; `committed` is 0, nobody believes them
 *   (2) committed = n with release: the batch has happened
 *   (3) every word gets its value
 *   (4) the caller tells others (heads to the rings) what it committed
 *   (5) committed = 0: only then ring states change and the next batch begins
 *
 * G1  All or nothing: killed before (2) nothing happened, killed after it the next agent does (3) again. Values are
 *     absolute, so doing it twice is doing it once.
 * G2  A batch reads its own writes: two rings of one primitive in a batch add up.
 * G3  The journal knows words and values and nothing else. It believes its own segment (the agent alone writes it) as far as
 *     that no index or count found there can lead outside the words: else replaying is refused.
 * G4  (1) of the next batch is never seen before (5) of this one. Against a kill only the compiler could reorder:
 *     a thread stops at an instruction boundary and what it stored becomes visible.
 *
 * Progress: no waiting, no system call (but reserving pages, which is the caller's, before sr_batch_set). One thread.
 *
 * G1, G2 and G4 as a model, with what (4) and (5) mean for the rings: tests/model/journal.pml. */
#ifndef SR_PROTOCOL_JOURNAL_H
#define SR_PROTOCOL_JOURNAL_H

#include <assert.h>

#include "protocol/words.h"

/* Where a word stands in the batch: private memory, open addressing. 64 neighbours share a stretch of the table, for
 * batches touch neighbours. */
struct sr_batch_place {
    uint32_t word;
    uint16_t round; /* places of another round are empty */
    uint16_t pair;
};

#define SR_BATCH_PLACE_BITS 17u
#define SR_BATCH_PLACES     (1u << SR_BATCH_PLACE_BITS)
_Static_assert(SR_BATCH_PLACES >= 2 * SR_JOURNAL_PAIRS, "at most half full");
_Static_assert(SR_JOURNAL_PAIRS - 1 <= UINT16_MAX, "a pair's index fits");

struct sr_batch {
    struct sr_words *words;
    struct sr_journal_shm *journal;
    struct sr_batch_place *places;
    uint32_t count; /* pairs in this batch */
    uint16_t round;
    uint64_t commits; /* since the opening */
};

/* OK or NO_MEMORY. The journal is not replayed yet. */
SR_MUST_CHECK enum slipring_status sr_batch_open(struct sr_batch *batch, struct sr_words *words,
                                                 struct sr_journal_shm *journal);
void sr_batch_close(struct sr_batch *batch);

/* First thing of an agent: apply what was committed and not cleared. *out_pairs: how many (0: nothing to do). FOREIGN when
 * the journal is impossible; the status of a reservation when its words' pages can't be had. */
SR_MUST_CHECK enum slipring_status sr_batch_replay(struct sr_batch *batch, uint32_t *out_pairs);

/* Pairs that still fit. */
SR_INLINE uint32_t sr_batch_room(const struct sr_batch *batch)
{
    return SR_JOURNAL_PAIRS - batch->count;
}

SR_INLINE uint32_t sr_batch_place_of(uint32_t word)
{
    /* the stretch of 64 by Fibonacci hashing, the neighbour within it as it is */
    return ((word >> 6) * 0x9e3779b1u >> (32 - SR_BATCH_PLACE_BITS) & ~63u) | (word & 63u);
}

/* The word's place, or the empty one where it belongs. */
SR_INLINE struct sr_batch_place *sr_batch_find(const struct sr_batch *batch, uint32_t word)
{
    uint32_t at = sr_batch_place_of(word);
    while (batch->places[at].round == batch->round && batch->places[at].word != word) {
        at = (at + 1) & (SR_BATCH_PLACES - 1);
    }
    return &batch->places[at];
}

/* The word as it will be after this batch. */
SR_INLINE uint64_t sr_batch_get(const struct sr_batch *batch, uint32_t word)
{
    const struct sr_batch_place *place = sr_batch_find(batch, word);
    return place->round == batch->round ? batch->journal->pairs[place->pair].value
                                        : sr_words_get(batch->words, word);
}

/* The same where the batch is empty as a rule: spares the look into it. */
SR_INLINE uint64_t sr_batch_get_settled(const struct sr_batch *batch, uint32_t word)
{
    return batch->count == 0 ? sr_words_get(batch->words, word) : sr_batch_get(batch, word);
}

/* The pair's value of a word, to be changed. The word's page exists and the batch has room: the caller saw to both. */
SR_INLINE uint64_t *sr_batch_value(struct sr_batch *batch, uint32_t word)
{
    struct sr_batch_place *place = sr_batch_find(batch, word);
    if (place->round != batch->round) {
        assert(batch->count < SR_JOURNAL_PAIRS && sr_words_exist(batch->words, word));
        *place = (struct sr_batch_place){.word = word, .round = batch->round, .pair = (uint16_t)batch->count};
        batch->journal->pairs[batch->count++] =
            (struct sr_journal_pair_shm){.word = word, .value = batch->words->base[word]};
    }
    return &batch->journal->pairs[place->pair].value;
}

SR_INLINE void sr_batch_set(struct sr_batch *batch, uint32_t word, uint64_t value)
{
    *sr_batch_value(batch, word) = value;
}

SR_INLINE void sr_batch_add(struct sr_batch *batch, uint32_t word, uint64_t difference)
{
    *sr_batch_value(batch, word) += difference;
}

/* (2) and (3). An empty batch is no commit. */
void sr_batch_commit(struct sr_batch *batch);

/* (5), and a new, empty batch. Without a commit before it: the batch is forgotten. */
void sr_batch_clear(struct sr_batch *batch);

#endif
