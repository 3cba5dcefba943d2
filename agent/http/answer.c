/* SPDX-License-Identifier: Apache-2.0 */
/* The paths of the HTTP side. See answer.h. */
#include "answer.h"

#include <string.h>

#include <slipring/version.h>

#include "agent/exposition/negotiate.h"
#include "peer/json.h"
#include "pure/utf8.h"

#define TYPE_TEXT "text/plain; charset=utf-8"
#define TYPE_JSON "application/json; charset=utf-8"
#define API       "/api/v1/primitives"

static const struct exposure *exposed_of(const struct answerer *answerer)
{
    static const struct exposure nothing;
    return answerer->exposed != NULL ? answerer->exposed : &nothing;
}

static void begin(struct answer *answer, unsigned status, const char *content_type)
{
    *answer = (struct answer){.status = status, .content_type = content_type};
}

void answer_free_body(struct answer *answer)
{
    buffer_free(&answer->body);
    exposition_give_back(answer->rendering);
    answer->rendering = NULL;
}

/* An answer that could not be made whole is none. */
static void fail(struct answer *answer)
{
    answer_free_body(answer);
    begin(answer, 500, TYPE_TEXT);
}

/* Appends the object's text and gives the object back. */
static void add_json(struct buffer *body, struct json_object *object)
{
    size_t length;
    const char *text =
        object == NULL ? NULL : json_object_to_json_string_length(object, SR_JSON_FLAGS, &length);
    if (text == NULL) {
        body->failed = true;
    } else {
        buffer_add(body, text, length);
    }
    json_object_put(object);
}

void answer_error(const char *path, unsigned status, const char *message, const char *hint,
                  struct answer *out_answer)
{
    bool json = strncmp(path, "/api/", strlen("/api/")) == 0;
    begin(out_answer, status, json ? TYPE_JSON : TYPE_TEXT);
    struct buffer *body = &out_answer->body;
    if (!json) {
        buffer_format(body, "%u: %s\n%s\n", status, message, hint);
    } else {
        buffer_format(body, "{\"error\":{\"status\":%u,\"message\":", status);
        add_json(body, json_object_new_string(message));
        buffer_add_text(body, ",\"hint\":");
        add_json(body, json_object_new_string(hint));
        buffer_add_text(body, "}}\n");
    }
    if (body->failed) {
        fail(out_answer);
    }
}

void answer_text(unsigned status, struct buffer *text, struct answer *out_answer)
{
    begin(out_answer, status, TYPE_TEXT);
    out_answer->body = *text;
    *text = (struct buffer){0};
    if (out_answer->body.failed) {
        fail(out_answer);
    }
}

static void answer_root(struct answerer *answerer, const struct answer_query *query, uint64_t now_ns,
                        struct answer *out_answer)
{
    (void)query, (void)now_ns;
    begin(out_answer, 200, TYPE_TEXT);
    struct buffer *body = &out_answer->body;
    buffer_format(body, "slipringd " SLIPRING_VERSION ", store %s\n\n", answerer->store);
#define SLIPRINGD_PAGE(page, help) buffer_format(body, "%-24s  %s\n", (page), (help));
#include "agent/pages.def"
#undef SLIPRINGD_PAGE
}

static void answer_healthy(struct answerer *answerer, const struct answer_query *query, uint64_t now_ns,
                           struct answer *out_answer)
{
    (void)answerer, (void)query, (void)now_ns;
    begin(out_answer, 200, TYPE_TEXT);
    buffer_add_text(&out_answer->body, "healthy\n");
}

static void answer_ready(struct answerer *answerer, const struct answer_query *query, uint64_t now_ns,
                         struct answer *out_answer)
{
    const char *path = query->path;
    struct sr_stats_agent agent;
    sr_stats_agent(answerer->stats, &agent);
    if (agent.published_ns == 0) {
        answer_error(path, 503, "nothing was published yet", "Try again in a moment.", out_answer);
    } else if (now_ns > agent.published_ns && now_ns - agent.published_ns > ANSWER_READY_NS) {
        answer_error(path, 503, "the last publishing is more than 3 s ago",
                     "The drain thread stands still: see the agent's log.", out_answer);
    } else {
        begin(out_answer, 200, TYPE_TEXT);
        buffer_add_text(&out_answer->body, "ready\n");
    }
}

/* All that is published of one primitive. */
struct published {
    struct slipring_stats stats;
    struct slipring_stats_detail detail;
    struct slipring_slo_stats slo;
    struct sr_native_packed native;
    struct slipring_exemplars exemplars;
};

