/* SPDX-License-Identifier: Apache-2.0 */
/* Hashing what would be saved: see checkpoint_stamp.h. */
#include "checkpoint_stamp.h"

#include <stdlib.h>
#include <string.h>

#define ITEMS (SR_PRIMITIVE_MAX + SR_USAGE_MAX)

struct checkpoint_stamps {
    bool is_full;
    uint64_t full[ITEMS]; /* as in the last full file; 0: not in it */
    uint64_t last[ITEMS]; /* as in the last file of any kind, */
    uint64_t next[ITEMS]; /* and in the one that is being made */
};

struct checkpoint_stamps *checkpoint_stamps_new(void)
{
    return calloc(1, sizeof(struct checkpoint_stamps));
}

void checkpoint_stamps_free(struct checkpoint_stamps *stamps)
{
    free(stamps);
}

/* The finisher of MurmurHash3 (Appleby, public domain) over a running sum. */
static uint64_t add(uint64_t stamp, uint64_t value)
{
    uint64_t mixed = stamp ^ value;
    mixed = (mixed ^ mixed >> 33) * UINT64_C(0xff51afd7ed558ccd);
    mixed = (mixed ^ mixed >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return (mixed ^ mixed >> 33) + UINT64_C(0x9e3779b97f4a7c15);
}

static uint64_t add_words(const struct books *books, uint64_t stamp, uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        stamp = add(stamp, sr_words_get(&books->durable->words, first + i));
    }
    return stamp;
}

/* But for the open part, which changes when a slice is closed, the words before the name say whether anything came. */
static uint64_t stamp_book(const struct books *books, uint32_t index)
{
    const uint32_t first = SR_WORD(book, index, 0);
    uint64_t stamp = add_words(books, 1, first + SR_BOOK_COUNT, SR_BOOK_OPENED_NS - SR_BOOK_COUNT);
    stamp = add_words(books, stamp, first + SR_BOOK_CREATED_WALL_NS, SR_BOOK_NAME - SR_BOOK_CREATED_WALL_NS);
    if (books->book[index].has_objectives) {
        stamp = add_words(books, stamp, first + SR_BOOK_OBJECTIVES,
                          SLIPRING_OBJECTIVE_COUNT * SR_OBJECTIVE_WORDS);
    }
    return stamp | 1;
}

/* With the beginning of its book: after a reset the same amounts are others, for what an older file has is not restored. */
static uint64_t stamp_usage(const struct books *books, uint32_t book, const struct saved_usage *usage)
{
    uint64_t stamp = add_words(books, 1, SR_WORD(book, book, SR_BOOK_CREATED_WALL_NS), 1);
    stamp = add(stamp, usage->usages);
    stamp = add(add(stamp, usage->unpriced), usage->cost);
    stamp = add(add(stamp, usage->cost_rest), usage->savings);
    stamp = add(stamp, usage->savings_rest);
    for (uint32_t i = 0; i < SLIPRING_UNIT_MAX; i++) {
        stamp = add(add(stamp, usage->units[i]), usage->waiting[i]);
    }
    return stamp | 1;
}

void checkpoint_stamps_begin(struct checkpoint_stamps *stamps, bool is_full)
{
    stamps->is_full = is_full;
    memcpy(stamps->next, stamps->full, sizeof stamps->next);
    if (is_full) {
        memset(stamps->next, 0, sizeof stamps->next);
    }
}

static bool take(struct checkpoint_stamps *stamps, uint32_t item, uint64_t stamp)
{
    const bool is_in = stamps->is_full || stamps->full[item] != stamp;
    stamps->next[item] = stamp;
    return is_in;
}

bool checkpoint_stamps_take_book(struct checkpoint_stamps *stamps, const struct books *books, uint32_t book)
{
    return take(stamps, book, stamp_book(books, book));
}

bool checkpoint_stamps_take_usage(struct checkpoint_stamps *stamps, const struct books *books, uint32_t book,
                                  uint32_t account, const struct saved_usage *usage)
{
    return take(stamps, SR_PRIMITIVE_MAX + account, stamp_usage(books, book, usage));
}

void checkpoint_stamps_keep(struct checkpoint_stamps *stamps)
{
    memcpy(stamps->last, stamps->next, sizeof stamps->last);
    if (stamps->is_full) {
        memcpy(stamps->full, stamps->next, sizeof stamps->full);
    }
}

bool checkpoint_stamps_is_new_book(const struct checkpoint_stamps *stamps, bool than_full,
                                   const struct books *books, uint32_t book)
{
    const uint64_t *known = than_full ? stamps->full : stamps->last;
    return books->book[book].is_used && known[book] != stamp_book(books, book);
}

bool checkpoint_stamps_is_new_usage(const struct checkpoint_stamps *stamps, bool than_full,
                                    const struct books *books, uint32_t book, uint32_t account,
                                    const struct saved_usage *usage)
{
    const uint64_t *known = than_full ? stamps->full : stamps->last;
    return known[SR_PRIMITIVE_MAX + account] != stamp_usage(books, book, usage);
}
