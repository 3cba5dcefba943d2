/* SPDX-License-Identifier: Apache-2.0 */
/* SIGKILL at every instruction of the public calls, as far as a look at the segment there tells: what it holds, settled as the agent
 * settles the dead, is the books before the call or after it, nothing between. ring.h G1, spill.h G1; shared_spill.h G2 allows
 * one torn update, which is told. Looking costs a fold each, so calls of several hundred instructions are looked at here
 * and there. */
#include <slipring/slipring.h>

#include <string.h>

#include "support/api.h"
#include "support/check.h"
#include "support/child.h"
#include "support/place.h"
#include "support/pretend_clock.h"
#include "support/trap.h"

#define LOOK_MAX 300u
#define MS       UINT64_C(1000000)

static const struct slipring_cost price = {.cost_nanodollars = 3, .savings_nanodollars = 5, .category = 2};

static struct slipring_primitive *work;
static struct tally before;
static struct tally after;
static uint64_t stride;
static uint64_t looks;
static uint64_t seen_before;
static uint64_t seen_after;
static uint64_t seen_torn;

/* The books as numbers that can be compared at once. */
static bool is_same(const struct tally *a, const struct tally *b)
{
    return memcmp(a->cells, b->cells, sizeof a->cells) == 0 && a->sum_ns == b->sum_ns &&
           a->min_ns == b->min_ns && a->max_ns == b->max_ns &&
           memcmp(a->cost, b->cost, sizeof a->cost) == 0 &&
           memcmp(a->savings, b->savings, sizeof a->savings) == 0 && a->clamped == b->clamped &&
           a->amounts == b->amounts && a->cancels == b->cancels && a->begun == b->begun &&
           a->ended == b->ended && memcmp(a->at_most, b->at_most, sizeof a->at_most) == 0;
}

static void look(void *unused)
{
    (void)unused;
    if (looks++ % stride != 0) {
        return;
    }
    static struct tally now;
    api_fold("work", &now);
    if (now.torn == 1) {
        CHECK(tally_count(&now) - tally_count(&before) <= 1);
        seen_torn++;
    } else if (is_same(&now, &before)) {
        CHECK_EQUAL(seen_after, 0);
        seen_before++;
    } else {
        tally_expect_equal(&now, &after);
        CHECK_EQUAL(now.torn, 0);
        seen_after++;
    }
}

static void look_away(void *unused)
{
    (void)unused;
}

static void run_call(void *argument)
{
    ((const struct child_body *)argument)->run(NULL);
}

/* The call is made twice: freely, to know what it adds; then step by step. add() adds what one call adds. */
static void kill_everywhere(void (*call)(void *), void (*add)(struct tally *))
{
    if (!trap_is_possible()) {
        print_message("no stepping in this build: not tried\n");
        return;
    }
    struct child_body body = {.run = call};
    call(NULL);
    stride = trap_each(run_call, look_away, &body) / LOOK_MAX + 1;
    looks = seen_before = seen_after = seen_torn = 0;
    api_fold("work", &before);
    after = before;
    add(&after);
    (void)trap_each(run_call, look, &body);
    CHECK(seen_before > 0);
    CHECK(seen_after > 0);
    struct tally now;
    api_fold("work", &now);
    tally_expect_equal(&now, &after);
}

static void record_call(void *unused)
{
    (void)unused;
    slipring_record(work, 4 * MS, SLIPRING_SUCCESS, &price);
}

static void add_record(struct tally *tally)
{
    tally_execution(tally, 4 * MS, false, &price);
}

static void a_record_into_the_ring_is_counted_or_not(void *unused)
{
    (void)unused;
    work = api_primitive("work");
    kill_everywhere(record_call, add_record);
    CHECK_EQUAL(seen_torn, 0);
}

/* The agent's clock goes on between any two records. */
static void record_later_call(void *unused)
{
    atomic_fetch_add(&sr_segment_header(sr_store_segment(api_open()))->control.coarse_ns, MS);
    record_call(unused);
}

