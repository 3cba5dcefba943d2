/* SPDX-License-Identifier: Apache-2.0 */
/* The lives of a ring: owners one after the other, a bigger and a smaller one, the window of its spill, a killed owner. G1, G4: see protocol/ring.h.
 * (G5, reentrancy: unit/interrupt_test.c.) */
#include "protocol/ring.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/check.h"
#include "support/child.h"
#include "support/ground.h"
#include "support/place.h"
#include "support/ring_ground.h"
#include "support/tally.h"

/* --- lives of a ring ----------------------------------------------------------------------------------------------------------------- */

static void a_new_owner_goes_on_where_the_last_one_ended_G4(void **state)
{
    (void)state;
    struct sr_ring ring = claim();
    put_many(&ring, SAMPLES + 7);
    sr_ring_count_begun(&ring);
    const uint64_t sum = sum_of(ring.ring);
    sr_ring_release(&ring);
    CHECK_EQUAL(ground_ring_word(ring.ring), sr_state_word(1, SLOT, SR_RING_RELEASED));
    ground_set_head(ring.ring, SAMPLES); /* the agent drains, folds, and frees */
    ground_set_ring_state(ring.ring, 1, SLOT, SR_RING_FREE);

    struct sr_ring next;
    CHECK_OK(sr_ring_claim(&ground, 9, 77, SR_CLASS_small, 50 * MS, &next));
    CHECK_EQUAL(next.ring, ring.ring);
    CHECK_EQUAL(ground_ring_word(ring.ring), sr_state_word(2, 9, SR_RING_OWNED));
    CHECK_EQUAL(atomic_load(&sr_segment_ring_info(&ground, ring.ring)->primitive), 77);
    CHECK_EQUAL(ground_spill(ring.ring, SR_SPILL_MIN),
                UINT64_MAX); /* the two that are folded by value begin anew */
    CHECK_EQUAL(ground_spill(ring.ring, SR_SPILL_MAX), 0);
    CHECK_EQUAL(next.hot.line->redo_key & ~SR_REDO_TURN,
                0); /* the last owner's redo record does not speak for this one */
    for (uint32_t i = 0; i < SAMPLES + 1; i++) {
        const struct sr_spill_sample sample = execution(50 * MS);
        CHECK(sr_ring_put(&next, &sample));
    }
    sr_ring_count_begun(&next);
    CHECK_EQUAL(tail_of(ring.ring), 2 * SAMPLES);
    CHECK_EQUAL(spilled(ring.ring), 8);
    CHECK_EQUAL(sum_of(ring.ring), sum + 50 * MS);
    CHECK_EQUAL(ground_spill(ring.ring, SR_SPILL_MIN), 50 * MS);
    CHECK_EQUAL(next.hot.line->begun, 2);
}

static void a_released_ring_is_taken_up_again_in_the_same_generation(void **state)
{
    (void)state;
    struct sr_ring ring = claim();
    put_many(&ring, SAMPLES + 3);
    sr_ring_release(&ring);
    struct sr_ring again;
    CHECK(sr_ring_retake(&ground, ring.ring, SLOT, SR_PRIMITIVE_OVERFLOW, &again));
    CHECK_EQUAL(ground_ring_word(ring.ring), sr_state_word(1, SLOT, SR_RING_OWNED));
    put_many(&again, 4);
    CHECK_EQUAL(tail_of(ring.ring), SAMPLES);
    CHECK_EQUAL(spilled(ring.ring), 7);
    CHECK_EQUAL(sum_of(ring.ring), 7 * FIRST_NS);
    CHECK_EQUAL(ground_spill(ring.ring, SR_SPILL_MIN), FIRST_NS); /* its MIN and MAX go on too */
}

static void a_ring_is_not_taken_up_by_others_nor_from_the_agent(void **state)
{
    (void)state;
    struct sr_ring ring = claim();
    struct sr_ring again;
    CHECK(!sr_ring_retake(&ground, ring.ring, SLOT, SR_PRIMITIVE_OVERFLOW, &again)); /* owned */
    sr_ring_release(&ring);
    CHECK(!sr_ring_retake(&ground, ring.ring, SLOT + 1, SR_PRIMITIVE_OVERFLOW, &again));
    CHECK(!sr_ring_retake(&ground, ring.ring, SLOT, 5, &again)); /* for another primitive */
    CHECK_EQUAL(ground_ring_word(ring.ring), sr_state_word(1, SLOT, SR_RING_RELEASED));
    atomic_store(&sr_segment_ring_info(&ground, ring.ring)->spill_base, UINT32_MAX); /* spoilt */
    CHECK(!sr_ring_retake(&ground, ring.ring, SLOT, SR_PRIMITIVE_OVERFLOW, &again));
    const enum sr_ring_state others[] = {SR_RING_REAPING, SR_RING_FREE, SR_RING_QUARANTINED};
    for (size_t i = 0; i < SR_ARRAY_COUNT(others); i++) {
        ground_set_ring_state(ring.ring, 1, SLOT, others[i]);
        CHECK(!sr_ring_retake(&ground, ring.ring, SLOT, SR_PRIMITIVE_OVERFLOW, &again));
        CHECK_EQUAL(GROUND_RING_STATE(ring.ring), others[i]);
    }
}

