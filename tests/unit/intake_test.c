/* SPDX-License-Identifier: Apache-2.0 */
/* Shared memory is hostile: what no producer of ours would leave is quarantined or refused, counted, and spoils nobody else's books.
 * Each bad state is built by hand, beside a good ring that has to stay right. */
#include "agent/drain/intake.h"

#include <errno.h>
#include <string.h>

#include <slipring/slipring.h>

#include "agent/drain/drain.h"
#include "peer/audit.h"
#include "support/faults.h"
#include "support/place.h"
#include "support/rig.h"

static struct slipring_primitive *good;
static struct slipring_primitive *bad;

static const struct sr_segment *segment(void)
{
    return &agent_store_rings(rig.store)->segment;
}

static uint32_t ring_of(uint32_t primitive)
{
    for (uint32_t ring = 0; ring < SR_RING_MAX; ring++) {
        if (sr_segment_ring_is_reserved(segment(), ring) &&
            sr_segment_ring_info(segment(), ring)->primitive == primitive) {
            return ring;
        }
    }
    check_fail(__FILE__, __LINE__, "primitive %u has no ring", primitive);
    return 0;
}

/* Ten samples each; the rings of "good" and "bad", ids 1 and 2. The bad one was drained once. */
static struct sr_producer_line_shm *record_good_and_bad(void)
{
    CHECK_OK(slipring_primitive_get(rig_producer, "good", NULL, &good));
    CHECK_OK(slipring_primitive_get(rig_producer, "bad", NULL, &bad));
    for (int i = 0; i < 10; i++) {
        slipring_record(good, 1000, SLIPRING_SUCCESS, NULL);
        slipring_record(bad, 1000, SLIPRING_SUCCESS, NULL);
    }
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "bad").count, 10);
    return sr_segment_producer_line(segment(), ring_of(2));
}

static void expect_quarantined(uint64_t samples_left)
{
    rig_settle(&rig);
    CHECK_EQUAL(rig_figures(&rig).rings_quarantined, 1);
    CHECK_EQUAL(rig_figures(&rig).samples_quarantined, samples_left);
    CHECK_EQUAL(sr_state_of(*sr_segment_ring_state(segment(), ring_of(2))), SR_RING_QUARANTINED);
    CHECK_EQUAL(rig_stats(&rig, "bad").count, 10);
    for (int i = 0; i < 10; i++) { /* life goes on beside it */
        slipring_record(good, 1000, SLIPRING_SUCCESS, NULL);
    }
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "good").count, 20);
    rig_drop(&rig); /* and it stays so */
    rig_open(&rig);
    rig_settle(&rig);
    CHECK_EQUAL(rig_figures(&rig).rings_quarantined, 1);
    CHECK_EQUAL(rig_figures(&rig).samples_quarantined, samples_left);
    CHECK_EQUAL(rig_stats(&rig, "bad").count, 10);
}

/* --- rings that cannot be -------------------------------------------------------------------------------------------------- */

static void a_tail_beyond_the_ring_is_quarantined(void)
{
    record_good_and_bad()->tail += 513;
    expect_quarantined(510); /* what is written there, twice two words of a mark apart */
}

static void a_tail_that_fills_the_ring_exactly_is_none_to_be_wary_of(void)
{
    struct sr_producer_line_shm *line = record_good_and_bad();
    uint64_t *words = sr_segment_ring_words(segment(), ring_of(2));
    for (uint32_t i = 0; i < 512; i++) {
        words[i] = UINT64_C(1000) << SR_SAMPLE_DURATION_SHIFT | SR_KIND_EXECUTION;
    }
    line->tail += 512;
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "bad").count, 522);
    CHECK_EQUAL(rig_figures(&rig).rings_quarantined, 0);
}

static void a_tail_that_runs_backwards_is_quarantined(void)
{
    record_good_and_bad()->tail -= 1;
    expect_quarantined(510);
}

static void spilled_counts_that_run_backwards_are_quarantined(void)
{
    struct sr_producer_line_shm *line = record_good_and_bad();
    line->redo_key += 1;
    sr_segment_spill(segment(), ring_of(2))[SR_SPILL_CELLS + 80] -= 1;
    expect_quarantined(0);
}

static void spilled_counts_that_nothing_could_have_made_are_quarantined(void)
{
    struct sr_producer_line_shm *line = record_good_and_bad();
    sr_segment_spill(segment(), ring_of(2))[SR_SPILL_CELLS + 80] += UINT64_C(1) << 40;
    line->redo_key = UINT64_C(1) << 40;
    expect_quarantined(0);
}

