/* SPDX-License-Identifier: Apache-2.0 */
/* From slipring_record_usage() to published figures: exact money, prices that come late or change, duplicates, what is torn and what is hostile. G1 to
 * G5: see agent/books/usage.h. */
#include "agent/books/usage.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/books/prices.h"
#include "agent/books/reset.h"
#include "peer/drain.h"
#include "protocol/usage.h"
#include "support/child.h"
#include "support/faults.h"
#include "support/place.h"
#include "support/rig.h"

#define MS  UINT64_C(1000000)
#define DAY UINT64_C(86400000000000)

/* Prices whose sums leave thousandths: a, 1.5 pico-dollars' worth a thousand, ... RIG_WALL_NS is 2026-01-01. */
static const char first_card[] =
    "resources:\n"
    "  openai/model: {input: 2.500001 per 1M, cached_input: 1.25 per 1M, output: 10 per 1M}\n"
    "  timed:\n"
    "    prices:\n"
    "      - {images: 1}\n"
    "      - {from: 2026-01-02, images: 2}\n"
    "  later: {from: 2026-01-02, requests: 5}\n"
    "  dear: {requests: 1000000}\n";

static struct prices *cards[4];
static uint32_t card_count;

static void set_prices(const char *text)
{
    char path[128];
    const char *const paths[] = {path};
    struct buffer message = {.text = NULL};
    (void)snprintf(path, sizeof path, "%s/card.yaml", place_folder());
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
    CHECK(setenv("SLIPRING_PRICES", "", 1) == 0);
    CHECK(prices_open(paths, 1, &cards[card_count], &message));
    CHECK(unlink(path) == 0);
    ((struct agent_options *)(uintptr_t)rig.books->options)->prices = cards[card_count++];
    rig.options.prices = cards[card_count - 1];
    usage_reprice(rig.books);
}

static struct slipring_primitive *primitive_of(const char *name)
{
    struct slipring_primitive *primitive = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, name, NULL, &primitive));
    return primitive;
}

static void use(const char *resource, enum slipring_unit unit, uint64_t count)
{
    struct slipring_usage usage = {.units = {0}};
    usage.units[unit] = count;
    CHECK_OK(slipring_record_usage(primitive_of("work"), MS, SLIPRING_SUCCESS, resource, &usage));
}

/* The published account; fails the test when there is none, or more than one. */
static struct slipring_usage_stats stats_of(const char *resource)
{
    struct slipring_usage_stats found = {.place = 0};
    uint32_t count = 0;
    struct sr_stats *stats =
        sr_stats_of_mapping(agent_store_stats_base(rig.store), agent_store_stats_path(rig.store));
    for (uint32_t i = sr_stats_next_usage(stats, 0); i < SR_STATS_USAGE_MAX;
         i = sr_stats_next_usage(stats, i + 1)) {
        struct slipring_usage_stats usage;
        if (sr_stats_usage(stats, i, &usage) == SLIPRING_OK && strcmp(usage.resource, resource) == 0) {
            found = usage;
            count++;
        }
    }
    sr_stats_close(stats);
    CHECK_EQUAL(count, 1);
    return found;
}

static uint64_t category_cost(const char *name)
{
    const struct slipring_stats_detail detail = rig_detail(&rig, "work");
    for (uint32_t i = 0; i < SLIPRING_CATEGORY_COUNT; i++) {
        if (strcmp(detail.categories[i].name, name) == 0) {
            return detail.categories[i].cost_nanodollars;
        }
    }
    return UINT64_MAX;
}

/* --- money --------------------------------------------------------------------------------------------------------------------- */

