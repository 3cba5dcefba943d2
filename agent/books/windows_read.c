/* SPDX-License-Identifier: Apache-2.0 */
/* What the windows of a book hold: see windows.h. */
#include <stdlib.h>
#include <string.h>

#include "pure/window.h"
#include "shelf.h"
#include "windows.h"
#include "windows_parts.h"

/* Packs the closed slices of a tier into raw; returns how many bytes. */
static uint32_t pack_closed(const struct books *books, uint32_t index, uint32_t tier)
{
    struct part *other = &books->windows->other;
    const struct tier it = shelf_tier(books, index, tier);
    shelf_clear(books, index, other);
    for (uint32_t i = 0; i < it.count; i++) {
        shelf_add(books, index, shelf_place(books, index, tier, &it, i), other);
    }
    return it.count > 0 ? shelf_pack(books, index, other) : 0;
}

/* The closed slices of a tier on top of the part. */
static void add_closed(const struct books *books, uint32_t index, uint32_t tier, struct part *part)
{
    struct shelf_sum *sum = &books->windows->shelf[index]->sum[tier];
    if (!sum->is_fresh) {
        const uint32_t bytes = pack_closed(books, index, tier);
        const uint8_t *raw = (const uint8_t *)books->windows->raw;
        if (bytes > sum->room) {
            free(sum->packed);
            sum->packed = malloc(bytes);
            sum->room = sum->packed ? bytes : 0;
        }
        if (bytes > sum->room) { /* no memory: from the slices themselves, each time */
            shelf_unpack(books, raw, bytes, part);
            return;
        }
        if (bytes != 0) {
            memcpy(sum->packed, raw, bytes);
        }
        sum->bytes = bytes;
        sum->is_fresh = true;
    }
    shelf_unpack(books, sum->packed, sum->bytes, part);
}

/* What no slice of `tier` holds yet, as far as it began at earliest_ns or later, into windows->part. Returns the end of what began before: the
 * window cannot say anything of the time up to there. */
static uint64_t read_rest(const struct books *books, uint32_t index, uint32_t tier, uint64_t earliest_ns,
                          uint64_t now_ns)
{
    struct part *part = &books->windows->part;
    uint64_t left_ns = 0;
    shelf_clear(books, index, part);
    if (books->book[index].open_ns != 0) {
        if (books->book[index].open_ns >= earliest_ns) {
            windows_read_open(books, index, now_ns, part);
        } else {
            left_ns = now_ns;
        }
    }
    for (uint32_t i = 1; i <= tier; i++) {
        const uint64_t growing = shelf_tier(books, index, i).growing;
        uint64_t head[SR_SLICE_HEAD_WORDS];
        shelf_head(books, index, growing, head);
        if (head[SR_SLICE_START_NS] >= earliest_ns) {
            shelf_add(books, index, growing, part);
        } else if (head[SR_SLICE_END_NS] > left_ns) {
            left_ns = head[SR_SLICE_END_NS];
        }
    }
    return left_ns;
}

static void fill_sum(const struct tier *it, uint32_t schema, uint64_t left_ns, uint64_t now_ns,
                     struct part *part, struct window_sum *out_sum)
{
    const uint64_t *head = part->head;
    const uint64_t cover_ns = it->cover_ns > left_ns ? it->cover_ns : left_ns;
    *out_sum = (struct window_sum){
        .n = head[SR_SLICE_COUNT],
        .failures = head[SR_SLICE_FAILURES],
        .spilled = head[SR_SLICE_SPILLED],
        .cost = head[SR_SLICE_COST],
        .savings = head[SR_SLICE_SAVINGS],
        .peak = head[SR_SLICE_PEAK],
        .window_ns = it->window_ns,
        .span_ns = now_ns - sr_window_begin(cover_ns, now_ns, it->window_ns),
        .cells = part->cells,
        .fine = part->fine,
        .schema = head[SR_SLICE_SCHEMA] != 0 && head[SR_SLICE_SCHEMA] < SR_BUCKET_SCHEMA
                      ? (uint32_t)head[SR_SLICE_SCHEMA]
                      : schema,
    };
}

/* The tier's words, or what they would be. */
static struct tier tier_of(const struct books *books, uint32_t index, uint32_t tier)
{
    struct tier it = shelf_tier(books, index, tier);
    if (it.window_ns == 0) {
        it.window_ns = books->options->window_ns[tier];
        it.cover_ns = get(books, SR_WORD(book, index, SR_BOOK_OPENED_NS));
    }
    return it;
}

/* When the first of the windows from `tier` on that hold what began at start_ns is without it. */
static uint64_t leaves_ns(const struct books *books, uint32_t index, uint32_t tier, uint64_t start_ns,
                          uint64_t now_ns)
{
    for (; tier < books->options->window_count; tier++) {
        const uint64_t last_ns = start_ns + tier_of(books, index, tier).window_ns;
        if (last_ns >= now_ns) { /* they ascend */
            return last_ns;
        }
    }
    return UINT64_MAX;
}

uint64_t windows_stay_until(const struct books *books, uint32_t index, uint64_t now_ns)
{
    const uint64_t open_ns = books->book[index].open_ns;
    uint64_t until_ns = open_ns != 0 ? leaves_ns(books, index, 0, open_ns, now_ns) : UINT64_MAX;
    for (uint32_t tier = 1; tier < books->options->window_count; tier++) {
        const uint64_t growing = shelf_tier(books, index, tier).growing;
        uint64_t head[SR_SLICE_HEAD_WORDS];
        if (growing != 0) {
            shelf_head(books, index, growing, head);
            const uint64_t last_ns = leaves_ns(books, index, tier, head[SR_SLICE_START_NS], now_ns);
            until_ns = last_ns < until_ns ? last_ns : until_ns;
        }
    }
    return until_ns;
}

void windows_read(const struct books *books, uint32_t index, uint64_t now_ns,
                  void (*take)(void *context, uint32_t tier, const struct window_sum *sum), void *context)
{
    struct windows *windows = books->windows;
    const struct book *book = &books->book[index];
    const size_t bytes = (book->high - book->low) * sizeof windows->sum.cells[0];
    const size_t parts = sr_fine_parts(books->options->schema);
    const bool has_shelf =
        windows->shelf[index] || (windows_are_set_up(books, index) && shelf_of(books, index));
    bool is_whole = false; /* windows->part holds all of the rest of the tier before */
    for (uint32_t tier = 0; tier < books->options->window_count; tier++) {
        const struct tier it = tier_of(books, index, tier);
        const uint64_t earliest_ns = sr_window_earliest(now_ns, it.window_ns);
        uint64_t left_ns = 0;
        uint64_t head[SR_SLICE_HEAD_WORDS];
        shelf_head(books, index, it.growing, head);
        if (is_whole && (it.growing == 0 || head[SR_SLICE_START_NS] >= earliest_ns)) {
            shelf_add(books, index, it.growing, &windows->part);
        } else {
            left_ns = read_rest(books, index, tier, earliest_ns, now_ns);
            is_whole = left_ns == 0;
        }
        memcpy(windows->sum.head, windows->part.head, sizeof head);
        memcpy(windows->sum.cells + book->low, windows->part.cells + book->low, bytes);
        if (windows->sum.fine) {
            memcpy(windows->sum.fine + (size_t)book->low * parts,
                   windows->part.fine + (size_t)book->low * parts, bytes * parts);
        }
        if (has_shelf) {
            add_closed(books, index, tier, &windows->sum);
        }
        struct window_sum sum;
        fill_sum(&it, books->options->schema, left_ns, now_ns, &windows->sum, &sum);
        take(context, tier, &sum);
    }
}
