/* SPDX-License-Identifier: Apache-2.0 */
/* Many rings and one drain: a tick takes so much and no more, every ring has its turn, how long samples wait is told, and where
 * nobody told of news is looked all the same. In a time that the test makes: rounds are counted, not timed. */
#include <signal.h>
#include <stdio.h>

#include <slipring/slipring.h>

#include "agent/drain/drain.h"
#include "agent/drain/drain_parts.h"
#include "agent/drain/lag.h"
#include "base/crashpoint.h"
#include "peer/inspect.h"
#include "support/check.h"
#include "support/child.h"
#include "support/place.h"
#include "support/rig.h"

#define OTHERS 1400u /* rings, of 128 samples: full, they are more than a tick takes */
#define SMALL  128u
#define ROUND  (RIG_SECOND / 10000)

static struct slipring_primitive *others[OTHERS];

static struct slipring_primitive *primitive_of(const char *name)
{
    struct slipring_primitive *primitive = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, name, NULL, &primitive));
    return primitive;
}

static void record_many(struct slipring_primitive *primitive, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        slipring_record(primitive, 1000, SLIPRING_SUCCESS, NULL);
    }
}

static void get_others(void)
{
    sr_drain_set_limits(agent_store_rings(rig.store), 2 * OTHERS, 2 * OTHERS);
    for (uint32_t i = 0; i < OTHERS; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "other_%u", i);
        others[i] = primitive_of(name);
    }
}

static void record_others(uint32_t count)
{
    for (uint32_t i = 0; i < OTHERS; i++) {
        record_many(others[i], count);
    }
}

/* One tick of the drain alone, so much later; it wants to be called again at once, or not. */
static bool wants_more_after(uint64_t later_ns)
{
    rig.now_ns += later_ns;
    return drain_tick(rig.drain, rig.now_ns) == 0;
}

static uint64_t drained(void)
{
    return RIG_WORD(&rig, store, 0, SR_STORE_DRAINED);
}

static uint64_t booked(void)
{
    return drained() + RIG_WORD(&rig, store, 0, SR_STORE_SPILLED);
}

/* --- what a tick takes ---------------------------------------------------------------------------------------------------- */

static void a_tick_takes_a_bounded_batch_and_a_round_reaches_every_ring(void)
{
    get_others();
    record_others(SMALL);
    const uint64_t all = (uint64_t)OTHERS * SMALL;
    CHECK(wants_more_after(RIG_SECOND / 10));
    CHECK(drained() >= all / 4); /* a good part of it, */
    CHECK(drained() < all);      /* and not all */
    CHECK_EQUAL(sr_drain_clock(agent_store_rings(rig.store)), rig.now_ns);
    for (int i = 0; i < 3 && drained() < all; i++) {
        (void)wants_more_after(ROUND);
        CHECK_EQUAL(sr_drain_clock(agent_store_rings(rig.store)),
                    rig.now_ns); /* each tick brings the time forward */
    }
    CHECK_EQUAL(drained(), all);
}

static void what_is_said_to_be_drained_is_drained_though_the_round_goes_on(void)
{
    get_others();
    rig_settle(&rig);
    const uint64_t before_ns = rig.books->seen_ns;
    rig.now_ns += RIG_SECOND / 10;
    const uint64_t recorded_ns = rig.now_ns;
    record_others(SMALL);
    CHECK(wants_more_after(ROUND));
    CHECK_EQUAL(rig.books->seen_ns, before_ns); /* some of it waits */
    while (wants_more_after(ROUND)) {
    }
    CHECK(rig.books->seen_ns > recorded_ns);
    CHECK(rig.books->seen_ns < rig.now_ns); /* when the round began */
}

/* A ring of the biggest class, as its producer gets one by spilling. */
static uint32_t grow(struct slipring_primitive *fast)
{
    for (int i = 0; i < 4; i++) {
        record_many(fast, 20000);
        (void)wants_more_after(RIG_SECOND / 100);
    }
    while (wants_more_after(RIG_SECOND / 100)) {
    }
    const uint32_t first = sr_ring_shapes[SR_CLASS_big].first_ring;
    for (uint32_t ring = first; ring < first + 512; ring++) {
        if (sr_state_of(sr_drain_state(agent_store_rings(rig.store), ring)) == SR_RING_OWNED) {
            return ring;
        }
    }
    check_fail(__FILE__, __LINE__, "it got no big ring");
    return 0;
}

