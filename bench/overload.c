/* SPDX-License-Identifier: Apache-2.0 */
/* Does overload lose anything? Processes record at full speed while slipringd is stopped half of the time; what they counted
 * for themselves has to be what the books hold.
 *
 * The order of a run: slipringd comes, the primitive's bounds and objectives are published (from here on each is exact); the
 * producers record and keep own_sums.h; slipringd runs and is stopped in turns; the producers end while it is stopped and
 * hand their sums over; it goes on, and every figure has to come to agree; the producers end for good, their rings are folded
 * and freed, and every figure has to agree once more. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "daemon.h"
#include "folder.h"
#include "ledger.h"
#include "machine.h"
#include "overload_result.h"
#include "own_check.h"
#include "peer/inspect.h"
#include "producers.h"
#include "pure/bound.h"
#include "rounds.h"

#define STORE     "overload"
#define TYPE      "bench"
#define CHUNK     128u /* records between two looks whether it is over */
#define READY_MS  10000u
#define AGREE_MS  20000u
#define STOPS_MAX 4096u
#define MINUTE_NS UINT64_C(50000000000) /* younger than that, all of it is surely in the minute window */
#define MS        UINT64_C(1000000)
#define TARGET_99 SLIPRING_TARGET(0.99)

/* Thresholds inside of buckets, not at their edges; some within what most samples take. */
static const struct own_objective objectives[] = {
    {"t200001", SLIPRING_TARGET(0.05), 200001},        {"t333333", SLIPRING_TARGET(0.2), 333333},
    {"t750000", SLIPRING_TARGET(0.5), 750000},         {"t1234567", SLIPRING_TARGET(0.75), 1234567},
    {"t1987654", SLIPRING_TARGET(0.999), 1987654},     {"t3141592", TARGET_99, 3141592},
    {"tlong", SLIPRING_TARGET(0.9999), 3600000000001}, {"availability", TARGET_99, 0},
};
#define OBJECTIVES (sizeof objectives / sizeof objectives[0])

static const char *const categories[OWN_CATEGORIES] = {"default", "tokens", "egress", "disk"};

/* One of the two primitives that every producer records into. */
struct part {
    char name[32];
    struct ledger ledger;
    struct own_totals totals;
    struct own_sample list[OWN_SAMPLES]; /* each process has its own copy, and fills it */
    struct own_sums sums;                /* likewise */
};

/* What a producer shows of itself: `recorded` all the time, the sums when it is done. */
struct display {
    _Alignas(128) _Atomic uint64_t recorded[OWN_RANGES];
    _Alignas(128) struct own_sums sums[OWN_RANGES];
    bool agrees; /* the sums with themselves */
};

struct setting {
    const struct options *options;
    struct machine machine;
    struct daemon daemon;
    struct part parts[OWN_RANGES];
    struct producers crew;
    uint64_t begin_ns;
    double catch_ups[STOPS_MAX];
};

/* --- a producer ----------------------------------------------------------------------------------------------------------- */

static inline void record_one(struct part *part, uint32_t at)
{
    const struct own_sample *sample = &part->list[at];
    const struct slipring_cost cost = {.cost_nanodollars = sample->cost,
                                       .savings_nanodollars = sample->savings,
                                       .category = sample->category};
    slipring_record(part->ledger.primitive, sample->duration_ns,
                    sample->is_failure ? SLIPRING_FAILURE : SLIPRING_SUCCESS,
                    sample->has_cost ? &cost : NULL);
    own_sums_add(&part->sums, sample, at);
}