static void money_is_exact_however_usage_is_batched(void)
{
    set_prices(first_card);
    for (uint32_t i = 0; i < 1000; i++) { /* 2,500,001 pico-dollars each: 2,500.001 nano */
        use("openai/model", SLIPRING_UNIT_INPUT, 1);
        if (i % 7 == 0) {
            rig_settle(&rig);
        }
    }
    rig_settle(&rig);
    struct slipring_usage_stats usage = stats_of("openai/model");
    CHECK_EQUAL(usage.usages, 1000);
    CHECK_EQUAL(usage.units[SLIPRING_UNIT_INPUT], 1000);
    CHECK_EQUAL(usage.cost_nanodollars, 2500001);
    CHECK_EQUAL(usage.unpriced + usage.unpriced_now, 0);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 1000);
    CHECK_EQUAL(rig_stats(&rig, "work").cost_nanodollars, 2500001);
    CHECK_EQUAL(category_cost("openai"), 2500001);
}

static void cached_input_is_paid_at_its_price_and_saves_the_difference(void)
{
    set_prices(first_card);
    use("openai/model", SLIPRING_UNIT_CACHED_INPUT, 1000000);
    use("openai/model", SLIPRING_UNIT_REASONING, 100);
    rig_settle(&rig);
    const struct slipring_usage_stats usage = stats_of("openai/model");
    CHECK_EQUAL(usage.cost_nanodollars, 1250000000 + 100 * 10000);
    CHECK_EQUAL(usage.savings_nanodollars, 1250001000);
    CHECK_EQUAL(rig_stats(&rig, "work").savings_nanodollars, 1250001000);
}

static void sums_that_would_overflow_stand_still_and_say_so(void)
{
    set_prices(first_card);
    use("dear", SLIPRING_UNIT_REQUEST, 100000); /* a hundred billion dollars */
    use("openai/model", SLIPRING_UNIT_OUTPUT, 1);
    rig_settle(&rig);
    use("dear", SLIPRING_UNIT_REQUEST, 1);
    rig_settle(&rig);
    CHECK_EQUAL(stats_of("dear").cost_nanodollars, UINT64_MAX);
    CHECK_EQUAL(stats_of("dear").units[SLIPRING_UNIT_REQUEST], 100001);
    CHECK_EQUAL(stats_of("openai/model").cost_nanodollars, 10000);
    CHECK(rig_figures(&rig).money_saturated >= 1);
}

static void a_provider_without_room_among_the_categories_pays_as_default(void)
{
    set_prices("resources: {'*': {requests: 1}}\n");
    char name[32];
    uint32_t category = 0;
    for (uint32_t i = 1; i < SLIPRING_CATEGORY_COUNT; i++) {
        (void)snprintf(name, sizeof name, "c%u", i);
        CHECK_OK(slipring_category_get(primitive_of("work"), name, &category));
    }
    use("openai/model", SLIPRING_UNIT_REQUEST, 1);
    use("default", SLIPRING_UNIT_REQUEST, 2); /* a name that is a category already */
    rig_settle(&rig);
    CHECK_EQUAL(category_cost("default"), 3000000000);
    CHECK_EQUAL(category_cost("openai"), UINT64_MAX);
}

/* --- prices that come late, or change --------------------------------------------------------------------------------------------- */

static void what_no_card_knows_is_kept_counted_and_priced_when_one_does(void)
{
    set_prices(first_card);
    use("unknown/model", SLIPRING_UNIT_INPUT, 1000);
    use("unknown/model", SLIPRING_UNIT_OUTPUT, 10);
    rig_settle(&rig);
    struct slipring_usage_stats usage = stats_of("unknown/model");
    CHECK_EQUAL(usage.unpriced, 2);
    CHECK_EQUAL(usage.unpriced_now, 1);
    CHECK_EQUAL(usage.unpriced_units[SLIPRING_UNIT_INPUT], 1000);
    CHECK_EQUAL(usage.cost_nanodollars, 0);
    set_prices("resources: {unknown/model: {input: 1 per 1k}}\n");
    publisher_run(rig.publisher, rig.now_ns);
    usage = stats_of("unknown/model");
    CHECK_EQUAL(usage.unpriced, 2); /* a counter */
    CHECK_EQUAL(usage.unpriced_units[SLIPRING_UNIT_INPUT], 0);
    CHECK_EQUAL(usage.unpriced_units[SLIPRING_UNIT_OUTPUT], 10); /* no price of its own */
    CHECK_EQUAL(usage.unpriced_now, 1);
    CHECK_EQUAL(usage.cost_nanodollars, 1000000000);
    CHECK_EQUAL(category_cost("unknown"), 1000000000);
    use("unknown/model", SLIPRING_UNIT_INPUT, 1);
    rig_settle(&rig);
    CHECK_EQUAL(stats_of("unknown/model").cost_nanodollars, 1001000000);
    CHECK_EQUAL(stats_of("unknown/model").unpriced, 2);
}

