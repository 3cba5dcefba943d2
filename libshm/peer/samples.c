/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the last samples of rings: see samples.h. */
#include "peer/samples.h"

#include <stdlib.h>
#include <string.h>

#include "peer/inspect_parts.h"
#include "pure/quantile.h"

#define WORDS_MAX 32768u /* of the biggest ring */
#define READINGS                                                                                             \
    6u /* a sample or mark takes at most so many words: one of the first so many places begins one */
#define AHEAD_NS UINT64_C(1000000000) /* a stamp may be of after the looking began */
#define BEING_WRITTEN                                                                                        \
    16u /* words beyond the tail that may be in writing, generously: a sample takes at most 8 */

_Static_assert(READINGS == 1 + SR_AMOUNT_WORDS + SR_TRACE_WORDS && READINGS >= SR_MARK_WORDS,
               "the longest unit");
_Static_assert(BEING_WRITTEN >= SR_SAMPLE_WORDS_MAX, "the longest sample");

struct sr_samples {
    uint64_t words[WORDS_MAX];
    uint8_t begins[WORDS_MAX]; /* a bit a reading: it has something that begins here */
};

/* A stretch of copied words, from a place that may be the middle of a sample up to a tail. */
struct stretch {
    const uint64_t *words;
    uint32_t count;
    uint32_t head;       /* where the agent stood; beyond count: nowhere in it */
    bool begins_a_claim; /* and so a sample */
    uint64_t now_ns;
};

struct sr_samples *sr_samples_new(void)
{
    return calloc(1, sizeof(struct sr_samples));
}

void sr_samples_free(struct sr_samples *samples)
{
    free(samples);
}

/* The same of one that says it has a trace, `length` words without it. */
static uint32_t length_of_traced(const uint64_t *words, uint32_t left, uint32_t length)
{
    struct sr_sample_trace trace;
    if ((words[0] & SR_SAMPLE_KIND_MASK) != SR_KIND_EXECUTION || left < length + SR_TRACE_WORDS) {
        return 0;
    }
    memcpy(trace.words, words + length, sizeof trace.words);
    return sr_sample_trace_is_possible(&trace) ? length + SR_TRACE_WORDS : 0;
}

/* How many words the sample or mark has that begins with the first of `left`; 0: it can not be one. */
static uint32_t length_of(const uint64_t *words, uint32_t left, uint64_t now_ns)
{
    const uint64_t what = words[0];
    const uint64_t duration_ns = what >> SR_SAMPLE_DURATION_SHIFT;
    uint32_t length = 1;
    if (what == SR_KIND_CLOCK) {
        return left >= SR_MARK_WORDS && words[1] <= now_ns + AHEAD_NS ? SR_MARK_WORDS : 0;
    }
    if (what & SR_SAMPLE_AMOUNTS) {
        length += SR_AMOUNT_WORDS;
        if (left < length || words[1] > SLIPRING_AMOUNT_MAX || words[2] > SLIPRING_AMOUNT_MAX) {
            return 0;
        }
    }
    if (what & SR_SAMPLE_TRACED) {
        return length_of_traced(words, left, length);
    }
    switch (what & SR_SAMPLE_KIND_MASK) {
    case SR_KIND_EXECUTION:
        return length;
    case SR_KIND_AMOUNT:
        return duration_ns == 0 ? length : 0;
    case SR_KIND_CANCEL:
        return length == 1 && duration_ns == 0 ? 1 : 0;
    default:
        return 0;
    }
}

/* Read from place `at` on. True: it ends with the stretch, passes the head, and had nothing impossible. */
static bool read_from(uint8_t *begins, const struct stretch *stretch, uint32_t at)
{
    const uint8_t bit = (uint8_t)(1u << at);
    bool passed = stretch->head >= stretch->count || stretch->head < at;
    while (at < stretch->count) {
        const uint32_t length = length_of(stretch->words + at, stretch->count - at, stretch->now_ns);
        if (length == 0) {
            return false;
        }
        passed |= at == stretch->head;
        begins[at] |= bit;
        at += length;
    }
    return passed;
}

