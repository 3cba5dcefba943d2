/* SPDX-License-Identifier: Apache-2.0 */
/* Tables and cards: columns that fit, and lines that wrap. */
#include "support/check.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "tools/card.h"
#include "tools/table.h"

static const struct table_column columns[] = {
    {.title = "NAME", .is_elastic = true},
    {.title = "N", .is_right = true},
    {.title = "REST"},
};

/* What a printer writes; free() it. */
struct capture {
    FILE *stream;
    char *text;
    size_t bytes;
};

static void capture_begin(struct capture *capture)
{
    capture->stream = open_memstream(&capture->text, &capture->bytes);
    assert_non_null(capture->stream);
}

static void capture_expect(struct capture *capture, const char *wanted)
{
    assert_int_equal(fclose(capture->stream), 0);
    assert_string_equal(capture->text, wanted);
    free(capture->text);
}

static void expect_table(int width, const char *const *cells, size_t count, const char *wanted)
{
    const struct render_style style = {.columns = width, .utf8 = true};
    struct capture capture;
    struct table table;
    table_open(&table, columns, 3);
    for (size_t i = 0; i < count; i++) {
        table_add(&table, cells[i]);
    }
    capture_begin(&capture);
    table_print(&table, &style, capture.stream);
    capture_expect(&capture, wanted);
    table_close(&table);
}

static void columns_are_as_wide_as_they_need(void **state)
{
    (void)state;
    const char *const cells[] = {"a", "1", "x", "Größe", "200", ""};
    expect_table(0, cells, 6,
                 "NAME     N  REST\n"
                 "a        1  x\n"
                 "Größe  200\n");
}

static void wide_characters_keep_the_columns_straight(void **state)
{
    (void)state;
    const char *const cells[] = {"日本", "1", "x", "abcd", "2", "y"};
    expect_table(0, cells, 6,
                 "NAME  N  REST\n"
                 "日本  1  x\n"
                 "abcd  2  y\n");
}

static void a_narrow_terminal_cuts_the_elastic_column_first(void **state)
{
    (void)state;
    const char *const cells[] = {"a_rather_long_name", "1", "rest"};
    expect_table(20, cells, 3,
                 "NAME         N  REST\n"
                 "a_rather_l…  1  rest\n");
    expect_table(100, cells, 3,
                 "NAME                N  REST\n"
                 "a_rather_long_name  1  rest\n");
}

static void a_line_is_never_wider_than_the_terminal(void **state)
{
    (void)state;
    const char *const cells[] = {"a_rather_long_name", "123456789", "日本語日本語"};
    for (int width = 5; width < 60; width++) {
        const struct render_style style = {.columns = width, .utf8 = true};
        struct table table;
        table_open(&table, columns, 3);
        for (size_t i = 0; i < 3; i++) {
            table_add(&table, cells[i]);
        }
        table_fit(&table, &style);
        for (long row = -1; row < 1; row++) {
            char *line = table_line(&table, &style, row);
            assert_true(render_width(line) <= width);
            free(line);
        }
        table_close(&table);
    }
}

static void columns_that_may_go_go_one_after_the_other(void **state)
{
    (void)state;
    static const struct table_column some_go[] = {
        {.title = "AAAA"}, {.title = "BBBB", .may_go = 1}, {.title = "CCCC", .may_go = 2}, {.title = "DDDD"}};
    static const char *const wanted[] = {"AAAA  BBBB  CCCC  DDDD\n", "AAAA  BBBB  DDDD\n", "AAAA  DDDD\n",
                                         "AAAA  D…\n"};
    static const int widths[] = {22, 21, 15, 8};
    for (int i = 0; i < 4; i++) {
        const struct render_style style = {.columns = widths[i], .utf8 = true};
        struct capture capture;
        struct table table;
        table_open(&table, some_go, 4);
        capture_begin(&capture);
        table_print(&table, &style, capture.stream);
        capture_expect(&capture, wanted[i]);
        table_close(&table);
    }
}

static void an_empty_table_is_its_titles(void **state)
{
    (void)state;
    expect_table(0, NULL, 0, "NAME  N  REST\n");
}

static void markdown_has_the_cells_and_none_of_their_orders(void **state)
{
    (void)state;
    struct capture capture;
    struct table table;
    table_open(&table, columns, 3);
    table_add(&table, "a_b|c");
    table_add(&table, "1,000");
    table_add(&table, "<b>*`~#[x]\\");
    capture_begin(&capture);
    table_print_markdown(&table, capture.stream);
    capture_expect(&capture, "| NAME | N | REST |\n| --- | ---: | --- |\n"
                             "| a\\_b\\|c | 1,000 | \\<b\\>\\*\\`\\~\\#\\[x\\]\\\\ |\n");
    table_close(&table);
}

static void a_card_wraps_between_pieces_and_never_within_one(void **state)
{
    (void)state;
    const struct render_style style = {.columns = 40, .utf8 = true};
    struct capture capture;
    struct card card;
    capture_begin(&capture);
    card_open(&card, &style, capture.stream);
    card_label(&card, "first");
    card_piece(&card, "", "a piece %d", 1);
    card_piece(&card, "", "a piece 2");
    card_piece(&card, "", "a piece 3");
    card_label(&card, "");
    card_piece(&card, "", "one that is much longer than the whole line of the terminal");
    card_close(&card);
    capture_expect(&capture, "  first        a piece 1   a piece 2\n"
                             "               a piece 3\n"
                             "               one that is much longer than the whole line of the terminal\n");
}

static void colours_wrap_what_they_mark_and_take_no_columns(void **state)
{
    (void)state;
    const struct render_style style = {.columns = 80, .utf8 = true, .colour = true};
    struct capture capture;
    struct card card;
    capture_begin(&capture);
    card_open(&card, &style, capture.stream);
    card_label(&card, "x");
    card_piece(&card, render_bad(&style), "bad");
    card_close(&card);
    capture_expect(&capture, "  \033[2mx\033[0m            \033[31mbad\033[0m\n");
}

int main(void)
{
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_they_need),
        cmocka_unit_test(wide_characters_keep_the_columns_straight),
        cmocka_unit_test(a_narrow_terminal_cuts_the_elastic_column_first),
        cmocka_unit_test(a_line_is_never_wider_than_the_terminal),
        cmocka_unit_test(columns_that_may_go_go_one_after_the_other),
        cmocka_unit_test(an_empty_table_is_its_titles),
        cmocka_unit_test(markdown_has_the_cells_and_none_of_their_orders),
        cmocka_unit_test(a_card_wraps_between_pieces_and_never_within_one),
        cmocka_unit_test(colours_wrap_what_they_mark_and_take_no_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
