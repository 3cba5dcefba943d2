/* SPDX-License-Identifier: Apache-2.0 */
/* Durable words as a looker-on can read them: somebody who is not the agent, while the agent goes on, or after it
 * was killed.
 *
 * G1  From sr_reading_begin() on, every word read is at least as new as the last commit before it: the journal was seen
 *     clear then. It may be newer: words that only grow can be compared in intervals.
 * G2  A journal that nobody clears, because its agent was killed or stopped in the middle, is applied in private memory:
 *     words are then read as its commit left them, and stand still.
 * G3  A page that the file has not is not touched, and reads as zeros. Which there are is asked after the journal was seen
 *     clear: pages are reserved before they are written.
 *
 * sr_reading_begin() waits for a clear journal, a tenth of a second at most: an agent that lives clears it in
 * microseconds. One thread. */
#ifndef SR_PEER_READING_H
#define SR_PEER_READING_H

#include <stdbool.h>

#include "protocol/words.h"

struct sr_reading {
    struct sr_map map; /* the stats segment, mapped and guarded by the caller */
    struct sr_words words;
    struct sr_journal_pair_shm *pairs; /* a committed journal, by word; else none */
    uint32_t pair_count;
    bool is_frozen;     /* nobody clears the journal: the words stand still */
    bool is_impossible; /* and it can't be applied */
};

/* Begin, and begin again. OK, NO_MEMORY, ABSENT when the file is gone, SYSTEM. */
SR_MUST_CHECK enum slipring_status sr_reading_begin(struct sr_reading *reading);
void sr_reading_close(struct sr_reading *reading);

uint64_t sr_reading_get(const struct sr_reading *reading, uint32_t word);
uint64_t sr_reading_sum(const struct sr_reading *reading, uint32_t first, uint32_t count);

/* Wait for a clear journal as sr_reading_begin() does. True: it is, or the words are frozen. */
bool sr_reading_is_clear(const struct sr_reading *reading);

#endif