static void work(void *context, struct producer *producer, uint32_t task)
{
    struct setting *setting = context;
    struct display *display = producer->shared;
    (void)task;
    for (uint32_t i = 0; i < OWN_RANGES; i++) {
        struct part *part = &setting->parts[i];
        own_samples_make(part->list, (enum own_range)i, producer->index, part->totals.bounds,
                         part->totals.bound_count);
        own_sums_clear(&part->sums);
    }
    producers_begin(producer);
    for (uint32_t from = 0; !producers_is_over(producer); from = (from + CHUNK) % OWN_LAST) {
        for (uint32_t i = 0; i < OWN_RANGES; i++) {
            struct part *part = &setting->parts[i];
            for (uint32_t at = from; at < from + CHUNK; at++) {
                record_one(part, at);
            }
            /* relaxed: a progress report; a count that is shown was recorded before, in the order of this thread */
            atomic_store_explicit(&display->recorded[i], part->sums.count, memory_order_relaxed);
        }
    }
    producers_end(producer);
    producer->records = 0;
    display->agrees = true;
    for (uint32_t i = 0; i < OWN_RANGES; i++) {
        struct part *part = &setting->parts[i];
        for (uint32_t at = OWN_LAST; at < OWN_SAMPLES; at++) {
            record_one(part, at); /* slipringd stands still and the ring is full: the extremes spill */
        }
        producer->records += part->sums.count;
        display->sums[i] = part->sums;
        display->agrees &= own_sums_agree(&part->sums, part->list);
    }
}

/* --- before --------------------------------------------------------------------------------------------------------------- */

static void insert_bound(struct own_totals *totals, uint64_t bound_ns)
{
    uint32_t at = totals->bound_count++;
    for (; at > 0 && totals->bounds[at - 1] > bound_ns; at--) {
        totals->bounds[at] = totals->bounds[at - 1];
    }
    totals->bounds[at] = bound_ns;
}

/* Those of slipringd's own list, and the thresholds. */
static void list_bounds(struct own_totals *totals)
{
    for (uint32_t i = 0; i < SR_BOUND_DEFAULT_COUNT; i++) {
        insert_bound(totals, sr_bound_defaults[i]);
    }
    for (uint32_t i = 0; i < OBJECTIVES; i++) {
        if (objectives[i].threshold_ns != 0) {
            insert_bound(totals, objectives[i].threshold_ns);
        }
    }
}

static bool declare(struct slipring_primitive *primitive)
{
    enum slipring_status status = SLIPRING_OK;
    for (uint32_t i = 0; i < OBJECTIVES && status == SLIPRING_OK; i++) {
        const struct slipring_objective objective = {
            .name = objectives[i].name,
            .kind = objectives[i].threshold_ns != 0 ? SLIPRING_LATENCY : SLIPRING_AVAILABILITY,
            .target_ppb = objectives[i].target_ppb,
            .threshold_ns = objectives[i].threshold_ns,
        };
        status = slipring_objective_add(primitive, &objective);
    }
    for (uint32_t i = 1; i < OWN_CATEGORIES && status == SLIPRING_OK; i++) {
        uint32_t category = 0;
        status = slipring_category_get(primitive, categories[i], &category);
        if (status == SLIPRING_OK && category != i) {
            status = SLIPRING_CONFLICT;
        }
    }
    if (status != SLIPRING_OK) {
        fprintf(stderr, "slipring-bench: objectives and categories: %s\n", slipring_status_text(status));
    }
    return status == SLIPRING_OK;
}

/* Until slipringd has published this primitive with all of its lists. */
static bool await_lists(const struct part *part)
{
    for (uint32_t waited_ms = 0; waited_ms < READY_MS && !machine_is_interrupted(); waited_ms += 5) {
        struct slipring_stats stats;
        struct slipring_stats_detail detail;
        if (slipring_stats_read_detail(part->ledger.primitive, &stats, &detail) == SLIPRING_OK &&
            detail.bound_count == part->totals.bound_count && detail.objective_count == OBJECTIVES &&
            detail.category_count == OWN_CATEGORIES) {
            return true;
        }
        machine_sleep_ms(5);
    }
    fputs("slipring-bench: slipringd never published bounds, objectives and categories\n", stderr);
    return false;
}

static bool set_up_part(struct part *part, const char *name, const char *range)
{
    (void)snprintf(part->name, sizeof part->name, "%s_%s", name, range);
    part->totals = (struct own_totals){.sums.min_ns = UINT64_MAX};
    list_bounds(&part->totals);
    return ledger_open(&part->ledger, STORE, part->name) && declare(part->ledger.primitive) &&
           await_lists(part);
}

