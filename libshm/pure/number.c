/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text. See number.h. */
#include "pure/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

size_t sr_number_format_integer(uint64_t value, char out_text[SR_NUMBER_TEXT_BYTES])
{
    char digits[20], *at = digits + sizeof digits;
    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    size_t length = (size_t)(digits + sizeof digits - at);
    memcpy(out_text, at, length);
    out_text[length] = '\0';
    return length;
}

size_t sr_number_format_sum(uint64_t low, uint64_t high, char out_text[SR_NUMBER_TEXT_BYTES])
{
    sr_wide sum = (sr_wide)high << 64 | low;
    unsigned fraction = (unsigned)(sum % 1000000000u);
    char digits[40], *at = put_digits(sum / 1000000000u, digits + sizeof digits);
    size_t length = (size_t)(digits + sizeof digits - at);
    memcpy(out_text, at, length);
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

size_t sr_number_format(double value, char out_text[SR_NUMBER_TEXT_BYTES])
{
    if (!isfinite(value)) {
        out_text[0] = '\0';
        return 0;
    }
    /* Most figures are small integers: 0 when idle, counts, ratios of 1. -0 is one of them, and shown as 0. */
    if (value >= 0 && value < 1e15 && value == floor(value)) {
        return sr_number_format_integer((uint64_t)value, out_text);
    }
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(out_text, SR_NUMBER_TEXT_BYTES, "%.*g", digits, value);
        if (strtod(out_text, NULL) == value) {
            break;
        }
    }
    return sr_number_settle_point(out_text);
}
