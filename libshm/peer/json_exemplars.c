/* SPDX-License-Identifier: Apache-2.0 */
/* Exemplars as JSON: see json.h. */
#include "peer/json.h"
#include "peer/json_put.h"
#include "pure/duration.h"
#include "pure/exemplar.h"

static void put_id(struct sr_json_making *making, struct json_object *object, const char *key,
                   const uint8_t *bytes, uint32_t count)
{
    char text[SR_EXEMPLAR_ID_BYTES];
    sr_exemplar_id(bytes, count, text);
    sr_json_put_text(making, object, key, text);
}

/* NULL: there is none, and no key. */
static void put_exemplar(struct sr_json_making *making, struct json_object *root, const char *key,
                         const struct slipring_exemplar *exemplar)
{
    if (!exemplar || sr_exemplar_is_none(exemplar)) {
        return;
    }
    struct json_object *object = sr_json_put_object(making, root, key);
    put_id(making, object, "trace_id", exemplar->trace_id, sizeof exemplar->trace_id);
    put_id(making, object, "span_id", exemplar->span_id, sizeof exemplar->span_id);
    sr_json_put_billionths(making, object, "duration_seconds", exemplar->duration_ns);
    sr_json_put_billionths(making, object, "timestamp", exemplar->wall_ns);
    sr_json_put_text(making, object, "outcome",
                     exemplar->outcome == SLIPRING_SUCCESS ? "success" : "failure");
}

/* A window without one has no key. window_ns UINT64_MAX: all. */
static void put_window(struct sr_json_making *making, struct json_object *windows,
                       const struct slipring_exemplars *exemplars, uint64_t now_ns, uint64_t window_ns)
{
    char key[SR_DURATION_LABEL_BYTES] = "lifetime";
    const struct slipring_exemplar *slowest = sr_exemplar_slowest(exemplars, now_ns, window_ns);
    if (!slowest) {
        return;
    }
    if (window_ns != UINT64_MAX) {
        (void)sr_duration_label(window_ns, key);
    }
    struct json_object *object = sr_json_put_object(making, windows, key);
    put_exemplar(making, object, "slowest", slowest);
    put_exemplar(making, object, "failing", sr_exemplar_failing(exemplars, now_ns, window_ns));
}

static void put_bucket(struct sr_json_making *making, struct json_object *list,
                       const struct slipring_exemplar *slowest, const struct slipring_exemplar *failing)
{
    if (sr_exemplar_is_none(slowest) && sr_exemplar_is_none(failing)) {
        return;
    }
    struct json_object *object = json_object_new_object();
    if (slowest->bound_ns != UINT64_MAX) {
        sr_json_put_billionths(making, object, "le", slowest->bound_ns);
    }
    put_exemplar(making, object, "slowest", slowest);
    put_exemplar(making, object, "failing", failing);
    sr_json_append(making, list, object);
}

struct json_object *sr_json_exemplars(const struct slipring_exemplars *exemplars,
                                      const struct slipring_stats_detail *detail, uint64_t now_ns)
{
    struct sr_json_making making = {.failed = false};
    struct json_object *root = json_object_new_object();
    struct json_object *windows = sr_json_put_object(&making, root, "windows");
    put_window(&making, windows, exemplars, now_ns, UINT64_MAX);
    for (uint32_t i = 0; i < detail->window_count && i < SLIPRING_WINDOW_COUNT; i++) {
        put_window(&making, windows, exemplars, now_ns, detail->windows[i].window_ns);
    }
    struct json_object *buckets = sr_json_put_array(&making, root, "buckets");
    for (uint32_t i = 0; i < exemplars->bucket_count && i < SLIPRING_EXEMPLAR_BUCKETS; i++) {
        put_bucket(&making, buckets, &exemplars->bucket_slowest[i], &exemplars->bucket_failing[i]);
    }
    return sr_json_finish(&making, root);
}
