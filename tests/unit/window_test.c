/* SPDX-License-Identifier: Apache-2.0 */
/* Slices and windows: the arithmetic of pure/window.h. */
#include "pure/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SECOND UINT64_C(1000000000)

static void a_window_covers_no_more_than_is_known(void **state)
{
    (void)state;
    assert_int_equal(sr_window_begin(0, 100 * SECOND, 60 * SECOND), 40 * SECOND);
    assert_int_equal(sr_window_begin(55 * SECOND, 100 * SECOND, 60 * SECOND), 55 * SECOND);
    assert_int_equal(sr_window_begin(0, 20 * SECOND, 60 * SECOND), 0);
    assert_int_equal(sr_window_begin(101 * SECOND, 100 * SECOND, 60 * SECOND), 100 * SECOND);
}

static void a_rate_is_events_over_the_span_but_of_a_second_at_least(void **state)
{
    (void)state;
    assert_true(sr_window_rate(120, 60 * SECOND) == 2.0);
    assert_true(sr_window_rate(7, SECOND / 1000) == 7.0);
    assert_true(sr_window_rate(0, 0) == 0.0);
    assert_int_equal(sr_window_rate_thousandths(7, SECOND / 1000), 7000);
    assert_int_equal(sr_window_rate_thousandths(1, 3 * SECOND), 333);
    assert_true(sr_window_rate_thousandths(UINT64_MAX, SECOND) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_covers_no_more_than_is_known),
        cmocka_unit_test(a_rate_is_events_over_the_span_but_of_a_second_at_least),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
