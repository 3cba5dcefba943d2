/* SPDX-License-Identifier: Apache-2.0 */
/* How long samples wait: see lag.h. */
#include "lag.h"

static uint64_t greater(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void turn_part(struct lag *lag, uint64_t now_ns)
{
    const uint64_t elapsed_ns = now_ns - lag->part_began_ns;
    if (elapsed_ns >= LAG_PART_NS) {
        lag->part_ns[1] = elapsed_ns < 2 * LAG_PART_NS ? lag->part_ns[0] : 0;
        lag->part_ns[0] = 0;
        lag->part_began_ns = now_ns;
    }
}

void lag_note(struct lag *lag, uint64_t now_ns, uint64_t since_ns)
{
    if (since_ns < now_ns) {
        turn_part(lag, now_ns);
        lag->fresh_ns = greater(lag->fresh_ns, now_ns - since_ns);
        lag->part_ns[0] = greater(lag->part_ns[0], now_ns - since_ns);
    }
}

uint64_t lag_take(struct lag *lag)
{
    const uint64_t fresh_ns = lag->fresh_ns;
    lag->fresh_ns = 0;
    return fresh_ns;
}

uint64_t lag_greatest(struct lag *lag, uint64_t now_ns)
{
    turn_part(lag, now_ns);
    return greater(lag->part_ns[0], lag->part_ns[1]);
}
