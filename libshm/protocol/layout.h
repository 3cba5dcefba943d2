/* SPDX-License-Identifier: Apache-2.0 */
/* The byte map of both segments. This is the only file that knows an offset; everything else asks it.
 *
 * A store `NAME` is three files in the shared-memory folder ($SLIPRING_SHM_DIR, default /dev/shm):
 *
 *   slipring.NAME.ring   ring segment    producers and the agent write
 *   slipring.NAME.stats  stats segment   the agent alone writes
 *   slipring.NAME.lock   liveness        byte i is locked while the owner of process slot i lives
 *
 * Both segments are sparse files of one compile-time size, so that an offset is a constant. A page costs memory
 * only once it is reserved (fallocate), and nobody touches a page that is not: on a full tmpfs even a read of
 * an unreserved page is a SIGBUS. What is reserved is said by the directories marked (D), which are reserved whole when
 * the segment is made.
 *
 *   RING SEGMENT                                                   written by
 *   +--------------------+ 0
 *   | header             | identity, region table               creator, once
 *   |   control line     | clock, epochs, limits                agent
 *   |   hint line        | where to look first                  producers, agent; believed by nobody
 *   +--------------------+
 *   | registry_key  (D)  | u64 a primitive: state, hash         producers (CAS); agent frees the dead's
 *   | primitive_page(D)  | u8 a primitive: its pages reserved   whoever reserved them
 *   | slot_page     (D)  | u8 a page of slots: reserved         whoever reserved it
 *   | ring_state    (D)  | u64 a ring: state, slot, generation  producers and agent (CAS)
 *   | ring_page     (D)  | u8 a ring: its block is reserved     whoever reserved it; agent takes it back
 *   | extent_page   (D)  | u8 32 rings: their lines are         whoever reserved them
 *   | news          (D)  | bits a primitive: agent, look there  producers; agent clears
 *   | usage_key     (D)  | u64 a usage account: state, hash     producers (CAS); dense
 *   | usage_page    (D)  | u8 a page of accounts: reserved      whoever reserved it
 *   +--------------------+
 *   | registry_entry     | name, type, categories, objectives   registrant; lists: any producer, append only
 *   | bounds             | per primitive: exact bounds, alias   agent
 *   | slot               | per process: identity, span table    its owner
 *   | ring_info          | per ring: whose, what for            claimer, before OWNED
 *   | producer_line      | per ring: tail, begun, redo          its owner
 *   | consumer_line      | per ring: head, offer                agent
 *   | shared_spill       | per primitive: atomic spill block    any producer
 *   | usage_account      | per primitive and resource: units    any producer
 *   | pool_...           | per ring: samples, spill block       its owner
 *   +--------------------+
 *
 *   STATS SEGMENT (agent alone; readers map it read-only)
 *   +--------------------+ 0
 *   | header             | identity, which ring segment, agent  agent
 *   | agent_figure       | the agent's own counters (latch)
 *   | journal            | redo log of (word, value)
 *   | incident_log       | incidents: published (latch)
 *   | slo_page      (D)  | u8 a primitive: its pages reserved
 *   | usage_figure_page  | (D) u8 a page of accounts: reserved
 *   | histogram_page (D) | u8 a primitive: its page reserved
 *   | exemplar_page (D)  | u8 a primitive: its pages reserved
 *   +--------------------+
 *   | figure             | per primitive: published figures (latch)
 *   | slo_figure         | per primitive with objectives: published (latch)
 *   | usage_figure       | per usage account: published (latch)
 *   | histogram          | per primitive: native histogram      under the latch of its figure
 *   | exemplar_figure    | per traced primitive: published (latch)
 *   | words              | the durable 64-bit words: areas below; only the agent knows what they mean
 *   +--------------------+
 *
 * Integers are little-endian as the machine writes them; the endian probe refuses another. Unused bytes are zero
 * and reserved. Changing anything here raises SR_ABI_MAJOR unless old readers cannot notice. */
#ifndef SR_PROTOCOL_LAYOUT_H
#define SR_PROTOCOL_LAYOUT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <slipring/slo.h>
#include <slipring/stats.h>
#include <slipring/trace.h>
#include <slipring/usage.h>

#include "base/compiler.h"
#include "protocol/sample.h"
#include "pure/bucket.h"
#include "pure/native.h"

#define SR_RING_MAGIC   UINT64_C(0x676e697270696c73) /* "slipring" */
#define SR_STATS_MAGIC  UINT64_C(0x7374617473706c73) /* "slpstats" */
#define SR_ABI_MAJOR    6u
#define SR_ABI_MINOR    0u
#define SR_ENDIAN_PROBE UINT64_C(0x0102030405060708)

