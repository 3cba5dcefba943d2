/* SPDX-License-Identifier: Apache-2.0 */
/* The same figures in three formats: each line of OpenMetrics and each message of protobuf against the text. The messages are taken apart by protobuf-c,
 * which did not put most of them together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/exposition/exposition.h"
#include "metrics.pb-c.h"
#include "pure/number.h"
#include "support/figures_fill.h"

typedef Io__Prometheus__Client__MetricFamily MetricFamily;
typedef Io__Prometheus__Client__Metric Metric;
typedef Io__Prometheus__Client__Histogram Histogram;
typedef Io__Prometheus__Client__Exemplar Exemplar;

#define CREATED_NS UINT64_C(1767225600500000000)

static struct exposition exposition;
static struct slipring_stats stats;
static struct slipring_stats_detail detail;
static struct slipring_slo_stats slo;
static struct slipring_exemplars exemplars;
static struct sr_native_packed native;
static bool has_native;
static const struct slipring_usage_stats usage = {
    .resource = "a/\"b\"", .units = {7}, .cost_nanodollars = 3, .unpriced = 2, .unpriced_units = {3}};

static int fill(void **state)
{
    (void)state;
    figures_fill(&stats, &detail, &slo);
    stats.created_wall_ns = CREATED_NS;
    strcpy(detail.categories[1].name, "\xed\xa0\x80\n");
    exemplars = (struct slipring_exemplars){.bucket_count = 0};
    has_native = false;
    return 0;
}

static bool finish(struct buffer *out)
{
    struct exposition_rendering *rendering = exposition_finish(&exposition);
    if (rendering == NULL) {
        return false;
    }
    exposition_join(rendering, out);
    exposition_give_back(rendering);
    return !out->failed;
}

static struct buffer render(enum exposition_format format)
{
    struct buffer out = {0};
    struct buffer common = {0};
    const struct exposition_figures figures = {.stats = &stats,
                                               .detail = &detail,
                                               .slo = &slo,
                                               .native = has_native ? &native : NULL,
                                               .exemplars = format == EXPOSITION_TEXT ? NULL : &exemplars};
    const struct sr_agent_figures agent = {
        .drains = 5, .checkpoint_bytes = 77, .scrape_ns = 1500000, .started_wall_ns = CREATED_NS - 1};
    exposition_add_label(exposition_coding(format), &common, "service", 7, "a\"b\\");
    exposition.common = common.text;
    exposition.common_bytes = common.used;
    exposition_begin(&exposition, format);
    exposition_agent(&exposition, &agent);
    exposition_primitive(&exposition, &figures);
    exposition_usage(&exposition, &usage);
    assert_true(finish(&out));
    buffer_free(&common);
    return out;
}

/* --- protobuf as lines of the text ----------------------------------------------------------------------------------------- */

struct page {
    struct buffer lines; /* name{label="value",...} number, as the text has them */
    Metric *histogram;   /* the first one; it belongs to a family */
    MetricFamily *families[256];
    size_t count;
};

/* An oracle of its own for how a label's value is escaped: by byte, what is given being valid. */
static void add_value(struct buffer *out, const char *value)
{
    for (; *value != '\0'; value++) {
        if (*value == '\n') {
            buffer_add_text(out, "\\n");
        } else {
            buffer_add(out, "\\", *value == '"' || *value == '\\');
            buffer_add(out, value, 1);
        }
    }
}

static void add_line(struct page *page, const char *name, const char *suffix, const Metric *metric,
                     const char *le, double number)
{
    struct buffer *out = &page->lines;
    char text[SR_NUMBER_TEXT_BYTES];
    buffer_format(out, "%s%s", name, suffix);
    const char *separator = "{";
    for (size_t i = 0; i < metric->n_label; i++) {
        buffer_format(out, "%s%s=\"", separator, metric->label[i]->name);
        add_value(out, metric->label[i]->value);
        buffer_add_text(out, "\"");
        separator = ",";
    }
    if (le != NULL) {
        buffer_format(out, "%sle=\"%s\"", separator, le);
    }
    buffer_add_text(out, metric->n_label > 0 || le != NULL ? "} " : " ");
    (void)sr_number_format(number, text);
    buffer_format(out, "%s\n", text);
}

