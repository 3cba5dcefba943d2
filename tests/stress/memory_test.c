/* SPDX-License-Identifier: Apache-2.0 */
/* What it all costs: a thousand primitives, eight processes of four threads, each thread with a ring of each primitive at once. The
 * memory of both files as the file system counts it, against the budget; every sample counted; and when all are gone, the memory
 * comes back.
 *
 * The ceiling of the ring segment, and where it comes from:
 *   a pair of thread and primitive   8,192 bytes of ring and spill block (the small class), 384 of lines       8,576
 *   a primitive                      2,048 of registry entry, 256 of bounds, 32,768 of shared spill           35,072
 *   a ring that spills               65,536 of the bigger ring that it is offered, at most 64 offers at a time      4.2 MB
 *   the segment                      header and directories, 1 KB a process, pages begun and not full
 * makes 274 MB for 32,000 pairs (262 MB of it blocks), 35 MB for 1,000 primitives and 0.5 MB: 310 MB. Afterwards lines, registry and the rings that are
 * kept stay. Of the stats segment: at most 100 KB an active primitive, which is not traced, and 8 KB a ring that spilled, and the journal. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <slipring/slipring.h>

#include "agent/drain/drain.h"
#include "protocol/stats_segment.h"
#include "support/check.h"
#include "support/child.h"
#include "support/place.h"
#include "support/rig.h"
#include "support/workload.h"

#define PROCESSES  8u
#define THREADS    4u
#define PRIMITIVES 1000u
#define PAIRS      ((uint64_t)PROCESSES * THREADS * PRIMITIVES)
#define SPILLING   20u /* primitives that the first process's threads record more of than a ring holds */
#define RECORDS    700u
#define DURATION   UINT64_C(1000000)
#define KB         UINT64_C(1000)
#define NEEDED     (UINT64_C(700) << 20)

#define PAIR_BYTES      UINT64_C(8576)
#define PRIMITIVE_BYTES UINT64_C(35072)
#define FIXED_BYTES     (SR_RING_DENSE_BYTES + 64 * SR_PAGE_BYTES)
#define OFFER_BYTES     UINT64_C(65536)
#define KEPT            18u /* rings that stay: 16 small ones, 2 that were offered */
#define KEPT_BYTES      (16 * UINT64_C(8192) + 2 * OFFER_BYTES)
#define EXTENT_BYTES    (3 * UINT64_C(128) * SR_EXTENT_RINGS)

#define STATS_PRIMITIVE_BYTES (100 * KB)
#define STATS_SPILLED_BYTES   UINT64_C(8192)
/* Journal, figures of the agent, the words of all rings and slots, in flight: what no primitive and no spill adds to. */
#define STATS_FIXED_BYTES                                                                                    \
    (SR_STATS_DENSE_BYTES + PAIRS * 128 + PROCESSES * (SR_PAGE_BYTES * (PRIMITIVES / 512 + 1)) + 128 * KB)

struct meeting {
    _Atomic uint32_t ready; /* threads that hold all their rings */
    _Atomic uint32_t leave;
};

static struct meeting *meeting;

/* --- producers ---------------------------------------------------------------------------------------------------------------- */

struct process {
    uint32_t number;
    struct slipring_primitive *primitives[PRIMITIVES];
};

static void *hold_a_ring_of_each(void *argument)
{
    struct process *process = argument;
    for (uint32_t i = 0; i < PRIMITIVES; i++) {
        const uint32_t count = process->number == 0 && i < SPILLING ? RECORDS : 1;
        for (uint32_t k = 0; k < count; k++) {
            slipring_record(process->primitives[i], DURATION, SLIPRING_SUCCESS, NULL);
        }
    }
    meeting->ready++;
    child_await(&meeting->leave, 1);
    return NULL;
}

static void open_all(struct slipring_store *store, struct process *process)
{
    for (uint32_t i = 0; i < PRIMITIVES; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "p%u", (unsigned)i);
        CHECK_OK(slipring_primitive_get(store, name, NULL, &process->primitives[i]));
    }
}

