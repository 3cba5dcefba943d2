/* SPDX-License-Identifier: Apache-2.0 */
/* From samples to a tally: see tally.h. */
#include "peer/tally.h"

#include <string.h>

#include "pure/exemplar.h"
#include "pure/money.h"

/* So many of the largest durations (2^52) fit a 64-bit sum. */
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
    struct sr_fine_tally *fine = tally->fine;
    for (uint32_t i = 0; fine && i < fine->touched_count; i++) {
        fine->cells[fine->touched[i]] = 0;
    }
    if (fine) {
        fine->touched_count = 0;
    }
    memset(tally, 0, offsetof(struct sr_tally, touched));
    tally->min = UINT64_MAX;
}

/* The words of one ring that are there to be taken. */
struct taking {
    const uint64_t *words;
    uint64_t mask;
    uint64_t from;
    uint64_t there; /* words from `from` on that are published */
    uint64_t done;  /* of these, taken */
    const struct sr_tally_bounds *bounds;
};

/* The word so many behind the next one to be taken. */
static uint64_t word_at(const struct taking *taking, uint64_t behind)
{
    /* relaxed: published by the tail that was read with acquire; atomic so that the word is read once */
    return __atomic_load_n(&taking->words[(taking->from + taking->done + behind) & taking->mask],
                           __ATOMIC_RELAXED);
}

static bool has_trace(uint64_t what)
{
    return (what & (SR_SAMPLE_KIND_MASK | SR_SAMPLE_TRACED)) == (SR_KIND_EXECUTION | SR_SAMPLE_TRACED);
}

/* How many words a sample or mark takes. What is impossible takes one. */
static uint32_t words_of(uint64_t what)
{
    switch (what & SR_SAMPLE_KIND_MASK) {
    case SR_KIND_EXECUTION:
    case SR_KIND_AMOUNT:
        return 1 + (what & SR_SAMPLE_AMOUNTS ? SR_AMOUNT_WORDS : 0) + (has_trace(what) ? SR_TRACE_WORDS : 0);
    case SR_KIND_CLOCK:
        return SR_MARK_WORDS;
    default:
        return 1;
    }
}

/* Is `what`, the next word, a whole mark of the clock? */
static bool is_mark(const struct taking *taking, uint64_t what)
{
    return (what & (SR_SAMPLE_KIND_MASK | SR_SAMPLE_TRACED)) == SR_KIND_CLOCK &&
           taking->there - taking->done >= SR_MARK_WORDS;
}

struct amounts {
    uint64_t cost;
    uint64_t savings;
};

static struct amounts amounts_at(const struct taking *taking, uint64_t what)
{
    if (!(what & SR_SAMPLE_AMOUNTS)) {
        return (struct amounts){0};
    }
    return (struct amounts){.cost = word_at(taking, 1), .savings = word_at(taking, 2)};
}

/* Of one that has_trace(): behind its amounts. */
static struct sr_sample_trace trace_at(const struct taking *taking, uint64_t what)
{
    const uint64_t first = what & SR_SAMPLE_AMOUNTS ? 1 + SR_AMOUNT_WORDS : 1;
    struct sr_sample_trace trace;
    for (uint32_t i = 0; i < SR_TRACE_WORDS; i++) {
        trace.words[i] = word_at(taking, first + i);
    }
    return trace;
}

static void add_amounts(struct sr_tally *tally, uint64_t what, const struct amounts *amounts)
{
    bool is_saturated =
        false; /* what reaches UINT64_MAX here takes the book's sum there, and is counted then */
    const uint32_t category = sr_sample_category(what);
    tally->cost[category] = sr_money_add(tally->cost[category], amounts->cost, &is_saturated);
    tally->savings[category] = sr_money_add(tally->savings[category], amounts->savings, &is_saturated);
}

static void add_part(struct sr_fine_tally *fine, uint64_t duration_ns, uint32_t bucket)
{
    const uint32_t cell =
        bucket * sr_fine_parts(fine->schema) + sr_fine_part(duration_ns, bucket, fine->schema);
    fine->touched[fine->touched_count] = (uint16_t)cell;
    fine->touched_count += fine->cells[cell]++ == 0;
}

