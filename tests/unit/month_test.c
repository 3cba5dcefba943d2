/* SPDX-License-Identifier: Apache-2.0 */
/* Calendar months: every one until 2400 against counting them up, and the leap years that people get wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pure/month.h"

#define DAY_S UINT64_C(86400)

static bool is_leap(uint32_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static uint64_t days_in(uint32_t year, uint32_t month)
{
    static const uint64_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month] + (month == 1 && is_leap(year));
}

static void expect(uint64_t wall_s, uint64_t start_s, uint64_t length_s)
{
    const struct sr_month month = sr_month_of(wall_s);
    assert_true(month.start_s == start_s && month.length_s == length_s);
}

static void every_month_begins_where_the_one_before_it_ends(void **state)
{
    (void)state;
    uint64_t start_s = 0;
    for (uint32_t year = 1970; year < 2500; year++) {
        for (uint32_t month = 0; month < 12; month++) {
            const uint64_t length_s = days_in(year, month) * DAY_S;
            expect(start_s, start_s, length_s);
            expect(start_s + length_s / 2, start_s, length_s);
            expect(start_s + length_s - 1, start_s, length_s);
            start_s += length_s;
        }
    }
}

static void months_that_date_knows(void **state)
{
    (void)state;
    expect(1795654861, 1793491200, 30 * DAY_S); /* 2026-11-26 01:01:01: since 2026-11-01 */
    expect(1709164800, 1706745600, 29 * DAY_S); /* 2024-02-29 */
    expect(951782399, 949363200, 29 * DAY_S);   /* 2000-02-28 23:59:59 */
    expect(4107542399, 4105123200, 28 * DAY_S); /* 2100-02-28 23:59:59: no leap year */
}

/* A clock that was never set, and one that is nonsense. */
static void any_second_has_a_month(void **state)
{
    (void)state;
    expect(0, 0, 31 * DAY_S);
    const struct sr_month month = sr_month_of(UINT64_MAX);
    assert_true(month.length_s >= 28 * DAY_S && month.length_s <= 31 * DAY_S);
    assert_true(UINT64_MAX - month.start_s < 31 * DAY_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_month_begins_where_the_one_before_it_ends),
        cmocka_unit_test(months_that_date_knows),
        cmocka_unit_test(any_second_has_a_month),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
