/* SPDX-License-Identifier: Apache-2.0 */
/* From samples to a tally: see tally.h. */
#include "peer/tally.h"

#include <string.h>

/* So many of the largest durations or amounts (2^53) fit a 64-bit sum. */
#define CHUNK 1024u

void sr_tally_bounds_set(struct sr_tally_bounds *bounds, const uint64_t *ns, uint32_t count)
{
    memset(bounds, 0, sizeof *bounds);
    bounds->count = count;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t bucket = sr_bucket_index(ns[i]);
        bounds->ns[i] = ns[i];
        bounds->has_bound[bucket / 64] |= UINT64_C(1) << (bucket % 64);
    }
}

void sr_tally_clear(struct sr_tally *tally)
{
    for (uint32_t i = 0; i < tally->touched_count; i++) {
        tally->cells[tally->touched[i]] = 0;
    }
    memset(tally, 0, offsetof(struct sr_tally, touched));
    tally->min = UINT64_MAX;
}

/* One sample in private memory: read once. */
struct taken {
    uint64_t what;
    uint64_t cost;
    uint64_t savings;
};

static struct taken take(const struct sr_sample_shm *at)
{
    /* relaxed, all: published by the tail that was read with acquire; atomic so that the word is read once */
    return (struct taken){
        .what = __atomic_load_n(&at->what, __ATOMIC_RELAXED),
        .cost = __atomic_load_n(&at->cost_nanodollars, __ATOMIC_RELAXED),        /* relaxed: as above */
        .savings = __atomic_load_n(&at->savings_nanodollars, __ATOMIC_RELAXED)}; /* as above */
}

static void add_amounts(struct sr_tally *tally, const struct taken *taken)
{
    const uint32_t category = (uint32_t)((taken->what & SR_SAMPLE_CATEGORY_MASK) >> SR_SAMPLE_CATEGORY_SHIFT);
    tally->cost[category] += taken->cost;
    tally->savings[category] += taken->savings;
}

/* What is not a plain execution: true when it turned out to be one, marked as clamped or extended. */
static SR_COLD bool take_other(struct sr_tally *tally, const struct taken *taken)
{
    const uint64_t kind = taken->what & SR_SAMPLE_KIND_MASK;
    const bool is_impossible = (taken->what & SR_SAMPLE_ZERO_MASK) || taken->cost > SLIPRING_AMOUNT_MAX ||
                               taken->savings > SLIPRING_AMOUNT_MAX;
    if (!is_impossible && kind == SR_KIND_EXECUTION) {
        tally->clamped += (taken->what & SR_SAMPLE_CLAMPED) != 0;
        return true;
    }
    tally->others++;
    if (!is_impossible && kind == SR_KIND_AMOUNT) {
        tally->clamped += (taken->what & SR_SAMPLE_CLAMPED) != 0;
        add_amounts(tally, taken);
    } else if (!is_impossible && kind == SR_KIND_CANCEL) {
        tally->ended += (taken->what & SR_SAMPLE_ENDED) != 0;
    } else if (kind != SR_KIND_EXTENSION) {
        tally->refused++;
    }
    return false;
}

#define PLAIN_MASK (SR_SAMPLE_KIND_MASK | SR_SAMPLE_EXTENDED | SR_SAMPLE_CLAMPED | SR_SAMPLE_ZERO_MASK)

static void take_chunk(struct sr_tally *tally, const struct sr_sample_shm *samples, uint64_t mask,
                       uint64_t from, uint32_t count, const struct sr_tally_bounds *bounds)
{
    uint64_t sum = 0;
    uint64_t failures = 0;
    uint64_t ended = 0;
    uint64_t executions = 0;
    uint64_t min = tally->min;
    uint64_t max = tally->max;
    for (uint32_t i = 0; i < count; i++) {
        const struct taken taken = take(&samples[(from + i) & mask]);
        if (SR_UNLIKELY((taken.what & PLAIN_MASK) != SR_KIND_EXECUTION || taken.cost > SLIPRING_AMOUNT_MAX ||
                        taken.savings > SLIPRING_AMOUNT_MAX) &&
            !take_other(tally, &taken)) {
            continue;
        }
        const uint64_t duration_ns =
            taken.what >> SR_SAMPLE_DURATION_SHIFT; /* 52 bits: in range by its width */
        const uint32_t bucket = sr_bucket_index(duration_ns);
        sr_tally_cell(tally, bucket, 1);
        executions++;
        failures += (taken.what & SR_SAMPLE_FAILURE) != 0;
        ended += (taken.what & SR_SAMPLE_ENDED) != 0;
        sum += duration_ns;
        min = duration_ns < min ? duration_ns : min;
        max = duration_ns > max ? duration_ns : max;
        if (taken.cost | taken.savings) {
            add_amounts(tally, &taken);
        }
        if (SR_UNLIKELY(sr_tally_has_bound(bounds, bucket))) {
            const int slot = sr_bound_slot(bounds->ns, bounds->count, duration_ns);
            if (slot >= 0) {
                tally->slots[slot]++;
            }
        }
    }
    tally->sum += sum;
    tally->executions += executions;
    tally->failures += failures;
    tally->ended += ended;
    tally->min = min;
    tally->max = max;
}

void sr_tally_samples(struct sr_tally *tally, const struct sr_sample_shm *samples, uint64_t mask,
                      uint64_t from, uint64_t count, const struct sr_tally_bounds *bounds)
{
    if (count == 0) {
        return;
    }
    if (tally->oldest_ns == 0) {
        /* relaxed: as in take() */
        tally->oldest_ns = __atomic_load_n(&samples[from & mask].stamp_ns, __ATOMIC_RELAXED);
    }
    for (uint64_t done = 0; done < count; done += CHUNK) {
        const uint64_t left = count - done;
        take_chunk(tally, samples, mask, from + done, (uint32_t)(left < CHUNK ? left : CHUNK), bounds);
    }
    tally->taken += count;
}
