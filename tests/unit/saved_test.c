/* SPDX-License-Identifier: Apache-2.0 */
/* agent/books/saved.h: books out of one store and into another one, as over a reboot. */
#include "agent/books/saved.h"

#include <stdlib.h>
#include <string.h>

#include "agent/books/windows.h"
#include "support/place.h"
#include "support/rig.h"
#include "system/clock.h"

#define MS      UINT64_C(1000000)
#define AWAY_NS (300 * RIG_SECOND) /* from the last checkpoint to the new start, by the wall clock */

/* What a checkpoint would hold. */
static struct saved_totals full[8], recent[8];
static struct saved_windows windows[8];
static uint8_t slices[8][WINDOWS_BYTES];
static uint64_t incidents[SR_WORDS_PER_incident];
static uint32_t book_count;
static uint64_t full_ns, seen_ns, saved_wall_ns;

static void copy_slice(struct saved_slice *slice, uint8_t *room, size_t *used)
{
    if (slice->bytes != 0) {
        memcpy(room + *used, slice->data, slice->bytes);
        slice->data = room + *used;
        *used += slice->bytes;
    }
}

static void take_totals(struct saved_totals *to)
{
    book_count = 0;
    for (uint32_t book = 0; book < rig.books->high; book++) {
        saved_take_totals(rig.books, book, &to[book_count++]);
    }
    seen_ns = rig.books->seen_ns;
    saved_wall_ns = rig.wall_ns;
}

static void take_full(void)
{
    take_totals(full);
    full_ns = rig.books->seen_ns;
    for (uint32_t book = 0; book < rig.books->high; book++) {
        size_t used = 0;
        saved_take_windows(rig.books, book, &windows[book]);
        for (uint32_t tier = 0; tier < windows[book].tier_count; tier++) {
            for (uint32_t i = 0; i < windows[book].tiers[tier].slice_count; i++) {
                copy_slice(&windows[book].tiers[tier].slices[i], slices[book], &used);
            }
            copy_slice(&windows[book].tiers[tier].growing, slices[book], &used);
        }
    }
    saved_take_incidents(rig.books, incidents);
}

static const struct saved_totals *restored;
static uint32_t stops_after; /* books: killed then */
static bool with_windows;

static void restore(struct rig *which)
{
    const uint64_t then_ns = which->now_ns - (which->wall_ns - saved_wall_ns); /* by this clock */
    const uint64_t shift_ns = then_ns - seen_ns;
    CHECK(saved_may_restore(which->books));
    saved_begin(which->books);
    for (uint32_t book = 0; book < book_count; book++) {
        CHECK_OK(
            saved_restore(which->books, &restored[book], with_windows ? &windows[book] : NULL, shift_ns));
    }
    if (book_count == stops_after) {
        return;
    }
    CHECK(saved_restore_incidents(which->books, incidents));
    saved_finish(which->books, saved_wall_ns, then_ns);
}

/* The machine boots, a minute later agent and producer are there again. */
static void reboot(const struct saved_totals *totals)
{
    const uint64_t wall_ns = saved_wall_ns + AWAY_NS;
    rig_stop(&rig);
    CHECK_OK(slipring_close(rig_producer));
    restored = totals;
    stops_after = UINT32_MAX;
    rig = rig_of(place_new_store());
    rig.now_ns = SR_CLOCK_BASE_NS + 60 * RIG_SECOND;
    rig.wall_ns = wall_ns;
    rig.before_drain = restore;
    with_windows = true;
    rig_open(&rig);
    rig.before_drain = NULL;
    CHECK_OK(slipring_open(rig.options.store, &rig_producer));
    rig_settle(&rig); /* as main does: the gap ends now */
}

static struct slipring_primitive *work(void)
{
    struct slipring_primitive *primitive = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, "work", "primitive", &primitive));
    return primitive;
}

static void configure(struct slipring_primitive *primitive)
{
    CHECK_OK(slipring_objective_add(primitive, &(struct slipring_objective){.kind = SLIPRING_LATENCY,
                                                                            .target_ppb = 900000000,
                                                                            .threshold_ns = 5 * MS}));
    CHECK_OK(
        slipring_objective_add(primitive, &(struct slipring_objective){.kind = SLIPRING_AVAILABILITY,
                                                                       .target_ppb = 900000000,
                                                                       .period_s = SLIPRING_PERIOD_MONTH}));
}

