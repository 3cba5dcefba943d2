/* SPDX-License-Identifier: Apache-2.0 */
/* The spill block of one owner. G1 to G3: see protocol/spill.h. */
#include "protocol/spill.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "protocol/ring.h"
#include "support/check.h"
#include "support/child.h"
#include "support/ground.h"
#include "support/place.h"
#include "support/tally.h"
#include "support/trap.h"

#define MS    UINT64_C(1000000)
#define CELLS SR_BUCKET_COUNT

/* A full-width block and its line, in memory shared with children. */
struct stage {
    struct sr_producer_line_shm line;
    _Atomic uint64_t block[SR_SPILL_WORDS_FULL];
};

static struct stage *stage;
static struct sr_spill spill;

static int set_up(void **state)
{
    (void)ground_set_up(state);
    stage = child_share(sizeof *stage);
    sr_spill_open(&spill, stage->block, &stage->line, 0, CELLS, true);
    return 0;
}

static uint64_t word(uint32_t index)
{
    return atomic_load(&stage->block[index]);
}

static uint64_t sum(void)
{
    return atomic_load(&stage->line.redo_sum) >> 1;
}

/* A redo key by hand. */
static uint64_t key_of(uint64_t at, uint64_t value, uint64_t flags, uint64_t turn)
{
    return value << SR_REDO_VALUE_SHIFT | flags | at << SR_REDO_WORD_SHIFT | turn;
}

static uint64_t turn(void)
{
    return atomic_load(&stage->line.redo_sum) & SR_REDO_TURN;
}

static struct sr_spill_sample sample_of(uint64_t meta, uint64_t duration_ns, uint64_t cost, uint64_t savings)
{
    return (struct sr_spill_sample){meta, duration_ns, cost, savings};
}

static void book(uint64_t meta, uint64_t duration_ns, uint64_t cost, uint64_t savings, int bound)
{
    const struct sr_spill_sample sample = sample_of(meta, duration_ns, cost, savings);
    const uint64_t kind = meta & SR_SAMPLE_KIND_MASK;
    uint32_t at = SR_SPILL_CELLS + tally_bucket(duration_ns) + (meta & SR_SAMPLE_FAILURE ? CELLS : 0);
    at = kind == SR_KIND_AMOUNT ? SR_SPILL_AMOUNTS : kind == SR_KIND_CANCEL ? SR_SPILL_CANCELS : at;
    sr_spill_book(&spill, at, &sample, bound);
}

/* --- booking ------------------------------------------------------------------------------------------------------------------- */

static void an_execution_changes_its_cell_sum_and_extremes(void **state)
{
    (void)state;
    CHECK_EQUAL(word(SR_SPILL_MIN), UINT64_MAX);
    book(SR_KIND_EXECUTION, 5 * MS, 0, 0, -1);
    book(SR_KIND_EXECUTION | SR_SAMPLE_FAILURE, 3 * MS, 0, 0, -1);
    book(SR_KIND_EXECUTION, 5 * MS, 0, 0, -1);
    CHECK_EQUAL(word(SR_SPILL_CELLS + tally_bucket(5 * MS)), 2);
    CHECK_EQUAL(word(SR_SPILL_CELLS + CELLS + tally_bucket(3 * MS)), 1);
    CHECK_EQUAL(sum(), 13 * MS);
    CHECK_EQUAL(word(SR_SPILL_MIN), 3 * MS);
    CHECK_EQUAL(word(SR_SPILL_MAX), 5 * MS);
    CHECK_EQUAL(
        word(SR_SPILL_AMOUNTS) + word(SR_SPILL_CANCELS) + word(SR_SPILL_ENDED) + word(SR_SPILL_CLAMPED), 0);
}

