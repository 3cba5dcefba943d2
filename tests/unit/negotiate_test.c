/* SPDX-License-Identifier: Apache-2.0 */
/* Accept headers, real ones and hostile ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/exposition/negotiate.h"

#define TEXT        EXPOSITION_TEXT
#define OPENMETRICS EXPOSITION_OPENMETRICS
#define PROTOBUF    EXPOSITION_PROTOBUF

struct header {
    enum exposition_format wanted;
    const char *accept;
};

#define CHECK_ALL(headers)                                                                                   \
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers)[0]; i++) {                                      \
        if (negotiate_format((headers)[i].accept) != (headers)[i].wanted) {                                  \
            fail_msg("%s", (headers)[i].accept);                                                             \
        }                                                                                                    \
    }

static void programs_that_there_are_get_what_they_can_read(void **state)
{
    (void)state;
    static const struct header headers[] = {
        /* Prometheus 2.42, without and with --enable-feature=native-histograms */
        {OPENMETRICS,
         "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
         "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"},
        {PROTOBUF,
         "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,"
         "application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,"
         "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"},
        /* Prometheus 2.5 to 2.30 */
        {TEXT, "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"},
        /* Prometheus 2.0 */
        {TEXT, "text/plain;version=0.0.4;q=1,*/*;q=0.1"},
        /* Prometheus 1 */
        {PROTOBUF,
         "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,"
         "text/plain;version=0.0.4;q=0.3"},
        /* Prometheus 3, with names in UTF-8 */
        {OPENMETRICS,
         "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
         "application/openmetrics-text;version=0.0.1;q=0.4,"
         "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,/;q=0.1"},
        /* Telegraf, the OpenTelemetry collector, vmagent */
        {TEXT, "text/plain;version=0.0.4;q=1,*/*;q=0.1"},
        {OPENMETRICS, "application/openmetrics-text; version=1.0.0; charset=utf-8"},
        {TEXT, "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"},
        /* curl; browsers; nobody */
        {TEXT, "*/*"},
        {TEXT, "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"},
        {TEXT, NULL},
        {TEXT, ""},
    };
    CHECK_ALL(headers)
}

static void the_most_exact_range_decides_what_a_format_is_worth(void **state)
{
    (void)state;
    static const struct header headers[] = {
        {OPENMETRICS, "text/plain;q=0.1, application/openmetrics-text;q=0.2"},
        {OPENMETRICS, "*/*;q=1, text/*;q=0.5, application/vnd.google.protobuf;q=0"},
        {PROTOBUF, "*/*, text/plain;q=0, application/openmetrics-text;q=0"},
        {OPENMETRICS, "application/*"},
        {OPENMETRICS, "application/*, */*;q=0.5"},
        {TEXT, "text/*, application/openmetrics-text;q=0.999"},
        {OPENMETRICS, "application/openmetrics-text;q=0.1;version=1.0.0, application/openmetrics-text;q=0"},
        {TEXT,
         "application/openmetrics-text;version=1.0.0;q=0, application/openmetrics-text, text/plain;q=0.001"},
        {TEXT, "application/openmetrics-text;version=0.0.1"},
        {TEXT, "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text, "
               "text/plain;q=0.1"},
        {TEXT, "application/vnd.google.protobuf;proto=other.Message;encoding=delimited"},
    };
    CHECK_ALL(headers)
}

static void among_equals_the_first_named_is_answered(void **state)
{
    (void)state;
    static const struct header headers[] = {
        {OPENMETRICS, "application/openmetrics-text, text/plain"},
        {TEXT, "text/plain, application/openmetrics-text"},
        {PROTOBUF, "application/vnd.google.protobuf,application/openmetrics-text,text/plain"},
    };
    CHECK_ALL(headers)
}

