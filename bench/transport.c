/* SPDX-License-Identifier: Apache-2.0 */
/* From one thread to another: a slipring ring against ck_ring, nothing else being done with what is handed over.
 *
 * Each lane of lanes.def at each rest of the consumer, in alternating rounds. A round: a consumer thread looks, takes all there is,
 * rests, and over again; the producer puts eighths of the capacity, and waits before each one until it fits, which is timed apart.
 * Both sides of all lanes run through the same lines of this file. */
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "folder.h"
#include "lane.h"
#include "rounds.h"

enum lane_id {
#define LANE(id, title, kind, capacity) LANE_ID_##id,
#include "lanes.def"
#undef LANE
    LANE_COUNT,
};

static const struct lane_plan plans[LANE_COUNT] = {
#define LANE(id, title, kind, capacity) [LANE_ID_##id] = {#id, (title), LANE_##kind, (capacity)},
#include "lanes.def"
#undef LANE
};

static const char *const names[LANE_COUNT] = {
#define LANE(id, title, kind, capacity) [LANE_ID_##id] = #id,
#include "lanes.def"
#undef LANE
};

#define CLOCK_NS   UINT64_C(100000) /* between two settings of the clock, at least: as slipringd does */
#define POLL_NS    UINT64_C(1000)   /* between two looks whether there is room, so as not to be in the way */
#define PARTS      8u               /* of the capacity: what is put at once, and timed as one */
#define NAME_BYTES 32u

static const uint32_t default_rests[] = {0, 100, 250, 1000};

/* A lane at a rest: a round each. */
struct figures {
    double *ns;      /* of a sample, putting alone */
    double *wall_ns; /* of a sample, waiting for room included */
    uint64_t waits;
};

struct setting {
    const struct options *options;
    struct machine machine;
    struct samples samples;
    struct option_list rests;
    bool is_wanted[LANE_COUNT];
    struct lane *lanes[LANE_COUNT];
    struct figures figures[OPTIONS_LIST_MAX][LANE_COUNT];
};

struct transport_result {
    struct report_line line;
    double million_per_second, wall_million_per_second, ns, ns_min, ns_max, ratio, wall_ratio, spill_share;
    uint64_t rest_us, item_bytes, capacity, n, waits;
};

/* --- a round -------------------------------------------------------------------------------------------------------------- */

struct consumer {
    struct lane *lane;
    uint32_t rest_us;
    _Atomic bool is_stopping;
    pthread_t thread;
};

static void *consume(void *argument)
{
    struct consumer *consumer = argument;
    const struct timespec rest = {.tv_nsec = (long)consumer->rest_us * 1000};
    uint64_t clock_ns = 0;
    /* acquire: pairs with stop(); else the last samples are not seen by the last look */
    while (!atomic_load_explicit(&consumer->is_stopping, memory_order_acquire)) {
        const uint64_t now_ns = machine_clock_ns();
        if (now_ns - clock_ns >= CLOCK_NS) {
            lane_set_clock(consumer->lane, now_ns);
            clock_ns = now_ns;
        }
        lane_take(consumer->lane);
        if (consumer->rest_us != 0) {
            (void)nanosleep(&rest, NULL);
        }
    }
    lane_take(consumer->lane);
    return NULL;
}

/* False: a message says why. */
static bool start(struct consumer *consumer, const struct machine *machine)
{
    pthread_attr_t attributes;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(machine->consumer_cpu, &set);
    int error = pthread_attr_init(&attributes);
    if (error == 0 && machine->is_pinned) {
        error = pthread_attr_setaffinity_np(&attributes, sizeof set, &set);
    }
    if (error == 0) {
        error = pthread_create(&consumer->thread, &attributes, consume, consumer);
    }
    (void)pthread_attr_destroy(&attributes);
    if (error != 0) {
        fprintf(stderr, "slipring-bench: no thread to take samples: %s\n", strerror(error));
    }
    return error == 0;
}

static void stop(struct consumer *consumer)
{
    /* release: pairs with the acquire in consume(): the samples before it are seen by its last look */
    atomic_store_explicit(&consumer->is_stopping, true, memory_order_release);
    (void)pthread_join(consumer->thread, NULL);
}

/* Returns how long putting took. */
static uint64_t put_all(struct setting *setting, struct lane *lane, uint64_t *waits)
{
    const uint32_t part = lane->plan->capacity / PARTS;
    uint64_t took_ns = 0;
    for (uint32_t left = setting->options->batch; left > 0 && !machine_is_interrupted();) {
        const uint32_t count = left < part ? left : part;
        *waits += !lane_has_room(lane, count);
        while (!lane_has_room(lane, count) && !machine_is_interrupted()) {
            machine_spin_until(machine_clock_ns() + POLL_NS);
        }
        took_ns += lane_put(lane, &setting->samples, count);
        left -= count;
    }
    return took_ns;
}

