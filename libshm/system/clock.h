/* SPDX-License-Identifier: Apache-2.0 */
/* The one clock of spans and of the agent.
 *
 * The store's time is CLOCK_MONOTONIC and SR_CLOCK_BASE_NS more, so that moments before the boot have a number, too: windows and
 * budgets that were restored from a checkpoint began then. 2^60 ns are 36 years, longer than any lifetime that they tell of. What the public functions
 * return is CLOCK_MONOTONIC. */
#ifndef SR_SYSTEM_CLOCK_H
#define SR_SYSTEM_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "base/compiler.h"

#define SR_CLOCK_BASE_NS (UINT64_C(1) << 60)

/* The store's time in nanoseconds; read in the vDSO, no system call. Cannot fail for this clock. */
SR_INLINE uint64_t sr_clock_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec + SR_CLOCK_BASE_NS;
}

/* A moment as CLOCK_MONOTONIC tells it: for what leaves the library. 0, which is no moment, stays 0; a moment before the boot is 1. */
SR_INLINE uint64_t sr_clock_monotonic_ns(uint64_t moment_ns)
{
    return moment_ns > SR_CLOCK_BASE_NS ? moment_ns - SR_CLOCK_BASE_NS : moment_ns != 0;
}

/* CLOCK_REALTIME in nanoseconds since the epoch, for people only. */
SR_INLINE uint64_t sr_clock_wall_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
