/* SPDX-License-Identifier: Apache-2.0 */
/* Burn-rate pairs: the worked examples of the SRE workbook, and each edge one event to either side. */
#include "pure/alert.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pure/objective.h"

#define DAY_S    UINT64_C(86400)
#define PPB_90   900000000u
#define PPB_99   990000000u
#define PPB_99_9 999000000u

static void near(double got, double expected)
{
    assert_true(fabs(got - expected) <= 1e-15 * fmax(1.0, fabs(expected)));
}

static void factors_of_thirty_and_of_twenty_eight_days(void **state)
{
    (void)state;
    static const double thirty[] = {14.4, 6, 3, 1};
    static const double twenty_eight[] = {13.44, 5.6, 2.8, 2.8 / 3};
    for (uint32_t i = 0; i < SLIPRING_ALERT_COUNT; i++) {
        near(sr_alert_factor(&sr_alert_pairs[i], 30 * DAY_S), thirty[i]);
        near(sr_alert_factor(&sr_alert_pairs[i], 28 * DAY_S), twenty_eight[i]);
    }
}

/* At its factor a pair's long window spends its share: factor * long = share * period. */
static void a_burn_of_36_spends_five_percent_of_thirty_days_in_an_hour(void **state)
{
    (void)state;
    near(36.0 * 3600 / (30.0 * 86400), 0.05);
    const struct sr_alert_pair pair = {.long_s = 3600, .short_s = 300, .share_percent = 5};
    near(sr_alert_factor(&pair, 30 * DAY_S), 36.0);
    assert_false(sr_alert_exceeds(&pair, PPB_99_9, 30 * DAY_S, 1000 - 36, 1000));
    assert_true(sr_alert_exceeds(&pair, PPB_99_9, 30 * DAY_S, 1000 - 37, 1000));
}

/* Ten requests an hour, 99.9 %: the month has 7,200, of which 7.2 may fail. The workbook prints a burn rate of 1,000. */
static void one_failure_of_ten_an_hour_takes_a_seventh_of_the_month(void **state)
{
    (void)state;
    double figure = 0;
    assert_true(sr_objective_burn_rate(PPB_99_9, 9, 10, &figure));
    assert_true(figure == 100.0);
    near(figure * 3600 / (30.0 * 86400), 1 / 7.2); /* 13.9 % */
    assert_true(sr_objective_remaining(PPB_99_9, 7199, 7200, &figure));
    near(1 - figure, 1 / 7.2);
    assert_true(sr_alert_exceeds(&sr_alert_pairs[0], PPB_99_9, 30 * DAY_S, 9, 10));
}

static void a_burn_rate_of_exactly_the_factor_does_not_exceed_it(void **state)
{
    (void)state;
    const struct sr_alert_pair *pair = &sr_alert_pairs[0]; /* 14.4 times 0.1 % */
    assert_false(sr_alert_exceeds(pair, PPB_99_9, 30 * DAY_S, 10000 - 144, 10000));
    assert_true(sr_alert_exceeds(pair, PPB_99_9, 30 * DAY_S, 10000 - 145, 10000));
    /* where doubles no longer tell one event from none: 2^63 events */
    const uint64_t total = UINT64_C(10000) << 50;
    assert_false(sr_alert_exceeds(pair, PPB_99_9, 30 * DAY_S, total - (UINT64_C(144) << 50), total));
    assert_true(sr_alert_exceeds(pair, PPB_99_9, 30 * DAY_S, total - (UINT64_C(144) << 50) - 1, total));
}

/* 1/3 is no double: at 31 days pair 3 has a factor of 31/30, at 28 days of 14/15. */
static void factors_that_are_no_decimal_have_exact_edges(void **state)
{
    (void)state;
    const struct sr_alert_pair *pair = &sr_alert_pairs[3];
    assert_false(sr_alert_exceeds(pair, PPB_99, 28 * DAY_S, 1500 - 14, 1500));
    assert_true(sr_alert_exceeds(pair, PPB_99, 28 * DAY_S, 1500 - 15, 1500));
    assert_true(sr_alert_exceeds(pair, PPB_99, 28 * DAY_S, 1499 - 14, 1499));
    assert_false(sr_alert_exceeds(pair, PPB_99, 31 * DAY_S, 3000 - 31, 3000));
    assert_true(sr_alert_exceeds(pair, PPB_99, 31 * DAY_S, 3000 - 32, 3000));
}

static void impossible_and_largest_counts_do_no_harm(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SLIPRING_ALERT_COUNT; i++) {
        const struct sr_alert_pair *pair = &sr_alert_pairs[i];
        assert_false(sr_alert_exceeds(pair, PPB_99, 30 * DAY_S, 0, 0));
        assert_false(sr_alert_exceeds(pair, PPB_99, 30 * DAY_S, 2, 1));
        assert_true(sr_alert_exceeds(pair, 999999999, SLIPRING_PERIOD_MAX_S, 0, UINT64_MAX));
        assert_false(sr_alert_exceeds(pair, 1, SLIPRING_PERIOD_MAX_S, UINT64_MAX, UINT64_MAX));
        assert_false(sr_alert_exceeds(pair, 1, SLIPRING_PERIOD_MAX_S, 1, UINT64_MAX));
    }
}

