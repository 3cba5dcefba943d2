/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text for machines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pure/number.h"

static char text[SR_NUMBER_TEXT_BYTES];

static void assert_formats(double value, const char *expected)
{
    size_t length = sr_number_format(value, text);
    assert_string_equal(text, expected);
    assert_int_equal(length, strlen(expected));
}

static void a_double_is_its_shortest_decimal(void **state)
{
    (void)state;
    assert_formats(0.0, "0");
    assert_formats(-0.0, "0");
    assert_formats(1.0, "1");
    assert_formats(-3.0, "-3");
    assert_formats(0.1, "0.1");
    assert_formats(0.01083, "0.01083");
    assert_formats(1e-7, "1e-07");
    assert_formats(0.00025, "0.00025");
    assert_formats(0.0001, "0.0001");
    assert_formats(0.00005, "5e-05");
    assert_formats(0.0000012345, "1.2345e-06");
    assert_formats(0.00099999999999999998, "0.001");
    assert_formats(999999999999999.0, "999999999999999");
    assert_formats(1e15, "1e+15");
    assert_formats(0.1 + 0.2, "0.30000000000000004");
    assert_formats(5.0 / 3.0, "1.6666666666666667");
}

static void every_double_reads_back_as_itself(void **state)
{
    (void)state;
    const double edges[] = {DBL_MIN, DBL_MAX, DBL_EPSILON, DBL_TRUE_MIN, -DBL_MAX, 9007199254740993.0};
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        assert_true(sr_number_format(edges[i], text) > 0);
        assert_true(strtod(text, NULL) == edges[i]);
    }
    uint64_t random = 88172645463325252u;
    for (int i = 0; i < 20000; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        double value;
        memcpy(&value, &random, sizeof value);
        if (isfinite(value)) {
            assert_true(sr_number_format(value, text) > 0);
            assert_true(strtod(text, NULL) == value);
        }
    }
}

/* As short as what trial finds, and it reads back: the two differ only where two texts are equally good. */
static void assert_shortest(double value)
{
    char expected[SR_NUMBER_TEXT_BYTES];
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(expected, sizeof expected, "%.*g", digits, value);
        if (strtod(expected, NULL) == value) {
            break;
        }
    }
    assert_int_equal(sr_number_format(value, text), strlen(expected));
    assert_int_equal(strlen(text), strlen(expected));
    assert_true(strtod(text, NULL) == value);
}

static void figures_of_everyday_size_are_as_short_as_by_trial(void **state)
{
    (void)state;
    uint64_t random = 88172645463325252u;
    for (double least = 1e-9; least < 1e14; least *= 10) {
        assert_shortest(least);
        assert_shortest(nextafter(least, 1));
        assert_shortest(nextafter(least, 1e15));
        for (int i = 0; i < 3000; i++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            double value = least * (1 + 9 * ((double)(random >> 11) / 0x1p53));
            assert_shortest(value);
            assert_shortest((double)(random % 1000000) / (double)(random >> 44 | 1)); /* ratios */
            assert_shortest(floor(value * 1000) / 1000);                              /* short ones */
        }
    }
    for (double power = 0x1p-19; power < 1e15; power *= 2) {
        assert_shortest(power);
        assert_shortest(nextafter(power, 0));
        assert_shortest(nextafter(power, 1e15));
    }
}

static void what_is_not_finite_has_no_text(void **state)
{
    (void)state;
    assert_formats(NAN, "");
    assert_formats(INFINITY, "");
    assert_formats(-INFINITY, "");
}

static void whatever_the_locale_writes_for_the_point_becomes_a_point(void **state)
{
    (void)state;
    strcpy(text, "0,25");
    assert_int_equal(sr_number_settle_point(text), 4);
    assert_string_equal(text, "0.25");
    strcpy(text, "-1\xd9\xab"
                 "5e-07"); /* U+066B, two bytes */
    assert_int_equal(sr_number_settle_point(text), 8);
    assert_string_equal(text, "-1.5e-07");
    strcpy(text, "12");
    assert_int_equal(sr_number_settle_point(text), 2);
}

static void a_sum_of_nanoseconds_is_exact_seconds(void **state)
{
    (void)state;
    assert_int_equal(sr_number_format_sum(0, 0, text), 1);
    assert_string_equal(text, "0");
    (void)sr_number_format_sum(1, 0, text);
    assert_string_equal(text, "0.000000001");
    (void)sr_number_format_sum(1500000000, 0, text);
    assert_string_equal(text, "1.5");
    (void)sr_number_format_sum(0, 1, text);
    assert_string_equal(text, "18446744073.709551616");
    size_t length = sr_number_format_sum(UINT64_MAX, UINT64_MAX, text);
    assert_int_equal(length, strlen(text));
    assert_string_equal(text, "340282366920938463463374607431.768211455");
}

/* The double of a sum is what a reader makes of its text, also where the sum has more bits than a double. */
static void the_double_of_billionths_is_that_of_their_text(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (unsigned i = 0; i < 200000; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        const uint64_t high = i % 3 == 0 ? 0 : random >> (i / 3 % 64);
        const uint64_t low = high == 0 ? random >> (i % 64) : random * 3;
        (void)sr_number_format_sum(low, high, text);
        assert_true(strtod(text, NULL) == sr_number_of_billionths(low, high));
    }
    static const uint64_t edges[] = {
        0, 1, (UINT64_C(1) << 53) - 1, UINT64_C(1) << 53, (UINT64_C(1) << 53) + 1, UINT64_MAX};
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        for (size_t j = 0; j < sizeof edges / sizeof edges[0]; j++) {
            (void)sr_number_format_sum(edges[i], edges[j], text);
            assert_true(strtod(text, NULL) == sr_number_of_billionths(edges[i], edges[j]));
        }
    }
}

static void assert_integer(uint64_t value)
{
    char expected[SR_NUMBER_TEXT_BYTES];
    (void)snprintf(expected, sizeof expected, "%" PRIu64, value);
    assert_int_equal(sr_number_format_integer(value, text), strlen(expected));
    assert_string_equal(text, expected);
}

static void integers_are_digits(void **state)
{
    (void)state;
    assert_int_equal(sr_number_format_integer(0, text), 1);
    assert_string_equal(text, "0");
    assert_int_equal(sr_number_format_integer(UINT64_MAX, text), 20);
    assert_string_equal(text, "18446744073709551615");
    for (unsigned bit = 0; bit < 64; bit++) {
        assert_integer((UINT64_C(1) << bit) - 1);
        assert_integer(UINT64_C(1) << bit);
    }
    for (uint64_t power = 10; power < UINT64_MAX / 10; power *= 10) {
        assert_integer(power - 1);
        assert_integer(power);
        assert_integer(power + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_double_is_its_shortest_decimal),
        cmocka_unit_test(every_double_reads_back_as_itself),
        cmocka_unit_test(figures_of_everyday_size_are_as_short_as_by_trial),
        cmocka_unit_test(what_is_not_finite_has_no_text),
        cmocka_unit_test(whatever_the_locale_writes_for_the_point_becomes_a_point),
        cmocka_unit_test(a_sum_of_nanoseconds_is_exact_seconds),
        cmocka_unit_test(the_double_of_billionths_is_that_of_their_text),
        cmocka_unit_test(integers_are_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
