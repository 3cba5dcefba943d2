/* SPDX-License-Identifier: Apache-2.0 */
/* From traced records to published exemplars, over all processes and through restarts: agent/books/exemplars.h. */
#include "agent/books/exemplars.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/books/reset.h"
#include "agent/drain/drain.h"
#include "api/process.h"
#include "peer/drain.h"
#include "pure/exemplar.h"
#include "support/child.h"
#include "support/place.h"
#include "support/rig.h"
#include "support/ring_ground.h"

#define MS UINT64_C(1000000)

static struct slipring_primitive *work(const char *name)
{
    struct slipring_primitive *primitive = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, name, "primitive", &primitive));
    return primitive;
}

static struct slipring_trace trace_of(uint8_t number)
{
    struct slipring_trace trace = {.flags = SLIPRING_TRACE_SAMPLED};
    memset(trace.trace_id, number, sizeof trace.trace_id);
    memset(trace.span_id, 100 + number, sizeof trace.span_id);
    return trace;
}

static void record(const char *name, uint64_t duration_ns, enum slipring_outcome outcome, uint8_t number)
{
    const struct slipring_trace trace = trace_of(number);
    slipring_record_traced(work(name), duration_ns, outcome, NULL, &trace);
}

/* Whose is it? 0: nobody's. */
static uint32_t number_of(const struct slipring_exemplar *exemplar)
{
    if (!exemplar || sr_exemplar_is_none(exemplar)) {
        return 0;
    }
    CHECK_EQUAL(exemplar->span_id[7], 100 + exemplar->trace_id[0]);
    CHECK_EQUAL(exemplar->trace_id[15], exemplar->trace_id[0]);
    return exemplar->trace_id[0];
}

static const struct slipring_exemplar *bucket_of(const struct slipring_exemplar *list, uint64_t bound_ns)
{
    for (uint32_t i = 0; i < SLIPRING_EXEMPLAR_BUCKETS; i++) {
        if (list[i].bound_ns == bound_ns) {
            return &list[i];
        }
    }
    check_fail(__FILE__, __LINE__, "no such bucket");
    return NULL;
}

static void the_slowest_and_the_newest_failing_one_are_kept_by_bucket_and_window(void)
{
    record("it", 3 * MS, SLIPRING_SUCCESS, 1);
    record("it", 7 * MS, SLIPRING_FAILURE, 2);
    record("it", 5 * MS, SLIPRING_FAILURE, 3);
    record("it", 700 * MS, SLIPRING_SUCCESS, 4);
    record("it", 90000 * MS, SLIPRING_SUCCESS, 5);
    slipring_record(work("it"), 99000 * MS, SLIPRING_FAILURE, NULL); /* nobody's */
    rig_settle(&rig);
    const struct slipring_exemplars kept = rig_exemplars(&rig, "it");
    CHECK_EQUAL(rig_stats(&rig, "it").count, 6);
    CHECK_EQUAL(kept.slowest_count, 1);
    CHECK_EQUAL(number_of(&kept.slowest[0]), 5);
    CHECK_EQUAL(kept.slowest[0].duration_ns, 90000 * MS);
    CHECK_EQUAL(number_of(&kept.failing), 3);
    CHECK_EQUAL(kept.failing.outcome, SLIPRING_FAILURE);
    CHECK_EQUAL(kept.bucket_count, 11);
    CHECK_EQUAL(number_of(bucket_of(kept.bucket_slowest, 10 * MS)), 2);
    CHECK_EQUAL(number_of(bucket_of(kept.bucket_failing, 10 * MS)), 3);
    CHECK_EQUAL(number_of(bucket_of(kept.bucket_slowest, 1000 * MS)), 4);
    CHECK_EQUAL(number_of(bucket_of(kept.bucket_failing, 1000 * MS)), 0);
    CHECK_EQUAL(number_of(bucket_of(kept.bucket_slowest, UINT64_MAX)), 5);
    CHECK_EQUAL(number_of(bucket_of(kept.bucket_slowest, 5000 * MS)), 0);
    rig_expect_balance(&rig);
}

