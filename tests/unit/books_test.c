/* SPDX-License-Identifier: Apache-2.0 */
/* Books, their names, bounds and places; and the figures that come out of them. */
#include "agent/books/books.h"

#include <string.h>

#include <slipring/slipring.h>

#include "agent/books/binding.h"
#include "agent/drain/drain.h"
#include "support/child.h"
#include "support/place.h"
#include "support/rig.h"

static struct slipring_primitive *primitive_of(const char *name)
{
    struct slipring_primitive *primitive = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, name, NULL, &primitive));
    return primitive;
}

static void record(const char *name, uint64_t duration_ns, int count)
{
    struct slipring_primitive *primitive = primitive_of(name);
    for (int i = 0; i < count; i++) {
        slipring_record(primitive, duration_ns, SLIPRING_SUCCESS, NULL);
    }
}

static const struct sr_segment *segment(void)
{
    return &agent_store_rings(rig.store)->segment;
}

/* --- names ---------------------------------------------------------------------------------------------------------------- */

static void an_entry_is_copied_once_and_never_read_again(void)
{
    record("work", 1, 1);
    rig_settle(&rig);
    struct sr_registry_entry_shm *entry = sr_segment_entry(segment(), 1);
    memcpy(entry->name, "evil", 4);
    record("work", 1, 1);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 2);
    rig_drop(&rig);
    rig_open(&rig);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 2);
    CHECK_EQUAL(rig_count_of(&rig, "evil"), 0);
}

static void what_has_an_impossible_name_is_booked_under_overflow(void)
{
    rig_drop(&rig);
    struct slipring_primitive *work = primitive_of("work");
    slipring_record(work, 1, SLIPRING_SUCCESS, NULL);
    rig_open(&rig); /* sees it now */
    struct slipring_primitive *other = primitive_of("other");
    memset(sr_segment_entry(segment(), 2)->name, 0xff, 5);
    slipring_record(other, 1, SLIPRING_SUCCESS, NULL);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 1);
    CHECK_EQUAL(rig_stats(&rig, "__overflow__").count, 1);
}

/* Two entries of one name: a race between two registrants. */
static void duplicates_share_a_book_and_both_ids_lead_to_its_figures(void)
{
    record("work", 1000, 5);
    primitive_of("twin");
    rig_drop(&rig);
    struct sr_registry_entry_shm *entries = (void *)0;
    struct sr_segment raw = {.map = {.base = NULL}};
    CHECK_OK(sr_segment_attach(&raw, rig.options.store, true));
    entries = sr_segment_entry(&raw, 1);
    memcpy(entries[1].name, entries[0].name, sizeof entries[0].name);
    entries[1].name_bytes = entries[0].name_bytes;
    sr_map_unmap(&raw.map);
    record("twin", 1000, 7); /* by its handle's id */
    rig_open(&rig);
    rig_settle(&rig);
    CHECK_EQUAL(rig_count_of(&rig, "work"), 1);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 12);
    CHECK_EQUAL(sr_segment_bounds(segment(), 2)->alias, 1 + 1);
    CHECK_EQUAL(rig_figures(&rig).registry_used, 1);
    struct slipring_stats stats = {.count = 0};
    CHECK_OK(slipring_stats_read(primitive_of("twin"), &stats));
    CHECK_EQUAL(stats.count, 12);
}

/* The drain binds an id when its samples come; how far ids reach is found later. */
static void a_name_is_counted_though_it_was_bound_before_the_registry_was_looked_at(void)
{
    for (int i = 0; i < 2; i++) { /* the first one looks everywhere, and not again for a while */
        rig_pass(&rig, RIG_SECOND / 20);
        while (drain_tick(rig.drain, rig.now_ns) == 0) {
        }
        if (i == 0) {
            record("work", 1000, 1);
        }
    }
    publisher_run(rig.publisher, rig.now_ns);
    CHECK_EQUAL(rig_count_of(&rig, "work"), 1);
    rig_settle(&rig);
    CHECK_EQUAL(rig_figures(&rig).registry_used, 1);
}