static bool set_up(struct setting *setting, uint32_t count, const char *name)
{
    setting->crew = (struct producers){.are_processes = true,
                                       .count = count,
                                       .work = work,
                                       .context = setting,
                                       .machine = &setting->machine,
                                       .area_bytes = sizeof(struct display)};
    return set_up_part(&setting->parts[OWN_WIDE], name, "wide") &&
           set_up_part(&setting->parts[OWN_NARROW], name, "narrow") && producers_start(&setting->crew);
}

/* --- while they record ---------------------------------------------------------------------------------------------------- */

static uint64_t recorded(const struct setting *setting, uint32_t range)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < setting->crew.count; i++) {
        const struct display *display = producers_at(&setting->crew, i)->shared;
        /* relaxed: a progress report */
        sum += atomic_load_explicit(&display->recorded[range], memory_order_relaxed);
    }
    return sum;
}

static bool has_published(const struct setting *setting, const uint64_t targets[OWN_RANGES])
{
    struct slipring_stats stats;
    for (uint32_t i = 0; i < OWN_RANGES; i++) {
        if (!ledger_read(&setting->parts[i].ledger, &stats) || stats.count < targets[i]) {
            return false;
        }
    }
    return true;
}

/* Let slipringd run until then. Returns the milliseconds until it had published all that was recorded when it went on; all that
 * there were, when it did not come so far. */
static double run_until(struct setting *setting, uint64_t until_ns)
{
    const uint64_t from_ns = machine_clock_ns();
    const uint64_t targets[OWN_RANGES] = {recorded(setting, OWN_WIDE), recorded(setting, OWN_NARROW)};
    uint64_t now_ns = from_ns;
    double took_ms = NAN;
    while (now_ns < until_ns && !machine_is_interrupted()) {
        if (isnan(took_ms) && has_published(setting, targets)) {
            took_ms = (double)(now_ns - from_ns) / 1e6;
        }
        machine_sleep_ms(1);
        now_ns = machine_clock_ns();
    }
    return isnan(took_ms) ? (double)(now_ns - from_ns) / 1e6 : took_ms;
}

/* Run and stop in turns, ending with a stop. False: slipringd is gone. */
static bool stop_and_go(struct setting *setting, struct overload_result *result)
{
    const uint64_t turn_ns = setting->options->stop * MS;
    const uint64_t end_ns = setting->begin_ns + setting->options->seconds * 1000 * MS;
    uint64_t stopped_ns = 0;
    uint64_t now_ns = setting->begin_ns;
    uint32_t caught_up = 0;
    (void)run_until(setting, now_ns + turn_ns);
    for (;;) {
        const uint64_t from_ns = machine_clock_ns();
        if (!daemon_pause(&setting->daemon)) {
            return false;
        }
        result->stops++;
        while ((now_ns = machine_clock_ns()) < from_ns + turn_ns && !machine_is_interrupted()) {
            machine_sleep_ms(1);
        }
        stopped_ns += now_ns - from_ns;
        if (now_ns >= end_ns || caught_up == STOPS_MAX || machine_is_interrupted()) {
            break;
        }
        if (!daemon_resume(&setting->daemon)) {
            return false;
        }
        setting->catch_ups[caught_up++] = run_until(setting, now_ns + turn_ns);
    }
    result->stopped_share = (double)stopped_ns / (double)(now_ns - setting->begin_ns);
    result->catch_up_ms = caught_up != 0 ? rounds_median(setting->catch_ups, caught_up) : NAN;
    result->catch_up_max_ms = caught_up != 0 ? setting->catch_ups[caught_up - 1] : NAN;
    return true;
}

/* --- afterwards ----------------------------------------------------------------------------------------------------------- */

/* The producers' own sums, made the totals. False: one contradicts itself, and nothing could be shown by it. */
static bool collect(struct setting *setting)
{
    for (uint32_t i = 0; i < setting->crew.count * OWN_RANGES; i++) {
        const struct display *display = producers_at(&setting->crew, i / OWN_RANGES)->shared;
        struct part *part = &setting->parts[i % OWN_RANGES];
        if (!display->agrees) {
            fprintf(stderr, "slipring-bench: the own sums of producer %u contradict themselves\n",
                    i / OWN_RANGES);
            return false;
        }
        own_samples_make(part->list, (enum own_range)(i % OWN_RANGES), i / OWN_RANGES, part->totals.bounds,
                         part->totals.bound_count);
        own_totals_add(&part->totals, &display->sums[i % OWN_RANGES], part->list);
    }
    return true;
}

