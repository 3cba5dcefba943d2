/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing what spans are timed by: see span_clock.h. */
#include "api/span_clock.h"

#include <stdlib.h>
#include <string.h>

_Atomic uint64_t sr_span_rate;
_Atomic uint32_t sr_span_may_tick;

void sr_span_clock_look(void)
{
    const char *wish = secure_getenv("SLIPRING_CLOCK");
    const bool may = (!wish || strcmp(wish, "monotonic") != 0) && sr_ticks_are_steady(SR_TICKS_CLOCKSOURCE);
    /* relaxed: each span remembers its own clock, whichever way this is seen */
    atomic_store_explicit(&sr_span_may_tick, may, memory_order_relaxed);
}

SR_COLD bool sr_span_clock_take_up(uint64_t rate)
{
    /* relaxed, both: as in the header */
    if (!atomic_load_explicit(&sr_span_may_tick, memory_order_relaxed) || !sr_tick_rate_is_possible(rate)) {
        return false;
    }
    atomic_store_explicit(&sr_span_rate, rate, memory_order_relaxed); /* relaxed: as above */
    return true;
}
