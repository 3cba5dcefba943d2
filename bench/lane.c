/* SPDX-License-Identifier: Apache-2.0 */
/* Putting and taking: see lane.h. */
#include "lane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <slipring/inline.h>

#include "machine.h"

#define STORE           "transport"
#define MARGIN          64u /* words for marks of the clock in a small batch */
#define ADOPT_TRIES     4096u
#define PRIMITIVE_LIMIT 16u
#define RING_CAP        16u

struct wide_item { /* what a record is made of, each in a word of its own */
    uint64_t stamp_ns;
    uint64_t what;
    uint64_t cost;
    uint64_t savings;
};

struct narrow_item {
    uint64_t what;
};
_Static_assert(sizeof(struct wide_item) == 32 && sizeof(struct narrow_item) == 8, "as they are called");

CK_RING_PROTOTYPE(wide, wide_item)
CK_RING_PROTOTYPE(narrow, narrow_item)

/* --- the loops that are timed --------------------------------------------------------------------------------------------- */

typedef void put_body(struct lane *lane, const struct sample *sample);

static inline __attribute__((always_inline)) uint64_t
time_loop(struct lane *lane, const struct samples *samples, uint32_t count, put_body *body)
{
    const uint64_t from = lane->position;
    const uint64_t begin_ns = machine_clock_ns();
    for (uint64_t i = from; i < from + count; i++) {
        body(lane, samples_at(samples, i));
        machine_settle();
    }
    return machine_clock_ns() - begin_ns;
}

static inline __attribute__((always_inline)) void put_record(struct lane *lane, const struct sample *sample)
{
    slipring_record_inline(lane->ledger.primitive, sample->duration_ns,
                           (enum slipring_outcome)sample->outcome, NULL);
}

static inline __attribute__((always_inline)) void put_wide(struct lane *lane, const struct sample *sample)
{
    struct wide_item item = {
        .stamp_ns = atomic_load_explicit(&lane->coarse_ns, memory_order_relaxed), /* relaxed: a clock */
        .what = sample->duration_ns << 1 | sample->outcome,
    };
    while (__builtin_expect(!ck_ring_enqueue_spsc_wide(&lane->ck, lane->buffer, &item), 0)) {
    }
}

static inline __attribute__((always_inline)) void put_narrow(struct lane *lane, const struct sample *sample)
{
    struct narrow_item item = {.what = sample->duration_ns << 1 | sample->outcome};
    while (__builtin_expect(!ck_ring_enqueue_spsc_narrow(&lane->ck, lane->buffer, &item), 0)) {
    }
}

/* Each in a function of its own: none is compiled together with another one. */
static __attribute__((noinline)) uint64_t put_records(struct lane *lane, const struct samples *samples,
                                                      uint32_t count)
{
    return time_loop(lane, samples, count, put_record);
}

static __attribute__((noinline)) uint64_t put_wides(struct lane *lane, const struct samples *samples,
                                                    uint32_t count)
{
    return time_loop(lane, samples, count, put_wide);
}

static __attribute__((noinline)) uint64_t put_narrows(struct lane *lane, const struct samples *samples,
                                                      uint32_t count)
{
    return time_loop(lane, samples, count, put_narrow);
}

uint64_t lane_put(struct lane *lane, const struct samples *samples, uint32_t count)
{
    uint64_t took_ns = 0;
    switch (lane->plan->kind) {
    case LANE_RING:
        took_ns = put_records(lane, samples, count);
        break;
    case LANE_CK_32:
        took_ns = put_wides(lane, samples, count);
        break;
    case LANE_CK_8:
    default:
        took_ns = put_narrows(lane, samples, count);
    }
    lane->position += count;
    return took_ns;
}

bool lane_has_room(const struct lane *lane, uint32_t count)
{
    if (lane->plan->kind != LANE_RING) {
        return ck_ring_capacity(&lane->ck) - ck_ring_size(&lane->ck) > count;
    }
    const struct lane_drain *drain = lane->drain;
    struct sr_ring_sight sight;
    const uint64_t head = sr_drain_head(&drain->rings, drain->ring);
    return sr_drain_look(&drain->rings, drain->ring, &sight) &&
           sight.line.tail - head + count + count / MARGIN + MARGIN <= sight.words;
}

/* --- the consumer --------------------------------------------------------------------------------------------------------- */

/* All take what was there when they looked, and no more: running after the producer is not lazy. */

static void take_ring(struct lane_drain *drain)
{
    struct sr_ring_sight sight;
    if (!sr_drain_look(&drain->rings, drain->ring, &sight) || sight.line.tail == drain->head ||
        sight.line.tail - drain->head > sight.words) {
        return;
    }
    const uint64_t there = sight.line.tail - drain->head;
    drain->head += sr_drain_samples(&drain->rings, drain->ring, drain->head, there, there, &drain->bounds,
                                    &drain->tally);
    sr_drain_publish_head(&drain->rings, drain->ring, drain->head);
}

static void take_wides(struct lane *lane)
{
    struct wide_item item;
    uint32_t there = ck_ring_size(&lane->ck);
    while (there-- > 0 && ck_ring_dequeue_spsc_wide(&lane->ck, lane->buffer, &item)) {
        tally_add_one(&lane->taken, item.what >> 1, item.what & 1, item.cost, item.savings);
    }
}

