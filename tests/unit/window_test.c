/* SPDX-License-Identifier: Apache-2.0 */
/* Slices and windows: the arithmetic of pure/window.h. */
#include "pure/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SECOND UINT64_C(1000000000)

static void a_gap_is_the_lowest_that_is_wide_enough(void **state)
{
    (void)state;
    const struct sr_window_place places[] = {
        {.off = 40, .words = 10}, {.off = 0, .words = 10}, {.off = 15, .words = 5}};
    uint32_t off = 99;
    assert_true(sr_window_find_gap(places, 3, 100, 5, &off));
    assert_int_equal(off, 10);
    assert_true(sr_window_find_gap(places, 3, 100, 6, &off));
    assert_int_equal(off, 20);
    assert_true(sr_window_find_gap(places, 3, 100, 20, &off));
    assert_int_equal(off, 20);
    assert_true(sr_window_find_gap(places, 3, 100, 50, &off));
    assert_int_equal(off, 50);
}

static void there_is_no_gap_where_none_is_wide_enough(void **state)
{
    (void)state;
    const struct sr_window_place places[] = {{.off = 10, .words = 10}, {.off = 30, .words = 60}};
    uint32_t off = 99;
    assert_false(sr_window_find_gap(places, 2, 100, 11, &off));
    assert_false(sr_window_find_gap(places, 0, 100, 101, &off));
    assert_int_equal(off, 99);
    assert_true(sr_window_find_gap(places, 0, 100, 100, &off));
    assert_int_equal(off, 0);
}

static void a_slice_leaves_when_it_began_before_the_window(void **state)
{
    (void)state;
    const uint64_t start[] = {10 * SECOND, 13 * SECOND, 16 * SECOND};
    assert_int_equal(sr_window_leaving(start, 3, 70 * SECOND, 60 * SECOND), 0);
    assert_int_equal(sr_window_leaving(start, 3, 70 * SECOND + 1, 60 * SECOND), 1);
    assert_int_equal(sr_window_leaving(start, 3, 76 * SECOND, 60 * SECOND), 2);
    assert_int_equal(sr_window_leaving(start, 3, 77 * SECOND, 60 * SECOND), 3);
    assert_int_equal(sr_window_leaving(start, 3, 5 * SECOND, 60 * SECOND), 0);
}

static void a_window_covers_no_more_than_is_known(void **state)
{
    (void)state;
    assert_int_equal(sr_window_begin(0, 100 * SECOND, 60 * SECOND), 40 * SECOND);
    assert_int_equal(sr_window_begin(55 * SECOND, 100 * SECOND, 60 * SECOND), 55 * SECOND);
    assert_int_equal(sr_window_begin(0, 20 * SECOND, 60 * SECOND), 0);
    assert_int_equal(sr_window_begin(101 * SECOND, 100 * SECOND, 60 * SECOND), 100 * SECOND);
}

static void what_differs_is_packed_and_added_up_again(void **state)
{
    (void)state;
    uint64_t base[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    uint64_t cells[8] = {1, 2, 10, 4, 6, 6, 7, 9};
    uint64_t entries[8];
    uint64_t sum[8] = {0};
    const uint32_t n = sr_window_differ(cells, base, 1, 8, entries);
    assert_int_equal(n, 3);
    assert_int_equal(entries[0], sr_window_pack(2, 7));
    sr_window_add(sum, 8, entries, n);
    sr_window_add(sum, 8, entries, n);
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(sum[i], 2 * (cells[i] - base[i]));
    }
}

static void a_cell_outside_of_the_array_is_left_out(void **state)
{
    (void)state;
    uint64_t sum[4] = {0};
    const uint64_t entries[] = {sr_window_pack(4, 1), sr_window_pack(65535, 1), sr_window_pack(3, 5)};
    sr_window_add(sum, 4, entries, 3);
    assert_int_equal(sum[3], 5);
}

static void a_growth_beyond_48_bits_is_cut(void **state)
{
    (void)state;
    const uint64_t base[1] = {0};
    const uint64_t cells[1] = {UINT64_MAX};
    uint64_t entries[1];
    assert_int_equal(sr_window_differ(cells, base, 0, 1, entries), 1);
    assert_int_equal(sr_window_cell(entries[0]), 0);
    assert_int_equal(sr_window_count(entries[0]), SR_WINDOW_COUNT_MAX);
}

static void a_rate_is_events_over_the_span_but_of_a_second_at_least(void **state)
{
    (void)state;
    assert_true(sr_window_rate(120, 60 * SECOND) == 2.0);
    assert_true(sr_window_rate(7, SECOND / 1000) == 7.0);
    assert_true(sr_window_rate(0, 0) == 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gap_is_the_lowest_that_is_wide_enough),
        cmocka_unit_test(there_is_no_gap_where_none_is_wide_enough),
        cmocka_unit_test(a_slice_leaves_when_it_began_before_the_window),
        cmocka_unit_test(a_window_covers_no_more_than_is_known),
        cmocka_unit_test(what_differs_is_packed_and_added_up_again),
        cmocka_unit_test(a_cell_outside_of_the_array_is_left_out),
        cmocka_unit_test(a_growth_beyond_48_bits_is_cut),
        cmocka_unit_test(a_rate_is_events_over_the_span_but_of_a_second_at_least),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
