/* SPDX-License-Identifier: Apache-2.0 */
/* What `slipring` prints, against golden/: figures published by hand, so that every digit is known. What depends on the
 * moment or the machine (times, ages, pids, memory) is made the same first. To write the golden files anew after a
 * wanted change: SLIPRING_GOLDEN=write <this program>; then look at the difference. */
#include "support/check.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <slipring/slipring.h>

#include "peer/books.h"
#include "support/child.h"
#include "support/place.h"
#include "system/clock.h"
#include "system/guard.h"

#define MS UINT64_C(1000000)

static const char *binary(void)
{
    static char path[PATH_MAX];
    const char *build = getenv("SLIPRING_BUILD_DIR");
    assert_non_null(build);
    (void)snprintf(path, sizeof path, "%s/bin/slipring", build);
    return path;
}

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
        .minute = window(1234, 12, 12.3),
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
    stats.minute.spilled = 7;
    describe(&detail, "archive_file", "workflow");
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
    detail.categories[0].cost_nanodollars = UINT64_C(10000000000);
    detail.categories[1] = (struct slipring_category_stats){.name = "tokens",
                                                            .cost_nanodollars = UINT64_C(2340000001),
                                                            .savings_nanodollars = UINT64_C(1000000000)};
    detail.categories[2] = (struct slipring_category_stats){.name = "unused"};
    detail.bound_count = 1;
    detail.bounds[0] = (struct slipring_bound_stats){.bound_ns = 100 * MS, .count = 1230123, .is_le = 1};
    sr_books_publish(books, id, &stats, &detail);
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
    sr_books_publish(books, id, &stats, &detail);
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
}

/* --- running and comparing ------------------------------------------------------------------------------------ */

struct output {
    int status; /* of the exit; 1000 + a signal */
    char *text; /* stdout, then stderr */
};

static void read_all(int fd, char **out_text)
{
    size_t bytes = 0;
    size_t room = 1 << 16;
    char *text = malloc(room);
    assert_non_null(text);
    for (ssize_t got; (got = read(fd, text + bytes, room - bytes - 1)) != 0;) {
        assert_true(got > 0 || errno == EINTR);
        bytes += got > 0 ? (size_t)got : 0;
        if (bytes + 1 == room) {
            text = realloc(text, room *= 2);
            assert_non_null(text);
        }
    }
    text[bytes] = '\0';
    *out_text = text;
}

static struct output run_slipring(const char *const words[], const char *columns)
{
    char columns_variable[32];
    char folder_variable[PATH_MAX];
    char *argv[16] = {(char *)(uintptr_t) "slipring"};
    (void)snprintf(columns_variable, sizeof columns_variable, "COLUMNS=%s", columns);
    (void)snprintf(folder_variable, sizeof folder_variable, "SLIPRING_SHM_DIR=%s", place_folder());
    char *environment[] = {columns_variable, folder_variable, (char *)(uintptr_t) "LC_ALL=C.UTF-8",
                           (char *)(uintptr_t) "TZ=UTC", NULL};
    for (int i = 0; words[i]; i++) {
        argv[i + 1] = (char *)(uintptr_t)words[i];
    }
    int ends[2];
    pid_t child;
    posix_spawn_file_actions_t actions;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    (void)posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    (void)posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    assert_int_equal(posix_spawn(&child, binary(), &actions, NULL, argv, environment), 0);
    (void)posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    struct output output;
    int status;
    read_all(ends[0], &output.text);
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    output.status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    return output;
}

/* Write `with` over every digit run that follows `after`, up to the first other character. */
static void hide_number(char *text, const char *after, const char *kept)
{
    for (char *at = text; (at = strstr(at, after));) {
        at += strlen(after);
        size_t length = strspn(at, kept);
        if (length > 0) {
            memmove(at + 1, at + length, strlen(at + length) + 1);
            *at = '#';
        }
    }
}

static void hide_moments(char *text)
{
    hide_number(text, "figures are from ", "0123456789:");
    hide_number(text, "\"age_seconds\":", "0123456789.");
}

static void compare(const char *text, const char *name)
{
    char path[PATH_MAX];
    const char *source = getenv("SLIPRING_SOURCE_DIR");
    const char *wish = getenv("SLIPRING_GOLDEN");
    assert_non_null(source);
    (void)snprintf(path, sizeof path, "%s/tests/e2e/golden/%s", source, name);
    if (wish && strcmp(wish, "write") == 0) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0 && fclose(file) == 0);
        return;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        print_error("no golden file %s\n", path);
    }
    assert_true(fd >= 0);
    char *wanted;
    read_all(fd, &wanted);
    close(fd);
    if (strcmp(text, wanted) != 0) {
        print_error("--- printed, other than %s:\n%s---\n", path, text);
    }
    assert_true(strcmp(text, wanted) == 0);
    free(wanted);
}

