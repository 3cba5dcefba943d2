/* SPDX-License-Identifier: Apache-2.0 */
/* Decimal texts to integers and back. See decimal.h. */
#include "pure/decimal.h"

#include <stdbool.h>
#include <string.h>

#include "pure/wide.h"

#define FRACTION_DIGITS_MAX 18
#define BILLION             UINT64_C(1000000000)

/* The digits before and after the point; either may be none, not both. */
struct number {
    const char *whole;
    const char *fraction;
    size_t whole_length;
    size_t fraction_length;
};

const char *sr_parse_text(enum sr_parse result)
{
    static const char *const texts[SR_PARSE_COUNT] = {
#define SR_PARSE_ROW(name, text) [SR_PARSE_##name] = (text),
#include "pure/parse.def"
#undef SR_PARSE_ROW
    };
    return (unsigned)result < SR_PARSE_COUNT ? texts[result] : "refused";
}

static size_t count_digits(const char *text, size_t length)
{
    size_t digits = 0;
    while (digits < length && text[digits] >= '0' && text[digits] <= '9') {
        digits++;
    }
    return digits;
}

static bool split_number(const char *text, size_t length, struct number *out_number)
{
    size_t whole = count_digits(text, length);
    size_t used = whole;
    size_t fraction = 0;
    if (used < length && text[used] == '.') {
        used++;
        fraction = count_digits(text + used, length - used);
    }
    if (used + fraction != length || whole + fraction == 0) {
        return false;
    }
    *out_number = (struct number){
        .whole = text, .whole_length = whole, .fraction = text + used, .fraction_length = fraction};
    while (out_number->fraction_length > 0 && text[used + out_number->fraction_length - 1] == '0') {
        out_number->fraction_length--;
    }
    return true;
}

enum sr_parse sr_decimal_parse(const char *text, size_t length, uint64_t scale, uint64_t max,
                               uint64_t *out_value)
{
    if (length == 0) {
        return SR_PARSE_EMPTY;
    }
    bool negative = text[0] == '-';
    struct number number;
    if (!split_number(text + negative, length - negative, &number)) {
        return SR_PARSE_NOT_A_NUMBER;
    }
    if (negative) {
        return SR_PARSE_NEGATIVE;
    }

    sr_wide value = 0;
    for (size_t i = 0; i < number.whole_length; i++) {
        value = value * 10 + (unsigned)(number.whole[i] - '0');
        if (value > max) {
            return SR_PARSE_TOO_LARGE;
        }
    }
    value *= scale; /* < 2^64 * 2^60 */

    if (number.fraction_length > FRACTION_DIGITS_MAX) {
        return SR_PARSE_TOO_FINE;
    }
    sr_wide fraction = 0;
    sr_wide one = 1;
    for (size_t i = 0; i < number.fraction_length; i++) {
        fraction = fraction * 10 + (unsigned)(number.fraction[i] - '0');
        one *= 10;
    }
    fraction *= scale; /* < 10^36 */
    if (fraction % one != 0) {
        return SR_PARSE_TOO_FINE;
    }

    value += fraction / one;
    if (value > max) {
        return SR_PARSE_TOO_LARGE;
    }
    *out_value = (uint64_t)value;
    return SR_PARSE_OK;
}

size_t sr_decimal_digits(uint64_t value, uint32_t min_digits, char *out_digits)
{
    char reversed[20];
    size_t length = 0;
    while (value != 0 || length < min_digits) {
        reversed[length++] = (char)('0' + value % 10);
        value /= 10;
    }
    for (size_t i = 0; i < length; i++) {
        out_digits[i] = reversed[length - 1 - i];
    }
    return length;
}

size_t sr_decimal_format_fixed(uint64_t value, uint32_t digits, char out_text[SR_DECIMAL_TEXT_BYTES])
{
    uint64_t unit = BILLION;
    uint64_t one = 1; /* 10^digits */
    for (uint32_t i = 0; i < digits; i++) {
        unit /= 10;
        one *= 10;
    }
    uint64_t whole = value / BILLION;
    uint64_t fraction = (value % BILLION + unit / 2) / unit;
    if (fraction == one) {
        whole++;
        fraction = 0;
    }

    size_t length = sr_decimal_digits(whole, 1, out_text);
    if (digits > 0) {
        out_text[length++] = '.';
        length += sr_decimal_digits(fraction, digits, out_text + length);
    }
    out_text[length] = '\0';
    return length;
}

size_t sr_decimal_format(uint64_t value, char out_text[SR_DECIMAL_TEXT_BYTES])
{
    size_t length = sr_decimal_format_fixed(value, 9, out_text);
    while (out_text[length - 1] == '0') {
        length--;
    }
    if (out_text[length - 1] == '.') {
        length--;
    }
    out_text[length] = '\0';
    return length;
}

size_t sr_decimal_scientific(const char *digits, size_t count, int exponent, char *out_text)
{
    const unsigned size = (unsigned)(exponent < 0 ? -exponent : exponent);
    size_t length = 0;
    while (count > 1 && digits[count - 1] == '0') {
        count--;
    }
    out_text[length++] = digits[0];
    if (count > 1) {
        out_text[length++] = '.';
        memcpy(out_text + length, digits + 1, count - 1);
        length += count - 1;
    }
    out_text[length++] = 'e';
    out_text[length++] = exponent < 0 ? '-' : '+';
    out_text[length++] = (char)('0' + size / 10);
    out_text[length++] = (char)('0' + size % 10);
    out_text[length] = '\0';
    return length;
}
