/* SPDX-License-Identifier: Apache-2.0 */
/* What a primitive takes of the stats segment at most, however many executions it has and however wild their durations are:
 *
 *     book       cells, base of the open slices, bounds, objectives, names       32,768 bytes
 *     windows    slices of all windows together, and their index                 see windows.h
 *     figures    two copies, in whole pages                                      12,288
 *     native     two copies of the native histogram                               4,096
 *     parts      of buckets and their base, in a store of schema 6, 7 or 8       65,536, 122,880 or 217,088
 *
 * 12,288 bytes more when some of it was recorded under sampled traces (FOOTPRINT_TRACED_BYTES: a page of exemplars, two in which they are published), and 16,384
 * when its books were restored from a checkpoint (the former part, peer/accounts.h), which footprint_primitive_bytes() does not count;
 * and for each objective a history (see history.h), and the page of its windows and alerts, which all objectives of a primitive share. How
 * many windows there are does not matter: they share the room for slices, and when it gets short they get coarser. Of the ring segment a primitive
 * takes 34 KB besides, and rings; a ring that spilled takes 8 KB of the stats segment. */
#ifndef AGENT_FOOTPRINT_H
#define AGENT_FOOTPRINT_H

#include "history.h"
#include "peer/books.h"
#include "pure/fine.h"
#include "windows.h"

/* A primitive without objectives, in a store of this schema (3 to 8). */
static inline uint64_t footprint_primitive_bytes(uint32_t schema)
{
    uint64_t parts = 0;
    if (schema > SR_BUCKET_SCHEMA) {
        const uint64_t pages = (sr_fine_count(schema) + SR_WORDS_PER_PAGE - 1) / SR_WORDS_PER_PAGE;
        parts = (2 * pages + 2) *
                SR_WORDS_PER_PAGE; /* the base does not begin at a page; and one says the schema */
        parts = parts < SR_WORDS_PER_fine ? parts : SR_WORDS_PER_fine;
    }
    return (SR_WORDS_PER_book + parts) * 8u + WINDOWS_BYTES + SR_FIGURE_BYTES + SR_HISTOGRAM_BYTES;
}

/* One that is traced takes so much more. */
#define FOOTPRINT_TRACED_BYTES (SR_WORDS_PER_exemplar * 8u + SR_EXEMPLAR_FIGURE_BYTES)

/* Each of its objectives. */
#define FOOTPRINT_OBJECTIVE_BYTES (HISTORY_BYTES + SR_SLO_FIGURE_BYTES)

#endif
