/* SPDX-License-Identifier: Apache-2.0 */
/* agent/checkpoint/checkpoint.h: what a reboot leaves. A reboot is an agent that ends and a store whose files are removed. */
#include "agent/checkpoint/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/books/reset.h"
#include "agent/books/usage.h"
#include "agent/books/windows.h"
#include "agent/log.h"
#include "support/place.h"
#include "support/rig.h"
#include "support/workload.h"

#define MS UINT64_C(1000000)

static char folder[PATH_MAX];

/* --- the stage ----------------------------------------------------------------------------------------------------------- */

static struct slipring_primitive *work(const char *name)
{
    struct slipring_primitive *primitive = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, name, "primitive", &primitive));
    return primitive;
}

static void record(const char *name, uint32_t count)
{
    const struct slipring_cost cost = {.cost_nanodollars = 5, .savings_nanodollars = 2};
    struct slipring_primitive *primitive = work(name);
    for (uint32_t i = 0; i < count; i++) {
        slipring_record(primitive, (i % 9 + 1) * MS, i % 4 == 0 ? SLIPRING_FAILURE : SLIPRING_SUCCESS, &cost);
    }
    rig_settle(&rig);
}

static void begin_checkpoints(void)
{
    (void)snprintf(folder, sizeof folder, "%s/books-%s", place_folder(), rig.options.store);
    rig_stop(&rig);
    rig.checkpoint_folder = folder;
    rig_open(&rig);
    rig_settle(&rig);
}

/* All that a call would do, as far as it goes by itself: until the writer is done, too. */
static void write_files(void)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    const struct checkpoint_figures *figures = checkpoint_figures(rig.checkpoint);
    const uint64_t files = figures->bytes + figures->failures;
    for (int i = 0; i < 20000; i++) {
        const uint64_t wait_ns = checkpoint_tick(rig.checkpoint, rig.now_ns, rig.wall_ns);
        if (wait_ns > RIG_SECOND || files != figures->bytes + figures->failures) {
            return;
        }
        if (wait_ns > 0) {
            (void)nanosleep(&pause, NULL);
        }
    }
    check_fail(__FILE__, __LINE__, "the writer does not come to an end");
}

static void write_next(void)
{
    rig_pass(&rig, 10 * RIG_SECOND);
    write_files();
}

static void reboot(int64_t off_ns)
{
    rig_stop(&rig);
    rig_boot(&rig, off_ns);
}

/* Nothing but what is on the disk. */
static void crash(int64_t off_ns)
{
    rig_drop(&rig);
    rig_boot(&rig, off_ns);
}

/* `count` of them, or none with UINT64_MAX: then nothing was restored. */
static void expect_lifetime(const char *name, uint64_t count)
{
    const struct slipring_stats stats = rig_stats(&rig, name);
    CHECK_EQUAL(stats.lifetime.n, count);
    CHECK_EQUAL(stats.lifetime.cost_nanodollars, 5 * count);
    CHECK_EQUAL(stats.lifetime.savings_nanodollars, 2 * count);
}

static uint64_t window_n(const char *name, uint64_t seconds)
{
    const struct slipring_stats_detail detail = rig_detail(&rig, name);
    for (uint32_t i = 0; i < detail.window_count; i++) {
        if (detail.windows[i].window_ns == seconds * RIG_SECOND) {
            return detail.windows[i].n;
        }
    }
    return UINT64_MAX;
}

/* How many files of the folder have this in their name. */
static uint32_t files_like(const char *part)
{
    uint32_t count = 0;
    DIR *directory = opendir(folder);
    for (struct dirent *entry; directory && (entry = readdir(directory)) != NULL;) {
        count += strstr(entry->d_name, part) != NULL;
    }
    if (directory) {
        (void)closedir(directory);
    }
    return count;
}

static void path_of(char out_path[PATH_MAX], const char *suffix)
{
    CHECK(snprintf(out_path, PATH_MAX, "%s/%s.%s", folder, rig.options.store, suffix) < PATH_MAX);
}

/* --- what comes back ----------------------------------------------------------------------------------------------------- */

