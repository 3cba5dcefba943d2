/* SPDX-License-Identifier: Apache-2.0 */
/* The store as the agent holds it: both segments open, the stats segment locked, the books as the last agent left
 * them.
 *
 * Opening makes what is absent, refuses a second agent (IN_USE: the first one's pid is logged), refuses a stats
 * segment whose owner, mode or link count is not what the agent would have made (UNTRUSTED), replays a journal
 * that was committed and not cleared, and starts the ring words anew when the ring segment was re-made meanwhile.
 * Whatever goes wrong is logged here with its path; the status is for the exit.
 *
 * One thread, the drain thread, calls everything of store, books, drain, reaper and publisher, but for the calls
 * that say otherwise. Time is handed in everywhere: now_ns is store time (system/clock.h), wall_ns is CLOCK_REALTIME. */
#ifndef AGENT_STORE_H
#define AGENT_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <slipring/stats.h>
#include <slipring/status.h>

#include "pure/bound.h"

struct sr_books; /* peer/books.h: the durable words */
struct sr_drain; /* peer/drain.h: the ring segment */

/* Bounds of the exposition's classic histogram for one name of a primitive, whatever its type, instead of the common ones. */
#define AGENT_LE_OF_MAX 64
struct agent_le_of {
    const char *name; /* name_bytes of it, not terminated; outlives the store */
    uint32_t name_bytes;
    struct sr_bound_list le;
};

/* An objective that the configuration sets, for the primitives whose name matches. The first rule of a name and objective counts. */
#define AGENT_RULE_MAX 256
struct agent_objective_rule {
    const char
        *pattern; /* a primitive's name, or a glob as of fnmatch(3); outlives the store, or the next reload */
    const char *type;      /* of the primitive, exactly; NULL: any */
    const char *name;      /* of the objective, at most SLIPRING_OBJECTIVE_NAME_MAX bytes */
    uint32_t kind;         /* enum slipring_objective_kind */
    uint32_t target_ppb;   /* latency, availability */
    uint64_t threshold_ns; /* latency */
    uint64_t amount;       /* spend: nano-dollars a period */
    uint64_t period_s;     /* or SLIPRING_PERIOD_MONTH */
};

struct prices; /* prices.h */

struct agent_options {
    const char *store;       /* NULL: $SLIPRING_STORE, or "default" */
    struct sr_bound_list le; /* bounds of the exposition's classic histogram; count 0: the default ones */
    struct agent_le_of le_of[AGENT_LE_OF_MAX]; /* of names, each at most once */
    uint32_t le_of_count;
    uint32_t primitive_limit; /* 1 to 16384; 0: the default, 1000 */
    uint32_t ring_cap;        /* rings that a process may hold; 0: the default, 4096 */
    uint64_t
        retire_after_ns; /* rings that nobody wants for so long lose their pages; 0: the default, a minute */
    uint64_t window_ns
        [SLIPRING_WINDOW_COUNT]; /* ascending, the minute among them; window_count 0: 10s,1m,5m,1h,1d,7d */
    uint32_t window_count;
    uint32_t extra_ppm[SLIPRING_EXTRA_COUNT]; /* percentiles beside the five, ascending */
    uint32_t extra_count;
    uint32_t schema;                          /* of percentiles, 3 to 8 (pure/fine.h); 0: 5 */
    bool shows_native;                        /* native histograms are published, */
    int32_t native_schema;                    /* of this schema (pure/native.h) */
    uint64_t slo_minimum_events;              /* alerts with fewer events in their long window do not fire */
    uint64_t idle_after_ns;                   /* idle for so long, a primitive leaves /metrics; 0: never */
    const struct agent_objective_rule *rules; /* rule_count of them, in the order of the file */
    uint32_t rule_count;
    const struct prices *prices; /* NULL: nothing has a price */
    gid_t group;                 /* may record and read, besides the owner; (gid_t)-1: nobody */
    bool
        ignores_aborted; /* what was in flight when its process died is no execution, only a figure of the agent */
};

struct agent_store;

__attribute__((warn_unused_result)) enum slipring_status agent_store_open(const struct agent_options *options,
                                                                          uint64_t now_ns, uint64_t wall_ns,
                                                                          struct agent_store **out_store);

/* Other options are in force from now on, but for those that only a start can change: name, group, schema. Their texts and lists outlive the
 * store, or the next call. What was derived from the former ones is the caller's to bring up (refit.h). */
void agent_store_change_options(struct agent_store *store, const struct agent_options *options);

/* Says in the segments that no agent is there any more, and unmaps them. After the last drain and publishing. NULL is
 * ignored. */
void agent_store_close(struct agent_store *store);

/* Where the agent listens, for people: "127.0.0.1:9464". Once, when it does. */
void agent_store_listens(struct agent_store *store, const char *address);

/* The store's name and its stats segment, for sr_stats_of_mapping(). Any thread, until the close. */
const char *agent_store_name(const struct agent_store *store);
const void *agent_store_stats_base(const struct agent_store *store);
const char *agent_store_stats_path(const struct agent_store *store);

uint64_t agent_store_started_wall_ns(const struct agent_store *store);

/* For the agent's own files. */
struct sr_books *agent_store_books(struct agent_store *store);
struct sr_drain *agent_store_rings(struct agent_store *store);
const struct agent_options *agent_store_options(const struct agent_store *store);

#endif
