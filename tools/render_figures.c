/* SPDX-License-Identifier: Apache-2.0 */
/* Figures as people read them: see render.h. */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "pure/duration.h"
#include "pure/money.h"
#include "render.h"

#define MICRO_SIGN "\xc2\xb5" /* as sr_duration_format() writes it */

const char *render_duration(const struct render_style *style, uint64_t ns, struct render_text *room)
{
    char text[SR_DURATION_TEXT_BYTES];
    (void)sr_duration_format(ns, text);
    const char *micro = strstr(text, MICRO_SIGN);
    if (micro && !style->utf8) {
        (void)snprintf(room->text, sizeof room->text, "%.*su%s", (int)(micro - text), text,
                       micro + strlen(MICRO_SIGN));
    } else {
        (void)snprintf(room->text, sizeof room->text, "%s", text);
    }
    return room->text;
}

/* Figures come from a segment that may hold anything. */
static bool is_no_number(double value, struct render_text *room)
{
    if (!isnan(value)) {
        return false;
    }
    (void)snprintf(room->text, sizeof room->text, "?");
    return true;
}

const char *render_nanoseconds(const struct render_style *style, double ns, struct render_text *room)
{
    if (is_no_number(ns, room)) {
        return room->text;
    }
    /* not below 0, and not above what an integer holds */
    double within = fmin(fmax(ns, 0.0), 9e18);
    return render_duration(style, (uint64_t)llround(within), room);
}

/* The digits in groups of three. */
static void group_digits(const char *digits, size_t count, char *out)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && (count - i) % 3 == 0) {
            *out++ = ',';
        }
        *out++ = digits[i];
    }
    *out = '\0';
}

const char *render_count(uint64_t count, struct render_text *room)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, count);
    group_digits(digits, (size_t)length, room->text);
    return room->text;
}

const char *render_rate(double per_second, struct render_text *room)
{
    if (is_no_number(per_second, room)) {
        return room->text;
    }
    if (per_second >= 100.0) {
        (void)snprintf(room->text, sizeof room->text, "%.0f/s", per_second);
    } else {
        (void)snprintf(room->text, sizeof room->text, "%.3g/s", per_second);
    }
    return room->text;
}

/* Down, so that only what is whole shows as 100%; to a ten-thousandth of a percent. */
const char *render_ratio(double ratio, struct render_text *room)
{
    if (is_no_number(ratio, room)) {
        return room->text;
    }
    double percent = floor(ratio * 1e6 + 1e-6) / 1e4;
    int length = snprintf(room->text, sizeof room->text, "%.4f", percent);
    while (length > 0 && room->text[length - 1] == '0') {
        length--;
    }
    length -= length > 0 && room->text[length - 1] == '.';
    memcpy(room->text + length, "%", 2);
    return room->text;
}

const char *render_burn(double burn_rate, struct render_text *room)
{
    if (is_no_number(burn_rate, room)) {
        return room->text;
    }
    (void)snprintf(room->text, sizeof room->text, burn_rate >= 100.0 && burn_rate < 1e9 ? "%.0f" : "%.3g",
                   burn_rate);
    return room->text;
}

const char *render_bar(const struct render_style *style, double ratio, int cells, struct render_text *room)
{
    static const char *const eighths[] = {" ",
                                          "\xe2\x96\x8f",
                                          "\xe2\x96\x8e",
                                          "\xe2\x96\x8d",
                                          "\xe2\x96\x8c",
                                          "\xe2\x96\x8b",
                                          "\xe2\x96\x8a",
                                          "\xe2\x96\x89",
                                          "\xe2\x96\x88"};
    const double within = ratio > 0.0 ? fmin(ratio, 1.0) : 0.0; /* so is what is no number */
    const long full = (long)floor(within * cells * 8 + 1e-6);
    size_t length = 0;
    for (int i = 0; i < cells; i++) {
        const long part = full - 8L * i;
        const char *cell = !style->utf8 ? (part >= 8 ? "#" : ".")
                                        : eighths[part < 0   ? 0
                                                  : part > 8 ? 8
                                                             : part];
        length += (size_t)snprintf(room->text + length, sizeof room->text - length, "%s", cell);
    }
    return room->text;
}