static void a_bill_that_runs_backwards_is_quarantined(void)
{
    struct sr_producer_line_shm *line = record_good_and_bad();
    sr_segment_spill(segment(), ring_of(2))[SR_SPILL_SAVINGS + 3] -= 1;
    line->redo_key += 1;
    expect_quarantined(0);
}

static void begun_spans_that_run_backwards_are_quarantined(void)
{
    record_good_and_bad()->begun -= 1;
    expect_quarantined(0);
}

/* Executions, failures among them, costs and cancels, in the block alone: lost with the ring. Some were folded before. */
static void what_is_only_in_the_block_of_a_quarantined_ring_is_counted(void)
{
    struct sr_producer_line_shm *line = record_good_and_bad();
    _Atomic uint64_t *block = sr_segment_spill(segment(), ring_of(2));
    const uint32_t failures = SR_SPILL_CELLS + sr_ring_shapes[sr_ring_class_of(ring_of(2))].cells;
    block[SR_SPILL_AMOUNTS] += 40;
    line->redo_key = UINT64_C(40) << SR_REDO_VALUE_SHIFT | SR_SPILL_AMOUNTS << SR_REDO_WORD_SHIFT;
    rig_settle(&rig);
    CHECK_EQUAL(rig_figures(&rig).samples_spilled, 40);
    block[SR_SPILL_CELLS + 80] += 7;
    block[failures + 3] += 2;
    block[SR_SPILL_AMOUNTS] += 5;
    block[SR_SPILL_CANCELS] += 1;
    line->tail += 513;
    expect_quarantined(510 + 7 + 2 + 5 + 1);
    struct sr_audit audit;
    CHECK_OK(sr_audit_take(rig.options.store, &audit));
    CHECK_EQUAL(audit.quarantined, 510 + 7 + 2 + 5 + 1);
    CHECK_EQUAL(sr_audit_difference(&audit), 0);
}

static void what_no_owner_can_have_spilled_is_not_counted_with_the_rest_of_a_block(void)
{
    struct sr_producer_line_shm *line = record_good_and_bad();
    _Atomic uint64_t *block = sr_segment_spill(segment(), ring_of(2));
    block[SR_SPILL_CELLS + 80] -= 1;
    block[SR_SPILL_CELLS + 81] += UINT64_C(1) << 40;
    block[SR_SPILL_CELLS + 82] += 7;
    block[SR_SPILL_CANCELS] -= 1;
    line->redo_key += 1;
    expect_quarantined(7);
}

/* Each word is possible, all of them are not: within a second no owner makes as many. */
static void a_block_whose_words_together_are_beyond_its_owner_counts_for_nothing(void)
{
    struct sr_producer_line_shm *line = record_good_and_bad();
    _Atomic uint64_t *block = sr_segment_spill(segment(), ring_of(2));
    for (uint32_t i = 0; i < 3; i++) {
        block[SR_SPILL_CELLS + i] += 1000000000;
    }
    line->tail += 513;
    expect_quarantined(510);
}

static void without_room_to_count_what_is_left_a_ring_waits_for_its_quarantine(void)
{
    CHECK_OK(slipring_primitive_get(rig_producer, "good", NULL, &good));
    CHECK_OK(slipring_primitive_get(rig_producer, "bad", NULL, &bad));
    slipring_record(bad, 1000, SLIPRING_SUCCESS, NULL);
    sr_segment_ring_info(segment(), ring_of(2))->primitive = SR_PRIMITIVE_MAX;
    const uint32_t ring = ring_of(SR_PRIMITIVE_MAX);
    faults_arm(0, 1000, ENOSPC);
    rig_settle(&rig);
    CHECK_EQUAL(sr_state_of(*sr_segment_ring_state(segment(), ring)), SR_RING_OWNED);
    CHECK_EQUAL(rig_figures(&rig).rings_quarantined, 0);
    faults_arm(0, 0, 0);
    rig_settle(&rig);
    CHECK_EQUAL(sr_state_of(*sr_segment_ring_state(segment(), ring)), SR_RING_QUARANTINED);
    CHECK_EQUAL(rig_figures(&rig).rings_quarantined, 1);
    CHECK_EQUAL(rig_figures(&rig).samples_quarantined, 1);
}

