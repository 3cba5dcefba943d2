/* SPDX-License-Identifier: Apache-2.0 */
/* The public functions of slipring/trace.h, without an agent: what a `traceparent` is, which records keep their trace, and what it lies like in the ring. */
#include <slipring/slipring.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "support/api.h"
#include "support/check.h"
#include "support/child.h"
#include "support/place.h"

#define MS   UINT64_C(1000000)
#define GOOD "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

/* --- the text -------------------------------------------------------------------------------------------------------------- */

static void a_traceparent_is_taken_apart_and_made_again(void **state)
{
    (void)state;
    static const uint8_t trace_id[16] = {0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6,
                                         0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e, 0x47, 0x36};
    static const uint8_t span_id[8] = {0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7};
    struct slipring_trace trace;
    char text[SLIPRING_TRACEPARENT_BYTES];
    CHECK(slipring_trace_parse(GOOD, &trace));
    CHECK(memcmp(trace.trace_id, trace_id, sizeof trace_id) == 0);
    CHECK(memcmp(trace.span_id, span_id, sizeof span_id) == 0);
    CHECK_EQUAL(trace.flags, SLIPRING_TRACE_SAMPLED);
    CHECK_EQUAL(trace.reserved, 0);
    slipring_trace_format(&trace, text);
    assert_string_equal(text, GOOD);
    trace.flags = 0xfffffffe; /* what this version does not know is 0 */
    slipring_trace_format(&trace, text);
    assert_string_equal(text, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
}

static void flags_and_higher_versions_are_read_as_far_as_they_are_known(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t flags;
    } good[] = {
        {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", 0},
        {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff", 1},
        {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-fe", 0},
        {"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", 1},
        {"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-", 1},
        {"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what the future-may bring", 1},
        {"fe-00000000000000000000000000000001-0000000000000001-01", 1},
        {"00-ffffffffffffffffffffffffffffffff-ffffffffffffffff-01", 1},
    };
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(good); i++) {
        struct slipring_trace trace;
        CHECK(slipring_trace_parse(good[i].text, &trace));
        CHECK_EQUAL(trace.flags, good[i].flags);
    }
}

/* In memory of its own, so that a look beyond the end is found. */
static void expect_none(const char *text)
{
    const struct slipring_trace none = {.flags = 0};
    struct slipring_trace trace;
    memset(&trace, 7, sizeof trace);
    char *copy = text ? strdup(text) : NULL;
    if (slipring_trace_parse(copy, &trace)) {
        check_fail(__FILE__, __LINE__, "taken for a trace: %s", text);
    }
    CHECK(memcmp(&trace, &none, sizeof none) == 0);
    free(copy);
}

static void what_is_none_gives_none(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "0",
        "00",
        "00-",
        "-",
        "x",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 ",
        " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00F067AA0BA902B7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0A",
        "0A-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e47366-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.",
        "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "00-\xff\xff\xff\xff",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\n",
    };
    expect_none(NULL);
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(bad); i++) {
        expect_none(bad[i]);
    }
    char text[] = GOOD;
    for (size_t i = 0; i + 1 < sizeof text; i++) { /* cut off anywhere, and any character wrong */
        const char kept = text[i];
        text[i] = '\0';
        expect_none(text);
        text[i] = kept == '-' ? '0' : '-';
        expect_none(text);
        text[i] = '/';
        expect_none(text);
        text[i] = ':';
        expect_none(text);
        text[i] = '`';
        expect_none(text);
        text[i] = kept;
    }
}

/* --- records --------------------------------------------------------------------------------------------------------------- */

static struct tally want;

static struct slipring_trace good_trace(void)
{
    struct slipring_trace trace;
    CHECK(slipring_trace_parse(GOOD, &trace));
    return trace;
}

static struct slipring_primitive *begin(void)
{
    tally_init(&want, 0);
    return api_primitive("work");
}

static void expect(uint64_t through_ring)
{
    struct tally got;
    api_fold("work", &got);
    tally_expect_equal(&got, &want);
    CHECK_EQUAL(got.torn, 0);
    CHECK_EQUAL(got.through_ring, through_ring);
}

