/* SPDX-License-Identifier: Apache-2.0 */
/* The Prometheus text, line by line, from figures made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <slipring/version.h>

#include "agent/exposition/exposition.h"
#include "pure/number.h"
#include "support/figures_fill.h"

static struct exposition exposition;
static struct buffer text;
static struct slipring_stats stats;
static struct slipring_stats_detail detail;
static struct slipring_slo_stats slo;

/* A primitive with one of everything. */
static int make_figures(void **state)
{
    (void)state;
    figures_fill(&stats, &detail, &slo);
    buffer_clear(&text);
    exposition_begin(&exposition, EXPOSITION_TEXT);
    return 0;
}

static void add_primitive(const struct slipring_slo_stats *objectives)
{
    const struct exposition_figures figures = {.stats = &stats, .detail = &detail, .slo = objectives};
    exposition_primitive(&exposition, &figures);
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

static const char *render(void)
{
    add_primitive(&slo);
    assert_true(finish(&text));
    buffer_add(&text, "", 1);
    assert_false(text.failed);
    return text.text;
}

/* The text has this line, whole. */
static bool has_line(const char *line)
{
    size_t length = strlen(line);
    for (const char *at = text.text; at != NULL; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, line, length) == 0 && at[length] == '\n') {
            return true;
        }
    }
    return false;
}

#define LABELS "primitive_name=\"archive_file\",primitive_type=\"workflow\""

static void a_primitive_has_every_family_of_the_table(void **state)
{
    (void)state;
    static const char expected[] = "# HELP primitive_duration_seconds Durations of the executions, failed "
                                   "ones too; every bucket is counted "
                                   "exactly\n"
                                   "# TYPE primitive_duration_seconds histogram\n"
                                   "primitive_duration_seconds_bucket{" LABELS ",le=\"0.001\"} 10\n"
                                   "primitive_duration_seconds_bucket{" LABELS ",le=\"1.0\"} 99\n"
                                   "primitive_duration_seconds_bucket{" LABELS ",le=\"+Inf\"} 100\n"
                                   "primitive_duration_seconds_sum{" LABELS "} 12.3456789\n"
                                   "primitive_duration_seconds_count{" LABELS "} 100\n"
                                   "# HELP primitive_requests_total Executions by outcome: success, failure, "
                                   "or aborted (in flight when their "
                                   "process died)\n"
                                   "# TYPE primitive_requests_total counter\n"
                                   "primitive_requests_total{" LABELS ",status=\"success\"} 97\n"
                                   "primitive_requests_total{" LABELS ",status=\"failure\"} 3\n"
                                   "primitive_requests_total{" LABELS ",status=\"aborted\"} 2\n";
    render();
    assert_int_equal(strncmp(text.text, expected, sizeof expected - 1), 0);
    assert_true(has_line("primitive_active_requests{" LABELS "} 4"));
    assert_true(has_line("primitive_requests_per_second{" LABELS "} 1.6666666666666667"));
    assert_true(has_line("primitive_slo_compliance{" LABELS "} 0.95"));
    assert_true(has_line("# TYPE primitive_duration_quantile_seconds summary"));
    assert_true(has_line("primitive_error_budget_remaining{" LABELS "} 0"));
    assert_true(has_line("primitive_error_budget_balance{" LABELS "} -4"));
    assert_true(has_line("primitive_spilled_total{" LABELS "} 7"));
    assert_true(has_line("primitive_window_spilled_ratio{" LABELS "} 0.25"));
    assert_true(has_line("primitive_clamped_total{" LABELS "} 1"));
    assert_true(has_line("slipring_build_info{version=\"" SLIPRING_VERSION "\"} 1"));
}

static void an_idle_window_has_no_share_of_spilled(void **state)
{
    (void)state;
    stats.minute.n = 0;
    stats.minute.spilled = 0;
    render();
    assert_null(strstr(text.text, "primitive_window_spilled_ratio"));
    assert_true(has_line("primitive_spilled_total{" LABELS "} 7"));
}