/* A ring of another generation whose info says something else than its state. */
static void forge_claim(uint32_t primitive, uint32_t slot, uint32_t generation, uint32_t base)
{
    const uint32_t ring = ring_of(2);
    struct sr_ring_info_shm *info = sr_segment_ring_info(segment(), ring);
    _Atomic uint64_t *state = sr_segment_ring_state(segment(), ring);
    const uint64_t word = *state;
    info->slot = slot;
    info->generation = generation;
    info->spill_base = base;
    info->primitive = primitive;
    *state = sr_state_word(2, sr_state_slot(word), SR_RING_OWNED);
    sr_segment_producer_line(segment(), ring)->tail += 1;
    rig_settle(&rig);
    CHECK_EQUAL(rig_figures(&rig).rings_quarantined, 1);
    CHECK_EQUAL(rig_stats(&rig, "bad").count, 10);
    CHECK_EQUAL(rig_stats(&rig, "good").count, 10);
    info->primitive = 2;
}

static uint32_t slot_of_bad(void)
{
    return sr_state_slot(*sr_segment_ring_state(segment(), ring_of(2)));
}

static void a_claim_for_no_primitive_is_quarantined(void)
{
    (void)record_good_and_bad();
    forge_claim(SR_PRIMITIVE_MAX, slot_of_bad(), 2, 0);
}

static void a_claim_for_an_unregistered_primitive_is_quarantined(void)
{
    (void)record_good_and_bad();
    forge_claim(500, slot_of_bad(), 2, 0);
}

static void a_claim_by_another_slot_is_quarantined(void)
{
    (void)record_good_and_bad();
    forge_claim(2, slot_of_bad() + 1, 2, 0);
}

static void a_claim_of_another_generation_is_quarantined(void)
{
    (void)record_good_and_bad();
    forge_claim(2, slot_of_bad(), 7, 0);
}

static void a_spill_window_beyond_the_buckets_is_quarantined(void)
{
    (void)record_good_and_bad();
    forge_claim(2, slot_of_bad(), 2, SR_BUCKET_COUNT - 191);
}

static void an_owner_that_is_no_slot_is_quarantined(void)
{
    (void)record_good_and_bad();
    const uint32_t ring = ring_of(2);
    sr_segment_ring_info(segment(), ring)->slot = 0x4242;
    sr_segment_ring_info(segment(), ring)->generation = 2;
    *sr_segment_ring_state(segment(), ring) = sr_state_word(2, 0x4242, SR_RING_OWNED);
    sr_segment_producer_line(segment(), ring)->tail += 1;
    expect_quarantined(1);
}

static void states_that_are_none_are_passed_over(void)
{
    (void)record_good_and_bad();
    for (uint32_t state = 8; state < 256; state++) {
        *sr_segment_ring_state(segment(), 500 + state) = sr_state_word(state, state, state);
    }
    /* OWNED without pages, which nobody may touch */
    *sr_segment_ring_state(segment(), 20000) = sr_state_word(1, 0, SR_RING_OWNED);
    rig_settle(&rig);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "good").count, 10);
    CHECK_EQUAL(rig_figures(&rig).rings_quarantined, 0);
}

/* A producer at rest in the middle of an update, stopped for an hour: (3) is done, (4) is not. The redo key does not change when it
 * goes on. */
static void an_update_that_was_seen_in_its_middle_is_looked_at_again(void)
{
    struct sr_producer_line_shm *line = record_good_and_bad();
    _Atomic uint64_t *block = sr_segment_spill(segment(), ring_of(2));
    line->redo_key = (block[SR_SPILL_CELLS + 80] + 1) << SR_REDO_VALUE_SHIFT | SR_REDO_COST |
                     SR_REDO_COUNTED | (SR_SPILL_CELLS + 80) << SR_REDO_WORD_SHIFT | SR_REDO_TURN;
    line->redo_cost = 5;
    line->redo_ended = 1;
    line->redo_clamped = 0;
    line->begun += 1;
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "bad").count, 10); /* not even (3) yet */
    line->redo_sum = 2000 | SR_REDO_TURN;
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "bad").count,
                10); /* committed, and the cell not there: its duration waits for it */
    CHECK_EQUAL(rig_stats(&rig, "bad").sum_ns[0], 10000);
    block[SR_SPILL_CELLS + 80] += 1;
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "bad").sum_ns[0], 11000);
    CHECK_EQUAL(rig_stats(&rig, "bad").count, 11);
    CHECK_EQUAL(rig_stats(&rig, "bad").active, 1);
    CHECK_EQUAL(rig_stats(&rig, "bad").cost_nanodollars, 0);
    block[SR_SPILL_COST] = 5;
    block[SR_SPILL_ENDED] = 1;
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "bad").active, 0);
    CHECK_EQUAL(rig_stats(&rig, "bad").cost_nanodollars, 5);
    CHECK_EQUAL(rig_stats(&rig, "bad").sum_ns[0], 11000);
}

