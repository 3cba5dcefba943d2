/* SPDX-License-Identifier: Apache-2.0 */
/* One book's published figures, worked out from its durable words. */
#ifndef AGENT_FIGURES_H
#define AGENT_FIGURES_H

#include "books.h"
#include "pure/fine.h"
#include "pure/native.h"

/* stats counts from the book's created time on; its lifetime, and what says so, holds what came from a checkpoint, too. */
struct figures {
    struct slipring_stats stats;
    struct slipring_stats_detail detail;
    struct sr_native_packed native; /* of the cells since the created time; when the agent shows any */
    /* scratch */
    uint64_t page[SR_WORDS_PER_PAGE]; /* the book's first page: all but the cells */
    uint64_t former[SR_FORMER_CELLS]; /* what came from a checkpoint: all but the cells */
    uint64_t cells[SR_BUCKET_COUNT];
    uint64_t lifetime_cells[SR_BUCKET_COUNT]; /* those of the checkpoint, too */
    uint64_t fine[SR_FINE_COUNT_MAX];
    uint64_t slides_ns;      /* as in struct book */
    uint64_t stays_until_ns; /* likewise */
};

/* How often a window that covers more by and by is told of: when that is a hundredth of it. 0: no window. */
uint64_t figures_step_ns(uint64_t window_ns);

/* The batch is empty. */
void figures_read(const struct books *books, uint32_t book, uint64_t now_ns, struct figures *out_figures);

#endif