static bool run_round(struct setting *setting, uint32_t rest, enum lane_id id, uint32_t round)
{
    struct figures *figures = &setting->figures[rest][id];
    struct consumer consumer = {.lane = setting->lanes[id], .rest_us = setting->rests.values[rest]};
    if (!start(&consumer, &setting->machine)) {
        return false;
    }
    const double batch = setting->options->batch;
    const uint64_t begin_ns = machine_clock_ns();
    figures->ns[round] = (double)put_all(setting, consumer.lane, &figures->waits) / batch;
    figures->wall_ns[round] = (double)(machine_clock_ns() - begin_ns) / batch;
    stop(&consumer);
    return true;
}

/* --- results -------------------------------------------------------------------------------------------------------------- */

#define FIELD(member, kind, heading, width, help)                                                            \
    REPORT_FIELD(struct transport_result, member, kind, heading, width, help)
#define OPTIONAL(member, kind, heading, width, help)                                                         \
    REPORT_OPTIONAL(struct transport_result, member, kind, heading, width, help)

static const struct report_field fields[] = {
    FIELD(million_per_second, NUMBER, "M/s", 8,
          "million samples a second that the producer puts while it puts; waiting for room is left out: "
          "median over the "
          "rounds"),
    FIELD(ns, NUMBER, "ns", 7, "the same: of one sample"),
    FIELD(ns_min, NUMBER, "min", 7, "the least round"),
    FIELD(ns_max, NUMBER, "max", 7, "the greatest round"),
    OPTIONAL(ratio, RATIO, "ring by", 8,
             "the ring's samples a second by this one's, in the same round and at the same rest: the median"),
    FIELD(wall_million_per_second, NUMBER, "M/s wall", 9, "with the waiting for room"),
    OPTIONAL(wall_ratio, RATIO, NULL, 0, "as ratio, with the waiting for room"),
    FIELD(rest_us, COUNT, "rest us", 8,
          "of the consumer after each look, asked for; the kernel adds some 50"),
    FIELD(item_bytes, COUNT, NULL, 0, "of a sample on its way"),
    FIELD(capacity, COUNT, NULL, 0, "how many samples there is room for"),
    FIELD(waits, COUNT, "waits", 8, "how often the producer had to wait for room, in all rounds"),
    FIELD(n, COUNT, NULL, 0, "samples of the lane at all rests, warm-up included"),
    FIELD(spill_share, SHARE, NULL, 0,
          "of these, through a spill block: 0, or the ring was not what was measured"),
};

static const struct report_table transport_table = {
    .fields = fields,
    .field_count = sizeof fields / sizeof fields[0],
};

/* Before anything is sorted: the rest's ratios. */
static void take_ratios(struct setting *setting, uint32_t rest, struct transport_result results[LANE_COUNT])
{
    const struct figures *ring = &setting->figures[rest][LANE_ID_ring];
    for (uint32_t id = 0; id < LANE_COUNT; id++) {
        const struct figures *own = &setting->figures[rest][id];
        const bool is_peer = id != LANE_ID_ring && setting->is_wanted[LANE_ID_ring];
        const uint32_t rounds = setting->options->rounds;
        results[id].ratio = is_peer ? rounds_ratio(own->ns, ring->ns, rounds) : NAN;
        results[id].wall_ratio = is_peer ? rounds_ratio(own->wall_ns, ring->wall_ns, rounds) : NAN;
    }
}

static void report_rest(struct setting *setting, uint32_t rest, const bool is_whole[LANE_COUNT],
                        const uint64_t spilled[LANE_COUNT])
{
    struct transport_result results[LANE_COUNT];
    memset(results, 0, sizeof results);
    take_ratios(setting, rest, results);
    for (uint32_t id = 0; id < LANE_COUNT; id++) {
        struct figures *figures = &setting->figures[rest][id];
        struct transport_result *result = &results[id];
        char name[NAME_BYTES];
        const uint32_t rounds = setting->options->rounds;
        if (!setting->is_wanted[id]) {
            continue;
        }
        (void)snprintf(name, sizeof name, "%s_%u", plans[id].name, setting->rests.values[rest]);
        result->line = (struct report_line){name, plans[id].title, "private", is_whole[id]};
        result->ns = rounds_median(figures->ns, rounds); /* sorts them */
        result->ns_min = figures->ns[0];
        result->ns_max = figures->ns[rounds - 1];
        result->million_per_second = 1e3 / result->ns;
        result->wall_million_per_second = 1e3 / rounds_median(figures->wall_ns, rounds);
        result->rest_us = setting->rests.values[rest];
        result->item_bytes = plans[id].kind == LANE_CK_32 ? 32 : 8;
        result->capacity = plans[id].capacity;
        result->waits = figures->waits;
        result->n = setting->lanes[id]->position;
        result->spill_share = (double)spilled[id] / (double)result->n;
        report_row(setting->options, &setting->machine, &transport_table, &result->line, result);
    }
}

