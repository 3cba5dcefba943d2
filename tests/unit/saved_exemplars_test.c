/* SPDX-License-Identifier: Apache-2.0 */
/* Exemplars over a boot: what of them a checkpoint's file has, and what comes back. agent/books/exemplars.h, G6; agent/checkpoint/checkpoint_book.h. */
#include "agent/books/exemplars.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/books/reset.h"
#include "agent/checkpoint/checkpoint.h"
#include "agent/checkpoint/checkpoint_book.h"
#include "pure/exemplar.h"
#include "support/place.h"
#include "support/rig.h"
#include "system/clock.h"

#define MS UINT64_C(1000000)

static char folder[PATH_MAX];

static struct slipring_primitive *work(void)
{
    struct slipring_primitive *primitive = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, "it", "primitive", &primitive));
    return primitive;
}

static void record(uint64_t duration_ns, enum slipring_outcome outcome, uint8_t number)
{
    struct slipring_trace trace = {.flags = SLIPRING_TRACE_SAMPLED};
    memset(trace.trace_id, number, sizeof trace.trace_id);
    memset(trace.span_id, 100 + number, sizeof trace.span_id);
    rig_settle(&rig); /* the coarse clock is of now */
    slipring_record_traced(work(), duration_ns, outcome, NULL, &trace);
    rig_settle(&rig);
}

/* Whose is it? 0: nobody's. */
static uint32_t number_of(const struct slipring_exemplar *exemplar)
{
    return exemplar == NULL || sr_exemplar_is_none(exemplar) ? 0 : exemplar->trace_id[0];
}

static void begin_checkpoints(void)
{
    (void)snprintf(folder, sizeof folder, "%s/books-%s", place_folder(), rig.options.store);
    rig_stop(&rig);
    rig.checkpoint_folder = folder;
    rig_open(&rig);
    rig_settle(&rig);
}

/* Until the file that is due is written. */
static void write_file(void)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    const struct checkpoint_figures *figures = checkpoint_figures(rig.checkpoint);
    const uint64_t files = figures->bytes + figures->failures;
    for (int i = 0; i < 20000 && files == figures->bytes + figures->failures; i++) {
        (void)checkpoint_tick(rig.checkpoint, rig.now_ns, rig.wall_ns);
        (void)nanosleep(&pause, NULL);
    }
    CHECK(files != figures->bytes + figures->failures);
}

static void boot(int64_t off_ns)
{
    rig_boot(&rig, off_ns);
    (void)work();
    rig_settle(&rig);
}

static uint32_t slowest_of(const struct slipring_exemplars *kept, uint64_t seconds)
{
    return number_of(sr_exemplar_slowest(kept, rig.now_ns, seconds * RIG_SECOND));
}

static void they_come_back_into_the_windows_that_still_reach_back_to_them(void)
{
    begin_checkpoints();
    record(90 * MS, SLIPRING_SUCCESS, 1);
    rig_pass(&rig, 3000 * RIG_SECOND);
    record(50 * MS, SLIPRING_FAILURE, 2);
    rig_pass(&rig, 200 * RIG_SECOND);
    record(7 * MS, SLIPRING_SUCCESS, 3);
    const struct slipring_exemplars before = rig_exemplars(&rig, "it");
    CHECK_EQUAL(before.slowest_count, 3);
    rig_stop(&rig);
    boot(250 * RIG_SECOND);
    const struct slipring_exemplars after = rig_exemplars(&rig, "it");
    CHECK_EQUAL(after.slowest_count, 3);
    CHECK_EQUAL(slowest_of(&after, 60), 0);    /* the machine was off */
    CHECK_EQUAL(slowest_of(&after, 300), 3);   /* some 250 s ago */
    CHECK_EQUAL(slowest_of(&after, 3400), 2);  /* some 450 */
    CHECK_EQUAL(slowest_of(&after, 86400), 1); /* some 3450 */
    CHECK_EQUAL(number_of(sr_exemplar_failing(&after, rig.now_ns, 3600 * RIG_SECOND)), 2);
    CHECK_EQUAL(number_of(sr_exemplar_failing(&after, rig.now_ns, 300 * RIG_SECOND)), 0);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQUAL(after.slowest[i].wall_ns, before.slowest[i].wall_ns);
        CHECK_EQUAL(after.slowest[i].duration_ns, before.slowest[i].duration_ns);
        CHECK_EQUAL(after.slowest[i].outcome, before.slowest[i].outcome);
        CHECK(memcmp(after.slowest[i].span_id, before.slowest[i].span_id, 8) == 0);
    }
}

