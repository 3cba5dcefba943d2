/* SPDX-License-Identifier: Apache-2.0 */
/* The two texts: 0.0.4 of Prometheus, and OpenMetrics 1.0.0, which is the same but for the names of counters, UNIT, _created, exemplars and the end.
 * See exposition_parts.h. */
#include "exposition_parts.h"

/* ` # {trace_id="…",span_id="…"} 0.25 1700000000.123456789` */
#define EXEMPLAR_BYTES (80u + 2 * SR_NUMBER_TEXT_BYTES)

void exposition_make_created(struct exposition *exposition, uint64_t created_wall_ns)
{
    struct exposition_part *created = &exposition->created;
    created->bytes = 0;
    if (created_wall_ns == 0) {
        return;
    }
    if (exposition->format == EXPOSITION_PROTOBUF) {
        exposition_make_created_protobuf(exposition, created_wall_ns);
    } else {
        created->bytes = sr_number_format_sum(created_wall_ns, 0, created->text);
    }
}

/* The line <name of name_bytes><suffix>{labels<rest>} up to its number, with room for an exemplar behind that. */
static char *begin_suffixed(struct exposition *exposition, enum family_id id, size_t name_bytes,
                            const char *suffix, const struct exposition_part *rest)
{
    const struct buffer *labels = &exposition->labels;
    const size_t suffix_bytes = strlen(suffix);
    char *at = exposition->failed
                   ? NULL
                   : buffer_room(&exposition->families[id], FAMILY_NAME_BYTES + suffix_bytes + labels->used +
                                                                rest->bytes + EXPOSITION_BLOCK_BYTES +
                                                                SR_NUMBER_TEXT_BYTES + EXEMPLAR_BYTES);
    if (at == NULL) {
        exposition->failed = true;
        return NULL;
    }
    at = exposition_copy(at, families_get(id)->name, name_bytes);
    memcpy(at, suffix, suffix_bytes);
    at = exposition_copy(at + suffix_bytes, labels->text, labels->used);
    at = exposition_copy(at, rest->text, rest->bytes);
    *at++ = '}';
    *at++ = ' ';
    return at;
}

void exposition_created(struct exposition *exposition, enum family_id id, const struct exposition_part *rest)
{
    char *at = begin_suffixed(exposition, id, families_base_bytes(families_get(id)), "_created", rest);
    if (at != NULL) {
        exposition_end_line(exposition, id,
                            exposition_copy(at, exposition->created.text, exposition->created.bytes));
    }
}

/* --- exemplars ----------------------------------------------------------------------------------------------------------- */

static char *put_text(char *at, const char *text)
{
    const size_t bytes = strlen(text);
    memcpy(at, text, bytes);
    return at + bytes;
}

static char *put_exemplar(const struct exposition *exposition, char *at,
                          const struct slipring_exemplar *exemplar)
{
    if (exemplar == NULL || exposition->format != EXPOSITION_OPENMETRICS) {
        return at;
    }
    at = put_text(at, " # {trace_id=\"");
    at = sr_exemplar_digits(exemplar->trace_id, sizeof exemplar->trace_id, at);
    at = put_text(at, "\",span_id=\"");
    at = sr_exemplar_digits(exemplar->span_id, sizeof exemplar->span_id, at);
    at = put_text(at, "\"} ");
    at += sr_number_format_sum(exemplar->duration_ns, 0, at);
    *at++ = ' ';
    return at + sr_number_format_sum(exemplar->wall_ns, 0, at);
}

void exposition_failures(struct exposition *exposition, uint64_t failures,
                         const struct slipring_exemplar *exemplar)
{
    const enum family_id id = FAMILY_primitive_requests_total;
    const struct exposition_part *rest = &exposition->cache.failure;
    if (exposition->format == EXPOSITION_PROTOBUF) {
        exposition_metric(exposition, id, rest, (double)failures, exemplar);
        return;
    }
    char *at = begin_suffixed(exposition, id, strlen(families_get(id)->name), "", rest);
    if (at != NULL) {
        at += sr_number_format_integer(failures, at);
        exposition_end_line(exposition, id, put_exemplar(exposition, at, exemplar));
        if (exposition_has_created(exposition, id)) {
            exposition_created(exposition, id, rest);
        }
    }
}

/* --- percentiles and histograms ------------------------------------------------------------------------------------------ */

/* The text of a percentile in seconds. NULL: it is no number. */
static const struct exposition_seconds *seconds_of(struct exposition *exposition, double ns)
{
    /* A bucket's middle lies in that bucket, or, where buckets are narrower than a nanosecond, near it. */
    const bool is_duration = ns >= 0 && ns <= (double)SR_DURATION_MAX_NS;
    struct exposition_seconds *seconds =
        &exposition->seconds[is_duration ? sr_bucket_index((uint64_t)ns) : SR_BUCKET_ZERO];
    uint64_t bits;
    memcpy(&bits, &ns, sizeof bits);
    if (seconds->bits == bits && seconds->bytes > 0) {
        return seconds;
    }
    char text[SR_NUMBER_TEXT_BYTES];
    const size_t bytes = sr_number_format(ns / 1e9, text);
    if (bytes == 0 || bytes > sizeof seconds->text) {
        return NULL;
    }
    seconds->bits = bits;
    seconds->bytes = (uint8_t)bytes;
    memcpy(seconds->text, text, bytes);
    return seconds;
}