static void what_was_counted_becomes_the_lifetime_and_counters_begin_at_nothing(void)
{
    begin_checkpoints();
    record("it", 2000);
    record("other", 7);
    const struct slipring_stats before = rig_stats(&rig, "it");
    const uint64_t stopped_wall_ns = rig.wall_ns;
    CHECK_EQUAL(before.min_ns, MS);
    reboot(30 * (int64_t)RIG_SECOND);
    const struct slipring_stats after = rig_stats(&rig, "it");
    expect_lifetime("it", 2000);
    expect_lifetime("other", 7);
    CHECK_EQUAL(after.lifetime.failures, before.failures);
    CHECK_EQUAL(after.lifetime.spilled, before.spilled);
    CHECK_EQUAL(after.min_ns, MS);
    CHECK_EQUAL(after.max_ns, 9 * MS);
    CHECK(after.mean_ns == before.mean_ns);
    CHECK(memcmp(after.lifetime.percentile_ns, before.lifetime.percentile_ns,
                 sizeof after.lifetime.percentile_ns) == 0);
    CHECK_EQUAL(after.count + after.failures + after.sum_ns[0] + after.cost_nanodollars, 0);
    CHECK(after.created_wall_ns > before.created_wall_ns && after.created_wall_ns > stopped_wall_ns);
    CHECK_EQUAL(rig_figures(&rig).restored_wall_ns, stopped_wall_ns);
    CHECK_EQUAL(rig_figures(&rig).checkpoints_refused, 0);
    record("it", 10);
    expect_lifetime("it", 2010);
    CHECK_EQUAL(rig_stats(&rig, "it").count, 10);
}

static void a_second_reboot_keeps_what_the_first_one_kept(void)
{
    begin_checkpoints();
    record("it", 100);
    reboot((int64_t)RIG_SECOND);
    record("it", 10);
    reboot((int64_t)RIG_SECOND);
    record("it", 1);
    expect_lifetime("it", 111);
    CHECK_EQUAL(window_n("it", 3600), 111);
}

static void a_crash_keeps_what_the_last_file_has(void)
{
    begin_checkpoints();
    record("it", 100);
    record("still", 6);
    write_files(); /* the full one */
    record("it", 20);
    record("new", 3);
    write_next(); /* the recent one */
    CHECK_EQUAL(files_like(".recent"), 1);
    record("it", 50); /* for nobody */
    crash(30 * (int64_t)RIG_SECOND);
    expect_lifetime("it", 120);
    expect_lifetime("still", 6);
    expect_lifetime("new", 3);
    CHECK_EQUAL(window_n("it", 3600), 120);
    CHECK_EQUAL(window_n("still", 3600), 6);
    CHECK_EQUAL(window_n("new", 3600), 3);
}

static void nothing_new_is_not_written_again(void)
{
    begin_checkpoints();
    record("it", 100);
    write_files();
    const uint64_t bytes = checkpoint_figures(rig.checkpoint)->bytes;
    CHECK(bytes > 0);
    for (int i = 0; i < 40; i++) {
        write_next();
    }
    CHECK_EQUAL(files_like(".recent"), 0);
    CHECK_EQUAL(checkpoint_figures(rig.checkpoint)->bytes, bytes);
    record("it", 1);
    write_next();
    CHECK_EQUAL(files_like(".recent"), 1);
    for (int i = 0; i < 30; i++) {
        write_next(); /* five minutes are over: a full one, which makes it void */
    }
    CHECK_EQUAL(files_like(".recent"), 0);
}

static void a_recent_file_of_another_full_one_is_void(void)
{
    char path[PATH_MAX], aside[PATH_MAX];
    begin_checkpoints();
    record("it", 100);
    write_files();
    record("it", 20);
    write_next();
    path_of(path, "recent");
    path_of(aside, "kept");
    CHECK_EQUAL(link(path, aside), 0);
    record("it", 3);
    rig_stop(&rig);
    CHECK_EQUAL(rename(aside, path), 0); /* as when the agent is killed before it removes it */
    rig_boot(&rig, (int64_t)RIG_SECOND);
    expect_lifetime("it", 123);
    CHECK_EQUAL(files_like("refused"), 0);
}

