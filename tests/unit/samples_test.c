/* SPDX-License-Identifier: Apache-2.0 */
/* The last samples of a ring, as people see them: whose they are, where they begin, and what may have been written over. G1 to G4:
 * peer/samples.h. */
#include "peer/samples.h"

#include <string.h>

#include "peer/inspect.h"
#include "protocol/ring.h"
#include "support/check.h"
#include "support/ground.h"
#include "support/place.h"
#include "support/ring_ground.h"
#include "system/guard.h"

#define NOW_NS UINT64_C(1000000000000)
#define LATER  16u /* words that may be in writing */

static struct sr_samples *samples;
static struct sr_inspect *inspect;
static struct sr_samples_sum sum;

static int look_at_new_ground(void **state)
{
    const int result = ground_set_up(state);
    CHECK_OK(sr_guard_install()); /* cmocka takes SIGBUS for each test */
    samples = sr_samples_new();
    assert_non_null(samples);
    CHECK_OK(sr_inspect_open(place_store(), &inspect));
    memset(&sum, 0, sizeof sum);
    return result;
}

static int look_away(void **state)
{
    sr_inspect_close(inspect);
    sr_samples_free(samples);
    return ground_tear_down(state);
}

static void add(uint32_t ring)
{
    struct sr_inspect_ring seen;
    memset(&sum, 0, sizeof sum);
    CHECK_OK(sr_inspect_ring(inspect, ring, &seen));
    CHECK(seen.is_owned);
    sr_samples_add(samples, inspect, &seen, NOW_NS, &sum);
}

static void put_dear(struct sr_ring *ring, uint64_t duration_ns, uint64_t cost)
{
    const struct sr_spill_sample sample = {.meta = SR_KIND_EXECUTION | SR_SAMPLE_FAILURE,
                                           .duration_ns = duration_ns,
                                           .cost = cost,
                                           .savings = 1};
    CHECK(sr_ring_put(ring, &sample));
}

static void set_clock(uint64_t now_ns)
{
    atomic_store(&sr_segment_header(&ground)->control.coarse_ns, now_ns);
}

static void what_was_drained_is_still_seen_whole_from_the_claim_on(void **state)
{
    (void)state;
    struct sr_ring ring = claim();
    set_clock(NOW_NS - 2000);
    put(&ring, 5 * MS);
    set_clock(NOW_NS - 1000);
    put_dear(&ring, 9 * MS, 7);
    put(&ring, 3 * MS);
    ground_set_head(ring.ring, tail_of(ring.ring)); /* the agent took them */
    add(ring.ring);
    CHECK_EQUAL(sum.n, 3);
    CHECK_EQUAL(sum.failures, 1);
    CHECK_EQUAL(sum.max_ns, 9 * MS);
    CHECK_EQUAL(sum.first_ns, NOW_NS - 2000);
    CHECK_EQUAL(sum.last_ns, NOW_NS - 1000);
    CHECK_EQUAL(sum.unread_words, 0);
    CHECK_EQUAL(sum.rings, 1);
    CHECK_EQUAL(sum.rings_unread + sum.rings_shared + sum.spilled + sum.spilled_max_ns, 0);
    CHECK_EQUAL(sum.cells[sr_bucket_index(5 * MS)], 1);
    double p99_ns;
    CHECK(sr_samples_percentile(sum.cells, sum.n, 990000, &p99_ns));
    CHECK(p99_ns > 8.9e6 && p99_ns < 9.1e6);
    CHECK(!sr_samples_percentile(sum.cells, 0, 990000, &p99_ns));
}

