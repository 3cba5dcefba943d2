/* SPDX-License-Identifier: Apache-2.0 */
/* Random use of the whole recording interface, and independent books of what was used: every call of record.h, durations of all
 * sizes and at all edges, failures, costs in categories, spans left open for a while. The same seed makes the same calls.
 *
 * A worker is one thread's (or one signal handler's) and counts into tallies of its own; tallies may lie in memory shared with
 * other processes. A program that uses it includes support/pretend_clock.h once, for the durations of spans. */
#ifndef SUPPORT_WORKLOAD_H
#define SUPPORT_WORKLOAD_H

#include <slipring/slipring.h>

#include "support/tally.h"

#define WORKLOAD_PRIMITIVES 8u
#define WORKLOAD_CATEGORIES 4u /* "default" and three more */
#define WORKLOAD_OPEN_MAX   6u

/* 1 in a build that is many times slower: do less. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WORKLOAD_IS_SLOW 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WORKLOAD_IS_SLOW 1
#endif
#endif
#ifndef WORKLOAD_IS_SLOW
#define WORKLOAD_IS_SLOW 0
#endif

/* What is recorded: the primitives "p0", "p1", ... of one store, each with a latency objective at a threshold of its own and an
 * availability objective. */
struct workload {
    uint32_t count;
    struct slipring_primitive *primitives[WORKLOAD_PRIMITIVES];
    uint32_t categories[WORKLOAD_PRIMITIVES][WORKLOAD_CATEGORIES];
    uint64_t threshold_ns[WORKLOAD_PRIMITIVES];
};

struct workload_span {
    struct slipring_span span;
    uint32_t primitive;
    uint64_t began_ns;
};

/* USAGE: an execution, and what it used. */
enum workload_kind { WORKLOAD_EXECUTION, WORKLOAD_AMOUNT, WORKLOAD_CANCEL, WORKLOAD_BEGIN, WORKLOAD_USAGE };

/* What one public call adds to the books. */
struct workload_change {
    enum workload_kind kind;
    uint32_t primitive;
    uint64_t duration_ns; /* of an execution */
    bool failed;
    bool has_cost;
    bool ended;                /* and a span with it */
    uint64_t times;            /* the same call, one after the other */
    struct slipring_cost cost; /* category: the harness's own index */
    uint32_t resource;         /* of a usage: which of uses.h */
    struct slipring_usage usage;
};

/* Add it so many times to sums[change->primitive]. */
void workload_apply(const struct workload_change *change, uint64_t times, struct tally *sums);

/* How a worker picks durations. */
enum workload_habit { WORKLOAD_MIXED, WORKLOAD_NARROW, WORKLOAD_EDGES, WORKLOAD_WIDE, WORKLOAD_HABITS };

struct worker {
    const struct workload *load;
    struct tally *sums; /* one a primitive */
    uint64_t random;
    enum workload_habit habit;
    uint32_t open_count;
    struct workload_span open[WORKLOAD_OPEN_MAX];
    struct ledger *ledger; /* counts here instead of in sums, so that a kill anywhere is told: ledger.h */
    uint32_t burst_max;    /* up to so many equal calls at once; 0: no such bursts */
    bool uses_things;      /* records usage as well */
    uint64_t *log;         /* where each execution's duration, as it is booked, goes; NULL: nowhere */
    uint32_t log_count, log_max;
};

/* The time that this thread pretends it to be; 0: it does not. */
extern __thread uint64_t workload_pretended_ns;

/* Names, categories and objectives. "prefix0", "prefix1", ... */
void workload_open(struct workload *load, struct slipring_store *store, const char *prefix, uint32_t count);

/* The same without a store: for a harness that only counts. */
void workload_plan(struct workload *load, uint32_t count);

/* Tallies for `workers` workers, with the bounds of the load, in shared memory: those of the nth begin at n * load->count. */
struct tally *workload_sums(const struct workload *load, uint32_t workers);

/* A worker with this seed, counting into sums[0..load->count). */
struct worker worker_of(const struct workload *load, struct tally *sums, uint64_t seed);

/* One call, or two. */
void worker_step(struct worker *worker);

/* End or cancel every span that is open. */
void worker_finish(struct worker *worker);

/* The process is about to die: what is open will be aborted. Adds to aborted[primitive]. */
void worker_abandon(struct worker *worker, uint64_t *aborted);

/* The workers' tallies in one, for primitive `index`. */
void workload_merge(const struct workload *load, const struct tally *sums, uint32_t workers, uint32_t index,
                    struct tally *out_sum);

/* Fails unless these are exactly the figures of the sums, everywhere where a figure tells: counts, sums, money by
 * category, `le` bounds, objectives; percentiles in the bucket of their rank. */
void workload_expect(const struct workload *load, uint32_t index, const struct tally *want, uint64_t aborted,
                     const struct slipring_stats *stats, const struct slipring_stats_detail *detail);

/* A seed: $SLIPRING_TEST_SEED, or from the clock; printed. */
uint64_t workload_seed(const char *what);

uint64_t workload_random(uint64_t *state);
uint64_t workload_below(uint64_t *state, uint64_t limit);

#endif
