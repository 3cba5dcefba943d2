/* SPDX-License-Identifier: Apache-2.0 */
/* What befalls agent and producers: see scene.h. */
#include "scene.h"

#include <string.h>

#include "agent/drain/drain.h"
#include "base/compiler.h"
#include "support/budget.h"
#include "support/child.h"

#define MINUTE_S UINT64_C(60)
#define HOUR_S   UINT64_C(3600)
#define DAY_S    (24 * HOUR_S)

/* Monday, 10 January 2028, midnight UTC: a leap year's February lies within ninety days. */
#define WALL_BEGIN_NS (UINT64_C(1831075200) * RIG_SECOND)

enum act_kind {
    ACT_KILL,       /* the agent is gone for `seconds`, while producers go on */
    ACT_STOP,       /* likewise, after a signal */
    ACT_WALL,       /* CLOCK_REALTIME leaps by `seconds` */
    ACT_CHILD,      /* a process records, and dies with `seconds` executions under way */
    ACT_THRESHOLD,  /* of checkout's latency: `seconds` milliseconds */
    ACT_TARGET,     /* of checkout's availability: `seconds` parts per billion */
    ACT_PERIOD,     /* of checkout's availability */
    ACT_MORE,       /* one more failure of steady's */
    ACT_AMOUNT,     /* of checkout's money budget: `seconds` dollars */
    ACT_PAY_PERIOD, /* of checkout's money budget */
};

static const struct act {
    uint64_t at_s;
    enum act_kind kind;
    int64_t seconds;
} acts[] = {
    {1 * DAY_S + 11 * HOUR_S, ACT_CHILD, 3},
    {2 * DAY_S + 10 * HOUR_S + 1200, ACT_KILL, 30}, /* in the middle of a fast burn */
    {2 * DAY_S + 10 * HOUR_S + 1800, ACT_CHILD, 5},
    {3 * DAY_S + 8 * HOUR_S, ACT_KILL, 30},
    {6 * DAY_S + 15 * HOUR_S, ACT_KILL, 1200}, /* of a slow one */
    {8 * DAY_S + 14 * HOUR_S, ACT_KILL, 1200},
    {9 * DAY_S + 9 * HOUR_S, ACT_STOP, 90},
    {10 * DAY_S + 2 * HOUR_S, ACT_CHILD, 40},
    {11 * DAY_S + 4 * HOUR_S, ACT_WALL, 10800},
    {11 * DAY_S + 6 * HOUR_S, ACT_WALL, -10800},
    {17 * DAY_S + 12 * HOUR_S, ACT_MORE, 0},
    {21 * DAY_S + 22 * HOUR_S, ACT_WALL, 7230},        /* over the end of January, */
    {21 * DAY_S + 23 * HOUR_S + 600, ACT_WALL, -7230}, /* and back before it */
    {25 * DAY_S + 10 * HOUR_S, ACT_THRESHOLD, 400},
    {27 * DAY_S + 10 * HOUR_S, ACT_TARGET, 999500000},
    {27 * DAY_S + 11 * HOUR_S, ACT_AMOUNT, 6000},
    {28 * DAY_S + 10 * HOUR_S, ACT_CHILD, 1},
    {34 * DAY_S, ACT_KILL, 3600}, /* in silence */
    {38 * DAY_S + 17 * HOUR_S, ACT_TARGET, 998000000},
    {39 * DAY_S + 9 * HOUR_S, ACT_AMOUNT, 30000},
    {40 * DAY_S + 20 * HOUR_S, ACT_KILL, 172800},
    {45 * DAY_S + 12 * HOUR_S, ACT_KILL, 300},
    {47 * DAY_S + 12 * HOUR_S, ACT_PERIOD, 604800},
    {49 * DAY_S + 12 * HOUR_S, ACT_CHILD, 20},
    {50 * DAY_S + 23 * HOUR_S + 3540, ACT_KILL, 600}, /* over the end of February */
    {55 * DAY_S + 12 * HOUR_S, ACT_PERIOD, 2592000},
    {58 * DAY_S + 12 * HOUR_S, ACT_PAY_PERIOD, 604800},
    {60 * DAY_S + 12 * HOUR_S, ACT_STOP, 7200},
    {66 * DAY_S + 3 * HOUR_S, ACT_THRESHOLD, 250},
    {76 * DAY_S + 12 * HOUR_S, ACT_CHILD, 60},
    {81 * DAY_S + 23 * HOUR_S, ACT_WALL, 90000},  /* a day too far, over the end of March, */
    {82 * DAY_S + 12 * HOUR_S, ACT_WALL, -90000}, /* and back */
};

