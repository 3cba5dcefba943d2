/* SPDX-License-Identifier: Apache-2.0 */
/* The process that records: see feeder.h. */
#include "feeder.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <slipring/slipring.h>

struct feeder_shared {
    atomic_bool is_stopping;
    _Atomic uint64_t count;
};

static int feed(struct feeder_shared *shared, const char *store_name, const char *name)
{
    struct slipring_store *store;
    struct slipring_primitive *primitive;
    if (slipring_open(store_name, &store) != SLIPRING_OK ||
        slipring_primitive_get(store, name, "bench", &primitive) != SLIPRING_OK) {
        return 1;
    }
    const struct slipring_cost cost = {.cost_nanodollars = FEEDER_COST};
    uint64_t count = 0;
    /* relaxed: a wish, nothing is read on the strength of it */
    while (!atomic_load_explicit(&shared->is_stopping, memory_order_relaxed)) {
        slipring_record(primitive, FEEDER_DURATION_NS, SLIPRING_SUCCESS, &cost);
        count++;
        machine_sleep_ms(1);
    }
    /* relaxed: waitpid() orders the look at it */
    atomic_store_explicit(&shared->count, count, memory_order_relaxed);
    return 0;
}

bool feeder_start(struct feeder *feeder, const char *store, const char *primitive,
                  const struct machine *machine)
{
    void *shared =
        mmap(NULL, sizeof *feeder->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const pid_t parent = getpid();
    *feeder = (struct feeder){.pid = 0};
    if (shared != MAP_FAILED) {
        feeder->shared = shared;
        feeder->pid = fork();
    }
    if (feeder->pid == 0 && feeder->shared) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
            _exit(1);
        }
        _exit(feed(feeder->shared, store, primitive));
    }
    if (feeder->pid <= 0 || (machine->is_pinned && !machine_pin(feeder->pid, machine->consumer_cpu))) {
        fprintf(stderr, "slipring-bench: no process that records: %s\n", strerror(errno));
        return false;
    }
    return true;
}

bool feeder_stop(struct feeder *feeder, uint64_t *out_count)
{
    int status = 1;
    if (feeder->pid > 0) {
        /* relaxed: as above */
        atomic_store_explicit(&feeder->shared->is_stopping, true, memory_order_relaxed);
        if (waitpid(feeder->pid, &status, 0) != feeder->pid) {
            status = 1;
        }
        /* relaxed: as above */
        *out_count = atomic_load_explicit(&feeder->shared->count, memory_order_relaxed);
    }
    if (feeder->shared) {
        (void)munmap(feeder->shared, sizeof *feeder->shared); /* fails only for what is no mapping */
    }
    *feeder = (struct feeder){.pid = 0};
    return status == 0;
}