static void each_window_says_what_it_is_of(void **state)
{
    (void)state;
    render();
    assert_true(has_line("primitive_window_requests{" LABELS ",window=\"10s\"} 0"));
    assert_true(has_line("primitive_window_requests{" LABELS ",window=\"1m\"} 12"));
    assert_true(has_line("primitive_window_requests{" LABELS ",window=\"lifetime\"} 100"));
    assert_true(has_line("primitive_window_span_seconds{" LABELS ",window=\"10s\"} 9.5"));
    assert_true(has_line("primitive_window_span_seconds{" LABELS ",window=\"lifetime\"} 90061.000000001"));
    assert_true(has_line("primitive_request_rate{" LABELS ",window=\"10s\"} 0"));
    assert_true(has_line("primitive_request_rate{" LABELS ",window=\"1m\"} 0.20512820512820512"));
    assert_true(has_line("primitive_request_rate_peak{" LABELS ",window=\"10s\"} 0"));
    assert_true(has_line("primitive_request_rate_peak{" LABELS ",window=\"1m\"} 4.5"));
    assert_null(strstr(text.text, "rate{" LABELS ",window=\"lifetime\"}"));
}

#define QUANTILE(quantile, window)                                                                           \
    "primitive_duration_quantile_seconds{" LABELS ",quantile=\"" quantile "\",window=\"" window "\"} "

static void percentiles_are_seconds_of_a_window_that_has_any(void **state)
{
    (void)state;
    render();
    assert_true(has_line(QUANTILE("0.5", "1m") "0.25"));
    assert_true(has_line(QUANTILE("0.9", "1m") "1"));
    assert_true(has_line(QUANTILE("0.95", "1m") "1.5e-09"));
    assert_true(has_line(QUANTILE("0.99", "1m") "3e-18"));
    assert_true(has_line(QUANTILE("0.999", "lifetime") "1.2345678e-05"));
    assert_true(has_line(QUANTILE("0.75", "lifetime") "0.000123"));
    assert_true(has_line(QUANTILE("0.9999", "1m") "7"));
    assert_null(strstr(text.text, "\",window=\"10s\"} 0.25"));
    assert_null(strstr(text.text, ",quantile=\"0.5\",window=\"10s\"}"));
    assert_true(has_line("slipring_quantile_relative_error_ratio 0.0108301"));
}

static void windows_and_percentiles_may_change_between_two_scrapes(void **state)
{
    render();
    make_figures(state);
    detail.windows[1].window_ns = UINT64_C(5400000000000);
    render();
    assert_true(has_line(QUANTILE("0.9999", "1h30m") "7"));
    make_figures(state);
    detail.windows[1].window_ns = UINT64_C(5400000000000);
    detail.extra_ppm[1] = 999999;
    render();
    assert_true(has_line(QUANTILE("0.999999", "1h30m") "7"));
    assert_true(has_line(QUANTILE("0.999999", "lifetime") "7"));
    assert_null(strstr(text.text, "window=\"1m\""));
    assert_null(strstr(text.text, "0.9999\""));
}

/* Many more durations than the cache has places, each right. */
static void percentiles_are_right_however_many_there_are(void **state)
{
    (void)state;
    for (unsigned i = 1; i < 5000; i++) {
        exposition_begin(&exposition, EXPOSITION_TEXT);
        buffer_clear(&text);
        stats.lifetime.percentile_ns[SLIPRING_P50] = (double)(i % 2500) * 1e6;
        render();
        char line[256], number[SR_NUMBER_TEXT_BYTES];
        (void)sr_number_format((double)(i % 2500) * 1e6 / 1e9, number);
        (void)snprintf(line, sizeof line, QUANTILE("0.5", "lifetime") "%s", number);
        assert_true(has_line(line));
    }
}

#define OBJECTIVE(name, objective, more)                                                                     \
    "primitive_slo_objective_" name "{" LABELS ",objective=\"" objective "\"" more "} "

static void an_objective_says_what_it_asks_for_and_what_is_left(void **state)
{
    (void)state;
    render();
    assert_true(has_line(OBJECTIVE("target_ratio", "latency", "") "0.99"));
    assert_true(has_line(OBJECTIVE("threshold_seconds", "latency", "") "0.25"));
    assert_true(has_line(OBJECTIVE("period_seconds", "latency", "") "2592000"));
    assert_true(has_line(OBJECTIVE("good", "latency", ",window=\"period\"") "950"));
    assert_true(has_line(OBJECTIVE("events", "latency", ",window=\"period\"") "1000"));
    assert_true(has_line(OBJECTIVE("compliance", "latency", ",window=\"period\"") "0.95"));
    assert_true(has_line(OBJECTIVE("burn_rate", "latency", ",window=\"period\"") "5"));
    assert_true(has_line(OBJECTIVE("coverage_ratio", "latency", ",window=\"period\"") "0.5"));
    assert_true(has_line(OBJECTIVE("budget_remaining", "latency", "") "0"));
    assert_true(has_line(OBJECTIVE("budget_balance", "latency", "") "-4"));
    assert_true(has_line(OBJECTIVE("exhaustion_seconds", "latency", "") "86400.5"));
    assert_true(has_line(OBJECTIVE("no_data", "latency", "") "0"));
    assert_true(has_line("slipring_slo_minimum_events 10"));
}

