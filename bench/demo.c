/* SPDX-License-Identifier: Apache-2.0 */
/* What recording costs a program that has something to do: slipring-demo with and without it, in alternating rounds. Where
 * there is a valgrind, the instructions of one file too, which are the same in every run. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "folder.h"
#include "program.h"
#include "rounds.h"
#include "served.h"
#include "usage.h"

enum demo_case { CASE_plain, CASE_recording, CASE_COUNT };

static const char *const names[CASE_COUNT] = {"plain", "recording"};
static const char *const titles[CASE_COUNT] = {"slipring-demo --no-record",
                                               "slipring-demo, and slipringd beside it"};

#define STORE        "demo"
#define TEXT_BYTES   ((size_t)1 << 16)
#define TREE_FILES   40u /* counted by callgrind */
#define TREE_BYTES   5000u
#define PASSES_FEW   "1"
#define PASSES_MANY  "4"
#define PASSES_AHEAD 3u /* of the two */

struct setting {
    const struct options *options;
    struct machine machine;
    struct folder folder;
    struct served served;
    char demo[PATH_MAX];
    char tree[PATH_MAX + 8];
    char text[TEXT_BYTES];
    bool conserved;
    uint64_t files, bytes;
    double instructions[CASE_COUNT]; /* of a file; NaN: not counted */
    double *wall_us[CASE_COUNT], *cpu_us[CASE_COUNT];
    double *agent_us; /* CPU time of the agent in the rounds that record */
    uint64_t records; /* in one of them */
};

struct demo_result {
    struct report_line line;
    double wall_ms, wall_ms_min, wall_ms_max, cpu_ms;
    double wall_overhead, cpu_overhead, instruction_overhead;
    double instructions, agent_cpu_ms;
    uint64_t files, bytes, records;
};

/* --- one run ------------------------------------------------------------------------------------------------------------ */

/* The number behind "key": in the line that the demo printed. NaN: there is none. */
static double number_of(const char *text, const char *key)
{
    char quoted[32];
    (void)snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(text, quoted);
    return at ? strtod(at + strlen(quoted), NULL) : NAN;
}

static bool run_demo(struct setting *setting, enum demo_case id, uint32_t round)
{
    char processes[16];
    (void)snprintf(processes, sizeof processes, "%u", setting->options->workers);
    const char *const arguments[] = {setting->demo,
                                     "--json",
                                     "--store",
                                     STORE,
                                     "--processes",
                                     processes,
                                     setting->options->dir,
                                     id == CASE_plain ? "--no-record" : NULL,
                                     NULL};
    struct usage before;
    struct usage after;
    const bool is_read = usage_read(setting->served.daemon.pid, &before);
    const int status = program_run(arguments, setting->text, sizeof setting->text);
    if (!is_read || !usage_read(setting->served.daemon.pid, &after) || (status != 0 && status != 1) ||
        isnan(number_of(setting->text, "wall_us"))) {
        fprintf(stderr, "slipring-bench: slipring-demo: exit status %d: %s\n", status, setting->text);
        return false;
    }
    setting->conserved &=
        status == 0 && number_of(setting->text, "recorded") == number_of(setting->text, "reported");
    setting->wall_us[id][round] = number_of(setting->text, "wall_us");
    setting->cpu_us[id][round] = number_of(setting->text, "cpu_us");
    if (id == CASE_recording) {
        setting->agent_us[round] = (double)(after.cpu_ns - before.cpu_ns) / 1e3;
        setting->records = (uint64_t)number_of(setting->text, "recorded");
    }
    setting->files = (uint64_t)number_of(setting->text, "files");
    setting->bytes = (uint64_t)number_of(setting->text, "bytes_read");
    return true;
}

/* --- instructions ------------------------------------------------------------------------------------------------------- */

/* Files of words, always the same. */
static bool make_tree(struct setting *setting)
{
    uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
    if (mkdir(setting->tree, 0700) != 0) {
        return false;
    }
    for (uint32_t i = 0; i < TREE_FILES; i++) {
        char path[sizeof setting->tree + 16];
        (void)snprintf(path, sizeof path, "%s/%u", setting->tree, i);
        FILE *file = fopen(path, "we");
        for (uint32_t at = 0; file && at < TREE_BYTES; at += 5) {
            state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            fprintf(file, "%04x ", (unsigned)(state >> 60) * 1111u % 65536u);
        }
        if (!file || fclose(file) != 0) {
            return false;
        }
    }
    return true;
}

static void remove_tree(const struct setting *setting)
{
    for (uint32_t i = 0; i < TREE_FILES; i++) {
        char path[sizeof setting->tree + 16];
        (void)snprintf(path, sizeof path, "%s/%u", setting->tree, i);
        (void)unlink(path); /* what stays is found when the folder is removed, here and below */
    }
    (void)rmdir(setting->tree);
}

