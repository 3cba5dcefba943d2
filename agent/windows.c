/* SPDX-License-Identifier: Apache-2.0 */
/* Slices of the minute window: see minute.h. */
#include "minute.h"

#include <string.h>

#include "pure/window.h"

_Static_assert(SR_SLICE_COUNT_BITS == 48, "as pure/window.h packs it");

#define AREA_WORDS ((uint32_t)SR_WORDS_PER_slice)

/* The index of a book's slices, oldest first. */
struct slices {
    uint32_t count;
    struct sr_window_place place[SR_BOOK_SLICE_MAX];
    uint64_t start_ns[SR_BOOK_SLICE_MAX];
    uint64_t end_ns[SR_BOOK_SLICE_MAX];
};

static uint64_t get(const struct books *books, uint32_t word)
{
    return sr_batch_get(&books->durable->batch, word);
}

static void set(struct books *books, uint32_t word, uint64_t value)
{
    sr_batch_set(&books->durable->batch, word, value);
}

static uint32_t slice_word(const struct books *books, uint32_t index, uint32_t i)
{
    const uint64_t first = get(books, SR_WORD(book, index, SR_BOOK_MINUTE_FIRST));
    return SR_WORD(book, index, SR_BOOK_SLICES + (first + i) % SR_BOOK_SLICE_MAX);
}

static void read_slices(const struct books *books, uint32_t index, struct slices *out_slices)
{
    const uint64_t count = get(books, SR_WORD(book, index, SR_BOOK_MINUTE_COUNT));
    out_slices->count = count < SR_BOOK_SLICE_MAX ? (uint32_t)count : SR_BOOK_SLICE_MAX;
    for (uint32_t i = 0; i < out_slices->count; i++) {
        const uint64_t packed = get(books, slice_word(books, index, i));
        struct sr_window_place place = {.off = (uint32_t)(packed >> 32), .words = (uint32_t)packed};
        if (place.words < SR_SLICE_HEAD_WORDS || place.words > AREA_WORDS ||
            place.off > AREA_WORDS - place.words) {
            place = (struct sr_window_place){.off = 0,
                                             .words = SR_SLICE_HEAD_WORDS}; /* never ours: an empty one */
        }
        const uint32_t head = SR_WORD(slice, index, place.off);
        out_slices->place[i] = place;
        out_slices->start_ns[i] = sr_words_get(&books->durable->words, head + SR_SLICE_START_NS);
        out_slices->end_ns[i] = sr_words_get(&books->durable->words, head + SR_SLICE_END_NS);
    }
}

/* Take the oldest `leaving` slices out of the index. */
static void drop(struct books *books, uint32_t index, const struct slices *slices, uint32_t leaving)
{
    const uint64_t first = get(books, SR_WORD(book, index, SR_BOOK_MINUTE_FIRST));
    set(books, SR_WORD(book, index, SR_BOOK_MINUTE_FIRST), (first + leaving) % SR_BOOK_SLICE_MAX);
    set(books, SR_WORD(book, index, SR_BOOK_MINUTE_COUNT), slices->count - leaving);
    set(books, SR_WORD(book, index, SR_BOOK_MINUTE_COVER_NS), slices->end_ns[leaving - 1]);
    books->book[index].is_changed = true;
}

static void drop_what_left(struct books *books, uint32_t index, uint64_t now_ns)
{
    struct slices slices;
    read_slices(books, index, &slices);
    const uint32_t leaving = sr_window_leaving(slices.start_ns, slices.count, now_ns, SR_WINDOW_MINUTE_NS);
    if (leaving > 0) {
        drop(books, index, &slices, leaving);
    }
}

/* --- closing ------------------------------------------------------------------------------------------------------------ */

/* The slice that is being closed, as it will lie in its place. */
struct slice {
    uint32_t words;
    uint64_t word[SR_SLICE_HEAD_WORDS + SR_BUCKET_COUNT];
};

static uint64_t grown(const struct books *books, uint32_t index, uint32_t word, uint32_t base_word)
{
    return get(books, SR_WORD(book, index, word)) - get(books, SR_WORD(book, index, base_word));
}

