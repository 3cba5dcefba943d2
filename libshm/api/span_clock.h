/* SPDX-License-Identifier: Apache-2.0 */
/* What a span is timed by: the tick counter, or CLOCK_MONOTONIC.
 *
 * The counter is taken when all of these say so, else the clock:
 *   this process   the counter is steady (system/ticks.h) and $SLIPRING_CLOCK is not "monotonic"; looked at when a store is opened
 *   the agent      published a rate in the control line; 0 withdraws it
 *   the rate       is one that a machine can have (the segment is not to be believed)
 *
 * G1  A span ends with what it began with. The process keeps the last rate that it began a span by: a rate that is withdrawn
 *     meanwhile is still the one to convert by. It is kept through fork and never 0 again.
 * G2  Choosing costs two loads and a comparison; only a rate not seen before goes the slow way. */
#ifndef SR_API_SPAN_CLOCK_H
#define SR_API_SPAN_CLOCK_H

#include <stdatomic.h>

#include "protocol/layout.h"
#include "pure/tick_rate.h"
#include "system/clock.h"
#include "system/ticks.h"

extern _Atomic uint64_t sr_span_rate
    __attribute__((visibility("hidden"))); /* 0: no span began in ticks yet */
extern _Atomic uint32_t sr_span_may_tick __attribute__((visibility("hidden")));

/* May this process use the counter? Reads the environment and a file. Lock of the process held. */
void sr_span_clock_look(void);

/* A rate that is not the one we have: take it up. False: it is to be left alone. */
bool sr_span_clock_take_up(uint64_t rate);

/* Shall a span that begins now be timed in ticks? */
SR_INLINE bool sr_span_clock_ticks(const struct sr_control_shm *control)
{
    /* relaxed, both: a number, ordered with nothing */
    const uint64_t rate = atomic_load_explicit(&control->tick_to_ns, memory_order_relaxed);
    if (SR_LIKELY(rate ==
                  atomic_load_explicit(&sr_span_rate, memory_order_relaxed))) { /* relaxed: as above */
        return rate != 0;
    }
    return sr_span_clock_take_up(rate);
}

SR_INLINE uint64_t sr_span_clock_read(bool in_ticks)
{
    return SR_LIKELY(in_ticks) ? sr_ticks_read() : sr_clock_ns();
}

/* Nanoseconds between two readings, `later` not before `earlier`. */
SR_INLINE uint64_t sr_span_clock_ns(bool in_ticks, uint64_t earlier, uint64_t later)
{
    if (SR_UNLIKELY(!in_ticks)) {
        return later - earlier;
    }
    /* relaxed: who has a span that began in ticks has the rate, too, in whatever way it was handed over */
    return sr_tick_rate_ns(atomic_load_explicit(&sr_span_rate, memory_order_relaxed), later - earlier);
}

#endif
