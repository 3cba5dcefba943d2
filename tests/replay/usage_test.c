/* SPDX-License-Identifier: Apache-2.0 */
/* A million priced usages, and every published nano-dollar against a model in another language with exact fractions (_usage_model.py):
 * prices that change at a date, a card that comes late, thousandths that add up, cached tokens that save, a killed agent in the middle.
 *
 * Usages are made here and there by the same generator; cards, wall clock and figures go to the model as text. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <slipring/slipring.h>

#include "agent/books/prices.h"
#include "agent/books/usage.h"
#include "agent/drain/drain.h"
#include "pure/unit.h"
#include "support/child.h"
#include "support/place.h"
#include "support/rig.h"

#define PRIMITIVES 4u
#define RESOURCES  12u
#define EACH_TICK  1000u

static const char first_card[] = "resources:\n"
                                 "  openai/a:\n"
                                 "    input: 2.500001 per 1M\n"
                                 "    cached_input: 1.250003 per 1M\n"
                                 "    output: 10.000007 per 1M\n"
                                 "  openai/b-*:\n"
                                 "    input: 0.000001 per 1M\n"
                                 "    output: 0.6 per 1M\n"
                                 "    reasoning: 0.600001 per 1M\n"
                                 "  openai/b-exact:\n"
                                 "    input: 0.15 per 1M\n"
                                 "    output: 0.7 per 1M\n"
                                 "    cached_input: 0.2 per 1M\n" /* dearer than input: no savings */
                                 "  anthropic/c:\n"
                                 "    prices:\n"
                                 "      - input: 15 per 1M\n"
                                 "        output: 75 per 1M\n"
                                 "        cached_input: 1.5 per 1M\n"
                                 "        cache_write: 18.75 per 1M\n"
                                 "      - from: 2026-01-01\n"
                                 "        input: 3.000001 per 1M\n"
                                 "        output: 15 per 1M\n"
                                 "        cached_input: 0.3 per 1M\n"
                                 "  machine:\n"
                                 "    seconds: 0.36 per hour\n"
                                 "    requests: 0.005\n"
                                 "  future:\n"
                                 "    from: 2026-01-02\n"
                                 "    input: 1 per 1k\n"
                                 "    output: 2 per 1k\n";

/* Comes when most is over: knows what nobody did, changes a price. */
static const char late_card[] = "resources:\n"
                                "  mistral/d:\n"
                                "    input: 0.100001 per 1M\n"
                                "    output: 0.3 per 1M\n"
                                "  openai/a:\n"
                                "    input: 2 per 1M\n"
                                "    cached_input: 0.5 per 1M\n"
                                "    output: 8 per 1M\n"
                                "  half:\n"
                                "    input: 1 per 1M\n"
                                "  openai/b-*:\n"
                                "    input: 0.000001 per 1M\n"
                                "    output: 0.6 per 1M\n"
                                "    reasoning: 0.600001 per 1M\n"
                                "  future:\n"
                                "    from: 2026-01-02\n"
                                "    input: 1 per 1k\n"
                                "    output: 2 per 1k\n";

static const char *const resources[RESOURCES] = {"openai/a",    "openai/b-1", "openai/b-2", "openai/b-exact",
                                                 "anthropic/c", "machine",    "future",     "mistral/d",
                                                 "half",        "unknown/x",  "openai/a",   "anthropic/c"};

static FILE *model;
static uint64_t generated; /* the generator's state */

/* Knuth's MMIX. */
static uint64_t next(void)
{
    generated = generated * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return generated;
}

static struct prices *read_card(const char *text)
{
    char path[128];
    const char *const paths[] = {path};
    struct prices *prices = NULL;
    struct buffer message = {.text = NULL};
    (void)snprintf(path, sizeof path, "%s/card.yaml", place_folder());
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
    CHECK(setenv("SLIPRING_PRICES", "", 1) == 0);
    CHECK(prices_open(paths, 1, &prices, &message));
    CHECK(unlink(path) == 0);
    return prices;
}

static void take_card(const char *text)
{
    rig.options.prices = read_card(text);
    ((struct agent_options *)(uintptr_t)rig.books->options)->prices =
        rig.options.prices; /* as a reload does */
    usage_reprice(rig.books);
    fprintf(model, "card %zu\n%s", strlen(text), text);
}

/* Which model, which kinds, how many: from one number. The model has the same. */
static void use(struct slipring_primitive *const *primitives, uint64_t x)
{
    struct slipring_usage usage = {.units = {0}};
    usage.units[SLIPRING_UNIT_INPUT] = x >> 40 & 0x7fff;
    usage.units[SLIPRING_UNIT_CACHED_INPUT] = x >> 28 & 0xfff;
    usage.units[SLIPRING_UNIT_OUTPUT] = x >> 18 & 0x3ff;
    usage.units[SLIPRING_UNIT_REASONING] = x >> 10 & 0xff;
    usage.units[SLIPRING_UNIT_MILLISECOND] = x >> 20 & 0x1fff;
    usage.units[SLIPRING_UNIT_REQUEST] = 1;
    CHECK_OK(slipring_record_usage(primitives[x >> 62], 1000000, SLIPRING_SUCCESS,
                                   resources[(x >> 55 & 0x7f) % RESOURCES], &usage));
}