static void add_histogram(struct page *page, const char *name, Metric *metric)
{
    const Histogram *histogram = metric->histogram;
    assert_non_null(histogram);
    page->histogram = page->histogram == NULL ? metric : page->histogram;
    for (size_t i = 0; i < histogram->n_bucket; i++) {
        const Io__Prometheus__Client__Bucket *bucket = histogram->bucket[i];
        char le[32];
        (void)snprintf(le, sizeof le, bucket->upper_bound == floor(bucket->upper_bound) ? "%.1f" : "%g",
                       bucket->upper_bound);
        add_line(page, name, "_bucket", metric, isinf(bucket->upper_bound) ? "+Inf" : le,
                 (double)bucket->cumulative_count);
    }
    add_line(page, name, "_sum", metric, NULL, histogram->sample_sum);
    add_line(page, name, "_count", metric, NULL, (double)histogram->sample_count);
}

static void add_family(struct page *page, MetricFamily *family)
{
    page->families[page->count++] = family;
    for (size_t i = 0; i < family->n_metric; i++) {
        Metric *metric = family->metric[i];
        switch (family->type) {
        case IO__PROMETHEUS__CLIENT__METRIC_TYPE__COUNTER:
            add_line(page, family->name, "", metric, NULL, metric->counter->value);
            break;
        case IO__PROMETHEUS__CLIENT__METRIC_TYPE__GAUGE:
            add_line(page, family->name, "", metric, NULL, metric->gauge->value);
            break;
        default:
            add_histogram(page, family->name, metric);
            break;
        }
    }
}

static struct page unpack(void)
{
    struct page page = {.count = 0};
    struct buffer body = render(EXPOSITION_PROTOBUF);
    const uint8_t *at = (const uint8_t *)body.text, *end = at + body.used;
    while (at < end) {
        size_t bytes = 0;
        for (unsigned shift = 0;; shift += 7) {
            bytes |= (size_t)(*at & 0x7f) << shift;
            if (*at++ < 0x80) {
                break;
            }
        }
        assert_true(bytes <= (size_t)(end - at));
        MetricFamily *family = io__prometheus__client__metric_family__unpack(NULL, bytes, at);
        assert_non_null(family);
        assert_int_equal(family->base.n_unknown_fields, 0);
        add_family(&page, family);
        at += bytes;
    }
    buffer_free(&body);
    buffer_add(&page.lines, "", 1);
    return page;
}

static void drop(struct page *page)
{
    for (size_t i = 0; i < page->count; i++) {
        io__prometheus__client__metric_family__free_unpacked(page->families[i], NULL);
    }
    buffer_free(&page->lines);
}

static MetricFamily *family_of(const struct page *page, const char *name)
{
    for (size_t i = 0; i < page->count; i++) {
        if (strcmp(page->families[i]->name, name) == 0) {
            return page->families[i];
        }
    }
    fail_msg("no family %s", name);
    return NULL;
}

/* --- tests ----------------------------------------------------------------------------------------------------------------- */

/* The line of the text with its number as a double's shortest. */
static void normalise(const char *line, const char *end, char *out, size_t out_bytes)
{
    const char *number = end;
    while (number[-1] != ' ') {
        number--;
    }
    char shortest[SR_NUMBER_TEXT_BYTES];
    (void)sr_number_format(strtod(number, NULL), shortest);
    (void)snprintf(out, out_bytes, "%.*s%s\n", (int)(number - line), line, shortest);
}