static void a_process_reads_its_own_figures_by_its_handle(void)
{
    record("a", 1000, 1);
    record("b", 1000, 2);
    record("c", 1000, 3);
    rig_settle(&rig);
    struct slipring_stats stats = {.count = 0};
    struct slipring_stats_detail detail;
    CHECK_OK(slipring_stats_read_detail(primitive_of("b"), &stats, &detail));
    CHECK_EQUAL(stats.count, 2);
    CHECK_EQUAL(strcmp(detail.name, "b"), 0);
    CHECK_EQUAL(strcmp(detail.type, "primitive"), 0);
}

static void beyond_the_limit_totals_stay_right(void)
{
    rig_drop(&rig);
    rig.options.primitive_limit = 3;
    rig_open(&rig);
    for (int i = 0; i < 10; i++) {
        char name[8] = "p0";
        struct slipring_primitive *primitive = NULL;
        name[1] = (char)('0' + i);
        CHECK_STATUS(slipring_primitive_get(rig_producer, name, NULL, &primitive),
                     i < 3 ? SLIPRING_OK : SLIPRING_LIMIT_REACHED);
        slipring_record(primitive, 1000, SLIPRING_SUCCESS, NULL);
    }
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "__overflow__").count, 7);
    CHECK_EQUAL(rig_stats(&rig, "p2").count, 1);
    CHECK_EQUAL(rig_figures(&rig).registry_used, 3);
    CHECK_EQUAL(rig_figures(&rig).registry_limit, 3);
}

/* --- categories ------------------------------------------------------------------------------------------------------------ */

static void categories_of_one_name_are_one_whatever_their_number(void)
{
    struct slipring_primitive *work = primitive_of("work");
    uint32_t gpu = 0;
    CHECK_OK(slipring_category_get(work, "gpu", &gpu));
    rig_settle(&rig);
    struct sr_registry_entry_shm *entry = sr_segment_entry(segment(), 1);
    memcpy(entry->categories[2].name, "disk", 5);
    entry->categories[2].state = SR_ITEM_READY;
    memcpy(entry->categories[3].name, "gpu", 4); /* again, after a race */
    entry->categories[3].state = SR_ITEM_READY;
    for (uint32_t category = 0; category < 6; category++) {
        const struct slipring_cost cost = {.cost_nanodollars = UINT64_C(1) << category, .category = category};
        slipring_record_cost(work, &cost);
    }
    rig_settle(&rig);
    const struct slipring_stats_detail detail = rig_detail(&rig, "work");
    CHECK_EQUAL(detail.category_count, 3);
    CHECK_EQUAL(detail.categories[1].cost_nanodollars, 2 + 8);
    CHECK_EQUAL(detail.categories[2].cost_nanodollars, 4);
    CHECK_EQUAL(detail.categories[0].cost_nanodollars, 1 + 16 + 32); /* and what has no name */
}

static void a_bill_beyond_64_bits_stands_still_instead_of_starting_over(void)
{
    record("work", 1, 1);
    rig_settle(&rig);
    const uint32_t word = SR_WORD(book, 1, SR_BOOK_COST);
    sr_batch_set(&rig.books->durable->batch, word, UINT64_MAX - 5);
    books_commit(rig.books);
    const struct slipring_cost cost = {.cost_nanodollars = 100};
    slipring_record_cost(primitive_of("work"), &cost);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").cost_nanodollars, UINT64_MAX);
}

/* --- bounds ---------------------------------------------------------------------------------------------------------------- */

