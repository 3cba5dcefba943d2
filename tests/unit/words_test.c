/* SPDX-License-Identifier: Apache-2.0 */
/* Which durable words exist, G1 to G3 of protocol/words.h, on a real stats segment. */
#include "protocol/words.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "protocol/stats_segment.h"
#include "support/check.h"
#include "support/faults.h"
#include "support/place.h"

static struct sr_map map;
static struct sr_words words;

static int open_words(void **state)
{
    (void)state;
    memset(&map, 0, sizeof map);
    faults_arm(0, 0, 0);
    return sr_stats_segment_make(&map, place_new_store(), 0600, (gid_t)-1) != SLIPRING_OK ||
           sr_words_open(&words, &map) != SLIPRING_OK;
}

static int close_words(void **state)
{
    (void)state;
    faults_arm(0, 0, 0);
    sr_words_close(&words);
    sr_map_unmap(&map);
    return 0;
}

static void areas_lie_one_behind_the_other(void **state)
{
    (void)state;
    CHECK_EQUAL(SR_WORD(store, 0, 0), 0);
    CHECK_EQUAL(SR_WORD(book, 0, 0), 512);
    CHECK_EQUAL(SR_WORD(book, SR_PRIMITIVE_MAX - 1, 4095) + 1, SR_WORD(ring, 0, 0));
    CHECK_EQUAL(SR_WORD(exemplar, SR_PRIMITIVE_MAX - 1, SR_WORDS_PER_exemplar - 1) + 1, SR_WORD_COUNT);
}

static void a_word_that_does_not_exist_reads_as_zero_and_takes_no_memory(void **state)
{
    (void)state;
    uint64_t values[1000];
    memset(values, 1, sizeof values);
    CHECK(!sr_words_exist(&words, SR_WORD(book, 3, 0)));
    CHECK_EQUAL(sr_words_get(&words, SR_WORD(book, 3, 0)), 0);
    sr_words_read(&words, SR_WORD(book, 3, 100), 1000, values);
    for (uint32_t i = 0; i < 1000; i++) {
        CHECK_EQUAL(values[i], 0);
    }
    CHECK(!sr_words_exist(&words, SR_WORD(book, 3, 100)));
}

static void a_reserved_word_exists_with_its_page_and_no_more(void **state)
{
    (void)state;
    CHECK_OK(sr_words_reserve(&words, SR_WORD(book, 3, 600), 1));
    CHECK(sr_words_exist(&words, SR_WORD(book, 3, 512)));
    CHECK(sr_words_exist(&words, SR_WORD(book, 3, 1023)));
    CHECK(!sr_words_exist(&words, SR_WORD(book, 3, 511)));
    CHECK(!sr_words_exist(&words, SR_WORD(book, 3, 1024)));
}

static void reserving_again_asks_the_kernel_nothing(void **state)
{
    (void)state;
    CHECK_OK(sr_words_reserve(&words, SR_WORD(book, 3, 0), 4096));
    faults_arm(0, 0, 0);
    CHECK_OK(sr_words_reserve(&words, SR_WORD(book, 3, 0), 4096));
    CHECK_OK(sr_words_reserve(&words, SR_WORD(book, 3, 7), 1));
    CHECK_EQUAL(faults_calls(), 0);
}

/* G1 */
static void a_refused_reservation_leaves_everything_as_it_was(void **state)
{
    (void)state;
    faults_arm(0, 1, ENOSPC);
    CHECK_STATUS(sr_words_reserve(&words, SR_WORD(slice, 9, 0), 1024), SLIPRING_NO_SPACE);
    CHECK(!sr_words_exist(&words, SR_WORD(slice, 9, 0)));
    CHECK_EQUAL(words.refusals, 1);
}

/* G3 */
static void after_a_refusal_the_kernel_is_asked_again_only_when_told(void **state)
{
    (void)state;
    faults_arm(0, 1, ENOSPC);
    CHECK_STATUS(sr_words_reserve(&words, SR_WORD(slice, 9, 0), 1), SLIPRING_NO_SPACE);
    faults_arm(0, 0, 0);
    CHECK_STATUS(sr_words_reserve(&words, SR_WORD(slice, 9, 0), 1), SLIPRING_NO_SPACE);
    CHECK_STATUS(sr_words_reserve(&words, SR_WORD(book, 1, 0), 1), SLIPRING_NO_SPACE);
    CHECK_EQUAL(faults_calls(), 0);
    sr_words_retry(&words);
    CHECK_OK(sr_words_reserve(&words, SR_WORD(slice, 9, 0), 1));
}

