/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts on their way to readers, to disk and back, and to nothing: see usage.h. */
#include <string.h>

#include "binding.h"
#include "pure/money.h"
#include "pure/name.h"
#include "usage_parts.h"

/* --- publishing --------------------------------------------------------------------------------------------------------------- */

static uint64_t sum(uint64_t one, uint64_t other)
{
    bool is_saturated = false;
    return sr_money_add(one, other, &is_saturated);
}

static void read_figures(const struct books *books, uint32_t index, struct slipring_usage_stats *out_figures)
{
    *out_figures = (struct slipring_usage_stats){
        .place = books->book[books->usage->accounts[index].book].place,
        .usages = usage_get(books, index, SR_USAGE_USAGES),
        .unpriced = usage_get(books, index, SR_USAGE_UNPRICED),
        .cost_nanodollars = usage_get(books, index, SR_USAGE_COST),
        .savings_nanodollars = usage_get(books, index, SR_USAGE_SAVINGS),
    };
    out_figures->lifetime_usages = out_figures->usages + usage_get(books, index, SR_USAGE_FORMER_USAGES);
    out_figures->lifetime_cost_nanodollars =
        sum(out_figures->cost_nanodollars, usage_get(books, index, SR_USAGE_FORMER_COST));
    out_figures->lifetime_savings_nanodollars =
        sum(out_figures->savings_nanodollars, usage_get(books, index, SR_USAGE_FORMER_SAVINGS));
    binding_read_text(books, SR_WORD(usage, index, SR_USAGE_RESOURCE), out_figures->resource,
                      sizeof out_figures->resource);
    for (uint32_t unit = 0; unit < SLIPRING_UNIT_MAX; unit++) {
        out_figures->units[unit] = usage_get(books, index, SR_USAGE_UNITS + unit);
        out_figures->unpriced_units[unit] = usage_waiting(books, index, unit);
        out_figures->unpriced_now |= out_figures->unpriced_units[unit] != 0;
    }
}

/* True: there was something to write. */
static bool publish(struct books *books, uint32_t index)
{
    struct account *account = &books->usage->accounts[index];
    const uint32_t place = account->is_used ? books->book[account->book].place : BOOK_NONE;
    if (!account->is_changed && account->place == place) {
        return false;
    }
    const bool is_shown = place != BOOK_NONE;
    struct slipring_usage_stats figures = {.place = 0};
    if (is_shown) {
        if (sr_books_reserve(books->durable, SR_OPTIONAL_USAGE, index) != SLIPRING_OK) {
            return false; /* it stays changed */
        }
        read_figures(books, index, &figures);
    }
    if (is_shown || sr_books_has(books->durable, SR_OPTIONAL_USAGE, index)) {
        sr_books_publish_usage(books->durable, index, &figures);
    }
    account->is_changed = false;
    account->place = place;
    return is_shown;
}

void usage_publish(struct books *books, uint32_t most)
{
    struct usage *usage = books->usage;
    for (uint32_t looks = 0; looks < usage->account_high && most != 0; looks++) {
        usage->next = usage->next < usage->account_high ? usage->next : 0;
        most -= publish(books, usage->next++);
    }
}

/* --- checkpoints -------------------------------------------------------------------------------------------------------------- */

uint32_t usage_high(const struct books *books)
{
    return books->usage->account_high;
}

uint32_t usage_next_of(const struct books *books, uint32_t book, uint32_t account)
{
    const struct usage *usage = books->usage;
    return (account == USAGE_NO_ACCOUNT ? usage->of_book[book] : usage->accounts[account].next) -
           1; /* 0: USAGE_NO_ACCOUNT */
}

bool usage_take_at(const struct books *books, uint32_t account, uint32_t *out_book,
                   struct saved_usage *out_saved)
{
    if (account >= books->usage->account_high || !books->usage->accounts[account].is_used) {
        return false;
    }
    struct slipring_usage_stats figures;
    read_figures(books, account, &figures);
    *out_book = books->usage->accounts[account].book;
    *out_saved = (struct saved_usage){
        .usages = figures.lifetime_usages,
        .unpriced = figures.unpriced + usage_get(books, account, SR_USAGE_FORMER_UNPRICED),
        .cost = figures.lifetime_cost_nanodollars,
        .cost_rest = usage_get(books, account, SR_USAGE_COST_REST),
        .savings = figures.lifetime_savings_nanodollars,
        .savings_rest = usage_get(books, account, SR_USAGE_SAVINGS_REST),
    };
    memcpy(out_saved->resource, figures.resource, sizeof out_saved->resource);
    for (uint32_t unit = 0; unit < SLIPRING_UNIT_MAX; unit++) {
        out_saved->units[unit] =
            figures.units[unit] + usage_get(books, account, SR_USAGE_FORMER_UNITS + unit);
        out_saved->waiting[unit] = figures.unpriced_units[unit];
    }
    return true;
}

