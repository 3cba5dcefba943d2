/* SPDX-License-Identifier: Apache-2.0 */
/* How fast an agent drains: bursts into many rings while slipringd is stopped, then the CPU time that it takes, and the time
 * that passes, from SIGCONT until every sample is in the books; against the same samples booked from private memory into
 * private books. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "daemon.h"
#include "folder.h"
#include "ledger.h"
#include "machine.h"
#include "peer/inspect.h"
#include "private_books.h"
#include "rounds.h"

enum drain_case {
#define DRAIN_CASE(id, title, rings, burst, has_cost, spills) CASE_##id,
#include "drain_cases.def"
#undef DRAIN_CASE
    CASE_COUNT,
};

static const struct case_plan {
    const char *title;
    uint32_t rings, burst;
    bool has_cost, spills;
} plans[CASE_COUNT] = {
#define DRAIN_CASE(id, title, rings, burst, has_cost, spills)                                                \
    [CASE_##id] = {(title), (rings), (burst), (has_cost), (spills)},
#include "drain_cases.def"
#undef DRAIN_CASE
};

static const char *const names[CASE_COUNT] = {
#define DRAIN_CASE(id, title, rings, burst, has_cost, spills) [CASE_##id] = #id,
#include "drain_cases.def"
#undef DRAIN_CASE
};

#define STOPS       8u /* of the agent in a round: a ring holds only so much */
#define WARM_LOOKS  100u
#define WARM_BURST  20000u
#define LARGE_BURST 1024u /* needs the biggest ring */
#define TAKEN_MS    10000u

/* One primitive with its ring. */
struct lane {
    char name[32];
    struct ledger ledger;
    struct tally expected;
    uint64_t position; /* in the cycle of samples */
    uint32_t ring;
    uint32_t ring_words;
    struct ledger_found warm; /* what was booked when the rounds began */
};

struct run {
    bool is_wanted;
    struct daemon daemon;
    struct sr_inspect *inspect;
    struct lane *lanes;                    /* plans[].rings */
    struct private_books *books;           /* as many */
    struct sample *list;                   /* as many bursts */
    double *cpu_ns, *wall_ns, *private_ns; /* of a sample, a round each */
};

struct setting {
    const struct options *options;
    struct machine machine;
    struct samples samples;
    struct run runs[CASE_COUNT];
};

struct drain_result {
    struct report_line line;
    double ns, ns_min, ns_max, million_per_second, wall_million_per_second;
    double private_ns, ratio_private, spill_share;
    uint64_t n, rings, burst, ring_words;
};

/* --- the agent --------------------------------------------------------------------------------------------------------- */

/* Of its main thread, which drains. Exact while that is stopped. */
static bool read_cpu_ns(const struct daemon *daemon, uint64_t *out_ns)
{
    char path[64];
    unsigned long long ns = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/schedstat", (int)daemon->pid, (int)daemon->pid);
    FILE *file = fopen(path, "r");
    const bool is_read = file && fscanf(file, "%llu", &ns) == 1;
    if (file) {
        (void)fclose(file);
    }
    if (!is_read) {
        fprintf(stderr, "slipring-bench: %s cannot be read\n", path);
    }
    *out_ns = ns;
    return is_read;
}

/* Until nothing waits in any of the rings: their heads are published when the samples are in the books, and what spilled is booked
 * with them. */
static bool await_heads(const struct run *run, uint32_t rings)
{
    const uint64_t deadline_ns = machine_clock_ns() + TAKEN_MS * UINT64_C(1000000);
    for (uint32_t i = rings; i-- > 0;) { /* the last one is taken last */
        while (sr_inspect_waiting(run->inspect, run->lanes[i].ring) != 0) {
            if (machine_is_interrupted() || machine_clock_ns() > deadline_ns) {
                fputs("slipring-bench: slipringd does not drain\n", stderr);
                return false;
            }
            machine_spin_until(machine_clock_ns() + 2000);
        }
    }
    return true;
}