static void a_price_counts_from_its_date_on_by_the_wall_clock_of_the_fold(void)
{
    set_prices(first_card);
    rig_pass(&rig, DAY - RIG_SECOND);
    use("timed", SLIPRING_UNIT_IMAGE, 1);
    rig_settle(&rig);
    CHECK_EQUAL(stats_of("timed").cost_nanodollars, 1000000000);
    rig_pass(&rig, RIG_SECOND);
    use("timed", SLIPRING_UNIT_IMAGE, 1);
    rig_settle(&rig);
    CHECK_EQUAL(stats_of("timed").cost_nanodollars, 3000000000);
}

static void what_waits_is_priced_when_a_price_becomes_effective(void)
{
    set_prices(first_card);
    use("later", SLIPRING_UNIT_REQUEST, 3);
    rig_settle(&rig);
    CHECK_EQUAL(stats_of("later").unpriced_units[SLIPRING_UNIT_REQUEST], 3);
    rig_pass(&rig, DAY);
    rig_tick(&rig, RIG_SECOND); /* nothing came since */
    rig_tick(&rig, RIG_SECOND);
    CHECK_EQUAL(stats_of("later").unpriced_now, 0);
    CHECK_EQUAL(stats_of("later").cost_nanodollars, 15000000000);
}

static void the_first_drain_of_an_agent_knows_what_time_it_is(void)
{
    set_prices(first_card);
    rig_pass(&rig, DAY);
    rig_stop(&rig);
    use("timed", SLIPRING_UNIT_IMAGE, 1);
    rig.books = NULL;
    CHECK_OK(agent_store_open(&rig.options, rig.now_ns, rig.wall_ns, &rig.store));
    CHECK_OK(books_open(rig.store, &rig.books));
    CHECK_EQUAL(rig.books->wall_ns, rig.wall_ns);
    books_close(rig.books);
    agent_store_close(rig.store);
    rig_open(&rig);
}

/* --- ticks ------------------------------------------------------------------------------------------------------------------------ */

static void a_tick_folds_what_it_was_told_of(void)
{
    set_prices(first_card);
    use("openai/model", SLIPRING_UNIT_OUTPUT, 1);
    rig_tick(&rig, RIG_SECOND);
    use("openai/model", SLIPRING_UNIT_OUTPUT, 1);
    rig_tick(&rig, RIG_SECOND / 10);
    CHECK_EQUAL(stats_of("openai/model").units[SLIPRING_UNIT_OUTPUT], 2);
}

static void many_accounts_are_folded_a_few_a_tick(void)
{
    set_prices("resources: {'*': {requests: 1}}\n");
    char resource[32];
    for (uint32_t i = 0; i < 300; i++) {
        (void)snprintf(resource, sizeof resource, "r%u", i);
        use(resource, SLIPRING_UNIT_REQUEST, 1);
    }
    for (uint32_t i = 0; i < 12; i++) {
        rig_tick(&rig, RIG_SECOND / 10);
    }
    CHECK_EQUAL(rig_stats(&rig, "work").cost_nanodollars, UINT64_C(300) * 1000000000);
    CHECK_EQUAL(rig_figures(&rig).usage_accounts, 300);
    for (uint32_t i = 0; i < 300; i++) {
        (void)snprintf(resource, sizeof resource, "r%u", i);
        CHECK_EQUAL(stats_of(resource).usages, 1);
    }
}

