/* SPDX-License-Identifier: Apache-2.0 */
/* The readers' door to what the agent published: see stats.h. */
#include "peer/stats.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/publish.h"
#include "protocol/stats_segment.h"
#include "pure/exemplar.h"
#include "pure/name.h"
#include "system/guard.h"

struct sr_stats {
    const uint8_t *base;
    bool is_ours; /* map is: to be unmapped */
    struct sr_map map;
};

static enum slipring_status open_mapped(const struct sr_map *map, struct sr_stats **out_stats)
{
    struct sr_stats *stats = calloc(1, sizeof *stats);
    if (!stats) {
        return SLIPRING_NO_MEMORY;
    }
    stats->map = *map;
    enum slipring_status status = sr_stats_segment_attach(&stats->map);
    if (status == SLIPRING_OK) {
        status = sr_guard_add(stats->map.base, stats->map.bytes, false);
        if (status != SLIPRING_OK) {
            sr_map_unmap(&stats->map);
        }
    }
    if (status != SLIPRING_OK) {
        free(stats);
        return status;
    }
    stats->base = stats->map.base;
    stats->is_ours = true;
    *out_stats = stats;
    return SLIPRING_OK;
}

enum slipring_status sr_stats_open(const char *store, struct sr_stats **out_stats)
{
    *out_stats = NULL;
    if (!store) {
        const char *name = getenv("SLIPRING_STORE");
        store = name && name[0] ? name : "default";
    }
    if (sr_name_check_store(store) != SR_NAME_OK) {
        return SLIPRING_BAD_NAME;
    }
    struct sr_map map = {.base = NULL};
    enum slipring_status status = sr_map_name(&map, store, "stats");
    return status == SLIPRING_OK ? open_mapped(&map, out_stats) : status;
}

enum slipring_status sr_stats_open_at(const char *path, struct sr_stats **out_stats)
{
    *out_stats = NULL;
    struct sr_map map = {.base = NULL};
    if (strlen(path) >= sizeof map.path) {
        return SLIPRING_BAD_NAME;
    }
    memcpy(map.path, path, strlen(path) + 1);
    return open_mapped(&map, out_stats);
}

struct sr_stats *sr_stats_of_mapping(const void *base, const char *path)
{
    struct sr_stats *stats = calloc(1, sizeof *stats);
    if (stats) {
        stats->base = base;
        memcpy(stats->map.path, path, strnlen(path, sizeof stats->map.path - 1));
    }
    return stats;
}

void sr_stats_close(struct sr_stats *stats)
{
    if (stats && stats->is_ours) {
        sr_guard_remove(stats->map.base);
        sr_map_unmap(&stats->map);
    }
    free(stats);
}

const char *sr_stats_path(const struct sr_stats *stats)
{
    return stats->map.path;
}

uint32_t sr_stats_high(const struct sr_stats *stats)
{
    /* acquire: pairs with sr_books_finish_publishing(); the figures below it have their pages */
    const uint64_t high =
        atomic_load_explicit(&sr_stats_segment_header(stats->base)->primitive_high, memory_order_acquire);
    return high <= SR_PRIMITIVE_MAX ? (uint32_t)high : SR_PRIMITIVE_MAX;
}

static uint32_t at_most(uint32_t count, uint32_t most)
{
    return count < most ? count : most;
}

/* Whatever was there: counts within their arrays. */
static void make_counts_sound(struct slipring_stats_detail *detail)
{
    detail->objective_count = at_most(detail->objective_count, SLIPRING_OBJECTIVE_COUNT);
    detail->category_count = at_most(detail->category_count, SLIPRING_CATEGORY_COUNT);
    detail->bound_count = at_most(detail->bound_count, SLIPRING_BOUND_COUNT);
    detail->window_count = at_most(detail->window_count, SLIPRING_WINDOW_COUNT);
    detail->extra_count = at_most(detail->extra_count, SLIPRING_EXTRA_COUNT);
}

