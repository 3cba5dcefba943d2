/* SPDX-License-Identifier: Apache-2.0 */
/* The bucket scheme at the values that people know, and its invariants over every bucket. The exactness of every
 * boundary is property/bucket_test.c's. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pure/bucket.h"
#include <slipring/record.h>

#define SECOND UINT64_C(1000000000)

_Static_assert(SR_DURATION_MAX_NS == SLIPRING_DURATION_MAX_NS, "the header promises this range");

static int32_t key_of_ns(uint64_t duration_ns)
{
    return sr_bucket_key(sr_bucket_index(duration_ns));
}

static void zero_has_a_bucket_of_its_own(void **state)
{
    (void)state;
    assert_int_equal(sr_bucket_index(0), SR_BUCKET_ZERO);
    assert_int_equal(sr_bucket_lower_ns(SR_BUCKET_ZERO), 0);
    assert_int_equal(sr_bucket_upper_ns(SR_BUCKET_ZERO), 0);
    assert_true(sr_bucket_estimate_ns(SR_BUCKET_ZERO) == 0.0);
}

static void range_ends_are_the_first_and_the_last_index(void **state)
{
    (void)state;
    assert_int_equal(sr_bucket_index(1), 1);
    assert_int_equal(key_of_ns(1), SR_BUCKET_KEY_MIN);
    assert_int_equal(sr_bucket_index(SR_DURATION_MAX_NS), SR_BUCKET_COUNT - 1);
    assert_int_equal(key_of_ns(SR_DURATION_MAX_NS), SR_BUCKET_KEY_MAX);
}

static void powers_of_two_seconds_are_upper_inclusive(void **state)
{
    (void)state;
    assert_int_equal(key_of_ns(SECOND), 0);
    assert_int_equal(key_of_ns(SECOND + 1), 1);
    assert_int_equal(key_of_ns(2 * SECOND), 32);
    assert_int_equal(key_of_ns(2 * SECOND + 1), 33);
    assert_int_equal(key_of_ns(SECOND / 2), -32);
    assert_int_equal(key_of_ns(SECOND / 2 + 1), -31);
    assert_int_equal(key_of_ns(SECOND / 512), -9 * 32);
    assert_int_equal(key_of_ns(SECOND / 512 + 1), -9 * 32 + 1);
    assert_int_equal(key_of_ns(4096 * SECOND), 12 * 32);
    assert_int_equal(key_of_ns(4096 * SECOND + 1), 12 * 32 + 1);
}

static void keys_agree_with_the_logarithm_away_from_the_boundaries(void **state)
{
    (void)state;
    for (int step = 0; step < 13000; step++) {
        uint64_t ns = (uint64_t)(exp2(step / 250.0) + 0.5);
        double exact = 32.0 * log2((double)ns / 1e9);
        if (fabs(exact - round(exact)) > 1e-6) {
            assert_int_equal(key_of_ns(ns), (int32_t)ceil(exact));
        }
    }
}

static void buckets_tile_the_range_without_gap_or_overlap(void **state)
{
    (void)state;
    uint32_t empty = 0;
    for (uint32_t index = 1; index < SR_BUCKET_COUNT; index++) {
        uint64_t lower = sr_bucket_lower_ns(index);
        uint64_t upper = sr_bucket_upper_ns(index);
        assert_true(lower == sr_bucket_upper_ns(index - 1) + 1);
        if (lower > upper) {
            assert_true(lower == upper + 1);
            assert_true(lower <= 46);
            empty++;
            continue;
        }
        assert_int_equal(sr_bucket_index(lower), index);
        assert_int_equal(sr_bucket_index(upper), index);
        assert_int_equal(sr_bucket_index(upper + 1) > index, 1);
    }
    assert_true(empty > 0);
    assert_true(sr_bucket_upper_ns(SR_BUCKET_COUNT - 1) >= SR_DURATION_MAX_NS);
    assert_true(sr_bucket_upper_ns(SR_BUCKET_COUNT - 2) < SR_DURATION_MAX_NS);
}

static void keys_and_indices_are_one_to_one(void **state)
{
    (void)state;
    for (uint32_t index = 1; index < SR_BUCKET_COUNT; index++) {
        assert_int_equal(sr_bucket_of_key(sr_bucket_key(index)), index);
    }
    assert_int_equal(sr_bucket_of_key(SR_BUCKET_KEY_MIN - 1), SR_BUCKET_COUNT);
    assert_int_equal(sr_bucket_of_key(SR_BUCKET_KEY_MAX + 1), SR_BUCKET_COUNT);
    assert_int_equal(sr_bucket_of_key(INT32_MIN), SR_BUCKET_COUNT);
    assert_int_equal(sr_bucket_of_key(INT32_MAX), SR_BUCKET_COUNT);
}

static void estimate_is_within_the_bound_of_both_ends_of_every_bucket(void **state)
{
    (void)state;
    double worst = 0;
    for (uint32_t index = 1; index < SR_BUCKET_COUNT; index++) {
        double estimate = sr_bucket_estimate_ns(index);
        double ends[] = {(double)sr_bucket_lower_ns(index), (double)sr_bucket_upper_ns(index)};
        if (ends[0] > ends[1]) {
            continue;
        }
        for (int i = 0; i < 2; i++) {
            double error = fabs(estimate - ends[i]) / ends[i];
            assert_true(error <= SR_BUCKET_ERROR_BOUND);
            worst = error > worst ? error : worst;
        }
    }
    /* The bound is reached, so a smaller one would be a lie. */
    assert_true(worst > 0.01083);
}

