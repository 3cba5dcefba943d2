/* SPDX-License-Identifier: Apache-2.0 */
/* Books out of the words and back: see saved.h. */
#include "saved.h"

#include <string.h>

#include "binding.h"
#include "money.h"
#include "pure/money.h"
#include "pure/name.h"
#include "pure/wide.h"
#include "windows_parts.h"

#define HEAD_BYTES (SR_SLICE_HEAD_WORDS * 8u)

static uint64_t book_word(const struct books *books, uint32_t book, uint32_t word)
{
    return get(books, SR_WORD(book, book, word));
}

static uint64_t former_word(const struct books *books, uint32_t book, uint32_t word)
{
    return get(books, SR_WORD(former, book, word));
}

/* --- totals ---------------------------------------------------------------------------------------------------------------- */

static void take_open(const struct books *books, uint32_t book, struct saved_totals *out)
{
    out->open_ns = book_word(books, book, SR_BOOK_OPEN_NS);
    out->open_count = book_word(books, book, SR_BOOK_COUNT) - book_word(books, book, SR_BOOK_BASE_COUNT);
    out->open_failures =
        book_word(books, book, SR_BOOK_FAILURES) - book_word(books, book, SR_BOOK_BASE_FAILURES);
    out->open_spilled =
        book_word(books, book, SR_BOOK_SPILLED) - book_word(books, book, SR_BOOK_BASE_SPILLED);
    out->open_cost = money_of_book(books, book, SR_BOOK_COST) - book_word(books, book, SR_BOOK_BASE_COST);
    out->open_savings =
        money_of_book(books, book, SR_BOOK_SAVINGS) - book_word(books, book, SR_BOOK_BASE_SAVINGS);
}

static void take_cells(const struct books *books, uint32_t book, struct saved_totals *out)
{
    memset(out->cells, 0, sizeof out->cells);
    memset(out->open_cells, 0, sizeof out->open_cells);
    for (uint32_t i = books->book[book].low; i < books->book[book].high; i++) {
        const uint64_t own = book_word(books, book, SR_BOOK_CELLS + i);
        out->cells[i] = own + former_word(books, book, SR_FORMER_CELLS + i);
        out->open_cells[i] = own - book_word(books, book, SR_BOOK_BASE_CELLS + i);
    }
}

static void take_sum(const struct books *books, uint32_t book, struct saved_totals *out)
{
    const sr_wide own =
        (sr_wide)book_word(books, book, SR_BOOK_SUM_HIGH) << 64 | book_word(books, book, SR_BOOK_SUM_LOW);
    const sr_wide former = (sr_wide)former_word(books, book, SR_FORMER_SUM_HIGH) << 64 |
                           former_word(books, book, SR_FORMER_SUM_LOW);
    out->sum[0] = (uint64_t)(own + former);
    out->sum[1] = (uint64_t)((own + former) >> 64);
}

struct saved_extremes saved_extremes_of(const struct books *books, uint32_t book)
{
    struct saved_extremes it = {.min_ns = UINT64_MAX, .max_ns = 0};
    if (book_word(books, book, SR_BOOK_COUNT) != 0) {
        it.min_ns = book_word(books, book, SR_BOOK_MIN);
        it.max_ns = book_word(books, book, SR_BOOK_MAX);
    }
    if (former_word(books, book, SR_FORMER_COUNT) != 0) {
        const uint64_t min_ns = former_word(books, book, SR_FORMER_MIN_NS);
        const uint64_t max_ns = former_word(books, book, SR_FORMER_MAX_NS);
        it.min_ns = min_ns < it.min_ns ? min_ns : it.min_ns;
        it.max_ns = max_ns > it.max_ns ? max_ns : it.max_ns;
    }
    return it;
}

static void take_money(const struct books *books, uint32_t book, struct saved_totals *out)
{
    bool is_saturated = false; /* stands still at the largest amount (money.h G3) */
    for (uint32_t i = 0; i < SLIPRING_CATEGORY_COUNT; i++) {
        struct saved_category *category = &out->categories[i];
        binding_read_text(books, SR_WORD(book, book, SR_BOOK_CATEGORIES + 4 * i), category->name,
                          sizeof category->name);
        category->cost = sr_money_add(book_word(books, book, SR_BOOK_COST + i),
                                      former_word(books, book, SR_FORMER_COST + i), &is_saturated);
        category->savings = sr_money_add(book_word(books, book, SR_BOOK_SAVINGS + i),
                                         former_word(books, book, SR_FORMER_SAVINGS + i), &is_saturated);
    }
}

