/* SPDX-License-Identifier: Apache-2.0 */
/* The ring: claiming, publishing, a full ring and an impossible head; the agent is played by hand. G1 to G3: see protocol/ring.h. */
#include "protocol/ring.h"

#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/api.h"
#include "support/check.h"
#include "support/faults.h"
#include "support/ground.h"
#include "support/place.h"
#include "support/ring_ground.h"

/* --- claiming ------------------------------------------------------------------------------------------------------------------- */

static void a_claimed_ring_is_owned_and_says_by_whom_and_for_what_G4(void **state)
{
    (void)state;
    const struct sr_ring ring = claim();
    CHECK_EQUAL(ground_ring_word(ring.ring), sr_state_word(1, SLOT, SR_RING_OWNED));
    CHECK(sr_segment_ring_is_reserved(&ground, ring.ring));
    const struct sr_ring_info_shm *info = sr_segment_ring_info(&ground, ring.ring);
    CHECK_EQUAL(atomic_load(&info->primitive), SR_PRIMITIVE_OVERFLOW);
    CHECK_EQUAL(atomic_load(&info->slot), SLOT);
    CHECK_EQUAL(atomic_load(&info->generation), 1);
    CHECK_EQUAL(atomic_load(&info->tid), syscall(SYS_gettid));
    CHECK_EQUAL(atomic_load(&info->spill_base), sr_bucket_index(FIRST_NS) - 80);
    CHECK_EQUAL(ground_spill(ring.ring, SR_SPILL_MIN), UINT64_MAX);
    CHECK_EQUAL(ground_spill(ring.ring, SR_SPILL_MAX), 0);
}

static void a_free_ring_is_taken_before_a_new_one_costs_pages(void **state)
{
    (void)state;
    struct sr_ring first = claim();
    const struct sr_ring second = claim();
    CHECK(second.ring != first.ring);
    ground_set_ring_state(first.ring, 1, 0, SR_RING_FREE);
    const struct sr_ring third = claim();
    CHECK_EQUAL(third.ring, first.ring);
    CHECK_EQUAL(third.generation, 2);
}

static void rings_in_any_other_state_are_never_claimed(void **state)
{
    (void)state;
    const enum sr_ring_state states[] = {SR_RING_CLAIMING, SR_RING_OWNED,   SR_RING_RELEASED,
                                         SR_RING_REAPING,  SR_RING_OFFERED, SR_RING_QUARANTINED};
    const struct sr_ring_shape *shape = &sr_ring_shapes[SR_CLASS_big];
    for (uint32_t i = 0; i < shape->rings; i++) {
        ground_set_ring_state(shape->first_ring + i, 5, SLOT, states[i % SR_ARRAY_COUNT(states)]);
    }
    struct sr_ring ring;
    CHECK_STATUS(sr_ring_claim(&ground, SLOT, 0, SR_CLASS_big, FIRST_NS, &ring), SLIPRING_IN_USE);
    ground_set_ring_state(shape->first_ring + 200, 9, 0, SR_RING_EMPTY);
    CHECK_OK(sr_ring_claim(&ground, SLOT, 0, SR_CLASS_big, FIRST_NS, &ring));
    CHECK_EQUAL(ring.ring, shape->first_ring + 200);
    CHECK_EQUAL(ring.generation, 10);
}

static void a_wrong_hint_costs_time_only(void **state)
{
    (void)state;
    for (uint32_t class = 0; class < SR_CLASS_COUNT; class ++) {
        atomic_store(&sr_segment_header(&ground)->hint.ring_cursor[class], UINT32_MAX - class);
    }
    struct sr_ring rings[3];
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_OK(sr_ring_claim(&ground, SLOT, 0, i, FIRST_NS, &rings[i]));
        CHECK_EQUAL(sr_ring_class_of(rings[i].ring), i);
        put_many(&rings[i], 20);
    }
}

