/* SPDX-License-Identifier: Apache-2.0 */
/* Many producers at once: what a record costs each of them, and how much they get done together.
 *
 * A task is a kind and a number of producers. The crews are started once; a round lets each task run for the same time, one after
 * the other, so that one and many producers are seconds apart at most. Each task has a primitive of its own. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "daemon.h"
#include "folder.h"
#include "ledger.h"
#include "machine.h"
#include "private_books.h"
#include "producers.h"
#include "rounds.h"
#include "scale_result.h"

#define STORE "scale"
#define CHUNK 256u /* records between two looks whether the round is over */

enum scale_kind { SCALE_PROCESSES, SCALE_THREADS, SCALE_PRIVATE, SCALE_KINDS };
static const char *const kinds[SCALE_KINDS] = {"processes", "threads", "private"};

#define TASKS_MAX (SCALE_KINDS * OPTIONS_LIST_MAX)

struct task {
    enum scale_kind kind;
    uint32_t count;
    char name[32];
    struct ledger ledger;
    double *per_second, *ns_cpu, *ns_wall; /* a round each */
};

/* What a producer shows of itself: by task. */
struct display {
    uint64_t recorded[TASKS_MAX];
    bool is_lost; /* its private books did not balance */
};

struct setting {
    const struct options *options;
    struct machine machine;
    struct samples samples;
    struct daemon daemon;
    struct producers processes, threads;
    struct private_books *books; /* of a process of the crew: its own copy */
    uint32_t task_count;
    struct task tasks[TASKS_MAX];
};

/* --- a producer ----------------------------------------------------------------------------------------------------------- */

static uint64_t record(const struct setting *setting, struct producer *producer,
                       struct slipring_primitive *primitive, uint64_t from)
{
    uint64_t at = from;
    do { /* once at least: one that gets no processor in time has figures all the same */
        for (const uint64_t end = at + CHUNK; at < end; at++) {
            const struct sample *sample = samples_at(&setting->samples, at);
            slipring_record(primitive, sample->duration_ns, (enum slipring_outcome)sample->outcome, NULL);
            machine_settle();
        }
    } while (!producers_is_over(producer));
    return at - from;
}

static uint64_t book(const struct setting *setting, struct producer *producer, uint64_t from)
{
    uint64_t at = from;
    do { /* once at least: one that gets no processor in time has figures all the same */
        for (const uint64_t end = at + CHUNK; at < end; at++) {
            const struct sample *sample = samples_at(&setting->samples, at);
            private_books_record(setting->books, sample->duration_ns, sample->outcome, NULL);
            machine_settle();
        }
    } while (!producers_is_over(producer));
    return at - from;
}

static bool is_balanced(const struct setting *setting, uint64_t from, uint64_t count)
{
    struct tally expected = {0};
    struct tally found;
    tally_add(&expected, &setting->samples, from, count, NULL);
    private_books_sum(setting->books, &found);
    return tally_equals(&expected, &found);
}

static void work(void *context, struct producer *producer, uint32_t task)
{
    const struct setting *setting = context;
    struct display *display = producer->shared;
    const uint64_t from = display->recorded[task];
    const bool is_private = setting->tasks[task].kind == SCALE_PRIVATE;
    if (is_private) {
        private_books_clear(setting->books);
    }
    producers_begin(producer);
    producer->records = is_private ? book(setting, producer, from)
                                   : record(setting, producer, setting->tasks[task].ledger.primitive, from);
    producers_end(producer);
    display->recorded[task] += producer->records;
    display->is_lost |= is_private && !is_balanced(setting, from, producer->records);
}

/* --- setting up ----------------------------------------------------------------------------------------------------------- */

/* One, and doubling up to twice as many as there are processors, and twice that. */
static void usual_counts(const struct machine *machine, struct option_list *out_list)
{
    out_list->count = 0;
    for (uint32_t count = 1; count <= 4 * machine->cpu_count && count <= PRODUCERS_MAX; count *= 2) {
        out_list->values[out_list->count++] = count;
    }
}

static bool add_task(struct setting *setting, enum scale_kind kind, uint32_t count)
{
    const uint32_t rounds = setting->options->rounds;
    struct task *task = &setting->tasks[setting->task_count];
    *task = (struct task){.kind = kind,
                          .count = count,
                          .per_second = calloc(rounds, sizeof(double)),
                          .ns_cpu = calloc(rounds, sizeof(double)),
                          .ns_wall = calloc(rounds, sizeof(double))};
    (void)snprintf(task->name, sizeof task->name, "%s_%u", kinds[kind], count);
    setting->task_count++;
    if (!task->per_second || !task->ns_cpu || !task->ns_wall) {
        perror("slipring-bench");
        return false;
    }
    return kind == SCALE_PRIVATE || ledger_open(&task->ledger, STORE, task->name);
}

