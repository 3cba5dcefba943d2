/* SPDX-License-Identifier: Apache-2.0 */
/* Spans: begun and ended are counted once, whatever thread ends them, whatever comes between, and die at fork. */
#include <slipring/slipring.h>

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "support/api.h"
#include "support/check.h"
#include "support/child.h"
#include "support/place.h"
#include "system/clock.h"

#define MS UINT64_C(1000000)

static void fold(struct tally *got)
{
    api_fold("work", got);
    CHECK_EQUAL(got->torn, 0);
}

static uint64_t active(void)
{
    struct tally got;
    fold(&got);
    return got.begun - got.ended;
}

static void sleep_ms(long ms)
{
    const struct timespec pause = {.tv_nsec = ms * 1000000};
    (void)nanosleep(&pause, NULL);
}

static void a_span_records_the_time_between_its_ends(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    const struct slipring_cost cost = {.cost_nanodollars = 7, .category = 2};
    const uint64_t before = sr_clock_ns();
    struct slipring_span span = slipring_begin(work);
    CHECK_EQUAL(active(), 1);
    sleep_ms(3);
    slipring_end(&span, SLIPRING_FAILURE, &cost);
    const uint64_t took = sr_clock_ns() - before;
    struct tally got;
    fold(&got);
    CHECK_EQUAL(got.count[1], 1);
    CHECK(got.sum_ns >= 3 * MS && got.sum_ns <= took);
    CHECK_EQUAL(got.cost[2], 7);
    CHECK_EQUAL(got.begun, 1);
    CHECK_EQUAL(got.ended, 1);
    CHECK_EQUAL(got.clamped, 0);
}

static void a_second_end_is_a_no_op(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    struct slipring_span span = slipring_begin(work);
    slipring_end(&span, SLIPRING_SUCCESS, NULL);
    slipring_end(&span, SLIPRING_FAILURE, NULL);
    slipring_cancel(&span);
    span = slipring_begin(work);
    slipring_cancel(&span);
    slipring_cancel(&span);
    slipring_end(&span, SLIPRING_SUCCESS, NULL);
    struct tally got;
    fold(&got);
    CHECK_EQUAL(tally_count(&got), 1);
    CHECK_EQUAL(got.cancels, 1);
    CHECK_EQUAL(got.begun, 2);
    CHECK_EQUAL(got.ended, 2);
}

static void a_cancelled_span_never_happened(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    for (int i = 0; i < 500; i++) { /* through ring and spill */
        struct slipring_span span = slipring_begin(work);
        slipring_cancel(&span);
    }
    struct tally got;
    fold(&got);
    CHECK_EQUAL(tally_count(&got), 0);
    CHECK_EQUAL(got.sum_ns, 0);
    CHECK_EQUAL(got.cancels, 500);
    CHECK_EQUAL(got.begun, 500);
    CHECK_EQUAL(got.ended, 500);
}

static void a_clock_that_ran_backwards_gives_nothing_and_is_counted(void *unused)
{
    (void)unused;
    struct slipring_span span = slipring_begin(api_primitive("work"));
    span.start = sr_clock_ns() + 3600 * 1000 * MS;
    slipring_end(&span, SLIPRING_SUCCESS, NULL);
    struct tally got;
    fold(&got);
    CHECK_EQUAL(got.cells[0][0], 1);
    CHECK_EQUAL(got.clamped, 1);
    CHECK_EQUAL(got.ended, 1);
}

static void spans_through_a_full_ring_keep_the_count_of_active_ones(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    struct slipring_span spans[700];
    for (int i = 0; i < 700; i++) {
        spans[i] = slipring_begin(work);
    }
    CHECK_EQUAL(active(), 700);
    for (int i = 0; i < 700; i++) {
        slipring_end(&spans[i], SLIPRING_SUCCESS, NULL);
        if (i % 50 == 0) {
            CHECK_EQUAL(active(), 699 - i);
        }
    }
    struct tally got;
    fold(&got);
    CHECK_EQUAL(tally_count(&got), 700);
    CHECK_EQUAL(got.begun, 700);
    CHECK_EQUAL(got.ended, 700);
    CHECK(got.through_ring == 512);
}

/* --- other threads ------------------------------------------------------------------------------------------------------------------------------ */

static void *end_it(void *argument)
{
    slipring_end(argument, SLIPRING_SUCCESS, NULL);
    return NULL;
}

static void a_span_may_end_on_another_thread(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    for (int i = 0; i < 200; i++) {
        struct slipring_span span = slipring_begin(work);
        pthread_t thread;
        CHECK_EQUAL(pthread_create(&thread, NULL, end_it, &span), 0);
        CHECK_EQUAL(pthread_join(thread, NULL), 0);
        slipring_cancel(&span); /* no-op: it has ended */
    }
    struct tally got;
    fold(&got);
    CHECK_EQUAL(tally_count(&got), 200);
    CHECK_EQUAL(got.begun, 200);
    CHECK_EQUAL(got.ended, 200);
}

static struct slipring_span handed;

static void *begin_it(void *argument)
{
    handed = slipring_begin(argument);
    return NULL;
}