/* --- a bigger ring -------------------------------------------------------------------------------------------------------------------- */

static uint32_t offer(const struct sr_ring *ring)
{
    const uint32_t bigger = sr_ring_shapes[SR_CLASS_mid].first_ring + 4;
    CHECK_OK(sr_segment_reserve_ring(&ground, bigger));
    ground_set_ring_state(bigger, 6, SLOT, SR_RING_OFFERED);
    atomic_store(&sr_segment_consumer_line(&ground, ring->ring)->offer, bigger + 1);
    return bigger;
}

static void an_offered_ring_is_adopted_when_the_small_one_is_full(void **state)
{
    (void)state;
    struct sr_ring ring = claim();
    const uint32_t small = ring.ring;
    put_many(&ring, 10);
    const uint32_t bigger = offer(&ring);
    put_many(&ring, SAMPLES - 10);
    CHECK_EQUAL(ring.ring, small); /* there was room */
    ring.hot.busy = 1;
    put_many(&ring, 1);
    CHECK_EQUAL(ring.hot.busy, 1);
    CHECK_EQUAL(ring.ring, bigger);
    CHECK_EQUAL(ground_ring_word(bigger), sr_state_word(7, SLOT, SR_RING_OWNED));
    CHECK_EQUAL(ground_ring_word(small), sr_state_word(1, SLOT, SR_RING_RELEASED));
    CHECK_EQUAL(tail_of(small), SAMPLES);
    CHECK_EQUAL(tail_of(bigger), 1);
    CHECK_EQUAL(spilled(small), 0);
    CHECK_EQUAL(atomic_load(&sr_segment_ring_info(&ground, bigger)->tid), syscall(SYS_gettid));
    CHECK_EQUAL(atomic_load(&sr_segment_ring_info(&ground, bigger)->spill_base), 0);
    put_many(&ring, 4095 + 5);
    CHECK_EQUAL(tail_of(bigger), 4096);
    CHECK_EQUAL(spilled(bigger), 5);
}

static void a_false_offer_is_passed_over(void **state)
{
    (void)state;
    struct sr_ring ring = claim();
    put_many(&ring, SAMPLES);
    const uint32_t bigger = offer(&ring);
    _Atomic uint64_t *offered = &sr_segment_consumer_line(&ground, ring.ring)->offer;
    uint64_t count = 0;
    const uint64_t hostile[] = {UINT64_MAX,    SR_RING_MAX + 1u, SR_RING_MAX /* not reserved */,
                                1 + ring.ring, 1 /* small */,    UINT64_C(1) << 32};
    for (size_t i = 0; i < SR_ARRAY_COUNT(hostile); i++) {
        atomic_store(offered, hostile[i]);
        put_many(&ring, 1);
        CHECK_EQUAL(spilled(ring.ring), ++count);
    }
    atomic_store(offered, bigger + 1);
    const enum sr_ring_state others[] = {SR_RING_EMPTY,    SR_RING_FREE,    SR_RING_CLAIMING,   SR_RING_OWNED,
                                         SR_RING_RELEASED, SR_RING_REAPING, SR_RING_QUARANTINED};
    for (size_t i = 0; i < SR_ARRAY_COUNT(others); i++) {
        ground_set_ring_state(bigger, 6, SLOT, others[i]);
        put_many(&ring, 1);
        CHECK_EQUAL(spilled(ring.ring), ++count);
    }
    ground_set_ring_state(bigger, 6, SLOT + 1, SR_RING_OFFERED); /* to somebody else */
    put_many(&ring, 1);
    CHECK_EQUAL(spilled(ring.ring), ++count);
    CHECK_EQUAL(ground_ring_word(bigger), sr_state_word(6, SLOT + 1, SR_RING_OFFERED));
    ground_set_ring_state(bigger, 6, SLOT, SR_RING_OFFERED);
    put_many(&ring, 1);
    CHECK_EQUAL(ring.ring, bigger);
}