static void bounds_of_one_s_own_are_announced_and_counted_exactly(void)
{
    rig_drop(&rig);
    rig.options.le = (struct sr_bound_list){.ns = {1000600, 1001000, 3 * RIG_SECOND}, .count = 3};
    rig_open(&rig);
    struct slipring_primitive *work = primitive_of("work");
    rig_settle(&rig);                     /* tells producers */
    for (uint64_t i = 0; i < 2000; i++) { /* through ring and spill; two of the bounds lie in one bucket */
        slipring_record(work, 1000000 + i, SLIPRING_SUCCESS, NULL);
    }
    rig_settle(&rig);
    const struct slipring_stats_detail detail = rig_detail(&rig, "work");
    CHECK_EQUAL(detail.bound_count, 3);
    CHECK_EQUAL(detail.bounds[0].count, 601);
    CHECK_EQUAL(detail.bounds[1].count, 1001);
    CHECK_EQUAL(detail.bounds[2].count, 2000);
    CHECK_EQUAL(detail.bounds[0].exact_since_ns, 0);
    CHECK_EQUAL(detail.bounds[0].is_le, 1);
}

static void a_bound_that_producers_had_not_heard_of_says_since_when_it_is_exact(void)
{
    rig_drop(&rig);
    struct slipring_primitive *work = primitive_of("work");
    for (int i = 0; i < 600; i++) {
        slipring_record(work, 1000400, SLIPRING_SUCCESS, NULL); /* spills, before any agent said a word */
    }
    rig.options.le = (struct sr_bound_list){.ns = {1000500, 2 * RIG_SECOND}, .count = 2};
    rig_open(&rig);
    rig_settle(&rig);
    const struct slipring_stats_detail detail = rig_detail(&rig, "work");
    CHECK_EQUAL(detail.bounds[0].count, 510); /* what was in the ring is exact all the same */
    CHECK(detail.bounds[0].exact_since_ns != 0);
    CHECK_EQUAL(detail.bounds[1].exact_since_ns, 0);
    const uint64_t since = detail.bounds[0].exact_since_ns;
    for (int i = 0; i < 600; i++) {
        slipring_record(work, 1000400, SLIPRING_SUCCESS, NULL);
    }
    rig_settle(&rig);
    CHECK_EQUAL(rig_detail(&rig, "work").bounds[0].count, 1110);
    CHECK_EQUAL(rig_detail(&rig, "work").bounds[0].exact_since_ns, since);
}

static void default_bounds_are_exact_though_no_agent_had_said_a_word(void)
{
    rig_drop(&rig);
    struct slipring_primitive *work = primitive_of("work");
    for (int i = 0; i < 200; i++) {
        slipring_record(work, 1000400, SLIPRING_SUCCESS, NULL); /* above 1 ms, in its bucket */
    }
    rig_open(&rig);
    rig_settle(&rig);
    CHECK_EQUAL(rig_detail(&rig, "work").bounds[0].count, 0);
    CHECK_EQUAL(rig_detail(&rig, "work").bounds[0].exact_since_ns, 0);
    CHECK_EQUAL(rig_detail(&rig, "work").bounds[1].count, 200);
}

static void a_bound_that_leaves_the_list_hands_its_count_to_the_next_in_its_bucket(void)
{
    rig_drop(&rig);
    rig.options.le = (struct sr_bound_list){.ns = {1000100, 1000200}, .count = 2};
    rig_open(&rig);
    for (uint64_t i = 0; i < 5; i++) {
        record("work", 1000050 + 100 * i, 1);
    }
    rig_settle(&rig);
    CHECK_EQUAL(rig_detail(&rig, "work").bounds[1].count, 2);
    rig_drop(&rig);
    rig.options.le = (struct sr_bound_list){.ns = {1000200, RIG_SECOND}, .count = 2};
    rig_open(&rig);
    rig_settle(&rig);
    const struct slipring_stats_detail detail = rig_detail(&rig, "work");
    CHECK_EQUAL(detail.bounds[0].bound_ns, 1000200);
    CHECK_EQUAL(detail.bounds[0].count, 2);
    CHECK_EQUAL(detail.bounds[0].exact_since_ns, 0);
    CHECK_EQUAL(detail.bounds[1].count, 5);
}

