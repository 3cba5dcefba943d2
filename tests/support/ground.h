/* SPDX-License-Identifier: Apache-2.0 */
/* A ring segment of one's own, for tests of libshm/protocol/ that need no process around it. */
#ifndef SUPPORT_GROUND_H
#define SUPPORT_GROUND_H

#include "protocol/layout.h"
#include "protocol/segment.h"
#include "support/check.h"

/* A cmocka setup: a new store's segment. And its teardown. */
int ground_set_up(void **state);
int ground_tear_down(void **state);
#define GROUND_TEST(name) cmocka_unit_test_setup_teardown(name, ground_set_up, ground_tear_down)

/* The segment of the test that runs. */
extern struct sr_segment ground;

/* What an agent does, by hand. */
void ground_set_ring_state(uint32_t ring, uint32_t generation, uint32_t slot, enum sr_ring_state state);
void ground_set_head(uint32_t ring, uint64_t head);
uint64_t ground_ring_word(uint32_t ring);
#define GROUND_RING_STATE(ring) sr_state_of(ground_ring_word(ring))

/* Announce these bounds for a primitive, as the agent would. */
void ground_announce(uint32_t primitive, const uint64_t *bounds_ns, uint32_t count);

/* One word of a ring's spill block. */
uint64_t ground_spill(uint32_t ring, uint32_t word);

#endif
