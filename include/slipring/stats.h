/* SPDX-License-Identifier: Apache-2.0 */
/* Reading back what the agent published about a primitive, from any process, without a system call.
 *
 * These structs are also the layout of the published figures in the stats segment: fixed offsets, no pointers,
 * no padding. A figure that does not exist is absent (its bit in `present` is clear), never a 0 or a NaN. */
#ifndef SLIPRING_STATS_H
#define SLIPRING_STATS_H

#include <stdint.h>

#include <slipring/objective.h>
#include <slipring/store.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SLIPRING_BOUND_COUNT  24 /* up to 16 `le` bounds and 8 thresholds */
#define SLIPRING_WINDOW_COUNT 8  /* windows that an agent keeps at most */
#define SLIPRING_EXTRA_COUNT  7  /* further percentiles (slipringd --percentiles) at most */

enum slipring_percentile {
    SLIPRING_P50,
    SLIPRING_P90,
    SLIPRING_P95,
    SLIPRING_P99,
    SLIPRING_P999,
    SLIPRING_PERCENTILE_COUNT,
};

/* One window of the histogram. Percentiles are nearest rank, reported as the harmonic middle 2ab/(a+b) of the
 * bucket (a, b] that holds the rank, so that the true sample lies within relative_error of the figure. They
 * exist when n > 0. */
struct slipring_window_stats {
    uint64_t window_ns; /* its nominal length; 0: the lifetime */
    uint64_t span_ns;  /* the time that it really covers, up to the publishing: never longer than window_ns */
    uint64_t n;        /* executions in the span: success and failure */
    uint64_t failures; /* of these, failed */
    uint64_t spilled;  /* of n: came through the spill, without a time stamp of their own */
    double percentile_ns[SLIPRING_PERCENTILE_COUNT];
    double extra_ns[SLIPRING_EXTRA_COUNT]; /* those of detail.extra_ppm */
    double relative_error;                 /* 0.0108301: (b-a)/(b+a) at growth 2^(1/32) */
    double per_second;                     /* n over span, over a second at least; 0 when idle */
    double
        peak_per_second; /* the highest rate over any second or little more, of those that began in the span */
    uint64_t cost_nanodollars; /* in the span, all categories */
    uint64_t savings_nanodollars;
};

enum slipring_stats_present {
    SLIPRING_HAS_DURATION = 1 << 0, /* min, max, mean */
    SLIPRING_HAS_SLO =
        1 << 1, /* slo_compliance, budget_remaining: objectives of executions, and events, exist */
    SLIPRING_HAS_SAVINGS_RATE = 1 << 2,
};

struct slipring_stats {
    uint64_t present;        /* bits of enum slipring_stats_present */
    uint64_t published_ns;   /* CLOCK_MONOTONIC of the agent at publishing */
    uint64_t count;          /* executions recorded: success + failure, not aborted; since created_wall_ns */
    uint64_t failures;       /* of these, failed */
    uint64_t aborted;        /* in flight when their process died */
    int64_t active;          /* begun and not ended, over live processes */
    uint64_t min_ns, max_ns; /* lifetime; a sample that spilled counts with its exact value too */
    double mean_ns;          /* lifetime */
    uint64_t sum_ns[2];      /* of the durations of `count`, low and high 64 bits */
    struct slipring_window_stats lifetime;
    struct slipring_window_stats minute; /* the last 60 s */
    double requests_per_second;          /* over the minute window; 0 when idle */
    double slo_compliance;               /* the least good/total over the objectives, but money budgets */
    double budget_remaining; /* the least of them, 1 - bad/((1-target) total), unclamped: may be negative */
    double budget_remaining_clamped; /* the same within 0 to 1 */
    uint64_t cost_nanodollars;       /* all categories, since created_wall_ns; the lifetime has its own */
    uint64_t savings_nanodollars;
    double savings_rate; /* savings / (cost + savings) */
    uint64_t spilled;    /* of count: booked through the spill, without a time stamp of their own */
    uint64_t clamped;    /* durations or amounts that were out of range */
    uint64_t
        created_wall_ns; /* CLOCK_REALTIME since when the counts here go: the first registration, a reset, a restore. Lifetime figures (lifetime, min, max, mean) may be older */
    uint64_t restored_wall_ns; /* of the checkpoint that the older part of the lifetime came from; 0: none */
    uint64_t last_ns;          /* CLOCK_MONOTONIC: nothing came since; an agent's start counts as something */
    uint64_t lifetime_aborted;
    uint64_t reserved[2];
};

