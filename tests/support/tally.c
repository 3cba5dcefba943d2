/* SPDX-License-Identifier: Apache-2.0 */
/* Books kept by the tests themselves: see tally.h. */
#include "support/tally.h"

#include <stdio.h>
#include <string.h>

#include "pure/bound.h"
#include "pure/bucket.h"
#include "support/check.h"

void tally_init(struct tally *tally, uint64_t extra_bound_ns)
{
    memset(tally, 0, sizeof *tally);
    tally->min_ns = UINT64_MAX;
    bool is_in = extra_bound_ns == 0;
    for (uint32_t i = 0; i < SR_BOUND_DEFAULT_COUNT; i++) {
        is_in |= extra_bound_ns == sr_bound_defaults[i];
        if (!is_in && extra_bound_ns < sr_bound_defaults[i]) {
            tally->bound_ns[tally->bound_count++] = extra_bound_ns;
            is_in = true;
        }
        tally->bound_ns[tally->bound_count++] = sr_bound_defaults[i];
    }
    if (!is_in) {
        tally->bound_ns[tally->bound_count++] = extra_bound_ns;
    }
}

uint32_t tally_bucket(uint64_t duration_ns)
{
    uint32_t low = 0;
    uint32_t high = SR_BUCKET_COUNT - 1; /* the first whose upper edge is not below the duration */
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (sr_bucket_upper_ns(middle) >= duration_ns) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

static void add_cost(struct tally *tally, uint32_t category, uint64_t cost, uint64_t savings)
{
    tally->cost[category] += cost;
    tally->savings[category] += savings;
}

static void add_execution(struct tally *tally, uint64_t duration_ns, bool failed, uint64_t times)
{
    tally->cells[failed][tally_bucket(duration_ns)] += times;
    tally->count[failed] += times;
    tally->sum_ns += duration_ns * times;
    tally->min_ns = duration_ns < tally->min_ns ? duration_ns : tally->min_ns;
    tally->max_ns = duration_ns > tally->max_ns ? duration_ns : tally->max_ns;
    for (uint32_t i = 0; i < tally->bound_count; i++) {
        tally->at_most[i] += duration_ns <= tally->bound_ns[i] ? times : 0;
    }
}

static uint64_t limit(uint64_t value, uint64_t most, bool *out_clamped)
{
    *out_clamped |= value > most;
    return value > most ? most : value;
}

static void add_limited_cost(struct tally *tally, const struct slipring_cost *cost, uint64_t times,
                             bool *out_clamped)
{
    if (cost) {
        const uint32_t category = cost->category < SLIPRING_CATEGORY_COUNT ? cost->category : 0;
        add_cost(tally, category,
                 limit(cost->cost_nanodollars, UINT64_C(9007199254740992), out_clamped) * times,
                 limit(cost->savings_nanodollars, UINT64_C(9007199254740992), out_clamped) * times);
    }
}

void tally_executions(struct tally *tally, uint64_t duration_ns, bool failed,
                      const struct slipring_cost *cost, uint64_t times)
{
    bool clamped = false;
    if (times > 0) {
        add_execution(tally, limit(duration_ns, UINT64_C(4503599627370495), &clamped), failed, times);
        add_limited_cost(tally, cost, times, &clamped);
        tally->clamped += clamped ? times : 0;
    }
}

void tally_execution(struct tally *tally, uint64_t duration_ns, bool failed, const struct slipring_cost *cost)
{
    tally_executions(tally, duration_ns, failed, cost, 1);
}

void tally_amount(struct tally *tally, const struct slipring_cost *cost)
{
    bool clamped = false;
    add_limited_cost(tally, cost, 1, &clamped);
    tally->amounts++;
    tally->clamped += clamped;
}

/* One sample or mark at `at`. Returns how many words it takes. */
static uint64_t tally_words(struct tally *tally, const uint64_t *words, uint64_t mask, uint64_t at)
{
    const uint64_t what = words[at & mask];
    const uint64_t meta = what & 0xfff;
    const uint64_t beside = meta & SR_SAMPLE_TRACED ? SR_TRACE_WORDS : 0;
    CHECK(beside == 0 || (meta & SR_SAMPLE_KIND_MASK) == SR_KIND_EXECUTION);
    switch (meta & SR_SAMPLE_KIND_MASK) {
    case SR_KIND_EXECUTION:
        add_execution(tally, what >> 12, (meta & SR_SAMPLE_FAILURE) != 0, 1);
        break;
    case SR_KIND_AMOUNT:
        CHECK_EQUAL(what >> 12, 0);
        tally->amounts++;
        break;
    case SR_KIND_CANCEL:
        CHECK(meta & SR_SAMPLE_ENDED);
        tally->cancels++;
        break;
    case SR_KIND_CLOCK:
        CHECK_EQUAL(what, SR_KIND_CLOCK);
        return 2;
    default:
        check_fail(__FILE__, __LINE__, "a published sample of kind %u",
                   (unsigned)(meta & SR_SAMPLE_KIND_MASK));
    }
    tally->ended += (meta & SR_SAMPLE_ENDED) != 0;
    tally->clamped += (meta & SR_SAMPLE_CLAMPED) != 0;
    if (!(meta & SR_SAMPLE_AMOUNTS)) {
        return 1 + beside;
    }
    add_cost(tally, (uint32_t)((meta & SR_SAMPLE_CATEGORY_MASK) >> SR_SAMPLE_CATEGORY_SHIFT),
             words[(at + 1) & mask], words[(at + 2) & mask]);
    return 3 + beside;
}

uint64_t tally_ring(struct tally *tally, const uint64_t *words, uint64_t mask, uint64_t head, uint64_t tail)
{
    uint64_t samples = 0;
    CHECK(tail - head <= mask + 1);
    while (head != tail) {
        samples += (words[head & mask] & SR_SAMPLE_KIND_MASK) != SR_KIND_CLOCK;
        const uint64_t taken = tally_words(tally, words, mask, head);
        CHECK(taken <= tail - head);
        head += taken;
    }
    return samples;
}

void tally_merge(struct tally *tally, const struct tally *other)
{
    CHECK_EQUAL(other->bound_count, tally->bound_count);
    for (uint32_t status = 0; status < 2; status++) {
        for (uint32_t i = 0; i < SR_BUCKET_COUNT; i++) {
            tally->cells[status][i] += other->cells[status][i];
        }
        tally->count[status] += other->count[status];
    }
    tally->sum_ns += other->sum_ns;
    tally->min_ns = other->min_ns < tally->min_ns ? other->min_ns : tally->min_ns;
    tally->max_ns = other->max_ns > tally->max_ns ? other->max_ns : tally->max_ns;
    for (uint32_t i = 0; i < SLIPRING_CATEGORY_COUNT; i++) {
        tally->cost[i] += other->cost[i];
        tally->savings[i] += other->savings[i];
    }
    for (uint32_t i = 0; i < tally->bound_count; i++) {
        tally->at_most[i] += other->at_most[i];
    }
    tally->clamped += other->clamped;
    tally->amounts += other->amounts;
    tally->cancels += other->cancels;
    for (uint32_t i = 0; i < TALLY_RESOURCES; i++) {
        tally->uses[i].usages += other->uses[i].usages;
        for (uint32_t unit = 0; unit < SLIPRING_UNIT_MAX; unit++) {
            tally->uses[i].units[unit] += other->uses[i].units[unit];
        }
    }
    tally->begun += other->begun;
    tally->ended += other->ended;
    tally->through_ring += other->through_ring;
    tally->through_spill += other->through_spill;
    tally->through_shared += other->through_shared;
    tally->torn += other->torn;
}

static void expect_equal_cells(const struct tally *got, const struct tally *want)
{
    for (uint32_t status = 0; status < 2; status++) {
        for (uint32_t i = 0; i < SR_BUCKET_COUNT; i++) {
            if (got->cells[status][i] != want->cells[status][i]) {
                check_fail(__FILE__, __LINE__, "%s cell %u holds %llu, not %llu",
                           status ? "failure" : "success", i, (unsigned long long)got->cells[status][i],
                           (unsigned long long)want->cells[status][i]);
            }
        }
    }
}

void tally_expect_equal(const struct tally *got, const struct tally *want)
{
    CHECK_EQUAL(got->count[0], want->count[0]);
    CHECK_EQUAL(got->count[1], want->count[1]);
    expect_equal_cells(got, want);
    CHECK_EQUAL(got->sum_ns, want->sum_ns);
    CHECK_EQUAL(got->min_ns, want->min_ns);
    CHECK_EQUAL(got->max_ns, want->max_ns);
    for (uint32_t i = 0; i < SLIPRING_CATEGORY_COUNT; i++) {
        CHECK_EQUAL(got->cost[i], want->cost[i]);
        CHECK_EQUAL(got->savings[i], want->savings[i]);
    }
    CHECK_EQUAL(got->bound_count, want->bound_count);
    for (uint32_t i = 0; i < want->bound_count; i++) {
        CHECK_EQUAL(got->bound_ns[i], want->bound_ns[i]);
        CHECK_EQUAL(got->at_most[i], want->at_most[i]);
    }
    CHECK_EQUAL(got->clamped, want->clamped);
    CHECK_EQUAL(got->amounts, want->amounts);
    CHECK_EQUAL(got->cancels, want->cancels);
    CHECK_EQUAL(got->begun, want->begun);
    CHECK_EQUAL(got->ended, want->ended);
}