static void record(struct slipring_primitive *primitive, uint32_t count)
{
    const struct slipring_cost cost = {.cost_nanodollars = 5, .savings_nanodollars = 2};
    for (uint32_t i = 0; i < count; i++) {
        slipring_record(primitive, (i % 9 + 1) * MS, i % 4 == 0 ? SLIPRING_FAILURE : SLIPRING_SUCCESS, &cost);
    }
}

/* Ninety a second for so long. */
static void go_on(struct slipring_primitive *primitive, uint32_t seconds)
{
    for (uint32_t i = 0; i < seconds; i++) {
        record(primitive, 90);
        rig_tick(&rig, RIG_SECOND);
    }
    rig_settle(&rig);
}

static void expect_objective(const struct slipring_stats_detail *detail, uint32_t i, uint64_t good,
                             uint64_t total)
{
    CHECK_EQUAL(detail->objectives[i].good, good);
    CHECK_EQUAL(detail->objectives[i].total, total);
}

static const struct slipring_window_stats *window_of(const struct slipring_stats_detail *detail,
                                                     uint64_t seconds)
{
    for (uint32_t i = 0; i < detail->window_count; i++) {
        if (detail->windows[i].window_ns == seconds * RIG_SECOND) {
            return &detail->windows[i];
        }
    }
    CHECK(false);
    abort();
}

static void lifetime_windows_and_budgets_come_back(void)
{
    configure(work());
    go_on(work(), 400);
    const struct slipring_stats before = rig_stats(&rig, "work");
    const struct slipring_stats_detail then = rig_detail(&rig, "work");
    const uint64_t began_ago_ns = rig.now_ns - then.objectives[0].since_ns;
    take_full();
    reboot(full);
    rig_settle(&rig);
    const struct slipring_stats after = rig_stats(&rig, "work");
    const struct slipring_stats_detail now = rig_detail(&rig, "work");
    CHECK_EQUAL(after.count + after.failures + after.cost_nanodollars + after.sum_ns[0], 0);
    CHECK_EQUAL(after.created_wall_ns, saved_wall_ns + AWAY_NS);
    CHECK_EQUAL(after.restored_wall_ns, saved_wall_ns);
    CHECK_EQUAL(after.lifetime.n, before.count);
    CHECK_EQUAL(after.lifetime.failures, before.failures);
    CHECK_EQUAL(after.lifetime.cost_nanodollars, before.cost_nanodollars);
    CHECK_EQUAL(before.min_ns, MS);
    CHECK_EQUAL(full[1].min_ns, MS);
    CHECK_EQUAL(after.min_ns, MS);
    CHECK_EQUAL(after.max_ns, 9 * MS);
    CHECK(after.mean_ns == before.mean_ns);
    CHECK(memcmp(after.lifetime.percentile_ns, before.lifetime.percentile_ns,
                 sizeof after.lifetime.percentile_ns) == 0);
    CHECK_EQUAL(after.minute.n, 0); /* it began after all that */
    CHECK_EQUAL(window_of(&now, 3600)->n, before.count);
    CHECK_EQUAL(window_of(&now, 3600)->cost_nanodollars, before.cost_nanodollars);
    CHECK(memcmp(window_of(&now, 86400)->percentile_ns, window_of(&then, 86400)->percentile_ns,
                 sizeof then.windows[0].percentile_ns) == 0);
    expect_objective(&now, 0, then.objectives[0].good, then.objectives[0].total);
    expect_objective(&now, 1, then.objectives[1].good, then.objectives[1].total);
    const uint64_t begins_ago_ns = rig.now_ns - now.objectives[0].since_ns;
    CHECK(begins_ago_ns >= began_ago_ns + AWAY_NS && begins_ago_ns < began_ago_ns + AWAY_NS + RIG_SECOND);
    rig_expect_balance(&rig);
}