/* The words of this process's one ring, and how many there are. */
static const uint64_t *words(uint64_t *out_count)
{
    const struct sr_segment *segment = sr_store_segment(api_open());
    *out_count = atomic_load(&sr_segment_producer_line(segment, 0)->tail);
    return sr_segment_ring_words(segment, 0);
}

static void a_first_record_keeps_its_trace_and_its_bytes(void *unused)
{
    (void)unused;
    const struct slipring_trace trace = good_trace();
    const struct slipring_cost cost = {.cost_nanodollars = 4, .savings_nanodollars = 6};
    struct slipring_primitive *work = begin();
    slipring_record_traced(work, 3 * MS, SLIPRING_SUCCESS, NULL, &trace);
    slipring_record_traced(work, 5 * MS, SLIPRING_FAILURE, &cost, &trace);
    tally_execution(&want, 3 * MS, false, NULL);
    tally_execution(&want, 5 * MS, true, &cost);
    expect(2);
    uint64_t count = 0;
    const uint64_t *there = words(&count);
    CHECK_EQUAL(count, 4 + 6);
    CHECK_EQUAL(there[0], (3 * MS) << SR_SAMPLE_DURATION_SHIFT | SR_KIND_EXECUTION | SR_SAMPLE_TRACED);
    CHECK(memcmp(&there[1], trace.trace_id, 16) == 0);
    CHECK(memcmp(&there[3], trace.span_id, 8) == 0);
    CHECK_EQUAL(there[5], 4);
    CHECK(memcmp(&there[7], trace.trace_id, 16) == 0);
    CHECK(memcmp(&there[9], trace.span_id, 8) == 0);
}

static void what_is_not_to_be_kept_is_a_plain_record(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = begin();
    struct slipring_trace traces[4] = {good_trace(), good_trace(), good_trace(), {.flags = 1}};
    traces[0].flags = 0;
    memset(traces[1].trace_id, 0, sizeof traces[1].trace_id);
    memset(traces[2].span_id, 0, sizeof traces[2].span_id);
    slipring_record_traced(work, MS, SLIPRING_SUCCESS, NULL, NULL);
    tally_execution(&want, MS, false, NULL);
    for (uint32_t i = 0; i < 4; i++) {
        slipring_record_traced(work, MS, SLIPRING_SUCCESS, NULL, &traces[i]);
        struct slipring_traced_span span = slipring_begin_traced(work, &traces[i]);
        slipring_cancel(&span.span);
        slipring_end_traced(&span, SLIPRING_SUCCESS, NULL);
        tally_execution(&want, MS, false, NULL);
        want.begun++;
        want.cancels++;
        want.ended++;
    }
    slipring_record_traced(NULL, MS, SLIPRING_SUCCESS, NULL, &traces[0]);
    slipring_record_traced(NULL, MS, SLIPRING_SUCCESS, NULL, &(struct slipring_trace){.flags = 0});
    slipring_end_traced(NULL, SLIPRING_SUCCESS, NULL);
    struct slipring_trace sampled = good_trace();
    slipring_record_traced(NULL, MS, SLIPRING_SUCCESS, NULL, &sampled);
    struct slipring_traced_span none = slipring_begin_traced(NULL, &sampled);
    slipring_end_traced(&none, SLIPRING_SUCCESS, NULL);
    expect(9); /* cancels among them */
    uint64_t count = 0;
    (void)words(&count);
    CHECK_EQUAL(count, 9);
}

/* Whatever is full, whichever of the two kinds comes: every count is there. */
static void a_full_ring_costs_the_trace_alone(void *unused)
{
    (void)unused;
    const struct slipring_trace trace = good_trace();
    struct slipring_primitive *work = begin();
    for (uint32_t i = 0; i < 1000; i++) {
        slipring_record_traced(work, (1 + i % 3) * MS, SLIPRING_SUCCESS, NULL, i % 5 ? &trace : NULL);
        tally_execution(&want, (1 + i % 3) * MS, false, NULL);
    }
    struct tally got;
    api_fold("work", &got);
    tally_expect_equal(&got, &want);
    CHECK(got.through_ring > 512 / 4 && got.through_ring < 200);
    uint64_t count = 0;
    (void)words(&count);
    CHECK(count <= 512 && count > 504);
}