static void a_visit_takes_so_many_samples_and_leaves_the_rest_for_the_next_round(void)
{
    struct slipring_primitive *fast = primitive_of("fast");
    const uint32_t ring = grow(fast);
    const struct intake_ring *own = &drain_intake(rig.drain)->ring[ring];
    const uint64_t head = own->head;
    record_many(fast, 6 * INTAKE_WORDS + 1);        /* and a mark of two words */
    for (uint64_t round = 1; round <= 3; round++) { /* while a quarter of the ring is left */
        CHECK(wants_more_after(ROUND));             /* at once: it is no use to wait for what is there */
        CHECK_EQUAL(own->head - head, round * INTAKE_WORDS);
        CHECK_EQUAL(sr_drain_head(agent_store_rings(rig.store), ring),
                    own->head); /* its place is free again */
    }
    while (wants_more_after(RIG_SECOND / 100)) {
    }
    CHECK_EQUAL(own->head - head, 6 * INTAKE_WORDS + 3);
}

static void one_ring_at_full_speed_keeps_no_other_one_waiting(void)
{
    struct slipring_primitive *fast = primitive_of("fast");
    (void)grow(fast);
    get_others();
    rig_settle(&rig);
    uint64_t recorded = booked();
    for (uint32_t again = 0; again < 5; again++) {
        record_others(3);
        recorded += 3 * OTHERS;
        for (int round = 0; round < 12; round++) { /* a nearly empty ring is left alone for ten of them */
            record_many(fast, 20000);              /* more than its ring holds: it spills all the time */
            recorded += 20000;
            (void)wants_more_after(ROUND);
        }
        for (uint32_t i = 0; i < OTHERS; i++) {
            char name[32];
            (void)snprintf(name, sizeof name, "other_%u", i);
            rig.now_ns += 1;
            if (i % 100 == 0) {
                publisher_run(rig.publisher, rig.now_ns);
                CHECK_EQUAL(rig_stats(&rig, name).count, 3 * (again + 1));
            }
        }
        CHECK_EQUAL(rig_stats(&rig, "fast").minute.spilled > 0, 1);
    }
    rig_settle(&rig);
    CHECK_EQUAL(booked(), recorded);
}

static void however_busy_the_first_rings_are_the_last_one_has_its_turn(void)
{
    get_others();
    record_others(1);
    rig_settle(&rig);
    const struct intake_ring *last = &drain_intake(rig.drain)->ring[OTHERS - 1];
    CHECK(last->head > 0);
    const uint64_t head = last->head;
    record_many(others[OTHERS - 1], 1);
    for (int tick = 0; tick < 12; tick++) {
        for (uint32_t i = 0; i < OTHERS - 1; i++) { /* full again, all of them, before each tick */
            record_many(others[i], SMALL);
        }
        (void)wants_more_after(10 * ROUND);
    }
    CHECK_EQUAL(last->head, head + 3); /* a sample, and the mark before it */
}

static void shared_spills_are_taken_in_turns_and_all_of_them(void)
{
    get_others();
    sr_drain_set_limits(agent_store_rings(rig.store), 2 * OTHERS, 1); /* no rings but one */
    while (wants_more_after(RIG_SECOND / 100)) {                      /* that names are known */
    }
    record_others(2);
    uint64_t before = booked();
    uint32_t ticks = 0;
    while (wants_more_after(ROUND * 50)) {
        CHECK(booked() - before <= UINT64_C(2) * 128); /* 16, and what stands beside them */
        before = booked();
        ticks++;
    }
    CHECK(ticks > 5);
    CHECK_EQUAL(booked(), 2 * OTHERS);
}

/* --- news ----------------------------------------------------------------------------------------------------------------- */

static void an_objective_that_was_told_of_is_in_force_at_the_next_tick(void)
{
    struct slipring_primitive *work = primitive_of("work");
    slipring_record(work, 1000, SLIPRING_SUCCESS, NULL);
    rig_tick(&rig, RIG_SECOND / 10);
    const struct slipring_slo slo = {.target_ppb = SLIPRING_TARGET(0.9), .latency_threshold_ns = 999};
    CHECK_OK(slipring_slo_configure(work, &slo));
    slipring_record(work, 999, SLIPRING_SUCCESS, NULL);
    rig_tick(&rig, RIG_SECOND / 10);
    CHECK_EQUAL(rig_detail(&rig, "work").objective_count, 1);
    CHECK_EQUAL(rig_detail(&rig, "work").objectives[0].good, 1);
}

static void a_name_is_known_a_tenth_of_a_second_after_it_was_registered(void)
{
    rig_tick(&rig, RIG_SECOND / 10);
    (void)primitive_of("new");
    rig_tick(&rig, RIG_SECOND / 10);
    CHECK_EQUAL(rig_count_of(&rig, "new"), 1);
}