static void protobuf_has_each_line_of_the_text_and_no_other(void **state)
{
    (void)state;
    struct buffer text = render(EXPOSITION_TEXT);
    buffer_add(&text, "", 1);
    struct page page = unpack();
    size_t lines = 0, found = 0;
    for (const char *line = text.text; *line != '\0';) {
        const char *end = strchr(line, '\n');
        if (*line != '#') {
            char wanted[2048];
            normalise(line, end, wanted, sizeof wanted);
            if (strstr(page.lines.text, wanted) == NULL) {
                fail_msg("not in protobuf: %s", wanted);
            }
            lines++;
        }
        line = end + 1;
    }
    for (const char *at = page.lines.text; (at = strchr(at, '\n')) != NULL; at++) {
        found++;
    }
    assert_true(lines > 150);
    assert_int_equal(found, lines);
    drop(&page);
    buffer_free(&text);
}

static void openmetrics_is_the_text_with_names_units_beginnings_and_an_end(void **state)
{
    (void)state;
    struct buffer text = render(EXPOSITION_TEXT), open = render(EXPOSITION_OPENMETRICS);
    buffer_add(&text, "", 1);
    buffer_add(&open, "", 1);
    size_t more = 0;
    const char *at = text.text;
    for (const char *line = open.text; *line != '\0'; line = strchr(line, '\n') + 1) {
        const size_t bytes = (size_t)(strchr(line, '\n') + 1 - line);
        while (*at == '#') { /* other names in them */
            at = strchr(at, '\n') + 1;
        }
        if (*line == '#') {
            continue;
        }
        if (strncmp(line, at, bytes) == 0) {
            at += bytes;
        } else {
            char name[FAMILY_NAME_BYTES];
            (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(line, "{ "), line);
            assert_string_equal(name + strlen(name) - strlen("_created"), "_created");
            more++;
        }
    }
    assert_string_equal(at, "");
    assert_int_equal(more, 1 + 3 + 4 + 1 + 1 + 1 + 3 + 4); /* of primitive, cost, usage, agent */
    assert_string_equal(open.text + open.used - 1 - strlen("\n# EOF\n"), "\n# EOF\n");
    assert_non_null(strstr(open.text, "# TYPE primitive_requests counter\n"));
    assert_non_null(strstr(open.text, "# UNIT primitive_duration_seconds seconds\n"));
    assert_non_null(strstr(open.text, "# UNIT slipring_checkpoint_bytes bytes\n"));
    assert_null(strstr(open.text, "# UNIT primitive_requests "));
    assert_null(strstr(open.text, "\n\n"));
    assert_non_null(strstr(open.text, ",status=\"failure\"} 1767225600.5\n"));
    assert_null(strstr(open.text, "slipring_drains_created"));
    buffer_free(&text);
    buffer_free(&open);
}

static void what_began_nobody_knows_when_says_nothing_of_it(void **state)
{
    (void)state;
    stats.created_wall_ns = 0;
    struct buffer open = render(EXPOSITION_OPENMETRICS);
    buffer_add(&open, "", 1);
    assert_null(strstr(open.text, "primitive_requests_created"));
    assert_null(strstr(open.text, "primitive_duration_seconds_created"));
    buffer_free(&open);
    struct page page = unpack();
    assert_null(page.histogram->histogram->created_timestamp);
    assert_null(family_of(&page, "primitive_requests_total")->metric[0]->counter->created_timestamp);
    drop(&page);
}

static struct slipring_exemplar exemplar(uint8_t id, uint64_t duration_ns, uint64_t at_ns)
{
    return (struct slipring_exemplar){.trace_id = {id, 0xab},
                                      .span_id = {id, 1, 2, 3, 4, 5, 6, 0xff},
                                      .duration_ns = duration_ns,
                                      .at_ns = at_ns,
                                      .wall_ns = CREATED_NS + at_ns};
}

/* Buckets end at 1 ms, 1 s, and never. */
static void fill_exemplars(void)
{
    exemplars.bucket_count = 3;
    exemplars.bucket_slowest[0] = exemplar(1, 1000000, 5);
    exemplars.bucket_failing[0] = exemplar(2, 0, 6);         /* later */
    exemplars.bucket_slowest[1] = exemplar(3, 1000000, 99);  /* of the first bucket, so it is */
    exemplars.bucket_failing[1] = exemplar(0, 1000001, 100); /* none: but see below */
    exemplars.bucket_failing[1].trace_id[1] = 0;
    exemplars.bucket_slowest[2] = exemplar(4, 1000000001, 7);
    exemplars.bucket_failing[2] = exemplar(5, 2000000000, 6); /* earlier */
    exemplars.failing = exemplar(6, 2500000000, 8);
}

