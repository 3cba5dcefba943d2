/* SPDX-License-Identifier: Apache-2.0 */
/* A primitive and the agent as JSON: the whole text for figures made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "peer/json.h"

#define SECOND UINT64_C(1000000000)

static struct slipring_stats stats;
static struct slipring_stats_detail detail;
static const struct slipring_slo_stats *slo; /* NULL: nothing published */
static uint64_t idle_after_ns;
static struct json_object *made;

static int make_figures(void **state)
{
    (void)state;
    slo = NULL;
    idle_after_ns = 0;
    memset(&stats, 0, sizeof stats);
    memset(&detail, 0, sizeof detail);
    strcpy(detail.name, "a/b");
    strcpy(detail.type, "step");
    stats.published_ns = 100 * SECOND;
    detail.bound_count = 1;
    detail.bounds[0] = (struct slipring_bound_stats){.bound_ns = SECOND / 1000, .is_le = 1};
    detail.category_count = 1;
    strcpy(detail.categories[0].name, "default");
    return 0;
}

static void fill_figures(void)
{
    stats.present = SLIPRING_HAS_DURATION | SLIPRING_HAS_SLO | SLIPRING_HAS_SAVINGS_RATE;
    stats.count = 10;
    stats.failures = 1;
    stats.aborted = 2;
    stats.active = 3;
    stats.min_ns = 1;
    stats.max_ns = 90 * SECOND;
    stats.mean_ns = 1.5e9;
    stats.sum_ns[0] = 15 * SECOND;
    stats.lifetime = (struct slipring_window_stats){.n = 10,
                                                    .failures = 1,
                                                    .span_ns = 50 * SECOND,
                                                    .percentile_ns = {1e9, 2e9, 3e9, 4e9, 5e9},
                                                    .extra_ns = {6e9},
                                                    .relative_error = 0.0108301,
                                                    .per_second = 0.2,
                                                    .peak_per_second = 4,
                                                    .cost_nanodollars = 5 * SECOND / 2,
                                                    .savings_nanodollars = 3 * SECOND};
    stats.minute = (struct slipring_window_stats){.n = 4,
                                                  .span_ns = 50 * SECOND,
                                                  .percentile_ns = {1e8, 2e8, 3e8, 4e8, 5e8},
                                                  .extra_ns = {6e8},
                                                  .relative_error = 0.0108301,
                                                  .per_second = 0.08,
                                                  .peak_per_second = 2,
                                                  .cost_nanodollars = 1};
    detail.extra_count = 1;
    detail.extra_ppm[0] = 999900;
    detail.window_count = 2;
    detail.windows[0] = (struct slipring_window_stats){.window_ns = 10 * SECOND, .span_ns = 10 * SECOND};
    detail.windows[1] = (struct slipring_window_stats){.window_ns = 60 * SECOND};
    stats.requests_per_second = 0.08;
    stats.slo_compliance = 0.75;
    stats.budget_remaining = -24;
    stats.budget_remaining_clamped = 0;
    stats.cost_nanodollars = 2 * SECOND; /* since a reboot, and so not of the lifetime */
    stats.savings_rate = 0.5454545454545454;
    stats.spilled = 5;
    stats.minute.spilled = 1;
    stats.clamped = 6;
    detail.objective_count = 2;
    detail.objectives[0] = (struct slipring_objective_stats){.name = "fast",
                                                             .kind = SLIPRING_LATENCY,
                                                             .target_ppb = 990000000,
                                                             .threshold_ns = SECOND / 4,
                                                             .period_s = 2592000,
                                                             .span_ns = 90 * SECOND,
                                                             .since_ns = 10 * SECOND,
                                                             .good = 9,
                                                             .total = 12,
                                                             .compliance = 0.75,
                                                             .budget_remaining = -24,
                                                             .burn_rate = 25,
                                                             .exact_since_ns = 60 * SECOND};
    detail.objectives[1] = (struct slipring_objective_stats){.name = "up",
                                                             .kind = SLIPRING_AVAILABILITY,
                                                             .target_ppb = 500000000,
                                                             .period_s = SLIPRING_PERIOD_MONTH,
                                                             .span_ns = 90 * SECOND,
                                                             .good = 9,
                                                             .total = 12,
                                                             .allowed_bad = 6,
                                                             .compliance = 0.75,
                                                             .budget_remaining = 0.5,
                                                             .burn_rate = 0.5};
    detail.bound_count = 2;
    detail.bounds[1] =
        (struct slipring_bound_stats){.bound_ns = SECOND / 4, .count = 9, .exact_since_ns = 60 * SECOND};
    detail.category_count = 2;
    strcpy(detail.categories[1].name, "tokens");
    detail.categories[1].lifetime_cost_nanodollars = 5 * SECOND / 2;
    detail.categories[1].lifetime_savings_nanodollars = 3 * SECOND;
}

