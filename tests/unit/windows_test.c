/* SPDX-License-Identifier: Apache-2.0 */
/* The windows: what they hold, what they cover, and that idle ones are empty and cost nothing. In a time that the test makes. */
#include "agent/books/windows.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include <slipring/slipring.h>

#include "agent/drain/drain.h"
#include "base/crashpoint.h"
#include "support/child.h"
#include "support/faults.h"
#include "support/place.h"
#include "support/rig.h"

static struct slipring_primitive *primitive_of(const char *name)
{
    struct slipring_primitive *primitive = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, name, NULL, &primitive));
    return primitive;
}

static void record(uint64_t duration_ns, int count)
{
    for (int i = 0; i < count; i++) {
        slipring_record(primitive_of("work"), duration_ns, i % 10 ? SLIPRING_SUCCESS : SLIPRING_FAILURE,
                        NULL);
    }
}

/* Ticks of 50 ms. */
static void pass(uint64_t seconds)
{
    for (uint64_t i = 0; i < seconds * 20; i++) {
        rig_tick(&rig, RIG_SECOND / 20);
    }
}

static struct slipring_window_stats minute(void)
{
    return rig_stats(&rig, "work").minute;
}

/* Closed slices of a window. */
static uint64_t slices_of(uint32_t tier)
{
    return RIG_WORD(&rig, window, 1, tier * SR_TIER_WORDS + SR_TIER_COUNT);
}

static struct slipring_window_stats window(uint32_t tier)
{
    return rig_detail(&rig, "work").windows[tier];
}

/* The published percentile is within its bound of this. */
static void expect_near(double got, double want)
{
    CHECK(got >= want * (1.0 - SR_BUCKET_ERROR_BOUND) && got <= want * (1.0 + SR_BUCKET_ERROR_BOUND));
}

static void the_window_holds_what_came_in_the_last_minute(void)
{
    record(1000000, 20);
    pass(1);
    CHECK_EQUAL(minute().n, 20);
    CHECK_EQUAL(minute().failures, 2);
    expect_near(minute().percentile_ns[SLIPRING_P50], 1e6);
    for (int second = 0; second < 120; second++) {
        record(2000000, 10);
        pass(1);
    }
    const struct slipring_stats stats = rig_stats(&rig, "work");
    CHECK_EQUAL(stats.count, 1220);
    CHECK(stats.minute.n >= 570 && stats.minute.n <= 610);
    CHECK(stats.minute.span_ns >= 57 * RIG_SECOND - RIG_SECOND / 10 &&
          stats.minute.span_ns <= 60 * RIG_SECOND);
    CHECK_EQUAL(stats.minute.failures * 10, stats.minute.n);
    CHECK(stats.minute.per_second > 9.8 && stats.minute.per_second < 10.4);
    CHECK(stats.requests_per_second == stats.minute.per_second);
    expect_near(stats.minute.percentile_ns[SLIPRING_P50], 2e6);
    expect_near(stats.lifetime.percentile_ns[SLIPRING_P50], 2e6);
}

static void an_idle_primitive_has_an_empty_window_without_percentiles(void)
{
    record(1000000, 20);
    pass(70);
    CHECK_EQUAL(minute().n, 0);
    CHECK(minute().per_second == 0.0);
    CHECK(minute().percentile_ns[SLIPRING_P50] == 0.0);
    CHECK(minute().relative_error == 0.0);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 20);
    CHECK(rig_stats(&rig, "work").requests_per_second == 0.0);
    expect_near(rig_stats(&rig, "work").lifetime.percentile_ns[SLIPRING_P99], 1e6);
}

static void nothing_is_published_for_a_primitive_that_is_idle(void)
{
    record(1000000, 20);
    pass(5);
    rig_pass(&rig, 8 * 86400 * RIG_SECOND); /* then every window covers all of its length */
    pass(5);
    const uint64_t published = rig_stats(&rig, "work").published_ns;
    const uint64_t drains = rig_figures(&rig).drains;
    pass(30);
    CHECK_EQUAL(rig_stats(&rig, "work").published_ns, published);
    CHECK(rig_figures(&rig).drains - drains <= 31); /* up to when all was drained, once a second */
    record(1000000, 1);
    pass(1);
    CHECK(rig_stats(&rig, "work").published_ns > published);
    CHECK_EQUAL(minute().n, 1);
    CHECK(minute().span_ns > 55 * RIG_SECOND); /* it is known that nothing came before */
}

