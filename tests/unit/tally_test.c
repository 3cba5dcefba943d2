/* SPDX-License-Identifier: Apache-2.0 */
/* Taking samples out of a ring's words: whole, in bounded batches, and whatever stands there. */
#include "peer/tally.h"

#include <string.h>

#include "support/check.h"
#include "support/place.h"

#define MASK 63u
#define MS   UINT64_C(1000000)

static struct sr_tally tally;
static struct sr_tally_bounds bounds;

static uint64_t plain(uint64_t duration_ns)
{
    return duration_ns << SR_SAMPLE_DURATION_SHIFT | SR_KIND_EXECUTION;
}

static uint64_t dear(uint64_t duration_ns)
{
    return plain(duration_ns) | SR_SAMPLE_AMOUNTS;
}

static void begin(void)
{
    sr_tally_clear(&tally);
    sr_tally_bounds_set(&bounds, NULL, 0);
}

static uint64_t take(const uint64_t *words, uint64_t from, uint64_t most, uint64_t there)
{
    return sr_tally_samples(&tally, words, MASK, from, most, there, &bounds);
}

static void what_the_words_say_is_what_is_counted(void **state)
{
    (void)state;
    const uint64_t words[MASK + 1] = {SR_KIND_CLOCK,
                                      700,
                                      plain(MS),
                                      plain(2 * MS) | SR_SAMPLE_FAILURE | SR_SAMPLE_ENDED,
                                      dear(3 * MS),
                                      11,
                                      12,
                                      SR_KIND_CANCEL | SR_SAMPLE_ENDED,
                                      SR_KIND_CLOCK,
                                      800,
                                      SR_KIND_AMOUNT | SR_SAMPLE_AMOUNTS |
                                          UINT64_C(2) << SR_SAMPLE_CATEGORY_SHIFT,
                                      5,
                                      6,
                                      plain(4 * MS) | SR_SAMPLE_CLAMPED};
    begin();
    CHECK_EQUAL(take(words, 0, 14, 14), 14);
    CHECK_EQUAL(tally.taken, 14);
    CHECK_EQUAL(tally.executions, 4);
    CHECK_EQUAL(tally.failures, 1);
    CHECK_EQUAL(tally.ended, 2);
    CHECK_EQUAL(tally.clamped, 1);
    CHECK_EQUAL(tally.others, 2);
    CHECK_EQUAL(tally.beside, 8);
    CHECK_EQUAL(tally.refused, 0);
    CHECK_EQUAL(tally.sum, 10 * MS);
    CHECK_EQUAL(tally.min, MS);
    CHECK_EQUAL(tally.max, 4 * MS);
    CHECK_EQUAL(tally.cost[0], 11);
    CHECK_EQUAL(tally.savings[0], 12);
    CHECK_EQUAL(tally.cost[2], 5);
    CHECK_EQUAL(tally.savings[2], 6);
    CHECK_EQUAL(tally.oldest_ns, 700);
    CHECK_EQUAL(tally.clock_ns, 800);
    CHECK_EQUAL(sr_tally_count(words, MASK, 0, 14), 6);
}

static void samples_before_the_first_mark_have_the_stamp_of_the_one_before(void **state)
{
    (void)state;
    const uint64_t words[MASK + 1] = {plain(MS), SR_KIND_CLOCK, 800, plain(MS)};
    begin();
    tally.clock_ns = 600;
    CHECK_EQUAL(take(words, 0, 4, 4), 4);
    CHECK_EQUAL(tally.oldest_ns, 600);
    CHECK_EQUAL(tally.clock_ns, 800);
}

/* Whatever the bound of a batch, and wherever the ring's end lies: the same books, and no sample is cut. */
static void batches_of_any_size_take_whole_samples(void **state)
{
    (void)state;
    const uint64_t cycle[] = {SR_KIND_CLOCK, 700,          dear(MS), 1, 2,
                              plain(MS),     dear(2 * MS), 3,        4, SR_KIND_CANCEL};
    const uint64_t there = 40;
    for (uint64_t from = 0; from <= MASK; from++) {
        uint64_t words[MASK + 1] = {0};
        for (uint64_t i = 0; i < there; i++) {
            words[(from + i) & MASK] = cycle[i % SR_ARRAY_COUNT(cycle)];
        }
        for (uint64_t most = 1; most <= there; most++) {
            begin();
            uint64_t done = 0;
            while (done < there) {
                const uint64_t taken = take(words, from + done, most, there - done);
                CHECK(taken >= 1 && taken <= most + 2 && taken <= there - done);
                done += taken;
            }
            CHECK_EQUAL(tally.executions, 12);
            CHECK_EQUAL(tally.others, 4);
            CHECK_EQUAL(tally.beside, 24);
            CHECK_EQUAL(tally.refused, 0);
            CHECK_EQUAL(tally.cost[0], 16);
            CHECK_EQUAL(tally.savings[0], 24);
        }
    }
}