static const char *make(void)
{
    json_object_put(made);
    made = sr_json_primitive(&stats, &detail, slo, 100 * SECOND + SECOND / 20, idle_after_ns);
    assert_non_null(made);
    return json_object_to_json_string_ext(made, SR_JSON_FLAGS);
}

static void a_primitive_with_everything_is_this_text(void **state)
{
    (void)state;
    fill_figures();
    assert_string_equal(
        make(),
        "{\"name\":\"a/b\",\"type\":\"step\",\"age_seconds\":0.05,"
        "\"percentiles\":{\"window\":\"1m\",\"n\":4,\"relative_error\":0.0108301,"
        "\"p50\":0.1,\"p90\":0.2,\"p95\":0.3,\"p99\":0.4,\"p99.9\":0.5,\"p99.99\":0.6,\"spilled_ratio\":0.25}"
        ","
        "\"slo\":{\"window\":\"period\",\"slo_compliance\":0.75,\"error_budget_remaining\":0,"
        "\"error_budget_balance\":-24,\"availability\":0.75,\"total_requests\":12,\"successful_requests\":9,"
        "\"latency_compliance\":0.75,\"latency_violations\":3,\"objectives\":["
        "{\"name\":\"fast\",\"kind\":\"latency\",\"target\":0.99,\"threshold_seconds\":0.25,\"period\":"
        "\"30d\","
        "\"period_seconds\":2592000,\"source\":\"api\",\"span_seconds\":90,\"good\":9,\"total\":12,\"allowed_"
        "bad\":0,"
        "\"compliance\":0.75,\"error_budget_remaining\":0,\"error_budget_"
        "balance\":-24,"
        "\"burn_rate\":25,\"exact_for_seconds\":40,\"counted_for_seconds\":90},"
        "{\"name\":\"up\",\"kind\":\"availability\",\"target\":0.5,\"period\":\"month\",\"source\":\"api\","
        "\"span_seconds\":90,"
        "\"good\":9,\"total\":12,\"allowed_bad\":6,"
        "\"compliance\":0.75,\"error_budget_remaining\":0.5,\"error_budget_balance\":0.5,\"burn_"
        "rate\":0.5}]},"
        "\"throughput\":{\"window\":\"1m\",\"requests_per_second\":0.08,\"spilled_ratio\":0.25,"
        "\"active_requests\":3,"
        "\"total_requests\":12},"
        "\"cost\":{\"window\":\"lifetime\",\"total_cost\":2.5,\"total_savings\":3,\"net_cost\":-0.5,"
        "\"savings_rate\":0.5454545454545454,\"cost_breakdown\":{\"default\":0,\"tokens\":2.5},"
        "\"savings_breakdown\":{\"default\":0,\"tokens\":3}},"
        "\"counts\":{\"executions\":10,\"success\":9,\"failure\":1,\"aborted\":2,\"spilled\":5,"
        "\"clamped\":6},"
        "\"duration_seconds\":{\"sum\":15,\"min\":0.000000001,\"max\":90,\"mean\":1.5},"
        "\"windows\":{\"lifetime\":{\"n\":10,\"relative_error\":0.0108301,\"p50\":1,\"p90\":2,"
        "\"p95\":3,\"p99\":4,"
        "\"p99.9\":5,\"p99.99\":6,\"failures\":1,\"span_seconds\":50,\"per_second\":0.2,"
        "\"peak_per_second\":4,\"cost\":2.5,\"savings\":3,\"cost_per_request\":0.25},"
        "\"10s\":{\"n\":0,\"failures\":0,\"span_seconds\":10,\"per_second\":0,\"peak_per_second\":0,"
        "\"cost\":0,\"savings\":0,\"cost_per_hour\":0},"
        "\"1m\":{\"n\":4,\"relative_error\":0.0108301,\"p50\":0.1,\"p90\":0.2,\"p95\":0.3,\"p99\":0."
        "4,\"p99.9\":0.5,\"p99.99\":0.6,\"spilled_ratio\":0.25,"
        "\"failures\":0,\"span_seconds\":50,\"per_second\":0.08,\"peak_per_second\":2,\"cost\":0.000000001,"
        "\"savings\":0,\"cost_per_request\":2.5e-10,\"cost_per_hour\":7.2e-08}},"
        "\"bounds\":[{\"seconds\":0.001,\"count\":0,\"le\":true},"
        "{\"seconds\":0.25,\"count\":9,\"le\":false,\"exact_for_seconds\":40}]}");
}

