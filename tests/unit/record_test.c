/* SPDX-License-Identifier: Apache-2.0 */
/* Recording through the public functions, with no agent at all: whatever is in the way (a full ring, no ring, no slot, no memory), every
 * count, sum, cost and exact bound is in the segment, once. */
#include <slipring/slipring.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/api.h"
#include "support/check.h"
#include "support/child.h"
#include "support/faults.h"
#include "support/place.h"

#define MS UINT64_C(1000000)

static struct tally want;

/* Record, and expect it. */
static void record(struct slipring_primitive *work, uint64_t duration_ns, bool failed,
                   const struct slipring_cost *cost)
{
    slipring_record(work, duration_ns, failed ? SLIPRING_FAILURE : SLIPRING_SUCCESS, cost);
    tally_execution(&want, duration_ns, failed, cost);
}

/* A mix: all magnitudes, bounds and their neighbours, some failures, some costs. */
static void record_mix(struct slipring_primitive *work, uint32_t count)
{
    uint64_t seed = api_seed();
    for (uint32_t i = 0; i < count; i++) {
        const struct slipring_cost cost = {.cost_nanodollars = api_random(&seed) % 1000,
                                           .savings_nanodollars = api_random(&seed) % 1000,
                                           .category = (uint32_t)(api_random(&seed) % 16)};
        const uint64_t bound = sr_bound_defaults[i % SR_BOUND_DEFAULT_COUNT];
        const uint64_t duration_ns =
            i % 4 == 0 ? bound - 2 + api_random(&seed) % 5 : api_random(&seed) >> (12 + i % 50);
        record(work, duration_ns, i % 5 == 0, i % 3 == 0 ? &cost : NULL);
    }
}

static void expect(struct tally *got)
{
    api_fold("work", got);
    tally_expect_equal(got, &want);
    CHECK_EQUAL(got->torn, 0);
}

static struct slipring_primitive *begin(void)
{
    tally_init(&want, 0);
    return api_primitive("work");
}

/* --- the ring, through the quick way ----------------------------------------------------------------------------------------------------- */

static struct sr_segment *segment_of(struct slipring_primitive *work)
{
    return sr_store_segment(work->store);
}

/* ring.h: the producer's truth is private. A wild store into its line loses it nothing. */
static void what_is_scribbled_into_the_line_moves_nobody(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = begin();
    record(work, MS, false, NULL);
    struct sr_producer_line_shm *line = sr_segment_producer_line(segment_of(work), 0);
    const uint64_t tail = atomic_load(&line->tail);
    atomic_store(&line->tail, 77777);
    record(work, MS, false, NULL);
    CHECK_EQUAL(atomic_load(&line->tail), tail + 1);
    struct tally got;
    expect(&got);
    CHECK_EQUAL(got.through_ring, 2);
}

static void a_sample_bears_the_agents_clock(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = begin();
    record(work, MS, false, NULL);
    const uint64_t *words = sr_segment_ring_words(segment_of(work), 0);
    struct sr_producer_line_shm *line = sr_segment_producer_line(segment_of(work), 0);
    for (uint64_t now_ns = 1000; now_ns < 1010; now_ns++) {
        atomic_store(&sr_segment_header(segment_of(work))->control.coarse_ns, now_ns);
        const uint64_t tail = atomic_load(&line->tail);
        record(work, MS, false, NULL);
        CHECK_EQUAL(atomic_load(&line->tail), tail + SR_MARK_WORDS + 1);
        CHECK_EQUAL(words[tail], SR_KIND_CLOCK);
        CHECK_EQUAL(words[tail + 1], now_ns);
        record(work, MS, false, NULL); /* not again */
        CHECK_EQUAL(atomic_load(&line->tail), tail + SR_MARK_WORDS + 2);
    }
    struct tally got;
    expect(&got);
}

/* --- ranges ------------------------------------------------------------------------------------------------------------------------------- */

static void durations_of_nothing_and_of_weeks_are_fine(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = begin();
    const uint64_t fine[] = {
        0, 1, 2, 59, MS, 3600 * 1000 * MS, 24 * 3600 * 1000 * MS, SLIPRING_DURATION_MAX_NS};
    for (size_t i = 0; i < SR_ARRAY_COUNT(fine); i++) {
        record(work, fine[i], false, NULL);
    }
    struct tally got;
    expect(&got);
    CHECK_EQUAL(got.clamped, 0);
}