enum slipring_status usage_restore(struct books *books, uint32_t book, const struct saved_usage *saved)
{
    char resource[64];
    memcpy(resource, saved->resource, sizeof resource);
    if (sr_name_check(memchr(resource, '\0', sizeof resource) ? resource : NULL, SLIPRING_MODEL_NAME_MAX) !=
        SR_NAME_OK) {
        return SLIPRING_BAD_NAME;
    }
    bool is_full = false;
    const uint32_t index = usage_account(books, book, resource, &is_full);
    if (index == USAGE_NO_ACCOUNT) {
        return is_full ? SLIPRING_TABLE_FULL : SLIPRING_NO_SPACE;
    }
    usage_set(books, index, SR_USAGE_FORMER_USAGES, saved->usages);
    usage_set(books, index, SR_USAGE_FORMER_UNPRICED, saved->unpriced);
    usage_set(books, index, SR_USAGE_FORMER_COST, saved->cost);
    usage_set(books, index, SR_USAGE_FORMER_SAVINGS, saved->savings);
    usage_set(books, index, SR_USAGE_COST_REST, saved->cost_rest % 1000);
    usage_set(books, index, SR_USAGE_SAVINGS_REST, saved->savings_rest % 1000);
    for (uint32_t unit = 0; unit < SLIPRING_UNIT_MAX; unit++) {
        usage_set(books, index, SR_USAGE_FORMER_UNITS + unit, saved->units[unit]);
        usage_set(books, index, SR_USAGE_PRICED_UNITS + unit,
                  0 - saved->waiting[unit]); /* units begin at 0 */
    }
    return SLIPRING_OK;
}

#define RESET_ROOM 8192u /* pairs, for what else the caller's batch gets */

/* --- resets ------------------------------------------------------------------------------------------------------------------- */

/* What the account holds was booked by a former one, as it were: in the batch that takes it. */
static void book_over(struct books *books, uint32_t index)
{
    struct sr_batch *batch = &books->durable->batch;
    uint64_t units = 0;
    for (uint32_t unit = 0; unit < SLIPRING_UNIT_MAX; unit++) {
        units += usage_get(books, index, SR_USAGE_UNITS + unit);
    }
    const uint64_t usages = usage_get(books, index, SR_USAGE_USAGES);
    if ((usages | units) != 0) {
        sr_batch_add(batch, SR_WORD(store, 0, SR_STORE_FORMER_USAGES), 0 - usages);
        sr_batch_add(batch, SR_WORD(store, 0, SR_STORE_FORMER_UNITS), 0 - units);
    }
}

void usage_reset(struct books *books, uint32_t book)
{
    struct usage *usage = books->usage;
    for (uint32_t index = 0; index < usage->account_high; index++) {
        struct account *account = &usage->accounts[index];
        if (!account->is_used || account->book != book) {
            continue;
        }
        if (sr_batch_room(&books->durable->batch) < RESET_ROOM) {
            books_commit(books);
        }
        book_over(books, index);
        for (uint32_t word = SR_USAGE_USAGES; word < SR_USAGE_WORDS; word++) {
            const bool is_name = word >= SR_USAGE_RESOURCE && word < SR_USAGE_UNITS;
            if (!is_name && usage_get(books, index, word) != 0) {
                usage_set(books, index, word, 0);
            }
        }
        account->is_changed = true;
    }
}

/* --- double entry --------------------------------------------------------------------------------------------------------- */

/* Modulo 2^64. `first` and `count` words of each item. */
static uint64_t sum_items(const struct sr_words *words, uint32_t area, uint32_t each, uint32_t first,
                          uint32_t count)
{
    uint64_t sum = 0;
    for (uint32_t item = 0; item < SR_USAGE_MAX; item++) {
        for (uint32_t i = 0; i < count && sr_words_exist(words, area + item * each); i++) {
            sum += sr_words_get(words, area + item * each + first + i);
        }
    }
    return sum;
}

void usage_balance(struct sr_books *durable)
{
    const struct sr_words *words = &durable->words;
    const uint32_t mine = SR_WORD(usage, 0, 0);
    const uint32_t copies = SR_WORD(copy_usage, 0, 0);
    const uint64_t usages = sum_items(words, mine, SR_WORDS_PER_usage, SR_USAGE_USAGES, 1) -
                            sum_items(words, copies, SR_WORDS_PER_copy_usage, SR_COPY_USAGE_USAGES, 1);
    const uint64_t units =
        sum_items(words, mine, SR_WORDS_PER_usage, SR_USAGE_UNITS, SLIPRING_UNIT_MAX) -
        sum_items(words, copies, SR_WORDS_PER_copy_usage, SR_COPY_USAGE_UNITS, SLIPRING_UNIT_MAX);
    sr_batch_set(&durable->batch, SR_WORD(store, 0, SR_STORE_FORMER_USAGES), usages);
    sr_batch_set(&durable->batch, SR_WORD(store, 0, SR_STORE_FORMER_UNITS), units);
    sr_batch_set(&durable->batch, SR_WORD(store, 0, SR_STORE_USAGE_BALANCED), 1);
}
