/* SPDX-License-Identifier: Apache-2.0 */
/* The log's lines: what a person reads, and what hostile text cannot do to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "agent/log.h"

#define WALL_NS UINT64_C(1777886101123456789) /* 2026-05-04T09:15:01.123456789Z */

static char line[LOG_LINE_BYTES];

static size_t make_line(const char *text, size_t room)
{
    const struct log_field fields[] = {
        log_what("heard"), log_text("text", text), log_number("n", 18446744073709551615u), {.key = NULL}};
    return log_format(LOG_INFO, WALL_NS, false, fields, line, room);
}

static void an_event_is_one_line_of_logfmt(void **state)
{
    (void)state;
    size_t length = make_line("plain", sizeof line);
    assert_string_equal(
        line, "time=2026-05-04T09:15:01.123Z level=info event=heard text=plain n=18446744073709551615\n");
    assert_int_equal(length, strlen(line));
}

static void text_that_is_no_bare_word_is_quoted(void **state)
{
    (void)state;
    make_line("two words", sizeof line);
    assert_non_null(strstr(line, " text=\"two words\" n="));
    make_line("", sizeof line);
    assert_non_null(strstr(line, " text=\"\" n="));
    make_line("a=b", sizeof line);
    assert_non_null(strstr(line, " text=\"a=b\" n="));
    make_line("say \"\\\"", sizeof line);
    assert_non_null(strstr(line, " text=\"say \\\"\\\\\\\"\" n="));
    make_line(NULL, sizeof line);
    assert_non_null(strstr(line, " text=\"\" n="));
}

static void no_text_can_end_the_line_or_command_a_terminal(void **state)
{
    (void)state;
    make_line("a\nlevel=error b\r\t\033[2J\x7f \xc2\x9b", sizeof line);
    assert_non_null(strstr(line, "text=\"a\\nlevel=error b\\r\\t\\x1b[2J\\x7f \\x9b\" n="));
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void bytes_that_are_no_utf8_are_replaced(void **state)
{
    (void)state;
    make_line("gr\xc3\xbc\xc3\x9f \xff\xc3", sizeof line);
    assert_non_null(strstr(line, "text=\"gr\xc3\xbc\xc3\x9f \xef\xbf\xbd\xef\xbf\xbd\" n="));
}

static void a_line_that_is_too_long_is_cut_at_a_character_and_says_so(void **state)
{
    (void)state;
    char text[4096];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (size_t room = 64; room < 200; room++) {
        memset(line, '#', sizeof line);
        size_t length =
            make_line("\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", room);
        assert_true(length < room);
        assert_int_equal(line[length], '\0');
        assert_int_equal(line[length - 1], '\n');
        assert_int_equal(line[room], '#');
    }
    size_t length = make_line(text, 100);
    assert_string_equal(line + length - 4, "\xe2\x80\xa6\n");
}

static void the_level_is_coloured_when_asked(void **state)
{
    (void)state;
    const struct log_field fields[] = {log_what("heard"), {.key = NULL}};
    log_format(LOG_ERROR, WALL_NS, true, fields, line, sizeof line);
    assert_string_equal(line, "time=2026-05-04T09:15:01.123Z level=\033[31merror\033[0m event=heard\n");
}

static void levels_are_parsed_by_their_names_only(void **state)
{
    (void)state;
    enum log_level level = LOG_INFO;
    assert_true(log_parse_level("error", &level) && level == LOG_ERROR);
    assert_true(log_parse_level("debug", &level) && level == LOG_DEBUG);
    assert_false(log_parse_level("", &level) || log_parse_level("loud", &level) ||
                 log_parse_level("Error", &level));
    assert_int_equal(level, LOG_DEBUG);
}

/* All that is in the pipe now, as text. */
static const char *read_all(int from)
{
    static char text[1 << 17];
    ssize_t length = read(from, text, sizeof text - 1);
    assert_true(length > 0);
    text[length] = '\0';
    return text;
}

static void nobody_waits_for_a_reader_that_does_not_read(void **state)
{
    (void)state;
    int ends[2];
    const int before = dup(STDERR_FILENO);
    assert_true(before >= 0 && pipe2(ends, O_CLOEXEC) == 0 && dup2(ends[1], STDERR_FILENO) >= 0);
    (void)alarm(10); /* who waits is ended by it */
    for (int i = 0; i < 5000; i++) {
        log_event(LOG_WARNING, log_what("something"), log_number("n", (uint64_t)i));
    }
    (void)alarm(0);
    const char *first = read_all(ends[0]);
    assert_non_null(strstr(first, "n=0\n"));
    assert_int_equal(first[strlen(first) - 1], '\n');
    log_event(LOG_WARNING, log_what("something"), log_number("n", 5000));
    const char *then = read_all(ends[0]);
    assert_non_null(strstr(then, "left out"));
    assert_non_null(strstr(then, "n=5000\n"));
    assert_true(dup2(before, STDERR_FILENO) >= 0);
    (void)close(before);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_one_line_of_logfmt),
        cmocka_unit_test(text_that_is_no_bare_word_is_quoted),
        cmocka_unit_test(no_text_can_end_the_line_or_command_a_terminal),
        cmocka_unit_test(bytes_that_are_no_utf8_are_replaced),
        cmocka_unit_test(a_line_that_is_too_long_is_cut_at_a_character_and_says_so),
        cmocka_unit_test(the_level_is_coloured_when_asked),
        cmocka_unit_test(levels_are_parsed_by_their_names_only),
        cmocka_unit_test(nobody_waits_for_a_reader_that_does_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
