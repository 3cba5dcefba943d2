/* SPDX-License-Identifier: Apache-2.0 */
/* Made-up traffic: see traffic.h. */
#include "traffic.h"

#include <math.h>
#include <string.h>

#include <slipring/record.h>

#include "base/compiler.h"
#include "pure/bucket.h"

#define HOUR_S UINT64_C(3600)
#define DAY_S  (24 * HOUR_S)
#define PPM    UINT64_C(1000000)

static const char *const names[TRAFFIC_KIND_COUNT] = {"checkout", "render", "nightly", "edges", "steady"};

/* What is not as usual. Usual: failures 0.02 %, the usual durations, the usual rate. */
static const struct weather {
    enum traffic_kind kind;
    uint64_t from_s, until_s;
    uint32_t failing_ppm;
    uint32_t slow_ppm; /* so many take the longest durations */
    uint32_t rate_percent;
} weather[] = {
    /* a fast burn, for 50 minutes */
    {TRAFFIC_CHECKOUT, 2 * DAY_S + 10 * HOUR_S, 2 * DAY_S + 10 * HOUR_S + 3000, 300000, 0, 100},
    /* a slow burn, for three days */
    {TRAFFIC_CHECKOUT, 5 * DAY_S, 8 * DAY_S, 5000, 0, 100},
    /* just about the factor of the fastest pair, and of the second: edges back and forth, or none */
    {TRAFFIC_CHECKOUT, 12 * DAY_S + 9 * HOUR_S, 12 * DAY_S + 10 * HOUR_S, 13440, 0, 100},
    {TRAFFIC_CHECKOUT, 17 * DAY_S + 13 * HOUR_S, 17 * DAY_S + 16 * HOUR_S, 5600, 0, 100},
    /* slow for eight hours */
    {TRAFFIC_CHECKOUT, 20 * DAY_S + 8 * HOUR_S, 20 * DAY_S + 16 * HOUR_S, 200, 400000, 100},
    /* everything fails, at the end of January, while traffic surges */
    {TRAFFIC_CHECKOUT, 21 * DAY_S + 23 * HOUR_S, 22 * DAY_S + HOUR_S, 1000000, 500000, 500},
    /* nobody records: some hours, two days */
    {TRAFFIC_CHECKOUT, 29 * DAY_S + 4 * HOUR_S, 29 * DAY_S + 11 * HOUR_S, 0, 0, 0},
    {TRAFFIC_CHECKOUT, 33 * DAY_S, 35 * DAY_S, 0, 0, 0},
    {TRAFFIC_RENDER, 33 * DAY_S, 35 * DAY_S, 0, 0, 0},
    {TRAFFIC_NIGHTLY, 32 * DAY_S, 37 * DAY_S, 0, 0, 0},
    /* while an agent is killed and comes back */
    {TRAFFIC_CHECKOUT, 45 * DAY_S + 9 * HOUR_S, 45 * DAY_S + 15 * HOUR_S, 40000, 0, 150},
    {TRAFFIC_RENDER, 52 * DAY_S + 9 * HOUR_S, 52 * DAY_S + 13 * HOUR_S, 900000, 300000, 100},
    {TRAFFIC_CHECKOUT, 70 * DAY_S, 71 * DAY_S, 3000, 30000, 100},
    {TRAFFIC_NIGHTLY, 76 * DAY_S, 77 * DAY_S, 500000, 0, 300},
    {TRAFFIC_CHECKOUT, 85 * DAY_S + 11 * HOUR_S, 85 * DAY_S + 12 * HOUR_S, 80000, 0, 100},
};

const char *traffic_name(enum traffic_kind kind)
{
    return names[kind];
}

uint64_t traffic_draw(struct traffic *traffic, uint64_t below)
{
    traffic->state ^= traffic->state << 13;
    traffic->state ^= traffic->state >> 7;
    traffic->state ^= traffic->state << 17;
    return (traffic->state >> 11) % below;
}

/* --- durations ---------------------------------------------------------------------------------------------------------- */