static void no_pair_is_longer_than_the_period(void **state)
{
    (void)state;
    static const uint64_t periods_s[] = {3600, 21599, 21600, DAY_S, 3 * DAY_S - 1, 3 * DAY_S, 90 * DAY_S};
    static const uint32_t counts[] = {1, 1, 2, 3, 3, 4, 4};
    for (size_t i = 0; i < SR_ARRAY_COUNT(periods_s); i++) {
        uint32_t count = 0;
        for (uint32_t pair = 0; pair < SLIPRING_ALERT_COUNT; pair++) {
            count += sr_alert_exists(&sr_alert_pairs[pair], periods_s[i]);
        }
        assert_int_equal(count, counts[i]);
    }
}

static void a_pair_that_all_bad_would_not_set_off_says_so(void **state)
{
    (void)state;
    const struct sr_alert_pair *pair = &sr_alert_pairs[0];
    assert_true(sr_alert_can_fire(pair, PPB_99, 30 * DAY_S));  /* 14.4 * 0.01 */
    assert_false(sr_alert_can_fire(pair, PPB_90, 30 * DAY_S)); /* 14.4 * 0.1 */
    assert_true(sr_alert_can_fire(pair, PPB_90, 20 * DAY_S));  /* 9.6 * 0.1 */
    const struct sr_alert_pair edge = {.long_s = 3600, .short_s = 300, .share_percent = 5};
    assert_false(sr_alert_can_fire(&edge, PPB_90, 200 * 3600)); /* 10 * 0.1 is 1: never more than it */
    assert_true(sr_alert_can_fire(&edge, PPB_90 + 1, 200 * 3600));
    assert_true(sr_alert_can_fire(&sr_alert_pairs[3], 1, DAY_S)); /* there is none, but were there */
}

static enum slipring_alert_state judge(uint64_t long_bad, uint64_t long_total, uint64_t short_bad,
                                       uint64_t short_total)
{
    const struct sr_alert_window long_window = {.good = long_total - long_bad, .total = long_total};
    const struct sr_alert_window short_window = {.good = short_total - short_bad, .total = short_total};
    return sr_alert_judge(&sr_alert_pairs[0], PPB_99_9, 30 * DAY_S, 10, &long_window, &short_window);
}

static void a_pair_fires_while_both_windows_exceed(void **state)
{
    (void)state;
    assert_int_equal(judge(15, 1000, 15, 1000), SLIPRING_ALERT_FIRING);
    assert_int_equal(judge(15, 1000, 14, 1000), SLIPRING_ALERT_QUIET); /* it is over */
    assert_int_equal(judge(14, 1000, 15, 1000), SLIPRING_ALERT_QUIET); /* it has just begun */
    assert_int_equal(judge(15, 1000, 0, 0), SLIPRING_ALERT_QUIET);
}

static void states_have_their_order(void **state)
{
    (void)state;
    assert_int_equal(judge(0, 0, 0, 0), SLIPRING_ALERT_NO_DATA);
    assert_int_equal(judge(9, 9, 9, 9), SLIPRING_ALERT_GATED);
    assert_int_equal(judge(10, 10, 1, 1), SLIPRING_ALERT_FIRING); /* the gate asks the long window alone */
    const struct sr_alert_window none = {.total = 0};
    assert_int_equal(sr_alert_judge(&sr_alert_pairs[1], PPB_99, 3600, 10, &none, &none), SLIPRING_ALERT_NONE);
    assert_int_equal(sr_alert_judge(&sr_alert_pairs[0], PPB_90, 30 * DAY_S, 10, &none, &none),
                     SLIPRING_ALERT_CANNOT_FIRE);
}

static void exhaustion_is_what_remains_at_this_rate(void **state)
{
    (void)state;
    double seconds = -1;
    assert_true(sr_alert_exhaustion(1.0, 1.0, 30 * DAY_S, &seconds));
    near(seconds, 30.0 * 86400);
    assert_true(sr_alert_exhaustion(0.5, 14.4, 30 * DAY_S, &seconds));
    near(seconds, 90000.0);
    assert_true(sr_alert_exhaustion(0.0, 0.0, 30 * DAY_S, &seconds));
    assert_true(seconds == 0.0);
    assert_true(sr_alert_exhaustion(-3.5, 2.0, 30 * DAY_S, &seconds));
    assert_true(seconds == 0.0);
    seconds = 4711;
    assert_false(sr_alert_exhaustion(0.5, 0.0, 30 * DAY_S, &seconds));
    assert_true(seconds == 4711);
}

static void a_period_is_itself_or_the_month_that_is(void **state)
{
    (void)state;
    assert_true(sr_alert_period_s(SLIPRING_PERIOD_MIN_S, 1) == SLIPRING_PERIOD_MIN_S);
    assert_true(sr_alert_period_s(SLIPRING_PERIOD_MONTH, 1795654861) == 30 * DAY_S); /* November 2026 */
    assert_true(sr_alert_period_s(SLIPRING_PERIOD_MONTH, 1706745600) == 29 * DAY_S); /* February 2024 */
    assert_true(sr_alert_period_s(SLIPRING_PERIOD_MONTH, 1706745599) == 31 * DAY_S);
}

