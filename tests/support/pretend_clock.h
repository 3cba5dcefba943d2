/* SPDX-License-Identifier: Apache-2.0 */
/* A clock that a test turns by hand: spans then take exactly as long as it says, and their sums can be told to the nanosecond.
 * Defines clock_gettime() for the whole program: to be included by one file of it, the test's own. Threads that pretend
 * nothing get the kernel's time. Spans are kept from the tick counter, which nobody can pretend. */
#ifndef SUPPORT_PRETEND_CLOCK_H
#define SUPPORT_PRETEND_CLOCK_H

#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "support/workload.h"

/* Without a sanitizer's instrumentation: its runtime asks for the time before it is ready. */
__attribute__((no_sanitize("address", "thread", "undefined"))) int clock_gettime(clockid_t clock,
                                                                                 struct timespec *out_time)
{
    const uint64_t now_ns = workload_pretended_ns;
    if (now_ns == 0 || clock != CLOCK_MONOTONIC) {
        return (int)syscall(SYS_clock_gettime, clock, out_time);
    }
    out_time->tv_sec = (time_t)(now_ns / UINT64_C(1000000000));
    out_time->tv_nsec = (long)(now_ns % UINT64_C(1000000000));
    return 0;
}

/* Before the first store is opened; children inherit it. */
__attribute__((constructor)) static void keep_spans_to_the_clock(void)
{
    if (setenv("SLIPRING_CLOCK", "monotonic", 1) != 0) {
        abort();
    }
}

#endif