static void add_execution(struct sr_tally *tally, uint64_t what, const struct sr_tally_bounds *bounds)
{
    const uint64_t duration_ns = what >> SR_SAMPLE_DURATION_SHIFT; /* 52 bits: in range by its width */
    const uint32_t bucket = sr_bucket_index(duration_ns);
    sr_tally_cell(tally, bucket, 1);
    if (SR_UNLIKELY(sr_tally_has_bound(bounds, bucket))) {
        const int slot = sr_bound_slot(bounds->ns, bounds->count, duration_ns);
        if (slot >= 0) {
            tally->slots[slot]++;
        }
    }
    if (SR_UNLIKELY(tally->fine != NULL)) {
        add_part(tally->fine, duration_ns, bucket);
    }
}

static void add_trace(struct sr_tally *tally, uint64_t what, const struct sr_sample_trace *trace,
                      const struct sr_tally_bounds *bounds)
{
    struct sr_trace_tally *traces = tally->traces;
    if (!traces) {
        return;
    }
    if (tally->traced++ == 0) {
        memset(traces, 0, sizeof *traces);
    }
    struct slipring_exemplar one = {.duration_ns = what >> SR_SAMPLE_DURATION_SHIFT,
                                    .at_ns = tally->clock_ns,
                                    .outcome =
                                        what & SR_SAMPLE_FAILURE ? SLIPRING_FAILURE : SLIPRING_SUCCESS};
    memcpy(one.trace_id, &trace->words[0], sizeof one.trace_id);
    memcpy(one.span_id, &trace->words[2], sizeof one.span_id);
    const uint32_t bucket = sr_exemplar_bucket(bounds->ns, bounds->count, one.duration_ns);
    traces->slowest_count = sr_exemplar_step(traces->slowest, traces->slowest_count, &one);
    sr_exemplar_keep_slowest(&traces->bucket_slowest[bucket], &one);
    if (one.outcome != SLIPRING_SUCCESS) {
        sr_exemplar_keep_newest(&traces->bucket_failing[bucket], &one);
    }
}

/* What is no execution, all of whose words are there. */
static void take_other(struct sr_tally *tally, const struct taking *taking, uint64_t what, bool is_possible,
                       const struct amounts *amounts)
{
    tally->others++;
    switch (is_possible ? what & SR_SAMPLE_KIND_MASK : SR_KIND_NONE) {
    case SR_KIND_AMOUNT:
        tally->clamped += (what & SR_SAMPLE_CLAMPED) != 0;
        add_amounts(tally, what, amounts);
        break;
    case SR_KIND_CANCEL:
        tally->ended += (what & SR_SAMPLE_ENDED) != 0;
        break;
    case SR_KIND_CLOCK:
        tally->others--;
        tally->beside++;
        tally->clock_ns = word_at(taking, 1);
        break;
    default:
        tally->refused++;
        break;
    }
}

/* Sums of a chunk, in registers. */
struct sums {
    uint64_t sum, failures, ended, executions, min, max;
};

SR_INLINE void add_to_sums(struct sums *sums, uint64_t what)
{
    const uint64_t duration_ns = what >> SR_SAMPLE_DURATION_SHIFT;
    sums->executions++;
    sums->failures += (what & SR_SAMPLE_FAILURE) != 0;
    sums->ended += (what & SR_SAMPLE_ENDED) != 0;
    sums->sum += duration_ns;
    sums->min = duration_ns < sums->min ? duration_ns : sums->min;
    sums->max = duration_ns > sums->max ? duration_ns : sums->max;
}

/* Whatever is not a plain execution: takes one sample or mark, and says how many words it had. */
static __attribute__((noinline)) uint32_t take_slowly(struct sr_tally *tally, const struct taking *taking,
                                                      uint64_t what, struct sums *sums)
{
    const uint32_t words = words_of(what);
    const uint64_t left = taking->there - taking->done;
    if (SR_LIKELY(what == SR_KIND_CLOCK && left >= SR_MARK_WORDS)) { /* in nearly every visit */
        tally->beside += SR_MARK_WORDS;
        tally->clock_ns = word_at(taking, 1);
        return SR_MARK_WORDS;
    }
    if (words > left) { /* cut off: the tail was never published so */
        tally->others++;
        tally->refused++;
        tally->beside += left - 1;
        return (uint32_t)left;
    }
    const struct amounts amounts = amounts_at(taking, words > SR_MARK_WORDS ? what : 0);
    const struct sr_sample_trace trace =
        has_trace(what) ? trace_at(taking, what) : (struct sr_sample_trace){.words = {0}};
    const bool is_traced = what & SR_SAMPLE_TRACED;
    const bool is_possible = (!is_traced || sr_sample_trace_is_possible(&trace)) &&
                             amounts.cost <= SLIPRING_AMOUNT_MAX && amounts.savings <= SLIPRING_AMOUNT_MAX;
    if (is_possible && (what & SR_SAMPLE_KIND_MASK) == SR_KIND_EXECUTION) {
        add_execution(tally, what, taking->bounds);
        add_to_sums(sums, what);
        add_amounts(tally, what, &amounts);
        tally->clamped += (what & SR_SAMPLE_CLAMPED) != 0;
        if (is_traced) {
            add_trace(tally, what, &trace, taking->bounds);
        }
    } else {
        take_other(tally, taking, what, is_possible, &amounts);
    }
    tally->beside += words - 1;
    return words;
}

