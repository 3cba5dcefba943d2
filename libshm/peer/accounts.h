/* SPDX-License-Identifier: Apache-2.0 */
/* The chart of accounts: which durable word means what. The agent writes them (agent/books/books.c and its neighbours);
 * `slipring verify` checks them against the rings. The areas and their items are in protocol/layout.h; an item of copy_small,
 * copy_full or copy_shared has the words of its spill block, in the block's own order: copy_small item r is ring r,
 * copy_full item r is ring SR_RINGS_SMALL + r, copy_shared item i is primitive i.
 *
 * Double entry, true of every committed state (sums over all books and all rings):
 *   sum of book.taken    = sum of ring.head + store.former_taken       (words of rings: protocol/sample.h)
 *   sum of book.spilled  = sum of execution cells in all copies + store.retired_spilled + store.former_spilled
 *   book.count           = book.taken - book.beside - book.others + book.spilled = sum of book.cells, for every book
 * and, once store.usage_balanced is 1 (sums over all accounts and all copies of the ring segment's):
 *   sum of usage.usages  = sum of copy_usage.usages + store.former_usages; of units, all kinds together, likewise
 *   the cost of a book   >= sum of the costs of its accounts; its savings likewise
 * store.retired_spilled holds the cells of copies that became zero with their blocks, when a ring's pages were given back
 * (agent/drain/retirer.h); it changes in the same commit. The former_ words, modulo 2^64, hold what was booked from a ring segment that is no more, less what was taken for booked
 * (by an agent whose books are lost) or left out (impossible counts of a shared spill or a usage account, usages that no account has room for). */
#ifndef SR_PEER_ACCOUNTS_H
#define SR_PEER_ACCOUNTS_H

#include <slipring/stats.h>

#include "pure/bucket.h"
#include "pure/fine.h"

#define SR_RINGS_SMALL 32768u

/* Area `store`, its one item. */
enum sr_store_word {
    SR_STORE_BOOK_HIGH = 0, /* books below this index may exist */
    SR_STORE_DRAINED,       /* samples taken from rings */
    SR_STORE_SPILLED,       /* samples booked through spill blocks: executions, amounts, cancels */
    SR_STORE_REFUSED,       /* impossible samples, of DRAINED */
    SR_STORE_QUARANTINED,   /* samples left behind in quarantined rings and their blocks */
    SR_STORE_TORN,          /* updates of shared spills that were left half-made */
    SR_STORE_UNATTRIBUTED,  /* spans that no process's table had room for */
    SR_STORE_BOUND_LOST,
    SR_STORE_CLAMPED,
    SR_STORE_DRAINS,           /* batches */
    SR_STORE_REPLAYS,          /* journals replayed */
    SR_STORE_RESERVE_FAILURES, /* reservations that the file system refused */
    SR_STORE_FORMER_TAKEN,
    SR_STORE_FORMER_SPILLED,
    SR_STORE_FORMER_TORN,
    SR_STORE_FORMER_BESIDE,
    SR_STORE_SEEN_NS, /* store time (system/clock.h), as all moments but those called wall: up to here everything recorded was drained (while the agent lived) */
    SR_STORE_RETIRED_SPILLED,  /* executions in blocks of this ring segment whose pages were given back */
    SR_STORE_RETIRED_RINGS,    /* how often a ring's pages were */
    SR_STORE_ABORTED_IGNORED,  /* spans settled as no execution (slipringd --aborted ignore) */
    SR_STORE_RESETS,           /* primitives that began anew by hand */
    SR_STORE_SATURATED,        /* sums of money that reached UINT64_MAX and stand still */
    SR_STORE_RESTORED_WALL_NS, /* CLOCK_REALTIME of the checkpoint that the former words came from; 0: none */
    SR_STORE_RESTORING,        /* 1: a restore has begun, and is not over */
    SR_STORE_USAGE_HIGH,       /* usage accounts below this index may exist */
    SR_STORE_USAGE_LOST,       /* usages that no account had room for */
    SR_STORE_USAGE_BALANCED, /* 1: the double entry of usage holds; 0: books of an agent that did not keep it */
    SR_STORE_FORMER_USAGES,
    SR_STORE_FORMER_UNITS, /* of all kinds together */
};

/* Area `book`: one item a book. The index of a book is not the id of a primitive: ids belong to a ring segment, books
 * outlive it. Word SR_BOOK_OF_ID of item i belongs to the primitive with id i. */
