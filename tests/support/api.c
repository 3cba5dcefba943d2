/* SPDX-License-Identifier: Apache-2.0 */
/* Common beginnings: see api.h. */
#include "support/api.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/check.h"
#include "support/place.h"
#include "system/clock.h"

struct slipring_store *api_open(void)
{
    struct slipring_store *store = NULL;
    CHECK_OK(slipring_open(place_store(), &store));
    CHECK(store != NULL);
    return store;
}

struct slipring_primitive *api_primitive(const char *name)
{
    struct slipring_primitive *primitive = NULL;
    CHECK_OK(slipring_primitive_get(api_open(), name, NULL, &primitive));
    CHECK(primitive != NULL);
    return primitive;
}

void api_fold(const char *name, struct tally *out_tally)
{
    fold_primitive(place_store(), name, NULL, 0, true, out_tally);
}

void api_expect(const char *name, const struct tally *want)
{
    struct tally got;
    api_fold(name, &got);
    tally_expect_equal(&got, want);
    CHECK_EQUAL(got.torn, 0);
}

uint64_t api_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

uint64_t api_seed(void)
{
    static uint64_t seed;
    if (seed == 0) {
        const char *wish = getenv("SLIPRING_TEST_SEED");
        seed = (wish ? strtoull(wish, NULL, 0) : sr_clock_ns()) | 1;
        (void)printf("SLIPRING_TEST_SEED=%" PRIu64 "\n", seed);
    }
    return seed;
}

static struct sr_control_shm *control(void)
{
    return &sr_segment_header(sr_store_segment(api_open()))->control;
}

void api_set_ring_cap(uint32_t rings)
{
    atomic_store(&control()->ring_cap, rings);
}

void api_set_primitive_limit(uint32_t primitives)
{
    atomic_store(&control()->primitive_limit, primitives);
}

void api_raise_reserve_epoch(void)
{
    (void)atomic_fetch_add(&control()->reserve_epoch, 1);
}
