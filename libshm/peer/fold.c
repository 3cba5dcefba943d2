/* SPDX-License-Identifier: Apache-2.0 */
/* Differences of a spill block: see fold.h. */
#include "peer/fold.h"

#include <string.h>

#include "pure/money.h"
#include "pure/wide.h"

#define SUM_MASK (UINT64_MAX >> 1) /* a line has that much of its sum */

static uint64_t load(const _Atomic uint64_t *word)
{
    /* acquire: pairs with the release of the rest after its cell (spill.h G2); keeps the cells' loads last (G1) */
    return atomic_load_explicit(word, memory_order_acquire);
}

/* Is every duration in the sum one whose sample was in its cell when the cells were read? */
static bool has_its_cell(const struct sr_fold *fold, const struct sr_spill_stand *stand)
{
    const uint32_t word = sr_spill_key_word(stand->key);
    return !stand->is_committed || word == 0 ||
           (word < fold->words && sr_spill_lacks(stand->key, fold->now[word]) <= 0);
}

void sr_fold_read(struct sr_fold *fold, const _Atomic uint64_t *block,
                  const struct sr_producer_line_shm *line, const struct sr_words *words)
{
    struct sr_spill_stand stand;
    sr_words_read(words, fold->first_copy, fold->words, fold->copy);
    const bool has_stand = line && sr_spill_read_stand(line, &stand);
    for (uint32_t i = 0; i < SR_SPILL_CELLS; i++) {
        fold->now[i] = load(&block[i]);
    }
    /* These two commit an update as cells do. */
    fold->now[SR_SPILL_AMOUNTS] = load(&block[SR_SPILL_AMOUNTS]);
    fold->now[SR_SPILL_CANCELS] = load(&block[SR_SPILL_CANCELS]);
    for (uint32_t i = SR_SPILL_CELLS; i < fold->words; i++) {
        fold->now[i] = load(&block[i]);
    }
    if (line) {
        /* Not: the owner is too busy to be read, or in the middle of an update whose cell was not there yet. The next look has it. */
        const bool is_there = has_stand && has_its_cell(fold, &stand);
        fold->now[SR_SPILL_SUM] =
            fold->copy[SR_SPILL_SUM] + (is_there ? (stand.sum - fold->copy[SR_SPILL_SUM]) & SUM_MASK : 0);
    }
}

static uint64_t grown(const struct sr_fold *fold, uint32_t word)
{
    return fold->now[word] - fold->copy[word];
}

/* Counters that grow by one at a time. */
static bool are_possible(const struct sr_fold *fold, uint64_t most)
{
    static const uint8_t counters[] = {SR_SPILL_ENDED,   SR_SPILL_CLAMPED,    SR_SPILL_AMOUNTS,
                                       SR_SPILL_CANCELS, SR_SPILL_BOUND_LOST, SR_SPILL_ENTER,
                                       SR_SPILL_EXIT};
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(counters); i++) {
        if (grown(fold, counters[i]) > most) {
            return false;
        }
    }
    for (uint32_t i = 0; i < SR_SPILL_BOUND_MAX; i++) {
        if (grown(fold, SR_SPILL_BOUNDS + 2 * i + 1) > most) {
            return false;
        }
    }
    for (uint32_t i = SR_SPILL_CELLS; i < SR_SPILL_CELLS + 2 * fold->cells; i++) {
        if (grown(fold, i) > most) {
            return false;
        }
    }
    return true;
}

/* Amounts that are not backwards: more than half of a word is one only when there are samples enough to have made it. A count
 * may be ahead of its amounts (G1), so below that they are not compared. */
static bool are_possible_amounts(const struct sr_fold *fold, uint64_t samples)
{
    const sr_wide most = (sr_wide)samples * SLIPRING_AMOUNT_MAX;
    for (uint32_t i = SR_SPILL_COST; i < SR_SPILL_SAVINGS + SLIPRING_CATEGORY_COUNT; i++) {
        if (grown(fold, i) > UINT64_MAX / 2 && grown(fold, i) > most) {
            return false;
        }
    }
    return true;
}

static uint64_t tally_cells(const struct sr_fold *fold, uint32_t first, struct sr_tally *tally)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < fold->cells; i++) {
        const uint64_t count = grown(fold, first + i);
        if (count) {
            sr_tally_cell(tally, fold->base + i, count);
            sum += count;
        }
    }
    return sum;
}

static void tally_bounds(const struct sr_fold *fold, const struct sr_tally_bounds *bounds,
                         struct sr_tally *tally)
{
    for (uint32_t i = 0; i < SR_SPILL_BOUND_MAX; i++) {
        const uint64_t bound_ns = fold->now[SR_SPILL_BOUNDS + 2 * i];
        const uint64_t count = grown(fold, SR_SPILL_BOUNDS + 2 * i + 1);
        if (count == 0 || bound_ns == 0 || bound_ns > SR_DURATION_MAX_NS) {
            continue;
        }
        const int slot = sr_bound_slot(bounds->ns, bounds->count, bound_ns); /* G3 */
        if (slot >= 0) {
            tally->slots[slot] += count;
        }
    }
}