/* --- limits: compile-time maxima; the soft ones stand in the control line ------------------------------------ */

#define SR_PRIMITIVE_MAX           16384u
#define SR_PRIMITIVE_OVERFLOW      0u /* the id of __overflow__, registered by the creator */
#define SR_PRIMITIVE_LIMIT_DEFAULT 1000u
#define SR_SLOT_MAX                1024u
#define SR_SLOT_NONE               0xffffu
#define SR_SPAN_TABLE_COUNT        32u
#define SR_EXTENT_RINGS            32u
#define SR_RING_CAP_DEFAULT        4096u /* rings a process may hold */

/* Ring classes: X(name, rings, words for samples, spill cells a status). A ring's id tells its class: ids are given
 * out class after class in this order. Words are a power of two, rings a multiple of SR_EXTENT_RINGS. A ring of class
 * direct has none: its spill block is all that it is (store.h, SLIPRING_DIRECT). */
#define SR_RING_CLASSES(X)                                                                                   \
    X(small, 32768u, 512u, 192u)                                                                             \
    X(mid, 4096u, 4096u, SR_BUCKET_COUNT)                                                                    \
    X(big, 512u, 32768u, SR_BUCKET_COUNT)                                                                    \
    X(direct, 2048u, 0u, SR_BUCKET_COUNT)

enum sr_ring_class {
#define X(name, rings, words, cells) SR_CLASS_##name,
    SR_RING_CLASSES(X)
#undef X
        SR_CLASS_COUNT,
    SR_CLASS_GROWING = SR_CLASS_direct, /* below it: from each to the next bigger, and back */
};

#define X(name, rings, words, cells) +(rings)
enum { SR_RING_MAX = 0 SR_RING_CLASSES(X) };
#undef X

/* --- words that hold a state ---------------------------------------------------------------------------------- */

/* ring_state: generation << 32 | slot << 8 | state. The generation grows by one at every claim.
 *
 *            claim                 publish                 thread ends
 *   EMPTY ----------> CLAIMING ------------> OWNED -----------------------> RELEASED
 *   FREE ---------------^   |                | ^                              | |
 *     ^                     | owner dies     | | same process and primitive   | |
 *     |                     v                | +------------------------------+ |
 *     +------------- (by the agent)          | owner dies                       |
 *     |                                      v                                  v
 *     +----- final fold committed ------- REAPING <------ (by the agent) -------+
 *
 *   OFFERED: reserved by the agent for the thread that owns a ring of another class; becomes CLAIMING by that slot alone.
 *   QUARANTINED: the agent found it impossible; never read again.
 *   RETIRING: nobody wanted it for long, the agent gives its block's pages back (agent/drain/retirer.h), and no claimer takes it:
 *
 *   FREE ------> RETIRING: withdrawn from ring_page, block punched, durable copy zero ------> EMPTY
 *
 *   AWAY: its owner still records into the segment before this one; it becomes OWNED when the owner has carried it over, EMPTY when
 *   the agent has folded it there (move.h). */
enum sr_ring_state {
    SR_RING_EMPTY = 0, /* pages not reserved */
    SR_RING_FREE = 1,
    SR_RING_CLAIMING = 2,
    SR_RING_OWNED = 3,
    SR_RING_RELEASED = 4,
    SR_RING_REAPING = 5,
    SR_RING_OFFERED = 6,
    SR_RING_QUARANTINED = 7,
    SR_RING_RETIRING = 8,
    SR_RING_AWAY = 9,
};

/* registry_key: hash (32 bits) << 32 | standing (8) | slot of the registrant << 8 | state. */
#define SR_REGISTRY_COUNTED (UINT64_C(1) << 24) /* of a READY key: it counts as a name (registry.h G4) */
#define SR_REGISTRY_DUPLICATE                                                                                \
    (UINT64_C(1) << 25) /* another entry of that name does; neither: not decided yet */
enum sr_registry_state {
    SR_REGISTRY_EMPTY = 0,
    SR_REGISTRY_CLAIMING = 1, /* being written by the process of that slot */
    SR_REGISTRY_READY = 2,
    SR_REGISTRY_DEAD = 3, /* its registrant died half-way; the agent makes it EMPTY */
};

/* usage_key: hash (32 bits) << 32 | state. The key in front of the first EMPTY one is the last (usage.h). */
enum sr_usage_state {
    SR_USAGE_EMPTY = 0,
    SR_USAGE_CLAIMING = 1, /* being written; by a process that died there: for ever */
    SR_USAGE_READY = 2,
};

