/* SPDX-License-Identifier: Apache-2.0 */
/* Durations' texts. See duration.h. */
#include "pure/duration.h"

#include <stdbool.h>
#include <string.h>

#define MICROSECOND UINT64_C(1000)
#define MILLISECOND UINT64_C(1000000)
#define SECOND      UINT64_C(1000000000)
#define MINUTE      (60 * SECOND)
#define HOUR        (60 * MINUTE)
#define DAY         (24 * HOUR)
#define MICRO_SIGN  "\xc2\xb5" /* U+00B5, what is written */
#define GREEK_MU    "\xce\xbc" /* U+03BC, what is read too */

static const struct unit {
    const char *name;
    uint64_t ns;
} units[] = {
    {"d", DAY},
    {"h", HOUR},
    {"m", MINUTE},
    {"s", SECOND},
    {"ms", MILLISECOND},
    {"us", MICROSECOND},
    {MICRO_SIGN "s", MICROSECOND},
    {GREEK_MU "s", MICROSECOND},
    {"ns", 1},
};

static size_t count_number(const char *text)
{
    return strspn(text, "0123456789.");
}

/* ASCII letters and every byte of what is beyond ASCII. */
static size_t count_letters(const char *text)
{
    size_t length = 0;
    for (;; length++) {
        unsigned char c = (unsigned char)text[length];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
        if (!letter) {
            return length;
        }
    }
}

/* 0 if there is none of that name. */
static uint64_t unit_of(const char *name, size_t length)
{
    for (size_t i = 0; i < SR_ARRAY_COUNT(units); i++) {
        if (strlen(units[i].name) == length && memcmp(units[i].name, name, length) == 0) {
            return units[i].ns;
        }
    }
    return 0;
}

/* One number with its unit, which must be smaller than *unit_ns; *unit_ns becomes it and *text moves on. */
static enum sr_parse parse_part(const char **text, uint64_t *unit_ns, uint64_t *out_ns)
{
    const char *number = *text;
    size_t number_length = count_number(number);
    const char *name = number + number_length;
    size_t name_length = count_letters(name);
    bool ended = name[name_length] == '\0' || count_number(name + name_length) > 0;
    if (number_length == 0 || !ended) {
        return SR_PARSE_NOT_A_NUMBER;
    }

    uint64_t ns = unit_of(name, name_length);
    uint64_t part;
    enum sr_parse result = sr_decimal_parse(number, number_length, ns == 0 ? SECOND : ns, UINT64_MAX, &part);
    if (result == SR_PARSE_NOT_A_NUMBER) {
        return result;
    }
    if (name_length == 0) {
        return SR_PARSE_NO_UNIT;
    }
    if (ns == 0) {
        return SR_PARSE_UNKNOWN_UNIT;
    }
    if (ns >= *unit_ns) {
        return SR_PARSE_NOT_A_NUMBER;
    }
    if (result != SR_PARSE_OK) {
        return result;
    }
    *text = name + name_length;
    *unit_ns = ns;
    *out_ns = part;
    return SR_PARSE_OK;
}

static enum sr_parse parse_positive(const char *text, uint64_t max_ns, uint64_t *out_ns)
{
    uint64_t sum = 0;
    uint64_t unit_ns = UINT64_MAX;
    do {
        uint64_t part;
        enum sr_parse result = parse_part(&text, &unit_ns, &part);
        if (result != SR_PARSE_OK) {
            return result;
        }
        if (part > max_ns - sum) {
            return SR_PARSE_TOO_LARGE;
        }
        sum += part;
    } while (*text != '\0');
    *out_ns = sum;
    return SR_PARSE_OK;
}

enum sr_parse sr_duration_parse(const char *text, uint64_t max_ns, uint64_t *out_ns)
{
    if (text[0] == '\0') {
        return SR_PARSE_EMPTY;
    }
    if (text[0] != '-') {
        return parse_positive(text, max_ns, out_ns);
    }
    uint64_t ignored;
    enum sr_parse result = parse_positive(text + 1, max_ns, &ignored);
    return result == SR_PARSE_NOT_A_NUMBER ? result : SR_PARSE_NEGATIVE;
}