/* ... and texts terminated. */
static void terminate_texts(struct slipring_stats_detail *detail)
{
    detail->name[sizeof detail->name - 1] = '\0';
    detail->type[sizeof detail->type - 1] = '\0';
    for (uint32_t i = 0; i < SLIPRING_OBJECTIVE_COUNT; i++) {
        detail->objectives[i].name[sizeof detail->objectives[i].name - 1] = '\0';
    }
    for (uint32_t i = 0; i < SLIPRING_CATEGORY_COUNT; i++) {
        detail->categories[i].name[sizeof detail->categories[i].name - 1] = '\0';
    }
}

/* The figure of an id, unless that has none. */
static const struct sr_figure_shm *find_figure(const struct sr_stats *stats, uint32_t id)
{
    if (id >= sr_stats_high(stats)) {
        return NULL;
    }
    const struct sr_figure_shm *figure = sr_stats_segment_figure(stats->base, id);
    /* acquire: pairs with sr_books_redirect() */
    return atomic_load_explicit(&figure->alias, memory_order_acquire) == 0 ? figure : NULL;
}

/* An array of `most`, of which `count` are taken. The others are zero, as they were published: most of a detail is, and lies in lines of memory that nobody
 * needs to fetch. */
static void take_list(const struct sr_publish_view *view, uint64_t offset, void *out, size_t each,
                      uint32_t count, uint32_t most)
{
    sr_publish_take(view, offset, out, count * each);
    memset((uint8_t *)out + count * each, 0, (most - count) * each);
}

#define TAKE_LIST(view, detail, list, count, most)                                                           \
    take_list(view, offsetof(struct sr_figure_copy_shm, detail.list), (detail)->list,                        \
              sizeof(detail)->list[0], count, most)

static void take_detail(const struct sr_publish_view *view, struct slipring_stats_detail *detail)
{
    sr_publish_take(view, offsetof(struct sr_figure_copy_shm, detail), detail,
                    offsetof(struct slipring_stats_detail, windows));
    make_counts_sound(detail);
    TAKE_LIST(view, detail, windows, detail->window_count, SLIPRING_WINDOW_COUNT);
    TAKE_LIST(view, detail, objectives, detail->objective_count, SLIPRING_OBJECTIVE_COUNT);
    TAKE_LIST(view, detail, categories, detail->category_count, SLIPRING_CATEGORY_COUNT);
    TAKE_LIST(view, detail, bounds, detail->bound_count, SLIPRING_BOUND_COUNT);
    terminate_texts(detail);
}

/* Of the histogram that was published with these figures as much as is packed. False: none was. */
static bool take_native(const struct sr_publish_view *view, uint64_t published_ns,
                        struct sr_native_packed *native)
{
    const uint64_t head = offsetof(struct sr_histogram_copy, native),
                   packed = offsetof(struct sr_native_packed, packed);
    sr_publish_take(view, head, native, packed);
    const uint64_t bytes = at_most(native->bytes, SR_NATIVE_BYTES);
    sr_publish_take(view, head + packed, native->packed, (bytes + 7) / 8 * 8);
    return sr_publish_word(view, offsetof(struct sr_histogram_copy, published_ns)) == published_ns;
}

enum slipring_status sr_stats_get(const struct sr_stats *stats, uint32_t id, struct slipring_stats *out_stats,
                                  struct slipring_stats_detail *out_detail)
{
    return sr_stats_get_native(stats, id, out_stats, out_detail, NULL, NULL);
}

/* The histogram's page, unless it is not wanted or there is none. */
static const struct sr_histogram_shm *find_histogram(const struct sr_stats *stats, uint32_t id,
                                                     bool is_wanted)
{
    /* acquire: pairs with sr_books_reserve(); the page is there */
    return is_wanted && atomic_load_explicit(sr_stats_segment_histogram_page(stats->base, id),
                                             memory_order_acquire) == 1
               ? sr_stats_segment_histogram(stats->base, id)
               : NULL;
}

