/* SPDX-License-Identifier: Apache-2.0 */
/* What books on disk cost: how many bytes are written a day, and how long the drain stands still for it. A real agent with a folder,
 * and producers that record all of its primitives, or ten. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "folder.h"
#include "served.h"

enum checkpoint_case {
#define CHECKPOINT_CASE(id, title, changing) CASE_##id,
#include "checkpoint_cases.def"
#undef CHECKPOINT_CASE
    CASE_COUNT,
};

static const struct case_plan {
    const char *title;
    uint32_t changing;
} plans[CASE_COUNT] = {
#define CHECKPOINT_CASE(id, title, changing) [CASE_##id] = {(title), (changing)},
#include "checkpoint_cases.def"
#undef CHECKPOINT_CASE
};

static const char *const names[CASE_COUNT] = {
#define CHECKPOINT_CASE(id, title, changing) [CASE_##id] = #id,
#include "checkpoint_cases.def"
#undef CHECKPOINT_CASE
};

#define SAMPLES_EACH 20u /* a second */
#define FULL_EVERY_S 20u
#define LOOK_MS      100u
#define RECENT_A_DAY (8640u - 288u) /* every ten seconds, but for those that are full: */
#define FULL_A_DAY   288u           /* every five minutes */
#define MEGABYTE     1e6

struct setting {
    const struct options *options;
    struct machine machine;
    struct samples samples;
    uint32_t primitives;
    char folder[PATH_MAX];
    char config[PATH_MAX + 16];
};

struct checkpoint_result {
    struct report_line line;
    double stall_ms;
    double write_ms;
    uint64_t recent_bytes;
    uint64_t full_bytes;
    double recent_megabytes_a_day;
    double full_megabytes_a_day;
    uint64_t primitives;
    uint64_t changing;
    uint64_t seconds;
};

/* --- the folder ----------------------------------------------------------------------------------------------------------- */

static bool make_folder(struct setting *setting)
{
    const char *parent = setting->options->dir ? setting->options->dir : "/var/tmp";
    const int length = snprintf(setting->folder, sizeof setting->folder, "%s/slipring-bench-XXXXXX", parent);
    if (length < 0 || (size_t)length >= sizeof setting->folder || !mkdtemp(setting->folder)) {
        fprintf(stderr, "slipring-bench: no folder can be made in %s\n", parent);
        return false;
    }
    return true;
}

/* Files come sooner after each other than they do by themselves, and are as large. */
static bool write_config(struct setting *setting)
{
    (void)snprintf(setting->config, sizeof setting->config, "%s/slipring.yaml", setting->folder);
    FILE *file = fopen(setting->config, "w");
    if (!file) {
        perror("slipring-bench");
        return false;
    }
    const bool is_written = fprintf(file, "checkpoint: {folder: %s, totals_every: 2s, slices_every: %us}\n",
                                    setting->folder, FULL_EVERY_S) > 0;
    return fclose(file) == 0 && is_written;
}

static bool remove_files(const struct setting *setting, bool with_folder)
{
    DIR *list = opendir(setting->folder);
    const struct dirent *entry;
    while (list && (entry = readdir(list)) != NULL) {
        if (entry->d_type != DT_DIR && (with_folder || strstr(entry->d_name, ".yaml") == NULL)) {
            (void)unlinkat(dirfd(list), entry->d_name, 0); /* a file that stays is found by rmdir() */
        }
    }
    if (list) {
        (void)closedir(list);
    }
    return !with_folder || rmdir(setting->folder) == 0;
}