static void error_bound_is_that_of_the_growth_factor_rounded_up(void **state)
{
    (void)state;
    double growth = exp2(1.0 / 32);
    double error = (growth - 1) / (growth + 1);
    assert_true(SR_BUCKET_ERROR_BOUND > error);
    assert_true(SR_BUCKET_ERROR_BOUND < error + 1e-7);
}

static void estimate_is_the_harmonic_middle_of_the_real_bounds(void **state)
{
    (void)state;
    for (uint32_t index = 1; index < SR_BUCKET_COUNT; index++) {
        double a = exp2((sr_bucket_key(index) - 1) / 32.0) * 1e9;
        double b = exp2(sr_bucket_key(index) / 32.0) * 1e9;
        double middle = 2 * a * b / (a + b);
        assert_true(fabs(sr_bucket_estimate_ns(index) / middle - 1) < 1e-13);
    }
}

static void downscaling_rounds_keys_up_to_the_coarser_bucket(void **state)
{
    (void)state;
    for (uint32_t steps = 0; steps <= 8; steps++) {
        for (int32_t key = SR_BUCKET_KEY_MIN; key <= SR_BUCKET_KEY_MAX; key++) {
            assert_int_equal(sr_bucket_downscale(key, steps), (int32_t)ceil((double)key / (1 << steps)));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_has_a_bucket_of_its_own),
        cmocka_unit_test(range_ends_are_the_first_and_the_last_index),
        cmocka_unit_test(powers_of_two_seconds_are_upper_inclusive),
        cmocka_unit_test(keys_agree_with_the_logarithm_away_from_the_boundaries),
        cmocka_unit_test(buckets_tile_the_range_without_gap_or_overlap),
        cmocka_unit_test(keys_and_indices_are_one_to_one),
        cmocka_unit_test(estimate_is_within_the_bound_of_both_ends_of_every_bucket),
        cmocka_unit_test(error_bound_is_that_of_the_growth_factor_rounded_up),
        cmocka_unit_test(estimate_is_the_harmonic_middle_of_the_real_bounds),
        cmocka_unit_test(downscaling_rounds_keys_up_to_the_coarser_bucket),
    };
    return cmocka_run_group_tests_name("bucket", tests, NULL, NULL);
}
