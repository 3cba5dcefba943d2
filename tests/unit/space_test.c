/* SPDX-License-Identifier: Apache-2.0 */
/* Recording on a tmpfs that is full, as in a container with a /dev/shm of a few megabytes: nothing is lost and nobody dies of
 * SIGBUS. Needs to mount; skips where it may not. */
#include <slipring/slipring.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "support/api.h"
#include "support/check.h"
#include "support/child.h"
#include "support/place.h"
#include "support/pretend_clock.h"
#include "support/rig.h"
#include "support/workload.h"

#define MS UINT64_C(1000000)

static struct tally want;

/* Record, and expect it. */
static void record(struct slipring_primitive *work, uint64_t duration_ns, bool failed,
                   const struct slipring_cost *cost)
{
    slipring_record(work, duration_ns, failed ? SLIPRING_FAILURE : SLIPRING_SUCCESS, cost);
    tally_execution(&want, duration_ns, failed, cost);
}

/* All magnitudes, some failures, some costs. */
static void record_mix(struct slipring_primitive *work, uint32_t count)
{
    uint64_t seed = api_seed();
    for (uint32_t i = 0; i < count; i++) {
        const struct slipring_cost cost = {.cost_nanodollars = api_random(&seed) % 1000,
                                           .savings_nanodollars = api_random(&seed) % 1000,
                                           .category = (uint32_t)(api_random(&seed) % 16)};
        const uint64_t duration_ns = api_random(&seed) >> (12 + i % 50);
        record(work, duration_ns, i % 5 == 0, i % 3 == 0 ? &cost : NULL);
    }
}

static char mounted[PATH_MAX];

/* In a mount namespace of this process's own, which takes the mount with it when it ends. */
static bool mount_small(const char *size)
{
    char options[32];
    (void)snprintf(mounted, sizeof mounted, "%s/small", place_folder());
    (void)snprintf(options, sizeof options, "size=%s", size);
    if ((mkdir(mounted, 0755) != 0 && errno != EEXIST) || unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", mounted, "tmpfs", 0, options) != 0) {
        (void)dprintf(STDOUT_FILENO, "no mount is permitted here (%s): not tried\n", strerror(errno));
        return false;
    }
    CHECK_EQUAL(setenv("SLIPRING_SHM_DIR", mounted, 1), 0);
    return true;
}

struct filler {
    struct slipring_store *store;
    uint32_t number;
    uint32_t no_space;
};

static void fill_with_primitives(struct filler *filler)
{
    for (uint32_t i = 0; i < 400; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "p%u", filler->number++);
        struct slipring_primitive *work = NULL;
        const enum slipring_status status = slipring_primitive_get(filler->store, name, NULL, &work);
        CHECK(status == SLIPRING_OK || status == SLIPRING_NO_SPACE);
        filler->no_space += status == SLIPRING_NO_SPACE;
        for (uint64_t k = 0; k < 20; k++) {
            record(work, (i + k) * MS, k == 0, NULL);
        }
    }
}

static void expect_in_small(void)
{
    struct tally got;
    fold_path(mounted, place_store(), &got);
    tally_expect_equal(&got, &want);
    CHECK_EQUAL(got.torn, 0);
}

/* 8 MB hold some 190 primitives, each with its ring. The rest is counted under __overflow__, and no page is touched that is not
 * there: that would be SIGBUS, and the death of the host. */
static void a_full_tmpfs_costs_names_and_detail_but_no_count(void *unused)
{
    (void)unused;
    if (!mount_small("8m")) {
        return;
    }
    struct filler filler = {.store = NULL};
    CHECK_OK(slipring_open(place_store(), &filler.store));
    tally_init(&want, 0);
    fill_with_primitives(&filler);
    CHECK(filler.no_space > 100 && filler.no_space < 300);
    CHECK_EQUAL(slipring_store_dropped(filler.store), 0);
    expect_in_small();
}

static void *record_in_a_thread(void *argument)
{
    for (uint64_t k = 0; k < 20; k++) {
        slipring_record(argument, k * MS, SLIPRING_SUCCESS, NULL);
    }
    return NULL;
}