static void a_direct_primitive_has_no_place_for_traces(void *unused)
{
    (void)unused;
    const struct slipring_trace trace = good_trace();
    struct slipring_primitive *work = begin();
    CHECK_OK(slipring_primitive_set_mode(work, SLIPRING_DIRECT));
    slipring_record_traced(work, MS, SLIPRING_FAILURE, NULL, &trace);
    tally_execution(&want, MS, true, NULL);
    expect(0);
}

static void inside_a_reservation_the_count_goes_elsewhere_and_the_trace_is_lost(void *unused)
{
    (void)unused;
    const struct slipring_trace trace = good_trace();
    struct slipring_primitive *work = begin();
    struct slipring_reservation reservation;
    slipring_record(work, MS, SLIPRING_SUCCESS, NULL);
    slipring_reserve(work, &reservation);
    slipring_record_traced(work, MS, SLIPRING_SUCCESS, NULL, &trace);
    struct slipring_traced_span span = slipring_begin_traced(work, &trace);
    slipring_cancel(&span.span);
    slipring_commit(&reservation, 2 * MS, SLIPRING_SUCCESS, 0);
    tally_execution(&want, MS, false, NULL);
    tally_execution(&want, 2 * MS, false, NULL);
    struct tally got;
    api_fold("work", &got);
    CHECK_EQUAL(tally_count(&got), 3);
    CHECK_EQUAL(got.through_shared, 2); /* and the cancel */
    CHECK_EQUAL(got.torn, 0);
}

static struct slipring_primitive *interrupted;

static void on_signal(int signal_number)
{
    (void)signal_number;
    const struct slipring_trace trace = good_trace();
    slipring_record_traced(interrupted, MS, SLIPRING_SUCCESS, NULL, &trace);
}

static void a_handler_may_record_under_a_trace(void *unused)
{
    (void)unused;
    const struct slipring_trace trace = good_trace();
    interrupted = begin();
    CHECK(signal(SIGUSR1, on_signal) != SIG_ERR);
    for (int i = 0; i < 20; i++) {
        slipring_record_traced(interrupted, 2 * MS, SLIPRING_SUCCESS, NULL, &trace);
        CHECK_EQUAL(raise(SIGUSR1), 0);
        tally_execution(&want, 2 * MS, false, NULL);
        tally_execution(&want, MS, false, NULL);
    }
    expect(40);
}

static void end_of_a_child(void *argument)
{
    slipring_end_traced(argument, SLIPRING_FAILURE, NULL);
    const struct slipring_trace trace = good_trace();
    slipring_record_traced(((struct slipring_traced_span *)argument)->span.primitive, 7 * MS,
                           SLIPRING_SUCCESS, NULL, &trace);
}

static void a_span_dies_at_fork_and_a_child_records_under_traces_of_its_own(void *unused)
{
    (void)unused;
    const struct slipring_trace trace = good_trace();
    struct slipring_traced_span span = slipring_begin_traced(begin(), &trace);
    CHECK_EQUAL(child_wait(child_start(end_of_a_child, &span)), 0);
    slipring_end_traced(&span, SLIPRING_SUCCESS, NULL);
    struct tally got;
    api_fold("work", &got);
    CHECK_EQUAL(got.count[0], 2);
    CHECK_EQUAL(got.count[1], 0);
    CHECK_EQUAL(got.begun, 1);
    CHECK_EQUAL(got.ended, 1);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_traceparent_is_taken_apart_and_made_again),
        cmocka_unit_test(flags_and_higher_versions_are_read_as_far_as_they_are_known),
        cmocka_unit_test(what_is_none_gives_none),
        CHILD_TEST(a_first_record_keeps_its_trace_and_its_bytes),
        CHILD_TEST(what_is_not_to_be_kept_is_a_plain_record),
        CHILD_TEST(a_full_ring_costs_the_trace_alone),
        CHILD_TEST(a_direct_primitive_has_no_place_for_traces),
        CHILD_TEST(inside_a_reservation_the_count_goes_elsewhere_and_the_trace_is_lost),
        CHILD_TEST(a_handler_may_record_under_a_trace),
        CHILD_TEST(a_span_dies_at_fork_and_a_child_records_under_traces_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
