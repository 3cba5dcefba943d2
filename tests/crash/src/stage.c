/* SPDX-License-Identifier: Apache-2.0 */
/* The cast, the deaths, and the comparing: see stage.h. */
#include "stage.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "peer/stats.h"
#include "protocol/segment.h"
#include "support/check.h"
#include "support/child.h"
#include "support/place.h"
#include "support/uses.h"
#include "system/clock.h"

#define PATIENCE_MS (WORKLOAD_IS_SLOW ? 120000u : 60000u)

void stage_sleep_ms(uint64_t ms)
{
    const struct timespec pause = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000 * MS)};
    (void)nanosleep(&pause, NULL);
}

struct patience {
    uint64_t end_ns;
    const char *what;
};

static struct patience patience_for(const char *what)
{
    return (struct patience){.end_ns = sr_clock_ns() + PATIENCE_MS * MS, .what = what};
}

static void wait_a_little(const struct patience *patience)
{
    if (sr_clock_ns() > patience->end_ns) {
        check_fail(__FILE__, __LINE__, "never came: %s", patience->what);
    }
    stage_sleep_ms(1);
}

/* --- the cast ----------------------------------------------------------------------------------------------------------- */

struct start {
    struct role role;
    struct shared *shared;
};

static void run_producer(void *argument)
{
    const struct start *start = argument;
    producer_run(&start->role, start->shared);
}

static void write_card(struct stage *stage)
{
    CHECK(snprintf(stage->card, sizeof stage->card, "%s/card.yaml", place_folder()) < PATH_MAX);
    FILE *file = fopen(stage->card, "w");
    CHECK(file != NULL && fputs(uses_card, file) >= 0 && fclose(file) == 0);
}

void stage_open(struct stage *stage, uint64_t seed, struct report *report)
{
    memset(stage, 0, sizeof *stage);
    (void)place_new_store();
    write_card(stage);
    workload_plan(&stage->load, WORKLOAD_PRIMITIVES);
    static struct shared *shared; /* one mapping for all stages, one after the other */
    shared = shared ? shared : child_share(sizeof *shared);
    memset(shared, 0, sizeof *shared);
    stage->shared = shared;
    stage->report = report;
    stage->random = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
    for (uint32_t i = 0; i < CAST * THREADS; i++) {
        ledger_init(&shared->ledger[i], &stage->load);
    }
    for (uint32_t i = 0; i < WORKLOAD_PRIMITIVES; i++) {
        tally_init(&stage->past[i], stage->load.threshold_ns[i]);
    }
}

void stage_start_agent(struct stage *stage, enum sr_crashpoint point, uint32_t nth)
{
    static const char *const retire[] = {"5ms", "30ms", "200ms"};
    const char *more[] = {"--retire-after", retire[workload_below(&stage->random, 3)], "--prices",
                          stage->card, NULL};
    CHECK(!stage->has_agent);
    stage->agent.crashpoint[0] = '\0';
    if (point != SR_CRASHPOINT_none) {
        (void)snprintf(stage->agent.crashpoint, sizeof stage->agent.crashpoint, "%s:%u",
                       report_point_name(point), nth);
    }
    daemon_launch(&stage->agent, more);
    stage->agent_point = point;
    stage->has_agent = true;
    stage->agent_serves = false;
    stage->report->agents++;
}

bool stage_agent_serves(struct stage *stage)
{
    stage->agent_serves |= stage->has_agent && daemon_serves(&stage->agent);
    return stage->has_agent && stage->agent_serves;
}

void stage_await_agent(struct stage *stage)
{
    const struct patience patience = patience_for("an agent that serves");
    while (!stage_agent_serves(stage)) {
        (void)stage_collect(stage);
        CHECK(stage->has_agent);
        wait_a_little(&patience);
    }
}

void stage_start_producer(struct stage *stage, const struct role *role)
{
    struct producer *producer = &stage->producers[role->number];
    struct start start = {.role = *role, .shared = stage->shared};
    CHECK_EQUAL(producer->pid, 0);
    start.role.is_gentle = stage->is_gentle && role->number != VICTIM;
    producer->role = start.role;
    producer->pid = child_start(run_producer, &start);
    stage->report->producers++;
}