/* Inside archive_file(), of all processes. NaN: valgrind is not there, or cannot run the program. */
static double count_instructions(struct setting *setting, enum demo_case id, const char *passes)
{
    const char *const arguments[] = {"valgrind",
                                     "--tool=callgrind",
                                     "--callgrind-out-file=/dev/null",
                                     "--toggle-collect=archive_file",
                                     setting->demo,
                                     "--json",
                                     "--store",
                                     STORE,
                                     "--processes",
                                     "1",
                                     "--passes",
                                     passes,
                                     setting->tree,
                                     id == CASE_plain ? "--no-record" : NULL,
                                     NULL};
    if (program_run(arguments, setting->text, sizeof setting->text) != 0) {
        return NAN;
    }
    double collected = 0;
    const char *at = setting->text;
    while ((at = strstr(at, "Collected :")) != NULL) {
        at += strlen("Collected :");
        collected += strtod(at, NULL);
    }
    return collected > 0 ? collected : NAN;
}

/* The difference of many passes and few leaves out what is done once. */
static void count_all_instructions(struct setting *setting)
{
    const bool is_made = !setting->options->no_valgrind && make_tree(setting);
    for (uint32_t id = 0; id < CASE_COUNT; id++) {
        setting->instructions[id] = NAN;
        if (is_made && !machine_is_interrupted()) {
            const double few = count_instructions(setting, (enum demo_case)id, PASSES_FEW);
            const double many =
                isnan(few) ? NAN : count_instructions(setting, (enum demo_case)id, PASSES_MANY);
            setting->instructions[id] = (many - few) / (PASSES_AHEAD * TREE_FILES);
        }
    }
    remove_tree(setting);
}

/* --- results ------------------------------------------------------------------------------------------------------------ */

#define FIELD(member, kind, heading, width, help)                                                            \
    REPORT_FIELD(struct demo_result, member, kind, heading, width, help)
#define OPTIONAL(member, kind, heading, width, help)                                                         \
    REPORT_OPTIONAL(struct demo_result, member, kind, heading, width, help)

static const struct report_field fields[] = {
    FIELD(wall_ms, NUMBER, "wall ms", 9, "of all files: the median over the rounds"),
    FIELD(wall_ms_min, NUMBER, "min", 9, "the least round"),
    FIELD(wall_ms_max, NUMBER, "max", 9, "the greatest round"),
    FIELD(cpu_ms, NUMBER, "cpu ms", 9, "CPU time of the workers: the median"),
    FIELD(
        wall_overhead, NUMBER, "wall +%", 8,
        "percent that recording adds to the wall time, by the run without it in the same round: the median"),
    FIELD(cpu_overhead, NUMBER, "cpu +%", 8, "the same of the workers' CPU time"),
    FIELD(instructions, NUMBER, "instr", 9,
          "of a file of 5,000 bytes, exactly, as callgrind counts them; null without valgrind"),
    FIELD(instruction_overhead, NUMBER, "instr +%", 8, "percent that recording adds to them"),
    OPTIONAL(agent_cpu_ms, NUMBER, "agent ms", 8, "CPU time of the agent during the run: the median"),
    FIELD(files, COUNT, NULL, 0, "of a run"),
    FIELD(bytes, COUNT, NULL, 0, "that they have"),
    OPTIONAL(records, COUNT, "records", 8, "of a run"),
};

static const struct report_table demo_table = {
    .fields = fields,
    .field_count = sizeof fields / sizeof fields[0],
};

static void sum_up(struct setting *setting, enum demo_case id, double wall_ratio, double cpu_ratio)
{
    const uint32_t rounds = setting->options->rounds;
    double *wall_us = setting->wall_us[id];
    struct demo_result result = {
        .line = {.name = names[id], .title = titles[id], .checked = "books", .conserved = setting->conserved},
        .wall_ms = rounds_median(wall_us, rounds) / 1e3, /* sorts them */
        .cpu_ms = rounds_median(setting->cpu_us[id], rounds) / 1e3,
        .wall_overhead = NAN,
        .cpu_overhead = NAN,
        .instruction_overhead = NAN,
        .instructions = setting->instructions[id],
        .agent_cpu_ms = NAN,
        .files = setting->files,
        .bytes = setting->bytes,
    };
    result.wall_ms_min = wall_us[0] / 1e3;
    result.wall_ms_max = wall_us[rounds - 1] / 1e3;
    if (id == CASE_recording) {
        result.wall_overhead = 100 * (wall_ratio - 1);
        result.cpu_overhead = 100 * (cpu_ratio - 1);
        result.instruction_overhead =
            100 * (setting->instructions[id] / setting->instructions[CASE_plain] - 1);
        result.agent_cpu_ms = rounds_median(setting->agent_us, rounds) / 1e3;
        result.records = setting->records;
    }
    report_row(setting->options, &setting->machine, &demo_table, &result.line, &result);
}