static void the_next_ones_take_their_place_among_them(void)
{
    begin_checkpoints();
    record(90 * MS, SLIPRING_SUCCESS, 1);
    rig_pass(&rig, RIG_SECOND);
    record(5 * MS, SLIPRING_FAILURE, 2);
    rig_stop(&rig);
    boot(30 * RIG_SECOND);
    record(40 * MS, SLIPRING_FAILURE, 3);
    const struct slipring_exemplars kept = rig_exemplars(&rig, "it");
    CHECK_EQUAL(kept.slowest_count, 2); /* the second one is outdone */
    CHECK_EQUAL(number_of(&kept.slowest[0]), 1);
    CHECK_EQUAL(number_of(&kept.slowest[1]), 3);
    CHECK_EQUAL(number_of(&kept.failing), 3);
    uint32_t in_buckets = 0;
    for (uint32_t i = 0; i < kept.bucket_count;
         i++) { /* counters began anew, and their exemplars with them */
        in_buckets += number_of(&kept.bucket_slowest[i]);
    }
    CHECK_EQUAL(in_buckets, 3);
    rig_expect_balance(&rig);
}

static void after_a_crash_those_of_the_full_file_come_back(void)
{
    begin_checkpoints();
    record(90 * MS, SLIPRING_SUCCESS, 1);
    rig_pass(&rig, 5 * RIG_SECOND);
    write_file();
    rig_pass(&rig, 10 * RIG_SECOND);
    record(100 * MS, SLIPRING_SUCCESS, 2);
    rig_pass(&rig, 10 * RIG_SECOND);
    write_file(); /* totals alone */
    rig_drop(&rig);
    boot(RIG_SECOND);
    const struct slipring_exemplars kept = rig_exemplars(&rig, "it");
    CHECK_EQUAL(rig_stats(&rig, "it").lifetime.n, 2);
    CHECK_EQUAL(kept.slowest_count, 1);
    CHECK_EQUAL(slowest_of(&kept, 60), 1);
}

static void of_a_primitive_that_began_anew_none_comes_back(void)
{
    begin_checkpoints();
    record(90 * MS, SLIPRING_FAILURE, 1);
    rig_pass(&rig, 5 * RIG_SECOND);
    write_file();
    rig.wall_ns += RIG_SECOND;
    CHECK_EQUAL(reset_named(rig.books, "it", NULL, rig.now_ns, rig.wall_ns), 1);
    slipring_record(work(), MS, SLIPRING_SUCCESS, NULL);
    rig_settle(&rig);
    rig_pass(&rig, 10 * RIG_SECOND);
    write_file();
    rig_drop(&rig);
    boot(RIG_SECOND);
    CHECK_EQUAL(rig_stats(&rig, "it").lifetime.n, 1);
    struct saved_exemplars saved;
    for (uint32_t book = 0; book < rig.books->high; book++) {
        exemplars_take(rig.books, book, &saved);
        CHECK_EQUAL(saved.slowest_count, 0);
    }
}

/* --- the file ------------------------------------------------------------------------------------------------------------- */

/* A book with exemplars, which `spoil` changes before it is packed. Is it taken? */
static struct slipring_exemplar ids = {.trace_id = {1, 2, 3}, .span_id = {4}};

struct sample {
    Checkpoint__Book book;
    Checkpoint__Exemplar one[SLIPRING_EXEMPLAR_SLOWEST + 1];
    Checkpoint__Exemplar *list[SLIPRING_EXEMPLAR_SLOWEST + 1];
};

static char name[] = "it", type[] = "primitive";

static void make_sample(struct sample *sample, uint32_t count)
{
    checkpoint__book__init(&sample->book);
    sample->book.name = name;
    sample->book.type = type;
    sample->book.n_slowest = count;
    sample->book.slowest = sample->list;
    for (uint32_t i = 0; i < SLIPRING_EXEMPLAR_SLOWEST + 1; i++) {
        checkpoint__exemplar__init(&sample->one[i]);
        sample->one[i].trace_id = (ProtobufCBinaryData){.len = 16, .data = ids.trace_id};
        sample->one[i].span_id = (ProtobufCBinaryData){.len = 8, .data = ids.span_id};
        sample->one[i].duration_ns = (100 - i) * MS;
        sample->one[i].at_ns = SR_CLOCK_BASE_NS + i;
        sample->list[i] = &sample->one[i];
    }
}

static struct checkpoint_unpacked unpacked;