static void tally_amounts(const struct sr_fold *fold, struct sr_tally *tally)
{
    bool is_saturated =
        false; /* what reaches UINT64_MAX here takes the book's sum there, and is counted then */
    for (uint32_t i = 0; i < SLIPRING_CATEGORY_COUNT; i++) {
        tally->cost[i] = sr_money_add(tally->cost[i], grown(fold, SR_SPILL_COST + i), &is_saturated);
        tally->savings[i] = sr_money_add(tally->savings[i], grown(fold, SR_SPILL_SAVINGS + i), &is_saturated);
    }
}

bool sr_fold_tally(const struct sr_fold *fold, uint64_t most, const struct sr_tally_bounds *bounds,
                   struct sr_tally *tally)
{
    if (!are_possible(fold, most)) {
        return false;
    }
    const uint64_t successes = tally_cells(fold, SR_SPILL_CELLS, tally);
    const uint64_t failures = tally_cells(fold, SR_SPILL_CELLS + fold->cells, tally);
    if (!are_possible_amounts(fold, successes + failures + grown(fold, SR_SPILL_AMOUNTS))) {
        return false;
    }
    tally->executions += successes + failures;
    tally->failures += failures;
    tally->spilled += successes + failures;
    tally->spilled_others += grown(fold, SR_SPILL_AMOUNTS) + grown(fold, SR_SPILL_CANCELS);
    tally->ended += grown(fold, SR_SPILL_ENDED);
    tally->clamped += grown(fold, SR_SPILL_CLAMPED);
    tally->bound_lost += grown(fold, SR_SPILL_BOUND_LOST);
    tally->sum += grown(fold, SR_SPILL_SUM); /* modulo 2^64 on purpose: the block's sum wraps */
    if (fold->now[SR_SPILL_MIN] <= fold->now[SR_SPILL_MAX] && fold->now[SR_SPILL_MAX] <= SR_DURATION_MAX_NS) {
        tally->min = fold->now[SR_SPILL_MIN] < tally->min ? fold->now[SR_SPILL_MIN] : tally->min;
        tally->max = fold->now[SR_SPILL_MAX] > tally->max ? fold->now[SR_SPILL_MAX] : tally->max;
    }
    tally_bounds(fold, bounds, tally);
    tally_amounts(fold, tally);
    return true;
}

uint64_t sr_fold_executions(const struct sr_fold *fold)
{
    uint64_t sum = 0;
    for (uint32_t i = SR_SPILL_CELLS; i < SR_SPILL_CELLS + 2 * fold->cells; i++) {
        sum += grown(fold, i);
    }
    return sum;
}

static uint64_t grown_possibly(const struct sr_fold *fold, uint32_t word, uint64_t most)
{
    const uint64_t count = grown(fold, word);
    return count <= most ? count : 0;
}

uint64_t sr_fold_left(const struct sr_fold *fold, uint64_t most)
{
    sr_wide sum = grown_possibly(fold, SR_SPILL_AMOUNTS, most); /* wide: hundreds of words, each up to most */
    sum += grown_possibly(fold, SR_SPILL_CANCELS, most);
    for (uint32_t i = SR_SPILL_CELLS; i < SR_SPILL_CELLS + 2 * fold->cells; i++) {
        sum += grown_possibly(fold, i, most);
    }
    return sum <= most ? (uint64_t)sum : 0;
}

void sr_fold_book(const struct sr_fold *fold, struct sr_batch *batch)
{
    for (uint32_t i = 0; i < fold->words; i++) {
        if (fold->now[i] != fold->copy[i] && i != SR_SPILL_MIN &&
            i != SR_SPILL_MAX) { /* these two: by value */
            sr_batch_set(batch, fold->first_copy + i, fold->now[i]);
        }
    }
}

void sr_fold_book_wiped(const struct sr_fold *fold, struct sr_batch *batch)
{
    for (uint32_t i = SR_SPILL_BOUNDS; i < SR_SPILL_BOUNDS + 2 * SR_SPILL_BOUND_MAX; i++) {
        if (fold->now[i] != 0 || fold->copy[i] != 0) {
            sr_batch_set(batch, fold->first_copy + i, 0);
        }
    }
}

bool sr_fold_is_whole(const struct sr_fold *fold, const struct sr_producer_line_shm *line, uint64_t key)
{
    const uint32_t word = sr_spill_key_word(key);
    const uint64_t sum = load(&line->redo_sum);
    if (((key ^ sum) & SR_REDO_TURN) != 0 || ((sum >> 1 ^ fold->now[SR_SPILL_SUM]) & SUM_MASK) != 0) {
        return false;
    }
    if (word == 0) {
        return true; /* nobody's: all of it is there */
    }
    if (word >= fold->words || sr_spill_lacks(key, fold->now[word]) > 0) {
        return false;
    }
    /* The commit was there; is the rest? Compared one by one: a cost may be missing while an end is there. */
    struct sr_spill_rest rest;
    sr_spill_rest_of(line, key, &rest);
    for (uint32_t i = 0; i < rest.count; i++) {
        if (fold->now[rest.item[i].word] != load(rest.item[i].noted)) {
            return false;
        }
    }
    return true;
}
