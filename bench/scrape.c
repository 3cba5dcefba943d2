/* SPDX-License-Identifier: Apache-2.0 */
/* What a scrape of /metrics takes: the cases of scrape_cases.def, each a store with an agent of its own, in alternating
 * rounds; every answer of a round has to add up to what was recorded. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "churn.h"
#include "folder.h"
#include "machine.h"
#include "rounds.h"
#include "scraper.h"
#include "served.h"
#include "usage.h"

enum scrape_case {
#define SCRAPE_CASE(id, title, primitives, has_dead, has_objectives, exposes_few, format) CASE_##id,
#include "scrape_cases.def"
#undef SCRAPE_CASE
    CASE_COUNT,
};

static const struct case_plan {
    const char *name, *title;
    uint32_t primitives;
    bool has_dead, has_objectives, exposes_few;
    enum scraper_format format;
} plans[CASE_COUNT] = {
#define SCRAPE_CASE(id, title, primitives, has_dead, has_objectives, exposes_few, format)                    \
    [CASE_##id] = {#id, (title), (primitives), (has_dead), (has_objectives), (exposes_few), SCRAPER_##format},
#include "scrape_cases.def"
#undef SCRAPE_CASE
};

static const char *const names[CASE_COUNT] = {
#define SCRAPE_CASE(id, title, primitives, has_dead, has_objectives, exposes_few, format) [CASE_##id] = #id,
#include "scrape_cases.def"
#undef SCRAPE_CASE
};

#define SAMPLES_EACH    16u   /* of every primitive: data in several buckets */
#define PRIMITIVES_MOST 2000u /* scraped in a round, over all of its scrapes ... */
#define SCRAPES_LEAST   2u    /* ... of which there are so many at least */
#define SCRAPES_MOST    100u
#define PUBLISHED_MS    2000u

struct run {
    bool is_wanted;
    struct served served;
    struct scraper scraper;
    struct tally expected;
    struct churn churn;
    struct exposed exposed; /* of the last scrape */
    uint64_t scrapes;
    bool conserved;
    double *wall_ns, *cpu_ns, *render_ns; /* of a scrape, a round each */
};

struct scrape_result {
    struct report_line line;
    double ms, ms_min, ms_max;
    double cpu_ms, render_ms;
    double ratio_living, ratio_text;
    double us_per_primitive;
    double dead_seconds, segments_kib, agent_kib;
    uint64_t primitives, series, bytes, dead, scrapes;
};

struct setting {
    const struct options *options;
    struct machine machine;
    struct samples samples;
    struct run runs[CASE_COUNT];
};

/* --- setting up --------------------------------------------------------------------------------------------------------- */

static bool set_up_run(struct setting *setting, enum scrape_case id)
{
    struct run *run = &setting->runs[id];
    const uint32_t rounds = setting->options->rounds;
    run->wall_ns = calloc(rounds, sizeof *run->wall_ns);
    run->cpu_ns = calloc(rounds, sizeof *run->cpu_ns);
    run->render_ns = calloc(rounds, sizeof *run->render_ns);
    if (!run->wall_ns || !run->cpu_ns || !run->render_ns) {
        perror("slipring-bench");
        return false;
    }
    const struct fleet_plan plan = {
        .store = names[id],
        .samples = &setting->samples,
        .processes = 1,
        .threads = 1,
        .primitives = plans[id].primitives,
        .has_no_objectives = !plans[id].has_objectives,
        .exposes_few = plans[id].exposes_few,
    };
    if (!served_start(&run->served, &setting->machine, &plan) ||
        !fleet_record(&run->served.fleet, SAMPLES_EACH)) {
        return false;
    }
    run->expected = run->served.fleet.expected;
    if (plans[id].has_dead &&
        !churn_run(&run->served, &setting->machine, setting->options->dead, &run->expected, &run->churn)) {
        return false;
    }
    run->conserved = booked_await(run->served.stats, names[id], &run->expected);
    return true;
}