static void counting_goes_on_from_there(void)
{
    configure(work());
    go_on(work(), 100);
    take_full();
    reboot(full);
    configure(work());
    go_on(work(), 20);
    const struct slipring_stats after = rig_stats(&rig, "work");
    const struct slipring_stats_detail now = rig_detail(&rig, "work");
    CHECK_EQUAL(rig_count_of(&rig, "work"), 1);
    CHECK_EQUAL(after.count, 20 * 90);
    CHECK_EQUAL(after.lifetime.n, 120 * 90);
    CHECK_EQUAL(after.lifetime.savings_nanodollars, 120 * 90 * 2);
    CHECK_EQUAL(after.minute.n, 20 * 90);
    CHECK_EQUAL(window_of(&now, 3600)->n, 120 * 90);
    expect_objective(&now, 0, 120 * 50, 120 * 90);
    expect_objective(&now, 1, 120 * 67, 120 * 90);
    rig_expect_balance(&rig);
}

static void what_came_after_the_slices_is_a_slice_of_its_own(void)
{
    configure(work());
    go_on(work(), 50);
    take_full();
    go_on(work(), 30);
    take_totals(recent);
    for (uint32_t book = 0; book < book_count; book++) {
        saved_catch_up(&recent[book], &full[book], full_ns);
    }
    reboot(recent);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").lifetime.n, 80 * 90);
    const struct slipring_stats_detail now = rig_detail(&rig, "work");
    CHECK_EQUAL(window_of(&now, 3600)->n, 80 * 90);
    CHECK_EQUAL(window_of(&now, 86400)->cost_nanodollars, 80 * 90 * 5);
    expect_objective(&now, 0, 80 * 50, 80 * 90);
    rig_tick(&rig, 3600 * RIG_SECOND);
    rig_settle(&rig);
    const struct slipring_stats_detail later = rig_detail(&rig, "work");
    CHECK_EQUAL(window_of(&later, 3600)->n, 0);
    CHECK_EQUAL(window_of(&later, 86400)->n, 80 * 90);
    rig_expect_balance(&rig);
}

static void a_primitive_that_came_after_the_slices_comes_back_too(void)
{
    take_full();
    go_on(work(), 30);
    take_totals(recent);
    for (uint32_t book = 0; book < book_count; book++) {
        saved_catch_up(&recent[book], strcmp(recent[book].name, "work") == 0 ? NULL : &full[book], full_ns);
        windows[book] = strcmp(recent[book].name, "work") == 0 ? (struct saved_windows){0} : windows[book];
    }
    reboot(recent);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").lifetime.n, 30 * 90);
    const struct slipring_stats_detail now = rig_detail(&rig, "work");
    CHECK_EQUAL(window_of(&now, 3600)->n, 30 * 90);
    rig_expect_balance(&rig);
}

/* An agent of the rig's store restores, and is killed before the end. */
static void kill_in_restore(void)
{
    struct agent_store *store = NULL;
    struct books *books = NULL;
    CHECK_OK(agent_store_open(&rig.options, rig.now_ns, rig.wall_ns, &store));
    CHECK_OK(books_open(store, &books));
    books_set_time(books, rig.wall_ns);
    rig.books = books;
    restore(&rig);
    books_close(books);
    agent_store_close(store);
}

static void a_restore_that_was_killed_is_done_again(void)
{
    go_on(work(), 10);
    take_full();
    CHECK(book_count > 1);
    rig_stop(&rig);
    rig = rig_of(place_new_store());
    rig.wall_ns = saved_wall_ns + AWAY_NS;
    rig.before_drain = restore;
    restored = full;
    with_windows = true;
    stops_after = 2;
    kill_in_restore();
    stops_after = UINT32_MAX;
    restored = &full[1]; /* another checkpoint, as it were */
    CHECK_EQUAL(book_count--, 2);
    rig_open(&rig);
    rig_settle(&rig);
    CHECK_EQUAL(rig_count_of(&rig, "work"), 1);
    CHECK_EQUAL(rig_stats(&rig, "work").lifetime.n, 900);
    rig_expect_balance(&rig);
    CHECK(!saved_may_restore(rig.books)); /* once is enough */
}

static void drop_remains(struct rig *which)
{
    saved_drop_remains(which->books); /* without a folder this is all that is done */
}

static void expect_living_books(struct rig *which)
{
    CHECK(!saved_may_restore(which->books));
}

