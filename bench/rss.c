/* SPDX-License-Identifier: Apache-2.0 */
/* What memory it all takes: of the two segments, of the agent, of a producer; for so many primitives, processes and threads,
 * when they are registered, when each thread has recorded each primitive, and again when each ring has spilled. Sizes do not vary as times do: each
 * case is measured once. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "folder.h"
#include "peer/inspect.h"
#include "served.h"
#include "usage.h"

#define NAME_BYTES 48
#define SETTLE_MS  2500u /* the agent folds what threads gave back, and publishes */

/* What a store goes through, and by what that which a stage adds is divided. */
enum stage { STAGE_REGISTERED, STAGE_RECORDED, STAGE_SPILLED, STAGE_COUNT };
static const struct stage_plan {
    const char *name;
    const char *unit;
    uint32_t times, samples; /* records of every ring at once */
} stages[STAGE_COUNT] = {
    [STAGE_REGISTERED] = {"registered", "primitive", 0, 0},
    [STAGE_RECORDED] = {"recorded", "ring", 5,
                        100}, /* what a small ring holds; over all buckets that there are */
    [STAGE_SPILLED] = {"spilled", "spilled ring", 1, 600}, /* several times what it holds */
};

struct memory {
    uint64_t ring_bytes, stats_bytes;
    uint64_t agent_anon_bytes, agent_shmem_bytes;
    uint64_t producer_anon_bytes; /* of one, on the average */
    uint64_t rings, spilled_rings;
};

struct rss_result {
    struct report_line line;
    const char *stage, *unit;
    uint64_t primitives, processes, threads;
    uint64_t rings, spilled_rings, ring_bytes, stats_bytes;
    uint64_t agent_anon_bytes, agent_shmem_bytes, producer_anon_bytes;
    double ring_bytes_per_unit, stats_bytes_per_unit, stats_bytes_per_primitive;
};

struct setting {
    const struct options *options;
    struct machine machine;
    struct samples samples;
    struct folder folder;
    struct memory empty; /* a store with an agent, and nothing else */
};

/* --- looking ------------------------------------------------------------------------------------------------------------ */

static bool look_at_rings(const char *store, struct memory *memory)
{
    struct sr_inspect *inspect;
    const enum slipring_status status = sr_inspect_open(store, &inspect);
    if (status != SLIPRING_OK) {
        fprintf(stderr, "slipring-bench: store %s: %s\n", store, slipring_status_text(status));
        return false;
    }
    struct sr_inspect_ring ring;
    for (uint32_t id = 0; id < sr_inspect_ring_count(); id++) {
        if (sr_inspect_ring(inspect, id, &ring) == SLIPRING_OK) {
            memory->rings += ring.is_owned;
            memory->spilled_rings += ring.spilled != 0;
        }
    }
    sr_inspect_close(inspect);
    return true;
}

static bool look(const struct setting *setting, const struct served *served, struct memory *out_memory)
{
    char name[NAME_BYTES + 32];
    struct memory memory = {0};
    struct usage usage;
    const uint32_t processes = served->fleet.plan.processes;
    (void)snprintf(name, sizeof name, "slipring.%s.ring", served->store);
    memory.ring_bytes = usage_of_file(setting->folder.path, name);
    (void)snprintf(name, sizeof name, "slipring.%s.stats", served->store);
    memory.stats_bytes = usage_of_file(setting->folder.path, name);
    if (!usage_read(served->daemon.pid, &usage)) {
        return false;
    }
    memory.agent_anon_bytes = usage.anon_bytes;
    memory.agent_shmem_bytes = usage.shmem_bytes;
    for (uint32_t i = 0; i < processes; i++) {
        if (!usage_read(served->fleet.members[i].pid, &usage)) {
            return false;
        }
        memory.producer_anon_bytes += usage.anon_bytes / processes;
    }
    if (processes != 0 && !look_at_rings(served->store, &memory)) {
        return false;
    }
    *out_memory = memory;
    return true;
}

/* --- one case ----------------------------------------------------------------------------------------------------------- */

#define FIELD(member, kind, heading, width, help)                                                            \
    REPORT_FIELD(struct rss_result, member, kind, heading, width, help)