static void a_moment_is_the_samples_own_in_both_clocks(void)
{
    record("it", 1, SLIPRING_SUCCESS, 9); /* before any mark of the clock reached this ring */
    rig_settle(&rig);
    const uint64_t at_ns = rig.now_ns;
    const uint64_t wall_ns = rig.wall_ns;
    record("it", 3 * MS, SLIPRING_FAILURE, 1); /* under the clock's last value */
    rig_pass(&rig, 20 * RIG_SECOND);           /* nobody looks */
    rig_settle(&rig);
    const struct slipring_exemplars kept = rig_exemplars(&rig, "it");
    CHECK_EQUAL(number_of(&kept.failing), 1);
    CHECK_EQUAL(kept.failing.at_ns, at_ns);
    CHECK_EQUAL(kept.failing.wall_ns, wall_ns);
    CHECK_EQUAL(kept.slowest[0].at_ns, at_ns);
    CHECK_EQUAL(number_of(sr_exemplar_slowest(&kept, rig.now_ns, 60 * RIG_SECOND)), 1);
    CHECK(sr_exemplar_slowest(&kept, rig.now_ns, 10 * RIG_SECOND) == NULL);
    CHECK(sr_exemplar_failing(&kept, rig.now_ns, 10 * RIG_SECOND) == NULL);
}

static void turn(struct slipring_exemplar *exemplars, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        exemplars[i].at_ns -= exemplars[i].at_ns != 0 ? SR_CLOCK_BASE_NS : 0;
    }
}

/* Through the public door, where moments are CLOCK_MONOTONIC. */
static void a_program_reads_them_back(void)
{
    struct slipring_exemplars read;
    memset(&read, 1, sizeof read);
    const struct slipring_exemplars untouched = read;
    CHECK_STATUS(slipring_exemplars_read(NULL, &read), SLIPRING_BAD_ARGUMENT);
    CHECK_STATUS(slipring_exemplars_read(work("it"), &read), SLIPRING_NO_DATA);
    slipring_record(work("it"), 3 * MS, SLIPRING_SUCCESS, NULL);
    rig_settle(&rig);
    CHECK_STATUS(slipring_exemplars_read(work("it"), &read), SLIPRING_NO_DATA); /* not traced */
    CHECK_EQUAL(memcmp(&read, &untouched, sizeof read), 0);
    record("it", 7 * MS, SLIPRING_FAILURE, 1);
    rig_tick(&rig, RIG_SECOND);
    record("it", 700 * MS, SLIPRING_SUCCESS, 2);
    rig_settle(&rig);
    struct slipring_exemplars kept = rig_exemplars(&rig, "it");
    CHECK_OK(slipring_exemplars_read(work("it"), &read));
    CHECK_EQUAL(number_of(&read.failing), 1);
    CHECK_EQUAL(number_of(bucket_of(read.bucket_slowest, 1000 * MS)), 2);
    turn(kept.slowest, SLIPRING_EXEMPLAR_SLOWEST);
    turn(&kept.failing, 1);
    turn(kept.bucket_slowest, SLIPRING_EXEMPLAR_BUCKETS);
    turn(kept.bucket_failing, SLIPRING_EXEMPLAR_BUCKETS);
    CHECK_EQUAL(memcmp(&read, &kept, sizeof read), 0);
    CHECK_EQUAL(reset_named(rig.books, "it", NULL, rig.now_ns, rig.wall_ns), 1);
    rig_settle(&rig);
    CHECK_STATUS(slipring_exemplars_read(work("it"), &read), SLIPRING_NO_DATA);
}

/* Whatever stands there, no reader runs over its lists. */
static void counts_that_cannot_be_are_cut_short(void)
{
    struct slipring_exemplars read;
    record("it", 7 * MS, SLIPRING_FAILURE, 1);
    rig_settle(&rig);
    struct slipring_exemplars wild = rig_exemplars(&rig, "it");
    wild.slowest_count = wild.bucket_count = UINT64_MAX;
    sr_books_publish_exemplars(agent_store_books(rig.store), sr_handle_id(work("it")), &wild);
    CHECK_OK(slipring_exemplars_read(work("it"), &read));
    CHECK_EQUAL(read.slowest_count, SLIPRING_EXEMPLAR_SLOWEST);
    CHECK_EQUAL(read.bucket_count, SLIPRING_EXEMPLAR_BUCKETS);
}

