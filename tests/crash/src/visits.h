/* SPDX-License-Identifier: Apache-2.0 */
/* A death at every named crash point. */
#ifndef CRASH_VISITS_H
#define CRASH_VISITS_H

#include "stage.h"

/* Somebody, agent or producer, comes to the point and dies there; the others go on; all is compared. False: nobody came there. */
bool visit(enum sr_crashpoint point, uint64_t seed, struct report *report);

#endif