static void report(struct setting *setting)
{
    const uint32_t rounds = setting->options->rounds;
    char sentence[PATH_MAX + 160];
    (void)snprintf(sentence, sizeof sentence, "%u rounds over the files of %s; %u worker processes", rounds,
                   setting->options->dir, setting->options->workers);
    report_begin(setting->options, &setting->machine, sentence);
    report_head(setting->options, &demo_table);
    const double wall = rounds_ratio(setting->wall_us[CASE_recording], setting->wall_us[CASE_plain], rounds);
    const double cpu = rounds_ratio(setting->cpu_us[CASE_recording], setting->cpu_us[CASE_plain], rounds);
    for (uint32_t id = 0; id < CASE_COUNT; id++) {
        sum_up(setting, (enum demo_case)id, wall, cpu);
    }
}

/* --- all of it ---------------------------------------------------------------------------------------------------------- */

static bool set_up(struct setting *setting)
{
    const uint32_t rounds = setting->options->rounds;
    const struct fleet_plan nobody = {.store = STORE};
    bool has_memory = (setting->agent_us = calloc(rounds, sizeof(double))) != NULL;
    for (uint32_t id = 0; id < CASE_COUNT; id++) {
        setting->wall_us[id] = calloc(rounds, sizeof(double));
        setting->cpu_us[id] = calloc(rounds, sizeof(double));
        has_memory &= setting->wall_us[id] && setting->cpu_us[id];
    }
    if (!has_memory) {
        perror("slipring-bench");
        return false;
    }
    if (!program_beside("slipring-demo", sizeof setting->demo, setting->demo)) {
        fputs("slipring-bench: there is no slipring-demo beside slipring-bench\n", stderr);
        return false;
    }
    (void)snprintf(setting->tree, sizeof setting->tree, "%s/tree", setting->folder.path);
    return served_start(&setting->served, &setting->machine, &nobody);
}

static bool tear_down(struct setting *setting)
{
    for (uint32_t id = 0; id < CASE_COUNT; id++) {
        free(setting->wall_us[id]);
        free(setting->cpu_us[id]);
    }
    free(setting->agent_us);
    return served_stop(&setting->served);
}

static int measure(struct setting *setting)
{
    setting->conserved = true;
    for (uint32_t round = 0; round <= setting->options->rounds; round++) { /* the first one is to warm up */
        for (uint32_t id = 0; id < CASE_COUNT && !machine_is_interrupted(); id++) {
            if (!run_demo(setting, (enum demo_case)id, round == 0 ? 0 : round - 1)) {
                return BENCH_BAD;
            }
        }
    }
    count_all_instructions(setting);
    if (machine_is_interrupted()) {
        fputs("slipring-bench: interrupted\n", stderr);
        return BENCH_BAD;
    }
    report(setting);
    return setting->conserved ? BENCH_OK : BENCH_UNBALANCED;
}

static int run(const struct options *given)
{
    static struct setting setting;
    struct options options = *given;
    options.dir = options.dir ? options.dir : "/usr/share/doc";
    setting.options = &options;
    if (!machine_take(options.cpu, &setting.machine) || !folder_make(&setting.folder)) {
        return BENCH_BAD;
    }
    machine_catch_interrupts();
    int status = set_up(&setting) ? measure(&setting) : BENCH_BAD;
    if (!tear_down(&setting) && status == BENCH_OK) {
        status = BENCH_BAD;
    }
    setting.options = NULL;
    return folder_remove(&setting.folder) ? status : BENCH_BAD;
}

static const struct option_use uses[] = {
    {OPTION_rounds, 5, NULL},
    {OPTION_dir, 0, "Default: /usr/share/doc."},
    {OPTION_workers, 1, NULL},
    {OPTION_no_valgrind, 0, NULL},
};

static const struct report_table *const tables[] = {&demo_table};

const struct benchmark bench_demo = {
    .name = "demo",
    .summary = "a program that really works, slipring-demo, with recording on and off",
    .about = "What recording adds to the wall time and CPU time of slipring-demo, which reads, compresses "
             "and hashes "
             "files: with and without it in alternating rounds. Where valgrind is installed, the "
             "instructions of one "
             "file are counted too.\n",
    .example = "slipring-bench demo --rounds 11 --dir /usr/share/doc",
    .options = uses,
    .option_count = sizeof uses / sizeof uses[0],
    .tables = tables,
    .table_count = sizeof tables / sizeof tables[0],
    .run = run,
};