/* Whatever the bytes of its ids look like, a trace is part of its sample. */
static void traces_are_passed_over_with_their_samples_G3(void **state)
{
    (void)state;
    struct sr_ring ring = claim();
    const uint64_t like_one = SR_KIND_EXECUTION | UINT64_C(900) << SR_SAMPLE_DURATION_SHIFT;
    const struct sr_sample_trace trace = {.words = {like_one, 0, SR_KIND_AMOUNT}};
    const struct sr_spill_sample sample = {.meta = SR_KIND_EXECUTION, .duration_ns = 4 * MS, .cost = 3};
    for (uint32_t i = 0; i < 20; i++) {
        put(&ring, 2 * MS);
        CHECK(sr_ring_put_traced(&ring, &sample, &trace));
    }
    add(ring.ring);
    CHECK_EQUAL(sum.n, 40);
    CHECK_EQUAL(sum.cells[sr_bucket_index(4 * MS)], 20);
    CHECK_EQUAL(sum.max_ns, 4 * MS);
    CHECK_EQUAL(sum.unread_words, 0);
    uint64_t *span = sr_segment_ring_words(&ground, ring.ring) + tail_of(ring.ring) - 1;
    CHECK_EQUAL(*span, SR_KIND_AMOUNT);
    *span = 0; /* of no span: nothing like that was ever published */
    add(ring.ring);
    CHECK_EQUAL(sum.n, 0);
    CHECK_EQUAL(sum.rings_unread, 1);
}

static void former_owners_samples_are_left_out_G1(void **state)
{
    (void)state;
    struct sr_ring ring = claim();
    for (int i = 0; i < 20; i++) {
        put(&ring, 900 * MS);
    }
    put_many(&ring, SAMPLES);
    sr_ring_release(&ring);
    ground_set_head(ring.ring, tail_of(ring.ring));
    ground_set_ring_state(ring.ring, 1, SLOT, SR_RING_FREE);
    struct sr_ring next = claim();
    CHECK_EQUAL(next.ring, ring.ring);
    put(&next, 2 * MS);
    put(&next, 2 * MS);
    add(next.ring);
    CHECK_EQUAL(sum.n, 2);
    CHECK_EQUAL(sum.max_ns, 2 * MS);
    CHECK_EQUAL(sum.unread_words, 0);
    /* and a claim that cannot be is none */
    atomic_store(&sr_segment_ring_info(&ground, next.ring)->first_word, UINT64_MAX);
    add(next.ring);
    CHECK(sum.n > 2);
}

static void what_may_be_written_over_is_left_out_G2(void **state)
{
    (void)state;
    struct sr_ring ring = claim();
    put_many(&ring, SAMPLES);
    ground_set_head(ring.ring, tail_of(ring.ring));
    put_many(&ring, 40);
    add(ring.ring);
    /* the oldest words may be in writing, and of the next six nobody knows which begins a sample, but that all agree on the sixth */
    CHECK_EQUAL(sum.unread_words, LATER + 5);
    CHECK_EQUAL(sum.n, SAMPLES - LATER - 5);
}

static void a_sample_is_not_read_from_its_middle_G3(void **state)
{
    (void)state;
    struct sr_ring ring = claim();
    /* Costs that look like executions of a nanosecond with a cost, savings that look like one of none: a reading from the middle goes on for long,
     * and never meets the right one. */
    const uint64_t like_one = SR_KIND_EXECUTION | SR_SAMPLE_AMOUNTS | UINT64_C(1) << SR_SAMPLE_DURATION_SHIFT;
    for (uint32_t i = 0; i < 2 * SAMPLES / 3; i++) {
        if (tail_of(ring.ring) % SAMPLES > SAMPLES - 8) {
            ground_set_head(ring.ring, tail_of(ring.ring));
        }
        put_dear(&ring, 7 * MS, like_one);
    }
    put(&ring, 7 * MS);
    for (uint32_t i = 0; i < 30; i++) {
        put_dear(&ring, 7 * MS, like_one);
    }
    CHECK(tail_of(ring.ring) > SAMPLES);
    ground_set_head(ring.ring, tail_of(ring.ring));
    add(ring.ring);
    CHECK_EQUAL(sum.rings_unread, 0);
    CHECK(sum.n >= 30);
    CHECK_EQUAL(sum.cells[sr_bucket_index(7 * MS)], sum.n); /* nothing of 1 ns or none */
    CHECK_EQUAL(sum.max_ns, 7 * MS);
}

