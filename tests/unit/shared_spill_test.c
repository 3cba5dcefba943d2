/* SPDX-License-Identifier: Apache-2.0 */
/* The shared spill: many threads and processes at once, exact. G1 to G3: see protocol/shared_spill.h. */
#include "protocol/shared_spill.h"

#include <pthread.h>
#include <signal.h>

#include "support/api.h"
#include "support/check.h"
#include "support/child.h"
#include "support/fold.h"
#include "support/ground.h"
#include "support/place.h"
#include "support/trap.h"

#define MS   UINT64_C(1000000)
#define EACH 20000u

static _Atomic uint64_t *block(void)
{
    return sr_segment_shared_spill(&ground, SR_PRIMITIVE_OVERFLOW);
}

static uint64_t word(uint32_t index)
{
    return atomic_load_explicit(&block()[index], memory_order_acquire);
}

static void book(uint64_t meta, uint64_t duration_ns, uint64_t cost, uint64_t savings)
{
    const struct sr_spill_sample sample = {meta, duration_ns, cost, savings};
    sr_shared_spill_book(&ground, SR_PRIMITIVE_OVERFLOW, &sample);
}

static void fold(uint64_t bound_ns, struct tally *got)
{
    fold_primitive(place_store(), "__overflow__", NULL, bound_ns, false, got);
}

static void a_new_block_has_no_least_and_no_greatest(void **state)
{
    (void)state;
    CHECK_EQUAL(word(SR_SPILL_MIN), UINT64_MAX); /* the segment's maker made __overflow__ */
    CHECK_EQUAL(word(SR_SPILL_MAX), 0);
    book(SR_KIND_AMOUNT, 0, 1, 1);
    book(SR_KIND_CANCEL | SR_SAMPLE_ENDED, 0, 0, 0);
    CHECK_EQUAL(word(SR_SPILL_MIN), UINT64_MAX);
    book(SR_KIND_EXECUTION, 5, 0, 0);
    CHECK_EQUAL(word(SR_SPILL_MIN), 5);
    CHECK_EQUAL(word(SR_SPILL_MAX), 5);
}

/* Writer w's ith sample, and what it adds to the books. */
static void book_nth(uint64_t w, uint64_t i)
{
    const uint64_t category = (w + i) % 16;
    const uint64_t failed = i % 3 == 0 ? SR_SAMPLE_FAILURE : 0;
    if (i % 11 == 0) {
        book(SR_KIND_AMOUNT | category << SR_SAMPLE_CATEGORY_SHIFT, 0, i, w);
    } else {
        book(SR_KIND_EXECUTION | failed | category << SR_SAMPLE_CATEGORY_SHIFT, (i * i) << (w % 12), i, w);
    }
}

static void count_nth(struct tally *want, uint64_t w, uint64_t i)
{
    const struct slipring_cost cost = {i, w, (uint32_t)((w + i) % 16), 0};
    if (i % 11 == 0) {
        tally_amount(want, &cost);
    } else {
        tally_execution(want, (i * i) << (w % 12), i % 3 == 0, &cost);
    }
}

static void *book_many(void *argument)
{
    const uint64_t w = (uintptr_t)argument;
    for (uint64_t i = 0; i < EACH; i++) {
        book_nth(w, i);
    }
    return NULL;
}

static void book_in_two_threads(void *argument)
{
    const uintptr_t w = (uintptr_t)argument;
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, book_many, (void *)(w + 1)), 0);
    (void)book_many((void *)w);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
}

