/* SPDX-License-Identifier: Apache-2.0 */
/* An agent that reads a spill block while its owner goes on: at every instruction of its look the owner does any number of stores.
 * protocol/spill.h G2 and G3, peer/fold.h G1. What is folded, look by look, has every sample from before the look, never a duration or a
 * cost without its sample, and is exact once the owner rests. */
#include "peer/fold.h"

#include <string.h>

#include "support/check.h"
#include "support/place.h"
#include "support/trap.h"

#define MS    UINT64_C(1000000)
#define COST  UINT64_C(7)
#define WORDS SR_SPILL_WORDS_SMALL

/* Stores of one update, in the order of spill.h: key, two that are noted, sum, cell, two in the block. */
#define STORES 7u

static struct sr_producer_line_shm line;
static _Atomic uint64_t block[WORDS];
static uint64_t durable[WORDS];
static uint64_t exists[(SR_WORD_PAGES + 63) / 64];
static struct sr_words words = {.base = durable, .exists = exists};
static struct sr_fold fold;

/* --- the owner, one store at a time -------------------------------------------------------------------------------------------- */

static uint32_t stored; /* since the beginning */
static uint32_t cells;  /* which its updates go to, in turns */

static uint32_t cell_of(uint32_t update)
{
    return SR_SPILL_CELLS + update % cells;
}

static uint64_t key_of(uint32_t update)
{
    return (uint64_t)(update / cells + 1) << SR_REDO_VALUE_SHIFT | SR_REDO_COST |
           (uint64_t)cell_of(update) << SR_REDO_WORD_SHIFT | ((update + 1) & SR_REDO_TURN);
}

static void store_next(void)
{
    const uint32_t update = stored / STORES;
    const uint64_t costs = (update + 1) * COST;
    switch (stored++ % STORES) {
    case 0:
        atomic_store(&line.redo_key, key_of(update));
        break;
    case 1:
        atomic_store(&line.redo_cost, costs);
        break;
    case 2:
        atomic_store(&line.redo_savings, 2 * costs);
        break;
    case 3:
        atomic_store(&line.redo_sum, 2 * (update + 1) * MS | ((update + 1) & SR_REDO_TURN));
        break;
    case 4:
        atomic_store(&block[cell_of(update)], update / cells + 1);
        break;
    case 5:
        atomic_store(&block[SR_SPILL_COST], costs);
        break;
    default:
        atomic_store(&block[SR_SPILL_SAVINGS], 2 * costs);
        break;
    }
}

static void store_some(uint32_t count)
{
    while (count-- > 0) {
        store_next();
    }
}

/* --- the agent ------------------------------------------------------------------------------------------------------------------- */

static uint64_t folded_key;

static uint64_t folded_samples(void)
{
    return durable[SR_SPILL_CELLS] + durable[SR_SPILL_CELLS + 1];
}

/* One visit, as agent/drain/intake.c makes it. */
static void look(void *unused)
{
    (void)unused;
    const uint64_t key = atomic_load(&line.redo_key);
    if (key == folded_key) {
        return;
    }
    sr_fold_read(&fold, block, &line, &words);
    if (sr_fold_is_whole(&fold, &line, key)) {
        folded_key = key;
    }
    memcpy(durable, fold.now, sizeof durable);
}

static void expect_no_figure_without_its_sample(void)
{
    const uint64_t samples = folded_samples();
    CHECK(durable[SR_SPILL_SUM] <= samples * MS);
    CHECK(durable[SR_SPILL_COST] <= samples * COST);
    CHECK(durable[SR_SPILL_SAVINGS] <= 2 * samples * COST);
}

static void expect_everything(uint64_t samples)
{
    CHECK_EQUAL(folded_samples(), samples);
    CHECK_EQUAL(durable[SR_SPILL_SUM], samples * MS);
    CHECK_EQUAL(durable[SR_SPILL_COST], samples * COST);
    CHECK_EQUAL(durable[SR_SPILL_SAVINGS], 2 * samples * COST);
}

/* --- rounds ------------------------------------------------------------------------------------------------------------------------ */

