/* SPDX-License-Identifier: Apache-2.0 */
/* Made-up traffic for a replay of months: how many executions of each primitive fall into a stretch of time, how long they took, and how many
 * failed. Deterministic: the same seed and the same stretches give the same traffic.
 *
 *   checkout  follows the day and the week, some 29,000 a day; durations are lognormal with a long tail
 *   render    direct mode; two humps, at 4 ms and 2 s
 *   nightly   a few an hour, more at night; a heavy tail up to a day
 *   edges     bursts, then nothing for hours; durations at the edges of buckets and of the range
 *   steady    for some days, of each ten exactly one failed */
#ifndef REPLAY_TRAFFIC_H
#define REPLAY_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>

enum traffic_kind {
    TRAFFIC_CHECKOUT,
    TRAFFIC_RENDER,
    TRAFFIC_NIGHTLY,
    TRAFFIC_EDGES,
    TRAFFIC_STEADY,
    TRAFFIC_KIND_COUNT
};

#define TRAFFIC_VALUE_MAX  128u
#define TRAFFIC_ENTRY_MAX  8u  /* made at once */
#define TRAFFIC_ENTRY_ROOM 24u /* of several, added up */

/* Durations that executions may take, and how often each does. */
struct traffic_values {
    uint32_t count;
    uint64_t ns[TRAFFIC_VALUE_MAX];
    uint64_t weight_until[TRAFFIC_VALUE_MAX]; /* of this one and all before */
};

struct traffic_entry {
    uint32_t value;
    uint32_t successes;
    uint32_t failures;
};

struct traffic_batch {
    uint32_t count;
    struct traffic_entry entry[TRAFFIC_ENTRY_ROOM];
    uint64_t cost;    /* nano-dollars of the batch, in one of its executions or alone */
    uint64_t savings; /* likewise */
};

struct traffic {
    uint64_t state;                    /* of the random numbers; not 0 */
    uint64_t owed[TRAFFIC_KIND_COUNT]; /* executions, in 3600000000ths, that did not make a whole one yet */
    struct traffic_values values[TRAFFIC_KIND_COUNT];
};

const char *traffic_name(enum traffic_kind kind);

void traffic_open(struct traffic *traffic, uint64_t seed);

/* What befell the primitive between from_s and until_s, seconds since the first day's midnight, a Monday. */
void traffic_make(struct traffic *traffic, enum traffic_kind kind, uint64_t from_s, uint64_t until_s,
                  struct traffic_batch *out_batch);

/* Is there a change for better or worse, or an hour after one, for which one should look closely? */
bool traffic_is_interesting(uint64_t at_s);

/* A number from 0 to below. */
uint64_t traffic_draw(struct traffic *traffic, uint64_t below);

#endif
