/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a store and naming what is recorded in it.
 *
 *   call                          thread safe   in a signal handler   in a forked child   may block on
 *   slipring_open, slipring_close yes (1)       no                    yes                 file system
 *   slipring_open_oneshot         yes           no                    yes                 file system
 *   slipring_default              yes           no                    yes                 file system, once
 *   slipring_primitive_get        yes           no                    yes                 file system, first time
 *   slipring_category_get         yes           no                    yes                 nothing
 *   slipring_primitive_set_mode   yes           yes                   yes                 nothing
 *   the askers (…_status, …)      yes           yes                   yes                 nothing
 *
 *   (1) slipring_close() against a record on the same store in another thread: the record is delivered (the
 *       thread has a ring) or counted as dropped, and never crashes; the mapping stays for the process's life.
 *
 * A handle outlives a fork: the child's first record attaches the child as a process of its own.
 * The library starts no thread, installs no signal handler, writes to no descriptor, never aborts or exits. */
#ifndef SLIPRING_STORE_H
#define SLIPRING_STORE_H

#include <stdint.h>

#include <slipring/status.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SLIPRING_STORE_NAME_MAX     64 /* bytes: letters, digits, '.', '_', '-'; not starting with '.' or '-' */
#define SLIPRING_PRIMITIVE_NAME_MAX 128 /* bytes of UTF-8 without control characters */
#define SLIPRING_PRIMITIVE_TYPE_MAX 63  /* the same */
#define SLIPRING_CATEGORY_NAME_MAX  31  /* the same */
#define SLIPRING_CATEGORY_COUNT     16  /* per primitive, "default" among them */

struct slipring_store;     /* a store opened by this process; opaque */
struct slipring_primitive; /* a named, typed thing that is executed and recorded; opaque */

/* Open the store `name`; NULL means $SLIPRING_STORE, or "default" when that is unset or empty. Creates the
 * ring segment when it is absent (mode 0600, own uid); a store shared by a group is made by slipringd.
 * Opening a name again gives the same store and counts one more opener.
 *
 * *out_store is always set, also on failure: recording on it is then a counted no-op, and
 * slipring_store_status() keeps telling why. It is NULL for BAD_NAME, TABLE_FULL, and when the process has no memory
 * for any store (NO_MEMORY, SYSTEM); every other
 * function takes a NULL store or primitive as one that records nothing. */
SLIPRING_MUST_CHECK enum slipring_status slipring_open(const char *name, struct slipring_store **out_store);

/* The same for a process that records a few samples and ends: a cron job, a command in a shell's loop. It takes no ring, no
 * process slot and no page; what it records goes into each primitive's shared spill: counted exactly once, also when the process is
 * killed as soon as the call returned, but without a time stamp of its own (it counts as spilled), by atomic adds (some tens of
 * nanoseconds each). No record makes a system call then, not even the first, so that all of record.h is wait-free from the start but for
 * those adds. Two things take a process slot all the same, by system calls: registering a name that the store did not know, and the
 * first span, for somebody has to know that the process lives as long as it is active; the spans of at most 32 primitives are counted as
 * active, and all are timed by CLOCK_MONOTONIC. A span's end and its sample are then booked one after the other: killed between
 * them, the execution counts as recorded and as aborted.
 *
 * The mode is that of the store in this process, and slipring_open() wins: whoever opens the store so, before or after, makes it an
 * ordinary one for the whole process. A forked child has the mode of its parent. Statuses, *out_store, openers: as
 * slipring_open(). */
SLIPRING_MUST_CHECK enum slipring_status slipring_open_oneshot(const char *name,
                                                               struct slipring_store **out_store);

/* Give back one opening. The last one releases the calling thread's rings to the agent, and the process slot when no
 * other thread holds a ring; those go back when their threads end. Handles stay valid memory; recording
 * on them is counted as dropped. End your spans first: one that is open when the slot goes back counts as aborted.
 * CLOSED when it was closed before. */
SLIPRING_MUST_CHECK enum slipring_status slipring_close(struct slipring_store *store);

/* The process-wide store, opened at the first call as slipring_open(NULL) does; the same pointer ever after, never
 * NULL. Ask slipring_store_status() how it is: BAD_NAME, for one, when $SLIPRING_STORE is no valid name. */
struct slipring_store *slipring_default(void);

/* How the store stands: OK, or why it does not record. BAD_ARGUMENT for NULL. */
enum slipring_status slipring_store_status(const struct slipring_store *store);

/* errno of the call that made slipring_store_status() SYSTEM (or any other failure); 0 when there was none. */
int slipring_store_errno(const struct slipring_store *store);

/* Records that this process could only drop, because its store is not OK. A store that opened drops none. */
uint64_t slipring_store_dropped(const struct slipring_store *store);

/* Get or register the primitive (name, type). type NULL means "primitive". The same pair gives the same
 * handle within a process, and the same books across processes.
 *
 * *out_primitive is set also on failure and may be recorded on: LIMIT_REACHED and NO_SPACE record under
 * __overflow__ (type __overflow__), so that totals stay right; a store that is not OK counts as dropped. When there is room again
 * the next get makes it OK: from then on it is recorded under its own name, but by other threads that have recorded on it only
 * after they end.
 * BAD_NAME, TABLE_FULL and NO_MEMORY set it to NULL. */
SLIPRING_MUST_CHECK enum slipring_status slipring_primitive_get(struct slipring_store *store,
                                                                const char *name, const char *type,
                                                                struct slipring_primitive **out_primitive);

/* How the primitive stands: OK, LIMIT_REACHED (recording under __overflow__), or why it drops. */
enum slipring_status slipring_primitive_status(const struct slipring_primitive *primitive);

/* How a thread records a primitive.
 *
 * SLIPRING_RING, the default: each execution on its way to the agent with a time stamp of its own, through the thread's ring.
 * SLIPRING_DIRECT: straight into the thread's histogram in shared memory, as what finds a ring full does. The agent then has
 * nothing to do for a sample, only for a histogram, a hundred times a second at most; counts, sums, percentiles, bounds,
 * objectives and costs are as exact. What it gives up is each execution's own time: it counts for the moment at which the agent
 * looked, and the figures that need one say so (docs/metrics-guide.md, spilled). 32 KiB of memory a thread instead of 8.
 * For what is executed millions of times a second in a thread, all the time. */
enum slipring_mode {
    SLIPRING_RING = 0,
    SLIPRING_DIRECT = 1,
};

/* Choose it for this process's threads that record the primitive from here on for the first time; those that did go on as they
 * are. Other processes choose for themselves: the books are the same. Without memory for it threads record as by
 * default. BAD_ARGUMENT: no primitive, or no mode. */
SLIPRING_MUST_CHECK enum slipring_status slipring_primitive_set_mode(struct slipring_primitive *primitive,
                                                                     enum slipring_mode mode);

/* Get or add a cost category of the primitive, for struct slipring_cost. Category 0 is "default" and always
 * there. TABLE_FULL beyond 16: *out_category is then set to 0. */
SLIPRING_MUST_CHECK enum slipring_status slipring_category_get(struct slipring_primitive *primitive,
                                                               const char *name, uint32_t *out_category);

#ifdef __cplusplus
}
#endif
#endif
