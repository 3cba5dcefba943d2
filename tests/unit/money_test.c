/* SPDX-License-Identifier: Apache-2.0 */
/* Money: exact in, exact out, rounded only where digits are asked for, saturating with a word about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "pure/money.h"

static void dollars_become_exact_nanodollars(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t nanodollars;
    } cases[] = {
        {"0.002", 2000000},           {"$1.5", 1500000000},
        {"12", 12 * SR_MONEY_DOLLAR}, {"0", 0},
        {"$0.000000001", 1},          {"18446744073.709551615", UINT64_MAX},
        {"0.30", 300000000},          {"$.25", 250000000},
    };
    for (size_t i = 0; i < SR_ARRAY_COUNT(cases); i++) {
        uint64_t nanodollars = 4711;
        assert_int_equal(sr_money_parse(cases[i].text, &nanodollars), SR_PARSE_OK);
        assert_true(nanodollars == cases[i].nanodollars);
    }
}

static void bad_amounts_are_refused_each_for_its_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum sr_parse reason;
    } cases[] = {
        {"", SR_PARSE_EMPTY},
        {"$", SR_PARSE_NOT_A_NUMBER},
        {"$$1", SR_PARSE_NOT_A_NUMBER},
        {"-$", SR_PARSE_NOT_A_NUMBER},
        {"-$-1", SR_PARSE_NOT_A_NUMBER},
        {"1$", SR_PARSE_NOT_A_NUMBER},
        {"1 000", SR_PARSE_NOT_A_NUMBER},
        {"1,000", SR_PARSE_NOT_A_NUMBER},
        {"nan", SR_PARSE_NOT_A_NUMBER},
        {"1e3", SR_PARSE_NOT_A_NUMBER},
        {"-1", SR_PARSE_NEGATIVE},
        {"-$1", SR_PARSE_NEGATIVE},
        {"$-1", SR_PARSE_NEGATIVE},
        {"0.0000000001", SR_PARSE_TOO_FINE},
        {"18446744073.709551616", SR_PARSE_TOO_LARGE},
        {"100000000000000000000", SR_PARSE_TOO_LARGE},
    };
    for (size_t i = 0; i < SR_ARRAY_COUNT(cases); i++) {
        uint64_t nanodollars = 4711;
        enum sr_parse got = sr_money_parse(cases[i].text, &nanodollars);
        if (got != cases[i].reason) {
            fail_msg("'%s': %s", cases[i].text, sr_parse_text(got));
        }
        assert_int_equal(nanodollars, 4711);
    }
}

static void every_refusal_has_a_text(void **state)
{
    (void)state;
    for (int reason = 0; reason < SR_PARSE_COUNT; reason++) {
        assert_true(strlen(sr_parse_text((enum sr_parse)reason)) > 0);
    }
    assert_string_equal(sr_parse_text(SR_PARSE_NEGATIVE), "negative");
    assert_non_null(sr_parse_text((enum sr_parse)1000));
}

static void amounts_are_shown_shortest_and_exact(void **state)
{
    (void)state;
    char text[SR_MONEY_TEXT_BYTES];
    assert_int_equal(sr_money_format(2000000, text), 5);
    assert_string_equal(text, "0.002");
    sr_money_format(12 * SR_MONEY_DOLLAR, text);
    assert_string_equal(text, "12");
    sr_money_format(UINT64_MAX, text);
    assert_string_equal(text, "18446744073.709551615");
}

static void fixed_digits_round_half_up_and_carry(void **state)
{
    (void)state;
    static const struct {
        uint64_t nanodollars;
        uint32_t digits;
        const char *text;
    } cases[] = {
        {1500000000, 0, "2"},
        {1499999999, 0, "1"},
        {1234567890, 2, "1.23"},
        {1235000000, 2, "1.24"},
        {1234999999, 2, "1.23"},
        {999999999, 2, "1.00"},
        {0, 4, "0.0000"},
        {50000000, 1, "0.1"},
        {1, 9, "0.000000001"},
        {UINT64_MAX, 9, "18446744073.709551615"},
        {UINT64_MAX, 0, "18446744074"},
        {UINT64_MAX, 2, "18446744073.71"},
    };
    for (size_t i = 0; i < SR_ARRAY_COUNT(cases); i++) {
        char text[SR_MONEY_TEXT_BYTES];
        size_t length = sr_money_format_fixed(cases[i].nanodollars, cases[i].digits, text);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(length, strlen(text));
    }
}

static void what_is_shown_reads_back_the_same(void **state)
{
    (void)state;
    for (uint64_t amount = 1; amount < UINT64_MAX / 7; amount = amount * 7 + 3) {
        char text[SR_MONEY_TEXT_BYTES];
        uint64_t again = 0;
        sr_money_format(amount, text);
        assert_int_equal(sr_money_parse(text, &again), SR_PARSE_OK);
        assert_true(again == amount);
    }
}

static void sums_saturate_and_say_so(void **state)
{
    (void)state;
    bool saturated = false;
    assert_true(sr_money_add(2, 3, &saturated) == 5);
    assert_true(sr_money_add(UINT64_MAX - 1, 1, &saturated) == UINT64_MAX);
    assert_false(saturated);
    assert_true(sr_money_add(UINT64_MAX, 1, &saturated) == UINT64_MAX);
    assert_true(saturated);
    assert_true(sr_money_add(1, 1, &saturated) == 2);
    assert_true(saturated);
}

static void savings_rate_is_the_saved_share_and_absent_without_money(void **state)
{
    (void)state;
    double rate = -1;
    assert_false(sr_money_savings_rate(0, 0, &rate));
    assert_true(rate == -1);
    assert_true(sr_money_savings_rate(3, 1, &rate));
    assert_true(rate == 0.25);
    assert_true(sr_money_savings_rate(0, 5, &rate));
    assert_true(rate == 1.0);
    assert_true(sr_money_savings_rate(5, 0, &rate));
    assert_true(rate == 0.0);
    assert_true(sr_money_savings_rate(UINT64_MAX, UINT64_MAX, &rate));
    assert_true(rate == 0.5);
}

static void an_execution_costs_its_share_of_what_all_did(void **state)
{
    (void)state;
    double dollars = 4711;
    assert_false(sr_money_per_request(5, 0, &dollars));
    assert_true(dollars == 4711);
    assert_true(sr_money_per_request(0, 7, &dollars));
    assert_true(dollars == 0.0);
    assert_true(sr_money_per_request(41250001, 4000, &dollars));
    assert_true(dollars == 41250001.0 / 4000e9);
    assert_true(sr_money_per_request(UINT64_MAX, UINT64_MAX, &dollars));
    assert_true(dollars == 1e-9);
}

static void an_hour_costs_what_the_span_cost_over_a_second_at_least(void **state)
{
    (void)state;
    assert_true(sr_money_per_hour(0, 0) == 0.0);
    assert_true(sr_money_per_hour(5 * SR_MONEY_DOLLAR, 3600 * UINT64_C(1000000000)) == 5.0);
    assert_true(sr_money_per_hour(SR_MONEY_DOLLAR, 60 * UINT64_C(1000000000)) == 60.0);
    assert_true(sr_money_per_hour(SR_MONEY_DOLLAR, 1) == 3600.0);
    assert_true(sr_money_per_hour(UINT64_MAX, 1) == 18446744073709551615.0 * 3600 / 1e9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_execution_costs_its_share_of_what_all_did),
        cmocka_unit_test(an_hour_costs_what_the_span_cost_over_a_second_at_least),
        cmocka_unit_test(dollars_become_exact_nanodollars),
        cmocka_unit_test(bad_amounts_are_refused_each_for_its_reason),
        cmocka_unit_test(every_refusal_has_a_text),
        cmocka_unit_test(amounts_are_shown_shortest_and_exact),
        cmocka_unit_test(fixed_digits_round_half_up_and_carry),
        cmocka_unit_test(what_is_shown_reads_back_the_same),
        cmocka_unit_test(sums_saturate_and_say_so),
        cmocka_unit_test(savings_rate_is_the_saved_share_and_absent_without_money),
    };
    return cmocka_run_group_tests_name("money", tests, NULL, NULL);
}