/* slot state: generation << 32 | state. */
enum sr_slot_state {
    SR_SLOT_FREE = 0,
    SR_SLOT_OWNED = 1,    /* alive while its byte of the lock file is locked */
    SR_SLOT_RELEASED = 2, /* closed by its owner */
    SR_SLOT_REAPING = 3,  /* the agent holds its byte and folds */
};

SR_INLINE uint64_t sr_state_word(uint32_t generation, uint32_t slot, uint32_t state)
{
    return (uint64_t)generation << 32 | (uint64_t)(slot & 0xffffu) << 8 | state;
}

SR_INLINE uint32_t sr_state_of(uint64_t word)
{
    return (uint32_t)(word & 0xffu);
}

SR_INLINE uint32_t sr_state_slot(uint64_t word)
{
    return (uint32_t)(word >> 8 & 0xffffu);
}

SR_INLINE uint32_t sr_state_generation(uint64_t word)
{
    return (uint32_t)(word >> 32);
}

/* --- the spill block -------------------------------------------------------------------------------------------- */

/* A spill block is an array of 64-bit words, each monotonic but min and max, and the bounds, which
 * the agent empties when it frees the ring. With its pages they all go, and begin at zero. Index of each word: */
enum sr_spill_word {
    SR_SPILL_SUM =
        0, /* shared block only: sum of durations, ns, modulo 2^64. Of a ring's block it is in the line */
    SR_SPILL_ENDED = 1, /* spans ended through the spill */
    SR_SPILL_CLAMPED = 2,
    SR_SPILL_AMOUNTS = 3,    /* SR_KIND_AMOUNT samples */
    SR_SPILL_CANCELS = 4,    /* SR_KIND_CANCEL samples (each also counts in ENDED) */
    SR_SPILL_BOUND_LOST = 5, /* samples that lay in a bound's bucket when the bound table was full */
    SR_SPILL_MIN = 6,        /* since the claim; UINT64_MAX: none. Folded by value, not by difference */
    SR_SPILL_MAX = 7,
    SR_SPILL_ENTER = 8, /* shared block only: updates begun */
    SR_SPILL_EXIT = 9,  /* shared block only: updates finished; at rest ENTER - EXIT were torn */
    SR_SPILL_COST = 16,
    SR_SPILL_SAVINGS = 32,
    /* 32 pairs {bound_ns, samples in its bucket for which it is the least bound >= them} */
    SR_SPILL_BOUNDS = 48,
    SR_SPILL_CELLS = 128, /* `cells` words for success, then as many for failure */
};
#define SR_SPILL_BOUND_MAX   32u
#define SR_SPILL_WORDS_SMALL 512u
#define SR_SPILL_WORDS_FULL  4096u

_Static_assert(SR_SPILL_CELLS + 2 * 192 == SR_SPILL_WORDS_SMALL, "a small block is one page");
_Static_assert(SR_SPILL_CELLS + 2 * SR_BUCKET_COUNT <= SR_SPILL_WORDS_FULL,
               "a full block holds every bucket");

/* --- lines of the ring segment ---------------------------------------------------------------------------------- */

#define SR_CLOCK_NEVER UINT64_C(0)
/* From here on no time but a sentinel: the segment was unlinked and re-made, follow it (move.h). Each further move adds one, so that
 * whoever could not follow then looks again. */
#define SR_CLOCK_MOVED UINT64_C(0xffffffff00000000)

/* Read by every record, written by the agent alone; the clock at least every millisecond while it drains. */
struct sr_control_shm {
    _Atomic uint64_t coarse_ns; /* store time (system/clock.h), or SR_CLOCK_… */
    _Atomic uint64_t bounds_epoch;
    _Atomic uint64_t agent_life; /* 0: no agent now; else its incarnation */
    _Atomic uint32_t primitive_limit;
    _Atomic uint32_t ring_cap;      /* rings a process may hold */
    _Atomic uint64_t reserve_epoch; /* grows when it is worth trying to reserve pages again */
    _Atomic uint64_t tick_to_ns;    /* 2^-32 ns a tick; 0: use clock_gettime */
    _Atomic uint64_t is_moving;     /* 1: what is new here from now on is not carried over (move.h) */
    _Atomic uint64_t reserved[9];
};
_Static_assert(sizeof(struct sr_control_shm) == SR_LINE_BYTES, "one line");