/* Who set it. What the file says of an objective's name goes before what programs say of it. */
enum slipring_objective_source { SLIPRING_SOURCE_API = 0, SLIPRING_SOURCE_FILE = 1 };

/* One objective's arithmetic over its period: all from the two counts. What the windows and the alerts say is in slo.h. */
struct slipring_objective_stats {
    char name[32];
    uint32_t kind; /* enum slipring_objective_kind */
    uint32_t target_ppb;
    uint64_t threshold_ns;
    uint64_t period_s; /* or SLIPRING_PERIOD_MONTH */
    uint64_t span_ns;  /* of the period, the part that is covered, up to the publishing */
    uint64_t good;
    uint64_t total;          /* 0: the ratios below are absent */
    uint64_t allowed_bad;    /* floor((1 - target) * total) */
    double compliance;       /* good / total */
    double budget_remaining; /* 1 - bad / ((1 - target) * total), unclamped; SLIPRING_SPEND: see below */
    double burn_rate;        /* (1 - compliance) / (1 - target), over the period */
    uint64_t
        exact_since_ns; /* CLOCK_MONOTONIC since when `good` is exact for spilled samples; 0: always was */
    uint64_t since_ns;  /* CLOCK_MONOTONIC: nothing before counts (threshold changed, objective new) */
    /* Of SLIPRING_SPEND: what the period may cost. good is 0 then, total what it cost, in nano-dollars, and there are always
     * budget_remaining = 1 - total / amount and burn_rate = total / amount. */
    uint64_t amount_nanodollars;
    uint64_t source; /* enum slipring_objective_source */
};

struct slipring_category_stats {
    char name[32];             /* empty: an unused place */
    uint64_t cost_nanodollars; /* since created_wall_ns */
    uint64_t savings_nanodollars;
    uint64_t lifetime_cost_nanodollars;
    uint64_t lifetime_savings_nanodollars;
};

/* A cumulative bucket: how many executions took at most bound_ns. */
struct slipring_bound_stats {
    uint64_t bound_ns;
    uint64_t count;
    uint64_t exact_since_ns; /* as above; older spilled samples of the bound's own bucket count as above it */
    uint64_t is_le;          /* 1: a `le` bound of the exposition; 0: only an objective's threshold */
};

/* The lists beside the figures. */
struct slipring_stats_detail {
    char name[136]; /* zero-terminated */
    char type[64];
    uint32_t objective_count;
    uint32_t category_count;
    uint32_t bound_count;
    uint32_t window_count;
    uint32_t extra_count;
    uint32_t extra_ppm[SLIPRING_EXTRA_COUNT]; /* parts per million: 999900 is p99.99; ascending */
    struct slipring_window_stats windows[SLIPRING_WINDOW_COUNT]; /* ascending; the minute is one of them */
    struct slipring_objective_stats objectives[SLIPRING_OBJECTIVE_COUNT];
    struct slipring_category_stats categories[SLIPRING_CATEGORY_COUNT];
    struct slipring_bound_stats bounds[SLIPRING_BOUND_COUNT]; /* ascending */
};

/* Copy the primitive's published figures. NO_DATA before the agent published any. Thread and signal safe,
 * wait-free but for retrying when the agent published meanwhile (bounded). The first call of a process maps
 * the stats segment (system calls); later ones make none. */
SLIPRING_MUST_CHECK enum slipring_status slipring_stats_read(struct slipring_primitive *primitive,
                                                             struct slipring_stats *out_stats);

/* The same with the lists. */
SLIPRING_MUST_CHECK enum slipring_status slipring_stats_read_detail(struct slipring_primitive *primitive,
                                                                    struct slipring_stats *out_stats,
                                                                    struct slipring_stats_detail *out_detail);

#ifdef __cplusplus
}
#endif
#endif