static const struct report_field fields[] = {
    FIELD(stage, TEXT, NULL, 0,
          "registered: the primitives are; recorded: each thread has recorded each of them; spilled: each of "
          "these rings "
          "has spilled, and was given a bigger one if there was one"),
    FIELD(primitives, COUNT, NULL, 0, "that each thread records"),
    FIELD(processes, COUNT, NULL, 0, "that record"),
    FIELD(threads, COUNT, NULL, 0, "of each process"),
    FIELD(rings, COUNT, "rings", 6, "owned by threads"),
    FIELD(spilled_rings, COUNT, "spilled", 7, "rings that have ever spilled"),
    FIELD(ring_bytes, COUNT, "ring seg", 10, "bytes that the ring segment keeps in its tmpfs"),
    FIELD(ring_bytes_per_unit, NUMBER, "added", 7, "what the stage added to them, by units"),
    FIELD(stats_bytes, COUNT, "stats seg", 10, "bytes that the stats segment keeps in its tmpfs"),
    FIELD(stats_bytes_per_unit, NUMBER, "added", 7, "what the stage added to them, by units"),
    FIELD(unit, TEXT, "by", 12, "what the two are divided by: primitives, rings, or rings that have spilled"),
    FIELD(stats_bytes_per_primitive, NUMBER, "/primitive", 10,
          "bytes of the stats segment, beyond those of an empty store, by primitives"),
    FIELD(agent_anon_bytes, COUNT, "agent", 9, "resident bytes of the agent's own"),
    FIELD(agent_shmem_bytes, COUNT, NULL, 0,
          "resident bytes of the segments in the agent: shared with everybody"),
    FIELD(producer_anon_bytes, COUNT, "producer", 9, "resident bytes of a producer's own, on the average"),
};

static const struct report_table rss_table = {
    .fields = fields,
    .field_count = sizeof fields / sizeof fields[0],
};

static double share(uint64_t bytes, uint64_t base, uint64_t count)
{
    return count == 0 ? NAN : ((double)bytes - (double)base) / (double)count;
}

static uint64_t units(enum stage stage, const struct fleet_plan *plan, const struct memory *memory)
{
    return stage == STAGE_REGISTERED ? plan->primitives
           : stage == STAGE_RECORDED ? memory->rings
                                     : memory->spilled_rings;
}

static void report_stage(const struct setting *setting, const struct fleet_plan *plan, enum stage stage,
                         bool conserved, const struct memory *memory, const struct memory *before)
{
    char name[2 * NAME_BYTES];
    (void)snprintf(name, sizeof name, "%s_%s", plan->store, stages[stage].name);
    const uint64_t count = units(stage, plan, memory);
    const struct rss_result result = {
        .line = {.name = name, .checked = "books", .conserved = conserved},
        .stage = stages[stage].name,
        .unit = stages[stage].unit,
        .primitives = plan->primitives,
        .processes = plan->processes,
        .threads = plan->threads,
        .rings = memory->rings,
        .spilled_rings = memory->spilled_rings,
        .ring_bytes = memory->ring_bytes,
        .stats_bytes = memory->stats_bytes,
        .ring_bytes_per_unit = share(memory->ring_bytes, before->ring_bytes, count),
        .stats_bytes_per_unit = share(memory->stats_bytes, before->stats_bytes, count),
        .stats_bytes_per_primitive = share(memory->stats_bytes, setting->empty.stats_bytes, plan->primitives),
        .agent_anon_bytes = memory->agent_anon_bytes,
        .agent_shmem_bytes = memory->agent_shmem_bytes,
        .producer_anon_bytes = memory->producer_anon_bytes,
    };
    report_row(setting->options, &setting->machine, &rss_table, &result.line, &result);
}

/* Go through the stage, and look. */
static bool run_stage(const struct setting *setting, struct served *served, enum stage stage,
                      struct memory *out_memory, bool *conserved)
{
    const struct fleet_plan *plan = &served->fleet.plan;
    const uint64_t rings = (uint64_t)plan->processes * plan->threads * plan->primitives;
    for (uint32_t i = 0; i < stages[stage].times; i++) {
        if (!fleet_record(&served->fleet, stages[stage].samples)) {
            return false;
        }
        *conserved &= booked_await(served->stats, served->store, &served->fleet.expected) &&
                      booked_await_rings(served->stats, rings, rings);
    }
    machine_sleep_ms(SETTLE_MS);
    return !machine_is_interrupted() && look(setting, served, out_memory);
}