static void a_record_that_marks_the_clock_is_counted_or_not(void *unused)
{
    (void)unused;
    work = api_primitive("work");
    kill_everywhere(record_later_call, add_record);
    CHECK_EQUAL(seen_torn, 0);
}

static void fill(void)
{
    for (int i = 0; i < 130; i++) {
        slipring_record(work, 4 * MS, SLIPRING_SUCCESS, NULL);
    }
}

static void a_record_into_the_spill_is_counted_or_not(void *unused)
{
    (void)unused;
    work = api_primitive("work");
    fill();
    kill_everywhere(record_call, add_record);
    CHECK_EQUAL(seen_torn, 0);
}

static void bound_call(void *unused)
{
    (void)unused;
    slipring_record(work, MS, SLIPRING_FAILURE, NULL); /* a bound lies in its bucket */
}

static void add_bound(struct tally *tally)
{
    tally_execution(tally, MS, true, NULL);
}

static void a_record_at_a_bound_is_counted_or_not(void *unused)
{
    (void)unused;
    work = api_primitive("work");
    fill();
    kill_everywhere(bound_call, add_bound);
    CHECK_EQUAL(seen_torn, 0);
}

static void shortest_call(void *unused)
{
    (void)unused;
    static uint64_t duration = 4 * MS;
    slipring_record(work, duration, SLIPRING_SUCCESS, NULL); /* each a new least */
    duration -= 1000;
}

static void add_shortest(struct tally *tally)
{
    tally_execution(tally, 4 * MS - 2 * 1000, false, NULL);
}

static void a_new_least_duration_is_counted_or_not(void *unused)
{
    (void)unused;
    work = api_primitive("work");
    fill();
    kill_everywhere(shortest_call, add_shortest);
    CHECK_EQUAL(seen_torn, 0);
}

static void cost_call(void *unused)
{
    (void)unused;
    slipring_record_cost(work, &price);
}

static void add_cost(struct tally *tally)
{
    tally_amount(tally, &price);
}

static void a_cost_alone_is_counted_or_not(void *unused)
{
    (void)unused;
    work = api_primitive("work");
    fill();
    kill_everywhere(cost_call, add_cost);
    CHECK_EQUAL(seen_torn, 0);
}

static void clamped_call(void *unused)
{
    (void)unused;
    const struct slipring_cost dear = {.cost_nanodollars = UINT64_MAX};
    slipring_record(work, 4 * MS, SLIPRING_SUCCESS, &dear);
}

static void add_clamped(struct tally *tally)
{
    const struct slipring_cost dear = {.cost_nanodollars = UINT64_MAX};
    tally_execution(tally, 4 * MS, false, &dear);
}

static void a_clamped_record_is_counted_or_not(void *unused)
{
    (void)unused;
    work = api_primitive("work");
    fill();
    kill_everywhere(clamped_call, add_clamped);
    CHECK_EQUAL(seen_torn, 0);
}

static void a_record_into_the_shared_spill_is_counted_or_not_or_told_as_torn(void *unused)
{
    (void)unused;
    work = api_primitive("work");
    api_set_ring_cap(0);
    kill_everywhere(record_call, add_record);
    CHECK(seen_torn > 10 || !trap_is_possible());
}

static struct slipring_span span;

static void end_call(void *unused)
{
    (void)unused;
    slipring_cancel(&span);
}

static void add_end(struct tally *tally)
{
    tally->cancels++;
    tally->ended++;
}

static void begin_and_cancel(void *unused)
{
    span = slipring_begin(work);
    end_call(unused);
}

/* Stepped through is the cancel alone: its end and its count come together. */
static void a_cancelled_span_is_counted_or_not(void *unused)
{
    (void)unused;
    if (!trap_is_possible()) {
        return;
    }
    work = api_primitive("work");
    fill();
    begin_and_cancel(NULL);
    struct child_body body = {.run = end_call};
    span = slipring_begin(work);
    stride = 1;
    looks = seen_before = seen_after = seen_torn = 0;
    api_fold("work", &before);
    after = before;
    add_end(&after);
    (void)trap_each(run_call, look, &body);
    CHECK(seen_before > 0 && seen_after > 0);
    CHECK_EQUAL(seen_torn, 0);
}

