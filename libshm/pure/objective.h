/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of objectives and error budgets, from event counts. All figures are integers until one last
 * division; targets are integer parts per billion.
 *
 *     compliance = good / total
 *     bad        = total - good
 *     allowed    = floor((1 - target) * total)            events that may be bad
 *     burn rate  = (1 - compliance) / (1 - target)        1: the budget lasts exactly the period
 *     remaining  = 1 - bad / ((1 - target) * total)       1: untouched; 0: spent; negative: overspent
 *
 * after "Implementing SLOs" and "Alerting on SLOs" of the Google SRE workbook. Without events (total 0), or with
 * more good ones than there are, there is no answer: false is returned and nothing written. So it is for a target
 * outside 1 to 999999999, which has no error budget or nothing else.
 *
 * A money budget says what a period may cost, and has no good or bad: only nano-dollars, of the period and of windows in it.
 *
 *     burn rate  = (spent / window) / (amount / period)   1: the amount lasts exactly the period
 *     remaining  = 1 - spent / amount
 *
 * Window and period are the nominal ones, not what is covered of them: a store that is a minute old and has spent a dollar has spent a dollar within
 * the hour, and is not taken to go on like that. A calendar month has as many days as it has. Nothing spent is a burn rate of 0, and no lack of
 * data. There is no answer for an amount of 0.
 * Pure: safe in any thread, process or signal handler. */
#ifndef SR_PURE_OBJECTIVE_H
#define SR_PURE_OBJECTIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <slipring/objective.h>

#include "base/compiler.h"
#include "pure/decimal.h"

#define SR_OBJECTIVE_ONE_PPB    UINT32_C(1000000000) /* a target of 1, which is refused */
#define SR_OBJECTIVE_TEXT_BYTES SR_DECIMAL_TEXT_BYTES

static inline bool sr_objective_target_valid(uint32_t target_ppb)
{
    return target_ppb >= 1 && target_ppb < SR_OBJECTIVE_ONE_PPB;
}

/* One hour to ninety days, or the calendar month. */
static inline bool sr_objective_period_valid(uint64_t period_s)
{
    return period_s == SLIPRING_PERIOD_MONTH ||
           (period_s >= SLIPRING_PERIOD_MIN_S && period_s <= SLIPRING_PERIOD_MAX_S);
}

/* "0.999", "99.9%" or "99.9 %" to parts per billion, exactly. EMPTY, NOT_A_NUMBER, NEGATIVE, ZERO, TOO_FINE,
 * TARGET_ONE (1, 100%), TOO_LARGE (above 1: "99.9" without the percent sign is). */
SR_MUST_CHECK enum sr_parse sr_objective_parse_target(const char *text, uint32_t *out_ppb);

/* The target as the shortest exact percentage: "99.9%". Returns the length. target_ppb <= 1000000000. */
size_t sr_objective_format_target(uint32_t target_ppb, char out_text[SR_OBJECTIVE_TEXT_BYTES]);

SR_MUST_CHECK bool sr_objective_compliance(uint64_t good, uint64_t total, double *out_compliance);

SR_MUST_CHECK bool sr_objective_allowed_bad(uint32_t target_ppb, uint64_t total, uint64_t *out_allowed);

SR_MUST_CHECK bool sr_objective_burn_rate(uint32_t target_ppb, uint64_t good, uint64_t total,
                                          double *out_burn_rate);

/* Unclamped; see sr_objective_clamp(). */
SR_MUST_CHECK bool sr_objective_remaining(uint32_t target_ppb, uint64_t good, uint64_t total,
                                          double *out_remaining);

/* Of a money budget. amount and spent: nano-dollars; spent within window_s of a period of length_s, both more than 0 and at most 2^32. */
SR_MUST_CHECK bool sr_objective_spend_burn_rate(uint64_t amount, uint64_t length_s, uint64_t spent,
                                                uint64_t window_s, double *out_burn_rate);
/* Spent within the period. Unclamped. */
SR_MUST_CHECK bool sr_objective_spend_remaining(uint64_t amount, uint64_t spent, double *out_remaining);

/* What is left as a gauge from 0 to 1. */
static inline double sr_objective_clamp(double remaining)
{
    return remaining < 0.0 ? 0.0 : remaining > 1.0 ? 1.0 : remaining;
}

#endif
