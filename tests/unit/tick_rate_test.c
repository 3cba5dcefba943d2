/* SPDX-License-Identifier: Apache-2.0 */
/* Ticks into nanoseconds: exact, and without an overflow at any length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "pure/tick_rate.h"

#define HOUR UINT64_C(3600000000000) /* ns */
#define GHZ  (UINT64_C(1) << 32)     /* rate of 1 GHz: a tick is a nanosecond */

/* ticks * rate / 2^32 by hand, in halves: independent of 128-bit arithmetic. */
static uint64_t by_hand(uint64_t rate, uint64_t ticks)
{
    const uint64_t low = ticks & UINT32_MAX;
    const uint64_t high = ticks >> 32;
    const uint64_t rate_low = rate & UINT32_MAX;
    const uint64_t rate_high = rate >> 32;
    return high * rate + low * rate_high + (low * rate_low >> 32);
}

static void a_gigahertz_counts_nanoseconds(void **state)
{
    (void)state;
    assert_int_equal(sr_tick_rate_of(1000000, 1000000), GHZ);
    assert_int_equal(sr_tick_rate_ns(GHZ, 0), 0);
    assert_int_equal(sr_tick_rate_ns(GHZ, 1), 1);
    assert_int_equal(sr_tick_rate_ns(GHZ, UINT64_MAX), UINT64_MAX);
}

static void it_rounds_down_and_is_exact_to_the_last_nanosecond(void **state)
{
    (void)state;
    assert_int_equal(sr_tick_rate_ns(GHZ / 2, 1), 0);
    assert_int_equal(sr_tick_rate_ns(GHZ / 2, 3), 1);
    assert_int_equal(sr_tick_rate_ns(GHZ - 1, 1), 0);
    uint64_t random = 12345;
    for (int i = 0; i < 100000; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        const uint64_t rate = SR_TICK_RATE_LEAST + (random >> 20) % (SR_TICK_RATE_MOST - SR_TICK_RATE_LEAST);
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        const uint64_t ticks = random >> 10 >> i % 54;  /* of all lengths; the product has 96 bits and more */
        if ((ticks >> 32) * 1001 < UINT64_C(1) << 22) { /* the sum by hand holds it */
            assert_int_equal(sr_tick_rate_ns(rate, ticks), by_hand(rate, ticks));
        }
    }
}

static void hours_and_years_do_not_overflow(void **state)
{
    (void)state;
    const uint64_t rate = sr_tick_rate_of(UINT64_C(2595000000), UINT64_C(1000000000)); /* 2.595 GHz */
    for (uint64_t hours = 1; hours <= 24 * 366 * 50; hours *= 3) {
        const uint64_t ns = sr_tick_rate_ns(rate, hours * 3600 * UINT64_C(2595000000));
        const uint64_t apart = ns > hours * HOUR ? ns - hours * HOUR : hours * HOUR - ns;
        assert_true(apart <= hours * HOUR / 1000000000); /* half a unit of the rate is 0.3 in 10^9 */
    }
}

static void what_64_bits_do_not_hold_is_the_most(void **state)
{
    (void)state;
    assert_int_equal(sr_tick_rate_ns(2 * GHZ, UINT64_C(1) << 63), UINT64_MAX);
    assert_int_equal(sr_tick_rate_ns(2 * GHZ, (UINT64_C(1) << 63) - 1), UINT64_MAX - 1);
    assert_int_equal(sr_tick_rate_ns(SR_TICK_RATE_MOST, UINT64_MAX), UINT64_MAX);
}

static void a_rate_is_measured_to_the_nearest(void **state)
{
    (void)state;
    assert_int_equal(sr_tick_rate_of(3, 1), (GHZ + 1) / 3);                /* 1431655765.33 */
    assert_int_equal(sr_tick_rate_of(3, 2), (2 * GHZ + 1) / 3);            /* 2863311530.67, up */
    assert_int_equal(sr_tick_rate_of(24000000, 1000000000), 178956970667); /* arm64's 24 MHz */
}

static void a_rate_that_no_machine_has_is_none(void **state)
{
    (void)state;
    assert_int_equal(sr_tick_rate_of(0, 1000), 0);
    assert_int_equal(sr_tick_rate_of(1000, 0), 0);
    assert_int_equal(sr_tick_rate_of(1, 1001), 0);
    assert_int_equal(sr_tick_rate_of(1, 1000), SR_TICK_RATE_MOST);
    assert_int_equal(sr_tick_rate_of(16, 1), SR_TICK_RATE_LEAST);
    assert_int_equal(sr_tick_rate_of(17, 1), 0);
    assert_int_equal(sr_tick_rate_of(1, UINT64_MAX), 0);
    assert_int_equal(sr_tick_rate_of(UINT64_MAX - 5, HOUR), 0); /* it ran backwards */
    assert_false(sr_tick_rate_is_possible(0));
    assert_false(sr_tick_rate_is_possible(UINT64_MAX));
}

static void rates_differ_by_more_than_one_in_a_thousand(void **state)
{
    (void)state;
    assert_false(sr_tick_rates_differ(GHZ, GHZ));
    assert_false(sr_tick_rates_differ(GHZ + GHZ / 1000, GHZ));
    assert_false(sr_tick_rates_differ(GHZ - GHZ / 1000, GHZ));
    assert_true(sr_tick_rates_differ(GHZ + GHZ / 1000 + 1, GHZ));
    assert_true(sr_tick_rates_differ(GHZ - GHZ / 1000 - 1, GHZ));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gigahertz_counts_nanoseconds),
        cmocka_unit_test(it_rounds_down_and_is_exact_to_the_last_nanosecond),
        cmocka_unit_test(hours_and_years_do_not_overflow),
        cmocka_unit_test(what_64_bits_do_not_hold_is_the_most),
        cmocka_unit_test(a_rate_is_measured_to_the_nearest),
        cmocka_unit_test(a_rate_that_no_machine_has_is_none),
        cmocka_unit_test(rates_differ_by_more_than_one_in_a_thousand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