static void books_that_are_there_are_not_restored(void)
{
    begin_checkpoints();
    record("it", 100);
    write_files();
    record("it", 20);
    rig_drop(&rig);
    rig_open(&rig);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "it").count, 120);
    expect_lifetime("it", 120);
    CHECK_EQUAL(files_like("refused"), 0);
    record("it", 1);
    crash((int64_t)RIG_SECOND); /* the new agent wrote nothing yet */
    expect_lifetime("it", 100);
}

static void a_primitive_that_began_anew_does_not_get_its_windows_back(void)
{
    begin_checkpoints();
    record("it", 100);
    rig_tick(&rig, 5 * RIG_SECOND);
    write_files();
    rig.wall_ns += RIG_SECOND;
    CHECK_EQUAL(reset_named(rig.books, "it", NULL, rig.now_ns, rig.wall_ns), 1);
    record("it", 150);
    write_next();
    crash((int64_t)RIG_SECOND);
    expect_lifetime("it", 150);
    CHECK_EQUAL(window_n("it", 3600), 150);
}

static void use(const char *name, const char *resource, uint32_t times)
{
    const struct slipring_usage usage = {.units = {[SLIPRING_UNIT_INPUT] = 100, [SLIPRING_UNIT_OUTPUT] = 20}};
    for (uint32_t i = 0; i < times; i++) {
        CHECK_OK(slipring_record_usage(work(name), MS, SLIPRING_SUCCESS, resource, &usage));
    }
    rig_settle(&rig);
}

static void expect_usage(const char *resource, uint64_t usages)
{
    struct saved_usage usage;
    uint32_t found = 0;
    uint32_t book;
    for (uint32_t account = 0; account < usage_high(rig.books); account++) {
        if (usage_take_at(rig.books, account, &book, &usage) && strcmp(usage.resource, resource) == 0) {
            CHECK_EQUAL(usage.usages, usages);
            CHECK_EQUAL(usage.unpriced, usages);
            CHECK_EQUAL(usage.units[SLIPRING_UNIT_INPUT], 100 * usages);
            CHECK_EQUAL(usage.units[SLIPRING_UNIT_OUTPUT], 20 * usages);
            CHECK_EQUAL(usage.waiting[SLIPRING_UNIT_INPUT], 100 * usages);
            found++;
        }
    }
    CHECK_EQUAL(found, 1);
}

static void what_was_used_goes_on(void)
{
    begin_checkpoints();
    use("it", "one/still", 2);
    use("it", "one/more", 3);
    write_files();
    use("it", "one/more", 4);
    use("it", "two/new", 1);
    write_next();
    use("it", "two/new", 5); /* for nobody */
    crash((int64_t)RIG_SECOND);
    expect_usage("one/still", 2);
    expect_usage("one/more", 7);
    expect_usage("two/new", 1);
    use("it", "one/more", 1);
    expect_usage("one/more", 8);
    reboot((int64_t)RIG_SECOND);
    expect_usage("one/more", 8);
}

/* --- objectives ---------------------------------------------------------------------------------------------------------- */

static void compare_objectives(const struct slipring_stats_detail *before, uint64_t more)
{
    const struct slipring_stats_detail after = rig_detail(&rig, "it");
    CHECK_EQUAL(after.objective_count, before->objective_count);
    for (uint32_t i = 0; i < after.objective_count; i++) {
        CHECK_EQUAL(after.objectives[i].total, before->objectives[i].total + more);
        CHECK_EQUAL(after.objectives[i].good, before->objectives[i].good + more);
        CHECK_EQUAL(after.objectives[i].period_s, before->objectives[i].period_s);
    }
}

static void add_objectives(void)
{
    struct slipring_primitive *it = work("it");
    CHECK_OK(slipring_objective_add(
        it, &(struct slipring_objective){.kind = SLIPRING_AVAILABILITY, .target_ppb = 900000000}));
    CHECK_OK(slipring_objective_add(it, &(struct slipring_objective){.kind = SLIPRING_LATENCY,
                                                                     .target_ppb = 500000000,
                                                                     .threshold_ns = 5 * MS,
                                                                     .period_s = SLIPRING_PERIOD_MONTH}));
}