/* G2 */
static void what_was_written_is_found_again_by_the_next_agent(void **state)
{
    (void)state;
    CHECK_OK(sr_words_reserve(&words, SR_WORD(book, 7, 0), 1024));
    CHECK_OK(sr_words_reserve(&words, SR_WORD(slice, SR_PRIMITIVE_MAX - 1, 8191), 1));
    words.base[SR_WORD(book, 7, 3)] = 33;
    words.base[SR_WORD(slice, SR_PRIMITIVE_MAX - 1, 8191)] = 44;
    struct sr_words next;
    CHECK_OK(sr_words_open(&next, &map));
    CHECK_EQUAL(sr_words_get(&next, SR_WORD(book, 7, 3)), 33);
    CHECK_EQUAL(sr_words_get(&next, SR_WORD(slice, SR_PRIMITIVE_MAX - 1, 8191)), 44);
    CHECK_EQUAL(sr_words_get(&next, SR_WORD(book, 8, 0)), 0);
    CHECK(!sr_words_exist(&next, SR_WORD(book, 8, 0)));
    sr_words_close(&next);
}

static void clearing_zeroes_what_exists_within_the_range_alone(void **state)
{
    (void)state;
    CHECK_OK(sr_words_reserve(&words, SR_WORD(ring, 0, 0), 1024));
    for (uint32_t i = 0; i < 1024; i++) {
        words.base[SR_WORD(ring, 0, i)] = 5;
    }
    sr_words_clear(&words, SR_WORD(ring, 0, 1), 100000);
    CHECK_EQUAL(words.base[SR_WORD(ring, 0, 0)], 5);
    CHECK_EQUAL(words.base[SR_WORD(ring, 0, 1)], 0);
    CHECK_EQUAL(words.base[SR_WORD(ring, 0, 1023)], 0);
    CHECK(!sr_words_exist(&words, SR_WORD(ring, 0, 1024)));
}

static uint64_t memory_of_file(void)
{
    struct stat st;
    CHECK_EQUAL(stat(map.path, &st), 0);
    return (uint64_t)st.st_blocks * 512;
}

/* G1, G2 */
static void pages_of_zeros_go_back_to_the_file_system_and_others_stay(void **state)
{
    (void)state;
    const uint32_t first = SR_WORD(copy_small, 3, 0);
    CHECK_OK(sr_words_reserve(&words, first, 5 * SR_WORDS_PER_PAGE));
    words.base[first + 2 * SR_WORDS_PER_PAGE + 511] = 1;
    words.base[first + 4 * SR_WORDS_PER_PAGE] = 7;
    words.base[first + 4 * SR_WORDS_PER_PAGE] = 0;
    const uint64_t before = memory_of_file();
    CHECK_EQUAL(sr_words_return(&words, first + SR_WORDS_PER_PAGE, 4 * SR_WORDS_PER_PAGE), 3);
    CHECK_EQUAL(before - memory_of_file(), 3 * SR_PAGE_BYTES);
    CHECK(sr_words_exist(&words, first)); /* not asked for */
    CHECK(!sr_words_exist(&words, first + SR_WORDS_PER_PAGE));
    CHECK(sr_words_exist(&words, first + 2 * SR_WORDS_PER_PAGE));
    CHECK(!sr_words_exist(&words, first + 4 * SR_WORDS_PER_PAGE));
    CHECK_EQUAL(sr_words_get(&words, first + 4 * SR_WORDS_PER_PAGE), 0);
    CHECK_EQUAL(sr_words_return(&words, first + SR_WORDS_PER_PAGE, 4 * SR_WORDS_PER_PAGE),
                0); /* as after a kill */
    CHECK_OK(sr_words_reserve(&words, first, 5 * SR_WORDS_PER_PAGE));
    CHECK_EQUAL(words.base[first + 4 * SR_WORDS_PER_PAGE], 0);
    CHECK_EQUAL(memory_of_file(), before);
}

static void pages_that_cannot_be_given_back_stay(void **state)
{
    (void)state;
    const uint32_t first = SR_WORD(copy_small, 3, 0);
    CHECK_OK(sr_words_reserve(&words, first, 2 * SR_WORDS_PER_PAGE));
    faults_arm(0, 1000, EOPNOTSUPP);
    CHECK_EQUAL(sr_words_return(&words, first, 2 * SR_WORDS_PER_PAGE), 0);
    faults_arm(0, 0, 0);
    CHECK(sr_words_exist(&words, first));
    CHECK(!words.is_refused);
}

static int run(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_words, close_words)
    const struct CMUnitTest tests[] = {
        TEST(areas_lie_one_behind_the_other),
        TEST(a_word_that_does_not_exist_reads_as_zero_and_takes_no_memory),
        TEST(a_reserved_word_exists_with_its_page_and_no_more),
        TEST(reserving_again_asks_the_kernel_nothing),
        TEST(a_refused_reservation_leaves_everything_as_it_was),
        TEST(after_a_refusal_the_kernel_is_asked_again_only_when_told),
        TEST(what_was_written_is_found_again_by_the_next_agent),
        TEST(clearing_zeroes_what_exists_within_the_range_alone),
        TEST(pages_of_zeros_go_back_to_the_file_system_and_others_stay),
        TEST(pages_that_cannot_be_given_back_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
