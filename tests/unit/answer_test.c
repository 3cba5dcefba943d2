/* SPDX-License-Identifier: Apache-2.0 */
/* What each path answers. The stats segment is played by this file: its functions stand in for peer/stats.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "agent/http/answer.h"

#define NOW_NS (UINT64_C(1000) * 1000000000)

/* --- the segment ------------------------------------------------------------------------------------------------ */

struct sr_stats {
    uint32_t high;
    uint64_t published_ns;
    uint64_t last_ns[4]; /* nothing came since */
    int64_t active[4];
    const char *names[4][2]; /* name, type; NULL: no figures under this id */
    uint32_t objectives;     /* of id 0 */
    unsigned slo_reads;
};

static struct sr_stats segment;

uint32_t sr_stats_next_usage(const struct sr_stats *stats, uint32_t from)
{
    (void)stats;
    return from;
}

/* Two accounts, of primitives 2 and 0. */
enum slipring_status sr_stats_usage(const struct sr_stats *stats, uint32_t account,
                                    struct slipring_usage_stats *out_usage)
{
    (void)stats;
    if (account >= 2) {
        return SLIPRING_NO_DATA;
    }
    *out_usage = (struct slipring_usage_stats){
        .place = account == 0 ? 2 : 0,
        .resource = "openai/\"x\"",
        .usages = 3,
        .unpriced = 1,
        .cost_nanodollars = 2500001,
        .units = {[SLIPRING_UNIT_INPUT] = 1000, [SLIPRING_UNIT_MILLISECOND] = 5},
        .unpriced_units = {[SLIPRING_UNIT_MILLISECOND] = 5},
        .lifetime_cost_nanodollars = 2500002,
    };
    return SLIPRING_OK;
}

uint32_t sr_stats_high(const struct sr_stats *stats)
{
    return stats->high;
}

enum slipring_status sr_stats_get(const struct sr_stats *stats, uint32_t id, struct slipring_stats *out_stats,
                                  struct slipring_stats_detail *out_detail)
{
    if (stats->names[id][0] == NULL) {
        return SLIPRING_NO_DATA;
    }
    *out_stats = (struct slipring_stats){.count = 7,
                                         .published_ns = stats->published_ns,
                                         .last_ns = stats->last_ns[id],
                                         .active = stats->active[id]};
    *out_detail = (struct slipring_stats_detail){.bound_count = 0};
    strcpy(out_detail->name, stats->names[id][0]);
    strcpy(out_detail->type, stats->names[id][1]);
    out_detail->objective_count = id == 0 ? stats->objectives : 0;
    strcpy(out_detail->objectives[0].name, "latency");
    return SLIPRING_OK;
}

enum slipring_status sr_stats_get_native(const struct sr_stats *stats, uint32_t id,
                                         struct slipring_stats *out_stats,
                                         struct slipring_stats_detail *out_detail,
                                         struct sr_native_packed *out_native, bool *out_has_native)
{
    *out_native = (struct sr_native_packed){.schema = 3, .zero_count = 7};
    *out_has_native = true;
    return sr_stats_get(stats, id, out_stats, out_detail);
}

enum slipring_status sr_stats_exemplars(const struct sr_stats *stats, uint32_t id,
                                        struct slipring_exemplars *out_exemplars)
{
    if (stats->names[id][0] == NULL) {
        return SLIPRING_NO_DATA;
    }
    *out_exemplars = (struct slipring_exemplars){
        .slowest_count = 1,
        .bucket_count = 1,
        .slowest = {{.trace_id = {0xab}, .span_id = {0xcd}, .duration_ns = 1500000000, .outcome = 7}},
        .bucket_slowest = {{.trace_id = {0xab}, .span_id = {0xcd}, .bound_ns = UINT64_MAX}}};
    return SLIPRING_OK;
}

enum slipring_status sr_stats_slo(const struct sr_stats *stats, uint32_t id,
                                  struct slipring_slo_stats *out_slo)
{
    segment.slo_reads++;
    if (stats->names[id][0] == NULL) {
        return SLIPRING_NO_DATA;
    }
    *out_slo = (struct slipring_slo_stats){.objective_count = 1, .minimum_events = 10};
    out_slo->objectives[0].present = SLIPRING_SLO_NO_DATA;
    return SLIPRING_OK;
}

