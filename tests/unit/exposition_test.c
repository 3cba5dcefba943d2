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

#include "agent/exposition.h"

static struct exposition exposition;
static struct buffer text;
static struct slipring_stats stats;
static struct slipring_stats_detail detail;

/* A primitive with one of everything. */
static int make_figures(void **state)
{
    (void)state;
    memset(&stats, 0, sizeof stats);
    memset(&detail, 0, sizeof detail);
    strcpy(detail.name, "archive_file");
    strcpy(detail.type, "workflow");
    stats.present = SLIPRING_HAS_DURATION | SLIPRING_HAS_SLO | SLIPRING_HAS_SAVINGS_RATE;
    stats.count = 100;
    stats.failures = 3;
    stats.aborted = 2;
    stats.active = 4;
    stats.sum_ns[0] = 12345678900u;
    stats.requests_per_second = 1.6666666666666667;
    stats.slo_compliance = 0.95;
    stats.budget_remaining = -4;
    stats.budget_remaining_clamped = 0;
    stats.spilled = 7;
    stats.minute.spilled = 3;
    stats.minute.n = 12;
    stats.clamped = 1;
    detail.bound_count = 3;
    detail.bounds[0] = (struct slipring_bound_stats){.bound_ns = 1000000, .count = 10, .is_le = 1};
    detail.bounds[1] = (struct slipring_bound_stats){.bound_ns = 250000000, .count = 80, .is_le = 0};
    detail.bounds[2] = (struct slipring_bound_stats){.bound_ns = 1000000000, .count = 99, .is_le = 1};
    detail.category_count = 2;
    strcpy(detail.categories[0].name, "default");
    strcpy(detail.categories[1].name, "tokens");
    detail.categories[1].cost_nanodollars = 2000001;
    detail.categories[1].savings_nanodollars = 18446744073709551615u;
    buffer_clear(&text);
    exposition_begin(&exposition);
    return 0;
}

static const char *render(void)
{
    exposition_primitive(&exposition, &stats, &detail);
    assert_true(exposition_finish(&exposition, &text));
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
                                   "primitive_duration_seconds_bucket{" LABELS ",le=\"1\"} 99\n"
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

static void dollars_are_exact_decimals(void **state)
{
    (void)state;
    render();
    assert_true(has_line("primitive_cost_total{" LABELS ",category=\"default\"} 0"));
    assert_true(has_line("primitive_cost_total{" LABELS ",category=\"tokens\"} 0.002000001"));
    assert_true(
        has_line("primitive_cost_savings_total{" LABELS ",category=\"tokens\"} 18446744073.709551615"));
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
    assert_null(strstr(render(), "slo"));
    assert_null(strstr(text.text, "budget"));
}

static void what_is_not_finite_has_no_line(void **state)
{
    (void)state;
    stats.requests_per_second = NAN;
    stats.slo_compliance = INFINITY;
    stats.budget_remaining_clamped = -NAN;
    stats.budget_remaining = -INFINITY;
    render();
    assert_null(strstr(text.text, "per_second"));
    assert_null(strstr(text.text, "slo"));
    assert_null(strstr(text.text, "nan"));
    assert_null(strstr(text.text, " inf"));
}

static void hostile_labels_are_escaped_or_replaced(void **state)
{
    (void)state;
    strcpy(detail.name, "a\"} 1\n# TYPE x\\\xff\xc3\xbc");
    strcpy(detail.categories[1].name, "\xed\xa0\x80");
    render();
    assert_non_null(
        strstr(text.text, "{primitive_name=\"a\\\"} 1\\n# TYPE x\\\\\xef\xbf\xbd\xc3\xbc\",primitive_type="));
    assert_non_null(strstr(text.text, "category=\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"} 0.002000001\n"));
}

static void impossible_counts_stay_within_the_lists(void **state)
{
    (void)state;
    detail.bound_count = UINT32_MAX;
    detail.category_count = UINT32_MAX;
    stats.failures = UINT64_MAX;
    stats.active = INT64_MIN;
    render();
    assert_true(has_line("primitive_requests_total{" LABELS ",status=\"success\"} 0"));
    assert_true(has_line("primitive_requests_total{" LABELS ",status=\"failure\"} 100"));
    assert_true(has_line("primitive_active_requests{" LABELS "} 0"));
}

static void families_stand_together_though_primitives_come_one_by_one(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        (void)snprintf(detail.name, sizeof detail.name, "p%d", i);
        exposition_primitive(&exposition, &stats, &detail);
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
    assert_int_equal(headings, FAMILY_COUNT);
}

static void nothing_recorded_yet_is_the_build_alone(void **state)
{
    (void)state;
    assert_true(exposition_finish(&exposition, &text));
    assert_memory_equal(text.text, "# HELP slipring_build_info ", 27);
    assert_int_equal(text.used, strlen("# HELP slipring_build_info 1, with the agent's version as a label\n"
                                       "# TYPE slipring_build_info gauge\n"
                                       "slipring_build_info{version=\"" SLIPRING_VERSION "\"} 1\n"));
}

static void each_primitive_has_bounds_of_its_own(void **state)
{
    (void)state;
    exposition_primitive(&exposition, &stats, &detail);
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
        CASE(dollars_are_exact_decimals),
        CASE(a_sum_beyond_64_bits_is_exact),
        CASE(without_objectives_there_is_no_compliance_and_no_budget),
        CASE(what_is_not_finite_has_no_line),
        CASE(hostile_labels_are_escaped_or_replaced),
        CASE(impossible_counts_stay_within_the_lists),
        CASE(families_stand_together_though_primitives_come_one_by_one),
        CASE(nothing_recorded_yet_is_the_build_alone),
        CASE(each_primitive_has_bounds_of_its_own),
        CASE(the_agents_figures_are_families_in_base_units),
        CASE(every_help_is_one_line_that_needs_no_escape),
        CASE(memory_of_one_rendering_serves_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, free_figures);
}
