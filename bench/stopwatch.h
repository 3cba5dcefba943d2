/* SPDX-License-Identifier: Apache-2.0 */
/* Timing one short call: by the processor's tick counter where there is one, else by CLOCK_MONOTONIC.
 *
 * A span of the library reads the counter only where the kernel keeps its own time by it, since a span may end on another CPU
 * and a week later. Here one thread stays on one CPU for seconds, and the counter's pace is measured against the clock before
 * and after: if it was not the same, the run is worth nothing.
 *
 * The counter is read between fences (x86-64: lfence on both sides; arm64: isb before): what came before has been executed,
 * and what is timed begins behind it. Without them a processor does half of a call before the first reading and the other half behind
 * the second. So a call takes longer here than in a loop where neighbours overlap: it is the time that a
 * caller waits who needs the result. Stores may still be on their way to the cache when it ends, as for every caller. */
#ifndef BENCH_STOPWATCH_H
#define BENCH_STOPWATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "machine.h"
#include "peer/clock.h"

struct stopwatch {
    bool is_ticks;
    uint64_t rate;        /* pure/tick_rate.h */
    double ps_per_tick;   /* picoseconds; 1000 when a tick is a nanosecond of the clock */
    double resolution_ns; /* what its readings are multiples of: many processors count in steps of 10 ns */
};

/* Choose, and measure the counter's pace for some ten milliseconds. */
void stopwatch_make(struct stopwatch *out_stopwatch);

/* Does the counter still go at that pace? */
bool stopwatch_is_steady(const struct stopwatch *stopwatch);

static inline void stopwatch_fence(void)
{
#if defined(__x86_64__)
    __asm__ volatile("lfence" ::: "memory");
#endif
}

/* In ticks of its own. `is_ticks` is a constant where it matters: the loops are made twice. */
static inline __attribute__((always_inline)) uint64_t stopwatch_read(bool is_ticks)
{
    if (!is_ticks) {
        return machine_clock_ns();
    }
    stopwatch_fence();
    const uint64_t ticks = sr_ticks_read();
    stopwatch_fence();
    return ticks;
}

#endif