static bool set_up(struct setting *setting)
{
    for (uint32_t id = 0; id < CASE_COUNT; id++) {
        struct run *run = &setting->runs[id];
        run->scraper.fd = -1;
        run->is_wanted = options_wants(setting->options, names[id]);
        if (run->is_wanted && !set_up_run(setting, (enum scrape_case)id)) {
            return false;
        }
    }
    return true;
}

static bool tear_down(struct setting *setting)
{
    bool is_good = true;
    for (uint32_t id = 0; id < CASE_COUNT; id++) {
        struct run *run = &setting->runs[id];
        scraper_close(&run->scraper);
        is_good &= !run->is_wanted || served_stop(&run->served);
        free(run->wall_ns);
        free(run->cpu_ns);
        free(run->render_ns);
    }
    return is_good;
}

/* --- a round of one case ------------------------------------------------------------------------------------------------ */

/* Does the last answer hold what was recorded? */
static bool is_conserved(struct run *run, const char *name)
{
    struct exposed *exposed = &run->exposed;
    scraper_add_up(&run->scraper, exposed);
    exposed->tally.min_ns = run->expected.min_ns; /* not exposed */
    exposed->tally.max_ns = run->expected.max_ns;
    if (exposed->is_sound && exposed->aborted == 0 && tally_equals(&exposed->tally, &run->expected)) {
        return true;
    }
    tally_print(name, "recorded", &run->expected);
    tally_print(name, exposed->is_sound ? "scraped" : "scraped, not sound", &exposed->tally);
    return false;
}

/* Wait until the agent has published that it was scraped, and how long it took to render the last one. NaN: never. */
static double published_render_ns(const struct run *run)
{
    struct sr_agent_figures figures = {.scrapes = 0};
    for (uint32_t waited_ms = 0; waited_ms < PUBLISHED_MS; waited_ms += 10) {
        if (sr_stats_agent_figures(run->served.stats, &figures) == SLIPRING_OK &&
            figures.scrapes == run->scrapes) {
            return (double)figures.scrape_ns;
        }
        machine_sleep_ms(10);
    }
    fprintf(stderr, "slipring-bench: %s: scraped %" PRIu64 " times, the agent counted %" PRIu64 "\n",
            run->served.store, run->scrapes, figures.scrapes);
    return NAN;
}

static bool run_round(struct setting *setting, enum scrape_case id, uint32_t round)
{
    struct run *run = &setting->runs[id];
    const uint32_t fitting = PRIMITIVES_MOST / plans[id].primitives;
    const uint32_t scrapes = fitting < SCRAPES_LEAST  ? SCRAPES_LEAST
                             : fitting > SCRAPES_MOST ? SCRAPES_MOST
                                                      : fitting;
    struct usage before;
    struct usage after;
    uint64_t took_ns = 0;
    scraper_close(&run->scraper); /* the agent hangs up on whoever is silent for ten seconds */
    if (!scraper_connect(&run->scraper, run->served.listen, plans[id].format) ||
        !usage_read(run->served.daemon.pid, &before)) {
        return false;
    }
    for (uint32_t i = 0; i < scrapes; i++) {
        const uint64_t ns = scraper_scrape(&run->scraper);
        if (ns == 0) {
            return false;
        }
        took_ns += ns;
    }
    run->scrapes += scrapes;
    run->render_ns[round] = published_render_ns(run);
    if (isnan(run->render_ns[round]) || !usage_read(run->served.daemon.pid, &after)) {
        return false;
    }
    run->wall_ns[round] = (double)took_ns / scrapes;
    /* the first thread is the one that drains and publishes, whether or not anybody scrapes */
    run->cpu_ns[round] =
        (double)(after.cpu_ns - after.first_ns - (before.cpu_ns - before.first_ns)) / scrapes;
    run->conserved &= is_conserved(run, names[id]);
    return true;
}

