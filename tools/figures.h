/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent published of a store, taken at one moment: for all that show them. */
#ifndef TOOLS_FIGURES_H
#define TOOLS_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include <slipring/slo.h>
#include <slipring/stats.h>
#include <slipring/status.h>

#include "peer/stats.h"
#include "peer/usages.h"
#include "render.h"

struct figure {
    struct slipring_stats stats;
    struct slipring_stats_detail detail;
    bool has_slo; /* something is published of its objectives' windows and alerts */
    struct slipring_slo_stats slo;
    bool has_exemplars; /* some of it was recorded under traces */
    struct slipring_exemplars exemplars;
    uint32_t place; /* among all primitives */
};

struct figures {
    const char *store;
    struct sr_stats_agent agent;
    struct sr_agent_figures agent_figures;
    bool has_agent_figures;
    uint64_t now_ns, now_wall_ns; /* when it was taken */
    struct figure *list;          /* by name, then type */
    size_t count;
    struct slipring_incident *incidents; /* the last ones of the whole store, oldest first */
    uint32_t incident_count;
    struct sr_usages usages; /* of all primitives: sr_usages_of(&usages, figure->place, ...) */
};

/* All primitives, or only those with this name and this type where they are not NULL. __overflow__ is left out when
 * nothing was recorded under it and it was not asked for. Opens the store, copies, closes. */
__attribute__((warn_unused_result)) enum slipring_status
figures_take(const char *store, const char *name, const char *type, struct figures *out_figures);
void figures_drop(struct figures *figures);

/* Keep those whose name one of the patterns (as a shell's, for words; a plain name is one) matches. No pattern: all. */
void figures_keep(struct figures *figures, char *const *patterns, int pattern_count);

/* Nothing is called `name`, or no figures of it are published: say so, with the nearest name that there is. Returns STATUS_NO. `type` may be NULL. */
int figures_refuse(const char *store, const char *name, const char *type);

/* How fresh they are: "agent 1234 at 127.0.0.1:9464", or "agent is not running; figures are from 14:03:59". */
const char *figures_agent(const struct figures *figures, const struct render_style *style,
                          struct render_text *room);

/* true: the agent lives and publishes. */
bool figures_are_live(const struct figures *figures);

/* How long ago they were published. 0 when that moment is none of this clock (a copy from another boot). */
uint64_t figures_age_ns(const struct figures *figures);

/* So long after the last execution the agent leaves a primitive out of /metrics; 0: never, or not known. */
uint64_t figures_idle_after_ns(const struct figures *figures);

/* A moment of store time by the wall clock, as render_wall() writes it. */
const char *figures_wall(const struct figures *figures, uint64_t at_ns, struct render_text *room);

/* {"store", "agent"}, to be added to; json_object_put() it. The end of the program when memory is out. */
struct json_object *figures_json_head(const struct figures *figures);
/* {"store", "agent", "primitives"}; likewise. */
struct json_object *figures_json(const struct figures *figures);

/* Print a JSON object on a line, and drop it. NULL: memory is out. Returns STATUS_OK. */
int figures_print_json(struct json_object *object);

#endif