#define HEX(id) "trace_id=\"0" id "ab0000000000000000000000000000\",span_id=\"0" id "010203040506ff\""

static void the_later_exemplar_stands_at_the_bucket_that_it_lies_in(void **state)
{
    (void)state;
    fill_exemplars();
    struct buffer open = render(EXPOSITION_OPENMETRICS);
    buffer_add(&open, "", 1);
    assert_non_null(strstr(open.text, ",le=\"0.001\"} 10 # {" HEX("3") "} 0.001 1767225600.500000099\n"));
    assert_non_null(strstr(open.text, ",le=\"1.0\"} 99\n"));
    assert_non_null(
        strstr(open.text, ",le=\"+Inf\"} 100 # {" HEX("4") "} 1.000000001 1767225600.500000007\n"));
    assert_non_null(strstr(open.text, ",status=\"failure\"} 3 # {" HEX("6") "} 2.5 1767225600.500000008\n"));
    assert_non_null(strstr(open.text, ",status=\"success\"} 97\n"));
    buffer_free(&open);
}

static void check_exemplar(const Exemplar *seen, const struct slipring_exemplar *wanted, const char *trace)
{
    assert_non_null(seen);
    assert_int_equal(seen->n_label, 2);
    assert_string_equal(seen->label[0]->name, "trace_id");
    assert_string_equal(seen->label[0]->value, trace);
    assert_string_equal(seen->label[1]->name, "span_id");
    assert_true(seen->value == (double)wanted->duration_ns / 1e9);
    assert_int_equal(seen->timestamp->seconds, 1767225600);
    assert_int_equal(seen->timestamp->nanos, 500000000 + wanted->at_ns);
}

static void exemplars_are_the_same_in_protobuf(void **state)
{
    (void)state;
    fill_exemplars();
    struct page page = unpack();
    const Histogram *histogram = page.histogram->histogram;
    check_exemplar(histogram->bucket[0]->exemplar, &exemplars.bucket_slowest[1],
                   "03ab0000000000000000000000000000");
    assert_null(histogram->bucket[1]->exemplar);
    check_exemplar(histogram->bucket[2]->exemplar, &exemplars.bucket_slowest[2],
                   "04ab0000000000000000000000000000");
    assert_int_equal(histogram->n_exemplars, 0); /* of native histograms alone */
    const MetricFamily *requests = family_of(&page, "primitive_requests_total");
    check_exemplar(requests->metric[1]->counter->exemplar, &exemplars.failing,
                   "06ab0000000000000000000000000000");
    assert_non_null(requests->metric[1]->counter->created_timestamp);
    assert_null(requests->metric[0]->counter->exemplar);
    drop(&page);
    has_native = true;
    native = (struct sr_native_packed){.schema = 3, .zero_count = stats.count};
    page = unpack();
    assert_int_equal(page.histogram->histogram->n_exemplars, 2);
    drop(&page);
}

/* Cells to a native histogram, and back from its spans and deltas. */
static void check_native(const uint64_t *cells, int32_t schema)
{
    has_native = true;
    sr_native_pack(cells, 0, SR_BUCKET_COUNT, schema, &native);
    struct sr_native wanted;
    assert_true(sr_native_unpack(&native, &wanted));
    stats.count = wanted.total;
    struct page page = unpack();
    const Histogram *histogram = page.histogram->histogram;
    assert_int_equal(histogram->schema, wanted.schema);
    assert_int_equal(histogram->zero_count, wanted.zero_count);
    assert_true(histogram->has_zero_threshold && histogram->zero_threshold < 1e-9);
    uint64_t count = 0; /* modulo 2^64, as the differences are */
    int32_t key = 0;
    size_t delta = 0;
    for (size_t i = 0; i < histogram->n_positive_span; i++) {
        key += histogram->positive_span[i]->offset;
        assert_true(i == 0 || histogram->positive_span[i]->offset > 0);
        for (uint32_t j = 0; j < histogram->positive_span[i]->length; j++, key++) {
            count += (uint64_t)histogram->positive_delta[delta++];
            uint64_t *left = &wanted.counts[key - wanted.first_key];
            assert_true(count == *left);
            *left = 0;
        }
    }
    assert_int_equal(delta, histogram->n_positive_delta);
    for (uint32_t i = 0; i < wanted.n; i++) {
        assert_true(wanted.counts[i] == 0);
    }
    assert_true(histogram->n_positive_span > 0);
    drop(&page);
}

