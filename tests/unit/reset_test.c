/* SPDX-License-Identifier: Apache-2.0 */
/* agent/books/reset.h: a primitive begins anew, and the double entry holds. */
#include "agent/books/reset.h"

#include <string.h>

#include "agent/books/binding.h"
#include "support/place.h"
#include "support/rig.h"

#define MS UINT64_C(1000000)

static struct slipring_primitive *work(const char *name)
{
    struct slipring_primitive *primitive = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, name, "primitive", &primitive));
    return primitive;
}

static void record(struct slipring_primitive *primitive, uint32_t count)
{
    const struct slipring_cost cost = {.cost_nanodollars = 5, .savings_nanodollars = 2};
    for (uint32_t i = 0; i < count; i++) {
        slipring_record(primitive, (i % 9 + 1) * MS, i % 4 == 0 ? SLIPRING_FAILURE : SLIPRING_SUCCESS, &cost);
    }
}

static uint64_t reset_wall_ns;

static void reset(const char *name, uint32_t want)
{
    rig.wall_ns += RIG_SECOND;
    reset_wall_ns = rig.wall_ns;
    CHECK_EQUAL(reset_named(rig.books, name, NULL, rig.now_ns, rig.wall_ns), want);
}

static void everything_of_it_begins_at_nothing(void)
{
    struct slipring_primitive *it = work("it");
    CHECK_OK(slipring_objective_add(
        it, &(struct slipring_objective){.kind = SLIPRING_AVAILABILITY, .target_ppb = 900000000}));
    record(it, 2000); /* some of it through the spill */
    rig_settle(&rig);
    rig_tick(&rig, 3 * RIG_SECOND);
    record(it, 100);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "it").count, 2100);
    CHECK(rig_stats(&rig, "it").spilled > 0);
    const uint64_t created = rig_stats(&rig, "it").created_wall_ns;
    reset("it", 1);
    rig_settle(&rig);
    const struct slipring_stats stats = rig_stats(&rig, "it");
    const struct slipring_stats_detail detail = rig_detail(&rig, "it");
    CHECK_EQUAL(stats.count + stats.failures + stats.spilled + stats.cost_nanodollars, 0);
    CHECK_EQUAL(stats.lifetime.n + stats.lifetime.cost_nanodollars + stats.minute.n, 0);
    CHECK_EQUAL(stats.present & SLIPRING_HAS_DURATION, 0);
    CHECK_EQUAL(stats.created_wall_ns, reset_wall_ns);
    CHECK(stats.created_wall_ns > created);
    CHECK_EQUAL(detail.objective_count, 1); /* the objective stays, */
    CHECK_EQUAL(detail.objectives[0].total, 0);
    for (uint32_t i = 0; i < detail.window_count; i++) {
        CHECK_EQUAL(detail.windows[i].n, 0);
    }
    for (uint32_t i = 0; i < detail.bound_count; i++) {
        CHECK_EQUAL(detail.bounds[i].count, 0);
    }
    CHECK_EQUAL(rig_figures(&rig).resets, 1);
    rig_expect_balance(&rig);
}

static void what_comes_after_it_counts(void)
{
    struct slipring_primitive *it = work("it");
    CHECK_OK(slipring_objective_add(it, &(struct slipring_objective){.kind = SLIPRING_LATENCY,
                                                                     .target_ppb = 900000000,
                                                                     .threshold_ns = 5 * MS}));
    for (uint32_t i = 0; i < 2000; i++) {
        slipring_record(it, 3 * MS, SLIPRING_SUCCESS, NULL);
    }
    rig_settle(&rig);
    rig_tick(&rig, 3 * RIG_SECOND); /* all of it in slices */
    record(it, 90);                 /* waits in the ring: */
    reset("it", 1);
    record(it, 9);
    rig_settle(&rig);
    const struct slipring_stats stats = rig_stats(&rig, "it");
    CHECK_EQUAL(stats.count, 99);
    CHECK_EQUAL(stats.lifetime.n, 99);
    CHECK_EQUAL(stats.minute.n, 99);
    CHECK(stats.minute.percentile_ns[SLIPRING_P50] > 4.9 * MS &&
          stats.minute.percentile_ns[SLIPRING_P50] < 5.1 * MS);
    CHECK_EQUAL(stats.cost_nanodollars, 99 * 5);
    CHECK_EQUAL(stats.min_ns, MS);
    CHECK_EQUAL(stats.max_ns, 9 * MS);
    CHECK_EQUAL(rig_detail(&rig, "it").objectives[0].total, 99);
    CHECK_EQUAL(rig_detail(&rig, "it").objectives[0].good, 55);
    rig_expect_balance(&rig);
}

static void others_are_left_alone_and_all_means_all(void)
{
    record(work("one"), 10);
    record(work("two"), 20);
    rig_settle(&rig);
    reset("one", 1);
    reset("none", 0);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "one").count, 0);
    CHECK_EQUAL(rig_stats(&rig, "two").count, 20);
    reset(NULL, 3); /* and __overflow__ */
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "two").count, 0);
    rig_expect_balance(&rig);
}

static void another_agent_goes_on_from_there(void)
{
    struct slipring_primitive *it = work("it");
    record(it, 2000);
    rig_settle(&rig);
    reset("it", 1);
    rig_drop(&rig);
    record(it, 50);
    rig_open(&rig);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "it").count, 50);
    CHECK_EQUAL(rig_stats(&rig, "it").created_wall_ns, reset_wall_ns);
    rig_expect_balance(&rig);
}

static void parts_of_buckets_go_with_them(void)
{
    rig_stop(&rig);
    rig.options.schema = 8;
    rig_open(&rig);
    struct slipring_primitive *it = work("it");
    record(it, 90);
    rig_settle(&rig);
    reset("it", 1);
    for (uint32_t i = 0; i < 10; i++) {
        slipring_record(it, 7 * MS, SLIPRING_SUCCESS, NULL);
    }
    rig_settle(&rig);
    const struct slipring_stats stats = rig_stats(&rig, "it");
    CHECK_EQUAL(stats.count, 10);
    CHECK(stats.lifetime.percentile_ns[SLIPRING_P50] > 6.98 * MS);
    CHECK(stats.lifetime.percentile_ns[SLIPRING_P50] < 7.02 * MS);
    CHECK(stats.lifetime.relative_error < 0.0015);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(everything_of_it_begins_at_nothing),      RIG_TEST(what_comes_after_it_counts),
        RIG_TEST(others_are_left_alone_and_all_means_all), RIG_TEST(another_agent_goes_on_from_there),
        RIG_TEST(parts_of_buckets_go_with_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