/* --- results ------------------------------------------------------------------------------------------------------------ */

#define FIELD(member, kind, heading, width, help)                                                            \
    REPORT_FIELD(struct scrape_result, member, kind, heading, width, help)
#define OPTIONAL(member, kind, heading, width, help)                                                         \
    REPORT_OPTIONAL(struct scrape_result, member, kind, heading, width, help)

static const struct report_field fields[] = {
    FIELD(ms, NUMBER, "ms", 7,
          "of a scrape, from the first byte sent to the last one received: the median over the rounds"),
    FIELD(ms_min, NUMBER, "min", 7, "the least round"),
    FIELD(ms_max, NUMBER, "max", 7, "the greatest round"),
    FIELD(render_ms, NUMBER, "render", 7,
          "of that, the agent's rendering, as it says itself: the last scrape of each round"),
    FIELD(cpu_ms, NUMBER, "cpu", 7,
          "CPU time that it cost the agent: all of its threads but the one that drains"),
    FIELD(us_per_primitive, NUMBER, "us/prim", 8, "microseconds of a scrape by primitives"),
    OPTIONAL(ratio_living, RATIO, "x living", 8,
             "by the same scrape without dead producers, in the same round: the median"),
    OPTIONAL(ratio_text, RATIO, "x text", 7,
             "CPU time by that of the same scrape in text, in the same round: the median"),
    FIELD(primitives, COUNT, NULL, 0, "in the answer"),
    FIELD(series, COUNT, "series", 8, "lines with a number"),
    FIELD(bytes, COUNT, "bytes", 9, "of the answer's body"),
    OPTIONAL(dead, COUNT, "dead", 7, "producers that came, recorded, and went before"),
    OPTIONAL(dead_seconds, NUMBER, "seconds", 8, "from the first one's birth to the last one's folding"),
    OPTIONAL(segments_kib, NUMBER, "+ KiB", 8,
             "that both segments took more when the last one was folded than after the first 1,760"),
    OPTIONAL(agent_kib, NUMBER, "+ agent", 8, "KiB: likewise the agent's own resident memory"),
    FIELD(scrapes, COUNT, NULL, 0, "in all"),
};

static const struct report_table scrape_table = {
    .fields = fields,
    .field_count = sizeof fields / sizeof fields[0],
};

/* The case in text with as many primitives like these. CASE_COUNT: none was wanted. */
static enum scrape_case text_of(const struct setting *setting, enum scrape_case id)
{
    for (uint32_t other = 0; other < CASE_COUNT; other++) {
        if (plans[other].format == SCRAPER_TEXT && plans[other].primitives == plans[id].primitives &&
            plans[other].has_objectives == plans[id].has_objectives && !plans[other].has_dead &&
            !plans[other].exposes_few && setting->runs[other].is_wanted) {
            return (enum scrape_case)other;
        }
    }
    return CASE_COUNT;
}

static void sum_up(const struct setting *setting, enum scrape_case id, struct scrape_result *result)
{
    const struct run *run = &setting->runs[id];
    const uint32_t rounds = setting->options->rounds;
    *result = (struct scrape_result){
        .line = {.name = names[id],
                 .title = plans[id].title,
                 .checked = "scraped",
                 .conserved = run->conserved && run->exposed.primitives >= plans[id].primitives},
        .primitives = run->exposed.primitives,
        .series = run->exposed.series,
        .bytes = run->scraper.body_bytes,
        .dead = plans[id].has_dead ? setting->options->dead : 0,
        .scrapes = run->scrapes,
        .ratio_living = NAN,
        .ratio_text = NAN,
        .dead_seconds = NAN,
        .segments_kib = NAN,
        .agent_kib = NAN,
    };
    if (plans[id].has_dead) {
        const struct churn_memory *early = &run->churn.early;
        const struct churn_memory *late = &run->churn.late;
        result->dead_seconds = (double)run->churn.ns / 1e9;
        result->segments_kib = ((double)late->ring_bytes + (double)late->stats_bytes -
                                (double)early->ring_bytes - (double)early->stats_bytes) /
                               1024;
        result->agent_kib = ((double)late->agent_bytes - (double)early->agent_bytes) / 1024;
    }
    if (plans[id].has_dead && setting->runs[id - 1].is_wanted) {
        result->ratio_living = rounds_ratio(run->wall_ns, setting->runs[id - 1].wall_ns, rounds);
    }
    const enum scrape_case text = text_of(setting, id);
    if (plans[id].format != SCRAPER_TEXT && text != CASE_COUNT) {
        result->ratio_text = rounds_ratio(run->cpu_ns, setting->runs[text].cpu_ns, rounds);
    }
}

