/* SPDX-License-Identifier: Apache-2.0 */
/* When a spill block was read whole: states built by hand. See peer/fold.h. */
#include "peer/fold.h"

#include <string.h>

#include "support/check.h"
#include "support/place.h"

#define CELL (SR_SPILL_CELLS + 7u)

static struct sr_fold fold;
static struct sr_producer_line_shm line;

static uint64_t key_of(uint64_t value, uint64_t flags, uint64_t turn)
{
    return value << SR_REDO_VALUE_SHIFT | flags | (uint64_t)CELL << SR_REDO_WORD_SHIFT | turn;
}

/* The third sample of a cell, with a cost: all of it is in the block, and was read. */
static uint64_t set_whole(void)
{
    memset(&fold, 0, sizeof fold);
    memset(&line, 0, sizeof line);
    fold.words = SR_SPILL_WORDS_SMALL;
    fold.cells = 192;
    fold.now[CELL] = 3;
    fold.now[SR_SPILL_COST] = 50;
    fold.now[SR_SPILL_SAVINGS] = 60;
    fold.now[SR_SPILL_SUM] = 9000;
    atomic_store(&line.redo_sum, 2 * 9000 | SR_REDO_TURN);
    atomic_store(&line.redo_cost, 50);
    atomic_store(&line.redo_savings, 60);
    atomic_store(&line.redo_key, key_of(3, SR_REDO_COST, SR_REDO_TURN));
    return atomic_load(&line.redo_key);
}

static void what_the_record_names_and_the_block_has_is_whole(void **state)
{
    (void)state;
    CHECK(sr_fold_is_whole(&fold, &line, set_whole()));
}

static void each_thing_that_is_missing_makes_it_not_whole(void **state)
{
    (void)state;
    uint64_t key = set_whole();
    fold.now[CELL] = 2;
    CHECK(!sr_fold_is_whole(&fold, &line, key));
    key = set_whole();
    fold.now[SR_SPILL_COST] = 49;
    CHECK(!sr_fold_is_whole(&fold, &line, key));
    key = set_whole();
    fold.now[SR_SPILL_SAVINGS] = 0;
    CHECK(!sr_fold_is_whole(&fold, &line, key));
}

/* The line was read before the commit, the cells after it: all is there but the duration. */
static void a_sum_that_was_read_too_early_makes_it_not_whole(void **state)
{
    (void)state;
    const uint64_t key = set_whole();
    fold.now[SR_SPILL_SUM] = 8000;
    CHECK(!sr_fold_is_whole(&fold, &line, key));
}

static void an_update_that_is_not_committed_or_was_followed_by_another_is_not_whole(void **state)
{
    (void)state;
    const uint64_t key = set_whole();
    CHECK(!sr_fold_is_whole(&fold, &line, key ^ SR_REDO_TURN));
    atomic_store(&line.redo_sum, 2 * 9500);
    CHECK(!sr_fold_is_whole(&fold, &line, key));
}

static void nobodys_record_is_whole_when_the_sum_is_there(void **state)
{
    (void)state;
    (void)set_whole();
    CHECK(sr_fold_is_whole(&fold, &line, SR_REDO_TURN));
    fold.now[SR_SPILL_SUM] = 1;
    CHECK(!sr_fold_is_whole(&fold, &line, SR_REDO_TURN));
}

static void a_record_that_points_outside_of_the_block_is_not_whole(void **state)
{
    (void)state;
    (void)set_whole();
    CHECK(
        !sr_fold_is_whole(&fold, &line, SR_REDO_TURN | (uint64_t)SR_SPILL_WORDS_SMALL << SR_REDO_WORD_SHIFT));
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_record_names_and_the_block_has_is_whole),
        cmocka_unit_test(each_thing_that_is_missing_makes_it_not_whole),
        cmocka_unit_test(a_sum_that_was_read_too_early_makes_it_not_whole),
        cmocka_unit_test(an_update_that_is_not_committed_or_was_followed_by_another_is_not_whole),
        cmocka_unit_test(nobodys_record_is_whole_when_the_sum_is_there),
        cmocka_unit_test(a_record_that_points_outside_of_the_block_is_not_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
