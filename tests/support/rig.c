/* SPDX-License-Identifier: Apache-2.0 */
/* An agent for tests: see rig.h. */
#include "support/rig.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "agent/books/refit.h"
#include "agent/drain/drain.h"
#include "agent/log.h"
#include "pure/sparse.h"
#include "support/child.h"
#include "support/place.h"
#include "system/clock.h"

struct rig rig;
struct slipring_store *rig_producer;

static void run_body(void *argument)
{
    const struct rig_body *body = argument;
    rig = rig_of(place_new_store());
    rig_open(&rig);
    CHECK_OK(slipring_open(rig.options.store, &rig_producer));
    body->run();
    if (rig.store) {
        rig_settle(&rig);
        rig_expect_balance(&rig);
        rig_stop(&rig);
    }
    CHECK_OK(slipring_close(rig_producer));
}

static void run_in_child(void **state)
{
    for (int i = 0; i < 4; i++) { /* the child's are the next ones, which we do not see */
        (void)place_new_store();
    }
    child_run(run_body, *state);
}

struct CMUnitTest rig_unit_test(const char *name, struct rig_body *body)
{
    return (struct CMUnitTest){.name = name, .test_func = run_in_child, .initial_state = body};
}

struct rig rig_of(const char *store)
{
    log_set_level(LOG_ERROR); /* what a test provokes is not worth a line */
    return (struct rig){.options = {.store = store, .group = (gid_t)-1},
                        .now_ns = SR_CLOCK_BASE_NS + 1000 * RIG_SECOND,
                        .wall_ns = RIG_WALL_NS};
}

void rig_open(struct rig *which)
{
    CHECK_OK(agent_store_open(&which->options, which->now_ns, which->wall_ns, &which->store));
    CHECK_OK(books_open(which->store, &which->books));
    books_set_time(which->books, which->wall_ns);
    if (which->before_drain) {
        which->before_drain(which);
    }
    if (which->checkpoint_folder) {
        const struct options options = {.checkpoint_folder = which->checkpoint_folder,
                                        .checkpoint_totals_ns = OPTIONS_CHECKPOINT_TOTALS_NS,
                                        .checkpoint_slices_ns = OPTIONS_CHECKPOINT_SLICES_NS};
        CHECK_OK(checkpoint_open(&options, which->store, which->books, which->now_ns, which->wall_ns,
                                 &which->checkpoint));
    }
    CHECK_OK(drain_open(which->store, which->books, which->now_ns, &which->drain));
    CHECK_OK(reaper_open(which->store, which->books, which->drain, which->now_ns, &which->reaper));
    CHECK_OK(retirer_open(which->books, which->drain, which->now_ns, &which->retirer));
    CHECK_OK(publisher_open(which->store, which->books, which->drain, which->now_ns, &which->publisher));
    publisher_show_checkpoint(which->publisher, which->checkpoint);
    CHECK_OK(mover_open(which->store, which->books, which->drain, &which->mover));
}

static void close_all(struct rig *which)
{
    mover_close(which->mover);
    publisher_close(which->publisher);
    retirer_close(which->retirer);
    reaper_close(which->reaper);
    drain_close(which->drain);
    checkpoint_close(which->checkpoint);
    which->checkpoint = NULL;
    books_close(which->books);
    agent_store_close(which->store);
    which->store = NULL;
}

void rig_drop(struct rig *which)
{
    close_all(which); /* writes no durable word */
}

void rig_stop(struct rig *which)
{
    drain_all(which->drain, which->now_ns);
    publisher_run(which->publisher, which->now_ns);
    checkpoint_finish(which->checkpoint, which->now_ns, which->wall_ns);
    close_all(which);
}

void rig_pass(struct rig *which, uint64_t later_ns)
{
    which->now_ns += later_ns;
    which->wall_ns += later_ns;
    if (which->store) {
        books_set_time(which->books, which->wall_ns);
    }
}