enum sr_book_word {
    SR_BOOK_USED = 0, /* 1: the book exists; all below is meaningful */
    SR_BOOK_OF_ID,    /* 0, or 1 + the book that primitive id i (this item's index) is booked under */
    SR_BOOK_COUNT,    /* executions: success + failure */
    SR_BOOK_FAILURES,
    SR_BOOK_ABORTED,
    SR_BOOK_SUM_LOW, /* of durations, ns, 128 bits */
    SR_BOOK_SUM_HIGH,
    SR_BOOK_MIN, /* meaningless while COUNT is 0 */
    SR_BOOK_MAX,
    SR_BOOK_CLAMPED,
    SR_BOOK_SPILLED,    /* of COUNT: through spill blocks */
    SR_BOOK_TAKEN,      /* words taken from rings for this book */
    SR_BOOK_OTHERS,     /* samples of these that are no executions (amounts, cancels, refused) */
    SR_BOOK_BESIDE,     /* words of these that begin no sample (marks of the clock, amounts) */
    SR_BOOK_OPENED_NS,  /* nothing it holds was recorded before */
    SR_BOOK_OPEN_NS,    /* 0: the open part is empty; else when it began */
    SR_BOOK_BASE_COUNT, /* COUNT, FAILURES and SPILLED when the last slice was closed */
    SR_BOOK_BASE_FAILURES,
    SR_BOOK_BASE_SPILLED,
    SR_BOOK_BASE_COST, /* of all categories, saturating */
    SR_BOOK_BASE_SAVINGS,
    SR_BOOK_BOUND_COUNT,     /* entries of SR_BOOK_BOUNDS */
    SR_BOOK_CREATED_WALL_NS, /* CLOCK_REALTIME: since when the counts go (opened, reset, restored) */
    SR_BOOK_COST = 32,       /* nano-dollars, a word a category; saturating */
    SR_BOOK_SAVINGS = 48,
    SR_BOOK_NAME = 64,         /* 136 bytes, zero-terminated */
    SR_BOOK_TYPE = 81,         /* 64 bytes, zero-terminated */
    SR_BOOK_CATEGORIES = 96,   /* 16 names of 32 bytes, empty: none */
    SR_BOOK_BOUNDS = 160,      /* 24 of SR_BOUND_WORDS, ascending */
    SR_BOOK_OBJECTIVES = 256,  /* 8 of SR_OBJECTIVE_WORDS */
    SR_BOOK_CELLS = 512,       /* a word a bucket: success and failure together */
    SR_BOOK_BASE_CELLS = 2304, /* the cells when the last slice was closed */
};
_Static_assert(SR_BOOK_CELLS + SR_BUCKET_COUNT <= SR_BOOK_BASE_CELLS, "cells end before their base begins");
_Static_assert(SR_BOOK_BASE_CELLS + SR_BUCKET_COUNT <= 4096, "a book is 4096 words");

enum sr_book_objective_word {
    SR_OBJECTIVE_NAME = 0, /* 32 bytes */
    SR_OBJECTIVE_KIND = 4, /* enum slipring_objective_kind; 0: none */
    SR_OBJECTIVE_TARGET_PPB,
    SR_OBJECTIVE_THRESHOLD_NS,
    SR_OBJECTIVE_PERIOD_S,
    SR_OBJECTIVE_SINCE_NS,   /* nothing before counts */
    SR_OBJECTIVE_SINCE_GOOD, /* the cumulative counts at SINCE_NS */
    SR_OBJECTIVE_SINCE_TOTAL,
    SR_OBJECTIVE_ALERTS,                                     /* a byte a pair: its state */
    SR_OBJECTIVE_ALERT_SINCE_NS,                             /* CLOCK_REALTIME, a word a pair */
    SR_OBJECTIVE_INCIDENT = SR_OBJECTIVE_ALERT_SINCE_NS + 4, /* a word a pair: 0, or 1 + its number */
    SR_OBJECTIVE_INCIDENT_BAD = SR_OBJECTIVE_INCIDENT + 4,   /* a word a pair: cumulative bad at its begin */
    SR_OBJECTIVE_AMOUNT = SR_OBJECTIVE_INCIDENT_BAD + 4,     /* of SLIPRING_SPEND: nano-dollars */
    SR_OBJECTIVE_SOURCE,                                     /* enum slipring_objective_source */
    SR_OBJECTIVE_WORDS = 32,
};

_Static_assert(SR_BOOK_OBJECTIVES + 8 * SR_OBJECTIVE_WORDS <= SR_BOOK_CELLS,
               "the lists end before the cells begin");

enum sr_book_bound_word {
    SR_BOUND_NS = 0,
    SR_BOUND_SLOT,           /* samples of its bucket for which it is the least bound at or above them */
    SR_BOUND_EXACT_SINCE_NS, /* 0: always */
    SR_BOUND_IS_LE,          /* 1: of the exposition; 0: an objective's threshold alone */
    SR_BOUND_WORDS,
};

/* Area `window`: one item a book, SR_TIER_WORDS for each of its windows (agent/books/windows.h). A place is offset << 32 | bytes of a slice in the
 * book's item of area `slice`, in bytes from its beginning; 0: none. */
