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
        cmocka_unit_test(amounts_beyond_64_bits_stand_still),
        cmocka_unit_test(random_words_break_no_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