static void budgets_go_on(void)
{
    begin_checkpoints();
    add_objectives();
    for (int i = 0; i < 300; i++) {
        record("it", 9);
        rig_tick(&rig, 2 * RIG_SECOND);
    }
    rig_settle(&rig);
    const struct slipring_stats_detail before = rig_detail(&rig, "it");
    CHECK_EQUAL(before.objectives[0].total, 2700);
    reboot(5 * (int64_t)RIG_SECOND);
    compare_objectives(&before, 0);
    add_objectives(); /* as every program does when it starts */
    for (int i = 0; i < 4; i++) {
        slipring_record(work("it"), MS, SLIPRING_SUCCESS, NULL);
    }
    rig_settle(&rig);
    compare_objectives(&before, 4);
}

/* The marks that were made after the full file come from the recent one. */
static void budgets_of_a_crash_are_those_of_the_last_file(void)
{
    begin_checkpoints();
    add_objectives();
    for (int i = 0; i < 100; i++) {
        record("it", 9);
        rig_tick(&rig, 3 * RIG_SECOND);
    }
    write_files();
    for (int i = 0; i < 60; i++) {
        record("it", 9);
        rig_tick(&rig, 3 * RIG_SECOND);
    }
    write_next();
    rig_settle(&rig);
    const struct slipring_stats_detail before = rig_detail(&rig, "it");
    struct slipring_slo_stats slo, again;
    CHECK_OK(slipring_slo_read(work("it"), &slo));
    crash(0);
    compare_objectives(&before, 0);
    rig_tick(&rig, RIG_SECOND);
    CHECK_OK(slipring_slo_read(work("it"), &again));
    for (uint32_t i = 0; i < SLIPRING_SLO_WINDOW_COUNT; i++) {
        const struct slipring_slo_window *was = &slo.objectives[0].windows[i];
        const struct slipring_slo_window *is = &again.objectives[0].windows[i];
        CHECK(is->total + 30 >= was->total && is->total <= was->total + 30);
        CHECK(is->total != 0);
    }
}

/* All windows are as full as they get: what docs/operating.md says of sizes. */
static void a_primitive_with_full_windows_takes_as_much_as_its_windows(void)
{
    char path[PATH_MAX];
    struct stat st;
    begin_checkpoints();
    add_objectives();
    struct slipring_primitive *it = work("it");
    uint64_t random = 1;
    for (uint32_t tick = 0; tick < 8 * 24 * 60 / 4; tick++) { /* eight days, every four minutes */
        for (uint32_t i = 0; i < 400; i++) {
            slipring_record(it, MS + workload_below(&random, 400) * workload_below(&random, MS),
                            SLIPRING_SUCCESS, NULL);
        }
        rig_tick(&rig, 240 * RIG_SECOND);
    }
    for (uint32_t tick = 0; tick < 150; tick++) {
        record("it", 9);
        rig_tick(&rig, 2 * RIG_SECOND);
    }
    write_next();
    rig_stop(&rig);
    path_of(path, "full");
    CHECK_EQUAL(stat(path, &st), 0);
    (void)dprintf(STDOUT_FILENO, "a primitive with full windows and two objectives: %ld bytes\n",
                  (long)st.st_size);
    CHECK(st.st_size < (off_t)(WINDOWS_BYTES + 32768));
}

/* --- clocks -------------------------------------------------------------------------------------------------------------- */

static void windows_lose_what_left_them_while_nobody_was_there(void)
{
    begin_checkpoints();
    record("it", 100);
    reboot(7200 * (int64_t)RIG_SECOND);
    expect_lifetime("it", 100);
    CHECK_EQUAL(window_n("it", 3600), 0);
    CHECK_EQUAL(window_n("it", 86400), 100);
    record("it", 9);
    CHECK_EQUAL(window_n("it", 3600), 9);
    CHECK_EQUAL(window_n("it", 86400), 109);
}

