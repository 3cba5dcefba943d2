/* SPDX-License-Identifier: Apache-2.0 */
/* Where the killing plays: a new store, the real slipringd, producer processes under full load, and the harness's own sums of what they
 * did, in memory that outlives them (support/ledger.h).
 *
 * Whoever dies, and however, is met by stage_collect(): what it surely did goes to `past`, the call that it was in becomes a doubt. When all
 * stand still and nothing of the dead is left in the store, stage_compare() compares every published figure with the sums; each
 * doubt must then be one of the outcomes that its call may have, and is settled for good by that. */
#ifndef CRASH_STAGE_H
#define CRASH_STAGE_H

#include <limits.h>
#include <sys/types.h>

#include "base/crashpoint.h"
#include "books.h"
#include "doubts.h"
#include "report.h"
#include "support/daemon.h"
#include "support/ledger.h"

#define PRODUCERS  3u
#define VICTIM     PRODUCERS /* the number of one more, that a crash point is armed in */
#define CAST       (PRODUCERS + 1u)
#define THREADS    3u
#define DOUBTS_MAX 64u
#define MS         UINT64_C(1000000)

#define PARKED_GONE UINT32_MAX /* it stands still for ever: its process is leaving */

/* Shared with the producers. */
struct shared {
    _Atomic uint32_t pause; /* odd: all workers park; each value once */
    _Atomic uint32_t parked[CAST * THREADS];
    struct ledger ledger[CAST * THREADS];
};

/* How a producer is to live. */
struct role {
    uint32_t number;
    uint64_t seed;
    uint32_t life_ms; /* it leaves by itself after so long; 0: it does not */
    enum sr_crashpoint point;
    uint32_t nth;
    bool is_gentle;   /* leaves the processors to the others now and then */
    bool is_thorough; /* registers, records, leaves: comes by all that a producer does */
};

struct producer {
    pid_t pid; /* 0: none */
    struct role role;
};

struct stage {
    struct workload load; /* names and thresholds */
    struct shared *shared;
    struct daemon agent;
    enum sr_crashpoint agent_point; /* it is armed for */
    bool has_agent;
    bool agent_serves; /* it was seen to */
    struct producer producers[CAST];
    bool is_gentle; /* as are its ordinary producers */
    bool has_lost_books;
    uint32_t pauses;
    uint64_t random;
    char card[PATH_MAX];                    /* of prices */
    struct tally past[WORKLOAD_PRIMITIVES]; /* of the dead */
    struct workload_change doubts[DOUBTS_MAX];
    uint32_t doubt_count;
    struct torn torn[WORKLOAD_PRIMITIVES]; /* that are known to be */
    uint64_t former_torn;                  /* in ring segments that are no more */
    struct books books;
    struct report *report;
};

/* A new store; nobody there yet. */
void stage_open(struct stage *stage, uint64_t seed, struct report *report);

/* Everybody leaves; the last figures are compared, and `slipring verify` has to agree. */
void stage_close(struct stage *stage);

/* Start the agent, with a crash point armed or (SR_CRASHPOINT_none) without. Does not wait for it. */
void stage_start_agent(struct stage *stage, enum sr_crashpoint point, uint32_t nth);
void stage_await_agent(struct stage *stage);
bool stage_agent_serves(struct stage *stage);
void stage_kill_agent(struct stage *stage);

void stage_start_producer(struct stage *stage, const struct role *role);
void stage_kill_producer(struct stage *stage, uint32_t number);

/* Ordinary producers where there are none. */
void stage_fill_producers(struct stage *stage);

/* The same, and an agent; returns when all of them work and the agent knows of all objectives. */
void stage_fill(struct stage *stage);

/* Take note of whoever has died or left. True: somebody died at a crash point. */
bool stage_collect(struct stage *stage);

/* Let it run for so long, or until somebody dies at a crash point: then true. */
bool stage_run(struct stage *stage, uint64_t ms);

void stage_pause(struct stage *stage);
void stage_resume(struct stage *stage);

/* Between the two: the agent that serves books all and reaps the dead; then the figures must be the sums. */
void stage_compare(struct stage *stage);

/* The ring segment is about to be removed: nobody but an agent is there, and all of it is booked. */
void stage_leave_rings(struct stage *stage);

/* The books were lost with the agent that was making their file again: from now on only whether they agree with the rings is looked at
 * (`slipring verify`), for what had spilled before, and its extremes, are in no book and in no sum. */
void stage_lose_books(struct stage *stage);

/* Whatever is published now is no less than what was published before. */
void stage_read(struct stage *stage);

void stage_sleep_ms(uint64_t ms);

/* producer.c: the body of a producer process. */
void producer_run(const struct role *role, struct shared *shared);

#endif
