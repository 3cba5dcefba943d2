/* SPDX-License-Identifier: Apache-2.0 */
/* The one clock of spans and of the agent. */
#ifndef SR_SYSTEM_CLOCK_H
#define SR_SYSTEM_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "base/compiler.h"

/* CLOCK_MONOTONIC in nanoseconds; read in the vDSO, no system call. Cannot fail for this clock. */
SR_INLINE uint64_t sr_clock_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* CLOCK_REALTIME in nanoseconds since the epoch, for people only. */
SR_INLINE uint64_t sr_clock_wall_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
