/* SPDX-License-Identifier: Apache-2.0 */
/* Shares of a budget, and burn rates by window, as people write them. */
#include "support/check.h"

#include <string.h>

#include "base/compiler.h"
#include "tools/shares.h"

static void shares_are_parts_per_billion_exactly(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t ppb;
    } cases[] = {{"10%", 100000000},   {"0.1", 100000000}, {"0%", 0},           {"0", 0},
                 {"100%", 1000000000}, {"1", 1000000000},  {"2.5 %", 25000000}, {"0.0000001%", 1}};
    for (size_t i = 0; i < SR_ARRAY_COUNT(cases); i++) {
        uint32_t ppb = 77;
        assert_int_equal(shares_parse(cases[i].text, &ppb), SR_PARSE_OK);
        assert_int_equal(ppb, cases[i].ppb);
    }
}

static void bad_shares_are_refused_each_for_its_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum sr_parse verdict;
    } cases[] = {{"", SR_PARSE_EMPTY},
                 {"%", SR_PARSE_NOT_A_NUMBER},
                 {" %", SR_PARSE_NOT_A_NUMBER},
                 {"10", SR_PARSE_TOO_LARGE},
                 {"101%", SR_PARSE_TOO_LARGE},
                 {"-1%", SR_PARSE_NEGATIVE},
                 {"1e-3", SR_PARSE_NOT_A_NUMBER},
                 {"nan", SR_PARSE_NOT_A_NUMBER},
                 {"0.0000000001", SR_PARSE_TOO_FINE},
                 {"10%%", SR_PARSE_NOT_A_NUMBER}};
    for (size_t i = 0; i < SR_ARRAY_COUNT(cases); i++) {
        uint32_t ppb = 77;
        assert_int_equal(shares_parse(cases[i].text, &ppb), cases[i].verdict);
        assert_int_equal(ppb, 77);
    }
}

static void limits_are_a_list_of_windows_and_rates(void **state)
{
    (void)state;
    struct burn_limit limits[SLIPRING_SLO_WINDOW_COUNT];
    size_t count = 0;
    const char *bad = NULL;
    const char *why = NULL;
    assert_true(shares_parse_limits("1h=2", limits, &count, &bad, &why));
    assert_int_equal(count, 1);
    assert_int_equal(limits[0].window_s, 3600);
    assert_int_equal(limits[0].rate_billionths, 2000000000);
    assert_true(shares_parse_limits("5m=14.4,30m=0,60m=1,2h=1,6h=6,24h=3,3d=1", limits, &count, &bad, &why));
    assert_int_equal(count, SLIPRING_SLO_WINDOW_COUNT);
    assert_int_equal(limits[0].rate_billionths, 14400000000);
    assert_int_equal(limits[5].window_s, 86400);
    assert_null(bad);
}

static void a_bad_limit_is_named_with_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *bad;
        const char *why;
    } cases[] = {
        {"", "", "without a '='"},
        {"1h", "1h", "without a '='"},
        {"1h=2,", "", "without a '='"},
        {"1h=2,4h=3", "4h=3", "of a window that is none of 5m, 30m, 1h, 2h, 6h, 1d, 3d"},
        {"3600=2", "3600=2", "of a window that is none of 5m, 30m, 1h, 2h, 6h, 1d, 3d"},
        {"0000000000000000000000000000000000000000001h=2", "0000000000000000000000000000000000000000001h=2",
         "of a window that is none of 5m, 30m, 1h, 2h, 6h, 1d, 3d"},
        {"1h=", "1h=", "empty"},
        {"1h=-1", "1h=-1", "negative"},
        {"1h=fast", "1h=fast", "not a plain decimal number"},
        {"1h=2=3", "1h=2=3", "not a plain decimal number"},
        {"1h=2,60m=3", "60m=3", "of a window that was given before"},
        {"1h=99999999999999", "1h=99999999999999", "too large"},
    };
    for (size_t i = 0; i < SR_ARRAY_COUNT(cases); i++) {
        struct burn_limit limits[SLIPRING_SLO_WINDOW_COUNT];
        size_t count = 77;
        const char *bad = NULL;
        const char *why = NULL;
        assert_false(shares_parse_limits(cases[i].text, limits, &count, &bad, &why));
        assert_string_equal(bad, cases[i].bad);
        assert_string_equal(why, cases[i].why);
        assert_int_equal(count, 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_parts_per_billion_exactly),
        cmocka_unit_test(bad_shares_are_refused_each_for_its_reason),
        cmocka_unit_test(limits_are_a_list_of_windows_and_rates),
        cmocka_unit_test(a_bad_limit_is_named_with_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