/* What the format can carry of it. False: it has no figures, or has been idle too long. */
static bool read_primitive(const struct answerer *answerer, uint32_t id, uint64_t now_ns,
                           struct published *published, struct exposition_figures *out_figures)
{
    const struct sr_stats *stats = answerer->stats;
    const enum exposition_format format = answerer->exposition.format;
    bool has_native = false;
    const enum slipring_status status =
        format == EXPOSITION_PROTOBUF ? sr_stats_get_native(stats, id, &published->stats, &published->detail,
                                                            &published->native, &has_native)
                                      : sr_stats_get(stats, id, &published->stats, &published->detail);
    if (status != SLIPRING_OK ||
        sr_stats_idle_ns(&published->stats, now_ns, exposed_of(answerer)->idle_after_ns) > 0) {
        return false;
    }
    const bool has_slo =
        published->detail.objective_count > 0 && sr_stats_slo(stats, id, &published->slo) == SLIPRING_OK;
    const bool has_exemplars =
        format != EXPOSITION_TEXT && sr_stats_exemplars(stats, id, &published->exemplars) == SLIPRING_OK;
    *out_figures = (struct exposition_figures){
        .stats = &published->stats,
        .detail = &published->detail,
        .slo = has_slo ? &published->slo : NULL,
        .native = has_native ? &published->native : NULL,
        .exemplars = has_exemplars ? &published->exemplars : NULL,
    };
    return true;
}

static void begin_exposition(struct answerer *answerer, enum exposition_format format)
{
    const struct exposure *exposed = exposed_of(answerer);
    struct exposition *exposition = &answerer->exposition;
    const bool is_packed = exposition_coding(format) == EXPOSITION_PACKED;
    exposition->common = is_packed ? exposed->packed : exposed->labels;
    exposition->common_bytes = is_packed ? exposed->packed_bytes : exposed->labels_bytes;
    exposition->exposes_few = exposed->exposes_few;
    exposition_begin(exposition, format);
}

static void finish_exposition(struct exposition *exposition, struct answer *answer)
{
    answer->rendering = exposition_finish(exposition);
    if (answer->rendering == NULL) {
        answer->body.failed = true;
    } else if (answer->rendering->bytes < ANSWER_JOINED_BYTES) {
        exposition_join(answer->rendering, &answer->body);
        exposition_give_back(answer->rendering);
        answer->rendering = NULL;
    }
}

static void answer_metrics(struct answerer *answerer, const struct answer_query *query, uint64_t now_ns,
                           struct answer *out_answer)
{
    const enum exposition_format format = negotiate_format(query->accept);
    struct exposition *exposition = &answerer->exposition;
    begin(out_answer, 200, negotiate_content_type(format));
    out_answer->vary = NEGOTIATE_VARY;
    out_answer->is_scrape = true;
    begin_exposition(answerer, format);
    out_answer->body.failed |= !sr_usages_take(&answerer->usages, answerer->stats);
    uint32_t high = sr_stats_high(answerer->stats);
    for (uint32_t id = 0; id < high; id++) {
        struct published published;
        struct exposition_figures figures;
        if (read_primitive(answerer, id, now_ns, &published, &figures)) {
            exposition_primitive(exposition, &figures);
            uint32_t count = 0;
            const struct slipring_usage_stats *usages = sr_usages_of(&answerer->usages, id, &count);
            for (uint32_t i = 0; i < count; i++) {
                exposition_usage(exposition, &usages[i]);
            }
        }
    }
    struct sr_agent_figures figures;
    if (sr_stats_agent_figures(answerer->stats, &figures) == SLIPRING_OK) {
        exposition_agent(exposition, &figures);
    }
    finish_exposition(exposition, out_answer);
}

static struct json_object *primitive_json(const struct answerer *answerer, uint32_t id,
                                          const struct slipring_stats *stats,
                                          const struct slipring_stats_detail *detail, uint64_t now_ns)
{
    struct slipring_slo_stats slo;
    const bool has_slo =
        detail->objective_count > 0 && sr_stats_slo(answerer->stats, id, &slo) == SLIPRING_OK;
    struct json_object *root =
        sr_json_primitive(stats, detail, has_slo ? &slo : NULL, now_ns, exposed_of(answerer)->idle_after_ns);
    uint32_t count = 0;
    const struct slipring_usage_stats *usages = sr_usages_of(&answerer->usages, id, &count);
    if (root != NULL && count > 0) {
        struct json_object *list = sr_json_usage(usages, count);
        if (list == NULL || json_object_object_add(root, "usage", list) != 0) {
            json_object_put(list);
            json_object_put(root);
            return NULL;
        }
    }
    struct slipring_exemplars exemplars;
    if (root != NULL && sr_stats_exemplars(answerer->stats, id, &exemplars) == SLIPRING_OK) {
        struct json_object *kept = sr_json_exemplars(&exemplars, detail, now_ns);
        if (kept == NULL || json_object_object_add(root, "exemplars", kept) != 0) {
            json_object_put(kept);
            json_object_put(root);
            return NULL;
        }
    }
    return root;
}

