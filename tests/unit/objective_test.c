/* SPDX-License-Identifier: Apache-2.0 */
/* Objectives: the worked examples of the SRE workbook, the ends of every range, and texts of targets. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "pure/objective.h"

#define PPB_97   970000000u
#define PPB_99_9 999000000u

static void near(double got, double expected)
{
    assert_true(fabs(got - expected) <= 1e-15 * fmax(1.0, fabs(expected)));
}

static void workbook_month_of_requests_allows_its_failures(void **state)
{
    (void)state;
    uint64_t allowed = 0;
    assert_true(sr_objective_allowed_bad(PPB_97, 3663253, &allowed));
    assert_int_equal(allowed, 109897);
}

static void one_failure_in_ten_at_three_nines_burns_a_hundredfold(void **state)
{
    (void)state;
    double figure = 0;
    assert_true(sr_objective_burn_rate(PPB_99_9, 9, 10, &figure));
    assert_true(figure == 100.0);
    assert_true(sr_objective_compliance(9, 10, &figure));
    near(figure, 0.9);
    assert_true(sr_objective_remaining(PPB_99_9, 9, 10, &figure));
    assert_true(figure == -99.0);
    assert_true(sr_objective_clamp(figure) == 0.0);
}

static void errors_at_the_allowed_rate_burn_exactly_once(void **state)
{
    (void)state;
    double figure = -1;
    assert_true(sr_objective_burn_rate(PPB_99_9, 999, 1000, &figure));
    assert_true(figure == 1.0);
    assert_true(sr_objective_remaining(PPB_99_9, 999, 1000, &figure));
    assert_true(figure == 0.0);
}

static void half_of_the_allowed_errors_leave_half_the_budget(void **state)
{
    (void)state;
    double figure = -1;
    assert_true(sr_objective_remaining(PPB_99_9, 9995, 10000, &figure));
    assert_true(figure == 0.5);
    assert_true(sr_objective_clamp(figure) == 0.5);
}

static void without_a_bad_event_the_budget_is_whole(void **state)
{
    (void)state;
    double figure = -1;
    assert_true(sr_objective_remaining(1, 7, 7, &figure));
    assert_true(figure == 1.0);
    assert_true(sr_objective_burn_rate(1, 7, 7, &figure));
    assert_true(figure == 0.0);
    assert_true(sr_objective_compliance(7, 7, &figure));
    assert_true(figure == 1.0);
}

static void all_figures_are_absent_without_events(void **state)
{
    (void)state;
    double figure = 4711;
    uint64_t allowed = 4711;
    assert_false(sr_objective_compliance(0, 0, &figure));
    assert_false(sr_objective_burn_rate(PPB_97, 0, 0, &figure));
    assert_false(sr_objective_remaining(PPB_97, 0, 0, &figure));
    assert_false(sr_objective_allowed_bad(PPB_97, 0, &allowed));
    assert_true(figure == 4711 && allowed == 4711);
}

static void more_good_events_than_events_have_no_figures(void **state)
{
    (void)state;
    double figure = 4711;
    assert_false(sr_objective_compliance(2, 1, &figure));
    assert_false(sr_objective_burn_rate(PPB_97, 2, 1, &figure));
    assert_false(sr_objective_remaining(PPB_97, 2, 1, &figure));
    assert_true(figure == 4711);
}

static void targets_of_none_and_one_have_no_budget(void **state)
{
    (void)state;
    static const uint32_t targets[] = {0, SR_OBJECTIVE_ONE_PPB, SR_OBJECTIVE_ONE_PPB + 1, UINT32_MAX};
    for (size_t i = 0; i < SR_ARRAY_COUNT(targets); i++) {
        double figure = 4711;
        uint64_t allowed = 4711;
        assert_false(sr_objective_target_valid(targets[i]));
        assert_false(sr_objective_allowed_bad(targets[i], 10, &allowed));
        assert_false(sr_objective_burn_rate(targets[i], 9, 10, &figure));
        assert_false(sr_objective_remaining(targets[i], 9, 10, &figure));
        assert_true(figure == 4711 && allowed == 4711);
    }
    assert_true(sr_objective_target_valid(1));
    assert_true(sr_objective_target_valid(SR_OBJECTIVE_ONE_PPB - 1));
}

static void largest_counts_do_not_overflow(void **state)
{
    (void)state;
    double figure = 0;
    uint64_t allowed = 0;
    assert_true(sr_objective_allowed_bad(1, UINT64_MAX, &allowed));
    assert_true(allowed == UINT64_MAX - UINT64_MAX / 1000000000 - 1); /* n - n/10^9, rounded down */
    assert_true(sr_objective_allowed_bad(999999999, UINT64_MAX, &allowed));
    assert_true(allowed == UINT64_MAX / 1000000000);
    assert_true(sr_objective_burn_rate(999999999, 0, UINT64_MAX, &figure));
    near(figure, 1e9);
    assert_true(sr_objective_remaining(999999999, 0, UINT64_MAX, &figure));
    near(figure, 1 - 1e9);
    assert_true(sr_objective_compliance(UINT64_MAX - 1, UINT64_MAX, &figure));
    assert_true(figure <= 1.0);
}

