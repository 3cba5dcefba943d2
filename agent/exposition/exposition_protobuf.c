/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of io.prometheus.client, metrics.proto. See exposition_parts.h.
 *
 * A primitive's labels are packed once, and so is each further label; a Metric is these bytes, one behind the other, with the number behind
 * them: of a gauge always the same eleven bytes but for the eight of its double. There are two hundred Metrics to a primitive, and protobuf-c walks a
 * description of the message for each (ARCHITECTURE.md says what that costs). Whatever has more inside than a number (histograms, exemplars, what a
 * family says of itself) is packed by protobuf-c. */
#include "exposition_parts.h"

#include "metrics.pb-c.h"

#define SECOND         UINT64_C(1000000000)
#define ZERO_THRESHOLD 0x1p-128 /* below any duration but 0; see fill_native() */
#define GAP_MOST       2 /* empty buckets between two that are written as empty: less than a span takes */

#define METRIC_TAG    0x22 /* field 4 of MetricFamily */
#define GAUGE_TAG     0x12 /* fields 2, 3 and 7 of Metric */
#define COUNTER_TAG   0x1a
#define HISTOGRAM_TAG 0x3a
#define DOUBLE_TAG    0x09 /* field 1 of Gauge and Counter: a double */
#define EXEMPLAR_TAG  0x12 /* fields 2 and 3 of Counter */
#define CREATED_TAG   0x1a

typedef Io__Prometheus__Client__Timestamp Timestamp;
typedef Io__Prometheus__Client__LabelPair LabelPair;
typedef Io__Prometheus__Client__Exemplar Exemplar;
typedef Io__Prometheus__Client__Bucket Bucket;
typedef Io__Prometheus__Client__BucketSpan BucketSpan;
typedef Io__Prometheus__Client__Histogram Histogram;
typedef Io__Prometheus__Client__MetricFamily MetricFamily;

/* --- the parts of a message ---------------------------------------------------------------------------------------------- */

static void fill_timestamp(Timestamp *timestamp, uint64_t wall_ns)
{
    io__prometheus__client__timestamp__init(timestamp);
    timestamp->has_seconds = timestamp->has_nanos = true;
    timestamp->seconds = (int64_t)(wall_ns / SECOND);
    timestamp->nanos = (int32_t)(wall_ns % SECOND);
}

struct exemplar_message {
    Exemplar exemplar;
    Timestamp timestamp;
    LabelPair pairs[2], *labels[2];
    char trace_id[SR_EXEMPLAR_ID_BYTES];
    char span_id[SR_EXEMPLAR_ID_BYTES];
};

static void fill_exemplar(struct exemplar_message *message, const struct slipring_exemplar *exemplar)
{
    static char names[2][9] = {"trace_id", "span_id"};
    sr_exemplar_id(exemplar->trace_id, sizeof exemplar->trace_id, message->trace_id);
    sr_exemplar_id(exemplar->span_id, sizeof exemplar->span_id, message->span_id);
    for (unsigned i = 0; i < 2; i++) {
        io__prometheus__client__label_pair__init(&message->pairs[i]);
        message->pairs[i].name = names[i];
        message->pairs[i].value = i == 0 ? message->trace_id : message->span_id;
        message->labels[i] = &message->pairs[i];
    }
    fill_timestamp(&message->timestamp, exemplar->wall_ns);
    io__prometheus__client__exemplar__init(&message->exemplar);
    message->exemplar.n_label = 2;
    message->exemplar.label = message->labels;
    message->exemplar.has_value = true;
    message->exemplar.value = sr_number_of_billionths(exemplar->duration_ns, 0);
    message->exemplar.timestamp = &message->timestamp;
}

/* Tag, length, message. Returns behind it. */
static char *put_message(char *at, char tag, const ProtobufCMessage *message, size_t bytes)
{
    *at++ = tag;
    at += exposition_put_varint(at, bytes);
    return at + protobuf_c_message_pack(message, (uint8_t *)at);
}

void exposition_make_created_protobuf(struct exposition *exposition, uint64_t created_wall_ns)
{
    struct exposition_part *created = &exposition->created;
    Timestamp timestamp;
    fill_timestamp(&timestamp, created_wall_ns);
    char *end = put_message(created->text, CREATED_TAG, &timestamp.base,
                            protobuf_c_message_get_packed_size(&timestamp.base));
    created->bytes = (size_t)(end - created->text);
}