static void fill(const struct books *books, uint32_t index, uint64_t end_ns, struct slice *out_slice)
{
    const struct book *book = &books->book[index];
    const uint32_t width = book->high - book->low;
    uint64_t cells[SR_BUCKET_COUNT];
    uint64_t base[SR_BUCKET_COUNT];
    sr_words_read(&books->durable->words, SR_WORD(book, index, SR_BOOK_CELLS + book->low), width,
                  cells + book->low);
    sr_words_read(&books->durable->words, SR_WORD(book, index, SR_BOOK_BASE_CELLS + book->low), width,
                  base + book->low);
    const uint32_t entries =
        sr_window_differ(cells, base, book->low, book->high, out_slice->word + SR_SLICE_HEAD_WORDS);
    out_slice->words = SR_SLICE_HEAD_WORDS + entries;
    out_slice->word[SR_SLICE_START_NS] = book->open_ns;
    out_slice->word[SR_SLICE_END_NS] = end_ns;
    out_slice->word[SR_SLICE_COUNT] = grown(books, index, SR_BOOK_COUNT, SR_BOOK_BASE_COUNT);
    out_slice->word[SR_SLICE_FAILURES] = grown(books, index, SR_BOOK_FAILURES, SR_BOOK_BASE_FAILURES);
    out_slice->word[SR_SLICE_SPILLED] = grown(books, index, SR_BOOK_SPILLED, SR_BOOK_BASE_SPILLED);
    out_slice->word[SR_SLICE_ENTRIES] = entries;
}

/* Pages of the base that will follow. */
static bool reserve_base(struct books *books, uint32_t index, const struct slice *slice)
{
    for (uint32_t i = SR_SLICE_HEAD_WORDS; i < slice->words; i++) {
        if (!books_reserve(books, SR_WORD(book, index, SR_BOOK_BASE_CELLS + sr_window_cell(slice->word[i])),
                           1)) {
            return false;
        }
    }
    return true;
}

/* The base catches up: the open part is empty. */
static void move_base(struct books *books, uint32_t index, const struct slice *slice)
{
    for (uint32_t i = SR_SLICE_HEAD_WORDS; i < slice->words; i++) {
        const uint32_t cell = sr_window_cell(slice->word[i]);
        set(books, SR_WORD(book, index, SR_BOOK_BASE_CELLS + cell),
            get(books, SR_WORD(book, index, SR_BOOK_CELLS + cell)));
    }
    set(books, SR_WORD(book, index, SR_BOOK_BASE_COUNT), get(books, SR_WORD(book, index, SR_BOOK_COUNT)));
    set(books, SR_WORD(book, index, SR_BOOK_BASE_FAILURES),
        get(books, SR_WORD(book, index, SR_BOOK_FAILURES)));
    set(books, SR_WORD(book, index, SR_BOOK_BASE_SPILLED), get(books, SR_WORD(book, index, SR_BOOK_SPILLED)));
    set(books, SR_WORD(book, index, SR_BOOK_MINUTE_OPEN_NS), 0);
    books->book[index].open_ns = 0;
    books->book[index].minute_lives = true;
    books->book[index].is_changed = true;
}

/* A place for the slice: dropping the oldest ones, each in a commit of its own, until there is room for it. */
static bool find_place(struct books *books, uint32_t index, uint32_t words, uint32_t *out_off)
{
    for (;;) {
        struct slices slices;
        read_slices(books, index, &slices);
        if (slices.count < SR_BOOK_SLICE_MAX &&
            sr_window_find_gap(slices.place, slices.count, AREA_WORDS, words, out_off)) {
            return books_reserve(books, SR_WORD(slice, index, *out_off), words);
        }
        if (slices.count == 0) {
            return false;
        }
        drop(books, index, &slices, 1);
        books_commit(books);
    }
}

/* Close the open part as of end_ns. Without pages for it, it stays open. The batch is empty before and after. */
static void close_slice(struct books *books, uint32_t index, uint64_t end_ns)
{
    struct slice slice;
    fill(books, index, end_ns, &slice);
    if (!reserve_base(books, index, &slice)) {
        return;
    }
    uint32_t off = 0;
    if (!find_place(books, index, slice.words, &off)) {
        return;
    }
    sr_words_write_unreferenced(&books->durable->words, SR_WORD(slice, index, off), slice.words, slice.word);
    SR_CRASHPOINT(minute_slice_written);
    const uint64_t count = get(books, SR_WORD(book, index, SR_BOOK_MINUTE_COUNT));
    set(books, slice_word(books, index, (uint32_t)count), (uint64_t)off << 32 | slice.words);
    set(books, SR_WORD(book, index, SR_BOOK_MINUTE_COUNT), count + 1);
    /* With it: else the next agent's first slice begins before this one's end. */
    set(books, SR_WORD(store, 0, SR_STORE_SEEN_NS), end_ns);
    move_base(books, index, &slice);
    books_commit(books);
}

void minute_tick(struct books *books, uint64_t now_ns)
{
    const uint64_t end_ns = books->seen_ns; /* up to there all was drained */
    books_commit(books);
    for (uint32_t index = 0; index < books->high; index++) {
        const struct book *book = &books->book[index];
        if (book->is_used && book->open_ns != 0 && end_ns >= book->open_ns + SR_WINDOW_SLICE_NS) {
            close_slice(books, index, end_ns);
        }
    }
    for (uint32_t index = 0; index < books->high; index++) {
        if (books->book[index].minute_lives) {
            books_make_room(books);
            drop_what_left(books, index, now_ns);
        }
    }
    books_commit(books); /* before any of their places is written again */
}