static void what_lies_beyond_is_clamped_and_counted(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = begin();
    const struct slipring_cost dear = {.cost_nanodollars = UINT64_MAX,
                                       .savings_nanodollars = SLIPRING_AMOUNT_MAX + 1};
    const struct slipring_cost most = {.cost_nanodollars = SLIPRING_AMOUNT_MAX,
                                       .savings_nanodollars = SLIPRING_AMOUNT_MAX};
    for (int i = 0; i < 200; i++) { /* the ring, then the spill */
        record(work, SLIPRING_DURATION_MAX_NS + 1, false, NULL);
        record(work, UINT64_MAX, true, NULL);
        record(work, 5, false, &dear);
        record(work, UINT64_MAX, false, &dear); /* one sample, one clamp */
        record(work, 5, false, &most);
    }
    struct tally got;
    expect(&got);
    CHECK_EQUAL(got.clamped, 800);
}

static void an_unknown_category_and_outcome_are_default_and_failure(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = begin();
    const struct slipring_cost cost = {.cost_nanodollars = 5, .category = 16};
    const struct slipring_cost wild = {.cost_nanodollars = 5, .category = UINT32_MAX};
    const struct slipring_cost normal = {.cost_nanodollars = 5};
    slipring_record(work, 1, SLIPRING_SUCCESS, &cost);
    slipring_record(work, 1, (enum slipring_outcome)7, &wild);
    tally_execution(&want, 1, false, &normal);
    tally_execution(&want, 1, true, &normal);
    struct tally got;
    expect(&got);
}

static void a_cost_alone_is_no_execution(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = begin();
    const struct slipring_cost cost = {.cost_nanodollars = 70, .savings_nanodollars = 7, .category = 3};
    slipring_record_cost(work, NULL);
    for (int i = 0; i < 300; i++) { /* three words each: 170 fit a small ring */
        slipring_record_cost(work, &cost);
        tally_amount(&want, &cost);
    }
    struct tally got;
    expect(&got);
    CHECK_EQUAL(tally_count(&got), 0);
    CHECK_EQUAL(got.cost[3], 21000);
    CHECK_EQUAL(got.through_ring, 170);
    CHECK_EQUAL(got.through_spill, 130);
}

/* --- in the way ----------------------------------------------------------------------------------------------------------------------------- */

static void a_full_ring_without_an_agent_loses_nothing(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = begin();
    for (uint64_t i = 0; i < 100000; i++) {
        record(work, MS + i * 7, i % 9 == 0, NULL);
    }
    struct tally got;
    expect(&got);
    CHECK_EQUAL(got.through_ring, 512);
    CHECK_EQUAL(got.through_spill, 100000 - 512);
    CHECK_EQUAL(got.through_shared, 0);
    CHECK_EQUAL(slipring_store_dropped(work->store), 0);
}

static void any_mix_is_exact_in_ring_spill_and_shared_spill(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = begin();
    record_mix(work, 20000);
    struct tally got;
    expect(&got);
    CHECK(got.through_ring > 0 && got.through_spill > 0 && got.through_shared > 0);
    CHECK(got.at_most[0] > 0);
}

static void an_objectives_threshold_is_a_bound_from_its_adding_on(void *unused)
{
    (void)unused;
    const uint64_t threshold = 2345678;
    struct slipring_primitive *work = api_primitive("work");
    tally_init(&want, threshold);
    const struct slipring_objective objective = {
        .kind = SLIPRING_LATENCY, .target_ppb = SLIPRING_TARGET(0.99), .threshold_ns = threshold};
    CHECK_OK(slipring_objective_add(work, &objective));
    for (uint64_t ns = threshold - 60000; ns < threshold + 60000; ns += 37) {
        record(work, ns, false, NULL);
    }
    struct tally got;
    fold_primitive(place_store(), "work", NULL, threshold, true, &got);
    tally_expect_equal(&got, &want);
    CHECK(got.through_spill > 1000);
}

static void a_ring_cap_of_nothing_leaves_the_shared_spill(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = begin();
    api_set_ring_cap(0);
    record_mix(work, 3000);
    struct tally got;
    expect(&got);
    CHECK_EQUAL(got.through_shared, 3000);
    api_set_ring_cap(10);
    record_mix(work, 10);
    CHECK_EQUAL(fold_rings(place_store(), SR_RING_OWNED), 0); /* not tried again before the agent says so */
    api_raise_reserve_epoch();
    record_mix(work, 10);
    CHECK_EQUAL(fold_rings(place_store(), SR_RING_OWNED), 1);
    expect(&got);
}