/* --- a number ------------------------------------------------------------------------------------------------------------ */

static size_t varint_bytes(size_t value)
{
    size_t bytes = 1;
    for (; value >= 0x80; value >>= 7) {
        bytes++;
    }
    return bytes;
}

/* The field `tag` of a Metric, with the double and what is packed behind that. */
static char *put_value(char *at, char tag, double value, const char *more, size_t more_bytes)
{
    *at++ = tag;
    at += exposition_put_varint(at, 1 + sizeof value + more_bytes);
    *at++ = DOUBLE_TAG;
    memcpy(at, &value,
           sizeof value); /* little-endian, as protobuf has it and so do the machines that this runs on */
    at += sizeof value;
    if (more_bytes > 0) {
        memcpy(at, more, more_bytes);
    }
    return at + more_bytes;
}

/* A Metric with these labels, up to its value of value_bytes, and room for that. NULL: no memory. */
static char *begin_metric(struct exposition *exposition, struct buffer *out, const struct buffer *labels,
                          const struct exposition_part *rest, size_t value_bytes)
{
    const size_t bytes = labels->used + rest->bytes + value_bytes;
    char *at = exposition->failed
                   ? NULL
                   : buffer_room(out, bytes + 1 + EXPOSITION_VARINT_BYTES + EXPOSITION_BLOCK_BYTES);
    if (at == NULL) {
        exposition->failed = true;
        return NULL;
    }
    *at++ = METRIC_TAG;
    at += exposition_put_varint(at, bytes);
    at = exposition_copy(at, labels->text, labels->used);
    return exposition_copy(at, rest->text, rest->bytes);
}

/* What stands behind the double of a Counter: its exemplar, and when it began. In exposition->scratch. */
static void pack_counter(struct exposition *exposition, const struct slipring_exemplar *exemplar)
{
    struct buffer *more = &exposition->scratch;
    buffer_clear(more);
    if (exemplar != NULL) {
        struct exemplar_message message;
        fill_exemplar(&message, exemplar);
        const size_t bytes = protobuf_c_message_get_packed_size(&message.exemplar.base);
        char *at = buffer_room(more, bytes + 1 + EXPOSITION_VARINT_BYTES);
        if (at != NULL) {
            more->used = (size_t)(put_message(at, EXEMPLAR_TAG, &message.exemplar.base, bytes) - more->text);
        }
    }
    buffer_add(more, exposition->created.text, exposition->created.bytes);
    exposition->failed |= more->failed;
}

void exposition_metric(struct exposition *exposition, enum family_id id, const struct exposition_part *rest,
                       double value, const struct slipring_exemplar *exemplar)
{
    const bool is_counter = families_is_counter(id);
    const char *more = exposition->created.text;
    size_t more_bytes = is_counter ? exposition->created.bytes : 0;
    if (exemplar != NULL) {
        pack_counter(exposition, exemplar);
        more = exposition->scratch.text;
        more_bytes = exposition->scratch.used;
    }
    struct buffer *out = &exposition->families[id];
    const size_t inner = 1 + sizeof value + more_bytes;
    char *at = begin_metric(exposition, out, &exposition->labels, rest, 1 + varint_bytes(inner) + inner);
    if (at != NULL) {
        at = put_value(at, is_counter ? COUNTER_TAG : GAUGE_TAG, value, more, more_bytes);
        out->used = (size_t)(at - out->text);
    }
}

/* --- the histogram ------------------------------------------------------------------------------------------------------- */

/* A Histogram and all that it points to. */
struct histogram_message {
    Histogram histogram;
    Timestamp created;
    Bucket buckets[SLIPRING_BOUND_COUNT + 1], *bucket_pointers[SLIPRING_BOUND_COUNT + 1];
    struct exemplar_message exemplars[SLIPRING_BOUND_COUNT + 1];
    Exemplar *exemplar_pointers[SLIPRING_BOUND_COUNT + 1];
    BucketSpan spans[SR_BUCKET_COUNT / GAP_MOST + 1], *span_pointers[SR_BUCKET_COUNT / GAP_MOST + 1];
    int64_t deltas[SR_BUCKET_COUNT];
};

