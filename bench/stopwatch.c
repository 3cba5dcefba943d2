/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing and calibrating: see stopwatch.h. */
#include "stopwatch.h"

#include "pure/tick_rate.h"

#define CALIBRATION_NS UINT64_C(20000000)
#define TRIES          64u
#define READINGS       1000u

/* Both at the same moment, as nearly as can be had: of several tries the one whose clock readings lie closest together. */
static void read_both(uint64_t *out_ticks, uint64_t *out_ns)
{
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < TRIES; i++) {
        const uint64_t before_ns = machine_clock_ns();
        const uint64_t ticks = stopwatch_read(true);
        const uint64_t apart_ns = machine_clock_ns() - before_ns;
        if (apart_ns < least) {
            least = apart_ns;
            *out_ticks = ticks;
            *out_ns = before_ns + apart_ns / 2;
        }
    }
}

/* 0: there is no counter, or it stood still. */
static uint64_t measure_rate(void)
{
    uint64_t ticks[2] = {0};
    uint64_t ns[2] = {0};
    read_both(&ticks[0], &ns[0]);
    machine_spin_until(ns[0] + CALIBRATION_NS);
    read_both(&ticks[1], &ns[1]);
    return ticks[1] > ticks[0] && ns[1] > ns[0] ? sr_tick_rate_of(ticks[1] - ticks[0], ns[1] - ns[0]) : 0;
}

/* The greatest common divisor of many readings' differences, in ticks. */
static uint64_t find_step(bool is_ticks)
{
    uint64_t step = 0;
    for (uint32_t i = 0; i < READINGS; i++) {
        const uint64_t before = stopwatch_read(is_ticks);
        uint64_t rest = stopwatch_read(is_ticks) - before;
        while (rest != 0) {
            const uint64_t next = step % rest;
            step = rest;
            rest = next;
        }
    }
    return step;
}

void stopwatch_make(struct stopwatch *out_stopwatch)
{
    const uint64_t rate = measure_rate();
    *out_stopwatch = (struct stopwatch){.ps_per_tick = 1000};
    if (sr_tick_rate_is_possible(rate)) {
        out_stopwatch->is_ticks = true;
        out_stopwatch->rate = rate;
        out_stopwatch->ps_per_tick = (double)rate / 4294967296.0 * 1000; /* a rate is 2^-32 ns a tick */
    }
    out_stopwatch->resolution_ns =
        (double)find_step(out_stopwatch->is_ticks) * out_stopwatch->ps_per_tick / 1000;
}

bool stopwatch_is_steady(const struct stopwatch *stopwatch)
{
    return !stopwatch->is_ticks || !sr_tick_rates_differ(stopwatch->rate, measure_rate());
}