static void use_many(struct slipring_primitive *const *primitives, uint32_t count)
{
    fprintf(model, "run %" PRIu64 " %u %" PRIu64 "\n", rig.wall_ns / RIG_SECOND, count, generated);
    for (uint32_t i = 1; i <= count; i++) {
        use(primitives, next());
        if (i % EACH_TICK == 0) {
            drain_all(rig.drain, rig.now_ns);
        }
    }
    drain_all(rig.drain, rig.now_ns);
}

static void go_to(uint64_t wall_s)
{
    rig_pass(&rig, wall_s * RIG_SECOND - rig.wall_ns);
    drain_all(rig.drain, rig.now_ns); /* what waits, and has a price from now on */
    fprintf(model, "at %" PRIu64 "\n", wall_s);
}

static void write_figures(void)
{
    struct sr_stats *stats =
        sr_stats_of_mapping(agent_store_stats_base(rig.store), agent_store_stats_path(rig.store));
    for (uint32_t i = 0; i < SR_STATS_USAGE_MAX; i++) {
        struct slipring_usage_stats usage;
        struct slipring_stats figures;
        struct slipring_stats_detail detail;
        if (sr_stats_usage(stats, i, &usage) != SLIPRING_OK) {
            continue;
        }
        CHECK_OK(sr_stats_get(stats, (uint32_t)usage.place, &figures, &detail));
        fprintf(model, "account %s %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, detail.name,
                usage.resource, usage.usages, usage.unpriced, usage.cost_nanodollars,
                usage.savings_nanodollars);
        for (uint32_t unit = 0; unit < SLIPRING_UNIT_COUNT; unit++) {
            fprintf(model, " %s=%" PRIu64 ",%" PRIu64, sr_unit_name(unit), usage.units[unit],
                    usage.unpriced_units[unit]);
        }
        fprintf(model, "\n");
    }
    sr_stats_close(stats);
    for (uint32_t i = 0; i < PRIMITIVES; i++) {
        const char name[] = {'p', (char)('0' + i), '\0'};
        const struct slipring_stats_detail detail = rig_detail(&rig, name);
        const struct slipring_stats figures = rig_stats(&rig, name);
        fprintf(model, "book %s %" PRIu64 " %" PRIu64 " %" PRIu64, name, figures.count,
                figures.cost_nanodollars, figures.savings_nanodollars);
        for (uint32_t j = 0; j < SLIPRING_CATEGORY_COUNT; j++) {
            if (detail.categories[j].name[0] != '\0') {
                fprintf(model, " %s=%" PRIu64 ",%" PRIu64, detail.categories[j].name,
                        detail.categories[j].cost_nanodollars, detail.categories[j].savings_nanodollars);
            }
        }
        fprintf(model, "\n");
    }
}

static void open_model(void)
{
    const char *root = getenv("SLIPRING_SOURCE_DIR");
    char command[4096];
    CHECK(root != NULL);
    (void)snprintf(command, sizeof command, "/usr/bin/python3 '%s/tests/replay/_usage_model.py'", root);
    model = popen(command, "w"); /* NOLINT(cert-env33-c): our own script */
    CHECK(model != NULL);
}

static void a_million_priced_usages_are_the_model_s_to_the_nano_dollar(void)
{
    struct slipring_primitive *primitives[PRIMITIVES];
    for (uint32_t i = 0; i < PRIMITIVES; i++) {
        const char name[] = {'p', (char)('0' + i), '\0'};
        CHECK_OK(slipring_primitive_get(rig_producer, name, NULL, &primitives[i]));
    }
    open_model();
    for (uint32_t i = 0; i < RESOURCES; i++) {
        fprintf(model, "resource %s\n", resources[i]);
    }
    take_card(first_card);
    rig.wall_ns = RIG_WALL_NS - RIG_SECOND; /* a second before prices change */
    books_set_time(rig.books, rig.wall_ns);
    use_many(primitives, 350000);
    go_to(RIG_WALL_NS / RIG_SECOND);
    use_many(primitives, 250000);
    rig_drop(&rig); /* killed, with the rings full and usage that nobody folded */
    rig_open(&rig);
    use_many(primitives, 100000);
    take_card(late_card);
    use_many(primitives, 200000);
    go_to(RIG_WALL_NS / RIG_SECOND + 86400);
    use_many(primitives, 100000);
    rig_settle(&rig);
    write_figures();
    CHECK_EQUAL(pclose(model), 0);
}

static int run_all(void)
{
    const struct CMUnitTest tests[] = {RIG_TEST(a_million_priced_usages_are_the_model_s_to_the_nano_dollar)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run_all);
}
