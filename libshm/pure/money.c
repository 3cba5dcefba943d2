/* SPDX-License-Identifier: Apache-2.0 */
/* Money's texts and its one ratio. See money.h. */
#include "pure/money.h"

#include <string.h>

#include "pure/wide.h"

enum sr_parse sr_money_parse(const char *text, uint64_t *out_nanodollars)
{
    /* "-$1" is as negative as "$-1" and "-1". */
    if (text[0] == '-' && text[1] == '$') {
        uint64_t ignored;
        enum sr_parse result =
            sr_decimal_parse(text + 2, strlen(text + 2), SR_MONEY_DOLLAR, UINT64_MAX, &ignored);
        bool number =
            result != SR_PARSE_EMPTY && result != SR_PARSE_NOT_A_NUMBER && result != SR_PARSE_NEGATIVE;
        return number ? SR_PARSE_NEGATIVE : SR_PARSE_NOT_A_NUMBER;
    }
    if (text[0] == '$') {
        text++;
        if (text[0] == '\0') {
            return SR_PARSE_NOT_A_NUMBER;
        }
    }
    return sr_decimal_parse(text, strlen(text), SR_MONEY_DOLLAR, UINT64_MAX, out_nanodollars);
}

size_t sr_money_format(uint64_t nanodollars, char out_text[SR_MONEY_TEXT_BYTES])
{
    return sr_decimal_format(nanodollars, out_text);
}

size_t sr_money_format_fixed(uint64_t nanodollars, uint32_t digits, char out_text[SR_MONEY_TEXT_BYTES])
{
    return sr_decimal_format_fixed(nanodollars, digits, out_text);
}

bool sr_money_per_request(uint64_t cost, uint64_t n, double *out_dollars)
{
    if (n == 0) {
        return false;
    }
    *out_dollars = (double)cost / (double)((sr_wide)n * SR_MONEY_DOLLAR);
    return true;
}

/* Nano-dollars a nanosecond are dollars a second. */
double sr_money_per_hour(uint64_t cost, uint64_t span_ns)
{
    const uint64_t least_ns = UINT64_C(1000000000);
    return (double)((sr_wide)cost * 3600) / (double)(span_ns > least_ns ? span_ns : least_ns);
}

bool sr_money_savings_rate(uint64_t cost, uint64_t savings, double *out_rate)
{
    sr_wide both = (sr_wide)cost + savings;
    if (both == 0) {
        return false;
    }
    *out_rate = (double)savings / (double)both;
    return true;
}
