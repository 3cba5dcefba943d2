/* SPDX-License-Identifier: Apache-2.0 */
/* The commit that makes a book begin: see reset.h. */
#include "reset.h"

#include <string.h>

#include "binding.h"
#include "exemplars.h"
#include "history.h"
#include "slo.h"
#include "usage.h"
#include "windows_parts.h"

/* To zero, as far as it is not. */
static void clear(struct books *books, uint32_t first, uint32_t count)
{
    for (uint32_t word = first; word < first + count; word++) {
        if (get(books, word) != 0) {
            set(books, word, 0);
        }
    }
}

/* What the book holds was booked by a former one, as it were. */
static void balance(struct books *books, uint32_t book, enum sr_book_word mine, enum sr_store_word former)
{
    const uint32_t word = SR_WORD(book, book, mine);
    const uint64_t value = get(books, word);
    if (value != 0) {
        sr_batch_add(&books->durable->batch, SR_WORD(store, 0, former), 0 - value);
        set(books, word, 0);
    }
}

static void clear_counts(struct books *books, uint32_t book)
{
    static const enum sr_book_word words[] = {
        SR_BOOK_COUNT,        SR_BOOK_FAILURES,  SR_BOOK_ABORTED,      SR_BOOK_SUM_LOW,
        SR_BOOK_SUM_HIGH,     SR_BOOK_MIN,       SR_BOOK_MAX,          SR_BOOK_CLAMPED,
        SR_BOOK_OTHERS,       SR_BOOK_OPEN_NS,   SR_BOOK_BASE_COUNT,   SR_BOOK_BASE_FAILURES,
        SR_BOOK_BASE_SPILLED, SR_BOOK_BASE_COST, SR_BOOK_BASE_SAVINGS,
    };
    balance(books, book, SR_BOOK_TAKEN, SR_STORE_FORMER_TAKEN);
    balance(books, book, SR_BOOK_BESIDE, SR_STORE_FORMER_BESIDE);
    balance(books, book, SR_BOOK_SPILLED, SR_STORE_FORMER_SPILLED);
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(words); i++) {
        clear(books, SR_WORD(book, book, words[i]), 1);
    }
    clear(books, SR_WORD(book, book, SR_BOOK_COST), SLIPRING_CATEGORY_COUNT);
    clear(books, SR_WORD(book, book, SR_BOOK_SAVINGS), SLIPRING_CATEGORY_COUNT);
    clear(books, SR_WORD(book, book, SR_BOOK_CELLS), SR_BUCKET_COUNT);
    clear(books, SR_WORD(book, book, SR_BOOK_BASE_CELLS), SR_BUCKET_COUNT);
    clear(books, SR_WORD(former, book, 0), SR_FORMER_CELLS + SR_BUCKET_COUNT);
    for (uint32_t i = 0; i < SLIPRING_BOUND_COUNT; i++) {
        const uint32_t bound = SR_WORD(book, book, SR_BOOK_BOUNDS + i * SR_BOUND_WORDS);
        clear(books, bound + SR_BOUND_SLOT, 1);
        clear(books, bound + SR_BOUND_EXACT_SINCE_NS, 1);
    }
}

/* Parts of buckets are too many for a journal. They are void from the commit on, of no schema; whoever starts after a kill forgets them
 * (windows_list.c). */
static void void_parts(struct books *books, uint32_t book)
{
    const uint32_t schema = SR_WORD(fine, book, SR_FINE_SCHEMA);
    if (get(books, schema) != 0) {
        set(books, schema, 1);
    }
}

static void forget_parts(struct books *books, uint32_t book)
{
    const uint32_t schema = SR_WORD(fine, book, SR_FINE_SCHEMA);
    if (get(books, schema) != 0) {
        sr_words_clear(&books->durable->words, SR_WORD(fine, book, 0), SR_FINE_SCHEMA);
        set(books, schema, 0);
        books_commit(books);
    }
}

static void clear_windows(struct books *books, uint32_t book)
{
    for (uint32_t tier = 0; tier < SR_TIER_MAX && windows_are_set_up(books, book); tier++) {
        clear(books, tier_word(book, tier, SR_TIER_COUNT), 1);
        clear(books, tier_word(book, tier, SR_TIER_GROWING), 1);
        set(books, tier_word(book, tier, SR_TIER_COVER_NS), books->seen_ns);
    }
}

/* After the counts. */
static void begin_objectives(struct books *books, uint32_t book, uint64_t now_ns)
{
    for (uint32_t i = 0; i < SLIPRING_OBJECTIVE_COUNT; i++) {
        if (get(books,
                SR_WORD(book, book, SR_BOOK_OBJECTIVES + i * SR_OBJECTIVE_WORDS + SR_OBJECTIVE_KIND)) != 0) {
            history_begin(books, book, i, now_ns);
            slo_begin(books, book, i);
        }
    }
}

/* What is kept beside the words. */
static void forget(struct books *books, uint32_t index)
{
    struct book *book = &books->book[index];
    book->low = book->high = 0;
    book->open_ns = 0;
    books_note_change(books, index);
    book->marked[BOOK_EXECUTIONS].total = UINT64_MAX;
    book->marked[BOOK_MONEY].total = UINT64_MAX;
    book->judged_ns = 0;
    shelf_drop(books->windows->shelf[index]);
    books->windows->shelf[index] = NULL;
}

void reset_book(struct books *books, uint32_t book, uint64_t now_ns, uint64_t wall_ns)
{
    books_commit(books);
    usage_reset(
        books, book); /* first: it may commit on the way, and a book never has less money than its accounts */
    clear_counts(books, book);
    clear_windows(books, book);
    void_parts(books, book);
    set(books, SR_WORD(book, book, SR_BOOK_OPENED_NS), books->seen_ns);
    set(books, SR_WORD(book, book, SR_BOOK_CREATED_WALL_NS), wall_ns);
    begin_objectives(books, book, now_ns);
    exemplars_reset(books, book);
    sr_batch_add(&books->durable->batch, SR_WORD(store, 0, SR_STORE_RESETS), 1);
    books_commit(books);
    forget(books, book);
    forget_parts(books, book);
}

uint32_t reset_named(struct books *books, const char *name, const char *type, uint64_t now_ns,
                     uint64_t wall_ns)
{
    uint32_t count = 0;
    for (uint32_t index = 0; index < books->high; index++) {
        char there[136];
        char its_type[64];
        binding_read_text(books, SR_WORD(book, index, SR_BOOK_NAME), there, sizeof there);
        binding_read_text(books, SR_WORD(book, index, SR_BOOK_TYPE), its_type, sizeof its_type);
        if (books->book[index].is_used && (!name || strcmp(there, name) == 0) &&
            (!type || strcmp(its_type, type) == 0)) {
            reset_book(books, index, now_ns, wall_ns);
            count++;
        }
    }
    return count;
}