static void a_cap_is_for_all_rings_of_the_process(void *unused)
{
    (void)unused;
    tally_init(&want, 0);
    (void)api_open();
    api_set_ring_cap(3);
    for (int i = 0; i < 5; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "work-%d", i);
        slipring_record(api_primitive(name), 5, SLIPRING_SUCCESS, NULL);
        tally_execution(&want, 5, false, NULL);
    }
    CHECK_EQUAL(fold_rings(place_store(), SR_RING_OWNED), 3);
    struct tally got;
    api_fold(NULL, &got);
    tally_expect_equal(&got, &want);
    CHECK_EQUAL(got.through_shared, 2);
}

static void an_exhausted_pool_leaves_the_shared_spill(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = begin();
    for (uint32_t ring = 0; ring < SR_RING_MAX; ring++) {
        atomic_store(sr_segment_ring_state(sr_store_segment(work->store), ring),
                     sr_state_word(1, 900, SR_RING_QUARANTINED));
    }
    record_mix(work, 3000);
    struct tally got;
    expect(&got);
    CHECK_EQUAL(got.through_shared, 3000);
}

static void exhausted_slots_leave_the_shared_spill(void *unused)
{
    (void)unused;
    struct slipring_store *store = api_open();
    for (uint32_t slot = 0; slot < SR_SLOT_MAX; slot++) {
        CHECK_OK(sr_segment_reserve_slot(sr_store_segment(store), slot));
        atomic_store(&sr_segment_slot(sr_store_segment(store), slot)->state, SR_SLOT_OWNED);
    }
    struct slipring_primitive *work = begin();
    record_mix(work, 3000);
    struct slipring_span span =
        slipring_begin(work); /* cannot be counted as active, is recorded all the same */
    span.start = UINT64_MAX;
    slipring_end(&span, SLIPRING_SUCCESS, NULL);
    tally_execution(&want, 0, false, NULL);
    want.clamped++;
    struct tally got;
    expect(&got);
    CHECK_EQUAL(got.through_shared, 3001);
    atomic_store(&sr_segment_slot(sr_store_segment(store), 77)->state, SR_SLOT_FREE);
    api_raise_reserve_epoch();
    record_mix(work, 10);
    expect(&got);
    CHECK_EQUAL(fold_rings(place_store(), SR_RING_OWNED), 1);
}

static void pages_that_are_not_to_be_had_leave_the_shared_spill(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = begin();
    faults_arm(0, 1000000, ENOSPC);
    record_mix(work, 3000);
    CHECK_EQUAL(faults_calls(), 1); /* tried once */
    struct tally got;
    expect(&got);
    CHECK_EQUAL(got.through_shared, 3000);
    faults_arm(0, 0, 0);
    api_raise_reserve_epoch();
    record_mix(work, 200);
    expect(&got);
    CHECK(got.through_ring > 0);
}

/* --- names and limits ------------------------------------------------------------------------------------------------------------------------ */

static void beyond_the_cardinality_limit_totals_stay_right(void *unused)
{
    (void)unused;
    struct slipring_store *store = api_open();
    api_set_primitive_limit(2);
    tally_init(&want, 0);
    for (int i = 0; i < 6; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "user-%d", i);
        struct slipring_primitive *work = NULL;
        const enum slipring_status status = slipring_primitive_get(store, name, NULL, &work);
        CHECK_STATUS(status, i < 2 ? SLIPRING_OK : SLIPRING_LIMIT_REACHED);
        CHECK_STATUS(slipring_primitive_status(work), status);
        slipring_record(work, 5, SLIPRING_SUCCESS, NULL);
        if (i >= 2) {
            tally_execution(&want, 5, false, NULL);
        }
    }
    api_expect("__overflow__", &want);
    api_set_primitive_limit(10); /* the operator made room: from the next get on */
    struct slipring_primitive *late = NULL;
    CHECK_OK(slipring_primitive_get(store, "user-5", NULL, &late));
    CHECK_STATUS(slipring_primitive_status(late), SLIPRING_OK);
}

