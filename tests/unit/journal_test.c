/* SPDX-License-Identifier: Apache-2.0 */
/* All or nothing, G1 to G4 of protocol/journal.h: on a real stats segment, with each state that a kill leaves built by
 * hand, and with real kills where crash points are compiled in. */
#include "protocol/journal.h"

#include <signal.h>
#include <string.h>

#include "base/crashpoint.h"
#include "protocol/stats_segment.h"
#include "support/check.h"
#include "support/child.h"
#include "support/place.h"

#define WORDS 2000u
#define W(i)  SR_WORD(book, 1, (i))

static struct sr_map map;
static struct sr_words words;
static struct sr_batch batch;

static int open_batch(void **state)
{
    (void)state;
    memset(&map, 0, sizeof map);
    return sr_stats_segment_make(&map, place_new_store(), 0600, (gid_t)-1) != SLIPRING_OK ||
           sr_words_open(&words, &map) != SLIPRING_OK ||
           sr_words_reserve(&words, W(0), WORDS) != SLIPRING_OK ||
           sr_batch_open(&batch, &words, sr_stats_segment_journal(map.base)) != SLIPRING_OK;
}

static int close_batch(void **state)
{
    (void)state;
    sr_batch_close(&batch);
    sr_words_close(&words);
    sr_map_unmap(&map);
    return 0;
}

/* What the next agent does first. */
static enum slipring_status replay(uint32_t *out_pairs)
{
    sr_batch_close(&batch);
    CHECK_OK(sr_batch_open(&batch, &words, sr_stats_segment_journal(map.base)));
    return sr_batch_replay(&batch, out_pairs);
}

static void words_change_at_the_commit_and_not_before(void **state)
{
    (void)state;
    sr_batch_set(&batch, W(1), 10);
    sr_batch_add(&batch, W(2), 5);
    CHECK_EQUAL(words.base[W(1)], 0);
    CHECK_EQUAL(words.base[W(2)], 0);
    sr_batch_commit(&batch);
    CHECK_EQUAL(words.base[W(1)], 10);
    CHECK_EQUAL(words.base[W(2)], 5);
    sr_batch_clear(&batch);
    CHECK_EQUAL(batch.journal->committed, 0);
}

/* G2 */
static void a_batch_reads_its_own_writes(void **state)
{
    (void)state;
    words.base[W(3)] = 100;
    CHECK_EQUAL(sr_batch_get(&batch, W(3)), 100);
    sr_batch_add(&batch, W(3), 1);
    sr_batch_add(&batch, W(3), 2);
    CHECK_EQUAL(sr_batch_get(&batch, W(3)), 103);
    sr_batch_set(&batch, W(3), 7);
    sr_batch_add(&batch, W(3), 1);
    CHECK_EQUAL(sr_batch_get(&batch, W(3)), 8);
    CHECK_EQUAL(batch.count, 1);
    CHECK_EQUAL(words.base[W(3)], 100);
}

static void the_next_batch_starts_from_what_the_last_one_made(void **state)
{
    (void)state;
    for (uint64_t round = 1; round <= 5; round++) {
        sr_batch_add(&batch, W(4), round);
        sr_batch_commit(&batch);
        sr_batch_clear(&batch);
    }
    CHECK_EQUAL(words.base[W(4)], 15);
    CHECK_EQUAL(batch.commits, 5);
}

static void a_batch_that_is_cleared_without_a_commit_never_happened(void **state)
{
    (void)state;
    sr_batch_set(&batch, W(5), 1);
    sr_batch_clear(&batch);
    CHECK_EQUAL(sr_batch_get(&batch, W(5)), 0);
    sr_batch_commit(&batch);
    CHECK_EQUAL(batch.commits, 0);
    CHECK_EQUAL(words.base[W(5)], 0);
}

static void a_full_journal_holds_each_of_its_words(void **state)
{
    (void)state;
    CHECK_OK(sr_words_reserve(&words, SR_WORD(slice, 0, 0), SR_JOURNAL_PAIRS));
    for (uint32_t i = 0; i < SR_JOURNAL_PAIRS; i++) {
        CHECK_EQUAL(sr_batch_room(&batch), SR_JOURNAL_PAIRS - i);
        sr_batch_set(&batch, SR_WORD(slice, 0, i), i + 1);
    }
    CHECK_EQUAL(sr_batch_room(&batch), 0);
    for (uint32_t i = 0; i < SR_JOURNAL_PAIRS; i++) {
        CHECK_EQUAL(sr_batch_get(&batch, SR_WORD(slice, 0, i)), i + 1);
    }
    sr_batch_commit(&batch);
    for (uint32_t i = 0; i < SR_JOURNAL_PAIRS; i++) {
        CHECK_EQUAL(words.base[SR_WORD(slice, 0, i)], i + 1);
    }
}

/* Rounds are told apart by 16 bits: a word that was last in the batch 65,535 or 65,536 rounds ago is not in this one. */
static void old_places_stay_old_when_the_rounds_begin_anew(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 66000; round++) {
        for (uint32_t early = 0; round >= 65500 && early < 100; early++) {
            CHECK_EQUAL(sr_batch_get(&batch, W(early)), 1);
        }
        sr_batch_add(&batch, W(round < 100 ? round : 100), 1);
        sr_batch_commit(&batch);
        sr_batch_clear(&batch);
    }
}