/* A hundred seconds, ten executions in each: every window holds those that its span says. */
static void each_window_holds_what_came_in_its_span(void)
{
    static const uint64_t seconds[] = {10, 60, 300, 3600, 86400, 604800};
    pass(2);
    const uint64_t began_ns = rig.now_ns;
    for (int second = 0; second < 400; second++) {
        record(1000000, 10);
        pass(1);
    }
    CHECK_EQUAL(rig_detail(&rig, "work").window_count, 6);
    for (uint32_t tier = 0; tier < 6; tier++) {
        const struct slipring_window_stats it = window(tier);
        const uint64_t length_ns = seconds[tier] * RIG_SECOND;
        const uint64_t known_ns = rig.now_ns - began_ns < length_ns ? rig.now_ns - began_ns : length_ns;
        CHECK_EQUAL(it.window_ns, length_ns);
        CHECK(it.span_ns >= known_ns - known_ns / 20 - RIG_SECOND && it.span_ns <= length_ns);
        CHECK(it.n >= (it.span_ns / RIG_SECOND - 1) * 10 && it.n <= (it.span_ns / RIG_SECOND + 1) * 10);
        CHECK_EQUAL(it.failures * 10, it.n);
        expect_near(it.percentile_ns[SLIPRING_P99], 1e6);
        CHECK(it.peak_per_second >= 10.0 && it.peak_per_second <= 20.0);
    }
    CHECK_EQUAL(window(3).n, 4000); /* nothing was forgotten on the way up */
    CHECK_EQUAL(window(5).n, 4000);
    rig_pass(&rig, 1800 * RIG_SECOND);
    pass(1);
    CHECK_EQUAL(window(2).n, 0);
    CHECK_EQUAL(window(3).n, 4000);
    rig_pass(&rig, 3 * 86400 * RIG_SECOND);
    pass(1);
    CHECK_EQUAL(window(4).n, 0);
    CHECK_EQUAL(window(5).n, 4000);
    rig_pass(&rig, 4 * 86400 * RIG_SECOND);
    pass(1);
    CHECK_EQUAL(window(5).n, 0);
    CHECK_EQUAL(window(5).span_ns, 604800 * RIG_SECOND);
}

static void a_burst_after_a_pause_is_in_a_slice_of_its_own(void)
{
    record(1000000, 10);
    pass(200);
    record(1000000, 30);
    pass(105);
    CHECK_EQUAL(window(2).n, 30); /* the first one left, and took nothing along */
    CHECK_EQUAL(window(3).n, 40);
}

/* Within one second, between quiet ones. */
static void the_highest_rate_is_that_of_the_busiest_second(void)
{
    for (int second = 0; second < 20; second++) {
        record(1000000, second == 10 ? 500 : 10);
        pass(1);
    }
    CHECK(window(1).peak_per_second >= 450.0 && window(1).peak_per_second <= 520.0);
    CHECK(window(0).peak_per_second <= 520.0);
    pass(12);
    CHECK(window(0).peak_per_second == 0.0); /* nothing came in its ten seconds */
    CHECK(window(1).peak_per_second >= 450.0);
}

static void money_is_in_the_windows(void)
{
    const struct slipring_cost paid = {.cost_nanodollars = 700, .savings_nanodollars = 30};
    slipring_record(primitive_of("work"), 1000000, SLIPRING_SUCCESS, &paid);
    pass(5);
    slipring_record(primitive_of("work"), 1000000, SLIPRING_SUCCESS, &paid);
    pass(20);
    CHECK_EQUAL(window(0).cost_nanodollars, 0);
    CHECK_EQUAL(window(1).cost_nanodollars, 1400);
    CHECK_EQUAL(window(5).savings_nanodollars, 60);
}

static void money_alone_is_in_the_windows(void)
{
    record(1000000, 1);
    pass(30);
    slipring_record_cost(primitive_of("work"), &(struct slipring_cost){.cost_nanodollars = 700});
    pass(1);
    CHECK_EQUAL(window(0).cost_nanodollars, 700);
    CHECK_EQUAL(window(0).n, 0);
    CHECK(window(0).percentile_ns[SLIPRING_P50] == 0.0);
    pass(20);
    CHECK_EQUAL(window(0).cost_nanodollars, 0);
    CHECK_EQUAL(window(1).cost_nanodollars, 700);
    CHECK_EQUAL(window(1).n, 1);
}

static void begin_with_schema(uint32_t schema)
{
    rig_stop(&rig);
    rig.options.schema = schema;
    rig_open(&rig);
    pass(1);
}