/* --- samples that cannot be ------------------------------------------------------------------------------------------------ */

static void impossible_samples_are_refused_and_counted_and_the_next_ones_taken(void)
{
    struct sr_producer_line_shm *line = record_good_and_bad();
    uint64_t *words = sr_segment_ring_words(segment(), ring_of(2));
    const uint64_t execution = UINT64_C(7000) << SR_SAMPLE_DURATION_SHIFT | SR_KIND_EXECUTION;
    const uint64_t forged[] = {
        0, /* never published */
        5, /* no kind */
        execution | SR_SAMPLE_TRACED,
        0,
        0,
        9, /* of no trace */
        execution | SR_SAMPLE_TRACED | SR_SAMPLE_AMOUNTS,
        5,
        0,
        9,
        0,
        0,                                 /* of no span */
        SR_KIND_CANCEL | SR_SAMPLE_TRACED, /* no execution: no trace */
        SR_KIND_CLOCK | SR_SAMPLE_TRACED,
        0, /* nor a mark */
        execution | SR_SAMPLE_AMOUNTS,
        SLIPRING_AMOUNT_MAX + 1,
        0, /* too dear */
        SR_KIND_AMOUNT | SR_SAMPLE_AMOUNTS,
        0,
        UINT64_MAX, /* too good */
        UINT64_MAX, /* all at once */
        execution | SR_SAMPLE_AMOUNTS,
        5,
        0,         /* a good one */
        execution, /* and one without a bill */
        SR_KIND_CLOCK | SR_SAMPLE_AMOUNTS | SR_SAMPLE_FAILURE,
        0, /* a mark with strange bits */
        execution | SR_SAMPLE_AMOUNTS,
        5, /* cut off */
    };
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(forged); i++) {
        words[(line->tail + i) & 511] = forged[i];
    }
    line->tail += SR_ARRAY_COUNT(forged);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "bad").count, 12);
    CHECK_EQUAL(rig_stats(&rig, "bad").cost_nanodollars, 5);
    CHECK_EQUAL(rig_figures(&rig).samples_refused, 10);
    CHECK_EQUAL(rig_figures(&rig).samples_drained, 20 + 12);
    CHECK_EQUAL(rig_figures(&rig).rings_quarantined, 0);
}

static void random_bytes_in_a_ring_break_no_sum(void)
{
    struct sr_producer_line_shm *line = record_good_and_bad();
    uint64_t seed = 88172645463325252ull;
    for (int round = 0; round < 50; round++) {
        uint64_t *words = sr_segment_ring_words(segment(), ring_of(2));
        for (uint32_t i = 0; i < 512; i++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            words[i] = seed;
        }
        line->tail += 512;
        rig_settle(&rig);
        rig_expect_balance(&rig);
    }
    const struct slipring_stats stats = rig_stats(&rig, "bad");
    CHECK(rig_figures(&rig).samples_drained > 20 + 50 * 256);
    CHECK(rig_figures(&rig).samples_drained <= 20 + 50 * 512);
    CHECK(stats.lifetime.percentile_ns[SLIPRING_P50] > 0.0);
    CHECK_EQUAL(rig_stats(&rig, "good").count, 10);
}

static void random_bytes_in_a_spill_block_end_in_quarantine(void)
{
    struct sr_producer_line_shm *line = record_good_and_bad();
    _Atomic uint64_t *block = sr_segment_spill(segment(), ring_of(2));
    uint64_t seed = 88172645463325252ull;
    for (uint32_t i = 0; i < SR_SPILL_WORDS_SMALL; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        block[i] = seed;
    }
    line->redo_key += 1;
    expect_quarantined(0);
}