static void bad_names_are_refused_and_long_ones_are_not(void *unused)
{
    (void)unused;
    struct slipring_store *store = api_open();
    char long_name[SLIPRING_PRIMITIVE_NAME_MAX + 2];
    memset(long_name, 'x', sizeof long_name);
    long_name[SLIPRING_PRIMITIVE_NAME_MAX + 1] = '\0'; /* 129 bytes */
    const char *const bad[] = {"",     long_name,      "a\nb",     "a\x7f",     "\x1b[31m", "\xff",
                               "\xc3", "\xed\xa0\x80", "\xc0\xaf", "a\xc2\x80", NULL};
    for (size_t i = 0; i < SR_ARRAY_COUNT(bad); i++) {
        struct slipring_primitive *work = (struct slipring_primitive *)1;
        CHECK_STATUS(slipring_primitive_get(store, bad[i], NULL, &work), SLIPRING_BAD_NAME);
        CHECK(work == NULL);
        if (bad[i]) {
            CHECK_STATUS(slipring_primitive_get(store, "fine", bad[i], &work), SLIPRING_BAD_NAME);
        }
    }
    struct slipring_primitive *work = NULL;
    long_name[SLIPRING_PRIMITIVE_NAME_MAX] = '\0';
    CHECK_OK(slipring_primitive_get(store, long_name, NULL, &work));
    CHECK_STATUS(slipring_primitive_get(store, "fine", long_name, &work),
                 SLIPRING_BAD_NAME); /* a type has 63 */
    CHECK_OK(
        slipring_primitive_get(store, "r\xc3\xa9sum\xc3\xa9 \xe2\x9c\x93 \xf0\x9f\x9a\x80", NULL, &work));
    CHECK_EQUAL(fold_entries(place_store(), "fine"), 0);
}

static void the_same_pair_is_the_same_handle(void *unused)
{
    (void)unused;
    struct slipring_store *store = api_open();
    struct slipring_primitive *first = NULL;
    struct slipring_primitive *second = NULL;
    CHECK_OK(slipring_primitive_get(store, "resize", NULL, &first));
    CHECK_OK(slipring_primitive_get(store, "resize", "primitive", &second)); /* the type that NULL means */
    CHECK(first == second);
    CHECK_OK(slipring_primitive_get(store, "resize", "step", &second));
    CHECK(first != second);
}

static void categories_through_the_handle(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = begin();
    uint32_t gpu = 0;
    uint32_t again = 0;
    CHECK_OK(slipring_category_get(work, "gpu", &gpu));
    CHECK_OK(slipring_category_get(work, "gpu", &again));
    CHECK(gpu > 0);
    CHECK_EQUAL(gpu, again);
    CHECK_OK(slipring_category_get(work, "default", &again));
    CHECK_EQUAL(again, 0);
    CHECK_STATUS(slipring_category_get(work, "a\tb", &again), SLIPRING_BAD_NAME);
    CHECK_STATUS(slipring_category_get(work, "thirty-two bytes is one too many", &again), SLIPRING_BAD_NAME);
    for (int i = 0; i < 14; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "c%d", i);
        CHECK_OK(slipring_category_get(work, name, &again));
    }
    again = 5;
    CHECK_STATUS(slipring_category_get(work, "seventeenth", &again), SLIPRING_TABLE_FULL);
    CHECK_EQUAL(again, 0);
    const struct slipring_cost cost = {.cost_nanodollars = 3, .category = gpu};
    record(work, 1, false, &cost);
    struct tally got;
    expect(&got);
    CHECK_EQUAL(got.cost[gpu], 3);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(what_is_scribbled_into_the_line_moves_nobody),
        CHILD_TEST(a_sample_bears_the_agents_clock),
        CHILD_TEST(durations_of_nothing_and_of_weeks_are_fine),
        CHILD_TEST(what_lies_beyond_is_clamped_and_counted),
        CHILD_TEST(an_unknown_category_and_outcome_are_default_and_failure),
        CHILD_TEST(a_cost_alone_is_no_execution),
        CHILD_TEST(a_full_ring_without_an_agent_loses_nothing),
        CHILD_TEST(any_mix_is_exact_in_ring_spill_and_shared_spill),
        CHILD_TEST(an_objectives_threshold_is_a_bound_from_its_adding_on),
        CHILD_TEST(a_ring_cap_of_nothing_leaves_the_shared_spill),
        CHILD_TEST(a_cap_is_for_all_rings_of_the_process),
        CHILD_TEST(an_exhausted_pool_leaves_the_shared_spill),
        CHILD_TEST(exhausted_slots_leave_the_shared_spill),
        CHILD_TEST(pages_that_are_not_to_be_had_leave_the_shared_spill),
        CHILD_TEST(beyond_the_cardinality_limit_totals_stay_right),
        CHILD_TEST(bad_names_are_refused_and_long_ones_are_not),
        CHILD_TEST(the_same_pair_is_the_same_handle),
        CHILD_TEST(categories_through_the_handle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
