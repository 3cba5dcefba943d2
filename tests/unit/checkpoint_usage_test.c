/* SPDX-License-Identifier: Apache-2.0 */
/* What was used, and its money, over a reboot: accounts and books of a checkpoint are of one moment (agent/checkpoint/checkpoint.h, G5), however
 * prices and usages come while they are copied. A reboot is an agent that ends and a store whose files are removed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/books/prices.h"
#include "agent/books/reset.h"
#include "agent/books/usage.h"
#include "agent/checkpoint/checkpoint.h"
#include "support/place.h"
#include "support/rig.h"

#define MS        UINT64_C(1000000)
#define FILLERS   12u      /* books of which a tick copies a few */
#define FEW_TICKS 64       /* a file of them takes no more, but for the wait for the disk */
#define EACH_PICO 2500001u /* a unit, in pico-dollars: thousandths of a nano-dollar are carried on */

static const char card[] = "resources: {openai/model: {input: 2.500001 per 1M}}\n";
static struct prices *prices;

static char folder[PATH_MAX];

/* --- the stage --------------------------------------------------------------------------------------------------------------- */

static struct slipring_primitive *work(const char *name)
{
    struct slipring_primitive *primitive = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, name, "primitive", &primitive));
    return primitive;
}

static void use(uint64_t input)
{
    const struct slipring_usage usage = {.units = {[SLIPRING_UNIT_INPUT] = input}};
    CHECK_OK(slipring_record_usage(work("it"), MS, SLIPRING_SUCCESS, "openai/model", &usage));
}

/* Another execution of each book, of which the next file so has to have all. */
static void touch_fillers(void)
{
    for (uint32_t i = 0; i < FILLERS; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "filler%u", i);
        slipring_record(work(name), MS, SLIPRING_SUCCESS, NULL);
    }
    rig_settle(&rig);
}

static void read_prices(void)
{
    char path[PATH_MAX];
    const char *const paths[] = {path};
    struct buffer message = {.text = NULL};
    (void)snprintf(path, sizeof path, "%s/card.yaml", place_folder());
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs(card, file) >= 0 && fclose(file) == 0);
    CHECK_EQUAL(setenv("SLIPRING_PRICES", "", 1), 0);
    CHECK(prices_open(paths, 1, &prices, &message));
    CHECK_EQUAL(unlink(path), 0);
}

/* As a reload does it, which can come between any two ticks. NULL: without prices. */
static void set_prices(struct prices *which)
{
    rig.options.prices = which;
    ((struct agent_options *)(uintptr_t)rig.books->options)->prices = which;
    usage_reprice(rig.books);
    rig_settle(&rig);
}

static void begin_checkpoints(void)
{
    read_prices();
    (void)snprintf(folder, sizeof folder, "%s/books-%s", place_folder(), rig.options.store);
    rig_stop(&rig);
    rig.checkpoint_folder = folder;
    rig_open(&rig);
    (void)work("it"); /* the first book, which is copied in the first tick that copies any */
    rig_settle(&rig);
}

static uint64_t files_ended(void)
{
    const struct checkpoint_figures *figures = checkpoint_figures(rig.checkpoint);
    CHECK_EQUAL(figures->failures, 0);
    return figures->bytes;
}

/* So many ticks of a file, or all that it takes. */
static void write_on(int ticks)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    const uint64_t before = files_ended();
    for (int i = 0; i < ticks; i++) {
        const uint64_t wait_ns = checkpoint_tick(rig.checkpoint, rig.now_ns, rig.wall_ns);
        if (wait_ns > RIG_SECOND || files_ended() != before) {
            return;
        }
        if (wait_ns > 0) {
            (void)nanosleep(&pause, NULL);
        }
    }
}

static void write_file(void)
{
    const uint64_t before = files_ended();
    write_on(20000);
    CHECK(files_ended() != before);
}

/* The machine is off for a second; what is there is what the last whole file has. */
static void crash(void)
{
    rig_drop(&rig);
    rig_boot(&rig, RIG_SECOND);
}