/* Compare what was last published; all of it differs when that was before `since_ns`. Returns how many spilled. */
static uint64_t compare(const struct setting *setting, const struct part *part, uint64_t since_ns,
                        struct own_check *check)
{
    struct slipring_stats stats;
    struct slipring_stats_detail detail;
    const struct own_expected expected = {
        .totals = &part->totals,
        .name = part->name,
        .type = TYPE,
        .objectives = objectives,
        .objective_count = OBJECTIVES,
        .categories = categories,
        .is_within_minute = machine_clock_ns() - setting->begin_ns < MINUTE_NS,
    };
    if (slipring_stats_read_detail(part->ledger.primitive, &stats, &detail) != SLIPRING_OK ||
        stats.published_ns < since_ns) {
        *check = (struct own_check){.compared = 1, .differ = 1, .difference = "nothing was published"};
        return 0;
    }
    own_check_books(&expected, &stats, &detail, check);
    return stats.spilled;
}

/* Until the figures that were published after `since_ns` agree in everything, or never. */
static bool await_agreement(struct setting *setting, uint64_t since_ns, struct overload_result *result)
{
    const uint64_t until_ns = machine_clock_ns() + AGREE_MS * MS;
    struct own_check checks[OWN_RANGES];
    uint64_t spilled;
    bool agrees;
    for (;;) {
        agrees = true;
        spilled = 0;
        for (uint32_t i = 0; i < OWN_RANGES; i++) {
            spilled += compare(setting, &setting->parts[i], since_ns, &checks[i]);
            agrees &= checks[i].differ == 0;
        }
        if (agrees || machine_clock_ns() > until_ns) {
            break;
        }
        machine_sleep_ms(1);
    }
    for (uint32_t i = 0; i < OWN_RANGES; i++) {
        result->compared += checks[i].compared;
        result->differ += checks[i].differ;
        if (checks[i].differ != 0) {
            fprintf(stderr, "slipring-bench: %s, %u figures of %u differ: %s\n", setting->parts[i].name,
                    checks[i].differ, checks[i].compared, checks[i].difference);
        }
    }
    result->spill_share = (double)spilled / (double)result->n;
    return agrees;
}

/* Until no ring is owned any more: the producers are dead, the agent has folded and freed what they had. */
static bool await_reaping(void)
{
    struct sr_inspect *inspect;
    struct sr_inspect_totals totals = {.rings = 1};
    if (sr_inspect_open(STORE, &inspect) != SLIPRING_OK) {
        return false;
    }
    for (uint32_t waited_ms = 0; totals.rings != 0 && waited_ms < READY_MS; waited_ms += 10) {
        machine_sleep_ms(10);
        sr_inspect_totals(inspect, &totals);
    }
    sr_inspect_close(inspect);
    if (totals.rings != 0) {
        fprintf(stderr, "slipring-bench: %u rings of dead producers were never freed\n", totals.rings);
    }
    return totals.rings == 0;
}

/* BENCH_OK: everything agreed. */
static int check(struct setting *setting, struct overload_result *result)
{
    if (!collect(setting)) {
        return BENCH_UNBALANCED;
    }
    const uint64_t resumed_ns = machine_clock_ns();
    if (!daemon_resume(&setting->daemon)) {
        return BENCH_BAD;
    }
    bool agrees = await_agreement(setting, resumed_ns, result);
    result->last_catch_up_ms = (double)(machine_clock_ns() - resumed_ns) / 1e6;
    if (!producers_stop(&setting->crew)) {
        return BENCH_BAD;
    }
    agrees &= await_reaping();
    agrees &= await_agreement(setting, machine_clock_ns(), result);
    result->line.conserved = agrees;
    return agrees ? BENCH_OK : BENCH_UNBALANCED;
}