static void windows_find_their_slowest_and_buckets_forget_after_a_minute(void)
{
    record("it", 9 * MS, SLIPRING_SUCCESS, 1);
    rig_settle(&rig);
    rig_tick(&rig, 40 * RIG_SECOND);
    record("it", 8 * MS, SLIPRING_SUCCESS, 2);
    rig_settle(&rig);
    struct slipring_exemplars kept = rig_exemplars(&rig, "it");
    CHECK_EQUAL(number_of(bucket_of(kept.bucket_slowest, 10 * MS)), 1);
    rig_tick(&rig, 40 * RIG_SECOND);
    record("it", 2 * MS, SLIPRING_SUCCESS, 3);
    rig_settle(&rig);
    kept = rig_exemplars(&rig, "it");
    CHECK_EQUAL(number_of(bucket_of(kept.bucket_slowest, 10 * MS)), 3);
    CHECK_EQUAL(kept.slowest_count, 3);
    CHECK_EQUAL(number_of(sr_exemplar_slowest(&kept, rig.now_ns, 10 * RIG_SECOND)), 3);
    CHECK_EQUAL(number_of(sr_exemplar_slowest(&kept, rig.now_ns, 60 * RIG_SECOND)), 2);
    CHECK_EQUAL(number_of(sr_exemplar_slowest(&kept, rig.now_ns, 3600 * RIG_SECOND)), 1);
}

static void they_outlive_the_agent_and_a_reset_clears_them(void)
{
    record("it", 9 * MS, SLIPRING_FAILURE, 1);
    rig_settle(&rig);
    const struct slipring_exemplars before = rig_exemplars(&rig, "it");
    record("it", 8 * MS, SLIPRING_SUCCESS, 2); /* while there is none */
    rig_drop(&rig);
    rig_open(&rig);
    rig_settle(&rig);
    struct slipring_exemplars kept = rig_exemplars(&rig, "it");
    CHECK_EQUAL(number_of(&kept.failing), 1);
    CHECK(memcmp(&kept.failing, &before.failing, sizeof kept.failing) == 0);
    CHECK_EQUAL(number_of(&kept.slowest[0]), 1);
    CHECK_EQUAL(reset_named(rig.books, "it", NULL, rig.now_ns, rig.wall_ns), 1);
    rig_settle(&rig);
    kept = rig_exemplars(&rig, "it");
    CHECK_EQUAL(kept.slowest_count + number_of(&kept.failing), 0);
    record("it", 1 * MS, SLIPRING_SUCCESS, 3);
    rig_settle(&rig);
    kept = rig_exemplars(&rig, "it");
    CHECK_EQUAL(number_of(&kept.slowest[0]), 3);
}

static void other_bounds_take_over_what_lies_in_them_G4(void)
{
    record("it", 3 * MS, SLIPRING_FAILURE, 1);
    record("it", 7 * MS, SLIPRING_FAILURE, 2);
    record("it", 700 * MS, SLIPRING_SUCCESS, 3);
    rig_settle(&rig);
    struct agent_options options = rig.options;
    options.le = (struct sr_bound_list){.count = 2, .ns = {5 * MS, 100 * MS}};
    rig_change_options(&rig, &options);
    rig_settle(&rig);
    const struct slipring_exemplars kept = rig_exemplars(&rig, "it");
    CHECK_EQUAL(kept.bucket_count, 3);
    CHECK_EQUAL(number_of(bucket_of(kept.bucket_slowest, 5 * MS)), 0); /* 3 ms was not its bucket's slowest */
    CHECK_EQUAL(number_of(bucket_of(kept.bucket_slowest, 100 * MS)), 2);
    CHECK_EQUAL(number_of(bucket_of(kept.bucket_slowest, UINT64_MAX)), 3);
    CHECK_EQUAL(number_of(&kept.failing), 2);
    CHECK_EQUAL(number_of(bucket_of(kept.bucket_failing, 100 * MS)), 2);
}

/* The thresholds of objectives cut the visit's buckets, not the published ones. */
static void thresholds_are_no_buckets(void)
{
    CHECK_OK(slipring_objective_add(work("it"), &(struct slipring_objective){.kind = SLIPRING_LATENCY,
                                                                             .target_ppb = 900000000,
                                                                             .threshold_ns = 4 * MS}));
    record("it", 3 * MS, SLIPRING_FAILURE, 1);
    record("it", 7 * MS, SLIPRING_SUCCESS, 2);
    rig_settle(&rig);
    const struct slipring_exemplars kept = rig_exemplars(&rig, "it");
    CHECK_EQUAL(rig_detail(&rig, "it").bound_count, 11);
    CHECK_EQUAL(kept.bucket_count, 11);
    CHECK_EQUAL(number_of(bucket_of(kept.bucket_slowest, 10 * MS)), 2);
    CHECK_EQUAL(number_of(bucket_of(kept.bucket_failing, 10 * MS)), 1);
}

