/* SPDX-License-Identifier: Apache-2.0 */
/* Samples and sums of a producer's own: see own_sums.h. */
#include "own_sums.h"

#include <string.h>

#define FIRST_NS       UINT64_C(500000) /* the spill window is laid around it */
#define USUAL_LEAST_NS UINT64_C(210000)
#define USUAL_OCTAVES  3u
#define LEAST_NS       UINT64_C(205000) /* of a narrow list, and the greatest */
#define GREATEST_NS    UINT64_C(3150000)
#define FAILS_OF       30u
#define ANYWHERE_OF    100u        /* one sample in so many */
#define ANYWHERE_BITS  44u         /* 4.9 hours */
#define AMOUNT_MOST    2000000000u /* two dollars */
#define TOO_LONG_NS    (SLIPRING_DURATION_MAX_NS + 12345)
#define BESIDE_A_BOUND 3u /* below, at, above */

/* splitmix64: each producer's sequence is another one, whatever its number. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

static uint64_t make_duration(enum own_range range, uint64_t *state)
{
    if (range == OWN_WIDE && next_random(state) % ANYWHERE_OF == 0) {
        const uint64_t any = next_random(state);
        return any >> (64 - ANYWHERE_BITS) >> next_random(state) % (ANYWHERE_BITS + 1); /* octaves alike */
    }
    return (USUAL_LEAST_NS << next_random(state) % USUAL_OCTAVES) + next_random(state) % USUAL_LEAST_NS;
}

void own_samples_make(struct own_sample list[OWN_SAMPLES], enum own_range range, uint32_t producer,
                      const uint64_t *bounds, uint32_t bound_count)
{
    uint64_t state = OWN_RANGES * producer + range;
    uint32_t at = 1;
    for (uint32_t i = 0; i < OWN_SAMPLES; i++) {
        struct own_sample *sample = &list[i];
        *sample = (struct own_sample){.duration_ns = i == 0 ? FIRST_NS : make_duration(range, &state)};
        sample->is_failure = next_random(&state) % FAILS_OF == 0;
        sample->has_cost = next_random(&state) % 2 == 0;
        if (sample->has_cost) {
            sample->category = (uint16_t)(next_random(&state) % OWN_CATEGORIES);
            sample->cost = next_random(&state) % (AMOUNT_MOST + 1);
            sample->savings = next_random(&state) % 4 == 0 ? next_random(&state) % (AMOUNT_MOST + 1) : 0;
        }
    }
    for (uint32_t i = 0; i < BESIDE_A_BOUND * bound_count; i++) {
        const uint64_t duration_ns = bounds[i / BESIDE_A_BOUND] - 1 + i % BESIDE_A_BOUND;
        if (range == OWN_WIDE || (duration_ns > LEAST_NS && duration_ns < GREATEST_NS)) {
            list[at++].duration_ns = duration_ns;
        }
    }
    list[OWN_LAST].duration_ns = range == OWN_WIDE ? TOO_LONG_NS : GREATEST_NS + producer;
    list[OWN_LAST + 1].duration_ns = range == OWN_WIDE ? 0 : LEAST_NS - producer;
}

void own_sums_clear(struct own_sums *sums)
{
    memset(sums, 0, sizeof *sums);
    sums->min_ns = UINT64_MAX;
}

bool own_sums_agree(const struct own_sums *sums, const struct own_sample list[OWN_SAMPLES])
{
    struct own_sums again;
    own_sums_clear(&again);
    for (uint32_t i = 0; i < OWN_SAMPLES; i++) {
        const struct own_sample *sample = &list[i];
        const uint64_t times = sums->times[i];
        const uint64_t booked_ns = own_sample_booked_ns(sample);
        if (times == 0) {
            continue;
        }
        again.count += times;
        again.failures += times * sample->is_failure;
        again.clamped += times * (booked_ns != sample->duration_ns);
        again.sum_ns += (sr_wide)times * booked_ns;
        again.min_ns = booked_ns < again.min_ns ? booked_ns : again.min_ns;
        again.max_ns = booked_ns > again.max_ns ? booked_ns : again.max_ns;
        again.cost[sample->category] += times * sample->cost;
        again.savings[sample->category] += times * sample->savings;
    }
    return again.count == sums->count && again.failures == sums->failures && again.clamped == sums->clamped &&
           again.sum_ns == sums->sum_ns && again.min_ns == sums->min_ns && again.max_ns == sums->max_ns &&
           memcmp(again.cost, sums->cost, sizeof again.cost) == 0 &&
           memcmp(again.savings, sums->savings, sizeof again.savings) == 0;
}

void own_totals_add(struct own_totals *totals, const struct own_sums *sums,
                    const struct own_sample list[OWN_SAMPLES])
{
    struct own_sums *all = &totals->sums;
    all->count += sums->count;
    all->failures += sums->failures;
    all->clamped += sums->clamped;
    all->sum_ns += sums->sum_ns;
    all->min_ns = sums->min_ns < all->min_ns ? sums->min_ns : all->min_ns;
    all->max_ns = sums->max_ns > all->max_ns ? sums->max_ns : all->max_ns;
    for (uint32_t i = 0; i < OWN_CATEGORIES; i++) {
        all->cost[i] += sums->cost[i];
        all->savings[i] += sums->savings[i];
    }
    for (uint32_t i = 0; i < OWN_SAMPLES; i++) {
        const uint64_t booked_ns = own_sample_booked_ns(&list[i]);
        totals->cells[sr_bucket_index(booked_ns)] += sums->times[i];
        for (uint32_t bound = 0; bound < totals->bound_count; bound++) {
            totals->at_most[bound] += booked_ns <= totals->bounds[bound] ? sums->times[i] : 0;
        }
    }
}