static void processes_and_threads_at_once_are_counted_exactly_G1(void **state)
{
    (void)state;
    pid_t children[3];
    for (uintptr_t i = 0; i < 3; i++) {
        children[i] = child_start(book_in_two_threads, (void *)(2 * i));
    }
    for (uintptr_t i = 0; i < 3; i++) {
        child_ends_well(children[i]);
    }
    struct tally got;
    struct tally want;
    tally_init(&want, 0);
    for (uint64_t w = 0; w < 6; w++) {
        for (uint64_t i = 0; i < EACH; i++) {
            count_nth(&want, w, i);
        }
    }
    fold(0, &got);
    tally_expect_equal(&got, &want);
    CHECK_EQUAL(got.torn, 0);
    CHECK_EQUAL(got.through_shared, 6 * EACH);
}

static void announced_bounds_are_counted_exactly(void **state)
{
    (void)state;
    const uint64_t threshold = 3333333;
    uint64_t bounds[SR_BOUND_DEFAULT_COUNT + 1] = {MS, threshold};
    for (uint32_t i = 1; i < SR_BOUND_DEFAULT_COUNT; i++) {
        bounds[i + 1] = sr_bound_defaults[i];
    }
    ground_announce(SR_PRIMITIVE_OVERFLOW, bounds, SR_BOUND_DEFAULT_COUNT + 1);
    struct tally got;
    struct tally want;
    tally_init(&want, threshold);
    for (uint64_t ns = threshold - 200000; ns < threshold + 200000; ns += 777) {
        book(SR_KIND_EXECUTION, ns, 0, 0);
        tally_execution(&want, ns, false, NULL);
    }
    fold(threshold, &got);
    tally_expect_equal(&got, &want);
    CHECK(want.at_most[1] > 0 && want.at_most[1] < tally_count(&want));
}

static void a_full_bound_table_costs_exactness_not_counts(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SR_SPILL_BOUND_MAX; i++) {
        atomic_store(&block()[SR_SPILL_BOUNDS + 2 * i], 100 + i);
    }
    book(SR_KIND_EXECUTION, MS, 0, 0);
    CHECK_EQUAL(word(SR_SPILL_BOUND_LOST), 1);
    CHECK_EQUAL(word(SR_SPILL_CELLS + tally_bucket(MS)), 1);
    CHECK_EQUAL(word(SR_SPILL_EXIT), 1);
}

/* --- killed -------------------------------------------------------------------------------------------------------------------- */

static const struct slipring_cost price = {4, 5, 3, 0};
static uint32_t torn;
static uint32_t whole;

static void book_once(void *unused)
{
    (void)unused;
    book(SR_KIND_EXECUTION | 3 << SR_SAMPLE_CATEGORY_SHIFT | SR_SAMPLE_CLAMPED, MS, 4, 5);
}

/* Dead at this instruction: at most one update is torn, and it says so. */
static void look_at_the_block(void *unused)
{
    (void)unused;
    const uint64_t entered = word(SR_SPILL_ENTER);
    const uint64_t left = word(SR_SPILL_EXIT);
    const uint64_t cell = word(SR_SPILL_CELLS + tally_bucket(MS));
    CHECK(entered - left <= 1);
    CHECK(cell == left || cell == left + 1);
    CHECK(cell <= entered);
    const uint64_t rest[] = {word(SR_SPILL_COST + 3) / 4, word(SR_SPILL_SAVINGS + 3) / 5,
                             word(SR_SPILL_CLAMPED), word(SR_SPILL_SUM) / MS, word(SR_SPILL_BOUNDS + 1)};
    for (size_t i = 0; i < SR_ARRAY_COUNT(rest); i++) {
        CHECK(rest[i] <= cell); /* never a figure without its sample */
        CHECK(rest[i] == cell || entered != left);
    }
    torn += entered != left;
    whole += entered == left;
}

static void a_kill_at_any_instruction_tears_at_most_one_update_and_says_so_G2(void **state)
{
    (void)state;
    if (!trap_is_possible()) {
        print_message("no stepping in this build: not tried\n");
        return;
    }
    book_once(NULL);
    torn = whole = 0;
    (void)trap_each(book_once, look_at_the_block, NULL);
    CHECK(torn > 10);
    CHECK(whole > 2);
    struct tally got;
    struct tally want;
    tally_init(&want, 0);
    for (int i = 0; i < 2; i++) {
        tally_execution(&want, MS, false, &price);
    }
    want.clamped = 2;
    fold(0, &got);
    tally_expect_equal(&got, &want);
}

