/* SPDX-License-Identifier: Apache-2.0 */
/* How to come to each crash point: see visits.h.
 *
 * Most of them lie on the way of somebody who works under full load: play_load() arms the point in an agent and in a producer that does all
 * that a producer does, and stirs until one of them dies. A new point is found like that without a line here. One that needs
 * more gets a scene of its own, and a row in the table. */
#include "visits.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peer/stats.h"
#include "protocol/segment.h"
#include "support/check.h"
#include "support/child.h"
#include "support/place.h"
#include "system/clock.h"

#define PLAY_MS (WORKLOAD_IS_SLOW ? 120000u : 60000u)

/* True: somebody died at the point. */
typedef bool play_scene(struct stage *stage, enum sr_crashpoint point);

static void start_victim(struct stage *stage, enum sr_crashpoint point, uint32_t life_ms)
{
    const struct role role = {.number = VICTIM,
                              .seed = workload_random(&stage->random),
                              .life_ms = life_ms,
                              .point = point,
                              .nth = 1,
                              .is_thorough = true};
    stage_start_producer(stage, &role);
}

/* One turn of stirring: somebody to reap, somebody new. True: somebody died at the point. */
static bool stir(struct stage *stage, enum sr_crashpoint point, uint32_t turn)
{
    if (stage->producers[VICTIM].pid == 0) {
        start_victim(stage, point, 250);
    }
    if (stage_run(stage, 100)) {
        return true;
    }
    stage_kill_producer(stage, turn % PRODUCERS);
    const struct role role = {.number = turn % PRODUCERS, .seed = workload_random(&stage->random)};
    stage_start_producer(stage, &role);
    return stage_run(stage, 100);
}

static bool play_load(struct stage *stage, enum sr_crashpoint point)
{
    const uint64_t end_ns = sr_clock_ns() + PLAY_MS * MS;
    stage_fill(stage);
    (void)stage_run(stage, 20);
    stage_kill_agent(stage);
    for (uint32_t turn = 0; sr_clock_ns() < end_ns; turn++) {
        /* Now and then nobody drains: rings get full, and what does not fit their spill goes to the shared one. */
        if (turn % 12 == 1 && !stage->has_agent) {
            const uint64_t more = turn == 1 ? workload_below(&stage->random, 2) * 20 : 0;
            stage_start_agent(stage, point, 1 + (uint32_t)workload_below(&stage->random, 1 + more));
        } else if (turn % 12 == 0) {
            stage_kill_agent(stage);
        }
        if (stir(stage, point, turn)) {
            return true;
        }
    }
    return false;
}

/* --- scenes of their own ------------------------------------------------------------------------------------------------ */

/* Nothing is there yet, and whoever makes it dies: a producer; an agent, at the first such file and at the second. */
static bool play_making(struct stage *stage, enum sr_crashpoint point)
{
    struct report *report = stage->report;
    bool is_hit = false;
    start_victim(stage, point, 50);
    while (!is_hit && stage->producers[VICTIM].pid != 0) {
        is_hit = stage_run(stage, 1);
    }
    for (uint32_t nth = 1; nth <= 2; nth++) {
        stage_fill(stage);
        (void)stage_run(stage, 20);
        stage_close(stage);
        stage_open(stage, stage->random, report);
        stage->is_gentle = true;
        stage_start_agent(stage, point, nth);
        while (!is_hit && stage->has_agent && !stage_agent_serves(stage)) {
            is_hit = stage_run(stage, 1);
        }
        stage_kill_agent(stage);
    }
    stage_fill(stage);
    return is_hit;
}

/* Nobody drains: let it run until half of the rings are full, however slow the machine is. */
static void await_full_rings(struct stage *stage)
{
    struct sr_segment segment = {.map = {.base = NULL}};
    const uint64_t end_ns = sr_clock_ns() + PLAY_MS * MS;
    CHECK_OK(sr_segment_attach(&segment, place_store(), false));
    for (uint32_t owned = 1, full = 0; full * 2 < owned && sr_clock_ns() < end_ns;) {
        owned = full = 0;
        (void)stage_run(stage, 5);
        for (uint32_t ring = 0; ring < SR_RING_MAX; ring++) {
            const uint64_t word = atomic_load(sr_segment_ring_state(&segment, ring));
            if (sr_state_of(word) == SR_RING_OWNED && sr_segment_ring_is_reserved(&segment, ring)) {
                const uint64_t used = atomic_load(&sr_segment_producer_line(&segment, ring)->tail) -
                                      atomic_load(&sr_segment_consumer_line(&segment, ring)->head);
                owned++;
                full += used + SR_SAMPLE_WORDS_MAX > sr_ring_shapes[sr_ring_class_of(ring)].words;
            }
        }
    }
    sr_map_unmap(&segment.map);
}

