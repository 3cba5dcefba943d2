/* SPDX-License-Identifier: Apache-2.0 */
/* Durations as people write and read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "pure/bucket.h"
#include "pure/duration.h"

#define SECOND UINT64_C(1000000000)

static void durations_with_a_unit_become_exact_nanoseconds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ns;
    } cases[] = {
        {"12ms", 12000000},
        {"1.5s", 1500000000},
        {"250us", 250000},
        {"250\xc2\xb5s", 250000}, /* micro sign */
        {"250\xce\xbcs", 250000}, /* Greek mu */
        {"7ns", 7},
        {"7.0ns", 7},
        {"3m", 180 * SECOND},
        {"2h", 7200 * SECOND},
        {"1h30m", 5400 * SECOND},
        {"30d", 2592000 * SECOND},
        {"1d2h3m4s5ms6us7ns", 93784 * SECOND + 5006007},
        {"0.1ms", 100000},
        {".5s", SECOND / 2},
        {"1.5h", 5400 * SECOND},
        {"0.000000001s", 1},
        {"0ms", 0},
        {"1.123456789s", 1123456789},
        {"4503599627370495ns", SR_DURATION_MAX_NS},
    };
    for (size_t i = 0; i < SR_ARRAY_COUNT(cases); i++) {
        uint64_t ns = 4711;
        enum sr_parse got = sr_duration_parse(cases[i].text, SR_DURATION_MAX_NS, &ns);
        if (got != SR_PARSE_OK || ns != cases[i].ns) {
            fail_msg("'%s': %s", cases[i].text, sr_parse_text(got));
        }
    }
}

static void bad_durations_are_refused_each_for_its_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum sr_parse reason;
    } cases[] = {
        {"", SR_PARSE_EMPTY},
        {"nan", SR_PARSE_NOT_A_NUMBER},
        {"inf", SR_PARSE_NOT_A_NUMBER},
        {"NaNs", SR_PARSE_NOT_A_NUMBER},
        {"ms", SR_PARSE_NOT_A_NUMBER},
        {".ms", SR_PARSE_NOT_A_NUMBER},
        {"1..5ms", SR_PARSE_NOT_A_NUMBER},
        {"12 ms", SR_PARSE_NOT_A_NUMBER},
        {" 12ms", SR_PARSE_NOT_A_NUMBER},
        {"12ms ", SR_PARSE_NOT_A_NUMBER},
        {"1,5s", SR_PARSE_NOT_A_NUMBER},
        {"+5ms", SR_PARSE_NOT_A_NUMBER},
        {"5-3s", SR_PARSE_NOT_A_NUMBER},
        {"1m2h", SR_PARSE_NOT_A_NUMBER},
        {"1m2m", SR_PARSE_NOT_A_NUMBER},
        {"1us2\xc2\xb5s", SR_PARSE_NOT_A_NUMBER},
        {"-", SR_PARSE_NOT_A_NUMBER},
        {"--5ms", SR_PARSE_NOT_A_NUMBER},
        {"-nan", SR_PARSE_NOT_A_NUMBER},
        {"-5ms", SR_PARSE_NEGATIVE},
        {"-5", SR_PARSE_NEGATIVE},
        {"-0s", SR_PARSE_NEGATIVE},
        {"-99999999999999999999h", SR_PARSE_NEGATIVE},
        {"12", SR_PARSE_NO_UNIT},
        {"0", SR_PARSE_NO_UNIT},
        {"1.5", SR_PARSE_NO_UNIT},
        {"1h30", SR_PARSE_NO_UNIT},
        {"12parsecs", SR_PARSE_UNKNOWN_UNIT},
        {"1e3ms", SR_PARSE_UNKNOWN_UNIT},
        {"12MS", SR_PARSE_UNKNOWN_UNIT},
        {"12\xc2s", SR_PARSE_UNKNOWN_UNIT},
        {"0x10ms", SR_PARSE_UNKNOWN_UNIT},
        {"0.5ns", SR_PARSE_TOO_FINE},
        {"0.0001us", SR_PARSE_TOO_FINE},
        {"4503599627370496ns", SR_PARSE_TOO_LARGE},
        {"53d", SR_PARSE_TOO_LARGE},
        {"52d4h", SR_PARSE_TOO_LARGE},
        {"99999999999999999999999s", SR_PARSE_TOO_LARGE},
    };
    for (size_t i = 0; i < SR_ARRAY_COUNT(cases); i++) {
        uint64_t ns = 4711;
        enum sr_parse got = sr_duration_parse(cases[i].text, SR_DURATION_MAX_NS, &ns);
        if (got != cases[i].reason) {
            fail_msg("'%s': %s", cases[i].text, sr_parse_text(got));
        }
        assert_int_equal(ns, 4711);
    }
}

