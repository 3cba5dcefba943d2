/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent published of the load's primitives, the cells of their durable books, and what is wrong with them. */
#ifndef CRASH_BOOKS_H
#define CRASH_BOOKS_H

#include <slipring/slipring.h>

#include "support/workload.h"

struct book {
    bool is_found;
    struct slipring_stats stats;
    struct slipring_stats_detail detail;
    uint32_t accounts;                                  /* of usage, that are published of it */
    struct slipring_usage_stats usage[TALLY_RESOURCES]; /* all zero: there is none */
    uint64_t cells[SR_BUCKET_COUNT];                    /* success and failure together */
};

struct books {
    struct book book[WORKLOAD_PRIMITIVES];
};

/* All of them, found by their names "p0", "p1", ... */
void books_read(struct books *books, const struct workload *load);

/* The first figure that is not what `want` says, in words; NULL: all are. */
const char *books_differ(const struct book *book, const struct workload *load, uint32_t index,
                         const struct tally *want, uint64_t aborted, uint64_t active);

/* The same of its lifetime alone, after a reboot: what a checkpoint brought back, of executions, units of usage and all money. */
const char *books_lifetime_differs(const struct book *book, const struct tally *want);

/* Nothing that counts is less than before. NULL, or what is. */
const char *books_went_back(const struct book *before, const struct book *now);

#endif