static void usage_of_a_producer_that_was_killed_counts_and_a_half_made_one_is_torn(void)
{
    set_prices(first_card);
    use("openai/model", SLIPRING_UNIT_OUTPUT, 1);
    const struct sr_drain *rings = agent_store_rings(rig.store);
    atomic_fetch_add(&sr_segment_usage(&rings->segment, 0)->enter, 1); /* killed in its second one */
    rig_settle(&rig);
    rig_settle(&rig);
    CHECK_EQUAL(rig_figures(&rig).samples_torn, 1);
    CHECK_EQUAL(stats_of("openai/model").units[SLIPRING_UNIT_OUTPUT], 1);
}

/* --- duplicates, limits, bad bytes -------------------------------------------------------------------------------------------------- */

/* An account as a racing registrant would leave it beside the first. */
static void make_duplicate(const char *resource, uint64_t input)
{
    struct sr_segment *segment = &agent_store_rings(rig.store)->segment;
    struct sr_usage_name name;
    sr_usage_name_set(&name, sr_segment_usage(segment, 0)->primitive, resource, strlen(resource));
    CHECK_OK(sr_segment_reserve_usage(segment, 1));
    CHECK_EQUAL(atomic_load(sr_segment_usage_key(segment, 1)), SR_USAGE_EMPTY);
    struct sr_usage_account_shm *shm = sr_segment_usage(segment, 1);
    shm->primitive = name.primitive;
    memcpy(shm->resource, name.resource, sizeof shm->resource);
    atomic_store(&shm->enter, 1);
    atomic_store(&shm->exit, 1);
    atomic_store(&shm->usages, 1);
    atomic_store(&shm->units[SLIPRING_UNIT_INPUT], input);
    atomic_store(sr_segment_usage_key(segment, 1), sr_state_word(name.hash, 0, SR_USAGE_READY));
}

static void duplicates_are_one_account(void)
{
    use("openai/model", SLIPRING_UNIT_INPUT, 10);
    make_duplicate("openai/model", 5);
    rig_settle(&rig);
    CHECK_EQUAL(stats_of("openai/model").units[SLIPRING_UNIT_INPUT], 15);
    CHECK_EQUAL(stats_of("openai/model").usages, 2);
    CHECK_EQUAL(rig_figures(&rig).usage_accounts, 1);
}

static void usage_that_found_no_account_is_counted_as_lost(void)
{
    struct sr_segment *segment = &agent_store_rings(rig.store)->segment;
    use("openai/model", SLIPRING_UNIT_INPUT, 10);
    sr_usage_lose(segment);
    sr_usage_lose(segment);
    rig_settle(&rig);
    CHECK_EQUAL(rig_figures(&rig).usage_lost, 2);
    rig_drop(&rig);
    rig_open(&rig);
    rig_settle(&rig);
    CHECK_EQUAL(rig_figures(&rig).usage_lost, 2);
}

static void counters_that_run_backwards_are_left_out(void)
{
    set_prices(first_card);
    use("openai/model", SLIPRING_UNIT_INPUT, 10);
    rig_settle(&rig);
    struct sr_usage_account_shm *shm = sr_segment_usage(&agent_store_rings(rig.store)->segment, 0);
    atomic_store(&shm->units[SLIPRING_UNIT_INPUT], 3);
    atomic_fetch_add(&shm->enter, 1);
    atomic_fetch_add(&shm->exit, 1);
    rig_settle(&rig);
    CHECK_EQUAL(stats_of("openai/model").units[SLIPRING_UNIT_INPUT], 10);
    CHECK_EQUAL(stats_of("openai/model").cost_nanodollars, 25000);
    use("openai/model", SLIPRING_UNIT_INPUT, 4); /* from where it is now */
    rig_settle(&rig);
    CHECK_EQUAL(stats_of("openai/model").units[SLIPRING_UNIT_INPUT], 14);
}