static void the_bounds_of_a_name_are_its_own_and_nobody_else_s(void)
{
    rig_drop(&rig);
    rig.options.le_of[0] = (struct agent_le_of){
        .name = "workshop", .name_bytes = 4, .le = {.ns = {1000100, 3 * RIG_SECOND}, .count = 2}};
    rig.options.le_of_count = 1;
    rig_open(&rig);
    static const char *const names[] = {"work", "wor", "workshop"};
    for (size_t i = 0; i < SR_ARRAY_COUNT(names); i++) {
        record(names[i], 1000050, 1);
    }
    rig_settle(&rig);
    struct slipring_stats_detail detail = rig_detail(&rig, "work");
    CHECK_EQUAL(detail.bound_count, 2);
    CHECK_EQUAL(detail.bounds[0].bound_ns, 1000100);
    CHECK_EQUAL(detail.bounds[0].count, 1);
    CHECK_EQUAL(detail.bounds[0].is_le, 1);
    for (size_t i = 1; i < SR_ARRAY_COUNT(names); i++) {
        detail = rig_detail(&rig, names[i]);
        CHECK_EQUAL(detail.bound_count, SR_BOUND_DEFAULT_COUNT);
        CHECK_EQUAL(detail.bounds[0].count, 0);
    }
}

/* Three agents, one after the other, with other bounds for the name; the producer goes on. */
static void bounds_of_a_name_change_under_a_living_producer_and_no_count_is_lost(void)
{
    struct slipring_primitive *work = primitive_of("work");
    uint64_t since = 0;
    for (uint64_t round = 0; round < 3; round++) {
        rig_drop(&rig);
        rig.options.le_of[0] = (struct agent_le_of){
            .name = "work", .name_bytes = 4, .le = {.ns = {1000000, 1000300, RIG_SECOND}, .count = 3}};
        rig.options.le_of_count = round == 1; /* the default bounds, its own, the default ones again */
        rig_open(&rig);
        rig_settle(&rig);                     /* tells the producer */
        for (uint64_t i = 0; i < 1000; i++) { /* through ring and spill, all in one bucket */
            slipring_record(work, 999901 + i, SLIPRING_SUCCESS, NULL);
        }
        rig_settle(&rig);
        const struct slipring_stats_detail detail = rig_detail(&rig, "work");
        CHECK_EQUAL(detail.bounds[0].bound_ns, 1000000);
        CHECK_EQUAL(detail.bounds[0].count, 100 * (round + 1));
        CHECK_EQUAL(detail.bounds[0].exact_since_ns, 0); /* it was in each list */
        CHECK_EQUAL(detail.bounds[detail.bound_count - 1].count, 1000 * (round + 1));
        if (round == 1) {
            since = detail.bounds[1].exact_since_ns;
            CHECK_EQUAL(detail.bounds[1].count, 100 + 400); /* of the older ones, those that are told apart */
            CHECK(since != 0 && since <= rig.now_ns);
        }
    }
}

/* killed in the middle of announcing: the version is odd */
static void an_announcement_that_was_left_half_made_is_made_again(void)
{
    record("work", 1, 1);
    rig_settle(&rig);
    struct sr_bounds_shm *bounds = sr_segment_bounds(segment(), 1);
    const uint64_t epoch = sr_segment_header(segment())->control.bounds_epoch;
    bounds->version |= 1;
    bounds->bound_ns[0] = 7;
    rig_drop(&rig);
    rig_open(&rig);
    bounds = sr_segment_bounds(segment(), 1);
    CHECK_EQUAL(bounds->version & 1, 0);
    CHECK_EQUAL(bounds->bound_ns[0], 1000000);
    CHECK(sr_segment_header(segment())->control.bounds_epoch > epoch);
    const uint64_t version = bounds->version;
    rig_drop(&rig);
    rig_open(&rig);
    CHECK_EQUAL(sr_segment_bounds(segment(), 1)->version, version); /* what stands is not announced again */
}

