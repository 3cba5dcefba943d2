/* SPDX-License-Identifier: Apache-2.0 */
/* What reading one's own figures back costs: the cases of readback_cases.def in alternating rounds, while another process
 * records and the agent publishes. Every copy is looked at: one that is torn adds up to something else. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "feeder.h"
#include "folder.h"
#include "ledger.h"
#include "rounds.h"
#include "served.h"

enum readback_case {
#define READBACK_CASE(id, title, yardstick) CASE_##id,
#include "readback_cases.def"
#undef READBACK_CASE
    CASE_COUNT,
};

static const char *const names[CASE_COUNT] = {
#define READBACK_CASE(id, title, yardstick) [CASE_##id] = #id,
#include "readback_cases.def"
#undef READBACK_CASE
};

#define STORE      "readback"
#define PRIMITIVE  "readback"
#define COLD_READS 100u /* of a round: each is timed by itself */
#define COLD_BYTES ((size_t)4 << 20)
#define LINE_BYTES 64u
#define OBJECTIVES 2u

struct view {
    struct slipring_stats stats;
    struct slipring_stats_detail detail;
};

struct setting {
    const struct options *options;
    struct machine machine;
    struct served served;
    struct feeder feeder;
    struct ledger ledger;
    struct view view, source; /* read into; what is copied where nothing is read */
    struct slipring_slo_stats slo;
    uint8_t *cold;
    uint64_t reads, torn, failed;
    uint64_t publishings; /* seen going by */
    struct run {
        bool is_wanted;
        uint64_t reads;
        double *ns; /* of one, a round each */
    } runs[CASE_COUNT];
};

struct readback_result {
    struct report_line line;
    double ns, ns_min, ns_max;
    double ratio_copy, ratio_two_clocks;
    uint64_t bytes, n, publishings, torn;
};

/* --- the loops that are timed ------------------------------------------------------------------------------------------- */

typedef void read_body(struct setting *setting);

/* What a reader does with it; and a copy made of two has a count and a sum of two moments. */
static inline __attribute__((always_inline)) void look(struct setting *setting)
{
    const struct slipring_stats *stats = &setting->view.stats;
    setting->torn += stats->sum_ns[0] != stats->count * FEEDER_DURATION_NS ||
                     stats->cost_nanodollars != stats->count * FEEDER_COST;
}

static inline __attribute__((always_inline)) void two_clocks(struct setting *setting)
{
    const uint64_t first_ns = machine_clock_ns();
    machine_settle();
    setting->failed += machine_clock_ns() < first_ns;
}

static inline __attribute__((always_inline)) void copy(struct setting *setting)
{
    memcpy(&setting->view.stats, &setting->source.stats, sizeof setting->view.stats);
    machine_settle();
    look(setting);
}

static inline __attribute__((always_inline)) void copy_detail(struct setting *setting)
{
    memcpy(&setting->view, &setting->source, sizeof setting->view);
    machine_settle();
    look(setting);
}

static inline __attribute__((always_inline)) void read(struct setting *setting)
{
    setting->failed += slipring_stats_read(setting->ledger.primitive, &setting->view.stats) != SLIPRING_OK;
    look(setting);
}

static inline __attribute__((always_inline)) void read_detail(struct setting *setting)
{
    setting->failed += slipring_stats_read_detail(setting->ledger.primitive, &setting->view.stats,
                                                  &setting->view.detail) != SLIPRING_OK;
    look(setting);
}

/* Every record is a success, and fast enough: the budget is whole. */
static inline __attribute__((always_inline)) void slo_read(struct setting *setting)
{
    const bool is_read = slipring_slo_read(setting->ledger.primitive, &setting->slo) == SLIPRING_OK;
    setting->failed += !is_read || setting->slo.objective_count != OBJECTIVES;
}

static inline __attribute__((always_inline)) void
look_at(struct setting *setting, enum slipring_status status, double got, double want)
{
    setting->failed += status != SLIPRING_OK || got != want;
}

