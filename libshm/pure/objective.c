/* SPDX-License-Identifier: Apache-2.0 */
/* Objectives and error budgets from event counts. See objective.h for the formulas. */
#include "pure/objective.h"

#include <string.h>

#include "pure/wide.h"

#define PERCENT_PPB (SR_OBJECTIVE_ONE_PPB / 100)

enum sr_parse sr_objective_parse_target(const char *text, uint32_t *out_ppb)
{
    size_t length = strlen(text);
    uint64_t scale = SR_OBJECTIVE_ONE_PPB;
    if (length > 0 && text[length - 1] == '%') {
        scale = PERCENT_PPB;
        length--;
        while (length > 0 && text[length - 1] == ' ') {
            length--;
        }
        if (length == 0) {
            return SR_PARSE_NOT_A_NUMBER;
        }
    }

    uint64_t ppb;
    enum sr_parse result = sr_decimal_parse(text, length, scale, UINT64_MAX, &ppb);
    if (result != SR_PARSE_OK) {
        return result;
    }
    if (ppb == 0) {
        return SR_PARSE_ZERO;
    }
    if (ppb == SR_OBJECTIVE_ONE_PPB) {
        return SR_PARSE_TARGET_ONE;
    }
    if (ppb > SR_OBJECTIVE_ONE_PPB) {
        return SR_PARSE_TOO_LARGE;
    }
    *out_ppb = (uint32_t)ppb;
    return SR_PARSE_OK;
}

size_t sr_objective_format_target(uint32_t target_ppb, char out_text[SR_OBJECTIVE_TEXT_BYTES])
{
    size_t length = sr_decimal_format((uint64_t)target_ppb * 100, out_text);
    out_text[length++] = '%';
    out_text[length] = '\0';
    return length;
}

static bool countable(uint64_t good, uint64_t total)
{
    return total > 0 && good <= total;
}

bool sr_objective_compliance(uint64_t good, uint64_t total, double *out_compliance)
{
    if (!countable(good, total)) {
        return false;
    }
    *out_compliance = (double)good / (double)total;
    return true;
}

/* (1 - target) * total in billionths of an event: the budget. At most 2^94. */
static sr_wide budget_of(uint32_t target_ppb, uint64_t total)
{
    return (sr_wide)(SR_OBJECTIVE_ONE_PPB - target_ppb) * total;
}

bool sr_objective_allowed_bad(uint32_t target_ppb, uint64_t total, uint64_t *out_allowed)
{
    if (total == 0 || !sr_objective_target_valid(target_ppb)) {
        return false;
    }
    *out_allowed = (uint64_t)(budget_of(target_ppb, total) / SR_OBJECTIVE_ONE_PPB);
    return true;
}

bool sr_objective_burn_rate(uint32_t target_ppb, uint64_t good, uint64_t total, double *out_burn_rate)
{
    if (!countable(good, total) || !sr_objective_target_valid(target_ppb)) {
        return false;
    }
    sr_wide spent = (sr_wide)(total - good) * SR_OBJECTIVE_ONE_PPB;
    *out_burn_rate = (double)spent / (double)budget_of(target_ppb, total);
    return true;
}

/* Subtract before dividing: near 0 no digit is lost. */
static double left_of(sr_wide budget, sr_wide spent)
{
    return spent <= budget ? (double)(budget - spent) / (double)budget
                           : -((double)(spent - budget) / (double)budget);
}

bool sr_objective_remaining(uint32_t target_ppb, uint64_t good, uint64_t total, double *out_remaining)
{
    if (!countable(good, total) || !sr_objective_target_valid(target_ppb)) {
        return false;
    }
    *out_remaining = left_of(budget_of(target_ppb, total), (sr_wide)(total - good) * SR_OBJECTIVE_ONE_PPB);
    return true;
}

bool sr_objective_spend_burn_rate(uint64_t amount, uint64_t length_s, uint64_t spent, uint64_t window_s,
                                  double *out_burn_rate)
{
    if (amount == 0 || window_s == 0) {
        return false;
    }
    *out_burn_rate = (double)((sr_wide)spent * length_s) / (double)((sr_wide)amount * window_s);
    return true;
}

bool sr_objective_spend_remaining(uint64_t amount, uint64_t spent, double *out_remaining)
{
    if (amount == 0) {
        return false;
    }
    *out_remaining = left_of(amount, spent);
    return true;
}
