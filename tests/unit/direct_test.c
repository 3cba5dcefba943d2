/* SPDX-License-Identifier: Apache-2.0 */
/* Direct mode: the spill block as the only way. See SLIPRING_DIRECT in store.h. */
#include <signal.h>

#include <slipring/slipring.h>

#include "agent/drain/drain.h"
#include "api/process.h"
#include "support/check.h"
#include "support/child.h"
#include "support/place.h"
#include "support/rig.h"

#define MS UINT64_C(1000000)

static struct slipring_primitive *direct_primitive(const char *name)
{
    struct slipring_primitive *primitive = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, name, NULL, &primitive));
    CHECK_OK(slipring_primitive_set_mode(primitive, SLIPRING_DIRECT));
    return primitive;
}

static const struct sr_segment *segment(void)
{
    return sr_store_segment(rig_producer);
}

/* Rings of the class that are owned now. */
static uint32_t owned(enum sr_ring_class class)
{
    uint32_t count = 0;
    const uint32_t first = sr_ring_shapes[class].first_ring;
    for (uint32_t ring = first; ring < first + sr_ring_shapes[class].rings; ring++) {
        count += sr_state_of(*sr_segment_ring_state(segment(), ring)) == SR_RING_OWNED;
    }
    return count;
}

static void everything_is_counted_and_nothing_goes_through_a_ring(void)
{
    struct slipring_primitive *work = direct_primitive("work");
    uint32_t tokens = 0;
    CHECK_OK(slipring_category_get(work, "tokens", &tokens));
    const struct slipring_slo slo = {.target_ppb = SLIPRING_TARGET(0.9), .latency_threshold_ns = 100 * MS};
    CHECK_OK(slipring_slo_configure(work, &slo));
    const struct slipring_cost cost = {.cost_nanodollars = 7, .savings_nanodollars = 3, .category = tokens};
    uint64_t sum_ns = 0;
    for (uint64_t i = 0; i < 3000; i++) { /* from a nanosecond to minutes: every bucket is here */
        const uint64_t duration_ns = 1 + (i * i * i * i) % (200000 * MS);
        slipring_record(work, duration_ns, i % 3 == 0 ? SLIPRING_FAILURE : SLIPRING_SUCCESS,
                        i % 2 ? &cost : NULL);
        sum_ns += duration_ns;
    }
    slipring_record(work, 0, SLIPRING_SUCCESS, NULL);
    slipring_record_cost(work, &cost);
    rig_settle(&rig);
    const struct slipring_stats stats = rig_stats(&rig, "work");
    CHECK_EQUAL(stats.count, 3001);
    CHECK_EQUAL(stats.failures, 1000);
    CHECK_EQUAL(stats.sum_ns[0], sum_ns);
    CHECK_EQUAL(stats.min_ns, 0);
    CHECK_EQUAL(stats.spilled, 3001); /* each without a time of its own, and it says so */
    CHECK_EQUAL(stats.cost_nanodollars, 1501 * 7);
    CHECK_EQUAL(stats.savings_nanodollars, 1501 * 3);
    CHECK_EQUAL(owned(SR_CLASS_direct), 1);
    CHECK_EQUAL(owned(SR_CLASS_small), 0);
    CHECK_EQUAL(rig_figures(&rig).samples_drained, 0);
    const _Atomic uint64_t *shared = sr_segment_shared_spill(segment(), sr_handle_id(work));
    CHECK_EQUAL(shared[SR_SPILL_ENTER], 0);
}

static void spans_laps_cancels_and_reservations_are_counted_too(void)
{
    struct slipring_primitive *work = direct_primitive("work");
    struct slipring_span span = slipring_begin(work);
    struct slipring_span other = slipring_begin(work);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").active, 2);
    slipring_lap(&span, SLIPRING_SUCCESS, NULL);
    slipring_end(&span, SLIPRING_FAILURE, NULL);
    slipring_cancel(&other);
    struct slipring_reservation reservation;
    slipring_reserve(work, &reservation);
    *reservation.cost_nanodollars = 11;
    slipring_commit(&reservation, 5 * MS, SLIPRING_SUCCESS, 0);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").active, 0);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 3);
    CHECK_EQUAL(rig_stats(&rig, "work").failures, 1);
    CHECK_EQUAL(rig_stats(&rig, "work").cost_nanodollars, 11);
}

