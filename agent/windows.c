/* SPDX-License-Identifier: Apache-2.0 */
/* Closing, dropping and reading the windows of a book: see windows.h. */
#include "windows.h"

#include <stdlib.h>
#include <string.h>

#include "history.h"
#include "pure/money.h"
#include "pure/window.h"
#include "shelf.h"

#define SECOND_NS UINT64_C(1000000000)

static uint64_t get(const struct books *books, uint32_t word)
{
    return sr_batch_get_settled(&books->durable->batch, word);
}

static void set(struct books *books, uint32_t word, uint64_t value)
{
    sr_batch_set(&books->durable->batch, word, value);
}

static uint32_t tier_word(uint32_t index, uint32_t tier, uint32_t word)
{
    return SR_WORD(window, index, tier * SR_TIER_WORDS + word);
}

static uint64_t slice_ns(const struct books *books, uint32_t tier)
{
    return books->options->window_ns[tier] / SR_WINDOW_SLICES;
}

static bool is_set_up(const struct books *books, uint32_t index)
{
    return get(books, tier_word(index, 0, SR_TIER_WINDOW_NS)) != 0;
}

/* --- the open part -------------------------------------------------------------------------------------------------------- */

static uint64_t sum_of(const struct books *books, uint32_t index, uint32_t first)
{
    uint64_t sum = 0;
    bool is_saturated = false; /* stands still at the largest amount */
    for (uint32_t i = 0; i < SLIPRING_CATEGORY_COUNT; i++) {
        sum = sr_money_add(sum, get(books, SR_WORD(book, index, first + i)), &is_saturated);
    }
    return sum;
}

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

/* What the book grew by since its base, as a part that ends at end_ns. */
static void read_open(const struct books *books, uint32_t index, uint64_t end_ns, struct part *out_part)
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
        sum_of(books, index, SR_BOOK_COST) - get(books, SR_WORD(book, index, SR_BOOK_BASE_COST));
    head[SR_SLICE_SAVINGS] =
        sum_of(books, index, SR_BOOK_SAVINGS) - get(books, SR_WORD(book, index, SR_BOOK_BASE_SAVINGS));
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
    set(books, SR_WORD(book, index, SR_BOOK_BASE_COST), sum_of(books, index, SR_BOOK_COST));
    set(books, SR_WORD(book, index, SR_BOOK_BASE_SAVINGS), sum_of(books, index, SR_BOOK_SAVINGS));
    set(books, SR_WORD(book, index, SR_BOOK_OPEN_NS), 0);
    book->open_ns = 0;
    book->is_changed = true;
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
    for (uint32_t tier = 0; tier < books->options->window_count && !is_set_up(books, index); tier++) {
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

/* Close the open part as of end_ns, and what gets long enough by that, or `all`. Without pages or memory for it, it stays open. The batch is
 * empty before and after. */
static void close_open(struct books *books, uint32_t index, uint64_t end_ns, bool all)
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
    read_open(books, index, end_ns, &windows->part);
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
    read_open(books, index, end_ns, &windows->other);
    carry_out(books, index, &closing, &windows->other, end_ns);
}

/* Close the growing slice of a tier, and what gets long enough by that, or `all`. */
static void close_growing(struct books *books, uint32_t index, uint32_t tier, bool all)
{
    struct closing closing = {.closes_open = false};
    shelf_clear(books, index, &books->windows->part);
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
            close_growing(books, index, tier, false);
        }
    }
    for (uint32_t tier = 0; tier < books->options->window_count; tier++) {
        drop_what_left(books, index, tier, now_ns);
    }
    books->windows->shelf[index]->due_ns = next_due(books, index);
}