static void an_idle_primitive_says_so_where_metrics_leave_it_out(void **state)
{
    (void)state;
    stats.last_ns = 90 * SECOND;
    assert_null(strstr(make(), "idle"));
    idle_after_ns = 10 * SECOND;
    assert_non_null(strstr(make(), "\"age_seconds\":0.05,\"idle_seconds\":10.05,"));
    idle_after_ns = 11 * SECOND;
    assert_null(strstr(make(), "idle"));
    idle_after_ns = 10 * SECOND;
    stats.active = 1;
    assert_null(strstr(make(), "idle"));
    stats.active = 0;
    stats.last_ns = 101 * SECOND; /* later than the look */
    assert_null(strstr(make(), "idle"));
}

static void an_idle_primitive_has_counts_of_0_and_no_percentiles(void **state)
{
    (void)state;
    assert_string_equal(
        make(), "{\"name\":\"a/"
                "b\",\"type\":\"step\",\"age_seconds\":0.05,\"percentiles\":{\"window\":\"1m\",\"n\":0},"
                "\"throughput\":{\"window\":\"1m\",\"requests_per_second\":0,\"active_requests\":0,"
                "\"total_requests\":0},"
                "\"cost\":{\"window\":\"lifetime\",\"total_cost\":0,\"total_savings\":0,\"net_cost\":0,"
                "\"cost_breakdown\":{\"default\":0},\"savings_breakdown\":{\"default\":0}},"
                "\"counts\":{\"executions\":0,\"success\":0,\"failure\":0,\"aborted\":0,\"spilled\":0,"
                "\"clamped\":0},\"duration_seconds\":{\"sum\":0},"
                "\"windows\":{\"lifetime\":{\"n\":0,\"failures\":0,\"span_seconds\":0,\"per_second\":0,"
                "\"peak_per_second\":0,\"cost\":0,\"savings\":0},"
                "\"1m\":{\"n\":0,\"failures\":0,\"span_seconds\":0,\"per_second\":0,\"peak_per_second\":0,"
                "\"cost\":0,\"savings\":0,\"cost_per_hour\":0}},"
                "\"bounds\":[{\"seconds\":0.001,\"count\":0,\"le\":true}]}");
}

static void objectives_without_events_are_listed_without_ratios(void **state)
{
    (void)state;
    detail.objective_count = 1;
    detail.objectives[0] = (struct slipring_objective_stats){
        .name = "up", .kind = SLIPRING_AVAILABILITY, .target_ppb = 999000000, .period_s = 3600};
    assert_non_null(strstr(
        make(),
        "\"slo\":{\"window\":\"period\",\"objectives\":[{\"name\":\"up\",\"kind\":\"availability\","
        "\"target\":0.999,\"period\":\"1h\",\"period_seconds\":3600,\"source\":\"api\",\"span_seconds\":0,"
        "\"good\":0,\"total\":0}]}"));
}