/* --- a round of one case ------------------------------------------------------------------------------------------------ */

static void record_burst(const struct setting *setting, const struct case_plan *plan, struct lane *lane,
                         uint32_t count)
{
    const struct slipring_cost *cost = plan->has_cost ? &setting->samples.cost : NULL;
    for (uint64_t i = lane->position; i < lane->position + count; i++) {
        const struct sample *sample = samples_at(&setting->samples, i);
        slipring_record(lane->ledger.primitive, sample->duration_ns, (enum slipring_outcome)sample->outcome,
                        cost);
    }
    tally_add(&lane->expected, &setting->samples, lane->position, count, cost);
    lane->position += count;
}

/* Stopped, filled, and let go until all is taken. Adds to *cpu_ns and *wall_ns. */
static bool drain_once(struct setting *setting, enum drain_case id, uint64_t *cpu_ns, uint64_t *wall_ns)
{
    const struct case_plan *plan = &plans[id];
    struct run *run = &setting->runs[id];
    uint64_t before_ns = 0;
    uint64_t after_ns = 0;
    for (uint32_t i = 0; i < plan->rings; i++) {
        record_burst(setting, plan, &run->lanes[i], plan->burst);
    }
    if (!read_cpu_ns(&run->daemon, &before_ns)) {
        return false;
    }
    const uint64_t begin_ns = machine_clock_ns();
    if (!daemon_resume(&run->daemon) || !await_heads(run, plan->rings)) {
        return false;
    }
    *wall_ns += machine_clock_ns() - begin_ns;
    if (!daemon_pause(&run->daemon) || !read_cpu_ns(&run->daemon, &after_ns)) {
        return false;
    }
    *cpu_ns += after_ns - before_ns;
    return true;
}

static __attribute__((noinline)) uint64_t book_privately(const struct setting *setting, enum drain_case id)
{
    const struct case_plan *plan = &plans[id];
    const struct run *run = &setting->runs[id];
    const struct slipring_cost *cost = plan->has_cost ? &setting->samples.cost : NULL;
    const uint64_t begin_ns = machine_clock_ns();
    for (uint32_t lane = 0; lane < plan->rings; lane++) {
        const struct sample *list = run->list + (size_t)lane * plan->burst;
        for (uint32_t i = 0; i < plan->burst; i++) {
            private_books_record(&run->books[lane], list[i].duration_ns, list[i].outcome, cost);
            machine_settle();
        }
    }
    return machine_clock_ns() - begin_ns;
}

static bool run_round(struct setting *setting, enum drain_case id, uint32_t round)
{
    struct run *run = &setting->runs[id];
    const double samples = (double)STOPS * plans[id].rings * plans[id].burst;
    uint64_t cpu_ns = 0;
    uint64_t wall_ns = 0;
    uint64_t private_ns = 0;
    for (uint32_t i = 0; i < STOPS; i++) {
        if (!drain_once(setting, id, &cpu_ns, &wall_ns)) {
            return false;
        }
        private_ns += book_privately(setting, id);
    }
    run->cpu_ns[round] = (double)cpu_ns / samples;
    run->wall_ns[round] = (double)wall_ns / samples;
    run->private_ns[round] = (double)private_ns / samples;
    return true;
}

/* --- setting up --------------------------------------------------------------------------------------------------------- */

static bool allocate(struct setting *setting, enum drain_case id)
{
    const struct case_plan *plan = &plans[id];
    struct run *run = &setting->runs[id];
    const uint32_t rounds = setting->options->rounds;
    run->lanes = calloc(plan->rings, sizeof *run->lanes);
    run->books = calloc(plan->rings, sizeof *run->books);
    run->list = calloc((size_t)plan->rings * plan->burst, sizeof *run->list);
    run->cpu_ns = calloc(rounds, sizeof(double));
    run->wall_ns = calloc(rounds, sizeof(double));
    run->private_ns = calloc(rounds, sizeof(double));
    if (!run->lanes || !run->books || !run->list || !run->cpu_ns || !run->wall_ns || !run->private_ns) {
        perror("slipring-bench");
        return false;
    }
    for (uint32_t i = 0; i < plan->rings; i++) {
        private_books_clear(&run->books[i]);
    }
    for (uint64_t i = 0; i < (uint64_t)plan->rings * plan->burst; i++) {
        run->list[i] = *samples_at(&setting->samples, i);
    }
    return true;
}