/* Where a claimer starts to look; wrong values cost time only. */
struct sr_hint_shm {
    _Atomic uint32_t ring_cursor[8]; /* per class */
    _Atomic uint32_t slot_cursor;
    _Atomic uint32_t registry_high;
    _Atomic uint64_t usage_lost; /* no hint, but a counter: usages that no account was to be had for */
    _Atomic uint32_t reserved[20];
};
_Static_assert(sizeof(struct sr_hint_shm) == SR_LINE_BYTES, "one line");

/* What the agent need not look for in each primitive's own pages: a bit says that something is new there. Set after
 * the thing itself, cleared before looking; a kill in between costs time (the agent looks everywhere once a second). */
enum sr_news {
    SR_NEWS_SHARED, /* the shared spill was updated */
    SR_NEWS_LISTS,  /* it was registered, or a category or an objective was added */
    SR_NEWS_COUNT,
};
struct sr_news_shm {
    _Atomic uint64_t bits[SR_NEWS_COUNT][SR_PRIMITIVE_MAX / 64u];
};

struct sr_producer_line_shm {
    _Atomic uint64_t tail;  /* words published, ever: never reset, position is tail & (words - 1) */
    _Atomic uint64_t begun; /* spans begun, ever */
    /* The redo record of one spill update, spill.h. */
    _Atomic uint64_t redo_key;  /* SR_REDO_... */
    _Atomic uint64_t redo_sum;  /* of durations, ns, modulo 2^63, above the turn of the last update in it */
    _Atomic uint64_t redo_cost; /* new values of the words that the key's flags name */
    _Atomic uint64_t redo_savings;
    _Atomic uint64_t redo_bound;
    _Atomic uint64_t redo_ended;
    _Atomic uint64_t redo_clamped;
    _Atomic uint64_t redo_min;
    _Atomic uint64_t redo_max;
    _Atomic uint64_t redo_lost;
    _Atomic uint64_t reserved[4];
};
_Static_assert(sizeof(struct sr_producer_line_shm) == SR_LINE_BYTES, "one line");

/* redo_key: what an update changes, in one word, so that it is there at once.
 *   63..28              27    26..22   21..17   16..13     12..1   0
 *   low bits of value   zero  flags    entry    category   word    turn
 * word 0: no update. */
#define SR_REDO_TURN           UINT64_C(1) /* committed when redo_sum has the same */
#define SR_REDO_WORD_SHIFT     1           /* the commit word: a cell, SR_SPILL_AMOUNTS or SR_SPILL_CANCELS */
#define SR_REDO_WORD_MASK      UINT64_C(0xfff)
#define SR_REDO_CATEGORY_SHIFT 13
#define SR_REDO_CATEGORY_MASK  UINT64_C(0xf)
#define SR_REDO_ENTRY_SHIFT    17 /* of the table of bounds */
#define SR_REDO_ENTRY_MASK     UINT64_C(0x1f)
#define SR_REDO_COST           (UINT64_C(1) << 22) /* cost and savings of the category */
#define SR_REDO_BOUND          (UINT64_C(1) << 23)
#define SR_REDO_LOST           (UINT64_C(1) << 24)
#define SR_REDO_MINMAX         (UINT64_C(1) << 25)
#define SR_REDO_COUNTED        (UINT64_C(1) << 26) /* ended and clamped */
#define SR_REDO_VALUE_SHIFT    28                  /* the commit word's new value, as many bits as fit */

_Static_assert(SR_SPILL_WORDS_FULL - 1 <= SR_REDO_WORD_MASK, "a word's index fits");
_Static_assert(SR_SPILL_BOUND_MAX - 1 <= SR_REDO_ENTRY_MASK, "an entry's index fits");

struct sr_consumer_line_shm {
    _Atomic uint64_t head;  /* words taken, ever; a published copy of the agent's durable word */
    _Atomic uint64_t offer; /* 0, or 1 + the id of a ring of another class, OFFERED to this ring's slot */
    _Atomic uint64_t visited_ns; /* for people: store time of the agent's last visit */
    _Atomic uint64_t waiting_ns; /* likewise: what waits in the ring was not there yet at this time */
    _Atomic uint64_t mark_ns;    /* likewise: the last mark of the clock that the agent took */
    _Atomic uint64_t reserved[11];
};
_Static_assert(sizeof(struct sr_consumer_line_shm) == SR_LINE_BYTES, "one line");

/* Written by the claimer while CLAIMING, read by the agent once a generation. */
struct sr_ring_info_shm {
    _Atomic uint32_t primitive;
    _Atomic uint32_t slot;
    _Atomic uint32_t generation;
    _Atomic uint32_t tid;        /* for people */
    _Atomic uint32_t spill_base; /* bucket index of the block's first cell */
    _Atomic uint32_t reserved0;
    _Atomic uint64_t first_word; /* for people: the tail at the claim; words before it are former owners' */
    _Atomic uint32_t reserved[24];
};
_Static_assert(sizeof(struct sr_ring_info_shm) == SR_LINE_BYTES, "one line");