/* more: bytes behind it, as a newer agent may write them. */
static bool is_taken(const struct sample *sample, const char *more, size_t more_bytes)
{
    static uint8_t payload[1 << 16];
    const char *why = NULL;
    const size_t bytes = checkpoint__book__pack(&sample->book, payload);
    CHECK(bytes + more_bytes <= sizeof payload);
    memcpy(payload + bytes, more, more_bytes);
    const bool taken = checkpoint_unpack_book(&unpacked, payload, bytes + more_bytes, &why);
    CHECK(taken || strstr(why, "impossible") != NULL);
    return taken;
}

static void a_file_without_them_and_one_of_a_newer_agent_are_taken(void)
{
    struct sample sample;
    make_sample(&sample, 0);
    CHECK(is_taken(&sample, "", 0));
    CHECK_EQUAL(unpacked.windows.exemplars.slowest_count, 0);
    CHECK_EQUAL(number_of(&unpacked.windows.exemplars.failing), 0);
    make_sample(&sample, SLIPRING_EXEMPLAR_SLOWEST);
    sample.book.failing = &sample.one[0];
    CHECK(is_taken(&sample, "\xf0\x01\x07", 3)); /* field 30, a number */
    CHECK_EQUAL(unpacked.windows.exemplars.slowest_count, SLIPRING_EXEMPLAR_SLOWEST);
    CHECK_EQUAL(unpacked.windows.exemplars.slowest[23].duration_ns, 77 * MS);
    CHECK_EQUAL(number_of(&unpacked.windows.exemplars.failing), 1);
    checkpoint_unpacked_free(&unpacked);
}

static void impossible_ones_are_refused(void)
{
    static uint8_t zeros[17];
    struct sample sample;
    make_sample(&sample, SLIPRING_EXEMPLAR_SLOWEST + 1);
    CHECK(!is_taken(&sample, "", 0));
    make_sample(&sample, 3);
    sample.one[2].trace_id.data = zeros;
    CHECK(!is_taken(&sample, "", 0));
    for (size_t length = 0; length < 18; length++) {
        make_sample(&sample, 3);
        sample.one[1].trace_id.len = length < 16 ? length : 15;
        CHECK(!is_taken(&sample, "", 0));
        make_sample(&sample, 3);
        sample.one[1].span_id = (ProtobufCBinaryData){.len = length == 8 ? 9 : length % 17, .data = zeros};
        CHECK(!is_taken(&sample, "", 0));
    }
    make_sample(&sample, 3);
    sample.one[0].duration_ns = SLIPRING_DURATION_MAX_NS + 1;
    CHECK(!is_taken(&sample, "", 0));
    make_sample(&sample, 3);
    sample.one[0].outcome = 7;
    CHECK(!is_taken(&sample, "", 0));
    make_sample(&sample, 0);
    sample.book.failing = &sample.one[0];
    sample.one[0].trace_id.len = 3;
    CHECK(!is_taken(&sample, "", 0));
    checkpoint_unpacked_free(&unpacked);
}

/* Whatever a file says is a staircase afterwards. */
static void steps_out_of_order_become_a_staircase(void)
{
    struct saved_exemplars saved = {.slowest_count = 4};
    record(MS, SLIPRING_SUCCESS, 9);
    for (uint32_t i = 0; i < 4; i++) {
        saved.slowest[i] = ids;
        saved.slowest[i].at_ns = SR_CLOCK_BASE_NS + (i * 7 % 4) * RIG_SECOND;
        saved.slowest[i].duration_ns = (1 + i * 3 % 4) * MS;
        saved.slowest[i].bound_ns = 5;
    }
    exemplars_restore(rig.books, 1, &saved, 1000);
    books_commit(rig.books);
    exemplars_take(rig.books, 1, &saved);
    CHECK(saved.slowest_count > 0);
    for (uint32_t i = 0; i < saved.slowest_count; i++) {
        CHECK_EQUAL(saved.slowest[i].bound_ns, 0);
        CHECK(i == 0 || (saved.slowest[i].at_ns > saved.slowest[i - 1].at_ns &&
                         saved.slowest[i].duration_ns < saved.slowest[i - 1].duration_ns));
    }
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(they_come_back_into_the_windows_that_still_reach_back_to_them),
        RIG_TEST(the_next_ones_take_their_place_among_them),
        RIG_TEST(after_a_crash_those_of_the_full_file_come_back),
        RIG_TEST(of_a_primitive_that_began_anew_none_comes_back),
        RIG_TEST(a_file_without_them_and_one_of_a_newer_agent_are_taken),
        RIG_TEST(impossible_ones_are_refused),
        RIG_TEST(steps_out_of_order_become_a_staircase),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
