/* SPDX-License-Identifier: Apache-2.0 */
/* When a burst comes, and how large: see bursts.h. */
#include "bursts.h"

#include "machine.h"

uint32_t bursts_next(struct bursts *bursts)
{
    const uint64_t now_ns = machine_clock_ns();
    if (bursts->next_ns < now_ns) {
        bursts->next_ns = now_ns;
    }
    machine_spin_until(bursts->next_ns);
    bursts->next_ns += BURST_PERIOD_NS;
    bursts->random = bursts->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return BURST_LEAST + (uint32_t)((bursts->random >> 33) % (BURST_MOST - BURST_LEAST + 1));
}