/* --- a smaller ring ------------------------------------------------------------------------------------------------------------------- */

static struct sr_ring claim_mid(void)
{
    struct sr_ring ring;
    CHECK_OK(sr_ring_claim(&ground, SLOT, SR_PRIMITIVE_OVERFLOW, SR_CLASS_mid, FIRST_NS, &ring));
    return ring;
}

static uint32_t offer_small(const struct sr_ring *ring)
{
    CHECK_OK(sr_segment_reserve_ring(&ground, 9));
    ground_set_ring_state(9, 2, SLOT, SR_RING_OFFERED);
    atomic_store(&sr_segment_consumer_line(&ground, ring->ring)->offer, 9 + 1);
    return 9;
}

static void a_smaller_ring_is_adopted_when_the_head_is_looked_at_and_the_big_one_is_nearly_empty(void **state)
{
    (void)state;
    struct sr_ring ring = claim_mid();
    const uint32_t mid = ring.ring;
    put_many(&ring, 10);
    const uint32_t small = offer_small(&ring);
    put_many(&ring, 4096 - 10);
    CHECK_EQUAL(ring.ring, mid); /* nothing in the hot path looks for offers */
    ground_set_head(mid, 4096 - 100);
    ring.hot.busy = 1;
    put(&ring, 3 * MS);
    CHECK_EQUAL(ring.hot.busy, 1);
    CHECK_EQUAL(ring.ring, small);
    CHECK_EQUAL(ground_ring_word(small), sr_state_word(3, SLOT, SR_RING_OWNED));
    CHECK_EQUAL(ground_ring_word(mid), sr_state_word(1, SLOT, SR_RING_RELEASED));
    CHECK_EQUAL(tail_of(mid), 4096); /* what is in it the agent drains */
    CHECK_EQUAL(tail_of(small), 1);
    put_many(&ring, SAMPLES - 1 + 5);
    CHECK_EQUAL(tail_of(small), SAMPLES);
    CHECK_EQUAL(spilled(small), 5);
}

static void a_smaller_ring_is_passed_over_by_one_that_is_busy_and_by_amounts(void **state)
{
    (void)state;
    struct sr_ring ring = claim_mid();
    const uint32_t mid = ring.ring;
    put_many(&ring, 1);
    (void)offer_small(&ring);
    put_many(&ring, 4095 + 3); /* full */
    CHECK_EQUAL(ring.ring, mid);
    CHECK_EQUAL(spilled(mid), 3);
    ground_set_head(mid, 1100); /* a quarter is free: back to the ring, not to a small one */
    put_many(&ring, 1);
    CHECK_EQUAL(ring.ring, mid);
    put_many(&ring, 1099);
    ground_set_head(mid, 5196);
    const struct sr_spill_sample amount = {.meta = SR_KIND_AMOUNT};
    CHECK(sr_ring_put(&ring, &amount)); /* no duration to lay a window around */
    CHECK_EQUAL(ring.ring, mid);
}

/* --- the spill's window ----------------------------------------------------------------------------------------------------------------- */

static void a_small_ring_spills_six_octaves_around_its_first_sample(void **state)
{
    (void)state;
    struct sr_ring ring = claim();
    put_many(&ring, SAMPLES);
    put(&ring, MS / 5);
    put(&ring, 11 * MS);
    CHECK_EQUAL(spilled(ring.ring), 2);
    struct sr_spill_sample sample = execution(MS / 8);
    CHECK(!sr_ring_put(&ring, &sample)); /* the caller has the shared spill */
    sample = execution(13 * MS);
    CHECK(!sr_ring_put(&ring, &sample));
    CHECK_EQUAL(spilled(ring.ring), 2);
    CHECK_EQUAL(sum_of(ring.ring), MS / 5 + 11 * MS);
}

static void the_window_stays_inside_the_scheme_at_both_ends(void **state)
{
    (void)state;
    const uint64_t ends[] = {0, 1, 40, SLIPRING_DURATION_MAX_NS};
    for (size_t i = 0; i < SR_ARRAY_COUNT(ends); i++) {
        struct sr_ring ring;
        CHECK_OK(sr_ring_claim(&ground, SLOT, 0, SR_CLASS_small, ends[i], &ring));
        put_many(&ring, SAMPLES);
        put(&ring, ends[i]);
        CHECK_EQUAL(spilled(ring.ring), 1);
        CHECK(atomic_load(&sr_segment_ring_info(&ground, ring.ring)->spill_base) + 192 <= SR_BUCKET_COUNT);
    }
}

