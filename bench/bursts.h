/* SPDX-License-Identifier: Apache-2.0 */
/* Bursts: BURST_LEAST to BURST_MOST records, one burst each millisecond, and nothing between. Only the bursts are timed.
 *
 * So a real producer meets a lazy consumer: the samples of one burst fit into the ring and are taken before the next. */
#ifndef BENCH_BURSTS_H
#define BENCH_BURSTS_H

#include <stdint.h>

#define BURST_LEAST     512u
#define BURST_MOST      900u
#define BURST_PERIOD_NS UINT64_C(1000000)

struct bursts {
    uint64_t random; /* never 0 */
    uint64_t next_ns;
};

/* Wait for the next burst's time, and say how large it is. Late (a round of another case lies between): at once. */
uint32_t bursts_next(struct bursts *bursts);

#endif