void rig_tick(struct rig *which, uint64_t later_ns)
{
    rig_pass(which, later_ns);
    CHECK(drain_tick(which->drain, which->now_ns) <= RIG_SECOND / 20);
    CHECK(reaper_tick(which->reaper, which->now_ns) <= RIG_SECOND);
    CHECK(retirer_tick(which->retirer, which->now_ns) <= 60 * RIG_SECOND);
    uint64_t wait_ns = 0;
    while ((wait_ns = publisher_tick(which->publisher, which->now_ns)) == 0) {
    }
    CHECK(wait_ns <= RIG_SECOND / 10);
    CHECK(mover_tick(which->mover, which->now_ns) <= RIG_SECOND);
}

void rig_settle(struct rig *which)
{
    for (int i = 0; i < 2; i++) {
        rig_pass(which, RIG_SECOND / 100);
        drain_all(which->drain, which->now_ns);
        reaper_run(which->reaper, which->now_ns);
    }
    publisher_run(which->publisher, which->now_ns);
}

void rig_boot(struct rig *which, int64_t off_ns)
{
    static const char *const suffixes[] = {"ring", "stats", "lock"};
    CHECK_OK(slipring_close(rig_producer));
    for (uint32_t i = 0; i < 3; i++) {
        char path[PATH_MAX];
        place_path(path, which->options.store, suffixes[i]);
        CHECK_EQUAL(unlink(path), 0);
    }
    which->now_ns = SR_CLOCK_BASE_NS + 20 * RIG_SECOND;
    which->wall_ns += (uint64_t)off_ns;
    rig_open(which);
    CHECK_OK(slipring_open(which->options.store, &rig_producer));
    rig_settle(which);
}

static void breathe(void *context)
{
    struct rig *which = context;
    (void)drain_tick(which->drain, which->now_ns);
}

void rig_change_options(struct rig *which, const struct agent_options *options)
{
    const char *store = which->options.store;
    which->options = *options;
    which->options.store = store;
    drain_all(which->drain, which->now_ns);
    refit_books(which->store, which->books, options, which->now_ns, breathe, which);
}

/* --- figures ------------------------------------------------------------------------------------------------------------- */

static uint32_t find(struct rig *which, const char *name, struct slipring_stats *out_stats,
                     struct slipring_stats_detail *out_detail)
{
    struct sr_stats *stats =
        sr_stats_of_mapping(agent_store_stats_base(which->store), agent_store_stats_path(which->store));
    CHECK(stats != NULL);
    uint32_t found = 0;
    for (uint32_t id = 0; id < sr_stats_high(stats); id++) {
        struct slipring_stats figure;
        struct slipring_stats_detail detail;
        if (sr_stats_get(stats, id, &figure, &detail) == SLIPRING_OK && strcmp(detail.name, name) == 0) {
            *out_stats = figure;
            *out_detail = detail;
            found++;
        }
    }
    sr_stats_close(stats);
    return found;
}

struct slipring_stats rig_stats(struct rig *which, const char *name)
{
    struct slipring_stats stats = {.count = 0};
    struct slipring_stats_detail detail;
    CHECK_EQUAL(find(which, name, &stats, &detail), 1);
    return stats;
}

struct slipring_stats_detail rig_detail(struct rig *which, const char *name)
{
    struct slipring_stats stats;
    struct slipring_stats_detail detail = {.bound_count = 0};
    CHECK_EQUAL(find(which, name, &stats, &detail), 1);
    return detail;
}

struct slipring_exemplars rig_exemplars(struct rig *which, const char *name)
{
    struct slipring_exemplars exemplars = {.slowest_count = 0};
    struct sr_stats *stats =
        sr_stats_of_mapping(agent_store_stats_base(which->store), agent_store_stats_path(which->store));
    CHECK(stats != NULL);
    for (uint32_t id = 0; id < sr_stats_high(stats); id++) {
        struct slipring_stats figure;
        struct slipring_stats_detail detail;
        if (sr_stats_get(stats, id, &figure, &detail) == SLIPRING_OK && strcmp(detail.name, name) == 0 &&
            sr_stats_exemplars(stats, id, &exemplars) == SLIPRING_NO_DATA) {
            CHECK_EQUAL(exemplars.slowest_count, 0);
        }
    }
    sr_stats_close(stats);
    return exemplars;
}