/* Batches differ: an agent begins with one for each primitive's shared spill, then comes one of all rings, and so on. And before the next
 * agent comes, rings are full again: what the dead one had let go of too early is overwritten. */
static bool play_batches(struct stage *stage, enum sr_crashpoint point)
{
    static const uint32_t nths[] = {1, 10, 20, 45};
    stage_fill(stage);
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(nths); i++) {
        stage_kill_agent(stage);
        await_full_rings(stage);
        stage_start_agent(stage, point, nths[i]);
        if (!stage_run(stage, PLAY_MS)) {
            return false;
        }
        await_full_rings(stage);
        stage_pause(stage);
        stage_compare(stage);
        stage_resume(stage);
    }
    return true;
}

/* The agent has time to offer bigger rings, and the victim to want one. */
static bool play_growth(struct stage *stage, enum sr_crashpoint point)
{
    stage_fill(stage);
    start_victim(stage, point, 0);
    return stage_run(stage, PLAY_MS);
}

/* The agent that replays the journal of one that was killed is killed, too. */
static bool play_replay(struct stage *stage, enum sr_crashpoint point)
{
    stage_fill(stage);
    stage_kill_agent(stage);
    stage_start_agent(stage, SR_CRASHPOINT_journal_committed, 5);
    CHECK(stage_run(stage, PLAY_MS));
    stage_start_agent(stage, point, 1);
    return stage_run(stage, PLAY_MS);
}

/* The agent is asked to stop. */
static bool play_stop(struct stage *stage, enum sr_crashpoint point)
{
    stage_fill(stage);
    stage_kill_agent(stage);
    stage_start_agent(stage, point, 1);
    stage_await_agent(stage);
    (void)stage_run(stage, 50);
    CHECK_EQUAL(kill(stage->agent.pid, SIGTERM), 0);
    return stage_run(stage, PLAY_MS);
}

/* Everybody has left, the ring segment is removed, and an agent finds its books without it. */
static bool play_remade(struct stage *stage, enum sr_crashpoint point)
{
    char path[PATH_MAX];
    stage_fill(stage);
    (void)stage_run(stage, 50);
    stage_pause(stage);
    for (uint32_t i = 0; i < CAST; i++) {
        stage_kill_producer(stage, i);
    }
    stage_kill_agent(stage);
    stage_compare(stage);
    stage_resume(stage);
    stage_leave_rings(stage);
    stage_kill_agent(stage);
    place_path(path, place_store(), "ring");
    CHECK_EQUAL(unlink(path), 0);
    stage_start_agent(stage, point, 1);
    return stage_run(stage, PLAY_MS);
}

/* --- the store's files are removed (protocol/move.h) -------------------------------------------------------------------- */

static void remove_file(const char *suffix)
{
    char path[PATH_MAX];
    place_path(path, place_store(), suffix);
    CHECK(unlink(path) == 0 || errno == ENOENT);
}

static void kill_cast(struct stage *stage)
{
    for (uint32_t i = 0; i < CAST; i++) {
        stage_kill_producer(stage, i);
    }
}

/* Some load; then nobody but the agent is there, and all is booked. */
static void be_left(struct stage *stage)
{
    stage_fill(stage);
    (void)stage_run(stage, 50);
    stage_pause(stage);
    kill_cast(stage);
    stage_compare(stage);
    stage_resume(stage);
}

/* Another agent, which dies at the point while it makes the file again. */
static bool remove_under_agent(struct stage *stage, enum sr_crashpoint point, const char *suffix)
{
    stage_kill_agent(stage);
    stage_start_agent(stage, point, 1);
    stage_await_agent(stage);
    remove_file(suffix);
    return stage_run(stage, PLAY_MS);
}

/* The agent dies before its processes were told, and what they have not had drained with it: so nobody is there, and all is booked. */
static bool play_untold_move(struct stage *stage, enum sr_crashpoint point)
{
    be_left(stage);
    stage_leave_rings(stage);
    return remove_under_agent(stage, point, "ring");
}

/* It dies when they were told: they carry over what they hold, and who comes next finds it. All was booked when it died, for nobody can carry
 * what the dead and the departed hold. */
static bool play_told_move(struct stage *stage, enum sr_crashpoint point)
{
    stage_fill(stage);
    (void)stage_run(stage, 50);
    stage_pause(stage);
    stage_kill_agent(stage);
    stage_start_agent(stage, point, 1);
    stage_compare(stage);
    remove_file("ring");
    const bool is_hit = stage_run(stage, PLAY_MS);
    stage_resume(stage);
    (void)stage_run(stage, 500);
    return is_hit;
}

/* A producer dies while its thread moves over, under full load, and the agent lives. */
static bool play_moving(struct stage *stage, enum sr_crashpoint point)
{
    stage_fill(stage);
    start_victim(stage, point, 0);
    for (uint32_t turn = 0; turn < 20; turn++) {
        if (stage_run(stage, 300)) {
            return true;
        }
        remove_file("ring");
        remove_file("lock");
    }
    return false;
}

