/* SPDX-License-Identifier: Apache-2.0 */
/* What primitives take of the stats segment when everything about them is as bad as it can be: durations of every bucket, all
 * windows full of slices, eight windows, traced; and what becomes of the windows then. Takes 3 s. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>

#include <slipring/slipring.h>

#include "agent/books/footprint.h"
#include "support/check.h"
#include "support/place.h"
#include "support/rig.h"

#define PRIMITIVES 16u
#define OBJECTIVES 2u
#define SAMPLES    300u /* of each primitive in a step; a ring holds them */
/* Words of rings, slots and spans, pages begun and not full: what no primitive adds to. */
#define FIXED_BYTES UINT64_C(131072)

static struct slipring_primitive *primitives[PRIMITIVES];

static void register_all(void)
{
    static const struct slipring_slo slo = {.target_ppb = SLIPRING_TARGET(0.99),
                                            .availability_ppb = SLIPRING_TARGET(0.999),
                                            .latency_threshold_ns = 50000000};
    for (uint32_t i = 0; i < PRIMITIVES; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "p%u", i);
        CHECK_OK(slipring_primitive_get(rig_producer, name, NULL, &primitives[i]));
        CHECK_OK(slipring_slo_configure(primitives[i], &slo));
    }
}

/* A duration of any magnitude below 2^52 ns, and above 2^least, each as likely as another. */
static uint64_t wild(uint64_t *state, uint32_t least, uint32_t octaves)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    const uint64_t digits = UINT64_C(1) << 51 | *state >> 13;
    return digits >> (51 - least - (uint32_t)(*state >> 7) % octaves);
}

/* A sample in seven failed, and was traced. */
static void record(uint32_t i, uint32_t k, uint64_t duration_ns)
{
    const struct slipring_trace trace = {.trace_id = {1}, .span_id = {1}, .flags = SLIPRING_TRACE_SAMPLED};
    if (k % 7 == 0) {
        slipring_record_traced(primitives[i], duration_ns, SLIPRING_FAILURE, NULL, &trace);
    } else {
        slipring_record(primitives[i], duration_ns, SLIPRING_SUCCESS, NULL);
    }
}

/* Steps of so long, a window's 20 and some more: each ends with a slice of every window that is short enough. */
static void live(uint64_t *state, uint32_t octaves, uint64_t step_ns)
{
    for (uint32_t step = 0; step < 24; step++) {
        for (uint32_t i = 0; i < PRIMITIVES; i++) {
            for (uint32_t k = 0; k < SAMPLES; k++) {
                record(i, k, wild(state, octaves < 52 ? 20 : 0, octaves));
            }
        }
        rig_tick(&rig, step_ns);
    }
}

static void live_badly(uint32_t schema, uint32_t octaves)
{
    static const uint64_t windows_s[SLIPRING_WINDOW_COUNT] = {1, 10, 60, 300, 3600, 86400, 604800, 2592000};
    uint64_t state = 1;
    rig_drop(&rig);
    rig.options.schema = schema;
    rig.options.shows_native = true;
    rig.options.window_count = SLIPRING_WINDOW_COUNT;
    for (uint32_t i = 0; i < SLIPRING_WINDOW_COUNT; i++) {
        rig.options.window_ns[i] = windows_s[i] * RIG_SECOND;
    }
    rig_open(&rig);
    rig_settle(&rig);
    const uint64_t before = sr_books_resident_bytes(agent_store_books(rig.store));
    register_all();
    for (uint32_t i = SLIPRING_WINDOW_COUNT; i-- > 0;) { /* the longest first: its slices stay to the end */
        live(&state, octaves, windows_s[i] * RIG_SECOND / 20);
    }
    rig_settle(&rig);
    const struct slipring_stats_detail detail = rig_detail(&rig, "p0");
    for (uint32_t i = 0; i < detail.window_count; i++) {
        (void)fprintf(stderr, "# window of %" PRIu64 " s: n %" PRIu64 ", span %" PRIu64 " ms\n", windows_s[i],
                      detail.windows[i].n, detail.windows[i].span_ns / 1000000);
    }
    const struct sr_agent_figures figures = rig_figures(&rig);
    const uint64_t most = PRIMITIVES * (figures.primitive_memory_most_bytes + FOOTPRINT_TRACED_BYTES +
                                        OBJECTIVES * figures.objective_memory_most_bytes);
    const uint64_t bytes = figures.stats_segment_bytes - before;
    (void)fprintf(stderr, "# %" PRIu64 " bytes a primitive with two objectives, of at most %" PRIu64 "\n",
                  bytes / PRIMITIVES, most / PRIMITIVES);
    CHECK_EQUAL(figures.primitive_memory_most_bytes, footprint_primitive_bytes(schema));
    CHECK(bytes <= most + FIXED_BYTES);
    CHECK_EQUAL(figures.samples_spilled, 0);
}

static void a_primitive_stays_below_what_the_agent_says_whatever_it_is_told(void)
{
    CHECK(footprint_primitive_bytes(SR_BUCKET_SCHEMA) <= 100 * 1024);
    live_badly(SR_BUCKET_SCHEMA, 52);
}

static void so_it_does_in_the_finest_schema(void)
{
    live_badly(SR_FINE_SCHEMA_MAX, 52);
}

static uint64_t resident(void)
{
    rig_settle(&rig);
    return sr_books_resident_bytes(agent_store_books(rig.store));
}

static void a_trace_costs_what_is_said_and_only_the_first(void)
{
    CHECK_OK(slipring_primitive_get(rig_producer, "p0", NULL, &primitives[0]));
    record(0, 1, 1000);
    const uint64_t before = resident();
    record(0, 0, 1000);
    const uint64_t traced = resident();
    record(0, 0, 1000);
    CHECK_EQUAL(traced - before, FOOTPRINT_TRACED_BYTES);
    CHECK_EQUAL(FOOTPRINT_TRACED_BYTES, 12 * 1024); /* as documents say */
    CHECK_EQUAL(resident(), traced);
}

static void expect_windows(void)
{
    const struct slipring_stats_detail detail = rig_detail(&rig, "p0");
    CHECK_EQUAL(detail.window_count, SLIPRING_WINDOW_COUNT);
    for (uint32_t i = 0; i < detail.window_count; i++) {
        CHECK(detail.windows[i].span_ns >= detail.windows[i].window_ns / 10 * 8);
    }
    rig_expect_balance(&rig); /* every slice holds what it says */
}

/* A millisecond to a second: twice as many slices as there is room for. */
static void windows_get_coarser_and_hardly_shorter_when_room_is_short(void)
{
    live_badly(SR_BUCKET_SCHEMA, 10);
    expect_windows();
}

static void parts_of_buckets_take_no_window_its_room(void)
{
    live_badly(SR_FINE_SCHEMA_MAX, 10);
    expect_windows();
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_primitive_stays_below_what_the_agent_says_whatever_it_is_told),
        RIG_TEST(so_it_does_in_the_finest_schema),
        RIG_TEST(a_trace_costs_what_is_said_and_only_the_first),
        RIG_TEST(windows_get_coarser_and_hardly_shorter_when_room_is_short),
        RIG_TEST(parts_of_buckets_take_no_window_its_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