static void an_objective_has_the_windows_and_pairs_that_its_period_reaches(void **state)
{
    (void)state;
    fill_figures();
    struct slipring_slo_stats made_slo = {.objective_count = 1};
    made_slo.objectives[0] = (struct slipring_slo_objective){
        .present = SLIPRING_SLO_HAS_EXHAUSTION,
        .exhaustion_s = 90000.5,
        .windows = {{.window_s = 300, .span_ns = 300 * SECOND},
                    {.window_s = 0},
                    {.window_s = 3600, .span_ns = 60 * SECOND, .good = 9, .total = 10, .burn_rate = 10}},
        .alerts = {{.long_s = 3600,
                    .short_s = 300,
                    .share_ppm = 20000,
                    .state = SLIPRING_ALERT_FIRING,
                    .factor = 14.4,
                    .since_wall_ns = 7 * SECOND},
                   {.long_s = 21600, .short_s = 1800, .share_ppm = 50000, .state = 77, .factor = 6}}};
    slo = &made_slo;
    const char *text = make();
    assert_non_null(strstr(
        text,
        "\"counted_for_seconds\":90,\"no_data\":false,\"exhaustion_seconds\":90000.5,"
        "\"windows\":{\"5m\":{\"span_seconds\":300,\"good\":0,\"total\":0},"
        "\"1h\":{\"span_seconds\":60,\"good\":9,\"total\":10,\"burn_rate\":10}},"
        "\"alerts\":[{\"long\":\"1h\",\"short\":\"5m\",\"share\":0.02,\"factor\":14.4,\"state\":\"firing\","
        "\"since_unix_seconds\":7},"
        "{\"long\":\"6h\",\"short\":\"30m\",\"share\":0.05,\"factor\":6,\"state\":\"impossible\"}]}"));
    assert_null(strstr(strstr(text, "\"name\":\"up\""), "\"alerts\"")); /* of which nothing was published */
}

static void a_money_budget_is_told_in_dollars_and_has_no_event(void **state)
{
    (void)state;
    detail.objective_count = 1;
    detail.objectives[0] = (struct slipring_objective_stats){.name = "budget",
                                                             .kind = SLIPRING_SPEND,
                                                             .period_s = SLIPRING_PERIOD_MONTH,
                                                             .span_ns = 90 * SECOND,
                                                             .total = 25 * SECOND + 1,
                                                             .budget_remaining = -0.25,
                                                             .burn_rate = 1.25,
                                                             .amount_nanodollars = 20 * SECOND,
                                                             .source = SLIPRING_SOURCE_FILE};
    struct slipring_slo_stats made_slo = {.objective_count = 1};
    made_slo.objectives[0] = (struct slipring_slo_objective){
        .present = SLIPRING_SLO_HAS_EXHAUSTION | SLIPRING_SLO_IS_SPEND,
        .windows = {{.window_s = 300, .span_ns = 60 * SECOND, .total = 7, .burn_rate = 0.5},
                    {.window_s = 3600, .span_ns = 60 * SECOND}},
        .alerts = {{.long_s = 3600,
                    .short_s = 300,
                    .share_ppm = 20000,
                    .state = SLIPRING_ALERT_QUIET,
                    .factor = 15}}};
    slo = &made_slo;
    assert_non_null(strstr(
        make(),
        "\"slo\":{\"window\":\"period\",\"objectives\":[{\"name\":\"budget\",\"kind\":\"spend\","
        "\"period\":\"month\",\"source\":\"file\",\"span_seconds\":90,\"amount\":20,\"spent\":25.000000001,"
        "\"cost_budget_remaining\":0,\"cost_budget_balance\":-0.25,\"burn_rate\":1.25,"
        "\"exhaustion_seconds\":0,"
        "\"windows\":{\"5m\":{\"span_seconds\":60,\"spent\":0.000000007,\"burn_rate\":0.5},"
        "\"1h\":{\"span_seconds\":60,\"spent\":0,\"burn_rate\":0}},"
        "\"alerts\":[{\"long\":\"1h\",\"short\":\"5m\",\"share\":0.02,\"factor\":15,\"state\":"
        "\"quiet\"}]}]}"));
}

static void a_sum_that_stands_still_says_so(void **state)
{
    (void)state;
    stats.lifetime.cost_nanodollars = UINT64_MAX;
    assert_non_null(strstr(make(), "\"total_cost\":18446744073.709551615,\"total_savings\":0,"
                                   "\"net_cost\":18446744073.709551615,\"saturated\":true,"));
    stats.lifetime.cost_nanodollars--;
    assert_null(strstr(make(), "saturated"));
}

