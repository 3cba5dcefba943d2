/* SPDX-License-Identifier: Apache-2.0 */
/* What one record costs: the cases of record_cases.def in alternating rounds, each checked to have lost nothing. */
#include <math.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <slipring/inline.h>

#include "bench.h"
#include "bursts.h"
#include "ck_transport.h"
#include "daemon.h"
#include "folder.h"
#include "ledger.h"
#include "machine.h"
#include "private_books.h"
#include "record_result.h"
#include "rounds.h"

enum record_case {
#define RECORD_CASE(id, title, where, mode, baseline, peer) CASE_##id,
#include "record_cases.def"
#undef RECORD_CASE
    CASE_COUNT,
    CASE_NONE = CASE_COUNT,
};

enum case_where { IN_PRIVATE, IN_IDLE, IN_SERVED };
enum case_mode { MODE_FULL_SPEED, MODE_BURSTS };

/* One case: what it works on, and what it has done so far. */
struct run {
    bool is_wanted;
    uint64_t counter;
    struct private_books *books;
    struct ledger ledger;
    uint64_t position; /* in the cycle of samples */
    struct tally expected;
    struct ledger_found warm; /* what was there when the rounds began; zero when that is not known */
    double *ns;               /* of a record, a round each */
};

struct setting {
    const struct options *options;
    struct machine machine;
    struct samples samples;
    struct bursts bursts;
    struct daemon daemon; /* of the served store */
    uint64_t served_ns;   /* when the served store was last recorded into */
    struct transport *transport;
    struct run runs[CASE_COUNT];
};

#define WARM_LOOKS     12u  /* of 150 ms: for the agent to come and to give rings that hold a burst */
#define WARM_BURSTS    100u /* before each look */
#define AGENT_DOZES_NS UINT64_C(20000000) /* unused for longer, its polls are rarer than bursts */
#define AWAKEN_BURSTS  60u                /* untimed, until it polls often again: it sleeps 50 ms at most */
#define STORE_IDLE     "idle"
#define STORE_SERVED   "served"

/* --- the loops that are timed --------------------------------------------------------------------------------------------- */

typedef void record_body(void *context, const struct sample *sample, const struct slipring_cost *cost);

/* Run `body` for `count` samples from position `from`; inlined, so that each case has a loop of its own. */
static inline __attribute__((always_inline)) uint64_t time_loop(const struct setting *setting, uint64_t from,
                                                                uint64_t count, record_body *body,
                                                                void *context,
                                                                const struct slipring_cost *cost)
{
    const struct samples *samples = &setting->samples;
    const uint64_t begin_ns = machine_clock_ns();
    for (uint64_t i = from; i < from + count; i++) {
        body(context, samples_at(samples, i), cost);
        machine_settle();
    }
    return machine_clock_ns() - begin_ns;
}

static inline __attribute__((always_inline)) void add_one(void *context, const struct sample *sample,
                                                          const struct slipring_cost *cost)
{
    (void)sample;
    (void)cost;
    ++*(uint64_t *)context;
}

static inline __attribute__((always_inline)) void book(void *context, const struct sample *sample,
                                                       const struct slipring_cost *cost)
{
    private_books_record(context, sample->duration_ns, sample->outcome, cost);
}

static __attribute__((noinline)) void book_behind_call(struct private_books *books, uint64_t duration_ns,
                                                       uint32_t outcome, const struct slipring_cost *cost)
{
    private_books_record(books, duration_ns, outcome, cost);
}

static inline __attribute__((always_inline)) void call(void *context, const struct sample *sample,
                                                       const struct slipring_cost *cost)
{
    book_behind_call(context, sample->duration_ns, sample->outcome, cost);
}

static inline __attribute__((always_inline)) void record(void *context, const struct sample *sample,
                                                         const struct slipring_cost *cost)
{
    slipring_record(context, sample->duration_ns, (enum slipring_outcome)sample->outcome, cost);
}

static inline __attribute__((always_inline)) void record_inline(void *context, const struct sample *sample,
                                                                const struct slipring_cost *cost)
{
    slipring_record_inline(context, sample->duration_ns, (enum slipring_outcome)sample->outcome, cost);
}