/* --- deaths ------------------------------------------------------------------------------------------------------------- */

static void bury(struct stage *stage, struct producer *producer)
{
    for (uint32_t i = 0; i < THREADS; i++) {
        struct workload_change doubt;
        const uint32_t place = producer->role.number * THREADS + i;
        if (ledger_settle(&stage->shared->ledger[place], &stage->load, stage->past, &doubt)) {
            CHECK(stage->doubt_count < DOUBTS_MAX);
            stage->doubts[stage->doubt_count++] = doubt;
        }
        atomic_store(&stage->shared->parked[place], 0);
    }
    producer->pid = 0;
}

static bool is_dead(pid_t pid, int *out_status)
{
    const pid_t ended = waitpid(pid, out_status, WNOHANG);
    CHECK(ended == pid || ended == 0);
    return ended == pid;
}

/* It ended by itself: by leaving, or at the point that was armed in it. */
static bool died_at(struct stage *stage, enum sr_crashpoint point, int status, uint64_t *count)
{
    const bool is_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    CHECK(is_killed ? point != SR_CRASHPOINT_none : WIFEXITED(status) && WEXITSTATUS(status) == 0);
    stage->report->visits[point] += is_killed;
    *count += is_killed;
    return is_killed;
}

bool stage_collect(struct stage *stage)
{
    int status = 0;
    bool is_hit = false;
    for (uint32_t i = 0; i < CAST; i++) {
        struct producer *producer = &stage->producers[i];
        if (producer->pid != 0 && is_dead(producer->pid, &status)) {
            is_hit |= died_at(stage, producer->role.point, status, &stage->report->at_point_producer);
            bury(stage, producer);
        }
    }
    if (stage->has_agent && is_dead(stage->agent.pid, &status)) {
        if (!WIFSIGNALED(status)) {
            daemon_print_log(&stage->agent);
        }
        is_hit |= died_at(stage, stage->agent_point, status, &stage->report->at_point_agent);
        stage->has_agent = false;
        daemon_forget(&stage->agent);
    }
    return is_hit;
}

/* True: it lived until now. */
static bool end_agent(struct stage *stage)
{
    (void)stage_collect(stage);
    if (!stage->has_agent) {
        return false; /* it came to its crash point before us */
    }
    daemon_kill(&stage->agent);
    daemon_forget(&stage->agent);
    stage->has_agent = false;
    return true;
}

static bool end_producer(struct stage *stage, uint32_t number)
{
    struct producer *producer = &stage->producers[number];
    (void)stage_collect(stage);
    if (producer->pid == 0) {
        return false;
    }
    CHECK_EQUAL(kill(producer->pid, SIGKILL), 0);
    const int ended = child_wait(producer->pid);
    CHECK(ended == 1000 + SIGKILL || ended == 0); /* 0: it left at this very moment */
    bury(stage, producer);
    return ended != 0;
}

void stage_kill_agent(struct stage *stage)
{
    stage->report->kills_agent += end_agent(stage);
}

void stage_kill_producer(struct stage *stage, uint32_t number)
{
    stage->report->kills_producer += end_producer(stage, number);
}

bool stage_run(struct stage *stage, uint64_t ms)
{
    const uint64_t end_ns = sr_clock_ns() + ms * MS;
    do {
        stage_sleep_ms(1);
        if (stage_collect(stage)) {
            return true;
        }
    } while (sr_clock_ns() < end_ns);
    return false;
}

/* --- standing still ----------------------------------------------------------------------------------------------------- */

static bool all_are_parked(const struct stage *stage)
{
    for (uint32_t i = 0; i < CAST * THREADS; i++) {
        const uint32_t parked = atomic_load(&stage->shared->parked[i]);
        if (stage->producers[i / THREADS].pid != 0 && parked != PARKED_GONE &&
            parked != atomic_load(&stage->shared->pause)) {
            return false;
        }
    }
    return true;
}

