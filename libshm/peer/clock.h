/* SPDX-License-Identifier: Apache-2.0 */
/* The programs' door to the clock that stamps and ages are told by, and to the tick counter that is measured against it. */
#ifndef SR_PEER_CLOCK_H
#define SR_PEER_CLOCK_H

#include "system/clock.h"
#include "system/ticks.h"

#endif
