/* SPDX-License-Identifier: Apache-2.0 */
/* Random use of the recording interface: see workload.h. */
#include "support/workload.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pure/bound.h"
#include "pure/bucket.h"
#include "support/check.h"
#include "support/child.h"
#include "support/ledger.h"
#include "support/uses.h"
#include "system/clock.h"

__thread uint64_t workload_pretended_ns;

static const char *const category_names[WORKLOAD_CATEGORIES] = {"default", "input", "output", "gpu"};

/* Unlike any bound that is there by default; the first lie in buckets of their own, others share one with a bound. */
static const uint64_t thresholds[WORKLOAD_PRIMITIVES] = {123457, 1000001,     999999, 25000000,
                                                         5,      10000000001, 100000, 30};

/* --- random ----------------------------------------------------------------------------------------------------------------- */

uint64_t workload_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

uint64_t workload_below(uint64_t *state, uint64_t limit)
{
    return (workload_random(state) >> 11) % limit;
}

uint64_t workload_seed(const char *what)
{
    const char *wish = getenv("SLIPRING_TEST_SEED");
    const uint64_t seed = wish ? strtoull(wish, NULL, 0) : sr_clock_ns();
    (void)printf("%s: SLIPRING_TEST_SEED=%" PRIu64 "\n", what, seed);
    (void)fflush(stdout);
    return seed;
}

/* --- what is recorded --------------------------------------------------------------------------------------------------------- */

void workload_plan(struct workload *load, uint32_t count)
{
    *load = (struct workload){.count = count};
    for (uint32_t i = 0; i < count; i++) {
        load->threshold_ns[i] = thresholds[i];
    }
}

void workload_open(struct workload *load, struct slipring_store *store, const char *prefix, uint32_t count)
{
    workload_plan(load, count);
    for (uint32_t i = 0; i < count; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "%s%u", prefix, i);
        CHECK_OK(slipring_primitive_get(store, name, NULL, &load->primitives[i]));
        for (uint32_t k = 1; k < WORKLOAD_CATEGORIES; k++) {
            CHECK_OK(slipring_category_get(load->primitives[i], category_names[k], &load->categories[i][k]));
        }
        const struct slipring_slo slo = {.target_ppb = SLIPRING_TARGET(0.95),
                                         .availability_ppb = SLIPRING_TARGET(0.9),
                                         .latency_threshold_ns = thresholds[i]};
        CHECK_OK(slipring_slo_configure(load->primitives[i], &slo));
    }
}

struct tally *workload_sums(const struct workload *load, uint32_t workers)
{
    struct tally *sums = child_share((size_t)workers * load->count * sizeof *sums);
    for (uint32_t i = 0; i < workers * load->count; i++) {
        tally_init(&sums[i], load->threshold_ns[i % load->count]);
    }
    return sums;
}

struct worker worker_of(const struct workload *load, struct tally *sums, uint64_t seed)
{
    struct worker worker = {.load = load, .sums = sums, .random = seed * UINT64_C(0x9e3779b97f4a7c15) | 1};
    for (int i = 0; i < 8; i++) {
        (void)workload_random(&worker.random); /* neighbouring seeds part */
    }
    return worker;
}

/* --- one sample ----------------------------------------------------------------------------------------------------------------- */

static uint64_t edge(struct worker *worker, uint32_t primitive)
{
    const uint64_t off = workload_below(&worker->random, 3) - 1; /* -1, 0, 1 */
    switch (workload_below(&worker->random, 4)) {
    case 0:
        return worker->load->threshold_ns[primitive] + off;
    case 1:
        return sr_bound_defaults[workload_below(&worker->random, SR_BOUND_DEFAULT_COUNT)] + off;
    case 2:
        return sr_bucket_upper_ns((uint32_t)(1 + workload_below(&worker->random, 1400))) + 1 + off;
    default:
        return off + 1;
    }
}

