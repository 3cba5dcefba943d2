/* SPDX-License-Identifier: Apache-2.0 */
/* One primitive, and the agent, as JSON: the same objects in the HTTP API (docs/api.md) and in the tools' --json.
 *
 * Durations are in seconds and money in dollars, both exact decimals; counts are integers up to 2^64 - 1. What is absent
 * has no key: nothing is null or NaN. Names that are no UTF-8 have U+FFFD in place of the bad bytes. Pure but for
 * memory; thread safe on different objects.
 *
 * Every function returns a new object for json_object_put(), or NULL when memory ran out. */
#ifndef SR_PEER_JSON_H
#define SR_PEER_JSON_H

#include <stdint.h>

#include <json-c/json.h>

#include <slipring/slo.h>
#include <slipring/stats.h>

#include "base/compiler.h"
#include "peer/stats.h"

/* How they are written everywhere: one line, '/' left alone. */
#define SR_JSON_FLAGS (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

/* docs/api-v1.schema.json, "primitive". slo NULL: nothing was published of the objectives' windows and alerts. now_ns is
 * of the clock of stats, to say how old the figures are, and how long it has been idle; idle_after_ns: so long until it is left out of /metrics, 0:
 * never. */
SR_MUST_CHECK struct json_object *sr_json_primitive(const struct slipring_stats *stats,
                                                    const struct slipring_stats_detail *detail,
                                                    const struct slipring_slo_stats *slo, uint64_t now_ns,
                                                    uint64_t idle_after_ns);

/* "window" there; detail has the further percentiles. */
SR_MUST_CHECK struct json_object *sr_json_window(const struct slipring_window_stats *window,
                                                 const struct slipring_stats_detail *detail);

/* "objective" there: the one in place `index` of its primitive's list, with its windows and alerts where `slo` has them (NULL:
 * it has none). published_ns is that of the figures. */
SR_MUST_CHECK struct json_object *sr_json_objective(const struct slipring_objective_stats *objective,
                                                    uint64_t published_ns,
                                                    const struct slipring_slo_stats *slo, uint32_t index);

/* "usage" there: a list, of the accounts of one primitive. */
SR_MUST_CHECK struct json_object *sr_json_usage(const struct slipring_usage_stats *usages, uint32_t count);

/* "exemplars" there: by the windows that end at now_ns, of the clock of stats, and by bucket. */
SR_MUST_CHECK struct json_object *sr_json_exemplars(const struct slipring_exemplars *exemplars,
                                                    const struct slipring_stats_detail *detail,
                                                    uint64_t now_ns);

/* How a state of an alert is called: "none", "no_data", "cannot_fire", "gated", "quiet", "firing"; "impossible" for a
 * number that is none. */
/* "api" or "file"; "impossible". */
const char *sr_json_objective_source(uint64_t source);

const char *sr_json_alert_state(uint32_t state);

/* "agent" there. figures NULL: not published yet. */
SR_MUST_CHECK struct json_object *sr_json_agent(const struct sr_stats_agent *agent,
                                                const struct sr_agent_figures *figures, uint64_t now_ns);

#endif