void exposition_percentile(struct exposition *exposition, enum family_id id,
                           const struct exposition_part *rest, double ns)
{
    if (exposition->format == EXPOSITION_PROTOBUF) {
        exposition_number(exposition, id, rest, ns / 1e9);
        return;
    }
    const struct exposition_seconds *seconds = seconds_of(exposition, ns);
    char *at = seconds == NULL ? NULL : exposition_begin_line(exposition, id, rest);
    if (at != NULL) {
        memcpy(at, seconds->text, sizeof seconds->text);
        exposition_end_line(exposition, id, at + seconds->bytes);
    }
}

void exposition_histogram_text(struct exposition *exposition, const struct exposition_histogram *histogram)
{
    const enum family_id id = FAMILY_primitive_duration_seconds;
    const size_t name_bytes = strlen(families_get(id)->name);
    const struct exposition_part *none = &exposition->cache.none;
    char *at;
    uint64_t count = 0;
    for (uint32_t i = 0; i < histogram->bucket_count; i++) {
        const struct exposition_bucket *bucket = &histogram->buckets[i];
        count = bucket->count;
        at = begin_suffixed(exposition, id, name_bytes, "_bucket", bucket->part);
        if (at != NULL) {
            at += sr_number_format_integer(count, at);
            exposition_end_line(exposition, id, put_exemplar(exposition, at, bucket->exemplar));
        }
    }
    at = begin_suffixed(exposition, id, name_bytes, "_sum", none);
    if (at != NULL) {
        exposition_end_line(exposition, id,
                            at + sr_number_format_sum(histogram->sum_ns[0], histogram->sum_ns[1], at));
    }
    at = begin_suffixed(exposition, id, name_bytes, "_count", none);
    if (at != NULL) {
        exposition_end_line(exposition, id, at + sr_number_format_integer(count, at));
    }
    if (exposition->format == EXPOSITION_OPENMETRICS && exposition->created.bytes > 0) {
        exposition_created(exposition, id, none);
    }
}

/* --- whole families ------------------------------------------------------------------------------------------------------ */

static void add_meta(struct buffer *out, const char *what, const struct family *family, size_t name_bytes,
                     const char *text)
{
    buffer_add_text(out, what);
    buffer_add(out, family->name, name_bytes);
    buffer_add_text(out, " ");
    buffer_add_text(out, text);
    buffer_add_text(out, "\n");
}

void exposition_heading_text(struct exposition *exposition, struct buffer *out, const struct family *family)
{
    const bool is_open = exposition->format == EXPOSITION_OPENMETRICS;
    const size_t name_bytes = is_open ? families_base_bytes(family) : strlen(family->name);
    const char *unit = families_named_unit(family);
    add_meta(out, "# HELP ", family, name_bytes, family->help);
    add_meta(out, "# TYPE ", family, name_bytes, family->type);
    if (is_open && unit[0] != '\0') {
        add_meta(out, "# UNIT ", family, name_bytes, unit);
    }
}

static void add_single_line(struct exposition *exposition, struct buffer *out,
                            const struct exposition_single *single, size_t name_bytes, const char *suffix,
                            const char *number)
{
    buffer_add(out, single->family->name, name_bytes);
    buffer_add_text(out, suffix);
    const size_t at = out->used;
    buffer_add(out, exposition->common, exposition->common_bytes);
    if (single->name != NULL) {
        exposition_add_label(EXPOSITION_QUOTED, out, single->name, strlen(single->name), single->value);
    }
    if (out->used > at && !out->failed) {
        out->text[at] = '{'; /* instead of the first comma */
        buffer_add_text(out, "}");
    }
    buffer_add_text(out, " ");
    buffer_add_text(out, number);
    buffer_add_text(out, "\n");
}

void exposition_single_text(struct exposition *exposition, struct buffer *out,
                            const struct exposition_single *single)
{
    char number[SR_NUMBER_TEXT_BYTES];
    const struct family *family = single->family;
    switch (single->kind) {
    case EXPOSITION_BILLIONTHS:
        (void)sr_number_format_sum(single->count, 0, number);
        break;
    case EXPOSITION_NUMBER:
        (void)sr_number_format(single->number, number);
        break;
    default:
        (void)sr_number_format_integer(single->count, number);
        break;
    }
    exposition_heading_text(exposition, out, family);
    add_single_line(exposition, out, single, strlen(family->name), "", number);
    if (exposition->format == EXPOSITION_OPENMETRICS && single->created_wall_ns > 0) {
        (void)sr_number_format_sum(single->created_wall_ns, 0, number);
        add_single_line(exposition, out, single, families_base_bytes(family), "_created", number);
    }
}