static void accounts_of_nobody_and_without_a_name_are_none(void)
{
    struct sr_segment *segment = &agent_store_rings(rig.store)->segment;
    use("good", SLIPRING_UNIT_INPUT, 1);
    for (uint32_t i = 1; i < 5; i++) {
        struct sr_usage_account_shm *shm = sr_segment_usage(segment, i);
        memset(shm->resource, i == 1 ? 'x' : 0, sizeof shm->resource); /* no end; no name */
        shm->primitive = i == 3 ? UINT32_MAX : i == 4 ? 5000 : 1;      /* no id; nobody's */
        memcpy(shm->resource, i >= 3 ? "name" : i == 2 ? "\n\n\n\n" : "xxxx", 4);
        atomic_store(&shm->usages, 7);
        atomic_store(&shm->enter, 7);
        atomic_store(&shm->exit, 7);
        atomic_store(sr_segment_usage_key(segment, i), sr_state_word(i, 0, SR_USAGE_READY));
    }
    atomic_store(sr_segment_usage_key(segment, 5), sr_state_word(1, 0, 77));
    atomic_store(sr_segment_usage_key(segment, 100),
                 sr_state_word(1, 0, SR_USAGE_READY)); /* behind the end */
    rig_settle(&rig);
    rig_tick(&rig, RIG_SECOND);
    CHECK_EQUAL(rig_figures(&rig).usage_accounts, 1);
    CHECK_EQUAL(stats_of("good").usages, 1);
}

static void without_a_page_for_the_books_usage_waits(void)
{
    use("openai/model", SLIPRING_UNIT_INPUT, 10);
    faults_arm(0, 1000000, ENOSPC);
    rig_settle(&rig);
    faults_arm(0, 0, 0);
    CHECK_EQUAL(rig_figures(&rig).usage_accounts, 0);
    rig_pass(&rig, RIG_SECOND);
    rig_settle(&rig);
    rig_settle(&rig);
    CHECK_EQUAL(stats_of("openai/model").units[SLIPRING_UNIT_INPUT], 10);
}

/* --- other segments ------------------------------------------------------------------------------------------------------------------ */

static void accounts_go_on_after_a_kill_and_a_new_ring_segment(void)
{
    char path[PATH_MAX];
    set_prices(first_card);
    use("openai/model", SLIPRING_UNIT_OUTPUT, 1);
    rig_settle(&rig);
    rig_drop(&rig);
    use("openai/model", SLIPRING_UNIT_OUTPUT, 1);
    rig_open(&rig);
    rig_settle(&rig);
    CHECK_EQUAL(stats_of("openai/model").cost_nanodollars, 20000);
    rig_drop(&rig);
    place_path(path, place_store(), "ring");
    CHECK_EQUAL(unlink(path), 0);
    rig_open(&rig);
    rig_settle(&rig);
    CHECK_EQUAL(stats_of("openai/model").units[SLIPRING_UNIT_OUTPUT], 2);
    CHECK_EQUAL(rig_figures(&rig).usage_accounts, 1);
}

static void new_books_begin_with_what_is_used_from_now_on(void)
{
    char path[PATH_MAX];
    use("openai/model", SLIPRING_UNIT_OUTPUT, 7);
    sr_usage_lose(&agent_store_rings(rig.store)->segment);
    rig_settle(&rig);
    rig_drop(&rig);
    place_path(path, place_store(), "stats");
    CHECK_EQUAL(unlink(path), 0);
    rig_open(&rig);
    use("openai/model", SLIPRING_UNIT_OUTPUT, 1);
    rig_settle(&rig);
    CHECK_EQUAL(stats_of("openai/model").units[SLIPRING_UNIT_OUTPUT], 1);
    CHECK_EQUAL(rig_figures(&rig).usage_lost, 0);
}