void saved_take_totals(const struct books *books, uint32_t book, struct saved_totals *out)
{
    binding_read_text(books, SR_WORD(book, book, SR_BOOK_NAME), out->name, sizeof out->name);
    binding_read_text(books, SR_WORD(book, book, SR_BOOK_TYPE), out->type, sizeof out->type);
    out->count = book_word(books, book, SR_BOOK_COUNT) + former_word(books, book, SR_FORMER_COUNT);
    out->failures = book_word(books, book, SR_BOOK_FAILURES) + former_word(books, book, SR_FORMER_FAILURES);
    out->aborted = book_word(books, book, SR_BOOK_ABORTED) + former_word(books, book, SR_FORMER_ABORTED);
    out->spilled = book_word(books, book, SR_BOOK_SPILLED) + former_word(books, book, SR_FORMER_SPILLED);
    out->clamped = book_word(books, book, SR_BOOK_CLAMPED) + former_word(books, book, SR_FORMER_CLAMPED);
    out->opened_ns = book_word(books, book, SR_BOOK_OPENED_NS);
    const struct saved_extremes extremes = saved_extremes_of(books, book);
    out->min_ns = extremes.min_ns;
    out->max_ns = extremes.max_ns;
    take_sum(books, book, out);
    take_cells(books, book, out);
    take_money(books, book, out);
    take_open(books, book, out);
    out->objective_count = 0;
    for (uint32_t i = 0; i < SLIPRING_OBJECTIVE_COUNT; i++) {
        if (book_word(books, book, SR_BOOK_OBJECTIVES + i * SR_OBJECTIVE_WORDS + SR_OBJECTIVE_KIND) != 0) {
            saved_take_objective(books, book, i, &out->objectives[out->objective_count++]);
        }
    }
}

/* Cost and savings of all categories together. */
static struct saved_category sum_of(const struct saved_totals *totals)
{
    struct saved_category sum = {.cost = 0};
    bool is_saturated = false; /* as above */
    for (uint32_t i = 0; i < SLIPRING_CATEGORY_COUNT; i++) {
        sum.cost = sr_money_add(sum.cost, totals->categories[i].cost, &is_saturated);
        sum.savings = sr_money_add(sum.savings, totals->categories[i].savings, &is_saturated);
    }
    return sum;
}

void saved_catch_up(struct saved_totals *totals, const struct saved_totals *full, uint64_t full_ns)
{
    static const struct saved_totals none;
    const struct saved_totals *base = full ? full : &none;
    totals->open_count = totals->count - base->count + base->open_count;
    totals->open_failures = totals->failures - base->failures + base->open_failures;
    totals->open_spilled = totals->spilled - base->spilled + base->open_spilled;
    totals->open_cost = sum_of(totals).cost - sum_of(base).cost + base->open_cost;
    totals->open_savings = sum_of(totals).savings - sum_of(base).savings + base->open_savings;
    for (uint32_t i = 0; i < SR_BUCKET_COUNT; i++) {
        totals->open_cells[i] = totals->cells[i] - base->cells[i] + base->open_cells[i];
    }
    if (totals->open_count == 0 && totals->open_cost == 0 && totals->open_savings == 0) {
        totals->open_ns = 0;
    } else if (!full) {
        totals->open_ns = totals->opened_ns;
    } else {
        totals->open_ns = full->open_ns != 0 ? full->open_ns : full_ns;
    }
}

/* --- windows --------------------------------------------------------------------------------------------------------------- */

static struct saved_slice take_slice(const struct books *books, uint32_t book, uint64_t place)
{
    if (place == 0) {
        return (struct saved_slice){.bytes = 0};
    }
    const uint32_t word = SR_WORD(slice, book, (uint32_t)(place >> 32) / 8);
    return (struct saved_slice){.bytes = (uint32_t)place,
                                .data = (const uint8_t *)&books->durable->words.base[word]};
}