enum slipring_status sr_stats_agent_figures(const struct sr_stats *stats,
                                            struct sr_agent_figures *out_figures)
{
    *out_figures = (struct sr_agent_figures){.drains = 5};
    return stats->published_ns == 0 ? SLIPRING_NO_DATA : SLIPRING_OK;
}

void sr_stats_agent(const struct sr_stats *stats, struct sr_stats_agent *out_agent)
{
    *out_agent = (struct sr_stats_agent){.pid = 17, .published_ns = stats->published_ns};
}

/* --- the questions ---------------------------------------------------------------------------------------------- */

static struct answerer answerer = {.stats = &segment, .store = "shop"};
static struct answer answer;

static const char *ask_type(const char *path, const char *type)
{
    buffer_free(&answer.body);
    const struct answer_query query = {.path = path, .type = type};
    answer_get(&answerer, &query, NOW_NS, &answer);
    buffer_add(&answer.body, "", 1);
    assert_false(answer.body.failed);
    return answer.body.text;
}

static const char *ask(const char *path)
{
    return ask_type(path, NULL);
}

static void assert_parses(const char *text)
{
    enum json_tokener_error error;
    struct json_object *parsed = json_tokener_parse_verbose(text, &error);
    assert_int_equal(error, json_tokener_success);
    json_object_put(parsed);
}

static int fill(void **state)
{
    (void)state;
    segment = (struct sr_stats){.high = 4,
                                .published_ns = NOW_NS - 50000000,
                                .names = {{"read", "step"}, {NULL, NULL}, {"a/b", "step"}, {"read", "task"}}};
    return 0;
}

static int free_all(void **state)
{
    (void)state;
    buffer_free(&answer.body);
    answerer_free(&answerer);
    return 0;
}

static void metrics_are_all_primitives_and_the_agent(void **state)
{
    (void)state;
    const char *text = ask("/metrics");
    assert_int_equal(answer.status, 200);
    assert_true(answer.is_scrape);
    assert_string_equal(answer.content_type, "text/plain; version=0.0.4; charset=utf-8");
    assert_non_null(strstr(text, "_count{primitive_name=\"read\",primitive_type=\"step\"} 7\n"));
    assert_non_null(strstr(text, "_count{primitive_name=\"a/b\",primitive_type=\"step\"} 7\n"));
    assert_non_null(strstr(text, "_count{primitive_name=\"read\",primitive_type=\"task\"} 7\n"));
    assert_non_null(strstr(text, "slipring_drains_total 5\n"));
}

static void objectives_are_read_of_those_that_have_any(void **state)
{
    (void)state;
    assert_null(strstr(ask("/metrics"), "objective="));
    assert_int_equal(segment.slo_reads, 0);
    segment.objectives = 1;
    const char *text = ask("/metrics");
    assert_int_equal(segment.slo_reads, 1);
    assert_non_null(strstr(text,
                           "primitive_slo_objective_no_data{primitive_name=\"read\",primitive_type=\"step\","
                           "objective=\"latency\"} 1\n"));
    assert_non_null(strstr(text, "slipring_slo_minimum_events 10\n"));
}

#define MINUTE_NS UINT64_C(60000000000)
#define LINE(name, type)                                                                                     \
    "primitive_requests_total{primitive_name=\"" name "\",primitive_type=\"" type                            \
    "\",service=\"shop\",status="

