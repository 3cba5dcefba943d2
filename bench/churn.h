/* SPDX-License-Identifier: Apache-2.0 */
/* Producers that come, record and are gone without a word: what a store has behind it after a day of short programs. */
#ifndef BENCH_CHURN_H
#define BENCH_CHURN_H

#include <stdbool.h>
#include <stdint.h>

#include "served.h"

#define CHURN_RECORDS 3u /* that each makes, each of another primitive of the fleet */

/* `dead` processes, in batches that the agent has folded before the next one comes: each attaches, gets its rings, records
 * and ends by _exit(), closing nothing. What they recorded is added to *expected, and what the store can't give a ring to
 * is recorded all the same. False: a message says why. */
bool churn_run(struct served *served, uint32_t dead, struct tally *expected);

#endif
