/* SPDX-License-Identifier: Apache-2.0 */
/* Starting, ordering and ending producers: see producers.h. */
#include "producers.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 100 /* how often a wait looks whether those that it waits for are there */

static uint64_t cpu_clock_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now); /* cannot fail for this clock */
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* --- in a producer -------------------------------------------------------------------------------------------------------- */

void producers_begin(struct producer *producer)
{
    producer->cpu_ns = cpu_clock_ns();
    producer->begin_ns = machine_clock_ns();
}

void producers_end(struct producer *producer)
{
    producer->end_ns = machine_clock_ns();
    producer->cpu_ns = cpu_clock_ns() - producer->cpu_ns;
}

static void *serve(void *argument)
{
    struct producer *producer = argument;
    const struct producers *crew = producer->crew;
    for (;;) {
        while (sem_wait(&producer->go) != 0) { /* a signal came */
        }
        /* relaxed: written before the post of `go`, which orders it */
        if (atomic_load_explicit(&crew->board->is_ending, memory_order_relaxed)) {
            return NULL;
        }
        crew->work(crew->context, producer, crew->board->task);
        (void)sem_post(&producer->done); /* fails only beyond SEM_VALUE_MAX */
    }
}

/* --- starting ------------------------------------------------------------------------------------------------------------- */

static uint32_t cpu_of(const struct producers *crew, uint32_t index)
{
    return crew->machine->cpus[index % crew->machine->cpu_count];
}

static bool start_process(struct producers *crew, uint32_t index)
{
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) {
        /* An interrupt of the terminal is the starter's to answer; when that is killed, so are its producers. */
        (void)signal(SIGINT, SIG_IGN);
        (void)signal(SIGTERM, SIG_DFL);
        (void)signal(SIGHUP, SIG_IGN);
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
            _exit(1);
        }
        (void)serve(producers_at(crew, index));
        _exit(0);
    }
    if (pid < 0) {
        fprintf(stderr, "slipring-bench: fork: %s\n", strerror(errno));
        return false;
    }
    crew->pids[index] = pid;
    if (crew->machine->is_pinned && !machine_pin(pid, cpu_of(crew, index))) {
        perror("slipring-bench: a producer could not be pinned");
        return false;
    }
    return true;
}

static bool start_thread(struct producers *crew, uint32_t index)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu_of(crew, index), &set);
    int error = pthread_create(&crew->threads[index], NULL, serve, producers_at(crew, index));
    if (error == 0 && crew->machine->is_pinned) {
        error = pthread_setaffinity_np(crew->threads[index], sizeof set, &set);
    }
    if (error != 0) {
        fprintf(stderr, "slipring-bench: no thread for a producer: %s\n", strerror(error));
    }
    return error == 0;
}

bool producers_start(struct producers *crew)
{
    crew->area_bytes = (crew->area_bytes + 4095) / 4096 * 4096;
    const size_t board_bytes = (sizeof *crew->board + 4095) / 4096 * 4096;
    crew->mapped_bytes = board_bytes + crew->count * crew->area_bytes;
    void *mapped = mmap(NULL, crew->mapped_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) {
        perror("slipring-bench: mmap");
        return false;
    }
    const uint32_t wanted = crew->count;
    crew->board = mapped;
    crew->areas = (uint8_t *)mapped + board_bytes;
    for (crew->count = 0; crew->count < wanted; crew->count++) {
        struct producer *producer = producers_at(crew, crew->count);
        producer->index = crew->count;
        producer->shared = crew->areas + crew->count * crew->area_bytes;
        producer->crew = crew;
        (void)sem_init(&producer->go, 1, 0); /* fails only for a value that is too large */
        (void)sem_init(&producer->done, 1, 0);
        if (!(crew->are_processes ? start_process(crew, crew->count) : start_thread(crew, crew->count))) {
            return false;
        }
    }
    return true;
}

/* --- rounds --------------------------------------------------------------------------------------------------------------- */

void producers_begin_round(struct producers *crew, uint32_t count, uint32_t task)
{
    crew->board->task = task;
    /* relaxed: the post of `go` orders it */
    atomic_store_explicit(&crew->board->is_over, false, memory_order_relaxed);
    for (uint32_t i = 0; i < count; i++) {
        (void)sem_post(&producers_at(crew, i)->go);
    }
}

static bool is_gone(struct producers *crew, uint32_t index)
{
    int status;
    if (!crew->are_processes || waitpid(crew->pids[index], &status, WNOHANG) == 0) {
        return false;
    }
    fprintf(stderr, "slipring-bench: producer %u is gone (wait status 0x%x)\n", index, (unsigned)status);
    crew->pids[index] = 0;
    return true;
}

static bool await_done(struct producers *crew, uint32_t index)
{
    for (;;) {
        struct timespec until;
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += LOOK_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        if (sem_timedwait(&producers_at(crew, index)->done, &until) == 0) {
            return true;
        }
        if (is_gone(crew, index)) {
            return false;
        }
    }
}

bool producers_end_round(struct producers *crew, uint32_t count, struct producers_round *out_round)
{
    struct producers_round round = {0};
    uint64_t begin_ns = UINT64_MAX;
    uint64_t end_ns = 0;
    /* relaxed: it ends a loop; nothing is read because of it */
    atomic_store_explicit(&crew->board->is_over, true, memory_order_relaxed);
    for (uint32_t i = 0; i < count; i++) {
        if (!await_done(crew, i)) {
            return false;
        }
        const struct producer *producer = producers_at(crew, i);
        round.records += producer->records;
        round.cpu_ns += producer->cpu_ns;
        begin_ns = producer->begin_ns < begin_ns ? producer->begin_ns : begin_ns;
        end_ns = producer->end_ns > end_ns ? producer->end_ns : end_ns;
    }
    round.wall_ns = end_ns - begin_ns;
    *out_round = round;
    return !machine_is_interrupted();
}

/* --- ending --------------------------------------------------------------------------------------------------------------- */

static bool end_process(struct producers *crew, uint32_t index)
{
    int status = 1;
    pid_t ended;
    if (crew->pids[index] == 0) {
        return false;
    }
    do {
        ended = waitpid(crew->pids[index], &status, 0);
    } while (ended < 0 && errno == EINTR);
    crew->pids[index] = 0;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool producers_stop(struct producers *crew)
{
    bool is_clean = true;
    if (!crew->board) {
        return true;
    }
    /* relaxed: the post of `go` orders it, and for one that still works the next turn will do */
    atomic_store_explicit(&crew->board->is_ending, true, memory_order_relaxed);
    atomic_store_explicit(&crew->board->is_over, true, memory_order_relaxed); /* relaxed: as above */
    for (uint32_t i = 0; i < crew->count; i++) {
        (void)sem_post(&producers_at(crew, i)->go);
    }
    for (uint32_t i = 0; i < crew->count; i++) {
        if (crew->are_processes) {
            is_clean &= end_process(crew, i);
        } else {
            (void)pthread_join(crew->threads[i], NULL);
        }
    }
    (void)munmap(crew->board, crew->mapped_bytes);
    crew->board = NULL;
    return is_clean;
}