/* The amounts of an execution, and all three words, if they are there and possible. */
SR_INLINE bool take_dear(struct sr_tally *tally, struct taking *taking, uint64_t what)
{
    if (SR_UNLIKELY(taking->there - taking->done < 1 + SR_AMOUNT_WORDS)) {
        return false;
    }
    const struct amounts amounts = {.cost = word_at(taking, 1), .savings = word_at(taking, 2)};
    if (SR_UNLIKELY(amounts.cost > SLIPRING_AMOUNT_MAX || amounts.savings > SLIPRING_AMOUNT_MAX)) {
        return false;
    }
    add_amounts(tally, what, &amounts);
    tally->beside += SR_AMOUNT_WORDS;
    taking->done += 1 + SR_AMOUNT_WORDS;
    return true;
}

#define PLAIN_MASK (SR_SAMPLE_KIND_MASK | SR_SAMPLE_TRACED | SR_SAMPLE_CLAMPED | SR_SAMPLE_AMOUNTS)

/* Samples that begin within `until` words: no more than CHUNK of them. */
static void take_chunk(struct sr_tally *tally, struct taking *taking, uint64_t until)
{
    struct sums sums = {.min = tally->min, .max = tally->max};
    while (taking->done < until) {
        const uint64_t what = word_at(taking, 0);
        if (SR_LIKELY((what & PLAIN_MASK) == SR_KIND_EXECUTION)) {
            add_execution(tally, what, taking->bounds);
            add_to_sums(&sums, what);
            taking->done++;
        } else if ((what & PLAIN_MASK) == (SR_KIND_EXECUTION | SR_SAMPLE_AMOUNTS) &&
                   take_dear(tally, taking, what)) {
            add_execution(tally, what, taking->bounds);
            add_to_sums(&sums, what);
        } else {
            taking->done += take_slowly(tally, taking, what, &sums);
        }
    }
    tally->sum += sums.sum;
    tally->executions += sums.executions;
    tally->failures += sums.failures;
    tally->ended += sums.ended;
    tally->min = sums.min;
    tally->max = sums.max;
}

static uint64_t oldest(const struct sr_tally *tally, const struct taking *taking)
{
    return is_mark(taking, word_at(taking, 0)) ? word_at(taking, 1) : tally->clock_ns;
}

uint64_t sr_tally_samples(struct sr_tally *tally, const uint64_t *words, uint64_t mask, uint64_t from,
                          uint64_t most, uint64_t there, const struct sr_tally_bounds *bounds)
{
    struct taking taking = {.words = words, .mask = mask, .from = from, .there = there, .bounds = bounds};
    most = most < there ? most : there;
    if (most == 0) {
        return 0;
    }
    if (tally->oldest_ns == 0) {
        tally->oldest_ns = oldest(tally, &taking);
    }
    while (taking.done < most) {
        const uint64_t left = most - taking.done;
        take_chunk(tally, &taking, taking.done + (left < CHUNK ? left : CHUNK));
    }
    tally->taken += taking.done;
    return taking.done;
}

uint64_t sr_tally_count(const uint64_t *words, uint64_t mask, uint64_t from, uint64_t count)
{
    struct taking taking = {.words = words, .mask = mask, .from = from, .there = count};
    uint64_t samples = 0;
    while (taking.done < count) {
        const uint64_t what = word_at(&taking, 0);
        samples += !is_mark(&taking, what);
        taking.done += words_of(what);
    }
    return samples;
}