static void amounts_cancels_ends_and_clamps_are_counted_apart(void **state)
{
    (void)state;
    book(SR_KIND_AMOUNT | 3 << SR_SAMPLE_CATEGORY_SHIFT, 0, 10, 20, -1);
    book(SR_KIND_AMOUNT | 15 << SR_SAMPLE_CATEGORY_SHIFT | SR_SAMPLE_CLAMPED, 0, 1, 0, -1);
    book(SR_KIND_CANCEL | SR_SAMPLE_ENDED, 0, 0, 0, -1);
    book(SR_KIND_EXECUTION | SR_SAMPLE_ENDED | 3 << SR_SAMPLE_CATEGORY_SHIFT, 0, 0, 5, -1);
    CHECK_EQUAL(word(SR_SPILL_AMOUNTS), 2);
    CHECK_EQUAL(word(SR_SPILL_CANCELS), 1);
    CHECK_EQUAL(word(SR_SPILL_ENDED), 2);
    CHECK_EQUAL(word(SR_SPILL_CLAMPED), 1);
    CHECK_EQUAL(word(SR_SPILL_COST + 3), 10);
    CHECK_EQUAL(word(SR_SPILL_SAVINGS + 3), 25);
    CHECK_EQUAL(word(SR_SPILL_COST + 15), 1);
    CHECK_EQUAL(word(SR_SPILL_CELLS), 1); /* the duration 0 has a bucket of its own */
    CHECK_EQUAL(word(SR_SPILL_MIN), 0);   /* of the execution, not of the amounts */
    CHECK_EQUAL(word(SR_SPILL_MAX), 0);
}

static void every_update_shows_in_the_redo_record_G3(void **state)
{
    (void)state;
    uint64_t last = atomic_load(&stage->line.redo_key);
    for (uint64_t i = 0; i < 2000; i++) {
        const uint64_t kinds[] = {SR_KIND_EXECUTION, SR_KIND_AMOUNT, SR_KIND_CANCEL | SR_SAMPLE_ENDED};
        book(kinds[i % 7 % 3], i % 5 * MS, i % 2, 0, -1);
        const uint64_t key = atomic_load(&stage->line.redo_key);
        CHECK(((key ^ last) & SR_REDO_TURN) != 0);
        CHECK_EQUAL(key & SR_REDO_TURN, atomic_load(&stage->line.redo_sum) & SR_REDO_TURN);
        CHECK_EQUAL(sr_spill_lacks(key, word(sr_spill_key_word(key))), 0);
        last = key;
    }
}

/* --- exact bounds ---------------------------------------------------------------------------------------------------------------- */

static void bounds_get_an_entry_each_and_keep_it(void **state)
{
    (void)state;
    const uint64_t bounds[] = {MS, 2 * MS, 3 * MS};
    ground_announce(0, bounds, 3);
    sr_spill_read_bounds(&spill.bounds, &ground, 0, 1);
    CHECK_EQUAL(spill.bounds.count, 3);
    CHECK_EQUAL(sr_spill_bound_entry(&spill, 2), 0); /* in the order of their first use */
    CHECK_EQUAL(sr_spill_bound_entry(&spill, 0), 1);
    CHECK_EQUAL(sr_spill_bound_entry(&spill, 2), 0);
    CHECK_EQUAL(word(SR_SPILL_BOUNDS), 3 * MS);
    CHECK_EQUAL(word(SR_SPILL_BOUNDS + 2), MS);
    book(SR_KIND_EXECUTION, MS - 1, 0, 0, 1);
    CHECK_EQUAL(word(SR_SPILL_BOUNDS + 3), 1);
    struct sr_spill next; /* the next owner finds the entries */
    sr_spill_open(&next, stage->block, &stage->line, 0, CELLS, true);
    sr_spill_read_bounds(&next.bounds, &ground, 0, 2);
    CHECK_EQUAL(sr_spill_bound_entry(&next, 0), 1);
}

static void a_full_bound_table_is_counted_as_lost(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < SR_SPILL_BOUND_MAX; i++) {
        atomic_store(&stage->block[SR_SPILL_BOUNDS + 2 * i], 1000 + i);
    }
    const uint64_t bounds[] = {MS};
    ground_announce(0, bounds, 1);
    sr_spill_read_bounds(&spill.bounds, &ground, 0, 1);
    CHECK_EQUAL(sr_spill_bound_entry(&spill, 0), SR_SPILL_BOUND_MAX);
    book(SR_KIND_EXECUTION, MS, 0, 0, SR_SPILL_BOUND_MAX);
    CHECK_EQUAL(word(SR_SPILL_BOUND_LOST), 1);
    CHECK_EQUAL(word(SR_SPILL_CELLS + tally_bucket(MS)), 1); /* the count itself is not */
}

