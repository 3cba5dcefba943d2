/* SPDX-License-Identifier: Apache-2.0 */
/* The log is told once when the registry fills up, and once when it is full. */
#include "agent/books/cardinality.h"

#include "support/check.h"

static void four_fifths_and_all_of_it_are_told_once(void **state)
{
    (void)state;
    struct cardinality cardinality = {0};
    CHECK_EQUAL(cardinality_note(&cardinality, 0, 1000), CARDINALITY_FINE);
    CHECK_EQUAL(cardinality_note(&cardinality, 799, 1000), CARDINALITY_FINE);
    CHECK_EQUAL(cardinality_note(&cardinality, 800, 1000), CARDINALITY_FILLING);
    CHECK_EQUAL(cardinality_note(&cardinality, 801, 1000), CARDINALITY_FINE);
    CHECK_EQUAL(cardinality_note(&cardinality, 999, 1000), CARDINALITY_FINE);
    CHECK_EQUAL(cardinality_note(&cardinality, 1000, 1000), CARDINALITY_FULL);
    CHECK_EQUAL(cardinality_note(&cardinality, 1000, 1000), CARDINALITY_FINE);
}

static void a_limit_that_was_raised_is_told_of_anew(void **state)
{
    (void)state;
    struct cardinality cardinality = {0};
    CHECK_EQUAL(cardinality_note(&cardinality, 10, 10), CARDINALITY_FULL); /* at once: one line says it */
    CHECK_EQUAL(cardinality_note(&cardinality, 10, 13), CARDINALITY_FINE); /* 77 %: nothing new to say */
    CHECK_EQUAL(cardinality_note(&cardinality, 11, 13), CARDINALITY_FINE);
    CHECK_EQUAL(cardinality_note(&cardinality, 11, 20), CARDINALITY_FINE);
    CHECK_EQUAL(cardinality_note(&cardinality, 16, 20), CARDINALITY_FILLING);
    CHECK_EQUAL(cardinality_note(&cardinality, 20, 20), CARDINALITY_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_fifths_and_all_of_it_are_told_once),
        cmocka_unit_test(a_limit_that_was_raised_is_told_of_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