/* --- what was agreed -------------------------------------------------------------------------------------------------------- */

static struct slipring_objective checkout_latency = {.name = "fast",
                                                     .kind = SLIPRING_LATENCY,
                                                     .target_ppb = SLIPRING_TARGET(0.99),
                                                     .threshold_ns = 250000000,
                                                     .period_s = 30 * DAY_S};
static struct slipring_objective checkout_availability = {.name = "up",
                                                          .kind = SLIPRING_AVAILABILITY,
                                                          .target_ppb = SLIPRING_TARGET(0.999),
                                                          .period_s = 28 * DAY_S};
static const struct slipring_objective checkout_month = {.name = "month",
                                                         .kind = SLIPRING_AVAILABILITY,
                                                         .target_ppb = SLIPRING_TARGET(0.995),
                                                         .period_s = SLIPRING_PERIOD_MONTH};
static const struct slipring_objective checkout_hour = {.name = "hour",
                                                        .kind = SLIPRING_LATENCY,
                                                        .target_ppb = SLIPRING_TARGET(0.95),
                                                        .threshold_ns = 500000000,
                                                        .period_s = HOUR_S};
static const struct slipring_objective render_latency = {.name = "second",
                                                         .kind = SLIPRING_LATENCY,
                                                         .target_ppb = SLIPRING_TARGET(0.9),
                                                         .threshold_ns = 1000000000,
                                                         .period_s = 7 * DAY_S};
static const struct slipring_objective render_availability = {
    .name = "lax", .kind = SLIPRING_AVAILABILITY, .target_ppb = SLIPRING_TARGET(0.3), .period_s = 7 * DAY_S};
static const struct slipring_objective nightly_availability = {.name = "done",
                                                               .kind = SLIPRING_AVAILABILITY,
                                                               .target_ppb = SLIPRING_TARGET(0.99),
                                                               .period_s = 90 * DAY_S};
static const struct slipring_objective steady_availability = {.name = "nine",
                                                              .kind = SLIPRING_AVAILABILITY,
                                                              .target_ppb = SLIPRING_TARGET(0.9),
                                                              .period_s = 30 * DAY_S};

/* What they may cost, by the agent's configuration. */
struct budget {
    const char *name;
    uint64_t amount;
    uint64_t period_s;
};
static struct budget checkout_budget = {
    .name = "pay", .amount = 20000 * RIG_SECOND /* dollars */, .period_s = 30 * DAY_S};
static const struct budget nightly_budget = {
    .name = "purse", .amount = 15000 * RIG_SECOND, .period_s = SLIPRING_PERIOD_MONTH};

static void allow(struct scene *scene, enum traffic_kind kind, const struct budget *budget)
{
    budget_set(scene->agent, (uint32_t)kind + 1, budget->name, budget->amount, budget->period_s);
    diary_budget(&scene->diary, kind, budget->name, budget->amount, budget->period_s);
}

static void agree(struct scene *scene, enum traffic_kind kind, const struct slipring_objective *objective)
{
    CHECK_OK(slipring_objective_add(scene->primitive[kind], objective));
    diary_objective(&scene->diary, kind, objective);
}

static void change(struct scene *scene, enum traffic_kind kind, const struct slipring_objective *objective)
{
    CHECK_OK(slipring_objective_change(scene->primitive[kind], objective));
    diary_objective(&scene->diary, kind, objective);
}

static void agree_all(struct scene *scene)
{
    agree(scene, TRAFFIC_CHECKOUT, &checkout_latency);
    agree(scene, TRAFFIC_CHECKOUT, &checkout_availability);
    agree(scene, TRAFFIC_CHECKOUT, &checkout_month);
    agree(scene, TRAFFIC_CHECKOUT, &checkout_hour);
    agree(scene, TRAFFIC_RENDER, &render_latency);
    agree(scene, TRAFFIC_RENDER, &render_availability);
    agree(scene, TRAFFIC_NIGHTLY, &nightly_availability);
    agree(scene, TRAFFIC_STEADY, &steady_availability);
}

/* --- recording -------------------------------------------------------------------------------------------------------------- */

static void record_batch(struct slipring_primitive *primitive, const struct traffic_values *values,
                         const struct traffic_batch *batch)
{
    const struct slipring_cost amount = {.cost_nanodollars = batch->cost,
                                         .savings_nanodollars = batch->savings};
    const bool costs = batch->cost != 0 || batch->savings != 0;
    bool is_paid = !costs;
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct traffic_entry *entry = &batch->entry[i];
        for (uint32_t n = 0; n < entry->successes + entry->failures; n++) {
            slipring_record(primitive, values->ns[entry->value],
                            n < entry->successes ? SLIPRING_SUCCESS : SLIPRING_FAILURE,
                            is_paid ? NULL : &amount);
            is_paid = true;
        }
    }
    if (!is_paid) {
        slipring_record_cost(primitive, &amount);
    }
}