/* Overload costs the trace, never the count. */
static void where_the_ring_is_full_a_trace_is_lost_and_no_count(void)
{
    const uint32_t count = 3000;
    for (uint32_t i = 0; i < count; i++) {
        record("it", 3 * MS, SLIPRING_SUCCESS, 1);
    }
    record("it", 9 * MS, SLIPRING_FAILURE, 2);
    rig_settle(&rig);
    const struct slipring_stats stats = rig_stats(&rig, "it");
    CHECK_EQUAL(stats.count, count + 1);
    CHECK_EQUAL(stats.failures, 1);
    CHECK(stats.spilled > count / 2);
    const struct slipring_exemplars kept = rig_exemplars(&rig, "it");
    CHECK_EQUAL(number_of(&kept.slowest[0]), 1);
    CHECK_EQUAL(number_of(&kept.failing), 0);
    record("it", 9 * MS, SLIPRING_FAILURE, 3); /* there is room again */
    rig_settle(&rig);
    const struct slipring_exemplars after = rig_exemplars(&rig, "it");
    CHECK_EQUAL(number_of(&after.failing), 3);
    rig_expect_balance(&rig);
}

static void spans_and_costs_carry_theirs(void)
{
    const struct slipring_trace trace = trace_of(4);
    const struct slipring_cost cost = {.cost_nanodollars = 7, .savings_nanodollars = 2};
    struct slipring_traced_span span = slipring_begin_traced(work("it"), &trace);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "it").active, 1);
    slipring_end_traced(&span, SLIPRING_FAILURE, &cost);
    slipring_end_traced(&span, SLIPRING_FAILURE, &cost);
    struct slipring_traced_span other = slipring_begin_traced(work("it"), NULL);
    slipring_end_traced(&other, SLIPRING_FAILURE, NULL);
    rig_settle(&rig);
    const struct slipring_exemplars kept = rig_exemplars(&rig, "it");
    CHECK_EQUAL(rig_stats(&rig, "it").active, 0);
    CHECK_EQUAL(rig_stats(&rig, "it").count, 2);
    CHECK_EQUAL(rig_stats(&rig, "it").cost_nanodollars, 7);
    CHECK_EQUAL(rig_stats(&rig, "it").savings_nanodollars, 2);
    CHECK_EQUAL(number_of(&kept.failing), 4);
    rig_expect_balance(&rig);
}

static void a_name_that_is_not_traced_takes_no_page(void)
{
    slipring_record(work("plain"), 3 * MS, SLIPRING_FAILURE, NULL);
    record("traced", 3 * MS, SLIPRING_FAILURE, 1);
    struct slipring_trace unsampled = trace_of(2);
    unsampled.flags = 0;
    slipring_record_traced(work("plain"), 3 * MS, SLIPRING_FAILURE, NULL, &unsampled);
    rig_settle(&rig);
    uint32_t pages = 0;
    for (uint32_t book = 0; book < SR_PRIMITIVE_MAX; book++) {
        pages += sr_words_exist(&agent_store_books(rig.store)->words, SR_WORD(exemplar, book, 0));
    }
    CHECK_EQUAL(pages, 1);
    CHECK_EQUAL(rig_exemplars(&rig, "plain").slowest_count, 0);
    CHECK_EQUAL(rig_exemplars(&rig, "traced").slowest_count, 1);
}

