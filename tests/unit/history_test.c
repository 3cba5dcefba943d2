/* SPDX-License-Identifier: Apache-2.0 */
/* The history of objectives: the counts of each window, over the span that it tells, through quiet times, kills and the turn of a month. In a
 * time that the test makes. */
#include "agent/books/history.h"

#include <slipring/slipring.h>

#include "api/process.h"
#include "support/place.h"
#include "support/rig.h"

#define MS  UINT64_C(1000000)
#define DAY UINT64_C(86400)

static struct slipring_primitive *work;

/* Objective 0: availability over the period; 1: at most 10 ms. */
static void begin(uint64_t period_s)
{
    CHECK_OK(slipring_primitive_get(rig_producer, "work", NULL, &work));
    const struct slipring_slo slo = {.target_ppb = SLIPRING_TARGET(0.99),
                                     .availability_ppb = SLIPRING_TARGET(0.999),
                                     .latency_threshold_ns = 10 * MS,
                                     .period_s = period_s};
    CHECK_OK(slipring_slo_configure(work, &slo));
    rig_tick(&rig, RIG_SECOND / 10);
}

static uint32_t book_of_work(void)
{
    return rig.books->primitive[sr_handle_id(work)].book;
}

static uint32_t objective_of(enum slipring_objective_kind kind)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < SLIPRING_OBJECTIVE_COUNT; i++) {
        const uint32_t word = SR_BOOK_OBJECTIVES + i * SR_OBJECTIVE_WORDS + SR_OBJECTIVE_KIND;
        found = RIG_WORD(&rig, book, book_of_work(), word) == kind ? i : found;
    }
    return found;
}

static struct history_counts read_track(enum slipring_objective_kind kind, uint32_t track)
{
    struct history_counts counts;
    books_commit(rig.books);
    CHECK(history_read(rig.books, book_of_work(), objective_of(kind), track, rig.now_ns, &counts));
    return counts;
}

/* Ten executions, one failed, two slow. */
static void record_ten(void)
{
    for (int i = 0; i < 10; i++) {
        slipring_record(work, i < 2 ? 20 * MS : 5 * MS, i == 9 ? SLIPRING_FAILURE : SLIPRING_SUCCESS, NULL);
    }
}

/* Ten at the beginning of each of so many steps. */
static void go_on(uint64_t steps, uint64_t step_s)
{
    for (uint64_t i = 0; i < steps; i++) {
        record_ten();
        rig_tick(&rig, step_s * RIG_SECOND);
    }
}

/* What came in the span that ends now, of a stream of ten each step. */
static void expect_stream(uint32_t track, uint64_t window_s, uint64_t step_s)
{
    const struct history_counts fast = read_track(SLIPRING_LATENCY, track);
    const struct history_counts well = read_track(SLIPRING_AVAILABILITY, track);
    CHECK(fast.span_ns <= window_s * RIG_SECOND);
    CHECK(fast.span_ns >= window_s * RIG_SECOND / 100 * 99 - step_s * RIG_SECOND);
    CHECK_EQUAL(fast.total, fast.span_ns / (step_s * RIG_SECOND) * 10);
    CHECK_EQUAL(fast.good * 10, fast.total * 8);
    CHECK_EQUAL(well.total, fast.total);
    CHECK_EQUAL(well.good * 10, well.total * 9);
}

static void each_window_holds_what_its_span_says(void)
{
    begin(30 * DAY);
    go_on(3600, 1);
    expect_stream(0, 300, 1);
    expect_stream(1, 1800, 1);
    CHECK_EQUAL(read_track(SLIPRING_LATENCY, 6).total, 36000); /* as far as it reaches */
    CHECK_EQUAL(read_track(SLIPRING_AVAILABILITY, HISTORY_PERIOD).good, 32400);
    go_on(3 * 1440 + 720, 60);
    expect_stream(0, 300, 60);
    expect_stream(2, 3600, 60);
    expect_stream(3, 7200, 60);
    expect_stream(4, 21600, 60);
    expect_stream(5, 86400, 60);
    expect_stream(6, 259200, 60);
}

static void a_period_of_ninety_days_is_covered(void)
{
    begin(90 * DAY);
    go_on(100 * 48, 1800);
    expect_stream(HISTORY_PERIOD, 90 * DAY, 1800);
    expect_stream(6, 3 * DAY, 1800);
}

static void a_short_period_has_no_longer_windows(void)
{
    begin(3600);
    go_on(10, 1);
    struct history_counts counts;
    books_commit(rig.books);
    const uint32_t fast = objective_of(SLIPRING_LATENCY);
    CHECK(history_read(rig.books, book_of_work(), fast, 2, rig.now_ns, &counts));
    CHECK(!history_read(rig.books, book_of_work(), fast, 3, rig.now_ns, &counts));
    CHECK(history_read(rig.books, book_of_work(), fast, HISTORY_PERIOD, rig.now_ns, &counts));
    CHECK(!history_read(rig.books, book_of_work(), 7, 0, rig.now_ns, &counts));
}

static void after_a_quiet_time_a_window_covers_all_of_it(void)
{
    begin(30 * DAY);
    go_on(100, 1);
    for (int i = 0; i < 3600; i++) {
        rig_tick(&rig, 3 * RIG_SECOND);
    }
    go_on(1, 10);
    for (uint32_t track = 0; track < 4; track++) {
        const struct history_counts counts = read_track(SLIPRING_LATENCY, track);
        CHECK_EQUAL(counts.total, 10);
        CHECK_EQUAL(counts.span_ns, history_windows_s[track] * RIG_SECOND);
    }
    CHECK_EQUAL(read_track(SLIPRING_LATENCY, 4).total, 1010);
    go_on(60, 1);
    CHECK_EQUAL(read_track(SLIPRING_LATENCY, 2).total, 610);
    CHECK_EQUAL(read_track(SLIPRING_LATENCY, 2).span_ns, 3600 * RIG_SECOND);
}

