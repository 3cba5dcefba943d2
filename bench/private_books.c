/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing the private books: see private_books.h. */
#include "private_books.h"

#include <string.h>

void private_books_clear(struct private_books *books)
{
    memset(books, 0, sizeof *books);
    books->min_ns = UINT64_MAX;
}

void private_books_sum(const struct private_books *books, struct tally *out_tally)
{
    struct tally tally = {.sum_ns = books->sum_ns, .min_ns = books->min_ns, .max_ns = books->max_ns};
    for (uint32_t i = 0; i < SR_BUCKET_COUNT; i++) {
        tally.count += books->cells[0][i] + books->cells[1][i];
        tally.failures += books->cells[1][i];
    }
    for (uint32_t i = 0; i < SLIPRING_CATEGORY_COUNT; i++) {
        tally.cost += books->cost[i];
        tally.savings += books->savings[i];
    }
    *out_tally = tally;
}
