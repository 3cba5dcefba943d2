/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as programs write them, to integers without a double in between: see ingest.h. */
#include <string.h>

#include "ingest.h"
#include "pure/decimal.h"

enum { PLAIN_BYTES = 192, MANTISSA_MAX = 64, EXPONENT_MAX = 60 };

static const uint64_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* What stands behind the 'e'. False: no exponent. Beyond the maximum it is the maximum, and more. */
static bool read_exponent(const char *text, size_t length, int *out_exponent)
{
    bool is_negative = length > 0 && *text == '-';
    size_t at = is_negative || (length > 0 && *text == '+') ? 1 : 0;
    int exponent = 0;
    if (at == length) {
        return false;
    }
    for (; at < length; at++) {
        if (!is_digit(text[at])) {
            return false;
        }
        exponent = exponent > EXPONENT_MAX ? exponent : exponent * 10 + (text[at] - '0');
    }
    *out_exponent = is_negative ? -exponent : exponent;
    return true;
}

/* "-1.25e-3" as "-0.00125". */
static enum sr_parse write_plain(struct ingest_text number, const char *mark, char *out_plain,
                                 size_t *out_length)
{
    char digits[MANTISSA_MAX];
    int count = 0;
    int whole = -1; /* digits before the point */
    int exponent = 0;
    bool is_negative = *number.text == '-';
    bool is_zero = true;
    for (const char *c = number.text + is_negative; c < mark; c++) {
        if (*c == '.' && whole < 0) {
            whole = count;
        } else if (!is_digit(*c)) {
            return SR_PARSE_NOT_A_NUMBER;
        } else if (count == MANTISSA_MAX) {
            return SR_PARSE_TOO_FINE;
        } else {
            is_zero = is_zero && *c == '0';
            digits[count++] = *c;
        }
    }
    if (count == 0 || !read_exponent(mark + 1, (size_t)(number.text + number.length - mark - 1), &exponent)) {
        return SR_PARSE_NOT_A_NUMBER;
    }
    exponent = is_zero ? 0 : exponent;
    if (exponent > EXPONENT_MAX) {
        return is_negative ? SR_PARSE_NEGATIVE : SR_PARSE_TOO_LARGE;
    }
    exponent = exponent < -EXPONENT_MAX ? -EXPONENT_MAX : exponent; /* as fine as can be */
    const int point = (whole < 0 ? count : whole) + exponent;
    size_t length = 0;
    if (is_negative) {
        out_plain[length++] = '-';
    }
    for (int i = point < 0 ? point : 0; i < count || i < point; i++) {
        if (i == point) {
            out_plain[length++] = '.';
        }
        out_plain[length++] = i >= 0 && i < count ? digits[i] : '0';
    }
    *out_length = length;
    return SR_PARSE_OK;
}

/* Cut off what is finer than 10^-power, and round. */
static enum sr_parse parse_rounded(const char *text, size_t length, uint32_t power, uint64_t max,
                                   uint64_t *out_amount)
{
    const char *point = memchr(text, '.', length);
    const size_t kept = (size_t)(point - text) + 1 + power;
    for (size_t i = kept; i < length; i++) {
        if (!is_digit(text[i])) {
            return SR_PARSE_NOT_A_NUMBER;
        }
    }
    uint64_t amount = 0;
    const bool is_up = text[kept] >= '5';
    const bool is_bare = kept == 1; /* ".7" */
    enum sr_parse result = is_bare ? SR_PARSE_OK : sr_decimal_parse(text, kept, powers[power], max, &amount);
    if (result == SR_PARSE_OK && is_up && amount == max) {
        return SR_PARSE_TOO_LARGE;
    }
    if (result == SR_PARSE_OK) {
        *out_amount = amount + is_up;
    }
    return result;
}

enum sr_parse ingest_amount(struct ingest_text number, uint32_t power, uint64_t max, bool is_rounded,
                            uint64_t *out_amount)
{
    char plain[PLAIN_BYTES];
    const char *text = number.text;
    size_t length = number.length;
    enum sr_parse result = sr_decimal_parse(text, length, powers[power], max, out_amount);
    if (result == SR_PARSE_NOT_A_NUMBER) {
        const char *mark = memchr(text, 'e', length);
        mark = mark ? mark : memchr(text, 'E', length);
        if (!mark) {
            return result;
        }
        result = write_plain(number, mark, plain, &length);
        if (result != SR_PARSE_OK) {
            return result;
        }
        text = plain;
        result = sr_decimal_parse(text, length, powers[power], max, out_amount);
    }
    if (result == SR_PARSE_TOO_FINE && is_rounded) {
        return parse_rounded(text, length, power, max, out_amount);
    }
    return result;
}