/* Which ring has it now? */
static void find_rings(struct run *run, uint32_t rings)
{
    static uint32_t lane_of[1u << 16]; /* by primitive id, 1 + lane */
    struct sr_inspect_primitive primitive;
    struct sr_inspect_ring ring;
    memset(lane_of, 0, sizeof lane_of);
    for (uint32_t id = 0; id < sr_inspect_primitive_count(); id++) {
        uint32_t lane = 0;
        if (sr_inspect_primitive(run->inspect, id, &primitive) == SLIPRING_OK &&
            sscanf(primitive.name, "lane_%u", &lane) == 1 && lane < rings) {
            lane_of[id] = lane + 1;
        }
    }
    for (uint32_t id = 0; id < sr_inspect_ring_count(); id++) {
        if (sr_inspect_ring(run->inspect, id, &ring) == SLIPRING_OK && strcmp(ring.state, "owned") == 0 &&
            ring.primitive != SR_INSPECT_NONE && lane_of[ring.primitive] != 0) {
            struct lane *lane = &run->lanes[lane_of[ring.primitive] - 1];
            lane->ring = id;
            lane->ring_words = ring.words;
        }
    }
}

/* Of a burst, as far as it is to find room in the ring: what a sample takes is one word, or three with a cost. */
static uint32_t words_of(const struct case_plan *plan)
{
    return plan->burst * (plan->has_cost ? 3 : 1) / (plan->spills ? 2 : 1);
}

static bool note_warm(struct run *run, uint32_t rings)
{
    bool is_booked = true;
    for (uint32_t i = 0; i < rings; i++) {
        is_booked &= ledger_agree(&run->lanes[i].ledger, &run->lanes[i].expected, true, &run->lanes[i].warm);
    }
    return is_booked;
}

/* Bursts until each has the ring that its case is about: a small one from the first record on, the biggest by spilling. */
static bool warm_up(struct setting *setting, enum drain_case id)
{
    const struct case_plan *plan = &plans[id];
    struct run *run = &setting->runs[id];
    const bool is_large = plan->burst > LARGE_BURST;
    for (uint32_t look = 0; look < WARM_LOOKS && !machine_is_interrupted(); look++) {
        bool is_ready = true;
        for (uint32_t i = 0; i < plan->rings; i++) {
            record_burst(setting, plan, &run->lanes[i], is_large ? WARM_BURST : 1);
        }
        machine_sleep_ms(60); /* it dozes 50 ms at most */
        find_rings(run, plan->rings);
        for (uint32_t i = 0; i < plan->rings; i++) {
            is_ready &= run->lanes[i].ring_words >= words_of(plan);
        }
        if (is_ready) {
            return note_warm(run, plan->rings) && daemon_pause(&run->daemon);
        }
    }
    fprintf(stderr, "slipring-bench: %s: slipringd gave no rings that hold a burst\n", names[id]);
    return false;
}

static bool set_up_run(struct setting *setting, enum drain_case id)
{
    struct run *run = &setting->runs[id];
    if (!allocate(setting, id) ||
        !daemon_start(&run->daemon, names[id], setting->machine.consumer_cpu, setting->machine.is_pinned)) {
        return false;
    }
    for (uint32_t i = 0; i < plans[id].rings; i++) {
        struct lane *lane = &run->lanes[i];
        (void)snprintf(lane->name, sizeof lane->name, "lane_%u", i);
        if (!ledger_open(&lane->ledger, names[id], lane->name)) {
            return false;
        }
    }
    const enum slipring_status status = sr_inspect_open(names[id], &run->inspect);
    if (status != SLIPRING_OK) {
        fprintf(stderr, "slipring-bench: store %s: %s\n", names[id], slipring_status_text(status));
        return false;
    }
    return warm_up(setting, id);
}

