/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds: their texts, and counts at them on hand-made cells. The counts against brute force over any samples are
 * property/quantile_test.c's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "pure/bound.h"
#include "pure/bucket.h"

#define SECOND UINT64_C(1000000000)

static void decimal_seconds_become_exact_nanoseconds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ns;
    } cases[] = {
        {"0.001", 1000000},       {"2", 2 * SECOND},
        {"2.", 2 * SECOND},       {".5", SECOND / 2},
        {"0.000000001", 1},       {"0.1", 100000000},
        {"0.3", 300000000},       {"1.100000000000000000000000000", 1100000000},
        {"0000060", 60 * SECOND}, {"4503599.627370495", SR_DURATION_MAX_NS},
    };
    for (size_t i = 0; i < SR_ARRAY_COUNT(cases); i++) {
        uint64_t ns = 0;
        assert_int_equal(sr_bound_parse(cases[i].text, &ns), SR_PARSE_OK);
        assert_true(ns == cases[i].ns);
    }
}

static void bad_bounds_are_refused_each_for_its_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum sr_parse reason;
    } cases[] = {
        {"", SR_PARSE_EMPTY},
        {".", SR_PARSE_NOT_A_NUMBER},
        {"fast", SR_PARSE_NOT_A_NUMBER},
        {"nan", SR_PARSE_NOT_A_NUMBER},
        {"+Inf", SR_PARSE_NOT_A_NUMBER},
        {"1e-3", SR_PARSE_NOT_A_NUMBER},
        {"+1", SR_PARSE_NOT_A_NUMBER},
        {" 1", SR_PARSE_NOT_A_NUMBER},
        {"1 ", SR_PARSE_NOT_A_NUMBER},
        {"1.2.3", SR_PARSE_NOT_A_NUMBER},
        {"1,5", SR_PARSE_NOT_A_NUMBER},
        {"0x10", SR_PARSE_NOT_A_NUMBER},
        {"-x", SR_PARSE_NOT_A_NUMBER},
        {"--1", SR_PARSE_NOT_A_NUMBER},
        {"-1", SR_PARSE_NEGATIVE},
        {"-0", SR_PARSE_NEGATIVE},
        {"0", SR_PARSE_ZERO},
        {"0.000", SR_PARSE_ZERO},
        {"0.0000000001", SR_PARSE_TOO_FINE},
        {"1.0000000001", SR_PARSE_TOO_FINE},
        {"1.0000000000000000000000000000001", SR_PARSE_TOO_FINE},
        {"4503599.627370496", SR_PARSE_TOO_LARGE},
        {"18446744074", SR_PARSE_TOO_LARGE},
        {"99999999999999999999999999999999999999999999999999", SR_PARSE_TOO_LARGE},
    };
    for (size_t i = 0; i < SR_ARRAY_COUNT(cases); i++) {
        uint64_t ns = 4711;
        enum sr_parse got = sr_bound_parse(cases[i].text, &ns);
        if (got != cases[i].reason) {
            fail_msg("'%s': %s", cases[i].text, sr_parse_text(got));
        }
        assert_int_equal(ns, 4711);
    }
}

static void fraction_of_any_length_is_too_fine_not_overflowing(void **state)
{
    (void)state;
    for (size_t digits = 10; digits < 300; digits++) {
        char text[320] = "0.";
        memset(text + 2, '0', digits - 1);
        text[digits + 1] = '1';
        uint64_t ns;
        assert_int_equal(sr_bound_parse(text, &ns), SR_PARSE_TOO_FINE);
    }
}