void windows_tick(struct books *books, uint64_t now_ns)
{
    const uint64_t end_ns = books->seen_ns; /* up to there all was drained */
    books_commit(books);
    for (uint32_t index = 0; index < books->high; index++) {
        const struct book *book = &books->book[index];
        if (!book->is_used) {
            continue;
        }
        if (book->open_ns != 0 && end_ns >= book->open_ns + slice_ns(books, 0)) {
            close_open(books, index, end_ns, false);
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
    read_open(books, index, now_ns, open);
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
    for (uint32_t tier = 0; tier < SR_TIER_MAX && is_set_up(books, index); tier++) {
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
    books->book[index].is_changed = true;
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

/* --- the list of windows ---------------------------------------------------------------------------------------------------- */

static bool has_these_windows(const struct books *books, uint32_t index)
{
    bool is_same = true;
    for (uint32_t tier = 0; tier < SR_TIER_MAX && is_same; tier++) {
        const uint64_t want = tier < books->options->window_count ? books->options->window_ns[tier] : 0;
        is_same = get(books, tier_word(index, tier, SR_TIER_WINDOW_NS)) == want;
    }
    return is_same;
}

/* Everything open and growing goes into slices: then no tier needs another one's. False: not now. */
static bool settle_all(struct books *books, uint32_t index, const struct agent_options *former)
{
    const struct agent_options *options = books->options;
    books->options = former;
    if (books->book[index].open_ns != 0 && books->seen_ns > books->book[index].open_ns) {
        close_open(books, index, books->seen_ns, true);
    }
    bool is_settled = books->book[index].open_ns == 0 || books->seen_ns <= books->book[index].open_ns;
    for (uint32_t tier = 1; tier < former->window_count && is_settled; tier++) {
        if (shelf_tier(books, index, tier).growing != 0) {
            close_growing(books, index, tier, true);
        }
        is_settled = shelf_tier(books, index, tier).growing == 0;
    }
    books->options = options;
    return is_settled;
}

/* One commit: tiers whose length stays keep what they have, the others begin empty. */
static void rearrange(struct books *books, uint32_t index)
{
    uint64_t old[SR_TIER_MAX * SR_TIER_WORDS];
    sr_words_read(&books->durable->words, tier_word(index, 0, 0), SR_TIER_MAX * SR_TIER_WORDS, old);
    for (uint32_t tier = 0; tier < SR_TIER_MAX; tier++) {
        const uint64_t want = tier < books->options->window_count ? books->options->window_ns[tier] : 0;
        uint64_t fresh[SR_TIER_WORDS] = {[SR_TIER_WINDOW_NS] = want, [SR_TIER_COVER_NS] = books->seen_ns};
        const uint64_t *from = fresh;
        for (uint32_t i = 0; i < SR_TIER_MAX && want != 0; i++) {
            from = old[i * SR_TIER_WORDS + SR_TIER_WINDOW_NS] == want ? &old[i * SR_TIER_WORDS] : from;
        }
        for (uint32_t word = 0; word < SR_TIER_WORDS; word++) {
            set(books, tier_word(index, tier, word), from[word]);
        }
    }
    books_commit(books);
    shelf_drop(books->windows->shelf[index]);
    books->windows->shelf[index] = NULL;
}

/* The windows that the book has. */
static struct agent_options former_windows(const struct books *books, uint32_t index)
{
    struct agent_options former = *books->options;
    for (former.window_count = 0; former.window_count < SR_TIER_MAX; former.window_count++) {
        const uint64_t window_ns = get(books, tier_word(index, former.window_count, SR_TIER_WINDOW_NS));
        if (window_ns == 0) {
            break;
        }
        former.window_ns[former.window_count] = window_ns;
    }
    return former;
}

enum slipring_status windows_open(struct books *books)
{
    struct windows *windows = calloc(1, sizeof *windows);
    books->windows = windows;
    if (!windows || sr_fine_parts(books->options->schema) == 1) {
        return windows ? SLIPRING_OK : SLIPRING_NO_MEMORY;
    }
    uint64_t **const arrays[] = {&windows->part.fine, &windows->other.fine, &windows->sum.fine,
                                 &windows->fine_base};
    bool is_whole = true;
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(arrays); i++) {
        *arrays[i] = calloc(SR_FINE_COUNT_MAX, sizeof(uint64_t));
        is_whole = is_whole && *arrays[i];
    }
    return is_whole ? SLIPRING_OK : SLIPRING_NO_MEMORY;
}

void windows_close(struct books *books)
{
    struct windows *windows = books->windows;
    for (uint32_t index = 0; windows && index < SR_PRIMITIVE_MAX; index++) {
        shelf_drop(windows->shelf[index]);
    }
    if (windows) {
        free(windows->part.fine);
        free(windows->other.fine);
        free(windows->sum.fine);
        free(windows->fine_base);
    }
    free(windows);
    books->windows = NULL;
}

/* Parts are counted in one schema: those of another one are forgotten. Without the journal, for a kill in between leaves the schema to say
 * so again. */
static void take_up_parts(struct books *books, uint32_t index)
{
    const uint32_t schema_word = SR_WORD(fine, index, SR_FINE_SCHEMA);
    const uint64_t schema = get(books, schema_word);
    if (schema != 0 && schema != books->options->schema && sr_fine_parts(books->options->schema) > 1) {
        sr_words_clear(&books->durable->words, SR_WORD(fine, index, 0), SR_FINE_SCHEMA);
        set(books, schema_word, books->options->schema);
        books_commit(books);
    }
}

void windows_take_up(struct books *books)
{
    for (uint32_t index = 0; index < books->high; index++) {
        if (books->book[index].is_used) {
            take_up_parts(books, index);
        }
        if (!books->book[index].is_used || !is_set_up(books, index) || !shelf_of(books, index)) {
            continue;
        }
        if (!has_these_windows(books, index)) {
            const struct agent_options former = former_windows(books, index);
            if (settle_all(books, index, &former)) {
                rearrange(books, index);
            }
        }
    }
}

/* --- reading ---------------------------------------------------------------------------------------------------------------- */

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
            read_open(books, index, now_ns, part);
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

void windows_read(const struct books *books, uint32_t index, uint64_t now_ns,
                  void (*take)(void *context, uint32_t tier, const struct window_sum *sum), void *context)
{
    struct windows *windows = books->windows;
    const struct book *book = &books->book[index];
    const size_t bytes = (book->high - book->low) * sizeof windows->sum.cells[0];
    const size_t parts = sr_fine_parts(books->options->schema);
    const bool has_shelf = windows->shelf[index] || (is_set_up(books, index) && shelf_of(books, index));
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