static void expect(const char *const words[], const char *columns, int status, const char *golden)
{
    struct output output = run_slipring(words, columns);
    if (output.status != status) {
        print_error("%s\n", output.text);
    }
    assert_int_equal(output.status, status);
    hide_moments(output.text);
    compare(output.text, golden);
    free(output.text);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* --- the tests ------------------------------------------------------------------------------------------------ */

static void figures_are_shown_to_the_last_digit(void **state)
{
    (void)state;
    struct sr_books books;
    const char *store = "golden";
    open_store(store, &books);
    expect(WORDS("show", "-s", store), "100", 0, "show.txt");
    expect(WORDS("show", "-s", store, "archive_file"), "60", 0, "show_narrow.txt");
    expect(WORDS("show", "-s", store, "archive_file", "--color=always"), "100", 0, "show_colour.txt");
    expect(WORDS("show", "-s", store, "archive_file", "--json"), "100", 0, "show.json");
    expect(WORDS("top", "-s", store, "--once"), "", 0, "top.txt");
    expect(WORDS("top", "-s", store, "--once", "--sort", "count"), "80", 0, "top_narrow.txt");
    sr_books_close(&books);
    expect(WORDS("show", "-s", store, "archive_file"), "100", 0, "show_without_agent.txt");
    expect(WORDS("top", "-s", store, "--once"), "100", 0, "top_without_agent.txt");
}

static void what_is_not_there_is_said_with_the_nearest_that_is(void **state)
{
    (void)state;
    struct sr_books books;
    const char *store = "golden";
    open_store(store, &books);
    expect(WORDS("show", "-s", store, "archve_file"), "100", 1, "no_primitive.txt");
    expect(WORDS("show", "-s", store, "archive_file", "--type", "step"), "100", 1, "other_type.txt");
    expect(WORDS("show", "-s", "goldne"), "100", 2, "no_store.txt");
    expect(WORDS("rm", "goldne"), "100", 2, "no_store_rm.txt");
    expect(WORDS("help", "show", "extra"), "100", 2, "help_extra.txt");
    expect(WORDS("shwo"), "100", 2, "no_command.txt");
    expect(WORDS("show", "--jsn"), "100", 2, "no_option.txt");
    expect(WORDS("top", "--sort", "p98"), "100", 2, "no_column.txt");
    sr_books_close(&books);
}

static void every_command_has_a_page_of_its_own(void **state)
{
    (void)state;
    static const char *const commands[] = {"ls", "show", "top", "rings", "record", "exec", "verify", "rm"};
    expect(WORDS("--help"), "", 0, "help.txt");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char golden[32];
        (void)snprintf(golden, sizeof golden, "help_%s.txt", commands[i]);
        expect(WORDS(commands[i], "--help"), "", 0, golden);
        struct output named = run_slipring(WORDS("help", commands[i]), "");
        compare(named.text, golden);
        free(named.text);
    }
}

static void no_line_of_any_page_is_wider_than_it_was_asked_for(void **state)
{
    (void)state;
    static const char *const commands[] = {"ls", "show", "top", "rings", "record", "exec", "verify", "rm"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        struct output output = run_slipring(WORDS(commands[i], "--help"), "60");
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
    expect(WORDS("verify", "-s", store), "100", 0, "verify_without_books.txt");
    open_store(store, &books);
    const uint32_t word = SR_WORD(book, 0, SR_BOOK_TAKEN);
    CHECK_OK(sr_words_reserve(&books.words, word, 1));
    sr_batch_set(&books.batch, SR_WORD(store, 0, SR_STORE_BOOK_HIGH), 1);
    sr_batch_set(&books.batch, SR_WORD(book, 0, SR_BOOK_USED), 1);
    sr_batch_set(&books.batch, word, 7);
    sr_batch_commit(&books.batch);
    sr_batch_clear(&books.batch);
    expect(WORDS("verify", "-s", store, "--wait", "0s"), "100", 1, "verify_disagrees.txt");
    expect(WORDS("verify", "-s", store, "--wait", "0s", "--json"), "100", 1, "verify_disagrees.json");
    sr_books_close(&books);
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
