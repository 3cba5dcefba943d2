/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent costs that has nothing to do: the share of a CPU that the kernel says it used, beside an empty store and
 * beside one with many rings, in alternating rounds; before and after, all that was recorded stands in the books. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "folder.h"
#include "rounds.h"
#include "served.h"
#include "usage.h"

enum idle_case {
#define IDLE_CASE(id, title, has_rings, is_late) CASE_##id,
#include "idle_cases.def"
#undef IDLE_CASE
    CASE_COUNT,
};

static const struct case_plan {
    const char *title;
    bool has_rings, is_late;
} plans[CASE_COUNT] = {
#define IDLE_CASE(id, title, has_rings, is_late) [CASE_##id] = {(title), (has_rings), (is_late)},
#include "idle_cases.def"
#undef IDLE_CASE
};

static const char *const names[CASE_COUNT] = {
#define IDLE_CASE(id, title, has_rings, is_late) [CASE_##id] = #id,
#include "idle_cases.def"
#undef IDLE_CASE
};

#define SETTLE_MS    1000u
#define WINDOW_MS    62000u /* the last minute, and the slice that it ends in */
#define SAMPLES_EACH 4u     /* of every ring */

struct setting {
    const struct options *options;
    struct machine machine;
    struct samples samples;
    struct fleet_plan everybody; /* that records into the store `full` */
    struct served empty, full;
    bool conserved;
    struct run {
        bool is_wanted;
        double *share; /* of a CPU, a round each */
        double *drain_share;
        double *switches; /* a second */
    } runs[CASE_COUNT];
};

struct idle_result {
    struct report_line line;
    double cpu_share, cpu_share_min, cpu_share_max;
    double drain_share, switches_per_second;
    uint64_t rings, primitives, processes, seconds;
};

static struct served *served_of(struct setting *setting, enum idle_case id)
{
    return plans[id].has_rings ? &setting->full : &setting->empty;
}

/* --- setting up --------------------------------------------------------------------------------------------------------- */

static bool set_up(struct setting *setting)
{
    const struct options *options = setting->options;
    for (uint32_t id = 0; id < CASE_COUNT; id++) {
        struct run *run = &setting->runs[id];
        run->is_wanted = options_wants(options, names[id]);
        run->share = calloc(options->rounds, sizeof(double));
        run->drain_share = calloc(options->rounds, sizeof(double));
        run->switches = calloc(options->rounds, sizeof(double));
        if (!run->share || !run->drain_share || !run->switches) {
            perror("slipring-bench");
            return false;
        }
    }
    const struct fleet_plan nobody = {.store = "empty"};
    return served_start(&setting->empty, &setting->machine, &nobody) &&
           served_start(&setting->full, &setting->machine, &setting->everybody) &&
           fleet_record(&setting->full.fleet, SAMPLES_EACH);
}

static bool tear_down(struct setting *setting)
{
    for (uint32_t id = 0; id < CASE_COUNT; id++) {
        free(setting->runs[id].share);
        free(setting->runs[id].drain_share);
        free(setting->runs[id].switches);
    }
    const bool has_empty_ended = served_stop(&setting->empty);
    return served_stop(&setting->full) && has_empty_ended;
}

/* --- a round of one case ------------------------------------------------------------------------------------------------ */

static bool run_round(struct setting *setting, enum idle_case id, uint32_t round)
{
    const pid_t agent = served_of(setting, id)->daemon.pid;
    struct run *run = &setting->runs[id];
    struct usage before;
    struct usage after;
    const uint64_t begun_ns = machine_clock_ns();
    if (!usage_read(agent, &before)) {
        return false;
    }
    machine_sleep_ms(setting->options->seconds * 1000);
    const double took_ns = (double)(machine_clock_ns() - begun_ns);
    if (!usage_read(agent, &after)) {
        return false;
    }
    run->share[round] = (double)(after.cpu_ns - before.cpu_ns) / took_ns;
    run->drain_share[round] = (double)(after.first_ns - before.first_ns) / took_ns;
    run->switches[round] = (double)(after.switches - before.switches) * 1e9 / took_ns;
    return true;
}

static bool run_rounds(struct setting *setting, bool late)
{
    for (uint32_t round = 0; round < setting->options->rounds; round++) {
        for (uint32_t id = 0; id < CASE_COUNT && !machine_is_interrupted(); id++) {
            if (setting->runs[id].is_wanted && plans[id].is_late == late &&
                !run_round(setting, (enum idle_case)id, round)) {
                return false;
            }
        }
    }
    return !machine_is_interrupted();
}

/* --- results ------------------------------------------------------------------------------------------------------------ */

#define FIELD(member, kind, heading, width, help)                                                            \
    REPORT_FIELD(struct idle_result, member, kind, heading, width, help)

static const struct report_field fields[] = {
    FIELD(cpu_share, NUMBER, "cpu %", 8,
          "percent of one CPU, all threads of the agent: the median over the rounds"),
    FIELD(cpu_share_min, NUMBER, "min", 8, "the least round"),
    FIELD(cpu_share_max, NUMBER, "max", 8, "the greatest round"),
    FIELD(drain_share, NUMBER, "drain %", 8, "of that, the thread that drains, reaps and publishes"),
    FIELD(switches_per_second, NUMBER, "switch/s", 9, "times a second that a thread of it left its CPU"),
    FIELD(rings, COUNT, "rings", 7, "owned, as the agent says"),
    FIELD(primitives, COUNT, NULL, 0, "registered, as the agent says"),
    FIELD(processes, COUNT, NULL, 0, "attached, as the agent says"),
    FIELD(seconds, COUNT, NULL, 0, "of a round"),
};