/* A stamp of the future, and one that is none: now. */
static void stamps_are_not_believed_G3(void)
{
    record("it", 3 * MS, SLIPRING_SUCCESS, 1);
    rig_settle(&rig);
    uint64_t *words = NULL;
    struct sr_producer_line_shm *line = NULL;
    struct sr_segment *segment = &rig.books->rings->segment;
    for (uint32_t ring = 0; ring < SR_RING_MAX && !line; ring++) {
        if (sr_segment_ring_is_reserved(segment, ring) &&
            sr_state_of(*sr_segment_ring_state(segment, ring)) == SR_RING_OWNED) {
            words = sr_segment_ring_words(segment, ring);
            line = sr_segment_producer_line(segment, ring);
        }
    }
    CHECK(line != NULL);
    const uint64_t forged[] = {SR_KIND_CLOCK,
                               UINT64_MAX,
                               (5 * MS) << SR_SAMPLE_DURATION_SHIFT | SR_KIND_EXECUTION | SR_SAMPLE_TRACED,
                               UINT64_C(0x0202020202020202),
                               UINT64_C(0x0202020202020202),
                               UINT64_C(0x6666666666666666),
                               SR_KIND_CLOCK,
                               3,
                               (4 * MS) << SR_SAMPLE_DURATION_SHIFT | SR_KIND_EXECUTION | SR_SAMPLE_TRACED |
                                   SR_SAMPLE_FAILURE,
                               UINT64_C(0x0303030303030303),
                               UINT64_C(0x0303030303030303),
                               UINT64_C(0x6767676767676767)};
    const uint64_t tail = line->tail;
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(forged); i++) {
        words[(tail + i) & 511] = forged[i];
    }
    line->tail = tail + SR_ARRAY_COUNT(forged);
    rig_settle(&rig);
    const struct slipring_exemplars kept = rig_exemplars(&rig, "it");
    CHECK_EQUAL(number_of(&kept.slowest[0]), 2);
    CHECK(kept.slowest[0].at_ns <= rig.now_ns && kept.slowest[0].at_ns + RIG_SECOND > rig.now_ns);
    CHECK_EQUAL(number_of(&kept.failing), 3);
    CHECK(kept.failing.at_ns <= rig.now_ns && kept.failing.at_ns + RIG_SECOND > rig.now_ns);
    CHECK(kept.failing.wall_ns <= rig.wall_ns && kept.failing.wall_ns + RIG_SECOND > rig.wall_ns);
}

static void without_a_page_the_trace_is_dropped_and_the_count_is_booked_G2(void)
{
    slipring_record(work("it"), 9 * MS, SLIPRING_SUCCESS, NULL); /* the book has its pages */
    rig_settle(&rig);
    agent_store_books(rig.store)->words.is_refused = true;
    record("it", 9 * MS, SLIPRING_SUCCESS, 1);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "it").count, 2);
    CHECK_EQUAL(rig_exemplars(&rig, "it").slowest_count, 0);
    CHECK_EQUAL(rig_figures(&rig).reserve_failures, 0); /* said when the first one was refused */
    sr_words_retry(&agent_store_books(rig.store)->words);
    record("it", 9 * MS, SLIPRING_SUCCESS, 2);
    rig_settle(&rig);
    const struct slipring_exemplars kept = rig_exemplars(&rig, "it");
    CHECK_EQUAL(rig_stats(&rig, "it").count, 3);
    CHECK_EQUAL(number_of(&kept.slowest[0]), 2);
}

/* Booked, and then the segment has no name: there is not a page to be had in it. */
static void record_short_of_pages(const char *name, uint8_t number)
{
    record(name, 9 * MS, SLIPRING_FAILURE, number);
    rig.now_ns += RIG_SECOND / 10;
    drain_all(rig.drain, rig.now_ns);
    agent_store_books(rig.store)->map.path[0] = '!';
}

static void publish_later(uint64_t later_ns)
{
    rig.now_ns += later_ns;
    drain_all(rig.drain, rig.now_ns); /* windows reach as far as was drained */
    while (publisher_tick(rig.publisher, rig.now_ns) == 0) {
    }
}

static bool has_native(const char *name)
{
    struct slipring_stats stats;
    struct slipring_stats_detail detail;
    struct sr_native_packed native;
    struct sr_stats *published = NULL;
    bool is_there = false;
    CHECK_OK(sr_stats_open(rig.options.store, &published));
    CHECK_OK(sr_stats_get_native(published, sr_handle_id(work(name)), &stats, &detail, &native, &is_there));
    sr_stats_close(published);
    return is_there;
}