/* True: nothing is missing. */
static bool report(struct setting *setting)
{
    bool is_whole[LANE_COUNT] = {false};
    uint64_t spilled[LANE_COUNT] = {0};
    bool conserved = true;
    char sentence[160];
    for (uint32_t id = 0; id < LANE_COUNT; id++) {
        struct tally expected = {0};
        if (setting->is_wanted[id]) {
            tally_add(&expected, &setting->samples, 0, setting->lanes[id]->position, NULL);
            is_whole[id] = lane_is_whole(setting->lanes[id], &expected, &spilled[id]);
            conserved &= is_whole[id];
        }
    }
    (void)snprintf(
        sentence, sizeof sentence,
        "%u rounds of %u samples from one thread to another; name_REST: microseconds that the consumer rests",
        setting->options->rounds, setting->options->batch);
    report_begin(setting->options, &setting->machine, sentence);
    report_head(setting->options, &transport_table);
    for (uint32_t rest = 0; rest < setting->rests.count; rest++) {
        report_rest(setting, rest, is_whole, spilled);
    }
    return conserved;
}

/* --- all of it ------------------------------------------------------------------------------------------------------------ */

static bool set_up_figures(struct setting *setting, enum lane_id id)
{
    const uint32_t rounds = setting->options->rounds;
    for (uint32_t rest = 0; rest < setting->rests.count; rest++) {
        struct figures *figures = &setting->figures[rest][id];
        figures->ns = calloc(rounds, sizeof(double));
        figures->wall_ns = calloc(rounds, sizeof(double));
        if (!figures->ns || !figures->wall_ns) {
            perror("slipring-bench");
            return false;
        }
    }
    return true;
}

static bool set_up(struct setting *setting)
{
    for (uint32_t id = 0; id < LANE_COUNT; id++) {
        setting->is_wanted[id] = options_wants(setting->options, plans[id].name);
        if (!setting->is_wanted[id]) {
            continue;
        }
        setting->lanes[id] = aligned_alloc(alignof(struct lane), sizeof(struct lane));
        if (!setting->lanes[id]) {
            perror("slipring-bench");
            return false;
        }
        memset(setting->lanes[id], 0, sizeof(struct lane));
        if (!lane_open(setting->lanes[id], &plans[id]) || !set_up_figures(setting, (enum lane_id)id)) {
            return false;
        }
    }
    return true;
}

static void tear_down(struct setting *setting)
{
    for (uint32_t id = 0; id < LANE_COUNT; id++) {
        for (uint32_t rest = 0; rest < setting->rests.count; rest++) {
            free(setting->figures[rest][id].ns);
            free(setting->figures[rest][id].wall_ns);
        }
        if (setting->lanes[id]) {
            lane_close(setting->lanes[id]);
        }
        free(setting->lanes[id]);
    }
}

/* One round of each lane at each rest. */
static bool go_round(struct setting *setting, uint32_t round)
{
    for (uint32_t rest = 0; rest < setting->rests.count; rest++) {
        for (uint32_t id = 0; id < LANE_COUNT && !machine_is_interrupted(); id++) {
            if (setting->is_wanted[id] && !run_round(setting, rest, (enum lane_id)id, round)) {
                return false;
            }
        }
    }
    return true;
}

static int measure(struct setting *setting)
{
    for (uint32_t round = 0; round <= setting->options->rounds; round++) { /* the first one is to warm up */
        if (!go_round(setting, round == 0 ? 0 : round - 1)) {
            return BENCH_BAD;
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
    setting.rests = options->rests;
    if (setting.rests.count == 0) {
        setting.rests.count = sizeof default_rests / sizeof default_rests[0];
        memcpy(setting.rests.values, default_rests, sizeof default_rests);
    }
    samples_make(&setting.samples);
    if (!options_only_is_known(options, names, LANE_COUNT) || !machine_take(options->cpu, &setting.machine) ||
        !folder_make(&folder)) {
        return BENCH_BAD;
    }
    machine_catch_interrupts();
    const int status = set_up(&setting) ? measure(&setting) : BENCH_BAD;
    tear_down(&setting);
    return folder_remove(&folder) ? status : BENCH_BAD;
}

static const struct option_use uses[] = {
    {OPTION_rounds, 11, NULL},
    {OPTION_batch, 100000, "Here: samples from one thread to the other."},
    {OPTION_rests, 0, "Default: 0,100,250,1000."},
    {OPTION_only, 0, "See bench/lanes.def for what they are."},
};

static const struct report_table *const tables[] = {&transport_table};

const struct benchmark bench_transport = {
    .name = "transport",
    .summary = "from one thread to another: the ring against ck_ring, both consumers as lazy",
    .about =
        "How many samples a second a thread hands to another one on its own CPU: through a slipring ring, "
        "and through Concurrency Kit's ck_ring with items of 32 bytes, which carry what a record is made of "
        "in a word each, and of 8 bytes, as large as the ring's. All consumers rest as long between two "
        "looks. When there is no room the producer waits, which is timed apart.\n",
    .example = "slipring-bench transport --rests 250 --only ring,ck_32",
    .options = uses,
    .option_count = sizeof uses / sizeof uses[0],
    .tables = tables,
    .table_count = sizeof tables / sizeof tables[0],
    .run = run,
};