static bool start_crews(struct setting *setting, uint32_t most)
{
    const struct producers crew = {
        .count = most,
        .work = work,
        .context = setting,
        .machine = &setting->machine,
        .area_bytes = sizeof(struct display),
    };
    setting->processes = crew;
    setting->processes.are_processes = true;
    setting->threads = crew;
    return producers_start(&setting->processes) &&
           (!options_wants(setting->options, kinds[SCALE_THREADS]) || producers_start(&setting->threads));
}

static bool set_up(struct setting *setting)
{
    struct option_list counts = setting->options->producers;
    uint32_t most = 0;
    if (counts.count == 0) {
        usual_counts(&setting->machine, &counts);
    }
    setting->books = calloc(1, sizeof *setting->books);
    for (uint32_t i = 0; i < counts.count; i++) {
        most = counts.values[i] > most ? counts.values[i] : most;
        for (uint32_t kind = 0; kind < SCALE_KINDS; kind++) {
            if (options_wants(setting->options, kinds[kind]) &&
                !add_task(setting, (enum scale_kind)kind, counts.values[i])) {
                return false;
            }
        }
    }
    return setting->books && start_crews(setting, most);
}

static struct producers *crew_of(struct setting *setting, const struct task *task)
{
    return task->kind == SCALE_THREADS ? &setting->threads : &setting->processes;
}

/* --- rounds --------------------------------------------------------------------------------------------------------------- */

static bool run_task(struct setting *setting, uint32_t id, struct producers_round *out_round)
{
    const struct task *task = &setting->tasks[id];
    struct producers *crew = crew_of(setting, task);
    producers_begin_round(crew, task->count, id);
    machine_sleep_ms(setting->options->span);
    return producers_end_round(crew, task->count, out_round);
}

static bool run_rounds(struct setting *setting)
{
    struct producers_round round;
    for (uint32_t id = 0; id < setting->task_count; id++) {
        if (!run_task(setting, id,
                      &round)) { /* attaches, claims rings, is offered larger ones: not counted */
            return false;
        }
    }
    for (uint32_t i = 0; i < setting->options->rounds; i++) {
        for (uint32_t id = 0; id < setting->task_count; id++) {
            struct task *task = &setting->tasks[id];
            if (!run_task(setting, id, &round)) {
                return false;
            }
            const double records = (double)round.records;
            task->per_second[i] = records / ((double)round.wall_ns / 1e9);
            task->ns_wall[i] = (double)round.wall_ns * task->count / records;
            task->ns_cpu[i] = (double)round.cpu_ns / records;
        }
    }
    return true;
}

/* --- results -------------------------------------------------------------------------------------------------------------- */

static bool check(struct setting *setting, uint32_t id, struct scale_result *result)
{
    struct task *task = &setting->tasks[id];
    const struct producers *crew = crew_of(setting, task);
    struct tally expected = {0};
    struct ledger_found found = {0};
    bool is_balanced_all = true;
    for (uint32_t i = 0; i < task->count; i++) {
        const struct display *display = producers_at(crew, i)->shared;
        tally_add(&expected, &setting->samples, 0, display->recorded[id], NULL);
        is_balanced_all &= !display->is_lost;
    }
    result->n = expected.count;
    if (task->kind == SCALE_PRIVATE) {
        return is_balanced_all;
    }
    const bool is_agreed = ledger_agree(&task->ledger, &expected, true, &found);
    result->spill_share = (double)found.spilled / (double)expected.count;
    return is_agreed;
}

/* The task of that kind and count. NULL: it was not run. */
static const struct task *find_task(const struct setting *setting, enum scale_kind kind, uint32_t count)
{
    for (uint32_t id = 0; id < setting->task_count; id++) {
        if (setting->tasks[id].kind == kind && setting->tasks[id].count == count) {
            return &setting->tasks[id];
        }
    }
    return NULL;
}

/* Of all tasks before the medians are taken, which sort the rounds. */
static void fill_ratios(const struct setting *setting, uint32_t id, struct scale_result *result)
{
    const uint32_t rounds = setting->options->rounds;
    const struct task *task = &setting->tasks[id];
    const struct task *one = find_task(setting, task->kind, 1);
    const struct task *same = find_task(setting, SCALE_PRIVATE, task->count);
    result->ratio_one = rounds_ratio(task->per_second, one ? one->per_second : NULL, rounds);
    result->ratio_cpu_one = rounds_ratio(task->ns_cpu, one ? one->ns_cpu : NULL, rounds);
    result->ratio_same_books = rounds_ratio(task->ns_cpu, same ? same->ns_cpu : NULL, rounds);
}