static void a_store_that_moves_loses_no_usage(void)
{
    char path[PATH_MAX];
    set_prices(first_card);
    use("openai/model", SLIPRING_UNIT_OUTPUT, 1);
    rig_settle(&rig);
    use("openai/model", SLIPRING_UNIT_OUTPUT, 1);
    place_path(path, place_store(), "ring");
    CHECK_EQUAL(unlink(path), 0);
    rig_tick(&rig, RIG_SECOND);
    CHECK(access(path, F_OK) == 0);
    use("openai/model", SLIPRING_UNIT_OUTPUT, 1);
    use("another", SLIPRING_UNIT_OUTPUT, 1);
    rig_tick(&rig, RIG_SECOND);
    rig_settle(&rig);
    CHECK_EQUAL(stats_of("openai/model").units[SLIPRING_UNIT_OUTPUT], 3);
    CHECK_EQUAL(stats_of("openai/model").cost_nanodollars, 30000);
    CHECK_EQUAL(stats_of("another").usages, 1);
    place_path(path, place_store(), "stats");
    CHECK_EQUAL(unlink(path), 0);
    rig_tick(&rig, RIG_SECOND);
    CHECK_EQUAL(stats_of("openai/model").usages, 3);
}

/* --- beginning anew, and checkpoints --------------------------------------------------------------------------------------------------- */

static void a_reset_begins_the_accounts_anew_and_what_waited_is_gone(void)
{
    set_prices(first_card);
    use("openai/model", SLIPRING_UNIT_INPUT, 1);
    use("unknown", SLIPRING_UNIT_INPUT, 1);
    rig_settle(&rig);
    const uint32_t book =
        rig.books->primitive[sr_segment_usage(&agent_store_rings(rig.store)->segment, 0)->primitive].book;
    usage_reset(rig.books, book);
    books_commit(rig.books);
    use("openai/model", SLIPRING_UNIT_INPUT, 1000000);
    rig_settle(&rig);
    CHECK_EQUAL(stats_of("openai/model").usages, 1);
    CHECK_EQUAL(stats_of("openai/model").cost_nanodollars, 2500001000);
    CHECK_EQUAL(stats_of("unknown").usages + stats_of("unknown").unpriced_now + stats_of("unknown").unpriced,
                0);
}

/* More words than a journal has pairs. */
static void thousands_of_accounts_begin_anew(void)
{
    struct slipring_usage usage;
    char resource[32];
    set_prices(
        "resources: {'*': {input: 1 per 1M, output: 1 per 1M, audio_input: 1 per 1M, audio_output: 1 per 1M, "
        "images: 1, characters: 1 per 1M, seconds: 1, bytes: 1 per 1M, requests: 1}}\n");
    for (uint32_t unit = 0; unit < SLIPRING_UNIT_MAX; unit++) {
        usage.units[unit] = unit < SLIPRING_UNIT_COUNT ? 1 : 0;
    }
    for (uint32_t i = 0; i < 2800; i++) {
        (void)snprintf(resource, sizeof resource, "r%u", i);
        CHECK_OK(slipring_record_usage(primitive_of("work"), MS, SLIPRING_SUCCESS, resource, &usage));
    }
    rig_settle(&rig);
    CHECK_EQUAL(rig_figures(&rig).usage_accounts, 2800);
    CHECK_EQUAL(reset_named(rig.books, "work", NULL, rig.now_ns, rig.wall_ns), 1);
    CHECK_OK(slipring_record_usage(primitive_of("work"), MS, SLIPRING_SUCCESS, "r7", &usage));
    rig_settle(&rig);
    CHECK_EQUAL(stats_of("r7").units[SLIPRING_UNIT_IMAGE], 1);
    CHECK_EQUAL(stats_of("r2799").usages + stats_of("r2799").cost_nanodollars, 0);
    CHECK_EQUAL(rig_stats(&rig, "work").cost_nanodollars, stats_of("r7").cost_nanodollars);
}

