/* SPDX-License-Identifier: Apache-2.0 */
/* Books at rest: agent/books/agenda.h, and libshm/peer/slide.h. Two agents book the same in the same time, which the test makes, at random; one of them
 * lets no book rest. What they wrote down is the same, and what slid is what is published anew.
 * ctest-timeout: 300 */
#include "agent/books/agenda.h"

#include <string.h>

#include <slipring/slipring.h>

#include "agent/books/reset.h"
#include "agent/drain/drain.h"
#include "api/process.h"
#include "peer/stats.h"
#include "support/budget.h"
#include "support/place.h"
#include "support/rig.h"

#define MS     UINT64_C(1000000)
#define MINUTE (60 * RIG_SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

enum { STILL, RARE, MONTH, MONEY, BUSY, SPANS, COUNT };
static const char *const names[COUNT] = {"still", "rare", "month", "money", "busy", "spans"};

/* An agent, its producer and its primitives. */
struct side {
    struct rig *rig;
    struct slipring_store *producer;
    struct slipring_primitive *primitives[COUNT];
    struct slipring_span span;
    bool is_begun;
};

static struct rig other;
static struct side sides[2];
static uint64_t slid; /* publishings that were compared with publishing anew */

static uint32_t book_of(const struct side *side, uint32_t which)
{
    return side->rig->books->primitive[sr_handle_id(side->primitives[which])].book;
}

static void add_objectives(struct side *side)
{
    const struct slipring_slo slo = {.target_ppb = SLIPRING_TARGET(0.9),
                                     .latency_threshold_ns = 3 * MS,
                                     .availability_ppb = SLIPRING_TARGET(0.99)};
    struct slipring_slo of = slo;
    for (uint32_t i = 0; i < COUNT; i++) {
        of.period_s = i == MONTH ? SLIPRING_PERIOD_MONTH : i == RARE ? 7200 : 0;
        if (i != MONEY) {
            CHECK_OK(slipring_slo_configure(side->primitives[i], &of));
        }
    }
}

static void begin_side(struct side *side, struct rig *which, struct slipring_store *producer)
{
    side->rig = which;
    side->producer = producer;
    for (uint32_t i = 0; i < COUNT; i++) {
        CHECK_OK(slipring_primitive_get(producer, names[i], NULL, &side->primitives[i]));
    }
    add_objectives(side);
}

static void begin(void)
{
    static struct slipring_store *producer;
    struct agent_options options = rig.options;
    options.shows_native = true;
    options.native_schema = 3;
    rig_stop(&rig);
    rig.options = options;
    rig_open(&rig);
    other = rig_of(place_new_store());
    other.options.shows_native = true;
    other.options.native_schema = 3;
    other.now_ns = rig.now_ns;
    other.wall_ns = rig.wall_ns;
    rig_open(&other);
    CHECK_OK(slipring_open(other.options.store, &producer));
    begin_side(&sides[0], &rig, rig_producer);
    begin_side(&sides[1], &other, producer);
    for (uint32_t i = 0; i < 2; i++) {
        rig_tick(sides[i].rig, RIG_SECOND);
        budget_set(sides[i].rig, book_of(&sides[i], MONEY), "budget", 1000000, 86400);
    }
}

static void end(void)
{
    rig_stop(&other);
    CHECK_OK(slipring_close(sides[1].producer));
}

static uint64_t random_state;

static uint64_t random_next(void) /* splitmix64 */
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* --- what happens ----------------------------------------------------------------------------------------------------------- */

static void record(struct side *side, uint32_t which, uint64_t dice)
{
    const struct slipring_cost cost = {.cost_nanodollars = dice % 1000};
    for (uint64_t i = 0; i <= dice % 3; i++) {
        slipring_record(side->primitives[which], MS + dice % (4 * MS),
                        dice % 7 == 0 ? SLIPRING_FAILURE : SLIPRING_SUCCESS, which == MONEY ? &cost : NULL);
    }
}

static void turn_span(struct side *side)
{
    if (side->is_begun) {
        slipring_cancel(&side->span); /* ended, its duration would be another one on each side */
    } else {
        side->span = slipring_begin(side->primitives[SPANS]);
    }
    side->is_begun = !side->is_begun;
}

static void happen(struct side *side, uint64_t dice)
{
    const struct slipring_cost cost = {.cost_nanodollars = dice % 1000};
    switch (dice / 1000 % 40) {
    case 0:
        record(side, RARE, dice);
        break;
    case 1:
        record(side, MONTH, dice);
        break;
    case 2:
        record(side, MONEY, dice);
        break;
    case 3:
        slipring_record_cost(side->primitives[MONEY], &cost);
        break;
    case 4:
    case 5:
        turn_span(side);
        break;
    case 6:
        if (dice / 1000000 % 8 == 0) {
            reset_book(side->rig->books, book_of(side, RARE), side->rig->now_ns, side->rig->wall_ns);
        }
        break;
    default:
        break;
    }
    if (dice / 100000000 % 5 != 0) {
        record(side, BUSY, dice);
    }
}

/* Mostly as an agent ticks; now and then nobody looks for long, but never for longer than `most`. */
static uint64_t later_ns(uint64_t dice, uint64_t most)
{
    static const uint64_t rests[] = {RIG_SECOND, 7 * RIG_SECOND, MINUTE + 1, MINUTE, 10 * MINUTE,
                                     HOUR,       2 * HOUR,       26 * HOUR,  8 * DAY};
    const uint64_t kind = dice % 300;
    return kind < SR_ARRAY_COUNT(rests) && rests[kind] <= most ? rests[kind]
                                                               : (1 + dice / 300 % 30) * RIG_SECOND / 10;
}