static void native_histograms_are_the_cells_whatever_they_hold(void **state)
{
    (void)state;
    static uint64_t cells[SR_BUCKET_COUNT];
    memset(cells, 0, sizeof cells);
    check_native(cells, 3); /* of nothing: a span without length */
    cells[SR_BUCKET_ZERO] = 5;
    check_native(cells, 3);
    cells[1] = UINT64_C(1) << 60;
    cells[SR_BUCKET_COUNT - 1] = 1;
    uint64_t random = 7;
    for (unsigned round = 0; round < 40; round++) {
        for (int32_t schema = SR_NATIVE_SCHEMA_MIN; schema <= SR_NATIVE_SCHEMA_MAX; schema++) {
            check_native(cells, schema);
        }
        for (unsigned i = 0; i < 60; i++) {
            random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            cells[(random >> 33) % SR_BUCKET_COUNT] += random >> (random >> 59);
        }
    }
}

static void a_native_histogram_that_is_none_leaves_the_classic_one(void **state)
{
    (void)state;
    has_native = true;
    native = (struct sr_native_packed){.schema = 99};
    struct page page = unpack();
    assert_false(page.histogram->histogram->has_schema);
    assert_int_equal(page.histogram->histogram->n_positive_span, 0);
    assert_int_equal(page.histogram->histogram->n_bucket, 3);
    drop(&page);
}

static void a_native_histogram_of_other_counts_is_left_out(void **state)
{
    (void)state;
    has_native = true;
    for (int difference = -1; difference <= 1; difference++) {
        native = (struct sr_native_packed){.schema = 3, .zero_count = stats.count + (uint64_t)difference};
        struct page page = unpack();
        const Histogram *histogram = page.histogram->histogram;
        assert_int_equal(histogram->has_schema, difference == 0);
        assert_int_equal(histogram->n_positive_span, difference == 0);
        assert_int_equal(histogram->has_zero_threshold, difference == 0);
        assert_int_equal(histogram->n_bucket, 3);
        drop(&page);
    }
}

static void percentiles_are_gauges_where_a_summary_would_need_a_sum(void **state)
{
    (void)state;
    struct page page = unpack();
    assert_int_equal(family_of(&page, "primitive_duration_quantile_seconds")->type,
                     IO__PROMETHEUS__CLIENT__METRIC_TYPE__GAUGE);
    assert_string_equal(family_of(&page, "primitive_duration_seconds")->unit, "seconds");
    assert_null(family_of(&page, "primitive_requests_total")->unit);
    drop(&page);
}

static int free_all(void **state)
{
    (void)state;
    exposition_free(&exposition);
    return 0;
}

#define CASE(name) cmocka_unit_test_setup(name, fill)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(protobuf_has_each_line_of_the_text_and_no_other),
        CASE(openmetrics_is_the_text_with_names_units_beginnings_and_an_end),
        CASE(what_began_nobody_knows_when_says_nothing_of_it),
        CASE(the_later_exemplar_stands_at_the_bucket_that_it_lies_in),
        CASE(exemplars_are_the_same_in_protobuf),
        CASE(native_histograms_are_the_cells_whatever_they_hold),
        CASE(a_native_histogram_that_is_none_leaves_the_classic_one),
        CASE(a_native_histogram_of_other_counts_is_left_out),
        CASE(percentiles_are_gauges_where_a_summary_would_need_a_sum),
    };
    return cmocka_run_group_tests(tests, NULL, free_all);
}
