/* SPDX-License-Identifier: Apache-2.0 */
/* Budgets and burn rates as a process reads them, from figures that the test publishes as the agent would. */
#include <slipring/slipring.h>

#include <string.h>
#include <sys/stat.h>

#include "peer/books.h"
#include "protocol/stats_segment.h"
#include "support/api.h"
#include "support/check.h"
#include "support/child.h"
#include "support/place.h"
#include "support/trap.h"

static struct sr_books books; /* the agent's side */
static struct slipring_primitive *work;
static struct slipring_stats stats;
static struct slipring_stats_detail detail;
static struct slipring_slo_stats slo;

static void open_both(void)
{
    uint64_t holder = 0;
    uint32_t replayed = 0;
    work = api_primitive("work");
    CHECK_OK(sr_books_open(&books, place_store(), 0600, (gid_t)-1, &holder, &replayed));
}

static void publish_at(uint32_t id)
{
    CHECK_OK(sr_books_reserve_figures(&books, id + 1));
    CHECK_OK(sr_books_reserve(&books, SR_OPTIONAL_SLO, id));
    sr_books_publish(&books, id, &stats, &detail, NULL);
    sr_books_publish_slo(&books, id, &slo);
    sr_books_finish_publishing(&books, 1, id + 1);
}

static void publish(void)
{
    publish_at(sr_handle_id(work));
}

static void name_objective(uint32_t i, const char *name, double remaining)
{
    memcpy(detail.objectives[i].name, name, strlen(name) + 1);
    detail.objectives[i].total = 100;
    detail.objectives[i].budget_remaining = remaining;
}

/* Two objectives: "fast enough" with a third of its budget left, whose period is six hours, "up" that is overspent. */
static void make_two(void)
{
    stats.present = SLIPRING_HAS_SLO;
    stats.budget_remaining = -2.5;
    detail.objective_count = 2;
    name_objective(0, "fast enough", 0.33);
    name_objective(1, "up", -2.5);
    slo.objective_count = 2;
    slo.burn_present = 0x1f;
    for (uint32_t i = 0; i < SLIPRING_SLO_WINDOW_COUNT; i++) {
        static const uint64_t windows_s[] = {300, 1800, 3600, 7200, 21600, 86400, 259200};
        slo.worst_burn_rate[i] = 20.0 + i;
        slo.objectives[0].windows[i] = (struct slipring_slo_window){
            .window_s = i < 5 ? windows_s[i] : 0, .total = 100, .burn_rate = 10.0 + i};
        slo.objectives[1].windows[i] = (struct slipring_slo_window){
            .window_s = windows_s[i], .total = i == 0 ? 0 : 100, .burn_rate = 20.0 + i};
    }
}

static void expect_remaining(const char *objective, double want)
{
    double got = 4711;
    CHECK_OK(slipring_budget_remaining(work, objective, &got));
    CHECK(got == want);
}

static void expect_burn(const char *objective, uint64_t window_s, double want)
{
    double got = 4711;
    CHECK_OK(slipring_burn_rate(work, objective, window_s, &got));
    CHECK(got == want);
}

static void expect_no_remaining(const char *objective, enum slipring_status want)
{
    double got = 4711;
    CHECK_STATUS(slipring_budget_remaining(work, objective, &got), want);
    CHECK(got == 4711);
}

static void expect_no_burn(const char *objective, uint64_t window_s, enum slipring_status want)
{
    double got = 4711;
    CHECK_STATUS(slipring_burn_rate(work, objective, window_s, &got), want);
    CHECK(got == 4711);
}

static void expect_nothing(const char *objective)
{
    expect_no_remaining(objective, SLIPRING_NO_DATA);
    expect_no_burn(objective, 3600, SLIPRING_NO_DATA);
}

static void before_anything_is_published_there_is_no_data(void *unused)
{
    (void)unused;
    struct slipring_slo_stats out = {.objective_count = 77};
    work = api_primitive("work");
    expect_nothing(NULL); /* no stats segment */
    expect_nothing("up");
    open_both();
    expect_nothing(NULL); /* and one without figures */
    CHECK_STATUS(slipring_slo_read(work, &out), SLIPRING_NO_DATA);
    CHECK_EQUAL(out.objective_count, 77);
}