static void an_objective_without_events_has_counts_and_no_ratio(void **state)
{
    (void)state;
    render();
    assert_true(has_line(OBJECTIVE("target_ratio", "works", "") "0.999999999"));
    assert_true(has_line(OBJECTIVE("good", "works", ",window=\"period\"") "0"));
    assert_true(has_line(OBJECTIVE("events", "works", ",window=\"period\"") "0"));
    assert_true(has_line(OBJECTIVE("no_data", "works", "") "1"));
    static const char *const absent[] = {"threshold_seconds", "period_seconds",     "compliance",
                                         "burn_rate",         "coverage_ratio",     "budget_remaining",
                                         "budget_balance",    "exhaustion_seconds", "alert"};
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        char line[256];
        (void)snprintf(line, sizeof line, "primitive_slo_objective_%s{" LABELS ",objective=\"works\"",
                       absent[i]);
        assert_null(strstr(text.text, line));
    }
}

static void the_windows_of_alerts_are_those_that_the_period_reaches(void **state)
{
    (void)state;
    render();
    assert_true(has_line(OBJECTIVE("good", "latency", ",window=\"5m\"") "1"));
    assert_true(has_line(OBJECTIVE("events", "latency", ",window=\"5m\"") "4"));
    assert_true(has_line(OBJECTIVE("compliance", "latency", ",window=\"5m\"") "0.25"));
    assert_true(has_line(OBJECTIVE("burn_rate", "latency", ",window=\"5m\"") "75"));
    assert_true(has_line(OBJECTIVE("coverage_ratio", "latency", ",window=\"5m\"") "1"));
    assert_true(has_line(OBJECTIVE("events", "latency", ",window=\"1h\"") "0"));
    assert_true(has_line(OBJECTIVE("coverage_ratio", "latency", ",window=\"1h\"") "0.25"));
    slo.objectives[0].windows[2].span_ns = UINT64_C(12345678901);
    buffer_clear(&text);
    exposition_begin(&exposition, EXPOSITION_TEXT);
    render();
    assert_true(has_line(OBJECTIVE("coverage_ratio", "latency", ",window=\"1h\"") "0.003429"));
    assert_null(strstr(text.text, "burn_rate{" LABELS ",objective=\"latency\",window=\"1h\""));
    assert_null(strstr(text.text, "compliance{" LABELS ",objective=\"latency\",window=\"1h\""));
    assert_null(strstr(text.text, "window=\"30m\""));
    assert_null(strstr(text.text, "window=\"0s\""));
}

static void an_alert_fires_is_quiet_or_says_what_blocks_it(void **state)
{
    (void)state;
    render();
    assert_true(has_line(OBJECTIVE("alert", "latency", ",long=\"1h\",short=\"5m\"") "1"));
    assert_true(has_line(OBJECTIVE("alert", "latency", ",long=\"6h\",short=\"30m\"") "0"));
    assert_null(strstr(text.text, "alert{" LABELS ",objective=\"latency\",long=\"1d\""));
    assert_true(has_line(OBJECTIVE("alert", "latency", ",long=\"3d\",short=\"6h\"") "0"));
    assert_true(has_line(OBJECTIVE("alert_factor", "latency", ",long=\"1h\",short=\"5m\"") "14.4"));
    assert_true(has_line(
        OBJECTIVE("alert_blocked", "latency", ",long=\"6h\",short=\"30m\",reason=\"min_events\"") "1"));
    assert_true(has_line(
        OBJECTIVE("alert_blocked", "latency", ",long=\"1d\",short=\"2h\",reason=\"cannot_fire\"") "1"));
    assert_true(
        has_line(OBJECTIVE("alert_blocked", "works", ",long=\"1h\",short=\"5m\",reason=\"no_data\"") "1"));
    assert_null(strstr(text.text, "alert_blocked{" LABELS ",objective=\"latency\",long=\"1h\""));
    assert_null(strstr(text.text, "alert_blocked{" LABELS ",objective=\"latency\",long=\"3d\""));
}