static void counts_forged_at_a_bound_never_exceed_the_samples(void)
{
    struct sr_producer_line_shm *line = record_good_and_bad();
    _Atomic uint64_t *block = sr_segment_spill(segment(), ring_of(2));
    block[SR_SPILL_BOUNDS] = 1000000;
    block[SR_SPILL_BOUNDS + 1] = 1000;
    block[SR_SPILL_BOUNDS + 2] = UINT64_MAX; /* a bound that is none */
    block[SR_SPILL_BOUNDS + 3] = 1000;
    line->redo_key = UINT64_C(1) << SR_REDO_VALUE_SHIFT | SR_SPILL_AMOUNTS << SR_REDO_WORD_SHIFT;
    block[SR_SPILL_AMOUNTS] = 1;
    rig_settle(&rig);
    const struct slipring_stats_detail detail = rig_detail(&rig, "bad");
    for (uint32_t i = 0; i < detail.bound_count; i++) {
        CHECK_EQUAL(detail.bounds[i].count, 10);
    }
}

static void a_quarantined_ring_that_its_owner_gives_back_is_nobodys_ring(void)
{
    record_good_and_bad()->tail += 513;
    rig_settle(&rig);
    const uint32_t ring = ring_of(2);
    CHECK_EQUAL(sr_state_of(*sr_segment_ring_state(segment(), ring)), SR_RING_QUARANTINED);
    CHECK_OK(slipring_close(rig_producer));
    rig_settle(&rig);
    CHECK_EQUAL(sr_state_of(*sr_segment_ring_state(segment(), ring)), SR_RING_QUARANTINED);
    CHECK_OK(slipring_open(rig.options.store, &rig_producer));
    CHECK_OK(slipring_primitive_get(rig_producer, "good", NULL, &good));
    CHECK_OK(slipring_primitive_get(rig_producer, "late", NULL, &bad));
    for (int i = 0; i < 10; i++) {
        slipring_record(good, 1000, SLIPRING_SUCCESS, NULL);
        slipring_record(bad, 1000, SLIPRING_SUCCESS, NULL);
    }
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "good").count, 20);
    CHECK_EQUAL(rig_stats(&rig, "late").count, 10);
    CHECK_EQUAL(rig_figures(&rig).rings_quarantined, 1);
}

/* --- shared spills and span tables ------------------------------------------------------------------------------------------- */

static void impossible_counts_in_a_shared_spill_are_left_out_and_later_ones_taken(void)
{
    (void)record_good_and_bad();
    _Atomic uint64_t *block = sr_segment_shared_spill(segment(), 2);
    block[SR_SPILL_CELLS + 5] -= 1;
    block[SR_SPILL_ENTER] += 1;
    block[SR_SPILL_EXIT] += 1;
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "bad").count, 10);
    block[SR_SPILL_CELLS + 6] += 2;
    block[SR_SPILL_ENTER] += 2;
    block[SR_SPILL_EXIT] += 2;
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "bad").count, 12);
    rig_expect_balance(&rig);
}

static void a_hint_that_hides_primitives_hides_none_of_their_samples(void)
{
    sr_segment_header(segment())->hint.registry_high = 0;
    CHECK_OK(slipring_primitive_get(rig_producer, "good", NULL, &good));
    sr_segment_header(segment())->hint.registry_high = 0;
    rig_settle(&rig);
    _Atomic uint64_t *block = sr_segment_shared_spill(segment(), 1);
    block[SR_SPILL_CELLS + 5] += 3;
    block[SR_SPILL_ENTER] += 3;
    block[SR_SPILL_EXIT] += 3;
    sr_segment_header(segment())->hint.registry_high = 0;
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "good").count, 3);
}

static void a_span_table_full_of_nonsense_makes_nobody_active(void)
{
    (void)record_good_and_bad();
    struct sr_slot_shm *slot = sr_segment_slot(segment(), slot_of_bad());
    slot->spans[0].key = 3; /* "bad" */
    slot->spans[0].begun = UINT64_MAX;
    slot->spans[1].key = 4000; /* not registered */
    slot->spans[1].begun = 5;
    slot->spans[2].key = UINT64_MAX;
    slot->spans[2].begun = 5;
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "bad").active, 0);
    CHECK_EQUAL(rig_stats(&rig, "good").active, 0);
}

/* --- a full file system ------------------------------------------------------------------------------------------------------ */

