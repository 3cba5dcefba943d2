/* SPDX-License-Identifier: Apache-2.0 */
/* Rings that grow and shrink: agent/drain/offers.h against the real library. (The producer's half by itself: unit/ring_lives_test.c; offers that go
 * back: unit/books_test.c.) */
#include "agent/drain/offers.h"

#include <slipring/slipring.h>

#include "agent/drain/drain.h"
#include "support/check.h"
#include "support/place.h"
#include "support/rig.h"

#define SMALL_END SR_RINGS_SMALL
#define MID_END   (SR_RINGS_SMALL + 4096u)
#define BIG_END   (MID_END + 512u)
#define HALF      (RIG_SECOND / 2)

static struct sr_segment *segment(void)
{
    return &agent_store_rings(rig.store)->segment;
}

static uint64_t recorded;

static void record(uint32_t count)
{
    struct slipring_primitive *work = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, "work", NULL, &work));
    for (uint32_t i = 0; i < count; i++) {
        slipring_record(work, 1000, SLIPRING_SUCCESS, NULL);
    }
    recorded += count;
}

static uint32_t rings_in(uint32_t first, uint32_t end, enum sr_ring_state state)
{
    uint32_t count = 0;
    for (uint32_t ring = first; ring < end; ring++) {
        count += sr_state_of(*sr_segment_ring_state(segment(), ring)) == state;
    }
    return count;
}

#define OWNED_SMALL rings_in(0, SMALL_END, SR_RING_OWNED)
#define OWNED_MID   rings_in(SMALL_END, MID_END, SR_RING_OWNED)
#define OWNED_BIG   rings_in(MID_END, BIG_END, SR_RING_OWNED)

static void grow_to_big(void)
{
    while (OWNED_BIG == 0) {
        record(12000);
        rig_settle(&rig);
    }
    CHECK_EQUAL(OWNED_SMALL + OWNED_MID, 0);
}

/* So many half seconds, in each of which `count` samples come and are taken. */
static void pass(uint32_t halves, uint32_t count)
{
    for (uint32_t i = 0; i < halves; i++) {
        record(count);
        rig_tick(&rig, HALF);
    }
}

static void expect_all_booked(void)
{
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").count, recorded);
    CHECK_EQUAL(rig_figures(&rig).rings_quarantined, 0);
}

static void a_big_ring_that_is_nearly_idle_becomes_a_small_one_again_in_two_steps(void)
{
    grow_to_big();
    const uint64_t spilled = rig_stats(&rig, "work").spilled;
    pass(58, 30);
    CHECK_EQUAL(rings_in(0, SR_RING_MAX, SR_RING_OFFERED), 0); /* not yet half a minute */
    pass(8, 30);
    CHECK_EQUAL(OWNED_BIG, 1);
    CHECK_EQUAL(rings_in(SMALL_END, MID_END, SR_RING_OFFERED), 1); /* stands until the producer looks */
    pass(32768 / 30, 30);
    CHECK_EQUAL(OWNED_BIG, 0);
    CHECK_EQUAL(OWNED_MID + OWNED_SMALL, 1);
    pass((2 * 60 + 4096) / 30 * 2, 30);
    CHECK_EQUAL(OWNED_SMALL, 1);
    CHECK_EQUAL(OWNED_MID + OWNED_BIG, 0);
    CHECK_EQUAL(rings_in(0, SR_RING_MAX, SR_RING_OFFERED), 0);
    CHECK_EQUAL(rig_stats(&rig, "work").spilled, spilled); /* no sample lost its detail by it */
    expect_all_booked();
}

static void the_biggest_is_offered_nothing_bigger(void)
{
    grow_to_big();
    for (int i = 0; i < 3; i++) { /* more than it holds */
        record(100000);
        rig_tick(&rig, HALF);
        CHECK_EQUAL(rings_in(0, SR_RING_MAX, SR_RING_OFFERED), 0);
    }
    CHECK_EQUAL(OWNED_BIG, 1);
    expect_all_booked();
}