static void a_wall_clock_that_was_set_back_stretches_no_window(void)
{
    begin_checkpoints();
    record("it", 100);
    reboot(-86400 * (int64_t)RIG_SECOND);
    expect_lifetime("it", 100);
    CHECK_EQUAL(window_n("it", 3600), 100);
    rig_tick(&rig, 3700 * RIG_SECOND);
    rig_settle(&rig);
    CHECK_EQUAL(window_n("it", 3600), 0);
    CHECK_EQUAL(window_n("it", 86400), 100);
}

static void a_wall_clock_that_leapt_leaves_the_lifetime(void)
{
    begin_checkpoints();
    record("it", 100);
    reboot((int64_t)(100 * UINT64_C(31536000) * RIG_SECOND / 2));
    expect_lifetime("it", 100);
    CHECK(rig_stats(&rig, "it").lifetime.span_ns > 300 * UINT64_C(86400) * RIG_SECOND);
    CHECK_EQUAL(window_n("it", 604800), 0);
    record("it", 1);
    CHECK_EQUAL(window_n("it", 604800), 1);
}

/* --- files that are not used --------------------------------------------------------------------------------------------- */

static void spoil(const char *suffix, off_t at, const char *bytes, size_t count)
{
    char path[PATH_MAX];
    path_of(path, suffix);
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    CHECK(fd >= 0 && pwrite(fd, bytes, count, at) == (ssize_t)count);
    (void)close(fd);
}

/* After a reboot nothing is there, the file was kept, and checkpoints go on. */
static void expect_refused(uint32_t files)
{
    rig_boot(&rig, (int64_t)RIG_SECOND);
    CHECK_EQUAL(rig_count_of(&rig, "it"), 0);
    CHECK_EQUAL(rig_figures(&rig).checkpoints_refused, files);
    CHECK_EQUAL(rig_figures(&rig).restored_wall_ns, 0);
    CHECK_EQUAL(files_like("refused"), files);
    record("it", 3);
    reboot((int64_t)RIG_SECOND);
    expect_lifetime("it", 3);
    CHECK_EQUAL(files_like("refused"), files);
}

static void stop_with_a_file(void)
{
    begin_checkpoints();
    record("it", 100);
    rig_stop(&rig);
}

static void a_torn_file_is_kept_aside(void)
{
    struct stat st;
    char path[PATH_MAX];
    stop_with_a_file();
    path_of(path, "full");
    CHECK_EQUAL(stat(path, &st), 0);
    CHECK_EQUAL(truncate(path, st.st_size / 2), 0);
    expect_refused(1);
}

static void a_file_of_another_program_is_kept_aside(void)
{
    stop_with_a_file();
    spoil("full", 0, "SQLite format 3", 16);
    expect_refused(1);
}

static void a_file_of_a_newer_version_is_kept_aside(void)
{
    static const char preamble[] = "slprckpt\x02\0\0\0\x5d\xc3\x7f\x20";
    stop_with_a_file();
    spoil("full", 0, preamble, 16);
    expect_refused(1);
}

static void a_file_of_another_store_is_kept_aside(void)
{
    char path[PATH_MAX], other[PATH_MAX];
    stop_with_a_file();
    path_of(path, "full");
    (void)place_new_store();
    rig.options.store = place_store();
    path_of(other, "full");
    CHECK_EQUAL(rename(path, other), 0);
    rig_open(&rig); /* for rig_boot(&rig, ) to remove it */
    rig_drop(&rig);
    CHECK_EQUAL(files_like("refused"), 1);
    CHECK_OK(slipring_close(rig_producer));
    CHECK_OK(slipring_open(rig.options.store, &rig_producer));
    rig_open(&rig);
    record("it", 3);
    reboot((int64_t)RIG_SECOND);
    expect_lifetime("it", 3);
}

static void a_file_that_others_may_write_is_kept_aside(void)
{
    char path[PATH_MAX];
    stop_with_a_file();
    path_of(path, "full");
    CHECK_EQUAL(chmod(path, 0602), 0);
    expect_refused(1);
}

static void links_and_pipes_are_kept_aside(void)
{
    char path[PATH_MAX], real[PATH_MAX];
    stop_with_a_file();
    path_of(path, "full");
    path_of(real, "real");
    CHECK_EQUAL(rename(path, real), 0);
    CHECK_EQUAL(symlink(real, path), 0);
    path_of(path, "recent");
    CHECK_EQUAL(mkfifo(path, 0600), 0);
    expect_refused(2);
}

