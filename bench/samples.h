/* SPDX-License-Identifier: Apache-2.0 */
/* What is recorded: the same samples for every case, and what they come to. */
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

#include <stdbool.h>
#include <stdint.h>

#include <slipring/record.h>

#define SAMPLE_COUNT 512u /* 8 KiB: a quarter of a small first-level cache */

struct sample {
    uint64_t duration_ns;
    uint32_t outcome; /* enum slipring_outcome */
    uint32_t reserved;
};

/* Durations spread evenly over the logarithm from 200 µs to 3.2 ms (128 buckets, a default `le` bound among them; all
 * within a small spill block's window around the first one), every fiftieth a failure, in an order that no branch
 * predictor knows. Always the same. */
struct samples {
    struct sample list[SAMPLE_COUNT];
    struct slipring_cost cost; /* of each sample, where a case records costs */
};

/* What a run of samples comes to, or what a case says that it counted. */
struct tally {
    uint64_t count;
    uint64_t failures;
    uint64_t sum_ns;
    uint64_t min_ns; /* meaningless while count is 0 */
    uint64_t max_ns;
    uint64_t cost;
    uint64_t savings;
};

void samples_make(struct samples *out_samples);

/* Add samples number `from` to from + count of the endless cycle. cost: NULL, or what each costs. */
void tally_add(struct tally *tally, const struct samples *samples, uint64_t from, uint64_t count,
               const struct slipring_cost *cost);

void tally_add_one(struct tally *tally, uint64_t duration_ns, bool is_failure, uint64_t cost,
                   uint64_t savings);

/* Add what another one comes to, so many times. */
void tally_add_times(struct tally *tally, const struct tally *more, uint64_t times);

/* On stderr: what `who` ("recorded", "booked") has of `name`. */
void tally_print(const char *name, const char *who, const struct tally *tally);

bool tally_equals(const struct tally *a, const struct tally *b);

static inline const struct sample *samples_at(const struct samples *samples, uint64_t position)
{
    return &samples->list[position % SAMPLE_COUNT];
}

#endif