static void an_objective_given_after_the_announcement_is_a_bound_at_once(void **state)
{
    (void)state;
    const uint64_t bounds[] = {2 * MS};
    ground_announce(0, bounds, 1);
    sr_segment_entry(&ground, 0)->objectives[0] =
        (struct sr_objective_shm){.state = SR_ITEM_READY, .kind = SLIPRING_LATENCY, .threshold_ns = MS};
    sr_spill_read_bounds(&spill.bounds, &ground, 0, 1);
    CHECK_EQUAL(spill.bounds.count, 2);
    CHECK_EQUAL(spill.bounds.ns[0], MS);
    CHECK_EQUAL(spill.bounds.ns[1], 2 * MS);
}

static void before_any_announcement_the_defaults_and_own_objectives_are_bounds(void **state)
{
    (void)state;
    struct sr_registry_entry_shm *entry = sr_segment_entry(&ground, 0);
    const struct sr_objective_shm items[] = {
        {.state = SR_ITEM_READY, .name = "a", .kind = SLIPRING_LATENCY, .threshold_ns = 7 * MS},
        {.state = SR_ITEM_CLAIMING, .name = "b", .kind = SLIPRING_LATENCY, .threshold_ns = 8 * MS},
        {.state = SR_ITEM_READY, .name = "c", .kind = SLIPRING_AVAILABILITY},
        {.state = SR_ITEM_READY, .name = "d", .kind = SLIPRING_LATENCY, .threshold_ns = MS},
    };
    memcpy(entry->objectives, items, sizeof items);
    struct sr_spill_bounds *bounds = &spill.bounds;
    sr_spill_read_bounds(bounds, &ground, 0, 0);
    sr_spill_map_plain(&spill);
    const uint64_t want[] = {1, 7, 10, 100, 500, 1000, 2000, 5000, 10000, 30000, 60000}; /* ms */
    CHECK_EQUAL(bounds->count, SR_ARRAY_COUNT(want));
    for (uint32_t i = 0; i < bounds->count; i++) {
        CHECK_EQUAL(bounds->ns[i], want[i] * MS);
        CHECK(!sr_spill_is_plain(&spill, tally_bucket(want[i] * MS)));
    }
    CHECK(sr_spill_is_plain(&spill, tally_bucket(8 * MS)));
}

static void bounds_that_are_being_written_leave_the_old_ones_in_force(void **state)
{
    (void)state;
    const uint64_t bounds[] = {MS};
    ground_announce(0, bounds, 1);
    sr_spill_read_bounds(&spill.bounds, &ground, 0, 1);
    struct sr_bounds_shm *shm = sr_segment_bounds(&ground, 0);
    (void)atomic_fetch_add(&shm->version, 1); /* odd */
    atomic_store(&shm->bound_ns[0], 9 * MS);
    sr_spill_read_bounds(&spill.bounds, &ground, 0, 2);
    CHECK_EQUAL(spill.bounds.count, 1);
    CHECK_EQUAL(spill.bounds.ns[0], MS);
    CHECK(spill.bounds.epoch != 2); /* looks again */
    (void)atomic_fetch_add(&shm->version, 1);
    sr_spill_read_bounds(&spill.bounds, &ground, 0, 2);
    CHECK_EQUAL(spill.bounds.ns[0], 9 * MS);
    CHECK_EQUAL(spill.bounds.epoch, 2);
}

static void impossible_bounds_are_passed_over(void **state)
{
    (void)state;
    const uint64_t bounds[SLIPRING_BOUND_COUNT] = {0,      UINT64_MAX, 5 * MS, SLIPRING_DURATION_MAX_NS + 1,
                                                   2 * MS, 5 * MS,     1};
    ground_announce(0, bounds, 7);
    atomic_store(&sr_segment_bounds(&ground, 0)->count, UINT64_MAX); /* hostile */
    sr_spill_read_bounds(&spill.bounds, &ground, 0, 1);
    CHECK_EQUAL(spill.bounds.count, 3);
    CHECK_EQUAL(spill.bounds.ns[0], 1);
    CHECK_EQUAL(spill.bounds.ns[1], 2 * MS);
    CHECK_EQUAL(spill.bounds.ns[2], 5 * MS);
}

/* --- killed anywhere (G1) ---------------------------------------------------------------------------------------------------------- */

struct update {
    uint64_t meta, duration_ns, cost, savings;
    int bound;
};

