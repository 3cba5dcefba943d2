/* SPDX-License-Identifier: Apache-2.0 */
/* A consumer for tests, in place of the agent: takes samples out of the rings, raises their heads, and keeps what it took. What it
 * took and what fold_primitive() finds afterwards add up to all that was recorded. Lives in memory shared with children. */
#ifndef SUPPORT_SINK_H
#define SUPPORT_SINK_H

#include "protocol/segment.h"
#include "support/tally.h"

#define SINK_PRIMITIVES 16u

struct sink {
    uint64_t head[SR_RING_MAX];
    struct tally taken[SINK_PRIMITIVES]; /* by primitive id */
    _Atomic uint32_t stop;
};

/* Zeroed; extra_bound_ns as in tally_init(). */
struct sink *sink_new(uint64_t extra_bound_ns);

/* Take everything that is in the OWNED and RELEASED rings now; returns how many samples. */
uint64_t sink_tick(struct sink *sink, const struct sr_segment *segment);

/* Tick each millisecond until sink->stop, raising the coarse clock. */
void sink_until_stopped(struct sink *sink, const struct sr_segment *segment);

#endif