static void begin(uint32_t cell_count, uint32_t stores)
{
    memset(&line, 0, sizeof line);
    memset(block, 0, sizeof block);
    memset(durable, 0, sizeof durable);
    memset(exists, 0xff, sizeof exists);
    fold.words = WORDS;
    fold.cells = 192;
    cells = cell_count;
    folded_key = 0;
    stored = 0;
    store_some(stores);
}

static uint32_t burst;

static void store_burst(void *unused)
{
    (void)unused;
    store_some(burst);
}

/* A look whose nth instruction finds `burst` more stores than the ones before. Then the owner finishes, and rests. */
static void race(uint32_t nth, uint32_t cell_count, uint32_t before)
{
    begin(cell_count, before);
    (void)trap_at(look, store_burst, NULL, nth);
    expect_no_figure_without_its_sample();
    CHECK(folded_samples() >= before / STORES);
    while (stored % STORES != 0) {
        store_next();
    }
    look(NULL);
    look(NULL);
    expect_everything(stored / STORES);
}

static void a_look_may_meet_any_number_of_stores_at_any_instruction(void **state)
{
    (void)state;
    if (!trap_is_possible()) {
        print_message("no stepping in this build: not tried\n");
        return;
    }
    begin(1, STORES);
    const uint32_t count = trap_learn(look, NULL);
    const uint32_t stride = count / 200 + 1;
    for (uint32_t nth = 0; nth < count; nth += stride) {
        for (uint32_t before = STORES; before < 2 * STORES; before++) {
            for (burst = 1; burst <= 2 * STORES + 1; burst++) {
                race(nth, 1 + burst % 2, before);
            }
        }
    }
    print_message("%u instructions\n", count);
}

/* What a look finds in the key and the sum, and in the cell, when its owner went on between the two. */
static void a_sum_is_folded_though_its_owner_has_gone_on_in_the_same_cell(void **state)
{
    (void)state;
    begin(1, 3 * STORES);
    const uint64_t values[] = {3, 4, 1000, UINT64_C(1) << 35};
    for (size_t i = 0; i < SR_ARRAY_COUNT(values); i++) {
        durable[SR_SPILL_SUM] = 0;
        atomic_store(&block[SR_SPILL_CELLS], values[i]);
        sr_fold_read(&fold, block, &line, &words);
        CHECK_EQUAL(fold.now[SR_SPILL_SUM], 3 * MS);
    }
    atomic_store(&block[SR_SPILL_CELLS], 2); /* committed, but not there yet */
    sr_fold_read(&fold, block, &line, &words);
    CHECK_EQUAL(fold.now[SR_SPILL_SUM], 0);
}

/* The key has 36 bits of the value, the line 63 of the sum. */
static void a_value_beyond_36_bits_and_a_sum_beyond_63_are_folded(void **state)
{
    (void)state;
    begin(1, STORES);
    const uint64_t value = UINT64_C(1) << 36;
    for (uint64_t past = 0; past < 3; past++) {
        atomic_store(&block[SR_SPILL_CELLS], value + past);
        atomic_store(&line.redo_key, value << SR_REDO_VALUE_SHIFT | SR_SPILL_CELLS << SR_REDO_WORD_SHIFT);
        atomic_store(&line.redo_sum, 2 * UINT64_C(5));
        durable[SR_SPILL_SUM] = (UINT64_C(1) << 63) - 10 + (UINT64_C(1) << 63) * past;
        sr_fold_read(&fold, block, &line, &words);
        CHECK_EQUAL(fold.now[SR_SPILL_SUM] - fold.copy[SR_SPILL_SUM], 15);
    }
    atomic_store(&block[SR_SPILL_CELLS], value - 1);
    sr_fold_read(&fold, block, &line, &words);
    CHECK_EQUAL(fold.now[SR_SPILL_SUM], fold.copy[SR_SPILL_SUM]);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_look_may_meet_any_number_of_stores_at_any_instruction),
        cmocka_unit_test(a_sum_is_folded_though_its_owner_has_gone_on_in_the_same_cell),
        cmocka_unit_test(a_value_beyond_36_bits_and_a_sum_beyond_63_are_folded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