/* So many durations a thousandth apart. */
static void record_ladder(const char *name, uint32_t count)
{
    struct slipring_primitive *primitive = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, name, NULL, &primitive));
    for (uint64_t i = 0; i < count; i++) {
        slipring_record(primitive, 1000000 + 1000 * i, SLIPRING_SUCCESS, NULL);
    }
}

/* The figure of a ladder of 401, whose median is 1.2 ms. */
static void expect_error(const struct slipring_window_stats *it, double error)
{
    CHECK(it->relative_error == error);
    CHECK(it->percentile_ns[SLIPRING_P50] >= 1200000.0 * (1.0 - error) &&
          it->percentile_ns[SLIPRING_P50] <= 1200000.0 * (1.0 + error));
}

static void each_schema_keeps_its_bound(void)
{
    for (uint32_t schema = SR_FINE_SCHEMA_MIN; schema <= SR_FINE_SCHEMA_MAX; schema++) {
        char name[] = "work of schema ?";
        name[sizeof name - 2] = (char)('0' + schema);
        begin_with_schema(schema);
        record_ladder(name, 401);
        for (int second = 0; second < 20; second++) { /* open, growing, closed */
            pass(1);
            const struct slipring_stats stats = rig_stats(&rig, name);
            const struct slipring_stats_detail detail = rig_detail(&rig, name);
            CHECK_EQUAL(detail.windows[1].n, 401);
            expect_error(&detail.windows[1], sr_fine_error(schema));
            expect_error(&detail.windows[5], sr_fine_error(schema));
            expect_error(&stats.lifetime, sr_fine_error(schema));
        }
    }
}

static void what_was_kept_in_another_schema_has_its_error(void)
{
    begin_with_schema(3);
    record_ladder("work", 401);
    pass(20);
    begin_with_schema(8);
    pass(1);
    struct slipring_window_stats it = window(1);
    expect_error(&it, sr_fine_error(3));
    it = rig_stats(&rig, "work").lifetime;
    expect_error(&it, SR_BUCKET_ERROR_BOUND);
    pass(60);
    record_ladder("work", 401);
    pass(2);
    it = window(1);
    CHECK_EQUAL(it.n, 401);
    expect_error(&it, sr_fine_error(8));
    it = window(5);
    CHECK_EQUAL(it.n, 802);
    CHECK(it.relative_error == sr_fine_error(3));
    begin_with_schema(7); /* parts are of one schema */
    it = window(1);
    expect_error(&it, SR_BUCKET_ERROR_BOUND);
}

/* A spilled sample is known to its bucket only. */
static void what_spilled_makes_the_error_that_of_the_buckets(void)
{
    begin_with_schema(8);
    for (int i = 0; i < 3; i++) {
        record_ladder("work", 401);
    }
    pass(1);
    CHECK(rig_stats(&rig, "work").spilled > 0);
    struct slipring_window_stats it = window(1);
    CHECK_EQUAL(it.n, 1203);
    expect_error(&it, SR_BUCKET_ERROR_BOUND);
}

/* The next agent has another list of windows. */
static void a_changed_list_keeps_the_windows_that_stay(void)
{
    for (int second = 0; second < 30; second++) {
        record(1000000, 10);
        pass(1);
    }
    rig_stop(&rig);
    const uint64_t windows_s[] = {5, 60, 120, 86400};
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(windows_s); i++) {
        rig.options.window_ns[i] = windows_s[i] * RIG_SECOND;
    }
    rig.options.window_count = SR_ARRAY_COUNT(windows_s);
    rig_open(&rig);
    pass(1);
    CHECK_EQUAL(rig_detail(&rig, "work").window_count, 4);
    CHECK_EQUAL(window(1).n, 300);
    CHECK_EQUAL(window(3).n, 300);
    CHECK_EQUAL(window(2).n, 0); /* it begins */
    CHECK(window(2).span_ns < 3 * RIG_SECOND);
    for (int second = 0; second < 10; second++) {
        record(1000000, 10);
        pass(1);
    }
    CHECK_EQUAL(window(3).n, 400);
    CHECK_EQUAL(window(2).n, 100);
    CHECK_EQUAL(window(1).window_ns, 60 * RIG_SECOND);
    CHECK(window(0).n >= 30 && window(0).n <= 60);
}

static void a_burst_after_an_idle_hour_is_in_the_window_at_once(void)
{
    record(1000000, 1);
    pass(5);
    rig_pass(&rig, 3600 * RIG_SECOND);
    pass(1);
    record(5000000, 100);
    pass(1);
    CHECK_EQUAL(minute().n, 100);
    expect_near(minute().percentile_ns[SLIPRING_P999], 5e6);
}