/* Spans begun or ended by a thread that has no ring for the primitive, or inside a signal handler. */
struct sr_span_entry_shm {
    _Atomic uint64_t key; /* 0: unused, else primitive + 1 */
    _Atomic uint64_t begun;
    _Atomic uint64_t ended;
};

struct sr_slot_shm {
    _Atomic uint64_t state;
    _Atomic uint32_t pid; /* for people, in its own namespace */
    _Atomic uint32_t reserved0;
    _Atomic uint64_t pid_namespace; /* inode, for people */
    _Atomic uint64_t attached_ns;   /* store time, for people */
    char comm[16];                  /* for people; may be torn */
    _Atomic uint64_t unattributed;  /* spans whose begin or end found the table full */
    _Atomic uint64_t reserved[25];
    struct sr_span_entry_shm spans[SR_SPAN_TABLE_COUNT];
};
_Static_assert(sizeof(struct sr_slot_shm) == 1024, "four slots a page");

/* Lists grow by appending: an item is filled, then its state becomes SR_ITEM_READY by CAS from CLAIMING. An item left
 * CLAIMING by a dead process is skipped for ever. */
enum sr_item_state { SR_ITEM_EMPTY = 0, SR_ITEM_CLAIMING = 1, SR_ITEM_READY = 2 };

struct sr_category_shm {
    _Atomic uint64_t state;
    char name[32];
};

struct sr_objective_shm {
    _Atomic uint64_t state;
    char name[32];
    uint32_t kind;
    uint32_t target_ppb;
    uint64_t threshold_ns;
    uint64_t period_s;
};
_Static_assert(sizeof(struct sr_objective_shm) == 64, "no padding");

/* Changing an objective appends it again: of each name, the last READY item counts. At most SLIPRING_OBJECTIVE_COUNT names. */
#define SR_OBJECTIVE_ITEM_MAX 16u

struct sr_registry_entry_shm {
    uint32_t name_bytes;
    uint32_t type_bytes;
    uint32_t flags;
    uint32_t reserved0;
    char name[136]; /* zero-terminated */
    char type[64];
    uint64_t reserved1[5];
    struct sr_category_shm categories[SLIPRING_CATEGORY_COUNT]; /* [0] unused: "default" needs no name here */
    struct sr_objective_shm objectives[SR_OBJECTIVE_ITEM_MAX];
    uint64_t reserved2[16];
};
_Static_assert(sizeof(struct sr_registry_entry_shm) == 2048, "two entries a page");

/* The exact bounds of one primitive, announced by the agent: odd version while it writes. version 0: not yet
 * announced; producers then use the default `le` bounds. They add the primitive's own thresholds in either case. */
struct sr_bounds_shm {
    _Atomic uint64_t version;
    _Atomic uint64_t count;
    _Atomic uint64_t alias; /* 0, or 1 + the id that this duplicate is booked under */
    _Atomic uint64_t reserved[5];
    _Atomic uint64_t bound_ns[SLIPRING_BOUND_COUNT]; /* ascending */
};
_Static_assert(sizeof(struct sr_bounds_shm) == 256, "sixteen a page");

/* What one primitive used of one resource (usage.h): counters that only grow, changed by atomic adds. */
#define SR_USAGE_MAX       4096u
#define SR_USAGE_PAGE_EACH 16u
struct sr_usage_account_shm {
    uint32_t primitive; /* id */
    uint32_t reserved0;
    char resource[64];      /* zero-terminated */
    _Atomic uint64_t enter; /* updates begun, */
    _Atomic uint64_t exit;  /* and finished; at rest their difference was torn */
    _Atomic uint64_t usages;
    _Atomic uint64_t clamped;
    _Atomic uint64_t units[SLIPRING_UNIT_MAX];
    uint64_t reserved[3];
};
_Static_assert(sizeof(struct sr_usage_account_shm) == 256, "sixteen a page");

/* --- the two headers -------------------------------------------------------------------------------------------- */

struct sr_region_shm {
    uint64_t offset;
    uint64_t bytes;
};
#define SR_REGION_MAX 32u

