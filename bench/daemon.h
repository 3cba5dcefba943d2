/* SPDX-License-Identifier: Apache-2.0 */
/* A real slipringd as a child process: the one that lies beside slipring-bench. */
#ifndef BENCH_DAEMON_H
#define BENCH_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct daemon {
    pid_t pid; /* 0: none */
};

/* Is there one to start? */
bool daemon_is_built(void);

struct daemon_plan {
    const char *store;
    uint32_t cpu;
    bool is_pinned;          /* to that CPU */
    uint32_t max_primitives; /* 0: what slipringd does by itself, as below */
    uint32_t ring_cap;
    bool exposes_few;   /* --expose few */
    const char *config; /* --config; NULL: none */
};

/* Start it. It ends when the benchmark does, however that ends. */
bool daemon_start_as(struct daemon *daemon, const struct daemon_plan *plan);

/* The same for `store`, pinned to `cpu` if `is_pinned`. */
bool daemon_start(struct daemon *daemon, const char *store, uint32_t cpu, bool is_pinned);

/* Stop it in its tracks (SIGSTOP), and wait until it stands; let it go on (SIGCONT). False: it has ended; a message says so. */
bool daemon_pause(struct daemon *daemon);
bool daemon_resume(struct daemon *daemon);

/* Ask it to end, and wait. False: it ended with an error, or had to be killed. */
bool daemon_stop(struct daemon *daemon);

#endif