/* The agent's work follows from time, not from samples. */
static void its_block_is_looked_at_a_hundred_times_a_second_at_most(void)
{
    struct slipring_primitive *work = direct_primitive("work");
    slipring_record(work, MS, SLIPRING_SUCCESS, NULL);
    rig_settle(&rig);
    const uint64_t drains = RIG_WORD(&rig, store, 0, SR_STORE_DRAINS);
    for (uint32_t tick = 0; tick < 100; tick++) { /* in all a tenth of a second */
        for (uint32_t i = 0; i < 100; i++) {
            slipring_record(work, MS, SLIPRING_SUCCESS, NULL);
        }
        (void)drain_tick(rig.drain, rig.now_ns += MS);
    }
    CHECK(RIG_WORD(&rig, store, 0, SR_STORE_DRAINS) - drains <= 11);
    CHECK(RIG_WORD(&rig, store, 0, SR_STORE_DRAINS) - drains >= 9);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 10001);
}

static void it_is_offered_no_other_ring_and_does_not_hurry_the_agent(void)
{
    struct slipring_primitive *work = direct_primitive("work");
    uint64_t wait_ns = 0;
    for (uint32_t i = 0; i < 200; i++) {
        slipring_record(work, MS, SLIPRING_SUCCESS, NULL);
        wait_ns = drain_tick(rig.drain, rig.now_ns += 20 * MS);
    }
    CHECK(wait_ns >= MS);
    for (uint32_t ring = 0; ring < SR_RING_MAX; ring++) {
        CHECK(sr_state_of(*sr_segment_ring_state(segment(), ring)) != SR_RING_OFFERED);
    }
    CHECK_EQUAL(owned(SR_CLASS_direct), 1);
}

static void record_and_die(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = direct_primitive("work");
    for (uint32_t i = 0; i < 1000; i++) {
        slipring_record(work, MS, SLIPRING_SUCCESS, NULL);
    }
    (void)slipring_begin(work);
    (void)raise(SIGKILL);
}

static void a_killed_process_leaves_its_counts_and_its_ring(void)
{
    for (uint32_t i = 0; i < 3; i++) {
        child_dies_by(child_start(record_and_die, NULL), SIGKILL);
        rig_settle(&rig);
    }
    CHECK_EQUAL(rig_stats(&rig, "work").count, 3000);
    CHECK_EQUAL(rig_stats(&rig, "work").aborted, 3);
    CHECK_EQUAL(owned(SR_CLASS_direct), 0);
    const uint32_t first = sr_ring_shapes[SR_CLASS_direct].first_ring;
    CHECK_EQUAL(sr_state_of(*sr_segment_ring_state(segment(), first)),
                SR_RING_FREE); /* one was enough for all */
    CHECK_EQUAL(sr_state_of(*sr_segment_ring_state(segment(), first + 1)), SR_RING_EMPTY);
}

static void without_a_direct_ring_to_be_had_it_records_as_others_do(void)
{
    const uint32_t first = sr_ring_shapes[SR_CLASS_direct].first_ring;
    for (uint32_t ring = first; ring < SR_RING_MAX; ring++) {
        *sr_segment_ring_state(segment(), ring) = sr_state_word(1, SR_SLOT_NONE, SR_RING_QUARANTINED);
    }
    slipring_record(direct_primitive("work"), MS, SLIPRING_SUCCESS, NULL);
    CHECK_EQUAL(owned(SR_CLASS_small), 1);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 1);
    CHECK_EQUAL(rig_stats(&rig, "work").spilled, 0);
}

static void the_wish_is_one_of_two_and_for_threads_to_come(void)
{
    struct slipring_primitive *work = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, "work", NULL, &work));
    CHECK_STATUS(slipring_primitive_set_mode(NULL, SLIPRING_DIRECT), SLIPRING_BAD_ARGUMENT);
    CHECK_STATUS(slipring_primitive_set_mode(work, (enum slipring_mode)2), SLIPRING_BAD_ARGUMENT);
    slipring_record(work, MS, SLIPRING_SUCCESS, NULL);
    CHECK_OK(slipring_primitive_set_mode(work, SLIPRING_DIRECT));
    slipring_record(work, MS, SLIPRING_SUCCESS, NULL); /* goes on through its ring */
    CHECK_EQUAL(owned(SR_CLASS_small), 1);
    CHECK_EQUAL(owned(SR_CLASS_direct), 0);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").spilled, 0);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 2);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(everything_is_counted_and_nothing_goes_through_a_ring),
        RIG_TEST(spans_laps_cancels_and_reservations_are_counted_too),
        RIG_TEST(its_block_is_looked_at_a_hundred_times_a_second_at_most),
        RIG_TEST(it_is_offered_no_other_ring_and_does_not_hurry_the_agent),
        RIG_TEST(a_killed_process_leaves_its_counts_and_its_ring),
        RIG_TEST(without_a_direct_ring_to_be_had_it_records_as_others_do),
        RIG_TEST(the_wish_is_one_of_two_and_for_threads_to_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
