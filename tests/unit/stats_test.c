/* SPDX-License-Identifier: Apache-2.0 */
/* The readers' door to what the agent published: whatever stands in the segment, what comes out is sound. */
#include "peer/stats.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <slipring/slipring.h>

#include "protocol/stats_segment.h"
#include "support/child.h"
#include "support/place.h"
#include "support/rig.h"
#include "system/guard.h"

static struct sr_stats *stats;

static uint8_t *base(void)
{
    return (uint8_t *)(uintptr_t)agent_store_stats_base(rig.store);
}

static void open_stats(void)
{
    struct slipring_primitive *work = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, "work", NULL, &work));
    slipring_record(work, 1000, SLIPRING_SUCCESS, NULL);
    rig_settle(&rig);
    CHECK_OK(sr_stats_open(rig.options.store, &stats));
}

static void a_reader_finds_what_the_agent_published(void)
{
    struct slipring_stats figures;
    struct slipring_stats_detail detail;
    struct sr_agent_figures agent;
    open_stats();
    CHECK_EQUAL(sr_stats_high(stats), 2);
    CHECK_OK(sr_stats_get(stats, 1, &figures, &detail));
    CHECK_EQUAL(figures.count, 1);
    CHECK_EQUAL(strcmp(detail.name, "work"), 0);
    CHECK_OK(sr_stats_get(stats, 1, &figures, NULL));
    CHECK_STATUS(sr_stats_get(stats, 2, &figures, NULL), SLIPRING_NO_DATA);
    CHECK_STATUS(sr_stats_get(stats, UINT32_MAX, &figures, NULL), SLIPRING_NO_DATA);
    CHECK_OK(sr_stats_agent_figures(stats, &agent));
    CHECK_EQUAL(agent.samples_drained, 1);
    CHECK_EQUAL(agent.registry_used, 1); /* without __overflow__ */
    sr_stats_close(stats);
}

static void a_reader_needs_no_agent(void)
{
    struct slipring_stats figures;
    open_stats();
    rig_stop(&rig);
    CHECK_OK(sr_stats_get(stats, 1, &figures, NULL));
    CHECK_EQUAL(figures.count, 1);
    sr_stats_close(stats);
}

static void what_is_redirected_has_no_figures_of_its_own(void)
{
    struct slipring_stats figures;
    open_stats();
    sr_stats_segment_figure(base(), 1)->alias = 1;
    CHECK_STATUS(sr_stats_get(stats, 1, &figures, NULL), SLIPRING_NO_DATA);
    sr_stats_segment_figure(base(), 1)->alias = 0;
    sr_stats_close(stats);
}

static void texts_end_and_counts_fit_whatever_stands_there(void)
{
    struct slipring_stats figures;
    struct slipring_stats_detail detail;
    struct sr_stats_agent agent;
    open_stats();
    struct sr_figure_shm *figure = sr_stats_segment_figure(base(), 1);
    memset(figure->copies, 0xff, sizeof figure->copies);
    memset(sr_stats_segment_header(base())->agent_listen, 'x', 128);
    CHECK_OK(sr_stats_get(stats, 1, &figures, &detail));
    CHECK(strlen(detail.name) < sizeof detail.name);
    CHECK(strlen(detail.type) < sizeof detail.type);
    CHECK(strlen(detail.objectives[7].name) < 32);
    CHECK(strlen(detail.categories[15].name) < 32);
    CHECK_EQUAL(detail.objective_count, SLIPRING_OBJECTIVE_COUNT);
    CHECK_EQUAL(detail.category_count, SLIPRING_CATEGORY_COUNT);
    CHECK_EQUAL(detail.bound_count, SLIPRING_BOUND_COUNT);
    CHECK_EQUAL(detail.window_count, SLIPRING_WINDOW_COUNT);
    CHECK_EQUAL(detail.extra_count, SLIPRING_EXTRA_COUNT);
    sr_stats_agent(stats, &agent);
    CHECK_EQUAL(strlen(agent.listen), 127);
    sr_stats_segment_header(base())->primitive_high = UINT64_MAX;
    CHECK_EQUAL(sr_stats_high(stats), SR_PRIMITIVE_MAX);
    sr_stats_close(stats);
}