static void add_value(struct traffic_values *values, double ns, uint64_t weight)
{
    const uint64_t before = values->count ? values->weight_until[values->count - 1] : 0;
    values->ns[values->count] =
        ns < (double)SLIPRING_DURATION_MAX_NS ? (uint64_t)ns : SLIPRING_DURATION_MAX_NS;
    values->weight_until[values->count++] = before + weight;
}

static void add_hump(struct traffic_values *values, double middle_ns, double sigma, uint32_t n, double share)
{
    for (uint32_t i = 0; i < n; i++) {
        const double z = -2.5 + 6.0 * i / (n - 1); /* the upper tail reaches further */
        add_value(values, middle_ns * exp(sigma * z), 1 + (uint64_t)(share * 1e6 * exp(-z * z / 2)));
    }
}

static void add_tail(struct traffic_values *values, double least_ns, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) { /* twice as long, half as often: no mean to speak of */
        add_value(values, least_ns * pow(2.0, i * 0.9), 1 + (uint64_t)(1e6 * pow(2.0, -1.0 * i)));
    }
}

static void add_edges(struct traffic_values *values)
{
    static const uint64_t range[] = {
        0, 1, 2, 3, 45, 46, 47, SLIPRING_DURATION_MAX_NS - 1, SLIPRING_DURATION_MAX_NS};
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(range); i++) {
        add_value(values, 0, 100);
        values->ns[values->count - 1] = range[i];
    }
    for (uint32_t bucket = 200; bucket < 1600; bucket += 37) {
        const uint64_t end = sr_bucket_upper_ns(bucket);
        add_value(values, (double)end, 50);
        add_value(values, (double)(end + 1), 50);
    }
}

void traffic_open(struct traffic *traffic, uint64_t seed)
{
    memset(traffic, 0, sizeof *traffic);
    traffic->state = seed | 1;
    add_hump(&traffic->values[TRAFFIC_CHECKOUT], 8e7, 0.45, 60, 1.0);
    add_value(&traffic->values[TRAFFIC_CHECKOUT], 250e6, 30000); /* at a threshold, and beside it */
    add_value(&traffic->values[TRAFFIC_CHECKOUT], 250e6 + 1, 3000);
    add_value(&traffic->values[TRAFFIC_CHECKOUT], 400e6, 3000);
    add_value(&traffic->values[TRAFFIC_CHECKOUT], 900e6, 30);
    add_hump(&traffic->values[TRAFFIC_RENDER], 4e6, 0.2, 24, 1.0);
    add_hump(&traffic->values[TRAFFIC_RENDER], 2e9, 0.1, 24, 0.01);
    add_tail(&traffic->values[TRAFFIC_NIGHTLY], 3e8, 20);
    add_edges(&traffic->values[TRAFFIC_EDGES]);
    add_value(&traffic->values[TRAFFIC_STEADY], 5e6, 1);
}

static uint32_t draw_value(struct traffic *traffic, const struct traffic_values *values, bool is_slow)
{
    if (is_slow) {
        return values->count - 1 - (uint32_t)traffic_draw(traffic, 1 + values->count / 16);
    }
    const uint64_t at = traffic_draw(traffic, values->weight_until[values->count - 1]);
    uint32_t low = 0;
    uint32_t high = values->count - 1;
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        if (values->weight_until[middle] > at) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/* --- rates -------------------------------------------------------------------------------------------------------------- */

/* Executions an hour, usually. */
static uint64_t usual_rate(enum traffic_kind kind, uint64_t at_s)
{
    static const uint32_t hours[24] = {20,  12,  8,   6,   6,   10,  25,  60,  100, 130, 150, 160,
                                       150, 145, 150, 155, 160, 170, 180, 190, 170, 120, 70,  40};
    static const uint32_t days[7] = {100, 105, 105, 110, 120, 70, 55};
    const uint32_t hour = (uint32_t)(at_s / HOUR_S % 24);
    const uint64_t day = at_s / DAY_S;
    switch (kind) {
    case TRAFFIC_CHECKOUT:
        return UINT64_C(1200) * hours[hour] * days[day % 7] / 10000;
    case TRAFFIC_RENDER:
        return hour >= 7 && hour < 20 ? 700 : 60;
    case TRAFFIC_NIGHTLY:
        return hour >= 2 && hour < 4 ? 60 : 4;
    case TRAFFIC_EDGES:
        return at_s / HOUR_S % 31 == 0 ? 20000 : 0;
    case TRAFFIC_STEADY:
    case TRAFFIC_KIND_COUNT:
        break;
    }
    return 0;
}

static struct weather weather_of(enum traffic_kind kind, uint64_t at_s)
{
    struct weather now = {.kind = kind, .failing_ppm = 200, .rate_percent = 100};
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(weather); i++) {
        if (weather[i].kind == kind && at_s >= weather[i].from_s && at_s < weather[i].until_s) {
            now = weather[i];
        }
    }
    return now;
}

