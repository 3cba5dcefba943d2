/* SPDX-License-Identifier: Apache-2.0 */
/* CPUs, interrupts, waiting: see machine.h. */
#include "machine.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "options.h"

static volatile sig_atomic_t is_interrupted;

bool machine_pin(pid_t process, uint32_t cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return sched_setaffinity(process, sizeof set, &set) == 0;
}

static void list_cpus(const cpu_set_t *allowed, struct machine *machine)
{
    machine->cpus[machine->cpu_count++] = machine->cpu;
    for (uint32_t i = 0; i < CPU_SETSIZE && machine->cpu_count < MACHINE_CPUS_MAX - 1; i++) {
        if (CPU_ISSET(i, allowed) && i != machine->cpu && i != machine->consumer_cpu) {
            machine->cpus[machine->cpu_count++] = i;
        }
    }
    if (machine->consumer_cpu != machine->cpu) {
        machine->cpus[machine->cpu_count++] = machine->consumer_cpu;
    }
}

bool machine_take(uint32_t cpu, struct machine *out_machine)
{
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        perror("slipring-bench: sched_getaffinity");
        return false;
    }
    struct machine machine = {.cpu = cpu, .consumer_cpu = cpu};
    for (uint32_t i = 0; cpu == OPTIONS_CPU_ANY && i < CPU_SETSIZE; i++) {
        machine.cpu = CPU_ISSET(i, &allowed) ? i : machine.cpu;
    }
    if (machine.cpu >= CPU_SETSIZE || !CPU_ISSET(machine.cpu, &allowed)) {
        fprintf(stderr, "slipring-bench: --cpu: this process may not use CPU %u\n", machine.cpu);
        return false;
    }
    machine.consumer_cpu = machine.cpu;
    for (uint32_t i = CPU_SETSIZE; i-- > 0;) {
        machine.consumer_cpu = i != machine.cpu && CPU_ISSET(i, &allowed) ? i : machine.consumer_cpu;
    }
    list_cpus(&allowed, &machine);
    machine.is_pinned = machine.consumer_cpu != machine.cpu && machine_pin(0, machine.cpu);
    if (!machine.is_pinned) {
        fputs("slipring-bench: no second CPU for consumers: nothing is pinned, bursts meet their consumer\n",
              stderr);
    }
    *out_machine = machine;
    return true;
}

void machine_unpin(const struct machine *machine)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (uint32_t i = 0; i < machine->cpu_count; i++) {
        CPU_SET(machine->cpus[i], &set);
    }
    (void)sched_setaffinity(0, sizeof set, &set); /* else it stays where it is, and wakes later */
}

static void on_interrupt(int number)
{
    (void)number;
    is_interrupted = 1;
}

void machine_catch_interrupts(void)
{
    struct sigaction action = {.sa_handler = on_interrupt};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGHUP, &action, NULL);
    action.sa_handler = SIG_IGN; /* a closed pipe is an error of stdout, found at the end */
    (void)sigaction(SIGPIPE, &action, NULL);
}

bool machine_is_interrupted(void)
{
    return is_interrupted != 0;
}

void machine_sleep_ms(uint32_t ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&time, NULL);
}

void machine_spin_until(uint64_t ns)
{
    while (machine_clock_ns() < ns && !is_interrupted) {
    }
}