static void lists_are_read_as_far_as_they_go(void)
{
    struct slipring_stats figures;
    struct slipring_stats_detail detail;
    memset(&detail, 0xee, sizeof detail);
    open_stats();
    struct sr_figure_shm *figure = sr_stats_segment_figure(base(), 1);
    memset(figure->copies, 0xff, sizeof figure->copies);
    for (unsigned i = 0; i < 2; i++) {
        struct slipring_stats_detail *shown = &figure->copies[i].detail;
        shown->window_count = shown->category_count = shown->bound_count = 2;
        shown->objective_count = 0;
    }
    CHECK_OK(sr_stats_get(stats, 1, &figures, &detail));
    CHECK_EQUAL(detail.windows[1].n, UINT64_MAX);
    CHECK_EQUAL(detail.windows[2].n, 0);
    CHECK_EQUAL(detail.categories[1].lifetime_savings_nanodollars, UINT64_MAX);
    CHECK_EQUAL(detail.categories[2].cost_nanodollars, 0);
    CHECK_EQUAL(detail.bounds[1].is_le, UINT64_MAX);
    CHECK_EQUAL(detail.bounds[2].bound_ns, 0);
    CHECK_EQUAL(detail.objectives[0].total, 0);
    sr_stats_close(stats);
}

static void a_segment_that_is_truncated_under_the_reader_does_not_kill_it(void)
{
    char path[PATH_MAX];
    struct slipring_stats figures;
    struct slipring_stats_detail detail;
    struct sr_agent_figures agent;
    CHECK_OK(sr_guard_install());
    open_stats();
    rig_stop(&rig);
    place_path(path, rig.options.store, "stats");
    CHECK_EQUAL(truncate(path, SR_PAGE_BYTES), 0);
    CHECK_STATUS(sr_stats_get(stats, 1, &figures, &detail), SLIPRING_NO_DATA);
    CHECK_STATUS(sr_stats_agent_figures(stats, &agent), SLIPRING_NO_DATA);
    CHECK_EQUAL(truncate(path, 0), 0);
    CHECK_EQUAL(sr_stats_high(stats), 0);
    sr_stats_close(stats);
}

static void a_copied_segment_is_read_by_its_path(void)
{
    char path[PATH_MAX];
    char copy[PATH_MAX + 8];
    char command[2 * PATH_MAX + 32];
    struct slipring_stats figures;
    open_stats();
    sr_stats_close(stats);
    place_path(path, rig.options.store, "stats");
    (void)snprintf(copy, sizeof copy, "%s.copy", path);
    (void)snprintf(command, sizeof command, "cp --sparse=always %s %s", path, copy);
    CHECK_EQUAL(system(command), 0);
    CHECK_OK(sr_stats_open_at(copy, &stats));
    CHECK_EQUAL(strcmp(sr_stats_path(stats), copy), 0);
    CHECK_OK(sr_stats_get(stats, 1, &figures, NULL));
    CHECK_EQUAL(figures.count, 1);
    sr_stats_close(stats);
}

static void what_is_no_stats_segment_is_told_why(void)
{
    char path[PATH_MAX];
    CHECK_STATUS(sr_stats_open("..", &stats), SLIPRING_BAD_NAME);
    CHECK(stats == NULL);
    CHECK_STATUS(sr_stats_open("nobody", &stats), SLIPRING_ABSENT);
    CHECK(stats == NULL);
    place_path(path, rig.options.store, "ring");
    CHECK_STATUS(sr_stats_open_at(path, &stats), SLIPRING_FOREIGN);
    CHECK(stats == NULL);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_reader_finds_what_the_agent_published),
        RIG_TEST(a_reader_needs_no_agent),
        RIG_TEST(what_is_redirected_has_no_figures_of_its_own),
        RIG_TEST(texts_end_and_counts_fit_whatever_stands_there),
        RIG_TEST(lists_are_read_as_far_as_they_go),
        RIG_TEST(a_segment_that_is_truncated_under_the_reader_does_not_kill_it),
        RIG_TEST(a_copied_segment_is_read_by_its_path),
        RIG_TEST(what_is_no_stats_segment_is_told_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