/* extras.h: each kind is counted once, asked once a second, and had by a primitive at rest when there is room again. */
static void without_pages_to_publish_in_they_come_when_there_is_room_again(void)
{
    rig_drop(&rig);
    rig.options.window_count = 1; /* soon covered: then nothing but the lack has it published again */
    rig.options.window_ns[0] = 10 * RIG_SECOND;
    rig.options.shows_native = true;
    rig_open(&rig);
    rig_settle(&rig);
    struct sr_books *books = agent_store_books(rig.store);
    CHECK_OK(sr_books_reserve_figures(books, 8)); /* whatever else it will want is there */
    for (uint32_t book = 0; book < 8; book++) {
        CHECK_OK(sr_words_reserve(&books->words, SR_WORD(book, book, 0), SR_WORDS_PER_book));
        CHECK_OK(sr_words_reserve(&books->words, SR_WORD(window, book, 0), SR_WORDS_PER_window));
        CHECK_OK(sr_words_reserve(&books->words, SR_WORD(slice, book, 0), SR_WORDS_PER_slice));
    }
    record_short_of_pages("it", 1);
    publish_later(0);
    books->map.path[0] = '/';
    CHECK_EQUAL(rig_stats(&rig, "it").count, 1);
    CHECK(!has_native("it"));
    CHECK_EQUAL(rig_exemplars(&rig, "it").slowest_count, 0);
    const uint64_t one_each = rig_figures(&rig).reserve_failures;
    CHECK_EQUAL(one_each, 2);
    slipring_record(work("it"), 9 * MS, SLIPRING_SUCCESS, NULL);
    drain_all(rig.drain, rig.now_ns);
    publish_later(RIG_SECOND / 2); /* there is room, but it was asked just now */
    CHECK_EQUAL(rig_stats(&rig, "it").count, 2);
    CHECK(!has_native("it"));
    CHECK_EQUAL(rig_exemplars(&rig, "it").slowest_count, 0);
    books->map.path[0] = '!';
    for (int i = 0; i < 30; i++) {
        publish_later(RIG_SECOND);
    }
    books->map.path[0] = '/';
    CHECK_EQUAL(rig_figures(&rig).reserve_failures, one_each); /* said already */
    publish_later(RIG_SECOND);
    CHECK(has_native("it"));
    const struct slipring_exemplars kept = rig_exemplars(&rig, "it");
    CHECK_EQUAL(number_of(&kept.failing), 1);
}

/* As a new process that comes to a new ring segment: it takes the first place. */
static void take_the_first_place(void *unused)
{
    (void)unused;
    struct slipring_store *store = NULL;
    struct slipring_primitive *other = NULL;
    CHECK_OK(slipring_open(rig.options.store, &store));
    CHECK_OK(slipring_primitive_get(store, "other", "primitive", &other));
    slipring_record(other, 3 * MS, SLIPRING_SUCCESS, NULL);
}

/* The ring segment was removed (a logout), and ids are given anew. */
static void a_place_never_shows_a_former_tenants_G5(void)
{
    char path[PATH_MAX];
    record("it", 9 * MS, SLIPRING_FAILURE, 1);
    rig_settle(&rig);
    CHECK_EQUAL(rig_exemplars(&rig, "it").slowest_count, 1);
    CHECK_OK(slipring_close(rig_producer));
    rig_drop(&rig);
    place_path(path, rig.options.store, "ring");
    CHECK_EQUAL(unlink(path), 0);
    rig_open(&rig);
    rig_settle(&rig);
    child_run(take_the_first_place, NULL);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "other").count, 1);
    CHECK_EQUAL(rig_exemplars(&rig, "other").slowest_count, 0);
    const struct slipring_exemplars kept = rig_exemplars(&rig, "it");
    CHECK_EQUAL(number_of(&kept.failing), 1);
    CHECK_OK(slipring_open(rig.options.store, &rig_producer));
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(the_slowest_and_the_newest_failing_one_are_kept_by_bucket_and_window),
        RIG_TEST(a_moment_is_the_samples_own_in_both_clocks),
        RIG_TEST(a_program_reads_them_back),
        RIG_TEST(counts_that_cannot_be_are_cut_short),
        RIG_TEST(windows_find_their_slowest_and_buckets_forget_after_a_minute),
        RIG_TEST(they_outlive_the_agent_and_a_reset_clears_them),
        RIG_TEST(other_bounds_take_over_what_lies_in_them_G4),
        RIG_TEST(thresholds_are_no_buckets),
        RIG_TEST(where_the_ring_is_full_a_trace_is_lost_and_no_count),
        RIG_TEST(spans_and_costs_carry_theirs),
        RIG_TEST(a_name_that_is_not_traced_takes_no_page),
        RIG_TEST(stamps_are_not_believed_G3),
        RIG_TEST(without_a_page_the_trace_is_dropped_and_the_count_is_booked_G2),
        RIG_TEST(without_pages_to_publish_in_they_come_when_there_is_room_again),
        RIG_TEST(a_place_never_shows_a_former_tenants_G5),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
