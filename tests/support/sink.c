/* SPDX-License-Identifier: Apache-2.0 */
/* The test's own consumer: see sink.h. */
#include "support/sink.h"

#include <time.h>

#include "support/check.h"
#include "support/child.h"
#include "system/clock.h"

struct sink *sink_new(uint64_t extra_bound_ns)
{
    struct sink *sink = child_share(sizeof *sink);
    for (uint32_t i = 0; i < SINK_PRIMITIVES; i++) {
        tally_init(&sink->taken[i], extra_bound_ns);
    }
    return sink;
}

static uint64_t take_ring(struct sink *sink, const struct sr_segment *segment, uint32_t ring)
{
    const struct sr_ring_shape *shape = &sr_ring_shapes[sr_ring_class_of(ring)];
    const uint32_t primitive = atomic_load(&sr_segment_ring_info(segment, ring)->primitive);
    const uint64_t tail =
        atomic_load_explicit(&sr_segment_producer_line(segment, ring)->tail, memory_order_acquire);
    const uint64_t head = sink->head[ring];
    CHECK(primitive < SINK_PRIMITIVES);
    const uint64_t taken = tally_ring(&sink->taken[primitive], sr_segment_ring_words(segment, ring),
                                      shape->words - 1, head, tail);
    sink->head[ring] = tail;
    atomic_store_explicit(&sr_segment_consumer_line(segment, ring)->head, tail, memory_order_release);
    return taken;
}

uint64_t sink_tick(struct sink *sink, const struct sr_segment *segment)
{
    uint64_t taken = 0;
    for (uint32_t ring = 0; ring < SR_RING_MAX; ring++) {
        const uint64_t word =
            atomic_load_explicit(sr_segment_ring_state(segment, ring), memory_order_acquire);
        if (sr_state_of(word) == SR_RING_OWNED || sr_state_of(word) == SR_RING_RELEASED) {
            taken += take_ring(sink, segment, ring);
        }
    }
    return taken;
}

void sink_until_stopped(struct sink *sink, const struct sr_segment *segment)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    while (!atomic_load(&sink->stop)) {
        atomic_store(&sr_segment_header(segment)->control.coarse_ns, sr_clock_ns());
        (void)sink_tick(sink, segment);
        (void)nanosleep(&pause, NULL);
    }
}