/* --- money ------------------------------------------------------------------------------------------------------------------- */

#define DOLLAR UINT64_C(1000000000)

/* Of 30 dollars a month, 60 cents in an hour, 5 in five minutes. */
static void a_share_of_the_amount_is_exact_to_the_nano_dollar(void **state)
{
    (void)state;
    const struct sr_alert_pair *pair = &sr_alert_pairs[0];
    const uint64_t month = 30 * DOLLAR;
    assert_false(sr_alert_exceeds_spend(pair, month, 3600, 600000000));
    assert_true(sr_alert_exceeds_spend(pair, month, 3600, 600000001));
    assert_false(sr_alert_exceeds_spend(pair, month, 300, 50000000));
    assert_true(sr_alert_exceeds_spend(pair, month, 300, 50000001));
    /* shares that are no whole number of nano-dollars: 10 % within 3 days, a twelfth of that within 6 hours */
    pair = &sr_alert_pairs[3];
    assert_false(sr_alert_exceeds_spend(pair, 19, 259200, 1));
    assert_true(sr_alert_exceeds_spend(pair, 19, 259200, 2));
    assert_false(sr_alert_exceeds_spend(pair, 121, 21600, 1));
    assert_true(sr_alert_exceeds_spend(pair, 119, 21600, 1));
    assert_false(sr_alert_exceeds_spend(pair, 120, 21600, 1)); /* exactly */
}

static void the_largest_amounts_do_no_harm(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SLIPRING_ALERT_COUNT; i++) {
        const struct sr_alert_pair *pair = &sr_alert_pairs[i];
        assert_true(sr_alert_exceeds_spend(pair, UINT64_MAX, pair->long_s, UINT64_MAX));
        assert_true(sr_alert_exceeds_spend(pair, UINT64_MAX, pair->short_s, UINT64_MAX));
        assert_false(sr_alert_exceeds_spend(pair, UINT64_MAX, pair->long_s, UINT64_MAX / 100));
        assert_true(sr_alert_exceeds_spend(pair, 1, pair->long_s, 1));
        assert_false(sr_alert_exceeds_spend(pair, 1, pair->long_s, 0));
        assert_false(sr_alert_exceeds_spend(pair, 0, pair->long_s, UINT64_MAX)); /* is no budget */
    }
}

static void a_money_budget_has_neither_gate_nor_lack_of_data(void **state)
{
    (void)state;
    const struct sr_alert_pair *pair = &sr_alert_pairs[1]; /* 5 % in 6h, 30m */
    assert_int_equal(sr_alert_judge_spend(pair, DOLLAR, 3600, DOLLAR, DOLLAR), SLIPRING_ALERT_NONE);
    assert_int_equal(sr_alert_judge_spend(pair, DOLLAR, DAY_S, 0, 0), SLIPRING_ALERT_QUIET);
    assert_int_equal(sr_alert_judge_spend(pair, DOLLAR, DAY_S, 50000000, 50000000), SLIPRING_ALERT_QUIET);
    assert_int_equal(sr_alert_judge_spend(pair, DOLLAR, DAY_S, 50000001, 4166667), SLIPRING_ALERT_FIRING);
    assert_int_equal(sr_alert_judge_spend(pair, DOLLAR, DAY_S, 50000001, 4166666), SLIPRING_ALERT_QUIET);
    assert_int_equal(sr_alert_judge_spend(pair, DOLLAR, DAY_S, 50000000, 50000000), SLIPRING_ALERT_QUIET);
    assert_int_equal(sr_alert_judge_spend(pair, 0, DAY_S, DOLLAR, DOLLAR), SLIPRING_ALERT_QUIET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(factors_of_thirty_and_of_twenty_eight_days),
        cmocka_unit_test(a_burn_of_36_spends_five_percent_of_thirty_days_in_an_hour),
        cmocka_unit_test(one_failure_of_ten_an_hour_takes_a_seventh_of_the_month),
        cmocka_unit_test(a_burn_rate_of_exactly_the_factor_does_not_exceed_it),
        cmocka_unit_test(factors_that_are_no_decimal_have_exact_edges),
        cmocka_unit_test(impossible_and_largest_counts_do_no_harm),
        cmocka_unit_test(no_pair_is_longer_than_the_period),
        cmocka_unit_test(a_pair_that_all_bad_would_not_set_off_says_so),
        cmocka_unit_test(a_pair_fires_while_both_windows_exceed),
        cmocka_unit_test(states_have_their_order),
        cmocka_unit_test(exhaustion_is_what_remains_at_this_rate),
        cmocka_unit_test(a_period_is_itself_or_the_month_that_is),
        cmocka_unit_test(a_share_of_the_amount_is_exact_to_the_nano_dollar),
        cmocka_unit_test(the_largest_amounts_do_no_harm),
        cmocka_unit_test(a_money_budget_has_neither_gate_nor_lack_of_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
