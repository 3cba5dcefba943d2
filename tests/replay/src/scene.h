/* SPDX-License-Identifier: Apache-2.0 */
/* The scene of a replay: an agent on the rig, producers that record through the library, and what befalls them over the days. Time is made: ticks of
 * a minute, finer where something happens. */
#ifndef REPLAY_SCENE_H
#define REPLAY_SCENE_H

#include <stdio.h>

#include "diary.h"

struct scene {
    struct rig *agent;
    struct traffic traffic;
    struct diary diary;
    struct slipring_primitive *primitive[TRAFFIC_KIND_COUNT];
    struct traffic_batch pending[TRAFFIC_KIND_COUNT]; /* recorded since the last tick */
    uint64_t at_s;                                    /* since the first day's midnight */
    uint32_t ticks;
    uint32_t deaths; /* ticks at which the reaper has something to do */
    uint32_t next_act;
};

struct scene_span {
    uint64_t from_s;
    uint64_t until_s;
    uint64_t coarse_s; /* between ticks where nothing happens */
};

/* On a new store, with the agent not open yet; writes all of it to `out`. Leaves the agent open. */
void scene_play(struct rig *agent, const struct scene_span *span, uint64_t seed, FILE *out);

#endif