static void threads_without_pages_for_their_rings_lose_no_count(void *unused)
{
    (void)unused;
    if (!mount_small("1m")) {
        return;
    }
    tally_init(&want, 0);
    struct slipring_store *store = NULL;
    struct slipring_primitive *work = NULL;
    CHECK_OK(slipring_open(place_store(), &store));
    CHECK_OK(slipring_primitive_get(store, "work", NULL, &work));
    pthread_t threads[150];
    for (int i = 0; i < 150; i++) { /* all live at once: a ring each, if there were room */
        CHECK_EQUAL(pthread_create(&threads[i], NULL, record_in_a_thread, work), 0);
    }
    for (int i = 0; i < 150; i++) {
        CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
        for (uint64_t k = 0; k < 20; k++) {
            tally_execution(&want, k * MS, false, NULL);
        }
    }
    record_mix(work, 500);
    expect_in_small();
}

static void a_tmpfs_too_small_for_the_directories_is_no_space_and_counts_drops(void *unused)
{
    (void)unused;
    if (!mount_small("256k")) {
        return;
    }
    struct slipring_store *store = NULL;
    struct slipring_primitive *work = NULL;
    CHECK_STATUS(slipring_open(place_store(), &store), SLIPRING_NO_SPACE);
    CHECK_STATUS(slipring_primitive_get(store, "work", NULL, &work), SLIPRING_NO_SPACE);
    slipring_record(work, 1, SLIPRING_SUCCESS, NULL);
    CHECK_EQUAL(slipring_store_dropped(store), 1);
}

/* --- page by page, beside an agent ---------------------------------------------------------------------------------------------- */

#define STEPS 2000u

struct stage {
    _Atomic uint32_t at;
    _Atomic uint32_t may_go_to;
};

static struct stage *stage;
static struct workload load;
static struct tally *sums; /* of two workers: ours, and one of a process that finds the memory full */
static char filler_path[PATH_MAX];

static uint32_t rings_held(void)
{
    uint32_t count = 0;
    for (uint32_t ring = 0; ring < SR_RING_MAX; ring++) {
        count += sr_state_of(atomic_load(sr_segment_ring_state(sr_store_segment(rig_producer), ring))) ==
                 SR_RING_OWNED;
    }
    return count;
}

static void mix(uint32_t number, uint32_t seed)
{
    struct worker worker = worker_of(&load, &sums[number * load.count], seed);
    for (uint32_t i = 0; i < STEPS; i++) {
        worker_step(&worker);
    }
    worker_finish(&worker);
}

/* Leave so many pages free. */
static void fill_but(uint64_t pages)
{
    struct statfs fs;
    CHECK((size_t)snprintf(filler_path, sizeof filler_path, "%s/filler", mounted) < sizeof filler_path);
    const int fd = open(filler_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    CHECK_EQUAL(fstatfs(fd, &fs), 0);
    CHECK_EQUAL(fallocate(fd, 0, 0, (off_t)((fs.f_bavail - pages) * SR_PAGE_BYTES)), 0);
    CHECK_EQUAL(close(fd), 0);
}

static void pass(uint32_t at)
{
    atomic_store(&stage->at, at);
    child_await(&stage->may_go_to, at + 1);
}

/* Attaches anew: a page for its slot, three for the lines of its first ring, two for each ring's block. */
static void record_while_it_is_full(void *unused)
{
    (void)unused;
    mix(1, 3);
    struct slipring_primitive *late = NULL; /* and ten or so for a name */
    const enum slipring_status status = slipring_primitive_get(rig_producer, "late", NULL, &late);
    CHECK(status == SLIPRING_OK || status == SLIPRING_NO_SPACE);
    for (uint64_t i = 0; i < 100; i++) {
        slipring_record(late, 7, SLIPRING_SUCCESS, NULL);
    }
    pass(1);
    mix(1, 4);
    pass(2);
}

/* The store, its names and books are there before the memory is full. The next slot lies in a page of its own. */
static void prepare(void)
{
    struct sr_slot_hold hold;
    rig = rig_of(place_store());
    rig_open(&rig);
    CHECK_OK(slipring_open(place_store(), &rig_producer));
    workload_open(&load, rig_producer, "p", WORKLOAD_PRIMITIVES);
    sums = workload_sums(&load, 2);
    stage = child_share(sizeof *stage);
    api_set_ring_cap(0);
    mix(0, 1);
    rig_settle(&rig);
    api_set_ring_cap(SR_RING_CAP_DEFAULT);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(sr_slot_take(sr_store_segment(rig_producer), rig_producer->lock_path, &hold));
    }
}

