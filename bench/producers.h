/* SPDX-License-Identifier: Apache-2.0 */
/* A crew of producers, processes or threads, that stand ready and record when told to, all at the same time.
 *
 * A crew is started once and works in many rounds, so that rounds of few and of many producers can alternate and none of them
 * has the making of processes or of rings in its figures. Each producer is held on one CPU: the one under measurement
 * first, that of the consumers last, then over again. Between two rounds they sleep.
 *
 * What a producer is to report goes into its `shared` area, which it alone writes while it works, and which the starter reads
 * when the round is over. A process of the crew has all else for itself: what was allocated before the start is its own
 * copy. Handles of stores and primitives opened before are valid in it. */
#ifndef BENCH_PRODUCERS_H
#define BENCH_PRODUCERS_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "machine.h"

#define PRODUCERS_MAX 64u

struct producers;

/* One of them; in memory that all of the crew and the starter share. */
struct producer {
    _Alignas(128) uint32_t index;
    void *shared; /* zero at the start */
    const struct producers *crew;
    /* of the last round: written by the producer, read when it is over */
    uint64_t records;
    uint64_t begin_ns, end_ns, cpu_ns;
    sem_t go, done;
};

/* Work for one round: until producers_is_over(), and set producer->records. Not timed by itself: call producers_begin()
 * before and producers_end() behind what is. */
typedef void producers_work(void *context, struct producer *producer, uint32_t task);

struct producers_board { /* shared */
    _Alignas(128) _Atomic bool is_over;
    _Atomic bool is_ending;
    uint32_t task;
    struct producer list[PRODUCERS_MAX];
};

struct producers {
    bool are_processes;
    uint32_t count;
    producers_work *work;
    void *context;
    const struct machine *machine;
    struct producers_board *board;
    uint8_t *areas;
    size_t area_bytes;
    size_t mapped_bytes;
    pid_t pids[PRODUCERS_MAX];
    pthread_t threads[PRODUCERS_MAX];
};

/* What a round came to. */
struct producers_round {
    uint64_t records; /* of all */
    uint64_t wall_ns; /* from the first one's beginning to the last one's end */
    uint64_t cpu_ns;  /* that they took of processors, together */
};

/* Set are_processes, count (at most PRODUCERS_MAX), work, context, machine, area_bytes; all else 0. Start processes before
 * threads: fork copies only the thread that calls it. False: a message says why. */
bool producers_start(struct producers *crew);

/* Let the first `count` of them work at `task`. */
void producers_begin_round(struct producers *crew, uint32_t count, uint32_t task);

/* Tell them that the round is over, and wait until they have stopped. False: one of them is gone, or an interrupt. */
bool producers_end_round(struct producers *crew, uint32_t count, struct producers_round *out_round);

/* End them: processes exit as a program does that returns from main without closing anything. False: one had ended before. */
bool producers_stop(struct producers *crew);

/* In a producer: around what is timed. */
void producers_begin(struct producer *producer);
void producers_end(struct producer *producer);

static inline bool producers_is_over(const struct producer *producer)
{
    /* relaxed: says when to stop and nothing else; what is reported is ordered by the semaphore `done` */
    return atomic_load_explicit(&producer->crew->board->is_over, memory_order_relaxed);
}

static inline struct producer *producers_at(const struct producers *crew, uint32_t index)
{
    return &crew->board->list[index];
}

#endif
