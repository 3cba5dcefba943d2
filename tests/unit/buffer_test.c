/* SPDX-License-Identifier: Apache-2.0 */
/* A text that grows, and what it does when it cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "agent/buffer.h"

static void what_is_added_stands_one_after_the_other(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    buffer_add_text(&buffer, "n=");
    buffer_add_integer(&buffer, UINT64_MAX);
    buffer_format(&buffer, " %s %d", "x", -1);
    buffer_add(&buffer, NULL, 0);
    assert_int_equal(buffer.used, 27);
    assert_memory_equal(buffer.text, "n=18446744073709551615 x -1", 27);
    buffer_free(&buffer);
    assert_null(buffer.text);
}

static void it_grows_over_many_additions(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    for (unsigned i = 0; i < 100000; i++) {
        buffer_add(&buffer, (const char[]){(char)('a' + i % 26)}, 1);
    }
    assert_int_equal(buffer.used, 100000);
    for (unsigned i = 0; i < 100000; i++) {
        assert_int_equal(buffer.text[i], 'a' + i % 26);
    }
    buffer_free(&buffer);
}

static void clearing_keeps_the_memory(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    buffer_add_text(&buffer, "text");
    const char *text = buffer.text;
    buffer_clear(&buffer);
    assert_int_equal(buffer.used, 0);
    buffer_add_text(&buffer, "more");
    assert_ptr_equal(buffer.text, text);
    buffer_free(&buffer);
}

static void without_memory_it_fails_for_good_and_adds_nothing_more(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    buffer_add_text(&buffer, "begin");
    assert_null(buffer_room(&buffer, SIZE_MAX / 2));
    assert_true(buffer.failed);
    char large[8192] = "";
    buffer_add(&buffer, large, sizeof large);
    assert_int_equal(buffer.used, 5);
    buffer_clear(&buffer);
    assert_false(buffer.failed);
    buffer_add(&buffer, large, sizeof large);
    assert_int_equal(buffer.used, sizeof large);
    buffer_free(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_added_stands_one_after_the_other),
        cmocka_unit_test(it_grows_over_many_additions),
        cmocka_unit_test(clearing_keeps_the_memory),
        cmocka_unit_test(without_memory_it_fails_for_good_and_adds_nothing_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