static void of_several_latency_objectives_the_worst_one_is_shown(void **state)
{
    (void)state;
    detail.objective_count = 3;
    for (unsigned i = 0; i < 3; i++) {
        detail.objectives[i] = (struct slipring_objective_stats){
            .kind = SLIPRING_LATENCY, .target_ppb = 900000000, .period_s = 3600, .total = 10};
    }
    detail.objectives[0].good = 8;
    detail.objectives[0].compliance = 0.8;
    detail.objectives[1].good = 5;
    detail.objectives[1].compliance = 0.5;
    detail.objectives[2].good = 9;
    detail.objectives[2].compliance = 0.9;
    assert_non_null(strstr(make(), "\"latency_compliance\":0.5,\"latency_violations\":5,"));
}

static void impossible_figures_still_make_valid_json(void **state)
{
    (void)state;
    memset(&stats, 0xff, sizeof stats);
    memset(&detail, 0xff, sizeof detail);
    detail.name[sizeof detail.name - 1] = '\0';
    detail.type[sizeof detail.type - 1] = '\0';
    for (unsigned i = 0; i < SLIPRING_CATEGORY_COUNT; i++) {
        detail.categories[i].name[31] = '\0';
    }
    for (unsigned i = 0; i < SLIPRING_OBJECTIVE_COUNT; i++) {
        detail.objectives[i].name[31] = '\0';
    }
    stats.minute.percentile_ns[0] = INFINITY;
    struct slipring_slo_stats wild;
    memset(&wild, 0xff, sizeof wild);
    slo = &wild;
    const char *text = make();
    assert_null(strstr(text, "nan"));
    assert_null(strstr(text, "NaN"));
    assert_null(strstr(text, "nfinity"));
    enum json_tokener_error error;
    struct json_object *parsed = json_tokener_parse_verbose(text, &error);
    assert_int_equal(error, json_tokener_success);
    json_object_put(parsed);
}

static void bytes_that_are_no_utf8_or_would_end_a_string_are_made_harmless(void **state)
{
    (void)state;
    strcpy(detail.name, "\xff\"\\\n\x1b");
    assert_non_null(strstr(make(), "{\"name\":\"\xef\xbf\xbd\\\"\\\\\\n\\u001b\",\"type\""));
}

static void the_agent_says_who_it_is_and_how_old_its_figures_are(void **state)
{
    (void)state;
    struct sr_stats_agent agent = {.pid = 17,
                                   .started_wall_ns = SECOND,
                                   .published_ns = 90 * SECOND,
                                   .alive = true,
                                   .listen = "127.0.0.1:9464"};
    struct sr_agent_figures figures = {.samples_drained = UINT64_MAX};
    made = sr_json_agent(&agent, &figures, 100 * SECOND);
    assert_non_null(made);
    const char *text = json_object_to_json_string_ext(made, SR_JSON_FLAGS);
    static const char head[] =
        "{\"pid\":17,\"alive\":true,\"listen\":\"127.0.0.1:9464\",\"started_unix_seconds\":1,"
        "\"age_seconds\":10,\"figures\":{\"started_wall_ns\":0,";
    assert_memory_equal(text, head, sizeof head - 1);
    assert_non_null(strstr(text, "\"samples_drained\":18446744073709551615,"));
    json_object_put(made);

    made = sr_json_agent(&(struct sr_stats_agent){.pid = 0}, NULL, 100 * SECOND);
    assert_string_equal(json_object_to_json_string_ext(made, SR_JSON_FLAGS),
                        "{\"pid\":0,\"alive\":false,\"listen\":\"\",\"started_unix_seconds\":0}");
}

static int put_made(void **state)
{
    (void)state;
    json_object_put(made);
    made = NULL;
    return 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_figures, put_made)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_primitive_with_everything_is_this_text),
        CASE(an_idle_primitive_says_so_where_metrics_leave_it_out),
        CASE(an_idle_primitive_has_counts_of_0_and_no_percentiles),
        CASE(objectives_without_events_are_listed_without_ratios),
        CASE(an_objective_has_the_windows_and_pairs_that_its_period_reaches),
        CASE(a_money_budget_is_told_in_dollars_and_has_no_event),
        CASE(a_sum_that_stands_still_says_so),
        CASE(of_several_latency_objectives_the_worst_one_is_shown),
        CASE(impossible_figures_still_make_valid_json),
        CASE(bytes_that_are_no_utf8_or_would_end_a_string_are_made_harmless),
        CASE(the_agent_says_who_it_is_and_how_old_its_figures_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
