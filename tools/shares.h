/* SPDX-License-Identifier: Apache-2.0 */
/* Shares, and burn rates by window, as people give them to `slipring slo check`. Pure. */
#ifndef TOOLS_SHARES_H
#define TOOLS_SHARES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <slipring/slo.h>

#include "pure/decimal.h"

/* "10%", "10 %" or "0.1" to parts per billion, 0 to 1000000000, exactly. EMPTY, NOT_A_NUMBER, NEGATIVE, TOO_FINE, TOO_LARGE (above 1:
 * "10" without its sign is). */
__attribute__((warn_unused_result)) enum sr_parse shares_parse(const char *text, uint32_t *out_ppb);

struct burn_limit {
    uint64_t window_s;
    uint64_t rate_billionths;
};

/* "1h=2", "5m=14.4,1h=14.4": at most SLIPRING_SLO_WINDOW_COUNT, each window once. On failure *out_bad is where the bad one begins, and
 * *out_why what is wrong with it. */
__attribute__((warn_unused_result)) bool
shares_parse_limits(const char *text, struct burn_limit out_limits[SLIPRING_SLO_WINDOW_COUNT],
                    size_t *out_count, const char **out_bad, const char **out_why);

#endif
