/* SPDX-License-Identifier: Apache-2.0 */
/* Closing and dropping slices: see windows.h. Reading is in windows_read.c, the list of windows in windows_list.c. */
#include "windows.h"

#include <string.h>

#include "agenda.h"
#include "history.h"
#include "money.h"
#include "pure/window.h"
#include "shelf.h"
#include "windows_parts.h"

#define SECOND_NS UINT64_C(1000000000)

static uint64_t slice_ns(const struct books *books, uint32_t tier)
{
    return books->options->window_ns[tier] / SR_WINDOW_SLICES;
}

bool windows_are_set_up(const struct books *books, uint32_t index)
{
    return get(books, tier_word(index, 0, SR_TIER_WINDOW_NS)) != 0;
}

/* --- the open part -------------------------------------------------------------------------------------------------------- */

static uint64_t grown(const struct books *books, uint32_t index, uint32_t word, uint32_t base_word)
{
    return get(books, SR_WORD(book, index, word)) - get(books, SR_WORD(book, index, base_word));
}

static void read_open_parts(const struct books *books, uint32_t index, struct part *out_part)
{
    const struct book *book = &books->book[index];
    const uint32_t parts = sr_fine_parts(books->options->schema);
    const uint32_t first = book->low * parts;
    const uint32_t count = (book->high - book->low) * parts;
    if (!out_part->fine) {
        return;
    }
    uint64_t *base = books->windows->fine_base;
    sr_words_read(&books->durable->words, SR_WORD(fine, index, SR_FINE_CELLS + first), count,
                  out_part->fine + first);
    sr_words_read(&books->durable->words, SR_WORD(fine, index, SR_FINE_BASE_CELLS + first), count,
                  base + first);
    for (uint32_t i = first; i < first + count; i++) {
        out_part->fine[i] -= base[i];
    }
}

void windows_read_open(const struct books *books, uint32_t index, uint64_t end_ns, struct part *out_part)
{
    const struct book *book = &books->book[index];
    uint64_t base[SR_BUCKET_COUNT];
    sr_words_read(&books->durable->words, SR_WORD(book, index, SR_BOOK_CELLS + book->low),
                  book->high - book->low, out_part->cells + book->low);
    sr_words_read(&books->durable->words, SR_WORD(book, index, SR_BOOK_BASE_CELLS + book->low),
                  book->high - book->low, base + book->low);
    for (uint32_t i = book->low; i < book->high; i++) {
        out_part->cells[i] -= base[i];
    }
    read_open_parts(books, index, out_part);
    uint64_t *head = out_part->head;
    head[SR_SLICE_SCHEMA] = books->options->schema;
    head[SR_SLICE_COARSE_BYTES] = 0;
    head[SR_SLICE_START_NS] = book->open_ns;
    head[SR_SLICE_END_NS] = end_ns;
    head[SR_SLICE_COUNT] = grown(books, index, SR_BOOK_COUNT, SR_BOOK_BASE_COUNT);
    head[SR_SLICE_FAILURES] = grown(books, index, SR_BOOK_FAILURES, SR_BOOK_BASE_FAILURES);
    head[SR_SLICE_SPILLED] = grown(books, index, SR_BOOK_SPILLED, SR_BOOK_BASE_SPILLED);
    head[SR_SLICE_PEAK] = 0;
    head[SR_SLICE_COST] =
        money_of_book(books, index, SR_BOOK_COST) - get(books, SR_WORD(book, index, SR_BOOK_BASE_COST));
    head[SR_SLICE_SAVINGS] =
        money_of_book(books, index, SR_BOOK_SAVINGS) - get(books, SR_WORD(book, index, SR_BOOK_BASE_SAVINGS));
}

/* The rate over the second that ends with this part: over the part itself when it is a second long; with the one before when that touches
 * it; else nothing came before it. */
static uint64_t peak_of(const struct books *books, uint32_t index, const struct part *part)
{
    uint64_t from_ns = part->head[SR_SLICE_START_NS];
    const uint64_t end_ns = part->head[SR_SLICE_END_NS];
    uint64_t n = part->head[SR_SLICE_COUNT];
    const struct tier it = shelf_tier(books, index, 0);
    if (end_ns - from_ns < SECOND_NS && it.count > 0) {
        uint64_t before[SR_SLICE_HEAD_WORDS];
        shelf_head(books, index, shelf_place(books, index, 0, &it, it.count - 1), before);
        if (before[SR_SLICE_END_NS] == from_ns) {
            from_ns = before[SR_SLICE_START_NS];
            n += before[SR_SLICE_COUNT];
        }
    }
    return sr_window_rate_thousandths(n, end_ns - from_ns);
}