static inline __attribute__((always_inline)) void span(void *context, const struct sample *sample,
                                                       const struct slipring_cost *cost)
{
    struct slipring_span span = slipring_begin(context);
    slipring_end(&span, (enum slipring_outcome)sample->outcome, cost);
}

static inline __attribute__((always_inline)) void lap(void *context, const struct sample *sample,
                                                      const struct slipring_cost *cost)
{
    slipring_lap(context, (enum slipring_outcome)sample->outcome, cost);
}

static inline __attribute__((always_inline)) void enqueue(void *context, const struct sample *sample,
                                                          const struct slipring_cost *cost)
{
    transport_record(context, sample->duration_ns, sample->outcome, cost);
}

/* Counts the pairs whose second reading is not before the first. */
static inline __attribute__((always_inline)) void read_twice(void *context, const struct sample *sample,
                                                             const struct slipring_cost *cost)
{
    (void)sample;
    (void)cost;
    const uint64_t first_ns = machine_clock_ns();
    machine_settle();
    *(uint64_t *)context += machine_clock_ns() >= first_ns;
}

#define MEASURE(id, body, context, cost)                                                                     \
    static __attribute__((noinline))                                                                         \
    uint64_t measure_##id(struct setting *setting, uint64_t from, uint64_t count)                            \
    {                                                                                                        \
        struct run *run = &setting->runs[CASE_##id];                                                         \
        (void)run;                                                                                           \
        return time_loop(setting, from, count, (body), (context), (cost));                                   \
    }
MEASURE(increment, add_one, &run->counter, NULL)
MEASURE(same_books, book, run->books, NULL)
MEASURE(same_books_cost, book, run->books, &setting->samples.cost)
MEASURE(same_books_call, call, run->books, NULL)
MEASURE(spill_inline, record_inline, run->ledger.primitive, NULL)
MEASURE(spill, record, run->ledger.primitive, NULL)
MEASURE(spill_cost, record, run->ledger.primitive, &setting->samples.cost)
MEASURE(ck_ring, enqueue, setting->transport, NULL)
MEASURE(ring_waking, record, run->ledger.primitive, NULL)
MEASURE(ring_inline, record_inline, run->ledger.primitive, NULL)
MEASURE(ring, record, run->ledger.primitive, NULL)
MEASURE(ring_cost, record, run->ledger.primitive, &setting->samples.cost)
MEASURE(direct, record_inline, run->ledger.primitive, NULL)
MEASURE(two_clocks, read_twice, &run->counter, NULL)
MEASURE(begin_end, span, run->ledger.primitive, NULL)

/* One span, begun and given up outside of what is timed. */
static __attribute__((noinline)) uint64_t measure_lap(struct setting *setting, uint64_t from, uint64_t count)
{
    struct slipring_span span = slipring_begin(setting->runs[CASE_lap].ledger.primitive);
    const uint64_t took_ns = time_loop(setting, from, count, lap, &span, NULL);
    slipring_cancel(&span);
    return took_ns;
}

static const struct case_plan {
    const char *name, *title;
    enum case_where where;
    enum case_mode mode;
    enum record_case baseline, peer;
    bool has_cost;
    uint64_t (*measure)(struct setting *setting, uint64_t from, uint64_t count);
} plans[CASE_COUNT] = {
#define RECORD_CASE(id, title, where, mode, baseline, peer)                                                  \
    [CASE_##id] = {#id,                                                                                      \
                   (title),                                                                                  \
                   IN_##where,                                                                               \
                   MODE_##mode,                                                                              \
                   CASE_##baseline,                                                                          \
                   CASE_##peer,                                                                              \
                   CASE_##baseline == CASE_same_books_cost,                                                  \
                   measure_##id},
#include "record_cases.def"
#undef RECORD_CASE
};

static const char *const names[CASE_COUNT] = {
#define RECORD_CASE(id, title, where, mode, baseline, peer) [CASE_##id] = #id,
#include "record_cases.def"
#undef RECORD_CASE
};

/* --- a round of one case -------------------------------------------------------------------------------------------------- */

/* Record `count` samples and write down what they come to, which is not timed. */
static uint64_t advance(struct setting *setting, enum record_case id, uint64_t count)
{
    struct run *run = &setting->runs[id];
    if (id == CASE_ck_ring) {
        transport_await(setting->transport, count);
    }
    const uint64_t took_ns = plans[id].measure(setting, run->position, count);
    tally_add(&run->expected, &setting->samples, run->position, count,
              plans[id].has_cost ? &setting->samples.cost : NULL);
    run->position += count;
    return took_ns;
}

static double run_bursts(struct setting *setting, enum record_case id, uint32_t count)
{
    uint64_t records = 0;
    uint64_t took_ns = 0;
    for (uint32_t i = 0; i < count && !machine_is_interrupted(); i++) {
        const uint32_t size = bursts_next(&setting->bursts);
        took_ns += advance(setting, id, size);
        records += size;
    }
    if (plans[id].where == IN_SERVED) {
        setting->served_ns = machine_clock_ns();
    }
    return records == 0 ? 0 : (double)took_ns / (double)records;
}

static double run_round(struct setting *setting, enum record_case id)
{
    if (plans[id].mode == MODE_FULL_SPEED) {
        const uint32_t batch = setting->options->batch;
        return (double)advance(setting, id, batch) / (double)batch;
    }
    if (plans[id].where == IN_SERVED && id != CASE_ring_waking &&
        machine_clock_ns() - setting->served_ns > AGENT_DOZES_NS) {
        (void)run_bursts(setting, id, AWAKEN_BURSTS);
    }
    return run_bursts(setting, id, setting->options->bursts);
}

/* --- setting up ----------------------------------------------------------------------------------------------------------- */

static bool set_up_run(struct setting *setting, enum record_case id)
{
    struct run *run = &setting->runs[id];
    run->ns = calloc(setting->options->rounds, sizeof *run->ns);
    run->books = calloc(1, sizeof *run->books);
    if (!run->ns || !run->books) {
        perror("slipring-bench");
        return false;
    }
    private_books_clear(run->books);
    if (plans[id].where == IN_PRIVATE) {
        return id != CASE_ck_ring || transport_start(setting->transport, &setting->machine);
    }
    return ledger_open(&run->ledger, plans[id].where == IN_IDLE ? STORE_IDLE : STORE_SERVED,
                       plans[id].name) &&
           (id != CASE_direct ||
            slipring_primitive_set_mode(run->ledger.primitive, SLIPRING_DIRECT) == SLIPRING_OK);
}

/* Bursts until the agent has come, and gave this case a ring that holds a burst: until a look sees that all were booked
 * and of the last ones hardly any spilled. What can't be had shows as spill_share. */
static void warm_served(struct setting *setting, enum record_case id)
{
    const struct ledger *ledger = &setting->runs[id].ledger;
    struct slipring_stats before = {0};
    struct slipring_stats now = {0};
    for (uint32_t i = 0; i < WARM_LOOKS && !machine_is_interrupted(); i++) {
        (void)run_bursts(setting, id, WARM_BURSTS);
        machine_sleep_ms(150); /* it publishes ten times a second */
        const bool is_booked = ledger_read(ledger, &now) && now.count == setting->runs[id].expected.count;
        if (is_booked) {
            setting->runs[id].warm = (struct ledger_found){.count = now.count, .spilled = now.spilled};
        }
        if (is_booked && (now.spilled - before.spilled) * 20 < now.count - before.count) {
            return;
        }
        before = now;
    }
}

static bool set_up(struct setting *setting)
{
    bool has_served = false;
    for (uint32_t id = 0; id < CASE_COUNT; id++) {
        struct run *run = &setting->runs[id];
        run->is_wanted = options_wants(setting->options, plans[id].name);
        if (run->is_wanted && plans[id].where == IN_SERVED && !daemon_is_built()) {
            fprintf(stderr, "slipring-bench: %s is left out: there is no slipringd beside slipring-bench\n",
                    plans[id].name);
            run->is_wanted = false;
        }
        if (run->is_wanted && !set_up_run(setting, (enum record_case)id)) {
            return false;
        }
        has_served |= run->is_wanted && plans[id].where == IN_SERVED;
    }
    return !has_served || daemon_start(&setting->daemon, STORE_SERVED, setting->machine.consumer_cpu,
                                       setting->machine.is_pinned);
}

static void warm_up(struct setting *setting)
{
    for (uint32_t id = 0; id < CASE_COUNT; id++) {
        if (setting->runs[id].is_wanted && plans[id].where == IN_SERVED && plans[id].mode == MODE_BURSTS) {
            warm_served(setting, (enum record_case)id);
        } else if (setting->runs[id].is_wanted) {
            (void)run_round(setting, (enum record_case)id);
        }
    }
}

static void tear_down(struct setting *setting)
{
    if (setting->transport) {
        transport_stop(setting->transport);
    }
    free(setting->transport);
    for (uint32_t id = 0; id < CASE_COUNT; id++) {
        free(setting->runs[id].ns);
        free(setting->runs[id].books);
    }
}

/* --- was everything found again? ------------------------------------------------------------------------------------------ */

/* Kept in memory of ours. */
static bool check_private(struct setting *setting, enum record_case id)
{
    const struct run *run = &setting->runs[id];
    struct tally found;
    switch (id) {
    case CASE_increment:
    case CASE_two_clocks:
        return run->counter == run->expected.count;
    case CASE_ck_ring:
        transport_stop(setting->transport);
        return tally_equals(&setting->transport->taken, &run->expected);
    default:
        private_books_sum(run->books, &found);
        return tally_equals(&found, &run->expected);
    }
}

/* In a store without an agent: first in the segment itself. Then, where there is one, a slipringd is started that has to
 * find all of it: check_idle_books(). */
static bool check_idle(const struct run *run, struct record_result *result)
{
    struct ledger_found found = {0};
    const bool is_found = ledger_look(&run->ledger, &found);
    result->ring_words = found.ring_words;
    result->spill_share = (double)found.spilled / (double)run->expected.count;
    return is_found && found.count == run->expected.count;
}

static bool check_books(const struct run *run, bool is_timed, struct record_result *result)
{
    struct ledger_found found = {0};
    const bool is_agreed = ledger_agree(&run->ledger, &run->expected, is_timed, &found);
    result->spill_share =
        (double)(found.spilled - run->warm.spilled) / (double)(run->expected.count - run->warm.count);
    result->line.checked = "books";
    return is_agreed;
}

static bool check(struct setting *setting, enum record_case id, bool has_late_agent,
                  struct record_result *result)
{
    const struct run *run = &setting->runs[id];
    struct ledger_found found;
    switch (plans[id].where) {
    case IN_PRIVATE:
        result->line.checked = "private";
        return check_private(setting, id);
    case IN_IDLE:
        result->line.checked = "segment";
        return result->line.conserved && (!has_late_agent || check_books(run, true, result));
    case IN_SERVED:
    default:
        if (ledger_look(&run->ledger, &found)) {
            result->ring_words = found.ring_words;
        }
        return check_books(run, id != CASE_begin_end && id != CASE_lap, result);
    }
}

/* --- results -------------------------------------------------------------------------------------------------------------- */

/* By the time of another case in the same round. NaN: the other was not run. */
static double ratio_of(const struct setting *setting, enum record_case id, enum record_case over)
{
    const bool is_known = over != CASE_NONE && setting->runs[over].is_wanted;
    return rounds_ratio(setting->runs[id].ns, is_known ? setting->runs[over].ns : NULL,
                        setting->options->rounds);
}

static void sum_up(struct setting *setting, enum record_case id, struct record_result *result)
{
    struct run *run = &setting->runs[id];
    const enum record_case peer = plans[id].peer;
    result->line.name = plans[id].name;
    result->line.title = plans[id].title;
    result->peer = peer != CASE_NONE && setting->runs[peer].is_wanted ? plans[peer].name : NULL;
    result->n = run->expected.count;
    result->mode = plans[id].mode == MODE_BURSTS ? "bursts" : "full_speed";
    result->batch = plans[id].mode == MODE_BURSTS ? setting->options->bursts : setting->options->batch;
    result->ratio_same_books = ratio_of(setting, id, plans[id].baseline);
    result->ratio_peer = ratio_of(setting, id, peer);
    result->spill_share = NAN;
}

/* After all ratios are taken: sorts the rounds. */
static void sum_up_rounds(struct setting *setting, enum record_case id, struct record_result *result)
{
    struct run *run = &setting->runs[id];
    result->ns = rounds_median(run->ns, setting->options->rounds);
    result->ns_min = run->ns[0];
    result->ns_max = run->ns[setting->options->rounds - 1];
}

static void print_head(const struct setting *setting)
{
    char sentence[160];
    (void)snprintf(
        sentence, sizeof sentence,
        "%u rounds; at full speed %u records a round, in bursts %u bursts of %u to %u, one each ms",
        setting->options->rounds, setting->options->batch, setting->options->bursts, BURST_LEAST, BURST_MOST);
    report_begin(setting->options, &setting->machine, sentence);
    report_head(setting->options, &record_table);
}

/* Look for what was recorded, print. True: nothing is missing. */
static bool report(struct setting *setting)
{
    struct record_result results[CASE_COUNT];
    struct daemon late = {0};
    bool has_idle = false;
    bool conserved = true;
    memset(results, 0, sizeof results);
    for (uint32_t id = 0; id < CASE_COUNT; id++) {
        if (setting->runs[id].is_wanted) {
            sum_up(setting, (enum record_case)id, &results[id]);
        }
        if (setting->runs[id].is_wanted && plans[id].where == IN_IDLE) {
            results[id].line.conserved = check_idle(&setting->runs[id], &results[id]);
            has_idle = true;
        }
    }
    const bool has_late_agent =
        has_idle && daemon_is_built() &&
        daemon_start(&late, STORE_IDLE, setting->machine.consumer_cpu, setting->machine.is_pinned);
    print_head(setting);
    for (uint32_t id = 0; id < CASE_COUNT; id++) {
        if (setting->runs[id].is_wanted) {
            sum_up_rounds(setting, (enum record_case)id, &results[id]);
            results[id].line.conserved = check(setting, (enum record_case)id, has_late_agent, &results[id]);
            conserved &= results[id].line.conserved;
            report_row(setting->options, &setting->machine, &record_table, &results[id].line, &results[id]);
        }
    }
    return daemon_stop(&late) && conserved;
}

static int measure(struct setting *setting)
{
    warm_up(setting);
    for (uint32_t round = 0; round < setting->options->rounds; round++) {
        for (uint32_t id = 0; id < CASE_COUNT && !machine_is_interrupted(); id++) {
            if (setting->runs[id].is_wanted) {
                setting->runs[id].ns[round] = run_round(setting, (enum record_case)id);
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
    setting.bursts.random = 1;
    samples_make(&setting.samples);
    if (!options_only_is_known(options, names, CASE_COUNT) || !machine_take(options->cpu, &setting.machine) ||
        !folder_make(&folder)) {
        return BENCH_BAD;
    }
    machine_catch_interrupts();
    setting.transport = aligned_alloc(alignof(struct transport), sizeof *setting.transport);
    if (setting.transport) {
        memset(setting.transport, 0, sizeof *setting.transport);
    }
    int status = setting.transport && set_up(&setting) ? measure(&setting) : BENCH_BAD;
    if (!daemon_stop(&setting.daemon) && status == BENCH_OK) {
        status = BENCH_BAD;
    }
    tear_down(&setting);
    return folder_remove(&folder) ? status : BENCH_BAD;
}

static const struct option_use uses[] = {
    {OPTION_rounds, 11, NULL},
    {OPTION_batch, 100000, NULL},
    {OPTION_bursts, 60, NULL},
    {OPTION_only, 0, "See bench/record_cases.def for what they are."},
};

static const struct report_table *const tables[] = {&record_table};

const struct benchmark bench_record = {
    .name = "record",
    .summary = "one record: into the spill, into the ring, begin+end, against private books and ck_ring",
    .about =
        "What one record costs the thread that makes it: the cases of bench/record_cases.def in rounds that "
        "alternate between them, as ratios to the same sample booked in private memory.\n",
    .example = "slipring-bench record --only same_books,spill,ring",
    .options = uses,
    .option_count = sizeof uses / sizeof uses[0],
    .tables = tables,
    .table_count = sizeof tables / sizeof tables[0],
    .run = run,
};