static uint64_t pick_duration(struct worker *worker, uint32_t primitive)
{
    enum workload_habit habit = worker->habit;
    if (habit == WORKLOAD_MIXED) {
        habit = (enum workload_habit)(1 + workload_below(&worker->random, WORKLOAD_HABITS - 1));
    }
    if (habit == WORKLOAD_EDGES) {
        return edge(worker, primitive);
    }
    if (habit == WORKLOAD_WIDE) {
        if (workload_below(&worker->random, 16384) == 0) { /* rare: their sum must stay within 64 bits */
            return workload_random(&worker->random);
        }
        return workload_random(&worker->random) >> (20 + workload_below(&worker->random, 44));
    }
    return 1 + (UINT64_C(50000) << primitive) +
           workload_below(&worker->random, UINT64_C(100000) << primitive);
}

/* False: none, *out_cost is all zero. `kind` is the harness's own index of the category. */
static bool pick_cost(struct worker *worker, uint32_t primitive, struct slipring_cost *out_cost,
                      uint32_t *out_kind)
{
    *out_cost = (struct slipring_cost){.category = 0};
    *out_kind = 0;
    if (workload_below(&worker->random, 2)) {
        return false;
    }
    *out_kind = (uint32_t)workload_below(&worker->random, WORKLOAD_CATEGORIES);
    out_cost->category = worker->load->categories[primitive][*out_kind];
    if (*out_kind == 0 && workload_below(&worker->random, 8) == 0) {
        out_cost->category = 16 + (uint32_t)workload_below(&worker->random, 1000); /* unknown: counts as 0 */
    }
    out_cost->cost_nanodollars =
        workload_below(&worker->random, 3) ? workload_below(&worker->random, 100000) : 0;
    out_cost->savings_nanodollars =
        workload_below(&worker->random, 3) ? 0 : workload_below(&worker->random, 50000);
    if (workload_below(&worker->random, 32768) == 0) { /* rare, as above */
        out_cost->cost_nanodollars = SLIPRING_AMOUNT_MAX + workload_below(&worker->random, 2);
    }
    return true;
}

void workload_apply(const struct workload_change *change, uint64_t times, struct tally *sums)
{
    struct tally *sum = &sums[change->primitive];
    switch (change->kind) {
    case WORKLOAD_EXECUTION:
        tally_executions(sum, change->duration_ns, change->failed, change->has_cost ? &change->cost : NULL,
                         times);
        break;
    case WORKLOAD_USAGE:
        tally_executions(sum, change->duration_ns, change->failed, NULL, times);
        uses_apply(sum, change->resource, &change->usage, times);
        break;
    case WORKLOAD_AMOUNT:
        for (uint64_t i = 0; i < times; i++) {
            tally_amount(sum, &change->cost);
        }
        break;
    case WORKLOAD_CANCEL:
        sum->cancels += times;
        break;
    case WORKLOAD_BEGIN:
        sum->begun += times;
        break;
    }
    sum->ended += change->ended ? times : 0;
}

/* What the next call is going to add. */
static void announce(struct worker *worker, const struct workload_change *change)
{
    if (worker->ledger) {
        ledger_announce(worker->ledger, change);
    }
}

/* The call that was announced has returned. */
static void count(struct worker *worker, const struct workload_change *change)
{
    if (worker->ledger) {
        ledger_count(worker->ledger);
    } else {
        workload_apply(change, change->times, worker->sums);
    }
    if (worker->log && change->kind == WORKLOAD_EXECUTION) {
        CHECK(worker->log_count < worker->log_max);
        worker->log[worker->log_count++] =
            change->duration_ns > SLIPRING_DURATION_MAX_NS ? SLIPRING_DURATION_MAX_NS : change->duration_ns;
    }
}

/* An execution of some duration, outcome and cost; *out_cost has the category as the library knows it. */
static struct workload_change pick_execution(struct worker *worker, uint32_t primitive,
                                             struct slipring_cost *out_cost)
{
    struct workload_change change = {.kind = WORKLOAD_EXECUTION, .primitive = primitive, .times = 1};
    uint32_t kind = 0;
    change.duration_ns = pick_duration(worker, primitive);
    change.failed = workload_below(&worker->random, 5) == 0;
    change.has_cost = pick_cost(worker, primitive, out_cost, &kind);
    change.cost = *out_cost;
    change.cost.category = kind;
    return change;
}

