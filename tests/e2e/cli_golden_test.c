/* SPDX-License-Identifier: Apache-2.0 */
/* What `slipring` prints, against golden/: figures published by hand, so that every digit is known. What depends on the
 * moment or the machine (times, ages, pids, memory) is made the same first: support/golden.h. */
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <slipring/slipring.h>

#include "peer/books.h"
#include "support/child.h"
#include "support/golden.h"
#include "support/place.h"
#include "system/clock.h"
#include "system/guard.h"

#define MS UINT64_C(1000000)

/* --- a store with known figures ------------------------------------------------------------------------------- */

static struct slipring_window_stats window(uint64_t n, uint64_t failures, double scale_ms)
{
    struct slipring_window_stats window = {.n = n,
                                           .failures = failures,
                                           .span_ns = 59900 * MS,
                                           .relative_error = 0.01083,
                                           .per_second = (double)n / 59.9};
    const double shares[SLIPRING_PERCENTILE_COUNT] = {1.0, 2.5, 3.1, 7.77, 21.5};
    for (int i = 0; n > 0 && i < SLIPRING_PERCENTILE_COUNT; i++) {
        window.percentile_ns[i] = shares[i] * scale_ms * 1e6;
    }
    return window;
}

/* What an agent keeps that was told nothing else, and p99.99. */
static void fill_windows(struct slipring_stats *stats, struct slipring_stats_detail *detail, uint64_t n)
{
    static const uint64_t lengths_s[] = {10, 60, 300, 3600, 86400, 604800};
    detail->extra_count = 1;
    detail->extra_ppm[0] = 999900;
    detail->window_count = sizeof lengths_s / sizeof *lengths_s;
    for (uint32_t i = 0; i < detail->window_count; i++) {
        detail->windows[i] = window(n * i, n / 100 * i, 12.3 + i); /* the shortest is idle */
        detail->windows[i].window_ns = lengths_s[i] * 1000 * MS;
        detail->windows[i].span_ns = lengths_s[i] * 990 * MS;
        detail->windows[i].per_second = (double)(n * i) / ((double)lengths_s[i] * 0.99);
        detail->windows[i].peak_per_second = i == 0 ? 0.0 : 55.5 + i;
        detail->windows[i].extra_ns[0] = i == 0 ? 0.0 : 900.0 * (double)MS + i;
        detail->windows[i].spilled = 7 * i;
        detail->windows[i].cost_nanodollars = UINT64_C(1230000000) * i;
        detail->windows[i].savings_nanodollars = UINT64_C(100000000) * i;
    }
    stats->minute = detail->windows[1];
    stats->lifetime.extra_ns[0] = 950.0 * (double)MS;
    stats->lifetime.spilled = stats->spilled;
    stats->lifetime_aborted = stats->aborted;
    stats->lifetime.cost_nanodollars = stats->cost_nanodollars;
    stats->lifetime.savings_nanodollars = stats->savings_nanodollars;
}

static void describe(struct slipring_stats_detail *detail, const char *name, const char *type)
{
    memset(detail, 0, sizeof *detail);
    memcpy(detail->name, name, strlen(name));
    memcpy(detail->type, type, strlen(type));
    detail->category_count = 1;
    memcpy(detail->categories[0].name, "default", 8);
}

static void publish_busy(struct sr_books *books, uint32_t id, uint64_t now_ns)
{
    struct slipring_stats_detail detail;
    struct slipring_stats stats = {
        .present = SLIPRING_HAS_DURATION | SLIPRING_HAS_SLO | SLIPRING_HAS_SAVINGS_RATE,
        .published_ns = now_ns,
        .count = 1234567,
        .failures = 4321,
        .aborted = 2,
        .active = 3,
        .min_ns = 1500,
        .max_ns = 3200 * MS,
        .mean_ns = 12.5e6,
        .sum_ns = {1234567 * UINT64_C(12500000), 0},
        .lifetime = window(1234567, 4321, 11.0),
        .requests_per_second = 20.6,
        .slo_compliance = 0.9964,
        .budget_remaining = -2.5,
        .budget_remaining_clamped = 0.0,
        .cost_nanodollars = UINT64_C(12340000001),
        .savings_nanodollars = UINT64_C(1000000000),
        .savings_rate = 0.074962518,
        .spilled = 4096,
        .clamped = 1,
    };
    describe(&detail, "archive_file", "workflow");
    fill_windows(&stats, &detail, 1234);
    detail.objective_count = 2;
    detail.objectives[0] = (struct slipring_objective_stats){.name = "latency",
                                                             .kind = SLIPRING_LATENCY,
                                                             .target_ppb = 999000000,
                                                             .threshold_ns = 100 * MS,
                                                             .period_s = 2592000,
                                                             .good = 1230123,
                                                             .total = 1234569,
                                                             .compliance = 0.9964,
                                                             .budget_remaining = -2.5,
                                                             .burn_rate = 3.5};
    detail.objectives[1] = (struct slipring_objective_stats){.name = "availability",
                                                             .kind = SLIPRING_AVAILABILITY,
                                                             .target_ppb = 990000000,
                                                             .period_s = 2592000,
                                                             .good = 1230246,
                                                             .total = 1234569,
                                                             .compliance = 0.9965,
                                                             .budget_remaining = 0.65,
                                                             .burn_rate = 0.35};
    detail.category_count = 3;
    detail.categories[0].lifetime_cost_nanodollars = UINT64_C(10000000000);
    detail.categories[1] =
        (struct slipring_category_stats){.name = "tokens",
                                         .lifetime_cost_nanodollars = UINT64_C(2340000001),
                                         .lifetime_savings_nanodollars = UINT64_C(1000000000)};
    detail.categories[2] = (struct slipring_category_stats){.name = "unused"};
    detail.bound_count = 1;
    detail.bounds[0] = (struct slipring_bound_stats){.bound_ns = 100 * MS, .count = 1230123, .is_le = 1};
    sr_books_publish(books, id, &stats, &detail, NULL);
}