const char *render_money(uint64_t nanodollars, struct render_text *room)
{
    char decimal[SR_MONEY_TEXT_BYTES];
    char grouped[SR_MONEY_TEXT_BYTES * 2];
    size_t length = sr_money_format(nanodollars, decimal);
    size_t whole = strcspn(decimal, ".");
    size_t fraction = length > whole ? length - whole - 1 : 0;
    group_digits(decimal, whole, grouped);
    const char *cents = fraction == 0 ? ".00" : fraction == 1 ? "0" : "";
    (void)snprintf(room->text, sizeof room->text, "%s$%s%s%s", nanodollars == UINT64_MAX ? ">=" : "", grouped,
                   decimal + whole, cents);
    return room->text;
}

/* Three digits without an exponent as long as that can be read: "0.0000123". */
const char *render_dollars(double dollars, struct render_text *room)
{
    if (is_no_number(dollars, room)) {
        return room->text;
    }
    if (dollars >= 1.0 && dollars < 1e15) {
        (void)snprintf(room->text, sizeof room->text, "$%.2f", dollars);
    } else if (dollars >= 1e-9 && dollars < 1.0) {
        const int digits = 2 - (int)floor(log10(dollars));
        int length = snprintf(room->text, sizeof room->text, "$%.*f", digits, dollars);
        while (room->text[length - 1] == '0') {
            room->text[--length] = '\0';
        }
    } else {
        (void)snprintf(room->text, sizeof room->text, "$%.3g", dollars);
    }
    return room->text;
}

const char *render_bytes(uint64_t bytes, struct render_text *room)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024.0 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1024.0;
        unit++;
    }
    (void)snprintf(room->text, sizeof room->text, unit == 0 || value >= 100.0 ? "%.0f %s" : "%.1f %s", value,
                   units[unit]);
    return room->text;
}

const char *render_age(uint64_t ns, struct render_text *room)
{
    char text[SR_DURATION_TEXT_BYTES];
    uint64_t seconds = ns / 1000000000u;
    if (seconds < 60) {
        (void)snprintf(room->text, sizeof room->text, "%" PRIu64 "s", seconds);
        return room->text;
    }
    (void)sr_duration_format(seconds * 1000000000u, text);
    (void)snprintf(room->text, sizeof room->text, "%s", text);
    return room->text;
}

/* Local time with its distance from UTC, without which an hour in autumn is two, and a log in UTC is not found again. */
static const char *format_time(time_t time, const char *format, struct render_text *room)
{
    struct tm local;
    char clock[64];
    char zone[16]; /* "+0200" */
    if (!localtime_r(&time, &local) || strftime(clock, sizeof clock, format, &local) == 0 ||
        strftime(zone, sizeof zone, "%z", &local) != strlen("+0000")) {
        (void)snprintf(room->text, sizeof room->text, "an unknown time");
    } else {
        (void)snprintf(room->text, sizeof room->text, "%s%.3s:%s", clock, zone, zone + 3);
    }
    return room->text;
}

#define DATE "%Y-%m-%d %H:%M:%S"

const char *render_date(uint64_t wall_ns, struct render_text *room)
{
    return format_time((time_t)(wall_ns / 1000000000u), DATE, room);
}

const char *render_wall(uint64_t wall_ns, uint64_t now_wall_ns, struct render_text *room)
{
    struct tm local_then;
    struct tm local_now;
    const time_t then = (time_t)(wall_ns / 1000000000u);
    const time_t now = (time_t)(now_wall_ns / 1000000000u);
    const bool is_today = localtime_r(&then, &local_then) && localtime_r(&now, &local_now) &&
                          local_then.tm_year == local_now.tm_year && local_then.tm_yday == local_now.tm_yday;
    return format_time(then, is_today ? "%H:%M:%S" : DATE, room);
}