static void a_checkpoint_brings_lifetimes_thousandths_and_what_waits(void)
{
    set_prices(first_card);
    use("openai/model", SLIPRING_UNIT_INPUT, 1); /* 2,500.001 */
    use("unknown", SLIPRING_UNIT_INPUT, 7);
    rig_settle(&rig);
    uint32_t owner = 0;
    struct saved_usage saved[3];
    const uint32_t book =
        rig.books->primitive[sr_segment_usage(&agent_store_rings(rig.store)->segment, 0)->primitive].book;
    CHECK(usage_take_at(rig.books, 0, &owner, &saved[0]));
    CHECK(usage_take_at(rig.books, 1, &owner, &saved[1]));
    CHECK_EQUAL(owner, book);
    CHECK(!usage_take_at(rig.books, 2, &owner, &saved[2]));
    CHECK_EQUAL(saved[0].cost, 2500);
    CHECK_EQUAL(saved[0].cost_rest, 1);
    CHECK_EQUAL(saved[1].waiting[SLIPRING_UNIT_INPUT], 7);
    usage_reset(rig.books, book); /* as in books that are new */
    CHECK_OK(usage_restore(rig.books, book, &saved[0]));
    CHECK_OK(usage_restore(rig.books, book, &saved[1]));
    books_commit(rig.books);
    for (uint32_t i = 0; i < 999; i++) {
        use("openai/model", SLIPRING_UNIT_INPUT, 1);
    }
    rig_settle(&rig);
    struct slipring_usage_stats usage = stats_of("openai/model");
    CHECK_EQUAL(usage.usages, 999);
    CHECK_EQUAL(usage.lifetime_usages, 1000);
    CHECK_EQUAL(usage.lifetime_cost_nanodollars, 2500001); /* exactly a thousand of them */
    usage = stats_of("unknown");
    CHECK_EQUAL(usage.units[SLIPRING_UNIT_INPUT], 0);
    CHECK_EQUAL(usage.unpriced_units[SLIPRING_UNIT_INPUT], 7);
    set_prices("resources: {'*': {input: 1 per 1}}\n");
    publisher_run(rig.publisher, rig.now_ns);
    usage = stats_of("unknown");
    CHECK_EQUAL(usage.unpriced_now, 0);
    CHECK_EQUAL(usage.cost_nanodollars, 7000000000);
    struct saved_usage none = {.usages = 1};
    CHECK_STATUS(usage_restore(rig.books, book, &none), SLIPRING_BAD_NAME);
    memset(none.resource, 'x', sizeof none.resource);
    CHECK_STATUS(usage_restore(rig.books, book, &none), SLIPRING_BAD_NAME);
    CHECK(usage_take_at(rig.books, 0, &owner, &saved[0]));
    CHECK_EQUAL(saved[0].usages, 1000);
    CHECK_EQUAL(saved[0].units[SLIPRING_UNIT_INPUT], 1000);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(money_is_exact_however_usage_is_batched),
        RIG_TEST(cached_input_is_paid_at_its_price_and_saves_the_difference),
        RIG_TEST(sums_that_would_overflow_stand_still_and_say_so),
        RIG_TEST(a_provider_without_room_among_the_categories_pays_as_default),
        RIG_TEST(what_no_card_knows_is_kept_counted_and_priced_when_one_does),
        RIG_TEST(a_price_counts_from_its_date_on_by_the_wall_clock_of_the_fold),
        RIG_TEST(what_waits_is_priced_when_a_price_becomes_effective),
        RIG_TEST(the_first_drain_of_an_agent_knows_what_time_it_is),
        RIG_TEST(a_tick_folds_what_it_was_told_of),
        RIG_TEST(many_accounts_are_folded_a_few_a_tick),
        RIG_TEST(usage_of_a_producer_that_was_killed_counts_and_a_half_made_one_is_torn),
        RIG_TEST(duplicates_are_one_account),
        RIG_TEST(usage_that_found_no_account_is_counted_as_lost),
        RIG_TEST(counters_that_run_backwards_are_left_out),
        RIG_TEST(accounts_of_nobody_and_without_a_name_are_none),
        RIG_TEST(without_a_page_for_the_books_usage_waits),
        RIG_TEST(accounts_go_on_after_a_kill_and_a_new_ring_segment),
        RIG_TEST(new_books_begin_with_what_is_used_from_now_on),
        RIG_TEST(a_store_that_moves_loses_no_usage),
        RIG_TEST(a_reset_begins_the_accounts_anew_and_what_waited_is_gone),
        RIG_TEST(thousands_of_accounts_begin_anew),
        RIG_TEST(a_checkpoint_brings_lifetimes_thousandths_and_what_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
