/* SPDX-License-Identifier: Apache-2.0 */
/* Service level objectives, given from code. Each primitive has a list of up to eight. All functions here are
 * thread safe, may be called in a forked child, not in a signal handler, and block on nothing. */
#ifndef SLIPRING_OBJECTIVE_H
#define SLIPRING_OBJECTIVE_H

#include <stdint.h>

#include <slipring/store.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SLIPRING_OBJECTIVE_COUNT    8
#define SLIPRING_OBJECTIVE_NAME_MAX 31                /* bytes of UTF-8 without control characters */
#define SLIPRING_PERIOD_MIN_S       UINT64_C(3600)    /* one hour */
#define SLIPRING_PERIOD_MAX_S       UINT64_C(7776000) /* ninety days */
#define SLIPRING_PERIOD_DEFAULT_S   UINT64_C(2592000) /* thirty days */
#define SLIPRING_PERIOD_MONTH       UINT64_C(1) /* the calendar month, UTC, instead of a rolling period */

/* A target as integer parts per billion: SLIPRING_TARGET(0.999) is 999000000. A constant expression. */
#define SLIPRING_TARGET(ratio) ((uint32_t)((ratio)*1e9 + 0.5))

enum slipring_objective_kind {
    SLIPRING_LATENCY = 1,      /* good: took at most threshold_ns; whether it succeeded is not asked */
    SLIPRING_AVAILABILITY = 2, /* good: succeeded */
    SLIPRING_SPEND = 3, /* a money budget, set by the agent's configuration alone: what the period may cost */
};

/* good/total over the period shall be at least target. Aborted executions are bad for both kinds. */
struct slipring_objective {
    const char *name; /* NULL: "latency" or "availability" */
    enum slipring_objective_kind kind;
    uint32_t target_ppb;   /* 1 to 999999999 parts per billion */
    uint64_t threshold_ns; /* latency: 1 to SLIPRING_DURATION_MAX_NS; availability: 0 */
    uint64_t period_s;     /* rolling, 3600 to 7776000; 0 means thirty days; SLIPRING_PERIOD_MONTH */
};

/* Add an objective to the primitive's list. The same one again is OK and changes nothing; another one of the
 * same name is CONFLICT and changes nothing. BAD_TARGET, BAD_ARGUMENT, BAD_NAME, TABLE_FULL say what is wrong.
 * SLIPRING_SPEND is BAD_ARGUMENT: what things may cost is for whoever runs the agent to say. */
SLIPRING_MUST_CHECK enum slipring_status slipring_objective_add(struct slipring_primitive *primitive,
                                                                const struct slipring_objective *objective);

/* The objective of this name is as given from now on; it is added when there is none. All of it is replaced: what
 * is left out has its default. What becomes of the past:
 *   another target     all of it counts, by the new target
 *   another period     as much of it counts as is known: a longer period fills up with time
 *   another threshold, another kind: none of it, for nobody counted how many were good by it. The objective begins
 *                      anew, and its figures tell since when
 * The same one again is OK and changes nothing. A primitive has room for eight objectives and eight changes of them, as long as its store
 * lives; then TABLE_FULL: decide it in one place, not at each start. Statuses otherwise as above, but for CONFLICT. */
SLIPRING_MUST_CHECK enum slipring_status
slipring_objective_change(struct slipring_primitive *primitive, const struct slipring_objective *objective);

/* The common shape in one call: a latency objective (target, threshold) and an availability objective. A
 * target_ppb or availability_ppb of 0 leaves that one out; both 0 is BAD_ARGUMENT. */
struct slipring_slo {
    uint32_t target_ppb;           /* share that takes at most latency_threshold_ns */
    uint32_t availability_ppb;     /* share that succeeds */
    uint64_t latency_threshold_ns; /* nanoseconds */
    uint64_t period_s;             /* 0 means thirty days; SLIPRING_PERIOD_MONTH */
};

/* Add what `slo` asks for, as slipring_objective_add() adds a "latency" and an "availability" objective, with its statuses. Nothing is added when
 * either target is bad. */
SLIPRING_MUST_CHECK enum slipring_status slipring_slo_configure(struct slipring_primitive *primitive,
                                                                const struct slipring_slo *slo);

#ifdef __cplusplus
}
#endif
#endif
