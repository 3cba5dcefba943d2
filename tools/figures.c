/* SPDX-License-Identifier: Apache-2.0 */
/* Published figures of one moment: see figures.h. */
#include "figures.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "message.h"
#include "peer/json.h"

#define STALE_NS UINT64_C(2000000000) /* the agent publishes ten times a second */

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int compare_figures(const void *left, const void *right)
{
    const struct figure *a = left;
    const struct figure *b = right;
    int order = strcmp(a->detail.name, b->detail.name);
    return order != 0 ? order : strcmp(a->detail.type, b->detail.type);
}

static bool is_wanted(const struct figure *figure, const char *name, const char *type)
{
    if (name ? strcmp(figure->detail.name, name) != 0
             : strcmp(figure->detail.name, "__overflow__") == 0 && figure->stats.count == 0 &&
                   figure->stats.aborted == 0 && figure->stats.cost_nanodollars == 0) {
        return false;
    }
    return !type || strcmp(figure->detail.type, type) == 0;
}

static void collect(struct figures *figures, const struct sr_stats *stats, const char *name, const char *type)
{
    size_t room = 0;
    uint32_t high = sr_stats_high(stats);
    for (uint32_t id = 0; id < high; id++) {
        if (figures->count == room) {
            room = room ? 2 * room : 16;
            struct figure *grown = reallocarray(figures->list, room, sizeof *grown);
            if (!grown) {
                message_out_of_memory();
            }
            figures->list = grown;
        }
        struct figure *figure = &figures->list[figures->count];
        if (sr_stats_get(stats, id, &figure->stats, &figure->detail) == SLIPRING_OK &&
            is_wanted(figure, name, type)) {
            figures->count++;
        }
    }
    if (figures->count > 0) {
        qsort(figures->list, figures->count, sizeof *figures->list, compare_figures);
    }
}

enum slipring_status figures_take(const char *store, const char *name, const char *type,
                                  struct figures *out_figures)
{
    struct sr_stats *stats;
    enum slipring_status status = sr_stats_open(store, &stats);
    if (status != SLIPRING_OK) {
        return status;
    }
    struct figures figures = {.store = store};
    collect(&figures, stats, name, type);
    figures.has_agent_figures = sr_stats_agent_figures(stats, &figures.agent_figures) == SLIPRING_OK;
    sr_stats_agent(stats, &figures.agent);
    figures.now_ns = read_clock(CLOCK_MONOTONIC);
    figures.now_wall_ns = read_clock(CLOCK_REALTIME);
    sr_stats_close(stats);
    *out_figures = figures;
    return SLIPRING_OK;
}

void figures_drop(struct figures *figures)
{
    free(figures->list);
    *figures = (struct figures){0};
}

bool figures_are_live(const struct figures *figures)
{
    return figures->agent.alive && figures->agent.published_ns != 0 &&
           figures->now_ns < figures->agent.published_ns + STALE_NS;
}

/* The published moment by the wall clock. A segment copied from another boot has a moment of another clock. */
static const char *publishing_time(const struct figures *figures, struct render_text *room)
{
    uint64_t published = figures->agent.published_ns;
    if (published == 0 || published > figures->now_ns) {
        (void)snprintf(room->text, sizeof room->text, "%s",
                       published == 0 ? "never" : "before the last boot");
        return room->text;
    }
    return render_wall(figures->now_wall_ns - (figures->now_ns - published), figures->now_wall_ns, room);
}

const char *figures_agent(const struct figures *figures, const struct render_style *style,
                          struct render_text *room)
{
    struct render_text when;
    struct render_text listen;
    unsigned long long pid = figures->agent.pid;
    render_safe(style, figures->agent.listen, sizeof figures->agent.listen, &listen);
    publishing_time(figures, &when);
    if (figures_are_live(figures)) {
        (void)snprintf(room->text, sizeof room->text, "agent %llu%s%.200s", pid, listen.text[0] ? " at " : "",
                       listen.text);
    } else if (figures->agent.published_ns == 0) {
        (void)snprintf(room->text, sizeof room->text, "%s; nothing was published yet",
                       figures->agent.alive ? "agent is starting" : "agent is not running");
    } else if (figures->agent.alive) {
        (void)snprintf(room->text, sizeof room->text, "agent %llu is stuck; figures are from %.100s", pid,
                       when.text);
    } else {
        (void)snprintf(room->text, sizeof room->text, "agent is not running; figures are from %.100s",
                       when.text);
    }
    return room->text;
}

struct json_object *figures_json(const struct figures *figures)
{
    struct json_object *root = json_object_new_object();
    struct json_object *list = json_object_new_array();
    struct json_object *store = json_object_new_string(figures->store);
    struct json_object *agent = sr_json_agent(
        &figures->agent, figures->has_agent_figures ? &figures->agent_figures : NULL, figures->now_ns);
    bool fine = root && list && store && agent && json_object_object_add(root, "store", store) == 0 &&
                json_object_object_add(root, "agent", agent) == 0 &&
                json_object_object_add(root, "primitives", list) == 0;
    for (size_t i = 0; fine && i < figures->count; i++) {
        struct json_object *one =
            sr_json_primitive(&figures->list[i].stats, &figures->list[i].detail, NULL, figures->now_ns);
        fine = one && json_object_array_add(list, one) == 0;
    }
    if (!fine) {
        message_out_of_memory();
    }
    return root;
}

int figures_print_json(struct json_object *object)
{
    const char *text = object ? json_object_to_json_string_ext(object, SR_JSON_FLAGS) : NULL;
    if (!text) {
        message_out_of_memory();
    }
    printf("%s\n", text);
    json_object_put(object);
    return STATUS_OK;
}
