/* SPDX-License-Identifier: Apache-2.0 */
/* The yardstick: the same sample booked in private memory by one thread, as a program would that wants the same figures
 * for itself alone: bucket by status, sum, least and greatest, cost by category. */
#ifndef BENCH_PRIVATE_BOOKS_H
#define BENCH_PRIVATE_BOOKS_H

#include <slipring/record.h>

#include "pure/bucket.h"
#include "samples.h"

struct private_books {
    uint64_t sum_ns, min_ns, max_ns;
    uint64_t cost[SLIPRING_CATEGORY_COUNT];
    uint64_t savings[SLIPRING_CATEGORY_COUNT];
    uint64_t cells[2][SR_BUCKET_COUNT]; /* by outcome */
};

/* No limits are checked and no caller can go wrong: it is the least that the same figures can cost. */
static inline __attribute__((always_inline)) void private_books_record(struct private_books *books,
                                                                       uint64_t duration_ns, uint32_t outcome,
                                                                       const struct slipring_cost *cost)
{
    books->cells[outcome][sr_bucket_index(duration_ns)]++;
    books->sum_ns += duration_ns;
    if (__builtin_expect(duration_ns < books->min_ns || duration_ns > books->max_ns, 0)) {
        books->min_ns = duration_ns < books->min_ns ? duration_ns : books->min_ns;
        books->max_ns = duration_ns > books->max_ns ? duration_ns : books->max_ns;
    }
    if (cost) {
        books->cost[cost->category] += cost->cost_nanodollars;
        books->savings[cost->category] += cost->savings_nanodollars;
    }
}

/* Empty; min_ns starts at the top. */
void private_books_clear(struct private_books *books);
void private_books_sum(const struct private_books *books, struct tally *out_tally);

#endif