/* Some trace, one that is not to be kept, or NULL: whatever it is, the same is counted. */
static const struct slipring_trace *pick_trace(struct worker *worker, struct slipring_trace *out_trace)
{
    const uint64_t what = workload_below(&worker->random, 8);
    const uint64_t ids[3] = {workload_random(&worker->random), workload_random(&worker->random),
                             what == 7 ? 0 : workload_random(&worker->random)};
    memcpy(out_trace->trace_id, ids, sizeof out_trace->trace_id);
    memcpy(out_trace->span_id, &ids[2], sizeof out_trace->span_id);
    out_trace->flags = what == 6 ? 0 : SLIPRING_TRACE_SAMPLED;
    out_trace->reserved = 0;
    return what < 4 ? NULL : out_trace;
}

static void call_record(struct slipring_primitive *primitive, const struct workload_change *change,
                        const struct slipring_cost *cost, const struct slipring_trace *trace)
{
    const enum slipring_outcome outcome = change->failed ? SLIPRING_FAILURE : SLIPRING_SUCCESS;
    if (trace) {
        slipring_record_traced(primitive, change->duration_ns, outcome, change->has_cost ? cost : NULL,
                               trace);
    } else {
        slipring_record(primitive, change->duration_ns, outcome, change->has_cost ? cost : NULL);
    }
}

static void record(struct worker *worker, uint32_t primitive)
{
    struct slipring_cost cost;
    struct slipring_trace trace;
    const struct workload_change change = pick_execution(worker, primitive, &cost);
    const struct slipring_trace *its = pick_trace(worker, &trace);
    announce(worker, &change);
    call_record(worker->load->primitives[primitive], &change, &cost, its);
    count(worker, &change);
}

/* Many at once, with next to nothing in between: so a ring gets full. */
static void burst(struct worker *worker, uint32_t primitive)
{
    const enum workload_habit habit = worker->habit;
    struct slipring_cost cost;
    worker->habit = WORKLOAD_NARROW; /* their sums must stay within 64 bits, and so must their costs */
    struct workload_change change = pick_execution(worker, primitive, &cost);
    worker->habit = habit;
    if (cost.cost_nanodollars >= SLIPRING_AMOUNT_MAX) {
        cost.cost_nanodollars = change.cost.cost_nanodollars = 1;
    }
    change.times = 2 + workload_below(&worker->random, worker->burst_max);
    struct slipring_trace trace;
    const struct slipring_trace *its = pick_trace(worker, &trace);
    announce(worker, &change);
    for (uint64_t i = 0; i < change.times; i++) {
        ledger_attempt(worker->ledger);
        call_record(worker->load->primitives[primitive], &change, &cost, its);
        ledger_finish(worker->ledger);
    }
    count(worker, &change);
}

static void record_cost(struct worker *worker, uint32_t primitive)
{
    struct workload_change change = {.kind = WORKLOAD_AMOUNT, .primitive = primitive, .times = 1};
    struct slipring_cost cost;
    uint32_t kind = 0;
    (void)pick_cost(worker, primitive, &cost, &kind);
    change.cost = cost;
    change.cost.category = kind;
    announce(worker, &change);
    slipring_record_cost(worker->load->primitives[primitive], &cost);
    count(worker, &change);
}

/* Once, or some times in a row. */
static void use(struct worker *worker, uint32_t primitive)
{
    struct workload_change change = {.kind = WORKLOAD_USAGE, .primitive = primitive};
    const enum workload_habit habit = worker->habit;
    change.times = workload_below(&worker->random, 4) ? 1 : 2 + workload_below(&worker->random, 50);
    worker->habit = change.times > 1 ? WORKLOAD_NARROW : habit; /* as in burst() */
    change.duration_ns = pick_duration(worker, primitive);
    worker->habit = habit;
    change.failed = workload_below(&worker->random, 5) == 0;
    change.resource = (uint32_t)workload_below(&worker->random, TALLY_RESOURCES);
    change.usage = uses_pick(&worker->random, change.resource);
    announce(worker, &change);
    for (uint64_t i = 0; i < change.times; i++) {
        if (change.times > 1) {
            ledger_attempt(worker->ledger);
        }
        CHECK_OK(slipring_record_usage(worker->load->primitives[primitive], change.duration_ns,
                                       change.failed ? SLIPRING_FAILURE : SLIPRING_SUCCESS,
                                       uses_resource[change.resource], &change.usage));
        if (change.times > 1) {
            ledger_finish(worker->ledger);
        }
    }
    count(worker, &change);
}