static void two_files_refused_in_one_second_are_both_kept(void)
{
    stop_with_a_file();
    for (uint32_t i = 1; i <= 3; i++) {
        spoil("full", 40, "damage", 6);
        rig_boot(&rig, 0);
        CHECK_EQUAL(files_like("refused"), i);
        rig.now_ns -= RIG_SECOND / 50; /* rig_settle()'s: the same second again */
        rig.wall_ns -= RIG_SECOND / 50;
        record("it", 1);
        rig_stop(&rig);
    }
}

static void a_recent_file_without_its_full_one_is_kept_aside(void)
{
    char path[PATH_MAX];
    begin_checkpoints();
    record("it", 100);
    write_files();
    record("it", 1);
    write_next();
    rig_drop(&rig);
    path_of(path, "full");
    CHECK_EQUAL(unlink(path), 0);
    expect_refused(1);
}

static void a_torn_recent_file_leaves_the_full_one(void)
{
    begin_checkpoints();
    record("it", 100);
    write_files();
    record("it", 1);
    write_next();
    rig_drop(&rig);
    spoil("recent", 60, "damage", 6);
    rig_boot(&rig, (int64_t)RIG_SECOND);
    expect_lifetime("it", 100);
    CHECK_EQUAL(rig_figures(&rig).checkpoints_refused, 1);
}

/* Books that were begun while checkpoints were off: what is on disk is not theirs. */
static void other_books_are_not_written_over(void)
{
    stop_with_a_file();
    rig.checkpoint_folder = NULL;
    rig_boot(&rig, 0);
    record("it", 5);
    rig_stop(&rig);
    rig.checkpoint_folder = folder;
    rig_open(&rig);
    CHECK_EQUAL(rig_stats(&rig, "it").count, 5);
    write_files();
    CHECK_EQUAL(files_like("refused"), 1);
    CHECK_EQUAL(checkpoint_figures(rig.checkpoint)->refused, 1);
    crash((int64_t)RIG_SECOND);
    expect_lifetime("it", 5);
}

/* --- disks --------------------------------------------------------------------------------------------------------------- */

static void a_file_that_cannot_be_written_is_said_and_tried_again(void)
{
    struct rlimit limit;
    begin_checkpoints();
    record("it", 100);
    write_files();
    record("it", 10);
    CHECK_EQUAL(getrlimit(RLIMIT_FSIZE, &limit), 0);
    const struct rlimit tiny = {.rlim_cur = 20, .rlim_max = limit.rlim_max};
    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    CHECK_EQUAL(setrlimit(RLIMIT_FSIZE, &tiny), 0);
    log_set_level(LOG_ERROR);
    const uint64_t wall_ns = rig.wall_ns + 10 * RIG_SECOND;
    write_next();
    CHECK_EQUAL(checkpoint_figures(rig.checkpoint)->failures, 1);
    CHECK_EQUAL(checkpoint_figures(rig.checkpoint)->failing_since_wall_ns, wall_ns);
    write_next();
    CHECK_EQUAL(checkpoint_figures(rig.checkpoint)->failures, 2);
    CHECK_EQUAL(checkpoint_figures(rig.checkpoint)->failing_since_wall_ns, wall_ns);
    record("it", 1); /* goes on */
    CHECK_EQUAL(rig_figures(&rig).checkpoint_failing_since_wall_ns, wall_ns);
    CHECK_EQUAL(files_like(".tmp"), 0);
    CHECK_EQUAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
    write_next();
    CHECK_EQUAL(checkpoint_figures(rig.checkpoint)->failures, 2);
    CHECK_EQUAL(checkpoint_figures(rig.checkpoint)->failing_since_wall_ns, 0);
    crash((int64_t)RIG_SECOND);
    expect_lifetime("it", 111);
}