/* The open part is of an unknown time: it ends here, in no slice. */
static void drop_open(struct books *books, uint32_t index, uint64_t now_ns)
{
    struct slice slice;
    fill(books, index, now_ns, &slice);
    if (reserve_base(books, index, &slice)) {
        move_base(books, index, &slice);
    } else { /* without pages it counts from now on */
        set(books, SR_WORD(book, index, SR_BOOK_MINUTE_OPEN_NS), now_ns);
        books->book[index].open_ns = now_ns;
    }
}

static void cap(struct books *books, uint32_t word, uint64_t now_ns)
{
    if (get(books, word) > now_ns) {
        set(books, word, now_ns);
    }
}

static void begin_book_anew(struct books *books, uint32_t index, uint64_t now_ns)
{
    books_make_room(books);
    if (books->book[index].open_ns != 0) {
        drop_open(books, index, now_ns);
    }
    set(books, SR_WORD(book, index, SR_BOOK_MINUTE_COUNT), 0);
    set(books, SR_WORD(book, index, SR_BOOK_MINUTE_COVER_NS), now_ns);
    cap(books, SR_WORD(book, index, SR_BOOK_OPENED_NS), now_ns);
    for (uint32_t i = 0; i < SLIPRING_BOUND_COUNT; i++) {
        cap(books, SR_WORD(book, index, SR_BOOK_BOUNDS + i * SR_BOUND_WORDS + SR_BOUND_EXACT_SINCE_NS),
            now_ns);
    }
    books->book[index].is_changed = true;
}

void minute_begin_anew(struct books *books, uint64_t now_ns)
{
    for (uint32_t index = 0; index < books->high; index++) {
        if (books->book[index].is_used) {
            begin_book_anew(books, index, now_ns);
        }
    }
    books_commit(books); /* before any of the slices' places is written again */
    books->seen_ns = now_ns;
    set(books, SR_WORD(store, 0, SR_STORE_SEEN_NS), now_ns);
    books_commit(books);
}

/* --- reading ------------------------------------------------------------------------------------------------------------ */

static void add_slice(const struct books *books, uint32_t index, const struct sr_window_place *place,
                      struct minute *minute)
{
    uint64_t word[SR_SLICE_HEAD_WORDS + SR_BUCKET_COUNT];
    const uint32_t most = SR_SLICE_HEAD_WORDS + SR_BUCKET_COUNT;
    const uint32_t words = place->words < most ? place->words : most;
    sr_words_read(&books->durable->words, SR_WORD(slice, index, place->off), words, word);
    minute->n += word[SR_SLICE_COUNT];
    minute->failures += word[SR_SLICE_FAILURES];
    minute->spilled += word[SR_SLICE_SPILLED];
    sr_window_add(minute->cells, SR_BUCKET_COUNT, word + SR_SLICE_HEAD_WORDS, words - SR_SLICE_HEAD_WORDS);
}

static void add_open(const struct books *books, uint32_t index, struct minute *minute)
{
    struct slice slice;
    fill(books, index, 0, &slice);
    minute->n += slice.word[SR_SLICE_COUNT];
    minute->failures += slice.word[SR_SLICE_FAILURES];
    minute->spilled += slice.word[SR_SLICE_SPILLED];
    sr_window_add(minute->cells, SR_BUCKET_COUNT, slice.word + SR_SLICE_HEAD_WORDS,
                  slice.words - SR_SLICE_HEAD_WORDS);
}

void minute_read(const struct books *books, uint32_t index, uint64_t now_ns, struct minute *out_minute)
{
    const struct book *book = &books->book[index];
    memset(out_minute, 0, sizeof *out_minute);
    out_minute->low = book->low;
    out_minute->high = book->high;
    uint64_t cover_ns = get(books, SR_WORD(book, index, SR_BOOK_MINUTE_COVER_NS));
    struct slices slices;
    read_slices(books, index, &slices);
    for (uint32_t i = 0; i < slices.count; i++) {
        add_slice(books, index, &slices.place[i], out_minute);
    }
    if (book->open_ns != 0 && book->open_ns + SR_WINDOW_MINUTE_NS >= now_ns) {
        add_open(books, index, out_minute);
    } else if (book->open_ns != 0) {
        cover_ns = now_ns; /* the open part began before the window: nothing can be said of it yet */
    }
    out_minute->span_ns = now_ns - sr_window_begin(cover_ns, now_ns, SR_WINDOW_MINUTE_NS);
}
