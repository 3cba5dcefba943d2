/* SPDX-License-Identifier: Apache-2.0 */
/* Who dies when: see random.h. */
#include "random.h"

#include <inttypes.h>
#include <stdio.h>

#include "support/check.h"
#include "system/clock.h"

/* A store lives for so many kills: long enough for its slots, rings and pages to be used again and again. */
#define KILLS_A_STAGE 200u

static uint64_t below(struct stage *stage, uint64_t limit)
{
    return workload_below(&stage->random, limit);
}

/* One of the points from `first` on and before `end`, in builds that have them. */
static enum sr_crashpoint some_point(struct stage *stage, uint32_t first, uint32_t end)
{
    return SR_CRASHPOINTS_BUILT ? (enum sr_crashpoint)(first + below(stage, end - first))
                                : SR_CRASHPOINT_none;
}

/* The list has the producers' points first. Often the first time, or one of the first; seldom much later. */
static enum sr_crashpoint agent_point(struct stage *stage, uint32_t *out_nth)
{
    *out_nth = 1 + (uint32_t)below(stage, 1 + below(stage, 2) * below(stage, 40));
    return some_point(stage, SR_CRASHPOINT_journal_filled, SR_CRASHPOINT_COUNT);
}

static enum sr_crashpoint producer_point(struct stage *stage, uint32_t *out_nth)
{
    *out_nth = 1 + (uint32_t)below(stage, 1 + below(stage, 2) * below(stage, 2000));
    return some_point(stage, SR_CRASHPOINT_none + 1, SR_CRASHPOINT_journal_filled);
}

static void replace_producers(struct stage *stage)
{
    for (uint32_t i = 0; i < CAST; i++) {
        if (stage->producers[i].pid != 0) {
            continue;
        }
        struct role role = {.number = i,
                            .seed = workload_random(&stage->random),
                            .life_ms = below(stage, 2) ? 0 : 100 + (uint32_t)below(stage, 2000),
                            .is_thorough = below(stage, 8) == 0};
        if (below(stage, 3) == 0) {
            role.point = producer_point(stage, &role.nth);
        }
        stage_start_producer(stage, &role);
    }
}

static void kill_some_producer(struct stage *stage)
{
    stage_kill_producer(stage, (uint32_t)below(stage, CAST));
}

/* The next agent starts while all record, and may come to a crash point: then nobody drains for a while, and what it had just
 * let go of is claimed, and overwritten. */
static void start_agent_under_load(struct stage *stage)
{
    uint32_t nth = 0;
    const bool is_armed = below(stage, 2) == 0;
    const enum sr_crashpoint point = is_armed ? agent_point(stage, &nth) : SR_CRASHPOINT_none;
    stage_start_agent(stage, point, nth);
    if (point == SR_CRASHPOINT_none) {
        (void)stage_run(stage, below(stage, 100));
        return;
    }
    uint64_t end_ns = 0; /* it serves: so long from then on */
    while (stage->has_agent && (end_ns == 0 || sr_clock_ns() < end_ns)) {
        (void)stage_run(stage, 1);
        if (end_ns == 0 && stage_agent_serves(stage)) {
            end_ns = sr_clock_ns() + 200 * MS;
        }
    }
    if (!stage->has_agent) {
        replace_producers(stage);
        (void)stage_run(stage, below(stage, 40));
    }
}

static void kill_agent_under_load(struct stage *stage)
{
    stage_kill_agent(stage);
    if (below(stage, 2)) {
        (void)stage_run(stage, below(stage, 20)); /* nobody drains for a while */
    }
    start_agent_under_load(stage);
}

/* One or two deaths; what follows finds an agent or starts one, and waits until it has seen to the dead. */
static void act(struct stage *stage)
{
    switch (below(stage, 8)) {
    case 0: /* the living agent reaps */
        kill_some_producer(stage);
        break;
    case 1:
    case 2:
        kill_agent_under_load(stage);
        break;
    case 3:
    case 4:
        kill_some_producer(stage);
        kill_agent_under_load(stage);
        break;
    case 5: /* the next agent finds a killed process as it was left */
        kill_some_producer(stage);
        if (below(stage, 2)) {
            (void)stage_run(stage, 1);
        }
        stage_kill_agent(stage);
        break;
    default: /* and all others stand still */
        stage_kill_agent(stage);
        break;
    }
}

static void disarm_agent(struct stage *stage)
{
    if (stage->has_agent && stage->agent_point != SR_CRASHPOINT_none) {
        stage_kill_agent(stage);
    }
}

void random_kills(uint64_t kills, uint64_t seconds, uint64_t seed, struct report *report)
{
    static struct stage stage;
    const uint64_t began_ns = sr_clock_ns();
    uint64_t told = 0;
    while (report_kills(report) < kills && (seconds == 0 || sr_clock_ns() - began_ns < seconds * 1000 * MS)) {
        const uint64_t before = report_kills(report);
        stage_open(&stage, seed + before, report);
        stage_fill(&stage);
        while (report_kills(report) < kills && report_kills(report) < before + KILLS_A_STAGE &&
               (seconds == 0 || sr_clock_ns() - began_ns < seconds * 1000 * MS)) {
            replace_producers(&stage);
            (void)stage_run(&stage, 1 + below(&stage, 40));
            stage_read(&stage);
            act(&stage);
            stage_pause(&stage);
            disarm_agent(&stage); /* else it may die while it is waited for */
            stage_compare(&stage);
            stage_resume(&stage);
            if (report_kills(report) >= told + 50) {
                told = report_kills(report);
                (void)printf("%" PRIu64 " kills, %" PRIu64 " s\n", told,
                             (sr_clock_ns() - began_ns) / (1000 * MS));
                (void)fflush(stdout);
            }
        }
        stage_close(&stage);
    }
}