/* Killed while it copies books that have no name any more: they go with it, as documented, and the next ones begin with what comes. */
static bool play_lost_books(struct stage *stage, enum sr_crashpoint point)
{
    be_left(stage);
    const bool is_hit = remove_under_agent(stage, point, "stats");
    stage_lose_books(stage);
    stage_start_agent(stage, SR_CRASHPOINT_none,
                      0); /* before anybody records: it takes what has spilled for booked */
    stage_await_agent(stage);
    return is_hit;
}

/* --- books on disk (agent/checkpoint/checkpoint.h) ----------------------------------------------------------------------------------- */

/* From the next agent on, until the visit is over. */
static void keep_books_on_disk(void)
{
    char folder[PATH_MAX];
    CHECK(snprintf(folder, sizeof folder, "%s/books-%s", place_folder(), place_store()) < PATH_MAX);
    CHECK_EQUAL(setenv("SLIPRING_CHECKPOINT", folder, 1), 0);
}

/* A new agent's first file is written over what the one before it left. */
static bool play_checkpoint(struct stage *stage, enum sr_crashpoint point)
{
    keep_books_on_disk();
    stage_fill(stage);
    (void)stage_run(stage, 50);
    stage_kill_agent(stage);
    stage_start_agent(stage, point, 1);
    return stage_run(stage, PLAY_MS);
}

/* What was counted before the reboot is the lifetime, whole. */
static void expect_lifetimes(struct stage *stage)
{
    static struct books now;
    books_read(&now, &stage->load);
    for (uint32_t i = 0; i < WORKLOAD_PRIMITIVES; i++) {
        if (now.book[i].is_found) {
            const char *why = books_lifetime_differs(&now.book[i], &stage->past[i]);
            if (why) {
                check_fail(__FILE__, __LINE__, "p%u after the reboot: %s", i, why);
            }
            CHECK_EQUAL(now.book[i].stats.count, 0);
        }
    }
}

/* All stop cleanly, the store's files go, and the agent that restores the books dies when it has restored some. */
static bool play_restoring(struct stage *stage, enum sr_crashpoint point)
{
    keep_books_on_disk();
    be_left(stage);
    CHECK_EQUAL(kill(stage->agent.pid, SIGTERM), 0);
    while (stage->has_agent) {
        (void)stage_run(stage, 10);
    }
    remove_file("ring");
    remove_file("stats");
    remove_file("lock");
    stage_start_agent(stage, point, 2);
    const bool is_hit = stage_run(stage, PLAY_MS);
    stage_start_agent(stage, SR_CRASHPOINT_none, 0);
    stage_await_agent(stage);
    expect_lifetimes(stage);
    stage_lose_books(stage);
    return is_hit;
}

/* --- usage (protocol/usage.h) --------------------------------------------------------------------------------------------- */

#define USES 3u

/* A producer of its own, that uses something three times, or dies over the first. */
static void use_something(void *argument)
{
    const enum sr_crashpoint *point = argument;
    struct slipring_store *store = NULL;
    struct slipring_primitive *primitive = NULL;
    CHECK_OK(slipring_open(place_store(), &store));
    CHECK_OK(slipring_primitive_get(store, "usage", NULL, &primitive));
    sr_crashpoint_arm(*point, 1);
    for (uint32_t i = 0; i < USES; i++) {
        const struct slipring_usage usage = {.units = {[SLIPRING_UNIT_INPUT] = 10}};
        CHECK_OK(slipring_record_usage(primitive, MS, SLIPRING_SUCCESS, "crash/test", &usage));
    }
}

/* What is published of it: executions, and units of input. */
static void read_usage(uint64_t *out_count, uint64_t *out_units)
{
    struct sr_stats *stats = NULL;
    *out_count = *out_units = 0;
    if (sr_stats_open(place_store(), &stats) != SLIPRING_OK) {
        return;
    }
    for (uint32_t i = 0; i < SR_STATS_USAGE_MAX; i++) {
        struct slipring_usage_stats usage;
        struct slipring_stats figures;
        if (sr_stats_usage(stats, i, &usage) == SLIPRING_OK && strcmp(usage.resource, "crash/test") == 0 &&
            sr_stats_get(stats, (uint32_t)usage.place, &figures, NULL) == SLIPRING_OK) {
            *out_units += usage.units[SLIPRING_UNIT_INPUT];
            *out_count = figures.count;
        }
    }
    sr_stats_close(stats);
}