struct sr_ring_header_shm {
    uint64_t magic;
    uint32_t abi_major;
    uint32_t abi_minor;
    uint64_t endian;
    uint64_t segment_bytes;
    uint32_t region_count;
    uint32_t schema;      /* of the buckets: SR_BUCKET_SCHEMA */
    uint64_t incarnation; /* random: which making of the segment this is; never 0 */
    uint64_t made_wall_ns;
    _Atomic uint64_t ready; /* 1, stored last with release */
    struct sr_region_shm regions[SR_REGION_MAX];
    uint8_t reserved[1024 - 64 - 16 * SR_REGION_MAX];
    _Alignas(SR_LINE_BYTES) struct sr_control_shm control;
    _Alignas(SR_LINE_BYTES) struct sr_hint_shm hint;
};

struct sr_stats_header_shm {
    uint64_t magic;
    uint32_t abi_major;
    uint32_t abi_minor;
    uint64_t endian;
    uint64_t segment_bytes;
    uint32_t region_count;
    uint32_t schema;
    _Atomic uint64_t ring_incarnation; /* the ring segment that the ring words speak of */
    uint64_t made_wall_ns;
    _Atomic uint64_t ready;
    struct sr_region_shm regions[SR_REGION_MAX];
    _Atomic uint64_t agent_pid; /* 0 when it stopped cleanly */
    _Atomic uint64_t agent_started_wall_ns;
    _Atomic uint64_t agent_life;
    _Atomic uint64_t published_ns;   /* store time of the last publishing: old means the agent is dead */
    _Atomic uint64_t primitive_high; /* figures at and above this id do not exist */
    char agent_listen[128];          /* "127.0.0.1:9464", for people; zero-terminated */
    _Atomic uint64_t has_moved; /* 1: this file was unlinked, and goes on under its name in another one */
};

/* Published figures. The latch's low bit names the copy that is being written; the other one is whole. */
struct sr_figure_copy_shm {
    struct slipring_stats stats;
    struct slipring_stats_detail detail;
};

struct sr_figure_shm {
    _Atomic uint64_t latch; /* 0: nothing published */
    _Atomic uint64_t alias; /* 0, or 1 + the id whose figure to read instead */
    uint8_t reserved[SR_LINE_BYTES - 16];
    struct sr_figure_copy_shm copies[2];
};
#define SR_FIGURE_BYTES 12288u
_Static_assert(sizeof(struct sr_figure_shm) <= SR_FIGURE_BYTES, "three pages a primitive");

/* What is published of a primitive's objectives, under the same id as its figures. */
struct sr_slo_figure_shm {
    _Atomic uint64_t latch; /* 0: nothing published */
    uint8_t reserved[SR_LINE_BYTES - 8];
    struct slipring_slo_stats copies[2];
};
#define SR_SLO_FIGURE_BYTES 12288u
_Static_assert(sizeof(struct sr_slo_figure_shm) <= SR_SLO_FIGURE_BYTES,
               "three pages a primitive with objectives");

/* The native histogram of a primitive, published together with its figures, under their latch. It is of them when both say the same
 * published_ns; else there is none. */
struct sr_histogram_copy {
    uint64_t published_ns;
    struct sr_native_packed native;
};
struct sr_histogram_shm {
    struct sr_histogram_copy copies[2];
};
#define SR_HISTOGRAM_BYTES 4096u
_Static_assert(sizeof(struct sr_histogram_shm) <= SR_HISTOGRAM_BYTES, "a page a primitive");

/* What is published of a traced primitive's exemplars, under the same id as its figures. */
struct sr_exemplar_figure_shm {
    _Atomic uint64_t latch; /* 0: nothing published */
    uint8_t reserved[SR_LINE_BYTES - 8];
    struct slipring_exemplars copies[2];
};
#define SR_EXEMPLAR_FIGURE_BYTES 8192u
_Static_assert(sizeof(struct sr_exemplar_figure_shm) <= SR_EXEMPLAR_FIGURE_BYTES,
               "two pages a primitive with exemplars");

/* What is published of a durable usage account, under its index. */
struct sr_usage_figure_shm {
    _Atomic uint64_t latch; /* 0: nothing published */
    uint8_t reserved[SR_LINE_BYTES - 8];
    struct slipring_usage_stats copies[2];
};
#define SR_USAGE_FIGURE_BYTES   1024u
#define SR_USAGE_FIGURE_SHARING 4u /* a page */
_Static_assert(sizeof(struct sr_usage_figure_shm) <= SR_USAGE_FIGURE_BYTES, "four a page");

struct sr_incident_log {
    uint64_t count; /* of incidents, oldest first */
    struct slipring_incident incidents[SLIPRING_INCIDENT_COUNT];
};
struct sr_incident_log_shm {
    _Atomic uint64_t latch;
    uint8_t reserved[SR_LINE_BYTES - 8];
    struct sr_incident_log copies[2];
};