static void begin(struct worker *worker, uint32_t primitive);
static void close_some_span(struct worker *worker);

/* Something else while a ring is busy: a record of the same primitive, the begin or the end of a span. */
static void nest(struct worker *worker, uint32_t primitive)
{
    const uint64_t what = worker->ledger ? workload_below(&worker->random, 4) : 0;
    if (what == 1 && worker->open_count > 0) {
        close_some_span(worker);
    } else if (what == 2 && worker->open_count < WORKLOAD_OPEN_MAX) {
        begin(worker, primitive);
    } else if (what == 3 && worker->uses_things) {
        use(worker, primitive);
    } else {
        record(worker, primitive);
    }
}

/* Written in place: twice beyond the limit now and then, which commit has to see. */
static void reserve(struct worker *worker, uint32_t primitive)
{
    struct slipring_cost cost;
    uint32_t kind = 0;
    struct slipring_reservation reservation;
    slipring_reserve(worker->load->primitives[primitive], &reservation);
    (void)pick_cost(worker, primitive, &cost, &kind);
    *reservation.cost_nanodollars = cost.cost_nanodollars;
    *reservation.savings_nanodollars = cost.savings_nanodollars;
    if (workload_below(&worker->random, 4) == 0) {
        nest(worker, primitive);
    }
    if (workload_below(&worker->random, 4) == 0) {
        slipring_discard(&reservation);
        slipring_commit(&reservation, 1, SLIPRING_SUCCESS, 0); /* a second end is none */
        return;
    }
    struct workload_change change = {.kind = WORKLOAD_EXECUTION,
                                     .primitive = primitive,
                                     .duration_ns = pick_duration(worker, primitive),
                                     .failed = workload_below(&worker->random, 5) == 0,
                                     .has_cost = true,
                                     .cost = cost,
                                     .times = 1};
    change.cost.category = kind;
    announce(worker, &change);
    slipring_commit(&reservation, change.duration_ns, change.failed ? SLIPRING_FAILURE : SLIPRING_SUCCESS,
                    cost.category);
    count(worker, &change);
}

/* --- spans -------------------------------------------------------------------------------------------------------------------- */

static void begin(struct worker *worker, uint32_t primitive)
{
    struct workload_span *open = &worker->open[worker->open_count];
    const uint64_t outer_ns = workload_pretended_ns; /* a signal handler came in between */
    const struct workload_change change = {.kind = WORKLOAD_BEGIN, .primitive = primitive, .times = 1};
    open->began_ns = (UINT64_C(1) << 40) + workload_below(&worker->random, UINT64_C(1) << 40);
    open->primitive = primitive;
    workload_pretended_ns = open->began_ns;
    announce(worker, &change);
    open->span = slipring_begin(worker->load->primitives[primitive]);
    workload_pretended_ns = outer_ns;
    count(worker, &change);
    worker->open_count++;
}

static void end(struct worker *worker, struct workload_span *open, bool goes_on)
{
    struct slipring_cost cost;
    struct workload_change change = pick_execution(worker, open->primitive, &cost);
    const uint64_t longest_ns = UINT64_MAX - SR_CLOCK_BASE_NS - open->began_ns; /* of store time */
    change.duration_ns = change.duration_ns < longest_ns ? change.duration_ns : longest_ns;
    change.ended = !goes_on;
    const uint64_t outer_ns = workload_pretended_ns;
    workload_pretended_ns = open->began_ns + change.duration_ns;
    const enum slipring_outcome outcome = change.failed ? SLIPRING_FAILURE : SLIPRING_SUCCESS;
    struct slipring_traced_span traced = {.span = open->span};
    const bool is_traced = pick_trace(worker, &traced.trace) != NULL;
    announce(worker, &change);
    if (goes_on) {
        slipring_lap(&open->span, outcome, change.has_cost ? &cost : NULL);
        open->began_ns += change.duration_ns;
    } else {
        if (is_traced) {
            slipring_end_traced(&traced, outcome, change.has_cost ? &cost : NULL);
            open->span = traced.span;
        } else {
            slipring_end(&open->span, outcome, change.has_cost ? &cost : NULL);
        }
        slipring_cancel(&open->span);                      /* a second end is none */
        slipring_lap(&open->span, SLIPRING_FAILURE, NULL); /* nor is a lap afterwards */
    }
    workload_pretended_ns = outer_ns;
    count(worker, &change);
}

