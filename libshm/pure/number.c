/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text. See number.h. */
#include "pure/number.h"

#include <math.h>
#include <stdbool.h>
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

/* value, below 100, as two digits. */
static inline void put_pair(uint32_t value, char *at)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
        "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
        "8081828384858687888990919293949596979899";
    memcpy(at, &pairs[2 * value], 2);
}

/* value, below 10^8, as eight digits. No division waits for more than two others: in turns it is them that take the time. */
static inline void put_eight(uint32_t value, char *at)
{
    const uint32_t high = value / 10000, low = value % 10000;
    put_pair(high / 100, at);
    put_pair(high % 100, at + 2);
    put_pair(low / 100, at + 4);
    put_pair(low % 100, at + 6);
}

/* The last `count` digits of value, zeros in front. */
static void put_last_digits(uint64_t value, size_t count, char *at)
{
    for (; count >= 8; count -= 8) {
        put_eight((uint32_t)(value % 100000000), at + count - 8);
        value /= 100000000;
    }
    uint32_t rest = (uint32_t)(value % 100000000);
    for (; count >= 2; count -= 2) {
        put_pair(rest % 100, at + count - 2);
        rest /= 100;
    }
    if (count == 1) {
        *at = (char)('0' + rest % 10);
    }
}

/* Behind `length` characters, the point and a fraction of `places` digits without zeros at its end. Returns the new length. */
static size_t put_fraction(uint64_t fraction, size_t places, char *out_text, size_t length)
{
    if (fraction != 0) {
        out_text[length] = '.';
        put_last_digits(fraction, places, out_text + length + 1);
        length += 1 + places;
        while (out_text[length - 1] == '0') {
            length--;
        }
    }
    out_text[length] = '\0';
    return length;
}

size_t sr_number_format_integer(uint64_t value, char out_text[SR_NUMBER_TEXT_BYTES])
{
    const uint64_t some = value | 1; /* as long as value, and 0 is as long as 1 */
    const unsigned bits = 64u - (unsigned)__builtin_clzll(some);
    size_t length = bits * 1233 >> 12; /* 1233/4096 is log10 of 2, closely: so many digits, or one more */
    length += some >= powers[length];
    put_last_digits(value, length, out_text);
    out_text[length] = '\0';
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
    return put_fraction(fraction, 9, out_text, length);
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
    const size_t length = sr_number_format_integer(value / powers[places], out_text);
    return put_fraction(value % powers[places], places, out_text, length);
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

/* The exponent of the first digit of 0.000001 <= value < 10^15, with 2^exponent <= value < 2^(exponent + 1). */
static int first_digit(double value, int exponent)
{
    static const double tens[] = {1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1e0,  1e1,  1e2,  1e3,  1e4,
                                  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    const int at_least =
        (exponent * 1233 + (20 << 12)) / 4096 - 20; /* that of 2^exponent: log10 of 2 is 1233/4096, closely */
    return at_least + (value >= tens[at_least + 7]);
}

/* `whole` rounded to a multiple of quantum, if that is within half of `ten` of scaled / 2^s, in units of 2^-(s + 1); else 0. */
static inline uint64_t round_to(uint64_t quantum, uint64_t whole, sr_wide scaled, unsigned s, sr_wide ten)
{
    const uint64_t shorter = (whole + quantum / 2) / quantum * quantum;
    const sr_wide shown = (sr_wide)shorter << (s + 1), real = scaled << 1;
    const sr_wide off = shown > real ? shown - real : real - shown;
    return off < ten ? shorter : 0;
}

/* What trial with snprintf() and strtod() finds, without their cost, for 0.000001 <= value < 10^15, no integer.
 *
 * value = m / 2^s with 2^52 <= m < 2^53 and 3 <= s <= 72. Scaled by 10^places it has 17 digits before the point: m *
 * 10^places < 2^127 is exact, and so is what follows. A decimal d * 10^-places reads back as value when it is closer to
 * it than half the distance of two doubles: |d * 2^(s+1) - 2 m 10^places| < 10^places. (Just below a power
 * of two they are twice as dense; but the powers from 2^-19 to 2^-1 are short decimals themselves.) */
static size_t format_plain(double value, char *out_text)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    const uint64_t m = (bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1) << 52;
    const int exponent = (int)(bits >> 52) - 1023;
    const unsigned s = (unsigned)(52 - exponent);
    const unsigned places = (unsigned)(16 - first_digit(value, exponent));
    const sr_wide ten = places <= 19 ? powers[places] : (sr_wide)powers[19] * powers[places - 19];
    const sr_wide scaled = (sr_wide)m * ten;
    const uint64_t whole = (uint64_t)(scaled >> s);
    uint64_t digits = round_to(100, whole, scaled, s, ten);
    if (digits == 0) {
        digits = round_to(10, whole, scaled, s, ten);
    }
    if (digits == 0) {
        digits = whole + (uint64_t)(scaled >> (s - 1) & 1);
    }
    /* more than 19 of them: below 0.001 */
    return places > 19 ? put_small(digits, places, out_text) : put_places(digits, places, out_text);
}

/* A decimal of few places, as most ratios, factors and prices are: 0.001 <= value < 10^9 with six, less with twelve at most. The double of
 * d / 10^places, both exact, is the nearest one to that decimal, and to no other one of at most 15 digits. 0: it is none. */
static inline size_t format_short(double value, char *out_text)
{
    const bool is_small = value < 0.001;
    const double scale = is_small ? 1e12 : 1e6;
    const uint64_t scaled = (uint64_t)(value * scale + 0.5);
    if ((double)scaled / scale != value) {
        return 0;
    }
    return is_small ? put_small(scaled, 12, out_text)
                    : put_fraction(scaled % 1000000, 6, out_text,
                                   sr_number_format_integer(scaled / 1000000, out_text));
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
    const size_t length = value >= 1e-9 && value < 1e9 ? format_short(value, out_text) : 0;
    if (length > 0) {
        return length;
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
