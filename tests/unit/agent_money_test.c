/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of money at the edge of their words: they stand still there, and each is counted once. Named after the guarantees of agent/books/money.h. */
#include "agent/books/money.h"

#include <slipring/slipring.h>

#include "api/process.h"
#include "protocol/segment.h"
#include "support/place.h"
#include "support/rig.h"

static struct slipring_primitive *work;

static uint32_t book_of_work(void)
{
    return rig.books->primitive[sr_handle_id(work)].book;
}

/* A primitive with these categories beside the default one. */
static void begin(uint32_t categories)
{
    CHECK_OK(slipring_primitive_get(rig_producer, "work", NULL, &work));
    for (uint32_t i = 0; i < categories; i++) {
        char name[8] = "c0";
        uint32_t category = 0;
        name[1] = (char)('0' + i);
        CHECK_OK(slipring_category_get(work, name, &category));
        CHECK_EQUAL(category, i + 1);
    }
    slipring_record(work, 1, SLIPRING_SUCCESS, NULL);
    rig_settle(&rig);
}

/* The sum of a category becomes this, as if it had been booked. */
static void set_sum(uint32_t word, uint64_t nanodollars)
{
    sr_batch_set(&rig.books->durable->batch, SR_WORD(book, book_of_work(), word), nanodollars);
    books_commit(rig.books);
}

static void bill(uint32_t category, uint64_t cost, uint64_t savings)
{
    const struct slipring_cost amounts = {
        .cost_nanodollars = cost, .savings_nanodollars = savings, .category = category};
    slipring_record_cost(work, &amounts);
    rig_settle(&rig);
}

static void a_sum_that_fits_to_the_nano_dollar_is_not_saturated(void)
{
    begin(0);
    set_sum(SR_BOOK_COST, UINT64_MAX - 100);
    bill(0, 99, 0);
    CHECK_EQUAL(rig_stats(&rig, "work").cost_nanodollars, UINT64_MAX - 1);
    CHECK_EQUAL(rig_figures(&rig).money_saturated, 0);
}

static void a_sum_that_outgrows_its_word_stands_still_and_is_counted_once(void)
{
    begin(0);
    set_sum(SR_BOOK_COST, UINT64_MAX - 100);
    bill(0, 101, 0);
    for (int i = 0; i < 5; i++) {
        CHECK_EQUAL(rig_stats(&rig, "work").cost_nanodollars, UINT64_MAX);
        CHECK_EQUAL(rig_detail(&rig, "work").categories[0].cost_nanodollars, UINT64_MAX);
        CHECK_EQUAL(rig_figures(&rig).money_saturated, 1);
        bill(0, SLIPRING_AMOUNT_MAX, 0);
    }
    /* cost and savings are two sums */
    CHECK_EQUAL(rig_stats(&rig, "work").savings_nanodollars, 0);
    set_sum(SR_BOOK_SAVINGS, UINT64_MAX - 1);
    bill(0, 0, 1); /* whether anything was left over, its word cannot tell */
    CHECK_EQUAL(rig_figures(&rig).money_saturated, 2);
    rig_drop(&rig);
    rig_open(&rig);
    bill(0, 1, 1);
    CHECK_EQUAL(rig_figures(&rig).money_saturated, 2);
}

static void a_sum_over_categories_is_counted_when_none_of_them_is_there_yet(void)
{
    begin(3);
    set_sum(SR_BOOK_COST, UINT64_MAX / 2);
    set_sum(SR_BOOK_COST + 1, UINT64_MAX / 2 - 10); /* all but eleven */
    bill(2, 10, 0);
    CHECK_EQUAL(rig_stats(&rig, "work").cost_nanodollars, UINT64_MAX - 1);
    CHECK_EQUAL(rig_figures(&rig).money_saturated, 0);
    bill(1, 5, 0);
    CHECK_EQUAL(rig_stats(&rig, "work").cost_nanodollars, UINT64_MAX);
    CHECK_EQUAL(rig_figures(&rig).money_saturated, 1);
    bill(1, 5, 0);
    bill(0, 5, 0);
    CHECK_EQUAL(rig_figures(&rig).money_saturated, 1);
    const struct slipring_stats_detail detail = rig_detail(&rig, "work");
    CHECK_EQUAL(detail.categories[0].cost_nanodollars, UINT64_MAX / 2 + 5);
    CHECK_EQUAL(detail.categories[1].cost_nanodollars, UINT64_MAX / 2);
    CHECK_EQUAL(detail.categories[2].cost_nanodollars, 10);
}

/* Windows are differences of the sum: what came after it stood still is in none of them. */
static void windows_of_a_sum_that_stands_still_hold_what_it_grew_by(void)
{
    begin(0);
    set_sum(SR_BOOK_COST, UINT64_MAX - 100);
    set_sum(SR_BOOK_BASE_COST, UINT64_MAX - 100);
    bill(0, 1000, 0);
    CHECK_EQUAL(rig_stats(&rig, "work").minute.cost_nanodollars, 100);
    rig_tick(&rig, 5 * RIG_SECOND);
    bill(0, 1000, 0);
    CHECK_EQUAL(rig_stats(&rig, "work").minute.cost_nanodollars, 100);
}

/* A spill block's sums wrap, and are told by their differences. One of 2^63 is backwards, unless its samples explain it. */
static void twelve_billion_dollars_between_two_looks_are_booked(void)
{
    begin(0);
    for (int i = 0; i < 1400; i++) { /* the ring takes less than two hundred */
        const struct slipring_cost amounts = {.cost_nanodollars = SLIPRING_AMOUNT_MAX};
        slipring_record(work, 1000, SLIPRING_SUCCESS, &amounts);
    }
    rig_settle(&rig);
    CHECK_EQUAL(rig_figures(&rig).rings_quarantined, 0);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 1401); /* one of begin() */
    CHECK_EQUAL(rig_stats(&rig, "work").cost_nanodollars, 1400 * SLIPRING_AMOUNT_MAX);
    CHECK_EQUAL(rig_figures(&rig).money_saturated, 0);
}

static void costs_without_executions_may_be_as_high(void)
{
    begin(0);
    for (int i = 0; i < 1400; i++) {
        const struct slipring_cost amounts = {.savings_nanodollars = SLIPRING_AMOUNT_MAX};
        slipring_record_cost(work, &amounts);
    }
    rig_settle(&rig);
    CHECK_EQUAL(rig_figures(&rig).rings_quarantined, 0);
    CHECK_EQUAL(rig_stats(&rig, "work").savings_nanodollars, 1400 * SLIPRING_AMOUNT_MAX);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_sum_that_fits_to_the_nano_dollar_is_not_saturated),
        RIG_TEST(a_sum_that_outgrows_its_word_stands_still_and_is_counted_once),
        RIG_TEST(a_sum_over_categories_is_counted_when_none_of_them_is_there_yet),
        RIG_TEST(windows_of_a_sum_that_stands_still_hold_what_it_grew_by),
        RIG_TEST(twelve_billion_dollars_between_two_looks_are_booked),
        RIG_TEST(costs_without_executions_may_be_as_high),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