void saved_take_windows(const struct books *books, uint32_t book, struct saved_windows *out_windows)
{
    out_windows->tier_count = 0;
    exemplars_take(books, book, &out_windows->exemplars);
    for (uint32_t tier = 0; tier < SR_TIER_MAX && windows_are_set_up(books, book); tier++) {
        const struct tier it = shelf_tier(books, book, tier);
        if (it.window_ns == 0) {
            continue;
        }
        struct saved_tier *saved = &out_windows->tiers[out_windows->tier_count++];
        *saved = (struct saved_tier){.window_ns = it.window_ns, .cover_ns = it.cover_ns};
        for (uint32_t i = 0; i < it.count; i++) {
            const uint64_t place = shelf_place(books, book, tier, &it, i);
            if (place != 0) {
                saved->slices[saved->slice_count++] = take_slice(books, book, place);
            }
        }
        saved->growing = take_slice(books, book, it.growing);
    }
}

/* Where the next slice goes: they lie one behind the other. */
struct shelving {
    struct books *books;
    uint32_t book;
    uint64_t shift_ns;
    uint32_t next; /* bytes from the beginning of the book's slices */
    bool is_short; /* of pages */
};

/* Returns the slice's place; 0: it is none, or there is no room or page for it. */
static uint64_t restore_slice(struct shelving *shelving, const struct saved_slice *slice)
{
    struct books *books = shelving->books;
    const uint32_t room = SHELF_UNITS * SHELF_UNIT_BYTES - shelving->next;
    if (slice->bytes < HEAD_BYTES || slice->bytes > room || slice->bytes > sizeof books->windows->raw) {
        return 0;
    }
    uint64_t *raw = books->windows->raw;
    const uint32_t words = (slice->bytes + 7) / 8;
    raw[words - 1] = 0;
    memcpy(raw, slice->data, slice->bytes);
    raw[SR_SLICE_START_NS] += shelving->shift_ns;
    raw[SR_SLICE_END_NS] += shelving->shift_ns;
    const uint32_t first = SR_WORD(slice, shelving->book, shelving->next / 8);
    if (!books_reserve(books, first, words)) {
        shelving->is_short = true;
        return 0;
    }
    sr_words_write_unreferenced(&books->durable->words, first, words, raw);
    const uint64_t place = (uint64_t)shelving->next << 32 | slice->bytes;
    shelving->next += (slice->bytes + SHELF_UNIT_BYTES - 1) / SHELF_UNIT_BYTES * SHELF_UNIT_BYTES;
    return place;
}

static void restore_tier(struct shelving *shelving, uint32_t tier, const struct saved_tier *saved)
{
    struct books *books = shelving->books;
    const uint32_t book = shelving->book;
    uint32_t count = 0;
    for (uint32_t i = 0; i < saved->slice_count && count < SR_TIER_SLICE_MAX; i++) {
        const uint64_t place = restore_slice(shelving, &saved->slices[i]);
        if (place != 0) {
            set(books, tier_word(book, tier, SR_TIER_SLICES + count++), place);
        }
    }
    set(books, tier_word(book, tier, SR_TIER_WINDOW_NS), saved->window_ns);
    set(books, tier_word(book, tier, SR_TIER_COVER_NS), saved->cover_ns + shelving->shift_ns);
    set(books, tier_word(book, tier, SR_TIER_COUNT), count);
    set(books, tier_word(book, tier, SR_TIER_GROWING), restore_slice(shelving, &saved->growing));
}

/* --- restoring ------------------------------------------------------------------------------------------------------------- */

