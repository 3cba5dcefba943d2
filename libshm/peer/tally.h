/* SPDX-License-Identifier: Apache-2.0 */
/* A tally: what one look at one ring, or at one spill block, adds to the books. Private memory, filled from
 * shared memory that anybody may have scribbled over: every word is read once, checked, then used, and what cannot be is
 * refused and counted. Nothing here touches a durable word; a tally can be thrown away. */
#ifndef SR_PEER_TALLY_H
#define SR_PEER_TALLY_H

#include <stdbool.h>

#include <slipring/trace.h>

#include "protocol/layout.h"
#include "pure/bound.h"
#include "pure/fine.h"
#include "pure/wide.h"

/* The exact bounds of a primitive, ascending, and where they lie. */
struct sr_tally_bounds {
    uint32_t count;
    uint64_t ns[SLIPRING_BOUND_COUNT];
    uint64_t has_bound[(SR_BUCKET_COUNT + 63) / 64]; /* bit a bucket: some bound lies in it */
};

/* Samples by parts of their buckets (pure/fine.h), of those that came through rings. */
struct sr_fine_tally {
    uint32_t schema; /* 6 to 8 */
    uint32_t touched_count;
    uint16_t touched[SR_FINE_COUNT_MAX + 1]; /* as in struct sr_tally */
    uint64_t cells[SR_FINE_COUNT_MAX];
};

/* What a look found under traces: who is the slowest of any window, the slowest and the newest failing one between two bounds.
 * Stamps are those of the marks, believed by nobody; wall_ns and bound_ns are 0. */
struct sr_trace_tally {
    uint32_t slowest_count;
    struct slipring_exemplar slowest[SLIPRING_EXEMPLAR_SLOWEST]; /* a staircase (pure/exemplar.h) */
    struct slipring_exemplar bucket_slowest[SLIPRING_BOUND_COUNT + 1];
    struct slipring_exemplar bucket_failing[SLIPRING_BOUND_COUNT + 1];
};

struct sr_tally {
    uint64_t taken;      /* words of rings */
    uint64_t beside;     /* of these, no sample's first: marks of the clock, amounts, traces */
    uint64_t others;     /* samples that are no executions; taken = beside + others + executions from rings */
    uint64_t refused;    /* of these, impossible */
    uint64_t executions; /* from rings and from spill blocks: the sum of the cells */
    uint64_t failures;
    uint64_t spilled;        /* of the executions, from spill blocks */
    uint64_t spilled_others; /* amounts and cancels from spill blocks */
    uint64_t ended;          /* spans */
    uint64_t clamped;
    uint64_t bound_lost;
    uint64_t clock_ns;  /* the ring's last mark (sample.h): set by the caller, kept up to date */
    uint64_t oldest_ns; /* stamp of the first sample; 0: none */
    uint64_t traced;    /* of the executions, under a trace: else `traces` holds nothing */
    uint64_t min, max;  /* of the durations; UINT64_MAX and 0: none */
    sr_wide sum;
    uint64_t cost[SLIPRING_CATEGORY_COUNT];
    uint64_t savings[SLIPRING_CATEGORY_COUNT];
    uint64_t slots[SLIPRING_BOUND_COUNT]; /* samples by exact bound: see pure/bound.h */
    uint32_t touched_count;
    uint16_t touched[SR_BUCKET_COUNT + 1]; /* cells that are not zero; the last place is never used */
    uint64_t cells[SR_BUCKET_COUNT];       /* success and failure together */
    struct sr_fine_tally *fine;            /* the owner's; NULL: parts are not counted */
    struct sr_trace_tally *traces;         /* the owner's; NULL: traces are not kept */
};

/* Fill in has_bound from count and ns. */
void sr_tally_bounds_set(struct sr_tally_bounds *bounds, const uint64_t *ns, uint32_t count);

/* Begin: a tally that is all zero bytes, or was used before. Costs as much as it was used. */
void sr_tally_clear(struct sr_tally *tally);

/* Take samples of a ring of mask + 1 words: those that begin within `most` words from `from` on, where `there` are
 * published. None is cut by `most`; one that is cut by `there` is impossible. Returns how many words were taken. */
uint64_t sr_tally_samples(struct sr_tally *tally, const uint64_t *words, uint64_t mask, uint64_t from,
                          uint64_t most, uint64_t there, const struct sr_tally_bounds *bounds);

/* How many samples lie in `count` words from `from` on, and nothing else: for people. */
uint64_t sr_tally_count(const uint64_t *words, uint64_t mask, uint64_t from, uint64_t count);

SR_INLINE void sr_tally_cell(struct sr_tally *tally, uint32_t bucket, uint64_t count)
{
    const uint64_t before = tally->cells[bucket];
    tally->cells[bucket] = before + count;
    tally->touched[tally->touched_count] = (uint16_t)bucket;
    tally->touched_count += before == 0;
}

SR_INLINE bool sr_tally_has_bound(const struct sr_tally_bounds *bounds, uint32_t bucket)
{
    return bounds->has_bound[bucket / 64] >> (bucket % 64) & 1;
}

#endif
