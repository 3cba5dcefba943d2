/* SPDX-License-Identifier: Apache-2.0 */
/* A book as a checkpoint keeps it, and its way out of the durable words and back into them. What a file looks like is checkpoint.h's; what
 * a word means is known here.
 *
 * Restoring is for a store whose books are new: after a boot, or when somebody removed its files. What was counted becomes the book's `former`
 * part (peer/accounts.h): lifetime figures hold it, counters begin at 0 with a new created time, for a total that is restored a few
 * seconds old would look to Prometheus like a reset, and be added once more. Windows and histories of objectives go on: their moments
 * are shifted by what the wall clock says has passed, and so are those of exemplars; they are store time, which has numbers for moments before the boot (system/clock.h).
 *
 *   G1  Taking a book changes nothing, and is a moment between two batches: its counts are of one commit.
 *   G2  A restore happens whole. SR_STORE_RESTORING is set before its first commit and cleared by the last one; an agent that finds it
 *       set clears what was restored, and begins again if it can. Nothing is drained before.
 *   G3  What was counted after the last slice of a checkpoint, up to its last totals, goes on as the open part (windows.h) and so becomes
 *       a slice that spans the outage, a gap: windows lack only what the totals lack. */
#ifndef AGENT_SAVED_H
#define AGENT_SAVED_H

#include <slipring/slo.h>

#include "books.h"
#include "exemplars.h"

/* A slice: its head and packed cells, as in the durable words; times are store time of the saving agent. */
struct saved_slice {
    uint32_t bytes;
    const uint8_t *data;
};

struct saved_tier {
    uint64_t window_ns;
    uint64_t cover_ns;
    uint32_t slice_count;
    struct saved_slice slices[SR_TIER_SLICE_MAX];
    struct saved_slice growing; /* bytes 0: none */
};

struct saved_mark {
    uint64_t at_ns;
    uint64_t good; /* relative to the objective's count at the saving: good now - good then */
    uint64_t total;
};

struct saved_track {
    uint64_t month; /* of a calendar month's track: when it began, CLOCK_REALTIME in seconds */
    bool is_whole;  /* no mark was dropped since the objective began */
    uint32_t mark_count;
    struct saved_mark marks[SR_TRACK_MARK_MAX];
};

struct saved_objective {
    char name[32];
    uint32_t kind;
    uint32_t target_ppb;
    uint64_t threshold_ns;
    uint64_t amount;
    uint64_t period_s;
    uint32_t source;
    uint64_t since_ns;
    uint64_t since_good; /* good now - good when it began */
    uint64_t since_total;
    uint64_t alerts; /* state bytes, as in the words */
    uint64_t alert_since_wall_ns[4];
    uint64_t incident[4];     /* 0, or 1 + its number */
    uint64_t incident_bad[4]; /* bad now - bad when it began */
    struct saved_track tracks[SR_TRACK_MAX];
};

struct saved_category {
    char name[32];
    uint64_t cost;
    uint64_t savings;
};

/* The totals: every checkpoint has them. Lifetime: former part and book together. */
struct saved_totals {
    char name[136];
    char type[64];
    uint64_t count;
    uint64_t failures;
    uint64_t aborted;
    uint64_t sum[2];
    uint64_t min_ns;
    uint64_t max_ns;
    uint64_t spilled;
    uint64_t clamped;
    uint64_t opened_ns;
    struct saved_category categories[SLIPRING_CATEGORY_COUNT];
    uint64_t cells[SR_BUCKET_COUNT];
    /* Of these, what no slice has yet, and since when: */
    uint64_t open_ns; /* 0: nothing */
    uint64_t open_count;
    uint64_t open_failures;
    uint64_t open_spilled;
    uint64_t open_cost;
    uint64_t open_savings;
    uint64_t open_cells[SR_BUCKET_COUNT];
    uint32_t objective_count;
    struct saved_objective objectives[SLIPRING_OBJECTIVE_COUNT];
};

/* And the exemplars in them. */
struct saved_windows {
    uint32_t tier_count;
    struct saved_tier tiers[SR_TIER_MAX];
    struct saved_exemplars exemplars;
};

/* The least and the greatest duration of the lifetime; min > max: none is known. */
struct saved_extremes {
    uint64_t min_ns;
    uint64_t max_ns;
};
struct saved_extremes saved_extremes_of(const struct books *books, uint32_t book);

/* Copy the book's totals. The batch is empty. */
void saved_take_totals(const struct books *books, uint32_t book, struct saved_totals *out);

/* Its windows: the slices' data point into the segment, and are good until the next commit. */
void saved_take_windows(const struct books *books, uint32_t book, struct saved_windows *out_windows);

/* A checkpoint of totals alone is newer than the windows of the one that it belongs to: what came in between is open. `full` are the totals of the
 * same primitive there, as of full_ns; NULL: it was not there, and has no windows. */
void saved_catch_up(struct saved_totals *totals, const struct saved_totals *full, uint64_t full_ns);

/* The log of incidents, SR_WORDS_PER_incident words. */
void saved_take_incidents(const struct books *books, uint64_t *out_words);

/* What a restore that was killed has left, is cleared: first thing of an agent, whether it will restore or not. */
void saved_drop_remains(struct books *books);

/* May books be restored into this store? It has none; remains are dropped first. */
__attribute__((warn_unused_result)) bool saved_may_restore(struct books *books);

/* A restore begins: then books one by one, the incidents, and the end. */
void saved_begin(struct books *books);

/* Make a book of it. windows may be NULL. shift_ns is added to every moment: two's complement. What cannot be (a slice that is none) is left
 * out. OK; NO_SPACE: no page; TABLE_FULL; BAD_ARGUMENT: it has no name. */
__attribute__((warn_unused_result)) enum slipring_status saved_restore(struct books *books,
                                                                       const struct saved_totals *totals,
                                                                       const struct saved_windows *windows,
                                                                       uint64_t shift_ns);
/* False: no page for them. */
__attribute__((warn_unused_result)) bool saved_restore_incidents(struct books *books, const uint64_t *words);

/* All are: they came from a checkpoint of wall_ns, when everything up to seen_ns (already shifted) was drained. The books are taken up
 * again. */
void saved_finish(struct books *books, uint64_t wall_ns, uint64_t seen_ns);

/* For saved.c: what saved_history.c does of it. */
void saved_take_objective(const struct books *books, uint32_t book, uint32_t i, struct saved_objective *out);
__attribute__((warn_unused_result)) bool saved_restore_objective(struct books *books, uint32_t book,
                                                                 uint32_t i,
                                                                 const struct saved_objective *objective,
                                                                 uint64_t shift_ns);

#endif
