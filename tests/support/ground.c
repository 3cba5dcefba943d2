/* SPDX-License-Identifier: Apache-2.0 */
/* A segment for a test: see ground.h. */
#include "support/ground.h"

#include <string.h>

#include "support/faults.h"
#include "support/place.h"

struct sr_segment ground;

int ground_set_up(void **state)
{
    (void)state;
    memset(&ground, 0, sizeof ground);
    faults_arm(0, 0, 0);
    CHECK_OK(sr_segment_make(&ground, place_new_store(), 0600, (gid_t)-1));
    return 0;
}

int ground_tear_down(void **state)
{
    (void)state;
    sr_map_unmap(&ground.map);
    return 0;
}

void ground_set_ring_state(uint32_t ring, uint32_t generation, uint32_t slot, enum sr_ring_state state)
{
    atomic_store(sr_segment_ring_state(&ground, ring), sr_state_word(generation, slot, (uint32_t)state));
}

void ground_set_head(uint32_t ring, uint64_t head)
{
    atomic_store(&sr_segment_consumer_line(&ground, ring)->head, head);
}

uint64_t ground_ring_word(uint32_t ring)
{
    return atomic_load(sr_segment_ring_state(&ground, ring));
}

void ground_announce(uint32_t primitive, const uint64_t *bounds_ns, uint32_t count)
{
    struct sr_bounds_shm *shm = sr_segment_bounds(&ground, primitive);
    (void)atomic_fetch_add(&shm->version, 1);
    for (uint32_t i = 0; i < count && i < SLIPRING_BOUND_COUNT; i++) {
        atomic_store(&shm->bound_ns[i], bounds_ns[i]);
    }
    atomic_store(&shm->count, count);
    (void)atomic_fetch_add(&shm->version, 1);
    (void)atomic_fetch_add(&sr_segment_header(&ground)->control.bounds_epoch, 1);
}

uint64_t ground_spill(uint32_t ring, uint32_t word)
{
    return atomic_load(&sr_segment_spill(&ground, ring)[word]);
}
