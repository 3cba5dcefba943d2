/* SPDX-License-Identifier: Apache-2.0 */
/* Decimal texts to integers and back, exactly: the shared part of bound, money, objective and duration.
 *
 * A number is digits with at most one point, and at least one digit: "12", "0.001", ".5", "5.". No exponent, no
 * plus sign, no blanks, no group separators, no nan or inf, whatever the locale: those are NOT_A_NUMBER. A minus
 * sign before a number is NEGATIVE. Zeros at the end of a fraction are not "finer".
 * Pure: safe in any thread, process or signal handler; no allocation. */
#ifndef SR_PURE_DECIMAL_H
#define SR_PURE_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

/* What a parser of this layer answers. Outputs are untouched unless it is SR_PARSE_OK. */
enum sr_parse {
#define SR_PARSE_ROW(name, text) SR_PARSE_##name,
#include "pure/parse.def"
#undef SR_PARSE_ROW
    SR_PARSE_COUNT,
};

/* What is wrong, to be put after the text itself: "'12parsecs' is in a unit that ...". Never NULL. */
const char *sr_parse_text(enum sr_parse result);

/* Room for every formatted decimal: 20 digits, a leading zero, a point, the end. */
#define SR_DECIMAL_TEXT_BYTES 24

/* number * scale, which must be an integer (else TOO_FINE) and at most max (else TOO_LARGE). scale is 1 to
 * 10^18 with at most 18 factors of two and 18 of five: powers of ten and the nanoseconds of every unit are. */
SR_MUST_CHECK enum sr_parse sr_decimal_parse(const char *text, size_t length, uint64_t scale, uint64_t max,
                                             uint64_t *out_value);

/* value in decimal, with zeros before it up to min_digits (at most 20). Returns the length; writes no end. */
size_t sr_decimal_digits(uint64_t value, uint32_t min_digits, char *out_digits);

/* value * 10^-9 as the shortest decimal: "0.001", "1", "30". Returns its length. */
size_t sr_decimal_format(uint64_t value, char out_text[SR_DECIMAL_TEXT_BYTES]);

/* value * 10^-9 with exactly `digits` (0 to 9) digits after the point, rounded half up. Returns its length. */
size_t sr_decimal_format_fixed(uint64_t value, uint32_t digits, char out_text[SR_DECIMAL_TEXT_BYTES]);

/* d.ddde-05 of the `count` digits, without zeros at their end; exponent is the first one's, -99 to 99, and has two digits. Room for count + 6.
 * Returns its length. */
size_t sr_decimal_scientific(const char *digits, size_t count, int exponent, char *out_text);

#endif