/* The agent's own figures: table in protocol/publish.h. */
#define SR_AGENT_FIGURE_MAX 64u
struct sr_agent_figure_shm {
    _Atomic uint64_t latch;
    uint8_t reserved[SR_LINE_BYTES - 8];
    uint64_t copies[2][SR_AGENT_FIGURE_MAX];
};

struct sr_journal_pair_shm {
    uint64_t word;
    uint64_t value;
};
#define SR_JOURNAL_PAIRS 65536u
struct sr_journal_shm {
    _Atomic uint64_t committed; /* pairs to apply; 0: clear */
    uint8_t reserved[SR_LINE_BYTES - 8];
    struct sr_journal_pair_shm pairs[SR_JOURNAL_PAIRS];
};

/* Areas of the durable words: X(name, items, words an item). */
#define SR_WORD_AREAS(X)                                                                                     \
    X(store, 1u, 512u)                                                                                       \
    X(book, SR_PRIMITIVE_MAX, 4096u)                                                                         \
    X(ring, SR_RING_MAX, 16u)                                                                                \
    X(slot, SR_SLOT_MAX, 128u)                                                                               \
    X(in_flight, SR_SLOT_MAX, SR_PRIMITIVE_MAX)                                                              \
    X(copy_small, 32768u, SR_SPILL_WORDS_SMALL)                                                              \
    X(copy_full, (SR_RING_MAX - 32768u), SR_SPILL_WORDS_FULL)                                                \
    X(copy_shared, SR_PRIMITIVE_MAX, SR_SPILL_WORDS_FULL)                                                    \
    X(window, SR_PRIMITIVE_MAX, 512u)                                                                        \
    X(slice, SR_PRIMITIVE_MAX, 6144u)                                                                        \
    X(fine, SR_PRIMITIVE_MAX, 27136u)                                                                        \
    X(history, SR_PRIMITIVE_MAX * 8u, 2560u)                                                                 \
    X(incident, 1u, 9216u)                                                                                   \
    X(former, SR_PRIMITIVE_MAX, 2048u)                                                                       \
    X(usage, SR_USAGE_MAX, 128u)                                                                             \
    X(copy_usage, SR_USAGE_MAX, 32u)                                                                         \
    X(exemplar, SR_PRIMITIVE_MAX, 512u)

enum sr_word_area {
#define X(name, items, words) SR_AREA_##name,
    SR_WORD_AREAS(X)
#undef X
        SR_AREA_COUNT,
};

/* --- regions: X(name, bytes), each padded to pages. The maps below are never instantiated: they turn the lists into
 * constant offsets. ------------------------------------------------------------------------------------------------- */

#define SR_PAGES(bytes)                    (((uint64_t)(bytes) + SR_PAGE_BYTES - 1) / SR_PAGE_BYTES * SR_PAGE_BYTES)
#define SR_BLOCK_BYTES(words, spill_words) (((uint64_t)(words) + (spill_words)) * 8u)

#define SR_RING_REGIONS(X)                                                                                   \
    X(header, sizeof(struct sr_ring_header_shm))                                                             \
    X(registry_key, SR_PRIMITIVE_MAX * 8u)                                                                   \
    X(primitive_page, SR_PRIMITIVE_MAX)                                                                      \
    X(slot_page, SR_SLOT_MAX / 4u)                                                                           \
    X(ring_state, SR_RING_MAX * 8u)                                                                          \
    X(ring_page, SR_RING_MAX)                                                                                \
    X(extent_page, SR_RING_MAX / SR_EXTENT_RINGS)                                                            \
    X(news, sizeof(struct sr_news_shm))                                                                      \
    X(usage_key, SR_USAGE_MAX * 8u)                                                                          \
    X(usage_page, SR_USAGE_MAX / SR_USAGE_PAGE_EACH)                                                         \
    X(registry_entry, (uint64_t)SR_PRIMITIVE_MAX * sizeof(struct sr_registry_entry_shm))                     \
    X(bounds, (uint64_t)SR_PRIMITIVE_MAX * sizeof(struct sr_bounds_shm))                                     \
    X(slot, (uint64_t)SR_SLOT_MAX * sizeof(struct sr_slot_shm))                                              \
    X(ring_info, (uint64_t)SR_RING_MAX *SR_LINE_BYTES)                                                       \
    X(producer_line, (uint64_t)SR_RING_MAX *SR_LINE_BYTES)                                                   \
    X(consumer_line, (uint64_t)SR_RING_MAX *SR_LINE_BYTES)                                                   \
    X(shared_spill, (uint64_t)SR_PRIMITIVE_MAX *SR_SPILL_WORDS_FULL * 8u)                                    \
    X(usage_account, (uint64_t)SR_USAGE_MAX * sizeof(struct sr_usage_account_shm))                           \
    X(pool_small, 32768u * SR_BLOCK_BYTES(512u, SR_SPILL_WORDS_SMALL))                                       \
    X(pool_mid, 4096u * SR_BLOCK_BYTES(4096u, SR_SPILL_WORDS_FULL))                                          \
    X(pool_big, 512u * SR_BLOCK_BYTES(32768u, SR_SPILL_WORDS_FULL))                                          \
    X(pool_direct, 2048u * SR_BLOCK_BYTES(0u, SR_SPILL_WORDS_FULL))

