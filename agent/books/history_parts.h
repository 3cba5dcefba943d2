/* SPDX-License-Identifier: Apache-2.0 */
/* Where the words of objectives and of their tracks stand (peer/accounts.h): for the files that read and write them. */
#ifndef AGENT_HISTORY_PARTS_H
#define AGENT_HISTORY_PARTS_H

#include "books.h"

#define MARKS (SR_TRACK_MARK_MAX - 1u) /* live at most: the next one is written where nobody looks */

static inline uint32_t objective_word(uint32_t book, uint32_t objective, uint32_t word)
{
    return SR_WORD(book, book, SR_BOOK_OBJECTIVES + objective * SR_OBJECTIVE_WORDS + word);
}

static inline uint32_t track_word(uint32_t book, uint32_t objective, uint32_t track, uint32_t word)
{
    return SR_WORD(history, book * SLIPRING_OBJECTIVE_COUNT + objective, track * SR_TRACK_WORDS + word);
}

static inline uint32_t mark_word(uint32_t book, uint32_t objective, uint32_t track, uint64_t number)
{
    return track_word(book, objective, track,
                      SR_TRACK_MARKS + (uint32_t)(number % SR_TRACK_MARK_MAX) * SR_TRACK_MARK_WORDS);
}

/* Of a track whose words say `first` and `next`, marks from here on to `next` are live. */
static inline uint64_t first_live(uint64_t first, uint64_t next)
{
    first = next > MARKS && first < next - MARKS ? next - MARKS : first;
    return first < next ? first : next;
}

#endif
