/* SPDX-License-Identifier: Apache-2.0 */
/* The samples and their sums: see samples.h. */
#include "samples.h"

#include <inttypes.h>
#include <stdio.h>

#include "pure/bucket.h"

#define FIRST_NS UINT64_C(500000) /* the spill window is laid around it */
#define LEAST_NS UINT64_C(200000)
#define OCTAVES  4u

/* xorshift64: any sequence without a pattern will do. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

void samples_make(struct samples *out_samples)
{
    uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
    const uint32_t least = sr_bucket_index(LEAST_NS);
    for (uint32_t i = 0; i < SAMPLE_COUNT; i++) {
        const uint32_t bucket = least + (uint32_t)(next_random(&state) % (OCTAVES * SR_BUCKET_PER_OCTAVE));
        const uint64_t lower = sr_bucket_lower_ns(bucket);
        const uint64_t width = sr_bucket_upper_ns(bucket) - lower + 1;
        out_samples->list[i] = (struct sample){
            .duration_ns = lower + next_random(&state) % width,
            .outcome = next_random(&state) % 50 == 0 ? SLIPRING_FAILURE : SLIPRING_SUCCESS,
        };
    }
    out_samples->list[0].duration_ns = FIRST_NS;
    out_samples->cost = (struct slipring_cost){.cost_nanodollars = 1500, .savings_nanodollars = 20};
}

void tally_add_one(struct tally *tally, uint64_t duration_ns, bool is_failure, uint64_t cost,
                   uint64_t savings)
{
    tally->min_ns = tally->count == 0 || duration_ns < tally->min_ns ? duration_ns : tally->min_ns;
    tally->max_ns = tally->count == 0 || duration_ns > tally->max_ns ? duration_ns : tally->max_ns;
    tally->count++;
    tally->failures += is_failure;
    tally->sum_ns += duration_ns;
    tally->cost += cost;
    tally->savings += savings;
}

static void add_each(struct tally *tally, const struct samples *samples, uint64_t from, uint64_t count,
                     const struct slipring_cost *cost)
{
    for (uint64_t i = from; i < from + count; i++) {
        const struct sample *sample = samples_at(samples, i);
        tally_add_one(tally, sample->duration_ns, sample->outcome != SLIPRING_SUCCESS,
                      cost ? cost->cost_nanodollars : 0, cost ? cost->savings_nanodollars : 0);
    }
}

/* Any SAMPLE_COUNT samples in a row are the whole cycle: it is added up once, and taken so many times. */
void tally_add(struct tally *tally, const struct samples *samples, uint64_t from, uint64_t count,
               const struct slipring_cost *cost)
{
    const uint64_t cycles = count / SAMPLE_COUNT;
    add_each(tally, samples, from, count % SAMPLE_COUNT, cost);
    if (cycles != 0) {
        struct tally cycle = {0};
        add_each(&cycle, samples, 0, SAMPLE_COUNT, cost);
        tally_add_times(tally, &cycle, cycles);
    }
}

void tally_add_times(struct tally *tally, const struct tally *more, uint64_t times)
{
    if (more->count == 0 || times == 0) {
        return;
    }
    tally->min_ns = tally->count == 0 || more->min_ns < tally->min_ns ? more->min_ns : tally->min_ns;
    tally->max_ns = tally->count == 0 || more->max_ns > tally->max_ns ? more->max_ns : tally->max_ns;
    tally->count += more->count * times;
    tally->failures += more->failures * times;
    tally->sum_ns += more->sum_ns * times;
    tally->cost += more->cost * times;
    tally->savings += more->savings * times;
}

void tally_print(const char *name, const char *who, const struct tally *tally)
{
    fprintf(stderr,
            "slipring-bench: %s, %s: count %" PRIu64 " failures %" PRIu64 " sum %" PRIu64 " min %" PRIu64
            " max %" PRIu64 " cost %" PRIu64 " savings %" PRIu64 "\n",
            name, who, tally->count, tally->failures, tally->sum_ns, tally->min_ns, tally->max_ns,
            tally->cost, tally->savings);
}

bool tally_equals(const struct tally *a, const struct tally *b)
{
    const bool same_range = a->count == 0 || (a->min_ns == b->min_ns && a->max_ns == b->max_ns);
    return a->count == b->count && a->failures == b->failures && a->sum_ns == b->sum_ns && same_range &&
           a->cost == b->cost && a->savings == b->savings;
}