static void fill_medians(const struct setting *setting, uint32_t id, struct scale_result *result)
{
    const uint32_t rounds = setting->options->rounds;
    const struct task *task = &setting->tasks[id];
    const uint32_t cpus = setting->machine.is_pinned ? setting->machine.cpu_count : 1;
    result->line.name = task->name;
    result->line.checked = task->kind == SCALE_PRIVATE ? "private" : "books";
    result->kind = kinds[task->kind];
    result->producers = task->count;
    result->cpus = task->count < cpus ? task->count : cpus;
    result->records_per_second = rounds_median(task->per_second, rounds);
    result->ns_wall = rounds_median(task->ns_wall, rounds);
    result->ns_cpu = rounds_median(task->ns_cpu, rounds);
    result->ns_cpu_min = task->ns_cpu[0];
    result->ns_cpu_max = task->ns_cpu[rounds - 1];
    result->spill_share = NAN;
}

static bool report(struct setting *setting)
{
    static struct scale_result results[TASKS_MAX];
    char sentence[128];
    bool conserved = true;
    (void)snprintf(sentence, sizeof sentence, "%u rounds of %u ms for each, at full speed, slipringd drains",
                   setting->options->rounds, setting->options->span);
    report_begin(setting->options, &setting->machine, sentence);
    report_head(setting->options, &scale_table);
    for (uint32_t id = 0; id < setting->task_count; id++) {
        fill_ratios(setting, id, &results[id]);
    }
    for (uint32_t kind = 0; kind < SCALE_KINDS; kind++) {
        for (uint32_t id = 0; id < setting->task_count; id++) {
            struct scale_result *result = &results[id];
            if (setting->tasks[id].kind == kind) {
                fill_medians(setting, id, result);
                result->line.conserved = check(setting, id, result);
                conserved &= result->line.conserved;
                report_row(setting->options, &setting->machine, &scale_table, &result->line, result);
            }
        }
    }
    return conserved;
}

static int measure(struct setting *setting)
{
    int status = BENCH_BAD;
    if (set_up(setting) && run_rounds(setting)) {
        status = report(setting) ? BENCH_OK : BENCH_UNBALANCED;
    } else if (machine_is_interrupted()) {
        fputs("slipring-bench: interrupted\n", stderr);
    }
    const bool threads_ended = producers_stop(&setting->threads);
    if (!producers_stop(&setting->processes) || !threads_ended) {
        status = BENCH_BAD;
    }
    for (uint32_t id = 0; id < setting->task_count; id++) {
        free(setting->tasks[id].per_second);
        free(setting->tasks[id].ns_cpu);
        free(setting->tasks[id].ns_wall);
    }
    free(setting->books);
    return status;
}

static int run(const struct options *options)
{
    static struct setting setting;
    static struct folder folder;
    setting.options = options;
    samples_make(&setting.samples);
    if (!daemon_is_built()) {
        fputs("slipring-bench: scale needs a slipringd beside slipring-bench\n", stderr);
        return BENCH_BAD;
    }
    if (!options_only_is_known(options, kinds, SCALE_KINDS) ||
        !machine_take(options->cpu, &setting.machine) || !folder_make(&folder)) {
        return BENCH_BAD;
    }
    machine_catch_interrupts();
    machine_unpin(&setting.machine);
    int status = BENCH_BAD;
    if (daemon_start(&setting.daemon, STORE, setting.machine.consumer_cpu, setting.machine.is_pinned)) {
        status = measure(&setting);
    }
    if (!daemon_stop(&setting.daemon) && status == BENCH_OK) {
        status = BENCH_BAD;
    }
    return folder_remove(&folder) ? status : BENCH_BAD;
}

static const struct option_use uses[] = {
    {OPTION_rounds, 7, NULL},
    {OPTION_span, 100, NULL},
    {OPTION_producers, 0, "Default: 1, 2, 4 and so on, up to four times the processors."},
    {OPTION_only, 0, "The cases are processes, threads and private."},
};

static const struct report_table *const tables[] = {&scale_table};

const struct benchmark bench_scale = {
    .name = "scale",
    .summary = "1 to N producers at once, more than there are processors too",
    .about = "Processes, and threads of one process, record at full speed into one primitive, each through a "
             "ring of its "
             "own, while slipringd drains: what they get done together, and what a record costs each. Beside "
             "them as "
             "many processes book the same samples in private memory and share nothing: what these lose by "
             "being many, "
             "the machine takes.\n",
    .example = "slipring-bench scale --producers 1,2,8",
    .options = uses,
    .option_count = sizeof uses / sizeof uses[0],
    .tables = tables,
    .table_count = sizeof tables / sizeof tables[0],
    .run = run,
};
