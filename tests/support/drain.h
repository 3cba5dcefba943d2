/* SPDX-License-Identifier: Apache-2.0 */
/* A consumer for tests, in place of the agent: takes samples out of the rings, raises their heads, and keeps what it took. What it
 * took and what fold_primitive() finds afterwards add up to all that was recorded. Lives in memory shared with children. */
#ifndef SUPPORT_DRAIN_H
#define SUPPORT_DRAIN_H

#include "protocol/segment.h"
#include "support/tally.h"

#define DRAIN_PRIMITIVES 16u

/* The real agent has functions of the same names; a test may link both. */
#define drain_new           support_drain_new
#define drain_tick          support_drain_tick
#define drain_until_stopped support_drain_until_stopped

struct drain {
    uint64_t head[SR_RING_MAX];
    struct tally taken[DRAIN_PRIMITIVES]; /* by primitive id */
    _Atomic uint32_t stop;
};

/* Zeroed; extra_bound_ns as in tally_init(). */
struct drain *drain_new(uint64_t extra_bound_ns);

/* Take everything that is in the OWNED and RELEASED rings now; returns how many samples. */
uint64_t drain_tick(struct drain *drain, const struct sr_segment *segment);

/* Tick each millisecond until drain->stop, raising the coarse clock. */
void drain_until_stopped(struct drain *drain, const struct sr_segment *segment);

#endif