static const struct report_table idle_table = {
    .fields = fields,
    .field_count = sizeof fields / sizeof fields[0],
};

static void report_case(struct setting *setting, enum idle_case id)
{
    const struct run *run = &setting->runs[id];
    const uint32_t rounds = setting->options->rounds;
    struct sr_agent_figures figures = {0};
    const bool is_published = sr_stats_agent_figures(served_of(setting, id)->stats, &figures) == SLIPRING_OK;
    struct idle_result result = {
        .line = {.name = names[id],
                 .title = plans[id].title,
                 .checked = "books",
                 .conserved = setting->conserved && is_published},
        .cpu_share = 100 * rounds_median(run->share, rounds), /* sorts them */
        .drain_share = 100 * rounds_median(run->drain_share, rounds),
        .switches_per_second = rounds_median(run->switches, rounds),
        .rings = figures.rings_in_use,
        .primitives = figures.registry_used,
        .processes = figures.processes,
        .seconds = setting->options->seconds,
    };
    result.cpu_share_min = 100 * run->share[0];
    result.cpu_share_max = 100 * run->share[rounds - 1];
    report_row(setting->options, &setting->machine, &idle_table, &result.line, &result);
}

static void report(struct setting *setting)
{
    char sentence[160];
    (void)snprintf(sentence, sizeof sentence,
                   "%u rounds of %u s; %u processes of %u threads record %u primitives",
                   setting->options->rounds, setting->options->seconds, setting->everybody.processes,
                   setting->everybody.threads, setting->everybody.primitives);
    report_begin(setting->options, &setting->machine, sentence);
    report_head(setting->options, &idle_table);
    for (uint32_t id = 0; id < CASE_COUNT; id++) {
        if (setting->runs[id].is_wanted) {
            report_case(setting, (enum idle_case)id);
        }
    }
}

/* All is booked, and every thread has its ring of each primitive. */
static bool check(struct setting *setting)
{
    const struct fleet_plan *plan = &setting->everybody;
    const uint64_t rings = (uint64_t)plan->processes * plan->threads * plan->primitives;
    return booked_await(setting->full.stats, "full", &setting->full.fleet.expected) &&
           booked_await_rings(setting->full.stats, rings, rings);
}

static int measure(struct setting *setting)
{
    setting->conserved = check(setting);
    machine_sleep_ms(SETTLE_MS);
    bool is_good = run_rounds(setting, false);
    for (uint32_t id = 0; is_good && id < CASE_COUNT; id++) {
        if (setting->runs[id].is_wanted && plans[id].is_late) {
            machine_sleep_ms(WINDOW_MS);
            break;
        }
    }
    is_good = is_good && run_rounds(setting, true);
    if (!is_good) {
        fputs("slipring-bench: interrupted\n", stderr);
        return BENCH_BAD;
    }
    setting->conserved &= check(setting);
    report(setting);
    return setting->conserved ? BENCH_OK : BENCH_UNBALANCED;
}

/* The one number of a list. False: there are several, and a message says so. */
static bool take_one(const struct option_list *list, const char *name, uint32_t otherwise, uint32_t *out)
{
    if (list->count > 1) {
        fprintf(stderr, "slipring-bench: %s: idle takes one number\n", name);
        return false;
    }
    *out = list->count == 1 ? list->values[0] : otherwise;
    return true;
}

static int run(const struct options *options)
{
    static struct setting setting;
    static struct folder folder;
    setting.options = options;
    setting.everybody = (struct fleet_plan){.store = "full", .samples = &setting.samples};
    samples_make(&setting.samples);
    if (!take_one(&options->primitives, "--primitives", 1000, &setting.everybody.primitives) ||
        !take_one(&options->processes, "--processes", 10, &setting.everybody.processes) ||
        !take_one(&options->threads, "--threads", 1, &setting.everybody.threads)) {
        return BENCH_BAD;
    }
    if (!options_only_is_known(options, names, CASE_COUNT) || !machine_take(options->cpu, &setting.machine) ||
        !folder_make(&folder)) {
        return BENCH_BAD;
    }
    machine_catch_interrupts();
    int status = set_up(&setting) ? measure(&setting) : BENCH_BAD;
    if (!tear_down(&setting) && status == BENCH_OK) {
        status = BENCH_BAD;
    }
    return folder_remove(&folder) ? status : BENCH_BAD;
}

static const struct option_use uses[] = {
    {OPTION_rounds, 5, NULL},
    {OPTION_seconds, 4, "Of a round of each case."},
    {OPTION_primitives, 0, "Here one number. Default: 1000."},
    {OPTION_processes, 0, "Here one number. Default: 10."},
    {OPTION_threads, 0, "Here one number. Default: 1."},
    {OPTION_only, 0, "See bench/idle_cases.def for what they are."},
};

static const struct report_table *const tables[] = {&idle_table};

const struct benchmark bench_idle = {
    .name = "idle",
    .summary = "an agent with nothing to do: its share of a CPU, with no ring and with 10,000",
    .about = "What an agent costs while nobody records: its share of one CPU, as the kernel counts it, and "
             "how often it "
             "wakes up; with an empty store and with 10,000 rings of 1,000 primitives. A minute passes "
             "before the case "
             "`full`, for the one-minute windows to run empty.\n",
    .example = "slipring-bench idle --processes 5 --threads 2",
    .options = uses,
    .option_count = sizeof uses / sizeof uses[0],
    .tables = tables,
    .table_count = sizeof tables / sizeof tables[0],
    .run = run,
};