bool traffic_is_interesting(uint64_t at_s)
{
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(weather); i++) {
        const uint64_t ends[] = {weather[i].from_s, weather[i].until_s};
        for (uint32_t end = 0; end < SR_ARRAY_COUNT(ends); end++) {
            if (at_s + 300 >= ends[end] && at_s < ends[end] + HOUR_S) {
                return true;
            }
        }
    }
    return false;
}

/* Of each ten exactly one, but for one more now and then. */
static void make_steady(uint64_t from_s, uint64_t until_s, struct traffic_batch *out_batch)
{
    if (from_s < 13 * DAY_S || from_s >= 19 * DAY_S) {
        return;
    }
    const uint32_t tens = (uint32_t)(until_s / 60 - from_s / 60);
    const uint64_t extra_s = 17 * DAY_S + 12 * HOUR_S;
    if (tens > 0) {
        const uint32_t more = from_s < extra_s && until_s >= extra_s ? 1 : 0;
        out_batch->entry[0] = (struct traffic_entry){.successes = 9 * tens - more, .failures = tens + more};
        out_batch->count = 1;
    }
}

static uint64_t executions_in(struct traffic *traffic, enum traffic_kind kind, uint64_t from_s,
                              uint64_t until_s, uint32_t rate_percent)
{
    const uint64_t noise_ppm = 700000 + traffic_draw(traffic, 600001);
    traffic->owed[kind] += usual_rate(kind, from_s) * rate_percent / 100 * (until_s - from_s) * noise_ppm;
    const uint64_t whole = traffic->owed[kind] / (HOUR_S * PPM);
    traffic->owed[kind] %= HOUR_S * PPM;
    return whole;
}

void traffic_make(struct traffic *traffic, enum traffic_kind kind, uint64_t from_s, uint64_t until_s,
                  struct traffic_batch *out_batch)
{
    memset(out_batch, 0, sizeof *out_batch);
    if (kind == TRAFFIC_STEADY) {
        make_steady(from_s, until_s, out_batch);
        return;
    }
    const struct weather now = weather_of(kind, from_s);
    const uint64_t n = executions_in(traffic, kind, from_s, until_s, now.rate_percent);
    out_batch->count = (uint32_t)(n < TRAFFIC_ENTRY_MAX ? n : TRAFFIC_ENTRY_MAX);
    for (uint32_t i = 0; i < out_batch->count; i++) {
        out_batch->entry[i].value =
            draw_value(traffic, &traffic->values[kind], traffic_draw(traffic, PPM) < now.slow_ppm);
    }
    for (uint64_t i = 0; i < n; i++) {
        struct traffic_entry *entry = &out_batch->entry[i % TRAFFIC_ENTRY_MAX];
        if (traffic_draw(traffic, PPM) < now.failing_ppm) {
            entry->failures++;
        } else {
            entry->successes++;
        }
    }
    if (traffic_draw(traffic, 4) == 0) {
        out_batch->cost = n * 1000000 + traffic_draw(traffic, 1000000000);
        out_batch->savings = traffic_draw(traffic, 3) ? 0 : traffic_draw(traffic, 100000000);
    }
}