static uint64_t size_of(const struct setting *setting, const char *store, const char *kind)
{
    char path[PATH_MAX + 64];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/%s.%s", setting->folder, store, kind);
    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* --- a case --------------------------------------------------------------------------------------------------------------- */

/* The longest stall and the longest writing since the last look. */
static void look(struct served *served, struct checkpoint_result *result)
{
    struct sr_agent_figures figures;
    if (sr_stats_agent_figures(served->stats, &figures) != SLIPRING_OK) {
        return;
    }
    const double stall_ms = (double)figures.checkpoint_stall_ns / 1e6;
    const double write_ms = (double)figures.checkpoint_ns / 1e6;
    result->stall_ms = stall_ms > result->stall_ms ? stall_ms : result->stall_ms;
    result->write_ms = write_ms > result->write_ms ? write_ms : result->write_ms;
}

static bool load(struct setting *setting, struct served *served, struct fleet *fleet,
                 struct checkpoint_result *result)
{
    for (uint32_t second = 0; second < setting->options->seconds && !machine_is_interrupted(); second++) {
        if (!fleet_record(fleet, SAMPLES_EACH)) {
            return false;
        }
        for (uint32_t i = 0; i < 1000 / LOOK_MS; i++) {
            machine_sleep_ms(LOOK_MS);
            look(served, result);
        }
        /* By then all that the fleet recorded first is in a full file; or there is no more time. */
        const bool is_late = second > FULL_EVERY_S + 5 || second + 1 == setting->options->seconds;
        const uint64_t bytes = is_late ? size_of(setting, served->store, "recent") : 0;
        result->recent_bytes = bytes > result->recent_bytes ? bytes : result->recent_bytes;
    }
    return !machine_is_interrupted();
}

/* The fleet registers them all and records each once; who changes them is it, or another one of fewer. */
static bool play(struct setting *setting, enum checkpoint_case id, struct checkpoint_result *result)
{
    struct served served = {.store = NULL};
    struct fleet few = {.position = 0};
    const struct fleet_plan all = {.store = names[id],
                                   .samples = &setting->samples,
                                   .processes = 1,
                                   .threads = 1,
                                   .primitives = setting->primitives,
                                   .config = setting->config};
    struct fleet_plan ten = all;
    ten.primitives = plans[id].changing;
    bool is_good = served_start(&served, &setting->machine, &all) && fleet_record(&served.fleet, 1) &&
                   (ten.primitives == 0 || fleet_start(&few, &ten));
    is_good = is_good && load(setting, &served, ten.primitives != 0 ? &few : &served.fleet, result);
    if (is_good) {
        struct tally expected = served.fleet.expected;
        tally_add_times(&expected, &few.expected, 1);
        result->line.conserved = booked_await(served.stats, served.store, &expected);
    }
    is_good = (ten.primitives == 0 || fleet_stop(&few)) && is_good;
    is_good = served_stop(&served) && is_good;
    result->full_bytes = size_of(setting, names[id], "full");
    return remove_files(setting, false) && is_good;
}

/* --- results -------------------------------------------------------------------------------------------------------------- */

#define FIELD(member, kind, heading, width, help)                                                            \
    REPORT_FIELD(struct checkpoint_result, member, kind, heading, width, help)

static const struct report_field fields[] = {
    FIELD(stall_ms, NUMBER, "stall ms", 9,
          "the longest time that the drain stood still for a part of a file"),
    FIELD(write_ms, NUMBER, "write ms", 9, "the longest time that a file took, by a thread of its own"),
    FIELD(recent_bytes, COUNT, "recent B", 10, "of a file of what changed, the largest one"),
    FIELD(full_bytes, COUNT, "full B", 10, "of the file of everything, when the agent ended"),
    FIELD(recent_megabytes_a_day, NUMBER, "MB/day", 9, "of the former, every ten seconds: 8,352 of them"),
    FIELD(full_megabytes_a_day, NUMBER, "full MB/day", 12,
          "of the latter, every five minutes: 288 of them; windows that are full for as long as they are "
          "take more"),
    FIELD(primitives, COUNT, NULL, 0, "registered"),
    FIELD(changing, COUNT, "changing", 9, "recorded every second"),
    FIELD(seconds, COUNT, NULL, 0, "of the case"),
};

static const struct report_table checkpoint_table = {
    .fields = fields,
    .field_count = sizeof fields / sizeof fields[0],
};

static int measure(struct setting *setting)
{
    char sentence[160];
    int status = BENCH_OK;
    (void)snprintf(sentence, sizeof sentence,
                   "%u primitives, two objectives each, %u samples a second of those that change; %u s",
                   setting->primitives, SAMPLES_EACH, setting->options->seconds);
    report_begin(setting->options, &setting->machine, sentence);
    report_head(setting->options, &checkpoint_table);
    for (uint32_t id = 0; id < CASE_COUNT; id++) {
        if (!options_wants(setting->options, names[id])) {
            continue;
        }
        struct checkpoint_result result = {
            .line = {.name = names[id], .title = plans[id].title, .checked = "books"},
            .primitives = setting->primitives,
            .changing = plans[id].changing != 0 ? plans[id].changing : setting->primitives,
            .seconds = setting->options->seconds};
        if (!play(setting, (enum checkpoint_case)id, &result)) {
            return BENCH_BAD;
        }
        result.recent_megabytes_a_day = (double)result.recent_bytes * RECENT_A_DAY / MEGABYTE;
        result.full_megabytes_a_day = (double)result.full_bytes * FULL_A_DAY / MEGABYTE;
        report_row(setting->options, &setting->machine, &checkpoint_table, &result.line, &result);
        status = result.line.conserved ? status : BENCH_UNBALANCED;
    }
    return status;
}

static int run(const struct options *options)
{
    static struct setting setting;
    static struct folder folder;
    setting.options = options;
    samples_make(&setting.samples);
    if (options->primitives.count > 1) {
        fputs("slipring-bench: --primitives: checkpoint takes one number\n", stderr);
        return BENCH_BAD;
    }
    setting.primitives = options->primitives.count == 1 ? options->primitives.values[0] : 1000;
    if (!options_only_is_known(options, names, CASE_COUNT) || !machine_take(options->cpu, &setting.machine) ||
        !folder_make(&folder)) {
        return BENCH_BAD;
    }
    machine_catch_interrupts();
    int status = BENCH_BAD;
    if (make_folder(&setting)) {
        status = write_config(&setting) ? measure(&setting) : BENCH_BAD;
        status = remove_files(&setting, true) ? status : BENCH_BAD;
    }
    return folder_remove(&folder) ? status : BENCH_BAD;
}

static const struct option_use uses[] = {
    {OPTION_seconds, 60, "Of each case, more than 25."},
    {OPTION_primitives, 0, "Here one number. Default: 1000."},
    {OPTION_dir, 0, "Where the checkpoints lie. Default: /var/tmp."},
    {OPTION_only, 0, "See bench/checkpoint_cases.def for what they are."},
};

static const struct report_table *const tables[] = {&checkpoint_table};

const struct benchmark bench_checkpoint = {
    .name = "checkpoint",
    .summary = "books on disk: bytes a day, and how long the drain stands still for them",
    .about = "What `slipringd --checkpoint` costs with 1,000 primitives: how many bytes it writes a day, and "
             "how long the "
             "drain stands still while a part of the books is copied. Writing is another thread's.\n",
    .example = "slipring-bench checkpoint --seconds 30 --only ten",
    .options = uses,
    .option_count = sizeof uses / sizeof uses[0],
    .tables = tables,
    .table_count = sizeof tables / sizeof tables[0],
    .run = run,
};
