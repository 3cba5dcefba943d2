/* SPDX-License-Identifier: Apache-2.0 */
/* How long a single record can take: every call timed by itself, beside an empty loop that is timed alike.
 *
 * A turn is one burst of each case of latency_cases.def, a millisecond apart: what disturbs the machine, disturbs all of them.
 * The times of a burst are written down, and sorted into buckets when it is over. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "bursts.h"
#include "daemon.h"
#include "folder.h"
#include "latency_result.h"
#include "ledger.h"
#include "machine.h"
#include "private_books.h"
#include "pure/bucket.h"
#include "pure/quantile.h"
#include "stopwatch.h"

enum latency_case {
#define LATENCY_CASE(id, title, store, has_cost) CASE_##id,
#include "latency_cases.def"
#undef LATENCY_CASE
    CASE_COUNT,
};

enum latency_store { IN_NONE, IN_IDLE, IN_SERVED };

#define STORE_IDLE   "idle"
#define STORE_SERVED "served"
#define WARM_LOOKS   12u /* of 150 ms: for the agent to come and to give rings that hold a burst */
#define WARM_TURNS   100u
#define AWAKEN_TURNS 60u /* until it polls often again */
#define RANGES_DOWN  3u  /* printed are ranges of a quarter of an octave */
#define PS_PER_NS    1000.0

struct run {
    bool is_wanted;
    struct ledger ledger;
    struct private_books books;
    uint64_t position; /* in the cycle of samples */
    struct ledger_found warm;
    uint64_t n, worst_ps;
    double sum_ps;
    uint64_t cells[SR_BUCKET_COUNT]; /* of picoseconds */
};

struct setting {
    const struct options *options;
    struct machine machine;
    struct samples samples;
    struct bursts bursts;
    struct daemon daemon;
    struct stopwatch stopwatch;
    uint64_t ticks[BURST_MOST]; /* of the burst */
    struct run runs[CASE_COUNT];
};

/* --- the loops that are timed --------------------------------------------------------------------------------------------- */

typedef void latency_body(struct run *run, const struct sample *sample, const struct slipring_cost *cost);

static inline __attribute__((always_inline)) void do_nothing(struct run *run, const struct sample *sample,
                                                             const struct slipring_cost *cost)
{
    (void)run;
    (void)sample;
    (void)cost;
}

static inline __attribute__((always_inline)) void book(struct run *run, const struct sample *sample,
                                                       const struct slipring_cost *cost)
{
    private_books_record(&run->books, sample->duration_ns, sample->outcome, cost);
}

static inline __attribute__((always_inline)) void record(struct run *run, const struct sample *sample,
                                                         const struct slipring_cost *cost)
{
    slipring_record(run->ledger.primitive, sample->duration_ns, (enum slipring_outcome)sample->outcome, cost);
}

static inline __attribute__((always_inline)) void time_calls(struct setting *setting, struct run *run,
                                                             uint32_t count, latency_body *body,
                                                             const struct slipring_cost *cost, bool is_ticks)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct sample *sample = samples_at(&setting->samples, run->position + i);
        const uint64_t begin = stopwatch_read(is_ticks);
        body(run, sample, cost);
        machine_settle();
        setting->ticks[i] = stopwatch_read(is_ticks) - begin;
    }
}