enum slipring_status sr_stats_get_native(const struct sr_stats *stats, uint32_t id,
                                         struct slipring_stats *out_stats,
                                         struct slipring_stats_detail *out_detail,
                                         struct sr_native_packed *out_native, bool *out_has_native)
{
    const struct sr_figure_shm *figure = find_figure(stats, id);
    const struct sr_histogram_shm *histogram = find_histogram(stats, id, figure && out_native);
    bool has_native = false;
    for (int tries = 0; figure && tries < SR_PUBLISH_TRIES; tries++) {
        struct sr_publish_view view;
        if (!sr_publish_look(&view, &figure->latch, figure->copies, sizeof figure->copies[0])) {
            break;
        }
        sr_publish_take(&view, offsetof(struct sr_figure_copy_shm, stats), out_stats, sizeof *out_stats);
        if (out_detail) {
            take_detail(&view, out_detail);
        }
        if (histogram) {
            const struct sr_publish_view beside =
                sr_publish_beside(&view, histogram->copies, sizeof histogram->copies[0]);
            has_native = take_native(&beside, out_stats->published_ns, out_native);
        }
        if (sr_publish_is_whole(&view)) {
            if (out_has_native) {
                *out_has_native = has_native;
            }
            return SLIPRING_OK;
        }
    }
    return SLIPRING_NO_DATA;
}

enum slipring_status sr_stats_slo(const struct sr_stats *stats, uint32_t id,
                                  struct slipring_slo_stats *out_slo)
{
    /* acquire: pairs with sr_books_reserve(); the pages are there */
    if (id >= sr_stats_high(stats) ||
        atomic_load_explicit(sr_stats_segment_slo_page(stats->base, id), memory_order_acquire) != 1) {
        return SLIPRING_NO_DATA;
    }
    const struct sr_slo_figure_shm *figure = sr_stats_segment_slo_figure(stats->base, id);
    for (int tries = 0; tries < SR_PUBLISH_TRIES; tries++) {
        struct sr_publish_view view;
        if (!sr_publish_look(&view, &figure->latch, figure->copies, sizeof figure->copies[0])) {
            break;
        }
        sr_publish_take(&view, 0, out_slo, offsetof(struct slipring_slo_stats, objectives));
        out_slo->objective_count = at_most(out_slo->objective_count, SLIPRING_OBJECTIVE_COUNT);
        take_list(&view, offsetof(struct slipring_slo_stats, objectives), out_slo->objectives,
                  sizeof out_slo->objectives[0], out_slo->objective_count, SLIPRING_OBJECTIVE_COUNT);
        if (sr_publish_is_whole(&view)) {
            return out_slo->objective_count > 0 ? SLIPRING_OK
                                                : SLIPRING_NO_DATA; /* or what stood there has gone */
        }
    }
    return SLIPRING_NO_DATA;
}

enum slipring_status sr_stats_exemplars(const struct sr_stats *stats, uint32_t id,
                                        struct slipring_exemplars *out_exemplars)
{
    /* acquire: pairs with sr_books_reserve(); the pages are there */
    if (id >= sr_stats_high(stats) ||
        atomic_load_explicit(sr_stats_segment_exemplar_page(stats->base, id), memory_order_acquire) != 1) {
        return SLIPRING_NO_DATA;
    }
    struct slipring_exemplars exemplars;
    const struct sr_exemplar_figure_shm *figure = sr_stats_segment_exemplar_figure(stats->base, id);
    const enum slipring_status status = sr_publish_read(
        &figure->latch, figure->copies, sizeof figure->copies[0], 0, &exemplars, sizeof exemplars);
    if (status != SLIPRING_OK) {
        return status;
    }
    if (!sr_exemplars_make_sound(&exemplars)) {
        return SLIPRING_NO_DATA;
    }
    *out_exemplars = exemplars;
    return SLIPRING_OK;
}

_Static_assert(SR_STATS_USAGE_MAX == SR_USAGE_MAX, "as in the layout");

static bool has_usage_page(const struct sr_stats *stats, uint32_t account)
{
    /* acquire: pairs with sr_books_reserve(); the page is there */
    return atomic_load_explicit(sr_stats_segment_usage_page(stats->base, account), memory_order_acquire) == 1;
}