static void words_that_are_no_samples_are_not_read_G3(void **state)
{
    (void)state;
    struct sr_ring ring = claim();
    put_many(&ring, 100);
    static const uint64_t impossible[] = {0,
                                          SR_SAMPLE_TRACED | SR_KIND_AMOUNT,
                                          7,
                                          SR_KIND_CLOCK | 8,
                                          SR_KIND_AMOUNT | UINT64_C(1) << SR_SAMPLE_DURATION_SHIFT,
                                          UINT64_MAX,
                                          SR_KIND_CANCEL | SR_SAMPLE_AMOUNTS};
    for (size_t i = 0; i < SR_ARRAY_COUNT(impossible); i++) {
        uint64_t *word = sr_segment_ring_words(&ground, ring.ring) + 50;
        const uint64_t kept = *word;
        *word = impossible[i];
        add(ring.ring);
        CHECK_EQUAL(sum.n, 0);
        CHECK_EQUAL(sum.rings_unread, 1);
        CHECK_EQUAL(sum.unread_words, 100);
        *word = kept;
    }
    add(ring.ring);
    CHECK_EQUAL(sum.n, 100);
    sr_segment_ring_words(&ground, ring.ring)[50] = SR_KIND_CLOCK;
    sr_segment_ring_words(&ground, ring.ring)[51] = NOW_NS + 1;
    add(ring.ring);
    CHECK_EQUAL(sum.n, 98);
    CHECK_EQUAL(sum.last_ns, NOW_NS);
    /* a stamp of just now is one, a stamp of the future is none; an amount beyond the limit neither */
    sr_segment_ring_words(&ground, ring.ring)[50] = SR_KIND_CLOCK;
    sr_segment_ring_words(&ground, ring.ring)[51] = NOW_NS + UINT64_C(1000000001);
    add(ring.ring);
    CHECK_EQUAL(sum.n, 0);
    sr_segment_ring_words(&ground, ring.ring)[50] = SR_KIND_EXECUTION | SR_SAMPLE_AMOUNTS;
    sr_segment_ring_words(&ground, ring.ring)[51] = SLIPRING_AMOUNT_MAX + 1;
    add(ring.ring);
    CHECK_EQUAL(sum.n, 0);
}

/* Where a tail, a claim, a head could be: whatever they say, nothing is read outside the ring. */
static void impossible_lines_lead_nowhere(void **state)
{
    (void)state;
    struct sr_ring ring = claim();
    put_many(&ring, 100);
    static const uint64_t wild[] = {
        0, 1, 511, 512, 513, UINT64_MAX, UINT64_MAX - 8, UINT64_MAX - 600, UINT64_C(1) << 63};
    for (size_t i = 0; i < SR_ARRAY_COUNT(wild); i++) {
        for (size_t k = 0; k < SR_ARRAY_COUNT(wild); k++) {
            struct sr_inspect_ring seen;
            atomic_store(&sr_segment_producer_line(&ground, ring.ring)->tail, wild[i]);
            atomic_store(&sr_segment_ring_info(&ground, ring.ring)->first_word, wild[k]);
            CHECK_OK(sr_inspect_ring(inspect, ring.ring, &seen));
            seen.head = wild[(i + k) % SR_ARRAY_COUNT(wild)];
            memset(&sum, 0, sizeof sum);
            sr_samples_add(samples, inspect, &seen, NOW_NS, &sum);
            CHECK(sum.n <= SAMPLES);
        }
    }
}

static void a_ring_that_changed_hands_meanwhile_is_not_read(void **state)
{
    (void)state;
    struct sr_ring ring = claim();
    struct sr_inspect_ring seen;
    put_many(&ring, 5);
    CHECK_OK(sr_inspect_ring(inspect, ring.ring, &seen));
    ground_set_ring_state(ring.ring, 2, SLOT + 1, SR_RING_OWNED);
    sr_samples_add(samples, inspect, &seen, NOW_NS, &sum);
    CHECK_EQUAL(sum.n, 0);
    CHECK_EQUAL(sum.rings_unread, 1);
}

