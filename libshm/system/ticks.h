/* SPDX-License-Identifier: Apache-2.0 */
/* The processor's tick counter: the TSC of x86-64, the virtual counter of arm64. Cheaper to read than any clock; what a tick
 * lasts is the agent's to find out (pure/tick_rate.h).
 *
 * G1  Believed only where it counts at one pace, on all processors alike: the processor says that it is invariant, and the
 *     kernel keeps its own time by it now (it compares the counter with other clocks, and drops it when they disagree).
 * G2  Not ordered with the loads and stores around it. Fences would cost as much as the clock; without them a reading is early
 *     or late by what the processor does at the same time, some tens of nanoseconds. Two readings may even appear
 *     to run backwards: who subtracts them looks.
 *
 * A process that is forbidden to read the TSC (prctl(PR_SET_TSC)) dies of CLOCK_MONOTONIC as well, where the kernel keeps
 * its time by the TSC: G1 leaves nobody worse off. */
#ifndef SR_SYSTEM_TICKS_H
#define SR_SYSTEM_TICKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

#define SR_TICKS_CLOCKSOURCE "/sys/devices/system/clocksource/clocksource0/current_clocksource"

/* Where there is no counter, 0 for ever; sr_ticks_are_steady() is false there. */
SR_INLINE uint64_t sr_ticks_read(void)
{
#if defined(__x86_64__)
    uint32_t low;
    uint32_t high;
    __asm__ __volatile__("rdtsc"
                         : "=a"(low),
                           "=d"(high)::"memory"); /* memory: the compiler at least keeps the order */
    return (uint64_t)high << 32 | low;
#elif defined(__aarch64__)
    uint64_t ticks;
    /* isb: the counter is otherwise read long before its turn, also before the branch that decides to read it */
    __asm__ __volatile__("isb\n\tmrs %0, cntvct_el0" : "=r"(ticks)::"memory");
    return ticks;
#else
    return 0;
#endif
}

/* G1, both halves. System calls: opens and reads the file, SR_TICKS_CLOCKSOURCE. What cannot be read is not believed. */
bool sr_ticks_are_steady(const char *clocksource_path);

#endif
