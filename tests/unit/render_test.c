/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign text and figures as a terminal can show them. */
#include "support/check.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/render.h"

static const struct render_style wide = {.utf8 = true};
static const struct render_style ascii = {.utf8 = false};

static void expect_safe(const struct render_style *style, const char *text, const char *wanted)
{
    struct render_text room;
    assert_string_equal(render_safe(style, text, 128, &room), wanted);
}

static void harmless_names_stay_as_they_are(void **state)
{
    (void)state;
    expect_safe(&wide, "read_file", "read_file");
    expect_safe(&wide, "Größe 日本 💶", "Größe 日本 💶");
    expect_safe(&wide, "e\xcc\x81t\xc3\xa9", "e\xcc\x81t\xc3\xa9"); /* a combining accent on its letter */
    expect_safe(&wide, "", "");
}

static void what_could_move_the_cursor_is_escaped(void **state)
{
    (void)state;
    expect_safe(&wide, "a\033[2Jb", "a\\x1b[2Jb");
    expect_safe(&wide, "a\nb\tc\rd\be\x7f", "a\\x0ab\\x09c\\x0dd\\x08e\\x7f");
    expect_safe(&wide,
                "a\xc2\x9b"
                "2Jb",
                "a\\u{9b}2Jb"); /* the one-byte CSI, as UTF-8 */
}

static void what_turns_or_hides_text_is_escaped(void **state)
{
    (void)state;
    expect_safe(&wide,
                "gnp.\xe2\x80\xae"
                "exe",
                "gnp.\\u{202e}exe");
    expect_safe(&wide,
                "a\xe2\x80\x8b"
                "b",
                "a\\u{200b}b");
    expect_safe(&wide,
                "a\xef\xbb\xbf"
                "b",
                "a\\u{feff}b");
    expect_safe(&wide, "\xcc\x81x", "\\u{301}x"); /* a mark with nothing to sit on */
}

static void what_is_no_utf8_is_escaped_byte_by_byte(void **state)
{
    (void)state;
    expect_safe(&wide, "a\xff\xc3", "a\\xff\\xc3");
    expect_safe(&wide, "\xed\xa0\x80", "\\xed\\xa0\\x80"); /* a surrogate */
    expect_safe(&wide, "\xc0\xaf", "\\xc0\\xaf");          /* an overlong slash */
}

static void an_ascii_terminal_gets_ascii(void **state)
{
    (void)state;
    struct render_text room;
    expect_safe(&ascii, "Größe", "Gr\\u{f6}\\u{df}e");
    assert_string_equal(render_absent(&ascii), "-");
    assert_string_equal(render_duration(&ascii, 4560, &room), "4.56us");
    assert_string_equal(render_duration(&wide, 4560, &room), "4.56µs");
    assert_string_equal(render_fit(&ascii, "abcdef", 4, &room), "abc~");
}

static void reading_stops_at_the_limit_and_the_room_is_never_overrun(void **state)
{
    (void)state;
    struct render_text room;
    char hostile[4096];
    memset(hostile, 0x1b, sizeof hostile);
    assert_string_equal(render_safe(&wide, "abcdef", 3, &room), "abc");
    assert_string_equal(render_safe(&wide, hostile, 2, &room), "\\x1b\\x1b");
    size_t length = strlen(render_safe(&wide, hostile, sizeof hostile, &room));
    assert_in_range(length, sizeof room.text - 8, sizeof room.text - 1);
    assert_int_equal(length % 4, 0); /* whole escapes alone */
    hostile[sizeof hostile - 1] = '\0';
    length = strlen(render_quote(hostile, &room));
    assert_true(length < sizeof room.text);
    assert_int_equal(room.text[length - 1], '\'');
}

static void quotes_cannot_be_broken_out_of(void **state)
{
    (void)state;
    struct render_text room;
    assert_string_equal(render_quote("plain", &room), "'plain'");
    assert_string_equal(render_quote("it's", &room), "'it\\x27s'");
    assert_string_equal(render_quote("a\\b", &room), "'a\\x5cb'");
    assert_string_equal(render_quote("", &room), "''");
}

static void widths_are_columns_and_not_bytes(void **state)
{
    (void)state;
    assert_int_equal(render_width("abc"), 3);
    assert_int_equal(render_width("Größe"), 5);
    assert_int_equal(render_width("日本"), 4);
    assert_int_equal(render_width("e\xcc\x81"), 1);
    assert_int_equal(render_width(""), 0);
}