static void limit_is_the_callers(void **state)
{
    (void)state;
    uint64_t ns = 0;
    assert_int_equal(sr_duration_parse("90d", UINT64_MAX, &ns), SR_PARSE_OK);
    assert_true(ns == 7776000 * SECOND);
    assert_int_equal(sr_duration_parse("18446744073709551615ns", UINT64_MAX, &ns), SR_PARSE_OK);
    assert_true(ns == UINT64_MAX);
    assert_int_equal(sr_duration_parse("18446744073709551616ns", UINT64_MAX, &ns), SR_PARSE_TOO_LARGE);
    assert_int_equal(sr_duration_parse("18446744073s709551616ns", UINT64_MAX, &ns), SR_PARSE_TOO_LARGE);
    assert_int_equal(sr_duration_parse("10ms", 10000000, &ns), SR_PARSE_OK);
    assert_int_equal(sr_duration_parse("11ms", 10000000, &ns), SR_PARSE_TOO_LARGE);
}

static void durations_are_shown_in_three_digits_or_two_units(void **state)
{
    (void)state;
    static const struct {
        uint64_t ns;
        const char *text;
    } cases[] = {
        {0, "0s"},
        {1, "1ns"},
        {999, "999ns"},
        {1000, "1.00\xc2\xb5s"},
        {4564, "4.56\xc2\xb5s"},
        {4565, "4.57\xc2\xb5s"},
        {9994, "9.99\xc2\xb5s"},
        {9995, "10.0\xc2\xb5s"},
        {99949, "99.9\xc2\xb5s"},
        {99950, "100\xc2\xb5s"},
        {999499, "999\xc2\xb5s"},
        {999500, "1.00ms"},
        {12345678, "12.3ms"},
        {999499999, "999ms"},
        {999500000, "1.00s"},
        {1200000000, "1.20s"},
        {9995000000, "10.0s"},
        {59949999999, "59.9s"},
        {59950000000, "1m00s"},
        {60 * SECOND, "1m00s"},
        {125 * SECOND, "2m05s"},
        {3599 * SECOND + 499999999, "59m59s"},
        {3599 * SECOND + 500000000, "1h00m"},
        {7500 * SECOND, "2h05m"},
        {86369 * SECOND, "23h59m"},
        {86370 * SECOND, "1d00h"},
        {76 * 3600 * SECOND, "3d04h"},
        {SR_DURATION_MAX_NS, "52d03h"},
        {UINT64_MAX, "213504d00h"},
    };
    for (size_t i = 0; i < SR_ARRAY_COUNT(cases); i++) {
        char text[SR_DURATION_TEXT_BYTES];
        memset(text, '#', sizeof text);
        size_t length = sr_duration_format(cases[i].ns, text);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(length, strlen(text));
    }
}

static void what_is_shown_reads_back_within_half_a_percent(void **state)
{
    (void)state;
    for (uint64_t ns = 1; ns < 59 * SECOND; ns += ns / 37 + 1) {
        char text[SR_DURATION_TEXT_BYTES];
        uint64_t again = 0;
        sr_duration_format(ns, text);
        assert_int_equal(sr_duration_parse(text, SR_DURATION_MAX_NS, &again), SR_PARSE_OK);
        uint64_t off = again > ns ? again - ns : ns - again;
        assert_true(off * 200 <= ns);
    }
}

static void a_label_is_exact_and_reads_back(void **state)
{
    (void)state;
    static const struct {
        uint64_t ns;
        const char *text;
    } cases[] = {{0, "0s"},
                 {10 * SECOND, "10s"},
                 {60 * SECOND, "1m"},
                 {90 * SECOND, "1m30s"},
                 {5400 * SECOND, "1h30m"},
                 {86400 * SECOND, "1d"},
                 {7 * 86400 * SECOND, "7d"},
                 {1500000000, "1s500ms"},
                 {1001, "1us1ns"},
                 {UINT64_MAX, "213503d23h34m33s709ms551us615ns"}};
    for (size_t i = 0; i < SR_ARRAY_COUNT(cases); i++) {
        char text[SR_DURATION_LABEL_BYTES];
        memset(text, '#', sizeof text);
        assert_int_equal(sr_duration_label(cases[i].ns, text), strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
        uint64_t again = 1;
        assert_int_equal(sr_duration_parse(text, UINT64_MAX, &again), SR_PARSE_OK);
        assert_int_equal(again, cases[i].ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_with_a_unit_become_exact_nanoseconds),
        cmocka_unit_test(bad_durations_are_refused_each_for_its_reason),
        cmocka_unit_test(limit_is_the_callers),
        cmocka_unit_test(durations_are_shown_in_three_digits_or_two_units),
        cmocka_unit_test(what_is_shown_reads_back_within_half_a_percent),
        cmocka_unit_test(a_label_is_exact_and_reads_back),
    };
    return cmocka_run_group_tests_name("duration", tests, NULL, NULL);
}