static void figures_are_read_by_name_and_without_one_the_worst(void *unused)
{
    (void)unused;
    open_both();
    make_two();
    publish();
    expect_remaining(NULL, -2.5);
    expect_remaining("fast enough", 0.33);
    expect_remaining("up", -2.5);
    expect_burn(NULL, 300, 20.0);
    expect_burn(NULL, 21600, 24.0);
    expect_burn("fast enough", 300, 10.0);
    expect_burn("fast enough", 7200, 13.0);
    expect_burn("up", 259200, 26.0);
    struct slipring_slo_stats out;
    CHECK_OK(slipring_slo_read(work, &out));
    CHECK_EQUAL(memcmp(&out, &slo, sizeof slo), 0);
    name_objective(0, "fast enough", 0.25); /* and the next publishing is seen */
    slo.objectives[0].windows[0].burn_rate = 1.5;
    publish();
    expect_remaining("fast enough", 0.25);
    expect_burn("fast enough", 300, 1.5);
}

static void what_does_not_exist_is_no_data(void *unused)
{
    (void)unused;
    open_both();
    make_two();
    publish();
    static const char *const names[] = {"",
                                        "u",
                                        "upp",
                                        "fast eno",
                                        "fast enough!",
                                        "thirty-one bytes, none has them",
                                        "thirty-two bytes are one too many"};
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(names); i++) {
        expect_nothing(names[i]);
    }
    expect_no_burn("fast enough", 86400, SLIPRING_NO_DATA); /* longer than its period */
    expect_no_burn("up", 300, SLIPRING_NO_DATA);            /* no event in it */
    expect_no_burn(NULL, 86400, SLIPRING_NO_DATA);
    detail.objectives[1].total = 0;
    stats.present = 0;
    publish();
    expect_no_remaining("up", SLIPRING_NO_DATA);
    expect_no_remaining(NULL, SLIPRING_NO_DATA);
    expect_remaining("fast enough", 0.33);
}

static void other_windows_and_no_primitive_are_bad_arguments(void *unused)
{
    (void)unused;
    open_both();
    make_two();
    publish();
    static const uint64_t windows_s[] = {0, 1, 299, 301, 60, 259201, UINT64_MAX};
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(windows_s); i++) {
        expect_no_burn("up", windows_s[i], SLIPRING_BAD_ARGUMENT);
        expect_no_burn(NULL, windows_s[i], SLIPRING_BAD_ARGUMENT);
    }
    work = NULL;
    expect_no_remaining("up", SLIPRING_BAD_ARGUMENT);
    expect_no_burn("up", 300, SLIPRING_BAD_ARGUMENT);
    struct slipring_slo_stats out;
    CHECK_STATUS(slipring_slo_read(NULL, &out), SLIPRING_BAD_ARGUMENT);
}

/* The second id of a name is sent to where the figures are. */
static void figures_are_found_under_another_id(void *unused)
{
    (void)unused;
    open_both();
    make_two();
    publish_at(sr_handle_id(work) + 1);
    sr_books_redirect(&books, sr_handle_id(work), sr_handle_id(work) + 1);
    expect_remaining("fast enough", 0.33);
    expect_burn("fast enough", 300, 10.0);
    struct slipring_slo_stats out;
    CHECK_OK(slipring_slo_read(work, &out));
}

static uint64_t blocks(void)
{
    char path[PATH_MAX];
    struct stat st;
    place_path(path, place_store(), "stats");
    CHECK_EQUAL(stat(path, &st), 0);
    return (uint64_t)st.st_blocks;
}

/* A full file system: figures, and no pages for what is said of the objectives. */
static void without_pages_there_are_budgets_and_no_burn_rates(void *unused)
{
    (void)unused;
    open_both();
    make_two();
    const uint32_t id = sr_handle_id(work);
    CHECK_OK(sr_books_reserve_figures(&books, id + 1));
    sr_books_publish(&books, id, &stats, &detail, NULL);
    sr_books_finish_publishing(&books, 1, id + 1);
    const uint64_t before = blocks();
    expect_remaining("up", -2.5);
    expect_no_burn("up", 3600, SLIPRING_NO_DATA);
    expect_no_burn(NULL, 3600, SLIPRING_NO_DATA);
    struct slipring_slo_stats out;
    CHECK_STATUS(slipring_slo_read(work, &out), SLIPRING_NO_DATA);
    CHECK_EQUAL(blocks(), before); /* no page was touched that nobody reserved */
}

