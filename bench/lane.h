/* SPDX-License-Identifier: Apache-2.0 */
/* A lane: one way for samples from a thread to another one of the same process, a slipring ring or a ck_ring. The kinds differ
 * in nothing but the transport: the same samples, put by the same loop, taken by the same thread whenever it looks; what is taken
 * is counted and summed up.
 *
 * The slipring one is a ring in a store whose agent is this process: it looks, takes and gives back room by the calls
 * that slipringd's drain is made of, but keeps no durable books. Nothing spills: who puts asks for room before. */
#ifndef BENCH_LANE_H
#define BENCH_LANE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <ck_ring.h>

#include "ledger.h"
#include "peer/drain.h"
#include "samples.h"

enum lane_kind { LANE_RING, LANE_CK_32, LANE_CK_8 };

struct lane_plan {
    const char *name, *title;
    enum lane_kind kind;
    uint32_t capacity; /* in items: a power of two */
};

/* The consumer's side of a slipring ring. */
struct lane_drain {
    struct sr_drain rings;
    uint32_t ring;
    uint64_t head;
    struct sr_tally_bounds bounds; /* none */
    struct sr_tally tally;
};

struct lane {
    const struct lane_plan *plan;
    struct ledger ledger; /* RING: what is recorded on */
    struct lane_drain *drain;
    void *buffer; /* CK */
    ck_ring_t ck; /* each side's index on a line of its own */
    /* the producer's */
    _Alignas(128) uint64_t position; /* in the cycle of samples */
    /* the consumer's */
    _Alignas(128) _Atomic uint64_t coarse_ns; /* CK_32: read by each record, as the agent's clock is */
    _Alignas(128) struct tally taken;         /* CK */
};

/* *lane is zero. False: a message says why; lane_close() all the same. */
bool lane_open(struct lane *lane, const struct lane_plan *plan);
void lane_close(struct lane *lane);

/* The producer: is there room for so many samples, whatever the clock does? */
bool lane_has_room(const struct lane *lane, uint32_t count);

/* The producer: put the next samples of the cycle, with room for them. Returns how long that took. */
uint64_t lane_put(struct lane *lane, const struct samples *samples, uint32_t count);

/* The consumer: take all there is; set the clock that samples are stamped by. */
void lane_take(struct lane *lane);
void lane_set_clock(struct lane *lane, uint64_t now_ns);

/* With both at rest: is all that was put there, `expected`, no more and no less? *out_spilled: how many samples found the ring
 * full; should be 0. */
bool lane_is_whole(const struct lane *lane, const struct tally *expected, uint64_t *out_spilled);

#endif