static void publish_idle(struct sr_books *books, uint32_t id, const char *name, uint64_t now_ns)
{
    struct slipring_stats_detail detail;
    struct slipring_stats stats = {.present = SLIPRING_HAS_DURATION,
                                   .published_ns = now_ns,
                                   .count = 5,
                                   .failures = 0,
                                   .min_ns = 900,
                                   .max_ns = 1100,
                                   .mean_ns = 1000.0,
                                   .sum_ns = {5000, 0},
                                   .lifetime = window(5, 0, 0.001),
                                   .minute = window(0, 0, 0)};
    describe(&detail, name, "step");
    sr_books_publish(books, id, &stats, &detail, NULL);
}

/* A name that nobody could register, as a stranger's stats segment might hold it. */
#define HOSTILE_NAME "evil\033[2J\xe2\x80\xae\n\xff"

static void record_once(void *store_name)
{
    struct slipring_store *store;
    struct slipring_primitive *primitive;
    CHECK_OK(slipring_open(store_name, &store));
    CHECK_OK(slipring_primitive_get(store, "archive_file", "workflow", &primitive));
    slipring_record(primitive, 1000, SLIPRING_SUCCESS, NULL);
    CHECK_OK(slipring_close(store));
}

static void publish_again(void *books)
{
    sr_books_finish_publishing(books, sr_clock_ns(), 5);
}

static void close_store(struct sr_books *books)
{
    golden_before_each(NULL, NULL);
    sr_books_close(books);
}

/* The agent's side, held open: an agent that lives. */
static void open_store(const char *store, struct sr_books *out_books)
{
    uint64_t holder;
    uint32_t replayed;
    const uint64_t now_ns = sr_clock_ns();
    CHECK_OK(sr_guard_install());
    CHECK_OK(sr_books_open(out_books, store, 0600, (gid_t)-1, &holder, &replayed));
    sr_books_set_agent(out_books, 4242, UINT64_C(1700000000) * 1000000000, 1);
    sr_books_set_listen(out_books, "127.0.0.1:9464");
    CHECK_OK(sr_books_reserve_figures(out_books, 5));
    publish_idle(out_books, 0, "__overflow__", now_ns);
    publish_busy(out_books, 1, now_ns);
    publish_idle(out_books, 2, "读取 Größe", now_ns);
    publish_idle(out_books, 3, HOSTILE_NAME, now_ns);
    sr_books_redirect(out_books, 4, 1);
    sr_books_finish_publishing(out_books, now_ns, 5);
    golden_before_each(publish_again, out_books);
}

/* --- the tests ------------------------------------------------------------------------------------------------ */

static void figures_are_shown_to_the_last_digit(void **state)
{
    (void)state;
    struct sr_books books;
    const char *store = "golden";
    open_store(store, &books);
    golden_expect(WORDS("show", "-s", store), "100", 0, "show.txt");
    golden_expect(WORDS("show", "-s", store, "archive_file"), "60", 0, "show_narrow.txt");
    golden_expect(WORDS("show", "-s", store, "archive_file", "--color=always"), "100", 0, "show_colour.txt");
    golden_expect(WORDS("show", "-s", store, "archive_file", "--json"), "100", 0, "show.json");
    golden_expect(WORDS("top", "-s", store, "--once"), "", 0, "top.txt");
    golden_expect(WORDS("top", "-s", store, "--once", "--sort", "count"), "80", 0, "top_narrow.txt");
    golden_expect(WORDS("top", "-s", store, "--once", "--window", "1h"), "", 0, "top_window.txt");
    golden_expect(WORDS("top", "-s", store, "--once", "--window", "2h"), "", 2, "top_no_window.txt");
    close_store(&books);
    golden_expect(WORDS("show", "-s", store, "archive_file"), "100", 0, "show_without_agent.txt");
    golden_expect(WORDS("top", "-s", store, "--once"), "100", 0, "top_without_agent.txt");
}

