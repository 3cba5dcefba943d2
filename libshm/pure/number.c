/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text. See number.h. */
#include "pure/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pure/decimal.h"
#include "pure/wide.h"

/* The digits of value, at least one, ending just before `end`. Returns where they begin. */
static char *put_digits(sr_wide value, char *end)
{
    do {
        *--end = (char)('0' + (unsigned)(value % 10));
        value /= 10;
    } while (value != 0);
    return end;
}

/* 10^0 to 10^19: all that fit. */
static const uint64_t powers[] = {
    UINT64_C(1),
    UINT64_C(10),
    UINT64_C(100),
    UINT64_C(1000),
    UINT64_C(10000),
    UINT64_C(100000),
    UINT64_C(1000000),
    UINT64_C(10000000),
    UINT64_C(100000000),
    UINT64_C(1000000000),
    UINT64_C(10000000000),
    UINT64_C(100000000000),
    UINT64_C(1000000000000),
    UINT64_C(10000000000000),
    UINT64_C(100000000000000),
    UINT64_C(1000000000000000),
    UINT64_C(10000000000000000),
    UINT64_C(100000000000000000),
    UINT64_C(1000000000000000000),
    UINT64_C(10000000000000000000),
};

size_t sr_number_format_integer(uint64_t value, char out_text[SR_NUMBER_TEXT_BYTES])
{
    size_t length = 1; /* counted first, so that each digit is written where it belongs */
    while (length < 20 && value >= powers[length]) {
        length++;
    }
    char *at = out_text + length;
    *at = '\0';
    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    return length;
}

size_t sr_number_format_sum(uint64_t low, uint64_t high, char out_text[SR_NUMBER_TEXT_BYTES])
{
    unsigned fraction = (unsigned)(low % 1000000000u);
    size_t length;
    if (high == 0) {
        length = sr_number_format_integer(low / 1000000000u, out_text);
    } else {
        sr_wide sum = (sr_wide)high << 64 | low;
        fraction = (unsigned)(sum % 1000000000u);
        char digits[40], *at = put_digits(sum / 1000000000u, digits + sizeof digits);
        length = (size_t)(digits + sizeof digits - at);
        memcpy(out_text, at, length);
    }
    if (fraction != 0) {
        out_text[length++] = '.';
        for (unsigned scale = 100000000u; fraction != 0; scale /= 10) {
            out_text[length++] = (char)('0' + fraction / scale);
            fraction %= scale;
        }
    }
    out_text[length] = '\0';
    return length;
}

double sr_number_of_billionths(uint64_t low, uint64_t high)
{
    if (high == 0 && low < UINT64_C(1) << 53) {
        return (double)low / 1e9; /* both exact, and a division rounds once */
    }
    /* At least 55 bits of the quotient, the last of which says whether anything follows: then the conversion rounds once, and to even only where
     * the decimal lies right between two doubles. */
    const sr_wide sum = (sr_wide)high << 64 | low;
    const unsigned shift = high < UINT64_C(1) << 32 ? 32 : 0;
    const sr_wide scaled = sum << shift;
    const sr_wide quotient = scaled / 1000000000u | (scaled % 1000000000u != 0);
    return ldexp((double)quotient, -(int)shift);
}

size_t sr_number_settle_point(char *text)
{
    size_t used = 0;
    for (const char *from = text; *from != '\0'; from++) {
        if (strchr("0123456789+-e", *from) != NULL) {
            text[used++] = *from;
        } else if (used == 0 || text[used - 1] != '.') {
            text[used++] = '.';
        }
    }
    text[used] = '\0';
    return used;
}

/* value * 10^-places, places 1 to 19, without zeros at the end. */
static size_t put_places(uint64_t value, unsigned places, char *out_text)
{
    size_t length = sr_number_format_integer(value / powers[places], out_text);
    uint64_t fraction = value % powers[places];
    if (fraction == 0) {
        return length;
    }
    while (fraction % 10 == 0) {
        fraction /= 10;
        places--;
    }
    out_text[length] = '.';
    for (size_t at = length + places; at > length; at--) {
        out_text[at] = (char)('0' + fraction % 10);
        fraction /= 10;
    }
    out_text[length + places + 1] = '\0';
    return length + places + 1;
}

/* value * 10^-places, below 0.001, as %g has it: 0.00015, 1.5e-05. */
static size_t put_small(uint64_t value, unsigned places, char *out_text)
{
    char digits[SR_NUMBER_TEXT_BYTES] = "";
    size_t count = sr_number_format_integer(value, digits);
    const unsigned exponent = places + 1 - (unsigned)count; /* below 0 */
    while (count > 1 && digits[count - 1] == '0') {
        count--;
    }
    if (exponent <= 4) {
        memcpy(out_text, "0.000", 1 + exponent);
        memcpy(out_text + 1 + exponent, digits, count + 1);
        out_text[1 + exponent + count] = '\0';
        return 1 + exponent + count;
    }
    return sr_decimal_scientific(digits, count, -(int)exponent, out_text);
}

/* What trial with snprintf() and strtod() finds, without their cost, for 0.000001 <= value < 10^15, no integer.
 *
 * value = m / 2^s with 2^52 <= m < 2^53 and 3 <= s <= 72. Scaled by 10^places it has 17 digits before the point: m *
 * 10^places < 2^127 is exact, and so is what follows. A decimal d * 10^-places reads back as value when it is closer to
 * it than half the distance of two doubles: |d * 2^(s+1) - 2 m 10^places| < 10^places. (Just below a power
 * of two they are twice as dense; but the powers from 2^-19 to 2^-1 are short decimals themselves.) */
static size_t format_plain(double value, char *out_text)
{
    unsigned places = 22;
    for (double least = 0.00001; value >= least && places > 2; least *= 10) {
        places--;
    }
    int exponent;
    uint64_t m = (uint64_t)ldexp(frexp(value, &exponent), 53);
    unsigned s = (unsigned)(53 - exponent);
    const sr_wide ten = places <= 19 ? powers[places] : (sr_wide)powers[19] * powers[places - 19];
    sr_wide scaled = (sr_wide)m * ten;
    uint64_t whole = (uint64_t)(scaled >> s);
    uint64_t digits = whole + (uint64_t)(scaled >> (s - 1) & 1);
    for (uint64_t quantum = 100; quantum > 1; quantum /= 10) {
        uint64_t shorter = (whole + quantum / 2) / quantum * quantum;
        sr_wide shown = (sr_wide)shorter << (s + 1), real = scaled << 1;
        sr_wide off = shown > real ? shown - real : real - shown;
        if (off < ten) {
            digits = shorter;
            break;
        }
    }
    /* more than 19 of them: below 0.001 */
    return places > 19 ? put_small(digits, places, out_text) : put_places(digits, places, out_text);
}

size_t sr_number_format(double value, char out_text[SR_NUMBER_TEXT_BYTES])
{
    if (!isfinite(value)) {
        out_text[0] = '\0';
        return 0;
    }
    /* Most figures are small integers: 0 when idle, counts, ratios of 1. -0 is one of them, and shown as 0. */
    if (value >= 0 && value < 1e15 && value == (double)(uint64_t)value) {
        return sr_number_format_integer((uint64_t)value, out_text);
    }
    if (value >= 0.000001 && value < 1e15) {
        return format_plain(value, out_text);
    }
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(out_text, SR_NUMBER_TEXT_BYTES, "%.*g", digits, value);
        if (strtod(out_text, NULL) == value) {
            break;
        }
    }
    return sr_number_settle_point(out_text);
}