static void die_before_telling(void *argument)
{
    struct slipring_primitive *work = argument;
    sr_crashpoint_arm(SR_CRASHPOINT_shared_before_news, 1);
    slipring_record(work, 1000, SLIPRING_SUCCESS, NULL);
}

static void what_a_killed_thread_could_not_tell_of_is_found_within_a_second(void)
{
    if (!SR_CRASHPOINTS_BUILT) {
        print_message("no crash points in this build: not tried\n");
        return;
    }
    struct slipring_primitive *work = primitive_of("work");
    sr_drain_set_limits(agent_store_rings(rig.store), 10, 0); /* no ring for anybody */
    rig_tick(&rig, RIG_SECOND);
    child_dies_by(child_start(die_before_telling, work), SIGKILL);
    rig_tick(&rig, RIG_SECOND / 100);
    CHECK_EQUAL(booked(), 0);
    rig_tick(&rig, RIG_SECOND);
    CHECK_EQUAL(booked(), 1);
}

/* --- how long they wait --------------------------------------------------------------------------------------------------- */

static uint64_t lag_now(void)
{
    publisher_run(rig.publisher, rig.now_ns);
    return rig_figures(&rig).drain_lag_ns;
}

static void the_lag_is_the_greatest_age_since_it_was_last_told(void)
{
    struct slipring_primitive *work = primitive_of("work");
    record_many(work, 1);
    (void)wants_more_after(RIG_SECOND / 10);
    (void)lag_now();
    slipring_record(work, 1000, SLIPRING_SUCCESS, NULL); /* its stamp: that tick */
    (void)wants_more_after(RIG_SECOND / 25);
    (void)wants_more_after(RIG_SECOND / 1000); /* a tick that takes nothing does not hide it */
    CHECK_EQUAL(lag_now(), RIG_SECOND / 25);
    CHECK_EQUAL(lag_now(), 0);
    CHECK_EQUAL(rig_figures(&rig).drain_lag_greatest_ns >= RIG_SECOND / 25, 1);
    rig.now_ns += 61 * RIG_SECOND;
    (void)lag_now();
    CHECK_EQUAL(rig_figures(&rig).drain_lag_greatest_ns, 0);
}

static void a_ring_that_is_left_alone_counts_for_the_lag(void)
{
    struct slipring_primitive *work = primitive_of("work");
    record_many(work, 1);
    (void)wants_more_after(RIG_SECOND / 10);
    (void)lag_now();
    record_many(work, 1);
    (void)wants_more_after(3 * ROUND); /* it was visited just now */
    CHECK_EQUAL(drained(), 1);
    CHECK_EQUAL(lag_now(), 3 * ROUND);
    CHECK(rig.books->seen_ns <= rig.now_ns - 3 * ROUND); /* nor is it said to be drained */
    (void)wants_more_after(8 * ROUND);
    CHECK_EQUAL(drained(), 2);
    CHECK_EQUAL(lag_now(), 11 * ROUND);
}

static void what_a_visit_left_is_as_old_as_it_can_be_and_no_older(void)
{
    struct slipring_primitive *fast = primitive_of("fast");
    const uint32_t ring = grow(fast);
    const struct intake_ring *own = &drain_intake(rig.drain)->ring[ring];
    const uint64_t emptied_ns = rig.now_ns;
    record_many(fast, 4096);
    (void)wants_more_after(RIG_SECOND);
    const uint64_t first_ns = rig.now_ns;
    CHECK(own->news_ns != 0);
    CHECK(intake_waiting_since(own) >= emptied_ns);
    CHECK(intake_waiting_since(own) < first_ns);
    for (uint64_t i = 0; i < 100; i++) { /* never empty, and always moving */
        record_many(fast, 2048);
        (void)wants_more_after(ROUND);
        CHECK(own->news_ns != 0);
    }
    CHECK(intake_waiting_since(own) >= first_ns);
    CHECK(rig.now_ns - intake_waiting_since(own) <= 4 * ROUND);
    CHECK_EQUAL(sr_segment_consumer_line(&agent_store_rings(rig.store)->segment, ring)->visited_ns,
                rig.now_ns);
    CHECK_EQUAL(sr_segment_consumer_line(&agent_store_rings(rig.store)->segment, ring)->waiting_ns,
                intake_waiting_since(own));
}

