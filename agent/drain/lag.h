/* SPDX-License-Identifier: Apache-2.0 */
/* How long samples wait in their rings before the drain takes them: the greatest age, of late.
 *
 * The age of one that was taken is told by its own stamp. Of those that a look left behind (a nearly empty ring that was visited
 * just now, more than one visit may take, no page for the books) is known since when they can have been there at most: the
 * last look that saw none, or took all there were. Private memory, one thread; handed the time. */
#ifndef AGENT_LAG_H
#define AGENT_LAG_H

#include <stdint.h>

#define LAG_PART_NS UINT64_C(30000000000)

struct lag {
    uint64_t fresh_ns;   /* greatest since lag_take() */
    uint64_t part_ns[2]; /* in this half minute, and in the one before */
    uint64_t part_began_ns;
};

/* At now_ns there was a sample that is there since since_ns. Later than now: there was none. */
void lag_note(struct lag *lag, uint64_t now_ns, uint64_t since_ns);

/* The greatest age since the last call. */
uint64_t lag_take(struct lag *lag);

/* The greatest age in the last 30 to 60 seconds. */
uint64_t lag_greatest(struct lag *lag, uint64_t now_ns);

#endif
