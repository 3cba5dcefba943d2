/* SPDX-License-Identifier: Apache-2.0 */
/* Reserving a place for a sample, and everything that can come between reserve and commit. */
#include <slipring/slipring.h>

#include <pthread.h>
#include <unistd.h>

#include "support/api.h"
#include "support/check.h"
#include "support/child.h"
#include "support/place.h"

/* A primitive whose ring is known to have room: from then on reservations lie in it. */
static struct slipring_primitive *primitive_with_room(struct tally *want)
{
    struct slipring_primitive *work = api_primitive("work");
    tally_init(want, 0);
    slipring_record(work, 1, SLIPRING_SUCCESS, NULL);
    tally_execution(want, 1, false, NULL);
    return work;
}

static bool lies_in_the_segment(const struct slipring_primitive *work, const uint64_t *at)
{
    const uint8_t *byte = (const uint8_t *)at;
    const struct sr_map *map = &sr_store_segment(work->store)->map;
    return byte >= map->base && byte < map->base + map->bytes;
}

static void a_reserved_sample_is_nobodys_until_it_is_counted_at_commit(void *unused)
{
    (void)unused;
    struct tally want;
    struct slipring_primitive *work = primitive_with_room(&want);
    struct slipring_reservation reservation;
    slipring_reserve(work, &reservation);
    CHECK(
        !lies_in_the_segment(work, reservation.cost_nanodollars)); /* where a forked child could write, too */
    CHECK(!lies_in_the_segment(work, reservation.savings_nanodollars));
    CHECK_EQUAL(*reservation.cost_nanodollars, 0);
    CHECK_EQUAL(*reservation.savings_nanodollars, 0);
    *reservation.cost_nanodollars = 70;
    *reservation.savings_nanodollars = 7;
    api_expect("work", &want); /* not yet */
    slipring_commit(&reservation, 5000, SLIPRING_FAILURE, 3);
    const struct slipring_cost cost = {.cost_nanodollars = 70, .savings_nanodollars = 7, .category = 3};
    tally_execution(&want, 5000, true, &cost);
    api_expect("work", &want);
}

static void the_very_first_reservation_and_one_in_a_full_ring_are_counted_too(void *unused)
{
    (void)unused;
    struct tally want;
    tally_init(&want, 0);
    struct slipring_primitive *work = api_primitive("work");
    const struct slipring_cost cost = {.cost_nanodollars = 9, .savings_nanodollars = 4, .category = 1};
    for (uint64_t i = 0; i < 300; i++) {
        struct slipring_reservation reservation;
        slipring_reserve(work, &reservation);
        *reservation.cost_nanodollars = 9;
        *reservation.savings_nanodollars = 4;
        slipring_commit(&reservation, i, SLIPRING_SUCCESS, 1);
        tally_execution(&want, i, false, &cost);
    }
    struct tally got;
    api_fold("work", &got);
    tally_expect_equal(&got, &want);
    CHECK_EQUAL(got.through_ring, 103); /* the first by the way of all records: three words; then five each */
}

static void a_discarded_reservation_leaves_nothing(void *unused)
{
    (void)unused;
    struct tally want;
    struct slipring_primitive *work = primitive_with_room(&want);
    for (int i = 0; i < 3; i++) {
        struct slipring_reservation reservation;
        slipring_reserve(work, &reservation);
        *reservation.cost_nanodollars = 1000;
        slipring_discard(&reservation);
        slipring_discard(&reservation);                        /* no-op */
        slipring_commit(&reservation, 1, SLIPRING_SUCCESS, 0); /* no-op */
        slipring_record(work, 2, SLIPRING_SUCCESS, NULL);      /* takes the same slot */
        tally_execution(&want, 2, false, NULL);
    }
    struct tally got;
    api_fold("work", &got);
    tally_expect_equal(&got, &want);
    CHECK_EQUAL(got.through_shared, 0); /* the ring was given back */
}

static void a_second_commit_is_a_no_op(void *unused)
{
    (void)unused;
    struct tally want;
    struct slipring_primitive *work = primitive_with_room(&want);
    struct slipring_reservation reservation;
    slipring_reserve(work, &reservation);
    slipring_commit(&reservation, 3, SLIPRING_SUCCESS, 0);
    slipring_commit(&reservation, 3, SLIPRING_SUCCESS, 0);
    slipring_discard(&reservation);
    tally_execution(&want, 3, false, NULL);
    api_expect("work", &want);
}

static void records_and_spans_between_reserve_and_commit_go_to_the_shared_spill(void *unused)
{
    (void)unused;
    struct tally want;
    struct slipring_primitive *work = primitive_with_room(&want);
    struct slipring_reservation reservation;
    slipring_reserve(work, &reservation);
    *reservation.cost_nanodollars = 11;
    const struct slipring_cost cost = {.cost_nanodollars = 5, .category = 2};
    slipring_record(work, UINT64_C(7000000000), SLIPRING_FAILURE, &cost);
    tally_execution(&want, UINT64_C(7000000000), true, &cost);
    slipring_record_cost(work, &cost);
    tally_amount(&want, &cost);
    struct slipring_reservation nested;
    slipring_reserve(work, &nested);
    *nested.savings_nanodollars = 2;
    slipring_commit(&nested, 8, SLIPRING_SUCCESS, 0);
    const struct slipring_cost saved = {.savings_nanodollars = 2};
    tally_execution(&want, 8, false, &saved);
    struct slipring_span span = slipring_begin(work);
    slipring_cancel(&span);
    want.begun = want.ended = want.cancels = 1;
    slipring_commit(&reservation, 4, SLIPRING_SUCCESS, 0);
    const struct slipring_cost own = {.cost_nanodollars = 11};
    tally_execution(&want, 4, false, &own);
    struct tally got;
    api_fold("work", &got);
    tally_expect_equal(&got, &want);
    CHECK_EQUAL(got.through_shared, 4);
    CHECK_EQUAL(got.through_ring, 2);
}

