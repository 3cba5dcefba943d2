/* SPDX-License-Identifier: Apache-2.0 */
/* What a producer of `overload` records, and the sums that it keeps of it for itself.
 *
 * The samples are a list of OWN_SAMPLES, another one for each producer, gone through again and again. Most lie in the octaves
 * that a small spill block is laid for, some at, just below and just above each bound that counts are kept for. In a WIDE
 * list some lie anywhere from 0 to hours, and spill into the shared block; in a NARROW one all that spills goes into the
 * producer's own. One in thirty fails, half of them carry an amount of one of OWN_CATEGORIES categories. The two last of
 * the list are recorded once, when all else was: the greatest and the least of a narrow list, and one that is too long for
 * anybody and is clamped in a wide one.
 *
 * Hours, and not days: a spill block has 64 bits for the sum of what it took between two visits of the agent, which is 584
 * years.
 *
 * Kept twice, in ways that have nothing in common: running sums, and for each sample of the list how often it was
 * recorded, of which histogram and bounds are made afterwards. own_sums_agree() says whether the two are the same. */
#ifndef BENCH_OWN_SUMS_H
#define BENCH_OWN_SUMS_H

#include <stdbool.h>
#include <stdint.h>

#include <slipring/record.h>

#include "pure/bucket.h"
#include "pure/wide.h"

#define OWN_LAST       4096u /* samples come again and again; those behind them once, at the end */
#define OWN_SAMPLES    (OWN_LAST + 2u)
#define OWN_CATEGORIES 4u /* 0 is "default" */
#define OWN_BOUNDS_MAX 32u

struct own_sample {
    uint64_t duration_ns; /* as recorded; booked as at most SLIPRING_DURATION_MAX_NS */
    uint64_t cost, savings;
    uint16_t category;
    uint8_t has_cost;
    uint8_t is_failure;
};

struct own_sums {
    uint64_t count, failures, clamped;
    uint64_t min_ns, max_ns; /* min_ns is UINT64_MAX at first */
    sr_wide sum_ns;
    uint64_t cost[OWN_CATEGORIES];
    uint64_t savings[OWN_CATEGORIES];
    uint64_t times[OWN_SAMPLES]; /* that each sample of the list was recorded */
};

/* All producers' together. */
struct own_totals {
    struct own_sums sums; /* `times` means nothing here */
    uint64_t cells[SR_BUCKET_COUNT];
    uint32_t bound_count;
    uint64_t bounds[OWN_BOUNDS_MAX];  /* set before own_totals_add() */
    uint64_t at_most[OWN_BOUNDS_MAX]; /* executions that took at most that */
};

enum own_range { OWN_WIDE, OWN_NARROW, OWN_RANGES };

/* The list of the producer with that number. `bounds` are those whose neighbourhood is to be hit. */
void own_samples_make(struct own_sample list[OWN_SAMPLES], enum own_range range, uint32_t producer,
                      const uint64_t *bounds, uint32_t bound_count);

void own_sums_clear(struct own_sums *sums);

/* Do the running sums agree with what was recorded how often? */
bool own_sums_agree(const struct own_sums *sums, const struct own_sample list[OWN_SAMPLES]);

/* Add one producer's to the totals, which are 0 but for sums.min_ns and the bounds. */
void own_totals_add(struct own_totals *totals, const struct own_sums *sums,
                    const struct own_sample list[OWN_SAMPLES]);

static inline uint64_t own_sample_booked_ns(const struct own_sample *sample)
{
    return sample->duration_ns < SLIPRING_DURATION_MAX_NS ? sample->duration_ns : SLIPRING_DURATION_MAX_NS;
}

static inline __attribute__((always_inline)) void own_sums_add(struct own_sums *sums,
                                                               const struct own_sample *sample, uint32_t at)
{
    const uint64_t booked_ns = own_sample_booked_ns(sample);
    sums->count++;
    sums->failures += sample->is_failure;
    sums->clamped += booked_ns != sample->duration_ns;
    sums->sum_ns += booked_ns;
    sums->min_ns = booked_ns < sums->min_ns ? booked_ns : sums->min_ns;
    sums->max_ns = booked_ns > sums->max_ns ? booked_ns : sums->max_ns;
    sums->cost[sample->category] += sample->cost;
    sums->savings[sample->category] += sample->savings;
    sums->times[at]++;
}

#endif