static void a_text_is_cut_between_characters(void **state)
{
    (void)state;
    struct render_text room;
    assert_string_equal(render_fit(&wide, "abcdef", 6, &room), "abcdef");
    assert_string_equal(render_fit(&wide, "abcdef", 5, &room), "abcd…");
    assert_string_equal(render_fit(&wide, "日本語", 5, &room), "日本…");
    assert_string_equal(render_fit(&wide, "日本語", 4, &room),
                        "日…"); /* three columns, for four would cut 本 */
    assert_string_equal(render_fit(&wide, "abc", 1, &room), "…");
}

static void a_ratio_is_never_rounded_up_to_whole(void **state)
{
    (void)state;
    struct render_text room;
    assert_string_equal(render_ratio(1.0, &room), "100%");
    assert_string_equal(render_ratio(0.9999999, &room), "99.9999%");
    assert_string_equal(render_ratio(0.999, &room), "99.9%");
    assert_string_equal(render_ratio(0.5, &room), "50%");
    assert_string_equal(render_ratio(0.0, &room), "0%");
    assert_string_equal(render_ratio(-2.5, &room), "-250%");
    assert_string_equal(render_ratio(-0.00000001, &room), "-0.0001%"); /* overspent is never shown as even */
    assert_string_equal(render_ratio(-0.00001, &room), "-0.001%");
}

static void counts_and_rates_are_readable(void **state)
{
    (void)state;
    struct render_text room;
    assert_string_equal(render_count(0, &room), "0");
    assert_string_equal(render_count(999, &room), "999");
    assert_string_equal(render_count(1000, &room), "1,000");
    assert_string_equal(render_count(UINT64_MAX, &room), "18,446,744,073,709,551,615");
    assert_string_equal(render_rate(0.0, &room), "0/s");
    assert_string_equal(render_rate(0.016666, &room), "0.0167/s");
    assert_string_equal(render_rate(20.583, &room), "20.6/s");
    assert_string_equal(render_rate(99.96, &room), "100/s");
    assert_string_equal(render_rate(1234567.8, &room), "1234568/s");
}

static void money_is_exact(void **state)
{
    (void)state;
    struct render_text room;
    assert_string_equal(render_money(0, &room), "$0.00");
    assert_string_equal(render_money(1, &room), "$0.000000001");
    assert_string_equal(render_money(2000000, &room), "$0.002");
    assert_string_equal(render_money(1500000000, &room), "$1.50");
    assert_string_equal(render_money(1234567000000000, &room), "$1,234,567.00");
    assert_string_equal(render_money(UINT64_MAX - 1, &room), "$18,446,744,073.709551614");
    assert_string_equal(render_money(UINT64_MAX, &room), ">=$18,446,744,073.709551615"); /* or more */
}

static void a_price_has_cents_or_three_digits(void **state)
{
    (void)state;
    struct render_text room;
    assert_string_equal(render_dollars(0.0, &room), "$0");
    assert_string_equal(render_dollars(7.2, &room), "$7.20");
    assert_string_equal(render_dollars(12345.678, &room), "$12345.68");
    assert_string_equal(render_dollars(0.00975, &room), "$0.00975");
    assert_string_equal(render_dollars(0.0000123456, &room), "$0.0000123");
    assert_string_equal(render_dollars(0.5, &room), "$0.5");
    assert_string_equal(render_dollars(1e-12, &room), "$1e-12");
}

static void bytes_and_ages_are_readable(void **state)
{
    (void)state;
    struct render_text room;
    assert_string_equal(render_bytes(0, &room), "0 B");
    assert_string_equal(render_bytes(1023, &room), "1023 B");
    assert_string_equal(render_bytes(1536, &room), "1.5 KiB");
    assert_string_equal(render_bytes(600 * 1024, &room), "600 KiB");
    assert_string_equal(render_age(59999999999, &room), "59s");
    assert_string_equal(render_age(125999999999, &room), "2m05s");
}

static void an_impossible_duration_is_shown_and_breaks_nothing(void **state)
{
    (void)state;
    struct render_text room;
    assert_string_equal(render_nanoseconds(&wide, -5.0, &room), "0s");
    assert_true(strlen(render_nanoseconds(&wide, 1e300, &room)) > 0);
    assert_true(strlen(render_nanoseconds(&wide, (double)NAN, &room)) > 0);
    assert_string_equal(render_nanoseconds(&wide, 1499.6, &room), "1.50µs");
}