/* After all ratios are taken: sorts the rounds. */
static void sum_up_rounds(const struct setting *setting, enum scrape_case id, struct scrape_result *result)
{
    const struct run *run = &setting->runs[id];
    const uint32_t rounds = setting->options->rounds;
    result->ms = rounds_median(run->wall_ns, rounds) / 1e6;
    result->ms_min = run->wall_ns[0] / 1e6;
    result->ms_max = run->wall_ns[rounds - 1] / 1e6;
    result->cpu_ms = rounds_median(run->cpu_ns, rounds) / 1e6;
    result->render_ms = rounds_median(run->render_ns, rounds) / 1e6;
    result->us_per_primitive = result->ms * 1e3 / plans[id].primitives;
}

static bool report(const struct setting *setting)
{
    struct scrape_result results[CASE_COUNT];
    char sentence[160];
    bool conserved = true;
    (void)snprintf(sentence, sizeof sentence,
                   "%u rounds; a scrape over loopback, the connection kept; %u samples of each primitive",
                   setting->options->rounds, SAMPLES_EACH);
    report_begin(setting->options, &setting->machine, sentence);
    report_head(setting->options, &scrape_table);
    for (uint32_t id = 0; id < CASE_COUNT; id++) {
        if (setting->runs[id].is_wanted) {
            sum_up(setting, (enum scrape_case)id, &results[id]);
        }
    }
    for (uint32_t id = 0; id < CASE_COUNT; id++) {
        if (setting->runs[id].is_wanted) {
            sum_up_rounds(setting, (enum scrape_case)id, &results[id]);
            conserved &= results[id].line.conserved;
            report_row(setting->options, &setting->machine, &scrape_table, &results[id].line, &results[id]);
        }
    }
    return conserved;
}

static int measure(struct setting *setting)
{
    for (uint32_t round = 0; round <= setting->options->rounds; round++) { /* the first one is to warm up */
        for (uint32_t id = 0; id < CASE_COUNT && !machine_is_interrupted(); id++) {
            if (setting->runs[id].is_wanted &&
                !run_round(setting, (enum scrape_case)id, round == 0 ? 0 : round - 1)) {
                return BENCH_BAD;
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
    samples_make(&setting.samples);
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
    {OPTION_dead, 10000, NULL},
    {OPTION_only, 0, "See bench/scrape_cases.def for what they are."},
};

static const struct report_table *const tables[] = {&scrape_table};

const struct benchmark bench_scrape = {
    .name = "scrape",
    .summary = "a scrape of /metrics: 1 to 10,000 primitives, and dead producers behind them",
    .about =
        "How long a scrape of /metrics takes over loopback, and what it costs the agent, with 1 to 10,000 "
        "primitives that have data; and whether it grows with the producers that came and went.\n",
    .example = "slipring-bench scrape --only p1000,p1000_dead --dead 100000",
    .options = uses,
    .option_count = sizeof uses / sizeof uses[0],
    .tables = tables,
    .table_count = sizeof tables / sizeof tables[0],
    .run = run,
};