static void what_spilled_is_told_apart_and_of_later_owners_only_the_longest_G4(void **state)
{
    (void)state;
    struct sr_ring ring = claim();
    put_many(&ring, SAMPLES);
    put(&ring, 2 * MS);
    put(&ring, 3 * MS);
    add(ring.ring);
    CHECK_EQUAL(sum.spilled, 2);
    CHECK_EQUAL(sum.spilled_max_ns, 3 * MS);
    CHECK_EQUAL(sum.spilled_cells[sr_bucket_index(2 * MS)], 1);
    CHECK_EQUAL(sum.rings_shared, 0);
    CHECK_EQUAL(sum.cells[sr_bucket_index(3 * MS)], 0);

    sr_ring_release(&ring);
    ground_set_head(ring.ring, tail_of(ring.ring));
    ground_set_ring_state(ring.ring, 1, SLOT, SR_RING_FREE);
    struct sr_ring next = claim();
    add(next.ring);
    CHECK_EQUAL(sum.spilled + sum.spilled_max_ns + sum.rings_shared, 0); /* it spilled nothing */
    put_many(&next, SAMPLES);
    put(&next, 4 * MS);
    add(next.ring);
    CHECK_EQUAL(sum.spilled, 0);
    CHECK_EQUAL(sum.spilled_max_ns, 4 * MS);
    CHECK_EQUAL(sum.rings_shared, 1);
}

static void a_block_that_contradicts_itself_is_left_out(void **state)
{
    (void)state;
    struct sr_ring ring = claim();
    put_many(&ring, SAMPLES + 2);
    add(ring.ring);
    CHECK_EQUAL(sum.spilled, 2);
    atomic_store(&sr_segment_ring_info(&ground, ring.ring)->spill_base, SR_BUCKET_COUNT - 191);
    add(ring.ring);
    CHECK_EQUAL(sum.spilled, 0);
    atomic_store(&sr_segment_ring_info(&ground, ring.ring)->spill_base, 0);
    for (uint32_t i = 0; i < 384; i++) {
        atomic_store(&sr_segment_spill(&ground, ring.ring)[SR_SPILL_CELLS + i], UINT64_MAX);
    }
    add(ring.ring);
    CHECK_EQUAL(sum.spilled, UINT64_MAX); /* and the sum of its cells is no more */
    double p99_ns;
    CHECK(sr_samples_percentile(sum.spilled_cells, sum.spilled, 990000, &p99_ns));
}

static void a_direct_ring_has_its_block_alone(void **state)
{
    (void)state;
    struct sr_ring ring;
    CHECK_OK(sr_ring_claim(&ground, SLOT, SR_PRIMITIVE_OVERFLOW, SR_CLASS_direct, FIRST_NS, &ring));
    put_many(&ring, 7);
    add(ring.ring);
    CHECK_EQUAL(sum.n, 0);
    CHECK_EQUAL(sum.spilled, 7);
    CHECK_EQUAL(sum.rings_unread, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, look_at_new_ground, look_away)

static int run(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_was_drained_is_still_seen_whole_from_the_claim_on),
        CASE(traces_are_passed_over_with_their_samples_G3),
        CASE(former_owners_samples_are_left_out_G1),
        CASE(what_may_be_written_over_is_left_out_G2),
        CASE(a_sample_is_not_read_from_its_middle_G3),
        CASE(words_that_are_no_samples_are_not_read_G3),
        CASE(impossible_lines_lead_nowhere),
        CASE(a_ring_that_changed_hands_meanwhile_is_not_read),
        CASE(what_spilled_is_told_apart_and_of_later_owners_only_the_longest_G4),
        CASE(a_block_that_contradicts_itself_is_left_out),
        CASE(a_direct_ring_has_its_block_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
