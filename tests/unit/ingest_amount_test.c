/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of logs and tables to integers: exactly, with exponents, and rounded only when asked to. */
#include "support/check.h"

#include <stdlib.h>
#include <string.h>

#include <slipring/record.h>

#include "tools/ingest.h"

#define MAX SLIPRING_DURATION_MAX_NS

/* The text lies at the end of an allocation, so that a sanitizer sees a byte too many. */
static enum sr_parse parse(const char *text, uint32_t power, bool is_rounded, uint64_t *out_amount)
{
    const size_t length = strlen(text);
    char *copy = malloc(length > 0 ? length : 1);
    memcpy(copy, text, length);
    enum sr_parse result = ingest_amount((struct ingest_text){.text = copy, .length = length}, power, MAX,
                                         is_rounded, out_amount);
    free(copy);
    return result;
}

static void expect(const char *text, uint32_t power, bool is_rounded, uint64_t want)
{
    uint64_t amount = 77;
    enum sr_parse result = parse(text, power, is_rounded, &amount);
    if (result != SR_PARSE_OK || amount != want) {
        check_fail(__FILE__, __LINE__, "%s: %llu (%s), and should be %llu", text, (unsigned long long)amount,
                   sr_parse_text(result), (unsigned long long)want);
    }
}

static void expect_refused(const char *text, uint32_t power, bool is_rounded, enum sr_parse want)
{
    uint64_t amount = 77;
    enum sr_parse result = parse(text, power, is_rounded, &amount);
    if (result != want || amount != 77) {
        check_fail(__FILE__, __LINE__, "%s: %llu (%s), and should be %s", text, (unsigned long long)amount,
                   sr_parse_text(result), sr_parse_text(want));
    }
}

static void numbers_are_exact_with_and_without_an_exponent(void **state)
{
    (void)state;
    expect("0", 9, false, 0);
    expect("0.123", 9, false, 123000000);
    expect("12", 0, false, 12);
    expect("1e3", 0, false, 1000);
    expect("1.5E+3", 0, false, 1500);
    expect("1.5e-3", 9, false, 1500000);
    expect("1e-9", 9, false, 1);
    expect("0.000000001e0", 9, false, 1);
    expect("12345678900e-10", 9, false, 1234567890);
    expect(".5e1", 6, false, 5000000);
    expect("5.e0", 3, false, 5000);
    expect("0e999999999999", 9, false, 0);
    expect("0.0e-999999999999", 9, false, 0);
    expect("100e-2", 0, false, 1);
    expect("4503599.627370495", 9, false, MAX);
    expect("4503599627370495e-9", 9, false, MAX);
}

static void what_is_no_number_negative_too_large_or_too_fine_is_refused(void **state)
{
    (void)state;
    static const char *const none[] = {"e",     "e5",   "1e",  "1e+", "1e-",   "1e5e5", "1e5.0", "1.2.3e1",
                                       "+1",    "1e1x", "nan", "inf", "0x1p3", "1 ",    " 1",    "1,5",
                                       "1_000", ".",    ".e1", "--1", "1e 5",  "-"};
    for (size_t i = 0; i < SR_ARRAY_COUNT(none); i++) {
        expect_refused(none[i], 9, false, SR_PARSE_NOT_A_NUMBER);
        expect_refused(none[i], 0, true, SR_PARSE_NOT_A_NUMBER);
    }
    expect_refused("", 9, true, SR_PARSE_EMPTY);
    expect_refused("-1", 9, true, SR_PARSE_NEGATIVE);
    expect_refused("-1e-3", 9, true, SR_PARSE_NEGATIVE);
    expect_refused("-1e99", 9, true, SR_PARSE_NEGATIVE);
    expect_refused("1e99999999999999999999", 9, true, SR_PARSE_TOO_LARGE);
    expect_refused("4503599.627370496", 9, true, SR_PARSE_TOO_LARGE);
    expect_refused("1e-10", 9, false, SR_PARSE_TOO_FINE);
    expect_refused("1e-99999999999", 9, false, SR_PARSE_TOO_FINE);
    expect_refused("0.5", 0, false, SR_PARSE_TOO_FINE);
}

static void rounding_is_half_up_and_only_when_asked_for(void **state)
{
    (void)state;
    expect("0.1234567894", 9, true, 123456789);
    expect("0.1234567895", 9, true, 123456790);
    expect("0.12345678949999999999999999999999999", 9, true, 123456789);
    expect("0.5", 0, true, 1);
    expect(".5", 0, true, 1);
    expect(".4", 0, true, 0);
    expect("1.4999", 0, true, 1);
    expect("9.9e-10", 9, true, 1);
    expect("4e-10", 9, true, 0);
    expect("1e-99999999999", 9, true, 0);
    expect_refused("4503599.6273704955", 9, true, SR_PARSE_TOO_LARGE);
    expect("4503599.6273704954", 9, true, MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_exact_with_and_without_an_exponent),
        cmocka_unit_test(what_is_no_number_negative_too_large_or_too_fine_is_refused),
        cmocka_unit_test(rounding_is_half_up_and_only_when_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
