/* SPDX-License-Identifier: Apache-2.0 */
/* What reaper and publisher need of the drain, beyond drain.h. */
#ifndef AGENT_DRAIN_PARTS_H
#define AGENT_DRAIN_PARTS_H

#include <stdint.h>

struct drain;
struct intake;
struct lag;

struct intake *drain_intake(struct drain *drain);

/* How long samples wait for the drain. */
struct lag *drain_lag(struct drain *drain);

#endif
