/* SPDX-License-Identifier: Apache-2.0 */
/* What producers do between any two instructions of the agent's looks: a span is not seen to end before it began, an update that was told of
 * is not forgotten. (Looks at a spill block: unit/fold_race_test.c.) And between any two of a producer's: a claim, a category. */
#include <stdio.h>
#include <string.h>

#include "peer/catalog.h"
#include "peer/census.h"
#include "peer/drain.h"
#include "protocol/registry.h"
#include "protocol/ring.h"
#include "protocol/shared_spill.h"
#include "protocol/slot.h"
#include "support/ground.h"
#include "support/place.h"
#include "support/ring_ground.h"
#include "support/trap.h"

static uint8_t homes[SR_RING_MAX]; /* all rings live in the one segment */
static struct sr_drain rings;

static bool begin(void)
{
    memset(&rings, 0, sizeof rings);
    rings.segment = ground;
    rings.home = homes;
    if (!trap_is_possible()) {
        print_message("no stepping in this build: not tried\n");
    }
    return trap_is_possible();
}

/* Every instruction of body, with meanwhile() before it. Returns how many there were. */
static uint32_t at_each_instruction(void (*body)(void *), void (*meanwhile)(void *), void (*expect)(void))
{
    const uint32_t count = trap_learn(body, NULL);
    uint32_t met = 0;
    for (uint32_t nth = 0; nth < count; nth++) {
        met += trap_at(body, meanwhile, NULL, nth);
        expect();
    }
    return met;
}

/* --- ends before begins ------------------------------------------------------------------------------------------------------- */

static struct sr_ring own;
static struct sr_ring_sight sight;
static struct sr_slot_sight slot_sight;

static void begin_and_end(void *unused)
{
    (void)unused;
    const struct sr_spill_sample end = {.meta = SR_KIND_CANCEL | SR_SAMPLE_ENDED};
    sr_ring_count_begun(&own);
    CHECK(sr_ring_put(&own, &end));
}

static void look_at_the_ring(void *unused)
{
    (void)unused;
    CHECK(sr_drain_look(&rings, own.ring, &sight));
}

static void expect_begun(void)
{
    CHECK(sight.line.begun >= sight.line.tail); /* a word each, all of them ends */
    ground_set_head(own.ring, tail_of(own.ring));
}

static void no_span_is_seen_to_end_before_it_began(void **state)
{
    (void)state;
    if (!begin()) {
        return;
    }
    own = claim();
    own.hot.clock_ns = sr_ring_clock(&own); /* no mark, which would be words of another kind */
    CHECK(at_each_instruction(look_at_the_ring, begin_and_end, expect_begun) > 10);
}

static void begin_and_end_in_the_table(void *unused)
{
    (void)unused;
    CHECK(sr_slot_span_begun(&ground, 0, 7));
    CHECK(sr_slot_span_ended(&ground, 0, 7));
}

static void look_at_the_table(void *unused)
{
    (void)unused;
    CHECK(sr_census_look(&rings, 0, &slot_sight));
}

static void expect_begun_in_the_table(void)
{
    CHECK(slot_sight.spans[0].key != 8 || slot_sight.spans[0].begun >= slot_sight.spans[0].ended);
}

static void no_span_of_a_table_is_seen_to_end_before_it_began(void **state)
{
    (void)state;
    if (!begin()) {
        return;
    }
    CHECK_OK(sr_segment_reserve_slot(&ground, 0));
    begin_and_end_in_the_table(NULL);
    CHECK(at_each_instruction(look_at_the_table, begin_and_end_in_the_table, expect_begun_in_the_table) > 10);
}

/* --- news ---------------------------------------------------------------------------------------------------------------------- */

#define PRIMITIVES 2u

static uint64_t booked[PRIMITIVES]; /* updates that the agent's looks have found */

static uint64_t marks_of(uint32_t primitive)
{
    return sr_catalog_shared_marks(&rings, primitive).exit;
}

static void record_for(uint32_t primitive)
{
    const struct sr_spill_sample sample = execution(MS);
    sr_shared_spill_book(&ground, primitive, &sample);
}

static void record_shared(void *unused)
{
    (void)unused;
    record_for(1);
}

/* As agent/drain/drain.c does: takes the news, then looks where they lead. */
static void look_where_told(void *unused)
{
    (void)unused;
    const uint64_t bits = sr_catalog_take_news(&rings, SR_NEWS_SHARED, 0);
    for (uint32_t primitive = 0; primitive < PRIMITIVES; primitive++) {
        booked[primitive] = bits >> primitive & 1 ? marks_of(primitive) : booked[primitive];
    }
}

static void expect_found_by_now(void)
{
    look_where_told(NULL);
    for (uint32_t primitive = 0; primitive < PRIMITIVES; primitive++) {
        CHECK_EQUAL(booked[primitive], marks_of(primitive));
    }
    record_for(0); /* so that there is always something that leads the agent to this group */
}

static bool begin_with_news(void)
{
    CHECK_OK(sr_segment_reserve_primitive(&ground, 1));
    memset(booked, 0, sizeof booked);
    return begin();
}

static void an_update_is_found_wherever_in_it_the_agent_looks(void **state)
{
    (void)state;
    if (!begin_with_news()) {
        return;
    }
    CHECK(at_each_instruction(record_shared, look_where_told, expect_found_by_now) > 50);
}