/* Every bucket in use: a slice takes four kilobytes, and the shelf holds a dozen. */
static void windows_without_room_get_coarser_and_forget_nothing(void)
{
    struct slipring_primitive *work = primitive_of("work");
    for (int slice = 0; slice < 60; slice++) {
        for (uint32_t bucket = 0; bucket < SR_BUCKET_COUNT; bucket++) {
            if (sr_bucket_lower_ns(bucket) <= sr_bucket_upper_ns(bucket)) {
                slipring_record(work, sr_bucket_lower_ns(bucket), SLIPRING_SUCCESS, NULL);
            }
            if (bucket % 100 == 99) {
                drain_all(rig.drain, rig.now_ns);
            }
        }
        pass(3);
        const struct slipring_stats stats = rig_stats(&rig, "work");
        const double rate = (double)stats.count / (3.0 * (slice + 1));
        CHECK_EQUAL(window(3).n, stats.count);
        CHECK_EQUAL(window(5).n, stats.count);
        CHECK(stats.minute.n == 0 ||
              (stats.minute.per_second > rate * 0.7 && stats.minute.per_second < rate * 1.5));
    }
}

/* Eight hundred buckets a second: twice of what there is room for. */
static void a_window_with_little_room_still_covers_its_length(void)
{
    struct slipring_primitive *work = primitive_of("work");
    for (int second = 0; second < 400; second++) {
        for (uint32_t bucket = 600; bucket < 1400; bucket++) {
            slipring_record(work, sr_bucket_lower_ns(bucket), SLIPRING_SUCCESS, NULL);
            if (bucket % 100 == 99) {
                drain_all(rig.drain, rig.now_ns);
            }
        }
        pass(1);
    }
    CHECK(window(1).span_ns >= 50 * RIG_SECOND);
    CHECK(window(2).span_ns >= 250 * RIG_SECOND);
    CHECK_EQUAL(window(3).n, 320000);
}

static void the_window_outlives_the_agent(void)
{
    for (int second = 0; second < 20; second++) {
        record(1000000, 10);
        pass(1);
    }
    rig_settle(&rig);
    const uint64_t n = minute().n;
    CHECK_EQUAL(n, 200);
    rig_drop(&rig);
    rig.now_ns += 5 * RIG_SECOND;
    record(9000000, 7); /* in between, at a time that nobody knows to the second */
    rig_open(&rig);
    pass(1);
    CHECK_EQUAL(minute().n, 207);
    CHECK(minute().span_ns > 24 * RIG_SECOND);
    expect_near(minute().percentile_ns[SLIPRING_P999], 9e6);
}

static void what_was_recorded_during_a_long_absence_is_in_no_minute(void)
{
    record(1000000, 10);
    pass(5);
    rig_drop(&rig);
    rig.now_ns += 600 * RIG_SECOND;
    record(9000000, 50);
    rig_open(&rig);
    pass(5);
    record(1000000, 3);
    pass(5);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 63);
    CHECK_EQUAL(minute().n, 3);
    CHECK(minute().span_ns < 12 * RIG_SECOND); /* only what is known since */
}

static void a_slice_that_finds_no_page_stays_open_and_nothing_is_lost(void)
{
    faults_arm(0, 0, 0);
    record(1000000, 10);
    rig_tick(&rig, RIG_SECOND / 10);
    faults_arm(0, 100000, ENOSPC);
    pass(10);
    CHECK_EQUAL(minute().n, 10);
    faults_arm(0, 0, 0);
    pass(10);
    CHECK_EQUAL(minute().n, 10);
    CHECK_EQUAL(slices_of(1), 1);
    record(1, 10); /* cells of another page */
    rig_tick(&rig, RIG_SECOND / 10);
    faults_arm(0, 100000, ENOSPC);
    pass(70);
    CHECK_EQUAL(minute().n,
                0); /* open for longer than the window: of no part of it is it known when it was */
    CHECK_EQUAL(minute().span_ns, 0);
    faults_arm(0, 0, 0);
    pass(5);
    CHECK_EQUAL(minute().n, 0);
    CHECK_EQUAL(minute().span_ns / RIG_SECOND, 4); /* known since it was closed */
}

#if SR_CRASHPOINTS_BUILT
struct kill {
    enum sr_crashpoint point;
    uint32_t nth;
};

static void go_on_until_killed(void *argument)
{
    const struct kill *kill = argument;
    rig_open(&rig);
    sr_crashpoint_arm(kill->point, kill->nth);
    for (int second = 0; second < 2; second++) {
        record(1040000, 20);
        pass(1); /* the slice that is open now is more than old enough: it is closed at once */
    }
}