#define COMMON "service=\"a\\\"b\",environment=\"prod\""

/* How many samples there are, all of which have the common labels. */
static int count_labelled(void)
{
    int count = 0;
    for (const char *line = text.text; *line != '\0'; line = strchr(line, '\n') + 1) {
        if (*line != '#') {
            const char *labels = strstr(line, COMMON);
            assert_non_null(labels);
            assert_true(labels < strchr(line, '\n') && (labels[-1] == '{' || labels[-1] == ','));
            count++;
        }
    }
    return count;
}

static int count_samples(void)
{
    int count = 0;
    for (const char *line = text.text; *line != '\0'; line = strchr(line, '\n') + 1) {
        count += *line != '#';
    }
    return count;
}

static void every_line_has_the_labels_of_the_configuration(void **state)
{
    const struct sr_agent_figures figures = {.drains = 5};
    const struct slipring_usage_stats usage = {.resource = "a/b", .units = {7}, .unpriced_units = {3}};
    exposition_agent(&exposition, &figures);
    add_primitive(&slo);
    exposition_usage(&exposition, &usage);
    render();
    const int samples = count_samples();
    make_figures(state);
    exposition.common = "," COMMON;
    exposition.common_bytes = strlen("," COMMON);
    exposition_agent(&exposition, &figures);
    add_primitive(&slo);
    exposition_usage(&exposition, &usage);
    render();
    assert_int_equal(count_labelled(), samples);
    assert_true(has_line("primitive_requests_total{" LABELS "," COMMON ",status=\"failure\"} 3"));
    assert_true(has_line("slipring_drains_total{" COMMON "} 5"));
    assert_true(has_line("slipring_slo_minimum_events{" COMMON "} 10"));
    assert_true(has_line("slipring_build_info{" COMMON ",version=\"" SLIPRING_VERSION "\"} 1"));
    exposition.common_bytes = 0;
}

static void who_wants_few_has_two_windows_the_lifetime_and_burn_rates(void **state)
{
    exposition.exposes_few = true;
    detail.window_count = 3;
    detail.windows[2] = detail.windows[1];
    detail.windows[2].window_ns = UINT64_C(3600000000000);
    render();
    assert_true(has_line(QUANTILE("0.5", "1m") "0.25"));
    assert_true(has_line(QUANTILE("0.5", "1h") "0.25"));
    assert_true(has_line(QUANTILE("0.5", "lifetime") "0.25"));
    assert_null(strstr(text.text, "window=\"10s\""));
    assert_true(has_line(OBJECTIVE("burn_rate", "latency", ",window=\"5m\"") "75"));
    assert_true(has_line(OBJECTIVE("good", "latency", ",window=\"period\"") "950"));
    assert_true(has_line(OBJECTIVE("coverage_ratio", "latency", ",window=\"period\"") "0.5"));
    assert_true(has_line(OBJECTIVE("alert", "latency", ",long=\"1h\",short=\"5m\"") "1"));
    static const char *const left_out[] = {"good", "events", "compliance", "coverage_ratio"};
    for (size_t i = 0; i < sizeof left_out / sizeof left_out[0]; i++) {
        char line[256];
        (void)snprintf(line, sizeof line,
                       "primitive_slo_objective_%s{" LABELS ",objective=\"latency\",window=\"5m\"}",
                       left_out[i]);
        assert_null(strstr(text.text, line));
    }
    exposition.exposes_few = false;
    make_figures(state);
}

/* The two places are written one after the other: for a moment an objective has figures and no windows yet. */
static void an_objective_whose_windows_are_not_published_yet_has_its_period(void **state)
{
    (void)state;
    slo.objective_count = 1;
    render();
    assert_true(has_line(OBJECTIVE("events", "works", ",window=\"period\"") "0"));
    assert_null(strstr(text.text, OBJECTIVE("no_data", "works", "")));
    buffer_clear(&text);
    exposition_begin(&exposition, EXPOSITION_TEXT);
    add_primitive(NULL);
    assert_true(finish(&text));
    buffer_add(&text, "", 1);
    assert_true(has_line(OBJECTIVE("events", "latency", ",window=\"period\"") "1000"));
    assert_null(strstr(text.text, "primitive_slo_objective_no_data"));
    assert_null(strstr(text.text, "slipring_slo_minimum_events"));
}