/* Everything that an update may touch, one after the other. */
static const struct update updates[] = {
    {SR_KIND_EXECUTION, 5 * MS, 0, 0, -1},
    {SR_KIND_EXECUTION, 5 * MS, 0, 0, -1}, /* neither least nor greatest */
    {SR_KIND_EXECUTION | SR_SAMPLE_FAILURE | 2 << SR_SAMPLE_CATEGORY_SHIFT, 4 * MS, 100, 7, -1},
    {SR_KIND_EXECUTION | SR_SAMPLE_ENDED | SR_SAMPLE_CLAMPED, 9 * MS, 1, 0, 0},
    {SR_KIND_EXECUTION, 5 * MS, 0, 0, SR_SPILL_BOUND_MAX},
    {SR_KIND_EXECUTION | SR_SAMPLE_ENDED, 0, 0, 9, -1},
    {SR_KIND_AMOUNT | 2 << SR_SAMPLE_CATEGORY_SHIFT, 0, 50, 60, -1},
    {SR_KIND_AMOUNT | 9 << SR_SAMPLE_CATEGORY_SHIFT | SR_SAMPLE_CLAMPED, 0, 50, 0, -1},
    {SR_KIND_CANCEL | SR_SAMPLE_ENDED, 0, 0, 0, -1},
    {SR_KIND_EXECUTION, 1, 0, 0, 1},
};

static const struct update *now;
static uint64_t before[SR_SPILL_WORDS_FULL + 1]; /* the block, and the sum */
static uint64_t after[SR_SPILL_WORDS_FULL + 1];
static uint32_t seen_before;
static uint32_t seen_after;

static void keep(uint64_t *out)
{
    for (uint32_t i = 0; i < SR_SPILL_WORDS_FULL; i++) {
        out[i] = word(i);
    }
    out[SR_SPILL_WORDS_FULL] = sum();
}

static void book_now(void *unused)
{
    (void)unused;
    book(now->meta, now->duration_ns, now->cost, now->savings, now->bound);
}

/* The owner is dead at this instruction: settle a copy, twice, and see that it is whole. */
static void settle_a_copy(void *unused)
{
    (void)unused;
    static struct stage copy;
    memcpy(&copy, stage, sizeof copy);
    (void)sr_spill_settle(&copy.line, copy.block, SR_SPILL_WORDS_FULL);
    (void)sr_spill_settle(&copy.line, copy.block, SR_SPILL_WORDS_FULL);
    const uint64_t copy_sum = atomic_load(&copy.line.redo_sum) >> 1;
    if (memcmp(copy.block, before, sizeof copy.block) == 0) {
        CHECK_EQUAL(copy_sum, before[SR_SPILL_WORDS_FULL]);
        CHECK_EQUAL(seen_after, 0); /* never back */
        seen_before++;
        return;
    }
    for (uint32_t i = 0; i < SR_SPILL_WORDS_FULL; i++) {
        if (atomic_load(&copy.block[i]) != after[i]) {
            check_fail(__FILE__, __LINE__, "update %d, killed: word %u is %llu, neither as before nor %llu",
                       (int)(now - updates), i, (unsigned long long)atomic_load(&copy.block[i]),
                       (unsigned long long)after[i]);
        }
    }
    CHECK_EQUAL(copy_sum, after[SR_SPILL_WORDS_FULL]);
    seen_after++;
}

static void a_kill_at_any_instruction_leaves_all_of_an_update_or_nothing_G1(void **state)
{
    (void)state;
    if (!trap_is_possible()) {
        print_message("no stepping in this build: not tried\n");
        return;
    }
    struct stage start;
    for (size_t i = 0; i < SR_ARRAY_COUNT(updates); i++) {
        now = &updates[i];
        const struct sr_spill owner = spill;
        memcpy(&start, stage, sizeof start);
        keep(before);
        book_now(NULL);
        keep(after);
        memcpy(stage, &start, sizeof start); /* once more, step by step */
        spill = owner;
        seen_before = seen_after = 0;
        const uint64_t steps = trap_each(book_now, settle_a_copy, NULL);
        CHECK(steps > 20);
        CHECK(seen_before > 10);
        CHECK(seen_after > 5);
    }
}

static void kill_at_point(void *argument)
{
    const enum sr_crashpoint *point = argument;
    sr_crashpoint_arm(*point, 1);
    book(SR_KIND_EXECUTION | SR_SAMPLE_ENDED, 8 * MS, 5, 0, -1);
}