static void expect_figures(void)
{
    struct tally want_sum;
    rig_settle(&rig);
    for (uint32_t i = 0; i < load.count; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "p%u", i);
        const struct slipring_stats stats = rig_stats(&rig, name);
        const struct slipring_stats_detail detail = rig_detail(&rig, name);
        workload_merge(&load, sums, 2, i, &want_sum);
        workload_expect(&load, i, &want_sum, 0, &stats, &detail);
    }
}

static uint64_t count_of(const char *name)
{
    return rig_count_of(&rig, name) ? rig_stats(&rig, name).count : 0;
}

static void record_with_so_many_pages(void *argument)
{
    const uint32_t pages = *(const uint32_t *)argument;
    if (!mount_small("24m")) {
        return;
    }
    prepare();
    fill_but(pages);
    const pid_t child = child_start(record_while_it_is_full, NULL);
    child_await(&stage->at, 1);
    CHECK_EQUAL(rings_held(), pages < 4 ? 0 : (pages - 4) / 2);
    rig_settle(&rig); /* what can be booked is, what cannot waits */
    CHECK_EQUAL(unlink(filler_path), 0);
    rig_settle(&rig); /* sees that there is room again, and says so */
    atomic_store(&stage->may_go_to, 2);
    child_await(&stage->at, 2);
    CHECK_EQUAL(rings_held(), load.count + (pages >= 4 && rig_count_of(&rig, "late")));
    atomic_store(&stage->may_go_to, 3);
    child_ends_well(child);
    expect_figures();
    CHECK_EQUAL(count_of("late") + count_of("__overflow__"), 100);
    rig_expect_balance(&rig);
}

static void each_page_that_is_missing_costs_detail_but_no_count(void **state)
{
    (void)state;
    for (uint32_t pages = 0; pages < 12; pages++) {
        (void)place_new_store();
        child_run(record_with_so_many_pages, &pages);
    }
}

/* Files do not grow by reserving their pages: the limit forbids a process to make a store, not to record in one. */
static void record_under_a_limit(void *unused)
{
    (void)unused;
    struct rlimit limit;
    CHECK_EQUAL(getrlimit(RLIMIT_FSIZE, &limit), 0);
    const struct rlimit nothing = {.rlim_cur = 0, .rlim_max = limit.rlim_max};
    CHECK_EQUAL(setrlimit(RLIMIT_FSIZE, &nothing), 0);
    mix(1, 3);
    CHECK_EQUAL(rings_held(), load.count);
}

static void under_a_limit_of_file_sizes_a_process_records_as_ever(void *unused)
{
    (void)unused;
    rig = rig_of(place_store());
    rig_open(&rig);
    CHECK_OK(slipring_open(place_store(), &rig_producer));
    workload_open(&load, rig_producer, "p", WORKLOAD_PRIMITIVES);
    sums = workload_sums(&load, 2);
    child_run(record_under_a_limit, NULL);
    expect_figures();
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(a_full_tmpfs_costs_names_and_detail_but_no_count),
        CHILD_TEST(threads_without_pages_for_their_rings_lose_no_count),
        CHILD_TEST(a_tmpfs_too_small_for_the_directories_is_no_space_and_counts_drops),
        cmocka_unit_test(each_page_that_is_missing_costs_detail_but_no_count),
        CHILD_TEST(under_a_limit_of_file_sizes_a_process_records_as_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