static void cancel(struct worker *worker, struct workload_span *open)
{
    const struct workload_change change = {
        .kind = WORKLOAD_CANCEL, .primitive = open->primitive, .ended = true, .times = 1};
    announce(worker, &change);
    slipring_cancel(&open->span);
    slipring_end(&open->span, SLIPRING_SUCCESS, NULL); /* a second end is none */
    count(worker, &change);
}

static void close_some_span(struct worker *worker)
{
    struct workload_span *open = &worker->open[workload_below(&worker->random, worker->open_count)];
    if (workload_below(&worker->random, 4)) {
        end(worker, open, false);
    } else {
        cancel(worker, open);
    }
    *open = worker->open[--worker->open_count];
}

void worker_step(struct worker *worker)
{
    const uint32_t primitive = (uint32_t)workload_below(&worker->random, worker->load->count);
    if (worker->uses_things && workload_below(&worker->random, 8) == 0) {
        use(worker, primitive);
        return;
    }
    const uint64_t what = workload_below(&worker->random, 16);
    if (what < 2 && worker->burst_max > 0) {
        burst(worker, primitive);
    } else if (what < 9) {
        record(worker, primitive);
    } else if (what < 11) {
        record_cost(worker, primitive);
    } else if (what < 13) {
        reserve(worker, primitive);
    } else if (worker->open_count == WORKLOAD_OPEN_MAX || (worker->open_count > 0 && what == 15)) {
        close_some_span(worker);
    } else if (worker->open_count > 0 && what == 14) {
        end(worker, &worker->open[workload_below(&worker->random, worker->open_count)], true);
    } else {
        begin(worker, primitive);
    }
}

void worker_finish(struct worker *worker)
{
    while (worker->open_count > 0) {
        close_some_span(worker);
    }
}

void worker_abandon(struct worker *worker, uint64_t *aborted)
{
    while (worker->open_count > 0) {
        aborted[worker->open[--worker->open_count].primitive]++;
    }
}

/* --- sums ---------------------------------------------------------------------------------------------------------------------- */

void workload_merge(const struct workload *load, const struct tally *sums, uint32_t workers, uint32_t index,
                    struct tally *out_sum)
{
    tally_init(out_sum, load->threshold_ns[index]);
    for (uint32_t i = 0; i < workers; i++) {
        tally_merge(out_sum, &sums[i * load->count + index]);
    }
}

static uint64_t at_most(const struct tally *want, uint64_t bound_ns)
{
    for (uint32_t i = 0; i < want->bound_count; i++) {
        if (want->bound_ns[i] == bound_ns) {
            return want->at_most[i];
        }
    }
    check_fail(__FILE__, __LINE__, "nobody asked for the bound %" PRIu64, bound_ns);
    return 0;
}

static void expect_bounds(const struct tally *want, const struct slipring_stats_detail *detail)
{
    CHECK_EQUAL(detail->bound_count, want->bound_count);
    for (uint32_t i = 0; i < want->bound_count; i++) {
        CHECK_EQUAL(detail->bounds[i].bound_ns, want->bound_ns[i]);
        CHECK_EQUAL(detail->bounds[i].exact_since_ns, 0);
        CHECK_EQUAL(detail->bounds[i].count, want->at_most[i]);
    }
}

static void expect_objectives(const struct tally *want, uint64_t aborted,
                              const struct slipring_stats_detail *detail)
{
    CHECK_EQUAL(detail->objective_count, 2);
    for (uint32_t i = 0; i < detail->objective_count; i++) {
        const struct slipring_objective_stats *objective = &detail->objectives[i];
        const uint64_t good =
            objective->kind == SLIPRING_LATENCY ? at_most(want, objective->threshold_ns) : want->count[0];
        CHECK_EQUAL(objective->total, tally_count(want) + aborted);
        CHECK_EQUAL(objective->good, good);
        CHECK_EQUAL(objective->exact_since_ns, 0);
        if (objective->total > 0) {
            CHECK(objective->compliance == (double)good / (double)objective->total);
        }
    }
}

