/* SPDX-License-Identifier: Apache-2.0 */
/* Deaths at any time, under full load. */
#ifndef CRASH_RANDOM_H
#define CRASH_RANDOM_H

#include "stage.h"

/* So many kills, or as many as there are in so many seconds (0: no such limit), each chosen by the seed. */
void random_kills(uint64_t kills, uint64_t seconds, uint64_t seed, struct report *report);

#endif