static void dollars_are_exact_decimals(void **state)
{
    (void)state;
    render();
    assert_true(has_line("primitive_cost_total{" LABELS ",category=\"default\"} 0"));
    assert_true(has_line("primitive_cost_total{" LABELS ",category=\"tokens\"} 0.002000001"));
    assert_true(
        has_line("primitive_cost_savings_total{" LABELS ",category=\"tokens\"} 18446744073.709551615"));
}

#define BUDGET(name, more) "primitive_cost_budget_" name "{" LABELS ",objective=\"budget\"" more "} "

static void a_money_budget_is_told_in_dollars(void **state)
{
    (void)state;
    render();
    assert_true(has_line(BUDGET("dollars", "") "20"));
    assert_true(has_line(BUDGET("period_seconds", "") "2592000"));
    assert_true(has_line(BUDGET("spent_dollars", ",window=\"period\"") "25.000000001"));
    assert_true(has_line(BUDGET("spent_dollars", ",window=\"5m\"") "0.000000001"));
    assert_true(has_line(BUDGET("spent_dollars", ",window=\"1h\"") "0"));
    assert_true(has_line(BUDGET("coverage_ratio", ",window=\"period\"") "0.5"));
    assert_true(has_line(BUDGET("coverage_ratio", ",window=\"5m\"") "0.5"));
    assert_true(has_line(BUDGET("burn_rate", ",window=\"period\"") "1.25"));
    assert_true(has_line(BUDGET("burn_rate", ",window=\"5m\"") "0.5"));
    assert_true(has_line(BUDGET("burn_rate", ",window=\"1h\"") "0")); /* nothing spent is no lack of data */
    assert_true(has_line(BUDGET("remaining_ratio", "") "0"));
    assert_true(has_line(BUDGET("balance_ratio", "") "-0.25"));
    assert_true(has_line(BUDGET("exhaustion_seconds", "") "0"));
    assert_true(has_line(BUDGET("alert", ",long=\"1h\",short=\"5m\"") "1"));
    assert_true(has_line(BUDGET("alert", ",long=\"6h\",short=\"30m\"") "0"));
    assert_null(strstr(text.text, "objective=\"budget\",long=\"1d\""));
    assert_null(strstr(text.text, "objective=\"budget\",window=\"30m\""));
}

/* Whoever adds events up must not meet nano-dollars. */
static void no_family_of_events_has_a_money_budget(void **state)
{
    (void)state;
    render();
    for (const char *at = text.text; (at = strstr(at, "objective=\"budget\"")) != NULL; at++) {
        const char *line = at;
        while (line > text.text && line[-1] != '\n') {
            line--;
        }
        assert_memory_equal(line, "primitive_cost_budget_", strlen("primitive_cost_budget_"));
    }
    detail.objectives[0] = detail.objectives[2];
    detail.objective_count = 1;
    slo.objectives[0] = slo.objectives[2];
    slo.objective_count = 1;
    buffer_clear(&text);
    exposition_begin(&exposition, EXPOSITION_TEXT);
    render();
    assert_null(strstr(text.text, "primitive_slo_objective"));
    assert_null(strstr(text.text, "slipring_slo_minimum_events")); /* money has none */
    assert_non_null(strstr(text.text, "primitive_cost_budget_alert"));
}

static void who_wants_few_has_a_money_budget_and_its_burn_rates(void **state)
{
    (void)state;
    exposition.exposes_few = true;
    detail.objectives[2].period_s = SLIPRING_PERIOD_MONTH;
    render();
    exposition.exposes_few = false;
    assert_true(has_line(BUDGET("spent_dollars", ",window=\"period\"") "25.000000001"));
    assert_true(has_line(BUDGET("burn_rate", ",window=\"5m\"") "0.5"));
    assert_null(strstr(text.text,
                       "primitive_cost_budget_spent_dollars{" LABELS ",objective=\"budget\",window=\"5m\""));
    assert_null(strstr(text.text, "primitive_cost_budget_period_seconds")); /* a month is as long as it is */
    assert_null(strstr(text.text, "primitive_cost_budget_coverage_ratio"));
}

