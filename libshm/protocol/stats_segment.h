/* SPDX-License-Identifier: Apache-2.0 */
/* The stats segment as a mapped thing: making it, and checking it in stages before it is believed (foreign, other
 * version, wrong size). The counterpart of segment.h. Offsets are compile-time constants.
 *
 * Made by the agent alone: header, agent figures and journal are reserved at the making, the rest grows. A maker that is
 * killed leaves a file without `ready`; the next one makes it again (system/map.h G2). */
#ifndef SR_PROTOCOL_STATS_SEGMENT_H
#define SR_PROTOCOL_STATS_SEGMENT_H

#include "protocol/layout.h"
#include "system/map.h"

/* The byte of the file that the agent keeps locked while it lives (byte 0 is the making lock). */
#define SR_STATS_AGENT_BYTE 1

/* Attach to the stats segment of `store` for writing, making it when absent. */
SR_MUST_CHECK enum slipring_status sr_stats_segment_make(struct sr_map *map, const char *store, mode_t mode,
                                                         gid_t group);

/* Attach read-only to the file at map->path. */
SR_MUST_CHECK enum slipring_status sr_stats_segment_attach(struct sr_map *map);

/* The header of a mapping: OK, BEING_MADE, FOREIGN, OTHER_VERSION, WRONG_SIZE. */
/* Make the file at map->path, with another filling, which ends by setting `ready` (map.h). */
SR_MUST_CHECK enum slipring_status sr_stats_segment_make_with(struct sr_map *map, mode_t mode, gid_t group,
                                                              enum slipring_status (*fill)(uint8_t *, void *),
                                                              void *context);

SR_MUST_CHECK enum slipring_status sr_stats_segment_check(const uint8_t *base);

SR_INLINE struct sr_stats_header_shm *sr_stats_segment_header(const uint8_t *base)
{
    return (struct sr_stats_header_shm *)(uintptr_t)base;
}

/* id < SR_PRIMITIVE_MAX; whether its pages exist is the caller's to know. */
SR_INLINE struct sr_figure_shm *sr_stats_segment_figure(const uint8_t *base, uint32_t id)
{
    return (struct sr_figure_shm *)((uintptr_t)base + offsetof(struct sr_stats_map, figure) +
                                    (uintptr_t)id * SR_FIGURE_BYTES);
}

/* A place's pages exist once its byte of slo_page is 1. */
SR_INLINE struct sr_slo_figure_shm *sr_stats_segment_slo_figure(const uint8_t *base, uint32_t id)
{
    return (struct sr_slo_figure_shm *)((uintptr_t)base + offsetof(struct sr_stats_map, slo_figure) +
                                        (uintptr_t)id * SR_SLO_FIGURE_BYTES);
}

SR_INLINE _Atomic uint8_t *sr_stats_segment_slo_page(const uint8_t *base, uint32_t id)
{
    return (_Atomic uint8_t *)((uintptr_t)base + offsetof(struct sr_stats_map, slo_page) + id);
}

/* An account's page exists once the byte of its four is 1. */
SR_INLINE struct sr_usage_figure_shm *sr_stats_segment_usage_figure(const uint8_t *base, uint32_t account)
{
    return (struct sr_usage_figure_shm *)((uintptr_t)base + offsetof(struct sr_stats_map, usage_figure) +
                                          (uintptr_t)account * SR_USAGE_FIGURE_BYTES);
}

SR_INLINE _Atomic uint8_t *sr_stats_segment_usage_page(const uint8_t *base, uint32_t account)
{
    return (_Atomic uint8_t *)((uintptr_t)base + offsetof(struct sr_stats_map, usage_figure_page) +
                               account / SR_USAGE_FIGURE_SHARING);
}

/* A place's page exists once its byte of histogram_page is 1. */
SR_INLINE struct sr_histogram_shm *sr_stats_segment_histogram(const uint8_t *base, uint32_t id)
{
    return (struct sr_histogram_shm *)((uintptr_t)base + offsetof(struct sr_stats_map, histogram) +
                                       (uintptr_t)id * SR_HISTOGRAM_BYTES);
}

SR_INLINE _Atomic uint8_t *sr_stats_segment_histogram_page(const uint8_t *base, uint32_t id)
{
    return (_Atomic uint8_t *)((uintptr_t)base + offsetof(struct sr_stats_map, histogram_page) + id);
}

/* A place's pages exist once its byte of exemplar_page is 1. */
SR_INLINE struct sr_exemplar_figure_shm *sr_stats_segment_exemplar_figure(const uint8_t *base, uint32_t id)
{
    return (struct sr_exemplar_figure_shm *)((uintptr_t)base +
                                             offsetof(struct sr_stats_map, exemplar_figure) +
                                             (uintptr_t)id * SR_EXEMPLAR_FIGURE_BYTES);
}

SR_INLINE _Atomic uint8_t *sr_stats_segment_exemplar_page(const uint8_t *base, uint32_t id)
{
    return (_Atomic uint8_t *)((uintptr_t)base + offsetof(struct sr_stats_map, exemplar_page) + id);
}

SR_INLINE struct sr_incident_log_shm *sr_stats_segment_incident_log(const uint8_t *base)
{
    return (struct sr_incident_log_shm *)((uintptr_t)base + offsetof(struct sr_stats_map, incident_log));
}

SR_INLINE struct sr_agent_figure_shm *sr_stats_segment_agent_figure(const uint8_t *base)
{
    return (struct sr_agent_figure_shm *)((uintptr_t)base + offsetof(struct sr_stats_map, agent_figure));
}

SR_INLINE struct sr_journal_shm *sr_stats_segment_journal(const uint8_t *base)
{
    return (struct sr_journal_shm *)((uintptr_t)base + offsetof(struct sr_stats_map, journal));
}

#endif