/* One producer dies there, another one goes on. What returned counts, what was cut counts as far as it came, and says so as torn. */
static bool play_usage(struct stage *stage, enum sr_crashpoint point)
{
    const bool has_units = point == SR_CRASHPOINT_usage_after_units ||
                           point == SR_CRASHPOINT_usage_before_exit ||
                           point == SR_CRASHPOINT_usage_before_news;
    const bool has_execution =
        point == SR_CRASHPOINT_usage_before_exit || point == SR_CRASHPOINT_usage_before_news;
    enum sr_crashpoint none = SR_CRASHPOINT_none;
    uint64_t count = 0;
    uint64_t units = 0;
    stage_fill(stage);
    child_dies_by(child_start(use_something, &point), SIGKILL);
    child_run(use_something, &none);
    const uint64_t end_ns = sr_clock_ns() + PLAY_MS * MS;
    while ((count < USES + has_execution || units < 10 * (USES + has_units)) && sr_clock_ns() < end_ns) {
        (void)stage_run(stage, 20);
        read_usage(&count, &units);
    }
    CHECK_EQUAL(count, USES + has_execution);
    CHECK_EQUAL(units, 10 * (USES + has_units));
    stage->former_torn += point == SR_CRASHPOINT_usage_after_enter ||
                          point == SR_CRASHPOINT_usage_after_units ||
                          point == SR_CRASHPOINT_usage_before_exit;
    return true;
}

static const struct {
    enum sr_crashpoint point;
    play_scene *play;
} scenes[] = {
    {SR_CRASHPOINT_usage_claimed, play_usage},
    {SR_CRASHPOINT_usage_before_ready, play_usage},
    {SR_CRASHPOINT_usage_after_enter, play_usage},
    {SR_CRASHPOINT_usage_after_units, play_usage},
    {SR_CRASHPOINT_usage_before_exit, play_usage},
    {SR_CRASHPOINT_usage_before_news, play_usage},
    {SR_CRASHPOINT_map_created, play_making},
    {SR_CRASHPOINT_map_sized, play_making},
    {SR_CRASHPOINT_map_reserved, play_making},
    {SR_CRASHPOINT_segment_before_ready, play_making},
    {SR_CRASHPOINT_stats_before_ready, play_making},
    {SR_CRASHPOINT_lock_file_created, play_making},
    {SR_CRASHPOINT_ring_adopted, play_growth},
    {SR_CRASHPOINT_journal_filled, play_batches},
    {SR_CRASHPOINT_journal_committed, play_batches},
    {SR_CRASHPOINT_journal_half_applied, play_batches},
    {SR_CRASHPOINT_journal_applied, play_batches},
    {SR_CRASHPOINT_drain_heads_published, play_batches},
    {SR_CRASHPOINT_drain_journal_cleared, play_batches},
    {SR_CRASHPOINT_journal_replayed, play_replay},
    {SR_CRASHPOINT_store_closing, play_stop},
    {SR_CRASHPOINT_store_remade_words_cleared, play_remade},
    {SR_CRASHPOINT_move_begun, play_untold_move},
    {SR_CRASHPOINT_move_forgotten, play_untold_move},
    {SR_CRASHPOINT_move_before_ready, play_untold_move},
    {SR_CRASHPOINT_move_ready, play_untold_move},
    {SR_CRASHPOINT_move_told, play_told_move},
    {SR_CRASHPOINT_move_carried, play_moving},
    {SR_CRASHPOINT_move_followed, play_moving},
    {SR_CRASHPOINT_move_books_copied, play_lost_books},
    {SR_CRASHPOINT_checkpoint_written, play_checkpoint},
    {SR_CRASHPOINT_checkpoint_renamed, play_checkpoint},
    {SR_CRASHPOINT_checkpoint_restoring, play_restoring},
};

static play_scene *scene_of(enum sr_crashpoint point)
{
    for (size_t i = 0; i < SR_ARRAY_COUNT(scenes); i++) {
        if (scenes[i].point == point) {
            return scenes[i].play;
        }
    }
    return play_load;
}

bool visit(enum sr_crashpoint point, uint64_t seed, struct report *report)
{
    static struct stage stage;
    stage_open(&stage, seed, report);
    stage.is_gentle = true;
    const bool is_hit = scene_of(point)(&stage, point);
    stage_kill_producer(&stage, VICTIM); /* whoever else is armed for the point */
    if (stage.agent_point != SR_CRASHPOINT_none) {
        stage_kill_agent(&stage);
    }
    if (is_hit) { /* and nobody notices: rings get full, and are claimed anew, before there is an agent again */
        stage_fill_producers(&stage);
        (void)stage_run(&stage, 40);
        stage_pause(&stage);
        stage_compare(&stage);
        stage_resume(&stage);
    }
    stage_fill(&stage);
    (void)stage_run(&stage, 30);
    stage_close(&stage);
    CHECK_EQUAL(setenv("SLIPRING_CHECKPOINT", "none", 1), 0);
    return is_hit;
}