#define SR_TIER_WORDS     64u
#define SR_TIER_MAX       8u
#define SR_TIER_SLICE_MAX 48u
enum sr_tier_word {
    SR_TIER_WINDOW_NS = 0, /* nominal length; 0: unused */
    SR_TIER_COVER_NS,      /* complete from here on */
    SR_TIER_FIRST,         /* which of SR_TIER_SLICES is the oldest */
    SR_TIER_COUNT,
    SR_TIER_GROWING, /* place of what the shorter windows closed since this one's last slice; 0: nothing */
    SR_TIER_SLICES = 16, /* SR_TIER_SLICE_MAX places */
};
_Static_assert(SR_TIER_SLICES + SR_TIER_SLICE_MAX <= SR_TIER_WORDS, "the slices of a tier fit");
_Static_assert(SR_TIER_MAX >= SLIPRING_WINDOW_COUNT, "a tier for each window");

/* Area `slice`: a slice is this head, then its cells as pure/sparse.h packs them. */
enum sr_slice_word {
    SR_SLICE_START_NS = 0,
    SR_SLICE_END_NS,
    SR_SLICE_COUNT,
    SR_SLICE_FAILURES,
    SR_SLICE_SPILLED,
    SR_SLICE_PEAK, /* the highest rate within it: thousandths of an execution a second */
    SR_SLICE_COST,
    SR_SLICE_SAVINGS,
    SR_SLICE_SCHEMA,       /* 3 to 8 */
    SR_SLICE_COARSE_BYTES, /* of the cells; what follows are the parts of buckets, pure/fine.h */
    SR_SLICE_HEAD_WORDS,
};

/* Area `fine`: one item a book: executions by parts of buckets (pure/fine.h), as far as they came through rings; touched by agents of a schema
 * of 6 to 8 only. A book counts the parts of one schema: with another one they begin anew. */
#define SR_FINE_CELLS      0u
#define SR_FINE_BASE_CELLS 13440u /* the cells when the last slice was closed */
#define SR_FINE_SCHEMA     26880u /* of the cells */
_Static_assert(SR_FINE_COUNT_MAX <= SR_FINE_BASE_CELLS &&
                   SR_FINE_BASE_CELLS + SR_FINE_COUNT_MAX <= SR_FINE_SCHEMA,
               "the cells end before their base begins");

/* Area `history`: item book * SLIPRING_OBJECTIVE_COUNT + objective: for each of its windows (agent/books/history.h) a track of
 * SR_TRACK_WORDS: what the cumulative counts of the objective were at moments about a hundredth of the window apart. */
#define SR_TRACK_WORDS      320u
#define SR_TRACK_MAX        8u
#define SR_TRACK_MARK_MAX   104u
#define SR_TRACK_MARK_WORDS 3u
enum sr_track_word {
    SR_TRACK_WINDOW_S = 0, /* 0: unused */
    SR_TRACK_NEXT,         /* marks written ever; the last one stands at (NEXT - 1) % SR_TRACK_MARK_MAX */
    SR_TRACK_FIRST,        /* marks before this one are void */
    SR_TRACK_MONTH,        /* of a calendar month's track: when the month began, CLOCK_REALTIME in seconds */
    SR_TRACK_MARKS = 8,    /* SR_TRACK_MARK_MAX of SR_TRACK_MARK_WORDS */
};
enum sr_mark_word { SR_MARK_AT_NS = 0, SR_MARK_GOOD, SR_MARK_TOTAL };
_Static_assert(SR_TRACK_MARKS + SR_TRACK_MARK_MAX * SR_TRACK_MARK_WORDS <= SR_TRACK_WORDS, "the marks fit");

/* Area `incident`: a ring of struct slipring_incident. */
enum sr_incident_word {
    SR_INCIDENT_NEXT = 0, /* incidents ever; the last one stands at (NEXT - 1) % SLIPRING_INCIDENT_COUNT */
    SR_INCIDENTS = 32,    /* SLIPRING_INCIDENT_COUNT of SR_INCIDENT_WORDS */
};
#define SR_INCIDENT_WORDS 34u

/* Area `former`: one item a book: what its lifetime holds beside what the book counts, from a checkpoint (agent/books/saved.h). Written once, when it
 * is restored; zero when the primitive is reset. The book's own counts, which are exported as counters, began at 0 then. Cumulative counts of
 * objectives (SINCE_GOOD, marks) are relative to the book's and may so be negative, modulo 2^64: only their differences mean anything. */