static void live(void *argument)
{
    static struct process process;
    struct slipring_store *store = NULL;
    pthread_t threads[THREADS];
    process.number = *(const uint32_t *)argument;
    CHECK_OK(slipring_open(rig.options.store, &store));
    open_all(store, &process);
    for (uint32_t i = 0; i < THREADS; i++) {
        CHECK_EQUAL(pthread_create(&threads[i], NULL, hold_a_ring_of_each, &process), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
    }
}

/* --- looking ------------------------------------------------------------------------------------------------------------------- */

static uint64_t bytes_of(const char *suffix)
{
    char path[PATH_MAX];
    struct stat st;
    place_path(path, rig.options.store, suffix);
    CHECK_EQUAL(stat(path, &st), 0);
    return (uint64_t)st.st_blocks * 512;
}

static uint32_t rings_in(enum sr_ring_state state)
{
    uint32_t count = 0;
    for (uint32_t ring = 0; ring < SR_RING_MAX; ring++) {
        count += sr_state_of(sr_drain_state(agent_store_rings(rig.store), ring)) == state;
    }
    return count;
}

static void print_bytes(const char *when, uint64_t ring, uint64_t ring_ceiling, uint64_t stats,
                        uint64_t stats_ceiling)
{
    (void)fprintf(stderr,
                  "# %s: ring segment %" PRIu64 " of %" PRIu64 " bytes, stats segment %" PRIu64 " of %" PRIu64
                  "\n",
                  when, ring, ring_ceiling, stats, stats_ceiling);
}

static void expect_conserved(void)
{
    uint64_t taken = 0;
    rig_settle(&rig);
    for (uint32_t book = 0; book < RIG_WORD(&rig, store, 0, SR_STORE_BOOK_HIGH); book++) {
        taken += RIG_WORD(&rig, book, book, SR_BOOK_COUNT);
    }
    CHECK_EQUAL(taken, PAIRS + (uint64_t)THREADS * SPILLING * (RECORDS - 1));
    CHECK_EQUAL(rig_stats(&rig, "p0").count, (uint64_t)THREADS * (PROCESSES - 1 + RECORDS));
    CHECK_EQUAL(rig_stats(&rig, "p999").count, (uint64_t)THREADS * PROCESSES);
    CHECK_EQUAL(rig_figures(&rig).rings_quarantined, 0);
    rig_expect_balance(&rig);
}

/* --- the budget ------------------------------------------------------------------------------------------------------------------ */

static uint32_t offered; /* bigger rings, to those that spilled */

static void check_full_house(void)
{
    offered = rings_in(SR_RING_OFFERED);
    const uint64_t ring_ceiling =
        PAIRS * PAIR_BYTES + PRIMITIVES * PRIMITIVE_BYTES + offered * OFFER_BYTES + FIXED_BYTES;
    const uint64_t stats_ceiling = PRIMITIVES * STATS_PRIMITIVE_BYTES +
                                   (uint64_t)THREADS * SPILLING * STATS_SPILLED_BYTES + STATS_FIXED_BYTES;
    CHECK_EQUAL(rings_in(SR_RING_OWNED), PAIRS);
    CHECK(bytes_of("ring") >= PAIRS * UINT64_C(8192));
    const uint64_t ring = bytes_of("ring");
    const uint64_t stats = bytes_of("stats");
    print_bytes("full house", ring, ring_ceiling, stats, stats_ceiling);
    CHECK(ring <= ring_ceiling);
    CHECK(stats <= stats_ceiling);
    CHECK_EQUAL(rig_figures(&rig).ring_segment_bytes, ring);
    CHECK(rig_figures(&rig).stats_segment_bytes <= stats);
}

static void check_empty_house(void)
{
    const uint64_t lines = (PAIRS / SR_EXTENT_RINGS + 1) * EXTENT_BYTES;
    const uint64_t ring_ceiling = lines + KEPT_BYTES + PRIMITIVES * PRIMITIVE_BYTES + FIXED_BYTES;
    const uint64_t stats_ceiling =
        PRIMITIVES * STATS_PRIMITIVE_BYTES + 16 * STATS_SPILLED_BYTES + STATS_FIXED_BYTES;
    const uint64_t ring = bytes_of("ring");
    const uint64_t stats = bytes_of("stats");
    print_bytes("all gone", ring, ring_ceiling, stats, stats_ceiling);
    CHECK_EQUAL(rings_in(SR_RING_FREE), KEPT);
    CHECK_EQUAL(rig_figures(&rig).rings_retired, PAIRS + offered - KEPT);
    CHECK(ring <= ring_ceiling);
    CHECK(stats <= stats_ceiling);
}

static void a_thousand_primitives_by_eight_processes_by_four_threads_keep_the_budget_and_give_it_back(void)
{
    pid_t children[PROCESSES];
    static struct process registrar;
    if (WORKLOAD_IS_SLOW) {
        print_message("a build that is many times slower: not tried\n");
        return;
    }
    open_all(rig_producer, &registrar); /* else a race may leave duplicates, whose pages no ceiling knows */
    for (uint32_t i = 0; i < PROCESSES; i++) {
        children[i] = child_start(live, &i);
    }
    child_await(&meeting->ready, PROCESSES * THREADS);
    rig_settle(&rig);
    check_full_house();
    expect_conserved();
    meeting->leave = 1;
    for (uint32_t i = 0; i < PROCESSES; i++) {
        child_ends_well(children[i]);
    }
    expect_conserved();
    CHECK(rings_in(SR_RING_FREE) >= PAIRS);
    for (int i = 0; i < 70; i++) {
        rig_tick(&rig, RIG_SECOND);
    }
    for (int i = 0; i < 2000 && rings_in(SR_RING_FREE) > KEPT; i++) {
        rig_tick(&rig, RIG_SECOND / 100);
    }
    rig_settle(&rig);
    check_empty_house();
    expect_conserved();
}

/* --- one primitive ------------------------------------------------------------------------------------------------------------ */

/* 70 seconds of a primitive whose durations spread over `octaves` from a microsecond on, in shots that its ring holds. Returns what the stats
 * segment grew by. */
static uint64_t record_a_minute(const char *name, uint32_t octaves)
{
    struct slipring_primitive *primitive = NULL;
    uint64_t random = 1;
    rig_settle(&rig);
    const uint64_t before = bytes_of("stats");
    CHECK_OK(slipring_primitive_get(rig_producer, name, NULL, &primitive));
    for (uint32_t i = 0; i < 24 * 40; i++) {
        for (uint32_t k = 0; k < 100; k++) {
            random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            const uint64_t octave = (random >> 33) % octaves;
            const uint64_t base = UINT64_C(1000) << octave;
            slipring_record(primitive, base + (random >> 20) % base, SLIPRING_SUCCESS, NULL);
        }
        rig_tick(&rig, RIG_SECOND * 3 / 40);
    }
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, name).count, 24 * 40 * 100);
    const uint64_t grown = bytes_of("stats") - before;
    (void)fprintf(stderr, "# %s over %u octaves: %" PRIu64 " bytes of the stats segment\n", name,
                  (unsigned)octaves, grown);
    return grown;
}

