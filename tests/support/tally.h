/* SPDX-License-Identifier: Apache-2.0 */
/* What a primitive's books ought to hold: made either by counting what a test records, or by folding a ring segment (fold.h).
 * The two must be equal to the last nanosecond and nano-dollar. Buckets are found here by searching their edges, not by the
 * library's sr_bucket_index(). */
#ifndef SUPPORT_TALLY_H
#define SUPPORT_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include <slipring/slipring.h>
#include <slipring/usage.h>

#include "protocol/layout.h"

#define TALLY_BOUND_MAX 18u
#define TALLY_RESOURCES 4u

/* What was used of a resource (uses.h). */
struct tally_usage {
    uint64_t usages;
    uint64_t units[SLIPRING_UNIT_MAX];
};

struct tally {
    uint64_t cells[2][SR_BUCKET_COUNT]; /* success, failure */
    uint64_t count[2];                  /* their sums */
    uint64_t sum_ns, min_ns, max_ns;
    uint64_t cost[SLIPRING_CATEGORY_COUNT], savings[SLIPRING_CATEGORY_COUNT];
    uint64_t clamped, amounts, cancels;
    uint64_t begun, ended;
    struct tally_usage uses[TALLY_RESOURCES]; /* a fold of rings knows nothing of it */
    uint32_t bound_count;
    uint64_t bound_ns[TALLY_BOUND_MAX]; /* ascending */
    uint64_t at_most[TALLY_BOUND_MAX];  /* executions that took no longer than the bound */
    /* which way the executions, amounts and cancels came; only a fold knows */
    uint64_t through_ring, through_spill, through_shared;
    uint64_t torn; /* shared spill: entered and not left */
};

/* The default `le` bounds and one more; 0: none. */
void tally_init(struct tally *tally, uint64_t extra_bound_ns);

/* The index of the duration's bucket, by binary search. */
uint32_t tally_bucket(uint64_t duration_ns);

/* What the library promises to count for these calls, clamping included. cost may be NULL. */
void tally_execution(struct tally *tally, uint64_t duration_ns, bool failed,
                     const struct slipring_cost *cost);
/* The same call so many times; 0: not at all. */
void tally_executions(struct tally *tally, uint64_t duration_ns, bool failed,
                      const struct slipring_cost *cost, uint64_t times);
void tally_amount(struct tally *tally, const struct slipring_cost *cost);

/* The samples that stand in a ring of mask + 1 words, from `head` to `tail`. Returns how many. */
uint64_t tally_ring(struct tally *tally, const uint64_t *words, uint64_t mask, uint64_t head, uint64_t tail);

/* Add another one with the same bounds. */
void tally_merge(struct tally *tally, const struct tally *other);

/* Fails the test unless both hold the same books (not: the ways, and what was used). */
void tally_expect_equal(const struct tally *got, const struct tally *want);

SR_INLINE uint64_t tally_count(const struct tally *tally)
{
    return tally->count[0] + tally->count[1];
}

#endif