static void a_failed_reservation_gives_the_ring_back_untouched(void **state)
{
    (void)state;
    struct sr_ring ring;
    for (int passing = 0; passing < 4; passing++) { /* three parts of an extent, then the block */
        faults_arm(passing, 1, ENOSPC);
        CHECK_STATUS(sr_ring_claim(&ground, SLOT, 0, SR_CLASS_mid, FIRST_NS, &ring), SLIPRING_NO_SPACE);
        CHECK_EQUAL(GROUND_RING_STATE(sr_ring_shapes[SR_CLASS_mid].first_ring), SR_RING_EMPTY);
        CHECK(!sr_segment_ring_is_reserved(&ground, sr_ring_shapes[SR_CLASS_mid].first_ring));
        faults_arm(0, 0, 0);
        if (passing < 3) {
            CHECK(!sr_segment_extent_is_reserved(&ground, sr_ring_shapes[SR_CLASS_mid].first_ring / 32));
        }
    }
    CHECK_OK(sr_ring_claim(&ground, SLOT, 0, SR_CLASS_mid, FIRST_NS, &ring));
    CHECK_EQUAL(ring.ring, sr_ring_shapes[SR_CLASS_mid].first_ring);
}

static void *claim_many(void *argument)
{
    uint32_t *ids = argument;
    for (uint32_t i = 0; i < 100; i++) {
        struct sr_ring ring = claim();
        ids[i] = ring.ring;
        put_many(&ring, 3);
    }
    return NULL;
}