struct sr_ring_map {
#define X(name, bytes) uint8_t name[SR_PAGES(bytes)];
    SR_RING_REGIONS(X)
#undef X
};

/* What is reserved when the segment is made: the header and the directories. */
#define SR_RING_DENSE_BYTES offsetof(struct sr_ring_map, registry_entry)

struct sr_word_map {
#define X(name, items, words) uint64_t name[(uint64_t)(items) * (words)];
    SR_WORD_AREAS(X)
#undef X
};
#define SR_WORD_COUNT (sizeof(struct sr_word_map) / 8u)
_Static_assert(offsetof(struct sr_word_map, exemplar) % SR_PAGE_BYTES == 0,
               "a page a book: it exists whole or not");
_Static_assert(SR_WORD_COUNT < UINT32_MAX, "a word's index fits 32 bits");

#define SR_STATS_REGIONS(X)                                                                                  \
    X(header, sizeof(struct sr_stats_header_shm))                                                            \
    X(agent_figure, sizeof(struct sr_agent_figure_shm))                                                      \
    X(journal, sizeof(struct sr_journal_shm))                                                                \
    X(incident_log, sizeof(struct sr_incident_log_shm))                                                      \
    X(slo_page, SR_PRIMITIVE_MAX)                                                                            \
    X(usage_figure_page, SR_USAGE_MAX / SR_USAGE_FIGURE_SHARING)                                             \
    X(histogram_page, SR_PRIMITIVE_MAX)                                                                      \
    X(exemplar_page, SR_PRIMITIVE_MAX)                                                                       \
    X(figure, (uint64_t)SR_PRIMITIVE_MAX *SR_FIGURE_BYTES)                                                   \
    X(slo_figure, (uint64_t)SR_PRIMITIVE_MAX *SR_SLO_FIGURE_BYTES)                                           \
    X(usage_figure, (uint64_t)SR_USAGE_MAX *SR_USAGE_FIGURE_BYTES)                                           \
    X(histogram, (uint64_t)SR_PRIMITIVE_MAX *SR_HISTOGRAM_BYTES)                                             \
    X(exemplar_figure, (uint64_t)SR_PRIMITIVE_MAX *SR_EXEMPLAR_FIGURE_BYTES)                                 \
    X(words, sizeof(struct sr_word_map))

struct sr_stats_map {
#define X(name, bytes) uint8_t name[SR_PAGES(bytes)];
    SR_STATS_REGIONS(X)
#undef X
};

/* What readers map and the agent reserves first: all before the figures. */
#define SR_STATS_DENSE_BYTES offsetof(struct sr_stats_map, figure)
#define SR_STATS_READ_BYTES  offsetof(struct sr_stats_map, words)

_Static_assert(sizeof(struct sr_ring_header_shm) <= SR_PAGE_BYTES, "one page");
_Static_assert(sizeof(struct sr_stats_header_shm) <= SR_PAGE_BYTES, "one page");
_Static_assert(sizeof(struct slipring_stats) == 560, "published layout");
_Static_assert(sizeof(struct slipring_stats_detail) == 248 + 8 * 176 + 8 * 144 + 16 * 64 + 24 * 32,
               "published layout");
_Static_assert(sizeof(struct slipring_slo_stats) == 80 + 8 * (16 + 7 * 40 + 4 * 40), "published layout");
_Static_assert(sizeof(struct slipring_incident) == 272, "published layout");
_Static_assert(sizeof(struct slipring_usage_stats) == 392, "published layout");
_Static_assert(sizeof(struct sr_histogram_copy) == 2024, "published layout");
_Static_assert(sizeof(struct slipring_exemplars) == 480 * 8, "published layout");

#endif