uint32_t rig_count_of(struct rig *which, const char *name)
{
    struct slipring_stats stats;
    struct slipring_stats_detail detail;
    return find(which, name, &stats, &detail);
}

struct sr_agent_figures rig_figures(struct rig *which)
{
    struct sr_stats *stats =
        sr_stats_of_mapping(agent_store_stats_base(which->store), agent_store_stats_path(which->store));
    struct sr_agent_figures figures = {.drains = 0};
    CHECK(stats != NULL);
    CHECK_OK(sr_stats_agent_figures(stats, &figures));
    sr_stats_close(stats);
    return figures;
}

/* --- double entry --------------------------------------------------------------------------------------------------------- */

static void check_book(struct rig *which, uint32_t index)
{
    uint64_t cells = 0;
    for (uint32_t i = 0; i < SR_BUCKET_COUNT; i++) {
        cells += RIG_WORD(which, book, index, SR_BOOK_CELLS + i);
    }
    CHECK_EQUAL(cells, RIG_WORD(which, book, index, SR_BOOK_COUNT));
    CHECK_EQUAL(RIG_WORD(which, book, index, SR_BOOK_COUNT),
                RIG_WORD(which, book, index, SR_BOOK_TAKEN) - RIG_WORD(which, book, index, SR_BOOK_BESIDE) -
                    RIG_WORD(which, book, index, SR_BOOK_OTHERS) +
                    RIG_WORD(which, book, index, SR_BOOK_SPILLED));
}

/* A slice says how many executions it holds, and ends after it began; returns how many. 0: none. */
static uint64_t check_slice(struct rig *which, uint32_t index, uint64_t place, uint64_t *end_ns)
{
    static uint64_t raw[SR_WORDS_PER_slice];
    static uint64_t cells[SR_BUCKET_COUNT];
    const uint32_t first = (uint32_t)(place >> 32) / 8;
    const uint32_t bytes = (uint32_t)place;
    if (place == 0) {
        return 0;
    }
    CHECK(bytes >= 8 * SR_SLICE_HEAD_WORDS && bytes <= sizeof raw && first + bytes / 8 <= SR_WORDS_PER_slice);
    sr_words_read(&agent_store_books(which->store)->words, SR_WORD(slice, index, first), (bytes + 7) / 8,
                  raw);
    memset(cells, 0, sizeof cells);
    CHECK(raw[SR_SLICE_COARSE_BYTES] <= bytes - 8 * SR_SLICE_HEAD_WORDS);
    CHECK(sr_sparse_add(cells, SR_BUCKET_COUNT, (const uint8_t *)(raw + SR_SLICE_HEAD_WORDS),
                        raw[SR_SLICE_COARSE_BYTES]));
    uint64_t sum = 0;
    for (uint32_t i = 0; i < SR_BUCKET_COUNT; i++) {
        sum += cells[i];
    }
    CHECK_EQUAL(sum, raw[SR_SLICE_COUNT]);
    CHECK(raw[SR_SLICE_START_NS] >= *end_ns && raw[SR_SLICE_END_NS] >= raw[SR_SLICE_START_NS]);
    *end_ns = raw[SR_SLICE_END_NS];
    return sum;
}

