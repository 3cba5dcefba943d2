/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of a processor's tick counter: how long a number of ticks lasts. A rate is a fixed-point number, 2^-32 ns a
 * tick: at 1 GHz 2^32 of them. One unit of it is a part in 10^9 at least, which is 4 us an hour at most; the counter is
 * measured against the clock no better than that. */
#ifndef SR_PURE_TICK_RATE_H
#define SR_PURE_TICK_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "pure/wide.h"

/* Rates that a machine can have: 16 GHz to 1 MHz. Beyond that somebody wrote nonsense into the segment. */
#define SR_TICK_RATE_LEAST (UINT64_C(1) << 28)
#define SR_TICK_RATE_MOST  (UINT64_C(1000) << 32)

SR_INLINE bool sr_tick_rate_is_possible(uint64_t rate)
{
    return rate >= SR_TICK_RATE_LEAST && rate <= SR_TICK_RATE_MOST;
}

/* Nanoseconds, rounded down: ticks * rate / 2^32 in 128 bits. UINT64_MAX when it is more than 64 bits hold. */
SR_INLINE uint64_t sr_tick_rate_ns(uint64_t rate, uint64_t ticks)
{
    const sr_wide ns = (sr_wide)ticks * rate >> 32;
    return SR_LIKELY(ns >> 64 == 0) ? (uint64_t)ns : UINT64_MAX;
}

/* The rate of a counter that advanced by `ticks` in `ns` nanoseconds, rounded to the nearest. 0: no machine's. */
uint64_t sr_tick_rate_of(uint64_t ticks, uint64_t ns);

/* Do two rates differ by more than 1 in 1000? A clock that is being disciplined is slewed by 1 in 2000 at most. */
bool sr_tick_rates_differ(uint64_t rate, uint64_t other);

#endif
