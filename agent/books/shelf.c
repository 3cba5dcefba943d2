/* SPDX-License-Identifier: Apache-2.0 */
/* Slices in their places: see shelf.h. */
#include "shelf.h"

#include <stdlib.h>
#include <string.h>

#include "pure/money.h"
#include "windows_parts.h"

#define AREA_BYTES ((uint32_t)SR_WORDS_PER_slice * 8u)
#define HEAD_BYTES ((uint32_t)SR_SLICE_HEAD_WORDS * 8u)

_Static_assert(SHELF_UNITS *SHELF_UNIT_BYTES == AREA_BYTES, "whole units");

/* --- places --------------------------------------------------------------------------------------------------------------- */

static uint32_t offset_of(uint64_t place)
{
    return (uint32_t)(place >> 32);
}

static uint32_t bytes_of(uint64_t place)
{
    return (uint32_t)place;
}

/* What is none of ours reads as no place. */
static uint64_t sound(uint64_t place)
{
    const bool is_sound = offset_of(place) % SHELF_UNIT_BYTES == 0 && bytes_of(place) >= HEAD_BYTES &&
                          bytes_of(place) <= AREA_BYTES && offset_of(place) <= AREA_BYTES - bytes_of(place);
    return is_sound ? place : 0;
}

static void mark(struct shelf *shelf, uint64_t place, bool is_taken)
{
    const uint32_t first = offset_of(place) / SHELF_UNIT_BYTES;
    const uint32_t end = first + (bytes_of(place) + SHELF_UNIT_BYTES - 1) / SHELF_UNIT_BYTES;
    for (uint32_t unit = first; unit < end; unit++) {
        const uint64_t bit = UINT64_C(1) << unit % 64;
        shelf->taken[unit / 64] = is_taken ? shelf->taken[unit / 64] | bit : shelf->taken[unit / 64] & ~bit;
    }
}

void shelf_free(struct shelf *shelf, uint64_t place)
{
    if (place != 0) {
        mark(shelf, place, false);
    }
}

/* The lowest run of free units. False: none is long enough. */
static bool find_run(const struct shelf *shelf, uint32_t bytes, uint64_t *out_place)
{
    const uint32_t need = (bytes + SHELF_UNIT_BYTES - 1) / SHELF_UNIT_BYTES;
    uint32_t run = 0;
    for (uint32_t unit = 0; unit < SHELF_UNITS; unit++) {
        if (unit % 64 == 0 && shelf->taken[unit / 64] == UINT64_MAX) {
            unit += 63;
            run = 0;
            continue;
        }
        run = shelf->taken[unit / 64] >> unit % 64 & 1 ? 0 : run + 1;
        if (run == need) {
            *out_place = (uint64_t)(unit + 1 - need) * SHELF_UNIT_BYTES << 32 | bytes;
            return true;
        }
    }
    return false;
}

/* --- tiers ---------------------------------------------------------------------------------------------------------------- */

struct tier shelf_tier(const struct books *books, uint32_t book, uint32_t tier)
{
    const uint64_t count = get(books, tier_word(book, tier, SR_TIER_COUNT));
    return (struct tier){
        .window_ns = get(books, tier_word(book, tier, SR_TIER_WINDOW_NS)),
        .cover_ns = get(books, tier_word(book, tier, SR_TIER_COVER_NS)),
        .growing = sound(get(books, tier_word(book, tier, SR_TIER_GROWING))),
        .first = (uint32_t)(get(books, tier_word(book, tier, SR_TIER_FIRST)) % SR_TIER_SLICE_MAX),
        .count = count < SR_TIER_SLICE_MAX ? (uint32_t)count : SR_TIER_SLICE_MAX,
    };
}

static uint32_t slice_word(uint32_t book, uint32_t tier, const struct tier *it, uint32_t i)
{
    return tier_word(book, tier, SR_TIER_SLICES + (it->first + i) % SR_TIER_SLICE_MAX);
}

uint64_t shelf_place(const struct books *books, uint32_t book, uint32_t tier, const struct tier *it,
                     uint32_t i)
{
    return sound(get(books, slice_word(book, tier, it, i)));
}

void shelf_append(struct books *books, uint32_t book, uint32_t tier, uint64_t place)
{
    const struct tier it = shelf_tier(books, book, tier);
    set(books, slice_word(book, tier, &it, it.count), place);
    set(books, tier_word(book, tier, SR_TIER_COUNT), it.count + 1);
    books->windows->shelf[book]->sum[tier].is_fresh = false;
}