/* --- a run ---------------------------------------------------------------------------------------------------------------- */

static int measure(struct setting *setting, uint32_t count)
{
    char name[32];
    (void)snprintf(name, sizeof name, STORE "_%u", count);
    struct overload_result result = {.line = {.name = name, .checked = "books"}, .producers = count};
    struct producers_round round;
    if (!set_up(setting, count, name)) {
        return BENCH_BAD;
    }
    setting->begin_ns = machine_clock_ns();
    producers_begin_round(&setting->crew, count, 0);
    if (!stop_and_go(setting, &result) || !producers_end_round(&setting->crew, count, &round)) {
        return BENCH_BAD;
    }
    result.seconds = (double)round.wall_ns / 1e9;
    result.n = round.records;
    result.records_per_second = (double)round.records / result.seconds;
    result.ns_cpu = (double)round.cpu_ns / (double)round.records;
    const int status = check(setting, &result);
    if (status != BENCH_BAD) {
        report_row(setting->options, &setting->machine, &overload_table, &result.line, &result);
    }
    return status;
}

static int measure_all(struct setting *setting)
{
    static const struct option_list usual = {.count = 1, .values = {2}};
    const struct option_list *counts =
        setting->options->producers.count != 0 ? &setting->options->producers : &usual;
    char sentence[160];
    int worst = BENCH_OK;
    (void)snprintf(sentence, sizeof sentence,
                   "processes at full speed for %u s, slipringd stopped for %u ms of every %u",
                   setting->options->seconds, setting->options->stop, 2 * setting->options->stop);
    report_begin(setting->options, &setting->machine, sentence);
    report_head(setting->options, &overload_table);
    for (uint32_t i = 0; i < counts->count && worst != BENCH_BAD; i++) {
        const int status = measure(setting, counts->values[i]);
        worst = status > worst ? status : worst;
        if (!producers_stop(&setting->crew)) {
            worst = BENCH_BAD;
        }
    }
    if (machine_is_interrupted()) {
        fputs("slipring-bench: interrupted\n", stderr);
        return BENCH_BAD;
    }
    return worst;
}

static int run(const struct options *options)
{
    static struct setting setting;
    static struct folder folder;
    setting.options = options;
    if (!daemon_is_built()) {
        fputs("slipring-bench: overload needs a slipringd beside slipring-bench\n", stderr);
        return BENCH_BAD;
    }
    if (!machine_take(options->cpu, &setting.machine) || !folder_make(&folder)) {
        return BENCH_BAD;
    }
    machine_catch_interrupts();
    machine_unpin(&setting.machine);
    int status = BENCH_BAD;
    if (daemon_start(&setting.daemon, STORE, setting.machine.consumer_cpu, setting.machine.is_pinned)) {
        status = measure_all(&setting);
    }
    if (!daemon_stop(&setting.daemon) && status == BENCH_OK) {
        status = BENCH_BAD;
    }
    return folder_remove(&folder) ? status : BENCH_BAD;
}

static const struct option_use uses[] = {
    {OPTION_seconds, 10, NULL},
    {OPTION_stop, 500, NULL},
    {OPTION_producers, 0, "Default: 2. Each number is a run of its own."},
};

static const struct report_table *const tables[] = {&overload_table};

const struct benchmark bench_overload = {
    .name = "overload",
    .summary = "is anything lost: producers at full speed, slipringd stopped half of the time",
    .about = "Processes record at full speed, successes and failures, with and without amounts in four "
             "categories, "
             "while slipringd is stopped (SIGSTOP) half of the time. Each keeps sums of its own in its own "
             "memory. In the "
             "end every figure that slipring_stats_read_detail() gives has to agree with these to the last "
             "sample and "
             "nano-dollar, and once more when the producers are dead and their rings folded and freed.\n",
    .example = "slipring-bench overload --seconds 10 --producers 2,4",
    .options = uses,
    .option_count = sizeof uses / sizeof uses[0],
    .tables = tables,
    .table_count = sizeof tables / sizeof tables[0],
    .run = run,
};
