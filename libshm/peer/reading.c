/* SPDX-License-Identifier: Apache-2.0 */
/* Durable words for a looker-on: see reading.h. */
#include "peer/reading.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "protocol/stats_segment.h"

enum { SPINS = 2000, SLEEPS = 500 };

static int compare_words(const void *left, const void *right)
{
    uint64_t a = ((const struct sr_journal_pair_shm *)left)->word;
    uint64_t b = ((const struct sr_journal_pair_shm *)right)->word;
    return a < b ? -1 : a > b;
}

/* The word as it lies there. */
static uint64_t get_bare(const struct sr_reading *reading, uint32_t word)
{
    if (!sr_words_exist(&reading->words, word)) {
        return 0;
    }
    /* acquire: keeps the look at the journal that follows behind it; else words newer than that look are compared */
    return __atomic_load_n(&reading->words.base[word], __ATOMIC_ACQUIRE);
}

/* The first pair of a word at or above this one; pair_count: none. */
static uint32_t first_pair(const struct sr_reading *reading, uint32_t word)
{
    uint32_t low = 0;
    uint32_t high = reading->pair_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (reading->pairs[middle].word < word) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

uint64_t sr_reading_get(const struct sr_reading *reading, uint32_t word)
{
    uint32_t pair = first_pair(reading, word);
    bool is_in_journal = pair < reading->pair_count && reading->pairs[pair].word == word;
    return is_in_journal ? reading->pairs[pair].value : get_bare(reading, word);
}

uint64_t sr_reading_sum(const struct sr_reading *reading, uint32_t first, uint32_t count)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!sr_words_exist(&reading->words, first + i)) {
            i += SR_WORDS_PER_PAGE - (first + i) % SR_WORDS_PER_PAGE - 1; /* to the last word of this page */
        } else {
            sum += get_bare(reading, first + i);
        }
    }
    for (uint32_t i = first_pair(reading, first); i < reading->pair_count; i++) {
        const struct sr_journal_pair_shm *pair = &reading->pairs[i];
        if (pair->word - first >= count) {
            break;
        }
        sum += pair->value - get_bare(reading, (uint32_t)pair->word);
    }
    return sum;
}

static uint64_t committed_pairs(const struct sr_reading *reading)
{
    /* acquire: pairs with the agent's release of the clear journal: every word then is as its last commit left it */
    return atomic_load_explicit(&sr_stats_segment_journal(reading->map.base)->committed,
                                memory_order_acquire);
}

/* Wait until the journal is clear, a tenth of a second at most; an agent that lives clears it in microseconds. */
static uint64_t await_clear(const struct sr_reading *reading)
{
    uint64_t pairs = committed_pairs(reading);
    for (int spins = 0; pairs != 0 && spins < SPINS; spins++) {
        (void)sched_yield();
        pairs = committed_pairs(reading);
    }
    for (int sleeps = 0; pairs != 0 && sleeps < SLEEPS; sleeps++) {
        const struct timespec pause = {.tv_nsec = 200000};
        (void)nanosleep(&pause, NULL);
        pairs = committed_pairs(reading);
    }
    return pairs;
}

/* Nobody clears it: its agent is dead or stopped. Take it over in private memory. */
static enum slipring_status apply_privately(struct sr_reading *reading, uint64_t pairs)
{
    const struct sr_journal_shm *journal = sr_stats_segment_journal(reading->map.base);
    if (pairs > SR_JOURNAL_PAIRS) {
        reading->is_impossible = true;
        return SLIPRING_OK;
    }
    if (!reading->pairs) {
        reading->pairs = calloc(SR_JOURNAL_PAIRS, sizeof *reading->pairs);
        if (!reading->pairs) {
            return SLIPRING_NO_MEMORY;
        }
    }
    memcpy(reading->pairs, journal->pairs, pairs * sizeof *reading->pairs);
    qsort(reading->pairs, pairs, sizeof *reading->pairs, compare_words);
    reading->pair_count = (uint32_t)pairs;
    return SLIPRING_OK;
}

bool sr_reading_is_clear(const struct sr_reading *reading)
{
    return reading->is_frozen || await_clear(reading) == 0;
}

enum slipring_status sr_reading_begin(struct sr_reading *reading)
{
    reading->pair_count = 0;
    uint64_t pairs = await_clear(reading);
    reading->is_frozen = pairs != 0;
    reading->is_impossible = false;
    if (reading->is_frozen) {
        enum slipring_status status = apply_privately(reading, pairs);
        if (status != SLIPRING_OK) {
            return status;
        }
    }
    sr_words_close(&reading->words);
    return sr_words_open(&reading->words, &reading->map);
}

void sr_reading_close(struct sr_reading *reading)
{
    sr_words_close(&reading->words);
    free(reading->pairs);
    reading->pairs = NULL;
}