/* What is pending becomes so much more. Same durations may stand there twice. */
static void add_pending(struct scene *scene, enum traffic_kind kind, const struct traffic_batch *batch)
{
    struct traffic_batch *pending = &scene->pending[kind];
    pending->cost += batch->cost;
    pending->savings += batch->savings;
    for (uint32_t i = 0; i < batch->count; i++) {
        CHECK(pending->count < TRAFFIC_ENTRY_ROOM);
        pending->entry[pending->count++] = batch->entry[i];
    }
}

/* What befell all of them up to until_s. */
static void live(struct scene *scene, uint64_t until_s)
{
    for (enum traffic_kind kind = 0; kind < TRAFFIC_KIND_COUNT; kind++) {
        struct traffic_batch batch;
        traffic_make(&scene->traffic, kind, scene->at_s, until_s, &batch);
        record_batch(scene->primitive[kind], &scene->traffic.values[kind], &batch);
        add_pending(scene, kind, &batch);
    }
    scene->at_s = until_s;
}

struct child_work {
    struct scene *scene;
    uint32_t aborted;
    struct traffic_batch batch;
};

static void die_at_work(void *argument)
{
    const struct child_work *work = argument;
    struct slipring_primitive *nightly = work->scene->primitive[TRAFFIC_NIGHTLY];
    record_batch(nightly, &work->scene->traffic.values[TRAFFIC_NIGHTLY], &work->batch);
    for (uint32_t i = 0; i < work->aborted; i++) {
        (void)slipring_begin(nightly);
    }
}

/* --- the agent -------------------------------------------------------------------------------------------------------------- */

static bool is_fine(const struct scene *scene)
{
    const uint64_t second = scene->at_s % (7 * DAY_S);
    return traffic_is_interesting(scene->at_s) || (second >= 10 * HOUR_S && second < 10 * HOUR_S + 1200);
}

/* rig_tick(), but reaper and retirer, which look at every place where a ring could be, have their turn seldom, or after a death. */
static void turn(struct scene *scene, uint64_t later_ns)
{
    struct rig *agent = scene->agent;
    if (scene->ticks % 64 == 0 || scene->deaths > 0) {
        scene->deaths -= scene->deaths > 0;
        rig_tick(agent, later_ns);
        return;
    }
    rig_pass(agent, later_ns);
    CHECK(drain_tick(agent->drain, agent->now_ns) > 0);
    while (publisher_tick(agent->publisher, agent->now_ns) == 0) {
    }
}

static void tick(struct scene *scene, uint64_t later_ns, bool all)
{
    turn(scene, later_ns);
    diary_tick(&scene->diary, scene->agent, scene->pending, all);
    memset(scene->pending, 0, sizeof scene->pending);
    scene->ticks++;
}

/* Nobody drains for so long. */
static void be_away(struct scene *scene, uint64_t seconds, bool is_killed)
{
    diary_close(&scene->diary);
    if (is_killed) {
        rig_drop(scene->agent);
    } else {
        rig_stop(scene->agent);
    }
    live(scene, scene->at_s + seconds);
    rig_pass(scene->agent, seconds * RIG_SECOND);
    rig_open(scene->agent);
    diary_open(&scene->diary, scene->agent);
    diary_return(&scene->diary, scene->agent);
    tick(scene, RIG_SECOND * 11 / 10,
         true); /* alerts were judged at its beginning, and are again a second later */
    tick(scene, RIG_SECOND * 19 / 10, true);
    scene->at_s += 3;
}

static void send_child(struct scene *scene, uint32_t aborted)
{
    struct child_work work = {.scene = scene, .aborted = aborted};
    work.batch = (struct traffic_batch){.count = 1, .entry = {{.value = 3, .successes = 7, .failures = 2}}};
    child_run(die_at_work, &work);
    scene->deaths = 3;
    diary_death(&scene->diary, TRAFFIC_NIGHTLY, aborted);
    add_pending(scene, TRAFFIC_NIGHTLY, &work.batch);
}