static void budget_nearly_spent_keeps_its_digits(void **state)
{
    (void)state;
    /* 10^18 events at 99.9 %: 10^15 may be bad; one less than that was. */
    double figure = 0;
    uint64_t total = UINT64_C(1000000000000000000);
    uint64_t bad = UINT64_C(999999999999999);
    assert_true(sr_objective_remaining(PPB_99_9, total - bad, total, &figure));
    assert_true(fabs(figure - 1e-15) < 1e-29);
}

static void targets_are_read_exactly_as_share_or_percentage(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t ppb;
    } cases[] = {
        {"0.999", 999000000},
        {"99.9%", 999000000},
        {"99.9 %", 999000000},
        {"0.95", 950000000},
        {"95%", 950000000},
        {".5", 500000000},
        {"0.000000001", 1},
        {"0.999999999", 999999999},
        {"99.9999999%", 999999999},
        {"0.0000001%", 1},
        {"0.99900000000000", 999000000},
    };
    for (size_t i = 0; i < SR_ARRAY_COUNT(cases); i++) {
        uint32_t ppb = 0;
        assert_int_equal(sr_objective_parse_target(cases[i].text, &ppb), SR_PARSE_OK);
        assert_int_equal(ppb, cases[i].ppb);
    }
}

static void bad_targets_are_refused_each_for_its_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum sr_parse reason;
    } cases[] = {
        {"", SR_PARSE_EMPTY},
        {"%", SR_PARSE_NOT_A_NUMBER},
        {"0.999x", SR_PARSE_NOT_A_NUMBER},
        {"99.9%%", SR_PARSE_NOT_A_NUMBER},
        {"nan", SR_PARSE_NOT_A_NUMBER},
        {"nine", SR_PARSE_NOT_A_NUMBER},
        {"9e-1", SR_PARSE_NOT_A_NUMBER},
        {"-0.9", SR_PARSE_NEGATIVE},
        {"-99%", SR_PARSE_NEGATIVE},
        {"0", SR_PARSE_ZERO},
        {"0%", SR_PARSE_ZERO},
        {"1", SR_PARSE_TARGET_ONE},
        {"1.000", SR_PARSE_TARGET_ONE},
        {"100%", SR_PARSE_TARGET_ONE},
        {"99.9", SR_PARSE_TOO_LARGE},
        {"100.1%", SR_PARSE_TOO_LARGE},
        {"99999999999999999999", SR_PARSE_TOO_LARGE},
        {"0.9999999999", SR_PARSE_TOO_FINE},
        {"99.99999999%", SR_PARSE_TOO_FINE},
    };
    for (size_t i = 0; i < SR_ARRAY_COUNT(cases); i++) {
        uint32_t ppb = 4711;
        enum sr_parse got = sr_objective_parse_target(cases[i].text, &ppb);
        if (got != cases[i].reason) {
            fail_msg("'%s': %s", cases[i].text, sr_parse_text(got));
        }
        assert_int_equal(ppb, 4711);
    }
}

static void targets_are_shown_as_the_shortest_percentage(void **state)
{
    (void)state;
    char text[SR_OBJECTIVE_TEXT_BYTES];
    assert_int_equal(sr_objective_format_target(PPB_99_9, text), 5);
    assert_string_equal(text, "99.9%");
    sr_objective_format_target(1, text);
    assert_string_equal(text, "0.0000001%");
    sr_objective_format_target(SR_OBJECTIVE_ONE_PPB, text);
    assert_string_equal(text, "100%");
}