#define MEASURE(id, body, cost)                                                                              \
    static __attribute__((noinline)) void measure_##id(struct setting *setting, uint32_t count)              \
    {                                                                                                        \
        struct run *run = &setting->runs[CASE_##id];                                                         \
        if (setting->stopwatch.is_ticks) {                                                                   \
            time_calls(setting, run, count, (body), (cost), true);                                           \
        } else {                                                                                             \
            time_calls(setting, run, count, (body), (cost), false);                                          \
        }                                                                                                    \
    }
MEASURE(empty, do_nothing, NULL)
MEASURE(same_books, book, NULL)
MEASURE(ring, record, NULL)
MEASURE(ring_cost, record, &setting->samples.cost)
MEASURE(spill, record, NULL)
MEASURE(spill_cost, record, &setting->samples.cost)

static const struct case_plan {
    const char *name, *title;
    enum latency_store store;
    bool has_cost;
    void (*measure)(struct setting *setting, uint32_t count);
} plans[CASE_COUNT] = {
#define LATENCY_CASE(id, title, store, has_cost)                                                             \
    [CASE_##id] = {#id, (title), IN_##store, (has_cost), measure_##id},
#include "latency_cases.def"
#undef LATENCY_CASE
};

static const char *const names[CASE_COUNT] = {
#define LATENCY_CASE(id, title, store, has_cost) [CASE_##id] = #id,
#include "latency_cases.def"
#undef LATENCY_CASE
};

/* --- turns ---------------------------------------------------------------------------------------------------------------- */

static void sort_in(struct setting *setting, struct run *run, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const double ps = (double)setting->ticks[i] * setting->stopwatch.ps_per_tick;
        const uint64_t whole_ps = ps < (double)SR_DURATION_MAX_NS ? (uint64_t)(ps + 0.5) : SR_DURATION_MAX_NS;
        run->cells[sr_bucket_index(whole_ps)]++;
        run->sum_ps += ps;
        run->worst_ps = whole_ps > run->worst_ps ? whole_ps : run->worst_ps;
    }
    run->n += count;
}

static void run_turns(struct setting *setting, uint32_t turns, bool is_counted)
{
    for (uint32_t turn = 0; turn < turns && !machine_is_interrupted(); turn++) {
        const uint32_t size = bursts_next(&setting->bursts);
        for (uint32_t id = 0; id < CASE_COUNT; id++) {
            struct run *run = &setting->runs[id];
            if (run->is_wanted) {
                plans[id].measure(setting, size);
                run->position += size;
                if (is_counted) {
                    sort_in(setting, run, size);
                }
            }
        }
    }
}

/* Has slipringd booked all of them, and did hardly any of the last ones spill? Notes what there was. */
static bool look(struct setting *setting)
{
    bool is_warm = true;
    for (uint32_t id = 0; id < CASE_COUNT; id++) {
        struct run *run = &setting->runs[id];
        struct slipring_stats now;
        if (!run->is_wanted || plans[id].store != IN_SERVED) {
            continue;
        }
        if (!ledger_read(&run->ledger, &now) || now.count != run->position) {
            is_warm = false;
            continue;
        }
        is_warm &= (now.spilled - run->warm.spilled) * 20 < now.count - run->warm.count;
        run->warm = (struct ledger_found){.count = now.count, .spilled = now.spilled};
    }
    return is_warm;
}

static void warm_up(struct setting *setting)
{
    bool is_warm = false;
    for (uint32_t i = 0; i < WARM_LOOKS && !is_warm && !machine_is_interrupted(); i++) {
        run_turns(setting, WARM_TURNS, false);
        machine_sleep_ms(150); /* it publishes ten times a second */
        is_warm = look(setting);
    }
    run_turns(setting, AWAKEN_TURNS, false);
}

/* --- setting up ----------------------------------------------------------------------------------------------------------- */

static bool set_up(struct setting *setting)
{
    bool has_served = false;
    for (uint32_t id = 0; id < CASE_COUNT; id++) {
        struct run *run = &setting->runs[id];
        run->is_wanted = id == CASE_empty || options_wants(setting->options, plans[id].name);
        if (run->is_wanted && plans[id].store == IN_SERVED && !daemon_is_built()) {
            fprintf(stderr, "slipring-bench: %s is left out: there is no slipringd beside slipring-bench\n",
                    plans[id].name);
            run->is_wanted = false;
        }
        private_books_clear(&run->books);
        has_served |= run->is_wanted && plans[id].store == IN_SERVED;
        if (run->is_wanted && plans[id].store != IN_NONE &&
            !ledger_open(&run->ledger, plans[id].store == IN_IDLE ? STORE_IDLE : STORE_SERVED,
                         plans[id].name)) {
            return false;
        }
    }
    return !has_served || daemon_start(&setting->daemon, STORE_SERVED, setting->machine.consumer_cpu,
                                       setting->machine.is_pinned);
}

/* --- was everything found again? ------------------------------------------------------------------------------------------ */

static bool check(struct setting *setting, enum latency_case id, bool has_agent,
                  struct latency_result *result)
{
    const struct run *run = &setting->runs[id];
    struct tally expected = {0};
    struct tally found;
    struct ledger_found booked = {0};
    tally_add(&expected, &setting->samples, 0, run->position,
              plans[id].has_cost ? &setting->samples.cost : NULL);
    if (plans[id].store == IN_NONE) {
        result->line.checked = "private";
        private_books_sum(&run->books, &found);
        return id == CASE_empty || tally_equals(&found, &expected);
    }
    if (!has_agent) {
        result->line.checked = "segment";
        const bool is_found = ledger_look(&run->ledger, &booked) && booked.count == expected.count;
        result->spill_share = (double)booked.spilled / (double)expected.count;
        return is_found;
    }
    result->line.checked = "books";
    const bool is_agreed = ledger_agree(&run->ledger, &expected, true, &booked);
    result->spill_share =
        (double)(booked.spilled - run->warm.spilled) / (double)(expected.count - run->warm.count);
    return is_agreed;
}

/* --- results -------------------------------------------------------------------------------------------------------------- */

static double percentile_ns(const struct run *run, uint32_t ppm)
{
    uint32_t cell = 0;
    return sr_quantile_cell(run->cells, SR_BUCKET_COUNT, run->n, ppm, &cell)
               ? sr_bucket_estimate_ns(cell) / PS_PER_NS
               : NAN;
}

/* Of the 99 of 100 that were fastest. */
static double mean99_ns(const struct run *run)
{
    const uint64_t rank = sr_quantile_rank(run->n, 990000);
    uint64_t left = rank;
    double sum = 0;
    for (uint32_t cell = 0; cell < SR_BUCKET_COUNT && left != 0; cell++) {
        const uint64_t count = run->cells[cell] < left ? run->cells[cell] : left;
        sum += (double)count * sr_bucket_estimate_ns(cell);
        left -= count;
    }
    return sum / (double)rank / PS_PER_NS;
}

static void fill(const struct setting *setting, enum latency_case id, struct latency_result *result)
{
    const struct run *run = &setting->runs[id];
    result->line.name = plans[id].name;
    result->line.title = plans[id].title;
    result->n = run->n;
    result->mean_ns = run->sum_ps / (double)run->n / PS_PER_NS;
    result->mean99_ns = mean99_ns(run);
    result->p50_ns = percentile_ns(run, 500000);
    result->p99_ns = percentile_ns(run, 990000);
    result->p999_ns = percentile_ns(run, 999000);
    result->p9999_ns = percentile_ns(run, 999900);
    result->worst_ns = (double)run->worst_ps / PS_PER_NS;
    result->spill_share = NAN;
    result->timer = setting->stopwatch.is_ticks ? "ticks" : "clock";
    result->resolution_ns = setting->stopwatch.resolution_ns;
}

static void fill_over(const struct latency_result *empty, struct latency_result *result)
{
    result->over_mean99_ns = result->mean99_ns - empty->mean99_ns;
    result->over_p50_ns = result->p50_ns - empty->p50_ns;
    result->over_p99_ns = result->p99_ns - empty->p99_ns;
    result->over_p999_ns = result->p999_ns - empty->p999_ns;
    result->over_p9999_ns = result->p9999_ns - empty->p9999_ns;
    result->over_worst_ns = result->worst_ns - empty->worst_ns;
}

/* The cells of all cases in ranges that are coarser, those without a call left out. */
static void report_histogram(const struct setting *setting, bool conserved)
{
    uint32_t index = 0;
    report_head(setting->options, &latency_ranges);
    while (index < SR_BUCKET_COUNT) {
        const int32_t group = index == 0 ? 0 : sr_bucket_downscale(sr_bucket_key(index), RANGES_DOWN);
        struct latency_range range = {
            .line = {.name = "histogram", .checked = "books", .conserved = conserved},
            .from_ns = index == 0 ? 0 : (double)sr_bucket_upper_ns(index - 1) / PS_PER_NS,
        };
        uint64_t sum = 0;
        do {
#define LATENCY_CASE(id, title, store, has_cost)                                                             \
    range.id += setting->runs[CASE_##id].cells[index];                                                       \
    sum += setting->runs[CASE_##id].cells[index];
#include "latency_cases.def"
#undef LATENCY_CASE
            range.to_ns = (double)sr_bucket_upper_ns(index) / PS_PER_NS;
            index++;
        } while (index > 1 && index < SR_BUCKET_COUNT &&
                 sr_bucket_downscale(sr_bucket_key(index), RANGES_DOWN) == group);
        if (sum != 0) {
            report_row(setting->options, &setting->machine, &latency_ranges, &range.line, &range);
        }
    }
}

static void report_sentence(const struct setting *setting)
{
    char sentence[160];
    (void)snprintf(
        sentence, sizeof sentence,
        "single calls timed by %s in steps of %.2f ns; %u bursts of %u to %u of each case, in turns",
        setting->stopwatch.is_ticks ? "the tick counter" : "CLOCK_MONOTONIC",
        setting->stopwatch.resolution_ns, setting->options->bursts, BURST_LEAST, BURST_MOST);
    report_begin(setting->options, &setting->machine, sentence);
    report_head(setting->options, &latency_table);
}

static bool report(struct setting *setting)
{
    struct latency_result results[CASE_COUNT];
    struct daemon late = {0};
    bool has_idle = false;
    bool conserved = true;
    memset(results, 0, sizeof results);
    for (uint32_t id = 0; id < CASE_COUNT; id++) {
        has_idle |= setting->runs[id].is_wanted && plans[id].store == IN_IDLE;
    }
    const bool has_late =
        has_idle && daemon_is_built() &&
        daemon_start(&late, STORE_IDLE, setting->machine.consumer_cpu, setting->machine.is_pinned);
    report_sentence(setting);
    for (uint32_t id = 0; id < CASE_COUNT; id++) {
        struct latency_result *result = &results[id];
        if (!setting->runs[id].is_wanted) {
            continue;
        }
        fill(setting, (enum latency_case)id, result);
        fill_over(&results[CASE_empty], result);
        result->line.conserved =
            check(setting, (enum latency_case)id, plans[id].store == IN_SERVED || has_late, result);
        conserved &= result->line.conserved;
        report_row(setting->options, &setting->machine, &latency_table, &result->line, result);
    }
    report_histogram(setting, conserved);
    return daemon_stop(&late) && conserved;
}

static int measure(struct setting *setting)
{
    warm_up(setting);
    run_turns(setting, setting->options->bursts, true);
    if (machine_is_interrupted()) {
        fputs("slipring-bench: interrupted\n", stderr);
        return BENCH_BAD;
    }
    if (!stopwatch_is_steady(&setting->stopwatch)) {
        fputs("slipring-bench: the processor's tick counter changed its pace: nothing was measured\n",
              stderr);
        return BENCH_BAD;
    }
    return report(setting) ? BENCH_OK : BENCH_UNBALANCED;
}

static int run(const struct options *options)
{
    static struct setting setting;
    static struct folder folder;
    setting.options = options;
    setting.bursts.random = 1;
    samples_make(&setting.samples);
    if (!options_only_is_known(options, names, CASE_COUNT) || !machine_take(options->cpu, &setting.machine) ||
        !folder_make(&folder)) {
        return BENCH_BAD;
    }
    machine_catch_interrupts();
    stopwatch_make(&setting.stopwatch);
    int status = set_up(&setting) ? measure(&setting) : BENCH_BAD;
    if (!daemon_stop(&setting.daemon) && status == BENCH_OK) {
        status = BENCH_BAD;
    }
    return folder_remove(&folder) ? status : BENCH_BAD;
}

static const struct option_use uses[] = {
    {OPTION_bursts, 5000, "Here each is timed call by call, and there is one round."},
    {OPTION_only, 0, "empty is always run."},
};

static const struct report_table *const tables[] = {&latency_table, &latency_ranges};

const struct benchmark bench_latency = {
    .name = "latency",
    .summary = "the distribution of one record's time against that of an empty loop",
    .about =
        "Each call is timed by itself, between two readings of the processor's tick counter (of "
        "CLOCK_MONOTONIC "
        "where that cannot be believed), in bursts that alternate between the cases. The case empty has "
        "nothing "
        "between the readings: what it shows is the readings and the machine, interrupts included, and the "
        "differences from it are what a record adds.\n",
    .example = "slipring-bench latency --bursts 20000",
    .options = uses,
    .option_count = sizeof uses / sizeof uses[0],
    .tables = tables,
    .table_count = sizeof tables / sizeof tables[0],
    .run = run,
};