static void what_is_counted_after_a_restore_that_never_was_done_again_is_kept(void)
{
    go_on(work(), 10);
    take_full();
    rig_stop(&rig);
    rig = rig_of(place_new_store());
    rig.wall_ns = saved_wall_ns + AWAY_NS;
    restored = full;
    with_windows = true;
    stops_after = 2;
    kill_in_restore();
    rig.before_drain = drop_remains;
    rig_open(&rig);
    CHECK_OK(slipring_close(rig_producer));
    CHECK_OK(slipring_open(rig.options.store, &rig_producer));
    record(work(), 7);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").lifetime.n, 7);
    rig_drop(&rig);
    rig.before_drain = expect_living_books;
    rig_open(&rig);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").lifetime.n, 7);
    rig_expect_balance(&rig);
}

/* Nobody counted for it what the checkpoint brought back: it covers the time since it began, not the book's. */
static void an_objective_that_comes_after_the_boot_begins_then(void)
{
    go_on(work(), 100);
    take_full();
    reboot(full);
    configure(work());
    rig_settle(&rig);
    const struct slipring_stats_detail now = rig_detail(&rig, "work");
    CHECK_EQUAL(now.objective_count, 2);
    CHECK_EQUAL(now.objectives[0].total, 0);
    CHECK(now.objectives[0].span_ns < RIG_SECOND);
}

static void a_second_reboot_keeps_the_first_ones_counts(void)
{
    configure(work());
    go_on(work(), 20);
    take_full();
    reboot(full);
    configure(work());
    go_on(work(), 20);
    const struct slipring_stats before = rig_stats(&rig, "work");
    take_full();
    reboot(full);
    rig_settle(&rig);
    CHECK(memcmp(rig_stats(&rig, "work").lifetime.percentile_ns, before.lifetime.percentile_ns,
                 sizeof before.lifetime.percentile_ns) == 0);
    CHECK_EQUAL(rig_stats(&rig, "work").lifetime.n, 40 * 90);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 0);
    const struct slipring_stats_detail now = rig_detail(&rig, "work");
    expect_objective(&now, 0, 40 * 50, 40 * 90);
    CHECK_EQUAL(window_of(&now, 3600)->n, 40 * 90);
    rig_expect_balance(&rig);
}

/* An objective's windows begin at marks that were restored. */
static void marks_come_back(void)
{
    configure(work());
    CHECK_OK(slipring_objective_add(work(), &(struct slipring_objective){.name = "hour",
                                                                         .kind = SLIPRING_LATENCY,
                                                                         .target_ppb = 900000000,
                                                                         .threshold_ns = 5 * MS,
                                                                         .period_s = 3600}));
    go_on(work(), 800);
    const uint64_t ended_wall_ns = rig.wall_ns;
    take_full();
    reboot(full);
    rig_tick(&rig, 2800 * RIG_SECOND); /* half of what was recorded lies before the hour */
    rig_settle(&rig);
    const struct slipring_stats_detail now = rig_detail(&rig, "work");
    const struct slipring_objective_stats *hour = &now.objectives[2];
    const uint64_t covered_ns = hour->span_ns - (rig.wall_ns - ended_wall_ns);
    CHECK(covered_ns > 440 * RIG_SECOND && covered_ns < 520 * RIG_SECOND);
    CHECK(hour->total >= (covered_ns / RIG_SECOND - 1) * 90 &&
          hour->total <= (covered_ns / RIG_SECOND + 1) * 90);
    CHECK_EQUAL(hour->good * 9, hour->total * 5);
    rig_expect_balance(&rig);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(lifetime_windows_and_budgets_come_back),
        RIG_TEST(counting_goes_on_from_there),
        RIG_TEST(what_came_after_the_slices_is_a_slice_of_its_own),
        RIG_TEST(a_primitive_that_came_after_the_slices_comes_back_too),
        RIG_TEST(a_restore_that_was_killed_is_done_again),
        RIG_TEST(what_is_counted_after_a_restore_that_never_was_done_again_is_kept),
        RIG_TEST(an_objective_that_comes_after_the_boot_begins_then),
        RIG_TEST(marks_come_back),
        RIG_TEST(a_second_reboot_keeps_the_first_ones_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