void shelf_take_out(struct books *books, uint32_t book, uint32_t tier, uint32_t leaving)
{
    const struct tier it = shelf_tier(books, book, tier);
    uint64_t head[SR_SLICE_HEAD_WORDS];
    shelf_head(books, book, shelf_place(books, book, tier, &it, leaving - 1), head);
    set(books, tier_word(book, tier, SR_TIER_FIRST), (it.first + leaving) % SR_TIER_SLICE_MAX);
    set(books, tier_word(book, tier, SR_TIER_COUNT), it.count - leaving);
    if (head[SR_SLICE_END_NS] > it.cover_ns) {
        set(books, tier_word(book, tier, SR_TIER_COVER_NS), head[SR_SLICE_END_NS]);
    }
    books->windows->shelf[book]->sum[tier].is_fresh = false;
    books_note_change(books, book);
}

/* --- reading -------------------------------------------------------------------------------------------------------------- */

void shelf_head(const struct books *books, uint32_t book, uint64_t place, uint64_t head[SR_SLICE_HEAD_WORDS])
{
    memset(head, 0, SR_SLICE_HEAD_WORDS * sizeof head[0]);
    if (place != 0) {
        sr_words_read(&books->durable->words, SR_WORD(slice, book, offset_of(place) / 8), SR_SLICE_HEAD_WORDS,
                      head);
    }
}

void shelf_clear(const struct books *books, uint32_t book, struct part *part)
{
    const uint32_t low = books->book[book].low;
    memset(part->head, 0, sizeof part->head);
    const uint32_t parts = sr_fine_parts(books->options->schema);
    memset(part->cells + low, 0, (books->book[book].high - low) * sizeof part->cells[0]);
    if (part->fine) {
        memset(part->fine + (size_t)low * parts, 0,
               (size_t)(books->book[book].high - low) * parts * sizeof part->fine[0]);
    }
}

static void add_head(struct part *part, const uint64_t head[SR_SLICE_HEAD_WORDS])
{
    uint64_t *to = part->head;
    bool is_saturated = false; /* stands still at the largest amount (money.h G3) */
    const bool is_first = to[SR_SLICE_END_NS] == 0;
    if (is_first || head[SR_SLICE_START_NS] < to[SR_SLICE_START_NS]) {
        to[SR_SLICE_START_NS] = head[SR_SLICE_START_NS];
    }
    to[SR_SLICE_END_NS] =
        head[SR_SLICE_END_NS] > to[SR_SLICE_END_NS] ? head[SR_SLICE_END_NS] : to[SR_SLICE_END_NS];
    to[SR_SLICE_COUNT] += head[SR_SLICE_COUNT];
    to[SR_SLICE_FAILURES] += head[SR_SLICE_FAILURES];
    to[SR_SLICE_SPILLED] += head[SR_SLICE_SPILLED];
    to[SR_SLICE_PEAK] = head[SR_SLICE_PEAK] > to[SR_SLICE_PEAK] ? head[SR_SLICE_PEAK] : to[SR_SLICE_PEAK];
    to[SR_SLICE_COST] = sr_money_add(to[SR_SLICE_COST], head[SR_SLICE_COST], &is_saturated);
    to[SR_SLICE_SAVINGS] = sr_money_add(to[SR_SLICE_SAVINGS], head[SR_SLICE_SAVINGS], &is_saturated);
    if (to[SR_SLICE_SCHEMA] == 0 || head[SR_SLICE_SCHEMA] < to[SR_SLICE_SCHEMA]) {
        to[SR_SLICE_SCHEMA] = head[SR_SLICE_SCHEMA];
    }
}

void shelf_unpack(const struct books *books, const uint8_t *packed, uint32_t bytes, struct part *part)
{
    uint64_t head[SR_SLICE_HEAD_WORDS];
    if (bytes < sizeof head) {
        return;
    }
    memcpy(head, packed, sizeof head);
    const uint32_t rest = bytes - HEAD_BYTES;
    const uint32_t coarse = head[SR_SLICE_COARSE_BYTES] < rest ? (uint32_t)head[SR_SLICE_COARSE_BYTES] : rest;
    add_head(part, head);
    (void)sr_sparse_add(part->cells, SR_BUCKET_COUNT, packed + HEAD_BYTES, coarse); /* ours: whole */
    if (part->fine && head[SR_SLICE_SCHEMA] == books->options->schema) {
        (void)sr_sparse_add(part->fine, sr_fine_count(books->options->schema), packed + HEAD_BYTES + coarse,
                            rest - coarse); /* as above */
    }
}