static void act_out(struct scene *scene, const struct act *act)
{
    switch (act->kind) {
    case ACT_KILL:
    case ACT_STOP:
        be_away(scene, (uint64_t)act->seconds, act->kind == ACT_KILL);
        break;
    case ACT_WALL:
        scene->agent->wall_ns += (uint64_t)act->seconds * RIG_SECOND;
        break;
    case ACT_CHILD:
        send_child(scene, (uint32_t)act->seconds);
        break;
    case ACT_THRESHOLD:
        checkout_latency.threshold_ns = (uint64_t)act->seconds * 1000000;
        change(scene, TRAFFIC_CHECKOUT, &checkout_latency);
        break;
    case ACT_TARGET:
        checkout_availability.target_ppb = (uint32_t)act->seconds;
        change(scene, TRAFFIC_CHECKOUT, &checkout_availability);
        break;
    case ACT_PERIOD:
        checkout_availability.period_s = (uint64_t)act->seconds;
        change(scene, TRAFFIC_CHECKOUT, &checkout_availability);
        break;
    case ACT_AMOUNT:
        checkout_budget.amount = (uint64_t)act->seconds * RIG_SECOND;
        allow(scene, TRAFFIC_CHECKOUT, &checkout_budget);
        break;
    case ACT_PAY_PERIOD:
        checkout_budget.period_s = (uint64_t)act->seconds;
        allow(scene, TRAFFIC_CHECKOUT, &checkout_budget);
        break;
    case ACT_MORE: {
        const struct traffic_batch more = {.count = 1, .entry = {{.failures = 1}}};
        record_batch(scene->primitive[TRAFFIC_STEADY], &scene->traffic.values[TRAFFIC_STEADY], &more);
        add_pending(scene, TRAFFIC_STEADY, &more);
        break;
    }
    }
}

/* Steps of two seconds and of ten; of a quarter of a second for a while where no alert changes, for those are judged once a second; else
 * coarse ones. */
static void pass(struct scene *scene, const struct scene_span *span)
{
    if (!is_fine(scene)) {
        const uint64_t until_s = (scene->at_s / span->coarse_s + 1) * span->coarse_s;
        const uint64_t seconds = until_s - scene->at_s;
        live(scene, until_s);
        tick(scene, seconds * RIG_SECOND, scene->ticks % 40 == 0);
        return;
    }
    const uint64_t in_hour = scene->at_s % HOUR_S;
    const bool is_calm = scene->at_s / DAY_S % 28 == 0 && !traffic_is_interesting(scene->at_s);
    if (is_calm && in_hour >= 600 && in_hour < 630) {
        live(scene, scene->at_s + 1);
        for (int quarter = 0; quarter < 4; quarter++) {
            tick(scene, RIG_SECOND / 4, true);
        }
        return;
    }
    const uint64_t step_s = in_hour < 600 ? 2 : 10;
    live(scene, scene->at_s + step_s);
    tick(scene, step_s * RIG_SECOND, scene->ticks % 8 == 0);
}

static void register_all(struct scene *scene)
{
    for (enum traffic_kind kind = 0; kind < TRAFFIC_KIND_COUNT; kind++) {
        CHECK_OK(slipring_primitive_get(rig_producer, traffic_name(kind), NULL, &scene->primitive[kind]));
    }
    CHECK_OK(slipring_primitive_set_mode(scene->primitive[TRAFFIC_RENDER], SLIPRING_DIRECT));
}

void scene_play(struct rig *agent, const struct scene_span *span, uint64_t seed, FILE *out)
{
    static struct scene scene;
    memset(&scene, 0, sizeof scene);
    scene.agent = agent;
    scene.at_s = span->from_s;
    traffic_open(&scene.traffic, seed);
    agent->wall_ns = WALL_BEGIN_NS + span->from_s * RIG_SECOND;
    rig_open(agent);
    diary_begin(&scene.diary, out, &scene.traffic, agent);
    diary_open(&scene.diary, agent);
    register_all(&scene);
    agree_all(&scene);
    tick(&scene, RIG_SECOND, true); /* the agent has their books now */
    allow(&scene, TRAFFIC_CHECKOUT, &checkout_budget);
    allow(&scene, TRAFFIC_NIGHTLY, &nightly_budget);
    while (scene.next_act < SR_ARRAY_COUNT(acts) && acts[scene.next_act].at_s < span->from_s) {
        scene.next_act++;
    }
    while (scene.at_s < span->until_s) {
        while (scene.next_act < SR_ARRAY_COUNT(acts) && acts[scene.next_act].at_s <= scene.at_s) {
            act_out(&scene, &acts[scene.next_act++]);
        }
        pass(&scene, span);
    }
    tick(&scene, RIG_SECOND, true);
    diary_close(&scene.diary);
    diary_end(&scene.diary);
}