static bool tear_down(struct setting *setting)
{
    bool is_clean = true;
    for (uint32_t id = 0; id < CASE_COUNT; id++) {
        struct run *run = &setting->runs[id];
        if (run->daemon.pid != 0) {
            (void)daemon_resume(&run->daemon); /* if it ended, stopping says so */
        }
        is_clean &= daemon_stop(&run->daemon);
        sr_inspect_close(run->inspect);
        free(run->lanes);
        free(run->books);
        free(run->list);
        free(run->cpu_ns);
        free(run->wall_ns);
        free(run->private_ns);
    }
    return is_clean;
}

/* --- results ------------------------------------------------------------------------------------------------------------ */

#define FIELD(member, kind, heading, width, help)                                                            \
    REPORT_FIELD(struct drain_result, member, kind, heading, width, help)

static const struct report_field fields[] = {
    FIELD(ns, NUMBER, "ns", 7, "of the agent's CPU time a sample: median over the rounds"),
    FIELD(ns_min, NUMBER, "min", 7, "the least round"),
    FIELD(ns_max, NUMBER, "max", 7, "the greatest round"),
    FIELD(million_per_second, NUMBER, "M/s CPU", 8, "million samples a second of the agent's CPU time"),
    FIELD(wall_million_per_second, NUMBER, "M/s wall", 9,
          "million samples a second that passed, from SIGCONT until all is in the books"),
    FIELD(private_ns, NUMBER, "private", 8,
          "ns a sample: the same samples, from private memory into private books"),
    FIELD(ratio_private, RATIO, "x private", 10, "ns by private_ns of the same round: median"),
    FIELD(spill_share, SHARE, "spilled", 9, "of the samples after the warm-up, through spill blocks"),
    FIELD(n, COUNT, NULL, 0, "samples in all, warm-up included"),
    FIELD(rings, COUNT, NULL, 0, "of as many primitives"),
    FIELD(burst, COUNT, NULL, 0, "samples into each ring while the agent is stopped, eight times a round"),
    FIELD(ring_words, COUNT, NULL, 0, "that the last ring holds: a sample takes one, three with a cost"),
};

static const struct report_table drain_table = {
    .fields = fields,
    .field_count = sizeof fields / sizeof fields[0],
};

/* Every primitive's books, to the last nano-dollar; and the private ones. */
static bool check(struct setting *setting, enum drain_case id, struct drain_result *result)
{
    struct run *run = &setting->runs[id];
    const uint64_t measured = (uint64_t)setting->options->rounds * STOPS * plans[id].rings * plans[id].burst;
    uint64_t spilled = 0;
    struct tally privately = {0};
    bool conserved = daemon_resume(&run->daemon);
    for (uint32_t i = 0; conserved && i < plans[id].rings; i++) {
        struct ledger_found found = {0};
        struct tally part;
        conserved &= ledger_agree(&run->lanes[i].ledger, &run->lanes[i].expected, true, &found);
        private_books_sum(&run->books[i], &part);
        privately.count += part.count;
        spilled += found.spilled - run->lanes[i].warm.spilled;
        result->n += found.count;
    }
    result->spill_share = (double)spilled / (double)measured;
    return conserved && privately.count == measured;
}