/* --- objectives ------------------------------------------------------------------------------------------------------------ */

static void objectives_that_cannot_be_are_left_out(void)
{
    record("work", 1000, 10);
    struct sr_objective_shm *objectives = sr_segment_entry(segment(), 1)->objectives;
    const struct sr_objective_shm sound = {.name = "fast",
                                           .kind = SLIPRING_LATENCY,
                                           .target_ppb = 900000000,
                                           .threshold_ns = 500,
                                           .period_s = 86400};
    for (uint32_t i = 0; i < 8; i++) {
        memcpy(objectives[i].name, sound.name, sizeof sound.name);
        objectives[i].name[4] = (char)('0' + i);
        objectives[i].kind = i == 1 ? (uint32_t)SLIPRING_SPEND : sound.kind;
        objectives[i].target_ppb = i == 2 ? 1000000000 : sound.target_ppb;
        objectives[i].threshold_ns = i == 3 ? UINT64_MAX : sound.threshold_ns;
        objectives[i].period_s = i == 4 ? 2 : sound.period_s;
        if (i == 5) {
            memset(objectives[i].name, 'x', sizeof sound.name); /* no end */
        }
        objectives[i].state = i == 6 ? SR_ITEM_CLAIMING : SR_ITEM_READY;
    }
    rig_settle(&rig);
    const struct slipring_stats_detail detail = rig_detail(&rig, "work");
    CHECK_EQUAL(detail.objective_count, 2);
    CHECK_EQUAL(strcmp(detail.objectives[0].name, "fast0"), 0);
    CHECK_EQUAL(strcmp(detail.objectives[1].name, "fast7"), 0);
}

static void without_events_there_is_no_compliance(void)
{
    const struct slipring_slo slo = {.availability_ppb = SLIPRING_TARGET(0.99)};
    CHECK_OK(slipring_slo_configure(primitive_of("work"), &slo));
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").present & SLIPRING_HAS_SLO, 0);
    CHECK_EQUAL(rig_detail(&rig, "work").objectives[0].total, 0);
    record("work", 1, 1);
    rig_settle(&rig);
    CHECK(rig_stats(&rig, "work").present & SLIPRING_HAS_SLO);
    CHECK(rig_stats(&rig, "work").slo_compliance == 1.0);
    CHECK(rig_stats(&rig, "work").budget_remaining == 1.0);
}

static void the_last_objective_of_a_name_stands_also_in_the_next_agents_life(void)
{
    const struct slipring_slo slo = {.availability_ppb = SLIPRING_TARGET(0.99)};
    CHECK_OK(slipring_slo_configure(primitive_of("work"), &slo));
    struct sr_objective_shm *objectives = sr_segment_entry(segment(), 1)->objectives;
    memcpy(&objectives[1], &objectives[0], sizeof objectives[0]); /* after a race, or a change */
    objectives[1].target_ppb = 1;
    for (int life = 0; life < 2; life++) {
        rig_settle(&rig);
        CHECK_EQUAL(rig_detail(&rig, "work").objective_count, 1);
        CHECK_EQUAL(rig_detail(&rig, "work").objectives[0].target_ppb, 1);
        rig_drop(&rig);
        rig_open(&rig);
    }
}

/* --- bigger rings ----------------------------------------------------------------------------------------------------------- */

static uint32_t rings_in(uint32_t first, uint32_t end, enum sr_ring_state state)
{
    uint32_t count = 0;
    for (uint32_t ring = first; ring < end; ring++) {
        count += sr_state_of(*sr_segment_ring_state(segment(), ring)) == state;
    }
    return count;
}