static void a_gap_is_in_no_window_that_it_could_lie_outside_of(void)
{
    begin(30 * DAY);
    go_on(600, 1);
    rig_drop(&rig);
    rig_pass(&rig, 1200 * RIG_SECOND);
    record_ten(); /* when in those twenty minutes it was, nobody knows */
    rig_open(&rig);
    go_on(10, 1);
    const struct history_counts five = read_track(SLIPRING_LATENCY, 0);
    CHECK(five.total == 90 || five.total == 100); /* since the first mark after it */
    CHECK(five.span_ns <= 11 * RIG_SECOND);
    const struct history_counts hour = read_track(SLIPRING_LATENCY, 2);
    CHECK_EQUAL(hour.total, 6000 + 10 + 100);
    CHECK(hour.span_ns >= 1810 * RIG_SECOND);
}

static void history_outlives_the_agent(void)
{
    begin(30 * DAY);
    go_on(1000, 1);
    const struct history_counts before = read_track(SLIPRING_AVAILABILITY, 1);
    rig_drop(&rig);
    rig_open(&rig);
    const struct history_counts after = read_track(SLIPRING_AVAILABILITY, 1);
    CHECK_EQUAL(before.total, after.total);
    CHECK_EQUAL(before.good, after.good);
    CHECK_EQUAL(before.span_ns, after.span_ns);
}

static void a_calendar_month_begins_anew(void)
{
    begin(SLIPRING_PERIOD_MONTH);
    rig_pass(&rig, 30 * DAY * RIG_SECOND); /* the 31st of January */
    rig_tick(&rig, RIG_SECOND);
    go_on(23 * 60, 60);
    CHECK_EQUAL(read_track(SLIPRING_LATENCY, HISTORY_PERIOD).total, 13800);
    go_on(60, 60); /* the first of February, a minute past midnight or so */
    rig_tick(&rig, 60 * RIG_SECOND);
    CHECK(read_track(SLIPRING_LATENCY, HISTORY_PERIOD).total <= 10);
    go_on(10, 60);
    const struct history_counts month = read_track(SLIPRING_LATENCY, HISTORY_PERIOD);
    CHECK(month.total >= 100 && month.total <= 110);
    CHECK(month.span_ns <= 13 * 60 * RIG_SECOND);
    rig.wall_ns -= 3600 * RIG_SECOND; /* somebody sets the clock back into January, and forward again */
    rig_tick(&rig, RIG_SECOND);
    rig.wall_ns += 3600 * RIG_SECOND;
    rig_tick(&rig, RIG_SECOND);
    CHECK_EQUAL(read_track(SLIPRING_LATENCY, HISTORY_PERIOD).total, month.total);
    const struct history_counts day = read_track(SLIPRING_LATENCY, 5); /* rolling windows take no notice */
    CHECK(day.total >= 14400 / 100 * 99 - 10 && day.total <= 14410);
}

static void change_threshold(uint64_t threshold_ns)
{
    const struct slipring_objective objective = {.name = "latency",
                                                 .kind = SLIPRING_LATENCY,
                                                 .target_ppb = SLIPRING_TARGET(0.99),
                                                 .threshold_ns = threshold_ns};
    CHECK_OK(slipring_objective_change(work, &objective));
}

/* What is drained together with a change was recorded before or after it, nobody knows: it counts, and the span says so. */
static void an_objective_that_begins_anew_covers_all_that_it_counts(void)
{
    begin(30 * DAY);
    go_on(10, 60);
    record_ten();
    change_threshold(7 * MS);
    record_ten();
    rig_tick(&rig, 60 * RIG_SECOND);
    const struct history_counts fast = read_track(SLIPRING_LATENCY, HISTORY_PERIOD);
    CHECK_EQUAL(fast.total, 20);
    CHECK_EQUAL(fast.good, 16);
    CHECK_EQUAL(fast.span_ns, 60 * RIG_SECOND);
    CHECK_EQUAL(read_track(SLIPRING_AVAILABILITY, HISTORY_PERIOD).total, 120);
}

/* Another time namespace: the next agent's clock is far behind the last one's. */
static void a_clock_that_is_behind_the_books_begins_objectives_anew(void)
{
    begin(30 * DAY);
    go_on(3000, 1);
    rig_stop(&rig);
    rig.now_ns = 50 * RIG_SECOND;
    rig_open(&rig);
    rig_tick(&rig, RIG_SECOND);
    CHECK_EQUAL(read_track(SLIPRING_AVAILABILITY, HISTORY_PERIOD).total, 0);
    go_on(10, 1);
    for (uint32_t track = 0; track <= HISTORY_PERIOD; track++) {
        const struct history_counts counts = read_track(SLIPRING_AVAILABILITY, track);
        CHECK_EQUAL(counts.total, 100);
        CHECK_EQUAL(counts.good, 90);
        CHECK_EQUAL(counts.span_ns, 11 * RIG_SECOND);
    }
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(each_window_holds_what_its_span_says),
        RIG_TEST(a_period_of_ninety_days_is_covered),
        RIG_TEST(a_short_period_has_no_longer_windows),
        RIG_TEST(after_a_quiet_time_a_window_covers_all_of_it),
        RIG_TEST(a_gap_is_in_no_window_that_it_could_lie_outside_of),
        RIG_TEST(history_outlives_the_agent),
        RIG_TEST(a_calendar_month_begins_anew),
        RIG_TEST(an_objective_that_begins_anew_covers_all_that_it_counts),
        RIG_TEST(a_clock_that_is_behind_the_books_begins_objectives_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