static inline __attribute__((always_inline)) void budget(struct setting *setting)
{
    double remaining = 0;
    const enum slipring_status status =
        slipring_budget_remaining(setting->ledger.primitive, NULL, &remaining);
    look_at(setting, status, remaining, 1.0);
}

static inline __attribute__((always_inline)) void budget_named(struct setting *setting)
{
    double remaining = 0;
    const enum slipring_status status =
        slipring_budget_remaining(setting->ledger.primitive, "availability", &remaining);
    look_at(setting, status, remaining, 1.0);
}

static inline __attribute__((always_inline)) void burn(struct setting *setting)
{
    double rate = -1;
    const enum slipring_status status = slipring_burn_rate(setting->ledger.primitive, NULL, 3600, &rate);
    look_at(setting, status, rate, 0.0);
}

static inline __attribute__((always_inline)) void burn_named(struct setting *setting)
{
    double rate = -1;
    const enum slipring_status status =
        slipring_burn_rate(setting->ledger.primitive, "availability", 3600, &rate);
    look_at(setting, status, rate, 0.0);
}

static inline __attribute__((always_inline)) double time_loop(struct setting *setting, struct run *run,
                                                              read_body *body)
{
    const uint32_t count = setting->options->batch;
    const uint64_t begin_ns = machine_clock_ns();
    for (uint32_t i = 0; i < count; i++) {
        body(setting);
        machine_settle();
    }
    const uint64_t took_ns = machine_clock_ns() - begin_ns;
    run->reads += count;
    return (double)took_ns / count;
}

/* Each by itself, after other memory has gone through the caches; the time that the two clock readings take themselves is
 * the case two_clocks. */
static inline __attribute__((always_inline)) double time_cold(struct setting *setting, struct run *run,
                                                              read_body *body)
{
    uint64_t took_ns = 0;
    for (uint32_t i = 0; i < COLD_READS; i++) {
        for (size_t at = 0; at < COLD_BYTES; at += LINE_BYTES) {
            setting->cold[at]++;
        }
        machine_settle();
        const uint64_t begin_ns = machine_clock_ns();
        body(setting);
        machine_settle();
        took_ns += machine_clock_ns() - begin_ns;
    }
    run->reads += COLD_READS;
    return (double)took_ns / COLD_READS;
}