static void expect_money(const struct tally *want, const struct slipring_stats *stats,
                         const struct slipring_stats_detail *detail)
{
    uint64_t cost = 0;
    uint64_t savings = 0;
    CHECK_EQUAL(detail->category_count, WORKLOAD_CATEGORIES);
    for (uint32_t kind = 0; kind < WORKLOAD_CATEGORIES; kind++) {
        uint32_t at = 0;
        while (at < detail->category_count &&
               strcmp(detail->categories[at].name, category_names[kind]) != 0) {
            at++;
        }
        CHECK(at < detail->category_count);
        CHECK_EQUAL(detail->categories[at].cost_nanodollars, want->cost[kind]);
        CHECK_EQUAL(detail->categories[at].savings_nanodollars, want->savings[kind]);
        cost += want->cost[kind];
        savings += want->savings[kind];
    }
    CHECK_EQUAL(stats->cost_nanodollars, cost);
    CHECK_EQUAL(stats->savings_nanodollars, savings);
}

/* The bucket of the sample with this rank, among both outcomes. */
static uint32_t bucket_of_rank(const struct tally *want, uint64_t rank)
{
    uint32_t bucket = 0;
    for (uint64_t seen = want->cells[0][0] + want->cells[1][0]; seen < rank;) {
        bucket++;
        CHECK(bucket < SR_BUCKET_COUNT);
        seen += want->cells[0][bucket] + want->cells[1][bucket];
    }
    return bucket;
}

static void expect_percentiles(const struct tally *want, const struct slipring_window_stats *window)
{
    static const uint64_t parts_per_mille[SLIPRING_PERCENTILE_COUNT] = {500, 900, 950, 990, 999};
    const uint64_t n = tally_count(want);
    CHECK_EQUAL(window->n, n);
    CHECK_EQUAL(window->failures, want->count[1]);
    for (uint32_t i = 0; n > 0 && i < SLIPRING_PERCENTILE_COUNT; i++) {
        const uint32_t bucket = bucket_of_rank(want, (n * parts_per_mille[i] + 999) / 1000);
        if (bucket == 0) {
            CHECK(window->percentile_ns[i] == 0.0);
        } else { /* edges are real numbers: the upper one lies less than 1 ns above its integer part */
            CHECK(window->percentile_ns[i] < (double)sr_bucket_upper_ns(bucket) + 1.0);
            CHECK(window->percentile_ns[i] * 1.0221 > (double)sr_bucket_upper_ns(bucket));
        }
    }
}

void workload_expect(const struct workload *load, uint32_t index, const struct tally *want, uint64_t aborted,
                     const struct slipring_stats *stats, const struct slipring_stats_detail *detail)
{
    CHECK_EQUAL(want->begun, want->ended + aborted); /* else the harness itself is wrong */
    CHECK_EQUAL(detail->objectives[0].threshold_ns + detail->objectives[1].threshold_ns,
                load->threshold_ns[index]);
    CHECK_EQUAL(stats->count, tally_count(want));
    CHECK_EQUAL(stats->failures, want->count[1]);
    CHECK_EQUAL(stats->aborted, aborted);
    CHECK_EQUAL(stats->active, 0);
    CHECK_EQUAL(stats->clamped, want->clamped);
    CHECK_EQUAL(stats->sum_ns[0], want->sum_ns);
    CHECK_EQUAL(stats->sum_ns[1], 0);
    CHECK(stats->spilled <= stats->count);
    if (tally_count(want) > 0) {
        CHECK(stats->present & SLIPRING_HAS_DURATION);
        CHECK_EQUAL(stats->min_ns, want->min_ns);
        CHECK_EQUAL(stats->max_ns, want->max_ns);
    }
    expect_money(want, stats, detail);
    expect_bounds(want, detail);
    expect_objectives(want, aborted, detail);
    expect_percentiles(want, &stats->lifetime);
}