void stage_pause(struct stage *stage)
{
    const struct patience patience = patience_for("threads that stand still");
    stage->pauses += 2;
    atomic_store(&stage->shared->pause, stage->pauses | 1);
    while (!all_are_parked(stage)) {
        (void)stage_collect(stage);
        wait_a_little(&patience);
    }
}

void stage_resume(struct stage *stage)
{
    atomic_store(&stage->shared->pause, stage->pauses + 2);
}

/* Has a process slot an owner that is none of the living? Then the agent has not reaped it yet. */
static bool has_dead_slots(const struct stage *stage, const struct sr_segment *segment)
{
    for (uint32_t slot = sr_segment_next_slot(segment, 0); slot < SR_SLOT_MAX;
         slot = sr_segment_next_slot(segment, slot + 1)) {
        const struct sr_slot_shm *shm = sr_segment_slot(segment, slot);
        const uint32_t state = sr_state_of(atomic_load(&shm->state));
        bool is_alive = state == SR_SLOT_FREE;
        for (uint32_t i = 0; i < CAST; i++) {
            is_alive |= state == SR_SLOT_OWNED && stage->producers[i].pid != 0 &&
                        (uint32_t)stage->producers[i].pid == atomic_load(&shm->pid);
        }
        if (!is_alive) {
            return true;
        }
    }
    return false;
}

/* Is there a sample in a ring that the agent has not taken? */
static bool has_waiting(const struct sr_segment *segment)
{
    const uint32_t extents = SR_RING_MAX / SR_EXTENT_RINGS;
    for (uint32_t extent = sr_segment_next_extent(segment, 0); extent < extents;
         extent = sr_segment_next_extent(segment, extent + 1)) {
        for (uint32_t ring = extent * SR_EXTENT_RINGS; ring < (extent + 1) * SR_EXTENT_RINGS; ring++) {
            /* One that is AWAY waits where nobody but the agent can look. */
            if (sr_state_of(atomic_load(sr_segment_ring_state(segment, ring))) != SR_RING_AWAY &&
                atomic_load(&sr_segment_producer_line(segment, ring)->tail) !=
                    atomic_load(&sr_segment_consumer_line(segment, ring)->head)) {
                return true;
            }
        }
    }
    return false;
}

static uint64_t published_ns(void)
{
    struct sr_stats *stats = NULL;
    struct sr_stats_agent agent;
    if (sr_stats_open(place_store(), &stats) != SLIPRING_OK) {
        return 0;
    }
    sr_stats_agent(stats, &agent);
    sr_stats_close(stats);
    return agent.published_ns;
}

/* Two rounds of the publisher from now on: what the first one may have missed the second one has. */
static void await_publishing(struct stage *stage)
{
    const struct patience patience = patience_for("figures published anew");
    for (int round = 0; round < 2; round++) {
        const uint64_t before_ns = sr_clock_ns();
        while (published_ns() <= before_ns) {
            (void)stage_collect(stage);
            CHECK(stage->has_agent);
            wait_a_little(&patience);
        }
    }
}

/* Is everything at rest in the segment that has the name now? It may have none yet: when the last removal of a scene comes
 * right before its end, the agent has still to notice it, and makes the segment anew. */
static bool is_at_rest(const struct stage *stage)
{
    struct sr_segment segment = {.map = {.base = NULL}};
    const enum slipring_status status = sr_segment_attach(&segment, place_store(), false);
    if (status == SLIPRING_ABSENT || status == SLIPRING_BEING_MADE) {
        return false;
    }
    CHECK_OK(status);
    const bool is_resting = !has_dead_slots(stage, &segment) && !has_waiting(&segment);
    sr_map_unmap(&segment.map);
    return is_resting;
}

/* Nobody moves. When this returns, the dead are reaped, everything is booked, and figures were published since. */
static void await_rest(struct stage *stage)
{
    stage_await_agent(stage);
    const struct patience patience = patience_for("the dead reaped and the rings empty");
    while (!is_at_rest(stage)) {
        (void)stage_collect(stage);
        CHECK(stage->has_agent);
        wait_a_little(&patience);
    }
    await_publishing(stage);
}