uint32_t sr_stats_next_usage(const struct sr_stats *stats, uint32_t from)
{
    while (from < SR_USAGE_MAX && !has_usage_page(stats, from)) {
        from = from / SR_USAGE_FIGURE_SHARING * SR_USAGE_FIGURE_SHARING + SR_USAGE_FIGURE_SHARING;
    }
    return from;
}

enum slipring_status sr_stats_usage(const struct sr_stats *stats, uint32_t account,
                                    struct slipring_usage_stats *out_usage)
{
    if (account >= SR_USAGE_MAX || !has_usage_page(stats, account)) {
        return SLIPRING_NO_DATA;
    }
    struct slipring_usage_stats usage;
    const struct sr_usage_figure_shm *figure = sr_stats_segment_usage_figure(stats->base, account);
    const enum slipring_status status =
        sr_publish_read(&figure->latch, figure->copies, sizeof figure->copies[0], 0, &usage, sizeof usage);
    usage.resource[sizeof usage.resource - 1] = '\0';
    if (status != SLIPRING_OK || usage.resource[0] == '\0' || usage.place >= sr_stats_high(stats)) {
        return SLIPRING_NO_DATA;
    }
    *out_usage = usage;
    return SLIPRING_OK;
}

uint32_t sr_stats_incidents(const struct sr_stats *stats,
                            struct slipring_incident out_incidents[SLIPRING_INCIDENT_COUNT])
{
    const struct sr_incident_log_shm *shm = sr_stats_segment_incident_log(stats->base);
    struct sr_incident_log log;
    if (sr_publish_read(&shm->latch, shm->copies, sizeof shm->copies[0], 0, &log, sizeof log) !=
        SLIPRING_OK) {
        return 0;
    }
    const uint32_t count =
        log.count < SLIPRING_INCIDENT_COUNT ? (uint32_t)log.count : SLIPRING_INCIDENT_COUNT;
    for (uint32_t i = 0; i < count; i++) {
        struct slipring_incident *incident = &log.incidents[i];
        incident->objective[sizeof incident->objective - 1] = '\0';
        incident->primitive[sizeof incident->primitive - 1] = '\0';
        incident->type[sizeof incident->type - 1] = '\0';
        out_incidents[i] = *incident;
    }
    return count;
}

enum slipring_status sr_stats_agent_figures(const struct sr_stats *stats,
                                            struct sr_agent_figures *out_figures)
{
    struct sr_agent_figures figures;
    const struct sr_agent_figure_shm *shm = sr_stats_segment_agent_figure(stats->base);
    enum slipring_status status =
        sr_publish_read(&shm->latch, shm->copies, sizeof shm->copies[0], 0, &figures, sizeof figures);
    if (status == SLIPRING_OK) {
        *out_figures = figures;
    }
    return status;
}

/* Does an agent hold its lock on the file? A reader of it can ask. */
static bool is_held(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return false;
    }
    /* Asking for a read lock: only a writer's stands against it, and only the agent may write. */
    struct flock flock = {
        .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = SR_STATS_AGENT_BYTE, .l_len = 1};
    const bool held = fcntl(fd, F_OFD_GETLK, &flock) == 0 && flock.l_type != F_UNLCK;
    (void)close(fd); /* read only: nothing to lose */
    return held;
}

void sr_stats_agent(const struct sr_stats *stats, struct sr_stats_agent *out_agent)
{
    const struct sr_stats_header_shm *header = sr_stats_segment_header(stats->base);
    *out_agent = (struct sr_stats_agent){.alive = is_held(stats->map.path)};
    /* relaxed, all: for people */
    out_agent->pid = atomic_load_explicit(&header->agent_pid, memory_order_relaxed);
    out_agent->started_wall_ns =
        atomic_load_explicit(&header->agent_started_wall_ns, memory_order_relaxed); /* as above */
    out_agent->published_ns =
        atomic_load_explicit(&header->published_ns, memory_order_relaxed); /* as above */
    memcpy(out_agent->listen, header->agent_listen, sizeof out_agent->listen);
    out_agent->listen[sizeof out_agent->listen - 1] = '\0';
}
