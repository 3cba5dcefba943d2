/* SPDX-License-Identifier: Apache-2.0 */
/* The shelf of a book: where the slices of its windows lie, how they are written, read, and made fewer when room gets short. What slices are for
 * is in windows.h; the words are in peer/accounts.h.
 *
 * A slice lies in one piece in the book's item of area `slice`, from a multiple of SHELF_UNIT_BYTES on. Which units are taken is private
 * memory, made anew from the index. A slice that left the index keeps its units until the commit that dropped it: shelf_free() comes
 * after that. See agent/store.h for threads. */
#ifndef AGENT_SHELF_H
#define AGENT_SHELF_H

#include "books.h"
#include "pure/fine.h"
#include "pure/sparse.h"

#define SHELF_UNIT_BYTES 64u
#define SHELF_UNITS      ((uint32_t)SR_WORDS_PER_slice * 8u / SHELF_UNIT_BYTES)
#define SHELF_RAW_BYTES                                                                                      \
    (SR_SLICE_HEAD_WORDS * 8u + (SR_BUCKET_COUNT + SR_FINE_COUNT_MAX) * SR_SPARSE_ENTRY_MAX)

/* A slice whose parts of buckets would make it larger than this is written without them: its percentiles have the buckets' error. So
 * small, for eight windows want some twenty slices each, and a slice with parts must not cost others theirs. */
#define SHELF_SLICE_BYTES (SHELF_UNITS * SHELF_UNIT_BYTES / 32u)

/* A slice, or several together, unpacked. Cells outside the book's [low, high) are not looked at. */
struct part {
    uint64_t head[SR_SLICE_HEAD_WORDS];
    uint64_t cells[SR_BUCKET_COUNT];
    uint64_t *fine; /* SR_FINE_COUNT_MAX; NULL: the agent's schema has no parts */
};

/* The closed slices of a tier together, packed as one: made when it is asked for, private. */
struct shelf_sum {
    bool is_fresh;
    uint32_t bytes, room;
    uint8_t *packed; /* as in a slice, room bytes of it */
};

struct shelf {
    uint64_t due_ns; /* nothing leaves and nothing is closed before */
    uint64_t taken[(SHELF_UNITS + 63) / 64];
    struct shelf_sum sum[SR_TIER_MAX];
};

/* A tier's words. */
struct tier {
    uint64_t window_ns; /* 0: unused */
    uint64_t cover_ns;
    uint64_t growing; /* a place; 0: nothing */
    uint32_t first;
    uint32_t count;
};

/* Private memory of all shelves. */
struct windows {
    struct shelf *shelf[SR_PRIMITIVE_MAX]; /* NULL: not needed yet */
    struct part part;                      /* what is being closed */
    struct part other;
    struct part sum;
    uint64_t *fine_base; /* SR_FINE_COUNT_MAX; NULL as in parts */
    uint64_t raw[(SHELF_RAW_BYTES + 7) / 8];
};

/* The book's shelf, made at the first call. NULL: no memory. */
struct shelf *shelf_of(const struct books *books, uint32_t book);
void shelf_drop(struct shelf *shelf);

struct tier shelf_tier(const struct books *books, uint32_t book, uint32_t tier);
/* Slice i of the tier, the oldest is 0. */
uint64_t shelf_place(const struct books *books, uint32_t book, uint32_t tier, const struct tier *it,
                     uint32_t i);
void shelf_head(const struct books *books, uint32_t book, uint64_t place, uint64_t head[SR_SLICE_HEAD_WORDS]);

/* A packed slice on top of the part. Bytes that are none do no harm. */
void shelf_unpack(const struct books *books, const uint8_t *packed, uint32_t bytes, struct part *part);
/* Packs the part into windows->raw, as a slice of the agent's schema; returns how many bytes. Its cells are coarsened to that. */
uint32_t shelf_pack(const struct books *books, uint32_t book, struct part *part);

/* Nothing, within the book's cells. */
void shelf_clear(const struct books *books, uint32_t book, struct part *part);
/* The slice at `place` on top of the part. 0: none. */
void shelf_add(const struct books *books, uint32_t book, uint64_t place, struct part *part);

/* Write the part where nobody refers to it; makes room by merging and dropping slices, a commit each: the batch is empty. False: no page, no room. */
__attribute__((warn_unused_result)) bool shelf_write(struct books *books, uint32_t book, struct part *part,
                                                     uint64_t *out_place);
/* The place is nobody's, as of the last commit. 0 is ignored. */
void shelf_free(struct shelf *shelf, uint64_t place);

/* In the caller's batch: append a slice to a tier that has room for it; take its oldest `leaving` out, whose places are then to be freed. */
void shelf_append(struct books *books, uint32_t book, uint32_t tier, uint64_t place);
void shelf_take_out(struct books *books, uint32_t book, uint32_t tier, uint32_t leaving);

/* The tier has room for one more slice afterwards. The batch is empty before and after. */
void shelf_make_place(struct books *books, uint32_t book, uint32_t tier);

#endif