/* --- comparing ---------------------------------------------------------------------------------------------------------- */

/* What the living have done, of primitive `index`. They are parked. */
static void sum_living(const struct stage *stage, uint32_t index, struct tally *out_sum)
{
    tally_init(out_sum, stage->load.threshold_ns[index]);
    for (uint32_t i = 0; i < CAST * THREADS; i++) {
        if (stage->producers[i / THREADS].pid != 0) {
            CHECK_EQUAL(atomic_load(&stage->shared->ledger[i].phase), LEDGER_IDLE);
            tally_merge(out_sum, &stage->shared->ledger[i].sums[0][index]);
        }
    }
}

static const char *compare_one(struct stage *stage, uint32_t index, const struct torn *torn)
{
    const struct torn fresh = {.spills = torn->spills - stage->torn[index].spills,
                               .usages = torn->usages - stage->torn[index].usages};
    static struct tally living;
    const struct workload_change *doubts[DOUBTS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < stage->doubt_count; i++) {
        if (stage->doubts[i].primitive == index) {
            doubts[count++] = &stage->doubts[i];
        }
    }
    sum_living(stage, index, &living);
    return doubts_settle(doubts, count, fresh, &stage->books.book[index], &stage->load, index, &living,
                         &stage->past[index], stage->report);
}

/* The doubts about primitive `index` are settled. */
static void forget_doubts(struct stage *stage, uint32_t index)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < stage->doubt_count; i++) {
        if (stage->doubts[i].primitive != index) {
            stage->doubts[kept++] = stage->doubts[i];
        }
    }
    stage->doubt_count = kept;
}

void stage_read(struct stage *stage)
{
    static struct books now;
    books_read(&now, &stage->load);
    for (uint32_t i = 0; i < WORKLOAD_PRIMITIVES; i++) {
        const char *why = books_went_back(&stage->books.book[i], &now.book[i]);
        if (why) {
            check_fail(__FILE__, __LINE__, "p%u went backwards: %s", i, why);
        }
    }
    stage->books = now;
}

/* One that lives may yet be about to publish what it booked last; one that came to a store at rest has said that all is there. */
void stage_compare(struct stage *stage)
{
    struct torn torn[WORKLOAD_PRIMITIVES + 1];
    const bool is_living = stage->has_agent;
    if (is_living) {
        await_rest(stage);
    } else {
        stage_start_agent(stage, SR_CRASHPOINT_none, 0);
        stage_await_agent(stage);
    }
    if (stage->has_lost_books) {
        stage->doubt_count = 0;
        return;
    }
    stage_read(stage);
    doubts_count_torn(torn);
    const uint64_t end_ns = sr_clock_ns() + PATIENCE_MS * MS;
    for (uint32_t i = 0; i < WORKLOAD_PRIMITIVES; i++) {
        const char *why = compare_one(stage, i, &torn[i]);
        while (why && is_living && sr_clock_ns() < end_ns) {
            stage_sleep_ms(20);
            stage_read(stage);
            why = compare_one(stage, i, &torn[i]);
        }
        if (why) {
            daemon_print_log(&stage->agent);
            check_fail(__FILE__, __LINE__, "p%u, %u calls in doubt in all, torn %u spills and %u usages: %s",
                       i, stage->doubt_count, (unsigned)(torn[i].spills - stage->torn[i].spills),
                       (unsigned)(torn[i].usages - stage->torn[i].usages), why);
        }
        forget_doubts(stage, i);
        stage->torn[i] = torn[i];
    }
    stage->report->comparisons++;
}

/* --- beginning and end -------------------------------------------------------------------------------------------------- */

static bool has_objectives(struct stage *stage)
{
    books_read(&stage->books, &stage->load);
    bool has_all = true;
    for (uint32_t i = 0; i < WORKLOAD_PRIMITIVES; i++) {
        has_all &= stage->books.book[i].is_found && stage->books.book[i].detail.objective_count == 2;
    }
    return has_all;
}