/* Pages of the base that will follow. */
static bool reserve_base(struct books *books, uint32_t index, const struct part *part)
{
    for (uint32_t i = books->book[index].low; i < books->book[index].high; i++) {
        if (part->cells[i] != 0 && !books_reserve(books, SR_WORD(book, index, SR_BOOK_BASE_CELLS + i), 1)) {
            return false;
        }
    }
    const uint32_t parts = sr_fine_parts(books->options->schema);
    for (uint32_t i = books->book[index].low * parts; part->fine && i < books->book[index].high * parts;
         i++) {
        if (part->fine[i] != 0 && !books_reserve(books, SR_WORD(fine, index, SR_FINE_BASE_CELLS + i), 1)) {
            return false;
        }
    }
    return true;
}

static void move_base_of_parts(struct books *books, uint32_t index, const struct part *part)
{
    const uint32_t parts = sr_fine_parts(books->options->schema);
    for (uint32_t i = books->book[index].low * parts; part->fine && i < books->book[index].high * parts;
         i++) {
        if (part->fine[i] != 0) {
            set(books, SR_WORD(fine, index, SR_FINE_BASE_CELLS + i),
                get(books, SR_WORD(fine, index, SR_FINE_CELLS + i)));
        }
    }
}

/* The base catches up: the open part is empty. `part` is it. */
static void move_base(struct books *books, uint32_t index, const struct part *part)
{
    struct book *book = &books->book[index];
    for (uint32_t i = book->low; i < book->high; i++) {
        if (part->cells[i] != 0) {
            set(books, SR_WORD(book, index, SR_BOOK_BASE_CELLS + i),
                get(books, SR_WORD(book, index, SR_BOOK_CELLS + i)));
        }
    }
    move_base_of_parts(books, index, part);
    set(books, SR_WORD(book, index, SR_BOOK_BASE_COUNT), get(books, SR_WORD(book, index, SR_BOOK_COUNT)));
    set(books, SR_WORD(book, index, SR_BOOK_BASE_FAILURES),
        get(books, SR_WORD(book, index, SR_BOOK_FAILURES)));
    set(books, SR_WORD(book, index, SR_BOOK_BASE_SPILLED), get(books, SR_WORD(book, index, SR_BOOK_SPILLED)));
    set(books, SR_WORD(book, index, SR_BOOK_BASE_COST), money_of_book(books, index, SR_BOOK_COST));
    set(books, SR_WORD(book, index, SR_BOOK_BASE_SAVINGS), money_of_book(books, index, SR_BOOK_SAVINGS));
    set(books, SR_WORD(book, index, SR_BOOK_OPEN_NS), 0);
    book->open_ns = 0;
    books_note_change(books, index);
}

/* --- closing -------------------------------------------------------------------------------------------------------------- */

/* What a closing will do to the tiers; everything in it is written, and nobody refers to it yet. */
struct closing {
    bool closes_open;
    bool closes[SR_TIER_MAX];    /* a slice is appended: */
    uint64_t slice[SR_TIER_MAX]; /* this one */
    bool grows[SR_TIER_MAX];     /* the growing slice becomes: */
    uint64_t growing[SR_TIER_MAX];
};

static void forget(struct shelf *shelf, const struct closing *closing)
{
    for (uint32_t tier = 0; tier < SR_TIER_MAX; tier++) {
        shelf_free(shelf, closing->slice[tier]);
        shelf_free(shelf, closing->growing[tier]);
    }
}

/* windows->part was closed in the tier below `tier`: into the growing slice there, which is closed in turn when it is long enough, or `all`. */
static bool carry_up(struct books *books, uint32_t index, uint32_t tier, bool all, struct closing *closing)
{
    struct part *part = &books->windows->part;
    for (; tier < books->options->window_count; tier++) {
        shelf_add(books, index, shelf_tier(books, index, tier).growing, part);
        closing->grows[tier] = true;
        if (!all && part->head[SR_SLICE_END_NS] - part->head[SR_SLICE_START_NS] < slice_ns(books, tier)) {
            return shelf_write(books, index, part, &closing->growing[tier]);
        }
        closing->closes[tier] = true;
        if (!shelf_write(books, index, part, &closing->slice[tier])) {
            return false;
        }
    }
    return true;
}

/* Words of tiers that were never written. The window item has its page. */
static void set_up(struct books *books, uint32_t index)
{
    for (uint32_t tier = 0; tier < books->options->window_count && !windows_are_set_up(books, index);
         tier++) {
        const uint32_t last = books->options->window_count - 1 - tier; /* the first one says that all are */
        set(books, tier_word(index, last, SR_TIER_WINDOW_NS), books->options->window_ns[last]);
        set(books, tier_word(index, last, SR_TIER_COVER_NS),
            get(books, SR_WORD(book, index, SR_BOOK_OPENED_NS)));
    }
}