static int run_case(const struct setting *setting, const struct fleet_plan *plan)
{
    struct served served = {.store = NULL};
    struct memory memory[STAGE_COUNT];
    bool conserved = true;
    bool is_good = served_start(&served, &setting->machine, plan);
    for (uint32_t stage = 0; is_good && stage < STAGE_COUNT; stage++) {
        is_good = run_stage(setting, &served, (enum stage)stage, &memory[stage], &conserved);
        if (is_good) {
            report_stage(setting, plan, (enum stage)stage, conserved, &memory[stage],
                         stage == 0 ? &setting->empty : &memory[stage - 1]);
        }
    }
    if (!served_stop(&served) || !is_good) {
        return BENCH_BAD;
    }
    return conserved ? BENCH_OK : BENCH_UNBALANCED;
}

/* --- all cases ---------------------------------------------------------------------------------------------------------- */

static bool measure_empty(struct setting *setting)
{
    const struct fleet_plan nobody = {.store = "empty"};
    struct served served = {.store = NULL};
    const bool is_good =
        served_start(&served, &setting->machine, &nobody) && look(setting, &served, &setting->empty);
    return served_stop(&served) && is_good;
}

static int measure(struct setting *setting, const struct option_list *primitives,
                   const struct option_list *processes, const struct option_list *threads)
{
    int status = measure_empty(setting) ? BENCH_OK : BENCH_BAD;
    char sentence[160];
    (void)snprintf(sentence, sizeof sentence,
                   "each case once; an empty store keeps %" PRIu64 " bytes of ring segment and %" PRIu64
                   " of stats segment",
                   setting->empty.ring_bytes, setting->empty.stats_bytes);
    report_begin(setting->options, &setting->machine, sentence);
    report_head(setting->options, &rss_table);
    const uint32_t cases = primitives->count * processes->count * threads->count;
    for (uint32_t i = 0; i < cases && status == BENCH_OK; i++) {
        char name[NAME_BYTES];
        const struct fleet_plan plan = {
            .store = name,
            .samples = &setting->samples,
            .primitives = primitives->values[i / (processes->count * threads->count)],
            .processes = processes->values[i / threads->count % processes->count],
            .threads = threads->values[i % threads->count],
        };
        (void)snprintf(name, sizeof name, "%ux%ux%u", plan.primitives, plan.processes, plan.threads);
        status = run_case(setting, &plan);
    }
    if (machine_is_interrupted()) {
        fputs("slipring-bench: interrupted\n", stderr);
    }
    return status;
}

static struct option_list given_or(const struct option_list *given, const struct option_list *otherwise)
{
    return given->count != 0 ? *given : *otherwise;
}

static int run(const struct options *options)
{
    static struct setting setting;
    const struct option_list primitives =
        given_or(&options->primitives, &(struct option_list){.count = 3, .values = {1, 100, 1000}});
    const struct option_list processes =
        given_or(&options->processes, &(struct option_list){.count = 2, .values = {1, 8}});
    const struct option_list threads =
        given_or(&options->threads, &(struct option_list){.count = 2, .values = {1, 4}});
    setting.options = options;
    samples_make(&setting.samples);
    if (!machine_take(options->cpu, &setting.machine) || !folder_make(&setting.folder)) {
        return BENCH_BAD;
    }
    machine_catch_interrupts();
    const int status = measure(&setting, &primitives, &processes, &threads);
    return folder_remove(&setting.folder) ? status : BENCH_BAD;
}

static const struct option_use uses[] = {
    {OPTION_primitives, 0, "Default: 1,100,1000."},
    {OPTION_processes, 0, "Default: 1,8."},
    {OPTION_threads, 0, "Default: 1,4."},
};

static const struct report_table *const tables[] = {&rss_table};

const struct benchmark bench_rss = {
    .name = "rss",
    .summary = "memory: of both segments, of the agent and of a producer, before and after spilling",
    .about = "What memory so many primitives, processes and threads take, when each thread has recorded each "
             "primitive; "
             "and when each of these rings has spilled.\n",
    .example = "slipring-bench rss --primitives 1000 --processes 8 --threads 4",
    .options = uses,
    .option_count = sizeof uses / sizeof uses[0],
    .tables = tables,
    .table_count = sizeof tables / sizeof tables[0],
    .run = run,
};