/* Nothing stands in two parts of a window. */
static void check_windows(struct rig *which, uint32_t index)
{
    const uint64_t open_ns = RIG_WORD(which, book, index, SR_BOOK_OPEN_NS);
    uint64_t rest = 0; /* in growing slices of this tier and the shorter ones */
    for (uint32_t tier = 0; tier < SR_TIER_MAX; tier++) {
        const uint32_t words = tier * SR_TIER_WORDS;
        const uint64_t first = RIG_WORD(which, window, index, words + SR_TIER_FIRST);
        const uint64_t count = RIG_WORD(which, window, index, words + SR_TIER_COUNT);
        uint64_t end_ns = 0;
        uint64_t total = 0;
        for (uint64_t i = 0; i < count; i++) {
            const uint32_t slice = (uint32_t)((first + i) % SR_TIER_SLICE_MAX);
            total += check_slice(which, index, RIG_WORD(which, window, index, words + SR_TIER_SLICES + slice),
                                 &end_ns);
        }
        rest += check_slice(which, index, RIG_WORD(which, window, index, words + SR_TIER_GROWING), &end_ns);
        CHECK(total + rest <= RIG_WORD(which, book, index, SR_BOOK_BASE_COUNT) +
                                  RIG_WORD(which, former, index, SR_FORMER_COUNT));
        CHECK(open_ns == 0 || open_ns >= end_ns);
    }
}

static uint64_t sum_block(struct rig *which, uint32_t first, uint32_t cells)
{
    uint64_t sum = 0;
    for (uint32_t i = SR_SPILL_CELLS; i < SR_SPILL_CELLS + 2 * cells; i++) {
        sum += sr_words_get(&agent_store_books(which->store)->words, first + i);
    }
    return sum;
}

static void check_usage(struct rig *which)
{
    uint64_t usages = 0 - RIG_WORD(which, store, 0, SR_STORE_FORMER_USAGES);
    uint64_t units = 0 - RIG_WORD(which, store, 0, SR_STORE_FORMER_UNITS);
    for (uint32_t i = 0; i < SR_USAGE_MAX; i++) {
        const struct sr_words *words = &agent_store_books(which->store)->words;
        const bool has_copy = sr_words_exist(words, SR_WORD(copy_usage, i, 0));
        const bool has_account = sr_words_exist(words, SR_WORD(usage, i, 0));
        usages += has_account ? RIG_WORD(which, usage, i, SR_USAGE_USAGES) : 0;
        usages -= has_copy ? RIG_WORD(which, copy_usage, i, SR_COPY_USAGE_USAGES) : 0;
        for (uint32_t unit = 0; unit < SLIPRING_UNIT_MAX; unit++) {
            units += has_account ? RIG_WORD(which, usage, i, SR_USAGE_UNITS + unit) : 0;
            units -= has_copy ? RIG_WORD(which, copy_usage, i, SR_COPY_USAGE_UNITS + unit) : 0;
        }
    }
    CHECK_EQUAL(RIG_WORD(which, store, 0, SR_STORE_USAGE_BALANCED), 1);
    CHECK_EQUAL(usages, 0);
    CHECK_EQUAL(units, 0);
}

void rig_expect_balance(struct rig *which)
{
    uint64_t taken = 0;
    uint64_t spilled = 0;
    uint64_t heads = RIG_WORD(which, store, 0, SR_STORE_FORMER_TAKEN);
    uint64_t copies = RIG_WORD(which, store, 0, SR_STORE_FORMER_SPILLED) +
                      RIG_WORD(which, store, 0, SR_STORE_RETIRED_SPILLED);
    const uint64_t high = RIG_WORD(which, store, 0, SR_STORE_BOOK_HIGH);
    for (uint32_t index = 0; index < high; index++) {
        check_book(which, index);
        check_windows(which, index);
        taken += RIG_WORD(which, book, index, SR_BOOK_TAKEN);
        spilled += RIG_WORD(which, book, index, SR_BOOK_SPILLED);
        copies += sum_block(which, SR_WORD(copy_shared, index, 0), SR_BUCKET_COUNT);
    }
    for (uint32_t ring = 0; ring < SR_RING_MAX; ring++) {
        heads += RIG_WORD(which, ring, ring, SR_RING_HEAD);
        if (RIG_WORD(which, ring, ring, SR_RING_HAS_COPY)) {
            uint32_t words = 0;
            const uint32_t first = sr_drain_copy_words(ring, &words);
            copies += sum_block(which, first, words == SR_SPILL_WORDS_SMALL ? 192 : SR_BUCKET_COUNT);
        }
    }
    CHECK_EQUAL(taken, heads);
    CHECK_EQUAL(spilled, copies);
    check_usage(which);
}