/* One commit. `open` is the open part when that is closed. */
static void carry_out(struct books *books, uint32_t index, const struct closing *closing,
                      const struct part *open, uint64_t end_ns)
{
    uint64_t left[SR_TIER_MAX];
    for (uint32_t tier = 0; tier < SR_TIER_MAX; tier++) {
        left[tier] = closing->grows[tier] ? shelf_tier(books, index, tier).growing : 0;
        if (closing->closes[tier]) {
            shelf_append(books, index, tier, closing->slice[tier]);
        }
        if (closing->grows[tier]) {
            set(books, tier_word(index, tier, SR_TIER_GROWING), closing->growing[tier]);
        }
    }
    if (closing->closes_open) {
        /* With it: else the next agent's first slice begins before this one's end. */
        set(books, SR_WORD(store, 0, SR_STORE_SEEN_NS), end_ns);
        move_base(books, index, open);
    }
    books_commit(books);
    for (uint32_t tier = 0; tier < SR_TIER_MAX; tier++) {
        shelf_free(books->windows->shelf[index], left[tier]);
    }
    books->windows->shelf[index]->due_ns = 0;
}

void windows_close_open(struct books *books, uint32_t index, uint64_t end_ns, bool all)
{
    struct windows *windows = books->windows;
    struct shelf *shelf = shelf_of(books, index);
    struct closing closing = {.closes_open = true};
    if (!shelf || !books_reserve(books, tier_word(index, 0, 0), SR_WORDS_PER_window)) {
        return;
    }
    set_up(books, index);
    books_commit(books);
    for (uint32_t tier = 0; tier < books->options->window_count; tier++) {
        shelf_make_place(books, index, tier);
    }
    windows_read_open(books, index, end_ns, &windows->part);
    windows->part.head[SR_SLICE_PEAK] = peak_of(books, index, &windows->part);
    if (!reserve_base(books, index, &windows->part)) {
        return;
    }
    closing.closes[0] = true;
    if (!shelf_write(books, index, &windows->part, &closing.slice[0]) ||
        !carry_up(books, index, 1, all, &closing)) {
        forget(shelf, &closing);
        return;
    }
    SR_CRASHPOINT(window_slices_written);
    windows_read_open(books, index, end_ns, &windows->other);
    carry_out(books, index, &closing, &windows->other, end_ns);
}

void windows_close_growing(struct books *books, uint32_t index, uint32_t tier, bool all)
{
    struct closing closing = {.closes_open = false};
    for (uint32_t upper = tier; upper < books->options->window_count; upper++) {
        shelf_make_place(books, index, upper);
    }
    shelf_clear(books, index, &books->windows->part);
    closing.grows[tier] = true;
    closing.closes[tier] = true;
    shelf_add(books, index, shelf_tier(books, index, tier).growing, &books->windows->part);
    if (!shelf_write(books, index, &books->windows->part, &closing.slice[tier]) ||
        !carry_up(books, index, tier + 1, all, &closing)) {
        forget(books->windows->shelf[index], &closing);
        return;
    }
    carry_out(books, index, &closing, NULL, 0);
}

/* --- what is due ------------------------------------------------------------------------------------------------------------ */

static uint64_t start_of(const struct books *books, uint32_t index, uint64_t place)
{
    uint64_t head[SR_SLICE_HEAD_WORDS];
    shelf_head(books, index, place, head);
    return head[SR_SLICE_START_NS];
}

/* Take out what began before the window did. */
static void drop_what_left(struct books *books, uint32_t index, uint32_t tier, uint64_t now_ns)
{
    const struct tier it = shelf_tier(books, index, tier);
    const uint64_t earliest_ns = sr_window_earliest(now_ns, it.window_ns);
    uint64_t left[SR_TIER_SLICE_MAX];
    uint32_t leaving = 0;
    while (leaving < it.count) {
        left[leaving] = shelf_place(books, index, tier, &it, leaving);
        if (start_of(books, index, left[leaving]) >= earliest_ns) {
            break;
        }
        leaving++;
    }
    if (leaving == 0) {
        return;
    }
    shelf_take_out(books, index, tier, leaving);
    books_commit(books);
    for (uint32_t i = 0; i < leaving; i++) {
        shelf_free(books->windows->shelf[index], left[i]);
    }
}

/* When a book's tiers have to be looked at again. UINT64_MAX: not before something is recorded. */
static uint64_t next_due(const struct books *books, uint32_t index)
{
    uint64_t due_ns = UINT64_MAX;
    for (uint32_t tier = 0; tier < books->options->window_count; tier++) {
        const struct tier it = shelf_tier(books, index, tier);
        if (it.count > 0) {
            const uint64_t start_ns = start_of(books, index, shelf_place(books, index, tier, &it, 0));
            due_ns = start_ns + it.window_ns + 1 < due_ns ? start_ns + it.window_ns + 1 : due_ns;
        }
        if (it.growing != 0) {
            const uint64_t close_ns = start_of(books, index, it.growing) + slice_ns(books, tier);
            due_ns = close_ns < due_ns ? close_ns : due_ns;
        }
    }
    return due_ns;
}