static void an_idle_primitive_leaves_metrics_stays_in_the_api_and_returns_with_its_totals(void **state)
{
    (void)state;
    struct exposure *exposed;
    struct options options = {.labels = {{.name = "service", .name_bytes = 7, .value = "shop"}},
                              .label_count = 1};
    for (int id = 0; id < 4; id++) {
        segment.last_ns[id] = NOW_NS - MINUTE_NS - 1;
    }
    segment.last_ns[2] = NOW_NS - MINUTE_NS; /* not longer than a minute */
    segment.active[3] = 1;                   /* in flight all the time */
    answerer.exposed = exposed = exposure_make(&options);
    assert_non_null(exposed);
    assert_non_null(strstr(ask("/metrics"), LINE("read", "step"))); /* never is the default */
    options.agent.idle_after_ns = MINUTE_NS;
    free(exposed);
    answerer.exposed = exposed = exposure_make(&options);
    assert_non_null(exposed);
    const char *text = ask("/metrics");
    assert_null(strstr(text, "primitive_name=\"read\",primitive_type=\"step\""));
    assert_non_null(strstr(text, LINE("a/b", "step")));
    assert_non_null(strstr(text, LINE("read", "task")));
    assert_non_null(strstr(text, "slipring_drains_total{service=\"shop\"} 5\n"));
    assert_non_null(strstr(ask_type("/api/v1/primitives/read", "step"), "\"idle_seconds\":60.000000001,"));
    assert_null(strstr(ask_type("/api/v1/primitives/read", "task"), "idle_seconds"));
    segment.last_ns[0] = NOW_NS - 1;
    assert_non_null(strstr(ask("/metrics"), LINE("read", "step") "\"success\"} 7\n"));
    assert_null(strstr(ask_type("/api/v1/primitives/read", "step"), "idle_seconds"));
    free(exposed);
    answerer.exposed = NULL;
}

static void usage_stands_with_its_primitive_by_resource_and_unit(void **state)
{
    (void)state;
    const char *text = ask("/metrics");
#define OF "{primitive_name=\"a/b\",primitive_type=\"step\",resource=\"openai/\\\"x\\\"\""
    assert_non_null(strstr(text, "primitive_usage_units_total" OF ",unit=\"input\"} 1000\n"));
    assert_non_null(strstr(text, "primitive_usage_units_total" OF ",unit=\"milliseconds\"} 5\n"));
    assert_non_null(strstr(text, "primitive_usage_cost_total" OF "} 0.002500001\n"));
    assert_non_null(strstr(text, "primitive_usage_savings_total" OF "} 0\n"));
    assert_non_null(strstr(text, "primitive_unpriced_total" OF "} 1\n"));
    assert_non_null(strstr(text, "primitive_unpriced_units" OF ",unit=\"milliseconds\"} 5\n"));
    assert_null(strstr(text, "unit=\"output\""));
    assert_non_null(strstr(ask("/api/v1/primitives/a/b"),
                           "\"usage\":[{\"resource\":\"openai/\\\"x\\\"\",\"usages\":3,\"unpriced\":1,"
                           "\"units\":{\"input\":1000,\"milliseconds\":5},"
                           "\"unpriced_units\":{\"milliseconds\":5},"
                           "\"cost\":0.002500001,\"savings\":0,\"lifetime_cost\":0.002500002,"
                           "\"lifetime_savings\":0}]"));
    text = ask("/api/v1/primitives");
    uint32_t lists = 0;
    for (const char *at = text; (at = strstr(at, "\"usage\":[")) != NULL; at++) {
        lists++;
    }
    assert_int_equal(lists, 2);
}

static void before_the_first_publishing_there_are_metrics_but_no_readiness(void **state)
{
    (void)state;
    segment = (struct sr_stats){.high = 0};
    assert_non_null(strstr(ask("/metrics"), "slipring_build_info"));
    assert_int_equal(answer.status, 200);
    assert_string_equal(ask("/-/ready"), "503: nothing was published yet\nTry again in a moment.\n");
    assert_int_equal(answer.status, 503);
    assert_string_equal(ask("/-/healthy"), "healthy\n");
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(ask("/api/v1/primitives"), "\"primitives\":[]}\n"));
}

static void it_is_ready_while_publishings_are_fresh(void **state)
{
    (void)state;
    segment.published_ns = NOW_NS - ANSWER_READY_NS;
    assert_string_equal(ask("/-/ready"), "ready\n");
    segment.published_ns = NOW_NS + 5; /* published since the clock was read */
    assert_string_equal(ask("/-/ready"), "ready\n");
    segment.published_ns = NOW_NS - ANSWER_READY_NS - 1;
    assert_non_null(strstr(ask("/-/ready"), "503: the last publishing is more than 3 s ago\n"));
    assert_int_equal(answer.status, 503);
}