static void a_span_outlives_the_thread_that_began_it(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, begin_it, work), 0);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
    CHECK_EQUAL(active(), 1);
    slipring_end(&handed, SLIPRING_SUCCESS, NULL);
    CHECK_EQUAL(active(), 0);
}

static void without_a_ring_the_slots_table_counts(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    api_set_ring_cap(0);
    struct slipring_span first = slipring_begin(work);
    struct slipring_span second = slipring_begin(work);
    CHECK_EQUAL(active(), 2);
    slipring_end(&first, SLIPRING_SUCCESS, NULL);
    slipring_cancel(&second);
    struct tally got;
    fold(&got);
    CHECK_EQUAL(got.begun, 2);
    CHECK_EQUAL(got.ended, 2);
    CHECK_EQUAL(tally_count(&got), 1);
    CHECK_EQUAL(got.cancels, 1);
    CHECK_EQUAL(got.through_shared, 2);
}

static void a_span_begun_without_a_ring_may_end_in_one_and_the_other_way_round(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    api_set_ring_cap(0);
    struct slipring_span span = slipring_begin(work);
    api_set_ring_cap(10);
    api_raise_reserve_epoch();
    slipring_end(&span, SLIPRING_SUCCESS, NULL);
    CHECK_EQUAL(active(), 0);
    span = slipring_begin(work); /* counted in the ring */
    struct slipring_reservation reservation;
    slipring_record(work, 1, SLIPRING_SUCCESS, NULL);
    slipring_reserve(work, &reservation); /* the ring is busy */
    slipring_end(&span, SLIPRING_SUCCESS, NULL);
    slipring_discard(&reservation);
    struct tally got;
    fold(&got);
    CHECK_EQUAL(got.begun, 2);
    CHECK_EQUAL(got.ended, 2);
    CHECK_EQUAL(tally_count(&got), 3);
}

/* --- forks --------------------------------------------------------------------------------------------------------------------------------------- */

static void end_as_child(void *argument)
{
    struct slipring_span *spans = argument;
    slipring_end(&spans[0], SLIPRING_SUCCESS,
                 NULL); /* before this process has recorded anything of its own */
    slipring_record(spans[0].primitive, 5, SLIPRING_SUCCESS, NULL);
    slipring_end(&spans[1], SLIPRING_SUCCESS, NULL); /* and after */
    slipring_cancel(&spans[2]);
    struct slipring_span own = slipring_begin(spans[0].primitive);
    slipring_end(&own, SLIPRING_SUCCESS, NULL);
}

static void a_parents_span_ended_in_a_child_is_a_no_op(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    struct slipring_span spans[3];
    for (int i = 0; i < 3; i++) {
        spans[i] = slipring_begin(work);
    }
    child_run(end_as_child, spans);
    struct tally got;
    fold(&got);
    CHECK_EQUAL(tally_count(&got), 2); /* the child's own */
    CHECK_EQUAL(got.cancels, 0);
    CHECK_EQUAL(got.begun, 4);
    CHECK_EQUAL(got.ended, 1);
    for (int i = 0; i < 3; i++) {
        slipring_end(&spans[i], SLIPRING_SUCCESS, NULL); /* the parent's copies are as they were */
    }
    fold(&got);
    CHECK_EQUAL(tally_count(&got), 5);
    CHECK_EQUAL(active(), 0);
}

static void end_as_grandchild(void *argument)
{
    struct slipring_span *span = argument;
    struct slipring_span own = slipring_begin(span->primitive);
    struct slipring_span both[] = {*span, own};
    child_run(end_as_child, (struct slipring_span[]){both[0], both[1], both[0]});
    slipring_end(&own, SLIPRING_SUCCESS, NULL);
}

static void nor_does_a_grandchild_end_its_parents_or_grandparents(void *unused)
{
    (void)unused;
    struct slipring_span span = slipring_begin(api_primitive("work"));
    child_run(end_as_grandchild, &span);
    struct tally got;
    fold(&got);
    CHECK_EQUAL(tally_count(&got), 3); /* the child's one, the grandchild's two */
    CHECK_EQUAL(got.begun, 3);
    CHECK_EQUAL(got.ended, 2);
    slipring_end(&span, SLIPRING_SUCCESS, NULL);
    CHECK_EQUAL(active(), 0);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(a_span_records_the_time_between_its_ends),
        CHILD_TEST(a_second_end_is_a_no_op),
        CHILD_TEST(a_cancelled_span_never_happened),
        CHILD_TEST(a_clock_that_ran_backwards_gives_nothing_and_is_counted),
        CHILD_TEST(spans_through_a_full_ring_keep_the_count_of_active_ones),
        CHILD_TEST(a_span_may_end_on_another_thread),
        CHILD_TEST(a_span_outlives_the_thread_that_began_it),
        CHILD_TEST(without_a_ring_the_slots_table_counts),
        CHILD_TEST(a_span_begun_without_a_ring_may_end_in_one_and_the_other_way_round),
        CHILD_TEST(a_parents_span_ended_in_a_child_is_a_no_op),
        CHILD_TEST(nor_does_a_grandchild_end_its_parents_or_grandparents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