/* --- what a kill leaves, by hand ------------------------------------------------------------------------------------------ */

/* G1 */
static void pairs_without_a_commit_are_discarded(void **state)
{
    (void)state;
    uint32_t pairs = 99;
    batch.journal->pairs[0] = (struct sr_journal_pair_shm){.word = W(1), .value = 5};
    CHECK_OK(replay(&pairs));
    CHECK_EQUAL(pairs, 0);
    CHECK_EQUAL(words.base[W(1)], 0);
}

/* G1 */
static void a_committed_journal_is_applied_wherever_applying_it_ended(void **state)
{
    (void)state;
    for (uint32_t applied = 0; applied <= 4; applied++) {
        uint32_t pairs = 0;
        for (uint32_t i = 0; i < 4; i++) {
            batch.journal->pairs[i] = (struct sr_journal_pair_shm){.word = W(10 + i), .value = 50 + i};
            words.base[W(10 + i)] = i < applied ? 50 + i : 1;
        }
        batch.journal->committed = 4;
        CHECK_OK(replay(&pairs));
        CHECK_EQUAL(pairs, 4);
        for (uint32_t i = 0; i < 4; i++) {
            CHECK_EQUAL(words.base[W(10 + i)], 50 + i);
        }
        CHECK_OK(replay(&pairs));
        CHECK_EQUAL(pairs, 0);
    }
}

/* G3 */
static void an_impossible_journal_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    uint32_t pairs = 99;
    batch.journal->pairs[0] = (struct sr_journal_pair_shm){.word = W(1), .value = 5};
    batch.journal->pairs[1] = (struct sr_journal_pair_shm){.word = SR_WORD_COUNT, .value = 5};
    batch.journal->committed = 2;
    CHECK_STATUS(replay(&pairs), SLIPRING_FOREIGN);
    CHECK_EQUAL(words.base[W(1)], 0);
    batch.journal->committed = SR_JOURNAL_PAIRS + UINT64_C(1);
    CHECK_STATUS(replay(&pairs), SLIPRING_FOREIGN);
    batch.journal->committed = UINT64_C(1) << 32;
    CHECK_STATUS(replay(&pairs), SLIPRING_FOREIGN);
    CHECK_EQUAL(pairs, 99);
}

/* --- and by real kills ---------------------------------------------------------------------------------------------------- */

/* Money goes round in a circle of accounts: its sum never changes, in any committed state. */
static void move_money_until_killed(void *point)
{
    sr_crashpoint_arm(*(const enum sr_crashpoint *)point, 1 + (uint32_t)(words.base[W(0)] % 50));
    for (uint32_t round = 0; round < 1000; round++) {
        sr_batch_add(&batch, W(0), 1); /* commits */
        for (uint32_t i = 1; i < 100; i++) {
            sr_batch_add(&batch, W(i), i);
        }
        sr_batch_add(&batch, W(100), -UINT64_C(4950));
        sr_batch_commit(&batch);
        sr_batch_clear(&batch);
    }
}

static void killed_at_any_point_all_of_a_batch_happened_or_none(void **state)
{
    (void)state;
    if (!SR_CRASHPOINTS_BUILT) {
        skip();
    }
    static const struct {
        enum sr_crashpoint point;
        uint64_t happened; /* 1: the batch of the kill counts */
    } kills[] = {{SR_CRASHPOINT_journal_filled, 0},
                 {SR_CRASHPOINT_journal_committed, 1},
                 {SR_CRASHPOINT_journal_half_applied, 1},
                 {SR_CRASHPOINT_journal_applied, 1}};
    uint64_t want = 0;
    for (uint32_t i = 0; i < 40; i++) {
        enum sr_crashpoint point = kills[i % 4].point;
        uint32_t pairs = 0;
        want += words.base[W(0)] % 50 + kills[i % 4].happened;
        child_dies_by(child_start(move_money_until_killed, &point), SIGKILL);
        CHECK_OK(replay(&pairs));
        CHECK_EQUAL(pairs, kills[i % 4].happened ? 101 : 0);
        CHECK_EQUAL(words.base[W(0)], want);
        uint64_t sum = 0;
        for (uint32_t account = 1; account <= 100; account++) {
            CHECK_EQUAL(words.base[W(account)], account < 100 ? account * want : -UINT64_C(4950) * want);
            sum += words.base[W(account)];
        }
        CHECK_EQUAL(sum, 0);
    }
}

static int run(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_batch, close_batch)
    const struct CMUnitTest tests[] = {
        TEST(words_change_at_the_commit_and_not_before),
        TEST(a_batch_reads_its_own_writes),
        TEST(the_next_batch_starts_from_what_the_last_one_made),
        TEST(a_batch_that_is_cleared_without_a_commit_never_happened),
        TEST(a_full_journal_holds_each_of_its_words),
        TEST(old_places_stay_old_when_the_rounds_begin_anew),
        TEST(pairs_without_a_commit_are_discarded),
        TEST(a_committed_journal_is_applied_wherever_applying_it_ended),
        TEST(an_impossible_journal_is_refused_and_changes_nothing),
        TEST(killed_at_any_point_all_of_a_batch_happened_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
