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

/* What is left as a gauge from 0 to 1. */
static inline double sr_objective_clamp(double remaining)
{
    return remaining < 0.0 ? 0.0 : remaining > 1.0 ? 1.0 : remaining;
}

#endif