static void answer_list(struct answerer *answerer, const struct answer_query *query, uint64_t now_ns,
                        struct answer *out_answer)
{
    (void)query;
    begin(out_answer, 200, TYPE_JSON);
    struct buffer *body = &out_answer->body;
    struct sr_stats_agent agent;
    struct sr_agent_figures figures;
    sr_stats_agent(answerer->stats, &agent);
    agent.alive = true; /* it is the one that answers */
    bool published = sr_stats_agent_figures(answerer->stats, &figures) == SLIPRING_OK;
    buffer_format(body, "{\"version\":\"" SLIPRING_VERSION "\",\"store\":\"%s\",\"agent\":", answerer->store);
    add_json(body, sr_json_agent(&agent, published ? &figures : NULL, now_ns));
    body->failed |= !sr_usages_take(&answerer->usages, answerer->stats);
    buffer_add_text(body, ",\"primitives\":[");
    const char *separator = "";
    uint32_t high = sr_stats_high(answerer->stats);
    for (uint32_t id = 0; id < high; id++) {
        struct slipring_stats stats;
        struct slipring_stats_detail detail;
        if (sr_stats_get(answerer->stats, id, &stats, &detail) == SLIPRING_OK) {
            buffer_add_text(body, separator);
            add_json(body, primitive_json(answerer, id, &stats, &detail, now_ns));
            separator = ",";
        }
    }
    buffer_add_text(body, "]}\n");
}

/* The id of the only primitive of that name, and of that type unless NULL. Returns how many there are; their types go to
 * *types, one to a word. */
static unsigned find_primitive(const struct answerer *answerer, const char *name, const char *type,
                               uint32_t *out_id, struct buffer *types)
{
    unsigned found = 0;
    uint32_t high = sr_stats_high(answerer->stats);
    for (uint32_t id = 0; id < high; id++) {
        struct slipring_stats stats;
        struct slipring_stats_detail detail;
        if (sr_stats_get(answerer->stats, id, &stats, &detail) == SLIPRING_OK &&
            strcmp(detail.name, name) == 0 && (type == NULL || strcmp(detail.type, type) == 0)) {
            *out_id = id;
            char clean[3 * sizeof detail.type + 1];
            (void)sr_utf8_clean(detail.type, clean, sizeof clean);
            buffer_format(types, "%s'%s'", found == 0 ? "" : " ", clean);
            found++;
        }
    }
    buffer_add(types, "", 1);
    return found;
}

static void answer_one(struct answerer *answerer, const struct answer_query *query, uint64_t now_ns,
                       struct answer *out_answer)
{
    const char *path = query->path;
    const char *type = query->type;
    const char *name = path + strlen(API "/");
    uint32_t id = 0;
    struct buffer types = {0}, message = {0};
    struct slipring_stats stats;
    struct slipring_stats_detail detail;
    unsigned found = find_primitive(answerer, name, type, &id, &types);
    if (types.failed) {
        fail(out_answer);
    } else if (found > 1) {
        buffer_format(&message, "The types are %s: add ?type=.", types.text);
        buffer_add(&message, "", 1);
        answer_error(path, 409, "several primitives have this name", message.failed ? "" : message.text,
                     out_answer);
    } else if (found == 0 || sr_stats_get(answerer->stats, id, &stats, &detail) != SLIPRING_OK) {
        answer_error(
            path, 404, type == NULL ? "no primitive has this name" : "no primitive has this name and type",
            "GET " API " lists them all. Bytes beyond A-Z a-z 0-9 - . _ ~ are written %HH.", out_answer);
    } else {
        begin(out_answer, 200, TYPE_JSON);
        out_answer->body.failed |= !sr_usages_take(&answerer->usages, answerer->stats);
        add_json(&out_answer->body, primitive_json(answerer, id, &stats, &detail, now_ns));
        buffer_add(&out_answer->body, "\n", 1);
    }
    buffer_free(&types);
    buffer_free(&message);
}

static void answer_unknown(struct answerer *answerer, const struct answer_query *query, uint64_t now_ns,
                           struct answer *out_answer)
{
    (void)answerer, (void)now_ns;
    answer_error(query->path, 404, "there is no such page", "GET / lists what there is.", out_answer);
}

void answer_get(struct answerer *answerer, const struct answer_query *query, uint64_t now_ns,
                struct answer *out_answer)
{
    static const struct {
        const char *path;
        bool is_prefix;
        void (*answer)(struct answerer *, const struct answer_query *, uint64_t, struct answer *);
    } routes[] = {
        {"/metrics", false, answer_metrics}, {API "/", true, answer_one},
        {API, false, answer_list},           {"/-/healthy", false, answer_healthy},
        {"/-/ready", false, answer_ready},   {"/", false, answer_root},
        {"", true, answer_unknown},
    };
    const char *path = query->path;
    size_t at = 0;
    while (routes[at].is_prefix ? strncmp(path, routes[at].path, strlen(routes[at].path)) != 0
                                : strcmp(path, routes[at].path) != 0) {
        at++;
    }
    routes[at].answer(answerer, query, now_ns, out_answer);
    if (out_answer->body.failed) {
        fail(out_answer);
    }
}

void answerer_free(struct answerer *answerer)
{
    exposition_free(&answerer->exposition);
    sr_usages_drop(&answerer->usages);
}