/* Close what grew for long enough, though nothing came any more; drop what left. */
static void tend(struct books *books, uint32_t index, uint64_t end_ns, uint64_t now_ns)
{
    for (uint32_t tier = 1; tier < books->options->window_count; tier++) {
        const struct tier it = shelf_tier(books, index, tier);
        if (it.growing != 0 && end_ns >= start_of(books, index, it.growing) + slice_ns(books, tier)) {
            windows_close_growing(books, index, tier, false);
        }
    }
    for (uint32_t tier = 0; tier < books->options->window_count; tier++) {
        drop_what_left(books, index, tier, now_ns);
    }
    books->windows->shelf[index]->due_ns = next_due(books, index);
}

uint64_t windows_due_ns(const struct books *books, uint32_t index)
{
    const uint64_t open_ns = books->book[index].open_ns;
    const struct shelf *shelf = books->windows->shelf[index];
    const uint64_t close_ns = open_ns != 0 ? open_ns + slice_ns(books, 0) : UINT64_MAX;
    return shelf && shelf->due_ns < close_ns ? shelf->due_ns : close_ns;
}

void windows_tick(struct books *books, uint64_t now_ns)
{
    const uint64_t end_ns = books->seen_ns; /* up to there all was drained */
    books_commit(books);
    for (uint32_t index = 0; index < books->high; index++) {
        const struct book *book = &books->book[index];
        if (agenda_rests(books, index, now_ns) || !book->is_used) {
            continue;
        }
        if (book->open_ns != 0 && end_ns >= book->open_ns + slice_ns(books, 0)) {
            windows_close_open(books, index, end_ns, false);
        }
        const struct shelf *shelf = books->windows->shelf[index];
        if (shelf && now_ns >= shelf->due_ns) {
            tend(books, index, end_ns, now_ns);
        }
    }
}

/* --- the clock is behind ---------------------------------------------------------------------------------------------------- */

/* The open part is of an unknown time: it ends here, in no slice. */
static void drop_open(struct books *books, uint32_t index, uint64_t now_ns)
{
    struct part *open = &books->windows->part;
    windows_read_open(books, index, now_ns, open);
    if (reserve_base(books, index, open)) {
        move_base(books, index, open);
    } else { /* without pages it counts from now on */
        set(books, SR_WORD(book, index, SR_BOOK_OPEN_NS), now_ns);
        books->book[index].open_ns = now_ns;
    }
}

static void cap(struct books *books, uint32_t word, uint64_t now_ns)
{
    if (get(books, word) > now_ns) {
        set(books, word, now_ns);
    }
}

static void empty_tiers(struct books *books, uint32_t index, uint64_t now_ns)
{
    for (uint32_t tier = 0; tier < SR_TIER_MAX && windows_are_set_up(books, index); tier++) {
        set(books, tier_word(index, tier, SR_TIER_COUNT), 0);
        set(books, tier_word(index, tier, SR_TIER_GROWING), 0);
        set(books, tier_word(index, tier, SR_TIER_COVER_NS), now_ns);
    }
}

static void begin_book_anew(struct books *books, uint32_t index, uint64_t now_ns)
{
    books_make_room(books);
    if (books->book[index].open_ns != 0) {
        drop_open(books, index, now_ns);
    }
    empty_tiers(books, index, now_ns);
    cap(books, SR_WORD(book, index, SR_BOOK_OPENED_NS), now_ns);
    for (uint32_t i = 0; i < SLIPRING_BOUND_COUNT; i++) {
        cap(books, SR_WORD(book, index, SR_BOOK_BOUNDS + i * SR_BOUND_WORDS + SR_BOUND_EXACT_SINCE_NS),
            now_ns);
    }
    history_begin_anew(books, index, now_ns);
    books_note_change(books, index);
}

void windows_begin_anew(struct books *books, uint64_t now_ns)
{
    for (uint32_t index = 0; index < books->high; index++) {
        if (books->book[index].is_used) {
            begin_book_anew(books, index, now_ns);
        }
    }
    books_commit(books); /* before any of the slices' places is written again */
    for (uint32_t index = 0; index < books->high; index++) {
        shelf_drop(books->windows->shelf[index]);
        books->windows->shelf[index] = NULL;
    }
    books->seen_ns = now_ns;
    set(books, SR_WORD(store, 0, SR_STORE_SEEN_NS), now_ns);
    books_commit(books);
}