static void what_is_cut_off_by_the_tail_is_refused_and_nothing_behind_it_is_read(void **state)
{
    (void)state;
    const uint64_t cut[][3] = {{SR_KIND_CLOCK, 9}, {dear(MS), 9}, {SR_KIND_AMOUNT | SR_SAMPLE_AMOUNTS, 9}};
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(cut); i++) {
        uint64_t words[MASK + 1] = {0};
        memcpy(words, cut[i], sizeof cut[i]);
        begin();
        CHECK_EQUAL(take(words, 0, 1, 1), 1);
        CHECK_EQUAL(tally.refused, 1);
        CHECK_EQUAL(tally.others, 1);
        CHECK_EQUAL(tally.executions, 0);
        CHECK_EQUAL(tally.beside, 0);
        CHECK_EQUAL(tally.clock_ns, 0);
    }
}

/* --- traces ----------------------------------------------------------------------------------------------------------------- */

static struct sr_trace_tally traces;

static void begin_traced(void)
{
    static const uint64_t bounds_ns[] = {5 * MS, 10 * MS};
    begin();
    tally.traces = &traces;
    sr_tally_bounds_set(&bounds, bounds_ns, 2);
}

static uint64_t traced(uint64_t what)
{
    return what | SR_SAMPLE_TRACED;
}

static void a_trace_lies_behind_its_sample_and_behind_its_amounts(void **state)
{
    (void)state;
    const uint64_t words[MASK + 1] = {SR_KIND_CLOCK,
                                      700,
                                      traced(plain(MS)),
                                      11,
                                      12,
                                      13,
                                      plain(8 * MS), /* longer, and nobody's */
                                      SR_KIND_CLOCK,
                                      800,
                                      traced(dear(7 * MS)) | SR_SAMPLE_FAILURE,
                                      1,
                                      2,
                                      21,
                                      22,
                                      23,
                                      traced(plain(3 * MS)) | SR_SAMPLE_FAILURE | SR_SAMPLE_ENDED,
                                      31,
                                      32,
                                      33};
    begin_traced();
    CHECK_EQUAL(take(words, 0, 19, 19), 19);
    CHECK_EQUAL(tally.executions, 4);
    CHECK_EQUAL(tally.traced, 3);
    CHECK_EQUAL(tally.failures, 2);
    CHECK_EQUAL(tally.ended, 1);
    CHECK_EQUAL(tally.beside, 15);
    CHECK_EQUAL(tally.others + tally.refused, 0);
    CHECK_EQUAL(tally.cost[0], 1);
    CHECK_EQUAL(sr_tally_count(words, MASK, 0, 19), 4);
    CHECK_EQUAL(traces.slowest_count, 1); /* those of one moment are one step */
    const uint64_t ids[] = {21, 22};
    CHECK(memcmp(traces.slowest[0].trace_id, ids, sizeof ids) == 0);
    const uint64_t span = 23;
    CHECK(memcmp(traces.slowest[0].span_id, &span, sizeof span) == 0);
    CHECK_EQUAL(traces.slowest[0].duration_ns, 7 * MS);
    CHECK_EQUAL(traces.slowest[0].at_ns, 800);
    CHECK_EQUAL(traces.bucket_slowest[0].duration_ns, 3 * MS);
    CHECK_EQUAL(traces.bucket_slowest[1].duration_ns, 7 * MS);
    CHECK_EQUAL(traces.bucket_slowest[2].duration_ns, 0);
    CHECK_EQUAL(traces.bucket_failing[0].at_ns, 800);
    CHECK_EQUAL(traces.bucket_failing[1].outcome, SLIPRING_FAILURE);
    begin_traced();
    CHECK_EQUAL(tally.traced, 0);
    CHECK_EQUAL(take(words, 0, 6, 6), 6); /* of the last visit nothing is left */
    CHECK_EQUAL(traces.bucket_slowest[1].duration_ns, 0);
    tally.traces = NULL;
    CHECK_EQUAL(take(words, 0, 6, 6), 6); /* nobody wants to know */
    CHECK_EQUAL(tally.executions, 2);
}

