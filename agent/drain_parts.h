/* SPDX-License-Identifier: Apache-2.0 */
/* What reaper and publisher need of the drain, beyond drain.h. */
#ifndef AGENT_DRAIN_PARTS_H
#define AGENT_DRAIN_PARTS_H

#include <stdint.h>

struct drain;
struct intake;

struct intake *drain_intake(struct drain *drain);

/* Age of the oldest sample that the last tick took. */
uint64_t drain_lag_ns(const struct drain *drain);

#endif