static void the_named_points_are_settled_as_they_say_G1(void **state)
{
    (void)state;
    if (!SR_CRASHPOINTS_BUILT) {
        print_message("no crash points in this build: not tried\n");
        return;
    }
    book(SR_KIND_EXECUTION, 8 * MS, 0, 0, -1);
    const enum sr_crashpoint points[] = {SR_CRASHPOINT_spill_after_intent, SR_CRASHPOINT_spill_before_commit,
                                         SR_CRASHPOINT_spill_after_commit};
    for (size_t i = 0; i < SR_ARRAY_COUNT(points); i++) {
        enum sr_crashpoint point = points[i];
        child_dies_by(child_start(kill_at_point, &point), SIGKILL);
        const bool is_counted = point == SR_CRASHPOINT_spill_after_commit;
        CHECK_EQUAL(sr_spill_settle(&stage->line, stage->block, SR_SPILL_WORDS_FULL), is_counted);
        CHECK_EQUAL(word(SR_SPILL_CELLS + tally_bucket(8 * MS)), is_counted ? 2 : 1);
        CHECK_EQUAL(sum(), is_counted ? 16 * MS : 8 * MS);
        CHECK_EQUAL(word(SR_SPILL_COST), is_counted ? 5 : 0);
        CHECK_EQUAL(word(SR_SPILL_ENDED), is_counted);
    }
}

static void a_new_owner_is_not_settled_by_the_last_ones_record_G1(void **state)
{
    (void)state;
    book(SR_KIND_EXECUTION, 8 * MS, 0, 0, -1);
    struct sr_spill next;
    sr_spill_open(&next, stage->block, &stage->line, 0, CELLS, true);
    CHECK_EQUAL(word(SR_SPILL_MIN), UINT64_MAX);
    CHECK(!sr_spill_settle(&stage->line, stage->block, SR_SPILL_WORDS_FULL));
    CHECK_EQUAL(word(SR_SPILL_MIN), UINT64_MAX);
    CHECK_EQUAL(sum(), 8 * MS);
}

/* The new owner says what it is going to do, and dies before it does. */
static void a_new_owner_killed_after_its_first_intent_is_not_settled_G1(void **state)
{
    (void)state;
    book(SR_KIND_EXECUTION, 8 * MS, 3, 0, -1);
    struct sr_spill next;
    sr_spill_open(&next, stage->block, &stage->line, 0, CELLS, true);
    atomic_store(&stage->line.redo_key, key_of(SR_SPILL_CELLS + 5, 1, SR_REDO_MINMAX, !turn()));
    CHECK(!sr_spill_settle(&stage->line, stage->block, SR_SPILL_WORDS_FULL));
    CHECK_EQUAL(word(SR_SPILL_MIN), UINT64_MAX);
    CHECK_EQUAL(word(SR_SPILL_MAX), 0);
}

static void an_impossible_redo_record_changes_nothing(void **state)
{
    (void)state;
    book(SR_KIND_EXECUTION, 8 * MS, 3, 0, -1);
    keep(before);
    const uint64_t words[] = {0,
                              SR_SPILL_SUM,
                              SR_SPILL_ENDED,
                              SR_SPILL_MIN,
                              SR_SPILL_COST,
                              SR_SPILL_BOUNDS,
                              SR_SPILL_CELLS - 1,
                              512,
                              SR_SPILL_WORDS_FULL - 1};
    for (size_t i = 0; i < SR_ARRAY_COUNT(words); i++) {
        const uint64_t value = words[i] < 512 ? word((uint32_t)words[i]) : 0;
        atomic_store(&stage->line.redo_key, key_of(words[i], value, SR_REDO_COST, turn()));
        CHECK(!sr_spill_settle(&stage->line, stage->block, 512)); /* as a small block */
    }
    const uint64_t values[] = {0, 2, 3, UINT64_MAX}; /* of a cell that has 7 */
    atomic_store(&stage->block[SR_SPILL_CELLS + 9], 7);
    before[SR_SPILL_CELLS + 9] = 7;
    for (size_t i = 0; i < SR_ARRAY_COUNT(values); i++) {
        atomic_store(&stage->line.redo_key, key_of(SR_SPILL_CELLS + 9, values[i], SR_REDO_COST, turn()));
        CHECK(!sr_spill_settle(&stage->line, stage->block, 512));
    }
    struct stage now_stage;
    memcpy(&now_stage, stage, sizeof now_stage);
    CHECK_EQUAL(memcmp(now_stage.block, before, sizeof now_stage.block), 0);
}

