/* SPDX-License-Identifier: Apache-2.0 */
/* What a primitive takes of the stats segment at most, however many executions it has and however wild their durations are:
 *
 *     book       cells, base of the open slices, bounds, objectives, names       32,768 bytes
 *     windows    slices of all windows together, and their index                 see windows.h
 *     figures    two copies, in whole pages                                      12,288
 *
 * and for each objective a history (see history.h), and the page of its windows and alerts, which all objectives of a primitive share. How
 * many windows there are does not matter: they share the room for slices, and when it gets short they get coarser. Of the ring segment a primitive
 * takes 34 KB besides, and rings; a ring that spilled takes 8 KB of the stats segment. */
#ifndef AGENT_FOOTPRINT_H
#define AGENT_FOOTPRINT_H

#include "history.h"
#include "peer/books.h"
#include "windows.h"

/* A primitive without objectives. */
#define FOOTPRINT_PRIMITIVE_BYTES ((uint64_t)SR_WORDS_PER_book * 8u + WINDOWS_BYTES + SR_FIGURE_BYTES)

/* Each of its objectives. */
#define FOOTPRINT_OBJECTIVE_BYTES (HISTORY_BYTES + SR_SLO_FIGURE_BYTES)

#endif