void stage_fill_producers(struct stage *stage)
{
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        if (stage->producers[i].pid == 0) {
            const struct role role = {.number = i, .seed = workload_random(&stage->random)};
            stage_start_producer(stage, &role);
        }
    }
}

/* A threshold that the agent met after the first spilled samples says so, "exact since": right, but not what is tried here. So
 * nobody records before the agent has read of all of them. */
void stage_fill(struct stage *stage)
{
    const bool is_first = stage->pauses == 0;
    if (is_first) {
        stage->pauses = 2;
        atomic_store(&stage->shared->pause, stage->pauses | 1);
    }
    if (!stage->has_agent) {
        stage_start_agent(stage, SR_CRASHPOINT_none, 0);
    }
    stage_fill_producers(stage);
    if (is_first) {
        const struct patience patience = patience_for("objectives in the books");
        stage_await_agent(stage);
        while (!all_are_parked(stage) || !has_objectives(stage)) {
            (void)stage_collect(stage);
            wait_a_little(&patience);
        }
        stage_resume(stage);
    }
}

static void await_torn(const struct stage *stage)
{
    uint64_t all = stage->former_torn;
    for (uint32_t i = 0; i < WORKLOAD_PRIMITIVES; i++) {
        all += stage->torn[i].spills + stage->torn[i].usages;
    }
    const struct patience patience = patience_for("torn updates told as such");
    for (uint64_t told = all + 1; told != all;) {
        struct sr_stats *stats = NULL;
        struct sr_agent_figures figures;
        CHECK_OK(sr_stats_open(place_store(), &stats));
        told = sr_stats_agent_figures(stats, &figures) == SLIPRING_OK ? figures.samples_torn : told;
        sr_stats_close(stats);
        wait_a_little(&patience);
    }
}

void stage_leave_rings(struct stage *stage)
{
    await_torn(stage);
    for (uint32_t i = 0; i < WORKLOAD_PRIMITIVES; i++) {
        stage->former_torn += stage->torn[i].spills + stage->torn[i].usages;
        stage->torn[i] = (struct torn){.spills = 0};
    }
}

void stage_lose_books(struct stage *stage)
{
    stage->has_lost_books = true;
    memset(&stage->books, 0, sizeof stage->books);
}

static void add_to_report(const struct stage *stage)
{
    struct sr_stats *stats = NULL;
    struct sr_agent_figures figures;
    CHECK_OK(sr_stats_open(place_store(), &stats));
    CHECK_OK(sr_stats_agent_figures(stats, &figures));
    sr_stats_close(stats);
    CHECK_EQUAL(figures.rings_quarantined, 0);
    CHECK_EQUAL(figures.samples_quarantined, 0);
    CHECK_EQUAL(figures.samples_refused, 0);
    CHECK_EQUAL(figures.spans_unattributed, 0);
    CHECK_EQUAL(figures.bound_lost, 0);
    stage->report->replays += figures.journal_replays;
    for (uint32_t i = 0; i < WORKLOAD_PRIMITIVES; i++) {
        stage->report->executions += tally_count(&stage->past[i]);
        for (uint32_t k = 0; k < TALLY_RESOURCES; k++) {
            stage->report->usages += stage->past[i].uses[k].usages;
        }
        stage->report->aborted += stage->past[i].begun - stage->past[i].ended;
    }
}

void stage_close(struct stage *stage)
{
    stage_pause(stage);
    stage_compare(stage);
    (void)end_agent(stage);
    for (uint32_t i = 0; i < CAST; i++) {
        (void)end_producer(stage, i);
    }
    stage_compare(stage); /* all are dead now */
    if (!stage->has_lost_books) {
        await_torn(stage);
    }
    const struct patience patience = patience_for("slipring verify: exactly");
    while (!daemon_agrees_exactly()) {
        wait_a_little(&patience);
    }
    add_to_report(stage);
    daemon_stop(&stage->agent);
    daemon_forget(&stage->agent);
    stage->has_agent = false;
    stage_read(stage);
}