static void fill_buckets(struct histogram_message *message, const struct exposition_histogram *histogram)
{
    for (uint32_t i = 0; i < histogram->bucket_count; i++) {
        const struct exposition_bucket *from = &histogram->buckets[i];
        Bucket *bucket = &message->buckets[i];
        io__prometheus__client__bucket__init(bucket);
        bucket->has_cumulative_count = bucket->has_upper_bound = true;
        bucket->cumulative_count = from->count;
        bucket->upper_bound =
            from->bound_ns == UINT64_MAX ? INFINITY : sr_number_of_billionths(from->bound_ns, 0);
        if (from->exemplar != NULL) {
            fill_exemplar(&message->exemplars[i], from->exemplar);
            bucket->exemplar = &message->exemplars[i].exemplar;
            message->exemplar_pointers[message->histogram.n_exemplars++] = bucket->exemplar;
        }
        message->bucket_pointers[i] = bucket;
    }
    message->histogram.n_bucket = histogram->bucket_count;
    message->histogram.bucket = message->bucket_pointers;
    message->histogram.exemplars = message->exemplar_pointers;
}

/* A span that begins at `key`, where the last one ended at `end`; the first one says its key. */
static BucketSpan *add_span(struct histogram_message *message, int32_t key, int32_t end)
{
    const size_t place = message->histogram.n_positive_span++;
    BucketSpan *span = &message->spans[place];
    io__prometheus__client__bucket_span__init(span);
    span->has_offset = span->has_length = true;
    span->offset = place == 0 ? key : key - end;
    message->span_pointers[place] = span;
    return span;
}

static void fill_spans(struct histogram_message *message, const struct sr_native *native)
{
    Histogram *histogram = &message->histogram;
    BucketSpan *span = NULL;
    int32_t end = 0;   /* the key behind the last bucket */
    uint64_t last = 0; /* its count */
    for (uint32_t i = 0; i < native->n; i++) {
        if (native->counts[i] == 0) {
            continue;
        }
        const int32_t key = native->first_key + (int32_t)i;
        if (span == NULL || key - end > GAP_MOST) {
            span = add_span(message, key, end);
            end = key;
        }
        for (; end <= key; end++) { /* perhaps some empty ones before it */
            const uint64_t count = end == key ? native->counts[i] : 0;
            message->deltas[histogram->n_positive_delta++] = (int64_t)(count - last);
            last = count;
            span->length++;
        }
    }
    if (span == NULL) {
        (void)add_span(message, 0, 0); /* of nothing: so it is known to be a native histogram all the same */
    }
    histogram->positive_span = message->span_pointers;
    histogram->positive_delta = message->deltas;
}

/* Prometheus takes a whole family for native histograms, or for classic ones, by its first: up to 2.45 that is one when it has buckets, durations
 * of 0, or a threshold above 0. So that one without executions is, the threshold is 2^-128, as Prometheus' own clients have it: a billionth of a second
 * is above it and only 0 below. One whose counts are not sample_count in all is left out: newer ones refuse it, and the classic buckets with it. */
static void fill_native(struct exposition *exposition, struct histogram_message *message,
                        const struct sr_native_packed *packed)
{
    struct sr_native *native = &exposition->native;
    Histogram *histogram = &message->histogram;
    if (packed == NULL || !sr_native_unpack(packed, native) || native->total != histogram->sample_count) {
        return;
    }
    histogram->has_schema = histogram->has_zero_threshold = histogram->has_zero_count = true;
    histogram->schema = native->schema;
    histogram->zero_threshold = ZERO_THRESHOLD;
    histogram->zero_count = native->zero_count;
    fill_spans(message, native);
}