static void book_armed(void *argument)
{
    sr_crashpoint_arm(*(const enum sr_crashpoint *)argument, 1);
    book_once(NULL);
}

static void the_named_points_leave_one_torn_update_each_G2(void **state)
{
    (void)state;
    if (!SR_CRASHPOINTS_BUILT) {
        print_message("no crash points in this build: not tried\n");
        return;
    }
    enum sr_crashpoint point = SR_CRASHPOINT_shared_after_enter;
    child_dies_by(child_start(book_armed, &point), SIGKILL);
    struct tally got;
    fold(0, &got);
    CHECK_EQUAL(tally_count(&got), 0);
    CHECK_EQUAL(got.torn, 1);
    point = SR_CRASHPOINT_shared_after_cell;
    child_dies_by(child_start(book_armed, &point), SIGKILL);
    fold(0, &got);
    CHECK_EQUAL(tally_count(&got), 1);
    CHECK_EQUAL(got.sum_ns, 0);
    CHECK_EQUAL(got.torn, 2);
    book_once(NULL); /* and whoever comes next is not disturbed */
    fold(0, &got);
    CHECK_EQUAL(tally_count(&got), 2);
    CHECK_EQUAL(got.torn, 2);
}

/* --- a live reader ----------------------------------------------------------------------------------------------------------------- */

static _Atomic uint32_t may_stop;

static void *book_for_a_while(void *unused)
{
    (void)unused;
    for (int i = 0; i < 100000; i++) {
        book_once(NULL);
    }
    (void)atomic_fetch_add(&may_stop, 1);
    return NULL;
}

static void who_reads_the_cells_last_never_sees_a_figure_without_its_sample_G3(void **state)
{
    (void)state;
    pthread_t writers[2];
    atomic_store(&may_stop, 0);
    for (int i = 0; i < 2; i++) {
        CHECK_EQUAL(pthread_create(&writers[i], NULL, book_for_a_while, NULL), 0);
    }
    uint32_t looks = 0;
    for (; atomic_load(&may_stop) < 2; looks++) {
        const uint64_t left = word(SR_SPILL_EXIT);
        const uint64_t cost = word(SR_SPILL_COST + 3) / 4;
        const uint64_t clamped = word(SR_SPILL_CLAMPED);
        const uint64_t bounded = word(SR_SPILL_BOUNDS + 1);
        const uint64_t sum = word(SR_SPILL_SUM);
        const uint64_t cell = word(SR_SPILL_CELLS + tally_bucket(MS));
        const uint64_t entered = word(SR_SPILL_ENTER);
        CHECK(left <= cell && cost <= cell && clamped <= cell && bounded <= cell && sum <= cell * MS);
        CHECK(cell <= entered);
    }
    for (int i = 0; i < 2; i++) {
        CHECK_EQUAL(pthread_join(writers[i], NULL), 0);
    }
    CHECK(looks > 10);
    CHECK_EQUAL(word(SR_SPILL_CELLS + tally_bucket(MS)), 200000);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        GROUND_TEST(a_new_block_has_no_least_and_no_greatest),
        GROUND_TEST(processes_and_threads_at_once_are_counted_exactly_G1),
        GROUND_TEST(announced_bounds_are_counted_exactly),
        GROUND_TEST(a_full_bound_table_costs_exactness_not_counts),
        GROUND_TEST(a_kill_at_any_instruction_tears_at_most_one_update_and_says_so_G2),
        GROUND_TEST(the_named_points_leave_one_torn_update_each_G2),
        GROUND_TEST(who_reads_the_cells_last_never_sees_a_figure_without_its_sample_G3),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