void shelf_add(const struct books *books, uint32_t book, uint64_t place, struct part *part)
{
    uint64_t *raw = books->windows->raw;
    if (place == 0 || bytes_of(place) > sizeof books->windows->raw) {
        return;
    }
    sr_words_read(&books->durable->words, SR_WORD(slice, book, offset_of(place) / 8),
                  (bytes_of(place) + 7) / 8, raw);
    shelf_unpack(books, (const uint8_t *)raw, bytes_of(place), part);
}

/* --- making room ---------------------------------------------------------------------------------------------------------- */

static uint32_t bytes_of_tier(const struct books *books, uint32_t book, uint32_t tier)
{
    const struct tier it = shelf_tier(books, book, tier);
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < it.count && it.count > 1; i++) {
        bytes += bytes_of(shelf_place(books, book, tier, &it, i));
    }
    return bytes;
}

/* Which two neighbours are shortest together: the first of them. The tier has two slices. */
static uint32_t shortest_pair(const struct books *books, uint32_t book, uint32_t tier, const struct tier *it)
{
    uint32_t shortest = 0;
    uint64_t least_ns = UINT64_MAX;
    uint64_t before[SR_SLICE_HEAD_WORDS];
    uint64_t head[SR_SLICE_HEAD_WORDS];
    shelf_head(books, book, shelf_place(books, book, tier, it, 0), before);
    for (uint32_t i = 0; i + 1 < it->count; i++) {
        shelf_head(books, book, shelf_place(books, book, tier, it, i + 1), head);
        const uint64_t together_ns = head[SR_SLICE_END_NS] - before[SR_SLICE_START_NS];
        if (together_ns < least_ns) {
            least_ns = together_ns;
            shortest = i;
        }
        memcpy(before, head, sizeof before);
    }
    return shortest;
}

static bool write_where_it_fits(struct books *books, uint32_t book, struct part *part, uint64_t *out_place);

/* Slices i and i + 1 become one. False: that has no room, or no page. The batch is empty before and after. */
static bool merge(struct books *books, uint32_t book, uint32_t tier, uint32_t i)
{
    const struct tier it = shelf_tier(books, book, tier);
    const uint64_t a = shelf_place(books, book, tier, &it, i);
    const uint64_t b = shelf_place(books, book, tier, &it, i + 1);
    struct part *together = &books->windows->other;
    uint64_t place = 0;
    shelf_clear(books, book, together);
    shelf_add(books, book, a, together);
    shelf_add(books, book, b, together);
    if (!write_where_it_fits(books, book, together, &place)) {
        return false;
    }
    set(books, slice_word(book, tier, &it, i), place);
    for (uint32_t k = i + 1; k + 1 < it.count; k++) {
        set(books, slice_word(book, tier, &it, k), shelf_place(books, book, tier, &it, k + 1));
    }
    set(books, tier_word(book, tier, SR_TIER_COUNT), it.count - 1);
    books_commit(books);
    shelf_free(books->windows->shelf[book], a);
    shelf_free(books->windows->shelf[book], b);
    return true;
}

static void drop_oldest(struct books *books, uint32_t book, uint32_t tier)
{
    const struct tier it = shelf_tier(books, book, tier);
    const uint64_t place = shelf_place(books, book, tier, &it, 0);
    shelf_take_out(books, book, tier, 1);
    books_commit(books);
    shelf_free(books->windows->shelf[book], place);
}

static void make_fewer(struct books *books, uint32_t book, uint32_t tier)
{
    const struct tier it = shelf_tier(books, book, tier);
    if (it.count < 2 || !merge(books, book, tier, shortest_pair(books, book, tier, &it))) {
        drop_oldest(books, book, tier);
    }
}

void shelf_make_place(struct books *books, uint32_t book, uint32_t tier)
{
    while (shelf_tier(books, book, tier).count >= SR_TIER_SLICE_MAX) {
        make_fewer(books, book, tier);
    }
}