void exposition_histogram_protobuf(struct exposition *exposition,
                                   const struct exposition_histogram *histogram)
{
    buffer_clear(&exposition->scratch);
    struct histogram_message *message = (void *)buffer_room(&exposition->scratch, sizeof *message);
    if (message == NULL) {
        exposition->failed = true;
        return;
    }
    Histogram *packed = &message->histogram;
    io__prometheus__client__histogram__init(packed);
    packed->has_sample_count = packed->has_sample_sum = true;
    packed->sample_count = histogram->buckets[histogram->bucket_count - 1].count;
    packed->sample_sum = sr_number_of_billionths(histogram->sum_ns[0], histogram->sum_ns[1]);
    if (histogram->created_wall_ns > 0) {
        fill_timestamp(&message->created, histogram->created_wall_ns);
        packed->created_timestamp = &message->created;
    }
    fill_buckets(message, histogram);
    fill_native(exposition, message, histogram->native);
    if (!packed->has_schema) {
        packed->n_exemplars = 0;
    }
    struct buffer *out = &exposition->families[FAMILY_primitive_duration_seconds];
    const size_t bytes = protobuf_c_message_get_packed_size(&packed->base);
    char *at = begin_metric(exposition, out, &exposition->labels, &exposition->cache.none,
                            1 + varint_bytes(bytes) + bytes);
    if (at != NULL) {
        out->used = (size_t)(put_message(at, HISTOGRAM_TAG, &packed->base, bytes) - out->text);
    }
}

/* --- whole families ------------------------------------------------------------------------------------------------------ */

/* Percentiles are no summary here: one without sum and count cannot be said, and Prometheus would store both as 0. */
static Io__Prometheus__Client__MetricType type_of(const struct family *family)
{
    switch (family->type[0]) {
    case 'c':
        return IO__PROMETHEUS__CLIENT__METRIC_TYPE__COUNTER;
    case 'h':
        return IO__PROMETHEUS__CLIENT__METRIC_TYPE__HISTOGRAM;
    default:
        return IO__PROMETHEUS__CLIENT__METRIC_TYPE__GAUGE;
    }
}

void exposition_heading_protobuf(struct exposition *exposition, struct buffer *out,
                                 const struct family *family, size_t lines_bytes)
{
    struct family copy = *family;
    MetricFamily message;
    io__prometheus__client__metric_family__init(&message);
    message.name = copy.name;
    message.help = (char *)(uintptr_t)copy.help;
    message.has_type = true;
    message.type = type_of(family);
    const char *unit = families_named_unit(family);
    message.unit = unit[0] == '\0' ? NULL : (char *)(uintptr_t)unit;
    const size_t bytes = protobuf_c_message_get_packed_size(&message.base);
    char *at = buffer_room(out, EXPOSITION_VARINT_BYTES + bytes);
    if (at == NULL) {
        exposition->failed = true;
        return;
    }
    at += exposition_put_varint(at, bytes + lines_bytes);
    at += protobuf_c_message_pack(&message.base, (uint8_t *)at);
    out->used = (size_t)(at - out->text);
}

void exposition_single_protobuf(struct exposition *exposition, struct buffer *out,
                                const struct exposition_single *single)
{
    struct buffer labels = {0}, metric = {0};
    if (exposition->common_bytes > 0) {
        buffer_add(&labels, exposition->common, exposition->common_bytes);
    }
    if (single->name != NULL) {
        exposition_add_label(EXPOSITION_PACKED, &labels, single->name, strlen(single->name), single->value);
    }
    const bool is_counter = type_of(single->family) == IO__PROMETHEUS__CLIENT__METRIC_TYPE__COUNTER;
    const double value = single->kind == EXPOSITION_NUMBER       ? single->number
                         : single->kind == EXPOSITION_BILLIONTHS ? sr_number_of_billionths(single->count, 0)
                                                                 : (double)single->count;
    exposition_make_created(exposition, single->created_wall_ns);
    const struct exposition_part *created = &exposition->created;
    const size_t inner = 1 + sizeof value + created->bytes;
    char *at = labels.failed || buffer_room(&labels, EXPOSITION_BLOCK_BYTES) == NULL
                   ? NULL
                   : begin_metric(exposition, &metric, &labels, &exposition->cache.none,
                                  1 + varint_bytes(inner) + inner);
    if (at != NULL) {
        at = put_value(at, is_counter ? COUNTER_TAG : GAUGE_TAG, value, created->text, created->bytes);
        metric.used = (size_t)(at - metric.text);
        exposition_heading_protobuf(exposition, out, single->family, metric.used);
        buffer_add(out, metric.text, metric.used);
    }
    exposition->failed |= at == NULL || out->failed;
    buffer_free(&labels);
    buffer_free(&metric);
}
