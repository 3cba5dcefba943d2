/* SPDX-License-Identifier: Apache-2.0 */
/* The budgets, and how far what was measured is from them: runs the other benchmarks, each as a process of its own, and takes the
 * figures that have a budget out of their JSON. A missed one is a row that says so, and no failure. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "program.h"

#define TEXT_BYTES    ((size_t)1 << 16)
#define ARGUMENTS_MAX 24u
#define FROM_BYTES    96u

enum budget_run_id {
#define BUDGET_RUN(id, ...) RUN_##id,
#include "budget_runs.def"
#undef BUDGET_RUN
    RUN_COUNT,
};

enum budget_bound { AT_MOST, AT_LEAST };

static const struct run_plan {
    const char *benchmark;
    const char *options[8]; /* ended by NULL */
} run_plans[RUN_COUNT] = {
#define BUDGET_RUN(id, ...) [RUN_##id] = {#id, {__VA_ARGS__}},
#include "budget_runs.def"
#undef BUDGET_RUN
};

static const struct row_plan {
    const char *name, *title, *unit;
    const char *of, *less, *field;
    double budget, moonshot;
    enum budget_run_id run;
    enum budget_bound bound;
} row_plans[] = {
#define BUDGET_ROW(id, title, unit, run, of, less, field, bound, budget, moonshot)                           \
    {#id, (title), (unit), (of), (less), (field), (budget), (moonshot), RUN_##run, (bound)},
#include "budget_rows.def"
#undef BUDGET_ROW
};

#define ROW_COUNT ((uint32_t)(sizeof row_plans / sizeof row_plans[0]))

static const char *const names[ROW_COUNT] = {
#define BUDGET_ROW(id, title, unit, run, of, less, field, bound, budget, moonshot) #id,
#include "budget_rows.def"
#undef BUDGET_ROW
};

struct run_output {
    bool is_done;
    int status;
    char text[TEXT_BYTES];
};

struct setting {
    const struct options *options;
    struct machine machine;
    char program[4096];
    struct run_output outputs[RUN_COUNT];
};

struct budget_result {
    struct report_line line;
    double measured, budget, moonshot;
    const char *unit, *verdict, *bound, *from;
};

/* --- a run ---------------------------------------------------------------------------------------------------------------- */

struct arguments {
    uint32_t count;
    const char *list[ARGUMENTS_MAX + 1];
    char numbers[2][16];
};

static void add(struct arguments *arguments, const char *text)
{
    if (text && arguments->count < ARGUMENTS_MAX) {
        arguments->list[arguments->count++] = text;
    }
}

static void add_number(struct arguments *arguments, uint32_t place, const char *name, uint32_t number)
{
    (void)snprintf(arguments->numbers[place], sizeof arguments->numbers[place], "%u", number);
    add(arguments, name);
    add(arguments, arguments->numbers[place]);
}

/* The benchmark's process to its end. Its output stays for all rows that are taken from it. */
static const struct run_output *run_once(struct setting *setting, enum budget_run_id id)
{
    const struct options *options = setting->options;
    struct run_output *output = &setting->outputs[id];
    struct arguments arguments = {0};
    if (output->is_done) {
        return output;
    }
    add(&arguments, setting->program);
    add(&arguments, run_plans[id].benchmark);
    add(&arguments, "--json");
    for (uint32_t i = 0; run_plans[id].options[i]; i++) {
        add(&arguments, run_plans[id].options[i]);
    }
    add_number(&arguments, 0, "--rounds", options->rounds);
    if (options->cpu != OPTIONS_CPU_ANY) {
        add_number(&arguments, 1, "--cpu", options->cpu);
    }
    if (id == RUN_demo) {
        add(&arguments, options->dir ? "--dir" : NULL);
        add(&arguments, options->dir);
        add(&arguments, options->no_valgrind ? "--no-valgrind" : NULL);
    }
    output->status = program_run(arguments.list, output->text, sizeof output->text);
    output->is_done = true;
    if (output->status != BENCH_OK) {
        fprintf(stderr, "slipring-bench: budget: %s: exit status %d: %s\n", run_plans[id].benchmark,
                output->status, output->text);
    }
    return output;
}

/* --- a figure out of its JSON --------------------------------------------------------------------------------------------- */

/* Where the value of `"key":` begins in the line of the case. NULL: there is no such line, or no such key. */
static const char *find_value(const char *text, const char *of, const char *key)
{
    char name[64];
    char member[64];
    (void)snprintf(name, sizeof name, "\"name\":\"%s\"", of);
    (void)snprintf(member, sizeof member, "\"%s\":", key);
    const char *line = strstr(text, name);
    const char *value = line ? strstr(line, member) : NULL;
    return value && value < line + strcspn(line, "\n") ? value + strlen(member) : NULL;
}

/* NaN: it was not measured. */
static double find_number(const char *text, const char *of, const char *key)
{
    const char *value = find_value(text, of, key);
    char *end = NULL;
    const double number = value ? strtod(value, &end) : NAN;
    return end != value ? number : NAN;
}

/* Where its run looked for what was recorded. */
static const char *find_checked(const char *text, const char *of)
{
    const char *value = find_value(text, of, "checked");
    if (!value) {
        return "nothing";
    }
    return strncmp(value, "\"books\"", 7) == 0     ? "books"
           : strncmp(value, "\"segment\"", 9) == 0 ? "segment"
                                                   : "private";
}

static double measured_of(const struct row_plan *plan, const char *text)
{
    const double figure = find_number(text, plan->of, plan->field);
    return plan->less ? figure - find_number(text, plan->less, plan->field) : figure;
}

static bool is_kept(enum budget_bound bound, double measured, double limit)
{
    return bound == AT_MOST ? measured <= limit : measured >= limit;
}

/* NULL: nothing to say. */
static const char *verdict_of(const struct row_plan *plan, double measured)
{
    if (isnan(measured) || isnan(plan->budget)) {
        return NULL;
    }
    if (is_kept(plan->bound, measured, plan->moonshot)) { /* never with NaN */
        return "moonshot";
    }
    return is_kept(plan->bound, measured, plan->budget) ? "met" : "missed";
}

/* --- results -------------------------------------------------------------------------------------------------------------- */

#define FIELD(member, kind, heading, width, help)                                                            \
    REPORT_FIELD(struct budget_result, member, kind, heading, width, help)

static const struct report_field fields[] = {
    FIELD(measured, NUMBER, "measured", 9, "in this run; null when it could not be measured here"),
    FIELD(unit, TEXT, "unit", 7, "of the three figures"),
    FIELD(bound, TEXT, "has to be", 9, "at most, or at least"),
    FIELD(budget, NUMBER, "budget", 8, "null: none, the figure is there for comparison"),
    FIELD(moonshot, NUMBER, "moonshot", 8, "what would be better than that; null: there is none"),
    FIELD(verdict, TEXT, "verdict", 9, "moonshot, met, missed; null without a budget or a figure"),
    FIELD(from, TEXT, NULL, 0, "benchmark, case and field that it was taken from"),
};

static const struct report_table budget_table = {
    .fields = fields,
    .field_count = sizeof fields / sizeof fields[0],
};

static int worse(int a, int b)
{
    return a == BENCH_UNBALANCED || b == BENCH_UNBALANCED ? BENCH_UNBALANCED : a > b ? a : b;
}

/* Returns BENCH_OK, whatever the figure is. */
static int do_row(struct setting *setting, const struct row_plan *plan)
{
    const struct run_output *output = run_once(setting, plan->run);
    char from[FROM_BYTES];
    (void)snprintf(from, sizeof from, "%s %s%s%s %s", run_plans[plan->run].benchmark, plan->of,
                   plan->less ? " less " : "", plan->less ? plan->less : "", plan->field);
    const double measured = output->status == BENCH_BAD ? NAN : measured_of(plan, output->text);
    const struct budget_result result = {
        .line = {plan->name, plan->title, find_checked(output->text, plan->of),
                 output->status != BENCH_UNBALANCED},
        .measured = measured,
        .budget = plan->budget,
        .moonshot = plan->moonshot,
        .unit = plan->unit,
        .verdict = verdict_of(plan, measured),
        .bound = plan->bound == AT_MOST ? "at most" : "at least",
        .from = from,
    };
    report_row(setting->options, &setting->machine, &budget_table, &result.line, &result);
    if (output->status == BENCH_OK || output->status == BENCH_UNBALANCED) {
        return output->status;
    }
    return BENCH_BAD;
}

static int run(const struct options *options)
{
    static struct setting setting;
    int status = BENCH_OK;
    setting.options = options;
    if (!options_only_is_known(options, names, ROW_COUNT) || !machine_take(options->cpu, &setting.machine)) {
        return BENCH_BAD;
    }
    machine_unpin(&setting.machine); /* the benchmarks pin themselves */
    machine_catch_interrupts();
    if (!program_beside("slipring-bench", sizeof setting.program, setting.program)) {
        fputs("slipring-bench: cannot find itself\n", stderr);
        return BENCH_BAD;
    }
    report_begin(options, &setting.machine, "what has a budget, from runs of the other benchmarks");
    report_head(options, &budget_table);
    for (uint32_t i = 0; i < ROW_COUNT && !machine_is_interrupted(); i++) {
        if (options_wants(options, row_plans[i].name)) {
            status = worse(status, do_row(&setting, &row_plans[i]));
        }
    }
    if (machine_is_interrupted()) {
        fputs("slipring-bench: interrupted\n", stderr);
        return BENCH_BAD;
    }
    return status;
}

static const struct option_use uses[] = {
    {OPTION_rounds, 7, "Here: of each benchmark."},
    {OPTION_dir, 0, "Of demo. Default: /usr/share/doc."},
    {OPTION_no_valgrind, 0, NULL},
    {OPTION_only, 0,
     "See bench/budget_rows.def for what they are; only the benchmarks that they are taken from are run."},
};

static const struct report_table *const tables[] = {&budget_table};

const struct benchmark bench_budget = {
    .name = "budget",
    .summary = "every figure that has a budget, beside it: runs the other benchmarks",
    .about =
        "Runs the other benchmarks, with the cases that have a budget, and shows each of these figures "
        "beside its budget. A missed budget is a row that says so; the exit status is 1 only when one of "
        "the runs did not find again what it had recorded. Takes some minutes: the idle agent alone is left "
        "in peace for more than one.\n",
    .example = "slipring-bench budget --only spill,ring,begin_end",
    .options = uses,
    .option_count = sizeof uses / sizeof uses[0],
    .tables = tables,
    .table_count = sizeof tables / sizeof tables[0],
    .run = run,
};