static void threads_that_claim_at_once_get_different_rings(void **state)
{
    (void)state;
    static uint32_t ids[4][100];
    static uint8_t seen[SR_RING_MAX];
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        CHECK_EQUAL(pthread_create(&threads[i], NULL, claim_many, ids[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
        for (int k = 0; k < 100; k++) {
            CHECK_EQUAL(seen[ids[i][k]]++, 0);
            CHECK_EQUAL(tail_of(ids[i][k]), 3);
        }
    }
}

/* --- publishing -------------------------------------------------------------------------------------------------------------------- */

static void a_sample_stands_where_and_how_the_layout_says_G1(void **state)
{
    (void)state;
    struct sr_ring ring = claim();
    atomic_store(&sr_segment_header(&ground)->control.coarse_ns, 777);
    const struct sr_spill_sample sample = {
        .meta = SR_KIND_EXECUTION | SR_SAMPLE_FAILURE | SR_SAMPLE_ENDED | 5u << SR_SAMPLE_CATEGORY_SHIFT,
        .duration_ns = SLIPRING_DURATION_MAX_NS,
        .cost = 11,
        .savings = 12,
    };
    CHECK(sr_ring_put(&ring, &sample));
    CHECK_EQUAL(tail_of(ring.ring), 5);
    const uint64_t *at = sr_segment_ring_words(&ground, ring.ring);
    CHECK_EQUAL(at[0], SR_KIND_CLOCK);
    CHECK_EQUAL(at[1], 777);
    CHECK_EQUAL(at[2], UINT64_C(0xfffffffffffff) << 12 | 1 | 1 << 3 | 1 << 4 | 5 << 5 | 1 << 11);
    CHECK_EQUAL(at[3], 11);
    CHECK_EQUAL(at[4], 12);
}

static void set_clock(uint64_t ns)
{
    atomic_store(&sr_segment_header(&ground)->control.coarse_ns, ns);
}

static void a_plain_sample_takes_one_word_and_the_clock_is_marked_when_it_went_on(void **state)
{
    (void)state;
    struct sr_ring ring = claim();
    const uint64_t *at = sr_segment_ring_words(&ground, ring.ring);
    put_many(&ring, 2); /* before the first agent: no mark */
    CHECK_EQUAL(tail_of(ring.ring), 2);
    set_clock(5000);
    put_many(&ring, 2);
    CHECK_EQUAL(tail_of(ring.ring), 6);
    CHECK_EQUAL(at[2], SR_KIND_CLOCK);
    CHECK_EQUAL(at[3], 5000);
    CHECK_EQUAL(at[5], FIRST_NS << 12 | SR_KIND_EXECUTION);
    set_clock(6000);
    put_many(&ring, 1);
    CHECK_EQUAL(at[6], SR_KIND_CLOCK);
    CHECK_EQUAL(at[7], 6000);
    CHECK_EQUAL(tail_of(ring.ring), 9);
}

static void a_ring_taken_up_again_marks_the_clock_anew(void **state)
{
    (void)state;
    struct sr_ring ring = claim();
    set_clock(5000);
    put_many(&ring, 1);
    CHECK_EQUAL(tail_of(ring.ring), 3);
    sr_ring_release(&ring);
    CHECK(sr_ring_retake(&ground, ring.ring, SLOT, SR_PRIMITIVE_OVERFLOW, &ring));
    put_many(&ring, 1);
    CHECK_EQUAL(tail_of(ring.ring), 6);
}

/* A sample with amounts and a mark takes five words: where four are left, it spills whole. */
static void a_sample_that_does_not_fit_whole_is_spilled_whole_G1_G2(void **state)
{
    (void)state;
    const struct sr_spill_sample dear = {
        .meta = SR_KIND_EXECUTION, .duration_ns = FIRST_NS, .cost = 3, .savings = 4};
    for (uint32_t left = 0; left <= 5; left++) {
        set_clock(0);
        struct sr_ring ring = claim();
        put_many(&ring, SAMPLES - left);
        set_clock(9000);
        CHECK(sr_ring_put(&ring, &dear));
        CHECK_EQUAL(tail_of(ring.ring), left == 5 ? SAMPLES : SAMPLES - left);
        CHECK_EQUAL(spilled(ring.ring), left == 5 ? 0 : 1);
        CHECK_EQUAL(ground_spill(ring.ring, SR_SPILL_COST), left == 5 ? 0 : 3);
        put_many(&ring, 1); /* and goes on spilling, also where one word would be left */
        CHECK_EQUAL(spilled(ring.ring), left == 5 ? 1 : 2);
    }
}

static void samples_and_marks_lie_across_the_end_of_the_ring(void **state)
{
    (void)state;
    const struct sr_spill_sample dear = {
        .meta = SR_KIND_EXECUTION, .duration_ns = FIRST_NS, .cost = 3, .savings = 4};
    for (uint32_t left = 1; left <= 4; left++) {
        set_clock(0);
        struct sr_ring ring = claim();
        put_many(&ring, SAMPLES - left);
        ground_set_head(ring.ring, SAMPLES - left);
        ring.hot.limit = ring.hot.tail; /* look at the head */
        set_clock(9000);
        CHECK(sr_ring_put(&ring, &dear));
        const uint64_t *words = sr_segment_ring_words(&ground, ring.ring);
        const uint64_t want[] = {SR_KIND_CLOCK, 9000, FIRST_NS << 12 | SR_KIND_EXECUTION | SR_SAMPLE_AMOUNTS,
                                 3, 4};
        for (uint32_t i = 0; i < 5; i++) {
            CHECK_EQUAL(words[(SAMPLES - left + i) % SAMPLES], want[i]);
        }
    }
}

static void a_full_ring_never_refuses_the_rest_is_spilled_G2(void **state)
{
    (void)state;
    struct sr_ring ring = claim();
    put_many(&ring, SAMPLES);
    CHECK_EQUAL(tail_of(ring.ring), SAMPLES);
    CHECK_EQUAL(spilled(ring.ring), 0);
    put_many(&ring, 1000);
    CHECK_EQUAL(tail_of(ring.ring), SAMPLES);
    CHECK_EQUAL(spilled(ring.ring), 1000);
}

static void back_to_the_ring_when_a_quarter_of_it_is_free_G2(void **state)
{
    (void)state;
    struct sr_ring ring = claim();
    put_many(&ring, SAMPLES + 1);
    ground_set_head(ring.ring, SAMPLES / 4 - 1);
    put_many(&ring, 1);
    CHECK_EQUAL(spilled(ring.ring), 2);
    ground_set_head(ring.ring, SAMPLES / 4);
    put_many(&ring, SAMPLES / 4);
    CHECK_EQUAL(spilled(ring.ring), 2);
    CHECK_EQUAL(tail_of(ring.ring), SAMPLES + SAMPLES / 4);
    put_many(&ring, 1);
    CHECK_EQUAL(spilled(ring.ring), 3);
}

static void a_ring_that_did_not_spill_takes_up_whatever_room_there_is_G2(void **state)
{
    (void)state;
    struct sr_ring ring = claim();
    put_many(&ring, SAMPLES);
    ground_set_head(ring.ring, 1);
    put_many(&ring, 1);
    CHECK_EQUAL(tail_of(ring.ring), SAMPLES + 1);
    CHECK_EQUAL(spilled(ring.ring), 0);
}

static void nothing_between_head_and_tail_is_ever_overwritten_G3(void **state)
{
    (void)state;
    struct sr_ring ring = claim();
    const uint64_t *words = sr_segment_ring_words(&ground, ring.ring);
    static uint64_t published[100000]; /* duration by position */
    uint64_t seed = api_seed();
    uint64_t head = 0;
    for (uint64_t n = 0; n < 20000; n++) {
        const uint64_t before = tail_of(ring.ring);
        put(&ring, MS + n);
        if (tail_of(ring.ring) != before) {
            published[before] = MS + n;
        }
        const uint64_t tail = tail_of(ring.ring);
        if (api_random(&seed) % 50 == 0) {
            head += api_random(&seed) % (tail - head + 1);
            ground_set_head(ring.ring, head);
        }
        CHECK(tail - head <= SAMPLES);
        for (uint64_t i = head; n % 64 == 0 && i < tail; i++) {
            CHECK_EQUAL(words[i % SAMPLES] >> 12, published[i]);
        }
    }
    CHECK_EQUAL(tail_of(ring.ring) + spilled(ring.ring), 20000);
}

static void an_impossible_head_is_no_room_and_loses_nothing_G3(void **state)
{
    (void)state;
    struct sr_ring ring = claim();
    put_many(&ring, SAMPLES);
    const uint64_t hostile[] = {SAMPLES + 1,    UINT64_MAX,           UINT64_C(1) << 63,
                                SAMPLES * 1000, UINT64_MAX - SAMPLES, UINT64_MAX - SAMPLES + 1};
    for (uint64_t i = 0; i < SR_ARRAY_COUNT(hostile); i++) {
        ground_set_head(ring.ring, hostile[i]);
        put_many(&ring, 1);
        CHECK_EQUAL(tail_of(ring.ring), SAMPLES);
        CHECK_EQUAL(spilled(ring.ring), i + 1);
    }
    ground_set_head(ring.ring, SAMPLES); /* sane again */
    put_many(&ring, 1);
    CHECK_EQUAL(tail_of(ring.ring), SAMPLES + 1);
}

static void indices_wrap_around_without_a_step(void **state)
{
    (void)state;
    struct sr_ring ring = claim();
    sr_ring_release(&ring);
    atomic_store(&sr_segment_producer_line(&ground, ring.ring)->tail, UINT64_MAX - 5);
    ground_set_head(ring.ring, UINT64_MAX - 5);
    CHECK(sr_ring_retake(&ground, ring.ring, SLOT, SR_PRIMITIVE_OVERFLOW, &ring));
    put_many(&ring, SAMPLES);
    CHECK_EQUAL(tail_of(ring.ring), SAMPLES - 6);
    put_many(&ring, 1);
    CHECK_EQUAL(spilled(ring.ring), 1);
    ground_set_head(ring.ring, 200);
    put_many(&ring, 1);
    CHECK_EQUAL(tail_of(ring.ring), SAMPLES - 5);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        GROUND_TEST(a_claimed_ring_is_owned_and_says_by_whom_and_for_what_G4),
        GROUND_TEST(a_free_ring_is_taken_before_a_new_one_costs_pages),
        GROUND_TEST(rings_in_any_other_state_are_never_claimed),
        GROUND_TEST(a_wrong_hint_costs_time_only),
        GROUND_TEST(a_failed_reservation_gives_the_ring_back_untouched),
        GROUND_TEST(threads_that_claim_at_once_get_different_rings),
        GROUND_TEST(a_sample_stands_where_and_how_the_layout_says_G1),
        GROUND_TEST(a_plain_sample_takes_one_word_and_the_clock_is_marked_when_it_went_on),
        GROUND_TEST(a_ring_taken_up_again_marks_the_clock_anew),
        GROUND_TEST(a_sample_that_does_not_fit_whole_is_spilled_whole_G1_G2),
        GROUND_TEST(samples_and_marks_lie_across_the_end_of_the_ring),
        GROUND_TEST(a_full_ring_never_refuses_the_rest_is_spilled_G2),
        GROUND_TEST(back_to_the_ring_when_a_quarter_of_it_is_free_G2),
        GROUND_TEST(a_ring_that_did_not_spill_takes_up_whatever_room_there_is_G2),
        GROUND_TEST(nothing_between_head_and_tail_is_ever_overwritten_G3),
        GROUND_TEST(an_impossible_head_is_no_room_and_loses_nothing_G3),
        GROUND_TEST(indices_wrap_around_without_a_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
