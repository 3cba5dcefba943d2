/* SPDX-License-Identifier: Apache-2.0 */
/* What an execution used: tokens, images, seconds, bytes, counted by the kind of unit and priced by the agent from a price card
 * (docs/prices.md), exactly, in integer nano-dollars. */
#ifndef SLIPRING_USAGE_H
#define SLIPRING_USAGE_H

#include <stdint.h>

#include <slipring/record.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Kinds are disjoint: what is counted as one is not counted as another. Providers whose totals contain parts (cached tokens in input,
 * reasoning tokens in output) have them taken out first; <slipring/usage_json.h> does. Append only: the numbers are the layout. */
enum slipring_unit {
    SLIPRING_UNIT_INPUT = 0,  /* tokens that were read, and not from a cache */
    SLIPRING_UNIT_OUTPUT = 1, /* tokens that were written */
    SLIPRING_UNIT_CACHED_INPUT =
        2,                         /* tokens read from a cache: what they are cheaper than input is savings */
    SLIPRING_UNIT_CACHE_WRITE = 3, /* tokens written to a cache */
    SLIPRING_UNIT_REASONING = 4,   /* tokens of reasoning; without a price of their own, as output */
    SLIPRING_UNIT_AUDIO_INPUT = 5, /* tokens */
    SLIPRING_UNIT_AUDIO_OUTPUT = 6, /* tokens */
    SLIPRING_UNIT_IMAGE = 7,        /* images */
    SLIPRING_UNIT_CHARACTER = 8,
    SLIPRING_UNIT_MILLISECOND = 9, /* priced by the second */
    SLIPRING_UNIT_BYTE = 10,
    SLIPRING_UNIT_REQUEST = 11, /* whatever is paid by the piece */
    SLIPRING_UNIT_COUNT = 12,
    SLIPRING_UNIT_MAX = 16, /* room in layouts */
};

#define SLIPRING_MODEL_NAME_MAX 63 /* bytes of UTF-8 without control characters: "provider/model" */

/* How many of each kind: 0 to SLIPRING_UNITS_MAX; more is clamped, and counted as such. So few that one call whose count wrapped around does not
 * fill a sum of money for ever: at ten dollars a million, 176 million dollars. */
#define SLIPRING_UNITS_MAX (UINT64_C(1) << 44)

struct slipring_usage {
    uint64_t units[SLIPRING_UNIT_MAX];
};

/* Record an execution as slipring_record() does, and what it used of a resource. The agent prices it: units times the price that the card
 * has for them, exactly. A resource without a price counts in primitive_unpriced_total with its usage, and is priced when a card has
 * one. Takes no system call after the first use of a resource by anybody, no lock, no memory; some 100 ns. Thread safe, in a
 * forked child too, in a signal handler. Killed inside, the thread leaves at most one half-made usage, which is counted as torn.
 *
 * OK; BAD_ARGUMENT (no usage), BAD_NAME (the resource's): the execution is recorded, the usage is not. TABLE_FULL, NO_SPACE: likewise, and
 * the usage is counted in slipring_usage_lost_total. The status of the store when it cannot record at all. */
enum slipring_status slipring_record_usage(struct slipring_primitive *primitive, uint64_t duration_ns,
                                           enum slipring_outcome outcome, const char *resource,
                                           const struct slipring_usage *usage);

/* An account as the agent publishes it: what a primitive used of one resource. Read by the agent's HTTP side and the tools. Published beside the
 * primitive's figures, not together with them: for a round of publishing (a tenth of a second) its cost may hold a usage that the
 * primitive's cost does not hold yet, or the other way round. What is kept, in shared memory and in checkpoints, is of one moment. */
struct slipring_usage_stats {
    uint64_t place;    /* of the primitive's figures */
    char resource[64]; /* zero-terminated */
    uint64_t
        usages; /* recorded, since the primitive's created_wall_ns; so are the others, but for lifetimes */
    uint64_t unpriced;     /* of these, without a price when they came: a counter */
    uint64_t unpriced_now; /* 1: there are units that no card has priced yet */
    uint64_t cost_nanodollars;
    uint64_t savings_nanodollars;
    uint64_t units[SLIPRING_UNIT_MAX];
    uint64_t unpriced_units[SLIPRING_UNIT_MAX]; /* not priced yet, whenever they came */
    uint64_t lifetime_usages;                   /* with what a checkpoint brought */
    uint64_t lifetime_cost_nanodollars;
    uint64_t lifetime_savings_nanodollars;
};

#ifdef __cplusplus
}
#endif
#endif