static void what_is_not_there_is_said_with_the_nearest_that_is(void **state)
{
    (void)state;
    struct sr_books books;
    const char *store = "golden";
    open_store(store, &books);
    golden_expect(WORDS("show", "-s", store, "archve_file"), "100", 1, "no_primitive.txt");
    golden_expect(WORDS("show", "-s", store, "archive_file", "--type", "step"), "100", 1, "other_type.txt");
    golden_expect(WORDS("show", "-s", "goldne"), "100", 2, "no_store.txt");
    golden_expect(WORDS("rm", "goldne"), "100", 2, "no_store_rm.txt");
    golden_expect(WORDS("help", "show", "extra"), "100", 2, "help_extra.txt");
    golden_expect(WORDS("shwo"), "100", 2, "no_command.txt");
    golden_expect(WORDS("show", "--jsn"), "100", 2, "no_option.txt");
    golden_expect(WORDS("top", "--sort", "p98"), "100", 2, "no_column.txt");
    close_store(&books);
}

static void every_command_has_a_page_of_its_own(void **state)
{
    (void)state;
    static const char *const commands[] = {"ls",     "show",  "top",    "slo",    "slo explain", "slo check",
                                           "report", "rings", "record", "exec",   "verify",      "rm",
                                           "ingest", "usage", "reset",  "reload", "password",    "token"};
    golden_expect(WORDS("--help"), "", 0, "help.txt");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char golden[32];
        char first[32];
        (void)snprintf(golden, sizeof golden, "help_%s.txt", commands[i]);
        (void)snprintf(first, sizeof first, "%s", commands[i]);
        char *second = strchr(first, ' '); /* of a name of two words */
        if (second) {
            *second++ = '\0';
            *strchr(golden, ' ') = '_';
        }
        golden_expect(WORDS(first, second ? second : "--help", second ? "--help" : NULL), "", 0, golden);
        struct golden_output named = golden_run(WORDS("help", first, second), "");
        golden_compare(named.text, golden);
        free(named.text);
    }
}

static void no_line_of_any_page_is_wider_than_it_was_asked_for(void **state)
{
    (void)state;
    static const char *const commands[] = {"ls",     "show",  "top",    "slo",    "slo explain", "slo check",
                                           "report", "rings", "record", "exec",   "verify",      "rm",
                                           "ingest", "usage", "reset",  "reload", "password",    "token"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char first[32];
        (void)snprintf(first, sizeof first, "%s", commands[i]);
        char *second = strchr(first, ' ');
        if (second) {
            *second++ = '\0';
        }
        struct golden_output output =
            golden_run(WORDS(first, second ? second : "--help", second ? "--help" : NULL), "60");
        for (char *line = strtok(output.text, "\n"); line; line = strtok(NULL, "\n")) {
            if (strlen(line) > 60 && !strchr(line, '$')) { /* an example stays on its line, to be copied */
                print_error("too wide: %s\n", line);
                assert_true(strlen(line) <= 60);
            }
        }
        free(output.text);
    }
}

static void verify_says_what_it_compared(void **state)
{
    (void)state;
    char store[] = "verified";
    struct sr_books books;
    child_run(record_once, store);
    golden_expect(WORDS("verify", "-s", store), "100", 0, "verify_without_books.txt");
    open_store(store, &books);
    const uint32_t word = SR_WORD(book, 0, SR_BOOK_TAKEN);
    CHECK_OK(sr_words_reserve(&books.words, word, 1));
    sr_batch_set(&books.batch, SR_WORD(store, 0, SR_STORE_BOOK_HIGH), 1);
    sr_batch_set(&books.batch, SR_WORD(book, 0, SR_BOOK_USED), 1);
    sr_batch_set(&books.batch, word, 7);
    sr_batch_commit(&books.batch);
    sr_batch_clear(&books.batch);
    golden_expect(WORDS("verify", "-s", store, "--wait", "0s"), "100", 1, "verify_disagrees.txt");
    golden_expect(WORDS("verify", "-s", store, "--wait", "0s", "--json"), "100", 1, "verify_disagrees.json");
    close_store(&books);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_shown_to_the_last_digit),
        cmocka_unit_test(what_is_not_there_is_said_with_the_nearest_that_is),
        cmocka_unit_test(every_command_has_a_page_of_its_own),
        cmocka_unit_test(no_line_of_any_page_is_wider_than_it_was_asked_for),
        cmocka_unit_test(verify_says_what_it_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
