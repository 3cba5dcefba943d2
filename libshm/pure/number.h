/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text for machines: the exposition and JSON. Pure: safe in any thread or process, whatever the locale; no
 * allocation. */
#ifndef SR_PURE_NUMBER_H
#define SR_PURE_NUMBER_H

#include <stddef.h>
#include <stdint.h>

#define SR_NUMBER_TEXT_BYTES 64

/* The shortest decimal of at most 17 significant digits that reads back as the same double: "0.25", "1e-07", "3".
 * Returns its length; 0, and an empty text, for what is not finite: neither JSON nor an honest figure has a NaN. */
size_t sr_number_format(double value, char out_text[SR_NUMBER_TEXT_BYTES]);

/* (high * 2^64 + low) * 10^-9, exactly, as the shortest decimal: a sum of nanoseconds as seconds. Returns its
 * length. */
size_t sr_number_format_sum(uint64_t low, uint64_t high, char out_text[SR_NUMBER_TEXT_BYTES]);

/* The double nearest to (high * 2^64 + low) * 10^-9: what a reader of sr_number_format_sum() makes of its text. */
double sr_number_of_billionths(uint64_t low, uint64_t high);

/* Decimal digits. Returns their count, 1 to 20. */
size_t sr_number_format_integer(uint64_t value, char out_text[SR_NUMBER_TEXT_BYTES]);

/* What the locale wrote for the point, in however many bytes, becomes a point; all else is digits, signs and 'e'.
 * Returns the length. A step of sr_number_format(), apart so that it can be tested without such a locale. */
size_t sr_number_settle_point(char *text);

#endif