#define MEASURE(id, timer, body)                                                                             \
    static __attribute__((noinline)) double measure_##id(struct setting *setting)                            \
    {                                                                                                        \
        return timer(setting, &setting->runs[CASE_##id], body);                                              \
    }
MEASURE(two_clocks, time_loop, two_clocks)
MEASURE(copy, time_loop, copy)
MEASURE(read, time_loop, read)
MEASURE(copy_detail, time_loop, copy_detail)
MEASURE(read_detail, time_loop, read_detail)
MEASURE(slo_read, time_loop, slo_read)
MEASURE(budget, time_loop, budget)
MEASURE(budget_named, time_loop, budget_named)
MEASURE(burn, time_loop, burn)
MEASURE(burn_named, time_loop, burn_named)
MEASURE(copy_cold, time_cold, copy)
MEASURE(read_cold, time_cold, read)

static const struct case_plan {
    const char *title;
    enum readback_case yardstick;
    double (*measure)(struct setting *setting);
} plans[CASE_COUNT] = {
#define READBACK_CASE(id, title, yardstick) [CASE_##id] = {(title), CASE_##yardstick, measure_##id},
#include "readback_cases.def"
#undef READBACK_CASE
};

/* --- setting up --------------------------------------------------------------------------------------------------------- */

/* Of the feeder's primitive: all that it records is within them. */
static bool give_objectives(struct setting *setting)
{
    const struct slipring_slo slo = {
        .target_ppb = SLIPRING_TARGET(0.99),
        .latency_threshold_ns = FEEDER_DURATION_NS,
        .availability_ppb = SLIPRING_TARGET(0.999),
    };
    const enum slipring_status status = slipring_slo_configure(setting->ledger.primitive, &slo);
    if (status != SLIPRING_OK) {
        fprintf(stderr, "slipring-bench: objectives: %s\n", slipring_status_text(status));
    }
    return status == SLIPRING_OK;
}

/* Both figures are published, and there are events. */
static bool is_published(struct setting *setting)
{
    double burn_rate = 0;
    return slipring_stats_read_detail(setting->ledger.primitive, &setting->source.stats,
                                      &setting->source.detail) == SLIPRING_OK &&
           setting->source.stats.count > 0 &&
           slipring_burn_rate(setting->ledger.primitive, NULL, 3600, &burn_rate) == SLIPRING_OK;
}

static bool set_up(struct setting *setting)
{
    const struct fleet_plan nobody = {.store = STORE};
    for (uint32_t id = 0; id < CASE_COUNT; id++) {
        setting->runs[id].is_wanted = options_wants(setting->options, names[id]);
        setting->runs[id].ns = calloc(setting->options->rounds, sizeof(double));
        if (!setting->runs[id].ns) {
            perror("slipring-bench");
            return false;
        }
    }
    setting->cold = calloc(1, COLD_BYTES);
    if (!setting->cold || !served_start(&setting->served, &setting->machine, &nobody) ||
        !ledger_open(&setting->ledger, STORE, PRIMITIVE) || !give_objectives(setting) ||
        !feeder_start(&setting->feeder, STORE, PRIMITIVE, &setting->machine)) {
        return false;
    }
    for (uint32_t waited_ms = 0; waited_ms < 10000 && !machine_is_interrupted(); waited_ms += 10) {
        if (is_published(setting)) {
            return true;
        }
        machine_sleep_ms(10);
    }
    fputs("slipring-bench: nothing is published\n", stderr);
    return false;
}

static bool tear_down(struct setting *setting)
{
    uint64_t count = 0;
    const bool has_feeder_ended = setting->feeder.pid == 0 || feeder_stop(&setting->feeder, &count);
    for (uint32_t id = 0; id < CASE_COUNT; id++) {
        free(setting->runs[id].ns);
    }
    free(setting->cold);
    return served_stop(&setting->served) && has_feeder_ended;
}

/* --- results ------------------------------------------------------------------------------------------------------------ */

#define FIELD(member, kind, heading, width, help)                                                            \
    REPORT_FIELD(struct readback_result, member, kind, heading, width, help)

static const struct report_field fields[] = {
    FIELD(ns, NUMBER, "ns", 8, "of one: the median over the rounds"),
    FIELD(ns_min, NUMBER, "min", 8, "the least round"),
    FIELD(ns_max, NUMBER, "max", 8, "the greatest round"),
    FIELD(ratio_copy, RATIO, "x copy", 8,
          "by a bare copy of the same bytes, in the same round: the median; null when that was not run, or "
          "nothing is copied"),
    FIELD(ratio_two_clocks, RATIO, "x clocks", 8, "the same by two clock readings"),
    FIELD(bytes, COUNT, "bytes", 6, "that are copied"),
    FIELD(n, COUNT, NULL, 0, "how many were timed"),
    FIELD(publishings, COUNT, NULL, 0, "of the agent, seen from round to round, all cases together"),
    FIELD(torn, COUNT, "torn", 5,
          "copies of all cases together that did not add up, or could not be made: 0"),
};

static const struct report_table readback_table = {
    .fields = fields,
    .field_count = sizeof fields / sizeof fields[0],
};

static double ratio_of(const struct setting *setting, enum readback_case id, enum readback_case over)
{
    return setting->runs[over].is_wanted
               ? rounds_ratio(setting->runs[id].ns, setting->runs[over].ns, setting->options->rounds)
               : NAN;
}

static void sum_up(const struct setting *setting, enum readback_case id, struct readback_result *result)
{
    const bool has_detail = plans[id].yardstick == CASE_copy_detail;
    const bool has_copy = plans[id].yardstick != CASE_two_clocks;
    *result = (struct readback_result){
        .line = {.name = names[id], .title = plans[id].title, .checked = "books"},
        .ratio_copy = has_copy ? ratio_of(setting, id, plans[id].yardstick) : NAN,
        .ratio_two_clocks = ratio_of(setting, id, CASE_two_clocks),
        .bytes = id == CASE_slo_read                  ? sizeof(struct slipring_slo_stats)
                 : id == CASE_two_clocks || !has_copy ? 0
                 : has_detail                         ? sizeof(struct view)
                                                      : sizeof(struct slipring_stats),
        .n = setting->runs[id].reads,
        .publishings = setting->publishings,
        .torn = setting->torn + setting->failed,
    };
}

/* The feeder's records are all there, and no copy was torn. */
static bool check(struct setting *setting)
{
    struct tally expected = {.min_ns = FEEDER_DURATION_NS, .max_ns = FEEDER_DURATION_NS};
    if (!feeder_stop(&setting->feeder, &expected.count)) {
        return false;
    }
    expected.sum_ns = expected.count * FEEDER_DURATION_NS;
    expected.cost = expected.count * FEEDER_COST;
    return booked_await(setting->served.stats, PRIMITIVE, &expected) && setting->torn + setting->failed == 0;
}

static bool report(struct setting *setting)
{
    const uint32_t rounds = setting->options->rounds;
    struct readback_result results[CASE_COUNT];
    char sentence[160];
    const bool conserved = check(setting);
    (void)snprintf(sentence, sizeof sentence,
                   "%u rounds of %u reads; another process records, the agent publishes", rounds,
                   setting->options->batch);
    report_begin(setting->options, &setting->machine, sentence);
    report_head(setting->options, &readback_table);
    for (uint32_t id = 0; id < CASE_COUNT; id++) {
        if (setting->runs[id].is_wanted) {
            sum_up(setting, (enum readback_case)id, &results[id]);
        }
    }
    for (uint32_t id = 0; id < CASE_COUNT; id++) {
        const struct run *run = &setting->runs[id];
        if (run->is_wanted) {
            results[id].ns = rounds_median(run->ns, rounds); /* sorts them */
            results[id].ns_min = run->ns[0];
            results[id].ns_max = run->ns[rounds - 1];
            results[id].line.conserved = conserved;
            report_row(setting->options, &setting->machine, &readback_table, &results[id].line, &results[id]);
        }
    }
    return conserved;
}

static int measure(struct setting *setting)
{
    uint64_t published_ns = 0;
    for (uint32_t round = 0; round <= setting->options->rounds; round++) { /* the first one is to warm up */
        for (uint32_t id = 0; id < CASE_COUNT && !machine_is_interrupted(); id++) {
            if (setting->runs[id].is_wanted) {
                setting->runs[id].ns[round == 0 ? 0 : round - 1] = plans[id].measure(setting);
            }
            struct slipring_stats now;
            if (ledger_read(&setting->ledger, &now)) {
                setting->publishings += now.published_ns != published_ns;
                published_ns = now.published_ns;
            }
        }
    }
    if (machine_is_interrupted()) {
        fputs("slipring-bench: interrupted\n", stderr);
        return BENCH_BAD;
    }
    return report(setting) ? BENCH_OK : BENCH_UNBALANCED;
}

static int run(const struct options *options)
{
    static struct setting setting;
    static struct folder folder;
    setting.options = options;
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
    {OPTION_rounds, 11, NULL},
    {OPTION_batch, 200000, "Here: reads."},
    {OPTION_only, 0, "See bench/readback_cases.def for what they are."},
};

static const struct report_table *const tables[] = {&readback_table};

const struct benchmark bench_readback = {
    .name = "readback",
    .summary =
        "reading figures and budgets back, while the agent publishes, against clock readings and a bare copy",
    .about = "What it costs a process to read its own figures back, while another one records and the agent "
             "publishes. Every copy is checked not to be torn.\n",
    .example = "slipring-bench readback --only two_clocks,copy,read",
    .options = uses,
    .option_count = sizeof uses / sizeof uses[0],
    .tables = tables,
    .table_count = sizeof tables / sizeof tables[0],
    .run = run,
};