static void a_ring_that_spills_is_offered_a_bigger_one_and_takes_it(void)
{
    for (int round = 0; round < 4; round++) {
        record("work", 1000, 6000);
        rig_settle(&rig);
    }
    CHECK_EQUAL(rig_stats(&rig, "work").count, 24000);
    CHECK_EQUAL(rings_in(36864, SR_RING_MAX, SR_RING_OWNED), 1); /* in the end the biggest */
    CHECK_EQUAL(rings_in(0, 36864, SR_RING_OWNED), 0);
    CHECK_EQUAL(rings_in(0, SR_RING_MAX, SR_RING_OFFERED), 0);
    const uint64_t spilled = rig_stats(&rig, "work").spilled;
    record("work", 1000, 32000); /* fits now */
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").spilled, spilled);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 56000);
}

static void an_offer_that_is_not_taken_goes_back(void)
{
    record("work", 1000, 600);
    rig_tick(&rig, RIG_SECOND / 10);
    CHECK_EQUAL(rings_in(0, SR_RING_MAX, SR_RING_OFFERED), 1);
    CHECK_EQUAL(sr_segment_consumer_line(segment(), 0)->offer, 32768 + 1);
    for (int i = 0; i < 12; i++) {
        rig_tick(&rig, RIG_SECOND);
    }
    CHECK_EQUAL(rings_in(0, SR_RING_MAX, SR_RING_OFFERED), 0);
    CHECK_EQUAL(rings_in(32768, SR_RING_MAX, SR_RING_FREE), 1);
    CHECK_EQUAL(sr_segment_consumer_line(segment(), 0)->offer, 0);
}

static void what_a_killed_agent_had_offered_is_taken_back(void)
{
    record("work", 1000, 10);
    rig_settle(&rig);
    struct sr_segment *own = &agent_store_rings(rig.store)->segment;
    CHECK_OK(sr_segment_reserve_ring(own, 33000));
    *sr_segment_ring_state(own, 33000) = sr_state_word(0, 0, SR_RING_OFFERED);
    sr_segment_consumer_line(own, 0)->offer = 33001;
    rig_drop(&rig);
    rig_open(&rig);
    CHECK_EQUAL(rings_in(0, SR_RING_MAX, SR_RING_OFFERED), 0);
    CHECK_EQUAL(sr_segment_consumer_line(segment(), 0)->offer, 0);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(an_entry_is_copied_once_and_never_read_again),
        RIG_TEST(what_has_an_impossible_name_is_booked_under_overflow),
        RIG_TEST(duplicates_share_a_book_and_both_ids_lead_to_its_figures),
        RIG_TEST(a_name_is_counted_though_it_was_bound_before_the_registry_was_looked_at),
        RIG_TEST(a_process_reads_its_own_figures_by_its_handle),
        RIG_TEST(beyond_the_limit_totals_stay_right),
        RIG_TEST(categories_of_one_name_are_one_whatever_their_number),
        RIG_TEST(a_bill_beyond_64_bits_stands_still_instead_of_starting_over),
        RIG_TEST(bounds_of_one_s_own_are_announced_and_counted_exactly),
        RIG_TEST(a_bound_that_producers_had_not_heard_of_says_since_when_it_is_exact),
        RIG_TEST(default_bounds_are_exact_though_no_agent_had_said_a_word),
        RIG_TEST(a_bound_that_leaves_the_list_hands_its_count_to_the_next_in_its_bucket),
        RIG_TEST(the_bounds_of_a_name_are_its_own_and_nobody_else_s),
        RIG_TEST(bounds_of_a_name_change_under_a_living_producer_and_no_count_is_lost),
        RIG_TEST(an_announcement_that_was_left_half_made_is_made_again),
        RIG_TEST(objectives_that_cannot_be_are_left_out),
        RIG_TEST(without_events_there_is_no_compliance),
        RIG_TEST(the_last_objective_of_a_name_stands_also_in_the_next_agents_life),
        RIG_TEST(a_ring_that_spills_is_offered_a_bigger_one_and_takes_it),
        RIG_TEST(an_offer_that_is_not_taken_goes_back),
        RIG_TEST(what_a_killed_agent_had_offered_is_taken_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
