/* SPDX-License-Identifier: Apache-2.0 */
/* When an error budget burns so fast that somebody should know: the four pairs of windows of "Alerting on SLOs" in the
 * Google SRE workbook, its sixth approach (multiwindow, multi-burn-rate alerts).
 *
 *     pair   long  short   share of the budget
 *     0      1h    5m      2 %     spent within the long window, at the factor
 *     1      6h    30m     5 %
 *     2      1d    2h     10 %
 *     3      3d    6h     10 %
 *
 *     factor  = share * period / long        of 30 days: 14.4, 6, 3, 1; of 28: 13.44, 5.6, 2.8, 0.933
 *     exceeds : bad / total / (1 - target) > factor, in both windows
 *
 * so that a pair says the same of every period, and none whose long window is longer than the period exists. The short window makes it cease soon
 * after the cause did; there is no waiting time before it fires. Whether a burn rate exceeds is decided in integers, not in the
 * rounded quotients that are shown: a burn rate of exactly the factor does not.
 *
 * A pair whose factor is so high that not even a window of nothing but bad events exceeds it, factor * (1 - target) >= 1, is said to be unable
 * to fire, instead of being quiet for ever.
 *
 * A money budget (objective.h) has the same pairs and factors: the long window exceeds when more than the pair's share of the amount was spent within
 * it, and the short one when it was spent as fast there.
 *
 *     exceeds : spent / amount > share * window / long    the period is on both sides, and falls out
 *
 * It has no gate, for a single execution may cost more than the share, and is what one wants to hear of; there is always data, for nothing
 * spent is what a budget is there for; and each of its pairs can fire.
 * Pure: safe in any thread, process or signal handler. */
#ifndef SR_PURE_ALERT_H
#define SR_PURE_ALERT_H

#include <stdbool.h>
#include <stdint.h>

#include <slipring/slo.h>

#include "base/compiler.h"

/* The gate of an agent that was not told another one. No number makes an alert about a handful of events sound: of ten an hour, one failure
 * is a burn rate of 100 at 99.9 %, and it is true, for it takes 13.9 % of the budget of such a month. What ten keeps out is what is no traffic: a
 * primitive that has just begun, or is tried out by hand. Who has ten an hour and would not be woken by one of them asks for more. */
#define SR_ALERT_MINIMUM_EVENTS UINT64_C(10)

struct sr_alert_pair {
    uint32_t long_s;
    uint32_t short_s;
    uint32_t share_percent;
};
extern const struct sr_alert_pair sr_alert_pairs[SLIPRING_ALERT_COUNT];

/* The length in seconds of a period as objectives have it: itself, or of the calendar month (UTC) that has second wall_s
 * since 1970 in it. */
uint64_t sr_alert_period_s(uint64_t period_s, uint64_t wall_s);

/* length_s, here and below: as sr_alert_period_s() tells, at most SLIPRING_PERIOD_MAX_S. */
static inline bool sr_alert_exists(const struct sr_alert_pair *pair, uint64_t length_s)
{
    return pair->long_s <= length_s;
}

double sr_alert_factor(const struct sr_alert_pair *pair, uint64_t length_s);

/* Target 1 to 999999999 parts per billion. */
bool sr_alert_can_fire(const struct sr_alert_pair *pair, uint32_t target_ppb, uint64_t length_s);

/* Is the burn rate of these counts higher than the pair's factor? Exact. False without events, and for more good ones than there are. */
bool sr_alert_exceeds(const struct sr_alert_pair *pair, uint32_t target_ppb, uint64_t length_s, uint64_t good,
                      uint64_t total);

struct sr_alert_window {
    uint64_t good;
    uint64_t total;
};

/* The state of a pair: the first of NONE, CANNOT_FIRE, NO_DATA, GATED (fewer events in the long window than `minimum`), FIRING that is so,
 * else QUIET. */
enum slipring_alert_state sr_alert_judge(const struct sr_alert_pair *pair, uint32_t target_ppb,
                                         uint64_t length_s, uint64_t minimum,
                                         const struct sr_alert_window *long_window,
                                         const struct sr_alert_window *short_window);

/* Was more spent within window_s (the pair's long window, or its short one) than share * amount * window_s / long? Exact. False for an
 * amount of 0, which is no budget. */
bool sr_alert_exceeds_spend(const struct sr_alert_pair *pair, uint64_t amount, uint64_t window_s,
                            uint64_t spent);

/* The state of a money budget's pair, by what was spent within its two windows: NONE, FIRING or QUIET. */
enum slipring_alert_state sr_alert_judge_spend(const struct sr_alert_pair *pair, uint64_t amount,
                                               uint64_t length_s, uint64_t long_spent, uint64_t short_spent);

/* Seconds until the budget is spent if it goes on like this:
 *     remaining * period / burn rate
 * remaining as sr_objective_remaining() has it, over the period. 0: it is spent. False: nothing burns, it lasts. */
SR_MUST_CHECK bool sr_alert_exhaustion(double remaining, double burn_rate, uint64_t length_s,
                                       double *out_exhaustion_s);

#endif