static void a_redo_record_of_garbage_writes_nowhere_but_in_the_block(void **state)
{
    (void)state;
    book(SR_KIND_EXECUTION, 8 * MS, 3, 0, -1);
    uint64_t seed = 12345;
    static _Atomic uint64_t guarded[64 + 512 + 64]; /* a small block with a fence on both sides */
    for (int round = 0; round < 20000; round++) {
        struct sr_producer_line_shm line;
        uint64_t *words = (uint64_t *)(void *)&line;
        for (size_t i = 0; i < sizeof line / 8; i++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            words[i] = seed;
        }
        const uint32_t cell = SR_SPILL_CELLS + (uint32_t)(seed % 384);
        atomic_store(&line.redo_key, (seed & ~key_of(SR_REDO_WORD_MASK, UINT64_MAX, 0, 1)) |
                                         key_of(cell, 1, 0, atomic_load(&line.redo_sum) & SR_REDO_TURN));
        memset(guarded, 0, sizeof guarded);
        atomic_store(&guarded[64 + cell], (uint64_t)(round % 2)); /* is there, or is to be put there */
        CHECK(sr_spill_settle(&line, guarded + 64, 512));
        for (int i = 0; i < 64; i++) {
            CHECK_EQUAL(atomic_load(&guarded[i]), 0);
            CHECK_EQUAL(atomic_load(&guarded[64 + 512 + i]), 0);
        }
        for (int i = SR_SPILL_CELLS; i < 512; i++) {
            CHECK_EQUAL(atomic_load(&guarded[64 + i]), i == (int)cell);
        }
    }
}

/* --- a live reader (G2) ---------------------------------------------------------------------------------------------------------------- */

static _Atomic uint32_t may_stop;

static void *book_for_ever(void *unused)
{
    (void)unused;
    for (uint64_t i = 0; i < 300000 && !atomic_load(&may_stop); i++) {
        book(SR_KIND_EXECUTION | SR_SAMPLE_ENDED | SR_SAMPLE_CLAMPED, 8 * MS, 1, 1, 0);
    }
    atomic_store(&may_stop, 1);
    return NULL;
}

static uint64_t acquired(uint32_t index)
{
    return atomic_load_explicit(&stage->block[index], memory_order_acquire);
}

static void who_reads_the_cells_last_never_sees_a_figure_without_its_sample_G2(void **state)
{
    (void)state;
    atomic_store(&may_stop, 0);
    pthread_t writer;
    CHECK_EQUAL(pthread_create(&writer, NULL, book_for_ever, NULL), 0);
    uint32_t looks = 0;
    for (; !atomic_load(&may_stop); looks++) {
        const uint64_t ended = acquired(SR_SPILL_ENDED);
        const uint64_t bounded = acquired(SR_SPILL_BOUNDS + 1);
        const uint64_t cost = acquired(SR_SPILL_COST);
        const uint64_t savings = acquired(SR_SPILL_SAVINGS);
        const uint64_t clamped = acquired(SR_SPILL_CLAMPED);
        const uint64_t cell = acquired(SR_SPILL_CELLS + tally_bucket(8 * MS));
        CHECK(ended <= cell && bounded <= cell && cost <= cell && savings <= cell && clamped <= cell);
    }
    CHECK_EQUAL(pthread_join(writer, NULL), 0);
    CHECK(looks > 10);
}

static int run(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, ground_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_execution_changes_its_cell_sum_and_extremes),
        TEST(amounts_cancels_ends_and_clamps_are_counted_apart),
        TEST(every_update_shows_in_the_redo_record_G3),
        TEST(bounds_get_an_entry_each_and_keep_it),
        TEST(a_full_bound_table_is_counted_as_lost),
        TEST(an_objective_given_after_the_announcement_is_a_bound_at_once),
        TEST(before_any_announcement_the_defaults_and_own_objectives_are_bounds),
        TEST(bounds_that_are_being_written_leave_the_old_ones_in_force),
        TEST(impossible_bounds_are_passed_over),
        TEST(a_kill_at_any_instruction_leaves_all_of_an_update_or_nothing_G1),
        TEST(the_named_points_are_settled_as_they_say_G1),
        TEST(a_new_owner_is_not_settled_by_the_last_ones_record_G1),
        TEST(a_new_owner_killed_after_its_first_intent_is_not_settled_G1),
        TEST(an_impossible_redo_record_changes_nothing),
        TEST(a_redo_record_of_garbage_writes_nowhere_but_in_the_block),
        TEST(who_reads_the_cells_last_never_sees_a_figure_without_its_sample_G2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
