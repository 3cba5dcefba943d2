/* SPDX-License-Identifier: Apache-2.0 */
/* Recording: one finished execution, a span around one, a cost alone.
 *
 * Every call here is thread safe, and wait-free after the calling thread's first record of the primitive: no
 * system call, no lock, no allocation, whatever the agent does. The first record of a thread and primitive may
 * make system calls (it claims a ring); where there was none to be had it is tried again, likewise, once each time that the agent
 * says there is room. All may be called from a signal handler, also one that interrupted
 * another call of this header: the sample then goes into the primitive's shared spill (lock-free). A handler may leave by siglongjmp():
 * what it interrupted is then counted wholly or not at all (in the shared spill: as torn), and the thread's further
 * records of that primitive go to the shared spill. A thread may be cancelled and may end in any way.
 * All may be called in a forked child. Spans and reservations die at fork: in the child, ending one is a no-op.
 *
 * What record() accepted on a primitive whose status is OK is counted exactly once, also when the ring is
 * full, the agent is down, or this process is killed as soon as the call returned.
 *
 * Ranges: duration 0 to SLIPRING_DURATION_MAX_NS (52 days); cost and savings 0 to SLIPRING_AMOUNT_MAX. What
 * lies beyond is clamped to the maximum and counted (primitive_clamped_total). A NULL primitive is ignored. */
#ifndef SLIPRING_RECORD_H
#define SLIPRING_RECORD_H

#include <stdint.h>

#include <slipring/store.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SLIPRING_DURATION_MAX_NS ((UINT64_C(1) << 52) - 1) /* nanoseconds: 52 days */
#define SLIPRING_AMOUNT_MAX      (UINT64_C(1) << 53)       /* nano-dollars: nine million dollars a sample */

enum slipring_outcome {
    SLIPRING_SUCCESS = 0,
    SLIPRING_FAILURE = 1,
};

/* What one execution cost and saved, in integer nano-dollars (1e-9 dollar). */
struct slipring_cost {
    uint64_t cost_nanodollars;
    uint64_t savings_nanodollars;
    uint32_t category; /* from slipring_category_get(); 0 is "default"; an unknown one counts as 0 */
    uint32_t reserved; /* 0 */
};

/* Record one execution that took duration_ns nanoseconds. cost may be NULL: it cost nothing. Reads no clock. */
void slipring_record(struct slipring_primitive *primitive, uint64_t duration_ns,
                     enum slipring_outcome outcome, const struct slipring_cost *cost);

/* Record a cost or savings alone, without an execution: no count, no duration. */
void slipring_record_cost(struct slipring_primitive *primitive, const struct slipring_cost *cost);

/* A span: an execution under way. Lives in the caller's memory, may be ended on another thread of the same
 * process, ends once: a second end or cancel is a no-op. Its fields are private. */
struct slipring_span {
    struct slipring_primitive *primitive;
    uint64_t start;      /* in units of the clock that it began with */
    uint32_t attachment; /* which attachment of the process began it: a forked child has another */
    uint32_t flags;
};

/* Begin an execution: reads the clock, counts the primitive as active until the end.
 *
 * The clock is the processor's tick counter where it can be believed: it is invariant, the kernel keeps its own time by it, and
 * the agent has measured its pace. Else, and with SLIPRING_CLOCK=monotonic in the environment when the store is opened,
 * it is CLOCK_MONOTONIC. A span ends with the clock that it began with, whatever happens meanwhile. The counter is read without
 * a fence: what is timed may seem longer or shorter by some tens of nanoseconds. While the machine sleeps the counter
 * may go on or start anew, CLOCK_MONOTONIC stands still. */
struct slipring_span slipring_begin(struct slipring_primitive *primitive);

/* End it: records the time since slipring_begin(). A clock that ran backwards gives 0, counted as clamped. */
void slipring_end(struct slipring_span *span, enum slipring_outcome outcome,
                  const struct slipring_cost *cost);

/* End one operation and begin the next, with one reading of the clock: records the time since slipring_begin() or the last
 * lap, and the next lap, or the end, records the time from here. No time lies between two laps. The span stays open: the
 * primitive stays active, n laps and an end are n + 1 executions, of which a kill aborts the one that is under way.
 * NULL, an ended or cancelled span, and in a forked child a span of its parent: a no-op. Thread safe and callable from a
 * signal handler as slipring_end(), but not on one span at a time: laps and end of a span follow one another. */
void slipring_lap(struct slipring_span *span, enum slipring_outcome outcome,
                  const struct slipring_cost *cost);

/* End it without a sample: it never happened, only the count of active executions falls. */
void slipring_cancel(struct slipring_span *span);

/* A reserved sample: a place in the ring where there is room, and cost and savings, which lie in the reservation until the commit: what
 * a forked child writes there is its own. Its other fields are private; it is not copied. Between reserve and commit any other
 * record of this thread and primitive (say, in a signal handler) goes to the shared spill. */
struct slipring_reservation {
    uint64_t *cost_nanodollars;    /* write here, once; 0 when reserved */
    uint64_t *savings_nanodollars; /* write here, once; 0 when reserved */
    struct slipring_primitive *primitive;
    void *ring;
    uint64_t own[2]; /* what the two point to */
    uint32_t attachment;
    uint32_t flags;
};

/* Reserve the next sample. Every reservation is committed or discarded by the thread that made it. */
void slipring_reserve(struct slipring_primitive *primitive, struct slipring_reservation *out_reservation);

/* Publish it. After a fork, in the child: a no-op. */
void slipring_commit(struct slipring_reservation *reservation, uint64_t duration_ns,
                     enum slipring_outcome outcome, uint32_t category);

/* Give it back unused. */
void slipring_discard(struct slipring_reservation *reservation);

#ifdef __cplusplus
}
#endif
#endif
