/* SPDX-License-Identifier: Apache-2.0 */
/* Burn-rate pairs in integers: see alert.h for the formulas. */
#include "pure/alert.h"

#include "pure/month.h"
#include "pure/objective.h"
#include "pure/wide.h"

#define LONG_MAX_S UINT64_C(259200)

const struct sr_alert_pair sr_alert_pairs[SLIPRING_ALERT_COUNT] = {
    {.long_s = 3600, .short_s = 300, .share_percent = 2},
    {.long_s = 21600, .short_s = 1800, .share_percent = 5},
    {.long_s = 86400, .short_s = 7200, .share_percent = 10},
    {.long_s = LONG_MAX_S, .short_s = 21600, .share_percent = 10},
};

uint64_t sr_alert_period_s(uint64_t period_s, uint64_t wall_s)
{
    return period_s == SLIPRING_PERIOD_MONTH ? sr_month_of(wall_s).length_s : period_s;
}

double sr_alert_factor(const struct sr_alert_pair *pair, uint64_t length_s)
{
    return (double)(pair->share_percent * length_s) / (double)(UINT64_C(100) * pair->long_s);
}

/* Both sides of `bad/total/(1 - target) > share * period/long`, multiplied by total, 1 - target in billionths, 100 and long:
 * at most 2^64 * 2^30 * 2^7 * 2^18 and 2^64 * 2^30 * 2^4 * 2^23. */
_Static_assert(LONG_MAX_S < UINT64_C(1) << 18 && SLIPRING_PERIOD_MAX_S < UINT64_C(1) << 23,
               "no product outgrows 128 bits");

static sr_wide burnt(const struct sr_alert_pair *pair, uint64_t bad)
{
    return (sr_wide)bad * SR_OBJECTIVE_ONE_PPB * 100 * pair->long_s;
}

static sr_wide permitted(const struct sr_alert_pair *pair, uint32_t target_ppb, uint64_t length_s,
                         uint64_t total)
{
    return (sr_wide)total * (SR_OBJECTIVE_ONE_PPB - target_ppb) * pair->share_percent * length_s;
}

bool sr_alert_can_fire(const struct sr_alert_pair *pair, uint32_t target_ppb, uint64_t length_s)
{
    return burnt(pair, 1) > permitted(pair, target_ppb, length_s, 1);
}

bool sr_alert_exceeds(const struct sr_alert_pair *pair, uint32_t target_ppb, uint64_t length_s, uint64_t good,
                      uint64_t total)
{
    return total > 0 && good <= total &&
           burnt(pair, total - good) > permitted(pair, target_ppb, length_s, total);
}

enum slipring_alert_state sr_alert_judge(const struct sr_alert_pair *pair, uint32_t target_ppb,
                                         uint64_t length_s, uint64_t minimum,
                                         const struct sr_alert_window *long_window,
                                         const struct sr_alert_window *short_window)
{
    if (!sr_alert_exists(pair, length_s)) {
        return SLIPRING_ALERT_NONE;
    }
    if (!sr_alert_can_fire(pair, target_ppb, length_s)) {
        return SLIPRING_ALERT_CANNOT_FIRE;
    }
    if (long_window->total == 0) {
        return SLIPRING_ALERT_NO_DATA;
    }
    if (long_window->total < minimum) {
        return SLIPRING_ALERT_GATED;
    }
    return sr_alert_exceeds(pair, target_ppb, length_s, long_window->good, long_window->total) &&
                   sr_alert_exceeds(pair, target_ppb, length_s, short_window->good, short_window->total)
               ? SLIPRING_ALERT_FIRING
               : SLIPRING_ALERT_QUIET;
}

/* Both sides of `spent/amount > share * window/long`, multiplied by amount, 100 and long: at most 2^64 * 2^7 * 2^18 and 2^64 * 2^4 * 2^18. */
bool sr_alert_exceeds_spend(const struct sr_alert_pair *pair, uint64_t amount, uint64_t window_s,
                            uint64_t spent)
{
    return amount != 0 &&
           (sr_wide)spent * 100 * pair->long_s > (sr_wide)amount * pair->share_percent * window_s;
}

enum slipring_alert_state sr_alert_judge_spend(const struct sr_alert_pair *pair, uint64_t amount,
                                               uint64_t length_s, uint64_t long_spent, uint64_t short_spent)
{
    if (!sr_alert_exists(pair, length_s)) {
        return SLIPRING_ALERT_NONE;
    }
    return sr_alert_exceeds_spend(pair, amount, pair->long_s, long_spent) &&
                   sr_alert_exceeds_spend(pair, amount, pair->short_s, short_spent)
               ? SLIPRING_ALERT_FIRING
               : SLIPRING_ALERT_QUIET;
}

bool sr_alert_exhaustion(double remaining, double burn_rate, uint64_t length_s, double *out_exhaustion_s)
{
    if (remaining <= 0.0) {
        *out_exhaustion_s = 0.0;
        return true;
    }
    if (burn_rate <= 0.0) {
        return false;
    }
    *out_exhaustion_s = remaining * (double)length_s / burn_rate;
    return true;
}