static void amounts_and_durations_out_of_range_are_clamped_and_counted(void *unused)
{
    (void)unused;
    struct tally want;
    struct slipring_primitive *work = primitive_with_room(&want);
    struct slipring_reservation reservation;
    slipring_reserve(work, &reservation);
    *reservation.cost_nanodollars = SLIPRING_AMOUNT_MAX + 1;
    *reservation.savings_nanodollars = UINT64_MAX;
    slipring_commit(&reservation, UINT64_MAX, SLIPRING_SUCCESS, 99); /* an unknown category counts as 0 */
    const struct slipring_cost cost = {.cost_nanodollars = SLIPRING_AMOUNT_MAX,
                                       .savings_nanodollars = SLIPRING_AMOUNT_MAX};
    tally_execution(&want, SLIPRING_DURATION_MAX_NS, false, &cost);
    want.clamped++;
    api_expect("work", &want);
}

static void commit_in_child(void *argument)
{
    struct slipring_reservation *reservations = argument;
    for (int i = 0; i < 3; i++) {
        *reservations[i].cost_nanodollars = 1000;
        *reservations[i].savings_nanodollars = 100;
    }
    slipring_commit(&reservations[0], 100, SLIPRING_SUCCESS, 0);
    slipring_discard(&reservations[1]);
    slipring_record(reservations[0].primitive, 6, SLIPRING_SUCCESS, NULL);
    slipring_commit(&reservations[2], 100, SLIPRING_SUCCESS, 0);
}

static void reservations_die_at_fork(void *unused)
{
    (void)unused;
    struct tally want;
    struct slipring_primitive *work = primitive_with_room(&want);
    struct slipring_reservation reservations[3];
    for (int i = 0; i < 3; i++) { /* the first in the ring, the others elsewhere */
        slipring_reserve(work, &reservations[i]);
        *reservations[i].cost_nanodollars = 7;
    }
    child_run(commit_in_child, reservations);
    tally_execution(&want, 6, false, NULL);
    const struct slipring_cost cost = {.cost_nanodollars = 7};
    for (int i = 0; i < 3; i++) {
        slipring_commit(&reservations[i], 20, SLIPRING_SUCCESS, 0);
        tally_execution(&want, 20, false, &cost);
    }
    api_expect("work", &want);
}

static void closing_the_store_meanwhile_does_not_lose_the_sample(void *unused)
{
    (void)unused;
    struct tally want;
    struct slipring_primitive *work = primitive_with_room(&want);
    struct slipring_reservation reservation;
    slipring_reserve(work, &reservation);
    while (slipring_close(work->store) == SLIPRING_OK) {
    }
    *reservation.cost_nanodollars = 3;
    slipring_commit(&reservation, 50, SLIPRING_SUCCESS, 0);
    const struct slipring_cost cost = {.cost_nanodollars = 3};
    tally_execution(&want, 50, false, &cost);
    api_expect("work", &want);
}

static void *reserve_and_leave(void *argument)
{
    struct slipring_reservation reservation;
    slipring_record(argument, 1, SLIPRING_SUCCESS, NULL);
    slipring_reserve(argument, &reservation);
    return NULL;
}

static void a_thread_that_ends_with_an_open_reservation_gives_its_ring_back(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, reserve_and_leave, work), 0);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
    slipring_record(work, 2, SLIPRING_SUCCESS, NULL);
    CHECK_EQUAL(fold_rings(place_store(), SR_RING_OWNED), 1); /* the same, taken up again */
    struct tally got;
    struct tally want;
    tally_init(&want, 0);
    tally_execution(&want, 1, false, NULL);
    tally_execution(&want, 2, false, NULL);
    api_fold("work", &got);
    tally_expect_equal(&got, &want);
    CHECK_EQUAL(got.through_ring, 2);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(a_reserved_sample_is_nobodys_until_it_is_counted_at_commit),
        CHILD_TEST(the_very_first_reservation_and_one_in_a_full_ring_are_counted_too),
        CHILD_TEST(a_discarded_reservation_leaves_nothing),
        CHILD_TEST(a_second_commit_is_a_no_op),
        CHILD_TEST(records_and_spans_between_reserve_and_commit_go_to_the_shared_spill),
        CHILD_TEST(amounts_and_durations_out_of_range_are_clamped_and_counted),
        CHILD_TEST(reservations_die_at_fork),
        CHILD_TEST(closing_the_store_meanwhile_does_not_lose_the_sample),
        CHILD_TEST(a_thread_that_ends_with_an_open_reservation_gives_its_ring_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