static void spelling_is_free_where_the_rfc_leaves_it_free(void **state)
{
    (void)state;
    static const struct header headers[] = {
        {OPENMETRICS, "  Application/OpenMetrics-Text ;\tVersion=\"1.0.0\" ; CharSet=UTF-8 ; Q=1.000 ,, ,"},
        {PROTOBUF, "application/vnd.google.protobuf ; proto=\"io.prometheus.client.MetricFamily\" ; "
                   "encoding=delimited"},
        {OPENMETRICS, "text/plain;q=0.5;x=\",application/json;q=1\", application/openmetrics-text"},
        {OPENMETRICS, "text/plain;note=\"a \\\" , b\";q=0.1,application/openmetrics-text;q=0.2"},
        {OPENMETRICS, "text/plain;q=0,application/openmetrics-text;q=0.001"},
    };
    CHECK_ALL(headers)
}

static void nothing_acceptable_is_the_text(void **state)
{
    (void)state;
    static const struct header headers[] = {
        {TEXT, "application/json"},
        {TEXT, "image/*"},
        {TEXT, "text/plain;q=0"},
        {TEXT, "*/*;q=0"},
        {TEXT, "application/openmetrics-text;q=0"},
        {TEXT, "application/openmetrics-text;q=2"},
        {TEXT, "application/openmetrics-text;q=1.001"},
        {TEXT, "application/openmetrics-text;q=0.1234"},
        {TEXT, "application/openmetrics-text;q=-1"},
        {TEXT, "application/openmetrics-text;q="},
        {TEXT, "application/openmetrics-text;q=\"\""},
        {TEXT, "application/openmetrics-text;q=1x"},
        {TEXT, "application/openmetrics-text;charset=latin1"},
        {TEXT, "*/openmetrics-text"},
        {TEXT, "application"},
        {TEXT, "application/"},
        {TEXT, "/openmetrics-text"},
        {TEXT, "application/openmetrics-textile"},
        {TEXT, "\xff\xfe\x01"},
        {TEXT, ";;;=;=\"\\"},
    };
    CHECK_ALL(headers)
}

/* In memory that ends right behind it, so that a sanitizer sees one byte too many. */
static enum exposition_format of_copy(const char *text)
{
    char *copy = strdup(text);
    assert_non_null(copy);
    const enum exposition_format format = negotiate_format(copy);
    free(copy);
    return format;
}

static void whatever_a_header_holds_it_ends(void **state)
{
    (void)state;
    static char text[32768];
    static const char marks[] = ",;=/*q\"\\ \t0.1x";
    static const char end[] = ",application/openmetrics-text";
    for (size_t i = 0; i + 1 < sizeof marks; i++) { /* kilobytes of commas, of quotes, ... */
        memset(text, marks[i], sizeof text - sizeof end);
        memcpy(text + sizeof text - sizeof end, end, sizeof end);
        const bool swallows = marks[i] == '"' || marks[i] == ';' || marks[i] == '\\';
        const enum exposition_format format = of_copy(text);
        assert_true(format == OPENMETRICS || swallows);
    }
    uint64_t random = 1;
    for (unsigned i = 0; i < 100000; i++) {
        char bytes[48];
        for (size_t at = 0; at < sizeof bytes; at++) {
            random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            bytes[at] = marks[(random >> 33) % (sizeof marks - 1)];
        }
        bytes[sizeof bytes - 1] = '\0';
        assert_true(of_copy(bytes + (random >> 60)) < EXPOSITION_FORMAT_COUNT);
    }
}

static void an_answer_says_what_it_is(void **state)
{
    (void)state;
    assert_string_equal(negotiate_content_type(TEXT), "text/plain; version=0.0.4; charset=utf-8");
    assert_string_equal(negotiate_content_type(OPENMETRICS),
                        "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert_string_equal(
        negotiate_content_type(PROTOBUF),
        "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited");
    for (unsigned format = 0; format < EXPOSITION_FORMAT_COUNT;
         format++) { /* who asks for just that gets it */
        assert_int_equal(negotiate_format(negotiate_content_type((enum exposition_format)format)), format);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_that_there_are_get_what_they_can_read),
        cmocka_unit_test(the_most_exact_range_decides_what_a_format_is_worth),
        cmocka_unit_test(among_equals_the_first_named_is_answered),
        cmocka_unit_test(spelling_is_free_where_the_rfc_leaves_it_free),
        cmocka_unit_test(nothing_acceptable_is_the_text),
        cmocka_unit_test(whatever_a_header_holds_it_ends),
        cmocka_unit_test(an_answer_says_what_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