static void take_narrows(struct lane *lane)
{
    struct narrow_item item;
    uint32_t there = ck_ring_size(&lane->ck);
    while (there-- > 0 && ck_ring_dequeue_spsc_narrow(&lane->ck, lane->buffer, &item)) {
        tally_add_one(&lane->taken, item.what >> 1, item.what & 1, 0, 0);
    }
}

void lane_take(struct lane *lane)
{
    switch (lane->plan->kind) {
    case LANE_RING:
        take_ring(lane->drain);
        break;
    case LANE_CK_32:
        take_wides(lane);
        break;
    case LANE_CK_8:
    default:
        take_narrows(lane);
    }
}

void lane_set_clock(struct lane *lane, uint64_t now_ns)
{
    if (lane->plan->kind == LANE_RING) {
        sr_drain_set_clock(&lane->drain->rings, now_ns);
    } else {
        /* relaxed: a clock, ordered with nothing */
        atomic_store_explicit(&lane->coarse_ns, now_ns, memory_order_relaxed);
    }
}

bool lane_is_whole(const struct lane *lane, const struct tally *expected, uint64_t *out_spilled)
{
    struct ledger_found found = {0};
    struct tally taken = lane->taken;
    if (lane->plan->kind == LANE_RING) {
        const struct sr_tally *tally = &lane->drain->tally;
        if (tally->refused != 0 || tally->others != 0 || !ledger_look(&lane->ledger, &found)) {
            return false;
        }
        taken = (struct tally){.count = tally->executions,
                               .failures = tally->failures,
                               .sum_ns = (uint64_t)tally->sum,
                               .min_ns = tally->min,
                               .max_ns = tally->max};
    }
    *out_spilled = found.spilled;
    if (found.spilled != 0) { /* it has all the same to be there, of which the block tells the number alone */
        return taken.count + found.spilled == expected->count;
    }
    if (!tally_equals(&taken, expected)) {
        tally_print(lane->plan->name, "put", expected);
        tally_print(lane->plan->name, "taken", &taken);
        return false;
    }
    return true;
}

/* --- opening and closing -------------------------------------------------------------------------------------------------- */

/* The first ring that a scan finds, which is the only one. */
static bool find_ring(struct lane_drain *drain, struct sr_ring_sight *out_sight)
{
    if (sr_drain_scan(&drain->rings) != 1) {
        return false;
    }
    drain->ring = drain->rings.dirty[0];
    return sr_drain_look(&drain->rings, drain->ring, out_sight);
}

/* A thread begins with a small ring, and finds a bigger one offered when that is full: fill it. */
static bool grow(struct lane *lane, const struct samples *samples)
{
    struct lane_drain *drain = lane->drain;
    struct sr_ring_sight sight;
    uint32_t other = 0;
    (void)lane_put(lane, samples, 1);
    if (!find_ring(drain, &sight) ||
        sr_drain_offer(&drain->rings, drain->ring, SR_CLASS_mid, sight.slot, &other) != SLIPRING_OK) {
        return false;
    }
    for (uint32_t i = 0; i < ADOPT_TRIES; i++) {
        (void)lane_put(lane, samples, 1);
        if (sr_drain_look(&drain->rings, other, &sight) && sight.state == SR_RING_OWNED) {
            take_ring(drain); /* what is left in the small one */
            drain->ring = other;
            drain->head = sr_drain_head(&drain->rings, other);
            take_ring(drain);
            return sight.words == lane->plan->capacity;
        }
    }
    return false;
}

static bool open_ring(struct lane *lane)
{
    struct samples samples;
    samples_make(&samples);
    lane->drain = calloc(1, sizeof *lane->drain);
    if (!lane->drain) {
        perror("slipring-bench");
        return false;
    }
    sr_tally_bounds_set(&lane->drain->bounds, NULL, 0);
    sr_tally_clear(&lane->drain->tally);
    const enum slipring_status status = sr_drain_open(&lane->drain->rings, STORE, 0600, getegid());
    if (status != SLIPRING_OK) {
        fprintf(stderr, "slipring-bench: store " STORE ": %s\n", slipring_status_text(status));
        free(lane->drain);
        lane->drain = NULL;
        return false;
    }
    sr_drain_set_limits(&lane->drain->rings, PRIMITIVE_LIMIT, RING_CAP);
    sr_drain_set_life(&lane->drain->rings, 1);
    lane_set_clock(lane, machine_clock_ns());
    if (!ledger_open(&lane->ledger, STORE, lane->plan->name)) {
        return false;
    }
    if (!grow(lane, &samples)) {
        fputs("slipring-bench: transport: no ring of the size that is to be measured\n", stderr);
        return false;
    }
    return true;
}

bool lane_open(struct lane *lane, const struct lane_plan *plan)
{
    lane->plan = plan;
    if (plan->kind == LANE_RING) {
        return open_ring(lane);
    }
    const size_t item = plan->kind == LANE_CK_32 ? sizeof(struct wide_item) : sizeof(struct narrow_item);
    lane->buffer = aligned_alloc(128, plan->capacity * item);
    if (!lane->buffer) {
        perror("slipring-bench");
        return false;
    }
    memset(lane->buffer, 0, plan->capacity * item);
    ck_ring_init(&lane->ck, plan->capacity);
    return true;
}

void lane_close(struct lane *lane)
{
    if (lane->drain) {
        sr_drain_close(&lane->drain->rings);
    }
    free(lane->drain);
    free(lane->buffer);
    lane->drain = NULL;
    lane->buffer = NULL;
}