static void what_is_no_number_is_said_to_be_none(void **state)
{
    (void)state;
    struct render_text room;
    assert_string_equal(render_nanoseconds(&wide, (double)NAN, &room), "?");
    assert_string_equal(render_rate((double)NAN, &room), "?");
    assert_string_equal(render_ratio((double)NAN, &room), "?");
    assert_string_equal(render_burn((double)NAN, &room), "?");
    assert_string_equal(render_bar(&ascii, (double)NAN, 4, &room), "....");
}

static void a_burn_rate_has_three_digits_or_is_whole(void **state)
{
    (void)state;
    struct render_text room;
    assert_string_equal(render_burn(0.0, &room), "0");
    assert_string_equal(render_burn(14.4, &room), "14.4");
    assert_string_equal(render_burn(0.93333, &room), "0.933");
    assert_string_equal(render_burn(1000.0, &room), "1000");
    assert_string_equal(render_burn(1e9, &room), "1e+09");
}

static void a_bar_is_as_full_as_its_share(void **state)
{
    (void)state;
    struct render_text room;
    assert_string_equal(render_bar(&ascii, 0.5, 10, &room), "#####.....");
    assert_string_equal(render_bar(&ascii, 1.5, 4, &room), "####");
    assert_string_equal(render_bar(&ascii, -3.0, 4, &room), "....");
    assert_string_equal(render_bar(&wide, 0.3125, 4, &room), "█▎  ");
    assert_string_equal(render_bar(&wide, 1.0, 2, &room), "██");
    assert_int_equal(render_width(render_bar(&wide, 0.77, 10, &room)), 10);
}

static void another_day_shows_its_date(void **state)
{
    (void)state;
    struct render_text room;
    const uint64_t noon = UINT64_C(1700000000) * 1000000000;
    assert_int_equal(strlen(render_wall(noon, noon, &room)), strlen("HH:MM:SS+00:00"));
    assert_int_equal(strlen(render_wall(noon, noon + UINT64_C(3) * 86400 * 1000000000, &room)),
                     strlen("YYYY-MM-DD HH:MM:SS+00:00"));
    assert_int_equal(strlen(render_date(noon, &room)), strlen("YYYY-MM-DD HH:MM:SS+00:00")); /* always */
}

static void local_time_says_how_far_it_is_from_utc(void **state)
{
    static const struct {
        const char *zone, *date;
    } cases[] = {{"UTC0", "2023-11-14 22:13:20+00:00"},
                 {"CET-1", "2023-11-14 23:13:20+01:00"},
                 {"NST3:30", "2023-11-14 18:43:20-03:30"}};
    (void)state;
    struct render_text room;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(setenv("TZ", cases[i].zone, 1), 0);
        tzset();
        assert_string_equal(render_date(UINT64_C(1700000000) * 1000000000, &room), cases[i].date);
    }
    (void)unsetenv("TZ");
    tzset();
}

int main(void)
{
    (void)setlocale(LC_CTYPE, "C.UTF-8"); /* as render_style_of() does */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(harmless_names_stay_as_they_are),
        cmocka_unit_test(what_could_move_the_cursor_is_escaped),
        cmocka_unit_test(what_turns_or_hides_text_is_escaped),
        cmocka_unit_test(what_is_no_utf8_is_escaped_byte_by_byte),
        cmocka_unit_test(an_ascii_terminal_gets_ascii),
        cmocka_unit_test(reading_stops_at_the_limit_and_the_room_is_never_overrun),
        cmocka_unit_test(quotes_cannot_be_broken_out_of),
        cmocka_unit_test(widths_are_columns_and_not_bytes),
        cmocka_unit_test(a_text_is_cut_between_characters),
        cmocka_unit_test(a_ratio_is_never_rounded_up_to_whole),
        cmocka_unit_test(counts_and_rates_are_readable),
        cmocka_unit_test(money_is_exact),
        cmocka_unit_test(a_price_has_cents_or_three_digits),
        cmocka_unit_test(bytes_and_ages_are_readable),
        cmocka_unit_test(an_impossible_duration_is_shown_and_breaks_nothing),
        cmocka_unit_test(what_is_no_number_is_said_to_be_none),
        cmocka_unit_test(a_burn_rate_has_three_digits_or_is_whole),
        cmocka_unit_test(a_bar_is_as_full_as_its_share),
        cmocka_unit_test(another_day_shows_its_date),
        cmocka_unit_test(local_time_says_how_far_it_is_from_utc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