/* --- what is the same ----------------------------------------------------------------------------------------------------------- */

static void expect_words(uint32_t first, uint32_t count)
{
    struct sr_words *words[2] = {&agent_store_books(rig.store)->words,
                                 &agent_store_books(other.store)->words};
    for (uint32_t i = first; i < first + count; i++) {
        CHECK_EQUAL(sr_words_get(words[0], i), sr_words_get(words[1], i));
    }
}

static void expect_same_books(void)
{
    for (uint32_t i = 0; i < COUNT; i++) {
        const uint32_t book = book_of(&sides[0], i);
        CHECK_EQUAL(book, book_of(&sides[1], i));
        expect_words(SR_WORD(book, book, 0), SR_WORDS_PER_book);
        expect_words(SR_WORD(window, book, 0), SR_WORDS_PER_window);
        expect_words(SR_WORD(history, book * SLIPRING_OBJECTIVE_COUNT, 0), 2 * SR_WORDS_PER_history);
    }
}

struct shown {
    struct slipring_stats stats;
    struct slipring_stats_detail detail;
    struct slipring_slo_stats slo;
    struct sr_native_packed native;
    bool has_native;
};

static void read_shown(const struct side *side, uint32_t which, struct shown *out)
{
    struct sr_stats *stats = sr_stats_of_mapping(agent_store_stats_base(side->rig->store),
                                                 agent_store_stats_path(side->rig->store));
    CHECK(stats != NULL);
    const uint32_t place = side->rig->books->book[book_of(side, which)].place;
    memset(out, 0, sizeof *out);
    CHECK_OK(sr_stats_get_native(stats, place, &out->stats, &out->detail, &out->native, &out->has_native));
    CHECK(out->native.bytes <= sizeof out->native.packed);
    memset(out->native.packed + out->native.bytes, 0, sizeof out->native.packed - out->native.bytes);
    CHECK_OK(sr_stats_slo(stats, place, &out->slo));
    sr_stats_close(stats);
}

/* Byte by byte; what lies between members is 0. */
static bool is_same(const struct shown *one, const struct shown *other_one)
{
    const uint8_t *bytes = (const uint8_t *)one;
    return memcmp(bytes, (const uint8_t *)other_one, sizeof *one) == 0;
}

/* What the tick slid, against what is published anew at the same moment. */
static void expect_what_slid(void)
{
    static struct shown before[COUNT];
    static struct shown after;
    for (uint32_t i = 0; i < COUNT; i++) {
        read_shown(&sides[0], i, &before[i]);
    }
    bool was_slid[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        was_slid[i] = rig.books->book[book_of(&sides[0], i)].is_slid;
    }
    publisher_run(rig.publisher, rig.now_ns);
    publisher_run(other.publisher, other.now_ns);
    for (uint32_t i = 0; i < COUNT; i++) {
        read_shown(&sides[0], i, &after);
        if (was_slid[i] && before[i].stats.published_ns == rig.now_ns) {
            CHECK(before[i].has_native);
            CHECK(is_same(&before[i], &after));
            slid++;
        }
        read_shown(&sides[1], i, &before[i]);
        CHECK(is_same(&before[i], &after));
    }
}

static void go_on(uint64_t seed, uint32_t steps, uint64_t most)
{
    random_state = seed;
    begin();
    for (uint32_t step = 0; step < steps; step++) {
        const uint64_t dice = random_next();
        const uint64_t later = later_ns(random_next(), most);
        for (uint32_t i = 0; i < 2; i++) {
            happen(&sides[i], dice);
            if (i == 1) {
                agenda_wake_all(other.books);
            }
            rig_tick(sides[i].rig, later);
        }
        if (step % 16 == 0) {
            expect_same_books();
        }
        if (random_next() % 16 == 0) {
            expect_what_slid();
        }
    }
    expect_same_books();
    end();
}

static void books_that_rest_are_kept_as_if_each_round_had_looked_at_them_G2(void)
{
    go_on(1, 2000, 8 * DAY);
}

static void what_slides_is_what_is_published_anew_G1(void)
{
    go_on(20261126, 2000, 10 * MINUTE);
    CHECK(slid > 50);
}

/* --- that they rest ------------------------------------------------------------------------------------------------------------- */

static uint32_t awake(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < rig.books->high; i++) {
        count += !agenda_rests(rig.books, i, rig.now_ns);
    }
    return count;
}

static void books_to_which_nothing_comes_rest_and_a_month_that_begins_wakes_them_all(void)
{
    begin();
    for (uint32_t i = 0; i < COUNT; i++) {
        record(&sides[0], i, 2);
    }
    for (uint32_t i = 0; i < 4000; i++) { /* until the slices of ten seconds and of the minute have left */
        rig_tick(&rig, RIG_SECOND / 10);
    }
    uint32_t woken = 0;
    for (uint32_t i = 0; i < 100; i++) {
        rig_tick(&rig, RIG_SECOND / 10);
        woken += awake();
    }
    CHECK_EQUAL(woken, 0);
    record(&sides[0], RARE, 2);
    (void)drain_tick(rig.drain, rig.now_ns += 2 * MS);
    CHECK_EQUAL(awake(), 1);
    rig_tick(&rig, RIG_SECOND / 10);
    rig.wall_ns += 31 * DAY; /* somebody set the clock */
    books_set_time(rig.books, rig.wall_ns);
    CHECK_EQUAL(awake(), rig.books->high);
    end();
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(books_that_rest_are_kept_as_if_each_round_had_looked_at_them_G2),
        RIG_TEST(what_slides_is_what_is_published_anew_G1),
        RIG_TEST(books_to_which_nothing_comes_rest_and_a_month_that_begins_wakes_them_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