static bool report_case(struct setting *setting, enum drain_case id)
{
    struct run *run = &setting->runs[id];
    const uint32_t rounds = setting->options->rounds;
    struct drain_result result = {
        .line = {.name = names[id], .title = plans[id].title, .checked = "books"},
        .ratio_private = rounds_ratio(run->cpu_ns, run->private_ns, rounds),
        .rings = plans[id].rings,
        .burst = plans[id].burst,
        .ring_words = run->lanes[plans[id].rings - 1].ring_words,
    };
    result.ns = rounds_median(run->cpu_ns, rounds); /* sorts them */
    result.ns_min = run->cpu_ns[0];
    result.ns_max = run->cpu_ns[rounds - 1];
    result.million_per_second = 1000 / result.ns;
    result.wall_million_per_second = 1000 / rounds_median(run->wall_ns, rounds);
    result.private_ns = rounds_median(run->private_ns, rounds);
    result.line.conserved = check(setting, id, &result);
    report_row(setting->options, &setting->machine, &drain_table, &result.line, &result);
    return result.line.conserved;
}

static int measure(struct setting *setting)
{
    const struct options *options = setting->options;
    for (uint32_t round = 0; round < options->rounds; round++) {
        for (uint32_t id = 0; id < CASE_COUNT && !machine_is_interrupted(); id++) {
            if (setting->runs[id].is_wanted && !run_round(setting, (enum drain_case)id, round)) {
                return BENCH_BAD;
            }
        }
    }
    if (machine_is_interrupted()) {
        fputs("slipring-bench: interrupted\n", stderr);
        return BENCH_BAD;
    }
    char sentence[160];
    (void)snprintf(sentence, sizeof sentence,
                   "%u rounds; slipringd stopped, filled and let go %u times a round", options->rounds,
                   STOPS);
    report_begin(options, &setting->machine, sentence);
    report_head(options, &drain_table);
    bool conserved = true;
    for (uint32_t id = 0; id < CASE_COUNT; id++) {
        conserved &= !setting->runs[id].is_wanted || report_case(setting, (enum drain_case)id);
    }
    return conserved ? BENCH_OK : BENCH_UNBALANCED;
}

static int run(const struct options *options)
{
    static struct setting setting;
    static struct folder folder;
    setting.options = options;
    samples_make(&setting.samples);
    if (!options_only_is_known(options, names, CASE_COUNT) || !machine_take(options->cpu, &setting.machine)) {
        return BENCH_BAD;
    }
    if (!daemon_is_built()) {
        fputs("slipring-bench: there is no slipringd beside slipring-bench\n", stderr);
        return BENCH_BAD;
    }
    if (!folder_make(&folder)) {
        return BENCH_BAD;
    }
    machine_catch_interrupts();
    bool is_set_up = true;
    for (uint32_t id = 0; id < CASE_COUNT && is_set_up; id++) {
        setting.runs[id].is_wanted = options_wants(options, names[id]);
        is_set_up = !setting.runs[id].is_wanted || set_up_run(&setting, (enum drain_case)id);
    }
    int status = is_set_up ? measure(&setting) : BENCH_BAD;
    if (!tear_down(&setting) && status == BENCH_OK) {
        status = BENCH_BAD;
    }
    return folder_remove(&folder) ? status : BENCH_BAD;
}

static const struct option_use uses[] = {
    {OPTION_rounds, 7, NULL},
    {OPTION_only, 0, "See bench/drain_cases.def for what they are."},
};

static const struct report_table *const tables[] = {&drain_table};

const struct benchmark bench_drain = {
    .name = "drain",
    .summary = "a real slipringd drains bursts: samples a second, against private books",
    .about = "How fast an agent books what waits in rings, all books and the journal on: slipringd is "
             "stopped, one thread fills "
             "its rings, slipringd goes on. Counted is the CPU time of its main thread until the last ring "
             "is empty, whatever else "
             "that thread did meanwhile; nobody records beside it.\n",
    .example = "slipring-bench drain --only rings_16,spill_16",
    .options = uses,
    .option_count = sizeof uses / sizeof uses[0],
    .tables = tables,
    .table_count = sizeof tables / sizeof tables[0],
    .run = run,
};
