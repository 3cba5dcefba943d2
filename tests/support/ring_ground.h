/* SPDX-License-Identifier: Apache-2.0 */
/* A ring claimed from the test's own segment (support/ground.h), and what is put into it. For the tests of protocol/ring.h; static, so that each
 * test takes what it needs. */
#ifndef TESTS_SUPPORT_RING_GROUND_H
#define TESTS_SUPPORT_RING_GROUND_H

#include "protocol/ring.h"
#include "support/check.h"
#include "support/ground.h"

#define SLOT     3u
#define SAMPLES  512u /* that a small ring holds, without costs and marks */
#define MS       UINT64_C(1000000)
#define FIRST_NS MS

static inline struct sr_ring claim(void)
{
    struct sr_ring ring;
    CHECK_OK(sr_ring_claim(&ground, SLOT, SR_PRIMITIVE_OVERFLOW, SR_CLASS_small, FIRST_NS, &ring));
    return ring;
}

static inline struct sr_spill_sample execution(uint64_t duration_ns)
{
    return (struct sr_spill_sample){.meta = SR_KIND_EXECUTION, .duration_ns = duration_ns};
}

static inline void put(struct sr_ring *ring, uint64_t duration_ns)
{
    const struct sr_spill_sample sample = execution(duration_ns);
    CHECK(sr_ring_put(ring, &sample));
}

static inline void put_many(struct sr_ring *ring, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        put(ring, FIRST_NS);
    }
}

static inline uint64_t spilled(uint32_t ring)
{
    uint64_t count = 0;
    const struct sr_ring_shape *shape = &sr_ring_shapes[sr_ring_class_of(ring)];
    for (uint32_t i = 0; i < 2 * shape->cells; i++) {
        count += ground_spill(ring, SR_SPILL_CELLS + i);
    }
    return count;
}

/* Of the durations that were spilled. */
static inline uint64_t sum_of(uint32_t ring)
{
    return atomic_load(&sr_segment_producer_line(&ground, ring)->redo_sum) >> 1;
}

static inline uint64_t tail_of(uint32_t ring)
{
    return atomic_load(&sr_segment_producer_line(&ground, ring)->tail);
}

#endif
