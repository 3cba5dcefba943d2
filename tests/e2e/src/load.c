/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that record at full speed. See load.h. */
#include "load.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

static const uint64_t bounds_ns[LOAD_BOUNDS] = {
    1000000,    10000000,   100000000,   500000000,   1000000000,
    2000000000, 5000000000, 10000000000, 30000000000, 60000000000,
};

struct ledger {
    struct load_tally tallies[LOAD_THREADS][LOAD_PRIMITIVES];
};

static struct ledger *ledger;
static struct load_plan plan;
static pthread_t threads[LOAD_THREADS];
static unsigned running;
static atomic_bool stop;

bool load_open_ledger(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    void *base = mmap(NULL, sizeof *ledger, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    ledger = base == MAP_FAILED ? NULL : base;
    return ledger != NULL;
}

/* splitmix64: every thread has a sequence of its own, the same in every run. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static void record_one(struct load_tally *tally, struct slipring_primitive *primitive, uint64_t random)
{
    const unsigned octave = (unsigned)(random % 37); /* up to 137 s */
    const uint64_t duration_ns = ((UINT64_C(1) << octave) - 1) & (random >> 16);
    const bool failed = (random >> 60) == 0;
    const struct slipring_cost cost = {.cost_nanodollars = random >> 8 & 0xff,
                                       .savings_nanodollars = random >> 10 & 0xf};
    tally->begun++;
    atomic_signal_fence(memory_order_seq_cst); /* a kill finds the ledger as written here */
    slipring_record(primitive, duration_ns, failed ? SLIPRING_FAILURE : SLIPRING_SUCCESS, &cost);
    atomic_signal_fence(memory_order_seq_cst); /* and here */
    tally->count++;
    tally->failures += failed;
    tally->sum_ns += duration_ns;
    tally->cost_nanodollars += cost.cost_nanodollars;
    tally->savings_nanodollars += cost.savings_nanodollars;
    for (unsigned i = 0; i < LOAD_BOUNDS; i++) {
        tally->at_most[i] += duration_ns <= bounds_ns[i];
    }
}

static void *record_until_stopped(void *argument)
{
    const unsigned thread = (unsigned)(uintptr_t)argument;
    uint64_t state = ((uint64_t)getpid() << 8) + thread;
    unsigned recorded = 0;
    /* relaxed: a moment later is as good */
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        for (unsigned i = 0; i < plan.primitive_count; i++) {
            record_one(&ledger->tallies[thread][i], plan.primitives[i], next_random(&state));
        }
        recorded += plan.primitive_count;
        if (plan.burst > 0 && recorded >= plan.burst) {
            recorded = 0;
            (void)usleep(plan.pause_us);
        }
    }
    return NULL;
}

bool load_start(const struct load_plan *new_plan)
{
    if (ledger == NULL || running > 0 || new_plan->primitive_count == 0 ||
        new_plan->thread_count > LOAD_THREADS) {
        return false;
    }
    plan = *new_plan;
    /* relaxed: pthread_create orders it */
    atomic_store_explicit(&stop, false, memory_order_relaxed);
    while (running < plan.thread_count) {
        if (pthread_create(&threads[running], NULL, record_until_stopped, (void *)(uintptr_t)running) != 0) {
            return false;
        }
        running++;
    }
    return true;
}

bool load_stop(void)
{
    bool all = true;
    /* relaxed: as above */
    atomic_store_explicit(&stop, true, memory_order_relaxed);
    while (running > 0) {
        all = pthread_join(threads[--running], NULL) == 0 && all;
    }
    return all;
}