/* --- under a trace ----------------------------------------------------------------------------------------------------------- */

static struct slipring_trace trace_of_work(void)
{
    struct slipring_trace trace = {.flags = SLIPRING_TRACE_SAMPLED};
    memset(trace.trace_id, 3, sizeof trace.trace_id);
    memset(trace.span_id, 4, sizeof trace.span_id);
    return trace;
}

static void traced_call(void *unused)
{
    (void)unused;
    const struct slipring_trace trace = trace_of_work();
    atomic_fetch_add(&sr_segment_header(sr_store_segment(api_open()))->control.coarse_ns, MS);
    slipring_record_traced(work, 4 * MS, SLIPRING_SUCCESS, &price, &trace);
}

/* All eight words that a sample may have. */
static void a_traced_record_is_counted_or_not(void *unused)
{
    (void)unused;
    work = api_primitive("work");
    kill_everywhere(traced_call, add_record);
    CHECK_EQUAL(seen_torn, 0);
}

static struct slipring_traced_span traced_span;

static void traced_end_call(void *unused)
{
    (void)unused;
    slipring_end_traced(&traced_span, SLIPRING_SUCCESS, NULL);
}

/* Stepped through is the end alone. */
static void a_traced_end_is_counted_or_not(void *unused)
{
    (void)unused;
    if (!trap_is_possible()) {
        return;
    }
    work = api_primitive("work");
    slipring_record(work, 4 * MS, SLIPRING_SUCCESS, NULL);
    const struct slipring_trace trace = trace_of_work();
    struct child_body body = {.run = traced_end_call};
    workload_pretended_ns = UINT64_C(1000000000);
    traced_span = slipring_begin_traced(work, &trace);
    workload_pretended_ns += 4 * MS;
    stride = 1;
    looks = seen_before = seen_after = seen_torn = 0;
    api_fold("work", &before);
    after = before;
    tally_execution(&after, 4 * MS, false, NULL);
    after.ended++;
    (void)trap_each(run_call, look, &body);
    CHECK(seen_before > 0 && seen_after > 0);
    CHECK_EQUAL(seen_torn, 0);
    workload_pretended_ns = 0;
}

static void commit_call(void *unused)
{
    (void)unused;
    struct slipring_reservation reservation;
    slipring_reserve(work, &reservation);
    *reservation.cost_nanodollars = price.cost_nanodollars;
    *reservation.savings_nanodollars = price.savings_nanodollars;
    slipring_commit(&reservation, 4 * MS, SLIPRING_SUCCESS, price.category);
}

static void a_reservation_is_counted_or_not(void *unused)
{
    (void)unused;
    work = api_primitive("work");
    slipring_record(work, 4 * MS, SLIPRING_SUCCESS, NULL);
    kill_everywhere(commit_call, add_record);
    CHECK_EQUAL(seen_torn, 0);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(a_record_into_the_ring_is_counted_or_not),
        CHILD_TEST(a_record_that_marks_the_clock_is_counted_or_not),
        CHILD_TEST(a_record_into_the_spill_is_counted_or_not),
        CHILD_TEST(a_record_at_a_bound_is_counted_or_not),
        CHILD_TEST(a_new_least_duration_is_counted_or_not),
        CHILD_TEST(a_cost_alone_is_counted_or_not),
        CHILD_TEST(a_clamped_record_is_counted_or_not),
        CHILD_TEST(a_record_into_the_shared_spill_is_counted_or_not_or_told_as_torn),
        CHILD_TEST(a_cancelled_span_is_counted_or_not),
        CHILD_TEST(a_traced_record_is_counted_or_not),
        CHILD_TEST(a_traced_end_is_counted_or_not),
        CHILD_TEST(a_reservation_is_counted_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
