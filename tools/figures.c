/* SPDX-License-Identifier: Apache-2.0 */
/* Published figures of one moment: see figures.h. */
#include "figures.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "peer/clock.h"
#include "peer/inspect.h"
#include "peer/json.h"
#include "pure/suggest.h"

#define STALE_NS UINT64_C(2000000000) /* the agent publishes ten times a second */

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

/* Figures and objectives of one publishing: the agent writes them one after the other, so that they may be of two. */
static bool read_figure(const struct sr_stats *stats, uint32_t id, struct figure *out_figure)
{
    enum { TRIES = 8 };
    for (int i = 0; i < TRIES; i++) {
        if (sr_stats_get(stats, id, &out_figure->stats, &out_figure->detail) != SLIPRING_OK) {
            return false;
        }
        out_figure->has_slo = sr_stats_slo(stats, id, &out_figure->slo) == SLIPRING_OK;
        if (!out_figure->has_slo || out_figure->slo.published_ns == out_figure->stats.published_ns) {
            break;
        }
    }
    return true;
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
        if (read_figure(stats, id, figure) && is_wanted(figure, name, type)) {
            figure->has_exemplars = sr_stats_exemplars(stats, id, &figure->exemplars) == SLIPRING_OK;
            figure->place = id;
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
    figures.incidents = calloc(SLIPRING_INCIDENT_COUNT, sizeof *figures.incidents);
    if (!figures.incidents || !sr_usages_take(&figures.usages, stats)) {
        message_out_of_memory();
    }
    figures.incident_count = sr_stats_incidents(stats, figures.incidents);
    figures.has_agent_figures = sr_stats_agent_figures(stats, &figures.agent_figures) == SLIPRING_OK;
    sr_stats_agent(stats, &figures.agent);
    figures.now_ns = sr_clock_ns();
    figures.now_wall_ns = sr_clock_wall_ns();
    sr_stats_close(stats);
    *out_figures = figures;
    return SLIPRING_OK;
}

void figures_drop(struct figures *figures)
{
    free(figures->list);
    free(figures->incidents);
    sr_usages_drop(&figures->usages);
    *figures = (struct figures){0};
}

static bool is_matched(const char *name, char *const *patterns, int pattern_count)
{
    for (int i = 0; i < pattern_count; i++) {
        if (strcmp(patterns[i], name) == 0 || fnmatch(patterns[i], name, 0) == 0) {
            return true;
        }
    }
    return pattern_count == 0;
}

void figures_keep(struct figures *figures, char *const *patterns, int pattern_count)
{
    size_t kept = 0;
    for (size_t i = 0; i < figures->count; i++) {
        if (is_matched(figures->list[i].detail.name, patterns, pattern_count)) {
            figures->list[kept++] = figures->list[i];
        }
    }
    figures->count = kept;
    uint32_t kept_incidents = 0;
    for (uint32_t i = 0; i < figures->incident_count; i++) {
        if (is_matched(figures->incidents[i].primitive, patterns, pattern_count)) {
            figures->incidents[kept_incidents++] = figures->incidents[i];
        }
    }
    figures->incident_count = kept_incidents;
}

/* Does the ring segment know it? Programs register there; an agent need not have seen it yet. */
static bool is_registered(const char *store, const char *name, const char *type)
{
    struct sr_inspect *inspect;
    struct sr_inspect_primitive primitive;
    bool is_found = false;
    if (sr_inspect_open(store, &inspect) != SLIPRING_OK) {
        return false;
    }
    for (uint32_t i = 0; i < sr_inspect_primitive_count() && !is_found; i++) {
        is_found = sr_inspect_primitive(inspect, i, &primitive) == SLIPRING_OK && primitive.is_name_clean &&
                   strcmp(primitive.name, name) == 0 && (!type || strcmp(primitive.type, type) == 0);
    }
    sr_inspect_close(inspect);
    return is_found;
}

int figures_refuse(const char *store, const char *name, const char *type)
{
    struct render_text quoted;
    struct render_text nearest;
    struct figures all;
    struct sr_suggest suggest;
    sr_suggest_begin(&suggest, name);
    render_quote(name, &quoted);
    if (figures_take(store, NULL, NULL, &all) != SLIPRING_OK) {
        all = (struct figures){0};
    }
    for (size_t i = 0; i < all.count; i++) {
        sr_suggest_offer(&suggest, all.list[i].detail.name);
    }
    if (is_registered(store, name, type)) {
        message_print("%s is registered, but no figures of it are published yet: %s", quoted.text,
                      all.agent.alive ? "try again in a moment"
                                      : "slipringd is not running; start it, and it books what waits");
    } else if (suggest.best && suggest.best_distance == 0 && type) {
        message_print("the primitive %s has another type: leave --type out to see which", quoted.text);
    } else if (suggest.best) {
        message_print("no primitive %s is in store '%s' (did you mean %s?)", quoted.text, store,
                      render_quote(suggest.best, &nearest));
    } else {
        message_print("no primitive %s is in store '%s': slipring show lists those that are", quoted.text,
                      store);
    }
    figures_drop(&all);
    return STATUS_NO;
}

bool figures_are_live(const struct figures *figures)
{
    return figures->agent.alive && figures->agent.published_ns != 0 &&
           figures->now_ns < figures->agent.published_ns + STALE_NS;
}

const char *figures_wall(const struct figures *figures, uint64_t at_ns, struct render_text *room)
{
    if (at_ns > figures->now_ns) {
        (void)snprintf(room->text, sizeof room->text, "before the last boot");
        return room->text;
    }
    return render_wall(figures->now_wall_ns - (figures->now_ns - at_ns), figures->now_wall_ns, room);
}

uint64_t figures_idle_after_ns(const struct figures *figures)
{
    return figures->has_agent_figures ? figures->agent_figures.idle_after_ns : 0;
}

uint64_t figures_age_ns(const struct figures *figures)
{
    const uint64_t published = figures->agent.published_ns;
    return published < figures->now_ns ? figures->now_ns - published : 0;
}

/* The published moment by the wall clock. A segment copied from another boot has a moment of another clock. */
static const char *publishing_time(const struct figures *figures, struct render_text *room)
{
    if (figures->agent.published_ns == 0) {
        (void)snprintf(room->text, sizeof room->text, "never");
        return room->text;
    }
    return figures_wall(figures, figures->agent.published_ns, room);
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

struct json_object *figures_json_head(const struct figures *figures)
{
    struct json_object *root = json_object_new_object();
    struct json_object *store = json_object_new_string(figures->store);
    struct json_object *agent = sr_json_agent(
        &figures->agent, figures->has_agent_figures ? &figures->agent_figures : NULL, figures->now_ns);
    if (!root || !store || !agent || json_object_object_add(root, "store", store) != 0 ||
        json_object_object_add(root, "agent", agent) != 0) {
        message_out_of_memory();
    }
    return root;
}

struct json_object *figures_json(const struct figures *figures)
{
    struct json_object *root = figures_json_head(figures);
    struct json_object *list = json_object_new_array();
    bool fine = list && json_object_object_add(root, "primitives", list) == 0;
    for (size_t i = 0; fine && i < figures->count; i++) {
        const struct figure *figure = &figures->list[i];
        struct json_object *one =
            sr_json_primitive(&figure->stats, &figure->detail, figure->has_slo ? &figure->slo : NULL,
                              figures->now_ns, figures_idle_after_ns(figures));
        uint32_t count = 0;
        const struct slipring_usage_stats *usages = sr_usages_of(&figures->usages, figure->place, &count);
        fine = one && json_object_array_add(list, one) == 0 &&
               (count == 0 || json_object_object_add(one, "usage", sr_json_usage(usages, count)) == 0) &&
               (!figure->has_exemplars ||
                json_object_object_add(
                    one, "exemplars",
                    sr_json_exemplars(&figure->exemplars, &figure->detail, figures->now_ns)) == 0);
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