static void without_room_for_the_books_samples_stay_where_they_are(void)
{
    faults_arm(0, 0, 0);
    CHECK_OK(slipring_primitive_get(rig_producer, "good", NULL, &good));
    slipring_record(good, 1, SLIPRING_SUCCESS, NULL);
    rig_settle(&rig);
    for (int i = 0; i < 100; i++) {
        slipring_record(good, RIG_SECOND, SLIPRING_SUCCESS, NULL); /* cells on another page */
    }
    faults_arm(0, 1000, ENOSPC);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "good").count, 1);
    CHECK(rig_figures(&rig).reserve_failures > 0);
    for (int i = 0; i < 100; i++) {
        slipring_record(good, RIG_SECOND, SLIPRING_SUCCESS, NULL); /* some of them spill */
    }
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "good").count, 1);
    faults_arm(0, 0, 0);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "good").count, 201);
}

static void a_full_file_system_is_asked_once_a_second_and_not_at_each_tick(void)
{
    faults_arm(0, 0, 0);
    CHECK_OK(slipring_primitive_get(rig_producer, "good", NULL, &good));
    slipring_record(good, 1, SLIPRING_SUCCESS, NULL);
    rig_settle(&rig);
    slipring_record(good, RIG_SECOND, SLIPRING_SUCCESS, NULL);
    faults_arm(0, 1000, ENOSPC);
    for (int i = 0; i < 100; i++) {
        rig_tick(&rig, RIG_SECOND / 50);
    }
    CHECK(faults_calls() <= 4);
    faults_arm(0, 0, 0);
}

static void what_was_published_stays_when_the_next_agent_can_reserve_nothing(void)
{
    (void)record_good_and_bad();
    rig_drop(&rig);
    faults_arm(0, 1000, ENOSPC);
    rig_open(&rig); /* nothing can be reserved */
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "good").count, 10);
    CHECK_EQUAL(rig_stats(&rig, "bad").count, 10);
    faults_arm(0, 0, 0);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_tail_beyond_the_ring_is_quarantined),
        RIG_TEST(a_tail_that_fills_the_ring_exactly_is_none_to_be_wary_of),
        RIG_TEST(a_tail_that_runs_backwards_is_quarantined),
        RIG_TEST(spilled_counts_that_run_backwards_are_quarantined),
        RIG_TEST(spilled_counts_that_nothing_could_have_made_are_quarantined),
        RIG_TEST(a_bill_that_runs_backwards_is_quarantined),
        RIG_TEST(begun_spans_that_run_backwards_are_quarantined),
        RIG_TEST(what_is_only_in_the_block_of_a_quarantined_ring_is_counted),
        RIG_TEST(what_no_owner_can_have_spilled_is_not_counted_with_the_rest_of_a_block),
        RIG_TEST(a_block_whose_words_together_are_beyond_its_owner_counts_for_nothing),
        RIG_TEST(without_room_to_count_what_is_left_a_ring_waits_for_its_quarantine),
        RIG_TEST(a_claim_for_no_primitive_is_quarantined),
        RIG_TEST(a_claim_for_an_unregistered_primitive_is_quarantined),
        RIG_TEST(a_claim_by_another_slot_is_quarantined),
        RIG_TEST(a_claim_of_another_generation_is_quarantined),
        RIG_TEST(a_spill_window_beyond_the_buckets_is_quarantined),
        RIG_TEST(an_owner_that_is_no_slot_is_quarantined),
        RIG_TEST(states_that_are_none_are_passed_over),
        RIG_TEST(an_update_that_was_seen_in_its_middle_is_looked_at_again),
        RIG_TEST(impossible_samples_are_refused_and_counted_and_the_next_ones_taken),
        RIG_TEST(random_bytes_in_a_ring_break_no_sum),
        RIG_TEST(random_bytes_in_a_spill_block_end_in_quarantine),
        RIG_TEST(counts_forged_at_a_bound_never_exceed_the_samples),
        RIG_TEST(a_quarantined_ring_that_its_owner_gives_back_is_nobodys_ring),
        RIG_TEST(impossible_counts_in_a_shared_spill_are_left_out_and_later_ones_taken),
        RIG_TEST(a_hint_that_hides_primitives_hides_none_of_their_samples),
        RIG_TEST(a_span_table_full_of_nonsense_makes_nobody_active),
        RIG_TEST(without_room_for_the_books_samples_stay_where_they_are),
        RIG_TEST(what_was_published_stays_when_the_next_agent_can_reserve_nothing),
        RIG_TEST(a_full_file_system_is_asked_once_a_second_and_not_at_each_tick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
