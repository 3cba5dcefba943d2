/* SPDX-License-Identifier: Apache-2.0 */
/* Sums that stand still at their greatest value: see money.h. */
#include "money.h"

#include "pure/money.h"

static void note_saturated(struct books *books)
{
    sr_batch_add(&books->durable->batch, SR_WORD(store, 0, SR_STORE_SATURATED), 1);
}

uint64_t money_add(struct books *books, uint32_t word, uint64_t amount)
{
    struct sr_batch *batch = &books->durable->batch;
    const uint64_t before = sr_batch_get(batch, word);
    bool is_saturated = false; /* it is, when it reaches UINT64_MAX, with or without a rest */
    const uint64_t after = sr_money_add(before, amount, &is_saturated);
    if (after != before) {
        sr_batch_set(batch, word, after);
        if (after == UINT64_MAX) {
            note_saturated(books);
        }
    }
    return after;
}

/* The book's sum, if that of a category were this. */
static uint64_t sum_with(const struct books *books, uint32_t book, uint32_t first, uint32_t category,
                         uint64_t amount)
{
    uint64_t sum = 0;
    bool is_saturated = false; /* UINT64_MAX says so */
    for (uint32_t i = 0; i < SLIPRING_CATEGORY_COUNT; i++) {
        const uint64_t one =
            i == category ? amount
                          : sr_batch_get_settled(&books->durable->batch, SR_WORD(book, book, first + i));
        sum = sr_money_add(sum, one, &is_saturated);
    }
    return sum;
}

uint64_t money_of_book(const struct books *books, uint32_t book, uint32_t first)
{
    return sum_with(books, book, first, SLIPRING_CATEGORY_COUNT, 0);
}

void money_add_to_book(struct books *books, uint32_t book, uint32_t first, uint32_t category, uint64_t amount)
{
    const uint32_t word = SR_WORD(book, book, first + category);
    const uint64_t before = sr_batch_get(&books->durable->batch, word);
    const uint64_t after = money_add(books, word, amount);
    if (after <= UINT64_MAX / SLIPRING_CATEGORY_COUNT || after == UINT64_MAX) {
        return; /* the others would have to be larger to fill the sum; or it is counted already */
    }
    if (sum_with(books, book, first, category, after) == UINT64_MAX &&
        sum_with(books, book, first, category, before) != UINT64_MAX) {
        note_saturated(books);
    }
}