static void a_folder_that_was_removed_is_made_again(void)
{
    char path[PATH_MAX];
    begin_checkpoints();
    record("it", 100);
    write_files();
    path_of(path, "full");
    CHECK_EQUAL(unlink(path), 0);
    path_of(path, "lock");
    CHECK_EQUAL(unlink(path), 0);
    CHECK_EQUAL(rmdir(folder), 0);
    record("it", 10);
    write_next(); /* a recent one, whose full one is gone: */
    CHECK_EQUAL(checkpoint_figures(rig.checkpoint)->failures, 1);
    write_next();
    CHECK_EQUAL(checkpoint_figures(rig.checkpoint)->failing_since_wall_ns, 0);
    CHECK_EQUAL(files_like(".full"), 1);
    crash((int64_t)RIG_SECOND);
    expect_lifetime("it", 110);
}

static void a_folder_that_others_may_write_is_not_used(void)
{
    begin_checkpoints();
    record("it", 100);
    rig_stop(&rig);
    CHECK_EQUAL(chmod(folder, 0777), 0);
    rig_boot(&rig, (int64_t)RIG_SECOND);
    CHECK_EQUAL(rig_count_of(&rig, "it"), 0);
    write_files();
    CHECK(checkpoint_figures(rig.checkpoint)->failing_since_wall_ns != 0);
    CHECK_EQUAL(files_like(".full"), 1);
    CHECK_EQUAL(chmod(folder, 0700), 0);
    rig_drop(&rig);
}

static void a_second_agent_of_the_name_neither_reads_nor_writes(void)
{
    char path[PATH_MAX];
    stop_with_a_file();
    path_of(path, "lock");
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    CHECK(fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0);
    rig_boot(&rig, (int64_t)RIG_SECOND);
    CHECK_EQUAL(rig_count_of(&rig, "it"), 0);
    record("it", 3);
    write_next();
    CHECK(rig_figures(&rig).checkpoint_failing_since_wall_ns != 0);
    CHECK_EQUAL(rig_figures(&rig).checkpoint_failures, 1);
    (void)close(fd);
    write_next(); /* nor later: its files are not ours */
    crash((int64_t)RIG_SECOND);
    expect_lifetime("it", 100);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(what_was_counted_becomes_the_lifetime_and_counters_begin_at_nothing),
        RIG_TEST(a_second_reboot_keeps_what_the_first_one_kept),
        RIG_TEST(a_crash_keeps_what_the_last_file_has),
        RIG_TEST(nothing_new_is_not_written_again),
        RIG_TEST(a_recent_file_of_another_full_one_is_void),
        RIG_TEST(books_that_are_there_are_not_restored),
        RIG_TEST(a_primitive_that_began_anew_does_not_get_its_windows_back),
        RIG_TEST(what_was_used_goes_on),
        RIG_TEST(budgets_go_on),
        RIG_TEST(budgets_of_a_crash_are_those_of_the_last_file),
        RIG_TEST(a_primitive_with_full_windows_takes_as_much_as_its_windows),
        RIG_TEST(windows_lose_what_left_them_while_nobody_was_there),
        RIG_TEST(a_wall_clock_that_was_set_back_stretches_no_window),
        RIG_TEST(a_wall_clock_that_leapt_leaves_the_lifetime),
        RIG_TEST(a_torn_file_is_kept_aside),
        RIG_TEST(a_file_of_another_program_is_kept_aside),
        RIG_TEST(a_file_of_a_newer_version_is_kept_aside),
        RIG_TEST(a_file_of_another_store_is_kept_aside),
        RIG_TEST(a_file_that_others_may_write_is_kept_aside),
        RIG_TEST(links_and_pipes_are_kept_aside),
        RIG_TEST(two_files_refused_in_one_second_are_both_kept),
        RIG_TEST(a_recent_file_without_its_full_one_is_kept_aside),
        RIG_TEST(a_torn_recent_file_leaves_the_full_one),
        RIG_TEST(other_books_are_not_written_over),
        RIG_TEST(a_file_that_cannot_be_written_is_said_and_tried_again),
        RIG_TEST(a_folder_that_was_removed_is_made_again),
        RIG_TEST(a_folder_that_others_may_write_is_not_used),
        RIG_TEST(a_second_agent_of_the_name_neither_reads_nor_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
