/* SPDX-License-Identifier: Apache-2.0 */
/* The readers' door: what the agent published, for the tools, the exposition and anyone who only looks.
 *
 * Maps the stats segment read-only and believes nothing in it: counts, indices and strings are checked before
 * use, and strings come back terminated and within their field. A truncated segment does not kill the reader
 * (the SIGBUS guard of system/guard.h, which the program has to install). Works with the agent dead. One
 * thread per struct; several structs of one store are independent. */
#ifndef SR_PEER_STATS_H
#define SR_PEER_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include <slipring/slo.h>
#include <slipring/stats.h>
#include <slipring/status.h>
#include <slipring/trace.h>
#include <slipring/usage.h>

#include "base/compiler.h"
#include "pure/native.h"

struct sr_agent_figures {
#define SR_AGENT_FIGURE(name, kind, unit, help) uint64_t name;
#include "peer/figures.def"
#undef SR_AGENT_FIGURE
};

enum {
#define SR_AGENT_FIGURE(name, kind, unit, help) SR_FIGURE_##name,
#include "peer/figures.def"
#undef SR_AGENT_FIGURE
    SR_AGENT_FIGURE_COUNT,
};

/* Who published. */
struct sr_stats_agent {
    uint64_t pid;             /* 0: stopped cleanly */
    uint64_t started_wall_ns; /* CLOCK_REALTIME */
    uint64_t published_ns;    /* store time of the last publishing */
    bool alive;               /* its lock on the stats segment is held */
    char listen[128];         /* "127.0.0.1:9464" or empty */
};

struct sr_stats; /* an opened stats segment */

/* Open the stats segment of `store` (NULL: $SLIPRING_STORE or "default"). The statuses of an attach; *out_stats is
 * NULL unless OK. sr_stats_open_at() takes the folder's and file's path instead (a copied segment). */
SR_MUST_CHECK enum slipring_status sr_stats_open(const char *store, struct sr_stats **out_stats);
SR_MUST_CHECK enum slipring_status sr_stats_open_at(const char *path, struct sr_stats **out_stats);
void sr_stats_close(struct sr_stats *stats);

/* Where it lies, for messages. */
const char *sr_stats_path(const struct sr_stats *stats);

/* Ids run from 0 to below this; not every id has a figure. */
uint32_t sr_stats_high(const struct sr_stats *stats);

/* Figures of one id: NO_DATA when it has none (also for an alias: its figures stand under another id), and what is pointed to is undefined then.
 * Behind the counts of their lists details are zero. out_detail may be NULL. */
SR_MUST_CHECK enum slipring_status sr_stats_get(const struct sr_stats *stats, uint32_t id,
                                                struct slipring_stats *out_stats,
                                                struct slipring_stats_detail *out_detail);

/* The same with the native histogram, of the same moment, of which native->bytes are packed. *out_has_native false: none is published with these figures. */
SR_MUST_CHECK enum slipring_status sr_stats_get_native(const struct sr_stats *stats, uint32_t id,
                                                       struct slipring_stats *out_stats,
                                                       struct slipring_stats_detail *out_detail,
                                                       struct sr_native_packed *out_native,
                                                       bool *out_has_native);

/* How long the primitive has been idle, if that is longer than idle_after_ns (0: no time is), so that /metrics leaves it out: nothing is in
 * flight, and nothing came. Else 0. now_ns is of the clock that stats->last_ns is of. */
static inline uint64_t sr_stats_idle_ns(const struct slipring_stats *stats, uint64_t now_ns,
                                        uint64_t idle_after_ns)
{
    const bool is_at_rest = stats->active <= 0 && stats->last_ns > 0 && now_ns > stats->last_ns;
    const uint64_t idle_ns = is_at_rest ? now_ns - stats->last_ns : 0;
    return idle_after_ns > 0 && idle_ns > idle_after_ns ? idle_ns : 0;
}

/* What is published of the objectives of one id: NO_DATA when there is nothing, and *out_slo is undefined then. */
SR_MUST_CHECK enum slipring_status sr_stats_slo(const struct sr_stats *stats, uint32_t id,
                                                struct slipring_slo_stats *out_slo);

/* What is published of the exemplars of one id: NO_DATA when nothing of it was traced, or kept. Which one is a window's: pure/exemplar.h. at_ns is of the store's clock (system/clock.h). */
SR_MUST_CHECK enum slipring_status sr_stats_exemplars(const struct sr_stats *stats, uint32_t id,
                                                      struct slipring_exemplars *out_exemplars);

/* What is published of usage account `account`, 0 to below SR_STATS_USAGE_MAX: NO_DATA when there is none, or its primitive is not shown.
 * out_usage->place is an id of sr_stats_get(). sr_stats_next_usage(): the first account from `from` on that may have something. */
#define SR_STATS_USAGE_MAX 4096u
SR_MUST_CHECK enum slipring_status sr_stats_usage(const struct sr_stats *stats, uint32_t account,
                                                  struct slipring_usage_stats *out_usage);
uint32_t sr_stats_next_usage(const struct sr_stats *stats, uint32_t from);

/* The last incidents, oldest first; returns how many, at most SLIPRING_INCIDENT_COUNT. */
uint32_t sr_stats_incidents(const struct sr_stats *stats,
                            struct slipring_incident out_incidents[SLIPRING_INCIDENT_COUNT]);

/* The agent's own figures. NO_DATA before the first publishing. */
SR_MUST_CHECK enum slipring_status sr_stats_agent_figures(const struct sr_stats *stats,
                                                          struct sr_agent_figures *out_figures);
void sr_stats_agent(const struct sr_stats *stats, struct sr_stats_agent *out_agent);

/* The same for the agent's own segment, already mapped for writing (no second mapping). */
struct sr_stats *sr_stats_of_mapping(const void *base, const char *path);

#endif