static void bounds_are_shown_as_the_shortest_decimal(void **state)
{
    (void)state;
    static const struct {
        uint64_t ns;
        const char *text;
    } cases[] = {
        {1000000, "0.001"},
        {SECOND, "1"},
        {30 * SECOND, "30"},
        {100 * SECOND, "100"},
        {1, "0.000000001"},
        {1234567890, "1.23456789"},
        {0, "0"},
        {UINT64_MAX, "18446744073.709551615"},
        {SECOND / 10 * 25, "2.5"},
    };
    for (size_t i = 0; i < SR_ARRAY_COUNT(cases); i++) {
        char text[SR_BOUND_TEXT_BYTES];
        assert_int_equal(sr_bound_format(cases[i].ns, text), strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
    }
}

/* As Go's strconv.FormatFloat(x, 'g', -1, 64) has them, with .0 behind an integer. */
static void labels_are_the_canonical_numbers_of_openmetrics(void **state)
{
    (void)state;
    static const struct {
        uint64_t ns;
        const char *text;
    } cases[] = {
        {1, "1e-09"},
        {12, "1.2e-08"},
        {50000, "5e-05"},
        {99999, "9.9999e-05"},
        {100000, "0.0001"},
        {1000000, "0.001"},
        {1234567, "0.001234567"},
        {SECOND, "1.0"},
        {10 * SECOND, "10.0"},
        {1500000000, "1.5"},
        {999999 * SECOND, "999999.0"},
        {999999999999999, "999999.999999999"},
        {1000000 * SECOND, "1e+06"},
        {1234567 * SECOND + 500000000, "1.2345675e+06"},
        {SR_DURATION_MAX_NS, "4.503599627370495e+06"},
        {UINT64_MAX, "1.8446744073709551615e+10"}, /* no bound, but no reason to write beyond the text */
        {0, "0.0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[SR_BOUND_LABEL_BYTES];
        assert_int_equal(sr_bound_label(cases[i].ns, text), strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
    }
}

static void default_bounds_are_those_of_the_documentation(void **state)
{
    (void)state;
    struct sr_bound_list list;
    assert_int_equal(sr_bound_parse_list("0.001 0.01 0.1 0.5 1 2 5 10 30 60", &list, NULL), SR_PARSE_OK);
    assert_int_equal(list.count, SR_BOUND_DEFAULT_COUNT);
    assert_memory_equal(list.ns, sr_bound_defaults, sizeof sr_bound_defaults);
}

static void lists_take_commas_blanks_and_both(void **state)
{
    (void)state;
    static const char *const texts[] = {"0.5,1,2", "0.5 1 2", " 0.5 ,1\t,\n 2 ", "0.5, 1, 2"};
    for (size_t i = 0; i < SR_ARRAY_COUNT(texts); i++) {
        struct sr_bound_list list;
        assert_int_equal(sr_bound_parse_list(texts[i], &list, NULL), SR_PARSE_OK);
        assert_int_equal(list.count, 3);
        assert_true(list.ns[0] == SECOND / 2 && list.ns[1] == SECOND && list.ns[2] == 2 * SECOND);
    }
}

static void bad_lists_are_refused_and_the_place_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum sr_parse reason;
        size_t bad_off;
    } cases[] = {
        {"", SR_PARSE_EMPTY, 0},
        {"  ", SR_PARSE_EMPTY, 2},
        {",1", SR_PARSE_EMPTY, 0},
        {"1,,2", SR_PARSE_EMPTY, 2},
        {"1,2,", SR_PARSE_EMPTY, 4},
        {"1 2 two", SR_PARSE_NOT_A_NUMBER, 4},
        {"1;2", SR_PARSE_NOT_A_NUMBER, 0},
        {"1 2 2", SR_PARSE_NOT_ASCENDING, 4},
        {"1 3 2", SR_PARSE_NOT_ASCENDING, 4},
        {"0 1", SR_PARSE_ZERO, 0},
        {"1, -2", SR_PARSE_NEGATIVE, 3},
        {"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", SR_PARSE_TOO_MANY, 39},
    };
    for (size_t i = 0; i < SR_ARRAY_COUNT(cases); i++) {
        struct sr_bound_list list = {.count = 77};
        size_t bad_off = 1000;
        enum sr_parse got = sr_bound_parse_list(cases[i].text, &list, &bad_off);
        if (got != cases[i].reason || bad_off != cases[i].bad_off) {
            fail_msg("'%s': %s at %zu", cases[i].text, sr_parse_text(got), bad_off);
        }
        assert_int_equal(list.count, 77);
    }
}

static void list_of_sixteen_is_taken(void **state)
{
    (void)state;
    struct sr_bound_list list;
    assert_int_equal(sr_bound_parse_list("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", &list, NULL), SR_PARSE_OK);
    assert_int_equal(list.count, SR_BOUND_LIST_MAX);
    assert_true(list.ns[15] == 16 * SECOND);
}

static void slot_is_the_smallest_bound_at_or_above_in_the_same_bucket(void **state)
{
    (void)state;
    /* Three bounds in the bucket of 1.005 s, which is (1 s, 1.0219 s], one far above. */
    const uint64_t bounds[] = {1005000000, 1006000000, 1020000000, 2 * SECOND};
    assert_int_equal(sr_bound_slot(bounds, 4, SECOND), -1); /* the bucket before */
    assert_int_equal(sr_bound_slot(bounds, 4, SECOND + 1), 0);
    assert_int_equal(sr_bound_slot(bounds, 4, 1005000000), 0);
    assert_int_equal(sr_bound_slot(bounds, 4, 1005000001), 1);
    assert_int_equal(sr_bound_slot(bounds, 4, 1020000000), 2);
    assert_int_equal(sr_bound_slot(bounds, 4, 1020000001), -1); /* the same bucket, above its bounds */
    assert_int_equal(sr_bound_slot(bounds, 4, 2 * SECOND), 3);
    assert_int_equal(sr_bound_slot(bounds, 4, 2 * SECOND + 1), -1);
    assert_int_equal(sr_bound_slot(bounds, 4, 0), -1);
    assert_int_equal(sr_bound_slot(bounds, 4, SR_DURATION_MAX_NS), -1);
    assert_int_equal(sr_bound_slot(bounds, 0, SECOND), -1);
}

static void cumulative_counts_are_cells_below_and_slots_up_to_the_bound(void **state)
{
    (void)state;
    static uint64_t cells[SR_BUCKET_COUNT];
    const uint64_t bounds[] = {1005000000, 1006000000, 2 * SECOND};
    const uint64_t slots[] = {3, 2, 7};
    cells[SR_BUCKET_ZERO] = 1;
    cells[sr_bucket_index(SECOND)] = 10;
    cells[sr_bucket_index(1005000000)] = 9; /* 3 + 2 in slots, 4 above both */
    cells[sr_bucket_index(2 * SECOND)] = 8; /* 7 in the slot: 2 s is the bucket's end, one is left out */
    cells[SR_BUCKET_COUNT - 1] = 100;

    const uint64_t expected[] = {1 + 10 + 3, 1 + 10 + 3 + 2, 1 + 10 + 9 + 7};
    uint64_t all[3];
    sr_bound_cumulatives(cells, bounds, slots, 3, all);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(all[i] == expected[i]);
        assert_true(sr_bound_cumulative(cells, bounds, slots, i) == expected[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimal_seconds_become_exact_nanoseconds),
        cmocka_unit_test(bad_bounds_are_refused_each_for_its_reason),
        cmocka_unit_test(fraction_of_any_length_is_too_fine_not_overflowing),
        cmocka_unit_test(bounds_are_shown_as_the_shortest_decimal),
        cmocka_unit_test(labels_are_the_canonical_numbers_of_openmetrics),
        cmocka_unit_test(default_bounds_are_those_of_the_documentation),
        cmocka_unit_test(lists_take_commas_blanks_and_both),
        cmocka_unit_test(bad_lists_are_refused_and_the_place_is_told),
        cmocka_unit_test(list_of_sixteen_is_taken),
        cmocka_unit_test(slot_is_the_smallest_bound_at_or_above_in_the_same_bucket),
        cmocka_unit_test(cumulative_counts_are_cells_below_and_slots_up_to_the_bound),
    };
    return cmocka_run_group_tests_name("bound", tests, NULL, NULL);
}