/* The account of what was used. */
static struct saved_usage account(void)
{
    struct saved_usage found = {.usages = 0};
    uint32_t count = 0;
    for (uint32_t i = 0; i < usage_high(rig.books); i++) {
        struct saved_usage usage;
        uint32_t book = 0;
        if (usage_take_at(rig.books, i, &book, &usage) && strcmp(usage.resource, "openai/model") == 0) {
            found = usage;
            count++;
        }
    }
    CHECK(count <= 1);
    return found;
}

static void expect_agreement(void)
{
    const struct saved_usage usage = account();
    const uint64_t nano = usage.units[SLIPRING_UNIT_INPUT] * EACH_PICO / 1000;
    CHECK_EQUAL(usage.waiting[SLIPRING_UNIT_INPUT], 0);
    CHECK_EQUAL(usage.cost, nano);
    CHECK_EQUAL(rig_stats(&rig, "it").lifetime.cost_nanodollars, nano);
}

/* --- one moment --------------------------------------------------------------------------------------------------------------- */

/* A file, and this between two ticks of it: once at each place where that can be. The machine crashes when the file is there. */
static void at_each_tick(void (*before)(void), void (*between)(void))
{
    for (int ticks = 0; ticks < FEW_TICKS; ticks++) {
        before();
        touch_fillers();
        rig_pass(&rig, 10 * RIG_SECOND);
        const uint64_t files = files_ended();
        write_on(ticks);
        const bool is_whole = files_ended() != files;
        between();
        if (!is_whole) {
            write_file();
        }
        crash();
        set_prices(prices); /* what still waits */
        expect_agreement();
        if (is_whole) {
            return; /* there is no later place */
        }
    }
    check_fail(__FILE__, __LINE__, "a file takes more ticks than were thought");
}

static uint64_t used;

static void use_without_prices(void)
{
    set_prices(NULL);
    use(333);
    used += 333;
    rig_settle(&rig);
}

static void price_it(void)
{
    set_prices(prices);
}

/* What waited is priced once: not never, because the book was copied before and the account after; nor twice. */
static void a_card_that_comes_while_books_are_copied_prices_once_G5(void)
{
    begin_checkpoints();
    at_each_tick(use_without_prices, price_it);
    CHECK(used > 333 * 4);
    CHECK_EQUAL(account().units[SLIPRING_UNIT_INPUT], used);
}

static void use_some(void)
{
    use(777);
    rig_settle(&rig);
}

static void what_is_used_while_books_are_copied_is_in_both_or_in_none_G5(void)
{
    begin_checkpoints();
    set_prices(prices);
    at_each_tick(use_some, use_some);
}

/* What a full file has of it is of the time before the reset. */
static void the_same_amounts_after_a_reset_are_in_the_next_file(void)
{
    begin_checkpoints();
    set_prices(prices);
    use_some();
    write_file();
    rig_pass(&rig, 5 * RIG_SECOND);
    CHECK_EQUAL(reset_named(rig.books, "it", NULL, rig.now_ns, rig.wall_ns), 1);
    use_some();
    rig_pass(&rig, 10 * RIG_SECOND);
    write_file();
    crash();
    CHECK_EQUAL(account().units[SLIPRING_UNIT_INPUT], 777);
    expect_agreement();
}

/* A file that has only accounts that changed: each with its book, or the sum of both is of two moments. */
static void accounts_of_a_recent_file_are_of_the_moment_of_their_book_G5(void)
{
    begin_checkpoints();
    set_prices(NULL);
    use(1001);
    touch_fillers();
    write_file();
    touch_fillers();
    rig_pass(&rig, 10 * RIG_SECOND);
    write_on(2); /* the look, and the first books: this one is as in the full file */
    set_prices(prices);
    write_file();
    crash();
    set_prices(prices);
    CHECK_EQUAL(account().units[SLIPRING_UNIT_INPUT], 1001);
    expect_agreement();
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_card_that_comes_while_books_are_copied_prices_once_G5),
        RIG_TEST(what_is_used_while_books_are_copied_is_in_both_or_in_none_G5),
        RIG_TEST(the_same_amounts_after_a_reset_are_in_the_next_file),
        RIG_TEST(accounts_of_a_recent_file_are_of_the_moment_of_their_book_G5),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