#define AREA_CLEAR(words, area)                                                                              \
    sr_words_clear(words, SR_WORD(area, 0, 0), (uint32_t)SR_ITEMS_PER_##area *(uint32_t)SR_WORDS_PER_##area)

static void clear_remains(struct books *books)
{
    struct sr_words *words = &books->durable->words;
    AREA_CLEAR(words, book);
    AREA_CLEAR(words, window);
    AREA_CLEAR(words, slice);
    AREA_CLEAR(words, history);
    AREA_CLEAR(words, incident);
    AREA_CLEAR(words, former);
    AREA_CLEAR(words, usage);
    AREA_CLEAR(words, exemplar);
    set(books, SR_WORD(store, 0, SR_STORE_BOOK_HIGH), 0);
    set(books, SR_WORD(store, 0, SR_STORE_USAGE_HIGH), 0);
    set(books, SR_WORD(store, 0, SR_STORE_RESTORING), 0);
    books_commit(books);
    books_take_up(books);
}

void saved_drop_remains(struct books *books)
{
    if (get(books, SR_WORD(store, 0, SR_STORE_RESTORING)) != 0) {
        clear_remains(books);
    }
}

bool saved_may_restore(struct books *books)
{
    saved_drop_remains(books);
    return get(books, SR_WORD(store, 0, SR_STORE_BOOK_HIGH)) == 0;
}

void saved_begin(struct books *books)
{
    set(books, SR_WORD(store, 0, SR_STORE_RESTORING), 1);
    books_commit(books);
}

/* Pages of the words that will not be 0. */
static bool reserve(struct books *books, uint32_t book, const struct saved_totals *totals)
{
    bool has_pages = books_reserve(books, SR_WORD(book, book, 0), SR_WORDS_PER_PAGE) &&
                     books_reserve(books, SR_WORD(former, book, 0), SR_FORMER_CELLS) &&
                     books_reserve(books, SR_WORD(window, book, 0), SR_WORDS_PER_window);
    for (uint32_t i = 0; i < SR_BUCKET_COUNT && has_pages; i++) {
        if (totals->cells[i] != 0) {
            has_pages = books_reserve(books, SR_WORD(former, book, SR_FORMER_CELLS + i), 1);
        }
        if (totals->open_cells[i] != 0) {
            has_pages = has_pages && books_reserve(books, SR_WORD(book, book, SR_BOOK_BASE_CELLS + i), 1);
        }
    }
    return has_pages;
}

static void restore_former(struct books *books, uint32_t book, const struct saved_totals *totals)
{
    const uint32_t first = SR_WORD(former, book, 0);
    set(books, first + SR_FORMER_COUNT, totals->count);
    set(books, first + SR_FORMER_FAILURES, totals->failures);
    set(books, first + SR_FORMER_ABORTED, totals->aborted);
    set(books, first + SR_FORMER_SUM_LOW, totals->sum[0]);
    set(books, first + SR_FORMER_SUM_HIGH, totals->sum[1]);
    set(books, first + SR_FORMER_MIN_NS, totals->min_ns);
    set(books, first + SR_FORMER_MAX_NS, totals->max_ns);
    set(books, first + SR_FORMER_SPILLED, totals->spilled);
    set(books, first + SR_FORMER_CLAMPED, totals->clamped);
    for (uint32_t i = 0; i < SLIPRING_CATEGORY_COUNT; i++) {
        const struct saved_category *category = &totals->categories[i];
        set(books, first + SR_FORMER_COST + i, category->cost);
        set(books, first + SR_FORMER_SAVINGS + i, category->savings);
        binding_write_text(books, SR_WORD(book, book, SR_BOOK_CATEGORIES + 4 * i), category->name,
                           sizeof category->name);
    }
    for (uint32_t i = 0; i < SR_BUCKET_COUNT; i++) {
        if (totals->cells[i] != 0) {
            set(books, first + SR_FORMER_CELLS + i, totals->cells[i]);
        }
    }
}

/* The book counts from 0; what is open is what it counts beyond its base, which so lies below 0, modulo 2^64. */
static void restore_open(struct books *books, uint32_t book, const struct saved_totals *totals,
                         uint64_t shift_ns)
{
    if (totals->open_ns == 0) {
        return;
    }
    set(books, SR_WORD(book, book, SR_BOOK_OPEN_NS), totals->open_ns + shift_ns);
    set(books, SR_WORD(book, book, SR_BOOK_BASE_COUNT), 0 - totals->open_count);
    set(books, SR_WORD(book, book, SR_BOOK_BASE_FAILURES), 0 - totals->open_failures);
    set(books, SR_WORD(book, book, SR_BOOK_BASE_SPILLED), 0 - totals->open_spilled);
    set(books, SR_WORD(book, book, SR_BOOK_BASE_COST), 0 - totals->open_cost);
    set(books, SR_WORD(book, book, SR_BOOK_BASE_SAVINGS), 0 - totals->open_savings);
    for (uint32_t i = 0; i < SR_BUCKET_COUNT; i++) {
        if (totals->open_cells[i] != 0) {
            set(books, SR_WORD(book, book, SR_BOOK_BASE_CELLS + i), 0 - totals->open_cells[i]);
        }
    }
}

static void restore_identity(struct books *books, uint32_t book, const struct saved_totals *totals,
                             uint64_t shift_ns)
{
    set(books, SR_WORD(book, book, SR_BOOK_USED), 1);
    set(books, SR_WORD(book, book, SR_BOOK_OPENED_NS), totals->opened_ns + shift_ns);
    set(books, SR_WORD(book, book, SR_BOOK_CREATED_WALL_NS), books->wall_ns);
    binding_write_text(books, SR_WORD(book, book, SR_BOOK_NAME), totals->name, sizeof totals->name);
    binding_write_text(books, SR_WORD(book, book, SR_BOOK_TYPE), totals->type, sizeof totals->type);
    set(books, SR_WORD(store, 0, SR_STORE_BOOK_HIGH), (uint64_t)book + 1);
}

enum slipring_status saved_restore(struct books *books, const struct saved_totals *totals,
                                   const struct saved_windows *windows, uint64_t shift_ns)
{
    const uint64_t high = get(books, SR_WORD(store, 0, SR_STORE_BOOK_HIGH));
    if (sr_name_check(totals->name, SLIPRING_PRIMITIVE_NAME_MAX) != SR_NAME_OK ||
        totals->objective_count > SLIPRING_OBJECTIVE_COUNT) {
        return SLIPRING_BAD_ARGUMENT;
    }
    if (high >= SR_PRIMITIVE_MAX) {
        return SLIPRING_TABLE_FULL;
    }
    const uint32_t book = (uint32_t)high;
    struct shelving shelving = {.books = books, .book = book, .shift_ns = shift_ns};
    if (!reserve(books, book, totals)) {
        return SLIPRING_NO_SPACE;
    }
    restore_identity(books, book, totals, shift_ns);
    restore_former(books, book, totals);
    restore_open(books, book, totals, shift_ns);
    for (uint32_t tier = 0; windows && tier < windows->tier_count && tier < SR_TIER_MAX; tier++) {
        restore_tier(&shelving, tier, &windows->tiers[tier]);
    }
    bool has_pages = !shelving.is_short;
    for (uint32_t i = 0; i < totals->objective_count && has_pages; i++) {
        has_pages = saved_restore_objective(books, book, i, &totals->objectives[i], shift_ns);
    }
    books_commit(books);
    if (windows) {
        exemplars_restore(books, book, &windows->exemplars, shift_ns);
        books_commit(books);
    }
    return has_pages ? SLIPRING_OK : SLIPRING_NO_SPACE;
}

/* --- incidents, and the end ------------------------------------------------------------------------------------------------ */

void saved_take_incidents(const struct books *books, uint64_t *out_words)
{
    sr_words_read(&books->durable->words, SR_WORD(incident, 0, 0), SR_WORDS_PER_incident, out_words);
}

bool saved_restore_incidents(struct books *books, const uint64_t *words)
{
    const uint32_t first = SR_WORD(incident, 0, 0);
    if (words[SR_INCIDENT_NEXT] == 0) {
        return true;
    }
    if (!books_reserve(books, first, SR_WORDS_PER_incident)) {
        return false;
    }
    for (uint32_t i = 0; i < SR_WORDS_PER_incident; i++) {
        if (words[i] != 0) {
            set(books, first + i, words[i]);
        }
    }
    books_commit(books);
    return true;
}

void saved_finish(struct books *books, uint64_t wall_ns, uint64_t seen_ns)
{
    set(books, SR_WORD(store, 0, SR_STORE_RESTORED_WALL_NS), wall_ns);
    set(books, SR_WORD(store, 0, SR_STORE_SEEN_NS), seen_ns);
    set(books, SR_WORD(store, 0, SR_STORE_RESTORING), 0);
    books_commit(books);
    books_take_up(books);
}