static void impossible_counts_lead_nowhere(void *unused)
{
    (void)unused;
    open_both();
    memset(&stats, 0xff, sizeof stats);
    memset(&detail, 0xff, sizeof detail);
    memset(&slo, 0xff, sizeof slo);
    publish();
    expect_nothing("up");
    struct slipring_slo_stats out;
    CHECK_OK(slipring_slo_read(work, &out));
    CHECK_EQUAL(out.objective_count, SLIPRING_OBJECTIVE_COUNT);
}

/* --- overtaken ------------------------------------------------------------------------------------------------------------ */

static struct slipring_stats_detail exchanged;
static double got_remaining, got_burn;

/* The two objectives exchange places, and back: the second publishing writes the copy that is being read. */
static void publish_twice(void *unused)
{
    (void)unused;
    sr_books_publish(&books, sr_handle_id(work), &stats, &exchanged, NULL);
    sr_books_publish(&books, sr_handle_id(work), &stats, &exchanged, NULL);
}

static void read_remaining(void *unused)
{
    (void)unused;
    CHECK_OK(slipring_budget_remaining(work, "up", &got_remaining));
}

/* The windows exchange what they say. */
static void publish_slo_twice(void *unused)
{
    (void)unused;
    struct slipring_slo_stats other = slo;
    other.objectives[1].windows[1].total = 0; /* there is no burn rate then */
    other.objectives[1].windows[1].burn_rate = 99.0;
    sr_books_publish_slo(&books, sr_handle_id(work), &other);
    sr_books_publish_slo(&books, sr_handle_id(work), &other);
}

static void read_burn(void *unused)
{
    (void)unused;
    got_burn = 21.0;
    const enum slipring_status status = slipring_burn_rate(work, "up", 1800, &got_burn);
    CHECK(status == SLIPRING_OK || status == SLIPRING_NO_DATA);
}

static void a_figure_is_that_of_its_name_wherever_the_agent_overtakes(void *unused)
{
    (void)unused;
    open_both();
    make_two();
    publish();
    read_remaining(NULL);
    if (!trap_is_possible()) {
        print_message("no breakpoints in this build: not tried\n");
        return;
    }
    exchanged = detail;
    exchanged.objectives[0] = detail.objectives[1];
    exchanged.objectives[1] = detail.objectives[0];
    uint32_t stops = 0;
    const uint32_t instructions = trap_learn(read_remaining, NULL);
    for (uint32_t nth = 0; nth < instructions; nth++) {
        publish();
        publish();
        stops += trap_at(read_remaining, publish_twice, NULL, nth);
        CHECK(got_remaining == -2.5);
    }
    CHECK(stops > 20);
}

static void a_burn_rate_exists_wherever_the_agent_overtakes(void *unused)
{
    (void)unused;
    open_both();
    make_two();
    publish();
    read_burn(NULL);
    if (!trap_is_possible()) {
        print_message("no breakpoints in this build: not tried\n");
        return;
    }
    uint32_t stops = 0;
    const uint32_t instructions = trap_learn(read_burn, NULL);
    for (uint32_t nth = 0; nth < instructions; nth++) {
        publish();
        publish();
        stops += trap_at(read_burn, publish_slo_twice, NULL, nth);
        CHECK(got_burn == 21.0); /* that of before, or none */
    }
    CHECK(stops > 20);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(before_anything_is_published_there_is_no_data),
        CHILD_TEST(figures_are_read_by_name_and_without_one_the_worst),
        CHILD_TEST(what_does_not_exist_is_no_data),
        CHILD_TEST(other_windows_and_no_primitive_are_bad_arguments),
        CHILD_TEST(figures_are_found_under_another_id),
        CHILD_TEST(without_pages_there_are_budgets_and_no_burn_rates),
        CHILD_TEST(impossible_counts_lead_nowhere),
        CHILD_TEST(a_figure_is_that_of_its_name_wherever_the_agent_overtakes),
        CHILD_TEST(a_burn_rate_exists_wherever_the_agent_overtakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