static void a_mid_ring_spills_every_duration(void **state)
{
    (void)state;
    struct sr_ring ring;
    CHECK_OK(sr_ring_claim(&ground, SLOT, 0, SR_CLASS_mid, FIRST_NS, &ring));
    put_many(&ring, 4096);
    const uint64_t all[] = {0, 1, 1000, MS, 3600 * 1000 * MS, SLIPRING_DURATION_MAX_NS};
    for (size_t i = 0; i < SR_ARRAY_COUNT(all); i++) {
        put(&ring, all[i]);
    }
    CHECK_EQUAL(spilled(ring.ring), SR_ARRAY_COUNT(all));
    CHECK_EQUAL(ground_spill(ring.ring, SR_SPILL_CELLS + tally_bucket(1000)), 1);
    CHECK_EQUAL(ground_spill(ring.ring, SR_SPILL_CELLS + tally_bucket(SLIPRING_DURATION_MAX_NS)), 1);
}

/* --- killed ---------------------------------------------------------------------------------------------------------------------------- */

struct killing {
    enum sr_crashpoint point;
    uint32_t ring;
};

static void claim_record_and_release(void *argument)
{
    const struct killing *killing = argument;
    sr_crashpoint_arm(killing->point, 1);
    struct sr_ring ring = claim();
    put_many(&ring, 1);
    sr_ring_release(&ring);
}

static void kill_at(enum sr_crashpoint point)
{
    struct killing killing = {.point = point};
    child_dies_by(child_start(claim_record_and_release, &killing), SIGKILL);
}

static void a_kill_around_the_tail_counts_the_sample_or_does_not_G1(void **state)
{
    (void)state;
    if (!SR_CRASHPOINTS_BUILT) {
        print_message("no crash points in this build: not tried\n");
        return;
    }
    kill_at(SR_CRASHPOINT_ring_before_publish);
    CHECK_EQUAL(tail_of(0), 0);
    CHECK_EQUAL(GROUND_RING_STATE(0), SR_RING_OWNED);
    kill_at(SR_CRASHPOINT_ring_after_publish);
    CHECK_EQUAL(tail_of(1), 1);
    CHECK_EQUAL(sr_segment_ring_words(&ground, 1)[0] >> 12, FIRST_NS);
}

static void a_kill_while_claiming_or_after_releasing_leaves_what_the_picture_says(void **state)
{
    (void)state;
    if (!SR_CRASHPOINTS_BUILT) {
        print_message("no crash points in this build: not tried\n");
        return;
    }
    kill_at(SR_CRASHPOINT_ring_claimed);
    CHECK_EQUAL(ground_ring_word(0), sr_state_word(1, SLOT, SR_RING_CLAIMING));
    CHECK(sr_segment_ring_is_reserved(&ground, 0)); /* the agent makes it FREE */
    kill_at(SR_CRASHPOINT_ring_before_owned);
    CHECK_EQUAL(ground_ring_word(1), sr_state_word(1, SLOT, SR_RING_CLAIMING));
    CHECK_EQUAL(atomic_load(&sr_segment_ring_info(&ground, 1)->generation), 1);
    kill_at(SR_CRASHPOINT_ring_released);
    CHECK_EQUAL(ground_ring_word(2), sr_state_word(1, SLOT, SR_RING_RELEASED));
    CHECK_EQUAL(tail_of(2), 1);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        GROUND_TEST(a_new_owner_goes_on_where_the_last_one_ended_G4),
        GROUND_TEST(a_released_ring_is_taken_up_again_in_the_same_generation),
        GROUND_TEST(a_ring_is_not_taken_up_by_others_nor_from_the_agent),
        GROUND_TEST(an_offered_ring_is_adopted_when_the_small_one_is_full),
        GROUND_TEST(a_false_offer_is_passed_over),
        GROUND_TEST(a_smaller_ring_is_adopted_when_the_head_is_looked_at_and_the_big_one_is_nearly_empty),
        GROUND_TEST(a_smaller_ring_is_passed_over_by_one_that_is_busy_and_by_amounts),
        GROUND_TEST(a_small_ring_spills_six_octaves_around_its_first_sample),
        GROUND_TEST(the_window_stays_inside_the_scheme_at_both_ends),
        GROUND_TEST(a_mid_ring_spills_every_duration),
        GROUND_TEST(a_kill_around_the_tail_counts_the_sample_or_does_not_G1),
        GROUND_TEST(a_kill_while_claiming_or_after_releasing_leaves_what_the_picture_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
