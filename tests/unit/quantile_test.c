/* SPDX-License-Identifier: Apache-2.0 */
/* Nearest-rank quantiles on small arrays that can be counted by hand, and ranks at the edge of 64 bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pure/quantile.h"

#define NONE 99u

static uint32_t cell_of(const uint64_t *cells, uint32_t n_cells, uint64_t total, uint32_t quantile_ppm)
{
    uint32_t index = NONE;
    return sr_quantile_cell(cells, n_cells, total, quantile_ppm, &index) ? index : NONE;
}

static void rank_is_rounded_up_and_at_least_one(void **state)
{
    (void)state;
    assert_int_equal(sr_quantile_rank(1, 0), 1);
    assert_int_equal(sr_quantile_rank(1, 999999), 1);
    assert_int_equal(sr_quantile_rank(2, 500000), 1);
    assert_int_equal(sr_quantile_rank(3, 500000), 2);
    assert_int_equal(sr_quantile_rank(100, 990000), 99);
    assert_int_equal(sr_quantile_rank(101, 990000), 100);
    assert_int_equal(sr_quantile_rank(1000, 999000), 999);
    assert_int_equal(sr_quantile_rank(1001, 999000), 1000);
    assert_int_equal(sr_quantile_rank(1000000, 1), 1);
    assert_int_equal(sr_quantile_rank(1000001, 1), 2);
}

static void rank_does_not_overflow_at_the_largest_count(void **state)
{
    (void)state;
    assert_true(sr_quantile_rank(UINT64_MAX, 1000000) == UINT64_MAX);
    /* (2^64 - 1) * 0.5 = 9223372036854775807.5 */
    assert_true(sr_quantile_rank(UINT64_MAX, 500000) == UINT64_C(9223372036854775808));
    /* ceil(n - n/10^6) = n - floor(n/10^6) */
    assert_true(sr_quantile_rank(UINT64_MAX, 999999) == UINT64_MAX - UINT64_MAX / 1000000);
}

static void quantile_is_the_cell_that_holds_the_rank(void **state)
{
    (void)state;
    const uint64_t cells[] = {0, 5, 0, 4, 1, 0};
    assert_int_equal(cell_of(cells, 6, 10, 0), 1);
    assert_int_equal(cell_of(cells, 6, 10, 500000), 1);
    assert_int_equal(cell_of(cells, 6, 10, 500001), 3);
    assert_int_equal(cell_of(cells, 6, 10, 900000), 3);
    assert_int_equal(cell_of(cells, 6, 10, 900001), 4);
    assert_int_equal(cell_of(cells, 6, 10, 1000000), 4);
}

static void one_sample_is_every_quantile(void **state)
{
    (void)state;
    const uint64_t cells[] = {0, 0, 1};
    assert_int_equal(cell_of(cells, 3, 1, 0), 2);
    assert_int_equal(cell_of(cells, 3, 1, 500000), 2);
    assert_int_equal(cell_of(cells, 3, 1, 1000000), 2);
}

static void without_samples_there_is_no_quantile(void **state)
{
    (void)state;
    const uint64_t cells[] = {0, 0, 0};
    assert_int_equal(cell_of(cells, 3, 0, 500000), NONE);
    assert_int_equal(cell_of(cells, 0, 0, 500000), NONE);
    const uint64_t read_later[] = {0, 1};
    assert_int_equal(cell_of(read_later, 2, 0, 500000), NONE);
}

static void total_beyond_the_cells_has_no_quantile_there(void **state)
{
    (void)state;
    const uint64_t cells[] = {2, 2};
    assert_int_equal(cell_of(cells, 2, 8, 500000), 1);
    assert_int_equal(cell_of(cells, 2, 8, 990000), NONE);
}

static void quantile_above_one_is_refused(void **state)
{
    (void)state;
    const uint64_t cells[] = {2, 2};
    assert_int_equal(cell_of(cells, 2, 4, 1000001), NONE);
}

static void huge_cells_do_not_overflow_the_walk(void **state)
{
    (void)state;
    const uint64_t cells[] = {UINT64_MAX / 2, UINT64_MAX / 2, 1};
    assert_int_equal(cell_of(cells, 3, UINT64_MAX, 499999), 0);
    assert_int_equal(cell_of(cells, 3, UINT64_MAX, 500000), 1);
    assert_int_equal(cell_of(cells, 3, UINT64_MAX, 1000000), 2);
    const uint64_t more_than_total[] = {1, UINT64_MAX};
    assert_int_equal(cell_of(more_than_total, 2, UINT64_MAX, 1000000), 1);
}

static void several_quantiles_come_from_one_pass(void **state)
{
    (void)state;
    const uint64_t cells[] = {0, 5, 0, 4, 1, 0};
    const uint32_t asked[] = {0, 500000, 500000, 900000, 950000, 1000000};
    uint32_t got[6];
    assert_true(sr_quantile_cells(cells, 6, 10, asked, 6, got));
    const uint32_t expected[] = {1, 1, 1, 3, 4, 4};
    assert_memory_equal(got, expected, sizeof expected);
}

static void several_quantiles_that_fall_are_refused(void **state)
{
    (void)state;
    const uint64_t cells[] = {1, 1};
    const uint32_t asked[] = {900000, 500000};
    uint32_t got[2];
    assert_false(sr_quantile_cells(cells, 2, 2, asked, 2, got));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rank_is_rounded_up_and_at_least_one),
        cmocka_unit_test(rank_does_not_overflow_at_the_largest_count),
        cmocka_unit_test(quantile_is_the_cell_that_holds_the_rank),
        cmocka_unit_test(one_sample_is_every_quantile),
        cmocka_unit_test(without_samples_there_is_no_quantile),
        cmocka_unit_test(total_beyond_the_cells_has_no_quantile_there),
        cmocka_unit_test(quantile_above_one_is_refused),
        cmocka_unit_test(huge_cells_do_not_overflow_the_walk),
        cmocka_unit_test(several_quantiles_come_from_one_pass),
        cmocka_unit_test(several_quantiles_that_fall_are_refused),
    };
    return cmocka_run_group_tests_name("quantile", tests, NULL, NULL);
}