/* --- money ------------------------------------------------------------------------------------------------------------------ */

#define DOLLAR UINT64_C(1000000000)

static void a_dollar_an_hour_burns_a_month_of_720_dollars_exactly_once(void **state)
{
    (void)state;
    double figure = 0;
    assert_true(sr_objective_spend_burn_rate(720 * DOLLAR, 30 * 86400, DOLLAR, 3600, &figure));
    assert_true(figure == 1.0);
    assert_true(sr_objective_spend_burn_rate(720 * DOLLAR, 30 * 86400, DOLLAR, 300, &figure));
    assert_true(figure == 12.0);
    assert_true(sr_objective_spend_burn_rate(720 * DOLLAR, 31 * 86400, DOLLAR, 3600, &figure));
    near(figure, 31.0 / 30);
    assert_true(sr_objective_spend_burn_rate(720 * DOLLAR, 30 * 86400, 0, 3600, &figure));
    assert_true(figure == 0.0); /* nothing spent is no lack of data */
}

static void what_remains_of_an_amount_keeps_its_digits(void **state)
{
    (void)state;
    double figure = 0;
    assert_true(sr_objective_spend_remaining(20 * DOLLAR, 5 * DOLLAR, &figure));
    assert_true(figure == 0.75);
    assert_true(sr_objective_spend_remaining(20 * DOLLAR, 0, &figure));
    assert_true(figure == 1.0);
    assert_true(sr_objective_spend_remaining(20 * DOLLAR, 70 * DOLLAR, &figure));
    assert_true(figure == -2.5);
    /* a nano-dollar of eighteen billion dollars */
    assert_true(sr_objective_spend_remaining(UINT64_MAX, UINT64_MAX - 1, &figure));
    assert_true(figure == 1.0 / 18446744073709551615.0);
    assert_true(sr_objective_spend_remaining(UINT64_MAX - 1, UINT64_MAX, &figure));
    assert_true(figure == -1.0 / 18446744073709551614.0);
}

static void the_largest_amounts_do_not_overflow(void **state)
{
    (void)state;
    double figure = 0;
    assert_true(sr_objective_spend_burn_rate(UINT64_MAX, UINT32_MAX, UINT64_MAX, 1, &figure));
    near(figure, (double)UINT32_MAX);
    assert_true(sr_objective_spend_burn_rate(1, UINT32_MAX, UINT64_MAX, 1, &figure));
    near(figure, 18446744073709551615.0 * UINT32_MAX);
    figure = 4711;
    assert_false(sr_objective_spend_burn_rate(0, 86400, 5, 3600, &figure));
    assert_false(sr_objective_spend_burn_rate(5, 86400, 5, 0, &figure));
    assert_false(sr_objective_spend_remaining(0, 5, &figure));
    assert_true(figure == 4711);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workbook_month_of_requests_allows_its_failures),
        cmocka_unit_test(one_failure_in_ten_at_three_nines_burns_a_hundredfold),
        cmocka_unit_test(errors_at_the_allowed_rate_burn_exactly_once),
        cmocka_unit_test(half_of_the_allowed_errors_leave_half_the_budget),
        cmocka_unit_test(without_a_bad_event_the_budget_is_whole),
        cmocka_unit_test(all_figures_are_absent_without_events),
        cmocka_unit_test(more_good_events_than_events_have_no_figures),
        cmocka_unit_test(targets_of_none_and_one_have_no_budget),
        cmocka_unit_test(largest_counts_do_not_overflow),
        cmocka_unit_test(budget_nearly_spent_keeps_its_digits),
        cmocka_unit_test(targets_are_read_exactly_as_share_or_percentage),
        cmocka_unit_test(bad_targets_are_refused_each_for_its_reason),
        cmocka_unit_test(targets_are_shown_as_the_shortest_percentage),
        cmocka_unit_test(a_dollar_an_hour_burns_a_month_of_720_dollars_exactly_once),
        cmocka_unit_test(what_remains_of_an_amount_keeps_its_digits),
        cmocka_unit_test(the_largest_amounts_do_not_overflow),
    };
    return cmocka_run_group_tests_name("objective", tests, NULL, NULL);
}
