/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing in pieces: agent/publisher.h. */
#include "agent/publisher.h"

#include <stdio.h>

#include "agent/drain/drain.h"
#include "peer/drain.h"
#include "support/check.h"
#include "support/place.h"
#include "support/rig.h"

#define PRIMITIVES 100u
#define CALL_MOST  32u /* as agent/publisher.c has it */

static struct slipring_primitive *primitives[PRIMITIVES];

static const char *name_of(uint32_t i)
{
    static char name[16];
    (void)snprintf(name, sizeof name, "p%u", i);
    return name;
}

/* Each once, published; then each again, booked and not yet published, and the publisher's time has come. */
static void change_all(void)
{
    for (uint32_t i = 0; i < PRIMITIVES; i++) {
        CHECK_OK(slipring_primitive_get(rig_producer, name_of(i), NULL, &primitives[i]));
        slipring_record(primitives[i], 1000, SLIPRING_SUCCESS, NULL);
    }
    rig_settle(&rig);
    for (uint32_t i = 0; i < PRIMITIVES; i++) {
        CHECK_EQUAL(rig_stats(&rig, name_of(i)).count, 1);
        slipring_record(primitives[i], 1000, SLIPRING_SUCCESS, NULL);
    }
    rig.now_ns += RIG_SECOND / 10;
    drain_all(rig.drain, rig.now_ns);
}

static uint32_t published(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < PRIMITIVES; i++) {
        count += rig_stats(&rig, name_of(i)).count == 2;
    }
    return count;
}

static void a_call_publishes_so_many_and_the_clock_goes_on_before_the_next(void)
{
    change_all();
    uint32_t before = published();
    CHECK_EQUAL(before, 0);
    while (publisher_tick(rig.publisher, rig.now_ns) == 0) {
        const uint32_t now = published();
        CHECK_EQUAL(now, before + CALL_MOST);
        before = now;
        rig.now_ns += RIG_SECOND / 1000;
        CHECK(drain_tick(rig.drain, rig.now_ns) <= RIG_SECOND / 20);
        CHECK_EQUAL(sr_drain_clock(agent_store_rings(rig.store)), rig.now_ns);
    }
    CHECK_EQUAL(before, PRIMITIVES / CALL_MOST * CALL_MOST);
    CHECK_EQUAL(published(), PRIMITIVES);
    CHECK(publisher_tick(rig.publisher, rig.now_ns) > 0); /* and rests until it is due */
}

static void what_changes_before_and_behind_the_place_reached_is_published_this_time_or_the_next(void)
{
    change_all();
    CHECK_EQUAL(publisher_tick(rig.publisher, rig.now_ns), 0);
    slipring_record(primitives[0], 1000, SLIPRING_SUCCESS, NULL);
    slipring_record(primitives[PRIMITIVES - 1], 1000, SLIPRING_SUCCESS, NULL);
    drain_all(rig.drain, rig.now_ns);
    while (publisher_tick(rig.publisher, rig.now_ns) == 0) {
    }
    CHECK_EQUAL(rig_stats(&rig, name_of(0)).count, 2);
    CHECK_EQUAL(rig_stats(&rig, name_of(PRIMITIVES - 1)).count, 3);
    rig.now_ns += RIG_SECOND / 10;
    CHECK(publisher_tick(rig.publisher, rig.now_ns) > 0);
    CHECK_EQUAL(rig_stats(&rig, name_of(0)).count, 3);
}

static void publishing_at_once_in_the_middle_of_a_round_publishes_all(void)
{
    change_all();
    CHECK_EQUAL(publisher_tick(rig.publisher, rig.now_ns), 0);
    publisher_run(rig.publisher, rig.now_ns);
    CHECK_EQUAL(published(), PRIMITIVES);
    CHECK(publisher_tick(rig.publisher, rig.now_ns) > 0);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_call_publishes_so_many_and_the_clock_goes_on_before_the_next),
        RIG_TEST(what_changes_before_and_behind_the_place_reached_is_published_this_time_or_the_next),
        RIG_TEST(publishing_at_once_in_the_middle_of_a_round_publishes_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
