/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent's books hold over all primitives of a store, as published. */
#ifndef BENCH_BOOKED_H
#define BENCH_BOOKED_H

#include <stdbool.h>
#include <stdint.h>

#include "peer/stats.h"
#include "samples.h"

/* Open what the store's agent publishes, once it publishes and serves. False: it does not within ten seconds, and a
 * message says so. */
bool booked_open(const char *store, struct sr_stats **out_stats);

/* All primitives together. */
void booked_sum(const struct sr_stats *stats, struct tally *out_tally);

/* Wait until the books have `expected`, ten seconds at most. False: they never came to agree, and a message says how they
 * differ. */
bool booked_await(const struct sr_stats *stats, const char *name, const struct tally *expected);

/* Wait until the store has `least` to `most` rings in use: with as many as living threads own, all others were folded. False:
 * it did not come to that in a minute. */
bool booked_await_rings(const struct sr_stats *stats, uint64_t least, uint64_t most);

#endif