/* A trace of zeros, one of what is no execution, one that is cut off: refused, and taken whole. */
static void what_can_be_no_trace_is_refused_whole(void **state)
{
    (void)state;
    static const struct {
        uint64_t words[6];
        uint64_t there, refused, others, beside, samples;
    } cases[] = {
        {{SR_KIND_EXECUTION | SR_SAMPLE_TRACED, 0, 0, 1}, 4, 1, 1, 3, 1},
        {{SR_KIND_EXECUTION | SR_SAMPLE_TRACED, 1, 1, 0}, 4, 1, 1, 3, 1},
        {{SR_KIND_EXECUTION | SR_SAMPLE_TRACED, 1, 0, 1}, 4, 0, 0, 3, 1},
        {{SR_KIND_EXECUTION | SR_SAMPLE_TRACED, 0, 1, 1}, 4, 0, 0, 3, 1},
        {{SR_KIND_EXECUTION | SR_SAMPLE_TRACED, 1, 1}, 3, 1, 1, 2, 1},
        {{SR_KIND_EXECUTION | SR_SAMPLE_TRACED | SR_SAMPLE_AMOUNTS, 1, 1, 1, 1}, 5, 1, 1, 4, 1},
        {{SR_KIND_EXECUTION | SR_SAMPLE_TRACED | SR_SAMPLE_AMOUNTS, UINT64_MAX, 1, 1, 1, 1}, 6, 1, 1, 5, 1},
        {{SR_KIND_CANCEL | SR_SAMPLE_TRACED | SR_SAMPLE_ENDED}, 1, 1, 1, 0, 1},
        {{SR_KIND_AMOUNT | SR_SAMPLE_TRACED | SR_SAMPLE_AMOUNTS, 1, 1}, 3, 1, 1, 2, 1},
        {{SR_KIND_CLOCK | SR_SAMPLE_TRACED, 1}, 2, 1, 1, 1, 1},
    };
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(cases); i++) {
        uint64_t words[MASK + 1] = {0};
        memcpy(words, cases[i].words, sizeof cases[i].words);
        begin_traced();
        CHECK_EQUAL(take(words, 0, 1, cases[i].there), cases[i].there);
        CHECK_EQUAL(tally.refused, cases[i].refused);
        CHECK_EQUAL(tally.others, cases[i].others);
        CHECK_EQUAL(tally.beside, cases[i].beside);
        CHECK_EQUAL(tally.executions + tally.others, 1);
        CHECK_EQUAL(tally.traced, 1 - cases[i].refused);
        CHECK_EQUAL(tally.ended + tally.clock_ns, 0);
        CHECK_EQUAL(sr_tally_count(words, MASK, 0, cases[i].there), cases[i].samples);
    }
}

static void amounts_beyond_64_bits_stand_still(void **state)
{
    (void)state;
    static uint64_t words[3 * 4096];
    for (uint32_t i = 0; i < 4096; i++) {
        words[3 * i] = dear(MS);
        words[3 * i + 1] = SLIPRING_AMOUNT_MAX;
        words[3 * i + 2] = 1;
    }
    begin();
    CHECK_EQUAL(sr_tally_samples(&tally, words, UINT64_MAX, 0, 3 * 4096, 3 * 4096, &bounds), 3 * 4096);
    CHECK_EQUAL(tally.executions, 4096);
    CHECK_EQUAL(tally.cost[0], UINT64_MAX);
    CHECK_EQUAL(tally.savings[0], 4096);
}

/* Random words: the sums hold, and what is counted for people is what is taken. */
static void random_words_break_no_sum(void **state)
{
    (void)state;
    uint64_t seed = 88172645463325252ull;
    for (int round = 0; round < 20000; round++) {
        uint64_t words[MASK + 1];
        for (uint32_t i = 0; i <= MASK; i++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            words[i] = round % 2 ? seed : seed & 0xfff; /* small ones are marks and amounts more often */
        }
        const uint64_t there = seed % (MASK + 2);
        begin();
        CHECK_EQUAL(take(words, seed, there, there), there);
        CHECK_EQUAL(tally.taken, tally.beside + tally.others + tally.executions);
        CHECK(tally.refused <= tally.others);
        CHECK_EQUAL(sr_tally_count(words, MASK, seed, there), tally.others + tally.executions);
    }
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_words_say_is_what_is_counted),
        cmocka_unit_test(samples_before_the_first_mark_have_the_stamp_of_the_one_before),
        cmocka_unit_test(batches_of_any_size_take_whole_samples),
        cmocka_unit_test(what_is_cut_off_by_the_tail_is_refused_and_nothing_behind_it_is_read),
        cmocka_unit_test(a_trace_lies_behind_its_sample_and_behind_its_amounts),
        cmocka_unit_test(what_can_be_no_trace_is_refused_whole),
        cmocka_unit_test(amounts_beyond_64_bits_stand_still),
        cmocka_unit_test(random_words_break_no_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