static void an_execution_and_an_hour_have_a_price(void **state)
{
    (void)state;
    detail.windows[1].cost_nanodollars = 117000000; /* of 12, in 58.5 s */
    render();
    assert_true(has_line("primitive_cost_per_request_dollars{" LABELS ",window=\"1m\"} 0.00975"));
    assert_true(has_line("primitive_cost_per_hour_dollars{" LABELS ",window=\"1m\"} 7.2"));
    assert_true(has_line("primitive_cost_per_hour_dollars{" LABELS ",window=\"10s\"} 0")); /* idle */
    assert_null(strstr(text.text, "primitive_cost_per_request_dollars{" LABELS ",window=\"10s\""));
    assert_true(has_line("primitive_cost_per_request_dollars{" LABELS ",window=\"lifetime\"} 2.000001e-05"));
    assert_null(strstr(text.text, "primitive_cost_per_hour_dollars{" LABELS ",window=\"lifetime\""));
    assert_true(has_line("primitive_savings_ratio{" LABELS "} 0.875"));
    stats.lifetime.cost_nanodollars = detail.windows[1].cost_nanodollars = 0;
    stats.present &= ~(uint64_t)SLIPRING_HAS_SAVINGS_RATE;
    buffer_clear(&text);
    exposition_begin(&exposition, EXPOSITION_TEXT);
    render();
    assert_null(strstr(text.text, "primitive_cost_per_"));
    assert_null(strstr(text.text, "primitive_savings_ratio"));
}

static void a_sum_beyond_64_bits_is_exact(void **state)
{
    (void)state;
    stats.sum_ns[0] = UINT64_MAX;
    stats.sum_ns[1] = UINT64_MAX;
    render();
    assert_true(
        has_line("primitive_duration_seconds_sum{" LABELS "} 340282366920938463463374607431.768211455"));
}

static void without_objectives_there_is_no_compliance_and_no_budget(void **state)
{
    (void)state;
    stats.present &= ~(uint64_t)SLIPRING_HAS_SLO;
    detail.objective_count = 0;
    slo.objective_count = 0;
    assert_null(strstr(render(), "slo"));
    assert_null(strstr(text.text, "budget"));
}

static void what_is_not_finite_has_no_line(void **state)
{
    (void)state;
    stats.requests_per_second = NAN;
    detail.windows[1].per_second = INFINITY;
    detail.windows[1].percentile_ns[SLIPRING_P50] = NAN;
    detail.windows[1].extra_ns[0] = INFINITY;
    detail.objectives[0].burn_rate = NAN;
    detail.objectives[0].budget_remaining = INFINITY;
    detail.objectives[2].burn_rate = INFINITY;
    detail.objectives[2].budget_remaining = NAN;
    slo.objectives[0].windows[0].burn_rate = -INFINITY;
    slo.objectives[2].windows[0].burn_rate = slo.objectives[2].windows[2].burn_rate = NAN;
    slo.objectives[0].exhaustion_s = slo.objectives[2].exhaustion_s = NAN;
    slo.objectives[0].alerts[0].factor = NAN;
    stats.slo_compliance = INFINITY;
    stats.budget_remaining_clamped = -NAN;
    stats.budget_remaining = -INFINITY;
    render();
    assert_null(strstr(text.text, "per_second"));
    assert_null(strstr(text.text, "primitive_slo_compliance"));
    assert_null(strstr(text.text, "balance"));
    assert_null(strstr(text.text, "burn_rate"));
    assert_null(strstr(text.text, "primitive_request_rate{" LABELS ",window=\"1m\"}"));
    assert_null(strstr(text.text, QUANTILE("0.5", "1m")));
    assert_null(strstr(text.text, QUANTILE("0.75", "1m")));
    assert_null(strstr(text.text, "nan"));
    assert_null(strstr(text.text, " inf"));
}

