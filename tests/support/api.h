/* SPDX-License-Identifier: Apache-2.0 */
/* Short ways to what most tests of the public functions begin with. */
#ifndef SUPPORT_API_H
#define SUPPORT_API_H

#include <slipring/slipring.h>

#include "api/process.h"
#include "support/fold.h"
#include "support/sink.h"

/* The store place_store(), open. */
struct slipring_store *api_open(void);

/* The primitive (name, "primitive") of that store, OK. Opens the store when it is not. */
struct slipring_primitive *api_primitive(const char *name);

/* Its books, folded from the segment; settled when the writers are dead. */
void api_fold(const char *name, struct tally *out_tally);

/* Fails unless the segment holds exactly these books under the name, and nothing torn. */
void api_expect(const char *name, const struct tally *want);

/* A random number, from a seed that is printed at the first call; $SLIPRING_TEST_SEED sets another. */
uint64_t api_random(uint64_t *state);
uint64_t api_seed(void);

/* The agent's soft limits, as it would write them. */
void api_set_ring_cap(uint32_t rings);
void api_set_primitive_limit(uint32_t primitives);
void api_raise_reserve_epoch(void);

#endif