enum sr_former_word {
    SR_FORMER_COUNT = 0,
    SR_FORMER_FAILURES,
    SR_FORMER_ABORTED,
    SR_FORMER_SUM_LOW,
    SR_FORMER_SUM_HIGH,
    SR_FORMER_MIN_NS, /* meaningless while COUNT is 0 */
    SR_FORMER_MAX_NS,
    SR_FORMER_SPILLED,
    SR_FORMER_CLAMPED,
    SR_FORMER_COST = 32, /* a word a category of the book */
    SR_FORMER_SAVINGS = 48,
    SR_FORMER_CELLS = 256,
};
_Static_assert(SR_FORMER_CELLS + SR_BUCKET_COUNT <= 2048, "the cells fit");

/* Area `exemplar`: one item a book: struct slipring_exemplars, word by word, at_ns in store time (agent/books/exemplars.h). The buckets' bounds are set in the
 * first bucket_count places of both lists, whether something is kept there or not. */

/* Area `usage`: one item a (book, resource): what was used, and what was priced of it (agent/books/usage.h). The former words are what a checkpoint brought
 * beside that. What waits for a price is UNITS - PRICED_UNITS, modulo 2^64: after a restore PRICED_UNITS may be negative. */
enum sr_usage_word {
    SR_USAGE_USED = 0, /* 1: the account exists */
    SR_USAGE_BOOK,
    SR_USAGE_USAGES,
    SR_USAGE_UNPRICED,  /* of these, without a price when they came */
    SR_USAGE_COST,      /* nano-dollars, saturating */
    SR_USAGE_COST_REST, /* and thousandths of one */
    SR_USAGE_SAVINGS,
    SR_USAGE_SAVINGS_REST,
    SR_USAGE_FORMER_USAGES,
    SR_USAGE_FORMER_UNPRICED,
    SR_USAGE_FORMER_COST,
    SR_USAGE_FORMER_SAVINGS,
    SR_USAGE_RESOURCE = 16,     /* 64 bytes, zero-terminated */
    SR_USAGE_UNITS = 32,        /* SLIPRING_UNIT_MAX words, cumulative */
    SR_USAGE_PRICED_UNITS = 48, /* of these, priced */
    SR_USAGE_FORMER_UNITS = 64,
    SR_USAGE_WORDS = 80,
};
/* Area `copy_usage`: one item a usage account of the ring segment, as last folded. */
enum sr_copy_usage_word {
    SR_COPY_USAGE_ACCOUNT = 0, /* 0, or 1 + the item of area `usage` */
    SR_COPY_USAGE_USAGES,
    SR_COPY_USAGE_CLAMPED,
    SR_COPY_USAGE_LOST,      /* of item 0 alone: usages that found no account, of the whole segment */
    SR_COPY_USAGE_UNITS = 8, /* SLIPRING_UNIT_MAX words */
};

/* Area `ring`: one item a ring. */
enum sr_ring_word {
    SR_RING_LIFE = 0,   /* generation << 32 | slot << 8 | enum sr_ring_phase */
    SR_RING_HEAD,       /* words taken, ever: the truth whose copy is in the consumer line */
    SR_RING_BEGUN,      /* of the producer line's `begun`: booked up to here */
    SR_RING_PRIMITIVE,  /* 1 + id that its samples are booked under (SR_BOOK_OF_ID says the book) */
    SR_RING_SPILL_BASE, /* bucket of the block's first cell */
    SR_RING_FOLD_NS,    /* of the last fold of the block */
    SR_RING_HAS_COPY,   /* 1: the block was folded at least once; its copy item is meaningful */
    SR_RING_RETIRED,    /* 1: its block's pages were given back, and no life of it was booked since */
    SR_RING_CLOCK_NS,   /* the last mark of the clock before HEAD, in this life */
};

enum sr_ring_phase {
    SR_PHASE_NONE = 0,
    SR_PHASE_LIVE = 1,
    SR_PHASE_FOLDED = 2,      /* of that generation: everything is booked, never to be read again */
    SR_PHASE_QUARANTINED = 3, /* never to be read again, head stays */
};

/* Area `slot`: one item a process slot. */
enum sr_slot_word {
    SR_SLOT_LIFE = 0, /* generation << 32 | enum sr_ring_phase */
    SR_SLOT_UNATTRIBUTED,
    SR_SLOT_SPANS = 16, /* a triple an entry of the span table: key, begun, ended as booked */
};

/* Area `in_flight`: item slot, word book: begun - ended, two's complement. */

/* How a life is told in one word. */
static inline uint64_t sr_life(uint32_t generation, uint32_t slot, enum sr_ring_phase phase)
{
    return (uint64_t)generation << 32 | (uint64_t)(slot & 0xffffu) << 8 | (uint64_t)phase;
}

static inline enum sr_ring_phase sr_life_phase(uint64_t life)
{
    return (enum sr_ring_phase)(life & 0xffu);
}

static inline uint32_t sr_life_generation(uint64_t life)
{
    return (uint32_t)(life >> 32);
}

static inline uint32_t sr_life_slot(uint64_t life)
{
    return (uint32_t)(life >> 8 & 0xffffu);
}

#endif