/* Where all readings that are possible have something that begins; count: nowhere, or there is none. */
static uint32_t find_beginning(uint8_t *begins, const struct stretch *stretch)
{
    uint8_t possible = 0;
    memset(begins, 0, stretch->count);
    const uint32_t readings = stretch->begins_a_claim ? 1 : READINGS;
    for (uint32_t i = 0; i < readings && i < stretch->count; i++) {
        possible = (uint8_t)(possible | (uint32_t)read_from(begins, stretch, i) << i);
    }
    for (uint32_t at = 0; possible != 0 && at < stretch->count; at++) {
        if ((begins[at] & possible) == possible) {
            return at;
        }
    }
    return stretch->count;
}

static uint64_t greater(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void add_up(const struct stretch *stretch, uint32_t at, struct sr_samples_sum *sum)
{
    while (at < stretch->count) {
        const uint64_t what = stretch->words[at];
        const uint32_t length = length_of(stretch->words + at, stretch->count - at, stretch->now_ns);
        if (length == 0) {
            return;
        }
        if (what == SR_KIND_CLOCK) {
            const uint64_t marked_ns = stretch->words[at + 1];
            const uint64_t stamp_ns = marked_ns < stretch->now_ns ? marked_ns : stretch->now_ns;
            sum->first_ns =
                stamp_ns != 0 && (sum->first_ns == 0 || stamp_ns < sum->first_ns) ? stamp_ns : sum->first_ns;
            sum->last_ns = greater(sum->last_ns, stamp_ns);
        } else if ((what & SR_SAMPLE_KIND_MASK) == SR_KIND_EXECUTION) {
            const uint64_t duration_ns =
                what >> SR_SAMPLE_DURATION_SHIFT; /* 52 bits: in range by its width */
            sum->n++;
            sum->failures += (what & SR_SAMPLE_FAILURE) != 0;
            sum->max_ns = greater(sum->max_ns, duration_ns);
            sum->cells[sr_bucket_index(duration_ns)]++;
        }
        at += length;
    }
}

/* Is it still the ring of that owner? */
static bool is_same_life(const struct sr_inspect *inspect, const struct sr_inspect_ring *ring)
{
    const uint64_t state = sr_inspect_look(sr_segment_ring_state(&inspect->segment, ring->ring));
    return sr_state_generation(state) == ring->generation &&
           (sr_state_of(state) == SR_RING_OWNED || sr_state_of(state) == SR_RING_RELEASED) &&
           sr_segment_ring_is_reserved(&inspect->segment, ring->ring);
}

/* Copy the words of this owner that are there, in their order. False: there are none, or they are not its any more. */
static bool copy_words(struct sr_samples *samples, const struct sr_inspect *inspect,
                       const struct sr_inspect_ring *ring, uint64_t now_ns, struct sr_samples_sum *sum,
                       struct stretch *out_stretch)
{
    const struct sr_segment *segment = &inspect->segment;
    const struct sr_ring_shape *shape = &sr_ring_shapes[sr_ring_class_of(ring->ring)];
    const struct sr_producer_line_shm *line = sr_segment_producer_line(segment, ring->ring);
    const uint64_t *words = sr_segment_ring_words(segment, ring->ring);
    const uint64_t first = sr_inspect_look(&sr_segment_ring_info(segment, ring->ring)->first_word);
    const uint64_t tail = sr_inspect_look(&line->tail);
    uint64_t from = tail > shape->words ? tail - shape->words : 0;
    from = first > from && first <= tail ? first : from; /* G1; what is impossible is no claim */
    for (uint64_t at = from; at != tail; at++) {
        /* acquire: the look at the tail below comes after it (G2) */
        samples->words[at - from] = __atomic_load_n(&words[at & (shape->words - 1)], __ATOMIC_ACQUIRE);
    }
    const uint64_t written = sr_inspect_look(&line->tail) + BEING_WRITTEN;
    const uint64_t whole = written > shape->words ? written - shape->words : 0;
    if (!is_same_life(inspect, ring) || written < tail) {
        return false;
    }
    const uint64_t lost = whole <= from ? 0 : whole < tail ? whole - from : tail - from;
    const uint64_t head = ring->head - (from + lost); /* beyond count when it is not in there */
    sum->unread_words += lost;
    *out_stretch = (struct stretch){.words = samples->words + lost,
                                    .count = (uint32_t)(tail - from - lost),
                                    .head = head < tail - from - lost ? (uint32_t)head : UINT32_MAX,
                                    .begins_a_claim = lost == 0 && from == first,
                                    .now_ns = now_ns};
    return true;
}

static void add_words(struct sr_samples *samples, const struct sr_inspect *inspect,
                      const struct sr_inspect_ring *ring, uint64_t now_ns, struct sr_samples_sum *sum)
{
    struct stretch stretch;
    if (!copy_words(samples, inspect, ring, now_ns, sum, &stretch)) {
        sum->rings_unread++;
        return;
    }
    const uint32_t from = find_beginning(samples->begins, &stretch);
    sum->unread_words += from;
    sum->rings_unread += stretch.count > 0 && from == stretch.count;
    add_up(&stretch, from, sum);
}

/* G4. MIN and MAX are of this owner alone. */
static void add_spill(const struct sr_inspect *inspect, const struct sr_inspect_ring *ring,
                      struct sr_samples_sum *sum)
{
    const struct sr_segment *segment = &inspect->segment;
    const struct sr_ring_shape *shape = &sr_ring_shapes[sr_ring_class_of(ring->ring)];
    const _Atomic uint64_t *block = sr_segment_spill(segment, ring->ring);
    const uint32_t base = sr_inspect_look32(&sr_segment_ring_info(segment, ring->ring)->spill_base);
    const uint64_t min_ns = sr_inspect_look(&block[SR_SPILL_MIN]);
    const uint64_t max_ns = sr_inspect_look(&block[SR_SPILL_MAX]);
    if (min_ns > max_ns || max_ns > SR_DURATION_MAX_NS || base > SR_BUCKET_COUNT - shape->cells) {
        return; /* nothing spilled, or the words contradict each other */
    }
    const bool is_only_owner = ring->generation <= 1;
    sum->spilled_max_ns = greater(sum->spilled_max_ns, max_ns);
    sum->rings_shared += !is_only_owner;
    for (uint32_t i = 0; is_only_owner && i < 2 * shape->cells; i++) {
        const uint64_t count = sr_inspect_look(&block[SR_SPILL_CELLS + i]);
        const uint64_t room = UINT64_MAX - sum->spilled; /* whatever they say, the sum is one */
        const uint64_t taken = count < room ? count : room;
        sum->spilled += taken;
        sum->spilled_cells[base + i % shape->cells] += taken;
    }
}

void sr_samples_add(struct sr_samples *samples, const struct sr_inspect *inspect,
                    const struct sr_inspect_ring *ring, uint64_t now_ns, struct sr_samples_sum *sum)
{
    sum->rings++;
    if (ring->ring >= SR_RING_MAX || !is_same_life(inspect, ring)) {
        sum->rings_unread++;
        return;
    }
    if (ring->words > 0) {
        add_words(samples, inspect, ring, now_ns, sum);
    }
    add_spill(inspect, ring, sum);
}

bool sr_samples_percentile(const uint64_t cells[SR_BUCKET_COUNT], uint64_t n, uint32_t ppm, double *out_ns)
{
    uint32_t cell;
    if (!sr_quantile_cell(cells, SR_BUCKET_COUNT, n, ppm, &cell)) {
        return false;
    }
    *out_ns = sr_bucket_estimate_ns(cell);
    return true;
}