static void how_long_a_ring_waits_and_when_it_was_visited_can_be_seen(void)
{
    struct slipring_primitive *work = primitive_of("work");
    struct sr_inspect *inspect = NULL;
    struct sr_inspect_ring ring = {.since_ns = 0};
    CHECK_OK(sr_inspect_open(rig.options.store, &inspect));
    record_many(work, 1);
    (void)wants_more_after(RIG_SECOND);
    CHECK_OK(sr_inspect_ring(inspect, 0, &ring));
    CHECK_EQUAL(ring.visited_ns, rig.now_ns);
    CHECK_EQUAL(ring.since_ns, 0); /* nothing waits */
    record_many(work, 1);
    const uint64_t stamp_ns = rig.now_ns;
    CHECK_OK(sr_inspect_ring(inspect, 0, &ring));
    CHECK_EQUAL(ring.since_ns, stamp_ns);
    (void)wants_more_after(ROUND); /* left alone */
    record_many(work, 1);
    CHECK_OK(sr_inspect_ring(inspect, 0, &ring));
    CHECK_EQUAL(ring.since_ns, stamp_ns);
    CHECK_EQUAL(ring.visited_ns, stamp_ns);
    (void)wants_more_after(20 * ROUND);
    CHECK_OK(sr_inspect_ring(inspect, 0, &ring));
    CHECK_EQUAL(ring.since_ns, 0);
    CHECK_EQUAL(ring.visited_ns, rig.now_ns);
    record_many(work, 1);
    rig.now_ns += RIG_SECOND;
    sr_drain_set_clock(agent_store_rings(rig.store),
                       rig.now_ns); /* as an agent that looked and found nothing */
    record_many(work, 1);
    CHECK_OK(sr_inspect_ring(inspect, 0, &ring));
    CHECK_EQUAL(ring.since_ns, rig.now_ns - RIG_SECOND); /* the first of the two: what waits longest */
    (void)wants_more_after(20 * ROUND);
    (void)wants_more_after(RIG_SECOND); /* quiet since */
    record_many(work, 1);
    CHECK_OK(sr_inspect_ring(inspect, 0, &ring));
    CHECK_EQUAL(ring.since_ns, rig.now_ns); /* its own stamp, not the visit that emptied the ring */
    sr_inspect_close(inspect);
}

static void the_greatest_lag_is_kept_for_half_a_minute_at_least(void)
{
    struct lag lag = {.fresh_ns = 0};
    lag_note(&lag, 100 * RIG_SECOND, 99 * RIG_SECOND);
    for (uint64_t s = 100; s < 130; s++) {
        lag_note(&lag, s * RIG_SECOND, s * RIG_SECOND - 5);
        CHECK_EQUAL(lag_greatest(&lag, s * RIG_SECOND), RIG_SECOND);
    }
    CHECK_EQUAL(lag_greatest(&lag, 130 * RIG_SECOND), RIG_SECOND);
    CHECK_EQUAL(lag_greatest(&lag, 160 * RIG_SECOND), 0);
    CHECK_EQUAL(lag_greatest(&lag, 300 * RIG_SECOND), 0);
    CHECK_EQUAL(lag_take(&lag), RIG_SECOND);
    CHECK_EQUAL(lag_take(&lag), 0);
    lag_note(&lag, 301 * RIG_SECOND, UINT64_MAX); /* there was none */
    CHECK_EQUAL(lag_take(&lag), 0);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_tick_takes_a_bounded_batch_and_a_round_reaches_every_ring),
        RIG_TEST(what_is_said_to_be_drained_is_drained_though_the_round_goes_on),
        RIG_TEST(a_visit_takes_so_many_samples_and_leaves_the_rest_for_the_next_round),
        RIG_TEST(one_ring_at_full_speed_keeps_no_other_one_waiting),
        RIG_TEST(however_busy_the_first_rings_are_the_last_one_has_its_turn),
        RIG_TEST(shared_spills_are_taken_in_turns_and_all_of_them),
        RIG_TEST(an_objective_that_was_told_of_is_in_force_at_the_next_tick),
        RIG_TEST(a_name_is_known_a_tenth_of_a_second_after_it_was_registered),
        RIG_TEST(what_a_killed_thread_could_not_tell_of_is_found_within_a_second),
        RIG_TEST(the_lag_is_the_greatest_age_since_it_was_last_told),
        RIG_TEST(a_ring_that_is_left_alone_counts_for_the_lag),
        RIG_TEST(what_a_visit_left_is_as_old_as_it_can_be_and_no_older),
        RIG_TEST(how_long_a_ring_waits_and_when_it_was_visited_can_be_seen),
        RIG_TEST(the_greatest_lag_is_kept_for_half_a_minute_at_least),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
