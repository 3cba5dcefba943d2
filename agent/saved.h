/* SPDX-License-Identifier: Apache-2.0 */
/* A book as a checkpoint keeps it, and its way out of the durable words and back into them. What a file looks like is checkpoint.h's; what
 * a word means is known here.
 *
 * Restoring is for a store whose books are new: after a boot, or when somebody removed its files. What was counted becomes the book's `former`
 * part (peer/accounts.h): lifetime figures hold it, counters begin at 0 with a new created time, for a total that is restored a few
 * seconds old would look to Prometheus like a reset, and be added once more. Windows and histories of objectives go on: their moments
 * are shifted by what the wall clock says has passed, and are store time, which has numbers for moments before the boot (system/clock.h).
 *
 *   G1  Taking a book changes nothing, and is a moment between two batches: its counts are of one commit.
 *   G2  Restoring a book is one commit. Killed in between, the next agent finds books that are not new, and those that are
 *       missing are missing: so the last commit of a restore is SR_STORE_RESTORED_WALL_NS, and an agent that finds books without it and with
 *       SR_STORE_RESTORING set clears them and restores again.
 *   G3  What was counted between the last slices and the last totals of a checkpoint is a slice of its own (a gap), so that windows
 *       lack only what the totals lack. */
#ifndef AGENT_SAVED_H
#define AGENT_SAVED_H

#include <slipring/slo.h>

#include "books.h"

#define SAVED_SLICE_MAX (SR_TIER_SLICE_MAX + 1) /* of a window: its slices, and what grows */

/* A slice: its head and packed cells, as in the durable words; times are store time of the saving agent. */
struct saved_slice {
    uint32_t bytes;
    const uint8_t *data;
};

struct saved_tier {
    uint64_t window_ns;
    uint64_t cover_ns;
    uint32_t slice_count;
    struct saved_slice slices[SAVED_SLICE_MAX];
    struct saved_slice growing; /* bytes 0: none */
};

struct saved_mark {
    uint64_t at_ns;
    uint64_t good; /* relative to the objective's count at the saving: good now - good then */
    uint64_t total;
};

struct saved_track {
    uint64_t window_s;
    uint64_t month; /* of a calendar month's track */
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
    /* Of the part that no slice has yet: the cells when the last slice was closed are cells - open_cells. */
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

struct saved_windows {
    uint32_t tier_count;
    struct saved_tier tiers[SR_TIER_MAX];
};

/* Copy the book's totals. The batch is empty. */
void saved_take_totals(const struct books *books, uint32_t book, struct saved_totals *out_totals);

/* Its windows: the slices' data point into the segment, and are good until the next commit. */
void saved_take_windows(const struct books *books, uint32_t book, struct saved_windows *out_windows);

/* May books be restored into this store? It has none, or a restore was cut short (whose books are then cleared). */
__attribute__((warn_unused_result)) bool saved_may_restore(struct books *books);

/* Make a book of it. windows may be NULL. shift_ns is added to every moment: two's complement. OK, NO_SPACE, TABLE_FULL. */
__attribute__((warn_unused_result)) enum slipring_status saved_restore(struct books *books,
                                                                       const struct saved_totals *totals,
                                                                       const struct saved_windows *windows,
                                                                       uint64_t shift_ns, uint64_t now_ns);

/* All are: they came from a checkpoint of that time. */
void saved_finish(struct books *books, uint64_t checkpoint_wall_ns);

#endif
