/* SPDX-License-Identifier: Apache-2.0 */
/* A producer process: threads that come and go and record at full load, until somebody kills it or its time is over. */
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "stage.h"
#include "support/check.h"
#include "support/place.h"
#include "support/pretend_clock.h"
#include "system/clock.h"

struct hand {
    struct shared *shared;
    struct worker worker;
    uint32_t place; /* of its ledger */
    uint64_t steps; /* that its thread makes, before it goes */
    pthread_t thread;
    bool is_running;
    bool is_gentle;
};

static struct workload load;
static _Atomic uint32_t is_leaving;

static void nap(void)
{
    const struct timespec pause = {.tv_nsec = 200000};
    (void)nanosleep(&pause, NULL);
}

/* Stand still, outside the library, for as long as the harness wishes. */
static void park_when_asked(struct hand *hand)
{
    uint32_t pause = atomic_load_explicit(&hand->shared->pause, memory_order_acquire);
    while (pause & 1) {
        atomic_store(&hand->shared->parked[hand->place], pause);
        nap();
        pause = atomic_load(&hand->shared->pause);
    }
}

static void *work(void *argument)
{
    struct hand *hand = argument;
    for (uint64_t i = 0; i < hand->steps && !atomic_load_explicit(&is_leaving, memory_order_relaxed); i++) {
        park_when_asked(hand);
        worker_step(&hand->worker);
        if (hand->is_gentle && i % 8 == 0) {
            nap();
        }
    }
    return NULL;
}

/* The number tells the manners: 0 goes full speed, 1 pauses between little, 2 has short-lived threads. */
static void start_thread(struct hand *hand, const struct role *role, uint64_t *random)
{
    static const uint64_t most_steps[CAST] = {20000, 5000, 60, 400};
    hand->steps = 1 + workload_below(random, most_steps[role->number]);
    hand->is_running = pthread_create(&hand->thread, NULL, work, hand) == 0;
    CHECK(hand->is_running);
}

static void take_up(struct hand *hand, uint32_t i, const struct role *role, struct shared *shared)
{
    static const uint32_t bursts[CAST] = {3000, 40, 200, 2000};
    hand->shared = shared;
    hand->place = role->number * THREADS + i;
    hand->is_gentle = role->is_gentle;
    hand->worker = worker_of(&load, NULL, role->seed + i);
    hand->worker.ledger = &shared->ledger[hand->place];
    hand->worker.burst_max = bursts[role->number];
    hand->worker.uses_things = true;
    hand->worker.habit = i == 0 ? WORKLOAD_NARROW : WORKLOAD_MIXED;
}

/* A name, a category and an objective that nobody else has. */
static void register_more(struct slipring_store *store, const struct role *role)
{
    char name[48];
    struct slipring_primitive *primitive = NULL;
    uint32_t category = 0;
    (void)snprintf(name, sizeof name, "new-%llx", (unsigned long long)role->seed);
    CHECK_OK(slipring_primitive_get(store, name, NULL, &primitive));
    CHECK_OK(slipring_category_get(primitive, "some", &category));
    const struct slipring_slo slo = {.target_ppb = SLIPRING_TARGET(0.9), .latency_threshold_ns = 1000};
    CHECK_OK(slipring_slo_configure(primitive, &slo));
}

void producer_run(const struct role *role, struct shared *shared)
{
    static struct hand hands[THREADS];
    uint64_t random = role->seed | 1;
    struct slipring_store *store = NULL;
    sr_crashpoint_arm(role->point, role->nth);
    CHECK_OK(slipring_open(place_store(), &store));
    workload_open(&load, store, "p", WORKLOAD_PRIMITIVES);
    if (role->is_thorough) {
        register_more(store, role);
    }
    const uint64_t end_ns = sr_clock_ns() + role->life_ms * MS;
    for (uint32_t i = 0; i < THREADS; i++) {
        take_up(&hands[i], i, role, shared);
        start_thread(&hands[i], role, &random);
    }
    for (uint32_t running = THREADS; running > 0;) {
        nap();
        const bool is_over = role->life_ms != 0 && sr_clock_ns() >= end_ns;
        atomic_store(&is_leaving, is_over);
        for (uint32_t i = 0; i < THREADS; i++) {
            if (hands[i].is_running && pthread_tryjoin_np(hands[i].thread, NULL) == 0) {
                hands[i].is_running = false;
                running -= is_over;
                if (!is_over) {
                    start_thread(&hands[i], role, &random);
                } else {
                    atomic_store(&shared->parked[hands[i].place], PARKED_GONE);
                }
            }
        }
    }
    CHECK_EQUAL(slipring_store_dropped(store), 0);
    CHECK_OK(slipring_close(store));
}