static void hostile_labels_are_escaped_or_replaced(void **state)
{
    (void)state;
    strcpy(detail.name, "a\"} 1\n# TYPE x\\\xff\xc3\xbc");
    strcpy(detail.categories[1].name, "\xed\xa0\x80");
    strcpy(detail.objectives[1].name, "\"} 1\n");
    memset(detail.objectives[0].name, 0xff, sizeof detail.objectives[0].name - 1);
    render();
    assert_non_null(strstr(text.text, ",objective=\"\\\"} 1\\n\"} 0.999999999\n"));
    assert_non_null(
        strstr(text.text, "\xef\xbf\xbd\xef\xbf\xbd\",long=\"1d\",short=\"2h\",reason=\"cannot_fire\"} 1\n"));
    assert_non_null(
        strstr(text.text, "{primitive_name=\"a\\\"} 1\\n# TYPE x\\\\\xef\xbf\xbd\xc3\xbc\",primitive_type="));
    assert_non_null(strstr(text.text, "category=\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"} 0.002000001\n"));
}

static void impossible_counts_stay_within_the_lists(void **state)
{
    (void)state;
    detail.bound_count = UINT32_MAX;
    detail.category_count = UINT32_MAX;
    detail.window_count = UINT32_MAX;
    detail.extra_count = UINT32_MAX;
    detail.objective_count = UINT32_MAX;
    slo.objective_count = UINT32_MAX;
    for (uint32_t i = 0; i < SLIPRING_OBJECTIVE_COUNT; i++) {
        memset(detail.objectives[i].name, 'a', sizeof detail.objectives[i].name - 1);
        for (uint32_t pair = 0; pair < SLIPRING_ALERT_COUNT; pair++) {
            slo.objectives[i].alerts[pair] =
                (struct slipring_slo_alert){.long_s = UINT64_MAX,
                                            .short_s = UINT64_MAX,
                                            .state = SLIPRING_ALERT_CANNOT_FIRE + pair * 100};
        }
        for (uint32_t at = 0; at < SLIPRING_SLO_WINDOW_COUNT; at++) {
            slo.objectives[i].windows[at] = (struct slipring_slo_window){
                .window_s = UINT64_MAX, .span_ns = UINT64_MAX, .good = UINT64_MAX, .total = 1};
        }
    }
    stats.failures = UINT64_MAX;
    stats.active = INT64_MIN;
    render();
    assert_true(has_line("primitive_requests_total{" LABELS ",status=\"success\"} 0"));
    assert_true(has_line("primitive_requests_total{" LABELS ",status=\"failure\"} 100"));
    assert_true(has_line("primitive_active_requests{" LABELS "} 0"));
}

static void counters_say_since_when_and_the_lifetime_is_apart(void **state)
{
    (void)state;
    stats.created_wall_ns = UINT64_C(1767225600500000000);
    stats.lifetime.n = 1000;
    stats.lifetime_aborted = 7;
    add_primitive(&slo);
    render();
    assert_true(has_line("primitive_created_seconds{" LABELS "} 1767225600.5"));
    assert_true(has_line("primitive_lifetime_requests{" LABELS "} 1007"));
    assert_true(has_line("primitive_lifetime_cost_dollars{" LABELS "} 0.002000001"));
    assert_true(has_line("primitive_lifetime_savings_dollars{" LABELS "} 1.5"));
}

static void families_stand_together_though_primitives_come_one_by_one(void **state)
{
    (void)state;
    const struct slipring_usage_stats usage = {
        .resource = "openai/gpt-5", .usages = 1, .units = {7}, .unpriced_units = {3}};
    for (int i = 0; i < 50; i++) {
        (void)snprintf(detail.name, sizeof detail.name, "p%d", i);
        add_primitive(&slo);
        exposition_usage(&exposition, &usage);
    }
    render();
    char family[FAMILY_NAME_BYTES] = "";
    size_t headings = 0;
    for (const char *at = text.text; at != NULL && *at != '\0'; at = strchr(at, '\n'), at += at != NULL) {
        if (strncmp(at, "# TYPE ", 7) == 0) {
            (void)snprintf(family, sizeof family, "%.*s", (int)strcspn(at + 7, " "), at + 7);
            headings++;
        } else if (at[0] != '#') {
            assert_memory_equal(at, family, strlen(family));
        }
    }
    assert_int_equal(headings,
                     FAMILY_COUNT - 1); /* how full the registry is comes with the agent's figures */
}

static void nothing_recorded_yet_is_the_build_alone(void **state)
{
    (void)state;
    assert_true(finish(&text));
    assert_memory_equal(text.text, "# HELP slipring_build_info ", 27);
    assert_int_equal(text.used, strlen("# HELP slipring_build_info 1, with the agent's version as a label\n"
                                       "# TYPE slipring_build_info gauge\n"
                                       "slipring_build_info{version=\"" SLIPRING_VERSION "\"} 1\n"));
}

static void each_primitive_has_bounds_of_its_own(void **state)
{
    (void)state;
    add_primitive(&slo);
    strcpy(detail.name, "other");
    detail.bounds[0].bound_ns = 2000000;
    render();
    assert_true(has_line("primitive_duration_seconds_bucket{" LABELS ",le=\"0.001\"} 10"));
    assert_true(
        has_line("primitive_duration_seconds_bucket{primitive_name=\"other\",primitive_type=\"workflow\","
                 "le=\"0.002\"} 10"));
}

static void the_agents_figures_are_families_in_base_units(void **state)
{
    (void)state;
    const struct sr_agent_figures figures = {
        .samples_drained = 18446744073709551615u, .rings_in_use = 8, .drain_lag_ns = 1500000, .scrape_ns = 0};
    exposition_agent(&exposition, &figures);
    render();
    assert_true(has_line("# TYPE slipring_samples_drained_total counter"));
    assert_true(has_line("slipring_samples_drained_total 18446744073709551615"));
    assert_true(has_line("# TYPE slipring_rings_in_use gauge"));
    assert_true(has_line("slipring_rings_in_use 8"));
    assert_true(has_line("slipring_drain_lag_seconds 0.0015"));
    assert_true(has_line("slipring_scrape_seconds 0"));
    assert_null(strstr(text.text, "_ns "));
}

static void every_help_is_one_line_that_needs_no_escape(void **state)
{
    (void)state;
    for (unsigned id = 0; id < FAMILY_COUNT; id++) {
        assert_null(strpbrk(families_get((enum family_id)id)->help, "\n\\|"));
    }
    for (unsigned index = 0; index < SR_AGENT_FIGURE_COUNT; index++) {
        struct family family;
        families_of_figure(index, &family);
        assert_null(strpbrk(family.help, "\n\\|"));
    }
}

static void memory_of_one_rendering_serves_the_next(void **state)
{
    render();
    char *first = strdup(text.text);
    assert_non_null(first);
    make_figures(state);
    assert_string_equal(render(), first);
    free(first);
}

static int free_figures(void **state)
{
    (void)state;
    exposition_free(&exposition);
    buffer_free(&text);
    return 0;
}

#define CASE(name) cmocka_unit_test_setup(name, make_figures)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_primitive_has_every_family_of_the_table),
        CASE(an_idle_window_has_no_share_of_spilled),
        CASE(each_window_says_what_it_is_of),
        CASE(percentiles_are_seconds_of_a_window_that_has_any),
        CASE(windows_and_percentiles_may_change_between_two_scrapes),
        CASE(percentiles_are_right_however_many_there_are),
        CASE(an_objective_says_what_it_asks_for_and_what_is_left),
        CASE(an_objective_without_events_has_counts_and_no_ratio),
        CASE(the_windows_of_alerts_are_those_that_the_period_reaches),
        CASE(an_alert_fires_is_quiet_or_says_what_blocks_it),
        CASE(every_line_has_the_labels_of_the_configuration),
        CASE(who_wants_few_has_two_windows_the_lifetime_and_burn_rates),
        CASE(an_objective_whose_windows_are_not_published_yet_has_its_period),
        CASE(dollars_are_exact_decimals),
        CASE(a_money_budget_is_told_in_dollars),
        CASE(no_family_of_events_has_a_money_budget),
        CASE(who_wants_few_has_a_money_budget_and_its_burn_rates),
        CASE(an_execution_and_an_hour_have_a_price),
        CASE(a_sum_beyond_64_bits_is_exact),
        CASE(without_objectives_there_is_no_compliance_and_no_budget),
        CASE(what_is_not_finite_has_no_line),
        CASE(hostile_labels_are_escaped_or_replaced),
        CASE(impossible_counts_stay_within_the_lists),
        CASE(counters_say_since_when_and_the_lifetime_is_apart),
        CASE(families_stand_together_though_primitives_come_one_by_one),
        CASE(nothing_recorded_yet_is_the_build_alone),
        CASE(each_primitive_has_bounds_of_its_own),
        CASE(the_agents_figures_are_families_in_base_units),
        CASE(every_help_is_one_line_that_needs_no_escape),
        CASE(memory_of_one_rendering_serves_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, free_figures);
}