static void an_update_is_found_wherever_it_meets_the_agents_look(void **state)
{
    (void)state;
    if (!begin_with_news()) {
        return;
    }
    record_for(0);
    CHECK(at_each_instruction(look_where_told, record_shared, expect_found_by_now) > 10);
}

/* --- producers among themselves --------------------------------------------------------------------------------------------------- */

static struct sr_ring one;
static struct sr_ring other;

static void claim_one(void *unused)
{
    (void)unused;
    one = claim();
}

static void claim_other(void *unused)
{
    (void)unused;
    other = claim();
}

static void expect_two_rings(void)
{
    CHECK(one.ring != other.ring);
    CHECK_EQUAL(GROUND_RING_STATE(one.ring), SR_RING_OWNED);
    ground_set_ring_state(one.ring, one.generation, 0, SR_RING_FREE);
    ground_set_ring_state(other.ring, one.generation, 0, SR_RING_FREE);
    other.ring = SR_RING_MAX;
}

static void a_ring_claimed_in_between_anywhere_is_had_by_one_alone(void **state)
{
    (void)state;
    if (!begin()) {
        return;
    }
    other.ring = SR_RING_MAX;
    claim_one(NULL);
    claim_other(NULL);
    expect_two_rings(); /* both FREE now: claiming takes no system call but for the thread's id */
    const uint32_t count = trap_learn(claim_one, NULL);
    ground_set_ring_state(one.ring, one.generation, 0, SR_RING_FREE);
    for (uint32_t nth = 0; nth < count; nth++) {
        if (trap_at(claim_one, claim_other, NULL, nth)) {
            expect_two_rings();
        } else {
            ground_set_ring_state(one.ring, one.generation, 0, SR_RING_FREE);
        }
    }
}

/* One name, registered a second time while the first is under way. */
static char name[32];
static uint32_t ids[2];
static bool was_claiming;

static void register_it(uint32_t which)
{
    CHECK_OK(sr_registry_get(&ground, name, "", SR_SLOT_NONE, &ids[which]));
}

static void register_first(void *unused)
{
    (void)unused;
    register_it(0);
}

static void register_second(void *unused)
{
    (void)unused;
    for (uint32_t id = 0; id < SR_PRIMITIVE_MAX; id++) {
        was_claiming |= sr_state_of(*sr_segment_registry_key(&ground, id)) == SR_REGISTRY_CLAIMING;
    }
    register_it(1);
}

/* Duplicates are legal, and rare: most of what happens between claim and READY happens before the last look. */
static void who_registers_looks_once_more_before_it_publishes(void **state)
{
    (void)state;
    if (!begin()) {
        return;
    }
    atomic_store(&sr_segment_header(&ground)->control.primitive_limit, UINT32_MAX);
    (void)strcpy(name, "learnt");
    const uint32_t count = trap_learn(register_first, NULL);
    uint32_t met = 0;
    uint32_t merged = 0;
    for (uint32_t nth = 0; nth < count; nth += count / 400 + 1) {
        was_claiming = false;
        (void)snprintf(name, sizeof name, "again-%u", nth);
        if (trap_at(register_first, register_second, NULL, nth) && was_claiming) {
            met++;
            merged += ids[0] == ids[1];
        }
    }
    print_message("%u of %u\n", merged, met);
    CHECK(merged > 0);
}

static void expect_whole_entries(void *unused)
{
    (void)unused;
    const uint64_t key = *sr_segment_registry_key(&ground, 1);
    CHECK(sr_state_of(key) != SR_REGISTRY_READY || strcmp(sr_segment_entry(&ground, 1)->name, name) == 0);
}

static void a_key_is_ready_when_its_entry_is_whole(void **state)
{
    (void)state;
    if (!begin()) {
        return;
    }
    (void)strcpy(name, "a name");
    (void)trap_each(register_first, expect_whole_entries, NULL);
    CHECK_EQUAL(ids[0], 1);
}

static const char *const long_name = "a category of thirty-one bytes";
static uint32_t category;

static void add_category(void *unused)
{
    (void)unused;
    CHECK_OK(sr_registry_category(&ground, SR_PRIMITIVE_OVERFLOW, long_name, &category));
}

static void expect_whole_items(void *unused)
{
    (void)unused;
    const struct sr_category_shm *item = &sr_segment_entry(&ground, SR_PRIMITIVE_OVERFLOW)->categories[1];
    CHECK(atomic_load(&item->state) != SR_ITEM_READY || strcmp(item->name, long_name) == 0);
}

static void an_item_is_ready_when_it_is_whole(void **state)
{
    (void)state;
    if (!begin()) {
        return;
    }
    (void)trap_each(add_category, expect_whole_items, NULL);
    CHECK_EQUAL(category, 1);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        GROUND_TEST(no_span_is_seen_to_end_before_it_began),
        GROUND_TEST(no_span_of_a_table_is_seen_to_end_before_it_began),
        GROUND_TEST(an_update_is_found_wherever_in_it_the_agent_looks),
        GROUND_TEST(an_update_is_found_wherever_it_meets_the_agents_look),
        GROUND_TEST(a_ring_claimed_in_between_anywhere_is_had_by_one_alone),
        GROUND_TEST(who_registers_looks_once_more_before_it_publishes),
        GROUND_TEST(a_key_is_ready_when_its_entry_is_whole),
        GROUND_TEST(an_item_is_ready_when_it_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
