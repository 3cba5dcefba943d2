/* SPDX-License-Identifier: Apache-2.0 */
/* Rates from measurements: see tick_rate.h. */
#include "pure/tick_rate.h"

uint64_t sr_tick_rate_of(uint64_t ticks, uint64_t ns)
{
    if (ticks == 0) {
        return 0;
    }
    const sr_wide rate = (((sr_wide)ns << 32) + ticks / 2) / ticks;
    return rate <= SR_TICK_RATE_MOST && sr_tick_rate_is_possible((uint64_t)rate) ? (uint64_t)rate : 0;
}

bool sr_tick_rates_differ(uint64_t rate, uint64_t other)
{
    const uint64_t apart = rate > other ? rate - other : other - rate;
    return apart > other / 1000;
}