static void one_that_is_filled_now_and_then_keeps_its_size(void)
{
    grow_to_big();
    for (int i = 0; i < 10; i++) {
        pass(40, 30);
        record(1200); /* more than a quarter of the next smaller class */
        rig_tick(&rig, HALF);
    }
    CHECK_EQUAL(OWNED_BIG, 1);
    CHECK_EQUAL(rings_in(0, SR_RING_MAX, SR_RING_OFFERED), 0);
    expect_all_booked();
}

static void one_that_records_nothing_is_offered_nothing(void)
{
    grow_to_big();
    pass(10, 30);
    pass(65, 0);
    CHECK_EQUAL(rings_in(0, SR_RING_MAX, SR_RING_OFFERED), 1); /* for what it had recorded */
    pass(2 * 601, 0);
    CHECK_EQUAL(rings_in(0, SR_RING_MAX, SR_RING_OFFERED), 0); /* went back, and comes no more */
    pass(200, 0);
    CHECK_EQUAL(rings_in(0, SR_RING_MAX, SR_RING_OFFERED), 0);
    pass(70, 30);
    CHECK_EQUAL(rings_in(0, SR_RING_MAX, SR_RING_OFFERED), 1);
    expect_all_booked();
}

static void an_offer_of_a_smaller_one_goes_back_when_the_ring_fills_again(void)
{
    grow_to_big();
    pass(66, 30);
    CHECK_EQUAL(rings_in(SMALL_END, MID_END, SR_RING_OFFERED), 1);
    record(4000);
    rig_tick(&rig, HALF);
    rig_tick(&rig, HALF);
    CHECK_EQUAL(rings_in(0, SR_RING_MAX, SR_RING_OFFERED), 0);
    pass(32768 / 30, 30);
    expect_all_booked();
}

/* Bursts once in a while, quiet in between: at first it is shrunk for each of them, then less and less. */
static void a_ring_that_grew_again_after_shrinking_has_to_be_quiet_for_longer(void)
{
    uint32_t shrunk = 0;
    grow_to_big();
    for (int burst = 0; burst < 24; burst++) {
        pass(600, 110); /* five minutes: twice through the big ring */
        shrunk += OWNED_BIG == 0;
        if (OWNED_BIG == 0) {
            grow_to_big();
        }
        record(5000);
        rig_tick(&rig, HALF);
    }
    CHECK(shrunk >= 1);
    CHECK(shrunk <= 5); /* 30, 60, 120, 240 s; not 480 */
    expect_all_booked();
}

static void the_ring_that_was_left_is_drained_freed_and_retired(void)
{
    grow_to_big();
    pass(66, 30);
    pass(32768 / 32 - 3, 30);
    while (OWNED_BIG == 1) { /* to the sample that adopts, and no tick after it */
        record(30);
        if (OWNED_BIG == 1) {
            rig_tick(&rig, HALF);
        }
    }
    rig_drop(&rig); /* the agent dies on top of it */
    rig_open(&rig);
    expect_all_booked();
    pass(10, 30);
    CHECK_EQUAL(rings_in(MID_END, SR_RING_MAX, SR_RING_FREE), 1);
    expect_all_booked();
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_big_ring_that_is_nearly_idle_becomes_a_small_one_again_in_two_steps),
        RIG_TEST(the_biggest_is_offered_nothing_bigger),
        RIG_TEST(one_that_is_filled_now_and_then_keeps_its_size),
        RIG_TEST(one_that_records_nothing_is_offered_nothing),
        RIG_TEST(an_offer_of_a_smaller_one_goes_back_when_the_ring_fills_again),
        RIG_TEST(a_ring_that_grew_again_after_shrinking_has_to_be_quiet_for_longer),
        RIG_TEST(the_ring_that_was_left_is_drained_freed_and_retired),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