/* A slice is written where no committed index leads, and moves from the open part into the index in one commit: whatever a kill
 * leaves, each slice adds up, and nothing stands in two. */
static void a_window_whose_agent_was_killed_adds_up(void)
{
    static const enum sr_crashpoint points[] = {SR_CRASHPOINT_journal_filled, SR_CRASHPOINT_journal_committed,
                                                SR_CRASHPOINT_drain_journal_cleared};
    for (int second = 0; second < 10; second++) {
        record(1000000, 20);
        pass(1);
    }
    for (uint32_t i = 0; i < 4 * SR_ARRAY_COUNT(points); i++) {
        struct kill kill = {.point = points[i % SR_ARRAY_COUNT(points)],
                            .nth = 1 + i / SR_ARRAY_COUNT(points)};
        rig_drop(&rig);
        child_dies_by(child_start(go_on_until_killed, &kill), SIGKILL);
        rig.now_ns += 4 * RIG_SECOND; /* the child's time is over */
        rig_open(&rig);
        rig_expect_balance(&rig);
    }
}
#endif

/* Slices lie low: what a window takes does not grow with time. */
static void places_are_used_again(void)
{
    for (int second = 0; second < 300; second++) {
        record(1000000 + (uint64_t)second * 1000, 5);
        pass(1);
    }
    for (uint32_t word = 2048; word < SR_WORDS_PER_slice; word += SR_WORDS_PER_PAGE) {
        CHECK(!sr_words_exist(&rig.books->durable->words, SR_WORD(slice, 1, word)));
    }
    CHECK(slices_of(1) >= 18);
}

/* Another time namespace, or another boot: the next agent's clock is far behind the last one's. */
static void a_clock_that_is_behind_the_books_empties_the_window_and_keeps_the_counts(void)
{
    for (int second = 0; second < 20; second++) {
        record(1000000, 10);
        pass(1);
    }
    rig_stop(&rig);
    rig.now_ns = 50 * RIG_SECOND;
    rig_open(&rig);
    pass(1);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 200);
    CHECK_EQUAL(minute().n, 0); /* not frozen until the clock comes there again */
    CHECK(minute().span_ns <= 2 * RIG_SECOND);
    CHECK_EQUAL(slices_of(1), 0);
    record(2000000, 30);
    pass(1);
    CHECK_EQUAL(minute().n, 30);
    expect_near(minute().percentile_ns[SLIPRING_P50], 2e6);
    pass(70);
    CHECK_EQUAL(minute().n, 0);
    const struct slipring_stats stats = rig_stats(&rig, "work");
    CHECK_EQUAL(stats.count, 230);
    CHECK(stats.lifetime.span_ns > 0 && stats.lifetime.span_ns <= 80 * RIG_SECOND);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(the_window_holds_what_came_in_the_last_minute),
        RIG_TEST(an_idle_primitive_has_an_empty_window_without_percentiles),
        RIG_TEST(nothing_is_published_for_a_primitive_that_is_idle),
        RIG_TEST(a_burst_after_an_idle_hour_is_in_the_window_at_once),
        RIG_TEST(each_window_holds_what_came_in_its_span),
        RIG_TEST(a_burst_after_a_pause_is_in_a_slice_of_its_own),
        RIG_TEST(a_window_with_little_room_still_covers_its_length),
        RIG_TEST(the_highest_rate_is_that_of_the_busiest_second),
        RIG_TEST(money_is_in_the_windows),
        RIG_TEST(money_alone_is_in_the_windows),
        RIG_TEST(each_schema_keeps_its_bound),
        RIG_TEST(what_was_kept_in_another_schema_has_its_error),
        RIG_TEST(what_spilled_makes_the_error_that_of_the_buckets),
        RIG_TEST(a_changed_list_keeps_the_windows_that_stay),
        RIG_TEST(windows_without_room_get_coarser_and_forget_nothing),
        RIG_TEST(the_window_outlives_the_agent),
        RIG_TEST(what_was_recorded_during_a_long_absence_is_in_no_minute),
        RIG_TEST(a_slice_that_finds_no_page_stays_open_and_nothing_is_lost),
#if SR_CRASHPOINTS_BUILT
        RIG_TEST(a_window_whose_agent_was_killed_adds_up),
#endif
        RIG_TEST(places_are_used_again),
        RIG_TEST(a_clock_that_is_behind_the_books_empties_the_window_and_keeps_the_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
