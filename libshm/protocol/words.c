/* SPDX-License-Identifier: Apache-2.0 */
/* Which durable words exist: see words.h. */
#include "protocol/words.h"

#include <stdlib.h>
#include <string.h>

#include "system/hole.h"

#define WORDS_OFF offsetof(struct sr_stats_map, words)

static void note_existing(struct sr_words *words, uint32_t first_page, uint32_t pages)
{
    for (uint32_t page = first_page; page < first_page + pages; page++) {
        words->exists[page / 64] |= UINT64_C(1) << (page % 64);
    }
}

static void found(uint64_t offset, uint64_t bytes, void *context)
{
    note_existing(context, (uint32_t)((offset - WORDS_OFF) / SR_PAGE_BYTES),
                  (uint32_t)(bytes / SR_PAGE_BYTES));
}

enum slipring_status sr_words_open(struct sr_words *words, struct sr_map *map)
{
    *words = (struct sr_words){.map = map, .base = (void *)(map->base + WORDS_OFF)};
    words->exists = calloc(SR_WORD_PAGES / 64 + 1, sizeof words->exists[0]);
    if (!words->exists) {
        return SLIPRING_NO_MEMORY;
    }
    enum slipring_status status =
        sr_hole_survey(map, WORDS_OFF, (uint64_t)SR_WORD_PAGES * SR_PAGE_BYTES, found, words);
    if (status != SLIPRING_OK) {
        sr_words_close(words);
    }
    return status;
}

void sr_words_close(struct sr_words *words)
{
    free(words->exists);
    words->exists = NULL;
}

enum slipring_status sr_words_reserve_slowly(struct sr_words *words, uint32_t first, uint32_t count)
{
    const uint32_t end = (first + count - 1) / SR_WORDS_PER_PAGE + 1;
    for (uint32_t page = first / SR_WORDS_PER_PAGE; page < end; page++) {
        if (sr_words_exist(words, page * SR_WORDS_PER_PAGE)) {
            continue;
        }
        uint32_t pages = 1;
        while (page + pages < end && !sr_words_exist(words, (page + pages) * SR_WORDS_PER_PAGE)) {
            pages++;
        }
        if (words->is_refused) {
            return SLIPRING_NO_SPACE;
        }
        enum slipring_status status = sr_map_reserve(words->map, WORDS_OFF + (uint64_t)page * SR_PAGE_BYTES,
                                                     (uint64_t)pages * SR_PAGE_BYTES);
        if (status != SLIPRING_OK) {
            words->is_refused = true;
            words->refusals++;
            return status;
        }
        note_existing(words, page, pages);
        words->made += pages;
        page += pages - 1;
    }
    return SLIPRING_OK;
}

void sr_words_retry(struct sr_words *words)
{
    words->is_refused = false;
}

/* How many of the words from `word` on, `left` at most, lie in its page. */
static uint32_t stretch(uint32_t word, uint32_t left)
{
    const uint32_t in_page = SR_WORDS_PER_PAGE - word % SR_WORDS_PER_PAGE;
    return in_page < left ? in_page : left;
}

void sr_words_read(const struct sr_words *words, uint32_t first, uint32_t count, uint64_t *out_values)
{
    for (uint32_t done = 0, n = 0; done < count; done += n) {
        n = stretch(first + done, count - done);
        if (sr_words_exist(words, first + done)) {
            memcpy(out_values + done, words->base + first + done, n * sizeof *out_values);
        } else {
            memset(out_values + done, 0, n * sizeof *out_values);
        }
    }
}

void sr_words_clear(struct sr_words *words, uint32_t first, uint32_t count)
{
    for (uint32_t done = 0, n = 0; done < count; done += n) {
        n = stretch(first + done, count - done);
        if (sr_words_exist(words, first + done)) {
            memset(words->base + first + done, 0, n * sizeof words->base[0]);
        }
    }
}

static bool is_zero(const struct sr_words *words, uint32_t page)
{
    const uint64_t *at = words->base + (uint64_t)page * SR_WORDS_PER_PAGE;
    uint64_t any = 0;
    for (uint32_t i = 0; i < SR_WORDS_PER_PAGE; i++) {
        any |= at[i];
    }
    return any == 0;
}

uint32_t sr_words_return(struct sr_words *words, uint32_t first, uint32_t count)
{
    uint32_t returned = 0;
    const uint32_t end = (first + count) / SR_WORDS_PER_PAGE;
    for (uint32_t page = first / SR_WORDS_PER_PAGE; page < end; page++) {
        if (!sr_words_exist(words, page * SR_WORDS_PER_PAGE) || !is_zero(words, page)) {
            continue;
        }
        if (sr_map_punch(words->map, WORDS_OFF + (uint64_t)page * SR_PAGE_BYTES, SR_PAGE_BYTES) !=
            SLIPRING_OK) {
            break; /* it stays: a page of zeros */
        }
        words->exists[page / 64] &= ~(UINT64_C(1) << (page % 64));
        returned++;
    }
    return returned;
}

void sr_words_write_unreferenced(struct sr_words *words, uint32_t first, uint32_t count,
                                 const uint64_t *values)
{
    memcpy(words->base + first, values, count * sizeof values[0]);
}
