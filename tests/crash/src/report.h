/* SPDX-License-Identifier: Apache-2.0 */
/* What was killed, how often, and what it came to. */
#ifndef CRASH_REPORT_H
#define CRASH_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/crashpoint.h"

struct report {
    uint64_t seed;
    uint64_t kills_agent, kills_producer; /* SIGKILL from outside, at any time */
    uint64_t at_point_agent, at_point_producer;
    uint64_t visits[SR_CRASHPOINT_COUNT]; /* how often somebody died there */
    uint32_t points_wanted;               /* to be visited */
    uint64_t agents, producers;           /* lives */
    uint64_t comparisons;
    uint64_t executions, usages, aborted, torn, usage_torn;
    uint64_t in_call, counted, not_counted, came_apart; /* of calls that a kill cut */
    uint64_t replays;
    double seconds;
};

const char *report_point_name(enum sr_crashpoint point);

/* What a kill leaves there. */
const char *report_point_leaves(enum sr_crashpoint point);

/* SR_CRASHPOINT_none: there is none of that name. */
enum sr_crashpoint report_point_of(const char *name);

uint64_t report_kills(const struct report *report);
uint32_t report_points_visited(const struct report *report);
void report_print(const struct report *report);
void report_print_json(const struct report *report);

#endif
