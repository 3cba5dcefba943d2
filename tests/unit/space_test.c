/* SPDX-License-Identifier: Apache-2.0 */
/* Recording on a tmpfs that is full, as in a container with a /dev/shm of a few megabytes: nothing is lost and nobody dies of
 * SIGBUS. Needs to mount; skips where it may not. */
#include <slipring/slipring.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/api.h"
#include "support/check.h"
#include "support/child.h"
#include "support/place.h"

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

static int run(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(a_full_tmpfs_costs_names_and_detail_but_no_count),
        CHILD_TEST(threads_without_pages_for_their_rings_lose_no_count),
        CHILD_TEST(a_tmpfs_too_small_for_the_directories_is_no_space_and_counts_drops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
