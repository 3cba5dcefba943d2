/* SPDX-License-Identifier: Apache-2.0 */
/* Money in integer nano-dollars: a uint64_t holds 18 billion dollars to the billionth. Never a double until
 * it is shown. Pure: safe in any thread, process or signal handler. */
#ifndef SR_PURE_MONEY_H
#define SR_PURE_MONEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "pure/decimal.h"

#define SR_MONEY_DOLLAR     UINT64_C(1000000000) /* nano-dollars */
#define SR_MONEY_TEXT_BYTES SR_DECIMAL_TEXT_BYTES

/* "0.002", "$1.5", "12" to nano-dollars, exactly, 0 to UINT64_MAX. EMPTY, NOT_A_NUMBER, NEGATIVE ("-1",
 * "-$1",
 * "$-1"), TOO_FINE (below a nano-dollar), TOO_LARGE. */
SR_MUST_CHECK enum sr_parse sr_money_parse(const char *text, uint64_t *out_nanodollars);

/* Dollars as the shortest exact decimal, without the sign: "0.002", "12". Returns the length. */
size_t sr_money_format(uint64_t nanodollars, char out_text[SR_MONEY_TEXT_BYTES]);

/* Dollars with exactly `digits` (0 to 9) digits after the point, rounded half up. Returns the length. */
size_t sr_money_format_fixed(uint64_t nanodollars, uint32_t digits, char out_text[SR_MONEY_TEXT_BYTES]);

/* a + b, or UINT64_MAX and *saturated set to true. *saturated is otherwise left alone: one flag serves a sum.
 */
static inline uint64_t sr_money_add(uint64_t a, uint64_t b, bool *saturated)
{
    uint64_t sum;
    if (__builtin_add_overflow(a, b, &sum)) {
        *saturated = true;
        return UINT64_MAX;
    }
    return sum;
}

/* Dollars an execution: cost / n. False, and nothing written, without executions. */
SR_MUST_CHECK bool sr_money_per_request(uint64_t cost, uint64_t n, double *out_dollars);

/* Dollars an hour: cost / span, over a second at least, as rates are (window.h). */
double sr_money_per_hour(uint64_t cost, uint64_t span_ns);

/* savings / (cost + savings), 0 to 1. False, and nothing written, when both are 0. */
SR_MUST_CHECK bool sr_money_savings_rate(uint64_t cost, uint64_t savings, double *out_rate);

#endif