static void an_active_primitive_keeps_its_budget_in_the_stats_segment(void)
{
    const uint64_t one_of_each =
        4 * SR_PAGE_BYTES; /* pages of ring words, slots, in flight: the first one's alone */
    CHECK(record_a_minute("narrow", 3) <= STATS_PRIMITIVE_BYTES + one_of_each);
    CHECK(record_a_minute("usual", 6) <= STATS_PRIMITIVE_BYTES);
    /* Every bucket in every slice: 32 KB of book, 8 of figures, 64 of slices, which then hold less than the minute. */
    CHECK(record_a_minute("wild", 25) <= UINT64_C(106496));
}

static void copies_of_spill_blocks_keep_their_bounds(void)
{
    struct slipring_primitive *primitive = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, "spills", NULL, &primitive));
    slipring_record(primitive, DURATION, SLIPRING_SUCCESS, NULL);
    rig_settle(&rig);
    const uint64_t before = bytes_of("stats");
    for (uint32_t k = 0; k < 1000; k++) {
        slipring_record(primitive, DURATION + 1000 * k, SLIPRING_SUCCESS, NULL);
    }
    drain_all(rig.drain, rig.now_ns += RIG_SECOND / 100);
    const uint64_t small = bytes_of("stats") - before;
    CHECK_EQUAL(small, SR_PAGE_BYTES);
    /* More than the bigger ring holds that was offered; a narrow spread: two pages of its block. */
    for (uint32_t k = 0; k < 8000; k++) {
        slipring_record(primitive, DURATION + 1000 * (k % 1000), SLIPRING_SUCCESS, NULL);
    }
    drain_all(rig.drain, rig.now_ns += RIG_SECOND / 100);
    (void)fprintf(stderr, "# copies of a small block %" PRIu64 ", of a bigger one %" PRIu64 " bytes\n", small,
                  bytes_of("stats") - before - small);
    CHECK(bytes_of("stats") - before - small <= STATS_SPILLED_BYTES + SR_PAGE_BYTES);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(an_active_primitive_keeps_its_budget_in_the_stats_segment),
        RIG_TEST(copies_of_spill_blocks_keep_their_bounds),
        RIG_TEST(a_thousand_primitives_by_eight_processes_by_four_threads_keep_the_budget_and_give_it_back),
    };
    struct statvfs fs;
    if (statvfs(place_folder(), &fs) != 0 || (uint64_t)fs.f_bavail * fs.f_frsize < NEEDED) {
        (void)printf("# less than 700 MiB of shared memory: not tried\n");
        return 0;
    }
    meeting = child_share(sizeof *meeting);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