/* Writes the end too. Returns the length. */
static size_t append_name(char *out_text, const char *name)
{
    size_t length = strlen(name);
    memcpy(out_text, name, length + 1);
    return length;
}

/* digits, the last `decimals` (0 to 2) of them after a point. Returns the length; writes no end. */
static size_t append_decimal(char *out_text, uint64_t digits, uint32_t decimals)
{
    uint64_t one = decimals == 2 ? 100 : decimals == 1 ? 10 : 1;
    size_t length = sr_decimal_digits(digits / one, 1, out_text);
    if (decimals > 0) {
        out_text[length++] = '.';
        length += sr_decimal_digits(digits % one, decimals, out_text + length);
    }
    return length;
}

/* 1 µs to a minute in three significant digits. Returns 0 for what rounds to a minute. */
static size_t format_short(uint64_t ns, char *out_text)
{
    static const struct unit shown[] = {{MICRO_SIGN "s", MICROSECOND}, {"ms", MILLISECOND}, {"s", SECOND}};
    for (size_t i = 0; i < SR_ARRAY_COUNT(shown); i++) {
        uint64_t step = shown[i].ns / 100;
        for (uint32_t decimals = 3; decimals-- > 0; step *= 10) {
            uint64_t digits = (ns + step / 2) / step;
            if (digits >= 1000 || digits * step >= MINUTE) {
                continue;
            }
            size_t length = append_decimal(out_text, digits, decimals);
            return length + append_name(out_text + length, shown[i].name);
        }
    }
    return 0;
}

/* ns / unit, rounded half up. */
static uint64_t rounded(uint64_t ns, uint64_t unit)
{
    return ns / unit + (ns % unit >= unit / 2);
}

/* A minute and more, in two units: the first of which there are at least one. */
static size_t format_long(uint64_t ns, char *out_text)
{
    uint64_t minor = rounded(ns, SECOND);
    uint64_t per_major = 60;
    const char *names = "ms";
    if (minor >= HOUR / SECOND) {
        minor = rounded(ns, MINUTE);
        names = "hm";
    }
    if (minor >= DAY / MINUTE && names[0] == 'h') {
        minor = rounded(ns, HOUR);
        per_major = 24;
        names = "dh";
    }
    size_t length = sr_decimal_digits(minor / per_major, 1, out_text);
    out_text[length++] = names[0];
    length += sr_decimal_digits(minor % per_major, 2, out_text + length);
    out_text[length++] = names[1];
    out_text[length] = '\0';
    return length;
}

size_t sr_duration_format(uint64_t duration_ns, char out_text[SR_DURATION_TEXT_BYTES])
{
    if (duration_ns == 0) {
        return append_name(out_text, "0s");
    }
    if (duration_ns < MICROSECOND) {
        size_t length = sr_decimal_digits(duration_ns, 1, out_text);
        return length + append_name(out_text + length, "ns");
    }
    size_t length = duration_ns < MINUTE ? format_short(duration_ns, out_text) : 0;
    return length > 0 ? length : format_long(duration_ns, out_text);
}

size_t sr_duration_label(uint64_t duration_ns, char out_text[SR_DURATION_LABEL_BYTES])
{
    static const struct unit falling[] = {{"d", DAY},    {"h", HOUR},         {"m", MINUTE},
                                          {"s", SECOND}, {"ms", MILLISECOND}, {"us", MICROSECOND},
                                          {"ns", 1}};
    if (duration_ns == 0) {
        return append_name(out_text, "0s");
    }
    size_t length = 0;
    for (size_t i = 0; i < SR_ARRAY_COUNT(falling); i++) {
        if (duration_ns >= falling[i].ns) {
            length += sr_decimal_digits(duration_ns / falling[i].ns, 1, out_text + length);
            length += append_name(out_text + length, falling[i].name);
            duration_ns %= falling[i].ns;
        }
    }
    return length;
}