static void the_list_has_every_primitive_and_the_agent(void **state)
{
    (void)state;
    const char *text = ask("/api/v1/primitives");
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.content_type, "application/json; charset=utf-8");
    assert_parses(text);
    assert_non_null(strstr(text, "\"store\":\"shop\",\"agent\":{\"pid\":17,\"alive\":true,"));
    assert_non_null(strstr(text, "\"primitives\":[{\"name\":\"read\",\"type\":\"step\","));
    assert_non_null(strstr(text, "},{\"name\":\"a/b\",\"type\":\"step\","));
    assert_non_null(strstr(text, "},{\"name\":\"read\",\"type\":\"task\","));
}

static void a_name_may_hold_a_slash(void **state)
{
    (void)state;
    const char *text = ask("/api/v1/primitives/a/b");
    assert_int_equal(answer.status, 200);
    assert_memory_equal(text, "{\"name\":\"a/b\",", 14);
    assert_parses(text);
}

static void two_types_of_one_name_need_the_type(void **state)
{
    (void)state;
    assert_string_equal(ask("/api/v1/primitives/read"),
                        "{\"error\":{\"status\":409,\"message\":\"several primitives have this name\","
                        "\"hint\":\"The types are 'step' 'task': add ?type=.\"}}\n");
    assert_int_equal(answer.status, 409);
    assert_memory_equal(ask_type("/api/v1/primitives/read", "task"), "{\"name\":\"read\",\"type\":\"task\"",
                        28);
    assert_int_equal(answer.status, 200);
}

static void an_unknown_name_or_type_is_404_in_json(void **state)
{
    (void)state;
    assert_parses(ask("/api/v1/primitives/nobody"));
    assert_int_equal(answer.status, 404);
    assert_string_equal(answer.content_type, "application/json; charset=utf-8");
    assert_non_null(
        strstr(answer.body.text, "{\"error\":{\"status\":404,\"message\":\"no primitive has this name\","));
    assert_non_null(
        strstr(ask_type("/api/v1/primitives/a/b", "task"), "\"no primitive has this name and type\""));
    ask("/api/v1/primitives/");
    assert_int_equal(answer.status, 404);
}

static void every_other_path_is_404_and_says_where_to_look(void **state)
{
    (void)state;
    static const char *const paths[] = {"", "/metrics/", "/metricsx", "//", "/-/", "/api", "*"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_string_equal(ask(paths[i]), "404: there is no such page\nGET / lists what there is.\n");
        assert_int_equal(answer.status, 404);
    }
    assert_parses(ask("/api/v2"));
    assert_int_equal(answer.status, 404);
}

static void the_root_lists_every_page(void **state)
{
    (void)state;
    const char *text = ask("/");
    assert_memory_equal(text, "slipringd ", 10);
    assert_non_null(strstr(text, ", store shop\n"));
#define SLIPRINGD_PAGE(page, help) assert_non_null(strstr(text, "\n" page " "));
#include "agent/pages.def"
#undef SLIPRINGD_PAGE
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(metrics_are_all_primitives_and_the_agent, fill),
        cmocka_unit_test_setup(objectives_are_read_of_those_that_have_any, fill),
        cmocka_unit_test_setup(an_idle_primitive_leaves_metrics_stays_in_the_api_and_returns_with_its_totals,
                               fill),
        cmocka_unit_test_setup(usage_stands_with_its_primitive_by_resource_and_unit, fill),
        cmocka_unit_test_setup(before_the_first_publishing_there_are_metrics_but_no_readiness, fill),
        cmocka_unit_test_setup(it_is_ready_while_publishings_are_fresh, fill),
        cmocka_unit_test_setup(the_list_has_every_primitive_and_the_agent, fill),
        cmocka_unit_test_setup(a_name_may_hold_a_slash, fill),
        cmocka_unit_test_setup(two_types_of_one_name_need_the_type, fill),
        cmocka_unit_test_setup(an_unknown_name_or_type_is_404_in_json, fill),
        cmocka_unit_test_setup(every_other_path_is_404_and_says_where_to_look, fill),
        cmocka_unit_test_setup(the_root_lists_every_page, fill),
    };
    return cmocka_run_group_tests(tests, NULL, free_all);
}