/* From the tier that takes most. False: no tier has two slices. */
static bool make_room(struct books *books, uint32_t book)
{
    uint32_t greatest = 0;
    uint32_t most = 0;
    for (uint32_t tier = 0; tier < SR_TIER_MAX; tier++) {
        const uint32_t bytes = bytes_of_tier(books, book, tier);
        if (bytes > most) {
            most = bytes;
            greatest = tier;
        }
    }
    if (most != 0) {
        make_fewer(books, book, greatest);
    }
    return most != 0;
}

/* --- writing -------------------------------------------------------------------------------------------------------------- */

uint32_t shelf_pack(const struct books *books, uint32_t book, struct part *part)
{
    uint8_t *raw = (uint8_t *)books->windows->raw;
    const struct book *it = &books->book[book];
    const uint32_t schema = books->options->schema;
    const uint32_t parts = sr_fine_parts(schema);
    const bool has_coarser =
        part->head[SR_SLICE_SCHEMA] != 0 && part->head[SR_SLICE_SCHEMA] < SR_BUCKET_SCHEMA;
    const uint32_t coarse_schema =
        has_coarser && part->head[SR_SLICE_SCHEMA] < schema ? (uint32_t)part->head[SR_SLICE_SCHEMA] : schema;
    sr_fine_coarsen(part->cells, it->low, it->high, coarse_schema);
    uint32_t bytes = HEAD_BYTES + (uint32_t)sr_sparse_pack(part->cells, it->low, it->high, raw + HEAD_BYTES);
    part->head[SR_SLICE_SCHEMA] = coarse_schema;
    part->head[SR_SLICE_COARSE_BYTES] = bytes - HEAD_BYTES;
    if (part->fine && coarse_schema == schema) {
        const uint32_t fine =
            (uint32_t)sr_sparse_pack(part->fine, it->low * parts, it->high * parts, raw + bytes);
        bytes += bytes + fine <= SHELF_SLICE_BYTES ? fine : 0;
    }
    memcpy(raw, part->head, HEAD_BYTES);
    memset(raw + bytes, 0, (8 - bytes % 8) % 8);
    return bytes;
}

/* What was packed. */
static bool write_raw(struct books *books, uint32_t book, uint64_t place)
{
    const uint32_t word = SR_WORD(slice, book, offset_of(place) / 8);
    const uint32_t words = (bytes_of(place) + 7) / 8;
    if (!books_reserve(books, word, words)) {
        return false;
    }
    sr_words_write_unreferenced(&books->durable->words, word, words, books->windows->raw);
    mark(books->windows->shelf[book], place, true);
    return true;
}

static bool write_where_it_fits(struct books *books, uint32_t book, struct part *part, uint64_t *out_place)
{
    return find_run(books->windows->shelf[book], shelf_pack(books, book, part), out_place) &&
           write_raw(books, book, *out_place);
}

bool shelf_write(struct books *books, uint32_t book, struct part *part, uint64_t *out_place)
{
    for (;;) {
        const uint32_t bytes = shelf_pack(books, book, part); /* anew: making room packs, too */
        const struct shelf *shelf = books->windows->shelf[book];
        uint64_t twice = 0;
        /* Room for one more stays free: two can become one only where that one fits beside them. */
        const bool is_roomy = find_run(shelf, 2 * bytes, &twice);
        if (!is_roomy && make_room(books, book)) {
            continue;
        }
        return find_run(shelf, bytes, out_place) && write_raw(books, book, *out_place);
    }
}

/* --- private memory --------------------------------------------------------------------------------------------------------- */

struct shelf *shelf_of(const struct books *books, uint32_t book)
{
    struct shelf *shelf = books->windows->shelf[book];
    if (shelf) {
        return shelf;
    }
    shelf = calloc(1, sizeof *shelf);
    if (!shelf) {
        return NULL;
    }
    for (uint32_t tier = 0; tier < SR_TIER_MAX; tier++) {
        const struct tier it = shelf_tier(books, book, tier);
        for (uint32_t i = 0; i < it.count; i++) {
            const uint64_t place = shelf_place(books, book, tier, &it, i);
            mark(shelf, place, place != 0);
        }
        mark(shelf, it.growing, it.growing != 0);
    }
    books->windows->shelf[book] = shelf;
    return shelf;
}

void shelf_drop(struct shelf *shelf)
{
    for (uint32_t tier = 0; shelf && tier < SR_TIER_MAX; tier++) {
        free(shelf->sum[tier].packed);
    }
    free(shelf);
}
