/* SPDX-License-Identifier: Apache-2.0 */
/* Words that are nearly right. */
#include "support/check.h"

#include <string.h>

#include "pure/suggest.h"

static void distances_count_what_fingers_do(void **state)
{
    (void)state;
    assert_int_equal(sr_suggest_distance("show", "show"), 0);
    assert_int_equal(sr_suggest_distance("shwo", "show"), 1); /* a swap */
    assert_int_equal(sr_suggest_distance("sho", "show"), 1);
    assert_int_equal(sr_suggest_distance("shhow", "show"), 1);
    assert_int_equal(sr_suggest_distance("shaw", "show"), 1);
    assert_int_equal(sr_suggest_distance("", "show"), 4);
    assert_int_equal(sr_suggest_distance("top", "rings"), 5);
    char longest[1000];
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(sr_suggest_distance(longest, longest), 0);
    assert_int_equal(sr_suggest_distance(longest, "b"), 256);
}

static void only_what_is_near_is_suggested(void **state)
{
    (void)state;
    struct sr_suggest suggest;
    sr_suggest_begin(&suggest, "veryfi");
    sr_suggest_offer(&suggest, "ls");
    assert_null(suggest.best);
    sr_suggest_offer(&suggest, "verify");
    assert_string_equal(suggest.best, "verify");
    sr_suggest_begin(&suggest, "qq");
    sr_suggest_offer(&suggest, "ls");
    assert_null(suggest.best);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances_count_what_fingers_do),
        cmocka_unit_test(only_what_is_near_is_suggested),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
