/* SPDX-License-Identifier: Apache-2.0 */
/* The machine under the benchmark: two CPUs, one clock, and a thread that has had enough. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define MACHINE_CPUS_MAX 256u

/* Where things run. */
struct machine {
    uint32_t cpu;          /* what is measured */
    uint32_t consumer_cpu; /* agents and consumer threads */
    bool is_pinned;        /* both are there, differ, and the calling thread was pinned to the first */
    uint32_t cpu_count;    /* all that the process may use: `cpu` first, `consumer_cpu` last */
    uint32_t cpus[MACHINE_CPUS_MAX];
};

/* Pin the calling thread to `cpu` (OPTIONS_CPU_ANY: the last one allowed) and choose another one for consumers. False,
 * with a message: that CPU is not ours to use. Without a second CPU it goes on, not pinned, and says so. */
bool machine_take(uint32_t cpu, struct machine *out_machine);

/* Pin a process just forked (0: the calling thread) to one CPU. Whoever starts something pins it: what is pinned to
 * the CPU under measurement might not get to run there and pin itself elsewhere. */
bool machine_pin(pid_t process, uint32_t cpu);

/* Let the calling thread run on any CPU that the process may use: for one that only starts, stops and waits. */
void machine_unpin(const struct machine *machine);

/* From here on an interrupt asks for an orderly end: what runs looks at machine_is_interrupted(). */
void machine_catch_interrupts(void);
bool machine_is_interrupted(void);

/* Sleep; shorter when interrupted. */
void machine_sleep_ms(uint32_t ms);

/* Burn time until the clock shows `ns`: a sleep would put the CPU's waking up into the figures. */
void machine_spin_until(uint64_t ns);

/* CLOCK_MONOTONIC in nanoseconds. */
static inline uint64_t machine_clock_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Between two records: memory is as the abstract machine has it, so that no compiler keeps sums in registers over
 * a loop and calls that private books. */
static inline void machine_settle(void)
{
    __asm__ volatile("" ::: "memory");
}

#endif
