/* SPDX-License-Identifier: Apache-2.0 */
/* The durable words: the agent's memory that outlives the agent, an array of 64-bit words in the stats segment.
 *
 * The array is sparse and larger than any machine's tmpfs; it is divided into areas of equal items (layout.h). A page
 * of it exists once it was reserved. This file knows which pages exist and keeps everyone off the others; it does not
 * know what a word means, and it changes no word that means something: that is the journal's work.
 *
 * G1  A page that does not exist is never touched: reading it gives zeros, and writing it needs a
 *     reservation first, which either succeeds or leaves everything as it was.
 * G2  What exists is found again after a restart by asking the file for its holes. A page that was reserved and
 *     never written may be told as a hole: it reads as zero either way, and reserving it again is free.
 *     Pages that are all zero can be given back (sr_words_return()): by G1 nothing changes for anybody but the file system.
 * G3  After a failed reservation no further one is tried (no system call) until sr_words_retry().
 *
 * One thread. A kill leaves nothing half-made here: reservations are the kernel's. */
#ifndef SR_PROTOCOL_WORDS_H
#define SR_PROTOCOL_WORDS_H

#include <stdbool.h>

#include "protocol/layout.h"
#include "system/map.h"

enum sr_words_per_item {
#define X(name, items, words) SR_WORDS_PER_##name = (words),
    SR_WORD_AREAS(X)
#undef X
};

enum sr_items_per_area {
#define X(name, items, words) SR_ITEMS_PER_##name = (items),
    SR_WORD_AREAS(X)
#undef X
};

/* The index of a word: SR_WORD(book, id, 7). No range is checked: ids are the caller's own. */
#define SR_WORD(area, item, word)                                                                            \
    ((uint32_t)(offsetof(struct sr_word_map, area) / 8u) +                                                   \
     (uint32_t)(item) * (uint32_t)SR_WORDS_PER_##area + (uint32_t)(word))

#define SR_WORDS_PER_PAGE 512u
#define SR_WORD_PAGES     ((uint32_t)((SR_WORD_COUNT + SR_WORDS_PER_PAGE - 1) / SR_WORDS_PER_PAGE))

struct sr_words {
    uint64_t *base;
    struct sr_map *map; /* the stats segment */
    uint64_t *exists;   /* a bit a page */
    bool is_refused;    /* G3 */
    uint64_t refusals;  /* reservations that failed since the opening */
    uint64_t made;      /* pages that were reserved since */
};

/* Take over the words of a mapped stats segment. OK or NO_MEMORY. */
SR_MUST_CHECK enum slipring_status sr_words_open(struct sr_words *words, struct sr_map *map);
void sr_words_close(struct sr_words *words);

/* Make sure that words [first, first + count) may be written. OK, NO_SPACE, ABSENT, ...; idempotent. */
SR_MUST_CHECK enum slipring_status sr_words_reserve_slowly(struct sr_words *words, uint32_t first,
                                                           uint32_t count);

/* Reservations may be tried again. */
void sr_words_retry(struct sr_words *words);

/* Copy out [first, first + count), zeros for what does not exist. */
void sr_words_read(const struct sr_words *words, uint32_t first, uint32_t count, uint64_t *out_values);

/* Set every existing word of [first, first + count) to zero, without the journal. For ring words that speak of a segment
 * which is no more: who calls it can call it again after a kill. */
void sr_words_clear(struct sr_words *words, uint32_t first, uint32_t count);

/* Give the pages of [first, first + count), whole ones, back to the file system as far as they exist and hold zeros only. Their words stand in
 * no batch. Returns how many went. Idempotent: a kill in between leaves pages of zeros. */
uint32_t sr_words_return(struct sr_words *words, uint32_t first, uint32_t count);

/* Write words that no committed index refers to, outside the journal: whoever commits the index afterwards makes them
 * count. They exist. */
void sr_words_write_unreferenced(struct sr_words *words, uint32_t first, uint32_t count,
                                 const uint64_t *values);

SR_INLINE bool sr_words_exist(const struct sr_words *words, uint32_t word)
{
    const uint32_t page = word / SR_WORDS_PER_PAGE;
    return words->exists[page / 64] >> (page % 64) & 1;
}

SR_INLINE uint64_t sr_words_get(const struct sr_words *words, uint32_t word)
{
    return sr_words_exist(words, word) ? words->base[word] : 0;
}

SR_MUST_CHECK SR_INLINE enum slipring_status sr_words_reserve(struct sr_words *words, uint32_t first,
                                                              uint32_t count)
{
    if (first / SR_WORDS_PER_PAGE == (first + count - 1) / SR_WORDS_PER_PAGE &&
        sr_words_exist(words, first)) {
        return SLIPRING_OK;
    }
    return sr_words_reserve_slowly(words, first, count);
}

#endif
